"""Methods of values: the Java methods that expressions of the platform are seen to call."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pyarrow as pa

from .. import matching
from ..catalogue import Context, Function, put, whole
from ..values import CONTROLS, WHITE, Failed, folded, kind_of, same, text_of


def _substring(value: str, start: Any, end: Any = None) -> str:
    first, last = whole(start, "the start"), len(value) if end is None else whole(end, "the end")
    if not 0 <= first <= last <= len(value):
        raise Failed(f"{first} to {last} is no part of a string of {len(value)} characters")
    return value[first:last]


def _character(value: str, at: Any) -> str:
    place = whole(at, "the position")
    return _substring(value, place, place + 1)


_TEXT: dict[str, Callable[..., Any]] = {
    "equals": lambda value, other: isinstance(other, str) and value == other,
    "equalsIgnoreCase": lambda value, other: isinstance(other, str) and folded(value) == folded(other),
    "length": len,
    "isEmpty": lambda value: not value,
    "contains": lambda value, part: text_of(part) in value,
    "startsWith": lambda value, part: value.startswith(text_of(part)),
    "endsWith": lambda value, part: value.endswith(text_of(part)),
    "indexOf": lambda value, part, start=0: value.find(text_of(part), max(whole(start, "the start"), 0)),
    "lastIndexOf": lambda value, part: value.rfind(text_of(part)),
    "substring": _substring,
    "charAt": _character,
    "isBlank": lambda value: not value.strip(WHITE),
    "strip": lambda value: value.strip(WHITE),
    "matches": lambda value, regex: matching.matches(matching.compiled(text_of(regex)), value),
    "replaceAll": lambda value, regex, new: matching.replacing(text_of(regex), text_of(new))(value),
    "replaceFirst": lambda value, regex, new: matching.replacing(text_of(regex), text_of(new), 1)(value),
    "split": lambda value, regex: matching.parts(matching.compiled(text_of(regex)), value, keep_empty=False),
    "toLowerCase": str.lower,
    "toUpperCase": str.upper,
    "trim": lambda value: value.strip(CONTROLS),
    "concat": lambda value, other: value + text_of(other),
    "replace": lambda value, old, new: value.replace(text_of(old), text_of(new)),
}
_OBJECT: dict[str, Callable[..., Any]] = {
    "get": lambda value, key: value.get(text_of(key)),
    "getOrDefault": lambda value, key, default: value.get(text_of(key), default),
    "containsKey": lambda value, key: text_of(key) in value,
    "size": len,
    "isEmpty": lambda value: not value,
    "keySet": list,
    "values": lambda value: list(value.values()),
    "equals": same,
}
_ARRAY: dict[str, Callable[..., Any]] = {
    "get": lambda value, index: value[index] if isinstance(index, int) and 0 <= index < len(value) else None,
    "size": len,
    "isEmpty": lambda value: not value,
    "contains": lambda value, item: any(same(item, each) for each in value),
    "indexOf": lambda value, item: next((i for i, each in enumerate(value) if same(item, each)), -1),
    "equals": same,
}
_OTHER: dict[str, Callable[..., Any]] = {"equals": lambda value, other: same(value, other), "toString": text_of}

_TESTS = "equals equalsIgnoreCase containsKey matches startsWith endsWith isEmpty isBlank contains"
_TEXTS = "substring charAt strip trim replaceAll replaceFirst replace toLowerCase toUpperCase toString"
#: The type of what a method gives, where that is always the same.
_RESULTS: dict[str, pa.DataType] = {
    **dict.fromkeys(_TESTS.split(), pa.bool_()), **dict.fromkeys(_TEXTS.split(), pa.string()),
    **dict.fromkeys(("length", "size", "indexOf", "lastIndexOf"), pa.int64()), "split": pa.list_(pa.string()),
}  # fmt: skip


def _called(name: str, ctx: Context, value: Any, *arguments: Any) -> Any:
    """``value.name(arguments)``. Raises Failed: such a value has no such method."""
    if value is None:  # it equals nothing
        return False
    if isinstance(value, str):
        own = _TEXT
    else:
        own = _OBJECT if isinstance(value, dict) else _ARRAY if isinstance(value, list) else _OTHER
    method = own.get(name) or _OTHER.get(name)
    if method is None:
        raise Failed(f"{kind_of(value)} has no method {name!r}")
    try:
        return method(value, *arguments)
    except TypeError:
        raise Failed(f"{kind_of(value)} has no method {name!r} of {len(arguments)} arguments") from None


def _arity(method: Any) -> tuple[int, int]:
    """How many values it takes at least and at most, the one whose method it is among them."""
    code = getattr(method, "__code__", None)
    most = code.co_argcount if code else 1
    return most - len(getattr(method, "__defaults__", None) or ()), most


for _name in dict.fromkeys([*_TEXT, *_OBJECT, *_ARRAY, *_OTHER]):
    _counts = [_arity(kind[_name]) for kind in (_TEXT, _OBJECT, _ARRAY, _OTHER) if _name in kind]
    put(
        Function(
            f".{_name}", f"value.{_name}", "method", "", fewest=min(low for low, _ in _counts),
            most=max(high for _, high in _counts), result=_RESULTS.get(_name), run=partial(_called, _name),
            nulls=() if _name in ("equals", "equalsIgnoreCase") else (0,),
        )
    )  # fmt: skip
