"""String functions.

A null text gives null; numbers, booleans and dates are taken as text; arrays and objects are refused.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from .. import matching
from ..catalogue import Context, function, text, whole
from ..values import Failed, kind_of, text_of

_TEXT: dict[str, Any] = {"category": "string", "result": pa.string()}
_TEXTS: dict[str, Any] = {"category": "string", "result": pa.list_(pa.string())}
_LONG: dict[str, Any] = {"category": "string", "result": pa.int64()}


@function(
    "concat(text, ...)", "The arguments joined to one text; nulls are left out.", 'concat("a", "-", 5)', "a-5", **_TEXT
)
def concat(ctx: Context, *parts: Any) -> str | None:
    reading = ctx.options.concat_null
    if reading == "null" and None in parts:
        return None
    return "".join(text_of(part) for part in parts if part is not None or reading == "text")


@function(
    "explode(text, [regex])",
    "The parts between matches of a regular expression (default: a comma), empty ones kept.",
    'explode("Hi, there!", " ")',
    ["Hi,", "there!"],
    **_TEXTS,
)
def explode(ctx: Context, value: Any, regex: Any = ",") -> list[str] | None:
    if value is None:
        return None
    whole_text = text(value)
    if regex is None:
        regex = ","
    if isinstance(regex, str) and len(regex) == 1 and regex not in ".^$*+?()[]{}|\\":
        return whole_text.split(regex)
    return matching.parts(matching.compiled(regex), whole_text, keep_empty=True)


@function(
    "instr(text, part, [start], [occurrence])",
    "The 0-based position of a part, from position `start` on; -1 if it is not there.",
    'instr("adobe.com", "com")',
    6,
    **_LONG,
)
def instr(ctx: Context, value: Any, part: Any, start: Any = 0, occurrence: Any = 1) -> int | None:
    if value is None or part is None:
        return None
    here, what = text(value), text(part)
    at = max(whole(start, "the start") if start is not None else 0, 0) - 1
    times = whole(occurrence, "the occurrence") if occurrence is not None else 1
    if times < 1:
        raise Failed("the occurrence counts from 1")
    for _ in range(times):
        at = here.find(what, at + 1)
        if at < 0:
            return None if ctx.options.not_found == "null" else -1
    return at


@function(
    "replacestr(text, find, replacement)",
    "The text with every hit of a literal part replaced.",
    'replacestr("This is a string re test", "re", "replace")',
    "This is a string replace test",
    **_TEXT,
)
def replacestr(ctx: Context, value: Any, find: Any, replacement: Any) -> str | None:
    if value is None:
        return None
    here = text(value)
    if find is None or find == "":
        return here
    most = -1 if ctx.options.replace == "all" else 1
    return here.replace(text(find), "" if replacement is None else text(replacement), most)


@function(
    "substr(text, start, [length])",
    "Part of the text; `start` counts from 0.",
    'substr("This is a substring test", 7, 8)',
    " a subst",
    **_TEXT,
)
def substr(ctx: Context, value: Any, start: Any, length: Any = None) -> str | None:
    if value is None:
        return None
    here, at = text(value), whole(start, "the start")
    n = len(here) - at if length is None else whole(length, "the length")
    if at < 0 or n < 0:
        if length is None and at >= 0 and ctx.options.overrun == "cut":
            return ""
        raise Failed("start and length are not negative")
    if at + n > len(here) and ctx.options.overrun == "error":
        raise Failed(f"{at} + {n} is beyond the end of {here[:80]!r}")
    return here[at : at + n]


@function("lower(text)", "The text in lower case.", 'lower("HeLLo")', "hello", aliases=("lcase",), **_TEXT)
def lower(ctx: Context, value: Any) -> str | None:
    return None if value is None else text(value).lower()


@function("upper(text)", "The text in upper case.", 'upper("HeLLo")', "HELLO", aliases=("ucase",), **_TEXT)
def upper(ctx: Context, value: Any) -> str | None:
    return None if value is None else text(value).upper()


@function(
    "split(text, [separators])",
    "The parts between separators, each character being one (default: white space); empty parts are left out.",
    'split("a-b_c", "-_")',
    ["a", "b", "c"],
    **_TEXTS,
)
def split(ctx: Context, value: Any, separators: Any = None) -> list[str] | None:
    if value is None:
        return None
    here = text(value)
    if separators is None:
        return here.split()
    marks = text(separators)
    if not marks:
        return [here] if here else []
    for other in marks[1:]:
        here = here.replace(other, marks[0])
    return [part for part in here.split(marks[0]) if part]


def joined(ctx: Context, separator: Any, items: list[Any]) -> str:
    """The elements with the separator between them."""
    reading = ctx.options.join_null
    if reading == "skip":
        items = [item for item in items if item is not None]
    texts = ["" if item is None and reading == "empty" else text_of(item) for item in items]
    return ("" if separator is None else text(separator)).join(texts)


@function(
    "join(separator, array, ...)",
    "The elements of an array joined to one text; the separator comes first.",
    'join(" ", to_array(true, "Hello", "world"))',
    "Hello world",
    **_TEXT,
)
def join(ctx: Context, separator: Any, *values: Any) -> str | None:
    if len(values) == 1:
        if values[0] is None:
            return None
        if not isinstance(values[0], list):
            return text(values[0])
        return joined(ctx, separator, values[0])
    return joined(ctx, separator, list(values))


def _padding(ctx: Context, value: Any, size: Any, pad: Any) -> tuple[str, str] | None:
    """The text, cut if need be, and its padding."""
    if value is None:
        return None
    here, n = text(value), whole(size, "the size")
    if n > 1_000_000:
        raise Failed(f"a size of {n} is too large")
    if len(here) > n and ctx.options.pad_long == "cut":
        here = here[: max(n, 0)]
    fill = " " if pad is None or pad == "" else text(pad)
    lacking = max(n - len(here), 0)
    return here, (fill * (lacking // len(fill) + 1))[:lacking]


@function(
    "lpad(text, size, pad)",
    "The text padded on the left; null or empty padding is a blank.",
    'lpad("bat", 8, "yz")',
    "yzyzybat",
    **_TEXT,
)
def lpad(ctx: Context, value: Any, size: Any, pad: Any) -> str | None:
    parts = _padding(ctx, value, size, pad)
    return None if parts is None else parts[1] + parts[0]


@function(
    "rpad(text, size, pad)",
    "The text padded on the right; null or empty padding is a blank.",
    'rpad("bat", 8, "yz")',
    "batyzyzy",
    **_TEXT,
)
def rpad(ctx: Context, value: Any, size: Any, pad: Any) -> str | None:
    parts = _padding(ctx, value, size, pad)
    return None if parts is None else parts[0] + parts[1]


def _count(ctx: Context, here: str, count: Any) -> int:
    n = whole(count, "the count")
    if n < 0:
        raise Failed("the count is not negative")
    if n > len(here) and ctx.options.overrun == "error":
        raise Failed(f"{here[:80]!r} has fewer than {n} characters")
    return n


@function("left(text, count)", "The first characters.", 'left("abcde", 2)', "ab", **_TEXT)
def left(ctx: Context, value: Any, count: Any) -> str | None:
    return None if value is None else text(value)[: _count(ctx, text(value), count)]


@function("right(text, count)", "The last characters.", 'right("abcde", 2)', "de", **_TEXT)
def right(ctx: Context, value: Any, count: Any) -> str | None:
    if value is None:
        return None
    here = text(value)
    return here[max(len(here) - _count(ctx, here, count), 0) :]


@function("ltrim(text)", "The text without white space at the start.", 'ltrim(" hello")', "hello", **_TEXT)
def ltrim(ctx: Context, value: Any) -> str | None:
    return None if value is None else text(value).lstrip()


@function("rtrim(text)", "The text without white space at the end.", 'rtrim("hello ")', "hello", **_TEXT)
def rtrim(ctx: Context, value: Any) -> str | None:
    return None if value is None else text(value).rstrip()


@function("trim(text)", "The text without white space at both ends.", 'trim(" hello ")', "hello", **_TEXT)
def trim(ctx: Context, value: Any) -> str | None:
    return None if value is None else text(value).strip()


def _same_text(left_value: Any, right_value: Any, fold: bool) -> bool:
    if left_value is None or right_value is None:
        return left_value is right_value
    if isinstance(left_value, list | dict) or isinstance(right_value, list | dict):
        raise Failed(
            f"a text is expected, not {kind_of(left_value if isinstance(left_value, list | dict) else right_value)}"
        )
    a, b = text(left_value), text(right_value)
    return a.casefold() == b.casefold() if fold else a == b


@function(
    "equals(text, other)",
    "Whether two texts are equal; also written text.equals(other).",
    '"string1".equals("STRING1")',
    False,
    category="string",
    result=pa.bool_(),
)
def equals(ctx: Context, value: Any, other: Any) -> bool:
    return _same_text(value, other, False)


@function(
    "equalsIgnoreCase(text, other)",
    "Whether two texts are equal but for letter case; also written text.equalsIgnoreCase(other).",
    '"string1".equalsIgnoreCase("STRING1")',
    True,
    category="string",
    result=pa.bool_(),
)
def equals_ignore_case(ctx: Context, value: Any, other: Any) -> bool:
    return _same_text(value, other, True)
