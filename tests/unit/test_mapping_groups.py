"""Many rows to one record: what a group gives, whatever the size of the pieces and of the memory."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xdmprep.errors import MappingError, SourceError, UsageError
from xdmprep.flow import Chunk, Finding, Stream
from xdmprep.mapping import MappingSet, map_stream
from xdmprep.mapping.groups import group_stream
from xdmprep.read import open_source
from xdmprep.schema import Schema

SCHEMAS = Path(__file__).parents[2] / "schemas"

LINES = pa.schema([("k", pa.string()), ("a", pa.string()), ("n", pa.int64())])


@pytest.fixture(scope="module")
def event() -> Schema:
    return Schema.load(SCHEMAS / "purchase-event.schema.json")


def stream_of(rows: list[dict[str, Any]], piece: int = 1000, schema: pa.Schema = LINES) -> Stream:
    pieces = [rows[at : at + piece] for at in range(0, len(rows), piece)] or [[]]
    batches = [pa.RecordBatch.from_pylist(part, schema=schema) for part in pieces]
    return open_source(pa.Table.from_batches(batches, schema))


MAPPING = {"id": "k", "first": "a", "lines[*].a": "a", "lines[*].n": "n", "lines[*].kind": '"x"', "all[*]": "upper(a)"}


def expected(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same by plain dicts."""
    groups: dict[Any, list[dict[str, Any]]] = {}
    for number, row in enumerate(rows):
        groups.setdefault(row["k"] if row["k"] is not None else ("none", number), []).append(row)
    records = []
    for members in groups.values():
        firsts = [row["a"] for row in members if row["a"] is not None]
        lines = [{key: row[key] for key in ("a", "n") if row[key] is not None} | {"kind": "x"} for row in members]
        record: dict[str, Any] = {"id": members[0]["k"], "first": firsts[0] if firsts else None, "lines": lines}
        record["all"] = [text.upper() for text in firsts]
        records.append({key: value for key, value in record.items() if value not in (None, [])})
    return records


def test_order_lines_become_orders(event: Schema) -> None:
    mapping = MappingSet.load(SCHEMAS / "purchase-event.mapping.yaml")
    head = "order_no,ordered_at,customer,ecid,sku,product,quantity,line_total,currency,order_total,tax,store".split(",")
    rows = [
        dict(zip(head, line.split(","), strict=True))
        for line in (
            "A1,2024-05-01T10:00:00Z,c1,,s1,Ski,1,10.5,CAD,30,3,",
            "A2,2024-05-01T11:00:00Z,c2,,s3,Wax,1,1,CAD,1,0,7",
            "A1,2024-05-01T10:00:00Z,c1,,s2,Pole,2,19.5,CAD,30,3,",
        )
    ]
    rows = [{key: value or None for key, value in row.items()} for row in rows]
    stream = map_stream(stream_of(rows, schema=pa.schema([(name, pa.string()) for name in head])), mapping, event)
    first, second = stream.to_pylist()
    assert first["_id"] == "order/A1" and first["commerce"]["order"]["priceTotal"] == 30.0
    assert [item["SKU"] for item in first["productListItems"]] == ["s1", "s2"]
    assert first["productListItems"][1] == {
        "SKU": "s2", "name": "Pole", "quantity": 2, "priceTotal": 19.5, "currencyCode": "CAD",
    }  # fmt: skip
    assert first["identityMap"] == {"CRMID": [{"id": "c1", "primary": True}]} and first["_acme"]["channel"] == "web"
    assert second["_acme"] == {"store": {"number": 7}, "channel": "store"}
    (chunk,) = stream.chunks()
    assert chunk.rows.tolist() == [1, 2] and chunk.consumed == 2 and chunk.merged == 1 and not chunk.issues


