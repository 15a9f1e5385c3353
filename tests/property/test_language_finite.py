"""No NaN and no infinity leaves the language or a writer: JSON has neither."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from language_kit import values_of

import xdmprep as xp
from xdmprep.errors import ExpressionError
from xdmprep.language import compile_expression
from xdmprep.language.catalogue import Function
from xdmprep.language.functions import catalogue

INFINITE = st.sampled_from([math.nan, math.inf, -math.inf])
number = st.one_of(st.none(), INFINITE, st.floats(-9, 9))
SCHEMA = pa.schema([
    ("x", pa.float64()), ("f", pa.float32()), ("l", pa.list_(pa.float64())), ("o", pa.struct([("a", pa.float64())])),
    ("p", pa.list_(pa.struct([("k", pa.string()), ("v", pa.list_(pa.float64()))]))),
    ("j", pa.string()), ("n", pa.int64()),
])  # fmt: skip
TEXTS = ["1e999", '{"a": 1e999}', "[NaN]", '{"a": Infinity}', "[1e308, -1e400]", "NaN", "Infinity", "-1e309",
         '{"a": [1.5]}', "9" * 400]  # fmt: skip
row = st.fixed_dictionaries({
    "x": number, "f": number, "l": st.none() | st.lists(number, max_size=3), "o": st.fixed_dictionaries({"a": number}),
    "p": st.lists(st.fixed_dictionaries({"k": st.just("k"), "v": st.lists(number, max_size=2)}), max_size=2),
    "j": st.sampled_from(TEXTS), "n": st.sampled_from([0, 1, 2**63 - 1]),
})  # fmt: skip
ARGUMENTS = ["x", "f", "l", "o", "p", "j", "l[0]", "o.a", "p[0].v", "json_to_object(j)", "to_decimal(j)", "[x, l]",
             "1e308"]  # fmt: skip
OPERATORS = [f"({{}}) {sign} ({{}})" for sign in "+-*/%"] + ["-({})", "({}) ?? ({})", "({}).toString()", "[{}, {}]"]
USABLE = [f for f in catalogue() if f.availability not in ("no", "data") and f.category not in ("operator", "method")]


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value, *itertools.chain(*map(leaves, value.values()))]
    return list(itertools.chain(*map(leaves, value))) if isinstance(value, list | tuple) else [value]


def is_clean(value: Any) -> bool:
    return not any(isinstance(leaf, float) and not math.isfinite(leaf) for leaf in leaves(value))


def says_infinite(text: Any, rows: list[dict[str, Any]]) -> bool:
    """Whether a string has such a word that was in no string of the source."""
    if not isinstance(text, str) or any(word in row["j"] for row in rows for word in ("NaN", "Infinity")):
        return False
    return any(word in text.lower() for word in ("nan", "inf"))


def call(function: Function, arguments: list[str]) -> str:
    least, most = function.fewest, function.most or max(function.fewest, 3)
    return f"{function.name}({', '.join(itertools.islice(itertools.cycle(arguments), min(max(least, 1), most)))})"


@pytest.mark.parametrize("name", sorted({f.name for f in USABLE} | set(OPERATORS)))
@settings(max_examples=25)
@given(st.lists(st.sampled_from(ARGUMENTS), min_size=2, max_size=3), st.lists(row, min_size=1, max_size=6), st.data())
def test_no_function_gives_nan_or_infinity(
    name: str, arguments: list[str], rows: list[dict[str, Any]], data: st.DataObject
) -> None:
    functions = {f.name: f for f in USABLE}
    text = call(functions[name], arguments) if name in functions else name.format(*arguments)
    text = data.draw(st.sampled_from([text, f'concat("", {text})', f'to_object("q", {text})']))
    try:
        expression = compile_expression(text, SCHEMA)
    except ExpressionError:
        return
    many = values_of(expression.apply(pa.RecordBatch.from_pylist(rows, SCHEMA)))
    alone = [xp.evaluate(text, row) for row in rows]
    for value in (*many, *alone):
        assert is_clean(value), (text, rows, value)
        assert not any(says_infinite(leaf, rows) for leaf in leaves(value)), (text, rows, value)


TARGET = xp.Schema.from_dict({"type": "object", "properties": {
    "x": {"type": "number"}, "s": {"type": "string"}, "l": {"type": "array", "items": {"type": "number"}},
    "o": {"type": "object", "properties": {"a": {"type": "number"}}},
    "p": {"type": "array", "items": {"type": "object", "properties": {
        "k": {"type": "string"}, "v": {"type": "array", "items": {"type": "number"}}}}},
}})  # fmt: skip
MAPPING = {"mappings": [
    {"sourceType": "EXPRESSION", "source": source, "destination": to}
    for source, to in (("x", "x"), ('concat("", o)', "s"), ("l", "l"), ("o", "o"), ("p", "p"))
]}  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(row, min_size=1, max_size=6), st.sampled_from([xp.write_json, xp.write_parquet]), st.booleans())
def test_no_writer_writes_nan_or_infinity(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], write: Any, table: bool
) -> None:
    out: Path = tmp_path_factory.mktemp("out")
    source = pa.Table.from_pylist(rows, SCHEMA) if table else rows
    manifest = write(xp.map_rows(source, MAPPING, TARGET), out / "made")
    for file in manifest.files:
        path = out / "made" / file.name
        if write is xp.write_parquet:
            assert is_clean(pq.read_table(path).to_pylist())
        else:
            for line in path.read_text("utf-8").splitlines():
                json.loads(line, parse_constant=pytest.fail)
    assert manifest.written + manifest.rejected == len(rows)
