"""A first schema from a source: types by values, ids as text, and a file that prepares with it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

import xdmprep as xp
from xdmprep.errors import UsageError
from xdmprep.pipeline.draft import field_name
from xdmprep.schema.lint import lint

CSV = (
    "Customer ID,First Name,born,joined,visits,points,spent,active,Zip,note\n"
    "0042,Ann,1980-02-03,2024-01-01T10:00:00Z,3,12345678901,12.50,true,01234,\n"
    "0043,Bob,1981-12-31,2024-01-02T10:00:00+02:00,0,7,-3,false,99999,\n"
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "people.csv").write_text(CSV)
    return tmp_path / "people.csv"


def test_types_follow_the_values_and_ids_stay_text(source: Path) -> None:
    schema = xp.draft_schema(source, tenant="acme")
    types = {name: field.type for name, field in schema.find("_acme").children.items()}
    assert types == {
        "customerId": "string", "firstName": "string", "born": "date", "joined": "date-time", "visits": "int",
        "points": "long", "spent": "number", "active": "boolean", "zip": "string", "note": "string",
    }  # fmt: skip
    assert schema.find("_acme.customerId").schema["title"] == "Customer ID"
    assert (schema.id, schema.title) == ("https://ns.adobe.com/acme/schemas/people", "people")
    assert not [issue for issue in lint(schema) if issue.severity == "error"]


def test_the_source_prepares_with_its_draft(source: Path, tmp_path: Path) -> None:
    schema = xp.draft_schema(source)
    mapping = {f"_tenant.{field_name(name)}": "${" + name + "}" for name in CSV.splitlines()[0].split(",")}
    mapping |= {"identityMap.CRMID[0].id": "${Customer ID}", "identityMap.CRMID[0].primary": True}
    result = xp.prepare(source, mapping, schema, tmp_path / "out", format="parquet")
    assert (result.written, result.rejected, result.values.rows) == (2, 0, 0)


def test_frames_give_their_own_types() -> None:
    table = pa.table({
        "n": pa.array([1], pa.int32()), "when": pa.array([0], pa.timestamp("ms", "UTC")),
        "tags": [["a"]], "home": [{"City Name": "Bern"}],
    })  # fmt: skip
    properties = xp.draft_schema(table, title="Home").source["properties"]["_tenant"]["properties"]
    assert properties["n"]["meta:xdmType"] == "int"
    assert properties["when"]["format"] == "date-time"
    assert properties["tags"]["items"]["type"] == "string"
    assert properties["home"]["properties"]["cityName"]["type"] == "string"


@pytest.mark.parametrize(
    ("column", "name"),
    [("First Name", "firstName"), ("customerID", "customerId"), ("2nd line", "n2ndLine"), ("€", "column"), ("a", "a")],
)
def test_field_names_are_camel_case(column: str, name: str) -> None:
    assert field_name(column) == name


@pytest.mark.parametrize("tenant", ["", "_acme", "Acme", "a b"])
def test_a_tenant_is_a_name(source: Path, tenant: str) -> None:
    with pytest.raises(UsageError, match="lower-case letters"):
        xp.draft_schema(source, tenant=tenant)
