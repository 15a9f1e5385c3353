"""`xdmprep doctor`: what it says of an installation, a wrong configuration, and a platform that is there or not."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from command_kit import command

from xdmprep.emulator import Emulator


def doctor(*arguments: Any, **environment: str) -> tuple[int, dict[str, Any]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("XDMPREP_")}
    done = command("doctor", "--json", *arguments, env={**kept, **environment})
    assert done.stdout.count("\n") == 1
    return done.returncode, json.loads(done.stdout)


def named(facts: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in facts["checks"]}


def test_without_a_connection_all_is_well() -> None:
    code, facts = doctor()
    assert (code, facts["ok"]) == (0, True)
    found = named(facts)
    assert found["python"]["message"].startswith(".".join(map(str, sys.version_info[:3])))
    assert "none configured" in found["connection"]["message"]
    assert "platform" not in found


def test_missing_loops_are_a_warning() -> None:
    code, facts = doctor(XDMPREP_NATIVE="0")
    assert code == 0
    assert named(facts)["compiled loops"]["status"] == "warning"
    assert "C compiler" in named(facts)["compiled loops"]["hint"]


def test_a_platform_that_answers() -> None:
    with Emulator() as server:
        code, facts = doctor("--url", server.url)
    assert (code, facts["ok"]) == (0, True)
    assert named(facts)["platform"]["status"] == "ok"


def test_a_platform_that_is_not_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        code, facts = doctor("--url", f"http://127.0.0.1:{taken.getsockname()[1]}", "--deadline", 2)
    assert (code, facts["ok"]) == (3, False)
    assert named(facts)["platform"]["status"] == "error"


@pytest.mark.parametrize("content", ["not json", '{"unknown": 1}', "[]"])
def test_a_wrong_configuration(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    code, facts = doctor("--config", tmp_path / "config.json")
    assert (code, facts["ok"]) == (2, False)
    assert named(facts)["connection"]["status"] == "error"


def test_no_secret_is_printed(tmp_path: Path) -> None:
    secret = "s3cr3t-token"
    (tmp_path / "config.json").write_text(
        json.dumps({"org_id": "X@AdobeOrg", "client_id": "key", "token": secret, "url": "http://127.0.0.1:1"})
    )
    _, facts = doctor("--config", tmp_path / "config.json", "--deadline", 1)
    assert secret not in json.dumps(facts)
