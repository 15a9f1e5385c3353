"""Mapping sets taken home from Data Prep and sent back, through the real client against the emulator."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests

from xdmprep.cli import run
from xdmprep.emulator import Emulator
from xdmprep.mapping import MappingSet

SCHEMA = "https://ns.adobe.com/acme/schemas/crm-profile"
HEADERS = {"Authorization": "Bearer t", "x-api-key": "k", "x-gw-ims-org-id": "o", "x-sandbox-name": "prod"}
ROUTE = "/data/foundation/conversion/mappingSets"


def ask(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> dict:
    assert run([*map(str, arguments), "--json"]) == code, capsys.readouterr()
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("suffix", [".json", ".yaml"])
@pytest.mark.parametrize("name", ["crm", "loyalty"])
def test_a_set_goes_there_and_back_unchanged(
    name: str, suffix: str, url: str, schemas: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = schemas / f"{name}-profile.mapping.yaml"
    made = ask(capsys, "mapping", "push", ours, "--schema", schemas / f"{name}-profile.schema.json", "--url", url)
    assert made["created"] and made["version"] == 0 and made["losses"] == []
    home = tmp_path / f"home{suffix}"
    pulled = ask(capsys, "mapping", "pull", made["id"], home, "--url", url)
    assert pulled["mappings"] == made["mappings"] == len(MappingSet.load(ours).mappings)

    def meaning(path: Path) -> list[tuple[str, str]]:
        return [(one["source"], one["destination"]) for one in MappingSet.load(path).to_dict("posted")["mappings"]]

    assert meaning(home) == meaning(ours)
    changed = ask(capsys, "mapping", "push", home, "--url", url)
    assert not changed["created"] and changed["id"] == made["id"] and changed["version"] == 1
    stored = requests.get(f"{url}{ROUTE}/{made['id']}", headers=HEADERS, timeout=30).json()
    assert stored["version"] == 1 and stored["outputSchema"]["schemaRef"]["id"].endswith(f"{name}-profile")
    assert [(one["source"], one["destination"]) for one in stored["mappings"]] == meaning(ours)

    # the file is of the version before, so somebody may have changed the set since
    assert "Pull it again" in ask(capsys, "mapping", "push", home, "--url", url, code=2)["error"]["hint"]
    assert ask(capsys, "mapping", "push", home, "--url", url, "--force")["version"] == 2
    assert ask(capsys, "mapping", "push", home, "--url", url, "--new")["created"]
    listed = ask(capsys, "mapping", "pull", "--list", "--url", url)["mappingSets"]
    assert made["id"] in [one["id"] for one in listed]


def test_sets_are_kept_by_sandbox_and_survive_a_restart(
    schemas: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = schemas / "crm-profile.mapping.yaml"
    with Emulator(tmp_path / "lake", schemas=schemas) as server:
        made = ask(capsys, "mapping", "push", ours, "--schema", SCHEMA, "--url", server.url, "--sandbox", "dev")
        got = requests.get(
            f"{server.url}/data/foundation/schemaregistry/tenant/schemas",
            headers={**HEADERS, "x-sandbox-name": "dev", "Accept": "application/vnd.adobe.xed-id+json"}, timeout=30,
        )  # fmt: skip
        assert made["id"] not in got.text
    with Emulator(tmp_path / "lake", schemas=schemas) as server:
        ids = [
            [one["id"] for one in listed["mappingSets"]]
            for box in ("dev", "prod")
            for listed in [ask(capsys, "mapping", "pull", "--list", "--url", server.url, "--sandbox", box)]
        ]
    assert ids == [[made["id"]], []]


def test_what_is_wrong_is_said_before_anything_is_sent(
    url: str, schemas: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours, grouped, wrong = schemas / "crm-profile.mapping.yaml", tmp_path / "g.yaml", tmp_path / "w.yaml"
    grouped.write_text("$group_by: id\nidentityMap.CRMID[0].id: id\n", encoding="utf-8")
    wrong.write_text("person.name.firstName: lowr(x)\n", encoding="utf-8")
    before = len(ask(capsys, "mapping", "pull", "--list", "--url", url)["mappingSets"])
    for arguments, code, words in (
        (["push", ours, "--url", url], 2, "--schema"),
        (["push", ours, "--schema", "https://ns.adobe.com/none", "--url", url], 3, "no schema"),
        (["push", grouped, "--schema", SCHEMA, "--url", url], 2, "--force"),
        (["push", wrong, "--schema", SCHEMA, "--url", url], 2, "'lower'"),
        (["push", ours, "--schema", SCHEMA, "--id", "none", "--url", url], 3, "no mapping set none"),
        (["push", ours, "--schema", SCHEMA, "--id", "a", "--new", "--url", url], 2, "one of them"),
        (["pull", "none", "--url", url], 3, "--list"),
        (["pull", "--url", url], 2, "--list"),
        (["pull", "none", ours, "--url", url], 2, "--overwrite"),
    ):
        error = ask(capsys, "mapping", *arguments, code=code)["error"]
        assert words in error["message"] + error["hint"], error
    assert len(ask(capsys, "mapping", "pull", "--list", "--url", url)["mappingSets"]) == before


@pytest.mark.parametrize(
    "body",
    [
        [], {"mappings": []}, {"outputSchema": {"schemaRef": {"id": SCHEMA}}},
        {"outputSchema": {"schemaRef": {"id": SCHEMA}}, "mappings": {}},
        {"outputSchema": {"schemaRef": {"id": SCHEMA}}, "mappings": [1]},
        {"outputSchema": {"schemaRef": {"id": SCHEMA}}, "mappings": [{"source": "a"}]},
        {"outputSchema": {"schemaRef": {"id": SCHEMA}},
         "mappings": [{"source": "a", "destination": "b", "sourceType": "X"}]},
        {"outputSchema": {"schemaRef": {"id": SCHEMA}},
         "mappings": [{"source": "a" * 4097, "destination": "b", "sourceType": "EXPRESSION"}]},
    ],
)  # fmt: skip
def test_the_emulator_refuses_what_is_no_set(url: str, body: object) -> None:
    answer = requests.post(f"{url}{ROUTE}", json=body, headers=HEADERS, timeout=30)
    assert answer.status_code == 400 and answer.json()["detail"]
