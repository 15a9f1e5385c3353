"""Datasets and the files for them: what is refused, what is forced, how a dataset becomes one for patches."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from network_kit import (
    CATALOG,
    LOYALTY,
    PROFILE_TAGS,
    UPSERT_TAGS,
    call,
    folder_of,
    ingest,
    lines,
    new_batch,
    new_dataset,
    profile,
    put,
    quick,
    record,
    simple_folder,
)  # fmt: skip

from xdmprep import wire
from xdmprep.client import Client, readiness
from xdmprep.emulator import Emulator
from xdmprep.errors import PlatformError, SourceError

EVENT = "https://ns.adobe.com/acme/schemas/purchase-event"
NEW_TAGS = {"unifiedProfile": ["enabled:true", "isUpsert:true"], "unifiedIdentity": ["enabled:true"]}


@pytest.fixture
def client(emulator: Emulator) -> Any:
    with quick(emulator.url) as made:
        made.told = []
        made.tell = made.told.append
        yield made


def tags_of(url: str, dataset: str) -> dict[str, Any]:
    (doc,) = call("GET", url, f"{CATALOG}/dataSets/{dataset}").json().values()
    return {name: values for name, values in doc["tags"].items() if not name.startswith("adobe/")}  # the catalog's own


def whole(number: int, city: str) -> dict[str, Any]:
    return record(number, person={"name": {"firstName": "Zoë"}}, homeAddress={"city": city})


def patch_folder(folder: Path, *, city: str = "Oslo") -> Path:
    return folder_of(folder, [lines([record(1, homeAddress={"city": city})])], upsert=True)


def codes(client: Client, dataset: str, folder: Path | None = None, level: str = "error") -> list[str]:
    return [found.code for found in client.check_dataset(dataset, folder).findings if found.level == level]


@pytest.mark.parametrize("blank", ["", " ", "  "])
@pytest.mark.parametrize("case", [str, str.upper])
def test_both_spellings_of_the_tags(blank: str, case: Any) -> None:
    tags = {"unifiedProfile": [f"enabled:{blank}true", case(f"isUpsert:{blank}true")],
            "unifiedIdentity": [f"enabled:{blank}true"]}  # fmt: skip
    assert wire.takes_upserts(tags) and wire.enable_upsert(tags) == []
    assert not wire.takes_upserts({**tags, "unifiedIdentity": [f"enabled:{blank}false"]})
    assert not wire.takes_upserts({**tags, "unifiedProfile": [f"enabled:{blank}true"]})


def test_a_patch_is_refused_unless_forced(emulator: Emulator, client: Any, tmp_path: Path) -> None:
    dataset = new_dataset(emulator.url, tags=PROFILE_TAGS)
    ingest(emulator.url, dataset, [whole(1, "Bergen")])
    folder = patch_folder(tmp_path / "patch")
    with pytest.raises(PlatformError, match=r"not enabled for upsert.*dataset check .* force=True"):
        client.upload(folder, dataset)
    assert len(call("GET", emulator.url, CATALOG + "/batches").json()) == 1  # nothing was sent
    batch = client.wait(client.upload(folder, dataset, force=True), timeout=20)
    assert batch.ok
    (loud,) = [line for line in client.told if line.startswith("ATTENTION")]
    assert "replaces a whole fragment" in loud and "LOST" in loud and "(1 record)" in loud
    assert profile(emulator.url, "CRMID", "c1") == record(1, homeAddress={"city": "Oslo"})  # as was said
    assert client.upload(folder, dataset, force=True).id == batch.id
    # what was forced does not stand for the patch: once the dataset takes patches, it is sent as one
    client.enable_upsert(dataset)
    ingest(emulator.url, dataset, [whole(1, "Bergen")])
    assert client.wait(client.upload(folder, dataset), timeout=20).id != batch.id
    assert profile(emulator.url, "CRMID", "c1") == whole(1, "Oslo")


def test_a_series_can_be_forced(emulator: Emulator, client: Any, tmp_path: Path) -> None:
    dataset = new_dataset(emulator.url, tags=PROFILE_TAGS)
    for number in (1, 2):
        folder_of(tmp_path / f"batch-{number:05d}", [lines([record(number, person={"birthYear": 1990})])], upsert=True,
                  source={"name": "test", "batch": number, "batches": 2})  # fmt: skip
    with pytest.raises(PlatformError, match=r"batch 1 of 2 .*not enabled for upsert"):
        client.upload_series(tmp_path, dataset)
    assert call("GET", emulator.url, CATALOG + "/batches").json() == {}
    series = client.upload_series(tmp_path, dataset, force=True)
    assert len(series.batches) == 2 and not series.failed
    assert sum(line.startswith("ATTENTION") for line in client.told) == 2


def test_force_does_not_reach_the_other_checks(emulator: Emulator, client: Any, tmp_path: Path) -> None:
    folder = patch_folder(tmp_path / "patch")
    with pytest.raises(PlatformError, match="has the schema"):
        client.upload(folder, new_dataset(emulator.url, LOYALTY, tags=UPSERT_TAGS), force=True)


def test_forced_into_a_dataset_that_is_not_for_profile(emulator: Emulator, client: Any, tmp_path: Path) -> None:
    dataset, folder = new_dataset(emulator.url), patch_folder(tmp_path / "patch")
    with pytest.raises(PlatformError, match="not enabled for Profile"):
        client.upload(folder, dataset)
    assert client.wait(client.upload(folder, dataset, force=True), timeout=20).ok
    assert any(line.startswith("ATTENTION") and "no profile changes" in line for line in client.told)
    assert profile(emulator.url, "CRMID", "c1") is None


@pytest.mark.parametrize(("tags", "expected"), [
    ({}, ["not-profile"]),
    ({"unifiedProfile": ["enabled: false"], "unifiedIdentity": ["enabled: false"]}, ["not-profile"]),
    (PROFILE_TAGS, ["not-upsert"]),
    ({"unifiedProfile": ["enabled:true", "isUpsert:true"]}, ["not-identity"]),
    (UPSERT_TAGS, []),
    (NEW_TAGS, []),
])  # fmt: skip
def test_what_a_check_finds_for_a_patch(
    emulator: Emulator, client: Any, tmp_path: Path, tags: Any, expected: list[str]
) -> None:
    dataset, folder = new_dataset(emulator.url, tags=tags), patch_folder(tmp_path / "patch")
    assert codes(client, dataset, folder) == expected
    assert "upsert" not in codes(client, dataset, folder, "warning")
    found = client.check_dataset(dataset, folder)
    assert found.ok is (expected == []) and (found.files, found.records) == (1, 1)
    assert json.loads(json.dumps(found.to_dict()))["ok"] is found.ok
    # the same dataset by itself: nothing is an error, and a patch alone changes nothing of that
    assert client.check_dataset(dataset).ok
    # the requests that the steps name are those that work
    for patch in [step for one in found.errors for step in one.steps if "PATCH" in step]:
        body = json.loads(patch[patch.index("[") :])
        answer = call("PATCH", emulator.url, f"{CATALOG}/dataSets/{dataset}", data=json.dumps(body),
                      headers={"Content-Type": wire.PATCH_TYPE})  # fmt: skip
        assert answer.status_code == 200, answer.text
    assert codes(client, dataset, folder) == []


def test_what_a_check_finds_besides(emulator: Emulator, client: Any, tmp_path: Path) -> None:
    folder = simple_folder(tmp_path / "plain", files=1)
    assert codes(client, new_dataset(emulator.url, LOYALTY), folder) == ["other-schema"]
    assert codes(client, new_dataset(emulator.url), folder, "note") == ["not-profile"]
    assert codes(client, new_dataset(emulator.url, tags=UPSERT_TAGS), folder, "warning")[0] == "upsert"
    only = {"unifiedProfile": ["enabled:true"]}
    assert "not-identity" in codes(client, new_dataset(emulator.url, tags=only), folder, "warning")
    csv = {"fileDescription": {"persisted": True, "containerFormat": "csv", "format": "csv"}}
    assert "format" in codes(client, new_dataset(emulator.url, **csv), folder, "warning")
    table = folder_of(tmp_path / "csv", [b"a,b\n1,2\n"], rows=[1], format="csv")
    assert codes(client, new_dataset(emulator.url, **csv), table, "warning") == []
    assert codes(client, new_dataset(emulator.url, tags=PROFILE_TAGS), table, "warning")[:2] == [
        "format",
        "csv-profile",
    ]
    events = patch_folder(tmp_path / "events")
    manifest = json.loads((events / "manifest.json").read_text())
    manifest["schema"]["id"] = EVENT
    (events / "manifest.json").write_text(json.dumps(manifest))
    assert codes(client, new_dataset(emulator.url, EVENT, tags=UPSERT_TAGS), events) == ["not-record"]
    with pytest.raises(PlatformError, match="does not exist"):
        client.check_dataset("none", folder)
    next(folder.glob("part-*")).unlink()
    with pytest.raises(SourceError):
        client.check_dataset(new_dataset(emulator.url), folder)


def test_the_schema_is_judged_by_what_the_registry_says(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    source = json.loads((request.config.rootpath / "schemas" / "crm-profile.schema.json").read_text(encoding="utf-8"))
    schemas = tmp_path / "schemas"
    schemas.mkdir()
    bare = {**source, "$id": "https://ns.adobe.com/acme/schemas/bare", "meta:altId": "_acme.schemas.bare"}
    bare["properties"] = {name: node for name, node in source["properties"].items() if name != "identityMap"}
    for name in ("meta:descriptors", "meta:immutableTags"):
        bare.pop(name, None)
    for name, doc in (("crm", {**source, "meta:immutableTags": ["union"]}), ("bare", bare)):
        (schemas / f"{name}.schema.json").write_text(json.dumps(doc), encoding="utf-8")
    with Emulator(schemas=schemas) as server, quick(server.url) as client:
        assert client.check_dataset(new_dataset(server.url, source["$id"], tags=UPSERT_TAGS)).findings == ()
        dataset = new_dataset(server.url, bare["$id"], tags=UPSERT_TAGS)
        assert codes(client, dataset, level="warning") == ["schema-not-profile", "no-identity"]
    with Emulator() as server, quick(server.url) as client:
        assert codes(client, new_dataset(server.url, tags=UPSERT_TAGS), level="note") == ["schema-unseen"]


@pytest.mark.parametrize("tags", [{}, None, PROFILE_TAGS, {"unifiedProfile": ["enabled: true"], "other": ["x"]}])
def test_a_dataset_is_enabled_for_patches(emulator: Emulator, client: Any, tags: Any) -> None:
    dataset = new_dataset(emulator.url, tags=tags)
    plan = client.plan_upsert(dataset)
    assert tags_of(emulator.url, dataset) == (tags or {})  # a plan changes nothing
    assert plan.interrupts is bool(tags) and len(plan.patches) == (2 if tags else 1)
    client.enable_upsert(dataset)
    after = tags_of(emulator.url, dataset)
    assert after == {**(tags or {}), **NEW_TAGS}
    assert client.enable_upsert(dataset).patches == () and tags_of(emulator.url, dataset) == after


def test_nothing_is_disabled_while_a_batch_is_under_way(client: Any, request: pytest.FixtureRequest) -> None:
    with Emulator(schemas=request.config.rootpath / "schemas", delay=30) as slow, quick(slow.url) as client:
        dataset = new_dataset(slow.url, tags=PROFILE_TAGS)
        batch = new_batch(slow.url, dataset)
        assert [found.id for found in client.plan_upsert(dataset).open] == [batch]
        assert put(slow.url, batch, dataset, "a.json", lines([whole(1, "Bergen")])).ok
        assert call("POST", slow.url, wire.batch_path(batch), params={"action": "COMPLETE"}).ok
        with pytest.raises(PlatformError, match=rf"{batch}.*Nothing was changed"):
            client.enable_upsert(dataset)
        assert tags_of(slow.url, dataset) == PROFILE_TAGS


def refuse(monkeypatch: pytest.MonkeyPatch, *numbers: int, status: int | None = 400) -> None:
    """The PATCHes of these numbers (from 1) do not get through: refused, or (None) nobody answers."""
    original, seen = requests.Session.send, []

    def send(self: Any, request: Any, **more: Any) -> Any:
        if request.method == "PATCH":
            seen.append(request)
            if len(seen) in numbers or (status is None and len(seen) > min(numbers)):
                if status is None:
                    raise requests.ConnectionError("connection refused")
                answer = requests.Response()
                answer.status_code, answer._content, answer.request = status, b'{"title": "not today"}', request
                return answer
        return original(self, request, **more)

    monkeypatch.setattr(requests.Session, "send", send)


def test_tags_come_back_where_enabling_is_refused(
    emulator: Emulator, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = new_dataset(emulator.url, tags=PROFILE_TAGS)
    with monkeypatch.context() as patched:
        refuse(patched, 2)
        with pytest.raises(PlatformError, match=r"enable dataset .*not today"):
            client.enable_upsert(dataset)
    assert tags_of(emulator.url, dataset) == PROFILE_TAGS
    assert any("as it was before" in line for line in client.told)


@pytest.mark.parametrize("status", [400, None])
def test_a_dataset_left_disabled_is_said_loudly(
    emulator: Emulator, client: Any, monkeypatch: pytest.MonkeyPatch, status: int | None
) -> None:
    dataset = new_dataset(emulator.url, tags=PROFILE_TAGS)
    with monkeypatch.context() as patched:
        refuse(patched, 2, 3, status=status)
        with pytest.raises(PlatformError):
            client.enable_upsert(dataset)
    assert wire.has_flag(tags_of(emulator.url, dataset), "unifiedProfile", "enabled") is False
    (loud,) = [line for line in client.told if line.startswith("ATTENTION")]
    assert "left disabled" in loud
    client.enable_upsert(dataset)  # the same command again
    assert tags_of(emulator.url, dataset) == NEW_TAGS


def test_a_first_refusal_changes_nothing(emulator: Emulator, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = new_dataset(emulator.url, tags=PROFILE_TAGS)
    with monkeypatch.context() as patched:
        refuse(patched, 1, status=403)
        with pytest.raises(PlatformError, match="disable dataset"):
            client.enable_upsert(dataset)
    assert tags_of(emulator.url, dataset) == PROFILE_TAGS


def test_the_steps_that_enable_a_dataset_are_as_many_as_its_patches():
    state: Any = SimpleNamespace(dataset="D", schema="S")
    for tags, patches, done in (({}, 1, "that is done"), ({"unifiedProfile": ["enabled:true"]}, 2, "both are done")):
        steps = readiness._enabling(state, {"tags": tags})
        assert len(steps) == patches + 3 and done in steps[patches]
        assert ("Let nothing be ingested" in steps[-2]) == (patches == 2)


@pytest.mark.parametrize("primary", [True, False, None])
@pytest.mark.parametrize("name", ["identityMap", "xdm:identityMap", "x"])
def test_a_primary_identity_or_an_identity_map_leads_to_profiles(primary, name):
    found: Any = SimpleNamespace(descriptors=[{"xdm:isPrimary": primary}], schema={"properties": {name: {}}})
    state: Any = SimpleNamespace(schema="S", profile=True, upsert=False)
    codes = [finding.code for finding in readiness._of_schema(state, found, None)]
    assert ("no-identity" in codes) == (primary is not True and name == "x")
