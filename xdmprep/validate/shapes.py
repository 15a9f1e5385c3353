"""JSON lines to columns, without a parser: lines of one shape are cut with arithmetic on the places of their quotes.

Most lines of a file are alike but for their values: the same keys in the same order, the same brackets.  The first line
of a kind is read once, into a :class:`Shape`: which bytes are fixed, which are values, and between which quotes they
stand.  All other lines with as many quotes are then compared with its fixed bytes as numpy arrays, eight bytes at a
time; where they agree, the values are cut out as Arrow columns, one per leaf.  A line that fits no shape (or has a
key twice, an escape in a key) is left to the exact path.  Nothing is coerced: a number stands
in a number column and a text in a text column because its shape says so, whatever the schema wants.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..leaves import Leaf
from ..paths import Path

Ints = np.ndarray[Any, np.dtype[np.int64]]

#: Type of a column of JSON nulls.  Such a column has no Arrow nulls: the values are there, and they are null.
JSON_NULL = pa.binary(1)

#: Shapes tried for one block; lines that fit none of them go the exact path.
MAX_SHAPES = 200
#: A shape has at most so many values.
MAX_LEAVES = 2_000
#: Larger blocks (one very long line) do not keep their working memory.
MAX_SCRATCH = 8 << 20
#: Bytes that must follow the text in a :class:`Lines` buffer.
PADDING = 64

_TOKEN = re.compile(
    rb'"((?:[^"\\]|\\.)*)"|(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null)'
    rb"|([{}\[\],:])|[ \t\r\n]+"
)
_NUMBER = r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$"
_INTEGER = r"^-?(?:0|[1-9][0-9]{0,17})$"
_START, _END = -1, -2
#: The first four and five bytes of a word, and what they are for ``true`` and ``false``.
_FOUR, _FIVE = np.uint64(0xFFFFFFFF), np.uint64(0xFFFFFFFFFF)
_TRUE, _FALSE = np.uint64(int.from_bytes(b"true", "little")), np.uint64(int.from_bytes(b"false", "little"))


class _NoShapeError(Exception):
    """The line has what columns cannot say."""


@dataclass(frozen=True, slots=True)
class _Fixed:
    """Bytes that every line has: at `delta` from quote `anchor`; `other` must stand `length` bytes after the start."""

    anchor: int
    delta: int
    text: bytes
    other: int | None = None


@dataclass(frozen=True, slots=True)
class _Value:
    """One value: a text after quote `start`, or a literal between two places given as (anchor, delta)."""

    path: Path
    kind: str
    start: tuple[int, int]
    end: tuple[int, int]


@dataclass
class Shape:
    """What lines of one kind have in common.

    Attributes:
        quotes: how many quotes they have.
        fixed: the bytes that are the same, run by run.
        values: where the values stand.
        constants: paths of what has no value to cut out: ``null``, ``{}`` and ``[]``.
        used: lines cut so far.
    """

    quotes: int
    fixed: list[_Fixed]
    values: list[_Value]
    constants: list[tuple[Path, str]]
    used: int = field(default=0, compare=False)

    @classmethod
    def of(cls, line: bytes) -> Shape | None:
        """The shape of a line, None if it has none."""
        try:
            return _Reader(line).shape()
        except (_NoShapeError, RecursionError, UnicodeDecodeError):
            return None


class _Reader:
    """Reads one line into a shape."""

    def __init__(self, line: bytes) -> None:
        self.tokens: list[tuple[int, re.Match[bytes]]] = []
        at = 0
        while at < len(line):
            match = _TOKEN.match(line, at)
            if match is None:
                raise _NoShapeError
            if match.lastindex is not None:
                self.tokens.append((at, match))
            at = match.end()
        self.line = line
        self.next = 0
        self.quotes = 0
        self.constants: list[tuple[Path, str]] = []
        self.spans: list[tuple[int, int, Path, str, int]] = []  # start, end, path, kind, quotes before

    def shape(self) -> Shape:
        """The shape; the line must be one object."""
        if not self.tokens or self.tokens[0][1][3] != b"{":
            raise _NoShapeError
        self._value(())
        if self.next != len(self.tokens) or not self.spans or len(self.spans) > MAX_LEAVES:
            raise _NoShapeError
        fixed, values = self._cut()
        return Shape(self.quotes, fixed, values, self.constants)

    def _take(self) -> tuple[int, re.Match[bytes]]:
        if self.next >= len(self.tokens):
            raise _NoShapeError
        self.next += 1
        return self.tokens[self.next - 1]

    def _value(self, path: Path) -> None:
        at, token = self._take()
        if token[1] is not None:
            self.spans.append((at + 1, token.end() - 1, path, "text", self.quotes))
            self.quotes += 2
        elif token[2] == b"null":
            self.constants.append((path, "null"))
        elif token[2] is not None:
            kind = "boolean" if token[2] in (b"true", b"false") else "number"
            self.spans.append((at, token.end(), path, kind, self.quotes))
        elif token[3] == b"{":
            self._object(path)
        elif token[3] == b"[":
            self._array(path)
        else:
            raise _NoShapeError

    def _closes(self, bracket: bytes) -> bool:
        """Whether the next token closes what was just opened."""
        if self.next < len(self.tokens) and self.tokens[self.next][1][3] == bracket:
            self.next += 1
            return True
        return False

    def _object(self, path: Path) -> None:
        if self._closes(b"}"):
            self.constants.append((path, "{}"))
            return
        seen: set[str] = set()
        while True:
            _, key = self._take()
            if key[1] is None or b"\\" in key[1]:
                raise _NoShapeError
            self.quotes += 2
            name = key[1].decode()
            if name in seen or self._take()[1][3] != b":":
                raise _NoShapeError
            seen.add(name)
            self._value((*path, name))
            separator = self._take()[1][3]
            if separator == b"}":
                return
            if separator != b",":
                raise _NoShapeError

    def _array(self, path: Path) -> None:
        if self._closes(b"]"):
            self.constants.append((path, "[]"))
            return
        number = 0
        while True:
            self._value((*path, number))
            number += 1
            separator = self._take()[1][3]
            if separator == b"]":
                return
            if separator != b",":
                raise _NoShapeError

    def _cut(self) -> tuple[list[_Fixed], list[_Value]]:
        """The fixed runs between the values, each anchored at a quote or an end of the line."""
        fixed: list[_Fixed] = []
        places: list[tuple[tuple[int, int], tuple[int, int]]] = []
        line, spans = self.line, self.spans
        bounds = [(0, 0, (), "start", 0), *spans, (len(line), len(line), (), "end", self.quotes)]
        start_of_literal: tuple[int, int] = (0, 0)
        for left, right in itertools.pairwise(bounds):
            begin, end = left[1], right[0]
            run = line[begin:end]
            if left[3] == "text":
                head, head_delta = left[4] + 1, 0  # its closing quote, the run's first byte
            elif left[3] == "start":
                head, head_delta = _START, 0
            else:
                quote = run.find(b'"')
                if quote >= 0:
                    head, head_delta = left[4], -quote
                elif right[3] == "end":
                    head, head_delta = _END, -len(run)
                else:
                    raise _NoShapeError  # two literals with no quote between them
            tail = right[4] if right[3] == "text" else _END if right[3] == "end" else None
            if tail == head:
                tail = None
            fixed.append(_Fixed(head, head_delta, run, tail))
            if left[3] in ("number", "boolean"):
                places.append((start_of_literal, (head, head_delta)))
            elif left[3] == "text":
                places.append(((left[4], 1), (left[4] + 1, 0)))
            start_of_literal = (head, head_delta + len(run))
        values = [_Value(span[2], span[3], *place) for span, place in zip(spans, places, strict=True)]
        return fixed, values


_SCRATCH = threading.local()


def _scratch(size: int) -> tuple[Any, Any]:
    """Two boolean arrays that this thread uses again and again: fresh memory costs more than the work on it."""
    held = getattr(_SCRATCH, "arrays", None)
    if held is None or len(held[0]) < size:
        held = (np.empty(size, dtype=bool), np.empty(size, dtype=bool))
        if size <= MAX_SCRATCH:
            _SCRATCH.arrays = held
    return held[0][:size], held[1][:size]


class Lines:
    """A block of lines, and where everything is in it.

    Args:
        data: a buffer with the block, followed by :data:`PADDING` zero bytes.
        size: bytes of the block without the padding.

    Attributes:
        starts, ends: where each line begins and ends (without its line break).
        marks: places of all quotes and line breaks.
        first, count: for each line the index of its first quote in `marks`, and how many it has.
        strange: lines for the exact path.
        escaped: lines with a backslash.
    """

    def __init__(self, data: Any, size: int) -> None:
        self.data, self.size = data, size
        self.bytes = np.frombuffer(data, np.uint8)[:size]
        self.words = np.ndarray((size + PADDING - 31,), "V32", data, 0, (1,))
        mask, other = _scratch(size)
        np.equal(self.bytes, 34, out=mask)
        np.equal(self.bytes, 10, out=other)
        np.logical_or(mask, other, out=mask)
        self.marks: Ints = np.flatnonzero(mask)
        self._index()
        self.strange = np.zeros(len(self.ends), dtype=bool)
        self.escaped = np.zeros(len(self.ends), dtype=bool)
        self._find_controls(mask)
        self._find_escapes(mask)

    def _index(self) -> None:
        """Where the lines are, from the marks."""
        at_break = np.flatnonzero(self.bytes[self.marks] == 10)
        ends = self.marks[at_break]
        if self.size and (not len(ends) or ends[-1] != self.size - 1):
            ends, at_break = np.append(ends, self.size), np.append(at_break, len(self.marks))
        self.ends: Ints = ends.astype(np.int64)
        self.starts: Ints = np.concatenate([np.zeros(1, np.int64), self.ends[:-1] + 1])[: len(self.ends)]
        self.first: Ints = np.concatenate([np.zeros(1, np.int64), at_break[:-1] + 1])[: len(self.ends)]
        self.count: Ints = at_break - self.first

    def _lines_of(self, positions: Ints) -> Ints:
        return np.searchsorted(self.ends, positions)

    def _find_controls(self, mask: Any) -> None:
        """Control characters other than the line breaks: such lines are read exactly."""
        np.less(self.bytes, 32, out=mask)
        if np.count_nonzero(mask) > np.count_nonzero(self.ends < self.size):
            at = np.flatnonzero(mask)
            kind, behind = self.bytes[at], np.append(self.bytes, 10)[at + 1]
            self.strange[self._lines_of(at[(kind != 10) & ~((kind == 13) & (behind == 10))])] = True

    def _find_escapes(self, mask: Any) -> None:
        """Quotes behind a backslash are no quotes; lines with a double backslash before a quote are read exactly."""
        np.equal(self.bytes, 92, out=mask)
        slashes = np.flatnonzero(mask)
        if not len(slashes):
            return
        self.escaped[self._lines_of(slashes)] = True
        behind = (self.bytes[self.marks] == 34) & mask[self.marks - 1] & (self.marks > 0)
        doubled = behind & mask[self.marks - 2] & (self.marks > 1)
        self.strange[self._lines_of(self.marks[doubled])] = True
        if behind.any():
            self.marks = self.marks[~behind]
            self._index()

    def line(self, number: int) -> bytes:
        """The bytes of a line."""
        return self.bytes[self.starts[number] : self.ends[number]].tobytes()


@dataclass(frozen=True, eq=False)
class Group:
    """Lines of one shape as columns: the lines' numbers, the leaves, the records."""

    lines: Ints
    leaves: tuple[Leaf, ...]
    records: pa.RecordBatch


