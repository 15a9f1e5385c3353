# ruff: noqa: E501
"""JSON texts become columns as they become values one by one, with the compiled parser and without it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from language_kit import errors_of, outgoing, values_of

from xdmprep import kernels
from xdmprep.language import compile_expression
from xdmprep.language.catalogue import Context
from xdmprep.language.columns import Column
from xdmprep.language.functions import table
from xdmprep.language.interpreter import Scope, compile_node, run
from xdmprep.language.kernels import Rows, json_objects
from xdmprep.language.options import DEFAULT
from xdmprep.language.shapes import to_python
from xdmprep.language.values import Failed
from xdmprep.mapping import MappingSet, map_stream
from xdmprep.read import open_source
from xdmprep.schema import Schema

pytestmark = pytest.mark.usefixtures("both_ways")

SCHEMA = pa.schema([("a", pa.string()), ("n", pa.int64())])
EXPRESSIONS = [
    "json_to_object(a)", "json_to_object(a).a", "json_to_object(a).a.b", "json_to_object(a)[0]", "json_to_object(a).l[1]",
    "get_keys(json_to_object(a).a)", "size_of(json_to_object(a))", "json_to_object(a).a == n", "[json_to_object(a), n]",
    "iif(n > 0, json_to_object(a), n)", "concat('x', json_to_object(a).a)", "json_to_object(a).l.contains(1)",
    "transformArray(json_to_object(a).l, i -> i)", "is_empty(json_to_object(a).a)", "coalesce(json_to_object(a).b, n)",
]  # fmt: skip

scalars = st.sampled_from(["x", "", "é\"\\/\n", "\u2028\x00", 0, -1, 7, 2**53 + 1, 2**63, -(2**63), 10**25, 0.5, -0.0, 1e300,
                           1e16, True, False, None])  # fmt: skip
likely = st.fixed_dictionaries({"a": st.sampled_from([1, 2, 30])}, optional={"b": st.just("t"), "l": st.just([1, 2])})
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "l", '"']), inner, max_size=3)
    ),
    max_leaves=6,
)
odd = st.sampled_from([
    None, "", " ", "nan", "NaN", "[1,]", "{'a': 1}", '{"a": 1, "a": 2}', '{"a": 1}}', '1}, {"v": 2', '1, "v": 2', "1}\n{",
    '{"a":\n1}', '{"a": "\n"}', "01", "1.", ".5", "1e999", "-0", "-0.0", "1E2", '"\\ud800"', '"\\u0000"', "\ufeff1",
    "[-9223372036854775808, 0.5]", "[9223372036854775807, 0.5]", "[9223372036854775808, 0.5]", "[-9223372036854775809, 0.5]",
    '{"a": 0.10000000000000000001}', '{"a": 12345678901234567.89}', "95000000000000.01", '[1, 2.5, 1.2345678901234567890e5]',
    '{"l": [9007199254740.993, 1e300, 12345678901234567890123]}', "-0.10000000000000000001", "0.10000000000000001", "1e-400",
    "[[[]]]", '[{"a": 1}, {}]', '[1, 2.5]', '{"a": {}}', '{"a": []}', '\t{"a" : 1 } ', '{"\\u0061": 1}', "tru", "2.50",
])  # fmt: skip
texts = st.one_of(
    likely.map(json.dumps), values.map(json.dumps), values.map(lambda v: json.dumps(v, ensure_ascii=False)), odd
)


def exact(value: Any) -> Any:
    """A value that equals only its own: 1, 1.0 and True are three, and -0.0 is not 0.0; keys in any order."""
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    return list(map(exact, value)) if isinstance(value, list) else (type(value).__name__, repr(value))


def check(text: str, given_texts: list[str | None]) -> None:
    rows = [{"a": one, "n": i % 3} for i, one in enumerate(given_texts)]
    expression = compile_expression(text, SCHEMA)
    got = expression.apply(pa.RecordBatch.from_pylist(rows, schema=SCHEMA))
    found_all = values_of(got)
    failed = {at for at, _ in errors_of(got)}
    compiled = compile_node(expression.tree)
    for i, row in enumerate(rows):
        try:
            value, fails = outgoing(run(compiled, Scope(row, Context(DEFAULT)))), False
        except Failed:
            value, fails = None, True
        assert (i in failed) == fails, (text, row)
        found = found_all[i]
        if text.startswith("get_keys") and value is not None:  # the objects of a column have one order of keys
            found, value = sorted(found), sorted(value)
        assert exact(found) == exact(value), (text, row)


numbers = st.builds(
    lambda sign, whole, part, power: f"{sign}{whole}{part and '.' + part}{power}",
    st.sampled_from(["", "-"]), st.integers(0, 10**19).map(str), st.text("0123456789", max_size=19),
    st.sampled_from(["", "", "", "e3", "E-7"]),
) | st.floats(-1e16, 1e16).map(repr)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(numbers, min_size=1, max_size=12), st.sampled_from(['{"p": %s}', "[%s]", '{"p": [{"q": %s}]}']))
def test_numbers_keep_their_digits(digits: list[str], form: str) -> None:
    """Python's decimals are the judge; a number that a double prints with as many digits may be that double."""
    path = {"{": "p", "[": "[0]"}[form[0]] + ("[0].q" if "q" in form else "")
    text = f"json_to_object(a){'' if path[0] == '[' else '.'}{path}"
    given_ = pa.table({"a": [form % one for one in digits]})
    made = map_stream(open_source(given_), MappingSet({"t": f"concat('', {text})", "n": text}), OUT).to_pylist()
    for one, record in zip(digits, made, strict=True):
        exactly = Decimal(one)
        digits_of = max(1, len(exactly.as_tuple().digits))
        printed = digits_of <= 17 and Decimal(f"{float(one):.{digits_of - 1}e}") == exactly
        found = Decimal(record["t"])
        assert found == exactly or (printed and found == Decimal(repr(float(one)))), (one, record)
        assert record["n"] == float(one)


