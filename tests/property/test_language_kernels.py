# ruff: noqa: E501
"""The columnar kernels beside the reference: dates in every layout, numbers and their text, on texts near the edge."""

from __future__ import annotations

import itertools
import math
import re
import unicodedata
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from language_kit import errors_of, values_of

from xdmprep.core.stream import TIMESTAMP
from xdmprep.language import Options, coerce, compile_expression, evaluate
from xdmprep.language.coercion import coerce_value
from xdmprep.language.java_time_format import AUTOMATIC, automatic, compile_pattern
from xdmprep.language.kernels import dates, numbers, texts
from xdmprep.language.options import DEFAULT
from xdmprep.language.values import Failed, folded, number_in, text_of
from xdmprep.language.zoned_datetime import Moment
from xdmprep.regex import compile_java

PATTERNS = [
    *AUTOMATIC, "d/M/yyyy", "M/d/yyyy H:m", "M/d/yyyy h:mm a", "yyyyMMddHHmmss", "dd MMM uuuu", "yyyy-M-d'T'H:m:s",
    "d.M.yyyy HH:mm:ss.SS", "dMyyyy", "MMM d yyyy", "hh a dd/MM/yyyy",
    "yyyy-MM-dd'T'HH:mm:ss.SSSSSSS", "yyyy-MM-dd HH:mm:ss.SSSSSSSSS", "EEE, dd MMM yyyy HH:mm:ss",
    "EEEE d MMMM yyyy", "MMMM d, yyyy", "E dd.MM.yyyy", "yyyyMMMMd", "EEE MMM dd HH:mm:ss z yyyy",
    "H:mm VV d/M/yyyy", "z yyyy-MM-dd", "h:mm a z, d MMM yyyy",
]  # fmt: skip


@st.composite
def dates_as_text(draw: st.DrawFn, patterns: list[str] = PATTERNS) -> str:
    """A date printed in one of the patterns, sometimes with a letter changed, lost or doubled."""
    at = draw(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23)))
    zone = draw(st.sampled_from([UTC, ZoneInfo("Europe/Paris"), ZoneInfo("America/New_York")]))
    text = compile_pattern(draw(st.sampled_from(patterns)), DEFAULT).print(Moment.of(at.replace(tzinfo=zone)))
    if draw(st.booleans()):
        place = draw(st.integers(0, len(text) - 1))
        change = draw(st.sampled_from(["", "0", "1", "3", "9", "x", "/", " ", "\u00e9", text[place] * 2]))
        text = text[:place] + change + text[place + 1 :]
    return draw(st.sampled_from([text, text.lower(), text.upper()]))


def _same_as_alone(values: list[str | None], kind: pa.DataType, options: Options) -> None:
    got, bad = coerce(pa.array(values, pa.string()), kind, options)
    for at, value in enumerate(values):
        try:
            wanted = coerce_value(value, kind, options)
        except Failed:
            wanted = None
            assert at in bad, value
        else:
            assert at not in bad, value
        assert got[at].as_py() == wanted, value


@settings(max_examples=300)
@given(
    st.lists(st.one_of(st.none(), dates_as_text()), min_size=1, max_size=12),
    st.sampled_from([pa.date32(), TIMESTAMP]),
    st.sampled_from([DEFAULT, Options(zoneless_millis="drop")]),
)
def test_columns_of_dates_are_read_as_each_text_alone(
    values: list[str | None], kind: pa.DataType, options: Options
) -> None:
    _same_as_alone(values, kind, options)


