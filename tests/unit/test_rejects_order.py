"""Rows set aside and their findings are written in the order of the source, whatever thread makes the lines."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

import xdmprep as xp
from xdmprep.core.stream import Chunk
from xdmprep.read import several
from xdmprep.write import rejects

FILES, ROWS = 3, 4_000


def is_faulty(number: int) -> bool:
    return number % 3 == 0 or is_ragged(number)


def is_ragged(number: int) -> bool:
    return number % 1_001 == 7


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_rejects_and_issues_are_in_the_order_of_the_source(
    jobs: int, schemas: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rejects, "_TOGETHER", 50)
    monkeypatch.setattr(several, "SMALL_FILE", 0)
    names = [str(tmp_path / f"{number}.csv") for number in range(FILES)]
    for name in names:
        lines = [
            f"{number},{'?' if number % 3 == 0 else 'female'},none" + ",more" * is_ragged(number)
            for number in range(1, ROWS + 1)
        ]
        Path(name).write_text("\n".join(["id,gender,year", *lines]), encoding="utf-8")
    mapping = {
        "identityMap.CRMID[0].id": "id", "identityMap.CRMID[0].primary": "true", "person.gender": "gender",
        "person.birthYear": "year",
    }  # fmt: skip
    chunks: list[Chunk] = []
    done = xp.prepare(
        names, mapping, schemas / "crm-profile.schema.json", tmp_path / "out",
        csv=xp.CsvOptions(block_bytes=12_000), jobs=jobs, on_chunk=chunks.append,
    )  # fmt: skip
    assert len(chunks) > 4
    assert done.rows == FILES * ROWS
    lines = (tmp_path / "out" / "rejects.jsonl").read_text(encoding="utf-8").splitlines()
    aside = [(line["file"], line["row"], "text" in line) for line in map(json.loads, lines)]
    numbers = [number for number in range(1, ROWS + 1) if is_faulty(number)]
    assert aside == [(name, number, is_ragged(number)) for name in names for number in numbers]
    with (tmp_path / "out" / "issues.csv").open(encoding="utf-8", newline="") as file:
        found = [(row["file"], int(row["row"])) for row in csv.DictReader(file)]
    assert found == sorted(found)
    assert {one for one in found if is_faulty(one[1])} == {(name, number) for name, number, _ in aside}
    assert len(found) == done.report.found
