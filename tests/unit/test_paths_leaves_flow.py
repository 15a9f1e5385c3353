"""The ground floor: paths, leaves, the stream."""

from __future__ import annotations

import ast
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdmprep.core.paths import EVERY, format_path, parse_path
from xdmprep.core.pool import ordered
from xdmprep.core.shred import Leaf, conform, nest, nested_schema, prune, valid
from xdmprep.core.stream import Chunk, Finding, Stream, Unread, issue_table, row_chunk
from xdmprep.errors import ExpressionError, MappingError, did_you_mean, shorten

NAMES = st.text(max_size=5).filter(lambda name: name != EVERY)


@given(st.lists(NAMES | st.integers(0, 99) | st.just(EVERY), min_size=1, max_size=5))
def test_a_path_reads_back_as_it_was_printed(steps: list[str | int]) -> None:
    assert parse_path(format_path(tuple(steps))) == tuple(steps)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0),
        ("a..b", 2),
        (".a", 0),
        ("a.", 2),
        ("a[b]", 1),
        ("a[0]b", 4),
        ("a[", 1),
        ("a[0", 1),
        (r"\[*\]", 0),
        (r"a.\[\*\]", 2),
    ],
)
def test_a_wrong_path_says_where(text: str, position: int) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_path(text)
    assert caught.value.position == position


def test_an_expression_error_shows_the_place() -> None:
    assert str(ExpressionError("unexpected ')'", "concat(a,)", 9)) == "unexpected ')'\n    concat(a,)\n             ^"


def test_all_faults_of_a_mapping_are_shown() -> None:
    assert str(MappingError(["a", "b"], "m.yaml")) == "m.yaml: 2 faults\n  - a\n  - b"
    assert str(MappingError("a")) == "a"


def test_near_names_are_suggested() -> None:
    assert did_you_mean("brithDate", ["birthDate", "gender"]) == " Did you mean 'birthDate'?"
    assert did_you_mean("zzz", ["birthDate"]) == did_you_mean("birthDate", ["birthDate"]) == ""
    for word in (None, 3, [], np.array([1, 2]), pa.array([1]), pd.DataFrame(), pd.NA):  # what `!=` may not answer
        assert did_you_mean(word, ["birthDate"]) == ""
    assert did_you_mean("FIRSTNAME", ["person.name.firstName"]) == " Did you mean 'person.name.firstName'?"
    assert len(shorten("x" * 500)) == 80


@pytest.mark.parametrize(
    ("word", "name"),
    [
        *(("First Name", odd) for odd in ("First\xa0Name", "First Name\u200b", "\ufeffFirst Name", "First Na\xadme")),
        ("F\xedrst", "Fi\u0301rst"),
        ("Fi\u0301rst", "F\xedrst"),
    ],
)
def test_a_suggestion_does_not_look_like_the_word(word: str, name: str) -> None:
    shown = did_you_mean(word, [name])
    assert shown.isascii() and ast.literal_eval(shown[len(" Did you mean ") : -1]) == name


LEAVES = (
    Leaf(("ids", "E", 0, "id"), pa.string()),
    Leaf(("ids", "E", 1, "id"), pa.string()),
    Leaf(("ids", "C", 0, "id"), pa.string()),
    Leaf(("name", "first"), pa.string()),
)
BATCH = pa.RecordBatch.from_arrays(
    [pa.array(["1", None, "x"]), pa.array(["2", None, None]), pa.array(["a", None, None]), pa.array(["f", "g", None])],
    names=[leaf.name for leaf in LEAVES],
)


def test_leaves_nest_to_the_schemas_types() -> None:
    item = pa.struct([("id", pa.string()), ("primary", pa.bool_())])
    schema = pa.schema(
        [
            ("ids", pa.map_(pa.string(), pa.list_(item))),
            ("name", pa.struct([("last", pa.string()), ("first", pa.string())])),
            ("more", pa.int64()),
        ]
    )
    nested = nest(LEAVES, BATCH, schema)
    nested.validate(full=True)
    assert [prune(record) for record in nested.to_pylist(maps_as_pydicts="strict")] == [
        {"ids": {"E": [{"id": "1"}, {"id": "2"}], "C": [{"id": "a"}]}, "name": {"first": "f"}},
        {"name": {"first": "g"}},
        {"ids": {"E": [{"id": "x"}]}},
    ]
    assert nested.column("ids").null_count == 1
    with pytest.raises(KeyError, match="ids"):
        nest(LEAVES, BATCH, pa.schema([("name", schema.field("name").type)]))


def test_without_a_schema_keys_make_structs_and_indexes_lists() -> None:
    schema = nested_schema(LEAVES)
    assert str(schema.field("ids").type) == (
        "struct<E: list<item: struct<id: string>>, C: list<item: struct<id: string>>>"
    )


def test_conform_takes_fields_by_name_at_every_depth() -> None:
    array = pa.array([{"b": [{"y": 1}], "m": [("k", 2)]}, None], pa.struct([
        ("b", pa.list_(pa.struct([("y", pa.int64())]))), ("m", pa.map_(pa.string(), pa.int64()))]))  # fmt: skip
    kind = pa.struct([
        ("m", pa.map_(pa.string(), pa.int32())), ("n", pa.string()),
        ("b", pa.list_(pa.struct([("x", pa.string()), ("y", pa.int8())])))])  # fmt: skip
    made = conform(array, kind)
    made.validate(full=True)
    assert made.type == kind
    assert made.to_pylist() == [{"m": [("k", 2)], "n": None, "b": [{"x": None, "y": 1}]}, None]
    assert conform(array.slice(1), kind).to_pylist() == [None]


