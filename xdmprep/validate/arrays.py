"""One JSON array of records, for checking: its elements as lines.

Where the brackets outside texts say that a block holds whole objects with commas between them, blanks are dropped and
the commas become line breaks, with arithmetic on the whole block; then it is as good as JSON lines.  Whatever else
is in the array (elements that are no objects, a comma too many, an end too early) is read from there element by
element.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..flow import Unread
from .bits import Ints
from .jsonlines import MAX_RECORD_BYTES, SHOWN, TEXT_LEAVES, TEXT_SCHEMA, Block, JsonChunk, Parser, is_utf8
from .lines import PADDING, escaped_quotes
from .strict import UnreadableError, refuse_constant, strict_json


@dataclass(frozen=True, slots=True)
class Elements:
    """Some elements of an array: values, their texts, and what was wrong with the rest of the file."""

    values: list[Any]
    texts: list[str]
    bad: list[tuple[int, str, str, str]]  # (position, code, message, text)
    size: int


def array_blocks(file: Path, block_bytes: int, piece_rows: int) -> Iterator[Block | Elements]:
    """The elements of the array, as lines as far as they can be."""
    with file.open("rb") as opened:
        head = opened.read(4096)
        offset = opened.seek(head.index(b"[") + 1)
        begin = 0  # where the elements are read one by one if that must be; 0: the array
        left = np.zeros(0, np.uint8)
        while True:
            data = np.empty(len(left) + block_bytes + PADDING, np.uint8)
            data[: len(left)] = left
            more = opened.readinto(data[len(left) : -PADDING].data)
            size = len(left) + more
            found = _as_lines(data[:size])
            if found is None and more and size < MAX_RECORD_BYTES:
                left = data[:size]
                continue
            if found is None or (found.closed and _text_behind(data[found.used : size].tobytes(), opened)):
                yield from elements(file, block_bytes, piece_rows, begin)
                return
            yield Block(found.text, found.size, offset, False, found.used)
            if found.closed:
                return
            left = data[found.used : size]
            offset = begin = offset + found.used


def _text_behind(rest: bytes, opened: Any) -> bool:
    """Whether there is more than blanks behind the array."""
    while rest:
        if rest.strip(b" \t\r\n"):
            return True
        rest = opened.read(1 << 20)
    return False


@dataclass(frozen=True, slots=True)
class _Lines:
    """Elements as lines: the text with padding, its size, how many bytes of the array they were, whether it ended."""

    text: Any
    size: int
    used: int
    closed: bool


def _as_lines(block: Any) -> _Lines | None:
    """The elements that a block holds whole; None if there is none, or anything unusual."""
    quotes = block == 34
    slashes = np.flatnonzero(block == 92)
    if len(slashes):
        quotes[escaped_quotes(block, slashes)] = False
    outside = (np.cumsum(quotes, dtype=np.uint8) & 1) == 0
    if ((block < 32) & (((block != 10) & (block != 13) & (block != 9)) | ~outside)).any():
        return None
    brackets = np.flatnonzero(outside & (((block | 32) == ord("{")) | ((block | 32) == ord("}"))))
    opens = (block[brackets] | 32) == ord("{")
    depth = np.cumsum(np.where(opens, 1, -1))
    beyond = np.flatnonzero(depth < 0)
    closed = len(beyond) > 0
    if closed:
        end = int(brackets[beyond[0]])
        brackets, opens, depth = (each[: beyond[0]] for each in (brackets, opens, depth))
    starts, ends = brackets[opens & (depth == 1)], brackets[~opens & (depth == 0)]
    if not closed:  # the last whole element is taken with the next block, when it is known what follows it
        ends = ends[: len(starts) - 1]
        end = int(starts[len(ends)]) if len(ends) else 0
    if not len(ends) or (block[starts] != ord("{")).any() or (closed and block[end] != ord("]")):
        return None
    blank = outside & (block <= 32)
    dropped = np.flatnonzero(blank[:end])

    def moved(places: Ints) -> Ints:
        return places - np.searchsorted(dropped, places)

    begins, last = moved(starts[: len(ends)]), moved(ends)
    size = int(last[-1]) + 1
    text = np.zeros(end - len(dropped) + PADDING, np.uint8)
    text[: end - len(dropped)] = block[:end][~blank[:end]] if len(dropped) else block[:end]
    text[end - len(dropped) :] = 0
    behind = text[size : end - len(dropped)].tobytes()
    between = text[last[:-1] + 1]
    if begins[0] or (begins[1:] - last[:-1] != 2).any() or (between != ord(",")).any() or behind != b"," * (not closed):
        return None
    text[last[:-1] + 1] = 10
    text[size:] = 0
    if not is_utf8(text, size):
        return None
    return _Lines(text, size, end + closed, closed)


def elements(file: Path, block_bytes: int, piece_rows: int, begin: int = 0) -> Iterator[Elements]:
    """Elements of the array one by one; from the one that begins at a place of the file, if one is given."""
    decode = codecs.getincrementaldecoder("utf-8-sig")()
    plain = json.JSONDecoder(parse_constant=refuse_constant)
    with file.open("rb") as opened:
        text, at, ended, read, opening = "", 0, False, opened.seek(begin), not begin
        values: list[Any] = []
        texts: list[str] = []
        bad: list[tuple[int, str, str, str]] = []

        def fault(message: str) -> Elements:
            where = read - len(text[at:].encode("utf-8", "surrogatepass"))
            bad.append((len(values) + len(bad), "unreadable", f"{message}, at byte {where}", text[at : at + SHOWN]))
            return Elements(values, texts, bad, read)

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
            except UnreadableError as error:
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
                yield Elements(values, texts, bad, read)
                values, texts, bad = [], [], []
        rest = text[at + 1 if text[at : at + 1] == "]" else at :].strip() or opened.read(4096).strip()
        if rest:
            bad.append((len(values) + len(bad), "unreadable", "text behind the end of the array", str(rest)[:SHOWN]))
        yield Elements(values, texts, bad, read)


def _skip(text: str, at: int) -> int:
    while text[at : at + 1] in (" ", "\n", "\r", "\t"):
        at += 1
    return at


def element_step() -> Callable[[Block | Elements], JsonChunk]:
    """What makes chunks of the elements of an array."""
    parser = Parser()
    return lambda piece: parser(piece) if isinstance(piece, Block) else _chunk(piece)


def _chunk(part: Elements) -> JsonChunk:
    total = len(part.values) + len(part.bad)
    wrong = {position for position, *_ in part.bad}
    rows = np.asarray([row + 1 for row in range(total) if row not in wrong], dtype=np.int64)
    unread = tuple(Unread(position + 1, None, text, code, message) for position, code, message, text in part.bad)
    records = pa.RecordBatch.from_arrays([pa.array(part.texts, pa.string())], schema=TEXT_SCHEMA)
    return JsonChunk(
        TEXT_LEAVES, records, rows, unread=unread, consumed=total, size=part.size, others=tuple(enumerate(part.values))
    )
