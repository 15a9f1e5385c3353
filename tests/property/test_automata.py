"""Automata against regular expressions: what is accepted matches; of ASCII texts, what matches is accepted.

RE2 says what matches: Python's engine takes years for some of the expressions that are drawn here.
"""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from xdmprep.kernels.interface import Automaton
from xdmprep.regex import compile_ecma
from xdmprep.regex.dfa import automaton
from xdmprep.validate.formats import EXAMPLES, SCREENS
from xdmprep.validate.patterns import compile_pattern

single = st.sampled_from(
    ["a", "b", "-", "@", r"\.", r"\d", r"\w", r"\s", r"\S", "[ab]", "[^@\\s]", "[a-f0-9]", r"[\d-]", "x", "[^a]", "é"]
)
quantity = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{1,3}", "{2,}", "{0,2}"])
expression = st.recursive(
    st.tuples(single, quantity).map("".join),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.tuples(st.lists(inner, min_size=1, max_size=3).map("|".join), quantity).map(lambda x: f"(?:{x[0]}){x[1]}"),
        st.lists(inner, min_size=2, max_size=2).map("|".join),
    ),
    max_leaves=6,
)
texts = st.lists(st.none() | st.text("ab-@. xf0é\n", max_size=12), min_size=1, max_size=13)


def not_accepted(machine: Automaton, values: list[str | None]) -> list[int]:
    found = []
    for at, text in enumerate(values):
        state = 0
        for byte in (text or "").encode():
            state = machine.table[state, byte]
        if text is not None and not machine.accepting[state]:
            found.append(at)
    return found


@settings(max_examples=1000)
@given(expression, st.sampled_from(["", "^"]), st.sampled_from(["", "$"]), texts, st.integers(0, 3))
@example(r"[^@\s]+@[^@\s]+\.[^@\s]+", "^", "$", ["a@b.f", "a@b", "é@b.f", None, "a@@b.f", ""], 0)
@example("a|b", "^", "$", ["xb"], 0)  # the anchor binds one alternative only
@example("(?:a*){2}", "", "", ["b"], 0)
def test_what_is_accepted_matches(body: str, begin: str, end: str, values: list[str | None], skip: int) -> None:
    pattern = compile_pattern(begin + body + end)
    assume(pattern.re2 is not None)
    machine = automaton(pattern.tree)
    assume(machine is not None)
    assert machine is not None
    column = pa.array(values, pa.string())[skip:]
    doubted = set(not_accepted(machine, column.to_pylist()))
    matching = pc.match_substring_regex(column, pattern.re2).to_pylist()
    for at, (text, matches) in enumerate(zip(column.to_pylist(), matching, strict=True)):
        if text is None:
            assert at not in doubted
        elif not matches:
            assert at in doubted, (pattern.text, text)
        elif text.isascii():
            assert at not in doubted, (pattern.text, text)


@pytest.mark.parametrize("name", sorted(SCREENS))
def test_screens_of_formats_have_an_automaton(name: str) -> None:
    machine = automaton(compile_ecma(SCREENS[name]).tree)
    assert machine is not None
    good = EXAMPLES[name]
    values: list[str | None] = [good, good + "\n", "é" + good, good[:-1], good + "x", "", "1" * 300]
    matching = [re.compile(SCREENS[name][:-1] + r"\Z", re.ASCII).search(text) is not None for text in map(str, values)]
    expected = [at for at, matches in enumerate(matching) if not matches]
    assert not_accepted(machine, values) == expected


@pytest.mark.parametrize(
    "text",
    [
        "^a|b",
        r"\bword",
        "a{0}",
        "(?=a)b",
        r"(a)\1",
        "^^a",
        "a$b",
        "(?:(?:a|b){60}){60}",
        "x{3000}",
    ],
)
def test_the_unusual_has_none(text: str) -> None:
    assert automaton(compile_ecma(text).tree) is None


def test_an_expression_that_matches_everything() -> None:
    machine = automaton(compile_ecma("a*").tree)
    assert machine is not None and not_accepted(machine, ["", "é", "b"]) == []
