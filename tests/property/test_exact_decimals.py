"""Decimals keep their digits in every source and expression; Python's decimal is the judge."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal, getcontext, localcontext
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from language_kit import errors_of, values_of

import xdmprep as xp
from xdmprep.language import Options, compile_expression
from xdmprep.language.catalogue import Context
from xdmprep.language.interpreter import Scope, compile_node, run
from xdmprep.language.values import Failed, incoming, leaves_changed

D = Decimal
#: Values of nine digits behind the point that no double holds, one that looks like a double, zero, and none.
X = [D("12345678901234567890.123456789"), D("-0.100000000"), D("0.000000001"), D("0.000000000"), None]
Y = [D("0.10"), D("2.50"), D("-3.00"), D("1234567890123456.75"), D("0.10")]
ROWS: list[dict[str, Any]] = [
    {"x": x, "y": y, "a": {"x": x, "l": [y, x]}, "l": [x, y], "m": {"k": x}} for x, y in zip(X, Y, strict=True)
]
TYPE = pa.decimal128(29, 9)
SCHEMA = pa.schema([
    ("x", TYPE), ("y", pa.decimal128(18, 2)), ("a", pa.struct([("x", TYPE), ("l", pa.list_(TYPE))])),
    ("l", pa.list_(TYPE)), ("m", pa.map_(pa.string(), TYPE)),
])  # fmt: skip


def arrow() -> pa.Table:
    return pa.Table.from_pylist([{**row, "m": list(row["m"].items())} for row in ROWS], SCHEMA)


def parquet(folder: Path) -> Path:
    pq.write_table(arrow(), folder / "rows.parquet")
    return folder / "rows.parquet"


def json_lines(folder: Path) -> Path:
    def plain(value: Any) -> str:
        if isinstance(value, dict):
            return "{" + ",".join(f"{json.dumps(key)}:{plain(item)}" for key, item in value.items()) + "}"
        if isinstance(value, list):
            return f"[{','.join(map(plain, value))}]"
        return "null" if value is None else format(value, "f")

    (folder / "rows.jsonl").write_text("\n".join(map(plain, ROWS)) + "\n")
    return folder / "rows.jsonl"


SOURCES: dict[str, Callable[[Path], Any]] = {
    "list of dicts": lambda _: ROWS,
    "generator of dicts": lambda _: iter(ROWS),
    "dict of lists": lambda _: {name: [row[name] for row in ROWS] for name in SCHEMA.names},
    "pandas, objects": lambda _: pd.DataFrame(ROWS),
    "pandas, pyarrow types": lambda _: arrow().to_pandas(types_mapper=pd.ArrowDtype),
    "polars": lambda _: pl.from_arrow(arrow().drop_columns("m")).with_columns(  # type: ignore[union-attr]
        pl.struct(k=pl.col("x")).alias("m")
    ),
    "Arrow": lambda _: arrow(),
    "Arrow, 256 bits": lambda _: arrow().set_column(0, "x", arrow()["x"].cast(pa.decimal256(60, 9))),
    "Arrow, dictionary": lambda _: arrow().set_column(0, "x", arrow()["x"].combine_chunks().dictionary_encode()),
    "reader": lambda _: arrow().to_reader(max_chunksize=2),
    "Parquet": parquet,
    "DuckDB": lambda _: duckdb.connect().from_arrow(arrow()),
    "JSON": json_lines,
}


def either(row: dict[str, Any], choose: Callable[..., Any]) -> Any:
    found = [value for value in (row["x"], row["y"]) if value is not None]
    return choose(found)


TEXTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "x": lambda row: row["x"],
    "a.x": lambda row: row["x"],
    "l[0]": lambda row: row["x"],
    "a.l[1]": lambda row: row["x"],
    "m.k": lambda row: row["x"],
    "concat(x, '')": lambda row: row["x"],
    "concat('', a.x)": lambda row: row["x"],
    "concat(l[1], '')": lambda row: row["y"],
    "x + ''": lambda row: row["x"],
    "iif(true, x, y)": lambda row: row["x"],
    "coalesce(x, y)": lambda row: row["x"] if row["x"] is not None else row["y"],
    "x ?? y": lambda row: row["x"] if row["x"] is not None else row["y"],
    "to_array(false, x, y)[1]": lambda row: row["y"] if row["x"] is not None else None,
    "to_object('k', x).k": lambda row: row["x"],
    "{'k': x}.k": lambda row: row["x"],
    "to_map('k', x).k": lambda row: row["x"],
    "first(l)": lambda row: row["x"],
    "join('', to_array(false, y))": lambda row: row["y"],
    "to_decimal(x)": lambda row: row["x"],
    "-x": lambda row: row["x"] if row["x"] is None else -row["x"],
    "min(x, y)": lambda row: either(row, min),
    "max(x, y)": lambda row: either(row, max),
    "x + y": lambda row: (row["x"] or 0) + row["y"],
    "x - y": lambda row: (row["x"] or 0) - row["y"],
    "x * y": lambda row: (row["x"] or 0) * row["y"],
    "x + 1": lambda row: (row["x"] or 0) + 1,
    "x * 1.1": lambda row: (row["x"] or 0) * D("1.1"),
    "2 * a.x - l[1]": lambda row: 2 * (row["x"] or 0) - row["y"],
}
TRUTHS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "x == y": lambda row: row["x"] == row["y"],
    "x > y": lambda row: row["x"] is not None and row["x"] > row["y"],
    "x <= a.x": lambda row: True,
    "y == 0.1": lambda row: row["y"] == D("0.1"),
    "x == '12345678901234567890.123456789'": lambda row: row["x"] == X[0],
    "x == 12345678901234567890": lambda row: False,
    "x < 0.0000000015": lambda row: row["x"] is not None and row["x"] < D("0.0000000015"),
    "l[0] == m.k": lambda row: True,
    "x =~ [y, x]": lambda row: True,
}
OUT = xp.Schema.from_dict({
    "$id": "https://ns.example/decimals", "title": "Decimals", "type": "object", "properties": {
        "t": {"type": "string"}, "n": {"type": "number"}, "b": {"type": "boolean"},
        "row": {"type": "integer"},
    },
})  # fmt: skip


@pytest.fixture(autouse=True)
def _wide() -> Any:
    """Python's own decimals without rounding."""
    with localcontext() as context:
        context.prec = 200
        yield


