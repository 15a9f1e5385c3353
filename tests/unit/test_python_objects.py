"""Rows that are Python objects: what JSON cannot hold is never written, never valid, and never ends in a traceback."""

from __future__ import annotations

import datetime
import json
from collections import defaultdict
from decimal import Decimal
from functools import reduce
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from dateutil import tz

import xdmprep as xp
from xdmprep import Schema, XdmPrepError
from xdmprep.errors import SourceError
from xdmprep.read import open_source
from xdmprep.read.objects import Objects, joined_kinds, kind_of_all, type_of, unlike_places

SCHEMA = Schema.from_dict({
    "$id": "https://ns.example.com/o", "type": "object", "properties": {
        "text": {"type": "string"}, "number": {"type": "number"}, "list": {"type": "array"}, "any": {},
        "object": {"type": "object", "additionalProperties": {"type": "string"}},
    },
})  # fmt: skip
FIELDS = ["text", "number", "list", "any", "object"]
HALF = "a\ud800b"
SELF: list[Any] = []
SELF.append(SELF)


class Odd:
    """No record can hold it."""


def nested(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


UNWRITABLE = [
    HALF, [HALF], {"k": HALF}, {HALF: "x"}, {"k": {HALF: "x"}}, float("nan"), [float("inf")], {"k": float("-inf")},
    np.float64("nan"), np.float32("inf"), Decimal("NaN"), Decimal("-Infinity"), Decimal("sNaN"), 10**309,
    [-(10**400)], 10**5000, {"k": 10**5000}, Decimal("1e400"),

    b"x", [b"x"], {"k": b"x"}, Odd(), datetime.timedelta(1), range(3), 1j, object,
    np.datetime64("20000-01-01"), [np.datetime64("-5000-01-01")], {1: "x", "1": "y"}, {"k": {True: 1, "True": 2}},
    SELF, {"k": SELF}, nested(200), {"k": nested(200)}, nested(2000),
]  # fmt: skip


@pytest.mark.parametrize(
    "missing", [float("nan"), np.float64("nan"), np.float32("nan"), Decimal("NaN"), Decimal("sNaN")]
)
def test_nan_among_texts_is_no_value(missing: Any) -> None:
    assert xp.map_rows([{"a": "x"}, {"a": missing}], {"b": "a"}).to_pylist() == [{"b": "x"}, {}]


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (np.float32(19.99), 19.99), (np.float32(2**24), 2.0**24), (np.float32(123456789), 123456792.0),
        (np.array([0.1, 2], np.float32), [0.1, 2.0]), (np.array([[0.1]], np.float32), [[0.1]]),
        (datetime.time(1, 2, tzinfo=datetime.UTC), "01:02:00+00:00"),
    ],
)  # fmt: skip
def test_values_are_read_as_they_are_printed(value: Any, read: Any) -> None:
    assert xp.map_rows([{"a": value}], {"b": "a"}).to_pylist() == [{"b": read}]


