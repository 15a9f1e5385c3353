"""Spark as reader of what we write, and as host of the stage.  Needs Java and the extra `spark`.

Where both are installed, the first comparison with one machine always runs; the others need --slow.
"""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import xdmprep as xp

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    """Workers take this Python from the environment alone where theirs is not the first on the path (Spark 4.3)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        yield from session()


def session() -> Iterator[Any]:
    sql = pytest.importorskip("pyspark.sql", reason="PySpark is not installed, so nothing of Spark is tested here")
    if shutil.which("java") is None:
        pytest.skip("there is no Java, so nothing of Spark is tested here")
    made = (
        sql.SparkSession.builder.master("local[2,4]")  # the second: attempts that a task has
        .config("spark.pyspark.python", sys.executable)
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    yield made
    made.stop()


@pytest.mark.slow
def test_spark_reads_the_documented_types(spark: Any, schemas: Path, tmp_path: Path) -> None:
    source = schemas / "examples" / "crm-profiles.csv"
    args = (source, schemas / "crm-profile.mapping.yaml", schemas / "crm-profile.schema.json")
    xp.prepare(*args, out=tmp_path / "p", format="parquet")
    xp.prepare(*args, out=tmp_path / "j")
    frame = spark.read.parquet(str(tmp_path / "p" / "part-00000.parquet"))
    types = json.loads(frame.schema.json())
    fields = {field["name"]: field for field in types["fields"]}
    person = {field["name"]: field for field in fields["person"]["type"]["fields"]}
    assert person["birthYear"]["type"] == "short"
    assert person["birthDate"]["type"] == "date"
    assert fields["identityMap"]["type"]["type"] == "map"
    assert fields["identityMap"]["type"]["keyType"] == "string"
    assert fields["identityMap"]["type"]["valueType"]["type"] == "array"
    assert all(field["nullable"] for field in fields.values())
    lines = (tmp_path / "j" / "part-00000.json").read_text(encoding="utf-8").splitlines()
    expected = [json.loads(line)["person"]["name"]["lastName"] for line in lines]
    assert [row[0] for row in frame.select("person.name.lastName").collect()] == expected


@pytest.mark.slow
def test_the_stages_run_inside_spark(spark: Any, schemas: Path, tmp_path: Path) -> None:
    from xdmprep.spark import records, rejects

    source = schemas / "examples" / "crm-profiles.csv"
    mapping = xp.MappingSet.load(schemas / "crm-profile.mapping.yaml")
    schema = xp.Schema.load(schemas / "crm-profile.schema.json")
    frame = spark.read.csv(str(source), header=True)
    good = records(frame, mapping, schema)
    xp.prepare(source, mapping, schema, out=tmp_path / "out")
    lines = [
        json.loads(line) for line in (tmp_path / "out" / "part-00000.json").read_text(encoding="utf-8").splitlines()
    ]
    key = "identityMap.CRMID"
    assert sorted(row[0][0].id for row in good.select(key).collect()) == sorted(
        line["identityMap"]["CRMID"][0]["id"] for line in lines
    )
    aside = rejects(frame, mapping, schema).collect()
    assert len(aside) == 300 - len(lines)
    assert all(row.reasons for row in aside)


@pytest.mark.slow
def test_date_times_keep_their_instant_inside_spark(spark: Any, schemas: Path) -> None:
    from xdmprep.spark import records, rejects

    schema = xp.Schema.load(schemas / "purchase-event.schema.json")
    mapping = {"_id": "id", "timestamp": "at"}
    said = "SELECT 'a' AS id, timestamp'2024-05-06T07:08:09.123Z' AS at UNION ALL SELECT 'b', NULL"
    frame = spark.sql(said)
    good = records(frame, mapping, schema, rules="batch")
    types = {field.name: field.dataType.simpleString() for field in good.schema.fields}
    assert types["timestamp"] == "timestamp"
    seen = [row[0] for row in good.selectExpr("date_format(timestamp, \"yyyy-MM-dd'T'HH:mm:ss.SSS\")").collect()]
    assert seen == ["2024-05-06T07:08:09.123"]
    (aside,) = rejects(frame, mapping, schema, rules="batch").collect()
    assert (aside.id, aside.at) == ("b", None)


Job = tuple[Path, Path, Path]


@pytest.fixture
def job(schemas: Path) -> Job:
    return (
        schemas / "examples" / "crm-profiles.csv",
        schemas / "crm-profile.mapping.yaml",
        schemas / "crm-profile.schema.json",
    )


def lines_of(folder: Path) -> list[bytes]:
    return sorted(line for part in folder.glob("part-*.json") for line in part.read_bytes().splitlines())


def rejects_of(folder: Path) -> list[str]:
    """What was set aside, but for the numbers of rows."""
    entries = [json.loads(line) for line in (folder / "rejects.jsonl").read_text().splitlines()]
    return sorted(json.dumps([entry["source"], entry["reasons"]], sort_keys=True) for entry in entries)


def same_as_one_machine(folder: Path, alone: Path) -> None:
    assert lines_of(folder) == lines_of(alone)
    assert rejects_of(folder) == rejects_of(alone)
    names = {path.name for path in folder.iterdir()}
    manifest = xp_manifest(folder)
    assert names == {
        "manifest.json",
        "run.json",
        "rejects.jsonl",
        "issues.csv",
        *(f["name"] for f in manifest["files"]),
    }
    counts = manifest["counts"]
    assert counts == xp_manifest(alone)["counts"]
    assert counts["rows"] == counts["written"] + counts["rejected"]


def xp_manifest(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return found


@pytest.mark.parametrize("partitions", [1, 5])
def test_spark_writes_what_one_machine_writes(spark: Any, job: Job, tmp_path: Path, partitions: int) -> None:
    from xdmprep.spark import prepare

    frame = spark.read.csv(str(job[0]), header=True).repartition(partitions)
    result = prepare(frame, job[1], job[2], tmp_path / "spark", max_bytes=20_000)
    alone = xp.prepare(*job, out=tmp_path / "alone")
    same_as_one_machine(tmp_path / "spark", tmp_path / "alone")
    assert (result.rows, result.written, result.rejected) == (alone.rows, alone.written, alone.rejected)
    assert all(file.bytes <= 20_000 for file in result.manifest.files)
    assert result.report.found == alone.report.found
    assert result.report.values.table() == alone.report.values.table()
    assert result.rejects.num_rows == result.rejected
    assert (
        len(set(zip(*(result.rejects[name].to_pylist() for name in ("_file", "_row")), strict=True))) == result.rejected
    )
    again = prepare(frame, job[1], job[2], tmp_path / "spark", max_bytes=20_000)
    assert again.manifest.to_dict()["counts"] == result.manifest.to_dict()["counts"]


@pytest.mark.slow
def test_parquet_has_the_physical_types_of_one_machine(spark: Any, job: Job, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    from xdmprep.spark import prepare

    frame = spark.read.csv(str(job[0]), header=True).repartition(2)
    made = prepare(frame, job[1], job[2], tmp_path / "spark", format="parquet")
    xp.prepare(*job, out=tmp_path / "alone", format="parquet")
    types = pq.ParquetFile(tmp_path / "alone" / "part-00000.parquet").schema
    for file in made.manifest.files:
        assert pq.ParquetFile(tmp_path / "spark" / file.name).schema.equals(types)


@pytest.mark.slow
def test_spark_validates_like_one_machine(spark: Any, job: Job) -> None:
    from xdmprep.spark import validate

    frame = spark.read.csv(str(job[0]), header=True).repartition(3)
    found = validate(frame, job[2], mapping=job[1])
    alone = xp.validate(job[0], job[2], mapping=job[1])
    assert (found.rows, found.invalid, found.found) == (alone.rows, alone.invalid, alone.found)
    counts = [sorted((g.code, g.path, g.count) for g in report.groups) for report in (found, alone)]
    assert counts[0] == counts[1]
    mapping = {"person.name": 'to_object("firstName", F_NAME, "typo", F_NAME)'}
    notes = validate(frame, job[2], mapping=mapping).notes
    assert notes == xp.validate(job[0], job[2], mapping=mapping).notes
    assert any("typo" in note for note in notes), notes


def failing(frame: Any, marker: Path, how: Any) -> Any:
    """The frame, whose first evaluation hands over all but the last rows and then fails."""

    def rows(batches: Any) -> Any:
        held = None
        for batch in batches:
            if held is not None:
                yield held
            held = batch
        if held is not None:
            half = held.num_rows // 2
            yield held.slice(0, half)
            if not marker.exists():
                marker.touch()
                how()
            yield held.slice(half)

    return frame.mapInArrow(rows, frame.schema)


@pytest.mark.slow
def test_a_failed_task_is_run_again_and_doubles_nothing(spark: Any, job: Job, tmp_path: Path) -> None:
    from xdmprep.spark import prepare

    def fail() -> None:
        raise OSError("the disk is tired")

    frame = failing(spark.read.csv(str(job[0]), header=True).repartition(3), tmp_path / "failed", fail)
    prepare(frame, job[1], job[2], tmp_path / "spark")
    xp.prepare(*job, out=tmp_path / "alone")
    assert (tmp_path / "failed").exists()
    same_as_one_machine(tmp_path / "spark", tmp_path / "alone")


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks for the writer's process in /proc")
@pytest.mark.slow
def test_a_killed_writer_is_run_again_and_doubles_nothing(spark: Any, job: Job, tmp_path: Path) -> None:
    from xdmprep.spark import prepare

    staging, killed = str(tmp_path / "spark" / ".tasks.part"), tmp_path / "killed"

    def kill() -> None:
        """End a process that writes parts."""
        import time

        for _ in range(200):
            for handle in Path("/proc").glob("[0-9]*/fd/*"):
                try:
                    at = handle.readlink()
                except OSError:
                    continue
                process = int(handle.parts[2])
                if str(at).startswith(staging) and process != os.getpid():
                    os.kill(process, signal.SIGKILL)
                    killed.touch()
                    return
            time.sleep(0.05)

    frame = failing(spark.read.csv(str(job[0]), header=True).repartition(3), tmp_path / "failed", kill)
    setting = "spark.sql.execution.arrow.maxRecordsPerBatch"  # small, so that the writer has some before the end
    spark.conf.set(setting, 10)
    try:
        prepare(frame, job[1], job[2], tmp_path / "spark")
    finally:
        spark.conf.unset(setting)
    xp.prepare(*job, out=tmp_path / "alone")
    assert killed.exists()
    same_as_one_machine(tmp_path / "spark", tmp_path / "alone")


@pytest.mark.slow
def test_a_run_that_fails_leaves_nothing_to_upload(spark: Any, job: Job, tmp_path: Path) -> None:
    from xdmprep.errors import MappingError, OutputError, SourceError
    from xdmprep.spark import prepare

    frame = spark.read.csv(str(job[0]), header=True)
    with pytest.raises(SourceError, match="Spark job failed"):
        prepare(frame.selectExpr("*", "raise_error('no luck') AS x"), job[1], job[2], tmp_path / "spark")
    assert {path.name for path in (tmp_path / "spark").iterdir()} == {"run.json"}
    long = spark.sql("SELECT repeat('x', 2000) AS name, 'a' AS id")
    names = {"person.name.firstName": "name", "identityMap.CRMID[0].id": "id"}
    with pytest.raises(OutputError, match="record 1 alone is larger"):
        prepare(long, names, job[2], tmp_path / "b", max_bytes=1024, rules="jsonschema")
    with pytest.raises(MappingError, match="no column"):
        prepare(frame, {"person.name.firstName": "nowhere"}, job[2], tmp_path / "c")
    with pytest.raises(SourceError, match="no rows"):
        prepare(frame.limit(0), job[1], job[2], tmp_path / "d")


ODD = """
SELECT 'a' AS `id`, 'Ann' AS `first.name`, 'x' AS `Name`, 'y' AS `name`, 1 AS `with blank`, 'r' AS reasons,
  X'00FF' AS bytes, INTERVAL '1' MONTH AS months, INTERVAL '1' DAY AS days, make_interval(1, 2) AS both,
  CAST(1.50 AS DECIMAL(30, 2)) AS amount, map('k', 1) AS entries,
  named_struct('In', array(1, 2), 'iv', make_interval(1)) AS deep,
  TIMESTAMP '2024-05-06 07:08:09.123' AS at, TIMESTAMP_NTZ '2024-05-06 07:08:09' AS wall, NULL AS nothing
