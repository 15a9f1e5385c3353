"""The columnar path: a schema and the leaves of a stream, compiled once to checks on whole columns.

Records come shredded (one column per leaf) or nested (struct, list and map columns); both are walked together with the
schema when it is compiled, so that what a check does at run time is a kernel on a column.  A :class:`Spot` is a
column at run time: an array, and for each of its positions the row it belongs to (elements of arrays and values of
maps have several positions a row, or none).

What has no columnar form (unusual keywords, recursive parts) is put together as JSON values for the rows that have it
and goes the exact path (:mod:`.record`).  No keyword is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..flow import Finding
from ..leaves import Leaf, nest, nested_type, path_tree, plain, valid
from ..paths import EVERY, Path, format_path
from . import kernels
from .kernels import Positions, Test
from .lines import Texts
from .patterns import compile_pattern
from .record import Fault, RecordSchema, has_type
from .ruleset import Rules
from .values import to_json_values
from .wording import EMPTY, FALSE, NULL, as_text, code_of, wording

#: Step of a place that stands for the values of a map.
ANY_KEY = "{*}"

#: More different places than this in one finding are shown with ``[*]`` instead of the index or key.
MAX_PLACES = 256

Mask = np.ndarray[Any, np.dtype[np.bool_]]


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


def json_kind(kind: pa.DataType) -> str:
    """The JSON type that values of an Arrow type have; ``null`` for a type without values."""
    if isinstance(kind, pa.DictionaryType):
        kind = kind.value_type
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind):
        return "integer"
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    if pa.types.is_struct(kind) or pa.types.is_map(kind):
        return "object"
    if pa.types.is_null(kind):
        return "null"
    return "array" if is_list(kind) else "string"


def is_list(kind: pa.DataType) -> bool:
    """Whether an Arrow type is a list of any sort."""
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def is_text(kind: pa.DataType) -> bool:
    """Whether an Arrow type holds text."""
    if isinstance(kind, pa.DictionaryType):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def presence(array: pa.Array, keep_empty: bool) -> Mask:
    """bool (n,): where there is a value.  Empty objects and arrays are none, unless kept."""
    mask = valid(array)
    if keep_empty or not pa.types.is_nested(array.type):
        return mask
    if pa.types.is_struct(array.type):
        inside = np.zeros(len(array), dtype=bool)
        for child in array.flatten():
            inside |= presence(child, keep_empty)
        inside &= mask
        return inside
    mask &= _lengths(array) > 0
    return mask


def _lengths(array: pa.Array) -> Any:
    if pa.types.is_map(array.type):
        offsets = np.asarray(array.offsets)
        sizes = np.diff(offsets)
        return np.where(valid(array), sizes, 0) if array.null_count else sizes
    lengths = pc.list_value_length(array)
    return np.asarray(lengths.fill_null(0) if lengths.null_count else lengths)


@dataclass(frozen=True)
class _Fails:
    """A test on a column, and what to say where it fails."""

    test: Test
    code: str
    say: tuple[str, str]
    place: Place

    def __call__(self, spot: Spot, sink: Sink) -> None:
        bad = self.test(spot.array)
        if bad is not None and len(bad):
            shown = None if isinstance(sink, Verdict) else kernels.texts_at(spot.array, bad)
            sink.add(self.place, spot, self.code, self.say, bad, shown)


class Compiler:
    """Compiles one schema against one set of leaves.

    Args:
        record: the exact path for the same schema and rules.
        rules: what applies.
        leaves: the columns.
        keep_empty: empty objects and arrays are in the records as they are (JSON text), not left out (all else).
    """

    def __init__(self, record: RecordSchema, rules: Rules, leaves: tuple[Leaf, ...], keep_empty: bool) -> None:
        self._record, self._rules, self._leaves, self._keep_empty = record, rules, leaves, keep_empty

    # ---- shredded ----------------------------------------------------------------------------------------------

    def shredded(self, node: Any) -> list[Callable[[Columns, Sink], None]]:
        """The checks of `node` for records of the compiler's leaves."""
        ops: list[Callable[[Columns, Sink], None]] = []
        self._branch(node, path_tree([leaf.path for leaf in self._leaves]), (), ops)
        return ops

    def _branch(self, node: Any, tree: Any, path: Path, ops: list[Any]) -> None:
        if node is True:
            return
        place = Place(path)
        members = tuple(_members(tree))
        if node is False:
            ops.append(_all_present(members, place, "not", FALSE))
            return
        if "$ref" in node:
            self._branch(self._record.resolve(node["$ref"]), tree, path, ops)
            return
        if isinstance(tree, int):
            self._leaf(node, tree, ops)
            return
        is_array = all(isinstance(step, int) for step in tree)
        types = node.get("type")
        names = types if isinstance(types, list) else [types]
        if types is not None and ("array" if is_array else "object") not in names:
            ops.append(_all_present(members, place, "type", wording("type", node)))
        for part in node.get("allOf", ()):
            self._branch(part, tree, path, ops)
        for step, child in tree.items():
            for below in _below(node, step):
                self._branch(below, child, (*path, step), ops)
            if not is_array and node.get("additionalProperties") is False and not _declares(node, str(step)):
                say = wording("additionalProperties", node)
                below_members = tuple(_members(child))
                ops.append(_all_present(below_members, place.child(step), "additional-properties", say))
            elif (
                self._keep_empty
                and isinstance(child, int)
                and not is_array
                and not _declares(node, str(step))
                and node.get("additionalProperties", True) is True
                and any(key in node for key in ("properties", "patternProperties", "additionalProperties"))
            ):  # a null that nothing else judges; off where the rule is
                ops.append(_on_nulls(child, place.child(step), lambda: [("null", NULL)]))
        if not is_array:
            self._required(node, tree, path, ops)
        self._counts(node, tree, place, is_array, ops)
        rest = {key: node[key] for key in _WHOLE if key in node}
        if is_array and isinstance(node.get("items"), list) and node.get("additionalItems") is False:
            rest |= {"items": [True] * len(node["items"]), "additionalItems": False}
        if rest:
            ops.append(self._assembled(rest, tree, path))

    def _leaf(self, node: Any, number: int, ops: list[Any]) -> None:
        leaf = self._leaves[number]
        checks = self.nested(node, leaf.type, Place(leaf.path, leaf.column))
        if leaf.constant is not None and checks:
            trial = Sink(np.ones(1, dtype=np.int64), self._rules)
            for check in checks:
                check(Spot(pa.array([leaf.constant], leaf.type)), trial)
            if not trial.findings:
                return
        for check in checks:
            ops.append(_on_column(number, check))
        if self._keep_empty:
            ops.append(_on_nulls(number, Place(leaf.path, leaf.column), lambda: self._wrong_with_null(node)))

    def _wrong_with_null(self, node: Any) -> list[tuple[str, tuple[str, str]]]:
        """What is wrong with a null, the same for all of them: rule code, message and hint."""
        faults: list[Fault] = []
        self._record.compile(node)(None, (), faults)
        return [(fault.code, (fault.message, fault.hint)) for fault in faults]

    def _required(self, node: Any, tree: Any, path: Path, ops: list[Any]) -> None:
        for name in node.get("required", ()):
            member_of_child = tuple(_members(tree[name])) if name in tree else ()
            parent = tuple(_members(tree)) if path else None
            ops.append(_missing(parent, member_of_child, Place((*path, name)), wording("required", node)))

    def _counts(self, node: Any, tree: Any, place: Place, is_array: bool, ops: list[Any]) -> None:
        children = [tuple(_members(child)) for child in tree.values()]
        pairs = ("minItems", "maxItems") if is_array else ("minProperties", "maxProperties")
        for keyword in pairs:
            if keyword in node:
                ops.append(_counted(children, place, keyword, node, always=not place.path))

    def _assembled(self, node: Mapping[str, Any], tree: Any, path: Path) -> Callable[[Columns, Sink], None]:
        """A check on what the leaves below `path` make together."""
        if _recursive(node) or not _uniform(tree, self._leaves):
            return self._assembled_values(node, tree, path)
        numbers = tuple(_members(tree))
        below = tuple(replace(self._leaves[i], path=("record", *self._leaves[i].path[len(path) :])) for i in numbers)
        kind = nested_type(path_tree([leaf.path for leaf in below])["record"], below)
        checks = self.nested(node, kind, Place(path))
        with_nulls = self._assembled_values(node, tree, path)

        def op(columns: Columns, sink: Sink) -> None:
            if any(columns.nulls(i) is not None for i in numbers):
                with_nulls(columns, sink)
                return
            records = pa.RecordBatch.from_arrays(
                [columns.array(i) for i in numbers], names=[str(i) for i in range(len(numbers))]
            )
            spot = Spot(nest(below, records).column(0))
            for check in checks:
                check(spot, sink)

        return op

    def _assembled_values(self, node: Mapping[str, Any], tree: Any, path: Path) -> Callable[[Columns, Sink], None]:
        """The same on values, for arrays of unlike elements, which no Arrow column holds."""
        numbers = tuple(_members(tree))
        check = self._record.compile(node)

        def op(columns: Columns, sink: Sink) -> None:
            mask = columns.any_of(numbers)
            rows = np.arange(columns.size, dtype=np.int64) if mask is None else np.flatnonzero(mask)
            if not len(rows):
                return
            at = pa.array(rows)
            texts = {i: to_json_values(plain(columns.array(i).take(at)), self._keep_empty) for i in numbers}
            for i in numbers:
                mask = columns.nulls(i)
                if mask is not None:
                    pairs = zip(texts[i], mask[rows].tolist(), strict=True)
                    texts[i] = [_NULL if null else value for value, null in pairs]
            values = (_with_nulls(_value_of(tree, texts, number)) for number in range(len(rows)))
            _report_faults(check, zip(rows.tolist(), values, strict=True), Place(path), Spot(at), sink)

        return op

    # ---- nested ------------------------------------------------------------------------------------------------

    def nested(self, node: Any, kind: pa.DataType, place: Place, within: bool = False) -> list[Op]:
        """The checks of `node` for a column of an Arrow type; `within` a branch all keywords decide."""
        if node is True:
            return []
        if node is False:
            return [self._fails(lambda array: _present(array), "not", FALSE, place)]
        if "$ref" in node:
            return self.nested(self._record.resolve(node["$ref"]), kind, place, within)
        found = json_kind(kind)
        if found == "null":
            return []
        types = node.get("type")
        names = types if isinstance(types, list) else [types]
        fits = types is None or found in names or (found == "integer" and "number" in names)
        if self._rules.converts and not within and not fits and found not in ("object", "array", "boolean"):
            return [self._exact(node, place, within)]
        ops: list[Op] = []
        if found == "number" and not pa.types.is_decimal(kind):
            ops.append(self._fails(kernels.finite, "type", ("expected a number, not NaN or infinity", ""), place))
        if not fits:
            whole = found == "number" and "integer" in names
            test: Test = kernels.whole if whole else _present
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
        return _Fails(test, code, say, place)

    def _texts(self, node: Any, kind: pa.DataType, place: Place, within: bool) -> list[Op]:
        tests: list[tuple[Test, str, tuple[str, str]]] = []
        least, most = node.get("minLength"), node.get("maxLength")
        if "empty" in self._rules and not within and not (least and "min-length" in self._rules):
            tests.append((kernels.Length(1), "empty", EMPTY))
        if least:
            tests.append((kernels.Length(int(least)), "min-length", wording("minLength", node)))
        if most is not None:
            tests.append((kernels.Length(0, int(most)), "max-length", wording("maxLength", node)))
        if "pattern" in node:
            pattern = compile_pattern(node["pattern"])
            if not pattern.always:
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
        """The exact path for each value of the column."""
        check = self._record.compile(node, within)

        def op(spot: Spot, sink: Sink) -> None:
            present = positions_present(spot.array, self._keep_empty)
            if present is None:
                return
            values = to_json_values(plain(spot.array.take(pa.array(present))), self._keep_empty)
            _report_faults(check, zip(present.tolist(), values, strict=True), place, spot, sink)

        return op

    def _combined(self, keyword: str, node: Any, kind: pa.DataType, place: Place, within: bool) -> Op:
        value = node[keyword]
        if _recursive(value):
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
        rest = {key: node[key] for key in ("uniqueItems", "contains") if node.get(key, False) is not False}
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
            ops.append(_on_items(below))
        return ops

    def _sized(self, keyword: str, limit: Any) -> Test:
        fails = np.less if keyword.startswith("min") else np.greater

        def test(array: pa.Array) -> Positions | None:
            return kernels.positions_of(fails(_lengths(array), limit) & presence(array, self._keep_empty))

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
            below = [op for part in _below(node, inner.name) for op in self.nested(part, inner.type, there, within)]
            if node.get("additionalProperties") is False and not _declares(node, inner.name):
                say = wording("additionalProperties", node)
                below.append(self._fails(self._is_present, "additional-properties", say, there))
            if below:
                fields[number] = below
        if fields:
            ops.append(_on_fields(fields))
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
            ops.append(_on_entries(below))
        return ops


