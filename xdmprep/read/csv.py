"""CSV files as a stream: every column is read as text, only mapping and schema decide types.

The reader only cuts the bytes into blocks that end at a record's end; the workers parse them.  A block's last record
end is found by counting quotes, after a check that every quote of the block stands where a quote may stand.  Blocks
with a stray quote, and text that is not valid in the encoding, take a slower exact way, record by record.  Values are
told apart by the compiled loop, and by Arrow's parser where there is none or something in a block is unusual.

Records and quotes as in RFC 4180; a quote inside an unquoted value is an ordinary character.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from .. import native
from ..errors import SourceError, UsageError, shorten
from ..flow import Chunk, Stream, Unread, row_chunk
from ..leaves import Leaf
from .cut import Cutter

#: A record longer than this is taken for a quote that was never closed.
MAX_RECORD_BYTES = 32 << 20

_LINE_END = re.compile(b"\n")


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """How a CSV file is written.

    Attributes:
        delimiter, quote: one ASCII character each.
        encoding: any Python codec; a byte order mark is skipped.
        names: column names of a file without a header; None takes the first record.
        null_values: texts that mean "no value".
        block_bytes: size of the blocks that workers parse.
    """

    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    names: tuple[str, ...] | None = None
    null_values: tuple[str, ...] = ("",)
    block_bytes: int = 5 << 20

    def __post_init__(self) -> None:
        """Refuse options that no file can be read with."""
        for what, value in (("delimiter", self.delimiter), ("quote", self.quote)):
            if len(value) != 1 or not value.isascii() or value in "\r\n":
                raise UsageError(f"the {what} must be one ASCII character, got {value!r}.")
        if self.delimiter == self.quote:
            raise UsageError(f"delimiter and quote are the same character, {self.quote!r}.")
        try:
            codecs.lookup(self.encoding)
        except LookupError:
            raise UsageError(f"unknown encoding {self.encoding!r}. Try utf-8, latin-1, cp1252 or utf-16.") from None


@dataclass(slots=True)
class _Block:
    """Whole records, or (`broken`) one line that can be no record; `lines` stand before it and belong to no block."""

    data: memoryview | bytes
    lines: int = 0
    broken: bool = False


def read_csv(path: str | os.PathLike[str], options: CsvOptions | None = None) -> Stream:
    """The rows of a CSV file, all columns as text.

    Rows with another number of columns than the header, and rows that are not valid text in the encoding, come as
    `Chunk.unread` with their line number.

    Raises:
        SourceError: the file is missing, empty, has no rows, or its header cannot be used.
    """
    file = Path(path)
    opts = options or CsvOptions()
    with _open(file, opts) as source:
        header, names, lines = _header(source, file, opts)
        sample = source.read(1 << 20)
    if not sample.strip(b"\r\n"):
        raise SourceError(f"{file}: there is a header but no row below it. Nothing was written.")
    types = _column_types(sample, names, opts)
    leaves = tuple(Leaf((name,), pa.string(), name) for name in names)
    return Stream(
        source=partial(_blocks, file, opts, len(header), lines),
        steps=(partial(_parse, shape=_Shape(names, types, leaves, opts)),),
        leaves=leaves,
        arrow_schema=pa.schema([(name, pa.string()) for name in names]),
        name=file.name,
        total_bytes=file.stat().st_size,
    )


def _open(file: Path, opts: CsvOptions) -> IO[bytes]:
    """The file's bytes as UTF-8 without a byte order mark."""
    try:
        raw = file.open("rb")
    except IsADirectoryError:
        raise SourceError(f"{file}: is a folder. Give a file.") from None
    except OSError as error:
        raise SourceError(f"{file}: {error.strerror or error}.") from None
    if codecs.lookup(opts.encoding).name in ("utf-8", "utf-8-sig", "ascii"):
        if raw.read(3) != codecs.BOM_UTF8:
            raw.seek(0)
        return raw
    return io.BufferedReader(_Recoded(raw, file, opts.encoding), 1 << 20)


