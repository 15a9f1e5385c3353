"""Values to the type of their destination, down to the leaves.

A scalar that does not fit becomes null.  Inside an object or array only the leaf that does not fit does: one bad
quantity does not cost an order its lines.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..core.arrow_types import is_list
from ..core.paths import EVERY, Path
from ..core.shred import conform, map_parts, plain, valid
from ..language import Options, by_kind, coerce
from .nested import as_meant, is_text, list_parts

Positions = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Misfit:
    """Values that did not fit.

    Attributes:
        path: where they are inside the value that was converted; empty for the value itself.
        positions: their rows in the batch, 0-based, ascending.
        shown: the values as text, as many.
        target: the Arrow type that they did not fit.
        lost: they are doubles that have lost digits, and would be text.
    """

    path: Path
    positions: Positions
    shown: pa.Array
    target: pa.DataType
    lost: bool = False


def convert(
    values: pa.Array | list[Any], target: pa.DataType, options: Options, digits: bool = False
) -> tuple[pa.Array, list[Misfit]]:
    """`values` as an array of exactly `target`, and what did not fit.

    With `digits`, neither do doubles that have lost digits of an id fit text.
    """
    if isinstance(values, list):
        return _convert_list(values, target, options)
    kind = values.type
    if pa.types.is_dictionary(kind) and not is_text(kind):
        values = plain(values)
    if kind.equals(target):
        return values, []
    if pa.types.is_null(kind):
        return pa.nulls(len(values), target), []
    if pa.types.is_struct(kind) and (parts := by_kind(values)) is not None:
        return _convert_mixed(parts, target, options, digits)
    if is_list(target) and is_list(kind):
        offsets, flat = list_parts(values)
        inner, misfits = convert(
            as_meant(kind.value_field, flat, target.value_type), target.value_type, options, digits
        )
        array = pa.ListArray.from_arrays(pa.array(offsets), inner, type=target, mask=pa.array(~valid(values)))
        return array, [_outward(misfit, EVERY, offsets) for misfit in misfits]
    if pa.types.is_struct(target) and pa.types.is_struct(kind):
        return _convert_struct(values, target, options, digits)
    if pa.types.is_map(target) and pa.types.is_struct(kind) and kind.num_fields:
        return _struct_to_map(values, target, options, digits)
    if pa.types.is_struct(target) and pa.types.is_map(kind):
        return _map_to_struct(values, target, options, digits)
    if pa.types.is_map(target) and pa.types.is_map(kind):
        return _convert_map(values, target, options, digits)
    array, failed = coerce(values, target, options)
    misfits = _misfits(values, failed, target)
    if digits and pa.types.is_floating(kind) and is_text(target):
        lost = np.flatnonzero(_without_digits(values))
        if len(lost):
            misfits += [replace(misfit, lost=True) for misfit in _misfits(values, lost, target)]
            array = pc.if_else(pa.array(_without_digits(values)), None, plain(array))
    return array, misfits


def _without_digits(values: pa.Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which doubles are integers that doubles do not hold exactly, of no more digits than ids have."""
    numbers = np.abs(plain(values).fill_null(0).to_numpy(zero_copy_only=False).astype(np.float64))
    found: np.ndarray[Any, np.dtype[np.bool_]] = (numbers > _EXACT) & (numbers < _LARGEST_ID)
    return found  # every double of this size is an integer


#: Doubles hold integers up to this one exactly; ids have 39 digits at most (integers of 128 bits).
_EXACT, _LARGEST_ID = 2.0**53, 1e39


def _convert_mixed(
    parts: list[pa.Array], target: pa.DataType, options: Options, digits: bool
) -> tuple[pa.Array, list[Misfit]]:
    """Values of one type here and of another there: each by itself."""
    found = [convert(part, target, options, digits) for part in parts]
    at = np.zeros(len(parts[0]), dtype=np.int64)
    there = np.zeros(len(at), dtype=bool)
    for i, part in enumerate(parts):
        here = valid(part)
        at[here] = i * len(at) + np.flatnonzero(here)
        there |= here
    made = pa.concat_arrays([plain(array) for array, _ in found]).take(pa.array(at, mask=~there))
    return made, [misfit for _, misfits in found for misfit in misfits]


def _convert_struct(
    values: pa.Array, target: pa.DataType, options: Options, digits: bool
) -> tuple[pa.Array, list[Misfit]]:
    children, found = [], []
    for field in target:
        if values.type.get_field_index(field.name) < 0:
            children.append(pa.nulls(len(values), field.type))
            continue
        part = pc.struct_field(values, field.name)
        part = as_meant(values.type.field(field.name), part, field.type)
        child, misfits = convert(part, field.type, options, digits)
        children.append(child)
        found += [replace(misfit, path=(field.name, *misfit.path)) for misfit in misfits]
    return pa.StructArray.from_arrays(children, fields=list(target), mask=pa.array(~valid(values))), found


def _struct_to_map(
    values: pa.Array, target: pa.DataType, options: Options, digits: bool
) -> tuple[pa.Array, list[Misfit]]:
    """An object as a map: a field that is null is a key that is not there."""
    there, items, found = [], [], []
    for field, part in zip(values.type, values.flatten(), strict=True):
        there.append(valid(part))
        item, misfits = convert(as_meant(field, part, target.item_type), target.item_type, options, digits)
        items.append(item)
        found += [replace(misfit, path=(field.name, *misfit.path)) for misfit in misfits]
    rows, fields = np.nonzero(np.stack(there, axis=1))
    keys = pa.array([field.name for field in values.type], pa.string()).take(pa.array(fields))
    chosen = pa.concat_arrays([plain(item) for item in items]).take(pa.array(fields * len(values) + rows))
    offsets = np.searchsorted(rows, np.arange(len(values) + 1)).astype(np.int32)
    return _map_of(offsets, keys, chosen, ~valid(values), target), found


