"""Excel books as files: zip archives of XML parts (ECMA-376), the cells of their sheets as strings.

A sheet is read while it is unpacked, row by row, so that one of any length takes the same memory.  Strings that cells
share are held, up to the last that was needed.  Nothing else of a book is read but its list of sheets and its number
formats: what programs write into other parts, valid or not, does not matter.
"""

from __future__ import annotations

import itertools
import posixpath
import re
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import IO, Any, TypeVar
from xml.etree import ElementTree
from xml.parsers import expat

from ..core.signatures import why_no_book
from ..errors import SourceError, XdmPrepError, printable
from .number_formats import Shown, exact, format_code, shown_by

_PIECE = 1 << 16
#: Shared strings that are read beyond the one that is needed.
_STRINGS = 1_000
#: The last column that a sheet can have, XFD.
_LAST_COLUMN = 16_384
#: Errors of formulas, as cells hold them; programs write some of them as strings too.
ERRORS = frozenset({
    "#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A", "#GETTING_DATA", "#SPILL!", "#CALC!",
    "#FIELD!", "#BLOCKED!", "#CONNECT!", "#UNKNOWN!", "#BUSY!", "#EXTERNAL!", "#PYTHON!", "#TIMEOUT!",
})  # fmt: skip
_MERGED = re.compile(rb"<(?:[\w.-]+:)?mergeCell\s[^>]*?\bref\s*=\s*[\"']([A-Za-z]+)(\d+):([A-Za-z]+)(\d+)[\"']")
_ESCAPED = re.compile(r"(?:_x[0-9A-Fa-f]{4}_)+")
#: What is wrong with a formula of which the book has no value, or one that its program did not calculate.
UNCALCULATED = "never calculated"
_MEND = "Open it in Excel, and save it."
_ERROR = "the cell holds the error {}, which is no value"
#: What the readers of archives and of XML raise.
_DAMAGED = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, KeyError, ValueError,
    expat.ExpatError, ElementTree.ParseError,
)  # fmt: skip
_T = TypeVar("_T")
#: Reference, type, style, value and whether there is a formula, as the part has them.
_Cell = tuple[str | None, str | None, str | None, str, bool]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of a book.

    Attributes:
        name: as its tab shows it.
        kind: ``worksheet``, ``chartsheet``, ``dialogsheet``, ``xlMacrosheet``.
        visible: False for hidden and very hidden sheets.
        part: the place in the archive.
    """

    name: str
    kind: str
    visible: bool
    part: str


@dataclass(frozen=True, slots=True, order=True)
class Merge:
    """Cells that are merged into one; only the first holds a value. Rows and columns count from 1."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(slots=True)
class SheetRow:
    """A row of a sheet that is not empty.

    Attributes:
        number: counted from 1.
        texts: of its cells, up to the last that is not empty.
        odd: place -> what is wrong with the cell, and what it holds, of :data:`UNCALCULATED` the cell itself.
    """

    number: int
    texts: list[str | None] = field(default_factory=list)
    odd: dict[int, tuple[str, str]] = field(default_factory=dict)


