"""The encoder against the standard library: same data, same records."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xdmprep as xp
from xdmprep.core.shred import Leaf, nest, nested_schema, prune
from xdmprep.write.encode import Encoder

pytestmark = pytest.mark.usefixtures("both_ways")

SCALARS: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.string(): st.text(max_size=12),
    pa.int8(): st.integers(-128, 127),
    pa.int32(): st.integers(-(2**31), 2**31 - 1),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats(allow_nan=False, allow_infinity=False),
    pa.bool_(): st.booleans(),
    pa.date32(): st.dates(),
    pa.timestamp("ms", "UTC"): st.datetimes(timezones=st.just(UTC)).map(
        lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    ),
}
PATHS = [
    ("a",), ("o", "x"), ("o", "y", "z"), ("m", 0, "id"), ("m", 1, "id"), ("m", 1, "n"), ("s", 0), ("s", 1), ("é\n",),
]  # fmt: skip
NAMES = st.sampled_from(["a", "b", "c", 'q"uote', "back\\slash", "é", "_x"])


@st.composite
def types(draw: st.DrawFn, depth: int = 2) -> pa.DataType:
    kinds = ["scalar"] if depth == 0 else ["scalar", "scalar", "struct", "list", "map"]
    kind = draw(st.sampled_from(kinds))
    if kind == "struct":
        names = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
        return pa.struct([(name, draw(types(depth - 1))) for name in names])
    if kind == "list":
        return pa.list_(draw(types(depth - 1)))
    if kind == "map":
        return pa.map_(pa.string(), draw(types(depth - 1)))
    return draw(st.sampled_from(list(SCALARS)))


def values(kind: pa.DataType) -> st.SearchStrategy[Any]:
    if pa.types.is_struct(kind):
        return st.none() | st.fixed_dictionaries({field.name: values(field.type) for field in kind})
    if pa.types.is_list(kind):
        return st.none() | st.lists(values(kind.value_type), max_size=3)
    if pa.types.is_map(kind):
        keys = st.lists(st.text(max_size=3), max_size=3, unique=True)
        return st.none() | keys.flatmap(
            lambda names: st.tuples(*(st.tuples(st.just(n), values(kind.item_type)) for n in names)).map(list)
        )
    return st.none() | SCALARS[kind]


def plain_json(value: Any) -> Any:
    if isinstance(value, datetime):
        text = value.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
        return text + (f".{value.microsecond // 1000:03}Z" if value.microsecond else "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: plain_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain_json(item) for item in value]
    return value


@st.composite
def batches(draw: st.DrawFn) -> tuple[list[Leaf], pa.RecordBatch]:
    paths = draw(
        st.lists(
            st.sampled_from(PATHS),
            min_size=1,
            max_size=6,
            unique=True,
        )
    )
    kinds = [pa.string() if path[0] in ("m", "s") else draw(types()) for path in paths]
    n = draw(st.integers(0, 7))
    columns = [pa.array(draw(st.lists(values(kind), min_size=n, max_size=n)), kind) for kind in kinds]
    columns = [
        column.dictionary_encode() if pa.types.is_string(kind) and draw(st.booleans()) else column
        for kind, column in zip(kinds, columns, strict=True)
    ]
    leaves = [Leaf(path, kind) for path, kind in zip(paths, kinds, strict=True)]
    return leaves, pa.RecordBatch.from_arrays(columns, names=[leaf.name for leaf in leaves])


@settings(max_examples=300)
@given(batches(), st.integers(0, 8))
def test_records_equal_those_of_the_standard_library(made: tuple[list[Leaf], pa.RecordBatch], cut: int) -> None:
    leaves, batch = made
    encoder = Encoder(leaves)
    text = encoder.encode(batch).to_pybytes()
    lines = text.decode("utf-8").split("\n")
    assert lines.pop() == ""
    nested = nest(leaves, batch, nested_schema(leaves)).to_pylist(maps_as_pydicts="strict")
    expected = [json.dumps(prune(plain_json(record)), ensure_ascii=False) for record in nested]
    assert [json.loads(line) for line in lines] == [json.loads(line) for line in expected]
    halves = encoder.encode(batch.slice(0, cut)).to_pybytes() + encoder.encode(batch.slice(cut)).to_pybytes()
    assert halves == text
    keep = np.arange(batch.num_rows) % 2 == 0
    kept = encoder.encode(batch, keep).to_pybytes().decode().split("\n")[:-1]
    assert kept == lines[::2]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_doubles_read_back_the_same(numbers: list[float]) -> None:
    batch = pa.RecordBatch.from_pydict({"n": pa.array(numbers, pa.float64())})
    text = Encoder([Leaf(("n",), pa.float64())]).encode(batch).to_pybytes().decode()
    back = [json.loads(line)["n"] for line in text.splitlines()]
    assert [(float(a), np.signbit(float(a))) for a in back] == [(b, np.signbit(b)) for b in numbers]


#: Spellings of numbers as people's files have them; Arrow reads all as doubles.
number_texts = st.one_of(
    st.none(),
    st.from_regex(r"-?[0-9]{1,9}\.[0-9]{1,9}", fullmatch=True),
    st.from_regex(r"-?0?\.?[0-9]{1,3}", fullmatch=True).filter(lambda text: text.strip("-.") != ""),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(
        ["1", "-0.0", "0.1", "1.0", "0.00001", "00.5", "1e5", "123456789012345.6", "12345678901234.5", "1234567890.5"]
    ),
)


@settings(max_examples=500)
@given(st.lists(number_texts, min_size=1, max_size=12), st.integers(1, 6), st.integers(0, 3))
def test_numbers_that_keep_their_text_are_printed_the_same(texts: list[str | None], times: int, skip: int) -> None:
    """Copied doubles, of which the text is used again where it can be, and of which it is not."""
    plain = pa.array([*(["12.5"] * 8 * times), *texts], pa.string())[skip:]
    records = pa.RecordBatch.from_arrays([plain.cast(pa.float64())], names=["n"])
    source = pa.RecordBatch.from_arrays([plain], names=["N"])
    again = Encoder([Leaf(("n",), pa.float64(), copied="N")]).encode(records, None, source).to_pybytes()
    assert again == Encoder([Leaf(("n",), pa.float64())]).encode(records).to_pybytes()


def test_a_number_keeps_its_text_only_where_it_is_the_column_itself(tmp_path: Path) -> None:
    """Equal text is no proof: a calculated field has another number than its column."""
    source, made = tmp_path / "n.csv", tmp_path / "out"
    source.write_text("A,B\n" + "1.25,7.5\n" * 20 + "0012.50,1e3\n")
    leaf = {"type": "number", "meta:xdmType": "number"}
    schema = {"title": "numbers", "type": "object", "properties": dict.fromkeys("abc", leaf)}
    (tmp_path / "s.json").write_text(json.dumps(schema))
    xp.prepare(source, {"a": "A", "b": "to_decimal(A) + to_decimal(B)", "c": "B"}, tmp_path / "s.json", made)
    lines = (made / "part-00000.json").read_text().splitlines()
    assert lines[0] == '{"a":1.25,"b":8.75,"c":7.5}'
    assert json.loads(lines[-1])["a"] == 12.5
    assert len(lines) == 21


def test_a_constant_rides_with_the_leaf_it_follows() -> None:
    leaves = [
        Leaf(("ids", "E", 0, "id"), pa.string()),
        Leaf(("ids", "E", 0, "primary"), pa.bool_(), constant=True, follows=0),
    ]
    batch = pa.RecordBatch.from_pydict({"id": ["1", None], "primary": pa.array([True, None])})
    assert Encoder(leaves).encode(batch).to_pybytes() == b'{"ids":{"E":[{"id":"1","primary":true}]}}\n{}\n'


def test_codes_of_a_narrow_type_reach_far_into_the_pool() -> None:
    many = pa.array([f"value {number}" for number in range(1000)])
    flags = pa.array([number % 2 == 0 for number in range(1000)])
    narrow = pa.DictionaryArray.from_arrays(pa.array([0, 1] * 500, pa.int8()), pa.array(["x", "y"]))
    batch = pa.RecordBatch.from_arrays([many, flags, narrow], names=["a", "b", "c"])
    text = Encoder([Leaf(("a",), pa.string()), Leaf(("b",), pa.bool_()), Leaf(("c",), pa.string())]).encode(batch)
    assert [json.loads(line) for line in text.to_pybytes().decode().splitlines()] == batch.to_pylist()


def test_the_tables_grow_with_the_leaves_and_not_with_their_square() -> None:
    def texts(count: int) -> int:
        kinds = [pa.string(), pa.int64(), pa.bool_()]
        leaves = [Leaf((f"o{n // 50}", f"p{n // 7}", f"f{n}"), kinds[n % 3]) for n in range(count)]
        return len(Encoder(leaves)._walk._literals)

    few, many = texts(500), texts(5_000)
    assert many < 11 * few
