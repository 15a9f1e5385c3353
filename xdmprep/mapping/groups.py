"""Many rows to one record: rows with equal keys, put together before they are mapped.

A grouped chunk has one row per group; each source column is a list of the group's values.  Groups come in the order of
their first rows, so the result does not depend on how it was made:

* `in_order`: the rows of a group stand together.  One open group is held; a key that comes back is an error.
* otherwise rows are held in memory up to a limit.  Beyond it they are spread over temporary files by key, each file is
  grouped by itself, and the groups are merged back into the order of their first rows.

Row numbers of records are those of the first rows.  A row without a key belongs to no group; it is set aside.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..errors import SourceError, shorten
from ..flow import Chunk, Finding, Stream, Unread
from ..leaves import Leaf, conform, plain
from .nested import list_parts, natural

#: Rows are held in memory up to this many bytes.
MEMORY = 256 << 20

#: Temporary files that rows are spread over; a file must fit in memory.
FILES = 64

#: Groups in one chunk.
GROUPS = 16_384

#: The column of row numbers beside the source's columns.
ROW = "\0row"

_Ints = np.ndarray[Any, np.dtype[np.int64]]


def group_stream(stream: Stream, keys: tuple[str, ...], *, in_order: bool = False, memory: int = MEMORY) -> Stream:
    """The stream with one row per distinct value of `keys`; every column becomes a list.

    Args:
        stream: rows of a source.
        keys: columns whose values must be equal.
        in_order: the rows of a group are promised to stand together.
        memory: bytes of rows held before temporary files are used.
    """
    grouping = _Grouping(stream, keys, memory)
    leaves = tuple(Leaf((field.name,), pa.list_(field.type), field.name) for field in grouping.columns)
    return Stream(
        source=grouping.in_order if in_order else grouping.in_any_order,
        steps=(_same,),
        leaves=leaves,
        arrow_schema=pa.schema([(field.name, pa.list_(field.type)) for field in grouping.columns]),
        name=stream.name,
        total_bytes=stream.total_bytes,
        origins=stream.origins,
    )


def _same(chunk: Chunk) -> Chunk:
    return chunk


def _held(kind: pa.DataType) -> pa.DataType:
    """The type that a column has while rows are grouped."""
    exact = pa.types.is_decimal(kind) or pa.types.is_timestamp(kind) or pa.types.is_uint64(kind)
    return kind if exact else natural(kind) or kind


class _Grouping:
    def __init__(self, stream: Stream, keys: tuple[str, ...], memory: int) -> None:
        self.stream, self.keys, self.memory = stream, keys, memory
        self.columns = pa.schema([(f.name, _held(f.type)) for f in stream.arrow_schema])

    def _batches(self, out: _Out) -> Iterator[pa.RecordBatch]:
        """The source's rows with their numbers; findings and unread rows go to `out`."""
        for chunk, _ in self.stream.run():
            out.take(chunk)
            if not len(chunk):
                continue
            records = chunk.nested(self.stream.arrow_schema)
            arrays = [conform(plain(a), f.type) for a, f in zip(records.columns, self.columns, strict=True)]
            yield pa.RecordBatch.from_arrays([*arrays, pa.array(chunk.rows)], [*self.columns.names, ROW])

    def in_order(self) -> Iterator[Chunk]:
        """Grouped chunks of a source whose groups stand together."""
        out = _Out(self.columns, self.keys)
        held: pa.RecordBatch | None = None
        closed: set[int] = set()
        for batch in self._batches(out):
            whole = batch if held is None else _joined([held, batch])
            codes = _codes(whole, self.keys)
            starts = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])
            done = int(starts[-1])
            self._once(whole.take(pa.array(starts[:-1])), closed)
            held = whole.slice(done)
            if done:
                yield out.chunk(*_grouped(whole.slice(0, done), codes[:done]))
        if held is not None:
            self._once(held.slice(0, 1), closed)
            yield out.chunk(*_grouped(held, _codes(held, self.keys)))
        yield from out.rest()

    def _once(self, firsts: pa.RecordBatch, closed: set[int]) -> None:
        """Every key is closed once, or the promise that groups stand together is broken."""
        columns = [firsts.column(key).to_pylist() for key in self.keys]
        for key, row in zip(zip(*columns, strict=True), firsts.column(ROW).to_pylist(), strict=True):
            if any(part is None for part in key):
                continue
            code = hash(key)
            if code in closed:
                shown = shorten(key[0] if len(key) == 1 else key)
                raise SourceError(
                    f"{self.stream.name} row {row}: the key {shown} was closed before, so its rows do not stand "
                    "together. Sort the source by the key, or leave out $sorted."
                )
            closed.add(code)

    def in_any_order(self) -> Iterator[Chunk]:
        """Grouped chunks of any source."""
        out = _Out(self.columns, self.keys)
        held: list[pa.RecordBatch] = []
        size = 0
        with ExitStack() as stack:
            spill: _Spill | None = None
            for batch in self._batches(out):
                held.append(batch)
                size += batch.nbytes
                if size > self.memory:
                    if spill is None:
                        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="xdmprep-"))
                        spill = stack.enter_context(_Spill(Path(folder), self.keys))
                    spill.add(_joined(held))
                    held, size = [], 0
            if spill is None:
                if held:
                    whole = _joined(held)
                    made, numbers = _grouped(whole, _codes(whole, self.keys))
                    for at in range(0, made.num_rows, GROUPS):
                        yield out.chunk(made.slice(at, GROUPS), numbers.slice(at, GROUPS))
            else:
                if held:
                    spill.add(_joined(held))
                held = []
                for made, numbers in spill.groups():
                    yield out.chunk(made, numbers)
            yield from out.rest()


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)