@pytest.mark.parametrize("value", UNWRITABLE, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("field", FIELDS)
def test_what_json_cannot_hold_is_never_valid_and_never_written(field: str, value: Any, tmp_path: Path) -> None:
    row = {field: value}
    report = xp.validate([{"text": "fine"}, row, {"text": "fine"}], SCHEMA, rules="jsonschema")
    assert not report.valid
    assert {issue.row for issue in report} == {2}
    try:
        made = xp.write_json([{"id": "fine"}, row], tmp_path / "out")
    except XdmPrepError as error:
        assert str(error)
        assert not (tmp_path / "out").exists()
    else:
        assert (made.rows, made.written, made.rejected) == (2, 1, 1)
    try:
        result = xp.prepare([row], {field: field, "text": "'fine'"}, SCHEMA, out=tmp_path / "p", rules="jsonschema")
    except XdmPrepError as error:
        assert str(error)
    else:
        assert result.rows == result.written + result.rejected
        for file in result.manifest.files:
            for line in (tmp_path / "p" / file.name).read_text(encoding="utf-8").splitlines():
                assert "NaN" not in line and "Infinity" not in line
                written = json.loads(line).get(field)
                assert written is None or isinstance(written, str) or written == {"k": str(Decimal(10**5000))}


@pytest.mark.parametrize("value", [b"x", Odd(), 1j, range(3), datetime.timedelta(1)], ids=lambda v: type(v).__name__)
def test_other_objects_are_no_arrays(value: Any) -> None:
    assert SCHEMA.check({"list": value}, "jsonschema")
    assert SCHEMA.check({"object": value}, "jsonschema")


@pytest.mark.parametrize("record", [{"text": HALF}, {"list": [{"k": HALF}]}, {"any": {HALF: 1}}, {HALF: 1}])
def test_half_a_surrogate_pair_is_found_in_one_record(record: Any) -> None:
    assert [issue.code for issue in SCHEMA.check(record, "jsonschema")] == ["unreadable"]


def test_a_key_twice_is_told_with_its_row(tmp_path: Path) -> None:
    rows: list[Any] = [{"text": "x"}, {1: "x", "1": "y"}]
    with pytest.raises(XdmPrepError, match=r"row 2: the key .1. stands twice"):
        xp.write_json(rows, tmp_path / "out")
    with pytest.raises(XdmPrepError, match=r"row 2: the key .1. stands twice"):
        xp.prepare(rows, {"text": "text"}, SCHEMA, out=tmp_path / "out")
    assert [issue.code for issue in xp.validate(rows, SCHEMA, rules="jsonschema")] == ["duplicate-key"]


def test_integers_beyond_doubles_beside_decimals_keep_their_digits(tmp_path: Path) -> None:
    rows = [{"n": 2**53 + 1}, {"n": Decimal("1.50")}]
    for source in (rows, {"n": [row["n"] for row in rows]}, pd.DataFrame({"n": [row["n"] for row in rows]})):
        with pytest.raises(XdmPrepError, match=r"'n' holds integers beyond 2\^53 and decimals"):
            xp.write_json(source, tmp_path / "out")
        assert xp.map_rows(source, {"text": "n"}, SCHEMA).to_pylist() == [{"text": str(2**53 + 1)}, {"text": "1.50"}]


def test_columns_of_one_name_are_all_there() -> None:
    frame = pd.DataFrame([[1, 2, 3]], columns=["a", "b", "a"])
    assert open_source(frame).to_pylist() == [{"a": 1, "b": 2, "a (2)": 3}]


def test_long_doubles_of_numpy_keep_their_digits(tmp_path: Path) -> None:
    """Python has no such type, and numpy gives them as themselves."""
    values = np.array([1.5, -2.0, np.nan], np.longdouble)
    found = open_source({"v": list(values)}).to_pylist()
    assert [row.get("v") for row in found[:2]] == [1.5, -2.0]
    assert open_source(pd.DataFrame({"v": values})).to_pylist()[0] == {"v": 1.5}
    long = np.longdouble(1) / 3
    if float(long) != long:
        assert open_source([{"v": long}]).to_pylist() == [{"v": Decimal(str(long))}]


def test_integers_of_128_bits_inside_of_polars_columns_become_text() -> None:
    big = 2**100
    kinds = [
        (pl.List(pl.Int128), [big], [str(big)]), (pl.Struct({"a": pl.Int128, "b": pl.String}), {"a": big, "b": "x"},
        {"a": str(big), "b": "x"}), (pl.List(pl.Struct({"a": pl.Int128})), [{"a": big}], [{"a": str(big)}]),
        (pl.Array(pl.Int128, 2), [big, 1], [str(big), "1"]), (pl.Int128, big, str(big)),
    ]  # fmt: skip
    for kind, given, wanted in kinds:
        frame = pl.DataFrame({"v": pl.Series([given, None], dtype=kind)})
        assert open_source(frame).to_pylist()[0] == {"v": wanted}, kind


def test_one_column_is_no_table() -> None:
    for one in (pd.Series(["a"], name="id"), pl.Series("id", ["a"])):
        with pytest.raises(SourceError, match=r"is one column, not a table\. .*to_frame"):
            open_source(one)


VALUES = [
    None, "a", "é", True, False, 0, 5, -5, 2**53, 2**53 + 1, -(2**60), 2**63 - 1, 2**63, -(2**70), 2**70, 1.5,
    float("nan"), datetime.date(2024, 2, 29), datetime.time(1, 2), datetime.datetime(2024, 1, 1), Decimal("1.50"),
    datetime.datetime(2024, 7, 1, tzinfo=ZoneInfo("Europe/Berlin")), datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC),
    datetime.datetime(2024, 7, 1, tzinfo=tz.gettz("America/New_York")), pd.Timestamp("2024-01-01"), pd.NaT,
    pd.Timestamp("2024-01-01", tz="Asia/Tokyo"), np.int64(7), np.float32(0.5), np.str_("n"), pd.NA, [1], {"k": 1},
]  # fmt: skip


