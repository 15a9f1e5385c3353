"""What to write in the mapping for values that do not fit: only expressions that were tried and do read the value.

Values that failed are put together by their shape (digits and letters), so a million bad dates cost a few tries.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..language import Expression, Options, coerce, compile_expression
from .fields import RESERVED, is_plain_path
from .sources import ColumnSource, Source

#: No more shapes than this are told apart in one column of one chunk.
MAX_SHAPES = 20

#: Every candidate is tried on this many values of a shape.
MAX_TRIED = 20

_DATE = [
    (r"\d{4}-\d{2}-\d", ["yyyy-MM-d"]),
    (r"\d{4}-\d{1,2}-\d{1,2}", ["yyyy-M-d"]),
    (r"\d{4}/\d{1,2}/\d{1,2}", ["yyyy/M/d"]),
    (r"\d{4}\.\d{1,2}\.\d{1,2}", ["yyyy.M.d"]),
    (r"\d{1,2}/\d{1,2}/\d{4}", ["M/d/yyyy", "d/M/yyyy"]),
    (r"\d{1,2}-\d{1,2}-\d{4}", ["M-d-yyyy", "d-M-yyyy"]),
    (r"\d{1,2}\.\d{1,2}\.\d{4}", ["d.M.yyyy"]),
    (r"\d{1,2}/\d{1,2}/\d{2}", ["M/d/yy", "d/M/yy"]),
    (r"\d{1,2}\.\d{1,2}\.\d{2}", ["d.M.yy"]),
    (r"\d{1,2} [A-Za-z]{3} \d{4}", ["d MMM yyyy"]),
    (r"\d{1,2} [A-Za-z]{4,} \d{4}", ["d MMMM yyyy"]),
    (r"[A-Za-z]{3} \d{1,2}, \d{4}", ["MMM d, yyyy"]),
    (r"[A-Za-z]{4,} \d{1,2}, \d{4}", ["MMMM d, yyyy"]),
]
_TIME = [
    ("", ""), (r"T\d{2}:\d{2}", "'T'HH:mm"), (r" \d{1,2}:\d{2}", " H:mm"), (r" \d{1,2}:\d{2}:\d{2}", " H:mm:ss"),
    (r"T\d{2}:\d{2}:\d{2}", "'T'HH:mm:ss"), (r" \d{1,2}:\d{2} [APap][Mm]", " h:mm a"),
    (r" \d{1,2}:\d{2}:\d{2} [APap][Mm]", " h:mm:ss a"),
]  # fmt: skip


def hinted(
    shown: pa.Array, target: pa.DataType, source: Source | None, options: Options
) -> Iterator[tuple[np.ndarray[Any, np.dtype[np.int64]], str]]:
    """The positions in `shown` (text) that share a hint, and the hint, which may be empty.

    Without a `source`, where the values stand inside an object or array, there are no hints.
    """
    if source is None or pa.types.is_nested(target):
        yield np.arange(len(shown)), ""
        return
    shape = shown
    for pattern, by in ((r"\p{L}", "a"), (r"\p{N}", "9")):
        shape = pc.replace_substring_regex(shape, pattern, by)
    coded = shape.dictionary_encode()
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    groups: dict[str, list[int]] = {}
    for code in range(min(len(coded.dictionary), MAX_SHAPES)):
        some = shown.filter(pa.array(codes == code))[:MAX_TRIED]
        groups.setdefault(hint_for(some, target, source, options), []).append(code)
    known = {code for some in groups.values() for code in some}
    rest = [code for code in np.unique(codes).tolist() if code not in known]
    if rest:
        groups.setdefault("", []).extend(rest)
    for hint, some in groups.items():
        yield np.flatnonzero(np.isin(codes, some)), hint


def hint_for(values: pa.Array, target: pa.DataType, source: Source, options: Options) -> str:
    """What to write instead so that `values`, texts of one shape, fit `target`; empty if nothing is known to help."""
    tried = {text: _reads(text, values, target, options) for text in _candidates(values[0].as_py(), target)}
    most = max(tried.values(), default=0)
    if not most:
        return ""
    name = _reference(source)
    working = [text.replace("${value}", name) for text, count in tried.items() if count == most]
    if not _is_time(target):  # a date such as 03/04/2024 may be read in two ways; elsewhere the simplest will do
        working = working[:1]
    return f"To read it, map {' or '.join(working)}."


def _is_time(target: pa.DataType) -> bool:
    return bool(pa.types.is_date(target) or pa.types.is_timestamp(target))


def _candidates(value: str, target: pa.DataType) -> list[str]:
    if _is_time(target):
        return _date_candidates(value)
    if pa.types.is_boolean(target):
        return ["lower(${value})", "lower(trim(${value}))", 'decode(${value}, "1", true, "0", false)']
    if pa.types.is_integer(target) or pa.types.is_floating(target):
        found = ["trim(${value})"] if value != value.strip() else []
        if re.fullmatch(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?", value):
            found.append('replacestr(${value}, ",", "")')
        elif re.fullmatch(r"[-+]?\d+,\d+", value):
            found.append('replacestr(${value}, ",", ".")')
        elif match := re.fullmatch(r"(\D{1,4}?)\d[\d.]*|\d[\d.]*(\D{1,4})", value):
            sign = (match[1] or match[2]).replace("\\", "\\\\").replace('"', '\\"')
            found.append(f'replacestr(${{value}}, "{sign}", "")')
        return found
    return []


def _date_candidates(value: str) -> list[str]:
    text = value.strip()
    stripped = "trim(${value})" if text != value else "${value}"
    found = [stripped] if text != value else []
    for day, patterns in _DATE:
        for time, letters in _TIME:
            if re.fullmatch(day + time, text):
                found += [f'date({stripped}, "{pattern}{letters}")' for pattern in patterns]
        if found:
            return found[:2]
    if re.fullmatch(r"\d{13}", text):
        found.append("dformat(to_bigint(${value}), \"yyyy-MM-dd'T'HH:mm:ss.SSSX\")")
    elif re.fullmatch(r"\d{10}", text):
        found.append("dformat(to_bigint(${value}) * 1000, \"yyyy-MM-dd'T'HH:mm:ssX\")")
    return found


def _reads(expression: str, values: pa.Array, target: pa.DataType, options: Options) -> int:
    """How many of `values` the expression turns into a `target`."""
    made = _compiled(expression, options).apply(pa.RecordBatch.from_arrays([values], ["value"]))
    array, _ = coerce(made.values, target, options)
    return len(array) - int(array.null_count)


@lru_cache(256)
def _compiled(expression: str, options: Options) -> Expression:
    return compile_expression(expression, pa.schema([("value", pa.string())]), options)


def _reference(source: Source) -> str:
    """How an expression names the source."""
    if isinstance(source, ColumnSource):
        if source.steps:
            return source.text
        plain_name = is_plain_path(source.column) and "." not in source.column and source.column not in RESERVED
        return source.column if plain_name else "${" + source.column.replace(".", "\\.") + "}"
    return source.text
