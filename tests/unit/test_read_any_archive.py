"""What is in a compressed file is told by its bytes, whatever the file and its member are called."""

from __future__ import annotations

import bz2
import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import xdmprep as xp

ROWS = [{"id": "1", "text": "a"}, {"id": "2", "text": "b"}]
TABLE = pa.Table.from_pylist(ROWS)


def parquet() -> bytes:
    sink = io.BytesIO()
    pq.write_table(TABLE, sink)
    return sink.getvalue()


def book() -> bytes:
    made, sink = openpyxl.Workbook(), io.BytesIO()
    for row in (["id", "text"], *([row["id"], row["text"]] for row in ROWS)):
        made.active.append(row)
    made.save(sink)
    return sink.getvalue()


def arrow() -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, TABLE.schema) as writer:
        writer.write_table(TABLE)
    return sink.getvalue()


KINDS = {
    "CSV": b"id,text\n1,a\n2,b\n", "JSON array": b'[{"id": "1", "text": "a"}, {"id": "2", "text": "b"}]',
    "JSON lines": b'{"id": "1", "text": "a"}\n{"id": "2", "text": "b"}\n', "Parquet": parquet(), "Excel": book(),
    "Arrow": arrow(),
}  # fmt: skip


def zipped(members: dict[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return sink.getvalue()


PACK: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress, "bz2": bz2.compress, "zst": lambda data: pa.compress(data, "zstd", asbytes=True),
    "zip": lambda data: zipped({"export/member": data}),
}  # fmt: skip


@pytest.mark.parametrize("name", ["export.{}", "export.dat.{}", "rows.csv.{}", "rows.json.{}", "export"])
@pytest.mark.parametrize("packing", PACK)
@pytest.mark.parametrize("kind", KINDS)
def test_the_bytes_say_what_is_in_an_archive(kind: str, packing: str, name: str, tmp_path: Path) -> None:
    file = tmp_path / name.format(packing)
    file.write_bytes(PACK[packing](KINDS[kind]))
    assert xp.map_rows(file, {"id": "id", "text": "text"}).to_pylist() == ROWS


@pytest.mark.parametrize("kind", KINDS)
def test_the_bytes_say_what_a_file_of_an_unknown_ending_is(kind: str, tmp_path: Path) -> None:
    (tmp_path / "export.dat").write_bytes(KINDS[kind])
    assert xp.map_rows(tmp_path / "export.dat", {"id": "id", "text": "text"}).to_pylist() == ROWS


def test_what_systems_put_beside_a_file_does_not_count(tmp_path: Path) -> None:
    beside = {"__MACOSX/a/._rows.csv": b"x", "a/": b"", "a/.DS_Store": b"x", "a/Thumbs.db": b"x", "desktop.ini": b"x"}
    (tmp_path / "a.zip").write_bytes(zipped({**beside, "a/rows.csv": KINDS["CSV"]}))
    assert xp.map_rows(tmp_path / "a.zip", {"id": "id", "text": "text"}).to_pylist() == ROWS


def with_password(data: bytes) -> bytes:
    """An archive that says of its first member that it is encrypted."""
    made = bytearray(data)
    made[6] |= 1
    made[made.index(b"PK\x01\x02") + 8] |= 1
    return bytes(made)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (zipped({}), "is a zip archive without files"),
        (zipped({"a/": b""}), "is a zip archive without files"),
        (zipped({"a.csv": b"id\n1\n", "b.csv": b"id\n1\n"}), r"is a zip archive of 2 files \(a.csv, b.csv\)"),
        (with_password(zipped({"a.csv": b"id\n1\n"})), "is a zip archive with a password. Unpack it first"),
    ],
)
def test_archives_that_cannot_be_read_are_named(data: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(xp.SourceError, match=said):
        xp.map_rows(tmp_path / "a.zip", {"id": "id"})


def test_a_sheet_that_begins_with_a_title_is_refused_with_the_row_of_the_header(tmp_path: Path) -> None:
    made = openpyxl.Workbook()
    for row in (["Report of May"], [], ["id", "text"], ["1", "a"], ["2", "b"]):
        made.active.append(row)
    made.save(tmp_path / "a.xlsx")
    with pytest.raises(xp.SourceError, match=r"no header, 'Report of May'\. Give excel=ExcelOptions\(header_row=3\)"):
        xp.map_rows(tmp_path / "a.xlsx", {"id": "id"})
