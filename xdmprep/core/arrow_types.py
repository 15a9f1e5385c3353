"""Columns of any Arrow type as the few types that chunks use, and the values that no record can hold.

Everything that comes in as Arrow data (DataFrames, Arrow objects, Parquet) passes :func:`plain_column` once.  Behind it
a text is ``string`` or ``dictionary<int32, string>`` and valid UTF-8, a double is finite, a date or time lies in the
years 1 to 9999, and a list is a ``list``.  A value that breaks this is null, and an :class:`Unfit` says which it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import kernels
from ..errors import SourceError
from ..kernels.arrays import list_parts, map_parts, offsets_of, owners_of, sieved, text_bytes, valid
from ..kernels.json_columns import NUMERAL
from .names import numbered_names
from .ndjson.fields import is_numeral
from .paths import EVERY, Path

Mask = np.ndarray[Any, np.dtype[np.bool_]]
Positions = np.ndarray[Any, np.dtype[np.int64]]

#: Arrow type of an XDM date-time: milliseconds since the epoch, UTC (Parquet TIMESTAMP_MILLIS).
TIMESTAMP = pa.timestamp("ms", "UTC")
#: 0001-01-01 and 9999-12-31, in days since 1970, and the milliseconds from the first to the last moment of them.
FIRST_DAY, LAST_DAY = -719_162, 2_932_896
DAY = 86_400_000
FIRST_MILLI, LAST_MILLI = FIRST_DAY * DAY, (LAST_DAY + 1) * DAY - 1

#: Longest string of a dictionary that stays one while rows are put in another order.
_CODED_BYTES = 1000

NOT_FINITE = "JSON has no such number"
NO_DATE = "the date lies outside the years 1 to 9999"
NOT_UTF8 = "the string is not UTF-8"
KEY_TWICE = "the key stands twice in one map"


@dataclass(frozen=True, slots=True)
class Unfit:
    """Values of one column that no record can hold.

    Attributes:
        reason: what is wrong with them.
        rows: 0-based positions, ascending; a row occurs once for each such value in it.
        shown: the values as text, as many as `rows`.
        path: where they are inside the column's values; empty for the values themselves.
    """

    reason: str
    rows: Positions
    shown: pa.Array
    path: Path = ()


# ---- types -------------------------------------------------------------------------------------------------------


#: Types that are plain as they are.
_PLAIN = frozenset(
    kind.id for kind in (
        pa.string(), pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint64(), pa.float64(), pa.date32(),
    )
)  # fmt: skip


def plain_type(kind: pa.DataType, exact: bool = True) -> pa.DataType | None:
    """The one type that chunks use for `kind`; None if no record can hold it.

    Args:
        kind: any Arrow type.
        exact: rows to be mapped: decimals with a fraction or more than 18 digits stay decimals, times keep their zone.
            Otherwise records: decimals become the nearest doubles, or text where they have no fraction, times are in
            UTC.

    Returns:
        Integers stay, those without a sign become int64 (64 bits stay as they are), as decimals without a fraction of
        up to 18 digits; floats double; times milliseconds, in UTC where they have no zone.
    """
    types = pa.types
    if kind.id in _PLAIN:
        return kind
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return plain_type(kind.value_type, exact)
    if kind == NUMBERS:
        return pa.string() if exact else pa.float64()
    if isinstance(kind, pa.BaseExtensionType):
        storage = _EXTENSIONS.get(kind.extension_name)
        return None if storage is None else storage[0]
    if types.is_null(kind):  # a column without values fits every destination
        return kind if exact else pa.string()
    if is_text(kind) or types.is_time(kind):
        return pa.string()
    if types.is_unsigned_integer(kind):
        return pa.int64()
    if types.is_floating(kind):
        return pa.float64()
    if types.is_decimal(kind):
        if kind.scale <= 0 and kind.precision - kind.scale <= 18:
            return pa.int64()
        if exact and kind.scale >= 0:
            return _wide(kind)
        return pa.float64() if kind.scale > 0 else pa.string()
    if types.is_date(kind):
        return pa.date32()
    if types.is_timestamp(kind):
        if kind.tz is not None and not is_zone(kind.tz):
            return None
        return pa.timestamp("ms", kind.tz or "UTC") if exact else TIMESTAMP
    if types.is_struct(kind):
        fields = [plain_field(field, exact) for field in kind]
        twice = len({field.name for field in kind}) < len(fields)
        return None if twice or any(inner is None for inner in fields) else pa.struct(fields)
    if is_list(kind):
        inner = plain_field(kind.value_field.with_name("item"), exact)
        return None if inner is None else pa.list_(inner)
    if types.is_map(kind):
        inner = plain_field(kind.item_field.with_name("value"), exact)
        keys = plain_type(kind.key_type)
        return pa.map_(pa.string(), inner) if inner is not None and keys is not None and _is_key(keys) else None
    return None


def _is_key(kind: pa.DataType) -> bool:
    """Whether values of a plain type may be the keys of an object."""
    return bool(pa.types.is_string(kind) or pa.types.is_integer(kind))


def plain_field(field: pa.Field, exact: bool = True) -> pa.Field | None:
    """A field with its :func:`plain_type`; of numbers as they are written, text that is marked so, or doubles."""
    written = is_numeral(field) or field.type == NUMBERS
    kind = plain_type(NUMBERS if written else field.type, exact)
    return None if kind is None else pa.field(field.name, kind, metadata=NUMERAL if written and exact else None)


def require_readable(name: str, columns: pa.Schema) -> None:
    """Raise SourceError that names all columns of the source `name` that no record can hold."""
    odd = [
        f"{field.name!r} ({why_unheld(field.type).partition(' cannot')[0]})"
        for field in columns
        if plain_type(field.type) is None
    ]
    if odd:
        many = len(odd) > 1
        raise SourceError(
            f"{name}: no XDM field can hold the column{'s' if many else ''} {', '.join(odd)}. "
            f"Convert {'them' if many else 'it'} or leave {'them' if many else 'it'} out."
        )


#: What people call types.
_WORDS: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (lambda kind: holds_text(kind), "a string"), (lambda kind: is_list(kind), "an array"),
    (pa.types.is_struct, "an object"), (pa.types.is_map, "a map"),
    (pa.types.is_boolean, "a boolean"), (pa.types.is_integer, "an integer"), (pa.types.is_floating, "a number"),
    (pa.types.is_decimal, "a number"), (pa.types.is_date, "a date"), (pa.types.is_timestamp, "a date-time"),
    (pa.types.is_time, "a time of day"), (pa.types.is_duration, "a duration"), (pa.types.is_interval, "a duration"),
    (pa.types.is_union, "a union"),
    (lambda kind: isinstance(kind, pa.OpaqueType), "a value of another system's type"),
    (lambda kind: isinstance(kind, pa.BaseExtensionType) and kind.extension_name.startswith("pandas."),
     "a period or interval of pandas"),
    (lambda kind: pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind)
     or pa.types.is_fixed_size_binary(kind), "a value of bytes"),
)  # fmt: skip


def type_words(kind: pa.DataType) -> str:
    """What people call the type: "a string", "an object", ..."""
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return type_words(kind.value_type)
    if isinstance(kind, pa.OpaqueType) and kind.vendor_name == "Python":
        return f"a Python object ({kind.type_name})"
    return next((words for test, words in _WORDS if test(kind)), f"a value of type {kind}")


def why_unheld(kind: pa.DataType) -> str:
    """Why no record holds the values of a type, and what to do; the first type inside of it that is at fault."""
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return why_unheld(kind.value_type)
    if pa.types.is_map(kind) and not ((keys := plain_type(kind.key_type)) is not None and _is_key(keys)):
        return f"{type_words(kind)} whose keys are not strings or integers cannot be held by a record"
    if pa.types.is_nested(kind) and not pa.types.is_union(kind):
        for inner in (kind.field(number) for number in range(kind.num_fields)):
            if plain_type(inner.type) is None:
                return f"{type_words(kind)} with {why_unheld(inner.type)}"
    if pa.types.is_timestamp(kind):
        return f"a date-time of the unknown time zone {kind.tz!r} cannot be held by a record; convert it to UTC"
    to = "decode or encode" if "bytes" in type_words(kind) else "convert"
    what = "a number of seconds, or to a string" if "duration" in type_words(kind) else "a string"
    return f"{type_words(kind)} cannot be held by a record; {to} it to {what}"


#: The type of numbers of several kinds as they are written; behind :func:`plain_column` text that is marked so.
NUMBERS = pa.opaque(pa.string(), "numbers", "Python")

#: Metadata of a column of doubles that was a column of longer integers: some of their digits are gone.
LOST_DIGITS = {b"xdmprep.lost-digits": b"yes"}


def lost_digits(column: pa.ChunkedArray) -> bool:
    """Whether doubles are all whole, and some may have been rounded to integers, from 2^53 on."""
    if not (pa.types.is_float64(column.type) or pa.types.is_float32(column.type)) or column.null_count == len(column):
        return False
    if _are_whole(column.slice(0, 64)) is False:  # as a rule this is enough
        return False
    ends = pc.min_max(column).as_py()
    return max(abs(ends["min"]), abs(ends["max"])) >= 1 << 53 and bool(_are_whole(column))


def _are_whole(column: pa.ChunkedArray) -> bool | None:
    """Whether doubles are whole numbers; None where all are null."""
    found: bool | None = pc.all(pc.equal(pc.floor(column), column)).as_py()
    return found


def has_lost_digits(field: pa.Field) -> bool:
    """Whether a column is marked so."""
    return bool(field.metadata) and LOST_DIGITS.items() <= field.metadata.items()


_TEXT = frozenset(kind.id for kind in (pa.string(), pa.large_string(), pa.string_view()))
_LISTS = frozenset(
    make(pa.null()).id for make in (pa.list_, pa.large_list, pa.list_view, pa.large_list_view)
) | {pa.list_(pa.null(), 1).id}  # fmt: skip


def is_text(kind: pa.DataType) -> bool:
    """Whether `kind` is text of any layout, dictionaries aside."""
    return kind.id in _TEXT


def holds_text(kind: pa.DataType) -> bool:
    """Whether `kind` is text of any layout, dictionaries included."""
    return (kind.value_type if isinstance(kind, pa.DictionaryType) else kind).id in _TEXT


def is_list(kind: pa.DataType) -> bool:
    """Whether `kind` is any of Arrow's list types."""
    return kind.id in _LISTS


