"""Options for Excel books, apart from their reader, which other sources do without."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import UsageError, shorten


@dataclass(frozen=True, slots=True)
class ExcelOptions:
    """Which part of a book is read.

    Attributes:
        sheet: name of the sheet, or its number among the tabs that are visible, counted from 1; None takes the first
            visible sheet that is no chart.
        header_row: row of the sheet with the column names, counted from 1; None takes the first that is not empty.

    Examples:
        >>> options = xp.ExcelOptions("People", header_row=3)
        >>> options.sheet, options.header_row
        ('People', 3)
    """

    sheet: str | int | None = None
    header_row: int | None = None

    def __post_init__(self) -> None:
        """Refuse sheets and rows that no book has."""
        if isinstance(self.sheet, bool) or not isinstance(self.sheet, str | int | None):
            raise UsageError(f"a sheet is chosen by its name or number, got {shorten(self.sheet)}.")
        if isinstance(self.sheet, int) and self.sheet < 1:
            raise UsageError(f"sheets are counted from 1, got {self.sheet}.")
        if isinstance(self.header_row, bool) or not isinstance(self.header_row, int | None):
            raise UsageError(f"the header row is a number, got {shorten(self.header_row)}.")
        if self.header_row is not None and self.header_row < 1:
            raise UsageError(f"the header row is counted from 1, got {self.header_row}.")
