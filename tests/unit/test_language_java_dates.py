# ruff: noqa: E501
"""Date patterns and local times against a table of Java's own answers (`oracles/tables.py` writes it)."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from language_kit import values_of
from oracles.java import moment
from oracles.tables import DATES, LOCAL, PATTERNS, print_cases, read_cases, sweep_cases

import xdmprep as xp
from xdmprep.errors import MappingError
from xdmprep.language import compile_expression
from xdmprep.language.date_letters import LETTERS, SYNONYMS
from xdmprep.language.java_time_format import compile_pattern
from xdmprep.language.options import Options
from xdmprep.language.values import Failed
from xdmprep.language.zoned_datetime import Moment
from xdmprep.language.zones import zone
from xdmprep.mapping import MappingSet, compile_mapping

TABLE = json.loads((Path(__file__).parent.parent / "oracles" / "java_dates.json").read_text(encoding="utf-8"))
OPTIONS = {"US": Options(weeks="us"), "GB": Options(weeks="iso")}
#: Read otherwise than by Java, and why.
OTHERWISE = {
    "Java moves a day that the month lacks to its last": {"2021-02-29", "2021-02-30"},
    "years beyond 9999 and before 1 are refused": {"+10000-01-01", "12019-1-2", "120191023", "BC 2019-10-23"},
    "a day has no hour 24": {"2019-10-23 24:00:00"},
    "Java goes on into another year or month": {
        "2021-W53-7", "2020-W53-1", "2020-53-Sat", "2021-53-Thu", "2021-01-1-Mon",
    },
    "Java ignores a quarter or a week beside a year": {"2019-03", "2019-Q3", "2019-q3", "2019-43"},
    "names are read in any case": {"wed, 23 oct 2019", "2019-10-23 01:30 pm", "OCT 3, 2019"},
    "offsets are read in any spelling": {"2019-10-23T11:24:35+02:30"},
}  # fmt: skip


def test_what_is_printed() -> None:
    wrong = []
    for (place, pattern, day), expected in zip(print_cases(), TABLE["print"], strict=True):
        try:
            got = "=" + compile_pattern(pattern, OPTIONS[place]).print(moment(day))
        except Failed as error:
            got = "-" if "longer" in str(error) else "!"
        if got != expected:
            wrong.append((pattern, day, got, expected))
    assert wrong == []
    assert len(TABLE["print"]) > len(PATTERNS) * len(DATES)


def test_what_is_read() -> None:
    wrong, otherwise = [], set()
    for (place, pattern, text), expected in zip(read_cases(), TABLE["read"], strict=True):
        try:
            got = compile_pattern(pattern, OPTIONS[place]).read(text)
        except Failed:
            got = None
        try:
            want = moment(expected[1:]) if expected[0] == "=" else None
        except ValueError:  # beyond Python's years
            want = None
            otherwise.add(text)
        if got != want or (got and want and got.at.utcoffset() != want.at.utcoffset()):
            otherwise.add(text)
            if not any(text in texts for texts in OTHERWISE.values()):
                wrong.append((pattern, text, str(got), expected))
    assert wrong == []
    assert otherwise >= set().union(*OTHERWISE.values()) - {"2021-W53-7", "2020-W53-1"}


def _same_date(found: Moment | None, answer: str) -> bool:
    return found is None if answer == "!" else found == moment(answer[1:])


def test_every_letter_is_printed_and_read_in_every_width_alone_and_in_columns() -> None:
    """Each date of Java is printed, read again from that text, and printed again."""
    wrong: set[str] = set()
    cases: dict[tuple[str, str], list[list[str]]] = {}
    for (place, pattern, day), answers in zip(sweep_cases(), TABLE["sweep"], strict=True):
        cases.setdefault((place, pattern), []).append([day, *answers])
    for (place, pattern), rows in cases.items():
        if all(printed == "!" for _, printed, _, _ in rows):
            with pytest.raises(Failed, match="not repeated so often"):
                compile_pattern(pattern, OPTIONS[place])
            continue
        known = compile_pattern(pattern, OPTIONS[place])
        texts = [printed[1:] for _, printed, _, _ in rows]
        quoted = f'"{pattern}"'
        columns = [
            values_of(
                compile_expression(text, pa.schema([("v", pa.string())]), OPTIONS[place]).apply(
                    pa.record_batch({"v": texts})
                )
            )
            for text in (f"date(v, {quoted})", f"format(date(v, {quoted}), {quoted})")
        ]
        for (day, printed, read, again), text, date, shown in zip(rows, texts, *columns, strict=True):
            assert "=" + known.print(moment(day)) == printed
            try:
                found = known.read(text)
            except Failed:
                found = None
            if found is None and pattern[-5:] in ("MMMMM", "LLLLL", "EEEEE", "eeeee", "ccccc") and text[-1] in "JMATS":
                assert date is shown is None  # Java takes the last of the names that begin with this letter
                continue
            assert _same_date(found, read), (pattern, text)
            assert date == (None if found is None else found.at)
            assert shown == (None if found is None else known.print(found))
            if found is not None and "=" + known.print(found) != again:
                wrong.add(pattern[-1])
    assert wrong == {"z"}  # abbreviations are read as offsets


def _letters() -> list[str]:
    """The rows of the documentation's table of letters."""
    at, rows = moment("2021-07-04T16:05:06.7+02:00[Europe/Paris]"), []
    for letter, widths in LETTERS.items():
        if letter not in (*SYNONYMS, "u"):
            names = [letter, *[other for other, of in {**SYNONYMS, "u": "y"}.items() if of == letter]]
            most = 3 if letter in "SnAN" else 5
            shown = [f"`{letter * n}` {compile_pattern(letter * n, Options()).print(at)}" for n in widths if n <= most]
            rows.append(f"| {', '.join(f'`{name}`' for name in names)} | {' · '.join(shown)} |")
    return rows


