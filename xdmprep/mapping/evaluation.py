"""The mappings of a set over a chunk: each node worked out once, and findings about what is wrong with the values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..core.paths import EVERY, Path, format_path
from ..core.shred import array_at, plain, valid
from ..core.stream import UNKNOWN_KEY, Finding
from ..errors import Severity
from ..kernels.arrays import list_parts, ranges
from ..language import Options
from ..language.shapes import only_where
from ..language.tree import Node, children, repeated
from .array_zip import zipped
from .convert import Misfit, convert, texts
from .destinations import type_name
from .digits import lost_rows
from .hints import hinted
from .nested import as_meant
from .sources import FAILED, ColumnSource, ConstantSource, ExpressionSource, Source, field_of, source_of
from .tree import Cast, Collect, First, GetPath, IsValid, Made, Step, Where, Zip

_Ints = np.ndarray[Any, np.dtype[np.int64]]
_Offsets = np.ndarray[Any, np.dtype[np.int32]]
_TEXT_COLUMN = pa.dictionary(pa.int32(), pa.string())


class SourceRows(NamedTuple):
    """The rows of a chunk.

    Attributes:
        records: the source's columns.
        numbers: the number of each row; where rows are grouped, that of its group.
        offsets: the bounds of the groups, whose rows follow each other; None where rows are not grouped.
    """

    records: pa.RecordBatch
    numbers: _Ints
    offsets: _Offsets | None = None


#: What a step gives, from what the nodes below it gave.
_Operation = Callable[..., Made]


class _Place(NamedTuple):
    """A step, the path of its values and their source, which findings about them have, and names that no column has."""

    at: int
    source: Source
    absent: Sequence[str]
    path: Path
    of_groups: bool


class Program:
    """The nodes of some mappings in the order in which they are worked out; what is known before the first row is kept.

    Args:
        ends: the nodes whose values are wanted, each with the path that it leads to.
        options: of the mapping set, such as the time zone and date formats.
        severity: of findings about values that are lost.
        keys: the columns that rows are grouped by.
    """

    def __init__(
        self,
        ends: Sequence[tuple[Node, Path]],
        options: Options,
        severity: Severity = "warning",
        keys: frozenset[str] = frozenset(),
    ) -> None:
        self._options, self._severity, self._keys = options, severity, keys
        self._numbers: dict[Node, int] = {}
        self._steps: list[tuple[Any, tuple[int, ...]]] = []  # a source, or an operation and what it takes
        self._ends = [self._number(node) for node, _ in ends]
        self._places: dict[tuple[int, Path], _Place] = {}
        for node, path in ends:
            self._listen(node, path)
        trees = [node.expression.folded for node in self._numbers if isinstance(node, ExpressionSource)]
        self._shared = repeated(trees)

    def run(self, rows: SourceRows) -> tuple[list[pa.Array], list[Finding]]:
        """The values of each end, and what is wrong with them."""
        found: list[Made] = []
        shared = dict.fromkeys(self._shared)
        for step, below in self._steps:
            found.append(step(rows, *map(found.__getitem__, below)) if below else step.read(rows.records, shared))
        findings: list[Finding] = []
        for place in self._places.values():
            if found[place.at].misfits or place.absent:
                findings += self._findings(place, found[place.at].misfits, rows)
        return [found[at].values for at in self._ends], findings

    def _number(self, node: Node) -> int:
        """The place of a node among the steps; equal nodes have the same."""
        if node not in self._numbers:
            below = [
                child for child in children(node) if not (isinstance(node, Zip) and isinstance(child, ConstantSource))
            ]
            taken = tuple(map(self._number, below))
            self._steps.append((node if isinstance(node, Source) else self._operation(node), taken))
            self._numbers[node] = len(self._steps) - 1
        return self._numbers[node]

    def _listen(self, node: Node, path: Path) -> bool:
        """Note the places of a node that leads to `path`, and of those below it; whether its values are of groups."""
        of_groups = False
        match node:
            case Zip(parts):
                for rest, part in parts:
                    self._listen(part, (*path, EVERY, *rest))
                return False
            case Step(value):
                above = path[: len(path) - len(node.steps)] if isinstance(node, GetPath) else path
                of_groups = self._listen(value, above)
        if node in self._numbers:
            absent = node.absent if isinstance(node, Source) else ()
            place = _Place(self._numbers[node], source_of(node), absent, path, of_groups)
            self._places.setdefault((place.at, path), place)
        return of_groups or isinstance(node, First)

    def _operation(self, node: Node) -> _Operation:
        match node:
            case GetPath(_, steps):
                return lambda _, made: Made(array_at(plain(made.values), steps))
            case Cast():
                return self._cast(node)
            case Where():
                return lambda _, made, holds: Made(only_where(made.values, _true(holds.values)))
            case IsValid():
                return lambda _, made: Made(valid(made.values))
            case First(value):
                is_key = isinstance(value, ColumnSource) and value.column in self._keys
                read = bool(source_of(value).columns)
                return lambda rows, made: _first(made.values, rows.offsets, is_key, read)
            case Collect():
                return lambda rows, made: Made((rows.offsets, plain(made.values)))
            case Zip(parts, kind, by_id):
                fixed = [(rest, pa.scalar(part.value, part.type)) for rest, part in parts
                         if isinstance(part, ConstantSource)]  # fmt: skip
                rests = [rest for rest, part in parts if not isinstance(part, ConstantSource)]
                return lambda _, *made: Made(zipped([*zip(rests, map(_lists, made), strict=True), *fixed], kind, by_id))
        raise TypeError(node)

    def _cast(self, node: Cast) -> _Operation:
        """Values of a type; null where text would be made of a double that has lost digits."""
        target, source, field = node.type, source_of(node.value), field_of(node.value)
        fine = (target, _TEXT_COLUMN) if pa.types.is_string(target) else (target,)
        digits = isinstance(source, ColumnSource)

        def cast(rows: SourceRows, made: Made) -> Made:
            values = made.values
            if values.type not in fine:
                if field is not None:
                    values = as_meant(field, values, target)
                made = Made(*convert(values, target, self._options, digits, node.noted))
            else:
                made = Made(values)
            if not node.printed or (found := lost_rows(rows.records, node.printed)) is None:
                return made
            lost = found[0] & valid(made.values)
            at = np.flatnonzero(lost)
            shown = texts(found[1].filter(pa.array(lost[found[0]])), np.arange(len(at)))
            array = plain(made.values).take(pa.array(np.arange(len(lost)), mask=lost))
            return Made(array, [*made.misfits, Misfit("unfit", at, shown)])

        return cast

    def _findings(self, place: _Place, misfits: Sequence[Misfit], rows: SourceRows) -> Iterator[Finding]:
        path, source = place.path, place.source
        numbers = rows.numbers[rows.offsets[:-1]] if place.of_groups and rows.offsets is not None else rows.numbers
        for misfit in misfits:
            inside, at, marked = misfit.path, numbers[misfit.rows], ""
            for _ in range(path.count(EVERY) - bool(self._keys)):  # the elements that the path stands for
                inside = inside[1:] if inside[:1] == (EVERY,) else inside
            where = format_path((*path, *inside))
            if misfit.target is not None:
                message = f"is not {type_name(misfit.target)}"
                for some, hint in hinted(misfit.shown, misfit.target, None if misfit.path else source, self._options):
                    shown = misfit.shown.take(pa.array(some))
                    yield Finding(misfit.code, where, message, at[some], shown, source.text, hint, self._severity)
                continue
            if misfit.code == "unknown-field":
                steps = (EVERY if isinstance(step, int) else step for step in (*path, *inside[:-1]))
                marked = format_path((*steps, UNKNOWN_KEY))
            message, hint, level = _MESSAGES[misfit.code]
            yield Finding(misfit.code, where, message, at, misfit.shown, source.text, hint, level or self._severity,
                          marked, misfit.messages)  # fmt: skip
        for name in place.absent:
            message = f"the source has no column '{name}'"
            yield Finding("missing-column", format_path(path), message, rows.numbers, None, source.text)


#: What findings say that are not about a type, what to do, and their severity where it is not that of lost values.
_MESSAGES: dict[str, tuple[str, str, Severity | None]] = {
    "expression": (FAILED, "", None),
    "unfit": (
        "is an integer beyond 2^53 that was read as a float: its last digits are lost",
        "read the column as strings, as with dtype=str",
        "error",
    ),
    "unknown-field": ("field is not in the schema; its value is left out", "", "warning"),
    "group-differs": ("rows of one record differ here; the first value is taken", "", "warning"),
}


def _true(values: Any) -> Any:
    """Where a condition holds, as a mask."""
    return values if isinstance(values, np.ndarray) else values.fill_null(False).to_numpy(zero_copy_only=False)


def _lists(made: Made) -> Any:
    """Lists as their offsets and flat values; those that were collected are so already."""
    return made.values if isinstance(made.values, tuple) else list_parts(made.values)


def _first(array: pa.Array, offsets: _Offsets, is_key: bool, read: bool) -> Made:
    """Of each group the first value that is not null; of a key all are equal."""
    starts = offsets[:-1]
    if is_key:
        return Made(array.take(pa.array(starts)))
    first = _firsts(array, starts)
    made = array.take(pa.array(first, pa.int64(), mask=first == len(array)))
    if len(made) == len(array) or not read or pa.types.is_nested(array.type):
        return Made(made)
    differing = _differing(plain(array), first, offsets)
    return Made(made, [Misfit("group-differs", differing, texts(array, differing))] if len(differing) else [])


def _firsts(array: pa.Array, starts: _Offsets) -> _Ints:
    """For each group, which begin at `starts`, the place of its first value that is not null; the length if none."""
    if not array.null_count:
        return starts.astype(np.int64)
    at = np.where(valid(array), np.arange(len(array)), len(array))
    first: _Ints = np.minimum.reduceat(at, starts) if len(starts) else at
    return first


def _differing(array: pa.Array, first: _Ints, offsets: _Offsets) -> _Ints:
    """The rows whose value is another than the first of their group; nulls do not count."""
    begins = np.zeros(len(array), dtype=bool)
    begins[offsets[:-1]] = True
    # most groups say the same throughout: rows are compared with their neighbours, and only where two differ, or a null
    # is between, with the first value
    other = pc.not_equal(array.slice(1), array.slice(0, len(array) - 1)).fill_null(True)
    change = np.flatnonzero(other.to_numpy(zero_copy_only=False) & ~begins[1:])
    if not len(change):
        return change
    groups = np.searchsorted(offsets, change + 1, side="right") - 1
    groups = groups[np.append(True, groups[1:] != groups[:-1])]
    lengths = np.diff(offsets)[groups]
    rows = ranges(offsets[groups], lengths)
    firsts = np.repeat(first[groups], lengths)
    known = firsts < len(array)
    rows, firsts = rows[known], firsts[known]
    differ = pc.not_equal(array.take(pa.array(rows)), array.take(pa.array(firsts))).fill_null(False)
    found: _Ints = rows[differ.to_numpy(zero_copy_only=False)]
    return found