def _wide(kind: pa.DataType) -> pa.DataType:
    """A decimal type in 128 bits, or 256 where that is too few."""
    return (pa.decimal128 if kind.precision <= 38 else pa.decimal256)(kind.precision, kind.scale)


@cache
def is_zone(name: str) -> bool:
    """Whether Arrow and Python know a time zone of this name."""
    try:
        pa.scalar(0, pa.timestamp("ms", name)).as_py()
        pc.local_timestamp(pa.array([0], pa.timestamp("ms", name)))
    except (pa.ArrowException, ValueError, KeyError, OSError):
        return False
    return True


# ---- columns -----------------------------------------------------------------------------------------------------


def holds(kind: pa.DataType, test: Callable[[pa.DataType], bool]) -> bool:
    """Whether a type, or one inside of it at any depth, passes a test."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(test(kind)) or any(holds(kind.field(number).type, test) for number in range(kind.num_fields))


def plain_column(column: pa.Array, exact: bool = True) -> tuple[pa.Array, list[Unfit]]:
    """`column` as its :func:`plain_type`, text perhaps dictionary-encoded, and what of it no record can hold.

    The type must have a plain type.  Nothing is copied where the column is plain already.
    """
    kind = column.type
    types = pa.types
    if types.is_run_end_encoded(kind):
        return plain_column(_runs(column), exact)
    if isinstance(column, pa.DictionaryArray):
        return _of_dictionary(column, exact)
    if kind == NUMBERS:
        return _numbers_in(column.storage, exact)
    if isinstance(kind, pa.BaseExtensionType):
        return plain_column(_EXTENSIONS[kind.extension_name][1](column.storage), exact)
    if is_text(kind):
        return _text(column)
    if types.is_null(kind):
        return (column if exact else column.cast(pa.string())), []
    if types.is_time(kind):
        return pc.replace_substring_regex(column.cast(pa.string()), r"\.0+$", ""), []
    if types.is_floating(kind):
        return _finite(floats_as_doubles(column) if exact else column.cast(pa.float64()))
    if types.is_decimal(kind):
        return _decimal(column, exact), []
    if types.is_date(kind):
        return _days(column)
    if types.is_timestamp(kind):
        return _times(column, exact)
    if is_list(kind):
        return _lists(column, exact)
    if types.is_map(kind):
        return _maps(column, exact)
    if types.is_struct(kind):
        return _structs(column, exact)
    target = plain_type(kind)
    return column if kind == target else column.cast(target), []


def floats_as_doubles(column: pa.Array) -> pa.Array:
    """Floats as doubles; shorter ones by the shortest decimals: 0.1 is 0.1, not 0.10000000149011612."""
    if pa.types.is_float64(column.type):
        return column
    wide = column.cast(pa.float64())
    if pa.types.is_float32(column.type):
        short = column.cast(pa.string()).cast(pa.float64())
    else:  # Arrow prints halves as the doubles that they are
        column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        short = _halves().take(column.view(pa.uint16()))
    is_integer = pc.and_(pc.equal(pc.floor(wide), wide), pc.less(pc.abs(wide), 1 << 53))
    return pc.if_else(is_integer, wide, short)


@cache
def _halves() -> pa.Array:
    """All floats of half precision, by their bits, as the doubles of their shortest decimals."""
    return pa.array(np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype("U").astype(np.float64))


def inexact(records: pa.RecordBatch) -> pa.RecordBatch:
    """Rows as :func:`plain_type` has them with ``exact=False``; columns of other types stay as they are."""
    columns = [_inexact(column, field) for column, field in zip(records.columns, records.schema, strict=True)]
    return pa.RecordBatch.from_arrays(columns, records.schema.names)


def _inexact(column: pa.Array, field: pa.Field) -> pa.Array:
    target = plain_type(column.type, exact=False)
    same = target in (column.type, None, pa.string()) and not pa.types.is_null(column.type) and not is_numeral(field)
    return column if same else _of_field(column, field, exact=False)[0]


def _of_field(column: pa.Array, field: pa.Field, exact: bool) -> tuple[pa.Array, list[Unfit]]:
    """:func:`plain_column` of a field, of which numbers may be strings that keep how they are written."""
    if not exact and is_numeral(field):
        return plain(column).cast(pa.float64()), []
    return plain_column(column, exact)


def is_coded(column: pa.Array) -> bool:
    """Whether it is a dictionary of few strings, none of them too long to be repeated for the rows of a chunk."""
    words = column.dictionary if isinstance(column, pa.DictionaryArray) else None
    if words is None or not pa.types.is_string(words.type) or words.null_count or len(words) > 2 * len(column):
        return False
    return kernels.active.text_sizes(words)[1] <= _CODED_BYTES


def _of_dictionary(column: pa.DictionaryArray, exact: bool) -> tuple[pa.Array, list[Unfit]]:
    words = column.dictionary
    if is_text(words.type) and words.null_count == 0 and len(words) <= 2 * len(column):
        texts, unfit = _text(words)
        if not unfit:
            indices = column.indices
            if indices.type == pa.int32() and texts is words:
                return column, []
            return pa.DictionaryArray.from_arrays(indices.cast(pa.int32()), texts), []
    return plain_column(_taken(words, column.indices), exact)


def _runs(column: pa.RunEndEncodedArray) -> pa.Array:
    """Run-end encoded values with an index for each, since Arrow expands those of some types only."""
    first, count = column.find_physical_offset(), column.find_physical_length()
    ends = np.minimum(column.run_ends.to_numpy()[first : first + count] - column.offset, len(column))
    return _taken(column.values, pa.array(np.repeat(np.arange(first, first + count), np.diff(ends, prepend=0))))


def _taken(words: pa.Array, places: pa.Array) -> pa.Array:
    if pa.types.is_string_view(words.type):  # which has no `take`
        words = words.cast(pa.large_string())
    elif pa.types.is_binary_view(words.type):
        words = words.cast(pa.large_binary())
    return words.take(places)


def _text(column: pa.Array) -> tuple[pa.Array, list[Unfit]]:
    made = column if column.type == pa.string() else rebased(column.cast(pa.string()))
    offsets, data = text_bytes(made) if len(made) else ((0, 0), np.zeros(0, np.uint8))
    if data[offsets[0] : offsets[-1]].max(initial=0) > 127:
        try:
            made.validate(full=True)
        except pa.ArrowInvalid:
            return _mended(column)
    return made, []


def _mended(column: pa.Array) -> tuple[pa.Array, list[Unfit]]:
    """A text column some of whose values are not UTF-8; those become null."""
    data = column.cast(pa.large_binary())
    bad = np.zeros(len(data), dtype=bool)
    shown = []
    for at, value in enumerate(data.to_pylist()):
        if value is None:
            continue
        try:
            value.decode()
        except UnicodeDecodeError:
            bad[at] = True
            shown.append(value.decode(errors="backslashreplace"))
    texts = pc.if_else(pa.array(bad), None, data).cast(pa.string())
    return texts, [Unfit(NOT_UTF8, np.flatnonzero(bad), pa.array(shown, pa.string()))]


def _finite(column: pa.Array) -> tuple[pa.Array, list[Unfit]]:
    finite = pc.is_finite(column)
    if pc.all(finite).as_py() is not False:
        return column, []
    bad = ~_mask(finite.fill_null(True))
    values = column.take(pa.array(np.flatnonzero(bad))).to_pylist()
    names = ["NaN" if value != value else "Infinity" if value > 0 else "-Infinity" for value in values]
    return pc.if_else(pa.array(bad), None, column), [Unfit(NOT_FINITE, np.flatnonzero(bad), pa.array(names))]


def _numbers_in(texts: pa.Array, exact: bool) -> tuple[pa.Array, list[Unfit]]:
    """Numbers as they are written, of which some may be none."""
    odd = pc.match_substring_regex(texts, "[nN]")
    if pc.any(odd).as_py():
        _, unfit = _finite(pc.if_else(odd, texts, None).cast(pa.float64()))
        texts = pc.if_else(odd, None, texts)
    else:
        unfit = []
    return (texts if exact else texts.cast(pa.float64())), unfit


def _decimal(column: pa.Array, exact: bool) -> pa.Array:
    kind, target = column.type, plain_type(column.type, exact)
    wide = column if kind.bit_width >= 128 else column.cast(_wide(kind))
    if target == pa.float64():
        return doubles(wide)
    if target == pa.string():
        return decimal_texts(wide)
    if target == pa.int64() and kind.scale < 0:
        return decimal_texts(wide).cast(target)
    return wide if wide.type == target else wide.cast(target)


def _days(column: pa.Array) -> tuple[pa.Array, list[Unfit]]:
    if pa.types.is_date64(column.type):
        days = np.floor_divide(_numbers(column, pa.int64()), DAY)
    else:
        ends = pc.min_max(column.view(pa.int32()))
        if (ends["min"].as_py() or 0) >= FIRST_DAY and (ends["max"].as_py() or 0) <= LAST_DAY:
            return column, []
        days = _numbers(column, pa.int32())
    there = _mask(column.is_valid())
    bad = there & ((days < FIRST_DAY) | (days > LAST_DAY))
    made = pa.array(np.where(bad, 0, days).astype(np.int32), mask=bad | ~there).view(pa.date32())
    return made, _no_dates(bad, days, 1, "days")


#: How many of a unit are a second.
_PER_SECOND = {"s": 1, "ms": 1000, "us": 1_000_000, "ns": 1_000_000_000}


def _times(column: pa.Array, exact: bool) -> tuple[pa.Array, list[Unfit]]:
    """Milliseconds, cut down to the one before."""
    unit, zone = column.type.unit, column.type.tz or "UTC"
    target = pa.timestamp("ms", zone) if exact else TIMESTAMP
    per = _PER_SECOND[unit]
    first, last = FIRST_MILLI // 1000 * per, (LAST_MILLI // 1000 + 1) * per - 1
    ends = pc.min_max(column.view(pa.int64()))
    low, high = ends["min"].as_py() or 0, ends["max"].as_py() or 0
    margin = 0 if zone == "UTC" else 86_400 * per  # a zone may lead out of these years
    within = first + margin <= low and high <= last - margin
    if within and unit == "ms":
        return column.view(target), []
    values = _numbers(column, pa.int64())
    there = _mask(column.is_valid())
    bad = there & ((values < first) | (values > last))
    if not within and exact and zone != "UTC":
        bad |= there & ~bad & _outside_locally(np.where(bad | ~there, 0, values), column.type)
    sound = np.where(bad, 0, values)
    millis = sound * (1000 // per) if per <= 1000 else np.floor_divide(sound, per // 1000)
    made = pa.array(millis, mask=bad | ~there).view(target)
    return made, _no_dates(bad, values, per, unit)


def _outside_locally(values: np.ndarray[Any, Any], kind: pa.DataType) -> Mask:
    """Which times lie outside the years 1 to 9999 in their own zone."""
    per = _PER_SECOND[kind.unit]
    near = (values < (FIRST_DAY + 1) * 86_400 * per) | (values > LAST_DAY * 86_400 * per)
    outside = np.zeros(len(values), dtype=bool)
    for at in np.flatnonzero(near).tolist():
        try:
            moment = pa.scalar(int(values[at]) // per, pa.timestamp("s", "UTC")).as_py()
            moment.astimezone(pa.scalar(0, pa.timestamp("s", kind.tz)).as_py().tzinfo or ZoneInfo("UTC"))
        except (OverflowError, ValueError):
            outside[at] = True
    return outside


def _no_dates(bad: Mask, values: np.ndarray[Any, Any], per: int, unit: str) -> list[Unfit]:
    at = np.flatnonzero(bad)
    if not len(at):
        return []
    # numpy knows years of any number
    shown = [
        str(np.datetime64(value, "D")) if unit == "days" else f"{np.datetime64(value // per, 's')}Z"
        for value in values[at].tolist()
    ]
    return [Unfit(NO_DATE, at, pa.array(shown, pa.string()))]


def _lists(column: pa.Array, exact: bool) -> tuple[pa.Array, list[Unfit]]:
    kind, target = column.type, plain_type(column.type, exact)
    offsets, flat = list_parts(column)
    inner, unfit = _of_field(flat, kind.value_field, exact)
    if inner is flat and kind.equals(target):
        return column, []
    mask = pa.array(~_mask(column.is_valid())) if column.null_count else None
    made = pa.ListArray.from_arrays(pa.array(offsets), plain(inner), type=target, mask=mask)
    return made, [_outward(item, EVERY, offsets) for item in unfit]


def _maps(column: pa.Array, exact: bool) -> tuple[pa.Array, list[Unfit]]:
    keys, items, sizes = map_parts(column)
    places = offsets_of(sizes)
    texts, wrong = plain_column(keys, exact)
    if pa.types.is_integer(texts.type):
        texts = texts.cast(pa.string())
    values, unfit = _of_field(items, column.type.item_field, exact)
    twice = _repeated(texts, places)
    if twice is None and texts is keys and values is items and column.type.equals(pa.map_(pa.string(), values.type)):
        return column, []
    texts, values = plain(texts), plain(values)
    if twice is not None:
        wrong = [*wrong, Unfit(KEY_TWICE, np.flatnonzero(twice), texts.filter(pa.array(twice)))]
    wrong = [_outward(item, "key", places) for item in wrong]
    unfit = [_outward(item, EVERY, places) for item in unfit]
    if wrong:  # a key that is no text cannot stand for anything, nor can one that stands twice: its entry is left out
        kept = valid(texts) if twice is None else valid(texts) & ~twice
        places, texts, values = sieved(places, kept, texts, values)
    made = pa.MapArray.from_arrays(
        pa.array(places), texts, values, type=plain_type(column.type, exact), mask=_nowhere(~valid(column))
    )
    return made, [*wrong, *unfit]


def _repeated(keys: pa.Array, places: np.ndarray[Any, Any]) -> Mask | None:
    """Which entries of maps have the key of an entry before them in the same map; None if none has."""
    if not (np.diff(places) > 1).any():
        return None
    encoded = keys if isinstance(keys, pa.DictionaryArray) else keys.dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    pairs = owners_of(places) * (len(encoded.dictionary) + 1) + codes
    order = np.argsort(pairs, kind="stable")
    again = order[1:][(pairs[order[1:]] == pairs[order[:-1]]) & (codes[order[1:]] >= 0)]
    if not len(again):
        return None
    found = np.zeros(len(pairs), dtype=bool)
    found[again] = True
    return found


def _structs(column: pa.Array, exact: bool) -> tuple[pa.Array, list[Unfit]]:
    kind = column.type
    target = plain_type(kind, exact)
    assert target is not None  # noqa: S101  (checked before)
    parts, found, same = [], [], kind.equals(target)
    for field, part in zip(kind, column.flatten(), strict=True):
        made, unfit = _of_field(part, field, exact)
        same &= made is part
        parts.append(plain(made))
        found += [replace(item, path=(field.name, *item.path)) for item in unfit]
    if same:
        return column, []
    mask = _nowhere(~_mask(column.is_valid()))
    if not parts:
        return pa.StructArray.from_buffers(target, len(column), [column.is_valid().buffers()[1]]), []
    return pa.StructArray.from_arrays(parts, fields=list(target), mask=mask), found


def _outward(item: Unfit, step: str, offsets: np.ndarray[Any, Any]) -> Unfit:
    """What is unfit among the elements of lists, as rows of the column of lists."""
    rows = np.searchsorted(offsets, item.rows, side="right") - 1
    return replace(item, path=(step, *item.path), rows=rows.astype(np.int64))


def _numbers(column: pa.Array, kind: pa.DataType) -> np.ndarray[Any, np.dtype[np.int64]]:
    found: np.ndarray[Any, Any] = column.view(kind).fill_null(0).to_numpy(zero_copy_only=False)
    return found.astype(np.int64)


def _mask(values: pa.Array) -> Mask:
    found: Mask = values.to_numpy(zero_copy_only=False)
    return found


def _nowhere(mask: Mask) -> pa.Array | None:
    return pa.array(mask) if mask.any() else None


def held_column(column: pa.Array) -> tuple[pa.Array, list[Unfit]]:
    """:func:`plain_column`; a column that no record can hold at least so that its rows can be picked and shown."""
    return (_takeable(column), []) if plain_type(column.type) is None else plain_column(column)


def held_rows(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Rows of a source with all columns in the types of chunks, those too that nothing reads and that are as they came.

    Values that no record can hold are null where the type of their column changes.
    """
    columns = [one if one.type == plain_type(one.type) else held_column(one)[0] for one in rows.columns]
    return pa.RecordBatch.from_arrays(columns, names=rows.schema.names)


