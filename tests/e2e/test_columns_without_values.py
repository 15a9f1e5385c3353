"""A column, field or array in which a source has no value fits every destination: nothing is known of its type."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import xdmprep as xp
from xdmprep.errors import MappingError, SourceError
from xdmprep.read import open_source

SCHEMA = xp.Schema.from_dict(
    {
        "$id": "https://e.example/empty",
        "title": "Empty",
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "text": {"type": "string"},
            "day": {"type": "string", "format": "date"},
            "number": {"type": "number"},
            "truth": {"type": "boolean"},
            "texts": {"type": "array", "items": {"type": "string"}},
            "lines": {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}}}},
            "object": {"type": "object", "properties": {"number": {"type": "number"}}},
            "map": {"type": "object", "additionalProperties": {"type": "number"}},
        },
    }
)
ROWS = [
    {"id": "a", "none": None, "list": [], "object": {}, "inside": {"deep": None, "list": []}},
    {"id": "b", "none": None, "list": None, "object": None, "inside": None},
]
DESTINATIONS = ["text", "day", "number", "truth", "texts", "lines", "object", "map", "object.number", "lines[0].sku"]


def lines(folder: Path) -> Path:
    file = folder / "a.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return file


def parquet(folder: Path) -> Path:
    columns = {name: [row[name] for row in ROWS] for name in ROWS[0] if name != "object"}  # Parquet has no empty groups
    pq.write_table(pa.table(columns), folder / "a.parquet")
    return folder / "a.parquet"


SOURCES: dict[str, Callable[[Path], Any]] = {
    "list of dicts": lambda _: ROWS,
    "generator": lambda _: iter(ROWS),
    "JSON lines": lines,
    "Parquet": parquet,
    "Arrow": lambda _: pa.Table.from_pylist(ROWS),
    "pandas": lambda _: pd.DataFrame(ROWS),
    "pandas, pyarrow types": lambda _: pa.Table.from_pylist(ROWS).to_pandas(types_mapper=pd.ArrowDtype),
    "polars": lambda _: pl.DataFrame(ROWS),
}


@pytest.mark.parametrize("format", ["json", "parquet"])
@pytest.mark.parametrize("source", SOURCES)
def test_what_has_no_value_fits_every_destination(tmp_path: Path, source: str, format: str) -> None:
    for place in DESTINATIONS:
        for column in ("none", "inside.deep"):
            made = SOURCES[source](tmp_path)
            result = xp.prepare(
                made,
                {"id": "id", place: column},
                SCHEMA,
                tmp_path / "out",
                format=format,
                overwrite=True,
                rules="jsonschema",
            )
            assert (result.written, result.report.issues.num_rows) == (2, 0), (place, column)
    for place, column in (
        ("texts", "list"),
        ("lines", "list"),
        ("lines", "inside.list"),
        ("object", "object"),
        ("map", "object"),
    ):
        if column == "object" and source == "Parquet":
            continue
        made = xp.map_rows(SOURCES[source](tmp_path), {"id": "id", place: column}, SCHEMA).to_pylist()
        assert [{key: value for key, value in row.items() if value} for row in made] == [{"id": "a"}, {"id": "b"}], (
            place
        )


@pytest.mark.parametrize(
    "column", ["none.x", "none[0]", "none[*].sku", "upper(none)", "concat(none, none)", "list[0].x"]
)
def test_paths_and_expressions_find_nothing_in_it(column: str) -> None:
    place = "lines[*].sku" if "[*]" in column else "text"
    made = xp.map_rows(pa.Table.from_pylist(ROWS), {"id": "id", place: column}, SCHEMA).to_pylist()
    assert [row.get("text") or None for row in made] == [None, None]


def test_json_whose_first_values_come_late(tmp_path: Path) -> None:
    """Columns are learned from the beginning of a file; a value that comes later is read as what it is."""
    file = tmp_path / "late.jsonl"
    late = [
        {"id": "c", "none": [{"sku": "x"}], "list": [{"sku": "y"}, "q"], "object": {"number": 5}},
        {"id": "d", "none": "[no"},
        {"id": "e", "none": {"number": 1}},
    ]
    empty = {"id": "a" * 900, "none": None, "list": [], "object": {"number": None}}
    with file.open("w") as opened:
        opened.write((json.dumps(empty) + "\n") * 10_000)
        opened.writelines(json.dumps(row) + "\n" for row in late)
    assert file.stat().st_size > 8 << 20

    def last(place: str, column: str) -> tuple[list[Any], list[Any]]:
        result = xp.prepare(
            file, {"id": "id", place: column}, SCHEMA, tmp_path / "out", overwrite=True, rules="jsonschema"
        )
        records = (tmp_path / "out" / "part-00000.json").read_text().splitlines()[-3:]
        lost = result.report.issues.select(["row", "path", "value"]).to_pylist()
        return [json.loads(line).get(place) for line in records], [tuple(one.values()) for one in lost]

    assert last("lines", "none") == (
        [[{"sku": "x"}], None, None],
        [(10_002, "lines", "[no"), (10_003, "lines", '{"number": 1}')],
    )
    assert last("lines", "list") == ([[{"sku": "y"}], None, None], [(10_001, "lines[*]", "q")])
    assert last("text", "none") == (['[{"sku": "x"}]', "[no", '{"number": 1}'], [])
    assert last("object", "object") == ([{"number": 5}, None, None], [])


def test_files_of_which_one_has_no_values_or_other_fields(tmp_path: Path) -> None:
    tables = [
        pa.table({"id": ["a"], "lines": pa.nulls(1), "list": pa.array([[]], pa.list_(pa.null())), "o": [{"x": 1}]}),
        pa.table({"id": ["b"], "lines": [[{"sku": "x"}]], "list": [[{"sku": "y"}]], "o": [{"number": 2.5}]}),
        pa.table({"id": ["c"], "lines": [[{"size": 1}]], "list": [[{"sku": "z", "size": 2}]], "o": [{"x": 2}]}),
    ]
    for number, table in enumerate(tables):
        pq.write_table(table, tmp_path / f"{number}.parquet")
    made = xp.map_rows(tmp_path, {"id": "id", "lines": "lines", "texts[0]": "list[0].sku", "object": "o"}, SCHEMA)
    assert [{key: value for key, value in row.items() if value} for row in made.to_pylist()] == [
        {"id": "a"},
        {"id": "b", "lines": [{"sku": "x"}], "texts": ["y"], "object": {"number": 2.5}},
        {"id": "c", "texts": ["z"]},
    ]
    pq.write_table(pa.table({"id": ["d"], "o": [[1]]}), tmp_path / "3.parquet")
    assert len(xp.map_rows(tmp_path, {"id": "id"}, SCHEMA).to_pylist()) == 4
    for read in (
        lambda: xp.map_rows(tmp_path, {"id": "id", "object": "o"}, SCHEMA),
        lambda: open_source(tmp_path).to_table(),
    ):
        with pytest.raises(SourceError, match="column 'o' is struct"):
            read()


LATE = dt.datetime(2024, 1, 1, 23, 30, tzinfo=dt.UTC)


def test_days_of_times_in_several_zones(tmp_path: Path) -> None:
    """A day is that of the value's own zone, also where one column has several."""
    zones = {"Europe/Berlin": 2, "America/New_York": 1, "UTC": 1, "Asia/Kolkata": 2}
    times = [LATE.astimezone(ZoneInfo(zone)) for zone in zones]
    fixed = [LATE.astimezone(dt.timezone(dt.timedelta(hours=hours))) for hours in (1, -5, 0, 5)]
    for number, (zone, moment) in enumerate(zip(zones, times, strict=True)):
        kind = pa.timestamp("us", None if zone == "UTC" else zone)
        pq.write_table(pa.table({"at": pa.array([moment], kind)}), tmp_path / f"{number}.parquet")
    sources = [tmp_path]
    for moments in (times, fixed):
        sources += [
            [{"at": moment} for moment in moments],
            {"at": moments},
            pd.DataFrame({"at": pd.Series(moments, dtype=object)}),
        ]
    for source in sources:
        made = xp.map_rows(source, {"day": "at"}, SCHEMA).to_pylist()
        assert [row["day"].day for row in made] == list(zones.values())
    schema = xp.Schema.from_dict(
        {
            "$id": "https://e.example/t",
            "title": "T",
            "type": "object",
            "properties": {
                "at": {"type": "string", "format": "date-time"},
                "days": {"type": "array", "items": {"type": "string", "format": "date"}},
            },
        }
    )
    for number, source in enumerate(sources):
        found = [row["at"] for row in xp.map_rows(source, {"at": "at"}, schema).to_pylist()]
        assert found == [LATE] * 4, (number, open_source(source).to_table())
    for source in ([{"at": times}], pd.DataFrame({"at": [times]})):
        (row,) = xp.map_rows(source, {"days": "at"}, schema).to_pylist()
        assert [day.day for day in row["days"]] == list(zones.values())


