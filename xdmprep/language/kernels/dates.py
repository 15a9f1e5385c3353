"""Dates read from and printed to columns of strings.

Strings of one length are a matrix of bytes, whose columns are the digits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import tzinfo
from functools import lru_cache, partial
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ... import kernels
from ...kernels.arrays import Ints, Mask, offsets_of, ranges
from ...regex import compile_ecma
from ...regex.dfa import automaton
from ..columns import (
    LONG,
    MOMENT,
    Column,
    as_mask,
    bytes_of,
    each_distinct,
    marked,
    nulls_of,
    numbered,
    numpy_of,
    some,
    used_bytes,
    without,
)
from ..date_letters import FIELDS, Digits, Fraction, Names, Zone, column_of, has_column
from ..java_time_format import Part, Pattern
from ..options import Options
from ..shapes import instant_of, only_where, zoned, zones_of
from ..values import Failed
from ..zoned_datetime import Moment, offset_text
from ..zones import instants, number_of, offsets, stretches, zone_of
from .date_layouts import NOT, REST, Layout, length_of, plain_layout
from .texts import made_of

_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


@lru_cache(maxsize=1)
def _by_arrow() -> dict[Layout, tuple[int, str]]:
    """Layouts that Arrow reads itself: their length, and what is between day and time."""
    ends = ((19, ""), (20, "'Z'"), (24, ".SSS'Z'"))
    times = {f"yyyy-MM-dd'{mark}'HH:mm:ss{end}": (length, mark) for mark in "T " for length, end in ends}
    return {plain_layout(text): form for text, form in {"yyyy-MM-dd": (10, ""), **times}.items()}


#: 0001-01-01 in microseconds: Arrow reads a year 0000, Data Prep does not.
_FIRST = -62_135_596_800_000_000
_FIRST_DAY = _FIRST // 86_400_000_000
_LAST = 253_402_300_800_000_000


#: Days and times that exist for sure.
_DAY = (
    r"[1-9][0-9]{3}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
)
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
#: What follows the seconds, by the length of the string.
_ENDS = {20: "Z", 24: r"\.[0-9]{3}Z"}
#: The numbers of strings from which the form of a column is taken, and in which it is looked for first.
_HEAD, _FEW = 1000, 100


def read_iso(text: pa.Array, unit: str = "ms", layout: Layout | None = None) -> tuple[pa.Array, Mask | None] | None:
    """A column of which nearly all strings have one ISO form, read by Arrow itself; None for others.

    Args:
        text: dates, times to the second without a zone or with ``Z``, or times to the millisecond with ``Z``.
        unit: unit of the times.
        layout: only this form will do.

    Returns:
        date32 where the strings are dates, otherwise timestamps in UTC; and a mask of the strings that have another
        form, None where all have this one.
    """
    sizes = np.bincount(np.minimum(np.diff(bytes_of(text)[0][: _HEAD + 1]), 25), minlength=1)
    sizes[0] = 0  # nulls
    length = int(sizes.argmax())
    known = {10: "", 19: "[T ]", 20: "[T ]", 24: "[T ]"}
    mark = (known if layout is None else dict([_by_arrow().get(layout, (0, ""))])).get(length)
    if mark is None:
        return None
    machine = automaton(compile_ecma(f"^{_DAY}{mark and mark + _CLOCK}{_ENDS.get(length, '')}$").tree)
    assert machine is not None  # noqa: S101  (each form has few states)
    others = kernels.active.not_accepted(text.slice(0, _FEW), machine)
    if others is not None and 4 * len(others) > min(len(text), _FEW):
        return None
    span = pc.min_max(pc.binary_length(text))
    uniform = others is None and span["min"] == span["max"]  # a cast that fails costs much for each string that fails
    if length == 24:  # Arrow reads other forms of that length, with an offset
        uniform = uniform and bool((used_bytes(text)[23::24] == ord("Z")).all())
    if uniform and not (len(mark) == 1 and (used_bytes(text)[10::length] != ord(mark)).any()):
        found = _cast(text, length, unit)
        if found is not None:
            return found, None
    others = kernels.active.not_accepted(text, machine)
    if others is None or 4 * len(others) > len(text):
        return None
    found = _cast(without(text, others), length, unit)
    return None if found is None else (found, marked(len(text), others))


def _cast(text: pa.Array, length: int, unit: str) -> pa.Array | None:
    """Strings of one length as dates or times; None where one is neither, or is before the year 1."""
    try:
        found = text.cast(pa.date32() if length == 10 else pa.timestamp(unit, None if length == 19 else "UTC"))
    except pa.ArrowInvalid:
        return None
    first = _FIRST_DAY if length == 10 else _FIRST // (1000 if unit == "ms" else 1)
    if (pc.min(found.view(pa.int32() if length == 10 else pa.int64())).as_py() or 0) < first:
        return None
    return found.view(pa.timestamp(unit, "UTC")) if length == 19 else found


def read_layouts(
    text: pa.Array, layouts: tuple[Layout, ...], blank_is_null: bool, options: Options, as_written: bool = False
) -> Column:
    """Moments from text in the first layout that fits.

    Args:
        text: a string column.
        layouts: in the order in which they are tried.
        blank_is_null: whether blank text gives null; it is open otherwise.
        options: give the zone of moments without one.
        as_written: whether an offset is read but does not move the moment, so that its day is the one in the string.

    Returns:
        Moments in microseconds with their zones; null stays null, and text that fits no layout is open.
    """
    iso, others = None, None
    if len(layouts) == 1 or set(layouts) >= _by_arrow().keys():
        iso, others = read_iso(text, "us", layouts[0] if len(layouts) == 1 else None) or (None, None)
    if iso is not None and others is None:
        return Column(iso.cast(MOMENT))
    n, (offsets, data) = len(text), bytes_of(text)
    lengths = np.diff(offsets)
    local, zones = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int32)
    todo = ~nulls_of(text)
    if blank_is_null:
        todo &= lengths > 0
    nulls = ~todo
    if iso is not None and others is not None:
        local, todo = np.where(others, 0, numpy_of(iso.cast(MOMENT))), todo & others
    left = np.flatnonzero(todo)
    sizes = lengths[left]
    by_length: dict[tuple[int, bool], list[Layout]] = {}
    for layout in layouts:
        by_length.setdefault((length_of(layout), layout[-1][1] == REST), []).append(layout)
    for (length, named), group in by_length.items():
        rows = left[(sizes > length) if named else (sizes == length)]
        rows = rows[todo[rows]]
        for layout in group:
            if not len(rows):
                break
            starts, tail = offsets[rows].astype(np.int64), 0
            if named:  # of what stands around the name of the zone
                element, count = layout[-1][0]
                tail, ends = length_of(layout[len(layout) - 1 - count : -1]), offsets[rows + 1].astype(np.int64)
                behind = (ends - tail)[:, None] + np.arange(tail)
                matrix = data[np.hstack([starts[:, None] + np.arange(length - tail), behind])]
            elif len(rows) < n:
                matrix = data[starts[:, None] + np.arange(length)]
            else:
                matrix = np.reshape(data[offsets[0] : offsets[-1]], (-1, length))
            micros, offset, good = _micros(matrix, layout)
            if named and good.any():
                starts, ends = starts[good] + length - tail, ends[good] - tail
                names = made_of(offsets_of(ends - starts), data[ranges(starts, ends - starts)], None)
                found, known = zone_numbers(names, partial(_read_zone, element=element, options=options))
                good[good] = known
                offset[good] = found[known]
            local[rows[good]] = micros[good]
            zones[rows[good]] = 0 if as_written else offset[good]
            todo[rows[good]] = False
            rows = rows[~good]
    try:
        micros, _ = instants(local, zones)
    except Failed:
        micros, todo = local, ~nulls
    return Column(zoned(pa.array(micros, LONG, mask=nulls | todo).view(MOMENT), zones), some(todo))


def zone_numbers(words: pa.Array, read: Callable[[str], tzinfo]) -> tuple[Ints, Mask]:
    """The numbers of the zones that strings name, and which of them name one."""
    found, which = each_distinct(words, lambda word: number_of(read(word)))
    known = np.array([number is not None for number in found], dtype=bool)
    return np.array([number or 0 for number in found], dtype=np.int32)[which], known[which]


def _read_zone(word: str, element: Zone, options: Options) -> tzinfo:
    if re.fullmatch(element.regex, word, re.ASCII) is None:
        raise Failed("")
    return element.read(word, options)


def _micros(matrix: Ints, layout: Layout) -> tuple[Ints, Ints, Ints]:
    """Local microseconds, seconds of offset, and where the string has the layout and names a real date."""
    n = len(matrix)
    good = _has_literals(matrix, layout)
    found: dict[str, Ints] = {}
    offset = np.zeros(n, dtype=np.int32)
    named = layout[-1][1] == REST
    if not good.any():  # most layouts fit no string of a column
        return np.zeros(n, dtype=np.int64), offset, good
    at = 0
    for element, width in layout:
        if width == NOT:
            for other in element:
                good &= ~_may_stand(matrix[:, at:], other, named)
            continue
        if width == REST:
            continue
        if not width:
            at += len(element)
            continue
        here = matrix[:, at : at + width]
        at += width
        if isinstance(element, Zone):
            offset, fine = _offset(here)
            good &= fine
        elif isinstance(element, Names):
            value = _named(here, element)
            good &= value >= element.first
            found[element.field] = value
        else:
            value = np.zeros(n, dtype=np.int32)
            for i in range(width):
                digit = here[:, i] - np.uint8(48)
                good &= digit < 10
                value = value * 10 + digit
            if isinstance(element, Fraction):
                unit = 10 ** abs(width - 6)
                if width > 6:  # moments in columns have microseconds
                    good &= value % unit == 0
                value = value // unit if width > 6 else value * unit
            found[element.field] = value + element.base
    year, none = found["year"], np.int32(0)
    month, day = found.get("month", np.int32(1)), found.get("day", np.int32(1))
    hour, minute, second = (found.get(field, none) for field in ("hour", "minute", "second"))
    if "hour12" in found:
        good &= (found["hour12"] >= 1) & (found["hour12"] <= 12)
        hour = found["hour12"] % 12 + 12 * found.get("ampm", none)
    # an offset may lead out of the years 1 to 9999
    moved = named or any(isinstance(element, Zone) for element, _ in layout)
    good &= (
        (year >= 1 + moved)
        & (year <= 9999 - moved)
        & (month >= 1)
        & (month <= 12)
        & (day >= 1)
        & (hour < 24)
        & (minute < 60)
        & (second < 60)
    )
    month_or_one = np.where(good, month, 1)
    good &= day <= last_day(year, month_or_one)
    days = _days(np.where(good, year, 1970), month_or_one, np.where(good, day, 1))
    if "isoweekday" in found:
        good &= (days + 3) % 7 + 1 == found["isoweekday"]
    seconds = days * 86400 + (np.asarray(hour).astype(np.int64) * 3600 + np.asarray(minute) * 60 + second)
    return seconds * 1_000_000 + found.get("nano", none), offset, good


def _has_literals(matrix: Ints, layout: Layout) -> Mask:
    """Which strings have a layout's literal bytes."""
    good, at = np.ones(len(matrix), dtype=bool), 0
    for element, width in layout:
        codes = b"" if width else element.encode()
        for i, code in enumerate(codes):
            good &= matrix[:, at + i] == code
        at += len(codes) + max(width, 0) * (width not in (NOT, REST))
    return good


