"""Lines of a block to columns without a compiler: Arrow's parser, and a proof that it saw everything.

Arrow's parser passes over much in silence: keys that it does not know or has met already, further records in a line,
bytes that are no text.  That is found by counting.  Every key of a line has two quotes, and so has every text.  If
twice the keys and texts in the columns are as many as the line's quotes, then no key was null, unknown, or there twice.
Nulls in arrays and doubles that may not be the line's number are looked for in the columns.  Lines begin and end with a
brace, so as many records as lines means one record in each.  Any other line is left to the exact reader.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import json as arrow_json

from .arrays import Ints, Mask, valid
from .json_columns import (
    ANY,
    ARRAY,
    BLANK,
    EXACT,
    GOOD,
    LEARN,
    MAP,
    NUMBER_TEXT,
    OBJECT,
    TEXT,
    UNKNOWN,
    UNLIKE,
    JsonColumn,
    JsonNode,
    Parsed,
)

#: Lines that are not parsed in smaller groups if one of them makes the parser fail.
FEWEST = 16
#: The number of groups that lines are cut into of which one makes the parser fail.
PARTS = 8
#: Doubles beyond it may stand for integers that no double holds.
_EXACT_DOUBLES = 2.0**53
_STRANGE = re.compile(rb"[\x00-\x09\x0b-\x1f]")


def parse_plainly(data: Any, starts: Ints, ends: Ints, tree: JsonNode, purpose: int, elements: bool) -> Parsed:
    """As the kernel `parse_json`; records that Arrow's parser does not see whole count as unlike the tree."""
    places = zip(starts.tolist(), ends.tolist(), strict=True)
    view = memoryview(data)
    bytes_ = np.frombuffer(b"\n".join([view[begin:end] for begin, end in places]), np.uint8)
    ends = np.cumsum(ends - starts + 1) - 1
    starts = np.append(0, ends + 1)[: len(ends)]
    if elements:  # as lines
        outside, breaks = outside_texts(bytes_), bytes_ == 10
        bytes_ = np.where(outside & (breaks | (bytes_ == 13) | (bytes_ == 9)), np.uint8(32), bytes_)
        bytes_[breaks & ~outside] = 1
        bytes_[ends[:-1]] = 10
    status = np.full(len(starts), EXACT, np.uint8)
    text = bytes_.tobytes()
    for line in np.flatnonzero(ends - starts < 4).tolist():
        if not text[starts[line] : ends[line]].strip(b" \t\r"):
            status[line] = BLANK
    plain = _plain(bytes_, text, starts, ends) & (status != BLANK)
    if purpose == LEARN:  # Arrow reads integers as doubles without a word
        plain[:] = False
    status[plain] = UNLIKE
    readable = _readable(tree)
    tables: list[pa.RecordBatch] = []
    if readable is not None and plain.any():
        quotes = _quotes(bytes_, starts)
        tables = list(_parsed(text, starts, ends, np.flatnonzero(plain), pa.schema(readable.fields), quotes, status))
    rows = sum(len(table) for table in tables)
    table = pa.Table.from_batches(tables).combine_chunks() if rows else None
    columns = []
    for name, node in zip(tree.names, tree.children, strict=True):
        if table is None or name not in table.column_names:
            array = pa.nulls(rows, node.type)
        else:
            array = table[name].combine_chunks()
        columns.append(JsonColumn(node, array, None, rows, None, ()))
    return Parsed(status, JsonColumn(tree, None, None, rows, None, tuple(columns)))


def _readable(node: JsonNode) -> JsonNode | None:
    """The part of a tree that the parser can read; None if there is none.  Lines that need more are not seen whole."""
    if node.kind == OBJECT:
        inside = {name: _readable(child) for name, child in zip(node.names, node.children, strict=True)}
        kept = {name: child for name, child in inside.items() if child is not None}
        return JsonNode(OBJECT, tuple(kept), tuple(kept.values()), node.whole) if kept else None
    if node.kind == ARRAY:
        items = JsonNode(TEXT) if node.children[0].kind == UNKNOWN else _readable(node.children[0])
        return None if items is None else JsonNode(ARRAY, (), (items,))
    return None if node.kind in (MAP, ANY, NUMBER_TEXT, UNKNOWN) else node


