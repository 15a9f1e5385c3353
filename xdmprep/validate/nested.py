"""The columnar path for one column: a node of the schema and an Arrow type, compiled once to checks.

Records within a column (struct, list and map) are walked together with the schema when it is compiled, so that what a
check does at run time is a kernel on an array.  What has no columnar form (unusual keywords, recursive parts) is put
together as JSON values for the rows that have it and goes the exact path (:mod:`.record`).  No keyword is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
import pyarrow as pa

from ..core.arrow_types import doubles
from ..core.paths import EVERY, Path
from ..core.shred import Leaf, plain, valid
from ..errors import SchemaError
from ..kernels.arrays import Positions
from ..regex import MatchTimeout
from . import kernels
from .fault import Check, Violation
from .kernels import Test
from .kinds import is_list, is_text, json_kind, lengths, presence
from .patterns import compile_pattern, undecided
from .record import RecordSchema
from .record_checks import decide
from .ruleset import Rules
from .spots import ANY_KEY, Op, Place, Sink, Spot, Verdict, on_entries, on_fields, on_items
from .values import to_json_values
from .wording import EMPTY, FALSE, UNDECIDED, as_text, code_of, wording

_BOUNDS = {"minimum": "least", "maximum": "most", "exclusiveMinimum": "above", "exclusiveMaximum": "below"}


@dataclass(frozen=True)
class Fails:
    """A test on a column, and what to say where it fails."""

    test: Test
    code: str
    say: tuple[str, str]
    place: Place

    def __call__(self, spot: Spot, sink: Sink) -> None:
        """Run the test."""
        bad = self.test(spot.array)
        if bad is not None and len(bad):
            shown = None if isinstance(sink, Verdict) else kernels.texts_at(spot.array, bad)
            sink.add(self.place, spot, self.code, self.say, bad, shown)


@dataclass(frozen=True)
class Exact:
    """The exact path for each value of a column.

    Attributes:
        check: what the values go through.
        place: where they stand.
        keep_empty: as for :class:`NestedChecks`.
        spelled: it matters how a number is written; a column of doubles does not tell 1 from 1.0.
    """

    check: Check
    place: Place
    keep_empty: bool
    spelled: bool = False

    def __call__(self, spot: Spot, sink: Sink) -> None:
        """Check the values of a column."""
        present = positions_present(spot.array, self.keep_empty)
        if present is None:
            return
        values = to_json_values(plain(spot.array.take(pa.array(present))), self.keep_empty)
        report_faults(self.check, zip(present.tolist(), values, strict=True), self.place, spot, sink)

    def in_records(self, array: pa.Array, texts: pa.Array, sink: Sink) -> None:
        """The same, with the values as they stand in the JSON `texts` of their records."""
        present = positions_present(array, self.keep_empty)
        if present is None:
            return
        records = map(json.loads, texts.take(pa.array(present)).to_pylist())
        values = (reduce(lambda value, step: value[step], self.place.path, record) for record in records)
        report_faults(self.check, zip(present.tolist(), values, strict=True), self.place, Spot(array), sink)


class NestedChecks:
    """Compiles one schema against one set of leaves.

    Args:
        record: the exact path for the same schema and rules.
        rules: what applies.
        leaves: the columns.
        keep_empty: empty objects and arrays are in the records as they are (JSON text), not left out (all else).
        count_empty: an empty array has too few items where some are asked for, though it is left out (Parquet).
    """

    def __init__(
        self, record: RecordSchema, rules: Rules, leaves: tuple[Leaf, ...], keep_empty: bool, count_empty: bool = False
    ) -> None:
        self._record, self._rules, self._leaves, self._keep_empty = record, rules, leaves, keep_empty
        self._count_empty = keep_empty or count_empty
        #: whether some check made since this was False needs to know how a number is written
        self._spelled = False

    # ---- shredded ----------------------------------------------------------------------------------------------

    def nested(self, node: Any, kind: pa.DataType, place: Place, within: bool = False) -> list[Op]:
        """The checks of `node` for a column of an Arrow type; `within` a branch all keywords decide."""
        if node is True:
            return []
        if node is False:
            return [self._fails(self._is_present, "not", FALSE, place)]
        if "$ref" in node:
            return self.nested(self._record.resolve(node["$ref"]), kind, place, within)
        found = json_kind(kind)
        if found == "null":
            return []
        types = node.get("type")
        names = types if isinstance(types, list) else [types]
        fits = types is None or found in names or (found == "integer" and "number" in names)
        if self._rules.converts and not within and not fits and found not in ("object", "array", "boolean"):
            self._spelled |= found == "number"
            return [Exact(self._record.compile(node, within), place, self._keep_empty, found == "number")]
        ops: list[Op] = []
        if found == "number" and not pa.types.is_decimal(kind):
            ops.append(self._fails(kernels.finite, "type", ("expected a number, not NaN or infinity", ""), place))
        if not fits:
            whole = found == "number" and "integer" in names
            test: Test = kernels.whole if whole else self._is_present
            ops.append(self._fails(test, "type", wording("type", node), place))
        for keyword in ("enum", "const"):
            if keyword in node:
                ops.append(self._listed(keyword, node, kind, place, within))
        if found == "string":
            ops += self._texts(node, kind, place, within)
        elif found in ("integer", "number"):
            ops += self._numbers(node, kind, place)
        elif found == "array":
            ops += self._array(node, kind, place, within)
        elif found == "object":
            ops += self._object(node, kind, place, within)
        for part in node.get("allOf", ()):
            ops += self.nested(part, kind, place, within)
        for keyword in ("anyOf", "oneOf", "not"):
            if keyword in node and (within or code_of(keyword) in self._rules):
                ops.append(self._combined(keyword, node, kind, place, within))
        return ops

    def _fails(self, test: Test, code: str, say: tuple[str, str], place: Place) -> Op:
        return Fails(test, code, say, place)

    def _texts(self, node: Any, kind: pa.DataType, place: Place, within: bool) -> list[Op]:
        tests: list[tuple[Test, str, tuple[str, str]]] = []
        least, most = node.get("minLength"), node.get("maxLength")
        if "empty" in self._rules and not within and not (least and "min-length" in self._rules):
            tests.append((kernels.length(1), "empty", EMPTY))
        if least:
            tests.append((kernels.length(int(least)), "min-length", wording("minLength", node)))
        if most is not None:
            tests.append((kernels.length(0, int(most)), "max-length", wording("maxLength", node)))
        if "pattern" in node:
            pattern = compile_pattern(node["pattern"])
            if pattern.re2 is None and not within:
                tests += [
                    (test, "pattern", say) for test, say in kernels.slow_pattern(pattern, wording("pattern", node))
                ]
            elif not pattern.always:
                tests.append((kernels.pattern(pattern), "pattern", wording("pattern", node)))
        name = node.get("format")
        test = kernels.formatted(name) if isinstance(name, str) else None
        if test is not None:
            tests.append((test, "format", wording("format", node)))
        if is_text(kind):
            return [self._fails(test, code, say, place) for test, code, say in tests]
        typed = "date" if pa.types.is_date(kind) else "date-time" if pa.types.is_timestamp(kind) else ""
        others = [entry for entry in tests if entry[1] != "empty" and not (entry[1] == "format" and name == typed)]
        return [self._fails(_as_text_first(test), code, say, place) for test, code, say in others]

    def _numbers(self, node: Any, kind: pa.DataType, place: Place) -> list[Op]:
        ops = []
        for keyword, argument in _BOUNDS.items():
            bound = node.get(keyword)
            if bound is None or isinstance(bound, bool):
                continue
            test = kernels.between(**{argument: bound})
            if pa.types.is_decimal(kind):
                test = _as_double_first(test)
            ops.append(self._fails(test, code_of(keyword), wording(keyword, node), place))
        if "multipleOf" in node:
            ops.append(
                self._fails(kernels.multiple(node["multipleOf"]), "multiple-of", wording("multipleOf", node), place)
            )
        return ops

    def _listed(self, keyword: str, node: Any, kind: pa.DataType, place: Place, within: bool) -> Op:
        values = node["enum"] if keyword == "enum" else [node["const"]]
        if pa.types.is_nested(kind) or pa.types.is_decimal(kind):
            return self._exact({keyword: node[keyword]}, place, within)
        test = kernels.member(values, kind)
        if json_kind(kind) == "string" and not is_text(kind):
            test = _as_text_first(test)
        return self._fails(test, keyword, wording(keyword, node), place)

    def _exact(self, node: Any, place: Place, within: bool) -> Op:
        return Exact(self._record.compile(node, within), place, self._keep_empty)

    def _combined(self, keyword: str, node: Any, kind: pa.DataType, place: Place, within: bool) -> Op:
        value = node[keyword]
        if recursive(value) or undecided(value):
            return self._exact({keyword: value}, place, within)
        parts = value if isinstance(value, list) else [value]
        branches = [self.nested(part, kind, place, within=True) for part in parts]
        say = wording(keyword, node)

        def op(spot: Spot, sink: Sink) -> None:
            n = len(spot.array)
            fitting = np.zeros(n, dtype=np.int32)
            for branch in branches:
                verdict = Verdict(np.zeros(0, dtype=np.int64), self._rules, bad=np.zeros(n, dtype=bool))
                inner = Spot(spot.array, None, tuple(np.zeros(n, dtype=np.int64) for _ in spot.labels))
                for check in branch:
                    check(inner, verdict)
                fitting += ~verdict.bad
            fails = fitting != 1 if keyword == "oneOf" else fitting > 0 if keyword == "not" else fitting == 0
            bad = kernels.positions_of(fails & presence(spot.array, self._keep_empty))
            if bad is not None:
                sink.add(place, spot, code_of(keyword), say, bad, kernels.texts_at(spot.array, bad))

        return op

    def _array(self, node: Any, kind: pa.DataType, place: Place, within: bool) -> list[Op]:
        ops: list[Op] = []
        for keyword in ("minItems", "maxItems"):
            if keyword in node:
                ops.append(
                    self._fails(self._sized(keyword, node[keyword]), code_of(keyword), wording(keyword, node), place)
                )
        rest: dict[str, Any] = {"uniqueItems": True} if node.get("uniqueItems") is True else {}
        if "contains" in node:  # `contains: false` too: no array fits it
            rest["contains"] = node["contains"]
        items = node.get("items")
        if isinstance(items, list):
            rest |= {
                "items": items,
                **({"additionalItems": node["additionalItems"]} if "additionalItems" in node else {}),
            }
        if rest:
            ops.append(self._exact(rest, place, within))
        if isinstance(items, list) or items is None:
            return ops
        below = self.nested(items, kind.value_type, place.child(EVERY), within)
        if below:
            ops.append(on_items(below))
        return ops

    def _sized(self, keyword: str, limit: Any) -> Test:
        fails = np.less if keyword.startswith("min") else np.greater

        def test(array: pa.Array) -> Positions | None:
            there = valid(array) if is_list(array.type) and self._count_empty else presence(array, self._keep_empty)
            return kernels.positions_of(fails(lengths(array), limit) & there)

        return test

    def _object(self, node: Any, kind: pa.DataType, place: Place, within: bool) -> list[Op]:
        if pa.types.is_map(kind):
            return self._map(node, kind, place, within)
        ops: list[Op] = []
        for name in node.get("required", ()):
            ops.append(self._lacks(name, kind, place.child(name), wording("required", node)))
        for keyword in ("minProperties", "maxProperties"):
            if keyword in node:
                test = self._field_count(keyword, node[keyword])
                ops.append(self._fails(test, code_of(keyword), wording(keyword, node), place))
        rest = {key: node[key] for key in ("propertyNames", "dependencies") if key in node}
        if rest:
            ops.append(self._exact(rest, place, within))
        fields: dict[int, list[Op]] = {}
        for number, inner in enumerate(kind):
            there = place.child(inner.name)
            below = [op for part in below_node(node, inner.name) for op in self.nested(part, inner.type, there, within)]
            if node.get("additionalProperties") is False and not declares(node, inner.name):
                say = wording("additionalProperties", node)
                below.append(self._fails(self._is_present, "additional-properties", say, there))
            if below:
                fields[number] = below
        if fields:
            ops.append(on_fields(fields))
        return ops

    def _is_present(self, array: pa.Array) -> Positions | None:
        return positions_present(array, self._keep_empty)

    def _lacks(self, name: str, kind: pa.DataType, place: Place, say: tuple[str, str]) -> Op:
        number = kind.get_field_index(name)

        def op(spot: Spot, sink: Sink) -> None:
            inside = None if number < 0 else spot.array.field(number)
            if inside is not None and self._keep_empty and inside.null_count == 0:
                return
            there = presence(spot.array, self._keep_empty)
            if inside is not None:
                there &= ~presence(inside, self._keep_empty)
            bad = kernels.positions_of(there)
            if bad is not None:
                sink.add(place, spot, "required", say, bad)

        return op

    def _field_count(self, keyword: str, limit: Any) -> Test:
        fails = np.less if keyword == "minProperties" else np.greater

        def test(array: pa.Array) -> Positions | None:
            count = np.zeros(len(array), dtype=np.int64)
            for child in array.flatten():
                count += presence(child, self._keep_empty)
            return kernels.positions_of(fails(count, limit) & presence(array, self._keep_empty))

        return test

    def _map(self, node: Any, kind: pa.DataType, place: Place, within: bool) -> list[Op]:
        ops: list[Op] = []
        unusual = ("properties", "patternProperties", "propertyNames", "dependencies", "required")
        if any(node.get(key) for key in unusual) or node.get("additionalProperties") is False:
            keys = (*unusual, "additionalProperties")
            return [self._exact({key: node[key] for key in keys if key in node}, place, within)]
        for keyword in ("minProperties", "maxProperties"):
            if keyword in node:
                ops.append(
                    self._fails(self._sized(keyword, node[keyword]), code_of(keyword), wording(keyword, node), place)
                )
        below = self.nested(node.get("additionalProperties", True), kind.item_type, place.child(ANY_KEY), within)
        if below:
            ops.append(on_entries(below))
        return ops


def report_faults(check: Any, values: Iterable[tuple[int, Any]], place: Place, spot: Spot, sink: Sink) -> None:
    """Run the exact path on (position, value) pairs and report what it finds."""
    groups: dict[tuple[str, Path, str, str], tuple[list[int], list[Any]]] = {}
    for position, value in values:
        faults: list[Violation] = []
        decide(check, value, (), faults)
        for fault in faults:
            where, what = groups.setdefault((fault.code, fault.at, fault.message, fault.hint), ([], []))
            where.append(position)
            what.append(as_text(fault.value))
    for (code, at, message, hint), (where, what) in groups.items():
        there = replace(place, path=(*place.path, *at))
        sink.add(there, spot, code, (message, hint), np.asarray(where), pa.array(what, pa.string()))


def recursive(node: Any) -> bool:
    """Whether references are left in a node: of a resolved schema these are the definitions that contain themselves.

    Alternatives of such definitions multiply with every level; they are judged value by value.
    """
    if isinstance(node, Mapping):
        return "$ref" in node or any(recursive(part) for part in node.values())
    return isinstance(node, list) and any(recursive(part) for part in node)


def positions_present(array: pa.Array, keep_empty: bool) -> Positions | None:
    """Positions that hold a value, None if there are none."""
    return kernels.positions_of(presence(array, keep_empty))


def _as_text_first(test: Test) -> Test:
    def typed(array: pa.Array) -> Positions | None:
        return test(kernels.texts_at(array, np.arange(len(array), dtype=np.int64)))

    return typed


def _as_double_first(test: Test) -> Test:
    return lambda array: test(doubles(array))


def below_node(node: Any, step: str | int) -> list[Any]:
    """The nodes that judge the value at `step` of an object or array."""
    if isinstance(step, int):
        items = node.get("items", True)
        if isinstance(items, list):
            more = node.get("additionalItems", True)
            return [items[step]] if step < len(items) else [] if more is False else [more]
        return [items]
    found = [node["properties"][step]] if step in node.get("properties", {}) else []
    found += [part for text, part in node.get("patternProperties", {}).items() if _names(text, step)]
    others = node.get("additionalProperties", True)
    return found or ([others] if others is not False else [])


def declares(node: Any, name: str) -> bool:
    """Whether a node says something about the field of that name."""
    return name in node.get("properties", {}) or any(_names(text, name) for text in node.get("patternProperties", {}))


def _names(pattern: str, name: str) -> bool:
    """Whether a pattern of ``patternProperties`` is found in a field's name."""
    try:
        return compile_pattern(pattern).matches(name)
    except MatchTimeout as stopped:
        raise SchemaError(f"{stopped}. {UNDECIDED}") from None
