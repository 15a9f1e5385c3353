"""Every value of the language as a typed column: nested values, choices between types, and keys that are not there.

Between kernels a value has one of these kinds: ``null``, ``text``, ``long``, ``double``, ``numeral`` (a number with all
its digits), ``bool``, ``moment``, ``zoned`` (a moment in another zone than UTC), ``fine`` (a moment with
nanoseconds), ``list``, ``object`` (an Arrow struct), ``map``, ``mixed``, or ``any``, where the type is not known before
the first row.  Arrow has no types for two things the language knows:

- *An object without a key* is not an object whose key is null.  A struct that was put together from objects with
  different keys has, beside a field ``k``, a hidden boolean field ``\\0-k`` that is True where the key is absent.
- *A value of one type here and of another there* (``mixed``) is a struct of hidden fields, one a kind, of which at most
  one is not null.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..core.arrow_types import decimal_texts, holds, holds_text, is_list, is_text
from ..core.ndjson.fields import has_numerals, is_numeral
from ..core.stream import TIMESTAMP
from ..kernels import arrays
from ..kernels.arrays import list_parts, offsets_of, owners_of, ranges
from .columns import (
    BOOL,
    DOUBLE,
    FINE,
    LONG,
    MOMENT,
    NUMERAL,
    TEXT,
    UNKNOWN,
    ZONED,
    Column,
    Ints,
    Mask,
    as_mask,
    merged,
    nulls_of,
    numbered,
    plain,
    some,
    where,
    without,
)
from .values import text_of, written_number
from .zoned_datetime import Moment
from .zones import number_of, zone_of

ABSENT = "\0-"
MIXED = "\0="
#: More keys than these make maps of an array of objects, as keys do that begin like hidden fields.
MOST_KEYS = 200
_SCALARS = {
    TEXT: "text",
    LONG: "long",
    DOUBLE: "double",
    BOOL: "bool",
    MOMENT: "moment",
    ZONED: "zoned",
    FINE: "fine",
    NUMERAL: "numeral",
    UNKNOWN: "any",
    pa.null(): "null",
}


@lru_cache(maxsize=4096)
def type_kind(kind: pa.DataType) -> str:
    """The kind of a type between kernels. Raises TypeError: it is not a type between kernels."""
    found = _SCALARS.get(kind)
    if found:
        return found
    if pa.types.is_dictionary(kind):
        return "text"
    if pa.types.is_list(kind):
        return "list"
    if pa.types.is_map(kind):
        return "map"
    if pa.types.is_struct(kind):
        return "mixed" if kind.num_fields and kind.field(0).name.startswith(MIXED) else "object"
    raise TypeError(kind)


# Source arrays


def retyped(kind: pa.DataType, change: Callable[[pa.Field], pa.DataType | None]) -> pa.DataType | None:
    """A list, map or struct type of the types that `change` gives for its parts; None where it gives none."""
    if is_list(kind):
        inner = change(kind.value_field)
        return None if inner is None else pa.list_(inner)
    if pa.types.is_map(kind):
        inner = change(kind.item_field)
        return None if inner is None else pa.map_(TEXT, inner)
    parts = [(part.name, change(part)) for part in kind]
    return None if any(part is None for _, part in parts) else pa.struct(parts)


@lru_cache(maxsize=4096)
def normal_type(kind: pa.DataType) -> pa.DataType | None:
    """The type between kernels of a source type, of integers where 64 bits hold them; None where no record holds it."""
    if pa.types.is_dictionary(kind):
        return normal_type(kind.value_type)
    if is_text(kind):
        return TEXT
    if pa.types.is_decimal(kind) and kind.scale >= 0:
        return NUMERAL
    if kind in (NUMERAL, ZONED, FINE):
        return kind
    if pa.types.is_boolean(kind):
        return BOOL
    if pa.types.is_null(kind):
        return kind
    if pa.types.is_integer(kind):
        return LONG
    if pa.types.is_floating(kind):
        return DOUBLE
    if pa.types.is_date(kind):
        return MOMENT
    if pa.types.is_timestamp(kind):
        return MOMENT if kind.tz in (None, "UTC") else ZONED
    types = pa.types
    tests = types.is_list, types.is_large_list, types.is_fixed_size_list, types.is_map, types.is_struct
    if not any(test(kind) for test in tests):
        return None
    if pa.types.is_map(kind) and normal_type(kind.key_type) != TEXT:
        return None
    return retyped(kind, lambda part: normal_type(part.type))


def normal(values: pa.Array, top: bool = True) -> pa.Array:
    """A source array as one between kernels: no NaN, 64 bits, dates as moments.

    Raises TypeError: records cannot hold its values.
    """
    kind = values.type
    target = normal_type(kind)
    if target is None:
        raise TypeError(kind)
    if pa.types.is_decimal(kind):
        return numerals(decimal_texts(values))
    if kind == pa.uint64() and (pc.max(values).as_py() or 0) >= 1 << 63:
        return numerals(values.cast(TEXT))
    if target == DOUBLE:
        wide = values if kind == DOUBLE else plain(values).cast(DOUBLE)
        return pc.if_else(pc.is_nan(wide), None, wide) if pc.any(pc.is_nan(wide)).as_py() else wide
    if pa.types.is_dictionary(kind):
        if top and kind.value_type == TEXT and kind.index_type == pa.int32() and not values.dictionary.null_count:
            return values
        return normal(plain(values), top)
    if target == kind and not _needs_care(kind):
        return values
    if target == ZONED:
        zone = pa.array(np.full(len(values), number_of(pa.lib.string_to_tzinfo(kind.tz)), dtype=np.int32))
        return struct_of([microseconds(values), zone], list(ZONED), nulls_of(values))
    if pa.types.is_list(target):
        return elements_changed(values, lambda items: normal(items, False))
    if pa.types.is_struct(target):
        return struct_of([normal(child, False) for child in values.flatten()], list(target), nulls_of(values))
    if pa.types.is_map(target):
        offsets, entries = map_parts(values)
        offsets, keys, items = with_each_key_once(offsets, *entries)  # in Python the last of equal keys counts
        return map_of(offsets, plain(keys).cast(TEXT), normal(items, False), nulls_of(values))
    return microseconds(values) if target == MOMENT else values.cast(target)


def microseconds(values: pa.Array) -> pa.Array:
    """Days or times as moments in UTC, finer ones truncated."""
    if not pa.types.is_timestamp(values.type) or values.type.unit != "ns":
        return values.cast(MOMENT, safe=False)
    nanos = values.view(LONG).fill_null(0).to_numpy(zero_copy_only=False)
    return pa.array(nanos // 1000, mask=nulls_of(values)).view(MOMENT)


@lru_cache(maxsize=4096)
def _needs_care(kind: pa.DataType) -> bool:
    """Whether values of a type may need a change although the type needs none: NaN, repeated keys of maps."""
    return holds(kind, lambda part: pa.types.is_map(part) or pa.types.is_floating(part))


def with_each_key_once(
    offsets: Ints, keys: pa.Array, items: pa.Array, last: bool = True
) -> tuple[Ints, pa.Array, pa.Array]:
    """Entries of which each key occurs once in a row, at its first place: with its last value, or its first.

    Args:
        offsets: where the entries of each row begin, and the end of the last.
        keys: the keys of all rows, without nulls.
        items: their values, as many.
        last: whether the last value of equal keys counts.

    Returns:
        The same, of what is left.
    """
    owners, encoded = owners_of(offsets), plain(keys).dictionary_encode()
    codes = owners * np.int64(len(encoded.dictionary)) + encoded.indices.to_numpy(zero_copy_only=False)
    if (codes[1:] > codes[:-1]).all():  # as where all rows have their keys in one order
        return offsets, keys, items
    first, which = numbered(codes)
    if len(first) == len(which):
        return offsets, keys, items
    kept = first.copy()
    if last:
        kept[which] = np.arange(len(which))
    counts = np.bincount(owners[first], minlength=len(offsets) - 1)
    return offsets_of(counts), keys.take(pa.array(first)), items.take(pa.array(kept))


def numerals(texts: pa.Array) -> pa.Array:
    """Strings of digits as numbers that keep them all."""
    return struct_of([texts], list(NUMERAL), nulls_of(texts))


def written_numerals(texts: pa.Array) -> pa.Array:
    """Numbers as JSON has them, perhaps with an exponent, as numbers that keep all digits."""
    far = as_mask(pc.match_substring_regex(texts, "[eE]"))
    return numerals(where(texts, far, lambda text: text_of(written_number(text))))


def numeral_type(field: pa.Field) -> pa.DataType:
    """The type of a source's field, with :data:`NUMERAL` for JSON numbers that are kept as they are written."""
    kind = field.type
    if is_numeral(field) and holds_text(kind):
        return NUMERAL
    if not pa.types.is_nested(kind) or not has_numerals([field]):
        return kind
    return retyped(kind, numeral_type)


