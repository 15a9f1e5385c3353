"""CSV files as a stream: every column is read as text; mapping and schema decide the types.

The reader only cuts the bytes into blocks that end at a record's end; the workers parse them.  Each record follows the
rule of :class:`~.kernels.record_boundary.Cutter`, the header included.  Records that cannot be rows (another number of
values than the header, bytes that are no text, a quote that never closes, too long) are set aside one by one.
"""

from __future__ import annotations

import codecs
import io
import itertools
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa

from .. import kernels
from ..core.names import is_datum, unique_names
from ..core.packed import ending
from ..core.shred import Leaf, column_leaves
from ..core.signatures import what_it_is
from ..core.stream import Chunk, Stream, Unread, row_chunk
from ..errors import NoRowsError, SourceError, UsageError, counted, option, shorten
from ..kernels.csv_arrow import Aside, CsvForm
from ..kernels.record_boundary import Cutter
from .encodings import encodings_of
from .opening import check_encoding, is_compressed, open_text

#: A longer record is set aside without being held in memory.
MAX_RECORD_BYTES = 32 << 20
_LOOK = 128 << 10
#: Byte order marks at the beginning of a line, as in files that were joined to one; a quote behind one would be none.
_MARKS = re.compile(rb"(?:\A|(?<=[\r\n]))(?:%b)+" % codecs.BOM_UTF8)
_SEP = re.compile(rb"\s*\"?sep=(.)\"?\s*", re.IGNORECASE)
#: Endings of names of files with tabs between their values.
TABS = (".tsv", ".tab")
#: Bytes of a file that are read to find columns of which other files have few values.
TELLING = 64 << 10
#: Bytes of a file that its encoding and header are judged by; of further files of a source a quarter.
_SAMPLE = 1 << 20
#: So much is kept of a record that is set aside for its length.
_SHOWN_BYTES = 1000


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """How a CSV file is written.

    Attributes:
        delimiter, quote: one ASCII character each. Without a delimiter it is a tab for files named .tsv or .tab, what
            a first line such as ``sep=;`` says, and else a comma.
        encoding: any Python codec; a byte order mark is skipped, at the beginning and before each row.
        names: column names of a file without a header; None takes the first record.
        null_values: texts that mean "no value".
        block_bytes: size of the blocks that workers parse.

    Examples:
        >>> import io
        >>> options = xp.CsvOptions(delimiter=";", null_values=("", "n/a"))
        >>> file = io.BytesIO(b"first;year\\nAda;n/a\\n")
        >>> xp.map_rows(file, {"first": "first", "year": "year"}, csv=options).to_pylist()
        [{'first': 'Ada'}]
    """

    delimiter: str | None = None
    quote: str = '"'
    encoding: str = "utf-8"
    names: tuple[str, ...] | None = None
    null_values: tuple[str, ...] = ("",)
    block_bytes: int = 5 << 20

    def __post_init__(self) -> None:
        """Refuse options that no file can be read with."""
        for what, value in (("quote", self.quote), ("delimiter", "," if self.delimiter is None else self.delimiter)):
            if not isinstance(value, str) or len(value) != 1 or not value.isascii() or value in "\r\n":
                raise UsageError(f"the {what} must be one ASCII character, got {shorten(value)}.")
        if self.separator == self.quote:
            raise UsageError(f"delimiter and quote are the same character, {self.quote!r}.")
        for what in ("names", "null_values"):
            value = getattr(self, what)
            if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
                object.__setattr__(self, what, tuple(value))
            elif value is not None or what != "names":
                raise UsageError(f"{what} must be a list of strings, got {shorten(value)}.")
        if type(self.block_bytes) is not int or self.block_bytes < 1:
            raise UsageError(f"block_bytes must be a whole number from 1 on, got {shorten(self.block_bytes)}.")
        check_encoding(self.encoding)

    @property
    def separator(self) -> str:
        """The delimiter, be it given or not."""
        return self.delimiter or ","

    @property
    def cutter(self) -> Cutter:
        """Splits the text into records."""
        return Cutter.of(self.separator, self.quote)


