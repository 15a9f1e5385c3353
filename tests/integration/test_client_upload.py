"""Uploads: checks first, one batch per manifest, nothing twice, whatever the network does."""

from __future__ import annotations

import json
import threading

import pytest
import requests
from network_kit import (
    CATALOG,
    LOYALTY,
    UPSERT_TAGS,
    act,
    call,
    folder_of,
    lines,
    new_dataset,
    quick,
    record,
    simple_folder,
)  # fmt: skip

from xdmprep.client import polling
from xdmprep.client.config import Config
from xdmprep.client.files import Sender, _coverage
from xdmprep.client.journal import NAME, Journal
from xdmprep.client.session import Session
from xdmprep.client.upload import external_id
from xdmprep.core.manifest import Manifest
from xdmprep.emulator import Emulator
from xdmprep.errors import OutputError, PlatformError, SourceError, UsageError
from xdmprep.wire import Batch


@pytest.fixture
def dataset(emulator):
    return new_dataset(emulator.url)


def faults(emulator, *rules):
    response = requests.post(emulator.url + "/_emulator/faults", json=list(rules), timeout=20)
    assert response.status_code == 200, response.text


def all_batches(emulator):
    return call("GET", emulator.url, CATALOG + "/batches", params={"limit": 100}).json()


def test_upload_and_wait(emulator, dataset, tmp_path):
    folder = simple_folder(tmp_path / "out")
    with quick(emulator.url) as client:
        sent = []
        batch = client.upload(folder / "manifest.json", dataset_id=dataset, on_bytes=sent.append)
        found = client.wait(batch, timeout=20)
    assert found.ok and found.output_records == 12 and found.failed_records == 0
    assert sum(sent) == sum(path.stat().st_size for path in folder.glob("part-*"))
    (doc,) = all_batches(emulator).values()
    assert doc["externalId"].startswith("xdmprep-")
    assert doc["tags"]["acp_enableErrorDiagnostics"] is True


def test_the_same_command_again_sends_nothing(emulator, dataset, tmp_path):
    folder = simple_folder(tmp_path / "out")
    client = quick(emulator.url)
    first = client.upload(folder, dataset)
    client.wait(first, timeout=20)
    faults(emulator, "route=import,status=500,rate=1")  # whatever is sent now would fail
    assert client.upload(folder, dataset).id == first.id
    (folder / NAME).unlink()
    assert client.upload(folder, dataset).id == first.id
    assert len(all_batches(emulator)) == 1


def test_a_complete_that_was_not_written_down(emulator, dataset, tmp_path):
    folder = simple_folder(tmp_path / "out")
    client = quick(emulator.url)
    client.upload(folder, dataset)
    journal = folder / NAME
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-1]))  # killed just before
    client.upload(folder, dataset)
    client.upload(folder, dataset)
    assert [json.loads(line)["step"] for line in journal.read_text().splitlines()].count("completed") == 1


def test_another_dataset_or_purpose_is_another_batch(emulator, dataset, tmp_path):
    folder = simple_folder(tmp_path / "out")
    client = quick(emulator.url)
    first = client.wait(client.upload(folder, dataset), timeout=20)
    other = client.wait(client.upload(folder, new_dataset(emulator.url)), timeout=20)
    assert first.id != other.id
    new = client.wait(client.upload(folder, dataset, replay=[first.id]), timeout=20)
    assert new.ok and client.status(first.id).status == "inactive"
    assert client.upload(folder, dataset, replay=[first.id]).id == new.id


