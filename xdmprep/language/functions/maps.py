"""Map functions; keys are texts."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..catalogue import Context, function
from ..values import Failed, kind_of, text_of
from .objects import pairs

_map = partial(function, category="map")
_BOOK = {"book": {"author": "A", "price": 17.99, "ISBN": "I"}}


def mapping(value: Any) -> dict[str, Any]:
    """A map argument; null is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Failed(f"a map is expected, not {kind_of(value)}")
    return value


def _keys(keys: tuple[Any, ...]) -> tuple[list[str], bool]:
    """The keys, and whether there may be several."""
    many = len(keys) > 1 or isinstance(keys[0], list)
    items = keys[0] if len(keys) == 1 and isinstance(keys[0], list) else keys
    return [text_of(key) for key in items], many


@_map("map_get_values(map, key, ...)", "The value of a key; an array of values for several keys or an array of keys.",
      'map_get_values(book, "author")', "A", record=_BOOK)  # fmt: skip
def map_get_values(ctx: Context, value: Any, *keys: Any) -> Any:
    if value is None:
        return None
    entries = mapping(value)
    names, many = _keys(keys)
    if ctx.options.map_get == "map":
        return {name: entries[name] for name in names if name in entries}
    return [entries.get(name) for name in names] if many else entries.get(names[0])


@_map("map_has_keys(map, key, ...)", "Whether the map has one of the keys.", 'map_has_keys(book, "author")', True,
      record=_BOOK)  # fmt: skip
def map_has_keys(ctx: Context, value: Any, *keys: Any) -> bool:
    entries = mapping(value)
    return any(name in entries for name in _keys(keys)[0])


@_map("add_to_map(map, ...)", "All pairs of the maps; of a key that occurs again the first pair stays.",
      'add_to_map({"a": 1}, {"a": 2, "b": 3})', {"a": 1, "b": 3})  # fmt: skip
def add_to_map(ctx: Context, *values: Any) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for value in values:
        for key, item in mapping(value).items():
            out.setdefault(key, item)
    return out


def keyed(items: Any, name: str) -> dict[str, Any]:
    """The objects of an array by one of their fields; objects without it are left out."""
    if not isinstance(items, list):
        raise Failed(f"an array of objects is expected, not {kind_of(items)}")
    out: dict[str, Any] = {}
    for item in items:
        if item is None:
            continue
        if not isinstance(item, dict):
            raise Failed(f"an array of objects is expected, with {kind_of(item)} in it")
        if item.get(name) is not None:
            out[text_of(item[name])] = item
    return out


@_map("object_to_map(value, ...)",
      "A map of keys and values, of an object, or of an array of objects by a field: object_to_map(array, field).",
      'object_to_map("firstName", "F", "lastName", "L")', {"firstName": "F", "lastName": "L"})  # fmt: skip
def object_to_map(ctx: Context, *values: Any) -> Any:
    if len(values) == 1:
        return None if values[0] is None else dict(mapping(values[0]))
    if len(values) == 3:  # the last is the name of the second, a field: see xdmprep.language.binding
        if isinstance(values[0], list) or values[0] is None:
            return None if values[0] is None else keyed(values[0], text_of(values[2]))
        values = values[:2]
    if len(values) == 2 and isinstance(values[0], list):
        return keyed(values[0], text_of(values[1]))
    if len(values) == 2 and values[0] is None:
        return None
    return pairs(ctx, *values)


@_map("array_to_map(array, key)", "A map of the objects of an array, by one of their fields.",
      'array_to_map([{"id": "p", "n": 1}], "id")', {"p": {"id": "p", "n": 1}})  # fmt: skip
def array_to_map(ctx: Context, value: Any, key: Any) -> Any:
    return None if value is None else keyed(value, text_of(key))
