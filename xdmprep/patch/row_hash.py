"""A 64-bit hash of each record, computed column by column: most unchanged records are recognised by it.

Two records of equal content have equal digests, however their columns are encoded and chunked, and wherever nulls,
empty objects and empty arrays stand for "nothing".  The reverse holds but for the chance of 64 bits: texts go through
the interpreter's own SipHash (one joined text a record), numbers through a mixer, lists and maps through sums of mixed
elements (of maps in any order).  A differing digest is only a hint: what changed is decided on the values themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..core.arrow_types import decimal_texts, plain_type, shown
from ..core.shred import plain, valid
from ..kernels.arrays import list_parts, map_parts, ranges, sums

Digests = np.ndarray[Any, np.dtype[np.uint64]]

_STEP = 0x9E3779B97F4A7C15
_BITS = (1 << 64) - 1
#: Between texts that are joined: a byte that UTF-8 never has, so that no two rows of texts join to the same bytes.
_BETWEEN = pa.scalar(b"\xff", pa.binary())


def text_digests(texts: pa.Array) -> Digests:
    """uint64 (n,): the digest of each text, 0 for null."""
    texts = plain(texts)
    data = texts.cast(pa.binary())
    made = _hashes(data.fill_null(b"") if data.null_count else data)
    if texts.null_count:
        made[~valid(texts)] = 0
    return made


def record_digests(columns: Sequence[pa.Array]) -> Digests:
    """uint64 (n,): the digest of each record; `columns` in the same order for all records to be compared."""
    total = np.zeros(len(columns[0]) if columns else 0, np.uint64)
    texts: list[pa.Array] = []
    for number, column in enumerate(columns):
        column = plain(column)
        if pa.types.is_string(column.type):
            there = valid(column)
            if not there.all():  # null and empty text join alike, so missing values are marked here
                total += np.where(there, np.uint64(0), _mix(np.full(1, number + 1, np.uint64), number)[0])
            texts.append(column.cast(pa.binary()))
        else:
            total += _part(column, number)
    if texts:
        joined = pc.binary_join_element_wise(*texts, _BETWEEN, null_handling="replace", null_replacement="")
        total += _mix(_hashes(joined), len(columns))
    return total


def _hashes(data: pa.Array) -> Digests:
    """The interpreter's hash of each element of a binary array without nulls."""
    made = np.fromiter(map(hash, data.to_numpy(zero_copy_only=False)), np.int64, len(data))
    return made.view(np.uint64)


def _mix(values: Digests, salt: int) -> Digests:
    """The finalizer of SplitMix64 over `values`, different for each `salt`."""
    mixed = values + np.uint64((salt + 1) * _STEP & _BITS)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def _part(column: pa.Array, salt: int) -> Digests:
    """What one column adds to its records: 0 where there is nothing."""
    values = _values(column)
    there = values != 0 if pa.types.is_nested(column.type) else valid(column)
    mixed = _mix(values, salt)
    if not there.all():
        mixed[~there] = 0
    return mixed


def _values(column: pa.Array) -> Digests:
    kind = column.type
    types = pa.types
    if types.is_nested(kind) and plain_type(kind) is None:
        return text_digests(shown(column))
    if types.is_string(kind) or types.is_dictionary(kind):
        return text_digests(column)
    if types.is_struct(kind):
        total = np.zeros(len(column), np.uint64)
        for number, child in enumerate(column.flatten()):
            total += _part(child, number)
        return total
    if types.is_list(kind):
        offsets, flat = list_parts(column)
        lengths = np.diff(offsets)
        place = ranges(np.zeros_like(lengths), lengths).astype(np.uint64)
        return sums(_mix(_part(flat, 0) + place * np.uint64(_STEP), 1), lengths)
    if types.is_map(kind):
        keys, items, lengths = map_parts(column)
        entries = _mix(text_digests(keys), 0) + _part(items, 1)
        return sums(_mix(entries, 2), lengths)
    if types.is_floating(kind):
        numbers = column.cast(pa.float64()).fill_null(0.0).to_numpy(zero_copy_only=False)
        return np.asarray(np.ascontiguousarray(numbers).view(np.uint64))
    if types.is_boolean(kind):
        bits = column.cast(pa.uint8()).fill_null(0).to_numpy(zero_copy_only=False)
        return np.asarray(bits, np.uint64)
    if types.is_decimal(kind):  # of rows that are mapped later, as what follows
        return text_digests(decimal_texts(column))
    if plain_type(kind) is None:
        return text_digests(shown(column))
    if types.is_uint64(kind):
        return np.ascontiguousarray(column.fill_null(0).to_numpy(zero_copy_only=False))
    if types.is_date32(kind):
        column = column.cast(pa.int32())
    whole = column.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    return np.ascontiguousarray(whole).view(np.uint64)