@settings(max_examples=300)
@given(st.data(), st.sampled_from(PATTERNS))
def test_a_pattern_reads_columns_as_each_text_alone(data: st.DataObject, pattern: str) -> None:
    one = st.one_of(dates_as_text([pattern]), dates_as_text([pattern]), dates_as_text())
    values = data.draw(st.lists(one, min_size=1, max_size=8))
    quoted = pattern.replace("\\", "").replace("'", "\\'")
    got = compile_expression(f"date(v, '{quoted}')", pa.schema([("v", pa.string())])).apply(
        pa.record_batch({"v": pa.array(values, pa.string())})
    )
    assert isinstance(got.values, pa.Array)
    reader, failed = compile_pattern(pattern, DEFAULT), {at for at, _ in errors_of(got)}
    for at, value in enumerate(values):
        try:
            wanted = Moment.of(reader.read(value).at).millis if value else None
        except Failed:
            wanted = None
            assert at in failed, value
        found = values_of(got)[at]
        assert (None if found is None else Moment.of(found).millis) == wanted, value


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(
            st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23)),
            st.sampled_from("T "),
            st.sampled_from(["", ".123", ".123456"]),
            st.sampled_from(["+02:00", "-11:30", "+14:00", "+18:30", "+0200", "-08", "Z", "", "+2:00", "+02:60"]),
        ).map(lambda parts: f"{parts[0]:%H:%M:%S}".join((f"{parts[0].date()}{parts[1]}", parts[2] + parts[3]))),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from([pa.date32(), TIMESTAMP]),
)
def test_columns_of_times_with_offsets_are_read_as_each_text_alone(values: list[str], kind: pa.DataType) -> None:
    _same_as_alone([*values, None], kind, DEFAULT)


OFFSETS = [
    "yyyy-MM-dd'T'HH:mm:ssXXX",
    "yyyy-MM-dd'T'HH:mm:ss.SSSX",
    "yyyy-MM-dd HH:mm:ssZ",
    "d.M.yyyy H:mm x",
    "yyyyMMddHHmmssX",
]


@settings(max_examples=300)
@given(
    st.sampled_from(OFFSETS),
    st.lists(
        st.tuples(
            st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23)),
            st.sampled_from(
                ["+02:00", "-11:30", "+14:00", "+18:30", "+0200", "-08", "Z", "", "+2:00", "+02:60", "z", "UTC"]
            ),
        ),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from(["{}", "iif(k, {}, null)", "iif(!k, null, {})"]),
)
def test_patterns_with_offsets_read_columns_as_each_text_alone(
    pattern: str, drawn: list[tuple[datetime, str]], around: str
) -> None:
    bare = compile_pattern(re.sub("[XxZ]+$", "", pattern).rstrip(), DEFAULT)
    blank = " " if " x" in pattern else ""
    values = [bare.print(Moment.of(at)) + blank + offset for at, offset in drawn]
    text = around.replace("{}", "date(v, '" + pattern.replace("'", "\\'") + "')")
    schema = pa.schema([("v", pa.string()), ("k", pa.bool_())])
    got = compile_expression(text, schema).apply(pa.record_batch({"v": values, "k": [True] * len(values)}))
    assert isinstance(got.values, pa.Array)
    reader, failed = compile_pattern(pattern, DEFAULT), {at for at, _ in errors_of(got)}
    for at, value in enumerate(values):
        found = values_of(got)[at]
        try:
            wanted = reader.read(value).millis
        except Failed:
            assert at in failed and found is None, value
            continue
        assert (found is None) == (at in failed)  # a time in UTC may leave the years 1 to 9999
        assert found is None or Moment.of(found).millis == wanted, value


PRINTED = [
    "EEE, d MMM yyyy HH:mm:ss Z", "EEEE d MMMM y", "h:mm a", "K:m:s", "kk", "yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "yyyy-MM-dd'T'HH:mm:ssX", "D", "DDD yyyy",
    "QQQ yyyy", "QQQQ", "YYYY-'W'ww-e", "W F", "yy", "G y", "ppd ppM", "pM", "SSSSSS", "S", "n", "A", "N", "VV z", "O", "x", "[yyyy]", "'é' d", "''", "MMMMM",
    "yyyyMMdd", "d.M.yyyy", "c e", "ZZZZZ", "yyyy'T'HH",
]  # fmt: skip


