"""Fields that the first records do not show: found where later records have them, absent where none has."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import xdmprep as xp

TEXT = {"type": "string", "meta:xdmType": "string"}
SCHEMA = xp.Schema.from_dict({
    "$id": "https://ns.adobe.com/acme/schemas/late", "title": "L", "type": "object", "version": "1.0",
    "meta:class": "https://ns.adobe.com/xdm/context/profile",
    "properties": {
        "_id": TEXT, **{f"t{number}": TEXT for number in range(9)},
        "l": {"type": "array", "items": {"type": "object", "properties": {"b": TEXT}}},
    },
})  # fmt: skip
#: source -> what the last record holds at its target, if it has a value there.
WAYS: dict[str, Any] = {
    "l[0].a": "x", "l[*].a": [{"b": "x"}], "o.a": "y", "o.p.q": "z", "m[0].k.v": "w", "upper(o.a)": "Y",
    "upper(l[0].a)": "X", "o.n[0]": "n", "late": "top",
}  # fmt: skip
TARGETS = {source: "l[*].b" if "[*]" in source else f"t{number}" for number, source in enumerate(WAYS)}
#: What the records before hold: nothing that says what is in there.
BEFORE: dict[str, dict[str, Any]] = {
    "empty": {"l": [], "o": {}, "m": []}, "null": {"l": None, "o": None, "m": None},
    "null inside": {"l": [None], "o": {"p": None, "n": []}, "m": [{"k": None}]},
    "empty inside": {"l": [{}], "o": {"p": {}, "n": None}, "m": [{"k": {}}]},
}  # fmt: skip
LAST = {
    "l": [{"a": "x"}, {"a": None}], "o": {"a": "y", "p": {"q": "z"}, "n": ["n"]}, "m": [{"k": {"v": "w"}}],
    "late": "top",
}  # fmt: skip


def rows_of(before: str, found: bool) -> list[dict[str, Any]]:
    first = [{"_id": f"r{number}", **BEFORE[before]} for number in range(50)]
    return [*first, {"_id": "last", **(LAST if found else BEFORE[before])}]


def saved(folder: Path, name: str, text: str) -> Path:
    data = text.encode()
    (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return folder / name


def lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def parts(rows: list[dict[str, Any]], folder: Path) -> Path:
    (folder / "parts").mkdir()
    saved(folder, "parts/a.jsonl", lines(rows[:20]))
    saved(folder, "parts/b.jsonl", lines(rows[20:]))
    return folder / "parts"


FORMS: dict[str, Callable[[list[dict[str, Any]], Path], Any]] = {
    "JSON lines": lambda rows, folder: saved(folder, "a.jsonl", lines(rows)),
    "JSON array": lambda rows, folder: saved(folder, "a.json", json.dumps(rows, indent=1)),
    "gzip": lambda rows, folder: saved(folder, "a.jsonl.gz", lines(rows)), "folder": parts,
    "list": lambda rows, _: rows, "generator": lambda rows, _: iter(rows),
    "dict of columns": lambda rows, _: {name: [row.get(name) for row in rows] for name in rows[-1]},
    "pandas": lambda rows, _: pd.DataFrame(rows),
    "polars": lambda rows, _: pl.DataFrame(rows, infer_schema_length=None),
    "Arrow": lambda rows, _: pa.Table.from_pylist([{"late": None, **row} for row in rows]),
}  # fmt: skip


def written(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "part-00000.json").read_text().splitlines()]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first records are few."""
    monkeypatch.setattr("xdmprep.read.ndjson.SAMPLE_BYTES", 400)
    monkeypatch.setattr("xdmprep.read.ndjson.BLOCK_BYTES", 400)
    monkeypatch.setattr("xdmprep.read.ndjson.FIRST", 3)


def mappings(before: str, without: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """A mapping of all sources; for one kind of records each source alone as well, which finds nothing for another."""
    sources = [source for source in WAYS if source not in without]
    groups = [sources, *([source] for source in sources if before == "null inside")]
    return [{"_id": "_id", **{TARGETS[source]: source for source in group}} for group in groups]


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("form", FORMS)
def test_what_only_late_records_have_is_found(tmp_path: Path, form: str, before: str) -> None:
    for number, mapping in enumerate(mappings(before)):
        (tmp_path / str(number)).mkdir()
        given = FORMS[form](rows_of(before, True), tmp_path / str(number))
        result = xp.prepare(given, mapping, SCHEMA, tmp_path / f"out{number}", rules="batch")
        assert (result.rows, result.written) == (51, 51)
        held = {TARGETS[source].partition("[")[0]: WAYS[source] for source in mapping.values() if source in WAYS}
        assert written(result.folder)[-1] == {"_id": "last", **held}, mapping


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("form", FORMS)
def test_what_no_record_has_is_absent(tmp_path: Path, form: str, before: str) -> None:
    # a column that the source does not have at all is an author's fault
    for number, mapping in enumerate(mappings(before, without=("late",))):
        (tmp_path / str(number)).mkdir()
        given = FORMS[form](rows_of(before, False), tmp_path / str(number))
        if before.endswith("inside"):  # objects with other fields than the one that is mapped
            mapping["$missing"] = "null"
        result = xp.prepare(given, mapping, SCHEMA, tmp_path / f"out{number}", rules="batch")
        assert (result.rows, result.written) == (51, 51)
        for record in written(result.folder):
            assert not any(name.startswith("t") for name in record) and not any(record.get("l", ())), mapping


def test_a_column_that_no_record_has_is_an_error_still(tmp_path: Path) -> None:
    given = FORMS["JSON lines"](rows_of("empty", True), tmp_path)
    with pytest.raises(xp.MappingError, match=r"has no column 'lat'\. Did you mean 'late'"):
        xp.prepare(given, {"_id": "_id", "t0": "lat"}, SCHEMA, tmp_path / "out")


def test_late_fields_are_found_by_all_that_maps(tmp_path: Path) -> None:
    mapping = {"_id": "_id", "t0": "o.a"}
    given = FORMS["JSON lines"](rows_of("null", True), tmp_path)
    assert xp.map_rows(given, mapping, SCHEMA).to_pylist()[-1] == {"_id": "last", "t0": "y"}
    assert xp.map_rows(given, mapping).to_pylist()[-1] == {"_id": "last", "t0": "y"}
    assert xp.validate(given, SCHEMA, mapping=mapping).valid
    (tmp_path / "old").mkdir()
    before = FORMS["JSON lines"](rows_of("null", False), tmp_path / "old")
    assert xp.diff(before, given, SCHEMA, mapping=mapping, on="_id").to_pylist() == [{"_id": "last", "t0": "y"}]