_BOUNDS = {"minimum": "least", "maximum": "most", "exclusiveMinimum": "above", "exclusiveMaximum": "below"}

#: Keywords that look at an object or array as a whole.
_WHOLE = ("enum", "const", "anyOf", "oneOf", "not", "uniqueItems", "contains", "propertyNames", "dependencies")


def _report_faults(check: Any, values: Iterable[tuple[int, Any]], place: Place, spot: Spot, sink: Sink) -> None:
    """Run the exact path on (position, value) pairs and report what it finds."""
    groups: dict[tuple[str, Path, str, str], tuple[list[int], list[Any]]] = {}
    for position, value in values:
        faults: list[Fault] = []
        check(value, (), faults)
        for fault in faults:
            where, what = groups.setdefault((fault.code, fault.at, fault.message, fault.hint), ([], []))
            where.append(position)
            what.append(as_text(fault.value))
    for (code, at, message, hint), (where, what) in groups.items():
        there = replace(place, path=(*place.path, *at))
        sink.add(there, spot, code, (message, hint), np.asarray(where), pa.array(what, pa.string()))


def _value_of(tree: Any, values: Mapping[int, list[Any]], row: int) -> Any:
    """The value that some leaves make in a row; None where there is nothing."""
    if isinstance(tree, int):
        return values[tree][row]
    parts = [(step, _value_of(child, values, row)) for step, child in tree.items()]
    there = [(step, part) for step, part in parts if part is not None]
    if not there:
        return None
    if all(isinstance(step, int) for step in tree):
        return [part for _, part in sorted(there, key=lambda pair: pair[0])]
    return dict(there)


