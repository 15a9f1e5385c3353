"""Record files as people have them, for checking: JSON lines, one JSON array, Parquet.

Nothing is coerced and nothing is skipped: a line that is no JSON object, has a key twice, NaN, broken UTF-8 or no end
is a finding with its line and byte offset, and reading goes on behind it.  Lines of JSON become columns where they can
(:mod:`.shapes`) and Python values where they cannot, a block of some megabytes at a time.
"""

from __future__ import annotations

import codecs
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..errors import SourceError, shorten
from ..flow import Chunk, Stream, Unread
from ..leaves import Leaf
from .follow import Layouts
from .lines import PADDING, Group, Lines
from .sparse import Fields, parse

BLOCK_BYTES = 8 << 20
#: Room behind a block for the rest of its last line.
SLACK = 1 << 16
#: A longer record is not read at all: the platform drops records above 100 KB anyway.
MAX_RECORD_BYTES = 16 << 20
#: Characters of an unreadable line that the report shows.
SHOWN = 500
PARQUET_ROWS = 16_384
#: So many lines that follow no layout are parsed together (:mod:`.sparse`).
SPARSE_LINES = 200

TEXT_LEAVES = (Leaf((), pa.string()),)
TEXT_SCHEMA = pa.schema([("record", pa.string())])


