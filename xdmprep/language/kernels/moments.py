"""Kernels on dates: reading, printing and taking apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..columns import LONG, MOMENT, TEXT, Column, as_mask, merged, nulls_of, plain, some
from ..functions.dates import COMPONENTS
from ..java_time_format import Pattern, zone
from ..shapes import chosen, instant_of, zoned, zones_of
from ..values import Failed
from ..zones import instants, number_of, offsets
from . import dates, numbers
from .table import Constants, Made, Rows, as_moments, kernel, kind, read_automatic


@kernel("now")
def now(rows: Rows) -> Made:
    return Constants(rows.context.present(), rows.n)


@kernel("timestamp")
def timestamp(rows: Rows) -> Made:
    return Constants(rows.context.present().millis, rows.n)


@kernel("date", "any fixed? any?")
def date(rows: Rows, value: Column, pattern: Any = None, default: Column | None = None) -> Made:
    found = _read(rows, value, pattern)
    if default is None or found is None:
        return found
    spare = as_moments(rows, default)
    if spare is None:
        return None
    blank = nulls_of(value.values)
    if kind(value) == "text":
        blank |= as_mask(pc.equal(plain(value.values), ""))
    made = chosen(np.where(blank, 1, 0), [found, Column(spare.values)])
    return Column(made.values, merged(found.open, None if spare.open is None else some(spare.open & blank)))


def _read(rows: Rows, value: Column, pattern: Any) -> Made:
    name = kind(value)
    if name == "null":
        return Column(pa.nulls(rows.n, MOMENT))
    if name in ("moment", "zoned"):
        return Column(value.values)
    if name != "text":
        return None
    if pattern is None:
        return read_automatic(rows, value)
    known = _pattern(rows, pattern)
    if known is None or not known.layouts:
        return None
    return dates.read_zoned(plain(value.values), known.layouts, True, rows.options)


def _pattern(rows: Rows, pattern: Any) -> Pattern | None:
    """A date pattern; None where it is none."""
    try:
        return rows.context.pattern(pattern) if isinstance(pattern, str) else None
    except Failed:
        return None


@kernel("format", "moment fixed")
def format_date(rows: Rows, value: Column, pattern: Any) -> Made:
    known = _pattern(rows, pattern)
    return None if known is None else dates.print_pattern(value.values, known)


@kernel("dformat", "any fixed")
def dformat(rows: Rows, value: Column, pattern: Any) -> Made:
    known = _pattern(rows, pattern)
    if known is None:
        return None
    name = kind(value)
    if name == "null":
        return Column(pa.nulls(rows.n, TEXT))
    if name in ("moment", "zoned"):
        return dates.print_pattern(instant_of(value.values), known)
    millis, odd = value.values, None
    if name == "text":
        made = numbers.integers(plain(millis))
        millis, odd = made.values, made.open
    elif name != "long":
        return None
    moments, large = dates.of_millis(millis)
    found = dates.print_pattern(moments, known)
    return None if found is None else Column(found.values, merged(odd, found.open, large))


@kernel("date_part", "fixed moment")
def date_part(rows: Rows, part: Any, value: Column) -> Made:
    options = rows.options
    name = part.lower() if isinstance(part, str) else ""
    component = {"w": options.letter_w}.get(name, COMPONENTS.get(name))
    if component is None or (name == "yy" and options.short_year == "two"):
        return None
    if component in ("week", "weekday") and options.weeks != "iso":
        return None
    local = dates.local_of(value.values)
    return None if local is None else dates.component(local, component)


@kernel("zone_date_to_utc", "moment")
def zone_date_to_utc(rows: Rows, value: Column) -> Made:
    return Column(instant_of(value.values))


@kernel("zone_date_to_zone", "moment any")
def zone_date_to_zone(rows: Rows, value: Column, name: Column) -> Made:
    moments = instant_of(value.values)
    zones, odd = _zones(rows, name)
    if zones is None:
        return None
    micros = moments.view(LONG).fill_null(0).to_numpy(zero_copy_only=False)
    try:
        local = micros + offsets(micros, zones)
    except Failed:
        return None
    absent = nulls_of(moments)
    odd = (odd | dates.beyond(local) | dates.beyond(micros)) & ~absent
    return Column(zoned(moments, np.where(absent | odd, 0, zones).astype(np.int32)), some(odd))


def _zones(rows: Rows, name: Column) -> tuple[Any, Any]:
    """The numbers of the zones that a column of texts names, and where it names none; None where it is no text."""
    if kind(name) != "text":
        return None, None
    given = pa.array([name.value], TEXT) if isinstance(name, Constants) else plain(name.values)
    encoded = given.dictionary_encode(null_encoding="encode")
    words = []
    for word in encoded.dictionary.to_pylist():
        try:
            words.append(None if word is None else number_of(zone(word)))
        except Failed:
            words.append(None)
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    codes = np.zeros(rows.n, dtype=np.int64) if isinstance(name, Constants) else codes
    numbers = np.array([word or 0 for word in words], dtype=np.int32)
    unknown = np.array([word is None for word in words], dtype=bool)
    return numbers[codes], unknown[codes]


@kernel("make_date_time", "any any any any any any any any")
def make_date_time(rows: Rows, *given: Column) -> Made:
    *numbers, name = given
    if any(kind(number) != "long" for number in numbers):
        return None
    if kind(name) == "null":
        zones, unknown = np.zeros(rows.n, dtype=np.int32), np.zeros(rows.n, dtype=bool)
    else:
        zones, unknown = _zones(rows, name)
        if zones is None:
            return None
    absent = np.logical_or.reduce([nulls_of(number.values) for number in numbers])
    year, month, day, hour, minute, second, nanos = (
        number.values.fill_null(1).to_numpy(zero_copy_only=False) for number in numbers
    )
    odd = (year < 2) | (year > 9998) | (month < 1) | (month > 12) | (hour < 0) | (hour > 23) | (minute < 0)
    odd |= (minute > 59) | (second < 0) | (second > 59) | (nanos < 0) | (nanos >= 10**9) | (nanos % 1000 != 0)
    year, month = np.where(odd, 2000, year), np.where(odd, 1, month)
    odd |= (day < 1) | (day > dates.last_day(year, month)) | unknown
    local = dates._days(year, month, np.where(odd, 1, day)) * 86_400 + (hour * 60 + minute) * 60 + second
    local = np.where(odd, 0, local * 1_000_000 + nanos // 1000)
    try:
        micros, _ = instants(local, zones)
    except Failed:
        return None
    odd &= ~absent
    moments = pa.array(micros, LONG, mask=absent | odd).view(MOMENT)
    return Column(zoned(moments, np.where(absent | odd, 0, zones).astype(np.int32)), some(odd))


@kernel("set_date_part", "fixed any moment")
def set_date_part(rows: Rows, part: Any, number: Column, value: Column) -> Made:
    name = COMPONENTS.get(part.lower()) if isinstance(part, str) else None
    if name not in ("year", "month", "day", "hour", "minute", "second") or kind(number) != "long":
        return None
    shown, zones = dates.local_of(value.values), zones_of(value.values)
    if shown is None:
        return None
    micros = shown.view(LONG).fill_null(0).to_numpy(zero_copy_only=False)
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
        last = dates.last_day(year, month)
        if name == "day":
            odd |= number_of > last
            day = np.where(odd, 1, number_of)
        day = np.minimum(day, last)
        made = dates._days(year, month, day) * 86_400_000_000 + rest
    try:
        found, twice = instants(np.where(odd, 0, made), zones)
    except Failed:
        return None
    odd |= twice | (dates.beyond(found) & (zones != 0))  # of a time that comes twice the date itself says which
    moments = pa.array(np.where(odd, 0, found), LONG, mask=absent | odd).view(MOMENT)
    return Column(zoned(moments, zones), some(odd & ~absent))