def as_numerals(values: pa.Array, field: pa.Field) -> pa.Array:
    """A column of the source as :func:`numeral_type` says."""
    kind = field.type
    if numeral_type(field) == kind:
        return values
    if holds_text(kind):
        return written_numerals(plain(values).cast(TEXT))
    if pa.types.is_struct(kind):
        parts = [as_numerals(values.field(i), kind.field(i)) for i in range(kind.num_fields)]
        return struct_of(parts, list(numeral_type(field)), nulls_of(values))
    inner = kind.item_field if pa.types.is_map(kind) else kind.value_field
    return elements_changed(values, lambda items: as_numerals(items, inner))


def digits_of(values: pa.Array) -> pa.Array:
    """The digits of numbers that keep them all, as text."""
    return pc.struct_field(values, 0)


# Lists, structs and maps, made and taken apart


def map_parts(values: pa.Array) -> tuple[Ints, tuple[pa.Array, pa.Array]]:
    """Offsets from 0, and the keys and items of a map array; null maps are empty."""
    keys, items, lengths = arrays.map_parts(values)
    return offsets_of(lengths), (keys, items)


def list_of(offsets: Ints, inner: pa.Array, absent: Mask | None = None) -> pa.Array:
    """Builds a list array."""
    mask = None if absent is None or not absent.any() else pa.array(absent)
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32, copy=False)), plain(inner), mask=mask)


