"""A source that vanishes or changes while it is read: one clear error, or a run that is whole and counted."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import xdmprep as xp
from xdmprep.errors import XdmPrepError
from xdmprep.pipeline.upsert import write_patch

ROWS = 60_000
MAPPING = {"identityMap.LOYALTYID[0].id": "id", "identityMap.LOYALTYID[0].primary": True, "person.name.lastName": "n"}


@cache
def content(kind: str, rows: int = ROWS) -> bytes:
    records = [{"id": f"k{number}", "n": f"name {number}"} for number in range(rows)]
    if kind == "parquet":
        out = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(records), out, row_group_size=5_000)
        return out.getvalue()
    if kind == "csv":
        return ("id,n\n" + "".join(f"{row['id']},{row['n']}\n" for row in records)).encode()
    if kind == "json":
        return json.dumps(records).encode()
    return "".join(json.dumps(row) + "\n" for row in records).encode()


def _folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


CHANGES: dict[str, Callable[[Path], object]] = {
    "vanishes": lambda file: file.unlink(),
    "emptied": lambda file: file.write_bytes(b""),
    "cut": lambda file: file.write_bytes(file.read_bytes()[: len(file.read_bytes()) // 2]),
    "grows": lambda file: file.write_bytes(file.read_bytes() + file.read_bytes()[-1000:]),
    "noise": lambda file: file.write_bytes(b"\xff\x00{" * 100_000),
    "becomes a folder": _folder,
    "replaced": lambda file: (file.unlink(), file.write_bytes(b"other,columns\n1,2\n")),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("kind", ["csv", "ndjson", "parquet"])
@pytest.mark.parametrize("when", ["before the first row", "at the first chunk"])
def test_a_source_that_changes(kind: str, change: str, when: str, tmp_path: Path, schemas: Path) -> None:
    file = tmp_path / f"in.{kind}"
    file.write_bytes(content(kind))
    told: list[int] = []

    def disturb(*_: object) -> None:
        if not told:
            told.append(1)
            CHANGES[change](file)

    at = {"on_start" if when == "before the first row" else "on_chunk": disturb}
    out = tmp_path / "out"
    try:
        done = xp.prepare(file, MAPPING, schemas / "crm-profile.schema.json", out, jobs=1, **at)  # type: ignore[arg-type]
    except XdmPrepError as error:
        assert len(str(error)) < 1_000
        assert not list(out.glob("part-*"))
    else:
        assert done.rows == done.written + done.rejected
        assert sum(part.rows for part in done.manifest.files) == done.written


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("kind", ["csv", "ndjson", "parquet"])
@pytest.mark.parametrize("which", ["before", "after"])
def test_a_snapshot_that_changes(kind: str, change: str, which: str, tmp_path: Path, schemas: Path) -> None:
    files = {name: tmp_path / f"{name}.{kind}" for name in ("before", "after")}
    files["before"].write_bytes(content(kind, 5_000))
    files["after"].write_bytes(content(kind, 6_000).replace(b"name 7", b"NAME 7"))
    out = tmp_path / "out"
    try:
        write_patch(
            files["before"], files["after"], schemas / "crm-profile.schema.json", out, mapping=MAPPING, jobs=1,
            on="identityMap.LOYALTYID[0].id", on_start=lambda _: CHANGES[change](files[which]),
        )  # fmt: skip
    except XdmPrepError as error:
        assert len(str(error)) < 1_000
        assert not list(out.rglob("part-*"))


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("kind", ["ndjson", "json", "parquet"])
def test_records_that_change_while_they_are_checked(kind: str, change: str, tmp_path: Path, schemas: Path) -> None:
    file = tmp_path / f"in.{kind}"
    file.write_bytes(content(kind))
    try:
        report = xp.validate(
            file, schemas / "crm-profile.schema.json", jobs=1, cap=10, on_start=lambda _: CHANGES[change](file)
        )
    except XdmPrepError as error:
        assert len(str(error)) < 1_000
    else:
        assert report.rows >= report.invalid
