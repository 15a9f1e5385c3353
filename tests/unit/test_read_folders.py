"""Folders, globs and lists as people have them: each row is read once, or one sentence says why not, with its file."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import xdmprep as xp
from xdmprep.errors import MappingError, SourceError
from xdmprep.read import open_source

CSV = b"id,n\na,1\nb,2\n"
LINE = b'{"id":"a","n":1}\n'


def zipped(data: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("export.csv", data)
    return sink.getvalue()


def parquet(**columns: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"id": ["a"], "n": [1], **columns}), sink)
    return sink.getvalue()


def book(*rows: list[Any]) -> bytes:
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    sink = io.BytesIO()
    made.save(sink)
    return sink.getvalue()


#: what a folder holds -> the `id` of the rows
READ: dict[str, tuple[dict[str, bytes], str]] = {
    "hidden files and markers": (
        {"a.csv": CSV, ".b.csv": CSV, "_SUCCESS": b"", "_tmp/c.csv": CSV, ".git/d.csv": CSV, ".e/f.zip": b"?"}, "ab",
    ),
    "notes beside": ({"a.csv": CSV, "README.md": b"# days", "schema.yaml": b"x: 1"}, "ab"),
    "folders in folders": ({"a.csv": CSV, "b/c/d.csv": b"n,id\n3,c"}, "abc"),
    "an empty file": ({"a.csv": b"", "b.csv": CSV}, "ab"),
    "a header alone": ({"a.csv": b"id,n\n", "b.csv": CSV}, "ab"),
    "byte order marks": ({"a.csv": b"\xef\xbb\xbf" + CSV, "b.csv": b"\xef\xbb\xbfn,id\n3,c"}, "abc"),
    "archives whose names do not tell": ({"a.csv": CSV, "b.zip": zipped(b"id,n\nc,1\n"), "c.gz": gzip.compress(CSV)},
                                         "abcab"),
    "an archive alone": ({"a.gz": gzip.compress(LINE)}, "a"),
    "JSON without records": ({"a.json": b"[]", "b.json": LINE, "c.json": b"", "d.json": b" \n"}, "a"),
    "JSON lines and arrays": ({"a.json": LINE, "b.json": b'[{"id":"b"}]', "c.json": b'\xef\xbb\xbf[\n{"id":"c"}\n]'},
                              "abc"),
    "a book that is open in Excel": ({"a.xlsx": book(["id", "n"], ["a", 1]), "~$a.xlsx": b"\x05me"}, "a"),
    "Parquet with a column of two types": ({"a.parquet": parquet(x=[{"y": 1}]), "b.parquet": parquet(x=["z"])}, "aa"),
}  # fmt: skip

#: what a folder holds -> what is said
REFUSED: dict[str, tuple[dict[str, bytes], str]] = {
    "two kinds": ({"a.csv": CSV, "b.jsonl": LINE}, "a folder with 1 CSV and 1 JSON files. Say which with a glob"),
    "a table that is not read": ({"a.csv": CSV, "b.xls": b"?"}, "a folder with 1 CSV and 1 .xls files. Say which"),
    "another one alone": ({"b.avro": b"Obj\x01"}, "b.avro: is an Avro file"),
    "nothing": ({"a.md": b"# x"}, "is a folder without CSV"),
    "nothing but empty files": ({"a.csv": b"", "b.csv": b"id,n\n"}, "none of the 2 files has rows"),
    "another delimiter in one": ({"a.csv": CSV, "b.csv": b"id;n\nc;3\n"}, "b.csv: the header is one column"),
    "another encoding in one": (
        {"a.csv": CSV, "b.csv": "id,n\nžluť,1\nkůň,2\nčáp,3\n".encode("cp1250")}, "b.csv: is not UTF-8",
    ),
    "UTF-16 in one": ({"a.csv": CSV, "b.csv": CSV.decode().encode("utf-16")}, "b.csv: is UTF-16"),
    "a gzip file cut off": ({"a.csv": CSV, "b.csv.gz": gzip.compress(os.urandom(3000))[:900]}, "b.csv.gz: "),
    "an archive of two files": (
        {"a.csv": CSV, "b.zip": zipped(CSV)[:40]}, "b.zip: the zip archive cannot be read",
    ),
    "Parquet cut off": ({"a.parquet": parquet(), "b.parquet": parquet()[:50]}, "b.parquet: is not a Parquet file"),
    "an answer that tells of an error": (
        {"a.json": LINE, "b.json": b'{"error":"not found","status":404}'}, "b.json: is a JSON document that tells of",
    ),
    "CSV in a compressed JSON file": ({"a.jsonl": LINE, "b.jsonl.gz": gzip.compress(CSV)}, "b.jsonl.gz: "),
}  # fmt: skip


def filled(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def ids(source: Any) -> str:
    return "".join(row["id"] for row in xp.map_rows(source, {"id": "id"}).to_pylist())


@pytest.mark.parametrize("name", READ)
def test_what_is_read_of_a_folder(name: str, tmp_path: Path) -> None:
    files, wanted = READ[name]
    assert ids(filled(tmp_path, files)) == wanted


@pytest.mark.parametrize("name", REFUSED)
def test_a_folder_that_would_lose_rows_is_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    files, said = REFUSED[name]
    with pytest.raises(SourceError) as caught:
        ids(filled(tmp_path, files))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def linked(folder: Path) -> Path:
    filled(folder, {"a.csv": CSV, "day/b.csv": b"id,n\nc,3\n"})
    (folder / "again").symlink_to(folder / "day")
    (folder / "day" / "up").symlink_to(folder)
    return folder


def test_linked_folders_are_read_once(tmp_path: Path) -> None:
    assert ids(linked(tmp_path)) == "abc"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "link").symlink_to(tmp_path / "day")
    assert ids(tmp_path / "other") == "cab"


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        (lambda file: file.symlink_to("nowhere.csv"), "odd.csv: is a link that leads nowhere"),
        (lambda file: os.mkfifo(file), "odd.csv: is a pipe"),
    ],
)
@pytest.mark.parametrize("source", [lambda folder: folder, lambda folder: str(folder / "*.csv")])
def test_what_has_the_name_of_a_file_and_is_none(
    odd: Callable[[Path], Any], said: str, source: Callable[[Path], Any], tmp_path: Path
) -> None:
    filled(tmp_path, {"a.csv": CSV})
    odd(tmp_path / "odd.csv")
    with pytest.raises(SourceError, match=said):
        open_source(source(tmp_path))


def test_a_folder_that_cannot_be_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path, {"a.csv": CSV, "locked/b.csv": CSV})
    listed = os.scandir

    def scandir(path: Any = ".") -> Any:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(SourceError, match="locked: Permission denied"):
        open_source(tmp_path)


@pytest.mark.parametrize(
    "source",
    [
        lambda folder: [folder / "a.csv", folder / "a.csv"], lambda folder: [folder / "a.csv", folder / "link.csv"],
        lambda folder: [folder / "a.csv", f"{folder}/../{folder.name}/a.csv"],
        lambda folder: [folder, folder / "a.csv"],
        lambda folder: str(folder / "*.csv"), lambda folder: [folder / "a.csv", (folder / "a.csv").as_uri()],
    ],
)  # fmt: skip
def test_one_file_under_two_names_is_refused(source: Callable[[Path], Any], tmp_path: Path) -> None:
    filled(tmp_path, {"a.csv": CSV})
    (tmp_path / "link.csv").symlink_to(tmp_path / "a.csv")
    with pytest.raises(SourceError, match=r"is (given twice|the same file as \S+)\. Its rows would be written"):
        open_source(source(tmp_path))


def test_globs_give_what_a_shell_gives(tmp_path: Path) -> None:
    filled(tmp_path, {"day=1/a.csv": CSV, "day=2/b.csv": b"id,n\nc,3\n", "notes/x.md": b"", "[x]/c.csv": CSV})
    assert ids(str(tmp_path / "day=*")) == ids(str(tmp_path / "day=*" / "*.csv")) == "abc"
    assert ids(str(tmp_path / "*")) == ids(str(tmp_path / "**" / "*.csv")) == "ababc"
    assert ids(str(tmp_path / "[x]" / "*.csv")) == "ab"
    with pytest.raises(SourceError, match="no file matches"):
        open_source(str(tmp_path / "note*"))


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_names_of_folders_give_columns(kind: str, tmp_path: Path) -> None:
    """As Hive and Spark write them; an own column of that name comes first."""
    for place, id_ in {"year=2024/city=Ji%C4%8D%C3%ADn": "a", "year=2025/city=__HIVE_DEFAULT_PARTITION__": "b"}.items():
        data = {"csv": f"id,n\n{id_},1\n".encode(), "jsonl": LINE.replace(b"a", id_.encode()), "parquet": b""}[kind]
        file = filled(tmp_path, {f"{place}/part.{kind}": data}) / place / f"part.{kind}"
        if kind == "parquet":
            pq.write_table(pa.table({"id": [id_], "n": [1]}), file)
    mapping = {"id": "id", "year": "to_integer(year)", "city": "city"}
    wanted = [{"id": "a", "year": 2024, "city": "Jičín"}, {"id": "b", "year": 2025}]
    assert xp.map_rows(tmp_path, mapping).to_pylist() == wanted
    assert xp.map_rows(str(tmp_path / "year=2024"), mapping).to_pylist() == wanted[:1]
    assert xp.map_rows(tmp_path, {"n": "n", "id": "id"}).to_pylist()[0] == {"n": 1 if kind != "csv" else "1", "id": "a"}
    filled(tmp_path, {f"id=z/part.{kind}": next(tmp_path.rglob(f"*.{kind}")).read_bytes()})
    assert {row["id"] for row in xp.map_rows(tmp_path, {"id": "id"}).to_pylist()} == {"a", "b"}


def test_folders_of_csv_files_in_places_are_told_apart_in_one_chunk(tmp_path: Path) -> None:
    rows = 0
    for day in range(1, 31):
        filled(tmp_path, {f"day={day:02}/a.csv": b"id\n" + b"x\n" * day})
        rows += day
    made = xp.map_rows(tmp_path, {"day": "day"}).to_pylist()
    assert [row["day"] for row in made] == [f"{day:02}" for day in range(1, 31) for _ in range(day)]


def test_a_column_of_two_types_is_refused_where_it_is_read(tmp_path: Path) -> None:
    filled(tmp_path, {"a.parquet": parquet(x=[{"y": 1}]), "b.parquet": parquet(x=["z"])})
    for mapping in ({"x": "x"}, {"$group_by": "x", "x": "x"}, {"id": 'concat(id, "-", x)'}):
        with pytest.raises((SourceError, MappingError), match=r"column 'x' is struct.* in .*a\.parquet and string in"):
            xp.map_rows(tmp_path, mapping).to_pylist()
    with pytest.raises(SourceError, match="column 'x' is struct"):
        open_source(tmp_path).to_pylist()
    grouped = xp.map_rows(tmp_path, {"$group_by": "id", "id": "id", "all[*].n": "n"}).to_pylist()
    assert grouped == [{"id": "a", "all": [{"n": 1}, {"n": 1}]}]


def test_text_is_no_path() -> None:
    with pytest.raises(SourceError, match=r"is not a path\. Give text as io\.StringIO"):
        open_source(CSV.decode())
    assert ids(io.StringIO(CSV.decode())) == "ab"


#: Files of a folder that are not read for their names, and what programs leave behind, of which nothing is said.
NOT_READ = ("_e.csv", ".d.csv", "b.dat", "c.csv.bak", "day/.g.jsonl", "day/h.yaml")
MARKS = ("_SUCCESS", ".DS_Store", "day/._SUCCESS.crc", "~$a.xlsx")
DATA = {"a.csv": b"id,n\nx,1\n", "day/f.csv": b"id,n\ny,3\n"}


@pytest.mark.parametrize("source", [str, lambda folder: [folder / "a.csv", folder / "day"], "{}/../i*".format])
@pytest.mark.parametrize("data", [DATA, {"day/f.csv": DATA["day/f.csv"]}])
def test_files_that_are_not_read_are_named_in_report_and_manifest(
    source: Callable[[Path], Any], data: dict[str, bytes], schemas: Path, tmp_path: Path
) -> None:
    folder = filled(tmp_path / "in", dict.fromkeys([*NOT_READ, *MARKS], CSV) | data)
    given = source(folder)
    if isinstance(given, list):
        given = [path for path in given if path.exists()]
    names = [name for name in NOT_READ if not isinstance(given, list) or name.startswith("day/")]
    schema = schemas / "crm-profile.schema.json"
    result = xp.prepare(given, {"_id": "id"}, schema, out=tmp_path / "out")
    assert result.rows == len(data)
    assert {os.path.realpath(name) for name in result.manifest.source["notRead"]} == {
        str(folder / name) for name in names
    }
    assert xp.Manifest.load(tmp_path / "out").source == result.manifest.source
    (note,) = (note for note in result.report.notes if "not read" in note)
    assert note.startswith(f"{len(names)} files not read")
    assert note in xp.validate(given, schema, mapping={"_id": "id"}).notes
    patch = xp.write_patch(given, given, schema, tmp_path / "patch", mapping={"identityMap.CRMID[0].id": "id"})
    assert note in patch.report.notes


def test_a_glob_reads_what_a_folder_is_not_read_with(tmp_path: Path) -> None:
    folder = filled(tmp_path, {"a.csv": CSV, "b.dat": b"id\nx\n", ".c.csv": b"id\ny\n"})
    assert ids(f"{folder}/*.dat") == "x"
    assert ids([f"{folder}/.*", folder / "b.dat"]) == "yx"
