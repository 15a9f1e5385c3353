"""`xdmprep diff` and `prepare --upsert` as people use them, their files read by others, and sent to the emulator."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from command_kit import command

import xdmprep as xp
from xdmprep.cli.preview import preview_of
from xdmprep.client import Client
from xdmprep.core.manifest import Manifest
from xdmprep.core.shipped import shipped
from xdmprep.emulator import Emulator
from xdmprep.errors import UsageError
from xdmprep.pipeline.upsert import write_patch

SCHEMA, MAPPING = shipped("crm-profile.schema.json"), shipped("crm-profile.mapping.yaml")
COMMON = ["--schema", str(SCHEMA), "--mapping", str(MAPPING)]


@pytest.fixture
def crm() -> tuple[list[str], list[list[str]]]:
    with shipped("examples/crm-profiles.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    ecid = header.index("ID4")
    return header, [row for row in rows if len(row[ecid]) == 38]  # the others never become profiles


def write(path: Path, header: list[str], rows: list[list[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture
def pair(crm: Any, tmp_path: Path) -> tuple[Path, Path]:
    """Two exports: ten people moved, one without a postal code now, one left."""
    header, rows = crm
    late = [list(row) for row in rows]
    for row in late[:10]:
        row[header.index("STREET")] = "1 New Road"
        row[header.index("CITY")] = "Ålesund"
    late[20][header.index("ZIP")] = ""
    del late[30]
    return write(tmp_path / "before.csv", header, rows), write(tmp_path / "after.csv", header, late)


def test_a_patch_by_command(pair: tuple[Path, Path], tmp_path: Path) -> None:
    before, after = pair
    out = tmp_path / "patch"
    made = command("diff", before, after, *COMMON, "--out", out)
    assert made.returncode == 1, made.stderr  # one key vanished, one value cannot be cleared
    assert "10 changed, 0 new" in made.stdout
    manifest = Manifest.load(out)
    assert manifest.upsert
    assert manifest.format == "parquet"
    assert (manifest.rows, manifest.written, manifest.rejected) == (10, 10, 0)
    counts = manifest.source["counts"]
    assert counts["after"] == counts["unchanged"] + counts["changed"] == len(after.read_text().splitlines()) - 1
    with (out / "vanished.csv").open(newline="") as file:
        (line,) = csv.DictReader(file)
    assert line["row"] == "31"
    (cleared,) = map(json.loads, (out / "cannot-clear.jsonl").read_text(encoding="utf-8").splitlines())
    assert (cleared["row"], cleared["path"]) == (21, "homeAddress.postalCode")
    assert sorted(path.name for path in out.iterdir()) == [
        "cannot-clear.jsonl", "issues.csv", "manifest.json", "part-00000.parquet", "run.json", "vanished.csv",
    ]  # fmt: skip


def test_the_parquet_has_exactly_the_fields_touched_and_duckdb_reads_it(
    pair: tuple[Path, Path], tmp_path: Path
) -> None:
    command("diff", *pair, *COMMON, "--out", tmp_path / "patch")
    part = tmp_path / "patch" / "part-00000.parquet"
    columns = duckdb.sql(f"SELECT homeAddress FROM '{part}' LIMIT 0").types
    assert str(columns[0]) == "STRUCT(street1 VARCHAR, city VARCHAR)"
    assert pq.read_schema(part).names == ["identityMap", "homeAddress"]
    whole = xp.Schema.load(SCHEMA).arrow_schema
    assert pq.read_schema(part).field("identityMap").type.item_type.equals(whole.field("identityMap").type.item_type)
    rows = duckdb.sql(f"SELECT homeAddress.city, count(*) FROM '{part}' GROUP BY 1").fetchall()
    assert rows == [("Ålesund", 10)]


def test_nothing_changed_is_fine(pair: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "patch"
    made = command("diff", pair[0], pair[0], *COMMON, "-o", out, "--json")
    assert made.returncode == 0
    assert json.loads(made.stdout)["changed"] == 0
    assert Manifest.load(out).files == ()
    assert Manifest.load(out).upsert
    assert sorted(path.name for path in out.iterdir()) == ["manifest.json", "run.json"]
    assert command("diff", pair[0], pair[0], *COMMON, "-o", out).returncode == 0  # the same run again
    assert command("diff", *pair, *COMMON, "-o", out).returncode == 2  # another one
    assert command("diff", *pair, *COMMON, "-o", out, "--overwrite").returncode == 1
    assert command("diff", pair[0], pair[0], *COMMON, "-o", out, "--overwrite").returncode == 0
    assert not (out / "vanished.csv").exists()


def test_wrong_use_is_one_clear_message(pair: tuple[Path, Path], tmp_path: Path) -> None:
    before, after = pair
    for words, said in (
        ([before, tmp_path / "none.csv", *COMMON], "No such file"),
        ([before, after, "--schema", SCHEMA], "no XDM records.\n    hint: Give the mapping"),
        ([before, after, *COMMON, "--on", "identityMap.CRMID[0].idd"], "identityMap.CRMID[0].id"),
        ([before, after, "--schema", shipped("purchase-event.schema.json"), "--mapping", MAPPING], "only record data"),
    ):
        made = command("diff", *words, "--out", tmp_path / "x")
        assert made.returncode == 2, made.stderr
        assert said in made.stderr
    events = shipped("purchase-event.schema.json")
    record = tmp_path / "event.json"
    record.write_text('{"_id": "1", "timestamp": "2020-01-01T00:00:00Z"}\n')
    made = command("diff", record, record, "--schema", events, "--on", "_id", "--out", tmp_path / "x")
    assert made.returncode == 2
    assert "only record data such as profiles can be patched" in made.stderr


def test_json_on_request_with_a_warning(pair: tuple[Path, Path], tmp_path: Path) -> None:
    made = command("diff", *pair, *COMMON, "-o", tmp_path / "patch", "--format", "json")
    assert "Parquet files only" in made.stderr
    lines = (tmp_path / "patch" / "part-00000.json").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 10
    assert json.loads(lines[0])["homeAddress"] == {"street1": "1 New Road", "city": "Ålesund"}


def test_a_large_patch_becomes_several_batches_in_order(pair: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "patch"
    result = write_patch(*pair, SCHEMA, out, mapping=MAPPING, max_records=4)
    assert [manifest.written for manifest in result.manifests] == [4, 4, 2]
    assert sorted(path.name for path in out.iterdir() if path.is_dir()) == ["batch-00001", "batch-00002", "batch-00003"]
    whole = write_patch(*pair, SCHEMA, tmp_path / "whole", mapping=MAPPING)
    one = pq.read_table(tmp_path / "whole" / "part-00000.parquet").to_pylist()
    parts = [pq.read_table(out / f"batch-0000{n}" / "part-00000.parquet").to_pylist() for n in (1, 2, 3)]
    assert [row for part in parts for row in part] == one
    assert whole.counts == result.counts
    again = write_patch(*pair, SCHEMA, out, mapping=MAPPING, overwrite=True)  # one batch now
    assert len(again.manifests) == 1
    assert not (out / "batch-00001").exists()


def test_rows_set_aside_among_several_batches_are_all_there(crm: Any, tmp_path: Path) -> None:
    header, rows = crm
    late = [list(row) for row in rows]
    for number, row in enumerate(late[:30]):
        row[header.index("STREET")] = f"{number} New Road"
        if number % 3 == 0:
            row[header.index("ID4")] = "1"
    before, after = write(tmp_path / "b.csv", header, rows), write(tmp_path / "a.csv", header, late)
    result = write_patch(before, after, SCHEMA, tmp_path / "out", mapping=MAPPING, max_records=7)
    assert [manifest.written for manifest in result.manifests] == [7, 7, 6]
    assert sum(manifest.rejected for manifest in result.manifests) == result.counts.set_aside == 10
    rejects = [json.loads(line) for manifest in result.manifests if (manifest.folder / "rejects.jsonl").exists()
               for line in (manifest.folder / "rejects.jsonl").read_text().splitlines()]  # fmt: skip
    assert sorted(item["row"] for item in rejects) == [1 + number for number in range(0, 30, 3)]
    assert rejects[0]["source"]["ID4"] == "1"  # the row as it came
    assert all(manifest.rows == manifest.written + manifest.rejected for manifest in result.manifests)


def test_the_preview_says_what_would_happen(pair: tuple[Path, Path], tmp_path: Path) -> None:
    made = command("diff", *pair, *COMMON, "-o", tmp_path / "patch", "--preview")
    assert "preview: 10 records: 0 profiles are new, 10 change" in made.stdout
    assert "trial: all were ingested by an emulator, where the same attributes change" in made.stdout
    assert "homeAddress.city     10 changed" in made.stdout
    assert "-> 'Ålesund'" in made.stdout
    assert not (tmp_path / "patch" / "upload.jsonl").exists()  # a later upload starts afresh
    seen = json.loads(
        command("diff", *pair, *COMMON, "-o", tmp_path / "patch", "--preview", "--json").stdout
    )["preview"]  # fmt: skip
    assert set(seen["attributes"]) == {"homeAddress.street1", "homeAddress.city"}
    assert seen["attributes"]["homeAddress.city"]["changed"] == 10
    assert seen["trial"] == {"records": 10, "otherwise": {}}


def test_the_preview_counts_every_record_and_tries_the_first(pair: tuple[Path, Path], tmp_path: Path) -> None:
    words = ["diff", *pair, *COMMON, "-o", tmp_path / "patch", "--preview", "--overwrite"]
    made = command(*words, "--trial", "3", "--format", "json")
    assert "preview: 10 records: 0 profiles are new, 10 change" in made.stdout
    assert "homeAddress.city     10 changed" in made.stdout
    assert "trial: the first 3 were ingested by an emulator, where the same attributes change" in made.stdout
    none = command(*words, "--trial", "0")
    assert "10 changed" in none.stdout and "trial:" not in none.stdout
    parted = write_patch(*pair, SCHEMA, tmp_path / "parted", mapping=MAPPING, max_records=4, effects=5)
    whole = write_patch(*pair, SCHEMA, tmp_path / "whole", mapping=MAPPING, effects=5)
    assert parted.effects is not None and whole.effects is not None
    assert parted.effects.attributes == whole.effects.attributes
    assert preview_of(parted, SCHEMA).to_dict() == preview_of(whole, SCHEMA).to_dict()
    with pytest.raises(UsageError, match="give effects=1000"):
        preview_of(write_patch(*pair, SCHEMA, tmp_path / "none", mapping=MAPPING), SCHEMA)


def test_the_preview_tells_where_merged_profiles_come_out_otherwise(crm: Any, tmp_path: Path) -> None:
    header, rows = crm
    city, ecid = header.index("CITY"), header.index("ID4")
    early = [list(row) for row in rows[:6]]
    early[1][ecid] = early[0][ecid]  # one device, two people: the platform links their profiles
    late = [list(row) for row in early]
    late[0][city] = "Ålesund"
    late[1][header.index("STREET")] = "1 New Road"
    before, after = write(tmp_path / "b.csv", header, early), write(tmp_path / "a.csv", header, late)
    made = command("diff", before, after, *COMMON, "-o", tmp_path / "patch", "--preview", "--json")
    trial = json.loads(made.stdout)["preview"]["trial"]
    assert trial["records"] == 2
    assert trial["otherwise"]["homeAddress.street1"] == {"compared": 1, "emulator": 2}


CHANGES = """identityMap.CRMID[0].id: id
identityMap.CRMID[0].primary: true
homeAddress.city: city
homeAddress.postalCode: zip
"""


def test_a_file_of_changes_becomes_a_patch(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(CHANGES)
    (tmp_path / "c.csv").write_text("id,city,zip\nA,Paris,75001\nB,,10115\n,Rome,100\n")
    words = ["prepare", tmp_path / "c.csv", "-m", tmp_path / "m.yaml", "-s", SCHEMA]
    made = command(*words, "-o", tmp_path / "p", "--upsert")
    assert made.returncode == 1  # the row without an id
    manifest = Manifest.load(tmp_path / "p")
    assert (manifest.format, manifest.upsert, manifest.written, manifest.rejected) == ("parquet", True, 2, 1)
    rows = pq.read_table(tmp_path / "p" / "part-00000.parquet").to_pylist(maps_as_pydicts="strict")
    assert [row["homeAddress"] for row in rows] == [
        {"city": "Paris", "postalCode": "75001"}, {"city": None, "postalCode": "10115"},
    ]  # fmt: skip
    assert made.stderr == ""
    (tmp_path / "l.yaml").write_text("_acme.loyalty.loyaltyId: id\n_acme.loyalty.tags[0]: tag\n")
    (tmp_path / "l.csv").write_text("id,tag\nAB-00000001,new\n")
    loyalty = shipped("loyalty-profile.schema.json")
    made = command(
        "prepare", tmp_path / "l.csv", "-m", tmp_path / "l.yaml", "-s", loyalty, "-o", tmp_path / "l", "--upsert"
    )
    assert made.returncode == 0
    assert "'_acme.loyalty.tags' is an array: the platform replaces all of it" in made.stderr
    made = command(*words, "-o", tmp_path / "q", "--upsert", "--max-rows", "5")
    assert made.returncode == 2
    assert "--max-rows cannot be combined with --upsert" in made.stderr
    assert command(*words, "-o", tmp_path / "q", "--relax-required").returncode == 2


def test_a_patch_on_its_way_to_a_profile(pair: tuple[Path, Path], tmp_path: Path) -> None:
    before, after = pair
    xp.prepare(before, MAPPING, SCHEMA, tmp_path / "before", rules="batch")
    result = write_patch(before, after, SCHEMA, tmp_path / "patch", mapping=MAPPING)
    record = pq.read_table(tmp_path / "patch" / "part-00000.parquet").to_pylist(maps_as_pydicts="strict")[0]
    loyalty = record["identityMap"]["LOYALTYID"][0]["id"]
    with Emulator(schemas=SCHEMA.parent) as server, Client(url=server.url) as client:
        plain = client.create_dataset("plain", result.manifests[0].schema["id"], profile=True)
        with pytest.raises(xp.PlatformError, match="not enabled for upsert"):
            client.upload(tmp_path / "patch", dataset_id=plain)
        dataset = client.create_dataset("people", result.manifests[0].schema["id"], upsert=True)
        assert client.wait(client.upload(tmp_path / "before", dataset_id=dataset).id).status in ("success", "active")
        was = client.profile("LOYALTYID", loyalty)
        assert client.wait(client.upload(tmp_path / "patch", dataset_id=dataset).id).status in ("success", "active")
        now = client.profile("LOYALTYID", loyalty)
    assert was is not None and now is not None
    assert now["homeAddress"] == {**was["homeAddress"], "street1": "1 New Road", "city": "Ålesund"}
    assert {**now, "homeAddress": None} == {**was, "homeAddress": None}


@pytest.mark.parametrize("format", ["json", "parquet"])
def test_unreadable_rows_beside_rows_set_aside(format: str, tmp_path: Path, schemas: Path) -> None:
    """The rejects of a patch hold rows that could not be read and rows that broke a rule, in one file."""
    (tmp_path / "a.csv").write_text("id,g\n1,male\n2,male\n")
    (tmp_path / "b.csv").write_text("id,g\n1,female\n2,nonsense\n3\n4,male\n5,x,y\n")
    mapping = {"identityMap.LOYALTYID[0].id": "id", "identityMap.LOYALTYID[0].primary": True, "person.gender": "g"}
    (tmp_path / "m.json").write_text(json.dumps(mapping))
    done = command(
        "diff", "a.csv", "b.csv", "-m", "m.json", "-o", "out", "-f", format,
         "-s", str(schemas / "crm-profile.schema.json"), "--on", "identityMap.LOYALTYID[0].id", "--strict",
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    entries = [json.loads(line) for line in (tmp_path / "out" / "rejects.jsonl").read_text().splitlines()]
    assert [entry["row"] for entry in entries] == [2, 3, 5]
    assert [entry.get("source", {}).get("id") for entry in entries] == ["2", None, None]
    assert [entry.get("text") for entry in entries] == [None, "3", "5,x,y"]