@settings(max_examples=400)
@given(
    st.sampled_from(PRINTED),
    st.lists(st.none() | st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999)), min_size=1, max_size=8),
    st.booleans(),
    st.sampled_from(["iso", "us"]),
)  # fmt: skip
def test_patterns_print_columns_as_each_date_alone(
    pattern: str, values: list[datetime | None], short: bool, weeks: Any
) -> None:
    options = Options(weeks=weeks)
    millis = [None if at is None else Moment.of(at).millis for at in values]
    quoted = pattern.replace("'", "\\'")
    column = pa.array([None, *millis], pa.int64()).slice(1)
    printer = compile_pattern(pattern, options)
    text, given_ = (
        (f"dformat(v, '{quoted}')", column) if short else (f"format(v, '{quoted}')", column.view(pa.timestamp("ms")))
    )
    schema = pa.schema([("v", given_.type)])
    got = compile_expression(text, schema, options).apply(pa.record_batch({"v": given_}))
    failed = {at for at, _ in errors_of(got)}
    found = values_of(got)
    for at, value in enumerate(millis):
        try:
            wanted = None if value is None else printer.print(Moment.of_millis(value))
        except Failed:
            assert at in failed
            continue
        assert found[at] == wanted


def test_every_automatic_format_is_read_in_columns() -> None:
    at = Moment.of(datetime(2019, 10, 23, 11, 0, 0))
    values = pa.array([compile_pattern(text, DEFAULT).print(at) for text in AUTOMATIC])
    found = dates.read(values, automatic(DEFAULT))
    assert found.column.open is None and not found.failed.any()
    assert {Moment.of(value).at.date() for value in found.column.values.to_pylist()} == {at.at.date()}


@pytest.mark.parametrize("target", [pa.int64(), pa.float64()])
def test_what_arrow_is_given_to_read_it_reads_as_the_language_does(target: pa.DataType) -> None:
    parse = numbers.integers if target == pa.int64() else numbers.decimals
    for length in range(5):
        for word in map("".join, itertools.product("-./05", repeat=length)):
            spelled = number_in(word)
            if target == pa.int64() and isinstance(spelled, float):
                spelled = None
            found = parse(pa.array([word]))
            if found.open is None or not found.open[0]:
                assert found.values[0].as_py() == spelled, word
                assert math.copysign(1, found.values[0].as_py()) == math.copysign(1, float(word)) or spelled == 0
            else:
                assert found.values[0].as_py() is None


@settings(max_examples=300)
@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)), max_size=20))
def test_doubles_are_printed_as_each_alone(values: list[float | None]) -> None:
    more = [0.0, -0.0, 1e10, 9999999999.0, 9999999999.5, 1e15, 1e16, 1e-4, 9.9e-5, 123456.0, 5e-324, 1.7e308]
    got: Any = texts.as_text(pa.array([*values, *more], pa.float64()))
    assert got.to_pylist() == [None if value is None else text_of(value) for value in [*values, *more]]


@settings(max_examples=200)
@given(
    st.lists(st.one_of(st.none(), st.text(alphabet="ab;,é-", max_size=6)), max_size=8),
    st.sampled_from([";", "-", ",", "ab", "é"]),
    st.sampled_from(["", "-", "é", "; "]),
    st.integers(0, 3),
)
def test_joining_a_split_text_is_joining_its_parts(
    values: list[str | None], between: str, separator: str, skip: int
) -> None:
    column = pa.array(["x", None, ";;", *values], pa.string()).slice(skip)
    schema = pa.schema([("v", pa.string())])
    got = compile_expression(f'join("{separator}", explode(v, "{between}"))', schema).apply(
        pa.record_batch({"v": column})
    )
    assert isinstance(got.values, pa.Array)
    assert got.values.to_pylist() == [
        None if value is None else separator.join(value.split(between)) for value in column.to_pylist()
    ]


