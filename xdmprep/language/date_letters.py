"""The letters of Java's date patterns in one table: the field of each, and how it is read and printed.

:data:`LETTERS` gives, for each letter and width, the :class:`Digits`, :class:`Fraction`, :class:`Names` or
:class:`Zone` that reads and prints such a field, for one moment and for columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from .date_fields import FIELDS
from .options import Options
from .zoned_datetime import offset_text
from .zones import ZONE_NAMES, zone

MONTHS = tuple("January February March April May June July August September October November December".split())
DAYS = tuple("Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split())
#: What is printed is kept for each number of fields that have at most this many.
_MANY = 10_000


@dataclass(frozen=True, eq=False, slots=True)
class Digits:
    """A field as a number.

    Attributes:
        field: the name of the field.
        least, most: how many digits it has.
        reserved: how many digits a number of free width directly before it leaves to it.
        base: what a year of two digits is counted from.
        zero: how 0 is printed (the hour 12 or 24); it is read in both ways.
    """

    field: str
    least: int
    most: int
    reserved: int = 0
    base: int = 0
    zero: int = 0

    def expression(self, behind: int, size: int | None = None) -> str:
        """A regular expression of what is read before numbers of `behind` digits; padded it has `size` digits."""
        least, most = (size, size) if size else (self.least, self.most)
        if most < 19:
            return f"[0-9]{{{least}}}" if least == most else f"[0-9]{{{least},{most}}}"
        return f"[0-9]{{{least},19}}" + (f"(?=[0-9]{{{behind}}}(?![0-9]))" if behind else "+")

    def value(self, number: Any, width: int) -> Any:
        """The value of the field that a number of `width` digits, or a column of them, spells."""
        return number - self.zero * (number == self.zero) if self.zero else number + self.base

    def read(self, text: str, _: Options) -> int:
        """The value that `text` spells."""
        return int(self.value(int(text), len(text)))

    def number(self, value: Any) -> Any:
        """The number that is printed for a value, or for a column of them."""
        return value + self.zero * (value == 0) if self.zero else value % 100 if self.base else value

    def print(self, value: int) -> str:
        """A value of the field as it is printed."""
        return str(self.number(value)).zfill(self.least)

    def every(self) -> list[str]:
        """What is printed for each number from 0; empty where there are too many."""
        most = 99 if self.base else max(FIELDS[self.field].most, self.zero)
        return [str(number).zfill(self.least) for number in range(most + 1)] if most < _MANY else []


class Fraction(Digits):
    """The fraction of a second in a number of digits; its value is in nanoseconds."""

    __slots__ = ()

    def value(self, number: Any, width: int) -> Any:
        """The nanoseconds that a number of `width` digits, or a column of them, spells."""
        return number * 10 ** (9 - width)

    def number(self, value: Any) -> Any:
        """The number that is printed, truncated, for nanoseconds, or for a column of them."""
        return value // 10 ** (9 - self.least)

    def every(self) -> list[str]:
        """What is printed for each number from 0; empty where there are too many."""
        return [str(number).zfill(self.least) for number in range(10**self.least)] if 10**self.least <= _MANY else []


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

    def number(self, value: Any) -> Any:
        """Which of the names a value, or a column of them, has."""
        return value - self.first

    def every(self) -> list[str]:
        """The names in their order."""
        return list(self.printed)

    def print(self, value: int) -> str:
        """The name of a value."""
        return self.printed[value - self.first]


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


Element = Digits | Names | Zone


def _number(field: str, *bounds: tuple[int, ...]) -> dict[int, Element]:
    """A number by its width: the bounds of the digits, and the digits that are reserved."""
    return {width: Digits(field, *of) for width, of in enumerate(bounds, 1)}


_TWO = ((1, 19), (2, 2, 2))


def _clock(zero: int) -> tuple[tuple[int, ...], ...]:
    """The widths of hours that begin with 12 or 24."""
    return ((1, 19, 0, 0, zero), (2, 2, 2, 0, zero))


_FREE = [(width, 19) for width in range(1, 10)]
_YEAR = [(1, 19), (2, 2, 2, 2000), (3, 19), (4, 4), *_FREE[4:]]


def _names(field: str, names: tuple[str, ...]) -> dict[int, Element]:
    """The widths of names: three letters, in full, and one letter, which is read where only one name begins with it."""
    return {width: _labels(field, *[name[:size] for name in names]) for width, size in ((3, 3), (4, None), (5, 1))}


def _labels(field: str, *names: str, first: int = 1) -> Names:
    accepted = {name.lower(): n for n, name in enumerate(names, first) if names.count(name) == 1}
    return Names(field, names, accepted, first)


def _eras() -> dict[int, Element]:
    accepted = {"ad": 1, "ce": 1, "a": 1, "anno domini": 1, "bc": 0, "bce": 0, "b": 0, "before christ": 0}
    shown = {**dict.fromkeys((1, 2, 3), ("BC", "AD")), 4: ("Before Christ", "Anno Domini"), 5: ("B", "A")}
    return {width: Names("era", names, accepted, 0) for width, names in shown.items()}


OFFSET = r"(?:Z|[+-]\d{2}(?::\d{2}(?::\d{2})?|\d{2}(?:\d{2})?)?)"
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
    "k": _number("hour", *_clock(24)),
    "K": _number("hour11", *_TWO),
    "h": _number("hour11", *_clock(12)),
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
