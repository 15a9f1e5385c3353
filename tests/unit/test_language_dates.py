"""Java date patterns.  The tables are what Java 17 (DateTimeFormatter, English) prints and reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from xdmprep.language import Options, compile_expression
from xdmprep.language.javatime import compile_pattern, read_date, zone
from xdmprep.language.moment import Moment
from xdmprep.language.values import Failed

MOMENTS = (
    Moment(datetime(2019, 10, 17, 11, 55, 12, 123456, ZoneInfo("America/Los_Angeles")), 789),
    Moment(datetime(2024, 1, 1, 0, 5, 9, tzinfo=UTC)),
    Moment(datetime(2021, 12, 31, 23, tzinfo=timezone(timedelta(hours=5, minutes=30)))),
    Moment(datetime(2021, 7, 4, 12, 30, tzinfo=ZoneInfo("Europe/Paris"))),
)
PRINTED = {
    "G": ("AD", "AD", "AD", "AD"),
    "y": ("2019", "2024", "2021", "2021"),
    "yy": ("19", "24", "21", "21"),
    "yyy": ("2019", "2024", "2021", "2021"),
    "yyyy": ("2019", "2024", "2021", "2021"),
    "u": ("2019", "2024", "2021", "2021"),
    "uu": ("19", "24", "21", "21"),
    "uuuu": ("2019", "2024", "2021", "2021"),
    "M": ("10", "1", "12", "7"),
    "MM": ("10", "01", "12", "07"),
    "MMM": ("Oct", "Jan", "Dec", "Jul"),
    "MMMM": ("October", "January", "December", "July"),
    "MMMMM": ("O", "J", "D", "J"),
    "L": ("10", "1", "12", "7"),
    "LL": ("10", "01", "12", "07"),
    "LLL": ("Oct", "Jan", "Dec", "Jul"),
    "d": ("17", "1", "31", "4"),
    "dd": ("17", "01", "31", "04"),
    "D": ("290", "1", "365", "185"),
    "DDD": ("290", "001", "365", "185"),
    "W": ("3", "1", "5", "2"),
    "E": ("Thu", "Mon", "Fri", "Sun"),
    "EE": ("Thu", "Mon", "Fri", "Sun"),
    "EEE": ("Thu", "Mon", "Fri", "Sun"),
    "EEEE": ("Thursday", "Monday", "Friday", "Sunday"),
    "EEEEE": ("T", "M", "F", "S"),
    "eee": ("Thu", "Mon", "Fri", "Sun"),
    "a": ("AM", "AM", "PM", "PM"),
    "H": ("11", "0", "23", "12"),
    "HH": ("11", "00", "23", "12"),
    "k": ("11", "24", "23", "12"),
    "kk": ("11", "24", "23", "12"),
    "K": ("11", "0", "11", "0"),
    "KK": ("11", "00", "11", "00"),
    "h": ("11", "12", "11", "12"),
    "hh": ("11", "12", "11", "12"),
    "m": ("55", "5", "0", "30"),
    "mm": ("55", "05", "00", "30"),
    "s": ("12", "9", "0", "0"),
    "ss": ("12", "09", "00", "00"),
    "S": ("1", "0", "0", "0"),
    "SS": ("12", "00", "00", "00"),
    "SSS": ("123", "000", "000", "000"),
    "SSSSSS": ("123456", "000000", "000000", "000000"),
    "SSSSSSSSS": ("123456789", "000000000", "000000000", "000000000"),
    "n": ("123456789", "0", "0", "0"),
    "Q": ("4", "1", "4", "3"),
    "QQ": ("04", "01", "04", "03"),
    "QQQ": ("Q4", "Q1", "Q4", "Q3"),
    "q": ("4", "1", "4", "3"),
    "VV": ("America/Los_Angeles", "Z", "+05:30", "Europe/Paris"),
    "X": ("-07", "Z", "+0530", "+02"),
    "XX": ("-0700", "Z", "+0530", "+0200"),
    "XXX": ("-07:00", "Z", "+05:30", "+02:00"),
    "XXXX": ("-0700", "Z", "+0530", "+0200"),
    "XXXXX": ("-07:00", "Z", "+05:30", "+02:00"),
    "Z": ("-0700", "+0000", "+0530", "+0200"),
    "ZZZ": ("-0700", "+0000", "+0530", "+0200"),
    "ZZZZ": ("GMT-07:00", "GMT", "GMT+05:30", "GMT+02:00"),
    "ZZZZZ": ("-07:00", "Z", "+05:30", "+02:00"),
    "O": ("GMT-7", "GMT", "GMT+5:30", "GMT+2"),
    "OOOO": ("GMT-07:00", "GMT", "GMT+05:30", "GMT+02:00"),
    "x": ("-07", "+00", "+0530", "+02"),
    "xx": ("-0700", "+0000", "+0530", "+0200"),
    "xxx": ("-07:00", "+00:00", "+05:30", "+02:00"),
    "yyyy-MM-dd'T'HH:mm:ss.SSSX": (
        "2019-10-17T11:55:12.123-07",
        "2024-01-01T00:05:09.000Z",
        "2021-12-31T23:00:00.000+0530",
        "2021-07-04T12:30:00.000+02",
    ),
    "EEEE, d MMMM uuuu": (
        "Thursday, 17 October 2019",
        "Monday, 1 January 2024",
        "Friday, 31 December 2021",
        "Sunday, 4 July 2021",
    ),
    "h 'o''clock' a": ("11 o'clock AM", "12 o'clock AM", "11 o'clock PM", "12 o'clock PM"),
    "yyyyMMddHHmmss": ("20191017115512", "20240101000509", "20211231230000", "20210704123000"),
}
READ = [
    ("yyyy-MM-dd", "2020-01-31", "2020-01-31T00:00:00Z"),
    ("yyyy-MM-dd", "2020-1-31", None),
    ("yyyy-MM-dd", "20200131", None),
    ("yyyy-MM-dd", "0000-01-01", None),
    ("yyyy-MM-dd", "12020-01-01", None),
    ("yyyy-MM-dd", "2020-13-01", None),
    ("M/d/yyyy", "1/2/2020", "2020-01-02T00:00:00Z"),
    ("M/d/yyyy", "01/02/2020", "2020-01-02T00:00:00Z"),
    ("M/d/yyyy", "13/1/2020", None),
    ("M/d/yyyy", "1/02/2020", "2020-01-02T00:00:00Z"),
    ("M/dd/yyyy", "7/4/2020", None),
    ("M/dd/yyyy", "7/04/2020", "2020-07-04T00:00:00Z"),
    ("M/dd/yyyy", "07/04/2020", "2020-07-04T00:00:00Z"),
    ("dd.M.yyyy", "31.7.2020", "2020-07-31T00:00:00Z"),
    ("dd.M.yyyy", "1.7.2020", None),
    ("yyyyMMdd", "20200131", "2020-01-31T00:00:00Z"),
    ("yyyyMMdd", "2020013", None),
    ("yyyyMMddHHmmss", "20200131235959", "2020-01-31T23:59:59Z"),
    ("dd-MMM-yyyy", "31-Jul-2020", "2020-07-31T00:00:00Z"),
    ("dd-MMM-yyyy", "31-July-2020", None),
    ("d MMMM yyyy", "1 July 2020", "2020-07-01T00:00:00Z"),
    ("d MMMM yyyy", "1 Jul 2020", None),
    ("yyyy-MM-dd HH:mm:ss.SSSZ", "2020-01-01 00:00:00.123+0200", "2019-12-31T22:00:00.123Z"),
    ("yyyy-MM-dd'T'HH:mm:ssX", "2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"),
    ("yyyy-MM-dd'T'HH:mm:ssX", "2020-01-01T00:00:00+02", "2019-12-31T22:00:00Z"),
    ("yyyy-MM-dd'T'HH:mm:ssX", "2020-01-01T00:00:00+0200", "2019-12-31T22:00:00Z"),
    ("yyyy-MM-dd'T'HH:mm:ssXXX", "2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"),
    ("yyyy-MM-dd'T'HH:mm:ssXXX", "2020-01-01T00:00:00+02:00", "2019-12-31T22:00:00Z"),
    ("yyyy-MM-dd HH:mm:ss z", "2019-10-17 11:55:12 UTC", "2019-10-17T11:55:12Z"),
    ("yyyy-MM-dd HH:mm:ss z", "2019-10-17 11:55:12 Europe/Paris", "2019-10-17T09:55:12Z"),
    ("yyyy-MM-dd HH:mm VV", "2019-10-17 11:55 America/New_York", "2019-10-17T15:55:00Z"),
    ("hh:mm a yyyy-MM-dd", "12:30 AM 2020-01-01", "2020-01-01T00:30:00Z"),
    ("hh:mm a yyyy-MM-dd", "12:30 PM 2020-01-01", "2020-01-01T12:30:00Z"),
    ("hh:mm a yyyy-MM-dd", "13:30 PM 2020-01-01", None),
    ("yy-MM-dd", "99-01-01", "2099-01-01T00:00:00Z"),
    ("yy-MM-dd", "20-01-01", "2020-01-01T00:00:00Z"),
    ("EEE, d MMM yyyy", "Thu, 17 Oct 2019", "2019-10-17T00:00:00Z"),
    ("EEE, d MMM yyyy", "Fri, 17 Oct 2019", None),
    ("yyyy-D", "2020-366", "2020-12-31T00:00:00Z"),
    ("yyyy-D", "2021-366", None),
    ("yyyy-D", "2020-1", "2020-01-01T00:00:00Z"),
    ("yyyy-MM-dd HH:mm", "2020-01-01 23:59", "2020-01-01T23:59:00Z"),
    ("yyyy-MM-dd kk:mm", "2020-01-01 24:00", "2020-01-01T00:00:00Z"),
    ("uuuu-MM-dd", "2020-01-01", "2020-01-01T00:00:00Z"),
    ("yyyy-MM-dd'T'HH:mm:ss.SSS", "2020-01-01T00:00:00.1", None),
    ("yyyy-MM-dd'T'HH:mm:ss.SSS", "2020-01-01T00:00:00.123", "2020-01-01T00:00:00.123Z"),
    ("yyyy-MM-dd'T'HH:mm:ss.SSS", "2020-01-01T00:00:00.1234", None),
    ("d/M/yy", "5/6/21", "2021-06-05T00:00:00Z"),
    ("MMddyyyy", "12112020", "2020-12-11T00:00:00Z"),
    ("yyyy-MM-dd HH:mm:ss O", "2019-10-17 11:55:12 GMT+2", "2019-10-17T09:55:12Z"),
    ("HH:mm", "10:20", None),
]


@pytest.mark.parametrize("pattern", PRINTED)
def test_dates_are_printed_as_java_prints_them(pattern: str) -> None:
    made = compile_pattern(pattern, Options())
    assert tuple(made.print(moment) for moment in MOMENTS) == PRINTED[pattern]


@pytest.mark.parametrize(("pattern", "text", "wanted"), READ)
def test_dates_are_read_as_java_reads_them(pattern: str, text: str, wanted: str | None) -> None:
    made = compile_pattern(pattern, Options())
    if wanted is None:
        with pytest.raises(Failed):
            made.read(text)
    else:
        assert str(made.read(text).to(UTC)) == wanted


@pytest.mark.parametrize(
    ("pattern", "text", "wanted"),
    [
        ("yyyy-MM-dd", "2020-02-30", None),  # Java makes it the 29th
        ("yyyy-MM-dd HH:mm", "2020-01-01 24:00", None),  # Java makes it the next day
        ("dd-MMM-yyyy", "31-JUL-2020", "2020-07-31T00:00:00Z"),
        ("hh:mm a yyyy-MM-dd", "01:30 am 2020-01-01", "2020-01-01T01:30:00Z"),
        ("yyyy-MM-dd HH:mm:ssZ", "2020-01-01 00:00:00+02:00", "2019-12-31T22:00:00Z"),
        ("yyyy", "2020", "2020-01-01T00:00:00Z"),
        ("QQQ yyyy", "Q3 2020", "2020-07-01T00:00:00Z"),
        ("YYYY-'W'ww-e", "2020-W53-5", "2021-01-01T00:00:00Z"),
    ],
)
def test_where_we_differ_from_java(pattern: str, text: str, wanted: str | None) -> None:
    made = compile_pattern(pattern, Options())
    if wanted is None:
        with pytest.raises(Failed):
            made.read(text)
    else:
        assert str(made.read(text).to(UTC)) == wanted


@pytest.mark.parametrize(
    ("pattern", "part"),
    [("yyyy-bb", "'b'"), ("yyyy 'open", "open quote"), ("zzzz", "full names"), ("jj", "'j'")],
)
def test_what_is_no_pattern_is_told(pattern: str, part: str) -> None:
    with pytest.raises(Failed, match=part):
        compile_pattern(pattern, Options())


@pytest.mark.parametrize(
    ("name", "hours"),
    [("UTC", 0), ("Z", 0), ("+02:00", 2), ("GMT-8", -8), ("Asia/Tokyo", 9), ("EST", -5)],
)
def test_zones(name: str, hours: float) -> None:
    assert datetime(2020, 1, 1, tzinfo=zone(name)).utcoffset() == timedelta(hours=hours)


@pytest.mark.parametrize("name", ["", "Nowhere/City", "+25:00", "+05:75", "../etc/passwd", "PSTX"])
def test_what_is_no_zone_is_told(name: str) -> None:
    with pytest.raises(Failed, match="not a time zone"):
        zone(name)


def test_a_whole_column_is_read_and_printed_as_single_values_are() -> None:
    start = datetime(1, 1, 1, 0, 0, 0, tzinfo=UTC)
    times = [start + timedelta(days=997 * i, seconds=7919 * i, milliseconds=i) for i in range(3600)]
    for pattern in ("yyyy-MM-dd'T'HH:mm:ss.SSS", "yyyyMMddHHmmss", "dd.MM.yyyy", "MM/dd/yyyy HH:mm"):
        made = compile_pattern(pattern, Options())
        texts = [made.print(Moment(time)) for time in times]
        rows = pa.record_batch({"t": texts, "d": pa.array(times, pa.timestamp("us", "UTC"))})
        printed = compile_expression(f'format(d, "{pattern}")', rows.schema).apply(rows)
        assert printed.values.to_pylist() == texts
        read = compile_expression(f'date(t, "{pattern}")', rows.schema).apply(rows)
        assert read.values.cast(pa.int64()).to_pylist() == [made.read(text).millis for text in texts]


def test_the_automatic_formats_are_tried_in_their_order() -> None:
    assert str(read_date("12112020", Options())) == "2020-12-11T00:00:00Z"
    assert str(read_date("20201112", Options())) == "2020-11-12T00:00:00Z"
    assert str(read_date("2019-10-23 11:24", Options())) == "2019-10-23T11:24:00Z"
    with pytest.raises(Failed, match="none of the known date formats"):
        read_date("23rd of October", Options())
