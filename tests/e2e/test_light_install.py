"""The base install does the main jobs; what needs an optional package says in one sentence how to get it.

The optional packages are hidden from a child process, as if they had never been installed.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from xdmprep.client import Client
from xdmprep.emulator import Emulator
from xdmprep.errors import EXTRAS

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

#: Run in the child: modules of the optional packages are not found, wherever they are.
HIDE = f"""
import importlib.machinery, os, sys
hidden = {set(EXTRAS)!r}
found = importlib.machinery.PathFinder.find_spec.__func__

def find_spec(cls, name, path=None, target=None):
    return None if name.partition(".")[0] in hidden else found(cls, name, path, target)

importlib.machinery.PathFinder.find_spec = classmethod(find_spec)
"""
#: Runs the command lines that it reads, one after the other; prints exit code, output and errors of each.
COMMANDS = (
    HIDE
    + """
import contextlib, io, json
from xdmprep.cli import run
told = []
for line in json.load(sys.stdin):
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        code = run(line)
    told.append((code, out.getvalue(), err.getvalue()))
print(json.dumps(told))
"""
)
JOB = "-m schemas/crm-profile.mapping.yaml -s schemas/crm-profile.schema.json"
CRM = "schemas/examples/crm-profiles.csv"


def child(code: str, given: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, input=given, capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def commands(*lines: str, **places: Any) -> list[tuple[int, str, str]]:
    """Exit code, output and errors of command lines; ``{tmp}`` stands for a place."""
    given = json.dumps([[word.format(**places) for word in line.split()] for line in lines])
    return [tuple(one) for one in json.loads(child(COMMANDS, given))]


def test_the_packages_are_hidden() -> None:
    ask = "import importlib.util as u\nprint([name for name in sorted(hidden) if u.find_spec(name)])"
    assert child(HIDE + ask).strip() == "[]"


def test_every_optional_package_is_in_its_extra_and_in_no_other_place() -> None:
    names = {package.replace("_", "-"): extra for package, extra in EXTRAS.items()}
    for name, extra in names.items():
        assert any(re.match(rf"{name}\b", one) for one in PROJECT["optional-dependencies"][extra]), name
        assert not any(re.match(rf"{name}\b", one) for one in PROJECT["dependencies"]), name
    for extra in set(EXTRAS.values()):
        assert extra in PROJECT["optional-dependencies"]


def test_the_base_does_the_main_jobs(tmp_path: Path) -> None:
    crm = "schemas/crm-profile.schema.json"
    lines = {
        f"prepare {CRM} {JOB} -o {{tmp}}/out": 1,
        f"prepare {CRM} {JOB} -o {{tmp}}/parquet --format parquet --report {{tmp}}/page.html": 1,
        f"validate {CRM} {JOB}": 1,
        f"validate schemas/examples/crm-profile.valid.jsonl -s {crm} --json": 0,
        f"diff {CRM} {CRM} {JOB} -o {{tmp}}/patch --preview": 0,
        f"mapping check schemas/crm-profile.mapping.yaml --schema {crm} --source {CRM}": 0,
        f"mapping explain schemas/crm-profile.mapping.yaml --schema {crm} --source {CRM}": 0,
        f"mapping suggest {CRM} --schema {crm}": 0,
        "mapping functions upper": 0,
        f"schema show {crm}": 0,
        f"schema sample {crm}": 0,
        "explain pattern": 0,
        "doctor": 0,
        "--help": 0,
    }
    for (line, code), (ended, _, errors) in zip(lines.items(), commands(*lines, tmp=tmp_path), strict=True):
        assert ended == code, (line, errors)
        assert "Traceback" not in errors and "which is not installed" not in errors, line


def test_the_base_uploads(tmp_path: Path) -> None:
    with Emulator(schemas=ROOT / "schemas") as server, Client(url=server.url) as client:
        dataset = client.create_dataset("x", "https://ns.adobe.com/acme/schemas/crm-profile")
        (ended, *_), (code, told, errors) = commands(
            f"prepare {CRM} {JOB} -o {{tmp}}/out",
            f"upload {{tmp}}/out --dataset {dataset} --url {server.url} --wait --json", tmp=tmp_path,
        )  # fmt: skip
    assert (ended, code) == (1, 0), errors
    assert json.loads(told)["status"] in ("success", "active")


def test_a_command_that_needs_more_names_its_installation(tmp_path: Path) -> None:
    (tmp_path / "contract.py").write_text("import pandera.pandas\n")
    (tmp_path / "agents.yaml").write_text("person.name.firstName: ua_os_name(F_NAME)\n")
    lines = {
        "demo": "emulator",
        "emulate --port 0": "emulator",
        f"diff {CRM} {CRM} {JOB} -o {{tmp}}/patch --preview --trial 5": "emulator",
        f"prepare {CRM} {JOB} -o {{tmp}}/out --contract {{tmp}}/contract.py": "contract",
        f"prepare sftp://host/crm.csv {JOB} -o {{tmp}}/out": "remote",
        f"prepare {CRM} {JOB} -o {{tmp}}/out --engine spark": "spark",
        f"mapping check {{tmp}}/agents.yaml --schema schemas/crm-profile.schema.json --source {CRM}": "agents",
    }
    wanted = {line: f'pip install "xdmprep[{extra}]"' for line, extra in lines.items()}
    for (line, install), (code, _, errors) in zip(wanted.items(), commands(*wanted, tmp=tmp_path), strict=True):
        assert code == 2 and install in errors, (line, errors)
        assert "Traceback" not in errors
    assert not (tmp_path / "out").exists() and not (tmp_path / "patch").exists()
    asked = {line: install for line, install in wanted.items() if "mapping check" not in line}
    again = commands(*(f"{line} --json" for line in asked), tmp=tmp_path)
    for (line, install), (code, told, _) in zip(asked.items(), again, strict=True):
        error = json.loads(told)["error"]
        assert code == 2 and install in error["message"] + error["hint"] and error["hint"], (line, error)


def test_a_call_that_needs_more_raises_one_sentence() -> None:
    records, crm = "schemas/examples/crm-profile.valid.jsonl", "schemas/crm-profile.schema.json"
    calls = {
        "xp.map_rows([{'a': 1}], xp.MappingSet({'b': 'a'})).to_pandas()": "pandas",
        f"xp.validate('{records}', '{crm}').to_pandas()": "pandas",
        "def f(a: 'pd.Series'): return a\n    xp.map_rows([{'a': 1}], xp.MappingSet({'b': f}))": "pandas",
        "from xdmprep.emulator import Emulator": "emulator",
        f"from xdmprep.testing import records; records('{crm}')": "testing",
        "xp.evaluate('ua_os_name(a)', {'a': 'x'})": "agents",
    }
    tries = (f"try:\n    {call}\nexcept ImportError as error: print(error)" for call in calls)
    said = child("\n".join([HIDE, "import xdmprep as xp", *tries])).splitlines()
    assert len(said) == len(calls)
    for extra, line in zip(calls.values(), said, strict=True):
        assert re.fullmatch(rf'.* not installed\. Run: pip install "xdmprep\[{extra}\]"', line)
