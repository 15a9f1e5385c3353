"""Rows spread over temporary files by a hash of their key, and given back as groups in the order of their first rows.

Rows of one key are in one file.  Each file is grouped in memory; one that is too large for that is spread over files
again, by other bits of the hash, unless a single group makes it large.  The groups of a file go into a second file, a
run, in the order of their first rows, and the runs are merged: of each, one batch of bounded size is in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from .. import kernels
from ..core.shred import conform
from ..core.stream import chunk_bytes
from ..kernels.arrays import Offsets
from .grouping import (
    ROW,
    ROWS,
    GroupRows,
    Hashes,
    Ints,
    by_group,
    hashes_of,
    taken,
)

#: Temporary files that rows are spread over: the most, and the least.  There are fewer where a column would have less
#: than so many bytes in a piece of a file, since each column of a piece has a fixed cost.
FILES, LEAST_FILES, PIECE_BYTES = 64, 8, 4096

#: The column of a run that has the first row of each row's group.
_FIRST = "\0first"

#: How often the rows of a file that is too large are spread again.
DEPTH = 3

#: From each piece of a file about so many hashes of keys are looked at.
SAMPLE = 64


class Spill:
    """Rows in temporary files.

    Args:
        folder: where the files are made; whoever made it removes it.
        schema: of the rows; the last column has their numbers.
        keys: places of the key's columns.
        memory: bytes of rows that are grouped in memory.
        depth: how often these rows were spread before.
    """

    def __init__(self, folder: Path, schema: pa.Schema, keys: Sequence[int], memory: int, depth: int = 0) -> None:
        self.schema = schema
        self._folder, self._keys, self._memory, self._depth = folder, keys, memory, depth
        self._files = min(max(LEAST_FILES, memory // (4 * PIECE_BYTES * len(schema))), FILES)
        self._writers: dict[int, Any] = {}
        self._sizes = np.zeros(FILES, np.int64)
        self._samples: list[list[Hashes]] = [[] for _ in range(FILES)]

    def add(self, batches: list[pa.RecordBatch]) -> None:
        """Spread the rows over the files; the list is emptied."""
        while batches:
            some = [batches.pop(0)]
            while batches and sum(batch.nbytes for batch in some) < self._memory // 8:
                some.append(batches.pop(0))
            batch = some[0] if len(some) == 1 else pa.concat_batches(some)
            hashes = hashes_of([batch.column(key) for key in self._keys])
            file = (hashes >> np.uint64(8 + 6 * self._depth)) % np.uint64(self._files)
            order, bounds = kernels.active.order_groups(file.astype(np.int32), self._files)
            spread = batch
            if order is not None:
                hashes = hashes[order]
                spread = pa.RecordBatch.from_arrays([taken(one, order) for one in batch.columns], schema=self.schema)
            for number in np.flatnonzero(np.diff(bounds)).tolist():
                at, end = bounds[number : number + 2].tolist()
                part = spread.slice(at, end - at)
                self._samples[number].append(hashes[at : end : 1 + (end - at) // SAMPLE].copy())
                self._sizes[number] += part.nbytes
                if number not in self._writers:
                    self._writers[number] = pa.ipc.new_stream(str(self._folder / f"rows-{number}"), self.schema)
                self._writers[number].write_batch(part)

    def groups(self) -> Iterator[tuple[Offsets, list[pa.Array]]]:
        """All groups in the order of their first rows, some thousand at a time: where they begin, and the columns.

        Of each run one batch is in memory, and the groups of a window: those whose first row is not beyond the limit.
        """
        runs = self.runs()
        most = max(1, min(chunk_bytes(len(self.schema)), self._memory // 4) // 2)
        ends = sorted(pair for run in runs for pair in zip(run.lasts, run.sizes, strict=True))
        windows = np.cumsum([size for _, size in ends]) // most
        columns = range(1, len(self.schema) + 1)
        for at in np.flatnonzero(np.diff(windows, append=-1)):
            limit = ends[at][0]
            rows = GroupRows([part for run in runs for part in run.until(limit)])
            firsts = rows.column(0).to_numpy()
            order = np.argsort(firsts, kind="stable").astype(np.int32)
            bounds = np.flatnonzero(np.diff(firsts[order], prepend=-1, append=-1))
            yield from rows.grouped(columns, (), order, bounds)

    def _mostly_one(self, number: int) -> bool:
        """Whether a single group has most rows of a file, as far as the hashes of some of them tell."""
        _, counts = np.unique(np.concatenate(self._samples[number]), return_counts=True)
        return bool(2 * counts.max() > counts.sum())

    def runs(self) -> list[_Run]:
        """The groups of each file."""
        made: list[_Run] = []
        for writer in self._writers.values():
            writer.close()
        for number in sorted(self._writers):
            path = self._folder / f"rows-{number}"
            if self._sizes[number] > self._memory and self._depth + 1 < DEPTH and not self._mostly_one(number):
                folder = self._folder / f"again-{number}"
                folder.mkdir()
                below = Spill(folder, self.schema, self._keys, self._memory, self._depth + 1)
                with _reader(path) as reader:
                    for batch in reader:
                        below.add([batch])
                path.unlink()
                made += below.runs()
                continue
            with _reader(path) as reader:
                rows = GroupRows(list(reader))
            path.unlink()
            made.append(self._run(self._folder / f"groups-{number}", rows))
        return made

    def _run(self, path: Path, rows: GroupRows) -> _Run:
        order, bounds = by_group([rows.column(key) for key in self._keys])
        columns = range(len(self.schema))
        lasts, sizes = [], []
        # a batch of each run is in memory when runs are merged: together a quarter of one file
        most = max(1, min(ROWS, self._memory // (4 * self._files) // rows.row_bytes(columns)))
        schema = pa.schema([(_FIRST, pa.int64()), *self.schema])
        with pa.ipc.new_stream(str(path), schema) as writer:
            for offsets, arrays in rows.grouped(columns, self._keys, order, bounds, most):
                firsts = arrays[-1].to_numpy()[offsets[:-1]]
                first = pa.array(np.repeat(firsts, np.diff(offsets)))
                batch = pa.RecordBatch.from_arrays([first, *arrays], schema=schema)
                lasts.append(int(firsts[-1]))
                sizes.append(batch.nbytes)
                writer.write_batch(batch)
        return _Run(path, lasts, sizes)


class _Run:
    """Groups in a temporary file, in the order of their first rows; its batches are read when their turn comes.

    Args:
        path: the file.
        lasts: of each batch the first row of its last group.
        sizes: bytes of each batch.
    """

    def __init__(self, path: Path, lasts: list[int], sizes: list[int]) -> None:
        self.lasts, self.sizes = lasts, sizes
        self._batches = iter(_reader(path))
        self._rest: pa.RecordBatch | None = None  # of the batch that was read

    def until(self, limit: int) -> Iterator[pa.RecordBatch]:
        """The rows of groups whose first row is not beyond `limit`; they are given once."""
        while batch := self._rest or next(self._batches, None):
            n = int(np.searchsorted(batch.column(0).to_numpy(), limit, side="right"))
            self._rest = batch.slice(n)
            if n:
                yield batch.slice(0, n)
            if n < len(batch):
                return


def _reader(path: Path) -> Any:
    """The batches of a temporary file, read and not mapped: what is mapped counts as memory, and is given back late."""
    return pa.ipc.open_stream(pa.OSFile(str(path)))


class RowFile:
    """Columns of rows in a temporary file, in the order of the rows; of what is asked for, that column is read.

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
        self._file: Any = None
        self._firsts: list[int] = []

    def add(self, batch: pa.RecordBatch) -> None:
        """Append the rows."""
        arrays = [conform(batch.column(at), kind) for at, kind in zip(self._some, self._kinds, strict=True)]
        numbers = batch.column(batch.num_columns - 1)
        self._firsts.append(numbers[0].as_py())
        self._writer.write_batch(pa.RecordBatch.from_arrays([*arrays, numbers], schema=self._schema))

    def finish(self) -> None:
        """No more rows come.  The file is open from now on, and may be removed."""
        self._writer.close()
        self._file = pa.OSFile(str(self._path))

    def fetch(self, at: int, rows: Ints) -> pa.Array:
        """The values that the rows of these numbers have in the column at that place; thread-safe."""
        column = self._some.index(at)
        two = pa.ipc.IpcReadOptions(included_fields=[column, len(self._some)])
        reader = pa.ipc.open_file(self._file, options=two)
        which = np.searchsorted(self._firsts, rows, side="right") - 1
        order = np.argsort(which, kind="stable")
        parts = [pa.nulls(0, self._kinds[column])]
        for number in np.unique(which).tolist():
            values, numbers = reader.get_batch(number).columns
            parts.append(taken(values, np.searchsorted(numbers.to_numpy(), rows[which == number])))
        back = np.empty(len(rows), np.int64)
        back[order] = np.arange(len(rows))
        return taken(pa.concat_arrays(parts), back)
