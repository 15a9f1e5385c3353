"""What a file is, detected by its bytes; of an Office document also by what is in it."""

from __future__ import annotations

import codecs
import json
import mmap
import re
import struct
import zipfile
from pathlib import Path
from typing import Any

from ..errors import shorten

#: OLE2, the container of Office until 2003, and of books with a password.
_OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
#: Books of Excel 2 to 5 that are in no container.
_BIFF = (b"\x09\0\x04\0", b"\x09\x02\x06\0", b"\x09\x04\x06\0", b"\x09\x08\x08\0", b"\x09\x08\x10\0")
#: What the first bytes of a file say about it.
_MARKS: list[tuple[bytes | tuple[bytes, ...], str]] = [
    (b"%PDF-", "a PDF document; export its table as CSV"),
    (_OLE2, "an old Office document or one with a password; save it as .xlsx without a password, or as CSV"),
    (_BIFF, "an old Excel book (.xls); open it in Excel, and save it as .xlsx"),
    (b"\xfd7zXZ\0", "an xz archive; unpack it first, or pack it with gzip"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; unpack it first"),
    (b"Rar!\x1a\x07", "a RAR archive; unpack it first"),
    ((b"\x89PNG", b"\xff\xd8\xff", b"GIF87a", b"GIF89a"), "a picture; export its table as CSV"),
    (b"Obj\x01", "an Avro file; export its table as CSV or Parquet"),
    ((b"ORC\n", b"ORC\x00"), "an ORC file; read it with pyarrow.orc and give the table"),
    (b"PAR1", "a Parquet file; give it a name that ends in .parquet"),
    (b"ARROW1", "an Arrow file; give it a name that ends in .arrow"),
    (b"FEA1", "a Feather file of version 1; read it with pandas.read_feather and give the DataFrame"),
    (b"SQLite format 3\0", "an SQLite database; export its table as CSV"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file; read it with pandas.read_hdf and give the DataFrame"),
    (b"\x93NUMPY", "a NumPy file; read it with numpy.load and give a dict of its columns"),
    ((b"\x80\x04\x95", b"\x80\x05\x95"), "a Python pickle; load it and give the object"),
    ((b"$FL2@(#)", b"$FL3@(#)"), "an SPSS file; read it with pandas.read_spss and give the DataFrame"),
    (b"<stata_dta>", "a Stata file; read it with pandas.read_stata and give the DataFrame"),
    (bytes(12) + b"\xc2\xea\x81\x60", "a SAS file; read it with pandas.read_sas and give the DataFrame"),
    (b"\x1f\x8b\x08", "compressed with gzip, perhaps twice; unpack it first"),
    (b"BZh", "compressed with bzip2, perhaps twice; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed with Zstandard, perhaps twice; unpack it first"),
    (b"PK\x03\x04", "a zip archive, perhaps inside of another one; unpack it first"),
    (b"\x04\x22\x4d\x18", "compressed with LZ4; unpack it first, or pack it with gzip"),
    (b"\xff\x06\0\0sNaPpY", "compressed with Snappy; unpack it first, or pack it with gzip"),
    (b"version https://git-lfs.", "a pointer of Git LFS, not the file; fetch it with `git lfs pull`"),
    ((b"MZ\x90\0", b"\x7fELF"), "a program; give a file of rows"),
    ((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE), "UTF-32 text"),
    ((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE), "UTF-16 text"),
]

#: What the first lines of a page or XML document say about it.
_MARKUP = [
    (
        b"urn:schemas-microsoft-com:office:spreadsheet",
        "a spreadsheet in the XML of Excel 2003; open it in Excel, and save it as .xlsx",
    ),
    (b"urn:oasis:names:tc:opendocument", "an OpenDocument file; open it in LibreOffice, and save it as .xlsx"),
    (
        b"urn:schemas-microsoft-com:office:excel",
        "a web page made for Excel; open it in Excel, and save it as .xlsx",
    ),
    (b"<table", "a web page with a table; open it in Excel, and save it as .xlsx"),
]  # fmt: skip


def what_it_is(head: bytes, json_fits: bool = False) -> str | None:
    """What a file is that was to be UTF-8 text, by its first bytes, and what to do; None where they fit."""
    for marks, kind in _MARKS:
        if head.startswith(marks):
            return kind
    if head[8:12] == b"DUCK":
        return "a DuckDB database; give its table, as with duckdb.connect(file).table(name)"
    text = head[:4096].removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if text.startswith(b"<"):
        for mark, kind in _MARKUP:
            if mark in text:
                return kind
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "a web page, perhaps one that says why a download failed; open it in a browser"
    if re.match(rb"<\?xml|<[a-z][\w.:-]*( [^>]*)?>\s*<", text):
        return "an XML document, perhaps one that says why a download failed; export its table as CSV"
    if head.startswith(b"ORC") and re.search(rb"[\x00-\x08\x0e-\x1f]", head[3:10]):
        return "an ORC file; read it with pyarrow.orc.read_table and give the table"
    if head[257:262] == b"ustar":
        return "a tar archive; unpack it first"
    if not json_fits and re.match(rb'\{\s*("|\}|\Z)|\[\s*[\[{]', text):
        if (error := _error_in(head)) is not None:
            return f"a JSON document that tells of an error, {shorten(error)}, perhaps of a failed download"
        return "JSON; give it a name that ends in .json"
    return None


def _error_in(head: bytes) -> str | None:
    try:
        return error_of(json.loads(head.removeprefix(codecs.BOM_UTF8)))
    except (ValueError, RecursionError):
        return None


def error_of(value: Any) -> str | None:
    """What an object says where it is an answer of a server that could not give the file; None for any other."""
    if not isinstance(value, dict) or not value.keys() <= _OF_ERRORS:
        return None
    codes = [value.get(key) for key in ("status", "statusCode", "code")]
    failed = any(isinstance(code, int) and 400 <= code < 600 for code in codes)
    if not failed and not value.keys() & {"error", "errors", "fault"}:
        return None
    for key in ("message", "detail", "title", "error_description", "error", "errors", "fault"):
        error = value.get(key)
        if error:
            return str(error.get("message") or error) if isinstance(error, dict) else str(error)
    return None


#: Keys of such answers: those of many interfaces, of RFC 7807 (problem details) and of RFC 6749 (authorization).
_OF_ERRORS = frozenset({
    "error", "errors", "fault", "message", "status", "statusCode", "code", "detail", "details", "title", "type",
    "instance", "timestamp", "path", "trace", "success", "ok", "reason", "requestId", "request_id", "error_code",
    "error_description", "error_uri", "report", "data",
})  # fmt: skip


def other_kind(head: bytes) -> str:
    """What a file is that was to be of a binary or JSON kind, for messages: ``it is ...``; empty if unknown."""
    kind = what_it_is(head)
    if kind is not None:
        return f"it is {kind}"
    line = head.split(b"\n", 1)[0]
    if b"\0" not in head and not line.lstrip().startswith((b"[", b"{")) and re.search(rb"[,;\t|]", line):
        return "it may be CSV; give it a name that ends in .csv"
    return ""


_SAVE = "open it in {}, and save it as .xlsx"
_EXCEL = _SAVE.format("Excel")
_NO_TABLE = "export its table as CSV"
#: What is in such a container -> what it is.
_STREAMS = {
    "EncryptedPackage": f"an Office document with a password; {_EXCEL} without one",
    "Workbook": f"an old Excel book (.xls); {_EXCEL}",
    "Book": f"an old Excel book (.xls); {_EXCEL}",
    "WordDocument": f"an old Word document; {_NO_TABLE}",
    "PowerPoint Document": f"an old PowerPoint document; {_NO_TABLE}",
    "__properties_version1.0": "an Outlook message; save its attachment",
}
#: Parts of zip archives, in lower letters -> what such an archive is.
_PARTS = {
    "xl/workbook.bin": f"a binary Excel book (.xlsb); {_EXCEL}",
    "word/document.xml": f"a Word document; {_NO_TABLE}",
    "ppt/presentation.xml": f"a PowerPoint document; {_NO_TABLE}",
    "index/document.iwa": "a document of Apple's iWork, such as a Numbers sheet; export it as Excel or CSV",
    "index.zip": "a document of Apple's iWork, such as a Numbers sheet; export it as Excel or CSV",
}
_OPEN_DOCUMENT = f"an OpenDocument file; {_SAVE.format('LibreOffice')}"


def office_kind(file: Path) -> str | None:
    """What an Office document is that cannot be read as a table, and what to do; None for any other file."""
    try:
        with file.open("rb") as opened:
            head = opened.read(8)
            if head == _OLE2:
                with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
                    return _in_container(data)
        if head.startswith(b"PK\x03\x04"):
            with zipfile.ZipFile(file) as archive:
                return kind_of_parts(archive.namelist())
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        pass
    return None


def kind_of_parts(names: list[str]) -> str | None:
    """What a zip archive with these members is, if an Office document that cannot be read; else None."""
    if names[:1] == ["mimetype"]:
        return _OPEN_DOCUMENT
    return next((_PARTS[part] for name in names if (part := name.replace("\\", "/").lower()) in _PARTS), None)


def _in_container(data: mmap.mmap) -> str | None:
    """What a container holds, by the entry of its directory that comes first."""
    found = {place: kind for name, kind in _STREAMS.items() if (place := _entry(data, name)) >= 0}
    return found[min(found)] if found else None


def _entry(data: mmap.mmap, name: str) -> int:
    """Where the directory of a container has a name: entries have 128 bytes, and the name's length behind it."""
    entry = name.encode("utf-16-le").ljust(64, b"\0") + struct.pack("<H", 2 * len(name) + 2)
    place = data.find(entry)
    while place >= 0 and place % 128:
        place = data.find(entry, place + 1)
    return place


def why_no_book(file: Path) -> str:
    """What a file is that should be an Excel book, and what to do; empty if unknown."""
    if (kind := office_kind(file)) is not None:
        return f"it is {kind}"
    with file.open("rb") as opened:
        head = opened.read(4096)
    if file.name.startswith("~$"):
        return "Excel keeps it beside a book that is open; give the book"
    if not head:
        return "it is empty"
    if head.startswith(b"PK"):
        if zipfile.is_zipfile(file):
            return "it is a zip archive of other files; unpack it, or give it a name that ends in .zip"
        return "it is an incomplete or damaged zip archive; copy the file again"
    return other_kind(head)
