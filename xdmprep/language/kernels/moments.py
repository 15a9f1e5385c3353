"""Kernels on dates: reading, printing and taking apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...core.arrow_types import FIRST_MILLI, LAST_MILLI
from ..columns import (
    LONG,
    MOMENT,
    NEVER,
    TEXT,
    Column,
    as_mask,
    because,
    merged,
    nulls_of,
    numpy_of,
    plain,
    reported,
    some,
)
from ..date_fields import FIELDS, Local, days_of, local_time
from ..functions.dates import COMPONENTS
from ..shapes import chosen, instant_of, zoned, zones_of
from ..zones import instants, offsets, zone
from . import dates, numbers
from .table import Constants, Made, Rows, as_moments, as_texts, kernel, kind, need, needed, read_automatic

_SETTABLE = ("year", "month", "day", "hour", "minute", "second")


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
    column, _, misfit = dates.read(words, (known,), blank_is_null=True)
    asked = rows.opened(Column(None, some(misfit)))
    why = reported(words, asked, (NEVER, f"does not have the format {known.text!r}")).why
    return because(rows.opened(column), (misfit, why))


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
    micros = np.clip(numpy_of(millis), FIRST_MILLI - 1, LAST_MILLI + 1) * 1000  # what lies beyond is left open
    found = dates.print_pattern(pa.array(micros, LONG, mask=nulls_of(millis)).view(MOMENT), known)
    return Column(found.values, merged(odd, found.open))


@kernel("date_part", "fixed moment")
def date_part(rows: Rows, part: Any, value: Column) -> Made:
    options = rows.options
    name = part.lower() if isinstance(part, str) else ""
    component = needed({"w": options.letter_w}.get(name, COMPONENTS.get(name)))
    need(name != "yy" or options.short_year != "two")
    return dates.component(dates.local_of(value.values), component, options)


@kernel("zone_date_to_utc", "moment")
def zone_date_to_utc(rows: Rows, value: Column) -> Made:
    return Column(instant_of(value.values))


@kernel("zone_date_to_zone", "moment any")
def zone_date_to_zone(rows: Rows, value: Column, name: Column) -> Made:
    need(kind(name) == "text")
    words, moments = plain(name.values), instant_of(value.values)
    zones, known, why = _zones(rows, words)
    micros = numpy_of(moments)
    local = micros + offsets(micros, zones)
    odd = ~known | dates.beyond(local) | dates.beyond(micros)
    return because(_in_zones(micros, zones, nulls_of(moments), odd), (~known, why))


@kernel("make_date_time", "whole whole whole whole whole whole whole any")
def make_date_time(rows: Rows, *parts: Column) -> Made:
    *numbers, name = parts
    need(kind(name) in ("text", "null"))
    fields = {field: numpy_of(part.values) for field, part in zip((*_SETTABLE, "nano"), numbers, strict=True)}
    absent = np.logical_or.reduce([nulls_of(part.values) for part in numbers])
    words = plain(name.values).cast(TEXT)
    zones, known, why = _zones(rows, words)
    known |= nulls_of(words)
    local = local_time(fields, rows.options)
    odd = ~known | (fields["nano"] % 1000 != 0) | ~_shows(local, fields, rows)
    found, _ = instants(np.where(odd, 0, local.micros), zones)
    return because(_in_zones(found, zones, absent, odd | dates.beyond(found)), (~known, why))


def _zones(rows: Rows, words: pa.Array) -> tuple[Any, Any, pa.Array | None]:
    """The numbers of the zones that strings name, which of them name one, and why the others do not."""
    zones, known = dates.zone_numbers(words, zone)
    unknown = some(~known & ~nulls_of(words))
    return zones, known, reported(words, rows.opened(Column(None, unknown)), (NEVER, "is not a time zone")).why


def _shows(local: Local, fields: dict[str, Any], rows: Rows) -> Any:
    """Where a local time shows the fields of which it was made."""
    shown = [FIELDS[name].of(local, rows.options) == value for name, value in fields.items()]
    return np.logical_and.reduce([local.known, *shown])


def _in_zones(micros: Any, zones: Any, absent: Any, odd: Any) -> Column:
    """Moments in zones from their microseconds; null where `absent`, open where `odd`."""
    gone = absent | odd
    moments = pa.array(np.where(gone, 0, micros), pa.int64(), mask=gone).view(MOMENT)
    zones = np.where(gone, 0, zones).astype(np.int32) if zones.any() else zones
    return Column(zoned(moments, zones), some(odd & ~absent))


@kernel("set_date_part", "fixed any moment")
def set_date_part(rows: Rows, part: Any, number: Column, value: Column) -> Made:
    name = COMPONENTS.get(part.lower(), "") if isinstance(part, str) else ""
    need(name in _SETTABLE and kind(number) == "long")
    shown, zones = dates.local_of(value.values), zones_of(value.values)
    local, outside = dates.apart(shown)
    absent, n = nulls_of(shown), numpy_of(number.values)
    unset = outside | nulls_of(number.values)
    fields = {field: FIELDS[field].of(local, rows.options) for field in (*_SETTABLE, "nano")} | {name: n}
    if name in ("year", "month"):  # a day that the month lacks becomes its last
        last = days_of(fields["year"], fields["month"] + 1) - days_of(fields["year"], fields["month"])
        fields["day"] = np.minimum(fields["day"], last)
    changed = local_time(fields, rows.options)
    odd = unset | ~_shows(changed, fields, rows)
    missing = odd & ~(absent | unset)
    found, twice = instants(np.where(odd, 0, changed.micros), zones)
    odd |= twice | (dates.beyond(found) & (zones != 0))  # of a time that comes twice the date itself says which
    made = _in_zones(found, zones, absent, odd)
    if not missing.any():
        return made
    words = f"there is no {name} ", as_texts(rows, number).values, " in ", as_texts(rows, value).values, ""
    return because(made, (missing, pc.binary_join_element_wise(*words)))
