"""The check tree: what a schema and the platform require of a value, compiled once, for Python values and for columns.

A :class:`CheckNode` is a list of constraints.  Each constraint is one rule and checks single values and
columns; the constraints on fields and items hold the nodes below.  Two functions walk the tree:
:meth:`CheckNode.check` with a value, and :meth:`ColumnCompiler.compile` with a shape.  A constraint without a columnar
form checks value by value, so both mean the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any

import pyarrow as pa

from ..core.arrow_types import holds
from ..core.paths import Path
from ..core.shred import Leaf
from ..regex import MatchTimeout
from ..schema.types import json_type
from .conversion import convert
from .messages import Violation, undecided
from .ops import ValueCheck, each_value, on_nulls
from .view import ChunkColumns, ColumnShape, ColumnView, LeafShape, Op, SchemaPath, Shape, Verdict

STRING, OBJECT, ARRAY = frozenset({"string"}), frozenset({"object"}), frozenset({"array"})
NUMBERS = frozenset({"integer", "number"})
_NARROW = (STRING, OBJECT, ARRAY, NUMBERS)
ANY_TYPE = frozenset({"string", "object", "array", "integer", "number", "boolean", "null"})


class Constraint:
    """One rule for values.

    Attributes:
        kinds: JSON types of the values that it can fail for; it is not called for others.
        first: findings in objects and arrays above the leaves are reported before those of other constraints.
    """

    kinds: frozenset[str] = ANY_TYPE
    first = False

    def check(self, value: Any, at: Path, out: list[Violation]) -> None:
        """Add what is wrong with a value of these types at a path; numbers are finite, but for the type's own check."""
        raise NotImplementedError

    def columns(self, compiler: ColumnCompiler, shape: Shape, place: SchemaPath) -> list[Op]:
        """The checks of views of a shape; if the rule has no better, of each value."""
        return [each_value(self.check, place)]


class CheckNode:
    """The constraints on one value.

    Args:
        build: makes the constraints, in the order in which their faults are reported; called when they are first asked
            for, so that a node may contain itself.
        schema: the keywords that the platform's type conversion looks at; None where it does not convert.
        within: whether it is part of a branch: a value that it cannot decide is not decided by the branch either.
        base: the node of JSON Schema that a node of the platform adds to.

    Attributes:
        singly: whether it is checked value by value where it is a branch of ``anyOf``, ``oneOf`` or ``not``.
    """

    singly = False

    def __init__(
        self, build: Callable[[], Sequence[Constraint]], schema: Any = None, within: bool = False,
        base: CheckNode | None = None,
    ) -> None:  # fmt: skip
        self._build = build
        self.schema = schema
        #: whether values of some type are converted, by this node or its base
        self.converting: bool = schema is not None if base is None else base.converting
        self._within = within
        self._checks: dict[type, list[ValueCheck]] = {}

    @cached_property
    def constraints(self) -> Sequence[Constraint]:
        """The constraints."""
        return self._build()

    def check(self, value: Any, at: Path, out: list[Violation]) -> None:
        """Add everything that is wrong with a value at a path."""
        if self.schema is not None:
            value, final = convert(value, self.schema)
            if final:
                return
        kind = type(value)
        checks = self._checks.get(kind)
        if checks is None or (kind is float and not math.isfinite(value)):
            checks = self._applying(value)
        for check in checks:
            try:
                check(value, at, out)
            except MatchTimeout as stopped:
                if self._within:
                    raise
                out.append(undecided(str(stopped)).of(at, value))

    def _applying(self, value: Any) -> list[ValueCheck]:
        name = json_type(value)
        finite = name != "number" or (isinstance(value, float) and math.isfinite(value))
        if not finite or name == "other" or (name == "array" and not isinstance(value, list)):
            # no value of JSON: it has a wrong type, and no length, bounds or items to look at
            wide = [one for one in self.constraints if not any(one.kinds is kinds for kinds in _NARROW)]
            return [one.check for one in wide if name == "other" or name in one.kinds]
        checks: list[ValueCheck] = [one.check for one in self.constraints if name in one.kinds]
        if type(value) in _REMEMBERED:
            self._checks[type(value)] = checks
        return checks

    def converts(self, kind: str) -> bool:
        """Whether values of a JSON type are converted first."""
        if self.schema is None or kind in ("object", "array", "boolean", "null"):
            return False
        types = self.schema.get("type")
        names = types if isinstance(types, list) else [types]
        return not (types is None or kind in names or (kind == "integer" and "number" in names))


_REMEMBERED = frozenset({str, int, float, bool, dict, list, type(None)})


class ColumnCompiler:
    """Compiles check trees for chunks of some leaves; `keep_empty` as for :class:`.ChunkColumns`."""

    def __init__(self, leaves: tuple[Leaf, ...], keep_empty: bool) -> None:
        self.leaves, self.shape = leaves, LeafShape.of(leaves)
        self._keep_empty = keep_empty
        #: whether some check made since this was False needs to know how a number is written
        self._spelled = False

    def records(self, node: CheckNode) -> list[Op]:
        """The checks of records."""
        return self.compile(node, self.shape, SchemaPath(()))

    def compile(self, node: CheckNode, shape: Shape, place: SchemaPath) -> list[Op]:
        """The checks of views of a shape."""
        kind = shape.kind
        if kind == "null":
            return []
        if node.converts(kind):
            self._spelled |= kind == "number"
            return [each_value(node.check, place, spelled=kind == "number")]
        asked = [constraint for constraint in node.constraints if kind in constraint.kinds]
        if isinstance(shape, LeafShape):
            asked.sort(key=lambda constraint: not constraint.first)
        return [op for constraint in asked for op in constraint.columns(self, shape, place)]

    def enter(self, node: CheckNode, shape: Shape, place: SchemaPath) -> list[Op]:
        """The same for the value of a field or an item of an array; of a leaf also for its nulls."""
        if not isinstance(shape, ColumnShape) or shape.leaf is None:
            return self.compile(node, shape, place)
        self._spelled = False
        ops = self.compile(node, shape, place)
        if self._spelled and pa.types.is_nested(shape.type):  # a number somewhere inside
            ops = [each_value(node.check, place, spelled=True)]
        if shape.leaf.constant is not None and not self._fails(ops, shape.leaf):
            return []
        return [*ops, on_nulls(node.check, place)] if self._keep_empty else ops

    def spell(self, shape: ColumnShape, nodes: Iterable[CheckNode]) -> None:
        """Have a map judged as it is written where its values are converted: doubles do not distinguish 1 from 1.0."""
        self._spelled |= any(node.converting for node in nodes) and holds(shape.type, pa.types.is_floating)

    def _fails(self, ops: list[Op], leaf: Leaf) -> bool:
        """Whether the constant of a leaf fails."""
        array = pa.array([leaf.constant], leaf.type)
        view = ColumnView(array, ChunkColumns([array], 1, (leaf,), self._keep_empty))
        verdict = Verdict(1)
        for op in ops:
            op(view, verdict)
        return bool(verdict.bad.any())
