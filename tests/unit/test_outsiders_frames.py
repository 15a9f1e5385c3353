"""What people bring as a source: each kind is read right, or refused in one sentence before anything is written."""

from __future__ import annotations

import collections
import csv
import dataclasses
import datetime as dt
import decimal
import fractions
import io
import ipaddress
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import xdmprep as xp
from xdmprep.errors import SourceError

TABLE = pa.table({"id": ["1", "2"], "v": ["x", "y"]})
ROWS = TABLE.to_pylist()
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)
SCHEMA = xp.Schema.from_dict({
    "$id": "https://ns.example.com/o", "type": "object",
    "properties": {"id": {"type": "string"}, "v": {"type": "string"}},
})  # fmt: skip
Named = collections.namedtuple("Named", "id v")


@dataclasses.dataclass
class Person:
    id: str
    v: str


class Foreign:
    """An object of a library that raises errors of its own."""

    def __init__(self, way: str) -> None:
        self.__dict__[way] = self.fail

    def fail(self, *_: object) -> None:
        raise LookupError("gone")


class Model:
    """As pydantic's."""

    def __init__(self, **values: str) -> None:
        self.values = values

    def model_dump(self) -> dict[str, str]:
        return self.values


class Rows:
    """An iterable that is no iterator."""

    def __iter__(self) -> Iterator[Any]:
        return iter(ROWS)


def cursor(factory: Any = None) -> sqlite3.Cursor:
    opened = sqlite3.connect(":memory:")
    opened.row_factory = factory
    return opened.execute("select '1' id, 'x' v union select '2', 'y'")


def parquet() -> io.BytesIO:
    pq.write_table(TABLE, file := io.BytesIO())
    return file


def failing(items: list[Any]) -> Iterator[Any]:
    yield from items
    raise ValueError("the connection is gone")


async def later() -> Any:
    yield ROWS[0]


READ: dict[str, Callable[[], Any]] = {
    "named tuples": lambda: [Named("1", "x"), Named("2", "y")],
    "generator of named tuples": lambda: (Named(**row) for row in ROWS),
    "itertuples": lambda: TABLE.to_pandas().itertuples(),
    "dataclasses": lambda: [Person(**row) for row in ROWS],
    "models": lambda: (Model(**row) for row in ROWS),
    "sqlite3.Row": lambda: cursor(sqlite3.Row).fetchall(),
    "cursor of sqlite3.Row": lambda: cursor(sqlite3.Row),
    "cursor of tuples": cursor,
    "csv.DictReader": lambda: csv.DictReader(["id,v", "1,x", "2,y"]),
    "deque": lambda: collections.deque(ROWS),
    "values of a dict": lambda: dict(enumerate(ROWS)).values(),
    "iterable": Rows,
    "structured array": lambda: np.array([("1", "x"), ("2", "y")], dtype=[("id", "U3"), ("v", "U3")]),
    "list of batches": lambda: TABLE.to_batches(1),
    "generator of batches": lambda: (batch for batch in TABLE.to_batches(1)),
    "list of tables": lambda: [TABLE.slice(0, 1), TABLE.slice(1)],
    "generator of pandas": lambda: (TABLE.slice(at, 1).to_pandas() for at in range(2)),
    "generator of polars": lambda: (pl.DataFrame(TABLE.slice(at, 1)) for at in range(2)),
    "chunks of pandas": lambda: pd.read_csv(io.StringIO("id,v\n1,x\n2,y\n"), dtype=str, chunksize=1),
    "JSON chunks of pandas": lambda: pd.read_json(io.StringIO(LINES), lines=True, dtype=False, chunksize=1),
    "chunks with an empty one": lambda: iter([TABLE, TABLE.slice(0, 0)]),
    "columns in another order": lambda: [TABLE.slice(0, 1), TABLE.slice(1).select(["v", "id"])],
    "sparse": lambda: pd.DataFrame({"id": ["1", "2"], "v": pd.arrays.SparseArray(["x", "y"], dtype=object)}),
    "enum": lambda: pl.DataFrame({"id": ["1", "2"], "v": pl.Series(["x", "y"], dtype=pl.Enum(["x", "y"]))}),
    "polars objects": lambda: pl.DataFrame({"id": ["1", "2"], "v": pl.Series(["x", "y"], dtype=pl.Object)}),
}


