"""Mapping whole columns gives what mapping each row alone gives; whatever an author writes ends in one clear error."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xdmprep.core.shred import prune
from xdmprep.core.stream import issue_table
from xdmprep.errors import MappingError
from xdmprep.language import compile_expression
from xdmprep.language.catalogue import Context
from xdmprep.language.coercion import coerce_value
from xdmprep.language.interpreter import Scope, compile_node, run
from xdmprep.language.options import DEFAULT
from xdmprep.language.values import Failed, incoming, leaves_changed
from xdmprep.mapping import MappingSet, compile_mapping
from xdmprep.mapping.files import parse_yaml
from xdmprep.read import open_source
from xdmprep.schema import Schema

SCHEMAS = Path(__file__).parents[2] / "schemas"
EVENT = Schema.load(SCHEMAS / "purchase-event.schema.json")
CRM = Schema.load(SCHEMAS / "crm-profile.schema.json")

COLUMNS = pa.schema(
    [
        ("t", pa.string()),
        ("n", pa.int64()),
        ("d", pa.string()),
        ("items", pa.list_(pa.struct([("sku", pa.string()), ("qty", pa.string())]))),
        ("names", pa.list_(pa.string())),
        ("obj", pa.struct([("number", pa.string()), ("register", pa.int64()), ("odd", pa.string())])),
    ]
)
MAPPING = MappingSet(
    {
        "_id": 'concat(t, "-", n)',
        "timestamp": "d",
        "eventType": "upper(trim(t))",
        "producedBy": '"self"',
        "identityMap.ECID[0].id": "t",
        "identityMap.ECID[0].primary": True,
        "identityMap.CRMID[0].id": "iif(n > 3, t, null)",
        "identityMap.CRMID[0].authenticatedState": "d",
        "productListItems[*].SKU": "items[*].sku",
        "productListItems[*].quantity": "items[*].qty",
        "productListItems[*].name": "names",
        "productListItems[*].currencyCode": '"EUR"',
        "commerce.order.priceTotal": "t",
        "commerce.order.taxAmount": "to_decimal(t)",
        "commerce.order.payments[1].transactionID": "t",
        "commerce.order.payments[0].paymentAmount": "n",
        "_acme.store": "obj",
        "_acme.store.location.latitude": "n",
        "_acme.coupons": 'explode(t, " ")',
    }
)

STEP = compile_mapping(MAPPING, COLUMNS, EVENT)

texts = st.sampled_from(["", " ", "a", "12", "1.5", "x y", "é", "2024-01-02", "2024-01-02T03:04:05Z", "2024-1-2", "-0"])
line = st.fixed_dictionaries({"sku": texts | st.none(), "qty": texts | st.none()})
rows = st.lists(
    st.fixed_dictionaries(
        {
            "t": texts | st.none(),
            "n": st.integers(-5, 5) | st.none(),
            "d": texts | st.none(),
            "items": st.none() | st.lists(line, max_size=3),
            "names": st.none() | st.lists(texts | st.none(), max_size=3),
            "obj": st.none()
            | st.fixed_dictionaries({"number": texts | st.none(), "register": st.integers(-300, 300), "odd": texts}),
        }
    ),
    min_size=1,
    max_size=8,
)  # fmt: skip


def mapped(batches: list[pa.RecordBatch], coded: bool = False) -> tuple[list[dict[str, Any]], list[Any]]:
    if coded:
        names = COLUMNS.names
        batches = [
            pa.RecordBatch.from_arrays(
                [c.dictionary_encode() if pa.types.is_string(c.type) else c for c in batch.columns], names
            )
            for batch in batches
        ]
    stream = open_source(pa.Table.from_batches(batches)).then(STEP, STEP.leaves, STEP.arrow_schema)
    chunks = list(stream.chunks())
    findings = [finding for chunk in chunks for finding in chunk.issues]
    table = issue_table(findings).select(["code", "row", "path", "value", "message", "hint"]).to_pylist()
    nested = [chunk.nested(stream.arrow_schema).to_pylist(maps_as_pydicts="strict") for chunk in chunks]
    return [prune(record) for part in nested for record in part], sorted(table, key=repr)


@settings(max_examples=30)
@given(rows, st.integers(1, 5))
def test_columns_equal_single_rows(data: list[dict[str, Any]], piece: int) -> None:
    whole = pa.RecordBatch.from_pylist(data, schema=COLUMNS)
    records, findings = mapped([whole])
    pieces = [whole.slice(at, piece) for at in range(0, len(data), piece)]
    assert mapped(pieces) == (records, findings)
    assert mapped([whole], coded=True) == (records, findings)
    alone, told = [], []
    for number, row in enumerate(data):
        made, found = mapped([pa.RecordBatch.from_pylist([row], schema=COLUMNS)])
        alone += made
        told += [{**one, "row": number + 1} for one in found]
    assert alone == records
    assert sorted(told, key=repr) == findings


names = st.sampled_from(
    ["person", "name", "firstName", "identityMap", "ECID", "id", "[0]", "[*]", ".", "birthYear", "x", "\\", "é"]
)
destinations = st.lists(names, min_size=1, max_size=6).map("".join) | st.text(max_size=8)
sources = (
    st.text(max_size=12)
    | st.sampled_from(["t", "n", "items", "obj.number", "items[*].sku", "upper(", '"a', "${t", "t + 1", "[1,2]", "{}"])
    | st.integers()
    | st.floats()
    | st.booleans()
    | st.none()
    | st.lists(st.integers(), max_size=2)
    | st.dictionaries(st.sampled_from(["column", "expression", "constant", "call"]), st.text(max_size=4) | st.none())
)  # fmt: skip


@pytest.mark.parametrize("schema", [CRM, EVENT, None], ids=["crm", "event", "none"])
@settings(max_examples=150)
@given(st.dictionaries(destinations, sources, min_size=1, max_size=4))
def test_whatever_an_author_writes_is_fine_or_one_clear_error(schema: Schema | None, content: dict[str, Any]) -> None:
    sample = pa.RecordBatch.from_pylist([], schema=COLUMNS)
    try:
        mapper = compile_mapping(MappingSet(content), COLUMNS, schema, sample=sample)
    except MappingError as error:
        assert all(error.faults) and str(error)
    else:
        assert mapper.leaves


@settings(max_examples=150)
@given(
    st.text(max_size=40)
    | st.recursive(
        st.text(max_size=3) | st.integers() | st.none(),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    ).map(json.dumps)
)
def test_any_text_as_a_file_is_fine_or_one_clear_error(text: str) -> None:
    try:
        content = parse_yaml(text, "m.yaml")
        MappingSet(content if content is not None else {})
    except MappingError as error:
        assert str(error)


_MIXED = pa.schema(
    [
        ("t", pa.string()), ("n", pa.int64()), ("x", pa.float64()), ("b", pa.bool_()), ("d", pa.decimal128(9, 2)),
        ("at", pa.timestamp("ms", "UTC")), ("day", pa.date32()), ("off", pa.string()), ("l", pa.list_(pa.int64())),
    ]
)  # fmt: skip
_AT = datetime(2024, 12, 31, 23, 30, 5, 123000, UTC)
_ROWS = [
    dict(zip(_MIXED.names, row, strict=True)) for row in (
        ("5", 7, 1.0, True, Decimal("1.50"), _AT, date(2024, 2, 29), "2024-01-01T00:30:00+02:00", [1, None]),
        ("1.5", -1, 2.5, False, Decimal("2.00"), _AT, date(1969, 7, 20), "2024-06-30T20:00:00-05:30", []),
        ("true", 0, -0.0, None, Decimal("0.10"), datetime(1969, 1, 1, tzinfo=UTC), None, "2024-01-01T00:00:00Z", None),
        ("", 2**40, 1e10, True, None, None, date(2024, 1, 1), "x", [3]),
        (None, None, None, None, None, None, None, None, None),
    )
]  # fmt: skip
_TYPES: dict[str, Any] = {
    "t": {"type": "string"}, "n": {"type": "integer", "meta:xdmType": "long"}, "x": {"type": "number"},
    "b": {"type": "boolean"}, "d": {"type": "string", "format": "date"},
    "at": {"type": "string", "format": "date-time"}, "l": {"type": "array", "items": {"type": "string"}},
}  # fmt: skip
_OBJECT = {"type": "object", "properties": _TYPES}
_LEAVES = Schema.from_dict({"title": "leaves", "type": "object", "properties": {"whole": _OBJECT, "path": _OBJECT}})
_ARROW = {name: part.arrow_type for name, part in _LEAVES.root.children["path"].children.items()}


def _leaf(destination: str, expression: str, name: str) -> list[Any] | None:
    """What stands at a leaf in each row; None where the set is refused."""
    mapping = MappingSet({destination: {"expression": expression}})
    source = open_source(pa.Table.from_pylist(_ROWS, _MIXED))
    try:
        step = compile_mapping(mapping, source.arrow_schema, _LEAVES)
    except MappingError:
        return None
    stream = source.then(step, step.leaves, step.arrow_schema)
    records = [record for chunk in stream.chunks() for record in chunk.nested(stream.arrow_schema).to_pylist()]
    top = destination.partition(".")[0]
    return [(record.get(top) or {}).get(name) for record in records]


def _converted(value: Any, kind: pa.DataType) -> Any:
    """A value, or each item of an array, as the reference converts it."""
    if not pa.types.is_list(kind) or value is None:
        return coerce_value(value, kind, DEFAULT)
    if not isinstance(value, list):
        raise Failed("no array")
    return [_converted(item, kind.value_type) for item in value]


@pytest.mark.parametrize(
    "text",
    [
        "t", "n", "x", "b", "d", "at", "off", "x + 1", "n + 1", "t + 1", "x * n", "d + 1", "d * x", "-d", "d / 3",
        "iif(n > 0, n, x)", "iif(n > 0, t, x)", "iif(b, d, n)", "iif(n > 0, t, at)", "nvl(x, n)", "nvl(d, x)",
        "date(off)", "zone_date_to_zone(at, 'Asia/Tokyo')", "iif(b, date(off), at)", "set_date_part('dd', 1, at)",
        "nvl(date(off), day)", "to_array(false, n, x, t)", "to_array(false, date(off), at)", "l", "n == x", "d > 1",
        "make_date_time(2024, 1, 1, 0, 30, 0, 123456789, 'Europe/Paris')", "max(n, x)", "to_integer(t)", "null",
        "nvl(day, day)",
    ],
)  # fmt: skip
def test_a_leaf_of_a_calculated_object_is_what_its_expression_gives(text: str) -> None:
    tree = compile_node(compile_expression(text, _MIXED).tree)
    for name, kind in _ARROW.items():
        wanted: list[Any] = []
        for row in _ROWS:
            try:
                value = run(tree, Scope(leaves_changed(row, incoming), Context(DEFAULT)))
                wanted.append(_converted(value, kind))
            except Failed:
                wanted.append(None)
        path = _leaf(f"path.{name}", text, name)
        assert path in (None, wanted), name
        assert _leaf("whole", f"to_object('{name}', {text})", name) == path, name
        assert _leaf("whole", f"iif(n != 9, {{'{name}': {text}}}, null)", name) == path, name
