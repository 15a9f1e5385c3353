"""String functions and regular expressions.

A null input gives null, save where the documents name null among the inputs.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from ..catalogue import Context, function, text
from ..values import text_of

STRING, TEXTS = pa.string(), pa.list_(pa.string())
_BLANKS = " \t\n\r\f\v\x00\x1c\x1d\x1e\x1f"


@function("concat(text, ...)", "The arguments joined to one text; nulls are left out.", 'concat("a", "-", 5)', "a-5",
          category="string", result=STRING)  # fmt: skip
def concat(ctx: Context, *parts: Any) -> str | None:
    reading = ctx.options.concat_null
    if reading == "null" and None in parts:
        return None
    return "".join(text_of(part) for part in parts if part is not None or reading == "text")


@function("lower(text)", "The text in lower case.", 'lower("HeLLo")', "hello",
          category="string", result=STRING, aliases=("lcase",))  # fmt: skip
def lower(ctx: Context, value: Any) -> str | None:
    return None if value is None else text(value).lower()


@function("upper(text)", "The text in upper case.", 'upper("HeLLo")', "HELLO",
          category="string", result=STRING, aliases=("ucase",))  # fmt: skip
def upper(ctx: Context, value: Any) -> str | None:
    return None if value is None else text(value).upper()


@function("trim(text)", "The text without white space at both ends.", 'trim(" hello ")', "hello",
          category="string", result=STRING)  # fmt: skip
def trim(ctx: Context, value: Any) -> str | None:
    return None if value is None else text(value).strip()


@function("ltrim(text)", "The text without white space at the start.", 'ltrim(" hello")', "hello",
          category="string", result=STRING)  # fmt: skip
def ltrim(ctx: Context, value: Any) -> str | None:
    return None if value is None else text(value).lstrip()


@function("rtrim(text)", "The text without white space at the end.", 'rtrim("hello ")', "hello",
          category="string", result=STRING)  # fmt: skip
def rtrim(ctx: Context, value: Any) -> str | None:
    return None if value is None else text(value).rstrip()
