"""Patches killed at random moments: final names hold whole files, no batch is half described, a repetition is equal.

The moments are drawn over the time that an undisturbed run takes.  Few kills by default, thirty with ``--slow``.
"""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest
from command_kit import python

from xdmprep.core.manifest import Manifest
from xdmprep.errors import SourceError

ROOT = Path(__file__).resolve().parents[2]
SCHEMA, MAPPING = (ROOT / "schemas" / f"crm-profile.{end}" for end in ("schema.json", "mapping.yaml"))
MAKER = ROOT / "tests" / "benchmarks" / "make_crm.py"
SPLIT_CHANGES = """
import sys
from xdmprep.pipeline.upsert import write_patch
after, schema, mapping, out, most = sys.argv[1:]
result = write_patch(None, after, schema, out, mapping=mapping, max_records=int(most), max_bytes=100_000)
sys.exit(0 if result.clean else 1)
"""


def snapshots(folder: Path, rows: int) -> tuple[Path, Path]:
    """A CRM export with faulty rows, and a later one: cities moved, postal codes gone, people gone and new."""
    before, after = folder / "before.csv", folder / "after.csv"
    assert python(MAKER, rows, before).returncode == 0
    header, *lines = before.read_text(encoding="utf-8").splitlines()
    moved = [line.replace('"Duluth"', '"Ålesund"').replace('"Boise"', '"Røros"') for line in lines[7:]]
    moved = [line.replace('"Moncton"', '""') if number % 9 == 0 else line for number, line in enumerate(moved)]
    after.write_text("\n".join([header, *moved, *(line.replace('"M', '"X') for line in lines[:3])]) + "\n")
    return before, after


def line(kind: str, before: Path, after: Path, out: Path, most: int) -> list[str]:
    if kind == "changes":
        return ["-c", SPLIT_CHANGES, *map(str, (after, SCHEMA, MAPPING, out, most))]
    words = ["diff", before, after, "-s", SCHEMA, "-m", MAPPING, "-o", out, "--max-bytes", "60000", "--no-progress"]
    if kind == "split":
        words += ["--max-records", most]
    return ["-m", "xdmprep", *map(str, words)]


def finish(words: list[str]) -> float:
    """Run to the end; the seconds it took. Exit code 1: some rows are faulty, or something cannot be patched."""
    start = time.monotonic()
    done = python(*words)
    assert done.returncode == 1, done.stderr
    return time.monotonic() - start


def visible(out: Path) -> dict[str, bytes]:
    """The files under their final names, those of the batches included; run.json says how far a run is."""
    found = (file for file in sorted(out.rglob("*")) if file.is_file()) if out.is_dir() else iter(())
    return {
        str(file.relative_to(out)): file.read_bytes()
        for file in found
        if not file.name.startswith(".") and file.name != "run.json"
    }


def kill_and_repeat(folder: Path, kind: str, rows: int, times: int) -> int:
    """The test; gives how many of the runs were really cut short."""
    before, after = snapshots(folder, rows)
    most = max(10, rows // 8 if kind == "changes" else rows // 40)
    whole, out = folder / "whole", folder / "out"
    finish(line(kind, before, after, whole, most))
    taken = finish(line(kind, before, after, whole, most))
    expected = visible(whole)
    manifests = Manifest.load_all(whole)
    assert (len(manifests) > 2) is (kind != "diff")
    assert sum(len(manifest.files) for manifest in manifests) > 2
    if kind != "changes":
        assert {"vanished.csv", "cannot-clear.jsonl"} <= set(expected)
    words, rng, cut = line(kind, before, after, out, most), random.Random(30), 0
    for number in range(times):
        # Half of the moments fall into the second half, where most of the writing is.
        moment = rng.uniform(0.02 if number % 2 else 0.5, 0.9) * taken
        begun = time.monotonic()
        killed = python(*words, kill_after=moment).returncode == -signal.SIGKILL
        if not killed:
            taken = time.monotonic() - begun  # the machine is quicker now
        cut += killed
        left = visible(out)
        for name, content in left.items():
            assert name in expected, f"kill {number} after {moment:.3f} s left {name}"
            assert content == expected[name], f"kill {number} after {moment:.3f} s: {name} is not what it should be"
        for name in left:
            if name.endswith("manifest.json"):
                manifest = Manifest.load(out / name)
                assert all((out / name).with_name(file.name).exists() for file in manifest.files)
        try:
            complete = bool(Manifest.load_all(out))
        except SourceError:
            complete = False
        assert not complete or left == expected, f"kill {number}: an incomplete patch would be sent"
        if number % 5 == 4 or number == times - 1:
            finish(words)
            assert visible(out) == expected
            assert not [file.name for file in out.rglob(".*")]
    return cut


@pytest.mark.parametrize("kind", ["diff", "split", "changes"])
def test_a_killed_patch_leaves_nothing_half_done_and_can_be_repeated(tmp_path: Path, kind: str) -> None:
    assert kill_and_repeat(tmp_path, kind, rows=4_000, times=4) >= 1


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", ["diff", "split", "changes"])
def test_thirty_kills(tmp_path: Path, kind: str) -> None:
    assert kill_and_repeat(tmp_path, kind, rows=40_000, times=30) >= 10
