"""Excel books (.xlsx): one sheet as rows, every cell as the text that the sheet shows.

As in CSV, no type of a sheet can be trusted: an id is a number in one row and a text in the next.  So all columns are
text, and mapping and schema decide types:

- whole numbers without a decimal point, other numbers in their shortest exact form; a number format of zeros alone
  (``00000``) pads with zeros, as for postal codes;
- dates as ``2024-01-31``, date-times as ``2024-01-31T10:20:30``, times as ``10:20:30``;
- ``true`` and ``false``.

An error such as ``#N/A`` is no value, and a number of more than 15 digits has lost some in Excel: both are findings
(``cell``).  Formulas give the value that the book holds; one that was never calculated holds none and is refused.
Hidden rows and columns are read too.  Rows are read as they are needed.
"""

from __future__ import annotations

import datetime
import io
import itertools
import os
import re
import zipfile
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..core.names import unique_names
from ..core.shred import Leaf, column_leaves
from ..core.signatures import other_kind
from ..core.stream import Chunk, Finding, Stream, Unread
from ..errors import NoRowsError, SourceError, UsageError, XdmPrepError, counted, did_you_mean, needed_by, shorten

#: Rows of one chunk.
CHUNK_ROWS = 4_096
#: Endings of books that can be read.
ENDINGS = (".xlsx", ".xlsm")
#: Numbers from here on have more digits than Excel keeps.
_DIGITS = 10**15
_ZEROS = re.compile(r"0+\Z")
_LOST = "a number of more than 15 digits has lost digits in Excel"
_AS_TEXT = "Format the column as text before its numbers are entered."
#: Characters of a row that could not be read that are shown.
_SHOWN = 1_000
#: A formula without a cached value.
_UNCALCULATED = re.compile(rb'<c r="([A-Z]+[0-9]+)"[^>]*><f[^>]*(?:/>|>[^<]*</f>)(?:<v\s*/>|<v></v>)?</c>')


@dataclass(frozen=True, slots=True)
class ExcelOptions:
    """Which part of a book is read.

    Attributes:
        sheet: name of the sheet, or its number counted from 1; None takes the first.
        header_row: row of the sheet with the column names, counted from 1; None takes the first that is not empty.
    """

    sheet: str | int | None = None
    header_row: int | None = None

    def __post_init__(self) -> None:
        """Refuse rows that no sheet has."""
        if self.header_row is not None and self.header_row < 1:
            raise UsageError(f"the header row is counted from 1, got {self.header_row}.")


def read_excel(path: str | os.PathLike[str], options: ExcelOptions | None = None) -> Stream:
    """The rows of a sheet of an Excel book; all columns are text.

    Args:
        path: the book, .xlsx or .xlsm.
        options: which sheet, and where its header is.

    Raises:
        SourceError: the file is missing or no such book, the sheet is not in it, has no rows or an unusable header, or
            holds formulas that were never calculated.
        MissingDependencyError: openpyxl is not installed.
    """
    file = Path(path)
    opts = options or ExcelOptions()
    rows = _rows(file, opts)
    header = next(rows)
    names = unique_names([_text(cell) or "" for cell in header.cells])
    first = next(rows, None)
    if first is not None and opts.header_row is None and len(header.cells) == 1:
        _refuse_title(file, header, [first, *itertools.islice(rows, _LOOKED)])
    rows.close()
    if first is None:
        raise NoRowsError(f"{file}: sheet {header.sheet!r} has a header but no row below it. Nothing was written.")
    columns = pa.schema([(name, pa.string()) for name in names])
    leaves = column_leaves(columns)
    return Stream(partial(_pieces, file, opts), (partial(_chunk, leaves=leaves),), leaves, columns, file.name)


#: Rows below a title in which the header is looked for.
_LOOKED = 20