def picked(rows: Any, pick: Callable[[Any], Any]) -> Any:
    """What `pick` takes of rows or of a column, of which Arrow may not be able to take any as they came."""
    try:
        return pick(rows)
    except pa.ArrowNotImplementedError:
        if isinstance(rows, pa.RecordBatch):
            columns = [picked(column, pick) for column in rows.columns]
            return pa.RecordBatch.from_arrays(columns, names=rows.schema.names)
        return pick(held_column(rows)[0])


def _takeable(column: pa.Array) -> pa.Array:
    """A column of which rows can be picked and shown: itself, or text where Arrow cannot do that with its type."""
    if _apart(column.type) != column.type:
        return shown(column)
    try:
        column.slice(0, 0).take(pa.array([], pa.int64()))
    except pa.ArrowNotImplementedError:
        return shown(column)
    return column


def shown(column: pa.Array) -> pa.Array:
    """A column as it can be printed: itself, or text where no record can hold its type or no double its digits."""
    if pa.types.is_decimal(column.type):
        texts = decimal_texts(column)
        return texts if (pc.max(pc.binary_length(texts)).as_py() or 0) > 16 else column
    if plain_type(column.type) is not None:
        return column
    values = column.view(_apart(column.type)).to_pylist()
    return pa.array([None if value is None else _shown(value) for value in values], pa.string())


