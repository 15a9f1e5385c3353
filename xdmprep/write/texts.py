"""The JSON texts of scalar columns: numbers, dates, date-times, and what strings must escape (RFC 8259)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import kernels
from ..errors import OutputError
from ..kernels.json_texts import print_dates


def quoted(kind: pa.DataType) -> bool:
    """Whether JSON prints values of an Arrow type between quotes."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
        or pa.types.is_date(kind) or pa.types.is_timestamp(kind)
    )  # fmt: skip


def plain_texts(column: pa.Array) -> pa.Array:
    """The texts of a scalar column as JSON would print its values, without quotes and escapes."""
    if isinstance(column, pa.DictionaryArray):
        column = column.dictionary_decode()
    if pa.types.is_boolean(column.type) or (quoted(column.type) and not pa.types.is_temporal(column.type)):
        return column.cast(pa.string())
    return scalar_texts(column.type)(column)


def escape_all(column: pa.Array) -> pa.Array:
    """`column` with its texts escaped."""
    texts, others = kernels.active.escape(column)
    if others is None:
        return texts
    mask = np.zeros(len(column), bool)
    mask[others[0]] = True
    return pc.replace_with_mask(texts, pa.array(mask), others[1].filter(others[1].is_valid()))


def _integers(column: pa.Array) -> pa.Array:
    return column.cast(pa.string())


def _doubles(column: pa.Array) -> pa.Array:
    numbers = column.cast(pa.float64())
    values = numbers.fill_null(0.0).to_numpy(zero_copy_only=False)
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise OutputError(
            f"a number that JSON does not have ({values[row]}) at position {row} of a chunk. "
            "Give a schema, so that such rows are set aside, or replace the value in the mapping."
        )
    texts = numbers.cast(pa.string())
    zeros = values == 0.0
    if zeros.any() and np.signbit(values[zeros]).any():
        texts = pc.if_else(pa.array(zeros & np.signbit(values)), "-0.0", texts)
    return texts


def _date_times(column: pa.Array) -> pa.Array:
    millis = column.cast(pa.timestamp("ms", "UTC"), safe=False).cast(pa.int64())
    if millis.null_count == len(millis):
        return pa.nulls(len(millis), pa.string())
    return kernels.active.print_times(millis)


def scalar_texts(kind: pa.DataType) -> Callable[[pa.Array], pa.Array]:
    """What prints the values of a scalar type, without quotes and escapes."""
    types = pa.types
    if types.is_integer(kind) or types.is_decimal(kind):
        return _integers
    if types.is_floating(kind):
        return _doubles
    if types.is_date(kind):
        return print_dates
    if types.is_timestamp(kind):
        return _date_times
    if types.is_null(kind):
        return _integers
    raise OutputError(f"Arrow type {kind} has no JSON form here. Convert the column in the mapping.")
