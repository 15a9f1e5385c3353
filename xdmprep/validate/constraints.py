"""The constraints of check trees: each rule's test of single values and of columns, side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import methodcaller
from typing import Any

import numpy as np
import pyarrow as pa

from ..core.arrow_types import holds_text
from ..core.paths import EVERY, Path
from ..errors import SchemaError
from ..kernels.arrays import Mask
from ..regex import MatchTimeout
from ..schema.types import has_type, is_finite, json_type
from .equality import hashable
from .messages import NOT_FINITE, NULL, Failure, Violation, undecided
from .node import ANY_TYPE, ARRAY, NUMBERS, OBJECT, STRING, CheckNode, ColumnCompiler, Constraint
from .ops import column_test, each_value, mask_test, on_child, on_elements
from .patterns import SchemaPattern
from .value_tests import (
    ColumnTest,
    OneOf,
    Past,
    Range,
    ValueTest,
    not_finite,
    not_whole,
    texts_at,
)
from .view import ANY_KEY, ColumnShape, ColumnView, FindingSink, Op, SchemaPath, Shape, Verdict, View

_valued: Callable[[View], Mask] = methodcaller("valued")
_present: Callable[[View], Mask | None] = methodcaller("present")


# ---- values ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Forbidden(Constraint):
    """No value at all."""

    failure: Failure
    kinds: frozenset[str] = ANY_TYPE

    def check(self, value: Any, at: Path, out: list[Violation]) -> None:
        out.append(self.failure.of(at, value))

    def columns(self, compiler: ColumnCompiler, shape: Shape, place: SchemaPath) -> list[Op]:
        return [mask_test(_valued, self.failure, place)]


class Typed(Constraint):
    """Values of some JSON types (empty for any), numbers finite; `refuses_null`: a null is reported as such."""

    first = True

    def __init__(self, names: tuple[str, ...], failure: Failure | None, refuses_null: bool) -> None:
        self.names, self.failure = names, failure
        self._null = NULL if refuses_null and "null" not in names else None
        kinds = (ANY_TYPE - set(names) if names else frozenset()) if failure is not None else frozenset[str]()
        if "number" in names:
            kinds -= {"integer"}
        self.kinds = kinds | ({"number"} if failure is not None else set()) | ({"null"} if self._null else set())

    def check(self, value: Any, at: Path, out: list[Violation]) -> None:
        if value is None and self._null is not None:
            out.append(self._null.of(at, None))
        elif self.failure is not None and not any(has_type(value, name) for name in self.names):
            if json_type(value) == "number" and not is_finite(value) and (not self.names or NUMBERS & set(self.names)):
                out.append(NOT_FINITE.of(at, value))
            elif self.names:
                out.append(self.failure.of(at, value))

    def columns(self, compiler: ColumnCompiler, shape: Shape, place: SchemaPath) -> list[Op]:
        """A column has one type: only whether numbers are finite, or whole, is checked."""
        if self.failure is None:
            return []
        ops: list[Op] = []
        wanted = shape.kind in self.names or not self.names
        whole = shape.kind == "number" and "integer" in self.names
        if shape.kind == "number" and not pa.types.is_decimal(shape.type):
            ops.append(column_test(not_finite, NOT_FINITE, place))
        if whole and not wanted:
            ops.append(column_test(not_whole, self.failure, place))
        elif not wanted:
            ops.append(mask_test(_valued, self.failure, place))
        return ops


class Assert(Constraint):
    """Values that pass a test."""

    def __init__(self, test: ValueTest, failure: Failure, kinds: frozenset[str]) -> None:
        self.test, self.failure, self.kinds = test, failure, kinds
        self._fits = test.value

    def check(self, value: Any, at: Path, out: list[Violation]) -> None:
        if not self._fits(value):
            out.append(self.failure.of(at, value))

    def columns(self, compiler: ColumnCompiler, shape: Shape, place: SchemaPath) -> list[Op]:
        """The test of the column; values other than strings, numbers and booleans are compared one by one."""
        kind = shape.type
        if kind is None or pa.types.is_nested(kind) or (pa.types.is_decimal(kind) and isinstance(self.test, OneOf)):
            return [each_value(self.check, place)]
        if self.test.holds_all(kind):
            return []
        as_texts = shape.kind == "string" and not holds_text(kind) and not isinstance(self.test, Past)
        return [column_test(_as_texts(self.test.positions) if as_texts else self.test.positions, self.failure, place)]


def _as_texts(test: ColumnTest) -> ColumnTest:
    return lambda array: test(texts_at(array, np.arange(len(array), dtype=np.int64)))


class Undecidable(Constraint):
    """Strings in which a pattern is found that may take too long to search for; such strings are reported as such."""

    kinds = STRING

    def __init__(self, pattern: SchemaPattern, failure: Failure) -> None:
        self._pattern, self._failure, self._undecided = pattern, failure, undecided(pattern.stopped)

    def _wrong(self, text: str) -> Failure | None:
        try:
            return None if self._pattern.matches(text) else self._failure
        except MatchTimeout:
            return self._undecided

    def check(self, value: Any, at: Path, out: list[Violation]) -> None:
        if (wrong := self._wrong(value)) is not None:
            out.append(wrong.of(at, value))

    def columns(self, compiler: ColumnCompiler, shape: Shape, place: SchemaPath) -> list[Op]:
        """Each distinct string is searched once."""

        def op(view: ColumnView, sink: FindingSink) -> None:
            texts = view.array if holds_text(view.array.type) else texts_at(view.array, np.arange(len(view)))
            coded = texts if isinstance(texts, pa.DictionaryArray) else texts.dictionary_encode()
            verdicts = [None if text is None else self._wrong(text) for text in coded.dictionary.to_pylist()]
            numbers = np.asarray(coded.indices.fill_null(len(verdicts)))
            for failure in (self._failure, self._undecided):
                hits = np.array([verdict is failure for verdict in (*verdicts, None)])
                sink.add(place, view, failure, np.flatnonzero(hits[numbers]), view.texts)

        return [op]


# ---- objects and arrays ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Required(Constraint):
    """Objects that have some fields."""

    names: Sequence[str]
    failure: Failure
    kinds = OBJECT

    def check(self, value: Any, at: Path, out: list[Violation]) -> None:
        for name in self.names:
            if name not in value:
                out.append(self.failure.of((*at, name), None))

    def columns(self, compiler: ColumnCompiler, shape: Shape, place: SchemaPath) -> list[Op]:
        if shape.is_map:
            return [each_value(self.check, place)]
        columns = {step: inner.leaf.column for step, inner in shape.fields() if inner.leaf is not None}
        return [self._lacks(name, place.child(name, columns.get(name))) for name in self.names]

    def _lacks(self, name: str, place: SchemaPath) -> Op:
        def op(view: View, sink: FindingSink) -> None:
            child = view.child(name)
            there = np.zeros(len(view), dtype=bool) if child is None else child.present()
            if there is None:
                return
            bad = np.flatnonzero(view.valued() & ~there)
            if len(bad):
                sink.add(place, view, self.failure, bad)

        return op


class Size(Constraint):
    """Objects or arrays with a limited number of fields or items; `counted`: findings show the number."""

    def __init__(self, least: Any, most: Any, failure: Failure, kinds: frozenset[str], counted: bool = False) -> None:
        self.range, self.failure, self.kinds, self._counted = Range(least, most), failure, kinds, counted

    def check(self, value: Any, at: Path, out: list[Violation]) -> None:
        if not self.range.value(len(value)):
            out.append(self.failure.of(at, len(value) if self._counted else value))

    def columns(self, compiler: ColumnCompiler, shape: Shape, place: SchemaPath) -> list[Op]:
        least, most = self.range.least, self.range.most

        def op(view: View, sink: FindingSink) -> None:
            counts, there = view.counts()
            bad = np.flatnonzero((counts < least if least is not None else counts > most) & there)
            if len(bad):
                shown = (lambda at: pa.array([str(n) for n in counts[at]])) if self._counted else view.texts
                sink.add(place, view, self.failure, bad, shown)

        return [op]


@dataclass(frozen=True, eq=False)
class Properties(Constraint):
    """Objects whose fields fit: declared ones, by patterns, and `other`, or `closed` for none of these."""

    fields: Mapping[str, CheckNode]
    patterns: Sequence[tuple[SchemaPattern, CheckNode]] = ()
    other: CheckNode | None = None
    closed: tuple[Failure, ...] = ()
    kinds = OBJECT
    first = True

    def check(self, value: Any, at: Path, out: list[Violation]) -> None:
        for name, item in value.items():
            field = self.fields.get(name)
            known = field is not None
            if field is not None:
                field.check(item, (*at, name), out)
            for pattern, node in self.patterns:
                if pattern.matches(name):
                    known = True
                    node.check(item, (*at, name), out)
            if not known:
                if self.other is not None:
                    self.other.check(item, (*at, name), out)
                for failure in self.closed:
                    out.append(failure.of((*at, name), item))

    def columns(self, compiler: ColumnCompiler, shape: Shape, place: SchemaPath) -> list[Op]:
        if isinstance(shape, ColumnShape) and shape.is_map:
            if self.fields or self.patterns or self.closed:
                compiler.spell(shape, self.fields.values())
                return [each_value(self.check, place)]
            below = [] if self.other is None else compiler.enter(self.other, shape.elements, place.child(ANY_KEY))
            return [on_elements(below)] if below else []
        ops: list[Op] = []
        for step, inner in shape.fields():
            at = place.child(step, None if inner.leaf is None else inner.leaf.column)
            nodes, known = self._nodes(str(step))
            below = [op for node in nodes for op in compiler.enter(node, inner, at)]
            if not known:
                below += [mask_test(_present, failure, at) for failure in self.closed]
            if below:
                ops.append(on_child(step, below))
        return ops

    def _nodes(self, name: str) -> tuple[list[CheckNode], bool]:
        """The nodes for the field of that name, and whether it is declared or matches a pattern."""
        nodes = [self.fields[name]] if name in self.fields else []
        try:
            nodes += [node for pattern, node in self.patterns if pattern.matches(name)]
        except MatchTimeout as stopped:
            raise SchemaError(f"{stopped}. {undecided('').hint}") from None
        known = bool(nodes)
        return nodes if known or self.other is None else [self.other], known


@dataclass(frozen=True, eq=False)
class Items(Constraint):
    """Arrays whose items fit: the `leading` ones, and the rest, or `closed` where there must be none."""

    node: CheckNode | None
    leading: Sequence[CheckNode] = ()
    closed: Failure | None = None
    kinds = ARRAY
    first = True

    def check(self, value: Any, at: Path, out: list[Violation]) -> None:
        for number, item in enumerate(value):
            node = self.leading[number] if number < len(self.leading) else self.node
            if node is not None:
                node.check(item, (*at, number), out)
            elif self.closed is not None:
                out.append(self.closed.of((*at, number), item))

    def columns(self, compiler: ColumnCompiler, shape: Shape, place: SchemaPath) -> list[Op]:
        if self.leading or self.closed is not None or self.node is None:
            return [each_value(self.check, place)]
        if isinstance(shape, ColumnShape):
            below = compiler.enter(self.node, shape.elements, place.child(EVERY))
            return [on_elements(below)] if below else []
        ops: list[Op] = []
        for step, inner in shape.fields():
            at = place.child(step, None if inner.leaf is None else inner.leaf.column)
            if below := compiler.enter(self.node, inner, at):
                ops.append(on_child(step, below))
        return ops


@dataclass(frozen=True, eq=False)
class Whole(Constraint):
    """Objects or arrays that are judged as a whole, one by one; `faults` gives the place and the value of each."""

    faults: Callable[[Any], Iterable[tuple[Path, Any]]]
    failure: Failure
    kinds: frozenset[str]

    def check(self, value: Any, at: Path, out: list[Violation]) -> None:
        out += [self.failure.of((*at, *place), shown) for place, shown in self.faults(value)]


def unique(failure: Failure) -> Whole:
    """Arrays whose items all differ."""
    return Whole(lambda value: [((), value)] if len(set(map(hashable, value))) < len(value) else [], failure, ARRAY)


def contains(node: CheckNode, failure: Failure) -> Whole:
    """Arrays with an item that fits."""
    return Whole(lambda value: [] if any(fits(node, item) for item in value) else [((), value)], failure, ARRAY)


def property_names(node: CheckNode, failure: Failure) -> Whole:
    """Objects whose fields' names fit."""
    return Whole(lambda value: [((name,), name) for name in value if not fits(node, name)], failure, OBJECT)


