"""`xdmprep mapping`: check, suggest, convert, functions; and the check behind it."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from pyarrow import feather

from xdmprep.cli import run as run_command
from xdmprep.cli.mapping import mapping as command
from xdmprep.errors import UsageError
from xdmprep.language import catalogue
from xdmprep.mapping import MappingSet
from xdmprep.mapping.check import check_mapping
from xdmprep.schema import Schema

SCHEMAS = Path(__file__).parents[2] / "schemas"
CRM = str(SCHEMAS / "crm-profile.schema.json")
EXPORT = str(SCHEMAS / "examples" / "crm-profiles.csv")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


@pytest.mark.parametrize("name", ["crm-profile", "loyalty-profile", "purchase-event"])
def test_the_shipped_sets_are_sound(name: str) -> None:
    made = run("check", str(SCHEMAS / f"{name}.mapping.yaml"), "--schema", str(SCHEMAS / f"{name}.schema.json"))
    assert made.exit_code == 0, made.output
    assert made.output.endswith("mappings, fine\n") and "warning" not in made.output


def test_check_against_a_source_names_columns_nobody_reads() -> None:
    made = run("check", str(SCHEMAS / "crm-profile.mapping.yaml"), "--schema", CRM, "--source", EXPORT, "--json")
    facts = json.loads(made.stdout)
    assert facts["sound"] is True and facts["unused"] == ["EMAIL2"] and facts["mappings"] == 26


def test_check_tells_all_faults_and_ends_with_2(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_text("person.gendr: GENDER\nperson.birthYear: to_integr(YOB)\nperson.name.firstName: F_NAM\n")
    made = run("check", str(file), "--schema", CRM, "--source", EXPORT)
    assert made.exit_code == 2
    assert "error   line 1: person.gendr" in made.output and "'person.gender'" in made.output
    assert "error   line 2: person.birthYear" in made.output and "to_integer" in made.output
    assert "error   line 3: person.name.firstName <- F_NAM: the source has no column 'F_NAM'" in made.output
    assert "3 mappings, 3 faults\nnext: xdmprep mapping check " in made.output


def test_check_without_source_still_reads_expressions_and_destinations(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_text("person.gender: First Name\nperson.birthYear: to_integer(\n")
    made = run("check", str(file), "--schema", CRM)
    assert made.exit_code == 2 and "2 mappings, 1 fault\nnext: " in made.output


def test_check_without_source_takes_columns_for_what_the_destination_needs() -> None:
    event = Schema.load(SCHEMAS / "purchase-event.schema.json")
    mapping = {"productListItems[*].SKU": "items[*].sku", "_acme.coupons": "codes", "_acme.store": "store", "_id": "id",
               "timestamp": "at", "productListItems[*].name": "names", "identityMap": "ids"}  # fmt: skip
    assert check_mapping(MappingSet(mapping), None, event).faults == ()


def test_check_warns_of_what_is_likely_not_meant() -> None:
    event = Schema.load(SCHEMAS / "purchase-event.schema.json")
    found = check_mapping(MappingSet({"productListItems[0].name": "a", "identityMap.ECID[0].id": "b"}), None, event)
    assert found.sound
    assert any("'_id' is required" in text for text in found.warnings)
    assert any("'productListItems[0].SKU' is required" in text for text in found.warnings)
    assert any("no identities in identityMap have primary: true" in text for text in found.warnings)
    loyalty = Schema.load(SCHEMAS / "loyalty-profile.schema.json")
    found = check_mapping(MappingSet({"person.name.firstName": "a"}), None, loyalty)
    assert any("'_acme.loyalty.loyaltyId' is the primary identity" in text for text in found.warnings)
    crm = Schema.load(CRM)
    assert any("no identity is mapped" in text for text in check_mapping(MappingSet({"_id": "a"}), None, crm).warnings)


def test_check_names_columns_that_count_as_null() -> None:
    posted = MappingSet([{"sourceType": "ATTRIBUTE", "source": "none", "destination": "_id"}])
    found = check_mapping(posted, pa.schema([("a", pa.string())]))
    assert found.sound and "the source has no column 'none'" in found.warnings[0] and found.unused == ("a",)


def test_functions_that_are_not_supported_are_named_with_the_reason() -> None:
    found = check_mapping(MappingSet({"x": "fpid_to_ecid(a)"}))
    assert not found.sound and "fpid_to_ecid" in found.faults[0]
    reason = next(one.reason for one in catalogue() if one.name == "fpid_to_ecid")
    assert reason.rstrip(".") in found.faults[0]


def test_convert_there_and_back(tmp_path: Path) -> None:
    original = MappingSet.load(SCHEMAS / "crm-profile.mapping.yaml")
    for name in ("m.json", "m.csv", "m.yaml"):
        made = run("convert", str(SCHEMAS / "crm-profile.mapping.yaml"), str(tmp_path / name))
        assert made.exit_code == 0 and made.output.endswith("0 things not held\n"), made.output
        again = MappingSet.load(tmp_path / name)
        assert [(m.destination, m.text) for m in again.mappings] == [(m.destination, m.text) for m in original.mappings]


def test_convert_lists_what_a_form_cannot_hold(tmp_path: Path) -> None:
    source, target = tmp_path / "m.yaml", tmp_path / "m.json"
    source.write_text("$group_by: k\na: upper(x)\nb: k\nc: nvl(x, k)\n")
    made = run("convert", str(source), str(target), "--form", "posted", "--json")
    assert len(json.loads(made.stdout)["losses"]) == 2
    made = run("convert", str(source), str(target), "--form", "old")
    assert "not held by the form old: a: the old form holds plain copies only" in made.output
    assert json.loads(target.read_text())["mappings"] == [
        {"sourceAttribute": "k", "destinationXdmPath": "b", "identity": False}
    ]


def test_convert_tells_columns_from_expressions_by_the_header(tmp_path: Path) -> None:
    file, target, header = tmp_path / "m.yaml", tmp_path / "m.json", tmp_path / "s.csv"
    file.write_text("x: a-b\ny: First Name\n")
    header.write_text("a-b,First Name\n1,2\n")
    kinds = []
    for more in ((), ("--source", str(header))):
        assert run("convert", str(file), str(target), *more).exit_code == 0
        kinds.append([item["sourceType"] for item in json.loads(target.read_text())["mappings"]])
    assert kinds == [["EXPRESSION", "ATTRIBUTE"], ["ATTRIBUTE", "ATTRIBUTE"]]


def test_suggest_prints_a_draft_that_checks(tmp_path: Path) -> None:
    made = run("suggest", EXPORT, "--schema", CRM)
    assert made.exit_code == 0
    file = tmp_path / "draft.yaml"
    file.write_text(made.output)
    assert run("check", str(file), "--schema", CRM, "--source", EXPORT).exit_code == 0
    facts = json.loads(run("suggest", EXPORT, "--schema", CRM, "--json").stdout)
    assert {one["column"] for one in facts["suggestions"]} >= {"F_NAME", "DOB", "ID2"}


def test_functions_lists_the_catalogue_and_explains_one() -> None:
    made = run("functions")
    lines = made.output.splitlines()
    assert len(lines) == len(catalogue()) and any(line.startswith("concat(") for line in lines)
    page = run("functions", "concat").output
    assert page.startswith("concat(") and "example: " in page and "category: string" in page
    facts = json.loads(run("functions", "--category", "date", "--json").stdout)
    assert {one["category"] for one in facts["functions"]} == {"date"}


def test_functions_that_do_not_exist_have_near_names() -> None:
    error = run("functions", "cocnat").exception
    assert isinstance(error, UsageError) and "'concat'" in str(error)
    error = run("functions", "--category", "strin").exception
    assert isinstance(error, UsageError) and "'string'" in str(error)


#: Mappings of an exported set that cannot work, and what of each is wrong.
WRONG = [
    ({"sourceType": "EXPRESSION", "source": "concat(EMAIL, 'x'", "destination": "_id"}, "ends too early"),
    ({"sourceType": "EXPRESSION", "source": "uper(EMAIL)", "destination": "person.name.firstName"}, "'uper'"),
    ({"sourceType": "ATTRIBUTE", "source": "EMAIL", "destination": "person..name"}, "is not a path"),
    ({"sourceType": "ATTRIBUTE", "source": "EMAIL", "destination": "nowhere"}, "is not in CRM Profile"),
    ({"sourceType": "EXPRESSION", "source": "to_integer('x')", "destination": "person.birthYear"}, "in every row"),
    ({"sourceType": "ATTRIBUTE", "source": "EMAIL", "destination": "person.birthYear.a"}, "birthYear"),
    ({"sourceType": "STATIC", "source": "x", "destination": "person.birthDate"}, "is not a date"),
]


def test_every_fault_of_an_exported_set_names_its_number_source_and_destination(tmp_path: Path) -> None:
    fine = {"sourceType": "ATTRIBUTE", "source": "GONE", "destination": "homeAddress.city"}
    file = tmp_path / "exported.json"
    file.write_text(json.dumps({"name": "CRM", "mappings": [fine, *[item for item, _ in WRONG]]}))
    made = run("check", str(file), "--schema", CRM, "--source", EXPORT, "--json")
    facts = json.loads(made.stdout)
    assert len(facts["faults"]) == len(WRONG)
    for number, (fault, (item, why)) in enumerate(zip(facts["faults"], WRONG, strict=True), 2):
        assert fault.startswith(f"mapping {number}: {item['destination']} <- "), fault
        assert item["source"] in fault and why in fault
    assert facts["warnings"] == [  # told beside the faults
        "mapping 1: homeAddress.city <- GONE: the source has no column 'GONE'; it counts as null in every row. "
        "Did you mean 'PHONE'?"
    ]


def test_json_errors_list_the_faults_one_by_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "exported.json"
    file.write_text(json.dumps({"mappings": [{"source": "a"}, {"destination": "b"}]}))
    assert run_command(["mapping", "explain", str(file), "--source", EXPORT, "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["faults"] == ["mapping 1: ? <- a: has no destination.", "mapping 2: b <- ?: has no source."]


def test_sources_that_are_written_otherwise_are_read_with_the_options_of_prepare(tmp_path: Path) -> None:
    file, draft, exported = tmp_path / "o.csv", tmp_path / "o.mapping.yaml", tmp_path / "o.json"
    file.write_bytes("VORNAME;STRASSE 1;ORT\nJürgen;Weg 1;Köln\n".encode("latin-1"))
    how = ["--delimiter", ";", "--encoding", "latin-1"]
    made = run("suggest", str(file), "--schema", CRM, *how)
    assert made.exit_code == 0 and "person.name.firstName: VORNAME" in made.output
    draft.write_text("person.name.firstName: VORNAME\nhomeAddress.street1: STRASSE 1\n")
    checked = run("check", str(draft), "--schema", CRM, "--source", str(file), *how)
    assert checked.exit_code == 0 and "columns that no mapping reads: ORT" in checked.output
    assert "next: xdmprep prepare" in checked.output and "--delimiter ';' --encoding latin-1" in checked.output
    explained = run("explain", str(draft), "--source", str(file), *how, "--json")
    assert [one["why"] for one in json.loads(explained.stdout)["mappings"]] == ["a column", "a column"]
    assert run("convert", str(draft), str(exported), "--source", str(file), *how).exit_code == 0
    assert [one["sourceType"] for one in json.loads(exported.read_text())["mappings"]] == ["ATTRIBUTE", "ATTRIBUTE"]


def test_check_without_source_takes_a_path_for_a_place_in_a_column(tmp_path: Path) -> None:
    file = tmp_path / "m.json"
    given = [("a.b[*].c", "emails[*].address"), ("a.b[0].d", "first"), ("First Name", "name"), ("a", "all")]
    file.write_text(json.dumps({"mappings": [{"source": one, "destination": where} for one, where in given]}))
    made = run("check", str(file))
    assert (made.exit_code, made.output) == (0, f"{file}: 4 mappings, fine\n")


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(("command", "content"), [
    ("mapping check", b"a: \xff\xfe\n"), ("mapping check", b"just a string"), ("mapping check", b"a:\n\tb: 1\n"),
    ("mapping check", b""), ("schema check", b'{"a": \xff}'), ("schema check", b'{"type": 3}'),
])  # fmt: skip
def test_no_hint_says_to_run_the_same_command(
    command: str, content: bytes, as_json: bool, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / ("m.yaml" if command.startswith("mapping") else "s.json")
    file.write_bytes(content)
    assert run_command([*command.split(), str(file), *(["--json"] if as_json else [])]) == 2
    out, err = capfd.readouterr()
    assert file.name in err and f"xdmprep {command}" not in out + err
    assert not as_json or json.loads(out)["error"]["hint"]


@pytest.mark.parametrize(
    "command", ["mapping explain MAPPING --source SOURCE", "mapping suggest SOURCE --schema SCHEMA"]
)
def test_a_source_of_a_header_alone(command: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    named = {"MAPPING": tmp_path / "m.yaml", "SOURCE": tmp_path / "s.csv", "SCHEMA": Path(CRM)}
    named["MAPPING"].write_text("person.gender: GENDER\n")
    named["SOURCE"].write_text("GENDER,ID\n")
    assert run_command([str(named.get(word, word)) for word in command.split()]) == 2
    err = capfd.readouterr().err
    assert "s.csv: there is a header but no row below it.\n    hint: Give a file with at least one row.\n" in err
    assert "written" not in err


@pytest.mark.parametrize("kind", ["csv", "tsv", "xlsx", "parquet", "arrow"])
@pytest.mark.parametrize(("source", "code"), [("id", 0), ("ids", 2)])
def test_a_source_without_rows_has_names_to_check(kind: str, source: str, code: int, tmp_path: Path) -> None:
    file, mapping = tmp_path / f"s.{kind}", tmp_path / "m.yaml"
    table = pa.table({"id": pa.array([], pa.string()), "name": pa.array([], pa.string())})
    if kind == "xlsx":
        book = openpyxl.Workbook()
        book.worksheets[0].append(table.column_names)
        book.save(file)
    else:
        {
            "parquet": pq.write_table, "arrow": feather.write_feather,
            "csv": lambda _, file: file.write_text("id,name\n"), "tsv": lambda _, file: file.write_text("id\tname\n"),
        }[kind](table, file)  # fmt: skip
    mapping.write_text(f"person.name.firstName: {source}\n")
    assert run_command(["mapping", "check", str(mapping), "--source", str(file)]) == code
