"""Kernels on dates: reading, printing and taking apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ..columns import LONG, MOMENT, TEXT, Column, merged, nulls_of, plain, some
from ..functions.dates import COMPONENTS
from ..java_time_format import Pattern, automatic_layouts
from ..values import Failed
from . import dates, numbers
from .table import Constants, Made, Rows, kernel, kind


@kernel("now")
def now(rows: Rows) -> Made:
    """The time of the run."""
    return Constants(rows.context.present(), rows.n)


@kernel("timestamp")
def timestamp(rows: Rows) -> Made:
    """The time of the run in milliseconds."""
    return Constants(rows.context.present().millis, rows.n)


@kernel("date", "any fixed?")
def date(rows: Rows, value: Column, pattern: Any = None) -> Made:
    """Dates of texts in a format, or in one of the automatic ones.

    Texts with an offset keep their zone, which a column of instants cannot hold: they are open.
    """
    return _read(rows, value, pattern, False)


@kernel("date@", "any fixed?")
def instant(rows: Rows, value: Column, pattern: Any = None) -> Made:
    """The same where only the instant counts."""
    return _read(rows, value, pattern, True)


def _read(rows: Rows, value: Column, pattern: Any, zoned: bool) -> Made:
    name = kind(value)
    if name == "null":
        return Column(pa.nulls(rows.n, MOMENT))
    if name == "moment":
        return Column(value.values)
    if name != "text" or (pattern is None and rows.options.zoneless_millis == "drop"):
        return None
    if pattern is None:
        layouts = dates.ISO + automatic_layouts(rows.options)
    else:
        known = _pattern(rows, pattern)
        layouts = () if known is None else known.layouts
    if not zoned:
        layouts = tuple(layout for layout in layouts if not any(part == "x" and width for part, width in layout))
    if not layouts and pattern is not None:
        return None
    return dates.read_layouts(plain(value.values), layouts, blank_is_null=True)


def _pattern(rows: Rows, pattern: Any) -> Pattern | None:
    """A date pattern; None where it is none."""
    try:
        return rows.context.pattern(pattern) if isinstance(pattern, str) else None
    except Failed:
        return None


@kernel("format", "moment fixed")
def format_date(rows: Rows, value: Column, pattern: Any) -> Made:
    """Dates as text."""
    known = _pattern(rows, pattern)
    return None if known is None else dates.print_pattern(value.values, known)


@kernel("dformat", "any fixed")
def dformat(rows: Rows, value: Column, pattern: Any) -> Made:
    """Milliseconds since 1970 as text."""
    known = _pattern(rows, pattern)
    if known is None:
        return None
    name = kind(value)
    if name == "null":
        return Column(pa.nulls(rows.n, TEXT))
    if name == "moment":
        return dates.print_pattern(value.values, known)
    millis, odd = value.values, None
    if name == "text":
        made = numbers.integers(plain(millis))
        millis, odd = made.values, made.open
    elif name != "long":
        return None
    moments, large = dates.of_millis(millis)
    found = dates.print_pattern(moments, known)
    return Column(found.values, merged(odd, found.open, large))


@kernel("date_part", "fixed moment")
def date_part(rows: Rows, part: Any, value: Column) -> Made:
    """One component of dates."""
    options = rows.options
    name = part.lower() if isinstance(part, str) else ""
    component = {"w": options.letter_w}.get(name, COMPONENTS.get(name))
    if component is None or (name == "yy" and options.short_year == "two"):
        return None
    if component in ("week", "weekday") and options.weeks != "iso":
        return None
    return dates.component(value.values, component)


@kernel("zone_date_to_utc", "moment")
def zone_date_to_utc(rows: Rows, value: Column) -> Made:
    """Dates that are in UTC stay as they are."""
    return Column(value.values)


@kernel("set_date_part", "fixed any moment")
def set_date_part(rows: Rows, part: Any, number: Column, value: Column) -> Made:
    """Dates with one component replaced; a day that the month lacks becomes its last."""
    name = COMPONENTS.get(part.lower()) if isinstance(part, str) else None
    if name not in ("year", "month", "day", "hour", "minute", "second") or kind(number) != "long":
        return None
    micros = value.values.view(LONG).fill_null(0).to_numpy(zero_copy_only=False)
    absent, lacking = nulls_of(value.values), nulls_of(number.values)
    n = number.values.fill_null(0).to_numpy(zero_copy_only=False)
    odd = (micros < dates._FIRST) | (micros >= dates._LAST) | lacking
    days, rest = np.divmod(np.where(odd, 0, micros), 86_400_000_000)
    year, month, day = dates._civil(days)
    if name in ("hour", "minute", "second"):
        unit, most = {"hour": (3_600_000_000, 24), "minute": (60_000_000, 60), "second": (1_000_000, 60)}[name]
        odd |= (n < 0) | (n >= most)
        made = rest + (n - rest // unit % most) * unit
        made = days * 86_400_000_000 + made
    else:
        low, high = {"year": (1, 9999), "month": (1, 12), "day": (1, 31)}[name]
        odd |= (n < low) | (n > high)
        number_of = np.where(odd, 1, n)
        year, month = (number_of if name == "year" else year), (number_of if name == "month" else month)
        leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
        last = dates._DAYS[month] + ((month == 2) & leap)
        if name == "day":
            odd |= number_of > last
            day = np.where(odd, 1, number_of)
        day = np.minimum(day, last)
        made = dates._days(year, month, day) * 86_400_000_000 + rest
    return Column(pa.array(np.where(odd, 0, made), LONG, mask=absent | odd).view(MOMENT), some(odd & ~absent))
