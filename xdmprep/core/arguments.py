"""Arguments of public functions, checked where they come in.

::

    @takes(path=PATH, compat=FLAG)
    def load(path, *, compat=False): ...

A value of another type raises UsageError, ``load: compat: expected true or false, got 5.``, before anything happens.
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ParamSpec, TypeVar

from ..errors import UsageError, shorten
from .documents import COUNT, FILLED, FLAG, NUMBER, TEXT, Shape, kind_of, nullable, one_of, why_unfit

P = ParamSpec("P")
T = TypeVar("T")

#: Longest path that a system takes, in characters.
_MAX_PATH = 4096


def _is_path(value: Any) -> bool:
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_PATH or "\0" in value:
        return False
    try:
        os.fsencode(value)
    except UnicodeEncodeError:
        return False
    return True


def _is_unicode(value: Any) -> bool:
    return isinstance(value, str) and why_unfit(value) is None


PATH = kind_of("a path", _is_path)
WORD = kind_of("a string", lambda value: _is_unicode(value) and len(value) <= _MAX_PATH)
INTEGER = kind_of("a whole number", lambda value: type(value) is int and abs(value) < 1 << 63)
PORT = kind_of("a port from 0 to 65535", lambda value: type(value) is int and 0 <= value < 1 << 16)
SECONDS = kind_of("seconds from 0 on", lambda value: type(value) in (int, float) and 0 <= value <= 1e9)
CALLABLE = kind_of("something to call", callable)


def _source_faults(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, str | os.PathLike):
        yield from PATH(value, path)


#: A source of rows: a path, or anything else, which the readers check.
SOURCE: Shape = _source_faults


def instance(*types: type, what: str = "") -> Shape:
    """An instance of one of `types`; `what` is how messages call it."""
    named = what or " or ".join(f"a {one.__name__}" for one in types)
    return kind_of(named, lambda value: isinstance(value, types))


def either(*shapes: Shape) -> Shape:
    """What fits one of `shapes`; the first one says what is wrong."""

    def shape(value: Any, path: str) -> Iterator[str]:
        if all(next(one(value, path), None) is not None for one in shapes[1:]):
            yield from shapes[0](value, path)

    return shape


def document(value: Any, path: str) -> Iterator[str]:
    """A dict of JSON values with texts as keys, of bounded depth."""
    where = f"{path}: " if path else ""
    if not isinstance(value, Mapping):
        yield f"{where}expected a dict, got {shorten(value, 60)}"
        return
    if (why := why_unfit(value, keys=True)) is not None:
        yield where + why


def takes(**shapes: Shape) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A decorator: the arguments that are named must have these shapes; a default is fine as it is.

    The function then raises UsageError for a value of another type.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        name = function.__qualname__.removesuffix(".__init__")
        parameters = inspect.signature(function).parameters.values()
        defaults = {one.name: one.default for one in parameters}
        in_order = [one.name for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD]
        rest = next((one.name for one in parameters if one.kind is one.VAR_POSITIONAL), None)

        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> T:
            if rest is None and len(args) > len(in_order):
                return function(*args, **kwargs)  # raises TypeError
            given = {**dict(zip(in_order, args, strict=False)), **kwargs}
            if rest is not None:
                given[rest] = args[len(in_order) :]
            for key, value in given.items():
                shape = shapes.get(key)
                if shape is not None and value is not defaults.get(key, inspect.Parameter.empty):
                    fault = next(shape(value, key), None)
                    if fault is not None:
                        raise UsageError(f"{name}: {fault}.")
            return function(*args, **kwargs)

        checked.argument_shapes = shapes  # type: ignore[attr-defined]
        return checked

    return decorate


__all__ = [
    "CALLABLE", "COUNT", "FILLED", "FLAG", "INTEGER", "NUMBER", "PATH", "PORT", "SECONDS", "SOURCE", "TEXT", "WORD",
    "document", "either", "instance", "nullable", "one_of", "takes",
]  # fmt: skip
