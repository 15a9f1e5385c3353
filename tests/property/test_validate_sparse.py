"""Lines of many kinds, some with faults: reading them as columns finds what reading each of them finds."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from xdmprep import kernels
from xdmprep.core.ndjson import fields, parser
from xdmprep.core.ndjson.lines import BlockLines
from xdmprep.kernels import json_columns as columns
from xdmprep.schema import Schema
from xdmprep.validate import check_stream
from xdmprep.validate.opening import open_records


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


TEXT = {"type": "string", "minLength": 2, "maxLength": 5}
SCHEMA = Schema.from_dict(
    {
        "$id": "https://example.org/sparse",
        "meta:class": "https://ns.adobe.com/xdm/context/profile",
        **_object(
            name=_object(first=TEXT, last={"type": "string", "pattern": "^[A-Z]"}) | {"required": ["first"]},
            born={"type": "string", "format": "date", "meta:xdmType": "date"},
            seen={"type": "string", "format": "date-time", "meta:xdmType": "date-time"},
            points={"type": "integer", "minimum": 0, "maximum": 1000, "meta:xdmType": "short"},
            ratio={"type": "number", "maximum": 1},
            agreed={"type": "boolean"},
            tags={"type": "array", "items": TEXT, "maxItems": 2},
            kind={"type": "string", "enum": ["a", "b"]},
            either={"oneOf": [{"type": "string"}, {"type": "integer", "minimum": 3}]},
            widths=_object(s={"type": "integer", "meta:xdmType": "short"},
                           b={"type": "integer", "meta:xdmType": "byte"},
                           o={"type": "integer", "meta:status": "deprecated"}),
            soft=_object(u={"type": "string", "meta:enum": {"a": "A"}}, v=TEXT),
            closed={**_object(x={"type": "string"}), "additionalProperties": False, "minProperties": 1},
            parts={"type": "array", "items": {**_object(n={"type": "integer"}), "required": ["n"]}},
            identityMap={
                "type": "object", "meta:xdmType": "map",
                "additionalProperties": {"type": "array", "items": {
                    **_object(id={"type": "string", "minLength": 1}, primary={"type": "boolean"}), "required": ["id"]}},
            },
        ),
        "required": ["name"],
    }
)  # fmt: skip

texts = st.sampled_from(
    ["Anna", "bo", "x", "", "Überlang", 'q"q', "b\\s", "\U0001f600\U0001f600", "a", "2020-02-29", "{}"]
)
integers = st.sampled_from([0, 1, 7, -3, 1000, 1001, 40_000, 2**31, 2**53 + 1, 2**63, -(2**70)])
numbers = st.one_of(st.sampled_from([0.5, 1.5, -0.25, 5.0, 1e300, 2.0**60]), integers)
anything = st.recursive(
    st.one_of(texts, numbers, st.booleans(), st.none()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(["x", "n", "id", "q"]), inner, max_size=2)
    ),
    max_leaves=4,
)


def mostly(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 39).flatmap(lambda number: usual if number else anything)


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={name: mostly(value) for name, value in fields.items()})


items = st.lists(some(id=texts, primary=st.booleans()), max_size=2)
records = some(
    name=some(first=texts, last=texts),
    born=st.sampled_from(["2020-02-29", "2019-02-29", "1.1.2020"]),
    seen=st.one_of(integers, integers, numbers),
    points=integers,
    ratio=numbers,
    agreed=st.booleans(),
    tags=st.lists(mostly(texts), max_size=3),
    kind=texts,
    either=st.one_of(texts, integers),
    widths=some(s=integers, b=integers, o=integers, other=integers),
    soft=some(u=texts, v=texts, w=texts),
    closed=some(x=texts, y=texts),
    parts=st.lists(some(n=integers), max_size=2),
    identityMap=st.dictionaries(st.sampled_from(["ECID", "CRMID", "Email"]), mostly(items), max_size=2),
    unknown=st.one_of(texts, some(deep=texts)),
)
FAULTS = [
    ('"points":', '"points":1,"points":'), ('"first":', '"first":"A","first":'), ("}", "}}"), ("{", "{{"), (":", ": "),
    ("true", "tru"), ("true", "NaN"), ("0", "00"), ("7", "7.0"), ("7", "7e0"), ("1", "+1"), ('"', "'"), ("[", "[null,"),
    ("null", "-Infinity"), ("0.5", ".5"),
    ("1.5", "1e400"), ("first", "f\\u0069rst"), ("Anna", "\\ud800"), ("bo", "b\to"),
    ("Anna", "A\\u006ena"), ("Anna", "\\udc00"), (",", ",,"), ('"}', '",}'), ("}", "} {}"), ("}", "}\r"), ("{", " {"),
    ("}", ""), ("bo", "\\x"), ("Anna", "\\\\"), ("1000", "1e3"),
    ("{", "/*x*/{"), ('"born"', '"bo\\"rn"'), ('"kind":', '"kind":null,"kind":'),
]  # fmt: skip
ENDS = [
    "[]",
    "5",
    "null",
    '{"a":{}',
    ',"b":1}',
    '{"name":{"first":"Anna"}} {"kind":"a"}',
    '{"kind":',
    "{",
    "}",
    "{}",
    "",
]


@st.composite
def files(draw: st.DrawFn) -> bytes:
    lines = []
    usual = draw(st.sampled_from([(",", ":"), (", ", ": "), (",", ": ")]))
    for record in draw(st.lists(records, min_size=4, max_size=30)):
        spacing = usual if draw(st.integers(0, 9)) else (", ", ":")
        line = json.dumps(record, ensure_ascii=draw(st.booleans()), separators=spacing)
        if draw(st.integers(0, 7)) == 0:
            line = line.replace(*draw(st.sampled_from(FAULTS)), 1)
        lines.append(line)
        if draw(st.integers(0, 15)) == 0:
            lines.append(draw(st.sampled_from(ENDS)))
    text = "\n".join(['{"kind":"a"}', *lines]).encode()
    return text.replace(b"bo", b"b\xff", 1) if draw(st.integers(0, 9)) == 0 else text


def found(file: Path, rules: str) -> tuple[set[tuple[Any, ...]], list[Any], int]:
    issues: set[tuple[Any, ...]] = set()
    unread: list[Any] = []
    parsed = 0
    for piece in open_records(file).source():
        read = parser.Parser()(piece)
        parsed += sum(len(group.lines) for group in read.groups)
    for chunk in check_stream(open_records(file), SCHEMA, rules).chunks():
        unread += chunk.unread
        for finding in chunk.issues:
            for issue in finding.issues():
                issues.add((issue.row, issue.code, issue.path, issue.message, issue.hint, issue.severity))
    return issues, unread, parsed


def nothing_parsed(_lines: BlockLines, some: Any, tree: Any, _purpose: int) -> Any:
    """As if no line fitted the tree."""
    none = np.zeros(0, np.int64)
    empty = kernels.plain.parse_json(np.zeros(64, np.uint8), none, none, tree, columns.CHECK, False)
    return replace(empty, status=np.full(len(some), columns.EXACT, np.uint8))


@contextmanager
def reading(how: str) -> Iterator[None]:
    """Lines become columns in one of the ways only, and however few they are; objects of two keys are maps already."""
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(parser, "FEWEST", 1))
        if how == "plain":
            stack.enter_context(mock.patch.object(kernels, "active", kernels.plain))
        if how == "maps":
            stack.enter_context(mock.patch.object(fields, "MAP_KEYS", 1))
            stack.enter_context(mock.patch.object(fields, "SPARSE", 1))
        if how == "one by one":
            stack.enter_context(mock.patch.object(BlockLines, "parse", nothing_parsed))
        yield


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(files(), st.sampled_from(["strict", "batch", "jsonschema"]))
@example(b'{"name":{"first":"Anna"},"seen":1}\n' * 9 + b'{"name":{"first":"Anna"},"seen":1.0}', "batch")
@example(b'{"name":{"first":"Anna"},"name":{"last":1}}\n' + b'{"name":{"first":7,"last":0.5}}\n' * 9, "batch")
@example(b'{"name":{"first":"Anna"},"tags":[1,2]}\n' * 9 + b'{"name":{"first":"Anna"},"tags":[2.5]}', "batch")
@example(b'{"identityMap":{"ECID":[{"id":["Anna"],"primary":false}]}}\n' * 9, "strict")
@example(b'{"identityMap":{"ECID":[{"id":{"x":1}}],"CRMID":[{"note":{"x":1}}]}}\n' * 9, "strict")
@example(b'{"kind":"a"}\n{"name":{}}\n[]\n{"name":{"x":null}}\n', "strict")
@example(
    b'{"name":{"first":"Anna"},"widths":{"s":40000}}\n{"name":{"first":"Anna"},"widths":{"b":1000}}\n' * 9, "strict"
)
@example(b'{"name":{"first":"Anna"},"widths":{"o":1}}\n{"name":{"first":"Anna"},"widths":{"other":1}}\n' * 9, "strict")
@example(b'{"name":{"first":"Anna"},"soft":{"u":"x"}}\n{"name":{"first":"Anna"},"soft":{"w":"q"}}\n' * 9, "strict")
def test_as_columns_or_one_by_one_the_findings_are_the_same(text: bytes, rules: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "records.json"
        file.write_bytes(text)
        with reading("one by one"):
            exact_issues, exact_unread, none = found(file, rules)
        assert none == 0
        for how in ("plain", "compiled", "maps"):
            with reading(how):
                issues, unread, _ = found(file, rules)
            assert issues == exact_issues
            assert unread == exact_unread


@pytest.mark.parametrize("how", ["compiled", "plain"])
def test_sparse_records_are_parsed_together(how: str, tmp_path: Path) -> None:
    names = [f"f{number}" for number in range(9)]
    named = {"name": {"first": "Anna"}}
    records = [named | {name: n for at, name in enumerate(names) if n >> at & 1} for n in range(512)]
    lines = [json.dumps(record) for record in records]
    lines[100] = '{"name":{"first":"Anna"},"f1":1,"f1":2}'
    lines[200] = '{"name":{"first":"Anna"},"f1":"text"}'
    lines[300] = '{"name":{"first":"Anna"},"agreed":null}'
    lines[400] = '{"name":{"first":"Anna"},"f1":'
    lines[401] = '{"name":{"first":"Anna"},"tags":["Anna",null]}'
    lines[402] = '{"name":{"first":"Anna"},"tags":["Anna"],"ratio":NaN}'
    lines[403] = '{"name":{"first":"Anna"},"ratio":-9007199254740993}'
    lines[404] = '{"name":{"first":"Anna"},"ratio":-0.5,"points":2}'
    lines[405] = '{"name":{"first":"Anna"},"points":99999999999999999999}'
    file = tmp_path / "records.json"
    file.write_text("\n".join(lines))
    if how == "compiled" and kernels.compiled is None:
        pytest.skip("the inner loops were not compiled here")
    with reading(how):
        issues, unread, parsed = found(file, "jsonschema")
    assert [entry.row for entry in unread] == [101, 401, 403]
    assert {issue[:3] for issue in issues} == {
        (301, "type", "agreed"), (402, "type", "tags[1]"), (406, "maximum", "points")
    }  # fmt: skip
    assert parsed == (len(lines) - 6 if how == "compiled" else 0)  # else each one by itself
