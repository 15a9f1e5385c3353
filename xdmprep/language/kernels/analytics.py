"""Kernels on event lists and products strings of Adobe Analytics; see :mod:`xdmprep.language.functions.analytics`."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...kernels.arrays import first_hits, list_parts, offsets_of, owners_of, sieved
from ..columns import Column, Mask, as_mask, nulls_of, plain
from ..shapes import list_of, object_of
from . import texts
from .choices import element
from .table import Made, Rows, kernel, need

#: What was found for each text: whether the event is there, its value and its id.
Found = tuple[Mask, pa.Array, pa.Array]


def _filled(values: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(values, ""), None, values)


def _candidates(values: pa.Array, separator: str, part: str) -> tuple[pa.Array, Any]:
    """The items of lists that hold a string somewhere, without spaces around them, and the row of each."""
    offsets, items = list_parts(pc.split_pattern(values, separator))
    near = np.flatnonzero(as_mask(pc.match_substring(items, part)))
    return texts.trimmed(items.take(pa.array(near))), owners_of(offsets)[near]


def _events(values: pa.Array, separator: str, wanted: str) -> Found:
    """The first event of a name in each list: ``name=value:id``, ``name:id`` or ``name``."""
    items, owners = _candidates(values, separator, wanted)
    valued = pc.match_substring(items, "=")
    name, rest = _cut(items, "=")
    bare, ident = _cut(items, ":")
    given, behind = _cut(rest, ":")
    hits = as_mask(pc.equal(texts.trimmed(pc.if_else(valued, name, bare)), wanted))
    at = first_hits(hits, owners, len(values))
    picked = pa.array(at, mask=at < 0)
    return at >= 0, _filled(given).take(picked), _filled(pc.if_else(valued, behind, ident)).take(picked)


def _cut(values: pa.Array, mark: str) -> tuple[pa.Array, pa.Array]:
    """The strings before and after the first `mark`; the second is null without one."""
    parts = pc.split_pattern(values, mark, max_splits=1)
    return element(parts, 0).values, element(parts, 1).values


def _value(found: Found) -> pa.Array:
    """The value of an event, 1 where none is given."""
    there, value, _ = found
    return pc.if_else(pa.array(there), value.fill_null("1"), None)


@kernel("aa_get_event_id", "text fixed", give=itemgetter(2))
@kernel("aa_get_event_value", "text fixed", give=_value)
def _of_list(rows: Rows, value: Column, event: Any, give: Callable[[Found], pa.Array]) -> Made:
    need(isinstance(event, str))
    return Column(give(_events(plain(value.values), ",", event)))


def _products(values: pa.Array, at: int) -> tuple[Any, pa.Array]:
    """Offsets of the products in strings, and one part of each, trimmed; null where it is missing."""
    offsets, products = list_parts(pc.split_pattern(values, ","))
    filled = np.repeat(as_mask(pc.not_equal(values, "")), np.diff(offsets))
    offsets, products = sieved(offsets, filled, products)  # an empty text has no products
    return offsets, texts.trimmed(element(pc.split_pattern(products, ";"), at).values)


def _part(rows: Rows, value: Column, at: int) -> Made:
    """One part of every product; null where it is empty."""
    values = plain(value.values)
    offsets, part = _products(values, at)
    return Column(list_of(offsets, _filled(part), nulls_of(values)))


for _at, _name in enumerate(("categories", "names", "quantity", "price")):
    kernel(f"aa_get_product_{_name}", "text", at=_at)(_part)


@kernel("aa_get_product_event_values", "text fixed", give=_value)
@kernel("aa_get_product_event_ids", "text fixed", give=itemgetter(2))
def _of_products(rows: Rows, value: Column, event: Any, give: Callable[[Found], pa.Array]) -> Made:
    need(isinstance(event, str))
    values = plain(value.values)
    offsets, part = _products(values, 4)
    return Column(list_of(offsets, give(_events(part.fill_null(""), "|", event)), nulls_of(values)))


@kernel("aa_get_product_events", "text fixed")
def product_events(rows: Rows, value: Column, event: Any) -> Made:
    need(isinstance(event, str))
    values = plain(value.values)
    offsets, part = _products(values, 4)
    found = _events(part.fill_null(""), "|", event)
    there = pa.array(found[0])
    parts = [found[2].filter(there), _value(found).filter(there)]
    objects = object_of(("id", "value"), parts, (None, None), np.zeros(int(found[0].sum()), dtype=bool))
    return Column(list_of(offsets_of(found[0])[offsets], objects, nulls_of(values)))


@kernel("aa_get_product_evars", "text fixed")
def product_evars(rows: Rows, value: Column, evar: Any) -> Made:
    need(isinstance(evar, str))
    values = plain(value.values)
    offsets, part = _products(values, 5)
    start = evar + "="
    items, owners = _candidates(part.fill_null(""), "|", start)
    at = first_hits(as_mask(pc.starts_with(items, start)), owners, len(part))
    found = _filled(pc.utf8_slice_codeunits(items, len(start))).take(pa.array(at, mask=at < 0))
    return Column(list_of(offsets, found, nulls_of(values)))
