"""The command given changed files, odd paths and odd options.

Whatever it is given, it ends in time with one of its exit codes and one clear message; what it wrote is whole and
counted.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import yaml

from xdmprep.cli import run
from xdmprep.client import Client
from xdmprep.core.shipped import shipped
from xdmprep.emulator import Emulator
from xdmprep.mapping import MappingSet

from . import engine, mutate

EXIT_CODES = {0, 1, 2, 3, 130}
MAX_STDERR = 20_000
MAX_LINE = 2_000
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_DEBRIS = re.compile(
    r"this should not happen|Traceback \(most recent|\.py:\d+: \w*Warning|Exception ignored|\bobject at 0x"
)

#: One process in so many is a real one.
REAL = 150

SCHEMA = shipped("crm-profile.schema.json")
CSV = shipped("examples/crm-profiles.csv")

#: Commands with the kinds of files they take; `?` in front of an option: given now and then.
COMMANDS = """
prepare {source} -m {mapping} -s {schema} -o {new} ?--strict ?--rules=batch ?--rules=jsonschema ?--multiline ?--report={report} ?--contract={contract}
prepare {source} -m {mapping} -s {schema} -o {new} --format parquet ?--max-bytes=2000 ?--max-rows=7 ?--jobs=2 ?--error-threshold=0
prepare {csv} -m {mapping} -s {schema} -o {new} ?--upsert ?--relax-required ?--delimiter=; ?--encoding=utf-16 ?--null=x ?--names=a,b,a
prepare {csv} -m {mapping} -s {schema} -o {used} ?--overwrite
prepare {adhoc} -m {adhocmapping} -s {adhocschema} -o {new} --format csv
validate {records} -s {schema} ?--rules=batch ?--rules=jsonschema ?--report={report} ?--cap=3 ?--set=pattern=warning
validate {records} {records2} -s {schema} ?--mapping={mapping}
validate {csv} -s {schema} -m {mapping}
validate {adhoc} -s {adhocschema}
diff {csv} {csv2} -s {schema} -m {mapping} -o {new} ?--preview ?--format=json ?--on=identityMap.LOYALTYID[0].id ?--new=leave-out ?--duplicates=error ?--max-records=5
diff {records} {records2} -s {schema} -o {new} ?--relax-required ?--on=identityMap.LOYALTYID[0].id
mend {used} ?{rejects} ?--schema={schema}
upload {used} --dataset {dataset} --url {url} ?--config={config} ?--wait ?--again ?--force ?--replay=x,y
upload {patch} --dataset {dataset} --url {url} ?--force ?--wait
dataset check {dataset} --manifest {used} --url {url}
dataset create fuzz --schema {schema} --url {url} ?--profile ?--upsert
dataset create fuzz --schema {adhocschema} --adhoc --url {url}
dataset show {dataset} --config {config} --url {url}
batch errors {batch} --manifest {used} --url {url} --config {config}
batch status {batch} --config {config}
schema show {schema} ?--compat ?--depth=2 ?--components={folder}
schema show {folder} ?--id={schemaid}
schema check {schema} ?--components={folder}
schema check {folder} --id {schemaid}
schema diff {schema} {schema2} ?--data={records}
schema sample {schema} -n 3
schema pull {schemaid} --out {pulled} --url {url} ?--form=xed ?--check
mapping check {mapping} ?--schema={schema} ?--source={csv}
mapping suggest {source} --schema {schema}
mapping convert {mapping} {target} ?--form=own ?--form=posted ?--form=stored ?--form=old ?--form=csv ?--source={csv}
mapping functions ?concat ?--category=string
mapping explain {mapping} --schema {schema} --source {source}
init {csv} ?--schema={schema} --dir {pulled}
explain unparsable
prepare {book} -m {mapping} -s {schema} -o {new}
prepare {csv} {csv2} -m {mapping} -s {schema} -o {new}
prepare {sources} -m {mapping} -s {schema} -o {new} ?--format=parquet
doctor --url {url} ?--config={config}
"""  # noqa: E501

PROJECT = b"""
schema = "schema.json"
rules = "batch"
jobs = 1
[command.prepare]
format = "parquet"
max-rows = 5
[command.validate]
cap = 3
"""

#: Values that an option may be given in place of its own.
ODD_OPTIONS = [
    "", "-1", "0", "nan", "inf", "99999999999999999999", "x" * 300, "\x1b[31m", "\n", "é", "utf-99", "a,,b", "[*]",
        "a..b", "identityMap[0]", "''", "\\", ".",
    "..", "/", "0x10", "1e309", "rot13", "idna", "hex", "undefined", "unicode_escape", "utf-16", "=", "pattern=",
    "=off", "none=error", "tab", "\x00"[:0], "--json",
]  # fmt: skip


@lru_cache(maxsize=1)
def corpus() -> Path:
    """A folder with one good file of every kind, made once."""
    root = Path(tempfile.mkdtemp(prefix="xdmprep-fuzz-corpus-"))
    lines = CSV.read_text(encoding="utf-8").splitlines(keepends=True)
    (root / "a.csv").write_text("".join(lines[:25]), encoding="utf-8")
    (root / "b.csv").write_text(
        "".join(lines[:5] + [line.replace("mail", "post") for line in lines[5:28]]), encoding="utf-8"
    )
    rows = arrow_csv.read_csv(
        root / "a.csv",
        convert_options=arrow_csv.ConvertOptions(
            column_types={name: pa.string() for name in lines[0].replace('"', "").strip().split(",")}
        ),
    )
    pq.write_table(rows, root / "a.parquet")
    with (root / "a.ndjson").open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(row) + "\n" for row in rows.to_pylist())
    (root / "schema.json").write_bytes(SCHEMA.read_bytes())
    (root / "adhoc.schema.json").write_bytes(shipped("store-visits.adhoc.schema.json").read_bytes())
    visits = [
        json.loads(line)
        for line in shipped("examples/store-visits.valid.jsonl").read_text(encoding="utf-8").splitlines()[:20]
    ]
    names = list(dict.fromkeys(key for visit in visits for key in visit))
    quiet("prepare", root / "a.csv", "-m", shipped("crm-profile.mapping.yaml"), "-s", SCHEMA, "-o", root / "records")
    (root / "records.json").write_bytes((root / "records" / "part-00000.json").read_bytes())
    records = [json.loads(line) for line in (root / "records.json").read_text(encoding="utf-8").splitlines()]
    (root / "array.json").write_text(json.dumps(records, indent=1), encoding="utf-8")
    quiet(
        "prepare",
        root / "a.csv",
        "-m",
        shipped("crm-profile.mapping.yaml"),
        "-s",
        SCHEMA,
        "-o",
        root / "parquet",
        "-f",
        "parquet",
    )
    (root / "records.parquet").write_bytes((root / "parquet" / "part-00000.parquet").read_bytes())
    (root / "visits.csv").write_text(
        "\n".join([",".join(names), *(",".join(str(visit.get(name, "")) for name in names) for visit in visits)])
        + "\n",
        encoding="utf-8",
    )
    (root / "visits.mapping.json").write_text(json.dumps({name: name for name in names}), encoding="utf-8")
    made = MappingSet.load(shipped("crm-profile.mapping.yaml"))
    (root / "own.yaml").write_bytes(shipped("crm-profile.mapping.yaml").read_bytes())
    made.save(root / "own.json")
    for form in ("posted", "stored", "old"):
        made.save(root / f"{form}.json", form)
    made.save(root / "template.csv")
    stored = json.loads((root / "stored.json").read_text(encoding="utf-8"))
    (root / "exported.json").write_text(
        json.dumps({"data": [{"id": "x", "version": 0, "mappings": stored["mappings"]}]}), encoding="utf-8"
    )
    (root / "grouped.yaml").write_text(
        "$group_by: [ID3]\n$sorted: false\n" + (root / "own.yaml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    (root / "config.json").write_text(
        json.dumps(
            {"org_id": "a@AdobeOrg", "client_id": "a", "secret": "b", "sandbox-name": "prod", "scopes": "openid"}
        ),
        encoding="utf-8",
    )
    project = {
        "project": {
            "org": {"ims_org_id": "a@AdobeOrg"},
            "workspace": {
                "details": {
                    "credentials": [
                        {"oauth_server_to_server": {"client_id": "a", "client_secrets": ["b"], "scopes": ["openid"]}}
                    ]
                }
            },
        }
    }
    (root / "project.json").write_text(json.dumps(project), encoding="utf-8")
    (root / "contract.yaml").write_text(
        "schema_type: dataframe\nversion: 0.20.0\ncolumns:\n  ID1:\n    dtype: str\n    nullable: true\n    checks:\n"
        "      str_length:\n        min_value: 1\n"
        "    required: true\nchecks: null\nindex: null\ncoerce: false\nstrict: false\nunique: null\nordered: false\n",
        encoding="utf-8",
    )
    bad = (root / "a.csv").read_text(encoding="utf-8") + "".join(
        line.replace('"US"', '"Nowhere"').replace('male"', 'x"') for line in lines[25:32]
    )
    (root / "bad.csv").write_text(bad, encoding="utf-8")
    quiet(
        "prepare",
        root / "bad.csv",
        "-m",
        root / "own.yaml",
        "-s",
        root / "schema.json",
        "-o",
        root / "used",
        "--strict",
    )
    quiet(
        "prepare",
        root / "bad.csv",
        "-m",
        root / "own.yaml",
        "-s",
        root / "schema.json",
        "-o",
        root / "used-parquet",
        "-f",
        "parquet",
    )
    quiet(
        "diff",
        root / "a.csv",
        root / "b.csv",
        "-m",
        root / "own.yaml",
        "-s",
        root / "schema.json",
        "-o",
        root / "patch",
    )
    (root / "sources").mkdir()
    for name in ("a.csv", "b.csv"):
        (root / "sources" / name).write_bytes((root / name).read_bytes())
    pd.read_csv(root / "a.csv", dtype=str).to_excel(root / "a.xlsx", index=False)
    (root / "folder").mkdir()
    for file in ("crm-profile.schema.json", "loyalty-profile.schema.json"):
        (root / "folder" / file).write_bytes(shipped(file).read_bytes())
    return root


def quiet(*arguments: Any) -> None:
    """Run a command whose output does not matter here."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        run([str(argument) for argument in arguments])