def stream_of(sizes: list[int]) -> Stream:
    def pieces() -> Iterator[int]:
        yield from sizes

    def parse(size: int) -> Chunk:
        time.sleep(0.002 * (size % 3))
        batch = pa.RecordBatch.from_pydict({"n": pa.array(range(size), pa.int64())})
        unread = (Unread(size + 1, size + 1, "?", "unreadable", "no"),)
        return row_chunk(batch, unread=unread, consumed=size + 1, lines=size + 1)

    return Stream(pieces, (parse,), (Leaf(("n",), pa.int64()),), pa.schema([("n", pa.int64())]))


@pytest.mark.parametrize("jobs", [0, 1, 3])
def test_rows_are_numbered_in_order_whatever_the_workers(jobs: int) -> None:
    chunks = list(stream_of([3, 1, 2]).chunks(jobs))
    assert [chunk.rows.tolist() for chunk in chunks] == [[1, 2, 3], [5], [7, 8]]
    assert [(item.row, item.line) for chunk in chunks for item in chunk.unread] == [(4, 4), (6, 6), (9, 9)]


def test_findings_move_with_their_rows_and_become_a_table() -> None:
    def check(chunk: Chunk) -> Chunk:
        finding = Finding("minimum", "n", "below", chunk.rows[:1], pa.array([-1]), "N", "mend")
        return Chunk(chunk.leaves, chunk.records, chunk.rows, (finding,), consumed=chunk.consumed)

    chunks = list(stream_of([2, 2]).then(check))
    table = issue_table([finding for chunk in chunks for finding in chunk.issues])
    assert table["row"].to_pylist() == [1, 4]
    assert table["value"].to_pylist() == ["-1", "-1"]
    assert chunks[1].faulty().tolist() == [True, False]
    assert len(chunks[1].where(~chunks[1].faulty())) == 1
    assert [issue.row for finding in chunks[1].issues for issue in finding.issues()] == [4]


@given(st.sets(st.integers(1, 9), max_size=5), st.lists(st.integers(0, 12), max_size=4))
def test_only_rows_of_the_chunk_are_faulty(there: set[int], named: list[int]) -> None:
    rows = sorted(there)
    records = pa.record_batch({"n": pa.array(rows, pa.int64())})
    finding = Finding("minimum", "n", "below", np.array(sorted(named), np.int64))
    chunk = Chunk((Leaf(("n",), pa.int64()),), records, np.array(rows, np.int64), (finding,))
    assert chunk.faulty().tolist() == [row in named for row in rows]


def test_no_more_pieces_are_in_flight_than_threads_and_three() -> None:
    lock, active, most = threading.Lock(), 0, 0

    def pieces() -> Iterator[int]:
        nonlocal active, most
        for number in range(30):
            with lock:
                active += 1
                most = max(most, active)
            yield number

    for _ in ordered(lambda piece: piece, pieces(), 2):
        with lock:
            active -= 1
    assert most <= 5


def test_a_fault_in_a_worker_reaches_the_caller_and_ends_the_rest() -> None:
    def work(number: int) -> int:
        if number == 2:
            raise ValueError("boom")
        return number

    seen: list[Any] = []
    with pytest.raises(ValueError, match="boom"):
        for value in ordered(work, iter(range(100)), 2):
            seen.append(value)
    assert seen == [0, 1]


def test_to_pandas_and_to_table() -> None:
    stream = stream_of([2])
    assert stream.to_table().num_rows == 2
    assert np.array_equal(stream.to_pandas()["n"].to_numpy(), [0, 1])


@pytest.mark.parametrize("jobs", [0, 1, 2, 5])
def test_results_come_in_the_order_of_the_pieces_whoever_works_on_them(jobs: int) -> None:
    def work(number: int) -> tuple[int, int]:
        time.sleep(0.002 * (number % 3))
        return number, threading.get_ident()

    results = list(ordered(work, iter(range(40)), jobs))
    assert [number for number, _ in results] == list(range(40))
    assert len({thread for _, thread in results}) <= max(jobs, 1)
    assert threading.get_ident() in {thread for _, thread in results}


KINDS = st.sampled_from(
    [
        pa.int32(),
        pa.string(),
        pa.bool_(),
        pa.list_(pa.field("item", pa.int32())),
        pa.struct([("a", pa.int8())]),
        pa.dictionary(pa.int32(), pa.string()),
        pa.null(),
        pa.timestamp("ms"),
    ]
)


@given(st.lists(st.booleans(), max_size=40), KINDS, st.integers(0, 20), st.integers(0, 40))
def test_what_is_there_is_what_arrow_says(there: list[bool], kind: pa.DataType, start: int, size: int) -> None:
    """For every type, also in slices that begin in the middle of a byte."""
    values = {"int32": 1, "bool": True, "timestamp[ms]": 1, "null": None, "list<item: int32>": [1]}
    value = values.get(str(kind), {"a": 1} if pa.types.is_struct(kind) else "1")
    plain_kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    array = pa.array([value if yes else None for yes in there], plain_kind)
    array = (array.dictionary_encode() if pa.types.is_dictionary(kind) else array).slice(start, size)
    assert valid(array).tolist() == array.is_valid().to_pylist()
