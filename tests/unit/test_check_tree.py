"""The check tree: each rule is written in one place, and few functions walk the schema."""

from __future__ import annotations

import ast
import gc
import weakref
from pathlib import Path
from typing import Any

import house_figures
import numpy as np
import pyarrow as pa
import pytest

from xdmprep.core.rules import RULES
from xdmprep.core.shred import Leaf
from xdmprep.core.stream import Chunk
from xdmprep.schema import Schema
from xdmprep.validate import Rules, check_record, checks, compile_checks
from xdmprep.validate.compile import KEYWORDS
from xdmprep.validate.constraints import Items, Properties
from xdmprep.validate.messages import code_of
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