def test_the_id_of_an_upload_depends_on_what_is_sent_and_where(tmp_path):
    """Neither on the software that wrote the files nor on the order of the batches that are replaced."""
    folder = simple_folder(tmp_path / "out")
    manifest = Manifest.load(folder)
    first = external_id(manifest, "D", "dev", ["A", "B"], 0)
    assert first == external_id(manifest, "D", "dev", ["B", "A"], 0)
    change_manifest(folder, software="another 9.9")
    assert Manifest.load(folder).to_dict() != manifest.to_dict()
    assert first == external_id(Manifest.load(folder), "D", "dev", ["A", "B"], 0)
    change_manifest(folder, threshold=7)
    others = [
        external_id(Manifest.load(folder), "D", "dev", ["A", "B"], 0), external_id(manifest, "E", "dev", ["A", "B"], 0),
        external_id(manifest, "D", "prod", ["A", "B"], 0), external_id(manifest, "D", "dev", ["A"], 0),
        external_id(manifest, "D", "dev", ["A", "B"], 1), external_id(manifest, "D", "dev", ["A", "B"], 0, True),
    ]  # fmt: skip
    assert len({first, *others}) == 7


def test_replay_checks_first(emulator, dataset, tmp_path):
    folder = simple_folder(tmp_path / "out")
    client = quick(emulator.url)
    with pytest.raises(PlatformError, match="404"):
        client.upload(folder, dataset, replay=["none"])
    other = client.upload(folder, new_dataset(emulator.url))
    with pytest.raises(PlatformError, match="belongs to dataset"):
        client.upload(folder, dataset, replay=[other.id])


# ---- checks --------------------------------------------------------------------------------------------------------


def change_manifest(folder, **changes):
    path = folder / "manifest.json"
    data = json.loads(path.read_text())
    data.update(changes)
    path.write_text(json.dumps(data))


def test_changed_and_missing_files_are_found_before_anything_is_sent(emulator, dataset, tmp_path):
    folder = simple_folder(tmp_path / "out")
    part = folder / "part-00001.json"
    good = part.read_bytes()
    part.write_bytes(good.replace(b"1990", b"1991"))
    client = quick(emulator.url)
    with pytest.raises(SourceError, match=r"part-00001\.json.*changed"):
        client.upload(folder, dataset)
    part.write_bytes(good[:-1])
    with pytest.raises(SourceError, match=r"part-00001\.json.*bytes"):
        client.upload(folder, dataset)
    part.unlink()
    with pytest.raises(SourceError, match=r"part-00001\.json.*No such file"):
        client.upload(folder, dataset)
    assert all_batches(emulator) == {}


def test_a_file_that_changes_after_it_was_checked(emulator, dataset, tmp_path, monkeypatch):
    folder = simple_folder(tmp_path / "out")
    client = quick(emulator.url)
    real = Sender.send

    def changing(self, where, file, stop):
        (where / file.name).write_bytes(b"x" * file.bytes)
        real(self, where, file, stop)

    monkeypatch.setattr(Sender, "send", changing)
    with pytest.raises(SourceError, match="changed after it was checked"):
        client.upload(folder, dataset)
    assert [doc["status"] for doc in all_batches(emulator).values()] == ["loading"]  # nothing was completed


def test_manifests_that_cannot_be_right(emulator, dataset, tmp_path):
    client = quick(emulator.url)
    with pytest.raises(SourceError, match="No such file"):
        client.upload(tmp_path / "none", dataset)
    folder = simple_folder(tmp_path / "a")
    change_manifest(folder, counts={"rows": 99, "written": 12, "rejected": 0})
    with pytest.raises(SourceError, match="do not add up"):
        client.upload(folder, dataset)
    change_manifest(folder, counts={"rows": 13, "written": 13, "rejected": 0})
    with pytest.raises(SourceError, match="rows written"):
        client.upload(folder, dataset)
    change_manifest(folder, files=[], counts={"rows": 0, "written": 0, "rejected": 0})
    with pytest.raises(UsageError, match="nothing to upload"):
        client.upload(folder, dataset)
    folder = simple_folder(tmp_path / "b", files=1)
    entry = json.loads((folder / "manifest.json").read_text())["files"][0]
    change_manifest(folder, files=[{**entry, "name": "../part-00000.json"}])
    with pytest.raises(SourceError, match="expected the name of a file in the folder"):
        client.upload(folder, dataset)


