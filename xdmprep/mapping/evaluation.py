"""One chunk being mapped: sources read once, values converted once, findings gathered."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..core.paths import EVERY, Path, format_path
from ..core.shred import array_at, plain, valid
from ..core.stream import Finding
from ..errors import Severity
from ..kernels.arrays import ranges
from ..language import Options
from .convert import Misfit, convert, texts
from .destinations import type_name
from .hints import hinted
from .nested import as_meant
from .plan import Output
from .sources import ColumnSource, ConstantSource, ExpressionSource, Source, Values

_Ints = np.ndarray[Any, np.dtype[np.int64]]
_TEXT_COLUMN = pa.dictionary(pa.int32(), pa.string())


class Work:
    """One chunk being mapped: what sources and coercions gave, each worked out once, and the findings so far.

    Where rows are grouped, `records` are all rows one after the other, `offsets` the bounds of the groups, and `rows`
    the number of each row's group.  Of a column among `keys`, the values of a group's rows are equal.
    """

    def __init__(
        self,
        records: pa.RecordBatch,
        rows: np.ndarray[Any, np.dtype[np.int64]],
        options: Options,
        severity: Severity = "warning",
        offsets: np.ndarray[Any, np.dtype[np.int32]] | None = None,
        keys: frozenset[str] = frozenset(),
    ) -> None:
        self.records, self.rows, self.options, self.severity = records, rows, options, severity
        self.offsets, self._keys = offsets, keys
        self._by_group: Work | None = None
        self.findings: list[Finding] = []
        self._values: dict[Hashable, Values] = {}
        self._told: set[tuple[Hashable, str]] = set()
        self._coerced: dict[Hashable, tuple[pa.Array, list[Misfit]]] = {}

    def column(self, output: Output) -> pa.Array:
        """The column of one output, one value per record: of a group, the first that is not null."""
        if self.offsets is None:
            return self.output(output)
        starts, n = self.offsets[:-1], len(self.offsets) - 1
        if isinstance(output.source, ConstantSource):
            return constant_column(output.source.value, output.type, n)
        if isinstance(output.source, ColumnSource) and output.source.column in self._keys:
            return self._of_keys().output(output)
        array = self.output(output)
        first = _firsts(array, starts)
        made = array.take(pa.array(first, pa.int64(), mask=first == len(array)))
        if n < len(array) and output.source.columns and not pa.types.is_nested(array.type):
            rows = _differing(plain(array), first, self.offsets)
            if len(rows):
                path, text = format_path(output.path), "rows of one record differ here; the first value is taken"
                self.add("group-differs", path, text, rows, texts(array, rows), output.source.text)
        return made

    def _of_keys(self) -> Work:
        """The first row of each group, of the columns that rows are grouped by; findings are those of this work."""
        if self._by_group is None:
            assert self.offsets is not None  # noqa: S101  (rows are grouped)
            starts = self.offsets[:-1]
            names = [name for name in self.records.schema.names if name in self._keys]
            records = self.records.select(names).take(pa.array(starts))
            self._by_group = Work(records, self.rows[starts], self.options, self.severity)
            self._by_group.findings = self.findings
        return self._by_group

    def output(self, output: Output) -> pa.Array:
        """The values of one output for all rows."""
        source, path = output.source, output.path
        if isinstance(source, ConstantSource):
            return constant_column(source.value, output.type, self.records.num_rows)
        top = path[: len(path) - len(output.steps)]
        made = self.read(source, format_path(top))
        values = made.values
        key: Hashable = (source.key, output.steps)
        whole = output.via
        if output.steps and whole is None and isinstance(values, list):  # an object whose parts do not fit its type
            whole = source.type
        if whole is not None:
            values = self.coerced((source.key, whole), values, whole, top, source)
        if output.steps:
            values = array_at(plain(values), output.steps)
        if isinstance(values, pa.Array) and _fits_as_it_is(values.type, output.type):
            return values
        if isinstance(values, pa.Array) and whole is None and isinstance(source, ColumnSource):
            values = as_meant(source.field_at(output.steps), values, output.type)
        return self.coerced((key, output.type), values, output.type, path, source)

    def read(self, source: Source, path: str) -> Values:
        """What the source gives; its errors become findings at `path`, once for a source and path."""
        made = self._values.get(source.key)
        if made is None:
            made = self._values[source.key] = source.read(self.records)
        if made.errors and (source.key, path) not in self._told:
            self._told.add((source.key, path))
            self._report_errors(source, made, path)
        for name in source.absent:
            text = f"the source has no column '{name}'"
            self.add("missing-column", path, text, np.arange(len(self.rows)), None, source.text)
        return made

    def _report_errors(self, source: Source, made: Values, path: str) -> None:
        """One finding for each reason; most reasons quote the value, so there may be one for each row."""
        if not made.errors:
            return
        reasons: dict[str, list[int]] = {}
        for position, reason in sorted(made.errors):
            reasons.setdefault(reason, []).append(position)
        at = np.fromiter(chain.from_iterable(reasons.values()), np.int64)
        rows, values = self.rows[at], None
        if isinstance(source, ExpressionSource) and len(source.columns) == 1 and not source.absent:
            values = texts(self.records.column(source.columns[0]), at)
        start = 0
        for reason, positions in reasons.items():
            end = start + len(positions)
            some = None if values is None else values.slice(start, end - start)
            message = f"the expression failed: {reason.rstrip('.')}"
            self.findings.append(
                Finding("expression", path, message, rows[start:end], some, source.text, severity=self.severity)
            )
            start = end

    def coerced(self, key: Hashable, values: Any, target: pa.DataType, path: Path, source: Source) -> pa.Array:
        """`values` as exactly `target`; what does not fit becomes null and a finding at `path` or below.

        Args:
            key: names the conversion, so that it is made once for a chunk.
            values: an Arrow array or a list, one value for each row of the chunk.
            target: Arrow type of the destination.
            path: XDM path of the destination, in parts.
            source: where the values come from, for column and hint of the findings.

        Returns:
            An array of `target`, one value for each row of the chunk.
        """
        made = self._coerced.get(key)
        if made is None:
            made = self._coerced[key] = convert(values, target, self.options, isinstance(source, ColumnSource))
        array, misfits = made
        for misfit in misfits:
            inside = misfit.path
            for _ in range(path.count(EVERY) - (self.offsets is not None)):  # the elements that the path stands for
                inside = inside[1:] if inside[:1] == (EVERY,) else inside
            where = format_path((*path, *inside))
            if misfit.lost:
                self.add("unfit", where, _LOST, misfit.positions, misfit.shown, source.text, _AS_TEXT)
                continue
            message = f"is not {type_name(misfit.target)}"
            for positions, hint in hinted(misfit.shown, misfit.target, None if misfit.path else source, self.options):
                some = misfit.shown.take(pa.array(positions))
                self.add("unparsable", where, message, misfit.positions[positions], some, source.text, hint)
        return array

    def add(self, code: str, path: str, message: str, at: _Ints, *more: Any) -> None:
        """One more finding about some rows of the chunk.

        Args:
            code: the rule, a key of ``RULES``.
            path: XDM path, as text.
            message: what is wrong.
            at: int64, ascending, 0-based positions in the chunk.
            more: values (a text array, one for each position), column and hint, as of :meth:`Finding.of`.
        """
        finding = Finding.of(code, path, message, self.rows[at], *more)
        if code == "unparsable":
            finding = replace(finding, severity=self.severity)
        self.findings.append(finding)


_LOST = "is an integer beyond 2^53 that was read as a float: its last digits are lost, and no text of it is right"
_AS_TEXT = "read the column as text, as with dtype=str"


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


def constant_column(value: Any, kind: pa.DataType, n: int) -> pa.Array:
    """`value` in each of `n` rows; text as one dictionary entry."""
    if pa.types.is_string(kind):
        return pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array([value], pa.string()))
    return pa.repeat(pa.scalar(value, kind), n)


def _fits_as_it_is(kind: pa.DataType, target: pa.DataType) -> bool:
    return bool(kind.equals(target) or (pa.types.is_string(target) and kind.equals(_TEXT_COLUMN)))
