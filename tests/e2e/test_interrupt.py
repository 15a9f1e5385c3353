"""Ctrl-C in each command that can take long: one line, exit code 130, and no file that is half written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from xdmprep.core.shipped import shipped

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc, as on Linux")

SCHEMA = shipped("crm-profile.schema.json")
ROWS = 1_500_000
COMMANDS = {
    "prepare json": "prepare big.csv -m m.json -s {schema} -o out",
    "prepare parquet": "prepare big.csv -m m.json -s {schema} -o out --format parquet",
    "prepare in groups": "prepare big.csv -m grouped.yaml -s {schema} -o out",
    "validate": "validate big.jsonl -s {schema}",
    "validate mapped": "validate big.csv -m m.json -s {schema}",
    "diff": "diff big.csv later.csv -m m.json -s {schema} -o out",
    "mapping explain": "mapping explain slow.yaml --source big.csv --rows 1500000",
    "mapping suggest": "mapping suggest big.csv --schema {schema} --rows 1500000",
    "schema sample": "schema sample {schema} -n 5000000 -o out.jsonl",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("long")
    (made / "big.csv").write_text("id,name\n" + "".join(f"{n},Ada {n}\n" for n in range(ROWS)))
    (made / "later.csv").write_text("id,name\n" + "".join(f"{n},Ida {n}\n" for n in range(ROWS)))
    (made / "big.jsonl").write_text(
        "".join(f'{{"person":{{"name":{{"firstName":"Ada {n}"}}}}}}\n' for n in range(ROWS))
    )
    mapping = {"identityMap.LOYALTYID[0].id": "id", "person.name.firstName": "name"}
    (made / "m.json").write_text(json.dumps(mapping))
    (made / "grouped.yaml").write_text(json.dumps({**mapping, "$group_by": "id"}))
    (made / "slow.yaml").write_text('a: matches_regex(name, "(?<=A)(a|aa)+b")\n')
    return made


def worked(pid: int) -> float:
    """Processor seconds that a process has used: on a busy machine, Python takes long to reach the command."""
    used = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(used[11]) + int(used[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.7, 1.5])
@pytest.mark.parametrize("name", COMMANDS)
def test_an_interrupt_ends_any_command(name: str, seconds: float, folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).symlink_to(file)
    before = set(tmp_path.iterdir())
    words = COMMANDS[name].format(schema=SCHEMA).split()
    with subprocess.Popen(
        [sys.executable, "-m", "xdmprep", *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:  # fmt: skip
        while process.poll() is None and worked(process.pid) < 0.1:
            time.sleep(0.02)
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err.strip().splitlines()[-1] == "xdmprep: interrupted." and "Traceback" not in err
    left = {path.name for made in set(tmp_path.iterdir()) - before for path in ([made, *made.rglob("*")])}
    assert left <= {"out", "run.json"}
