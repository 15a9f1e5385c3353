"""The parts a patch is made of: digests, the join on them, spools, keys, and the difference of columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import xdmprep as xp
from xdmprep.core.shipped import shipped
from xdmprep.core.shred import Leaf
from xdmprep.core.stream import Chunk, row_chunk
from xdmprep.errors import OutputError, UsageError
from xdmprep.patch.join import Entries, join
from xdmprep.patch.keys import Key, key_of
from xdmprep.patch.merge_patch import Delta, present, same
from xdmprep.patch.patch_schema import narrowed, reached, restated, touched
from xdmprep.patch.row_hash import record_digests, text_digests
from xdmprep.patch.spill import Spool, packed

IDENTITIES = pa.map_(pa.string(), pa.list_(pa.struct([("id", pa.string()), ("primary", pa.bool_())])))


def digest(*columns: pa.Array) -> list[int]:
    return record_digests(columns).tolist()


# ---- digests --------------------------------------------------------------------------------------------------------


def test_the_encoding_of_a_text_does_not_matter() -> None:
    texts, more = pa.array(["a", None, "b", "a", ""]), pa.array([1, 2, None, 4, 5])
    sliced = pa.concat_arrays([pa.array(["x"]), texts]).slice(1)
    wanted = digest(texts, more)
    assert digest(texts.dictionary_encode(), more) == wanted
    assert digest(sliced, more) == wanted
    assert text_digests(texts.dictionary_encode()).tolist() == text_digests(texts).tolist()


def test_texts_that_join_alike_differ() -> None:
    rows = [("ab", "c"), ("a", "bc"), ("abc", ""), ("", "abc"), ("abc", None), (None, "abc"), (None, None), ("", "")]
    made = digest(*(pa.array(column, pa.string()) for column in zip(*rows, strict=True)))
    assert len(set(made)) == len(rows)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.int8(), [0, 1, -1, 127, None]),
        (pa.int64(), [0, 1, -1, 2**63 - 1, -(2**63), None]),
        (pa.float64(), [0.0, 1.0, -1.5, 1e300, float("inf"), None]),
        (pa.bool_(), [True, False, None]),
        (pa.date32(), [0, 1, -1, None]),
        (pa.timestamp("ms", "UTC"), [0, 1, -1, None]),
        (pa.list_(pa.string()), [["a"], ["a", "b"], ["b", "a"], ["ab"], ["a", "a"], None]),
        (pa.map_(pa.string(), pa.int64()), [[("a", 1)], [("a", 2)], [("b", 1)], [("a", 1), ("b", 2)], None]),
        (pa.struct([("x", pa.int64()), ("y", pa.int64())]), [{"x": 1, "y": 2}, {"x": 2, "y": 1}, {"x": 1}, {"y": 1}]),
    ],
)  # fmt: skip
def test_unlike_values_have_unlike_digests(kind: pa.DataType, values: list[Any]) -> None:
    made = digest(pa.array(values, kind), pa.array(["same"] * len(values)))
    assert len(set(made)) == len(values)


def test_what_holds_nothing_is_nothing() -> None:
    lists = pa.array([[], None, [None]], pa.list_(pa.string()))
    assert len(set(digest(lists)[:2])) == 1
    structs = pa.array([{"x": None}, None], pa.struct([("x", pa.int64())]))
    assert len(set(digest(structs))) == 1
    maps = pa.array([[], None, [("a", None)]], pa.map_(pa.string(), pa.int64()))
    assert len(set(digest(maps)[:2])) == 1


def test_the_order_of_a_map_does_not_matter() -> None:
    maps = pa.array([[("a", 1), ("b", 2)], [("b", 2), ("a", 1)]], pa.map_(pa.string(), pa.int64()))
    assert len(set(digest(maps))) == 1


def test_columns_are_told_apart() -> None:
    a, b = pa.array([1, 2]), pa.array([2, 1])
    first, second = digest(a, b)
    assert first != second


# ---- the join -------------------------------------------------------------------------------------------------------


def entries(keys: list[int], records: list[int], held: int = 1000, scratch: Path | None = None) -> Entries:
    made = Entries(scratch, held)
    spread = np.array(keys, np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for at in range(len(keys)):
        made.add(spread[at : at + 1], np.array(records[at : at + 1], np.uint64), np.array([at]))
    return made


@pytest.mark.parametrize("held", [1000, 3])
def test_the_join_leaves_what_needs_a_look(held: int, tmp_path: Path) -> None:
    before = entries([1, 2, 3, 4, 5, 5], [10, 20, 30, 40, 50, 50], held, tmp_path)
    after = entries([6, 4, 2, 1, 1, 5], [60, 41, 20, 10, 11, 50], held, tmp_path)
    found = join(before, after)
    assert found.unchanged == 1  # key 2
    assert sorted(found.vanished.tolist()) == [2]
    assert sorted(zip(found.after.tolist(), found.after_group.tolist(), strict=True)) == [
        (0, 0), (1, 1), (3, 4), (4, 4), (5, 5),
    ]  # fmt: skip
    assert sorted(zip(found.before.tolist(), found.before_group.tolist(), strict=True)) == [
        (0, 4), (3, 1), (4, 5), (5, 5),
    ]  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_nothing_against_nothing() -> None:
    found = join(Entries(), Entries())
    assert found.unchanged == len(found.after) == len(found.before) == len(found.vanished) == 0


# ---- spools ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("memory", [0, 1500, 1 << 20])
def test_a_spool_gives_back_what_it_was_given(memory: int, tmp_path: Path) -> None:
    spool = Spool(tmp_path, memory)
    made = [pa.record_batch({"a": pa.array([f"{number}"] * 20).dictionary_encode()}) for number in range(9)]
    numbers = [spool.add(packed(batch)) for batch in made]
    for number, batch in reversed(list(zip(numbers, made, strict=True))):
        assert spool.batch(number).equals(batch)
    assert list(tmp_path.iterdir()) == []  # its file has no name
    spool.close()


def test_a_spool_without_a_place_says_so(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "missing", 0)
    with pytest.raises(OutputError, match="no scratch file can be written"):
        spool.add(packed(pa.record_batch({"a": [1]})))


# ---- keys -----------------------------------------------------------------------------------------------------------


def nested_chunk(maps: list[Any]) -> Chunk:
    return row_chunk(pa.record_batch({"identityMap": pa.array(maps, IDENTITIES)}))


def test_the_key_in_a_nested_identity_map() -> None:
    chunk = nested_chunk([
        [("CRMID", [{"id": "1", "primary": False}, {"id": "2", "primary": True}]), ("Email", [{"id": "e"}])],
        [("CRMID", [])],
        None,
        [("Email", [{"id": "x", "primary": True}, {"id": "y", "primary": True}])],
        [("CRMID", [{"id": " ", "primary": True}])],
    ])  # fmt: skip
    path = Key(("identityMap", "CRMID", 0, "id"), IDENTITIES)
    assert path.texts(chunk).to_pylist() == ["1", None, None, None, None]
    assert Key(("identityMap",), IDENTITIES).texts(chunk).to_pylist() == ["CRMID:2", None, None, "Email:x", None]


def test_a_key_among_shredded_leaves_means_the_same_as_nested() -> None:
    leaves = (
        Leaf(("identityMap", "CRMID", 0, "id"), pa.string()),
        Leaf(("identityMap", "CRMID", 1, "id"), pa.string()),
        Leaf(("identityMap", "CRMID", 1, "primary"), pa.bool_(), constant=True, follows=1),
    )
    columns = [pa.array(["1", None, None]), pa.array(["2", "3", None]), pa.array([True, True, None])]
    chunk = row_chunk(pa.record_batch(columns, names=["0", "1", "2"]), leaves)
    first = Key(("identityMap", "CRMID", 0, "id"), IDENTITIES)
    assert first.texts(chunk).to_pylist() == ["1", "3", None]  # an array holds only what is there
    assert Key(("identityMap",), IDENTITIES).texts(chunk).to_pylist() == ["CRMID:2", "CRMID:3", None]


def test_what_can_be_a_key() -> None:
    schema = xp.Schema.load(shipped("loyalty-profile.schema.json"))
    assert key_of(schema, None).path == ("_acme", "loyalty", "loyaltyId")
    assert key_of(schema, "_acme.loyalty.homeStore").name == "_acme.loyalty.homeStore"
    assert key_of(xp.Schema.load(shipped("crm-profile.schema.json")), None).path == ("identityMap",)
    for wrong, said in (
        ("person.name", "of type object"),
        ("_acme.loyalty.satisfied", "is not in"),
        ("_acme.loyalty.active", "of type boolean"),
        ("_acme.loyalty.cards[*].number", "every element of an array"),
        ("a..b", "not a path"),
    ):
        with pytest.raises(UsageError, match=said):
            key_of(schema, wrong)


# ---- the difference of columns --------------------------------------------------------------------------------------


def delta(kind: pa.DataType, pairs: list[tuple[Any, Any]]) -> tuple[list[Any], list[tuple[int, str, str]]]:
    """What is sent for each pair of values of a field x, and what is listed as gone."""
    struct = pa.struct([("x", kind)])
    before, after = (pa.array([{"x": pair[side]} for pair in pairs], struct) for side in (0, 1))
    work = Delta()
    sent = work.records(before, after).to_pylist(maps_as_pydicts="strict")
    gone = [
        (int(record), path, value)
        for item in work.cleared
        for record, path, value in zip(item.records, item.paths.to_pylist(), item.values.to_pylist(), strict=True)
    ]
    return [row and row["x"] for row in sent], sorted(gone)


def test_a_scalar_is_sent_where_it_differs_and_listed_where_it_is_gone() -> None:
    pairs = [("a", "a"), ("a", "b"), (None, "b"), ("a", None), (None, None)]
    assert delta(pa.string(), pairs) == ([None, "b", "b", None, None], [(3, "x", "a")])
    nan = float("nan")
    assert delta(pa.float64(), [(nan, nan), (0.0, -0.0), (1.0, nan)])[0][:2] == [None, None]


def test_an_array_is_sent_whole() -> None:
    kind = pa.list_(pa.struct([("n", pa.string()), ("m", pa.list_(pa.string()))]))
    a, b = {"n": "1", "m": ["p"]}, {"n": "1", "m": ["p", "q"]}
    sent, gone = delta(kind, [([a], [a]), ([a], [b]), ([a, b], [b, a]), ([a], []), (None, [a]), ([], None)])
    assert sent == [None, [b], [b, a], None, [a], None]
    assert gone == [(3, "x", '[{"n": "1", "m": ["p"]}]')]


def test_a_map_is_sent_by_key() -> None:
    kind = pa.map_(pa.string(), pa.int64())
    sent, gone = delta(
        kind,
        [
            ([("a", 1), ("b", 2)], [("b", 3), ("a", 1)]),
            ([("a", 1)], [("c.d", 1)]),
            ([("a", 1)], None),
            (None, [("a", 1)]),
        ],
    )
    assert sent == [{"b": 3}, {"c.d": 1}, None, {"a": 1}]
    assert gone == [(1, "x.a", "1"), (2, "x.a", "1")]
    assert delta(kind, [([("c.d", 1)], [])])[1] == [(0, r"x.c\.d", "1")]


def test_an_object_in_a_map_is_sent_by_field() -> None:
    kind = pa.map_(pa.string(), pa.struct([("p", pa.string()), ("q", pa.map_(pa.string(), pa.string()))]))
    before = [("k", {"p": "1", "q": [("a", "1"), ("b", "2")]}), ("l", {"p": "1"})]
    after = [("k", {"p": "1", "q": [("a", "3")]}), ("l", {"q": [("z", "1")]})]
    sent, gone = delta(kind, [(before, after)])
    assert sent == [{"k": {"p": None, "q": {"a": "3"}}, "l": {"p": None, "q": {"z": "1"}}}]
    assert gone == [(0, "x.k.q.b", "2"), (0, "x.l.p", "1")]


def test_the_last_of_two_equal_map_keys_counts() -> None:
    kind = pa.map_(pa.string(), pa.int64())
    assert delta(kind, [([("a", 1), ("a", 2)], [("a", 2)]), ([("a", 1)], [("a", 2), ("a", 1)])]) == ([None, None], [])


def test_same_and_present_see_through_nesting() -> None:
    kind = pa.list_(pa.map_(pa.string(), pa.int64()))
    a = pa.array([[[("a", 1), ("b", 2)]], [[("a", 1)]], None, [[]]], kind)
    b = pa.array([[[("b", 2), ("a", 1)]], [[("a", 2)]], [], None], kind)
    assert same(a, b).tolist() == [True, False, True, True]
    assert present(a).tolist() == [True, True, False, False]


def test_slices_are_read_from_where_they_start() -> None:
    kind = pa.struct([("x", pa.list_(pa.string())), ("y", pa.map_(pa.string(), pa.int64()))])
    rows = [{"x": ["0"], "y": [("a", 9)]}, {"x": ["1", "2"], "y": [("a", 1)]}, {"x": None, "y": [("a", 2)]}]
    changed = [{"x": ["0"], "y": [("a", 8)]}, {"x": ["1", "3"], "y": [("a", 1)]}, {"x": ["n"], "y": [("a", 3)]}]
    before, after = (pa.array(values, kind).slice(1) for values in (rows, changed))
    sent = Delta().records(before, after).to_pylist(maps_as_pydicts="strict")
    assert sent == [{"x": ["1", "3"], "y": None}, {"x": ["n"], "y": {"a": 3}}]


# ---- the shape of a patch -------------------------------------------------------------------------------------------

SHAPE = pa.schema([
    ("a", pa.struct([("b", pa.string()), ("c", pa.struct([("d", pa.int64()), ("e", pa.int64())]))])),
    ("m", pa.map_(pa.string(), pa.struct([("v", pa.int64())]))),
    ("z", pa.string()),
])  # fmt: skip


def test_the_shape_is_what_the_leaves_reach() -> None:
    leaves = [Leaf(("m", "k", "v"), pa.int64()), Leaf(("a", "c"), pa.struct([("e", pa.int64())]))]
    made = reached(SHAPE, leaves)
    assert made == pa.schema([("a", pa.struct([("c", pa.struct([("e", pa.int64())]))])), SHAPE.field("m")])


def test_the_fields_touched_are_the_union() -> None:
    kind = pa.struct(list(SHAPE))
    records = pa.array([{"a": {"b": "1"}}, {"m": [("k", {"v": 1})]}, {"a": {"c": {"d": None}}}], kind)
    paths = touched(records)
    assert paths == {("a", "b"), ("m",)}
    assert narrowed(SHAPE, paths) == pa.schema([("a", pa.struct([("b", pa.string())])), SHAPE.field("m")])


def test_required_fields_are_said_again_in_the_objects_that_are_sent() -> None:
    schema = xp.Schema.from_dict({
        "title": "t", "type": "object", "required": ["k"],
        "properties": {
            "k": {"type": "string"},
            "o": {"type": "object", "required": ["r", "p"], "properties": {
                "r": {"type": "string"}, "s": {"type": "string"},
                "p": {"type": "object", "properties": {"x": {"type": "string"}}}}},
        },
    })  # fmt: skip
    kind = pa.struct(list(schema.arrow_schema))
    whole = [{"k": "1", "o": {"r": "r", "s": "new", "p": {"x": "x"}}}] * 3
    sent = pa.array([{"o": {"s": "new"}}, {"k": "1"}, None], kind)
    made = restated(sent, pa.array(whole, kind), schema.root, frozenset(), True).to_pylist()
    assert made == [
        {"k": "1", "o": {"r": "r", "s": "new", "p": {"x": "x"}}},
        {"k": "1", "o": None},
        None,
    ]
    relaxed = restated(sent, pa.array(whole, kind), schema.root, frozenset({("k",)}), False).to_pylist()
    assert relaxed[0] == {"k": "1", "o": {"r": None, "s": "new", "p": None}}
