"""`xdmprep.spark.prepare` beside plain Spark SQL: ``python tests/benchmarks/spark.py [--rows N] [--upload]``.

Both read the same CSV files of a CRM export in the same session and write single-line JSON.  Ours maps, checks, sets
faulty rows aside and writes parts with a manifest; plain Spark SQL builds the same structs and writes `to_json` of
them, without any check.  They take turns after a warm-up on a small part; the ratio is formed within a round.

Then the output is compared with that of `xdmprep.prepare` on this machine alone: the lines of all parts and the rejects
(but for where Spark says they come from), as multisets.  With --upload the parts go to the emulator, and its count of
ingested records is compared too.  Needs Java and PySpark.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
from make_crm import COLUMNS, people

import xdmprep as xp

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
MAPPING, SCHEMA = SCHEMAS / "crm-profile.mapping.yaml", SCHEMAS / "crm-profile.schema.json"
#: Invented people; each file holds them all, under keys of its own.
BASE = 50_000

PLAIN = """
named_struct(
  'person', named_struct(
    'name', named_struct('courtesyTitle', TITLE, 'firstName', F_NAME, 'lastName', L_NAME),
    'gender', GENDER, 'birthDate', to_date(DOB, 'yyyy-MM-d'), 'birthDayAndMonth', MONTH_AND_DATE,
    'birthYear', CAST(YOB AS INT)),
  'identityMap', named_struct(
    'CRMID', array(named_struct('id', ID1, 'primary', false)),
    'ECID', array(named_struct('id', ID2, 'primary', false), named_struct('id', ID4, 'primary', false)),
    'LOYALTYID', array(named_struct('id', ID3, 'primary', true)),
    'Email', array(named_struct('id', EMAIL, 'primary', false))),
  'homePhone', named_struct('number', PHONE),
  'personalEmail', named_struct('address', EMAIL),
  'homeAddress', named_struct(
    'street1', STREET, 'city', CITY, 'stateProvince', STATE, 'country', COUNTRY, 'postalCode', ZIP,
    '_schema', named_struct('latitude', CAST(LAT AS DOUBLE), 'longitude', CAST(LONG AS DOUBLE))))
"""


def make_source(folder: Path, rows: int) -> None:
    """CSV files of together `rows` rows that are all different."""
    folder.mkdir(parents=True)
    base = pa.table(list(zip(*people(min(rows, BASE)), strict=True)), names=COLUMNS)
    for number, start in enumerate(range(0, rows, BASE)):
        part = base.slice(0, min(BASE, rows - start))
        for name in ("ID1", "ID3"):
            at = part.schema.get_field_index(name)
            part = part.set_column(at, name, pc.binary_replace_slice(part[name], 4, 8, f"{number:04x}"))
        options = arrow_csv.WriteOptions(quoting_style="all_valid")
        arrow_csv.write_csv(part, folder / f"crm-{number:04}.csv", options)


class Memory(threading.Thread):
    """The largest resident memory of Python workers and of the JVM, in MiB, while it runs."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.python = self.java = 0.0
        self._over = threading.Event()

    def run(self) -> None:
        """Look twice a second."""
        while not self._over.wait(0.5):
            for process, command in _descendants(os.getpid()):
                size = _resident(process)
                if "java" in command:
                    self.java = max(self.java, size)
                elif "pyspark" in command:
                    self.python = max(self.python, size)

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self.join()


def _descendants(top: int) -> Iterator[tuple[int, str]]:
    parents: dict[int, int] = {}
    commands: dict[int, str] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat = (entry / "stat").read_text()
            commands[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
        parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    for process in parents:
        at = process
        while at in parents and at != top:
            at = parents[at]
        if at == top and process != top:
            yield process, commands[process]


def _resident(process: int) -> float:
    try:
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process}/status").read_text())
    except OSError:
        return 0.0
    return int(found[1]) / 1024 if found else 0.0


