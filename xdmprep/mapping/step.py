"""The compiled mapping: a function from chunk to chunk, whole columns at a time.

A text column copied to a text field is passed on as it is.  What does not fit its destination becomes null and a
finding; so does what an expression fails on; the row goes on.

Inside one item of ``identityMap`` everything stands or falls with the item's ``id``: where that is null, ``primary``
and the rest are left out too, so that there is no item without an identity.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import Severity
from ..flow import Chunk, Finding
from ..language import Options
from ..leaves import Leaf, nested_schema, plain, valid
from ..paths import Path, format_path
from ..rules import RULES
from ..schema import Schema
from .convert import Misfit, convert, texts
from .hints import hinted
from .nested import array_at, list_parts
from .plan import Output, Plan
from .sources import AbsentSource, ConstantSource, ExpressionSource, Source, Values
from .stars import IDENTITY_MAPS, StarGroup, only_where, star_groups
from .targets import document_order, type_name

_TEXT_COLUMN = pa.dictionary(pa.int32(), pa.string())


class Mapper:
    """What :func:`~xdmprep.mapping.compile_mapping` gives; thread-safe.

    Attributes:
        leaves: the leaves of the chunks it makes, in document order.
        arrow_schema: the nested Arrow schema of its records.
        notes: what is worth a warning about the set as a whole.
    """

    def __init__(self, plan: Plan, columns: pa.Schema, schema: Schema | None, strict: bool) -> None:
        self._grouped = plan.grouped
        groups = star_groups(plan.stars, schema)
        made: list[Output | StarGroup] = [*plan.outputs, *groups]
        order = document_order([part.path for part in made], schema)
        self._parts = [made[number] for number in order]
        self._columns = columns
        self._options = plan.options
        self._severity: Severity = "error" if strict else "warning"
        self._follow = _followers([part.path for part in self._parts], self._parts)
        self.leaves = tuple(self._leaf(number, part) for number, part in enumerate(self._parts))
        self.arrow_schema = nested_schema(self.leaves) if schema is None else schema.arrow_schema
        self.notes = tuple(plan.notes)
        self._names = [leaf.name for leaf in self.leaves]

    def _leaf(self, number: int, part: Output | StarGroup) -> Leaf:
        if isinstance(part, StarGroup):
            return Leaf(part.path, part.type, part.text)
        leaf = Leaf(part.path, part.type, part.source.text)
        if isinstance(part.source, ConstantSource):
            value = part.source.value
            constant = value if isinstance(value, str | int | float | bool) else None
            follows = self._follow.get(number) if constant is not None else None
            return replace(leaf, column=None, constant=constant, follows=follows)
        return leaf

    def __call__(self, chunk: Chunk) -> Chunk:
        """The chunk's records, mapped; row numbers, findings and source rows stay with them."""
        work = self._work(chunk)
        arrays = [part.read(work) if isinstance(part, StarGroup) else work.column(part) for part in self._parts]
        for number, id_number in self._follow.items():
            there = arrays[id_number]
            if there.null_count:
                arrays[number] = only_where(arrays[number], valid(there))
        records = pa.RecordBatch.from_arrays(arrays, self._names)
        return replace(chunk, leaves=self.leaves, records=records, issues=(*chunk.issues, *work.findings))

    def _work(self, chunk: Chunk) -> Work:
        records = self._source_records(chunk)
        if not self._grouped:
            return Work(records, chunk.rows, self._options, self._severity)
        offsets = np.zeros(len(chunk) + 1, dtype=np.int32)
        flat = records
        if records.num_columns:
            parts = [list_parts(column) for column in records.columns]
            offsets = parts[0][0]
            flat = pa.RecordBatch.from_arrays([values for _, values in parts], records.schema.names)
        rows = np.repeat(chunk.rows, np.diff(offsets))
        return Work(flat, rows, self._options, self._severity, offsets)

    def _source_records(self, chunk: Chunk) -> pa.RecordBatch:
        if all(len(leaf.path) == 1 for leaf in chunk.leaves):
            names = [str(leaf.path[0]) for leaf in chunk.leaves]
            if names == chunk.records.schema.names:
                return chunk.records
            return pa.RecordBatch.from_arrays(chunk.records.columns, names)
        return chunk.nested(self._columns)


def _followers(paths: Sequence[Path], parts: Sequence[Any]) -> dict[int, int]:
    """For leaves inside an item of an identity map: which leaf is the item's id, unless that is a constant."""
    at = {path: number for number, path in enumerate(paths)}
    follow = {}
    for number, path in enumerate(paths):
        if len(path) > 3 and path[0] in IDENTITY_MAPS and path[3:] not in (("id",), ("xdm:id",)):
            found = at.get((*path[:3], "id"), at.get((*path[:3], "xdm:id")))
            if found is not None and not isinstance(getattr(parts[found], "source", None), ConstantSource):
                follow[number] = found
    return follow


