"""One chunk being mapped: each node of the mappings worked out once, and the findings gathered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..core.paths import EVERY, Path, format_path
from ..core.shred import array_at, plain, valid
from ..core.stream import UNKNOWN_KEY, Finding
from ..errors import Severity
from ..kernels.arrays import list_parts, ranges
from ..language import Options
from ..language.evaluation import Shared
from ..language.shapes import only_where
from ..language.tree import Node
from .array_zip import Lists, zipped
from .convert import Misfit, convert, opened, texts
from .destinations import type_name
from .digits import lost_rows
from .hints import hinted
from .nested import as_meant
from .sources import ColumnSource, ConstantSource, ExpressionSource, Source, field_of, source_of
from .tree import Cast, Collect, First, GetPath, IsValid, Made, Opened, Step, Where, Zip

_Ints = np.ndarray[Any, np.dtype[np.int64]]
_TEXT_COLUMN = pa.dictionary(pa.int32(), pa.string())


class Work:
    """One chunk being mapped: what nodes gave, each object worked out once, and the findings so far.

    Where rows are grouped, `records` are all rows one after the other, `offsets` the bounds of the groups, and `rows`
    the number of each row's group.  Of a column among `keys`, the values of a group's rows are equal.  Calls that are
    `shared` by expressions are worked out once, too.
    """

    def __init__(
        self,
        records: pa.RecordBatch,
        rows: np.ndarray[Any, np.dtype[np.int64]],
        options: Options,
        severity: Severity = "warning",
        offsets: np.ndarray[Any, np.dtype[np.int32]] | None = None,
        keys: frozenset[str] = frozenset(),
        shared: frozenset[Node] = frozenset(),
    ) -> None:
        self.records, self.rows, self.options, self.severity = records, rows, options, severity
        self.offsets, self._keys = offsets, keys
        self.findings: list[Finding] = []
        self._made: dict[int, Made] = {}  # by the node's identity: to hash a node takes longer
        self._shared: Shared = dict.fromkeys(shared)
        self._told: set[tuple[int, Path]] = set()
        self._is_faulty = False

    def column(self, node: Node, path: Path) -> pa.Array:
        """The values of a node that leads to `path`; what is wrong with them becomes findings there or below."""
        values = self.run(node).values
        if self._is_faulty:
            self._tell(node, path)
        return values

    def run(self, node: Node) -> Made:
        """What a node gives."""
        made = self._made.get(id(node))
        if made is None:
            made = self._made[id(node)] = self._run(node)
            self._is_faulty |= bool(made.failed is not None or made.misfits or made.differing is not None)
        return made

    def _run(self, node: Node) -> Made:
        match node:
            case Source():
                self._is_faulty |= bool(node.absent)
                return node.read(self.records, self._shared)
            case GetPath(value, steps):
                return Made(array_at(plain(self.run(value).values), steps))
            case Cast(value, kind, told):
                return self._cast(value, kind, told)
            case Opened(value, kind):
                array, misfits = opened(self.run(value).values, kind, self.options)
                return Made(array, misfits=misfits)
            case Where(value, condition):
                holds = self.run(condition).values.fill_null(False).to_numpy(zero_copy_only=False)
                return Made(only_where(self.run(value).values, holds))
            case IsValid(value):
                return Made(pa.array(valid(self.run(value).values)))
            case First(value):
                return self._first(value)
            case Zip(parts, kind, by_id):
                return Made(zipped([(rest, self._part(part)) for rest, part in parts], kind, by_id))
        raise TypeError(node)

    def _part(self, node: Node) -> Lists | pa.Scalar:
        if isinstance(node, ConstantSource):
            return pa.scalar(node.value, node.type)
        if isinstance(node, Collect) and self.offsets is not None:
            return self.offsets, plain(self.run(node.value).values)
        return list_parts(self.run(node).values)

    def _cast(self, value: Node, target: pa.DataType, told: pa.DataType | None) -> Made:
        """Values of a type; null where text would be made of a double that has lost digits."""
        made, source = self._converted(value, target, told), source_of(value)
        places = source.as_text(target) if isinstance(source, ExpressionSource) else ()
        if not places or (found := lost_rows(self.records, places)) is None:
            return made
        rows = found[0] & valid(made.values)
        at = np.flatnonzero(rows)
        shown = texts(found[1].filter(pa.array(rows[found[0]])), np.arange(len(at)))
        array = plain(made.values).take(pa.array(np.arange(len(rows)), mask=rows))
        return made._replace(values=array, misfits=[*made.misfits, Misfit((), at, shown, target, lost=True)])

    def _converted(self, value: Node, target: pa.DataType, told: pa.DataType | None) -> Made:
        values = self.run(value).values
        if isinstance(values, pa.Array):
            if values.type.equals(target) or (pa.types.is_string(target) and values.type.equals(_TEXT_COLUMN)):
                return Made(values)
            field = field_of(value)
            values = values if field is None else as_meant(field, values, target)
        array, misfits = convert(values, target, self.options, isinstance(source_of(value), ColumnSource), told)
        return Made(array, misfits=misfits)

    def _first(self, value: Node) -> Made:
        assert self.offsets is not None  # noqa: S101  (rows are grouped)
        array, starts = self.run(value).values, self.offsets[:-1]
        if isinstance(value, ColumnSource) and value.column in self._keys:
            return Made(array.take(pa.array(starts)))
        first = _firsts(array, starts)
        made = array.take(pa.array(first, pa.int64(), mask=first == len(array)))
        if len(made) == len(array) or not source_of(value).columns or pa.types.is_nested(array.type):
            return Made(made)
        return Made(made, differing=_differing(plain(array), first, self.offsets))

    def _tell(self, node: Node, path: Path) -> _Ints:
        """Findings, once, for what is wrong with the values of a node that leads to `path`, and of those below it.

        Returns:
            The number of the row of each of the node's values.
        """
        rows = self.rows
        match node:
            case Source():
                if self._is_new(node, path):
                    self._tell_source(node, format_path(path))
            case Zip(parts):
                for rest, part in parts:
                    self._tell(part, (*path, EVERY, *rest))
            case GetPath(value, steps):
                rows = self._tell(value, path[: len(path) - len(steps)])
            case Collect(value):
                rows = self._tell(value, path)
            case Step(value):
                rows = self._tell(value, path)
                if self._is_new(node, path):
                    self._tell_step(node, path, rows)
        return rows if self.offsets is None or not isinstance(node, First) else rows[self.offsets[:-1]]

    def _is_new(self, node: Node, path: Path) -> bool:
        known = len(self._told)
        self._told.add((id(node), path))
        return len(self._told) > known

    def _tell_source(self, source: Source, path: str) -> None:
        """A finding about the rows in which an expression failed; most reasons quote the value."""
        made = self.run(source)
        if made.failed is not None and len(made.failed):
            values = None
            if isinstance(source, ExpressionSource) and len(source.columns) == 1 and not source.absent:
                values = texts(self.records.column(source.columns[0]), made.failed)
            what = "the expression failed"
            messages = pc.binary_join_element_wise(what, pc.utf8_rtrim(made.why, "."), ": ")
            self.findings.append(
                Finding("expression", path, what, self.rows[made.failed], values, source.text, severity=self.severity,
                        messages=messages)
            )  # fmt: skip
        for name in source.absent:
            text = f"the source has no column '{name}'"
            self._add("missing-column", path, text, self.rows, None, source.text)

    def _tell_step(self, node: Step, path: Path, rows: _Ints) -> None:
        source, made = source_of(node), self.run(node)
        for misfit in made.misfits:
            inside = misfit.path
            for _ in range(path.count(EVERY) - (self.offsets is not None)):  # the elements that the path stands for
                inside = inside[1:] if inside[:1] == (EVERY,) else inside
            where = format_path((*path, *inside))
            if misfit.lost:
                self._add("unfit", where, _LOST, rows[misfit.positions], misfit.shown, source.text, _AS_TEXT)
                continue
            if misfit.target is None:
                steps = (EVERY if isinstance(step, int) else step for step in (*path, *inside[:-1]))
                self._add("unknown-field", where, _UNKNOWN, rows[misfit.positions], misfit.shown, source.text)
                place = format_path((*steps, UNKNOWN_KEY))
                self.findings[-1] = replace(self.findings[-1], severity="warning", place=place)
                continue
            message = f"is not {type_name(misfit.target)}"
            for positions, hint in hinted(misfit.shown, misfit.target, None if misfit.path else source, self.options):
                some, at = misfit.shown.take(pa.array(positions)), rows[misfit.positions[positions]]
                self._add("unparsable", where, message, at, some, source.text, hint)
        if made.differing is not None and len(made.differing):
            text = "rows of one record differ here; the first value is taken"
            shown = texts(self.run(node.value).values, made.differing)
            self._add("group-differs", format_path(path), text, rows[made.differing], shown, source.text)

    def _add(self, code: str, *about: Any) -> None:
        """One more finding, of what :meth:`Finding.of` takes."""
        finding = Finding(code, *about)
        self.findings.append(replace(finding, severity=self.severity) if code == "unparsable" else finding)


_LOST = "is an integer beyond 2^53 that was read as a float: its last digits are lost"
_UNKNOWN = "field is not in the schema; its value is left out"
_AS_TEXT = "read the column as strings, as with dtype=str"


def _firsts(array: pa.Array, starts: np.ndarray[Any, np.dtype[np.int32]]) -> _Ints:
    """For each group, which begin at `starts`, the place of its first value that is not null; the length if none."""
    if not array.null_count:
        return starts.astype(np.int64)
    at = np.where(valid(array), np.arange(len(array)), len(array))
    first: _Ints = np.minimum.reduceat(at, starts) if len(starts) else at
    return first


def _differing(array: pa.Array, first: _Ints, offsets: np.ndarray[Any, np.dtype[np.int32]]) -> _Ints:
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
