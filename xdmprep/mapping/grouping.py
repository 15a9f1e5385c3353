"""The steps of grouping rows in memory: number the keys, order the rows by number, take the columns in that order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import kernels
from ..core.shred import encoded, plain, valid
from ..core.stream import chunk_bytes
from ..errors import SourceError
from ..kernels.arrays import Offsets

#: The column of row numbers behind the source's columns.
ROW = "\0row"

#: Most rows in one chunk, unless a single group has more.
ROWS = 131_072

Hashes = np.ndarray[Any, np.dtype[np.uint64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]
Codes = np.ndarray[Any, np.dtype[np.int32]]


class GroupRows:
    """Rows of several batches, the last column being :data:`ROW`.  A column is joined when it is first asked for.

    Args:
        batches: the rows; their columns may be dictionaries.

    Attributes:
        count: how many.
        numbers: int64 (count,), their row numbers.
    """

    def __init__(self, batches: Sequence[pa.RecordBatch]) -> None:
        self.count: int = sum(batch.num_rows for batch in batches)
        self._parts = [[batch.column(at) for batch in batches] for at in range(batches[0].num_columns)]
        self._names = batches[0].schema.names
        self.numbers: Ints = self.column(len(self._parts) - 1).to_numpy()

    def column(self, at: int) -> pa.Array:
        """The whole column at that place."""
        parts = self._parts[at]
        if len(parts) > 1:
            alike = len({part.type for part in parts}) == 1
            try:
                parts[:] = [pa.concat_arrays(parts if alike else map(plain, parts))]
            except pa.ArrowInvalid as error:
                raise SourceError(
                    f"the rows of one group hold more than 2 GB in the column '{self._names[at]}' ({error}). Group by "
                    "another key, or leave the column out."
                ) from None
            if parts[0].nbytes > chunk_bytes(1):
                pa.default_memory_pool().release_unused()  # else what it keeps of the parts adds up
        return parts[0]

    def grouped(
        self,
        columns: Sequence[int],
        keys: Sequence[int],
        order: Codes | None,
        bounds: Ints,
        most: int | None = None,
        keep: bool = False,
    ) -> Iterator[tuple[Offsets, list[pa.Array]]]:
        """The rows group by group, in pieces of at most `most` rows, unless it is a single group.

        A group's rows may be all over the table: a column that is taken whole, one after the other, is in the
        processor's cache after the first group, and leaves room for the pieces of the next one.

        Args:
            columns: places of the columns.
            keys: those of the key.  A text is the same in all rows of a group, so that of the first is taken.
            order: brings the rows of a group together; None if they stand so.
            bounds: of the groups, among the rows in that order.
            most: rows of a piece; None for those of a chunk.
            keep: whether columns that were put in order stay here.

        Yields:
            For each piece, in order, where its groups begin, and the values of each of `columns`.
        """
        first = bounds[0]
        most = most or min(ROWS, chunk_bytes(len(columns)) // self.row_bytes(columns))
        places = [bounds[at : end + 1] - first for at, end in cuts(bounds, most)]
        pieces: list[list[pa.Array]] = [[] for _ in places]
        for column in columns:
            values = self.column(column)
            if order is not None and not keep:
                self._parts[column] = []
            picked = None if order is None else order[first : bounds[-1]]
            if order is not None and column in keys and pa.types.is_string(values.type):
                picked = np.repeat(order[bounds[:-1]], np.diff(bounds))
            for piece, within in zip(pieces, places, strict=True):
                start, stop = within[0], within[-1]
                some = (
                    values.slice(first + start, stop - start) if picked is None else taken(values, picked[start:stop])
                )
                few = pa.types.is_dictionary(some.type) and len(some.dictionary) > 2 * len(some)
                piece.append(plain(some) if few else some)
            values = None  # before the next column is joined
        pieces.reverse()
        for within in places:
            yield (within - within[0]).astype(np.int32), pieces.pop()

    def fetch(self, at: int, rows: Ints) -> pa.Array:
        """The values that the rows of these numbers have in the column at that place; the rows are ascending."""
        return taken(self.column(at), np.searchsorted(self.numbers, rows))

    def row_bytes(self, columns: Sequence[int]) -> int:
        """About how many bytes a row takes in these columns."""
        size = sum(plain_bytes(part) for at in columns for part in self._parts[at])
        return max(1, size // max(1, self.count))


def codes_of(columns: Sequence[pa.Array]) -> tuple[Codes, int]:
    """A number for each distinct key, counted from 0 in order of first appearance, and how many there are.

    A row where a part of the key is null has a number of its own.
    """
    codes, count = _numbers(columns[0])
    for column in columns[1:]:
        own, several = _numbers(column)
        codes, count = _distinct(codes.astype(np.int64) * several + own)
    return codes, count


def comparable(column: pa.Array) -> pa.Array:
    """A part of the key, such that equal values have the same bits: 0.0 and -0.0 are equal."""
    return pc.add(column, pa.scalar(0, column.type)) if pa.types.is_floating(column.type) else column


def _numbers(column: pa.Array) -> tuple[Codes, int]:
    if pa.types.is_string(column.type):
        return kernels.active.number_texts(column)
    coded = encoded(comparable(column))
    if not coded.null_count:
        return coded.indices.to_numpy(), len(coded.dictionary)
    wide = coded.indices.fill_null(0).to_numpy().astype(np.int64)
    null = ~valid(coded)
    wide[null] = len(coded.dictionary) + np.flatnonzero(null)
    return _distinct(wide)


def _distinct(codes: Ints) -> tuple[Codes, int]:
    coded = pa.array(codes).dictionary_encode()
    return coded.indices.to_numpy(), len(coded.dictionary)


def by_group(columns: Sequence[pa.Array]) -> tuple[Codes | None, Ints]:
    """The order that brings rows of equal keys together (None if they stand so), and the bounds of the groups."""
    codes, count = codes_of(columns)
    return kernels.active.order_groups(np.ascontiguousarray(codes), count)


def plain_bytes(column: pa.Array) -> int:
    """About how many bytes the column takes when it is no dictionary."""
    if not pa.types.is_dictionary(column.type):
        return int(column.nbytes)
    return int(column.dictionary.nbytes) * len(column) // max(1, len(column.dictionary))


def cuts(bounds: Ints | Offsets, rows: int) -> Iterator[tuple[int, int]]:
    """Ranges of groups of at most `rows` rows, unless it is a single group."""
    at, last = 0, len(bounds) - 1
    while at < last:
        fits = int(np.searchsorted(bounds, bounds[at] + rows, side="right")) - 1
        end = max(fits, at + 1)
        yield at, end
        at = end


def taken(values: pa.Array, places: np.ndarray[Any, np.dtype[Any]]) -> pa.Array:
    """The values at `places`."""
    if pa.types.is_string(values.type):
        return kernels.active.take_texts(values, np.ascontiguousarray(places, np.int32))
    return pc.take(values, pa.array(places), boundscheck=False)


def hashes_of(columns: Sequence[pa.Array]) -> Hashes:
    """uint64 (n,): equal for equal keys."""
    code = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        code = code * np.uint64(31) + kernels.active.hash_texts(comparable(column).cast(pa.string()))
    code ^= code >> np.uint64(31)
    return code * np.uint64(0x9E3779B97F4A7C15)


class Closed:
    """Hashes of the keys whose groups are over, in sorted runs of growing size: eight bytes a key."""

    def __init__(self) -> None:
        self._runs: list[Hashes] = []

    def add(self, hashes: Hashes) -> Mask:
        """Add hashes; bool (n,): those that were there before, among the earlier ones of `hashes` too."""
        order = np.argsort(hashes, kind="stable")
        run = hashes[order]
        known = np.zeros(len(run), dtype=bool)
        known[1:] = run[1:] == run[:-1]
        for other in self._runs:
            at = np.searchsorted(other, run)
            known |= other[np.minimum(at, len(other) - 1)] == run
        if len(run):
            self._runs.append(run)
        while len(self._runs) > 1 and len(self._runs[-2]) <= 2 * len(self._runs[-1]):
            self._runs[-2:] = [np.sort(np.concatenate(self._runs[-2:]), kind="stable")]
        found = np.zeros(len(run), dtype=bool)
        found[order] = known
        return found
