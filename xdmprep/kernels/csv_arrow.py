"""CSV text to columns by Arrow's parser."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from .record_boundary import Cutter


@dataclass(frozen=True, slots=True)
class CsvForm:
    """How CSV text is read; the columns `encoded` become dictionary-encoded."""

    names: tuple[str, ...]
    encoded: frozenset[str]
    delimiter: str
    quote: str
    null_values: tuple[str, ...]

    def type(self, name: str) -> pa.DataType:
        """The Arrow type of a column."""
        return pa.dictionary(pa.int32(), pa.string()) if name in self.encoded else pa.string()


def _arrow_parse(data: Any, form: CsvForm, on_ragged: Any, only: Sequence[str]) -> pa.Table:
    return arrow_csv.read_csv(
        pa.BufferReader(pa.py_buffer(data)),
        arrow_csv.ReadOptions(use_threads=False, column_names=list(form.names), block_size=1 << 30),
        arrow_csv.ParseOptions(
            delimiter=form.delimiter,
            quote_char=form.quote,
            newlines_in_values=True,
            invalid_row_handler=on_ragged,
        ),
        arrow_csv.ConvertOptions(
            check_utf8=False,
            column_types={name: form.type(name) for name in form.names},
            include_columns=only,
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            null_values=list(form.null_values),
        ),
    )


#: Records that are set aside (n, 4): number from 0 on, where it begins and ends, and its number of values; -1 for
#: those of a record that is not UTF-8, -2 where quotes inside of values stand behind backslashes.
Aside = np.ndarray[Any, np.dtype[np.int64]]


def parse_csv(
    data: memoryview | bytes, form: CsvForm, names: Sequence[str], stops: Sequence[int] = ()
) -> tuple[pa.RecordBatch, Aside, np.ndarray[Any, np.dtype[np.int64]]]:
    """As the kernel of that name.

    Args:
        data: the text of whole records.
        form: how it is written.
        names: the columns that are wanted.
        stops: ascending offsets, each behind the line end of a record.

    Returns:
        The columns, the records that cannot be rows, and how many records begin before each of `stops`.
    """
    cutter = Cutter.of(form.delimiter, form.quote)
    spans: list[tuple[int, int]] | None = None
    numbers: list[int] = []  # of the records that are parsed
    aside: list[tuple[int, int, int, int]] = []
    if not is_utf8(data) or f"\\{form.quote}".encode() in bytes(data):
        data = bytes(data)
        spans = list(cutter.spans(data))
        for number, span in enumerate(spans):
            record = data[slice(*span)]
            if not is_utf8(record):
                aside.append((number, *span, -1))
            elif cutter.has_escapes(record, len(form.names)):
                aside.append((number, *span, -2))
            else:
                numbers.append(number)
        text: memoryview | bytes = b"".join(data[slice(*spans[number])] for number in numbers)
    else:
        text = data
    ragged: list[tuple[int, int]] = []

    def on_ragged(row: Any) -> str:
        ragged.append((row.number - 1, row.actual_columns))
        return "skip"

    batches: list[pa.RecordBatch] = []
    if bytes(text[:3]) == codecs.BOM_UTF8:  # Arrow would take the value's first character for a byte order mark
        text = b"\n" + bytes(text)
    if len(text):
        table = _arrow_parse(text, form, on_ragged, list(names))
        batches = table.combine_chunks().to_batches()
    if not batches:
        batches = [pa.RecordBatch.from_pylist([], pa.schema([(name, form.type(name)) for name in names]))]
    if (ragged or stops) and spans is None:
        spans = list(cutter.spans(bytes(data)))
        numbers = list(range(len(spans)))
    for place, values in ragged:
        assert spans is not None  # noqa: S101 (set where a record is ragged)
        number = numbers[place]
        aside.append((number, *spans[number], values))
    before = np.searchsorted([start for start, _ in spans or ()], np.asarray(stops, np.int64))
    return batches[0], np.array(sorted(aside), np.int64).reshape(-1, 4), before.astype(np.int64)


def is_utf8(data: memoryview | bytes) -> bool:
    """Whether `data` is UTF-8."""
    try:
        str(data, "utf-8")
    except UnicodeDecodeError:
        return False
    return True


def count_lines(data: memoryview | bytes) -> int:
    """How many line ends there are: line feeds, carriage returns, and both as one."""
    text = np.frombuffer(data, np.uint8)
    back = text == 13
    both = back[:-1] & (text[1:] == 10) if len(text) else back
    return int(np.count_nonzero(text == 10) + np.count_nonzero(back) - np.count_nonzero(both))
