"""JSON arrays for checking: what is found in their elements is what is found in the same lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xdmprep.core.ndjson import blocks, parser
from xdmprep.schema import Schema
from xdmprep.validate import check_stream
from xdmprep.validate.opening import open_records

SCHEMA = Schema.from_dict(
    {"$id": "https://example.org/c", "meta:class": "https://ns.adobe.com/xdm/data/record", "type": "object",
     "properties": {"a": {"type": "string", "maxLength": 3}, "b": {"type": "integer", "maximum": 9},
                    "o": {"type": "object", "properties": {"x": {"type": "string"}}, "minProperties": 1}}}
)  # fmt: skip


def found_in(file: Path) -> list[tuple[int, str, str]]:
    return sorted(
        (int(row), finding.code, finding.path)
        for chunk in check_stream(open_records(file), SCHEMA, "strict").chunks()
        for finding in chunk.issues
        for row in finding.rows
    )


def test_an_array_is_checked_as_its_elements_are_as_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["x", "long", 'q"]}, {', "back\\", "", "é", "[{"]
    records = [{"a": texts[n % 7], "b": n % 12, "o": {"x": "y"}} for n in range(300)]
    records[7] = {"a": None}
    records[8] = {"a": 5, "b": "x"}
    records[9] = {"unknown": [{"deep": [1, "]"]}]}
    records[10] = {}
    lines = tmp_path / "lines.json"
    lines.write_text("\n".join(json.dumps(record) for record in records), encoding="utf-8")
    expected = found_in(lines)
    assert len(expected) > 100
    made: list[int] = []
    original = parser.Parser.__call__

    def counted(self: Any, block: Any) -> Any:
        made.append(block.size)
        return original(self, block)

    monkeypatch.setattr(parser.Parser, "__call__", counted)
    for number, (text, block) in enumerate([
        (json.dumps(records), 1 << 20), (json.dumps(records, indent=2, ensure_ascii=False), 1 << 20),
        (json.dumps(records), 900),
        (" \r\n[\t" + " ,\n\n".join(json.dumps(record, indent=1) for record in records) + " ] \n", 1000),
        ("[" + ",".join(json.dumps(record, separators=(",", ":")) for record in records) + "]", 700),
    ]):  # fmt: skip
        file = tmp_path / f"array{number}.json"
        file.write_text(text, encoding="utf-8")
        monkeypatch.setattr(blocks, "ARRAY_BYTES", block)
        made.clear()
        assert found_in(file) == expected
        assert sum(made) > len(text.encode()) * 0.9  # and not element by element


@pytest.mark.parametrize(
    "tail", [",]", "] x", "", ",5]", "}", ',{"a":"x"', ',{"a":"\x01"}]', ',{"a":"x"\x0b}]', ", ,{}]"]
)
def test_an_array_with_a_fault_is_read_to_it(tail: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "ARRAY_BYTES", 64)
    file = tmp_path / "array.json"
    file.write_text("[" + ",".join(['{"a":"x","b":1}'] * 50) + tail, encoding="utf-8")
    chunks = list(check_stream(open_records(file), SCHEMA, "strict").chunks())
    assert sum(len(chunk) for chunk in chunks) == 50 + tail.endswith(",{}]")  # elements behind a bad one are read
    unread = [entry for chunk in chunks for entry in chunk.unread]
    assert [entry.row for entry in unread] == [51]
    assert unread[0].code == "unreadable"
