"""What validation found: every finding, a summary, a table, and pages to look at.

A report holds findings as they came, in columns, and makes rows of them only when asked.  Nothing is sampled; if the
caller sets a cap on the findings kept, all are still counted and the report says how many it keeps.
"""

from __future__ import annotations

import copy
import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..core.cells import escape_cells
from ..core.losses import LOST, ValueCounts
from ..core.manifest import whole_file
from ..core.paths import EVERY, format_path, parse_path
from ..core.rules import RULES
from ..core.stream import ISSUE_SCHEMA, UNKNOWN_KEY, Chunk, Finding, Origins, Unread, by_row, issue_table
from ..errors import DataError, ExpressionError, Issue, OutputError, counted, needed_by, shorten

if TYPE_CHECKING:
    import pandas as pd

    from ..schema import Schema

#: Endings of the files that a report can be saved as.
ENDINGS = (".html", ".json", ".jsonl", ".csv", ".parquet")

#: Example values that the summary keeps for each rule and path.
EXAMPLES = 3

SUMMARY_SCHEMA = pa.schema(
    [
        ("code", pa.string()), ("severity", pa.string()), ("path", pa.string()), ("column", pa.string()),
        ("count", pa.int64()), ("first_row", pa.int64()), ("examples", pa.list_(pa.string())),
        ("message", pa.string()), ("hint", pa.string()),
    ]
)  # fmt: skip


@dataclass(slots=True)
class Group:
    """All findings of one kind: one rule, one path without its indexes, one column.

    Attributes:
        path: where they are; several elements of an array are shown as ``[*]``, several keys of a map as ``{*}``.
        message: what is wrong; without the value, where it names one.
        count: how many findings.
        first_row: the lowest row number.
        file: the file of that row, where several were checked.
        examples: the first different values, at most :data:`EXAMPLES`.
    """

    code: str
    severity: str
    path: str
    column: str | None
    message: str
    hint: str
    count: int
    first_row: int
    examples: list[str]
    file: str | None = None
    place: str = ""

    def meet(self, path: str, message: str) -> None:
        """Show what this and one more finding have in common."""
        if path != self.path:
            self.path = self.place
        if message != self.message:
            self.message = _common(self.message, message) or RULES[self.code].title

    def join(self, other: Group) -> None:
        """Count the findings of another group in."""
        self.count += other.count
        self.first_row = min(self.first_row, other.first_row)
        self.examples = list(dict.fromkeys([*self.examples, *other.examples]))[:EXAMPLES]

    def add(self, rows: Any, values: pa.Array | None) -> None:
        """Count more findings in."""
        self.count += len(rows)
        self.first_row = min(self.first_row, int(rows.min()))
        if values is not None and len(self.examples) < EXAMPLES:
            for value in values.slice(0, 20).cast(pa.string()).to_pylist():
                if value is not None and value not in self.examples and len(self.examples) < EXAMPLES:
                    self.examples.append(value)


#: Rules whose messages name single values or rows.
_TELLING = frozenset({"expression", "unreadable", "ragged-row", "duplicate-key", "record-size", "contract"})
_SPECIFIC = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|(?<![A-Za-z_])[+-]?\d[\w.:+-]*|\u2026""")


def _template(message: str) -> str:
    """A message without the quoted texts and the numbers in it."""
    return _SPECIFIC.sub("\u2026", message)


def _common(one: str, other: str) -> str:
    """What two messages of one template share; empty if they have not the same."""
    between = _SPECIFIC.split(one)
    if between != _SPECIFIC.split(other):
        return ""
    shared = (a if a == b else "\u2026" for a, b in zip(_SPECIFIC.findall(one), _SPECIFIC.findall(other), strict=True))
    return "".join(text + same for text, same in zip_longest(between, shared, fillvalue=""))


def _kinds(finding: Finding) -> Iterator[Finding]:
    """A finding in parts: the messages of each differ in quoted texts and numbers only, and it says what they share."""
    left: Finding | None = finding
    for _ in range(MESSAGES):
        if left is None or left.messages is None:
            break
        shared = str(left.messages[0])
        same = _alike(left.messages, _template(shared))
        messages = left.messages.filter(pa.array(same))
        while not (told := _alike(messages, shared)).all():
            shared = _common(shared, str(messages[np.argmin(told)])) or _template(shared)
        yield replace(left.taken(np.flatnonzero(same)), message=shared, messages=None)
        left = left.where(~same)
    if left is not None:
        yield left if left.messages is None else replace(left, messages=None)


def _alike(messages: Any, shared: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which messages are the same as `shared`, but for what it leaves out."""
    pattern = ".*".join(map(re.escape, shared.split("\u2026")))
    return np.asarray(pc.match_substring_regex(messages, rf"(?s)\A{pattern}\z"))