#: kind of argument -> files of the corpus that it may be
KINDS = {
    "source": ["a.csv", "a.csv", "a.ndjson", "a.parquet", "array.json", "bad.csv"], "csv": ["a.csv", "bad.csv"],
    "csv2": ["b.csv"],
    "mapping": ["own.yaml", "own.yaml", "own.json", "posted.json", "stored.json", "old.json", "template.csv",
        "exported.json", "grouped.yaml"],
    "schema": ["schema.json"], "schema2": ["schema.json"], "adhoc": ["visits.csv"],
    "adhocmapping": ["visits.mapping.json"],
    "adhocschema": ["adhoc.schema.json"], "records": ["records.json", "array.json", "records.parquet"],
    "records2": ["records.json", "records.parquet"],
    "book": ["a.xlsx"], "config": ["config.json", "project.json"], "contract": ["contract.yaml"],
    "rejects": ["used/rejects.jsonl"],
}  # fmt: skip
FOLDERS = {
    "sources": ["sources"],
    "used": ["used", "used-parquet"],
    "patch": ["patch"],
    "folder": ["folder"],
    "pulled": ["folder"],
}


@lru_cache(maxsize=1)
def server() -> tuple[Emulator, str, str]:
    """An emulator with a dataset, and a batch in it."""
    emulator = Emulator(schemas=shipped()).__enter__()
    os.environ.update(XDMPREP_RETRIES="1", XDMPREP_TIMEOUT="5", XDMPREP_IMS_URL=emulator.url)
    with Client(url=emulator.url) as client:
        dataset = client.create_dataset(
            "fuzz", json.loads(SCHEMA.read_text(encoding="utf-8"))["$id"], profile=True, upsert=True
        )
        folder = Path(tempfile.mkdtemp()) / "used"
        shutil.copytree(corpus() / "used", folder)
        batch = client.upload(folder, dataset_id=dataset)
    return emulator, dataset, batch.id


