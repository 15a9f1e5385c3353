"""The buffers of Arrow arrays as numpy views, and lists and maps taken apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Ints = np.ndarray[Any, Any]
#: Indices of rows, in ascending order.
Positions = Ints
Mask = np.ndarray[Any, np.dtype[np.bool_]]
Offsets = np.ndarray[Any, np.dtype[np.int32]]
_Number = TypeVar("_Number", bound="np.dtype[Any]")


def valid(array: pa.Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """bool (n,): True where `array` is not null."""
    if pa.types.is_null(array.type):  # `flatten` gives such a child its parent's bitmap, and counts nulls by it
        return np.zeros(len(array), dtype=bool)
    if array.null_count == 0:
        return np.ones(len(array), dtype=bool)
    bits = None if isinstance(array, pa.DictionaryArray) else array.buffers()[0]
    if bits is None:
        return np.asarray(array.is_valid().to_numpy(zero_copy_only=False), dtype=bool)
    first, skip = divmod(array.offset, 8)  # eight rows a byte; a tenth of the time of Arrow's way over a bool column
    packed = np.frombuffer(bits, np.uint8, (skip + len(array) + 7) // 8, first)
    return np.unpackbits(packed, count=skip + len(array), bitorder="little")[skip:].view(bool)


def text_bytes(array: pa.Array) -> tuple[Any, Any]:
    """Offsets (n + 1) and bytes of a plain string column, as numpy views; nulls are not distinguished."""
    _, offsets, data = array.buffers()
    places = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1]
    return places, np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)


def list_parts(array: pa.Array) -> tuple[Offsets, pa.Array]:
    """Offsets from 0 (int32, n + 1) and the flat values of a list array; null lists are empty."""
    if pa.types.is_list(array.type) and not array.null_count and len(array):
        offsets = np.frombuffer(array.buffers()[1], np.int32, len(array) + 1, array.offset * 4)
        start, end = int(offsets[0]), int(offsets[-1])
        return offsets - start if start else offsets, array.values.slice(start, end - start)
    lengths = pc.list_value_length(array).fill_null(0)
    return offsets_of(lengths.to_numpy(zero_copy_only=False)), array.flatten()


def map_parts(array: pa.Array) -> tuple[pa.Array, pa.Array, Ints]:
    """Keys and items of all maps side by side, and how many entries each map has (0 for null)."""
    offsets = array.offsets.to_numpy().astype(np.int64)
    sizes, there = np.diff(offsets), valid(array)
    lengths = np.where(there, sizes, 0)
    start, end = int(offsets[0]), int(offsets[-1])
    keys, items = array.keys.slice(start, end - start), array.items.slice(start, end - start)
    if int(lengths.sum()) != end - start:  # null maps that hold entries all the same
        keep = pa.array(np.repeat(there, sizes))
        keys, items = keys.filter(keep), items.filter(keep)
    return keys, items, lengths


def offsets_of(lengths: Sequence[int] | np.ndarray[Any, Any]) -> Offsets:
    """Where lists or maps of these lengths begin, one behind the other, and where the last one ends."""
    offsets = np.zeros(len(lengths) + 1, dtype=np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def ranges(starts: np.ndarray[Any, Any], lengths: np.ndarray[Any, Any]) -> Ints:
    """The places starts[i] .. starts[i] + lengths[i] of all i, one behind the other."""
    ends = np.cumsum(lengths)
    places: Ints = np.repeat(starts - (ends - lengths), lengths)
    return np.arange(len(places), dtype=np.int64) + places


def sums(elements: np.ndarray[Any, _Number], lengths: np.ndarray[Any, Any]) -> np.ndarray[Any, _Number]:
    """The sum of each list's elements, which stand one behind the other; sums of integers wrap around."""
    total = np.zeros(len(elements) + 1, elements.dtype)
    np.cumsum(elements, out=total[1:])
    ends = np.cumsum(lengths)
    found: np.ndarray[Any, _Number] = total[ends] - total[ends - lengths]
    return found


def owners_of(offsets: np.ndarray[Any, Any]) -> Ints:
    """For each element of lists the number of its list."""
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def sieved(offsets: np.ndarray[Any, Any], keep: Mask, *columns: pa.Array) -> tuple[Any, ...]:
    """Offsets of lists, and columns of their elements, with the elements where `keep` is True."""
    if keep.all():
        return offsets, *columns
    mask = pa.array(keep)
    return offsets_of(keep)[offsets], *[column.filter(mask) for column in columns]


def side_by_side(lists: Sequence[tuple[Any, pa.Array]]) -> tuple[Offsets, list[tuple[pa.Array, Mask]]]:
    """Offsets that lists have in common, each list's elements stretched to them, and where an element is missing."""
    lengths = np.stack([np.diff(offsets) for offsets, _ in lists])
    common = offsets_of(lengths.max(axis=0))
    owners = owners_of(common)
    within = np.arange(len(owners)) - common[:-1][owners]
    found = []
    for (offsets, items), length in zip(lists, lengths, strict=True):
        missing = within >= length[owners]
        found.append((items.take(pa.array(offsets[:-1][owners] + within, pa.int64(), mask=missing)), missing))
    return common, found


def first_hits(hits: Mask, owners: np.ndarray[Any, Any], n: int) -> Ints:
    """For each of `n` lists the place of the first element where `hits` is True, -1 where there is none."""
    at, found = np.full(n, -1, dtype=np.int64), np.flatnonzero(hits)[::-1]
    at[owners[found]] = found  # the first is written last
    return at


def located(wanted: Ints, rows: Ints) -> tuple[Ints, Mask]:
    """Where those of `wanted` that are among `rows`, which ascend, stand there; and which of them are."""
    if not len(rows):
        return np.zeros(0, np.int64), np.zeros(len(wanted), dtype=bool)
    if rows[-1] - rows[0] == len(rows) - 1:  # one after the other
        at = wanted - rows[0]
        there = (at >= 0) & (at < len(rows))
    else:
        at = np.minimum(np.searchsorted(rows, wanted), len(rows) - 1)
        there = rows[at] == wanted
    return at[there], there
