"""Text to date over whole columns: texts of one length are a matrix of bytes, and its columns are the digits."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ... import kernels
from ...kernels.arrays import Ints, Mask, offsets_of, ranges
from ...regex import compile_ecma
from ...regex.dfa import automaton
from ..columns import LONG, MOMENT, Column, as_mask, bytes_of, marked, nulls_of, numpy_of, some, used_bytes, without
from ..java_time_format import NAMES, NOT, REST, Layout, Pattern, Piece, named_zone, zone_expression
from ..options import Options
from ..shapes import instant_of, only_where, zoned, zones_of
from ..values import Failed
from ..zoned_datetime import Moment, offset_text
from ..zones import instants, number_of, offsets, stretches, zone_of
from .texts import made_of

_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def layout_of(text: str) -> Layout:
    """A layout from a pattern of fixed-width letters, ``T`` and ``Z`` being literals and ``x`` an offset."""
    out: list[tuple[str, int]] = []
    for letter in text:
        if letter not in "yMdHmsSx":
            out.append((letter, 0))
        elif out and out[-1][0] == letter and out[-1][1]:
            out[-1] = (letter, out[-1][1] + 1)
        else:
            out.append((letter, 1))
    return tuple(out)


#: ISO-8601 forms that the automatic reading takes first: with offsets, or with the name of a zone behind a blank.
ISO: tuple[Layout, ...] = (
    layout_of("yyyy-MM-dd"),
    *(
        layout_of(f"yyyy-MM-dd{mark}{clock}{zone}")
        for clock in ("HH:mm:ss", "HH:mm", *(f"HH:mm:ss.{'S' * n}" for n in (3, 6, 1, 2, 4, 5)))
        for mark in "T "
        for zone in ("", "Z", "xxxxxx", "xxxxx", "xxx")
    ),
    *((*layout_of(f"yyyy-MM-dd{mark}HH:mm:ss{part}"), (" ", 0), ("A", REST)) for mark in "T " for part in ("", ".SSS")),
)
#: Layouts that Arrow reads itself: the length of their texts, and the byte between day and time.
_BY_ARROW: dict[Layout, int] = {
    layout_of("yyyy-MM-dd"): 0,
    **{layout_of(f"yyyy-MM-dd{mark}HH:mm:ss{zone}"): ord(mark) for mark in "T " for zone in ("", "Z")},
}

#: 0001-01-01 in microseconds: Arrow reads a year 0000, Data Prep does not.
_FIRST = -62_135_596_800_000_000
_FIRST_DAY = _FIRST // 86_400_000_000


def read_iso(text: pa.Array, unit: str = "ms", layout: Layout | None = None) -> pa.Array | None:
    """Columns whose texts all have one common ISO form, read by Arrow itself; None if some have not.

    Args:
        text: dates, or times to the second without a zone or with ``Z``.
        unit: unit of the times.
        layout: only this form will do.

    Returns:
        date32 where the texts are dates, otherwise timestamps in UTC.
    """
    lengths = pc.min_max(pc.binary_length(text))
    length = lengths["min"].as_py()
    if length not in (10, 19, 20) or length != lengths["max"].as_py():
        return None
    offsets, data = bytes_of(text)
    start = offsets[int(np.argmin(nulls_of(text)))]
    if data[start + 4] != ord("-") or data[start + 7] != ord(
        "-"
    ):  # a cast that fails takes as long as one that does not
        return None
    if layout is not None:
        mark = _BY_ARROW.get(layout)
        if mark is None or length_of(layout) != length:
            return None
        if mark and (used_bytes(text)[10::length] != mark).any():
            return None
    moments = pa.timestamp(unit, None if length == 19 else "UTC")
    try:
        found = text.cast(pa.date32() if length == 10 else moments)
    except pa.ArrowInvalid:
        return None
    first = _FIRST_DAY if length == 10 else _FIRST // (1000 if unit == "ms" else 1)
    if pc.min(found.view(pa.int32() if length == 10 else pa.int64())).as_py() < first:
        return None
    return found.view(pa.timestamp(unit, "UTC")) if length == 19 else found


#: What a text of the commonest ISO forms looks like that names a moment for sure, by its length.
_DAY = (
    r"[1-9][0-9]{3}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
)
_CLOCK = r"[T ](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
#: So many texts are looked at for the commonest length.
_HEAD = 1000
_SURE = {10: rf"^{_DAY}$", 19: rf"^{_DAY}{_CLOCK}$", 20: rf"^{_DAY}{_CLOCK}Z$"}


def read_most(text: pa.Array) -> tuple[pa.Array, Mask] | None:
    """A column as :func:`read_iso` reads it, where nearly all texts have one common ISO form; and where the others are.

    None where that is not so.
    """
    lengths = np.diff(bytes_of(text)[0][: _HEAD + 1])
    counts = np.bincount(np.minimum(lengths, max(_SURE) + 1), minlength=1)
    counts[0] = 0  # nulls
    expression = _SURE.get(int(counts.argmax()))
    machine = None if expression is None else automaton(compile_ecma(expression).tree)
    odd = None if machine is None else kernels.active.not_accepted(text, machine)
    if odd is None or 4 * len(odd) > len(text):
        return None
    found = read_iso(without(text, odd))
    if found is None:
        return None
    return found, marked(len(text), odd)


def length_of(layout: Layout) -> int:
    """How many bytes a text in the layout has, a zone's name aside."""
    return sum(len(part) if not width else max(width, 0) for part, width in layout)