class Book:
    """An Excel book, open for reading; a context manager.

    Args:
        file: its path.

    Attributes:
        sheets: all of them, in the order of their tabs.

    Raises:
        SourceError: the file cannot be opened, or is no such book.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._archive = zipfile.ZipFile(file)
        except OSError as error:
            raise SourceError(f"{file}: {error.strerror or error}.") from None
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise self._no_book(str(error)) from None
        try:
            self._parts = {name.replace("\\", "/").lower(): name for name in self._archive.namelist()}
            with self._damage():
                self._open()
        except BaseException:
            self._archive.close()
            raise

    def __enter__(self) -> Book:
        return self

    def __exit__(self, *_: object) -> None:
        self._strings.close()
        self._archive.close()

    def _no_book(self, why: str) -> SourceError:
        return SourceError(f"{self._file}: is not an Excel book ({why_no_book(self._file) or why}).")

    @contextmanager
    def _damage(self) -> Iterator[None]:
        try:
            yield
        except XdmPrepError:
            raise
        except _DAMAGED as error:
            what = printable(error, 120)
            raise SourceError(f"{self._file}: is a damaged Excel book ({what}). {_MEND}") from None

    def _open(self) -> None:
        main = next((part for kind, part in self._related("").values() if kind == "officeDocument"), "xl/workbook.xml")
        if main.lower() not in self._parts or not main.lower().endswith(".xml"):
            raise self._no_book("it is a zip archive without a workbook")
        tree = self._tree(main)
        if not tree.tag.endswith("}workbook"):
            raise ValueError("its workbook is none")
        related = self._related(main)
        self.sheets: list[Sheet] = []
        for node in tree.iterfind("{*}sheets/{*}sheet"):
            key = next((value for name, value in node.attrib.items() if name.endswith("}id")), "")
            kind, part = related.get(key, ("", ""))
            self.sheets.append(Sheet(node.get("name", ""), kind, node.get("state", "visible") == "visible", part))
        self._part_of = dict(related.values())
        self._since_1904 = _is_on(tree.find("{*}workbookPr"), "date1904")
        self._recalculates = _is_on(tree.find("{*}calcPr"), "fullCalcOnLoad")

    def _related(self, part: str) -> dict[str, tuple[str, str]]:
        """The parts that a part refers to: id -> what it is, and its place."""
        folder, name = posixpath.split(part)
        place = posixpath.join(folder, "_rels", f"{name}.rels")
        if place.lower() not in self._parts:
            return {}
        return {
            one.get("Id", ""): (
                one.get("Type", "").rpartition("/")[2],
                posixpath.normpath(posixpath.join("/", folder, one.get("Target", "").replace("\\", "/"))).lstrip("/"),
            )
            for one in self._tree(place).iterfind("{*}Relationship")
        }

    def _opened(self, part: str) -> IO[bytes]:
        name = self._parts.get(part.lower())
        if name is None:
            raise SourceError(f"{self._file}: is a damaged Excel book (it lacks {part!r}). {_MEND}")
        return self._archive.open(name)

    def _tree(self, part: str) -> ElementTree.Element:
        with self._opened(part) as opened:
            return ElementTree.parse(opened).getroot()  # noqa: S314  # expat bounds what entities become

    @cached_property
    def _shown_by_style(self) -> dict[str | None, Callable[[str], Shown]]:
        """What makes strings of the numbers in cells of a style; not for numbers without a format."""
        part = self._part_of.get("styles")
        if part is None:
            return {}
        tree = self._tree(part)
        declared = {
            int(one.get("numFmtId", 0)): one.get("formatCode", "") for one in tree.iterfind("{*}numFmts/{*}numFmt")
        }
        used = [int(one.get("numFmtId", 0)) for one in tree.iterfind("{*}cellXfs/{*}xf")]
        shown = {number: shown_by(format_code(number, declared), self._since_1904) for number in {*used}}
        return {str(style): shown[number] for style, number in enumerate(used) if shown[number] is not exact}

    @cached_property
    def _strings(self) -> _Strings:
        return _Strings(self._shared(self._part_of.get("sharedStrings")))

    def _shared(self, part: str | None) -> Generator[str, None, None]:
        if part is not None:
            with self._opened(part) as opened:
                yield from _parsed(opened, _string_handlers)

    def merges(self, sheet: Sheet) -> list[Merge]:
        """The merged cells of a sheet, from top to bottom."""
        found = set()
        with self._damage(), self._opened(sheet.part) as opened:
            rest = b""
            while piece := opened.read(1 << 20):
                rest += piece
                if b"mergeCell" in rest:
                    found.update(_MERGED.findall(rest))
                rest = rest[-1000:]
            cells = ([place.decode() for place in range_] for range_ in found)
            return sorted(
                Merge(int(top), _column(left), int(bottom), _column(right)) for left, top, right, bottom in cells
            )

    def rows(self, sheet: Sheet) -> Generator[SheetRow, None, None]:
        """The rows of a sheet that are not empty, from top to bottom."""
        with self._damage(), self._opened(sheet.part) as opened:
            for number, cells in _parsed(opened, _sheet_handlers):
                row = self._row(number, cells)
                if row.texts:
                    yield row

    def _row(self, number: int, cells: Sequence[_Cell]) -> SheetRow:
        row = SheetRow(number)
        texts, strings, styles = row.texts, self._strings, self._shown_by_style
        at = -1
        for reference, kind, style, raw, has_formula in cells:
            at = at + 1 if reference is None else _place(reference)
            text: str | None = None
            wrong = ""
            if has_formula and kind != "str" and (not raw or (self._recalculates and raw == "0")):
                wrong, raw = UNCALCULATED, f"{_letters(at)}{number}"
            elif not raw:
                continue
            elif kind == "s":
                text = raw = strings[int(raw)]
                if raw in ERRORS:
                    text, wrong = None, _ERROR.format(raw)
            elif kind is None or kind == "n":
                text, wrong = styles.get(style, exact)(raw)
            elif kind == "e":
                text, wrong = None, _ERROR.format(raw)
            elif kind == "b":
                text = "true" if raw in ("1", "true") else "false"
            elif kind == "d":
                text = raw.removesuffix("T00:00:00")
            else:
                text = raw = _characters(raw)
                if raw in ERRORS:
                    text, wrong = None, _ERROR.format(raw)
            if wrong:
                row.odd[at] = (wrong, raw)
            elif not text:
                continue
            if at == len(texts):
                texts.append(text)
                continue
            texts.extend([None] * (at + 1 - len(texts)))
            texts[at] = text
        return row


class _Strings:
    """The strings that cells share, read up to the last that was needed."""

    def __init__(self, unread: Generator[str, None, None]) -> None:
        self._unread, self._read = unread, list[str]()
        self.close = unread.close

    def __getitem__(self, number: int) -> str:
        read = self._read
        if number >= len(read):
            read += itertools.islice(self._unread, number - len(read) + _STRINGS)
        if not 0 <= number < len(read):
            raise ValueError(f"there is no string {number}")
        return read[number]


def _parsed(opened: IO[bytes], handlers: Callable[[expat.XMLParserType, str, list[_T]], None]) -> Iterator[_T]:
    """What handlers make of a part while it is read.

    Args:
        opened: the part.
        handlers: puts the handlers on a parser, given the prefix of the part's elements and the list to fill.
    """
    parser, made = expat.ParserCreate(), list[Any]()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype

    def root(tag: str, _: dict[str, str]) -> None:
        handlers(parser, tag[: tag.find(":") + 1], made)

    parser.StartElementHandler = root
    while piece := opened.read(_PIECE):
        parser.Parse(piece)
        yield from made
        made.clear()
    parser.Parse(b"", True)


def _refuse_doctype(*_: object) -> None:
    raise ValueError("it declares a document type")


def _pass_over(parser: expat.XMLParserType, opened: str) -> None:
    """Pass over an element that says how a string is pronounced, which is no part of the string."""
    start, end = parser.StartElementHandler, parser.EndElementHandler

    def closed(tag: str) -> None:
        if tag == opened:
            parser.StartElementHandler, parser.EndElementHandler = start, end

    parser.StartElementHandler, parser.EndElementHandler = None, closed


def _sheet_handlers(parser: expat.XMLParserType, prefix: str, rows: list[tuple[int, list[_Cell]]]) -> None:
    """Handlers that collect the cells of each row."""
    c, v, f, t, r_ph, row = (prefix + tag for tag in ("c", "v", "f", "t", "rPh", "row"))
    number = 0
    cells: list[_Cell] = []
    reference: str | None = None
    kind: str | None = None
    style: str | None = None
    holder = text = ""
    has_formula = False

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal number, cells, reference, kind, style, holder, text, has_formula
        if tag == c:
            get = attributes.get
            reference, kind, style = get("r"), get("t"), get("s")
            holder, text, has_formula = t if kind == "inlineStr" else v, "", False
        elif tag == holder:
            parser.CharacterDataHandler = data
        elif tag == f:
            has_formula = True
        elif tag == row:
            number = int(float(attributes.get("r", number + 1)))
            cells = []
        elif tag == r_ph:
            _pass_over(parser, tag)

    def end(tag: str) -> None:
        nonlocal holder
        if tag == holder:
            parser.CharacterDataHandler = None
        elif tag == c:
            cells.append((reference, kind, style, text, has_formula))
            holder = ""
        elif tag == row:
            rows.append((number, cells))

    def data(piece: str) -> None:
        nonlocal text
        text += piece

    parser.StartElementHandler, parser.EndElementHandler = start, end


def _string_handlers(parser: expat.XMLParserType, prefix: str, strings: list[str]) -> None:
    """Handlers that collect shared strings."""
    si, t, r_ph = (prefix + tag for tag in ("si", "t", "rPh"))
    text = ""

    def start(tag: str, _: dict[str, str]) -> None:
        nonlocal text
        if tag == t:
            parser.CharacterDataHandler = data
        elif tag == si:
            text = ""
        elif tag == r_ph:
            _pass_over(parser, tag)

    def end(tag: str) -> None:
        if tag == t:
            parser.CharacterDataHandler = None
        elif tag == si:
            strings.append(_characters(text))

    def data(piece: str) -> None:
        nonlocal text
        text += piece

    parser.StartElementHandler, parser.EndElementHandler = start, end


def _characters(text: str) -> str:
    """A string with the characters that XML cannot hold, written as ``_x000D_``."""
    return _ESCAPED.sub(_unescaped, text) if "_x" in text else text


def _unescaped(found: re.Match[str]) -> str:
    units = b"".join(int(unit, 16).to_bytes(2, "little") for unit in re.findall("[0-9A-Fa-f]{4}(?=_)", found[0]))
    try:
        return units.decode("utf-16-le")
    except UnicodeDecodeError:  # half of a character
        return found[0]


@cache
def _column(letters: str) -> int:
    """A column's number, counted from 1."""
    number = 0
    for letter in letters.upper():
        number = 26 * number + ord(letter) - 64
    if not (letters.isascii() and letters.isalpha()) or number > _LAST_COLUMN:
        raise ValueError(f"there is no column {letters!r}")
    return number


def _place(reference: str) -> int:
    """The column of a cell such as ``AB12``, counted from 0."""
    return _column(reference.rstrip("0123456789")) - 1


def _letters(place: int) -> str:
    letters, number = "", place + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _is_on(node: ElementTree.Element | None, name: str) -> bool:
    return node is not None and node.get(name, "0").lower() in ("1", "true", "on")
