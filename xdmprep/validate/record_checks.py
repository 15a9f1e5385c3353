"""The small functions that a schema for single records (:mod:`.record`) is compiled to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from ..regex import MatchTimeout
from ..schema.types import is_finite
from .conversion import convert
from .equality import hashable
from .fault import At, Check, Violation
from .wording import FALSE, UNDECIDED, code_of, wording

TOO_DEEP = Violation("unreadable", (), None, "the value is nested too deep to be checked", "Make it flatter.")


def never(value: Any, at: At, out: list[Violation]) -> None:
    """Fails for every value."""
    out.append(Violation("not", at, value, *FALSE))


def failing(fails: Callable[[Any], bool], code: str, message: str, hint: str) -> Check:
    """A check that fails where `fails` says so."""

    def check(value: Any, at: At, out: list[Violation]) -> None:
        if fails(value):
            out.append(Violation(code, at, value, message, hint))

    return check


def decide(check: Check, value: Any, at: At, out: list[Violation]) -> None:
    """Run a check; what cannot be decided, because a pattern takes too long or a value is too deep, is a fault."""
    try:
        check(value, at, out)
    except MatchTimeout as stopped:
        out.append(Violation("pattern", at, value, str(stopped), UNDECIDED))
    except RecursionError:
        out.append(TOO_DEEP._replace(at=at))


def deciding(check: Check) -> Check:
    """`check`, where what it cannot decide is a fault at its own place."""
    return lambda value, at, out: decide(check, value, at, out)


def bounded(fails: Callable[[Any, Any], bool], bound: Any) -> Callable[[Any], bool]:
    """`fails` with its second argument."""
    return lambda value: fails(value, bound)


def repeats(items: list[Any]) -> bool:
    """Whether a value is there twice."""
    return len({hashable(item) for item in items}) < len(items)


def among(keyword: str, node: Mapping[str, Any], skip_null: bool) -> Check:
    """A check against ``enum`` or ``const``."""
    listed = node["enum"] if keyword == "enum" else [node["const"]]
    keys = {hashable(value) for value in listed}
    if skip_null and None not in listed:  # a null is reported as such, once
        return failing(
            lambda value: value is not None and hashable(value) not in keys, keyword, *wording(keyword, node)
        )
    return failing(lambda value: hashable(value) not in keys, keyword, *wording(keyword, node))


def dispatch(texts: list[Check], numbers: list[Check], objects: list[Check], arrays: list[Check]) -> Check:
    """Checks by the JSON type of the value."""

    def check(value: Any, at: At, out: list[Violation]) -> None:
        if isinstance(value, str):
            checks = texts
        elif isinstance(value, Mapping):
            checks = objects
        elif isinstance(value, list):
            checks = arrays
        elif is_finite(value):
            checks = numbers
        else:
            return
        for one in checks:
            one(value, at, out)

    return check


class _Verdicts(threading.local):
    """Whether branches fit objects and arrays, while one value is checked.

    A definition that contains itself within ``oneOf`` asks for the same parts of a value again on every level, twice as
    often on each: without this, its depth would be the exponent of the work.
    """

    known: dict[tuple[int, int], bool] | None = None


_VERDICTS = _Verdicts()


def _fits(part: Check, value: Any, at: At, known: dict[tuple[int, int], bool]) -> bool:
    if not isinstance(value, dict | list):
        found: list[Violation] = []
        part(value, at, found)
        return not found
    key = (id(part), id(value))
    if key not in known:
        found = []
        part(value, at, found)
        known[key] = not found
    return known[key]


def combination(keyword: str, parts: list[Check], message: str, hint: str) -> Check:
    """A check of ``anyOf``, ``oneOf`` or ``not``."""
    code = code_of(keyword)

    def check(value: Any, at: At, out: list[Violation]) -> None:
        outermost = _VERDICTS.known is None
        known = {} if _VERDICTS.known is None else _VERDICTS.known
        _VERDICTS.known = known
        try:
            fitting = sum(_fits(part, value, at, known) for part in parts)
        finally:
            if outermost:
                _VERDICTS.known = None
        fine = fitting == 1 if keyword == "oneOf" else fitting == 0 if keyword == "not" else fitting > 0
        if not fine:
            out.append(Violation(code, at, value, message, hint))

    return check


def converting(node: Mapping[str, Any], checks: list[Check]) -> Check:
    """`checks` on what the platform's type conversion makes of a value."""

    def check(value: Any, at: At, out: list[Violation]) -> None:
        converted, final = convert(value, node)
        if final:
            return
        for one in checks:
            one(converted, at, out)

    return check