def struct_of(parts: Sequence[pa.Array], fields: list[pa.Field], absent: Mask | None = None) -> pa.Array:
    """Builds a struct array."""
    mask = None if absent is None or not absent.any() else pa.array(absent)
    if not parts:
        n = 0 if absent is None else len(absent)
        bits = None if mask is None else pa.array(~absent).buffers()[1]  # type: ignore[operator]
        return pa.Array.from_buffers(pa.struct([]), n, [bits])
    return pa.StructArray.from_arrays([plain(part) for part in parts], fields=fields, mask=mask)


def map_of(offsets: Ints, keys: pa.Array, items: pa.Array, absent: Mask | None = None) -> pa.Array:
    """A map array.

    Args:
        offsets: where the pairs of each row begin, and the end of the last: one integer more than there are rows.
        keys: the keys of all rows, one after the other, without nulls.
        items: their values, as many.
        absent: boolean, one for each row: where there is no map; None if every row has one.

    Returns:
        A ``pa.MapArray`` with int32 offsets.
    """
    mask = None if absent is None or not absent.any() else pa.array(absent)
    bounds = pa.array(offsets.astype(np.int32, copy=False))
    return pa.MapArray.from_arrays(bounds, plain(keys), plain(items), mask=mask)


def elements_changed(values: pa.Array, change: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """A list or map array with its elements or items changed."""
    if not pa.types.is_map(values.type):
        offsets, inner = list_parts(values)
        return list_of(offsets, change(inner), nulls_of(values))
    offsets, (keys, items) = map_parts(values)
    return map_of(offsets, keys, change(items), nulls_of(values))


def only_where(values: pa.Array, keep: Mask) -> pa.Array:
    """`values` with nulls where `keep` is False; values are not copied."""
    kind = values.type
    if keep.all() or pa.types.is_null(kind):
        return values
    if pa.types.is_dictionary(kind):
        indices = values.indices
        absent = ~keep | nulls_of(indices)
        made = pa.array(indices.fill_null(0).to_numpy(zero_copy_only=False), kind.index_type, mask=absent)
        return pa.DictionaryArray.from_arrays(made, values.dictionary)
    if kind == TEXT:
        return without(values, np.flatnonzero(~keep))
    absent = nulls_of(values) | ~keep
    if pa.types.is_struct(kind):
        parts = [values.field(i) for i in range(kind.num_fields)]
        return struct_of(parts, list(kind), absent)
    if pa.types.is_list(kind):
        return pa.ListArray.from_arrays(pa.array(values.offsets.to_numpy()), values.values, mask=pa.array(absent))
    if pa.types.is_map(kind):
        offsets, (keys, items) = map_parts(values)
        lengths = np.where(absent, 0, np.diff(offsets))
        at = pa.array(ranges(offsets[:-1], lengths))
        return map_of(offsets_of(lengths), keys.take(at), items.take(at), absent)
    return pc.if_else(pa.array(keep), values, pa.scalar(None, kind))


def field_of(values: pa.Array, name: str) -> pa.Array:
    """A field of a struct array, null where the struct is."""
    return pc.struct_field(values, values.type.get_field_index(name))


def fields_of(values: pa.Array) -> dict[str, pa.Array]:
    """The fields of a struct array by name, null where the struct is; hidden fields left out."""
    named = zip(values.type, values.flatten(), strict=True)
    return {field.name: part for field, part in named if not field.name.startswith("\0")}


@lru_cache(maxsize=4096)
def keys_of(kind: pa.DataType) -> tuple[str, ...]:
    """The keys of objects of a type, hidden fields left out."""
    return tuple(field.name for field in kind if not field.name.startswith("\0"))


def absent_at(values: pa.Array, name: str) -> Mask | None:
    """Where objects lack a key; None where none lacks it."""
    at = values.type.get_field_index(ABSENT + name)
    return None if at < 0 else as_mask(pc.struct_field(values, at))


def optional_keys(kind: pa.DataType) -> bool:
    """Whether objects of a type may lack a key."""
    return any(field.name.startswith(ABSENT) for field in kind)


def is_hidden(name: str) -> bool:
    """Whether a field is none of the object's own keys."""
    return name.startswith("\0")


def kinds_of(kind: pa.DataType) -> list[pa.DataType]:
    """The types of the columns of a mixed one, one a kind; none for other structs."""
    return [field.type for field in kind] if kind.num_fields and kind.field(0).name.startswith(MIXED) else []


def entries_of(values: pa.Array) -> tuple[Ints, pa.Array, pa.Array]:
    """Offsets from 0, keys and items of maps or objects; null is an empty one."""
    if pa.types.is_map(values.type):
        offsets, (keys, items) = map_parts(values)
        return offsets, keys, items
    n, names = len(values), keys_of(values.type)
    if not names:
        return np.zeros(n + 1, dtype=np.int32), pa.array([], TEXT), pa.nulls(0)
    there = ~nulls_of(values)
    gone = [absent_at(values, key) for key in names]
    mask = np.stack([there if each is None else there & ~each for each in gone], axis=1)
    rows, which = np.nonzero(mask)
    items = stacked(list(fields_of(values).values())).take(pa.array(rows + which * n))
    return offsets_of(mask.sum(axis=1)), pa.array(names, TEXT).take(pa.array(which)), items


def alternatives(values: pa.Array) -> dict[str, pa.Array]:
    """The columns of a mixed one, by kind; none of another."""
    kind = values.type
    if not pa.types.is_struct(kind) or type_kind(kind) != "mixed":
        return {}
    return {field.name[len(MIXED) :]: child for field, child in zip(kind, values.flatten(), strict=True)}


# Python values


def to_python(values: pa.Array) -> list[Any]:
    """The values as the interpreter has them."""
    kind = values.type
    if _is_plain(kind):
        found: list[Any] = values.to_pylist()
        return found
    if kind == MOMENT:
        return [None if at is None else Moment.of_micros(at) for at in values.view(LONG).to_pylist()]
    if kind in (ZONED, FINE):
        parts = zip(*(part.to_pylist() for part in values.flatten()), strict=True)
        return [None if at is None else Moment(at.astimezone(zone_of(zone)), *more) for at, zone, *more in parts]
    if kind == NUMERAL:
        return [None if text is None else written_number(text) for text in digits_of(values).to_pylist()]
    name = type_kind(kind)
    if name == "list":
        offsets, inner = list_parts(values)
        return _cut(values, offsets, to_python(inner))
    if name == "map":
        offsets, (keys, items) = map_parts(values)
        pairs = list(zip(keys.to_pylist(), to_python(items), strict=True))
        return [None if each is None else dict(each) for each in _cut(values, offsets, pairs)]
    if name == "mixed":
        out: list[Any] = [None] * len(values)
        for child in alternatives(values).values():
            at = np.flatnonzero(~nulls_of(child))
            for i, value in zip(at.tolist(), to_python(child.take(pa.array(at))), strict=True):
                out[i] = value
        return out
    columns: list[tuple[str, list[Any], list[bool] | None]] = []
    for key, items in fields_of(values).items():
        gone = absent_at(values, key)
        columns.append((key, to_python(items), None if gone is None else gone.tolist()))
    there = (~nulls_of(values)).tolist()
    return [
        {key: items[i] for key, items, gone in columns if gone is None or not gone[i]} if there[i] else None
        for i in range(len(values))
    ]


def _cut(values: pa.Array, offsets: Ints, items: list[Any]) -> list[Any]:
    bounds, there = offsets.tolist(), (~nulls_of(values)).tolist()
    return [items[bounds[i] : bounds[i + 1]] if there[i] else None for i in range(len(there))]


@lru_cache(maxsize=4096)
def _is_plain(kind: pa.DataType) -> bool:
    """Whether Arrow makes of the values what the interpreter has."""
    if pa.types.is_dictionary(kind) or kind in (TEXT, LONG, DOUBLE, BOOL, pa.null()):
        return True
    if pa.types.is_list(kind):
        return _is_plain(kind.value_type)
    return pa.types.is_struct(kind) and all(not f.name.startswith("\0") and _is_plain(f.type) for f in kind)


_OF_PYTHON = {str: TEXT, bool: BOOL, int: LONG, float: DOUBLE}
_KIND_OF_PYTHON = {str: "text", bool: "bool", int: "long", float: "double", Decimal: "numeral", Moment: "moment",
                   list: "list", dict: "object"}  # fmt: skip


def from_python(items: list[Any]) -> pa.Array:
    """Values of the language as a typed column."""
    kinds = set(map(type, items)) - {type(None)}
    if not kinds:
        return pa.nulls(len(items))
    wide = Decimal in kinds or (int in kinds and any(type(i) is int and not -(2**63) <= i < 2**63 for i in items))
    names = {**_KIND_OF_PYTHON, int: "numeral"} if wide else _KIND_OF_PYTHON
    found = {name: {kind for kind in kinds if names[kind] == name} for name in names.values()}
    found = {name: own for name, own in found.items() if own}
    if len(found) > 1:
        return mixed_of({
            name: from_python([item if type(item) in own else None for item in items]) for name, own in found.items()
        })  # fmt: skip
    if wide:
        return numerals(pa.array([None if item is None else text_of(item) for item in items], TEXT))
    kind = kinds.pop()
    if kind in _OF_PYTHON:
        return pa.array(items, _OF_PYTHON[kind])
    if kind is Moment:
        instants = pa.array([None if item is None else item.micros for item in items], LONG).view(MOMENT)
        zones = np.array([0 if item is None else number_of(item.at.tzinfo) for item in items], dtype=np.int32)
        nanos = np.array([0 if item is None else item.nanos for item in items], dtype=np.int16)
        if nanos.any():
            return struct_of([instants, pa.array(zones), pa.array(nanos)], list(FINE), nulls_of(instants))
        return zoned(instants, zones)
    absent = np.array([item is None for item in items], dtype=bool)
    if kind is list:
        lengths = [0 if item is None else len(item) for item in items]
        flat = [value for item in items if item is not None for value in item]
        return list_of(offsets_of(lengths), from_python(flat), absent)
    return _objects(items, absent)


def _objects(items: list[Any], absent: Mask) -> pa.Array:
    keys: dict[str, None] = {}
    for item in items:
        if item is not None:
            keys.update(dict.fromkeys(item))
    if len(keys) > MOST_KEYS or any(key.startswith("\0") for key in keys):
        lengths = [0 if item is None else len(item) for item in items]
        flat = [pair for item in items if item is not None for pair in item.items()]
        names, values = pa.array([key for key, _ in flat], TEXT), from_python([value for _, value in flat])
        return map_of(offsets_of(lengths), names, values, absent)
    children = [from_python([None if item is None else item.get(key) for item in items]) for key in keys]
    gone = [some(np.array([item is not None and key not in item for item in items], dtype=bool)) for key in keys]
    return object_of(list(keys), children, gone, absent)


def object_of(keys: Sequence[str], children: Sequence[pa.Array], gone: Sequence[Mask | None], absent: Mask) -> pa.Array:
    """Objects with the keys.

    Args:
        keys: the names, in order.
        children: the values of each key, one for each row.
        gone: for each key a boolean for each row: where the object does not have the key; None if all have it.
        absent: boolean, one for each row: where there is no object.

    Returns:
        A struct array; the keys that are not everywhere have a marker field beside them.
    """
    parts: list[pa.Array] = []
    fields: list[pa.Field] = []
    for key, child, missing in zip(keys, children, gone, strict=True):
        parts.append(plain(child))
        fields.append(pa.field(key, parts[-1].type))
        if missing is not None:
            parts.append(pa.array(missing))
            fields.append(pa.field(ABSENT + key, BOOL))
    return struct_of(parts, fields, absent)


def mixed_of(children: dict[str, pa.Array]) -> pa.Array:
    """A mixed column of columns by kind, of which at most one is not null in a row."""
    absent = np.logical_and.reduce([nulls_of(child) for child in children.values()])
    return object_of([MIXED + kind for kind in children], list(children.values()), [None] * len(children), absent)


# Dates in zones


def zoned(instants: pa.Array, zones: Ints) -> pa.Array:
    """Moments in zones; plain ones where all are in UTC."""
    if not zones.any():
        return instants
    return struct_of([instants, pa.array(zones)], list(ZONED), nulls_of(instants))


def instant_of(values: pa.Array) -> pa.Array:
    """The instants of moments, without nanoseconds."""
    return pc.struct_field(values, 0) if values.type in (ZONED, FINE) else values


def zones_of(values: pa.Array) -> Ints:
    """The numbers of the zones of moments."""
    if values.type not in (ZONED, FINE):
        return np.zeros(len(values), dtype=np.int32)
    numbers: Ints = values.field(1).fill_null(0).to_numpy(zero_copy_only=False)
    return numbers


@lru_cache(maxsize=4096)
def zoneless(kind: pa.DataType) -> pa.DataType:
    """A type with moments in UTC for all moments in zones."""
    name = type_kind(kind)
    if name in ("list", "map", "object", "mixed"):
        return retyped(kind, lambda part: zoneless(part.type))
    return MOMENT if name in ("zoned", "fine") else kind


def _label(name: str) -> str:
    """The label of a kind in a mixed column."""
    return "moment" if name in ("zoned", "fine") else name


# One type for several columns


@lru_cache(maxsize=4096)
def common_type(*kinds: pa.DataType) -> pa.DataType:
    """The type that holds values of all types."""
    first, *rest = (TEXT if pa.types.is_dictionary(kind) else kind for kind in kinds)
    for other in rest:
        first = _pair_type(first, other)
    return first


def _pair_type(a: pa.DataType, b: pa.DataType) -> pa.DataType:
    if a == b or pa.types.is_null(b):
        return a
    if pa.types.is_null(a):
        return b
    one, two = type_kind(a), type_kind(b)
    if "any" in (one, two):
        return UNKNOWN
    if one == two and one in ("list", "map"):
        other = b.value_type if one == "list" else b.item_type
        return retyped(a, lambda part: _pair_type(part.type, other))
    if one == two == "object":
        return _object_type(a, b)
    if {one, two} <= {"moment", "zoned", "fine"}:
        return FINE if "fine" in (one, two) else ZONED
    if {one, two} == {"numeral", "long"}:
        return NUMERAL
    found: dict[str, pa.DataType] = {}
    for kind, name in ((a, one), (b, two)):
        parts = [(f.name[len(MIXED) :], f.type) for f in kind] if name == "mixed" else [(_label(name), kind)]
        for label, part in parts:
            found[label] = _pair_type(found[label], part) if label in found else part
    if "numeral" in found:
        found.pop("long", None)
    return pa.struct([(MIXED + label, part) for label, part in found.items()])


def _object_type(a: pa.DataType, b: pa.DataType) -> pa.DataType:
    fields: list[tuple[str, pa.DataType]] = []
    for key in _in_order(keys_of(a), keys_of(b)):
        kinds = [kind.field(key).type for kind in (a, b) if kind.get_field_index(key) >= 0]
        fields.append((key, kinds[0] if len(kinds) == 1 else _pair_type(*kinds)))
        if len(kinds) == 1 or any(kind.get_field_index(ABSENT + key) >= 0 for kind in (a, b)):
            fields.append((ABSENT + key, BOOL))
    return pa.struct(fields)


def _in_order(first: tuple[str, ...], second: tuple[str, ...]) -> list[str]:
    """The keys of both; in the order of both, unless those contradict each other."""
    out: list[str] = []
    rest = list(second)
    for key in first:
        if key in rest:
            at = rest.index(key)
            out += [each for each in rest[:at] if each not in first]
            rest = rest[at + 1 :]
        out.append(key)
    return [*out, *[each for each in rest if each not in out]]


def widened(values: pa.Array, target: pa.DataType) -> pa.Array:
    """`values` as a column of a type that :func:`common_type` gave for them and others."""
    values = plain(values)
    kind = values.type
    if kind == target:
        return values
    n = len(values)
    if pa.types.is_null(kind) or target == UNKNOWN:
        return pa.nulls(n, target)
    name = type_kind(target)
    if name == "numeral":
        return numerals(values.cast(TEXT))
    if name in ("zoned", "fine"):
        parts = [instant_of(values), pa.array(zones_of(values)), pa.array(np.zeros(n, np.int16))]
        return struct_of(parts[: target.num_fields], list(target), nulls_of(values))
    if name in ("list", "map"):
        wanted = target.value_type if name == "list" else target.item_type
        return elements_changed(values, lambda inner: widened(inner, wanted))
    parts = []
    if name == "mixed":
        own = alternatives(values) or {_label(type_kind(kind)): values}
        for part in target:
            label = part.name[len(MIXED) :]
            if label == "numeral" and "long" in own:
                own[label] = _one_of(own.get(label), own["long"])
            parts.append(widened(own[label], part.type) if label in own else pa.nulls(n, part.type))
        return struct_of(parts, list(target), nulls_of(values))
    for part in target:
        at = kind.get_field_index(part.name)
        if at >= 0:
            parts.append(widened(values.field(at), part.type))
        elif part.name.startswith(ABSENT):
            missing = kind.get_field_index(part.name[len(ABSENT) :]) < 0
            parts.append(pa.repeat(pa.scalar(missing), n))
        else:
            parts.append(pa.nulls(n, part.type))
    return struct_of(parts, list(target), nulls_of(values))


def _one_of(found: pa.Array | None, longs: pa.Array) -> pa.Array:
    """Numerals and integers, of which one is null in each row, as numerals."""
    texts = longs.cast(TEXT)
    return numerals(texts if found is None else pc.coalesce(digits_of(found), texts))


def alike(columns: Sequence[pa.Array]) -> list[pa.Array]:
    """The columns as ones of a common type."""
    target = common_type(*[column.type for column in columns])
    return [widened(column, target) for column in columns]


def stacked(columns: Sequence[pa.Array]) -> pa.Array:
    """The columns one after another, in a common type."""
    made = alike(columns)
    return made[0] if len(made) == 1 else pa.concat_arrays(made)


def chosen(which: Ints, columns: Sequence[Column]) -> Column:
    """Row by row the value of one of the columns; null where `which` is none of their numbers."""
    masks = [which == i for i in range(len(columns))]
    is_open = merged(
        *[column.open & mask for column, mask in zip(columns, masks, strict=True) if column.open is not None]
    )
    filled = [i for i, column in enumerate(columns) if not pa.types.is_null(column.values.type)]
    if not filled:
        return Column(pa.nulls(len(which)), some(is_open))
    if len(filled) == 1:
        return Column(only_where(columns[filled[0]].values, masks[filled[0]]), some(is_open))
    arrays = alike([columns[i].values for i in filled])
    kind = arrays[0].type
    if pa.types.is_nested(kind):
        n = len(which)
        at = np.arange(n, dtype=np.int64)
        none = np.ones(n, dtype=bool)
        for place, i in enumerate(filled):
            at[masks[i]] += place * n
            none &= ~masks[i]
        return Column(pa.concat_arrays(arrays).take(pa.array(at, mask=none if none.any() else None)), some(is_open))
    made = only_where(arrays[-1], masks[filled[-1]]) if len(filled) < len(columns) or (which < 0).any() else arrays[-1]
    for i, array in zip(filled[:-1], arrays[:-1], strict=True):
        made = pc.if_else(pa.array(masks[i]), array, made)
    return Column(made, some(is_open))


# What is said of the values of an expression

#: The type that is said for exact numbers, which travel as :data:`NUMERAL`.
DECIMAL = pa.decimal256(76, 38)


@lru_cache(maxsize=4096)
def final_type(kind: pa.DataType) -> pa.DataType | None:
    """The type that is said of columns of a kind; None where it differs from row to row."""
    name = type_kind(kind)
    if name in ("mixed", "any"):
        return None
    if name in ("moment", "zoned", "fine"):
        return TIMESTAMP
    if name == "numeral":
        return DECIMAL
    if name == "object":
        kind = pa.struct([kind.field(key) for key in keys_of(kind)])
    if name in ("list", "map", "object"):
        return retyped(kind, lambda part: final_type(part.type))
    return TEXT if name == "text" else kind


def is_object(kind: pa.DataType) -> bool:
    """Whether columns of a type hold objects only."""
    return bool(pa.types.is_struct(kind) and type_kind(kind) == "object")
