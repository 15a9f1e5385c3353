"""Where mappings lead: places in the schema, their Arrow types, their order, and what can never fit there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from ..core.arrow_types import holds_text, is_list, type_words, why_unheld
from ..core.ndjson.fields import is_unseen
from ..core.paths import EVERY, Path, format_path, parse_path
from ..core.shred import path_tree
from ..core.stream import TIMESTAMP
from ..errors import ExpressionError, MappingError, SchemaError
from ..language import Options, coerce
from ..schema import Field, Schema
from .nested import natural

#: Maps of identities; an item without an id is left out as a whole.
IDENTITY_MAPS = ("identityMap", "xdm:identityMap")

_TYPE_NAMES = {
    pa.date32(): "a date (1979-12-31)",
    TIMESTAMP: "a date-time (2024-12-31T23:59:59Z)",
    pa.float64(): "a number",
    pa.int64(): "a long (a whole number)",
    pa.int32(): "an int (-2147483648 to 2147483647)",
    pa.int16(): "a short (-32768 to 32767)",
    pa.int8(): "a byte (-128 to 127)",
    pa.bool_(): "a boolean (y yes Y YES on ON true TRUE, n no N NO off OFF false FALSE)",
    pa.string(): "a string",
}


def type_name(kind: pa.DataType) -> str:
    """What people must write to get a `kind`, for messages."""
    if pa.types.is_list(kind):
        return "an array of the destination's type"
    return _TYPE_NAMES.get(kind, "an object of the destination's type")


def destination(text: str) -> Path:
    """The steps of a destination path.

    Raises:
        MappingError: it is no path.
    """
    try:
        path = parse_path(text)
    except ExpressionError as error:
        raise MappingError(str(error)) from None
    if path[0] == EVERY or isinstance(path[0], int):
        raise MappingError(f"'{text}' begins with an index. A record is an object: begin with the name of a field.")
    return path


def find(path: Path, schema: Schema | None) -> Field | None:
    """The schema's field at `path`; None without a schema.

    Raises:
        MappingError: the schema has no such field, or declares no type for it.
    """
    if schema is None:
        return None
    try:
        field = schema.find(path)
        if not field.declared:
            raise MappingError(
                f"the schema declares no type for '{format_path(path)}', so nothing can be put there. "
                "Map a field below it that has a type, or add the type to the schema."
            )
    except SchemaError as error:
        raise MappingError(str(error)) from None
    return field


def target_type(field: Field | None, kind: pa.DataType | None) -> pa.DataType | None:
    """The Arrow type of a leaf: the schema's, or without one what a source of type `kind` travels as."""
    if field is not None:
        return field.arrow_type
    return None if kind is None else natural(kind)


_TO_TIME = '; use date(..., "yyyyMMdd"), or for milliseconds since 1970 dformat(..., "yyyy-MM-dd\'T\'HH:mm:ss.SSSX")'


def never_fits(kind: pa.DataType, target: pa.DataType, options: Options) -> str:
    """Why no value of type `kind` can ever become a `target`; empty if some can."""
    if pa.types.is_null(kind) or kind.equals(target):
        return ""
    if pa.types.is_dictionary(kind):
        return never_fits(kind.value_type, target, options)
    if is_list(target):
        if not is_list(kind):
            return f"{type_words(kind)} cannot become an array; add [0] to the destination, or use to_array(false, ...)"
        inner = "" if is_unseen(kind.value_field) else never_fits(kind.value_type, target.value_type, options)
        return f"in the array, {inner}" if inner else ""
    if pa.types.is_struct(target) or pa.types.is_map(target):
        if pa.types.is_struct(kind) or pa.types.is_map(kind):
            return why_unheld(kind) if natural(kind) is None else ""
        hint = "; use json_to_object(...) for JSON text" if holds_text(kind) else ""
        return f"{type_words(kind)} cannot become {type_words(target)}{hint}"
    if pa.types.is_union(kind):
        return why_unheld(kind)
    if pa.types.is_nested(kind):
        hint = "; pick one element, such as [0], or use join(...)" if is_list(kind) else "; pick one of its fields"
        return f"{type_words(kind)} cannot become {type_words(target)}{hint}"
    if holds_text(kind):
        return ""
    types = pa.types
    if natural(kind) is None:
        return why_unheld(kind)
    if not any(
        test(kind)
        for test in (types.is_boolean, types.is_integer, types.is_floating, types.is_date, types.is_timestamp)
    ):
        return ""
    specimens = pa.array([False, True] if types.is_boolean(kind) else [0, 1], kind)  # stand for all of their type
    _, failed = coerce(specimens, target, options)
    if len(failed) < len(specimens):
        return ""
    hint = ""
    if types.is_integer(kind) or types.is_floating(kind):
        hint = "; use a comparison, such as ... == 1" if types.is_boolean(target) else _TO_TIME
    return f"{type_words(kind)} cannot become {type_words(target)}{hint}"


def document_order(paths: Sequence[Path], schema: Schema | None) -> list[int]:
    """The indexes of `paths` in the order of the schema; map keys, and all without a schema, as they come."""
    order: list[int] = []

    def visit(node: Any, field: Field | None) -> None:
        if isinstance(node, int):
            order.append(node)
            return
        steps = list(node)
        if all(isinstance(step, int) for step in steps):
            steps.sort()
        elif field is not None and field.type == "object":
            place = {name: number for number, name in enumerate(field.children)}
            steps.sort(key=lambda step: place.get(step, len(place)))
        for step in steps:
            visit(node[step], None if field is None else field.items or field.values or field.children.get(str(step)))

    visit(path_tree(paths) if paths else {}, schema.root if schema is not None else None)
    return order


def clashes(paths: Sequence[Path]) -> list[tuple[Path, Path]]:
    """Pairs of paths that cannot stand in one record: one leads through a value that the other puts there."""
    ends = set(paths)
    pairs = [(path[:at], path) for path in dict.fromkeys(paths) for at in range(1, len(path)) if path[:at] in ends]
    kinds: dict[Path, tuple[str, Path]] = {}
    for path in paths:
        for at, step in enumerate(path):
            kind = "index" if isinstance(step, int) else "every" if step == EVERY else "name"
            known = kinds.setdefault(path[:at], (kind, path))
            if known[0] != kind:
                pairs.append((known[1], path))
                break
    return pairs
