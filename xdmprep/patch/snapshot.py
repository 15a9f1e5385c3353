"""One snapshot, read once: digests for the join, the records themselves put aside for the few that need a look."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any

import numpy as np
import pyarrow as pa

from ..core.arrow_types import held_rows, joined_batches
from ..core.pool import ordered
from ..core.shred import Leaf, valid
from ..core.stream import Chunk, Finding, Unread
from .join import Entries, Positions
from .keys import Key, aligned
from .row_hash import record_digests, text_digests
from .snapshot_source import Side
from .spill import Spool, packed


class Snapshot:
    """A stream's records by position (0-based, in order).

    Args:
        side: where they come from.
        key: what identifies a record.
        primary: the primary identity, where it is to be looked at beside the key; else None.
        scratch: folder for what does not fit into memory; None takes the system's.
        sourced: keep the rows as the source has them too, for the list of those that are set aside; of groups, which
            rows they are made of.

    Attributes:
        grouped: records are made of several rows each.
        entries: their digests.
        identities: digests of their primary identities and of their keys, where there is a `primary`.
        keyless: positions of the records without a key.
        unread: source rows that never became records.
        rows_read: source rows, unread ones included; records, where a mapping groups rows.
        merged: where it does, how many more source rows.
    """

    def __init__(
        self, side: Side, key: Key, primary: Key | None, scratch: FilePath | None, sourced: bool = False
    ) -> None:
        self.stream, self.side, self.key, self.primary, self.scratch = side.stream, side, key, primary, scratch
        self.sourced, self.grouped = sourced, False
        self.entries, self.identities = Entries(scratch), Entries(scratch)
        self.keyless: list[Positions] = []
        self.unread: list[Unread] = []
        self.rows_read = self.merged = 0
        self._spool = Spool(scratch)
        self._held: list[pa.RecordBatch] = []
        self._starts: list[int] = [0]
        self._rows: list[np.ndarray[Any, np.dtype[np.int64]] | int] = []
        self._findings: list[tuple[Finding, ...]] = []

    @property
    def count(self) -> int:
        """Number of records."""
        return self._starts[-1]

    def read(
        self, leaves: Sequence[Leaf], jobs: int | None = None, on_chunk: Callable[[Chunk], None] | None = None
    ) -> None:
        """Read the stream; `leaves` is the order in which both snapshots' columns enter the digests."""

        def look(chunk: Chunk) -> Any:
            if not len(chunk):
                return None
            self.grouped = chunk.members is not None
            named = chunk if self.side.keyed is None else self.side.keyed(chunk)
            keys = self.key.texts(named)
            primaries = None if self.primary is None else self.primary.texts(named)
            records = record_digests(aligned(chunk, leaves))
            # a value that does not fit is null: such a row is like no other, also not like itself in the other snapshot
            records[chunk.faulty()] += np.uint64(1 + self.sourced)
            held = _with_source(chunk) if self.sourced else chunk.records
            data = held if self.side.resident else packed(held)
            shared = None if primaries is None else (text_digests(primaries), valid(primaries))
            return text_digests(keys), valid(keys), records, shared, data

        for chunk, made in self.stream.run(look, jobs):
            self.rows_read += chunk.consumed
            self.merged += chunk.merged
            self.unread.extend(chunk.unread)
            if on_chunk is not None:
                on_chunk(chunk)
            if made is None:
                continue
            keys, there, records, shared, data = made
            at = np.arange(self.count, self.count + len(chunk))
            if self.side.resident:
                self._held.append(data)
            else:
                self._spool.add(data)
            self._starts.append(self.count + len(chunk))
            first, last = int(chunk.rows[0]), int(chunk.rows[-1])
            self._rows.append(first if last - first == len(chunk) - 1 else chunk.rows)
            self._findings.append(chunk.issues)
            if there.all():
                self.entries.add(keys, records, at)
            else:
                self.entries.add(keys[there], records[there], at[there])
                self.keyless.append(at[~there])
            if shared is not None:
                both = there & shared[1]
                self.identities.add(shared[0][both], keys[both], at[both])

    def chunk(self, number: int, positions: Positions) -> Chunk:
        """The records at `positions` (ascending, all of the chunk with this number), with what was found about them."""
        inside = positions - self._starts[number]
        records = self._held[number] if self.side.resident else self._spool.batch(number)
        rows = self._rows[number]
        numbers = inside + rows if isinstance(rows, int) else rows[inside]
        if len(inside) < records.num_rows:
            records = records.take(pa.array(inside))
        return Chunk(
            self.stream.leaves, records, numbers, issues=_about(self._findings[number], numbers), consumed=len(numbers)
        )

    def gather(self, positions: Positions, blocks: Positions, jobs: int) -> Routed:
        """The records at `positions`, each put into its block; a block's records are in order of position."""
        order = np.argsort(positions, kind="stable")
        positions, blocks = positions[order], blocks[order]
        ends = np.searchsorted(positions, np.asarray(self._starts))
        routed = Routed(self.stream.leaves, Spool(self.scratch), self.sourced and self.grouped)

        def work(number: int) -> list[tuple[int, pa.Buffer, Chunk]]:
            some = slice(ends[number], ends[number + 1])
            chunk = self.chunk(number, positions[some])
            parts = []
            for block in np.unique(blocks[some]).tolist():
                part = chunk.where(blocks[some] == block)
                rest = replace(part, issues=_about(chunk.issues, part.rows), records=part.records.slice(0, 0))
                parts.append((block, packed(part.records), rest))
            return parts

        wanted = (number for number in range(len(ends) - 1) if ends[number] < ends[number + 1])
        for parts in ordered(work, wanted, jobs):
            for block, data, part in parts:
                routed.add(block, data, part)
        return routed

    def close(self) -> None:
        """Forget the records."""
        self._held = []
        self._spool.close()


