"""Frames and Parquet of every Arrow type through `prepare` and `validate`: what is read, set aside, refused."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as encryption
import pytest

import xdmprep as xp
from xdmprep.errors import MappingError, SourceError

SCHEMA: dict[str, Any] = {
    "$id": "https://ns.adobe.com/t/schemas/arrow",
    "title": "Arrow",
    "type": "object",
    "meta:class": "https://ns.adobe.com/xdm/data/record",
    "properties": {
        "id": {"type": "string"},
        "text": {"type": "string"},
        "number": {"type": "number"},
        "whole": {"type": "integer", "meta:xdmType": "long", "minimum": -(2**63), "maximum": 2**63 - 1},
        "truth": {"type": "boolean"},
        "day": {"type": "string", "format": "date"},
        "when": {"type": "string", "format": "date-time"},
        "texts": {"type": "array", "items": {"type": "string"}},
        "numbers": {"type": "array", "items": {"type": "number"}},
        "map": {"type": "object", "additionalProperties": {"type": "number"}},
        "object": {"type": "object", "properties": {"text": {"type": "string"}, "number": {"type": "number"}}},
        "cents": {"type": "number", "multipleOf": 0.01, "maximum": 7712.48},
    },
}


def schema(tmp_path: Path) -> xp.Schema:
    file = tmp_path / "arrow.schema.json"
    file.write_text(json.dumps(SCHEMA))
    return xp.Schema.load(file)


def run(tmp_path: Path, source: Any, mapping: dict[str, Any], format: str = "json") -> tuple[xp.Result, list[Any]]:
    """The result and the records written, read back by DuckDB or the standard library."""
    out = tmp_path / f"out-{format}-{uuid.uuid4().hex}"
    result = xp.prepare(source, mapping, schema(tmp_path), out, format=format, rules="jsonschema")
    assert result.rows == result.written + result.rejected
    parts = sorted(out.glob("part-*"))
    if format == "json":
        return result, [json.loads(line) for part in parts for line in part.read_text().splitlines()]
    found = (
        duckdb.sql(f"select * from read_parquet({[str(part) for part in parts]})").to_arrow_table().to_pylist()
        if parts
        else []
    )
    return result, [{key: value for key, value in row.items() if value is not None} for row in found]


def rejects(result: xp.Result) -> list[Any]:
    file = result.folder / "rejects.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


FORMATS = pytest.mark.parametrize("format", ["json", "parquet"])

DECIMALS = [Decimal(text) for text in ("7712.48", "0.01", "-0.07", "12345.67", "1.10", "99999.99", "0.30")]
DECIMAL_TYPES = [pa.decimal32(9, 2), pa.decimal64(18, 2), pa.decimal128(38, 2), pa.decimal256(60, 2)]


@FORMATS
@pytest.mark.parametrize("kind", DECIMAL_TYPES, ids=str)
def test_decimals_are_exact_texts_and_nearest_doubles(tmp_path: Path, kind: pa.DataType, format: str) -> None:
    plain = pa.array([*DECIMALS, None] * 30, kind)
    # Arrow cannot cast into narrow decimals inside lists, so the lists are made around the values
    lists = pa.ListArray.from_arrays(pa.array(range(len(plain) + 1), pa.int32()), plain)
    table = pa.table({
        "id": [str(row) for row in range(len(plain))], "d": plain, "l": lists,
        "s": pa.StructArray.from_arrays([plain], ["d"]),
        "m": pa.MapArray.from_arrays(pa.array(range(len(plain) + 1), pa.int32()), pa.array(["k"] * len(plain)), plain),
    })  # fmt: skip
    mapping = {"id": "id", "text": "d", "number": "d", "numbers": "l", "map": "m", "object.number": "s.d",
               "object.text": "s.d", "texts[0]": "d", "cents": "d"}  # fmt: skip
    result, records = run(tmp_path, table, mapping, format)
    over = [value for value in DECIMALS if value > Decimal("7712.48")]
    assert [row["source"]["d"] for row in rejects(result)] == [float(value) for value in over] * 30
    wanted = [value for value in [*DECIMALS, None] * 30 if value not in over]
    for record, value in zip(records, wanted, strict=True):
        if value is None:
            assert set(record) <= {"id", "object", "map", "numbers"} and "number" not in record
            continue
        text, number = format_(value), float(value)
        assert (record["text"], record["number"], record["cents"]) == (text, number, number)
        assert (record["numbers"], record["texts"]) == ([number], [text])
        assert record["object"] == {"text": text, "number": number}
        assert dict(record["map"]) == {"k": number}


def format_(value: Decimal) -> str:
    return format(value, "f")


def test_long_decimals_reach_text_with_all_digits(tmp_path: Path) -> None:
    values = [
        Decimal("0.0000001234567890123456789012"),
        Decimal("1234567890.0000000000000000000000000001"),
        Decimal("-1E-28"),
    ]
    table = pa.table({"id": ["a", "b", "c"], "d": pa.array(values, pa.decimal128(38, 28))})
    _, records = run(tmp_path, table, {"id": "id", "text": "d", "number": "d"})
    assert [Decimal(record["text"]) for record in records] == values
    assert not any("E" in record["text"] for record in records)
    assert [record["number"] for record in records] == [float(value) for value in values]


def test_verdicts_on_decimals_are_those_of_the_numbers_in_json(tmp_path: Path) -> None:
    table = pa.table(
        {"cents": pa.array([Decimal("7712.48"), Decimal("7712.49"), Decimal("0.01")], pa.decimal128(12, 2))}
    )
    pq.write_table(table, tmp_path / "d.parquet")
    for source in (table, tmp_path / "d.parquet"):
        report = xp.validate(source, schema(tmp_path), rules="jsonschema")
        assert report.issues.select(["code", "row"]).to_pylist() == [{"code": "maximum", "row": 2}]


UTC = dt.UTC
EPOCHS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


@FORMATS
@pytest.mark.parametrize("unit", EPOCHS)
def test_times_are_cut_down_to_the_millisecond_before(tmp_path: Path, unit: str, format: str) -> None:
    per = EPOCHS[unit]
    values = [0, 1, -1, per, -per, -per - 1, 1_600_000_000 * per + per // 2, -2_000_000_000 * per - per // 3, None]
    table = pa.table({"id": list("abcdefghi"), "t": pa.array(values, pa.timestamp(unit))})
    mapping = {"id": "id", "when": "t", "text": "format(t, 'yyyy-MM-dd HH:mm:ss.SSS')", "day": "t"}
    _, records = run(tmp_path, table, mapping, format)
    for record, value in zip(records, values, strict=True):
        if value is None:
            assert "when" not in record
            continue
        moment = dt.datetime(1970, 1, 1, tzinfo=UTC) + dt.timedelta(milliseconds=value * 1000 // per)
        found = record["when"] if format == "parquet" else dt.datetime.fromisoformat(record["when"])
        assert found.astimezone(UTC) == moment
        assert record["text"] == moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{moment.microsecond // 1000:03}"
        assert str(record["day"]) == moment.date().isoformat()


DAYS = {
    "date32": pa.array([-719_162, -719_163, 2_932_896, 2_932_897, 2**31 - 1, -(2**31), 0], pa.int32()).cast(
        pa.date32()
    ),
    "date64": pa.array([v * 86_400_000 for v in (-719_162, -719_163, 2_932_896, 2_932_897, 2**36, -(2**36), 0)]).cast(
        pa.date64()
    ),
    "s": pa.array([-62_135_596_800, -62_135_596_801, 253_402_300_799, 253_402_300_800, 2**62, -(2**62), 0]).cast(
        pa.timestamp("s")
    ),
    "ms": pa.array(
        [-62_135_596_800_000, -62_135_596_800_001, 253_402_300_799_999, 253_402_300_800_000, 2**62, -(2**63), 0]
    ).cast(pa.timestamp("ms", "UTC")),
    "us": pa.array(
        [
            -62_135_596_800_000_000,
            -62_135_596_800_000_001,
            253_402_300_799_999_999,
            253_402_300_800_000_000,
            2**63 - 1,
            -(2**63),
            0,
        ]
    ).cast(pa.timestamp("us")),
}


@FORMATS
@pytest.mark.parametrize("kind", DAYS)
def test_dates_beyond_the_years_1_to_9999_are_set_aside(tmp_path: Path, kind: str, format: str) -> None:
    column = DAYS[kind]
    nested = pa.StructArray.from_arrays([column], ["t"])
    table = pa.table({"id": list("abcdefg"), "t": column, "o": nested})
    for target, source in (
        ("day", "t"),
        ("when", "t"),
        ("text", "t"),
        ("text", "format(t, 'yyyy-MM-dd')"),
        ("day", "o.t"),
    ):
        result, records = run(tmp_path, table, {"id": "id", target: source}, format)
        assert [record["id"] for record in records] == ["a", "c", "g"]
        found = rejects(result)
        assert [row["row"] for row in found] == [2, 4, 5, 6]
        assert {reason["code"] for row in found for reason in row["reasons"]} == {"unfit"}
        assert [str(record[target])[:10] for record in records] == ["0001-01-01", "9999-12-31", "1970-01-01"]
    result, records = run(tmp_path, table, {"id": "id"}, format)
    assert (result.written, result.rejected) == (7, 0)
    wanted = xp.validate(pa.table({"day" if kind.startswith("date") else "when": column}), schema(tmp_path))
    assert wanted.issues.filter(pc.equal(wanted.issues["code"], "unfit"))["row"].to_pylist() == [2, 4, 5, 6]


NAN, INF = float("nan"), float("inf")
FLOATS = [1.5, NAN, INF, -INF, None, 0.0]


@FORMATS
@pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.float64()], ids=str)
def test_nan_and_infinity_are_set_aside_where_they_are_wanted(tmp_path: Path, kind: pa.DataType, format: str) -> None:
    plain = pa.array(FLOATS, kind)
    offsets = pa.array(range(len(plain) + 1), pa.int32())
    table = pa.table({
        "id": list("abcdef"), "x": plain, "l": pa.ListArray.from_arrays(offsets, plain),
        "m": pa.MapArray.from_arrays(offsets, pa.array(["k"] * 6), plain),
        "o": pa.StructArray.from_arrays([plain, pa.array(list("uvwxyz"))], ["number", "text"]),
        "w": plain.dictionary_encode(),
    })  # fmt: skip
    pq.write_table(table, tmp_path / "nan.parquet") if kind != pa.float16() else None
    sources = [table, *([tmp_path / "nan.parquet"] if kind != pa.float16() else [])]
    for source in sources:
        for wanted in ({"number": "x"}, {"numbers": "l"}, {"map": "m"}, {"object": "o"}, {"object.number": "o.number"},
                       {"text": "x"}, {"number": "x + 1"}, {"text": "concat(x, '')"}, {"number": "w"},
                       {"numbers[0]": "l[0]"}):  # fmt: skip
            result, records = run(tmp_path, source, {"id": "id", **wanted}, format)
            assert [record["id"] for record in records] == ["a", "e", "f"], wanted
            assert [row["row"] for row in rejects(result)] == [2, 3, 4]
            issues = (result.folder / "issues.csv").read_text()
            assert all(text in issues for text in ('"NaN"', '"Infinity"', '"-Infinity"')) or "NaN" in issues
        result, records = run(tmp_path, source, {"id": "id", "object.text": "o.text", "text": "upper(o.text)"}, format)
        assert (len(records), result.rejected) == (6, 0)
    report = xp.validate(pa.table({"number": plain, "numbers": table["l"]}), schema(tmp_path), rules="jsonschema")
    assert sorted(set(report.issues["row"].to_pylist())) == [2, 3, 4]


def test_rows_set_aside_for_other_reasons_show_no_nan(tmp_path: Path) -> None:
    table = pa.table({"id": ["a", None, "c"], "n": ["x", "2", "y"], "x": [NAN, INF, 1.0]})
    result = xp.prepare(table, {"id": "id", "whole": "n"}, schema(tmp_path), tmp_path / "out", strict=True)
    assert [row["row"] for row in rejects(result)] == [1, 3]


BAD = pa.Array.from_buffers(pa.binary(), 4, pa.array([b"ok", b"\xff\xfe", None, "é".encode()]).buffers())


@FORMATS
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()], ids=str)
def test_text_that_is_not_utf8_is_set_aside(tmp_path: Path, kind: pa.DataType, format: str) -> None:
    text = pa.Array.from_buffers(pa.string(), 4, BAD.buffers()).cast(kind)
    small = pa.Array.from_buffers(pa.string(), 4, BAD.buffers())
    encoded = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, 3], pa.int8()), small)
    nested = pa.ListArray.from_arrays(pa.array(range(5), pa.int32()), small)
    table = pa.table({"id": list("abcd"), "t": text, "w": encoded, "l": nested})
    pq.write_table(pa.table({"id": list("abcd"), "t": small, "w": small, "l": nested}), tmp_path / "t.parquet")
    for source in (table, tmp_path / "t.parquet"):
        for wanted in ({"text": "t"}, {"text": "w"}, {"texts": "l"}, {"text": "upper(t)"}, {"text": "sha256(w)"}):
            result, records = run(tmp_path, source, {"id": "id", **wanted}, format)
            assert [record["id"] for record in records] == ["a", "c", "d"]
            (row,) = rejects(result)
            assert (row["row"], row["reasons"][0]["code"], row["reasons"][0]["value"]) == (2, "unfit", "\\xff\\xfe")
        assert run(tmp_path, source, {"id": "id"}, format)[0].written == 4
    report = xp.validate(tmp_path / "t.parquet", schema(tmp_path), rules="jsonschema")
    assert set(report.issues.filter(pc.equal(report.issues["code"], "unfit"))["row"].to_pylist()) == {2}


READ: dict[str, tuple[pa.Array, str, list[Any]]] = {
    "uint64 as text": (pa.array([2**64 - 1, 0, None], pa.uint64()), "text", [str(2**64 - 1), "0", None]),
    "uint64": (pa.array([2**63 - 1, 0, None], pa.uint64()), "whole", [2**63 - 1, 0, None]),
    "uint8": (pa.array([255, 0, None], pa.uint8()), "whole", [255, 0, None]),
    "float16": (pa.array([1.5, 0.25, None], pa.float16()), "number", [1.5, 0.25, None]),
    "decimal without fraction": (pa.array([10**37, 5, None], pa.decimal128(38, 0)), "text", [str(10**37), "5", None]),
    "small decimal without fraction": (pa.array([12, 5, None], pa.decimal128(9, 0)), "whole", [12, 5, None]),
    "decimal of hundreds": (
        pa.array([Decimal(1200), Decimal(500), None], pa.decimal128(9, -2)),
        "whole",
        [1200, 500, None],
    ),
    "dictionary of numbers": (pa.array([7, 7, None]).dictionary_encode(), "whole", [7, 7, None]),
    "dictionary with a null": (
        pa.DictionaryArray.from_arrays(pa.array([1, 0, None], pa.int8()), pa.array([None, "x"])),
        "text",
        ["x", None, None],
    ),
    "dictionary of dates": (
        pa.array([dt.date(2020, 1, 2)] * 2 + [None]).dictionary_encode(),
        "day",
        ["2020-01-02"] * 2 + [None],
    ),
    "run-end encoded": (pc.run_end_encode(pa.array(["a", "a", None])), "text", ["a", "a", None]),
    "run-end encoded numbers": (pc.run_end_encode(pa.array([1.5, 1.5, None])), "number", [1.5, 1.5, None]),
    "string view": (
        pa.array(["a", "a text beyond twelve bytes", None], pa.string_view()),
        "text",
        ["a", "a text beyond twelve bytes", None],
    ),
    "large list": (pa.array([["a"], [], None], pa.large_list(pa.large_string())), "texts", [["a"], None, None]),
    "list view": (pa.array([["a", "b"], [], None], pa.list_view(pa.string())), "texts", [["a", "b"], None, None]),
    "large list view": (pa.array([[1, 2], [], None], pa.large_list_view(pa.int8())), "numbers", [[1, 2], None, None]),
    "fixed size list": (pa.array([[1, 2], [3, 4], None], pa.list_(pa.float32(), 2)), "numbers", [[1, 2], [3, 4], None]),
    "map of large text": (
        pa.array([[("k", 1.5)], [], None], pa.map_(pa.large_string(), pa.float32())),
        "map",
        [{"k": 1.5}, None, None],
    ),
    "time": (pa.array([dt.time(1, 2, 3)] * 2 + [None], pa.time32("s")), "text", ["01:02:03"] * 2 + [None]),
    "date64": (
        pa.array([dt.date(1969, 12, 31), dt.date(1, 1, 1), None], pa.date64()),
        "day",
        ["1969-12-31", "0001-01-01", None],
    ),
    "uuid": (
        pa.array([b"\0" * 15 + b"\1"] * 2 + [None], pa.uuid()),
        "text",
        ["00000000-0000-0000-0000-000000000001"] * 2 + [None],
    ),
    "json": (
        pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a":1}', "1", None])),
        "text",
        ['{"a":1}', "1", None],
    ),
    "bool8": (
        pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, 0, None], pa.int8())),
        "truth",
        [True, False, None],
    ),
    "time in a zone": (
        pa.array([dt.datetime(2024, 1, 1, 23, 30, tzinfo=UTC)] * 2 + [None], pa.timestamp("us", "Europe/Berlin")),
        "day",
        ["2024-01-02"] * 2 + [None],
    ),
    "time in a zone as time": (
        pa.array([dt.datetime(2024, 1, 1, 23, 30, tzinfo=UTC)] * 2 + [None], pa.timestamp("ns", "-05:00")),
        "when",
        ["2024-01-01T23:30:00Z"] * 2 + [None],
    ),
    "null": (pa.nulls(3), "text", [None, None, None]),
}


@pytest.mark.parametrize("kind", READ)
def test_every_type_is_read_right(tmp_path: Path, kind: str) -> None:
    column, target, wanted = READ[kind]
    table = pa.table({"id": ["a", "b", "c"], "c": column})
    if pa.types.is_run_end_encoded(column.type):
        longer = pc.run_end_encode(pa.array([None, *column.to_pylist(), None]))
    else:
        longer = pa.concat_arrays([column.slice(2), column, column.slice(2)])
    for source in (table, pa.table({"id": ["0", *"abc", "z"], "c": longer}).slice(1, 3)):
        result, records = run(tmp_path, source, {"id": "id", target: "c"})
        assert result.rejected == 0
        assert [record.get(target) for record in records] == wanted
    if "uint64 as text" not in kind and "without" not in kind and "zone" not in kind:
        report = xp.validate(pa.table({target: column}), schema(tmp_path), rules="jsonschema")
        assert report.valid


REFUSED: dict[str, pa.Array] = {
    "binary": pa.array([b"x", None]),
    "binary view": pa.array([b"x", None], pa.binary_view()),
    "fixed binary": pa.array([b"xx", None], pa.binary(2)),
    "duration": pa.array([1, None], pa.duration("s")),
    "interval": pa.array([(1, 2, 3), None], pa.month_day_nano_interval()),
    "union": pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["a", "b"])]),
    "list of binary": pa.array([[b"x"], None]),
    "struct of duration": pa.array([{"d": 1}, None], pa.struct([("d", pa.duration("s"))])),
    "map of doubles": pa.array([[(0.5, 2)], None], pa.map_(pa.float64(), pa.int64())),
    "opaque": pa.ExtensionArray.from_storage(pa.opaque(pa.int8(), "thing", "vendor"), pa.array([1, None], pa.int8())),
}


@FORMATS
@pytest.mark.parametrize("kind", REFUSED)
def test_columns_that_no_record_can_hold_stop_no_run_unless_they_are_mapped(
    tmp_path: Path, kind: str, format: str
) -> None:
    column = REFUSED[kind]
    table = pa.table({"id": ["a", "b"], "n": ["1", "x"], "odd": column})
    out = tmp_path / "out"
    result = xp.prepare(table, {"id": "id", "whole": "n"}, schema(tmp_path), out, format=format, strict=True)
    assert (result.written, [row["row"] for row in rejects(result)]) == (1, [2])
    for source in ("odd", "upper(odd)", "concat(id, odd)"):
        with pytest.raises(MappingError, match="odd"):
            xp.prepare(table, {"id": "id", "text": source}, schema(tmp_path), tmp_path / "refused")
    with pytest.raises(SourceError, match="'odd'"):
        xp.validate(pa.table({"odd": column}), schema(tmp_path))
    with pytest.raises(SourceError, match="'odd'"):
        xp.write_json(pa.table({"odd": column}), tmp_path / "written")


@FORMATS
def test_columns_of_one_name(tmp_path: Path, format: str) -> None:
    table = pa.Table.from_arrays([pa.array(["a", "b"]), pa.array(["1", "x"]), pa.array([1, 2]), pa.array([3, 4])],
                                 ["id", "n", "twice", "twice"])  # fmt: skip
    result = xp.prepare(table, {"id": "id", "whole": "n"}, schema(tmp_path), tmp_path / "o", format=format, strict=True)
    (row,) = rejects(result)
    assert row["source"] == {"id": "b", "n": "x", "twice": 2, "twice (2)": 4}
    with pytest.raises(MappingError, match="more than once"):
        xp.map_rows(table, {"id": "twice"}, schema(tmp_path))


@FORMATS
def test_text_that_is_encoded_in_some_chunks_only(tmp_path: Path, format: str) -> None:
    """Rejects and row groups join chunks, of which some have dictionaries and some have nulls among the words."""
    words = pa.DictionaryArray.from_arrays(pa.array([0, 1] * 300, pa.int32()), pa.array(["x", None]))
    many = pa.array([f"word {row}" for row in range(600)]).dictionary_encode()
    batches = [pa.record_batch({"n": ["1"] * 600, "w": column}) for column in (words, many, words)]
    mapping = {"text": "w", "whole": "n", "id": "iif(w == 'x', null, w)"}
    table = pa.Table.from_batches(batches)
    _, records = run(tmp_path, table, mapping, format)
    assert [record.get("text") for record in records] == table["w"].to_pylist()
    strict = xp.prepare(
        table, {"text": "w", "whole": "w"}, schema(tmp_path), tmp_path / "s", format=format, strict=True
    )
    assert [row["source"].get("w") for row in rejects(strict)] == [v for v in table["w"].to_pylist() if v is not None]


@pytest.mark.parametrize("kind", [*REFUSED, *READ])
def test_diff_compares_rows_with_columns_of_any_type(kind: str) -> None:
    """Rows are compared before they are mapped, unmapped columns included."""
    column = REFUSED[kind] if kind in REFUSED else READ[kind][0]
    properties = {"_t": {"type": "object", "properties": {"n": {"type": "number"}}}, "identityMap": IDENTITIES}
    profile = xp.Schema.from_dict({**SCHEMA, "meta:class": "https://ns.adobe.com/xdm/context/profile",
                                   "properties": properties})  # fmt: skip
    mapping = {"identityMap.CRM[0].id": "id", "identityMap.CRM[0].primary": "true", "_t.n": "d"}
    ids = ["a", "b", "c"][: len(column)]
    money = [Decimal("1.10"), Decimal("7712.48"), None][: len(column)]
    before = pa.table({"id": ids, "d": pa.array(money, pa.decimal128(12, 2)), "odd": column})
    money[1] = Decimal("7712.49")
    after = pa.table({"id": ids, "d": pa.array(money, pa.decimal128(12, 2)), "odd": column})
    patch = xp.diff(before, after, profile, mapping=mapping, on="identityMap.CRM[0].id")
    assert patch.to_pylist() == [{"_t": {"n": 7712.49}, "identityMap": {"CRM": [{"id": "b", "primary": True}]}}]


IDENTITIES = {
    "type": "object",
    "additionalProperties": {
        "type": "array",
        "items": {"type": "object", "properties": {"id": {"type": "string"}, "primary": {"type": "boolean"}}},
    },
}


class Keys(encryption.KmsClient):
    """Keys that anybody can read."""

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> str:
        return key_bytes.hex()

    def unwrap_key(self, wrapped_key: str, master_key_identifier: str) -> bytes:
        return bytes.fromhex(wrapped_key)


@FORMATS
@pytest.mark.parametrize("fault", ["page", "dictionary", "header", "cut", "encrypted", "encrypted columns"])
def test_damaged_and_encrypted_files_are_one_sentence_and_leave_no_part(
    tmp_path: Path, fault: str, format: str
) -> None:
    table = pa.table({"id": [f"user{row}" for row in range(60_000)], "n": list(range(60_000))})
    file = tmp_path / "x.parquet"
    if fault.startswith("encrypted"):
        factory = encryption.CryptoFactory(lambda config: Keys())
        keys = encryption.EncryptionConfiguration("k", column_keys={"c": ["id"]}, plaintext_footer="columns" in fault)
        made = factory.file_encryption_properties(encryption.KmsConnectionConfig(), keys)
        with pq.ParquetWriter(file, table.schema, encryption_properties=made) as writer:
            writer.write_table(table)
    else:
        pq.write_table(table, file, row_group_size=10_000, write_page_checksum=True)
        data = bytearray(file.read_bytes())
        late = pq.ParquetFile(file).metadata.row_group(5).column(0)
        where = {"page": late.data_page_offset + 400, "dictionary": late.dictionary_page_offset + 100,
                 "header": late.dictionary_page_offset + 5, "cut": 0}[fault]  # fmt: skip
        data[where] ^= 0xFF
        file.write_bytes(data[:-100] if fault == "cut" else data)
    out = tmp_path / "out"
    with pytest.raises(SourceError, match="encrypted" if fault.startswith("encrypted") else "x.parquet: ") as found:
        xp.prepare(file, {"id": "id", "whole": "n"}, schema(tmp_path), out, format=format, max_bytes=100_000)
    assert "\n" not in str(found.value) and len(str(found.value)) < 400
    assert not list(out.glob("*part-*")) and not (out / "manifest.json").exists()
    with pytest.raises(SourceError):
        xp.validate(file, schema(tmp_path))
