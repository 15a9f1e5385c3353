"""Spark with executors of their own: speculation, killed workers, and Spark Connect.  Needs Java and PySpark.

Each test runs a session of its own in another process, because a process has one for life.
"""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from spark_kit import JOB, START, in_spark, lines_of, needs_spark, rejects_of

import xdmprep as xp

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


CLUSTER = (
    START
    + """
master, kind = sys.argv[6:8]
spark = builder.master(master).getOrCreate()

def disturbed(batches):
    from pyspark import TaskContext

    context = TaskContext.get()
    partition, attempt = context.partitionId(), context.attemptNumber()
    (work / "tried" / f"{partition}-{attempt}-{context.taskAttemptId()}").touch()
    for batch in batches:
        half = batch.num_rows // 2
        yield batch.slice(0, half)
        first = work / "first"
        if partition == 1:
            try:
                first.touch(exist_ok=False)
            except FileExistsError:
                pass
            else:
                if kind == "slow":  # until there is a second attempt, and then both end at about the same time
                    end = time.monotonic() + 300
                    while len(list((work / "tried").glob("1-*"))) < 2 and time.monotonic() < end:
                        time.sleep(0.1)
                else:  # the worker's parent is the daemon, whose parent is the executor
                    stat = Path(f"/proc/{os.getppid()}/stat").read_text()
                    os.kill(int(stat.rpartition(")")[2].split()[1]), signal.SIGKILL)
        yield batch.slice(half)

(work / "tried").mkdir()
frame = spark.read.csv(source, header=True).repartition(6)
spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", 10)
result = prepare(frame.mapInArrow(disturbed, frame.schema), mapping, schema, work / "out")
print(json.dumps([result.rows, result.written, result.rejected]))
spark.stop()
"""
)

CONNECT = (
    START
    + """
os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
spark = builder.remote("local[2]").getOrCreate()
assert "connect" in type(spark).__module__
frame = spark.read.csv(source, header=True)
made = prepare(frame, mapping, schema, work / "out")
views = [records(frame, mapping, schema).count(), rejects(frame, mapping, schema).count()]
invalid = validate(frame, schema, mapping=mapping).invalid
odd = spark.sql("SELECT 'a' AS `id`, make_interval(1) AS iv, X'00' AS bytes, 'r' AS reasons, 1 AS `a.b c`, "
                "TIMESTAMP '2024-05-06 07:08:09.123+00:00' AS at, TIMESTAMP_NTZ '2024-05-06 07:08:09' AS wall")
event = Path(schema).with_name("purchase-event.schema.json")
prepare(odd, {"_id": "concat(id, ${a.b c})", "timestamp": "at"}, event, work / "odd", rules="batch")
print(json.dumps([made.rows, made.written, made.rejected, views, invalid, sorted({e["file"] for e in map(json.loads,
    (work / "out" / "rejects.jsonl").open())})]))
spark.stop()
"""
)


@pytest.fixture(autouse=True)
def _needs() -> None:
    needs_spark()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def cluster(_needs: None, tmp_path: Path) -> Iterator[str]:
    """The address of a cluster of two workers, on hosts of their own: a second attempt never runs on the same host."""
    import pyspark

    home = Path(pyspark.__file__).parent
    port = free_port()
    address = f"spark://127.0.0.1:{port}"
    env = os.environ | {"SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1"}
    command = [home / "bin" / "spark-class"]
    started = []

    def start(log: str, *args: str) -> None:
        with (tmp_path / log).open("wb") as out:
            started.append(subprocess.Popen([*command, *args], stdout=out, stderr=out, env=env, cwd=tmp_path))

    def wait_for(log: str, text: str) -> None:
        end = time.monotonic() + 240
        while text not in (tmp_path / log).read_text(errors="replace"):
            assert time.monotonic() < end, (tmp_path / log).read_text(errors="replace")[-2000:]
            time.sleep(0.2)

    try:
        here = ["--host", "127.0.0.1", "--port", str(port), "--webui-port", "0"]
        start("master.log", "org.apache.spark.deploy.master.Master", *here)
        wait_for("master.log", "I have been elected leader")
        for number in (1, 2):
            own = ["--host", f"127.0.0.{number}", "--webui-port", "0", "--cores", "1", "--memory", "1g"]
            work = ["--work-dir", str(tmp_path / f"work{number}"), address]
            start(f"worker{number}.log", "org.apache.spark.deploy.worker.Worker", *own, *work)
        for number in (1, 2):
            wait_for(f"worker{number}.log", "Successfully registered with master")
        yield address
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(60)


def same_as_one_machine(schemas: Path, tmp_path: Path) -> xp.Result:
    alone = xp.prepare(schemas / "examples" / JOB[0], schemas / JOB[1], schemas / JOB[2], out=tmp_path / "alone")
    assert lines_of(tmp_path / "out") == lines_of(tmp_path / "alone")
    aside, expected = rejects_of(tmp_path / "out"), rejects_of(tmp_path / "alone")
    assert sorted(str(entry["source"]) for entry in aside) == sorted(str(entry["source"]) for entry in expected)
    assert len({(entry["file"], entry["row"]) for entry in aside}) == len(aside)
    assert not list((tmp_path / "out").glob(".*"))
    return alone


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and the addresses 127.0.0.0/8")
@pytest.mark.parametrize("kind", ["slow", "killed"])
def test_speculation_and_a_killed_executor_double_and_lose_nothing(
    cluster: str, schemas: Path, tmp_path: Path, kind: str
) -> None:
    speculation = {
        "spark.speculation": "true", "spark.speculation.interval": "100ms", "spark.speculation.quantile": "0.3",
        "spark.speculation.multiplier": "1.1", "spark.speculation.minTaskRuntime": "100ms",
        "spark.speculation.efficiency.enabled": "false",
    }  # fmt: skip
    settings = {"spark.executor.memory": "512m"} | (speculation if kind == "slow" else {})
    counts = in_spark(CLUSTER, schemas, tmp_path, settings, cluster, kind)
    tried = [mark.name.split("-")[0] for mark in (tmp_path / "tried").iterdir()]
    assert tried.count("1") >= 2  # there was a second attempt
    alone = same_as_one_machine(schemas, tmp_path)
    assert counts == [alone.rows, alone.written, alone.rejected]


def test_spark_connect_gives_the_same(schemas: Path, tmp_path: Path) -> None:
    import pyspark

    if importlib.util.find_spec("grpc") is None:
        pytest.skip("pyspark[connect] is not installed")
    if not list((Path(pyspark.__file__).parent / "jars").glob("spark-connect_*.jar")):
        pytest.skip(f"PySpark {pyspark.__version__} brings no Connect server")
    found = in_spark(CONNECT, schemas, tmp_path, {})
    alone = same_as_one_machine(schemas, tmp_path)
    assert found[:3] == [alone.rows, alone.written, alone.rejected]
    assert found[3:5] == [[alone.written, alone.rejected], alone.rejected]
    assert found[5] == [str(schemas / "examples" / JOB[0])]
    (line,) = lines_of(tmp_path / "odd")
    assert json.loads(line) == {"_id": "a1", "timestamp": "2024-05-06T07:08:09.123Z"}