@pytest.mark.parametrize("kind", READ)
def test_kinds_that_are_read(kind: str, tmp_path: Path) -> None:
    made = xp.prepare(READ[kind](), {"id": "id", "v": "v"}, SCHEMA, out=tmp_path / "out", rules="jsonschema")
    assert (made.rows, made.written) == (2, 2)
    assert xp.map_rows(READ[kind](), {"id": "id", "v": "v"}, SCHEMA).to_pylist() == ROWS


@pytest.mark.parametrize("size", [1, 2, 3, 6])
@pytest.mark.parametrize(
    "text",
    ["1,,3,4,,6", "1,2,,4,5,6", ",1.5,2.5,,3,4.5", "1.5,2,3,4,,6", "9007199254740991,,1,2,,3", "a,b,,,e,f", "1,2,,,,"],
)
def test_chunks_of_pandas_are_read_whatever_is_missing(text: str, size: int) -> None:
    cells = text.split(",")
    chunks = pd.read_csv(
        io.StringIO("id,v\n" + "".join(f"{row},{cell}\n" for row, cell in enumerate(cells))), chunksize=size
    )
    first = [cell for cell in cells[:size] if cell]
    late = [cell for cell in cells[size:] if cell]
    try:
        made = xp.map_rows(chunks, {"v": "v"}, SCHEMA).to_pylist()
    except SourceError as error:  # the first values are integers, and fractions follow
        assert "dtype=str" in str(error)
        assert "." in "".join(late) and "." not in "".join(first)
    else:
        whole = pd.read_csv(io.StringIO("v\n" + "\n".join(cell or '""' for cell in cells)), dtype=str)["v"]
        found = [row.get("v") for row in made]
        assert [one is None for one in found] == whole.isna().tolist()
        same = (one == cell or float(one) == float(cell) for one, cell in zip(found, cells, strict=True) if one)
        assert all(same)


LATE = {
    "string": ["x"], "integer": [7], "double": [0.5], "boolean": [True], "date": [dt.date(2024, 2, 29)],
    "time": [dt.datetime(2024, 2, 29, 1, tzinfo=dt.UTC)], "decimal": [decimal.Decimal("0.10")],
    "list": [["a", "b"]], "item in time": [[None], [], ["a"]], "object": [{"a": "x", "b": [1]}],
    "field in time": [{"a": None, "b": None}, {"a": "x", "b": None}, {"a": None, "b": 5}], "never": [None],
}  # fmt: skip


@pytest.mark.parametrize("again", [list, iter])
@pytest.mark.parametrize("frame", [pd.DataFrame, pa.table, pl.DataFrame])
@pytest.mark.parametrize("kind", LATE)
def test_a_column_has_the_type_of_the_first_table_with_a_value_in_it(kind: str, frame: Any, again: Any) -> None:
    values = [None, None, *LATE[kind], None, LATE[kind][-1]]
    tables = [pa.table({"n": [at], "v": [value]}).to_pylist() for at, value in enumerate(values)]
    made = [frame({"n": [row["n"]], "v": [row["v"]]}) for (row,) in tables]
    mapping = {"_acme.n": "n", "_acme.v": "v"}
    whole = xp.map_rows([row for (row,) in tables], mapping).to_pylist()
    assert xp.map_rows(again(made), mapping).to_pylist() == whole
    assert len(whole) == len(values)


@pytest.mark.parametrize(
    ("first", "later"),
    [([1], [1.5]), ([1.0], [2**60 + 1]), ([np.int8(1)], [300]), (["a"], [1])],
)
def test_numbers_of_later_tables_are_never_rounded(first: list[Any], later: list[Any]) -> None:
    with pytest.raises(SourceError, match=r"table 2: the column 'v' is .* in the first table"):
        xp.map_rows([pd.DataFrame({"v": first}), pd.DataFrame({"v": later})], {"v": "v"}, SCHEMA).to_pylist()


