"""A script in a process with a Spark session of its own, and what it left in a folder."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

JOB = ["crm-profiles.csv", "crm-profile.mapping.yaml", "crm-profile.schema.json"]

START = """
import json, os, signal, sys, time
from pathlib import Path

from pyspark.sql import SparkSession
from xdmprep.spark import prepare, records, rejects, validate

work = Path(sys.argv[1])
source, mapping, schema = sys.argv[2:5]
builder = SparkSession.builder
for name, value in json.loads(sys.argv[5]).items():
    builder = builder.config(name, value)
"""

LOOPBACK = {"spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}


def needs_spark() -> None:
    """Skip the test where Java or PySpark is missing."""
    if importlib.util.find_spec("pyspark") is None:
        pytest.skip("PySpark is not installed")
    if shutil.which("java") is None:
        pytest.skip("there is no Java")


def in_spark(script: str, schemas: Path, folder: Path, settings: dict[str, str], *more: str) -> Any:
    """What a script prints last, in a process with a session of its own."""
    source = schemas / "examples" / JOB[0]
    args = [folder, source, schemas / JOB[1], schemas / JOB[2], json.dumps(LOOPBACK | settings), *more]
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, args)], capture_output=True, text=True, cwd=folder,
        env=os.environ | {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


def lines_of(folder: Path) -> list[bytes]:
    return sorted(line for part in folder.glob("part-*.json") for line in part.read_bytes().splitlines())


def rejects_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "rejects.jsonl").read_text(encoding="utf-8").splitlines()]