class Routed:
    """Records by block."""

    def __init__(self, leaves: tuple[Leaf, ...], spool: Spool, grouped: bool) -> None:
        self._leaves, self._spool, self._grouped = leaves, spool, grouped
        self._blocks: dict[int, list[tuple[int, Any, tuple[Finding, ...]]]] = {}

    def add(self, block: int, data: pa.Buffer, part: Chunk) -> None:
        """Put records into a block; `part` has their row numbers and findings."""
        self._blocks.setdefault(block, []).append((self._spool.add(data), part.rows, part.issues))

    def block(self, number: int) -> Chunk | None:
        """All records of a block as one chunk; None if it has none."""
        parts = self._blocks.get(number)
        if not parts:
            return None
        batches = [self._spool.batch(handle) for handle, _, _ in parts]
        records = source = joined_batches(batches)
        members, own = None, len(self._leaves)
        if records.num_columns > own:  # see _with_source
            behind = pa.RecordBatch.from_arrays(records.columns[own:], records.schema.names[own:])
            records = source = pa.RecordBatch.from_arrays(records.columns[:own], records.schema.names[:own])
            if self._grouped:
                members = behind.column(0)
            else:
                source = behind
        rows = np.concatenate([rows for _, rows, _ in parts])
        issues = tuple(finding for _, _, findings in parts for finding in findings)
        return Chunk(self._leaves, records, rows, issues=issues, source=source, members=members, consumed=len(rows))

    def parts(self, number: int) -> Iterator[Chunk]:
        """The records of a block, a chunk at a time."""
        for handle, rows, issues in self._blocks.get(number, []):
            yield Chunk(self._leaves, self._spool.batch(handle), rows, issues=issues, consumed=len(rows))

    def close(self) -> None:
        """Forget the records."""
        self._spool.close()


def _with_source(chunk: Chunk) -> pa.RecordBatch:
    """The records of a chunk, and behind them the columns of the source that they were made of, if there are such.

    Of groups it is the numbers of their rows instead: the columns would be lists of all the rows that there are.
    """
    records, source = chunk.records, chunk.source
    if chunk.members is not None:
        source = pa.RecordBatch.from_arrays([chunk.members], ["rows"])
    if source is None or source is records:
        return records
    source = held_rows(source)
    return pa.RecordBatch.from_arrays(
        [*records.columns, *source.columns], [*records.schema.names, *source.schema.names]
    )


def _about(findings: Sequence[Finding], rows: Positions) -> tuple[Finding, ...]:
    """The parts of some findings that are about `rows`."""
    return tuple(part for finding in findings if (part := finding.where(np.isin(finding.rows, rows))) is not None)