def test_every_letter_is_in_the_documentation(request: pytest.FixtureRequest) -> None:
    docs = (request.config.rootpath / "xdmprep" / "docs" / "language.md").read_text(encoding="utf-8")
    assert "\n".join(_letters()) in docs


def test_local_times_in_zones() -> None:
    """A time that summer time skips moves forward; one that comes twice is the earlier."""
    wrong = []
    for (place, local), expected in zip(LOCAL, TABLE["local"], strict=True):
        year, month, day, hour, minute = map(int, re.findall(r"\d+", local)[:5])
        made = xp.evaluate(
            f'make_date_time({year}, {month}, {day}, {hour}, {minute}, 0, 0, "{place}")', {}, strict=True
        )
        read = xp.evaluate("date(t, \"yyyy-MM-dd'T'HH:mm:ss VV\")", {"t": f"{local} {place}"}, strict=True)
        set_ = xp.evaluate(
            f'set_date_part("minute", {minute}, set_date_part("hour", {hour}, date(t, "yyyy-MM-dd\'T\'HH:mm:ss VV")))',
            {"t": f"{local[:10]}T12:00:00 {place}"},
            strict=True,
        )
        wanted = moment(expected[1:])
        for got in (made, read) if place == "Pacific/Apia" or minute else (made, read, set_):
            if datetime.fromisoformat(got) != wanted.at or got[-6:] != expected[-6:]:
                wrong.append((place, local, got, expected))
    assert wrong == []


def test_instants_are_equal_whatever_their_zone() -> None:
    paris = zone("Europe/Paris")
    for fold in (0, 1):
        at = Moment(datetime(2021, 10, 31, 2, 30, tzinfo=paris, fold=fold))
        assert at == at.to(UTC) and hash(at) == hash(at.to(UTC))
    early, late = (Moment(datetime(2021, 10, 31, 2, 30, tzinfo=paris, fold=fold)) for fold in (0, 1))
    assert early < late and early != late


