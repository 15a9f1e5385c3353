"""Spark as reader of what we write, and as host of the stages.  Needs Java and the extra `spark`."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import xdmprep as xp

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    """Workers take this Python from the environment alone where theirs is not the first on the path (Spark 4.3)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        yield from session()


def session() -> Iterator[Any]:
    sql = pytest.importorskip("pyspark.sql", reason="the extra `spark` is not installed")
    if shutil.which("java") is None:
        pytest.skip("there is no Java")
    made = (
        sql.SparkSession.builder.master("local[2]")
        .config("spark.pyspark.python", sys.executable)
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    yield made
    made.stop()


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
