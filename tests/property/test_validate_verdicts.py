"""Random schemas and records: all paths agree with the package jsonschema, record by record."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft6Validator, Draft7Validator

from xdmprep.core.shred import Leaf, prune
from xdmprep.core.stream import Chunk
from xdmprep.errors import SchemaError
from xdmprep.schema import Schema
from xdmprep.validate import Rules, check_record, check_stream
from xdmprep.validate.checks import checks_for
from xdmprep.validate.opening import open_records

#: What hypothesis says of its own notes on draws that it repeats, not of the code under test.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Generating overly large repr"),
    pytest.mark.usefixtures("few_lines_become_columns"),
]

JSONSCHEMA = Rules.of("jsonschema")
NAMES = ["a", "b", "c", "d e", "x.y", "", "[*]", "{*}"]

texts = st.one_of(
    st.sampled_from(["", "a", "A1", "abc", "été", "\U0001f600", "2020-02-29", "2019-02-29", "a@b.co", "10:00", "US\n",
                     "2020-01-01T00:00:00Z", 'say "x"', "back\\slash", "1", "true", "null", "tab\t"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
)  # fmt: skip
integers = st.one_of(
    st.integers(-5, 5), st.sampled_from([2**31, -(2**31) - 1, 2**53, 2**53 + 1, 2**63 - 1, 2**63, -(2**70)])
)
floats = st.one_of(
    st.sampled_from([0.5, -0.0, 2.0, 1e3, 1e300, 5e-324, 2.0**53, sys.float_info.max]),
    st.floats(-10, 10, allow_nan=False, width=32),
)
numbers = st.one_of(integers, floats)
scalars = st.one_of(texts, numbers, st.booleans(), st.none())
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)),
    max_leaves=8,
)


records = st.dictionaries(st.sampled_from(NAMES), values, max_size=4)


def some(**keywords: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=keywords)


text_schemas = some(
    type=st.just("string"),
    minLength=st.integers(0, 3),
    maxLength=st.integers(0, 4),
    pattern=st.sampled_from(["a", "^[A-Z]", "[0-9]+", "^.{2}", "(x|)", "^a.c", "\\w", "[^a]", "^\\S+\\s", "b{1,2}"]),
    format=st.sampled_from(["date", "date-time", "ipv4", "unknown"]),
    enum=st.lists(scalars, min_size=1, max_size=4),
)
number_schemas = some(
    type=st.sampled_from(["integer", "number", ["integer", "null"]]),
    minimum=numbers,
    maximum=numbers,
    exclusiveMinimum=numbers,
    exclusiveMaximum=numbers,
    multipleOf=st.sampled_from([1, 2, 0.5, 3]),
    enum=st.lists(scalars, min_size=1, max_size=4),
    const=scalars,
)
other_schemas = st.one_of(
    st.just({"type": "boolean"}), st.just({"type": "null"}), st.just({}), some(const=values), st.booleans()
)
leaf_schemas = st.one_of(text_schemas, number_schemas, other_schemas)


def below(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    fields = st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    objects = some(
        type=st.just("object"),
        properties=fields,
        required=st.lists(st.sampled_from(NAMES), max_size=2, unique=True),
        additionalProperties=st.one_of(st.booleans(), inner),
        patternProperties=st.dictionaries(st.sampled_from(["^a", "b|c", "e$"]), inner, max_size=1),
        minProperties=st.integers(0, 2),
        maxProperties=st.integers(0, 3),
        propertyNames=some(maxLength=st.integers(1, 3)),
        dependencies=st.dictionaries(
            st.sampled_from(NAMES),
            st.one_of(inner, st.lists(st.sampled_from(NAMES), max_size=2, unique=True)),
            max_size=1,
        ),
    )
    arrays = some(
        type=st.just("array"),
        items=st.one_of(inner, st.lists(inner, min_size=1, max_size=2)),
        additionalItems=st.one_of(st.booleans(), inner),
        minItems=st.integers(0, 2),
        maxItems=st.integers(0, 3),
        uniqueItems=st.booleans(),
        contains=inner,
    ).filter(lambda node: not ("additionalItems" in node and isinstance(node.get("items"), bool)))  # the oracle fails
    parts = st.lists(inner, min_size=1, max_size=2)
    joined = some(anyOf=parts, oneOf=parts, allOf=parts, **{"not": inner})
    both = st.tuples(st.one_of(objects, arrays, text_schemas), joined).map(lambda pair: {**pair[0], **pair[1]})
    return st.one_of(objects, arrays, joined, both)


nodes = st.recursive(leaf_schemas, below, max_leaves=6)
declaring = st.tuples(below(nodes), st.dictionaries(st.sampled_from(NAMES), nodes, min_size=1, max_size=3)).map(
    lambda pair: {**pair[0], "type": "object", "properties": pair[1]}
)
parts_of_roots = st.lists(st.one_of(st.booleans(), below(nodes)), min_size=1, max_size=2)
combining = some(
    anyOf=parts_of_roots, oneOf=parts_of_roots, allOf=parts_of_roots, minProperties=st.integers(0, 2),
    enum=st.lists(st.one_of(st.just({}), records), min_size=1, max_size=2), const=st.one_of(st.just({}), records),
    properties=st.dictionaries(st.sampled_from(NAMES), nodes, max_size=2),
    **{"not": st.one_of(st.booleans(), below(nodes))},
)  # fmt: skip
#: References that mean something else in each of the resources below.
referring = st.sampled_from(["#/definitions/t", "#t", "other.json", "other.json#/definitions/t", "dir/deep.json#t",
                             "https://x.example/other.json#t", "#"]).map(lambda ref: {"$ref": ref})  # fmt: skip


@st.composite
def resources(draw: st.DrawFn) -> dict[str, Any]:
    """A schema with two resources in its definitions, each with parts of the same names."""

    def resource(id: str | None, more: dict[str, Any]) -> dict[str, Any]:
        return {
            **({"$id": id} if id else {}),
            "properties": draw(st.dictionaries(st.sampled_from(NAMES), st.one_of(referring, leaf_schemas))),
            "definitions": {"t": {"$id": "#t", **draw(st.one_of(text_schemas, number_schemas))}, **more},
        }  # fmt: skip

    deep = resource("dir/deep.json", {})
    other = resource("other.json", {"deep": deep})
    return resource("https://x.example/main.json", {"other": other})


schemas = st.one_of(declaring, declaring, combining, st.booleans(), resources())


def oracle(schema: Any) -> Draft6Validator:
    return Draft6Validator(schema, format_checker=Draft7Validator.FORMAT_CHECKER)


def columns_verdict(schema: Schema, record: dict[str, Any]) -> bool | None:
    """The verdict of nested columns; None where no Arrow column holds exactly this record."""
    if not record:
        chunk = Chunk(
            (Leaf(("a",), pa.int64()),), pa.record_batch({"a": pa.nulls(1, pa.int64())}), np.ones(1, np.int64)
        )
        return not checks_for(schema, JSONSCHEMA)._columnar(chunk, keep_empty=False)
    try:
        array = pa.array([record])
    except (pa.ArrowException, OverflowError):
        return None
    back = array.to_pylist()[0]
    if json.dumps(back, sort_keys=True) != json.dumps(record, sort_keys=True) or "null" in json.dumps(record):
        return None
    batch = pa.RecordBatch.from_struct_array(array)
    leaves = tuple(Leaf((field.name,), field.type) for field in batch.schema)
    chunk = Chunk(leaves, batch, np.ones(1, dtype=np.int64))
    return not checks_for(schema, JSONSCHEMA)._columnar(chunk, keep_empty=True)


def frame_verdict(schema: Schema, record: dict[str, Any], size: int) -> bool | None:
    """The verdict of a frame, where nothing, null and empty are the same; None where no frame holds this record.

    The record stands between records without any value.
    """
    try:
        array = pa.array([{}] * size + [record] + [{}] * size)
    except (pa.ArrowException, OverflowError):
        return None
    if not array.type.num_fields or json.dumps(prune(array[size].as_py())) != json.dumps(prune(record)):
        return None
    batch = pa.RecordBatch.from_struct_array(array)
    leaves = tuple(Leaf((field.name,), field.type) for field in batch.schema)
    chunk = Chunk(leaves, batch, np.arange(1, len(batch) + 1, dtype=np.int64))
    found = checks_for(schema, JSONSCHEMA)._columnar(chunk, keep_empty=False)
    return not any(size + 1 in finding.rows for finding in found)


def elements_are_values(value: Any) -> bool:
    if isinstance(value, list):
        return all(prune([item]) and elements_are_values(item) for item in value)
    return all(map(elements_are_values, value.values())) if isinstance(value, dict) else True


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@example({"type": "object", "properties": {"a": {"type": "array", "contains": False}}}, [{"a": []}, {"a": [1]}], False)
@example({"anyOf": [{"required": ["a"]}, {"minProperties": 2}]}, [{}, {"a": 1}], False)
@example({"enum": [{}]}, [{"a": []}], False)
@example({"not": {"const": {"b": 1}}}, [{"a": {}, "b": 1}, {"a": [], "b": 1}], False)
@given(schemas, st.lists(st.one_of(records, st.just({})), min_size=1, max_size=5), st.booleans())
def test_every_path_gives_the_verdict_of_jsonschema(
    schema: Any, some_records: list[dict[str, Any]], ascii_only: bool
) -> None:
    wanted = oracle(schema)
    try:
        ours = Schema.from_dict(schema)
    except SchemaError as error:  # what accepts no record at all is no schema of records
        assert "not a record" in str(error)
        return
    expected = [wanted.is_valid(record) for record in some_records]
    assert [not check_record(ours, record, JSONSCHEMA) for record in some_records] == expected
    for record, verdict in zip(some_records, expected, strict=True):
        assert columns_verdict(ours, record) in (None, verdict), record
        if elements_are_values(record):
            assert frame_verdict(ours, record, 2) in (None, wanted.is_valid(prune(record))), record
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "records.json"
        # each twice, so that lines of one shape stand in the file
        lines = [json.dumps(record, ensure_ascii=ascii_only) for record in some_records for _ in (1, 2)]
        file.write_text("\n".join(lines), encoding="utf-8")
        bad: set[int] = set()
        for chunk in check_stream(open_records(file), ours, JSONSCHEMA).chunks():
            assert not chunk.unread
            bad |= {row for finding in chunk.issues for row in finding.rows.tolist()}
    assert [row + 1 not in bad for row in range(len(lines))] == [v for v in expected for _ in (1, 2)]


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from([
    '{"a":"x","b":1}', '{"a":"y\\"z","b":-2.5}', '{"b":2,"a":"x"}', '{"a":"x","b":1', '{"a":"x","a":"y"}', "", "  ",
    '{"a":"\\u00e9","b":1}', '{"a":"x\\\\","b":1}', '{"a": "x", "b": 1}', '{"a":"x","b":01}', '{"a":"x","b":1}}', "[]",
    '{"a":"x","b":true}', '{"a":"x","b":null}', '{"a":"x","b":NaN}', '{"a":"x\ty","b":1}', '{"a":{},"b":[]}', "{}",
    '{"a":"x","b":1} {"a":"x","b":1}', '{"a":"x","b":1e400}', '{"a":"\\ud800","b":1}', '{"a":"x","b":9007199254740993}',
    '{"a":"x","b":1}\r', '{"a":"x","b":.5}', '{"a":"x","b":+1}', '{"a":"x","b":"1"}', '{"a":[1,2],"b":0}',
    '\x0b{"a":1}',
    '{"a":"x":"b"}', '{"a":"x","b":-0}', '{"a":"x","b":tru}', '{"a":"x","b":1,}', '{"a\\u0062":"x"}', '{"ab":"x"}',
]), max_size=12), st.sampled_from(["", "\n"]))  # fmt: skip
def test_lines_are_read_exactly_as_a_strict_json_reader_reads_them(lines: list[str], end: str) -> None:
    """The oracle is the standard library, made strict: no NaN, no key twice, no half surrogates."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in items}) < len(items):
            raise ValueError("twice")
        return dict(items)

    def refuse(name: str) -> Any:
        raise ValueError(name)

    lines = ['{"first":1}', *lines]  # a file that begins with a bracket is an array
    expected: list[Any] = []
    for line in "\n".join(lines).split("\n"):
        if not line.strip(" \t\r"):
            continue
        try:
            value = json.loads(line, object_pairs_hook=pairs, parse_constant=refuse)
            if repr(value).find("inf") >= 0:
                raise ValueError("beyond all doubles")
            json.dumps(value, ensure_ascii=False).encode()
            expected.append(value if isinstance(value, dict) else ValueError)
        except ValueError:
            expected.append(ValueError)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "lines.json"
        file.write_bytes(("\n".join(lines) + end).encode())
        got: dict[int, Any] = {}
        for chunk in open_records(file).chunks():
            for unread in chunk.unread:
                got[unread.row] = ValueError
            for group in chunk.groups:  # type: ignore[attr-defined]
                columns = group.columns
                nowhere = np.zeros(len(group.lines), dtype=bool)
                for at, row in enumerate(chunk.rows[group.lines].tolist()):
                    record: dict[str, Any] = {}
                    for number, (leaf, column) in enumerate(zip(group.leaves, columns, strict=True)):
                        node: Any = record
                        cell = column[at].as_py()
                        if cell is None and not group.nulls.get(number, nowhere)[at]:
                            continue
                        for step, following in zip(leaf.path, leaf.path[1:], strict=False):
                            empty: Any = [] if isinstance(following, int) else {}
                            if isinstance(step, int):
                                if len(node) <= step:
                                    node.append(empty)
                                node = node[step]
                            else:
                                node = node.setdefault(step, empty)
                        if isinstance(leaf.path[-1], int):
                            node.append(cell)
                        else:
                            node[leaf.path[-1]] = cell
                    got[row] = record
            for position, value in chunk.others:  # type: ignore[attr-defined]
                got[int(chunk.rows[position])] = value
    assert got == dict(enumerate(expected, 1))
    assert repr(sorted(got.items(), key=lambda pair: pair[0])).count("True") == repr(expected).count("True")
