"""Output of Spark in an object store: an S3 server on loopback.  Needs Java and PySpark.

Each test runs a session of its own in another process, which finds the server in its environment.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from remote_kit import s3_server
from spark_kit import START, in_spark, lines_of, needs_spark, rejects_of

import xdmprep as xp
from xdmprep.client import Client
from xdmprep.core.remote_folder import RemoteFolder, fetch
from xdmprep.emulator import Emulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(autouse=True)
def _needs() -> None:
    needs_spark()


STORE = (
    START
    + """
from xdmprep.errors import DataError, OutputError, XdmPrepError

spark = builder.master("local[2,4]").getOrCreate()
out, kind = sys.argv[6:8]

def disturbed(batches):
    from pyspark import TaskContext

    context = TaskContext.get()
    for batch in batches:
        yield batch.slice(0, batch.num_rows // 2)
        if context.attemptNumber() < 2 and kind in ("killed", "failed"):
            os.kill(os.getpid(), signal.SIGKILL) if kind == "killed" else 1 / 0
        yield batch.slice(batch.num_rows // 2)

def upload_fails(batches):
    # the first attempt of each task ends after its upload: nothing says that it was complete
    from pyspark import TaskContext
    from xdmprep.spark.staging import RemoteFolder

    put = RemoteFolder.put
    def half(self, name, file):
        put(self, name, file)
        if name.endswith("issues.csv"):
            RemoteFolder.put = put
            raise RuntimeError("broken")
    if TaskContext.get().attemptNumber() == 0:
        RemoteFolder.put = half
    yield from batches

frame = spark.read.csv(source, header=True).repartition(3)
told = {}
if kind in ("killed", "failed"):
    frame = frame.mapInArrow(disturbed, frame.schema)
if kind == "upload":
    frame = frame.mapInArrow(upload_fails, frame.schema)
if kind == "again":
    prepare(frame, mapping, schema, out)
    told["same"] = prepare(frame, mapping, schema, out).rows
    told["overwritten"] = prepare(frame, mapping, schema, out, format="parquet", overwrite=True).rows
    for more in ({}, {"error_threshold": 1, "overwrite": True}):
        try:
            prepare(frame, mapping, schema, out, **more)
        except XdmPrepError as error:
            told[type(error).__name__] = str(error)
else:
    result = prepare(frame, mapping, schema, out, max_bytes=20_000)
    told = {"counts": [result.rows, result.written, result.rejected], "text": str(result), "repr": repr(result)}
    try:
        result.rejects
    except XdmPrepError as error:
        told["rejects"] = str(error)
print(json.dumps(told))
spark.stop()
"""
)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a folder in the bucket."""
    with s3_server() as url:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing-key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing-secret")
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        yield "s3a://acme/crm out"


@pytest.fixture
def alone(schemas: Path, tmp_path: Path) -> Path:
    """The output of one machine."""
    source, mapping, schema = ("examples/crm-profiles.csv", "crm-profile.mapping.yaml", "crm-profile.schema.json")
    xp.prepare(schemas / source, schemas / mapping, schemas / schema, out=tmp_path / "alone", max_bytes=20_000)
    return tmp_path / "alone"


def copied(url: str, folder: Path) -> dict[str, Any]:
    """A copy of all that is there; its manifest."""
    folder.mkdir()
    fetch(url, folder, lambda name: True)
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return found


@pytest.mark.parametrize("kind", ["plain", "killed", "failed", "upload"])
def test_the_output_in_a_store_is_that_of_one_machine(
    store: str, schemas: Path, alone: Path, tmp_path: Path, kind: str
) -> None:
    told = in_spark(STORE, schemas, tmp_path, {"spark.sql.execution.arrow.maxRecordsPerBatch": "40"}, store, kind)
    manifest = copied(store, tmp_path / "copy")
    counts = manifest["counts"]
    assert told["counts"] == [counts["rows"], counts["written"], counts["rejected"]]
    assert counts == json.loads((alone / "manifest.json").read_text())["counts"]
    assert lines_of(tmp_path / "copy") == lines_of(alone)
    assert sorted(json.dumps(entry["source"]) for entry in rejects_of(tmp_path / "copy")) == sorted(
        json.dumps(entry["source"]) for entry in rejects_of(alone)
    )
    names = {path.name for path in (tmp_path / "copy").iterdir()}
    parts = {file["name"] for file in manifest["files"]}
    assert names == {"manifest.json", "run.json", "rejects.jsonl", "issues.csv", *parts}
    assert len(parts) > 3
    assert told["text"].endswith(f"set aside -> {store}/rejects.jsonl")
    assert "Copy the folder" in told["rejects"]
    with Emulator(schemas=schemas) as server, Client(url=server.url) as client:
        dataset = client.create_dataset("crm", xp.Schema.load(schemas / "crm-profile.schema.json").id)
        line = [sys.executable, "-m", "xdmprep", "upload", store, "--dataset", dataset, "--url", server.url]
        sent = [subprocess.run([*line, "--wait", "--json"], capture_output=True, text=True) for _ in range(2)]
        assert [run.returncode for run in sent] == [0, 0], sent[0].stderr
        first, second = (json.loads(run.stdout) for run in sent)
        assert first["id"] == second["id"]
        assert client.status(first["id"]).output_records == counts["written"]


def test_a_folder_in_a_store_is_guarded_like_one_on_disk(store: str, schemas: Path, tmp_path: Path) -> None:
    told = in_spark(STORE, schemas, tmp_path, {}, store, "again")
    assert told["same"] == told["overwritten"] == 300
    assert "is not empty, it holds another run's output" in told["OutputError"]
    assert f"the reasons are in {store}/rejects.jsonl" in told["DataError"]
    assert set(RemoteFolder(store).sizes()) == {"run.json", "rejects.jsonl", "issues.csv"}
