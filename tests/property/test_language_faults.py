"""Whatever is written as an expression is evaluated or refused with a message, never with another error."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from xdmprep.errors import ExpressionError, XdmPrepError
from xdmprep.language import catalogue, compile_expression, evaluate
from xdmprep.language.grammar import parse

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