@pytest.mark.parametrize("source", SOURCES)
def test_decimals_keep_their_digits(source: str, tmp_path: Path) -> None:
    for expression, wanted in TEXTS.items():
        got = xp.map_rows(SOURCES[source](tmp_path), {"t": expression, "n": expression}, OUT).to_pylist()
        for row, record in zip(ROWS, got, strict=True):
            value = wanted(row)
            text, number = record.get("t"), record.get("n")
            assert (D(text) if text else None) == value, (expression, row, record)
            assert number == (None if value is None else float(value)), (expression, row, record)


@pytest.mark.parametrize("source", SOURCES)
def test_decimals_are_compared_with_all_their_digits(source: str, tmp_path: Path) -> None:
    for expression, wanted in TRUTHS.items():
        got = xp.map_rows(SOURCES[source](tmp_path), {"b": expression}, OUT).to_pylist()
        assert [record["b"] for record in got] == [wanted(row) for row in ROWS], expression


@pytest.mark.parametrize("source", SOURCES)
def test_objects_and_arrays_as_text_hold_the_digits(source: str, tmp_path: Path) -> None:
    for expression, wanted in {
        "concat('', a)": lambda row: row["a"], "concat('', l)": lambda row: row["l"],
        "concat('', {'k': x, 'l': [y]})": lambda row: {"k": row["x"], "l": [row["y"]]},
        "concat('', transformArray(l, e -> e))": lambda row: row["l"],
    }.items():  # fmt: skip
        got = xp.map_rows(SOURCES[source](tmp_path), {"t": expression}, OUT).to_pylist()
        for row, record in zip(ROWS, got, strict=True):
            assert json.loads(record["t"], parse_float=D, parse_int=D) == wanted(row), (expression, row)


@pytest.mark.parametrize("source", SOURCES)
def test_a_quotient_is_right_to_34_digits(source: str, tmp_path: Path) -> None:
    got = xp.map_rows(SOURCES[source](tmp_path), {"t": "x / y", "row": "0"}, OUT).to_pylist()
    for row, record in zip(ROWS, got, strict=True):
        exact = Fraction(row["x"] or 0) / Fraction(row["y"])
        assert abs(Fraction(record["t"]) - exact) <= abs(exact) / 10**33