#: Letters whose case changes their number, depends on their place, or is another one in Java than in Arrow.
LETTERS = st.text(st.sampled_from("aZ 1\näÖßẞſıİiIſKΣσςǅﬁΐŉᾳᾼеЖ日é\u0301\u0307😀𐐀𐐨"), max_size=6)


@settings(max_examples=200)
@given(st.lists(st.none() | LETTERS, min_size=1, max_size=12), st.integers(0, 2))
def test_letter_case_of_columns_is_that_of_each_text(values: list[str | None], cut: int) -> None:
    column = pa.array(["ß" * cut, *values], pa.string()).slice(1)
    assert texts.upper(column).to_pylist() == [None if text is None else text.upper() for text in values]
    assert texts.lower(column).to_pylist() == [None if text is None else text.lower() for text in values]
    assert texts.folded(column).to_pylist() == [None if text is None else folded(text) for text in values]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("straße", "STRASSE", False), ("ß", "ẞ", True), ("İ", "i", True), ("ı", "I", True), ("ΣΑΣ", "σας", True),
     ("\u212a", "k", True), ("ſ", "S", True), ("ﬁ", "FI", False), ("𐐀", "𐐨", True), ("ǅ", "ǆ", True), ("é", "É", True)],
)  # fmt: skip
def test_texts_equal_but_for_letter_case_as_in_java(one: str, other: str, same: bool) -> None:
    assert (folded(one) == folded(other)) is same  # what String.equalsIgnoreCase says
    for text in ("equalsIgnoreCase(a, b)", "a.equalsIgnoreCase(b)"):
        batch = pa.record_batch({"a": [one, one.upper(), "x"], "b": [other, one, "X"]})
        found = compile_expression(text, batch.schema).apply(batch).values
        assert isinstance(found, pa.Array)
        assert found.to_pylist() == [same, folded(one.upper()) == folded(one), True]


def test_methods_cut_the_white_space_that_java_does() -> None:
    signs = [chr(code) for code in range(0x10000) if not 0xD800 <= code < 0xE000]
    controls = {sign for sign in signs if sign <= " "}  # String.trim
    white = {  # Character.isWhitespace
        sign for sign in signs
        if (unicodedata.category(sign) in ("Zs", "Zl", "Zp") and sign not in "\u00a0\u2007\u202f")
        or sign in "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f"
    }  # fmt: skip
    batch = pa.record_batch({"a": [f"{sign}a{sign}" for sign in signs], "b": signs})
    for text, wanted in (
        ("a.trim()", ["a" if sign in controls else f"{sign}a{sign}" for sign in signs]),
        ("a.strip()", ["a" if sign in white else f"{sign}a{sign}" for sign in signs]),
        ("b.isBlank()", [sign in white for sign in signs]),
    ):
        got = compile_expression(text, batch.schema).apply(batch).values
        assert isinstance(got, pa.Array)
        assert got.to_pylist() == wanted
        assert [evaluate(text, row) for row in batch.slice(0, 200).to_pylist()] == wanted[:200]
        assert [evaluate(text, row) for row in batch.slice(0x2000, 100).to_pylist()] == wanted[0x2000:0x2064]


