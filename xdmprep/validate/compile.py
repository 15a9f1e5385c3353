"""JSON Schema, draft-06, compiled to check trees."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from ..core.paths import pointer_steps
from ..errors import SchemaError
from .constraints import (
    AllOf,
    Assert,
    Branches,
    Forbidden,
    Items,
    Properties,
    Required,
    Size,
    Typed,
    Undecidable,
    contains,
    dependencies,
    property_names,
    unique,
)
from .formats import FORMATS
from .messages import EMPTY, FALSE, Failure, code_of, failed
from .node import ANY_TYPE, ARRAY, NUMBERS, OBJECT, STRING, CheckNode, Constraint
from .patterns import SchemaPattern, compile_pattern
from .ruleset import Rules
from .value_tests import FormatTest, Length, MultipleOf, OneOf, PatternTest, Range, ValueTest

#: Every keyword that decides validity in draft-06.
KEYWORDS = frozenset(
    {
        "type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
        "minLength", "maxLength", "pattern", "format", "items", "additionalItems", "minItems", "maxItems",
        "uniqueItems", "contains", "properties", "patternProperties", "additionalProperties", "required",
        "minProperties", "maxProperties", "propertyNames", "dependencies", "allOf", "anyOf", "oneOf", "not", "$ref",
    }
)  # fmt: skip

#: Keywords that test single values: the JSON types that they judge, and the test of the keyword's value.
_TESTS: dict[str, tuple[frozenset[str], Callable[[Any], ValueTest | None]]] = {
    "enum": (ANY_TYPE, OneOf),
    "const": (ANY_TYPE, lambda value: OneOf([value])),
    "minLength": (STRING, lambda least: Length(int(least)) if least else None),
    "maxLength": (STRING, lambda most: Length(0, int(most))),
    "format": (STRING, lambda name: FormatTest(name) if name in FORMATS else None),
    "minimum": (NUMBERS, lambda bound: Range(least=bound)),
    "exclusiveMinimum": (NUMBERS, lambda bound: Range(above=bound)),
    "maximum": (NUMBERS, lambda bound: Range(most=bound)),
    "exclusiveMaximum": (NUMBERS, lambda bound: Range(below=bound)),
    "multipleOf": (NUMBERS, MultipleOf),
}


def value_tests(node: Mapping[str, Any]) -> Iterator[tuple[frozenset[str], Failure, ValueTest]]:
    """The tests of single values that the keywords of a node ask for: of which JSON types, and what is reported.

    Raises:
        SchemaError: its pattern cannot be read.
    """
    for keyword, (kinds, make) in _TESTS.items():
        if keyword in node and (test := make(node[keyword])) is not None:
            yield kinds, failed(keyword, node), test
    if "pattern" in node:
        yield STRING, failed("pattern", node), PatternTest(compile_pattern(node["pattern"]))


class SchemaCompiler:
    """Compiles the nodes of a JSON Schema under some rules.

    Args:
        document: self-contained JSON Schema; references are local pointers.
        rules: what applies; keywords whose rule is off are not checked at the top, but still decide within
            ``anyOf``, ``oneOf``, ``not`` and ``contains``.
    """

    def __init__(self, document: Mapping[str, Any] | bool, rules: Rules) -> None:
        self._document = document
        self._rules = rules
        #: by identity and place of a schema's node: the node, which keeps its id alive, and what it is compiled to
        self._done: dict[tuple[int, bool], tuple[Any, CheckNode]] = {}
        #: whether columns cannot decide some part of the node that is being compiled
        self._singly = False

    def compile(self, node: Any, within: bool = False) -> CheckNode:
        """The check tree of a node; `within` a branch of anyOf, oneOf, not or contains all keywords decide."""
        key = (id(node), within)
        if key not in self._done:
            constraints: list[Constraint] = []
            converts = self._rules.converts and not within and isinstance(node, Mapping) and "$ref" not in node
            made = CheckNode(lambda: constraints, node if converts else None, within)
            self._done[key] = (node, made)  # before compiling: a node may contain itself
            around, self._singly = self._singly, False
            constraints += self._constraints(node, within)
            made.singly = self._singly
            self._singly = around
        made = self._done[key][1]
        self._singly |= made.singly
        return made

    def _pattern(self, text: str) -> SchemaPattern:
        pattern = compile_pattern(text)
        self._singly |= pattern.re2 is None  # it may take too long on some string
        return pattern

    def resolve(self, ref: str) -> Any:
        """The node that a local reference names; SchemaError if there is none."""
        node: Any = self._document
        if not ref.startswith("#"):
            raise SchemaError(f"the reference {ref!r} is not local. Load the schema with its components.")
        for key in pointer_steps(ref[1:]):
            try:
                node = node[int(key)] if isinstance(node, list) else node[key]
            except (KeyError, IndexError, ValueError, TypeError):
                if isinstance(node, Mapping) and unquote(key) in node:
                    node = node[unquote(key)]
                    continue
                raise SchemaError(f"the reference {ref!r} leads nowhere.") from None
        return node

    def _constraints(self, node: Any, within: bool) -> list[Constraint]:
        if node is True:
            return []
        if node is False:
            return [Forbidden(FALSE)] if within or FALSE.code in self._rules else []
        if not isinstance(node, Mapping):
            raise SchemaError(f"a schema must be an object or a boolean, got {node!r}.")
        if "$ref" in node:
            target = self.compile(self.resolve(node["$ref"]), within)
            self._singly = True  # in a resolved schema a node that contains itself: its branches double on every level
            return [AllOf(target)]
        return [
            *self._values(node, within),
            *self._objects(node, within),
            *self._arrays(node, within),
            *(AllOf(self.compile(part, within)) for part in node.get("allOf", ())),
            *self._branches(node, within),
        ]

    def _on(self, keyword: str, node: Mapping[str, Any], within: bool) -> bool:
        """Whether a keyword is there and decides."""
        return keyword in node and (within or code_of(keyword) in self._rules)

    def _refuses_null(self, within: bool) -> bool:
        return "null" in self._rules and not within

    def _values(self, node: Mapping[str, Any], within: bool) -> list[Constraint]:
        types = node.get("type")
        names = tuple(types) if isinstance(types, list) else (types,) if types is not None else ()
        report = within or "type" in self._rules
        refuses_null = self._refuses_null(within)
        made: list[Constraint] = [Typed(names, failed("type", node) if report else None, refuses_null)]
        if "empty" in self._rules and not within and not (node.get("minLength") and "min-length" in self._rules):
            made.append(Assert(Length(1), EMPTY, STRING))
        for keyword, (kinds, test) in _TESTS.items():
            if self._on(keyword, node, within) and (asserted := test(node[keyword])) is not None:
                if isinstance(asserted, OneOf) and refuses_null and None not in asserted.values:
                    kinds = kinds - {"null"}  # a null that is refused anyhow is reported once
                made.append(Assert(asserted, failed(keyword, node), kinds))
        if self._on("pattern", node, within):
            pattern = self._pattern(node["pattern"])
            if pattern.re2 is None and not within:
                made.append(Undecidable(pattern, failed("pattern", node)))
            elif not pattern.always:
                made.append(Assert(PatternTest(pattern), failed("pattern", node), STRING))
        return made

    def _sizes(self, node: Mapping[str, Any], noun: str, kinds: frozenset[str], within: bool) -> list[Constraint]:
        made: list[Constraint] = []
        for keyword in (f"min{noun}", f"max{noun}"):
            if self._on(keyword, node, within):
                least, most = (node[keyword], None) if keyword.startswith("min") else (None, node[keyword])
                made.append(Size(least, most, failed(keyword, node), kinds))
        return made

    def _objects(self, node: Mapping[str, Any], within: bool) -> list[Constraint]:
        made: list[Constraint] = []
        if self._on("required", node, within) and isinstance(node["required"], list):
            made.append(Required(node["required"], failed("required", node)))
        made += self._sizes(node, "Properties", OBJECT, within)
        if any(key in node for key in ("properties", "patternProperties", "additionalProperties")):
            made.append(self._properties(node, within))
        if self._on("propertyNames", node, within):
            made.append(property_names(self.compile(node["propertyNames"], True), failed("propertyNames", node)))
        if self._on("dependencies", node, within):
            needs: dict[str, Sequence[str] | CheckNode] = {
                name: need if isinstance(need, list) else self.compile(need, True)
                for name, need in node["dependencies"].items()
            }
            made.append(dependencies(needs, failed("dependencies", node)))
        return made

    def _properties(self, node: Mapping[str, Any], within: bool) -> Constraint:
        other, closed = self._others(node, "additionalProperties", within)
        if node.get("additionalProperties", True) is True and self._refuses_null(within):
            other = CheckNode(lambda: [Typed((), None, refuses_null=True)])
        return Properties(
            {name: self.compile(child, within) for name, child in node.get("properties", {}).items()},
            [
                (self._pattern(text), self.compile(child, within))
                for text, child in node.get("patternProperties", {}).items()
            ],
            other,
            () if closed is None else (closed,),
        )

    def _others(self, node: Mapping[str, Any], keyword: str, within: bool) -> tuple[CheckNode | None, Failure | None]:
        """The node of the fields or items that have none of their own, and what to report where there must be none."""
        others = node.get(keyword, True)
        if others is False:
            return None, failed(keyword, node) if self._on(keyword, node, within) else None
        return None if others is True else self.compile(others, within), None

    def _arrays(self, node: Mapping[str, Any], within: bool) -> list[Constraint]:
        made = self._sizes(node, "Items", ARRAY, within)
        if node.get("uniqueItems") is True and self._on("uniqueItems", node, within):
            made.append(unique(failed("uniqueItems", node)))
        items = node.get("items", True)
        if isinstance(items, list):
            other, closed = self._others(node, "additionalItems", within)
            made.append(Items(other, [self.compile(item, within) for item in items], closed))
        elif items is not True:
            made.append(Items(self.compile(items, within)))
        if self._on("contains", node, within):
            made.append(contains(self.compile(node["contains"], True), failed("contains", node)))
        return made

    def _branches(self, node: Mapping[str, Any], within: bool) -> list[Constraint]:
        made: list[Constraint] = []
        for keyword in ("anyOf", "oneOf", "not"):
            if self._on(keyword, node, within):
                parts = node[keyword] if isinstance(node[keyword], list) else [node[keyword]]
                nodes = [self.compile(part, True) for part in parts]
                singly = any(branch.singly for branch in nodes)
                made.append(Branches(keyword, nodes, failed(keyword, node), singly))
        return made