@pytest.mark.parametrize("place", ["[*]", "[0]", "[*].text"])
def test_a_destination_that_begins_with_an_index_is_refused(place: str) -> None:
    for schema in (None, SCHEMA):
        with pytest.raises(MappingError, match="begins with an index"):
            xp.map_rows(ROWS, {place: "id"}, schema)


ZONED = """
import datetime, os, sys
from zoneinfo import ZoneInfo
import xdmprep as xp
from xdmprep.pipeline.contract import _pandera

if sys.argv[1] == "pandera":
    _pandera()
    assert "PYARROW_IGNORE_TIMEZONE" not in os.environ
late = datetime.datetime(2024, 1, 1, 23, 30, tzinfo=datetime.timezone.utc)
times = [late.astimezone(ZoneInfo("Europe/Berlin")), late.astimezone(datetime.timezone(datetime.timedelta(hours=-5)))]
schema = xp.Schema.from_dict({"$id": "https://e.example/t", "title": "T", "type": "object",
                              "properties": {"at": {"type": "string", "format": "date-time"}}})
for given in (times, times[:1], times[1:]):
    for source in ([{"at": at} for at in given], {"at": given}):
        assert [row["at"] for row in xp.map_rows(source, {"at": "at"}, schema).to_pylist()] == [late] * len(given)
"""


@pytest.mark.parametrize("how", ["pandera", "variable"])
def test_times_keep_their_zones_whatever_other_packages_set(how: str) -> None:
    """Arrow drops the zones of Python's times where a variable says so, which pandera sets for all of the process."""
    environment = {name: value for name, value in os.environ.items() if name != "PYARROW_IGNORE_TIMEZONE"}
    if how == "variable":
        environment["PYARROW_IGNORE_TIMEZONE"] = "1"
    run = subprocess.run([sys.executable, "-c", ZONED, how], env=environment, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
