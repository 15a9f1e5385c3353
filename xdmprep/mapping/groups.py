"""Many rows to one record: rows with equal keys, put together before they are mapped.

A grouped chunk has one row per group; each source column is a list of the group's values.  Groups come in the order of
their first rows, so the result does not depend on how it was made:

* `in_order`: the rows of a group are adjacent.  One open group is held; a key that comes back is an error.
* otherwise rows are held in memory up to a limit.  Beyond it they are spread over temporary files by a hash of the key
  (:mod:`.spill`), each file is grouped by itself, and the groups are merged back into the order of their first rows.

Only the columns that the mapping reads are put together.  The others are kept as they came, and gathered for the few
groups that are set aside (:class:`_Later`).

Row numbers of records are those of the first rows.  A row without a key belongs to no group; it is set aside.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..core.shred import Leaf, conform, valid
from ..core.stream import Chunk, Finding, Stream, Unread
from ..errors import SourceError, shorten
from .grouping import GROUPS, ROW, ROWS, GroupRows, Ints, by_group, codes_of, cuts, hashes_of, list_column
from .mapper import source_records
from .nested import list_parts, natural
from .spill import Spill

#: Rows are held in memory up to this many bytes.
MEMORY = 256 << 20


def group_stream(
    stream: Stream,
    keys: tuple[str, ...],
    *,
    reads: Collection[str] | None = None,
    in_order: bool = False,
    memory: int = MEMORY,
) -> Stream:
    """The stream with one row per distinct value of `keys`; every column that is read becomes a list.

    Args:
        stream: rows of a source.
        keys: columns whose values must be equal.
        reads: the other columns that are read; None for all.
        in_order: the rows of a group are promised to stand together.
        memory: bytes of rows held before temporary files are used.
    """
    grouping = _Grouping(stream, keys, reads, memory)
    leaves = tuple(Leaf((field.name,), field.type, field.name) for field in grouping.lists)
    return Stream(
        source=grouping.in_order if in_order else grouping.in_any_order,
        steps=(_same,),
        leaves=leaves,
        arrow_schema=grouping.lists,
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
    def __init__(self, stream: Stream, keys: tuple[str, ...], reads: Collection[str] | None, memory: int) -> None:
        self.stream, self.memory = stream, memory
        self.columns = pa.schema([(f.name, _held(f.type)) for f in stream.arrow_schema])
        wanted = set(keys).union(self.columns.names if reads is None else reads)
        self.read = [at for at, name in enumerate(self.columns.names) if name in wanted]
        self.keys = [self.columns.get_field_index(key) for key in keys]
        self.lists = pa.schema(
            [(self.columns.field(at).name, pa.list_(self.columns.field(at).type)) for at in self.read]
        )

    def _batches(self, out: _Out) -> Iterator[pa.RecordBatch]:
        """The source's rows with their numbers; findings and unread rows go to `out`."""
        names = [*self.columns.names, ROW]
        for chunk, _ in self.stream.run():
            out.take(chunk)
            if not len(chunk):
                continue
            records = source_records(chunk, self.stream.arrow_schema)
            arrays = [conform(a, f.type) for a, f in zip(records.columns, self.columns, strict=True)]
            yield pa.RecordBatch.from_arrays([*arrays, pa.array(chunk.rows)], names)

    def in_order(self) -> Iterator[Chunk]:
        """Grouped chunks of a source whose groups stand together."""
        out = _Out(self)
        held: list[pa.RecordBatch] = []  # the rows of the open group
        closed: set[int] = set()
        for batch in _larger(self._batches(out)):
            starts = np.flatnonzero(_begins(batch, self.keys, held[-1] if held else None))
            if not len(starts):  # the open group goes on
                held.append(batch)
                continue
            done = int(starts[-1])
            if held or done:
                rows = GroupRows([*held, batch.slice(0, done)])
                before = rows.count - done
                bounds = np.concatenate([[0], starts + before]) if held else starts
                self._once(rows, bounds[:-1], closed)
                yield from self._chunks(out, rows, None, bounds)
            held = [batch.slice(done)]
        if held:
            rows = GroupRows(held)
            del held
            self._once(rows, np.zeros(1, np.int64), closed)
            yield from self._chunks(out, rows, None, np.array([0, rows.count]))
        yield from out.rest()

    def _once(self, rows: GroupRows, firsts: Ints, closed: set[int]) -> None:
        """Every key is closed once, or the promise that groups stand together is broken."""
        at = pa.array(firsts)
        columns = [rows.column(key).take(at) for key in self.keys]
        there = np.logical_and.reduce([valid(column) for column in columns])
        hashes = hashes_of(columns)[there].tolist()
        if closed.isdisjoint(hashes) and len(set(hashes)) == len(hashes):
            closed.update(hashes)
            return
        for number, code in zip(np.flatnonzero(there).tolist(), hashes, strict=True):
            if code in closed:
                key = [column[number].as_py() for column in columns]
                raise SourceError(
                    f"{self.stream.name} row {rows.numbers[firsts[number]]}: the key "
                    f"{shorten(key[0] if len(key) == 1 else tuple(key))} was closed before, so its rows do not stand "
                    "together. Sort the source by the key, or leave out $sorted."
                )
            closed.add(code)

    def in_any_order(self) -> Iterator[Chunk]:
        """Grouped chunks of any source."""
        out = _Out(self)
        held: list[pa.RecordBatch] = []
        size = 0
        limit = self.memory
        with ExitStack() as stack:
            spill: Spill | None = None
            for batch in self._batches(out):
                held.append(batch)
                size += batch.nbytes
                if size > limit:
                    if spill is None:
                        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="xdmprep-"))
                        spill = stack.enter_context(Spill(Path(folder), self.keys, self.memory // 2))
                        limit = self.memory // 8  # from now on rows wait only for a write that is worth while
                    spill.add(held)
                    size = 0
            if spill is not None:
                spill.add(held)
                for groups in spill.groups():
                    yield out.chunk(
                        groups.select(self.read), groups.column(ROW), groups.select(range(len(self.columns)))
                    )
            elif held:
                rows = GroupRows(held)
                del held, batch
                codes, count = codes_of([rows.column(key) for key in self.keys])
                order, bounds = by_group(codes, count)
                yield from self._chunks(out, rows, order, bounds)
            yield from out.rest()

    def _chunks(self, out: _Out, rows: GroupRows, order: Ints | None, bounds: Ints) -> Iterator[Chunk]:
        """The groups of `rows`, which stand `order`-ed between `bounds`, chunk by chunk."""
        for at, end in cuts(bounds, GROUPS):
            start, stop = int(bounds[at]), int(bounds[end])
            offsets = pa.array((bounds[at : end + 1] - start).astype(np.int32))
            picked = slice(start, stop) if order is None else order[start:stop]
            lists = [list_column(rows, column, picked, offsets) for column in self.read]
            numbers = pa.ListArray.from_arrays(offsets, pa.array(rows.numbers[picked]))
            records = pa.RecordBatch.from_arrays(lists, schema=self.lists)
            source: Any = records
            if len(self.read) < len(self.columns):
                source = _Later(rows, self.columns, picked, np.asarray(offsets), numbers)
            yield out.chunk(records, numbers, source)


def _larger(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of some ten thousand, unless there are no more: each costs about a millisecond."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(map(len, held)) >= ROWS // 2:
            yield held[0] if len(held) == 1 else pa.concat_batches(held)
            held = []
    if held:
        yield pa.concat_batches(held)


def _begins(batch: pa.RecordBatch, keys: Sequence[int], before: pa.RecordBatch | None) -> np.ndarray[Any, Any]:
    """bool (n,): the rows with another key than the row in front of them; that of the first is the last of `before`."""
    begins = np.zeros(batch.num_rows, dtype=bool)
    for key in keys:
        column = batch.column(key)
        if before is None:
            begins[0] = True
        else:
            a, b = before.column(key)[-1], column[0]
            begins[0] |= not (a.is_valid and b.is_valid and a == b)
        codes: pa.Array = column
        if pa.types.is_nested(column.type) or pa.types.is_floating(column.type):
            codes = column.dictionary_encode().indices
        other = pc.not_equal(codes.slice(1), codes.slice(0, len(codes) - 1)).fill_null(True)
        begins[1:] |= other.to_numpy(zero_copy_only=False)
    return begins


class _Later:
    """The source's columns of a chunk of groups, as a record batch that is made when somebody asks for rows of it."""

    def __init__(self, rows: GroupRows, columns: pa.Schema, picked: Any, offsets: Ints, numbers: pa.Array) -> None:
        self._rows, self._columns, self._picked, self._offsets = rows, columns, picked, offsets
        self.schema = pa.schema([(field.name, pa.list_(field.type)) for field in columns])
        self.num_rows = len(numbers)

    def take(self, at: pa.Array) -> pa.RecordBatch:
        """The groups at `at`."""
        chosen = at.to_numpy(zero_copy_only=False)
        lengths = np.diff(self._offsets)[chosen]
        offsets = np.zeros(len(chosen) + 1, np.int32)
        np.cumsum(lengths, out=offsets[1:])
        inside = np.repeat(self._offsets[:-1][chosen] - offsets[:-1], lengths) + np.arange(offsets[-1])
        start = self._picked.start if isinstance(self._picked, slice) else 0
        picked = inside + start if isinstance(self._picked, slice) else self._picked[inside]
        bounds = pa.array(offsets)
        lists = [list_column(self._rows, column, picked, bounds) for column in range(len(self._columns))]
        return pa.RecordBatch.from_arrays(lists, schema=self.schema)

    def filter(self, keep: pa.Array) -> pa.RecordBatch:
        """The groups where `keep` is true."""
        return self.take(pa.array(np.flatnonzero(keep.to_numpy(zero_copy_only=False))))

    def column(self, number: int) -> pa.Array:
        """One column of all groups."""
        return list_column(self._rows, number, self._picked, pa.array(self._offsets))


class _Out:
    """Makes chunks of groups; carries what was found about their rows before."""

    def __init__(self, grouping: _Grouping) -> None:
        self.lists = grouping.lists
        self.leaves = tuple(Leaf((field.name,), field.type, field.name) for field in grouping.lists)
        self.keys = [(grouping.read.index(key), grouping.columns.field(key).name) for key in grouping.keys]
        self.findings: list[Finding] = []
        self.unread: list[Unread] = []
        self.size = 0
        self.given = 0

    def take(self, chunk: Chunk) -> None:
        """Keep the findings, unread rows and size of a source chunk for the chunks to come."""
        self.findings += chunk.issues
        self.unread += chunk.unread
        self.size += chunk.size

    def chunk(self, records: pa.RecordBatch, numbers: pa.ListArray, source: Any) -> Chunk:
        """A chunk of groups; `numbers` are the row numbers of their rows, `source` all columns."""
        offsets, flat = list_parts(numbers)
        rows = flat.to_numpy(zero_copy_only=False)
        first = rows[offsets[:-1]]
        unread, self.unread = tuple(self.unread), []
        issues = [*self._known(rows, np.repeat(first, np.diff(offsets)))] if self.findings else []
        null = np.zeros(len(first), dtype=bool)
        for key, _ in self.keys:
            values = records.column(key).flatten()
            if values.null_count:
                null |= ~valid(values)[offsets[:-1]]
        if null.any():
            names = [name for _, name in self.keys]
            message = f"the row has no {' and '.join(names)}, so it belongs to no record"
            issues.append(Finding.of("group-key", "", message, first[null], None, names[0]))
        n = len(first)
        consumed, merged = n + len(unread), len(rows) - n
        members = pa.ListArray.from_arrays(pa.array(offsets), flat)
        made = Chunk(
            self.leaves, records, first, tuple(issues), unread, source, consumed, 0, self.size, merged, members
        )
        shift, self.size = self.given, 0
        self.given += made.consumed
        return made.shift(-shift, 0)

    def _known(self, rows: Ints, first: Ints) -> Iterator[Finding]:
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
            empty = pa.RecordBatch.from_pylist([], schema=self.lists)
            unread = tuple(self.unread)
            made = Chunk(self.leaves, empty, np.zeros(0, np.int64), (), unread, None, len(unread), 0, self.size)
            yield made.shift(-self.given, 0)
