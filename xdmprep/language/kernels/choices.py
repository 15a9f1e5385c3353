"""Kernels that choose between columns: conditions, decode, coalesce, the least and the greatest."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...kernels.arrays import list_parts, sieved
from ..columns import LONG, TEXT, Column, Ints, Mask, as_mask, first_reasons, merged, nulls_of, plain, some
from ..functions import table
from ..shapes import alternatives, chosen, from_python, instant_of, list_of, type_kind
from ..tree import EQUAL, EQUALS
from . import exact, numbers
from .equality import same
from .operators import as_double, compared
from .table import Constants, Made, Rows, failing, kernel, kind, lifted, need, needed, truths


@kernel("iif")
def _choice(rows: Rows, *given: Column) -> Made:
    """The value behind the first condition that holds, else the last."""
    answers = [*given[1::2], given[-1]]
    which, left = np.full(rows.n, len(answers) - 1, dtype=np.int32), np.ones(rows.n, dtype=bool)
    asked: list[Column] = []
    for i, condition in enumerate(given[:-1:2]):
        held = truths(rows, condition)
        asked.append(held if held.open is None else Column(None, some(held.open & left), held.why))
        found = as_mask(held.values) & left
        which[found] = i
        left &= ~found
    made = _looked_up(pa.array(which), answers) or (
        _by_mask(which == 0, *answers) if len(answers) == 2 else chosen(which, answers)
    )
    return Column(
        made.values, merged(*[each.open for each in asked], made.open), first_reasons([*asked, *answers], rows.n)
    )


def _by_mask(mask: Mask, yes: Column, no: Column) -> Column:
    """One of two columns of scalars of one kind, constants without making arrays of them."""
    names = kind(yes), kind(no)
    if names[0] != names[1] or names[0] not in ("text", "long", "double", "bool", "moment") or not len(mask):
        return chosen(np.where(mask, 0, 1), [yes, no])
    given = [column.values[0] if isinstance(column, Constants) else plain(column.values) for column in (yes, no)]
    return Column(pc.if_else(pa.array(mask), *given), merged(yes.open, no.open))


@kernel("??", null_only=True)
@kernel("?:", null_only=False)
def _else(rows: Rows, left: Column, right: Column, null_only: bool) -> Made:
    """The left value unless it is null or, unless `null_only`, false, 0 or an empty string."""
    name = kind(left)
    need(name != "any" and (null_only or name != "mixed"))
    held = ~nulls_of(left.values)
    if not null_only and name in ("bool", "long", "double", "text", "numeral"):
        held &= as_mask(truths(rows, Column(left.values)).values)
    made = _by_mask(held, Column(left.values), right)
    return Column(made.values, merged(left.open, made.open))


def _looked_up(which: pa.Array, answers: list[Column]) -> Column | None:
    """The results of literals that are all strings or null: a dictionary array where they differ."""
    values = [column.value if isinstance(column, Constants) else 0 for column in answers]
    if not all(isinstance(value, str | None) for value in values) or all(value is None for value in values):
        return None
    results = pa.array(values, TEXT)
    if results.null_count or len(set(values)) < len(values):
        return Column(results.take(which))
    return Column(pa.DictionaryArray.from_arrays(which, results))


def _matches(rows: Rows, value: Column, key: Column) -> Made:
    """Where a key of decode is the value."""
    a, b = ("moment" if name == "zoned" else name for name in (kind(value), kind(key)))
    need("any" not in (a, b))
    if "null" in (a, b):
        return Column(pa.array(nulls_of(value.values) & nulls_of(key.values)))
    if {a, b} <= {"long", "double", "numeral", "text"} or a == b in ("bool", "moment"):
        return compared(rows, value, key, "==")
    need("mixed" not in (a, b))
    return Column(pa.array(same(value.values, key.values)))


def _by_operator(rows: Rows, value: Column, key: Column, name: str) -> Made:
    return lifted(table()[name].kernel, rows, [value, key])


@kernel("decode", match=_matches)
@kernel(EQUAL, match=partial(_by_operator, name="=="))
@kernel(EQUALS, match=partial(_by_operator, name=".equals"))
def _decode(rows: Rows, key: Column, *rest: Column, match: Callable[[Rows, Column, Column], Made]) -> Made:
    """The value behind the first matching key, else the default."""
    given = list(rest)
    default = given.pop() if len(given) % 2 else Constants(None, rows.n)
    keys, answers = given[::2], [*given[1::2], default]
    words = from_python([column.value if isinstance(column, Constants) else None for column in keys])
    is_open = key.open
    if kind(key) in ("text", "long") and words.type == plain(key.values).type and not words.null_count:
        found = pc.index_in(plain(key.values), value_set=words).fill_null(len(words))
        which = found.to_numpy(zero_copy_only=False)
    else:
        which = np.full(rows.n, len(keys), dtype=np.int32)
        for i, column in enumerate(keys):
            same = needed(match(rows, key, column))
            asked = which == len(keys)
            which[asked & as_mask(same.values)] = i
            if same.open is not None or column.open is not None:
                is_open = merged(is_open, asked & merged(same.open, column.open, np.zeros(rows.n, dtype=bool)))
    made = _looked_up(pa.array(which), answers) or chosen(which, answers)
    return Column(made.values, some(merged(is_open, made.open)))


@kernel("coalesce", "any any*")
def coalesce(rows: Rows, *given: Column) -> Made:
    if len(given) == 1:
        name = kind(given[0])
        need(name != "mixed")
        if name != "list":
            return Column(given[0].values)
        offsets, items = list_parts(given[0].values)
        return element(list_of(*sieved(offsets, ~nulls_of(items), items)), 0)
    which = np.full(rows.n, -1)
    for i in reversed(range(len(given))):
        which[~nulls_of(given[i].values)] = i
    arrays = [plain(column.values) for column in given]
    kinds = {array.type for array in arrays if not pa.types.is_null(array.type)}
    if len(kinds) == 1 and not pa.types.is_nested(next(iter(kinds))):
        return Column(pc.coalesce(*[array for array in arrays if not pa.types.is_null(array.type)]))
    return chosen(which, [Column(array) for array in arrays])


def element(lists: pa.Array, at: Any) -> Column:
    """One element of each list, counted from the end where `at` is negative; null where none exists."""
    offsets, items = list_parts(lists)
    here = np.where(np.less(at, 0), offsets[1:], offsets[:-1]) + at
    inside = (here >= offsets[:-1]) & (here < offsets[1:])
    return Column(items.take(pa.array(here, pa.int64(), mask=~inside)))


@kernel("first", "any any*", at=0)
@kernel("last", "any any*", at=-1)
def _end(rows: Rows, *given: Column, at: int) -> Made:
    if len(given) > 1:
        return Column(given[at].values)
    need(kind(given[0]) != "mixed")
    return element(given[0].values, at) if kind(given[0]) == "list" else Column(given[0].values)


@kernel("min", "any any*", sign="<")
@kernel("max", "any any*", sign=">")
def _extreme(rows: Rows, *given: Column, sign: str) -> Made:
    if len(given) == 1:
        if kind(given[0]) == "list":
            return _extreme_element(rows, given[0].values, sign)
        if kind(given[0]) in ("object", "map"):
            return failing(rows, given[0])
        return Column(given[0].values) if kind(given[0]) != "mixed" else None
    columns = [column for column in given if kind(column) != "null"]
    need(all(kind(column) in _SORTS for column in columns))
    return _best(rows, columns, sign) if columns else Column(pa.nulls(rows.n))


#: What is compared with what.
_SORTS = {
    "long": "number", "double": "number", "numeral": "number", "text": "text", "bool": "bool", "moment": "date",
    "zoned": "date",
}  # fmt: skip


def _best(rows: Rows, columns: list[Column], sign: str) -> Column:
    """The first of the least or greatest values of each row, as numbers where one of them is a number."""
    if len(columns) == 1:
        return Column(columns[0].values, columns[0].open)
    sorts: dict[str, list[Column]] = {}
    for column in columns:
        sorts.setdefault(_SORTS[kind(column)], []).append(column)
    if "number" in sorts:
        return _best_number(rows, columns, sorts, sign)
    if len(sorts) == 1:
        made = chosen(_foremost([plain(instant_of(column.values)) for column in columns], columns, sign), columns)
        return Column(made.values, made.open)
    sides = [_best(rows, each, sign) for each in sorts.values()]
    there = np.stack([~nulls_of(side.values) for side in sides])
    made = chosen(there.argmax(axis=0), sides)
    return Column(made.values, merged(made.open, some(there.sum(axis=0) > 1)))


def _best_number(rows: Rows, columns: list[Column], sorts: dict[str, list[Column]], sign: str) -> Column:
    keys = _ordered(rows, columns)
    which = _foremost([key.values for key in keys], columns, sign)
    others = [column for column in columns if _SORTS[kind(column)] != "number"]
    numbered = ~np.logical_and.reduce([nulls_of(column.values) for column in sorts["number"]])
    faults = [
        key if key.open is None else Column(None, some(key.open & numbered & ~nulls_of(column.values)), key.why)
        for key, column in zip(keys, columns, strict=True)
    ]
    if others:
        which, columns = np.where(numbered, which, len(columns)), [*columns, _best(rows, others, sign)]
    made = chosen(which, columns)
    return Column(made.values, merged(made.open, *[each.open for each in faults]), first_reasons(faults, rows.n))


def _ordered(rows: Rows, columns: list[Column]) -> list[Column]:
    """Columns, of which one has numbers, as numbers of one kind; open where a value is none, or is rare."""
    given = [exact.as_long(column) for column in columns]
    for i, column in enumerate(given):
        if _SORTS[kind(column)] == "date":
            given[i] = Column(pa.repeat(0, rows.n), np.ones(rows.n, dtype=bool))
        elif kind(column) == "bool":
            given[i] = Column(column.values.cast(LONG))
    kinds = {kind(column) for column in given}
    if kinds == {"long"}:
        return given
    if "numeral" in kinds:
        made = exact.ordered(rows, given)
    else:
        fixed = [isinstance(column, Constants) for column in given]
        made = [as_double(rows, column, all(fixed[:i] + fixed[i + 1 :])) for i, column in enumerate(given)]
        made = [Column(pa.repeat(c.values, rows.n)) if isinstance(c.values, pa.Scalar) else c for c in made]
    return [Column(key.values, merged(key.open, column.open), key.why) for key, column in zip(made, given, strict=True)]


def _foremost(keys: list[Any], columns: list[Column], sign: str) -> Ints:
    """The number of the column with the first of the least or greatest keys of a row; null is none."""
    best, none = keys[0], nulls_of(columns[0].values)
    which = np.zeros(len(none), dtype=np.int64)
    for i, key in enumerate(keys[1:], 1):
        absent = nulls_of(columns[i].values)
        first, second = (key, best) if sign == "<" else (best, key)
        take = ~absent & (as_mask(pc.less(first, second)) | none)
        which[take] = i
        if i + 1 < len(keys):
            best = pc.if_else(pa.array(take), key, best)
            none &= absent
    return which


def _extreme_element(rows: Rows, lists: pa.Array, sign: str) -> Made:
    offsets, items = list_parts(lists)
    parts = alternatives(items)
    need(
        parts.keys() <= {"long", "double"}
        and (parts or type_kind(items.type) in ("long", "double", "text", "moment", "null"))
    )
    offsets, items = sieved(offsets, ~nulls_of(items), plain(items))
    n, keys = len(items), items
    if not n:
        return Column(pa.nulls(rows.n, items.type))
    if parts:
        sides = [numbers.doubles(Column(part)) for part in alternatives(items).values()]
        need(all(side.open is None for side in sides))
        keys = pc.coalesce(*[side.values for side in sides])
    ranks = pc.rank(keys, sort_keys="ascending", tiebreaker="dense").to_numpy().astype(np.int64)
    order = (ranks if sign == "<" else -ranks) * np.int64(n) + np.arange(n)
    filled = np.diff(offsets) > 0
    at = np.zeros(rows.n, dtype=np.int64)
    if filled.any():
        at[filled] = np.minimum.reduceat(order, offsets[:-1][filled]) % n
    return Column(items.take(pa.array(at, mask=~filled)))
