"""Equality of whole values, row by row: types apart, down to the elements of arrays, objects and maps."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...kernels.arrays import list_parts, offsets_of, owners_of, ranges
from ..columns import ZONED, Mask, as_mask, nulls_of, numpy_of, plain
from ..shapes import absent_at, alternatives, entries_of, fields_of, instant_of, to_python, type_kind
from ..values import same as equal
from . import exact


def same(left: pa.Array, right: pa.Array) -> Mask:
    """Where two columns of one length hold the same values.

    Null is the same as null only; a number is another value than a string or a boolean, and an integer the same as a
    double of its value.  Objects and maps are the same if they have the same keys, in any order, with the same values.
    """
    absent, other = nulls_of(left), nulls_of(right)
    both = ~absent & ~other
    found: Mask = absent & other
    if not both.any():
        return found
    found[both] = _same(*((left, right) if both.all() else (each.filter(pa.array(both)) for each in (left, right))))
    return found


def _same(left: pa.Array, right: pa.Array) -> Mask:
    """The same of columns without nulls."""
    found = np.zeros(len(left), dtype=bool)
    if "mixed" in (type_kind(left.type), type_kind(right.type)):
        for one in alternatives(left).values() or (left,):
            for two in alternatives(right).values() or (right,):
                both = np.flatnonzero(~nulls_of(one) & ~nulls_of(two))
                if len(both):
                    found[both] = _same(one.take(pa.array(both)), two.take(pa.array(both)))
        return found
    left, right = (plain(instant_of(values) if values.type == ZONED else values) for values in (left, right))
    names = type_kind(left.type), type_kind(right.type)
    if set(names) == {"long", "double"}:
        longs, doubles = (numpy_of(values) for values in ((left, right) if names[0] == "long" else (right, left)))
        inside = np.abs(doubles) < 2.0**63
        found[:] = inside & (longs == np.where(inside, doubles, 0).astype(np.int64)) & (doubles == np.trunc(doubles))
        return found
    if "numeral" in names and set(names) <= {"numeral", "long"}:
        return exact.same(left, right)
    if "fine" in names or ("numeral" in names and set(names) <= {"numeral", "long", "double"}):
        return np.array([equal(*pair) for pair in zip(to_python(left), to_python(right), strict=True)], dtype=bool)
    if set(names) <= {"object", "map"}:
        return _same_objects(left, right) if names == ("object", "object") else _same_entries(left, right)
    if names[0] != names[1]:
        return found
    return _same_lists(left, right) if names[0] == "list" else as_mask(pc.equal(left, right))


def _same_lists(left: pa.Array, right: pa.Array) -> Mask:
    (at, items), (starts, others) = list_parts(left), list_parts(right)
    lengths = np.diff(at)
    found: Mask = lengths == np.diff(starts)
    if not found.all():
        lengths = np.where(found, lengths, 0)
        items, others = (v.take(pa.array(ranges(o[:-1], lengths))) for v, o in ((items, at), (others, starts)))
    owners = owners_of(offsets_of(lengths))
    found[owners[~same(items, others)]] = False
    return found


def _same_objects(left: pa.Array, right: pa.Array) -> Mask:
    found = np.ones(len(left), dtype=bool)
    mine, others = fields_of(left), fields_of(right)
    for key in dict.fromkeys((*mine, *others)):
        gone, missing = (_lacks(values, key) for values in (left, right))
        alike = gone & missing
        both = ~gone & ~missing
        if both.any():
            equal = same(mine[key], others[key])
            alike |= both & equal
        found &= alike
    return found


def _lacks(values: pa.Array, key: str) -> Mask:
    """Where objects have no such key."""
    if values.type.get_field_index(key) < 0:
        return np.ones(len(values), dtype=bool)
    gone = absent_at(values, key)
    return np.zeros(len(values), dtype=bool) if gone is None else gone


def _same_entries(left: pa.Array, right: pa.Array) -> Mask:
    """The same of maps, and of maps and objects: for every entry there is one of the same key and value."""
    (at, keys, items), (starts, others, values) = entries_of(left), entries_of(right)
    found: Mask = np.diff(at) == np.diff(starts)
    if not len(keys) or not len(others):
        return found
    codes = pa.concat_arrays([plain(keys), plain(others)]).dictionary_encode().indices.to_numpy(zero_copy_only=False)
    owners = owners_of(at)
    wanted = owners * (np.int64(codes.max()) + 1) + codes[: len(keys)]
    known = owners_of(starts) * (np.int64(codes.max()) + 1) + codes[len(keys) :]
    order = np.argsort(known, kind="stable")
    place = order[np.minimum(np.searchsorted(known, wanted, sorter=order), len(known) - 1)]
    there = known[place] == wanted
    found[owners[~there]] = False
    alike = same(items.filter(pa.array(there)), values.take(pa.array(place[there])))
    found[owners[there][~alike]] = False
    return found
