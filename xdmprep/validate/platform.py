"""The platform's own rules beyond JSON Schema: unknown fields, widths, guardrails, labels.

They are read from the resolved fields of the schema (:class:`xdmprep.schema.Field`), once for columns and once for
single records.  Sources: Adobe's guardrail pages (array items, map keys, record sizes), field type constraints
(widths), the ExperienceEvent class (timestamp in the past, no colons in ``_id``), ``meta:enum`` and ``meta:status``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from ..core.paths import EVERY, Path, format_path
from ..core.stream import Finding
from ..schema import Field, Schema
from ..schema.types import SCALARS
from .fault import Violation
from .kinds import is_list
from .ruleset import Rules
from .wording import UNKNOWN, limited

#: Bytes of JSON above which the platform drops a record, by behavior.
MAX_BYTES = {"record": 100 * 1024, "time-series": 10 * 1024}
#: Items of an array, by behavior (soft guardrail).
MAX_ITEMS = {"record": 500, "time-series": 10}
#: Keys of a map; fewer than this are advised.
MAX_KEYS = 16

_BOUNDS = {
    "byte": (-128, 127),
    "short": (-(2**15), 2**15 - 1),
    "int": (-(2**31), 2**31 - 1),
    "long": (-(2**63), 2**63 - 1),
}
BITS = {"byte": 8, "short": 16, "int": 32, "long": 64}


DEPRECATED = ("the field is deprecated", "Move the value to the field that replaces it.")
COLON = ("an event's _id must not contain colons", "Replace them, or hash the id.")
FUTURE = ("an event's timestamp must lie in the past", "Put times to come into another field.")


@dataclass(frozen=True)
class FieldRules:
    """What the platform's rules say about one field."""

    name: str
    kind: str
    children: Mapping[str, Field]
    open: bool
    low: int | None
    high: int | None
    suggested: tuple[str, ...]
    deprecated: bool

    @classmethod
    def of(cls, field: Field) -> FieldRules:
        """The rules of a field of the schema."""
        node = field.constraints
        low, high = _BOUNDS.get(field.type, (None, None))
        own_low, own_high = node.get("minimum"), node.get("maximum")
        labels = node.get("meta:enum")
        soft = tuple(map(str, labels)) if labels and "enum" not in node and isinstance(labels, list | Mapping) else ()
        return cls(
            field.name, field.type, field.children,
            bool(node.get("patternProperties")) or isinstance(node.get("additionalProperties"), Mapping),
            None if low is None or (own_low is not None and own_low >= low) else low,
            None if high is None or (own_high is not None and own_high <= high) else high,
            soft, node.get("meta:status") == "deprecated",
        )  # fmt: skip

    @property
    def closed(self) -> bool:
        """Whether fields that are not among the children are unknown."""
        return bool(self.children) and not self.open

    def width_text(self) -> tuple[str, str]:
        """Message and hint for a number that is too wide."""
        return f"does not fit the XDM type {self.kind}", f"It holds {BITS[self.kind]} bits."

    def soft_text(self) -> tuple[str, str]:
        """Message and hint for a value that is not suggested."""
        return f"not one of the suggested values {limited(self.suggested)}", "It is accepted; check its spelling."


