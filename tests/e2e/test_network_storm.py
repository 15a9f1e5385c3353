"""A storm of faults: whatever the network, the service and kills do, every batch ends active exactly once.

The small storm runs always, the large one with ``--slow``.  Each prints its seed; ``XDMPREP_STORM_SEED`` repeats one.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from network_kit import CATALOG, EXPORT, PROFILE_TAGS, Server, call, new_dataset, simple_folder

RULES = [
    "route=any,status=429,rate=0.03", "route=any,status=503,rate=0.03", "route=any,status=503,retry_after=0,rate=0.02",
    "route=any,drop=before,rate=0.03", "route=any,drop=after,rate=0.03", "route=any,drop=half,rate=0.02",
    "route=any,delay=0.05,rate=0.05",
]  # fmt: skip


def upload(folder: Path, dataset: str, url: str, kill_after: float | None) -> int | None:
    """One run of the command; None if it was killed."""
    environment = {**os.environ, "XDMPREP_BACKOFF": "0.02", "XDMPREP_RETRIES": "12", "XDMPREP_TIMEOUT": "10"}
    process = subprocess.Popen(
        [sys.executable, "-m", "xdmprep", "upload", str(folder), "--dataset", dataset, "--url", url],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
    )  # fmt: skip
    try:
        output, _ = process.communicate(timeout=kill_after)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None
    assert process.returncode in (0, 3), output.decode()
    assert b"Traceback" not in output, output.decode()
    return process.returncode


def storm(tmp_path: Path, schemas: Path, uploads: int, files: int, rows: int, server_kills: int) -> None:
    seed = int(os.environ.get("XDMPREP_STORM_SEED") or random.randrange(10**6))
    print(f"storm of {uploads} uploads of {files} files, seed {seed}")
    draws = random.Random(seed)
    server = Server(tmp_path / "lake", schemas, seed)
    try:
        dataset = new_dataset(server.url, tags=PROFILE_TAGS)
        server.stop()
        server.start(RULES)
        folders = [
            simple_folder(tmp_path / f"out-{number}", files=files, rows=rows, first=number * files * rows)
            for number in range(uploads)
        ]
        kills = [[draws.uniform(0.2, 1.5) for _ in range(draws.choice([0, 0, 1, 2]))] for _ in folders]
        counts: Counter[str] = Counter()

        def until_done(number: int) -> None:
            waiting = list(kills[number])
            for _ in range(40):
                code = upload(folders[number], dataset, server.url, waiting.pop() if waiting else None)
                counts[{None: "killed", 0: "done", 3: "gave up"}[code]] += 1
                if code == 0:
                    return
            raise AssertionError(f"{folders[number]} never got through")

        with ThreadPoolExecutor(4) as pool:
            futures = [pool.submit(until_done, number) for number in range(uploads)]
            for _ in range(server_kills):
                time.sleep(draws.uniform(0.5, 1.5))
                server.stop(signal.SIGKILL)
                counts["server killed"] += 1
                server.start(RULES)
            for future in futures:
                future.result()
        print(dict(counts))
        requests.delete(server.url + "/_emulator/faults", timeout=20)
        check(server.url, dataset, folders, files, rows)
        output = server.stop()
        assert "Traceback" not in output, output
    finally:
        if server.process.poll() is None:
            server.stop(signal.SIGKILL)


def check(url: str, dataset: str, folders: list[Path], files: int, rows: int) -> None:
    deadline = time.monotonic() + 120
    docs: dict[str, dict] = {}
    while time.monotonic() < deadline:
        docs, start = {}, 0
        while page := call("GET", url, CATALOG + "/batches", params={"limit": 100, "start": start}).json():
            docs.update(page)
            start += len(page)
        if all(doc["status"] not in ("loaded", "staging", "staged", "retrying") for doc in docs.values()):
            break
        time.sleep(0.2)
    assert Counter(doc["status"] for doc in docs.values()) == {"active": len(folders)}
    assert len({doc["externalId"] for doc in docs.values()}) == len(folders)
    seen: Counter[str] = Counter()
    for key, doc in docs.items():
        assert doc["metrics"]["outputRecordCount"] == files * rows
        for item in call("GET", url, f"{EXPORT}/batches/{key}/files").json()["data"]:
            (part,) = call("GET", url, f"{EXPORT}/files/{item['dataSetFileId']}").json()["data"]
            text = call("GET", url, f"{EXPORT}/files/{item['dataSetFileId']}", params={"path": part["name"]}).text
            seen.update(json.loads(line)["identityMap"]["CRMID"][0]["id"] for line in text.splitlines())
    assert seen == Counter(f"c{number}" for number in range(len(folders) * files * rows))
    for folder in folders:
        lines = [
            json.loads(line) for line in (folder / "upload.jsonl").read_text().splitlines() if line.startswith("{")
        ]
        created = {line["batch"] for line in lines if line["step"] == "created"}
        assert len(created) == 1 and created <= set(docs), (folder, created)
        assert any(line["step"] == "completed" for line in lines)
        names = Counter(line["file"] for line in lines if line["step"] == "sent")
        assert names == Counter({f"part-{number:05d}.json": 1 for number in range(files)}), (folder, names)


def test_small_storm(tmp_path, schemas):
    storm(tmp_path, schemas, uploads=4, files=4, rows=3, server_kills=2)


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_large_storm(tmp_path, schemas):
    storm(tmp_path, schemas, uploads=200, files=20, rows=5, server_kills=20)
