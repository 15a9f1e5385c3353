"""Columns of the types of DuckDB and Arrow: their own text, or one sentence in plain words."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

import xdmprep as xp

SCHEMA = xp.Schema.from_dict({
    "$id": "https://ns.example.com/types", "type": "object",
    "properties": {
        "t": {"type": "string"}, "n": {"type": "number"}, "l": {"type": "array", "items": {"type": "string"}},
        "o": {"type": "object", "properties": {"a": {"type": "string"}, "1": {"type": "string"}}},
    },
})  # fmt: skip

#: Values of DuckDB that are text as DuckDB writes it.
WRITTEN = [
    "170141183460469231731687303715884105727::HUGEINT", "(-170141183460469231731687303715884105727)::HUGEINT",
    "340282366920938463463374607431768211455::UHUGEINT", "1::UHUGEINT", "18446744073709551615::UBIGINT",
    "'123e4567-e89b-12d3-a456-426614174000'::UUID", "'12:30:15.123456'::TIME", "'12:30:15.5+02:00'::TIMETZ",
    "'23:59:59-15:59'::TIMETZ", "'0010101'::BIT", "'ok'::ENUM('sad', 'ok')", "1.50::DECIMAL(4,2)",
    "12345678901234567890.123456789012345678::DECIMAL(38,18)", "'2024-02-29'::DATE", "true", "(-128)::TINYINT",
    "'123456789012345678901234567890123456789012'::BIGNUM", """'{"a": 0.10000000000000000001}'::JSON""",
]  # fmt: skip


@pytest.mark.parametrize("value", WRITTEN)
def test_text_is_as_duckdb_writes_it(value: str) -> None:
    connection = duckdb.connect()
    (text,) = connection.execute(f"select ({value})::VARCHAR").fetchall()[0]
    relation = connection.sql(
        f'select {value} as "v ""1""", {{\'a\': {value}}} as o, [{value}, NULL] as l union all select NULL, NULL, NULL'
    )
    mapping = {"t": {"column": 'v "1"'}, "o.a": "o.a", "l": "l"}
    assert xp.map_rows(relation, mapping, SCHEMA).to_pylist()[0] == {"t": text, "o": {"a": text}, "l": [text]}


def test_names_of_fields_that_are_names_of_types() -> None:
    relation = duckdb.connect().sql("""select {'BIT': 1, 'a': '101'::BIT} as v, '1'::BIT as "BIT", 2 as v2""")
    made = xp.map_rows(relation, {"t": "v.a", "n": "v.BIT", "o.a": "BIT", "l[0]": "v2"}, SCHEMA).to_pylist()
    assert made == [{"t": "101", "n": 1, "o": {"a": "1"}, "l": ["2"]}]


@pytest.mark.parametrize(
    "keys", [pa.int8(), pa.uint64(), pa.large_string(), pa.string_view(), pa.decimal128(5, 0)], ids=str
)
def test_keys_of_maps_are_text(keys: pa.DataType) -> None:
    kind = pa.map_(pa.string() if pa.types.is_string_view(keys) else keys, pa.string())
    key: Any = 1 if not pa.types.is_large_string(keys) and not pa.types.is_string_view(keys) else "1"
    table = pa.table({"v": pa.array([[(key, "x")], None, []], kind)})
    assert xp.map_rows(table, {"o": "v", "t": "v.1"}, SCHEMA).to_pylist()[0] == {"o": {"1": "x"}, "t": "x"}


class Odd:
    """No record can hold it."""


def column(values: Any, kind: pa.DataType | None = None) -> pa.Table:
    return pa.table({"v": pa.array(values, kind)})


UNHELD: dict[str, tuple[Any, str]] = {
    "duration": (column([1], pa.duration("s")), "a duration cannot be held by a record; convert it to a number of"),
    "interval": (column([(1, 2, 3)], pa.month_day_nano_interval()), "a duration cannot be held by a record"),
    "bytes": (column([b"x"]), "a value of bytes cannot be held by a record; decode or encode it to a string"),
    "bytes of one size": (column([b"x"], pa.binary(1)), "a value of bytes cannot"),
    "view of bytes": (column([b"x"], pa.binary_view()), "a value of bytes cannot"),
    "dictionary of bytes": (pa.table({"v": pa.array([b"x"]).dictionary_encode()}), "a value of bytes cannot"),
    "list of bytes": (column([[b"x"]]), "an array with a value of bytes cannot"),
    "dates as keys": (column([[(dt.date(2024, 1, 1), "x")]], pa.map_(pa.date32(), pa.string())), "a map whose"),
    "pandas period": (pd.DataFrame({"v": pd.period_range("2024-01", periods=1, freq="M")}), "a period or interval of"),
    "pandas interval": (pd.DataFrame({"v": pd.interval_range(0, 1)}), "a period or interval of pandas cannot be held"),
    "pandas timedelta": (pd.DataFrame({"v": pd.to_timedelta([1], "D")}), "a duration cannot be held by a record"),
    "object": ([{"v": Odd()}], "a Python object (Odd in row 1) cannot be held"),
    "geometry": (pa.table({"v": pa.ExtensionArray.from_storage(pa.opaque(pa.int32(), "geometry", "GIS"),
                                                               pa.array([1], pa.int32()))}), "another system's type"),
    "zone": (column([1], pa.timestamp("us", "Mars/Olympus")), "a date-time of the unknown time zone 'Mars/Olympus'"),
    "union": (duckdb.sql("select union_value(num := 2) as v"), "a union cannot be held by a record"),
}  # fmt: skip


@pytest.mark.parametrize("expression", ["v", "concat(v, '')"])
@pytest.mark.parametrize("schema", [SCHEMA, None], ids=["schema", "no schema"])
@pytest.mark.parametrize("kind", UNHELD)
def test_what_no_record_holds_is_said_in_plain_words(kind: str, schema: Any, expression: str) -> None:
    source, words = UNHELD[kind]
    with pytest.raises(xp.MappingError) as raised:
        xp.map_rows(source, {"t": expression}, schema)
    said = str(raised.value)
    assert words in said or (schema is not None and "cannot become a string; pick one" in said)
    assert "extension<" not in said and "[us" not in said and "\n  File" not in said


@pytest.mark.parametrize("schema", [True, False])
@pytest.mark.parametrize("kind", [pa.binary(), pa.duration("s")], ids=str)
def test_a_field_that_no_record_holds_is_never_left_out(kind: pa.DataType, schema: bool) -> None:
    inner = pa.StructArray.from_arrays([pa.array(["x"]), pa.nulls(1, kind)], names=["a", "b"])
    objects = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}
    target = xp.Schema.from_dict({"$id": "https://ns.example.com/o", "type": "object", "properties": {"o": objects}})
    with pytest.raises(xp.MappingError, match=r"^o <- v: 'o\.b': a .* cannot be held by a record"):
        xp.map_rows(pa.table({"v": inner}), {"o": "v"}, target if schema else None)
    assert xp.map_rows(pa.table({"v": inner}), {"o.a": "v.a"}, target if schema else None).to_pylist() == [
        {"o": {"a": "x"}}
    ]


def test_columns_named_by_numbers_are_named_by_the_frame() -> None:
    with pytest.raises(xp.MappingError, match=r"frame\.columns = \[\.\.\.\] for a DataFrame"):
        xp.map_rows(pd.DataFrame([["1", "2"]]), {"t": "first"}, SCHEMA)


def test_what_is_no_record_is_named(tmp_path: Path) -> None:
    periods = pa.array(pd.period_range("2024-01", periods=1, freq="M"))
    with pytest.raises(xp.SourceError, match=r"columns 'v' \(a duration\), 'w' \(a period or interval of pandas\)"):
        xp.write_json(column([1], pa.duration("s")).append_column("w", periods), tmp_path / "out")
