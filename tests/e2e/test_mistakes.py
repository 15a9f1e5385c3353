"""Mistakes on the command line: one message each, which names what to do; never a traceback, never a file half made."""

from __future__ import annotations

import gzip
import json
import os
import shlex
import shutil
from pathlib import Path

import pytest

from xdmprep.cli import run

JOB = "-m crm.mapping.yaml -s crm.schema.json -o out"
CHECK = "--schema crm.schema.json --source crm.csv"
NOWHERE = "--url http://127.0.0.1:9 --retries 1"

#: the command, its exit code, and words of the message: what is wrong, and the mend
MISTAKES = [
    # commands and options
    ("prepar crm.csv", 2, "'prepar'", "Did you mean 'prepare'"),
    ("mapping chek crm.mapping.yaml", 2, "'chek'", "Did you mean 'check'"),
    ("batch staus x", 2, "'staus'", "Did you mean 'status'"),
    ("schema shwo crm.schema.json", 2, "'shwo'", "Did you mean 'show'"),
    ("nonsense", 2, "'nonsense'", "There are init, demo, prepare"),
    ("prepare", 2, "SOURCE", "--help"),
    ("prepare crm.csv -m crm.mapping.yaml -s crm.schema.json", 2, "--out", "--help"),
    (f"prepare crm.csv {JOB} --fromat json", 2, "--fromat", "'--format'"),
    (f"prepare crm.csv {JOB} --format parqet", 2, "'parqet'", "Did you mean 'parquet'"),
    (f"prepare crm.csv {JOB} --max-bytes 5MB", 2, "'5MB'", "integer"),
    (f"prepare crm.csv {JOB} --max-bytes 10", 2, "10", "at least 1024"),
    (f"prepare crm.csv {JOB} --max-loss 150", 2, "150", "0<=x<=100"),
    (f"prepare crm.csv {JOB} --rules strct", 2, "'strct'", "Did you mean 'strict'"),
    (f"prepare crm.csv {JOB} --jobs -1", 2, "-1", "x>=0"),
    (f"prepare crm.csv {JOB} --delimiter ,,", 2, "',,'", "one ASCII character"),
    (f"prepare crm.csv {JOB} --report page.pdf", 2, "page.pdf", ".html"),
    (f"prepare crm.csv {JOB} --relax-required", 2, "--relax-required", "has no effect without --upsert"),
    (f"prepare crm.csv {JOB} --upsert --max-rows 5", 2, "--max-rows", "--upsert"),
    (f"prepare crm.csv {JOB} --set X", 2, "'X'", "NAME=VALUE"),
    (f"prepare crm.csv {JOB} --set X=1", 2, "${X}", "placeholder"),
    (f"prepare crm.csv {JOB} --contract none.py", 2, "none.py", "no such file"),
    ("prepare crm.csv crm.mapping.yaml -s crm.schema.json -o out", 2, "--mapping", "write --mapping crm.mapping.yaml"),
    ("prepare crm.csv crm.schema.json -m crm.mapping.yaml -o out", 2, "--schema", "write --schema crm.schema.json"),
    ("prepare crm.csv -m crm.mapping.yaml -o out", 2, "--schema", "schema pull"),
    ("prepare crm.csv -m crm.mapping.yaml -s https://ns.adobe.com/acme/schemas/crm -o out", 2, "$id", "schema pull"),
    (f"prepare http://127.0.0.1:9/crm.csv {JOB}", 2, "cannot be reached", "Check the URL"),
    ("prepare crm.csv -m crm.mapping.yaml -s crm.schema.json -o s3://b/out", 2, "s3://b/out", "Give a folder here"),
    ("diff crm.csv crm.csv -m crm.mapping.yaml -s crm.schema.json -o gs://b/out", 2, "gs://b/out", "copy it there"),
    ("validate records.jsonl -s crm.schema.json --report https://x/r.html", 2, "https://x/r.html", "copy it there"),
    ("validate records.jsonl -s crm.schema.json --report none/r.html", 2, "none/r.html", "Make the folder"),
    (f"prepare crm.csv {JOB} --report none/r.html", 2, "none/r.html", "Make the folder"),
    ("mapping convert crm.mapping.yaml abfss://a@b/m.yaml", 2, "abfss://a@b/m.yaml", "copy it there"),
    ("schema sample crm.schema.json -o s3://b/s.json", 2, "s3://b/s.json", "copy it there"),
    ("mapping convert crm.mapping.yaml out.txt", 2, "out.txt", ".yaml"),
    ("mapping convert crm.mapping.yaml out", 2, "names no form", "--form"),
    ("validate run/rejects.jsonl -s crm.schema.json", 2, "set aside", "xdmprep mend run"),
    ("validate run/manifest.json -s crm.schema.json", 2, "lists the files of a run", "part-00000.json"),
    ("validate run/run.json -s crm.schema.json", 2, "how a run was made", "part-00000.json"),
    ("validate run/issues.csv -s crm.schema.json", 2, "what a run found", "part-00000.json"),
    ("validate pretty.json -s crm.schema.json", 2, "over several lines", "jq -c . pretty.json"),
    (f"prepare pretty.json {JOB}", 2, "over several lines", "jq -c . pretty.json"),
    ("mapping convert crm.mapping.yaml out.json --form postd", 2, "'postd'", "Did you mean 'posted'"),
    ("mapping suggest crm.csv", 2, "--schema", "--help"),
    ("mapping pull", 2, "mapping set", "--list"),
    ("mapping push crm.mapping.yaml --id a --new", 2, "--new", "one of them"),
    ("schema pull", 2, "schemas", "--list"),
    ("schema diff crm.schema.json", 2, "NEW", "--help"),
    ("upload out", 2, "--dataset", "--help"),
    ("emulate --port 99999", 2, "99999", "65535"),
    ("emulate --fault rout=file", 2, "'rout'", "Did you mean 'route'"),
    ("emulate --answers gide", 2, "'gide'", "Did you mean 'guide'"),
    ("explain", 2, "rule", "--list"),
    ("explain patern", 2, "'patern'", "Did you mean 'pattern'"),
    ("explain --json-schema prepre", 2, "'prepre'", "Did you mean 'prepare'"),
    ("init crm.csv", 2, "schema", "--schema"),
    # files that are not there
    (f"prepare cmr.csv {JOB}", 2, "cmr.csv", "Did you mean 'crm.csv'"),
    ("prepare crm.csv -m cmr.mapping.yaml -s crm.schema.json -o out", 2, "cmr.mapping.yaml", "'crm.mapping.yaml'"),
    ("prepare crm.csv -m crm.mapping.yaml -s cmr.schema.json -o out", 2, "cmr.schema.json", "'crm.schema.json'"),
    (f"prepare *.tsv {JOB}", 2, "*.tsv", "Check the folder"),
    (f"prepare emptydir {JOB}", 2, "emptydir", "CSV, JSON, Parquet"),
    ("validate records.json -s crm.schema.json", 2, "records.json", "Did you mean 'records.jsonl'"),
    ("mend nonsense", 2, "nonsense", "Give the folder that `prepare` wrote"),
    (f"upload nonsense --dataset x {NOWHERE}", 2, "nonsense", "Give the folder that `prepare` wrote"),
    ("emulate --schemas none", 2, "none", "Give the folder"),
    (f"batch status x --config cfgg.json {NOWHERE}", 2, "cfgg.json", "Did you mean 'cfg.json'"),
    # files of another kind
    ("prepare crm.csv -s crm.mapping.yaml -m crm.schema.json -o out", 2, "swapped",
     "--mapping crm.mapping.yaml --schema crm.schema.json"),
    ("validate crm.csv -s crm.mapping.yaml -m crm.schema.json", 2, "swapped", "--mapping crm.mapping.yaml"),
    ("diff crm.csv crm.csv -s crm.mapping.yaml -m crm.schema.json -o out", 2, "swapped", "--schema crm.schema.json"),
    ("mapping check crm.schema.json --schema crm.mapping.yaml", 2, "swapped", "--schema crm.schema.json"),
    ("prepare crm.mapping.yaml -m crm.csv -s crm.schema.json -o out", 2, "swapped", "crm.csv --mapping"),
    ("prepare crm.csv -m crm.schema.json -s crm.schema.json -o out", 2, "is an XDM schema", "mapping suggest"),
    ("prepare crm.csv -m crm.mapping.yaml -s crm.mapping.yaml -o out", 2, "is a mapping set", "Give --schema"),
    ("prepare '' -m crm.mapping.yaml -s crm.schema.json -o out", 2, "the path is empty", "SOURCE"),
    ("prepare crm.csv -m crm.mapping.yaml -s crm.schema.json -o ''", 2, "the path is empty", "--out"),
    *((f"{given} ''", 2, "it is empty", "Invalid value for") for given in (
        "schema show", "schema check", "schema sample", "schema diff crm.schema.json", "explain", "mapping functions",
        f"upload --dataset x {NOWHERE}", f"batch status {NOWHERE}", f"batch abort {NOWHERE}",
        f"dataset check {NOWHERE}", f"dataset enable-upsert {NOWHERE}", f"schema pull -o out {NOWHERE}")),
    ("prepare s3:///a.csv -m crm.mapping.yaml -s crm.schema.json -o out", 2, "names no bucket", ""),
    ("prepare crm.csv -m crm.mapping.yaml -s crm.csv -o out", 2, "is a table", "Give --schema"),
    ("prepare crm.csv -m crm.csv -s crm.schema.json -o out", 2, "is a table", "mapping suggest"),
    (f"prepare crm.schema.json {JOB}", 2, "is an XDM schema", "Give a CSV"),
    ("mapping check crm.schema.json", 2, "is an XDM schema", "Give --mapping"),
    ("mapping suggest crm.csv --schema crm.mapping.yaml", 2, "is a mapping set", "Give --schema"),
    ("schema check crm.csv", 2, "is a table", "Give --schema"),
    ("validate crm.csv -s crm.schema.json", 2, "is a flat table", "Give the mapping"),
    ("validate crm.schema.json -s crm.schema.json", 2, "is an XDM schema", "with the rows"),
    (f"diff crm.csv crm.csv -s crm.schema.json -o {'out'}", 2, "no XDM records", "Give the mapping"),
    (f"prepare crm.csv {JOB} --sheet 1", 2, "Excel", "--sheet"),
    # content and encoding
    (f"prepare utf16.csv {JOB}", 2, "UTF-16", "--encoding utf-16"),
    (f"prepare latin.csv {JOB}", 2, "not UTF-8", "--encoding cp1252"),
    (f"prepare empty.csv {JOB}", 2, "is empty", "A header and at least one row"),
    (f"prepare header.csv {JOB}", 2, "header.csv", "no row"),
    (f"prepare semi.csv {JOB}", 2, "delimiter", "--delimiter ';'"),
    (f"prepare crm.csv {JOB} --encoding utf9", 2, "'utf9'", "Try utf-8"),
    (f"prepare x.parquet {JOB}", 2, "not a Parquet file", "Write it again"),
    (f"prepare book.xlsx {JOB}", 2, "not an Excel book", "copy the file again"),
    ("prepare crm.csv -m crm.mapping.yaml -s crm.schema.json -o full", 2, "not empty", "--overwrite"),
    ("schema check broken.json", 2, "not JSON", "line 1, column"),
    ("schema check arr.json", 2, "no schema", "JSON object"),
    ("schema check ref.schema.json", 2, "component is missing", "Put the files"),
    # mapping sets
    (f"mapping check tabs.yaml {CHECK}", 2, "line 2", "blanks for tabs"),
    (f"mapping check colon.yaml {CHECK}", 2, "mapping values are not allowed", "in single quotes"),
    (f"mapping check quote.yaml {CHECK}", 2, "begins in line 1", "Close the quote"),
    (f"mapping check bracket.yaml {CHECK}", 2, "is not YAML", "Close the bracket"),
    (f"mapping check emptymap.yaml {CHECK}", 2, "is empty", "Give lines of `destination: source`"),
    (f"mapping check nofn.yaml {CHECK}", 2, "'uper'", "Did you mean 'upper'"),
    (f"mapping check nocol.yaml {CHECK}", 2, "'F_NAM'", "Did you mean 'F_NAME'"),
    (f"mapping check nopath.yaml {CHECK}", 2, "'fristName'", "Did you mean 'person.name.firstName'"),
    (f"mapping check paren.yaml {CHECK}", 2, "ends too early", "')' is missing"),
    (f"mapping check args.yaml {CHECK}", 2, "0 arguments", "substr(text, start, [length])"),
    (f"mapping check dup.yaml {CHECK}", 2, "line 2", "has a mapping already"),
    (f"mapping check opt.yaml {CHECK}", 2, "'$grup_by'", "Did you mean '$group_by'"),
    (f"mapping check ph.yaml {CHECK}", 2, "${TENANT}", "--set TENANT=VALUE"),
    ("mapping functions uper", 2, "'uper'", "Did you mean 'upper'"),
    ("mapping functions --category strng", 2, "'strng'", "Did you mean 'string'"),
    # rules and paths
    ("validate records.jsonl -s crm.schema.json --set patern=off", 2, "'patern'", "Did you mean 'pattern'"),
    ("validate records.jsonl -s crm.schema.json --set pattern=of", 2, "'of'", "'warning' or 'off'"),
    ("validate records.jsonl -s crm.schema.json --set pattern", 2, "'pattern'", "RULE=off"),
    ("validate records.jsonl -s crm.schema.json --report page.doc", 2, "page.doc", ".html"),
    ("diff crm.csv crm.csv -m crm.mapping.yaml -s crm.schema.json -o out --on person.nme", 2, "'nme'",
     "Did you mean 'person.name'"),
    # the platform
    ("batch status x", 2, "credentials", "--config FILE"),
    (f"batch status x {NOWHERE}", 3, "connection refused", "Is the address right"),
    (f"batch status x --config cfgbad.json {NOWHERE}", 2, "not JSON", "configuration is a JSON file"),
    ("batch status x --url http://127.0.0.1:9 --retries 0", 2, "0", "x>=1"),
    (f"dataset create x --schema none {NOWHERE}", 2, "none", "$id or its file"),
    # what a run wrote, taken for something else
    (f"prepare run/rejects.jsonl {JOB}", 2, "set aside", "xdmprep mend run"),
    (f"prepare run {JOB}", 2, "mapped already", "xdmprep upload run"),
    (f"prepare run/part-00000.json {JOB}", 2, "mapped already", "Give the source"),
    (f"upload run/part-00000.json --dataset x {NOWHERE}", 2, "not its manifest", "Give the folder run"),
    (f"upload run/rejects.jsonl --dataset x {NOWHERE}", 2, "not its manifest", "Give the folder run"),
    (f"upload later --dataset x {NOWHERE}", 2, "version 99", "Run `prepare` again"),
    ("schema show run", 2, "no schema is in the folder", "Give a folder of XDM schemas"),
    # packed, places, keys
    ("prepare crm.csv -m crm.mapping.yaml -s packed/crm.schema.json -o out", 2, "gzip", "Unpack"),
    ("prepare crm.csv -m packed/crm.yaml -s crm.schema.json -o out", 2, "gzip", "Unpack"),
    ("prepare crm.csv -m packed/utf16.yaml -s crm.schema.json -o out", 2, "is UTF-16 text", "as UTF-8"),
    ("prepare crm.csv -m crm.mapping.yaml -s crm.schema.json -o records.jsonl", 2, "cannot be made", "another folder"),
    ("prepare crm.csv -m crm.mapping.yaml -s crm.schema.json -o records.jsonl/x", 2, "cannot be made",
     "Give another folder"),
    ("diff crm.csv crm.csv -m crm.mapping.yaml -s crm.schema.json -o out --on CRMID", 2, "'CRMID'",
     "identityMap.CRMID[0].id"),
    ("emulate --data crm.csv", 2, "cannot keep", "Give a folder"),
    ("emulate --host nowhere.invalid --port 0", 2, "nowhere.invalid", "Check the host"),
    (f"mapping check list.yaml {CHECK}", 2, "is not an object", "destination: source"),
    # found right from the start, and kept so
    ("prepare -m crm.csv crm.mapping.yaml -s crm.schema.json -o out", 2, "swapped", "Write crm.csv --mapping"),
    (f"mapping check trail.json {CHECK}", 2, "line 1, column 36", "Give a mapping set"),
    (f"mapping check slash.yaml {CHECK}", 2, "'person/name/firstName'", "Did you mean 'person.name.firstName'"),
    (f"mapping check objects.yaml {CHECK}", 2, "a string cannot become an object", "json_to_object"),
    (f"mapping check long.yaml {CHECK}", 2, "exactly one of", "Did you mean 'column'"),
    (f"mapping check kind.yaml {CHECK}", 2, "'ATTRIBUT'", "Did you mean 'ATTRIBUTE'"),
    ("batch status x --config cfgtypo.json", 2, "'client_idd'", "Did you mean 'client_id'"),
]  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with files that are right, and many that are wrong."""
    folder = tmp_path_factory.mktemp("mistakes")
    schemas = Path(__file__).parents[2] / "schemas"
    shutil.copy(schemas / "crm-profile.mapping.yaml", folder / "crm.mapping.yaml")
    shutil.copy(schemas / "crm-profile.schema.json", folder / "crm.schema.json")
    shutil.copy(schemas / "examples" / "crm-profile.valid.jsonl", folder / "records.jsonl")
    lines = (schemas / "examples" / "crm-profiles.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    header, text = lines[0], "".join(lines[:3])
    reference = {"$id": "https://ns.adobe.com/x", "type": "object", "allOf": [{"$ref": "https://ns.adobe.com/none"}]}
    name = "person.name.firstName"
    files: dict[str, str | bytes] = {
        "crm.csv": text, "utf16.csv": text.encode("utf-16"), "empty.csv": "", "header.csv": header,
        "latin.csv": text.replace("F_NAME", "PR\xc9NOM").encode("latin-1"), "semi.csv": text.replace(",", ";"),
        "x.parquet": "no parquet", "book.xlsx": b"PK\x03\x04 nonsense", "broken.json": "{", "arr.json": "[1]",
        "ref.schema.json": json.dumps(reference), "cfg.json": '{"client_id": "x"}', "cfgbad.json": "{",
        "full/thesis.txt": "x", "tabs.yaml": "a:\n\tb: c\n", "colon.yaml": f"{name}: a: b\n",
        "quote.yaml": f'{name}: "F_NAME\n', "bracket.yaml": f"{name}: [F_NAME\n", "emptymap.yaml": "",
        "nofn.yaml": f"{name}: uper(F_NAME)\n", "nocol.yaml": f"{name}: F_NAM\n",
        "nopath.yaml": "person.name.fristName: F_NAME\n", "paren.yaml": f"{name}: upper(F_NAME\n",
        "args.yaml": f"{name}: substr()\n", "dup.yaml": f"{name}: F_NAME\n{name}: L_NAME\n",
        "opt.yaml": f"$grup_by: x\n{name}: F_NAME\n", "ph.yaml": f"{name}: \"concat('${{TENANT}}', F_NAME)\"\n",
    }  # fmt: skip
    for file, content in files.items():
        path = folder / file
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    manifest = {"manifestVersion": 99}
    kind = "mappings:\n  - sourceType: ATTRIBUT\n    source: F_NAME\n    destination: person.name.firstName\n"
    more: dict[str, str | bytes] = {
        "run/run.json": "{}", "run/manifest.json": "{}", "run/rejects.jsonl": '{"row": 1}\n',
        "run/part-00000.json": '{"_id": "1"}\n', "later/manifest.json": json.dumps(manifest),
        "packed/crm.schema.json": gzip.compress((folder / "crm.schema.json").read_bytes()),
        "packed/utf16.yaml": "a: b".encode("utf-16"),
        "packed/crm.yaml": gzip.compress(b"a: b"), "list.yaml": f"- {name}\n", "trail.json": f'{{"{name}": "F_NAME",}}',
        "slash.yaml": "person/name/firstName: F_NAME\n", "objects.yaml": "person.name: F_NAME\n",
        "long.yaml": f"{name}: {{colum: F_NAME}}\n", "kind.yaml": kind,
        "run/issues.csv": "row\n1\n", "pretty.json": '{\n  "_id": "1"\n}\n{\n  "_id": "2"\n}\n',
        "cfgtypo.json": '{"client_idd": "x", "client_secret": "y"}',
    }  # fmt: skip
    for file, content in more.items():
        path = folder / file
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    (folder / "emptydir").mkdir()
    return folder


def test_there_are_enough() -> None:
    assert len({line for line, *_ in MISTAKES}) == len(MISTAKES) >= 60


@pytest.mark.parametrize(("line", "code", "what", "mend"), MISTAKES, ids=[line for line, *_ in MISTAKES])
def test_the_message_names_what_is_wrong_and_the_mend(
    line: str, code: int, what: str, mend: str, place: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(place)
    for variable in ("XDMPREP_CONFIG", "XDMPREP_URL", "XDMPREP_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    assert run(shlex.split(line)) == code
    out, err = capsys.readouterr()
    for words in (what, mend):
        assert words in err, err
    assert "Traceback" not in err and "should not happen" not in err
    assert code == 1 or not (place / "out").exists()
    if code != 1 and not line.startswith("mapping check"):
        assert out == ""
    if code == 2 and "mapping check" not in line:
        assert run([*shlex.split(line), "--json"]) == code
        error = json.loads(capsys.readouterr().out)["error"]
        assert what in error["message"] + error["hint"] and error["hint"]


@pytest.mark.parametrize("name", ["p.csv", "p.json", "p.arrow", "p.parquet", "p.xlsx", "p"])
@pytest.mark.parametrize(
    "line",
    ["validate {} -s crm.schema.json", f"validate {{}} {JOB.replace(' -o out', '')}", f"prepare {{}} {JOB}",
     "diff {0} {0} -m crm.mapping.yaml -s crm.schema.json -o out"],
)  # fmt: skip
def test_a_pipe_that_nobody_writes_to_is_refused_and_not_waited_for(
    name: str, line: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    os.mkfifo(place / name)
    try:
        assert run(line.format(name).split()) == 2
    finally:
        (place / name).unlink()
    assert "pipe" in capsys.readouterr().err


def test_an_error_is_json_also_where_json_was_taken_as_a_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.json"
    config.write_text("[]")
    assert run(["dataset", "show", "d", "--config", str(config), "--url", "--json"]) == 2
    assert "not a JSON object" in json.loads(capsys.readouterr().out)["error"]["message"]


def test_what_the_mapping_leaves_out_is_not_to_be_corrected_in_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    schema = {"type": "object", "properties": {"a": {"type": "string", "format": "email"}, "b": {"type": "string"}}}
    Path("s.json").write_text(json.dumps({**schema, "required": ["b"]}))
    Path("in.csv").write_text("x;y;empty\na@b.example;1;\nnone;2;\n")
    for mapping, following in (
        ("a: x\n", "mapping check m.yaml"), ("a: x\nb: empty\n", "mend out"), ("a: x\nb: y\n", "mend out"),
    ):  # fmt: skip
        Path("m.yaml").write_text(mapping)
        assert run(shlex.split("prepare in.csv -m m.yaml -s s.json -o out --overwrite --delimiter ';'")) == 1
        said = capsys.readouterr().out.splitlines()
        assert said[-1].startswith(f"next: xdmprep {following}")
        assert ("change the mapping" in said[-2]) == ("check" in following)
        assert any("b (column empty): required field" in line for line in said) == ("empty" in mapping)
    assert run(shlex.split("mapping check m.yaml --schema s.json --source in.csv --delimiter ';'")) == 0