numbers = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**22), max_value=10**22, places=7)
spelled = st.one_of(
    numbers.map(str), st.integers().map(str), st.sampled_from(["", "x", "-0", "1.", ".5", "+1.50", "1e3", "9" * 120])
)
operands = st.one_of(
    numbers, st.integers(-(2**70), 2**70), st.floats(-1e20, 1e20), spelled, st.booleans(), st.none()
)  # fmt: skip
decimals = st.one_of(numbers, st.sampled_from([Decimal("0E-7"), Decimal("-1.5000000")]), st.none())


@given(
    st.lists(st.tuples(decimals, operands), min_size=1, max_size=8), st.sampled_from("+-*/%"), st.sampled_from([7, 0])
)
@example([(None, 0.0), (Decimal("0E-7"), None)], "/", 7)
def test_columns_calculate_as_single_values(pairs: list[tuple[Any, Any]], sign: str, scale: int) -> None:
    getcontext().prec = 28  # what a caller's context says does not matter
    pairs = [(a, b) for a, b in pairs if type(b) in (type(pairs[0][1]), type(None))]
    kind = KINDS[type(next((b for _, b in pairs if b is not None), None))]
    if any(type(b) is int and not -(2**63) <= b < 2**63 for _, b in pairs):
        return
    exact = pa.array([a if a is None or scale else Decimal(round(a)) for a, _ in pairs], pa.decimal128(38, scale))
    rows = pa.record_batch({"a": exact, "b": pa.array([b for _, b in pairs], kind)})
    for text in (
        f"a {sign} b", f"b {sign} a", f"a {sign} 3", f"concat(a {sign} b, '')", f"a {sign} b > a", "a == b", "b <= a",
        "a != '1.50'", "max(a, b)", "min(b, a)", "decode(a, b, 'b', 1.5, 'one')", "to_float(a)", "to_integer(a)",
    ):  # fmt: skip
        expression = compile_expression(text, rows.schema)
        got = expression.apply(rows)
        values = values_of(got)
        alone = compile_node(expression.tree)
        for at, record in enumerate(rows.to_pylist()):
            try:
                wanted = run(alone, Scope(leaves_changed(record, incoming), CONTEXT))
            except Failed as error:
                assert dict(errors_of(got))[at] == str(error), (text, record)
            else:
                assert (type(values[at]), values[at]) == (type(wanted), wanted), (text, record)
                assert at not in dict(errors_of(got)), (text, record)


KINDS = {
    Decimal: pa.decimal128(38, 7), int: pa.int64(), float: pa.float64(), str: pa.string(), bool: pa.bool_(),
    type(None): pa.null(),
}  # fmt: skip
CONTEXT = Context(Options())


@pytest.mark.parametrize("source", SOURCES)
def test_objects_made_by_expressions_keep_the_digits(source: str, tmp_path: Path) -> None:
    schema = xp.Schema.from_dict({
        "$id": "https://ns.example/objects", "title": "Objects", "type": "object", "properties": {
            "o": {"type": "object", "properties": {"t": {"type": "string"}, "n": {"type": "number"}}},
            "l": {"type": "array", "items": {"type": "string"}},
        },
    })  # fmt: skip
    mapping = {"o": "iif(true, to_object('t', x, 'n', y), null)", "l": "to_array(false, x, y)"}
    got = xp.map_rows(SOURCES[source](tmp_path), mapping, schema).to_pylist()
    for row, record in zip(ROWS, got, strict=True):
        text = record["o"].get("t")
        assert (D(text) if text else None) == row["x"]
        assert record["o"]["n"] == float(row["y"])
        assert [*map(D, record["l"])] == [value for value in (row["x"], row["y"]) if value is not None]


@given(st.lists(st.from_regex(r"[+-]?[0-9]{1,25}(\.[0-9]{0,25}|e[0-9])?", fullmatch=True), min_size=1, max_size=8))
def test_fractions_that_are_cut_off_do_not_change_the_digits_before_them(texts: list[str]) -> None:
    batch = pa.record_batch({"t": texts})
    got = values_of(compile_expression("to_bigint(t)", batch.schema).apply(batch))
    assert got == [int(Decimal(text)) for text in texts]
    assert [xp.evaluate("to_bigint(t)", {"t": text}) for text in texts] == [int(Decimal(text)) for text in texts]
