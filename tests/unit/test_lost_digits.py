"""Ids that became floats: their rows are set aside wherever rows stream by, nested or not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import xdmprep as xp

SCHEMA = xp.Schema.from_dict({
    "$id": "https://ns.example/digits", "title": "Digits", "type": "object", "properties": {
        "id": {"type": "string"}, "n": {"type": "number"},
        "o": {"type": "object", "properties": {"id": {"type": "string"}}},
        "l": {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "string"}}}},
        "m": {"type": "object", "additionalProperties": {"type": "string"}},
    },
})  # fmt: skip
#: 2^53 + 1, which no double holds, an ECID of 38 digits, an id of 20, and what is no lost id: the largest integer that
#: no other is rounded to, fractions, a measure.
LOST = [float(2**53 + 1), 12345678901234567890.0, -12345678901234567890.0, 1.2345678901234567e37]
RIGHT = [2.0**53 - 1, 0.5, 1e300, None]
VALUES = [*LOST, *RIGHT]


def table(values: list[float | None]) -> pa.Table:
    kind = pa.struct([("id", pa.float64())])
    return pa.table({
        "id": pa.array(values, pa.float64()),
        "o": pa.array([{"id": value} for value in values], kind),
        "l": pa.array([[{"id": 1.0}, {"id": value}] for value in values], pa.list_(kind)),
        "m": pa.array([[("k", value)] for value in values], pa.map_(pa.string(), pa.float64())),
    })  # fmt: skip


def parquet(rows: pa.Table, folder: Path) -> Any:
    pq.write_table(rows, folder / "in.parquet")
    return folder / "in.parquet"


SOURCES: dict[str, Any] = {
    "parquet": parquet, "reader": lambda rows, _: rows.to_reader(),
    "list": lambda rows, _: [{**row, "m": dict(row["m"])} for row in rows.to_pylist()],
    "generator": lambda rows, _: iter([{**row, "m": dict(row["m"])} for row in rows.to_pylist()]),
}  # fmt: skip


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    ("mapping", "path"),
    [({"id": "id"}, "id"), ({"id": "o.id"}, "id"), ({"o": "o"}, "o.id"), ({"l": "l"}, "l[*].id"), ({"m": "m"}, "m.k")],
)
def test_rows_with_lost_digits_are_set_aside(source: str, mapping: dict[str, str], path: str, tmp_path: Path) -> None:
    given = SOURCES[source](table(VALUES), tmp_path)
    done = xp.prepare(given, mapping, SCHEMA, tmp_path / "out")
    assert (done.written, done.rejected) == (len(RIGHT), len(LOST))
    report = xp.validate(SOURCES[source](table(VALUES), tmp_path), SCHEMA, mapping=mapping)
    issues = [issue for issue in report.issues.to_pylist() if issue["code"] == "unfit"]
    assert [(issue["row"], issue["path"]) for issue in issues] == [(row, path) for row in range(1, len(LOST) + 1)]
    assert all("dtype=str" in issue["hint"] for issue in issues)


def test_numbers_and_expressions_are_not_touched(tmp_path: Path) -> None:
    given = parquet(table(LOST), tmp_path)
    done = xp.prepare(given, {"n": "id", "id": 'concat("x", "y")'}, SCHEMA, tmp_path / "out")
    assert done.rejected == 0


#: Numbers of JSON as they are written, of more digits than a double has, beside some that it holds.
WRITTEN = [
    "0.12345678901234567890", "1234567890123456789012.5", "-1.00000000000000000001", "12345678901234567890.123e-3",
    "1.2345678901234567891E+5", "0.00000000012345678901234567891",
]  # fmt: skip
BESIDE: dict[str, list[str]] = {
    "alone": [], "doubles": ["1.5", "-0.25"], "integers": ["7", "12345678901234567890123"], "texts": ['"x"', "true"],
}  # fmt: skip


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize("array", [False, True])
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("beside", BESIDE)
def test_numbers_of_json_reach_text_with_all_digits(
    beside: str, late: bool, array: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever they are in a record, among whatever other values, also behind those that columns are learned from."""
    if late:
        for name, value in {"SAMPLE_BYTES": 300, "BLOCK_BYTES": 300, "FIRST": 2}.items():
            monkeypatch.setattr(f"xdmprep.read.ndjson.{name}", value)
    numbers = [*(BESIDE[beside] or ["2.5"]) * 20, *WRITTEN] if late else [*WRITTEN, *BESIDE[beside]]
    rows = [f'{{"id":{n},"o":{{"id":{n}}},"l":[{{"id":{n}}}],"m":{{"k":{n}}}}}' for n in numbers]
    file = tmp_path / "in.json"
    file.write_text("[" + ",\n".join(rows) + "]" if array else "\n".join(rows))
    expected = [number.strip('"') for number in numbers]
    for number, mapping in enumerate([{"id": "id"}, {"id": "o.id"}, {"id": "l[0].id"}, {"id": "m.k"}, {"o": "o"}]):
        done = xp.prepare(file, mapping, SCHEMA, tmp_path / f"out{number}", rules="batch")
        records = [json.loads(line) for line in (done.folder / "part-00000.json").read_text().splitlines()]
        assert [record.get("id") or record["o"]["id"] for record in records] == expected
    if beside != "texts":
        done = xp.prepare(file, {"n": "id"}, SCHEMA, tmp_path / "numbers")
        lines = (done.folder / "part-00000.json").read_text().splitlines()
        assert [json.loads(line)["n"] for line in lines] == [float(number) for number in numbers]


