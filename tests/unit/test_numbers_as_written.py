"""Numbers of several kinds in one Python column: each becomes text as it is written, and the same number."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xdmprep as xp

SCHEMA = xp.Schema.from_dict({
    "$id": "https://ns.example.com/numbers", "type": "object",
    "properties": {
        "t": {"type": "string"}, "n": {"type": "number"}, "j": {"type": "string"},
        "o": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "number"}}},
        "l": {"type": "array", "items": {"type": "string"}}, "m": {"type": "array", "items": {"type": "number"}},
    },
})  # fmt: skip
MAPPING = {"t": "v", "n": "v", "o.a": "o.a", "o.b": "o.a", "l": "l", "m": "l", "j": "concat('', o)"}
SOURCES: dict[str, Callable[[list[Any]], Any]] = {
    "dicts": lambda values: rows_of(values),
    "generator": lambda values: iter(rows_of(values)),
    "dict of lists": lambda values: {name: [row[name] for row in rows_of(values)] for name in ("v", "o", "l")},
    "pandas": lambda values: pd.DataFrame({
        name: pd.Series([row[name] for row in rows_of(values)], dtype=object) for name in ("v", "o", "l")
    }),
    "pandas, categories": lambda values: pd.DataFrame(rows_of(values), dtype=object).assign(
        v=pd.Categorical(pd.Series(values, dtype=object))
    ),
    "polars": lambda values: pl.DataFrame({
        name: pl.Series([row[name] for row in rows_of(values)], dtype=pl.Object) for name in ("v", "o", "l")
    }),
    "tables": lambda values: [pd.DataFrame(rows_of(values), dtype=object)],
}  # fmt: skip


def rows_of(values: list[Any]) -> list[dict[str, Any]]:
    return [{"v": value, "o": {"a": value}, "l": [value]} for value in values]


def text(value: Any) -> str:
    return format(value, "f") if isinstance(value, Decimal) else repr(value)


def check(made: list[dict[str, Any]], values: list[Any]) -> None:
    for record, value in zip(made, values, strict=True):
        assert record["t"] == record["o"]["a"] == record["l"][0] == text(value)
        assert record["n"] == record["o"]["b"] == record["m"][0] == float(value)
        assert json.loads(record["j"], parse_float=Decimal, parse_int=Decimal) == {"a": Decimal(text(value))}


D = Decimal
MIXED = [
    [D("0.10"), D("1.123456789")], [D("1"), D("1.50")], [D("0.10"), 5], [5, 0.5], [0.1, D("0.10"), 7],
    [D("1E+3"), D("-0.25")], [D("1" * 60 + ".5"), D("0." + "1" * 60)], [5, D(7), 2**53, -1.5],
]  # fmt: skip


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("values", MIXED, ids=str)
def test_each_number_is_spelled_as_it_was_given(values: list[Any], source: str) -> None:
    check(xp.map_rows(SOURCES[source](values), MAPPING, SCHEMA).to_pylist(), values)


numbers = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=None).filter(
    lambda value: abs(int(value.as_tuple().exponent)) < 40
) | st.integers(-(2**53), 2**53)


@settings(max_examples=60, deadline=None)
@given(st.lists(numbers, min_size=1, max_size=6), st.sampled_from(["dicts", "pandas"]))
def test_any_decimals_and_integers(values: list[Any], source: str) -> None:
    made = xp.map_rows(SOURCES[source](values), {"t": "v", "n": "v"}, SCHEMA).to_pylist()
    for record, value in zip(made, values, strict=True):
        assert Decimal(record["t"]) == value
        assert record["n"] == float(value)


@pytest.mark.parametrize("odd", [float("nan"), D("NaN"), D("sNaN"), float("-inf"), np.float32("inf")], ids=repr)
def test_what_is_no_number_is_a_finding(odd: Any, tmp_path: Path) -> None:
    result = xp.prepare([{"v": 1001}, {"v": odd}, {"v": D("0.10")}], {"t": "v"}, SCHEMA, out=tmp_path / "out")
    assert [(issue.code, issue.row) for issue in result.report] == [("unfit", 2)]
    lines = (tmp_path / "out" / "part-00000.json").read_text().splitlines()
    assert [json.loads(line).get("t") for line in lines if line != "{}"] == ["1001", "0.10"]


def test_as_records_they_are_numbers(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"n": D("0.10"), "m": [5, 0.5]}, {"n": 7, "m": [D("1.123456789")]}]
    assert xp.validate(rows, SCHEMA).valid
    for form, write in (("json", xp.write_json), ("parquet", xp.write_parquet)):
        write(rows, tmp_path / form)
    made = [json.loads(line) for line in (tmp_path / "json" / "part-00000.json").read_text().splitlines()]
    assert made == [{"n": 0.1, "m": [5, 0.5]}, {"n": 7, "m": [1.123456789]}]
    assert pd.read_parquet(tmp_path / "parquet" / "part-00000.parquet")["n"].tolist() == [0.1, 7]


def test_callables_get_numbers() -> None:
    rows = [{"v": 5}, {"v": 0.5}]
    made = xp.map_rows(rows, {"n": {"call": lambda v: v.to_pandas() * 2, "columns": ["v"]}}, SCHEMA)
    assert made.to_pylist() == [{"n": 10.0}, {"n": 1.0}]


@pytest.mark.parametrize("kind", ["file", "dicts", "generator"])
@pytest.mark.parametrize(
    "shape", [
        lambda v: {"a": v}, lambda v: {"a": {"b": v}}, lambda v: {"a": {"b": [v, v]}}, lambda v: {"a": [{"b": v}]},
        lambda v: {"a": [[v]]}, lambda v: {"a": [{"b": {"c": [{"d": v}]}}]},
    ],
    ids=["field", "object", "array in an object", "objects in an array", "arrays", "deep"],
)  # fmt: skip
def test_records_with_numbers_of_several_kinds_are_written_as_they_are(
    kind: str, shape: Callable[[Any], Any], tmp_path: Path
) -> None:
    rows = [shape(value) for value in (0, 1.5, -7, 2.25)]
    (tmp_path / "rows.json").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    source = {"file": tmp_path / "rows.json", "dicts": rows, "generator": iter(rows)}[kind]
    xp.write_json(source, tmp_path / "out")
    made = [json.loads(line) for line in (tmp_path / "out" / "part-00000.json").read_text().splitlines()]
    assert made == rows
    xp.write_parquet(tmp_path / "out" / "part-00000.json", tmp_path / "parquet")
    assert xp.map_rows(tmp_path / "parquet", {"a": "a"}, None).to_pylist() == rows


WIDE = xp.Schema.from_dict({
    "$id": "https://ns.example.com/o", "type": "object", "properties": {
        "text": {"type": "string"}, "number": {"type": "number"}, "integer": {"type": "integer"},
        "long": {"type": "integer", "meta:xdmType": "long"},
        "list": {"type": "array", "items": {"type": "number"}},
        "object": {"type": "object", "properties": {"n": {"type": "number"}, "t": {"type": "string"}}},
    },
})  # fmt: skip


@pytest.mark.parametrize("kind", [pa.uint64(), pa.decimal128(20, 0)], ids=str)
@pytest.mark.parametrize("last", [2**63 - 1, 2**63, 2**64 - 1])
def test_integers_without_a_sign_fit_as_others_of_their_size_do(kind: pa.DataType, last: int) -> None:
    values = [1, None, last]
    numbers = [None if one is None else float(one) for one in values]
    expected = {
        "text": [one and str(one) for one in values], "number": numbers,
        "integer": [1, None, None], "long": [1, None, last if last < 2**63 else None],
    }  # fmt: skip
    exact = pa.array([one and Decimal(one) for one in values], pa.decimal128(20, 0)).cast(kind)
    for field, wanted in expected.items():
        made = xp.map_rows(pa.table({"v": exact}), {field: "v"}, WIDE)
        assert [row.get(field) for row in made.to_pylist()] == wanted
    lists = pa.ListArray.from_arrays(pa.array([0, 1, 2, 3], pa.int32()), exact)
    objects = pa.StructArray.from_arrays([exact, exact], names=["n", "t"])
    nested = xp.map_rows(pa.table({"l": lists, "o": objects}), {"list": "l", "object": "o"}, WIDE).to_pylist()
    assert [(row.get("list") or [None])[0] for row in nested] == numbers
    assert [row.get("object", {}).get("n") for row in nested] == numbers
    assert [row.get("object", {}).get("t") for row in nested] == expected["text"]