def _apart(kind: pa.DataType) -> pa.DataType:
    """A type whose structs name no two fields alike: later ones get a number behind their name."""
    if pa.types.is_struct(kind):
        names = numbered_names([field.name for field in kind])
        made = pa.struct([pa.field(name, _apart(field.type)) for name, field in zip(names, kind, strict=True)])
        same = names == [field.name for field in kind] and all(
            a.type == b.type for a, b in zip(made, kind, strict=True)
        )
        return kind if same else made
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        inner = _apart(kind.value_type)
        return kind if inner == kind.value_type else (pa.list_ if pa.types.is_list(kind) else pa.large_list)(inner)
    if pa.types.is_map(kind):  # the name of its entries may be any, and is kept
        inner = _apart(kind.item_type)
        return kind if inner == kind.item_type else pa.map_(kind.key_type, inner)
    return kind


def _shown(value: Any) -> str:
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)


def plain(column: pa.Array) -> pa.Array:
    """`column` with the values themselves, if it is dictionary-encoded."""
    return _taken(column.dictionary, column.indices) if isinstance(column, pa.DictionaryArray) else column


def joined(arrays: Sequence[pa.Array]) -> pa.Array:
    """Arrays of one logical type as one; of texts some may be dictionary-encoded and others not.

    Arrow itself joins neither unlike encodings nor dictionaries that hold a null.
    """
    if len(arrays) == 1:
        return arrays[0]
    kinds = {array.type for array in arrays}
    encoded = [array for array in arrays if isinstance(array, pa.DictionaryArray)]
    if len(kinds) > 1 or any(array.dictionary.null_count for array in encoded):
        arrays = [plain(array) for array in arrays]
        known = [array.type for array in arrays if not pa.types.is_null(array.type)]
        arrays = [pa.nulls(len(a), known[0]) if known and pa.types.is_null(a.type) else a for a in arrays]
    return pa.concat_arrays(arrays)


