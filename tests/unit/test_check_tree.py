"""The check tree: each rule is written in one place, and few functions walk the schema."""

from __future__ import annotations

import ast
import gc
import json
import weakref
from collections import Counter
from pathlib import Path
from typing import Any

import house_figures
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from jsonschema import Draft7Validator

import xdmprep as xp
from xdmprep.core.paths import format_path
from xdmprep.core.rules import RULES
from xdmprep.core.shred import Leaf, prune
from xdmprep.core.stream import Chunk
from xdmprep.schema import Schema
from xdmprep.validate import Rules, check_record, check_stream, checks, compile_checks
from xdmprep.validate.compile import KEYWORDS
from xdmprep.validate.constraints import Items, Properties
from xdmprep.validate.messages import code_of
from xdmprep.validate.opening import open_records
from xdmprep.validate.view import ChunkColumns

VALIDATE = house_figures.HERE / "validate"
#: Rules that judge records; all others are about reading, mapping or schemas.
CODES = {code for code, rule in RULES.items() if rule.sets}


def built(tree: ast.Module, *makers: str) -> list[str]:
    """The codes written in a module as the first argument of some functions."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args]
    heads = [(call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", ""), call.args[0])
             for call in calls]  # fmt: skip
    return [str(code.value) for name, code in heads if name in makers and isinstance(code, ast.Constant)]


def test_every_message_of_a_rule_is_built_in_one_module() -> None:
    modules = house_figures.modules(VALIDATE)
    messages = modules.pop("messages.py")
    own = {code_of(keyword) for keyword in KEYWORDS - {"$ref", "allOf", "properties", "patternProperties", "items"}}
    assert own | set(built(messages, "Failure")) == CODES | {"unreadable"}
    for path, tree in modules.items():
        assert CODES.isdisjoint(built(tree, "Failure", "Violation", "Issue", "Finding")), path


def test_a_message_elsewhere_is_found() -> None:
    tree = ast.parse('Failure("null", "x", "y").of(at, 1); Finding("type", 1)')
    assert sorted(built(tree, "Failure", "Finding")) == ["null", "type"]


def test_few_functions_walk_a_schema() -> None:
    """One compiles the tree, one reads values and one shapes; the others are named here."""
    circles = [circle for circle in house_figures.walkers(VALIDATE) if "node.py:compile" not in circle]
    assert circles == [
        ["platform.py:compare"],  # the types of a Parquet file's columns
    ]


def test_a_walker_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "def one(node):\n    return two(node)\ndef two(node):\n    return one(node)\n"
        "def three(field):\n    return map(three, field)\ndef four(node):\n    return one(node)\n"
    )
    assert house_figures.walkers(tmp_path) == [["a.py:one", "a.py:two"], ["a.py:three"]]


ITEM = {"type": "object", "required": ["n"], "maxProperties": 2, "additionalProperties": False,
        "properties": {"n": {"type": "integer", "minimum": 1}, "t": {"type": "string", "enum": ["a", "b"]},
                       "u": {"type": "string"}},
        "anyOf": [{"required": ["t"]}, {"required": ["u"]}]}  # fmt: skip
RECORD = {"n": 1, "t": "a", "u": "x"}
RECORDS: list[dict[str, Any]] = [
    {"n": 1, "t": "a"}, {"n": 1}, {"t": "a"}, {"n": 0, "u": "x"}, RECORD, {"t": "c", "n": 5}, {"n": 2, "x": 1}, {},
]  # fmt: skip


@pytest.mark.parametrize("rules", ["jsonschema", "batch", "strict"])
def test_both_views_say_what_is_said_of_single_records(rules: Any) -> None:
    """An object above the leaves, the same object in one struct column, and Python values: the same findings."""
    schema = Schema.from_dict(
        {"$id": "https://example.com/v", "title": "V", "type": "object", "properties": {"o": ITEM}}
    )
    names = ["n", "t", "u", "x"]
    columns = [pa.array([record.get(name) for record in RECORDS]) for name in names]
    rows = np.arange(1, len(RECORDS) + 1, dtype=np.int64)

    def found(leaves: tuple[Leaf, ...], arrays: list[pa.Array]) -> set[tuple[Any, ...]]:
        batch = pa.RecordBatch.from_arrays(arrays, names=[leaf.name for leaf in leaves])
        issues = compile_checks(schema, leaves, rules)(Chunk(leaves, batch, rows)).issues
        return {
            (row, issue.code, issue.path, issue.message, issue.hint) for issue in issues for row in issue.rows.tolist()
        }

    above = found(tuple(Leaf(("o", name), column.type) for name, column in zip(names, columns, strict=True)), columns)
    struct = pa.StructArray.from_arrays(columns, names)
    inside = found((Leaf(("o",), struct.type),), [struct])
    singly = {
        (row, issue.code, issue.path, issue.message, issue.hint)
        for row, record in enumerate(RECORDS, 1)
        for issue in check_record(schema, {"o": record} if record else {}, rules)
    }
    assert {code for _, code, *_ in singly} >= {
        "required",
        "max-properties",
        "minimum",
        "enum",
        "additional-properties",
        "any-of",
    }
    assert above == inside == singly


INTEGERS = {"type": "integer", "minimum": 5}
NESTED = {
    "type": "object", "minProperties": 2, "properties": {
        "l": {"type": "array", "minItems": 2, "maxItems": 3,
              "items": {"type": "array", "minItems": 1, "items": INTEGERS}},
        "p": {"type": "array", "items": {"type": "object", "properties": {
            "n": INTEGERS, "q": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}}}},
        "m": {"type": "object", "additionalProperties": {"type": "array", "maxItems": 2, "items": INTEGERS},
              "properties": {"fixed": {"type": "array", "maxItems": 1, "items": INTEGERS}}},
    },
}  # fmt: skip
OBJECTS: list[dict[str, Any]] = [
    {"l": [[1, 6], [7, 2]], "p": [{"n": 1, "q": ["a", "x"]}, {"n": 7}, {"n": 2, "q": ["z"]}],
     "m": {"k1": [1, 2, 3], "fixed": [9, 1], "k2": [9, 1]}},
    {"l": [[6]]}, {}, {"p": [{"q": ["y", "b"]}], "m": {"k2": [4]}}, {"l": [[7], [8], [9], [1]], "m": {"fixed": [5]}},
]  # fmt: skip
PARTS = {
    "l": pa.list_(pa.list_(pa.int64())),
    "p": pa.list_(pa.struct([("n", pa.int64()), ("q", pa.list_(pa.string()))])),
    "m": pa.map_(pa.string(), pa.list_(pa.int64())),
}


def by_jsonschema(document: dict[str, Any], records: list[Any]) -> Counter[tuple[int, str, str]]:
    """Row, code and path of all faults, as the package jsonschema finds them."""
    checker = Draft7Validator(document)
    return Counter(
        (row, code_of(str(error.validator)), format_path(tuple(error.absolute_path)))
        for row, one in enumerate(records, 1) for error in checker.iter_errors(one)
    )  # fmt: skip


def found_in(schema: Schema, leaves: tuple[Leaf, ...], arrays: list[pa.Array]) -> Counter[tuple[int, str, str]]:
    """The same as columns say it."""
    batch = pa.RecordBatch.from_arrays(arrays, names=[leaf.name for leaf in leaves])
    rows = np.arange(1, len(batch) + 1, dtype=np.int64)
    issues = compile_checks(schema, leaves, "jsonschema")(Chunk(leaves, batch, rows)).issues
    return Counter((row, issue.code, issue.path) for issue in issues for row in issue.rows.tolist())


def test_columns_name_the_places_that_jsonschema_names() -> None:
    """Lists of lists, of objects, and maps: above the leaves, inside one column, and record by record."""
    document = {"$id": "https://example.com/n", "title": "N", "type": "object", "properties": {"o": NESTED}}
    schema, records = Schema.from_dict(document), [{"o": one} if one else {} for one in OBJECTS]
    wanted = by_jsonschema(document, records)
    assert len(wanted) >= 15
    assert {"o.l[1][1]", "o.p[2].q[0]", "o.m.k1[2]", "o.m.fixed"} <= {path for _, _, path in wanted}
    arrays = [
        pa.array([list(one[name].items()) if name == "m" and name in one else one.get(name) for one in OBJECTS], kind)
        for name, kind in PARTS.items()
    ]
    whole = pa.StructArray.from_arrays(arrays, [*PARTS], mask=pa.array([not one for one in OBJECTS]))
    leaves = tuple(Leaf(("o", name), kind) for name, kind in PARTS.items())
    assert found_in(schema, leaves, arrays) == found_in(schema, (Leaf(("o",), whole.type),), [whole]) == wanted
    singly = (check_record(schema, one, "jsonschema") for one in records)
    assert Counter((row, issue.code, issue.path) for row, found in enumerate(singly, 1) for issue in found) == wanted


def test_values_are_shown_at_the_places_where_they_are() -> None:
    """Several faults of one rule in one record: each path has its own value."""
    document = {"$id": "https://example.com/n", "title": "N", "type": "object", "properties": NESTED["properties"]}
    array = pa.array([one.get("p") for one in OBJECTS], PARTS["p"])
    batch = pa.RecordBatch.from_arrays([array], names=["p"])
    checks = compile_checks(Schema.from_dict(document), (Leaf(("p",), array.type),), "jsonschema")
    issues = checks(Chunk((Leaf(("p",), array.type),), batch, np.arange(1, len(batch) + 1, dtype=np.int64))).issues
    shown = sorted(
        (row, issue.path, value) for issue in issues if issue.values is not None
        for row, value in zip(issue.rows.tolist(), issue.values.to_pylist(), strict=True)
    )  # fmt: skip
    assert shown == sorted(
        (row, format_path(tuple(error.absolute_path)), str(error.instance))
        for row, one in enumerate(OBJECTS, 1)
        for error in Draft7Validator(document).iter_errors({"p": one.get("p", [])})
    )


def test_branches_are_judged_item_by_item() -> None:
    """What fails deep inside one item says nothing of the item beside it."""
    branches = [
        {"properties": {"q": {"type": "array", "items": {"enum": ["a", "b"]}}}}, {"required": ["n"]},
        {"properties": {"q": {"maxItems": 0}}, "required": ["q"]},
    ]  # fmt: skip
    for keyword in ("anyOf", "oneOf", "allOf"):
        item = {**NESTED["properties"]["p"]["items"], keyword: branches[:2]}
        document = {
            "$id": "https://example.com/b",
            "title": "B",
            "type": "object",
            "properties": {"p": {"type": "array", "items": item}, "r": item | {"not": branches[2]}},
        }
        items: list[Any] = [{"q": ["a"]}, {"q": ["x", "a"]}, {"q": ["x"], "n": 7}, {"n": 8}, {"q": ["b", "a"], "n": 9}]
        records = [{"p": items}, {"p": items[1:2]}, {"p": items[:1] + items[1:3]}, *({"r": one} for one in items)]
        array = pa.array([one.get("p") for one in records], PARTS["p"])
        single = pa.array([one.get("r") for one in records], PARTS["p"].value_type)
        found = found_in(
            Schema.from_dict(document), (Leaf(("p",), array.type), Leaf(("r",), single.type)), [array, single]
        )
        wanted = by_jsonschema(document, records)
        if keyword == "allOf":  # jsonschema names the branch's own faults
            assert {row for row, _, _ in found} == {row for row, _, _ in wanted}
        else:
            assert found == wanted and len(wanted) > 3


@pytest.mark.parametrize("keys", [256, 257])
def test_faults_in_very_many_places_are_one_finding(keys: int) -> None:
    document = {
        "$id": "https://example.com/n", "title": "N", "type": "object",
        "properties": {"m": {"type": "object", "additionalProperties": {"type": "array", "items": INTEGERS}}},
    }  # fmt: skip
    array = pa.array([[(f"k{number}", [9, 1])] for number in range(keys)], PARTS["m"])
    found = found_in(Schema.from_dict(document), (Leaf(("m",), array.type),), [array])
    records = [{"m": dict(one)} for one in array.to_pylist()]
    wanted = by_jsonschema(document, records)
    assert found == (wanted if keys == 256 else Counter((row, code, "m[*][*]") for row, code, _ in wanted))


@pytest.mark.usefixtures("few_lines_become_columns")
def test_which_sources_hold_empty_arrays_and_nulls(tmp_path: Path) -> None:
    """JSON has both, Parquet empty arrays; of a table neither becomes part of a record."""
    strings = {"a": {"type": "string"}, "b": {"type": "string"}}
    document = {
        "$id": "https://example.com/e", "title": "E", "type": "object",
        "properties": {"l": {"type": "array", "minItems": 1, "items": {"type": "string"}},
                       "o": {"type": "object", "required": ["b"], "properties": strings}},
    }  # fmt: skip
    schema = Schema.from_dict(document)
    rows: list[dict[str, Any]] = [
        {"l": []}, {"l": ["x"]}, {}, {"o": {"a": None}}, {"o": {"a": None, "b": "x"}}, {"o": {"a": "y", "b": "x"}},
    ]  # fmt: skip
    (tmp_path / "r.json").write_text("\n".join(map(json.dumps, rows)))
    table = pa.table({"l": pa.array([row.get("l") for row in rows], pa.list_(pa.string()))})
    pq.write_table(table, tmp_path / "r.parquet")

    def found(source: Any) -> Counter[str]:
        return Counter({group.code: group.count for group in xp.validate(source, schema, rules="jsonschema").groups})

    wanted = Counter(code for _, code, _ in by_jsonschema(document, rows).elements())
    assert found(tmp_path / "r.json") == wanted == {"min-items": 1, "required": 1, "type": 2}
    assert found(tmp_path / "r.parquet") == {"min-items": 1}
    assert found(table) == {}


@pytest.mark.usefixtures("few_lines_become_columns")
def test_numbers_are_converted_as_they_are_written(tmp_path: Path) -> None:
    """The platform makes strings of numbers: 1 and 1.0 are not the same there, though one column holds both."""
    item = {"type": "string", "maxLength": 1}
    schema = Schema.from_dict({
        "$id": "https://example.com/c", "title": "C", "type": "object",
        "properties": {"x": item, "o": {"type": "object", "properties": {"y": {"type": "array", "items": item}}}},
    })  # fmt: skip
    lines = ['{"x": 1}', '{"x": 1.0}', '{"x": 2.5}', '{"o": {"y": [1, 1.0, 2.5, 3]}}', "{}"]
    (tmp_path / "r.json").write_text("\n".join(lines))
    issues = [
        (row, issue.path)
        for chunk in check_stream(open_records(tmp_path / "r.json"), schema, "batch").chunks(1)
        for issue in chunk.issues for row in issue.rows.tolist()
    ]  # fmt: skip
    values = {
        (row, path): value for row, one in enumerate(map(json.loads, lines), 1)
        for path, value in [
            ("x", one.get("x", "")), *((f"o.y[{at}]", part) for at, part in enumerate(one.get("o", {}).get("y", [])))
        ]
    }  # fmt: skip
    assert sorted(issues) == sorted(place for place, value in values.items() if len(str(value)) > 1)


@pytest.mark.usefixtures("few_lines_become_columns")
def test_records_without_any_field_are_objects(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text("{}\n{}\n")
    for required in ([], ["a"]):
        document = {"$id": "https://example.com/e", "title": "E", "type": "object", "required": required,
                    "properties": {"a": {"type": "string"}}}  # fmt: skip
        report = xp.validate(tmp_path / "r.json", Schema.from_dict(document), rules="jsonschema")
        wanted = by_jsonschema(document, [{}, {}])
        assert {group.code: group.count for group in report.groups} == Counter(code for _, code, _ in wanted.elements())


def test_objects_of_tables_without_a_value_are_not_there() -> None:
    """As records are written, at the top and inside of others."""
    inner = {"type": "object", "properties": {"a": {"type": "string"}}}
    outer = {"type": "object", "properties": {"o": inner, "b": {"type": "string"}}, "required": ["o"]}
    document = {"$id": "https://example.com/r", "title": "R", "type": "object", "required": ["o"],
                "properties": {"o": inner, "w": outer}}  # fmt: skip
    objects: list[Any] = [{"a": None}, {"a": "x"}, None]
    kind = pa.struct([("a", pa.string())])
    around = pa.array([{"o": one, "b": "1"} for one in objects], pa.struct([("o", kind), ("b", pa.string())]))
    schema = Schema.from_dict(document)
    for first, second in ((pa.array(objects, kind), around), (pa.array(objects[:2], kind), around.slice(0, 2))):
        table = pa.table({"o": first, "w": second})
        wanted = by_jsonschema(document, [prune(row) for row in table.to_pylist()])
        report = xp.validate(table, schema, rules="jsonschema")
        assert {group.code: group.count for group in report.groups if group.path == "o"} == {
            "required": wanted[1, "required", ""] + wanted[3, "required", ""]
        }
        assert sum(group.count for group in report.groups) == wanted.total()


def test_constants_are_present_where_what_they_follow_is(schemas: Path) -> None:
    """The platform's record without an id has no identity, so nothing is missing in it."""
    mapping = {"identityMap.ECID[0].id": "id", "identityMap.ECID[0].primary": {"constant": True},
               "person.name.fullName": "t"}  # fmt: skip
    rows = [{"id": "1" * 38, "t": "u"}, {"id": None, "t": "v"}]
    schema = Schema.load(schemas / "crm-profile.schema.json")
    records = xp.map_rows(rows, mapping, schema).to_pylist()
    assert [record.get("identityMap") for record in records] == [{"ECID": [{"id": "1" * 38, "primary": True}]}, None]
    report = xp.validate(rows, schema, mapping=mapping, rules="batch")
    assert not [group for group in report.groups if group.path.startswith("identityMap")]