def _plain(data: Any, text: bytes, starts: Ints, ends: Ints) -> Mask:
    """Lines that are UTF-8, have no control characters, begin with a brace and end with one."""
    found: Mask = ends > starts
    found[found] = (data[starts[found]] == ord("{")) & (data[ends[found] - 1] == ord("}"))
    for match in _STRANGE.finditer(text):
        found[np.searchsorted(starts, match.start(), side="right") - 1] = False
    try:
        text.decode()
    except UnicodeDecodeError:
        for line in np.flatnonzero(found).tolist():
            try:
                text[starts[line] : ends[line]].decode()
            except UnicodeDecodeError:
                found[line] = False
    return found


def _quotes(data: Any, starts: Ints) -> Ints:
    """How many quotes that begin or end a text each line has."""
    marks = np.flatnonzero(_text_quotes(data))
    return np.diff(np.searchsorted(marks, np.append(starts, len(data))))


def _parsed(
    text: bytes, starts: Ints, ends: Ints, some: Ints, arrow_schema: pa.Schema, quotes: Ints, status: Any
) -> Any:
    """The records of lines that the parser sees all of, in order; marks them as good."""
    table = _try(text, starts, ends, some, arrow_schema)
    if table is None:
        if len(some) > FEWEST:
            for part in np.array_split(some, PARTS):
                if len(part):
                    yield from _parsed(text, starts, ends, part, arrow_schema, quotes, status)
        return
    records = table.combine_chunks().to_batches()[0]
    counted = np.zeros(len(some), np.int64)
    wrong = np.zeros(len(some), bool)
    for array in records.columns:
        counted += 2 * valid(array)
        _account(array, None, counted, wrong)
    seen = (counted == quotes[some]) & (counted > 0) & ~wrong
    status[some[seen]] = GOOD
    yield records if seen.all() else records.filter(pa.array(seen))


def _try(text: bytes, starts: Ints, ends: Ints, some: Ints, arrow_schema: pa.Schema) -> pa.Table | None:
    whole = some[-1] - some[0] + 1 == len(some)
    if whole:
        part = text[starts[some[0]] : ends[some[-1]]]
    else:
        part = b"\n".join(text[a:b] for a, b in zip(starts[some].tolist(), ends[some].tolist(), strict=True))
    try:
        table = arrow_json.read_json(
            pa.BufferReader(part),
            arrow_json.ReadOptions(use_threads=False, block_size=len(part) + 1),
            arrow_json.ParseOptions(arrow_schema, newlines_in_values=False, unexpected_field_behavior="ignore"),
        )
    except pa.ArrowException:
        return None
    return table if table.num_rows == len(some) else None


def _account(array: pa.Array, rows: Any, quotes: Ints, wrong: Mask) -> None:
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
        beyond = np.flatnonzero(~(np.abs(numbers) < _EXACT_DOUBLES))  # NaN is not less either
        wrong[beyond if rows is None else rows[beyond]] = True


def outside_texts(data: Any) -> Mask:
    """Which bytes are outside of texts; the quotes that begin these are not."""
    outside: Mask = (np.cumsum(_text_quotes(data), dtype=np.uint8) & 1) == 0
    return outside


def _text_quotes(data: Any) -> Mask:
    """The quotes that begin or end texts: not those behind a backslash that is not itself behind one."""
    quotes: Mask = data == 34
    slashes = np.flatnonzero(data == 92)
    if not len(slashes):
        return quotes
    begins = np.diff(slashes, prepend=-2) > 1
    number = slashes - slashes[begins][np.cumsum(begins) - 1]  # in its run of backslashes, from 0
    quotes[slashes[(number % 2 == 0) & (slashes < len(data) - 1)] + 1] = False
    return quotes
