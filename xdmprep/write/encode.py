"""The single-line JSON encoder: Arrow columns to finished bytes, with no per-row Python.

A record is a walk over the leaves that are present.  The text between two consecutive present leaves i -> j (closing
quote of i, closing brackets, comma, opening brackets, key of j, opening quote) depends on the *pair* only, so it is a
constant ``T[i, j]``.  A row is then literal, value, literal, value, ..., literal, each an index into one pool of
strings (all value columns and all constants).  A single Arrow ``take`` of those indices, in row order, leaves the
finished bytes in its data buffer: nulls, empty objects and empty arrays vanish by themselves.

Lists and maps whose length is not known beforehand are encoded the same way, one text an element, with ``[`` or ``,``
before and ``]`` behind; the elements of one list stand side by side in the buffer, so a list's text is a slice of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import OutputError
from ..leaves import Leaf, path_tree, valid
from ..paths import Path

_NO_CHECK = pc.TakeOptions(boundscheck=False)
_BOOLEANS = pa.array(["false", "true"], pa.string())


class Encoder:
    """Encodes chunks of records of one set of leaves.

    Args:
        leaves: of the chunks to come; struct-typed leaves are walked into, the order becomes the tree's.
        end: the text behind each record.
    """

    def __init__(self, leaves: Sequence[Leaf], end: str = "\n") -> None:
        self._columns = _flat_leaves(leaves)
        self._walk = _Walk([(flat.path, flat.quoted, flat.ride) for flat in self._columns], end)

    def encode(self, records: pa.RecordBatch, keep: np.ndarray[Any, Any] | None = None) -> pa.Buffer:
        """The bytes of all records where `keep` (bool, n) is True; `records` has one column per leaf."""
        values = [_value(flat.column(records), flat.quoted) for flat in self._columns]
        return self._walk.texts(values, records.num_rows, keep).data


@dataclass(frozen=True)
class _Flat:
    """One leaf without struct type: which column of the chunk, the steps into it, and the constant text behind it."""

    path: Path
    type: pa.DataType
    source: int
    steps: tuple[int, ...] = ()
    ride: str = ""

    @property
    def quoted(self) -> bool:
        return _quoted(self.type)

    def column(self, records: pa.RecordBatch) -> pa.Array:
        column = records.column(self.source)
        for step in self.steps:
            column = column.flatten()[step]
        return column


def _flat_leaves(leaves: Sequence[Leaf]) -> list[_Flat]:
    flat: list[_Flat] = []
    riders: dict[int, str] = {}
    for number, leaf in enumerate(leaves):
        if leaf.follows is not None and leaves[leaf.follows].path[:-1] == leaf.path[:-1]:
            text = f',"{_escaped(str(leaf.path[-1]))}":{json.dumps(leaf.constant, ensure_ascii=False)}'
            riders[leaf.follows] = riders.get(leaf.follows, "") + text
        else:
            flat.extend(_into(leaf.path, leaf.type, number, ()))
    tree = path_tree([item.path for item in flat])
    ordered = [flat[number] for number in _ends(tree)]
    return [_Flat(f.path, f.type, f.source, f.steps, riders.get(f.source, "")) for f in ordered]


def _into(path: Path, kind: pa.DataType, source: int, steps: tuple[int, ...]) -> Iterator[_Flat]:
    if pa.types.is_struct(kind):
        for number, field in enumerate(kind):
            yield from _into((*path, field.name), field.type, source, (*steps, number))
    else:
        yield _Flat(path, kind, source, steps)


def _ends(node: Any) -> Iterator[int]:
    if isinstance(node, int):
        yield node
        return
    steps = sorted(node) if all(isinstance(step, int) for step in node) else list(node)
    for step in steps:
        yield from _ends(node[step])


def _quoted(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
        or pa.types.is_date(kind) or pa.types.is_timestamp(kind)
    )  # fmt: skip


@dataclass(frozen=True)
class _Texts:
    """n texts side by side: int32 offsets (n + 1) into `data`."""

    offsets: np.ndarray[Any, np.dtype[np.int32]]
    data: pa.Buffer


@dataclass(frozen=True)
class _Value:
    """The JSON texts of one column, without quotes.

    Attributes:
        texts: string array.
        codes: index into `texts` for each row; None means row by row.
        there: bool (n,), False where the row has nothing; None means all have something.
        escaped: (rows, texts) that replace a row's text; only without `codes`.
    """

    texts: pa.Array
    codes: np.ndarray[Any, Any] | None = None
    there: np.ndarray[Any, np.dtype[np.bool_]] | None = None
    escaped: tuple[np.ndarray[Any, Any], pa.Array] | None = None


Leg = tuple[Path, bool, str]  # path, quoted?, constant text behind the value


#: Literals that every walk has, at fixed indexes.
_MARKS = {"": 0, "[": 1, ",": 2, "]": 3, "{": 4, "}": 5}


class _Walk:
    """The transition table of a list of leaves and the walk along it.

    Args:
        legs: the leaves, in the order of the text.
        end: the text behind each record.
        between: what stands between two of them.
    """

    def __init__(
        self,
        legs: Sequence[Leg],
        end: str,
        between: Callable[[Leg | None, Leg | None, str], str] | None = None,
    ) -> None:
        text_between = between or _between
        count = len(legs)
        index = dict(_MARKS)
        self.table = np.zeros(
            (count + 1, count + 1), np.int32
        )  # row `count`: start of a record; column `count`: its end
        for i in (*range(count), count):
            for j in range(i + 1 if i < count else 0, count + 1):
                text = text_between(legs[i] if i < count else None, legs[j] if j < count else None, end)
                self.table[i, j] = index.setdefault(text, len(index))
        self._literals = pa.array(list(index), pa.string())

    def texts(
        self,
        values: Sequence[_Value],
        n: int,
        keep: np.ndarray[Any, Any] | None = None,
        around: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]] | None = None,
    ) -> _Texts:
        """The text of each of n rows; `around`: per row the indexes of the literals before and behind it."""
        count, table = len(values), self.table
        first = 0 if around is None else 1
        slots = count + 1 + first
        pairs = np.empty((n, slots, 2), np.int32)  # (literal, value): indexes into the pool, in the order of the text
        present = np.ones((n, slots), bool)
        pool: list[pa.Array] = [self._literals]
        size = len(self._literals)
        everyone = np.arange(n, dtype=np.int32)
        repairs: list[tuple[int, np.ndarray[Any, Any], pa.Array]] = []
        last: np.ndarray[Any, Any] | None = None  # each row's last present leaf; None while it is `same` for all
        same = count
        for j, value in enumerate(values):
            slot = j + first
            pairs[:, slot, 0] = table[same, j] if last is None else table[:, j].take(last)
            np.add(everyone if value.codes is None else value.codes, size, out=pairs[:, slot, 1], casting="unsafe")
            pool.append(value.texts)
            size += len(value.texts)
            if value.escaped is not None:
                repairs.append((slot, *value.escaped))
            if value.there is None:
                last, same = None, j
            else:
                present[:, slot] = value.there
                if last is None:
                    last = np.full(n, same, np.int32)
                np.copyto(last, j, where=value.there)
        pairs[:, -1, 0] = table[same, count] if last is None else table[:, count].take(last)
        pairs[:, -1, 1] = 0
        if around is not None:
            pairs[:, 0, 0], pairs[:, -1, 1] = around
            pairs[:, 0, 1] = 0
        for slot, rows, texts in repairs:
            pairs[rows, slot, 1] = size + np.arange(len(rows), dtype=np.int32)
            size += len(texts)
            pool.append(texts)
        if keep is not None:
            present &= keep[:, None]
        picked = pairs.view(np.int64).reshape(-1)[present.reshape(-1)].view(np.int32)
        strings = pa.concat_arrays(pool)
        buffers = strings.buffers()
        if buffers[0] is not None:  # no validity: what is null is never picked
            strings = pa.StringArray.from_buffers(len(strings), buffers[1], buffers[2])
        taken = pc.call_function("take", [strings, pa.array(picked)], _NO_CHECK)
        ends = np.zeros(n + 1, np.int64)
        np.cumsum(present.sum(axis=1, dtype=np.int32) * 2, out=ends[1:])
        offsets = np.frombuffer(taken.buffers()[1], np.int32)[ends]
        data = taken.buffers()[2]
        return _Texts(offsets, pa.py_buffer(b"") if data is None else data.slice(0, int(offsets[-1])))


def _between(a: Leg | None, b: Leg | None, end: str) -> str:
    """The text between leaf `a` (None: start of the record) and leaf `b` (None: its end)."""
    out = ""
    shared = 0
    if a is not None:
        out += ('"' if a[1] else "") + a[2]
        if b is not None:
            while a[0][shared] == b[0][shared]:
                shared += 1
            closing = a[0][shared + 1 :]
        else:
            closing = a[0]
        for step in reversed(closing):
            out += "]" if isinstance(step, int) else "}"
    if b is None:
        return out + ("{}" if a is None else "") + end
    if a is not None:
        out += ","
    for depth in range(shared, len(b[0])):
        step = b[0][depth]
        if depth > shared or a is None:
            out += "[" if isinstance(step, int) else "{"
        if not isinstance(step, int):
            out += f'"{_escaped(step)}":'
    return out + ('"' if b[1] else "")


def _escaped(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _value(column: pa.Array, quoted: bool) -> _Value:
    """The JSON texts of any column."""
    kind = column.type
    there = valid(column) if column.null_count else None
    if isinstance(column, pa.DictionaryArray):
        indices = column.indices if column.indices.null_count == 0 else column.indices.fill_null(0)
        texts = column.dictionary.cast(pa.string())
        return _Value(_escape_all(texts) if quoted else texts, indices.to_numpy().astype(np.int32, copy=False), there)
    if pa.types.is_boolean(kind):
        filled = column if column.null_count == 0 else column.fill_null(False)
        return _Value(_BOOLEANS, filled.to_numpy(zero_copy_only=False).astype(np.int32), there)
    if quoted and not pa.types.is_temporal(kind):
        texts = column if pa.types.is_string(kind) else column.cast(pa.string())
        return _Value(texts, None, there, _escape_some(texts))
    if pa.types.is_date(kind) and column.null_count < len(column):
        days = column.cast(pa.date32()).cast(pa.int32())
        first, calendar = _calendar(days)
        if calendar is not None:
            codes = days.fill_null(first).to_numpy() - first
            return _Value(calendar, codes, there)
    texts = _texts_of(kind)(column)
    return _Value(texts, None, valid(texts) if texts.null_count else None)


def plain_texts(column: pa.Array) -> pa.Array:
    """The texts of a scalar column as JSON would print its values, without quotes and escapes."""
    if isinstance(column, pa.DictionaryArray):
        column = column.dictionary_decode()
    if pa.types.is_boolean(column.type) or (_quoted(column.type) and not pa.types.is_temporal(column.type)):
        return column.cast(pa.string())
    return _texts_of(column.type)(column)


def _escape_some(column: pa.Array) -> tuple[np.ndarray[Any, Any], pa.Array] | None:
    """The rows whose text needs JSON escapes, and their escaped texts; None if there are none."""
    data = column.buffers()[2]
    if data is None or len(column) == 0:
        return None
    offsets = np.frombuffer(column.buffers()[1], np.int32, len(column) + 1, column.offset * 4)
    start, stop = int(offsets[0]), int(offsets[-1])
    raw = np.frombuffer(data, np.uint8, stop - start, start)
    hit = raw < 32
    hit |= raw == 34
    hit |= raw == 92
    if not hit.any():
        return None
    rows = np.searchsorted(offsets, np.flatnonzero(hit) + start, side="right") - 1
    rows = rows[np.concatenate(([True], rows[1:] != rows[:-1]))]
    return rows, _escape(column.take(pa.array(rows)))


def _escape_all(column: pa.Array) -> pa.Array:
    some = _escape_some(column)
    if some is None:
        return column
    mask = np.zeros(len(column), bool)
    mask[some[0]] = True
    return pc.replace_with_mask(column, pa.array(mask), some[1].filter(some[1].is_valid()))


_CONTROLS = {chr(code): json.dumps(chr(code))[1:-1] for code in range(32)}


def _escape(texts: pa.Array) -> pa.Array:
    """`texts` with JSON's escapes, by Arrow kernels (RFC 8259 section 7)."""
    texts = pc.replace_substring(texts, "\\", "\\\\")
    texts = pc.replace_substring(texts, '"', '\\"')
    data = texts.buffers()[2]
    if data is not None:
        codes = np.frombuffer(data, np.uint8)
        for code in np.unique(codes[codes < 32]).tolist():
            texts = pc.replace_substring(texts, chr(code), _CONTROLS[chr(code)])
    return texts