def changed(rng: random.Random, name: str, data: bytes) -> bytes:
    """The content of a file, changed as its kind suggests."""
    if rng.random() < 0.25:
        return mutate.blob(rng, data)
    if rng.random() < 0.05:  # a file of another kind
        return (corpus() / rng.choice([file for files in KINDS.values() for file in files])).read_bytes()
    try:
        if name.endswith((".yaml", ".yml")):
            return mutate.to_yaml(rng, mutate.tree(rng, yaml.safe_load(data))).encode("utf-8", "surrogatepass")
        if name.endswith((".jsonl", ".ndjson")) or name in ("records.json", "part-00000.json"):
            lines = data.decode().splitlines()
            for _ in range(rng.choice([1, 1, 3])):
                at = rng.randrange(len(lines))
                lines[at] = mutate.to_json(rng, mutate.tree(rng, json.loads(lines[at]))).replace(
                    "\n", rng.choice(["", "\n"])
                )
            if rng.random() < 0.1:
                lines.insert(
                    at,
                    rng.choice(["", " ", "null", "[]", "1", lines[0] + lines[0], '{"a":', "\x00", "\ufeff" + lines[0]]),
                )
            return "\n".join(lines).encode("utf-8", "surrogatepass") + rng.choice([b"\n", b""])
        if name.endswith(".json"):
            return mutate.to_json(rng, mutate.tree(rng, json.loads(data))).encode("utf-8", "surrogatepass")
        if name.endswith(".csv"):
            return mutate.table(rng, data)
        if name.endswith(".parquet"):
            return mutate.parquet(rng, data)
    except (ValueError, RecursionError, yaml.YAMLError):
        pass
    return mutate.blob(rng, data)


