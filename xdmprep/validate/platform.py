"""The platform's own rules beyond JSON Schema, compiled to check trees: unknown fields, widths, guardrails, labels.

They are read from the resolved fields of the schema (:class:`xdmprep.schema.Field`).  Sources: Adobe's guardrail pages
(array items, map keys, record sizes), field type constraints (widths), the ExperienceEvent class (timestamp in the
past, no colons in ``_id``), ``meta:enum`` and ``meta:status``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from ..core.arrow_types import is_list
from ..core.paths import EVERY, Path, format_path
from ..core.stream import Finding
from ..schema import Field, Schema
from ..schema.types import SCALARS
from . import messages
from .constraints import AllOf, Assert, Forbidden, Items, Properties, Size
from .identities import identity_constraints
from .node import ANY_TYPE, ARRAY, NUMBERS, OBJECT, STRING, CheckNode, Constraint
from .record_size import RecordSize
from .ruleset import Rules
from .value_tests import NoMatch, NoNul, OneOf, Past, Range
from .view import ANY_KEY

#: Bytes of JSON above which the platform drops a record, by behavior.
MAX_BYTES = {"record": 100 * 1024, "time-series": 10 * 1024}
#: Items of an array, by behavior (soft guardrail).
MAX_ITEMS = {"record": 500, "time-series": 10}
#: Keys of a map; fewer than this are advised.
MAX_KEYS = 16

#: Bits of the integer types of XDM.
BITS = {"byte": 8, "short": 16, "int": 32, "long": 64}


@dataclass
class Role:
    """Constraints on a place in records, judged after those of the field, and roles below by step."""

    constraints: list[Constraint] = field(default_factory=list)
    below: dict[str, Role] = field(default_factory=dict)

    def add(self, path: Path, constraint: Constraint) -> None:
        """Add a constraint on a place below."""
        role = self
        for step in path:
            role = role.below.setdefault(str(step), Role())
        role.constraints.append(constraint)

    def build(self) -> list[Constraint]:
        """The constraints, and those for the places below."""
        nodes = {step: CheckNode(role.build) for step, role in self.below.items()}
        made: list[Constraint] = [Items(nodes.pop(EVERY))] if EVERY in nodes else []
        if nodes:
            made.append(Properties(nodes, other=nodes.pop(ANY_KEY, None)))
        return [*made, *self.constraints]


#: No constraints.
_ANYTHING = CheckNode(list)


class PlatformCompiler:
    """Adds the platform's constraints on fields to the check tree of a JSON Schema."""

    def __init__(self, schema: Schema, rules: Rules) -> None:
        self._schema, self._rules = schema, rules
        self._max_items = MAX_ITEMS.get(schema.behavior)

    def compile(self, records: CheckNode) -> CheckNode:
        """The check tree of records, given the tree of their JSON Schema."""
        role = Role()
        for path, constraint in (*self._events(), *identity_constraints(self._schema, self._rules)):
            role.add(path, constraint)
        most = MAX_BYTES.get(self._schema.behavior)
        if most is not None and "record-size" in self._rules:
            role.add((), RecordSize(most))
        return self._node(self._schema.root, role, records)

    def _node(self, field: Field, role: Role | None, base: CheckNode) -> CheckNode:
        return CheckNode(lambda: self._constraints(field, role or Role(), base), base=base)

    def _constraints(self, field: Field, role: Role, base: CheckNode) -> list[Constraint]:
        """The constraints on a field: of its JSON Schema, of the platform, and of its role."""
        rules, keywords = self._rules, field.constraints
        while len(base.constraints) == 1 and isinstance(reference := base.constraints[0], AllOf):
            base = reference.node
        # what is converted before it is checked is not converted for the platform's own rules
        made: list[Constraint] = [AllOf(base)] if base.schema and not field.below else [*base.constraints]
        role = Role(role.constraints, dict(role.below))
        self._inside(field, role.below, made)
        if keywords.get("meta:status") == "deprecated" and "deprecated" in rules:
            made.append(Forbidden(messages.DEPRECATED, ANY_TYPE - {"null"}))
        labels = keywords.get("meta:enum")
        if labels and isinstance(labels, list | Mapping) and "enum" not in keywords and "soft-enum" in rules:
            texts = tuple(map(str, labels))
            made.append(Assert(OneOf(texts), messages.broken("soft-enum", listed=messages.limited(texts)), STRING))
        if field.type == "string" and "nul" in rules:
            made.append(Assert(NoNul(), messages.NUL, STRING))
        if field.type in BITS and "width" in rules:
            made += self._width(field)
        if field.values is not None and "map-keys" in rules:
            too_many = messages.broken("map-keys", limit=MAX_KEYS)
            made.append(Size(None, MAX_KEYS - 1, too_many, OBJECT, counted=True))
        if self._max_items is not None and "array-items" in rules:
            too_many = messages.broken("array-items", most=self._max_items)
            made.append(Size(None, self._max_items, too_many, ARRAY, counted=True))
        return [*made, *role.build()]

    def _inside(self, field: Field, roles: dict[str, Role], made: list[Constraint]) -> None:
        """Add the nodes of items, values or children: in the constraint of JSON Schema that has them, or beside it."""
        if field.items is not None:
            items = next((one for one in made if isinstance(one, Items) and not one.leading), Items(None))
            _put(made, items, Items(self._node(field.items, roles.pop(EVERY, None), items.node or _ANYTHING)))
        known = next((one for one in made if isinstance(one, Properties)), Properties({}))
        if field.values is not None:
            if known.fields or known.patterns or known.other is None:
                known = Properties({})
            values = self._node(field.values, roles.pop(ANY_KEY, None), known.other or _ANYTHING)
            _put(made, known, replace(known, other=values))
        elif field.children:
            if not field.children.keys() <= known.fields.keys():
                known = Properties(dict.fromkeys(field.children, _ANYTHING))
            fields = {
                name: self._node(child, roles.pop(name, None), known.fields[name])
                for name, child in field.children.items()
            }
            keywords = field.constraints
            is_open = keywords.get("patternProperties") or isinstance(keywords.get("additionalProperties"), Mapping)
            closed = () if is_open or "unknown-field" not in self._rules else (messages.UNKNOWN,)
            _put(made, known, replace(known, fields={**known.fields, **fields}, closed=(*known.closed, *closed)))

    def _width(self, field: Field) -> list[Constraint]:
        """The bounds of an integer type, where the schema has none that are as narrow."""
        bits = BITS[field.type]
        low: int | None = -(1 << (bits - 1))
        high: int | None = (1 << (bits - 1)) - 1
        own_low, own_high = field.constraints.get("minimum"), field.constraints.get("maximum")
        low = None if own_low is not None and own_low >= low else low
        high = None if own_high is not None and own_high <= high else high
        return [Assert(Range(low, high), messages.broken("width", kind=field.type, bits=bits), NUMBERS)]

    def _events(self) -> Iterator[tuple[Path, Constraint]]:
        if self._schema.behavior == "time-series":
            id, timestamp = Assert(NoMatch(":"), messages.COLON, STRING), Assert(Past(), messages.FUTURE, STRING)
            asked = {"_id": id, "@id": id, "timestamp": timestamp, "xdm:timestamp": timestamp}
            for name, constraint in asked.items():
                if constraint.failure.code in self._rules:
                    yield (name,), constraint


def _put(made: list[Constraint], known: Constraint, new: Constraint) -> None:
    """Replace a constraint, or add one."""
    if known in made:
        made[made.index(known)] = new
    else:
        made.append(new)


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
            say = messages.broken("column-type", kind=kind, xdm_type=field.type, wanted=SCALARS[field.type])
            found.append(
                Finding(say.code, format_path(path), say.message, np.array([1]), None, None, say.hint, severity)
            )  # fmt: skip

    for column in columns:
        if column.name in schema.root.children:
            compare(schema.root.children[column.name], column.type, (column.name,))
    return found
