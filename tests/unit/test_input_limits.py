"""Each limit of what is read or given, at its border: one less and the limit are taken, one more is not.

The limits are written here as numbers, so that a changed constant is found; files of many megabytes are not made for
them, there the constant is looked at and the border tried with a smaller one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pytest
import yaml

import xdmprep as xp
from xdmprep.core import arguments, documents
from xdmprep.core.documents import DocumentKind, Shape
from xdmprep.core.ndjson.strict import UnreadableError, strict_json
from xdmprep.errors import ExpressionError, MappingError, SourceError, UsageError, XdmPrepError
from xdmprep.read import open_source


def lists(levels: int, value: Any = 1) -> Any:
    for _ in range(levels):
        value = [value]
    return value


def is_line(text: str) -> bool:
    """Whether a line of JSON is read."""
    try:
        strict_json(text.encode())
    except UnreadableError:
        return False
    return True


def is_mapped(value: Any) -> bool:
    try:
        return xp.map_rows([{"a": value}], {"x": "a"}).to_pylist() == [{"x": value}]
    except MappingError:
        return False


def fits(shape: Shape, value: Any) -> bool:
    return not list(shape(value, ""))


def column_type(*values: Any) -> pa.DataType:
    return open_source([{"a": value} for value in values]).to_table().schema.field("a").type


#: name: the last number that is taken, and whether a number is.
LIMITS: dict[str, tuple[int, Callable[[int], bool]]] = {
    "levels of a line, lists": (128, lambda n: is_line(json.dumps({"a": lists(n - 1)}))),
    "levels of a line, objects": (128, lambda n: is_line('{"a":' * n + "1" + "}" * n)),
    "levels of a line beside other objects": (128, lambda n: is_line(json.dumps({"b": [{}] * 99, "a": lists(n - 1)}))),
    "digits of an integer": (308, lambda n: is_line(json.dumps({"a": 10**n - 1}))),
    "digits of a negative integer": (308, lambda n: is_line(json.dumps({"a": 1 - 10**n}))),
    "levels of Python values": (100, lambda n: is_mapped(lists(n))),
    "integers of 64 bits": (2**63 - 1, lambda n: column_type(n) == pa.int64()),
    "negative integers of 64 bits": (2**63, lambda n: column_type(-n) == pa.int64()),
    "digits of a short decimal": (38, lambda n: pa.types.is_decimal128(column_type(Decimal("0." + "1" * n)))),
    "digits of a decimal": (76, lambda n: pa.types.is_decimal(column_type(Decimal("0." + "1" * n)))),
    "whole numbers that are given": (2**63 - 1, lambda n: fits(arguments.INTEGER, n)),
    "negative whole numbers that are given": (2**63 - 1, lambda n: fits(arguments.INTEGER, -n)),
    "ports": (65_535, lambda n: fits(arguments.PORT, n)),
    "seconds": (10**9, lambda n: fits(arguments.SECONDS, n)),
    "letters of a path": (4096, lambda n: fits(arguments.PATH, "x" * n)),
    "letters of a word": (4096, lambda n: fits(arguments.WORD, "x" * n)),
    "numbers of a document": (10**18 - 1, lambda n: fits(documents.NUMBER, n)),
}  # fmt: skip


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_and_its_neighbours(name: str) -> None:
    limit, taken = LIMITS[name]
    assert [taken(limit - 1), taken(limit), taken(limit + 1)] == [True, True, False]


def test_numbers_from_zero_on() -> None:
    for kind in (arguments.PORT, arguments.SECONDS, arguments.COUNT):
        assert (fits(kind, 0), fits(kind, -1)) == (True, False)


@pytest.mark.parametrize("compiled", [1, 10_000])
@pytest.mark.parametrize(("levels", "taken"), [(127, True), (128, True), (129, False)])
def test_levels_of_a_line_among_others(
    levels: int, taken: bool, compiled: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader of columns draws the line where the one of single lines does."""
    monkeypatch.setattr("xdmprep.core.ndjson.parser.FEWEST", compiled)
    file = tmp_path / "a.jsonl"
    file.write_text("".join(json.dumps({"a": lists(depth - 1)}) + "\n" for depth in (levels, 2, levels)))
    schema: dict[str, Any] = {"type": "object", "properties": {"b": {"type": "string"}}}
    report = xp.validate(file, xp.Schema.from_dict(schema), rules="jsonschema")
    assert [issue.row for issue in report if issue.code == "unreadable"] == ([] if taken else [1, 3])


