"""Methods of values: the Java methods that expressions of the platform are seen to call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import ExpressionError, did_you_mean
from . import matching
from .catalogue import whole
from .values import Failed, folded, kind_of, same, text_of


def _substring(value: str, start: Any, end: Any = None) -> str:
    first, last = whole(start, "the start"), len(value) if end is None else whole(end, "the end")
    if not 0 <= first <= last <= len(value):
        raise Failed(f"{first} to {last} is no part of a text of {len(value)} characters")
    return value[first:last]


def _character(value: str, at: Any) -> str:
    place = whole(at, "the position")
    return _substring(value, place, place + 1)


def _replaced(value: str, regex: Any, new: Any, most: int = 0) -> str:
    return matching.replaced(matching.compiled(text_of(regex)), value, text_of(new), most)


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
    "isBlank": lambda value: not value.strip(),
    "strip": str.strip,
    "matches": lambda value, regex: matching.matches(matching.compiled(text_of(regex)), value),
    "replaceAll": lambda value, regex, new: _replaced(value, regex, new),
    "replaceFirst": lambda value, regex, new: _replaced(value, regex, new, 1),
    "split": lambda value, regex: matching.parts(matching.compiled(text_of(regex)), value, keep_empty=False),
    "toLowerCase": str.lower,
    "toUpperCase": str.upper,
    "trim": str.strip,
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
_OTHER: dict[str, Callable[..., Any]] = {
    "equals": lambda value, other: same(value, other),
    "toString": text_of,
}

NAMES: dict[str, frozenset[int]] = {}
for _methods in (_TEXT, _OBJECT, _ARRAY, _OTHER):
    for _name, _method in _methods.items():
        _code = getattr(_method, "__code__", None)
        _most = _code.co_argcount - 1 if _code else 0
        _fewest = _most - len(getattr(_method, "__defaults__", None) or ())
        NAMES[_name] = NAMES.get(_name, frozenset()) | set(range(_fewest, _most + 1))


def check_method(name: str, arguments: int, text: str, position: int) -> None:
    """Checks that some kind of value has the method.

    Args:
        name: the method, without its dot.
        arguments: number of arguments in the call.
        text: the whole expression, for the message.
        position: offset of the call in `text`, in characters.

    Raises:
        ExpressionError: no kind of value has the method, or none takes so many arguments.
    """
    if name not in NAMES:
        raise ExpressionError(f"There is no method {name!r}.{did_you_mean(name, NAMES)}", text, position)
    if arguments not in NAMES[name]:
        takes = " or ".join(map(str, sorted(NAMES[name])))
        raise ExpressionError(f"The method {name!r} takes {takes} arguments, not {arguments}", text, position)


def call_method(name: str, value: Any, arguments: list[Any]) -> Any:
    """``value.name(arguments)``; a method of null gives null, but null equals nothing.

    Raises:
        Failed: such a value has no such method.
    """
    if value is None:
        return False if name in ("equals", "equalsIgnoreCase") else None
    methods = (
        _TEXT
        if isinstance(value, str)
        else _OBJECT
        if isinstance(value, dict)
        else _ARRAY
        if isinstance(value, list)
        else {}
    )
    method = methods.get(name) or _OTHER.get(name)
    if method is None:
        raise Failed(f"{kind_of(value)} has no method {name!r}")
    try:
        return method(value, *arguments)
    except TypeError:
        raise Failed(f"{kind_of(value)} has no method {name!r} of {len(arguments)} arguments") from None