def test_the_dataset_must_fit(emulator, dataset, tmp_path):
    folder = simple_folder(tmp_path / "out")
    client = quick(emulator.url)
    with pytest.raises(PlatformError, match=r"dataset none does not exist in sandbox prod"):
        client.upload(folder, "none")
    with pytest.raises(PlatformError, match="has the schema"):
        client.upload(folder, new_dataset(emulator.url, LOYALTY))
    patch = simple_folder(tmp_path / "patch", upsert=True)
    with pytest.raises(PlatformError, match="not enabled for Profile"):
        client.upload(patch, dataset)
    told: list[str] = []
    client.tell = told.append
    assert client.upload(patch, new_dataset(emulator.url, tags=UPSERT_TAGS)).id
    assert any("Parquet" in line for line in told)


def test_limits_of_a_batch(emulator, dataset, tmp_path, monkeypatch):
    folder = simple_folder(tmp_path / "out")
    client = quick(emulator.url)
    monkeypatch.setattr("xdmprep.wire.BATCH_FILES", 2)
    with pytest.raises(UsageError, match="at most 2"):
        client.upload(folder, dataset)
    monkeypatch.setattr("xdmprep.wire.BATCH_FILES", 25_000)
    monkeypatch.setattr("xdmprep.wire.BATCH_BYTES", 10)
    with pytest.raises(UsageError, match="at most 10"):
        client.upload(folder, dataset)


# ---- trouble -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", ["datasets", "batches", "create", "file", "complete", "status"])
@pytest.mark.parametrize("rule", ["status=503", "status=429", "status=500", "drop=before", "drop=after", "drop=half"])
def test_trouble_at_every_step_is_survived(emulator, dataset, tmp_path, route, rule):
    folder = simple_folder(tmp_path / "out")
    faults(emulator, f"route={route},{rule},count=2")
    client = quick(emulator.url)
    batch = client.wait(client.upload(folder, dataset), timeout=20)
    assert batch.ok and batch.output_records == 12
    assert len(all_batches(emulator)) == 1


@pytest.mark.parametrize(
    "rule",
    ["route=batches,drop=after", "route=create,drop=before", "route=file,drop=after", "route=complete,drop=after"],
)
def test_the_same_command_goes_on_after_it_gave_up(emulator, dataset, tmp_path, rule):
    folder = simple_folder(tmp_path / "out")
    client = quick(emulator.url, retries=2)
    faults(emulator, f"{rule},rate=1")
    with pytest.raises(PlatformError) as caught:
        client.upload(folder, dataset)
    assert caught.value.exit_code == 3
    requests.delete(emulator.url + "/_emulator/faults", timeout=20)
    batch = client.wait(client.upload(folder, dataset), timeout=20)
    assert batch.ok and batch.output_records == 12
    assert len(all_batches(emulator)) == 1


def test_files_that_arrived_are_not_sent_again(emulator, dataset, tmp_path, monkeypatch):
    folder = simple_folder(tmp_path / "out", files=4)
    client = quick(emulator.url, retries=1)
    real = Sender.send

    def failing(self, where, file, stop):
        if file.name == "part-00002.json":
            raise PlatformError("cut")
        real(self, where, file, stop)

    monkeypatch.setattr(Sender, "send", failing)
    with pytest.raises(PlatformError, match="cut"):
        client.upload(folder, dataset, jobs=1)
    sent: list[str] = []

    def counting(self, where, file, stop):
        sent.append(file.name)
        real(self, where, file, stop)

    monkeypatch.setattr(Sender, "send", counting)
    counted: list[int] = []
    client.upload(folder, dataset, jobs=1, on_bytes=counted.append)
    assert sum(counted[:1]) == sum((folder / f"part-0000{number}.json").stat().st_size for number in (0, 1))
    assert sent[0] == "part-00002.json"
    assert not {"part-00000.json", "part-00001.json"} & set(sent)


