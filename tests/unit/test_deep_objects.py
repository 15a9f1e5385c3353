"""Python values that nest without end or contain themselves: a finding, a refusal, or nothing if nobody reads them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import xdmprep as xp
from xdmprep.client.registry import adhoc_columns
from xdmprep.emulator import Emulator
from xdmprep.errors import UsageError, XdmPrepError


def deep() -> Any:
    value: list[Any] = []
    inner = value
    for _ in range(5000):
        inner.append([])
        inner = inner[0]
    return value


def circle() -> Any:
    value: dict[str, Any] = {}
    value["again"] = value
    return value


@pytest.fixture(params=[deep, circle], ids=["deep", "circle"])
def value(request: Any) -> Any:
    return request.param()


@pytest.fixture(scope="module")
def schema() -> xp.Schema:
    return xp.Schema.load(Path(__file__).resolve().parents[2] / "schemas" / "crm-profile.schema.json")


def test_the_row_is_a_finding_and_the_others_are_checked(value: Any, schema: xp.Schema) -> None:
    good = {"identityMap": {"CRMID": [{"id": "1", "primary": True}]}}
    report = xp.validate([good, {**good, "person": value}, good], schema)
    assert (report.rows, report.invalid) == (3, 1)
    assert [(issue.row, issue.code) for issue in report if issue.severity == "error"] == [(2, "unreadable")]


def test_a_column_that_nothing_reads_stops_no_run(value: Any) -> None:
    assert xp.map_rows([{"a": value, "b": 1}], {"x": "b"}).to_pylist() == [{"x": 1}]


@pytest.mark.parametrize(
    "use",
    [
        lambda value, schema: xp.map_rows([{"a": value}], {"x": "a"}),
        lambda value, schema: xp.evaluate("a", {"a": value}),
        lambda value, schema: xp.diff([{"person": value}], [{"person": value}], schema),
    ],
    ids=["map_rows", "evaluate", "diff"],
)
def test_where_it_is_read_it_is_refused(value: Any, schema: xp.Schema, use: Callable[..., Any]) -> None:
    with pytest.raises(XdmPrepError):
        use(value, schema)


def test_names_that_are_too_long_are_no_folder() -> None:
    with pytest.raises(XdmPrepError, match="folder"):
        Emulator(None, "(" * 300)


@pytest.mark.parametrize(
    "change", [{"meta:datasetNamespace": {"a": 1}}, {"meta:datasetNamespace": [1]}, {"required": [{}]}]
)
def test_an_adhoc_schema_of_other_types_is_refused(change: dict[str, Any]) -> None:
    content: dict[str, Any] = {
        "meta:datasetNamespace": "_x",
        "properties": {"_x": {"properties": {"a": {"type": "string"}}, "required": ["a"]}},
    }
    assert adhoc_columns(copy.deepcopy(content)) == ({"a": {"type": "string"}}, ["a"])
    if "required" in change:
        content["properties"]["_x"] |= change
    else:
        content |= change
    with pytest.raises(UsageError):
        adhoc_columns(content)
