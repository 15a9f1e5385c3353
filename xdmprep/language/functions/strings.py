"""String functions, regular expressions and hashes.

A null text gives null; numbers, booleans and dates are taken as text; arrays and objects are refused.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

import pyarrow as pa

from .. import matching
from ..catalogue import Context, function, text, whole
from ..values import Failed, folded, kind_of, text_of

_text = partial(function, category="string", nulls=(0,), result=pa.string())
_texts = partial(function, category="string", nulls=(0,), result=pa.list_(pa.string()))
_long = partial(function, category="string", result=pa.int64())
_test = partial(function, category="string", result=pa.bool_())


@_text("concat(text, ...)", "The arguments joined to one string; nulls are left out.", 'concat("a", "-", 5)', "a-5",
       nulls=())  # fmt: skip
def concat(ctx: Context, *parts: Any) -> str | None:
    reading = ctx.options.concat_null
    if reading == "null" and None in parts:
        return None
    return "".join(text_of(part) for part in parts if part is not None or reading == "text")


@_texts("explode(text, [regex])",
        "The parts between matches of a regular expression (default: a comma), empty ones kept.",
        'explode("Hi, there!", " ")', ["Hi,", "there!"])  # fmt: skip
def explode(ctx: Context, value: Any, regex: Any = ",") -> list[str]:
    whole_text = text(value)
    if regex is None:
        regex = ","
    if isinstance(regex, str) and len(regex) == 1 and regex not in ".^$*+?()[]{}|\\":
        return whole_text.split(regex)
    return matching.parts(matching.compiled(regex), whole_text, keep_empty=True)


@_long("instr(text, part, [start], [occurrence])",
       "The 0-based position of a part, from position `start` on; -1 if it is not there.", 'instr("adobe.com", "com")',
       6, nulls=(0, 1))  # fmt: skip
def instr(ctx: Context, value: Any, part: Any, start: Any = None, occurrence: Any = None) -> int | None:
    here, what = text(value), text(part)
    at = -1 if start is None else max(whole(start, "the start"), 0) - 1
    times = 1 if occurrence is None else whole(occurrence, "the occurrence")
    if times < 1:
        raise Failed("the occurrence counts from 1")
    for _ in range(times):
        at = here.find(what, at + 1)
        if at < 0:
            return None if ctx.options.not_found == "null" else -1
    return at


@_text("replacestr(text, find, replacement)", "The string with every hit of a literal part replaced.",
       'replacestr("This is a string re test", "re", "replace")', "This is a string replace test")  # fmt: skip
def replacestr(ctx: Context, value: Any, find: Any, replacement: Any) -> str:
    here = text(value)
    if find is None or find == "":
        return here
    most = -1 if ctx.options.replace == "all" else 1
    return here.replace(text(find), "" if replacement is None else text(replacement), most)


@_text("substr(text, start, [length])", "Part of the string; `start` counts from 0.",
       'substr("This is a substring test", 7, 8)', " a subst")  # fmt: skip
def substr(ctx: Context, value: Any, start: Any, length: Any = None) -> str:
    here, at = text(value), whole(start, "the start")
    n = len(here) - at if length is None else whole(length, "the length")
    if at < 0 or n < 0:
        if length is None and at >= 0 and ctx.options.overrun == "cut":
            return ""
        raise Failed("start and length are not negative")
    if at + n > len(here) and ctx.options.overrun == "error":
        raise Failed(f"{at} + {n} is beyond the end of {here[:80]!r}")
    return here[at : at + n]


def _changed(name: str, meaning: str, example: str, gives: str, change: Callable[[str], str], **more: Any) -> None:
    @_text(f"{name}(text)", meaning, f'{name}("{example}")', gives, **more)
    def run(ctx: Context, value: Any) -> str:
        return change(text(value))


_changed("lower", "The string in lower case.", "HeLLo", "hello", str.lower, aliases=("lcase",))
_changed("upper", "The string in upper case.", "HeLLo", "HELLO", str.upper, aliases=("ucase",))
_changed("ltrim", "The string without white space at the start.", " hello", "hello", str.lstrip)
_changed("rtrim", "The string without white space at the end.", "hello ", "hello", str.rstrip)
_changed("trim", "The string without white space at both ends.", " hello ", "hello", str.strip)


@_texts("split(text, [separators])",
        "The parts between separators, each character being one (default: white space); empty parts are left out.",
        'split("a-b_c", "-_")', ["a", "b", "c"])  # fmt: skip
def split(ctx: Context, value: Any, separators: Any = None) -> list[str]:
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


@_text("join(separator, array, ...)", "The elements of an array joined to one string; the separator comes first.",
       'join(" ", to_array(true, "Hello", "world"))', "Hello world", nulls=())  # fmt: skip
def join(ctx: Context, separator: Any, *values: Any) -> str | None:
    if len(values) == 1:
        if values[0] is None:
            return None
        if not isinstance(values[0], list):
            return text(values[0])
        return joined(ctx, separator, values[0])
    return joined(ctx, separator, list(values))


def _padded(name: str, side: str, gives: str) -> None:
    @_text(f"{name}(text, size, pad)", f"The string padded on the {side}; null or empty padding is a space.",
           f'{name}("bat", 8, "yz")', gives)  # fmt: skip
    def run(ctx: Context, value: Any, size: Any, pad: Any) -> str:
        here, n = text(value), whole(size, "the size")
        if n > 1_000_000:
            raise Failed(f"a size of {n} is too large")
        if len(here) > n and ctx.options.pad_long == "cut":
            here = here[: max(n, 0)]
        fill = " " if pad is None or pad == "" else text(pad)
        lacking = max(n - len(here), 0)
        padding = (fill * (lacking // len(fill) + 1))[:lacking]
        return padding + here if side == "left" else here + padding


_padded("lpad", "left", "yzyzybat")
_padded("rpad", "right", "batyzyzy")


def _count(ctx: Context, here: str, count: Any) -> int:
    n = whole(count, "the count")
    if n < 0:
        raise Failed("the count is not negative")
    if n > len(here) and ctx.options.overrun == "error":
        raise Failed(f"{here[:80]!r} has fewer than {n} characters")
    return n


@_text("left(text, count)", "The first characters.", 'left("abcde", 2)', "ab")
def left(ctx: Context, value: Any, count: Any) -> str:
    here = text(value)
    return here[: _count(ctx, here, count)]


@_text("right(text, count)", "The last characters.", 'right("abcde", 2)', "de")
def right(ctx: Context, value: Any, count: Any) -> str:
    here = text(value)
    return here[max(len(here) - _count(ctx, here, count), 0) :]


def _compared(name: str, what: str, gives: bool, fold: Callable[[str], str]) -> None:
    @_test(f"{name}(text, other)", f"Whether two strings are equal{what}; also written text.{name}(other).",
           f'"string1".{name}("STRING1")', gives)  # fmt: skip
    def run(ctx: Context, value: Any, other: Any) -> bool:
        if value is None or other is None:
            return value is other
        for each in (value, other):
            if isinstance(each, list | dict):
                raise Failed(f"a string is expected, not {kind_of(each)}")
        return fold(text(value)) == fold(text(other))


_compared("equals", "", False, str)
_compared("equalsIgnoreCase", " when letter case is ignored", True, folded)


# Regular expressions of Java


@function("extract_regex(text, regex)", "The first match: the whole, then its groups.",
          'extract_regex("E259,E259B_009,1_1", "([^,]+),[^,]*,([^,]+)")', ["E259,E259B_009,1_1", "E259", "1_1"],
          category="regex", nulls=(0,), result=pa.list_(pa.string()))  # fmt: skip
def extract_regex(ctx: Context, value: Any, regex: Any) -> list[str | None] | None:
    found = matching.first(matching.compiled(regex), text(value))
    return ([] if ctx.options.no_match == "empty" else None) if found is None else found


@function("matches_regex(text, regex)", "Whether the whole string matches.",
          'matches_regex("E259,E259B_009,1_1", "([^,]+),[^,]*,([^,]+)")', True,
          category="regex", nulls=(0,), result=pa.bool_())  # fmt: skip
def matches_regex(ctx: Context, value: Any, regex: Any) -> bool:
    return matching.matches(matching.compiled(regex), text(value), ctx.options.matches == "part")


# Hashes: lower-case hexadecimal digests of the encoded text; characters that a charset lacks become question marks

#: Python's names of the documented charsets; Java's UTF-16 begins with a big-endian byte order mark.
_CHARSETS = {
    "utf-8": "utf-8", "utf8": "utf-8", "utf-16": "utf-16-be", "utf-16be": "utf-16-be", "utf-16le": "utf-16-le",
    "iso-8859-1": "latin-1", "us-ascii": "ascii",
}  # fmt: skip


def encoded(value: Any, charset: Any) -> bytes:
    """The bytes of a string in a charset, by default UTF-8. Raises Failed: it is none of those documented."""
    name = "utf-8" if charset is None else text(charset).lower()
    if name not in _CHARSETS:
        raise Failed(f"{text_of(charset)!r} is not one of the charsets UTF-8, UTF-16, ISO-8859-1, US-ASCII")
    data = text(value).encode(_CHARSETS[name], "replace")
    return b"\xfe\xff" + data if name == "utf-16" else data


def _digest(name: str, meaning: str, digest: Callable[[bytes], str], example: str, gives: str) -> None:
    @function(f"{name}(text, [charset])", meaning, f'{name}("{example}")', gives, category="hash", nulls=(0,),
              result=pa.string())  # fmt: skip
    def run(ctx: Context, value: Any, charset: Any = None) -> str:
        return digest(encoded(value, charset))


def _secure(name: str) -> Callable[[bytes], str]:
    make: Callable[..., Any] = getattr(hashlib, name)
    return lambda data: str(make(data, usedforsecurity=False).hexdigest())


for _name, _gives in {
    "sha1": "c3599c11e47719df18a2448690840c5dfcce3c80",
    "sha256": "7330d2b39ca35eaf4cb95fc846c21ee6a39af698154a83a586ee270a0d372104",
    "sha512": "a3d7e45a0d9be5fd4e4b9a3b8c9c2163c21ef708bf11b4232bb21d2a8704ada2"
    "cdcd7b367dd0788a89a5c908cfe377aceb1072a7b386b7d4fd2ff68a8fd24d16",
    "md5": "d3b96ce8c9fb4e9bd0198d03ba6852c7",
}.items():
    _digest(_name, f"The {_name.upper()} digest of the string.", _secure(_name), "my text", _gives)
_digest(
    "crc32", "The CRC-32 of the string, its bytes in little-endian order.",
    lambda data: zlib.crc32(data).to_bytes(4, "little").hex(), "hello", "86a61036",
)  # fmt: skip
