"""What an upsert must send to make one record of another, on whole columns, and what no upsert can do.

The rules are those of a merge by the platform: objects merge field by field, maps key by key, arrays and scalars are
replaced as a whole, and nothing can be taken away: a value that is gone cannot be sent (nulls are not accepted), so it
is listed.  A null, an empty object, an empty array and an empty map are all the same: nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..core.paths import format_path
from ..core.shred import json_value, prune, to_pylist, valid
from ..kernels.arrays import list_parts, map_parts, offsets_of, ranges, sums

Mask = np.ndarray[Any, np.dtype[np.bool_]]
Positions = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Cleared:
    """Values that are gone: index of the record, path and former value (as text) of each."""

    records: Positions
    paths: pa.Array
    values: pa.Array


@dataclass(frozen=True)
class At:
    """Where some values stand: index of each value's record, and the steps to it (an array where they differ)."""

    records: Positions
    steps: tuple[str | pa.Array, ...] = ()

    def below(self, step: str | pa.Array) -> At:
        """One step further down."""
        return At(self.records, (*self.steps, step))

    def some(self, indices: Positions) -> At:
        """Where the values at `indices` stand."""
        steps = tuple(step if isinstance(step, str) else step.take(pa.array(indices)) for step in self.steps)
        return At(self.records[indices], steps)

    def paths(self) -> pa.Array:
        """The path of each value as text."""
        if all(isinstance(step, str) for step in self.steps):
            text = format_path(tuple(str(step) for step in self.steps))
            return pa.repeat(pa.scalar(text, pa.string()), len(self.records))
        n = len(self.records)
        columns = [[step] * n if isinstance(step, str) else step.to_pylist() for step in self.steps]
        return pa.array([format_path(steps) for steps in zip(*columns, strict=True)], pa.string())


@dataclass
class Delta:
    """Compares columns; `cleared` collects what cannot be done."""

    cleared: list[Cleared] = field(default_factory=list)

    def records(self, before: pa.StructArray, after: pa.StructArray) -> pa.StructArray:
        """What to send for each record: the changed fields only; null where nothing changed."""
        return self._between(before, after, At(np.arange(len(after))))

    def _between(self, before: pa.Array, after: pa.Array, at: At) -> pa.Array:
        kind = after.type
        if pa.types.is_struct(kind):
            pairs = zip(kind, before.flatten(), after.flatten(), strict=True)
            return struct_of([self._between(b, a, at.below(f.name)) for f, b, a in pairs], list(kind))
        if pa.types.is_map(kind):
            return self._maps(before, after, at)
        there, here = present(before), present(after)
        gone = np.flatnonzero(there & ~here)
        if len(gone):
            self._clear(before.take(pa.array(gone)), at.some(gone))
        return only(after, here & ~same(before, after))

    def _maps(self, before: pa.MapArray, after: pa.MapArray, at: At) -> pa.Array:
        early, late = entries_of(before), entries_of(after)
        match = matches_of(early, late)
        was = early.items.take(pa.array(match, mask=match < 0))
        sent = self._between(was, late.items, at.some(late.rows).below(late.keys))
        met = np.zeros(len(early.rows), dtype=bool)
        met[match[match >= 0]] = True
        gone = np.flatnonzero(~met)
        if len(gone):
            there = at.some(early.rows[gone]).below(early.keys.take(pa.array(gone)))
            self._clear(early.items.take(pa.array(gone)), there)
        keep = valid(sent)
        offsets = offsets_of(np.bincount(late.rows[keep], minlength=len(after)))
        mask = pa.array(keep)
        return pa.MapArray.from_arrays(
            pa.array(offsets), late.keys.filter(mask), sent.filter(mask), type=after.type,
            mask=pa.array(np.diff(offsets) == 0),
        )  # fmt: skip

    def _clear(self, values: pa.Array, at: At) -> None:
        self.cleared.append(Cleared(at.records, at.paths(), as_texts(values)))


@dataclass(frozen=True)
class MapEntries:
    """The entries of all maps side by side: row of the map, key, item; each key once a map (the last one counts)."""

    rows: Positions
    keys: pa.Array
    items: pa.Array


def entries_of(maps: pa.MapArray) -> MapEntries:
    """The entries of `maps` that hold something."""
    keys, items, lengths = map_parts(maps)
    rows = np.repeat(np.arange(len(maps)), lengths)
    keep = present(items)
    codes = pc.dictionary_encode(keys).indices.to_numpy(zero_copy_only=False).astype(np.int64)
    place = rows * (int(codes.max()) + 1 if len(codes) else 1) + codes
    if len(np.unique(place)) < len(place):
        last = np.zeros(len(place), dtype=bool)
        _, first_from_behind = np.unique(place[::-1], return_index=True)
        last[len(place) - 1 - first_from_behind] = True
        keep &= last
    if keep.all():
        return MapEntries(rows, keys, items)
    mask = pa.array(keep)
    return MapEntries(rows[keep], keys.filter(mask), items.filter(mask))


