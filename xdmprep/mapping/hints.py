"""What to write in the mapping for values that do not fit: only expressions that were tried and do read the value.

Values are told apart by their shape, digits as ``9`` and letters as ``a``; a shape decides what is worth trying, and
each distinct value of it is tried.  So the hint of a value does not depend on the values around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..language import Expression, Options, coerce, compile_expression
from .fields import is_plain_path
from .sources import ColumnSource, Source

#: Longer strings are not badly written dates or numbers.
MAX_LENGTH = 40

#: Values are remembered up to this many, for each type; there are not many dates.
REMEMBERED = 50_000

#: Shapes of dates (D stands for one or two digits, A for four to nine letters) and the patterns that may read them.
_DAYS = (
    ("9999-99-9", ["yyyy-MM-d"]), ("9999-D-D", ["yyyy-M-d"]), ("9999/D/D", ["yyyy/M/d"]), ("9999.D.D", ["yyyy.M.d"]),
    ("D/D/9999", ["M/d/yyyy", "d/M/yyyy"]), ("D-D-9999", ["M-d-yyyy", "d-M-yyyy"]), ("D.D.9999", ["d.M.yyyy"]),
    ("D/D/99", ["M/d/yy", "d/M/yy"]), ("D.D.99", ["d.M.yy"]), ("D aaa 9999", ["d MMM yyyy"]),
    ("D A 9999", ["d MMMM yyyy"]), ("aaa D, 9999", ["MMM d, yyyy"]), ("A D, 9999", ["MMMM d, yyyy"]),
)  # fmt: skip
_TIMES = (
    ("", ""), ("T99:99", "'T'HH:mm"), ("T99:99:99", "'T'HH:mm:ss"), (" D:99", " H:mm"), (" D:99:99", " H:mm:ss"),
    (" D:99 aa", " h:mm a"), (" D:99:99 aa", " h:mm:ss a"),
)  # fmt: skip

_LETTERS = ((r"\p{L}", "a"), (r"\p{N}", "9"))

_Positions = np.ndarray[Any, np.dtype[np.int64]]
#: Expressions over ``${value}`` that read a value.
_Working = tuple[str, ...]


def hinted(
    shown: pa.Array, target: pa.DataType, source: Source | None, options: Options
) -> Iterator[tuple[_Positions, str]]:
    """The values grouped by the hint that they share.

    Args:
        shown: the values that did not fit, as text.
        target: the Arrow type that they did not fit.
        source: where they come from; None where they stand inside an object or array, which have no hints.
        options: of the mapping set, such as the time zone and date formats.

    Yields:
        0-based positions in `shown` (int64, ascending), and their hint, which may be empty.
    """
    if source is None or pa.types.is_nested(target):
        yield np.arange(len(shown)), ""
        return
    coded = shown.dictionary_encode()
    words, known = coded.dictionary.to_pylist(), _remembered(target, options)
    new = [word for word in words if word not in known]
    found = dict(zip(new, _working(pa.array(new, pa.string()), target, options), strict=True)) if new else {}
    if len(known) + len(found) <= REMEMBERED:
        known.update(found)
    name = _reference(source)
    hints = [_sentence(found[word] if word in found else known[word], name) for word in words]
    own = np.array([*hints, ""], dtype=object)[coded.indices.fill_null(len(words)).to_numpy(zero_copy_only=False)]
    for hint in dict.fromkeys(own.tolist()):
        yield np.flatnonzero(own == hint), hint


@lru_cache(64)
def _remembered(target: pa.DataType, options: Options) -> dict[str, _Working]:
    """What reads the values seen so far; chunk after chunk they are often the same few."""
    return {}


def _working(distinct: pa.Array, target: pa.DataType, options: Options) -> list[_Working]:
    """The expressions over ``${value}`` that read each of some distinct strings, and are worth a hint."""
    working: list[_Working] = [()] * len(distinct)
    shapes = _shapes(distinct, target).dictionary_encode()
    codes = shapes.indices.to_numpy(zero_copy_only=False)
    alike: dict[_Working, list[int]] = {}  # shapes by what is worth trying
    for code, shape in enumerate(shapes.dictionary.to_pylist()):
        alike.setdefault(tuple(_candidates(shape, target)), []).append(code)
    for candidates, some in alike.items():
        at = np.flatnonzero(np.isin(codes, some)) if candidates else ()
        rows = pa.RecordBatch.from_arrays([distinct.take(pa.array(at, pa.int64()))], ["value"])
        reads = [coerce(_tried(each, options).apply(rows).values, target, options)[0].is_valid() for each in candidates]
        for row, *fine in zip(at, *(each.to_pylist() for each in reads), strict=True):
            found = tuple(text for text, reads_it in zip(candidates, fine, strict=True) if reads_it)
            # 03/04/2024 and 1,234 may be read in two ways; elsewhere the simplest will do
            several = found in _TWO_WAYS or (_is_time(target) and found[:1] != (_UNFORCED,))
            working[row] = found if several else found[:1]
    return working


@lru_cache(64)
def _tried(expression: str, options: Options) -> Expression:
    return compile_expression(expression, pa.schema([("value", pa.string())]), options)


@lru_cache(256)
def _sentence(working: _Working, name: str) -> str:
    """What to map, where something reads the value."""
    shown = " or ".join(text.replace("${value}", name) for text in working)
    why = "; ".join(dict.fromkeys(_MISTAKES[text] for text in working if text in _MISTAKES))
    return f"To read it, map {shown}{why and f' ({why})'}." if working else ""


def _is_time(target: pa.DataType) -> bool:
    return bool(pa.types.is_date(target) or pa.types.is_timestamp(target))


def _shapes(values: pa.Array, target: pa.DataType) -> pa.Array:
    if pa.types.is_boolean(target):  # all are worth the same few tries
        return pa.repeat(pa.scalar("a"), len(values))
    # the tables of all letters take a millisecond to build, at every call
    kinds = (("[A-Za-z]", "a"), ("[0-9]", "9")) if pc.all(pc.string_is_ascii(values)).as_py() else _LETTERS
    for pattern, by in kinds:
        values = pc.replace_substring_regex(values, pattern, by)
    return values


def _candidates(shape: str, target: pa.DataType) -> list[str]:
    """Expressions over ``${value}`` that are worth a try for values of this shape."""
    if len(shape) > MAX_LENGTH:
        return []
    if forced := re.fullmatch('="(.*)"', shape):
        return [text.replace("${value}", _UNFORCED) for text in ("${value}", *_candidates(forced[1], target))]
    if _is_time(target):
        return _date_candidates(shape)
    if pa.types.is_boolean(target):
        return ["lower(${value})", "lower(trim(${value}))", 'decode(${value}, "1", true, "0", false)']
    if pa.types.is_integer(target) or pa.types.is_floating(target):
        return _number_candidates(shape)
    return []


#: What reads the text of ``="12"``, as spreadsheets write what is to stay as it is.
_UNFORCED = """replacestr(replacestr(${value}, "=", ""), '"', "")"""
_COMMA = 'replacestr(${value}, ",", ".")'
_COMMA_AND_POINTS = 'replacestr(replacestr(${value}, ".", ""), ",", ".")'
_WHOLE = "to_bigint(${value})"
_THOUSANDS, _POINTED_THOUSANDS = 'replacestr(${value}, ",", "")', 'replacestr(${value}, ".", "")'
#: What numbers that such an expression reads are likely to be.
_MISTAKES = {
    _COMMA: "it looks like a decimal comma",
    _COMMA_AND_POINTS: "it looks like a decimal comma, with points between thousands",
    _THOUSANDS: "it looks like commas between thousands",
    _POINTED_THOUSANDS: "it looks like points between thousands",
    _WHOLE: "which cuts off a fraction",
}


#: Shapes of negative numbers as bookkeeping writes them, what leaves the number, and what they are likely to be.
_NEGATIVES = (
    (r"(9[9.,]*)-", 'replacestr(${value}, "-", "")', "it looks like a minus behind the number"),
    (r"\((9[9.,]*)\)", 'replacestr(replacestr(${value}, "(", ""), ")", "")', "it looks like a negative number"),
    ("\u2212(9[9.,]*)", 'replacestr(${value}, "\u2212", "")', "it looks like a minus sign of typography"),
    ("\u2013(9[9.,]*)", 'replacestr(${value}, "\u2013", "")', "it looks like a dash for a minus"),
)


def _negated(expression: str, number: str) -> str:
    """What reads the negative of a value, of which `number` leaves the number and `expression` reads that."""
    return f'concat("-", {expression.replace("${value}", number)})'


_TWO_WAYS = {(_THOUSANDS, _COMMA), *((_negated(_THOUSANDS, one), _negated(_COMMA, one)) for _, one, _ in _NEGATIVES)}
_MISTAKES |= {_negated(text, one): why for _, one, why in _NEGATIVES for text in ("${value}", *_MISTAKES)}

#: A sign such as that of a currency.
_UNIT = r"[^\s9a.,+()\u2013\u2212-]{1,3}"
#: Shapes of numbers and what may read them; the first that fits counts.
_NUMBERS = (
    (r"[-+]?9{1,3},999", [_THOUSANDS, _COMMA]),
    (r"[-+]?9{1,3}(,999)+(\.9+)?", [_THOUSANDS]),
    (r"[-+]?9+,9+", [_COMMA]),
    (r"[-+]?9{1,3}(\.999)+,9+", [_COMMA_AND_POINTS]),
    (r"[-+]?9{1,3}(\.999)+", [_POINTED_THOUSANDS]),
    (r"[-+]?9+\.9+", [_WHOLE]),
)


def _number_candidates(shape: str) -> list[str]:
    found = ["trim(${value})"] if shape != shape.strip() else []
    found += next((tries for pattern, tries in _NUMBERS if re.fullmatch(pattern, shape)), [])
    for pattern, number, _ in _NEGATIVES:
        if match := re.fullmatch(pattern, shape):
            return [_negated(text, number) for text in ("${value}", *_number_candidates(match[1]))]
    if match := re.fullmatch(
        r"([^\s9a.,+()\u2013\u2212-]{1,3} ?)9[9.]*|9[9.]*( ?[^\s9a.,+()\u2013\u2212-]{1,3})", shape
    ):
        sign = (match[1] or match[2]).replace("\\", "\\\\").replace('"', '\\"')
        found.append(f'replacestr(${{value}}, "{sign}", "")')
    return found


#: Shapes of seconds, milliseconds and microseconds since 1970, and what reads them.
_EPOCHS = {
    "9" * 10: "dformat(to_bigint(${value}) * 1000, \"yyyy-MM-dd'T'HH:mm:ssX\")",
    "9" * 13: "dformat(to_bigint(${value}), \"yyyy-MM-dd'T'HH:mm:ss.SSSX\")",
    "9" * 16: "dformat(to_bigint(${value}) / 1000, \"yyyy-MM-dd'T'HH:mm:ss.SSSX\")",
}


def _date_candidates(shape: str) -> list[str]:
    text = shape.strip()
    value = "trim(${value})" if text != shape else "${value}"
    found = [value] if text != shape else []
    found += [f'date({value}, "{pattern}")' for pattern in _patterns(text)]
    return [*found, _EPOCHS[text]] if text in _EPOCHS else found


@lru_cache(1024)
def _patterns(shape: str) -> list[str]:
    """Date patterns that may read values of a shape."""
    for (day, patterns), (time, letters) in product(_DAYS, _TIMES):
        alike = re.escape(day + time).replace("D", "99?").replace("A", "a{4,9}")
        if re.fullmatch(alike, shape):
            return [pattern + letters for pattern in patterns]
    return []


def _reference(source: Source) -> str:
    """How an expression names the source."""
    if isinstance(source, ColumnSource):
        if source.steps:
            return source.text
        plain_name = is_plain_path(source.column) and "." not in source.column
        return source.column if plain_name else "${" + source.column.replace(".", "\\.") + "}"
    return source.text
