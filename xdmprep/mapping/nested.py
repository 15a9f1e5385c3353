"""Walking into the types of nested source columns: ``address.city``, ``emails[0].address``, ``emails[*].address``.

``[*]`` keeps the list and walks on inside its values, so the result is a list of what the rest of the path finds.  What
is found in types, :func:`~xdmprep.core.shred.array_at` finds in arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from ..core.arrow_types import holds_text, is_list, plain_type, type_words
from ..core.ndjson.fields import is_numeral, is_unseen
from ..core.paths import EVERY, Path, format_path
from ..core.shred import plain
from ..errors import MappingError, did_you_mean
from ..language.functions.objects import parse_json
from ..language.shapes import elements_changed, from_python, retyped, written_numerals
from ..language.values import Failed


class NoSuchPath(MappingError):
    """The steps do not fit the type; the message says where and what is there."""


class NoSuchField(NoSuchPath):
    """An object on the way lacks a field; the rest of the path is sound."""


def fields_on(field: pa.Field, steps: Sequence[str | int], exact: bool = True) -> list[pa.Field]:
    """The fields that steps lead through, the first included, as far as their types tell.

    Args:
        field: where they begin.
        steps: the way.
        exact: whether a name leads to no field of the objects in an array, as it does in expressions.
    """
    found = [field]
    for step in steps:
        kind = found[-1].type
        below = None if says_nothing(found[-1]) or (exact and is_list(kind) != _is_index(step)) else _below(kind, step)
        if below is None:
            break
        found.append(below)
    return found


def _is_index(step: str | int) -> bool:
    return isinstance(step, int) or step == EVERY


def _below(kind: pa.DataType, step: str | int) -> pa.Field | None:
    """The field that a step into values of type `kind` leads to."""
    if is_list(kind):
        return kind.value_field
    if pa.types.is_map(kind):
        return kind.item_field
    at = kind.get_field_index(str(step)) if pa.types.is_struct(kind) else -1
    return kind.field(at) if at >= 0 else None


def type_in(column: pa.Field, steps: Path) -> pa.DataType:
    """The type found by walking `steps` into a column; null where none of its values say what is in there.

    Raises:
        NoSuchPath: the column has no such place.
    """
    fields = fields_on(column, steps)
    kind, walked = fields[-1].type, steps[: len(fields) - 1]
    if len(walked) < len(steps):
        if not (pa.types.is_null(kind) or says_nothing(fields[-1])):
            raise _no_such((column.name, *walked), kind, steps[len(walked)])
        kind = pa.null()
    for _ in range(walked.count(EVERY)):
        kind = pa.list_(kind)
    return kind


def _no_such(path: Path, kind: pa.DataType, step: str | int) -> NoSuchPath:
    here = format_path(path)
    if is_list(kind):
        if str(step).isdecimal():
            return NoSuchPath(f"'{here}' is an array; write '{here}[{step}]'.")
        return NoSuchPath(f"'{here}' is an array; write '{here}[0].{step}' or '{here}[*].{step}'.")
    if _is_index(step):
        return NoSuchPath(f"'{here}' is {type_words(kind)}, not an array.")
    if pa.types.is_struct(kind):
        names = [format_path((*path, field.name)) for field in kind]
        return NoSuchField(f"'{here}' has no field '{step}'.{did_you_mean(format_path((*path, step)), names)}")
    return NoSuchPath(f"'{here}' is {type_words(kind)} and has no field '{step}'.")


def says_nothing(field: pa.Field) -> bool:
    """Whether the type of a field comes of no value, or of empty objects only."""
    return is_unseen(field) or (pa.types.is_struct(field.type) and not field.type.num_fields)


def is_hollow(kind: pa.DataType) -> bool:
    """Whether a type is that of objects that hold nothing, or only such objects."""
    return bool(pa.types.is_struct(kind) and all(is_hollow(part.type) for part in kind))


def leaves_open(field: pa.Field, steps: Path, inside: bool) -> bool:
    """Whether no value was seen on the way that `steps` go into a field, so that more records may have some there.

    Args:
        field: a column.
        steps: the way.
        inside: whether what lies in the values found there counts as well.
    """
    fields = fields_on(field, steps, exact=False)
    if len(fields) <= len(steps):
        return says_nothing(fields[-1]) or pa.types.is_struct(fields[-1].type)
    return inside and _holds_open(fields[-1])


def _holds_open(field: pa.Field) -> bool:
    parts = map(field.type.field, range(field.type.num_fields))
    return says_nothing(field) or any(_holds_open(part) for part in parts)


def natural(kind: pa.DataType) -> pa.DataType | None:
    """The type that a value of `kind` travels as when no schema says otherwise; None if records cannot hold it."""
    types = pa.types
    if types.is_dictionary(kind):
        return natural(kind.value_type)
    if types.is_map(kind) and not holds_text(kind.key_type):
        return None
    if is_list(kind) or types.is_map(kind) or types.is_struct(kind):
        return retyped(kind, lambda part: pa.float64() if is_numeral(part) else natural(part.type))
    return pa.int64() if types.is_uint64(kind) else plain_type(kind, exact=False)


def as_meant(field: pa.Field, values: pa.Array, target: pa.DataType) -> pa.Array:
    """The values of a JSON field that are kept as text, in their own types, unless the target is text."""
    if is_numeral(field) and not holds_text(target):
        return _numbers(plain(values), target)
    if is_unseen(field) and holds_text(values.type) and pa.types.is_nested(target):
        return from_python([None if text is None else _read(text) for text in plain(values).to_pylist()])
    return values


def _numbers(values: pa.Array, target: pa.DataType) -> pa.Array:
    """JSON numbers as they are written, at the end of arrays, as numbers: doubles, or what keeps all digits."""
    if is_list(values.type):
        return elements_changed(values, lambda items: _numbers(items, target.value_type if is_list(target) else target))
    values = plain(values).cast(pa.string())
    return values.cast(pa.float64()) if pa.types.is_floating(target) else written_numerals(values)


def _read(text: str) -> Any:
    """The array or object that a string holds as JSON, or the string."""
    if not text.startswith(("[", "{")):
        return text
    try:
        return parse_json(text)
    except Failed:
        return text