def joined_batches(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """Batches of the same columns as one, each column as :func:`joined` makes it."""
    columns = [joined(arrays) for arrays in zip(*(batch.columns for batch in batches), strict=True)]
    return pa.RecordBatch.from_arrays(columns, batches[0].schema.names)


def _uuid_texts(storage: pa.Array) -> pa.Array:
    words = [None if value is None else value.hex() for value in storage.to_pylist()]
    made = [w and f"{w[:8]}-{w[8:12]}-{w[12:16]}-{w[16:20]}-{w[20:]}" for w in words]
    return pa.array(made, pa.string())


#: Extension types that are read: the plain type, and how their storage becomes it.
_EXTENSIONS: dict[str, tuple[pa.DataType, Callable[[pa.Array], pa.Array]]] = {
    "arrow.uuid": (pa.string(), _uuid_texts),
    "arrow.json": (pa.string(), lambda storage: storage),
    "arrow.bool8": (pa.bool_(), lambda storage: storage.cast(pa.bool_())),
}


# ---- kernels that Arrow lacks ------------------------------------------------------------------------------------


def rebased(values: pa.Array) -> pa.Array:
    """A string array whose offsets begin at 0, without a copy of the text.

    A cast of a slice gives offsets that begin elsewhere; Arrow's ``ascii_lower`` and ``ascii_upper`` are wrong there.
    """
    if not len(values):
        return values.slice(0, 0) if values.offset == 0 else pa.array([], values.type)
    bitmap, places, data = values.buffers()
    offsets = np.frombuffer(places, np.int32, len(values) + 1, values.offset * 4)
    first, last = int(offsets[0]), int(offsets[-1])
    if not first and not values.offset:
        return values
    if bitmap is not None and values.offset:
        bitmap = values.is_valid().buffers()[1] if values.null_count else None
    text = pa.py_buffer(b"") if data is None else data.slice(first, last - first)
    return pa.Array.from_buffers(values.type, len(values), [bitmap, pa.py_buffer(offsets - first), text])


def decimal_texts(values: pa.Array) -> pa.Array:
    """Decimals as text with all their digits and without an exponent."""
    texts = values.cast(pa.string())
    short = pc.match_substring(texts, "E")
    if pc.any(short).as_py():
        at = pa.array(np.flatnonzero(_mask(short.fill_null(False))))
        texts_in_full = [format(value, "f") for value in values.take(at).to_pylist()]
        texts = pc.replace_with_mask(texts, short.fill_null(False), pa.array(texts_in_full, pa.string()))
    return texts


#: Integers up to this, and powers of ten up to this one, are exact as doubles, so that one division rounds only once.
_EXACT, _POWERS = 1 << 53, 22


def doubles(values: pa.Array) -> pa.Array:
    """Decimals as the nearest doubles.  (Arrow's own cast multiplies by an inexact power of ten.)"""
    kind = values.type
    if kind.bit_width < 128:
        values, kind = values.cast(_wide(kind)), _wide(kind)
    if pa.types.is_decimal128(kind) and 0 <= kind.scale <= _POWERS and len(values):
        data = values.buffers()[1]
        halves = np.frombuffer(data, np.int64, 2 * len(values), values.offset * 16).reshape(-1, 2)
        low, high = halves[:, 0], halves[:, 1]
        small = (high == low >> 63) & (low <= _EXACT) & (low >= -_EXACT)
        if values.null_count:
            small |= ~_mask(values.is_valid())
        found = low / np.float64(10**kind.scale)
        if not small.all():
            odd = np.flatnonzero(~small)
            found[odd] = values.take(pa.array(odd)).cast(pa.string()).cast(pa.float64()).to_numpy(zero_copy_only=False)
        return pa.array(found, mask=~_mask(values.is_valid()) if values.null_count else None)
    return values.cast(pa.string()).cast(pa.float64())