#: What :func:`_read` gives: local microseconds, seconds of offsets or zones, where there is nothing, and what is open.
_Read = tuple[Ints, Ints, Ints, Ints]


def read_layouts(
    text: pa.Array, layouts: tuple[Layout, ...], blank_is_null: bool, options: Options, as_written: bool = False
) -> Column:
    """Moments from text in the first layout that fits.

    Args:
        text: a text column.
        layouts: in the order in which they are tried.
        blank_is_null: whether blank text gives null; it is open otherwise.
        options: give the zone of moments without one.
        as_written: whether an offset is read but does not move the moment, so that its day is the one in the text.

    Returns:
        Moments in microseconds with their zones; null stays null, and text that fits no layout is open.
    """
    whole = _by_arrow(text, layouts)
    if whole is not None:
        return Column(whole)
    local, zones, nulls, todo = _read(text, layouts, blank_is_null, options)
    zones = np.zeros_like(zones) if as_written else zones
    try:
        micros, _ = instants(local, zones)
    except Failed:
        micros, todo = local, ~nulls
    return Column(zoned(pa.array(micros, LONG, mask=nulls | todo).view(MOMENT), zones), some(todo))


def _by_arrow(text: pa.Array, layouts: tuple[Layout, ...]) -> pa.Array | None:
    if len(layouts) != 1 and not set(layouts) >= _BY_ARROW.keys():
        return None
    whole = read_iso(text, "us", layouts[0] if len(layouts) == 1 else None)
    return None if whole is None else whole.cast(MOMENT)


def _read(text: pa.Array, layouts: tuple[Layout, ...], blank_is_null: bool, options: Options | None) -> _Read:
    n = len(text)
    offsets, data = bytes_of(text)
    lengths = np.diff(offsets)
    result, zones = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int32)
    todo = ~nulls_of(text)
    if blank_is_null:
        todo &= lengths > 0
    nulls = ~todo
    if layout_of("yyyy-MM-dd") in layouts:
        _read_plain_days(text, offsets, data, todo, result)
    by_length: dict[tuple[int, bool], list[Layout]] = {}
    for layout in layouts:
        by_length.setdefault((length_of(layout), layout[-1][1] == REST), []).append(layout)
    for (length, named), group in by_length.items():
        rows = np.flatnonzero(todo & ((lengths > length) if named else (lengths == length)))
        for layout in group:
            if not len(rows) or (named and options is None):
                break
            starts = offsets[rows].astype(np.int64)
            matrix = (
                data[starts[:, None] + np.arange(length)] if named or len(rows) < n else _matrix(data, offsets, length)
            )
            micros, offset, good = _micros(matrix, layout)
            if named and options is not None and good.any():
                starts, ends = starts[good] + length, offsets[rows[good] + 1]
                names = made_of(offsets_of(ends - starts), data[ranges(starts, ends - starts)], None)
                found, known = _zone_numbers(options, layout[-1][0], names)
                good[good] = known
                offset[good] = found[known]
            result[rows[good]] = micros[good]
            zones[rows[good]] = offset[good]
            todo[rows[good]] = False
            rows = rows[~good]
    return result, zones, nulls, todo


def _zone_numbers(options: Options, letter: str, names: pa.Array) -> tuple[Any, Any]:
    """The numbers of the zones that texts name at the end of dates, and which of the texts name one."""
    encoded = names.dictionary_encode()
    found = [_zone_number(options, letter, word) for word in encoded.dictionary.to_pylist()]
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    known = np.array([number is not None for number in found], dtype=bool)
    return np.array([number or 0 for number in found], dtype=np.int32)[codes], known[codes]