def dependencies(needs: Mapping[str, Sequence[str] | CheckNode], failure: Failure) -> Whole:
    """Objects that have or are what some of their fields ask for: names of other fields, or a node."""

    def faults(value: Any) -> Iterator[tuple[Path, Any]]:
        for need in (need for name, need in needs.items() if name in value):
            if not isinstance(need, CheckNode):
                yield from (((other,), None) for other in need if other not in value)
            elif not fits(need, value):
                yield (), value

    return Whole(faults, failure, OBJECT)


# ---- combinations ---------------------------------------------------------------------------------------------------


def fits(node: CheckNode, value: Any) -> bool:
    """Whether nothing is wrong with a value."""
    found: list[Violation] = []
    node.check(value, (), found)
    return not found


class AllOf(Constraint):
    """Values that fit another node too."""

    first = True

    def __init__(self, node: CheckNode) -> None:
        self.check = node.check  # type: ignore[method-assign]
        self.node = node

    def columns(self, compiler: ColumnCompiler, shape: Shape, place: SchemaPath) -> list[Op]:
        return compiler.compile(self.node, shape, place)


class _Verdicts(threading.local):
    """Whether branches fit objects and arrays, while one value is checked.

    A definition that contains itself within ``oneOf`` asks for the same parts of a value again on every level, twice as
    often on each: without this, its depth would be the exponent of the work.
    """

    known: dict[tuple[int, int], bool] | None = None


