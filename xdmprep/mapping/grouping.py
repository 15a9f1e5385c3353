"""The steps of grouping rows in memory: number the keys, order the rows by number, take the columns in that order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from .. import kernels
from ..core.shred import valid
from ..errors import SourceError

#: The column of row numbers behind the source's columns.
ROW = "\0row"

#: Groups in one chunk.
GROUPS = 16_384

#: Rows in one chunk, unless a single group has more.
ROWS = 65_536

#: What the byte at each place of a key is multiplied with, so that the same bytes in another order differ.
_WEIGHTS = np.random.default_rng(0).integers(1, 1 << 63, 1024, dtype=np.uint64) * np.uint64(2) + np.uint64(1)

Hashes = np.ndarray[Any, np.dtype[np.uint64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]


class GroupRows:
    """Rows of several batches, the last column being :data:`ROW`.  A column is joined when it is first asked for.

    Attributes:
        count: how many.
        numbers: int64 (count,), their row numbers.
    """

    def __init__(self, batches: Sequence[pa.RecordBatch]) -> None:
        self.count = sum(batch.num_rows for batch in batches)
        self._parts = [[batch.column(at) for batch in batches] for at in range(batches[0].num_columns)]
        self._names = batches[0].schema.names
        self.numbers: Ints = self.column(len(self._parts) - 1).to_numpy()

    def column(self, at: int) -> pa.Array:
        """The whole column at that place."""
        parts = self._parts[at]
        if len(parts) > 1:
            try:
                parts[:] = [pa.concat_arrays(parts)]
            except pa.ArrowInvalid as error:
                raise SourceError(
                    f"the rows of one group hold more than 2 GB in the column '{self._names[at]}' ({error}). Group by "
                    "another key, or leave the column out."
                ) from None
        return parts[0]


def codes_of(columns: Sequence[pa.Array]) -> tuple[np.ndarray[Any, np.dtype[np.int32]], int]:
    """A number for each distinct key, counted from 0 in order of first appearance, and how many there are.

    A row where a part of the key is null has a number of its own.
    """
    codes, count = np.zeros(len(columns[0]), np.int32), 1
    null = np.zeros(len(codes), dtype=bool)
    for number, column in enumerate(columns):
        coded = column.dictionary_encode()
        if coded.null_count:
            null |= ~valid(column)
        own = coded.indices.fill_null(0).to_numpy(zero_copy_only=False)
        if number:
            wide = codes.astype(np.int64) * (len(coded.dictionary) + 1) + own
            codes, count = _numbered(wide)
        else:
            codes, count = own, len(coded.dictionary)
    if null.any():
        codes, count = _numbered(np.where(null, np.arange(len(codes)) + count, codes.astype(np.int64)))
    return codes, count


def _numbered(codes: Ints) -> tuple[np.ndarray[Any, np.dtype[np.int32]], int]:
    coded = pa.array(codes).dictionary_encode()
    return coded.indices.to_numpy(), len(coded.dictionary)


def by_group(codes: np.ndarray[Any, np.dtype[np.int32]], count: int) -> tuple[Any, Ints]:
    """The order that brings the rows of a group together (None if they stand so), and the bounds of the groups."""
    bounds = np.zeros(count + 1, dtype=np.int64)
    np.cumsum(np.bincount(codes, minlength=count), out=bounds[1:])
    if not np.any(codes[1:] < codes[:-1]):
        return None, bounds
    order = np.argsort((codes & 0xFFFF).astype(np.uint16), kind="stable").astype(np.int32)
    if count > 1 << 16:  # a stable sort of 16 bits takes a fraction of one of 32
        order = order[np.argsort((codes[order] >> 16).astype(np.uint16), kind="stable")]
    return order, bounds


def cuts(bounds: Ints, groups: int, rows: int = ROWS) -> Iterator[tuple[int, int]]:
    """Ranges of groups, of at most `groups` groups and, unless it is a single one, `rows` rows."""
    at, last = 0, len(bounds) - 1
    while at < last:
        fits = int(np.searchsorted(bounds, bounds[at] + rows, side="right")) - 1
        end = min(max(fits, at + 1), at + groups, last)
        yield at, end
        at = end


def list_column(rows: GroupRows, column: int, picked: Any, offsets: pa.Array) -> pa.ListArray:
    """A column as lists: the values of the rows `picked` (a slice, or their places), cut at `offsets`."""
    values = rows.column(column)
    if isinstance(picked, slice):
        values = values.slice(picked.start, picked.stop - picked.start)
    else:
        values = taken(values, picked)
    return pa.ListArray.from_arrays(offsets, values)


def taken(values: pa.Array, places: np.ndarray[Any, np.dtype[Any]]) -> pa.Array:
    """The values at `places`."""
    if pa.types.is_string(values.type):
        return kernels.active.take_texts(values, np.ascontiguousarray(places, np.int32))
    return values.take(pa.array(places))


def hashes_of(columns: Sequence[pa.Array]) -> Hashes:
    """uint64 (n,): equal for equal keys."""
    code = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        code = code * np.uint64(31) + _text_hashes(column)
    code ^= code >> np.uint64(31)
    return code * np.uint64(0x9E3779B97F4A7C15)


def _text_hashes(column: pa.Array) -> Hashes:
    if not pa.types.is_string(column.type):
        try:
            column = column.cast(pa.string())
        except pa.ArrowException:
            column = pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string())
    column = column.fill_null("")
    _, offsets, data = column.buffers()
    bounds = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1].astype(np.int64)
    start, stop = int(bounds[0]), int(bounds[-1])
    if start == stop:
        return np.zeros(len(column), np.uint64)
    text = np.frombuffer(data, np.uint8)[start:stop].astype(np.uint64)
    bounds -= start
    lengths = np.diff(bounds)
    place = np.arange(stop - start) - np.repeat(bounds[:-1], lengths)
    weights = _WEIGHTS[place & (len(_WEIGHTS) - 1)]
    if lengths.max() > len(_WEIGHTS):
        weights = weights * (2 * (place // len(_WEIGHTS)) + 1).astype(np.uint64)
    sums = np.zeros(stop - start + 1, np.uint64)
    np.cumsum((text + np.uint64(1)) * weights, out=sums[1:])
    return sums[bounds[1:]] - sums[bounds[:-1]]
