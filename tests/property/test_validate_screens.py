"""Screens of texts that are in no column: whatever fails is doubted, and the usual ones are not."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xdmprep.validate import kernels, screens
from xdmprep.validate.identities import value_faults
from xdmprep.validate.identity_columns import _tests
from xdmprep.validate.lines import PADDING, Lines, Texts
from xdmprep.validate.patterns import compile_pattern
from xdmprep.validate.screens import doubtful

LISTED = ["a", "female", "é", "12345678", "sixteen letters.", "a text of more than sixteen letters", ""]
BLANKS = re.compile(r"(?i)\s*(?:null|anonymous|invalid)?\s*")


def is_date(text: str) -> bool:
    try:
        return bool(re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text)) and bool(datetime.strptime(text, "%Y-%m-%d"))
    except ValueError:
        return False


def is_moment(text: str) -> bool:
    """RFC 3339, by another way than the library's."""
    match = re.fullmatch(r"(.{10})[Tt](\d\d):(\d\d):(\d\d)(\.\d+)?([zZ]|[+-](\d\d):(\d\d))", text, re.ASCII)
    if match is None or not is_date(match[1]):
        return False
    hour, minute, second, *_, off_hour, off_minute = match.groups()[1:]
    return (
        int(hour) < 24
        and int(minute) < 60
        and int(second) < 60
        and int(off_hour or 0) < 24
        and int(off_minute or 0) < 60
    )


#: A test of the library, and what it should say of one text.
PAIRS: dict[str, tuple[kernels.Test, Callable[[str], bool]]] = {
    "not empty": (kernels.length(1), lambda text: len(text) >= 1),
    "three or more": (kernels.length(3), lambda text: len(text) >= 3),
    "at most two": (kernels.length(0, 2), lambda text: len(text) <= 2),
    "short shape": (
        kernels.pattern(compile_pattern("^[0-9]{2}-[A-Z0-9]{2}$")),
        lambda text: bool(re.fullmatch("[0-9]{2}-[A-Z0-9]{2}", text)),
    ),
    "long shape": (
        kernels.pattern(compile_pattern("^[0-9]{38}$")), lambda text: bool(re.fullmatch("[0-9]{38}", text))
    ),
    "very long shape": (
        kernels.pattern(compile_pattern("^[0-9]{32}x[0-9]{32}$")),
        lambda text: bool(re.fullmatch("[0-9]{32}x[0-9]{32}", text)),
    ),
    "listed": (kernels.member(LISTED, pa.string()), lambda text: text in LISTED),
    "date": (kernels.formatted("date") or kernels.finite, is_date),
    "date-time": (kernels.formatted("date-time") or kernels.finite, is_moment),
    "ecid": (dict(_tests("ECID"))["identity-ecid"], lambda text: not list(value_faults(text, "ECID"))),
    "blank": (dict(_tests("CRMID"))["identity-blank"], lambda text: not BLANKS.fullmatch(text)),
    "long": (dict(_tests("CRMID"))["identity-length"], lambda text: len(text) <= 1024),
}  # fmt: skip

TWO = st.sampled_from(
    ["00", "01", "02", "09", "12", "13", "19", "23", "24", "28", "29", "30", "31", "32", "59", "60", "x1"]
)
DAYS = st.builds("{}-{}-{}".format, st.sampled_from(["0000", "0001", "1999", "2000", "2024", "20é"]), TWO, TWO)
OFFSETS = st.one_of(st.sampled_from(["Z", "z", "", ".123Z", ".1Z", ".12345Z"]), st.builds("+{}:{}".format, TWO, TWO))
MOMENTS = st.builds("{}{}{}:{}:{}{}".format, DAYS, st.sampled_from("Tt "), TWO, TWO, TWO, OFFSETS)
NULLS = st.sampled_from(
    ["null", " null", "Null", "nullable", "anonymous", "INVALID", "invalid ", "\u2003", "\u2003x", " x"]
)
DIGITS = st.sampled_from(
    ["1" * 38, "1" * 37, "1" * 37 + "x", "x" + "1" * 37, "1" * 32 + "x" + "1" * 32, "1" * 65, "12-A9", "12-a9"]
)
TEXTS = st.one_of(
    DAYS, MOMENTS, NULLS, DIGITS, st.sampled_from([*LISTED, "b" * 1024, "ü" * 1025, "a\u0301" * 600]),
    st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='"\\'), max_size=6),
)  # fmt: skip


def texts_of(values: list[str | None], escaped: bool = False) -> Texts:
    """Texts as they stand in lines, some perhaps with all their characters escaped; None where there is none."""
    lines, mended = [], []
    for at, value in enumerate(values):
        inside = (value or "").encode()
        if escaped and value and at % 3 == 0:
            units = value.encode("utf-16-be").hex()
            inside = "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4)).encode()
            mended.append(at)
        lines.append(b"{}" if value is None else b'{"k":"%s"}' % inside)
    text = b"".join(line + b"\n" for line in lines)
    block = Lines(np.frombuffer(text + bytes(PADDING), np.uint8), len(text))
    there = np.asarray([value is not None for value in values])
    begin = np.where(there, block.starts + 6, block.starts)
    end = np.where(there, block.ends - 2, block.starts)
    plain = pa.array([values[at] for at in mended], pa.string())
    return Texts(block, begin, end, None if there.all() else there, (np.asarray(mended), plain) if mended else None)


@pytest.fixture(autouse=True)
def many_may_be_doubted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screens, "MOST", 1)


@pytest.mark.parametrize("name", PAIRS)
@settings(deadline=None)
@given(st.lists(st.none() | TEXTS, min_size=1, max_size=12), st.booleans())
def test_what_fails_is_doubted(name: str, values: list[str | None], escaped: bool) -> None:
    test, fits = PAIRS[name]
    wrong = [at for at, value in enumerate(values) if value is not None and not fits(value)]
    texts = texts_of(values, escaped)
    assert texts.array().to_pylist() == values
    found = test(texts.array())
    assert ([] if found is None else found.tolist()) == wrong
    doubts = doubtful(test, texts)
    if doubts is not None:
        assert doubts.tolist() == sorted(set(doubts.tolist()))
        assert all(values[at] is not None for at in doubts.tolist())
        assert set(wrong) <= set(doubts.tolist())
        again = test(texts.take(doubts).array()) if len(doubts) else None
        assert ([] if again is None else doubts[again].tolist()) == wrong


@pytest.mark.parametrize(
    ("name", "usual"),
    [("not empty", ["a", "é", "x" * 300]), ("at most two", ["", "é", "ab"]), ("short shape", ["12-AZ", "00-09"]),
     ("long shape", ["0" * 38]), ("very long shape", ["1" * 32 + "x" + "9" * 32]), ("listed", ["a", "12345678", ""]),
     ("date", ["2024-02-28", "1999-12-31"]), ("ecid", ["9" * 38]), ("blank", ["64015612-80", "x"]),
     ("long", ["y" * 99]),
     ("date-time", ["2024-11-07T13:55:56Z", "2024-11-07T13:55:56.123Z", "2024-01-31T23:59:59+05:30"])],
)  # fmt: skip
def test_usual_texts_are_not_doubted(name: str, usual: list[str]) -> None:
    test, fits = PAIRS[name]
    assert all(map(fits, usual))
    for values in (usual, [None, *usual], [*usual, None, None]):
        doubts = doubtful(test, texts_of(values))
        assert doubts is not None
        assert not len(doubts)