@dataclass(frozen=True, slots=True, eq=False)
class JsonChunk(Chunk):
    """Records of a JSON file; `records` has one column, their text.

    Attributes:
        groups: those that became columns, each with the positions of its records in the chunk.
        others: (position, value) of those that did not.
    """

    groups: tuple[Group, ...] = ()
    others: tuple[tuple[int, Any], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class ParquetChunk(Chunk):
    """Records of a Parquet file; the first chunk stands for the file's column types too."""

    first: bool = False


@dataclass(frozen=True, slots=True)
class _Block:
    """Whole lines of a file: the bytes with padding, their number without, where they begin, whether the file ends."""

    data: Any
    size: int
    offset: int
    last: bool


@dataclass(frozen=True, slots=True)
class _Skipped:
    """One record too long to read."""

    offset: int
    size: int
    start: bytes


def open_records(path: str | os.PathLike[str], block_bytes: int | None = None, piece_rows: int | None = None) -> Stream:
    """The records of a file, to be checked.

    Args:
        path: JSON lines, a JSON array, or Parquet (by its first bytes, not by its name).
        block_bytes: text read at a time; smaller needs less memory and is slower; None takes :data:`BLOCK_BYTES`.
        piece_rows: most records of an array or of Parquet in one chunk; None takes :data:`PARQUET_ROWS`.

    Returns:
        A stream for :func:`check_stream`; chunks of JSON hold the records' text, and columns only for the checks.

    Raises:
        SourceError: the file is missing, empty, compressed, or no such file.
    """
    file = Path(path)
    block_bytes, piece_rows = block_bytes or BLOCK_BYTES, piece_rows or PARQUET_ROWS
    try:
        size = file.stat().st_size
        with file.open("rb") as opened:
            head = opened.read(4096)
    except OSError as error:
        raise SourceError(f"{file}: {error.strerror or error}.") from None
    if not head:
        raise SourceError(f"{file}: is empty. The platform refuses a file without records (code 106).")
    if head.startswith(b"\x1f\x8b"):
        raise SourceError(f"{file}: is compressed (gzip). The platform does not take it: unpack it first.")
    if head.startswith(b"PAR1") or file.suffix.lower() in (".parquet", ".pq"):
        return _parquet(file, size, piece_rows)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise SourceError(f"{file}: is UTF-16. The platform takes UTF-8: convert it first.")
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if not text and size <= len(head):
        raise SourceError(f"{file}: has no records.")
    if text.startswith(b"["):
        return Stream(
            partial(_elements, file, block_bytes, piece_rows),
            (_element_chunk,),
            TEXT_LEAVES,
            TEXT_SCHEMA,
            file.name,
            size,
        )
    return Stream(partial(_blocks, file, block_bytes), (_Parser(),), TEXT_LEAVES, TEXT_SCHEMA, file.name, size)


# ---- JSON lines ----------------------------------------------------------------------------------------------------


def _blocks(file: Path, block_bytes: int) -> Iterator[_Block | _Skipped]:
    with file.open("rb") as opened:
        offset = 0
        if opened.read(3) == codecs.BOM_UTF8:
            offset = 3
        else:
            opened.seek(0)
        while True:
            data = np.empty(block_bytes + SLACK + PADDING, np.uint8)
            size = opened.readinto(data[:block_bytes].data)
            if not size:
                return
            if data[size - 1] != 10:
                rest = np.frombuffer(opened.readline(MAX_RECORD_BYTES), np.uint8)
                if len(rest) > SLACK:
                    data = np.concatenate([data[:size], rest, np.zeros(PADDING, np.uint8)])
                data[size : size + len(rest)] = rest
                size += len(rest)
                if data[size - 1] != 10 and len(rest) == MAX_RECORD_BYTES:
                    yield from _too_long(opened, data, size, offset)
                    offset = opened.tell()
                    continue
            data[size : size + PADDING] = 0
            yield _Block(data, size, offset, bool(data[size - 1] != 10))
            offset += size


def _too_long(opened: Any, data: Any, size: int, offset: int) -> Iterator[_Block | _Skipped]:
    """The whole lines of a block, and the endless one behind them, read past but not kept."""
    breaks = np.flatnonzero(data[:size] == 10)
    begin = int(breaks[-1]) + 1 if len(breaks) else 0
    if begin:
        yield _Block(np.concatenate([data[:begin], np.zeros(PADDING, np.uint8)]), begin, offset, False)
    length = size - begin
    while more := opened.readline(BLOCK_BYTES):
        length += len(more)
        if more.endswith(b"\n"):
            break
    yield _Skipped(offset + begin, length, data[begin : begin + SHOWN].tobytes())


class _Parser:
    """Turns a block into a chunk; remembers the layouts and the fields of lines from block to block."""

    def __init__(self) -> None:
        self._layouts = Layouts(strict_json)
        self._fields = Fields()

    def __call__(self, block: _Block | _Skipped) -> JsonChunk:
        if isinstance(block, _Skipped):
            return _skipped(block)
        lines = Lines(block.data, block.size)
        number = np.arange(len(lines.ends), dtype=np.int64)
        filled = _not_blank(lines)
        rows = np.cumsum(filled)
        unread: dict[int, Unread] = {}
        broken = _not_utf8(lines)
        for line in broken:
            unread[line] = self._unread(lines, block, rows, line, *_utf8_fault(lines.line(line)))
        lines.strange[broken] = True
        groups, rest = self._columns(lines, number[filled])
        others: list[tuple[int, Any]] = []
        for line in np.union1d(rest, number[filled & lines.strange]).tolist():
            if line in unread:
                continue
            try:
                others.append((line, strict_json(lines.line(line))))
            except _UnreadableError as error:
                cut_off = block.last and line == len(lines.ends) - 1 and error.code == "unreadable"
                message = error.message + (" (the file ends within this line)" if cut_off else "")
                unread[line] = self._unread(lines, block, rows, line, error.code, message, error.at)
        kept = filled.copy()
        kept[list(unread)] = False
        position = np.cumsum(kept) - 1
        texts = _texts(lines, kept)
        return JsonChunk(
            TEXT_LEAVES,
            pa.RecordBatch.from_arrays([texts], schema=TEXT_SCHEMA),
            rows[kept],
            unread=tuple(unread[line] for line in sorted(unread)),
            consumed=int(rows[-1]) if len(rows) else 0,
            lines=len(lines.ends),
            size=block.size,
            groups=tuple(replace(group, lines=position[group.lines]) for group in groups),
            others=tuple((int(position[line]), value) for line, value in others),
        )

    def _columns(self, lines: Lines, pending: Any) -> tuple[list[Group], Any]:
        """The lines that become columns, and the numbers of the others.

        Threads may overwrite what the others remember: fields found again cost time, nothing else.
        """
        groups, rest = self._layouts.columns(lines, pending)
        plain = rest[~lines.strange[rest]]
        if len(plain) < SPARSE_LINES:
            return groups, rest
        fields = self._fields.copy()
        more, rest = parse(lines, plain, fields, strict_json)
        self._fields = fields
        return groups + more, rest

    @staticmethod
    def _unread(lines: Lines, block: _Block, rows: Any, line: int, code: str, message: str, at: int) -> Unread:
        offset = block.offset + int(lines.starts[line]) + at
        text = lines.line(line)[: 4 * SHOWN].decode(errors="replace")[:SHOWN]
        return Unread(int(rows[line]), line + 1, text, code, f"{message}, at byte {offset}")


def _not_blank(lines: Lines) -> Any:
    size = lines.ends - lines.starts
    filled = size > 0
    first = lines.bytes[np.minimum(lines.starts, max(lines.size - 1, 0))]
    for line in np.flatnonzero(filled & (first <= 32)):
        filled[line] = bool(lines.line(int(line)).strip(b" \t\r"))
    return filled


def _not_utf8(lines: Lines) -> list[int]:
    """Lines that are not UTF-8."""
    offsets = pa.array([0, lines.size], pa.int32()).buffers()[1]
    try:
        pa.StringArray.from_buffers(1, offsets, pa.py_buffer(lines.data)).validate(full=True)
    except pa.ArrowInvalid:
        return [line for line in range(len(lines.ends)) if _utf8_fault(lines.line(line))[2] >= 0]
    return []


def _utf8_fault(line: bytes) -> tuple[str, str, int]:
    try:
        line.decode()
    except UnicodeDecodeError as error:
        return "unreadable", f"the line is not UTF-8 ({error.reason})", error.start
    return "unreadable", "", -1


def _texts(lines: Lines, kept: Any) -> pa.Array:
    """The text of the kept lines, without copying where all are kept."""
    offsets = np.append(lines.starts, lines.size).astype(np.int32)
    texts = pa.StringArray.from_buffers(len(lines.ends), pa.py_buffer(offsets), pa.py_buffer(lines.data))
    return texts if kept.all() else texts.filter(pa.array(kept))


def _skipped(block: _Skipped) -> JsonChunk:
    message = (
        f"the record has {block.size:,} bytes and was not read; the platform drops records above 100 KB, "
        f"at byte {block.offset}"
    )
    unread = Unread(1, 1, block.start.decode(errors="replace"), "record-size", message)
    empty = pa.RecordBatch.from_arrays([pa.array([], pa.string())], schema=TEXT_SCHEMA)
    return JsonChunk(
        TEXT_LEAVES, empty, np.zeros(0, np.int64), unread=(unread,), consumed=1, lines=1, size=block.size
    )  # fmt: skip


# ---- one JSON value ------------------------------------------------------------------------------------------------


class _UnreadableError(ValueError):
    """A text is no JSON object: rule code, message, and the byte where it shows."""

    def __init__(self, code: str, message: str, at: int = 0) -> None:
        self.code, self.message, self.at = code, message, at
        super().__init__(message)


class _DuplicateError(ValueError):
    pass


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) < len(pairs):
        names = [name for name, _ in pairs]
        raise _DuplicateError(next(name for at, name in enumerate(names) if name in names[:at]))
    return out


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant)


