"""The fuzzers of tests/fuzz: one second with the seed of the change; ten minutes with a random one, a long test."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.seed import of_change

ROOT = Path(__file__).resolve().parents[2]


def fuzz(what: str, seconds: int, seed: int) -> None:
    arguments = [sys.executable, "-m", "tests.fuzz", what, "--seconds", str(seconds), "--seed", str(seed)]
    done = subprocess.run(
        arguments, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False, timeout=seconds + 280
    )
    print(done.stdout[-20_000:], done.stderr[-5_000:])
    assert done.returncode == 0, f"repeat it with: python -m tests.fuzz {what} --seconds {seconds} --seed {seed}"


@pytest.mark.parametrize("what", ["command", "library"])
def test_one_second_with_the_seed_of_the_change(what: str) -> None:
    fuzz(what, 1, of_change())


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("what", ["command", "library"])
def test_ten_minutes_with_a_fresh_seed(what: str) -> None:
    fuzz(what, 600, random.SystemRandom().randrange(10**6))
