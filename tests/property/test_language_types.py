"""The type that an expression says it has, before any row, is the type of what every row gives."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from language_kit import fits, outgoing

from xdmprep.errors import ExpressionError
from xdmprep.language import compile_expression
from xdmprep.language.catalogue import Context, Function
from xdmprep.language.evaluation import Frame, evaluate
from xdmprep.language.functions import table
from xdmprep.language.interpreter import Scope, compile_node, run
from xdmprep.language.shapes import to_python
from xdmprep.language.tree import ARRAY, CHOICE, ELEMENT, MAP, Lambda, Node, children
from xdmprep.language.values import Failed

SCHEMA = pa.schema([
    ("s", pa.string()), ("c", pa.dictionary(pa.int32(), pa.string())), ("n", pa.int64()), ("x", pa.float64()),
    ("t", pa.bool_()), ("d", pa.timestamp("ms", "UTC")), ("z", pa.null()),
    ("o", pa.struct([("s", pa.string()), ("k", pa.int64())])),
    ("q", pa.struct([("s", pa.int64()), ("w", pa.string())])),
    ("l", pa.list_(pa.string())), ("r", pa.list_(pa.int64())),
    ("m", pa.list_(pa.struct([("s", pa.string()), ("k", pa.int64())]))),
    ("p", pa.map_(pa.string(), pa.int64())), ("u", pa.map_(pa.string(), pa.string())),
])  # fmt: skip
DAY = datetime(2020, 2, 29, 12, 30, 5, 7000, UTC)
WORDS = ["a", "2020-01-02", "12", None, '{"a": [1, "b"]}', "x,y=1", "1.5", "true", "https://h.example/p?a=1", ""]
NUMBERS = [1, 7, -3, None, 2**40, 0, 53]
ROWS = [
    {
        "s": WORDS[i % len(WORDS)], "c": WORDS[i * 3 % len(WORDS)], "n": NUMBERS[i % len(NUMBERS)],
        "x": [1.5, 2.0, 0.0, None, 1e300, -1.0][i % 6], "t": [True, False, None][i % 3], "d": [DAY, None][i % 2],
        "z": None, "o": {"s": WORDS[i * 7 % len(WORDS)], "k": NUMBERS[i % 5]} if i % 4 else None,
        "q": {"s": NUMBERS[i % 6], "w": WORDS[i % 5]} if i % 5 else None,
        "l": [*WORDS[i % 9 : i % 9 + i % 3]] if i % 6 else None,
        "r": [*NUMBERS[i % 4 : i % 4 + i % 3]] if i % 7 else None,
        "m": [{"s": WORDS[i % 4], "k": NUMBERS[i % 5]}, None][: i % 3] if i % 5 else None,
        "p": [("a", NUMBERS[i % 6]), ("s", 2)][: i % 3] if i % 7 else None,
        "u": [("k", WORDS[i % 8])] if i % 3 else None,
    }
    for i in range(24)
]  # fmt: skip
BATCH = pa.RecordBatch.from_pylist(ROWS, schema=SCHEMA)
COLUMNS = dict(zip(SCHEMA.names, BATCH.columns, strict=True))
RECORDS = BATCH.to_pylist(maps_as_pydicts="strict")
LITERALS = ["'a'", "'yyyy-MM-dd'", "'k'", "','", "1", "2.5", "true", "false", "null", "0"]
LAMBDAS = ["v -> v", "v -> v != null", "v -> v.s", "v -> concat(v, s)", "v -> v == n", "v -> to_object('v', v, 'n', n)"]
ENTRIES = [entry for entry in {id(each): each for each in table().values()}.values() if entry.availability == "yes"]


def written(entry: Function, parts: list[str]) -> str:
    """A call as people write it."""
    name, (first, *rest) = entry.name, parts or [""]
    if entry.category == "method":
        return f"({first}){name}({', '.join(rest)})"
    if name == ARRAY:
        return f"[{', '.join(parts)}]"
    if name == MAP:
        return "{" + ", ".join(f"'{key}': {part}" for key, part in zip("abcd", parts, strict=False)) + "}"
    if name == ELEMENT:
        return f"({first})[{rest[0]}]"
    if name == CHOICE:
        return f"({first}) ? ({rest[0]}) : ({rest[1]})"
    if entry.category == "operator":
        return f"{name[:-1]}({first})" if name.endswith("@") else f"({first}) {name} ({rest[0]})"
    return f"{name}({', '.join(parts)})"


@st.composite
def calls(draw: st.DrawFn, depth: int = 1, entry: Function | None = None) -> str:
    """A call of some function with columns, literals and other calls."""
    chosen = entry or draw(st.sampled_from(ENTRIES))
    count = draw(st.integers(chosen.fewest, chosen.fewest + 2 if chosen.most is None else chosen.most))
    columns, parts = st.sampled_from(SCHEMA.names), []
    for place in range(count):
        if place == chosen.lambda_at:
            parts.append(draw(st.sampled_from(LAMBDAS)))
            continue
        below = st.one_of(columns, calls(depth - 1)) if depth else columns
        parts.append(draw(st.one_of(columns, below, st.sampled_from(LITERALS))))
    return written(chosen, parts)


def parts(node: Node) -> Iterator[Node]:
    """A node and all below it, but for lambdas, which have variables."""
    yield node
    for child in children(node):
        if not isinstance(child, Lambda):
            yield from parts(child)


def check(text: str) -> None:
    """Of an expression as a whole by the interpreter, and of all its parts by the kernels."""
    try:
        expression = compile_expression(text, SCHEMA)
    except ExpressionError:
        return
    said = expression._types(expression._read)
    rows = Frame(COLUMNS, len(ROWS), Context(expression.options))
    for node in parts(expression.folded):
        if (kind := said[node]) is not None:
            made = evaluate(node, rows)
            settled = range(len(ROWS)) if made.open is None else (~made.open).nonzero()[0]
            values = to_python(made.values)
            assert all(fits(outgoing(values[row]), kind) for row in settled), (text, node, kind, values)
    if expression.type is None:
        return
    tree = compile_node(expression.tree)
    for record in RECORDS:
        try:
            value = outgoing(run(tree, Scope(record, Context(expression.options))))
        except Failed:
            continue
        assert fits(value, expression.type), (text, expression.type, record, value)


LENIENT = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
@LENIENT
@given(st.data())
def test_every_function_gives_values_of_the_type_that_is_said(entry: Function, data: st.DataObject) -> None:
    check(data.draw(calls(0, entry)))


@settings(LENIENT, max_examples=300)
@example("str_to_object((s) + (s), s)")
@given(calls(2))
def test_calls_of_calls_give_values_of_the_type_that_is_said(text: str) -> None:
    check(text)


CHOICES = [
    "iif(t, {}, {})", "(t) ? ({}) : ({})", "decode(s, 'a', {}, {})", "decode(n, 1, {}, 7, null, {})",
    "coalesce({}, {})", "({}) ?? ({})", "({}) ?: ({})", "min({}, {})", "max({}, {})",
    "to_array(false, {}, {})", "[{}, {}]",
    "add_to_array([{}], {})", "join_arrays([{}], [{}])", "upsert_array_append([{}], [{}])",
    "iif(t, to_object('a', {}), to_object('b', {}))", "iif(s == 'a', to_array(false, {}), to_array(true, {}))",
]  # fmt: skip


@pytest.mark.parametrize("template", CHOICES)
def test_a_choice_has_a_type_for_both_of_its_values(template: str) -> None:
    values = [*SCHEMA.names, "'a'", "1"]
    for at, one in enumerate(values):
        for place, other in enumerate(values[: at + 1]):  # each pair once, in turns from left and from right
            check(template.format(one, other) if (at + place) % 2 else template.format(other, one))