class Work:
    """One chunk being mapped: what sources and coercions gave, each worked out once, and the findings so far.

    Where rows are grouped, `records` are all rows one after the other, `offsets` the bounds of the groups, and `rows`
    the number of each row's group.
    """

    def __init__(
        self,
        records: pa.RecordBatch,
        rows: np.ndarray[Any, np.dtype[np.int64]],
        options: Options,
        severity: Severity = "warning",
        offsets: np.ndarray[Any, np.dtype[np.int32]] | None = None,
    ) -> None:
        self.records, self.rows, self.options, self.severity = records, rows, options, severity
        self.offsets = offsets
        self.findings: list[Finding] = []
        self._values: dict[Hashable, Values] = {}
        self._coerced: dict[Hashable, tuple[pa.Array, list[Misfit]]] = {}

    def column(self, output: Output) -> pa.Array:
        """The column of one output, one value per record: of a group, the first that is not null."""
        if self.offsets is None:
            return self.output(output)
        starts, n = self.offsets[:-1], len(self.offsets) - 1
        if isinstance(output.source, ConstantSource):
            return constant_column(output.source.value, output.type, n)
        array = self.output(output)
        there = valid(array)
        at = np.where(there, np.arange(len(array)), len(array))
        first = np.minimum.reduceat(at, starts) if n else at
        made = array.take(pa.array(first, pa.int64(), mask=first == len(array)))
        if n < len(array) and output.source.columns and not pa.types.is_nested(array.type):
            group = np.repeat(np.arange(n), np.diff(self.offsets))
            other = pc.not_equal(plain(array), plain(made).take(pa.array(group))).fill_null(False)
            rows = np.flatnonzero(other.to_numpy(zero_copy_only=False))
            if len(rows):
                path, text = format_path(output.path), "rows of one record differ here; the first value is taken"
                self.add("group-differs", path, text, rows, texts(array, rows), output.source.text, "")
        return made

    def output(self, output: Output) -> pa.Array:
        """The values of one output for all rows."""
        source, path = output.source, output.path
        if isinstance(source, ConstantSource):
            return constant_column(source.value, output.type, self.records.num_rows)
        top = path[: len(path) - len(output.steps)]
        made = self.read(source, format_path(top))
        values = made.values
        key: Hashable = (source.key, output.steps)
        if output.via is not None:
            values = self.coerced((source.key, output.via), values, output.via, top, source)
        if output.steps:
            values = array_at(plain(_as_array(values)), output.steps)
        if isinstance(values, pa.Array) and _fits_as_it_is(values.type, output.type):
            return values
        return self.coerced((key, output.type), values, output.type, path, source)

    def read(self, source: Source, path: str) -> Values:
        """What the source gives; its errors become findings at `path`, once for a source and path."""
        made = self._values.get(source.key)
        if made is None:
            made = self._values[source.key] = source.read(self.records)
            self._report_errors(source, made, path)
        absent = (source.column,) if isinstance(source, AbsentSource) else getattr(source, "absent", ())
        for name in absent:
            text = f"the source has no column '{name}'"
            self.add("missing-column", path, text, np.arange(len(self.rows)), None, source.text, "")
        return made

    def _report_errors(self, source: Source, made: Values, path: str) -> None:
        reasons: dict[str, list[int]] = {}
        for position, reason in made.errors:
            reasons.setdefault(reason, []).append(position)
        for reason, positions in reasons.items():
            values = None
            if isinstance(source, ExpressionSource) and len(source.columns) == 1 and not source.absent:
                values = texts(self.records.column(source.columns[0]), np.asarray(positions))
            at = np.asarray(sorted(positions), dtype=np.int64)
            self.add("expression", path, f"the expression failed: {reason.rstrip('.')}", at, values, source.text, "")

    def coerced(self, key: Hashable, values: Any, target: pa.DataType, path: Path, source: Source) -> pa.Array:
        """`values` as exactly `target`; what does not fit becomes null and a finding at `path` or below."""
        made = self._coerced.get(key)
        if made is None:
            made = self._coerced[key] = convert(values, target, self.options)
        array, misfits = made
        for misfit in misfits:
            where = format_path((*path, *misfit.path))
            message = f"is not {type_name(misfit.target)}"
            for positions, hint in hinted(misfit.shown, misfit.target, None if misfit.path else source, self.options):
                some = misfit.shown.take(pa.array(positions))
                self.add("unparsable", where, message, misfit.positions[positions], some, source.text, hint)
        return array

    def add(
        self,
        code: str,
        path: str,
        message: str,
        positions: np.ndarray[Any, np.dtype[np.int64]],
        values: pa.Array | None,
        column: str,
        hint: str,
    ) -> None:
        """One more finding about the rows at `positions` of the chunk."""
        own = RULES[code].severity if code not in ("unparsable", "expression") else self.severity
        self.findings.append(Finding.of(code, path, message, self.rows[positions], values, column, hint, own))


def constant_column(value: Any, kind: pa.DataType, n: int) -> pa.Array:
    """`value` in each of `n` rows; text as one dictionary entry."""
    if pa.types.is_string(kind):
        return pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array([value], pa.string()))
    return pa.repeat(pa.scalar(value, kind), n)


def _fits_as_it_is(kind: pa.DataType, target: pa.DataType) -> bool:
    return bool(kind.equals(target) or (pa.types.is_string(target) and kind.equals(_TEXT_COLUMN)))


def _as_array(values: Any) -> pa.Array:
    return values if isinstance(values, pa.Array) else pa.array(values)
