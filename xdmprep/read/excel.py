"""Excel books (.xlsx): one sheet as rows, every cell as a string.

As in CSV, no type of a sheet can be trusted: an id is a number in one row and a string in the next.  So all columns
are strings, and mapping and schema decide types; :mod:`.number_formats` says what the string of a number is.  An error
such as ``#N/A`` is no value, a number of more than 15 digits has lost some in Excel, and of merged cells only the first
holds the value: all are findings (``cell``).  Formulas give the value that the book holds; one that was never
calculated holds none and is refused.  Hidden rows and columns are read too.
"""

from __future__ import annotations

import itertools
import logging
import os
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from ..core.names import is_datum, unique_names
from ..core.shred import Leaf, column_leaves
from ..core.stream import Chunk, Finding, Stream, Unread
from ..errors import NoRowsError, SourceError, counted, did_you_mean, option, shorten
from .excel_options import ExcelOptions
from .number_formats import LOST
from .workbook import UNCALCULATED, Book, Merge, Sheet, SheetRow

log = logging.getLogger("xdmprep.read")

#: Rows of one chunk.
CHUNK_ROWS = 4_096
#: Rows below the first in which the header is looked for.
_LOOKED = 20
#: Characters of a row that could not be read that are shown.
_SHOWN = 1_000
_MERGED = "the cell is merged with others, of which only the first holds the value"
#: What is wrong with a cell -> what to do.
_HINTS = {
    LOST: "Format the column as text before its numbers are entered.",
    _MERGED: "Unmerge the cells, and fill the value into each.",
}


def read_excel(path: str | os.PathLike[str], options: ExcelOptions | None = None) -> Stream:
    """The rows of a sheet of an Excel book; all columns are strings.

    Args:
        path: the book, .xlsx or .xlsm.
        options: which sheet, and where its header is.

    Raises:
        SourceError: the file is missing or no such book, the sheet is not in it, has no rows or an unusable header, or
            holds formulas that were never calculated.
    """
    file = Path(path)
    opts = options or ExcelOptions()
    with Book(file) as book:
        sheet = _sheet(book, opts.sheet, file)
        log.info("%s: sheet %r of %d", file.name, sheet.name, len(book.sheets))
        with closing(book.rows(sheet)) as rows:
            table = _table(file, book, sheet, rows, opts)
    columns = pa.schema([(name, pa.string()) for name in table.names])
    leaves = column_leaves(columns)
    return Stream(partial(_pieces, file, table), (partial(_chunk, leaves=leaves),), leaves, columns, file.name)


def _sheet(book: Book, wanted: str | int | None, file: Path) -> Sheet:
    tabs = [sheet for sheet in book.sheets if sheet.visible]
    if wanted is None:
        found = next((sheet for sheet in tabs if sheet.kind == "worksheet"), None)
        if found is None:
            raise SourceError(f"{file}: the book has no visible sheet with cells.{_choice(book)}")
        return found
    names = [sheet.name for sheet in book.sheets]
    found = None
    if isinstance(wanted, str):
        alike = wanted.strip().casefold()  # Excel has no two names that differ by case only
        plain = [name.strip().casefold() for name in names]
        at = names.index(wanted) if wanted in names else plain.index(alike) if alike in plain else None
        found = None if at is None else book.sheets[at]
    if found is None and str(wanted).isdecimal() and 1 <= int(wanted) <= len(tabs):
        found = tabs[int(wanted) - 1]
    if found is None:
        raise SourceError(f"{file}: there is no sheet {wanted!r}.{did_you_mean(wanted, names)}{_choice(book)}")
    if found.kind != "worksheet":
        raise SourceError(f"{file}: sheet {found.name!r} is a {_KINDS.get(found.kind, found.kind)}.{_choice(book)}")
    return found


_KINDS = {"chartsheet": "chart without cells", "dialogsheet": "dialog", "xlMacrosheet": "sheet of macros"}


