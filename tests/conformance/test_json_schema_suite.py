"""The public JSON Schema test suite, drafts 6 and 7, on every path that judges records.

Instances that are objects are records.  All others go in as the property ``value`` of a record, whose schema refers to
the schema of the test.  Each is judged as one record, as lines of a file, and as an Arrow column where one holds it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pytest

import xdmprep as xp
from xdmprep.errors import SchemaError
from xdmprep.schema import Registry
from xdmprep.validate import Rules, check_stream
from xdmprep.validate.opening import open_records

pytestmark = [pytest.mark.shared, pytest.mark.usefixtures("few_lines_become_columns")]

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


def compiled(case: Case, suite: Path) -> xp.Schema:
    """The schema of a test for records that are its data, or that hold it as `value`."""
    known = registry(suite, case.draft)
    dialect = {"$schema": DIALECTS[case.draft]}
    content = {**dialect, **case.schema} if isinstance(case.schema, dict) else case.schema
    if isinstance(case.data, dict):
        return xp.Schema.from_dict(content, known)
    if isinstance(content, dict):
        id = content.get("$id", "")
        if not id or id.startswith("#"):
            content, id = {**content, "$id": "https://example.com/test"}, "https://example.com/test"
        known, content = known.add(content), {"$ref": id}
    root = {**dialect, "type": "object", "properties": {"value": content}}
    return xp.Schema.from_dict(root, known)


def by_lines(schema: xp.Schema, records: list[dict[str, Any]], folder: Path) -> list[bool]:
    """The verdicts on a file in which each of the records stands three times."""
    file = folder / "records.json"
    file.write_text("".join(f"{json.dumps(record)}\n" * 3 for record in records), encoding="utf-8")
    bad: set[int] = set()
    for chunk in check_stream(open_records(file), schema, RULES).chunks():
        assert not chunk.unread
        bad.update(row for finding in chunk.issues for row in finding.rows.tolist())
    thirds = [{3 * at + 1, 3 * at + 2, 3 * at + 3} & bad for at in range(len(records))]
    assert all(len(third) in (0, 3) for third in thirds), thirds
    return [not third for third in thirds]


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


def judged(suite: Path, folder: Path) -> Iterator[tuple[Case, dict[str, Any]]]:
    """Each test with the verdicts of all paths, or why its schema is refused."""
    for _, group in groupby(cases(suite), lambda case: (case.draft, case.file, case.group, json.dumps(case.schema))):
        ordered = sorted(group, key=lambda case: isinstance(case.data, dict))
        for _, alike in groupby(ordered, lambda case: isinstance(case.data, dict)):
            some = list(alike)
            records = [case.data if isinstance(case.data, dict) else {"value": case.data} for case in some]
            try:
                schema = compiled(some[0], suite)
            except SchemaError as error:
                yield from ((case, {"refused": str(error)}) for case in some)
                continue
            for case, record, lines in zip(some, records, by_lines(schema, records, folder), strict=True):
                check, columns = not schema.check(record, "jsonschema"), by_columns(schema, record)
                yield case, {"check": check, "lines": lines, "columns": columns}


def test_the_suite(shared: Path, tmp_path: Path) -> None:
    suite = shared / "suites" / "json-schema"
    counts: Counter[str] = Counter()
    wrong = []
    reasons: Counter[str] = Counter()
    for case, verdicts in judged(suite, tmp_path):
        counts[case.draft] += 1
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
