"""JSON lines as columns: which ways they take, and that the numbers in them are what they say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from xdmprep.schema import Schema
from xdmprep.validate import check_stream, jsonlines, numerals, opening, strict
from xdmprep.validate import layout as layout_module
from xdmprep.validate.follow import Layouts, follow
from xdmprep.validate.layout import Layout
from xdmprep.validate.lines import PADDING, Lines, Texts
from xdmprep.validate.opening import open_records


def lines_of(text: str) -> Lines:
    data = text.encode()
    return Lines(np.frombuffer(data + bytes(PADDING), np.uint8), len(data))


def columns(lines: Lines, layout: Layout) -> tuple[list[int], dict[str, list[Any]], dict[str, list[bool]]]:
    """Which lines follow a layout; their columns; where these are null."""
    group, _ = follow(layout, lines, np.arange(len(lines.ends)))
    if group is None:
        return [], {}, {}
    arrays = [one.array() if isinstance(one, Texts) else one for one in group.columns]
    names = [leaf.name for leaf in group.leaves]
    nulls = {names[number]: mask.tolist() for number, mask in group.nulls.items()}
    return group.lines.tolist(), dict(zip(names, [array.to_pylist() for array in arrays], strict=True)), nulls


def layout(*lines: str) -> Layout:
    found = Layout.of([line.encode() for line in lines], strict.strict_json)
    assert found is not None
    return found


FULL = '{"name":{"first":"Anna","last":"Li"},"age":5,"ids":[{"id":"a"},{"id":"b"}],"ok":true,"tags":["x","y"]}'


def test_lines_take_or_leave_each_step() -> None:
    text = [FULL, '{"age":-7,"ok":false}', '{"name":{"last":"X"},"ids":[{"id":"c"}],"tags":["z"]}']
    found, values, _ = columns(lines_of("\n".join(text)), layout(FULL))
    assert found == [0, 1, 2]
    assert values == {
        "name.first": ["Anna", None, None], "name.last": ["Li", None, "X"], "age": [5, -7, None],
        "ids[0].id": ["a", None, "c"], "ids[1].id": ["b", None, None], "ok": [True, False, None],
        "tags[0]": ["x", None, "z"], "tags[1]": ["y", None, None],
    }  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        '{"age":5,"name":{"first":"Anna"}}', '{"age":5,"age":5}',
        '{"age":5,}', '{"age":5 }', '{ "age":5}', '{"age":5',
        '{"age":5}}', '{"age":5}x', '{"age":05}', '{"age":+5}', '{"age":"5"}', '{"age":5"ok":true}',
        '{"age":5,,"ok":true}',
        '{"name":{"first":"Anna","first":"B"}}', '{"name":{"first":"Anna"}', '{"name":{}}',
        '{"name":{"first":"Anna"},}',
        '{"first":"Anna"}', '{"name":{"age":5}}', '{"ids":[{"id":"a"},{"id":"b"},{"id":"c"}]}', '{"ids":[{"id":"a"}}',
        '{"ids":[{"id":"a"}{"id":"b"}]}', '{"ids":[{"id":"a"},]}', '{"ids":[,{"id":"a"}]}', '{"tags":["x",5]}',
        "{}", "[]",
        '{"tags":"x"}', '{"ok":tru}', '{"ok":truefalse}', '{"ok":null}', '{"age":5.}', '{"age":NaN}',
        '{"age" :5}',
        '{"name":{"first":"Anna}', '{"ag\\u0065":5}', '{"age":5}{"age":5}', '{"age":99999999999999999999}', '{"age":}',
        '{"name":{"first":"x"{"last":"y"}}', '{"name"{"first":"x"}}', '["age":5]', ',"age":5}', '{"age":5]',
    ],
)  # fmt: skip
def test_what_differs_in_anything_does_not_follow(line: str) -> None:
    found, values, _ = columns(lines_of("\n".join([FULL, line, '{"age":6}'])), layout(FULL))
    assert found == [0, 2]
    assert values["age"] == [5, 6]


def test_nulls_are_there_and_in_no_column() -> None:
    text = ['{"a":"x","b":1}', '{"a":null,"b":2}', '{"b":null}', '{"a":nul}']
    found, values, nulls = columns(lines_of("\n".join(text)), layout(*text[:3]))
    assert found == [0, 1, 2]
    assert values == {"a": ["x", None, None], "b": [1, 2, None]}
    assert nulls == {"a": [False, True, False], "b": [False, False, True]}


def test_the_order_of_keys_is_what_all_records_agree_on() -> None:
    made = layout('{"a":1,"d":1}', '{"c":1,"d":1}', '{"b":1,"c":1}', '{"a":1,"b":1}')
    assert list(made.root.fields) == ["a", "b", "c", "d"]


def test_blanks_behind_commas_and_colons() -> None:
    spaced = [json.dumps(json.loads(line)) for line in (FULL, '{"age":1,"ok":true}', '{"tags":["y"]}')]
    wrong = ['{"age": 1 "ok": true}', '{"age": 1, }', '{"tags": ["x" "y"]}', '{"age": 1,"ok": true}', '{, "age": 1}']
    found, values, _ = columns(lines_of("\n".join(spaced + wrong)), layout(spaced[0]))
    assert found == [0, 1, 2]
    assert values["age"] == [5, 1, None]


def test_objects_that_open_together_are_one_step_as_long_as_they_do() -> None:
    deep = '{"a":{"b":{"c":"x","d":1},"e":[{"f":2}]},"g":{"h":true}}'
    made = layout(deep, '{"a":{"b":{"d":5}}}', '{"a":{"e":[{"f":3}]}}')
    assert made.runs[0] == 3  # a, b and the text c
    found, values, _ = columns(lines_of("\n".join([deep, "{}", deep])), made)
    assert found == [0, 2]  # what opens nothing at all is no record that follows
    assert values["a.b.c"] == ["x", "x"]
    assert made.runs[0] == 3
    text = [deep, '{"a":{"b":{"d":5}}}', '{"a":{"e":[{"f":3}]}}', '{"g":{"h":false}}', '{"a":{"b":{"c":7}}}']
    expected = {
        "a.b.c": ["x", None, None, None], "a.b.d": [1, 5, None, None], "a.e[0].f": [2, None, 3, None],
        "g.h": [True, None, None, False],
    }  # fmt: skip
    for _ in range(4):
        found, values, _ = columns(lines_of("\n".join(text)), made)
        assert (found, values) == ([0, 1, 2, 3], expected)
    assert made.runs[0] == 1
    assert columns(lines_of("\n".join(text)), layout(*text[:4]))[:2] == (found, values)


GOOD = [
    "0", "-0", "7", "-7", "123456789012345678", "0.5", "-0.25", "3.0", "179.2323264", "0.1", "1e2", "1E+2", "-1.5e-3",
    "9007199254740991", "0.30000000000000004", "123456.789012345678", "5e-324", "1.7976931348623157", "100.000",
]  # fmt: skip
BAD = [
    "", "-", "01", "-01", ".5", "5.", "+1", "1e", "1e+", "0x1", "1_0", "--1", "1.2.3", "NaN", "null", "1e400", "1" * 19,
    "9" * 40, "1e5555555555555555555555555555555555", "123456789012345678.5", "0.0001e99",
]  # fmt: skip


@pytest.mark.parametrize("ending", ["}", ",", "]", "\n"])
@pytest.mark.parametrize("some", [GOOD, GOOD[:5], BAD, [*GOOD, *BAD], *[[text, *BAD] for text in GOOD]])
def test_numbers_are_those_that_reading_the_text_gives(some: list[str], ending: str) -> None:
    data = (ending.join(some) + ending).encode()
    begin = np.cumsum([0, *[len(one) + 1 for one in some]])[:-1]
    array, size = numerals.numbers(Lines(np.frombuffer(data + bytes(PADDING), np.uint8), len(data)), begin)
    integers = array.dtype == np.int64
    assert integers or array.dtype == np.float64
    for text, value, length in zip(some, array.tolist(), size.tolist(), strict=True):
        if text in GOOD and (integers or abs(float(text)) < 2**53):
            assert length == len(text)
            assert value == json.loads(text)
        else:  # what follows the digits, if there are any, is no end of a value
            assert not length or text[length:]


def test_a_block_that_follows_nothing_is_not_learned_from_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = lines_of("\n".join(f'{{"k{number}":1,"k{99 - number}":2}}' for number in range(100)) + "\n")
    layouts = Layouts(strict.strict_json)
    learned = 0
    original = Layout.of

    def counted(*given: Any) -> Any:
        nonlocal learned
        learned += 1
        return original(*given)

    monkeypatch.setattr(Layout, "of", counted)
    monkeypatch.setattr(layout_module, "MAX_VALUES", 1)
    counts = []
    for _ in range(20):
        before = learned
        layouts.columns(lines, np.arange(100))
        counts.append(learned - before)
    assert counts[0] > 0
    assert counts.count(0) > 8


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
    original = jsonlines.Parser.__call__

    def counted(self: Any, block: Any) -> Any:
        made.append(block.elements)
        return original(self, block)

    monkeypatch.setattr(jsonlines.Parser, "__call__", counted)
    for number, (text, block) in enumerate([
        (json.dumps(records), 1 << 20), (json.dumps(records, indent=2, ensure_ascii=False), 1 << 20),
        (json.dumps(records), 900),
        (" \r\n[\t" + " ,\n\n".join(json.dumps(record, indent=1) for record in records) + " ] \n", 1000),
        ("[" + ",".join(json.dumps(record, separators=(",", ":")) for record in records) + "]", 700),
    ]):  # fmt: skip
        file = tmp_path / f"array{number}.json"
        file.write_text(text, encoding="utf-8")
        monkeypatch.setattr(opening, "ARRAY_BYTES", block)
        made.clear()
        assert found_in(file) == expected
        assert sum(made) > len(text.encode()) * 0.9  # and not element by element


@pytest.mark.parametrize(
    "tail", [",]", "] x", "", ",5]", "}", ',{"a":"x"', ',{"a":"\x01"}]', ',{"a":"x"\x0b}]', ", ,{}]"]
)
def test_an_array_with_a_fault_is_read_to_it(tail: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "ARRAY_BYTES", 64)
    file = tmp_path / "array.json"
    file.write_text("[" + ",".join(['{"a":"x","b":1}'] * 50) + tail, encoding="utf-8")
    chunks = list(check_stream(open_records(file), SCHEMA, "strict").chunks())
    assert sum(len(chunk) for chunk in chunks) == 50
    unread = [entry for chunk in chunks for entry in chunk.unread]
    assert [entry.row for entry in unread] == [51]
    assert unread[0].code == "unreadable"


def test_texts_know_their_sizes_without_being_made() -> None:
    lines = lines_of('"ab""""c"')
    texts = Texts(lines, np.asarray([1, 5, 7]), np.asarray([3, 5, 8]), np.asarray([True, False, True]))
    assert texts.sizes.tolist() == [2, 0, 1]
    assert texts.take(np.asarray([1, 2])).array().to_pylist() == [None, "c"]
    assert texts.array().to_pylist() == ["ab", None, "c"]
    assert texts.array().type == pa.string()