def test_small_tables_of_other_widths_are_one_source() -> None:
    kinds = [
        {"v": pa.array(["a"]), "n": pa.array([0.5], pa.float32())},
        {"v": pa.array(["b"], pa.large_string()), "n": pa.array([0.1])},
        {"v": pa.array(["c"], pa.string_view()), "n": pa.array([2], pa.int8())},
        {"v": pa.array(["d"]).dictionary_encode().cast(pa.large_string()), "n": pa.nulls(1)},
    ]
    made = xp.map_rows([pa.table(kind) for kind in kinds], {"v": "v", "id": "n"}, SCHEMA).to_pylist()
    assert [row["v"] for row in made] == ["a", "b", "c", "d"]
    assert [row.get("id") for row in made] == ["0.5", "0.1", "2.0", None]


def frame(values: Any) -> pd.DataFrame:
    return pd.DataFrame({"id": ["1", "2"], "v": values})


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "several levels": (
        lambda: pd.DataFrame([["1", "x"]], columns=pd.MultiIndex.from_tuples([("a", "id"), ("a", "v")])),
        r"2 levels \(MultiIndex\). Give each one name first: frame.columns = ",
    ),
    "two of one name": (lambda: pd.DataFrame([["1", "2", "3"]], columns=["id", "v", "v"]), "'v' occurs more than once"),
    "1 and '1'": (lambda: {1: ["x"], "1": ["y"]}, "two columns have the name '1'"),
    "one row": (lambda: {"id": "1", "v": "x"}, r"one row alone is given as \[row\]"),
    "lists": (lambda: csv.reader(["id,v", "1,x"]), "row 1 is a list of values without names.*DictReader"),
    "tuples": (lambda: [("1", "x")], r"row 1 is a tuple of values without names.*dict\(zip\(names, row\)\)"),
    "mixed rows": (lambda: [ROWS[0], ("2", "y")], "row 2 is a tuple of values without names"),
    "too many values": (lambda: csv.DictReader(["id,v", "1,x", "2,y,z"]), "row 2 has more values than the header"),
    "generator that fails": (lambda: failing(ROWS[:1]), "ValueError was raised after row 1: 'the connection is gone'"),
    "batches that fail": (lambda: failing(TABLE.to_batches()), "ValueError was raised after row 2: 'the connection"),
    "reader that fails": (
        lambda: pa.RecordBatchReader.from_batches(TABLE.schema, failing(TABLE.to_batches())),
        "cannot be read to the end; ValueError was raised after row 2",
    ),
    "other columns": (lambda: [TABLE, TABLE.rename_columns(["id", "w"])], "table 2: has the columns 'id, w', the"),
    "other types": (lambda: [TABLE, pa.table({"id": ["3"], "v": [3]})], "table 2: the column 'v' is int64, in the"),
    "a row among tables": (lambda: [TABLE, ROWS[0]], "table 2: is of type dict, the items before it are tables"),
    "lazy frame": (lambda: pl.DataFrame(TABLE).lazy().select("w"), "LazyFrame cannot be collected.*Not"),
    "lazy file": (lambda: pl.scan_csv("nowhere.csv"), "LazyFrame cannot be collected.*FileNotFoundError"),
    "array": (lambda: np.ones((2, 2)), r"no names: give pandas.DataFrame\(array, columns=names\)"),
    "bytes": (lambda: b"id,v\n1,x\n", r"Give the bytes of a file as io.BytesIO\(data\)"),
    "connection": (lambda: sqlite3.connect(":memory:"), "Give the cursor of a query"),
    "Parquet file": (lambda: pq.ParquetFile(parquet()), "ParquetFile is not a source. Give a path"),
    "async generator": (later, "async_generator is not a source. Collect its rows first"),
    "function": (lambda: cursor, "function is not a source. Call it"),
    "group by": (lambda: TABLE.to_pandas().groupby("id"), "DataFrameGroupBy is not a source. Give a DataFrame"),
    "number": (lambda: 5, "int is not a source. Give a path"),
    "period": (lambda: frame(pd.period_range("2024-01", periods=2, freq="M")), "cannot be held by a record"),
    "interval": (lambda: frame(pd.interval_range(0, 2)), "cannot be held by a record"),
    "complex": (lambda: frame(np.array([1j, 2])), "cannot be held by a record"),
    "timedelta": (lambda: frame(pd.to_timedelta([1, 2], "D")), "a duration cannot be held by a record"),
    "polars duration": (lambda: pl.DataFrame({"id": ["1"], "v": [dt.timedelta(1)]}), "a duration cannot be held"),
    "polars binary": (lambda: pl.DataFrame({"id": ["1"], "v": [b"x"]}), "cannot be held by a record"),
    "query that fails": (lambda: duckdb.sql("SELECT '1' AS id, error('no') AS v"), r"InvalidInput.*no"),
    "stream that fails": (lambda: Foreign("__arrow_c_stream__"), "gives no table .LookupError: 'gone'"),
    "array that fails": (lambda: Foreign("__arrow_c_array__"), "has no columns .*gone"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_kinds_that_are_refused(kind: str, tmp_path: Path) -> None:
    make, said = REFUSED[kind]
    with pytest.raises(xp.XdmPrepError, match=said) as caught:
        xp.prepare(make(), {"id": "id", "v": "v"}, SCHEMA, out=tmp_path / "out", rules="jsonschema")
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("out/part*"))