def _codes(batch: pa.RecordBatch, keys: tuple[str, ...]) -> _Ints:
    """int64 (n,): equal where all keys are equal; a row without a key has a code of its own."""
    codes = np.zeros(batch.num_rows, dtype=np.int64)
    null = np.zeros(batch.num_rows, dtype=bool)
    for key in keys:
        coded = batch.column(key).dictionary_encode()
        null |= coded.is_null().to_numpy(zero_copy_only=False)
        own = coded.indices.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
        _, codes = np.unique(codes * (len(coded.dictionary) + 1) + own, return_inverse=True)
    codes[null] = np.arange(batch.num_rows, 2 * batch.num_rows)[null]
    return codes


def _grouped(batch: pa.RecordBatch, codes: _Ints) -> tuple[pa.RecordBatch, pa.ListArray]:
    """One row per code in the order of first rows: the source's columns as lists, and the lists of row numbers."""
    _, first, which = np.unique(codes, return_index=True, return_inverse=True)
    place = np.empty(len(first), dtype=np.int64)
    place[np.argsort(first)] = np.arange(len(first))
    group = place[which]
    offsets = np.zeros(len(first) + 1, dtype=np.int32)
    np.cumsum(np.bincount(group, minlength=len(first)), out=offsets[1:])
    if np.any(np.diff(group) < 0):
        batch = batch.take(pa.array(np.argsort(group, kind="stable")))
    bounds = pa.array(offsets)
    lists = [pa.ListArray.from_arrays(bounds, column) for column in batch.columns]
    return pa.RecordBatch.from_arrays(lists[:-1], batch.schema.names[:-1]), lists[-1]


class _Out:
    """Makes chunks of groups; carries what was found about their rows before."""

    def __init__(self, columns: pa.Schema, keys: tuple[str, ...]) -> None:
        self.columns, self.keys = columns, keys
        self.findings: list[Finding] = []
        self.unread: list[Unread] = []
        self.size = 0
        self.given = 0

    def take(self, chunk: Chunk) -> None:
        """Keep the findings, unread rows and size of a source chunk for the chunks to come."""
        self.findings += chunk.issues
        self.unread += chunk.unread
        self.size += chunk.size

    def chunk(self, records: pa.RecordBatch, numbers: pa.ListArray) -> Chunk:
        """A chunk of groups; `numbers` are the row numbers of their rows."""
        offsets, flat = list_parts(numbers)
        rows = flat.to_numpy(zero_copy_only=False)
        first = rows[offsets[:-1]]
        unread, self.unread = tuple(self.unread), []
        issues = [*self._known(rows, np.repeat(first, np.diff(offsets)))]
        null = np.zeros(len(first), dtype=bool)
        for key in self.keys:
            _, values = list_parts(records.column(key))
            null |= values.take(pa.array(offsets[:-1])).is_null().to_numpy(zero_copy_only=False)
        if null.any():
            message = f"the row has no {' and '.join(self.keys)}, so it belongs to no record"
            issues.append(Finding.of("group-key", "", message, first[null], None, self.keys[0]))
        leaves = tuple(Leaf((f.name,), f.type, f.name) for f in records.schema)
        n = len(first)
        consumed, merged = n + len(unread), len(rows) - n
        members = pa.ListArray.from_arrays(pa.array(offsets), flat)
        made = Chunk(leaves, records, first, tuple(issues), unread, records, consumed, 0, self.size, merged, members)
        shift, self.size = self.given, 0
        self.given += made.consumed
        return made.shift(-shift, 0)

    def _known(self, rows: _Ints, first: _Ints) -> Iterator[Finding]:
        """The findings about `rows`, now about the first rows of their groups; they are not kept any longer."""
        order = np.argsort(rows)
        kept = []
        for finding in self.findings:
            at = np.searchsorted(rows, finding.rows, sorter=order)
            here = (at < len(rows)) & (rows[order[np.minimum(at, len(rows) - 1)]] == finding.rows)
            if here.any():
                moved = first[order[at[here]]]
                by_row = np.argsort(moved, kind="stable")
                values = (
                    None if finding.values is None else finding.values.filter(pa.array(here)).take(pa.array(by_row))
                )
                yield replace(finding, rows=moved[by_row], values=values)
            if not here.all():
                values = None if finding.values is None else finding.values.filter(pa.array(~here))
                kept.append(replace(finding, rows=finding.rows[~here], values=values))
        self.findings = kept

    def rest(self) -> Iterator[Chunk]:
        """A chunk without records for unread rows that came after the last group."""
        if self.unread:
            lists = pa.schema([(field.name, pa.list_(field.type)) for field in self.columns])
            leaves = tuple(Leaf((field.name,), field.type, field.name) for field in lists)
            empty = pa.RecordBatch.from_pylist([], schema=lists)
            unread = tuple(self.unread)
            made = Chunk(leaves, empty, np.zeros(0, np.int64), (), unread, empty, len(unread), 0, self.size)
            yield made.shift(-self.given, 0)


