"""The stage inside engines that move Arrow batches themselves: Ray Data, Dask; Spark, DuckDB and polars elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

import xdmprep as xp


@pytest.fixture
def rows(job: Any) -> pd.DataFrame:
    """The source's texts, with ids of our own."""
    frame = pd.read_csv(job[0], dtype=str, keep_default_na=False, na_values=[""])
    frame["_source_id"] = [f"crm-{number}" for number in range(len(frame))]
    return frame


def same_as_one_machine(made: pa.Table, stage: xp.ArrowStage, job: Any, tmp_path: Path) -> None:
    """Records byte by byte, rejects by row and reasons."""
    xp.prepare(*job, out=tmp_path / "alone")
    order = pa.compute.sort_indices(pa.compute.cast(pa.compute.utf8_slice_codeunits(made["_source_id"], 4), pa.int64()))
    made = made.take(order)
    assert len(set(made["_source_id"].to_pylist())) == made.num_rows == 300
    good = made.filter(made["_ok"]).select(stage.schema.arrow_schema.names)
    xp.write_json(good, tmp_path / "again")
    part = "part-00000.json"
    assert (tmp_path / "again" / part).read_bytes() == (tmp_path / "alone" / part).read_bytes()
    aside = [json.loads(line) for line in (tmp_path / "alone" / "rejects.jsonl").read_text().splitlines()]
    bad = made.filter(pa.compute.invert(made["_ok"]))
    assert bad["_source_id"].to_pylist() == [f"crm-{entry['row'] - 1}" for entry in aside]
    codes = [[issue["code"] for issue in issues] for issues in bad["_issues"].to_pylist()]
    assert codes == [[reason["code"] for reason in entry["reasons"]] for entry in aside]


@pytest.mark.filterwarnings("default")
def test_dask_runs_the_stage_on_partitions(job: Any, rows: pd.DataFrame, tmp_path: Path) -> None:
    dask = pytest.importorskip("dask", reason="Dask is not installed")
    frames = pytest.importorskip("dask.dataframe", reason="Dask's DataFrames are not installed")
    stage = xp.ArrowStage(job[1], job[2])

    def checked(part: pd.DataFrame) -> pd.DataFrame:
        table = pa.Table.from_pandas(part, preserve_index=False)
        made = pa.Table.from_batches(stage(table), stage.arrow_schema)
        return made.to_pandas(types_mapper=pd.ArrowDtype)

    meta = stage.arrow_schema.empty_table().to_pandas(types_mapper=pd.ArrowDtype)
    lazy = frames.from_pandas(rows, npartitions=4, sort=False).map_partitions(checked, meta=meta)
    with dask.config.set(scheduler="processes", num_workers=2):
        made = lazy.compute()
    same_as_one_machine(pa.Table.from_pandas(made, stage.arrow_schema, preserve_index=False), stage, job, tmp_path)


@pytest.mark.filterwarnings("default")
def test_ray_runs_the_stage_on_batches(job: Any, rows: pd.DataFrame, tmp_path: Path) -> None:
    ray = pytest.importorskip("ray", reason="Ray is not installed")
    pytest.importorskip("ray.data", reason="Ray Data is not installed")
    stage = xp.ArrowStage(job[1], job[2])

    def checked(batch: pa.Table) -> pa.Table:
        return pa.Table.from_batches(stage(batch), stage.arrow_schema)

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        data = ray.data.from_arrow(pa.Table.from_pandas(rows, preserve_index=False)).repartition(4)
        made = data.map_batches(checked, batch_format="pyarrow", batch_size=64)
        tables = [ray.get(piece) for piece in made.to_arrow_refs()]
    finally:
        ray.shutdown()
    table = pa.concat_tables([table.cast(stage.arrow_schema) for table in tables if table.num_rows])
    same_as_one_machine(table, stage, job, tmp_path)
