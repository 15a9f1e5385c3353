"""The kernels in C (``_native.c``, ``_json.c``): Arrow's buffers in, Arrow's buffers out, the GIL released between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from .. import _native as loops
from . import _numpy
from ._numpy import HASH_WEIGHTS
from .arrays import Offsets, Positions
from .csv_arrow import Aside, CsvForm
from .interface import Automaton
from .json_columns import ARRAY, MAP, OBJECT, UNKNOWN, JsonColumn, JsonNode, Parsed
from .json_plain import Elements
from .walk import TextColumn, TextRun, Walk

_ELEMENTS = 4

is_utf8, count_lines, write = loops.is_utf8, loops.count_lines, loops.write


def _texts(array: pa.Array) -> tuple[Any, int, Any, Any, int]:
    """A text column as the loops take it: offsets, length, data, bitmap of what is not null, its first bit."""
    valid, offsets, data = array.buffers()
    if offsets is None:
        return bytes(4), 0, data, None, 0
    return memoryview(offsets)[4 * array.offset :], len(array), data, valid if array.null_count else None, array.offset


def line_ends(data: Any, size: int) -> Positions:
    return np.frombuffer(loops.line_ends(data, size), np.int64)


def memory(size: int) -> Any:
    return np.frombuffer(loops.memory(size), np.uint8)


def split_array(data: Any) -> Elements:
    end, closed, stray, ends, missing = loops.split_array(data)
    return Elements(end, closed, stray, np.frombuffer(ends, np.int64), np.frombuffer(missing, np.int64))


def last_record_end(text: Any, start: int, stop: int, final: bool, delimiter: str, quote: str) -> int:
    return loops.last_record_end(text, start, stop, final, ord(delimiter), ord(quote))


def parse_csv(
    data: memoryview | bytes, form: CsvForm, names: Sequence[str], stops: Sequence[int] = ()
) -> tuple[pa.RecordBatch, Aside, Positions]:
    places = {name: number for number, name in enumerate(form.names)}
    wanted = [(places[name], name in form.encoded) for name in names]
    nulls = [text.encode() for text in form.null_values]
    rows, columns, aside, before, escaped = loops.parse_csv(
        data, ord(form.delimiter), ord(form.quote), len(form.names), wanted, nulls, pa.allocate_buffer,
        np.asarray(stops, np.int64),
    )  # fmt: skip
    if escaped:  # rare
        return _numpy.parse_csv(data, form, names, stops)
    arrays = []
    for null_count, valid, offsets, *texts in columns:
        bitmap = valid if null_count else None
        if len(texts) == 1:
            arrays.append(pa.Array.from_buffers(pa.string(), rows, [bitmap, offsets, texts[0]], null_count))
        else:
            starts, text = map(pa.py_buffer, texts)
            words = pa.Array.from_buffers(pa.string(), len(texts[0]) // 4 - 1, [None, starts, text], 0)
            numbers = pa.Array.from_buffers(pa.int32(), rows, [bitmap, offsets], null_count)
            arrays.append(pa.DictionaryArray.from_arrays(numbers, words, safe=False))
    batch = pa.RecordBatch.from_arrays(arrays, names=list(names))
    return batch, np.frombuffer(aside, np.int64).reshape(-1, 4), np.frombuffer(before, np.int64)


def parse_json(data: Any, starts: Positions, ends: Positions, tree: JsonNode, purpose: int, elements: bool) -> Parsed:
    status, root = loops.parse_json(data, starts, ends, tree.spec, purpose | (_ELEMENTS if elements else 0))
    return Parsed(np.frombuffer(status, np.uint8), _column(tree, root))


def _column(node: JsonNode, made: Any) -> JsonColumn:
    size, *found, inside = made
    valid, nulls, values, text = [one if one is None else pa.py_buffer(one) for one in found]
    mask = None
    if nulls is not None:
        mask = np.unpackbits(np.frombuffer(nulls, np.uint8), count=size, bitorder="little").view(bool)
    children = tuple(_column(child, part) for child, part in zip(node.children, inside, strict=True))
    if node.kind == OBJECT:
        return JsonColumn(node, None, mask, size, valid, children)
    kind = node.type
    if node.kind == UNKNOWN:
        array = pa.nulls(size)
    elif node.kind == ARRAY:
        array = pa.Array.from_buffers(kind, size, [valid, values], children=[children[0].whole()])
    elif node.kind == MAP:
        entries = pa.Array.from_buffers(
            pa.struct([kind.key_field, kind.item_field]), children[0].size, [None],
            children=[child.whole() for child in children],
        )  # fmt: skip
        array = pa.Array.from_buffers(kind, size, [valid, values], children=[entries])
    else:
        array = pa.Array.from_buffers(kind, size, [valid, values] if text is None else [valid, values, text])
    return JsonColumn(node, array, mask, size, None, children if node.kind == ARRAY else ())


def text_sizes(array: pa.Array, nulls: bool = False) -> tuple[int, int]:
    offsets, n, data, valid, first_bit = _texts(array)
    return loops.text_sizes(offsets, n, data, *((None, 0) if nulls else (valid, first_bit))) or (0, 0)


def take_texts(array: pa.Array, places: Offsets) -> pa.Array:
    made = loops.take_texts(*_texts(array), places, len(places), pa.allocate_buffer)
    if made is None:  # 2 GB or more
        return _numpy.take_texts(array, places)
    offsets, data, bitmap, nulls = made
    return pa.Array.from_buffers(pa.string(), len(places), [bitmap, offsets, data], nulls)


def object_texts(objects: np.ndarray[Any, np.dtype[np.object_]], missing: tuple[Any, ...]) -> pa.Array | None:
    made = loops.object_texts(np.ascontiguousarray(objects), missing, pa.allocate_buffer)
    if made is None:
        return None
    size, offsets, data, bitmap, nulls = made
    return pa.Array.from_buffers(pa.string(), size, [bitmap if nulls else None, offsets, data], nulls)


def object_types(objects: np.ndarray[Any, np.dtype[np.object_]]) -> set[type]:
    found: set[type] = loops.object_types(np.ascontiguousarray(objects))
    return found


def dict_columns(rows: list[dict[str, Any]], names: tuple[str, ...]) -> np.ndarray[Any, np.dtype[np.object_]] | None:
    cells = np.empty((len(names), len(rows)), object)
    return cells if loops.dict_columns(rows, names, cells) else None


def are_texts(objects: np.ndarray[Any, np.dtype[np.object_]], missing: tuple[Any, ...]) -> bool:
    return bool(loops.object_texts(np.ascontiguousarray(objects), missing, None))


def number_texts(array: pa.Array) -> tuple[np.ndarray[Any, np.dtype[np.int32]], int]:
    numbers, count = loops.number_texts(*_texts(array), pa.allocate_buffer)
    return np.frombuffer(numbers, np.int32, len(array)), count


def order_groups(codes: Offsets, count: int) -> tuple[Offsets | None, Positions]:
    order, bounds = loops.order_groups(codes, len(codes), count, pa.allocate_buffer)
    starts = np.frombuffer(bounds, np.int64, count + 1)
    return None if order is None else np.frombuffer(order, np.int32, len(codes)), starts


def hash_texts(array: pa.Array) -> np.ndarray[Any, np.dtype[np.uint64]]:
    return np.frombuffer(loops.hash_texts(*_texts(array), HASH_WEIGHTS, pa.allocate_buffer), np.uint64, len(array))


def not_accepted(array: pa.Array, automaton: Automaton) -> Positions | None:
    found = loops.not_accepted(*_texts(array), automaton.table, automaton.accepting)
    return None if found is None else np.frombuffer(found, np.int64)


def printed_otherwise(texts: pa.Array, whole: bool) -> Positions:
    return np.frombuffer(loops.printed_otherwise(*_texts(texts), whole) or b"", np.int64)


def print_times(millis: pa.Array) -> pa.Array:
    valid, data = millis.buffers()
    bitmap = valid if millis.null_count else None
    values = memoryview(data)[8 * millis.offset :]
    made = loops.print_times(values, len(millis), bitmap, millis.offset, pa.allocate_buffer)
    if made is None:  # a year without four digits
        return _numpy.print_times(millis)
    if bitmap is not None and millis.offset:
        bitmap = millis.is_valid().buffers()[1]
    return pa.Array.from_buffers(pa.string(), len(millis), [bitmap, *made])


def escape(column: pa.Array) -> pa.Array:
    bitmap, offsets, data = column.buffers()
    if data is None or len(column) == 0:
        return column
    places = np.frombuffer(offsets, np.int32, len(column) + 1, column.offset * 4)
    made = loops.escape(places, len(column), data, pa.allocate_buffer)
    if made is None:
        return column
    if bitmap is not None and column.offset:
        bitmap = column.is_valid().buffers()[1]
    return pa.Array.from_buffers(pa.string(), len(column), [bitmap, *made])


def join(
    walk: Walk,
    values: Sequence[TextColumn],
    n: int,
    keep: np.ndarray[Any, np.dtype[np.bool_]] | None,
    around: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]] | None,
    starts: bool,
) -> TextRun:
    before, after = around or (None, None)
    legs = [_leg(value) for value in values]
    size, data, places = loops.join(
        legs, walk.compiled_tables, *walk.literal_texts, n, keep, before, after, starts, pa.allocate_buffer
    )
    return TextRun(np.frombuffer(places or b"", np.int32, n + 1 if places else 0), data.slice(0, size))


def _leg(value: TextColumn) -> tuple[Any, ...]:
    """A column as `join` takes it."""
    codes = None if value.codes is None else np.ascontiguousarray(value.codes, np.int32)
    rows, texts = (None, None) if value.escaped is None else value.escaped
    others = (None, None, None) if rows is None else (np.ascontiguousarray(rows, np.int64), *_buffers(texts))
    places, data = _buffers(value.texts)
    return places, len(value.texts), data, codes, value.there, *others


def _buffers(texts: pa.Array) -> tuple[Any, Any]:
    """The offsets and the data of a text column."""
    _, offsets, data = texts.buffers()
    return None if offsets is None else np.frombuffer(offsets, np.int32, len(texts) + 1, texts.offset * 4), data
