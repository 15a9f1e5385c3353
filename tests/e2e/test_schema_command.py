"""`xdmprep schema` as people use it: what it prints, what it writes, its exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from command_kit import command
from jsonschema.validators import Draft6Validator

from xdmprep.cli import xdmprep
from xdmprep.emulator import Emulator
from xdmprep.errors import XdmPrepError

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
CRM, LOYALTY = SCHEMAS / "crm-profile.schema.json", SCHEMAS / "loyalty-profile.schema.json"


def run(*arguments: Any) -> Result:
    return CliRunner().invoke(xdmprep, ["schema", *map(str, arguments)])


def refused(*arguments: Any) -> str:
    """The message of a command that fails, with exit code 2."""
    result = run(*arguments)
    assert isinstance(result.exception, XdmPrepError), result.output
    assert result.exception.exit_code == 2
    return str(result.exception)


def test_the_command_itself() -> None:
    done = command("schema", "show", CRM, "--depth", 1)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("CRM Profile (record, version 1.0, https://ns.adobe.com/acme/schemas/crm-profile)\n")
    done = command("schema", "show", CRM.with_name("none.json"))
    assert (done.returncode, done.stdout) == (2, "") and [line[:8] for line in done.stderr.splitlines()] == [
        "xdmprep:",
        "    hint",
    ]


def test_show_prints_identities_and_fields() -> None:
    result = run("show", LOYALTY)
    assert result.exit_code == 0
    assert "primary identity LOYALTYID" in result.stdout
    facts = json.loads(run("show", LOYALTY, "--json").stdout)
    assert facts["identities"][0] == {"path": "_acme.loyalty.loyaltyId", "namespace": "LOYALTYID", "primary": True}
    assert {field["path"]: field["type"] for field in facts["fields"]}["_acme.loyalty.tags[*]"] == "string"


def test_show_a_folder() -> None:
    result = run("show", SCHEMAS)
    assert "https://ns.adobe.com/acme/schemas/crm-profile  CRM Profile" in result.stdout
    one = run("show", SCHEMAS, "--id", "_acme.schemas.store-visits")
    assert one.stdout.startswith("Store Visits (adhoc")
    assert len(json.loads(run("show", SCHEMAS, "--json").stdout)["schemas"]) == 4


def test_wrong_use_is_refused_with_the_mend(tmp_path: Path) -> None:
    assert "no such file" in refused("show", tmp_path / "none.json")
    wrong = refused("show", SCHEMAS, "--id", "https://ns.adobe.com/acme/schemas/crm-profil")
    assert "Did you mean 'https://ns.adobe.com/acme/schemas/crm-profile'" in wrong
    assert "Name one of its schemas with --id" in refused("check", SCHEMAS)
    assert "Name the schemas to pull" in refused("pull")
    (tmp_path / "s.json").write_text('{"allOf": [{"$ref": "https://ns.adobe.com/xdm/context/profile"}]}')
    assert "a component is missing: 'https://ns.adobe.com/xdm/context/profile'" in refused("show", tmp_path / "s.json")


def test_components_and_compatibility_names(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    part = {"$id": "https://ns.adobe.com/xdm/context/x", "properties": {"xdm:a": {"type": "string"}, "@id": {}}}
    (tmp_path / "parts" / "x.json").write_text(json.dumps(part))
    (tmp_path / "s.json").write_text('{"title": "S", "allOf": [{"$ref": "https://ns.adobe.com/xdm/context/x"}]}')
    assert "xdm:a" in run("show", tmp_path / "s.json", "--components", tmp_path / "parts").stdout
    converted = run("show", tmp_path / "s.json", "--components", tmp_path / "parts", "--compat").stdout
    assert "xdm:a" not in converted
    assert "── a" in converted


def test_check_tells_of_doubtful_places(tmp_path: Path) -> None:
    fine = run("check", CRM)
    assert (fine.exit_code, "nothing doubtful" in fine.stdout) == (0, True)
    (tmp_path / "s.json").write_text(
        '{"$id": "x", "title": "S", "title": "T", "properties": {"a": {"type": "string", "maxlength": 3}}}'
    )
    doubtful = run("check", tmp_path / "s.json")
    assert doubtful.exit_code == 0
    assert "schema-duplicate-key" in doubtful.stdout
    assert "Did you mean 'maxLength'" in doubtful.stdout
    (tmp_path / "s.json").write_text(
        '{"$id": "x", "title": "S", "properties": {"a": {"type": "string", "meta:xdmType": "int"}}}'
    )
    wrong = run("check", tmp_path / "s.json", "--json")
    assert wrong.exit_code == 2
    facts = json.loads(wrong.stdout)
    assert (facts["errors"], facts["issues"][0]["code"], facts["issues"][0]["path"]) == (1, "schema-type-tag", "a")


def test_diff_tells_of_changes_by_its_exit_code(tmp_path: Path) -> None:
    content = json.loads(LOYALTY.read_text(encoding="utf-8"))
    same = run("diff", LOYALTY, LOYALTY)
    assert (same.exit_code, same.stdout) == (0, "no difference that matters to data\n")
    content["properties"]["_acme"]["properties"]["loyalty"]["properties"]["tier"]["enum"].remove("gold")
    (tmp_path / "new.json").write_text(json.dumps(content))
    result = run("diff", LOYALTY, tmp_path / "new.json")
    assert result.exit_code == 1
    assert result.stdout == 'breaking     _acme.loyalty.tier: no longer permitted: ["gold"]\n'
    facts = json.loads(run("diff", LOYALTY, tmp_path / "new.json", "--json").stdout)
    assert (facts["breaking"], facts["changes"][0]["path"]) == (1, "_acme.loyalty.tier")


def test_diff_with_data(tmp_path: Path) -> None:
    content = json.loads(LOYALTY.read_text(encoding="utf-8"))
    fields = content["properties"]["_acme"]["properties"]["loyalty"]["properties"]
    fields["tier"]["enum"].remove("gold")
    fields["nickname"]["maxLength"] = 100
    (tmp_path / "new.json").write_text(json.dumps(content))
    loyalty = [{"loyaltyId": f"AB-0000000{n}"} for n in range(1, 5)]
    loyalty[1]["tier"] = "gold"
    loyalty[2]["nickname"] = "n" * 60
    loyalty[3]["tier"] = "diamond"
    data = tmp_path / "records.json"
    data.write_text("".join(json.dumps({"_acme": {"loyalty": item}}) + "\n" for item in loyalty))
    result = run("diff", LOYALTY, tmp_path / "new.json", "--data", data, "--json")
    assert result.exit_code == 1, result.output
    facts = json.loads(result.stdout)
    assert (facts["startsFailing"], facts["stopsFailing"]) == ([2], [3])
    assert (
        "1 row newly failing (2), 1 stop failing (3)"
        in run("diff", LOYALTY, tmp_path / "new.json", "--data", data).output
    )
    assert facts["failsUnderBoth"] == 1 and [more["code"] for more in facts["moreFindings"]] == ["enum"]


def test_diff_shows_new_faults_of_rows_that_failed_before(tmp_path: Path) -> None:
    content = json.loads(LOYALTY.read_text(encoding="utf-8"))
    content["properties"]["_acme"]["properties"]["loyalty"]["properties"]["tier"]["enum"].remove("gold")
    (tmp_path / "new.json").write_text(json.dumps(content))
    data = tmp_path / "records.json"
    tiers = ("gold", "gold", "diamond")
    data.write_text(
        "".join(json.dumps({"none": 1, "_acme": {"loyalty": {"tier": tier}}}) + "\n" for tier in tiers) + "{\n"
    )
    result = run("diff", LOYALTY, tmp_path / "new.json", "--data", data)
    assert "0 rows newly failing, 0 stop failing, 4 fail under both" in result.output
    assert "2 more enum" in result.output and "unknown-field" not in result.output


def test_sample_prints_valid_records(tmp_path: Path) -> None:
    result = run("sample", LOYALTY, "--count", 5, "--seed", 3)
    records = [json.loads(line) for line in result.stdout.splitlines()]
    judge = Draft6Validator(json.loads(LOYALTY.read_text(encoding="utf-8")))
    assert len(records) == 5
    assert all(judge.is_valid(record) for record in records)
    run("sample", LOYALTY, "--count", 5, "--seed", 3, "--out", tmp_path / "r.json")
    assert (tmp_path / "r.json").read_text(encoding="utf-8") == result.stdout


def test_pull_from_the_emulator(tmp_path: Path) -> None:
    with Emulator(schemas=SCHEMAS) as server:
        listed = run("pull", "--list", "--url", server.url)
        assert "https://ns.adobe.com/acme/schemas/crm-profile  1.0  CRM Profile" in listed.stdout
        loyalty = "https://ns.adobe.com/acme/schemas/loyalty-profile"
        pulled = run("pull", loyalty, "--out", tmp_path, "--url", server.url)
        assert pulled.stdout == f"new     {loyalty}  {tmp_path / 'loyalty-profile.schema.json'}\n"
        again = run("pull", loyalty, "--out", tmp_path, "--url", server.url, "--json")
        assert json.loads(again.stdout)["schemas"][0]["state"] == "same"
        assert run("pull", loyalty, "--check", "--out", tmp_path, "--url", server.url).exit_code == 0
        other = run("pull", "_acme.schemas.crm-profile", "--check", "--out", tmp_path, "--url", server.url)
        assert (other.exit_code, other.stdout.split()[0]) == (1, "new")
        unknown = run("pull", "https://ns.adobe.com/acme/schemas/nothing-here", "--out", tmp_path, "--url", server.url)
        assert isinstance(unknown.exception, XdmPrepError)
        assert unknown.exception.exit_code == 3
    assert "primary identity LOYALTYID" in run("show", tmp_path / "loyalty-profile.schema.json").stdout
    assert run("check", tmp_path / "loyalty-profile.schema.json").exit_code == 0
    with (tmp_path / "loyalty-profile.schema.json").open("a") as file:
        file.write("\n")
    assert "schema-edited" in run("check", tmp_path / "loyalty-profile.schema.json").stdout


@pytest.mark.parametrize("command", ["show", "check", "diff", "sample", "pull"])
def test_help_has_an_example(command: str) -> None:
    assert f"Example: xdmprep schema {command} " in run(command, "--help").stdout.replace("\n  ", " ")
