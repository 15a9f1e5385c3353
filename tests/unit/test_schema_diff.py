from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xdmprep.schema import Schema
from xdmprep.schema.diff import diff

LOYALTY = json.loads(
    (Path(__file__).resolve().parents[2] / "schemas" / "loyalty-profile.schema.json").read_text(encoding="utf-8")
)


def changed(change: Callable[[Any, Any], Any]) -> list[tuple[str, str, str]]:
    """The differences after `change` of (the schema, its loyalty fields)."""
    new = copy.deepcopy(LOYALTY)
    change(new, new["properties"]["_acme"]["properties"]["loyalty"]["properties"])
    return [(c.path.removeprefix("_acme.loyalty."), c.effect, c.message) for c in diff(_schema(LOYALTY), _schema(new))]


def _schema(content: dict[str, Any]) -> Schema:
    return Schema.from_dict(content)


def _set(target: dict[str, Any], **values: Any) -> None:
    target.update(values)


def test_no_change() -> None:
    assert changed(lambda schema, fields: None) == []
    assert changed(lambda schema, fields: _set(fields["tier"], title="New", description="New")) == []


@pytest.mark.parametrize(
    ("change", "path", "effect", "part"),
    [
        (lambda s, f: _set(f, new={"type": "string"}), "new", "compatible", "a new field of type string"),
        (lambda s, f: f.pop("active"), "active", "breaking", "the field is removed"),
        (lambda s, f: _set(f["active"], type="string"), "active", "breaking", "from boolean to string"),
        (
            lambda s, f: _set(f["homeStore"], **{"meta:xdmType": "int"}), "homeStore", "breaking",
            "the type changes from short to int",
        ),
        (lambda s, f: f["tier"]["enum"].remove("gold"), "tier", "breaking", 'no longer permitted: ["gold"]'),
        (lambda s, f: f["tier"]["enum"].append("steel"), "tier", "compatible", 'now permitted: ["steel"]'),
        (lambda s, f: f["tier"].pop("enum"), "tier", "compatible", "all values are permitted"),
        (lambda s, f: _set(f["nickname"], enum=["a"]), "nickname", "breaking", "only some values"),
        (lambda s, f: _set(f["visits"], maximum=5), "visits", "breaking", "from 2147483647 to 5"),
        (lambda s, f: _set(f["satisfaction"], maximum=120), "satisfaction", "compatible", "from 100 to 120"),
        (lambda s, f: _set(f["satisfaction"], minimum=-5), "satisfaction", "breaking", "from -100 to -5"),
        (lambda s, f: f["nickname"].pop("maxLength"), "nickname", "compatible", "'maxLength' 40 is dropped"),
        (lambda s, f: _set(f["tags"], minItems=1), "tags", "breaking", "'minItems' is now 1"),
        (lambda s, f: _set(f["tags"], uniqueItems=False), "tags", "compatible", "uniqueItems"),
        (lambda s, f: f["loyaltyId"].pop("pattern"), "loyaltyId", "compatible", "is dropped"),
        (lambda s, f: _set(f["loyaltyId"], pattern="x"), "loyaltyId", "breaking", "pattern"),
        (lambda s, f: _set(f["nickname"], format="email"), "nickname", "breaking", '\'format\' is now "email"'),
        (
            lambda s, f: _set(f["pointsByYear"], additionalProperties={"type": "string"}),
            "pointsByYear.{*}", "breaking", "from int to string",
        ),
        (lambda s, f: f["cards"]["items"].pop("required"), "cards[*].number", "compatible", "is no longer required"),
        (lambda s, f: f["cards"]["items"]["required"].append("issued"), "cards[*].issued", "restricting", "required"),
        (lambda s, f: _set(f["website"], **{"meta:status": "deprecated"}), "website", "compatible", "deprecated"),
        (lambda s, f: s.pop("meta:immutableTags"), "", "breaking", "no longer enabled for Profile"),
        (lambda s, f: s["meta:descriptors"].pop(0), "", "breaking", "the primary identity changes"),
        (lambda s, f: s["meta:descriptors"].pop(1), "personalEmail.address", "restricting", "no longer an identity"),
        (lambda s, f: _set(s, **{"meta:class": "https://x/y"}), "", "breaking", "the class changes"),
    ],
)  # fmt: skip
def test_single_changes(change: Callable[[Any, Any], Any], path: str, effect: str, part: str) -> None:
    found = changed(change)
    assert [(found[0][0], found[0][1])] == [(path, effect)]
    assert part in found[0][2]
    assert len(found) == 1


def test_bounds_that_the_type_has_anyway_are_no_change() -> None:
    widths = {"minimum": -32768, "maximum": 32767}
    bare, told = (
        Schema.from_dict({"properties": {"f": {"type": "integer", "meta:xdmType": "short", **bounds}}})
        for bounds in ({}, widths)
    )
    assert diff(bare, told) == diff(told, bare) == []


def test_a_moved_field_is_recognised() -> None:
    def move(schema: dict[str, Any], fields: dict[str, Any]) -> None:
        schema["properties"]["nickname"] = fields.pop("nickname")

    assert changed(move) == [
        ("nickname", "compatible", "a new field of type string"),
        ("nickname", "breaking", "the field is removed; 'nickname' looks like the same field moved"),
    ]


def test_a_new_object_is_one_change() -> None:
    new = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}
    assert changed(lambda s, f: _set(f, box=new)) == [("box", "compatible", "a new field of type object")]


def test_a_new_required_field_restricts() -> None:
    def add(schema: dict[str, Any], fields: dict[str, Any]) -> None:
        schema["properties"]["code"] = {"type": "string"}
        schema["required"].append("code")

    assert changed(add) == [("code", "restricting", "a new required field of type string")]
