"""Rows set aside: `rejects.jsonl` holds each with its reasons, `issues.csv` every finding of the run.

A line of `rejects.jsonl` is ``{"row", "line"?, "source": {column: value}, "reasons": [...]}``; a row that could not be
read at all has its ``"text"`` in place of ``"source"``.  Where rows are grouped, a line stands for one record:
``"row"`` is its first row and ``"rows"`` are all of them.  Where the source is several files, ``"file"`` comes first
and rows are counted within it; ``"files"`` then says where each of ``"rows"`` is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from ..core.arrow_types import joined, plain_column, plain_type, shown
from ..core.cells import escape_cells
from ..core.names import numbered_names
from ..core.shred import Leaf
from ..core.stream import ISSUE_SCHEMA, Chunk, Finding, Origins, Unread, by_row, issue_table
from ..kernels.arrays import offsets_of, ranges
from .encode import Encoder
from .folder import ISSUES, REJECTS, OutputFolder, WholeFile

#: One reason of a reject.
REASON = pa.struct([field for field in ISSUE_SCHEMA if field.name != "row"])
#: Findings that are written together; each time takes some milliseconds, however few there are.
_TOGETHER = 8192
#: A line that stands for more rows than this is written in pieces of as many values.
_LONG = 65_536


class Rejects:
    """Writes what chunks set aside, in order of rows.  Files that would be empty are not made."""

    def __init__(
        self, folder: OutputFolder, names: tuple[str, str] = (REJECTS, ISSUES), origins: Origins | None = None
    ) -> None:
        self.rows = 0
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

    def _flush(self) -> None:
        """Write what waits."""
        found = by_row(issue_table(self._findings))
        aside, self._aside, self._findings, self._waiting = self._aside, [], [], 0
        self._write_issues(found)
        if aside:
            self._write_rejects(aside, found)

    def _write_issues(self, found: pa.Table) -> None:
        out = pa.BufferOutputStream()
        first = self._issues is None
        if self._origins is not None:
            found = self._origins.named(found)
        arrow_csv.write_csv(
            escape_cells(found), out, arrow_csv.WriteOptions(include_header=first, quoting_style="needed")
        )
        if self._issues is None:
            self._issues = WholeFile(self._folder.path / self._names[1])
        self._issues.write(out.getvalue())

    def _write_rejects(self, chunks: list[Chunk], found: pa.Table) -> None:
        unread = [item for chunk in chunks for item in chunk.unread]
        self.rows += sum(map(len, chunks)) + len(unread)
        rows = np.concatenate([*(chunk.rows for chunk in chunks), np.array([item.row for item in unread], np.int64)])
        if self._rejects is None:
            self._rejects = WholeFile(self._folder.path / self._names[0])
        fields = self._fields(chunks, unread, rows, found)
        if len(rows) == 1 and chunks[0].members is not None and len(chunks[0].members.flatten()) > _LONG:
            for piece in self._long_line(fields):
                self._rejects.write(piece)
            return
        leaves, columns = zip(*fields, strict=True)
        batch = pa.RecordBatch.from_arrays(list(columns), names=[leaf.name for leaf in leaves])
        self._rejects.write(self._encoded(leaves, batch.take(pa.array(np.argsort(rows, kind="stable")))))

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
                column = shown(joined([*parts, pa.nulls(lost)]))
                yield Leaf(("source", name), column.type), column
        texts = pa.concat_arrays([pa.nulls(n, pa.string()), pa.array([item.text for item in unread], pa.string())])
        yield Leaf(("text",), pa.string()), texts
        yield Leaf(("reasons",), pa.list_(REASON)), reasons_of(rows, found)

    def finish(self) -> None:
        """Give the files their names."""
        if self._findings:
            self._flush()
        for file in filter(None, (self._rejects, self._issues)):
            file.finish(self.rows)
        self._rejects = self._issues = None

    def discard(self) -> None:
        """Remove what was written so far."""
        self._findings, self._aside = [], []
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
    chosen = found.take(pa.array(ranges(start, counts))).combine_chunks()
    arrays = [chosen[field.name].combine_chunks() if chosen.num_rows else pa.array([], field.type) for field in REASON]
    return pa.ListArray.from_arrays(
        pa.array(offsets_of(counts)), pa.StructArray.from_arrays(arrays, fields=list(REASON))
    )