def _integers(column: pa.Array) -> pa.Array:
    return column.cast(pa.string())


def _doubles(column: pa.Array) -> pa.Array:
    numbers = column.cast(pa.float64())
    values = numbers.fill_null(0.0).to_numpy(zero_copy_only=False)
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise OutputError(
            f"a number that JSON does not have ({values[row]}) at position {row} of a chunk. "
            "Give a schema, so that such rows are set aside, or replace the value in the mapping."
        )
    texts = numbers.cast(pa.string())
    zeros = values == 0.0
    if zeros.any() and np.signbit(values[zeros]).any():
        texts = pc.if_else(pa.array(zeros & np.signbit(values)), "-0.0", texts)
    return texts


def _dates(column: pa.Array) -> pa.Array:
    """``YYYY-MM-DD``; a calendar of the days between the first and the last is cheaper than printing each."""
    days = column.cast(pa.date32()).cast(pa.int32())
    if days.null_count == len(days):
        return pa.nulls(len(days), pa.string())
    first, calendar = _calendar(days)
    return calendar.take(pc.subtract(days, first)) if calendar is not None else column.cast(pa.string())


def _calendar(days: pa.Array) -> tuple[int, pa.Array | None]:
    """The first of `days` (int32, not all null) and the texts from it to the last; None if they lie far apart."""
    extent = pc.min_max(days)
    first, last = extent["min"].as_py(), extent["max"].as_py()
    if last - first >= max(4 * len(days), 1000):
        return first, None
    return first, pa.array(np.arange(first, last + 1, dtype=np.int32)).cast(pa.date32()).cast(pa.string())


