"""Calculated objects that are split into their fields give the records that they give as a whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xdmprep.core.shred import prune
from xdmprep.mapping import MappingSet, compile_mapping, plan
from xdmprep.read import open_source
from xdmprep.schema import Schema

SCHEMA = Schema.load(Path(__file__).parents[2] / "schemas" / "purchase-event.schema.json")
COLUMNS = pa.schema([("a", pa.string()), ("b", pa.string()), ("n", pa.int64())])

TEXTS = ["a", "b", '"x"', '""']
CONDITIONS = ["{0} != null", '{0} != null && {0} != ""', '{0} != null && b == "1"', '!({0} == null || {0} == "x")']

identity = st.builds(
    lambda id, condition, more: f'iif({condition.format(id)}, to_object("id", {id}{more}), null)',
    st.sampled_from(["a", "b"]),
    st.sampled_from(CONDITIONS),
    st.sampled_from(
        ["", ', "primary", false', ', "authenticatedState", b', ', "primary", true, "authenticatedState", a']
    ),
)
product = st.builds(
    lambda sku, number, wrap: wrap.format(f'{{"SKU": {sku}, "quantity": {number}, "_acme": {{"category": b}}}}'),
    st.sampled_from(TEXTS),
    st.sampled_from(["n", "a", "3", "1.5"]),
    st.sampled_from(["{}", "iif(a != null, {}, null)", 'b != "" && n != 2 ? {} : null', 'iif(b == "1", {}, null)']),
)
arrays = st.lists(st.one_of(identity), min_size=1, max_size=3).map(lambda items: f"to_array(false, {', '.join(items)})")
products = st.lists(product, min_size=1, max_size=3).map(lambda items: f"to_array(false, {', '.join(items)})")
order = st.builds(
    lambda text, number, kept: f'to_object("purchaseID", {text}, "priceTotal", {number}, "currencyCode", {kept})',
    st.sampled_from(TEXTS),
    st.sampled_from(["n", "b", "2", "to_decimal(b)"]),
    st.sampled_from(["a", "b", '"EUR"', "null"]),
)
sets = st.fixed_dictionaries(
    {"_id": st.just("a"), "timestamp": st.just("b")},
    optional={"identityMap.ECID": arrays, "productListItems": products, "commerce.order": order},
)
text = st.sampled_from([None, "", "x", "1", "2024-01-02"])
rows = st.lists(
    st.fixed_dictionaries(
        {"a": text, "b": text, "n": st.sampled_from([None, 1, 2]), "f": st.sampled_from([None, True])}
    ),
    min_size=1,
    max_size=12,
)


def mapped(paths: dict[str, Any], given_rows: list[dict[str, Any]]) -> tuple[list[str], set[tuple[int, str]]]:
    """The records as JSON, and the rows with findings."""
    step = compile_mapping(MappingSet(paths), COLUMNS, SCHEMA)
    table = pa.Table.from_pylist(given_rows, schema=COLUMNS)
    stream = open_source(table).then(step, step.leaves, step.arrow_schema)
    records: list[str] = []
    found: set[tuple[int, str]] = set()
    for chunk in stream.chunks():
        nested = chunk.nested(stream.arrow_schema).to_pylist(maps_as_pydicts="strict")
        records += [json.dumps(prune(row), sort_keys=True, default=str) for row in nested]
        found |= {(int(row), finding.code) for finding in chunk.issues for row in finding.rows}
    return records, found


@given(sets, rows)
@settings(max_examples=80, deadline=None)
def test_split_as_whole(paths: dict[str, Any], given_rows: list[dict[str, Any]]) -> None:
    """The same records, and findings in the same rows, with and without splitting."""
    fast = mapped(paths, given_rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "split", lambda *_: [])
        whole = mapped(paths, given_rows)
    assert fast == whole


PLAIN = [
    ("commerce.order", 'to_object("purchaseID", a, "priceTotal", n)', ["purchaseID", "priceTotal"]),
    ("productListItems", 'to_array(false, {"SKU": a}, iif(b != "", {"SKU": b}, null))', ["[0].SKU", "[1].SKU"]),
    (
        "identityMap.ECID",
        'to_array(false, iif(a != null && a != "", to_object("id", a, "primary", true), null))',
        ["[0].id", "[0].primary"],
    ),
]
WHOLE = [
    ("commerce.order", 'to_object("purchaseID", a, "priceTotal", to_decimal(b))'),  # fails as a whole
    ("productListItems", 'to_array(true, {"SKU": a})'),  # keeps null elements
    ("identityMap.ECID", 'to_array(false, to_object("id", a, "primary", true))'),  # stands without an id
    ("identityMap.ECID", 'to_array(false, iif(b != null, to_object("id", a, "primary", true), null))'),
]


@pytest.mark.parametrize(("path", "expression", "ways"), PLAIN)
def test_is_split(path: str, expression: str, ways: list[str]) -> None:
    """Objects and arrays of columns that pass as they are become leaves."""
    step = compile_mapping(MappingSet({"_id": "a", path: expression}), COLUMNS, SCHEMA)
    names = [leaf.name for leaf in step.leaves if leaf.name != "_id"]
    assert sorted(names) == sorted(path + way if way.startswith("[") else f"{path}.{way}" for way in ways)


@pytest.mark.parametrize(("path", "expression"), WHOLE)
def test_is_not_split(path: str, expression: str) -> None:
    """What may fail, or means something else as a whole, is made as a whole."""
    step = compile_mapping(MappingSet({"_id": "a", path: expression}), COLUMNS, SCHEMA)
    leaves = [leaf for leaf in step.leaves if leaf.name != "_id"]
    assert {leaf.column for leaf in leaves} == {expression}
