"""Text functions over whole columns of plain strings."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..columns import BOOL, DOUBLE, LONG, TEXT, Mask, as_mask, bytes_of, nulls_of, plain, used_bytes, where
from ..values import text_of


def is_ascii(values: pa.Array) -> bool:
    """Whether no byte of any value is beyond 127."""
    data = used_bytes(values)
    return not len(data) or int(data.max()) < 128


def lower(values: pa.Array) -> pa.Array:
    """Lower case; beyond ASCII as Python has it."""
    return _cased(values, pc.ascii_lower, str.lower)


def upper(values: pa.Array) -> pa.Array:
    """Upper case; beyond ASCII as Python has it."""
    return _cased(values, pc.ascii_upper, str.upper)


def _cased(values: pa.Array, kernel: Callable[[pa.Array], pa.Array], exact: Callable[[str], str]) -> pa.Array:
    if is_ascii(values):
        return kernel(values)
    other = as_mask(pc.invert(pc.string_is_ascii(values)))
    return pc.replace_with_mask(kernel(values), pa.array(other), where(values, other, exact).filter(pa.array(other)))


_BLANKS = " \t\n\r\f\v"


def trimmed(values: pa.Array, left: bool, right: bool) -> pa.Array:
    """Without white space at the ends; values with unusual characters there as Python has it."""
    kernel = pc.ascii_trim if left and right else pc.ascii_ltrim if left else pc.ascii_rtrim
    exact = str.strip if left and right else str.lstrip if left else str.rstrip
    made = kernel(values, _BLANKS)
    offsets, data = bytes_of(made)
    if not len(data):
        return made
    odd = np.zeros(len(made), dtype=bool)
    filled = np.diff(offsets) > 0
    for at in ([offsets[:-1]] if left else []) + ([offsets[1:] - 1] if right else []):
        ends = data[np.where(filled, at, 0)]
        odd |= filled & ((ends < 0x21) | (ends > 0x7E))
    return where(made, odd, exact)


def as_text(values: pa.Array) -> pa.Array | None:
    """Scalars as text; None for types that only the interpreter prints."""
    kind = values.type
    if kind == TEXT or pa.types.is_dictionary(kind):
        return plain(values)
    if kind == LONG:
        return values.cast(TEXT)
    if kind == BOOL:
        return pc.if_else(values, "true", "false")
    if kind == DOUBLE:
        return pa.array([None if value is None else text_of(value) for value in values.to_pylist()], TEXT)
    return None


def digests(values: pa.Array, name: str) -> pa.Array:
    """Hexadecimal digests of the UTF-8 bytes."""
    offsets, data = bytes_of(values)
    raw = memoryview(data.data)
    at = offsets.tolist()
    if name == "crc32":
        found = [zlib.crc32(raw[a:b]).to_bytes(4, "little").hex() for a, b in pairwise(at)]
    else:
        make: Callable[..., Any] = getattr(hashlib, name)
        found = [make(raw[a:b], usedforsecurity=False).hexdigest() for a, b in pairwise(at)]
    return pa.array(found, TEXT, mask=nulls_of(values) if values.null_count else None)


def truth(values: pa.Array) -> Mask:
    """Which values hold as a condition; null does not."""
    kind = values.type
    if kind == BOOL:
        return as_mask(values)
    if kind in (LONG, DOUBLE):
        return as_mask(pc.not_equal(values, 0))
    words = plain(values)
    return as_mask(pc.and_(pc.not_equal(words, ""), pc.not_equal(words, "false")))