def _date_times(column: pa.Array) -> pa.Array:
    """RFC 3339 in UTC, whole seconds without a fraction, others with three digits."""
    millis = column.cast(pa.timestamp("ms", "UTC"), safe=False).cast(pa.int64())
    if millis.null_count == len(millis):
        return pa.nulls(len(millis), pa.string())
    days, rest = np.divmod(millis.fill_null(millis.drop_null()[0]).to_numpy(zero_copy_only=False), 86_400_000)
    seconds, fraction = np.divmod(rest, 1000)
    days32 = pa.array(days.astype(np.int32))
    first, calendar = _calendar(days32)
    there = column.buffers()[0] if column.offset == 0 and column.null_count else None
    if calendar is not None and not fraction.any():
        # all texts are 20 characters: two tables of 10 are put side by side
        texts = np.empty(len(days), [("date", "S10"), ("time", "S10")])
        texts["date"] = np.frombuffer(calendar.buffers()[2], "S10", len(calendar)).take(days - first)
        texts["time"] = _clock_bytes().take(seconds)
        offsets = np.arange(0, 20 * len(days) + 1, 20, dtype=np.int32)
        made = pa.StringArray.from_buffers(len(days), pa.py_buffer(offsets), pa.py_buffer(texts), there)
        return made if there is not None or not column.null_count else _where(column, made)
    dates = _dates(days32.cast(pa.date32()))
    times = _clock().take(pa.array(seconds.astype(np.int32)))
    parts = _FRACTIONS.take(pa.array(fraction.astype(np.int32)))
    return _where(column, pc.binary_join_element_wise(dates, times, parts, "Z", ""))