class _Recoded(io.RawIOBase):
    """A file of another encoding, read as UTF-8."""

    def __init__(self, raw: IO[bytes], file: Path, encoding: str) -> None:
        self._raw, self._file, self._encoding = raw, file, encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            data = self._raw.read(1 << 20)
            try:
                text = self._decoder.decode(data, final=not data)
            except UnicodeDecodeError as error:
                raise SourceError(
                    f"{self._file}: is not {self._encoding} text ({error.reason} near byte {self._raw.tell()}). "
                    "Give the right --encoding."
                ) from None
            self._ready = text.encode()
            if not data:
                break
        size = min(len(buffer), len(self._ready))
        buffer[:size], self._ready = self._ready[:size], self._ready[size:]
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()


def _header(source: IO[bytes], file: Path, opts: CsvOptions) -> tuple[bytes, tuple[str, ...], int]:
    """The header's bytes, the column names, and the number of lines the header takes."""
    if opts.names is not None:
        return b"", _checked(list(opts.names), file, opts), 0
    head = b""
    while True:
        line = source.readline(MAX_RECORD_BYTES)
        head += line
        if not line or (head.strip() and head.count(opts.quote.encode()) % 2 == 0):
            break
        if len(head) > MAX_RECORD_BYTES:
            raise SourceError(f"{file}: no end of the header found. Is {opts.quote!r} the quote character?")
    if b"\0" in head:
        raise SourceError(f"{file}: is not text in {opts.encoding}. If it is UTF-16, give --encoding utf-16.")
    if not head.strip():
        raise SourceError(f"{file}: is empty. A header and at least one row are needed.")
    try:
        text = head.decode()
    except UnicodeDecodeError:
        raise SourceError(f"{file}: the header is not UTF-8. If it is Latin-1, give --encoding latin-1.") from None
    try:
        cells = next(csv.reader(io.StringIO(text.lstrip("\r\n")), delimiter=opts.delimiter, quotechar=opts.quote))
    except csv.Error as error:
        if "\r" in text.strip("\r\n"):
            raise SourceError(
                f"{file}: its lines end in carriage returns alone. Make line feeds of them, for example with "
                f"tr '\\r' '\\n' < {file.name} > new.csv."
            ) from None
        raise SourceError(f"{file}: the header cannot be read as CSV ({error}).") from None
    return head, _checked(cells, file, opts), head.count(b"\n")


