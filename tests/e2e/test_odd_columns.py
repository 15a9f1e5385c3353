"""Columns that no record can hold, and columns of one name, in what looks at a source without mapping them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import xdmprep as xp
from xdmprep.cli import run
from xdmprep.read import open_source

ROOT = Path(__file__).parents[2] / "schemas"
ENTRIES = pa.array([[(1, 1.0)], None], pa.map_(pa.int64(), pa.float64()))
ODD = {
    "duration beyond Python's": pa.array([2**62, None], pa.duration("s")),
    "duration": pa.array([5, None], pa.duration("ns")),
    "map of numbers": ENTRIES,
    "bytes": pa.array([b"\xff", None]),
    "time": pa.array([86_399_999_999_999, None], pa.time64("ns")),
    "list of durations": pa.array([[2**62], None], pa.list_(pa.duration("s"))),
    "object of durations": pa.array([{"a": 2**62}, None], pa.struct([("a", pa.duration("s"))])),
}


@pytest.fixture(params=ODD)
def odd(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A Parquet file with a text and an odd column of one name."""
    columns = [pa.array(["Ada", "Bo"]), ODD[request.param], pa.array(["a@b.example", None])]
    file = tmp_path / "people.parquet"
    pq.write_table(pa.Table.from_arrays(columns, ["FIRST_NAME", "FIRST_NAME", "EMAIL"]), file)
    return file


def test_a_mapping_is_suggested_for_the_others(odd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["mapping", "suggest", str(odd), "--schema", str(ROOT / "crm-profile.schema.json")]) == 0
    out = capsys.readouterr()
    assert "EMAIL" in out.out and "should not happen" not in out.out + out.err


def test_a_stream_shows_them(odd: Path) -> None:
    stream = open_source(odd)
    table = stream.head(2)
    assert table.column_names == ["FIRST_NAME", "FIRST_NAME", "EMAIL"] and table.column(0).to_pylist() == ["Ada", "Bo"]
    assert "a@b.example" in stream._repr_html_()


def test_a_schema_is_drafted_or_refused_with_a_sentence(odd: Path) -> None:
    try:
        assert "FIRST_NAME" in str(xp.draft_schema(odd, tenant="acme").source)
    except xp.SourceError as error:
        assert "FIRST_NAME" in str(error)