def _may_stand(matrix: Ints, layout: Layout, longer: bool) -> Ints:
    """Where strings may begin with a layout, whatever its numbers and names are; `longer` says that they go on."""
    fits, at = np.ones(len(matrix), dtype=bool), 0
    for element, width in layout:
        size = max(width, 0) or length_of(((element, width),))
        if at + size > matrix.shape[1]:
            return fits & longer
        for i in range(at, at + size):
            if not width:
                fits &= matrix[:, i] == ord(element[i - at])
            elif isinstance(element, Digits):
                fits &= matrix[:, i] - np.uint8(48) < 10
        at += size
    return fits


def _named(matrix: Ints, element: Names) -> Ints:
    """The values that strings name in any letter case, -1 where none exists."""
    values = np.full(len(matrix), -1, dtype=np.int32)
    width = matrix.shape[1]
    size = 4 if width <= 4 else 8 if width <= 8 else width
    kind = np.dtype(f"{'u' if size <= 8 else 'S'}{size}")  # numbers are compared faster
    bytes_ = np.zeros((len(matrix), size), dtype=np.uint8)
    bytes_[:, :width] = matrix | 32
    words = bytes_.view(kind)[:, 0]
    for name, value in element.accepted.items():
        if len(name) == width:
            values[words == np.frombuffer(name.encode().ljust(size, b"\0"), kind)[0]] = value
    return values


