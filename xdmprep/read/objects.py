"""Python objects as columns: rows that are dicts, lists of values, pandas columns of objects.

A column gets the one Arrow type that holds all its values without loss: numbers of several kinds stay as they are
written, integers beyond 64 bits and other values of several kinds become text.  A column with values that no record can
hold (bytes, objects of other classes) gets a type that says so, and matters only if it is mapped.
"""

from __future__ import annotations

import datetime
import json
import os
import pickle
import tempfile
import weakref
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from enum import Enum
from functools import partial, reduce
from itertools import accumulate, chain, islice
from numbers import Integral, Real
from operator import attrgetter
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from .. import kernels
from ..core.arrow_types import NUMBERS, is_zone
from ..core.ndjson.fields import MAX_NOTES, MOST_FIELDS, is_map, unlike_text
from ..core.ndjson.strict import MAX_DIGITS, UnreadableError
from ..core.paths import EVERY
from ..core.paths import Path as Steps
from ..core.stream import Unlike
from ..errors import SourceError, shorten
from .row_kinds import as_object, as_row, guarded, why_no_row

#: Rows of a piece.
PIECE_ROWS = 1_000

_EXACT = 1 << 53
#: Levels of objects and arrays that a value may have to be a column.
MAX_DEPTH = 100

#: What is known of a column: :class:`Fields`, ``("map", kind of its values)``, a list with one kind, the name of a
#: scalar, or None for nothing yet.  A decimal is ``("decimal", digits before the point, digits behind it)``; decimals
#: of other scales, integers and doubles together are ``"numbers"``.  A time is ``"time"`` in UTC or without a zone,
#: else ``"time Europe/Berlin"``.  Values of different types are ``"mixed"``: they share no type but text.  What no
#: record can hold is ``"odd PosixPath in row 3"``.
Kind = Any


class Fields(dict[str, Kind]):
    """The fields of dicts.

    Attributes:
        dicts, keys: how many dicts, and how many keys they have together.
    """

    dicts = 1
    keys_in_all = 0

    def joined(self, other: Fields) -> Kind:
        """The fields of both; a map where they are too many and too unlike."""
        made = Fields(self)
        for name, kind in other.items():
            made[name] = joined_kinds(self.get(name), kind)
        made.dicts, made.keys_in_all = self.dicts + other.dicts, self.keys_in_all + other.keys_in_all
        if not is_map(len(made), made.dicts, made.keys_in_all):
            return made
        values = reduce(joined_kinds, made.values(), None)
        alike = values not in ("text", "mixed") or all(kind in (None, "text", "mixed") for kind in made.values())
        return ("map", values) if alike or len(made) > MOST_FIELDS else made


def kind_of(value: Any, row: int = 0, depth: int = 0) -> Kind:
    """The kind of one value in a row; what nests deeper than :data:`MAX_DEPTH`, or contains itself, is odd."""
    if depth > MAX_DEPTH:
        return f"{_ODD}{type(value).__name__} inside more than {MAX_DEPTH} others in row {row}"
    if value is None:
        return None
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        size = abs(value)
        return "int" if size <= _EXACT else "long" if -(2**63) <= value < 2**63 else "digits"
    if isinstance(value, float):
        return "double"
    if isinstance(value, str | UUID):
        return "text"
    if isinstance(value, Decimal):
        return _decimal_kind(value)
    if isinstance(value, datetime.datetime):
        return _time_kind(value) or f"{_ODD}{type(value).__name__} of an unknown offset in row {row}"
    if isinstance(value, datetime.date):
        return "date"
    if isinstance(value, datetime.time):
        return "clock" if value.tzinfo is None else "text"
    if isinstance(value, Mapping):
        fields = Fields((name, kind_of(_usual(item), row, depth + 1)) for name, item in named(value))
        fields.keys_in_all = len(fields)
        return fields
    if isinstance(value, list | tuple):
        items: Kind = None
        for item in value:
            items = joined_kinds(items, kind_of(_usual(item), row, depth + 1))
        return [items]
    return "time" if type(value).__name__ == "datetime64" else f"{_ODD}{type(value).__name__} in row {row}"