@dataclass(slots=True)
class CsvBlock:
    """Some whole records, or one that is no row.

    Attributes:
        data: the records' bytes; of a record that is no row, the first ones.
        before: lines that come before `data` and belong to no block.
        reason: why the record is no row; None for whole records.
        lines, size: lines and bytes of the record that is no row.
        whole: whether these are all the records of a file.
        more: where it is made of blocks of several files, for each but the first the offset where it begins, and the
            lines before it in its file.
    """

    data: memoryview | bytes
    before: int = 0
    reason: str | None = None
    lines: int = 0
    size: int = 0
    whole: bool = False
    more: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Header:
    """The begin of a CSV file.

    Attributes:
        names: of the columns, each one once.
        size, lines: bytes and lines of the header, empty lines before it included; 0 where there is none.
        opts: how the file is written, its delimiter included.
        quoted: it is one name in quotes, whatever is in it.
    """

    names: tuple[str, ...]
    size: int
    lines: int
    opts: CsvOptions
    quoted: bool = False


@dataclass(frozen=True)
class CsvShape:
    """What a worker needs to parse a block."""

    names: tuple[str, ...]
    types: dict[str, pa.DataType]
    leaves: tuple[Leaf, ...]
    opts: CsvOptions

    @cached_property
    def columns(self) -> pa.Schema:
        """The columns, all of text."""
        return pa.schema([(leaf.column, leaf.type) for leaf in self.leaves])

    @cached_property
    def form(self) -> CsvForm:
        """The same for the parser."""
        encoded = frozenset(name for name, kind in self.types.items() if pa.types.is_dictionary(kind))
        return CsvForm(self.names, encoded, self.opts.separator, self.opts.quote, self.opts.null_values)

    def empty(self) -> pa.RecordBatch:
        """No rows."""
        return pa.RecordBatch.from_pylist([], pa.schema([(name, self.types[name]) for name in self.names]))


#: Shapes of CSV files and how they are read, by the names of their columns, their options, and whether types were
#: looked for.
KnownShapes = dict[tuple[tuple[str, ...], CsvOptions, bool], tuple[CsvShape, tuple[Callable[[Any], Any], ...]]]


