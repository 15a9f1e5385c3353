"""The public JSONTestSuite: as a line among others, as an element of an array, and as a whole file; in every command.

Records are objects, so each of its texts is also wrapped as the value of a field.  What must be accepted (``y_``) is,
what must be refused (``n_``) is one finding with its row, and the rest (``i_``) is one or the other and never a crash.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import xdmprep as xp
from tests.conftest import SHARED
from xdmprep.core.ndjson import blocks
from xdmprep.errors import SourceError

pytestmark = pytest.mark.shared
SUITE = SHARED / "suites" / "json-parsing" / "test_parsing"
#: JSON for a parser, but no records: in an object, a key occurs twice.
TWICE = {"y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"}
#: Of the cases that a parser may take or not, those that are no JSON here.
REFUSED = {
    "i_number_huge_exp.json", "i_number_neg_int_huge_exp.json", "i_number_pos_double_huge_exp.json",
    "i_number_real_neg_overflow.json", "i_number_real_pos_overflow.json", "i_object_key_lone_2nd_surrogate.json",
    "i_structure_500_nested_arrays.json", "i_structure_UTF-8_BOM_empty_object.json",
}  # fmt: skip
GOOD = b'{"id":"g"}'
SCHEMA: dict[str, Any] = {
    "$id": "https://example.org/json", "meta:class": "https://ns.adobe.com/xdm/data/record", "type": "object",
    "properties": {"id": {"type": "string"}},
}  # fmt: skip


def is_refused(name: str) -> bool:
    """Whether a text of the suite is no JSON here."""
    return name[0] == "n" or name in TWICE or name in REFUSED or (name.startswith("i_string_") and "BOM" not in name)


def cases() -> list[tuple[str, bytes]]:
    return [(path.name, path.read_bytes()) for path in sorted(SUITE.iterdir())] if SUITE.is_dir() else []


def one_line(text: bytes) -> bool:
    return b"\n" not in text.strip()


@pytest.fixture(scope="module")
def schema() -> xp.Schema:
    return xp.Schema.from_dict(SCHEMA)


@pytest.fixture(params=[None, 64], ids=["one block", "many blocks"])
def block_bytes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param:
        monkeypatch.setattr(blocks, "BLOCK_BYTES", request.param)
        monkeypatch.setattr(blocks, "ARRAY_BYTES", request.param)
        monkeypatch.setattr("xdmprep.read.ndjson.BLOCK_BYTES", request.param)


def bad_rows(file: Path, schema: xp.Schema) -> tuple[int, set[int], set[int]]:
    """How many rows `prepare` and `validate` see in a file, and which are no records to either."""
    report = xp.validate(file, schema, rules="jsonschema")
    checked = {issue.row or 0 for issue in report if issue.code in ("unreadable", "duplicate-key")}
    mapped: set[int] = set()
    rows = 0
    for chunk in xp.map_rows(file, {"id": "id"}, schema).chunks():
        mapped |= {entry.row for entry in chunk.unread}
        rows += chunk.consumed
    assert rows == report.rows
    return rows, checked, mapped


def wrapped() -> Iterator[tuple[str, bytes]]:
    """Each text as the value of a field, on one line."""
    for name, text in cases():
        if one_line(text) and b"\x00" not in text[:4]:
            yield name, b'{"id":"w","x":' + text.strip(b"\n") + b"}"


@pytest.mark.usefixtures("both_ways", "block_bytes")
def test_lines_and_elements_have_one_meaning_whatever_stands_around_them(schema: xp.Schema, tmp_path: Path) -> None:
    texts = list(wrapped())
    assert len(texts) > 290
    lines = [GOOD]
    for _, text in texts:
        lines += [text, GOOD]
    expected = {2 * number + 2 for number, (name, _) in enumerate(texts) if is_refused(name)}
    names = {2 * number + 2: name for number, (name, _) in enumerate(texts)}
    file = tmp_path / "lines.json"
    file.write_bytes(b"\n".join(lines))
    rows, checked, mapped = bad_rows(file, schema)
    assert rows == len(lines)
    assert {names[row] for row in checked ^ expected} == set()
    assert checked == mapped


@pytest.mark.usefixtures("both_ways")
def test_each_text_alone_in_a_file_of_lines_and_in_an_array(schema: xp.Schema, tmp_path: Path) -> None:
    for name, text in wrapped():
        for content in (GOOD + b"\n" + text + b"\n" + GOOD, b"[" + GOOD + b",\n" + text + b",\n" + GOOD + b"]"):
            file = tmp_path / "case.json"
            file.write_bytes(content)
            _, checked, mapped = bad_rows(file, schema)
            assert checked == mapped, name
            assert bool(checked) == is_refused(name), (name, content)
            assert not checked or min(checked) == 2, (name, "what precedes is read")


@pytest.mark.usefixtures("both_ways")
def test_each_text_as_a_whole_file(schema: xp.Schema, tmp_path: Path) -> None:
    taken = 0
    for name, text in cases():
        file = tmp_path / "case.json"
        file.write_bytes(text)
        wide = "utf16" in name or "UTF-16" in name
        wrong = name != "i_structure_UTF-8_BOM_empty_object.json" and (wide or is_refused(name))
        value = None if wrong else json.loads(text.decode("utf-8-sig"))
        records = value if isinstance(value, list) else [value]
        fine = not wrong and all(isinstance(record, dict) for record in records)
        if isinstance(value, dict) and not one_line(text):
            fine = False  # an object over several lines is no line of JSON
        try:
            report = xp.validate(file, schema, rules="jsonschema")
            valid = not [issue for issue in report if issue.code in ("unreadable", "duplicate-key")]
        except SourceError:
            valid = False
        assert valid == fine, name
        try:
            chunks = list(xp.map_rows(file, {"id": "upper('x')"}, schema).chunks())
            readable = bool(chunks) and not any(chunk.unread for chunk in chunks)
        except SourceError as error:
            nothing = "no fields" in str(error) and "The first" not in str(error)  # JSON, and nothing to map
            readable = not wrong and (nothing or value == [])
            assert not wrong or any(why in str(error) for why in ("The first", "UTF-", "no records", "is empty")), name
        assert readable == fine, name
        taken += fine
    assert taken >= 10


@pytest.mark.usefixtures("both_ways")
def test_diff_reads_the_same(schema: xp.Schema, tmp_path: Path) -> None:
    texts = list(wrapped())
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    profile = xp.Schema.from_dict({
        **SCHEMA, "meta:class": "https://ns.adobe.com/xdm/context/profile", "meta:immutableTags": ["union"],
        "properties": {"id": {"type": "string"}, "v": {"type": "string"}},
        "meta:descriptors": [{
            "@type": "xdm:descriptorIdentity", "xdm:sourceSchema": SCHEMA["$id"], "xdm:sourceProperty": "/id",
            "xdm:namespace": "CRMID", "xdm:property": "xdm:code", "xdm:isPrimary": True,
        }],
    })  # fmt: skip
    before.write_bytes(b'{"id":"0","v":"a"}\n')
    keyed = [text.replace(b'"w"', b'"%d"' % number, 1) for number, (_, text) in enumerate(texts, 1)]
    after.write_bytes(b"\n".join([b'{"id":"0","v":"a"}', *keyed]))
    patch = xp.diff(before, after, profile, on="id", mapping={"id": "id", "v": "v"})
    made = {record["id"] for record in patch.to_pylist()}
    assert made == {str(number) for number, (name, _) in enumerate(texts, 1) if not is_refused(name)}
