"""Checks of the constants of an expression before the first row: calls that can never work, and likely mistakes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from ..errors import ExpressionError
from .catalogue import Context
from .evaluation import fold
from .functions import table
from .java_time_format import parts_of
from .options import Options
from .tree import Call, Constant, Node, children
from .values import Failed
from .zoned_datetime import Moment

_DAY = Moment(datetime(2000, 1, 31, tzinfo=UTC))
_LONG = "a" * 100_000
_HASH = ("a", "UTF-8")
_MAP: dict[str, Any] = {"a": 1}

#: Function -> arguments with which it works, and which of them are replaced by constants to see whether it still does.
_TRIALS: dict[str, tuple[tuple[Any, ...], tuple[int, ...]]] = {
    "extract_regex": (("a", "a"), (0, 1)),
    "matches_regex": (("a", "a"), (0, 1)),
    "explode": (("a", ","), (0, 1)),
    "split": (("a", ","), (0, 1)),
    "date": ((None, "yyyy", _DAY), (2,)),
    "format": ((_DAY, "yyyy"), (0, 1)),
    "dformat": ((0, "yyyy"), (0, 1)),
    "date_part": (("year", _DAY), (0, 1)),
    "set_date_part": (("year", 1, _DAY), (0, 1, 2)),
    "make_date_time": ((2000, 1, 1, 0, 0, 0, 0, "UTC"), (0, 1, 2, 3, 4, 5, 6, 7)),
    "zone_date_to_zone": ((_DAY, "UTC"), (0, 1)),
    **dict.fromkeys(("sha1", "sha256", "sha512", "md5", "crc32"), (_HASH, (0, 1))),
    "get_url_query_str": (("http://a/?b=c", "retain"), (1,)),
    "lpad": (("a", 1, " "), (0, 1, 2)),
    "rpad": (("a", 1, " "), (0, 1, 2)),
    "left": ((_LONG, 1), (1,)),
    "right": ((_LONG, 1), (1,)),
    "substr": ((_LONG, 0, 1), (1, 2)),
    "instr": (("a", "a", 0, 1), (0, 1, 2, 3)),
    "replacestr": (("a", "a", "b"), (0, 1, 2)),
    "str_to_object": (("a:1", ":", ","), (0, 1, 2)),
    "get_values": (("a:1", "a", ":", ","), (0, 1, 2, 3)),
    "map_get_values": ((_MAP, "a"), (0, 1)),
    "map_has_keys": ((_MAP, "a"), (0, 1)),
    "array_to_map": (([_MAP], "a"), (0, 1)),
    "array_to_string": (("-", ["a"]), (0, 1)),
    "join": (("-", ["a"]), (0, 1)),
    "add_to_array": (([], "a"), (0,)),
    "upsert_array_append": (([], []), (0,)),
    "upsert_array_replace": (([], []), (0,)),
    "iif": ((True, 1, 2), (0,)),
    **dict.fromkeys(("=~", "!~", ".matches", ".split"), (("a", "a"), (1,))),
    **dict.fromkeys((".replaceAll", ".replaceFirst"), (("a", "a", "b"), (1, 2))),
    ".substring": ((_LONG, 0, len(_LONG)), (1, 2)),
    ".charAt": ((_LONG, 0), (1,)),
    ".indexOf": ((_LONG, "a", 0), (2,)),
}
#: Function -> arguments that only mean something beside another one: they are tried where that is a constant too.
_BESIDE: dict[str, dict[int, int]] = {
    "set_date_part": {1: 0},
    ".replaceAll": {2: 1},
    ".replaceFirst": {2: 1},
}
#: Functions of keys and values in turn: arguments with which they work, and where in each turn a constant is tried.
_TURNS: dict[str, tuple[tuple[Any, ...], tuple[int, ...]]] = {
    "to_object": (("a", 1), (0,)),
    "to_map": (("a", 1), (0,)),
    "arrays_to_objects": (("a", [1]), (0, 1)),
    "join_arrays": (([],), (0,)),
    "add_to_map": ((_MAP,), (0,)),
}
_NONE = object()


def _attempt(work: Any, node: Node, text: str, what: str) -> None:
    try:
        work()
    except Failed as error:
        raise ExpressionError(f"{what}{error}", text, node.position) from None


def check_constants(node: Node, text: str, options: Options) -> None:
    """Checks the constant arguments of a call. Raises ExpressionError: one can never work; at its position."""
    if not isinstance(node, Call):
        return
    context = Context(options)
    if node.name == "date" and len(node.arguments) > 1:
        value = _constant(node.arguments[1], options)
        if value is not _NONE and value is not None:
            _attempt(lambda: context.pattern(value).check_reads(), node.arguments[1], text, "'date' can never work: ")
    if node.name in _TURNS:
        turn, tried = _TURNS[node.name]
        turns = range(0, len(node.arguments) - len(turn) + 1, len(turn))
        sample = tuple(f"key {at}" if isinstance(each, str) else each for at in turns for each in turn)
        places = tuple(at + place for at in turns for place in tried)
    elif node.name in _TRIALS:
        sample, places = _TRIALS[node.name]
    else:
        return
    run_it = table()[node.name].run
    assert run_it is not None  # noqa: S101  (the table is of functions that are available)
    given = {at: _constant(node.arguments[at], options) for at in places if at < len(node.arguments)}
    beside = _BESIDE.get(node.name, {})
    given = {
        at: value
        for at, value in given.items()
        if value is not _NONE and (at not in beside or given.get(beside[at], _NONE) is not _NONE)
    }
    what = f"'{node.name.removeprefix('.')}' can never work: "
    lazy = table()[node.name].lazy

    def attempt(some: dict[int, Any]) -> Any:
        arguments = [some.get(at, value) for at, value in enumerate(sample)]
        return run_it(context, *[(lambda each=each: each) if lazy else each for each in arguments])

    for at, value in given.items():
        some = {at: value} | ({beside[at]: given[beside[at]]} if at in beside else {})
        _attempt(lambda some=some: attempt(some), node.arguments[at], text, what)
    if len(given) > 1:
        _attempt(lambda: attempt(given), node, text, what)


def _constant(node: Node, options: Options) -> Any:
    """The value of a part that reads nothing from the row; `_NONE` for others and where it fails."""
    folded = fold(node, options)
    return folded.value if isinstance(folded, Constant) else _NONE


# --- likely mistakes -------------------------------------------------------------------------------------------------

_SIGNS = "|.*+?^$"


def likely_mistakes(node: Node, options: Options) -> Iterator[str]:
    """A sentence for each constant that is valid, but probably does not mean what its author thinks."""
    if isinstance(node, Call):
        if node.name in ("format", "dformat", "date") and len(node.arguments) > 1:
            pattern = _constant(node.arguments[1], options)
            if isinstance(pattern, str):
                for why in pattern_mistakes(pattern, node.name == "date", options):
                    yield f"'{node.name}' with {pattern!r}: {why}"
        elif node.name in ("explode", ".split") and len(node.arguments) > 1:
            yield from _separator(node.name.removeprefix("."), _constant(node.arguments[1], options))
    for child in children(node):
        yield from likely_mistakes(child, options)


def _separator(name: str, regex: Any) -> Iterator[str]:
    if isinstance(regex, str) and re.fullmatch(r"[^\w\\()\[\]{}]+", regex) and set(regex) & set(_SIGNS):
        plain = re.sub(r"([|.*+?^$])", r"\\\\\1", regex)
        yield (
            f"'{name}' takes a regular expression, in which {regex!r} does not mean itself. "
            f'Write "{plain}" to separate at the string.'
        )


def pattern_mistakes(pattern: str, reads: bool, options: Options) -> Iterator[str]:
    """What is probably not meant in a date pattern that reads (or prints) dates, as the end of a sentence each."""
    try:
        order = [part.letter for part in parts_of(pattern) if part.letter]
    except Failed:
        return
    names, pairs = set(order), set(pairwise(order))
    clock = bool(names & set("HhKk"))
    dated = names & set("yuYdD")
    if "m" in names and dated and not clock:
        yield "m is the minute; the month is M." if "M" not in names else "m is the minute, and there is no hour."
    elif any(_stands_for_month(order, at) for at, letter in enumerate(order) if letter == "m"):
        yield "m is the minute; the month is M."
    if any((before, "M") in pairs for before in "HhKk") or pairs & {("M", "s"), ("s", "M")}:
        yield "M is the month; the minute is m."
    if "d" in names and names & set("yu") and not names & set("MmQDwW"):
        yield "d is the day of the month, and there is no month."
    if "Y" in names and not names & set("we"):
        yield "Y is the year of the week, which differs around New Year; the year is y."
    if "D" in names and names & set("ML"):
        yield "D is the day of the year; the day of the month is d."
    if names & set("hK") and "a" not in names:
        yield "h and K count to 12 and do not tell morning from afternoon without a; the hour of the day is H."
    if "a" in names and names & set("Hk") and not names & set("hK"):
        yield "H counts to 24, so a says nothing; the hour beside a is h."
    if "S" in names and "s" not in names and clock:
        yield "S is the fraction of a second; the second is s."
    if "n" in names and "S" not in names:
        yield "n counts nanoseconds; the fraction of a second is S."
    if names & set("W") and reads:
        yield "W is the week of the month, which does not say a day."
    if {"u", "y"} <= names and options.date_letters == "formatter":
        yield "u is the year here; the day of the week is E or e."
    if "w" in names and "Y" not in names:
        yield "w counts weeks of the week-based year Y, which differs from y around New Year."


def _stands_for_month(order: list[str], at: int) -> bool:
    """Whether the minute at this place is among letters of a date, and not after an hour or before a second."""
    before, after = order[at - 1 : at] or [""], order[at + 1 : at + 2] or [""]
    if (before[0] and before[0] in "HhKk") or after[0] == "s":
        return False
    return bool({before[0], after[0]} & set("yud"))
