"""Mapping whole columns gives what mapping each row alone gives; whatever an author writes ends in one clear error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xdmprep.core.shred import prune
from xdmprep.core.stream import issue_table
from xdmprep.errors import MappingError
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
