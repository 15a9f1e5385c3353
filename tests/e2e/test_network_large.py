"""Two gigabytes through the client: memory on both sides, and how long `curl` takes for the same bytes.

Run with ``--slow -s`` to see the figures; ``XDMPREP_LARGE_MB`` sets another size.  Only memory is asserted.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from network_kit import HEADERS, IMPORT, Server, folder_of, new_batch, new_dataset, quick, record

MEMORY_MB = 150


def high_water(pid: int) -> float:
    """Most memory that the process has had so far, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def run(command: list[str]) -> tuple[float, float]:
    """Seconds and MB of a command that must succeed."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    most = 0.0
    while process.poll() is None:
        try:
            most = max(most, high_water(process.pid))
        except OSError:
            break
        time.sleep(0.02)
    _, errors = process.communicate()
    assert process.returncode == 0, errors.decode()
    return time.perf_counter() - started, most


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.skipif(
    not Path("/proc/self/status").exists() or shutil.which("curl") is None, reason="needs /proc and curl"
)
def test_two_gigabytes(tmp_path, schemas):
    size = int(os.environ.get("XDMPREP_LARGE_MB", "2048")) * 1_000_000
    line = json.dumps(record(1, person={"name": {"firstName": "x" * 900}})).encode() + b"\n"
    small = line * (size // 8 // len(line))
    folder = folder_of(tmp_path / "small", [small] * 4)
    one = folder_of(tmp_path / "one", [small * 4])
    server = Server(tmp_path / "lake", schemas, 0)
    try:
        dataset = new_dataset(server.url, tags={"acp_validationContext": ["disabled"]})
        command = [sys.executable, "-m", "xdmprep", "upload", "--dataset", dataset, "--url", server.url]
        seconds, client = {}, {}
        busy = quick(server.url)

        def ingested() -> None:
            for batch in busy.batches(dataSet=dataset):
                found = busy.wait(batch.id, timeout=900)
                assert found.ok and found.output_records == 4 * (size // 8 // len(line))

        seconds["4 files"], client["4 files"] = run([*command, str(folder), "--jobs", "4"])
        ingested()
        seconds["1 file"], client["1 file"] = run([*command, str(one), "--jobs", "1"])
        ingested()
        memory = high_water(server.process.pid)
        batch = new_batch(server.url, dataset)
        started = time.perf_counter()

        def curl(path: Path) -> None:
            headers = [part for name, value in HEADERS.items() for part in ("-H", f"{name}: {value}")]
            url = f"{server.url}{IMPORT}/{batch}/datasets/{dataset}/files/{path.name}"
            subprocess.run(
                ["curl", "-sSf", "-X", "PUT", *headers, "-H", "Content-Type: application/octet-stream", "-H", "Expect:",
                 "--data-binary", f"@{path}", url], check=True,
            )  # fmt: skip

        threads = [threading.Thread(target=curl, args=(path,)) for path in sorted(folder.glob("part-*"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        alone = time.perf_counter() - started
        checked = new_dataset(server.url)
        run([*command[:-3], checked, "--url", server.url, str(folder), "--wait"])
        more = high_water(server.process.pid)
        megabytes = size / 2e6
        for name, value in seconds.items():
            print(
                f"\n{megabytes:.0f} MB as {name}: {megabytes / value:.0f} MB/s, client {client[name]:.0f} MB of memory"
            )
        ratio = seconds["4 files"] / alone
        print(f"curl --data-binary, 4 at once: {megabytes / alone:.0f} MB/s")
        print(f"4 files, with hashes checked before, take {ratio:.2f} times as long as curl")
        print(f"server: {memory:.0f} MB of memory, {more:.0f} MB once it has validated as well")
        assert max(client.values()) < MEMORY_MB
        assert memory < MEMORY_MB
        assert more < 2 * MEMORY_MB
    finally:
        server.stop()
