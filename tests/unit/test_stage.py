"""The Arrow stage: every row once, the records and findings of one machine, and a specification that travels."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pytest

import xdmprep as xp
from xdmprep.errors import MappingError, SourceError, UsageError


@pytest.fixture
def rows(job: tuple[Path, Path, Path]) -> pa.Table:
    names = job[0].read_text(encoding="utf-8").splitlines()[0].replace('"', "").split(",")
    texts = arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True)
    return arrow_csv.read_csv(job[0], convert_options=texts)


def run(stage: xp.ArrowStage, batches: Any) -> pa.Table:
    return pa.Table.from_batches(stage(batches), stage.arrow_schema)


def reasons(entry: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [(reason["code"], reason["path"], reason.get("value"), reason["message"]) for reason in entry]


@pytest.mark.parametrize(("size", "pickled"), [(1, False), (7, True), (1000, False)])
def test_the_stage_gives_what_one_machine_gives(
    job: Any, rows: pa.Table, tmp_path: Path, size: int, pickled: bool
) -> None:
    stage = xp.ArrowStage(job[1], job[2])
    if pickled:
        stage = pickle.loads(pickle.dumps(stage))
    made = run(stage, rows.to_batches(max_chunksize=size))
    xp.prepare(*job, out=tmp_path / "out")
    assert made.schema == stage.arrow_schema
    assert made.num_rows == rows.num_rows
    good = made.filter(made["_ok"]).drop_columns(["_ok", "_source_id", "_issues"])
    xp.write_json(good, tmp_path / "again")
    part = "part-00000.json"
    assert (tmp_path / "again" / part).read_bytes() == (tmp_path / "out" / part).read_bytes()
    aside = [json.loads(line) for line in (tmp_path / "out" / "rejects.jsonl").read_text().splitlines()]
    bad = [entry for entry in made.to_pylist(maps_as_pydicts="lossy") if not entry["_ok"]]
    assert [entry["_source_id"] for entry in bad] == [str(entry["row"]) for entry in aside]
    assert [reasons(entry["_issues"]) for entry in bad] == [reasons(entry["reasons"]) for entry in aside]


def test_ids_come_from_a_column(job: Any, rows: pa.Table) -> None:
    ids = pa.array([f"part-{number}" for number in range(rows.num_rows)])
    made = run(xp.ArrowStage(job[1], job[2]), rows.append_column("_source_id", ids))
    assert made["_source_id"].to_pylist() == ids.to_pylist()


def test_records_are_checked_without_a_mapping(job: Any, rows: pa.Table, tmp_path: Path) -> None:
    made = run(xp.ArrowStage(job[1], job[2]), rows)
    records = made.drop_columns(["_ok", "_source_id", "_issues"])
    check = xp.ArrowStage(None, job[2])
    assert check.validate_only
    again = run(check, records)
    unmapped = [bool(entry["_issues"]) and entry["_issues"][0]["code"] == "unparsable" for entry in made.to_pylist()]
    same = [a == b or lost for a, b, lost in zip(again["_ok"], made["_ok"], unmapped, strict=True)]
    assert all(bool(one) for one in same)


def test_it_travels_to_another_process(job: Any, tmp_path: Path) -> None:
    (tmp_path / "stage.pickle").write_bytes(pickle.dumps(xp.ArrowStage(job[1], job[2], strict=True)))
    code = (
        "import pickle, pathlib\n"
        f"stage = pickle.loads(pathlib.Path({str(tmp_path / 'stage.pickle')!r}).read_bytes())\n"
        "print(stage, stage.arrow_schema.names[-3:])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "['_ok', '_source_id', '_issues']" in done.stdout


def test_another_version_is_refused(job: Any) -> None:
    stage = xp.ArrowStage(job[1], job[2])
    state = stage.__getstate__() | {"version": "0.0.1"}
    with pytest.raises(UsageError, match=r"made by xdmprep 0\.0\.1"):
        xp.ArrowStage.__new__(xp.ArrowStage).__setstate__(state)
    state = stage.__getstate__() | {"sha256": "0" * 64}
    with pytest.raises(UsageError, match="is not the schema that was sent"):
        xp.ArrowStage.__new__(xp.ArrowStage).__setstate__(state)


@pytest.mark.parametrize(
    ("mapping", "say"),
    [({"$group_by": "id", "person.name.firstName": "name"}, r"\$group_by"), ({"person.name.firstName": str}, "Python")],
)
def test_what_cannot_travel_is_refused(schemas: Path, mapping: Any, say: str) -> None:
    with pytest.raises(UsageError, match=say):
        xp.ArrowStage(mapping, schemas / "crm-profile.schema.json")


def test_faults_of_the_source_are_one_message(job: Any) -> None:
    stage = xp.ArrowStage(job[1], job[2])
    with pytest.raises(MappingError, match="the source has no column"):
        list(stage(pa.table({"other": ["x"]})))
    for wrong in (3, [1], "text"):
        with pytest.raises(SourceError, match="takes Arrow record batches"):
            list(stage(wrong))


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_other_engines_hand_over_their_data(job: Any, rows: pa.Table, engine: str) -> None:
    stage = xp.ArrowStage(job[1], job[2])
    expected = run(stage, rows)
    module = pytest.importorskip(engine)
    if engine == "polars":
        made = run(stage, module.from_arrow(rows))
        back = module.from_arrow(made)
        assert back["_ok"].to_list() == expected["_ok"].to_pylist()
    else:
        made = run(stage, module.sql("select * from rows").to_arrow_reader(50))
        ((count,),) = module.sql("select count(*) from made where not _ok").fetchall()
        assert count == expected["_ok"].to_pylist().count(False)
    assert made.equals(expected)
