"""Many rows to one record: rows with equal keys, put together before they are mapped.

A grouped chunk holds the rows of its groups one after the other; its `members` say which rows belong together.  Groups
come in the order of their first rows, so the result does not depend on how it was made:

* `in_order`: the rows of a group are adjacent.  One open group is held; a key that comes back is an error.
* otherwise rows are held in memory up to a limit.  Beyond it they are spread over temporary files by a hash of the key
  (:mod:`.spill`), each file is grouped by itself, and the groups are merged back into the order of their first rows.

Only the columns that the mapping reads are put together.  The others are kept as they came, in memory or in a temporary
file of their own, and gathered for the few groups that are set aside (:class:`_Later`).

Row numbers of records are those of the first rows.  A row without a key belongs to no group; it is set aside.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..core.arrow_types import held_column, held_rows, is_coded, plain_type
from ..core.shred import column_leaves, conform, plain, valid
from ..core.stream import Chunk, Finding, Stream, Unread, chunk_bytes, reading
from ..errors import SourceError, scratch_files, shorten
from ..kernels.arrays import Offsets, list_parts
from .grouping import (
    ROW,
    Closed,
    Codes,
    GroupRows,
    Ints,
    by_group,
    codes_of,
    cuts,
    hashes_of,
)
from .mapper import source_records
from .nested import natural
from .sources import key_source
from .spill import RowFile, Spill

#: Gives the values of a column, by its place, that the rows of some numbers have.
_Fetch = Callable[[int, Ints], pa.Array]

#: Rows are held in memory up to this many bytes.
MEMORY = 144 << 20


def group_stream(
    stream: Stream,
    keys: tuple[str, ...],
    *,
    reads: Collection[str] | None = None,
    in_order: bool = False,
    memory: int = MEMORY,
) -> Stream:
    """The stream with one record per distinct value of `keys`, whose chunks only a mapping can take.

    Args:
        stream: rows of a source.
        keys: columns, or places inside them, whose values must be equal.
        reads: the other columns that are read; None for all.
        in_order: the rows of a group are promised to stand together.
        memory: bytes of rows held before temporary files are used.

    Returns:
        A stream whose chunks have the columns that are read for all rows, group by group, with the rows of each group
        in `members`; the columns of the source are lists.
    """
    grouping = _Grouping(stream, keys, reads, memory)
    return Stream(
        source=grouping.in_order if in_order else grouping.in_any_order,
        steps=(),
        leaves=column_leaves(grouping.schema),
        arrow_schema=grouping.schema,
        name=stream.name,
        total_bytes=stream.total_bytes,
        origins=stream.origins,
    )


def _held(kind: pa.DataType) -> pa.DataType:
    """The type that a column has while rows are grouped."""
    if plain_type(kind) is None:  # no mapping can read it
        return held_column(pa.nulls(0, kind))[0].type
    exact = pa.types.is_decimal(kind) or pa.types.is_timestamp(kind) or pa.types.is_uint64(kind)
    return kind if exact else natural(kind) or kind


class _Grouping:
    def __init__(self, stream: Stream, keys: tuple[str, ...], reads: Collection[str] | None, memory: int) -> None:
        self.source = pa.schema([(f.name, _held(f.type)) for f in stream.arrow_schema])
        sources = [key_source(key, stream.arrow_schema) for key in keys]
        roots = frozenset(source.column for source in sources)
        self.stream = reading(stream, None if reads is None else roots.union(reads), whole=True)
        self.memory = memory
        self.inside = [source for source in sources if source.steps]
        wanted = {key.column for key in sources if not key.steps}.union(self.source.names if reads is None else reads)
        self.schema = pa.schema([field for field in self.source if field.name in wanted])
        self.columns = pa.schema([*self.source, *((f"\0{key.text}", _held(key.type)) for key in self.inside)])
        names = self.columns.names
        self.read = [at for at, name in enumerate(names) if name in wanted or at >= len(self.source)]
        self.unread = [at for at, name in enumerate(self.source.names) if name not in wanted]
        self.keys = [names.index(f"\0{key.text}" if key.steps else key.column) for key in sources]
        self.key_names = [key.text for key in sources]

    def _batches(self, out: _Out) -> Iterator[pa.RecordBatch]:
        """The source's rows with their numbers; findings and unread rows go to `out`.

        The columns that are read have their types, or are dictionaries of strings; the others are as the source has
        them.
        """
        names = [*self.columns.names, ROW]
        kinds = self.columns.types
        for chunk, _ in self.stream.run():
            out.take(chunk)
            if not len(chunk):
                continue
            records = held_rows(source_records(chunk, self.stream.arrow_schema))
            arrays = [*records.columns, *(plain(key.read(records).values) for key in self.inside)]
            for at in self.read:
                if kinds[at] != pa.string() or not is_coded(arrays[at]):
                    arrays[at] = conform(arrays[at], kinds[at])
            yield pa.RecordBatch.from_arrays([*arrays, pa.array(chunk.rows)], names)

    def in_order(self) -> Iterator[Chunk]:
        """Grouped chunks of a source whose groups stand together."""
        out, closed = _Out(self), Closed()
        held: list[pa.RecordBatch] = []  # from the first row of a group
        count = least = most = 0
        for batch in self._batches(out):
            held.append(batch)
            count += batch.num_rows
            least = least or chunk_bytes(len(self.read)) // (2 * GroupRows(held).row_bytes(self.read))
            if count >= max(least, most):  # every chunk costs about a millisecond
                yield from self._adjacent(out, held, closed)
                count = sum(batch.num_rows for batch in held)
                most = 2 * count  # an open group is looked at again when it has doubled
        if held:
            yield from self._adjacent(out, held, closed, at_end=True)
        yield from out.rest()

    def _adjacent(
        self, out: _Out, held: list[pa.RecordBatch], closed: Closed, *, at_end: bool = False
    ) -> Iterator[Chunk]:
        """The groups of rows that stand together; those of the last one stay in `held`, since it may go on."""
        rows = GroupRows(held)
        codes, _ = codes_of([rows.column(key) for key in self.keys])
        bounds = np.flatnonzero(np.diff(np.append(codes, -1) if at_end else codes, prepend=-1))
        if len(bounds) > 1:
            self._once(rows, bounds[:-1], closed)
            yield from self._chunks(out, rows, None, bounds)
        done = int(bounds[-1])
        while held and done >= held[0].num_rows:
            done -= held.pop(0).num_rows
        if done:
            held[0] = held[0].slice(done)

    def _once(self, rows: GroupRows, firsts: Ints, closed: Closed) -> None:
        """Every key is closed once, or the promise that groups stand together is broken."""
        at = pa.array(firsts)
        columns = [rows.column(key).take(at) for key in self.keys]
        there = np.flatnonzero(np.logical_and.reduce([valid(column) for column in columns]))
        again = np.flatnonzero(closed.add(hashes_of(columns)[there]))
        if len(again):
            number = int(there[again[0]])
            key = [column[number].as_py() for column in columns]
            raise SourceError(
                f"{self.stream.name} row {rows.numbers[firsts[number]]}: the key "
                f"{shorten(key[0] if len(key) == 1 else tuple(key))} was closed before, so its rows do not stand "
                "together. Sort the source by the key, or leave out $sorted."
            )

    def in_any_order(self) -> Iterator[Chunk]:
        """Grouped chunks of any source."""
        out = _Out(self)
        held: list[pa.RecordBatch] = []
        size, limit = 0, self.memory
        files: tuple[Spill, RowFile] | None = None
        with ExitStack() as stack:
            stack.enter_context(scratch_files())
            for batch in self._batches(out):
                held.append(batch)
                size += batch.nbytes
                if size > limit and (files or len(held) > 1):  # a single one is in memory as it is
                    files = files or self._files(stack)
                    self._spread(held, *files)
                    size, limit = 0, self.memory // 8  # rows wait only for a write that is worth while
            if files:
                self._spread(held, *files)
                spill, others = files
                others.finish()
                for offsets, arrays in spill.groups():
                    yield out.chunk(offsets, arrays, others.fetch)
            elif held:
                rows = GroupRows(held)
                del batch, held
                order, bounds = by_group([rows.column(key) for key in self.keys])
                for at, end in cuts(bounds, self.memory // rows.row_bytes(self.read)):
                    yield from self._chunks(out, rows, order, bounds[at : end + 1], keep=end + 1 < len(bounds))
            yield from out.rest()

    def _files(self, stack: ExitStack) -> tuple[Spill, RowFile]:
        """Temporary files, until the end of `stack`, for the columns that are read and for the others."""
        # Windows may refuse to remove files that are still open
        made = tempfile.TemporaryDirectory(prefix="xdmprep-", ignore_cleanup_errors=True)
        folder = Path(stack.enter_context(made))
        read = pa.schema([*map(self.columns.field, self.read), (ROW, pa.int64())])
        spill = Spill(folder, read, [self.read.index(key) for key in self.keys], self.memory // 2)
        return spill, RowFile(folder / "others", self.columns, self.unread)

    def _spread(self, batches: list[pa.RecordBatch], spill: Spill, others: RowFile) -> None:
        """Write the rows into temporary files; the list is emptied."""
        for number, batch in enumerate(batches):
            others.add(batch)
            arrays = [*(conform(batch.column(at), self.columns.types[at]) for at in self.read), batch.columns[-1]]
            batches[number] = pa.RecordBatch.from_arrays(arrays, schema=spill.schema)
        spill.add(batches)
        pa.default_memory_pool().release_unused()  # else the memory of what was held adds to that of the groups

    def _chunks(
        self, out: _Out, rows: GroupRows, order: Codes | None, bounds: Ints, *, keep: bool = False
    ) -> Iterator[Chunk]:
        """The groups of `rows`, which stand between `bounds` when they are put in order."""
        columns = [*self.read, len(self.columns)]
        for offsets, arrays in rows.grouped(columns, self.keys, order, bounds, keep=keep):
            yield out.chunk(offsets, arrays, rows.fetch)


class _Later:
    """The source's columns of a chunk of groups, as a record batch that is made for the rows that are asked for.

    Args:
        columns: the source's columns.
        records: those that the mapping reads, of the rows of all groups.
        numbers: the row numbers of each group.
        fetch: gives the values of another column for row numbers.
    """

    def __init__(self, columns: pa.Schema, records: pa.RecordBatch, numbers: pa.ListArray, fetch: _Fetch) -> None:
        self._columns, self._records, self._numbers, self._fetch = columns, records, numbers, fetch
        self.num_rows = len(numbers)

    @property
    def schema(self) -> pa.Schema:
        """The source's columns as lists."""
        return pa.schema([(field.name, pa.list_(field.type)) for field in self._columns])

    def take(self, at: pa.Array) -> pa.RecordBatch:
        """The groups at `at`."""
        offsets, numbers = list_parts(self._numbers)
        places = pa.ListArray.from_arrays(pa.array(offsets), pa.array(np.arange(len(numbers)))).take(at).flatten()
        some = _Later(self._columns, self._records.take(places), self._numbers.take(at), self._fetch)
        return pa.RecordBatch.from_arrays(list(map(some.column, range(len(self._columns)))), schema=self.schema)

    def filter(self, keep: pa.Array) -> pa.RecordBatch:
        """The groups where `keep` is true."""
        return self.take(pa.array(np.flatnonzero(keep.to_numpy(zero_copy_only=False))))

    def column(self, number: int) -> pa.Array:
        """One column of all groups."""
        offsets, rows = list_parts(self._numbers)
        found = self._records.schema.get_field_index(self._columns.field(number).name)
        if found < 0:
            values = self._fetch(number, rows.to_numpy(zero_copy_only=False))
        else:
            values = self._records.column(found)
        values = conform(values, self._columns.field(number).type)
        return pa.ListArray.from_arrays(pa.array(offsets), values)


