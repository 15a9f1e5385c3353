"""Counts of the values that reached their destinations and of those that were left out on the way.

A value that does not fit its destination, or whose expression fails, is left out and the rest of the row goes on.  A
row may therefore be written, and even be valid, without values that the source had.  A :class:`Tally` counts both
kinds for one piece of a source, :class:`ValueCounts` adds the pieces up and says which destination lost how many.

Only rows that are written count: a row set aside is kept whole among the rejects.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from ..errors import ExpressionError, UsageError, counted
from ..kernels.arrays import located, map_parts, valid
from .paths import EVERY, Path, format_path, parse_path

#: Percentage of its values that a destination may lose before a run says so with its exit code.
MAX_LOSS = 50.0
#: Rules whose findings say that a value was left out.
LOST = frozenset({"unparsable", "expression"})
#: Destinations that a sentence names before it says how many more there are.
_NAMED = 3

_Mask = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Tally:
    """The values of one piece of a source.

    Attributes:
        written: path -> values in the records that are written; elements of arrays and items of maps count one by one,
            below ``[*]``.
        lost: path as text -> values left out of those records.
        rows: how many of those records lack a value.
    """

    written: dict[Path, int]
    lost: dict[str, int]
    rows: int


def check_max_loss(percent: float) -> None:
    """Raise UsageError for a largest loss that is not from 0 to 100."""
    if not 0 <= percent <= 100:
        raise UsageError(f"the largest loss is a percentage from 0 to 100, got {percent}.")


def tally(chunk: Any, faulty: _Mask) -> Tally:
    """Count the values of a :class:`.Chunk`, of whose rows the `faulty` ones (bool, n) are set aside."""
    rows = chunk.rows
    bad = np.flatnonzero(faulty)
    written: Counter[Path] = Counter()
    aside: Counter[Path] = Counter()
    for leaf, column in zip(chunk.leaves, chunk.records.columns, strict=True):
        if pa.types.is_nested(column.type):
            _count(column, leaf.path, written)
            _count(column.take(pa.array(bad)), leaf.path, aside)
        else:  # without a copy of the values
            written[leaf.path] += len(column) - column.null_count
            aside[leaf.path] += int(np.count_nonzero(valid(column)[bad])) if column.null_count else len(bad)
    written.subtract(aside)
    lost: Counter[str] = Counter()
    lacking = np.zeros(len(rows), bool)
    for finding in chunk.issues:
        if finding.code in LOST:
            at = located(finding.rows, rows)[0]
            at = at[~faulty[at]]
            if len(at):
                lost[finding.path] += len(at)
                lacking[at] = True
    return Tally(dict(written), dict(lost), int(np.count_nonzero(lacking)))


def _count(column: pa.Array, path: Path, counts: Counter[Path]) -> None:
    """Add the values of a column to `counts`, and those inside objects, arrays and maps."""
    counts[path] += len(column) - column.null_count
    kind = column.type
    if pa.types.is_struct(kind):
        for number, child in enumerate(column.flatten()):
            _count(child, (*path, kind.field(number).name), counts)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        _count(column.flatten(), (*path, EVERY), counts)
    elif pa.types.is_map(kind) and len(column):
        _count(map_parts(column)[1], (*path, EVERY), counts)


@dataclass(slots=True)
class ValueCounts:
    """The values of a source added up piece by piece; `rows` lack a value that the source had."""

    rows: int = 0
    _written: Counter[Path] = field(default_factory=Counter)
    _lost: Counter[str] = field(default_factory=Counter)

    def add(self, part: Tally) -> None:
        """Count in one piece."""
        self._written.update(part.written)
        self._lost.update(part.lost)
        self.rows += part.rows

    def merge(self, other: ValueCounts) -> None:
        """Count in those of another source."""
        self._written.update(other._written)
        self._lost.update(other._lost)
        self.rows += other.rows

    @classmethod
    def of(cls, table: dict[str, dict[str, int]], rows: int) -> ValueCounts:
        """The counts that :meth:`table` gave, to go on from them."""
        written = Counter({parse_path(path): entry["written"] for path, entry in table.items()})
        lost = Counter({path: entry["lost"] for path, entry in table.items() if entry["lost"]})
        return cls(rows, written, lost)

    def table(self, lost_only: bool = False) -> dict[str, dict[str, int]]:
        """Destination -> ``{"read", "written", "lost"}``, where read == written + lost; perhaps `lost_only` ones."""
        out: dict[str, dict[str, int]] = {}
        if not lost_only:
            for path, count in self._written.items():
                if count:
                    out[format_path(path)] = {"read": count, "written": count, "lost": 0}
        lost: Counter[str] = Counter()
        for text, count in self._lost.items():
            lost[self._destination(text)] += count
        for text, count in lost.items():
            kept = self._kept(text)
            out[text] = {"read": kept + count, "written": kept, "lost": count}
        return dict(sorted(out.items()))

    def _destination(self, text: str) -> str:
        """The path that values are counted at: of the items of maps, that of all keys together."""
        try:
            path = parse_path(text)
        except ExpressionError:
            return text
        if path in self._written:
            return text
        return next((format_path(place) for place in self._written if _covers(place, path)), text)

    def _kept(self, text: str) -> int:
        """Values written at a path of a finding: at the place itself, else the most that any place below it has."""
        try:
            path = parse_path(text)
        except ExpressionError:
            return 0
        if path in self._written:
            return self._written[path]
        same = [count for place, count in self._written.items() if _covers(place, path)]
        if same:
            return sum(same)
        below = [count for place, count in self._written.items() if place[: len(path)] == path]
        return max(below, default=0)

    def excessive(self, percent: float) -> tuple[str, ...]:
        """The destinations that lost more than `percent` of their values (0 to 100), the worst first."""
        shares = {path: entry["lost"] / entry["read"] for path, entry in self.table(lost_only=True).items()}
        worst = sorted(shares, key=lambda path: (-shares[path], path))
        return tuple(path for path in worst if 100 * shares[path] > percent)

    def __str__(self) -> str:
        """``2 with values left out (person.birthDate 2 of 3)``; empty where none was."""
        entries = sorted(self.table(lost_only=True).items(), key=lambda item: (-item[1]["lost"], item[0]))
        if not entries:
            return ""
        named = ", ".join(
            f"{path or 'record'} {entry['lost']:,} of {entry['read']:,}" for path, entry in entries[:_NAMED]
        )
        more = f" and {counted(len(entries) - _NAMED, 'more field')}" if len(entries) > _NAMED else ""
        return f"{self.rows:,} with values left out ({named}{more})"


def _covers(place: Path, path: Path) -> bool:
    """Whether a path with ``[*]`` for elements and keys stands for `path`."""
    return len(place) == len(path) and all(a in (EVERY, b) for a, b in zip(place, path, strict=True))