def odd_path(rng: random.Random, path: Path) -> None:
    """Put something that is no ordinary file where `path` was."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    kind = rng.randrange(8)
    if kind == 0:
        path.mkdir()
    elif kind == 1:
        os.mkfifo(path)
    elif kind == 2:
        with socket.socket(socket.AF_UNIX) as made, contextlib.suppress(OSError):
            made.bind(str(path))
    elif kind == 3:
        path.symlink_to("/dev/null")
    elif kind == 4:
        path.symlink_to(path)
    elif kind == 5:
        path.write_bytes(b"")
    elif kind == 6:
        path.symlink_to("/dev/zero")


class Setting:
    """The files and arguments of one case."""

    def __init__(self, rng: random.Random, folder: Path) -> None:
        self.rng, self.folder = rng, folder
        self.files: list[Path] = []
        self.arguments: list[str] = []
        self.command = rng.choice(COMMANDS.strip().splitlines())
        self.new: list[Path] = []
        for word in self.command.split():
            if word.startswith("?"):
                if rng.random() > 0.3:
                    continue
                word = word[1:]
            self.arguments += self._words(word)
        if rng.random() < 0.4 and "sample" not in self.arguments:
            self.arguments.append("--json")

    def _words(self, word: str) -> list[str]:
        found = re.search(r"\{(\w+)\}", word)
        if found is None:
            return [word]
        return [word[: found.start()] + self._value(found[1]) + word[found.end() :]]

    def _value(self, kind: str) -> str:
        if kind in KINDS:
            name = self.rng.choice(KINDS[kind])
            target = self.folder / f"{kind}-{Path(name).name}" if kind.endswith("2") else self.folder / Path(name).name
            if not target.exists():
                target.write_bytes((corpus() / name).read_bytes())
            self.files.append(target)
            return str(target)
        if kind in FOLDERS:
            target = self.folder / "given"
            if not target.exists():
                shutil.copytree(corpus() / self.rng.choice(FOLDERS[kind]), target)
            if "mend" in self.command:
                self._rebase(target)
            self.files += [path for path in sorted(target.rglob("*")) if path.is_file()]
            return str(target)
        if kind == "new":
            self.new.append(self.folder / "out")
            return str(self.folder / "out")
        if kind in ("report", "target"):
            return str(
                self.folder
                / ("x" + self.rng.choice([".html", ".json", ".jsonl", ".csv", ".parquet", ".yaml", "", ".txt"]))
            )
        if kind == "schemaid":
            return self.rng.choice(
                ["https://ns.adobe.com/acme/schemas/crm-profile", "_acme.schemas.x", "x", "https://[", "../x"]
            )
        emulator, dataset, batch = server()
        return {"url": emulator.url, "dataset": dataset, "batch": batch}[kind]

    def _rebase(self, target: Path) -> None:
        with contextlib.suppress(FileNotFoundError):
            text = (target / "run.json").read_text(encoding="utf-8")
            (target / "run.json").write_text(text, encoding="utf-8")

    def disturb(self) -> None:
        """Change some of the files, or what is where they were, or an option."""
        rng = self.rng
        for path in rng.sample(self.files, min(len(self.files), rng.choice([0, 1, 1, 1, 1, 2, 3]))):
            if rng.random() < 0.06:
                odd_path(rng, path)
            elif path.is_file() and not path.is_symlink():
                path.write_bytes(changed(rng, path.name, path.read_bytes()))
        if rng.random() < 0.08:
            (self.folder / "xdmprep.toml").write_bytes(changed(rng, "xdmprep.toml", PROJECT))
        if self.new and rng.random() < 0.1:
            self._odd_output(self.new[0])
        if rng.random() < 0.12:
            places = [
                at
                for at, word in enumerate(self.arguments)
                if at and (word.startswith("--") or self.arguments[at - 1].startswith("-"))
            ]
            if places:
                at = rng.choice(places)
                word = self.arguments[at]
                self.arguments[at] = (
                    word.split("=")[0] + "=" + rng.choice(ODD_OPTIONS)
                    if word.startswith("--")
                    else rng.choice(ODD_OPTIONS)
                )
        if rng.random() < 0.03 and self.files:
            self._odd_name(rng.choice(self.files))

    def _odd_output(self, out: Path) -> None:
        rng = self.rng
        kind = rng.randrange(6)
        if kind == 0:
            out.write_text("a file")
            return
        if kind == 1:
            os.mkfifo(out)
            return
        out.mkdir()
        if kind == 2:
            (out / "run.json").write_text(
                rng.choice(["null", "[]", "1", "{", '{"state": "running"}', '{"state": [], "key": 1}', "[" * 100_000])
            )
        elif kind == 3:
            (out / rng.choice(["run.json", ".lock.part", "manifest.json", "part-00000.json", "issues.csv"])).mkdir()
        elif kind == 4:
            (out / rng.choice(["x", "\x1b[31m", "a\nb", ".x.part", "run.json"])).write_bytes(b"\xff")
        else:
            (out / ".lock.part").symlink_to("/dev/null")

    def _odd_name(self, path: Path) -> None:
        if not path.is_file():
            return
        name = self.rng.choice(
            ["a\nb", "\x1b[2J", "x" * 250, " ", "-x", "é", "\udcff\udcfe", "a'b\"c", "a%sb{0}", "\u202ex"]
        )
        with contextlib.suppress(OSError):
            target = path.with_name(name + path.suffix)
            path.rename(target)
            self.arguments = [word.replace(str(path), str(target)) for word in self.arguments]


def case(rng: random.Random, folder: Path) -> tuple[str, list[str]]:
    """One run of the command; how it ended, and what is wrong with that."""
    setting = Setting(rng, folder)
    setting.disturb()
    with contextlib.suppress(OSError):
        (folder / "arguments.json").write_text(json.dumps(setting.arguments), encoding="utf-8")
    os.chdir(folder)
    before = _parts(folder)
    engine.start_clock()
    code, out, err, trace = _real(setting.arguments) if rng.randrange(REAL) == 0 else _here(setting.arguments)
    shown = f"xdmprep {' '.join(map(repr, setting.arguments))}\n"
    complaints = [
        f"{text}\n{shown}{_excerpt(err)}" for text in _judge(setting, code, out, err, _parts(folder) - before)
    ]
    if trace:
        complaints = [text for text in complaints if not text.startswith("debris: this should")]
        complaints.append(f"{trace.strip().splitlines()[-1][:200]}\n{shown}{engine.frames(trace)}")
    return str(code), complaints


def _here(arguments: list[str]) -> tuple[int, str, str, str]:
    out, err, found = io.StringIO(), io.StringIO(), [""]

    def note(_error: BaseException) -> None:
        found[0] = traceback.format_exc()

    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings(), _unexpected(note):
        warnings.simplefilter("ignore")  # as the command itself does in its process
        code = run(arguments)
    return code, out.getvalue(), err.getvalue(), found[0]


@contextlib.contextmanager
def _unexpected(note: Callable[[BaseException], None]) -> Iterator[None]:
    """Calls `note` with an error that the command did not expect."""
    from xdmprep.cli import printer

    was = printer.refuse

    def refuse(code: str, *rest: Any, **more: Any) -> None:
        if code in ("internal", "system", "memory"):
            note(sys.exc_info()[1])  # type: ignore[arg-type]
        was(code, *rest, **more)

    printer.refuse = refuse  # type: ignore[assignment]
    try:
        yield
    finally:
        printer.refuse = was  # type: ignore[assignment]


def _real(arguments: list[str]) -> tuple[int, str, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "xdmprep", *arguments],
        capture_output=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return (
        done.returncode,
        done.stdout.decode("utf-8", "surrogateescape"),
        done.stderr.decode("utf-8", "surrogateescape"),
        "",
    )


def _excerpt(err: str) -> str:
    return err if len(err) < 2000 else err[:1000] + " ... " + err[-800:]


def _parts(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("part-*") if path.is_file()}


def _judge(setting: Setting, code: int, out: str, err: str, made: set[Path]) -> Iterator[str]:
    if code not in EXIT_CODES:
        yield f"exit code {code}"
    if found := _DEBRIS.search(err + out):
        yield f"debris: {found[0]}"
    if len(err) > MAX_STDERR:
        yield f"standard error has {len(err)} characters"
    as_json = any(
        part == "--json" and not re.fullmatch("-[a-z]", before)  # else it is the value of that option
        for before, part in pairwise(setting.arguments)
    )
    for name, text in (
        ("error", err),
        ("output", "" if as_json or setting.arguments[:2] in (["schema", "sample"], ["mapping", "suggest"]) else out),
    ):
        if any(len(line) > MAX_LINE for line in text.splitlines()):
            yield f"standard {name} has a line of {max(map(len, text.splitlines()))} characters"
        if found := _CONTROL.search(text) or re.search("[\ud800-\udfff]", text):
            yield f"standard {name} has the control character {found[0]!r}"
    about = err + out if setting.arguments[0] == "doctor" else err  # its answer is the list of what is wrong
    if code in (2, 3) and not about.strip() and not as_json:
        yield f"exit code {code} without a message"
    if code == 2 and made:
        yield f"exit code 2 left parts: {sorted(path.name for path in made)}"
    if as_json and setting.arguments[0] != "doctor":
        yield from _judge_json(code, out)
    if (
        code in (0, 1)
        and "Nothing to upload was kept" not in err
        and setting.arguments[0] in ("prepare", "diff")
        and "-o" in setting.arguments
    ):
        folder = Path(setting.arguments[setting.arguments.index("-o") + 1])
        yield from _judge_output(folder, setting.arguments)


def _judge_json(code: int, out: str) -> Iterator[str]:
    def refuse(text: str) -> Any:
        raise ValueError(f"{text} is no JSON")

    try:
        shown = json.loads(out, parse_constant=refuse)
    except ValueError as error:
        yield f"--json printed no single object: {error}: {out[:200]!r} {out[-100:]!r}"
        return
    if not isinstance(shown, dict):
        yield f"--json printed {type(shown).__name__}"
    elif code in (2, 3) and shown.get("ok") is False:
        error = shown.get("error")
        if not isinstance(error, dict) or not {"code", "message", "hint"} <= set(error) or not error["message"]:
            yield f"--json printed an error without code, message or hint: {out[:300]}"


def _judge_output(folder: Path, arguments: list[str]) -> Iterator[str]:
    manifests = sorted(folder.glob("manifest.json")) or sorted(folder.glob("batch-*/manifest.json"))
    if not manifests:
        yield "no manifest"
    for file in manifests:
        manifest = json.loads(file.read_text(encoding="utf-8"))
        counts = manifest["counts"]
        if (
            counts["rows"] != counts["written"] + counts["rejected"]
            and arguments[0] == "prepare"
            and "--upsert" not in arguments
        ):
            yield f"rows vanished: {counts}"
        total = 0
        listed = {entry["name"] for entry in manifest["files"]}
        found = {path.name for path in file.parent.glob("part-*")}
        if listed != found:
            yield f"the manifest lists {sorted(listed)}, the folder holds {sorted(found)}"
            continue
        for entry in manifest["files"]:
            data = (file.parent / entry["name"]).read_bytes()
            if hashlib.sha256(data).hexdigest() != entry["sha256"] or len(data) != entry["bytes"]:
                yield f"{entry['name']} is not what the manifest says"
            total += entry["rows"]
            rows = _rows(data, manifest)
            if rows != entry["rows"]:
                yield f"{entry['name']} holds {rows} records, the manifest says {entry['rows']}"
        if total != counts["written"]:
            yield f"{total} records in the parts, {counts['written']} written"
    rejects = folder / "rejects.jsonl"
    if arguments[0] == "prepare" and manifests and "--upsert" not in arguments:
        lines = rejects.read_text(encoding="utf-8").split("\n")[:-1] if rejects.exists() else []
        for line in lines:
            json.loads(line, parse_constant=lambda text: 1 / 0)
        if len(lines) != json.loads(manifests[0].read_text(encoding="utf-8"))["counts"]["rejected"]:
            yield f"{len(lines)} lines of rejects, counts say otherwise"


def _rows(data: bytes, manifest: dict[str, Any]) -> int:
    def refuse(text: str) -> Any:
        raise ValueError(f"{text} is no JSON")

    if manifest["format"] == "parquet":
        return pq.read_table(io.BytesIO(data)).num_rows
    if manifest["format"] == "csv":
        return len(arrow_csv.read_csv(io.BytesIO(data), parse_options=arrow_csv.ParseOptions(newlines_in_values=True)))
    text = data.decode("utf-8")
    if manifest["multiline"]:
        return len(json.loads(text, parse_constant=refuse))
    return len([json.loads(line, parse_constant=refuse) for line in text.split("\n")[:-1]])