def _zone_number(options: Options, letter: str, word: str) -> int | None:
    if re.fullmatch(zone_expression(letter), word, re.ASCII) is None:
        return None
    try:
        return number_of(named_zone(letter, word, options))
    except Failed:
        return None


def _read_plain_days(
    text: pa.Array,
    offsets: Ints,
    data: Ints,
    todo: Mask,
    result: Ints,
) -> None:
    """Let Arrow read the days of a column in which few are not such; all are left where it still meets another."""
    rows = np.flatnonzero(todo & (np.diff(offsets) == 10))
    if len(rows) * 2 < len(todo):
        return
    starts = offsets[rows]
    month, day = (
        (data[starts + at] - np.uint8(48)) * np.uint8(10) + (data[starts + at + 1] - np.uint8(48)) for at in (5, 8)
    )
    rows = rows[(month - np.uint8(1) < 12) & (day - np.uint8(1) < 31)]
    try:
        days = text.take(pa.array(rows)).cast(pa.date32()).view(pa.int32()).to_numpy()
    except pa.ArrowInvalid:
        return
    rows, days = rows[days >= _FIRST_DAY], days[days >= _FIRST_DAY]
    result[rows] = days * np.int64(86_400_000_000)
    todo[rows] = False


def _matrix(data: Ints, offsets: Ints, length: int) -> Ints:
    matrix: Ints = np.reshape(data[offsets[0] : offsets[-1]], (-1, length))
    return matrix


def _micros(matrix: Ints, layout: Layout) -> tuple[Ints, Ints, Ints]:
    """Local microseconds, seconds of offset, and where the text has the layout and names a real date."""
    n = len(matrix)
    good = _has_literals(matrix, layout)
    found: dict[str, Ints] = {}
    offset = np.zeros(n, dtype=np.int32)
    named = layout[-1][1] == REST
    if not good.any():  # most layouts fit no text of a column
        return np.zeros(n, dtype=np.int64), offset, good
    at = 0
    for part, width in layout:
        if width == NOT:
            for other in part:
                good &= ~_may_stand(matrix[:, at:], other, named)
            continue
        if width == REST:
            continue
        if not width:
            at += len(part.encode())
            continue
        here = matrix[:, at : at + width]
        at += width
        if part == "x":
            offset, fine = _offset(here)
            good &= fine
        elif part == "a":
            first = here[:, 0] | 32
            good &= ((first == ord("a")) | (first == ord("p"))) & ((here[:, 1] | 32) == ord("m"))
            found["a"] = first == ord("p")
        elif part in ("E", "EE", "MM") or (part == "M" and width == 3):
            found[part[0]] = _named(here, part)
            good &= found[part[0]] > 0
        else:
            value = np.zeros(n, dtype=np.int32)
            for i in range(width):
                digit = here[:, i] - np.uint8(48)
                good &= digit < 10
                value = value * 10 + digit
            found["y" if part == "u" else part] = value + 2000 if part in "yu" and width == 2 else value
            if part == "S":
                value *= 10 ** (6 - width)
    year = found["y"]
    month, day = found.get("M", np.int32(1)), found.get("d", np.int32(1))
    hour, minute, second = (found.get(letter, np.int32(0)) for letter in "Hms")
    if "h" in found:
        good &= (found["h"] >= 1) & (found["h"] <= 12)
        hour = found["h"] % 12 + 12 * found.get("a", np.int32(0))
    moved = named or any(part == "x" for part, width in layout if width)  # this may lead out of the years 1 to 9999
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
    if "E" in found:
        good &= (days + 3) % 7 + 1 == found["E"]
    seconds = days * 86400 + (np.asarray(hour).astype(np.int64) * 3600 + np.asarray(minute) * 60 + second)
    return seconds * 1_000_000 + found.get("S", np.int32(0)), offset, good


def _has_literals(matrix: Ints, layout: Layout) -> Mask:
    """Which texts have a layout's literal bytes."""
    good, at = np.ones(len(matrix), dtype=bool), 0
    for part, width in layout:
        codes = b"" if width else part.encode()
        for i, code in enumerate(codes):
            good &= matrix[:, at + i] == code
        at += len(codes) + max(width, 0) * (width not in (NOT, REST))
    return good