class _Out:
    """Makes chunks of groups, with the findings that their rows had already."""

    def __init__(self, grouping: _Grouping) -> None:
        self.columns, self.schema = grouping.source, grouping.schema
        self.leaves = column_leaves(grouping.schema)
        self.keys = [grouping.read.index(key) for key in grouping.keys]
        self.names = grouping.key_names
        self.findings: list[Finding] = []
        self.unread: list[Unread] = []
        self.size = 0
        self.given = 0

    def take(self, chunk: Chunk) -> None:
        """Keep the findings, unread rows and size of a source chunk for the chunks to come."""
        self.findings += chunk.issues
        self.unread += chunk.unread
        self.size += chunk.size

    def chunk(self, offsets: Offsets, arrays: Sequence[pa.Array], fetch: _Fetch) -> Chunk:
        """A chunk of groups, which begin at `offsets`; the last of `arrays` are the row numbers."""
        *columns, numbers = arrays
        records = pa.RecordBatch.from_arrays(columns[: len(self.schema)], self.schema.names)
        members = pa.ListArray.from_arrays(pa.array(offsets), numbers)
        source: Any = _Later(self.columns, records, members, fetch)
        rows = numbers.to_numpy()
        first = rows[offsets[:-1]]
        unread, self.unread = tuple(self.unread), []
        issues = [*self._known(rows, np.repeat(first, np.diff(offsets)))] if self.findings else []
        null = np.zeros(len(first), dtype=bool)
        for values in map(columns.__getitem__, self.keys):
            if values.null_count:
                null |= ~valid(values)[offsets[:-1]]
        if null.any():
            message = f"the row has no {' and '.join(self.names)}, so it belongs to no record"
            issues.append(Finding("group-key", "", message, first[null], None, self.names[0]))
        n = len(first)
        consumed, merged = n + len(unread), len(rows) - n
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
                yield replace(finding.taken(np.flatnonzero(here)[by_row]), rows=moved[by_row])
            if not here.all():
                kept.append(finding.taken(np.flatnonzero(~here)))
        self.findings = kept

    def rest(self) -> Iterator[Chunk]:
        """A chunk without records for unread rows that came after the last group."""
        if self.unread:
            empty = pa.RecordBatch.from_pylist([], schema=self.schema)
            unread = tuple(self.unread)
            none = pa.array([], pa.list_(pa.int64()))
            made = Chunk(
                self.leaves, empty, np.zeros(0, np.int64), (), unread, None, len(unread), size=self.size, members=none
            )
            yield made.shift(-self.given, 0)
