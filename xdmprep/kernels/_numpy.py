"""The kernels without a compiler: short ones of numpy, Arrow and Python, which are right but slower."""

from __future__ import annotations

import os
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa

from .arrays import Offsets, Positions, sums, text_bytes, valid
from .csv_arrow import count_lines, is_utf8, parse_csv
from .interface import Automaton
from .json_plain import parse_json, split_array
from .json_texts import escape, print_times, printed_otherwise
from .record_boundary import Cutter
from .walk import Walk

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


join = Walk.texts


def write(file: int, data: Any, piece: int) -> None:
    view = memoryview(data).cast("B")
    while len(view):
        view = view[os.write(file, view[:piece]) :]


def _weights(number: int) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """Odd numbers without a pattern: splitmix64 of 1, 2, 3 (numpy.random takes as long to import as all of this)."""
    mixed = np.arange(1, number + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed | np.uint64(1)


#: What the byte at each place of a text is multiplied with, so that the same bytes in another order differ.
HASH_WEIGHTS = _weights(1024)


def number_texts(array: pa.Array) -> tuple[np.ndarray[Any, np.dtype[np.int32]], int]:
    coded = array.dictionary_encode()
    if not coded.null_count:
        return coded.indices.to_numpy(), len(coded.dictionary)
    numbers = coded.indices.fill_null(0).to_numpy().astype(np.int64)
    null = ~valid(array)
    numbers[null] = len(coded.dictionary) + np.flatnonzero(null)
    coded = pa.array(numbers).dictionary_encode()
    return coded.indices.to_numpy(), len(coded.dictionary)


def order_groups(
    codes: np.ndarray[Any, np.dtype[np.int32]], count: int
) -> tuple[np.ndarray[Any, np.dtype[np.int32]] | None, np.ndarray[Any, np.dtype[np.int64]]]:
    if len(codes) and (codes.min() < 0 or codes.max() >= count):
        raise ValueError("a code that is not below the count")
    bounds = np.zeros(count + 1, dtype=np.int64)
    np.cumsum(np.bincount(codes, minlength=count), out=bounds[1:])
    if not np.any(codes[1:] < codes[:-1]):
        return None, bounds
    return np.argsort(codes, kind="stable").astype(np.int32), bounds


def hash_texts(array: pa.Array) -> np.ndarray[Any, np.dtype[np.uint64]]:
    if not len(array):
        return np.zeros(0, np.uint64)
    offsets, data = text_bytes(array.fill_null(""))
    bounds = offsets.astype(np.int64)
    if bounds[0] == bounds[-1]:
        return np.zeros(len(array), np.uint64)
    text = data[bounds[0] : bounds[-1]].astype(np.uint64)
    lengths = np.diff(bounds)
    place = np.arange(len(text)) - np.repeat(bounds[:-1] - bounds[0], lengths)
    weights = HASH_WEIGHTS[place & 1023] * (2 * (place >> 10) + 1).astype(np.uint64)
    return sums((text + np.uint64(1)) * weights, lengths)
