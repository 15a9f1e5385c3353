"""A user's script is clean under pyright's strict mode, and a wrong word in it is found."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = '''
"""What people write."""

from pathlib import Path

import pyarrow as pa

import xdmprep as xp
from xdmprep.client import Client
from xdmprep.emulator import Emulator

schema = xp.Schema.load("crm.schema.json")
registry = xp.Registry.load("schemas/")
other = registry["https://ns.adobe.com/acme/schemas/x"]
print(other.fields().num_rows, schema.id, schema.title, schema.tree())

mapping = xp.MappingSet({"person.name.firstName": "F_NAME", "person.birthYear": "to_integer(YOB)"}, name="crm")
mapping["person.name.lastName"] = "L_NAME"
mapping.save("crm.mapping.yaml")
print(mapping.to_dict(), len(xp.MappingSet.load(Path("crm.mapping.yaml"))))

options = xp.CsvOptions(delimiter=";", encoding="cp1252")
result = xp.prepare(
    "crm.csv", mapping, schema, out="out/", format="parquet", rules="batch", strict=True, csv=options, max_rows=10_000
)
print(result.rows, result.written, result.rejected, result.manifest.schema["id"])
if result.rejected:
    rejects = result.rejects
    print(rejects.num_rows, rejects.column_names)
    print(result.mend(rejects))
    print(xp.mend("out/", rejects))

report: xp.Report = result.report
if not report.valid:
    print(report.summary(), report.headline(), report.to_dict(), len(report.to_pandas()))
    Path("page.html").write_text(report.to_html(), encoding="utf-8")
    report.save("issues.csv")

for issue in schema.check({"person": {"name": {"firstName": 1}}}, rules="jsonschema"):
    print(issue.code, issue.severity, issue.path, issue.message.upper())

rows = [{"a": 1, "b": "x"}]
sources: list[xp.Stream] = [
    xp.map_rows(rows, {"c": "a"}),
    xp.map_rows({"a": [1, 2]}, {"c": "a"}),
    xp.map_rows(["one.csv", Path("two.csv")], mapping, schema),
    xp.map_rows((row for row in rows), {"c": "a"}),
    xp.map_rows(pa.table({"a": [1]}), {"c": "a"}),
    xp.map_rows(pa.record_batch({"a": [1]}), {"c": "a"}),
]
with Path("crm.csv").open("rb") as opened:
    sources.append(xp.map_rows(opened, mapping, schema))
for stream in sources:
    print(stream.to_table().num_rows, stream.to_pylist()[0].get("c"), len(stream.to_pandas()))
    manifest = xp.write_json(stream, "out/", max_rows=5)
    print([file.rows for file in manifest.files], manifest.written)

checked = xp.validate("part-00000.json", schema, rules="strict", cap=10)
checked.raise_if_invalid()
patch = xp.diff("may.csv", "june.csv", schema, on="identityMap.CRMID[0].id", mapping=mapping, new="leave-out")
print(patch.preview(), patch.to_table().num_rows)
print(xp.evaluate('concat(a, "b")', {"a": "x"}, target_type="string"))
for record in xp.sample(schema, 3, seed=1):
    print(record)
print(xp.draft_schema("crm.csv", tenant="acme").paths())
stage = xp.ArrowStage(mapping, schema, rules="strict")
print(stage.arrow_schema.names, [batch.num_rows for batch in stage([pa.record_batch({"a": [1]})])])

try:
    with Emulator(schemas="schemas/", seed=1) as server, Client(url=server.url) as client:
        dataset = client.create_dataset("x", result.manifest.schema["id"], profile=True)
        batch = client.wait(client.upload("out/", dataset_id=dataset).id, timeout=60)
        print(batch.status, batch.metrics["outputRecordCount"], client.status(batch.id).status)
except xp.PlatformError as error:
    print(error.hint, error.status)
except xp.MappingError as error:
    print(error.faults)
'''


def problems(script: str, folder: Path) -> list[tuple[int, str]]:
    (folder / "script.py").write_text(script, encoding="utf-8")
    settings = {"typeCheckingMode": "strict", "include": ["script.py"], "extraPaths": [str(ROOT)]}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable],
        cwd=folder, capture_output=True, text=True, timeout=250, check=False,
    )  # fmt: skip
    if "generalDiagnostics" not in done.stdout:
        pytest.skip(f"pyright does not run here (it needs Node, or a network to get it): {done.stderr[-200:]}")
    found = json.loads(done.stdout)["generalDiagnostics"]
    return [(one["range"]["start"]["line"] + 1, one["message"]) for one in found]


@pytest.mark.skipif(importlib.util.find_spec("pyright") is None, reason="pyright is not installed")
def test_a_users_script_is_clean_and_wrong_words_are_not(tmp_path: Path) -> None:
    assert not (found := problems(SCRIPT, tmp_path)), "\n".join(f"{line}: {text}" for line, text in found)
    wrong = """
import xdmprep as xp

xp.prepare("a.csv", {"b": "a"}, "s.json", "out/", format="avro")
xp.validate("a.json", "s.json", rules="strct")
xp.validate(5, "s.json")
xp.map_rows("a.csv", 7)
xp.Schema.load("s.json").check({}, rules="none")
"""
    assert sorted({line for line, _ in problems(wrong, tmp_path)}) == [4, 5, 6, 7, 8]
