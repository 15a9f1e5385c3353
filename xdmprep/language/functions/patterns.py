"""Regular expressions of Java."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from .. import matching
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
    found = matching.first(matching.compiled(regex), text(value))
    return ([] if ctx.options.no_match == "empty" else None) if found is None else found


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
    return matching.matches(matching.compiled(regex), text(value), ctx.options.matches == "part")