def _offset(matrix: Ints) -> tuple[Ints, Ints]:
    """Seconds of ``+HH``, ``+HHMM`` or ``+HH:MM``, and where it has that form."""
    size = matrix.shape[1]
    digits = matrix[:, {3: [1, 2], 5: [1, 2, 3, 4], 6: [1, 2, 4, 5]}[size]] - np.uint8(48)
    sign = np.where(matrix[:, 0] == ord("-"), -1, 1)
    fine = ((matrix[:, 0] == ord("+")) | (matrix[:, 0] == ord("-"))) & (digits < 10).all(axis=1)
    if size == 6:
        fine &= matrix[:, 3] == ord(":")
    hours = digits[:, 0].astype(np.int64) * 10 + digits[:, 1]
    minutes = digits[:, 2].astype(np.int64) * 10 + digits[:, 3] if size > 3 else np.zeros(len(matrix), np.int64)
    fine &= (hours < 18) & (minutes < 60)
    return (sign * (hours * 3600 + minutes * 60)).astype(np.int32), fine


def _days(year: Ints, month: Ints, day: Any) -> Ints:
    """Days since 1970-01-01 in the Gregorian calendar."""
    months = (year.astype(np.int64) - 1970) * 12 + (month - 1)
    days: Ints = months.view("M8[M]").astype("M8[D]").view(np.int64) + (day - 1)
    return days


