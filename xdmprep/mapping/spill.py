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
from ..core.stream import chunk_bytes
from ..kernels.arrays import Offsets, list_parts
from .grouping import (
    ROW,
    ROWS,
    GroupRows,
    Hashes,
    Ints,
    by_group,
    cuts,
    hashes_of,
    rows_of,
    taken,
)

#: Temporary files that rows are spread over: the most, and the least.  There are fewer where a column would have less
#: than so many bytes in a piece of a file, since each column of a piece has a fixed cost.
FILES, LEAST_FILES, PIECE_BYTES = 64, 8, 4096

#: How often the rows of a file that is too large are spread again.
DEPTH = 3

#: From each piece of a file about so many hashes of keys are looked at.
SAMPLE = 64


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
        self._columns = 0
        self._sizes = np.zeros(FILES, np.int64)
        self._samples: list[list[Hashes]] = [[] for _ in range(FILES)]
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
            self._columns = batch.num_columns
            files = self._files
            hashes = hashes_of([batch.column(key) for key in self._keys])
            file = (hashes >> np.uint64(8 + 6 * self._depth)) % np.uint64(files)
            order, bounds = kernels.active.order_groups(file.astype(np.int32), files)
            spread = batch
            if order is not None:
                hashes = hashes[order]
                spread = pa.RecordBatch.from_arrays([taken(one, order) for one in batch.columns], schema=batch.schema)
            for number in np.flatnonzero(np.diff(bounds)).tolist():
                at, end = bounds[number : number + 2].tolist()
                part = spread.slice(at, end - at)
                self._samples[number].append(hashes[at : end : 1 + (end - at) // SAMPLE].copy())
                self._sizes[number] += part.nbytes
                self._writer(number, batch.schema).write_batch(part)

    @property
    def _files(self) -> int:
        pieces = self._memory // (4 * PIECE_BYTES * max(1, self._columns))
        return min(max(LEAST_FILES, pieces), FILES)

    def _writer(self, number: int, schema: pa.Schema) -> Any:
        if number not in self._writers:
            path = str(self._folder / f"rows-{number}")
            self._writers[number] = self._stack.enter_context(pa.ipc.new_stream(path, schema))
        return self._writers[number]

    def groups(self) -> Iterator[tuple[Offsets, list[pa.Array]]]:
        """All groups in the order of their first rows, some thousand at a time: where they begin, and the columns.

        Of each run one batch is in memory, and the groups of a window: those whose first row is not beyond the limit.
        """
        runs = self.runs()
        most = max(1, min(chunk_bytes(self._columns), self._memory // 4) // 2)
        ends = sorted(pair for run in runs for pair in zip(run.lasts, run.sizes, strict=True))
        windows = np.cumsum([size for _, size in ends]) // most
        limits = [ends[at][0] for at in np.flatnonzero(np.diff(windows, append=-1))]
        with ExitStack() as stack:
            for run in runs:
                stack.callback(run.close)
            for limit in limits:
                parts = [part for run in runs for part in run.until(limit)]
                groups = pa.concat_arrays(parts) if len(parts) > 1 else parts[0]
                bounds, objects = list_parts(groups)
                each = groups.nbytes // max(1, int(bounds[-1]))
                columns = objects.flatten()
                if len(parts) > 1:
                    order = np.argsort(columns[-1].to_numpy()[bounds[:-1]], kind="stable")
                    sizes = np.diff(bounds)[order]
                    starts = bounds[:-1][order]
                    bounds = np.append(0, np.cumsum(sizes)).astype(np.int32)
                    places = np.repeat(starts - bounds[:-1], sizes) + np.arange(bounds[-1], dtype=np.int32)
                    for at, column in enumerate(columns):
                        columns[at] = taken(column, places)
                del parts, groups, objects
                for at, end in cuts(bounds.astype(np.int64), rows_of(each, self._columns)):
                    first, last = int(bounds[at]), int(bounds[end])
                    yield bounds[at : end + 1] - bounds[at], [one.slice(first, last - first) for one in columns]

    def _mostly_one(self, number: int) -> bool:
        """Whether a single group has most rows of a file, as far as the hashes of some of them tell."""
        _, counts = np.unique(np.concatenate(self._samples[number]), return_counts=True)
        return bool(2 * counts.max() > counts.sum())

    def runs(self) -> list[_Run]:
        """The groups of each file."""
        self._stack.close()
        made: list[_Run] = []
        for number in sorted(self._writers):
            path = self._folder / f"rows-{number}"
            if self._sizes[number] > self._memory and self._depth + 1 < DEPTH and not self._mostly_one(number):
                folder = self._folder / f"again-{number}"
                folder.mkdir()
                with Spill(folder, self._keys, self._memory, self._depth + 1) as below:
                    with _reader(path) as reader:
                        for batch in reader:
                            below.add([batch])
                    path.unlink()
                    made += below.runs()
                continue
            with _reader(path) as reader:
                rows = GroupRows(list(reader))
                schema = reader.schema
            path.unlink()
            made.append(self._run(self._folder / f"groups-{number}", rows, schema, int(self._sizes[number])))
        return made

    def _run(self, path: Path, rows: GroupRows, schema: pa.Schema, size: int) -> _Run:
        order, bounds = by_group([rows.column(key) for key in self._keys])
        columns = range(len(schema))
        lists = pa.schema([("rows", pa.list_(pa.struct(list(schema))))])
        firsts, lasts, sizes = [], [], []
        # a batch of each run is in memory when runs are merged: together a quarter of one file
        most = max(1, min(ROWS, self._memory // (4 * self._files) * rows.count // max(1, size)))
        with pa.ipc.new_stream(str(path), lists) as writer:
            for offsets, arrays in rows.grouped(columns, self._keys, order, bounds):
                objects = pa.StructArray.from_arrays(arrays, fields=list(schema))
                groups = pa.ListArray.from_arrays(pa.array(offsets), objects)
                numbers = arrays[-1].to_numpy()[offsets[:-1]]
                for at, end in cuts(offsets, most):
                    some = groups.slice(at, end - at)
                    firsts.append(int(numbers[at]))
                    lasts.append(int(numbers[end - 1]))
                    sizes.append(some.nbytes)
                    writer.write_batch(pa.RecordBatch.from_arrays([some], schema=lists))
        return _Run(path, firsts, lasts, sizes)


class _Run:
    """Groups in a temporary file, read batch by batch when their turn comes.

    Args:
        path: the file.
        firsts, lasts: of each batch the first rows of its first and of its last group.
        sizes: bytes of each batch.
    """

    def __init__(self, path: Path, firsts: list[int], lasts: list[int], sizes: list[int]) -> None:
        self.lasts, self.sizes = lasts, sizes
        self._path, self._firsts = path, firsts
        self._reader: Any = None
        self._groups: pa.ListArray | None = None
        self._next = 0

    def until(self, limit: int) -> Iterator[pa.ListArray]:
        """The groups whose first row is not beyond `limit`; they are given once."""
        while self._next < len(self.lasts) and self._firsts[self._next] <= limit:
            self._reader = self._reader or _reader(self._path)
            groups = self._reader.read_next_batch().column(0) if self._groups is None else self._groups
            numbers = _first_rows(groups)
            n = int(np.searchsorted(numbers, limit, side="right"))
            yield groups.slice(0, n)
            if n == len(numbers):
                self._groups = None
                self._next += 1
            else:
                self._groups = groups.slice(n)
                self._firsts[self._next] = int(numbers[n])

    def close(self) -> None:
        """Close the file."""
        if self._reader is not None:
            self._reader.close()


def _reader(path: Path) -> Any:
    """The batches of a temporary file, read and not mapped: what is mapped counts as memory, and is given back late."""
    return pa.ipc.open_stream(pa.OSFile(str(path)))


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


def _first_rows(groups: pa.ListArray) -> Ints:
    offsets, objects = list_parts(groups)
    first: Ints = objects.field(ROW).to_numpy()[offsets[:-1]]
    return first
