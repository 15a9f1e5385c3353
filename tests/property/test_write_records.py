"""Records written as they are: refused, or the same values in the written lines."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xdmprep as xp
from xdmprep import SourceError

names = st.sampled_from(["a", "b", "c"])
texts = st.sampled_from(["", "x", "7", "true", "2020-01-02", '{"a":1}', "[]"])
numbers = st.sampled_from([0, 1, -3, 1.5, 7.0, 2**53, 2**53 + 1, 2**62 + 1, 2**63, 2**70, 1e300])
scalars = st.none() | st.booleans() | texts | numbers
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=6
)
#: Columns of one kind, so that many lists are written.
alike = st.sampled_from([texts, st.booleans(), numbers, st.lists(numbers, max_size=3),
                         st.dictionaries(names, texts, max_size=3)])  # fmt: skip
records = st.lists(st.dictionaries(names, values, min_size=1, max_size=3), min_size=1, max_size=5) | alike.flatmap(
    lambda one: st.lists(st.fixed_dictionaries({"id": texts}, optional={"p": one | st.none()}), min_size=1, max_size=8)
)


def pruned(value: Any) -> Any:
    """The value without what JSON parts leave out: nulls, empty objects and empty arrays."""
    if isinstance(value, dict):
        inner = {name: pruned(item) for name, item in value.items()}
        return {name: item for name, item in inner.items() if not left_out(item)}
    return [item for item in map(pruned, value) if not left_out(item)] if isinstance(value, list) else value


def left_out(value: Any) -> bool:
    return value is None or value in ({}, [])


def same(a: Any, b: Any) -> bool:
    """Equal, where a boolean is no number."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)


def written(folder: Path) -> list[Any]:
    parts = sorted(folder.glob("part-*.json*"))
    return [json.loads(line) for part in parts for line in part.read_text(encoding="utf-8").splitlines()]


def as_file(rows: list[Any], folder: Path) -> str:
    file = folder / "in.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(file)