def _recursive(node: Any) -> bool:
    """Whether references are left in a node: of a resolved schema these are the definitions that contain themselves.

    Alternatives of such definitions multiply with every level; they are judged value by value.
    """
    if isinstance(node, Mapping):
        return "$ref" in node or any(_recursive(part) for part in node.values())
    return isinstance(node, list) and any(_recursive(part) for part in node)


#: Stands for a JSON null while None means that there is nothing.
_NULL = object()


def _with_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_nulls(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_nulls(item) for item in value]
    return None if value is _NULL else value


def _uniform(tree: Any, leaves: Sequence[Leaf]) -> bool:
    """Whether all elements of each array among the leaves have one Arrow type."""
    if isinstance(tree, int):
        return True
    if not all(_uniform(child, leaves) for child in tree.values()):
        return False
    if not all(isinstance(step, int) for step in tree):
        return True
    kinds = [nested_type(child, leaves) for child in tree.values()]
    return all(kind == kinds[0] for kind in kinds)


def _present(array: pa.Array) -> Positions | None:
    return kernels.positions_of(valid(array))


def positions_present(array: pa.Array, keep_empty: bool) -> Positions | None:
    """Positions that hold a value, None if there are none."""
    return kernels.positions_of(presence(array, keep_empty))


def _as_text_first(test: Test) -> Test:
    def typed(array: pa.Array) -> Positions | None:
        return test(kernels.texts_at(array, np.arange(len(array), dtype=np.int64)))

    return typed


