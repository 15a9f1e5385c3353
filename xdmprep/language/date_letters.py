"""The letters of Java's date patterns in one table: the field of each, and how it is read and printed.

:data:`FIELDS` defines the fields of a date, for one moment and for columns.  :data:`LETTERS` gives, for each letter and
width, the :class:`Digits`, :class:`Fraction`, :class:`Names` or :class:`Zone` that reads and prints such a field.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import partial
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from .options import Options
from .zoned_datetime import Moment, offset_text
from .zones import ZONE_NAMES, zone

MONTHS = tuple("January February March April May June July August September October November December".split())
DAYS = tuple("Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split())


# Weeks


def first_day(options: Options) -> tuple[int, int]:
    """The weekday on which weeks begin (Monday is 1), and the least number of days in the first week of a year."""
    return (1, 4) if options.weeks == "iso" else (7, 1)


def year_and_week(moment: Moment, options: Options) -> tuple[int, int]:
    """The week-based year and the week of it."""
    day = moment.at.date()
    if options.weeks == "iso":
        year, week, _ = day.isocalendar()
        return year, week
    saturday = day.toordinal() + 6 - day.isoweekday() % 7  # the week that holds 1 January is the first
    year = day.year + (saturday > date(day.year, 12, 31).toordinal())
    january = date(day.year, 1, 1).toordinal() if year == day.year else date(day.year, 12, 31).toordinal() + 1
    return year, (saturday - january) // 7 + 1


def week_of_month(day: date, options: Options) -> int:
    """The week of the month, 0 for days before the first week."""
    first, least = first_day(options)
    start = (day.day - ((day.isoweekday() - first) % 7 + 1)) % 7
    return (7 + (7 - start if start + 1 > least else -start) + day.day - 1) // 7


def _weekday(moment: Moment, options: Options) -> int:
    day = moment.at.isoweekday()
    return day if options.weeks == "iso" else day % 7 + 1


# Fields


class DateField(NamedTuple):
    """A field of a date.

    Attributes:
        of: the value of the field in a moment, in the moment's zone.
        column: the values of a column of local timestamps in microseconds; of fields with a `key` only for ISO weeks.
        most: the largest value.
        key: the field on which this one depends where `column` does not give it.
    """

    of: Callable[[Moment, Options], int]
    column: Callable[[pa.Array], pa.Array] | None = None
    most: int = 10**9
    key: str = ""


def _nano(moment: Moment, _: Options) -> int:
    return moment.at.microsecond * 1000 + moment.nanos


def _nano_of_day(moment: Moment, options: Options) -> int:
    at = moment.at
    return ((at.hour * 60 + at.minute) * 60 + at.second) * 10**9 + _nano(moment, options)


def _remainder(unit: int) -> Callable[[pa.Array], pa.Array]:
    """Microseconds since the last multiple of a unit."""
    return lambda at: pa.array(at.view(pa.int64()).to_numpy() % unit)


def _of_hour(value: Callable[[int], int]) -> DateField:
    """A field that follows from the hour of the day."""
    return DateField(lambda m, o: value(m.at.hour), lambda at: pa.array(map(value, range(24))).take(pc.hour(at)), 24)


def _of_date(value: Callable[[pa.Array], pa.Array]) -> Callable[[pa.Array], pa.Array]:
    """What Arrow computes from dates in a third of the time that it takes for timestamps."""
    return lambda at: value(at.cast(pa.date32()))


_iso_weekdays = partial(pc.day_of_week, count_from_zero=False, week_start=1)

FIELDS: dict[str, DateField] = {
    "era": DateField(lambda m, o: 1, key="year"),
    "year": DateField(lambda m, o: m.at.year, _of_date(pc.year), 9999),
    "quarter": DateField(lambda m, o: (m.at.month + 2) // 3, _of_date(pc.quarter), 4),
    "month": DateField(lambda m, o: m.at.month, _of_date(pc.month), 12),
    "day": DateField(lambda m, o: m.at.day, _of_date(pc.day), 31),
    "dayofyear": DateField(lambda m, o: m.at.timetuple().tm_yday, _of_date(pc.day_of_year), 366),
    "weekofday": DateField(lambda m, o: (m.at.day - 1) % 7 + 1, key="day"),
    "date": DateField(lambda m, o: m.at.toordinal(), lambda at: at.cast(pa.date32()).view(pa.int32())),
    "weekyear": DateField(lambda m, o: year_and_week(m, o)[0], _of_date(pc.iso_year), 9999, "date"),
    "week": DateField(lambda m, o: year_and_week(m, o)[1], _of_date(pc.iso_week), 53, "date"),
    "weekofmonth": DateField(lambda m, o: week_of_month(m.at.date(), o), key="date"),
    "isoweekday": DateField(lambda m, o: m.at.isoweekday(), _iso_weekdays, 7),
    "weekday": DateField(_weekday, _iso_weekdays, 7, "isoweekday"),
    "ampm": _of_hour(lambda hour: hour // 12),
    "hour": DateField(lambda m, o: m.at.hour, pc.hour, 23),
    "hour24": _of_hour(lambda hour: hour or 24),
    "hour11": _of_hour(lambda hour: hour % 12),
    "hour12": _of_hour(lambda hour: hour % 12 or 12),
    "minute": DateField(lambda m, o: m.at.minute, pc.minute, 59),
    "second": DateField(lambda m, o: m.at.second, pc.second, 59),
    "millisecond": DateField(lambda m, o: m.at.microsecond // 1000, pc.millisecond, 999),
    "microsecond": DateField(lambda m, o: m.at.microsecond, _remainder(10**6), 10**6),
    "nano": DateField(_nano, key="microsecond"),
    "microofday": DateField(lambda m, o: _nano_of_day(m, o) // 1000, _remainder(86_400 * 10**6)),
    "milliofday": DateField(lambda m, o: _nano_of_day(m, o) // 10**6, key="microofday"),
    "nanoofday": DateField(_nano_of_day, key="microofday"),
}  # fmt: skip


def has_column(name: str, options: Options) -> bool:
    """Whether Arrow gives the values of a field."""
    return FIELDS[name].column is not None and (not FIELDS[name].key or options.weeks == "iso")


def column_of(name: str, at: pa.Array) -> pa.Array:
    """The values of a field of local timestamps; of one that has no column, those of the field on which it depends."""
    field = FIELDS[name]
    return field.column(at) if field.column else column_of(field.key, at)


# Elements: a field as a pattern shows it


@dataclass(frozen=True, eq=False, slots=True)
class Digits:
    """A field as a number.

    Attributes:
        field: the name of the field.
        least, most: how many digits it has.
        reserved: how many digits a number of free width directly before it leaves to it.
        base: what a year of two digits is counted from.
    """

    field: str
    least: int
    most: int
    reserved: int = 0
    base: int = 0

    def expression(self, behind: int, size: int | None = None) -> str:
        """A regular expression of what is read before numbers of `behind` digits; padded it has `size` digits."""
        least, most = (size, size) if size else (self.least, self.most)
        if most < 19:
            return f"[0-9]{{{least}}}" if least == most else f"[0-9]{{{least},{most}}}"
        return f"[0-9]{{{least},19}}" + (f"(?=[0-9]{{{behind}}}(?![0-9]))" if behind else "+")

    def read(self, text: str, _: Options) -> int:
        """The value that `text` spells."""
        return int(text) + self.base

    def print(self, moment: Moment, options: Options) -> str:
        """The field of a moment."""
        value = FIELDS[self.field].of(moment, options)
        return str(value % 100 if self.base else value).zfill(self.least)


class Fraction(Digits):
    """The fraction of a second in a number of digits; its value is in nanoseconds."""

    __slots__ = ()

    def read(self, text: str, _: Options) -> int:
        """The nanoseconds that `text` spells."""
        return int(text.ljust(9, "0"))

    def print(self, moment: Moment, options: Options) -> str:
        """The fraction of a moment's second, truncated."""
        return f"{_nano(moment, options):09d}"[: self.least]