def test_a_batch_that_was_aborted_meanwhile(emulator, dataset, tmp_path, monkeypatch):
    folder = simple_folder(tmp_path / "out")
    client = quick(emulator.url)
    real = Sender.send

    def aborting(self, where, file, stop):
        act(emulator.url, self.batch, "ABORT")
        real(self, where, file, stop)

    monkeypatch.setattr(Sender, "send", aborting)
    with pytest.raises(PlatformError, match=r"no longer takes files: it is aborted"):
        client.upload(folder, dataset, jobs=1)
    monkeypatch.setattr(Sender, "send", real)
    with pytest.raises(PlatformError, match=r"which is aborted.*again=True"):
        client.upload(folder, dataset)
    first = client.upload(folder, dataset, again=True)
    assert client.wait(first, timeout=20).ok
    assert client.upload(folder, dataset).id == first.id  # without again=True it finds the second one
    assert client.upload(folder, dataset, again=True).id == first.id
    assert len(all_batches(emulator)) == 2


def test_a_failed_batch_and_its_errors(emulator, dataset, tmp_path):
    good = [record(number) for number in range(5)]
    bad = record(9, person={"name": 5})
    parts = [lines([good[0], good[1]]), lines([good[2], bad, good[3], b"{broken"])]
    folder = folder_of(tmp_path / "out", parts, rejected=2)
    (folder / "rejects.jsonl").write_text('{"row": 1}\n{"row": 4}\n')
    client = quick(emulator.url)
    batch = client.wait(client.upload(folder, dataset), timeout=20)
    assert batch.status == "failed"
    with pytest.raises(PlatformError, match=r"which is failed.*again=True"):
        client.upload(folder, dataset)
    errors = sorted(client.errors(batch, folder), key=lambda error: error.row)
    # written rows are 2, 3 | 5, 6, 7, 8
    assert [(error.row, error.file, error.record_number) for error in errors] == [
        (6, "part-00001.json", 2), (8, "part-00001.json", 4),
    ]  # fmt: skip
    assert errors[0].record == bad and errors[0].errors[0]["code"] == "DCVS-1104-400"
    assert errors[1].raw == "{broken"
    assert "row 6 (part-00001.json, record 2): DCVS-1104-400" in str(errors[0])
    without = list(client.errors(batch))
    assert len(without) == 2 and {error.row for error in without} == {None}


def test_the_threshold_of_the_run_becomes_the_batch_percentage(emulator, dataset, tmp_path):
    folder = folder_of(tmp_path / "out", [lines([record(1), b"{broken"])], threshold=50.0)
    client = quick(emulator.url)
    batch = client.wait(client.upload(folder, dataset), timeout=20)
    assert batch.ok and batch.failed_records == 1


def test_success_with_lost_rows_is_visible(emulator, dataset, tmp_path):
    folder = folder_of(tmp_path / "out", [lines([record(1), b"{broken"])])
    client = quick(emulator.url)
    batch = client.wait(client.upload(folder, dataset, percent=60), timeout=20)
    assert batch.ok and batch.failed_records == 1 and batch.to_dict()["recordsFailed"] == 1


def test_a_percentage_of_zero_is_one(emulator, dataset, tmp_path):
    folder = folder_of(tmp_path / "out", [lines([record(1), b"{broken"])], threshold=50.0)
    client = quick(emulator.url)
    assert client.wait(client.upload(folder, dataset, percent=0), timeout=20).status == "failed"
    (doc,) = all_batches(emulator).values()
    assert doc["tags"]["acp_partialIngestionPercent"] == 0


