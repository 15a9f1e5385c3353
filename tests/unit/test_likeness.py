"""Our likeness of names is rapidfuzz's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz import fuzz

from xdmprep.pipeline.suggest import likeness, ratio

WORDS = st.lists(st.sampled_from("first last name e mail email address é number a b ab".split()), max_size=5).map(
    " ".join
)


@given(st.text("abcdé ", max_size=70), st.text("abcdé ", max_size=70))
def test_the_ratio_is_that_of_the_longest_common_subsequence(a: str, b: str) -> None:
    assert ratio(a, b) == pytest.approx(fuzz.ratio(a, b))


@given(WORDS, WORDS)
def test_words_count_in_any_order(a: str, b: str) -> None:
    expected = max(fuzz.ratio(a, b), fuzz.token_sort_ratio(a, b), 0.92 * fuzz.token_set_ratio(a, b))
    assert likeness(a, b) == pytest.approx(expected)
