"""What a run holds: no chunk waits for the collector of cycles, which runs late where chunks are few and large."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pytest

import xdmprep
from xdmprep.mapping import MappingSet, map_stream
from xdmprep.read import open_source
from xdmprep.schema import Schema

TEXT = {"type": "string"}
ITEM = {"type": "object", "properties": {"a": TEXT, "n": {"type": "integer"}}}
SCHEMA = {
    "title": "Memory", "type": "object",
    "properties": {"_acme": {"type": "object", "properties": {
        "key": TEXT, "text": TEXT, "n": {"type": "integer"}, "at": {**TEXT, "format": "date-time"},
        "items": {"type": "array", "items": ITEM}, "object": ITEM,
    }}},
}  # fmt: skip
FLAT = {
    "_acme.key": "KEY", "_acme.text": 'upper(concat(TEXT, "é"))', "_acme.n": "to_integer(N)", "_acme.at": "AT",
    "_acme.items": 'to_array(false, to_object("a", TEXT, "n", to_integer(N)))', "_acme.object": "json_to_object(JSON)",
}  # fmt: skip
GROUPED = {"$group_by": "KEY", "_acme.key": "KEY", "_acme.items[*].a": "TEXT", "_acme.items[*].n": "N"}
ROWS = 4_000


@pytest.fixture(autouse=True)
def _without_the_collector() -> Iterator[None]:
    gc.collect()
    gc.freeze()  # what other tests have left need not be looked through again
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """A CSV; in some rows the date is none, some lack a value, some have a value too many."""
    file = tmp_path / "lines.csv"
    with file.open("w", encoding="utf-8") as out:
        out.write("KEY,TEXT,N,AT,JSON\n")
        for row in range(ROWS):
            at = "never" if row % 50 == 0 else "2024-05-01T10:00:00Z"
            out.write(f'k{row // 3},text no. {row},{row},{at},"{{""a"": ""x{row}"", ""n"": {row}}}"')
            out.write(",more\n" if row % 400 == 0 else "\n")
    return file


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """JSON lines of three shapes, some of which break the schema or are no JSON."""
    file = tmp_path / "records.jsonl"
    with file.open("w", encoding="utf-8") as out:
        for row in range(ROWS):
            inside: dict[str, Any] = {"key": f"k{row}", "text": "t" * (row % 40), "items": [{"a": "x", "n": row}]}
            if row % 10 == 0:
                inside = {"key": f"k{row}", "object": {"a": None, "n": row}}
            if row % 100 == 0:
                inside["n"] = "one"
            out.write("{\n" if row % 500 == 0 else json.dumps({"_acme": inside}) + "\n")
    return file


def held_by(work: Callable[[], Any]) -> int:
    """Bytes of Arrow's memory that are still held after the work was done a second time."""
    work()
    gc.collect()
    before = pa.total_allocated_bytes()
    work()
    return pa.total_allocated_bytes() - before


@pytest.mark.parametrize("format", ["json", "parquet"])
@pytest.mark.parametrize("mapping", [FLAT, GROUPED], ids=["flat", "grouped"])
def test_prepare_lets_go_of_its_chunks(
    format: Literal["json", "parquet"], mapping: dict[str, Any], lines: Path, tmp_path: Path
) -> None:
    schema = Schema.from_dict(SCHEMA)

    def work() -> None:
        xdmprep.prepare(lines, mapping, schema, tmp_path / "out", format=format, overwrite=True)

    assert held_by(work) < 50_000


@pytest.mark.parametrize("kind", ["lines", "array", "parquet"])
def test_validate_lets_go_of_its_chunks(kind: str, records: Path, lines: Path, tmp_path: Path) -> None:
    schema, file = Schema.from_dict(SCHEMA), records
    if kind == "array":
        file = tmp_path / "records.json"
        good = [line for line in records.read_text(encoding="utf-8").splitlines() if line != "{"]
        file.write_text("[" + ",\n".join(good) + "]", encoding="utf-8")
    elif kind == "parquet":
        made = xdmprep.prepare(lines, FLAT, schema, tmp_path / "out", format="parquet")
        assert made.written > 1000
        file = tmp_path / "out" / "part-00000.parquet"
    assert held_by(lambda: xdmprep.validate(file, schema)) < 50_000


def test_mapped_json_lets_go_of_its_chunks(records: Path) -> None:
    mapping = MappingSet({"_acme.key": "_acme.key", "_acme.items[*].a": "_acme.items[*].a"})

    def work() -> None:
        for _ in map_stream(open_source(records), mapping, Schema.from_dict(SCHEMA)).chunks():
            pass

    assert held_by(work) < 50_000
