"""Dates read from and printed to columns of strings.

Strings that differ only in their digits have one shape.  The expression of a pattern is matched once for each shape and
says where the digits of each field are; numbers are then read from the bytes of all strings with the same places.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import tzinfo
from functools import lru_cache, partial
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...core.arrow_types import FIRST_MILLI, LAST_MILLI
from ...kernels.arrays import Ints, Mask, offsets_of
from ..columns import (
    LONG,
    MOMENT,
    TEXT,
    Column,
    bytes_of,
    each_distinct,
    marked,
    nulls_of,
    numbered,
    numpy_of,
    some,
)
from ..date_fields import FIELDS, NANOS_OF_DAY, Local, local_time
from ..date_letters import Digits, Element, Names, Zone
from ..java_time_format import Part, Pattern, has_year
from ..options import Options
from ..shapes import instant_of, only_where, zoned, zones_of
from ..values import Failed
from ..zoned_datetime import Moment
from ..zones import instants, number_of, offsets, stretches, zone_of
from .texts import made_of

#: 0001-01-01 in microseconds, and the end of the year 9999.
_FIRST, _LAST = FIRST_MILLI * 1000, (LAST_MILLI + 1) * 1000
MICROS_OF_DAY = NANOS_OF_DAY // 1000
#: Numbers and names of zones that are longer are read one by one.
_MOST_DIGITS = 9


#: Shapes that Arrow reads, and the places of the fields in them.
_ARROW = re.compile(r"0000-00-00(?:[T ]00:00:00(?:\.000(?:000)?)?Z?)?")
_FEW = 100
#: Strings of which one or more in so many differ are not read by Arrow.
_MOST = 8
#: The last day of each month that all years have; 0 for what is no month.
_LAST_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0], np.uint8)
#: Where hours, minutes and seconds stand, and the largest of each.
_CLOCK = ((11, 23), (14, 59), (17, 59))
_PLACES = [("year", 0), ("month", 5), ("day", 8), ("hour", 11), ("minute", 14), ("second", 17), ("nano", 20)]


# Reading


class _Way(NamedTuple):
    """How strings of one shape are read in a pattern.

    Attributes:
        spans: fields with digits: their element, first byte and length.
        fixed: fields without digits, of zones their numbers.
    """

    spans: tuple[tuple[Element, int, int], ...]
    fixed: dict[str, int]


@lru_cache(maxsize=1 << 14)
def _way(pattern: Pattern, shape: str) -> _Way | bool:
    """How strings of a shape (with 0 for each digit) are read; False: they are no dates; True: each by itself."""
    match = pattern.regex.fullmatch(shape)
    if match is None:
        return False
    words = [(element, match.start(i), match[i]) for i, element in enumerate(pattern.groups, 1) if match[i]]
    names = {element.field for element, _, _ in words}
    if len(names) < len(words) or not has_year(names):
        return True
    spans, fixed = [], {}
    for element, start, word in words:
        if "0" in word:
            spans.append((element, len(shape[:start].encode()), len(word)))
            if len(word) > _MOST_DIGITS:
                return True
            continue
        try:
            value = element.read(word, pattern.options)
        except Failed:  # there is no such zone, and the reason says so
            return True
        fixed[element.field] = number_of(value) if isinstance(value, tzinfo) else value
    return _Way(tuple(spans), fixed)


@lru_cache(maxsize=64)
def _any_of(patterns: tuple[Pattern, ...]) -> re.Pattern[str]:
    """Matches the strings of some patterns."""
    return re.compile("|".join(f"(?:{pattern.regex.pattern})" for pattern in patterns), re.ASCII)


class Found(NamedTuple):
    """Dates read from strings.

    Attributes:
        column: moments in microseconds with their zones; open where there is none, and where only
            :meth:`Pattern.read` can tell it.
        failed: where there is none.
        misfit: where the string does not have the form of a date.
    """

    column: Column
    failed: Mask
    misfit: Mask


def read(text: pa.Array, patterns: tuple[Pattern, ...], blank_is_null: bool = False, exact: bool = True) -> Found:
    """Moments from strings in the first pattern that fits.

    Args:
        text: a string column.
        patterns: in the order in which they are tried.
        blank_is_null: whether an empty string gives null; it is no date otherwise.
        exact: whether moments with nanoseconds are left open; they are truncated otherwise.

    Returns:
        The moments, and which strings name none.
    """
    n, (offsets, data) = len(text), bytes_of(text)
    data, offsets = data[offsets[0] : offsets[-1]], offsets - offsets[0]
    digits, starts = data - np.uint8(48), offsets[:-1].astype(np.int64)
    nulls = nulls_of(text)
    if blank_is_null:
        nulls |= np.diff(offsets) == 0
    micros, zones = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int32)
    unsure, fitting = np.zeros(n, dtype=bool), nulls
    if (found_alike := _read_alike(text, patterns, ~nulls)) is not None:
        moments, alike = found_alike
        fitting = nulls | alike
        if fitting.all():
            return Found(Column(moments), unsure, unsure)
        micros[alike] = numpy_of(moments)[alike]
    todo, fitting = ~fitting, fitting.copy()
    shaped = made_of(offsets, _without_digits(data), some(fitting)).dictionary_encode()
    codes = shaped.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    shapes = shaped.dictionary.to_pylist()
    likely = [len(patterns) == 1 or bool(_any_of(patterns).fullmatch(shape)) for shape in shapes]
    for pattern in patterns if any(likely) else ():
        ways = [
            fits and (not pattern.uniform or _way(pattern, shape)) for shape, fits in zip(shapes, likely, strict=True)
        ]
        layouts: dict[Any, int] = {False: 0, True: 1}
        keys = [(way.spans, *way.fixed) if isinstance(way, _Way) else way for way in [*ways, False]]
        numbers = np.array([layouts.setdefault(key, len(layouts)) for key in keys])
        if not numbers.any():
            continue
        which = numbers[codes]
        which[~todo] = 0
        fitting |= which > 0
        unsure |= which == 1
        todo &= which != 1
        for (spans, *names), layout in list(layouts.items())[2:]:
            rows = np.flatnonzero(which == layout)
            if not len(rows):
                continue
            shape = shapes[codes[rows[0]]]
            if _arrow_reads(shape, pattern, spans):
                moments = _read_by_arrow(only_where(text, marked(n, rows)), shape)
                if moments is not None:
                    micros[rows], todo[rows] = numpy_of(moments)[rows], False
                    continue
            good, found = np.ones(len(rows), dtype=bool), {}
            digit = _reader(digits, starts[rows])
            for element, at, length in spans:
                number = digit(at).astype(np.int64)
                for i in range(at + 1, at + length):
                    number = number * 10 + digit(i)
                if not isinstance(element, Zone):
                    found[element.field] = element.value(number, length)
                    continue
                ones, which_zone = numbered(number * len(shapes) + codes[rows])  # the sign is in the shape
                words = [bytes(data[i : i + length]).decode() for i in (starts[rows[ones]] + at).tolist()]
                read_zone = partial(element.read, options=pattern.options)
                place, named = (of[which_zone] for of in zone_numbers(pa.array(words, TEXT), read_zone))
                found[element.field], good = place, good & named
            for name in names:
                values = [way.fixed.get(name, 0) if isinstance(way, _Way) else 0 for way in ways]
                found[name] = np.array(values)[codes[rows]]
            place = found.pop("offset", found.pop("zone", np.int32(0)))
            local = local_time(found, pattern.options)
            good = good & local.known
            for name, value in found.items():
                good &= FIELDS[name].of(local, pattern.options) == value
            micros[rows] = np.where(good, local.micros, 0)
            zones[rows] = np.where(good, place, 0)
            # nanoseconds, and offsets that may lead out of the years 1 to 9999
            odd = (place != 0) & ((local.year <= 1) | (local.year >= 9999)) | (exact & (local.nanos % 1000 != 0))
            unsure[rows] = good & odd
            todo[rows] = ~good
    try:
        if zones.any():
            micros, _ = instants(np.where(unsure, 0, micros), np.where(unsure, 0, zones))
    except Failed:
        unsure = ~(nulls | todo)
    made = pa.array(micros, LONG, mask=nulls | todo | unsure).view(MOMENT)
    return Found(Column(zoned(made, zones), some(todo | unsure)), todo, ~fitting)


def _without_digits(data: Ints) -> Ints:
    """The bytes of strings with 0 for each digit, made in place: large arrays are slow to come by."""
    digits = data - np.uint8(48)
    made = (digits < 10).view(np.uint8)
    np.multiply(made, digits, out=made)
    return np.subtract(data, made, out=made)


def _arrow_reads(shape: str, pattern: Pattern, spans: Sequence[tuple[Element, int, int]]) -> bool:
    """Whether Arrow reads strings of a shape as a pattern does, whose fields have these spans."""
    places = [(element.field, at) for element, at, _ in spans]
    keeps = pattern.options.zoneless_millis == "keep"  # Arrow does
    return keeps and _ARROW.fullmatch(shape) is not None and places == _PLACES[: len(places)]


def _read_by_arrow(text: pa.Array, shape: str) -> pa.Array | None:
    """Moments of strings of a shape that Arrow reads; None if one is no date, or lies before the year 1."""
    kind = pa.timestamp("us", "UTC" if shape[-1] == "Z" else None)
    try:
        text.slice(0, _FEW).cast(kind)  # each string that is no date costs much
        moments = text.cast(kind).view(MOMENT)
    except pa.ArrowInvalid:
        return None
    return None if numpy_of(moments).min() < _FIRST else moments


def _read_alike(text: pa.Array, patterns: Sequence[Pattern], there: Mask) -> tuple[pa.Array, Mask] | None:
    """Moments of strings of one shape that Arrow reads, and which these are; None if they are not most of `there`.

    The forms that Arrow takes differ in length, by the character behind the day, or have no Z at the end.
    """
    offsets, data = bytes_of(text)
    sizes = np.diff(offsets)
    known = sizes[there]
    if not len(known):
        return None
    size = int(known[0] if (known == known[0]).all() else np.median(known))
    usual = there & (sizes == size)
    starts = offsets[:-1][usual].astype(np.int64)
    if len(starts) * _MOST < len(known) * (_MOST - 1):
        return None
    first = data[starts[0] : starts[0] + size]
    shape = re.sub("[0-9]", "0", first.tobytes().decode())
    if not _ARROW.fullmatch(shape) or not _first_is_arrows(shape, patterns):
        return None
    byte = _reader(data, starts)
    marks = [10] * (size > 10) + [-1] * shape.endswith("Z")
    if len(starts) == len(known) and all((byte(at % size) == first[at]).all() for at in marks):
        moments = _read_by_arrow(only_where(text, there), shape)
        if moments is not None:
            return moments, there
    usual[usual] = _ordinary(byte, shape)  # Arrow refuses all strings for one
    if usual.sum() * _MOST < len(known) * (_MOST - 1):
        return None
    moments = _read_by_arrow(only_where(text, usual), shape)
    return None if moments is None else (moments, usual)


def _first_is_arrows(shape: str, patterns: Sequence[Pattern]) -> bool:
    """Whether Arrow reads strings of a shape as the first pattern does that fits."""
    for pattern in patterns:
        if way := not pattern.uniform or _way(pattern, shape):
            return isinstance(way, _Way) and _arrow_reads(shape, pattern, way.spans)
    return False


def _ordinary(byte: Callable[[int], Ints], shape: str) -> Mask:
    """Which strings have a shape and numbers of a date, which may be of any day but February 29."""
    fits = np.array(True)
    for at, mark in enumerate(shape.encode()):
        fits = fits & (byte(at) - np.uint8(48) < 10 if mark == 48 else byte(at) == mark)

    def number(at: int) -> Ints:
        return (byte(at) - np.uint8(48)) * np.uint8(10) + (byte(at + 1) - np.uint8(48))

    day = number(8)
    fits &= (day > 0) & (day <= np.take(_LAST_DAYS, number(5), mode="clip"))
    for at, most in _CLOCK if len(shape) > 10 else ():
        fits &= number(at) <= most
    return fits


def _reader(data: Ints, starts: Ints) -> Callable[[int], Ints]:
    """Gives the bytes that stand at a place behind `starts`."""
    steps = np.diff(starts)
    if len(steps) and (steps == steps[0]).all():
        return lambda at: data[starts[0] + at : starts[-1] + at + 1 : steps[0]]
    return lambda at: data[starts + at]


def zone_numbers(words: pa.Array, read: Callable[[str], tzinfo]) -> tuple[Ints, Mask]:
    """The numbers of the zones that strings name, and which of them name one."""
    found, which = each_distinct(words, lambda word: number_of(read(word)))
    known = np.array([number is not None for number in found], dtype=bool)
    return np.array([number or 0 for number in found], dtype=np.int32)[which], known[which]


# Printing


def local_of(values: pa.Array) -> pa.Array:
    """Moments in zones as what clocks there show, like moments in UTC; fails where that takes too long."""
    zones = zones_of(values)
    moments = instant_of(values)
    if not zones.any():
        return moments
    micros = numpy_of(moments)
    return pa.array(micros + offsets(micros, zones), LONG, mask=nulls_of(moments)).view(MOMENT)


def apart(moments: pa.Array) -> tuple[Local, Mask]:
    """Moments in UTC as local times, and where they lie outside the years 1 to 9999."""
    micros = numpy_of(moments)
    odd = beyond(micros)
    days, rest = np.divmod(np.where(odd, 0, micros) if odd.any() else micros, MICROS_OF_DAY)
    return Local(days, rest * 1000), odd


def beyond(micros: Ints) -> Mask:
    """Which moments lie outside the years 1 to 9999."""
    return np.asarray((micros < _FIRST) | (micros >= _LAST))


def print_pattern(values: pa.Array, pattern: Pattern) -> Column:
    """Moments as strings in a pattern; open beyond the years 1 to 9999, and where the pattern is too narrow."""
    shown, n = local_of(values), len(values)
    local, odd = apart(shown)
    nulls = nulls_of(shown)
    made: list[Any] = []
    for part in pattern.printed:
        element = part.element
        if element is None:
            made.append(_bytes_of([part.literal]))
        elif isinstance(element, Zone):
            made.append(_printed_zones(part, values, nulls | odd))
        else:
            made.append(_printed(part, element, FIELDS[element.field].of(local, pattern.options)))
    texts: list[Any] = []
    for fixed, group in groupby(made or [_bytes_of([""])], lambda one: isinstance(one, np.ndarray)):
        blocks = list(group)
        texts += [_side_by_side(blocks, n)] if fixed else blocks
    found = pc.binary_join_element_wise(*texts, "") if len(texts) > 1 else texts[0]
    odd = (odd | nulls_of(found)) & ~nulls
    return Column(only_where(found, ~(nulls | odd)), some(odd))


def _bytes_of(texts: Sequence[str]) -> Ints:
    """Strings of one length as a matrix of bytes."""
    coded = "".join(texts).encode()
    return np.frombuffer(coded, np.uint8).reshape(len(texts), len(coded) // len(texts))


def _side_by_side(blocks: list[Ints], n: int) -> pa.Array:
    """Strings of the bytes of some matrices; one with a single row is the same in all."""
    ends = offsets_of([block.shape[1] for block in blocks])
    matrix = np.empty((n, ends[-1]), dtype=np.uint8)
    for block, start, end in zip(blocks, ends, ends[1:], strict=False):
        matrix[:, start:end] = block
    return made_of(np.arange(n + 1, dtype=np.int32) * ends[-1], matrix, None)


def _printed(part: Part, element: Digits | Names, values: Ints) -> pa.Array | Ints:
    """The values of a field as a part shows them, null where it is too narrow; as bytes where all have one length."""
    numbers = element.number(values)
    known = _all_printed(element, part.pad)
    if known is not None:
        return known.take(numbers, axis=0) if isinstance(known, np.ndarray) else known.take(pa.array(numbers))
    texts = pa.array(numbers).cast(TEXT)
    if isinstance(element, Digits):
        texts = pc.utf8_lpad(texts, element.least, "0")
    if part.pad:
        texts = pc.if_else(pc.less_equal(pc.binary_length(texts), part.pad), pc.utf8_lpad(texts, part.pad), None)
    return texts


@lru_cache(maxsize=256)
def _all_printed(element: Digits | Names, pad: int) -> pa.Array | Ints | None:
    """What is printed for each number of an element; None where there are too many."""
    padded: list[Any] = [None if pad and len(text) > pad else text.rjust(pad) for text in element.every()]
    if not padded:
        return None
    if None not in padded and len(set(map(len, padded))) == 1:
        return _bytes_of(padded)
    return pa.array(padded, TEXT)


def _printed_zones(part: Part, values: pa.Array, without: Mask) -> pa.Array | Ints:
    """The zones of moments as a part shows them, each once while it has one offset and one name."""
    assert isinstance(part.element, Zone)  # noqa: S101  (for the type checker)
    zones, micros = zones_of(values), np.where(without, 0, numpy_of(instant_of(values)))
    first, codes = numbered(zones * np.int64(10**4) + stretches(micros, zones))
    texts: list[Any] = []
    for at, zone in zip(micros[first].tolist(), zones[first].tolist(), strict=True):
        try:
            texts.append(part.padded(part.element.shown(Moment.of_micros(at).to(zone_of(zone)).at)))
        except Failed:
            texts.append(None)
    return _bytes_of(texts) if len(texts) == 1 and texts != [None] else pa.array(texts, TEXT).take(pa.array(codes))


def component(moments: pa.Array, name: str, options: Options) -> Column:
    """A field of moments in UTC, as integers; open beyond the years 1 to 9999."""
    local, odd = apart(moments)
    nulls = nulls_of(moments)
    made = pa.array(FIELDS[name].of(local, options), LONG, mask=some(nulls | odd))
    return Column(made, some(odd & ~nulls))