def _map_to_struct(
    values: pa.Array, target: pa.DataType, options: Options, digits: bool
) -> tuple[pa.Array, list[Misfit]]:
    """A map as an object: its keys are looked up as the names of fields."""
    keys, parts, counts = map_parts(values)
    owners = np.repeat(np.arange(len(values)), counts)
    children, found = [], []
    for field in target:
        hit = np.flatnonzero(np.asarray(pc.equal(keys, field.name)))
        at = np.full(len(values), -1, dtype=np.int64)
        at[owners[hit]] = hit
        part = parts.take(pa.array(at, mask=at < 0)) if len(parts) else pa.nulls(len(values), parts.type)
        child, misfits = convert(part, field.type, options, digits)
        children.append(plain(child))
        found += [replace(misfit, path=(field.name, *misfit.path)) for misfit in misfits]
    return pa.StructArray.from_arrays(children, fields=list(target), mask=pa.array(~valid(values))), found


def _convert_map(
    values: pa.Array, target: pa.DataType, options: Options, digits: bool
) -> tuple[pa.Array, list[Misfit]]:
    """A map as another: what does not fit is null, and only that."""
    keys, parts, counts = map_parts(values)
    items, misfits = convert(
        as_meant(values.type.item_field, parts, target.item_type), target.item_type, options, digits
    )
    offsets = np.concatenate([np.zeros(1, np.int32), np.cumsum(counts)]).astype(np.int32)
    found = []
    for misfit in misfits:  # each key is a place of its own
        names = keys.take(pa.array(misfit.positions))
        rows = (np.searchsorted(offsets, misfit.positions, side="right") - 1).astype(np.int64)
        for name in names.unique().to_pylist():
            some = np.flatnonzero(np.asarray(pc.equal(names, name)))
            shown = misfit.shown.take(pa.array(some))
            found.append(replace(misfit, path=(name, *misfit.path), positions=rows[some], shown=shown))
    return _map_of(offsets, keys.cast(pa.string()), plain(items), ~valid(values), target), found


def _map_of(offsets: Any, keys: pa.Array, items: pa.Array, null: Any, target: pa.DataType) -> pa.Array:
    bits = None if not null.any() else pa.py_buffer(np.packbits(~null, bitorder="little"))
    entries = pa.StructArray.from_arrays([keys, items], fields=[target.key_field, target.item_field])
    return pa.Array.from_buffers(target, len(null), [bits, pa.py_buffer(offsets)], children=[entries])


def _outward(misfit: Misfit, step: str, offsets: np.ndarray[Any, Any]) -> Misfit:
    """The misfit of list elements as one of the rows that hold the lists."""
    rows = np.searchsorted(offsets, misfit.positions, side="right") - 1
    return replace(misfit, path=(step, *misfit.path), positions=rows.astype(np.int64))


def _misfits(values: pa.Array | list[Any], failed: Any, target: pa.DataType) -> list[Misfit]:
    positions = np.asarray(failed, dtype=np.int64)
    return [Misfit((), positions, texts(values, positions), target)] if len(positions) else []


def _convert_list(values: list[Any], target: pa.DataType, options: Options) -> tuple[pa.Array, list[Misfit]]:
    """Python values whose types differ from row to row; only those that fail as a whole are taken apart."""
    array, failed = coerce(values, target, options)
    if not len(failed) or not pa.types.is_nested(target):
        return array, _misfits(values, failed, target)
    found: dict[Path, tuple[list[int], list[Any], pa.DataType]] = {}
    mended = array.to_pylist()
    for position in np.asarray(failed).tolist():
        bad: list[tuple[Path, Any, pa.DataType]] = []
        mended[position] = _mend(values[position], target, (), options, bad)
        for path, value, kind in bad:
            rows, shown, _ = found.setdefault(path, ([], [], kind))
            rows.append(position)
            shown.append(_text(value))
    misfits = [
        Misfit(path, np.asarray(rows, dtype=np.int64), pa.array(shown, pa.string()), kind)
        for path, (rows, shown, kind) in found.items()
    ]
    return pa.array(mended, target), misfits


def _mend(
    value: Any, target: pa.DataType, path: Path, options: Options, bad: list[tuple[Path, Any, pa.DataType]]
) -> Any:
    """One value without the leaves that do not fit, which are added to `bad`."""
    if is_list(target) and isinstance(value, list):
        return [_mend(item, target.value_type, (*path, EVERY), options, bad) for item in value]
    if pa.types.is_struct(target) and isinstance(value, dict):
        return {
            field.name: _mend(value.get(field.name), field.type, (*path, field.name), options, bad) for field in target
        }
    if pa.types.is_map(target) and isinstance(value, dict):
        return [
            (str(key), _mend(item, target.item_type, (*path, str(key)), options, bad)) for key, item in value.items()
        ]
    array, failed = coerce([value], target, options)
    if len(failed):
        bad.append((path, value, target))
    return array[0].as_py()


def texts(values: pa.Array | list[Any], positions: Positions) -> pa.Array:
    """The values at `positions` as people would read them: text as it is, the rest as JSON."""
    if isinstance(values, list):
        return pa.array([_text(values[position]) for position in positions], pa.string())
    some = plain(values.take(pa.array(positions)))
    if is_text(some.type):
        return conform(some, pa.string())
    return pa.array([_text(value) for value in some.to_pylist()], pa.string())


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    return json.dumps(value, ensure_ascii=False, default=str)
