"""What the commands print for programs follows the JSON Schemas that are published with the package."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from jsonschema import Draft202012Validator

from xdmprep.cli import run, xdmprep
from xdmprep.cli.explain import FOLDER, contract, names
from xdmprep.emulator import Emulator

Runs = dict[str, list[tuple[int, Any]]]


def ask(*arguments: object, option: str = "--json") -> tuple[int, str]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        code = run([*map(str, arguments), option])
    return code, out.getvalue()


def leaves(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every command below a group, with its name."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from leaves(command, (*path, name))
        elif command is not None:
            yield " ".join((*path, name)), command


COMMANDS = dict(leaves(xdmprep))


def strict(schema: Any) -> Any:
    """A schema that takes no key it does not name, so that none is printed that is not published."""
    if isinstance(schema, dict):
        made = {key: strict(value) for key, value in schema.items()}
        if made.get("type") == "object" and "properties" in made:
            made.setdefault("additionalProperties", False)
        return made
    return [strict(part) for part in schema] if isinstance(schema, list) else schema


def check(data: Any, name: str) -> None:
    error = next(iter(Draft202012Validator(strict(contract(name))).iter_errors(data)), None)
    if error is not None:
        best = min(error.context or [error], key=lambda one: -len(one.absolute_path))
        pytest.fail(f"{name}: {best.message[:500]} at {list(best.absolute_path)}")


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from [node["$ref"]] if "$ref" in node else []
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from references(part)


def test_what_is_shared_is_used_and_is_in_its_place_in_what_is_printed() -> None:
    files = {file.name: json.loads(file.read_text(encoding="utf-8")) for file in FOLDER.glob("*.json")}
    shared = {f"#/$defs/{name}" for name in files["shared.json"]["$defs"]}
    used = {ref.removeprefix("shared.json") for content in files.values() for ref in references(content)}
    assert shared == used
    for name in names():
        assert not list(references(contract(name)))
        Draft202012Validator.check_schema(contract(name))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """The outputs of real runs of every command, in every shape."""
    folder = tmp_path_factory.mktemp("contracts")
    schemas = Path(__file__).parents[2] / "schemas"
    crm, mapping = schemas / "examples" / "crm-profiles.csv", schemas / "crm-profile.mapping.yaml"
    schema, out, good = schemas / "crm-profile.schema.json", folder / "out", folder / "good"
    lines = crm.read_text(encoding="utf-8").splitlines(keepends=True)
    few, later, changes = folder / "a.csv", folder / "b.csv", folder / "changes.csv"
    few.write_text("".join(lines[:4]), encoding="utf-8")
    later.write_text("".join(lines[:3]).replace("Duluth", "Paris"), encoding="utf-8")
    changes.write_text("id,city\n1,Paris\n", encoding="utf-8")
    change_map, wrong, groups = folder / "c.json", folder / "wrong.yaml", folder / "groups.yaml"
    change_map.write_text(json.dumps({
        "identityMap.LOYALTYID[0].id": "id", "identityMap.LOYALTYID[0].primary": "true", "homeAddress.city": "city",
    }), encoding="utf-8")  # fmt: skip
    wrong.write_text("person.nme: F_NAME\n", encoding="utf-8")
    groups.write_text(
        "$group_by: city\nhomeAddress.city: city\nidentityMap.LOYALTYID[0].id: id\n"
        "identityMap.LOYALTYID[0].primary: 'true'\n", encoding="utf-8"
    )  # fmt: skip
    found: Runs = {}

    def note(name: str, *arguments: object) -> Any:
        code, text = ask(*name.split(), *arguments)
        assert len(text.splitlines()) == 1 or name == "explain", text
        data = json.loads(text)
        found.setdefault(name, []).append((code, data))
        assert "error" not in data, (name, data)
        return data

    job = ("-m", mapping, "-s", schema)
    note("init", crm, "--schema", schema, "--dir", folder / "project")
    note("demo")
    note("prepare", crm, *job, "-o", out)
    note("prepare", few, *job, "-o", good)
    note("prepare", few, later, *job, "-o", folder / "two")
    note("prepare", changes, "-m", groups, "-s", schema, "-o", folder / "grouped")
    note("prepare", changes, "-m", change_map, "-s", schema, "-o", folder / "upsert", "--upsert", "--relax-required")
    note("mend", out)
    note("validate", out / "part-00000.json", "-s", schema)
    note("validate", crm, few, *job, "--cap", 3)
    note("diff", few, later, *job, "-o", folder / "patch", "--preview")
    note("schema show", schema)
    note("schema show", schemas / "loyalty-profile.schema.json")
    note("schema show", schemas)
    note("schema check", schema)
    note("schema check", schema, schemas / "store-visits.adhoc.schema.json")
    note("schema diff", schema, schemas / "loyalty-profile.schema.json")
    note("schema diff", schema, schemas / "loyalty-profile.schema.json", "--data", out / "part-00000.json")
    note("schema sample", schema, "--count", 2)
    note("schema sample", schema, "--count", 2, "--out", folder / "sample.json")
    note("mapping check", mapping, "--schema", schema, "--source", crm)
    note("mapping check", mapping, wrong, "--schema", schema)
    note("mapping explain", mapping, "--source", crm, "--schema", schema)
    note("mapping suggest", crm, "--schema", schema)
    note("mapping convert", mapping, folder / "posted.json")
    note("mapping functions")
    note("doctor")
    note("explain", "pattern")
    note("explain", "--list")
    note("explain", "--json-schema", "prepare")
    with Emulator(schemas=schemas) as server:
        at = ("--url", server.url)
        dataset = note("dataset create", "people", "--schema", schema, "--profile", *at)["id"]
        note("dataset check", dataset, "--manifest", folder / "patch", *at)
        note("dataset check", dataset, *at)
        batch = note("upload", good, "--dataset", dataset, "--wait", *at)["id"]
        note("dataset show", dataset, *at)
        note("dataset enable-upsert", dataset, *at)
        note("dataset enable-upsert", dataset, "--yes", *at)
        note("batch status", batch, *at)
        note("batch errors", batch, "--manifest", good, *at)
        note("batch revert", batch, *at)
        note("batch abort", _begun(server.url, dataset), *at)
        pushed = note("mapping push", mapping, "--schema", schema, *at)["id"]
        note("mapping pull", pushed, folder / "pulled.json", *at)
        note("mapping pull", "--list", *at)
        note("schema pull", "https://ns.adobe.com/acme/schemas/crm-profile", "--out", folder / "pulled", *at)
        note("schema pull", "--list", *at)
    return found


def _begun(url: str, dataset: str) -> str:
    import requests

    headers = {"Authorization": "Bearer t", "x-api-key": "k", "x-gw-ims-org-id": "o", "x-sandbox-name": "prod"}
    body = {"datasetId": dataset, "inputFormat": {"format": "json"}}
    answer = requests.post(f"{url}/data/foundation/import/batches", json=body, headers=headers, timeout=30)
    return str(answer.json()["id"])


def test_every_command_with_json_has_a_contract() -> None:
    with_json = {
        name.replace(" ", "-")
        for name, command in COMMANDS.items()
        if any("--json" in parameter.opts for parameter in command.params)
    }
    assert with_json == {name.replace(" ", "-") for name in COMMANDS}
    assert set(names()) == with_json | {"events"}
    for name in names():
        Draft202012Validator.check_schema(contract(name))


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"emulate"}))
def test_what_a_run_prints_follows_its_contract(name: str, runs: Runs) -> None:
    assert runs[name]
    for _, data in runs[name]:
        check(data, name)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_refusal_follows_the_contract_of_its_command(name: str) -> None:
    code, text = ask(*name.split(), "--no-such-option")
    assert code == 2
    data = json.loads(text)
    assert data["ok"] is False
    check(data, name)


def test_the_emulator_says_where_it_listens() -> None:
    line = [sys.executable, "-m", "xdmprep", "emulate", "--port", "0", "--json"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            data = json.loads(running.stdout.readline())
        finally:
            running.terminate()
    check(data, "emulate")
    assert data["pid"] == running.pid and data["url"].startswith("http://127.0.0.1:")


@pytest.mark.parametrize("name", ["prepare", "validate", "schema-check", "upload", "doctor"])
def test_a_contract_takes_nothing_else(name: str, runs: Runs) -> None:
    """The schemas are no empty promise: an output that lacks any one key, or has another type, breaks them."""
    shape = Draft202012Validator(contract(name))
    data = runs[name.replace("-", " ")][0][1]
    required = contract(name)["anyOf"][0]["required"]
    for key in required:
        lacking = {other: value for other, value in data.items() if other != key}
        wrong = copy.deepcopy(data)
        wrong[key] = object
        assert not shape.is_valid(lacking), key
        assert not shape.is_valid(wrong), key


def events(text: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in text.splitlines()]
    for one in found:
        check(one, "events")
    assert [one["event"] for one in found].count("finished") == 1 and found[-1]["event"] == "finished"
    return found


def test_event_streams_follow_their_contract(tmp_path: Path, schemas: Path) -> None:
    job = ("-m", schemas / "crm-profile.mapping.yaml", "-s", schemas / "crm-profile.schema.json")
    crm, out = schemas / "examples" / "crm-profiles.csv", tmp_path / "out"
    code, text = ask("prepare", crm, *job, "-o", out, "--max-rows", 100, option="--json-lines")
    found = events(text)
    assert code == found[-1]["exitCode"] == 1
    parts = [one for one in found if one["event"] == "part"]
    assert [(one["name"], one["rows"]) for one in parts] == [
        (one["name"], one["rows"]) for one in found[-1]["result"]["files"]
    ]
    assert len(parts) == 3
    check(found[-1]["result"], "prepare")

    code, text = ask("validate", *sorted(out.glob("part-*")), *job[2:], option="--json-lines")
    found = events(text)
    assert [one["event"] for one in found] == ["started", "file", "file", "file", "finished"]
    check(found[-1]["result"], "validate")

    (tmp_path / "b.csv").write_text(crm.read_text(encoding="utf-8").replace("Duluth", "Paris"), encoding="utf-8")
    code, text = ask("diff", crm, tmp_path / "b.csv", *job, "-o", tmp_path / "patch", option="--json-lines")
    found = events(text)
    assert [one["event"] for one in found if one["event"] == "part"] == ["part"]
    check(found[-1]["result"], "diff")

    with Emulator(schemas=schemas) as server:
        at = ("--url", server.url)
        dataset = json.loads(ask("dataset", "create", "x", "--schema", job[3], *at)[1])["id"]
        code, text = ask("upload", out, "--dataset", dataset, "--wait", *at, option="--json-lines")
        found = events(text)
        assert code == 0
        assert sorted(one["name"] for one in found if one["event"] == "file") == [one["name"] for one in parts]
        assert [one["status"] for one in found if one["event"] == "batch"][-1] in ("success", "active")
        check(found[-1]["result"], "upload")
        code, text = ask("upload", out, "--dataset", "none", *at, option="--json-lines")
        found = events(text)
        assert code == found[-1]["exitCode"] == 3 and found[-1]["error"]["hint"]


@pytest.mark.parametrize("command", ["prepare", "validate", "diff", "upload"])
def test_refused_before_it_starts_a_stream_is_its_last_line(command: str) -> None:
    code, text = ask(command, "--no-such-option", option="--json-lines")
    (only,) = events(text)
    assert code == only["exitCode"] == 2 and only["error"]["code"] == "usage"
