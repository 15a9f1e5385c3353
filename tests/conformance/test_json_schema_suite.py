"""The public JSON Schema test suite, drafts 6 and 7, on every path that judges records.

Instances that are objects are records.  All others go in as the property ``value`` of a record, whose schema refers to
the schema of the test.  Each is judged as one record, as lines of a file, and as an Arrow column where one holds it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pytest

import xdmprep as xp
from xdmprep.core.ndjson import parser
from xdmprep.errors import SchemaError
from xdmprep.schema import Registry
from xdmprep.validate import Rules

pytestmark = pytest.mark.shared

RULES = Rules.of("jsonschema")
DIALECTS = {name: f"http://json-schema.org/draft-0{name[-1]}/schema#" for name in ("draft6", "draft7")}
HOST = "http://localhost:1234/"


class Case(NamedTuple):
    """One test of the suite: where it stands, and what it wants."""

    draft: str
    file: str
    group: str
    test: str
    schema: Any
    data: Any
    valid: bool


def cases(suite: Path) -> Iterator[Case]:
    for draft in DIALECTS:
        for file in sorted((suite / draft).rglob("*.json")):
            name = file.relative_to(suite / draft).as_posix()
            for group in json.loads(file.read_text(encoding="utf-8")):
                for test in group["tests"]:
                    yield Case(
                        draft, name, group["description"], test["description"], group["schema"], test["data"],
                        test["valid"],
                    )  # fmt: skip


@cache
def registry(suite: Path, draft: str) -> Registry:
    """What a schema of the suite may refer to, by the address under which the suite serves it."""
    documents = []
    other = {"draft6": "draft7", "draft7": "draft6"}[draft]
    for file in sorted((suite / "remotes").rglob("*.json")):
        name = file.relative_to(suite / "remotes").as_posix()
        if not name.startswith(other):
            content = json.loads(file.read_text(encoding="utf-8"))
            documents.append({"$schema": DIALECTS[draft], **content, "$id": content.get("$id", HOST + name)})
            if content.get("$id", HOST + name) != HOST + name:  # served under another address than it says of itself
                documents.append({"$id": HOST + name, "allOf": [{"$ref": content["$id"]}]})
    return Registry().add(*documents)


def schema_and_record(case: Case, suite: Path) -> tuple[xp.Schema, dict[str, Any]]:
    known = registry(suite, case.draft)
    dialect = {"$schema": DIALECTS[case.draft]}
    content = {**dialect, **case.schema} if isinstance(case.schema, dict) else case.schema
    if isinstance(case.data, dict):
        return xp.Schema.from_dict(content, known), case.data
    if isinstance(content, dict):
        id = content.get("$id", "")
        if not id or id.startswith("#"):
            content, id = {**content, "$id": "https://example.com/test"}, "https://example.com/test"
        known, content = known.add(content), {"$ref": id}
    root = {**dialect, "type": "object", "properties": {"value": content}}
    return xp.Schema.from_dict(root, known), {"value": case.data}


def by_lines(schema: xp.Schema, record: dict[str, Any], folder: Path) -> bool:
    file = folder / "records.json"
    file.write_text("\n".join([json.dumps(record)] * 3) + "\n", encoding="utf-8")
    report = xp.validate(file, schema, rules=RULES)
    assert (report.rows, report.invalid) in ((3, 0), (3, 3)), str(report)
    return report.valid


def by_columns(schema: xp.Schema, record: dict[str, Any]) -> bool | None:
    """The verdict on a frame; None where no Arrow column holds exactly this record."""
    if not record:
        return xp.validate(pa.table({"unused": pa.nulls(2, pa.string())}), schema, rules=RULES).valid
    try:
        table = pa.Table.from_struct_array(pa.array([record, record]))
    except (pa.ArrowException, OverflowError, UnicodeEncodeError):
        return None
    same = json.dumps(table.to_pylist()[0], sort_keys=True) == json.dumps(record, sort_keys=True)
    empty = any(part in json.dumps(record) for part in ("null", "{}", "[]"))
    return xp.validate(table, schema, rules=RULES).valid if same and not empty else None


@pytest.fixture(autouse=True)
def few_lines_become_columns_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser, "FEWEST", 1)


NO_RECORD = "a schema that takes no object at all is refused: a dataset holds records"
LEAP = "no Arrow or Parquet timestamp holds a leap second, so a date-time with one could not be ingested"
CONTENT = "contentMediaType and contentEncoding describe a value, they are not asserted; draft-07 leaves that open"
LATER = "components in a dialect after draft-07 are not read"

#: Where this house differs from the suite: file and group -> tests (all of the group if empty), and why.
DIFFERENCES: dict[tuple[str, str], tuple[frozenset[str], str]] = {
    **{
        ("type.json", group): (frozenset({test}), NO_RECORD)
        for group, test in (
            ("integer type matches integers", "an object is not an integer"),
            ("number type matches numbers", "an object is not a number"),
            ("string type matches strings", "an object is not a string"),
            ("array type matches arrays", "an object is not an array"),
            ("boolean type matches booleans", "an object is not a boolean"),
            ("null type matches only the null object", "an object is not null"),
            ("multiple types can be specified in an array", "an object is invalid"),
        )
    },
    ("optional/format/date-time.json", "validation of date-time strings"): (
        frozenset(
            {"a valid date-time with a leap second, UTC", "a valid date-time with a leap second, with minus offset"}
        ),
        LEAP,
    ),
    ("optional/content.json", "validation of string-encoded content based on media type"): (
        frozenset({"an invalid JSON document"}),
        CONTENT,
    ),
    ("optional/content.json", "validation of binary string-encoding"): (
        frozenset({"an invalid base64 string (% is not a valid character)"}),
        CONTENT,
    ),
    ("optional/content.json", "validation of binary-encoded media type documents"): (
        frozenset({"a validly-encoded invalid JSON document", "an invalid base64 string that is valid JSON"}),
        CONTENT,
    ),
    ("optional/cross-draft.json", "refs to future drafts are processed as future drafts"): (frozenset(), LATER),
}
#: How many tests of each folder differ.
DIFFERENT = {"draft6": 9, "draft7": 15}


def test_the_suite(shared: Path, tmp_path: Path) -> None:
    suite = shared / "suites" / "json-schema"
    counts: Counter[str] = Counter()
    wrong = []
    reasons: Counter[str] = Counter()
    for case in cases(suite):
        counts[case.draft] += 1
        try:
            schema, record = schema_and_record(case, suite)
            verdicts = {
                "check": not schema.check(record, "jsonschema"),
                "lines": by_lines(schema, record, tmp_path),
                "columns": by_columns(schema, record),
            }
        except SchemaError as error:
            verdicts = {"refused": str(error)}
        counts["as a column"] += verdicts.get("columns") is not None
        tests, reason = DIFFERENCES.get((case.file, case.group), (frozenset(), ""))
        listed = bool(reason) and (not tests or case.test in tests)
        if all(verdict in (None, case.valid) for verdict in verdicts.values()):
            if tests and listed:
                wrong.append((case, "agrees, though it is listed among the differences"))
            continue
        counts[f"{case.draft} different"] += 1
        reasons[reason] += 1
        if not listed:
            wrong.append((case, verdicts))
    print(dict(counts))
    for reason, count in reasons.most_common():
        print(f"{count:5} {reason}")
    assert not wrong, "\n".join(map(str, wrong))
    assert {draft: counts[f"{draft} different"] for draft in DIALECTS} == DIFFERENT
