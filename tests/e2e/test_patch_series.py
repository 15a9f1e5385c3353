"""A patch of several batches on its way: in order, each when the one before has ended, nothing twice."""

from __future__ import annotations

import csv
import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import requests
from command_kit import command
from network_kit import CATALOG, UPSERT_TAGS, call, folder_of, lines, new_dataset, profile, quick, record

from xdmprep.cli.preview import preview_of
from xdmprep.core.shipped import shipped
from xdmprep.emulator import Emulator
from xdmprep.errors import PlatformError, SourceError, UsageError
from xdmprep.pipeline.upsert import write_patch

SCHEMA, MAPPING = shipped("crm-profile.schema.json"), shipped("crm-profile.mapping.yaml")


@pytest.fixture
def server() -> Any:
    with Emulator(schemas=SCHEMA.parent, delay=0.05) as started:
        yield started


@pytest.fixture
def dataset(server: Emulator) -> str:
    return new_dataset(server.url, tags=UPSERT_TAGS)


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a patch of ten records in three batches."""
    folder = tmp_path_factory.mktemp("split")
    with shipped("examples/crm-profiles.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    rows = [row for row in rows if len(row[header.index("ID4")]) == 38]
    late = [list(row) for row in rows]
    for row in late[:10]:
        row[header.index("CITY")] = "Ålesund"
    for name, content in (("before", rows), ("after", late)):
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *content])
    before, after = folder / "before.csv", folder / "after.csv"
    result = write_patch(before, after, SCHEMA, folder / "out", mapping=MAPPING, max_records=4)
    assert [manifest.written for manifest in result.manifests] == [4, 4, 2]
    return folder / "out"


@pytest.fixture
def folder(split: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(split, tmp_path / "out"))


def batches(server: Emulator) -> list[dict[str, Any]]:
    found = call("GET", server.url, CATALOG + "/batches", params={"limit": 100, "orderBy": "asc:created"}).json()
    return sorted(found.values(), key=lambda doc: doc["created"])


def test_in_order_and_each_when_the_one_before_has_ended(server: Emulator, dataset: str, folder: Path) -> None:
    made = command("upload", folder, "--dataset", dataset, "--url", server.url, "--wait")
    assert made.returncode == 0, made.stderr
    assert made.stdout == "3 of 3 batches sent in order, 3 ingested (10 records)\n"
    sent = batches(server)
    assert [doc["metrics"]["inputRecordCount"] for doc in sent] == [4, 4, 2]
    for former, later in pairwise(sent):
        assert former["completed"] <= later["created"]
    again = command("upload", folder, "--dataset", dataset, "--url", server.url, "--wait", "--json")
    data = json.loads(again.stdout)
    assert again.returncode == 0
    assert [batch["id"] for batch in data["batches"]] == [doc["id"] for doc in sent]
    assert (data["of"], data["reason"]) == (3, None)
    assert len(batches(server)) == 3
    assert command("dataset", "check", dataset, "--manifest", folder, "--url", server.url).stdout.endswith(
        "takes these files (3 files, 10 records)\n"
    )


def test_it_goes_on_where_it_stopped_and_sends_nothing_twice(server: Emulator, dataset: str, folder: Path) -> None:
    client = quick(server.url, retries=2)
    told: list[str] = []

    def tell(text: str) -> None:
        told.append(text)
        if text.startswith("batch 2 of 3"):
            rule = {"route": "file", "method": "PUT", "status": 503, "count": 2}
            requests.post(server.url + "/_emulator/faults", json=[rule], timeout=20).raise_for_status()

    client.tell = tell
    with pytest.raises(PlatformError, match=r"batch 2 of 3 .*batch-00002"):
        client.upload_series(folder, dataset)
    assert [doc["status"] for doc in batches(server)] == ["active", "loading"]
    client.tell = told.append
    series = client.upload_series(folder, dataset)
    client.wait(series.batches[-1], timeout=20)
    assert not series.failed
    assert [doc["status"] for doc in batches(server)] == ["active"] * 3
    assert [doc["metrics"]["inputRecordCount"] for doc in batches(server)] == [4, 4, 2]
    assert sum("everything was sent before" in line for line in told) == 1


def three(folder: Path, second: list[bytes]) -> Path:
    """Three batches of one record each; what the second one holds is given."""
    parts = [[lines([record(1, person={"birthYear": 1990})])], second, [lines([record(1, person={"birthYear": 1992})])]]
    for number, part in enumerate(parts, 1):
        source = {"name": "test", "batch": number, "batches": 3}
        folder_of(folder / f"batch-{number:05}", part, source=source, upsert=True)
    return folder


def test_a_batch_that_fails_holds_up_those_behind_it(server: Emulator, dataset: str, tmp_path: Path) -> None:
    folder = three(tmp_path / "out", [lines([record(1, person={"birthYear": 1991}), b"{broken"])])
    made = command("upload", folder, "--dataset", dataset, "--url", server.url)
    assert made.returncode == 1
    assert "2 of 3 batches sent in order, 1 ingested (1 record)" in made.stdout
    assert "batch-00002) is failed" in made.stdout and "the 1 behind it were not sent" in made.stdout
    assert len(batches(server)) == 2
    made = command("upload", folder, "--dataset", dataset, "--url", server.url)
    assert made.returncode == 3 and "--again" in made.stderr and "batch 2 of 3" in made.stderr
    made = command("upload", folder, "--dataset", dataset, "--url", server.url, "--again", "--partial-percent", "60",
                   "--wait")  # fmt: skip
    assert made.returncode == 0
    assert "3 of 3 batches sent in order, 3 ingested" in made.stdout
    assert "ATTENTION: lost 1 record" in made.stdout
    assert profile(server.url, "CRMID", "c1")["person"] == {"birthYear": 1992}  # type: ignore[index]


def test_wrong_files_are_told_before_anything_is_sent(server: Emulator, dataset: str, folder: Path) -> None:
    client = quick(server.url)
    with pytest.raises(UsageError, match="cannot replace others"):
        client.upload_series(folder, dataset, replay=["x"])
    with pytest.raises(SourceError, match=r"holds 3 batches; give the folder of one, such as .*batch-00001"):
        client.upload(folder, dataset)
    last = folder / "batch-00003" / "part-00000.parquet"
    last.write_bytes(last.read_bytes()[:-1])
    with pytest.raises(SourceError, match="batch-00003"):
        client.upload_series(folder, dataset)
    shutil.rmtree(folder / "batch-00003")
    with pytest.raises(SourceError, match="holds 2 of the 3 batches"):
        client.upload_series(folder, dataset)
    shutil.rmtree(folder / "batch-00001")
    with pytest.raises(SourceError, match="holds 1 of the 3 batches"):
        client.upload_series(folder, dataset)
    assert batches(server) == []
    made = command("upload", folder, "--dataset", dataset, "--url", server.url)
    assert made.returncode == 2 and "Run the same command again" in made.stderr


def test_errors_of_a_patch_name_the_file_and_no_wrong_row(server: Emulator, dataset: str, tmp_path: Path) -> None:
    folder = three(tmp_path / "out", [lines([b"{broken"])])
    client = quick(server.url)
    series = client.upload_series(folder, dataset)
    assert series.failed
    (error,) = client.errors(series.batches[-1], folder / "batch-00002")
    assert (error.file, error.record_number, error.row) == ("part-00000.json", 1, None)


PERSON = {
    "person.name.firstName": "name",
    "person.birthYear": "year",
    "identityMap.CRMID[0].id": "id",
    "identityMap.CRMID[0].primary": True,
}


def test_a_preview_of_batches_that_hold_unlike_columns(tmp_path: Path, schemas: Path) -> None:
    """Each batch of a series holds only what changed in its records, so their columns differ."""
    (tmp_path / "a.csv").write_text("id,name,year\n" + "".join(f"{n},Anna,1980\n" for n in range(6)))
    changed = ["0,Bo,1980", "1,Anna,1981", "2,Anna,", "3,,1980", "4,Cy,1982", "5,Anna,1983"]
    (tmp_path / "b.csv").write_text("id,name,year\n" + "\n".join(changed) + "\n")
    schema = schemas / "crm-profile.schema.json"
    for format in ("json", "parquet"):
        result = write_patch(
            tmp_path / "a.csv", tmp_path / "b.csv", schema, tmp_path / format, mapping=PERSON, format=format,
            max_records=1, effects=1000,
        )  # fmt: skip
        seen = preview_of(result, schema)
        assert len(result.manifests) > 2 and seen.tried == seen.records and seen.otherwise == {}