"""


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland"])
@pytest.mark.slow
def test_any_frame_is_taken(spark: Any, schemas: Path, tmp_path: Path, zone: str) -> None:
    from xdmprep.spark import prepare, records, rejects, validate

    event = schemas / "purchase-event.schema.json"
    mapping = {"_id": "concat(id, ${Name}, ${name}, ${first.name}, ${with blank})", "timestamp": "at"}
    spark.conf.set("spark.sql.session.timeZone", zone)
    try:
        text = ODD.replace("09.123'", "09.123+00:00'")
        frame = spark.sql(text + " UNION ALL " + text.replace("TIMESTAMP '2024-05-06 07:08:09.123+00:00'", "NULL"))
        result = prepare(frame, mapping, event, tmp_path / zone.replace("/", "-"), rules="batch")
        (line,) = lines_of(result.folder)
        assert json.loads(line) == {"_id": "axyAnn1", "timestamp": "2024-05-06T07:08:09.123Z"}
        (aside,) = result.rejects.to_pylist()
        assert (aside["Name"], aside["name"], aside["reasons"]) == ("x", "y", "r")
        assert records(frame, mapping, event, "batch").count() == 1
        (row,) = rejects(frame, mapping, event, "batch").collect()
        assert (row["reasons"], row["first.name"], row["_issues"][0]["code"]) == ("r", "Ann", "required")
        assert validate(frame, event, mapping=mapping, rules="batch").invalid == 1
    finally:
        spark.conf.set("spark.sql.session.timeZone", "UTC")


@pytest.mark.slow
def test_what_spark_wrote_is_uploaded_whole(spark: Any, job: Job, tmp_path: Path) -> None:
    from xdmprep.client import Client
    from xdmprep.emulator import Emulator
    from xdmprep.spark import prepare

    frame = spark.read.csv(str(job[0]), header=True).repartition(3)
    made = prepare(frame, job[1], job[2], tmp_path / "out")
    with Emulator(schemas=job[2].parent) as server, Client(url=server.url) as client:
        dataset = client.create_dataset("crm", xp.Schema.load(job[2]).id)
        batch = client.wait(client.upload(made.folder, dataset_id=dataset).id)
    assert batch.status in ("success", "active")
    assert batch.metrics["outputRecordCount"] == made.written


@pytest.mark.slow
def test_the_command_runs_on_spark(spark: Any, job: Job, tmp_path: Path) -> None:
    import subprocess

    args = ["-m", str(job[1]), "-s", str(job[2]), "-o", str(tmp_path / "spark"), "--engine", "spark", "--json"]
    command = [sys.executable, "-m", "xdmprep", "prepare", str(job[0]), *args, "--master", "local[1]"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    xp.prepare(*job, out=tmp_path / "alone")
    same_as_one_machine(tmp_path / "spark", tmp_path / "alone")
    assert json.loads(done.stdout)["written"] == len(lines_of(tmp_path / "alone"))
    refused = subprocess.run([*command, "--multiline"], capture_output=True, text=True)
    assert refused.returncode == 2
    assert "--multiline cannot be combined with --engine spark" in refused.stderr + refused.stdout


def snapshots(job: Job, folder: Path) -> tuple[Path, Path]:
    """Two snapshots: rows changed, cleared, gone, new, doubled, and some without a key."""
    with job[0].open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    later = [list(row) for row in rows[20:]]
    name, key = header.index("F_NAME"), header.index("ID3")
    for number, row in enumerate(later):
        if number % 3 == 0:
            row[name] = f"Changed {number}"
        if number % 7 == 0:
            row[name] = ""
    later += [[*later[5][:name], "Later still", *later[5][name + 1 :]]]
    later += [["" if column == key else value for column, value in enumerate(later[9])]]
    early = rows[:-20]
    for path, content in ((folder / "before.csv", early), (folder / "after.csv", later)):
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *content])
    return folder / "before.csv", folder / "after.csv"


def arrow_of(frame: Any) -> Any:
    """A DataFrame as an Arrow table; PySpark 3.5 has no public way."""
    import pyarrow as pa

    return frame.toArrow() if hasattr(frame, "toArrow") else pa.Table.from_batches(frame._collect_as_arrow())


@pytest.mark.parametrize("buckets", [1, 7])
@pytest.mark.slow
def test_spark_finds_the_patch_of_one_machine(spark: Any, job: Job, tmp_path: Path, buckets: int) -> None:
    from xdmprep.pipeline.upsert import write_patch
    from xdmprep.spark import diff, prepare

    before, after = snapshots(job, tmp_path)
    alone = xp.diff(before, after, job[2], mapping=job[1])
    early, late = (spark.read.csv(str(path), header=True) for path in (before, after))
    found = diff(early, late, job[2], mapping=job[1], buckets=buckets)
    shape = xp.Schema.load(job[2]).arrow_schema
    expected = [row for chunk in alone.chunks() for row in chunk.nested(shape).to_pylist()]
    made = arrow_of(found.records).cast(shape).to_pylist()
    assert len(made) == alone.counts.changed + alone.counts.new > 0
    assert sorted(map(repr, made)) == sorted(map(repr, expected))
    counts = {row["_kind"]: row["count"] for row in found.frame.groupBy("_kind").count().collect()}
    assert alone.counts.superseded and alone.counts.set_aside and alone.counts.vanished and alone.counts.cannot_clear
    assert counts["rejected"] == alone.counts.set_aside
    assert sorted(row["_key"] for row in found.vanished.collect()) == sorted(alone.vanished["key"].to_pylist())
    cleared = [(row["_key"], row["_path"], row["_value"]) for row in found.cannot_clear.collect()]
    names = ("key", "path", "value")
    assert sorted(cleared) == sorted(zip(*(alone.cannot_clear[name].to_pylist() for name in names), strict=True))
    codes = [issue["code"] for row in found.frame.collect() for issue in row["_issues"] or ()]
    assert codes.count("patch-duplicate") == alone.counts.superseded
    assert prepare(found.records, None, job[2], tmp_path / "spark", upsert=True).manifest.upsert
    write_patch(before, after, job[2], tmp_path / "alone", mapping=job[1], format="json")
    assert lines_of(tmp_path / "spark") == lines_of(tmp_path / "alone")


@pytest.mark.slow
def test_spark_compares_with_an_empty_snapshot_and_refuses_what_it_cannot_join(
    spark: Any, job: Job, tmp_path: Path
) -> None:
    from xdmprep.errors import UsageError
    from xdmprep.spark import diff

    frame = spark.read.csv(str(job[0]), header=True)
    stranger = tmp_path / "stranger.csv"  # one machine refuses an empty file; this one shares no key
    with job[0].open(encoding="utf-8", newline="") as file:
        row = {**next(csv.DictReader(file)), "ID3": "nobody-else"}
    with stranger.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([row.keys(), row.values()])
    first = diff(frame.limit(0), frame, job[2], mapping=job[1], buckets=2)
    counts = xp.diff(stranger, job[0], job[2], mapping=job[1]).counts
    assert (counts.changed, counts.unchanged) == (0, 0)
    assert (first.records.count(), first.rejects.count()) == (counts.new, counts.set_aside)
    assert diff(frame, frame, job[2], mapping=job[1], buckets=2).records.count() == 0
    gone = diff(frame, frame.limit(0), job[2], mapping=job[1], buckets=2)
    assert gone.records.count() == 0
    keys = xp.diff(job[0], stranger, job[2], mapping=job[1]).vanished["key"].to_pylist()
    assert sorted(row["_key"] for row in gone.vanished.collect()) == sorted(keys)
    with pytest.raises(UsageError, match="primary identity"):
        diff(frame, frame, job[2], "personalEmail.address", mapping=job[1])
    with pytest.raises(UsageError, match="leave-out"):
        diff(frame, frame, job[2], mapping=job[1], new="some")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="rule"):
        diff(frame, frame, job[2], mapping=job[1], rules="none")
    with pytest.raises(UsageError, match="time-series"):
        diff(frame, frame, job[2].parent / "purchase-event.schema.json")


def random_snapshot(rng: random.Random, rows: int) -> list[tuple[int | None, str | None, str | None]]:
    """Keys of a small range (some null), and two values."""
    keys = [rng.choice([None, *range(6)]) if rng.random() < 0.6 else 100 + number for number in range(rows)]
    return [(key, rng.choice(["a", "b", None]), rng.choice(["x", "y", "z"])) for key in keys]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.slow
def test_random_snapshots_compare_as_on_one_machine(spark: Any, job: Job, tmp_path: Path, seed: int) -> None:
    """Null and doubled keys, keys that are numbers before and texts after, names that differ in case."""
    import pandas as pd

    from xdmprep.errors import DataError
    from xdmprep.spark import diff, prepare

    rng = random.Random(seed)
    mapping = {
        "identityMap.LOYALTYID[0].id": "${the id}", "identityMap.LOYALTYID[0].primary": "true",
        "person.name.firstName": "name", "person.name.lastName": "NAME",
    }  # fmt: skip
    before, after = (random_snapshot(rng, rng.randrange(5, 25)) for _ in range(2))
    types = ("`the id` BIGINT, name STRING, NAME STRING", "`the id` STRING, name STRING, NAME STRING")
    late_rows = [(None if key is None else str(key), *rest) for key, *rest in after]
    spark.conf.set("spark.sql.caseSensitive", "true")
    try:
        frames = [
            spark.createDataFrame(rows, kind).coalesce(1) for rows, kind in zip((before, late_rows), types, strict=True)
        ]
        alone = [
            pd.DataFrame(rows, columns=["the id", "name", "NAME"]).astype({"the id": kind})
            for rows, kind in zip((before, late_rows), ("Int64", "string"), strict=True)
        ]
        options: dict[str, Any] = {"mapping": mapping, "rules": "batch"}
        expected = xp.diff(*alone, job[2], **options)
        found = diff(*frames, job[2], **options, buckets=3)
        shape = xp.Schema.load(job[2]).arrow_schema
        records = [row for chunk in expected.chunks() for row in chunk.nested(shape).to_pylist()]
        assert sorted(map(repr, arrow_of(found.records).cast(shape).to_pylist())) == sorted(map(repr, records))
        assert sorted(row["_key"] for row in found.vanished.collect()) == sorted(expected.vanished["key"].to_pylist())
        assert found.rejects.count() == expected.counts.set_aside
        assert records
        keys = [key for key, *_ in late_rows if key is not None]
        one = diff(*frames, job[2], **options, buckets=1, duplicates="error")
        if len(set(keys)) == len(keys):
            assert one.records.count() == len(records)
            return
        with pytest.raises(DataError) as alike:
            xp.diff(*alone, job[2], **options, duplicates="error").to_pylist()
        with pytest.raises(DataError) as said:
            prepare(one.records, None, job[2], tmp_path / "out", upsert=True)
        assert str(said.value).replace(" of partition 0", "").replace("after:", "data:") == str(alike.value)
    finally:
        spark.conf.unset("spark.sql.caseSensitive")


@pytest.fixture
def small_splits(spark: Any) -> Iterator[None]:
    """Files are read in pieces of 30 KB, each by a task."""
    settings = {"spark.sql.files.maxPartitionBytes": 30_000, "spark.sql.files.openCostInBytes": 0}
    for name, value in settings.items():
        spark.conf.set(name, value)
    yield
    for name in settings:
        spark.conf.unset(name)


def places_of(folder: Path) -> list[tuple[str, int]]:
    return [(entry["file"], entry["row"]) for entry in rejects_in(folder)]


def rejects_in(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "rejects.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.usefixtures("small_splits")
@pytest.mark.slow
def test_rows_of_csv_files_are_named_by_file_offset_and_position(spark: Any, job: Job, tmp_path: Path) -> None:
    from xdmprep.spark import prepare, rejects

    folder = tmp_path / "with blank"
    folder.mkdir()
    shutil.copy(job[0], folder / "a b.csv")
    shutil.copy(job[0], folder / "other.csv")
    frame = spark.read.csv(str(folder), header=True)
    out = prepare(frame, job[1], job[2], tmp_path / "out")
    places = places_of(out.folder)
    assert len(set(places)) == len(places) == out.rejected
    assert any("@" in file for file, _ in places)
    for entry in rejects_in(out.folder):  # read by hand: a block's first line is the one after its offset
        name, _, start = entry["file"].partition("@")
        text = Path(name).read_bytes()
        at = text.index(b"\n", int(start or 0)) + 1
        line = text[at:].decode().splitlines()[entry["row"] - 1]
        assert next(csv.reader([line])) == [value or "" for value in entry["source"].values()]
    again = prepare(frame, job[1], job[2], tmp_path / "again")
    assert sorted(places_of(again.folder)) == sorted(places)
    ids = [row["_source_id"] for row in rejects(frame, job[1], job[2]).select("_source_id").collect()]
    assert sorted(ids) == sorted(f"{file}:{row}" for file, row in places)
    found = out.report.issues.to_pylist()
    assert {(issue["file"], issue["row"]) for issue in found} == set(places)
    assert {group.file for group in out.report.groups} <= {file for file, _ in places}


@pytest.mark.slow
def test_rows_of_parquet_files_are_named_by_file_and_row_wherever_they_move(
    spark: Any, job: Job, tmp_path: Path
) -> None:
    import pyarrow.parquet as pq

    from xdmprep.spark import prepare

    spark.read.csv(str(job[0]), header=True).repartition(3).write.parquet(str(tmp_path / "in"))
    frame = spark.read.parquet(str(tmp_path / "in"))
    moved = frame.where("GENDER = 'female'").withColumn("TITLE", frame["TITLE"]).repartition(2)
    out = prepare(moved, job[1], job[2], tmp_path / "out")
    assert len(set(places_of(out.folder))) == out.rejected > 0
    for entry in rejects_in(out.folder):
        row = pq.read_table(entry["file"]).slice(entry["row"] - 1, 1).to_pylist()[0]
        assert {name: value for name, value in row.items() if value is not None} == {
            name: value for name, value in entry["source"].items() if value is not None
        }
    mended = out.rejects.set_column(
        out.rejects.column_names.index("MONTH_AND_DATE"), "MONTH_AND_DATE", [["01-01"] * out.rejected]
    )
    done = out.mend(mended)
    assert 0 < done.written < out.rejected
    assert done.written + done.still_rejected == out.rejected
    doubled = frame.union(frame)  # a file's row occurs twice: its number does not name it
    out = prepare(doubled, job[1], job[2], tmp_path / "doubled")
    assert len(set(places_of(out.folder))) == out.rejected
    assert places_of(out.folder)[0][0].startswith("partition ")


@pytest.mark.usefixtures("small_splits")
@pytest.mark.slow
def test_ids_stay_when_a_task_is_run_again(spark: Any, job: Job, tmp_path: Path) -> None:
    from pyspark.sql.functions import col, udf

    from xdmprep.spark import prepare

    marker = tmp_path / "failed"

    def fail_once(text: str) -> str:
        if not marker.exists():
            marker.touch()
            raise OSError("the disk is tired")
        return text

    frame = spark.read.csv(str(job[0]), header=True)
    calm = prepare(frame, job[1], job[2], tmp_path / "calm")
    frame = frame.withColumn("ID3", udf(fail_once)(col("ID3")))
    shaken = prepare(frame, job[1], job[2], tmp_path / "shaken")
    assert marker.exists()
    assert places_of(shaken.folder) == places_of(calm.folder)
    assert lines_of(shaken.folder) == lines_of(calm.folder)


def order_lines(folder: Path, files: int) -> list[Path]:
    """Lines of 200 orders over some files, in no order; one order has a wrong currency, one line has no order."""
    columns = "order_no,ordered_at,customer,ecid,sku,product,quantity,line_total,currency,order_total,tax,store"
    made = []
    for number in range(files):
        made.append(folder / f"lines-{number}.csv")
        with made[-1].open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(columns.split(","))
            for line in range(number, 600, files):
                order = line % 200
                writer.writerow(
                    [
                        f"A{order:03}" if line != 599 else "", "2024-05-01T10:00:00Z", f"c{order}",
                        "1" * 38 if order % 2 else "", f"sku-{line}", "Ski, é", line // 200 + 1, "19.5",
                        "cad" if line == 405 else "CAD", "58.5", "3", "" if order % 3 else "7",
                    ]
                )  # fmt: skip
    return made


@pytest.mark.parametrize("kind", ["one file", "files", "parquet", "shuffled"])
@pytest.mark.slow
def test_spark_groups_rows_as_one_machine_does(spark: Any, schemas: Path, tmp_path: Path, kind: str) -> None:
    from xdmprep.spark import prepare, records, rejects, validate

    job = schemas / "purchase-event.mapping.yaml", schemas / "purchase-event.schema.json"
    files = order_lines(tmp_path, 1 if kind == "one file" else 4)
    alone = xp.prepare(files, *job, out=tmp_path / "alone")
    frame = spark.read.csv([str(file) for file in files], header=True)
    if kind in ("parquet", "shuffled"):
        for number, file in enumerate(files):
            spark.read.csv(str(file), header=True).coalesce(1).write.parquet(str(tmp_path / f"in{number}"))
        frame = spark.read.parquet(*(str(tmp_path / f"in{number}") for number in range(4)))
    if kind == "shuffled":
        frame = frame.repartition(3, "sku")
    made = prepare(frame, *job, tmp_path / "spark")
    assert lines_of(made.folder) == lines_of(alone.folder)
    assert (made.rows, made.written, made.rejected, made.merged) == (201, 199, 2, 399)
    assert made.source_rows == alone.source_rows == {"rows": 600, "written": 596, "rejected": 4}
    assert made.merged_rejected == alone.merged_rejected
    assert rejects_of(made.folder) == rejects_of(alone.folder)
    assert records(frame, *job).count() == made.written
    aside = rejects(frame, *job).collect()
    assert sorted(len(row["sku"]) for row in aside) == [1, 3]
    assert len({row["_source_id"] for row in aside}) == 2
    assert (report := validate(frame, job[1], mapping=job[0])).invalid == 2
    assert report.rows == 201
    entry = max(rejects_in(made.folder), key=lambda entry: len(entry["rows"]))
    assert len(entry["files"]) == len(entry["rows"]) == 3
    if kind == "parquet":
        import pyarrow.parquet as pq

        for file, row, sku in zip(entry["files"], entry["rows"], entry["source"]["sku"], strict=True):
            assert pq.read_table(file, columns=["sku"])["sku"][row - 1].as_py() == sku


@pytest.mark.slow
def test_checked_rows_are_good_and_faulty_ones_at_once(spark: Any, job: Job, schemas: Path) -> None:
    from xdmprep.spark import checked, records, rejects

    frame = spark.read.csv(str(job[0]), header=True)
    rows = checked(frame, job[1], job[2]).collect()
    assert len({row["_source_id"] for row in rows}) == len(rows) == 300
    aside = {row["_source_id"]: row["_issues"] for row in rejects(frame, job[1], job[2]).collect()}
    assert {row["_source_id"]: row["_issues"] for row in rows if not row["_ok"]} == aside
    good = [row.asDict() for row in rows if row["_ok"]]
    made = [row.asDict() for row in records(frame, job[1], job[2]).collect()]
    own = ("_ok", "_source_id", "_issues")
    assert [{name: value for name, value in row.items() if name not in own} for row in good] == made
    event = spark.sql("SELECT 'a' AS id, timestamp'2024-05-06T07:08:09.123Z' AS at")
    mapping = {"_id": "id", "timestamp": "at"}
    (row,) = checked(event, mapping, schemas / "purchase-event.schema.json", "batch").collect()
    assert row["_ok"] and row["timestamp"].microsecond == 123_000


@pytest.mark.slow
def test_columns_of_the_result_and_arguments_are_refused_before_a_job(spark: Any, job: Job, tmp_path: Path) -> None:
    from xdmprep.errors import UsageError
    from xdmprep.spark import checked, diff, prepare, rejects

    frame = spark.sql("SELECT 'a' AS name, 'x' AS _Source_ID, 1 AS _issues, 'r' AS Reasons, true AS _ok")
    mapping = {"person.name.firstName": "name"}
    with pytest.raises(UsageError, match="column '_Source_ID', which is a column of the result"):
        rejects(frame, mapping, job[2])
    assert checked(frame, mapping, job[2], "batch").first()["_ok"] is True
    wrong: dict[str, Any] = {
        "error_threshold": 101, "max_loss": -1, "max_bytes": "5", "max_rows": 0, "overwrite": "yes", "format": "orc",
        "rules": "none",
    }  # fmt: skip
    for name, value in wrong.items():
        with pytest.raises(UsageError):
            prepare(frame, mapping, job[2], tmp_path / "out", **{name: value})
    assert not (tmp_path / "out").exists()
    with pytest.raises(UsageError, match="buckets"):
        diff(frame, frame, job[2], mapping=mapping, buckets="a")  # type: ignore[arg-type]


@pytest.mark.slow
def test_the_folder_may_be_a_file_url_and_no_web_address(spark: Any, job: Job, tmp_path: Path) -> None:
    from xdmprep.errors import UsageError
    from xdmprep.spark import prepare

    frame = spark.read.csv(str(job[0]), header=True)
    made = prepare(frame, job[1], job[2], (tmp_path / "a b").as_uri())
    assert made.folder == tmp_path / "a b"
    with pytest.raises(UsageError, match="is a web address") as caught:
        prepare(frame, job[1], job[2], "https://key:secret@example.org/out")
    assert "secret" not in str(caught.value)


@pytest.mark.slow
def test_the_examples_of_docstrings_run(
    spark: Any, job: Job, schemas: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import doctest

    import xdmprep.spark

    monkeypatch.chdir(tmp_path)
    made = {"df": spark.read.csv(str(job[0]), header=True), "mapping": job[1], "schema": job[2]}
    made |= vars(xdmprep.spark)
    told: list[str] = []
    for name in xdmprep.spark.__all__:
        text = getattr(xdmprep.spark, name).__doc__
        examples = doctest.DocTestParser().get_examples(text, name)
        test = doctest.DocTest(examples, dict(made), name, None, 0, text)
        doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=told.append)
    assert not told, "".join(told)


@pytest.mark.slow
def test_the_page_of_clusters_runs(spark: Any, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every block of Python on the page but those of Ray and Dask, which have tests of their own."""
    import duckdb
    import polars
    import pyarrow as pa

    page = (Path(xp.__file__).parent / "docs" / "clusters.md").read_text(encoding="utf-8")
    blocks = [block.partition("```")[0] for block in page.split("```text\n")[1:]]
    monkeypatch.chdir(tmp_path)
    shutil.copy(job[1], "crm.mapping.yaml")
    shutil.copy(job[2], "crm.schema.json")
    (tmp_path / "arrived").mkdir()
    shutil.copy(job[0], tmp_path / "arrived" / "crm.csv")
    frame = spark.read.csv(str(job[0]), header=True)
    frame.createOrReplaceTempView("crm")
    names = {
        "spark": spark, "pa": pa, "xp": xp, "yesterday": frame.limit(200), "today": frame,
        "stream": spark.readStream.schema(frame.schema).option("header", True).csv(str(tmp_path / "arrived")),
        "frame": frame, "relation": duckdb.sql(f"SELECT * FROM read_csv('{job[0]}', all_varchar=true)"),
    }  # fmt: skip
    ran = 0
    for block in blocks:
        if block.startswith("xdmprep ") or "map_batches" in block or "map_partitions" in block:
            continue
        if "polars" in block:
            names["frame"] = polars.read_csv(job[0], infer_schema=False)
        exec(block.replace("/Volumes/main/aep", str(tmp_path)).replace("/mnt/aep", str(tmp_path)), names)
        ran += 1
        for query in spark.streams.active:
            query.processAllAvailable()
            query.stop()
    assert ran == 6
    counts = xp_manifest(tmp_path / "out")["counts"]
    assert xp_manifest(tmp_path / "batch-0")["counts"] == counts
    assert names["made"].num_rows == counts["rows"]
    assert xp_manifest(tmp_path / "patch")["upsert"] is True