def processor_seconds() -> float:
    """What all processes of the session have taken so far; on a busy machine a fairer measure than the clock."""
    ticks = 0
    for process, _ in _descendants(os.getpid()):
        try:
            stat = Path(f"/proc/{process}/stat").read_text()
        except OSError:
            continue
        ticks += sum(map(int, stat.rpartition(")")[2].split()[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def fingerprint(lines: Iterator[bytes]) -> tuple[int, int]:
    """How many lines, and a sum over their digests that does not depend on their order."""
    count = total = 0
    for line in lines:
        count += 1
        total += int.from_bytes(hashlib.blake2b(line, digest_size=16).digest(), "little")
    return count, total % (1 << 128)


def lines_of(folder: Path) -> Iterator[bytes]:
    """The records of all parts."""
    for part in sorted(folder.glob("part-*.json")):
        with part.open("rb") as file:
            for line in file:
                yield line.rstrip(b"\n")


def rejects_of(folder: Path) -> Iterator[bytes]:
    """The rejects, but for where they come from."""
    with (folder / "rejects.jsonl").open("rb") as file:
        for line in file:
            entry = json.loads(line)
            yield json.dumps([entry["source"], entry["reasons"]], sort_keys=True).encode()


def session(master: str) -> Any:
    """A Spark session with its own defaults, on loopback."""
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder: Any = SparkSession.builder
    return (
        builder.master(master).config("spark.ui.enabled", "false").config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1").config("spark.ui.showConsoleProgress", "false").getOrCreate()
    )  # fmt: skip


def frame_of(spark: Any, source: Path) -> Any:
    """The CSV files as text columns."""
    texts = ", ".join(f"`{name}` STRING" for name in COLUMNS)
    return spark.read.csv(str(source), header=True, escape='"', schema=texts)


def ours(spark: Any, source: Path, out: Path, format: str) -> xp.Result:
    """Everything that `prepare` does."""
    from xdmprep.spark import prepare

    return prepare(frame_of(spark, source), MAPPING, SCHEMA, out, format=format)


def plain(spark: Any, source: Path, out: Path, format: str) -> None:
    """Structs as text, written."""
    frame = frame_of(spark, source)
    if format == "json":
        frame.selectExpr(f"to_json({PLAIN}) AS value").write.text(str(out))
    else:
        frame.selectExpr(f"inline(array({PLAIN}))").write.parquet(str(out))


def timed(work: Any, *args: Any) -> tuple[float, Any]:
    """Seconds on the clock, and the result."""
    started = time.perf_counter()
    made = work(*args)
    return time.perf_counter() - started, made


def main() -> int:
    """Run it; 1 where outputs differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--master", default="local[2]")
    parser.add_argument("--format", choices=["json", "parquet"], default="json")
    parser.add_argument("--upload", action="store_true", help="also upload the output to the emulator")
    parser.add_argument("--only", choices=["time"], help="leave the comparison with one machine out")
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="xdmprep-spark-"))
    try:
        return run(options, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def run(options: argparse.Namespace, work: Path) -> int:
    """The rounds and the comparison."""
    source = work / "source"
    make_source(source, options.rows)
    make_source(work / "warm", 20_000)
    size = sum(file.stat().st_size for file in source.iterdir()) / 1e6
    print(f"{options.rows:,} rows, {size:,.0f} MB of CSV in {len(list(source.iterdir()))} files, {options.master}")
    spark = session(options.master)
    print(f"Spark {spark.version}")
    ours(spark, work / "warm", work / "warm-ours", options.format)
    plain(spark, work / "warm", work / "warm-plain", options.format)
    out = work / "ours"
    ratios, work_ratios = [], []
    for number in range(options.rounds):
        pair = [("plain", plain, work / "plain"), ("ours", ours, out)]
        seconds, taken = {}, {}
        for name, contestant, folder in pair if number % 2 else pair[::-1]:
            shutil.rmtree(folder, ignore_errors=True)
            os.sync()
            memory = Memory()
            memory.start()
            before = processor_seconds()
            seconds[name], made = timed(contestant, spark, source, folder, options.format)
            taken[name] = processor_seconds() - before
            memory.stop()
            rate = options.rows / seconds[name]
            print(
                f"  {name:6} {seconds[name]:7.1f} s  {rate:9,.0f} rows/s, processors {taken[name]:.1f} s, largest "
                f"Python worker {memory.python:,.0f} MiB, JVM {memory.java:,.0f} MiB", flush=True,
            )  # fmt: skip
            if name == "ours":
                result = made
            shutil.rmtree(work / "plain", ignore_errors=True)
        ratios.append(seconds["ours"] / seconds["plain"])
        work_ratios.append(taken["ours"] / taken["plain"])
    print(
        f"ours to plain Spark SQL: time {statistics.median(ratios):.2f}, "
        f"processors {statistics.median(work_ratios):.2f}"
    )  # fmt: skip
    print(result)
    spark.stop()
    faults = 0
    if options.only != "time" and options.format == "json":
        seconds_alone, alone = timed(lambda: xp.prepare(str(source), MAPPING, SCHEMA, work / "alone"))
        print(f"one machine: {seconds_alone:.1f} s, {alone}")
        for what, lines in (("records", lines_of), ("rejects", rejects_of)):
            left, right = (fingerprint(lines(folder)) for folder in (out, work / "alone"))
            faults += left != right
            print(f"{what}: {left[0]:,} and {right[0]:,}, {'the same' if left == right else 'DIFFERENT'}")
        shutil.rmtree(work / "alone")
    if options.upload:
        faults += upload(result, work)
    return int(faults > 0)


def upload(result: xp.Result, work: Path) -> int:
    """Parts to the emulator; 1 where it counts other records than were written."""
    from xdmprep.client import Client
    from xdmprep.emulator import Emulator

    with Emulator(schemas=SCHEMAS, data=work / "lake") as server, Client(url=server.url) as client:
        dataset = client.create_dataset("crm", xp.Schema.load(SCHEMA).id)
        seconds, batch = timed(lambda: client.wait(client.upload(result.folder, dataset_id=dataset).id))
    counted = batch.metrics["outputRecordCount"]
    print(f"upload: {batch.status} in {seconds:.1f} s, {counted:,} ingested of {result.written:,} written")
    return int(batch.status not in ("success", "active") or counted != result.written)


if __name__ == "__main__":
    sys.exit(main())
