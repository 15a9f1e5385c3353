"""Runs cases until the time is up; every case follows from the seed and its number alone, so each can be repeated."""

from __future__ import annotations

import faulthandler
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: Seconds that one case may take.
CASE_SECONDS = 20


class TooSlowError(BaseException):
    """A case took longer than :data:`CASE_SECONDS`."""


@dataclass
class Fault:
    """What went wrong in one case.

    Attributes:
        kind: what faults of one cause have in common.
        text: what to read.
        number: the case's number.
        kept: the folder of its files.
    """

    kind: str
    text: str
    number: int
    kept: Path | None = None


@dataclass
class Outcome:
    """A whole run: how many cases, what they ended with, the faults (one of each kind)."""

    seed: int
    cases: int = 0
    ends: dict[str, int] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)

    def __str__(self) -> str:
        ends = ", ".join(f"{count} x {end}" for end, count in sorted(self.ends.items()))
        return f"seed {self.seed}: {self.cases} cases ({ends}), {len(self.faults)} kinds of faults"


#: A case: given its own random numbers and an empty folder it gives how it ended, and what is wrong with that.
Case = Callable[[random.Random, Path], tuple[str, list[str]]]


def run(case: Case, seed: int, seconds: float | None = None, only: int | None = None, most: int = 8) -> Outcome:
    """Run cases.

    Args:
        case: what to run.
        seed: of all random choices.
        seconds: when to stop; None with `only`.
        only: run this one case.
        most: stop after this many different faults.
    """
    outcome = Outcome(seed)
    root = Path(tempfile.mkdtemp(prefix=f"xdmprep-fuzz-{seed}-"))
    end = time.monotonic() + (seconds or 0)
    number = only if only is not None else 0
    while only is not None or time.monotonic() < end:
        folder = root / f"case-{number}"
        folder.mkdir()
        complaints: list[str] = []
        how = "fault"
        with _limited(number, seed):
            try:
                how, complaints = case(random.Random(f"{seed}/{number}"), folder)
            except TooSlowError:
                complaints = [f"took longer than {CASE_SECONDS} s:\n{frames(traceback.format_exc())}"]
        outcome.cases += 1
        outcome.ends[how] = outcome.ends.get(how, 0) + 1
        for text in complaints:
            kind = fingerprint(text)
            if kind not in outcome.faults:
                outcome.faults[kind] = Fault(kind, text, number, folder)
                print(f"--- seed {seed}, case {number}, kept in {folder}\n{text}", file=sys.__stdout__, flush=True)
        if not any(fault.kept == folder for fault in outcome.faults.values()):
            shutil.rmtree(folder, ignore_errors=True)
        if only is not None or len(outcome.faults) >= most:
            break
        number += 1
    if not outcome.faults:
        shutil.rmtree(root, ignore_errors=True)
    return outcome


def start_clock() -> None:
    """The case is made up; its time limit counts from here."""
    signal.setitimer(signal.ITIMER_REAL, CASE_SECONDS)


def fingerprint(text: str) -> str:
    """What two complaints of one cause have in common: the first line without numbers and names."""
    frames = re.findall(r'File "[^"]*/(xdmprep/[^"]+)", line (\d+)', text)
    if frames:
        return "{} {}".format(*frames[-1]) + text.splitlines()[0][:40]
    return re.sub(r"\d+|'[^']*'|\"[^\"]*\"|/\S+", "#", text.splitlines()[0])[:100]


def frames(trace: str) -> str:
    """A trace without the frames of other packages."""
    found = re.findall(r'(  File "[^"]*", line \d+, in [^\n]*\n(?:    [^\n]*\n)*)', trace + "\n")
    ours = [frame for frame in found if "/xdmprep/" in frame and "/xdmprep/cli/__init__" not in frame]
    return "".join(re.sub(r"\n +[\^~]+(?=\n)", "", frame) for frame in ours[:2] + ours[2:][-6:]) or trace[-3000:]


@contextmanager
def _limited(number: int, seed: int) -> Iterator[None]:
    def stop(_signal: int, _frame: Any) -> None:
        raise TooSlowError

    faulthandler.dump_traceback_later(CASE_SECONDS * 3, exit=True, file=sys.__stderr__)
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, CASE_SECONDS)
    try:
        yield
    except BaseException:
        print(f"seed {seed}, case {number}", file=sys.__stderr__)
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        faulthandler.cancel_dump_traceback_later()
