# ruff: noqa: E501
"""Whatever is written as an expression is evaluated or refused with a message, never with another error."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st
from language_kit import errors_of

from xdmprep.errors import ExpressionError, XdmPrepError
from xdmprep.language import Options, catalogue, compile_expression, evaluate
from xdmprep.language.catalogue import Context
from xdmprep.language.grammar import parse
from xdmprep.language.interpreter import Scope, run
from xdmprep.language.values import Failed

NAMES = [entry.name for entry in catalogue()]
PIECES = [
    *"()[]{}.,:?+-*/%!~<>=&|^$\\ \n'\"`@#;", "a", "x", "${", "}", "->", "==", "&&", "||", "?:", "??",
    "?.", "=~", "=^", "=$", "!$",
    "and", "or", "not", "div", "mod", "eq", "empty", "size", "null", "true", "for", "1", "0", "09", "1.5", "1e9",
    "0x", "12L",
    "'t'", '"\\n"', "'\\u12'", "[*]", "{:}", "é", "\U0001f600", "\x00", *[f"{name}(" for name in NAMES],
]  # fmt: skip
values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=5,
)


@settings(max_examples=500)
@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(PIECES), max_size=14).map("".join)))
def test_any_text_is_an_expression_or_a_fault_with_its_place(text: str) -> None:
    try:
        tree = parse(text)
    except ExpressionError as error:
        assert error.position is None or 0 <= error.position <= len(text)
        assert str(error).strip()
        return
    assert all(0 <= part.position <= len(text) for part in [tree])
    try:
        compile_expression(text)
    except XdmPrepError as error:
        assert str(error).strip()


@settings(max_examples=400)
@given(
    st.sampled_from([entry for entry in catalogue() if entry.availability != "no"]),
    st.lists(values, min_size=8, max_size=8),
    st.integers(0, 3),
)
def test_any_values_are_taken_or_refused_with_a_reason(entry: Any, given_values: list[Any], more: int) -> None:
    n = entry.fewest + more if entry.most is None else min(entry.fewest + more, entry.most)
    record = {f"v{i}": value for i, value in enumerate(given_values)}
    try:
        evaluate(f"{entry.name}({', '.join(f'v{i}' for i in range(n))})", record, strict=True)
    except ExpressionError as error:
        assert str(error).strip()


OPERATORS = "+ - * / % & | ^ == != < <= > >= =~ !~ =^ !^ =$ && || ?: ??".split()


@settings(max_examples=300)
@given(st.sampled_from(OPERATORS), values, values)
def test_any_operands_are_taken_or_refused_with_a_reason(operator: str, left: Any, right: Any) -> None:
    try:
        evaluate(f"a {operator} b", {"a": left, "b": right}, strict=True)
    except ExpressionError as error:
        assert str(error).startswith("The evaluation failed: ")


SCHEMA = pa.schema({
    "t": pa.string(), "u": pa.string(), "f": pa.string(), "i": pa.int64(), "d": pa.float64(), "b": pa.bool_(),
    "at": pa.timestamp("us", "UTC"), "l": pa.list_(pa.string()), "o": pa.struct({"k": pa.string()}),
})  # fmt: skip
words = st.one_of(
    st.sampled_from([
        "", " ", "x", "12", "-1.5", "+.5", "1.", "1e5", "1e999", "9" * 19, "9" * 30 + ".5", "\u0663", "1\n", "it's",
        "a\\b", "\u2028" * 90, "é" * 81, "y" * 600, "2020-02-30",
        "2020-02-03", "30.02.2020", "2020-02-03T04:05:06Z", "n 2020", "{}", "[1",
        '{"a": NaN}',
        "https://x.example:y/", "true",
    ]),
    st.text(max_size=6),
    st.from_regex(r"[+-]?[0-9]{0,3}[.]?[0-9]{0,2}(e[0-9])?", fullmatch=True),
)  # fmt: skip
rows_of_all_kinds = st.fixed_dictionaries({
    "t": st.none() | words, "u": st.none() | words, "f": st.sampled_from(["yyyy-MM-dd", "dd.MM.yyyy"]),
    "i": st.none() | st.integers(-2, 2) | st.integers(-(2**63), 2**63 - 1),
    "d": st.none() | st.floats(allow_nan=False), "b": st.none() | st.booleans(),
    "at": st.none() | st.just(datetime(2020, 1, 2, tzinfo=UTC)), "l": st.none() | st.lists(words, max_size=2),
    "o": st.none() | st.fixed_dictionaries({"k": words}),
})  # fmt: skip
FAILING = [
    "to_integer(t)", "to_integer(d)", "to_bigint(t)", "to_bigint(d)", "to_decimal(t)", "to_float(t)", "to_integer(o)",
    *[f"{a} {sign} {b}" for sign in ("-", "*", "/", "%", "<", ">=", "==", "!=") for a, b in
      ["tu", "ti", "it", "td", "dt", "ii", "id", "di", "bi", "tb", "lt", "il", "oi", "bl", "lo"]],
    *[f"{a} {sign} at" for sign in ("<", ">=", "==") for a in "tidblo"], *[f"at < {b}" for b in "tidblo"],
    "date(t)", 'date(t, "yyyy-MM-dd")', 'date(t, "yyyy[-MM[-dd]]")', '''date(t, "d MMM''yy")''',
    "date(t, f)", 'date(t, "dd.MM.yyyy", at)', 'date_part("year", t)',
    'format(t, "yyyy")', 'format(date(t), "yyyy")', "json_to_object(t)",
    "json_to_object(t).a", "t.substring(i)", "t.substring(1, 3)", "t.charAt(i)",
    "t.charAt(2)", "substr(t, i)", "substr(t, i, i)", "left(t, i)", "right(t, i)",
    'json_to_object(iif(b, t, "[1]"))', 'json_to_object(iif(b, t, "[1]"))[0]',
    "max(t, i)", "max(i, t)", "min(t, d)", "min(d, t)", "min(t, i, d)", "date(i)", "date(d)", "date(b)", 'date(i, f)', 'date(i, "yyyyMMdd")',
    "to_decimal(i * i * i)", "to_float(i * i * i)", "to_decimal(i * i) / i", "zone_date_to_zone(at, t)", 'zone_date_to_zone(t, "Nowhere")',
    'zone_date_to_zone(at, "Nowhere")', "make_date_time(2020, 1, 2, 3, 4, 5, i, t)", 'make_date_time(2020, i, 2, 3, 4, 5, i, "Nowhere")',
    *[f'set_date_part("{part}", {value}, {when})' for part in ("dd", "mm", "hh") for value in ("31", "i") for when in ("at", "t", 'zone_date_to_zone(at, "Asia/Tokyo")')],
    "i * i * i", "u.substring(t.lastIndexOf(u))", "t.lastIndexOf(u)",
    "to_integer(iif(b, t, u))", "iif(b, to_integer(t), 1 / i)", "coalesce(date(t), date(u))", "b && to_integer(t) > 1",
    'to_integer(t) + 1 / i - to_integer(u)', "add_to_map(o, l)", "transformArray(l, x -> to_integer(x))",
    "transformArray(l, x -> x * i)", "filterArray(l, x -> to_decimal(x) > i)", "transformArray(l, x -> 1 / i)", "transformArray(l, x -> iif(b, date(x), i))",
    "transformArray(l, x -> date(x, f))", "transformArray(l, x -> transformArray(l, y -> to_integer(y)))", "to_bigint(iif(b, u, t))",
]  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from(FAILING),
    st.lists(rows_of_all_kinds, min_size=1, max_size=6),
    st.sampled_from([1, 30]),
    st.sampled_from([Options(), Options(fractions="truncate", null_operand="error", null_condition="error")]),
)
@example(
    'set_date_part("mm", i, t)',
    [{**dict.fromkeys(["u", "i", "d", "b", "at", "l", "o"]), "t": "", "f": "yyyy"}],
    1,
    Options(),
)
def test_rows_fail_for_the_reason_that_the_reference_gives(
    text: str, some: list[dict[str, Any]], times: int, options: Options
) -> None:
    expression = compile_expression(text, SCHEMA, options=options)
    batch = pa.RecordBatch.from_pylist(some * times, schema=SCHEMA)
    reasons = []
    for at, record in enumerate(batch.to_pylist()):
        try:
            run(expression.evaluator, Scope(record, Context(options)))
        except Failed as error:
            reasons.append((at, str(error)))
    assert errors_of(expression.apply(batch)) == reasons
