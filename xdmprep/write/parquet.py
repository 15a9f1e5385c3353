"""Parquet parts: the types of the XDM schema, bounded row groups, the same bytes for the same records.

Records wait as flat columns until a row group is full; then the columns are joined and nested, and one of the workers
writes the group while the next one collects.  Where a group ends depends on the records alone (their size, row by row),
never on the pieces they came in, and the group is one array per column before it is written: Parquet's pages follow the
arrays' ends.

The size of a part is known before it is written only as a bound: a group's bytes never exceed the size of its values
by more than a small share.  So the last groups of a part shrink as it fills up, and it stays below its limit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..core.arrow_types import joined_batches
from ..core.pool import Pool, Task
from ..core.shred import Leaf, nest
from ..core.stream import Chunk
from ..errors import UsageError
from ..kernels.arrays import list_parts, map_parts, offsets_of, text_bytes
from .folder import OutputFolder
from .parquet_file import Layout, ParquetFile, columns
from .parts import Parts, WriteOptions

#: Most records of a row group, however small they are.
GROUP_ROWS = 1 << 20
#: A group's bytes in the file beside the size of its values, at most: levels, page headers and Snappy's worst case.
_GROWTH = 1.05
#: Bytes that one column takes in the footer for each row group, and what else a file has, about.
_COLUMN_FOOTER, _FILE_FOOTER = 150, 2048
#: Values of a column that Arrow encodes at a time; with its 1,024 writing takes 4 % longer.
_AT_ONCE = 1 << 14
#: Records sampled to find the columns that repeat their values.
_SAMPLE_ROWS = 20_000
#: Row groups that wait to be written, the one being written included, while the next one collects.
_GROUPS_AHEAD = 2
_TEXT = pa.dictionary(pa.int32(), pa.string())

#: Some records as flat columns, and for each the size of the values of all up to it.
Made = tuple[pa.RecordBatch, np.ndarray[Any, np.dtype[np.int64]]]


class ParquetParts(Parts):
    """Parquet with the types of the XDM schema: all fields optional, three-level lists, bounded row groups."""

    ending = "parquet"

    def __init__(
        self, folder: OutputFolder, leaves: Sequence[Leaf], arrow_schema: pa.Schema, options: WriteOptions, pool: Pool
    ) -> None:
        super().__init__(folder, options)
        self._kept = [number for number, leaf in enumerate(leaves) if storable(leaf.type) is not None]
        self._leaves = tuple(leaves[number] for number in self._kept)
        self._arrow_schema = pa.schema([
            field.with_type(kind) for field in arrow_schema if (kind := storable(field.type)) is not None
        ])  # fmt: skip
        if not self._leaves:
            raise UsageError("Parquet holds columns, and no field of these records has a value. Write json.")
        self._all = len(self._kept) == len(leaves)
        self._layout = Layout(self._arrow_schema, self._leaves, options.compression)
        self._columns = sum(1 for _ in columns(self._arrow_schema))
        self._stored: Stored | None = None
        self._file: ParquetFile | None = None
        self._crew = pool
        self._writing: deque[tuple[Task, int]] = deque()  # groups being written, and how many bytes each has at most
        self._groups = self._written = 0  # of the open part: groups, bytes written
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = self._waiting_bytes = 0
        self._limit = self._first_limit = self._room()

    def make(self, chunk: Chunk, keep: np.ndarray[Any, Any]) -> Made:
        """The records, and how large they are."""
        records = replace(chunk, source=None).where(keep).records
        if not self._all:
            records = records.select(self._kept)
        return records, np.cumsum(_added(records.columns, records.num_rows))

    def add(self, made: Made, rows: int) -> None:
        """Append the records; a row group is written when it is full, a part ended when no group fits any more."""
        records, sizes = made
        at = before = 0
        while at < rows:
            end = min(rows, at + self._rows_left(), at + GROUP_ROWS - self._waiting_rows)
            room = self._limit - self._waiting_bytes
            fitting = int(np.searchsorted(sizes[at:end], before + room, side="right"))
            if not fitting and not self._waiting:
                fitting = 1
            if fitting:
                self._waiting.append(records.slice(at, fitting))
                at += fitting
                taken, before = int(sizes[at - 1]) - before, int(sizes[at - 1])
                self._waiting_rows += fitting
                self._waiting_bytes += taken
                self._rows += fitting
            if at < rows:
                self._end_group()

    def finish(self) -> None:
        """End the last part; one that came out too large after all is split in two."""
        self._submit()
        self._wait()
        if self._file is None or self._part is None:
            return
        self._file.close()
        self._file = None
        if self._part.bytes > self.options.max_bytes:
            self._split()
            return
        super().finish()
        self._next_part()

    def discard(self) -> None:
        """Remove the part that is being written."""
        while self._writing:
            self._writing.pop()[0].drop()
        if self._file is not None:
            self._file.drop()
            self._file = None
        self._waiting = []
        super().discard()

    def _end_group(self) -> None:
        """Write what waits; end the part where it has as many records as it may, or little room is left."""
        self._submit()
        if self._rows_left() <= 0:
            self.finish()
            return
        self._limit = self._room()
        if self._limit < self.options.group_bytes:  # near the end of the part the exact size counts
            self._wait()
            self._limit = self._room()
            if self._limit <= self._first_limit / 8:
                self.finish()

    def _room(self) -> int:
        """The largest group, by the size of its values, that still fits into the open part."""
        footer = (self._groups + 1) * _COLUMN_FOOTER * self._columns + _FILE_FOOTER
        left = (self.options.max_bytes - self._written - sum(most for _, most in self._writing) - footer) / _GROWTH
        return max(0, min(self.options.group_bytes, int(left)))

    def _next_part(self) -> None:
        self._groups = self._written = 0
        self._limit = self._room()

    def _submit(self) -> None:
        """Have the waiting records written, once those before them are."""
        if not self._waiting:
            return
        group, self._waiting = self._waiting, []
        most = int(self._waiting_bytes * _GROWTH)
        self._waiting_rows = self._waiting_bytes = 0
        self._groups += 1
        table = self._nested(self._leaves, group)  # here: writing, one group after the other, is what takes longest
        self._wait(_GROUPS_AHEAD - 1)
        before = self._writing[-1][0] if self._writing else None
        self._writing.append((self._crew.start(self._write, table, before, first=True), most))

    def _wait(self, but: int = 0) -> None:
        """Wait until all groups are written, `but` for the last; raises what went wrong there."""
        while len(self._writing) > but:
            self._written = self._writing.popleft()[0].result()

    def _nested(self, leaves: Sequence[Leaf], group: list[pa.RecordBatch]) -> pa.RecordBatch:
        """A row group as it is written: one array a column, the same whatever pieces it comes in."""
        records = joined_batches(group)
        if self._stored is None:
            sample = nest(leaves, records.slice(0, _SAMPLE_ROWS), self._layout.filled)
            self._stored = Stored(self._layout.filled, sample)
        return nest(leaves, records, self._stored.schema)

    def _write(self, group: pa.RecordBatch, before: Task | None = None) -> int:
        """Write a row group, after the one before; gives the bytes of the part so far."""
        if before is not None:
            before.result()
        part = self._open()
        if self._file is None:
            known = columns(self._layout.filled)
            counted = [".".join(path) for path, kind in known if not pa.types.is_string(kind)]
            self._file = ParquetFile(
                part, self._layout, dict(self.options.metadata), schema=group.schema,
                compression=self.options.compression, write_statistics=counted or False,
                use_dictionary=(self._stored and self._stored.repeated) or False, write_batch_size=_AT_ONCE,
            )  # fmt: skip
        self._file.write(group)
        return part.bytes

    def _split(self) -> None:
        """Write the open part again as two."""
        part = self._open()
        if self._rows == 1:
            self._rows = 0
            raise self._too_large()
        records = part.read_back().select(self._layout.filled.names)
        super().discard()
        leaves = [Leaf((field.name,), field.type) for field in records.schema]
        half, rows = self._rows // 2, self._rows
        for start, count in ((0, half), (half, rows - half)):
            self._rows = count
            self._write(self._nested(leaves, records.slice(start, count).to_batches()))
            self.finish()


class Stored:
    """Which columns are stored with a dictionary: those of which a sample repeats each value some four times or more.

    Args:
        arrow_schema: of the records.
        sample: some records.

    Attributes:
        repeated: Parquet paths of these columns.
        schema: `arrow_schema`, texts among them as Arrow dictionaries; what is stored has the same types.
    """

    def __init__(self, arrow_schema: pa.Schema, sample: pa.RecordBatch) -> None:
        self.repeated: list[str] = []
        self._rows = sample.num_rows
        for field, column in zip(arrow_schema, sample.columns, strict=True):
            self._look(field.name, column)
        self.schema = pa.schema([self._field(field.name, field) for field in arrow_schema])

    def _look(self, path: str, column: pa.Array) -> None:
        kind = column.type
        if pa.types.is_struct(kind):
            for field, child in zip(kind, column.flatten(), strict=True):
                self._look(f"{path}.{field.name}", child)
        elif pa.types.is_map(kind):
            self.repeated.append(f"{path}.key_value.key")
            _, items, _ = map_parts(column)
            self._look(f"{path}.key_value.value", items)
        elif pa.types.is_list(kind):
            self._look(f"{path}.list.element", column.flatten())
        else:
            column = column.slice(0, self._rows)  # elements of arrays and maps may be many times as many
            if len(column) > column.null_count and pc.count_distinct(column).as_py() * 4 <= len(column):
                self.repeated.append(path)

    def _field(self, path: str, field: pa.Field) -> pa.Field:
        return field.with_type(self._type(path, field.type))

    def _type(self, path: str, kind: pa.DataType) -> pa.DataType:
        if pa.types.is_struct(kind):
            return pa.struct([self._field(f"{path}.{field.name}", field) for field in kind])
        if pa.types.is_map(kind):
            inside = f"{path}.key_value"
            return pa.map_(self._type(f"{inside}.key", kind.key_type), self._field(f"{inside}.value", kind.item_field))
        if pa.types.is_list(kind):
            return pa.list_(self._field(f"{path}.list.element", kind.value_field))
        return _TEXT if pa.types.is_string(kind) and path in self.repeated else kind


def storable(kind: pa.DataType) -> pa.DataType | None:
    """A type without structs that have no field: Parquet cannot hold them, and they hold nothing.

    None if nothing is left; so it is with arrays and maps of such structs.
    """
    if pa.types.is_struct(kind):
        fields = [field.with_type(inner) for field in kind if (inner := storable(field.type)) is not None]
        return None if not fields else kind if fields == list(kind) else pa.struct(fields)
    if pa.types.is_list(kind):
        inner = storable(kind.value_type)
        return None if inner is None else kind if inner is kind.value_type else pa.list_(inner)
    if pa.types.is_map(kind):
        inner = storable(kind.item_type)
        return None if inner is None else kind if inner is kind.item_type else pa.map_(kind.key_type, inner)
    return kind


def stored_bytes(array: pa.Array) -> np.ndarray[Any, Any]:
    """What each value takes in Parquet without encoding or compression, at most; about a byte of it goes to levels."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        words = np.append(_lengths(array.dictionary), 0)
        codes: np.ndarray[Any, Any] = array.indices.fill_null(len(array.dictionary)).to_numpy()
        return 5 + words.take(codes)
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        return 5 + _lengths(array)
    if pa.types.is_struct(kind):
        return _added(array.flatten(), len(array))
    if pa.types.is_list(kind) or pa.types.is_map(kind):
        *inside, offsets = _elements(array)
        sums = np.zeros(offsets[-1] + 1, np.int64)
        for values in inside:
            sums[1:] += np.cumsum(stored_bytes(values))
        sizes: np.ndarray[Any, np.dtype[np.int64]] = np.diff(sums[offsets]) + 2
        return sizes
    wide = 1 if pa.types.is_boolean(kind) or pa.types.is_null(kind) else max(4, kind.bit_width // 8)
    return np.full(len(array), 1 + wide)


def _added(arrays: Sequence[pa.Array], n: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The :func:`stored_bytes` of arrays of `n` values together."""
    sizes = np.zeros(n, np.int64)
    for array in arrays:
        sizes += stored_bytes(array)
    return sizes


def _lengths(array: pa.Array) -> np.ndarray[Any, np.dtype[np.int32]]:
    """The bytes of each string."""
    return np.diff(text_bytes(array)[0]) if len(array) else np.zeros(0, np.int32)


def _elements(array: pa.Array) -> tuple[Any, ...]:
    """The flat values of lists, or the keys and items of maps, and where each list or map begins."""
    if pa.types.is_list(array.type):
        return list_parts(array)[::-1]
    keys, items, lengths = map_parts(array)
    return keys, items, offsets_of(lengths)