def _may_stand(matrix: Ints, layout: Layout, longer: bool) -> Ints:
    """Where texts may begin with a layout, whatever its numbers and names are; `longer` says that they go on."""
    fits, at = np.ones(len(matrix), dtype=bool), 0
    for part, width in layout:
        size = len(part) if not width else max(width, 0)
        if at + size > matrix.shape[1]:
            return fits & longer
        for i in range(at, at + size):
            if not width:
                fits &= matrix[:, i] == part.encode()[i - at]
            elif part in "yudHhmsS" or (part == "M" and width < 3):
                fits &= matrix[:, i] - np.uint8(48) < 10
        at += size
    return fits


def _named(matrix: Ints, part: str) -> Ints:
    """The number of a month or weekday by its name in any letter case, 0 where there is none.

    One letter stands for names of three letters, two for full ones.
    """
    numbers = np.zeros(len(matrix), dtype=np.int32)
    low = matrix | 32
    for number, name in enumerate(NAMES[part[0]], 1):
        letters = (name if len(part) == 2 else name[:3]).lower().encode()
        if len(letters) == matrix.shape[1]:
            numbers[(low == np.frombuffer(letters, np.uint8)).all(axis=1)] = number
    return numbers


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


def print_layout(moments: pa.Array, layout: Layout) -> Column:
    """Moments as text in a layout; open beyond the years 1 to 9999."""
    n = len(moments)
    nulls = nulls_of(moments)
    micros = numpy_of(moments)
    odd = beyond(micros)
    micros = np.where(odd, 0, micros)
    days, rest = np.divmod(micros, 86_400_000_000)
    year, month, day = _civil(days)
    second = rest // 1_000_000
    parts = {
        "y": year, "u": year, "M": month, "d": day, "H": second // 3600, "m": second // 60 % 60, "s": second % 60,
    }  # fmt: skip
    length = length_of(layout)
    matrix = np.empty((n, length), dtype=np.uint8)
    at = 0
    for part, width in layout:
        if not width:
            for code in part.encode():
                matrix[:, at] = code
                at += 1
            continue
        value = rest % 1_000_000 // 10 ** (6 - width) if part == "S" else parts[part]
        value = value.astype(np.int32)
        for i in range(at + width - 1, at - 1, -1):
            value, digit = np.divmod(value, 10)
            matrix[:, i] = digit + 48
        at += width
    offsets = np.arange(n + 1, dtype=np.int32) * np.int32(length)
    return Column(made_of(offsets, matrix, some(nulls)), some(odd & ~nulls))


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


#: What each letter's text depends on, besides the zone.
_DEPENDS = {
    **dict.fromkeys("yuG", "year"), **dict.fromkeys("MQ", "month"), **dict.fromkeys("dF", "day"), "D": "of year",
    **dict.fromkeys("Ee", "weekday"), **dict.fromkeys("YwW", "days"), **dict.fromkeys("HhKka", "hour"), "m": "minute",
    "s": "second", **dict.fromkeys("Sn", "fraction"), **dict.fromkeys("AN", "of day"), **dict.fromkeys("VzXxZO", ""),
}  # fmt: skip


def local_of(values: pa.Array) -> pa.Array:
    """Moments in zones as what clocks there show, like moments in UTC; fails where that takes too long."""
    zones = zones_of(values)
    moments = instant_of(values)
    if not zones.any():
        return moments
    micros = numpy_of(moments)
    return pa.array(micros + offsets(micros, zones), LONG, mask=nulls_of(moments)).view(MOMENT)


def print_pattern(values: pa.Array, pattern: Pattern) -> Column:
    """Moments as text in a pattern; open beyond the years 1 to 9999, and where the pattern is too narrow.

    Numbers of fixed width are printed together; of all else each distinct value is printed once.
    """
    moments = local_of(values)
    nulls, micros, zones = nulls_of(moments), numpy_of(moments), zones_of(values)
    odd = beyond(micros)
    micros = np.where(odd, 0, micros)
    parts: dict[str, Ints] = {}
    texts: list[Any] = [pa.scalar("")]
    for fixed, group in groupby(pattern.pieces, _is_fixed):
        pieces = tuple(group)
        if fixed and any(width for _, width, _ in pieces):
            layout = tuple((letter, width) for letter, width, _ in pieces)
            texts.append(print_layout(pa.array(micros).view(MOMENT), layout).values)
            continue
        for letter, _, printer in pieces:
            failed: Any = False
            if printer is None:
                found = pa.scalar(letter)
            elif _DEPENDS[letter]:
                parts = parts or _numbers(micros)
                found, failed = _printed_once(parts[_DEPENDS[letter]], micros, printer)
            elif not zones.any():
                found = pa.scalar(printer(Moment.of_millis(0)))
            else:
                instant = numpy_of(instant_of(values))
                keys = zones * np.int64(10**4) + stretches(np.where(nulls | odd, 0, instant), zones)
                found, failed = _printed_once(keys, np.where(odd, 0, instant), printer, zones)
            odd |= failed
            texts.append(found)
    joined = pc.binary_join_element_wise(*texts, "") if len(texts) > 2 else texts[-1]
    if isinstance(joined, pa.Scalar):
        joined = pa.repeat(joined, len(moments))
    return Column(only_where(joined, ~(nulls | odd)), some(odd & ~nulls))