@pytest.mark.parametrize("options", [DEFAULT, Options(not_found="null")])
@pytest.mark.parametrize(
    "text",
    ["instr(a, b)", "a.lastIndexOf(b)", "a.indexOf(b)", "a.contains(b)", "a.startsWith(b)", "a.endsWith(b)"],
)
def test_parts_that_differ_from_row_to_row_are_found_as_in_each_text_alone(text: str, options: Options) -> None:
    parts = [f"é{number}" for number in range(70)]
    texts_ = [f"{part}x{parts[-number]}{part}" if number % 2 else part for number, part in enumerate(parts)]
    pairs = [*zip(texts_, parts, strict=True), *zip(parts, reversed(parts), strict=True), ("a", ""), ("", "a"), ("", ""),
             ("a", None), (None, "a"), (None, None)]  # fmt: skip
    batch = pa.record_batch({"a": [a for a, _ in pairs], "b": [b for _, b in pairs]})
    expression = compile_expression(text, batch.schema, options)
    got = expression.apply(batch)
    assert isinstance(got.values, pa.Array)
    failed = dict(errors_of(got))
    for at, row in enumerate(batch.to_pylist()):
        one = compile_expression(text, batch.schema, options).apply(batch.slice(at, 1))
        assert (got.values[at].as_py(), failed.get(at)) == (one.values[0].as_py(), dict(errors_of(one)).get(0)), row
        if all(row.values()) and options is DEFAULT:
            wanted = {"instr": str.find, "indexOf": str.find, "lastIndexOf": str.rfind, "contains": str.__contains__,
                      "startsWith": str.startswith, "endsWith": str.endswith}[text.split("(")[0].removeprefix("a.")]  # fmt: skip
            assert got.values[at].as_py() == wanted(row["a"], row["b"])


REGEXES = [
    "(?<=a)1", "(?<!1)(a|é)", "(?<![a1])1", "a(?=1)", "(?<=1)(?=a)", "(a)|(1)", "a?", "a*?", "(?:|a)", "(a)?1", "\\\\b", "(.)\\\\1", "a1", "é", "(?i)A1", "^a|1$",
    "", "(?<=é)", "(?<=1)", "(?=a)", "(?<=a)(?=a)", "(?<=[^a])(?=[^1])", "(?=\\\\W)", "(?<=[1 ])", "a{2,}", "[^a]", "1++", "\\\\Ga",
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.none() | st.text("a1é ", max_size=8), min_size=1, max_size=6),
    st.sampled_from(REGEXES),
    st.sampled_from(["", "x", "$0$0", "<$1>", "\\\\$"]),
    st.lists(st.sampled_from(["a", "1", "a1", ".", "", "é"]), min_size=80, max_size=80),
)
def test_replacing_and_splitting_over_columns_is_what_searching_for_one_match_after_the_other_gives(
    values: list[str | None], regex: str, template: str, words: list[str]
) -> None:
    texts = (values * 80)[:80]
    batch = pa.record_batch({"t": pa.array(["1a", *texts], pa.string()), "w": pa.array(["a", *words])}).slice(1)
    for written, given_regexes in ((f'"{regex}"', [regex.replace("\\\\", "\\")] * 80), ("w", words)):
        new = template.replace("\\\\", "\\")
        for method, most in (("replaceAll", 0), ("replaceFirst", 1)):
            expression = compile_expression(f't.{method}({written}, "{template}")', batch.schema)
            got = expression.apply(batch)
            failed = {at for at, _ in errors_of(got)}
            for at, (text, pattern) in enumerate(zip(texts, given_regexes, strict=True)):
                if text is not None and at not in failed:
                    assert got.values[at].as_py() == _one_by_one(pattern, text, new, most), (text, pattern)
        parts = compile_expression(f"explode(t, {written})", batch.schema).apply(batch)
        for at, (text, pattern) in enumerate(zip(texts, given_regexes, strict=True)):
            if text is not None:
                assert parts.values[at].as_py() == _cut(pattern, text), (text, pattern)


def _one_by_one(pattern: str, text: str, template: str, most: int) -> str:
    out, start = "", 0
    for count, match in enumerate(compile_java(pattern).finditer(text), 1):
        group = match[1] or "" if "$1" in template else ""
        new = template.replace("$1", group).replace("$0", match[0]) if template != "\\$" else "$"
        out, start = out + text[start : match.start()] + new, match.end()
        if count == most:
            break
    return out + text[start:]


def _cut(pattern: str, text: str) -> list[str]:
    found, start = [], 0
    for match in compile_java(pattern).finditer(text):
        if match.end() > match.start() or 0 < match.start() < len(text):
            found, start = [*found, text[start : match.start()]], match.end()
    return [*found, text[start:]]