def kind_of_all(values: Collection[Any], kind: Kind = None, first: int = 1) -> Kind:
    """The kind that holds `values`, whose rows are counted from `first`, and those of `kind` without loss."""
    types = _types(values)
    moments = _moments(types)
    some: Collection[Any] = values
    if types - moments <= _ONE_KIND.keys():
        integers = _ends(values, types) if int in types else ()
        timed = [value for value in values if type(value) in moments] if moments else []
        zones = dict(zip(map(id, map(attrgetter("tzinfo"), timed)), timed, strict=True))
        if all(_has_one_name(value.tzinfo) for value in zones.values()):
            some = [*integers, *zones.values()]
            kind = reduce(joined_kinds, (_ONE_KIND[one] for one in types - moments - {int}), kind)
    return reduce(joined_kinds, (kind_of(_usual(value), row) for row, value in enumerate(some, first)), kind)


def _types(values: Iterable[Any]) -> set[type]:
    return kernels.active.object_types(values) if isinstance(values, np.ndarray) else set(map(type, values))


def _ends(values: Iterable[Any], types: set[type]) -> list[int]:
    """The least and the greatest integer."""
    with suppress(OverflowError):
        if types == {int}:
            integers = np.asarray(values, np.int64)
            return [int(integers.min()), int(integers.max())]
    exact = [value for value in values if type(value) is int]
    return [min(exact), max(exact)]


def _moments(types: set[type]) -> set[type]:
    """Which of some types are those of date-times, pandas' missing one aside."""
    return {one for one in types if issubclass(one, datetime.datetime) and one.__name__ != "NaTType"}


def _has_one_name(zone: datetime.tzinfo | None) -> bool:
    """Whether all times of a zone are of one kind; the offsets of one that Arrow does not know are of several."""
    known = isinstance(zone, ZoneInfo) and zone.key is not None and is_zone(zone.key)
    return zone is None or type(zone) is datetime.timezone or known


#: Types whose values are all of one kind; that of integers depends on their size.
_ONE_KIND: dict[type, str | None] = {
    type(None): None, str: "text", bool: "bool", float: "double", datetime.date: "date", int: "int",
}  # fmt: skip


