"""Rows spread over temporary files by a hash of their key, and given back as groups in the order of their first rows.

Rows of one key are in one file.  Each file is grouped in memory; one that is too large for that is spread over files
again, by other bits of the hash, unless a single group makes it large.  The groups of a file go into a second file, a
run, in the order of their first rows, and the runs are merged: of each, one batch of bounded size is in memory.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from .. import kernels
from ..core.shred import conform
from .grouping import (
    CHUNK_BYTES,
    ROW,
    ROWS,
    GroupRows,
    Ints,
    by_group,
    cuts,
    hashes_of,
    rows_of,
    taken,
)
from .nested import list_parts

#: Temporary files that rows are spread over.
FILES = 64

#: How often the rows of a file that is too large are spread again.
DEPTH = 3


class Spill:
    """Rows in temporary files.

    Args:
        folder: where the files are made; whoever made it removes it.
        keys: places of the key's columns.
        memory: bytes of rows that are grouped in memory.
        depth: how often these rows were spread before.
    """

    def __init__(self, folder: Path, keys: Sequence[int], memory: int, depth: int = 0) -> None:
        self._folder, self._keys, self._memory, self._depth = folder, keys, memory, depth
        self._writers: dict[int, Any] = {}
        self._sizes = np.zeros(FILES, np.int64)
        self._stack = ExitStack()

    def __enter__(self) -> Spill:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def add(self, batches: list[pa.RecordBatch]) -> None:
        """Spread the rows over the files; the list is emptied."""
        while batches:
            some = [batches.pop(0)]
            while batches and sum(batch.nbytes for batch in some) < self._memory // 8:
                some.append(batches.pop(0))
            batch = some[0] if len(some) == 1 else pa.concat_batches(some)
            file = (hashes_of([batch.column(key) for key in self._keys]) >> np.uint64(8 + 6 * self._depth)) % FILES
            order, bounds = kernels.active.order_groups(file.astype(np.int32), FILES)
            spread = batch if order is None else batch.take(pa.array(order))
            for number in np.flatnonzero(np.diff(bounds)).tolist():
                part = spread.slice(int(bounds[number]), int(bounds[number + 1] - bounds[number]))
                self._sizes[number] += part.nbytes
                self._writer(number, batch.schema).write_batch(part)

    def _writer(self, number: int, schema: pa.Schema) -> Any:
        if number not in self._writers:
            path = str(self._folder / f"rows-{number}")
            self._writers[number] = self._stack.enter_context(pa.ipc.new_stream(path, schema))
        return self._writers[number]

    def groups(self) -> Iterator[pa.RecordBatch]:
        """All groups, some thousand at a time: the columns as lists."""
        held: list[pa.RecordBatch] = []
        size, most = 0, min(CHUNK_BYTES, self._memory // 4) // 2
        for batch in self._merged():  # a few hundred groups
            held.append(batch)
            size += batch.nbytes
            if size >= most:
                yield from _cut(held)
                held, size = [], 0
        yield from _cut(held)

    def _merged(self) -> Iterator[pa.RecordBatch]:
        """The groups of all runs in the order of their first rows."""
        runs = self.runs()
        with ExitStack() as stack:
            for run in runs:
                stack.callback(run.close)
            while runs := [run for run in runs if not run.done]:
                limit = min(run.last for run in runs)
                parts = [part for run in runs if run.first <= limit for part in run.until(limit)]
                batch = pa.concat_batches(parts) if len(parts) > 1 else parts[0]
                order = np.argsort(_first_rows(batch), kind="stable")
                yield batch if len(parts) == 1 else batch.take(pa.array(order))

    def runs(self) -> list[_Run]:
        """The groups of each file."""
        self._stack.close()
        made: list[_Run] = []
        for number in sorted(self._writers):
            path = self._folder / f"rows-{number}"
            if self._sizes[number] > self._memory and self._depth + 1 < DEPTH:
                folder = self._folder / f"again-{number}"
                folder.mkdir()
                with Spill(folder, self._keys, self._memory, self._depth + 1) as below:
                    with pa.ipc.open_stream(str(path)) as reader:
                        for batch in reader:
                            below.add([batch])
                    path.unlink()
                    made += below.runs()
                continue
            with pa.ipc.open_stream(str(path)) as reader:
                rows = GroupRows(list(reader))
                schema = reader.schema
            path.unlink()
            made.append(self._run(self._folder / f"groups-{number}", rows, schema, int(self._sizes[number])))
        return made

    def _run(self, path: Path, rows: GroupRows, schema: pa.Schema, size: int) -> _Run:
        order, bounds = by_group([rows.column(key) for key in self._keys])
        columns = range(len(schema))
        rows.arrange(columns, self._keys, order, bounds)
        lists = pa.schema([(field.name, pa.list_(field.type)) for field in schema])
        firsts, lasts = [], []
        # a batch of each run is in memory when runs are merged: together a quarter of one file
        most = max(1, min(ROWS, self._memory // (4 * FILES) * rows.count // max(1, size)))
        with pa.ipc.new_stream(str(path), lists) as writer:
            for at, end in cuts(bounds, most):
                start = int(bounds[at])
                offsets = pa.array((bounds[at : end + 1] - start).astype(np.int32))
                arrays = [rows.lists(column, start, offsets) for column in columns]
                batch = pa.RecordBatch.from_arrays(arrays, schema=lists)
                numbers = _first_rows(batch)
                firsts.append(int(numbers[0]))
                lasts.append(int(numbers[-1]))
                writer.write_batch(batch)
        return _Run(path, firsts, lasts)


def _cut(batches: list[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The groups of some batches, in pieces of bounded size."""
    if batches:
        batch = pa.concat_batches(batches) if len(batches) > 1 else batches[0]
        bounds, _ = list_parts(batch.column(ROW))
        for at, end in cuts(bounds.astype(np.int64), rows_of(batch.nbytes // max(1, int(bounds[-1])))):
            yield batch.slice(at, end - at)


class _Run:
    """Groups in a temporary file, read batch by batch when their turn comes.

    Attributes:
        done: there are no more groups.
        first, last: the first rows of the next group and of the last group of the batch that has it.
    """

    def __init__(self, path: Path, firsts: list[int], lasts: list[int]) -> None:
        self._path, self._firsts, self._lasts = path, firsts, lasts
        self._reader: Any = None
        self._batch: pa.RecordBatch | None = None
        self._numbers: Ints = np.zeros(0, np.int64)  # the first rows of the groups at hand
        self._next = 0

    @property
    def done(self) -> bool:
        return self._next == len(self._lasts)

    @property
    def first(self) -> int:
        return self._firsts[self._next]

    @property
    def last(self) -> int:
        return self._lasts[self._next]

    def until(self, limit: int) -> Iterator[pa.RecordBatch]:
        """The groups of the batch at hand whose first row is not beyond `limit`; they are given once."""
        if self._reader is None:
            self._reader = pa.ipc.open_stream(str(self._path))
        if self._batch is None:
            self._batch = self._reader.read_next_batch()
            self._numbers = _first_rows(self._batch)
        n = int(np.searchsorted(self._numbers, limit, side="right"))
        yield self._batch.slice(0, n)
        if n == len(self._numbers):
            self._batch = None
            self._next += 1
        else:
            self._batch = self._batch.slice(n)
            self._numbers = self._numbers[n:]
            self._firsts[self._next] = int(self._numbers[0])

    def close(self) -> None:
        """Close the file."""
        if self._reader is not None:
            self._reader.close()


class RowFile:
    """Columns of rows in a temporary file, in the order of the rows; of what is asked for, the file's pages are read.

    Args:
        path: the file.
        columns: all columns of the batches, but for the last one, which holds the rows' numbers.
        some: places of the columns that are kept.
    """

    def __init__(self, path: Path, columns: pa.Schema, some: Sequence[int]) -> None:
        self._path, self._some = path, list(some)
        self._kinds = [columns.field(at).type for at in some]
        self._schema = pa.schema([*(columns.field(at) for at in some), (ROW, pa.int64())])
        self._writer: Any = pa.ipc.new_file(str(path), self._schema)
        self._reader: Any = None
        self._firsts: list[int] = []
        self._lock = threading.Lock()

    def __enter__(self) -> RowFile:
        return self

    def __exit__(self, *error: object) -> None:
        self._writer.close()

    def add(self, batch: pa.RecordBatch) -> None:
        """Append the rows."""
        arrays = [conform(batch.column(at), kind) for at, kind in zip(self._some, self._kinds, strict=True)]
        numbers = batch.column(batch.num_columns - 1)
        self._firsts.append(numbers[0].as_py())
        self._writer.write_batch(pa.RecordBatch.from_arrays([*arrays, numbers], schema=self._schema))

    def finish(self) -> None:
        """No more rows come.  The file is mapped into memory, and may be removed: what is mapped stays."""
        self._writer.close()
        self._reader = pa.ipc.open_file(pa.memory_map(str(self._path)))

    def fetch(self, at: int, rows: Ints) -> pa.Array:
        """The values that the rows of these numbers have in the column at that place; thread-safe."""
        column = self._some.index(at)
        which = np.searchsorted(self._firsts, rows, side="right") - 1
        order = np.argsort(which, kind="stable")
        parts = [pa.nulls(0, self._kinds[column])]
        for number in np.unique(which).tolist():
            with self._lock:
                batch = self._reader.get_batch(number)
            there = np.searchsorted(batch.column(len(self._some)).to_numpy(), rows[which == number])
            parts.append(taken(batch.column(column), there))
        back = np.empty(len(rows), np.int64)
        back[order] = np.arange(len(rows))
        return taken(pa.concat_arrays(parts), back)


def _first_rows(batch: pa.RecordBatch) -> Ints:
    offsets, flat = list_parts(batch.column(ROW))
    first: Ints = flat.to_numpy(zero_copy_only=False)[offsets[:-1]]
    return first