@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_kind_of_many_values_is_that_of_each_joined(size: int) -> None:
    for values in combinations_with_replacement(VALUES, size):
        one_by_one = reduce(joined_kinds, (kind_of_all([value]) for value in values), None)
        assert type_of(kind_of_all(values)) == type_of(one_by_one), values
        assert list(unlike_places(kind_of_all(values))) == list(unlike_places(one_by_one)), values


ZONES = [None, datetime.UTC, ZoneInfo("Europe/Berlin"), datetime.timezone(-datetime.timedelta(hours=5, minutes=30))]


@pytest.mark.parametrize("zone", ZONES)
def test_times_are_arrays_of_their_microseconds(zone: datetime.tzinfo | None) -> None:
    some = [
        datetime.datetime(year, month, day, hour, 59, 59, 999_999, zone, fold=fold)
        for year in (1, 1900, 1969, 1970, 2024, 9999) for month, day in ((1, 1), (3, 31), (10, 27), (12, 31))
        for hour in (0, 2, 23) for fold in (0, 1)
    ]  # fmt: skip
    some += [pd.Timestamp("2024-06-01T00:00:00.123456789", tz=zone), None]
    found = Objects(some).array(0, len(some)).cast(pa.int64()).to_pylist()
    start, micro = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC), datetime.timedelta(microseconds=1)
    aware = [value if zone or value is None else value.replace(tzinfo=datetime.UTC) for value in some[:-1]]
    assert found == [*((value.to_pydatetime(warn=False) - start) // micro if isinstance(value, pd.Timestamp) else
                       (value - start) // micro for value in aware), None]  # fmt: skip


def rows_of(kind: str, count: int) -> list[Any]:
    """Rows of which the later ones have other columns."""
    rows: list[Any] = [{"id": f"é{n}", "n": n, "a" if n < count // 2 else "b": n % 3 or None} for n in range(count)]
    if kind == "columns in any order":
        return [dict(sorted(row.items(), reverse=bool(n % 2))) for n, row in enumerate(rows)]
    if kind == "other keys":
        return [{1: row["n"], "ü": row["id"]} for row in rows]
    if kind == "defaults":
        return [defaultdict(lambda: "must not be asked for", row) for row in rows]
    if kind == "one column each":
        return [{"a" if n % 2 else "ü" if n == 1030 else "b": n} for n in range(count)]
    if kind == "a key of another type":
        return [{"id": n, ("n" if n != 1030 else 7): n} for n in range(count)]
    return [{"id": row["id"]} for row in rows] if kind == "one column" else rows


@pytest.mark.parametrize("count", [1, 1023, 1024, 1025, 4100])
@pytest.mark.parametrize(
    "kind",
    ["plain", "columns in any order", "other keys", "defaults", "one column", "one column each",
     "a key of another type"],
)  # fmt: skip
@pytest.mark.parametrize("made", [list, iter])
def test_rows_are_read_in_pieces_as_they_are(made: Any, kind: str, count: int) -> None:
    rows = rows_of(kind, count)
    names = {str(name): None for row in rows for name in row}
    expected = [{name: {str(key): value for key, value in row.items()}.get(name) for name in names} for row in rows]
    assert open_source(made(rows)).to_pylist() == [
        {name: value for name, value in row.items() if value is not None} for row in expected
    ]
    assert all("a" not in row or "b" not in row for row in rows)


@pytest.mark.parametrize("row", [0, 1023, 1024, 3000])
@pytest.mark.parametrize(
    ("odd", "says"),
    [
        (("a", 1), "values without names"), ({None: ["a"]}, "more values than the header"), ({1: 1, "1": 2}, "twice"),
        ({"id": {1: 1, "1": 2}}, "twice"), ({"\ud800": 1}, "surrogate"),
    ],
)  # fmt: skip
def test_a_faulty_row_is_named_by_its_number(odd: Any, says: str, row: int) -> None:
    rows: list[Any] = [{"id": "a"}] * 4000
    rows[row] = odd
    for source in (rows, iter(rows)):
        with pytest.raises(SourceError, match=rf"row {row + 1}\b.*{says}"):
            open_source(source)


@pytest.mark.parametrize("rows", [1, 63, 64, 65, 40_000])
def test_columns_of_objects_stay_beside_columns_in_chunks(rows: int) -> None:
    """Arrays are made of the objects piece by piece, the other columns have chunks of their own."""
    numbers = list(range(rows))
    pieces = [pa.array(numbers[at : at + 999], pa.int64()) for at in range(0, rows, 999)]
    texts = np.array([None if n % 7 == 3 else f"é{n}" for n in numbers], dtype=object)
    texts[-1] = HALF
    mixed = [n if n % 3 else f"n{n}" for n in numbers]
    frame = pd.DataFrame({"n": pd.array(pa.chunked_array(pieces), dtype=pd.ArrowDtype(pa.int64()))})
    frame["text"], frame["mixed"] = pd.Series(texts, dtype=object), pd.Series(mixed, dtype=object)
    columns = {"n": pa.chunked_array(pieces), "text": texts, "mixed": mixed}
    for source in (frame, columns):
        chunks = list(open_source(source))
        found = pa.Table.from_batches([chunk.records for chunk in chunks])
        assert found.column("n").to_pylist() == numbers
        assert found.column("text").to_pylist() == [*texts[:-1], None]
        assert found.column("mixed").to_pylist() == [str(value) for value in mixed]
        assert [finding.rows.tolist() for chunk in chunks for finding in chunk.issues] == [[rows]]
        assert max(map(len, chunks)) <= 36_864


ZONE = ZoneInfo("Europe/Berlin")
NIGHT = datetime.datetime(2024, 10, 27, 2, 30, tzinfo=ZONE)


@pytest.mark.parametrize(
    "values",
    [
        [1.5, 2.5], [0.1, None], [1.0, None, 2.0], [2.0**60, None], [float("nan"), 1.5], [1.5, pd.NaT], [1.5, pd.NA],
        [NIGHT, NIGHT.replace(fold=1), None], [NIGHT.replace(tzinfo=None), pd.NaT], [pd.Timestamp(NIGHT), NIGHT],
        [NIGHT, NIGHT.replace(tzinfo=ZoneInfo("America/New_York"))], [NIGHT, NIGHT.replace(tzinfo=None)],
        [datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59, 999999)],
        [NIGHT.astimezone(datetime.timezone(datetime.timedelta(hours=2)))], [pd.NaT], [None],
    ],
)  # fmt: skip
def test_pandas_columns_of_objects_hold_the_instants_and_numbers_that_are_in_them(values: list[Any]) -> None:
    stream = open_source(pd.DataFrame({"a": pd.Series(values, dtype=object), "row": 1}))
    found = next(chunk.records.column(0) for chunk in stream.chunks()).to_pylist()
    gone = [pd.isna(value) for value in values]
    assert [value is None for value in found] == gone
    for value, read in zip(values, found, strict=True):
        if isinstance(value, float) and read is not None:
            assert read == value
        elif isinstance(value, datetime.datetime) and read is not None:
            moment = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
            read = datetime.datetime.fromisoformat(read) if isinstance(read, str) else read
            read = read if read.tzinfo else read.replace(tzinfo=datetime.UTC)
            assert abs(read.astimezone(datetime.UTC) - moment.astimezone(datetime.UTC)) < datetime.timedelta(
                milliseconds=1
            )
