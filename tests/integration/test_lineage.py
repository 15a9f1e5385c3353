"""OpenLineage events: one START and one end a run, by the standard's shape, with counts, and no value of the data."""

from __future__ import annotations

import csv
import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from xdmprep.cli import run

#: The required parts of the standard's RunEvent (spec 2-0-2), and of every facet.
FACETS = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "required": ["_producer", "_schemaURL"],
        "properties": {"_producer": {"format": "uri"}, "_schemaURL": {"format": "uri"}},
    },
}
DATASET = {
    "type": "object",
    "required": ["namespace", "name"],
    "properties": {
        "namespace": {"type": "string"}, "name": {"type": "string"}, "facets": FACETS, "inputFacets": FACETS,
        "outputFacets": FACETS,
    },
    "additionalProperties": False,
}  # fmt: skip
RUN_EVENT = {
    "type": "object",
    "required": ["eventType", "eventTime", "run", "job", "producer", "schemaURL"],
    "properties": {
        "eventType": {"enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]},
        "eventTime": {"type": "string", "format": "date-time"},
        "producer": {"type": "string", "format": "uri"},
        "schemaURL": {"type": "string", "format": "uri"},
        "run": {
            "type": "object", "required": ["runId"],
            "properties": {"runId": {"type": "string", "format": "uuid"}, "facets": FACETS},
        },
        "job": {
            "type": "object", "required": ["namespace", "name"],
            "properties": {"namespace": {"type": "string"}, "name": {"type": "string"}, "facets": FACETS},
        },
        "inputs": {"type": "array", "items": DATASET},
        "outputs": {"type": "array", "items": DATASET},
    },
    "additionalProperties": False,
}  # fmt: skip
CHECK = jsonschema.Draft202012Validator(RUN_EVENT, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


@pytest.fixture
def place(schemas: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(schemas, tmp_path / "schemas")
    monkeypatch.chdir(tmp_path)
    for name in ("URL", "ENDPOINT", "API_KEY", "NAMESPACE", "DISABLED"):
        monkeypatch.delenv(f"OPENLINEAGE_{name}", raising=False)
    return tmp_path


CRM = "schemas/examples/crm-profiles.csv"
JOB = "-m schemas/crm-profile.mapping.yaml -s schemas/crm-profile.schema.json -o out"


def told(line: str, code: int) -> list[dict[str, Any]]:
    """The events of a command, each of the right shape."""
    assert run([*line.split(), "--openlineage", "events.ndjson"]) == code
    events = [json.loads(one) for one in Path("events.ndjson").read_text(encoding="utf-8").splitlines()]
    for event in events:
        CHECK.validate(event)
    assert len({event["run"]["runId"] for event in events}) == 1
    return events


@pytest.mark.usefixtures("place")
def test_a_run_tells_where_its_rows_came_from_and_went(place: Path) -> None:
    start, end = told(f"prepare {CRM} {JOB}", 1)
    assert (start["eventType"], end["eventType"]) == ("START", "COMPLETE")
    assert start["job"] == end["job"] and start["job"]["namespace"] == "default"
    (source,), (output,) = end["inputs"], end["outputs"]
    assert (source["namespace"], source["name"]) == ("file", (place / CRM).as_posix())
    assert (output["namespace"], output["name"]) == ("file", (place / "out").as_posix())
    manifest = json.loads((place / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert source["inputFacets"]["inputStatistics"]["rowCount"] == 300
    statistics = output["outputFacets"]["outputStatistics"]
    assert (statistics["rowCount"], statistics["fileCount"]) == (241, 1)
    assert statistics["size"] == sum(file["bytes"] for file in manifest["files"])
    with (place / CRM).open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert [one["name"] for one in source["facets"]["schema"]["fields"]] == header
    fields = {one["name"]: one for one in output["facets"]["schema"]["fields"]}
    assert fields["person"]["fields"][0]["name"] == "name" and fields["identityMap"]["type"] == "map"
    text = Path("events.ndjson").read_text(encoding="utf-8")
    assert not [value for row in rows for value in row if len(value) > 6 and value in text]


@pytest.mark.usefixtures("place")
def test_a_patch_tells_both_snapshots() -> None:
    _, end = told(f"diff {CRM} {CRM} {JOB}", 0)
    assert [one["name"].rsplit("/", 1)[1] for one in end["inputs"]] == ["crm-profiles.csv"] * 2
    assert end["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 0


@pytest.mark.usefixtures("place")
def test_a_refusal_is_a_failure() -> None:
    Path("wrong.yaml").write_text("person.name.firstName: F_NAM\n", encoding="utf-8")
    start, end = told(f"prepare {CRM} {JOB} -m wrong.yaml", 2)
    assert (start["eventType"], end["eventType"]) == ("START", "FAIL")
    assert end["run"]["facets"]["errorMessage"]["message"] == "prepare wrong.yaml failed: mapping"


class _Receiver(http.server.BaseHTTPRequestHandler):
    taken: list[tuple[str, str | None, Any]]
    answer = 201

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.taken.append((self.path, self.headers["Authorization"], json.loads(body)))
        self.send_response(self.answer)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[tuple[str, type[_Receiver]]]:
    handler = type("Receiver", (_Receiver,), {"taken": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", handler
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.usefixtures("place")
def test_a_server_is_told_by_the_standards_variables(
    receiver: tuple[str, type[_Receiver]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url, handler = receiver
    for name, value in {"URL": url, "API_KEY": "a-key-of-mine", "NAMESPACE": "crm"}.items():
        monkeypatch.setenv(f"OPENLINEAGE_{name}", value)
    assert run(f"prepare {CRM} {JOB}".split()) == 1
    assert [(path, key) for path, key, _ in handler.taken] == [("/api/v1/lineage", "Bearer a-key-of-mine")] * 2
    assert {event["job"]["namespace"] for *_, event in handler.taken} == {"crm"}
    monkeypatch.setenv("OPENLINEAGE_DISABLED", "true")
    assert run(f"prepare {CRM} {JOB} --overwrite".split()) == 1 and len(handler.taken) == 2
    monkeypatch.delenv("OPENLINEAGE_DISABLED")
    handler.answer = 500
    capsys.readouterr()
    assert run(f"prepare {CRM} {JOB} --overwrite".split()) == 1  # the run goes on
    err = capsys.readouterr().err
    assert err.count("warning: the OpenLineage event did not reach") == 2 and "HTTP 500" in err
    assert "a-key-of-mine" not in err


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("target", ["nowhere/events.ndjson", "ftp://host/x"])
def test_a_wrong_target_is_refused(target: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*f"prepare {CRM} {JOB}".split(), "--openlineage", target]) == 2
    assert "http" in capsys.readouterr().err and not Path("out").exists()


@pytest.mark.usefixtures("place")
def test_the_standards_own_client_takes_the_events() -> None:
    """Its classes refuse wrong ids, times and addresses, and know the facets' fields and versions."""
    base = pytest.importorskip("openlineage.client.generated.base", reason="openlineage-python is not installed")
    from openlineage.client.generated import (
        input_statistics_input_dataset,
        job_type_job,
        output_statistics_output_dataset,
        processing_engine_run,
        schema_dataset,
    )

    known = {
        "schema": schema_dataset.SchemaDatasetFacet,
        "inputStatistics": input_statistics_input_dataset.InputStatisticsInputDatasetFacet,
        "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
        "processing_engine": processing_engine_run.ProcessingEngineRunFacet,
        "jobType": job_type_job.JobTypeJobFacet,
    }

    def facets(given: dict[str, Any]) -> dict[str, Any]:
        for name, facet in given.items():
            assert facet["_schemaURL"] == known[name]._get_schema()
        return {
            name: known[name](**{key: value for key, value in facet.items() if not key.startswith("_")})
            for name, facet in given.items()
        }

    for event in told(f"prepare {CRM} {JOB}", 1):
        assert event["schemaURL"] == base.RunEvent._get_schema()
        job, inner = event["job"], event["run"]
        base.RunEvent(
            eventTime=event["eventTime"], producer=event["producer"], eventType=base.EventType[event["eventType"]],
            run=base.Run(inner["runId"], facets(inner["facets"])),
            job=base.Job(job["namespace"], job["name"], facets(job["facets"])),
            inputs=[base.InputDataset(one["namespace"], one["name"], facets=facets(one.get("facets", {})),
                                      inputFacets=facets(one.get("inputFacets", {}))) for one in event["inputs"]],
            outputs=[base.OutputDataset(one["namespace"], one["name"], facets=facets(one.get("facets", {})),
                                        outputFacets=facets(one.get("outputFacets", {}))) for one in event["outputs"]],
        )  # fmt: skip
