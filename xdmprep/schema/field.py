"""One field of a schema, and through it the fields below it.

A field knows its place, its XDM type, its constraints and its Arrow type.  Children are made when they are requested,
so that definitions that refer back to themselves need no special care until all of them are wanted at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from ..core.paths import EVERY, Path, format_path
from ..errors import SchemaError
from .merge import both
from .resolve import declared, follow, keywords
from .types import ANY, INTEGER_BOUNDS, SCALARS, xdm_type

#: The step of a schema path that stands for every value of a map; :data:`xdmprep.core.paths.EVERY` is that of an array.
ANY_KEY = "{*}"

#: Where records keep their identities by namespace; nowhere else does the platform look for them.
IDENTITY_MAPS: tuple[Path, ...] = (("identityMap",), ("xdm:identityMap",))

_NOT_CONSTRAINTS = frozenset({"properties", "title", "description", "definitions", "$id", "$schema"})


@dataclass(frozen=True, eq=False)
class Field:
    """One field of a schema.

    Attributes:
        name: the key in its object; ``[*]`` for the items of an array, ``{*}`` for the values of a map; empty for the
            root.
        path: steps from the root, items and map values as the names above.
        required: whether the object that holds it must have it.
        schema: the resolved JSON Schema of this field; references in it are local to `Schema.json_schema`.
    """

    name: str
    path: Path
    schema: Mapping[str, Any] = field(repr=False)
    required: bool = False
    _definitions: Mapping[str, Any] = field(default_factory=dict, repr=False)
    _inside: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(
        cls,
        name: str,
        path: Path,
        node: Any,
        required: bool,
        definitions: Mapping[str, Any],
        inside: tuple[str, ...] = (),
    ) -> Field:
        """The field of a resolved node.

        Args:
            name: the last part of the path.
            path: XDM path of the field, in parts.
            node: its JSON Schema, resolved; may be a reference to a definition.
            required: whether the object around it must have it.
            definitions: what local references mean, by name.
            inside: names of the definitions that lead to it, outermost first.

        Returns:
            The field, with the reference followed.
        """
        node, definition = follow(keywords(node), definitions)
        if definition is not None:
            inside = (*inside, definition)
        return cls(name, path, node, required, definitions, inside)

    @cached_property
    def _joined(self) -> tuple[Mapping[str, Any], tuple[str, ...]]:
        return declared(self.schema, self._definitions)

    @property
    def _declared(self) -> Mapping[str, Any]:
        return self._joined[0]

    @cached_property
    def type(self) -> str:
        """XDM type: string, number, long, int, short, byte, date, date-time, boolean, array, object, map, or any."""
        if self.path in IDENTITY_MAPS and isinstance(self._declared.get("additionalProperties"), Mapping):
            return "map"  # also where a field group adds rules for single namespaces as properties
        return xdm_type(self._declared)

    @property
    def title(self) -> str:
        """The title, empty if there is none."""
        return str(self.schema.get("title") or "")

    @property
    def description(self) -> str:
        """The description, empty if there is none."""
        return str(self.schema.get("description") or "")

    @cached_property
    def constraints(self) -> Mapping[str, Any]:
        """The JSON Schema and ``meta:`` keywords of the field itself, without its children and texts."""
        skip = _NOT_CONSTRAINTS if isinstance(self.schema.get("items"), list) else {*_NOT_CONSTRAINTS, "items"}
        return MappingProxyType({key: value for key, value in self.schema.items() if key not in skip})

    @cached_property
    def required_children(self) -> frozenset[str]:
        """Names that an object must have, whether declared or not."""
        return frozenset(self._declared.get("required", ()))

    @cached_property
    def children(self) -> Mapping[str, Field]:
        """The fields of an object, in the order of the schema; empty for everything else."""
        if self.type != "object":
            return MappingProxyType({})
        return MappingProxyType(
            {
                name: self._below(name, node, name in self.required_children)
                for name, node in self._declared.get("properties", {}).items()
            }
        )

    @cached_property
    def items(self) -> Field | None:
        """What an array holds; None for everything else, and where the schema does not say."""
        node = self._declared.get("items")
        return self._below(EVERY, node) if self.type == "array" and isinstance(node, Mapping) else None

    @cached_property
    def values(self) -> Field | None:
        """What a map holds; None for everything else, and where the schema does not say."""
        node = self._declared.get("additionalProperties")
        return self._below(ANY_KEY, node) if self.type == "map" and isinstance(node, Mapping) else None

    def _below(self, name: str, node: Any, required: bool = False) -> Field:
        inside = (*self._inside, *self._joined[1])
        return Field.of(name, (*self.path, name), node, required, self._definitions, inside)

    @property
    def below(self) -> tuple[Field, ...]:
        """The fields directly below: children, items or values."""
        part = self.items or self.values
        return (part,) if part is not None else tuple(self.children.values())

    @property
    def recursive(self) -> bool:
        """Whether the field repeats a definition that it is part of, so that the fields below it never end."""
        return len(set(self._inside)) < len(self._inside)

    def bounds(self) -> tuple[int, int]:
        """Smallest and largest value of an integer field: those of its type, narrowed by the schema's bounds."""
        low, high = INTEGER_BOUNDS.get(self.type, INTEGER_BOUNDS["long"])
        node = self.constraints
        low = max(low, math.ceil(node.get("minimum", low)), math.floor(node.get("exclusiveMinimum", low - 1)) + 1)
        high = min(high, math.floor(node.get("maximum", high)), math.ceil(node.get("exclusiveMaximum", high + 1)) - 1)
        return low, high

    def choose(self, keyword: str, number: int) -> Field:
        """The field as it is if the given alternative of ``oneOf`` or ``anyOf`` holds."""
        branch, name = follow(keywords(self.schema[keyword][number]), self._definitions)
        rest = {key: value for key, value in self.schema.items() if key != keyword}
        inside = self._inside if name is None else (*self._inside, name)
        return Field(self.name, self.path, both(rest, dict(branch)), self.required, self._definitions, inside)

    def walk(self) -> Iterator[Field]:
        """This field and all below it in document order; those below a recursive field are left out."""
        yield self
        if not self.recursive:
            for part in self.below:
                yield from part.walk()

    @property
    def leaf(self) -> bool:
        """Whether nothing is below this field."""
        return not self.below

    @cached_property
    def declared(self) -> bool:
        """Whether the field says enough of itself to have an Arrow type."""
        return self._arrow is not None

    @property
    def arrow_type(self) -> pa.DataType:
        """The Arrow type that holds the field; SchemaError if it has no type, or its type would never end."""
        if self._arrow is None:
            raise SchemaError(
                f"{self}: the schema declares no type here, so it has no Arrow type. "
                "Add 'type' and 'properties', 'items' or 'additionalProperties' to the schema."
            )
        return self._arrow

    @cached_property
    def _arrow(self) -> pa.DataType | None:
        if self.type in SCALARS:
            return SCALARS[self.type]
        if self.type == ANY:
            return None
        if self.recursive:
            raise SchemaError(
                f"{self}: the definition '{self._inside[-1]}' contains itself, so its Arrow type would never end. "
                "Records of it can be validated, but not written as Parquet or built by a mapping."
            )
        if self.type == "array":
            return pa.list_(self.items._arrow) if self.items is not None and self.items.declared else None
        if self.type == "map":
            return (
                pa.map_(pa.string(), self.values._arrow) if self.values is not None and self.values.declared else None
            )
        parts = [pa.field(name, child._arrow) for name, child in self.children.items() if child.declared]
        return pa.struct(parts) if parts else None

    def __getstate__(self) -> dict[str, Any]:
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def __str__(self) -> str:
        return format_path(self.path) or "record"


def field_count(node: Any, definitions: Mapping[str, Any], limit: int) -> int:
    """How many fields :meth:`Field.walk` gives for a resolved schema; counting ends above `limit`."""
    count, todo = 0, [(node, frozenset[str]())]
    while todo and count <= limit:
        node, inside = todo.pop()
        node, name = follow(keywords(node), definitions)
        count += 1
        if name is not None:
            if name in inside:
                continue
            inside |= {name}
        node, names = declared(node, definitions)
        inside |= set(names)
        below = [node.get("items"), node.get("additionalProperties")]
        todo += [(part, inside) for part in below if isinstance(part, dict)]
        todo += [(part, inside) for part in node.get("properties", {}).values()]
    return count