def beyond(micros: Ints) -> Mask:
    """Which moments lie outside the years 1 to 9999."""
    return np.asarray((micros < _FIRST) | (micros >= _LAST))


def last_day(year: Ints, month: Ints) -> Ints:
    """The last day of months."""
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    days: Ints = _DAYS[month] + ((month == 2) & leap)
    return days


def printed_offsets(values: pa.Array, local: pa.Array) -> pa.Array:
    """``Z`` or ``+HH:MM`` of moments in zones, whose clocks show `local`."""
    micros, shown = numpy_of(instant_of(values)), numpy_of(local)
    return _printed_once(shown - micros, micros, lambda moment: offset_text(moment.at), zones_of(values))[0]


def local_of(values: pa.Array) -> pa.Array:
    """Moments in zones as what clocks there show, like moments in UTC; fails where that takes too long."""
    zones = zones_of(values)
    moments = instant_of(values)
    if not zones.any():
        return moments
    micros = numpy_of(moments)
    return pa.array(micros + offsets(micros, zones), LONG, mask=nulls_of(moments)).view(MOMENT)


class Local:
    """Local moments taken apart into fields, each computed once; years beyond 1 to 9999 are :attr:`odd`."""

    def __init__(self, moments: pa.Array) -> None:
        micros = numpy_of(moments)
        self.nulls, self.odd = nulls_of(moments), beyond(micros)
        self.micros = np.where(self.odd, 0, micros)
        self._at = pa.array(self.micros).view(pa.timestamp("us"))
        self._fields: dict[str, Ints] = {}

    def field(self, name: str) -> Ints:
        """The values of a field of :data:`~xdmprep.language.date_letters.FIELDS` that has a column."""
        if name not in self._fields:
            self._fields[name] = column_of(name, self._at).to_numpy()
        return self._fields[name]

    def print_fixed(self, parts: Sequence[Part]) -> pa.Array:
        """Text of literals and numbers of fixed width (:func:`_is_fixed`)."""
        widths = [part.element.least if isinstance(part.element, Digits) else len(part.literal) for part in parts]
        n, length = len(self.micros), sum(widths)
        matrix = np.empty((n, length), dtype=np.uint8)
        at = 0
        for part, width in zip(parts, widths, strict=True):
            if part.element is None:
                matrix[:, at : at + width] = np.frombuffer(part.literal.encode(), np.uint8)
            else:
                if isinstance(part.element, Fraction):
                    value = self.field("microsecond") // 10 ** (6 - width)
                else:
                    value = self.field(part.element.field)
                value = value.astype(np.int32)
                for i in range(at + width - 1, at - 1, -1):
                    value, digit = np.divmod(value, 10)
                    matrix[:, i] = digit + 48
            at += width
        return made_of(np.arange(n + 1, dtype=np.int32) * np.int32(length), matrix, some(self.nulls))


