"""CSV rows as the text they are in the file, for those who compare many and look at few.

Two rows of one text have the same values, so rows can be compared without parsing them: only the columns of a key are
parsed, and the whole of a row where it turns out to be needed.  A row's text is a slice of the block that was read,
without a copy.  Two files may be written unlike, one with more quotes than the other; then rows are compared without
quotes and carriage returns, but for those where they matter: with a delimiter, a quote or a line end in a value.

Where the text does not show where each row is (stray quotes, bytes that are no text), the block is parsed and its
rows are written again.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from .. import kernels
from ..core.shred import Leaf
from ..core.stream import Chunk, Stream
from ..errors import SourceError
from .csv import CsvBlock, CsvOptions, CsvShape, parse, parse_records, read_beginning, read_csv

#: A row's text, beside the columns that are parsed.
LINE = Leaf(("\0line",), pa.string())
#: What of it is compared where files are written unlike: without quotes, and a digest of all where these matter.
BARE = (Leaf(("\0bare",), pa.string()), Leaf(("\0quoted",), pa.int64()))
_SAMPLE = 1 << 16


@dataclass(frozen=True)
class Lines:
    """A CSV file, its rows as text.

    Attributes:
        stream: chunks of the columns requested, :data:`LINE`, and what is compared.
        compared: the leaves of the stream that are compared: equal ones are equal rows.
        parse: makes chunks of all columns from chunks of `LINE` alone.
    """

    stream: Stream
    compared: tuple[Leaf, ...]
    parse: Callable[[Chunk], Chunk]


def read_lines(path: str | os.PathLike[str], options: CsvOptions | None, columns: Sequence[str], bare: bool) -> Lines:
    """The rows of a CSV file as text.

    Args:
        path: as for :func:`read_csv`.
        options: as for :func:`read_csv`.
        columns: the columns that are parsed, too.
        bare: compare without quotes and carriage returns.

    Returns:
        The stream of rows, the leaves to compare, and how to parse rows again.

    Raises:
        SourceError: as :func:`read_csv` does.
    """
    whole = read_csv(path, options)
    shape: CsvShape = whole.steps[0].keywords["shape"]  # type: ignore[attr-defined]
    compared = BARE if bare else (LINE,)
    parsed = tuple(leaf for leaf in whole.leaves if leaf.path[0] in columns)
    leaves = (*parsed, LINE, *(BARE if bare else ()))
    step = partial(_parse_lines, shape=shape, leaves=leaves, parsed=len(parsed))
    schema = pa.schema([(str(leaf.path[0]), leaf.type) for leaf in leaves])
    stream = replace(whole, steps=(step,), leaves=leaves, arrow_schema=schema)
    return Lines(stream, compared, partial(_parse_again, shape=shape))


def alike(one: str | os.PathLike[str], other: str | os.PathLike[str], options: CsvOptions | None) -> bool:
    """Whether two CSV files seem to have the same line ends and quotes; it decides the quicker way, not the result."""
    opts = options or CsvOptions()
    (ends, quoted), (other_ends, other_quoted) = (_habits(Path(path), opts) for path in (one, other))
    return ends == other_ends and all(a == b for a, b in zip(quoted, other_quoted, strict=False) if a and b)


def _habits(path: Path, opts: CsvOptions) -> tuple[bool, list[set[bool]]]:
    """Whether lines end with a carriage return, and for each column whether its values have quotes; of some rows."""
    header, sample = read_beginning(path, opts, _SAMPLE)
    opts = header.opts
    sample = sample[: sample.rfind(b"\n") + 1]
    rows = opts.cutter.rows(sample) if sample else None
    if rows is None:
        return False, []
    starts = np.concatenate([[0], rows.ends[:-1]])
    quoted: list[set[bool]] = []
    for number in np.setdiff1d(np.arange(len(starts)), rows.quoted).tolist():
        cells = sample[starts[number] : rows.ends[number]].rstrip(b"\r\n").split(opts.separator.encode())
        quoted += [set() for _ in cells[len(quoted) :]]
        for found, cell in zip(quoted, cells, strict=False):
            if cell:
                found.add(cell.startswith(opts.quote.encode()))
    return sample.endswith(b"\r\n"), quoted


def _parse_lines(block: CsvBlock, shape: CsvShape, leaves: tuple[Leaf, ...], parsed: int) -> Chunk:
    names = [str(leaf.path[0]) for leaf in leaves]
    bare = len(leaves) > parsed + 1
    texts = None
    if block.reason is None:
        chunk = parse_records(block.data, [(0, block.before)], shape, names[:parsed])
        if not any(item.code == "unreadable" for item in chunk.unread):
            texts = _texts(block.data, chunk.consumed, shape.opts, bare)
        chunk = replace(chunk, lines=block.before + kernels.active.count_lines(block.data), size=len(block.data))
    if texts is None:
        chunk = parse(block, shape)
        texts = _texts(_written(chunk.records, shape.opts), len(chunk), shape.opts, bare)
        if texts is None:
            raise SourceError("rows that were written again cannot be told apart.")
    elif len(chunk) < chunk.consumed:
        texts = [column.take(pa.array(chunk.rows - 1)) for column in texts]
    columns = [*(chunk.records.column(name) for name in names[:parsed]), *texts]
    return replace(chunk, leaves=leaves, records=pa.RecordBatch.from_arrays(columns, names), source=None)


def _texts(data: memoryview | bytes, count: int, opts: CsvOptions, bare: bool) -> list[pa.Array] | None:
    """The text of each of `count` rows, and what of it is compared; None where it is ambiguous."""
    if bytes(data[-1:]) != b"\n":
        data = bytes(data) + b"\n"
    view = np.frombuffer(data, np.uint8)
    ends: Any = np.flatnonzero(view == 10) + 1
    if not bare and len(ends) == count and not (view == 13).any():
        return [_cut(data, ends)]  # as many line ends as rows: none of them is inside a value
    rows = opts.cutter.rows(data)
    if rows is None:
        return None
    texts = [_cut(data, rows.ends)]
    if bare:
        without = bytes(data).translate(None, opts.quote.encode() + b"\r")
        bare_ends = np.flatnonzero(np.frombuffer(without, np.uint8) == 10) + 1
        if len(ends) != len(rows.ends):  # line ends in values, as many here as there
            bare_ends = bare_ends[np.searchsorted(ends, rows.ends)]
        marks, there = np.zeros(len(rows.ends), np.int64), np.ones(len(rows.ends), bool)
        there[rows.quoted] = False
        marks[rows.quoted] = [hash(text) for text in texts[0].take(pa.array(rows.quoted)).to_pylist()]
        texts += [_cut(without, bare_ends), pa.array(marks, mask=there)]
    if len(rows.ends) != count:
        lengths = np.diff(rows.ends, prepend=0)
        blank = (lengths == 1) | ((lengths == 2) & (view[rows.ends - 2] == 13))  # an empty line is no row
        texts = [column.filter(pa.array(~blank)) for column in texts]
    return texts if len(texts[0]) == count else None


def _cut(data: memoryview | bytes, ends: np.ndarray[Any, np.dtype[np.int64]]) -> pa.StringArray:
    """The pieces of a text that end at `ends`, without a copy."""
    offsets = np.concatenate([[0], ends]).astype(np.int32)
    return pa.StringArray.from_buffers(len(ends), pa.py_buffer(offsets), pa.py_buffer(data))


def _written(records: pa.RecordBatch, opts: CsvOptions) -> bytes:
    """Rows written anew."""
    null = opts.null_values[0] if opts.null_values else ""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=opts.separator, quotechar=opts.quote, quoting=csv.QUOTE_ALL, lineterminator="\n")
    for row in zip(*(column.to_pylist() for column in records.columns), strict=True):
        writer.writerow([null if value is None else value for value in row])
    return out.getvalue().encode()


def _parse_again(chunk: Chunk, shape: CsvShape) -> Chunk:
    """All columns of rows that are texts."""
    (texts,) = chunk.records.columns
    joined = b"".join(texts.cast(pa.binary()).to_pylist())

    batch = parse_records(joined, [(0, 0)], shape).records if len(texts) else shape.empty()
    if batch.num_rows != len(chunk):
        raise SourceError(f"{len(chunk)} rows were read before, {batch.num_rows} now.")
    return replace(chunk, leaves=shape.leaves, records=batch, source=batch)
