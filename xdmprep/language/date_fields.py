"""The fields of a date, by arithmetic that is the same for one date and for a column of dates.

A number here is an integer, or a numpy array with one for each row.  A date is made of fields without a check
(:func:`local_time`); it is real where it is :attr:`Local.known`, and every field of which it was made has the same
value in it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .options import Options

_EPOCH = date(1970, 1, 1).toordinal()
#: The first and the last day of the years 1 to 9999.
_DAYS = 1 - _EPOCH, date.max.toordinal() - _EPOCH
_SECOND = 10**9
NANOS_OF_DAY = 86_400 * _SECOND


class Local:
    """A local time, or a column of them: `days` since 1970-01-01, and `nanos` of the day."""

    def __init__(self, days: Any, nanos: Any) -> None:
        self.days, self.nanos = days, nanos
        self.seconds = nanos // _SECOND

    @property
    def micros(self) -> Any:
        """Microseconds since 1970-01-01, as in UTC."""
        return self.days * (NANOS_OF_DAY // 1000) + self.nanos // 1000

    @property
    def known(self) -> Any:
        """Whether the day is in the years 1 to 9999 and the time in the day; the fields say nothing of others."""
        in_day = (self.nanos >= 0) & (self.nanos < NANOS_OF_DAY)
        return (self.days >= _DAYS[0]) & (self.days <= _DAYS[1]) & in_day

    @cached_property
    def _day(self) -> Any:
        if isinstance(self.days, int):
            return date.fromordinal(self.days + _EPOCH)
        return pa.array(self.days.astype(np.int32)).view(pa.date32())

    def _of_day(self, name: str) -> Any:
        return getattr(self._day, name) if isinstance(self.days, int) else getattr(pc, name)(self._day).to_numpy()

    @cached_property
    def year(self) -> Any:
        """The year."""
        return self._of_day("year")

    @cached_property
    def month(self) -> Any:
        """The month."""
        return self._of_day("month")

    @cached_property
    def day(self) -> Any:
        """The day of the month."""
        return self._of_day("day")

    @cached_property
    def dayofyear(self) -> Any:
        """The day of the year."""
        return self.days - days_of(self.year) + 1


def days_of(year: Any, month: Any = 1, day: Any = 1) -> Any:
    """Days from 1970-01-01 to a day of the Gregorian calendar; one that a month or year lacks is in the next."""
    march = (month + 9) % 12  # the months counted from March, so that a leap day ends the year
    year = year + (month - 1) // 12 - march // 10
    return 365 * year + year // 4 - year // 100 + year // 400 + (306 * march + 5) // 10 + day - 719_469


# Weeks


def _week_rules(options: Options) -> tuple[int, int]:
    """The weekday on which weeks begin (Monday is 1), and the least number of days in the first week of a year."""
    return (1, 4) if options.weeks == "iso" else (7, 1)


def _weekday(days: Any, options: Options) -> Any:
    """Days since the week began."""
    return (days + 4 - _week_rules(options)[0]) % 7


def _decisive(local: Local, options: Options) -> Any:
    """The day of the same week that is in the week's year."""
    return local.days - _weekday(local.days, options) + 7 - _week_rules(options)[1]


def _week_year(local: Local, options: Options) -> Any:
    """The year of the week."""
    day = _decisive(local, options)
    return local.year + (day >= days_of(local.year + 1)) - (day < days_of(local.year))


def _week_of_month(local: Local, options: Options) -> Any:
    """The week of the month, 0 for days before the first week."""
    return (local.day - _weekday(local.days, options) + 6 - _week_rules(options)[1]) // 7 + 1


# Fields


class DateField(NamedTuple):
    """A field of a date.

    Attributes:
        of: the value in a local time.
        least, most: the smallest and the largest value.
    """

    of: Callable[[Local, Options], Any]
    least: int
    most: int


FIELDS: dict[str, DateField] = {
    "era": DateField(lambda t, o: t.days * 0 + 1, 1, 1),
    "year": DateField(lambda t, o: t.year, 1, 9999),
    "quarter": DateField(lambda t, o: (t.month + 2) // 3, 1, 4),
    "month": DateField(lambda t, o: t.month, 1, 12),
    "day": DateField(lambda t, o: t.day, 1, 31),
    "dayofyear": DateField(lambda t, o: t.dayofyear, 1, 366),
    "weekofday": DateField(lambda t, o: (t.day - 1) % 7 + 1, 1, 7),
    "weekyear": DateField(_week_year, 1, 10_000),
    "week": DateField(lambda t, o: (_decisive(t, o) - days_of(_week_year(t, o))) // 7 + 1, 1, 53),
    "weekofmonth": DateField(_week_of_month, 0, 6),
    "isoweekday": DateField(lambda t, o: (t.days + 3) % 7 + 1, 1, 7),
    "weekday": DateField(lambda t, o: _weekday(t.days, o) + 1, 1, 7),
    "ampm": DateField(lambda t, o: t.seconds // 43_200, 0, 1),
    "hour": DateField(lambda t, o: t.seconds // 3600, 0, 23),
    "hour11": DateField(lambda t, o: t.seconds // 3600 % 12, 0, 11),
    "hour12": DateField(lambda t, o: (t.seconds // 3600 + 11) % 12 + 1, 1, 12),
    "minute": DateField(lambda t, o: t.seconds // 60 % 60, 0, 59),
    "second": DateField(lambda t, o: t.seconds % 60, 0, 59),
    "millisecond": DateField(lambda t, o: t.nanos // 10**6 % 1000, 0, 999),
    "nano": DateField(lambda t, o: t.nanos % _SECOND, 0, _SECOND - 1),
    "milliofday": DateField(lambda t, o: t.nanos // 10**6, 0, NANOS_OF_DAY // 10**6 - 1),
    "nanoofday": DateField(lambda t, o: t.nanos, 0, NANOS_OF_DAY - 1),
}


def local_time(found: dict[str, Any], options: Options) -> Local:
    """The local time with some fields, a year among them; what is not there is the first or the start."""
    return Local(_days(found, options), _nanos(found))


def _days(found: dict[str, Any], options: Options) -> Any:
    first, least = _week_rules(options)
    weekday = found["isoweekday"] - first if "isoweekday" in found else found.get("weekday", 1) - 1
    if "weekyear" in found and "week" in found:
        start = days_of(found["weekyear"], 1, least)  # is always in the first week
        return start - _weekday(start, options) + 7 * (found["week"] - 1) + weekday % 7
    year = found["year"]
    if "dayofyear" in found:
        return days_of(year, 1, found["dayofyear"])
    month = found.get("month", 3 * found.get("quarter", 1) - 2)
    if "weekofmonth" in found and "day" not in found and ("isoweekday" in found or "weekday" in found):
        start = _weekday(days_of(year, month), options)
        weeks = found["weekofmonth"] - 1 - (7 - least - start) // 7
        return days_of(year, month, weekday % 7 - start + 1 + 7 * weeks)
    return days_of(year, month, found.get("day", 1))


def _nanos(found: dict[str, Any]) -> Any:
    if "nanoofday" in found or "milliofday" in found:
        return found.get("nanoofday", found.get("milliofday", 0) * 10**6)
    hour = found.get("hour", 0)
    if "hour11" in found:
        hour = found["hour11"] + 12 * found.get("ampm", hour // 12)
    return ((hour * 60 + found.get("minute", 0)) * 60 + found.get("second", 0)) * _SECOND + found.get("nano", 0)
