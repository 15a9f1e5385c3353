"""Records as a mapping makes them: a chunk with a column for each leaf."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from xdmprep.core.shred import Leaf
from xdmprep.core.stream import Chunk


def _cells(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(value, dict | list):
        for step, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _cells(inner, (*path, step))
    else:
        yield path, value


def shredded(*records: dict[str, Any], dictionary: bool = False) -> Chunk:
    """Records as one chunk of leaves, strings as dictionaries if asked for; what a record does not have is null."""
    rows = [dict(_cells(record)) for record in records]
    arrays = {path: pa.array([row.get(path) for row in rows]) for path in dict.fromkeys(p for row in rows for p in row)}
    leaves = tuple(Leaf(path, array.type, "SOURCE") for path, array in arrays.items())
    columns = [one.dictionary_encode() if dictionary and one.type == pa.string() else one for one in arrays.values()]
    names = [str(number) for number in range(len(columns))]
    return Chunk(leaves, pa.RecordBatch.from_arrays(columns, names=names), np.arange(1, len(rows) + 1))
