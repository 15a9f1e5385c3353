"""Places in a block of lines, beside numpy's own search."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from xdmprep.validate.lines import PADDING, Lines, few, lowest


@settings(deadline=None)
@given(st.integers(0, 400), st.sets(st.integers(0, 399)))
def test_few_places_are_found_word_by_word(size: int, places: set[int]) -> None:
    mask = np.zeros(size, bool)
    mask[[place for place in places if place < size]] = True
    assert few(mask).tolist() == np.flatnonzero(mask).tolist()


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=40), st.integers(0, 63))
def test_the_lowest_bit_of_a_word(words: list[int], more: int) -> None:
    words = [*words, 0, 1 << 63, 1 << more, (1 << 64) - (1 << more)]
    expected = [(word & -word).bit_length() - 1 for word in words]
    assert [max(bit, -1) for bit in lowest(np.array(words, np.uint64)).tolist()] == expected


_PART = st.sampled_from(['"', '""', "x", "é", "\\", '\\"', "\\\\", "\n", "y" * 55, "z" * 130, "ü" * 700])


@settings(deadline=None)
@given(st.lists(_PART, min_size=1, max_size=30))
def test_the_next_quote_from_every_place_on(parts: list[str]) -> None:
    text = "".join(parts).encode()
    lines = Lines(np.frombuffer(text + bytes(PADDING), np.uint8), len(text))
    marks: list[int] = []
    at = 0
    while at < len(text):
        if text[at] == ord("\\"):
            at += 1
        elif text[at] == ord('"'):
            marks.append(at)
        at += 1
    assert lines.marks.tolist() == marks
    places = np.arange(len(text) + 3)
    for place, found in zip(places.tolist(), lines.quote_from(places).tolist(), strict=True):
        following = [mark for mark in marks if mark >= place]
        assert found == following[0] if following else found >= len(text)
    ends = [place for place, byte in enumerate(text) if byte == 10]
    assert lines.ends.tolist() == ends + ([] if text.endswith(b"\n") else [len(text)])
    assert lines.count.tolist() == [
        sum(begin <= mark < end for mark in marks) for begin, end in zip(lines.starts, lines.ends, strict=True)
    ]


def test_control_characters_make_a_line_strange() -> None:
    text = b'{"a":1}\r\n{"a":"\t"}\n{}\r{}\n{"a":2}\n{"b":\0}\n{"a":3}\r'
    lines = Lines(np.frombuffer(text + bytes(PADDING), np.uint8), len(text))
    assert lines.strange.tolist() == [False, True, True, False, True, False]
