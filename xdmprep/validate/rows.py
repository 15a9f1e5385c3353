"""Python objects as records to be checked, each exactly as it is: nothing is made of one type first.

What no JSON record can hold is left out and a finding (`unfit`), as it is where the same objects are written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa

from ..core.arrow_types import NOT_FINITE, NOT_UTF8
from ..core.ndjson.parser import TEXT_LEAVES, TEXT_SCHEMA, JsonChunk
from ..core.ndjson.strict import MANY_DIGITS, MAX_DEPTH, MAX_DIGITS, UnreadableError
from ..core.paths import Path, format_path
from ..core.stream import Finding, Stream, Unread
from ..errors import SourceError, shorten

#: Records of a piece.
PIECE_ROWS = 2_000

#: Where a value stood that no record can hold.
_LEFT_OUT = object()


def open_rows(rows: Iterable[Any], as_json: Callable[[Any], Any]) -> Stream:
    """Records in memory as a stream to be checked; `as_json` makes JSON values of Python's."""
    unread = [rows]

    def pieces() -> Iterator[list[Any]]:
        if not unread:
            raise SourceError("data: a generator can be read only once. Make a list of it first.")
        given = iter(rows if isinstance(rows, list | tuple) else unread.pop())
        while piece := list(islice(given, PIECE_ROWS)):
            yield piece

    def chunk(piece: list[Any]) -> JsonChunk:
        values: list[Any] = []
        texts: list[str] = []
        numbers: list[int] = []
        unread: list[Unread] = []
        unfit: list[Finding] = []
        for number, row in enumerate(piece, 1):
            try:
                value, text, found = _record(as_json(row))
            except RecursionError:
                unread.append(Unread(number, None, "", "unreadable", "the row is nested too deep, or contains itself"))
            except UnreadableError as error:
                unread.append(Unread(number, None, "", error.code, error.message))
            else:
                values.append(value)
                texts.append(text)
                numbers.append(number)
                for path, reason, shown in found:
                    unfit.append(Finding("unfit", format_path(path), reason, np.array([number]), pa.array([shown])))
        records = pa.RecordBatch.from_arrays([pa.array(texts, pa.string())], schema=TEXT_SCHEMA)
        rows = np.asarray(numbers, np.int64)
        others = tuple(enumerate(values))
        return JsonChunk(
            TEXT_LEAVES, records, rows, issues=tuple(unfit), unread=tuple(unread), consumed=len(piece), others=others
        )  # fmt: skip

    return Stream(pieces, (chunk,), TEXT_LEAVES, TEXT_SCHEMA, "data")


def _record(value: Any) -> tuple[Any, str, list[tuple[Path, str, str]]]:
    """A record without what none can hold, its text, and that; UnreadableError if there is no record."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (TypeError, ValueError):  # other classes, NaN, lone surrogates, thousands of digits; or it contains itself
        pass
    else:
        deep = text.count("{") + text.count("[") > MAX_DEPTH
        if not (deep or (len(text) > MAX_DIGITS and MANY_DIGITS.search(text.encode()))):
            return value, text, []
    unfit: list[tuple[Path, str, str]] = []
    value = _without_unfit(value, (), unfit)
    return value, json.dumps(value, ensure_ascii=False), unfit


def _without_unfit(value: Any, path: Path, unfit: list[tuple[Path, str, str]]) -> Any:
    if len(path) > MAX_DEPTH:
        raise UnreadableError("unreadable", f"nested too deep: more than {MAX_DEPTH} levels of objects and arrays")
    if isinstance(value, Mapping):
        fields = {}
        for key, item in value.items():
            if not _is_text(key):
                raise UnreadableError("unreadable", "half a surrogate pair (\\ud800 to \\udfff) in a key")
            made = _without_unfit(item, (*path, key), unfit)
            if made is not _LEFT_OUT:
                fields[key] = made
        return fields
    if isinstance(value, list | tuple):
        items = [_without_unfit(item, (*path, number), unfit) for number, item in enumerate(value)]
        return [None if item is _LEFT_OUT else item for item in items]
    reason = _why_unfit(value)
    if reason is None:
        return value
    unfit.append((path, *reason))
    return _LEFT_OUT


def _why_unfit(value: Any) -> tuple[str, str] | None:
    """Why no record can hold a value that is no object and no array, and how to show it; None if one can."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        return None if _is_text(value) else (NOT_UTF8, value.encode("utf-8", "backslashreplace").decode())
    if isinstance(value, int):
        many = abs(value) >= 10**MAX_DIGITS
        return (f"the integer has more than {MAX_DIGITS:,} digits", "") if many else None
    if isinstance(value, float):
        if value - value == 0:
            return None
        return NOT_FINITE, "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    return f"no record can hold a value of type {type(value).__name__}", shorten(str(value), 60)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