@pytest.mark.parametrize("retries", [1, 2, 3])
def test_how_often_the_creation_of_a_batch_is_tried(emulator, dataset, tmp_path, monkeypatch, retries):
    folder = simple_folder(tmp_path / "out")
    faults(emulator, "route=create,drop=before,rate=1")
    client = quick(emulator.url, retries=retries)
    monkeypatch.setattr(client.session, "_sleep", lambda seconds: None)
    with pytest.raises(PlatformError):
        client.upload(folder, dataset)
    assert [line["step"] for line in Journal(folder).lines()] == ["create"] * retries
    assert all_batches(emulator) == {}


@pytest.mark.parametrize("unseen", [1, 2, 4])
def test_a_batch_that_the_catalog_shows_only_after_it_refused_a_second(
    emulator, dataset, tmp_path, monkeypatch, unseen
):
    """The listing lags behind: the id is refused as known, and its batch shows up in one of the later listings."""
    folder = simple_folder(tmp_path / "out")
    faults(emulator, "route=file,status=503,rate=1")
    with pytest.raises(PlatformError):
        quick(emulator.url, retries=1).upload(folder, dataset)
    requests.delete(emulator.url + "/_emulator/faults", timeout=20)
    (first,) = all_batches(emulator)
    (folder / NAME).unlink()
    client, real, asked = quick(emulator.url), polling.batches, []

    def lagging(session, **filters):
        asked.append(filters)
        return [] if len(asked) <= unseen else real(session, **filters)

    monkeypatch.setattr(polling, "batches", lagging)
    monkeypatch.setattr(client.session, "_sleep", lambda seconds: None)
    batch = client.wait(client.upload(folder, dataset), timeout=20)
    assert (batch.id, batch.ok, len(all_batches(emulator))) == (first, True, 1)


@pytest.mark.parametrize("status", [400, 403, 422])
def test_a_refused_creation_is_not_looked_for(emulator, dataset, tmp_path, status):
    """Only of a refusal for its id there is a batch that can be gone on with."""
    folder = simple_folder(tmp_path / "out")
    faults(emulator, f"route=create,status={status},rate=1")
    with pytest.raises(PlatformError) as caught:
        quick(emulator.url).upload(folder, dataset)
    assert caught.value.status == status
    assert [line["step"] for line in Journal(folder).lines()] == ["create"]


def test_a_batch_whose_state_cannot_be_read_is_not_gone(emulator, dataset, tmp_path):
    """Only 404 says that a batch is not there: after another answer nothing is sent, and no second one is made."""
    folder = simple_folder(tmp_path / "out")
    client = quick(emulator.url, retries=1)
    faults(emulator, "route=file,status=503,rate=1")
    with pytest.raises(PlatformError):
        client.upload(folder, dataset)
    requests.delete(emulator.url + "/_emulator/faults", timeout=20)
    before = (folder / NAME).read_bytes()
    for status in (400, 403, 500):
        faults(emulator, f"route=status,status={status},rate=1")
        with pytest.raises(PlatformError) as caught:
            client.upload(folder, dataset)
        requests.delete(emulator.url + "/_emulator/faults", timeout=20)
        assert (caught.value.status, (folder / NAME).read_bytes()) == (status, before)
    faults(emulator, "route=status,status=404,count=1")  # not known yet: it is found by its externalId
    assert client.wait(client.upload(folder, dataset), timeout=20).ok
    assert len(all_batches(emulator)) == 1


def test_a_batch_that_the_catalog_has_forgotten(emulator, dataset, tmp_path, monkeypatch):
    """It was completed: its files are not sent again unasked."""
    folder = simple_folder(tmp_path / "out")
    client = quick(emulator.url)
    first = client.wait(client.upload(folder, dataset), timeout=20)
    with monkeypatch.context() as patch:
        patch.setattr(polling, "batches", lambda session, **filters: [])
        faults(emulator, "route=status,status=404,rate=1")
        with pytest.raises(PlatformError, match="not known there: Catalog does not know it any more, or not yet"):
            client.upload(folder, dataset)
    requests.delete(emulator.url + "/_emulator/faults", timeout=20)
    act(emulator.url, first.id, "REVERT")
    with pytest.raises(PlatformError, match="which is inactive") as caught:
        client.upload(folder, dataset)
    assert "does not know it" not in str(caught.value)