class _Spill:
    """Rows spread over temporary files by key, and given back as groups in the order of their first rows."""

    def __init__(self, folder: Path, keys: tuple[str, ...]) -> None:
        self.folder, self.keys = folder, keys
        self.writers: dict[int, Any] = {}
        self.stack = ExitStack()

    def __enter__(self) -> _Spill:
        return self

    def __exit__(self, *error: object) -> None:
        self.stack.close()

    def add(self, batch: pa.RecordBatch) -> None:
        """Spread the rows of `batch` over the files."""
        import pandas as pd

        code = np.zeros(batch.num_rows, dtype=np.uint64)
        for key in self.keys:
            coded = batch.column(key).dictionary_encode()
            names = np.array([str(value) for value in coded.dictionary.to_pylist()] + [""], dtype=object)
            hashes = pd.util.hash_array(names, categorize=False)
            code = code * np.uint64(31) + hashes[coded.indices.fill_null(len(names) - 1).to_numpy(zero_copy_only=False)]
        file = (code % np.uint64(FILES)).astype(np.int64)
        order = np.argsort(file, kind="stable")
        spread = batch.take(pa.array(order))
        bounds = np.searchsorted(file[order], np.arange(FILES + 1))
        for number in range(FILES):
            start, end = int(bounds[number]), int(bounds[number + 1])
            if start < end:
                self._writer(number, batch.schema).write_batch(spread.slice(start, end - start))

    def _writer(self, number: int, schema: pa.Schema) -> Any:
        if number not in self.writers:
            path = str(self.folder / f"rows-{number}")
            self.writers[number] = self.stack.enter_context(pa.ipc.new_stream(path, schema))
        return self.writers[number]

    def groups(self) -> Iterator[tuple[pa.RecordBatch, pa.ListArray]]:
        """All groups, some thousand at a time."""
        self.stack.close()
        with ExitStack() as stack:
            runs = []
            for number in sorted(self.writers):
                path = self.folder / f"rows-{number}"
                with pa.ipc.open_stream(str(path)) as reader:
                    whole = _joined(list(reader))
                path.unlink()
                made, numbers = _grouped(whole, _codes(whole, self.keys))
                made = made.append_column(ROW, numbers)
                grouped = str(self.folder / f"groups-{number}")
                with pa.ipc.new_stream(grouped, made.schema) as writer:
                    for at in range(0, made.num_rows, max(1, GROUPS // FILES)):
                        writer.write_batch(made.slice(at, max(1, GROUPS // FILES)))
                runs.append(_Run(stack.enter_context(pa.ipc.open_stream(grouped))))
            while runs := [run for run in runs if run.fill()]:
                limit = min(int(run.first[-1]) for run in runs)
                batch = _joined([run.until(limit) for run in runs if run.first[0] <= limit])
                order = np.argsort(_first_rows(batch), kind="stable")
                batch = batch.take(pa.array(order))
                yield batch.select(batch.schema.names[:-1]), batch.column(ROW)


class _Run:
    """Groups of one temporary file, read batch by batch."""

    def __init__(self, reader: Any) -> None:
        self.reader = reader
        self.batch: pa.RecordBatch | None = None
        self.first: _Ints = np.zeros(0, np.int64)

    def fill(self) -> bool:
        """Have at least one group at hand; False at the end."""
        if self.batch is None or not self.batch.num_rows:
            self.batch = next(iter(self.reader), None)
            if self.batch is None:
                return False
            self.first = _first_rows(self.batch)
        return True

    def until(self, limit: int) -> pa.RecordBatch:
        """The groups whose first row is not beyond `limit`; they are at hand no longer."""
        assert self.batch is not None  # noqa: S101 (fill() came before)
        n = int(np.searchsorted(self.first, limit, side="right"))
        made, self.batch, self.first = self.batch.slice(0, n), self.batch.slice(n), self.first[n:]
        return made


def _first_rows(batch: pa.RecordBatch) -> _Ints:
    offsets, flat = list_parts(batch.column(ROW))
    first: _Ints = flat.to_numpy(zero_copy_only=False)[offsets[:-1]]
    return first