def _choice(book: Book, but: Sheet | None = None) -> str:
    """A sentence that names the sheets that can be chosen; empty where there is none."""
    sheets = [sheet for sheet in book.sheets if sheet.kind == "worksheet" and sheet != but]
    names = [repr(sheet.name) + ("" if sheet.visible else " (hidden)") for sheet in sheets[:12]]
    more = f" and {len(sheets) - 12} more" if len(sheets) > 12 else ""
    return f" Choose a sheet with {option('sheet')}: {', '.join(names)}{more}." if names else ""


@dataclass(frozen=True, slots=True)
class _Table:
    """Where the table of a sheet is.

    Attributes:
        sheet: the sheet.
        header: the row with the column names.
        names: of the columns, each one once.
        merges: cells below the header that are merged, from top to bottom.
    """

    sheet: Sheet
    header: int
    names: tuple[str, ...]
    merges: tuple[Merge, ...]


def _table(file: Path, book: Book, sheet: Sheet, rows: Iterator[SheetRow], opts: ExcelOptions) -> _Table:
    merges = book.merges(sheet)
    where = f"{file}: sheet {sheet.name!r}"
    above: list[SheetRow] = []
    header = next(rows, None)
    if header is None:
        raise NoRowsError(f"{where} is empty. A header and at least one row are needed.{_choice(book, sheet)}")
    if opts.header_row is None:
        below = list(itertools.islice(rows, _LOOKED))
        _refuse_title(where, header, below, merges)
    else:
        while header.number < opts.header_row:
            above = [*above, header][-_LOOKED:]
            header = next(rows, None)
            if header is None:
                last = above[-1].number
                raise SourceError(f"{where} ends with row {last}, so row {opts.header_row} is no header.")
        if header.number > opts.header_row:
            raise SourceError(f"{file}: row {opts.header_row} of sheet {sheet.name!r} is empty, so it is no header.")
        below = list(itertools.islice(rows, 1))
    for row in (header, *below):
        _refuse_uncalculated(file, sheet, row)
    texts = _header_texts(header, above, merges)
    if (wrong := next((one for at, one in header.odd.items() if texts[at] is None), None)) is not None:
        raise SourceError(f"{where} has no name for a column: in its header, row {header.number}, {wrong[0]}.")
    names = unique_names([text or "" for text in texts])
    if opts.header_row is None and len(names) > 1 and all(map(is_datum, names)):
        raise SourceError(
            f"{where}: row {header.number} looks like a row, not a header: {shorten(names[0], 40)}, "
            f"{shorten(names[1], 40)}. Write the columns' names above it, or give "
            f"{option('header_row', header.number)} if these are the names."
        )
    if not below:
        columns = pa.schema([(name, pa.string()) for name in names])
        raise NoRowsError(f"{where} has a header but no row below it.{_choice(book, sheet)}", columns)
    return _Table(sheet, header.number, names, tuple(_below(header.number, merges)))


def _refuse_uncalculated(file: Path, sheet: Sheet, row: SheetRow) -> None:
    """Refuse a formula that holds no value: it would be read as an empty cell."""
    for wrong, cell in row.odd.values():
        if wrong == UNCALCULATED:
            raise SourceError(
                f"{file}: the formula in cell {cell} of sheet {sheet.name!r} was never calculated, so it has no value. "
                "Open the book in Excel or LibreOffice, and save it."
            )


def _header_texts(header: SheetRow, above: Sequence[SheetRow], merges: Sequence[Merge]) -> list[str | None]:
    """The names of the columns; those of cells that are merged with cells above stand there."""
    texts = list(header.texts)
    for merge in merges:
        if merge.top < header.number <= merge.bottom:
            row = next((row for row in above if row.number == merge.top), None)
            if row is not None and merge.left <= len(row.texts):
                texts.extend([None] * (merge.left - len(texts)))
                texts[merge.left - 1] = row.texts[merge.left - 1]
    return texts


def _below(header: int, merges: Sequence[Merge]) -> Iterator[Merge]:
    """The merged cells below a header that lose something; not if as wide as a merged cell of the header."""
    headed = {(one.left, one.right) for one in merges if one.top <= header <= one.bottom}
    for one in merges:
        if one.top > header:
            merge = replace(one, right=one.left) if (one.left, one.right) in headed else one
            if merge.top < merge.bottom or merge.left < merge.right:
                yield merge


