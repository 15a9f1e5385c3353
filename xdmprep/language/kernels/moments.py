"""Kernels on dates: reading, printing and taking apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..columns import MOMENT, NEVER, Column, as_mask, because, merged, nulls_of, numpy_of, plain, reported, some
from ..date_letters import has_column
from ..functions.dates import COMPONENTS
from ..shapes import chosen, instant_of, zoned, zones_of
from ..zones import instants, offsets, zone
from . import dates, numbers
from .date_layouts import layouts_of
from .table import Constants, Made, Rows, as_moments, as_texts, kernel, kind, need, needed, read_automatic


@kernel("now")
def now(rows: Rows) -> Made:
    return Constants(rows.context.present(), rows.n)


@kernel("timestamp")
def timestamp(rows: Rows) -> Made:
    return Constants(rows.context.present().millis, rows.n)


@kernel("date", "any fixed? any?")
def date(rows: Rows, value: Column, pattern: Any = None, default: Column | None = None) -> Made:
    found = _read(rows, value, pattern)
    if default is None:
        return found
    spare = as_moments(rows, default)
    blank = nulls_of(value.values)
    if kind(value) == "text":
        blank |= as_mask(pc.equal(plain(value.values), ""))
    made = chosen(np.where(blank, 1, 0), [found, Column(spare.values)])
    return Column(made.values, merged(found.open, None if spare.open is None else some(spare.open & blank)), found.why)


def _read(rows: Rows, value: Column, pattern: Any) -> Column:
    name = kind(value)
    if name == "null":
        return Column(pa.nulls(rows.n, MOMENT))
    if name in ("moment", "zoned"):
        return Column(value.values)
    value = as_texts(rows, value)
    words = plain(value.values)
    if pattern is None:
        return read_automatic(rows, value)
    known = rows.context.pattern(pattern)
    layouts = layouts_of(known)
    need(layouts)
    found = dates.read_layouts(words, layouts, True, rows.options)
    return reported(words, rows.opened(found), (known.regex, f"does not have the format {known.text!r}"))


@kernel("format", "moment fixed")
def format_date(rows: Rows, value: Column, pattern: Any) -> Made:
    return dates.print_pattern(value.values, rows.context.pattern(pattern))


@kernel("dformat", "any fixed")
def dformat(rows: Rows, value: Column, pattern: Any) -> Made:
    known = rows.context.pattern(pattern)
    name = kind(value)
    if name in ("moment", "zoned"):
        return dates.print_pattern(instant_of(value.values), known)
    millis, odd = value.values, None
    if name == "text":
        made = numbers.integers(plain(millis))
        millis, odd = made.values, made.open
    else:
        need(name == "long")
    moments, large = dates.of_millis(millis)
    found = dates.print_pattern(moments, known)
    return Column(found.values, merged(odd, found.open, large))


@kernel("date_part", "fixed moment")
def date_part(rows: Rows, part: Any, value: Column) -> Made:
    options = rows.options
    name = part.lower() if isinstance(part, str) else ""
    component = needed({"w": options.letter_w}.get(name, COMPONENTS.get(name)))
    need(name != "yy" or options.short_year != "two")
    need(has_column(component, options))
    return dates.component(dates.local_of(value.values), component)


@kernel("zone_date_to_utc", "moment")
def zone_date_to_utc(rows: Rows, value: Column) -> Made:
    return Column(instant_of(value.values))


@kernel("zone_date_to_zone", "moment any")
def zone_date_to_zone(rows: Rows, value: Column, name: Column) -> Made:
    need(kind(name) == "text")
    words, moments = plain(name.values), instant_of(value.values)
    zones, known = dates.zone_numbers(words, zone)
    why = reported(words, rows.opened(Column(None, ~known)), (NEVER, "is not a time zone")).why
    micros = numpy_of(moments)
    local = micros + offsets(micros, zones)
    absent = nulls_of(moments)
    odd = ~known | dates.beyond(local) | dates.beyond(micros)
    return because(_in_zones(micros, zones, absent, odd), (~known, why))


def _in_zones(micros: Any, zones: Any, absent: Any, odd: Any) -> Column:
    """Moments in zones from their microseconds; null where `absent`, open where `odd`."""
    gone = absent | odd
    moments = pa.array(np.where(gone, 0, micros), pa.int64(), mask=gone).view(MOMENT)
    zones = np.where(gone, 0, zones).astype(np.int32) if zones.any() else zones
    return Column(zoned(moments, zones), some(odd & ~absent))


@kernel("set_date_part", "fixed any moment")
def set_date_part(rows: Rows, part: Any, number: Column, value: Column) -> Made:
    name = COMPONENTS.get(part.lower(), "") if isinstance(part, str) else ""
    need(name in ("year", "month", "day", "hour", "minute", "second") and kind(number) == "long")
    shown, zones = dates.local_of(value.values), zones_of(value.values)
    local = dates.Local(shown)
    absent, n = local.nulls, numpy_of(number.values)
    odd = local.odd | nulls_of(number.values)
    days, rest = np.divmod(local.micros, 86_400_000_000)
    if name in ("hour", "minute", "second"):
        unit, most = {"hour": (3_600_000_000, 24), "minute": (60_000_000, 60), "second": (1_000_000, 60)}[name]
        odd |= (n < 0) | (n >= most)
        made = days * 86_400_000_000 + rest + (n - rest // unit % most) * unit
    else:
        year, month, day = (local.field(field) for field in ("year", "month", "day"))
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
    found, twice = instants(np.where(odd, 0, made), zones)
    missing = odd & ~(absent | local.odd | nulls_of(number.values))
    odd |= twice | (dates.beyond(found) & (zones != 0))  # of a time that comes twice the date itself says which
    made = _in_zones(found, zones, absent, odd)
    if not missing.any():
        return made
    words = f"there is no {name} ", as_texts(rows, number).values, " in ", as_texts(rows, value).values, ""
    return because(made, (missing, pc.binary_join_element_wise(*words)))
