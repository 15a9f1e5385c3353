"""The test of a pattern of a few sets of characters gives the verdict of Python's own expressions, on any strings."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdmprep.validate.patterns import compile_pattern
from xdmprep.validate.value_tests import PatternTest

pytestmark = pytest.mark.usefixtures("both_ways")

SETS = st.sampled_from(["[0-9]", r"\d", r"\w", "[A-Z]", "[A-Za-z]", "[a-c0-3-]", "S", "-", r"\.", "[-a]", "@", "[ab]"])
SHAPES = st.lists(st.tuples(SETS, st.sampled_from(["", "{1}", "{2}", "{3}"])), min_size=1, max_size=4)
RUNS = st.tuples(SETS, st.sampled_from(["+", "*", "?", "{0,2}", "{1,3}", "{2,}"]))
PATTERNS = st.one_of(SHAPES, RUNS.map(lambda run: [run])).map(
    lambda tokens: "^" + "".join(chars + times for chars, times in tokens) + "$"
)
TEXTS = st.lists(
    st.none() | st.text("09aAzSb-.@_é\n", max_size=6) | st.from_regex(r"\A[A-Z]{2}-[0-9]{2}\Z"), max_size=12
)


@given(PATTERNS, TEXTS, st.data())
def test_verdicts_equal_those_of_expressions(pattern: str, texts: list[str | None], data: st.DataObject) -> None:
    """Also with nulls, in slices, and where a null's slot holds bytes."""
    matching = data.draw(st.lists(st.from_regex(pattern, fullmatch=True).filter(str.isascii), max_size=5))
    texts = texts + matching
    expression = re.compile(pattern.removesuffix("$") + r"\Z", re.ASCII)
    test = PatternTest(compile_pattern(pattern))

    def found(column: pa.Array) -> list[int]:
        positions = test.positions(column)
        return [] if positions is None else positions.tolist()

    wanted = [at for at, text in enumerate(texts) if text is not None and not expression.search(text)]
    column = pa.array(texts, pa.string())
    assert found(column) == wanted
    start = data.draw(st.integers(0, len(texts)))
    assert found(column.slice(start)) == [at - start for at in wanted if at >= start]
    hidden = pa.array([text is not None for text in texts])
    filled = column.fill_null("9é")
    validity = pa.array([1 if keep else None for keep in hidden.to_pylist()], pa.int8()).buffers()[0]
    masked = pa.StringArray.from_buffers(len(texts), filled.buffers()[1], filled.buffers()[2], validity)
    assert found(masked) == wanted
