"""Values read, written and left out, counted again by plain Python over the source and the written records."""

from __future__ import annotations

import csv
import datetime
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xdmprep as xp
from xdmprep.read import CsvOptions

SCHEMA = {
    "$id": "https://ns.adobe.com/acme/schemas/counted",
    "title": "Counted",
    "type": "object",
    "meta:class": "https://ns.adobe.com/xdm/context/profile",
    "properties": {
        "born": {"type": "string", "format": "date", "meta:xdmType": "date"},
        "size": {"type": "integer", "meta:xdmType": "int", "maximum": 50},
        "name": {"type": "string", "meta:xdmType": "string"},
        "codes": {"type": "array", "items": {"type": "integer", "meta:xdmType": "int"}, "meta:xdmType": "array"},
    },
}
MAPPING = {"born": "born", "size": "size", "name": "name", "codes": 'explode(codes, ";")'}

DATES = st.sampled_from(["", "1980-02-03", "2001-12-31", "13/02/1980", "soon"])
NUMBERS = st.sampled_from(["", "7", "49", "99", "seven"])
CODES = st.lists(st.sampled_from(["1", "22", "x"]), max_size=3).map(";".join)
ROWS = st.lists(st.tuples(DATES, NUMBERS, st.sampled_from(["", "Ann"]), CODES), min_size=1, max_size=40)


def is_date(text: str) -> bool:
    try:
        return datetime.date.fromisoformat(text) is not None
    except ValueError:
        return False


def is_number(text: str) -> bool:
    return re.fullmatch(r"\d+", text) is not None


def expected(rows: list[tuple[str, str, str, str]]) -> tuple[dict[str, list[int]], int]:
    """Path -> [written, lost] over the rows that are written, and how many of these lack a value."""
    counts = {"born": [0, 0], "size": [0, 0], "name": [0, 0], "codes[*]": [0, 0]}
    lacking = 0
    for born, size, name, codes in rows:
        if size == "99":  # above the maximum: the row is set aside
            continue
        lacks = False
        cells = [("born", born, is_date), ("size", size, is_number), ("name", name, lambda text: True)]
        cells += [("codes[*]", code, is_number) for code in codes.split(";") if codes]
        for path, text, fits in cells:
            if text:
                counts[path][not fits(text)] += 1
                lacks |= not fits(text)
        lacking += lacks
    return counts, lacking


def written_csv(rows: list[tuple[str, str, str, str]], path: Path) -> Path:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([("born", "size", "name", "codes"), *rows])
    path.write_text(out.getvalue())
    return path


@pytest.mark.usefixtures("both_ways")
@settings(max_examples=60)
@given(rows=ROWS, block=st.sampled_from([30, 90, 5 << 20]), format=st.sampled_from(["json", "parquet"]))
def test_counts_are_those_of_the_rows(rows: Any, block: int, format: str, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("counted")
    schema = folder / "counted.schema.json"
    schema.write_text(json.dumps(SCHEMA))
    source = written_csv(rows, folder / "rows.csv")
    options = CsvOptions(block_bytes=block)
    result = xp.prepare(source, MAPPING, schema, folder / "out", format=format, csv=options, rules="jsonschema")
    counts, lacking = expected(rows)
    assert result.values.rows == lacking
    lost = {
        path: {"read": written + lost, "written": written, "lost": lost}
        for path, (written, lost) in counts.items()
        if lost
    }
    assert result.manifest.values == lost
    assert json.loads((folder / "out" / "manifest.json").read_text())["values"] == lost
    run = json.loads((folder / "out" / "run.json").read_text())
    for path, (written, missing) in counts.items():
        if written:
            assert run["values"][path] == {"read": written + missing, "written": written, "lost": missing}
    assert ("all valid" in result.report.headline()) == (not lacking and not result.rejected)


NESTED = xp.Schema.from_dict({
    **SCHEMA, "properties": {
        "list": {"type": "array", "items": {"type": "object", "properties": {
            "day": {"type": "string", "format": "date", "meta:xdmType": "date"},
        }}},
        "map": {"type": "object", "meta:xdmType": "map", "additionalProperties": {
            "type": "integer", "meta:xdmType": "int",
        }},
    },
})  # fmt: skip


@settings(max_examples=40)
@given(some=st.lists(st.tuples(st.lists(DATES.filter(bool), max_size=3), st.dictionaries(
    st.sampled_from("abc"), st.sampled_from(["1", "22", "x"]), max_size=3)), min_size=1, max_size=8))  # fmt: skip
@pytest.mark.parametrize("source", ["list[*].day", "list"])
def test_values_in_arrays_and_maps_are_counted_one_by_one(
    source: str, some: list[tuple[list[str], dict[str, str]]], tmp_path: Path
) -> None:
    rows = [{"id": str(n), "list": [{"day": day} for day in days], "map": map_} for n, (days, map_) in enumerate(some)]
    mapping = {"map": "map", source: source}
    done = xp.prepare(rows, mapping, NESTED, tmp_path / "out", rules="batch", overwrite=True)
    days = [is_date(day) for days, _ in some for day in days]
    numbers = [is_number(text) for _, map_ in some for text in map_.values()]
    expected_counts = {
        path: {"read": len(fits), "written": sum(fits), "lost": len(fits) - sum(fits)}
        for path, fits in (("list[*].day", days), ("map[*]", numbers))
        if not all(fits)
    }
    assert done.values.table(lost_only=True) == expected_counts