def as_files(rows: list[Any], folder: Path) -> list[str]:
    """A file a row, or four files, every second one compressed."""
    files: list[Path] = []
    size = 1 if len(rows) < 10 else -(-len(rows) // 4)
    for number, first in enumerate(range(0, len(rows), size)):
        data = "".join(f"{json.dumps(row)}\n" for row in rows[first : first + size]).encode()
        files.append(folder / f"{number}.jsonl{'.gz' * (number % 2)}")
        files[-1].write_bytes(gzip.compress(data) if number % 2 else data)
    return [str(file) for file in files]


SOURCES: dict[str, Callable[[list[Any], Path], Any]] = {
    "list": lambda rows, _: rows, "generator": lambda rows, _: iter(rows), "file": as_file, "files": as_files,
}  # fmt: skip


@pytest.mark.parametrize("kind", SOURCES)
@settings(max_examples=150)
@given(records)
def test_records_are_refused_or_written_as_they_are(kind: str, rows: list[Any]) -> None:
    with TemporaryDirectory() as name:
        out = Path(name) / "out"
        try:
            made = xp.write_json(SOURCES[kind](rows, Path(name)), out)
        except SourceError:
            assert not out.exists()
            return
        assert made.rejected == 0
        expected = [pruned(row) for row in rows]
        assert same(written(out), expected), (written(out), expected)


#: Longer than what columns are learned from when there is a mapping.
FIRST = {"id": "x" * (1 << 17)}


@settings(max_examples=100)
@given(records, st.booleans())
def test_what_stands_behind_the_first_records_counts_too(rows: list[Any], array: bool) -> None:
    """However far behind, a value of another kind is refused, and a field that was not there before is written."""
    rows = [FIRST, *rows]
    with pytest.MonkeyPatch.context() as patched, TemporaryDirectory() as name:
        patched.setattr("xdmprep.read.ndjson.SAMPLE_BYTES", 1)
        file = Path(as_file(rows, Path(name)))
        if array:
            file.write_text(json.dumps(rows), encoding="utf-8")
        out = Path(name) / "out"
        try:
            made = xp.write_json(str(file), out)
        except SourceError:
            assert not out.exists()
            with pytest.raises(SourceError):  # as where all was seen at first
                patched.setattr("xdmprep.read.ndjson.SAMPLE_BYTES", 1 << 30)
                xp.write_json(str(file), out)
            return
        assert made.rejected == 0
        assert same(written(out), [pruned(row) for row in rows])


@pytest.mark.parametrize("other", [7, True, 1.5, 2**60, {"a": 1}, [1]])
def test_values_of_other_kinds_behind_the_first_records_are_refused(
    other: Any, tmp_path: Path, both_ways: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xdmprep.read.ndjson.SAMPLE_BYTES", 1)
    rows = [FIRST, *[{"p": "x"}] * 300, {"p": other}]
    for write in (xp.write_json, xp.write_parquet):
        with pytest.raises(SourceError, match="'p' holds strings and "):
            write(as_file(rows, tmp_path), tmp_path / "out")
        assert not (tmp_path / "out").exists()


def test_files_of_unlike_types_are_refused_as_records(tmp_path: Path) -> None:
    kinds: list[Any] = [["x"], [1], [1.5], [True], pa.array([2**63], pa.uint64()), [Decimal("1.5")]]
    for number, values in enumerate(kinds):
        pq.write_table(pa.table({"p": values}), tmp_path / f"{number}.parquet")
    for one, other in permutations(range(len(kinds)), r=2):
        files = [str(tmp_path / f"{number}.parquet") for number in (one, other)]
        with pytest.raises(SourceError, match=r"'?p'? (holds|is) .* in .*\.parquet and .* in "):
            xp.write_json(files, tmp_path / "out")
        assert not (tmp_path / "out").exists()


UNLIKE: list[tuple[list[Any], str]] = [
    ([{"p": {"a": "x"}}, {"p": 7}], "'p' holds objects and integers"),
    ([{"p": True}] * 300 + [{"p": "x"}], "'p' holds booleans and strings"),
    ([{"p": 1}] * 300 + [{"p": "x"}], "'p' holds integers and strings"),
    ([{"p": {"a": 1}}] * 300 + [{"p": "x"}], "'p' holds objects and strings"),
    ([{"o": {"l": [{"x": 1}]}}, {"o": {"l": [{"x": [1]}]}}], "'o.l[*].x' holds integers and arrays"),
    ([{"p": [1, "a"]}], "'p[*]' holds integers and strings"),
    ([{"p": 2**70}, {"p": 1}], "'p' holds integers beyond 64 bits and integers"),
    ([{"p": 2**53 + 1}, {"p": 1.5}], "'p' holds integers beyond 2^53 and doubles"),
    ([{"p": [2**53 + 1]}] * 300 + [{"p": [1.5]}], "'p[*]' holds integers beyond 2^53 and doubles"),
    ([{"p": [{"q": 1.5}]}] * 300 + [{"p": [{"q": -(2**60)}]}], "'p[*].q' holds doubles and integers beyond 2^53"),
    (
        [{"p": 1.5}] * 300 + [{"p": 1}] + [{"p": 1.5}] * 900 + [{"p": 2**60}],
        "'p' holds doubles, integers and integers beyond 2^53",
    ),
]


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize(("rows", "told"), UNLIKE)
def test_unlike_kinds_are_named_before_anything_is_written(
    kind: str, rows: list[Any], told: str, tmp_path: Path
) -> None:
    for write in (xp.write_json, xp.write_parquet):
        with pytest.raises(SourceError) as refused:
            write(SOURCES[kind](rows, tmp_path), tmp_path / "out")
        assert told in str(refused.value)
        if not kind.startswith("file") and len(rows) > 1 and ", " not in told:
            assert f"(row {len(rows):,})" in str(refused.value)
        assert not (tmp_path / "out").exists()
    assert xp.map_rows(SOURCES[kind](rows, tmp_path), {"x": rows and next(iter(rows[0]))}).to_pylist()


def test_columns_of_python_objects_are_refused_too(tmp_path: Path) -> None:
    mixed = {"id": ["1", "2"], "p": [True, "x"]}
    for source in (mixed, pd.DataFrame(mixed), pl.DataFrame({"p": pl.Series(mixed["p"], dtype=pl.Object)})):
        with pytest.raises(SourceError, match=r"'p' holds booleans and strings \(row 2\)"):
            xp.write_json(source, tmp_path / "out")
    fine = pd.DataFrame({"t": ["a", None], "n": pd.Series([1, None], dtype=object), "f": [0.5, float("nan")]})
    xp.write_json(fine, tmp_path / "fine")
    assert written(tmp_path / "fine") == [{"t": "a", "n": 1, "f": 0.5}, {}]


def test_integers_and_doubles_are_alike(tmp_path: Path) -> None:
    rows = [{"n": 1}, {"n": 2.5}]
    for number, kind in enumerate(SOURCES):
        out = tmp_path / f"o{number}"
        made = xp.write_parquet(SOURCES[kind](rows, tmp_path), out)
        assert [row for file in made.files for row in pq.read_table(out / file.name).to_pylist()] == [
            {"n": 1.0},
            {"n": 2.5},
        ]
