"""A line of JSON means what Python's json, made strict, says of that line alone, whatever surrounds it."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import xdmprep as xp
from xdmprep import kernels
from xdmprep.core.ndjson import blocks, parser
from xdmprep.core.ndjson.strict import strict_json
from xdmprep.kernels.json_columns import GOOD, LEARN, MAPPED, NUMBER, OBJECT, JsonNode
from xdmprep.kernels.json_plain import PADDING
from xdmprep.read import ndjson

SCHEMA = xp.Schema.from_dict({
    "$id": "https://example.org/lines", "meta:class": "https://ns.adobe.com/xdm/data/record", "type": "object",
    "properties": {"v": {"type": "string"}, "o": {"type": "object", "properties": {"x": {"type": "integer"}}}},
})  # fmt: skip

numbers = st.sampled_from(
    "0 -0 1 -1 1.0 1.5 -2.50 1e2 1E+2 1e-7 12345.678 123456789012345678 9223372036854775807 9223372036854775808 "
    "-9223372036854775809 123456789012345678901234567890 0.1 0.30000000000000004 1e22 1e16 1e15 0.0001 0.00001 5e-324 "
    "1e308 1e309 -1e400 01 1. .5 +1 1e 0x1 - 1_0 1,0 NaN Infinity -Infinity tru nul True".split()
)
texts = st.one_of(
    st.sampled_from([
        '""', '"x"', '"é"', '"\\u00e9"', '"\\ud83d\\ude00"', '"\\ud800"', '"\\udc00\\ud800"', '"a\tb"', '"\\x"',
        '"\\u12"',
        '"\\"', '"\\\\"', '"\\/\\b\\f\\n\\r\\t"', '"' + "long " * 20 + '"', '"\\u0000"', '"\x7f"', "'x'", '"x', "😀",
    ]),
    st.text(max_size=5).map(lambda text: json.dumps(text, ensure_ascii=False)),
)  # fmt: skip
keys = st.sampled_from(['"v"', '"v"', '"v"', '"o"', '"w"', '"\\u0076"', '"a\\"b"', '""', "v", '"\\ud800"'])
values = st.recursive(
    st.one_of(numbers, texts, st.sampled_from(["true", "false", "null", "", "{}", "[]"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: "[" + ",".join(parts) + "]"),
        st.lists(st.tuples(keys, inner), max_size=3).map(lambda parts: object_of(parts)),
    ),
    max_leaves=5,
)


def object_of(parts: list[tuple[str, str]], colon: str = ":", comma: str = ",") -> str:
    return "{" + comma.join(f"{key}{colon}{value}" for key, value in parts) + "}"


objects = st.builds(
    object_of, st.lists(st.tuples(keys, values), max_size=4), st.sampled_from([":", ": ", " :\t"]),
    st.sampled_from([",", ", ", ",,"]),
)  # fmt: skip
usual = st.builds(
    lambda value, x: json.dumps({"v": value, "o": {"x": x}}),
    st.one_of(st.text(max_size=3), st.integers(-5, 5), st.floats(-2, 2, allow_nan=False)), st.integers(0, 3),
)  # fmt: skip
lines = st.one_of(
    objects, usual, usual, values,
    st.sampled_from(["", "  ", "\t\r", '{"v":1}\r', '{"v":1}{"v":2}', '{"v":1},', "}", "\x0b", "\ufeff{}", "[" * 200]),
    st.integers(100, 140).map(lambda depth: '{"v":' + "[" * depth + "]" * depth + "}"),
)  # fmt: skip


def read_alone(line: bytes) -> Any:
    """The object on a line; ValueError if there is none."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in items}) < len(items):
            raise ValueError("twice")
        return dict(items)

    def refuse(name: str) -> Any:
        raise ValueError(name)

    def depth(value: Any) -> int:
        inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
        if inside is None:
            if isinstance(value, float) and math.isinf(value):
                raise ValueError("beyond all doubles")
            return 0
        return 1 + max(map(depth, inside), default=0)

    value = json.loads(line.decode(), object_pairs_hook=pairs, parse_constant=refuse)
    json.dumps(value, ensure_ascii=False).encode()
    if not isinstance(value, dict) or depth(value) > 128:
        raise ValueError("no record")
    return value


