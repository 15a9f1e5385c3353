"""The columnar path for whole records: a schema and the leaves of a stream, compiled once to checks on whole columns.

Records come shredded, one column per leaf; the tree of their paths is walked together with the schema.  Where a
keyword looks at an object or array as a whole, its leaves are put together for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from ..core.paths import Path
from ..core.shred import Leaf, nest, nested_type, path_tree, plain
from .columns import Columns, all_absent, all_present, counted, missing, on_column, on_nulls
from .fault import Violation
from .nested import Exact, NestedChecks, below_node, declares, recursive, report_faults
from .spots import Place, Sink, Spot
from .values import to_json_values
from .wording import FALSE, NULL, wording

#: Keywords that look at an object or array as a whole.
_WHOLE = ("enum", "const", "anyOf", "oneOf", "not", "uniqueItems", "contains", "propertyNames", "dependencies")


class Compiler(NestedChecks):
    """Compiles one schema against one set of leaves: arguments as for :class:`.NestedChecks`."""

    def shredded(self, node: Any) -> list[Callable[[Columns, Sink], None]]:
        """The checks of `node` for records of the compiler's leaves."""
        ops: list[Callable[[Columns, Sink], None]] = []
        if self._leaves:
            self._branch(node, path_tree([leaf.path for leaf in self._leaves]), (), ops)
        else:
            self._of_nothing(node, (), ops)
        return ops

    def _of_nothing(self, node: Any, members: tuple[int, ...], ops: list[Any]) -> None:
        """What `node` says of records without any value, which are ``{}``: the same for all of them."""
        faults: list[Violation] = []
        self._record.compile(node)({}, (), faults)
        for fault in faults:
            ops.append(all_absent(members, Place(fault.at), fault.code, (fault.message, fault.hint)))

    def _branch(self, node: Any, tree: Any, path: Path, ops: list[Any]) -> None:
        if node is True:
            return
        place = Place(path)
        members = tuple(members_of(tree))
        if node is False:
            ops.append(all_present(members, place, "not", FALSE))
            if not path:
                self._of_nothing(node, members, ops)
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
            ops.append(all_present(members, place, "type", wording("type", node)))
            if not path:
                self._of_nothing({"type": types}, members, ops)
        for part in node.get("allOf", ()):
            self._branch(part, tree, path, ops)
        for step, child in tree.items():
            for below in below_node(node, step):
                self._branch(below, child, (*path, step), ops)
            if not is_array and node.get("additionalProperties") is False and not declares(node, str(step)):
                say = wording("additionalProperties", node)
                below_members = tuple(members_of(child))
                ops.append(all_present(below_members, place.child(step), "additional-properties", say))
            elif (
                self._keep_empty
                and isinstance(child, int)
                and not is_array
                and not declares(node, str(step))
                and node.get("additionalProperties", True) is True
                and any(key in node for key in ("properties", "patternProperties", "additionalProperties"))
            ):  # a null that nothing else judges; off where the rule is
                ops.append(on_nulls(child, place.child(step), lambda: [("null", NULL)]))
        if not is_array:
            self._required(node, tree, path, ops)
        self._counts(node, tree, place, is_array, ops)
        rest = {key: node[key] for key in _WHOLE if key in node}
        if is_array and isinstance(node.get("items"), list) and node.get("additionalItems") is False:
            rest |= {"items": [True] * len(node["items"]), "additionalItems": False}
        if rest:
            ops.append(self._assembled(rest, tree, path))
            if not path:
                self._of_nothing(rest, members, ops)

    def _leaf(self, node: Any, number: int, ops: list[Any]) -> None:
        leaf = self._leaves[number]
        place = Place(leaf.path, leaf.column)
        self._spelled = False
        checks = self.nested(node, leaf.type, place)
        if self._spelled and pa.types.is_nested(leaf.type):  # a number somewhere inside
            checks = [Exact(self._record.compile(node), place, self._keep_empty, spelled=True)]
        if leaf.constant is not None and checks:
            trial = Sink(np.ones(1, dtype=np.int64), self._rules)
            for check in checks:
                check(Spot(pa.array([leaf.constant], leaf.type)), trial)
            if not trial.findings:
                return
        for check in checks:
            ops.append(on_column(number, check))
        if self._keep_empty:
            ops.append(on_nulls(number, place, lambda: self._wrong_with_null(node)))

    def _wrong_with_null(self, node: Any) -> list[tuple[str, tuple[str, str]]]:
        """What is wrong with a null, the same for all of them: rule code, message and hint."""
        faults: list[Violation] = []
        self._record.compile(node)(None, (), faults)
        return [(fault.code, (fault.message, fault.hint)) for fault in faults]

    def _required(self, node: Any, tree: Any, path: Path, ops: list[Any]) -> None:
        for name in node.get("required", ()):
            member_of_child = tuple(members_of(tree[name])) if name in tree else ()
            parent = tuple(members_of(tree)) if path else None
            ops.append(missing(parent, member_of_child, Place((*path, name)), wording("required", node)))

    def _counts(self, node: Any, tree: Any, place: Place, is_array: bool, ops: list[Any]) -> None:
        children = [tuple(members_of(child)) for child in tree.values()]
        pairs = ("minItems", "maxItems") if is_array else ("minProperties", "maxProperties")
        for keyword in pairs:
            if keyword in node:
                ops.append(counted(children, place, keyword, node, always=not place.path))

    def _assembled(self, node: Mapping[str, Any], tree: Any, path: Path) -> Callable[[Columns, Sink], None]:
        """A check on what the leaves below `path` make together."""
        if recursive(node) or not _uniform(tree, self._leaves):
            return self._assembled_values(node, tree, path)
        numbers = tuple(members_of(tree))
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
        numbers = tuple(members_of(tree))
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
            report_faults(check, zip(rows.tolist(), values, strict=True), Place(path), Spot(at), sink)

        return op


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


def members_of(tree: Any) -> Iterable[int]:
    """Numbers of all leaves below a node of a path tree."""
    if isinstance(tree, int):
        yield tree
    else:
        for child in tree.values():
            yield from members_of(child)
