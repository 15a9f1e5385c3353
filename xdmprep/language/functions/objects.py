"""Object functions and JSON."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pyarrow as pa

from ..catalogue import Context, add, function, text
from ..values import Failed, is_blank, kind_of, text_of

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


@_object("is_empty(value)", "Whether the object, array or text is null or has nothing in it.", "is_empty([])", True,
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
    """Key and value of every field of a text, blanks cut."""
    colon = ":" if between is None or between == "" else text(between)
    comma = "," if after is None or after == "" else text(after)
    found: list[tuple[str, str | None]] = []
    for part in text(value).split(comma):
        key, sign, given = part.partition(colon)
        if part.strip():
            found.append((key.strip(), given.strip() if sign else None))
    return found


@_object("str_to_object(text, [value_delimiter], [field_delimiter])",
         "An object from pairs in a text; blanks are cut, values stay texts.", 'str_to_object("a:1,b:2")',
         {"a": "1", "b": "2"})  # fmt: skip
def str_to_object(ctx: Context, value: Any, between: Any = None, after: Any = None) -> dict[str, str | None] | None:
    return None if value is None else dict(_pairs_in(value, between, after))


# the interpreter, which has the record, looks it up
add("contains_key(path)", "Whether the source has a value at a path, given as text.", 'contains_key("evars.field1")',
    True, record={"evars": {"field1": "x"}}, aliases=("is_set",), result=pa.bool_(), category="object")  # fmt: skip


@_object("nullify()", "Null: leaves the attribute out.", "nullify()", None)
def nullify(ctx: Context) -> None:
    return None


@_object("get_keys(object)", "The keys of an object.", 'get_keys({"a": 1, "b": 2})', ["a", "b"])
def get_keys(ctx: Context, value: Any) -> list[str] | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise Failed(f"an object is expected, not {kind_of(value)}")
    return list(value)


@_object("get_values(text, key, value_delimiter, field_delimiter)", "The value of one key in a text of pairs.",
         'get_values("a:1,b:2", "b", "", "")', "2", result=pa.string())  # fmt: skip
def get_values(ctx: Context, value: Any, key: Any, between: Any, after: Any) -> str | None:
    if value is None or key is None:
        return None
    wanted = text(key).strip()
    return next((given for name, given in _pairs_in(value, between, after) if name == wanted), None)


def _no_constant(word: str) -> Any:
    raise Failed(f"{word} is not JSON")


def parse_json(here: str) -> Any:
    """The value of a JSON text."""
    try:
        return json.loads(here, parse_constant=_no_constant)
    except ValueError as error:
        raise Failed(f"{here[:80]!r} is not JSON: {error}") from None


@function("json_to_object(text)", "The object or array of a JSON text.",
          'json_to_object("{\\"a\\": {\\"b\\": 5}}").a.b', 5, category="json")  # fmt: skip
def json_to_object(ctx: Context, value: Any) -> Any:
    if value is None or isinstance(value, dict | list):
        return value
    return parse_json(text(value))


@function("uuid()", "A random id of 36 characters.", "uuid()", category="special", aliases=("guid",),
          availability="volatile", result=pa.string(),
          reason="a new value for every row; options.seed makes it repeatable")  # fmt: skip
def uuid(ctx: Context) -> str:
    return ctx.random_id()


add("fpid_to_ecid(text)", "The ECID of a first-party id.", category="special", availability="no",
    reason="the platform does not publish how it makes an ECID from a first-party id; "
           "leave the field to the platform, or map an ECID that you have")  # fmt: skip
