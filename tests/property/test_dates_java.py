# ruff: noqa: E501
"""Random date patterns on random strings, read and printed as Java's own classes do (``--slow``, where a Java is)."""

from __future__ import annotations

import random
import re
from datetime import datetime, timedelta

import pyarrow as pa
import pytest
from language_kit import values_of
from oracles import java
from oracles.java import moment

from xdmprep.language import compile_expression
from xdmprep.language.java_time_format import compile_pattern
from xdmprep.language.options import Options
from xdmprep.language.values import Failed
from xdmprep.language.zoned_datetime import Moment

OPTIONS = Options(weeks="us")
DAYS = [
    "yyyy-MM-dd", "dd.MM.yyyy", "d/M/yyyy", "M/d/yy", "yyyyMMdd", "d MMM yyyy", "EEE, d MMM uuuu", "EEEE d MMMM uuuu", "yyyy-DDD",
    "YYYY-'W'ww-e", "y-M-d", "MMM d, yyyy", "G yyyy-MM-dd", "''yy MM dd", "uuuu'年'MM'月'dd'日'", "ppM/ppd/yyyy", "yyyy[-MM[-dd]]",
]  # fmt: skip
TIMES = [
    "HH:mm:ss", "H:m:s", "hh:mm a", "h:mm:ss a", "K:mm a", "kk:mm", "HHmmss", "HH:mm:ss.SSS", "HH:mm:ss.SSSSSSSSS", "HH:mm[:ss[.SSS]]",
    "A", "n", "N", "H'h'mm",
]  # fmt: skip
ZONES = ["", "", "X", "XXX", "XXXXX", "xx", "Z", "ZZZZ", " VV", "'['VV']'", " O", "[XXX]", "'Z'"]
PLACES = ["Z", "+02:00", "-05:30", "-00:30", "+14:00", "[Europe/Paris]", "[America/New_York]"]
NUMBERS = [
    "0",
    "00",
    "12",
    "13",
    "24",
    "28",
    "29",
    "30",
    "31",
    "32",
    "53",
    "54",
    "60",
    "99",
    "365",
    "366",
    "0000",
    "10000",
]
#: What Java answers where it moves a date in silence, and where it is stricter: the letter case and the spelling of an
#: offset, which strings of a case do not change here.
MOVED = re.compile(r"2[49]|3[012]|24|36[67]|5[34]|\b0|:60")


def days(draw: random.Random) -> str:
    """A moment as Java writes it: often the end of February or of a year, or when clocks change."""
    at = draw.choice([
        datetime(draw.choice([1900, 2000, 2023, 2024]), 2, 28) + timedelta(days=draw.randrange(2), seconds=draw.randrange(86_400)),
        datetime(draw.randrange(1998, 2030), 12, 31) + timedelta(days=draw.randrange(-5, 6), seconds=draw.randrange(86_400)),
        datetime(2021, *draw.choice([(3, 28), (10, 31)]), draw.randrange(4), 30),
        datetime(draw.choice([2, 999, 9998]), draw.randrange(1, 13), draw.randrange(1, 29), draw.randrange(24)),
        datetime(1950, 1, 1) + timedelta(seconds=draw.randrange(10**9), microseconds=draw.choice([0, 123_000, 999_999])),
    ])  # fmt: skip
    place = draw.choice(PLACES)
    if place[0] == "[":
        name = place.strip("[]")
        at = (
            compile_pattern("yyyy-MM-dd'T'HH:mm:ss.SSSSSS VV", OPTIONS)
            .read(f"{at.isoformat(timespec='microseconds')} {name}")
            .at
        )
    return at.isoformat(timespec="microseconds") + place


def changed(draw: random.Random, text: str) -> str:
    """A string with a character or a number changed."""
    at, numbers = draw.randrange(len(text)), list(re.finditer("[0-9]+", text))
    if draw.random() < 0.4 and numbers:
        found, number = draw.choice(numbers), draw.choice(NUMBERS)
        return text[: found.start()] + number.zfill(len(found[0])) + text[found.end() :]
    return text[:at] + draw.choice(["", text[at] * 2, " ", "0", "9", "-", ":", "x"]) + text[at + 1 :]


def read(pattern: str, text: str) -> Moment | None:
    try:
        return compile_pattern(pattern, OPTIONS).read(text)
    except Failed:
        return None


@pytest.mark.slow
@pytest.mark.skipif(not java.PRESENT, reason="needs Java")
@pytest.mark.parametrize("seed", range(3))
def test_random_patterns_read_and_print_as_in_java(seed: int) -> None:
    draw = random.Random(seed)
    patterns = {
        draw.choice(DAYS) + draw.choice([" ", "'T'", ", "]) + draw.choice(TIMES) + draw.choice(ZONES)
        for _ in range(250)
    }
    jobs = [("F", "US", pattern, days(draw)) for pattern in sorted(patterns | set(DAYS)) for _ in range(12)]
    printed: dict[str, list[str]] = {}
    for (_, _, pattern, day), answer in zip(jobs, java.ask_dates(jobs), strict=True):
        assert "=" + compile_pattern(pattern, OPTIONS).print(moment(day)) == answer, (pattern, day)
        printed.setdefault(pattern, []).extend([answer[1:], changed(draw, answer[1:]), changed(draw, answer[1:])])
    questions = [("P", "US", pattern, text) for pattern, texts in printed.items() for text in texts]
    answers = iter(java.ask_dates(questions))
    both = 0
    for pattern, texts in printed.items():
        quoted = pattern.replace("'", "\\'")
        made = compile_expression(f"date(v, '{quoted}')", pa.schema([("v", pa.string())]), OPTIONS)
        values = values_of(made.apply(pa.record_batch({"v": texts})))
        for text, value in zip(texts, values, strict=True):
            found, answer = read(pattern, text), next(answers)
            if found is not None and 1 < found.at.year < 9999:
                assert value == found.at, (
                    pattern,
                    text,
                )
            assert found is not None or value is None, (pattern, text)
            if found is None:  # Java moves some dates that do not exist
                assert (
                    answer[0] != "=" or MOVED.search(text) or not 1 < int(answer[1:].lstrip("+-").split("-")[0]) < 9999
                ), (pattern, text, answer)
            elif answer[0] == "=":
                assert found == moment(answer[1:]) and str(found)[-6:] == str(moment(answer[1:]))[-6:], (
                    pattern,
                    text,
                    answer,
                )
                both += 1
            else:  # spelled otherwise than the pattern says
                assert re.search("[XxZVO]", re.sub("'[^']*'", "", pattern)) or re.match("G", pattern), (
                    pattern,
                    text,
                    answer,
                )
    assert both > len(questions) // 3