@pytest.mark.parametrize(
    ("expression", "place", "why"),
    [
        ('date(x, "yyyy-MM-dd{")', 8, "reserved"), ('date(x, "HH:mm")', 8, "no year"), ('format(date(x), "yyyy-bb")', 16, "not a letter"),
        ('dformat(1, "yyyy-MM-ddTHH")', 11, "single quotes"), ('date_part("decade", date(x))', 10, "component"),
        ('set_date_part("week", 1, date(x))', 14, "cannot be set"), ('set_date_part("month", 13, date(x))', 23, "no month 13"),
        ('zone_date_to_zone(date(x), "Mars/Base")', 27, "time zone"), ('make_date_time(2020, 13, 1, 0, 0, 0, 0, "UTC")', 21, "month"),
        ('make_date_time(2021, 2, 30, 0, 0, 0, 0, "UTC")', 0, "day"), ('make_date_time(x, 1, 1, 0, 0, 0, 0, "Nowhere")', 36, "time zone"),
        ('sha256(x, "UTF-7")', 10, "charset"), ('md5(x, "latin9")', 7, "charset"), ('matches_regex(x, "(")', 17, "position 0"),
        ('extract_regex(x, "[a")', 17, "position 0"), ('explode(x, "*")', 11, "repeat"), ('x.replaceAll("a", "$1")', 18, "group 1"),
        ('x.matches("a{")', 10, "repetition"), ('x.split("+")', 8, "repeat"), ('x =~ "("', 5, "position 0"), ('left(x, -1)', 8, "negative"),
        ('substr(x, 0, -2)', 13, "negative"), ('lpad(x, "wide", " ")', 8, "whole number"), ('instr(x, "a", 0, 0)', 17, "counts from 1"),
        ('get_url_query_str(x, "keep")', 21, "retain"), ('iif(x == 1, date_part("yy" + "q", date(x)), null)', 27, "component"),
        ('transformArray(y, v -> date_part("nope", v))', 33, "component"), ('date(x, "yyyy", "soon")', 16, "date formats"),
        ('format("soon", x)', 7, "date formats"), ('dformat("now", "yyyy")', 8, "not a number"), ('date_part(x, "date")', 13, "date formats"),
        ('set_date_part(x, 1, "d")', 20, "date formats"), ('zone_date_to_zone("x", x)', 18, "date formats"), ('map_get_values("m", x)', 15, "a map is expected"),
        ('map_has_keys("m", "k")', 13, "a map is expected"), ('array_to_map("a", x)', 13, "array"), ('to_object("a", x, null, x)', 18, "key is null"),
        ('to_map(null, x)', 7, "key is null"), ('arrays_to_objects("a", "x", "b", y)', 23, "no array"), ('add_to_array("x", x)', 13, "array"),
        ('join_arrays(y, "x")', 15, "array"), ('upsert_array_append("x", y)', 20, "array"), ('array_to_string(",", "x")', 21, "array"),
        ('x.substring(-1)', 12, "no part"), ('x.substring(5, 2)', 2, "no part"), ('x.charAt(-1)', 9, "no part"), ('x.substring("b")', 12, "whole number"),
    ],
)  # fmt: skip
def test_constants_that_can_never_work_are_told_with_their_place(expression: str, place: int, why: str) -> None:
    columns = pa.schema([("x", pa.string()), ("y", pa.list_(pa.string()))])
    (fault, *_) = compile_expression(expression, columns).faults()
    assert fault.position == place and re.search(why, fault.message)
    with pytest.raises(MappingError, match=why) as caught:
        compile_mapping(MappingSet({"a": expression}), columns)
    assert caught.value.faults[0].startswith("a <- ")


