"""Parts of JSON as text, a column at a time with Arrow: escapes, numbers, dates, date-times (RFC 8259)."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def escape(column: pa.Array) -> pa.Array:
    odd = pc.match_substring_regex(column, r'["\\\x00-\x1f]').fill_null(False)
    if not odd.true_count:
        return column
    texts = [json.dumps(text, ensure_ascii=False)[1:-1] for text in column.filter(odd).to_pylist()]
    return pc.replace_with_mask(column, odd, pa.array(texts, pa.string()))


def printed_otherwise(texts: pa.Array, whole: bool) -> np.ndarray[Any, np.dtype[np.int64]]:
    if whole:
        return np.arange(len(texts))
    plain = pc.match_substring_regex(texts, r"^-?(?:0\.[1-9]|[1-9][0-9]{0,7}\.)[0-9]*$")
    plain = pc.and_(plain, pc.match_substring_regex(texts, r"^.{1,15}[1-9]$"))
    return np.flatnonzero(pc.invert(plain).fill_null(False))


def print_times(millis: pa.Array) -> pa.Array:
    texts = millis.cast(pa.timestamp("ms")).cast(pa.string())
    whole = pc.replace_substring(pc.replace_substring(texts, " ", "T"), ".000", "")
    return pc.binary_join_element_wise(whole, "Z", "")
