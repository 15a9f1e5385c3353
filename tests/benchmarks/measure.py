"""How the benchmarks measure: whole processes, one after the other, in turns.

Every contestant runs once a round, and each round begins with another one, so that a slow minute of the machine hits
all of them. Time and memory are those the operating system counts for the process (``wait4``). A ratio is formed within
a round and the median taken over the rounds: it does not depend on how fast the machine was in that minute. What one
leaves in the page cache is written to the disk before the next one starts.
"""

from __future__ import annotations

import functools
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Sample:
    """One run: seconds on the clock, seconds of processor time, peak resident memory in MiB."""

    wall: float
    cpu: float
    rss: float


@dataclass
class Contestant:
    """One way to do the job.

    Attributes:
        name: as the table shows it.
        command: the process.
        out: what it writes; removed before each run.
        note: what it does and leaves undone.
        needs: modules without which it is skipped.
        codes: exit codes that count as done.
        samples: its runs.
    """

    name: str
    command: list[str]
    out: Path | None = None
    note: str = ""
    needs: tuple[str, ...] = ()
    codes: tuple[int, ...] = (0,)
    samples: list[Sample] = field(default_factory=list)

    def median(self, what: str) -> float:
        """The median of ``wall``, ``cpu`` or ``rss``."""
        return statistics.median(getattr(sample, what) for sample in self.samples)


def run(contestant: Contestant, log: Path) -> Sample:
    """Run a contestant once.

    Raises:
        SystemExit: it failed; its last lines are shown.
    """
    if contestant.out is not None:
        if contestant.out.is_dir():
            shutil.rmtree(contestant.out)
        else:
            contestant.out.unlink(missing_ok=True)
    os.sync()  # nobody's own fsync waits for what another left to be written
    environment = {**os.environ, "PYTHONPATH": str(HERE), "PYTHONHASHSEED": "0", "PYSPARK_PYTHON": sys.executable}
    # Compiled modules are kept as on any user's machine, but outside the checkout.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment["PYTHONPYCACHEPREFIX"] = str(log.parent / "pycache")
    asked = {"command": contestant.command, "environment": environment, "log": str(log)}
    launcher = _launcher()
    assert launcher.stdin is not None
    assert launcher.stdout is not None
    launcher.stdin.write(json.dumps(asked) + "\n")
    launcher.stdin.flush()
    found = json.loads(launcher.stdout.readline())
    if found["code"] not in contestant.codes:
        tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
        raise SystemExit(f"{contestant.name} ended with {found['code']}:\n" + "\n".join(tail))
    return Sample(found["wall"], found["cpu"], found["rss"])


@functools.cache
def _launcher() -> subprocess.Popen[str]:
    line = [sys.executable, "-I", "-S", str(HERE / "launcher.py")]
    return subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def rounds(contestants: Sequence[Contestant], count: int, log: Path, say: Callable[[str], None]) -> None:
    """Run everybody `count` times in turns, after one run each that is not counted."""
    for number in range(count + 1):
        turn = [*contestants[number % len(contestants) :], *contestants[: number % len(contestants)]]
        for contestant in turn:
            sample = run(contestant, log)
            if number:
                contestant.samples.append(sample)
            say(f"round {number or 'warm-up'}: {contestant.name} {sample.wall:.2f} s")


def ratio(one: Contestant, other: Contestant, what: str = "wall") -> tuple[float, float, float]:
    """`one` / `other`, round by round: median, least, most."""
    pairs = [getattr(a, what) / getattr(b, what) for a, b in zip(one.samples, other.samples, strict=True)]
    return statistics.median(pairs), min(pairs), max(pairs)


def table(contestants: Sequence[Contestant], rows: int) -> str:
    """A Markdown table; the first contestant is the one the others are compared with."""
    first = contestants[0]
    lines = [
        "| contestant | wall s (min-max) | cpu s | peak MiB | krows/s | time beside it (min-max) | cpu beside it |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in contestants:
        walls = [sample.wall for sample in one.samples]
        middle, least, most = ratio(first, one)
        beside = "" if one is first else f"{middle:.2f} ({least:.2f}-{most:.2f})"
        cpu = "" if one is first else f"{ratio(first, one, 'cpu')[0]:.2f}"
        lines.append(
            f"| {one.name}{f' ({one.note})' if one.note else ''} | {one.median('wall'):.2f} ({min(walls):.2f}-"
            f"{max(walls):.2f}) | {one.median('cpu'):.2f} | {one.median('rss'):.0f} | "
            f"{rows / one.median('wall') / 1000:.0f} | {beside} | {cpu} |"
        )
    return "\n".join(lines)


def machine() -> dict[str, str]:
    """What ran it: processor, memory, system, versions."""
    import importlib.metadata as metadata

    cpu, memory = platform.processor() or platform.machine(), ""
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        cpu = names[0] if names else cpu
        total = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
        memory = f"{int(total.split()[1]) / 1024**2:.0f} GiB"
    packages = "xdmprep pyarrow pandas numpy polars duckdb datafusion orjson jsonschema-rs pyspark".split()
    found = {}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    load = os.getloadavg()[0]
    return {
        "processor": f"{len(os.sched_getaffinity(0))} cores, {cpu}", "memory": memory, "system": platform.platform(),
        "python": platform.python_version(), "load at the start": f"{load:.1f}",
        "packages": ", ".join(f"{name} {version}" for name, version in found.items()),
    }  # fmt: skip
