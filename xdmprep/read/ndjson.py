"""NDJSON files as a source to map: one JSON object a line.

The columns' types come from the first lines (up to 8 MiB): text stays text, and what is sometimes one kind and
sometimes another is read as text.  Later lines that do not fit come as `Chunk.unread`, with their line number.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.json as arrow_json

from ..errors import SourceError, shorten
from ..flow import Chunk, Stream, Unread, row_chunk
from ..leaves import Leaf

SAMPLE_BYTES = 8 << 20
BLOCK_BYTES = 4 << 20


def read_ndjson(path: str | os.PathLike[str]) -> Stream:
    """The records of an NDJSON file, nested as they are.

    Raises:
        SourceError: the file is missing or empty, or its first line is no JSON object.
    """
    file = Path(path)
    try:
        with file.open("rb") as opened:
            sample = opened.read(SAMPLE_BYTES)
            if len(sample) == SAMPLE_BYTES:
                sample = sample[: sample.rfind(b"\n") + 1] or sample + opened.readline()
    except OSError as error:
        raise SourceError(f"{file}: {error.strerror or error}.") from None
    sample = sample.removeprefix(b"\xef\xbb\xbf")
    if sample.startswith(b"\x1f\x8b"):
        raise SourceError(f"{file}: is compressed (gzip). The platform takes plain files: unpack it first.")
    if sample.lstrip().startswith(b"["):
        raise SourceError(f"{file}: is one JSON array. Write one object a line instead.")
    schema = _schema(file, sample)
    leaves = tuple(Leaf((field.name,), field.type, field.name) for field in schema)
    steps = (partial(_parse, schema=schema, leaves=leaves),)
    return Stream(partial(_blocks, file), steps, leaves, schema, file.name, file.stat().st_size)


def _schema(file: Path, sample: bytes) -> pa.Schema:
    kind: Any = {}
    seen = False
    for number, line in enumerate(sample.splitlines(), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as error:
            if not seen:
                raise SourceError(f"{file} line {number}: is not JSON ({error}).") from None
            continue
        if isinstance(value, dict):
            kind = _joined(kind, _kind(value))
            seen = True
    if not seen:
        raise SourceError(f"{file}: has no JSON objects, one a line. Nothing was written.")
    struct = _arrow(kind)
    return pa.schema(list(struct))


def _kind(value: Any) -> Any:
    """A small description of a JSON value: dict of fields, one-element list of items, a name, or None."""
    if isinstance(value, dict):
        return {name: _kind(item) for name, item in value.items()}
    if isinstance(value, list):
        items: Any = None
        for item in value:
            items = _joined(items, _kind(item))
        return [items]
    if value is None:
        return None
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int" if -(2**63) <= value < 2**63 else "text"
    return "double" if isinstance(value, float) else "text"


def _joined(a: Any, b: Any) -> Any:
    if a is None or a == b:
        return b
    if b is None:
        return a
    if isinstance(a, dict) and isinstance(b, dict):
        return {name: _joined(a.get(name), b.get(name)) for name in {**a, **b}}
    if isinstance(a, list) and isinstance(b, list):
        return [_joined(a[0], b[0])]
    return "double" if {str(a), str(b)} == {"int", "double"} else "text"


def _arrow(kind: Any) -> pa.DataType:
    if isinstance(kind, dict):
        return pa.struct([(name, _arrow(inner)) for name, inner in kind.items()])
    if isinstance(kind, list):
        return pa.list_(_arrow(kind[0]))
    return {"bool": pa.bool_(), "int": pa.int64(), "double": pa.float64()}.get(kind, pa.string())


def _blocks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        if opened.read(3) != b"\xef\xbb\xbf":
            opened.seek(0)
        while data := opened.read(BLOCK_BYTES):
            if not data.endswith(b"\n"):
                data += opened.readline()
            yield data


def _parse(block: bytes, schema: pa.Schema, leaves: tuple[Leaf, ...]) -> Chunk:
    lines = block.count(b"\n") + (not block.endswith(b"\n"))
    try:
        table = arrow_json.read_json(
            pa.BufferReader(block),
            arrow_json.ReadOptions(use_threads=False, block_size=max(len(block), 1)),
            arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
        )
        batches = table.combine_chunks().to_batches()
        if batches and not _has_blank_lines(block):
            return row_chunk(batches[0], leaves, lines=lines, size=len(block))
    except pa.ArrowInvalid:
        pass
    return _parse_slowly(block, schema, leaves, lines)


def _has_blank_lines(block: bytes) -> bool:
    return b"\n\n" in block or b"\n\r\n" in block or block[:1] in (b"\n", b"\r")


def _parse_slowly(block: bytes, schema: pa.Schema, leaves: tuple[Leaf, ...], lines: int) -> Chunk:
    struct = pa.struct(list(schema))
    good: list[pa.Array] = []
    rows: list[int] = []
    unread: list[Unread] = []
    number = 0
    for line_number, line in enumerate(block.split(b"\n"), 1):
        if not line.strip():
            continue
        number += 1
        try:
            value = json.loads(line)
            if not isinstance(value, dict):
                raise ValueError(f"the line is not a JSON object but {shorten(value, 40)}")
            good.append(pa.array([_fit(value, struct, "")], struct))
            rows.append(number)
        except (ValueError, pa.ArrowException, RecursionError) as error:
            text = line.decode(errors="replace")
            unread.append(Unread(number, line_number, text, "unreadable", str(error).splitlines()[0]))
    table = pa.concat_arrays(good) if good else pa.array([], struct)
    batch = pa.RecordBatch.from_struct_array(table)
    return Chunk(
        leaves, batch, np.asarray(rows, np.int64), unread=tuple(unread), source=batch, consumed=number,
        lines=lines, size=len(block),
    )  # fmt: skip


def _fit(value: Any, kind: pa.DataType, where: str) -> Any:
    """`value` for Arrow's `kind`; raises ValueError where it does not fit."""
    if value is None:
        return None
    if pa.types.is_struct(kind) and isinstance(value, dict):
        return {f.name: _fit(value.get(f.name), f.type, f"{where}.{f.name}".lstrip(".")) for f in kind}
    if pa.types.is_list(kind) and isinstance(value, list):
        return [_fit(item, kind.value_type, f"{where}[{number}]") for number, item in enumerate(value)]
    if pa.types.is_string(kind):
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if pa.types.is_boolean(kind) and isinstance(value, bool):
        return value
    if pa.types.is_integer(kind) and isinstance(value, int) and not isinstance(value, bool):
        return value
    if pa.types.is_floating(kind) and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise ValueError(f"{where}: {shorten(value, 40)} is not a {kind} as in the lines before")
