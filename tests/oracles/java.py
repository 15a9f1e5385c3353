"""Asks a Java on this machine, where there is one, what its own classes say."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from xdmprep.language.zoned_datetime import Moment
from xdmprep.language.zones import zone

HERE = Path(__file__).parent
PRESENT = shutil.which("java") is not None


def _ask(program: str, lines: list[str]) -> list[str]:
    shown = subprocess.run(
        ["java", "-Xss16m", str(HERE / program)], input="\n".join(lines), capture_output=True, text=True, check=True
    )
    answers = shown.stdout.splitlines()
    assert len(answers) == len(lines)
    return answers


def encode(text: str) -> str:
    return "=" + base64.b64encode(text.encode()).decode()


def decode(text: str) -> str | None:
    if text == "-":
        return None
    body = text[1:].replace("_", "/")
    return base64.b64decode(body + "=" * (-len(body) % 4)).decode()


@dataclass(frozen=True)
class RegexAnswer:
    """What Java makes of one text: whether all of it matches, all matches with their groups, its parts, ``<$0>``."""

    matches: bool
    finds: list[list[str | None]]
    split: list[str | None]
    replaced: str | None


def ask_regex(cases: list[tuple[str, list[str]]]) -> list[list[RegexAnswer] | str]:
    """For each expression and its texts the answers, or Java's complaint as ``position message``."""
    lines = [" ".join(map(encode, (pattern, *texts))) for pattern, texts in cases]
    found: list[list[RegexAnswer] | str] = []
    for line in _ask("JavaRegex.java", lines):
        if line.startswith("!"):
            found.append(line[1:])
            continue
        answers = []
        for answer in line.split(" "):
            matches, finds, parts, replaced = answer.split(";")
            groups = [list(map(decode, find.split(","))) for find in finds.split("/")[:-1]]
            answers.append(
                RegexAnswer(matches == "1", groups, list(map(decode, parts.split("/")[:-1])), decode(replaced))
            )
        found.append(answers)
    return found


def ask_dates(lines: list[tuple[str, ...]]) -> list[str]:
    """Answers of `JavaDates.java`: ``=result``, ``-`` and why it does not fit, ``!`` and why the pattern is none."""
    return _ask("JavaDates.java", ["\t".join(line) for line in lines])


def moment(text: str) -> Moment:
    """A date such as ``2019-10-23T11:24:35.123456789+02:00[Europe/Paris]``."""
    place = re.search(r"\[(.*)\]", text)
    fraction = re.search(r"\.(\d+)", text)
    nanos = int(fraction[1].ljust(9, "0")) if fraction else 0
    at = datetime.fromisoformat(re.sub(r"\[.*|\.\d+", "", text).replace("Z", "+00:00")).replace(
        microsecond=nanos // 1000
    )
    if place:
        at = at.astimezone(zone(place[1]))
    return Moment(at.replace(tzinfo=UTC) if at.utcoffset() == timedelta() else at, nanos % 1000)
