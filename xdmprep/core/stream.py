"""What is in flight: a :class:`Stream` of :class:`Chunk` s of Arrow data.

A stage takes a Stream and gives a Stream; its Arrow schema is known before the first row.

Records travel *shredded*: a chunk's record batch has one column per :class:`Leaf`, and a leaf's path says where the
value stands in the record.  ``identityMap.ECID[0].id`` is one flat string column, so nothing is nested or copied
until a writer requests it (:meth:`Chunk.nested`).  A leaf may itself hold a list, map or struct where its shape
is not known beforehand (an exploded text, a nested source); readers of a chunk take every Arrow type that an XDM
schema can give.

Rows keep their numbers: `Chunk.rows` is the 1-based data row in the source.  Pieces of a source are worked on
side by side, before the number of rows ahead of them is known; so a step sees rows counted from the start
of its piece, and the numbers are made absolute when the chunks are put in order (:meth:`Stream.chunks`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import Issue, SourceError, counted, needed_by, printable, shorten
from ..kernels.arrays import located
from .arrow_types import TIMESTAMP, Unfit, picked
from .losses import Tally, tally
from .names import numbered_names
from .notebook import grid, lines, wrap
from .paths import format_path
from .pool import Pool, ordered
from .rules import RULES
from .shred import Leaf, column_leaves, nest, prune, to_pylist

__all__ = [
    "ISSUE_SCHEMA", "TIMESTAMP", "Chunk", "Finding", "Stream", "Unread", "issue_table", "row_chunk", "unfit_findings",
]  # fmt: skip

if TYPE_CHECKING:
    import pandas as pd

ISSUE_SCHEMA = pa.schema([
    (name, pa.int64() if name == "row" else pa.string())
    for name in ("code", "severity", "row", "path", "column", "value", "message", "hint")
])  # fmt: skip

#: About how many bytes a chunk has; in a wide table so many a column, since each column of a chunk has a fixed cost;
#: never more than so many.
_BYTES, _COLUMN_BYTES, _MOST_BYTES = 8 << 20, 32 << 10, 64 << 20


def chunk_bytes(columns: int) -> int:
    """About how many bytes a chunk of so many columns has."""
    return min(max(_BYTES, _COLUMN_BYTES * columns), _MOST_BYTES)


#: In :attr:`Finding.place`, a key that the schema does not know.
UNKNOWN_KEY = "{?}"


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """One rule's issues at one path in one chunk, as columns.

    Attributes:
        code, path, column, message, hint: as in :class:`~xdmprep.errors.Issue`, the same for all rows.
        rows: int64, ascending row numbers in the numbering of the chunk (any integers are taken); a row may occur more
            than once.
        severity: that of the rule, unless another one is given.
        values: the offending values as text, as long as `rows`; None where there is nothing to show.
        place: the path without what differs from row to row (indexes, keys of maps), empty where the path says it.
        messages: the message of each row, where they differ; `message` is then what they have in common.
    """

    code: str
    path: str
    message: str
    rows: np.ndarray[Any, np.dtype[np.int64]]
    values: pa.Array | None = None
    column: str | None = None
    hint: str = ""
    severity: Any = None
    place: str = ""
    messages: pa.Array | None = None

    def __post_init__(self) -> None:
        """Fill in what the rule says."""
        object.__setattr__(self, "rows", np.asarray(self.rows, dtype=np.int64))
        if self.severity is None:
            object.__setattr__(self, "severity", RULES[self.code].severity)

    def shift(self, by: int) -> Finding:
        """The same finding with `by` added to its row numbers."""
        return replace(self, rows=self.rows + by) if by else self

    def where(self, keep: np.ndarray[Any, np.dtype[np.bool_]]) -> Finding | None:
        """The part of the finding about the rows for which `keep` is True; None if there are none."""
        return self.taken(np.flatnonzero(keep)) if keep.any() else None

    def taken(self, at: np.ndarray[Any, np.dtype[np.int64]]) -> Finding:
        """The finding about some of its rows, by their positions."""
        values, messages = (None if each is None else each.take(pa.array(at)) for each in (self.values, self.messages))
        return replace(self, rows=self.rows[at], values=values, messages=messages)

    def issues(self) -> Iterator[Issue]:
        """The finding row by row."""
        values = [None] * len(self.rows) if self.values is None else self.values.cast(pa.string()).to_pylist()
        messages = repeat(self.message) if self.messages is None else self.messages.to_pylist()
        for row, value, message in zip(self.rows.tolist(), values, messages, strict=False):
            yield Issue(self.code, self.severity, message, row, self.path, self.column, value, self.hint)


@dataclass(frozen=True, slots=True)
class Unread:
    """A source row that could not be read at all: its number, its line in the file, its text, and why."""

    row: int
    line: int | None
    text: str
    code: str
    message: str

    def shift(self, rows: int, lines: int) -> Unread:
        """The same with `rows` added to its row number and `lines` to its line number."""
        return replace(self, row=self.row + rows, line=None if self.line is None else self.line + lines)

    def finding(self) -> Finding:
        """The same as a finding."""
        where = f" (line {self.line})" if self.line is not None else ""
        text = pa.array([self.text], pa.string())
        return Finding(self.code, "", self.message + where, np.array([self.row]), text)


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Some consecutive records.

    Attributes:
        leaves: the leaves of `records`, one per column.
        records: pa.RecordBatch of n rows.
        rows: int64 (n,), ascending 1-based row numbers.
        issues: what was found so far.
        unread: source rows of this piece that never became records.
        source: the source's columns for the same n rows (zero-copy), so that rows set aside can be shown; or None.
        consumed: source rows of this piece, `unread` ones included.
        lines: lines of text this piece spans, 0 if the source has none.
        size: bytes of the source of this piece, for progress.
        merged: source rows that went into one record with a row before them, where rows are grouped; not counted in
            `consumed`.
        members: where rows are grouped, the row numbers that went into each record (a list array of n); else None.
        aside: the faulty rows and the `unread` ones, with the source and without records; None where there are none, or
            as long as the chunk has its own records and source.
        files: where a source is several files, the numbers (from 0) of those that the rows come from, in order, each
            with how many of `consumed` are of it.  Small files share a chunk.
        tally: counts of the values in the records and of those left out, once the records are gone; else None.
    """

    leaves: tuple[Leaf, ...]
    records: pa.RecordBatch
    rows: np.ndarray[Any, np.dtype[np.int64]]
    issues: tuple[Finding, ...] = ()
    unread: tuple[Unread, ...] = ()
    source: pa.RecordBatch | None = None
    consumed: int = 0
    lines: int = 0
    size: int = 0
    merged: int = 0
    members: pa.Array | None = None
    aside: Chunk | None = None
    tally: Tally | None = None
    files: tuple[tuple[int, int], ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def shift(self, rows: int, lines: int) -> Chunk:
        """The same chunk with `rows` added to every row number and `lines` to every line number."""
        if not rows and not lines:
            return self
        unread = tuple(u.shift(rows, lines) for u in self.unread)
        issues = tuple(f.shift(rows) for f in self.issues)
        members = self.members
        if members is not None:
            members = pa.ListArray.from_arrays(members.offsets, pc.add(members.values, rows))
        aside = None if self.aside is None else self.aside.shift(rows, lines)
        return replace(self, rows=self.rows + rows, issues=issues, unread=unread, members=members, aside=aside)

    @property
    def findings(self) -> list[Finding]:
        """What was found so far, about rows that could not be read too."""
        return [*self.issues, *(item.finding() for item in self.unread)]

    def faulty(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """bool (n,): True where a finding of severity error names the row."""
        bad = np.zeros(len(self), dtype=bool)
        for finding in self.issues:
            if finding.severity == "error" and len(finding.rows):
                bad[located(finding.rows, self.rows)[0]] = True
        return bad

    def where(self, keep: np.ndarray[Any, np.dtype[np.bool_]]) -> Chunk:
        """The chunk with only the records where `keep` is True; `issues`, `unread` and `consumed` stay."""
        if keep.all():
            return self
        few = 4 * np.count_nonzero(keep) < len(keep)
        chosen = pa.array(np.flatnonzero(keep) if few else keep)

        def some(values: Any) -> Any:
            return values.take(chosen) if few else values.filter(chosen)

        source = None if self.source is None else picked(self.source, some)
        members = None if self.members is None else some(self.members)
        return replace(self, records=some(self.records), rows=self.rows[keep], source=source, members=members)

    def found(self) -> Chunk:
        """What was found in the chunk, and in :attr:`aside` the rows that are set aside; no records and no source."""
        bad = self.faulty()
        counts = tally(self, bad)
        none = self.records.select([])
        aside = None
        if self.unread or bad.any():
            aside = replace(self, leaves=(), records=none, issues=()).where(bad)
        return replace(self, leaves=(), records=none, source=None, aside=aside, tally=counts)

    def rows_in(self, keep: np.ndarray[Any, np.dtype[np.bool_]]) -> int:
        """How many source rows went into the records where `keep` is True."""
        if self.members is None:
            return int(keep.sum())
        return len(self.members.filter(pa.array(keep)).flatten())

    def nested(self, arrow_schema: pa.Schema | None = None) -> pa.RecordBatch:
        """The records as one nested batch, of `arrow_schema` if given (absent fields become nulls)."""
        return nest(self.leaves, self.records, arrow_schema)


def _shown(name: str) -> str:
    """A file's name as text that UTF-8 can hold."""
    return name.encode("utf-8", "backslashreplace").decode()


class Origins:
    """Where the rows of a source of several files come from.

    Rows are numbered through all files; :meth:`of` gives the file and the number within it.  A file's first row is
    known once the chunks before it were read.

    Attributes:
        names: the files as they were given, in the order they are read; bytes of a name that are no text as escapes.
        lacking: number of a file -> columns that other files have and this one has not.
    """

    def __init__(self, names: Sequence[str], lacking: Mapping[int, frozenset[str]] | None = None) -> None:
        self.names = tuple(map(_shown, names))
        self.lacking = dict(lacking or {})
        self._ends = [0] * len(self.names)

    def add(self, file: int, rows: int) -> None:
        """Count in rows of a file; files come in order."""
        self._ends[file] = rows
        for later in range(file + 1, len(self._ends)):
            if self._ends[later] >= rows:
                break
            self._ends[later] = rows

    def of(self, rows: np.ndarray[Any, np.dtype[np.int64]]) -> tuple[pa.Array, np.ndarray[Any, np.dtype[np.int64]]]:
        """The files (dictionary-encoded text) and the row numbers within them, for numbers through all files."""
        ends = np.asarray(self._ends, np.int64)
        file = np.minimum(np.searchsorted(ends, rows, side="left"), len(ends) - 1)
        starts = np.append(0, ends[:-1])
        names = pa.DictionaryArray.from_arrays(pa.array(file.astype(np.int32)), pa.array(self.names, pa.string()))
        return names, rows - starts[file]

    def row_of(self, file: str, row: int) -> int | None:
        """The number through all files of a row of a file; None if there is no such file."""
        if _shown(file) not in self.names:
            return None
        number = self.names.index(_shown(file))
        return row + (self._ends[number - 1] if number else 0)

    def named(self, table: pa.Table) -> pa.Table:
        """`table` with the column ``file`` in front and ``row`` counted within the file."""
        files, rows = self.of(table.column("row").to_numpy())
        at = table.schema.get_field_index("row")
        table = table.set_column(at, table.schema.field(at), pa.array(rows, pa.int64()))
        return table.add_column(0, "file", files.cast(pa.string()))

    @classmethod
    def of_counts(cls, files: Sequence[Mapping[str, Any]]) -> Origins:
        """The origins of a run that is over, from what :meth:`counts` gave."""
        made = cls([str(file["name"]) for file in files])
        rows = 0
        for number, file in enumerate(files):
            rows += int(file["rows"])
            made.add(number, rows)
        return made

    def counts(self) -> list[dict[str, Any]]:
        """Name and rows of each file."""
        starts = [0, *self._ends[:-1]]
        return [
            {"name": name, "rows": end - start} for name, start, end in zip(self.names, starts, self._ends, strict=True)
        ]


#: Columns and rows that a notebook shows of a stream.
_SHOWN_COLUMNS, _SHOWN_ROWS = 100, 5


#: Describes the paths whose values are of different JSON types, one text a path.
Unlike = Callable[[], list[str]]


@dataclass(frozen=True, repr=False)
class Stream:
    """A source and the steps its pieces go through.

    Attributes:
        source: opens the source; its iterator gives pieces (anything cheap to cut off), one after the other.
        steps: thread-safe functions; the first takes a piece and gives a Chunk, the others Chunk to Chunk.
        leaves: the leaves of the chunks that come out.
        arrow_schema: the nested Arrow schema of the records that come out.
        name: what messages call the source, such as a file name.
        total_bytes: size of the source, for progress; None if unknown.
        origins: where the source is several files, which rows came from which; None for a single one.
        rereadable: False if reading the source may use it up, so a look at its first rows would cost them.
        unlike: describes the paths whose values became text because their types differ, one text a path; None if
            there are none.  As sources of a mapping they lose nothing; as records they are refused.
        whole: opens the same rows with columns for all of them, which takes one more reading; None if `leaves` are such
            already, and not those of the first rows.
        narrowed: the first step for those who read the values of some columns only; None if it is the same.
        gather: makes pieces of what `source` gives; `only` and `whole` are as for :func:`reading`.  None if the source
            gives pieces itself.
        notes: what is worth a warning about all rows, such as fields that a mapping leaves out.
        not_read: the files of a folder that are not read for their names.
        numbered: whether the first step numbers the rows through the whole source.

    Examples:
        >>> rows = [{"first": "Ada"}, {"first": "Alan"}]
        >>> xp.map_rows(rows, {"person.name.firstName": "first"}, schema).to_pylist()
        [{'person': {'name': {'firstName': 'Ada'}}}, {'person': {'name': {'firstName': 'Alan'}}}]
    """

    source: Callable[[], Iterator[Any]]
    steps: tuple[Callable[[Any], Any], ...]
    leaves: tuple[Leaf, ...]
    arrow_schema: pa.Schema
    name: str = "data"
    total_bytes: int | None = None
    origins: Origins | None = None
    rereadable: bool = True
    unlike: Unlike | None = None
    whole: Callable[[], Stream] | None = None
    narrowed: Callable[[frozenset[str]], Callable[[Any], Any]] | None = None
    gather: Callable[..., Iterator[Any]] | None = None
    notes: tuple[str, ...] = ()
    not_read: tuple[str, ...] = ()
    numbered: bool = False

    @property
    def files(self) -> dict[str, Any]:
        """What a manifest says of a source of several files, once they are read."""
        found = {} if self.origins is None else {"files": self.origins.counts()}
        return found | ({"notRead": [*map(_shown, self.not_read)]} if self.not_read else {})

    def __repr__(self) -> str:
        columns = len(self.arrow_schema)
        return f"<Stream {self.name}: {counted(columns, 'column')}>"

    def _repr_html_(self) -> str:
        """Columns with their types, and the first values of each where the source can be read again."""
        fields = list(self.arrow_schema)[:_SHOWN_COLUMNS]
        rows: list[list[str]] = [[field.name, printable(field.type, 80)] for field in fields]
        heads = ["column", "type"]
        if self.rereadable:
            try:
                table = self.head(_SHOWN_ROWS)
            except SourceError as error:
                return wrap(repr(self)[1:-1], lines(str(error)))
            heads += [f"row {number}" for number in range(1, table.num_rows + 1)]
            for at, row in enumerate(rows):
                values = to_pylist(table.column(at).combine_chunks())
                row += ["" if value is None else printable(value, 60) for value in values]
        left = len(self.arrow_schema) - len(fields)
        more = f"<p>... and {counted(left, 'more column')}.</p>" if left else ""
        return wrap(repr(self)[1:-1], grid(heads, rows) + more)

    def then(
        self,
        step: Callable[[Chunk], Chunk],
        leaves: tuple[Leaf, ...] | None = None,
        arrow_schema: pa.Schema | None = None,
    ) -> Stream:
        """The stream with one more step.

        Args:
            step: a thread-safe function from Chunk to Chunk.
            leaves: of the chunks that come out, where the step changes them.
            arrow_schema: of the records that come out, where the step changes it.

        Returns:
            A further stream; this one stays as it is.

        Examples:
            >>> records.then(lambda chunk: chunk).to_pylist() == records.to_pylist()
            True
        """
        return replace(
            self,
            steps=(*self.steps, step),
            leaves=self.leaves if leaves is None else leaves,
            arrow_schema=self.arrow_schema if arrow_schema is None else arrow_schema,
            unlike=self.unlike if arrow_schema is None else None,
            whole=None,
        )

    def run(
        self,
        last: Callable[[Chunk], Any] | None = None,
        jobs: int | Pool | None = None,
        rest: Callable[[Chunk], Chunk] | None = None,
    ) -> Iterator[tuple[Chunk, Any]]:
        """All chunks in order, each with what `last` made of it in the worker.

        Args:
            last: called in the worker after the steps, on the chunk with piece-relative row numbers.
            rest: called in the worker at the end; what it leaves of the chunk comes out, and takes memory until then.
            jobs: threads that work, the calling one included, or a pool that has other work too; None means one per
                core.  At most `jobs` + 3 pieces are in flight, so memory is bounded whatever the size of the source.

        Returns:
            Pairs of a chunk, with absolute row numbers, and what `last` gave for it.

        Examples:
            >>> [size for _, size in records.run(len)]
            [1]
        """
        rows = lines = 0
        file: int | None = None
        results = ordered(partial(self._work, last, rest), pieces_of(self), jobs)
        try:
            for chunk, made in results:
                if chunk.files and chunk.files[0][0] != file:  # lines are counted within a file, rows through all
                    lines = 0
                counted = rows
                for file, count in chunk.files:
                    counted += count
                    if self.origins is not None:
                        self.origins.add(file, counted)
                yield chunk.shift(rows, lines), made
                rows += 0 if self.numbered else chunk.consumed
                lines += chunk.lines
        finally:
            results.close()

    def _work(
        self, last: Callable[[Chunk], Any] | None, rest: Callable[[Chunk], Chunk] | None, piece: Any
    ) -> tuple[Chunk, Any]:
        """What :meth:`run` does in a worker."""
        chunk: Chunk = reduce(lambda value, step: step(value), self.steps, piece)
        made = last(chunk) if last else None
        return rest(chunk) if rest else chunk, made

    def chunks(self, jobs: int | None = 0) -> Iterator[Chunk]:
        """All chunks in order, with absolute row numbers.

        Args:
            jobs: as for :meth:`run`; 0 works in the calling thread alone.

        Returns:
            The chunks, one by one.

        Examples:
            >>> [len(chunk) for chunk in records.chunks()]
            [1]
        """
        return (chunk for chunk, _ in self.run(jobs=jobs))

    def __iter__(self) -> Iterator[Chunk]:
        return self.chunks()

    def head(self, rows: int) -> pa.Table:
        """The first records, at most `rows`, nested, as one Arrow table; the rest of the source is not read.

        Args:
            rows: how many.

        Returns:
            A table of at most so many records, nested.

        Examples:
            >>> records.head(1).num_rows
            1
        """
        batches: list[pa.RecordBatch] = []
        seen = 0
        for chunk in self.chunks():
            batches.append(chunk.nested(self.arrow_schema))
            seen += len(chunk)
            if seen >= rows:
                break
        return pa.Table.from_batches(batches, None if batches else self.arrow_schema).slice(0, rows)

    def to_table(self) -> pa.Table:
        """All records, nested, faulty ones included, as one Arrow table.

        Returns:
            A table with one column a top-level field.

        Examples:
            >>> records.to_table().num_rows
            1
        """
        batches = [chunk.nested(self.arrow_schema) for chunk in self.chunks()]
        return pa.Table.from_batches(batches, None if batches else self.arrow_schema)

    def to_pandas(self) -> pd.DataFrame:
        """All records as a pandas DataFrame of nested objects.

        Returns:
            A DataFrame with one column a top-level field; objects are dicts.

        Raises:
            MissingDependencyError: pandas is not installed.

        Examples:
            >>> records.to_pandas().shape
            (1, 9)
        """
        with needed_by("to_pandas()"):
            import pandas  # noqa: F401 (Arrow's method needs it)
        frame: pd.DataFrame = self.to_table().to_pandas(maps_as_pydicts="strict")
        return frame

    def to_pylist(self) -> list[dict[str, Any]]:
        """All records as dicts, nulls and empty objects left out, as they would be written to JSON.

        Of several columns of one name, which a source may have but no record, the later ones get a number behind it.

        Returns:
            One dict a record.

        Examples:
            >>> records.to_pylist()
            [{'person': {'name': {'firstName': 'Ada'}}}]
        """
        table = self.to_table()
        batches = table.rename_columns(numbered_names(table.column_names)).to_batches()
        return [prune(record) for batch in batches for record in to_pylist(batch.to_struct_array(), "strict")]


def reading(stream: Stream, names: frozenset[str] | None, whole: bool = False) -> Stream:
    """The same rows for steps that read some columns only (None: all); values of others may be unfit for records.

    If `whole`, the steps hold the rows anyway, and what is in memory in one piece stays one.
    """
    if names is None or stream.narrowed is None or len(stream.steps) != 1:
        names, steps = None, stream.steps
    else:
        steps = (stream.narrowed(names),)
    return replace(stream, steps=steps, gather=stream.gather and partial(stream.gather, only=names, whole=whole))


def with_all_columns(stream: Stream) -> Stream:
    """The same rows with columns for all of them; the stream itself where it has them already."""
    if stream.whole is None:
        return stream
    return replace(stream.whole(), name=stream.name, notes=stream.notes, not_read=stream.not_read)


def pieces_of(stream: Stream) -> Iterator[Any]:
    """The pieces of a source; SourceError if it vanished, or changed so that it cannot be read any further."""
    try:
        yield from stream.gather(stream.source()) if stream.gather else stream.source()
    except OSError as error:
        why = error.strerror or shorten(str(error), 200)
        raise SourceError(f"{stream.name}: cannot be read to its end: {why}. Did it change in the meantime?") from None


def by_row(found: pa.Table) -> pa.Table:
    """Findings in the order of their rows; those of one row stay in the order that they have."""
    rows = found["row"].to_numpy()
    return found if (np.diff(rows) >= 0).all() else found.take(pa.array(np.argsort(rows, kind="stable")))


def issue_table(findings: Sequence[Finding]) -> pa.Table:
    """All findings as one table of :data:`ISSUE_SCHEMA`, by row; those of one row stay in the order that they have."""
    counts = [len(finding.rows) for finding in findings]
    rows = np.concatenate([np.zeros(0, np.int64), *(finding.rows for finding in findings)])
    order = np.argsort(rows, kind="stable")
    which = pa.array(np.repeat(np.arange(len(findings), dtype=np.int32), counts)[order])

    def each(texts: Sequence[str | None]) -> pa.Array:
        return pa.array(texts, pa.string()).take(which)

    def own(texts: Iterable[pa.Array]) -> pa.Array:
        return pa.concat_arrays([pa.nulls(0, pa.string()), *texts]).take(pa.array(order))

    values = [
        pa.nulls(count, pa.string()) if finding.values is None else finding.values.cast(pa.string())
        for finding, count in zip(findings, counts, strict=True)
    ]
    columns = [
        each([finding.code for finding in findings]),
        each([finding.severity for finding in findings]),
        pa.array(rows[order]),
        each([finding.path for finding in findings]),
        each([finding.column for finding in findings]),
        own(values),
        own(map(_messages, findings)),
        each([finding.hint for finding in findings]),
    ]
    return pa.Table.from_arrays(columns, schema=ISSUE_SCHEMA)


def _messages(finding: Finding) -> pa.Array:
    return pa.repeat(finding.message, len(finding.rows)) if finding.messages is None else finding.messages


def unfit_findings(unfit: Sequence[Unfit], leaf: Leaf, rows: np.ndarray[Any, np.dtype[np.int64]]) -> list[Finding]:
    """What no record can hold in the column of `leaf`, as findings about its rows."""
    found = []
    for item in unfit:
        path = format_path((*leaf.path, *item.path))
        found.append(Finding("unfit", path, item.reason, rows[item.rows], item.shown, leaf.column))
    return found


def row_chunk(records: pa.RecordBatch, leaves: tuple[Leaf, ...] | None = None, **more: Any) -> Chunk:
    """A chunk of consecutive rows counted from 1, for sources; `leaves` default to one per column."""
    n = records.num_rows
    leaves = column_leaves(records.schema) if leaves is None else leaves
    return Chunk(leaves, records, np.arange(1, n + 1, dtype=np.int64), **{"source": records, "consumed": n, **more})