def _checked(cells: list[str], file: Path, opts: CsvOptions) -> tuple[str, ...]:
    if len(cells) == 1 and opts.names is None:
        for other in ",;\t|":
            if other != opts.delimiter and cells[0].count(other) >= 1:
                shown = "a tab" if other == "\t" else repr(other)
                raise SourceError(
                    f"{file}: the header is one column, {shorten(cells[0])}. "
                    f"The delimiter looks like {shown}: give --delimiter {'tab' if other == chr(9) else repr(other)}."
                )
    names = [cell.strip() or f"column_{number}" for number, cell in enumerate(cells, 1)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SourceError(f"{file}: the header has {twice[0]!r} twice. Rename one of the columns, or give --names.")
    return tuple(names)


def _column_types(sample: bytes, names: tuple[str, ...], opts: CsvOptions) -> dict[str, pa.DataType]:
    """Text for all columns; dictionary-encoded where a sample shows few distinct values (the values stay the same)."""
    types: dict[str, pa.DataType] = dict.fromkeys(names, pa.string())
    end = sample.rfind(b"\n") + 1
    try:
        table = _arrow_parse(sample[:end], names, types, opts, lambda row: "skip")
    except pa.ArrowInvalid:
        return types
    if table.num_rows >= 500:
        for name, column in zip(names, table.columns, strict=True):
            if len(column.unique()) * 20 <= table.num_rows:
                types[name] = pa.dictionary(pa.int32(), pa.string())
    return types


def _blocks(file: Path, opts: CsvOptions, header: int, lines: int) -> Iterator[_Block]:
    """The file cut at record ends."""
    cut = Cutter(opts.delimiter, opts.quote)
    with _open(file, opts) as source:
        source.read(header)
        rest = b""
        while True:
            buffer = memoryview(pa.allocate_buffer(len(rest) + opts.block_bytes)).cast("B")
            buffer[: len(rest)] = rest
            size = len(rest)
            while size < len(buffer) and (got := source.readinto(buffer[size:])):  # type: ignore[attr-defined]
                size += got
            final = size < len(buffer)
            at = 0
            while at < size:
                end, broken = cut.last_end(buffer, at, size, final), False
                if end == at:
                    if not final and size - at <= MAX_RECORD_BYTES:
                        break
                    # a quote that never closes: give up its line, go on behind it
                    line = _LINE_END.search(buffer, at, size)
                    end, broken = line.end() if line else size, True
                yield _Block(buffer[at:end], lines, broken)
                at, lines = end, 0
            if final:
                return
            rest = bytes(buffer[at:size])


def _arrow_parse(
    data: Any,
    names: tuple[str, ...],
    types: dict[str, pa.DataType],
    opts: CsvOptions,
    on_ragged: Any,
    only: Sequence[str] | None = None,
) -> pa.Table:
    buffer = pa.py_buffer(data)
    _check_text(buffer)
    return arrow_csv.read_csv(
        pa.BufferReader(buffer),
        arrow_csv.ReadOptions(use_threads=False, column_names=list(names), block_size=1 << 30),
        arrow_csv.ParseOptions(
            delimiter=opts.delimiter,
            quote_char=opts.quote,
            newlines_in_values=True,
            invalid_row_handler=on_ragged,
        ),
        arrow_csv.ConvertOptions(
            check_utf8=False,
            column_types=types,
            include_columns=only,
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            null_values=list(opts.null_values),
        ),
    )


def _check_text(data: pa.Buffer) -> None:
    """Raise pa.ArrowInvalid if `data` is not UTF-8; asked once of the whole text, a tenth of what each value costs.

    Delimiters, quotes and line ends are ASCII, so the text is valid exactly if all values are.
    """
    if native.compiled is not None:
        if not native.compiled.is_utf8(data):
            raise pa.ArrowInvalid("not UTF-8")
        return
    ends = pa.py_buffer(np.array([0, data.size], np.int64))
    pa.Array.from_buffers(pa.large_binary(), 1, [None, ends, data]).cast(pa.large_string())


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a worker needs to parse a block."""

    names: tuple[str, ...]
    types: dict[str, pa.DataType]
    leaves: tuple[Leaf, ...]
    opts: CsvOptions

    def empty(self) -> pa.RecordBatch:
        return pa.RecordBatch.from_pylist([], pa.schema([(name, pa.string()) for name in self.names]))


def _parse(block: _Block, shape: _Shape) -> Chunk:
    lines, size = block.lines + _count_lines(block.data), len(block.data)
    if block.broken:
        text = bytes(block.data).decode(errors="replace").rstrip("\r\n")
        reason = f"a {shape.opts.quote} opens in this line and never closes"
        unread = (Unread(1, block.lines + 1, text, "unreadable", reason),)
        return row_chunk(shape.empty(), shape.leaves, consumed=1, unread=unread, lines=lines, size=size)
    try:
        chunk = _parse_text(block.data, block.lines, shape)
    except pa.ArrowInvalid:  # almost always: some bytes are not valid text
        chunk = _parse_slowly(block, shape)
    block.data = b""  # parsed values are copies; the text makes room for what becomes of them
    return replace(chunk, lines=lines, size=size)


def _parse_text(data: memoryview | bytes, lines: int, shape: _Shape, only: Sequence[str] | None = None) -> Chunk:
    """Parse whole records, or some of their columns; raises pa.ArrowInvalid where the text is not valid."""
    if native.compiled is not None and (batch := _native_parse(native.compiled, data, shape, only)) is not None:
        rows = np.arange(1, batch.num_rows + 1, dtype=np.int64)
        return Chunk(shape.leaves, batch, rows, source=batch, consumed=batch.num_rows)
    ragged: list[tuple[int, str, int]] = []

    def on_ragged(row: Any) -> str:
        ragged.append((row.number, row.text, row.actual_columns))
        return "skip"

    batch = _one_batch(_arrow_parse(data, shape.names, shape.types, shape.opts, on_ragged, only))
    total = batch.num_rows + len(ragged)
    rows = np.arange(1, total + 1, dtype=np.int64)
    unread: tuple[Unread, ...] = ()
    if ragged:
        rows = np.delete(rows, [number - 1 for number, _, _ in ragged])
        unread = tuple(_unread_ragged(bytes(data), lines, ragged, len(shape.names)))
    return Chunk(shape.leaves, batch, rows, unread=unread, source=batch, consumed=total)


def _native_parse(
    loops: ModuleType, data: memoryview | bytes, shape: _Shape, only: Sequence[str] | None
) -> pa.RecordBatch | None:
    """The same records by the compiled parser; None where something in the text is unusual, which Arrow judges."""
    names = shape.names if only is None else only
    _check_text(pa.py_buffer(data))
    wanted = [(shape.names.index(name), pa.types.is_dictionary(shape.types[name])) for name in names]
    nulls = [text.encode() for text in shape.opts.null_values]
    opts = shape.opts
    made = loops.parse_csv(
        data, ord(opts.delimiter), ord(opts.quote), len(shape.names), wanted, nulls, pa.allocate_buffer
    )
    if made is None:
        return None
    rows, columns = made
    arrays = []
    for null_count, valid, offsets, *texts in columns:
        bitmap = valid if null_count else None
        if len(texts) == 1:
            arrays.append(pa.Array.from_buffers(pa.string(), rows, [bitmap, offsets, texts[0]], null_count))
        else:
            starts, data = map(pa.py_buffer, texts)
            words = pa.Array.from_buffers(pa.string(), len(texts[0]) // 4 - 1, [None, starts, data], 0)
            numbers = pa.Array.from_buffers(pa.int32(), rows, [bitmap, offsets], null_count)
            arrays.append(pa.DictionaryArray.from_arrays(numbers, words))
    return pa.RecordBatch.from_arrays(arrays, names=list(names))


def _one_batch(table: pa.Table) -> pa.RecordBatch:
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], table.schema)


def _count_lines(data: memoryview | bytes) -> int:
    if native.compiled is not None:
        return native.compiled.count_lines(data)  # type: ignore[no-any-return]
    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == 10))


def _unread_ragged(data: bytes, lines: int, ragged: list[tuple[int, str, int]], expected: int) -> Iterator[Unread]:
    at, line = 0, lines + 1
    for number, text, actual in ragged:
        found = re.compile(rb"^" + re.escape(text.encode()) + rb"\r?$", re.MULTILINE).search(data, at)
        if found:
            line += data.count(b"\n", at, found.start())
            at = found.start()
        message = f"the row has {actual} values, the header {expected} columns"
        yield Unread(number, line if found else None, text, "ragged-row", message)


def _parse_slowly(block: _Block, shape: _Shape) -> Chunk:
    """The block record by record: those that are not valid text are set aside, the others parsed as usual."""
    record, data = Cutter(shape.opts.delimiter, shape.opts.quote).record, bytes(block.data)
    if not data.endswith(b"\n"):
        data += b"\n"
    good: list[bytes] = []
    numbers: list[int] = []
    line_of: list[int] = []
    unread: list[Unread] = []
    at, line, number = 0, block.lines + 1, 0
    while at < len(data):
        match = record.match(data, at)
        end = match.end() if match else data.find(b"\n", at) + 1
        text = data[at:end]
        if text.strip(b"\r\n"):
            number += 1
            try:
                text.decode()
                good.append(text)
                numbers.append(number)
                line_of.append(line)
            except UnicodeDecodeError as error:
                shown = text.decode(errors="replace").rstrip("\r\n")
                reason = (
                    f"byte {error.start + 1} of the row is not UTF-8; if the file is Latin-1, give --encoding latin-1"
                )
                unread.append(Unread(number, line, shown, "unreadable", reason))
        line += text.count(b"\n")
        at = end
    if not good:
        return row_chunk(shape.empty(), shape.leaves, consumed=number, unread=tuple(unread))
    try:
        chunk = _parse_text(b"".join(good), 0, shape)
    except pa.ArrowInvalid as error:
        raise SourceError(f"near line {block.lines + 1} the file cannot be parsed as CSV: {error}.") from None
    order = np.asarray(numbers, np.int64)
    more = [replace(u, row=int(order[u.row - 1]), line=line_of[u.row - 1]) for u in chunk.unread]
    everything = tuple(sorted((*unread, *more), key=lambda u: u.row))
    return replace(chunk, rows=order[chunk.rows - 1], unread=everything, consumed=number)
