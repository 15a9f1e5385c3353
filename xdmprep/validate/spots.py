"""Where a check stands, and what it found there.

A :class:`Spot` is a column at run time: an array, and for each of its positions the row it belongs to (elements of
arrays and values of maps have several positions a row, or none).  A :class:`Place` is the path that findings name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa

from ..core.paths import EVERY, Path, format_path
from ..core.shred import plain
from ..core.stream import Finding
from .kinds import Mask, Positions, lengths, map_entries
from .ruleset import Rules

#: Step of a place that stands for the values of a map.
ANY_KEY = "{*}"

#: More different places than this in one finding are shown with ``[*]`` instead of the index or key.
MAX_PLACES = 256


@dataclass(frozen=True)
class Spot:
    """A column at run time.

    Attributes:
        array: the values.
        rows: position of the chunk's row for each value; None means value i is of row i.
        labels: for each ``[*]`` or ``{*}`` of the place the index (numpy) or key (Arrow) of each value.
    """

    array: pa.Array
    rows: Positions | None = None
    labels: tuple[Any, ...] = ()

    def rows_at(self, positions: Positions) -> Positions:
        """The rows of some positions."""
        return positions if self.rows is None else self.rows[positions]

    def below(self, array: pa.Array, parents: Positions, label: Any) -> Spot:
        """The spot of values that belong to the positions `parents` of this one."""
        labels = tuple(_taken(known, parents) for known in self.labels)
        return Spot(array, parents if self.rows is None else self.rows[parents], (*labels, label))


def _taken(label: Any, positions: Positions) -> Any:
    return label.take(pa.array(positions)) if isinstance(label, pa.Array) else label[positions]


@dataclass(frozen=True)
class Place:
    """Where a check stands: the path with ``[*]`` and ``{*}``, and the source column."""

    path: Path
    column: str | None = None

    def child(self, step: str | int) -> Place:
        """The place one step below."""
        return replace(self, path=(*self.path, step))


@dataclass
class Sink:
    """Gathers the findings of one chunk."""

    rows: Positions
    rules: Rules
    findings: list[Finding] = field(default_factory=list)

    def add(
        self,
        place: Place,
        spot: Spot,
        code: str,
        say: tuple[str, str],
        positions: Positions,
        values: pa.Array | None = None,
    ) -> None:
        """One rule failed at some positions of a spot."""
        severity = self.rules.severity(code)
        if severity is None:
            return
        for path, some in _places(place.path, spot, positions):
            numbers = self.rows[spot.rows_at(positions[some])]
            shown = values if values is None or isinstance(some, slice) else values.take(pa.array(some))
            self.findings.append(
                Finding(code, format_path(path), say[0], numbers, shown, place.column, say[1], severity)
            )


@dataclass
class Verdict(Sink):
    """Gathers only which positions failed, for the branches of anyOf, oneOf and not."""

    bad: Mask = field(default_factory=lambda: np.zeros(0, dtype=bool))

    def add(
        self,
        place: Place,
        spot: Spot,
        code: str,
        say: tuple[str, str],
        positions: Positions,
        values: pa.Array | None = None,
    ) -> None:
        """Mark the positions."""
        self.bad[spot.rows_at(positions)] = True


def _places(path: Path, spot: Spot, positions: Positions) -> Iterable[tuple[Path, Any]]:
    """The actual paths of the positions, each with the indexes into `positions` that are there."""
    if not spot.labels:
        return [(path, slice(None))]
    codes = np.zeros(len(positions), dtype=np.int64)
    names: list[list[Any]] = []
    for label in spot.labels:
        some = _taken(label, positions)
        if isinstance(some, pa.Array):
            encoded = plain(some).dictionary_encode()
            names.append(encoded.dictionary.to_pylist())
            index = np.asarray(encoded.indices)
        else:
            distinct, index = np.unique(some, return_inverse=True)
            names.append([int(number) for number in distinct])
        codes = codes * len(names[-1]) + index
    distinct, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    if len(distinct) > MAX_PLACES:
        return [(tuple(EVERY if step == ANY_KEY else step for step in path), slice(None))]
    out = []
    for number, code in enumerate(distinct.tolist()):
        steps: list[Any] = []
        for known in reversed(names):
            code, at = divmod(code, len(known))
            steps.append(known[at])
        wild = iter(reversed(steps))
        actual = tuple(next(wild) if step in (EVERY, ANY_KEY) else step for step in path)
        out.append((int(first[number]), actual, np.flatnonzero(inverse == number)))
    return [(actual, some) for _, actual, some in sorted(out, key=lambda entry: entry[0])]


Op = Callable[[Spot, Sink], None]


def on_items(checks: list[Op]) -> Op:
    """Checks on the elements of a list column."""

    def op(spot: Spot, sink: Sink) -> None:
        sizes = lengths(spot.array)
        items = spot.array.flatten()
        if not len(items):
            return
        parents = np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)
        starts = np.cumsum(sizes) - sizes
        index = np.arange(len(items), dtype=np.int64) - np.repeat(starts, sizes)
        below = spot.below(items, parents, index)
        for check in checks:
            check(below, sink)

    return op


def on_entries(checks: list[Op]) -> Op:
    """Checks on the values of a map column."""

    def op(spot: Spot, sink: Sink) -> None:
        keys, items, parents = map_entries(spot.array)
        if len(items):
            below = spot.below(items, parents, keys)
            for check in checks:
                check(below, sink)

    return op


def on_fields(fields: Mapping[int, list[Op]]) -> Op:
    """Checks on the fields of a struct column."""

    def op(spot: Spot, sink: Sink) -> None:
        array = spot.array
        inside = array.flatten() if array.null_count else None
        for number, checks in fields.items():
            child = array.field(number) if inside is None else inside[number]
            below = replace(spot, array=child)
            for check in checks:
                check(below, sink)

    return op
