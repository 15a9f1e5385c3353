"""Date functions.

A date argument may be a string in one of the automatic formats.  A date keeps its zone; ``date_part`` and ``format``
show it in that zone.
"""

from __future__ import annotations

import calendar
from datetime import UTC
from functools import partial
from typing import Any

import pyarrow as pa

from ...core.stream import TIMESTAMP
from ..catalogue import Context, function, text, whole
from ..date_fields import FIELDS
from ..java_time_format import local_of, moment_of, read_date
from ..values import Failed, kind_of, number, text_of
from ..zoned_datetime import Moment
from ..zones import zone

_date = partial(function, category="date", result=TIMESTAMP)
_text = partial(function, category="date", result=pa.string())
_long = partial(function, category="date", result=pa.int64())

#: Component names of `date_part` (any letter case) with the field of each.
COMPONENTS = {
    name: names.split()[0]
    for names in (
        "year yyyy yy", "quarter qq q", "month mm m", "dayofyear dy y", "day dd d", "week ww", "weekday dw",
        "hour hh hh24", "hour12 hh12", "minute mi n", "second ss s", "millisecond sss ms",
    )
    for name in names.split()
}  # fmt: skip


def moment(ctx: Context, value: Any) -> Moment:
    """A date argument; a string is read in one of the automatic formats."""
    if isinstance(value, Moment):
        return value
    if isinstance(value, str):
        return read_date(value, ctx.options)
    raise Failed(f"a date is expected, not {kind_of(value)}")


@_date("now()", "The present moment.", "now()", availability="volatile", reason="options.clock sets the time")
def now(ctx: Context) -> Moment:
    return ctx.present()


@_long("timestamp()", "The present moment in milliseconds since 1970.", "timestamp()", availability="volatile",
       reason="options.clock sets the time")  # fmt: skip
def timestamp(ctx: Context) -> int:
    return ctx.present().millis


@_text("format(date, format)", "The date as a string in a Java date format.",
       'format(date("2019-10-23"), "dd/MM/yyyy")', "23/10/2019", nulls=(0,))  # fmt: skip
def format_date(ctx: Context, value: Any, format_: Any) -> str:
    return ctx.pattern(format_).print(moment(ctx, value))


@_text("dformat(milliseconds, format)", "A time in milliseconds since 1970 as a string in a Java date format, in UTC.",
       "dformat(1571829875000, \"yyyy-MM-dd'T'HH:mm\")", "2019-10-23T11:24",
       nulls=(0,))  # fmt: skip
def dformat(ctx: Context, millis: Any, format_: Any) -> str:
    if isinstance(millis, Moment):
        return ctx.pattern(format_).print(millis.to(UTC))
    try:
        return ctx.pattern(format_).print(Moment.of_millis(int(number(millis))))
    except OverflowError:
        raise Failed(f"{millis} milliseconds are out of range") from None


@_date("date(text, [format], [default])",
       "The date that the string names, in a Java date format or one of the automatic ones; `default` for null.",
       'date("23.10.2019", "dd.MM.yyyy")', "2019-10-23T00:00:00Z")  # fmt: skip
def date(ctx: Context, value: Any, format_: Any = None, default: Any = None) -> Any:
    if value is None or value == "":
        return None if default is None else moment(ctx, default)
    if isinstance(value, Moment):
        return value
    return read_date(text(value), ctx.options) if format_ is None else ctx.pattern(format_).read(text(value))


def _component(ctx: Context, name: Any) -> str:
    given = text(name).lower()
    if given == "w":
        return ctx.options.letter_w
    if given not in COMPONENTS:
        raise Failed(f"{text_of(name)!r} is not a component of a date; the components are {', '.join(COMPONENTS)}")
    return COMPONENTS[given]


@_long("date_part(component, date)", "One component of a date, such as its month.",
       'date_part("MM", date("2019-10-17 11:55:12"))', 10, nulls=(1,))  # fmt: skip
def date_part(ctx: Context, component: Any, value: Any) -> int:
    name = _component(ctx, component)
    found: int = FIELDS[name].of(local_of(moment(ctx, value)), ctx.options)
    return found % 100 if text(component).lower() == "yy" and ctx.options.short_year == "two" else found


@_date("set_date_part(component, value, date)",
       "The date with one component replaced; a day that the month lacks becomes its last.",
       'set_date_part("m", 4, date("2016-11-09T11:44:44.797"))', "2016-04-09T11:44:44.797Z",
       nulls=(2,))  # fmt: skip
def set_date_part(ctx: Context, component: Any, value: Any, when: Any) -> Moment:
    before = moment(ctx, when)
    if value is None:
        raise Failed("the value of the component is null")
    n, at = whole(value, "the value of the component"), before.at
    name = _component(ctx, component)
    try:
        match name:
            case "year" | "month":
                year, month = (n, at.month) if name == "year" else (at.year, n)
                last = calendar.monthrange(year, month)[1]
                return Moment.local(at.replace(year=year, month=month, day=min(at.day, last)), before.nanos)
            case "day" | "hour" | "minute" | "second":
                changed: dict[str, Any] = {name: n}
                return Moment.local(at.replace(**changed), before.nanos)
    except (ValueError, OverflowError):
        raise Failed(f"there is no {name} {n} in {before}") from None
    raise Failed(f"{name} cannot be set; year, month, day, hour, minute and second can")


@_date("make_date_time(year, month, day, hour, minute, second, nanoseconds, zone)", "A date from its components.",
       'make_date_time(2019, 10, 17, 11, 55, 12, 0, "America/Los_Angeles")', "2019-10-17T11:55:12-07:00",
       aliases=("make_timestamp",), nulls=tuple(range(7)))  # fmt: skip
def make_date_time(ctx: Context, *parts: Any) -> Moment:
    *numbers, place = parts
    names = ("year", "month", "day", "hour", "minute", "second", "nano")
    fields = {name: whole(value, f"the {name}") for name, value in zip(names, numbers, strict=True)}
    tz = UTC if place is None else zone(text(place))
    try:
        return moment_of(fields, tz, ctx.options)
    except (ValueError, OverflowError) as error:
        raise Failed(f"there is no such date: {error}") from None


@_date("zone_date_to_utc(date)", "The same instant in UTC.", 'zone_date_to_utc(date("2019-10-17T11:55:12-08:00"))',
       "2019-10-17T19:55:12Z", nulls=(0,))  # fmt: skip
def zone_date_to_utc(ctx: Context, value: Any) -> Moment:
    return moment(ctx, value).to(UTC)


@_date("zone_date_to_zone(date, zone)", "The same instant in a zone.",
       'zone_date_to_zone(date("2021-10-26T13:43:59Z"), "Europe/Paris")', "2021-10-26T15:43:59+02:00",
       nulls=(0,))  # fmt: skip
def zone_date_to_zone(ctx: Context, value: Any, name: Any) -> Moment:
    try:
        return moment(ctx, value).to(zone(text(name)))
    except (ValueError, OverflowError):
        raise Failed("the date is out of range in that zone") from None
