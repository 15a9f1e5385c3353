"""The platform's own rules beyond JSON Schema, compiled to check trees: unknown fields, widths, guardrails, labels.

They are read from the resolved fields of the schema (:class:`xdmprep.schema.Field`).  Sources: Adobe's guardrail pages
(array items, map keys, record sizes), field type constraints (widths), the ExperienceEvent class (timestamp in the
past, no colons in ``_id``), ``meta:enum`` and ``meta:status``.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from ..core.arrow_types import is_list
from ..core.paths import EVERY, Path, format_path
from ..core.stream import Finding
from ..schema import Field, Schema
from ..schema.types import SCALARS
from .constraints import Assert, Forbidden, Items, Properties, Size
from .identity_columns import Identities
from .messages import (
    COLON,
    DEPRECATED,
    FUTURE,
    NUL,
    UNKNOWN,
    not_suggested,
    too_many_items,
    too_many_keys,
    too_wide,
    wrong_column,
)
from .node import ANY_TYPE, ARRAY, NUMBERS, OBJECT, STRING, CheckNode, Constraint
from .record_size import RecordSize
from .ruleset import Rules
from .value_tests import OneOf, Past, Range, TextTest, failing, with_nul

#: Bytes of JSON above which the platform drops a record, by behavior.
MAX_BYTES = {"record": 100 * 1024, "time-series": 10 * 1024}
#: Items of an array, by behavior (soft guardrail).
MAX_ITEMS = {"record": 500, "time-series": 10}
#: Keys of a map; fewer than this are advised.
MAX_KEYS = 16

#: Bits of the integer types of XDM.
BITS = {"byte": 8, "short": 16, "int": 32, "long": 64}


_NO_COLON = TextTest(lambda text: ":" not in text, lambda array: failing(pc.invert(pc.match_substring(array, ":"))))
_NO_NUL = TextTest(lambda text: "\0" not in text, with_nul)


class PlatformCompiler:
    """Compiles the fields of a schema under some rules."""

    def __init__(self, schema: Schema, rules: Rules) -> None:
        self._schema, self._rules = schema, rules
        self._max_items = MAX_ITEMS.get(schema.behavior)

    def compile(self) -> CheckNode:
        """What the platform asks of records."""
        return CheckNode(self._root)

    def _root(self) -> list[Constraint]:
        made: list[Constraint] = []
        if any(code.startswith("identity-") for code in self._rules.settings):
            made.append(Identities(self._schema, self._rules))
        made += self._constraints(self._schema.root, self._events())
        most = MAX_BYTES.get(self._schema.behavior)
        if most is not None and "record-size" in self._rules:
            made.append(RecordSize(most))
        return made

    def _node(self, field: Field) -> CheckNode:
        return CheckNode(lambda: self._constraints(field, {}))

    def _constraints(self, field: Field, events: Mapping[str, Constraint]) -> list[Constraint]:
        """What is asked of a field; `events` of its fields by name, besides."""
        rules, keywords = self._rules, field.constraints
        made: list[Constraint] = []
        if keywords.get("meta:status") == "deprecated" and "deprecated" in rules:
            made.append(Forbidden(DEPRECATED, ANY_TYPE - {"null"}))
        labels = keywords.get("meta:enum")
        if labels and isinstance(labels, list | Mapping) and "enum" not in keywords and "soft-enum" in rules:
            texts = tuple(map(str, labels))
            made.append(Assert(OneOf(texts), not_suggested(texts), STRING))
        if field.type == "string" and "nul" in rules:
            made.append(Assert(_NO_NUL, NUL, STRING))
        if field.type in BITS and "width" in rules:
            made += self._width(field)
        if field.values is not None:
            if "map-keys" in rules:
                made.append(Size(None, MAX_KEYS - 1, too_many_keys(MAX_KEYS), OBJECT, counted=True))
            made.append(Properties({}, other=self._node(field.values)))
        elif field.children or events:
            made.append(self._properties(field, events))
        if self._max_items is not None and "array-items" in rules:
            made.append(Size(None, self._max_items, too_many_items(self._max_items), ARRAY, counted=True))
        if field.items is not None:
            made.append(Items(self._node(field.items)))
        return made

    def _width(self, field: Field) -> list[Constraint]:
        """The bounds of an integer type, where the schema has none that are as narrow."""
        bits = BITS[field.type]
        low: int | None = -(1 << (bits - 1))
        high: int | None = (1 << (bits - 1)) - 1
        own_low, own_high = field.constraints.get("minimum"), field.constraints.get("maximum")
        low = None if own_low is not None and own_low >= low else low
        high = None if own_high is not None and own_high <= high else high
        return [Assert(Range(low, high), too_wide(field.type, bits), NUMBERS)]

    def _properties(self, field: Field, events: Mapping[str, Constraint]) -> Constraint:
        keywords = field.constraints
        is_open = bool(keywords.get("patternProperties")) or isinstance(keywords.get("additionalProperties"), Mapping)
        closed = UNKNOWN if field.children and not is_open and "unknown-field" in self._rules else None
        fields = {name: self._node(child) for name, child in field.children.items()}
        for name, constraint in events.items():
            fields[name] = self._with(constraint, fields.get(name), closed is not None)
        return Properties(fields, closed=closed)

    def _with(self, constraint: Constraint, node: CheckNode | None, closed: bool) -> CheckNode:
        """A node with one more constraint; where there was none, the field is not in the schema."""
        if node is not None:
            return CheckNode(lambda: [*node.constraints, constraint])
        return CheckNode(lambda: [Forbidden(UNKNOWN), constraint] if closed else [constraint])

    def _events(self) -> Mapping[str, Constraint]:
        if self._schema.behavior != "time-series":
            return {}
        asked = {
            ("_id", "@id"): Assert(_NO_COLON, COLON, STRING),
            ("timestamp", "xdm:timestamp"): Assert(Past(), FUTURE, STRING),
        }
        return {
            name: constraint
            for names, constraint in asked.items()
            for name in names
            if constraint.failure.code in self._rules
        }


def column_types(schema: Schema, rules: Rules, columns: pa.Schema) -> list[Finding]:
    """Columns of a Parquet file whose types are not the schema's, as findings about the first row."""
    severity = rules.severity("column-type")
    if severity is None:
        return []
    found: list[Finding] = []

    def compare(field: Field, kind: pa.DataType, path: Path) -> None:
        if pa.types.is_struct(kind):
            for inner in kind:
                if inner.name in field.children:
                    compare(field.children[inner.name], inner.type, (*path, inner.name))
        elif is_list(kind) and field.items is not None:
            compare(field.items, kind.value_type, (*path, EVERY))
        elif pa.types.is_map(kind) and field.values is not None:
            compare(field.values, kind.item_type, (*path, EVERY))
        elif field.type in SCALARS and kind != SCALARS[field.type] and not pa.types.is_null(kind):
            say = wrong_column(kind, field.type, SCALARS[field.type])
            found.append(
                Finding.of(say.code, format_path(path), say.message, [1], None, None, say.hint, severity)
            )  # fmt: skip

    for column in columns:
        if column.name in schema.root.children:
            compare(schema.root.children[column.name], column.type, (column.name,))
    return found


__all__ = ["MAX_BYTES", "MAX_ITEMS", "MAX_KEYS", "PlatformCompiler", "column_types"]
