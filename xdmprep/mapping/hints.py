"""What to write in the mapping for values that do not fit: only expressions that were tried and do read the value.

Values are told apart by their shape, digits as ``9`` and letters as ``a``; a shape decides what is worth trying, and
each distinct value of it is tried.  So the hint of a value does not depend on the values around it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache
from itertools import product
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..language import Expression, Options, coerce, compile_expression
from .fields import RESERVED, is_plain_path
from .sources import ColumnSource, Source

#: Texts longer than this are no badly written dates or numbers.
MAX_LENGTH = 40

#: Tried values are remembered up to this many, for each expression; there are not many dates.
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
_T = TypeVar("_T")


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
    name = _reference(source)
    words = coded.dictionary.to_pylist()
    found = _asked(words, _remembered(target, name, options), lambda new: _hints_of(new, target, name, options))
    hints = np.array([*found, ""], dtype=object)
    own = hints[coded.indices.fill_null(len(words)).to_numpy(zero_copy_only=False)]
    for hint in dict.fromkeys(own.tolist()):
        yield np.flatnonzero(own == hint), hint


def _asked(words: list[str], known: dict[str, _T], answer: Callable[[pa.Array], Iterable[_T]]) -> list[_T]:
    """The answer for each of some texts, all different; remembered where there is room."""
    new = [word for word in words if word not in known]
    fresh = dict(zip(new, answer(pa.array(new, pa.string())), strict=True)) if new else {}
    if len(known) + len(fresh) <= REMEMBERED:
        known.update(fresh)
    return [fresh[word] if word in fresh else known[word] for word in words]


@lru_cache(64)
def _remembered(target: pa.DataType, name: str, options: Options) -> dict[str, str]:
    """The hints of texts that were met before; often they are the same few, chunk after chunk."""
    return {}


def _hints_of(distinct: pa.Array, target: pa.DataType, name: str, options: Options) -> list[str]:
    """The hint of each of some texts, all different."""
    hints = np.full(len(distinct), "", dtype=object)
    shapes = _shapes(distinct, target).dictionary_encode()
    codes = shapes.indices.to_numpy(zero_copy_only=False)
    alike: dict[tuple[str, ...], list[int]] = {}  # shapes by what is worth trying
    for code, shape in enumerate(shapes.dictionary.to_pylist()):
        alike.setdefault(tuple(_candidates(shape, target)), []).append(code)
    for candidates, some in alike.items():
        if candidates:
            at = np.flatnonzero(np.isin(codes, some))
            hints[at] = _hints(distinct.take(pa.array(at)), candidates, target, name, options)
    found: list[str] = hints.tolist()
    return found


def _hints(
    values: pa.Array, candidates: tuple[str, ...], target: pa.DataType, name: str, options: Options
) -> list[str]:
    """For each value the sentence that names the candidates which read it."""
    reads = [_reads(text, values, target, options) for text in candidates]
    hints = []
    for row in zip(*reads, strict=True):
        working = [text for text, fine in zip(candidates, row, strict=True) if fine]
        if not _is_time(target) and working != [_THOUSANDS, _COMMA]:
            working = working[:1]  # 03/04/2024 and 1,234 may be read in two ways; elsewhere the simplest will do
        shown = " or ".join(text.replace("${value}", name) for text in working)
        why = "; ".join(_MISTAKES[text] for text in working if text in _MISTAKES)
        hints.append(f"To read it, map {shown}{why and f' ({why})'}." if working else "")
    return hints


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
    if _is_time(target):
        return _date_candidates(shape)
    if pa.types.is_boolean(target):
        return ["lower(${value})", "lower(trim(${value}))", 'decode(${value}, "1", true, "0", false)']
    if pa.types.is_integer(target) or pa.types.is_floating(target):
        return _number_candidates(shape)
    return []


_COMMA = 'replacestr(${value}, ",", ".")'
_COMMA_AND_POINTS = 'replacestr(replacestr(${value}, ".", ""), ",", ".")'
_THOUSANDS, _POINTED_THOUSANDS = 'replacestr(${value}, ",", "")', 'replacestr(${value}, ".", "")'
#: What numbers that such an expression reads are likely to be.
_MISTAKES = {
    _COMMA: "it looks like a decimal comma",
    _COMMA_AND_POINTS: "it looks like a decimal comma, with points between thousands",
    _THOUSANDS: "it looks like commas between thousands",
    _POINTED_THOUSANDS: "it looks like points between thousands",
}


def _number_candidates(shape: str) -> list[str]:
    found = ["trim(${value})"] if shape != shape.strip() else []
    if re.fullmatch(r"[-+]?9{1,3}(,999)+(\.9+)?", shape):
        found += [_THOUSANDS, _COMMA] if shape.count(",") == 1 and "." not in shape else [_THOUSANDS]
    elif re.fullmatch(r"[-+]?9+,9+", shape):
        found.append(_COMMA)
    elif re.fullmatch(r"[-+]?9{1,3}(\.999)+,9+", shape):
        found.append(_COMMA_AND_POINTS)
    elif re.fullmatch(r"[-+]?9{1,3}(\.999)+", shape):
        found.append(_POINTED_THOUSANDS)
    elif match := re.fullmatch(r"([^\s9a.,+-]{1,3} ?)9[9.]*|9[9.]*( ?[^\s9a.,+-]{1,3})", shape):
        sign = (match[1] or match[2]).replace("\\", "\\\\").replace('"', '\\"')
        found.append(f'replacestr(${{value}}, "{sign}", "")')
    return found


def _date_candidates(shape: str) -> list[str]:
    text = shape.strip()
    value = "trim(${value})" if text != shape else "${value}"
    found = [value] if text != shape else []
    found += [f'date({value}, "{pattern}")' for pattern in _patterns().get(text, ())]
    if text == "9" * 13:
        found.append("dformat(to_bigint(${value}), \"yyyy-MM-dd'T'HH:mm:ss.SSSX\")")
    elif text == "9" * 10:
        found.append("dformat(to_bigint(${value}) * 1000, \"yyyy-MM-dd'T'HH:mm:ssX\")")
    return found


@cache
def _patterns() -> dict[str, list[str]]:
    """Date patterns by the shapes they may read."""
    found: dict[str, list[str]] = {}
    for (day, patterns), (time, letters) in product(_DAYS, _TIMES):
        for shape in _expanded(day + time):
            found.setdefault(shape, [pattern + letters for pattern in patterns])
    return found


def _expanded(shape: str) -> list[str]:
    for letter, choices in (("D", ["9", "99"]), ("A", ["a" * n for n in range(4, 10)])):
        if letter in shape:
            return [made for choice in choices for made in _expanded(shape.replace(letter, choice, 1))]
    return [shape]


def _reads(expression: str, values: pa.Array, target: pa.DataType, options: Options) -> list[bool]:
    """Which of `values` the expression turns into a `target`; each is asked once where there is room to remember."""
    compiled, known = _tried(expression, target, options)

    def answer(new: pa.Array) -> list[bool]:
        array, _ = coerce(compiled.apply(pa.RecordBatch.from_arrays([new], ["value"])).values, target, options)
        found: list[bool] = array.is_valid().to_pylist()
        return found

    return _asked(values.to_pylist(), known, answer)


@lru_cache(64)
def _tried(expression: str, target: pa.DataType, options: Options) -> tuple[Expression, dict[str, bool]]:
    return compile_expression(expression, pa.schema([("value", pa.string())]), options), {}


def _reference(source: Source) -> str:
    """How an expression names the source."""
    if isinstance(source, ColumnSource):
        if source.steps:
            return source.text
        plain_name = is_plain_path(source.column) and "." not in source.column and source.column not in RESERVED
        return source.column if plain_name else "${" + source.column.replace(".", "\\.") + "}"
    return source.text