def _as_double_first(test: Test) -> Test:
    return lambda array: test(array.cast(pa.float64()))


def _on_items(checks: list[Op]) -> Op:
    """Checks on the elements of a list column."""

    def op(spot: Spot, sink: Sink) -> None:
        lengths = _lengths(spot.array)
        items = spot.array.flatten()
        if not len(items):
            return
        parents = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
        starts = np.cumsum(lengths) - lengths
        index = np.arange(len(items), dtype=np.int64) - np.repeat(starts, lengths)
        below = spot.below(items, parents, index)
        for check in checks:
            check(below, sink)

    return op


def map_entries(array: pa.Array) -> tuple[pa.Array, pa.Array, Positions]:
    """Keys and values of a map column, and the position each belongs to."""
    offsets = np.asarray(array.offsets)
    sizes = np.diff(offsets)
    start, end = int(offsets[0]), int(offsets[-1])
    keys, items = array.keys, array.items
    if len(keys) != end - start:
        keys, items = keys.slice(start, end - start), items.slice(start, end - start)
    parents = np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)
    if array.null_count:
        kept = pa.array(valid(array)[parents])
        keys, items, parents = keys.filter(kept), items.filter(kept), parents[np.asarray(kept)]
    return keys, items, parents


def _on_entries(checks: list[Op]) -> Op:
    """Checks on the values of a map column."""

    def op(spot: Spot, sink: Sink) -> None:
        keys, items, parents = map_entries(spot.array)
        if len(items):
            below = spot.below(items, parents, keys)
            for check in checks:
                check(below, sink)

    return op