@dataclass(frozen=True, eq=False, slots=True)
class Names:
    """A field as one of some names.

    Attributes:
        field: the name of the field.
        printed: the names, from the value `first` on.
        accepted: the names that are read, in lower case, with their values.
        first: the lowest value.
    """

    field: str
    printed: tuple[str, ...]
    accepted: dict[str, int]
    first: int = 1

    def expression(self, *_: int | None) -> str:
        """A regular expression of what is read."""
        return "(?i:" + "|".join(self.accepted) + ")"

    def read(self, text: str, _: Options) -> int:
        """The value that `text` names."""
        return self.accepted[text.lower()]

    def print(self, moment: Moment, options: Options) -> str:
        """The field of a moment."""
        return self.printed[FIELDS[self.field].of(moment, options) - self.first]


@dataclass(frozen=True, eq=False, slots=True)
class Zone:
    """An offset, or the name of a zone.

    Attributes:
        field: ``offset`` or ``zone``.
        regex: what is read.
        shown: the offset or zone of a time, as it is printed.
        abbreviated: whether abbreviations (PST) are read.
    """

    field: str
    regex: str
    shown: Callable[[datetime], str]
    abbreviated: bool = False

    def expression(self, *_: int | None) -> str:
        """A regular expression of what is read."""
        return self.regex

    def read(self, text: str, options: Options) -> tzinfo:
        """The zone that `text` names. Raises Failed: there is no such zone."""
        known = ZONE_NAMES.get(text.upper()) if self.abbreviated else None
        if known is None or options.zone_names == "region":
            return zone(known[1] if known else text)
        return timezone(timedelta(hours=known[0])) if known[0] else UTC

    def print(self, moment: Moment, _: Options) -> str:
        """The zone of a moment."""
        return self.shown(moment.at)


