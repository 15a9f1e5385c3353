"""JSON lines to columns whatever the order of their keys: Arrow's own parser, and a proof that it saw everything.

Records that differ in the order of their keys, have long arrays, or ``{}`` where others have fields follow no layout
(:mod:`.follow`).  Their lines are parsed together, with a schema learned from some of them (:class:`Fields`), never
from the schema they are checked against, so nothing is coerced: where a line has another kind of value than the lines
before it, it is left over.

What the parser would pass over in silence is found by counting.  Every key of a line has two quotes, and so has every
text.  If twice the keys and texts in the columns are as many as the line's quotes, then no key was null, unknown, or
there twice.  Nulls in arrays, numbers that no double holds, and NaN are looked for in the columns.  Lines begin and end
with a brace, so as many records as lines means one record in each.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import json as arrow_json

from ..leaves import Leaf, valid
from .bits import Ints
from .layout import kind_of
from .lines import Group, Lines

#: Lines that are read to learn the fields, of those that are left over.
SAMPLE = 32
#: More fields than this are not learned; nor is what lies deeper than so many levels.
MAX_FIELDS = 1_000
MAX_DEPTH = 16
#: Longer lines teach nothing.
MAX_LEARNED = 1 << 16
#: How often one block is parsed because of lines that make the parser fail.
MAX_FAILURES = 2_000
#: Lines among which the ones that make it fail are looked for at once.
WINDOW = 64
#: How often lines that are left over are tried with the fields that some of them taught.
ROUNDS = 3
#: Integers beyond it are not all doubles.
_EXACT = 2.0**53
_ROW = re.compile(r" in row (\d+)$")


@dataclass
class Fields:
    """What is known of one place in the records: its kind, and what is below.

    Attributes:
        kind: ``text``, ``integer``, ``number``, ``boolean``, ``object``, ``array``; empty where nothing is known.
        inside: the fields of an object.
        items: the elements of an array.
    """

    kind: str = ""
    inside: dict[str, Fields] = field(default_factory=dict)
    items: Fields | None = None

    def copy(self) -> Fields:
        """The same, to be changed."""
        inside = {name: known.copy() for name, known in self.inside.items()}
        return Fields(self.kind, inside, None if self.items is None else self.items.copy())

    def size(self) -> int:
        """How many places are known."""
        below = sum(known.size() for known in self.inside.values())
        return 1 + below + (0 if self.items is None else self.items.size())

    def learn(self, value: Any, depth: int = 0) -> bool:
        """Take in a value; whether it said anything new.  Of two kinds in one place, the first stays."""
        kind = kind_of(value)
        if not kind or depth > MAX_DEPTH:
            return False
        new = False
        if not self.kind or (self.kind == "integer" and kind == "number"):
            self.kind, new = kind, True
        if self.kind != kind:
            return False
        if kind == "object":
            for name, inner in value.items():
                if kind_of(inner) and depth < MAX_DEPTH:
                    new |= self.inside.setdefault(name, Fields()).learn(inner, depth + 1)
        elif kind == "array":
            self.items = self.items or Fields()
            for inner in value:
                new |= self.items.learn(inner, depth + 1)
        return new

    def type(self) -> pa.DataType:
        """The Arrow type that holds the values."""
        if self.kind == "object":
            return pa.struct(self.fields())
        if self.kind == "array":
            return pa.list_(pa.string() if self.items is None else self.items.type())
        return _TYPES[self.kind]

    def fields(self) -> list[pa.Field]:
        """The fields of an object."""
        return [pa.field(name, known.type()) for name, known in self.inside.items() if known.kind]


_TYPES = {
    "text": pa.string(), "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_(),
    "": pa.string(),  # elements of arrays that were all empty so far
}  # fmt: skip


def parse(lines: Lines, pending: Ints, fields: Fields, read: Callable[[bytes], Any]) -> tuple[list[Group], Ints]:
    """Turn lines into columns, whatever keys they have.

    Args:
        lines: the block.
        pending: numbers of the lines to parse, ascending.
        fields: what earlier lines taught; changed.
        read: reads one line exactly; raises where it is no JSON object.

    Returns:
        The groups, and the numbers of the lines that must be read in another way, ascending.
    """
    plain = _plain_objects(lines, pending)
    aside = [pending[~plain]]
    pending = pending[plain]
    groups: list[Group] = []
    for turn in range(ROUNDS):
        if not len(pending) or ((turn or not fields.inside) and not _learn(lines, pending, fields, read)):
            break
        group, pending = _Block(lines, pending, fields, read).parse()
        if group is None:
            break
        groups.append(group)
    return groups, np.sort(np.concatenate([*aside, pending]))


def _learn(lines: Lines, some: Ints, fields: Fields, read: Callable[[bytes], Any]) -> bool:
    """Learn the fields of lines from a sample; whether there was anything new."""
    new = False
    for line in some[:: max(1, len(some) // SAMPLE)].tolist():
        new |= _learn_line(lines.line(line), fields, read)
    return new


def _learn_line(line: bytes, fields: Fields, read: Callable[[bytes], Any]) -> bool:
    if len(line) > MAX_LEARNED or fields.size() > MAX_FIELDS:
        return False
    try:
        return fields.learn(read(line))
    except Exception:  # whatever is wrong with the line is told where it is read for good
        return False


def _plain_objects(lines: Lines, some: Ints) -> Any:
    """Where lines begin with a brace and end with one."""
    first, last = lines.starts[some], lines.ends[some] - 1
    last = np.where(lines.bytes[last] == 13, last - 1, last)
    return (lines.bytes[first] == ord("{")) & (lines.bytes[np.maximum(last, first)] == ord("}"))


class _Block:
    """Some lines of a block behind each other, and the lines among them that the parser fails on."""

    def __init__(self, lines: Lines, pending: Ints, fields: Fields, read: Callable[[bytes], Any]) -> None:
        self._lines, self._fields, self._read = lines, fields, read
        self._numbers = pending
        self._failures = 0

    def parse(self) -> tuple[Group | None, Ints]:
        """The lines that became columns, and the numbers of the others."""
        good = np.zeros(len(self._lines.ends), dtype=bool)
        good[self._numbers] = True
        while True:
            self._schema = pa.schema(self._fields.fields())
            numbers = np.flatnonzero(good)
            self._text(good)
            table = self._try(0, len(numbers))
            if isinstance(table, pa.Table):
                break
            bad, learned = self._offenders(numbers)
            good[numbers[bad]] = False
            if self._failures > MAX_FAILURES or not (learned or bad) or not good.any():
                return None, self._numbers
        return self._faithful(table, numbers)

    def _faithful(self, table: pa.Table, numbers: Ints) -> tuple[Group | None, Ints]:
        """The records that hold all that their lines say."""
        records = table.combine_chunks().to_batches()[0]
        quotes = np.zeros(len(numbers), dtype=np.int64)
        wrong = np.zeros(len(numbers), dtype=bool)
        for array in records.columns:
            quotes += 2 * valid(array)
            _account(array, None, quotes, wrong)
        faithful = (quotes == self._lines.count[numbers]) & (quotes > 0) & ~wrong
        chosen = numbers[faithful]
        rest = np.setdiff1d(self._numbers, chosen, assume_unique=True)
        if not len(chosen):
            return None, rest
        if not faithful.all():
            records = records.filter(pa.array(faithful))
        leaves = tuple(Leaf((column.name,), column.type) for column in records.schema)
        return Group(chosen, leaves, tuple(records.columns)), rest

    def _offenders(self, numbers: Ints) -> tuple[list[int], bool]:
        """Positions of lines that the parser fails on, and whether one of them taught something instead."""
        bad: list[int] = []
        at = 0
        while at < len(numbers) and self._failures <= MAX_FAILURES:
            end = min(at + WINDOW, len(numbers))
            found = self._try(at, end)
            if isinstance(found, pa.Table):
                at = end
                continue
            if not at <= found < end or isinstance(self._try(found, found + 1), pa.Table):
                found = self._first_failing(at, end)
            if _learn_line(self._lines.line(int(numbers[found])), self._fields, self._read):
                return bad, True
            bad.append(found)
            at = found + 1
        return bad, False

    def _first_failing(self, low: int, high: int) -> int:
        """The first line of some, which fail together, that fails."""
        while high - low > 1:
            middle = (low + high) // 2
            if isinstance(self._try(low, middle), pa.Table):
                low = middle
            else:
                high = middle
        return low

    def _try(self, begin: int, end: int) -> pa.Table | int:
        """The records of some lines; or the position of the line where the parser failed, -1 if it does not say."""
        size = int(self._places[end] - self._places[begin])
        part = self._data.slice(int(self._places[begin]), size)
        try:
            table = arrow_json.read_json(
                pa.BufferReader(part),
                arrow_json.ReadOptions(use_threads=False, block_size=size + 1),
                arrow_json.ParseOptions(self._schema, newlines_in_values=False, unexpected_field_behavior="ignore"),
            )
        except pa.ArrowException as error:
            self._failures += 1
            row = _ROW.search(str(error))
            return begin + int(row[1]) if row else -1
        return table if table.num_rows == end - begin else -1

    def _text(self, good: Any) -> None:
        """Put the bytes of the good lines behind each other, and note where each begins and the last ends."""
        lines = self._lines
        offsets = np.append(lines.starts, lines.size).astype(np.int32)
        texts = pa.StringArray.from_buffers(len(lines.ends), pa.py_buffer(offsets), pa.py_buffer(lines.data))
        if not good.all():
            texts = texts.filter(pa.array(good))
        self._places = np.frombuffer(texts.buffers()[1], np.int32)[: len(texts) + 1]
        self._data = texts.buffers()[2]


def _account(array: pa.Array, rows: Any, quotes: Ints, wrong: Any) -> None:
    """Add the quotes of a column's texts and keys to their rows; mark rows with values that no column can hold.

    Args:
        array: the column.
        rows: the row of each value, None where value i is of row i.
        quotes: quotes of each row so far; added to.
        wrong: rows that must be read exactly; added to.
    """
    kind = array.type

    def add(mask: Any) -> None:
        more = mask if rows is None else np.bincount(rows[mask], minlength=len(quotes))
        np.add(quotes, 2 * more, out=quotes)

    if pa.types.is_string(kind):
        add(valid(array))
    elif pa.types.is_struct(kind):
        for child in array.flatten():
            add(valid(child))
            _account(child, rows, quotes, wrong)
    elif pa.types.is_list(kind):
        sizes = np.asarray(array.value_lengths().fill_null(0))
        parents = np.repeat(np.arange(len(sizes)) if rows is None else rows, sizes)
        items = array.flatten()
        wrong[parents[~valid(items)]] = True
        _account(items, parents, quotes, wrong)
    elif pa.types.is_floating(kind):
        numbers = np.asarray(array.fill_null(0))
        beyond = np.flatnonzero(~(np.abs(numbers) < _EXACT))  # NaN is not less either
        wrong[beyond if rows is None else rows[beyond]] = True