def cut(lines: Lines, pending: Ints, shapes: list[Shape], most: int = MAX_SHAPES) -> tuple[list[Group], Ints]:
    """Cut lines into columns, shape by shape.

    Args:
        lines: the block.
        pending: numbers of the lines to cut.
        shapes: shapes known from blocks before; new ones are added.
        most: so many known and so many new shapes are tried.

    Returns:
        The groups, and the numbers of the lines that fit no shape, ascending.
    """
    pending = pending[~lines.strange[pending]]
    groups: list[Group] = []
    left: list[Ints] = []
    known = sorted(shapes, key=lambda shape: -shape.used)[:most]
    counts = lines.count[pending]
    tried = 0
    for shape in known:
        if not len(pending):
            break
        if (counts == shape.quotes).any():
            pending, counts = _apply(shape, lines, pending, counts, groups)
    while len(pending) and tried < most:
        tried += 1
        shape_or_none = Shape.of(lines.line(int(pending[0])))
        before = len(pending)
        if shape_or_none is not None:
            pending, counts = _apply(shape_or_none, lines, pending, counts, groups)
        if len(pending) == before:  # the line has no shape, or does not even fit its own (an odd escape)
            left.append(pending[:1])
            pending, counts = pending[1:], counts[1:]
        elif shape_or_none is not None:
            shapes.append(shape_or_none)
            if len(shapes) > 4 * MAX_SHAPES:
                shapes.sort(key=lambda shape: -shape.used)
                del shapes[MAX_SHAPES:]
    left.append(pending)
    return groups, np.sort(np.concatenate(left))


