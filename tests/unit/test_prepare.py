"""prepare: the stages joined; what a run writes and remembers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import xdmprep as xp
from xdmprep.errors import OutputError, UsageError

pytestmark = pytest.mark.usefixtures("both_ways")

MAPPING = {
    "person.name.firstName": "first",
    "identityMap.CRMID[0].id": "id",
    "identityMap.CRMID[0].primary": "true",
    "person.birthYear": "year",
}


@pytest.fixture
def schema(schemas: Path) -> xp.Schema:
    return xp.Schema.load(schemas / "crm-profile.schema.json")


def frame(rows: int = 4) -> pd.DataFrame:
    return pd.DataFrame(
        {"first": [f"n{i}" for i in range(rows)], "id": range(rows), "year": [1900 + i % 90 for i in range(rows)]}
    )


def test_a_run_with_a_python_callable_can_be_run_again(schema: xp.Schema, tmp_path: Path) -> None:
    def shout(first: pa.Array) -> pa.Array:
        return pc.utf8_upper(first)

    for _ in range(2):
        mapping = xp.MappingSet({**MAPPING, "person.name.firstName": shout})
        xp.prepare(frame(), mapping, schema, out=tmp_path / "out")
    assert '"N0"' in (tmp_path / "out" / "part-00000.json").read_text()
    assert "shout" in (tmp_path / "out" / "run.json").read_text()


def test_another_mapping_is_another_run(schema: xp.Schema, tmp_path: Path) -> None:
    xp.prepare(frame(), MAPPING, schema, out=tmp_path / "out")
    other = {**MAPPING, "person.name.lastName": "first"}
    with pytest.raises(OutputError, match="another run's output"):
        xp.prepare(frame(), other, schema, out=tmp_path / "out")
    assert "lastName" not in (tmp_path / "out" / "part-00000.json").read_text()
    xp.prepare(frame(), other, schema, out=tmp_path / "out", overwrite=True)
    assert "lastName" in (tmp_path / "out" / "part-00000.json").read_text()


def test_stages_one_by_one_write_the_same(schema: xp.Schema, tmp_path: Path) -> None:
    xp.prepare(frame(), MAPPING, schema, out=tmp_path / "a")
    manifest = xp.write_json(xp.map_rows(frame(), MAPPING, schema), tmp_path / "b")
    assert manifest.written == 4
    assert (tmp_path / "a" / "part-00000.json").read_bytes() == (tmp_path / "b" / "part-00000.json").read_bytes()
    assert xp.write_parquet(xp.map_rows(frame(), MAPPING, schema), tmp_path / "c").files[0].rows == 4
    flat = xp.map_rows(frame(), {"name": "first", "id": "id"})
    xp.write_csv(flat, tmp_path / "d")
    assert (tmp_path / "d" / "part-00000.csv").read_bytes().startswith(b"name,id\r\nn0,0\r\n")


def test_many_rows_keep_their_order_and_numbers(schema: xp.Schema, tmp_path: Path) -> None:
    many = frame(40_000)
    many.loc[many["id"] % 1000 == 7, "year"] = -1
    result = xp.prepare(many, MAPPING, schema, out=tmp_path / "out", max_rows=15_000)
    assert (result.rows, result.written, result.rejected) == (40_000, 39_960, 40)
    assert [file.rows for file in result.manifest.files] == [15_000, 15_000, 9_960]
    rejects = [json.loads(line) for line in (tmp_path / "out" / "rejects.jsonl").read_text().splitlines()]
    assert [line["row"] for line in rejects] == [number * 1000 + 8 for number in range(40)]
    assert all(line["source"]["id"] == line["row"] - 1 for line in rejects)


def test_the_percentage_is_a_percentage(schema: xp.Schema, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="percentage"):
        xp.prepare(frame(), MAPPING, schema, out=tmp_path / "out", error_threshold=101)
    bad = frame()
    bad.loc[0, "year"] = -1
    xp.prepare(bad, MAPPING, schema, out=tmp_path / "fine", error_threshold=25)  # fails only strictly above
    with pytest.raises(xp.DataError, match=r"1 of 4 rows \(25.0 %\)"):
        xp.prepare(bad, MAPPING, schema, out=tmp_path / "less", error_threshold=24.9)
    assert not (tmp_path / "less" / "manifest.json").exists()


def test_a_source_in_the_output_folder_is_refused_and_stays(schema: xp.Schema, tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("F_NAME,ID1\nAna,x\n", encoding="utf-8")
    mapping = {"person.name.firstName": "F_NAME"}
    out = tmp_path / "out"
    xp.prepare(tmp_path / "s.csv", mapping, schema, out=out, rules="jsonschema")
    made = (out / "part-00000.json").read_bytes()
    with pytest.raises(UsageError, match="lies in the output folder"):
        xp.prepare(out / "part-00000.json", mapping, schema, out=out, overwrite=True)
    assert (out / "part-00000.json").read_bytes() == made


@pytest.mark.parametrize("fails", ["manifest", "mark", "rejects", "callback"])
def test_a_run_that_fails_late_leaves_nothing_to_upload(
    fails: str, tmp_path: Path, schemas: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xdmprep.core import manifest
    from xdmprep.write import OutputFolder, Rejects

    def refuse(*_: Any, **__: Any) -> None:
        raise OutputError("no more room")

    source = pa.table({"id": ["1", "2", "3"], "g": ["male", "x", "female"]})
    mapping = {"identityMap.LOYALTYID[0].id": "id", "identityMap.LOYALTYID[0].primary": True, "person.gender": "g"}
    more: dict[str, Any] = {"max_rows": 1}
    if fails == "manifest":
        monkeypatch.setattr(manifest.Manifest, "save", refuse)
    elif fails == "rejects":
        monkeypatch.setattr(Rejects, "finish", refuse)
    elif fails == "callback":
        more["on_chunk"] = refuse
    else:
        mark = OutputFolder.mark
        monkeypatch.setattr(
            OutputFolder,
            "mark",
            lambda self, state, facts: (refuse if state == "finished" else mark)(self, state, facts),
        )
    with pytest.raises(OutputError, match="no more room"):
        xp.prepare(source, mapping, schemas / "crm-profile.schema.json", tmp_path / "out", **more)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["run.json"]
    assert json.loads((tmp_path / "out" / "run.json").read_text())["state"] == "interrupted"
    monkeypatch.undo()
    done = xp.prepare(source, mapping, schemas / "crm-profile.schema.json", tmp_path / "out")  # and again
    assert done.rows == 3
