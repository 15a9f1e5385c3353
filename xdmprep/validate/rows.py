"""Python objects as records to be checked, each exactly as it is: nothing is made of one type first."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa

from ..core.ndjson.parser import TEXT_LEAVES, TEXT_SCHEMA, JsonChunk
from ..core.stream import Stream, Unread
from ..errors import SourceError

#: Records of a piece.
PIECE_ROWS = 2_000


def open_rows(rows: Iterable[Any], as_json: Callable[[Any], Any], name: str = "data") -> Stream:
    """Records in memory as a stream to be checked.

    Args:
        rows: dicts; of a generator each is looked at once.
        as_json: makes JSON values of Python's: dates become texts, and so on.
        name: what messages call them.

    Raises:
        SourceError: while it is read: a generator is read a second time.
    """
    unread = [rows]

    def pieces() -> Iterator[list[Any]]:
        if not unread:
            raise SourceError(f"{name}: a generator can be read only once. Make a list of it first.")
        given = iter(rows if isinstance(rows, list | tuple) else unread.pop())
        while piece := list(islice(given, PIECE_ROWS)):
            yield piece

    def chunk(piece: list[Any]) -> JsonChunk:
        values: list[Any] = []
        texts: list[str] = []
        numbers: list[int] = []
        unread: list[Unread] = []
        for number, row in enumerate(piece, 1):
            try:
                value = as_json(row)
                text = json.dumps(value, default=str).encode("utf-8", "replace").decode()
            except (RecursionError, ValueError):  # json refuses a value that contains itself
                unread.append(Unread(number, None, "", "unreadable", "the row is nested too deep, or contains itself"))
                continue
            values.append(value)
            texts.append(text)
            numbers.append(number)
        records = pa.RecordBatch.from_arrays([pa.array(texts, pa.string())], schema=TEXT_SCHEMA)
        rows = np.asarray(numbers, np.int64)
        others = tuple(enumerate(values))
        return JsonChunk(
            TEXT_LEAVES, records, rows, unread=tuple(unread), consumed=len(piece), others=others
        )  # fmt: skip

    return Stream(pieces, (chunk,), TEXT_LEAVES, TEXT_SCHEMA, name)
