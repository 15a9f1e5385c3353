"""Patches of grouped rows: the rows that are set aside are all listed, with every row that a record is made of."""

from __future__ import annotations

import csv
import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from xdmprep.core.shipped import shipped
from xdmprep.pipeline.upsert import write_patch

MAPPING = {
    "$group_by": "id", "identityMap.LOYALTYID[0].id": "id", "identityMap.LOYALTYID[0].primary": "true",
    "identityMap.Email[*].id": "mail", "person.birthYear": "year",
}  # fmt: skip


def written(file: Path, seed: int, keys: int) -> Path:
    """A file whose groups lie apart, some with a year that is none, some rows with a value too many."""
    draw = random.Random(seed)
    with file.open("w", newline="", encoding="utf-8") as out:
        lines = csv.writer(out)
        lines.writerow(["id", "mail", "year"])
        for row in range(draw.randint(1, 4) * keys):
            key = draw.randrange(keys)
            lines.writerow([key, f"a{row}@x.org", draw.choice(["1980", "1990", "no"])] + ["x"] * (draw.random() < 0.05))
    return file


@pytest.mark.parametrize("jobs", [0, 2])
@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_every_row_of_a_record_that_is_set_aside_is_named(tmp_path: Path, jobs: int, known: bool, seed: int) -> None:
    files = [written(tmp_path / f"{number}.csv", 10 * seed + number, 40) for number in range(2)]
    before = written(tmp_path / "before.csv", seed + 7, 40) if known else None
    write_patch(
        before, files, shipped("crm-profile.schema.json"), tmp_path / "out", mapping=MAPPING, strict=True, jobs=jobs
    )
    groups, unread = defaultdict(list), set()
    for file in files:
        with file.open(newline="", encoding="utf-8") as text:
            for row, values in enumerate(list(csv.reader(text))[1:], 1):
                if len(values) == 3:
                    groups[values[0]].append((str(file), row, values[2]))
                else:
                    unread.add((str(file), row))
    bad = {key: rows for key, rows in groups.items() if any(year == "no" for *_, year in rows)}
    lines: list[dict[str, Any]] = [
        json.loads(line) for line in (tmp_path / "out" / "rejects.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    found = {line["source"]["identityMap.LOYALTYID[0].id"]: line for line in lines if "source" in line}
    assert {(line["file"], line["row"]) for line in lines if "text" in line} == unread
    assert found.keys() == bad.keys() and bad and unread
    for key, line in found.items():
        assert list(zip(line["files"], line["rows"], strict=True)) == [row[:2] for row in bad[key]]
        assert (line["file"], line["row"]) == bad[key][0][:2]
