"""A Spark session for the command, and its files as a frame whose columns are read as on one machine."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.remote import is_url, shown
from ..errors import SourceError, UsageError, needed_by, shorten
from ..read.csv import TABS, CsvOptions

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


#: What Spark takes as a master.
_MASTER = re.compile(r"local(\[(\d+|\*)(,\d+)?\]|-cluster\[\d+,\d+,\d+\])?|(spark|k8s|mesos)://.+|yarn")


#: Settings of a session on this machine alone: no port that others reach, and what goes wrong is in our message.
_LOCAL = {
    "spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1",
    "spark.log.level": "FATAL",
}  # fmt: skip


def cause_of(error: Exception) -> str:
    """What went wrong in Spark, in a line: the innermost cause where it names one."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    causes = causes or [line.removeprefix(": ") for line in lines if line.startswith(": ")]
    text = causes[-1] if causes else lines[0] if lines else type(error).__name__
    return shorten(re.sub(r"^[\w.$]+(Exception|Error): ", "", text), 300).rstrip(".")


@contextlib.contextmanager
def session(master: str | None) -> Iterator[Any]:
    """A session that ends with the block; `master` None leaves it to Spark's own settings where it runs."""
    with needed_by("--engine spark"):
        from pyspark.sql import SparkSession
    if master is not None and not _MASTER.fullmatch(master):
        raise UsageError(
            f"--master {shorten(master)} is no address of Spark. Give local[2] (two threads of this machine), "
            "spark://HOST:PORT, yarn or k8s://URL."
        )
    home = os.environ.get("JAVA_HOME")
    if shutil.which("java", path=str(Path(home) / "bin") if home else None) is None:
        raise UsageError(
            "--engine spark needs Java 17, and there is none in JAVA_HOME or on the path. Install it (on Debian: "
            "apt-get install openjdk-17-jre-headless), or leave --engine out."
        )
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder: Any = SparkSession.builder
    settings = builder.appName("xdmprep").config("spark.ui.showConsoleProgress", "false")
    if master is not None:
        settings = settings.master(master)
    if master is not None and master.startswith("local"):
        for name, value in _LOCAL.items():
            settings = settings.config(name, value)
    try:
        spark = settings.getOrCreate()
    except Exception as error:
        raise UsageError(f"Spark does not start: {cause_of(error)}. Its own messages are above.") from None
    try:
        yield spark
    finally:
        spark.stop()


def refuse_missing(sources: Sequence[Path | str]) -> None:
    """Raise SourceError for files that are not there, before Spark starts; others and globs are left to it."""
    for source in map(str, sources):
        if not is_url(source) and not set("*?[{") & set(source) and not Path(source).exists():
            raise SourceError(f"{source}: does not exist. Give a file or folder that driver and executors can read.")


def read_files(spark: Any, sources: Sequence[Path | str], csv: CsvOptions) -> DataFrame:
    """Files of one kind as a frame; CSV columns are text."""
    names = [os.fspath(source) for source in sources]
    endings = {Path(name.removesuffix(".gz")).suffix.lower() for name in names}
    frame: DataFrame | None = None
    try:
        tabs = csv.delimiter is None and endings <= {*TABS}
        if tabs or endings <= {".csv", ".txt", *(TABS if csv.delimiter else ())}:
            options = {
                "header": True, "sep": "\t" if tabs else csv.separator, "quote": csv.quote, "escape": csv.quote,
                "encoding": csv.encoding, "multiLine": True,
            }  # fmt: skip
            frame = spark.read.options(**options).csv(names)
        elif endings <= {".json", ".jsonl", ".ndjson"}:
            frame = spark.read.json(names)
        elif endings == {".parquet"}:
            frame = spark.read.parquet(*names)
    except Exception as error:  # Spark's readers raise what their version has
        raise SourceError(f"{shown(names[0])}: {cause_of(error)}.") from None
    if frame is None:
        raise UsageError(
            f"{names[0]}: --engine spark reads CSV, NDJSON or Parquet files, all of one kind. "
            "Leave --engine out for others."
        )
    return frame
