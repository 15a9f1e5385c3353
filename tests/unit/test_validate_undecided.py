"""What cannot be decided in time, or at all, is a finding that says so; never a verdict, never a traceback."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import xdmprep as xp
from xdmprep.core.shred import Leaf
from xdmprep.errors import SchemaError
from xdmprep.regex import MatchTimeout
from xdmprep.validate import Rules
from xdmprep.validate.constraints import Undecidable
from xdmprep.validate.messages import NULL
from xdmprep.validate.view import ChunkColumns, ColumnShape, ColumnView, SchemaPath, Verdict

#: RE2 has no look-ahead, and trying all ways of splitting the text takes longer than anybody lives.
SLOW = "(?=(a+)+b)"
TEXT = "a" * 5_000
STOPPED = "was stopped because it took too long; whether it fits is not known"


def schema(node: dict[str, Any]) -> xp.Schema:
    return xp.Schema.from_dict({"type": "object", "properties": {"x": node}})


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|aa)+$", "(x+x+)+y", r"^(\w+\s?)*$", "^(([a-z])+.)+[A-Z]([a-z])+$"])
def test_expressions_that_explode_are_decided_where_they_need_not(pattern: str) -> None:
    for text, fits in ((TEXT, pattern in ("^(a+)+$", "^(a|aa)+$", r"^(\w+\s?)*$")), (TEXT + "!", False)):
        made = schema({"type": "string", "pattern": pattern})
        assert (not made.check({"x": text})) is fits
        assert xp.validate(pa.table({"x": [text] * 20}), made).valid is fits


@pytest.mark.parametrize(
    ("node", "value", "path"),
    [
        ({"pattern": SLOW}, TEXT, "x"),
        ({"not": {"pattern": SLOW}}, TEXT, "x"),
        ({"type": "array", "items": {"pattern": SLOW}}, [TEXT], "x[0]"),
    ],
)
def test_a_pattern_that_takes_too_long_is_a_finding_everywhere(
    node: dict[str, Any], value: Any, path: str, tmp_path: Path
) -> None:
    made = schema(node)
    (issue,) = made.check({"x": value}, "jsonschema")
    assert issue.code == "pattern" and STOPPED in issue.message
    file = tmp_path / "records.json"
    file.write_text("\n".join([json.dumps({"x": value})] * 26))
    for source in (pa.table({"x": [value] * 26}), file):
        (group,) = xp.validate(source, made, rules="jsonschema").groups
        assert (group.code, group.path, group.count) == ("pattern", path, 26)
        assert STOPPED in group.message


@pytest.mark.parametrize("off", [(), ("pattern",)])
def test_what_is_not_decided_hides_no_other_fault(off: tuple[str, ...], tmp_path: Path) -> None:
    """A branch that cannot be decided is reported even where patterns are not checked, and the rest is checked."""
    made = xp.Schema.from_dict(
        {"type": "object", "properties": {"x": {"not": {"pattern": SLOW}}, "y": {"type": "string", "meta:enum": ["a"]}}}
    )
    rules = Rules.of("strict", dict.fromkeys(off, "off"))
    record = {"x": TEXT, "y": "b", "z": 1}
    wanted = {("pattern", "x"), ("soft-enum", "y"), ("unknown-field", "z")}
    assert {(issue.code, issue.path) for issue in made.check(record, rules)} == wanted
    file = tmp_path / "records.json"
    file.write_text("\n".join([json.dumps(record)] * 26))
    for source in (pa.table({name: [value] * 26 for name, value in record.items()}), file):
        assert {(group.code, group.path) for group in xp.validate(source, made, rules=rules).groups} == wanted


def test_a_field_name_that_takes_too_long_is_told() -> None:
    made = xp.Schema.from_dict({"type": "object", "patternProperties": {SLOW: {"type": "string"}}})
    (issue,) = made.check({TEXT: "x"}, "jsonschema")
    assert STOPPED in issue.message
    with pytest.raises(SchemaError, match=STOPPED):
        xp.validate(pa.table({TEXT: ["x"]}), made)


@pytest.mark.parametrize("rules", ["jsonschema", "batch", "strict"])
def test_records_nested_too_deep_are_a_finding(rules: str) -> None:
    made = xp.Schema.from_dict({"properties": {"n": {"$ref": "#"}, "v": {"enum": [[1]]}, "u": {"uniqueItems": True}}})
    for leaf in ({}, {"v": 1}):
        record: Any = leaf
        for _ in range(3_000):
            record = {"n": record}
        assert "unreadable" in {issue.code for issue in made.check(record, rules)}
    deep: Any = 1
    for _ in range(3_000):
        deep = [deep]
    for name in ("v", "u"):
        assert {issue.code for issue in made.check({name: [deep]}, rules)} <= {"unreadable", "enum", "unknown-field"}


def test_texts_that_took_too_long_are_not_kept() -> None:
    """Memory is bounded by one array, however many texts of a run cannot be decided."""

    class Stopping:
        stopped = "stopped"

        def matches(self, text: str) -> bool:
            raise MatchTimeout(self.stopped)

    wanted: Any = Stopping()
    none: Any = None
    leaf = Leaf(("x",), pa.string())
    (op,) = Undecidable(wanted, NULL).columns(none, ColumnShape(leaf.type), SchemaPath(leaf.path))
    tracemalloc.start()
    try:
        for number in range(100):
            texts = pa.array([f"{number} {row} {'a' * 2000}" for row in range(100)])
            verdict = Verdict(100)
            op(ColumnView(texts, ChunkColumns([texts], 100, (leaf,), False)), verdict)
            assert verdict.bad.all()
            if number == 1:
                tracemalloc.reset_peak()
                before = tracemalloc.get_traced_memory()[0]
        assert tracemalloc.get_traced_memory()[0] - before < 1 << 20  # 20 MB of texts went through
    finally:
        tracemalloc.stop()