def print_pattern(values: pa.Array, pattern: Pattern) -> Column:
    """Moments as text in a pattern; open beyond the years 1 to 9999, and where the pattern is too narrow.

    Numbers of fixed width are printed together; of all else each distinct value is printed once.
    """
    local, zones = Local(local_of(values)), zones_of(values)
    nulls, odd = local.nulls, local.odd
    texts: list[Any] = [pa.scalar("")]
    for fixed, group in groupby(pattern.printed, partial(_is_fixed, options=pattern.options)):
        parts = tuple(group)
        if fixed and any(part.element for part in parts):
            texts.append(local.print_fixed(parts))
            continue
        for part in parts:
            printer, element, failed = partial(part.print, options=pattern.options), part.element, None
            if element is None:
                found = pa.scalar(part.literal)
            elif not isinstance(element, Zone):
                if isinstance(element, Digits) and not part.pad and has_column(element.field, pattern.options):
                    found = pc.utf8_lpad(pa.array(local.field(element.field)).cast(pa.string()), element.least, "0")
                else:
                    key = FIELDS[element.field].key or element.field
                    found, failed = _printed_once(local.field(key), local.micros, printer)
            elif not zones.any():
                found = pa.scalar(printer(Moment.of_millis(0)))
            else:
                instant = np.where(odd, 0, numpy_of(instant_of(values)))
                keys = zones * np.int64(10**4) + stretches(np.where(nulls, 0, instant), zones)
                found, failed = _printed_once(keys, instant, printer, zones)
            odd = odd if failed is None else odd | failed
            texts.append(found)
    joined = pc.binary_join_element_wise(*texts, "") if len(texts) > 2 else texts[-1]
    if isinstance(joined, pa.Scalar):
        joined = pa.repeat(joined, len(values))
    return Column(only_where(joined, ~(nulls | odd)), some(odd & ~nulls))


def _is_fixed(part: Part, options: Options) -> bool:
    """Whether a part is literal ASCII, or a number that always has the same width and whose column is known."""
    element = part.element
    if element is None:
        return part.literal.isascii()
    if part.pad or not isinstance(element, Digits):
        return False
    if isinstance(element, Fraction):
        return element.least <= 6
    return has_column(element.field, options) and (element.base > 0 or 10**element.least > FIELDS[element.field].most)


def _printed_once(
    keys: Ints, micros: Ints, printer: Callable[[Moment], str], zones: Ints | None = None
) -> tuple[pa.Array, Ints]:
    """The string of each moment, printed once for each distinct key; and where none exists."""
    first, codes = numbered(keys)
    texts: list[str | None] = []
    places = None if zones is None else zones[first].tolist()
    for i, at in enumerate(micros[first].tolist()):
        try:
            moment = Moment.of_micros(at)
            texts.append(printer(moment if places is None else moment.to(zone_of(places[i]))))
        except Failed:
            texts.append(None)
    failed = (
        np.array([text is None for text in texts], dtype=bool)[codes] if None in texts else np.zeros(len(keys), bool)
    )
    return pa.array([text or "" for text in texts], pa.string()).take(pa.array(codes)), failed


def component(moments: pa.Array, name: str) -> Column:
    """A field with a column of moments in UTC, as integers; open beyond the years 1 to 9999."""
    micros, odd = _within(moments.view(LONG), 1)
    return Column(column_of(name, micros.view(pa.timestamp("us"))).cast(LONG), odd)


def of_millis(millis: pa.Array) -> tuple[pa.Array, Mask | None]:
    """Moments from milliseconds since 1970, and a mask of those beyond the years 1 to 9999, which are null."""
    millis, odd = _within(millis, 1000)
    return pc.multiply(millis, 1000).view(MOMENT), odd


def _within(units: pa.Array, micros: int) -> tuple[pa.Array, Mask | None]:
    """Times in units of `micros` microseconds, null beyond the years 1 to 9999; and a mask of those."""
    first, last = _FIRST // micros, _LAST // micros
    span = pc.min_max(units)
    if (span["min"].as_py() or 0) >= first and (span["max"].as_py() or 0) < last:
        return units, None
    odd = as_mask(pc.or_(pc.less(units, first), pc.greater_equal(units, last)))
    return pc.if_else(pa.array(odd), None, units), odd
