"""Rows set aside: `rejects.jsonl` holds each with its reasons, `issues.csv` every finding of the run.

A line of `rejects.jsonl` is ``{"row", "line"?, "source": {column: value}, "reasons": [...]}``; a row that could not be
read at all has its ``"text"`` in place of ``"source"``.  Where rows are grouped, a line stands for one record:
``"row"`` is its first row and ``"rows"`` are all of them.  Where the source is several files, ``"file"`` comes first
and rows are counted within it; ``"files"`` then says where each of ``"rows"`` is.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from ..core.arrow_types import joined, plain_column, plain_type, shown
from ..core.cells import escape_cells
from ..core.names import numbered_names
from ..core.pool import Pool, Task
from ..core.shred import Leaf
from ..core.stream import ISSUE_SCHEMA, Chunk, Finding, Origins, Unread, issue_table
from ..kernels.arrays import offsets_of, ranges
from .encode import Encoder
from .folder import ISSUES, REJECTS, OutputFolder, WholeFile

#: One reason of a reject.
REASON = pa.struct([field for field in ISSUE_SCHEMA if field.name != "row"])
#: Findings that are written together; each time takes some milliseconds, however few there are.
_TOGETHER = 8192
#: A line that stands for more rows than this is written in pieces of as many values.
_LONG = 65_536
_Lines = Iterable[bytes | pa.Buffer]


class Rejects:
    """Writes what chunks set aside, in order of rows.  Files that would be empty are not made.

    The lines are made by threads of `pool`, while the calling one goes on.
    """

    def __init__(
        self, folder: OutputFolder, pool: Pool, names: tuple[str, str] = (REJECTS, ISSUES),
        origins: Origins | None = None,
    ) -> None:  # fmt: skip
        self.rows = 0
        self._pool = pool
        self._made: deque[Task] = deque()
        self._origins = origins
        self._names = names
        self._folder = folder
        self._rejects: WholeFile | None = None
        self._issues: WholeFile | None = None
        self._encoders: dict[tuple[Leaf, ...], Encoder] = {}
        self._findings: list[Finding] = []
        self._aside: list[Chunk] = []
        self._waiting = 0

    def add(self, chunk: Chunk) -> None:
        """Write all findings of a chunk and the rows that it has `aside`."""
        findings = chunk.findings
        if not findings:
            return
        self._findings += findings
        self._waiting += sum(len(finding.rows) for finding in findings)
        if chunk.aside is not None:
            self._aside.append(chunk.aside)
        if self._waiting >= _TOGETHER:
            self._flush()
            self._settle(1)

    def _flush(self) -> None:
        """Have the lines made of what waits."""
        aside, findings = self._aside, self._findings
        self._aside, self._findings, self._waiting = [], [], 0
        self.rows += sum(len(chunk) + len(chunk.unread) for chunk in aside)
        is_first = self._issues is None
        if is_first:
            self._issues = WholeFile(self._folder.path / self._names[1], hashed=False)
        if aside and self._rejects is None:
            self._rejects = WholeFile(self._folder.path / self._names[0], hashed=False)
        self._made.append(self._pool.start(self._lines, findings, aside, is_first, first=True))

    def _settle(self, most: int) -> None:
        """Write the lines in order until at most so many are still to be made."""
        while len(self._made) > most:
            for file, lines in zip((self._issues, self._rejects), self._made.popleft().result(), strict=True):
                for piece in lines:
                    file.write(piece)  # type: ignore[union-attr]

    def _lines(self, findings: list[Finding], aside: list[Chunk], header: bool) -> tuple[_Lines, _Lines]:
        """In a worker: the lines of findings, and of the rows that are set aside."""
        found = issue_table(findings)
        return [self._issue_lines(found, header)], self._reject_lines(aside, found) if aside else ()

    def _issue_lines(self, found: pa.Table, header: bool) -> pa.Buffer:
        out = pa.BufferOutputStream()
        if self._origins is not None:
            found = self._origins.named(found)
        arrow_csv.write_csv(
            escape_cells(found), out, arrow_csv.WriteOptions(include_header=header, quoting_style="needed")
        )
        return out.getvalue()

    def _reject_lines(self, chunks: list[Chunk], found: pa.Table) -> _Lines:
        unread = [item for chunk in chunks for item in chunk.unread]
        rows = np.concatenate([*(chunk.rows for chunk in chunks), np.array([item.row for item in unread], np.int64)])
        fields = self._fields(chunks, unread, rows, found)
        if len(rows) == 1 and chunks[0].members is not None and len(chunks[0].members.flatten()) > _LONG:
            return self._long_line(fields)  # made as it is written
        leaves, columns = zip(*fields, strict=True)
        batch = pa.RecordBatch.from_arrays(list(columns), names=[leaf.name for leaf in leaves])
        if (np.diff(rows) < 0).any():
            batch = batch.take(pa.array(np.argsort(rows, kind="stable")))
        return [self._encoded(leaves, batch)]

    def _encoded(self, leaves: tuple[Leaf, ...], batch: pa.RecordBatch) -> pa.Buffer:
        if leaves not in self._encoders:
            self._encoders[leaves] = Encoder(leaves)
        return self._encoders[leaves].encode(batch)

    def _long_line(self, fields: Iterator[tuple[Leaf, pa.Array]]) -> Iterator[bytes]:
        """The line of one row with long lists, as the encoder writes it, some thousand values of a column at a time."""

        def text(column: pa.Array) -> bytes:
            """The JSON of the value; empty for none."""
            line = self._encoded((Leaf(("v",), column.type),), pa.record_batch([column], ["v"]))
            return bytes(line)[5:-2]  # of {"v":...}

        opened: list[str] = []
        before = "{"
        for leaf, column in fields:
            *above, name = map(str, leaf.path)
            lists = pa.types.is_list(column.type) and len(column.flatten()) > _LONG
            values = column.flatten() if lists else column
            any_yet = False
            for start in range(0, len(values), _LONG):
                some = values.slice(start, _LONG)
                made = text(pa.ListArray.from_arrays(pa.array([0, len(some)], pa.int32()), some) if lists else some)
                if not made:
                    continue
                if not any_yet:
                    if opened and above != opened:
                        yield b"}"
                        before, opened = ",", []
                    if above and not opened:
                        before, opened = f"{before}{json.dumps(above[0])}:{{", above
                    yield f"{before}{json.dumps(name, ensure_ascii=False)}:{'[' * lists}".encode()
                    before = ","
                yield b"," * (any_yet and lists) + (made[1:-1] if lists else made)
                any_yet = True
            if any_yet and lists:
                yield b"]"
        yield b"}" * len(opened) + b"}\n"

    def _fields(
        self, chunks: list[Chunk], unread: list[Unread], rows: np.ndarray[tuple[int], np.dtype[np.int64]],
        found: pa.Table,
    ) -> Iterator[tuple[Leaf, pa.Array]]:  # fmt: skip
        """The columns of the lines, one after the other: those of large groups are collected on request."""
        n, lost = len(rows) - len(unread), len(unread)
        shown_rows = rows
        if self._origins is not None:
            files, shown_rows = self._origins.of(rows)
            yield Leaf(("file",), pa.string()), files
        yield Leaf(("row",), pa.int64()), pa.array(shown_rows)
        lines = pa.concat_arrays([pa.nulls(n, pa.int64()), pa.array([item.line for item in unread], pa.int64())])
        yield Leaf(("line",), pa.int64()), lines
        if chunks[0].members is not None:
            kind = pa.list_(pa.int64())
            members = pa.concat_arrays([*(chunk.members for chunk in chunks), pa.nulls(lost, kind)])
            if self._origins is not None:
                files, inside = self._origins.of(members.values.to_numpy())
                within = pa.ListArray.from_arrays(members.offsets, pa.array(inside), mask=members.is_null())
                yield Leaf(("rows",), kind), within
                names = pa.ListArray.from_arrays(members.offsets, files.cast(pa.string()), mask=members.is_null())
                yield Leaf(("files",), pa.list_(pa.string())), names
            else:
                yield Leaf(("rows",), kind), members
        sources = [chunk.source for chunk in chunks]  # a chunk of nothing but unreadable rows has none
        known = next((source for source in sources if source is not None), None)
        if known is not None:
            for number, name in enumerate(numbered_names(known.schema.names)):
                parts = [
                    pa.nulls(len(chunk)) if source is None else _printable(source.column(number))
                    for chunk, source in zip(chunks, sources, strict=True)
                ]
                column = shown(joined([*parts, pa.nulls(lost)] if lost else parts))
                yield Leaf(("source", name), column.type), column
        texts = pa.concat_arrays([pa.nulls(n, pa.string()), pa.array([item.text for item in unread], pa.string())])
        yield Leaf(("text",), pa.string()), texts
        yield Leaf(("reasons",), pa.list_(REASON)), reasons_of(rows, found)

    def finish(self) -> None:
        """Give the files their names."""
        if self._findings:
            self._flush()
        self._settle(0)
        files = [file for file in (self._rejects, self._issues) if file is not None]
        for file in files:
            file.seal(self.rows)  # the disk takes both at once
        for file in files:
            file.settle()
        self._rejects = self._issues = None

    def discard(self) -> None:
        """Remove what was written so far."""
        for task in self._made:
            task.drop()
        for file in filter(None, (self._rejects, self._issues)):
            file.discard()
        self._rejects = self._issues = None


def _printable(column: pa.Array) -> pa.Array:
    """A column of a source without what no record can hold: where no mapping reads it, it has not been checked yet."""
    return column if plain_type(column.type) is None else plain_column(column)[0]


def reasons_of(rows: np.ndarray[tuple[int], np.dtype[np.int64]], found: pa.Table) -> pa.Array:
    """For each of `rows` the list of its findings; `found` is sorted by row."""
    numbers = found["row"].to_numpy()
    start = np.searchsorted(numbers, rows, side="left")
    counts = np.searchsorted(numbers, rows, side="right") - start
    places = ranges(start, counts)
    if len(places) != found.num_rows or (np.diff(places) < 0).any():  # else these are all, in their order
        found = found.take(pa.array(places))
    arrays = [joined(found[field.name].chunks or [pa.array([], field.type)]) for field in REASON]
    return pa.ListArray.from_arrays(
        pa.array(offsets_of(counts)), pa.StructArray.from_arrays(arrays, fields=list(REASON))
    )