ODD: list[Any] = [
    Path("x"), pd.Period("2024-01", "M"), pd.Interval(0, 1), 1j, fractions.Fraction(1, 3), dt.timedelta(1), range(3),
    bytearray(b"x"), memoryview(b"x"), ipaddress.ip_address("::1"), collections.deque([1]), Foreign("x"),
    pd.Series([1]), dt.UTC, ValueError("x"), len, int, ...,
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: type(odd).__name__)
@pytest.mark.parametrize("kind", ["rows", "generator", "columns", "pandas", "polars"])
def test_an_object_that_no_record_holds_is_named_with_its_row(kind: str, odd: Any) -> None:
    values = ["x", None, odd, odd]
    rows = [{"id": str(at), "v": value, "o": {"v": value, "w": at}} for at, value in enumerate(values)]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    source: Any = {
        "rows": rows, "generator": iter(rows), "columns": columns,
        "pandas": pd.DataFrame(columns | {"v": pd.Series(values, dtype=object)}) if kind == "pandas" else None,
        "polars": pl.DataFrame({name: pl.Series(some, dtype=pl.Object) for name, some in columns.items()}),
    }[kind]  # fmt: skip
    if kind != "generator":
        assert xp.map_rows(source, {"id": "o.w"}, SCHEMA).to_pylist()[3] == {"id": "3"}
    named = f"a Python object \\({type(odd).__name__} in row 3\\)"
    with pytest.raises(xp.MappingError, match=f"^v <- v: ({named}|a value of bytes|a duration) cannot be held"):
        xp.map_rows(source, {"v": "v"}, SCHEMA)


GAINED = [[{"a": "1"}], [{"b": {"c": ["2"]}, "a": None}], [{"b": {"d": 1}}, {"e": [{"f": 1}]}], [{"e": [{"g": 2}]}]]


@pytest.mark.parametrize("table", [pd.DataFrame, lambda columns: pa.table(columns)])
def test_objects_of_later_tables_may_have_more_fields(table: Callable[[dict[str, Any]], Any]) -> None:
    tables = [table({"v": values}) for values in GAINED]
    whole = xp.map_rows([{"v": value} for values in GAINED for value in values], {"v": "v"}).to_pylist()
    assert xp.map_rows(tables, {"v": "v"}).to_pylist() == whole
    if table is pd.DataFrame:
        assert xp.map_rows(iter(tables), {"v": "v"}).to_pylist() == whole


@pytest.mark.parametrize("value", [{"a": 1}, [{"a": 1}], {"b": "x", "a": 1}])
def test_objects_of_later_tables_have_the_same_types(value: Any) -> None:
    first = {"a": "1"} if isinstance(value, dict) else [{"a": "1"}]
    for again in (list, iter):
        with pytest.raises(SourceError, match="table 2: the column 'v' is"):
            xp.map_rows(again([pd.DataFrame({"v": [first]}), pd.DataFrame({"v": [value]})]), {"v": "v"}).to_pylist()


