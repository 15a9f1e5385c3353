"""`xdmprep prepare` killed at random moments: final names hold whole files, and a repeated run gives the same bytes.

The moments are drawn over the time that an undisturbed run takes, so that they fall into reading, writing, renaming
and the last step. Few kills by default, fifty with ``--slow``.
"""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest
from command_kit import python

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "schemas"

#: What a finished run leaves and every repetition must give again, byte for byte; run.json holds times.
CHANGING = {"run.json"}


def line(source: Path, out: Path, format: str) -> list[str]:
    schema, mapping = SCHEMAS / "crm-profile.schema.json", SCHEMAS / "crm-profile.mapping.yaml"
    return [
        "-m", "xdmprep", "prepare", str(source), "-s", str(schema), "-m", str(mapping),
        "-o", str(out), "--format", format, "--max-bytes", "200000",
    ]  # fmt: skip


def finish(source: Path, out: Path, format: str) -> float:
    """Run to the end; the seconds it took. Exit code 1: the made rows have faults on purpose."""
    start = time.monotonic()
    done = python(*line(source, out, format))
    assert done.returncode == 1, done.stderr
    return time.monotonic() - start


def visible(out: Path) -> dict[str, bytes]:
    """The files under their final names."""
    if not out.is_dir():
        return {}
    return {
        file.name: file.read_bytes()
        for file in sorted(out.iterdir())
        if not file.name.startswith(".") and file.name not in CHANGING
    }


def kill_and_repeat(tmp_path: Path, format: str, rows: int, times: int) -> int:
    """The test; gives how many of the runs were really cut short."""
    source, out = tmp_path / "crm.csv", tmp_path / "out"
    maker = ROOT / "tests" / "benchmarks" / "make_crm.py"
    assert python(maker, rows, source).returncode == 0
    whole = tmp_path / "whole"
    finish(source, whole, format)
    taken = finish(source, whole, format)
    expected = visible(whole)
    parts = [name for name in expected if name.startswith("part-")]
    assert len(parts) > 3
    assert {"manifest.json", "rejects.jsonl", "issues.csv"} <= set(expected)
    rng, cut = random.Random(20), 0
    for number in range(times):
        moment = rng.uniform(0.02, 1.0) * taken
        begun = time.monotonic()
        killed = python(*line(source, out, format), kill_after=moment).returncode == -signal.SIGKILL
        if not killed:
            taken = time.monotonic() - begun  # the machine is quicker now
        cut += killed
        left = visible(out)
        for name, content in left.items():
            assert name in expected, f"kill {number} after {moment:.3f} s left {name}"
            assert content == expected[name], f"kill {number} after {moment:.3f} s: {name} is not what it should be"
        if "manifest.json" in left:
            assert set(parts) <= set(left), f"kill {number}: a manifest without its parts"
        if number % 5 == 4 or number == times - 1:
            # Until here each run went on over a killed one's folder; now one runs to its end.
            finish(source, out, format)
            assert visible(out) == expected
            hidden = [file.name for file in out.iterdir() if file.name.startswith(".")]
            assert not hidden, f"left behind: {hidden}"
    return cut


@pytest.mark.parametrize("format", ["json", "parquet"])
def test_a_killed_run_leaves_nothing_half_done_and_can_be_repeated(tmp_path: Path, format: str) -> None:
    assert kill_and_repeat(tmp_path, format, rows=4_000, times=5) >= 2


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("format", ["json", "parquet"])
def test_fifty_kills(tmp_path: Path, format: str) -> None:
    assert kill_and_repeat(tmp_path, format, rows=40_000, times=50) >= 35