def matches_of(early: MapEntries, late: MapEntries) -> Positions:
    """For each late entry the index of the early one of the same map and key, -1 without."""
    both = pa.concat_arrays([early.keys, late.keys])
    codes = pc.dictionary_encode(both).indices.to_numpy(zero_copy_only=False).astype(np.int64)
    most = int(codes.max()) + 1 if len(codes) else 1
    here = early.rows * most + codes[: len(early.rows)]
    there = late.rows * most + codes[len(early.rows) :]
    if not len(here):
        return np.full(len(there), -1, np.int64)
    order = np.argsort(here, kind="stable")
    at = np.minimum(np.searchsorted(here, there, sorter=order), len(here) - 1)
    found = order[at]
    return np.where(here[found] == there, found, -1)


def present(array: pa.Array) -> Mask:
    """bool (n,): True where there is something: not null, not empty, not made of nothing but such."""
    kind = array.type
    if pa.types.is_struct(kind):
        there = np.zeros(len(array), dtype=bool)
        for child in array.flatten():
            there |= present(child)
        return there
    if pa.types.is_list(kind):
        offsets, items = list_parts(array)
        return _any_of(present(items), np.diff(offsets))
    if pa.types.is_map(kind):
        _, items, lengths = map_parts(array)
        return _any_of(present(items), lengths)
    return valid(array)


def same(a: pa.Array, b: pa.Array) -> Mask:
    """bool (n,): True where both hold the same value, or both hold nothing."""
    kind = a.type
    if pa.types.is_struct(kind):
        equal = np.ones(len(a), dtype=bool)
        for x, y in zip(a.flatten(), b.flatten(), strict=True):
            equal &= same(x, y)
        return equal
    if pa.types.is_list(kind):
        return _same_lists(a, b)
    if pa.types.is_map(kind):
        return _same_maps(a, b)
    there, here = valid(a), valid(b)
    equal = pc.equal(a, b).fill_null(False).to_numpy(zero_copy_only=False)
    if pa.types.is_floating(kind):
        not_numbers = pc.and_(pc.is_nan(a), pc.is_nan(b)).fill_null(False)
        equal = equal | not_numbers.to_numpy(zero_copy_only=False)
    return np.asarray(equal | (~there & ~here), dtype=bool)


def _same_lists(a: pa.Array, b: pa.Array) -> Mask:
    (starts_a, items_a), (starts_b, items_b) = list_parts(a), list_parts(b)
    lengths = np.diff(starts_a)
    equal = lengths == np.diff(starts_b)
    lengths = np.where(equal, lengths, 0)
    picked_a, picked_b = (pa.array(ranges(starts[:-1], lengths)) for starts in (starts_a, starts_b))
    differ = ~same(items_a.take(picked_a), items_b.take(picked_b))
    equal &= ~_any_of(differ, lengths)
    return np.asarray(equal | (~present(a) & ~present(b)), dtype=bool)


def _same_maps(a: pa.Array, b: pa.Array) -> Mask:
    early, late = entries_of(a), entries_of(b)
    match = matches_of(early, late)
    fits = match >= 0
    fits &= same(early.items.take(pa.array(match, mask=match < 0)), late.items)
    equal = np.bincount(early.rows, minlength=len(a)) == np.bincount(late.rows, minlength=len(a))
    equal[late.rows[~fits]] = False
    return np.asarray(equal, dtype=bool)


def _any_of(flags: Mask, lengths: Positions) -> Mask:
    """For each list whether any of its elements' flags is True."""
    return sums(flags.astype(np.int64), lengths) > 0


def only(array: pa.Array, keep: Mask) -> pa.Array:
    """`array` with null where `keep` is False."""
    if keep.all():
        return array
    return array.take(pa.array(np.arange(len(array)), mask=~keep))


def either(choose: Mask, a: pa.Array, b: pa.Array) -> pa.Array:
    """`a` where `choose` is True, `b` elsewhere."""
    if not choose.any():
        return b
    n = len(a)
    return pa.concat_arrays([a, b]).take(pa.array(np.where(choose, 0, n) + np.arange(n)))


def struct_of(children: list[pa.Array], fields: list[pa.Field]) -> pa.StructArray:
    """The struct of `children`, null where all of them are."""
    there = np.zeros(len(children[0]), dtype=bool)
    for child in children:
        there |= valid(child)
    return pa.StructArray.from_arrays(children, fields=fields, mask=pa.array(~there))


def as_texts(values: pa.Array) -> pa.Array:
    """`values` as people would read them: texts as they are, the rest as JSON."""
    if pa.types.is_string(values.type):
        return values
    if pa.types.is_nested(values.type) or pa.types.is_timestamp(values.type):
        items = (json_value(prune(value)) for value in to_pylist(values))
        shown = [item if isinstance(item, str) else json.dumps(item, ensure_ascii=False) for item in items]
        return pa.array(shown, pa.string())
    return values.cast(pa.string())