OUT = Schema.from_dict({
    "$id": "https://ns.example/numbers", "type": "object",
    "properties": {"t": {"type": "string"}, "n": {"type": "number"}},
})  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
@settings(max_examples=25)
@given(
    given_texts=st.lists(texts, min_size=1, max_size=6)
    | st.lists(likely.map(json.dumps) | odd, min_size=4, max_size=12)
)
def test_texts_of_a_batch_as_one_by_one(text: str, given_texts: list[str | None]) -> None:
    check(text, given_texts)


def test_kinds_in_one_place() -> None:
    """Rows with another kind of value in a place, or a key that is rare, keep their values."""
    some = [json.dumps({"a": i}) for i in range(40)]
    some += [json.dumps(each) for each in ({"a": 1.5}, {"a": "t"}, {"a": None}, {}, {"a": {"b": 1}}, {"z": 1}, [1], 3)]
    for text in EXPRESSIONS:
        check(text, some)


@settings(max_examples=60)
@given(st.lists(texts, min_size=1, max_size=5), st.lists(st.integers(0, 4), min_size=6, max_size=30), st.data())
def test_equal_texts_parsed_once_give_the_same(few: list[str | None], picked: list[int], data: st.DataObject) -> None:
    check(data.draw(st.sampled_from(EXPRESSIONS)), [few[at % len(few)] for at in picked])


def test_equal_texts_of_a_long_batch_are_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[int] = []
    whole = json_objects._parse
    monkeypatch.setattr(json_objects, "_parse", lambda values, node: parsed.append(len(values)) or whole(values, node))
    few = [json.dumps({"a": i, "l": [i, 2]}) for i in range(40)] + [None, "", "[1,]", '{"a":\n1}', '{"a": "t"}', "7"]
    for text in EXPRESSIONS:
        check(text, [few[i * 7 % len(few)] for i in range(2000)])
    assert all(n <= len(few) for n in parsed)


def test_a_column_is_parsed_once_for_all_mappings_that_ask_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[int] = []

    def counted(values: pa.Array, node: Any) -> Any:
        parsed.append(len(values))
        return whole(values, node)

    whole = json_objects._parse
    monkeypatch.setattr(json_objects, "_parse", counted)
    rows = [{"j": json.dumps({"a": f"x{row // 4}", "b": {"c": row // 4}})} for row in range(400)]
    mapping = {
        "a": "json_to_object(j).a",
        "c": "to_integer(json_to_object(j).b.c)",
        "whole": "upper(json_to_object(j).a)",
    }
    stream = map_stream(open_source(pa.Table.from_pylist(rows)), MappingSet(mapping))
    parsed.clear()
    made = stream.to_pylist()
    assert made == [{"a": f"x{row // 4}", "c": row // 4, "whole": f"X{row // 4}"} for row in range(400)]
    assert not parsed or parsed == [400]  # without a compiler such texts are parsed one by one


holed = st.fixed_dictionaries(
    {},
    optional={
        "a": st.sampled_from([1, 2, None]), "b": st.sampled_from(["t", "null", None]), "z": st.none(),
        "o": st.none() | st.fixed_dictionaries({}, optional={"a": st.sampled_from([True, None]), "b": st.sampled_from([0.5, 2, None])}),
        "l": st.none() | st.lists(st.none() | st.fixed_dictionaries({}, optional={"a": st.sampled_from([1, None])}), max_size=3),
        "m": st.lists(st.sampled_from([1, None]), max_size=2),
    },
)  # fmt: skip
HOLED = [
    "json_to_object(a)", "size_of(json_to_object(a))", "json_to_object(a).containsKey('b')", "json_to_object(a).containsKey('z')",
    "json_to_object(a).o.containsKey('b')", "size_of(json_to_object(a).o)", "json_to_object(a).m", "json_to_object(a).getOrDefault('o', n)",
    "transformArray(json_to_object(a).l, i -> size_of(i))", "transformArray(json_to_object(a).l, i -> i.containsKey('a'))",
    "json_to_object(a) == {'a': null, 'b': 't'}", "json_to_object(a).l == [null, {'a': null}]",
]  # fmt: skip


@pytest.mark.parametrize("text", HOLED)
@settings(max_examples=30)
@given(given_texts=st.lists(holed.map(json.dumps) | st.just("null") | st.none(), min_size=4, max_size=40))
def test_null_in_texts_is_not_absence(text: str, given_texts: list[str | None]) -> None:
    check(text, given_texts)


def test_texts_with_nulls_are_parsed_as_a_column() -> None:
    if kernels.active is kernels.plain:
        pytest.skip("texts are parsed one by one without a compiler")
    texts_ = [json.dumps({"a": None if i % 3 else i, "l": [{"b": None}, None], "z": None}) for i in range(30)]
    kernel = table()["json_to_object"].kernel
    made = kernel(Rows(len(texts_), Context(DEFAULT)), [Column(pa.array(texts_))])
    assert made is not None
    assert made.open is None
    assert to_python(made.values) == [json.loads(each) for each in texts_]