Element = Digits | Names | Zone


def _number(field: str, *bounds: tuple[int, ...]) -> dict[int, Element]:
    """A number by its width: the bounds of the digits, and the digits that are reserved."""
    return {width: Digits(field, *of) for width, of in enumerate(bounds, 1)}


_TWO = ((1, 19), (2, 2, 2))
_FREE = [(width, 19) for width in range(1, 10)]
_YEAR = [(1, 19), (2, 2, 2, 2000), (3, 19), (4, 4), *_FREE[4:]]


def _names(field: str, names: tuple[str, ...]) -> dict[int, Element]:
    """The widths of names: three letters, in full, and one letter, which is read where only one name begins with it."""
    shapes = {3: tuple(name[:3] for name in names), 4: names, 5: tuple(name[0] for name in names)}
    return {
        width: Names(field, shown, {name.lower(): n for n, name in enumerate(shown, 1) if shown.count(name) == 1})
        for width, shown in shapes.items()
    }


def _labels(field: str, *names: str, first: int = 1) -> Names:
    return Names(field, names, {name.lower(): n for n, name in enumerate(names, first)}, first)


def _eras() -> dict[int, Element]:
    accepted = {"ad": 1, "ce": 1, "a": 1, "anno domini": 1, "bc": 0, "bce": 0, "b": 0, "before christ": 0}
    shown = {**dict.fromkeys((1, 2, 3), ("BC", "AD")), 4: ("Before Christ", "Anno Domini"), 5: ("B", "A")}
    return {width: Names("era", names, accepted, 0) for width, names in shown.items()}


OFFSET = r"(?:Z|[+-]\d{2}(?::?\d{2}(?::?\d{2})?)?)"
_GMT = r"GMT(?:[+-]\d{1,2}(?::\d{2}){0,2})?"
_ZONE = rf"[A-Za-z][A-Za-z_]*(?:/[A-Za-z_+\-0-9]+)*(?:[+-]\d{{1,2}}(?::?\d{{2}})?)?|{OFFSET}"