def _refuse_title(where: str, first: SheetRow, below: Sequence[SheetRow], merges: Sequence[Merge]) -> None:
    """Raise SourceError if the first row is a title: narrower than the rows below, or merged over their columns."""
    covered = {at for one in merges if one.top <= first.number <= one.bottom for at in range(one.left, one.right)}
    header = next(
        (row for row in below if any(text is not None and at in covered for at, text in enumerate(row.texts))), None
    )
    if header is None:
        wide = [row for row in below if len(row.texts) > len(first.texts)]
        if len(wide) < 2 or 2 * len(wide) <= len(below):
            return
        header = wide[0]
    text = next((text for text in first.texts if text is not None), None)
    raise SourceError(
        f"{where} begins with a line that is no header, {shorten(text)}. "
        f"Give {option('header_row', header.number)}, or another row."
    )


def _pieces(file: Path, table: _Table) -> Iterator[list[SheetRow]]:
    """The rows below the header, each with a string or None for every column, and perhaps more than these."""
    width = len(table.names)
    piece: list[SheetRow] = []
    with Book(file) as book, closing(book.rows(table.sheet)) as rows:
        below = itertools.dropwhile(lambda row: row.number <= table.header, rows)
        for row in _marked(below, table.merges):
            if row.odd:
                _refuse_uncalculated(file, table.sheet, row)
            row.texts.extend([None] * (width - len(row.texts)))
            piece.append(row)
            if len(piece) >= CHUNK_ROWS:
                yield piece
                piece = []
    if piece:
        yield piece


def _marked(rows: Iterator[SheetRow], merges: Sequence[Merge]) -> Iterator[SheetRow]:
    """The same rows, in which the cells that are merged with a cell that holds a value are marked as odd."""
    if not merges:
        yield from rows
        return
    waiting = deque(merges)
    met: list[tuple[Merge, str]] = []
    for row in rows:
        met = [(merge, text) for merge, text in met if merge.bottom >= row.number]
        while waiting and waiting[0].top <= row.number:
            merge = waiting.popleft()
            text = row.texts[merge.left - 1] if merge.top == row.number and merge.left <= len(row.texts) else None
            if text is not None:
                met.append((merge, text))
        for merge, text in met:
            for at in range(merge.left - (row.number > merge.top), merge.right):
                if at >= len(row.texts) or row.texts[at] is None:
                    row.odd.setdefault(at, (_MERGED, text))
        yield row


def _chunk(piece: list[SheetRow], leaves: tuple[Leaf, ...]) -> Chunk:
    good = [number for number, row in enumerate(piece) if len(row.texts) == len(leaves)]
    unread = tuple(
        Unread(
            number + 1, None, ", ".join(text or "" for text in row.texts)[:_SHOWN], "ragged-row",
            f"row {row.number} of the sheet has {len(row.texts)} cells, the header {counted(len(leaves), 'column')}",
        )
        for number, row in enumerate(piece) if len(row.texts) > len(leaves)
    )  # fmt: skip
    texts = [piece[number].texts for number in good]
    arrays = [pa.array([row[at] for row in texts], pa.string()) for at in range(len(leaves))]
    records = pa.RecordBatch.from_arrays(arrays, names=[str(leaf.path[0]) for leaf in leaves])
    rows = np.asarray(good, np.int64) + 1
    found: dict[tuple[int, str], list[tuple[int, str]]] = {}
    for place, number in enumerate(good):
        for at, (message, held) in piece[number].odd.items():
            if at < len(leaves):
                found.setdefault((at, message), []).append((place, held))
    findings = [
        Finding(
            "cell", "", message, rows[[place for place, _ in held]], pa.array([text for _, text in held], pa.string()),
            str(leaves[at].path[0]), _HINTS.get(message, ""),
        )
        for (at, message), held in sorted(found.items())
    ]  # fmt: skip
    return Chunk(leaves, records, rows, tuple(findings), unread, records, len(piece))