_VERDICTS = _Verdicts()


@dataclass(frozen=True, eq=False)
class Branches(Constraint):
    """Values that fit at least one (``anyOf``), exactly one (``oneOf``) or none (``not``) of some nodes.

    Args:
        keyword: which.
        nodes: the branches.
        failure: what to report.
        singly: they are too many, or may take too long, to be judged for whole columns.
    """

    keyword: str
    nodes: Sequence[CheckNode]
    failure: Failure
    singly: bool

    def _fails(self, fitting: Any) -> Any:
        return fitting != 1 if self.keyword == "oneOf" else fitting > 0 if self.keyword == "not" else fitting == 0

    def check(self, value: Any, at: Path, out: list[Violation]) -> None:
        outermost = _VERDICTS.known is None
        known = {} if _VERDICTS.known is None else _VERDICTS.known
        _VERDICTS.known = known
        try:
            fitting = sum(self._fits(node, value, known) for node in self.nodes)
        finally:
            if outermost:
                _VERDICTS.known = None
        if self._fails(fitting):
            out.append(self.failure.of(at, value))

    def _fits(self, node: CheckNode, value: Any, known: dict[tuple[int, int], bool]) -> bool:
        if not isinstance(value, dict | list):
            return fits(node, value)
        key = (id(node), id(value))
        if key not in known:
            known[key] = fits(node, value)
        return known[key]

    def columns(self, compiler: ColumnCompiler, shape: Shape, place: SchemaPath) -> list[Op]:
        """All branches on the whole view, then how many fit."""
        if self.singly:
            return [each_value(self.check, place)]
        branches = [compiler.compile(node, shape, place) for node in self.nodes]

        def op(view: View, sink: FindingSink) -> None:
            fitting = np.zeros(len(view), dtype=np.int32)
            for checks in branches:
                verdict = Verdict(len(view))
                for check in checks:
                    check(view.alone(), verdict)
                fitting += ~verdict.bad
            bad = np.flatnonzero(self._fails(fitting) & view.valued())
            if len(bad):
                sink.add(place, view, self.failure, bad, view.texts)

        return [op]
