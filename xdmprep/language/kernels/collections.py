"""Kernels on objects, arrays and maps: offsets, child arrays and masks; no value is evaluated by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...kernels.arrays import first_hits, list_parts, offsets_of, owners_of, ranges, side_by_side, sieved
from ..columns import (
    BOOL,
    LONG,
    TEXT,
    Column,
    Ints,
    Mask,
    as_mask,
    marked,
    merged,
    nulls_of,
    numpy_of,
    patched,
    plain,
    some,
)
from ..functions import table
from ..shapes import (
    ABSENT,
    absent_at,
    chosen,
    entries_of,
    field_of,
    fields_of,
    from_python,
    keys_of,
    list_of,
    map_of,
    map_parts,
    object_of,
    only_where,
    optional_keys,
    type_kind,
    with_each_key_once,
)
from . import texts
from .choices import element
from .equality import same
from .strings import behind, interleaved, joined, matched, place_of
from .table import (
    Body,
    Constants,
    Made,
    Rows,
    as_texts,
    failing,
    kernel,
    kind,
    lifted,
    literal,
    need,
    needed,
    truths,
)  # fmt: skip

# Arrays made of values


@kernel("[,]", "any*")
def array(rows: Rows, *given: Column) -> Made:
    return Column(interleaved(rows.n, [column.values for column in given]))


@kernel("to_array", "fixed any*")
def to_array(rows: Rows, nulls: Any, *given: Column) -> Made:
    need(isinstance(nulls, bool))
    lists = interleaved(rows.n, [column.values for column in given])
    offsets, items = list_parts(lists)
    return Column(lists if nulls else list_of(*sieved(offsets, ~nulls_of(items), items)))


def _lists(rows: Rows, given: Sequence[Column]) -> list[tuple[Ints, pa.Array]]:
    """Offsets and elements of arrays, null being an empty one."""
    found = []
    for column in given:
        need(kind(column) in ("null", "list"))
        none = kind(column) == "null"
        found.append((np.zeros(rows.n + 1, dtype=np.int32), pa.nulls(0)) if none else list_parts(column.values))
    return found


@kernel("join_arrays", "any any*")
def join_arrays(rows: Rows, *given: Column) -> Made:
    return Column(behind(_lists(rows, given)))


@kernel("add_to_array", "any any*")
def add_to_array(rows: Rows, value: Column, *more: Column) -> Made:
    bounds = np.arange(rows.n + 1)
    return Column(behind([*_lists(rows, [value]), *((bounds, column.values) for column in more)]))


@kernel("upsert_array_append upsert_array_replace", "any any?")
def upsert_array(rows: Rows, value: Column, _: Column | None = None) -> Made:
    return Column(value.values) if kind(value) == "list" else None


def _opened(lists: pa.Array) -> pa.Array | None:
    """Lists without the lists in them, whose elements take their places; None where there are none."""
    offsets, items = list_parts(lists)
    if type_kind(items.type) != "list":
        return None
    inner_offsets, inner = list_parts(items)
    null = nulls_of(items)
    lengths = np.where(null, 1, np.diff(inner_offsets))
    at = ranges(inner_offsets[:-1], lengths)
    mask = np.repeat(null, lengths)
    ends = offsets_of(lengths)[offsets]
    return list_of(ends, inner.take(pa.array(at, mask=mask if mask.any() else None)), nulls_of(lists))


def _flattened(column: Column) -> pa.Array:
    need(kind(column) == "list")
    lists = column.values
    while (deeper := _opened(lists)) is not None:
        lists = deeper
    _, items = list_parts(lists)
    need(type_kind(items.type) != "mixed" or items.type.get_field_index("\0=list") < 0)
    return lists


@kernel("flattenArray", "any")
def flatten_array(rows: Rows, value: Column) -> Made:
    return Column(_flattened(value))


@kernel("array_to_string", "fixed any")
def array_to_string(rows: Rows, separator: Any, value: Column) -> Made:
    need(isinstance(separator, str | None))
    return joined(rows, separator or "", _flattened(value))


# Lambdas


@kernel("transformArray", "any lambda")
@kernel("filterArray", "any lambda", filters=True)
def _over_elements(rows: Rows, value: Column, body: Body, filters: bool = False) -> Made:
    """The array of what the lambda gives, or of the elements for which it holds."""
    need(kind(value) == "list")
    offsets, items = list_parts(value.values)
    parents = owners_of(offsets)
    made = body(parents, items)
    if filters:
        made = truths(Rows(len(parents), rows.context), made)
    need(kind(made) != "any")
    offsets, items = sieved(offsets, as_mask(made.values), items) if filters else (offsets, made.values)
    lists = list_of(offsets, items, nulls_of(value.values))
    if made.open is None:
        return Column(lists)
    failed, at = np.unique(parents[made.open], return_index=True)  # the first element that fails says why
    is_open = marked(rows.n, failed)
    if made.why is None:
        return Column(lists, some(is_open))
    told = made.why.take(pa.array(np.flatnonzero(made.open)[at]))
    return Column(lists, some(is_open), patched(pa.nulls(rows.n, TEXT), is_open, told))


# Objects and maps


@kernel("to_object to_map {:}", "any*")
def _pairs(rows: Rows, *given: Column) -> Made:
    """An object of keys and values in turn; a map where keys differ from row to row."""
    need(len(given) % 2 == 0)
    keys, values = given[::2], given[1::2]
    if all(isinstance(key, Constants) and isinstance(key.value, str) for key in keys):
        found: dict[str, pa.Array] = {}
        for key, column in zip(keys, values, strict=True):
            found[key.value] = column.values  # type: ignore[attr-defined]
        need(all(not name.startswith("\0") for name in found))
        none = np.zeros(rows.n, dtype=bool)
        return Column(object_of(list(found), list(found.values()), [None] * len(found), none))
    printed = [as_texts(rows, key) for key in keys]
    columns = [plain(key.values) for key in printed]
    absent = np.zeros(rows.n, dtype=bool)
    for column in columns:
        absent |= nulls_of(column)
    offsets, names = list_parts(interleaved(rows.n, [pc.fill_null(column, "") for column in columns]))
    _, items = list_parts(interleaved(rows.n, [column.values for column in values]))
    return Column(
        map_of(*with_each_key_once(offsets, names, items)), merged(some(absent), *[key.open for key in printed])
    )


@kernel("object_to_map", "any any*")
def object_to_map(rows: Rows, *given: Column) -> Made:
    first = kind(given[0])
    need(first != "mixed")
    if len(given) == 1:
        return Column(given[0].values) if first in ("object", "map", "null") else failing(rows, given[0])
    if len(given) < 4 and first in ("list", "null"):
        return Column(given[0].values) if first == "null" else _keyed(rows, given[0], given[-1])
    return _pairs(rows, *(given[:2] if len(given) == 3 else given))


@kernel("array_to_map", "any any")
def _keyed(rows: Rows, value: Column, key: Column) -> Made:
    """A map of the objects of arrays by a field; of equal keys the last object counts."""
    need(kind(value) == "list")
    name = literal(key, str)
    offsets, items = list_parts(value.values)
    of = type_kind(items.type)
    need(of in ("null", "object"))
    if of == "null" or name not in keys_of(items.type):
        return Column(map_of(np.zeros(rows.n + 1), pa.array([], TEXT), items.slice(0, 0), nulls_of(value.values)))
    printed = as_texts(Rows(len(items), rows.context), Column(field_of(items, name)))
    keys = plain(printed.values)
    failed = None if printed.open is None else marked(rows.n, owners_of(offsets)[printed.open])
    entries = with_each_key_once(*sieved(offsets, ~nulls_of(keys), keys, items))
    return Column(map_of(*entries, nulls_of(value.values)), failed)


@kernel("arrays_to_objects", "any*")
def arrays_to_objects(rows: Rows, *given: Column) -> Made:
    names: list[str] = [literal(column, str) for column in given[::2]]
    lists = _lists(rows, given[1::2])
    need(names and len(set(names)) == len(lists) and not any(name.startswith("\0") for name in names))
    offsets, columns = side_by_side(lists)
    may_lack = rows.options.zip_short == "absent" and len(lists) > 1
    gone = [missing if may_lack and (missing.any() or not rows.n) else None for _, missing in columns]
    none = np.zeros(int(offsets[-1]), dtype=bool)
    return Column(list_of(offsets, object_of(names, [items for items, _ in columns], gone, none)))


def _entries(rows: Rows, column: Column) -> tuple[Ints, pa.Array, pa.Array]:
    """Offsets, keys and items of maps or objects; null is an empty one."""
    name = kind(column)
    if name == "null":
        return np.zeros(rows.n + 1, dtype=np.int32), pa.array([], TEXT), pa.nulls(0)
    need(name in ("map", "object"))
    return entries_of(column.values)


def _spelled_pairs(values: pa.Array, between: Any, after: Any) -> tuple[Ints, pa.Array, pa.Array]:
    """Offsets, keys and values of pairs in strings, spaces cut."""
    between, after = between or ":", after or ","
    need(isinstance(between, str) and isinstance(after, str))
    offsets, parts = list_parts(pc.split_pattern(values, after))
    filled = as_mask(pc.not_equal(texts.trimmed(parts), ""))
    offsets, parts = sieved(offsets, filled, parts)
    pairs = pc.split_pattern(parts, between, max_splits=1)
    return offsets, *(texts.trimmed(element(pairs, at).values) for at in (0, 1))


@kernel("str_to_object", "text fixed? fixed?")
def str_to_object(rows: Rows, values: pa.Array, between: Any = None, after: Any = None) -> pa.Array:
    return map_of(*with_each_key_once(*_spelled_pairs(values, between, after)), nulls_of(values))


@kernel("get_values", "text fixed fixed fixed")
def get_values(rows: Rows, text: pa.Array, key: Any, between: Any, after: Any) -> pa.Array:
    need(isinstance(key, str))
    offsets, keys, values = _spelled_pairs(text, between, after)
    at = first_hits(as_mask(pc.equal(keys, key.strip())), owners_of(offsets), rows.n)
    return values.take(pa.array(at, mask=at < 0)) if len(values) else pa.nulls(rows.n, TEXT)


@kernel("add_to_map", "any any*")
def add_to_map(rows: Rows, *given: Column) -> Made:
    objects = [column for column in given if kind(column) != "null"]
    if objects and all(kind(column) == "object" for column in objects) and _ordered(objects):
        return _united(rows, objects)
    entries = [_entries(rows, column) for column in given]
    keys = behind([(offsets, key) for offsets, key, _ in entries])
    items = behind([(offsets, item) for offsets, _, item in entries])
    offsets, flat_keys = list_parts(keys)
    return Column(map_of(*with_each_key_once(offsets, flat_keys, list_parts(items)[1], last=False)))


def _ordered(objects: Sequence[Column]) -> bool:
    """Whether the keys of all objects together have the same order in every row."""
    types = [column.values.type for column in objects]
    keys = [dict.fromkeys(keys_of(type_)) for type_ in types]
    names = dict.fromkeys(key for own in keys for key in own)
    return not any(map(optional_keys, types)) and all(
        [name for name in names if name in own] == list(own) for own in keys
    )


def _united(rows: Rows, given: Sequence[Column]) -> Made:
    """Objects with the keys of all; the order of keys is that of the first object that has them."""
    objects = [column.values for column in given if kind(column) == "object"]
    present = [~nulls_of(values) for values in objects]
    fields = [fields_of(values) for values in objects]
    names = list(dict.fromkeys(name for own in fields for name in own))
    children, gone = [], []
    for name in names:
        which = np.full(rows.n, -1)
        having = [at for at, own in enumerate(fields) if name in own]
        for i, at in reversed(list(enumerate(having))):
            lacks = absent_at(objects[at], name)
            which[present[at] & (True if lacks is None else ~lacks)] = i
        children.append(chosen(which, [Column(fields[at][name]) for at in having]).values)
        optional = (which < 0).any() or not rows.n
        gone.append(which < 0 if optional else None)
    return Column(object_of(names, children, gone, np.zeros(rows.n, dtype=bool)))


@kernel("get_keys .keySet", "any", at=1)
@kernel(".values", "any", at=2)
def _keys_or_values(rows: Rows, value: Column, at: int) -> Made:
    entries = _entries(rows, value)
    return Column(list_of(entries[0], entries[at], nulls_of(value.values)))


def _lookup(rows: Rows, value: Column, key: Column) -> tuple[Column, Mask]:
    """The values of a key, and where there is the key."""
    name, asked = kind(value), kind(key)
    need(asked == "text" and name in ("object", "map"))
    if isinstance(value, Constants):
        return _of_constant(rows, value.value, key)
    values, absent = value.values, nulls_of(value.values)
    if name == "object" and isinstance(key, Constants):
        if key.value not in keys_of(values.type):
            return Column(pa.nulls(rows.n)), np.zeros(rows.n, dtype=bool)
        gone = absent_at(values, key.value)
        return Column(field_of(values, key.value)), ~absent if gone is None else ~absent & ~gone
    offsets, keys, items = entries_of(values)
    owners = owners_of(offsets)
    wanted: Any = pa.scalar(key.value, TEXT) if isinstance(key, Constants) else plain(key.values).take(pa.array(owners))
    hit = np.flatnonzero(as_mask(pc.equal(plain(keys), wanted)))
    at = np.zeros(rows.n, dtype=np.int64)
    there = np.zeros(rows.n, dtype=bool)
    at[owners[hit]], there[owners[hit]] = hit, True
    return Column(items.take(pa.array(at, mask=~there)) if len(items) else pa.nulls(rows.n, items.type)), there


def _of_constant(rows: Rows, entries: dict[str, Any], key: Column) -> tuple[Column, Mask]:
    """Values of a constant object by keys that differ from row to row."""
    if isinstance(key, Constants):
        return Constants(entries.get(key.value), rows.n), np.full(rows.n, key.value in entries)
    items = from_python(list(entries.values()))
    found = pc.index_in(plain(key.values), value_set=pa.array(list(entries), TEXT))
    there = ~nulls_of(found)
    if items.type == TEXT and not items.null_count and len(set(entries.values())) == len(entries):
        return Column(pa.DictionaryArray.from_arrays(found, items)), there
    return Column(items.take(found)), there


@kernel(".get", "any any")
def get_method(rows: Rows, value: Column, key: Column) -> Made:
    if kind(value) == "list" and kind(key) == "long":
        return _walk(rows, value, key)
    return _lookup(rows, value, key)[0]


def _needs_keys(*keys: Column) -> None:
    """Leaves keys that are null to the interpreter: the key of a null is the word null."""
    need(all(isinstance(key, Constants) or not key.values.null_count for key in keys))


@kernel(".getOrDefault", "any any any")
def get_or_default(rows: Rows, value: Column, key: Column, default: Column) -> Made:
    """``object.getOrDefault(key, default)``; null where there is no object."""
    found = _lookup(rows, value, key)
    _needs_keys(key)
    which = np.where(found[1], 0, 1)
    which[nulls_of(value.values)] = -1
    return chosen(which, [found[0], Column(default.values)])


def _each_key(rows: Rows, keys: tuple[Column, ...]) -> tuple[Column, ...]:
    """The keys, or those in the one array that is given."""
    if len(keys) == 1 and isinstance(keys[0], Constants) and isinstance(keys[0].value, list):
        return tuple(Constants(key, rows.n) for key in keys[0].value)
    return keys


@kernel("map_get_values", "any any any*")
def map_get_values(rows: Rows, value: Column, *keys: Column) -> Made:
    need(rows.options.map_get != "map")
    several = _each_key(rows, keys)
    many = several is not keys or len(keys) > 1
    found = [_lookup(rows, value, key) for key in several]
    _needs_keys(*several)
    if not many:
        return found[0][0]
    lists = interleaved(rows.n, [column.values for column, _ in found])
    return Column(only_where(lists, ~nulls_of(value.values)))


@kernel("map_has_keys", "any any any*")
def map_has_keys(rows: Rows, value: Column, *keys: Column) -> Made:
    if kind(value) == "null":
        return Column(pa.repeat(False, rows.n))
    there = np.zeros(rows.n, dtype=bool)
    for key in (keys := _each_key(rows, keys)):
        there |= _lookup(rows, value, key)[1]
    _needs_keys(*keys)
    return Column(pa.array(there))


@kernel(".containsKey", "any any")
def contains_key_method(rows: Rows, value: Column, key: Column) -> Made:
    """``object.containsKey(key)``; null where there is no object."""
    found = _lookup(rows, value, key)
    _needs_keys(key)
    return Column(pa.array(found[1], BOOL, mask=nulls_of(value.values)))


@kernel("[]", "any any")
def _walk(rows: Rows, value: Column, key: Column) -> Made:
    """``value.key`` and ``value[key]``; null where there is nothing."""
    name, asked = kind(value), kind(key)
    if name == "null" or asked == "null":
        return Column(pa.nulls(rows.n))
    if name in ("object", "map"):
        if asked == "long" and isinstance(key, Constants):
            return _walk(rows, value, Constants(str(key.value), rows.n))
        return _lookup(rows, value, key)[0]
    if name == "list":
        if isinstance(key, Constants) and isinstance(at := key.value, str):
            need(at.isdigit() and at.isascii() and len(at) < 10)
            return element(value.values, int(at))
        need(asked == "long")
        at = numpy_of(key.values.fill_null(-1))
        return element(value.values, np.where((at < 0) | (at > 2**30), 2**30, at))
    if name in ("text", "long", "double", "bool", "moment"):
        return failing(rows, value)
    return None


# Sizes and membership


def _lengths(column: Column) -> Ints | None:
    """How many characters, elements or entries; None for what has no size."""
    name, values = kind(column), column.values
    if name == "text":
        found: Ints = pc.utf8_length(plain(values)).fill_null(0).to_numpy(zero_copy_only=False)
        return found
    if name == "list":
        return np.diff(list_parts(values)[0])
    if name == "map":
        return np.diff(map_parts(values)[0])
    if name == "object":
        count = np.full(len(values), len(keys_of(values.type)))
        for field in values.type:
            if field.name.startswith(ABSENT):
                count -= as_mask(field_of(values, field.name))
        return count
    return None


@kernel("size_of", "any")
def size_of(rows: Rows, value: Column) -> Made:
    return _size(rows, value, rows.options.null_size == "null")


@kernel(".size", "any")
def size_method(rows: Rows, value: Column) -> Made:
    """``array.size()``; null where none exists."""
    return _size(rows, value, True) if kind(value) in ("list", "object", "map") else None


@kernel("size@", "any", null=False)
def _size(rows: Rows, value: Column, null: bool) -> Made:
    name = kind(value)
    if name == "null":
        return Column(pa.nulls(rows.n, LONG) if null else pa.repeat(pa.scalar(0, LONG), rows.n))
    need(name != "mixed")
    absent = nulls_of(value.values)
    lengths = _lengths(value)
    if lengths is None:
        made = failing(rows, value, LONG)
        return Column(made.values if null else pc.if_else(pa.array(absent), 0, made.values), made.open)
    made_lengths = np.where(absent, 0, lengths)
    return Column(pa.array(made_lengths, LONG, mask=absent if null and absent.any() else None))


@kernel("is_empty empty@", "any")
def is_empty(rows: Rows, value: Column) -> Made:
    name = kind(value)
    need(name != "mixed")
    absent = nulls_of(value.values)
    if name == "text":
        return Column(pc.equal(plain(value.values), "").fill_null(True))
    lengths = _lengths(value)
    return Column(pa.array(absent if lengths is None else absent | (lengths == 0)))


@kernel(".isEmpty", "any")
def is_empty_method(rows: Rows, value: Column) -> Made:
    """``text.isEmpty()``; null where none exists."""
    lengths = _lengths(value) if kind(value) in ("text", "list", "object", "map") else None
    return None if lengths is None else Column(pa.array(lengths == 0, BOOL, mask=nulls_of(value.values)))


@kernel(".contains", "any any")
def contains_method(rows: Rows, value: Column, item: Column) -> Made:
    name, other = kind(value), kind(item)
    if name == "text":
        return Column(pc.match_substring(plain(value.values), literal(item, str)))
    if isinstance(value, Constants) and name == "list" and other in ("text", "long", "bool"):
        return Column(_is_in(item, value.value))
    return Column(pa.array(_first_place(rows, value, item) >= 0, BOOL, mask=nulls_of(value.values)))


@kernel(".indexOf", "any any")
def index_of(rows: Rows, value: Column, item: Column) -> Made:
    """``text.indexOf(part)`` of a literal; ``array.indexOf(item)``: the first place of an item, -1 without one."""
    name = kind(value)
    if name == "text":
        return Column(place_of(plain(value.values), literal(item, str)))
    return Column(pa.array(_first_place(rows, value, item), LONG, mask=nulls_of(value.values)))


def _first_place(rows: Rows, value: Column, item: Column) -> Ints:
    """The first place of an item in arrays, -1 where it is not."""
    need(kind(value) == "list")
    offsets, items = list_parts(value.values)
    owners = owners_of(offsets)
    at = first_hits(same(items, item.values.take(pa.array(owners))), owners, rows.n)
    return np.where(at < 0, -1, at - offsets[:-1])


def _is_in(item: Column, values: list[Any]) -> pa.Array:
    """Whether items are among constants, types apart; null is where null is."""
    python = {"text": str, "long": int, "bool": bool}[kind(item)]
    words = [each for each in values if type(each) is python]
    if python is int:
        words += [int(each) for each in values if type(each) is float and each.is_integer() and abs(each) < 2**63]
    found = pc.is_in(plain(item.values), value_set=pa.array(words, plain(item.values).type))
    return pc.or_(found, pc.is_null(item.values)) if None in values else found


@kernel("=~", "any any")
@kernel("!~", "any any", no=True)
def _matching(rows: Rows, value: Column, other: Column, no: bool = False) -> Made:
    """``value =~ [..]`` and ``value =~ regex``; null is not matched."""
    if kind(other) == "list":
        made = _in_array(rows, value, other)
    else:
        printed = as_texts(rows, value)
        made = matched(plain(printed.values), literal(other, str))
        made = Column(made.values, merged(made.open, printed.open))
    held = made.values.fill_null(False)
    return Column(pc.invert(held) if no else held, made.open)


def _in_array(rows: Rows, value: Column, items: Column) -> Column:
    """Whether an element equals the value."""
    if isinstance(items, Constants) and kind(value) == "text":
        words = literal(items, list)
        if all(isinstance(each, str | None) for each in words):
            return Column(_is_in(value, words))
    need(kind(items) == "list" and not items.values.null_count)
    offsets, elements = list_parts(items.values)
    owners = owners_of(offsets)
    pairs = [Column(value.values.take(pa.array(owners))), Column(elements)]
    found = needed(lifted(table()["=="].kernel, Rows(len(owners), rows.context), pairs))
    is_open = None if found.open is None else some(marked(rows.n, owners[found.open]))
    return Column(pa.array(marked(rows.n, owners[as_mask(found.values)])), is_open)


@kernel("contains_key", "any")
def contains_key(rows: Rows, value: Column) -> Made:
    need(rows.options.null_keys != "present" and kind(value) != "any")
    return Column(pc.is_valid(value.values) if kind(value) != "null" else pa.repeat(False, rows.n))


@kernel("nullify")
def nullify(rows: Rows) -> Made:
    return Constants(None, rows.n)
