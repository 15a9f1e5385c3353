"""Doubles that have lost the last digits of an id: no string of them is right, whatever makes it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ..core.arrow_types import has_lost_digits, holds, is_list
from ..core.paths import Path
from ..core.shred import array_at, plain, valid
from ..errors import MappingError
from ..kernels.arrays import list_parts, map_parts, offsets_of
from .nested import fields_on

_Mask = np.ndarray[Any, np.dtype[np.bool_]]
#: The first integer that a double may have been rounded to; ids have 39 digits at most (integers of 128 bits).
_EXACT, _LARGEST_ID = 2.0**53, 1e39


def without_digits(values: pa.Array) -> _Mask:
    """Which doubles are integers that doubles do not hold exactly, of no more digits than ids have."""
    numbers = np.abs(plain(values).fill_null(0).to_numpy(zero_copy_only=False).astype(np.float64))
    found: _Mask = (numbers >= _EXACT) & (numbers < _LARGEST_ID)
    return found  # every double of this size is an integer


def refuse_lost_digits(field: pa.Field) -> None:
    """Refuse to make text of a column of which all values have lost digits.

    Raises:
        MappingError: the field is marked so; with what to do.
    """
    if has_lost_digits(field):
        raise MappingError(
            f"the column '{field.name}' holds whole numbers beyond 2^53 as floats: the last digits are"
            f" lost. Read the column as strings, as with pd.read_csv(..., dtype={{{field.name!r}: str}})."
        )


def places_with_doubles(columns: pa.Schema, places: frozenset[Path]) -> tuple[Path, ...]:
    """Those of some places in the source where there are doubles, each as far as its column's type goes."""
    found = set()
    for name, *steps in places:
        at = columns.get_field_index(str(name))
        if at < 0:
            continue
        fields = fields_on(columns.field(at), steps)
        if holds(fields[-1].type, pa.types.is_floating):
            found.add((str(name), *steps[: len(fields) - 1]))
    return tuple(sorted(found, key=str))


def lost_rows(records: pa.RecordBatch, places: tuple[Path, ...]) -> tuple[_Mask, pa.Array] | None:
    """The rows in which a place has a double without its last digits, and one such double of each; None if none has."""
    rows = np.zeros(records.num_rows, dtype=bool)
    shown = np.zeros(records.num_rows)
    for name, *steps in places:
        lost, values = _lost(array_at(plain(records.column(str(name))), tuple(steps)))
        shown[lost & ~rows] = values[lost & ~rows]
        rows |= lost
    return (rows, pa.array(shown[rows])) if rows.any() else None


def _lost(array: pa.Array) -> tuple[_Mask, np.ndarray[Any, Any]]:
    """Where values are or hold a double without its last digits, and such a double."""
    kind, n = array.type, len(array)
    if pa.types.is_floating(kind):
        return without_digits(array), array.fill_null(0).to_numpy(zero_copy_only=False).astype(np.float64)
    rows, shown = np.zeros(n, dtype=bool), np.zeros(n)
    if pa.types.is_struct(kind):
        for part in array.flatten():
            lost, values = _lost(part)
            shown[lost], rows = values[lost], rows | lost
    elif is_list(kind) or pa.types.is_map(kind):
        if is_list(kind):
            offsets, items = list_parts(array)
        else:
            _, items, sizes = map_parts(array)
            offsets = offsets_of(sizes)
        lost, values = _lost(items)
        owners = np.searchsorted(offsets, np.flatnonzero(lost), side="right") - 1
        rows[owners], shown[owners] = True, values[lost]
    return rows & valid(array), shown
