"""Fields that an object of the schema does not have: the one rule for what a conversion to it leaves out.

Names that types tell before the first row are for the author of the mappings (:func:`unknown_fields`).  Names that only
the values tell are findings (:func:`values_of_others`, :func:`values_of_other_keys`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..core.arrow_types import is_list
from ..core.paths import EVERY, Path
from ..core.shred import plain, valid
from ..kernels.arrays import map_parts
from ..language.shapes import is_hidden, kinds_of

#: More keys of maps than these in a chunk are one finding, which shows their names.
MOST_NAMES = 200
#: Where the values are that a name stands for, their 0-based positions, and the values.
Others = Iterator[tuple[Path, np.ndarray[Any, np.dtype[np.int64]], Any]]


def unknown_fields(kind: pa.DataType, target: pa.DataType, path: Path = ()) -> Iterator[Path]:
    """The fields in values of type `kind` that `target` does not have.

    Args:
        kind: an Arrow type, perhaps one with several kinds of values side by side.
        target: the Arrow type of the destination.
        path: where the destination is.

    Returns:
        The path of each field.
    """
    if pa.types.is_struct(kind) and (parts := kinds_of(kind)):
        for part in parts:
            yield from unknown_fields(part, target, path)
    elif is_list(kind) and is_list(target):
        yield from unknown_fields(kind.value_type, target.value_type, (*path, EVERY))
    elif pa.types.is_map(kind) and pa.types.is_map(target):
        yield from unknown_fields(kind.item_type, target.item_type, (*path, "{*}"))
    elif pa.types.is_map(kind) and pa.types.is_struct(target):
        for field in target:
            yield from unknown_fields(kind.item_type, field.type, (*path, field.name))
    elif pa.types.is_struct(kind) and (pa.types.is_struct(target) or pa.types.is_map(target)):
        for child in kind:
            if is_hidden(child.name):
                continue
            inner = target.item_type if pa.types.is_map(target) else None
            if pa.types.is_struct(target) and (at := target.get_field_index(child.name)) >= 0:
                inner = target.field(at).type
            if inner is None:
                yield (*path, child.name)
            else:
                yield from unknown_fields(child.type, inner, (*path, child.name))


def values_of_others(values: pa.Array, target: pa.DataType, noted: Collection[Path]) -> Others:
    """The values of an array of objects under names that neither `target` has nor are among `noted`."""
    for number, field in enumerate(values.type):
        name = field.name
        if target.get_field_index(name) >= 0 or is_hidden(name) or (name,) in noted:
            continue
        part = pc.struct_field(values, number)
        if len(rows := np.flatnonzero(valid(part))):
            yield (name,), rows, part.take(pa.array(rows))


def values_of_other_keys(values: pa.Array, target: pa.DataType) -> Others:
    """The values of an array of maps under keys that the objects of type `target` do not have."""
    keys, items, counts = map_parts(values)
    known = pa.array([field.name for field in target], keys.type)
    others = np.flatnonzero(~np.asarray(pc.is_in(keys, known)) & valid(items))
    if not len(others):
        return
    rows = np.repeat(np.arange(len(values)), counts)[others]
    names = plain(keys.take(pa.array(others))).cast(pa.string()).dictionary_encode()
    codes, items = names.indices.to_numpy(), items.take(pa.array(others))
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(min(len(names.dictionary), MOST_NAMES) + 1))
    for code, (start, end) in enumerate(pairwise(bounds)):
        some = order[start:end]
        yield (names.dictionary[code].as_py(),), rows[some], items.take(pa.array(some))
    if len(rest := np.sort(order[bounds[-1] :])):
        yield ("{*}",), rows[rest], names.take(pa.array(rest)).cast(pa.string())
