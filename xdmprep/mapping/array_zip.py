"""Parallel copies between arrays: ``emails[*].address`` to ``personalEmails[*].address``.

All mappings whose destinations share the path up to their first ``[*]`` make one column, a list.  The n-th elements of
the sources make the n-th element; where a source has fewer elements, its fields are absent from the rest.  A constant
goes into every element.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from ..core.paths import EVERY, Path
from ..core.shred import Leaf, all_null, conform, nest, plain, valid
from ..kernels.arrays import list_parts, side_by_side
from ..language.shapes import only_where
from .nested import fields_on

_Ints = np.ndarray[Any, np.dtype[np.int32]]
#: Offsets from 0, and the flat values.
Lists: TypeAlias = tuple[_Ints, pa.Array]


def zipped(parts: Sequence[tuple[Path, Lists | pa.Scalar]], kind: pa.DataType, by_id: bool = False) -> pa.Array:
    """A list array of `kind` from lists and constants, each with the path inside the element that it goes to.

    Elements where all values are null are left out; `by_id` leaves out those without an ``id`` too.
    """
    offsets, columns = _side_by_side([part for _, part in parts if not isinstance(part, pa.Scalar)])
    stretched = iter(columns)
    inside: dict[Path, list[tuple[Path, Lists | pa.Scalar]]] = {}
    arrays: dict[Path, pa.Array] = {}
    for rest, part in parts:
        values = part if isinstance(part, pa.Scalar) else next(stretched)
        if not rest:
            return _list_of(conform(plain(values), kind.value_type), offsets, kind)
        if EVERY in rest:
            at = rest.index(EVERY)
            below = values if isinstance(values, pa.Scalar) else list_parts(values)
            inside.setdefault(rest[:at], []).append((rest[at + 1 :], below))
        else:
            arrays[rest] = pa.repeat(values, int(offsets[-1])) if isinstance(values, pa.Scalar) else values
    for prefix, more in inside.items():
        if not all(isinstance(part, pa.Scalar) for _, part in more):
            arrays[prefix] = zipped(more, fields_on(kind.value_field, prefix)[-1].type)
    id_of = arrays.get(("id",), arrays.get(("xdm:id",)))
    if by_id and id_of is not None and id_of.null_count:
        arrays = {path: only_where(array, valid(id_of)) for path, array in arrays.items()}
    leaves = [Leaf(path, array.type) for path, array in arrays.items()]
    records = pa.RecordBatch.from_arrays(list(arrays.values()), [leaf.name for leaf in leaves])
    fields = list(kind.value_type)
    columns = nest(leaves, records, pa.schema(fields)).columns
    return _list_of(pa.StructArray.from_arrays(columns, fields=fields, mask=all_null(columns)), offsets, kind)


def _list_of(values: pa.Array, offsets: _Ints, kind: pa.DataType) -> pa.Array:
    """The lists of the elements that are there; null where none is."""
    if values.null_count:
        keep = valid(values)
        offsets = np.concatenate([[0], np.cumsum(keep)])[offsets].astype(np.int32)
        values = values.filter(pa.array(keep))
    return pa.ListArray.from_arrays(pa.array(offsets), values, type=kind, mask=pa.array(np.diff(offsets) == 0))


def _side_by_side(split: Sequence[Lists]) -> tuple[_Ints, list[pa.Array]]:
    """Common offsets, and each list's flat values stretched to them with nulls."""
    first = split[0][0]
    if all(offsets is first or np.array_equal(offsets, first) for offsets, _ in split):
        return first, [values for _, values in split]
    offsets, columns = side_by_side(split)
    return offsets, [values for values, _ in columns]