def _where(column: pa.Array, texts: pa.Array) -> pa.Array:
    return texts if column.null_count == 0 else pc.if_else(column.is_valid(), texts, pa.scalar(None, pa.string()))


@cache
def _clock() -> pa.Array:
    """The 86,400 texts ``THH:MM:SS`` of a day's seconds."""
    times = pa.array(np.arange(86_400, dtype=np.int32)).cast(pa.time32("s")).cast(pa.string())
    return pc.binary_join_element_wise("T", times, "")


@cache
def _clock_bytes() -> np.ndarray[Any, Any]:
    """The same with a Z behind, as 10 bytes each."""
    texts = pc.binary_join_element_wise(_clock(), "Z", "")
    return np.frombuffer(texts.buffers()[2], "S10", len(texts))


_FRACTIONS = pa.array(["", *(f".{ms:03}" for ms in range(1, 1000))], pa.string())


def _lists(column: pa.Array) -> pa.Array:
    """JSON arrays; absent elements are left out, an array without elements is null."""
    offsets = np.asarray(column.offsets)
    first, last = int(offsets[0]), int(offsets[-1])
    values = column.values.slice(first, last - first)
    return _side_by_side(offsets - first, valid(column), values, ("[", "]"))


def _maps(column: pa.Array) -> pa.Array:
    """JSON objects of a map's entries; absent values are left out, a map without entries is null."""
    offsets = np.asarray(column.offsets)
    first, last = int(offsets[0]), int(offsets[-1])
    keys = column.keys.slice(first, last - first).cast(pa.string())
    items = column.items.slice(first, last - first)
    return _side_by_side(offsets - first, valid(column), items, ("{", "}"), keys)


