"""The exact path: one record, as Python values, against JSON Schema draft-06.

A schema is compiled once to small functions, one list per node and JSON type; a record walks through them and every
fault is gathered, not only the first.  The columnar checks (:mod:`.nested`) use this path for what has no columnar
form, so the two share one meaning of every keyword, format and pattern.  (The public validators serve as oracles in
the tests.  Plain ``jsonschema`` judges some 4,000 small records a second, this some 100,000.)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import SchemaError
from .equality import has_type, is_multiple
from .fault import At, Check, Violation
from .formats import FORMATS
from .patterns import compile_pattern
from .record_checks import among, bounded, combination, converting, decide, deciding, dispatch, failing, never, repeats
from .ruleset import Rules
from .wording import EMPTY, NULL, code_of, wording

#: Every keyword that decides validity in draft-06.
KEYWORDS = frozenset(
    {
        "type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
        "minLength", "maxLength", "pattern", "format", "items", "additionalItems", "minItems", "maxItems",
        "uniqueItems", "contains", "properties", "patternProperties", "additionalProperties", "required",
        "minProperties", "maxProperties", "propertyNames", "dependencies", "allOf", "anyOf", "oneOf", "not", "$ref",
    }
)  # fmt: skip


class RecordSchema:
    """A JSON Schema compiled for single records under some rules.

    Args:
        document: self-contained JSON Schema; references are local pointers.
        rules: what applies; keywords whose rule is off are not checked at the top, but still decide within
            ``anyOf``, ``oneOf``, ``not`` and ``contains``.
    """

    def __init__(self, document: Mapping[str, Any] | bool, rules: Rules) -> None:
        self._document = document
        self._rules = rules
        self._done: dict[tuple[int, bool], tuple[Any, list[Check]]] = {}
        self._lock = threading.RLock()
        self._top = self.compile(document)

    def faults(self, value: Any) -> list[Violation]:
        """Everything that is wrong with a record, in document order."""
        out: list[Violation] = []
        decide(self._top, value, (), out)
        return out

    def resolve(self, ref: str) -> Any:
        """The node that a local reference names.

        Raises:
            SchemaError: there is none.
        """
        node: Any = self._document
        if not ref.startswith("#"):
            raise SchemaError(f"the reference {ref!r} is not local. Load the schema with its components.")
        for part in ref[1:].split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            try:
                node = node[int(key)] if isinstance(node, list) else node[key]
            except (KeyError, IndexError, ValueError, TypeError):
                from urllib.parse import unquote

                if isinstance(node, Mapping) and unquote(key) in node:
                    node = node[unquote(key)]
                    continue
                raise SchemaError(f"the reference {ref!r} leads nowhere.") from None
        return node

    def compile(self, node: Any, within: bool = False) -> Check:
        """The check of a node; `within` a branch of anyOf, oneOf, not or contains all keywords decide."""
        key = (id(node), within)
        with self._lock:
            if key not in self._done:
                checks: list[Check] = []
                self._done[key] = (node, checks)  # before compiling: a node may lead back to itself
                checks += self._checks(node, within)
            _, checks = self._done[key]

        def check(value: Any, at: At, out: list[Violation]) -> None:
            for one in checks:
                one(value, at, out)

        return check

    def _checks(self, node: Any, within: bool) -> list[Check]:
        if node is True:
            return []
        if node is False:
            return [never]
        if not isinstance(node, Mapping):
            raise SchemaError(f"a schema must be an object or a boolean, got {node!r}.")
        if "$ref" in node:
            return [self.compile(self.resolve(node["$ref"]), within)]
        self._within = within
        checks: list[Check] = []
        if self._on("type", within) or "null" in self._rules or self._rules.converts:
            checks += self._type(node, within)
        for keyword in ("enum", "const"):
            if keyword in node and self._on(keyword, within):
                checks.append(among(keyword, node, skip_null="null" in self._rules and not within))
        texts = self._texts(node, within)
        numbers = self._numbers(node, within)
        objects = self._objects(node, within)
        arrays = self._arrays(node, within)
        if texts or numbers or objects or arrays:
            checks.append(dispatch(texts, numbers, objects, arrays))
        checks += self._combined(node, within)
        if self._rules.converts and not within:
            return [converting(node, checks)]
        return checks

    def _on(self, keyword: str, within: bool) -> bool:
        return within or code_of(keyword) in self._rules

    def _type(self, node: Mapping[str, Any], within: bool) -> list[Check]:
        types = node.get("type")
        names = tuple(types) if isinstance(types, list) else (types,) if types is not None else ()
        refuses_null = "null" in self._rules and not within and "null" not in names
        message, hint = wording("type", node)
        report_type = types is not None and self._on("type", within)
        simple = (
            {"string": str, "boolean": bool, "object": dict, "array": list}.get(names[0]) if len(names) == 1 else None
        )

        def check(value: Any, at: At, out: list[Violation]) -> None:
            if simple is not None and isinstance(value, simple):
                return
            if value is None and refuses_null:
                out.append(Violation("null", at, None, *NULL))
            elif report_type and not any(has_type(value, name) for name in names):
                out.append(Violation("type", at, value, message, hint))

        return [check] if report_type or refuses_null else []

    def _texts(self, node: Mapping[str, Any], within: bool) -> list[Check]:
        checks: list[Check] = []
        least, most = node.get("minLength"), node.get("maxLength")
        if "empty" in self._rules and not within and not (least and "min-length" in self._rules):
            checks.append(failing(lambda text: not text, "empty", *EMPTY))
        if least and self._on("minLength", within):
            checks.append(failing(lambda text: len(text) < least, "min-length", *wording("minLength", node)))
        if most is not None and self._on("maxLength", within):
            checks.append(failing(lambda text: len(text) > most, "max-length", *wording("maxLength", node)))
        if "pattern" in node and self._on("pattern", within):
            pattern = compile_pattern(node["pattern"])
            if not pattern.always:
                matches = pattern.matches
                check = failing(lambda text: not matches(text), "pattern", *wording("pattern", node))
                checks.append(check if within else deciding(check))
        fits = FORMATS.get(node.get("format", "")) if isinstance(node.get("format"), str) else None
        if fits is not None and self._on("format", within):
            checks.append(failing(lambda text: not fits(text), "format", *wording("format", node)))
        return checks

    def _numbers(self, node: Mapping[str, Any], within: bool) -> list[Check]:
        checks: list[Check] = []
        tests: dict[str, Callable[[Any, Any], bool]] = {
            "minimum": lambda value, bound: value < bound,
            "exclusiveMinimum": lambda value, bound: value <= bound,
            "maximum": lambda value, bound: value > bound,
            "exclusiveMaximum": lambda value, bound: value >= bound,
            "multipleOf": lambda value, step: not is_multiple(value, step),
        }
        for keyword, fails in tests.items():
            bound = node.get(keyword)
            if bound is not None and not isinstance(bound, bool) and self._on(keyword, within):
                checks.append(failing(bounded(fails, bound), code_of(keyword), *wording(keyword, node)))
        return checks

    def _objects(self, node: Mapping[str, Any], within: bool) -> list[Check]:
        checks: list[Check] = []
        required = node.get("required")
        if isinstance(required, list) and self._on("required", within):
            message, hint = wording("required", node)

            def check_required(value: Any, at: At, out: list[Violation]) -> None:
                for name in required:
                    if name not in value:
                        out.append(Violation("required", (*at, name), None, message, hint))

            checks.append(check_required)
        for keyword, fails in (
            ("minProperties", lambda value, limit: len(value) < limit),
            ("maxProperties", lambda value, limit: len(value) > limit),
        ):
            if keyword in node and self._on(keyword, within):
                limit = node[keyword]
                checks.append(failing(bounded(fails, limit), code_of(keyword), *wording(keyword, node)))
        if any(key in node for key in ("properties", "patternProperties", "additionalProperties")):
            checks.append(self._fields(node, within))
        if "propertyNames" in node and self._on("propertyNames", within):
            names = self.compile(node["propertyNames"], True)
            message, hint = wording("propertyNames", node)

            def check_names(value: Any, at: At, out: list[Violation]) -> None:
                for name in value:
                    found: list[Violation] = []
                    names(name, at, found)
                    if found:
                        out.append(Violation("property-names", (*at, name), name, message, hint))

            checks.append(check_names)
        if "dependencies" in node and self._on("dependencies", within):
            checks.append(self._dependencies(node, within))
        return checks

    def _fields(self, node: Mapping[str, Any], within: bool) -> Check:
        fields = {name: self.compile(child, within) for name, child in node.get("properties", {}).items()}
        matching = [
            (compile_pattern(pattern).matches, self.compile(child, within))
            for pattern, child in node.get("patternProperties", {}).items()
        ]
        others = node.get("additionalProperties", True)
        closed = others is False and self._on("additionalProperties", within)
        other = None if others is True or others is False else self.compile(others, within)
        null_only = other is None and "null" in self._rules and not within and others is True
        message, hint = wording("additionalProperties", node)

        def check(value: Any, at: At, out: list[Violation]) -> None:
            for name, item in value.items():
                field = fields.get(name)
                known = field is not None
                if field is not None:
                    field(item, (*at, name), out)
                for search, field in matching:
                    if search(name):
                        known = True
                        field(item, (*at, name), out)
                if known:
                    continue
                if closed:
                    out.append(Violation("additional-properties", (*at, name), item, message, hint))
                elif other is not None:
                    other(item, (*at, name), out)
                elif null_only and item is None:
                    out.append(Violation("null", (*at, name), None, *NULL))

        return check

    def _dependencies(self, node: Mapping[str, Any], within: bool) -> Check:
        message, hint = wording("dependencies", node)
        schemas = {
            name: need if isinstance(need, list) else self.compile(need, True)
            for name, need in node["dependencies"].items()
        }

        def check(value: Any, at: At, out: list[Violation]) -> None:
            for name, need in schemas.items():
                if name not in value:
                    continue
                if isinstance(need, list):
                    missing = [other for other in need if other not in value]
                    out += [Violation("dependencies", (*at, other), None, message, hint) for other in missing]
                else:
                    found: list[Violation] = []
                    need(value, at, found)
                    if found:
                        out.append(Violation("dependencies", at, value, message, hint))

        return check

    def _arrays(self, node: Mapping[str, Any], within: bool) -> list[Check]:
        checks: list[Check] = []
        for keyword, fails in (
            ("minItems", lambda value, limit: len(value) < limit),
            ("maxItems", lambda value, limit: len(value) > limit),
        ):
            if keyword in node and self._on(keyword, within):
                checks.append(failing(bounded(fails, node[keyword]), code_of(keyword), *wording(keyword, node)))
        if node.get("uniqueItems") is True and self._on("uniqueItems", within):
            checks.append(failing(repeats, "unique-items", *wording("uniqueItems", node)))
        items = node.get("items")
        if isinstance(items, list):
            checks.append(self._tuple(node, items, within))
        elif items is not None and items is not True:
            each = self.compile(items, within)

            def check_items(value: Any, at: At, out: list[Violation]) -> None:
                for number, item in enumerate(value):
                    each(item, (*at, number), out)

            checks.append(check_items)
        if "contains" in node and self._on("contains", within):
            wanted = self.compile(node["contains"], True)
            message, hint = wording("contains", node)

            def check_contains(value: Any, at: At, out: list[Violation]) -> None:
                for item in value:
                    found: list[Violation] = []
                    wanted(item, at, found)
                    if not found:
                        return
                out.append(Violation("contains", at, value, message, hint))

            checks.append(check_contains)
        return checks

    def _tuple(self, node: Mapping[str, Any], items: list[Any], within: bool) -> Check:
        each = [self.compile(item, within) for item in items]
        more = node.get("additionalItems", True)
        closed = more is False and self._on("additionalItems", within)
        further = None if more is True or more is False else self.compile(more, within)
        message, hint = wording("additionalItems", node)

        def check(value: Any, at: At, out: list[Violation]) -> None:
            for number, item in enumerate(value):
                if number < len(each):
                    each[number](item, (*at, number), out)
                elif closed:
                    out.append(Violation("max-items", (*at, number), item, message, hint))
                elif further is not None:
                    further(item, (*at, number), out)

        return check

    def _combined(self, node: Mapping[str, Any], within: bool) -> list[Check]:
        checks = [self.compile(part, within) for part in node.get("allOf", ())]
        for keyword in ("anyOf", "oneOf", "not"):
            if keyword not in node or not self._on(keyword, within):
                continue
            value = node[keyword]
            parts = [self.compile(part, True) for part in (value if isinstance(value, list) else [value])]
            checks.append(combination(keyword, parts, *wording(keyword, node)))
        return checks