def _on_fields(fields: Mapping[int, list[Op]]) -> Op:
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


def _below(node: Any, step: str | int) -> list[Any]:
    """The nodes that judge the value at `step` of an object or array."""
    if isinstance(step, int):
        items = node.get("items", True)
        if isinstance(items, list):
            more = node.get("additionalItems", True)
            return [items[step]] if step < len(items) else [] if more is False else [more]
        return [items]
    found = [node["properties"][step]] if step in node.get("properties", {}) else []
    found += [part for text, part in node.get("patternProperties", {}).items() if compile_pattern(text).matches(step)]
    others = node.get("additionalProperties", True)
    return found or ([others] if others is not False else [])


def _declares(node: Any, name: str) -> bool:
    return name in node.get("properties", {}) or any(
        compile_pattern(text).matches(name) for text in node.get("patternProperties", {})
    )


def _members(tree: Any) -> Iterable[int]:
    """Numbers of all leaves below a node of a path tree."""
    if isinstance(tree, int):
        yield tree
    else:
        for child in tree.values():
            yield from _members(child)


class Columns:
    """The columns of one chunk, and where they have values.

    Args:
        columns: one for each leaf.
        size: how many records there are.
        leaves: where the columns stand.
        keep_empty: as for :class:`Compiler`.
        nulls: in which rows a leaf is ``null`` in JSON; such a value is there, but in no column.
        texts: the records as they stand in a JSON file.
    """

    def __init__(
        self, columns: Sequence[pa.Array | Texts], size: int, leaves: tuple[Leaf, ...], keep_empty: bool,
        nulls: Mapping[int, Mask] | None = None, texts: Callable[[], pa.Array] | None = None,
    ) -> None:  # fmt: skip
        self._columns, self._leaves, self._keep_empty = columns, leaves, keep_empty
        self._nulls = nulls or {}
        self.texts = texts
        self._present: dict[int, Mask | None] = {}
        self.size = size

    def array(self, number: int) -> pa.Array:
        """The column of a leaf."""
        column = self._columns[number]
        return column.array() if isinstance(column, Texts) else column

    def within(self, number: int, least: int, most: int | None) -> bool:
        """Whether it is known without making the column that its texts have `least` to `most` code points."""
        column = self._columns[number]
        if not isinstance(column, Texts):
            return False
        shortest = column.shortest()
        return shortest is None or kernels.surely_within(shortest, column.longest(), least, most)

    def nulls(self, number: int) -> Mask | None:
        """Where a leaf is null; None means nowhere."""
        return self._nulls.get(number)

    def present(self, number: int) -> Mask | None:
        """Where a leaf has a value; None means everywhere."""
        if number not in self._present:
            self._present[number] = self._find(number)
        return self._present[number]

    def _find(self, number: int) -> Mask | None:
        leaf = self._leaves[number]
        if leaf.follows is not None:
            return self.present(leaf.follows)
        column, nulls = self._columns[number], self.nulls(number)
        if isinstance(column, Texts):
            return column.there if column.there is None or nulls is None else column.there | nulls
        array = column
        if array.null_count == 0 and (self._keep_empty or not pa.types.is_nested(array.type)):
            return None
        found = presence(array, self._keep_empty)
        return found if nulls is None else found | nulls

    def any_of(self, numbers: Iterable[int]) -> Mask | None:
        """Where any of some leaves has a value; None means everywhere."""
        found = np.zeros(self.size, dtype=bool)
        for number in numbers:
            mask = self.present(number)
            if mask is None:
                return None
            found |= mask
        return found


