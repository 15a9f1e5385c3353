"""Keys that the schema does not know are data: many of them are one kind of finding, a few are told one by one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import xdmprep as xp

ROWS = 300
#: The schema's properties, a record for a number, and the place that all findings share.
KINDS: dict[str, tuple[dict[str, Any], Callable[[int], Any], str]] = {
    "property-names": (
        {"o": {"type": "object", "propertyNames": {"pattern": "^x"}}}, lambda n: {"o": {f"k{n}": 1}}, "o",
    ),
    "additional-properties": (
        {"o": {"type": "object", "properties": {"a": {}}, "additionalProperties": False}},
        lambda n: {"o": {f"k{n}": 1}}, "o",
    ),
    "type": (
        {"o": {"type": "object", "patternProperties": {"^k": {"type": "string"}}}}, lambda n: {"o": {f"k{n}": 1}}, "o",
    ),
    "unknown-field": ({"o": {"type": "object", "properties": {"a": {}}}}, lambda n: {"o": {f"k.{n}": 1}}, "o"),
    "minimum": (
        {"l": {"type": "array", "items": {"patternProperties": {"^k": {"minimum": 9}}}}},
        lambda n: {"l": [{f"k{n}": 1}]}, "l[*]",
    ),
}  # fmt: skip


def schema(properties: dict[str, Any]) -> xp.Schema:
    kind = "https://ns.adobe.com/xdm/data/record"
    return xp.Schema.from_dict({"type": "object", "meta:class": kind, "properties": properties})


def as_file(rows: list[Any], folder: Path) -> Path:
    file = folder / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


@pytest.mark.parametrize("code", KINDS)
def test_many_keys_are_one_group_with_a_count(code: str, tmp_path: Path) -> None:
    properties, record, place = KINDS[code]
    rows = [record(number) for number in range(ROWS)]
    for source in (rows, as_file(rows, tmp_path)):
        report = xp.validate(source, schema(properties), rules="strict")
        (group,) = [group for group in report.groups if group.code == code]
        assert (group.path, group.count, group.first_row) == (f"{place}.{{*}}", ROWS, 1)
        assert len(group.examples) <= 3
        assert len({issue.path for issue in report if issue.code == code}) > 20  # the table has each by itself


@pytest.mark.parametrize("code", KINDS)
def test_a_few_keys_are_told_by_name(code: str, tmp_path: Path) -> None:
    properties, record, _ = KINDS[code]
    rows = [record(number % 20) for number in range(200)]
    for source in (rows, as_file(rows, tmp_path)):
        found = [
            group for group in xp.validate(source, schema(properties), rules="strict").groups if group.code == code
        ]
        assert [group.count for group in found] == [10] * 20
        assert not any("*}" in group.path for group in found)


def many(number: int) -> dict[str, Any]:
    """One of a hundred fields, each with a value that breaks a rule of the platform."""
    return {"o": {f"f{number % 100}": 1_000}}


def test_an_object_of_many_sparse_fields_is_judged_as_where_it_has_few(tmp_path: Path) -> None:
    byte = {"type": "integer", "meta:xdmType": "byte"}
    wide = schema({"o": {"type": "object", "properties": {f"f{number}": byte for number in range(90)}}})
    rows = [many(number) for number in range(1_000)]
    found = []
    maps = pa.array([list(row["o"].items()) for row in rows], pa.map_(pa.string(), pa.int64()))
    for source in (rows, as_file(rows, tmp_path), pa.table({"o": maps})):
        issues = list(xp.validate(source, wide, rules="strict"))
        found.append({(issue.row, issue.code, issue.path) for issue in issues})
        assert {issue.code for issue in issues} == {"width", "unknown-field"}
        assert len(issues) == 1_000
    assert found[0] == found[1] == found[2]


def test_identity_items_with_many_sparse_keys_are_judged_too(tmp_path: Path) -> None:
    rows = [
        {"identityMap": {"CRMID": [{"id": "" if number % 2 else "x1", f"k{number}": "y"}]}} for number in range(900)
    ]
    items: dict[str, Any] = {"type": "object", "properties": {"id": {"type": "string"}}}
    made = schema({"identityMap": {"type": "object", "additionalProperties": {"type": "array", "items": items}}})
    found = [
        {(issue.row, issue.code) for issue in xp.validate(source, made, rules="strict") if "identity" in issue.code}
        for source in (rows, as_file(rows, tmp_path))
    ]
    assert found[0] == found[1]
    assert {row for row, code in found[0] if code == "identity-blank"} == set(range(2, 901, 2))
