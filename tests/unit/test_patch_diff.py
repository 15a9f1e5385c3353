"""Whole patches: what is sent, what is listed, what is set aside, and what is refused before the first row."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import xdmprep as xp
from xdmprep.core.shipped import shipped
from xdmprep.core.shred import Leaf
from xdmprep.errors import DataError, UsageError
from xdmprep.patch import as_good_as
from xdmprep.patch import diff as comparing
from xdmprep.patch.keys import Key

CRM = shipped("crm-profile.schema.json")
LOYALTY = shipped("loyalty-profile.schema.json")
MAPPING = {
    "identityMap.CRMID[0].id": "id",
    "identityMap.CRMID[0].primary": True,
    "identityMap.Email[0].id": "mail",
    "identityMap.Email[0].primary": False,
    "person.name.firstName": "first",
    "homeAddress.city": "city",
    "homeAddress.postalCode": "zip",
}
COLUMNS = ["id", "mail", "first", "city", "zip"]


def frame(*rows: tuple[str | None, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS)


BEFORE = frame(
    ("1", "a@x.example", "Ann", "Rome", "1"), ("2", "b@x.example", "Bo", "Oslo", "2"), ("3", None, "Cy", "Bern", "3")
)


def identity(id: str, mail: str | None) -> dict[str, Any]:
    made: dict[str, Any] = {"CRMID": [{"id": id, "primary": True}]}
    return {**made, "Email": [{"id": mail, "primary": False}]} if mail else made


def patch_of(after: pd.DataFrame, before: pd.DataFrame = BEFORE, **options: Any) -> Any:
    return xp.diff(before, after, CRM, mapping=MAPPING, **options)


def test_identities_and_what_changed() -> None:
    after = BEFORE.copy()
    after.loc[1, ["city", "zip"]] = ["Bergen", "20"]
    after.loc[2, "first"] = "Cyd"
    patch = patch_of(after)
    assert patch.to_pylist() == [
        {"identityMap": identity("2", "b@x.example"), "homeAddress": {"city": "Bergen", "postalCode": "20"}},
        {"identityMap": identity("3", None), "person": {"name": {"firstName": "Cyd"}}},
    ]
    assert patch.arrow_schema.names == ["person", "identityMap", "homeAddress"]
    assert patch.fields == ["person.name.firstName", "identityMap", "homeAddress.city", "homeAddress.postalCode"]
    assert [row for chunk in patch.chunks() for row in chunk.rows.tolist()] == [2, 3]
    assert (patch.counts.unchanged, patch.counts.changed, patch.counts.new) == (1, 2, 0)
    assert patch.key == "the primary identity of identityMap"


def test_a_patch_has_exactly_the_fields_it_touches() -> None:
    after = BEFORE.assign(city=["Rome", "Oslo", "Basel"])
    made = patch_of(after).arrow_schema
    whole = xp.Schema.load(CRM).arrow_schema
    assert made == pa.schema([whole.field("identityMap"), ("homeAddress", pa.struct([("city", pa.string())]))])


def test_nothing_changed() -> None:
    patch = patch_of(BEFORE.iloc[::-1])
    assert patch.to_pylist() == []
    assert (patch.counts.unchanged, patch.records) == (3, 0)
    assert patch.arrow_schema.names == ["identityMap"]


def test_new_records_are_whole_or_left_out() -> None:
    after = pd.concat([BEFORE, frame(("4", None, "Di", "Lima", "4"))])
    whole = {"person": {"name": {"firstName": "Di"}}, "identityMap": identity("4", None),
             "homeAddress": {"city": "Lima", "postalCode": "4"}}  # fmt: skip
    assert patch_of(after).to_pylist() == [whole]
    without = patch_of(after, new="leave-out")
    assert without.to_pylist() == []
    assert (without.counts.new, without.counts.left_out) == (0, 1)


def test_what_is_gone_is_listed() -> None:
    after = frame(("1", "a@x.example", "Ann", None, "10"), ("3", None, "Cy", "Bern", ""))
    patch = patch_of(after)
    assert patch.to_pylist() == [{"identityMap": identity("1", "a@x.example"), "homeAddress": {"postalCode": "10"}}]
    assert patch.vanished.to_pylist() == [{"row": 2, "key": "CRMID:2"}]
    assert patch.cannot_clear.to_pylist() == [{"row": 1, "key": "CRMID:1", "path": "homeAddress.city", "value": "Rome"}]
    empty = patch_of(BEFORE.assign(zip=[None, "2", "3"]))
    assert empty.to_pylist() == []
    assert empty.counts.cannot_clear == 1


def test_the_last_of_several_rows_with_one_key_counts() -> None:
    after = pd.concat(
        [BEFORE, frame(("1", "a@x.example", "Ann", "Pisa", "1"), ("1", "a@x.example", "Ann", "Bari", "1"))]
    )
    patch = patch_of(after)
    assert [row["homeAddress"]["city"] for row in patch.to_pylist()] == ["Bari"]
    assert [(i["code"], i["severity"], i["row"]) for i in patch.issues.to_pylist()] == [
        ("patch-duplicate", "warning", 1), ("patch-duplicate", "warning", 4),
    ]  # fmt: skip
    assert patch.counts.superseded == 2
    with pytest.raises(DataError, match=r"'CRMID:1' \(the primary identity of identityMap\) is in 3 rows: 1, 4, 5"):
        patch_of(after, duplicates="error")
    early = pd.concat([frame(("1", "a@x.example", "Ann", "Old", "1")), BEFORE])
    assert patch_of(BEFORE, early).to_pylist() == []


def test_rows_without_a_key_are_set_aside() -> None:
    after = pd.concat([BEFORE, frame((None, "n@x.example", "No", "Key", "0"), ("  ", None, "No", "Key", "0"))])
    patch = patch_of(after)
    assert patch.to_pylist() == []
    assert patch.counts.set_aside == 2
    assert {(i["code"], i["row"]) for i in patch.issues.to_pylist()} >= {("patch-key", 4), ("patch-key", 5)}
    early = pd.concat([BEFORE, frame((None, None, "x", "y", "z"))])
    assert patch_of(BEFORE, early).counts.before_unusable == 1


def test_a_record_that_the_platform_refuses_takes_part_on_neither_side() -> None:
    mapping = {**MAPPING, "identityMap.ECID[0].id": "mail"}
    good, bad = "1" * 38, "1" * 37
    before = frame(("1", bad, "Ann", "Rome", "1"), ("2", good, "Bo", "Oslo", "2"))
    after = frame(("1", good, "Ann", "Rome", "1"), ("2", bad, "Bo", "Oslo", "20"))
    mapping = {**mapping, "identityMap.Email[0].id": '"a@x.example"'}
    patch = xp.diff(before, after, CRM, mapping=mapping)
    (record,) = patch.to_pylist()  # row 1 was never taken in, so all of it is sent
    assert record["person"] == {"name": {"firstName": "Ann"}}
    assert patch.counts.set_aside == 1
    assert [(i["code"], i["row"]) for i in patch.issues.to_pylist()] == [("identity-ecid", 2)]


def test_what_is_sent_is_checked_by_the_rules() -> None:
    mapping = {**MAPPING, "homeAddress.countryCode": "zip"}
    after = frame(("1", "a@x.example", "Ann", "Rome", "Italy"), *BEFORE.iloc[1:].itertuples(index=False))
    patch = xp.diff(BEFORE, after, CRM, mapping=mapping)
    assert patch.to_pylist() == []
    assert [(i["code"], i["path"]) for i in patch.issues.to_pylist()] == [("pattern", "homeAddress.countryCode")]
    assert len(xp.diff(BEFORE, after, CRM, mapping=mapping, rules="batch").to_pylist()) == 1


def test_another_key_and_a_primary_identity_that_moved() -> None:
    mapping = {**MAPPING, "identityMap.Email[0].primary": True, "identityMap.CRMID[0].primary": False}
    before, after = BEFORE.iloc[:2], BEFORE.iloc[:2].copy()
    after.loc[0, "mail"] = "other@x.example"
    after.loc[1, "city"] = "Bergen"
    patch = xp.diff(before, after, CRM, mapping=mapping, on="identityMap.CRMID[0].id")
    assert [row["homeAddress"] for row in patch.to_pylist()] == [{"city": "Bergen"}]
    assert [(i["code"], i["row"]) for i in patch.issues.to_pylist()] == [("patch-identity", 1)]
    assert patch.counts.vanished == 0
    by_primary = xp.diff(before, after, CRM, mapping=mapping)
    assert by_primary.vanished["key"].to_pylist() == ["Email:a@x.example"]
    assert by_primary.counts.new == 1


MAIL_IS_PRIMARY = {**MAPPING, "identityMap.Email[0].primary": True, "identityMap.CRMID[0].primary": False}


def by_number(before: pd.DataFrame, after: pd.DataFrame, **options: Any) -> Any:
    """The patch by CRMID, where the primary identity is the mail address."""
    return xp.diff(before, after, CRM, mapping=MAIL_IS_PRIMARY, on="identityMap.CRMID[0].id", **options)


def warned(patch: Any) -> list[tuple[str, int]]:
    return [(i["code"], i["row"]) for i in patch.issues.to_pylist()]


def test_of_two_keys_with_one_primary_identity_the_last_row_counts() -> None:
    before = BEFORE.iloc[:2].assign(mail="same@x.example")
    patch = by_number(before, before.assign(zip="9"))
    (record,) = patch.to_pylist()
    assert record["homeAddress"] == {"postalCode": "9"}
    assert record["identityMap"]["CRMID"] == [{"id": "2", "primary": False}]
    assert warned(patch) == [("patch-duplicate", 1)]
    assert (patch.counts.changed, patch.counts.superseded, patch.counts.unchanged) == (1, 1, 0)
    with pytest.raises(DataError, match=r"rows 1 and 2 have unlike keys .* but the same primary identity"):
        by_number(before, before.assign(zip="9"), duplicates="error")


def test_a_changed_row_that_shares_its_primary_identity_with_an_unchanged_one_is_found() -> None:
    before = BEFORE.iloc[:2].assign(mail="same@x.example")
    first = by_number(before, before.assign(zip=["9", "2"]))  # row 2 is the person's, and the same as before
    assert first.to_pylist() == []
    assert warned(first) == [("patch-duplicate", 1)]
    assert (first.counts.superseded, first.counts.unchanged) == (1, 1)
    second = by_number(before, before.assign(zip=["1", "9"]))
    assert [row["homeAddress"] for row in second.to_pylist()] == [{"postalCode": "9"}]
    assert warned(second) == [("patch-duplicate", 1)]
    for zips in (["9", "2"], ["1", "9"], ["1", "2"]):
        with pytest.raises(DataError, match="but the same primary identity"):
            by_number(before, before.assign(zip=zips), duplicates="error")


def test_rows_far_apart_that_share_a_primary_identity_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "BLOCK_KEYS", 4)
    count = 60
    before = frame(*((str(n), f"{n}@x.example", "F", "C", "1") for n in range(count)))
    after = before.assign(zip=["2" if n in (3, 40) else "1" for n in range(count)])
    after.loc[57, "mail"] = "3@x.example"  # no row of before: its primary identity moved, so it is set aside
    new = frame(("n", "40@x.example", "N", "C", "1"))
    patch = by_number(before, pd.concat([after, new]))
    assert [row["identityMap"]["CRMID"][0]["id"] for row in patch.to_pylist()] == ["3", "n"]
    assert patch.to_pylist()[1]["person"] == {"name": {"firstName": "N"}}  # beside what 40 was
    assert "homeAddress" not in patch.to_pylist()[1]
    assert warned(patch) == [("patch-duplicate", 41), ("patch-identity", 58)]
    counts = patch.counts
    assert (counts.changed, counts.new, counts.superseded, counts.set_aside) == (2, 0, 1, 1)
    assert counts.after == counts.unchanged + counts.changed + counts.superseded + counts.set_aside


def test_a_person_with_a_new_key_is_compared_with_what_the_platform_has_of_it() -> None:
    after = BEFORE.iloc[:2].copy()
    after.loc[0, ["id", "zip"]] = ["1000", None]
    patch = by_number(BEFORE.iloc[:2], after)
    (record,) = patch.to_pylist()
    assert set(record) == {"identityMap"}  # the number is another one, all else stays
    assert patch.cannot_clear.to_pylist() == [
        {"row": 1, "key": "1000", "path": "homeAddress.postalCode", "value": "1"}
    ]  # fmt: skip
    assert patch.vanished.to_pylist() == [{"row": 1, "key": "1"}]


LOYALTY_MAPPING = {
    "_acme.loyalty.loyaltyId": "no",
    "_acme.loyalty.tier": "tier",
    "_acme.loyalty.tags": 'explode(tags, ";")',
    "_acme.loyalty.pointsByYear.2023": "p23",
    "_acme.loyalty.pointsByYear.2024": "p24",
    "personalEmail.address": "mail",
}


def test_an_identity_field_of_the_schema_and_values_of_every_shape() -> None:
    names = ["no", "tier", "tags", "p23", "p24", "mail"]
    before = pd.DataFrame([("AB-00000001", "gold", "a;b", "1", "2", "a@x.example"),
                           ("AB-00000002", "gold", "a", "1", None, "b@x.example")], columns=names)  # fmt: skip
    after = pd.DataFrame([("AB-00000001", "gold", "a;b;c", None, "3", "a@x.example"),
                          ("AB-00000002", "gold", "a", "1", None, "c@x.example")], columns=names)  # fmt: skip
    patch = xp.diff(before, after, LOYALTY, mapping=LOYALTY_MAPPING)
    assert patch.to_pylist() == [
        {"_acme": {"loyalty": {"loyaltyId": "AB-00000001", "tags": ["a", "b", "c"], "pointsByYear": {"2024": 3}}}},
        {"_acme": {"loyalty": {"loyaltyId": "AB-00000002"}}, "personalEmail": {"address": "c@x.example"}},
    ]
    assert [(i["path"], i["value"]) for i in patch.cannot_clear.to_pylist()] == [
        ("_acme.loyalty.pointsByYear.2023", "1")
    ]


GONE: dict[str, tuple[dict[str, Any], Any, str]] = {
    "text": ({"type": "string"}, "é", "é"),
    "whole": ({"type": "integer", "meta:xdmType": "long"}, 2**53 + 1, "9007199254740993"),
    "yes": ({"type": "boolean"}, True, "true"),
    "day": ({"type": "string", "format": "date"}, "2020-02-29", "2020-02-29"),
    "time": ({"type": "string", "format": "date-time"}, "2020-02-29T01:00:00+01:00", "2020-02-29T00:00:00Z"),
    "exact": ({"type": "string", "format": "date-time"}, "2020-02-29T00:00:00.010Z", "2020-02-29T00:00:00.010Z"),
    "times": (
        {"type": "array", "items": {"type": "string", "format": "date-time"}},
        ["2020-02-29T00:00:00.5Z", "2020-03-01T00:00:00Z"],
        '["2020-02-29T00:00:00.500Z", "2020-03-01T00:00:00Z"]',
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GONE)
def test_what_is_gone_is_listed_as_json_has_it(name: str) -> None:
    node, value, shown = GONE[name]
    schema = xp.Schema.from_dict({**SMALL, "properties": {**SMALL["properties"], name: node}})
    rest = {"_id": "1", "source": "crm"}
    patch = xp.diff([{**rest, name: value}], [rest], schema, on="_id")
    assert patch.cannot_clear.to_pylist() == [{"row": 1, "key": "1", "path": name, "value": shown}]


SMALL = {
    "title": "Small", "type": "object", "meta:class": "https://ns.adobe.com/xdm/context/profile",
    "required": ["_id", "source"],
    "properties": {
        "_id": {"type": "string"}, "source": {"type": "string"}, "note": {"type": "string"},
        "day": {"type": "string", "format": "date", "meta:xdmType": "date"},
        "counts": {"type": "object", "additionalProperties": {"type": "integer", "meta:xdmType": "long"}},
        "at": {"type": "string", "format": "date-time", "meta:xdmType": "date-time"},
    },
    "meta:descriptors": [{"@type": "xdm:descriptorIdentity", "xdm:sourceProperty": "/_id", "xdm:namespace": "ID",
                          "xdm:isPrimary": True}],
}  # fmt: skip


def small() -> xp.Schema:
    return xp.Schema.from_dict(SMALL)


def test_required_fields_are_sent_again_or_not_asked_for() -> None:
    names = ["_id", "source", "note"]
    before = pd.DataFrame([("a", "s", "x"), ("b", "s", "x")], columns=names)
    after = pd.DataFrame([("a", "s", "y"), ("b", None, "y")], columns=names)
    mapping = dict(zip(names, names, strict=True))
    patch = xp.diff(before, after, small(), mapping=mapping)
    assert patch.to_pylist() == [{"_id": "a", "source": "s", "note": "y"}]
    assert [(i["code"], i["row"], i["path"]) for i in patch.issues.to_pylist()] == [("required", 2, "source")]
    relaxed = xp.diff(before, after, small(), mapping=mapping, relax_required=True)
    assert relaxed.to_pylist() == [{"_id": "a", "note": "y"}, {"_id": "b", "note": "y"}]
    assert relaxed.counts.cannot_clear == 1


def lines(path: Path, *records: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_records_as_json_lines_need_no_mapping(tmp_path: Path) -> None:
    first = {"_id": "a", "source": "s", "day": "2020-01-31", "counts": {"x": 1, "y": 2}, "at": "2020-01-01T00:00:00Z"}
    second = {"_id": "b", "source": "s", "counts": {"z": 1}}
    before = lines(tmp_path / "b.json", first, second)
    after = lines(
        tmp_path / "a.json",
        {**first, "counts": {"y": 2, "x": 5}, "at": "2020-01-01T01:00:00+01:00"}, {**second, "day": "2020-02-01"},
    )  # fmt: skip
    patch = xp.diff(before, after, small())
    day = patch.to_pylist()[1]["day"]
    assert patch.to_pylist() == [
        {"_id": "a", "source": "s", "counts": {"x": 5}},
        {"_id": "b", "source": "s", "day": day},
    ]
    assert str(day) == "2020-02-01"
    assert patch.counts.cannot_clear == 0


def test_frames_of_nested_values_and_frames_with_a_column_for_each_path() -> None:
    def nested(points: Any) -> pd.DataFrame:
        return pd.DataFrame([
            {"_id": "a", "source": "s", "counts": {"x": 1}, "day": None},
            {"_id": "b", "source": "s", "counts": points, "day": "2020-01-31"},
        ])  # fmt: skip

    patch = xp.diff(nested({"y": 1}), nested({"y": 2, "z": 3}), small())
    assert patch.to_pylist() == [{"_id": "b", "source": "s", "counts": {"y": 2, "z": 3}}]
    flat = pd.DataFrame({"identityMap.CRMID[0].id": ["1"], "identityMap.CRMID[0].primary": [True],
                         "homeAddress.city": ["Rome"]})  # fmt: skip
    patch = xp.diff(flat, flat.assign(**{"homeAddress.city": ["Oslo"]}), CRM)
    assert patch.to_pylist() == [{"identityMap": identity("1", None), "homeAddress": {"city": "Oslo"}}]


def test_columns_that_are_no_records_are_refused_with_a_way_out() -> None:
    with pytest.raises(
        xp.MappingError, match=r"columns 'id', 'mail', 'first', 'city', 'zip' are not fields of .* mapping"
    ):
        xp.diff(BEFORE, BEFORE, CRM)


def test_events_cannot_be_patched() -> None:
    schema = shipped("purchase-event.schema.json")
    mapping = shipped("purchase-event.mapping.yaml")
    rows = pd.DataFrame(
        {name: ["1"] for name in xp.MappingSet.load(mapping).source_contract(xp.Schema.load(schema)).columns}
    )
    with pytest.raises(UsageError, match="only record data such as profiles can be patched"):
        xp.diff(rows, rows, schema, mapping=mapping, on="_id")


def test_wrong_options_are_told_before_the_first_row() -> None:
    with pytest.raises(UsageError, match=r"new: expected .*'whol'.*Did you mean 'whole'"):
        patch_of(BEFORE, new="whol")
    with pytest.raises(UsageError, match=r"Did you mean 'identityMap"):
        patch_of(BEFORE, on="identitymap.CRMID[0].id")
    with pytest.raises(UsageError, match="maps nothing to the key"):
        patch_of(BEFORE, on="personalEmail.address")


def test_blocks_of_keys_make_the_same_patch(monkeypatch: pytest.MonkeyPatch) -> None:
    count = 50
    before = frame(*((str(n), f"{n}@x.example", "F", "C", str(n % 7)) for n in range(count)))
    after = before.assign(zip=[str((n * n) % 5) for n in range(count)]).iloc[::-1]
    after = pd.concat([after, after.iloc[3:9].assign(city="Late")])
    whole = patch_of(after, before, jobs=0)
    monkeypatch.setattr(comparing, "BLOCK_KEYS", 4)
    parted = patch_of(after, before, jobs=2)
    assert parted.to_pylist() == whole.to_pylist()
    assert parted.counts == whole.counts
    rows = [row for chunk in parted.chunks() for row in chunk.rows.tolist()]
    assert rows == sorted(rows)
    counts = whole.counts
    assert counts.after == counts.unchanged + counts.changed + counts.new + counts.superseded + counts.set_aside


def test_clock_and_chance_are_compared_as_they_come_out() -> None:
    mapping = {**MAPPING, "person.name.fullName": "uuid()"}
    patch = xp.diff(BEFORE, BEFORE, CRM, mapping=mapping)
    assert patch.counts.changed == 3
    assert patch.fields == ["person.name.fullName", "identityMap"]


def test_other_columns_on_one_side_are_no_difference() -> None:
    after = BEFORE.assign(more="x")
    assert patch_of(after).counts.unchanged == 3
    numbers = BEFORE.assign(zip=[1, 2, 3])  # another type: compared as records
    assert patch_of(numbers).counts.unchanged == 3


def test_rows_that_cannot_be_read_are_set_aside(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("id,mail,first,city,zip\n1,a@x.example,Ann,Rome,1\n2,,Bo,Oslo,2\n")
    (tmp_path / "a.csv").write_text("id,mail,first,city,zip\n1,a@x.example,Ann,Rome\n2,,Bo,Bergen,2\n")
    patch = xp.diff(tmp_path / "b.csv", tmp_path / "a.csv", CRM, mapping=MAPPING)
    assert [row["homeAddress"] for row in patch.to_pylist()] == [{"city": "Bergen"}]
    assert (patch.counts.after, patch.counts.set_aside, patch.counts.vanished) == (2, 1, 1)
    assert [(i["code"], i["row"]) for i in patch.issues.to_pylist()] == [("ragged-row", 1)]


def test_a_patch_is_a_stream_like_any_other(tmp_path: Path) -> None:
    after = BEFORE.assign(city=["Rome", "Oslo", "Basel"])
    patch = patch_of(after)
    manifest = xp.write_parquet(patch, tmp_path / "out")
    assert (manifest.rows, manifest.written, manifest.rejected) == (1, 1, 0)
    assert manifest.upsert
    assert patch.to_table().num_rows == 1
    assert patch.to_table().num_rows == 1  # it can be read again


def test_a_patch_of_changes_alone_has_each_of_them() -> None:
    after = BEFORE.assign(zip="9")
    patch = patch_of(pd.concat([after, frame(("4", None, "Di", "Nice", "4"))]), new="leave-out")
    assert [record["homeAddress"]["postalCode"] for record in patch.to_pylist()] == ["9", "9", "9"]
    assert patch.counts.left_out == 1


@pytest.mark.parametrize(("count", "refused"), [(1, False), (2, True), (3, True)])
def test_a_key_stands_once_where_duplicates_are_an_error(count: int, refused: bool) -> None:
    after = pd.concat([BEFORE.assign(zip="9")[:1]] * count + [BEFORE[1:]])
    if refused:
        with pytest.raises(DataError, match="1"):
            patch_of(after, duplicates="error").to_pylist()
    else:
        assert len(patch_of(after, duplicates="error").to_pylist()) == 1


@pytest.mark.parametrize(("most", "batches"), [(0, 0), (1, 3), (2, 2), (3, 1), (4, 1)])
def test_how_many_records_a_batch_of_a_patch_has(most: int, batches: int, tmp_path: Path) -> None:
    after, out = BEFORE.assign(zip="9"), tmp_path / "out"
    if not batches:
        with pytest.raises(UsageError, match="give at least 1"):
            xp.write_patch(BEFORE, after, CRM, out, mapping=MAPPING, max_records=most)
        return
    done = xp.write_patch(BEFORE, after, CRM, out, mapping=MAPPING, max_records=most)
    assert [made.written for made in done.manifests] == [min(most, 3 - first) for first in range(0, 3, most)]
    assert (out / "manifest.json").exists() == (batches == 1)


@pytest.mark.parametrize(
    ("items", "good"),
    [
        ([("CRM", 0, True)], True), ([("CRM", 0, None)], False), ([("CRM", 0, False)], False),
        ([("CRM", 0, True), ("Mail", 0, False)], True), ([("CRM", 0, True), ("Mail", 0, None)], False),
        ([("CRM", 0, True), ("Mail", 0, True)], False), ([("CRM", 0, True), ("CRM", 1, False)], False),
        ([("Mail", 0, True)], False), ([("CRM", 0, False), ("Mail", 0, True)], False),
    ],
)  # fmt: skip
def test_when_a_key_is_the_primary_identity_in_other_words(items: list[tuple[str, int, Any]], good: bool) -> None:
    leaves = [Leaf(("_id",), pa.string()), Leaf(("x", "primary"), pa.bool_())]
    for namespace, at, mark in items:
        item = ("identityMap", namespace, at)
        leaves += [Leaf((*item, "id"), pa.string()), Leaf((*item, "primary"), pa.bool_(), constant=mark)]
    key, primary = Key(("identityMap", "CRM", 0, "id"), pa.string()), Key(("identityMap",), pa.string())
    assert as_good_as(key, primary, leaves) == good
    assert as_good_as(primary, primary, leaves) and not as_good_as(primary, key, leaves)


NESTED = {
    "$id": "https://ns.adobe.com/acme/schemas/nested", "title": "nested", "type": "object",
    "meta:class": "https://ns.adobe.com/xdm/context/profile",
    "properties": {
        "_id": {"type": "string"}, "size": {"type": "integer", "meta:xdmType": "int"},
        "o": {"type": "object", "properties": {"s": {"type": "string", "maxLength": 5},
                                               "list": {"type": "array", "items": {"type": "string"}}}},
    },
    "meta:descriptors": [{"@type": "xdm:descriptorIdentity", "xdm:sourceProperty": "/_id", "xdm:namespace": "ID",
                          "xdm:property": "xdm:code", "xdm:isPrimary": True}],
}  # fmt: skip
#: The later rows: a value of another type, one that is too long, no key, and a good one.
FAULTY = [
    {"_id": "1", "size": "12 cm", "o": {"s": "a", "list": ["x"]}},
    {"_id": "2", "size": "2", "o": {"s": "much too long", "list": ["x", "y"]}},
    {"_id": None, "size": "3", "o": {"s": "c", "list": ["z"]}},
    {"_id": "4", "size": "4", "o": {"s": "d", "list": []}},
]


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("kind", ["json", "parquet", "table", "frame"])
def test_rows_set_aside_are_shown_as_the_source_has_them(kind: str, mapped: bool, tmp_path: Path) -> None:
    early = [{"_id": row["_id"] or "9", "size": "7", "o": {"s": "q", "list": ["x"]}} for row in FAULTY]

    def source(name: str, rows: list[dict[str, Any]]) -> Any:
        if kind == "frame":
            return pd.DataFrame(rows)
        if kind == "table":
            return pa.Table.from_pylist(rows)
        if kind == "parquet":
            pq.write_table(pa.Table.from_pylist(rows), tmp_path / f"{name}.parquet")
            return tmp_path / f"{name}.parquet"
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return tmp_path / f"{name}.jsonl"

    mapping = {"_id": "_id", "size": "size", "o": "o"} if mapped else None
    result = xp.write_patch(
        source("early", early),
        source("late", FAULTY),
        xp.Schema.from_dict(NESTED),
        tmp_path / "out",
        mapping=mapping,
        strict=mapped,
    )
    assert (result.counts.changed, result.counts.set_aside) == (1, 3)
    found = [json.loads(line) for line in (tmp_path / "out" / "rejects.jsonl").read_text().splitlines()]
    assert {entry["row"]: entry["source"] for entry in found} == {
        number: {name: value for name, value in row.items() if value is not None}
        for number, row in enumerate(FAULTY[:3], 1)
    }


ALL_KINDS = xp.Schema.from_dict(
    {
        "$id": "https://ns.adobe.com/acme/schemas/kinds",
        "title": "Kinds",
        "type": "object",
        "meta:extends": ["https://ns.adobe.com/xdm/context/profile", "https://ns.adobe.com/xdm/data/record"],
        "properties": {
            "key": {"type": "string"},
            "n": {"type": "integer"},
            "tags": {"type": "array", "items": {"type": "object", "properties": {"k": {"type": "string"}}}},
            "at": {"type": "object", "properties": {"y": {"type": "object", "properties": {"z": {"type": "integer"}}}}},
            "words": {"type": "object", "additionalProperties": {"type": "string"}},
            "items": {
                "type": "object",
                "additionalProperties": {"type": "object", "properties": {"p": {"type": "string"}}},
            },
        },
    }
)
FULL = {"tags": [{"k": "a"}], "at": {"y": {"z": 1}}, "words": {"a": "b"}, "items": {"a": {"p": "b"}}}


@pytest.mark.parametrize("form", ["dicts", "lines", "arrow"])
@pytest.mark.parametrize(
    "nothing",
    [
        {name: value}
        for name, values in {
            "tags": (None, [], [None], [{}], [{"k": None}]),
            "at": (None, {}, {"y": None}, {"y": {}}, {"y": {"z": None}}),
            "words": (None, {}, {"a": None}),
            "items": (None, {}, {"a": None}, {"a": {}}, {"a": {"p": None}}),
        }.items()
        for value in values
    ],
    ids=str,
)
def test_fields_that_are_empty_in_every_record_are_absent(nothing: dict[str, Any], form: str, tmp_path: Path) -> None:
    def source(record: dict[str, Any]) -> Any:
        if form == "lines":
            (tmp_path / f"{record['n']}.json").write_text(json.dumps(record) + "\n")
            return tmp_path / f"{record['n']}.json"
        return [record] if form == "dicts" else pa.Table.from_pylist([record])

    empty, full = {"key": "1", "n": 1, **nothing}, {"key": "1", "n": 2, **FULL}
    name = next(iter(nothing))
    after = {"key": "1", "n": 2}
    sent, same = [xp.diff(source(empty), source(one), ALL_KINDS, on="key") for one in (after, after | nothing)]
    assert sent.to_pylist() == same.to_pylist() == [after]
    assert (same.counts.changed, same.counts.new, same.counts.set_aside) == (1, 0, 0)
    filled = xp.diff(source(empty), source(full), ALL_KINDS, on="key")
    assert filled.to_pylist() == [full]
    gone = xp.diff(source(full), source(after | {"n": 3} | nothing), ALL_KINDS, on="key")
    assert gone.to_pylist() == [{"key": "1", "n": 3}] and gone.counts.set_aside == 0
    assert {path.split(".")[0] for path in gone.cannot_clear["path"].to_pylist()} == set(FULL)
    mapped = xp.map_rows(source(empty), {each: each for each in empty}, ALL_KINDS, strict=True)
    assert mapped.to_pylist() == [{"key": "1", "n": 1}] and not any(chunk.issues for chunk in mapped.chunks())
    assert xp.map_rows(source({"n": 0} | nothing), {name: name}, None).to_table().num_rows == 1


def test_a_value_that_does_not_fit_makes_no_row_unchanged() -> None:
    fine, wrong = {"key": "1", "at": {"y": {"z": 1}}}, {"key": "1", "n": 2**40, "at": {"y": {"z": 1}}}
    later = xp.diff([fine], [wrong], ALL_KINDS, on="key")
    assert later.to_pylist() == [] and (later.counts.unchanged, later.counts.set_aside) == (0, 1)
    earlier = xp.diff([wrong], [fine], ALL_KINDS, on="key")  # the platform never took it
    assert earlier.to_pylist() == [fine] and (earlier.counts.new, earlier.counts.unchanged) == (1, 0)
    both = xp.diff([wrong], [wrong], ALL_KINDS, on="key")
    assert both.to_pylist() == [] and (both.counts.unchanged, both.counts.set_aside) == (0, 1)


def test_one_of_a_kind_is_not_told_in_the_plural(tmp_path: Path) -> None:
    before = pa.table(
        {"id": ["a", "b", "c", "d"], "mail": ["a@x.example", "b@x.example", "c@x.example", "d@x.example"]}
    )
    after = pa.table({"id": ["a", "b", "d", "d"], "mail": ["none", None, "d@x.example", "d2@x.example"]})
    mapping = {
        "identityMap.CRMID[0].id": "id", "identityMap.CRMID[0].primary": "true", "personalEmail.address": "mail",
    }  # fmt: skip
    told = str(xp.write_patch(before, after, CRM, tmp_path, mapping=mapping))
    for kind in ("row set aside", "row replaced", "key vanished", "value gone", "record"):
        assert f"1 {kind}" in told
    assert not re.search(r"\b1 \w+s\b", told)
