"""The kernels without a compiler: short ones of numpy, Arrow and Python, which are right but slower."""

from __future__ import annotations

import os
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa

from .arrays import Offsets, Positions, text_bytes, valid
from .csv_arrow import count_lines, is_utf8, parse_csv
from .interface import Automaton
from .json_plain import parse_json, split_array
from .json_texts import escape, print_times, printed_otherwise
from .record_boundary import Cutter
from .text_keys import hash_texts, number_texts, order_groups
from .walk import TextColumn, TextRun, Walk

__all__ = [
    "are_texts", "count_lines", "dict_columns", "escape", "hash_texts", "is_utf8", "join", "last_record_end",
    "line_ends", "memory", "not_accepted", "number_texts", "object_texts", "object_types", "order_groups",
    "parse_csv", "parse_json", "print_times", "printed_otherwise", "split_array", "take_texts", "text_sizes",
    "write",
]  # fmt: skip


def memory(size: int) -> Any:
    return np.empty(size, np.uint8)


def line_ends(data: Any, size: int) -> Positions:
    data = data[:size]
    breaks: Positions = np.flatnonzero(data == 10)
    return np.append(breaks, size) if size and data[-1] != 10 else breaks


def last_record_end(text: Any, start: int, stop: int, final: bool, delimiter: str, quote: str) -> int:
    return Cutter.of(delimiter, quote).last_end(text, start, stop, final)


def text_sizes(array: pa.Array, nulls: bool = False) -> tuple[int, int]:
    sizes = np.diff(text_bytes(array)[0]) if len(array) else np.zeros(0, np.int32)
    if array.null_count and not nulls:
        sizes = sizes[valid(array)]
    return (int(sizes.min()), int(sizes.max())) if len(sizes) else (0, 0)


def take_texts(array: pa.Array, places: Offsets) -> pa.Array:
    return array.take(pa.array(places))


def object_texts(objects: np.ndarray[Any, np.dtype[np.object_]], missing: tuple[Any, ...]) -> pa.Array | None:
    kinds, absent = set(map(type, objects)) - {str, float, type(None)}, None
    if kinds:
        if kinds - set(map(type, missing)):
            return None
        absent = np.fromiter((any(value is one for one in missing) for value in objects), bool)
    try:
        made = pa.array(objects, pa.string(), mask=absent, from_pandas=True)
    except (UnicodeEncodeError, pa.ArrowException):
        return None
    return made if isinstance(made, pa.Array) else None


def object_types(objects: np.ndarray[Any, np.dtype[np.object_]]) -> set[type]:
    return set(map(type, objects))


def dict_columns(rows: list[dict[str, Any]], names: tuple[str, ...]) -> np.ndarray[Any, np.dtype[np.object_]] | None:
    cells = np.empty((len(names), len(rows)), object)
    try:
        for at, name in enumerate(names):
            cells[at] = np.fromiter(map(itemgetter(name), rows), object, len(rows))
    except KeyError:
        return None
    return cells if set(map(len, rows)) <= {len(names)} else None


def are_texts(objects: np.ndarray[Any, np.dtype[np.object_]], missing: tuple[Any, ...]) -> bool:
    made = object_texts(objects, missing)
    return made is not None and made.null_count < len(made)


def not_accepted(array: pa.Array, automaton: Automaton) -> Positions | None:
    return np.flatnonzero(valid(array)) if array.null_count < len(array) else None


def join(
    walk: Walk,
    values: Sequence[TextColumn],
    n: int,
    keep: np.ndarray[Any, np.dtype[np.bool_]] | None,
    around: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]] | None,
    starts: bool,
) -> TextRun:
    return walk.texts(values, n, keep, around, starts)


def write(file: int, data: Any, piece: int) -> None:
    view = memoryview(data).cast("B")
    while len(view):
        view = view[os.write(file, view[:piece]) :]