def _on_column(number: int, check: Op) -> Callable[[Columns, Sink], None]:
    length = check.test if isinstance(check, _Fails) and isinstance(check.test, kernels.Length) else None

    def op(columns: Columns, sink: Sink) -> None:
        if length is None or not columns.within(number, length.least, length.most):
            check(Spot(columns.array(number)), sink)

    return op


def _on_nulls(number: int, place: Place, wrong: Callable[[], list[tuple[str, tuple[str, str]]]]) -> Any:
    """What `wrong` says is wrong wherever a leaf is null."""

    def op(columns: Columns, sink: Sink) -> None:
        mask = columns.nulls(number)
        if mask is None:
            return
        for code, say in wrong():
            sink.add(place, Spot(columns.array(number)), code, say, np.flatnonzero(mask))

    return op


def _report(columns: Columns, sink: Sink, place: Place, code: str, say: tuple[str, str], bad: Mask | None) -> None:
    where = np.arange(columns.size, dtype=np.int64) if bad is None else np.flatnonzero(bad)
    if len(where):
        sink.add(place, Spot(pa.nulls(0)), code, say, where)


def _all_present(members: tuple[int, ...], place: Place, code: str, say: tuple[str, str]) -> Any:
    """Fails wherever the object or array is there at all."""

    def op(columns: Columns, sink: Sink) -> None:
        _report(columns, sink, place, code, say, columns.any_of(members))

    return op


def _missing(parent: tuple[int, ...] | None, child: tuple[int, ...], place: Place, say: tuple[str, str]) -> Any:
    """Fails where the parent is there (always, if None) and the child is not."""

    def op(columns: Columns, sink: Sink) -> None:
        there = columns.any_of(child)
        if there is None:
            return
        outer = None if parent is None else columns.any_of(parent)
        _report(columns, sink, place, "required", say, ~there if outer is None else outer & ~there)

    return op


def _counted(children: list[tuple[int, ...]], place: Place, keyword: str, node: Any, always: bool) -> Any:
    fails = np.less if keyword.startswith("min") else np.greater
    limit, code, say = node[keyword], code_of(keyword), wording(keyword, node)

    def op(columns: Columns, sink: Sink) -> None:
        count = np.zeros(columns.size, dtype=np.int64)
        for members in children:
            mask = columns.any_of(members)
            count += 1 if mask is None else mask
        _report(columns, sink, place, code, say, fails(count, limit) & ((count > 0) | always))

    return op


__all__ = ["ANY_KEY", "Columns", "Compiler", "Place", "Sink", "Spot", "has_type", "is_list", "map_entries", "presence"]