def test_a_listing_that_ignores_the_filter_gives_no_batch_of_others(emulator, dataset, tmp_path, monkeypatch):
    first, second = simple_folder(tmp_path / "a"), simple_folder(tmp_path / "b", first=100)
    client, real = quick(emulator.url), polling.batches
    monkeypatch.setattr(polling, "batches", lambda session, **filters: real(session))
    other = client.upload(first, dataset)
    batch = client.wait(client.upload(second, dataset), timeout=20)
    assert batch.id != other.id and batch.output_records == 12
    assert client.upload(first, dataset).id == other.id


def test_doubles_that_came_through_late_are_aborted(emulator, dataset, tmp_path, monkeypatch):
    """A creation whose answer was lost is invisible for a while, then it is there."""
    monkeypatch.setattr(emulator.state, "unique_external_ids", False)
    folder = simple_folder(tmp_path / "out")
    client = quick(emulator.url)

    real, calls = polling.batches, []

    def late(session, **filters):
        calls.append(filters)
        return [] if len(calls) <= 5 else real(session, **filters)

    monkeypatch.setattr(polling, "batches", late)
    faults(emulator, "route=create,drop=after,count=1")
    monkeypatch.setattr(client.session, "_sleep", lambda seconds: None)
    batch = client.wait(client.upload(folder, dataset), timeout=20)
    assert batch.ok
    statuses = sorted(doc["status"] for doc in all_batches(emulator).values())
    assert statuses == ["aborted", "active"]


# ---- large files ---------------------------------------------------------------------------------------------------


def big_upload(client, folder, dataset, **more):
    """An upload whose files are all too large for one PUT."""
    from xdmprep.client.upload import UploadOptions, upload

    return upload(client.session, folder, dataset, UploadOptions(small=100, chunk=64, **more))


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "drop=after,count=3",
        "drop=before,count=3",
        "status=503,count=3",
        "status=429,count=2",
        "drop=half,rate=0.1",
        "status=500,rate=0.2",
    ],
)
def test_large_files(emulator, dataset, tmp_path, rule):
    folder = simple_folder(tmp_path / "out", files=2, rows=6)
    if rule:
        faults(emulator, f"route=file,{rule}")
    client = quick(emulator.url)
    batch = client.wait(big_upload(client, folder, dataset), timeout=30)
    assert batch.ok and batch.output_records == 12
    files = emulator.state.store.query("SELECT name, bytes FROM file WHERE batch = ?", batch.id)
    assert {row["name"]: row["bytes"] for row in files} == {
        path.name: path.stat().st_size for path in folder.glob("part-*")
    }


def test_a_large_file_goes_on_where_it_stopped(emulator, dataset, tmp_path):
    folder = simple_folder(tmp_path / "out", files=1, rows=8)
    client = quick(emulator.url, retries=1)
    faults(emulator, "route=file,method=PATCH,delay=0.001,count=3", "route=file,method=PATCH,status=500,rate=1")
    with pytest.raises(PlatformError):
        big_upload(client, folder, dataset)
    (batch,) = all_batches(emulator)
    assert len(emulator.state.store.parts(batch, "part-00000.json")) == 3
    requests.delete(emulator.url + "/_emulator/faults", timeout=20)
    faults(emulator, "route=file,method=POST,delay=0.001,rate=1")
    found = client.wait(big_upload(client, folder, dataset), timeout=20)
    assert found.ok and found.output_records == 8
    steps = [line["step"] for line in Journal(folder).lines()]
    assert steps.count("begun") == 1  # it was not begun again


