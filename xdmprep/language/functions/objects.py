"""Object and map functions, and JSON."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any

import pyarrow as pa

from ...core.documents import why_unfit
from ..catalogue import Context, function, text
from ..values import Failed, expected, is_blank, kind_of, read_number, text_of

_object = partial(function, category="object")


@_object("to_object(key, value, ...)", "An object of keys and values.", 'to_object("firstName", "F", "lastName", "L")',
         {"firstName": "F", "lastName": "L"})  # fmt: skip
@function("to_map(key, value, ...)", "A map of keys and values.", 'to_map("firstName", "F")', {"firstName": "F"},
          category="map")  # fmt: skip
def pairs(ctx: Context, *values: Any) -> dict[str, Any]:
    if len(values) % 2:
        raise Failed("every key needs a value")
    if None in values[::2]:
        raise Failed("a key is null")
    return {text_of(key): value for key, value in zip(values[::2], values[1::2], strict=True)}


@_object("is_empty(value)", "Whether the object, array or string is null or has nothing in it.", "is_empty([])", True,
         result=pa.bool_())  # fmt: skip
def is_empty(ctx: Context, value: Any) -> bool:
    return is_blank(value)


@_object("arrays_to_objects(key, array, ...)", "An array of objects whose fields come from arrays of equal length.",
         "arrays_to_objects('sku', ['id1', 'id2'], 'price', [22.5, 14.35])",
         [{"sku": "id1", "price": 22.5}, {"sku": "id2", "price": 14.35}], aliases=("arrays_to_object",))  # fmt: skip
def arrays_to_objects(ctx: Context, *values: Any) -> list[dict[str, Any]]:
    columns = pairs(ctx, *values)
    for key, column in columns.items():
        if not isinstance(column, list | None):
            raise Failed(f"the values of {key!r} are no array but {kind_of(column)}")
    most = max((len(column) for column in columns.values() if column), default=0)
    filled = ctx.options.zip_short == "null"
    out: list[dict[str, Any]] = []
    for i in range(most):
        there = {key: column is not None and i < len(column) for key, column in columns.items()}
        out.append({key: columns[key][i] if has else None for key, has in there.items() if has or filled})
    return out


def _pairs_in(value: Any, between: Any, after: Any) -> list[tuple[str, str | None]]:
    """Key and value of every field of a string, spaces cut."""
    colon = ":" if between is None or between == "" else text(between)
    comma = "," if after is None or after == "" else text(after)
    found: list[tuple[str, str | None]] = []
    for part in text(value).split(comma):
        key, sign, given = part.partition(colon)
        if part.strip():
            found.append((key.strip(), given.strip() if sign else None))
    return found


@_object("str_to_object(text, [value_delimiter], [field_delimiter])",
         "An object from pairs in a string; spaces are cut, values stay strings.", 'str_to_object("a:1,b:2")',
         {"a": "1", "b": "2"}, nulls=(0,))  # fmt: skip
def str_to_object(ctx: Context, value: Any, between: Any = None, after: Any = None) -> dict[str, str | None]:
    return dict(_pairs_in(value, between, after))


# the interpreter, which has the record, looks it up
function("contains_key(path)", "Whether the source has a value at a path, given as a string.",
         'contains_key("evars.field1")', True, record={"evars": {"field1": "x"}}, aliases=("is_set",),
         result=pa.bool_(), category="object")(None)  # fmt: skip


@_object("nullify()", "Null: leaves the attribute out.", "nullify()", None)
def nullify(ctx: Context) -> None:
    return None


@_object("get_keys(object)", "The keys of an object.", 'get_keys({"a": 1, "b": 2})', ["a", "b"], nulls=(0,),
         result=pa.list_(pa.string()))  # fmt: skip
def get_keys(ctx: Context, value: Any) -> list[str]:
    return list(expected(value, dict, "an object"))


@_object("get_values(text, key, value_delimiter, field_delimiter)", "The value of one key in a string of pairs.",
         'get_values("a:1,b:2", "b", "", "")', "2", nulls=(0, 1), result=pa.string())  # fmt: skip
def get_values(ctx: Context, value: Any, key: Any, between: Any, after: Any) -> str | None:
    wanted = text(key).strip()
    return next((given for name, given in _pairs_in(value, between, after) if name == wanted), None)


def _no_constant(word: str) -> Any:
    raise Failed(f"{word} is not JSON")


#: An escaped half of a surrogate pair.
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_DECODER = json.JSONDecoder(parse_constant=_no_constant, parse_float=read_number)


def parse_json(here: str) -> Any:
    """The value of a JSON text; numbers with digits that no double has are decimals.

    Raises Failed: it is not JSON, or holds half a surrogate pair, which is no character.
    """
    try:
        made = _DECODER.decode(here)
    except ValueError as error:
        raise Failed(f"{here[:80]!r} is not JSON: {error}") from None
    if _SURROGATE.search(here) and (why := why_unfit(made)) is not None:
        raise Failed(f"{here[:80]!r} {why}")
    return made


@function("json_to_object(text)", "The object or array of a JSON text.",
          'json_to_object("{\\"a\\": {\\"b\\": 5}}").a.b', 5, category="json", nulls=(0,))  # fmt: skip
def json_to_object(ctx: Context, value: Any) -> Any:
    return value if isinstance(value, dict | list) else parse_json(text(value))


@function("uuid()", "A random id of 36 characters.", "uuid()", category="special", aliases=("guid",),
          availability="volatile", random=True, result=pa.string(),
          reason="a new value for every row; options.seed makes it repeatable")  # fmt: skip
def uuid(ctx: Context) -> str:
    return ctx.random_id()


function("fpid_to_ecid(text)", "The ECID of a first-party id.", category="special", availability="no",
    reason="the platform does not publish how it makes an ECID from a first-party id; "
           "leave the field to the platform, or map an ECID that you have")(None)  # fmt: skip


# Maps; keys are strings

_map = partial(function, category="map")
_BOOK = {"book": {"author": "A", "price": 17.99, "ISBN": "I"}}


def mapping(value: Any) -> dict[str, Any]:
    """A map argument; null is an empty one."""
    found: dict[str, Any] = {} if value is None else expected(value, dict, "a map")
    return found


def _keys(keys: tuple[Any, ...]) -> tuple[list[str], bool]:
    """The keys, and whether there may be several."""
    many = len(keys) > 1 or isinstance(keys[0], list)
    items = keys[0] if len(keys) == 1 and isinstance(keys[0], list) else keys
    return [text_of(key) for key in items], many


@_map("map_get_values(map, key, ...)", "The value of a key; an array of values for several keys or an array of keys.",
      'map_get_values(book, "author")', "A", record=_BOOK,
      nulls=(0,))  # fmt: skip
def map_get_values(ctx: Context, value: Any, *keys: Any) -> Any:
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
    out: dict[str, Any] = {}
    for item in expected(items, list, "an array of objects"):
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
      'array_to_map([{"id": "p", "n": 1}], "id")', {"p": {"id": "p", "n": 1}},
      nulls=(0,))  # fmt: skip
def array_to_map(ctx: Context, value: Any, key: Any) -> Any:
    return keyed(value, text_of(key))