def _gmt(at: datetime, full: bool) -> str:
    text = offset_text(at)
    if text == "Z" or full:
        return "GMT" + text.removeprefix("Z")
    return f"GMT{text[0]}{int(text[1:3])}" + text[3:].removesuffix(":00")


def _zone_name(at: datetime) -> str:
    return (isinstance(at.tzinfo, ZoneInfo) and at.tzname()) or _zone_id(at)


def _zone_id(at: datetime) -> str:
    return str(at.tzinfo) if isinstance(at.tzinfo, ZoneInfo) else offset_text(at)


def _offsets(*spellings: dict[str, Any]) -> dict[int, Element]:
    """Offsets by their width, with the arguments of :func:`offset_text` for each."""
    return {width: Zone("offset", OFFSET, partial(offset_text, **how)) for width, how in enumerate(spellings, 1)}


_MINUTES: dict[str, Any] = {"colon": False, "exact": False}
_EXACT: tuple[dict[str, Any], ...] = ({"colon": False}, {"colon": True})
_SPELLINGS = ({**_MINUTES, "short": True}, _MINUTES, {"colon": True, "exact": False}, *_EXACT)
_FULL_GMT = Zone("offset", _GMT, partial(_gmt, full=True))
#: The abbreviation of a zone, as strings without a pattern have it.
ABBREVIATION = Zone("zone", "[A-Z]{2,5}", _zone_name, True)

_MONTH = _number("month", *_TWO) | _names("month", MONTHS)
_QUARTER: dict[int, Element] = {
    **_number("quarter", *_TWO),
    3: _labels("quarter", "Q1", "Q2", "Q3", "Q4"),
    4: _labels("quarter", "1st quarter", "2nd quarter", "3rd quarter", "4th quarter"),
    5: _labels("quarter", "1", "2", "3", "4"),
}
_DAY_NAMES = _names("isoweekday", DAYS)

#: Letter -> width -> the element.
LETTERS: dict[str, dict[int, Element]] = {
    "G": _eras(),
    "y": _number("year", *_YEAR),
    "u": _number("year", *_YEAR),
    "Y": _number("weekyear", (1, 19, 1), *_YEAR[1:]),
    "M": _MONTH,
    "L": _MONTH,
    "Q": _QUARTER,
    "q": _QUARTER,
    "d": _number("day", *_TWO),
    "D": _number("dayofyear", (1, 19), (2, 3), (3, 3)),
    "w": _number("week", *_TWO),
    "W": _number("weekofmonth", (1, 19)),
    "F": _number("weekofday", (1, 19)),
    "E": dict.fromkeys((1, 2), _DAY_NAMES[3]) | _DAY_NAMES,
    "e": _number("weekday", *_TWO) | _DAY_NAMES,
    "c": _number("weekday", _TWO[0]) | _DAY_NAMES,
    "a": {1: _labels("ampm", "AM", "PM", first=0)},
    "H": _number("hour", *_TWO),
    "k": _number("hour24", *_TWO),
    "K": _number("hour11", *_TWO),
    "h": _number("hour12", *_TWO),
    "m": _number("minute", *_TWO),
    "s": _number("second", *_TWO),
    "S": {width: Fraction("nano", width, width, width) for width in range(1, 10)},
    "n": _number("nano", *_FREE),
    "A": _number("milliofday", *_FREE),
    "N": _number("nanoofday", *_FREE),
    "V": {2: Zone("zone", _ZONE, _zone_id)},
    "z": dict.fromkeys((1, 2, 3), Zone("zone", _ZONE, _zone_name, True)),
    "O": {1: Zone("offset", _GMT, partial(_gmt, full=False)), 4: _FULL_GMT},
    "X": _offsets(*_SPELLINGS),
    "x": _offsets(*({**how, "zulu": False} for how in _SPELLINGS)),
    "Z": {**_offsets(*[{**_MINUTES, "zulu": False}] * 3, *_EXACT), 4: _FULL_GMT},
}
#: Letters that mean the same as another.
SYNONYMS = {"L": "M", "c": "e", "q": "Q"}