def _refuse_title(file: Path, title: _Row, below: Sequence[_Row]) -> None:
    """Refuse a sheet that begins with a title: one cell, and rows of several cells below it.

    Raises:
        SourceError: with the row that is the header.
    """
    wide = [row for row in below if len(row.cells) > 1]
    if len(wide) > 1 and 2 * len(wide) > len(below):
        raise SourceError(
            f"{file}: sheet {title.sheet!r} begins with a line that is no header, "
            f"{shorten(str(title.cells[0].value))}. Give --header-row {wide[0].number}, or another row."
        )


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a sheet that is not empty: its number in the sheet, and its cells."""

    sheet: str
    number: int
    cells: Sequence[Any]


def _rows(file: Path, opts: ExcelOptions) -> Generator[_Row, None, None]:
    """The header and the rows below it that are not empty."""
    book = _opened(file)
    try:
        sheet = _sheet(book, opts.sheet, file)
        sheet.reset_dimensions()  # what the book says of a sheet's size is often wrong
        _refuse_uncalculated(file, book, sheet)
        width = 0
        for number, cells in enumerate(sheet.iter_rows(), 1):
            if width == 0 and opts.header_row is not None and number < opts.header_row:
                continue
            cells = _trimmed(cells)
            if width == 0 and not cells and opts.header_row is not None:
                raise SourceError(f"{file}: row {number} of sheet {sheet.title!r} is empty, so it is no header.")
            if not cells:
                continue
            width = width or len(cells)
            yield _Row(sheet.title, number, cells)
        if not width:
            raise SourceError(f"{file}: sheet {sheet.title!r} is empty. A header and at least one row are needed.")
    except XdmPrepError:
        raise
    except Exception as error:  # the reader raises what its XML and zip parsers raise
        raise SourceError(f"{file}: the book is damaged ({shorten(str(error), 120)}). Save it again.") from None
    finally:
        book.close()


def _opened(file: Path) -> Any:
    with needed_by("Reading Excel books"):
        import openpyxl
    import warnings

    try:
        # by path it takes no other endings
        book: Any = file if file.suffix.lower() in ENDINGS else io.BytesIO(file.read_bytes())
        with warnings.catch_warnings():  # about styles and extensions that do not matter here
            warnings.simplefilter("ignore")
            return openpyxl.load_workbook(book, read_only=True, data_only=True)
    except OSError as error:
        raise SourceError(f"{file}: {error.strerror or error}.") from None
    except Exception as error:  # the reader raises what its XML and zip parsers raise
        with file.open("rb") as opened:
            why = other_kind(opened.read(4096)) or shorten(str(error), 120)
        raise SourceError(f"{file}: is not an Excel book ({why}).") from None


def _sheet(book: Any, wanted: str | int | None, file: Path) -> Any:
    names = list(book.sheetnames)
    if not names:
        raise SourceError(f"{file}: the book has no sheet.")
    if wanted is None:
        return book[names[0]]
    if wanted in names:
        return book[wanted]
    number = int(wanted) if str(wanted).isdecimal() else 0
    if 1 <= number <= len(names):
        return book[names[number - 1]]
    raise SourceError(
        f"{file}: there is no sheet {wanted!r}.{did_you_mean(wanted, names)} It has {', '.join(map(repr, names))}."
    )


def _refuse_uncalculated(file: Path, book: Any, sheet: Any) -> None:
    """Refuse a sheet with formulas that hold no value: they would be read as empty cells."""
    part = getattr(sheet, "_worksheet_path", None)
    if part is None:
        return
    with zipfile.ZipFile(file) as packed, packed.open(part) as opened:
        rest = b""
        while data := opened.read(1 << 20):
            found = _UNCALCULATED.search(rest + data)
            if found:
                raise SourceError(
                    f"{file}: the formula in cell {found[1].decode()} of sheet {sheet.title!r} was never calculated, "
                    "so it has no value. Open the book in Excel or LibreOffice, and save it."
                )
            rest = data[-2048:]


def _trimmed(cells: Sequence[Any]) -> Sequence[Any]:
    """The cells up to the last that is not empty."""
    width = max((number for number, cell in enumerate(cells, 1) if cell.value is not None), default=0)
    return cells[:width]


@dataclass(frozen=True, slots=True)
class _Record:
    """A row of the sheet as texts: its number there, the cells below the header, and what is wrong with it.

    Attributes:
        odd: place -> message for cells that hold an error or a number that has lost digits.
        width: how many cells the row has, if it has cells beyond the header; else 0.
    """

    number: int
    texts: list[str | None]
    odd: dict[int, str]
    width: int


def _pieces(file: Path, opts: ExcelOptions) -> Iterator[list[_Record]]:
    rows = _rows(file, opts)
    width = len(next(rows).cells)
    piece: list[_Record] = []
    for row in rows:
        cells = [*row.cells, *[None] * (width - len(row.cells))]
        odd = {at: message for at, cell in enumerate(cells) if (message := _odd(cell))}
        beyond = len(cells) if len(cells) > width else 0
        piece.append(_Record(row.number, [_text(cell) for cell in cells], odd, beyond))
        if len(piece) >= CHUNK_ROWS:
            yield piece
            piece = []
    if piece:
        yield piece


def _chunk(piece: list[_Record], leaves: tuple[Leaf, ...]) -> Chunk:
    good = [number for number, record in enumerate(piece) if not record.width]
    unread = tuple(
        Unread(
            number + 1, None, ", ".join(text or "" for text in record.texts)[:_SHOWN], "ragged-row",
            f"row {record.number} of the sheet has {record.width} cells, the header {counted(len(leaves), 'column')}",
        )
        for number, record in enumerate(piece) if record.width
    )  # fmt: skip
    texts = [piece[number].texts for number in good]
    arrays = [pa.array([row[at] for row in texts], pa.string()) for at in range(len(leaves))]
    records = pa.RecordBatch.from_arrays(arrays, names=[str(leaf.path[0]) for leaf in leaves])
    rows = np.asarray(good, np.int64) + 1
    found: dict[tuple[int, str], list[int]] = {}
    for place, number in enumerate(good):
        for at, message in piece[number].odd.items():
            found.setdefault((at, message), []).append(place)
    findings = [
        Finding.of(
            "cell", "", message, rows[places], arrays[at].take(pa.array(places)), str(leaves[at].path[0]),
            _AS_TEXT if message == _LOST else "",
        )
        for (at, message), places in sorted(found.items())
    ]  # fmt: skip
    return Chunk(leaves, records, rows, tuple(findings), unread, records, len(piece))


def _text(cell: Any) -> str | None:
    """What a cell shows; None where it is empty or holds an error."""
    value = None if cell is None else cell.value
    if value is None or getattr(cell, "data_type", "") == "e":
        return None
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(value, getattr(cell, "number_format", None) or "")
    if isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time()
        shows_time = any(sign in (cell.number_format or "").lower() for sign in "hs")
        return value.date().isoformat() if midnight and not shows_time else value.isoformat()
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value)


def _number(value: int | float, number_format: str) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e16:
        value = int(value)
    text = repr(value)
    if isinstance(value, int) and value >= 0 and _ZEROS.match(number_format):
        return text.zfill(len(number_format))
    return text


def _odd(cell: Any) -> str:
    """What is wrong with a cell's value; empty where nothing is."""
    value = None if cell is None else cell.value
    if getattr(cell, "data_type", "") == "e":
        return f"the cell holds the error {value}, which is no value"
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) >= _DIGITS:
        return _LOST
    return ""
