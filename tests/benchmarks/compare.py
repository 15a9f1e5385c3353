"""Whether two outputs hold the same records: counts and contents, absent values left out, numbers by value."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq


def records(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a file, or of the parts of a folder, in order."""
    files = [path]
    if path.is_dir():
        files = sorted(file for file in path.rglob("part-*"))
    for file in files:
        with file.open("rb") as head:
            parquet = head.read(4) == b"PAR1"
        if parquet:
            for batch in pq.ParquetFile(file).iter_batches():
                yield from map(plain, batch.to_pylist(maps_as_pydicts="strict"))
        else:
            with file.open("rb") as lines:
                yield from (plain(json.loads(line)) for line in lines)


def plain(value: Any) -> Any:
    """Without nulls and empty containers; dates and times as text; whole doubles as integers."""
    if isinstance(value, dict):
        members = {key: plain(member) for key, member in value.items()}
        return {key: member for key, member in members.items() if member not in (None, {}, [])}
    if isinstance(value, list):
        return [item for item in map(plain, value) if item not in (None, {}, [])]
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def difference(ours: Path, theirs: Path, ordered: bool = True) -> str | None:
    """What differs first, in a line; None if nothing does."""
    a, b = list(records(ours)), list(records(theirs))
    if len(a) != len(b):
        return f"{len(a)} records against {len(b)}"
    if not ordered:
        a, b = (sorted(side, key=lambda record: json.dumps(record, sort_keys=True)) for side in (a, b))
    for number, (one, other) in enumerate(zip(a, b, strict=True), 1):
        if one != other:
            path, left, right = _where(one, other)
            return f"record {number}, {path}: {left!r} against {right!r}"[:400]
    return None


def _where(one: Any, other: Any, path: str = "") -> tuple[str, Any, Any]:
    """The innermost place where two values differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        key = next(key for key in {**one, **other} if one.get(key) != other.get(key))
        return _where(one.get(key), other.get(key), f"{path}.{key}" if path else key)
    return path, one, other
