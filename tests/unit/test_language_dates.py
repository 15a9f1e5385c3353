"""Dates in one common ISO form are read by Arrow itself; alone or among others, a text means the same."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from language_kit import errors_of, values_of

from xdmprep import evaluate
from xdmprep.core.stream import TIMESTAMP
from xdmprep.errors import MappingError
from xdmprep.language import Options, coerce, compile_expression
from xdmprep.mapping.convert import convert

TEXTS = [
    *"2019-02-28 2019-02-29 0000-01-01 0001-01-01 9999-12-31 2019-1-010 2019/01/01 01-02-2019 12.02.2019".split(),
    *"20190101xx 2019-13-01 -999-01-01 2019-W01-1 2019-01-01T10:11:12 2019-01-01T24:00:00 2019-01-01T23:59:60".split(),
    *"2019-01-01x10:11:12 2019-01-01T10:11Z.. 2019-01-01T10:11+01 0000-01-01T00:00:00 2019-01-01T10:11:12Z".split(),
    *"2019-01-01T10:11:12z 2019-01-01T10:11+0100 2019-01-01T10:11:1+1 2019-01-01T10:11:12.".split(),
    *"2019-01-01T23:59:60Z 0000-01-01T00:00:00Z 1969-12-31T23:59:59Z".split(),
    *("2019-01-01 10:11:12", "2019-01-01 23:59:60", "2019-01-01 10:11 PM", "2019-01-01 10:11:12Z", "2019-01-01 "),
]


@pytest.mark.parametrize("target", [pa.date32(), TIMESTAMP], ids=str)
@pytest.mark.parametrize("text", TEXTS)
def test_a_text_means_the_same_alone_and_among_others(text: str, target: pa.DataType) -> None:
    alone, failed = coerce(pa.array([text]), target)
    among, failed_too = coerce(pa.array([text, "2019-01-01T10:11:12.5Z", "x"]), target)
    assert alone[0] == among[0]
    assert (0 in failed) == (0 in failed_too)


@pytest.mark.parametrize(
    ("pattern", "fits", "other"),
    [
        ("yyyy-MM-dd HH:mm:ss", "2019-01-01 10:11:12", "2019-01-01T10:11:12"),
        ("yyyy-MM-dd'T'HH:mm:ss", "2019-01-01T10:11:12", "2019-01-01 10:11:12"),
        ("yyyy-MM-dd'T'HH:mm:ssX", "2019-01-01T10:11:12Z", "2019-01-01T10:11+01"),
        ("yyyy-MM-dd'T'HH:mm:ss.SSSX", "2019-01-01T10:11:12.345Z", "2019-01-01 10:11:12.345Z"),
        ("yyyy-MM-dd", "2019-01-01", "2019-02-29"),
    ],
)
def test_strings_of_one_length_that_arrow_reads_have_the_pattern_each(pattern: str, fits: str, other: str) -> None:
    rows = pa.record_batch({"day": [fits, None, fits.replace("2019", "1969"), fits]})
    compiled = compile_expression(f'date(day, "{pattern}")', rows.schema)
    assert values_of(compiled.apply(rows)).count(None) == 1
    among = pa.record_batch({"day": [fits, None, other, fits]})
    assert values_of(compiled.apply(among)).count(None) == 2


def test_offsets_count_also_where_pyspark_tells_arrow_to_ignore_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYARROW_IGNORE_TIMEZONE", "1")
    batch = pa.RecordBatch.from_pydict({"a": ["2020-01-02T03:04:05+02:00", "odd", None]})
    made = compile_expression("date(null, 'yyyy-MM-dd', a)", batch.schema).apply(batch)
    values = values_of(made)
    assert values[0] == datetime(2020, 1, 2, 1, 4, 5, tzinfo=UTC)
    nested, _ = convert(pa.array([{"t": "2020-01-02T03:04:05+02:00"}]), pa.struct([("t", TIMESTAMP)]), Options())
    assert nested[0].as_py() == {"t": datetime(2020, 1, 2, 1, 4, 5, tzinfo=UTC)}


@pytest.mark.parametrize("pattern", ["pppMM/dd", "yyyy-pppMM", "ppppH:mm", "ppppSSS", "pppppyyyy", "ppppEEE"])
def test_blanks_that_fill_up_are_printed_alone_and_among_others(pattern: str) -> None:
    rows = pa.record_batch({"day": ["2020-03-04T05:06:07.089Z", None, "1999-12-31T23:59:59Z"]})
    text = f'format(date(day), "{pattern}")'
    values = values_of(compile_expression(text, rows.schema).apply(rows))
    assert values == [evaluate(text, row) for row in rows.to_pylist()]
    assert any(value is not None and " " in value for value in values)


@pytest.mark.parametrize(
    ("letters", "printed"),  # by Java 17
    [
        ("z VV", "+00:09:21 +00:09:21|-00:00:21 -00:00:21"),
        ("O OOOO", "GMT+0:09:21 GMT+00:09:21|GMT-0:00:21 GMT-00:00:21"), ("ZZZZ", "GMT+00:09:21|GMT-00:00:21"),
        ("X XX XXX", "+0009 +0009 +00:09|Z Z Z"), ("XXXX XXXXX", "+000921 +00:09:21|-000021 -00:00:21"),
        ("x xx xxx", "+0009 +0009 +00:09|+00 +0000 +00:00"), ("xxxx xxxxx", "+000921 +00:09:21|-000021 -00:00:21"),
        ("Z ZZ ZZZ ZZZZZ", "+0009 +0009 +0009 +00:09:21|+0000 +0000 +0000 -00:00:21"),
    ],
)  # fmt: skip
def test_offsets_keep_their_seconds_where_java_prints_them(letters: str, printed: str) -> None:
    texts = ["1890-05-06T07:08:09+00:09:21", "1890-05-06T07:08:09-00:00:21"]
    rows = pa.record_batch({"day": texts})
    for text, expected in ((f'format(date(day), "{letters}")', printed.split("|")), ('concat("", date(day))', texts)):
        assert values_of(compile_expression(text, rows.schema).apply(rows)) == expected
        assert [evaluate(text, row) for row in rows.to_pylist()] == expected


NUMBERS = {
    "year": [0, 1, 1900, 2019, 2024, 9999, 10000], "month": [*range(-1, 15)], "day": [*range(-1, 33)],
    "hour": [-1, 0, 12, 23, 24], "minute": [-1, 0, 59, 60], "second": [-1, 0, 59, 60],
}  # fmt: skip
LAST_DAYS = [f"{year}-{month:02d}-28T23:59:58.123Z" for year in (1900, 2023, 2024) for month in range(1, 13)]


def same_alone(expression: str, rows: pa.RecordBatch) -> int:
    """Checks that an expression gives the same on columns and on each row; how many values there are."""
    made = compile_expression(expression, rows.schema).apply(rows)
    values = values_of(made)
    errors = dict(errors_of(made))
    for at, row in enumerate(rows.to_pylist()):
        try:
            wanted = evaluate(expression, row, target_type="date-time", strict=True)
        except MappingError as error:
            assert values[at] is None and errors[at] in str(error), row
        else:
            assert at not in errors, row
            made = pa.array([values[at]], pa.timestamp("us", "UTC"))
            assert coerce(made, TIMESTAMP)[0] == coerce(pa.array([wanted], pa.string()), TIMESTAMP)[0], row
    return sum(value is not None for value in values)


@pytest.mark.parametrize(
    ("expression", "days", "known"),
    [
        ("date(v)", ["11101112", "nope", "12312020", "20201231", "2020-13-01", "01-02-2020"], 4),  # the first that fits
        ('date(v, "MM-dd")', ["01-02", "", "x", None], 0),
        ("date(v, \"yyyy-MM-dd'T'HH:mmXXX'['VV']'\")", [
            f"2024-0{month}-01T00:00{offset}[{zone}]" for month in (1, 7)
            for offset in ("Z", "+01:00", "+02:00", "+29:00")
            for zone in ("Europe/Paris", "UTC", "+05:00", "+31:00", "Nowhere")
        ], 18),
        ('date(v, "yyyy-MM-dd VV")', ["2024-01-01 Nowhere", "2024-01-01 UTC", "2024-01-01 PST", "2024-01-01"], 2),
        ("date(v, \"yyyy-MM-dd'T'HH:mm'['VV']'XXX\")", [
            f"2024-0{month}-01T00:00[{zone}]{offset}" for month in (1, 7)
            for offset in ("Z", "+01:00", "+02:00", "+29:00")
            for zone in ("Europe/Paris", "UTC", "+05:00", "+31:00", "Nowhere")
        ], 18),
    ],
)  # fmt: skip
def test_strings_of_a_column_are_read_as_each_alone(expression: str, days: list[str | None], known: int) -> None:
    """The first format that fits wins; an offset is more than the zone beside it, but both must be there."""
    rows = pa.record_batch({"v": pa.array(days, pa.string())})
    assert same_alone(expression, rows) == known
    for at in range(len(days)):
        same_alone(expression, rows.slice(at, 1))


@pytest.mark.parametrize("part", list(NUMBERS))
def test_every_part_is_set_in_columns_as_in_one_date(part: str) -> None:
    days = [day.replace("28T", f"{last}T") for day in LAST_DAYS for last in (28, 29, 30, 31)]
    pairs = [(day, number) for day in days for number in NUMBERS[part]]
    rows = pa.record_batch({"d": [day for day, _ in pairs], "n": [number for _, number in pairs]})
    assert same_alone(f'set_date_part("{part}", n, date(d))', rows) > len(LAST_DAYS)


@pytest.mark.parametrize("place", ['"Europe/Paris"', "null", "z"])
def test_dates_are_made_of_columns_as_of_one_row(place: str) -> None:
    zones = ["UTC", None, "America/New_York", "Nowhere", "+02:30"]
    nanos = [0, 1000, 5, 999_999_999, 10**9, -1, None]
    cases = [(year, month, 29, hour, nano, zone) for year in (1, 2021, 2024, 9999) for month in (0, 2, 3, 12, 13)
             for hour in (-1, 0, 2, 24) for nano in nanos for zone in zones]  # fmt: skip
    names = ("y", "m", "d", "h", "n", "z")
    rows = pa.record_batch({name: list(column) for name, column in zip(names, zip(*cases, strict=True), strict=True)})
    assert same_alone(f"make_date_time(y, m, d, h, 59, 0, n, {place})", rows) > 100