def test_an_object_inside_of_an_object_that_no_record_holds_is_named_with_its_row() -> None:
    frames = [pd.DataFrame({"v": [{"a": "x"}]}), pd.DataFrame({"v": [{"a": "y"}, {"a": Path("x")}]})]
    for again in (list, iter):
        with pytest.raises(SourceError, match=r"table 2: in the column 'v', an object with .* \(PosixPath in row 2\)"):
            xp.map_rows(again(frames), {"v": "v"}).to_pylist()


def test_an_object_that_no_record_holds_is_not_lost_in_a_later_table() -> None:
    frames = [pd.DataFrame({"v": ["x"]}), pd.DataFrame({"v": [Path("x")]})]
    with pytest.raises(SourceError, match=r"table 2: in the column 'v', a Python object \(PosixPath in row 1\) cannot"):
        xp.map_rows(frames, {"v": "v"}, SCHEMA).to_pylist()
    odd = [pd.DataFrame({"id": ["1"], "v": [Path("x")]}), pd.DataFrame({"id": ["2", "3"], "v": ["x", 1j]})]
    assert len(xp.map_rows(odd, {"id": "id"}, SCHEMA).to_pylist()) == 3


INNER = np.dtype([("a", "i8"), ("b", "f8"), ("c", [("d", "U3")])])


def test_strings_and_structures_of_numpy_are_read_whole() -> None:
    inner = np.array([(2**53 + 1, 0.5, ("x\0y",)), (2, 1.5, ("",))], dtype=INNER)
    expected = [{"a": 2**53 + 1, "b": 0.5, "c": {"d": "x\0y"}}, {"a": 2, "b": 1.5, "c": {"d": ""}}]
    outer = np.array(list(zip(inner, ["p\0q", "r"], strict=True)), dtype=[("v", INNER), ("t", "U3")])
    sources: list[Any] = [
        outer, {"v": inner, "t": outer["t"]}, [{"v": row["v"], "t": row["t"]} for row in outer],
        pd.DataFrame({"v": pd.Series([*inner], dtype=object), "t": outer["t"]}),
    ]  # fmt: skip
    for source in sources:
        made = xp.map_rows(source, {"_acme.v": "v", "_acme.t": "t"}).to_pylist()
        assert [row["_acme"]["v"] for row in made] == expected
        assert [row["_acme"]["t"] for row in made] == ["p\0q", "r"]


@pytest.mark.parametrize("make", [lambda rows: rows, iter, pd.DataFrame])
def test_sets_are_lists_in_order(make: Any) -> None:
    rows = [{"v": {*"hgfedcba"}}, {"v": frozenset({"10", "9", "a"})}]
    made = xp.map_rows(make(rows), {"_acme.v": "v"}).to_pylist()
    assert [row["_acme"]["v"] for row in made] == [[*"abcdefgh"], ["10", "9", "a"]]


@pytest.mark.parametrize("kind", ["date", "boolean", "array", "object"])
def test_a_column_of_pandas_without_values_fits_every_destination(kind: str) -> None:
    field = {
        "date": {"type": "string", "format": "date"}, "boolean": {"type": "boolean"},
        "array": {"type": "array", "items": {"type": "string"}},
        "object": {"type": "object", "properties": {"w": {"type": "string"}}},
    }[kind]  # fmt: skip
    schema = xp.Schema.from_dict(
        {"$id": "https://ns.example.com/o", "type": "object", "properties": {"id": {"type": "string"}, "v": field}}
    )
    empty = pd.read_csv(io.StringIO("id,v\na,\nb,\n"))
    assert xp.map_rows(empty, {"id": "id", "v": "v"}, schema).to_pylist() == [{"id": "a"}, {"id": "b"}]


@pytest.mark.parametrize("kind", ["period", "interval", "complex", "timedelta", "polars duration", "polars binary"])
def test_columns_that_are_not_mapped_do_not_matter(kind: str) -> None:
    found = xp.map_rows(REFUSED[kind][0](), {"id": "id"}, SCHEMA).to_pylist()
    assert [row["id"] for row in found] == ["1", "2"][: len(found)]


def test_columns_without_a_name_are_numbered() -> None:
    assert xp.map_rows(pd.DataFrame([["1", "x"]], columns=["id", None]), {"v": "column_2"}).to_pylist() == [{"v": "x"}]


