"""Numbers and hashes for the texts of a column, with numpy and Arrow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from .arrays import sums, text_bytes, valid


def _weights(number: int) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """Odd numbers without a pattern: splitmix64 of 1, 2, 3 (numpy.random takes as long to import as all of this)."""
    mixed = np.arange(1, number + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed | np.uint64(1)


#: What the byte at each place of a text is multiplied with, so that the same bytes in another order differ.
HASH_WEIGHTS = _weights(1024)


def number_texts(array: pa.Array) -> tuple[np.ndarray[Any, np.dtype[np.int32]], int]:
    coded = array.dictionary_encode()
    if not coded.null_count:
        return coded.indices.to_numpy(), len(coded.dictionary)
    numbers = coded.indices.fill_null(0).to_numpy().astype(np.int64)
    null = ~valid(array)
    numbers[null] = len(coded.dictionary) + np.flatnonzero(null)
    coded = pa.array(numbers).dictionary_encode()
    return coded.indices.to_numpy(), len(coded.dictionary)


def order_groups(
    codes: np.ndarray[Any, np.dtype[np.int32]], count: int
) -> tuple[np.ndarray[Any, np.dtype[np.int32]] | None, np.ndarray[Any, np.dtype[np.int64]]]:
    if len(codes) and (codes.min() < 0 or codes.max() >= count):
        raise ValueError("a code that is not below the count")
    bounds = np.zeros(count + 1, dtype=np.int64)
    np.cumsum(np.bincount(codes, minlength=count), out=bounds[1:])
    if not np.any(codes[1:] < codes[:-1]):
        return None, bounds
    return np.argsort(codes, kind="stable").astype(np.int32), bounds


def hash_texts(array: pa.Array) -> np.ndarray[Any, np.dtype[np.uint64]]:
    if not len(array):
        return np.zeros(0, np.uint64)
    offsets, data = text_bytes(array.fill_null(""))
    bounds = offsets.astype(np.int64)
    if bounds[0] == bounds[-1]:
        return np.zeros(len(array), np.uint64)
    text = data[bounds[0] : bounds[-1]].astype(np.uint64)
    lengths = np.diff(bounds)
    place = np.arange(len(text)) - np.repeat(bounds[:-1] - bounds[0], lengths)
    weights = HASH_WEIGHTS[place & 1023] * (2 * (place >> 10) + 1).astype(np.uint64)
    return sums((text + np.uint64(1)) * weights, lengths)