def read_csv(
    path: str | os.PathLike[str], options: CsvOptions | None = None, known: KnownShapes | None = None
) -> Stream:
    """The rows of a CSV file, all columns as text.

    Columns that share a name are numbered by their place: ``city (column 3)`` and ``city (column 7)``.
    Records that cannot be rows come as `Chunk.unread` with their line number.

    Args:
        path: the file.
        options: how it is written.
        known: of other files of the same source and options, for files of the same columns.

    Raises:
        SourceError: the file is missing, empty, has no rows, or its header cannot be used.
    """
    file = Path(path)
    header, sample = read_beginning(file, options or CsvOptions(), _SAMPLE // 4 if known else _SAMPLE)
    opts = header.opts
    if not sample:
        what = "is empty" if opts.names is not None else "there is a header but no row below it"
        columns = pa.schema([(name, pa.string()) for name in header.names])
        raise NoRowsError(f"{file}: {what}. Give a file with at least one row.", columns)
    if opts.names is None:
        _check_header(file, header, sample)
    if codecs.lookup(opts.encoding).name == "utf-8" and (likely := encodings_of(sample)):
        raise SourceError(f"{file}: is not UTF-8{_by_letters(likely)}")
    shape, steps = _shape(sample, header.names, opts, known)
    return Stream(
        source=partial(_blocks, file, header),
        steps=steps,
        leaves=shape.leaves,
        arrow_schema=shape.columns,
        name=file.name,
        total_bytes=None if is_compressed(file) else file.stat().st_size,
    )


def read_beginning(file: Path, opts: CsvOptions, size: int) -> tuple[Header, bytes]:
    """The header of a file, and the beginning of its rows, behind the header and empty lines.

    Args:
        file: its path.
        opts: how it is written; with `names`, there is no header to read.
        size: number of bytes to read of the rows.

    Returns:
        The header, and at most about `size` bytes of UTF-8, from the first row on; empty where there are no rows.

    Raises:
        SourceError: there is no header, or it cannot be used.
    """
    with open_text(file, opts.encoding) as source:
        if opts.delimiter is None and {ending(file.name), ending(str(source.name))}.intersection(TABS):
            opts = replace(opts, delimiter="\t")
        if isinstance(source.raw, io.FileIO):  # a large buffer for a small file takes longer than the file
            size = min(size, file.stat().st_size + 1)
        header, rows = _read_header(source, file, opts, size)
        rows = rows.lstrip(b"\r\n")
        while not rows and (more := source.read(size)):
            rows = more.lstrip(b"\r\n")
        return header, rows + source.read(max(0, size - len(rows)))


def _read_header(source: IO[bytes], file: Path, opts: CsvOptions, piece: int) -> tuple[Header, bytes]:
    """The header, and what was read behind it."""
    text, at, said, given = b"", 0, "", opts
    while True:
        more = source.read(piece)
        text += more
        _check_begin(text, file, opts)
        if opts.names is not None:
            return Header(unique_names(opts.names), 0, 0, opts), text
        while size := opts.cutter.first(text[at:], final=not more):
            record = text[at : at + size]
            at += size
            if separator := _SEP.fullmatch(record):  # Excel's own line about the delimiter
                said = separator[1].decode("latin-1")
                if given.delimiter is None and said.isascii() and said != opts.quote:
                    opts = replace(opts, delimiter=said)
                continue
            if said.encode() not in record:
                opts = given
            elif said not in ("", opts.separator):
                raise SourceError(f"{file}: {_looks_like(said)}, as its first line says.")
            if not _is_blank(record, opts):
                names = _header_names(record, file, opts)
                lines = kernels.active.count_lines(text[:at])
                return Header(names, at, lines, opts, _is_quoted(record, opts)), text[at:]
            if at == len(text):
                break
        if not more:
            break
        if len(text) > MAX_RECORD_BYTES:
            raise SourceError(f"{file}: no end of the header found. Is {opts.quote!r} the quote character?")
        piece = len(text)
    if not _is_blank(text[at:], opts):
        raise SourceError(f"{file}: a {opts.quote} opens in the header and never closes. Close or remove it.")
    raise NoRowsError(f"{file}: is empty. A header and at least one row are needed.")


def _check_begin(text: bytes, file: Path, opts: CsvOptions) -> None:
    """Refuse a file that is another kind of file."""
    kind = what_it_is(text)
    encoding = codecs.lookup(opts.encoding).name
    if not encoding.startswith("utf-8") and text.startswith(codecs.BOM_UTF8.decode(encoding, "replace").encode()):
        raise SourceError(f"{file}: begins with the byte order mark of UTF-8. {_give('utf-8')}")
    if kind is not None and kind.startswith("UTF-"):
        kind = f"{kind}; give {option('encoding', kind[:6].lower())}"
    elif (
        kind is None and b"\0" in re.split(rb"[\r\n]", text, maxsplit=1)[0] and "\0" not in (opts.separator, opts.quote)
    ):
        head = text[:400]
        wide = 5 * head.count(b"\0") > 3 * len(head)  # three of four bytes of ASCII letters
        name = "utf-32" if wide else "utf-16"
        if encoding[:6] not in (name, "utf-32"):
            kind = f"no text, or text in an encoding such as {name.upper()}; if it is, give {option('encoding', name)}"
    if kind is not None:
        raise SourceError(f"{file}: is {kind}.")


def _is_blank(record: bytes, opts: CsvOptions) -> bool:
    """Whether a record has no values."""
    return not record.strip(b" \t\r\n".replace(opts.separator.encode(), b""))


def _is_quoted(record: bytes, opts: CsvOptions) -> bool:
    """Whether a record is one value in quotes."""
    quote, text = opts.quote.encode(), record.strip()
    return text[:1] == quote and quote not in text[1:-1].replace(2 * quote, b"")


def _header_names(record: bytes, file: Path, opts: CsvOptions) -> tuple[str, ...]:
    values = opts.cutter.values(record)
    try:
        names = [value.decode().lstrip("\ufeff").strip() for value in values]
    except UnicodeDecodeError:
        raise SourceError(f"{file}: the header is not UTF-8{_by_letters(encodings_of(record))}") from None
    if len(names) == 1 and not _is_quoted(record, opts):
        for other in ",;\t|^~":
            if other in "|^~" and other != opts.separator and 2 * other in names[0]:
                raise SourceError(
                    f"{file}: the header is one column, {shorten(names[0])}. The delimiter looks like {2 * other!r}, "
                    f"and one of several characters is not read: replace it by one, such as {other!r}."
                )
            if other != opts.separator and other in names[0]:
                raise SourceError(_one_column(file, names[0], other))
    return unique_names(names)


def _one_column(file: Path, name: str, other: str) -> str:
    return (
        f"{file}: the header is one column, {shorten(name)}. {_looks_like(other)}, or put the name in quotes if it is "
        "one column."
    )


#: A time of day, alone or behind a date, and the address of a network card.
_WITH_COLONS = re.compile(rb"(.*\D)?[0-9]{1,2}(:[0-9]{2})+(\D.*)?|([0-9A-Fa-f]{2}:)+[0-9A-Fa-f]{2}")


def _are_parts(other: str, header: str, records: list[bytes]) -> bool:
    """Whether the parts between the hits of a character are names in a header, and values of their own below it."""
    names = header.split(other)
    rows = [record.decode(errors="replace").split(other) for record in records]
    return (
        len(set(names)) == len(names)
        and all(re.fullmatch(r"\s*[^\W\d][\w .-]*", name) for name in names)
        and not any(all(row[at : at + 1] == [name] for row in rows) for at, name in enumerate(names))  # "xdm:a:b"
        and not (other == ":" and all(_WITH_COLONS.fullmatch(record.strip()) for record in records))
    )


def _looks_like(delimiter: str) -> str:
    shown = "a tab" if delimiter == "\t" else repr(delimiter)
    return f"The delimiter looks like {shown}: give {option('delimiter', delimiter)}"


def _cut_by(records: list[bytes], times: int) -> str | None:
    """The character, no letter, digit or blank, that each record has so many times."""
    for one in dict.fromkeys(records[0].decode(errors="replace")):
        if one.isascii() and not one.isalnum() and one not in "\r\n \"'_-." and all(
            record.count(one.encode()) == times for record in records
        ):  # fmt: skip
            return one
    return None


def _refuse_other_delimiter(file: Path, header: Header, records: list[bytes]) -> None:
    """Refuse a file whose header, or whose rows, are cut by another delimiter than the one that was given."""
    first, *more = header.names
    separator = header.opts.separator
    if not records:
        return
    if more:
        other = _cut_by(records, len(more)) if all(separator.encode() not in one for one in records) else None
        if other is not None and (other in ",;\t|~^" or other < " "):
            raise SourceError(
                f"{file}: the header is cut by {separator!r}, and the rows by {other!r}. Write the header as the "
                f"rows are written, and give {option('delimiter', other)}."
            )
        return
    if header.quoted:
        return
    for other in dict.fromkeys(first):
        times = first.count(other)
        likely = other < " " or (times > 1 and other in "*:#!@" and _are_parts(other, first, records))
        if likely and _cut_by([first.encode(), *records], times) == other:
            raise SourceError(_one_column(file, first, other))
    names = re.split(r" {2,}", first)
    if len(names) > 1 and all(len(re.split(rb" {2,}", one.strip())) == len(names) for one in records):
        raise SourceError(
            f"{file}: the columns are set apart by blanks, which is not read: write them with a delimiter, such as ','."
        )
    for other in ";\t|".replace(separator, ""):
        times = records[0].count(other.encode())
        if " " in first and times > 1 and len(records) > 1 and _cut_by(records, times) == other:
            raise SourceError(
                f"{file}: begins with a line that is no header, {shorten(first)}. Remove the lines above the header. "
                f"{_looks_like(other)}."
            )


def _by_letters(likely: list[str]) -> str:
    if not likely:
        return f". If it is cp1252, give {option('encoding', 'cp1252')}."
    names = ["cp1252 (Windows)" if name == "cp1252" else name for name in likely]
    return f" but, by its letters, perhaps {' or '.join(names)}. {_give(likely[0])}"


def _give(encoding: str) -> str:
    return f"Give {option('encoding', encoding)}."


def _check_header(file: Path, header: Header, sample: bytes) -> None:
    """Refuse a first line that is a remark, or a row of data."""
    first, *more = header.names
    _refuse_other_delimiter(file, header, [one for one in _first_lines(sample) if one.strip()])
    if not more:
        widths = [*itertools.islice(_widths(sample, header.opts.cutter), 20)]
        wide = sum(width > 1 for width in widths)
        above = wide > 1 and 2 * wide > len(widths)
        if above or (first.startswith("#") and max(widths, default=1) > 1):
            what = "a comment" if first.startswith("#") else "a line that is no header"
            raise SourceError(f"{file}: begins with {what}, {shorten(first)}. Remove the lines above the header.")
    if more and first.startswith("# "):
        raise SourceError(f"{file}: begins with a comment, {shorten(first)}. Remove the lines above the header.")
    if more and all(map(is_datum, header.names)):
        raise SourceError(
            f"{file}: the first line looks like a row, not a header: {shorten(first, 40)}, {shorten(more[0], 40)}. "
            f"Give the columns' names with {option('names', ('A', 'B', 'C'))}."
        )


def _first_lines(sample: bytes) -> list[bytes]:
    lines = (line for found in re.finditer(rb".+", sample) for line in found[0].splitlines() if line)
    return [*itertools.islice(lines, 20)]


def _widths(sample: bytes, cutter: Cutter) -> Iterator[int]:
    """How many values each record of a sample has; blank lines are none."""
    at = 0
    while size := cutter.first(sample[at:], final=True):
        record = sample[at : at + size]
        at += size
        if record.strip():
            yield len(cutter.values(record))


def _shape(
    sample: bytes, names: tuple[str, ...], opts: CsvOptions, known: KnownShapes | None
) -> tuple[CsvShape, tuple[Callable[[Any], Any], ...]]:
    """The shape of a file and the steps that read it: of files of the same columns, those that tell its types."""
    telling = known is None or len(sample) >= TELLING
    known = {} if known is None else known
    found = known.get((names, opts, True)) or known.get((names, opts, telling))
    if found is None:
        columns = pa.schema([(name, pa.string()) for name in names])
        types = _column_types(sample, names, opts) if telling else dict(zip(names, columns.types, strict=True))
        shape = CsvShape(names, types, column_leaves(columns), opts)
        found = known[names, opts, telling] = shape, (partial(parse, shape=shape),)
    return found


def _column_types(sample: bytes, names: tuple[str, ...], opts: CsvOptions) -> dict[str, pa.DataType]:
    """Text for all columns; dictionary-encoded where a sample shows few distinct values (the values stay the same)."""
    types: dict[str, pa.DataType] = dict.fromkeys(names, pa.string())
    shape = CsvShape(names, types, (), opts)
    end = kernels.active.last_record_end(sample, 0, len(sample), False, opts.separator, opts.quote)
    records = parse_records(sample[:end], [(0, 0)], shape).records
    if records.num_rows >= 500:
        for name, column in zip(names, records.columns, strict=True):
            if len(column.unique()) * 20 <= records.num_rows:
                types[name] = pa.dictionary(pa.int32(), pa.string())
    return types


def _blocks(file: Path, header: Header) -> Iterator[CsvBlock]:
    """The file cut at record ends."""
    opts, lines = header.opts, header.lines
    with open_text(file, opts.encoding) as source:
        source.read(header.size)
        first, rest = True, b""
        more = min(opts.block_bytes, max(file.stat().st_size + 1, 1 << 16))  # small files get small buffers
        while True:
            buffer = memoryview(pa.allocate_buffer(len(rest) + more)).cast("B")
            buffer[: len(rest)] = rest
            size = len(rest)
            while size < len(buffer) and (got := source.readinto(buffer[size:])):
                size += got
            final = size < len(buffer)
            if _may_have_marks(buffer[:size]):
                buffer = memoryview(_without_marks(bytes(buffer[:size]), opts))
                size = len(buffer)
            end = kernels.active.last_record_end(buffer, 0, size, final, opts.separator, opts.quote)
            if end:
                yield CsvBlock(buffer[:end], lines, whole=final and first and end == size)
                lines, first = 0, False
            rest, more = bytes(buffer[end:size]), opts.block_bytes
            if (final and rest) or (not end and size > MAX_RECORD_BYTES):
                block, rest = _no_row(source, rest, opts)
                yield replace(block, before=lines)
                lines = 0
            elif not end:  # one long record: not looked at again and again
                more = max(size, more)
            if final:
                return


def _may_have_marks(text: memoryview) -> bool:
    """Whether a line may begin with a byte order mark."""
    view = np.frombuffer(text, np.uint8)
    if view.max(initial=0) < codecs.BOM_UTF8[0]:  # most texts have no such byte, and the largest is found fast
        return False
    if bytes(text[:3]) == codecs.BOM_UTF8:
        return True
    for at in range(0, len(view), _LOOK):  # pieces that stay in the processor's cache
        piece = view[at : at + _LOOK + 3]
        found = piece[1:] == codecs.BOM_UTF8[0]
        if found.any() and (found & (piece[:-1] <= ord("\r"))).any() and codecs.BOM_UTF8 in piece.tobytes():
            return True
    return False


def _without_marks(text: bytes, opts: CsvOptions) -> bytes:
    """Text without the byte order marks before records; those of lines inside quotes are part of the value."""
    kept, copied, begin = [], 0, 0
    for found in _MARKS.finditer(text):
        begin = kernels.active.last_record_end(text, begin, found.start(), False, opts.separator, opts.quote)
        if begin == found.start():
            kept.append(text[copied:begin])
            copied = begin = found.end()
    return b"".join([*kept, text[copied:]])


def _no_row(source: IO[bytes], piece: bytes, opts: CsvOptions) -> tuple[CsvBlock, bytes]:
    """A record that is too long or has a quote that never closes, and what was read behind it."""
    scan, shown, size, lines, end = opts.cutter.scan(), piece[:_SHOWN_BYTES], 0, 0, -1
    while piece:
        while piece.endswith(b"\r") and (more := source.read(1)):
            piece += more
        end = scan.feed(piece)
        text = piece if end < 0 else piece[:end]
        size, lines = size + len(text), lines + kernels.active.count_lines(text)
        if end >= 0:
            break
        piece = source.read(opts.block_bytes)
    if end < 0 and scan.quoted:
        reason = (
            f"a {opts.quote} opens in the row and never closes, so that the rest of the file is one value "
            f"({counted(lines + 1, 'line')}, {counted(size, 'byte')})"
        )
    else:
        reason = (
            f"the row has {size:,} bytes in {counted(lines, 'line')}, and at most {MAX_RECORD_BYTES:,} are read as one "
            f"row; perhaps a closing {opts.quote} is missing"
        )
    return CsvBlock(shown, 0, reason, lines, size), piece[end:] if end >= 0 else b""


def joined(blocks: Sequence[CsvBlock]) -> CsvBlock:
    """Blocks of whole files of the same shape as one."""
    texts: list[memoryview | bytes] = []
    starts, at = [], 0
    for block in blocks:
        starts.append((at, block.before))
        end = b"" if block.data[-1] in b"\r\n" else b"\n"
        texts += [block.data, end]
        at += len(block.data) + len(end)
    return CsvBlock(b"".join(texts), blocks[0].before, more=tuple(starts[1:]))


def parse(block: CsvBlock, shape: CsvShape) -> Chunk:
    """The rows of a block."""
    if block.reason is not None:
        text = bytes(block.data).decode(errors="replace").rstrip("\r\n")
        unread = (Unread(1, block.before + 1, text, "unreadable", block.reason),)
        lines = block.before + block.lines
        return row_chunk(shape.empty(), shape.leaves, consumed=1, unread=unread, lines=lines, size=block.size)
    starts = ((0, block.before), *block.more)
    start, before = starts[-1]
    lines, size = before + kernels.active.count_lines(block.data[start:]), len(block.data)
    chunk = parse_records(block.data, starts, shape)
    block.data = b""  # parsed values are copies; the text makes room for what becomes of them
    return replace(chunk, lines=lines, size=size)


def parse_records(data: memoryview | bytes, starts: Sequence[tuple[int, int]], shape: CsvShape) -> Chunk:
    """Parse whole records.

    Args:
        data: their text.
        starts: where each file's records begin in it, and how many lines come before them in their file.
        shape: the columns.

    Returns:
        A chunk of the rows, with the records that cannot be rows set aside; its files are numbered from 0 on, if there
        are several.
    """
    batch, aside, before = kernels.active.parse_csv(data, shape.form, shape.names, [at for at, _ in starts[1:]])
    total = batch.num_rows + len(aside)
    rows = np.arange(1, total + 1, dtype=np.int64)
    unread: tuple[Unread, ...] = ()
    if len(aside):
        rows = np.delete(rows, aside[:, 0])
        unread = tuple(_unread(data, starts, aside, shape))
    files = enumerate(np.diff(before, prepend=0, append=total).tolist()) if len(starts) > 1 else ()
    return Chunk(shape.leaves, batch, rows, unread=unread, source=batch, consumed=total, files=tuple(files))


def _unread(
    data: memoryview | bytes, starts: Sequence[tuple[int, int]], aside: Aside, shape: CsvShape
) -> Iterator[Unread]:
    """The records that are set aside, with their lines and reasons."""
    files = list(starts)
    before, lines = files.pop(0)
    for number, start, end, values in aside.tolist():
        while files and files[0][0] <= start:
            before, lines = files.pop(0)
        lines += kernels.active.count_lines(data[before:start])
        before = start
        text = bytes(data[start:end]).rstrip(b"\r\n")
        if values >= 0:
            columns = counted(len(shape.names), "column")
            known = f"the header {columns}" if shape.opts.names is None else f"and names are given for {columns}"
            message = f"the row has {counted(values, 'value')}, {known}"
            yield Unread(number + 1, lines + 1, text.decode(), "ragged-row", message)
            continue
        if values == -2:
            quote = shape.opts.quote
            reason = (
                f"a value has quotes behind backslashes (\\{quote}), as programs such as Spark and MySQL write them by "
                f"default; have them doubled ({quote}{quote})"
            )
            yield Unread(number + 1, lines + 1, text.decode(), "unreadable", reason)
            continue
        try:
            text.decode()
        except UnicodeDecodeError as error:
            mend = f"if the file is cp1252, give {option('encoding', 'cp1252')}"
            reason = f"byte {error.start + 1:,} of the row is not UTF-8; {mend}"
            yield Unread(number + 1, lines + 1, text.decode(errors="replace"), "unreadable", reason)
