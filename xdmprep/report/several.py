"""One report over several files: the reports of the files, counted together, each finding with its file.

Rows keep the numbers they have in their own file, so a finding is found again by file and row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from ..core.stream import ISSUE_SCHEMA
from . import EXAMPLES, Report


class FilesReport(Report):
    """The findings about the records of several files, of which `cap` were allowed to be kept together."""

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
            group.count += more.count
            new = [value for value in more.examples if value not in group.examples]
            group.examples += new[: EXAMPLES - len(group.examples)]

    @property
    def kept(self) -> int:
        """How many findings the reports of the files hold."""
        return sum(one.kept for one in self.files)

    @property
    def issues(self) -> pa.Table:
        """Every finding, file by file and in the order of the rows; the column ``file`` comes first."""
        return _joined([_named(one.name, one.issues) for one in self.files])

    def head(self, count: int) -> pa.Table:
        """The first findings, errors before warnings in each file, without making rows of the others."""
        tables = []
        for one in self.files:
            tables.append(_named(one.name, one.head(count)))
            count -= tables[-1].num_rows
        return _joined(tables)


def _named(file: str, table: pa.Table) -> pa.Table:
    if "file" in table.column_names:  # the report itself is of several files
        return table
    return table.add_column(0, "file", pa.repeat(pa.scalar(file, pa.string()), table.num_rows))


def _joined(tables: list[pa.Table]) -> pa.Table:
    return pa.concat_tables(tables or [_named("", ISSUE_SCHEMA.empty_table())])
