"""Mappings and whole mapping sets of the shared Data Prep corpus, run through the compiled, columnar mapping."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from conftest import SHARED

from xdmprep.core.shred import prune
from xdmprep.mapping import MappingSet, map_stream
from xdmprep.read import open_source
from xdmprep.schema import Schema

pytestmark = pytest.mark.shared

CORPUS = SHARED / "conformance" / "data-prep"
CASES = [json.loads(line) for line in (CORPUS / "mappings.jsonl").read_text().splitlines()] if CORPUS.is_dir() else []
SETS = sorted((CORPUS / "mapping-sets").glob("*.json")) if CORPUS.is_dir() else []


def test_corpus_is_there() -> None:
    assert len(CASES) >= 6 and len(SETS) >= 2


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_a_mapping_gives_the_expected_record(case: dict[str, Any]) -> None:
    mapping = MappingSet([{key: case[key] for key in ("sourceType", "source", "destination")}])
    stream = map_stream(open_source(pa.Table.from_pylist([case["data"]])), mapping)
    assert [comparable(record) for record in stream.to_pylist()] == [prune(case["expected"])]


@pytest.mark.parametrize("typed", [False, True], ids=["without schema", "with schema"])
@pytest.mark.parametrize("path", SETS, ids=[path.stem for path in SETS])
def test_a_mapping_set_gives_the_expected_records(path: Path, typed: bool) -> None:
    case = json.loads(path.read_text())
    mapping = MappingSet(case["mappingSet"])
    types = case.get("target_types", {})
    if not typed:  # types pass through, so destinations that need a type are left out of the comparison
        for destination in types:
            del mapping[destination]
    records = [entry["in"] for entry in case["records"]]
    expected = [prune(entry["out"]) for entry in case["records"]]
    schema = schema_for(mapping, types, expected) if typed else None
    stream = map_stream(open_source(pa.Table.from_pylist(records)), mapping, schema)
    got = [comparable(record) for record in stream.to_pylist()]
    contested = case.get("contested", [])
    for record, wanted in zip(got, expected, strict=True):
        for destination in [*contested, *([] if typed else types)]:
            drop(record, destination)
            drop(wanted, destination)
        assert prune(record) == prune(wanted)
    warned = {finding.path for chunk in stream for finding in chunk.issues}
    assert warned == {name for entry in case["records"] for name in entry.get("warnings", [])}


def schema_for(mapping: MappingSet, types: dict[str, str], expected: list[dict[str, Any]]) -> Schema:
    """An XDM schema with the types the case names, and for the rest what the expected records show."""
    root: dict[str, Any] = {"type": "object", "properties": {}}
    for record in expected:
        for name, value in record.items():
            merge(root["properties"], name, value)
    for destination, kind in types.items():
        node = root["properties"]
        *parents, last = destination.split(".")
        for step in parents:
            node = node.setdefault(step, {"type": "object", "properties": {}})["properties"]
        base = {"number": "number", "boolean": "boolean"}.get(kind, "string")
        node[last] = {"type": base, "meta:xdmType": kind}
        if kind in ("date", "date-time"):
            node[last]["format"] = kind
    return Schema.from_dict({"$id": "https://ns.adobe.com/test/schemas/case", "title": "case", **root})


def merge(properties: dict[str, Any], name: str, value: Any) -> None:
    if isinstance(value, dict):
        below = properties.setdefault(name, {"type": "object", "properties": {}})["properties"]
        for key, child in value.items():
            merge(below, key, child)
    elif isinstance(value, list):
        inner: dict[str, Any] = {}
        for item in value:
            merge(inner, "items", item)
        properties.setdefault(name, {"type": "array", **inner})
    else:
        kind = {bool: "boolean", int: "number", float: "number"}.get(type(value), "string")
        properties.setdefault(name, {"type": kind})


def drop(record: dict[str, Any], destination: str) -> None:
    *parents, last = destination.split(".")
    for step in parents:
        record = record.get(step, {})
    record.pop(last, None)


def comparable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: comparable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [comparable(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value