class PlatformRules:
    """The platform's rules of one schema, for single records; and what the columnar checks share with them."""

    def __init__(self, schema: Schema, rules: Rules) -> None:
        self.schema, self.rules = schema, rules
        self.behavior = schema.behavior
        self._known: dict[int, FieldRules] = {}
        self.max_items = MAX_ITEMS.get(self.behavior)
        self.max_bytes = MAX_BYTES.get(self.behavior) if "record-size" in rules else None
        self.walks = any(
            code in rules for code in ("unknown-field", "width", "soft-enum", "deprecated", "array-items", "map-keys")
        )

    def of(self, field: Field) -> FieldRules:
        """The rules of a field, made once."""
        found = self._known.get(id(field))
        if found is None:
            found = self._known[id(field)] = FieldRules.of(field)
        return found

    def items_text(self, count: Any) -> tuple[str, str]:
        """Message and hint for a long array."""
        return f"more than {self.max_items} items", "The platform's guardrail; long arrays slow Profile down."

    def keys_text(self) -> tuple[str, str]:
        """Message and hint for a wide map."""
        return f"{MAX_KEYS} or more keys in a map", "The platform advises fewer."

    def size_text(self) -> tuple[str, str]:
        """Message and hint for a large record."""
        limit = (self.max_bytes or 0) // 1024
        return f"the record is larger than {limit} KB of JSON", "The platform drops such records without an error."

    def record_faults(self, record: Any) -> list[Violation]:
        """The faults of one record."""
        found: list[Violation] = []
        if self.walks:
            self._walk(self.schema.root, record, (), found)
        if isinstance(record, Mapping):
            found += self._event_faults(record)
            if self.max_bytes is not None and size_of(record) > self.max_bytes:
                found.append(Violation("record-size", (), None, *self.size_text()))
        return [fault for fault in found if fault.code in self.rules]

    def column_types(self, columns: pa.Schema) -> list[Finding]:
        """Columns of a Parquet file whose types are not the schema's, as findings about the first row."""
        severity = self.rules.severity("column-type")
        if severity is None:
            return []
        found: list[Finding] = []

        def compare(field: Field, kind: pa.DataType, path: Path) -> None:
            children = [(inner.name, inner.type) for inner in kind] if pa.types.is_struct(kind) else []
            for name, inner in children:
                below = self.of(field).children.get(name)
                if below is not None:
                    compare(below, inner, (*path, name))
            if is_list(kind) and field.items is not None:
                compare(field.items, kind.value_type, (*path, EVERY))
            elif pa.types.is_map(kind) and field.values is not None:
                compare(field.values, kind.item_type, (*path, EVERY))
            elif field.type in SCALARS and kind != SCALARS[field.type] and not pa.types.is_null(kind):
                say = f"the column is {kind}, the schema's {field.type} is {SCALARS[field.type]}"
                hint = "Write Parquet with the schema's types, as prepare does."
                found.append(Finding.of("column-type", format_path(path), say, [1], None, None, hint, severity))

        for column in columns:
            below = self.of(self.schema.root).children.get(column.name)
            if below is not None:
                compare(below, column.type, (column.name,))
        return found

    def _walk(self, field: Field, value: Any, at: Path, out: list[Violation]) -> None:
        rules = self.of(field)
        if rules.deprecated and value is not None:
            out.append(Violation("deprecated", at, value, *DEPRECATED))
        if isinstance(value, Mapping):
            if field.values is not None:
                if len(value) >= MAX_KEYS:
                    out.append(Violation("map-keys", at, len(value), *self.keys_text()))
                for name, item in value.items():
                    self._walk(field.values, item, (*at, name), out)
                return
            for name, item in value.items():
                child = rules.children.get(name)
                if child is not None:
                    self._walk(child, item, (*at, name), out)
                elif rules.closed:
                    out.append(Violation("unknown-field", (*at, name), item, *UNKNOWN))
        elif isinstance(value, list):
            if self.max_items is not None and len(value) > self.max_items:
                out.append(Violation("array-items", at, len(value), *self.items_text(len(value))))
            if field.items is not None:
                for number, item in enumerate(value):
                    self._walk(field.items, item, (*at, number), out)
        elif isinstance(value, str):
            if rules.suggested and value not in rules.suggested:
                out.append(Violation("soft-enum", at, value, *rules.soft_text()))
        elif (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and ((rules.low is not None and value < rules.low) or (rules.high is not None and value > rules.high))
        ):
            out.append(Violation("width", at, value, *rules.width_text()))

    def _event_faults(self, record: Mapping[str, Any]) -> Iterator[Violation]:
        if self.behavior != "time-series":
            return
        for name in ("_id", "@id"):
            if isinstance(record.get(name), str) and ":" in record[name]:
                yield Violation("event-id", (name,), record[name], *COLON)
        for name in ("timestamp", "xdm:timestamp"):
            if isinstance(record.get(name), str) and is_future(record[name]):
                yield Violation("event-timestamp", (name,), record[name], *FUTURE)


def is_future(text: str) -> bool:
    """Whether a date-time lies in the future; what is no date-time does not."""
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        return False
    return moment.tzinfo is not None and moment > datetime.now(UTC)


def size_of(record: Any) -> int:
    """Bytes of a record as JSON without blanks."""
    try:
        return len(json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass"))
    except (TypeError, ValueError):
        return 0
