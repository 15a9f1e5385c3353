"""Places in a block of lines, beside numpy's own search."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xdmprep.validate import bits, numerals
from xdmprep.validate.bits import lowest
from xdmprep.validate.lines import PADDING, Lines


@settings(deadline=None)
@given(st.integers(0, 700), st.sets(st.integers(0, 699)), st.sets(st.integers(0, 699)), st.integers(0, 200))
def test_places_are_found_word_by_word(size: int, chosen: set[int], unset: set[int], room: int) -> None:
    data = np.zeros(size, np.uint8)
    data[[place for place in chosen if place < size]] = 7
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bits, "SLICE", 64)
        words = bits.bits(data, np.equal, 7, room)
    assert len(words) * 64 >= size + room
    assert bits.places(words).tolist() == np.flatnonzero(data).tolist()
    bits.clear(words, np.asarray(sorted(place for place in unset if place < size), np.int64))
    assert bits.places(words).tolist() == [place for place in sorted(chosen - unset) if place < size]


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


_DIGITS = st.one_of(st.text("0123456789", max_size=9), st.sampled_from(["1234567", "12345678", "0000000", "9" * 18]))
_EXPONENTS = st.sampled_from(["", "", "", "e1", "E+2", "e-3", "e", "x", "-"])
_NUMBERS = st.builds(
    "{}{}{}{}{}".format, st.sampled_from(["", "-"]), _DIGITS, st.sampled_from(["", "."]), _DIGITS, _EXPONENTS
)


@settings(deadline=None)
@given(st.lists(_NUMBERS, min_size=1, max_size=20), st.sampled_from([",", "}", "]"]))
def test_numbers_of_all_lengths_together(texts: list[str], ending: str) -> None:
    data = (ending.join(texts) + ending).encode()
    begin = np.cumsum([0, *[len(text) + 1 for text in texts]])[:-1]
    found, size = numerals.numbers(Lines(np.frombuffer(data + bytes(PADDING), np.uint8), len(data)), begin)
    for text, value, length in zip(texts, found.tolist(), size.tolist(), strict=True):
        try:
            expected = json.loads(text)
        except ValueError:  # what follows the digits, if there are any, is no end of a value
            assert not length or text[length:]
            continue
        if len(text) > 31:  # is read by itself
            assert not length
            continue
        exact = len(text.lstrip("-")) <= 18 if found.dtype == np.int64 else abs(expected) < 2**53
        assert length == (len(text) if exact else 0)
        if exact:
            assert (value, str(value)[0] == "-") == (
                expected,
                text[0] == "-" and (found.dtype != np.int64 or value != 0),
            )
