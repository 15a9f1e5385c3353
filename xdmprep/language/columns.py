"""Columns between kernels: values, and the rows that a kernel left open.

A kernel evaluates the rows that it can evaluate exactly and leaves the others *open*.  The interpreter evaluates open
rows, once per distinct combination of inputs.  So kernels need not handle rare cases, and the property tests compare
the two ways of evaluation.

Between kernels a string is ``string`` or ``dictionary<int32, string>``, an integer ``int64``, a number with a fraction
``double``, or the text of its digits where these count (:data:`NUMERAL`), a date ``timestamp[us, UTC]``; of dates in
other zones the zone is beside it (:data:`ZONED`), of finer dates the nanoseconds as well (:data:`FINE`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..core.arrow_types import holds, plain_column, plain_type
from ..core.arrow_types import plain as plain
from ..core.shred import encoded
from ..kernels.arrays import valid
from .values import Failed, shortened

Mask = np.ndarray[Any, np.dtype[np.bool_]]
Ints = np.ndarray[Any, Any]

TEXT, LONG, DOUBLE, BOOL = pa.string(), pa.int64(), pa.float64(), pa.bool_()
MOMENT = pa.timestamp("us", "UTC")
#: A moment and the number of its zone (see :mod:`xdmprep.language.zones`).
ZONED = pa.struct([("\0@", MOMENT), ("\0z", pa.int32())])
#: The same with the nanoseconds that a moment does not hold; rows of it are left to the interpreter.
FINE = pa.struct([*ZONED, ("\0n", pa.int16())])
#: Exact numbers as they are written: decimals of the source, and integers beyond 64 bits.
NUMERAL = pa.struct([("\0#", TEXT)])
#: Values of which the type is not known before the first row.
UNKNOWN = pa.struct([("\0?", pa.null())])
NUMBERS = (LONG, DOUBLE)
EXACT = 2**53
NEVER = re.compile(r"\b\B")  # matches nothing


class Column:
    """`values` as long as the batch; `open` is True where they are still to be found (None: nowhere).

    Where it is known already that an open row fails, `why` says so (a string or null for each row; None: nowhere).
    """

    __slots__ = ("open", "values", "why")

    def __init__(self, values: Any, open: Mask | None = None, why: pa.Array | None = None) -> None:
        self.values, self.open, self.why = values, open, why


def source_type(kind: pa.DataType) -> pa.DataType:
    """The type in which the language reads a source column: the plain type, but dates and times as they are."""
    is_time = pa.types.is_date(kind) or pa.types.is_timestamp(kind)
    return kind if is_time or kind == NUMERAL else plain_type(kind) or kind


def source_column(values: pa.Array) -> pa.Array:
    """A source column in its :func:`source_type`, strings perhaps in a dictionary; what no record can hold is null."""
    kind = values.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        unfit = plain_column(values)[1]
        return pc.if_else(pa.array(marked(len(values), unfit[0].rows)), None, values) if unfit else values
    return values if kind == source_type(kind) and not holds(kind, pa.types.is_floating) else plain_column(values)[0]


def merged(*masks: Mask | None) -> Mask | None:
    """Open where any is."""
    out: Mask | None = None
    for mask in masks:
        if mask is not None:
            out = mask if out is None else out | mask
    return out


def first_reasons(columns: Sequence[Column], n: int) -> pa.Array | None:
    """Why rows fail: the first of the columns that is open there says it; None for nowhere."""
    if all(column.why is None for column in columns):
        return None
    why, seen = pa.nulls(n, TEXT), np.zeros(n, dtype=bool)
    for column in columns:
        if column.open is not None:
            if column.why is not None:
                why = pc.if_else(pa.array(column.open & ~seen), column.why, why)
            seen = seen | column.open
    return why


def reported(text: pa.Array, found: Column, *reasons: tuple[re.Pattern[str], str]) -> Column:
    """`found` with why its open strings fail.

    Args:
        text: what was read.
        found: what was found.
        reasons: a string that an expression does not match as a whole fails; the message quotes it, with this behind.
    """
    if found.open is None:
        return found
    words = text.filter(pa.array(found.open))
    why = pa.nulls(len(words), TEXT)
    for expression, ending in reasons:
        misfit = pa.array(nulls_of(why) & ~_fits(words, expression))
        why = pc.replace_with_mask(why, misfit, _quoted(words.filter(misfit), ending))
    return Column(found.values, found.open, patched(pa.nulls(len(text), TEXT), found.open, why))


def _fits(words: pa.Array, expression: re.Pattern[str]) -> Mask:
    """Which strings an expression matches as a whole: RE2 decides of those of ASCII."""
    wide = re.sub(r"([?}])\+", r"\1", expression.pattern)  # RE2 may give back what it took: it matches more
    try:
        fits = as_mask(pc.match_substring_regex(words, rf"\A(?:{wide})\z"))
        odd = ~as_mask(pc.string_is_ascii(words).fill_null(True)) | (fits & (wide != expression.pattern))
    except pa.ArrowInvalid:  # RE2 cannot say it
        fits = odd = ~nulls_of(words)
    if odd.any():
        found, which = each_distinct(words.filter(pa.array(odd)), expression.fullmatch)
        fits[odd] = np.array([match is not None for match in found], dtype=bool)[which]
    return fits


def _quoted(words: pa.Array, ending: str) -> pa.Array:
    """Messages that quote strings, as Python does."""
    heads = pc.utf8_slice_codeunits(words, 0, 80)
    odd = as_mask(pc.match_substring_regex(heads, r"[^ -&(-\[\]-~]")) | (len(ending) > 400)
    told = pc.binary_join_element_wise("'", heads, f"' {ending}", "")
    return pc.replace_with_mask(
        told, pa.array(odd), where(heads, odd, lambda word: shortened(f"{word!r} {ending}")).filter(pa.array(odd))
    )


def because(found: Column, *reasons: tuple[Mask, pa.Array | str | None]) -> Column:
    """`found` with why open rows fail: the first reason that holds for a row, of all rows, of each row, or none."""
    if found.open is None:
        return found
    why = pa.nulls(len(found.open), TEXT) if found.why is None else found.why
    for rows, reason in reasons:
        if reason is None:
            continue
        here = pa.array(rows & found.open & nulls_of(why))
        why = pc.replace_with_mask(why, here, reason.filter(here) if isinstance(reason, pa.Array) else reason)
    return Column(found.values, found.open, why)


def marked(n: int, rows: Any) -> Mask:
    """True in some of `n` rows: in those of a mask or of numbers; nowhere for None."""
    made = np.zeros(n, dtype=bool)
    if rows is not None:
        made[rows] = True
    return made


def some(mask: Mask | None) -> Mask | None:
    """`mask`, or None where nothing is set."""
    return mask if mask is not None and mask.any() else None


def as_mask(values: pa.Array) -> Mask:
    """A boolean array as numpy, null as False."""
    if values.null_count:
        values = pc.fill_null(values, False)
    found: Mask = values.to_numpy(zero_copy_only=False)
    return found


def numpy_of(values: pa.Array) -> Ints:
    """Numbers as numpy, null as 0; of moments their microseconds."""
    numbers: Ints = (values.view(LONG) if values.type == MOMENT else values).fill_null(0).to_numpy(zero_copy_only=False)
    return numbers


def nulls_of(values: pa.Array) -> Mask:
    """True where `values` is null."""
    return ~valid(values)


def bytes_of(values: pa.Array) -> tuple[Ints, Ints]:
    """(offsets, bytes) of a string array; the bytes of value i are ``bytes[offsets[i]:offsets[i + 1]]``."""
    _, offsets, data = values.buffers()
    n = len(values)
    if not n or offsets is None:
        return np.zeros(n + 1, dtype=np.int32), np.zeros(0, dtype=np.uint8)
    at = np.frombuffer(offsets, dtype=np.int32, count=n + 1, offset=values.offset * 4)
    return at, np.zeros(0, dtype=np.uint8) if data is None else np.frombuffer(data, dtype=np.uint8)


def without(values: pa.Array, rows: Ints) -> pa.Array:
    """A string array with nulls in some rows; the strings are not copied."""
    there = ~nulls_of(values)
    there[rows] = False
    offsets, data = bytes_of(values)
    bitmap = pa.py_buffer(np.packbits(there, bitorder="little"))
    return pa.Array.from_buffers(values.type, len(values), [bitmap, pa.py_buffer(offsets), pa.py_buffer(data)])


def used_bytes(values: pa.Array) -> Ints:
    """The bytes of all values of a string array."""
    at, data = bytes_of(values)
    return data[at[0] : at[-1]]


def each_distinct(values: pa.Array, change: Callable[[Any], Any]) -> tuple[list[Any], Ints]:
    """``change(value)`` once for each distinct value, None where it fails or is null; and which result each row has."""
    words = values.dictionary_encode(null_encoding="encode")
    found: list[Any] = []
    for value in words.dictionary.to_pylist():
        try:
            found.append(None if value is None else change(value))
        except Failed:
            found.append(None)
    return found, words.indices.to_numpy(zero_copy_only=False)


def where(values: pa.Array, mask: Mask, change: Callable[[Any], Any]) -> pa.Array:
    """`values` with ``change(value)`` where `mask` is True, once per distinct value."""
    if not mask.any():
        return values
    chosen = pa.array(mask)
    found, which = each_distinct(values.filter(chosen), change)
    return pc.replace_with_mask(values, chosen, pa.array(found, values.type).take(pa.array(which)))


def patched(values: pa.Array, mask: Mask, new: pa.Array) -> pa.Array:
    """`values` with `new` (one for each True) where `mask` is True; any type."""
    if pa.types.is_nested(values.type) or pa.types.is_dictionary(values.type):
        values = plain(values)
        at = np.arange(len(values), dtype=np.int64)
        at[mask] = len(values) + np.arange(len(new))
        new = new if new.type == values.type else new.cast(values.type)  # Arrow's cast of list<null> to itself is wrong
        return pa.concat_arrays([values, new]).take(pa.array(at))
    return pc.replace_with_mask(values, pa.array(mask), new)


def distinct(columns: Sequence[pa.Array], n: int) -> tuple[list[pa.Array], pa.Array] | None:
    """The distinct rows as shorter columns, and which of them each row is; None where a column is nested."""
    if any(pa.types.is_nested(column.type) and column.type != NUMERAL for column in columns):
        return None
    if not columns or not n:
        return [column.slice(0, 0) for column in columns], pa.array(np.zeros(n, dtype=np.int64))
    parts = [_encoded(column) for column in columns]
    codes, count = parts[0][0], len(parts[0][1])
    if len(columns) == 1:
        return [parts[0][1]], pa.array(codes)
    for more, values in parts[1:]:
        codes = codes * len(values) + more
        count *= len(values)
        if count > 2**31:
            first, which = numbered(codes)
            codes, count = which.astype(np.int64), len(first)
    first, which = numbered(codes)
    return [values.take(pa.array(more[first])) for more, values in parts], pa.array(which)


def _encoded(column: pa.Array) -> tuple[Ints, pa.Array]:
    if pa.types.is_null(column.type):
        return np.zeros(len(column), dtype=np.int64), column.slice(0, 1)
    if column.type == NUMERAL:
        codes, words = _encoded(pc.struct_field(column, 0))
        mask = pa.array(nulls_of(words)) if words.null_count else None
        return codes, pa.StructArray.from_arrays([words], fields=list(NUMERAL), mask=mask)
    found = encoded(column, "encode")
    return found.indices.to_numpy(zero_copy_only=False).astype(np.int64), found.dictionary


def numbered(codes: Ints) -> tuple[Ints, Ints]:
    """The first row of every distinct code, in the order of their first rows; and which of them each row has."""
    words = pa.array(codes).dictionary_encode()
    which = words.indices.to_numpy(zero_copy_only=False)
    first = np.zeros(len(words.dictionary), dtype=np.int64)
    first[which[::-1]] = np.arange(len(codes))[::-1]
    return first, which