def test_the_platform_adds_to_the_nodes_of_json_schema(schemas: Path) -> None:
    """Each object and array has one constraint on what it holds: records are walked once."""
    schema = Schema.load(schemas / "crm-profile.schema.json")
    nodes = [(schema.root, checks.checks_for(schema, Rules.of("strict")).tree)]
    seen = 0
    for field, node in nodes:
        inside = [one for one in node.constraints if isinstance(one, Properties | Items)]
        if field.values is not None or field.items is not None or (field.children and field.path):
            assert len(inside) == 1, field
        for one in inside:
            if isinstance(one, Items) and field.items is not None and one.node is not None:
                nodes.append((field.items, one.node))
            elif isinstance(one, Properties) and field.values is not None and one.other is not None:
                nodes.append((field.values, one.other))
            elif isinstance(one, Properties):
                nodes += [(child, one.fields[name]) for name, child in field.children.items() if name in one.fields]
        seen += bool(inside)
    assert seen > 5 and len(nodes) == sum(1 for _ in schema.root.walk())


def test_a_chunk_is_freed_when_it_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not only when the garbage collector runs, which knows nothing of the size of Arrow's memory."""
    made: list[weakref.ref[ChunkColumns]] = []

    class Watched(ChunkColumns):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            made.append(weakref.ref(self))

    monkeypatch.setattr(checks, "ChunkColumns", Watched)
    schema = Schema.from_dict(
        {"$id": "https://example.com/f", "title": "F", "type": "object", "properties": {"o": ITEM}}
    )
    leaves = (Leaf(("o",), pa.struct({"n": pa.int64()})),)
    batch = pa.RecordBatch.from_arrays([pa.array([{"n": 1}, {"n": 0}])], names=["o"])
    gc.disable()
    try:
        assert compile_checks(schema, leaves)(Chunk(leaves, batch, np.arange(1, 3))).issues
        assert [found() for found in made] == [None]
    finally:
        gc.enable()