def _apply(shape: Shape, lines: Lines, pending: Ints, counts: Ints, groups: list[Group]) -> tuple[Ints, Ints]:
    """Cut those of `pending` that have the shape; the others come back."""
    candidate = counts == shape.quotes
    some = pending if candidate.all() else pending[candidate]
    group, fits = _cut_shape(shape, lines, some)
    if group is None:
        return pending, counts
    shape.used += len(group.lines)
    groups.append(group)
    if candidate.all():
        rest = ~fits
    else:
        rest = ~candidate
        rest[np.flatnonzero(candidate)] = ~fits
    return pending[rest], counts[rest]


def _cut_shape(shape: Shape, lines: Lines, some: Ints) -> tuple[Group | None, Any]:
    first = lines.first[some]
    starts, ends = lines.starts[some], lines.ends[some]
    cache: dict[int, Ints] = {}

    def place(anchor: int) -> Ints:
        if anchor == _START:
            return starts
        if anchor == _END:
            return ends
        if anchor not in cache:
            cache[anchor] = lines.marks[first + anchor]
        return cache[anchor]

    fits = np.ones(len(some), dtype=bool)
    for run in shape.fixed:
        begin = place(run.anchor) + run.delta
        if run.other is not None:
            np.logical_and(fits, place(run.other) + (run.other >= 0) - begin == len(run.text), out=fits)
    within = bool(fits.all())
    differs = np.zeros(len(some), dtype=np.uint64)
    for run in shape.fixed:
        begin = place(run.anchor) + run.delta
        _compare(lines, begin if within else np.clip(begin, 0, lines.size), run.text, differs)
    fits &= differs == 0
    literals: dict[int, tuple[Ints, Ints]] = {}
    for number, value in enumerate(shape.values):
        if value.kind == "text":
            continue
        begin = place(value.start[0]) + value.start[1]
        end = place(value.end[0]) + value.end[1]
        fits &= (end > begin) & (end - begin <= 40)
        literals[number] = (begin, end)
    if not fits.any():
        return None, fits
    columns: list[pa.Array] = [None] * len(shape.values)
    for number, (begin, end) in literals.items():
        if shape.values[number].kind == "boolean":
            columns[number], good = _booleans(lines, begin, end, fits)
            fits &= good
    for number, (begin, end) in literals.items():
        if shape.values[number].kind == "number" and fits.any():
            at = np.flatnonzero(fits)
            columns[number], good = _numbers(_slices(lines, begin[at], end[at]))
            if not good.all():
                fits[at[~good]] = False
            columns[number] = _spread(columns[number], at, len(some))
    if not fits.any():
        return None, fits
    chosen = some if fits.all() else some[fits]
    keep = None if fits.all() else pa.array(fits)
    escaped = bool(lines.escaped[chosen].any())
    leaves = []
    for number, value in enumerate(shape.values):
        if value.kind == "text":
            begin, end = place(value.start[0]) + 1, place(value.end[0])
            columns[number] = _slices(lines, begin, end) if keep is None else _slices(lines, begin[fits], end[fits])
        elif keep is not None:
            columns[number] = columns[number].filter(keep)
        leaves.append(Leaf(value.path, columns[number].type))
    if escaped:
        wrong = np.zeros(len(chosen), dtype=bool)
        for number, value in enumerate(shape.values):
            if value.kind == "text":
                columns[number] = _unescaped(columns[number], wrong)
        if wrong.any():
            fits[np.flatnonzero(fits)[wrong]] = False
            good = pa.array(~wrong)
            columns = [column.filter(good) for column in columns]
            chosen = chosen[~wrong]
            if not len(chosen):
                return None, fits
    for path, what in shape.constants:
        columns.append(_constant(what, len(chosen)))
        leaves.append(Leaf(path, columns[-1].type))
    records = pa.RecordBatch.from_arrays(columns, names=[str(number) for number in range(len(columns))])
    return Group(chosen, tuple(leaves), records), fits