def test_dataclasses_inside_of_rows_are_objects() -> None:
    assert xp.map_rows([{"person": Person("1", "x")}], {"v": "person.v"}).to_pylist() == [{"v": "x"}]


INDEXED = pd.DataFrame({"id": ["1"], "n": [1], "v": ["x"]})


@pytest.mark.parametrize("mapping", [{"id": "id"}, {"id": 'concat(id, "x")'}, {"$group_by": "id", "v": "v"}])
@pytest.mark.parametrize("index", [["id"], ["n", "id"]])
def test_a_name_of_the_index_is_answered_with_how_to_make_it_a_column(mapping: Any, index: list[str]) -> None:
    frame = INDEXED.set_index(index)
    with pytest.raises(
        xp.MappingError, match=r"no column 'id'. It is in the index of the DataFrame: give frame\.reset_index"
    ):
        xp.map_rows(frame, mapping)
    assert len(xp.map_rows(frame.reset_index(), mapping).to_pylist()) == 1


@pytest.mark.parametrize("frame", [INDEXED[["v"]], INDEXED.set_index("n")[["v"]], pl.DataFrame({"v": ["x"]})])
def test_the_index_is_not_named_where_it_is_not_meant(frame: Any) -> None:
    with pytest.raises(xp.MappingError, match="no column 'id'") as caught:
        xp.map_rows(frame, {"id": "id"})
    assert "reset_index" not in str(caught.value)


def test_columns_of_later_tables_mean_what_they_mean_in_the_first() -> None:
    kinds = {
        "v": pa.array([["a"], ["b", "c"], ["d"], ["e"]], pa.list_view(pa.string())),
        "n": pa.array([0.5, 0.1, 16777217.0, None], pa.float32()),
        "t": pa.array([0, 1, 2, 3], pa.time64("ns")),
        "s": pa.array(["1", "2", "3", "4"], pa.large_string()),
    }
    table = pa.table(kinds)
    whole = xp.map_rows(table, {f"_acme.{name}": name for name in kinds}).to_pylist()
    parts = xp.map_rows([table.slice(at, 1) for at in range(4)], {f"_acme.{name}": name for name in kinds}).to_pylist()
    assert parts == whole and parts[1]["_acme"]["n"] == 0.1 and parts[1]["_acme"]["v"] == ["b", "c"]


def test_strings_of_a_later_table_are_no_numbers() -> None:
    tables = [pa.table({"id": [1]}), pa.table({"id": ["2"]})]
    with pytest.raises(SourceError, match="the column 'id' is string, in the first table int64"):
        xp.map_rows(tables, {"_acme.id": "id"}).to_pylist()


@pytest.mark.parametrize("target", ["o", "l"])
@pytest.mark.parametrize(("values", "kinds"), [
    ([{"a": "1"}, "x"], "objects and strings"), ([["a"], None, "x"], "arrays and strings"),
    ([{"a": "1"}, ["x"]], "objects and arrays"),
])  # fmt: skip
def test_values_of_several_kinds_for_an_object_or_array_are_refused_with_their_row(
    target: str, values: list[Any], kinds: str
) -> None:
    schema = xp.Schema.from_dict({
        "$id": "https://ns.example/kinds", "title": "Kinds", "type": "object",
        "properties": {
            "o": {"type": "object", "properties": {"a": {"type": "string"}}},
            "l": {"type": "array", "items": {"type": "string"}},
        },
    })  # fmt: skip
    rows = [{"v": value, "w": w} for value, w in zip(values, ("x", 1, 2), strict=False)]
    with pytest.raises(
        xp.MappingError, match=f"cannot become an .* 'v' holds {kinds} \\(row {len(values)}\\)"
    ) as error:
        xp.map_rows(rows, {target: "v"}, schema)
    assert "'w'" not in str(error.value)


@pytest.mark.parametrize("path", ["${[0]}", "${.a}", "concat(${[0]}, v)"])
def test_a_path_without_a_column_is_refused_as_one(path: str) -> None:
    with pytest.raises(xp.MappingError, match="A path begins with the name of a column"):
        xp.map_rows([{"v": "1"}], {"v": path}, SCHEMA)
