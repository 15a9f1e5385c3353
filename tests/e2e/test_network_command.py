"""The commands of the network wing as a user runs them: output, exit codes, kills, two at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import command_kit
import pytest
import requests
from network_kit import (
    CATALOG,
    CRM,
    PROFILE_TAGS,
    Server,
    act,
    call,
    folder_of,
    lines,
    new_batch,
    new_dataset,
    profile,
    quick,
    record,
    simple_folder,
)  # fmt: skip

from xdmprep.emulator import Emulator

QUICK = {"XDMPREP_BACKOFF": "0.01", "XDMPREP_TIMEOUT": "10"}


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("XDMPREP_")}
    return {**kept, **QUICK, **more}


def start(*arguments: object, **more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "xdmprep", *map(str, arguments)], text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=environment(**more),
    )  # fmt: skip


def command(*arguments: object, **more: str) -> tuple[int, str, str]:
    done = command_kit.command(*arguments, env=environment(**more), timeout=60)
    return done.returncode, done.stdout, done.stderr


def valid(number: int) -> dict:
    return record(number, person={"name": {"firstName": "A"}})


def test_the_whole_way(url, tmp_path, schemas):
    file = schemas / "crm-profile.schema.json"
    code, output, _ = command("dataset", "create", "crm", "--schema", file, "--profile", "--url", url)
    dataset = output.strip()
    assert code == 0 and len(dataset) == 24
    folder = folder_of(tmp_path / "out", [lines([valid(1), valid(2)])])
    code, output, _ = command("dataset", "check", dataset, "--manifest", folder, "--url", url)
    assert code == 0 and "takes these files (1 file, 2 records)" in output
    code, output, errors = command("upload", folder, "--dataset", dataset, "--url", url, "--wait")
    assert code == 0 and "2 in, 2 ingested, 0 failed" in output and "created" in errors
    assert profile(url, "CRMID", "c1") == valid(1)
    code, output, _ = command("upload", folder, "--dataset", dataset, "--url", url, "--json")
    batch = json.loads(output)["id"]
    assert code == 0
    code, output, _ = command("batch", "status", batch, "--url", url, "--json")
    assert code == 0 and json.loads(output)["status"] == "active"
    code, output, _ = command("dataset", "show", dataset, "--url", url)
    assert code == 0 and "Profile: enabled" in output and batch in output and CRM in output
    code, output, errors = command("upload", folder, "--dataset", dataset, "--url", url, "--replay", batch, "--wait")
    assert code == 0 and f"{batch} (active, 2 records)" in errors
    code, output, _ = command("batch", "status", batch, "--url", url)
    assert code == 0 and "inactive" in output


def test_a_failed_batch(url, tmp_path):
    dataset = new_dataset(url)
    folder = folder_of(tmp_path / "out", [lines([valid(1), b"{broken", record(3, person={"birthYear": "x"})])])
    code, output, _ = command("upload", folder, "--dataset", dataset, "--url", url)
    assert code == 0  # without --wait nobody has looked
    code, output, _ = command("upload", folder, "--dataset", dataset, "--url", url, "--wait")
    assert code == 1 and "failed" in output
    code, output, errors = command("upload", folder, "--dataset", dataset, "--url", url, "--wait")
    assert code == 1 and "--again" in errors
    code, _, errors = command("upload", folder, "--dataset", dataset, "--url", url)
    assert code == 3 and "--again" in errors
    code, output, _ = command("upload", folder, "--dataset", dataset, "--url", url, "--wait", "--again", "--json",
                              "--partial-percent", "90")  # fmt: skip
    data = json.loads(output)
    assert code == 0 and data["recordsFailed"] == 2
    code, output, _ = command("batch", "status", data["id"], "--url", url)
    assert code == 0 and "ATTENTION: lost 2 records" in output
    code, output, _ = command("batch", "errors", data["id"], "--manifest", folder, "--url", url, "--json")
    assert sorted(error["row"] for error in json.loads(output)["rowErrors"]) == [2, 3]
    code, output, _ = command("batch", "errors", data["id"], "--manifest", folder, "--url", url, "--limit", "1")
    assert code == 0 and "and 1 more" in output


def test_abort_and_revert(url):
    dataset = new_dataset(url)
    batch = new_batch(url, dataset)
    code, output, _ = command("batch", "abort", batch, "--url", url)
    assert code == 0 and "aborted" in output
    code, _, errors = command("batch", "revert", batch, "--url", url)
    assert code == 3 and "HTTP 400" in errors and batch in errors


BAD_USE = [
    (["upload", "none", "--dataset", "D", "--url", "http://127.0.0.1:9"], 2, "none"),
    (["upload", "{folder}", "--dataset", "D"], 2, "credentials"),
    (["upload", "{folder}", "--dataset", "none", "--url", "{url}"], 3, "dataset none does not exist"),
    (["upload", "{folder}", "--dataset", "D", "--url", "http://127.0.0.1:9"], 3, "connection refused"),
    (["upload", "{folder}", "--dataset", "D", "--url", "{url}", "--config", "none.json"], 2, "none.json"),
    (["upload", "{folder}", "--dataset", "D", "--url", "nonsense://x"], 2, "not an address"),
    (["upload", "{folder}", "--url", "{url}"], 2, "--dataset"),
    (["batch", "status", "none", "--url", "{url}"], 3, "batch none"),
    (["dataset", "create", "x", "--schema", "none.json", "--url", "{url}"], 2, "none.json"),
    (["dataset", "create", "x", "--schema", "https://ns.adobe.com/none", "--url", "{url}"], 3, "does not exist"),
    (["emulate", "--fault", "route=nowhere,status=503"], 2, "no route"),
    (["emulate", "--schemas", "none"], 2, "not a folder"),
    (["emulate", "--port", "0", "--data", "{folder}/manifest.json"], 2, "cannot keep"),
]


@pytest.mark.parametrize(
    ("arguments", "code", "words"), BAD_USE, ids=lambda value: " ".join(value) if isinstance(value, list) else None
)
def test_bad_use_is_one_clear_line(url, tmp_path, arguments, code, words):
    folder = simple_folder(tmp_path / "out")
    found, output, errors = command(*[part.format(folder=folder, url=url) for part in arguments])
    assert found == code, errors
    assert words in errors and output == ""
    assert len([line for line in errors.splitlines() if line.startswith(("xdmprep:", "Error:"))]) == 1


def test_secrets_are_never_shown(tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"org_id": "O@AdobeOrg", "client_id": "ID", "secret": "SECRET-VALUE"}))
    folder = simple_folder(tmp_path / "out")
    with Emulator(token="right") as server:
        dataset = new_dataset_with(server.url, "right")
        environment_ = {"XDMPREP_IMS_URL": server.url}
        code, output, errors = command("upload", folder, "--dataset", dataset, "--url", server.url, "--config", config,
                                       "--wait", **environment_)  # fmt: skip
        assert code == 0, errors  # with a token that the token route has issued
        code, output, errors = command("batch", "status", "x", "--url", server.url, XDMPREP_TOKEN="TOKEN-VALUE")
        assert code == 3 and "401013" in errors
    everything = output + errors + "".join(path.read_text() for path in folder.iterdir())
    assert "SECRET-VALUE" not in everything and "TOKEN-VALUE" not in everything and "emulator-" not in everything


def new_dataset_with(url: str, token: str) -> str:
    response = call(
        "POST", url, CATALOG + "/dataSets", json={"name": "x"}, headers={"Authorization": f"Bearer {token}"}
    )
    return response.json()[0].rsplit("/", 1)[-1]


@pytest.mark.parametrize("route", ["batches", "create", "file", "complete", "status"])
def test_killed_at_every_step_it_goes_on(tmp_path, route):
    with Emulator() as server:
        server.state.unique_external_ids = False  # what the client does must be enough
        dataset = new_dataset(server.url)
        folder = simple_folder(tmp_path / "out")
        requests.post(server.url + "/_emulator/faults", json=f"route={route},delay=1", timeout=20)
        process = start("upload", folder, "--dataset", dataset, "--url", server.url)
        deadline = time.monotonic() + 20
        while not any(rule["count"] == 0 for rule in server.state.faults.listed()) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.kill()
        process.communicate()
        arguments = ("upload", folder, "--dataset", dataset, "--url", server.url, "--wait")
        code, _, errors = command(*arguments, XDMPREP_BACKOFF="0.3")
        assert code == 0, errors
        time.sleep(1.2)  # by now the killed process's request has come through
        found = call("GET", server.url, CATALOG + "/batches", params={"dataSet": dataset}).json()
        assert [doc["status"] for doc in found.values()] == ["active"]
        (doc,) = found.values()
        assert doc["metrics"]["outputRecordCount"] == 12


def test_two_processes_on_one_manifest(tmp_path):
    with Emulator(faults=["route=file,delay=2,count=3"]) as server:
        dataset = new_dataset(server.url)
        folder = simple_folder(tmp_path / "out")
        first = start("upload", folder, "--dataset", dataset, "--url", server.url)
        deadline = time.monotonic() + 20
        while not (folder / "upload.jsonl").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.1)
        code, _, errors = command("upload", folder, "--dataset", dataset, "--url", server.url)
        assert code == 2 and "another process" in errors
        assert first.wait(timeout=60) == 0
        first.communicate()


def test_interrupt_is_130(tmp_path):
    with Emulator(faults=["route=file,delay=20,count=9"]) as server:
        folder = simple_folder(tmp_path / "out")
        process = start("upload", folder, "--dataset", new_dataset(server.url), "--url", server.url)
        deadline = time.monotonic() + 20
        while not (folder / "upload.jsonl").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=15)  # it does not wait for the requests under way
        assert process.returncode == 130 and "interrupted" in errors and "Traceback" not in errors


def test_what_was_answered_survives_a_kill_of_the_server(tmp_path, schemas):
    server = Server(tmp_path / "lake", schemas, 0)
    try:
        dataset = new_dataset(server.url, tags=PROFILE_TAGS)
        folder = folder_of(tmp_path / "out", [lines([valid(number) for number in range(500)])])
        batch = quick(server.url).upload(folder, dataset)
        server.stop(signal.SIGKILL)  # COMPLETE was accepted
        server.start()
        found = quick(server.url).wait(batch.id, timeout=30)
        assert found.ok and found.output_records == 500
        assert profile(server.url, "CRMID", "c499") == valid(499)
        late = new_batch(server.url, dataset)
        server.stop(signal.SIGKILL)
        server.start()
        assert quick(server.url).status(late).status == "loading"
        assert act(server.url, late, "ABORT").status_code == 200
    finally:
        assert "Traceback" not in server.stop()


def test_help_has_examples():
    for arguments in (["upload"], ["batch", "status"], ["batch", "errors"], ["dataset", "create"], ["emulate"]):
        code, output, _ = command(*arguments, "--help")
        assert code == 0 and "Example" in output


def test_the_command_loads_no_more_than_it_needs(tmp_path: Path):
    script = "import sys, xdmprep.client; print([m for m in ('pandas', 'pyarrow', 'starlette') if m in sys.modules])"
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"


def test_csv_from_an_adhoc_file_to_an_ingested_batch(tmp_path, schemas):
    """Class, schema and dataset are created by the command; the schema comes back, and files made for it go out."""
    source = tmp_path / "visits.csv"
    source.write_text("visit_id,visit_date,people\nV000001,2024-05-01,2\nV000002,2024-05-02,3\n")
    file = schemas / "store-visits.adhoc.schema.json"
    with Emulator() as server:
        code, output, errors = command("dataset", "create", "visits", "--schema", file, "--adhoc", "--json",
                                       "--url", server.url)  # fmt: skip
        made = json.loads(output)
        assert code == 0 and f"schema pull {made['schema']}" in errors
        assert command("schema", "pull", made["schema"], "--out", tmp_path / "s", "--url", server.url)[0] == 0
        (pulled,) = (tmp_path / "s").glob("*.schema.json")
        mapping = tmp_path / "visits.mapping.yaml"
        mapping.write_text("visit_id: visit_id\nvisit_date: visit_date\npeople: people\n")
        out = tmp_path / "out"
        code, _, errors = command("prepare", source, "-m", mapping, "-s", pulled, "-o", out, "--format", "csv")
        assert code == 0, errors
        code, output, errors = command("upload", out, "--dataset", made["id"], "--url", server.url, "--wait")
        assert code == 0 and "active" in output, errors
        code, _, errors = command("dataset", "create", "visits", "--schema", file, "--adhoc", "--url", server.url)
        assert code == 3 and "not unique" in errors
    code, _, errors = command("dataset", "create", "v", "--schema", schemas / "crm-profile.schema.json", "--adhoc")
    assert code == 2 and "not an ad-hoc schema" in errors
    code, _, errors = command("dataset", "create", "v", "--schema", file, "--adhoc", "--profile")
    assert code == 2 and "--profile" in errors
