"""Many rows to one record: what a group gives, whatever the size of the pieces and of the memory."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xdmprep
from xdmprep.core.arrow_types import is_coded, plain_column
from xdmprep.core.stream import Chunk, Finding, Stream, chunk_bytes
from xdmprep.errors import MappingError, OutputError, SourceError
from xdmprep.mapping import MappingSet, map_stream
from xdmprep.mapping.grouping import Closed, GroupRows, by_group, codes_of, cuts, hashes_of
from xdmprep.mapping.groups import group_stream
from xdmprep.mapping.spill import Spill
from xdmprep.read import open_source
from xdmprep.schema import Schema

SCHEMAS = Path(__file__).parents[2] / "schemas"

LINES = pa.schema([("k", pa.string()), ("a", pa.string()), ("n", pa.int64())])


@pytest.fixture(scope="module")
def event() -> Schema:
    return Schema.load(SCHEMAS / "purchase-event.schema.json")


def stream_of(rows: list[dict[str, Any]], piece: int = 1000, schema: pa.Schema = LINES) -> Stream:
    pieces = [rows[at : at + piece] for at in range(0, len(rows), piece)] or [[]]
    return in_pieces([pa.RecordBatch.from_pylist(part, schema=schema) for part in pieces])


def in_pieces(batches: list[pa.RecordBatch]) -> Stream:
    """The rows as a source that gives these pieces, none of them joined."""
    return replace(open_source(pa.Table.from_batches(batches)), source=lambda: iter(batches), gather=None)


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


@settings(max_examples=40)
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


@settings(max_examples=30)
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
        return replace(chunk, issues=(Finding("contract", "", "bad", at, pa.array(["!"] * len(at))),))

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
    for value, kind in (({"a": 1}, "an object"), ([1], "an array")):
        with pytest.raises(MappingError, match=rf"\$group_by: column 'k' holds {kind}; give columns of single values"):
            map_stream(open_source(pa.table({"k": [value], "a": ["x"]})), MappingSet({"a": "a"}, group_by="k"))


@settings(max_examples=25)
@given(rows_strategy, st.integers(1, 10), st.sampled_from([0, 1 << 20]))
def test_columns_that_are_not_read_are_there_when_a_record_is_set_aside(
    rows: list[dict[str, Any]], piece: int, memory: int
) -> None:
    """The source of a grouped chunk has all columns, whichever are read, whether rows went through files or not."""
    mapped = map_stream(stream_of(rows), MappingSet({"n[*]": "n"}, group_by="k"))

    def chunks(reads: list[str] | None) -> Iterator[Chunk]:
        grouped = group_stream(stream_of(rows, piece), ("k",), reads=reads, memory=memory)
        assert grouped.arrow_schema.names == ["k", "n"] if reads else LINES.names
        return grouped.then(mapped.steps[-1], mapped.leaves, mapped.arrow_schema).chunks()

    for whole, part in zip(chunks(None), chunks(["n"]), strict=True):
        assert part.source is not None
        assert part.source.schema.names == ["k", "a", "n"]
        for keep in (part.rows % 2 == 0, part.rows < 0, part.rows > 0):
            wanted = whole.where(keep).source
            found = part.where(keep).source
            assert wanted is not None and found is not None and found.num_rows == int(keep.sum())
            columns = [found.column(number).to_pylist() for number in range(3)]
            assert columns == [wanted.column(number).to_pylist() for number in range(3)]


def test_columns_in_files_are_there_after_the_last_group_was_made() -> None:
    """Chunks are worked on behind the source, which may have ended and removed its files by then."""
    rows = [{"k": str(number % 7), "a": f"a{number}", "n": number} for number in range(200)]
    mapped = map_stream(stream_of(rows), MappingSet({"n[*]": "n"}, group_by="k"))
    stream = group_stream(stream_of(rows, 10), ("k",), reads=["n"], memory=0)
    chunks = list(stream.then(mapped.steps[-1], mapped.leaves, mapped.arrow_schema).chunks())
    for chunk in chunks:
        source = chunk.where(chunk.rows % 2 == 1).source
        assert source is not None
        texts, numbers = source.column(1).to_pylist(), source.column(2).to_pylist()
        assert texts == [[f"a{number}" for number in group] for group in numbers]
    assert sum(len(chunk) for chunk in chunks) == 7


@given(st.lists(st.lists(st.integers(0, 30), max_size=6), max_size=8))
def test_keys_are_closed_once(batches: list[list[int]]) -> None:
    closed, seen = Closed(), set[int]()
    for batch in batches:
        wanted = [code in seen or bool(seen.add(code)) for code in batch]
        assert closed.add(np.array(batch, np.uint64)).tolist() == wanted


def test_set_aside_groups_show_all_columns(tmp_path: Path) -> None:
    file = tmp_path / "lines.csv"
    file.write_text("k,a,n,more\nx,1,2,p\n,3,4,q\nx,5,6,r\n")
    schema = Schema.from_dict({
        "type": "object",
        "properties": {"id": {"type": "string"}, "all": {"type": "array", "items": {"type": "string"}}},
    })  # fmt: skip
    mapping = {"$group_by": "k", "id": "k", "all[*]": "a"}
    result = xdmprep.prepare(file, mapping, schema, tmp_path / "out", rules="batch")
    assert result.written == 1 and result.rejected == 1
    (line,) = (tmp_path / "out" / "rejects.jsonl").read_text().splitlines()
    assert json.loads(line)["source"] == {"a": ["3"], "n": ["4"], "more": ["q"]}


def _lines(keys: Iterator[str], rows: int) -> Iterator[pa.RecordBatch]:
    """Batches of 5,000 rows with a text of 40 characters each."""
    for at in range(0, rows, 5000):
        some = [next(keys) for _ in range(5000)]
        texts = [f"{number:040d}" for number in range(at, at + 5000)]
        yield pa.record_batch({"k": some, "a": texts, "n": range(at, at + 5000)}, schema=LINES)


@pytest.mark.parametrize("kind", ["distinct", "huge", "mixed"])
def test_memory_is_bounded(kind: str) -> None:
    """Beyond the limit, Arrow's memory is that of a few files and of the largest group, however many rows there are."""
    rows, memory = 100_000, 1 << 20  # some 7 MB
    size = rows * (40 + 8 + 8 + 12)
    numbers = np.random.default_rng(1).permutation(rows)
    texts = {
        "distinct": (f"k{number}" for number in numbers),
        "huge": ("one" for _ in range(rows)),
        "mixed": (f"k{number // 2}" if number % 20 else "one" for number in numbers),
    }
    reader = pa.RecordBatchReader.from_batches(LINES, _lines(texts[kind], rows))
    before = pa.total_allocated_bytes()
    most = found = groups = largest = 0
    seen: list[Any] = []
    for chunk in group_stream(open_source(reader), ("k",), reads=["a"], memory=memory).chunks():
        most = max(most, pa.total_allocated_bytes() - before)
        groups += len(chunk)
        found += chunk.consumed + chunk.merged
        seen += chunk.rows.tolist()
        largest = max(largest, pc.max(pc.list_value_length(chunk.members)).as_py())
    assert found == rows and seen == sorted(seen)
    assert groups == {"distinct": rows, "huge": 1, "mixed": rows // 2 + 1}[kind]
    assert largest == {"distinct": 1, "huge": rows, "mixed": rows // 20}[kind]
    bound = 5 * memory + 4 * largest * (size // rows)
    assert most < bound, (most, bound)


@pytest.mark.parametrize("kind", ["distinct", "huge", "mixed"])
def test_a_table_in_memory_needs_no_files(kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its rows are taken from where they are: beside it there are their order and the groups of one piece."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    rows, memory = 200_000, 3 << 20
    numbers = np.random.default_rng(2).permutation(rows)
    keys = {
        "distinct": [f"k{number}" for number in numbers],
        "huge": ["one"] * rows,
        "mixed": [f"k{number // 4}" if number % 2 else "one" for number in numbers],
    }[kind]
    table = pa.table({"k": keys, "a": [f"{number:040d}" for number in range(rows)], "n": range(rows)}, schema=LINES)
    assert table.nbytes > 3 * memory
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    wanted = frame.group_by("k", maintain_order=True).agg("n")["n"].to_list()
    before, most, found = pa.total_allocated_bytes(), 0, []
    for chunk in group_stream(open_source(table), ("k",), reads=["a"], memory=memory).chunks():
        most = max(most, pa.total_allocated_bytes() - before)
        found += [[row - 1 for row in group] for group in chunk.members.to_pylist()]
        texts = chunk.records.column("a").to_pylist()
        assert texts == [f"{row:040d}" for group in found[-len(chunk) :] for row in group]
    assert found == wanted
    group = max(map(len, wanted)) * table.nbytes // rows
    bound = 3 * memory + 24 * rows + 3 * group
    assert most < bound, (most, bound)
    with pytest.raises(OutputError, match="no scratch file can be written"):  # two arrays
        both = pa.concat_tables([table, table.take(pa.array(np.arange(rows)))])
        list(group_stream(open_source(both), ("k",), memory=memory).chunks())


@pytest.mark.parametrize("in_order", [False, True])
def test_chunks_of_long_strings_are_no_larger_than_others(in_order: bool) -> None:
    size, rows = 200_000, 150
    texts = [f"{number:0{size}d}" for number in range(rows)]
    table = pa.table({"k": [f"k{number % 50}" for number in range(rows)], "a": texts, "n": range(rows)}, schema=LINES)
    table = table.sort_by("k") if in_order else table
    stream = group_stream(open_source(table), ("k",), reads=["a"], in_order=in_order)
    chunks = [chunk.records for chunk in stream.chunks()]
    assert sum(chunk.num_rows for chunk in chunks) == rows
    assert max(chunk.nbytes for chunk in chunks) <= chunk_bytes(2) + 3 * size


@settings(max_examples=5, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=60), st.integers(0, 300_000))
def test_wide_tables_give_the_same_groups_from_files(keys: list[int], memory: int) -> None:
    names = [f"c{number}" for number in range(300)]
    table = pa.table({"k": keys, **{name: [f"{name} {at}" for at in range(len(keys))] for name in names}})
    wanted: dict[int, list[int]] = {}
    for at, key in enumerate(keys):
        wanted.setdefault(key, []).append(at)
    places = [at for group in wanted.values() for at in group]
    halves = [table.slice(0, 20).to_batches()[0], *table.slice(20).to_batches()]
    found = list(group_stream(in_pieces(halves), ("k",), memory=memory).chunks())
    assert [group for chunk in found for group in chunk.members.to_pylist()] == [
        [at + 1 for at in group] for group in wanted.values()
    ]
    assert pa.Table.from_batches([chunk.records for chunk in found]).equals(table.take(places).combine_chunks())


def groups_of(spill: Spill) -> list[list[dict[int, Any]]]:
    """The rows of each group."""
    found = []
    for offsets, columns in spill.groups():
        lines = [dict(enumerate(row)) for row in zip(*(column.to_pylist() for column in columns), strict=True)]
        found += [lines[at:end] for at, end in pairwise(offsets.tolist())]
    return found


def test_a_file_too_large_for_memory_is_spread_again(tmp_path: Path) -> None:
    keys = [f"k{number % 300}" for number in range(900)]
    rows = [{"k": key, "a": key * 3, "n": number} for number, key in enumerate(keys)]
    batches = [pa.RecordBatch.from_pylist(rows[at : at + 50], schema=LINES) for at in range(0, 900, 50)]
    numbered = [
        batch.append_column("\0row", pa.array(range(1 + 50 * at, 51 + 50 * at))) for at, batch in enumerate(batches)
    ]
    for memory in (60, 300, 1 << 20):
        folder = tmp_path / str(memory)
        folder.mkdir()
        spill = Spill(folder, numbered[0].schema, [0], memory)
        spill.add(list(numbered))
        assert any(folder.iterdir())
        found = groups_of(spill)
        assert [group[0][0] for group in found] == keys[:300]
        assert all(
            [row[2] for row in group] == [number, number + 300, number + 600] for number, group in enumerate(found)
        )
        deep = [len(again.relative_to(folder).parts) for again in folder.rglob("again-*")]
        assert max(deep, default=0) == (2 if memory < 1 << 20 else 0)
        for again in folder.rglob("again-*"):
            assert sum(1 for _ in again.iterdir()) > 1, "by other bits of the hash"


@given(st.lists(st.sampled_from(["ab", "ba", "", "x", "é"]) | st.none(), min_size=1, max_size=60), st.booleans())
def test_codes_are_numbers_in_order_of_appearance(keys: list[str | None], several: bool) -> None:
    columns = [pa.array(keys, pa.string())] + (
        [pa.array([None if key is None else len(key) for key in keys], pa.int64())] * several
    )
    codes, count = codes_of(columns)
    wanted: dict[Any, int] = {}
    for number, key in enumerate(keys):
        wanted.setdefault(key if key is not None else ("none", number), len(wanted))
    assert count == len(wanted)
    assert codes.tolist() == [wanted[key if key is not None else ("none", at)] for at, key in enumerate(keys)]
    order, bounds = by_group(columns)
    wanted_order = sorted(range(len(keys)), key=lambda at: (codes[at], at))
    assert (list(range(len(keys))) if order is None else order.tolist()) == wanted_order
    assert bounds.tolist() == np.concatenate([[0], np.cumsum(np.bincount(codes))]).tolist()


@given(st.lists(st.sampled_from(["ab", "", "é"]) | st.none(), min_size=1, max_size=30), st.data())
def test_columns_in_pieces_are_joined(texts: list[str | None], data: st.DataObject) -> None:
    """Pieces of one table, or of several."""
    whole = pa.record_batch({
        "t": pa.array(texts, pa.string()),
        "n": pa.array([text if text is None else len(text) for text in texts], pa.int64()),
        "b": pa.array([text if text is None else text > "a" for text in texts], pa.bool_()),
        "l": pa.array([text if text is None else [text] for text in texts], pa.list_(pa.string())),
        "\0row": pa.array(range(len(texts))),
    })  # fmt: skip
    copied = pa.RecordBatch.from_pylist(whole.to_pylist(), schema=whole.schema)
    ends = sorted(data.draw(st.lists(st.integers(0, len(texts)), max_size=3)))
    pieces = [whole.slice(at, end - at) for at, end in zip([0, *ends], [*ends, len(texts)], strict=True)]
    pieces += data.draw(st.lists(st.sampled_from([whole, whole.slice(1), copied]), max_size=2))
    rows = GroupRows(pieces)
    for at in range(5):
        assert rows.column(at).to_pylist() == [value for piece in pieces for value in piece.column(at).to_pylist()]
        rows.column(at).validate(full=True)


@st.composite
def encodings(draw: st.DrawFn, keys: list[str | None], plain: bool = True) -> pa.Array:
    """The keys as an array, or as a dictionary that has more words, some twice, and null as a word or as no code."""
    if plain and draw(st.booleans()):
        return pa.array(keys, pa.string())
    words = draw(st.permutations([*dict.fromkeys(keys), "more", *draw(st.lists(st.sampled_from([*keys, None])))]))
    places = [[at for at, word in enumerate(words) if word == key] for key in keys]
    codes = [draw(st.sampled_from(at + [None] * (key is None))) for key, at in zip(keys, places, strict=True)]
    kind = draw(st.sampled_from([pa.int8(), pa.uint16(), pa.int64()])) if plain else pa.int8()
    return pa.DictionaryArray.from_arrays(pa.array(codes, kind), pa.array(words, pa.string()))


KEYS = st.lists(st.sampled_from(["ab", "ba", "", "é"]) | st.none(), min_size=1, max_size=20)


@given(KEYS, st.data())
def test_codes_of_dictionaries_are_those_of_their_words(keys: list[str | None], data: st.DataObject) -> None:
    keys *= data.draw(st.sampled_from([1, 3]))  # a dictionary with more words than rows is read as plain strings
    codes, count = codes_of([data.draw(encodings(keys))])
    wanted: dict[Any, int] = {}
    for number, key in enumerate(keys):
        wanted.setdefault(key if key is not None else ("none", number), len(wanted))
    assert count == len(wanted)
    assert codes.tolist() == [wanted[key if key is not None else ("none", at)] for at, key in enumerate(keys)]


@given(st.lists(st.booleans(), min_size=1, max_size=20), st.integers(0, 5), st.lists(st.none(), max_size=1))
def test_codes_of_booleans(some: list[bool], skipped: int, none: list[None]) -> None:
    keys = [*some, *none]
    wanted = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    codes, count = codes_of([pa.array([True] * skipped + keys, pa.bool_()).slice(skipped)])
    assert count == len(wanted) and codes.tolist() == [wanted[key] for key in keys]


@pytest.mark.parametrize(
    ("codes", "words", "wanted"),
    [([0, 1, 2, 0, 2, 1], ["a", "b", "a"], [0, 1, 0, 0, 0, 1]), ([0, 1, 1, 0], ["a", None], [0, 1, 2, 0])],
)
def test_codes_of_words_that_stand_twice_or_are_null(codes: list[int], words: list[Any], wanted: list[int]) -> None:
    column = pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(words))
    assert codes_of([column])[0].tolist() == wanted


@pytest.mark.parametrize("kind", [pa.float32(), pa.float64()])
def test_codes_of_zeros(kind: pa.DataType) -> None:
    codes, count = codes_of([pa.array([1.0, 0.0, -0.0, None, -0.0], kind)])
    assert count == 3 and codes.tolist() == [0, 1, 1, 2, 1]


@given(st.lists(st.integers(1, 5), min_size=1), st.integers(1, 8))
def test_ranges_of_groups_are_as_long_as_they_may_be(sizes: list[int], most: int) -> None:
    wanted: list[list[int]] = []
    for size in sizes:
        if wanted and sum(wanted[-1]) + size <= most:
            wanted[-1].append(size)
        else:
            wanted.append([size])
    bounds = np.cumsum([0, *sizes])
    assert [sizes[at:end] for at, end in cuts(bounds, most)] == wanted


NUMBER = {"type": "integer"}
ITEM = {"type": "object", "properties": {"n": NUMBER, "l": {"type": "array", "items": NUMBER}}}
COUNTS = Schema.from_dict({"type": "object", "properties": {
    "k": {"type": "string"}, "n": NUMBER, "o": ITEM, "items": {"type": "array", "items": ITEM},
}})  # fmt: skip


@pytest.mark.parametrize(
    ("mapping", "wanted"),
    [
        ({"n": "n"}, [("group-differs", "n", [1], ["3"]), ("unparsable", "n", [4], ["x"])]),
        ({"items[*].n": "n"}, [("unparsable", "items[*].n", [4], ["x"])]),
        ({"items[*].l": "l"}, [("unparsable", "items[*].l[*]", [1, 4], ["y", "z"])]),
        ({"o": "json_to_object(j)"}, [("unparsable", "o.n", [4, 4], ["w", "w"])]),
        ({"n": "k"}, [("unparsable", "n", [1, 4], ["a", "b"])]),
        (
            {"o.n": "k", "items[*].n": "n"},
            [
                ("unparsable", "items[*].n", [4], ["x"]),
                ("unparsable", "o.n", [1, 4], ["a", "b"]),
            ],
        ),
    ],
)
def test_findings_of_groups_name_their_records_and_places(mapping: dict[str, str], wanted: list[Any]) -> None:
    """A null between two values that differ, and values that are no numbers below, beside and in place of arrays."""
    table = pa.table({
        "k": list("aaabb"), "n": ["1", None, "3", "x", None], "l": [["1"], ["y", "2"], None, ["z"], ["4"]],
        "j": ['{"n": 1}'] * 3 + ['{"n": "w"}'] * 2,
    })  # fmt: skip
    stream = map_stream(open_source(table), MappingSet({"k": "k", **mapping, "$group_by": "k"}), COUNTS)
    issues = [issue for chunk in stream.chunks() for issue in chunk.issues]
    assert sorted((i.code, i.path, i.rows.tolist(), i.values.to_pylist()) for i in issues) == wanted


def test_a_value_that_comes_late_is_numbered_last() -> None:
    keys = ["b", "c"] * 3000 + ["a", "b"]
    column = pa.DictionaryArray.from_arrays(["abc".index(key) for key in keys], ["a", "b", "c"])
    codes, count = codes_of([column])
    assert count == 3 and codes.tolist() == [{"b": 0, "c": 1, "a": 2}[key] for key in keys]


@given(st.lists(KEYS, min_size=1, max_size=4), st.data())
def test_dictionaries_in_pieces_are_grouped_by_their_words(pieces: list[list[Any]], data: st.DataObject) -> None:
    """Pieces with dictionaries of their own, beside plain strings, or cut from one."""
    keys, batches = [], []
    for piece in pieces:
        column = plain_column(data.draw(encodings(piece)))[0]
        cut = data.draw(st.integers(0, len(piece)))
        for part in (column.slice(0, cut), column.slice(cut)):
            numbers = pa.array(range(len(keys), len(keys) + len(part)), pa.int64())
            batches.append(pa.RecordBatch.from_arrays([part, numbers], ["k", "\0row"]))
            keys += part.to_pylist()
    rows = GroupRows(batches)
    order, bounds = by_group([rows.column(0)])
    ((offsets, (words, numbers)),) = rows.grouped([0, 1], [0], order, bounds)
    groups = [slice(*ends) for ends in pairwise(offsets.tolist())]
    wanted: dict[Any, list[int]] = {}
    for number, key in enumerate(keys):
        wanted.setdefault(key if key is not None else ("none", number), []).append(number)
    assert [numbers.to_pylist()[group] for group in groups] == list(wanted.values())
    assert [words.to_pylist()[group] for group in groups] == [[keys[at] for at in some] for some in wanted.values()]


@settings(max_examples=40)
@given(rows_strategy, st.sampled_from([0, 200, 1 << 20]), st.data())
def test_keys_that_are_dictionaries_give_the_same_records(
    rows: list[dict[str, Any]], memory: int, data: st.DataObject
) -> None:
    batches = []
    for at in range(0, len(rows), 7):
        batch = pa.RecordBatch.from_pylist(rows[at : at + 7], schema=LINES)
        keys = data.draw(encodings(batch.column(0).to_pylist(), plain=False))
        batches.append(pa.RecordBatch.from_arrays([keys, *batch.columns[1:]], ["k", "a", "n"]))
    reader = pa.RecordBatchReader.from_batches(batches[0].schema, batches)
    mapped = map_stream(stream_of(rows), MappingSet(MAPPING, group_by="k"))
    grouped = group_stream(open_source(reader), ("k",), memory=memory)
    assert grouped.then(mapped.steps[-1], mapped.leaves, mapped.arrow_schema).to_pylist() == expected(rows)


@settings(max_examples=60)
@given(rows_strategy)
def test_every_row_that_differs_from_the_first_value_is_named(rows: list[dict[str, Any]]) -> None:
    first: dict[Any, tuple[int, Any]] = {}
    wanted: dict[str, list[tuple[int, Any]]] = {"a": [], "n": []}
    starts: dict[Any, int] = {}
    for number, row in enumerate(rows, 1):
        key = row["k"] if row["k"] is not None else ("none", number)
        start = starts.setdefault(key, number)
        for name, found in wanted.items():
            if row[name] is not None and row[name] != first.setdefault((key, name), row[name]):
                found.append((start, str(row[name])))
    stream = map_stream(stream_of(rows), MappingSet({"k": "k", "a": "a", "n": "n"}, group_by="k"))
    findings = [finding for chunk in stream for finding in chunk.issues if finding.code == "group-differs"]
    for name, pairs in wanted.items():
        told = [f for f in findings if f.path == name]
        said = [
            pair for f in told for pair in zip(f.rows.tolist(), f.values.cast(pa.string()).to_pylist(), strict=True)
        ]
        assert sorted(said) == sorted(pairs)
        assert all(f.rows.tolist() == sorted(f.rows.tolist()) for f in told)


def test_hashes_tell_keys_apart() -> None:
    long = "x" * 1023
    keys = ["", "a", "b", "ab", "ba", "\0", "a\0", *(f"k{number}" for number in range(50_000))]
    keys += [long + "ab", long + "ba", "a" + "x" * 2047 + "b", "b" + "x" * 2047 + "a"]
    hashes = hashes_of([pa.array(keys)])
    assert len(set(hashes.tolist())) == len(keys)
    assert np.array_equal(hashes[5:], hashes_of([pa.array(keys).slice(5)]))
    pairs = hashes_of([pa.array(["a", "b", "a", "1"]), pa.array(["1", "2", "2", "a"])])
    assert len(set(pairs.tolist())) == 4


def test_how_many_files_rows_are_spread_over_and_how_often(tmp_path: Path) -> None:
    for columns, memory, files in (
        (1, 0, 8), (1, 9 * 16_384 - 1, 8), (1, 9 * 16_384, 9), (2, 18 * 16_384, 9), (1, 63 * 16_384, 63),
        (1, 64 * 16_384, 64), (1, 65 * 16_384, 64),
    ):  # fmt: skip
        schema = pa.schema([(str(number), pa.string()) for number in range(columns)])
        assert Spill(tmp_path, schema, [0], memory)._files == files
    one = pa.record_batch({"k": ["a"] * 9, "\0row": pa.array(range(1, 10))})
    spill = Spill(tmp_path, one.schema, [0], 0)  # a single group cannot be spread
    spill.add([one])
    assert [len(group) for group in groups_of(spill)] == [9]
    assert not list(tmp_path.rglob("again-*"))


def test_a_file_that_fits_into_memory_is_not_spread_again(tmp_path: Path) -> None:
    rows = pa.record_batch({"k": [f"k{number % 300}" for number in range(900)], "\0row": pa.array(range(1, 901))})
    memory, spread = 1 << 16, []
    for less in (0, 0, 1):
        folder = tmp_path / str(len(spread))
        folder.mkdir()
        spill = Spill(folder, rows.schema, [0], memory - less)
        spill.add([rows])
        memory = int(spill._sizes.max())
        assert [len(group) for group in groups_of(spill)] == [3] * 300
        spread.append(any(folder.rglob("again-*")))
    assert spread == [False, False, True]


def test_large_dictionaries_cost_no_more_than_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither are words numbered that no row has, nor does a piece of the rows keep them."""
    looked_at: list[int] = []
    count = pc.count_distinct
    monkeypatch.setattr(pc, "count_distinct", lambda words: (looked_at.append(len(words)), count(words))[1])
    words = [f"w{number}" for number in range(1000)]
    column = pa.DictionaryArray.from_arrays([7, 3, 7, 999] * 5, words)
    assert codes_of([column])[0].tolist() == [0, 1, 0, 2] * 5
    assert max(looked_at, default=0) <= 20
    rows = GroupRows([pa.record_batch({"k": column, "\0row": pa.array(range(1, 21))})])
    order, bounds = by_group([column])
    found = [arrays[0] for _, arrays in rows.grouped([0], [0], order, bounds, most=5)]
    assert [array.to_pylist() for array in found] == [["w7"] * 10, ["w3"] * 5, ["w999"] * 5]
    assert not any(pa.types.is_dictionary(array.type) for array in found)


def test_how_large_a_chunk_of_a_wide_table_is() -> None:
    sizes = {columns: chunk_bytes(columns) / 2**20 for columns in (1, 256, 257, 288, 2047, 2048, 2049)}
    assert sizes == {1: 8, 256: 8, 257: 8 + 1 / 32, 288: 9, 2047: 64 - 1 / 32, 2048: 64, 2049: 64}


def test_which_dictionaries_are_repeated_for_each_row() -> None:
    for length, coded in ((1000, True), (1001, False)):
        assert is_coded(pa.array(["x", "a" * length]).dictionary_encode()) == coded
    assert not is_coded(pa.array(["x"])) and not is_coded(pa.array([1]).dictionary_encode())
    for words, few in ((["x", "y"], True), (["x", "y", "z"], False), (["x", None], False)):
        assert is_coded(pa.DictionaryArray.from_arrays([0], words)) == few