rows_strategy = st.lists(
    st.fixed_dictionaries(
        {
            "k": st.sampled_from(["x", "y", "z", "é", ""]) | st.none(),
            "a": st.sampled_from(["p", "q"]) | st.none(),
            "n": st.integers(0, 3) | st.none(),
        }
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=40, deadline=None)
@given(rows_strategy, st.integers(1, 10), st.sampled_from([0, 200, 1 << 20]))
def test_any_piece_and_any_memory_give_the_same_records(rows: list[dict[str, Any]], piece: int, memory: int) -> None:
    mapping = MappingSet(MAPPING)
    grouped = group_stream(stream_of(rows, piece), ("k",), memory=memory)
    mapped = map_stream(stream_of(rows, piece), MappingSet(MAPPING, group_by="k"))
    stream = grouped.then(mapped.steps[-1], mapped.leaves, mapped.arrow_schema)
    assert stream.to_pylist() == mapped.to_pylist() == expected(rows)
    chunks = list(stream.chunks())
    starts: dict[Any, int] = {}
    for number, row in enumerate(rows, 1):
        starts.setdefault(row["k"] if row["k"] is not None else ("none", number), number)
    assert [row for chunk in chunks for row in chunk.rows.tolist()] == list(starts.values())
    assert sum(chunk.consumed + chunk.merged for chunk in chunks) == len(rows)
    members: dict[Any, list[int]] = {}
    for number, row in enumerate(rows, 1):
        members.setdefault(row["k"] if row["k"] is not None else ("none", number), []).append(number)
    assert [some for chunk in chunks for some in chunk.members.to_pylist()] == list(members.values())
    halves = [chunk.rows % 2 == 0 for chunk in chunks]
    kept = [chunk.where(half) for chunk, half in zip(chunks, halves, strict=True)]
    even = [some for some in members.values() if some[0] % 2 == 0]
    assert [some for chunk in kept for some in chunk.members.to_pylist()] == even
    assert sum(c.rows_in(half) for c, half in zip(chunks, halves, strict=True)) == sum(map(len, even))
    no_key = [row for c in chunks for f in c.issues if f.code == "group-key" for row in f.rows.tolist()]
    assert no_key == [number for number, row in enumerate(rows, 1) if row["k"] is None]
    assert mapping == MappingSet(MAPPING)


@settings(max_examples=30, deadline=None)
@given(rows_strategy, st.integers(1, 10))
def test_groups_that_stand_together_need_no_second_pass(rows: list[dict[str, Any]], piece: int) -> None:
    rows = sorted(rows, key=lambda row: str(row["k"]))
    mapping = MappingSet({**MAPPING, "$group_by": "k", "$sorted": True})
    assert map_stream(stream_of(rows, piece), mapping).to_pylist() == expected(rows)


def test_a_broken_promise_is_told() -> None:
    rows = [{"k": "x"}, {"k": "y"}, {"k": "x"}]
    for piece in (1, 2, 3):
        stream = map_stream(stream_of(rows, piece), MappingSet({"id": "k", "$group_by": "k", "$sorted": True}))
        with pytest.raises(SourceError, match="row 3: the key 'x' was closed before"):
            stream.to_pylist()


def test_several_keys() -> None:
    rows = [{"k": "x", "a": "1"}, {"k": "x", "a": "2"}, {"k": "x", "a": "1"}, {"k": "y", "a": "1"}]
    stream = map_stream(stream_of(rows), MappingSet({"k": "k", "a": "a", "$group_by": ["k", "a"]}))
    assert stream.to_pylist() == [{"k": "x", "a": "1"}, {"k": "x", "a": "2"}, {"k": "y", "a": "1"}]


def test_rows_that_differ_are_told() -> None:
    rows = [{"k": "x", "a": None}, {"k": "x", "a": "p"}, {"k": "x", "a": "q"}, {"k": "y", "a": "p"}]
    stream = map_stream(stream_of(rows), MappingSet({"k": "k", "a": "a"}, group_by="k"))
    assert stream.to_pylist() == [{"k": "x", "a": "p"}, {"k": "y", "a": "p"}]
    (finding,) = [finding for chunk in stream for finding in chunk.issues]
    assert finding.code == "group-differs" and finding.severity == "warning" and finding.rows.tolist() == [1]
    assert finding.values is not None and finding.values.to_pylist() == ["q"]


def test_findings_before_grouping_go_to_the_record() -> None:
    def marked(chunk: Chunk) -> Chunk:
        texts = chunk.records.column("a").to_pylist()
        at = [number for number, text in zip(chunk.rows, texts, strict=True) if text == "!"]
        return replace(chunk, issues=(Finding.of("contract", "", "bad", at, pa.array(["!"] * len(at))),))

    rows = [{"k": key, "a": text} for key, text in (("x", "1"), ("y", "!"), ("x", "!"), ("z", "1"), ("x", "!"))]
    for piece in (1, 2, 10):
        for memory in (0, 1 << 20):
            stream = group_stream(stream_of(rows, piece).then(marked), ("k",), memory=memory)
            found = [row for chunk in stream for finding in chunk.issues for row in finding.rows.tolist()]
            assert sorted(found) == [1, 1, 2]


def test_unread_rows_are_not_lost(tmp_path: Path) -> None:
    file = tmp_path / "lines.csv"
    file.write_text("k,a\nx,1\ny\nx,2\nz,1,2\n")
    stream = map_stream(open_source(file), MappingSet({"k": "k", "all[*]": "a"}, group_by="k"))
    chunks = list(stream.chunks())
    assert stream.to_pylist() == [{"k": "x", "all": ["1", "2"]}]
    assert [(u.row, u.line) for chunk in chunks for u in chunk.unread] == [(2, 3), (4, 5)]
    assert sum(chunk.consumed + chunk.merged for chunk in chunks) == 4
    file.write_text("k,a\nx\n")
    chunks = list(map_stream(open_source(file), MappingSet({"k": "k"}, group_by="k")).chunks())
    assert [u.row for chunk in chunks for u in chunk.unread] == [1] and sum(c.consumed for c in chunks) == 1


def test_identities_without_an_id_are_left_out(event: Schema) -> None:
    mapping = {"identityMap.Email[*].id": "a", "identityMap.Email[*].primary": False, "_id": "k", "$group_by": "k"}
    rows = [{"k": "x", "a": "1"}, {"k": "x", "a": None}, {"k": "y", "a": None}]
    assert map_stream(stream_of(rows), MappingSet(mapping), event).to_pylist() == [
        {"_id": "x", "identityMap": {"Email": [{"id": "1", "primary": False}]}}, {"_id": "y"},
    ]  # fmt: skip


def test_temporary_files_are_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    rows = [{"k": str(number % 50), "a": "x", "n": number} for number in range(500)]
    chunks = group_stream(stream_of(rows, 20), ("k",), memory=0).chunks()
    next(chunks)
    assert list(tmp_path.iterdir())
    assert sum(len(chunk) for chunk in chunks) < 50
    assert not list(tmp_path.iterdir())


def test_faults_are_told_before_the_first_row() -> None:
    with pytest.raises(MappingError, match=r"\$group_by: the source has no column 'K'\. Did you mean 'k'\?"):
        map_stream(stream_of([{"k": "x"}]), MappingSet({"a": "a"}, group_by="K"))


def test_spark_refuses_to_group(event: Schema) -> None:
    from xdmprep.spark import records

    with pytest.raises(UsageError, match="Spark spreads them"):
        records(None, MappingSet({"_id": "k"}, group_by="k"), event)  # type: ignore[arg-type]