@lru_cache(maxsize=4096)
def _place(path: str) -> str:
    """A path without its indexes."""
    try:
        return format_path(tuple(EVERY if isinstance(step, int) else step for step in parse_path(path)))
    except ExpressionError:
        return path


@lru_cache(maxsize=4096)
def _exact(place: str, path: str) -> str:
    """A place with the keys of a path where it has such as the schema does not know."""
    try:
        steps = zip(parse_path(place), parse_path(path), strict=False)
        return format_path(tuple(step if shown == UNKNOWN_KEY else shown for shown, step in steps))
    except ExpressionError:
        return path


Kind = tuple[str, str, str, str | None, str]


#: Different keys, unknown to the schema, that break one rule in one place; more are data and count as one.
KEYS = 20
#: Different messages of one rule at one path; more than that, and they are counted as one.
MESSAGES = 20


class Report:
    """The findings about some records.

    Attributes:
        rows: how many rows were checked.
        invalid: how many of them have an error.
        found: how many findings there are.
        cap: the cap, None if there is none.
        files: where several files were checked, the report of each.
        notes: what is wrong with the schema or the mapping as a whole, whatever the records are.
        values: counts of the values written and left out, where a mapping made the records.
        schema: the schema, for the types of fields; None where it is not known.
        mapped: source and destination of each mapping that made the records.
        seconds: wall time of the run; None where it was not measured.
        hides_values: whether values of the data are left out of every view, see :meth:`without_values`.
        merged: where a mapping groups rows, how many more source rows the records are made of.

    Args:
        name: what was checked.
        rows: how many rows were checked, unreadable ones included; records, where a mapping groups rows.
        findings: what was found.
        cap: keep at most this many findings (all are counted).
        origins: where the source is several files, which rows came from which; findings then name their file.
        notes, schema, mapped: as the attributes.

    Examples:
        >>> report = xp.validate("schemas/examples/crm-profiles.csv", schema, mapping=mapping)
        >>> print(report.headline())
        crm-profiles.csv: 300 rows, 59 invalid, 103 findings
        >>> report.groups[0].code, report.groups[0].count
        ('pattern', 39)
    """

    files: tuple[Report, ...] = ()
    seconds: float | None = None
    hides_values = False

    def __init__(
        self,
        name: str = "data",
        rows: int = 0,
        findings: Iterable[Finding] = (),
        *,
        cap: int | None = None,
        origins: Origins | None = None,
        notes: Iterable[str] = (),
        schema: Schema | None = None,
        mapped: Iterable[tuple[str, str]] = (),
    ) -> None:
        self.name, self.rows, self.cap = name, rows, cap
        self.notes, self.schema, self.mapped = tuple(filter(None, notes)), schema, tuple(mapped)
        self._origins = origins
        self._started = time.perf_counter()
        self.merged = 0
        self.values = ValueCounts()
        self.invalid = self.found = 0
        self._held: dict[bool, list[Finding]] = {True: [], False: []}  # errors; warnings
        self._count = {True: 0, False: 0}
        self._groups: dict[Kind, Group] = {}
        self._messages: dict[tuple[str, str, str, str | None], set[str]] = {}
        #: by rule and place: the places with keys that the schema does not know; None once they count as one
        self._unknown: dict[tuple[str, str], set[str] | None] = {}
        self._take(0, findings)

    def _take(self, rows: int, findings: Iterable[Finding], unread: Sequence[Unread] = ()) -> None:
        """Count in some rows and all findings about them."""
        self.rows += rows
        some = [finding for finding in findings if len(finding.rows)]
        bad = [finding.rows for finding in some if finding.severity == "error"]
        if bad:
            rows_of_errors = np.sort(np.concatenate(bad), kind="stable")  # sorted runs: `unique` takes ten times longer
            self.invalid += 1 + int(np.count_nonzero(np.diff(rows_of_errors)))
        for finding in some:
            for part in _kinds(finding):
                self._group(part).add(part.rows, part.values)
            self._hold(finding)
        self.invalid += len(unread)
        for code in sorted({one.code for one in unread}):  # each row has a message of its own: they count as one
            same = [one.finding() for one in unread if one.code == code]
            messages, values = pa.array([one.message for one in same]), pa.concat_arrays([one.values for one in same])
            title = RULES[code].title if code in RULES else same[0].message
            numbers = np.concatenate([one.rows for one in same])
            together = Finding(code, "", title, numbers, values, messages=messages)
            self._group(together).add(together.rows, values)
            self._hold(together)

    def _hold(self, finding: Finding) -> None:
        """Count issues in and hold as many as the cap leaves room for: warnings never take the place of errors."""
        count, error = len(finding.rows), finding.severity == "error"
        self.found += count
        room = count if self.cap is None else min(max(self.cap - self._count[error], 0), count)
        if room:
            self._held[error].append(_head(finding, room))
            self._count[error] += room

    @property
    def kept(self) -> int:
        """How many findings the report holds; fewer than `found` only with a cap."""
        held = self._count[True] + self._count[False]
        return held if self.cap is None else min(held, self.cap)

    def _first(self, count: int) -> list[Finding]:
        """The first findings that are kept: errors, then as many warnings as the cap leaves room for."""
        found: list[Finding] = []
        left = min(count, self.kept)
        for finding in (*self._held[True], *self._held[False]):
            if left <= 0:
                break
            found.append(_head(finding, left))
            left -= len(found[-1].rows)
        return found

    def _group(self, finding: Finding) -> Group:
        kind = self._kind(finding)
        group = self._groups.get(kind)
        if group is None:
            group = self._groups[kind] = Group(
                finding.code, finding.severity, finding.path, finding.column, finding.message, finding.hint,
                0, int(finding.rows.min()), [], None, kind[2],
            )  # fmt: skip
        else:
            group.meet(finding.path, finding.message)
        return group

    def _kind(self, finding: Finding | Group) -> Kind:
        """What the findings of one group have in common: never a value, a row or an index."""
        message = _untold(finding.code, finding.message)
        place = finding.place or _place(finding.path)
        if UNKNOWN_KEY in place:
            place = self._with_keys(finding.code, place, finding.path)
        known = self._messages.setdefault((finding.code, finding.severity, place, finding.column), set())
        if message not in known and len(known) == MESSAGES:
            message = RULES[finding.code].title if finding.code in RULES else ""
        else:
            known.add(message)
        return finding.code, finding.severity, place, finding.column, message

    def _with_keys(self, code: str, place: str, path: str) -> str:
        """A place with keys that the schema does not know: each by itself, or together once they are too many."""
        known = self._unknown.setdefault((code, place), set())
        together = place.replace(UNKNOWN_KEY, "{*}")
        if known is None:
            return together
        exact = _exact(place, path)
        if exact in known or (len(known) < KEYS and exact != place.replace(UNKNOWN_KEY, EVERY)):
            known.add(exact)
            return exact
        self._unknown[code, place] = None
        for kind in [kind for kind in self._groups if kind[0] == code and kind[2] in known]:
            group = self._groups.pop(kind)
            group.path = group.place = together
            same = self._groups.setdefault((*kind[:2], together, *kind[3:]), group)
            if same is not group:
                same.join(group)
        return together

    @property
    def valid(self) -> bool:
        """Whether no row has an error; warnings do not count."""
        return self.invalid == 0

    @property
    def groups(self) -> list[Group]:
        """The findings grouped by rule and path: errors first, then by count."""
        groups = sorted(self._groups.values(), key=lambda g: (g.severity != "error", -g.count, g.code, g.path))
        if self.hides_values:
            groups = [replace(group, message=_untold(group.code, group.message), examples=[]) for group in groups]
        if self._origins is None or not groups:
            return groups
        files, rows = self._origins.of(np.array([group.first_row for group in groups], np.int64))
        return [
            replace(group, file=file, first_row=row)
            for group, file, row in zip(groups, files.to_pylist(), rows.tolist(), strict=True)
        ]

    @property
    def issues(self) -> pa.Table:
        """All findings as an Arrow table (:data:`xdmprep.core.stream.ISSUE_SCHEMA`), in row order."""
        return self.head(self.kept)

    def place(self, origins: Origins) -> None:
        """Say where the rows come from: findings then name their file, and the row within it.

        Args:
            origins: the files of the source, and their rows.

        Examples:
            >>> from xdmprep.core.stream import Origins
            >>> placed = xp.validate("schemas/examples/crm-profiles.csv", schema, mapping=mapping)
            >>> placed.place(Origins(["crm.csv"]))
            >>> placed.head(1).column("file").to_pylist()
            ['crm.csv']
        """
        self._origins = origins

    def keep(self, count: int) -> None:
        """Hold no more than the first `count` findings, as :meth:`head` gives them; all stay counted.

        Args:
            count: findings to hold.

        Examples:
            >>> short = xp.validate("schemas/examples/crm-profiles.csv", schema, mapping=mapping)
            >>> short.keep(5)
            >>> short.kept, short.found
            (5, 103)
        """
        if self.kept > count:
            first = self._first(count)
            for error in (True, False):
                held = [finding for finding in first if (finding.severity == "error") is error]
                self._held[error], self._count[error] = held, sum(len(finding.rows) for finding in held)

    def head(self, count: int) -> pa.Table:
        """The first findings, errors before warnings, without making rows of the others.

        Args:
            count: at most so many findings.

        Returns:
            A table as :attr:`issues` is.

        Examples:
            >>> report.head(2).column("code").to_pylist()
            ['pattern', 'pattern']
        """
        table = pa.concat_tables([ISSUE_SCHEMA.empty_table(), *(issue_table([one]) for one in self._first(count))])
        table = by_row(table)
        if self.hides_values:
            table = _hidden(table)
        return table if self._origins is None else self._origins.named(table)

    def without_values(self) -> Report:
        """The same report for other eyes: no view and no file made of it shows a value of the data.

        Values and examples are left out, and quoted texts and numbers in messages about single rows.  Paths
        stay, with the keys of maps in them.

        Examples:
            >>> report.without_values().groups[0].message
            'expected a string matching [0-1][0-9]-[0-9][0-9]'
        """
        view = copy.copy(self)
        view.hides_values = True
        view.files = tuple(one.without_values() for one in self.files)
        return view

    def __iter__(self) -> Iterator[Issue]:
        for batch in self.issues.to_batches():
            for row in batch.to_pylist():
                yield Issue(**row)

    def summary(self) -> pa.Table:
        """The findings grouped by rule and path: how many, the first row, examples of values.

        Examples:
            >>> report.summary().select(["code", "count"]).to_pylist()[0]
            {'code': 'pattern', 'count': 39}
        """
        groups = [{name: getattr(group, name) for name in self._summary.names} for group in self.groups]
        return pa.Table.from_pylist(groups, self._summary)

    @property
    def _summary(self) -> pa.Schema:
        several = bool(self.files) or self._origins is not None
        return SUMMARY_SCHEMA.append(pa.field("file", pa.string())) if several else SUMMARY_SCHEMA

    def to_pandas(self) -> pd.DataFrame:
        """Every finding as a row of a DataFrame.

        Raises:
            MissingDependencyError: pandas is not installed.

        Examples:
            >>> report.to_pandas()["code"].value_counts().head(1).to_dict()
            {'pattern': 39}
        """
        with needed_by("to_pandas()"):
            import pandas  # noqa: F401 (Arrow's method needs it)
        frame: pd.DataFrame = self.issues.to_pandas()
        return frame

    def to_dict(self) -> dict[str, Any]:
        """Counts and summary as JSON values.

        Examples:
            >>> sorted(report.to_dict())
            ['cap', 'findings', 'invalid', 'kept', 'name', 'rows', 'summary', 'valid', 'values']
        """
        groups = []
        for group in self.groups:
            platform = RULES[group.code].platform if group.code in RULES else None
            entry = {name: getattr(group, name) for name in self._summary.names}
            groups.append({**entry, **({"platform_code": platform} if platform else {})})
        facts = {
            "name": self.name, "valid": self.valid, "rows": self.rows, "invalid": self.invalid,
            "findings": self.found, "kept": self.kept, "cap": self.cap, "values": self.values.table(lost_only=True),
            "summary": groups,
        }  # fmt: skip
        if self.notes:
            facts["notes"] = list(self.notes)
        return {**facts, "files": [{"file": one.name, **one.to_dict()} for one in self.files]} if self.files else facts

    def to_json(self) -> str:
        """Counts, summary and every finding as one JSON text.

        Examples:
            >>> report.to_json()[:15]
            '{"name": "crm-p'
        """
        issues = [
            {key: value for key, value in row.items() if value not in (None, "")} for row in self.issues.to_pylist()
        ]
        return json.dumps({**self.to_dict(), "issues": issues}, ensure_ascii=False)

    def to_html(self) -> str:
        """The report as one self-contained page: summary, bars by rule and path, a table to filter.

        Examples:
            >>> report.to_html()[:15]
            '<!DOCTYPE html>'
        """
        from .page import report_page

        return report_page(self)

    def _repr_html_(self) -> str:
        from .page import report_fragment

        return report_fragment(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the report; the ending decides: ``.html``, ``.json``, ``.jsonl``, ``.csv`` or ``.parquet``.

        The last three hold one finding a row.

        Args:
            path: ``.html``, ``.json``, ``.csv`` or ``.parquet``.

        Returns:
            The path.

        Raises:
            OutputError: the file cannot be written, or the ending is none of these.

        Examples:
            >>> report.save("page.html")
            PosixPath('page.html')
        """
        file = Path(path)
        ending = file.suffix.lower()
        if ending not in (".html", ".htm", ".json", ".jsonl", ".ndjson", ".csv", ".parquet", ".pq"):
            raise OutputError(f"{file}: a report ends in .html, .json, .jsonl, .csv or .parquet.")
        with whole_file(path) as out:
            if ending in (".html", ".htm"):
                out.write(self.to_html().encode("utf-8", "backslashreplace"))
            elif ending == ".json":
                out.write((self.to_json() + "\n").encode("utf-8", "backslashreplace"))
            elif ending in (".jsonl", ".ndjson"):
                for batch in self.issues.to_batches(max_chunksize=10_000):
                    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in batch.to_pylist())
                    out.write(lines.encode("utf-8", "backslashreplace"))
            elif ending == ".csv":
                import pyarrow.csv as arrow_csv

                arrow_csv.write_csv(escape_cells(self.issues), out)
            else:
                import pyarrow.parquet as pq

                pq.write_table(self.issues, out)
        return file

    def raise_if_invalid(self) -> Report:
        """The report itself if it is valid.

        Raises:
            DataError: a row has an error; the message is the summary.

        Examples:
            >>> xp.validate("out/part-00000.json", schema).raise_if_invalid()
            <Report part-00000.json: 241 rows, all valid>
        """
        if not self.valid:
            raise DataError(str(self))
        return self

    def _left_out(self) -> str:
        """How many values were left out, as far as it is known; empty where none was."""
        if self.values.rows:
            return str(self.values)
        lost: dict[str, int] = {}
        for group in self._groups.values():
            if group.code in LOST:
                lost[group.path] = lost.get(group.path, 0) + group.count
        if not lost:
            return ""
        worst = sorted(lost, key=lambda path: (-lost[path], path))
        named = ", ".join(f"{path or 'record'} {lost[path]:,}" for path in worst[:3])
        more = f" and {counted(len(lost) - 3, 'more field')}" if len(lost) > 3 else ""
        return f"{counted(sum(lost.values()), 'value')} left out ({named}{more})"

    def headline(self) -> str:
        """The outcome in one sentence.

        Examples:
            >>> report.headline()
            'crm-profiles.csv: 300 rows, 59 invalid, 103 findings'
        """
        rows = counted(self.rows, "row")
        if self.merged:
            rows = f"{counted(self.rows, 'record')} of {counted(self.rows + self.merged, 'row')}"
        if self.valid:
            warnings = f", {counted(self.found, 'warning')}" if self.found else ""
            verdict = f"none invalid, {self._left_out()}" if self._left_out() else "all valid"
            return f"{self.name}: {rows}, {verdict}{warnings}"
        capped = ""
        if self.cap is not None and self.kept < self.found:
            capped = f" (the first {self.kept:,} kept: cap {self.cap:,})"
        left_out = f"{self._left_out()}, " if self.values.rows else ""
        return f"{self.name}: {rows}, {self.invalid:,} invalid, {left_out}{counted(self.found, 'finding')}{capped}"

    def __str__(self) -> str:
        lines = [self.headline(), *(f"  warning: {note}" for note in self.notes)]
        for group in self.groups[:40]:
            values = f", such as {', '.join(shorten(value, 40) for value in group.examples)}" if group.examples else ""
            column = f" (column {group.column})" if group.column else ""
            lines.append(
                f"  {group.count:>9,} {group.severity:<7} {group.code:<18} {group.path or 'record'}{column}: "
                f"{group.message}{values}; first in row {group.first_row}" + (f" of {group.file}" if group.file else "")
            )
        if len(self._groups) > 40:
            lines.append(f"  ... and {len(self._groups) - 40} more kinds of findings")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<Report {self.headline()}>"


def count_chunk(report: Report, chunk: Chunk) -> None:
    """Count a chunk with absolute row numbers: its rows, its findings, and what could not be read."""
    report.merged += chunk.merged
    if chunk.tally is not None:
        report.values.add(chunk.tally)
    report._take(chunk.consumed, chunk.issues, chunk.unread)


def timed(report: Report) -> Report:
    """The report itself, with the time since it was begun."""
    report.seconds = time.perf_counter() - report._started
    return report


def _head(finding: Finding, room: int) -> Finding:
    """The finding about its first `room` rows."""
    return finding if room >= len(finding.rows) else finding.taken(np.arange(room))


def _untold(code: str, message: str) -> str:
    """A message without what it tells of single values or rows."""
    return _template(message) if code in _TELLING else message


def _hidden(table: pa.Table) -> pa.Table:
    """Findings without values of the data."""
    codes, messages = table.column("code").to_pylist(), table.column("message").to_pylist()
    shown = pa.array(map(_untold, codes, messages), pa.string())
    table = table.set_column(table.column_names.index("message"), "message", shown)
    return table.set_column(table.column_names.index("value"), "value", pa.nulls(table.num_rows, pa.string()))


class FilesReport(Report):
    """The reports of several files, counted together: at most `cap` findings, each with its file and its row there."""

    def __init__(self, files: Sequence[Report], *, cap: int | None = None) -> None:
        super().__init__(f"{len(files):,} files", cap=cap)
        self.files = tuple(files)
        self.notes = tuple(dict.fromkeys(note for one in files for note in one.notes))
        for one in files:
            self.rows += one.rows
            self.merged += one.merged
            self.invalid += one.invalid
            self.found += one.found
            self.values.merge(one.values)
            self.schema, self.mapped = one.schema, one.mapped
            self.seconds = (self.seconds or 0.0) + (one.seconds or 0.0)
            for group in one.groups:
                self._join(replace(group, file=group.file or one.name, examples=list(group.examples)))

    def _join(self, more: Any) -> None:
        """Count a file's group in; the first row that is shown is that of the first file that has one."""
        group = self._groups.setdefault(self._kind(more), more)
        if group is not more:
            group.meet(more.path, more.message)
            group.join(replace(more, first_row=group.first_row))

    @property
    def kept(self) -> int:
        """How many findings the reports of the files hold."""
        return sum(one.kept for one in self.files)

    def head(self, count: int) -> pa.Table:
        """The first findings of each file, errors before warnings there; the column ``file`` comes first."""
        tables = [_named("", ISSUE_SCHEMA.empty_table())]
        for one in self.files:
            tables.append(_named(one.name, one.head(count)))
            count -= tables[-1].num_rows
        return pa.concat_tables(tables)


def _named(file: str, table: pa.Table) -> pa.Table:
    if "file" in table.column_names:  # the report itself is of several files
        return table
    return table.add_column(0, "file", pa.repeat(pa.scalar(file, pa.string()), table.num_rows))


__all__ = ["ENDINGS", "FilesReport", "Group", "Report"]
