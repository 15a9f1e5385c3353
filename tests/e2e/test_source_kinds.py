"""What pandas, polars and DuckDB make of a CSV file, and rows and columns of Python objects, as sources."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import xdmprep as xp
from xdmprep.errors import MappingError, SourceError
from xdmprep.read import open_source

ROOT = Path(__file__).resolve().parents[2] / "schemas"
SAMPLE = ROOT / "examples" / "crm-profiles.csv"


READERS: dict[str, Callable[[], Any]] = {
    "pandas, numpy types": lambda: pd.read_csv(SAMPLE),
    "pandas, nullable types": lambda: pd.read_csv(SAMPLE, dtype_backend="numpy_nullable"),
    # of the identities pandas makes integers, for which this backend has no type
    "pandas, pyarrow types": lambda: pd.read_csv(
        SAMPLE, dtype_backend="pyarrow", dtype=dict.fromkeys(["ID1", "ID2", "ID3", "ID4"], str)
    ),
    "pandas, text": lambda: pd.read_csv(SAMPLE, dtype=str),
    "polars": lambda: pl.read_csv(SAMPLE),
    "polars, lazy": lambda: pl.scan_csv(SAMPLE),
    "DuckDB": lambda: duckdb.sql(f"select * from read_csv('{SAMPLE}', all_varchar = true)"),
    "open file": lambda: SAMPLE.open("rb"),
    "open text file": lambda: SAMPLE.open(encoding="utf-8", newline=""),
}


def records(source: Any, out: Path, format: str) -> list[dict[str, Any]]:
    mapping = xp.MappingSet.load(ROOT / "crm-profile.mapping.yaml")
    result = xp.prepare(source, mapping, ROOT / "crm-profile.schema.json", out, format=format)
    parts = sorted(map(str, out.glob("part-*")))
    assert result.rows == result.written + result.rejected
    if format == "json":
        return [json.loads(line) for part in parts for line in Path(part).read_text().splitlines()]
    return [row for part in parts for row in pq.read_table(part).to_pylist()]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """The records of the sample as it is, by format."""
    folder = tmp_path_factory.mktemp("expected")
    return {format: records(SAMPLE, folder / format, format) for format in ("json", "parquet")}


@pytest.mark.parametrize("format", ["json", "parquet"])
@pytest.mark.parametrize("reader", READERS)
def test_the_sample_as_others_read_it(
    reader: str, format: str, tmp_path: Path, expected: dict[str, list[dict[str, Any]]]
) -> None:
    source = READERS[reader]()
    made = records(source, tmp_path / "out", format)
    if reader.startswith("open"):
        source.close()
    assert made == expected[format]
    assert len(made) == 241


OBJECTS = pd.DataFrame({
    "big": pd.Series([2**70, 3, None], dtype=object), "mixed": pd.Series([1, "x", 2.5], dtype=object),
    "money": pd.Series([Decimal("1.10"), None, Decimal("7712.48")], dtype=object),
    "wide": pd.Series([2**60 + 1, 1.5, None], dtype=object), "missing": pd.Series([pd.NA, "q", np.nan], dtype=object),
    "odd": pd.Series([b"x", 1, object()], dtype=object), "cat": pd.Categorical([7, None, 7]),
    "zone": pd.to_datetime(["2020-01-01T23:30Z"] * 3).tz_convert("Europe/Berlin"),
})  # fmt: skip


def test_pandas_columns_of_python_objects() -> None:
    made = xp.map_rows(OBJECTS, {name: name for name in OBJECTS if name != "odd"}).to_pylist()
    assert [row.get("big") for row in made] == [str(2**70), "3", None]
    assert [row.get("mixed") for row in made] == ["1", "x", "2.5"]
    assert [row.get("money") for row in made] == [1.1, None, 7712.48]
    assert [row.get("wide") for row in made] == [str(2**60 + 1), "1.5", None]
    assert [row.get("missing") for row in made] == [None, "q", None]
    assert [row.get("cat") for row in made] == [7, None, 7]
    schema = xp.Schema.from_dict({"$id": "https://e.example/s", "title": "S", "type": "object",
                                  "properties": {"day": {"type": "string", "format": "date"}}})  # fmt: skip
    assert [row["day"].isoformat() for row in xp.map_rows(OBJECTS, {"day": "zone"}, schema).to_pylist()] == [
        "2020-01-02"
    ] * 3
    with pytest.raises(MappingError, match="odd"):
        xp.map_rows(OBJECTS, {"x": "odd"})


def test_ids_that_lost_digits_as_floats_are_refused_before_the_first_row(tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": [12345678901234567890.0, 5.0], "n": [1e300, 0.5], "ok": [1.0, 2.0**53 - 1]})
    schema = ROOT / "crm-profile.schema.json"
    for source in (frame, pl.from_pandas(frame), pa.table(frame), frame.to_dict("list")):
        for destination in ("identityMap.ECID[0].id", "person.name.firstName"):
            with pytest.raises(MappingError, match=r"'id'.*dtype=\{'id': str\}"):
                xp.map_rows(source, {destination: "id"}, schema)
        for column in ("n", "ok"):
            assert xp.map_rows(source, {"person.name.firstName": column}, schema).to_pylist()
        assert xp.map_rows(source, {"person.birthYear": "ok"}, schema).to_pylist()


def test_polars_types() -> None:
    frame = pl.DataFrame({
        "i": [2**70, None], "e": pl.Series(["a", "b"], dtype=pl.Enum(["a", "b"])),
        "c": pl.Series(["a", None], dtype=pl.Categorical), "d": pl.Series([Decimal("1.10"), None]),
        "o": pl.Series([1, "x"], dtype=pl.Object), "n": pl.Series([None, None]), "f": [1.5, None],
        "l": pl.Series([[1, 2], [3, 4]], dtype=pl.Array(pl.Int8, 2)),
    })  # fmt: skip
    for source in (frame, frame.drop("o").lazy()):
        made = xp.map_rows(source, {name: name for name in frame.columns if name != "o"}).to_pylist()
        assert made[0] == {"i": str(2**70), "e": "a", "c": "a", "d": 1.1, "f": 1.5, "l": [1, 2]}


def test_rows_keep_their_types_and_every_row_fits() -> None:
    rows: list[dict[str, Any]] = [{"a": 1, "o": {"x": 1}}] * 9_000 + [{"a": 2**70, "o": {"y": [Decimal("0.1")]}}]
    for source in (rows, iter(rows)):
        stream = open_source(source)
        made = stream.to_pylist()
        assert (made[0], made[-1]) == ({"a": "1", "o": {"x": 1}}, {"a": str(2**70), "o": {"y": [Decimal("0.1")]}})
        assert len(made) == len(stream.to_pylist()) == 9_001  # generators too can be read again


def test_values_in_rows_that_no_record_can_hold_set_the_row_aside(tmp_path: Path) -> None:
    rows = [{"id": "a", "n": 1.0}, {"id": "b", "n": float("nan")}, {"id": "\ud800", "n": 2.0}]
    mapping = {"person.name.firstName": "id", "person.birthYear": "n"}
    schema = ROOT / "crm-profile.schema.json"
    result = xp.prepare(rows, mapping, schema, tmp_path / "out", rules="jsonschema")
    lines = [json.loads(line) for line in (tmp_path / "out" / "rejects.jsonl").read_text().splitlines()]
    assert (result.written, [(line["row"], line["reasons"][0]["code"]) for line in lines]) == (
        1,
        [(2, "unfit"), (3, "unfit")],
    )


@pytest.mark.parametrize(
    ("source", "say"),
    [
        ([1, 2], "row 1 is of type int"), ([{"a": 1}, "x"], "row 2 is a string"), ([], "no rows"), ({}, "no rows"),
        (iter(()), "no rows"), ({"a": [1], "b": [1, 2]}, "differ in length"), ({"a": "x"}, "not a list of values"),
        (io.BytesIO(b""), "nothing to read"), (None, "not a source"), (pa.array([1]), "no columns"),
    ],
)  # fmt: skip
def test_what_is_no_source_is_refused_with_a_sentence(source: Any, say: str) -> None:
    with pytest.raises(SourceError, match=say):
        open_source(source)


def test_validate_checks_rows_as_they_are() -> None:
    schema = xp.Schema.from_dict({"$id": "https://e.example/s", "title": "S", "type": "object", "properties": {
        "a": {"type": "integer"}, "n": {"type": "number"}, "d": {"type": "string", "format": "date"}}})  # fmt: skip
    rows = [{"a": 1, "n": Decimal("1.5")}, {"a": "x"}, {"n": float("nan")}, {"a": 2**70}, 7]
    for source in (rows, tuple(rows), iter(rows), (row for row in rows)):
        issues = xp.validate(source, schema, rules="jsonschema").issues
        found = [(issue["code"], issue["row"]) for issue in issues.to_pylist()]
        assert found == [("type", 2), ("unfit", 3), ("type", 5)]
    lines = io.BytesIO(b'{"a":1}\n{"a":"x"}\n')
    assert xp.validate(lines, schema, rules="jsonschema").issues["row"].to_pylist() == [2]
    assert xp.validate({"a": [1, 2]}, schema, rules="jsonschema").valid