def named(value: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    """The fields of a dict, with texts as keys; UnreadableError if a key is none, or stands twice."""
    seen: set[str] = set()
    for key, item in value.items():
        name = str(key)
        if not name.isascii():
            try:
                name.encode()
            except UnicodeEncodeError:
                raise UnreadableError(
                    "unreadable", f"half a surrogate pair (\\ud800 to \\udfff) in the key {name!r}"
                ) from None
        if type(key) is not str:
            seen = seen or {str(other) for other in value if type(other) is str}
            if name in seen:
                raise UnreadableError("duplicate-key", f"the key {shorten(name, 60)} stands twice in one object")
            seen.add(name)
        yield name, item


def _decimal_kind(value: Decimal) -> Kind:
    if not value.is_finite():
        return "double"
    _, digits, exponent = value.as_tuple()
    scale, whole = max(0, -int(exponent)), max(len(digits) + int(exponent), 0)
    if whole + scale <= _MOST_DIGITS:
        return ("decimal", whole, scale)
    return "numbers" if whole <= MAX_DIGITS else "digits"


def _time_kind(value: datetime.datetime) -> Kind:
    """A time by its zone, whose days are those of the value; None where the zone has no offset for it.

    Zones that Arrow does not know count as UTC.
    """
    if value.tzinfo is None:
        return "time"
    if value.utcoffset() is None:
        return None
    zone = getattr(value.tzinfo, "key", None)
    if zone is None or not is_zone(zone):
        zone = _zone(value)
    return "time" if zone in ("UTC", "+00:00", "") else f"{_IN_ZONE}{zone}"


def _zone(value: datetime.datetime) -> str:
    try:
        name: str = pa.lib.tzinfo_to_string(value.tzinfo)
    except (ValueError, TypeError, NotImplementedError):
        minutes, odd = divmod(value.utcoffset() or datetime.timedelta(), datetime.timedelta(minutes=1))
        name = "" if odd else f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    return name if name and is_zone(name) else ""


#: Modules whose classes are no objects with fields.
_NO_OBJECTS = ("builtins", "datetime", "decimal", "uuid")


def _usual(value: Any) -> Any:
    """A value as one of Python's own: numpy's scalars and arrays, pandas' missing values and times, enumerations.

    A set is a list in an order that is the same in each run.
    """
    if value is None or type(value) in (str, int, float, bool, dict, list):
        return value
    if isinstance(value, set | frozenset):
        return sorted(value, key=lambda item: (isinstance(item, str), item if isinstance(item, Real) else 0, str(item)))
    if isinstance(value, Enum):
        return value.value
    module = type(value).__module__.partition(".")[0]
    if module == "numpy":
        if type(value).__name__ == "datetime64":
            return _of_numpy_time(value)
        if names := value.dtype.names if hasattr(value, "dtype") else ():
            return list(value) if value.ndim else {name: value[name] for name in names}
        if getattr(getattr(value, "dtype", None), "char", "") == "f":  # float32, as it is printed, see plain_column
            is_integer = not value.ndim and float(value).is_integer() and abs(value) < _EXACT
            return list(value) if value.ndim else float(value if is_integer else str(value))
        made = value.tolist()
        return _of_long_double(value) if type(made) is type(value) else _usual(made)
    if module == "pandas":
        if type(value).__name__ in ("NAType", "NaTType"):
            return None
        return value.to_pydatetime(warn=False) if hasattr(value, "to_pydatetime") else value
    if module not in _NO_OBJECTS and (made := as_object(value)) is not None:
        return made
    return value


def _of_long_double(value: Any) -> Any:
    """numpy's float of 80 or 128 bits as a double where that is the same number, else as a decimal."""
    try:
        made = float(value)
    except (TypeError, ValueError):  # something else that Python has not
        return value
    if type(value).__name__ not in ("longdouble", "float96", "float128"):
        return value
    return made if made == value or made != made else Decimal(str(value))


def _of_numpy_time(value: Any) -> Any:
    """numpy's time as Python's, cut down to microseconds; as it is where Python's years end."""
    found = value.astype("datetime64[us]").item()
    return value if isinstance(found, int) else found


def joined_kinds(a: Kind, b: Kind) -> Kind:
    """The kind that holds the values of both without loss."""
    if a is None or b is None:
        return b if a is None else a
    if isinstance(a, Fields) and isinstance(b, Fields):
        return a.joined(b)
    if a == b:
        return b
    if _is_odd(a) or _is_odd(b):
        return a if _is_odd(a) else b
    if _is_map(a) or _is_map(b):
        if not all(isinstance(one, Fields) or _is_map(one) for one in (a, b)):
            return "mixed"
        inner = [kind for one in (a, b) for kind in (one.values() if isinstance(one, Fields) else one[1:])]
        return ("map", reduce(joined_kinds, inner, None))
    if isinstance(a, list) and isinstance(b, list):
        return [joined_kinds(a[0], b[0])]
    if isinstance(a, dict | list) or isinstance(b, dict | list):
        return "mixed"
    both = {a if isinstance(a, str) else "decimal", b if isinstance(b, str) else "decimal"}
    if both <= {"int", "long"}:
        return "long"
    if both == {"decimal"} and a[2] == b[2] and max(a[1], b[1]) + a[2] <= _MOST_DIGITS:
        return ("decimal", max(a[1], b[1]), a[2])
    if both <= {"decimal", "int", "double", "numbers"}:  # longer integers are not for a column that may become doubles
        return "numbers"
    if both == {"date", "time"}:
        return "time"
    return "text" if all(kind in _WRITTEN or kind.startswith(_IN_ZONE) for kind in both) else "mixed"


#: Digits of a decimal that is no text.
_MOST_DIGITS = 76
#: Begin of the kind of times in a zone of their own, and of values that no record can hold.
_IN_ZONE, _ODD = "time ", "odd "
#: Kinds that JSON has as text, beside these.
_WRITTEN = {"text", "date", "time", "clock"}


def _is_map(kind: Kind) -> bool:
    return isinstance(kind, tuple) and kind[0] == "map"


def _is_odd(kind: Kind) -> bool:
    return isinstance(kind, str) and kind.startswith(_ODD)


def type_of(kind: Kind) -> pa.DataType:
    """The Arrow type of a kind."""
    if _is_map(kind):
        return pa.map_(pa.string(), type_of(kind[1]))
    if isinstance(kind, dict):
        return pa.struct([(name, type_of(inner)) for name, inner in kind.items()])
    if isinstance(kind, list):
        return pa.list_(type_of(kind[0]))
    if isinstance(kind, tuple):
        _, whole, scale = kind
        digits = max(whole + scale, 1)
        return (pa.decimal128 if digits <= 38 else pa.decimal256)(digits, scale)
    if isinstance(kind, str) and kind.startswith(_IN_ZONE):
        return pa.timestamp("us", kind.removeprefix(_IN_ZONE))
    if _is_odd(kind):
        return pa.opaque(pa.null(), kind.removeprefix(_ODD), "Python")
    return _SCALARS[kind]


_SCALARS: dict[str | None, pa.DataType] = {
    None: pa.null(), "bool": pa.bool_(), "int": pa.int64(), "long": pa.int64(), "digits": pa.string(),
    "mixed": pa.string(), "numbers": NUMBERS,
    "double": pa.float64(), "text": pa.string(), "time": pa.timestamp("us", "UTC"), "date": pa.date32(),
    "clock": pa.time64("us"),
}  # fmt: skip


def _fitted(value: Any, kind: Kind) -> Any:
    """A scalar as Arrow takes it for a kind that it was joined into."""
    if kind == "numbers":
        return _number_text(value)
    if kind in ("text", "mixed", "digits"):
        return None if is_nan(value) else text_of(value)
    if isinstance(kind, tuple):
        return Decimal(value)
    if kind == "double":
        return _double(value)
    if kind == "time" and isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        value = datetime.datetime(value.year, value.month, value.day)
    if kind == "time" and type(value).__name__ == "datetime64":
        return int(value.astype("datetime64[us]").astype("int64"))
    if isinstance(value, datetime.datetime):
        zoned = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
        return (zoned - _EPOCH) // _MICRO
    return value


def _number_text(value: Any) -> str:
    """A number as it is written; one that JSON does not have as Arrow reads it."""
    if type(value) is Decimal:
        return format(value, "f") if value.is_finite() else str(_double(value))
    return str(value)


_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICRO = datetime.timedelta(microseconds=1)


def is_nan(value: Any) -> bool:
    """Whether a value is NaN, which among texts is no value, as in pandas."""
    return value.is_nan() if isinstance(value, Decimal) else isinstance(value, float | np.floating) and value != value


def _double(value: Any) -> float:
    """The nearest double; NaN for a decimal that is a signalling NaN."""
    return float("nan") if isinstance(value, Decimal) and value.is_nan() else float(value)


def text_of(value: Any) -> str:
    """A value as text: digits of numbers, ISO dates, JSON for what is nested."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(as_json(value), ensure_ascii=False)
    try:
        return str(value)
    except ValueError:  # an integer of more digits than Python prints
        return format(Decimal(value), "f")


def as_json(value: Any) -> Any:
    """A value as JSON has it: dates as text, decimals as numbers; other classes as they are."""
    value = _usual(value)
    if isinstance(value, Mapping):
        return {name: as_json(item) for name, item in named(value)}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, Decimal):
        return int(value) if value.is_finite() and value == value.to_integral_value() else _double(value)
    if isinstance(value, datetime.datetime):
        zoned = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
        return zoned.isoformat().replace("+00:00", "Z")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def is_slow_or_odd(values: Iterable[Any]) -> bool:
    """Whether Arrow must not find the type of some Python objects.

    It takes the zone of the first time for all, makes doubles of integers among them and one scale of those of
    decimals, and a field of every key of dicts, whose number times that of the dicts is the cost; sets have no order.
    """
    kinds = _types(values)
    slow = (Mapping, datetime.datetime, set, frozenset)
    if any(issubclass(kind, slow) for kind in kinds) or _are_several_numbers(kinds):
        return True
    if not any(issubclass(kind, list | tuple) or hasattr(kind, "tolist") for kind in kinds):
        return False
    arrays = (one for one in values if isinstance(one, list | tuple) or getattr(one, "ndim", 0) > 0)
    inside = {type(item) for value in arrays for item in value}
    return any(issubclass(kind, (*slow, list, tuple)) for kind in inside) or (_are_several_numbers(inside))


def _are_several_numbers(kinds: set[type]) -> bool:
    """Whether values of some types may be numbers that are not written alike."""
    reals = {kind for kind in kinds if not issubclass(kind, bool) and issubclass(kind, Real)}
    return Decimal in kinds or len({issubclass(kind, Integral) for kind in reals}) > 1


class Objects:
    """A column of Python objects, of which arrays are made piece by piece, as one of all would be a copy.

    Attributes:
        values: the objects; an array of numpy holds strings, and what `missing` and numpy call missing.
        type: the Arrow type of all.

    Raises:
        SourceError: a dict among them has a key twice, or one that is no text.
    """

    def __init__(self, values: Sequence[Any] | np.ndarray[Any, Any], missing: tuple[Any, ...] = ()) -> None:
        self.values, self._missing = values, missing
        try:
            self._kind = "text" if isinstance(values, np.ndarray) else kind_of_all(values)
        except UnreadableError as error:
            raise SourceError(f"a column of Python objects: {error.message}.") from None
        self.type = array_of([], self._kind).type

    def __len__(self) -> int:
        return len(self.values)

    def array(self, start: int, stop: int) -> pa.Array:
        """The values from `start` up to `stop`."""
        some = self.values[start:stop]
        if isinstance(some, np.ndarray):
            if (made := kernels.active.object_texts(some, self._missing)) is not None:
                return made
            some = [value if type(value) is str else None for value in some]
        return array_of(some, self._kind)

    def unlike(self, name: str) -> list[str]:
        """The places in the column of this name whose values become text because their types differ."""
        places = unlike_places(self._kind, (name,))
        return [unlike_at(place, ({name: value} for value in self.values)) for place in places]


def array_of(values: Sequence[Any] | np.ndarray[Any, Any], kind: Kind) -> pa.Array:
    """Values as an array of their kind."""
    if kind == "text":
        objects = values if isinstance(values, np.ndarray) else np.fromiter(values, object, len(values))
        if (texts := kernels.active.object_texts(objects, ())) is not None:
            return texts
    types = _types(values)
    if (types == {float} and kind == "double") or (types == {int} and kind in ("int", "long")):
        return pa.array(np.asarray(values, np.float64 if kind == "double" else np.int64))
    values = values.tolist() if isinstance(values, np.ndarray) else values
    are_moments = isinstance(kind, str) and kind.partition(" ")[0] == "time" and types - {type(None)} == _moments(types)
    if are_moments and not os.environ.get("PYARROW_IGNORE_TIMEZONE"):  # with which Arrow drops offsets
        return pa.array(values, type_of(kind))
    if _is_odd(kind):
        return pa.ExtensionArray.from_storage(type_of(kind), pa.nulls(len(values)))
    if not types <= _ONE_KIND.keys():
        values = [_usual(value) for value in values]
        types = set(map(type, values))
    if isinstance(kind, str) and all(_ONE_KIND.get(one, "") in (None, kind) for one in types):
        made = values
    elif isinstance(kind, dict | list) or _is_map(kind):
        return _nested(values, kind)
    else:
        made = [None if value is None else _fitted(value, kind) for value in values]
    if kind == "numbers":
        return pa.ExtensionArray.from_storage(NUMBERS, pa.array(made, pa.string()))
    try:
        return pa.array(made, type_of(kind))
    except UnicodeEncodeError:  # half of a surrogate pair, which UTF-8 does not have
        data = [None if text is None else text.encode("utf-8", "surrogatepass") for text in made]
        return pa.Array.from_buffers(pa.string(), len(data), pa.array(data, pa.binary()).buffers())


def _nested(values: Sequence[Any], kind: Kind) -> pa.Array:
    absent = pa.array([value is None for value in values], pa.bool_())
    if isinstance(kind, dict):
        rows = [{} if value is None else {str(name): item for name, item in value.items()} for value in values]
        parts = [array_of([row.get(name) for row in rows], inner) for name, inner in kind.items()]
        if not parts:
            return pa.array([None if value is None else {} for value in values], pa.struct([]))
        return pa.StructArray.from_arrays(parts, names=list(kind), mask=absent)
    if _is_map(kind):
        rows = [{} if value is None else value for value in values]
        entries = [[(str(key), item) for key, item in row.items() if _usual(item) is not None] for row in rows]
        ends = list(accumulate(map(len, entries), initial=0))
        keys = pa.array([key for some in entries for key, _ in some], pa.string())
        items = array_of([item for some in entries for _, item in some], kind[1])
        return pa.MapArray.from_arrays(pa.array(ends, pa.int32()), keys, items, mask=absent)
    ends = list(accumulate((0 if value is None else len(value) for value in values), initial=0))
    items = [item for value in values if value is not None for item in value]
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), array_of(items, kind[0]), mask=absent)


def unlike_places(kind: Kind, path: Steps = ()) -> Iterator[Steps]:
    """The places whose values become text because no other type holds them all."""
    if isinstance(kind, dict):
        for name, inner in kind.items():
            yield from unlike_places(inner, (*path, name))
    elif isinstance(kind, list) or _is_map(kind):
        yield from unlike_places(kind[-1], (*path, EVERY))
    elif kind in ("mixed", "digits"):
        yield path


def _values_at(value: Any, path: Steps) -> Iterator[Any]:
    value = _usual(value)
    if value is None:
        return
    if not path:
        yield value
    elif path[0] == EVERY:
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _values_at(item, path[1:])
    else:
        for name, item in value.items():
            if str(name) == path[0]:
                yield from _values_at(item, path[1:])


def unlike_at(path: Steps, rows: Iterable[Any]) -> str:
    """What the values of a place are, and the first row that has another kind of value than those before it."""
    kinds: list[str] = []
    row = 0
    for number, value in enumerate(rows, 1):
        for item in _values_at(value, path):
            word = _word(item)
            if word not in kinds:
                kinds.append(word)
                row = number if len(kinds) <= 2 else row
    return unlike_text(path, kinds, row)


def _word(value: Any) -> str:
    kind = kind_of(value)
    if isinstance(kind, dict | list):
        return "objects" if isinstance(kind, dict) else "arrays"
    kind = kind.partition(" ")[0] if isinstance(kind, str) else kind
    return "decimals" if isinstance(kind, tuple) else _PLURALS[kind]


_PLURALS: dict[str | None, str] = {
    "bool": "booleans", "int": "integers", "long": "integers beyond 2^53", "digits": "integers beyond 64 bits",
    "double": "doubles", "text": "strings", "time": "strings", "date": "strings", "clock": "strings",
    "odd": "other objects",
}  # fmt: skip

Pieces = Callable[[], Iterator[pa.RecordBatch]]


def read_rows(rows: Iterable[Any]) -> tuple[pa.Schema, Pieces, Unlike | None]:
    """Rows that are dicts, as the schema of their columns and what gives them in batches, any number of times.

    The third value says what would be lost if they were taken as records; None if nothing.

    Rows of a list stay where they are; those of a generator go through a temporary file, as their types are known only
    when all have been seen.

    Raises:
        SourceError: a row is no dict or has a key that is no text, or there are none.
    """
    spooled = None if isinstance(rows, list | tuple) else SpooledItems()
    kind: dict[str, Kind] = {}
    number = 0
    for count, columns in _pieces(rows):
        for name, values in columns.items():
            try:
                kind[name] = kind_of_all(values, kind.get(name), number + 1)
            except UnreadableError as error:
                row = number + 1 + next(filter(partial(_is_unreadable, values), range(count)))
                raise SourceError(f"row {row}: {error.message}.") from None
        number += count
        if spooled is not None:
            spooled.add((count, columns))
    if not number or not kind:
        raise SourceError(f"there are no {'columns' if number else 'rows'}.")
    again = partial(_pieces, rows) if spooled is None else spooled.items
    schema = pa.schema([(name, array_of([], inner).type) for name, inner in kind.items()])
    places = tuple(place for name, inner in kind.items() for place in unlike_places(inner, (name,)))
    unlike = partial(_unlike, again, places) if places else None
    return schema, partial(_batches, again, kind, schema), unlike


def _is_unreadable(values: Sequence[Any], at: int) -> bool:
    try:
        kind_of(_usual(values[at]))
    except UnreadableError:
        return True
    return False


def _unlike(again: Callable[[], Iterator[_Piece]], places: tuple[Steps, ...]) -> list[str]:
    def rows(column: str) -> Iterator[dict[str, Any]]:
        return ({column: value} for count, columns in again() for value in columns.get(column, [None] * count))

    return [unlike_at(place, rows(str(place[0]))) for place in places[:MAX_NOTES]]


def _batches(
    again: Callable[[], Iterator[_Piece]], kind: dict[str, Kind], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    for count, columns in again():
        arrays = [array_of(columns.get(name, [None] * count), inner) for name, inner in kind.items()]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


#: A number of rows, and their values by column, in the order in which the columns occur.
_Piece = tuple[int, dict[str, Sequence[Any]]]


def _pieces(rows: Iterable[Any]) -> Iterator[_Piece]:
    given = iter(rows if isinstance(rows, list | tuple) else guarded(rows, "the rows"))
    first = 1
    while piece := list(islice(given, PIECE_ROWS)):
        yield len(piece), _columns(piece, first)
        first += len(piece)


def _columns(rows: list[Any], first: int) -> dict[str, Sequence[Any]]:
    """The values of rows by column; None where a row lacks it.

    Raises:
        SourceError: a row is no dict or has a key that is no text; rows are counted from `first`.
    """
    if set(map(type, rows)) == {dict}:
        names = rows[0]
        if _are_plain(names) and (cells := kernels.active.dict_columns(rows, tuple(names))) is not None:
            return dict(zip(names, cells, strict=True))
        names = dict.fromkeys(chain.from_iterable(rows))
        if _are_plain(names):
            return {name: [row.get(name) for row in rows] for name in names}
    found: dict[str, list[Any]] = {}
    for at, row in enumerate(rows):
        columns = as_row(row)
        if columns is None:
            raise SourceError(f"row {first + at} {why_no_row(row)}")
        if isinstance(columns.get(None), list):
            raise SourceError(
                f"row {first + at} has more values than the header; csv.DictReader keeps them under None. Give the "
                "path of the CSV file instead: such rows are set aside."
            )
        try:
            for name, value in named(columns):
                if name not in found:
                    found[name] = [None] * len(rows)
                found[name][at] = value
        except UnreadableError as error:
            raise SourceError(f"row {first + at}: {error.message}.") from None
    return dict(found)


def _are_plain(names: Iterable[Any]) -> bool:
    return all(type(name) is str and name.isascii() for name in names)


class SpooledItems:
    """Items in a temporary file."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (kept open)
        weakref.finalize(self, self._file.close)
        self._places: list[int | tuple[Any]] = []

    def add(self, item: Any) -> None:
        """One more item."""
        try:
            data = pickle.dumps(item, pickle.HIGHEST_PROTOCOL)
        except Exception:  # what the caller's classes raise; their values matter only if they are mapped
            self._places.append((item,))
            return
        self._places.append(self._file.tell())
        self._file.write(data)

    def items(self) -> Iterator[Any]:
        """All items, one after the other."""
        for place in self._places:
            if isinstance(place, tuple):
                yield place[0]
            else:
                self._file.seek(place)
                yield pickle.load(self._file)  # noqa: S301 (what was written above)


def read_columns(
    columns: Mapping[Any, Any], array: Callable[[Any], pa.Array | Objects]
) -> dict[str, pa.Array | Objects]:
    """The columns of a dict by name; `array` makes an array of a column that is more than a list.

    Raises:
        SourceError: the columns differ in length, or one is no column.
    """
    made: dict[str, pa.Array | Objects] = {}
    for name, values in columns.items():
        if isinstance(values, str | bytes | Mapping) or not hasattr(values, "__len__"):
            raise SourceError(
                f"column {name!r} is of type {type(values).__name__}, not a list of values. A dict has a list for each "
                "column; one row alone is given as [row]."
            )
        if str(name) in made:
            raise SourceError(f"two columns have the name {str(name)!r}. Rename one of them.")
        made[str(name)] = Objects(values) if isinstance(values, list | tuple) else array(values)
    sizes = {name: len(column) for name, column in made.items()}
    if len(set(sizes.values())) > 1:
        shown = ", ".join(f"{name!r} {size}" for name, size in list(sizes.items())[:5])
        raise SourceError(f"the columns differ in length: {shown}.")
    return made