def test_a_put_that_is_too_large_for_the_gateway_is_sent_in_chunks(tmp_path):
    with Emulator(small_file_bytes=300) as server:
        folder = simple_folder(tmp_path / "out", files=1, rows=8)
        client = quick(server.url)
        batch = client.wait(client.upload(folder, new_dataset(server.url), chunk=128), timeout=20)
        assert batch.ok and batch.output_records == 8


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        ([], "none"),
        ([(0, 9)], "none"),
        ([(0, 99)], "all"),
        ([(10, 19)], "all"),
        ([(0, 12)], "some"),
        ([(15, 30)], "some"),
    ],
)
def test_which_part_of_a_chunk_has_arrived(received, expected):
    assert _coverage(received, 10, 19) == expected


# ---- journal -------------------------------------------------------------------------------------------------------


def test_a_line_that_was_cut_off_is_ignored(tmp_path):
    with Journal(tmp_path) as journal:
        journal.write("created", externalId="E", batch="B")
    with (tmp_path / NAME).open("ab") as file:
        file.write(b'{"step": "sent", "externalId": "E", "fi')
    with Journal(tmp_path) as journal:
        assert journal.progress("E").sent == {}
        journal.write("sent", externalId="E", batch="B", file="f", sha256="h")
        assert journal.progress("E").sent == {"f": "h"}
        assert journal.progress("E").batch == "B"
        assert journal.progress("other").batch is None


def test_a_second_process_says_so(tmp_path):
    with Journal(tmp_path), pytest.raises(UsageError, match="another process"), Journal(tmp_path):
        pass
    with Journal(tmp_path):  # the lock has gone
        pass


def test_a_folder_that_cannot_be_written(tmp_path):
    with pytest.raises(OutputError, match="cannot keep the upload's journal"), Journal(tmp_path / "none"):
        pass


def test_lines_of_many_threads_stay_whole(emulator, dataset, tmp_path):
    folder = simple_folder(tmp_path / "out", files=30, rows=1)
    client = quick(emulator.url)
    before = threading.active_count()  # other tests' servers included
    client.upload(folder, dataset, jobs=8)
    text = (folder / NAME).read_text().splitlines()
    steps = [json.loads(line)["step"] for line in text]
    assert steps.count("sent") == 30 and steps[-1] == "completed"
    assert threading.active_count() < before + 60


def test_wait_gives_up_and_says_how_to_go_on(tmp_path):
    with Emulator(delay=5) as server:
        client = quick(server.url)
        batch = client.upload(simple_folder(tmp_path / "out"), new_dataset(server.url))
        with pytest.raises(PlatformError, match=r"still (loaded|staging).*xdmprep batch status"):
            client.wait(batch, timeout=0.2)


@pytest.mark.parametrize(("url", "longest"), [("http://127.0.0.1:1", 2.0), ("https://platform.adobe.io", 120.0)])
def test_how_long_waiting_pauses(monkeypatch, url, longest):
    answers = iter(["loaded"] * 40 + ["active"])
    monkeypatch.setattr(polling, "status", lambda session, batch: Batch(batch, next(answers)))
    pauses: list[float] = []
    session = Session(Config.load(url=url, token="t", org="o", client_id="c"), sleep=pauses.append)
    assert polling.wait(session, "b").ok
    assert len(pauses) == 40 and pauses == sorted(pauses) and max(pauses) == longest


def test_stalled_and_retried_batches(emulator, dataset, tmp_path):
    client = quick(emulator.url)
    faults(emulator, "stall=1")
    batch = client.wait(client.upload(simple_folder(tmp_path / "a"), dataset), timeout=20)
    assert batch.status == "stalled" and "given up" in batch.explanation
    assert client.abort(batch).status == "aborted"
    faults(emulator, "retry=1")
    seen: list[str] = []
    batch = client.upload(simple_folder(tmp_path / "b", first=100), dataset)
    assert client.wait(batch, timeout=20, poll=0.02, on_status=lambda now: seen.append(now.status)).ok
    assert "retrying" in seen
