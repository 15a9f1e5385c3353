"""The command `xdmprep dataset` and a patch on its way, as a user runs them against an emulator."""

from __future__ import annotations

import json
from pathlib import Path

import command_kit
import pytest
from network_kit import PROFILE_TAGS, folder_of, ingest, lines, new_dataset, profile, record


def command(*words: object) -> tuple[int, str, str]:
    made = command_kit.command(*words)
    return made.returncode, made.stdout, made.stderr


def create(url: str, *options: str, schemas: Path) -> str:
    file = schemas / "crm-profile.schema.json"
    code, output, _ = command("dataset", "create", "crm", "--schema", file, *options, "--url", url)
    assert code == 0
    return str(output.strip())


def patch(folder: Path) -> Path:
    return folder_of(folder, [lines([record(1, homeAddress={"city": "Oslo"})])], upsert=True)


def test_from_a_plain_dataset_to_a_patch(url: str, tmp_path: Path, schemas: Path) -> None:
    folder = patch(tmp_path / "patch")
    plain = create(url, schemas=schemas)
    code, output, _ = command("dataset", "check", plain, "--manifest", folder, "--url", url)
    assert code == 1 and "error: " in output and "not enabled for Profile" in output
    code, output, _ = command("dataset", "check", plain, "--url", url)
    assert code == 0 and "Profile: not enabled, upsert: not enabled, Identity: not enabled" in output
    code, output, errors = command("upload", folder, "--dataset", plain, "--url", url)
    assert code == 3 and "--force" in errors and not output
    code, output, _ = command("dataset", "enable-upsert", plain, "--url", url)
    assert code == 0 and "Nothing was changed" in output and "isUpsert:true" in output
    assert command("dataset", "check", plain, "--manifest", folder, "--url", url)[0] == 1
    code, output, _ = command("dataset", "enable-upsert", plain, "--url", url, "--yes")
    assert code == 0 and "takes patches now" in output
    code, output, _ = command("dataset", "check", plain, "--manifest", folder, "--url", url)
    assert code == 0 and f"dataset {plain} takes these files (1 file, 1 record)" in output
    code, output, _ = command("upload", folder, "--dataset", plain, "--url", url, "--wait")
    assert code == 0 and "1 in, 1 ingested" in output


def test_a_dataset_made_for_patches(url: str, tmp_path: Path, schemas: Path) -> None:
    made = create(url, "--upsert", schemas=schemas)
    folder = patch(tmp_path / "patch")
    code, output, _ = command("dataset", "check", made, "--manifest", folder, "--url", url, "--json")
    found = json.loads(output)
    assert code == 0 and found["ok"] and found["upsert"] and found["identity"] and found["records"] == 1
    code, output, _ = command("dataset", "enable-upsert", made, "--url", url)
    assert code == 0 and "there is nothing to do" in output


def test_a_profile_dataset_is_refused_forced_and_enabled(url: str, tmp_path: Path) -> None:
    dataset, folder = new_dataset(url, tags=PROFILE_TAGS), patch(tmp_path / "patch")
    ingest(url, dataset, [record(1, person={"birthYear": 1990}, homeAddress={"city": "Bergen"})])
    code, output, _ = command("dataset", "check", dataset, "--manifest", folder, "--url", url, "--json")
    found = json.loads(output)
    assert code == 1 and [item["code"] for item in found["findings"] if item["level"] == "error"] == ["not-upsert"]
    code, _, errors = command("upload", folder, "--dataset", dataset, "--url", url)
    assert code == 3 and "replaces a whole fragment" in errors
    code, _, errors = command("upload", folder, "--dataset", dataset, "--url", url, "--force", "--wait")
    assert code == 0 and "ATTENTION" in errors and "LOST" in errors
    assert profile(url, "CRMID", "c1") == record(1, homeAddress={"city": "Oslo"})
    code, output, _ = command("dataset", "enable-upsert", dataset, "--url", url, "--json")
    plan = json.loads(output)
    assert code == 0 and len(plan["requests"]) == 2 and plan["done"] is False
    code, output, errors = command("dataset", "enable-upsert", dataset, "--url", url, "--json", "--yes")
    assert code == 0 and json.loads(output)["done"] is True and "disabled for Profile" in errors
    code, output, _ = command("dataset", "show", dataset, "--url", url)
    assert code == 0 and "Profile: enabled, upsert: enabled, Identity: enabled" in output


@pytest.mark.parametrize("name", ["check", "enable-upsert"])
def test_there_is_no_such_dataset(url: str, name: str) -> None:
    code, _, errors = command("dataset", name, "none", "--url", url)
    assert code == 3 and "dataset none does not exist" in errors
