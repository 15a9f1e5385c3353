"""Regular expressions that explode, through the command: findings, Ctrl-C, an emulator that goes on answering."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests

from xdmprep.emulator import Emulator
from xdmprep.schema import Schema

RUN = [sys.executable, "-m", "xdmprep"]
LONG = "a" * 5000 + "b"
EXPLODING = "(?:(?=a)(?:a|aa))+$"
SCHEMA = {
    "$id": "https://ns.example.com/x", "title": "X", "type": "object", "meta:class": "https://ns.adobe.com/xdm/data/record",
    "properties": {"a": {"type": "string"}, "b": {"type": "boolean"}},
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "s.json").write_text(json.dumps(SCHEMA))
    return tmp_path


def test_rows_that_explode_are_findings(folder: Path) -> None:
    rows = [
        ("one", "o.e"),
        (LONG, EXPLODING),
        (LONG, "(a+)+"),
        ("two", "("),
        ("aa", EXPLODING),
        ("x" + LONG, "(a|aa)+b"),
    ]
    (folder / "r.csv").write_text("v,r\n" + "".join(f"{value},{regex}\n" for value, regex in rows))
    (folder / "m.yaml").write_text("a: left(v, 3)\nb: matches_regex(v, r)\n")
    prepare = [*RUN, "prepare", "r.csv", "-m", "m.yaml", "-s", "s.json", "-o", "out", "--rules", "jsonschema", "--json"]
    done = subprocess.run([*prepare, "--max-loss", "100"], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in (folder / "out" / "part-00000.json").read_text().splitlines()]
    assert [record.get("b") for record in records] == [True, None, False, None, True, False]
    issues = (folder / "out" / "issues.csv").read_text()
    assert "took too long" in issues and "position 0" in issues


def test_an_interrupt_ends_the_run(folder: Path) -> None:
    (folder / "r.csv").write_text("v\n" + f"{LONG}\n" * 20_000)
    (folder / "m.yaml").write_text(f'a: left(v, 3)\nb: matches_regex(v, "{EXPLODING}")\n')
    prepare = [*RUN, *"prepare r.csv -m m.yaml -s s.json -o out --rules jsonschema --jobs 1".split()]
    process = subprocess.Popen(prepare, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        while process.poll() is None and not (folder / "out").exists():
            time.sleep(0.05)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert not (folder / "out" / "manifest.json").exists()


def test_the_emulator_answers_others_meanwhile(folder: Path) -> None:
    exploding = {**SCHEMA, "properties": {"a": {"type": "string", "pattern": f"^{EXPLODING}"}}}
    schema = Schema.from_dict(exploding)
    with Emulator() as server:
        answered: list[int] = []
        stopped = threading.Event()

        def judge() -> None:
            for _ in range(4):
                assert schema.check({"a": LONG}, rules="jsonschema")
            stopped.set()

        worker = threading.Thread(target=judge)
        worker.start()
        while not stopped.is_set():
            answered.append(requests.get(f"{server.url}/data/foundation/catalog/batches", timeout=30).status_code)
        worker.join()
    assert len(answered) > 3
