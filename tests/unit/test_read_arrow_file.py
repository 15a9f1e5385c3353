"""Arrow files and streams as sources: told by their bytes, damaged ones refused, one batch in memory at a time."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

import xdmprep as xp
from xdmprep.errors import XdmPrepError
from xdmprep.read import open_source

SCHEMA = xp.Schema.from_dict({
    "$id": "https://ns.adobe.com/acme/schemas/arrow-file", "title": "A", "type": "object", "version": "1.0",
    "meta:class": "https://ns.adobe.com/xdm/context/profile",
    "properties": {
        "_id": {"type": "string", "meta:xdmType": "string"}, "n": {"type": "integer", "meta:xdmType": "int"},
    },
})  # fmt: skip
ROWS = pa.table({"_id": ["a", "b", "c"], "n": [1, 2, 3]})


def written(file: Path, rows: pa.Table, stream: bool = False, compression: str | None = None, size: int = 2) -> Path:
    new = pa.ipc.new_stream if stream else pa.ipc.new_file
    with new(str(file), rows.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(rows, max_chunksize=size)
    return file


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ["a.arrow", "a.csv", "a.json", "a"])
def test_bytes_tell_an_arrow_file_under_any_name(tmp_path: Path, name: str, stream: bool) -> None:
    file = written(tmp_path / name, ROWS, stream)
    assert open_source(file).to_pylist() == ROWS.to_pylist()
    assert xp.validate(file, SCHEMA).headline() == xp.validate(ROWS, SCHEMA).headline().replace("data", name, 1)
    changed = written(tmp_path / f"new-{name}", pa.table({"_id": ["a", "b", "c"], "n": [1, 5, 3]}), stream)
    assert xp.diff(file, changed, SCHEMA, on="_id").to_pylist() == [{"_id": "b", "n": 5}]


def test_records_that_break_the_schema_are_found_in_arrow_files(tmp_path: Path) -> None:
    file = written(tmp_path / "a.arrow", pa.table({"_id": ["a", "b"], "n": ["1", "2"]}))
    assert xp.validate(file, SCHEMA).invalid == 2


def test_text_that_is_not_utf8_concerns_its_row_alone(tmp_path: Path) -> None:
    data = pa.array([b"ok", b"\xff", None, b"fine"])
    broken = pa.table({"_id": data.view(pa.string())})
    found = open_source(written(tmp_path / "a.arrow", broken)).to_pylist()
    assert found == [{"_id": "ok"}, {}, {}, {"_id": "fine"}]


def test_inner_text_that_is_not_utf8_concerns_its_row_alone(tmp_path: Path) -> None:
    texts = pa.array([b"\xff", b"ok"]).view(pa.string())
    inner = pa.StructArray.from_arrays([texts, pa.array(["x", "y"])], ["t", "n"])
    lists = pa.ListArray.from_arrays([0, 1, 2], inner)
    large = pa.LargeListArray.from_arrays([0, 1, 2], inner)
    maps = pa.MapArray.from_arrays([0, 1, 2], pa.array(["a", "b"]), inner)
    for column in (inner, lists, large, maps):
        table = pa.table({"_id": ["1", "2"], "o": column})
        found = xp.validate(written(tmp_path / "a.arrow", table), SCHEMA).issues.to_pylist()
        assert [issue["row"] for issue in found if issue["code"] == "unfit"] == [1]


def test_a_dictionary_may_be_empty_behind_nulls(tmp_path: Path) -> None:
    kind = pa.struct([("w", pa.dictionary(pa.int8(), pa.string()))])
    empty = pa.table(
        {"_id": ["a", "b"], "s": pa.array([None, None], kind), "l": pa.array([[None], []], pa.list_(kind))}
    )
    assert [row["_id"] for row in open_source(written(tmp_path / "a.arrow", empty)).to_pylist()] == ["a", "b"]


def test_files_without_rows_are_refused(tmp_path: Path) -> None:
    for stream in (False, True):
        with pytest.raises(XdmPrepError, match="has no rows"):
            open_source(written(tmp_path / "a.arrow", ROWS.slice(0, 0), stream))


DEEP = pa.struct([("w", pa.dictionary(pa.int8(), pa.string())), ("t", pa.large_list(pa.string()))])


@pytest.mark.parametrize("compression", [None, "lz4"])
@pytest.mark.parametrize("stream", [False, True])
def test_damaged_files_are_read_or_refused_in_one_sentence(
    tmp_path: Path, stream: bool, compression: str | None
) -> None:
    """Whatever bytes are changed or missing: Arrow itself trusts them, and reads memory that is not its own."""
    rows = pa.table({
        "_id": ["a", "žluť", None], "n": pa.array([1, None, 3], pa.int64()),
        "w": pa.array(["x", "y", "x"]).dictionary_encode(), "l": [[1, 2], None, []],
        "d": [Decimal("1.50"), None, Decimal("-2.25")], "s": [{"a": "b"}, {"a": None}, None],
        "t": pa.array([dt.datetime(2024, 1, 1), None, None], pa.timestamp("ms", "Europe/Prague")),
        "m": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int32())),
        "v": pa.array(["a" * 40, "b", None], pa.string_view()),
        "o": pa.array([[{"w": "x", "t": ["y"]}, None], None, [{"w": None, "t": []}]], pa.list_(DEEP)),
    })  # fmt: skip
    whole = written(tmp_path / "whole", rows, stream, compression).read_bytes()
    file = tmp_path / "a.arrow"
    dice = random.Random(7)
    refused = 0
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(dice.choice([1, 1, 3])):
            data[dice.randrange(len(data))] = dice.randrange(256)
        file.write_bytes(data[: dice.choice([len(data), len(data), dice.randrange(len(data))])])
        try:
            result = xp.prepare(file, {"_id": "_id", "n": "n"}, SCHEMA, tmp_path / "out", overwrite=True)
            assert result.rows == result.written + result.rejected
        except XdmPrepError as error:
            refused += 1
            assert "\n" not in str(error).strip()
    assert refused > 30