@pytest.mark.parametrize(("value", "fine"), [
    (10**15 - 1, True), (10**15, False), (1 - 10**15, True), (-(10**15), False), (1e15 - 1, True), (1e15, False),
])  # fmt: skip
def test_numbers_of_excel_have_15_digits(value: float, fine: bool, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["name", "id"], ["a", value]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    findings = [finding.column for chunk in open_source(tmp_path / "a.xlsx").chunks() for finding in chunk.issues]
    assert findings == ([] if fine else ["id"])


def test_the_sizes_of_documents() -> None:
    assert (documents.MAX_BYTES, documents.MAX_VALUES, documents.MAX_EXPANDED, documents.MAX_ENTRIES) == (
        256 << 20, 10_000_000, 1_000_000, 200_000
    )  # fmt: skip


@pytest.mark.parametrize(("size", "fine"), [(99, True), (100, True), (101, False)])
def test_how_large_a_document_is(size: int, fine: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_VALUES", 100)
    kind, file = DocumentKind(SourceError, limit=100), tmp_path / "a.json"
    file.write_text("{}".ljust(size))
    ones = "[" + "1," * (size - 1) + "1]"
    if fine:
        assert kind.read_json(file) == {}
        assert kind.parse_json(ones, "a") == [1] * size
    else:
        with pytest.raises(SourceError, match="is larger than"):
            kind.read_json(file)
        with pytest.raises(SourceError, match="more than 100 values"):
            kind.parse_json(ones, "a")


@pytest.mark.parametrize(("count", "fine"), [(10, True), (11, True), (12, False)])
def test_to_how_much_aliases_may_grow(count: int, fine: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of a list with its values, and of that list again."""
    monkeypatch.setattr(documents, "MAX_EXPANDED", 1 + 2 * 11)
    text = f"[&a [{', '.join('x' * (count - 1))}], *a]"
    found = documents.why_explosive(yaml.compose(text))
    assert (found is None) == fine


@pytest.mark.parametrize(("count", "fine"), [(4, True), (5, True), (6, False)])
def test_how_many_files_a_folder_holds(count: int, fine: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_ENTRIES", 5)
    (tmp_path / "in").mkdir()
    for number in range(count):
        (tmp_path / "in" / f"{number}.json").write_text("{}")
    if fine:
        assert len(documents.files_below(tmp_path, lambda name: True, XdmPrepError)) == count
    else:
        with pytest.raises(XdmPrepError, match="more than 5 files"):
            documents.files_below(tmp_path, lambda name: True, XdmPrepError)


TABLE = pa.table({"text": ["a", "b"]})
#: name: values that are taken, values that are refused, and what takes them.
OPTIONS: dict[str, tuple[list[float], list[float], Callable[[float, Path], Any]]] = {
    "error_threshold": ([0, 0.5, 99.5, 100], [-0.5, 100.5, float("nan")], lambda value, out: xp.prepare(
        TABLE, {"text": "text"}, TEXTS, out, rules="jsonschema", error_threshold=value)),
    "max_loss": ([0, 0.5, 99.5, 100], [-0.5, 100.5, float("nan")], lambda value, out: xp.prepare(
        TABLE, {"text": "text"}, TEXTS, out, rules="jsonschema", max_loss=value)),
    "max_bytes": ([1024, 1025], [0, 1023], lambda value, out: xp.write_json(TABLE, out, max_bytes=int(value))),
    "max_rows": ([1, 2], [0, -1], lambda value, out: xp.write_json(TABLE, out, max_rows=int(value))),
}  # fmt: skip
TEXTS = xp.Schema.from_dict({"type": "object", "properties": {"text": {"type": "string"}}})


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_and_its_bounds(name: str, tmp_path: Path) -> None:
    good, bad, call = OPTIONS[name]
    for value in good:
        call(value, tmp_path / f"{value}")
    for value in bad:
        with pytest.raises(UsageError, match=r"percentage|max_bytes|max_rows|expected a number"):
            call(value, tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(("lost", "percent", "told"), [
    (100, None, False), (101, None, True), (50, 25, False), (51, 25, True), (0, 0, False), (1, 0, True),
    (200, 100, False),
])  # fmt: skip
def test_a_field_that_lost_more_than_it_may(lost: int, percent: float | None, told: bool, tmp_path: Path) -> None:
    """Of 200 values; half of them unless said."""
    fields = {"number": {"type": "integer"}, "text": {"type": "string"}}
    schema = xp.Schema.from_dict({"type": "object", "properties": fields})
    table = pa.table({"a": ["x"] * lost + ["1"] * (200 - lost)})
    more: dict[str, Any] = {} if percent is None else {"max_loss": percent}
    done = xp.prepare(table, {"number": "a", "text": "a"}, schema, tmp_path / "out", rules="jsonschema", **more)
    assert done.excessive == (("number",) if told else ())


@pytest.mark.parametrize(("spare", "files"), [(0, 1), (-1, 2), (1, 1)])
def test_a_part_of_csv_is_filled_to_its_last_byte(spare: int, files: int, tmp_path: Path) -> None:
    table = pa.table({"text": ["x" * 509] * 4})  # with the line end
    whole = xp.write_csv(table, tmp_path / "whole").files[0].bytes
    assert len(xp.write_csv(table, tmp_path / "out", max_bytes=whole + spare).files) == files


@pytest.mark.parametrize(("most", "files"), [(3, 2), (4, 1), (5, 1)])
def test_a_part_has_so_many_rows(most: int, files: int, tmp_path: Path) -> None:
    table = pa.table({"text": ["x"] * 4})
    for name, write in (("csv", xp.write_csv), ("json", xp.write_json), ("parquet", xp.write_parquet)):
        assert len(write(table, tmp_path / name, max_rows=most).files) == files


@pytest.mark.parametrize(("size", "fine"), [(4095, True), (4096, True), (4097, False)])
def test_how_long_an_expression_may_be(size: int, fine: bool) -> None:
    text = f'"{"x" * (size - 2)}"'
    assert (xp.MappingSet({"text": "upper(" + text[7:] + ")"}).losses("posted") == []) == fine
    if fine:
        assert xp.evaluate(text, {}) == "x" * (size - 2)
    else:
        with pytest.raises(ExpressionError, match="at most 4096"):
            xp.evaluate(text, {})
