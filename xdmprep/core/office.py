"""Office documents that are no Excel book of today: which kind a file is, told by its bytes."""

from __future__ import annotations

import mmap
import struct
import zipfile
from pathlib import Path

from .signatures import other_kind

_SAVE = "open it in {}, and save it as .xlsx"
_EXCEL = _SAVE.format("Excel")
_NO_TABLE = "export its table as CSV"
#: OLE2, the container of Office until 2003, and of books with a password.
_OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
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