#: Letters and widths that :func:`print_layout` prints.
_FIXED = {"y": (4,), "u": (4,), "M": (2,), "d": (2,), "H": (2,), "m": (2,), "s": (2,), "S": (1, 2, 3, 4, 5, 6)}


def _is_fixed(piece: Piece) -> bool:
    letter, width, printer = piece
    return letter.isascii() if printer is None else width in _FIXED.get(letter, ())


def _numbers(micros: Ints) -> dict[str, Ints]:
    """What texts depend on, by the names of :data:`_DEPENDS`."""
    days, of_day = np.divmod(micros, 86_400_000_000)
    year, month, day = _civil(days)
    second = of_day // 1_000_000
    return {
        "year": year, "month": month, "day": day, "days": days, "of year": days - _days(year, np.ones_like(month), 1),
        "weekday": (days + 3) % 7, "hour": second // 3600, "minute": second // 60 % 60, "second": second % 60,
        "fraction": of_day % 1_000_000, "of day": of_day,
    }  # fmt: skip


def _printed_once(
    keys: Ints,
    micros: Ints,
    printer: Callable[[Moment], str],
    zones: Ints | None = None,
) -> tuple[pa.Array, Ints]:
    """The text of each moment, printed once for each distinct key; and where there is none."""
    encoded = pa.array(keys).dictionary_encode()
    codes = encoded.indices.to_numpy()
    first = np.zeros(len(encoded.dictionary), np.int64)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
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
    return pa.array([text or "" for text in texts], pa.string()).take(encoded.indices), failed


_LAST = 253_402_300_800_000_000


def _civil(days: Ints) -> tuple[Ints, Ints, Ints]:
    """Year, month and day of days since 1970-01-01: the reverse of :func:`_days`."""
    shifted = days + 719468
    era = shifted // 146097
    of_era = shifted - era * 146097
    year_of_era = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    from_march = (5 * of_year + 2) // 153
    day = of_year - (153 * from_march + 2) // 5 + 1
    month = np.where(from_march < 10, from_march + 3, from_march - 9)
    return year_of_era + era * 400 + (month <= 2), month, day


#: Components of a date and the Arrow functions that give them.
_COMPONENTS: dict[str, Callable[..., pa.Array]] = {
    "year": pc.year, "quarter": pc.quarter, "month": pc.month, "dayofyear": pc.day_of_year, "day": pc.day,
    "week": pc.iso_week, "hour": pc.hour, "minute": pc.minute, "second": pc.second, "millisecond": pc.millisecond,
    "weekday": lambda at: pc.day_of_week(at, count_from_zero=False, week_start=1),
    "hour12": lambda at: pa.array((pc.hour(at).fill_null(0).to_numpy() + 11) % 12 + 1, mask=nulls_of(at)),
}  # fmt: skip


def component(moments: pa.Array, name: str) -> Column:
    """One component of moments in UTC, as integers; open beyond the years 1 to 9999."""
    micros, odd = _within(moments.view(LONG), 1)
    return Column(_COMPONENTS[name](micros.view(pa.timestamp("us"))).cast(LONG), odd)


def of_millis(millis: pa.Array) -> tuple[pa.Array, Mask | None]:
    """Moments so many milliseconds after 1970, and which are beyond all years; those are null."""
    millis, odd = _within(millis, 1000)
    return pc.multiply(millis, 1000).view(MOMENT), odd


def _within(units: pa.Array, micros: int) -> tuple[pa.Array, Mask | None]:
    """Times in units of so many microseconds, without those beyond the years 1 to 9999; and where these are."""
    first, last = _FIRST // micros, _LAST // micros
    span = pc.min_max(units)
    if (span["min"].as_py() or 0) >= first and (span["max"].as_py() or 0) < last:
        return units, None
    odd = as_mask(pc.or_(pc.less(units, first), pc.greater_equal(units, last)))
    return pc.if_else(pa.array(odd), None, units), odd
