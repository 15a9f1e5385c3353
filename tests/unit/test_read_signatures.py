"""What a file is, is told by its bytes: it is read right, or one sentence says what it is and what to do."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import re
import shlex
import struct
import zipfile
from pathlib import Path

import pytest

from xdmprep import diff, map_rows
from xdmprep.cli import run
from xdmprep.errors import MappingError, SourceError
from xdmprep.read import CsvOptions, open_source

WESTERN = "id,name\n1,Zoë – Müller\n2,plain\n3,Åse\n4,José\n"


def zipped(members: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return made.getvalue()


#: name, bytes, what the sentence must hold
REFUSED = [
    ("semicolons.csv", b"id;t\n1;a\n", "delimiter=';'"),
    ("tabs.csv", b"id\tt\n1\ta\n", "delimiter='\\t'"),
    ("pipes.csv", b"id|t\n1|a\n", "delimiter='|'"),
    ("carets.csv", b"id^t\n1^a\n", "delimiter='^'"),
    ("twice.csv.gz", gzip.compress(gzip.compress(b"id,t\n1,a\n")), "compressed with gzip, perhaps twice"),
    ("gzip.parquet", gzip.compress(b"PAR1"), "compressed with gzip"),
    ("sheet.ods", zipped({"mimetype": b"application/vnd.oasis", "content.xml": b"<x/>"}), "an OpenDocument file"),
    ("commas.csv", b"id;price\n1;3,50\n", "delimiter=';'"),
    ("comment.csv", b"# exported today\n# by hand\nid,t\n1,a\n", "begins with a comment"),
    ("no-header.csv", b"1,anna@example.com,2020-01-01\n2,bob@example.com,2020-01-02\n", "names="),
    ("numbers.csv", b"1001,5.5\n1002,6.5\n", "names="),
    ("cp1252.csv", WESTERN.encode("cp1252"), "encoding='cp1252'"),
    ("cp1252-header.csv", "id,größe\n1,x\n".encode("cp1252"), "encoding='cp1252'"),
    ("utf16.csv", "id,t\n1,a\n".encode("utf-16"), "encoding='utf-16'"),
    ("utf16-without-mark.csv", "id,t\n1,a\n".encode("utf-16-be"), "encoding='utf-16'"),
    ("utf32.csv", "id,t\n1,a\n".encode("utf-32"), "encoding='utf-32'"),
    ("utf16.json", '{"id": 1}\n'.encode("utf-16"), "UTF-16"),
    ("error.csv", b'{"error": "forbidden", "status": 403}', "tells of an error"),
    ("array.csv", b'[\n{"a": 1}]', "JSON"),
    ("mark.csv", b"\xef\xbb\xbf \n<HTML><body>", "a web page"),
    ("book.csv", zipped({"[Content_Types].xml": b"", "xl/workbook.xml": b""}), "Excel book"),
    ("nothing.zip.csv", zipped({}), "a zip archive without files"),
    ("aws.csv", b"<Error><Code>AccessDenied</Code></Error>", "an XML document"),
    ("csv.json", b"id,t\n1,a\n", "name that ends in .csv"),
    ("csv.parquet", b"id,t\n1,a\n", "name that ends in .csv"),
    ("csv.xlsx", b"id,t\n1,a\n", "name that ends in .csv"),
    ("json.xlsx", b'{"id": 1}\n', "name that ends in .json"),
    ("zip.xlsx", zipped({"a.csv": b"id\n1\n"}), "a zip archive of other files; unpack it, or give it a name"),
    ("nothing.xlsx", b"", "is empty"),
    ("csv.arrow", b"id,t\n1,a\n", "name that ends in .csv"),
    ("parquet.feather", b"PAR1....PAR1", "name that ends in .parquet"),
    ("damaged.arrow", b"ARROW1\0\0....", "is not a whole Arrow file"),
    ("old.feather", b"FEA1....FEA1", "Feather file of version 1"),
    ("nothing.ipc", b"", "is empty"),
    ("parquet.csv", b"PAR1....PAR1", "name that ends in .parquet"),
]
#: What servers answer instead of a file, and records that look a little like it.
ERRORS = [
    '{"error": {"code": 403, "message": "no"}}', '{"error": "invalid_token", "error_description": "no"}',
    '{"type": "about:blank", "title": "no", "status": 404}', '{"message": "no", "statusCode": 500}',
    '{"errors": [{"detail": "no"}], "status": 400}', '{\n  "message": "no",\n  "code": 429\n}\n',
]  # fmt: skip
NO_ERRORS = [
    '{"message": "no", "id": 1}', '{"status": "ok", "title": "Dr"}', '{"code": 200, "message": "x"}',
    '{"error": "a"}\n{"error": "b"}', '[{"message": "x", "status": 500, "id": 7}]',
]  # fmt: skip


def container(*streams: str) -> bytes:
    """A container of Office until 2003, of which only the directory has anything in it."""
    directory = b"".join(
        name.encode("utf-16-le").ljust(64, b"\0") + struct.pack("<H", 2 * len(name) + 2) + bytes(62)
        for name in ("Root Entry", *streams)
    )
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504 + 512) + directory


#: Kinds that no reader takes, under any name.
FOREIGN = {
    "an Office document with a password; open it in Excel": container("EncryptionInfo", "EncryptedPackage"),
    "an old Excel book (.xls); open it in Excel": container("Workbook"),
    "an old Excel book (.xls); open it": container("Book", "WordDocument"),
    "an old Excel book (.xls)": b"\x09\x08\x10\0\0\x05\x05\0",
    "an old Word document": container("1Table", "WordDocument", "Workbook"),
    "an old PowerPoint document": container("Current User", "PowerPoint Document"),
    "an Outlook message": container("__properties_version1.0"),
    "a binary Excel book (.xlsb); open it in Excel": zipped({"[Content_Types].xml": b"", "xl/workbook.bin": b""}),
    "a Word document; export": zipped({"[Content_Types].xml": b"", "word/document.xml": b""}),
    "a PowerPoint document; export": zipped({"[Content_Types].xml": b"", "ppt/presentation.xml": b""}),
    "an OpenDocument file; open it in LibreOffice": zipped({"mimetype": b"", "content.xml": b""}),
    "an OpenDocument file; open": b"<office:document xmlns:office='urn:oasis:names:tc:opendocument:1'>",
    "a document of Apple's iWork, such as a Numbers sheet": zipped({"Index/Document.iwa": b"", "Data/a.jpg": b""}),
    "a spreadsheet in the XML of Excel 2003": b'<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">',
    "a web page made for Excel": b'<html xmlns:x="urn:schemas-microsoft-com:office:excel"><table>',
    "a web page with a table": b"<html><body><table border=1><tr><td>id</td></tr></table>",
    "a PDF document": b"%PDF-1.7\n",
    "a web page": b"<!DOCTYPE html>\n<title>404</title>",
    "an XML document": b'<?xml version="1.0"?><a/>',
    "a 7-Zip archive": b"7z\xbc\xaf\x27\x1c....",
    "an xz archive": b"\xfd7zXZ\0....",
    "a RAR archive": b"Rar!\x1a\x07\0....",
    "a picture": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "an old Office document": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
    "an Avro file": b"Obj\x01\x04\x14avro.codec",
    "an ORC file; read": b"ORC\n\x06\x12\x04\x08dP\0\n",
    "an ORC file": b"ORC\x11\0\0\n\x06",
    "an SQLite database": b"SQLite format 3\0....",
    "an HDF5 file": b"\x89HDF\r\n\x1a\n....",
    "a NumPy file": b"\x93NUMPY\x01\0v\0{'descr'",
    "a Python pickle": pickle.dumps({"id": [1]}),
    "an SPSS file": b"$FL2@(#) SPSS DATA FILE....",
    "a Stata file": b"<stata_dta><header><release>118</release>",
    "a SAS file": bytes(12) + b"\xc2\xea\x81\x60\xb3\x14\x11\xcf",
    "a DuckDB database": bytes(8) + b"DUCK@\0\0\0....",
    "compressed with LZ4": b"\x04\x22\x4d\x18....",
    "compressed with Snappy": b"\xff\x06\0\0sNaPpY....",
    "a pointer of Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
    "a program": b"MZ\x90\0\x03\0",
}
REFUSED += [
    (f"x{ending}", data, kind)
    for kind, data in FOREIGN.items()
    for ending in (".csv", ".json", ".parquet", ".xlsx", ".arrow")
]


@pytest.mark.parametrize(("name", "data", "said"), REFUSED, ids=[f"{case[2]}: {case[0]}" for case in REFUSED])
def test_one_sentence_names_the_kind_and_the_mend(name: str, data: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(SourceError) as caught:
        open_source(tmp_path / name)
    text = str(caught.value)
    assert said in text
    if name.endswith(".csv") and said in FOREIGN and not data.startswith(b"\x89PNG"):  # which its header tells
        with pytest.raises(SourceError, match=re.escape(said)):
            open_source(tmp_path / name, CsvOptions(names=("a", "b")))
    assert "\n" not in text
    assert len(text.replace(str(tmp_path), "")) < 250


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.csv"])
def test_an_answer_that_tells_of_an_error_is_no_source(name: str, tmp_path: Path) -> None:
    for text in ERRORS:
        (tmp_path / name).write_text(text)
        with pytest.raises(SourceError, match=r"tells of an error, .*no"):
            open_source(tmp_path / name)
    for text in NO_ERRORS:
        (tmp_path / name).write_text(text)
        if name != "a.csv":
            assert open_source(tmp_path / name).to_pylist()


LETTERS = {
    "cp1250": "Žluťoučký kůň, Příliš, úpěl, ďábelské, Dvořák, Šťastný", "cp1251": "Иванов Иван, Пётр, Анна, Кузнецов",
    "koi8_r": "Иванов Иван, Пётр, Сидорова Анна, Кузнецов", "gb18030": "王小明, 李雷, 韩梅梅, 北京市朝阳区",
    "cp932": "山田太郎, 佐藤花子, 東京都港区, 鈴木一郎", "cp1253": "Γιώργος Παπαδόπουλος, Αθήνα, Μαρία",
}  # fmt: skip


@pytest.mark.parametrize("encoding", LETTERS)
def test_another_encoding_is_noticed_before_the_first_row(encoding: str, tmp_path: Path) -> None:
    """Whichever is guessed, the file is refused, and the encoding that it has reads it."""
    names = LETTERS[encoding].split(", ")
    file = tmp_path / "a.csv"
    file.write_bytes("".join(["id,name\n", *(f"{row},{name}\n" for row, name in enumerate(names))]).encode(encoding))
    with pytest.raises(SourceError, match=r"is not UTF-8 but, by its letters, perhaps \w+\. Give csv=.*encoding"):
        open_source(file)
    read = open_source(file, CsvOptions(encoding=encoding)).to_pylist()
    assert [row["name"] for row in read] == names


def test_bytes_that_are_no_letters_are_set_aside_row_by_row(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"id,name\n1,\xff\xfe\n2,\x81\x8d\n3,\x90\n4,ok\n")
    assert open_source(file).to_pylist() == [{"id": "4", "name": "ok"}]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Report: customers\nGenerated today\n\nid,t\n1,a\n2,b\n", "a line that is no header, 'Report: customers'"),
        ("Customers\nid,t\n1,a\n2,b\n", "a line that is no header, 'Customers'"), ("# x\nid,t\n1,a\n", "a comment"),
    ],
)  # fmt: skip
def test_lines_above_the_header_are_named(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(text)
    with pytest.raises(SourceError, match=f"begins with {said}.*Remove the lines above the header"):
        open_source(file)
    file.write_text("id\na\nb\nc,d\n")
    assert len(open_source(file).to_pylist()) == 2


ROWS = [
    {"id": "1", "name": "Zoë – Müller"},
    {"id": "2", "name": "plain"},
    {"id": "3", "name": "Åse"},
    {"id": "4", "name": "José"},
]
READ = [
    ("mark.csv", b"\xef\xbb\xbf" + WESTERN.encode(), {}, ROWS),
    ("cp1252.csv", WESTERN.encode("cp1252"), {"encoding": "cp1252"}, ROWS),
    ("utf16.csv", WESTERN.encode("utf-16"), {"encoding": "utf-16"}, ROWS),
    ("sep.csv", b"\xef\xbb\xbfsep=;\r\nid;t\r\n1;a\r\n", {"delimiter": ";"}, [{"id": "1", "t": "a"}]),
    ("tabs.csv", b"id\tt\n1\ta\n", {"delimiter": "\t"}, [{"id": "1", "t": "a"}]),
    ("commas.csv", b"id;price\n1;3,50\n", {"delimiter": ";"}, [{"id": "1", "price": "3,50"}]),
    ("names.csv", b"1,a@b.cd\n", {"names": ("id", "mail")}, [{"id": "1", "mail": "a@b.cd"}]),
    ("hash.csv", b"#id,t\n1,a\n", {}, [{"#id": "1", "t": "a"}]),
    ("one.csv", b"# tags\nx\n", {}, [{"# tags": "x"}]),
    ("years.csv", b"id,2020,2021\n1,5,6\n", {}, [{"id": "1", "2020": "5", "2021": "6"}]),
]


@pytest.mark.parametrize(("name", "data", "options", "rows"), READ, ids=[case[0] for case in READ])
def test_what_is_read_right(name: str, data: bytes, options: dict, rows: list, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    assert open_source(tmp_path / name, CsvOptions(**options)).to_table().to_pylist() == rows


def test_single_bad_bytes_set_their_rows_aside(tmp_path: Path) -> None:
    """A file that is UTF-8 elsewhere is no cp1252, nor is one with bytes that no Western text has."""
    for data in (WESTERN.encode() + b"5,Zo\xeb\n", b"id,name\n1,a\n2,\xff\n3,\x81\n"):
        (tmp_path / "a.csv").write_bytes(data)
        chunks = list(open_source(tmp_path / "a.csv").chunks())
        assert sum(len(chunk.unread) for chunk in chunks) in (1, 2)
        assert all("not UTF-8" in item.message for chunk in chunks for item in chunk.unread)


MENDED = [(name, data) for name, data, held in REFUSED if re.search("delimiter=|encoding=|names=", held)]


@pytest.mark.parametrize(("name", "data"), MENDED, ids=[name for name, _ in MENDED])
def test_the_option_that_a_message_names_reads_the_file(
    name: str, data: bytes, tmp_path: Path, schemas: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file, mapping = tmp_path / name, tmp_path / "m.json"
    file.write_bytes(data)
    with pytest.raises(SourceError) as error:
        open_source(file)
    given = re.search(r"csv=(CsvOptions\(.*?\)+)[.,]?(?= |$)", str(error.value))
    assert given is not None and "--" not in str(error.value)
    columns = open_source(file, csv=eval(given[1], {"CsvOptions": CsvOptions})).arrow_schema.names
    mapping.write_text(json.dumps({"person.name.firstName": f"${{{columns[-1]}}}"}))
    job = ["prepare", str(file), "-m", str(mapping), "-s", str(schemas / "crm-profile.schema.json")]
    run([*job, "-o", str(tmp_path / "first")])
    told = " ".join(capfd.readouterr().err.split())
    options = re.search(r"(--(delimiter|encoding|names) (\S+?))[.,]?( |$)", told)
    assert options is not None and "CsvOptions" not in told
    assert run([*job, "-o", str(tmp_path / "second"), *shlex.split(options[1])]) < 2


TABBED = b"id\tname\n1\tAda, L\n"


@pytest.mark.parametrize("name", ["a.tsv", "a.tab", "A.TSV", "a.tsv.gz"])
@pytest.mark.parametrize("how", ["path", "folder", "open", "two"])
def test_files_named_for_tabs_are_read_with_tabs(name: str, how: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(gzip.compress(TABBED) if name.endswith(".gz") else TABBED)
    rows = [{"id": "1", "name": "Ada, L"}]
    if how == "two":
        (tmp_path / "b.csv").write_bytes(b'id,name\n1,"Ada, L"\n')
    with file.open("rb") as opened:
        source = {"path": file, "folder": tmp_path, "open": opened, "two": [file, tmp_path / "b.csv"]}[how]
        assert open_source(source).to_pylist() == rows * (2 if how == "two" else 1)
    with pytest.raises(SourceError, match="delimiter"):
        open_source(file, CsvOptions(delimiter=","))


def test_snapshots_with_other_delimiters_are_compared_by_their_values(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_bytes(TABBED + b"2\tBo\n")
    (tmp_path / "b.csv").write_bytes(b'id,name\n1,"Ada, L"\n2,Bob\n')
    mapping = {"identityMap.CRMID[0].id": "id", "identityMap.CRMID[0].primary": "true", "person.name.fullName": "name"}
    patch = diff(tmp_path / "a.tsv", tmp_path / "b.csv", "schemas/crm-profile.schema.json", mapping=mapping)
    assert (patch.counts.changed, patch.counts.unchanged) == (1, 1)


def test_a_mapping_of_a_file_without_header_says_how_to_name_its_columns(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("Ada,1.5,2024-01-02\nBo,2.5,2024-01-03\n")
    with pytest.raises(
        MappingError, match=r"It has Ada, 1\.5, 2024-01-02\. If that is a row, .*names=\('A', 'B', 'C'\)"
    ):
        map_rows(file, {"x": "name"})
