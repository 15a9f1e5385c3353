"""One table of every type, from every kind of source that can carry it, to JSON, Parquet and a patch.

What is expected are the Python values below; what was written is read back by Python's `json` and by DuckDB.
"""

from __future__ import annotations

import bz2
import csv
import datetime as dt
import gzip
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import fsspec
import numpy as np
import openpyxl
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from remote_kit import put, s3_server, send, web_server

import xdmprep as xp
from xdmprep.pipeline.upsert import write_patch

BERLIN, UTC = ZoneInfo("Europe/Berlin"), dt.UTC
D = Decimal


def xdm(kind: str) -> dict[str, Any]:
    """The field of a type."""
    if kind.endswith("[]"):
        return {"type": "array", "items": xdm(kind[:-2])}
    if kind.startswith("map of "):
        return {"type": "object", "meta:xdmType": "map", "additionalProperties": xdm(kind[7:])}
    if kind == "object":
        return {"type": "object", "properties": {"city": xdm("string"), "size": xdm("long"), "tags": xdm("string[]")}}
    json_type = {"number": "number", "boolean": "boolean", "long": "integer"}.get(kind, "string")
    limits = {"minimum": -(2**63), "maximum": 2**63 - 1} if kind == "long" else {}
    format_ = {"format": kind} if kind in ("date", "date-time") else {}
    return {"type": json_type, "meta:xdmType": kind, **limits, **format_}


@dataclass(frozen=True)
class Column:
    """A column of the table; its last row has no value.

    Attributes:
        given: its values as Python has them.
        array: the same as Arrow has them.
        wanted: type of a field -> its values in the records, if the column is mapped to it.
    """

    given: list[Any]
    array: pa.Array
    wanted: dict[str, list[Any]]


def column(kind: str, type_: pa.DataType, given: list[Any], wanted: list[Any] | None = None, **more: Any) -> Column:
    fields = {kind: given if wanted is None else wanted, **{name.replace("_", "-"): more[name] for name in more}}
    return Column(
        [*given, None], pa.array([*given, None], type_), {name: [*some, None] for name, some in fields.items()}
    )


def numbers(kind: str, type_: pa.DataType, given: list[Any]) -> Column:
    """Numbers, which reach text with all their digits."""
    wanted = [float(value) for value in given] if kind == "number" else given
    made = [value if isinstance(value, int) else D(value) for value in given]
    return column(
        kind, type_, made, wanted, string=[format(value, "f") if isinstance(value, D) else str(value) for value in made]
    )


def encoded(kind: str, type_: pa.DataType, given: list[Any], wanted: list[Any] | None = None) -> Column:
    """A dictionary whose words hold a null, beside places that are null."""
    words = list(dict.fromkeys(value for value in given if value is not None))
    places = [0 if value is None else words.index(value) + 1 for value in given]
    array = pa.DictionaryArray.from_arrays(pa.array([*places, None], pa.int8()), pa.array([None, *words], type_))
    return Column([*given, None], array, {kind: [*(given if wanted is None else wanted), None]})


def run_ends(kind: str, type_: pa.DataType, given: list[Any]) -> Column:
    return Column([*given, None], pc.run_end_encode(pa.array([*given, None], type_)), {kind: [*given, None]})


