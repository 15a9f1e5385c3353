"""Two gigabytes through the client: memory on both sides, and how long `curl` takes for the same bytes.

Run with ``--slow -s`` to see the figures; ``XDMPREP_LARGE_MB`` sets another size.  Only memory is asserted.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from network_kit import HEADERS, IMPORT, Server, call, folder_of, new_batch, new_dataset, quick, record

MEMORY_MB = 150
PART_BYTES = 128_000_000
JOBS = "4"


def high_water(pid: int) -> float:
    """Most memory that the process has had so far, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


@dataclass
class Cost:
    """What some processes at once took: seconds, processor seconds of theirs and of the server's, most MB of one."""

    wall: float
    own: float
    server: float
    memory: float = 0.0


def used(pid: int) -> float:
    """Processor seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(command: list[str], server: Server, lines: str = "") -> Cost:
    """The cost of a command that must succeed, its own processes included; `lines` are what it reads."""
    before, started, most = used(server.process.pid), time.perf_counter(), 0.0
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stdin is not None
    process.stdin.write(lines)
    process.stdin.close()
    while True:
        with contextlib.suppress(OSError):
            most = max(most, high_water(process.pid))
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        if ended:
            break
        time.sleep(0.01)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    taken = time.perf_counter() - started
    return Cost(taken, usage.ru_utime + usage.ru_stime, used(server.process.pid) - before, most)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(
    not Path("/proc/self/status").exists() or not all(map(shutil.which, ("curl", "xargs"))),
    reason="needs /proc, curl and xargs",
)
def test_two_gigabytes(tmp_path, schemas):
    """As four files with one PUT each, as one file in chunks, and beside curl; with validation at the end."""
    size = int(os.environ.get("XDMPREP_LARGE_MB", "2048")) * 1_000_000
    line = json.dumps(record(1, person={"name": {"firstName": "x" * 900}})).encode() + b"\n"
    folder = folder_of(tmp_path / "files", [line * (PART_BYTES // len(line))] * max(1, size // PART_BYTES))
    files = sorted(folder.glob("part-*"))
    megabytes = sum(path.stat().st_size for path in files) / 1e6
    server = Server(tmp_path / "lake", schemas, 0)
    costs: dict[str, Cost] = {}
    try:

        def upload(what: Path, dataset: str, *more: str) -> Cost:
            return run([sys.executable, "-m", "xdmprep", "upload", "--dataset", dataset, "--url", server.url,
                        str(what), "--jobs", JOBS, *more], server)  # fmt: skip

        def forget() -> str:
            """The same state of the server's disk before each transfer; the promotion of what comes stalls."""
            call("POST", server.url, "/_emulator/reset")
            call("POST", server.url, "/_emulator/faults", json={"stall": 1})
            return new_dataset(server.url)

        for attempt in (1, 2):
            dataset = forget()
            batch = new_batch(server.url, dataset)
            given = {**HEADERS, "Content-Type": "application/octet-stream", "Expect": ""}
            headers = [part for name, value in given.items() for part in ("-H", f"{name}: {value}".rstrip())]
            target = f"{server.url}{IMPORT}/{batch}/datasets/{dataset}/files"
            one = ["curl", "-sSf", "-X", "PUT", *headers, "--data-binary", f"@{folder}/{{}}", f"{target}/{{}}"]
            names = "".join(f"{path.name}\n" for path in files)
            costs[f"curl, {attempt}"] = run(["xargs", "-P", JOBS, "-I{}", *one], server, names)
            costs[f"upload, {attempt}"] = upload(folder, forget())
            (folder / "upload.jsonl").unlink()
        received = high_water(server.process.pid)

        call("POST", server.url, "/_emulator/reset")
        checked = new_dataset(server.url)
        costs["upload and validate"] = upload(folder, checked, "--wait")
        (found,) = quick(server.url).batches(dataSet=checked)
        assert found.ok
        assert found.output_records == len(files) * (PART_BYTES // len(line))
        large = folder_of(tmp_path / "one", [b"".join(path.read_bytes() for path in files[:4])])
        shutil.rmtree(folder)
        call("POST", server.url, "/_emulator/reset")
        costs["one large file, validated"] = upload(large, new_dataset(server.url), "--wait")
        validated = high_water(server.process.pid)

        print(f"\n{megabytes:.0f} MB, {len(files)} files")
        for name, cost in costs.items():
            print(f"{name}: {cost.wall:.1f} s; processor: sender {cost.own:.1f} s, server {cost.server:.1f} s; "
                  f"sender {cost.memory:.0f} MB")  # fmt: skip
        best = {name: min(costs[f"{name}, {n}"].wall for n in (1, 2)) for name in ("curl", "upload")}
        print(f"upload takes {best['upload'] / best['curl']:.2f} times as long as curl (hashes are checked before)")
        print(f"server: {received:.0f} MB of memory after transfers, {validated:.0f} MB after validation")
        assert max(cost.memory for cost in costs.values()) < MEMORY_MB
        assert received < MEMORY_MB
        assert validated < MEMORY_MB
    finally:
        server.stop()