@pytest.mark.parametrize(
    "expression",
    ['date(x, "yyyy")', 'date(x, null)', 'sha256(x, null)', 'left(x, 0)', 'instr(x, "a", null, null)', 'date_part(x, date("2020-01-01"))',
     'explode(x, y)', 'make_date_time(2020, 2, 29, 23, 59, 59, 999999999, null)', 'set_date_part("day", 31, date("2020-01-01"))',
     'date(x, "yyyy", "2020-01-01")', 'date(x, "yyyy", null)', 'x.substring(99999)', 'x.substring(2, 5)', 'x.charAt(7)', 'map_get_values(x, "m")',
     'to_object("a", x, "b", null)', 'arrays_to_objects("a", y, "b", [1])', 'join_arrays([1], y)', 'add_to_array([], x)', 'format("2020-01-01", x)',
     'dformat("5", x)', 'map_get_values(json_to_object(x), "m")', 'format(null, x)',
     'matches_regex(x, concat("a", y))', 'substr(x, 5000000)', 'x.replaceAll("(a)", "$1\\\\$")'],
)  # fmt: skip
def test_constants_that_may_work_are_left(expression: str) -> None:
    assert compile_expression(expression).faults() == []


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ('date(x, "yyyy-mm-dd")', "minute"), ('date(x, "dd/mm/yyyy")', "minute"), ('date(x, "yyyy-mm-dd HH:mm:ss")', "minute"),
        ('format(date(x), "HH:MM")', "month"), ('date(x, "yyyy-MM-dd HH:MM:ss")', "month"), ('format(date(x), "YYYY-MM-dd")', "year of the week"),
        ('date(x, "yyyy-MM-DD")', "day of the year"), ('date(x, "MM/DD/yyyy")', "day of the year"), ('date(x, "yyyy-MM-dd hh:mm")', "without a"),
        ('date(x, "yyyy-MM-dd KK:mm:ss")', "without a"), ('date(x, "yyyy-MM-dd HH:mm a")', "counts to 24"), ('dformat(y, "dd.MM.YYYY")', "year of the week"),
        ('date(x, "yyyy-MM-dd HH:mm:SS")', "fraction"), ('format(date(x), "yyyy ww")', "week-based year"), ('explode(x, "|")', r'"\\\\\|"'),
        ('explode(x, ".")', "does not mean itself"), ('explode(x, "||")', r'"\\\\\|\\\\\|"'), ('x.split(".")', "does not mean itself"), ('x.split("$")', "itself"),
        ('iif(x == 1, explode(x, "|"), null)', "itself"), ('date(x, "mm/dd/yyyy HH:mm")', "minute"), ('date(x, "HH:mm, mm/dd/yyyy")', "minute"),
        ('date(x, "\'on\' mm/dd/yyyy \'at\' HH:mm")', "minute"), ('date(x, "mm.yyyy HH")', "minute"), ('date(x, "yyyy-MM-dd mm")', "no hour"),
        ('format(date(x), "MM:ss")', "month"), ('date(x, "yyyy-MM-dd HH:mm:ss.nnn")', "nanoseconds"), ('date(x, "yyyy-dd")', "no month"),
    ],
)  # fmt: skip
def test_likely_mistakes_are_warned_of(expression: str, why: str) -> None:
    columns = pa.schema([("x", pa.string()), ("y", pa.int64())])
    found = compile_expression(expression, columns).likely_mistakes()
    assert len(found) == 1 and re.search(why, found[0])
    if not expression.startswith("x."):  # a method's type is known per row only
        assert [note for note in compile_mapping(MappingSet({"a": expression}), columns).notes if found[0] in note]


@pytest.mark.parametrize(
    "expression",
    ['date(x, "yyyy-MM-dd")', 'date(x, "yyyy-MM-dd HH:mm:ss.SSS")', 'date(x, "MM/dd/yyyy hh:mm a")', 'format(date(x), "HH:mm")', 'explode(x, ",")',
     'format(date(x), "YYYY-\'W\'ww-e")', 'format(date(x), "mm:ss")', 'date(x, "yyyy-DDD")', r'explode(x, "\\|")', 'explode(x, "[|]")', 'explode(x, "-")',
     'date(x, "dd.MM.yyyy HH \'Uhr\' mm")', 'date(x, "HH:mm dd.MM.yyyy")', 'format(date(x), "d. MMMM")', 'date(x, "yyyyMMddHHmmss")', 'format(date(x), "dd")',
     'x.split("; ")', 'split(x, "|")', 'format(date(x), "h:mm a")', 'date(x, "dd.MM.yyyy\'T\'HH:mm:ssXXX")', 'format(date(x), "K a")'],
)  # fmt: skip
def test_what_is_fine_is_not_warned_of(expression: str) -> None:
    assert compile_expression(expression).likely_mistakes() == []
