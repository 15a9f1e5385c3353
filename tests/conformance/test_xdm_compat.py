"""Compatibility names and types against the reference table: two independent converters agree on each of its lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xdmprep.schema import Field, Registry

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load(Path(__file__).resolve().parents[3] / "shared" / "xdm" / "components", compat=True)


def fields_of(root: Field, references: set[str]) -> dict[str, str]:
    """Types by path as the table writes them; nothing below maps and the table's references."""
    found: dict[str, str] = {}

    def visit(field: Field) -> None:
        for part in field.below:
            path = "".join("[]" if step == "[*]" else f".{step}" for step in part.path).removeprefix(".")
            found[path] = part.type
            if part.type != "map" and path not in references and not part.recursive:
                visit(part)

    visit(root)
    return found


def test_all_components_of_the_table(shared: Path, registry: Registry) -> None:
    table = [json.loads(line) for line in (shared / "xdm" / "compat.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(table) > 300
    wrong: dict[str, Any] = {}
    for line in table:
        references = {path for path, kind in line["fields"].items() if kind == "ref"}
        expected = {path: kind or "any" for path, kind in line["fields"].items()}
        got = fields_of(registry[line["schema_id"]].root, references)
        got |= {path: "ref" for path in references if path in got}
        if got != expected:
            wrong[line["schema_id"]] = set(got.items()) ^ set(expected.items())
    assert wrong == {}


def test_required_moves_along(registry: Registry) -> None:
    event = registry["https://ns.adobe.com/xdm/context/experienceevent"]
    assert {name for name, field in event.columns.items() if field.required} == {"_id", "timestamp"}
    assert event.behavior == "time-series"


def test_old_names_are_remembered(registry: Registry) -> None:
    profile = registry["https://ns.adobe.com/xdm/context/profile-personal-details"]
    latitude = profile.find("homeAddress._schema.latitude")
    assert latitude.constraints["meta:xdmField"] == "schema:latitude"
    assert latitude.constraints["maximum"] == 90
    assert profile.find("homeAddress._repo.createDate").type == "date-time"


@pytest.mark.parametrize("name", ["profile", "event"])
def test_datasets_built_from_raw_components_are_the_same(name: str, shared: Path, registry: Registry) -> None:
    """A dataset schema over the raw components, converted, has the fields of the same schema exported converted."""
    folder = shared / "xdm" / "datasets" / name
    expected = Registry.load(folder)
    compact = json.loads((folder / f"{name}.xed.json").read_text(encoding="utf-8"))
    tenant = [part["$ref"] for part in compact["allOf"] if "/acme/" in part["$ref"]]
    documents = [expected.document(id) for id in tenant]
    built = registry.add(*[document.content for document in documents if document is not None], compact)[compact["$id"]]
    table = [json.loads(line) for line in (folder / f"{name}.fields.jsonl").read_text(encoding="utf-8").splitlines()]
    got = {
        "".join({"[*]": "[]", "{*}": ".{key}"}.get(str(step), f".{step}") for step in field.path).lstrip("."): (
            field.type,
            field.required,
        )
        for field in built.root.walk()
        if field.path
    }
    assert got == {line["path"]: (line["xdmType"], line.get("required", False)) for line in table}
