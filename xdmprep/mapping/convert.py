"""Values to the type of their destination, down to the leaves.

A scalar that does not fit becomes null.  Inside an object or array only the leaf does: an order with one bad quantity
keeps its lines.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from math import isfinite
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..core.arrow_types import holds_text, is_list, type_words
from ..core.paths import EVERY, Path
from ..core.shred import conform, plain, valid
from ..kernels.arrays import list_parts, map_parts, offsets_of
from ..language import NUMERAL, Options, coerce
from ..language.columns import FINE, ZONED
from ..language.shapes import alternatives, fields_of, is_object, keys_of, to_python
from .digits import without_digits
from .nested import as_meant
from .unknown import values_of_other_keys, values_of_others

Positions = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Misfit:
    """Values that did not fit.

    Attributes:
        code: the rule: ``unparsable``; ``unfit`` for doubles that have lost digits and would be text; ``unknown-field``
            where the object has no such field; ``group-differs`` for those that the first of their group displaces;
            ``expression`` where there is no value because the source failed.
        rows: their 0-based positions in the batch, ascending.
        shown: an array of the values as text, as many; None where there is none to show.
        path: where they are inside the value that was converted; empty for the value itself.
        target: the Arrow type that they did not fit, if it is that.
        messages: what is wrong with each, where that differs.
    """

    code: str
    rows: Positions
    shown: Any
    path: Path = ()
    target: pa.DataType | None = None
    messages: pa.Array | None = None


#: The ways to fields that the author was told of before the first row.
_Noted = frozenset[Path]
_NONE: _Noted = frozenset()
#: An array, and what of it did not fit.
_Converted = tuple[pa.Array, list[Misfit]]


def convert(
    values: pa.Array, target: pa.DataType, options: Options, digits: bool = False, noted: _Noted = _NONE,
) -> tuple[pa.Array, list[Misfit]]:  # fmt: skip
    """Convert values to an Arrow type.

    Args:
        values: an Arrow array.
        target: Arrow type of the result.
        options: of the mapping set, such as the time zone and date formats.
        digits: whether doubles that have lost digits of an id do not fit text.
        noted: fields inside of the values that are left out without a word.

    Returns:
        An array of exactly `target`, null where a value did not fit, and what did not fit.
    """
    return _Conversion(options, digits).of(values, target, noted)


@dataclass(frozen=True)
class _Conversion:
    options: Options
    digits: bool

    def of(self, values: pa.Array, target: pa.DataType, noted: _Noted) -> _Converted:
        """`values` as `target`."""
        if pa.types.is_dictionary(values.type) and not holds_text(values.type):
            values = plain(values)
        kind = values.type
        if kind.equals(target):
            return values, []
        if pa.types.is_null(kind):
            return pa.nulls(len(values), target), []
        if kind in (NUMERAL, ZONED, FINE):
            return self._scalars(values, target)
        if parts := alternatives(values):
            return self._mixed(list(parts.values()), target, noted)
        if is_list(target) and is_list(kind):
            return self._lists(values, target, noted)
        if pa.types.is_struct(target) and (pa.types.is_struct(kind) or pa.types.is_map(kind)):
            return self._to_struct(values, target, noted)
        if pa.types.is_map(target) and pa.types.is_struct(kind):
            return self._struct_to_map(values, target, noted)
        if pa.types.is_map(target) and pa.types.is_map(kind):
            return self._maps(values, target, noted)
        return self._scalars(values, target)

    def _part(self, field: pa.Field, values: pa.Array, target: pa.DataType, noted: _Noted, *steps: str) -> _Converted:
        """The values of a field inside of others."""
        array, misfits = self.of(as_meant(field, values, target), target, noted)
        return array, [replace(misfit, path=(*steps, *misfit.path)) for misfit in misfits]

    def _scalars(self, values: pa.Array, target: pa.DataType) -> _Converted:
        array, failed = coerce(values, target, self.options)
        misfits = [Misfit("unparsable", failed, texts(values, failed), target=target)] if len(failed) else []
        if self.digits and pa.types.is_floating(values.type) and holds_text(target):
            lost = without_digits(values)
            if lost.any():
                at = np.flatnonzero(lost)
                misfits = [*misfits, Misfit("unfit", at, texts(values, at))]
                array = pc.if_else(pa.array(lost), None, plain(array))
        return array, misfits

    def _mixed(self, parts: list[pa.Array], target: pa.DataType, noted: _Noted) -> _Converted:
        """Values of one type here and of another there: each by itself."""
        found = [self.of(part, target, noted) for part in parts]
        made = pc.coalesce(*(plain(array) for array, _ in found))  # no two of the parts have a value in the same row
        return made, [misfit for _, misfits in found for misfit in misfits]

    def _lists(self, values: pa.Array, target: pa.DataType, noted: _Noted) -> _Converted:
        offsets, flat = list_parts(values)
        inside = _inside(noted).get(EVERY, _NONE)
        inner, misfits = self._part(values.type.value_field, flat, target.value_type, inside, EVERY)
        array = pa.ListArray.from_arrays(pa.array(offsets), inner, type=target, mask=pa.array(~valid(values)))
        return array, [replace(misfit, rows=_owners(offsets, misfit.rows)) for misfit in misfits]

    def _to_struct(self, values: pa.Array, target: pa.DataType, noted: _Noted) -> _Converted:
        children, found, inside = [], [], _inside(noted)
        for field, (own, part) in zip(target, _fields_of(values, [field.name for field in target]), strict=True):
            child, misfits = self._part(own, part, field.type, inside.get(field.name, _NONE), field.name)
            children.append(plain(child))
            found += misfits
        is_map = pa.types.is_map(values.type)
        others = values_of_other_keys(values, target) if is_map else values_of_others(values, target, noted)
        found += [Misfit("unknown-field", at, _seen(items), path) for path, at, items in others]
        return pa.StructArray.from_arrays(children, fields=list(target), mask=pa.array(~valid(values))), found

    def _struct_to_map(self, values: pa.Array, target: pa.DataType, noted: _Noted) -> _Converted:
        """An object as a map: a field that is null is a key that is not there."""
        names, n = keys_of(values.type), len(values)
        if not names:
            return pa.array([[] if there else None for there in valid(values).tolist()], target), []
        made, found = self._to_struct(values, pa.struct([(name, target.item_type) for name in names]), noted)
        there = np.array([valid(part) for part in fields_of(values).values()], dtype=bool).reshape(len(names), n)
        rows, fields = np.nonzero(there.T)
        keys = pa.array(names, pa.string()).take(pa.array(fields))
        items = pa.concat_arrays([*made.flatten(), pa.nulls(0, target.item_type)]).take(pa.array(fields * n + rows))
        offsets = np.searchsorted(rows, np.arange(n + 1)).astype(np.int32)
        return pa.MapArray.from_arrays(
            pa.array(offsets), keys, items, type=target, mask=pa.array(~valid(values))
        ), found

    def _maps(self, values: pa.Array, target: pa.DataType, noted: _Noted) -> _Converted:
        """A map as another: what does not fit is null, and only that."""
        keys, parts, counts = map_parts(values)
        items, misfits = self._part(values.type.item_field, parts, target.item_type, _inside(noted).get("{*}", _NONE))
        offsets = offsets_of(counts)
        found = []
        for misfit in misfits:  # each key is a place of its own
            names = keys.take(pa.array(misfit.rows))
            rows = _owners(offsets, misfit.rows)
            for name in names.unique().to_pylist():
                some = np.flatnonzero(np.asarray(pc.equal(names, name)))
                shown = misfit.shown.take(pa.array(some))
                found.append(replace(misfit, path=(name, *misfit.path), rows=rows[some], shown=shown))
        keys, items, mask = keys.cast(pa.string()), plain(items), pa.array(~valid(values))
        return pa.MapArray.from_arrays(pa.array(offsets), keys, items, type=target, mask=mask), found


def _inside(noted: _Noted) -> dict[str | int, _Noted]:
    """The ways that go on, without the first step, by that step."""
    found: dict[str | int, _Noted] = {}
    for way in noted:
        if len(way) > 1:
            found[way[0]] = found.get(way[0], _NONE) | {way[1:]}
    return found


def _fields_of(values: pa.Array, names: list[str]) -> Iterator[tuple[pa.Field, pa.Array]]:
    """The fields of objects, or the items of maps under these keys."""
    kind = values.type
    if pa.types.is_struct(kind):
        for name in names:
            at = kind.get_field_index(name)
            yield (
                (pa.field(name, pa.null()), pa.nulls(len(values)))
                if at < 0
                else (kind.field(at), pc.struct_field(values, at))
            )
        return
    keys, items, counts = map_parts(values)
    owners = np.repeat(np.arange(len(values)), counts)
    for name in names:
        hit = np.flatnonzero(np.asarray(pc.equal(keys, name)))
        at = np.full(len(values), -1, dtype=np.int64)
        at[owners[hit]] = hit
        yield kind.item_field, items.take(pa.array(at, mask=at < 0)) if len(items) else pa.nulls(len(at), items.type)


def _seen(values: pa.Array) -> pa.Array:
    """Values that are left out as text; of objects and arrays, which may be many and large, what they are."""
    kind = values.type
    if pa.types.is_nested(kind) and (not pa.types.is_struct(kind) or is_object(kind)):
        return pa.repeat(pa.scalar(type_words(kind)), len(values))
    return texts(values, np.arange(len(values)))


def _owners(offsets: np.ndarray[Any, Any], positions: Positions) -> Positions:
    """The rows whose lists or maps hold the elements at some positions."""
    return np.searchsorted(offsets, positions, side="right") - 1


def texts(values: pa.Array, positions: Positions) -> pa.Array:
    """The values at `positions` as people would read them: strings and dates as they are, the rest as JSON."""
    some = plain(values.take(pa.array(positions)))
    if some.type == NUMERAL:
        some = some.field(0)
    if holds_text(some.type):
        return conform(some, pa.string())
    types, kind = pa.types, some.type
    scalar = types.is_integer(kind) or types.is_boolean(kind) or types.is_timestamp(kind) or types.is_date(kind)
    if scalar or kind in (ZONED, FINE):
        return coerce(some, pa.string())[0]
    try:
        items = to_python(some)
    except TypeError:  # a column of the source, in a type of its own
        items = some.to_pylist()
    return pa.array([_text(value) for value in items], pa.string())


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    if type(value) is float and isfinite(value):
        return repr(value)
    return json.dumps(value, ensure_ascii=False, default=str)