def as_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@contextmanager
def settings_of(block: int, few: bool, compiled: bool) -> Iterator[None]:
    with (
        mock.patch.object(blocks, "BLOCK_BYTES", block), mock.patch.object(blocks, "ARRAY_BYTES", block),
        mock.patch.object(ndjson, "BLOCK_BYTES", block), mock.patch.object(parser, "FEWEST", 1 if few else 200),
        mock.patch.object(ndjson, "FIRST", 1 if few else 200),
        mock.patch.object(kernels, "active", (compiled and kernels.compiled) or kernels.plain),
    ):  # fmt: skip
        yield


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "plain"])
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@example(['{"v":1,"v":2}', '{"v":1.5}'], False, 1 << 20, True)
@example(['{"o":{"x":1}}', '{"o":{}}', '{"o":{"x":null}}', '{"o":null}', '{"o":5}'], True, 40, True)
@given(st.lists(lines, max_size=12), st.booleans(), st.sampled_from([16, 100, 1 << 20]), st.booleans())
def test_each_line_is_read_as_if_it_were_alone(
    compiled: bool, some: list[str], array: bool, block: int, few: bool
) -> None:
    first = '{"v":"text","o":{"x":1}}'
    content = "\n".join([first, *some]).encode("utf-8", "surrogatepass")
    expected: list[Any] = []
    for line in content.split(b"\n"):
        if line.strip(b" \t\r"):
            try:
                expected.append(read_alone(line))
            except (ValueError, RecursionError):
                expected.append(None)
    if array:  # only elements that the commas between them do not cut or join
        expected = [record for record in expected if record is not None]
        content = b"[" + b",\r\n ".join(json.dumps(record, indent=1).encode() for record in expected) + b"]\n"
    bad = {row for row, record in enumerate(expected, 1) if record is None}
    with tempfile.TemporaryDirectory() as folder, settings_of(block, few, compiled):
        file = Path(folder) / "records.json"
        file.write_bytes(content)
        report = xp.validate(file, SCHEMA, rules="jsonschema")
        assert report.rows == len(expected)
        assert {i.row for i in report if i.code in ("unreadable", "duplicate-key")} == bad
        records = {row: record for row, record in enumerate(expected, 1) if record is not None}
        wrong = {row for row, record in records.items() if SCHEMA.check(record, "jsonschema")}
        assert {i.row for i in report if i.code not in ("unreadable", "duplicate-key")} == wrong
        got: dict[int, Any] = {}
        unread: set[int] = set()
        consumed = 0
        for chunk in ndjson.read_ndjson(file).chunks():
            unread |= {entry.row for entry in chunk.unread}
            consumed += chunk.consumed
            got |= dict(zip(chunk.rows.tolist(), chunk.records.column("v").to_pylist(), strict=True))
        assert consumed == len(expected)
        assert unread == bad  # what was learned from all lines fits all lines
        assert got == {row: as_text(record.get("v")) for row, record in records.items()}


@pytest.mark.usefixtures("both_ways")
def test_no_key_goes_on_in_the_next_line(tmp_path: Path) -> None:
    names = ['a"b', "back\\", "new\nline", "x" * 20, "12345678", "123456789"]
    whole = [json.dumps({"v": "t", name: 1}) for name in names]
    halves = [part for line in whole for cut in range(1, len(line)) for part in (line[:cut], line[cut:])]
    lines = [*whole, '{"', '":1}', '{"v":"t","', '":1}', *halves, *whole]
    file = tmp_path / "records.json"
    file.write_text("\n".join(lines), encoding="utf-8")
    expected = {row for row, line in enumerate(lines, 1) if not is_record(line)}
    report = xp.validate(file, SCHEMA, rules="jsonschema")
    assert report.rows == len(lines)
    assert {issue.row for issue in report if issue.code == "unreadable"} == expected


def is_record(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def lines_of(text: bytes) -> tuple[Any, Any]:
    """Lines with padding, and where they begin and end."""
    data = np.frombuffer(text + bytes(PADDING), np.uint8)
    ends = kernels.active.line_ends(data, len(text))
    return data, np.append(0, ends[:-1] + 1), ends


decimals = st.one_of(
    st.floats(-1e18, 1e18).map(repr),
    st.floats(-10, 10).map("{:.16e}".format),
    st.builds("{}.{}".format, st.integers(-(10**17), 10**17), st.integers(0, 10**8)),
)


@given(st.lists(decimals, min_size=1, max_size=30))
def test_numbers_that_no_double_prints_are_learned_by_their_digits(numbers: list[str]) -> None:
    """A number of 16 or 17 digits is a double where the double, printed with as many, is that number."""
    data = "".join(f'{{"v":{number}}}\n' for number in numbers).encode()
    node = JsonNode(OBJECT, ("v",), (JsonNode(NUMBER),))
    for purpose in (LEARN, MAPPED):
        parsed = kernels.active.parse_json(*lines_of(data), node, purpose, False)
        taken = [number for number, status in zip(numbers, parsed.status, strict=True) if status == GOOD]
        assert [*map(repr, parsed.root.children[0].array.to_pylist())] == [repr(float(number)) for number in taken]
    for number in numbers:
        size = len(number.lower().partition("e")[0].replace(".", "").lstrip("-0"))
        printed = size <= 15 or (size <= 17 and Decimal(f"{float(number):.{size - 1}e}") == Decimal(number))
        held = strict_json(f'{{"v":{number}}}'.encode(), written=True)["v"]
        assert (type(held) is float) == printed, number
        line = f'{{"v":{number}}}'.encode()
        learned = kernels.active.parse_json(*lines_of(line), node, LEARN, False)
        assert printed or learned.status[0] != GOOD, number
