"""Kernels that choose between columns: conditions, decode, coalesce, the least and the greatest."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...kernels.arrays import list_parts, sieved
from ..columns import EXACT, TEXT, Column, Mask, as_mask, first_reasons, merged, nulls_of, plain, some
from ..functions import table
from ..shapes import chosen, from_python, list_of, type_kind
from ..tree import EQUAL, EQUALS
from ..values import number_in
from .equality import same
from .operators import compared
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
    if {a, b} <= {"long", "double", "numeral"} or {a, b} == {"text", "numeral"} or a == b in ("text", "bool", "moment"):
        return compared(rows, value, key, "==")
    if a in ("long", "double") and isinstance(key, Constants) and isinstance(key.value, str):
        number = number_in(key.value)
        if number is None:
            return Column(pa.repeat(False, rows.n))
        if abs(number) <= EXACT:
            return compared(rows, value, Constants(number, rows.n), "==")
        return None
    need("mixed" not in (a, b) and not ("text" in (a, b) and {a, b} & {"long", "double"}))
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
    if (
        kind(key) in ("text", "long")
        and not isinstance(words, list)
        and words.type == plain(key.values).type
        and not words.null_count
    ):
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
    kinds = {kind(column) for column in columns}
    if not columns:
        return Column(pa.nulls(rows.n))
    some_kind: tuple[set[str], ...] = ({"long", "double"}, {"long", "numeral"}, {"text"}, {"moment", "zoned"})
    two = len(columns) == 2
    beside_text = two and kinds in ({"text", "long"}, {"text", "double"}, {"text", "numeral"})
    need(beside_text or (two and kinds == {"double", "numeral"}) or any(kinds <= one for one in some_kind))
    best, which, is_open = columns[0], np.zeros(rows.n, dtype=np.int64), None
    for i, column in enumerate(columns[1:], 1):
        better = needed(lifted(table()[sign].kernel, rows, [column, best]))
        there = ~nulls_of(column.values)
        none = nulls_of(best.values)
        take = there & (as_mask(better.values) | none)
        is_open = merged(is_open, None if better.open is None else better.open & there & ~none)
        which[take] = i
        best = chosen(take.astype(np.int64), [best, column])
    made = chosen(which, columns)
    return Column(made.values, some(merged(is_open, made.open)), better.why if beside_text else None)


def _extreme_element(rows: Rows, lists: pa.Array, sign: str) -> Made:
    offsets, items = list_parts(lists)
    need(type_kind(items.type) in ("long", "double", "text", "moment", "null"))
    offsets, items = sieved(offsets, ~nulls_of(items), plain(items))
    n = len(items)
    if not n:
        return Column(pa.nulls(rows.n, items.type))
    ranks = pc.rank(items, sort_keys="ascending", tiebreaker="dense").to_numpy().astype(np.int64)
    order = (ranks if sign == "<" else -ranks) * np.int64(n) + np.arange(n)
    filled = np.diff(offsets) > 0
    at = np.zeros(rows.n, dtype=np.int64)
    if filled.any():
        at[filled] = np.minimum.reduceat(order, offsets[:-1][filled]) % n
    return Column(items.take(pa.array(at, mask=~filled)))
