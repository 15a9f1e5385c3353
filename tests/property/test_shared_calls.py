"""Calls that occur more than once, in one expression or in several of a set, are worked out once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from language_kit import values_of

import xdmprep as xp
from xdmprep.language import evaluation
from xdmprep.language.expression import Expression
from xdmprep.language.tree import Call, Node, repeated
from xdmprep.mapping import MappingSet, map_stream
from xdmprep.read import open_source

COLUMNS = pa.schema([("a", pa.string()), ("b", pa.string()), ("n", pa.int64())])

texts = st.recursive(
    st.sampled_from(["a", "b", '"x@y"', "trim(a)"]),
    lambda inner: st.one_of(
        st.builds("upper({})".format, inner),
        st.builds("concat({}, {})".format, inner, inner),
        st.builds("iif({} == {}, {}, {})".format, inner, inner, inner, inner),
        st.builds("substr({}, 0, instr({}, '@'))".format, inner, inner),
        st.builds("join('-', transformArray([{}, {}], v -> concat(v, {})))".format, inner, inner, inner),
        st.builds("to_integer({})".format, inner),  # fails for most
    ),
    max_leaves=8,
)
rows = st.lists(
    st.fixed_dictionaries({
        "a": st.sampled_from([None, "", " x@y", "7", "é@"]), "b": st.sampled_from(["x", "8 ", None]),
        "n": st.sampled_from([None, 1]),
    }),
    min_size=1, max_size=6,
)  # fmt: skip


@given(st.lists(texts, min_size=1, max_size=4), rows)
@settings(max_examples=80)
def test_several_expressions_give_what_each_gives_by_itself(
    expressions: list[str], given_rows: list[dict[str, Any]]
) -> None:
    """Beside the reference: one expression on one record, where nothing is shared."""
    records = pa.RecordBatch.from_pylist(given_rows, schema=COLUMNS)
    compiled = [Expression(text, COLUMNS) for text in expressions]
    shared: dict[Node, Any] = dict.fromkeys(repeated(one.folded for one in compiled))
    for one in compiled:
        made = one.apply(records, shared=shared)
        assert values_of(made) == [xp.evaluate(one.text, row) for row in given_rows]


def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[Node]:
    """How often each call is worked out from now on."""
    count: Counter[Node] = Counter()
    work = evaluation._call

    def counted(node: Call, frame: Any) -> Any:
        count[node] += bool(frame.n)
        return work(node, frame)

    monkeypatch.setattr(evaluation, "_call", counted)
    return count


SETS = [
    ["iif(instr(a, '@') > 0, substr(a, 0, instr(a, '@')), a)"],
    ["lower(trim(a))", "upper(lower( trim(a) ))", "concat(trim(a), trim(b))"],
    ["iif(a != null, concat(a, b), null)", "iif(a != null, upper(b), null)", "iif(concat(a, b) == 'x', 1, 2)"],
]


@pytest.mark.parametrize("expressions", SETS)
def test_equal_calls_run_once_for_a_chunk(expressions: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    table = pa.Table.from_pylist([{"a": f"{i}@x", "b": f"y{i}"} for i in range(50)], schema=COLUMNS)
    stream = map_stream(open_source(table), MappingSet({f"f{i}": text for i, text in enumerate(expressions)}))
    trees = [Expression(text, COLUMNS).folded for text in expressions]
    count = calls(monkeypatch)
    assert len(stream.to_pylist()) == 50
    assert repeated(trees)
    assert set(repeated(trees)) <= set(count)
    assert set(count.values()) == {1}


def test_random_values_are_not_shared() -> None:
    table = pa.Table.from_pylist([{"a": "x"}, {"a": "y"}], schema=COLUMNS)
    mapping = MappingSet({"i": "uuid()", "j": "uuid()", "k": "concat(uuid(), uuid())"})
    made = map_stream(open_source(table), mapping).to_pylist()
    values = [part for row in made for part in (row["i"], row["j"], row["k"][:36], row["k"][36:])]
    assert len(set(values)) == 8
