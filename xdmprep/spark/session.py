"""A Spark session for the command, and its files as a frame whose columns are read as on one machine."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import SourceError, UsageError, needed_by, shorten
from ..read import CsvOptions

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@contextlib.contextmanager
def session(master: str | None) -> Iterator[Any]:
    """A session that ends with the block.

    Args:
        master: where it runs, such as ``local[2]``; None leaves it to Spark's own settings.

    Raises:
        MissingDependencyError: there is no PySpark.
        UsageError: Spark does not start.
    """
    with needed_by("--engine spark"):
        from pyspark.sql import SparkSession
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder: Any = SparkSession.builder
    settings = builder.appName("xdmprep").config("spark.ui.showConsoleProgress", "false")
    if master is not None:
        settings = settings.master(master)
    try:
        spark = settings.getOrCreate()
    except Exception as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise UsageError(
            f"Spark does not start: {shorten(first, 300)}. Is Java installed, and is --master right?"
        ) from None
    try:
        yield spark
    finally:
        spark.stop()


def read_files(spark: Any, sources: Sequence[Path | str], csv: CsvOptions) -> DataFrame:
    """Files of one kind as a frame; CSV columns are text.

    Raises:
        SourceError: a file is missing, or Spark cannot read it.
        UsageError: the files are of a kind that Spark does not read, or of several.
    """
    names = [os.fspath(source) for source in sources]
    endings = {Path(name.removesuffix(".gz")).suffix.lower() for name in names}
    frame: DataFrame | None = None
    try:
        if endings <= {".csv", ".tsv", ".txt"}:
            options = {
                "header": True, "sep": csv.delimiter, "quote": csv.quote, "escape": csv.quote, "encoding": csv.encoding,
                "multiLine": True,
            }  # fmt: skip
            frame = spark.read.options(**options).csv(names)
        elif endings <= {".json", ".jsonl", ".ndjson"}:
            frame = spark.read.json(names)
        elif endings == {".parquet"}:
            frame = spark.read.parquet(*names)
    except Exception as error:  # Spark's readers raise what their version has
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise SourceError(f"{names[0]}: {shorten(first, 300)}") from None
    if frame is None:
        raise UsageError(
            f"{names[0]}: --engine spark reads CSV, NDJSON or Parquet files, all of one kind. "
            "Leave --engine out for others."
        )
    return frame