def _side_by_side(
    offsets: np.ndarray[Any, Any],
    there: np.ndarray[Any, Any],
    elements: pa.Array,
    brackets: tuple[str, str],
    keys: pa.Array | None = None,
) -> pa.Array:
    """One text for each run of elements ``offsets[i] : offsets[i + 1]``; null where a run has nothing in it."""
    n = len(elements)
    flats = list(_into((), elements.type, 0, ()))
    batch = pa.RecordBatch.from_arrays([elements], names=["element"])
    values = [_value(flat.column(batch), flat.quoted) for flat in flats]
    present = np.zeros(n, bool)
    for value in values:
        present |= True if value.there is None else value.there
    run_of = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    present &= there[run_of]
    before, after = np.zeros(n, np.int32), np.zeros(n, np.int32)
    index = np.flatnonzero(present)
    if len(index):
        starts = np.concatenate(([True], np.diff(run_of[index]) != 0))
        before[index] = np.where(starts, _MARKS[brackets[0]], _MARKS[","])
        after[index] = np.where(np.append(starts[1:], True), _MARKS[brackets[1]], 0)
    walk = _Walk([(flat.path, flat.quoted, "") for flat in flats], "")
    if keys is None:
        made = walk.texts(values, n, present, (before, after))
    else:
        bodies = walk.texts(values, n, present)
        texts = pa.StringArray.from_buffers(n, pa.py_buffer(np.ascontiguousarray(bodies.offsets)), bodies.data)
        made = _ENTRY.texts([_value(keys, True), _Value(texts)], n, present, (before, after))
    lengths = np.ascontiguousarray(made.offsets[offsets])
    some = lengths[1:] > lengths[:-1]
    bitmap = None if some.all() else pa.array(some).buffers()[1]
    return pa.StringArray.from_buffers(len(offsets) - 1, pa.py_buffer(lengths), made.data, bitmap)


def _between_entry(a: Leg | None, b: Leg | None, end: str) -> str:
    """What stands around the key and the value of one entry of a map."""
    if a is None:
        return '"'
    return '":' if a[1] and b is not None else end


_ENTRY = _Walk([(("key",), True, ""), (("value",), False, "")], "", _between_entry)


def _texts_of(kind: pa.DataType) -> Callable[[pa.Array], pa.Array]:
    types = pa.types
    if types.is_integer(kind) or types.is_decimal(kind):
        return _integers
    if types.is_floating(kind):
        return _doubles
    if types.is_date(kind):
        return _dates
    if types.is_timestamp(kind):
        return _date_times
    if types.is_list(kind):
        return _lists
    if types.is_map(kind):
        return _maps
    if types.is_null(kind):
        return _integers
    raise OutputError(f"Arrow type {kind} has no JSON form here. Convert the column in the mapping.")
