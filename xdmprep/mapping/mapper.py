"""The compiled mapping: a function from chunk to chunk, whole columns at a time.

A text column copied to a text field is passed on without a copy.  A value that does not fit its destination, or on
which an expression fails, becomes null and a finding; the row is kept.

An item of ``identityMap`` whose ``id`` is null is left out with ``primary`` and the rest, so that no item is without an
identity.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pyarrow as pa

from ..core.paths import EVERY, Path, format_path, parse_path
from ..core.shred import Leaf, nested_schema
from ..core.stream import Chunk, Finding
from ..errors import ExpressionError
from ..kernels.arrays import list_parts
from ..language.tree import Node
from ..schema import Schema
from .destinations import IDENTITY_MAPS, document_order
from .evaluation import Program, SourceRows
from .plan import Output, Plan
from .sources import ColumnSource, ConstantSource, places_of, source_of
from .tree import Cast, First, IsValid, Where


class Mapper:
    """What :func:`~xdmprep.mapping.compile_mapping` gives; thread-safe.

    Attributes:
        leaves: the leaves of the chunks it makes, in document order.
        arrow_schema: the nested Arrow schema of its records.
        notes: what is worth a warning about the set as a whole.
        left_out: those of them that name fields whose values are lost.
    """

    def __init__(self, plan: Plan, columns: pa.Schema, schema: Schema | None, strict: bool) -> None:
        self._keys, self._columns, self._seed = plan.keys, columns, plan.options.seed
        outputs = [output for output in plan.outputs if EVERY not in output.path]
        nodes = [
            *((_first(output.node, plan.keys) if plan.keys else output.node) for output in outputs),
            *(one.node for one in plan.zips),
        ]
        outputs += plan.zips
        order = document_order([output.path for output in outputs], schema)
        outputs = [outputs[number] for number in order]
        follow = _followers(outputs)
        self.leaves = tuple(self._leaf(output, follow.get(number)) for number, output in enumerate(outputs))
        nodes = [nodes[number] for number in order]
        for number, id_number in follow.items():
            nodes[number] = Where(nodes[number], IsValid(nodes[id_number]))
        ends = [(node, output.path) for node, output in zip(nodes, outputs, strict=True)]
        self._program = Program(ends, plan.options, "error" if strict else "warning", plan.keys)
        self.arrow_schema = nested_schema(self.leaves) if schema is None else schema.arrow_schema
        self.notes, self.left_out = tuple(plan.notes), tuple(plan.left_out)
        self._names = [leaf.name for leaf in self.leaves]
        self._read_for = _destinations(plan.outputs, columns.names)

    @property
    def reads(self) -> frozenset[str]:
        """The columns of the source that are looked at."""
        return frozenset(self._read_for)

    @property
    def grouped_with(self) -> frozenset[str] | None:
        """The columns that its values depend on where rows are grouped; None for all."""
        return self.reads if self._seed is None else None  # seeded random values differ by the whole row

    def _leaf(self, output: Output, follows: int | None) -> Leaf:
        leaf = Leaf(output.path, output.type, output.text)
        match output.node:
            case ConstantSource(value=value):
                constant = value if isinstance(value, str | int | float | bool) else None
                return replace(leaf, column=None, constant=constant, follows=None if constant is None else follows)
            case Cast(ColumnSource(column=column, steps=())) if not self._keys:
                return replace(leaf, copied=column)
        return leaf

    def __call__(self, chunk: Chunk) -> Chunk:
        """The chunk's records, mapped; row numbers, findings and source rows stay with them."""
        rows = SourceRows(source_records(chunk, self._columns), chunk.rows)
        if self._keys:
            offsets, _ = list_parts(chunk.members)
            rows = SourceRows(rows.records, np.repeat(chunk.rows, np.diff(offsets)), offsets)
        arrays, findings = self._program.run(rows)
        records = pa.RecordBatch.from_arrays(arrays, self._names)
        issues = (*filter(None, map(self._wanted, chunk.issues)), *findings)
        return replace(chunk, leaves=self.leaves, records=records, issues=issues)

    def _wanted(self, finding: Finding) -> Finding | None:
        """A finding about the source's rows; None where it is about a value that no mapping reads."""
        if finding.code != "unfit" or finding.column is None:
            return finding
        inside: Path = ()
        with suppress(ExpressionError):  # a column without a name
            inside = parse_path(finding.path)[1:]
        for steps, path in self._read_for.get(finding.column, ()):
            if all(a == b or EVERY in (a, b) for a, b in zip(steps, inside, strict=False)):
                return replace(finding, path=path)
        return None


def source_records(chunk: Chunk, columns: pa.Schema) -> pa.RecordBatch:
    """The rows of a source chunk with its columns by name."""
    if chunk.records.schema.names == columns.names:
        return chunk.records
    if all(len(leaf.path) == 1 for leaf in chunk.leaves):
        return pa.RecordBatch.from_arrays(chunk.records.columns, [str(leaf.path[0]) for leaf in chunk.leaves])
    return chunk.nested(columns)


def _first(node: Node, keys: Collection[str]) -> Node:
    """The first value of each group; of a column that rows are grouped by it is taken before it is converted."""
    source = source_of(node)
    if isinstance(node, Cast) and isinstance(source, ColumnSource) and source.column in keys:
        return replace(node, value=_first(node.value, keys))
    return First(node)


def _destinations(outputs: Sequence[Output], columns: Sequence[str]) -> dict[str, list[tuple[Path, str]]]:
    """For each column that is read: the ways into its values that mappings take, and where each leads."""
    found: dict[str, list[tuple[Path, str]]] = {}
    for output in outputs:
        for name, *steps in places_of(output.node, columns):
            found.setdefault(str(name), []).append((tuple(steps), format_path(output.path)))
    return found


def _followers(outputs: Sequence[Output]) -> dict[int, int]:
    """For leaves inside an item of an identity map: which leaf is the item's id, unless that is a constant."""
    at = {output.path: number for number, output in enumerate(outputs)}
    follow = {}
    for path, number in at.items():
        if len(path) > 3 and path[0] in IDENTITY_MAPS and path[3:] not in (("id",), ("xdm:id",)):
            found = at.get((*path[:3], "id"), at.get((*path[:3], "xdm:id")))
            if found is not None and not isinstance(outputs[found].node, ConstantSource):
                follow[number] = found
    return follow
