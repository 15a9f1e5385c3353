"""Static types: the Arrow type that a part of an expression has, whatever the row."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from ..flow import TIMESTAMP
from .columns import BOOL, DOUBLE, LONG, MOMENT, NUMBERS, TEXT
from .functions import table
from .moment import Moment
from .options import Options
from .plan import normal_type
from .tree import Array, Binary, Call, Conditional, Constant, Element, Field, Lambda, Method, Node, Unary
from .values import number_in


def static_type(node: Node, schema: pa.Schema | None, options: Options) -> pa.DataType | None:
    """The Arrow type that all non-null values of a bound tree have, whatever the row; None where rows differ."""
    match node:
        case Constant(_, value):
            return constant_type(value)
        case Field(_, names, _):
            return _field_type(names, schema)
        case Element(_, value, Constant(_, key)):
            return _part_type(static_type(value, schema, options), key)
        case Call(_, "iif", (_, yes, no)) | Conditional(_, _, yes, no):
            return _common(static_type(yes, schema, options), static_type(no, schema, options))
        case Call(_, "decode", arguments):
            values = [*arguments[2::2], *(arguments[-1:] if len(arguments) % 2 == 0 else ())]
            return _common(*[static_type(value, schema, options) for value in values])
        case Call(_, "coalesce" | "first" | "last", arguments):
            kinds = [static_type(argument, schema, options) for argument in arguments]
            if len(kinds) == 1 and kinds[0] is not None and pa.types.is_list(kinds[0]):
                return kinds[0].value_type
            return _common(*kinds)
        case Call(_, "to_object", arguments):
            return _object_type(arguments, schema, options)
        case Call(_, "min" | "max", arguments) if len(arguments) > 1:
            kind = _common(*[static_type(argument, schema, options) for argument in arguments])
            return kind if kind is not None and not pa.types.is_nested(kind) else None
        case Call(_, "to_array" | "add_to_array" | "join_arrays" | "upsert_array_append" | "upsert_array_replace", _):
            return _array_type(node, schema, options)
        case Call(_, "nullify", _):
            return pa.null()
        case Call(_, "filterArray", (items, _)):
            kind = static_type(items, schema, options)
            return kind if kind is not None and pa.types.is_list(kind) else None
        case Call(_, "transformArray", (items, Lambda(_, (name,), body))):
            inner = element_schema(static_type(items, schema, options), name, schema)
            kind = None if inner is None else static_type(body, inner, options)
            return None if kind is None or pa.types.is_null(kind) else pa.list_(kind)
        case Call(_, name, _):
            kind = table()[name].result
            return MOMENT if kind == TIMESTAMP else kind
        case Array(_, items):
            kind = _common(*[static_type(item, schema, options) for item in items]) if items else None
            return None if kind is None else pa.list_(kind)
        case Method(_, _, name, _):
            return BOOL if name in ("equals", "equalsIgnoreCase") else None
        case Binary(_, operator, left, right):
            if operator in ("==", "!=", "<", "<=", ">", ">=", "&&", "||", "=~", "!~", "=^", "!^", "=$", "!$"):
                return BOOL
            pair = static_type(left, schema, options), static_type(right, schema, options)
            if operator in ("?:", "??"):
                return _common(*pair)
            if operator in "&|^":
                return LONG
            return _sum_type(operator, pair, left, right)
        case Unary(_, operator, operand):
            if operator in ("!", "empty"):
                return BOOL
            if operator in ("~", "size"):
                return LONG
            kind = static_type(operand, schema, options)
            return kind if kind in NUMBERS else None
    return None


def element_schema(kind: pa.DataType | None, name: str, schema: pa.Schema | None) -> pa.Schema | None:
    """The columns that a lambda over lists of type `kind` sees: its variable, and those around it."""
    if kind is None or not pa.types.is_list(kind):
        return None
    around = [] if schema is None else [field for field in schema if field.name != name]
    return pa.schema([*around, pa.field(name, kind.value_type)])


def constant_type(value: Any) -> pa.DataType | None:
    """The Arrow type of one value; null for null, None where Arrow has none."""
    if isinstance(value, Moment):
        return MOMENT
    if isinstance(value, int) and not isinstance(value, bool):
        return LONG if -(2**63) <= value < 2**63 else None
    if value is None:
        return pa.null()
    for python, arrow in ((bool, BOOL), (float, DOUBLE), (str, TEXT)):
        if isinstance(value, python):
            return arrow
    if isinstance(value, list):
        kind = _common(*[constant_type(item) for item in value]) if value else None
        return None if kind is None or pa.types.is_null(kind) else pa.list_(kind)
    return None


def _common(*kinds: pa.DataType | None) -> pa.DataType | None:
    """The one type of all, null aside."""
    found = {kind for kind in kinds if kind is None or not pa.types.is_null(kind)}
    if not found:
        return pa.null()
    return found.pop() if len(found) == 1 else None


def _field_type(names: tuple[str, ...], schema: pa.Schema | None) -> pa.DataType | None:
    if schema is None:
        return None
    if schema.get_field_index(names[0]) < 0:
        return pa.null()
    kind = schema.field(names[0]).type
    for name in names[1:]:
        if not pa.types.is_struct(kind) or kind.get_field_index(name) < 0:
            return None if len(names) > 2 else _part_type(kind, name)
        kind = kind.field(name).type
    return _plain_type(kind)


def _plain_type(kind: pa.DataType) -> pa.DataType | None:
    if pa.types.is_nested(kind):
        return kind if _is_plain(kind) else None
    if pa.types.is_timestamp(kind):  # in a zone of its own too, though only the interpreter reads it
        return MOMENT
    return pa.null() if pa.types.is_null(kind) else normal_type(kind)


def _is_plain(kind: pa.DataType) -> bool:
    """Whether the values that Python makes of a nested type go back into it unchanged."""
    if pa.types.is_list(kind):
        return _is_plain(kind.value_type)
    if pa.types.is_struct(kind):
        return all(_is_plain(part.type) for part in kind)
    if pa.types.is_map(kind):
        return kind.key_type == TEXT and _is_plain(kind.item_type)
    return kind in (TEXT, LONG, DOUBLE, BOOL)


def _part_type(kind: pa.DataType | None, key: Any) -> pa.DataType | None:
    if kind is None:
        return None
    if pa.types.is_list(kind) and isinstance(key, int):
        return _plain_type(kind.value_type)
    if pa.types.is_struct(kind) and isinstance(key, str):
        return _plain_type(kind.field(key).type) if kind.get_field_index(key) >= 0 else pa.null()
    if pa.types.is_map(kind) and isinstance(key, str):
        return _plain_type(kind.item_type)
    return None


def _object_type(arguments: tuple[Node, ...], schema: pa.Schema | None, options: Options) -> pa.DataType | None:
    fields: dict[str, pa.DataType] = {}
    for key, value in zip(arguments[::2], arguments[1::2], strict=True):
        kind = static_type(value, schema, options)
        if not isinstance(key, Constant) or not isinstance(key.value, str) or kind is None or pa.types.is_null(kind):
            return None
        fields[key.value] = kind
    return pa.struct(list(fields.items()))


def _array_type(node: Node, schema: pa.Schema | None, options: Options) -> pa.DataType | None:
    assert isinstance(node, Call)  # noqa: S101
    kinds = [static_type(argument, schema, options) for argument in node.arguments]
    if node.name == "to_array":
        kind = _common(*kinds[1:])
        return None if kind is None or pa.types.is_null(kind) else pa.list_(kind)
    if node.name.startswith("upsert"):
        kinds = kinds[:1]
    items = (
        kinds if node.name != "add_to_array" else [kinds[0], *[None if k is None else pa.list_(k) for k in kinds[1:]]]
    )
    kind = _common(*items)
    return kind if kind is not None and pa.types.is_list(kind) else None


def _sum_type(
    operator: str, kinds: tuple[pa.DataType | None, pa.DataType | None], left: Node, right: Node
) -> pa.DataType | None:
    if operator == "+" and set(kinds) <= {TEXT} and (_is_words(left) or _is_words(right)):
        return TEXT
    if not set(kinds) <= {LONG, DOUBLE}:
        return None
    return LONG if set(kinds) == {LONG} else DOUBLE


def _is_words(node: Node) -> bool:
    """Whether the node is a text that is no number, so that ``+`` can only join."""
    return isinstance(node, Constant) and isinstance(node.value, str) and number_in(node.value) is None