def _constant(what: str, count: int) -> pa.Array:
    """So many nulls, empty objects or empty arrays."""
    if what == "null":
        return pa.Array.from_buffers(JSON_NULL, count, [None, pa.py_buffer(bytes(count))])
    if what == "{}":
        return pa.Array.from_buffers(pa.struct([]), count, [None])
    return pa.ListArray.from_arrays(pa.array(np.zeros(count + 1, np.int32)), pa.nulls(0))


def _compare(lines: Lines, begin: Ints, text: bytes, differs: Any) -> None:
    """Set bits in `differs` where the bytes at `begin` are not `text`."""
    for at in range(0, len(text), 32):
        part = text[at : at + 32]
        found = lines.words[begin + at if at else begin].view("<u8").reshape(-1, 4)
        for word in range((len(part) + 7) // 8):
            eight = part[8 * word : 8 * word + 8]
            column = found[:, word] ^ np.uint64(int.from_bytes(eight, "little"))
            if len(eight) < 8:
                column &= np.uint64((1 << 8 * len(eight)) - 1)
            differs |= column


def _slices(lines: Lines, begin: Ints, end: Ints) -> pa.Array:
    """The bytes between two places in each line, as text; the places ascend."""
    n = len(begin)
    offsets = np.empty(2 * n, np.int32)
    offsets[0::2], offsets[1::2] = begin, end
    both = pa.StringArray.from_buffers(2 * n - 1, pa.py_buffer(offsets), pa.py_buffer(lines.data))
    return pc.take(both, pa.array(np.arange(0, 2 * n, 2, dtype=np.int32)), boundscheck=False)


def _booleans(lines: Lines, begin: Ints, end: Ints, fits: Any) -> tuple[pa.Array, Any]:
    """Booleans, and where the literals are such."""
    if not fits.all():
        begin = np.clip(begin, 0, lines.size)
    size = end - begin
    found = lines.words[begin].view("<u8").reshape(-1, 4)[:, 0]
    true = (size == 4) & (found & _FOUR == _TRUE)
    return pa.array(true), true | ((size == 5) & (found & _FIVE == _FALSE))


def _numbers(texts: pa.Array) -> tuple[pa.Array, Any]:
    """Numbers (integers if all are), and where the literals are such, and exact in their column."""
    if pc.all(pc.match_substring_regex(texts, _INTEGER)).as_py() is not False:
        return texts.cast(pa.int64()), np.ones(len(texts), dtype=bool)
    good = _mask(pc.match_substring_regex(texts, _NUMBER))
    if not good.all():
        texts = pc.if_else(pa.array(good), texts, "0")
        if pc.all(pc.match_substring_regex(texts, _INTEGER)).as_py():
            return texts.cast(pa.int64()), good
    numbers = texts.cast(pa.float64())
    return numbers, good & (np.abs(np.asarray(numbers)) < 2.0**53)  # larger ones may be integers no double holds


def _spread(column: pa.Array, at: Ints, size: int) -> pa.Array:
    """`column` with its values at the places `at` of an array of `size`; the others are never looked at."""
    if len(column) == size:
        return column
    index = np.zeros(size, dtype=np.int64)
    index[at] = np.arange(len(at))
    return column.take(pa.array(index))


def _mask(array: pa.Array) -> Any:
    return np.asarray(array.to_numpy(zero_copy_only=False), dtype=bool)


def _unescaped(column: pa.Array, wrong: Any) -> pa.Array:
    """The texts with their escapes resolved; `wrong` is set where one is no valid escape."""
    has = pc.match_substring(column, "\\")
    at = np.flatnonzero(_mask(has))
    if not len(at):
        return column
    known: dict[str, str | None] = {}
    texts = column.take(pa.array(at)).to_pylist()
    new = []
    for position, text in zip(at.tolist(), texts, strict=True):
        if text not in known:
            known[text] = _unescape(text)
        value = known[text]
        if value is None:
            wrong[position] = True
        new.append(value or "")
    return pc.replace_with_mask(column, has, pa.array(new, pa.string()))


def _unescape(text: str) -> str | None:
    try:
        value = json.loads(f'"{text}"')
        value.encode()
    except ValueError:
        return None
    return str(value)
