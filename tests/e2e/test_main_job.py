"""The whole main job through the command and a real server: CSV to profiles, in JSON and in Parquet."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import command_kit
import pytest

SCHEMAS = Path(__file__).parents[2] / "schemas"
SAMPLE = SCHEMAS / "examples" / "crm-profiles.csv"


def command(*args: Any, code: int = 0) -> str:
    done = command_kit.command(*args)
    assert done.returncode == code, (done.stdout, done.stderr)
    return done.stdout if code in (0, 1) else done.stderr


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A foreground `xdmprep emulate` in a process of its own; its address."""
    line = [sys.executable, "-m", "xdmprep", "emulate", "--port", "0", "--schemas", str(SCHEMAS)]
    running = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert running.stdout is not None
        url = None
        while url is None:
            text = running.stdout.readline()
            assert text, "the emulator ended"
            url = re.search(r"http://127\.0\.0\.1:\d+", text)
        yield url[0]
    finally:
        running.terminate()
        running.communicate(timeout=20)


def prepared(tmp_path: Path, kind: str) -> Path:
    out = tmp_path / kind
    command(
        "prepare", SAMPLE, "-m", SCHEMAS / "crm-profile.mapping.yaml", "-s", SCHEMAS / "crm-profile.schema.json",
        "-o", out, "--format", kind, code=1,
    )  # fmt: skip
    return out


def profile(url: str, identity: str) -> Any:
    query = f"schema.name=_xdm.context.profile&entityId={identity}&entityIdNS=LOYALTYID"
    request = urllib.request.Request(
        f"{url}/data/core/ups/access/entities?{query}",
        headers={
            "Authorization": "Bearer t", "x-api-key": "k", "x-gw-ims-org-id": "O@AdobeOrg", "x-sandbox-name": "prod",
        },
    )  # fmt: skip
    with urllib.request.urlopen(request) as answer:
        return next(iter(json.loads(answer.read()).values()))["entity"]


def test_json_and_parquet_give_the_same_profiles(server: str, tmp_path: Path) -> None:
    profiles = []
    for kind in ("json", "parquet"):
        out = prepared(tmp_path, kind)
        made = json.loads(
            command(
                "dataset", "create", f"CRM {kind}", "--schema", "https://ns.adobe.com/acme/schemas/crm-profile",
                "--profile", "--url", server, "--json",
            )
        )  # fmt: skip
        sent = json.loads(command("upload", out, "--dataset", made["id"], "--url", server, "--wait", "--json"))
        assert sent["status"] in ("active", "success")
        batch = sent.get("batch") or sent["id"]
        shown = command("batch", "status", batch, "--url", server)
        assert "241" in shown
        parts = sorted((tmp_path / "json").glob("part-*.json"))
        ids = [
            json.loads(line)["identityMap"]["LOYALTYID"][0]["id"]
            for part in parts
            for line in part.read_text(encoding="utf-8").splitlines()
        ]
        assert len(ids) == 241
        profiles.append([profile(server, identity) for identity in ids[:40]])
    assert profiles[0] == profiles[1]
    first = json.loads(sorted((tmp_path / "json").glob("part-*.json"))[0].read_text(encoding="utf-8").splitlines()[0])
    assert profiles[0][0] == first


def test_uploading_twice_makes_one_batch(server: str, tmp_path: Path) -> None:
    out = prepared(tmp_path, "json")
    schema = "https://ns.adobe.com/acme/schemas/crm-profile"
    made = json.loads(command("dataset", "create", "twice", "--schema", schema, "--url", server, "--json"))
    sent = [json.loads(command("upload", out, "--dataset", made["id"], "--url", server, "--json")) for _ in range(2)]
    assert (sent[0].get("batch") or sent[0]["id"]) == (sent[1].get("batch") or sent[1]["id"])


def test_a_platform_that_is_not_there_or_has_no_such_dataset(server: str, tmp_path: Path) -> None:
    out = prepared(tmp_path, "json")
    assert "0" * 24 in command("upload", out, "--dataset", "0" * 24, "--url", server, code=3)
    said = command("upload", out, "--dataset", "0" * 24, "--url", "http://127.0.0.1:9", code=3)
    assert "127.0.0.1:9" in said
    assert "none" in command("upload", tmp_path / "none", "--dataset", "0" * 24, "--url", server, code=2)


@pytest.mark.parametrize("kind", ["json", "parquet"])
def test_the_demo(kind: str, tmp_path: Path) -> None:
    facts = json.loads(command("demo", "--format", kind, "--json", "--out", tmp_path / "demo"))
    assert (facts["rows"], facts["written"], facts["rejected"]) == (300, 241, 59)
    assert facts["batch"]["metrics"]["outputRecordCount"] == 241
    assert facts["profile"]["person"]["name"]["lastName"]
    assert "read back" in command("demo", "--format", kind)


def test_the_demo_leaves_the_output_of_another_run_alone(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("name\nAna\n")
    (tmp_path / "s.json").write_text('{"type": "object", "properties": {"a": {"type": "string"}}}')
    (tmp_path / "m.yaml").write_text("a: name\n")
    job = [tmp_path / "rows.csv", "--mapping", tmp_path / "m.yaml", "--schema", tmp_path / "s.json"]
    command("prepare", *job, "--out", tmp_path / "out")
    assert "another run's output" in command("demo", "--out", tmp_path / "out", code=2)
    assert (tmp_path / "out" / "part-00000.json").read_text() == '{"a":"Ana"}\n'
    assert "read back" in command("demo", "--out", tmp_path / "out", "--overwrite")
