"""Regular expressions (Java's, as far as Python has the same)."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from ..catalogue import Context, function, text


@function(
    "extract_regex(text, regex)",
    "The first match: the whole, then its groups.",
    'extract_regex("E259,E259B_009,1_1", "([^,]+),[^,]*,([^,]+)")',
    ["E259,E259B_009,1_1", "E259", "1_1"],
    category="regex",
    result=pa.list_(pa.string()),
)
def extract_regex(ctx: Context, value: Any, regex: Any) -> list[str | None] | None:
    if value is None:
        return None
    match = ctx.regex(regex).search(text(value))
    if match is None:
        return None if ctx.options.no_match == "null" else []
    return [match[0], *match.groups()]


@function(
    "matches_regex(text, regex)",
    "Whether the whole text matches.",
    'matches_regex("E259,E259B_009,1_1", "([^,]+),[^,]*,([^,]+)")',
    True,
    category="regex",
    result=pa.bool_(),
)
def matches_regex(ctx: Context, value: Any, regex: Any) -> bool | None:
    if value is None:
        return None
    found = ctx.regex(regex)
    test = found.fullmatch if ctx.options.matches == "whole" else found.search
    return test(text(value)) is not None