@pytest.mark.usefixtures("both_ways")
def test_numbers_inside_of_json_kept_as_text_keep_their_digits(tmp_path: Path) -> None:
    file = tmp_path / "in.jsonl"
    values = ['"x"', '{"a": [0.12345678901234567890, 1.5]}', "[1234567890123456789012.5]"]
    file.write_text("".join(f'{{"id": {value}}}\n' for value in values))
    done = xp.prepare(file, {"id": "id"}, SCHEMA, tmp_path / "out", rules="batch")
    lines = (done.folder / "part-00000.json").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["x", *values[1:]]


#: Expressions that make text of the doubles, and the columns that they read.
AS_TEXT = {
    "concat(id, '')": "t", "id + ''": "t", "iif(true, id, n)": "t", "coalesce(id, n)": "t", "md5(id)": "t",
    "id.toString()": "t", "concat('', o)": "t", "concat(o.id)": "t", "to_array(true, id)": "a", "concat('', m)": "t",
    "concat(l[1].id, '')": "t", "transformArray(l, x -> concat(x.id, ''))": "a", "to_object('t', id)": "s",
    "w + id": "t", "id + upper(w)": "t",
}  # fmt: skip
#: Expressions that make no text of them.
NO_TEXT = {"iif(id > 5, 'large', 'small')": "t", "concat(size_of(l), '')": "t", "iif(true, id, n)": "n", "id * 1": "n"}
TEXTS = xp.Schema.from_dict({
    "$id": "https://ns.example/texts", "title": "Texts", "type": "object", "properties": {
        "t": {"type": "string"}, "n": {"type": "number"}, "a": {"type": "array", "items": {"type": "string"}},
        "s": {"type": "object", "properties": {"t": {"type": "string"}}}, "row": {"type": "integer"},
    },
})  # fmt: skip


def with_measure(values: list[float | None]) -> pa.Table:
    beside = {"n": pa.array([0.5] * len(values)), "w": pa.array(["a word"] * len(values))}
    made = table(values)
    for name, column in beside.items():
        made = made.append_column(name, column)
    return made


@pytest.mark.parametrize("expression", AS_TEXT)
def test_expressions_make_no_text_of_lost_digits(expression: str, tmp_path: Path) -> None:
    path = AS_TEXT[expression]
    given = parquet(with_measure([*LOST, 0.5]).append_column("row", pa.array(range(len(LOST) + 1))), tmp_path)
    done = xp.prepare(given, {path: expression, "row": "row"}, TEXTS, tmp_path / "out", rules="batch", max_loss=100)
    issues = [issue for issue in done.report.issues.to_pylist() if issue["code"] == "unfit"]
    assert [issue["row"] for issue in issues] == [1, 2, 3, 4]
    assert {issue["path"] for issue in issues} == {"s.t" if path == "s" else path}
    text = (tmp_path / "out" / "part-00000.json").read_text()
    assert "0.5" in text or "md5" in expression
    assert "9007199254740992" not in text and "e+" not in text


@pytest.mark.parametrize(("expression", "path"), NO_TEXT.items())
def test_expressions_that_make_no_text_take_large_doubles(expression: str, path: str, tmp_path: Path) -> None:
    given = parquet(with_measure(LOST), tmp_path)
    done = xp.prepare(given, {path: expression}, TEXTS, tmp_path / "out", rules="batch")
    assert (done.written, done.report.issues.num_rows) == (len(LOST), 0)


def test_an_expression_that_prints_a_column_of_lost_digits_is_refused_before_the_first_row(tmp_path: Path) -> None:
    with pytest.raises(xp.MappingError, match=r"the column 'id' holds whole numbers beyond 2\^53 as floats"):
        xp.prepare(with_measure(LOST), {"t": "concat('x', id)"}, TEXTS, tmp_path / "out")