def moments(unit: str, texts: list[str], zone: str | None = None) -> Column:
    """Times, of which records have the milliseconds; in a zone they have its days."""
    there = [dt.datetime.fromisoformat(text).replace(tzinfo=UTC) for text in texts]
    cut = [moment.replace(microsecond=moment.microsecond // 1000 * 1000) for moment in there]
    if zone is None:
        return column("date-time", pa.timestamp(unit), [moment.replace(tzinfo=None) for moment in there], cut)
    local = [moment.astimezone(ZoneInfo(zone)) for moment in there]
    return column("date-time", pa.timestamp(unit, zone), local, cut, date=[moment.date() for moment in local])


def as_map(value: dict[str, Any] | None) -> list[tuple[str, Any]] | None:
    return None if value is None else list(value.items())


def maps(kind: str, type_: pa.DataType, given: list[Any]) -> Column:
    array = pa.array([*map(as_map, given), None], pa.map_(pa.string(), type_))
    return Column([*given, None], array, {f"map of {kind}": [*given, None]})


TEXTS = ['O\'Hara, "Žluť"', "007", "line\nbreak 🎈", " 1e5 ", "NULL"]
DAYS = [dt.date(1, 1, 1), dt.date(9999, 12, 31), dt.date(1969, 12, 31), dt.date(2024, 2, 29), dt.date(1970, 1, 1)]
CLOCKS = [dt.time(0, 0, 0), dt.time(23, 59, 59), dt.time(1, 2, 3), dt.time(12, 30, 0), dt.time(7, 0, 1)]
SECONDS = [
    "1969-12-31T23:59:59",
    "2024-03-31T00:59:59",
    "2024-03-31T01:00:00",
    "1970-01-01T00:00:00",
    "2262-04-11T23:30:00",
]
MILLIS, MICROS = [f"{text}.123" for text in SECONDS], [f"{text}.987654" for text in SECONDS]
LATE = [
    "2024-01-01T22:30:00",
    "2024-01-01T23:30:00",
    "2024-06-30T21:59:59",
    "2024-06-30T22:00:00",
    "1969-12-31T23:00:00",
]
PLACES = [
    {"city": "Praha", "size": 2**62 + 1, "tags": ["a", "b"]},
    {"city": "Brno", "size": None, "tags": None},
    None,
    {"city": None, "size": -1, "tags": ["c"]},
    {"city": "Olomouc", "size": 0, "tags": ["d", "e", "f"]},
]
PLACE = pa.struct([("city", pa.string()), ("size", pa.int64()), ("tags", pa.list_(pa.string()))])
POINTS = [{"a": 1.5, "b": -2.0}, {"c": 0.1}, None, {"a": 3.0}, {"Žluť d": 1e300}]
DOUBLES = [0.1, 1e300, -2.5, 5e-324, 123456789.125]

TABLE: dict[str, Column] = {
    "truth": column("boolean", pa.bool_(), [True, False, None, True, False]),
    "int8": numbers("long", pa.int8(), [-128, 127, 0, 1, -1]),
    "int16": numbers("long", pa.int16(), [-(2**15), 2**15 - 1, 0, 1, -1]),
    "int32": numbers("long", pa.int32(), [-(2**31), 2**31 - 1, 0, 1, -1]),
    "int64": numbers("long", pa.int64(), [-(2**63), 2**63 - 1, 0, 2**53 + 1, -1]),
    "uint8": numbers("long", pa.uint8(), [0, 255, 1, 2, 3]),
    "uint16": numbers("long", pa.uint16(), [0, 2**16 - 1, 1, 2, 3]),
    "uint32": numbers("long", pa.uint32(), [0, 2**32 - 1, 1, 2, 3]),
    "uint64": column(
        "string", pa.uint64(), [0, 2**64 - 1, 1, 2**53 + 1, 3], [str(n) for n in (0, 2**64 - 1, 1, 2**53 + 1, 3)]
    ),
    "whole": numbers("long", pa.uint64(), [0, 2**63 - 1, 1, 2**53 + 1, 3]),
    "huge": column(
        "string",
        pa.decimal128(38, 0),
        [10**37 + 1, -(2**70), 1, 2**64, 3],
        [str(n) for n in (10**37 + 1, -(2**70), 1, 2**64, 3)],
    ),
    "float16": column("number", pa.float16(), [1.5, -0.25, 65504.0, 0.0, 6e-08]),
    "float32": column("number", pa.float32(), [0.1, 1e30, -2.5, 0.0, 3.0]),
    "float64": column("number", pa.float64(), DOUBLES),
    "decimal32": numbers(
        "number", pa.decimal32(9, 2), [D("7712.48"), D("-0.07"), D("1.10"), D("0.01"), D("9999999.99")]
    ),
    "decimal64": numbers(
        "number",
        pa.decimal64(18, 4),
        [D("77712.4800"), D("-0.0007"), D("1.1000"), D("0.0001"), D("99999999999999.9999")],
    ),
    "decimal128": numbers("number", pa.decimal128(38, 10), [D(f"{n}.0123456789") for n in (0, 10**27, -5, 7, 1)]),
    "decimal256": numbers(
        "number", pa.decimal256(76, 20), [D(f"{n}.00000000000000000001") for n in (1, 10**55, -5, 7, 2)]
    ),
    "text": column("string", pa.string(), TEXTS),
    "large_text": column("string", pa.large_string(), TEXTS),
    "text_view": column("string", pa.string_view(), TEXTS),
    "date32": column("date", pa.date32(), DAYS),
    "date64": column("date", pa.date64(), DAYS),
    "time32": column("string", pa.time32("s"), CLOCKS, list(map(str, CLOCKS))),
    "time64": column("string", pa.time64("ns"), CLOCKS, list(map(str, CLOCKS))),
    "seconds": moments("s", SECONDS),
    "millis": moments("ms", MILLIS),
    "micros": moments("us", MICROS),
    "nanos": moments("ns", MICROS),
    "seconds_utc": moments("s", SECONDS, "UTC"),
    "millis_berlin": moments("ms", LATE, "Europe/Berlin"),
    "micros_new_york": moments("us", MICROS, "America/New_York"),
    "nanos_kolkata": moments("ns", LATE, "Asia/Kolkata"),
    "words": encoded("string", pa.string(), ["x", None, "y", "x", "y"]),
    "large_words": encoded("string", pa.large_string(), ["x", None, "y", "x", "y"]),
    "number_words": encoded("long", pa.int64(), [2**60 + 1, None, 7, 7, 2**60 + 1]),
    "date_words": encoded("date", pa.date32(), [DAYS[0], None, DAYS[1], DAYS[0], DAYS[1]]),
    "decimal_words": encoded(
        "number",
        pa.decimal128(9, 2),
        [D("7712.48"), None, D("0.07"), D("0.07"), D("1.10")],
        [7712.48, None, 0.07, 0.07, 1.1],
    ),
    "truth_words": encoded("boolean", pa.bool_(), [True, None, False, True, False]),
    "text_runs": run_ends("string", pa.string(), ["x", "x", None, "y", "y"]),
    "number_runs": run_ends("long", pa.int32(), [5, 5, None, 7, 7]),
    "list": column("string[]", pa.list_(pa.string()), [["a", "b"], ["c"], None, ["d"], ["e", "f", "g"]]),
    "large_list": column("long[]", pa.large_list(pa.int16()), [[1, 2], [3], None, [-4], [5, 6, 7]]),
    "fixed_list": column(
        "number[]", pa.list_(pa.float32(), 2), [[1.5, 2.0], [3.0, 0.25], None, [-4.0, 1.0], [5.0, 6.0]]
    ),
    "list_view": column("string[]", pa.list_view(pa.string()), [["a", "b"], ["c"], None, ["d"], ["e", "f", "g"]]),
    "days": column("date[]", pa.list_(pa.date32()), [[DAYS[0]], DAYS[1:3], None, [DAYS[3]], DAYS]),
    "place": column("object", PLACE, PLACES),
    "places": column(
        "object[]", pa.list_(PLACE), [[PLACES[0]], [PLACES[1], PLACES[3]], None, [PLACES[4]], [PLACES[0]]]
    ),
    "points": maps("number", pa.float64(), POINTS),
    "visits": maps(
        "object", PLACE, [{"x": PLACES[0]}, {"y": PLACES[1], "z": PLACES[4]}, None, {"x": PLACES[3]}, {"w": PLACES[4]}]
    ),
    "nothing": column("string", pa.null(), [None] * 5),
}
IDS = [f"r{number}" for number in range(1, 7)]
#: Columns that no record can hold, and that no mapping reads.
UNREAD = {
    "bytes": pa.array([b"\xff", b"", None, b"x", b"y", None]),
    "length": pa.array([1, 2, None, 3, 4, 5], pa.duration("s")),
}


def table(names: Iterable[str] = TABLE, null_words: bool = False) -> pa.Table:
    """The table as Arrow has it.

    Args:
        names: the columns beside `id` and those that are not read.
        null_words: dictionaries may hold a null, which only Arrow itself takes.
    """
    columns = {"id": pa.array(IDS), **UNREAD}
    for name in names:
        made = TABLE[name].array
        if isinstance(made, pa.DictionaryArray) and not null_words:
            made = pa.array(TABLE[name].given, made.type.value_type).dictionary_encode()
        columns[name] = made
    return pa.table(columns)


def given_rows(names: list[str]) -> list[dict[str, Any]]:
    """The table as Python has it: a value that is absent is sometimes None and sometimes not there."""
    rows = [{"id": id_, **{name: TABLE[name].given[at] for name in names}} for at, id_ in enumerate(IDS)]
    return [{name: value for name, value in row.items() if at % 2 or value is not None} for at, row in enumerate(rows)]


def given_columns(names: list[str]) -> dict[str, list[Any]]:
    return {"id": IDS, **{name: TABLE[name].given for name in names}}


def as_text(value: Any) -> str | None:
    """A value as a CSV file has it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, dt.date | dt.time) else repr(value)


def as_json(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    return as_text(value) if isinstance(value, Decimal | dt.date | dt.time) else value


def table_rows(names: list[str]) -> list[list[str | None]]:
    """The header and the rows of a CSV file."""
    rows = [[id_, *(as_text(TABLE[name].given[at]) for name in names)] for at, id_ in enumerate(IDS)]
    return [["id", *names], *rows]


def row_bytes(row: list[str | None]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(row)
    return text.getvalue().encode()


def csv_bytes(names: list[str]) -> bytes:
    return b"".join(map(row_bytes, table_rows(names)))


def json_bytes(names: list[str], indent: int | None = None) -> bytes:
    return json.dumps([as_json(row) for row in given_rows(names)], indent=indent, ensure_ascii=False).encode()


def lines_bytes(names: list[str]) -> bytes:
    return "".join(json.dumps(as_json(row)) + "\n" for row in given_rows(names)).encode()


def parquet_bytes(names: list[str], **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table(names), sink, **options)
    return sink.getvalue()


def arrow_bytes(names: list[str], form: str, compression: str | None = None) -> bytes:
    """The table in Arrow's file or stream format, in batches of two rows."""
    sink = io.BytesIO()
    rows = table(names)
    new = pa.ipc.new_file if form == "file" else pa.ipc.new_stream
    with new(sink, rows.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(rows, max_chunksize=2)
    return sink.getvalue()


def feather_bytes(names: list[str]) -> bytes:
    sink = io.BytesIO()
    feather.write_feather(table(names), sink, compression="lz4")
    return sink.getvalue()


def wrote(file: Path, data: bytes) -> Path:
    file.write_bytes(data)
    return file


def file(name: str, data: Callable[[list[str]], bytes]) -> Callable[[list[str], Path], Path]:
    """A maker of files of a name."""
    return lambda names, folder: wrote(folder / name, data(names))


def zipped(folder: Path, name: str, data: bytes) -> Path:
    with zipfile.ZipFile(folder / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"export/{name}", data)
    return folder / f"{name}.zip"


def opened(folder: Path, name: str, data: bytes) -> Any:
    wrote(folder / name, data)
    return io.BufferedReader(io.BytesIO((folder / name).read_bytes()))


def in_memory(names: list[str], _: Path) -> str:
    fsspec.filesystem("memory").pipe("/matrix/a.parquet", parquet_bytes(names))
    return "memory://matrix/a.parquet"


def halves(folder: Path, names: list[str]) -> Path:
    """The table as files that begin with unlike columns."""
    made = folder / "halves"
    made.mkdir()
    whole = table(names)
    pq.write_table(whole.slice(0, 2), made / "a.parquet")
    pq.write_table(whole.slice(2).select(whole.column_names[::-1]), made / "b.parquet")
    return made


def parts(folder: Path, names: list[str], ending: str) -> Path:
    """The rows in two files of text, the second compressed; its folder's name gives no column, its own are turned."""
    rows = lines_bytes(names).splitlines(keepends=True)
    (folder / "parts" / "day=1").mkdir(parents=True)
    if ending == "csv":
        head, *rest = table_rows(names)
        first = b"".join(map(row_bytes, [head, *rest[:2]]))
        second = b"".join(row_bytes(row[::-1]) for row in [head, *rest[2:]])
    else:
        first, second = b"".join(rows[:2]), b"".join(rows[2:])
    wrote(folder / "parts" / f"a.{ending}", first)
    wrote(folder / "parts" / "day=1" / f"b.{ending}.gz", gzip.compress(second))
    return folder / "parts"


def book(names: list[str]) -> bytes:
    made = openpyxl.Workbook()
    made.active.append(["id", *names])
    for at, id_ in enumerate(IDS):
        made.active.append([id_, *(cell(TABLE[name].given[at]) for name in names)])
        for cell_ in made.active[at + 2]:
            if isinstance(cell_.value, dt.datetime):
                cell_.number_format = "yyyy-mm-dd hh:mm:ss"
    sink = io.BytesIO()
    made.save(sink)
    return sink.getvalue()


def cell(value: Any) -> Any:
    """A value as somebody types it into a sheet, whose numbers are doubles and whose calendar begins in 1900."""
    if isinstance(value, int) and abs(value) > 2**53:
        return str(value)
    if isinstance(value, Decimal) or (isinstance(value, dt.date) and value.year < 1900):
        return as_text(value)
    return value


class Exported:
    """An object that exports one of Arrow's C interfaces and nothing else."""

    def __init__(self, data: Any, name: str) -> None:
        setattr(type(self), name, property(lambda self: getattr(data, name)))


def stream(data: pa.Table) -> Any:
    return type("Stream", (Exported,), {})(data, "__arrow_c_stream__")


def c_array(data: pa.Table) -> Any:
    return type("Array", (Exported,), {})(data.combine_chunks().to_batches()[0], "__arrow_c_array__")


NULLABLE = {
    pa.bool_(): pd.BooleanDtype(),
    pa.string(): pd.StringDtype(),
    pa.large_string(): pd.StringDtype(),
    pa.float32(): pd.Float32Dtype(),
    pa.float64(): pd.Float64Dtype(),
    **{getattr(pa, name)(): getattr(pd, f"{name.capitalize()}Dtype")() for name in ("int8", "int16", "int32", "int64")},
    **{getattr(pa, name)(): getattr(pd, f"UI{name[2:]}Dtype")() for name in ("uint8", "uint16", "uint32", "uint64")},
}


def numpy_frame(names: list[str]) -> pd.DataFrame:
    """pandas' own types; integers with gaps would become doubles, so that they stay Python's."""
    return table(names).to_pandas(
        integer_object_nulls=True, maps_as_pydicts="strict", coerce_temporal_nanoseconds=False
    )


def polars_frame(names: list[str]) -> pl.DataFrame:
    made = pl.from_arrow(table(names))
    assert isinstance(made, pl.DataFrame)
    return made.with_columns(
        pl.Series("words", TABLE["words"].given, dtype=pl.Enum(["x", "y"])),
        pl.Series("large_words", TABLE["large_words"].given, dtype=pl.Categorical),
        pl.Series("huge", [value and int(value) for value in TABLE["huge"].given], dtype=pl.Int128),
    )


def duck(names: list[str]) -> Any:
    rows = table(names)
    return duckdb.connect().from_arrow(rows)


SCALARS = [name for name, one in TABLE.items() if not pa.types.is_nested(one.array.type) or name.endswith("_runs")]
ZONED = [name for name, one in TABLE.items() if getattr(one.array.type, "tz", None)]
RUNS = ["text_runs", "number_runs"]


def all_but(*without: str, names: Iterable[str] = TABLE) -> list[str]:
    return [name for name in names if name not in without]


@dataclass(frozen=True)
class Kind:
    """A kind of source.

    Attributes:
        source: makes one of some columns, in a folder.
        names: the columns that it can carry.
    """

    source: Callable[[list[str], Path], Any]
    names: list[str]


PARQUET = all_but(*RUNS)
BOOK = all_but(*ZONED, "micros", "nanos", "float16", "float32", names=SCALARS)
KINDS: dict[str, Kind] = {
    "Arrow table": Kind(lambda names, _: table(names, null_words=True), all_but()),
    "Arrow batch": Kind(lambda names, _: table(names, null_words=True).to_batches()[0], all_but()),
    "Arrow reader": Kind(lambda names, _: table(names, null_words=True).to_reader(max_chunksize=2), all_but()),
    "Arrow dataset": Kind(lambda names, folder: ds.dataset(halves(folder, names)), PARQUET),
    "Arrow dataset in memory": Kind(lambda names, _: ds.dataset(table(names, null_words=True)), all_but()),
    "Arrow scanner": Kind(lambda names, folder: ds.dataset(halves(folder, names)).scanner(batch_size=2), PARQUET),
    "Arrow C stream": Kind(lambda names, _: stream(table(names, null_words=True)), all_but()),
    "Arrow C array": Kind(lambda names, _: c_array(table(names, null_words=True)), all_but()),
    "pandas, numpy types": Kind(lambda names, _: numpy_frame(names), all_but()),
    "pandas, nullable types": Kind(
        lambda names, _: table(names).to_pandas(
            types_mapper=NULLABLE.get, integer_object_nulls=True, maps_as_pydicts="strict"
        ),
        all_but(),
    ),
    "pandas, pyarrow types": Kind(
        lambda names, _: table(names, null_words=True).to_pandas(types_mapper=pd.ArrowDtype), all_but()
    ),
    "pandas, objects": Kind(lambda names, _: pd.DataFrame(given_columns(names), dtype=object), all_but()),
    "polars": Kind(lambda names, _: polars_frame(names), all_but("decimal256", "list_view", *RUNS)),
    "polars, lazy": Kind(lambda names, _: polars_frame(names).lazy(), all_but("decimal256", "list_view", *RUNS)),
    "DuckDB": Kind(lambda names, _: duck(names), all_but("float16", "decimal256")),
    "dict of lists": Kind(lambda names, _: given_columns(names), all_but()),
    "dict of arrays": Kind(
        lambda names, _: {name: np.array(some, object) for name, some in given_columns(names).items()}, SCALARS
    ),
    "tuple of dicts": Kind(lambda names, _: tuple(given_rows(names)), all_but()),
    "list of dicts": Kind(lambda names, _: given_rows(names), all_but()),
    "generator of dicts": Kind(lambda names, _: iter(given_rows(names)), all_but()),
    "CSV": Kind(file("a.csv", csv_bytes), SCALARS),
    "JSON array": Kind(file("a.json", json_bytes), all_but()),
    "pretty JSON array": Kind(file("a.json", partial(json_bytes, indent=2)), all_but()),
    "JSON lines": Kind(file("a.jsonl", lines_bytes), all_but()),
    "Parquet": Kind(file("a.parquet", parquet_bytes), PARQUET),
    "Parquet with int96": Kind(
        file("a.parquet", partial(parquet_bytes, use_deprecated_int96_timestamps=True)), PARQUET
    ),
    "Parquet without Arrow's schema": Kind(
        file("a.parquet", partial(parquet_bytes, store_schema=False, version="1.0")), PARQUET
    ),
    "Arrow file": Kind(file("a.arrow", partial(arrow_bytes, form="file")), all_but()),
    "Arrow file, compressed": Kind(
        file("a.ipc", partial(arrow_bytes, form="file", compression="zstd")), all_but(*RUNS)
    ),
    "Arrow stream in a file": Kind(file("a", partial(arrow_bytes, form="stream", compression="lz4")), all_but(*RUNS)),
    "Feather": Kind(file("a.feather", feather_bytes), all_but(*RUNS)),
    "BytesIO of an Arrow stream": Kind(lambda names, _: io.BytesIO(arrow_bytes(names, "stream")), all_but()),
    "gzip of an Arrow file": Kind(
        file("a.arrow.gz", lambda names: gzip.compress(arrow_bytes(names, "file"))), all_but()
    ),
    "folder of Parquet": Kind(lambda names, folder: halves(folder, names), PARQUET),
    "folder of CSV": Kind(lambda names, folder: parts(folder, names, "csv"), SCALARS),
    "folder of JSON lines": Kind(lambda names, folder: parts(folder, names, "jsonl"), all_but()),
    "glob": Kind(lambda names, folder: str(halves(folder, names) / "?.parquet"), PARQUET),
    "list of tables": Kind(
        lambda names, _: [table(names, null_words=True).slice(at, 2) for at in (0, 2, 4)], all_but()
    ),
    "list of paths": Kind(lambda names, folder: sorted(halves(folder, names).iterdir()), PARQUET),
    "Excel": Kind(file("a.xlsx", book), BOOK),
    "gzip of CSV": Kind(file("a.csv.gz", lambda names: gzip.compress(csv_bytes(names))), SCALARS),
    "Zstandard of JSON": Kind(
        file("a.json.zst", lambda names: pa.compress(json_bytes(names), "zstd", asbytes=True)), all_but()
    ),
    "bzip2 of JSON lines": Kind(file("a.jsonl.bz2", lambda names: bz2.compress(lines_bytes(names))), all_but()),
    "Zstandard of CSV": Kind(
        file("a.csv.zst", lambda names: pa.compress(csv_bytes(names), "zstd", asbytes=True)), SCALARS
    ),
    "zip of CSV": Kind(lambda names, folder: zipped(folder, "a.csv", csv_bytes(names)), SCALARS),
    "URL of a local file": Kind(lambda names, folder: file("a.csv", csv_bytes)(names, folder).as_uri(), SCALARS),
    "text in memory": Kind(lambda names, _: io.StringIO(csv_bytes(names).decode(), newline=""), SCALARS),
    "zip of Parquet": Kind(lambda names, folder: zipped(folder, "a.parquet", parquet_bytes(names)), PARQUET),
    "BytesIO of CSV": Kind(lambda names, _: io.BytesIO(csv_bytes(names)), SCALARS),
    "BytesIO of Parquet": Kind(lambda names, _: io.BytesIO(parquet_bytes(names)), PARQUET),
    "open file of JSON lines": Kind(lambda names, folder: opened(folder, "a", lines_bytes(names)), all_but()),
    "standard input": Kind(lambda names, _: "-", all_but()),
    "S3": Kind(lambda names, _: "s3://acme/a.parquet", PARQUET),
    "folder in S3": Kind(lambda names, _: "s3://acme/two/", all_but()),
    "HTTP": Kind(lambda names, _: f"{ADDRESSES['web']}/a.jsonl?key=secret", all_but()),
    "fsspec": Kind(in_memory, PARQUET),
}
#: The kinds whose columns no other kind has: another packing or place changes none.
COLUMNS = [
    kind
    for kind in KINDS
    if not kind.startswith(
        ("gzip", "zip", "bzip2", "Zstandard", "URL", "S3", "folder", "HTTP", "fsspec", "glob", "pretty")
    )
]
#: Where the servers of a run are.
ADDRESSES: dict[str, str] = {}


#: Kinds that have instants, but no zones.
INSTANTS = ("DuckDB", "Parquet with int96", "Parquet without Arrow's schema")


def place_of(name: str, kind: str) -> str:
    return f"{name}_{kind}".replace(" ", "_").replace("-", "_").replace("[]", "_list")


FIELDS = {place_of(name, kind): (name, kind) for name, one in TABLE.items() for kind in one.wanted}
SCHEMA = xp.Schema.from_dict(
    {
        "$id": "https://ns.adobe.com/acme/schemas/matrix",
        "title": "Matrix",
        "type": "object",
        "version": "1.0",
        "meta:class": "https://ns.adobe.com/xdm/context/profile",
        "meta:extends": ["https://ns.adobe.com/xdm/context/profile", "https://ns.adobe.com/xdm/data/record"],
        "properties": {
            "identityMap": {
                "type": "object",
                "additionalProperties": {
                    "type": "array",
                    "items": {"type": "object", "properties": {"id": xdm("string"), "primary": xdm("boolean")}},
                },
            },
            "_acme": {"type": "object", "properties": {place: xdm(kind) for place, (_, kind) in FIELDS.items()}},
        },
    }
)


def mapping_of(names: list[str]) -> dict[str, str]:
    identity = {"identityMap.CRM[0].id": "id", "identityMap.CRM[0].primary": "true"}
    return identity | {f"_acme.{place}": name for place, (name, _) in FIELDS.items() if name in names}


def expected(kind: str, names: list[str]) -> list[dict[str, Any]]:
    """The records: what has no value is absent."""
    records = []
    for at, id_ in enumerate(IDS):
        record: dict[str, Any] = {"id": id_}
        for place, (name, field) in FIELDS.items():
            value = TABLE[name].wanted[field][at]
            if kind in INSTANTS and field == "date" and name in ZONED and value is not None:
                value = TABLE[name].wanted["date-time"][at].date()
            if name in names and value is not None:
                record[place] = present(value)
        records.append(record)
    return records


def present(value: Any) -> Any:
    """A value without what is absent in it."""
    if isinstance(value, dict):
        return {key: present(item) for key, item in value.items() if item is not None}
    return [present(item) for item in value] if isinstance(value, list) else value


def typed(value: Any, kind: str) -> Any:
    """A value of a file as its field's type has it; absent is absent, not null."""
    if kind.endswith("[]"):
        return [typed(item, kind[:-2]) for item in value]
    if kind.startswith("map of "):
        return {key: typed(item, kind[7:]) for key, item in dict(value).items()}
    if kind == "date" and isinstance(value, str):
        return dt.date.fromisoformat(value)
    if kind == "date-time":
        return (dt.datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(UTC)
    return value


def written(folder: Path) -> list[dict[str, Any]]:
    """The records in a folder, of JSON read by Python, of Parquet by DuckDB, whose nulls are columns and no values."""
    records: list[dict[str, Any]] = []
    for part in sorted(folder.glob("part-*")):
        if part.suffix == ".json":
            records += [json.loads(line) for line in part.read_text(encoding="utf-8").splitlines()]
        else:
            records += map(without_nulls, duckdb.read_parquet(str(part)).to_arrow_table().to_pylist())
    found = []
    for record in records:
        identity = dict(record["identityMap"])["CRM"]
        assert identity[0].pop("primary") is True
        values = {place: typed(value, FIELDS[place][1]) for place, value in record.get("_acme", {}).items()}
        found.append({"id": identity[0]["id"], **values})
    return found


def without_nulls(value: Any) -> Any:
    """A struct that DuckDB read without the columns that are null; entries of maps are pairs, and stay."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, tuple):
        return (value[0], without_nulls(value[1]))
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def servers() -> Iterator[None]:
    def answer(handler: Any) -> None:
        send(handler, 200, lines_bytes(all_but()))

    with s3_server() as s3, web_server(answer) as web:
        put(s3, "a.parquet", parquet_bytes(PARQUET))
        rows = lines_bytes(all_but()).splitlines(keepends=True)
        put(s3, "two/a.jsonl", b"".join(rows[:2]))
        put(s3, "two/b.jsonl", b"".join(rows[2:]))
        ADDRESSES.update(s3=s3, web=web)
        yield


@pytest.fixture(autouse=True)
def _reached(servers: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ENDPOINT_URL": ADDRESSES["s3"], "ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines_bytes(all_but()))))


@pytest.mark.parametrize("format", ["json", "parquet"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_source_gives_the_same_records(tmp_path: Path, kind: str, format: str) -> None:
    made = KINDS[kind]
    source = made.source(made.names, tmp_path)
    out = tmp_path / "out"
    result = xp.prepare(source, mapping_of(made.names), SCHEMA, out, format=format, rules="batch")
    assert (result.rows, result.written, result.rejected) == (6, 6, 0)
    assert written(out) == expected(kind, made.names)
    if kind != "Excel":  # which tells of large numbers
        assert not result.report.issues.num_rows


@pytest.mark.parametrize("kind", COLUMNS)
def test_every_kind_of_source_gives_the_same_patch(tmp_path: Path, kind: str) -> None:
    """From nothing but identities to the table; and nothing between two kinds of source of one table."""
    made = KINDS[kind]
    empty = pa.table({"id": IDS, **{name: pa.nulls(6) for name in made.names}})
    mapping = mapping_of(made.names)
    with_values = made.source(made.names, tmp_path)
    write_patch(empty, with_values, SCHEMA, tmp_path / "out", mapping=mapping)
    assert written(tmp_path / "out") == [record for record in expected(kind, made.names) if len(record) > 1]
    if kind not in (*INSTANTS, "standard input"):
        again = KINDS["list of dicts"].source(made.names, tmp_path)
        (tmp_path / "more").mkdir()
        same = xp.diff(again, made.source(made.names, tmp_path / "more"), SCHEMA, mapping=mapping)
        assert same.to_pylist() == []
