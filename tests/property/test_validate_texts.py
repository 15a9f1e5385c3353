"""Tests on columns of texts, against what Python says of each text."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdmprep.validate.identities import identity_tests
from xdmprep.validate.patterns import compile_pattern
from xdmprep.validate.value_tests import FormatTest, Length, OneOf, PatternTest, ValueTest

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


IDENTITY = {failure.code: test for name in ("ECID", "CRMID") for failure, test in identity_tests(name)}
#: A test of the library, and what it should say of one text.
PAIRS: dict[str, tuple[ValueTest, Callable[[str], bool]]] = {
    "not empty": (Length(1), lambda text: len(text) >= 1),
    "three or more": (Length(3), lambda text: len(text) >= 3),
    "at most two": (Length(0, 2), lambda text: len(text) <= 2),
    "short shape": (
        PatternTest(compile_pattern("^[0-9]{2}-[A-Z0-9]{2}$")),
        lambda text: bool(re.fullmatch("[0-9]{2}-[A-Z0-9]{2}", text)),
    ),
    "long shape": (
        PatternTest(compile_pattern("^[0-9]{38}$")), lambda text: bool(re.fullmatch("[0-9]{38}", text))
    ),
    "very long shape": (
        PatternTest(compile_pattern("^[0-9]{32}x[0-9]{32}$")),
        lambda text: bool(re.fullmatch("[0-9]{32}x[0-9]{32}", text)),
    ),
    "listed": (OneOf(LISTED), lambda text: text in LISTED),
    "date": (FormatTest("date"), is_date),
    "date-time": (FormatTest("date-time"), is_moment),
    "ecid": (IDENTITY["identity-ecid"], lambda text: bool(re.fullmatch("[0-9]{38}", text))),
    "blank": (IDENTITY["identity-blank"], lambda text: not BLANKS.fullmatch(text)),
    "long": (IDENTITY["identity-length"], lambda text: len(text) <= 1024),
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


@pytest.mark.parametrize("name", PAIRS)
@given(st.lists(st.none() | TEXTS, min_size=1, max_size=12), st.booleans())
def test_the_texts_that_fail_are_found(name: str, values: list[str | None], encoded: bool) -> None:
    test, fits = PAIRS[name]
    wrong = [at for at, value in enumerate(values) if value is not None and not fits(value)]
    column = pa.array(values, pa.string())
    found = test.positions(column.dictionary_encode() if encoded else column)
    assert ([] if found is None else found.tolist()) == wrong
    assert [at for at, value in enumerate(values) if value is not None and not test.value(value)] == wrong
