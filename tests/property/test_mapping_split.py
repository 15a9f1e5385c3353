"""Calculated objects that are split into their fields give the records that they give as a whole."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xdmprep.core.shred import prune
from xdmprep.mapping import MappingSet, compile_mapping, map_stream, plan
from xdmprep.read import open_source
from xdmprep.schema import Schema

SCHEMA = Schema.load(Path(__file__).parents[2] / "schemas" / "purchase-event.schema.json")
COLUMNS = pa.schema([
    ("a", pa.string()), ("b", pa.string()), ("c d", pa.string()), ("n", pa.int64()), ("f", pa.float64()),
    ("u", pa.uint64()),
])  # fmt: skip

TEXTS = ["a", "b", "${c d}", '"x"', '""', r'"x\"}\\"', "'q'"]
NAMES = ["a", "b", "${c d}"]

tests = st.builds(
    "{} {} {}".format, st.sampled_from(NAMES), st.sampled_from(["==", "!="]), st.sampled_from(["null", '""', r'"\"{}"'])
)
conditions = st.recursive(
    tests,
    lambda inner: st.one_of(
        st.builds("({} && {})".format, inner, inner),
        st.builds("({} || {})".format, inner, inner),
        st.builds("!({})".format, inner),
    ),
    max_leaves=5,
)

identity = st.builds(
    lambda id, there, condition, more: f'iif({there.format(id)}{condition}, to_object("id", {id}{more}), null)',
    st.sampled_from(NAMES),
    st.sampled_from(["{0} != null && ", "{0} != null && {0} != '' && ", ""]),
    conditions,
    st.sampled_from(
        ["", ', "primary", false', ', "authenticatedState", b', ', "primary", true, "authenticatedState", a']
    ),
)
product = st.builds(
    lambda sku, number, condition, wrap: wrap.replace("{c}", condition).replace(
        "{v}", f'{{"SKU": {sku}, "quantity": {number}, "_acme": {{"category": b}}}}'
    ),
    st.sampled_from(TEXTS),
    st.sampled_from(["n", "a", "3", "1.5", "-2"]),
    conditions,
    st.sampled_from(
        [
            "{v}",
            "iif({c}, {v}, null)",
            "{c} ? {v} : null",
            "iif(n != 2, {v}, null)",
            "iif(to_integer(a) > 1 && {c}, {v}, null)",
        ]
    ),
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
text = st.sampled_from([None, "", "x", "1", '"{}', "2024-01-02"])
rows = st.lists(
    st.fixed_dictionaries({"a": text, "b": text, "c d": text, "n": st.sampled_from([None, 1, 2])}),
    min_size=1,
    max_size=12,
)


def mapped(paths: dict[str, Any], given_rows: list[dict[str, Any]]) -> tuple[list[str], Counter[tuple[Any, ...]]]:
    """The records as JSON, and the findings: row, code, path, message and value.

    The place of an element is left out: of an array that was made as a whole, the findings name none.
    """
    step = compile_mapping(MappingSet(paths), COLUMNS, SCHEMA)
    table = pa.Table.from_pylist(given_rows, schema=COLUMNS)
    stream = open_source(table).then(step, step.leaves, step.arrow_schema)
    records: list[str] = []
    found: Counter[tuple[Any, ...]] = Counter()
    for chunk in stream.chunks():
        nested = chunk.nested(stream.arrow_schema).to_pylist(maps_as_pydicts="strict")
        records += [json.dumps(prune(row), sort_keys=True, default=str) for row in nested]
        for one in chunk.issues:
            path, values = re.sub(r"\[\d\]", "[*]", one.path), one.values or [None] * len(one.rows)
            found += Counter(
                (int(row), one.code, path, one.message, str(value)) for row, value in zip(one.rows, values, strict=True)
            )
    return records, found


@given(sets, rows)
@settings(max_examples=80)
def test_split_as_whole(paths: dict[str, Any], given_rows: list[dict[str, Any]]) -> None:
    """The same records and the same findings with and without splitting."""
    fast = mapped(paths, given_rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "split", lambda *_: [])
        whole = mapped(paths, given_rows)
    assert fast == whole


PLAIN = [
    ("commerce.order", 'to_object("purchaseID", a, "priceTotal", n)', ["purchaseID", "priceTotal"]),
    ("productListItems", 'to_array(false, {"SKU": a}, iif(b != "", {"SKU": b}, null))', ["[0].SKU", "[1].SKU"]),
    (
        "productListItems",
        r'to_array(false, iif(${c d} != "\"}" || a == null, {"SKU": "x\"\\}", "quantity": -2}, null))',
        ["[0].SKU", "[0].quantity"],
    ),
    (
        "identityMap.ECID",
        'to_array(false, iif(a != null && a != "", to_object("id", a, "primary", true), null))',
        ["[0].id", "[0].primary"],
    ),
]
WHOLE = [
    ("commerce.order", 'to_object("purchaseID", a, "priceTotal", to_decimal(b))'),  # fails as a whole
    ("productListItems", 'to_array(true, {"SKU": a})'),  # keeps null elements
    ("productListItems", 'to_array(false, iif(to_integer(a) > 1, {"SKU": b}, null))'),  # its condition may fail
    ("identityMap.ECID", 'to_array(false, to_object("id", a, "primary", true))'),  # stands without an id
    ("identityMap.ECID", 'to_array(false, iif(b != null, to_object("id", a, "primary", true), null))'),
    ("identityMap.ECID", 'to_array(false, iif(a == null, to_object("id", a, "primary", true), null))'),
    ("identityMap.ECID", 'to_array(false, iif(a != null || b != null, to_object("id", a, "primary", true), null))'),
    ("commerce.order", 'to_object("purchaseID", a, "purchaseID", b)'),  # the later one counts
    ("commerce.order", "to_object(a, b)"),  # names that are data
    ("commerce.order", 'to_object("priceTotal", f)'),  # doubles may be infinite
    ("commerce.order", 'to_object("priceTotal", u)'),
    ("productListItems", 'to_array(false, iif(a != null, {"SKU": b}, {"SKU": "x"}))'),
    ("productListItems", 'to_array(false, iif(a == 1, {"SKU": b}, null))'),
    ("productListItems", 'to_array(false, iif(n == "1", {"SKU": b}, null))'),
]


@pytest.mark.parametrize(("path", "expression", "ways"), PLAIN)
def test_objects_and_arrays_that_pass_are_split_into_leaves(path: str, expression: str, ways: list[str]) -> None:
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


def test_arrays_of_groups_are_those_of_one_row() -> None:
    """The first array is taken whole; fields of several rows do not make one element."""
    table = pa.table({"k": ["1", "1", "2"], "a": [None, "x", "z"], "b": ["y", None, "q"]})
    mapping = MappingSet({"_id": "k", "productListItems": 'to_array(false, {"SKU": a, "name": b})', "$group_by": "k"})
    assert map_stream(open_source(table), mapping, SCHEMA).to_pylist() == [
        {"_id": "1", "productListItems": [{"name": "y"}]},
        {"_id": "2", "productListItems": [{"SKU": "z", "name": "q"}]},
    ]


def test_identities_of_either_spelling_of_the_map_are_split() -> None:
    item = {"type": "object", "properties": {"xdm:id": {"type": "string"}, "xdm:primary": {"type": "boolean"}}}
    spelled = {"type": "object", "additionalProperties": {"type": "array", "items": item}}
    schema = Schema.from_dict({"type": "object", "properties": {"xdm:identityMap": spelled}})
    expression = 'to_array(false, iif(a != null, to_object("xdm:id", a, "xdm:primary", true), null))'
    step = compile_mapping(MappingSet({"xdm:identityMap.ECID": expression}), COLUMNS, schema)
    assert [leaf.path[2:] for leaf in step.leaves] == [(0, "xdm:id"), (0, "xdm:primary")]
