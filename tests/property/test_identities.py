"""Identities: single records, lines of a file and frames get the same findings, whatever the schema asks of them."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import xdmprep as xp
from xdmprep.core.shred import prune

pytestmark = pytest.mark.usefixtures("few_lines_become_columns")

RECORD, EVENT = "https://ns.adobe.com/xdm/data/record", "https://ns.adobe.com/xdm/data/time-series"
CODES = {"identity-blank", "identity-ecid", "identity-length", "identity-primary", "identity-count", "identity-none",
         "identity-spreadsheet"}  # fmt: skip
IDS = ["x", "", " ", "null", "Anonymous", "0" * 38, "1" * 37, "a" * 1024, "a" * 1025, '="00123"', "=\"a\nb\"",
       "'07", "4.53E+15", "1E+5", "4.5e+15", "12E+5", "1.E+5", "=1", "=", "'", "1E+", "1.5E+15 "]  # fmt: skip
NAMESPACES = ["ECID", "ecid", "Ecid", "Email", "CRMID"]

items = st.fixed_dictionaries(
    {}, optional={"id": st.sampled_from(IDS), "primary": st.booleans(), "authenticatedState": st.just("ambiguous")}
)
maps = st.dictionaries(st.sampled_from(NAMESPACES), st.lists(items, max_size=3), max_size=3)
many = st.integers(18, 22).map(lambda n: {"CRMID": [{"id": f"c{i}", "primary": i == 0} for i in range(n)]})
records = st.fixed_dictionaries(
    {},
    optional={
        "identityMap": st.one_of(maps, many),
        "mail": st.sampled_from(IDS),
        "ids": st.dictionaries(st.sampled_from(["home", "work"]), st.sampled_from(IDS), max_size=2),
        "list": st.lists(st.fixed_dictionaries({}, optional={"v": st.sampled_from(IDS)}), max_size=2),
        "other": st.just("o"),
    },
)


@st.composite
def schemas(draw: st.DrawFn) -> xp.Schema:
    descriptors = [
        {
            "@type": "xdm:descriptorIdentity", "xdm:sourceProperty": path,
            "xdm:namespace": draw(st.sampled_from(NAMESPACES)),
            "xdm:isPrimary": draw(st.booleans()) and number == 0,
        }
        for number, path in enumerate(draw(st.lists(st.sampled_from(["/mail", "/ids/*", "/list/*/v"]), unique=True)))
    ]  # fmt: skip
    text = {"type": "string"}
    item = {"type": "object", "properties": {"id": text, "primary": {"type": "boolean"}, "authenticatedState": text}}
    fields: dict[str, Any] = {
        "mail": text,
        "other": text,
        "ids": {"type": "object", "additionalProperties": text},
        "list": {"type": "array", "items": {"type": "object", "properties": {"v": text}}},
    }
    if draw(st.booleans()):
        fields["identityMap"] = {"type": "object", "additionalProperties": {"type": "array", "items": item}}
    return xp.Schema.from_dict(
        {
            "type": "object",
            "properties": fields,
            "meta:extends": [draw(st.sampled_from([RECORD, EVENT]))],
            "meta:immutableTags": draw(st.sampled_from([[], ["union"]])),
            "meta:descriptors": descriptors,
        }
    )


def found(issues: Any) -> list[tuple[str, str, str]]:
    return sorted((issue.code, issue.path, str(issue.value)) for issue in issues if issue.code in CODES)


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(schemas(), records)
def test_every_path_finds_the_same(schema: xp.Schema, record: dict[str, Any]) -> None:
    wanted = found(schema.check(record))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "records.json"
        file.write_text("\n".join([json.dumps(record)] * 2), encoding="utf-8")
        by_row = [[issue for issue in xp.validate(file, schema) if issue.row == row] for row in (1, 2)]
    assert [found(issues) for issues in by_row] == [wanted] * 2
    sent = prune(record)
    table = pa.Table.from_pylist([{**record, "pad": "x"}])
    # an empty item is none: those behind it have another number than in the table
    again, wanted = (
        sorted((code, re.sub(r"\[\d+\]", "[*]", path), value) for code, path, value in found(issues))
        for issues in (xp.validate(table, schema), schema.check(sent))
    )
    assert again == wanted, sent


anything = st.one_of(st.sampled_from([*IDS, 5, True, {"a": "x"}, ["x"], [], {}, None]), items)
odd_items = st.one_of(
    items, st.fixed_dictionaries({}, optional={"id": anything, "primary": anything, "xdm:id": anything}), anything
)
odd_records = st.fixed_dictionaries(
    {},
    optional={
        "identityMap": st.one_of(
            st.dictionaries(st.sampled_from(NAMESPACES), st.one_of(st.lists(odd_items, max_size=3), anything)), anything
        ),
        "mail": anything,
        "ids": st.one_of(st.dictionaries(st.sampled_from(["home", "work"]), anything, max_size=2), anything),
        "list": st.one_of(st.lists(st.one_of(st.fixed_dictionaries({}, optional={"v": anything}), anything)), anything),
        "other": st.just("o"),
    },
)


@settings(max_examples=100)
@given(schemas(), st.lists(odd_records, min_size=1, max_size=4))
def test_values_of_wrong_types_are_the_same_identities_in_columns(
    schema: xp.Schema, some_records: list[dict[str, Any]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "records.json"
        file.write_text("\n".join(json.dumps(record) for record in some_records for _ in (1, 2)), encoding="utf-8")
        issues = list(xp.validate(file, schema))
    for number, record in enumerate(some_records):
        assert found(issue for issue in issues if issue.row == 2 * number + 1) == found(schema.check(record)), record
