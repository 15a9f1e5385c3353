"""Kernels on event lists and products strings of Adobe Analytics; see :mod:`xdmprep.language.functions.analytics`."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...kernels.arrays import list_parts, sieved
from ..columns import as_mask, nulls_of
from ..shapes import list_of, object_of
from . import texts
from .choices import element
from .table import Rows, kernel, need

_SPACES = f"[{texts.SPACES}]*"
_right_trimmed = partial(texts.trimmed, left=False)


def _filled(values: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(values, ""), None, values)


def _found(values: pa.Array, separator: str, name: Any, behind: str) -> pa.Array:
    """What stands behind a name in the first item of lists that has it, as groups; null where none has it."""
    need(isinstance(name, str) and name and name == name.strip() and not set(name) & set(",;|:="))
    return pc.extract_regex(values, rf"(?:\A|{separator}){_SPACES}{re.escape(name)}{behind}(?:{separator}|\z)")


def _events(values: pa.Array, separator: str, name: Any) -> tuple[pa.Array, pa.Array]:
    """Value and id of the first event of a name: ``name=value:id``, ``name:id`` or ``name``; its value is 1 then."""
    behind = rf"{_SPACES}(?:=(?P<valued>[^{separator}]*)|(?P<bare>:[^={separator}]*))?"
    found = _found(values, separator, name, behind)
    parts = pc.split_pattern(_right_trimmed(pc.binary_join_element_wise(*found.flatten(), "")), ":", max_splits=1)
    value, ident = (_filled(element(parts, at).values) for at in range(2))
    return pc.if_else(pc.is_valid(found), value.fill_null("1"), None), ident


@kernel("aa_get_event_value", "text fixed", at=0)
@kernel("aa_get_event_id", "text fixed", at=1)
def _of_list(rows: Rows, values: pa.Array, event: Any, at: int) -> pa.Array:
    return _events(values, ",", event)[at]


def _of_products(values: pa.Array, at: int, change: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """What is made of one part of every product, trimmed; null where the part is empty or missing."""
    offsets, products = list_parts(pc.split_pattern(values, ","))
    filled = np.repeat(as_mask(pc.not_equal(values, "")), np.diff(offsets))
    offsets, products = sieved(offsets, filled, products)  # an empty text has no products
    part = texts.trimmed(element(pc.split_pattern(products, ";"), at).values)
    return list_of(offsets, change(_filled(part)), nulls_of(values))


def _part(rows: Rows, values: pa.Array, at: int) -> pa.Array:
    return _of_products(values, at, lambda part: part)


for _at, _name in enumerate(("categories", "names", "quantity", "price")):
    kernel(f"aa_get_product_{_name}", "text", at=_at)(_part)


@kernel("aa_get_product_event_values", "text fixed", at=0)
@kernel("aa_get_product_event_ids", "text fixed", at=1)
def _event_parts(rows: Rows, values: pa.Array, event: Any, at: int) -> pa.Array:
    return _of_products(values, 4, lambda part: _events(part, r"\|", event)[at])


@kernel("aa_get_product_events", "text fixed")
def product_events(rows: Rows, values: pa.Array, event: Any) -> pa.Array:
    made = _of_products(values, 4, lambda part: _objects(*_events(part, r"\|", event)))
    offsets, objects = list_parts(made)
    offsets, objects = sieved(offsets, ~nulls_of(objects), objects)
    return list_of(offsets, objects, nulls_of(values))


def _objects(value: pa.Array, ident: pa.Array) -> pa.Array:
    return object_of(("id", "value"), (ident, value), (None, None), nulls_of(value))


@kernel("aa_get_product_evars", "text fixed")
def product_evars(rows: Rows, values: pa.Array, evar: Any) -> pa.Array:
    return _of_products(
        values, 5, lambda part: _filled(_right_trimmed(_found(part, r"\|", evar, "=(?P<value>[^|]*)").field(0)))
    )