def strict_json(line: bytes) -> dict[str, Any]:
    """The JSON object on a line.

    Raises:
        _UnreadableError: it is none, has a key twice, NaN or Infinity, or half a surrogate pair.
    """
    try:
        text = line.decode()
        value = _DECODER.decode(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except _DuplicateError as error:
        raise _UnreadableError(
            "duplicate-key", f"the key {shorten(str(error), 60)} stands twice in one object"
        ) from None
    except json.JSONDecodeError as error:
        at = len(text[: error.pos].encode())
        raise _UnreadableError("unreadable", f"not JSON: {error.msg}", at) from None
    except UnicodeEncodeError:
        raise _UnreadableError("unreadable", "half a surrogate pair (\\ud800 to \\udfff) in a text") from None
    except UnicodeDecodeError as error:
        raise _UnreadableError("unreadable", f"not UTF-8 ({error.reason})", error.start) from None
    except RecursionError:
        raise _UnreadableError("unreadable", "nested too deep") from None
    except ValueError as error:
        raise _UnreadableError("unreadable", f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise _UnreadableError("unreadable", f"not a JSON object but {shorten(value, 40)}")
    return value


# ---- one JSON array ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Elements:
    """Some elements of an array: values, their texts, and what was wrong with the rest of the file."""

    values: list[Any]
    texts: list[str]
    bad: list[tuple[int, str, str, str]]  # (position, code, message, text)
    size: int


def _elements(file: Path, block_bytes: int, piece_rows: int) -> Iterator[_Elements]:
    """Elements of the array, some megabytes of text at a time."""
    decode = codecs.getincrementaldecoder("utf-8-sig")()
    plain = json.JSONDecoder(parse_constant=_constant)
    with file.open("rb") as opened:
        text, at, ended, read, opening = "", 0, False, 0, True
        values: list[Any] = []
        texts: list[str] = []
        bad: list[tuple[int, str, str, str]] = []

        def fault(message: str) -> _Elements:
            where = read - len(text[at:].encode("utf-8", "surrogatepass"))
            bad.append((len(values) + len(bad), "unreadable", f"{message}, at byte {where}", text[at : at + SHOWN]))
            return _Elements(values, texts, bad, read)

        while True:
            if not ended and len(text) - at < block_bytes:
                data = opened.read(block_bytes)
                ended, read = not data, read + len(data)
                try:
                    text, at = text[at:] + decode.decode(data, final=ended), 0
                except UnicodeDecodeError as error:
                    yield fault(f"not UTF-8 ({error.reason}); the rest of the file was not read")
                    return
            at = _skip(text, at)
            if opening:
                at, opening = _skip(text, at + 1), False
                if text[at : at + 1] == "]":
                    break
            try:
                _value, end = plain.raw_decode(text, at)
                after = _skip(text, end)
                if after >= len(text) and not ended:
                    raise json.JSONDecodeError("", text, at)
            except (ValueError, RecursionError) as error:
                if not ended and len(text) - at < MAX_RECORD_BYTES:
                    more = opened.read(block_bytes)
                    ended, read = not more, read + len(more)
                    try:
                        text, at = text[at:] + decode.decode(more, final=ended), 0
                    except UnicodeDecodeError as wrong:
                        yield fault(f"not UTF-8 ({wrong.reason}); the rest of the file was not read")
                        return
                    continue
                reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
                yield fault(f"not JSON: {reason}; the rest of the array was not read")
                return
            raw = text[at:end]
            try:
                values.append(strict_json(raw.encode("utf-8", "surrogatepass")))
                texts.append(raw)
            except _UnreadableError as error:
                bad.append((len(values) + len(bad), error.code, error.message, raw[:SHOWN]))
            at = after
            separator = text[at : at + 1]
            at += 1
            if separator == "]":
                break
            if separator != ",":
                at -= 1
                yield fault("not JSON: expected ',' or ']'; the rest of the array was not read")
                return
            if len(values) + len(bad) >= piece_rows:
                yield _Elements(values, texts, bad, read)
                values, texts, bad = [], [], []
        rest = text[at + 1 if text[at : at + 1] == "]" else at :].strip() or opened.read(4096).strip()
        if rest:
            bad.append((len(values) + len(bad), "unreadable", "text behind the end of the array", str(rest)[:SHOWN]))
        yield _Elements(values, texts, bad, read)


def _skip(text: str, at: int) -> int:
    while text[at : at + 1] in (" ", "\n", "\r", "\t"):
        at += 1
    return at


def _element_chunk(part: _Elements) -> JsonChunk:
    total = len(part.values) + len(part.bad)
    wrong = {position for position, *_ in part.bad}
    rows = np.asarray([row + 1 for row in range(total) if row not in wrong], dtype=np.int64)
    unread = tuple(Unread(position + 1, None, text, code, message) for position, code, message, text in part.bad)
    records = pa.RecordBatch.from_arrays([pa.array(part.texts, pa.string())], schema=TEXT_SCHEMA)
    return JsonChunk(
        TEXT_LEAVES, records, rows, unread=unread, consumed=total, size=part.size, others=tuple(enumerate(part.values))
    )


# ---- Parquet -------------------------------------------------------------------------------------------------------


def _parquet(file: Path, size: int, piece_rows: int) -> Stream:
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as opened:
            schema = opened.schema_arrow
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceError(f"{file}: is not a Parquet file ({str(error).splitlines()[0]}).") from None
    schema = pa.schema([pa.field(inner.name, inner.type) for inner in schema])
    leaves = tuple(Leaf((inner.name,), inner.type, inner.name) for inner in schema)

    def batches() -> Iterator[tuple[pa.RecordBatch, bool]]:
        with pq.ParquetFile(file) as opened:
            try:
                for number, batch in enumerate(opened.iter_batches(piece_rows)):
                    yield batch, number == 0
            except (pa.ArrowInvalid, OSError) as error:
                raise SourceError(f"{file}: cannot be read to its end ({str(error).splitlines()[0]}).") from None

    def chunk(piece: tuple[pa.RecordBatch, bool]) -> Chunk:
        batch, first = piece
        rows = np.arange(1, batch.num_rows + 1, dtype=np.int64)
        return ParquetChunk(leaves, batch, rows, consumed=batch.num_rows, size=batch.nbytes, first=first)

    return Stream(batches, (chunk,), leaves, schema, file.name, size)
