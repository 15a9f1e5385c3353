"""Tables for spreadsheets: no cell starts a formula, and every cell can be read back.

Spreadsheets take a cell that begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return for a formula, quoted
or not.  Such a text gets an apostrophe in front.  So does a text of apostrophes before one of these, so that the
reverse is exact: an apostrophe goes where, after it and any further apostrophes, one of these characters follows.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import kernels
from ..kernels.interface import Automaton
from .arrow_types import holds_text

#: What begins a formula; the full-width forms do where the keyboard is East Asian.
_STARTS = "=+\\-@\t\r＝＋－＠"
#: Strings of more bytes might no longer fit into one array.
_LARGE = 1 << 30
#: Accepts strings that begin with a byte of no text that is changed: no text leaves its second or third state.
_HARMLESS = Automaton(
    np.array([np.where(np.isin(np.arange(256), [*b"'=+-@\t\r\xef"]), 2, 1), [1] * 256, [2] * 256], np.uint8),
    np.array([1, 1, 0], np.uint8),
)


def escape_cells(table: pa.Table) -> pa.Table:
    """`table` with an apostrophe before every text (headings too) that would start a formula."""
    return _replaced(table, f"^('*[{_STARTS}])", "'\\1")


def unescape_cells(table: pa.Table) -> pa.Table:
    """The reverse of :func:`escape_cells`."""
    return _replaced(table, f"^'('*[{_STARTS}])", "\\1")


def _replaced(table: pa.Table, pattern: str, by: str) -> pa.Table:
    def texts(values: pa.Array) -> pa.Array:
        """A chunk of strings: only those that may begin so are looked at."""
        at = kernels.active.not_accepted(values, _HARMLESS)
        if at is None:
            return values
        if 2 * len(at) > len(values):
            return pc.replace_substring_regex(values, pattern, by)
        made = pc.replace_substring_regex(values.take(pa.array(at)), pattern, by)
        chosen = np.zeros(len(values), dtype=bool)
        chosen[at] = True
        return pc.replace_with_mask(values, pa.array(chosen), made)

    def column(values: pa.ChunkedArray) -> pa.ChunkedArray:
        if not holds_text(values.type):
            return values
        if values.type == pa.string() and values.nbytes < _LARGE:
            chunks = values.chunks if isinstance(values, pa.ChunkedArray) else [values]
            return pa.chunked_array(map(texts, chunks), values.type)
        return pc.replace_substring_regex(values.cast(pa.large_string()), pattern, by)

    names = pc.replace_substring_regex(pa.array(table.column_names, pa.string()), pattern, by).to_pylist()
    return pa.table([column(values) for values in table.columns], names=names)
