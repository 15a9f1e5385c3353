"""Files elsewhere: the same records as from a local copy, and one sentence for everything that goes wrong."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from unittest import mock

import fsspec
import hostile_kit
import pytest
from pyarrow import fs
from remote_kit import cloud_storage, put, s3_server, send, web_server

import xdmprep as xp
from xdmprep.cli import run
from xdmprep.core import remote
from xdmprep.errors import MappingError, SchemaError, SourceError
from xdmprep.read import open_source

ROOT = Path(__file__).resolve().parents[2] / "schemas"
SAMPLE = ROOT / "examples" / "crm-profiles.csv"
SCHEMA = ROOT / "crm-profile.schema.json"
MAPPING = ROOT / "crm-profile.mapping.yaml"
CSV = b"id,t\n1,a\n2,b\n"
ROWS = [{"id": "1", "t": "a"}, {"id": "2", "t": "b"}]
SECRET = "hunter2-secret"


@pytest.fixture(autouse=True)
def _online(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(remote.OFFLINE, raising=False)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with s3_server() as url:
        for file in (SAMPLE, SCHEMA, MAPPING):
            put(url, f"in/{file.name}", file.read_bytes())
        for name in ("a", "b"):
            put(url, f"days/{name}.csv", CSV)
            put(url, f"days/deep/{name}.csv", CSV)
            put(url, f"lines/{name}.jsonl", json.dumps(ROWS[0]).encode() + b"\n")
        put(url, "packed/x.csv.gz", gzip.compress(CSV))
        put(url, "others/x.csv", CSV)
        for name in ("x.csv.bak", ".y.csv", "_tmp/z.csv", "_SUCCESS"):
            put(url, f"others/{name}", CSV)
        put(url, "mixed/x.csv", CSV)
        put(url, "mixed/x.json", b"{}")
        put(url, "empty.csv", b"")
        yield url


@pytest.fixture
def s3(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in {
        "AWS_ENDPOINT_URL": server, "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    return "s3://acme"


def rows(source: Any) -> list[dict[str, Any]]:
    return open_source(source).to_table().to_pylist()


def reason(source: Any) -> str:
    with pytest.raises(SourceError) as caught:
        rows(source)
    text = str(caught.value)
    assert SECRET not in text
    assert "\n" not in text
    assert len(text) < 400
    return text


def test_source_schema_and_mapping_from_s3(s3: str, tmp_path: Path) -> None:
    here = xp.prepare(SAMPLE, MAPPING, SCHEMA, tmp_path / "here")
    there = xp.prepare(
        f"{s3}/in/{SAMPLE.name}", f"{s3}/in/{MAPPING.name}", f"{s3}/in/{SCHEMA.name}", tmp_path / "there"
    )
    assert there.written == here.written == 241
    for file in here.manifest.files:
        assert (tmp_path / "there" / file.name).read_bytes() == (tmp_path / "here" / file.name).read_bytes()
    assert there.manifest.source["name"] == SAMPLE.name


def test_credentials_and_endpoint_in_the_url(server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    host = server.removeprefix("http://")
    url = f"s3://key:{SECRET}@acme/days/a.csv?endpoint_override={host}&scheme=http&region=us-east-1"
    assert rows(url) == ROWS
    assert SECRET not in reason(url.replace("a.csv", "none.csv"))
    result = xp.prepare([url, url.replace("a.csv", "b.csv")], {"t": "t"}, SCHEMA_OF_T, tmp_path / "out")
    written = "".join(file.read_text() for file in (tmp_path / "out").iterdir())
    assert SECRET not in written + repr(result)
    assert "s3://acme/days/b.csv" in written


SCHEMA_OF_T = xp.Schema.from_dict(
    {"$id": "https://e.example/t", "title": "T", "type": "object", "properties": {"t": {"type": "string"}}}
)


def test_folders_globs_and_lists(s3: str) -> None:
    assert len(rows(f"{s3}/days/")) == 8
    assert len(rows(f"{s3}/days/*.csv")) == 4
    assert len(rows(f"{s3}/days/[b]*.csv")) == 2
    assert len(rows(f"{s3}/days/**/b.csv")) == 4
    assert len(rows([f"{s3}/days/a.csv", f"{s3}/days/deep/a.csv"])) == 4
    assert rows(f"{s3}/lines/*.jsonl") == [ROWS[0], ROWS[0]]
    assert "no file matches" in reason(f"{s3}/days/x*.csv")
    assert "1 CSV and 1 JSON" in reason(f"{s3}/mixed/")
    others = [f"{s3}/others/{name}" for name in (".y.csv", "_tmp/z.csv", "x.csv.bak")]
    assert sorted(open_source(f"{s3}/others/").not_read) == others
    assert "End the URL with /" in reason(f"{s3}/days")
    assert "given twice" in reason([f"{s3}/days/a.csv"] * 2)


def test_compressed_and_empty(s3: str) -> None:
    assert rows(f"{s3}/packed/x.csv.gz") == ROWS
    assert "empty" in reason(f"{s3}/empty.csv")


def test_objects_that_are_missing_are_named(s3: str) -> None:
    assert reason(f"{s3}/none.csv") == "s3://acme/none.csv: does not exist."
    assert "does not exist" in reason("s3://nobucket/none.csv")
    with pytest.raises(SchemaError, match=r"s3://acme/none\.json: does not exist"):
        xp.Schema.load(f"{s3}/none.json")
    with pytest.raises(MappingError, match=r"s3://acme/none\.yaml: does not exist"):
        xp.MappingSet.load(f"{s3}/none.yaml")


def test_annotations_name_a_url_without_its_secrets(
    server: str, s3: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    host = server.removeprefix("http://")
    url = f"s3://key:{SECRET}@acme/in/{SAMPLE.name}?endpoint_override={host}&scheme=http&region=us-east-1"
    line = ["-m", str(MAPPING), "-s", str(SCHEMA), "--output-format", "github"]
    for words in (["prepare", url], ["prepare", url, "--upsert"], ["diff", str(SAMPLE), url]):
        assert run([*words, *line, "-o", str(tmp_path / f"{len(words)}-{words[0]}")]) in (0, 1)
        shown = capsys.readouterr()
        assert "::error" in shown.out or words[0] == "diff"
        assert SECRET not in shown.out + shown.err


def test_commands_take_addresses_in_s3(s3: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["-m", f"{s3}/in/{MAPPING.name}", "-s", f"{s3}/in/{SCHEMA.name}"]
    assert run(["prepare", f"{s3}/in/{SAMPLE.name}", *line, "-o", str(tmp_path / "out")]) == 1
    assert run(["validate", f"{s3}/in/{SAMPLE.name}", *line]) == 1
    assert run(["diff", f"{s3}/in/{SAMPLE.name}", str(SAMPLE), *line, "-o", str(tmp_path / "p")]) in (0, 1)
    assert run(["mapping", "suggest", f"{s3}/days/a.csv", "--schema", f"{s3}/in/{SCHEMA.name}"]) == 0
    assert run(["schema", "show", f"{s3}/in/{SCHEMA.name}", "--depth", "1"]) == 0
    assert "this should not happen" not in capsys.readouterr().err


def test_forbidden_s3(monkeypatch: pytest.MonkeyPatch) -> None:
    with web_server(lambda handler: send(handler, 403)) as url:
        host = url.removeprefix("http://")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        text = reason(f"s3://key:{SECRET}@acme/a.csv?endpoint_override={host}&scheme=http&region=us-east-1")
        assert text == "s3://acme/a.csv: access is refused. Check the credentials."


def test_fsspec_memory_and_file_urls(tmp_path: Path) -> None:
    system = fsspec.filesystem("memory")
    for name in ("x/a.csv", "x/b.csv"):
        system.pipe(f"/{name}", CSV)
    assert rows("memory://x/a.csv") == ROWS
    assert len(rows("memory://x/*.csv")) == len(rows("memory://x/")) == 4
    assert reason("memory://x/none.csv") == "memory://x/none.csv: does not exist."
    system.pipe("/y/a.json", b'{"id": "1"}')
    for name, data in {"b.json": b"", "c.json.gz": gzip.compress(b""), "d.json": b"[]"}.items():
        system.pipe(f"/y/{name}", data)
    assert len(rows("memory://y/")) == 1
    assert "b.json: is empty" in reason("memory://y/b.json")
    (tmp_path / "a b.csv").write_bytes(CSV)
    assert rows((tmp_path / "a b.csv").as_uri()) == ROWS
    assert len(rows(tmp_path.as_uri())) == 2
    assert "No such file" in reason((tmp_path / "none.csv").as_uri())
    assert "cannot be read" in reason("nonsense://x/a.csv")


def test_google_cloud_storage() -> None:
    files = {"in/a.csv": CSV, "in/b.csv": CSV, "in/deep/c.csv": CSV, "a.csv.gz": gzip.compress(CSV)}
    with cloud_storage(files) as url:
        asked = f"?endpoint_override={url.removeprefix('http://')}&scheme=http"
        for scheme in ("gs", "gcs"):
            assert rows(f"{scheme}://anonymous@acme/in/a.csv{asked}") == ROWS
        assert rows(f"gs://anonymous@acme/a.csv.gz{asked}") == ROWS
        assert len(rows(f"gs://anonymous@acme/in/{asked}")) == 6
        assert len(rows(f"gs://anonymous@acme/in/[b]*.csv{asked}")) == 2
        assert reason(f"gs://anonymous@acme/none.csv{asked}") == "gs://acme/none.csv: does not exist."
        assert reason(f"gs://anonymous@acme/secret.csv{asked}").endswith("access is refused. Check the credentials.")


KEY = "a2V5IG9mIGFuIGFjY291bnQ="
CONNECTION = f"DefaultEndpointsProtocol=https;AccountName=acct;AccountKey={KEY};EndpointSuffix=core.windows.net"
AZURE = [
    ({"KEY": KEY}, "abfss://box@acct.dfs.core.windows.net/in/a%20b.csv", "acct", {"account_key": KEY}),
    ({"KEY": KEY}, "abfss://acct.dfs.core.windows.net/box/in/a b.csv", "acct", {"account_key": KEY}),
    ({"KEY": KEY, "ACCOUNT": "mine"}, "abfs://box/in/a b.csv", "mine", {"account_key": KEY}),
    ({"SAS_TOKEN": "sv=1&sig=2"}, "abfs://box@acct.x/in/a b.csv", "acct", {"sas_token": "?sv=1&sig=2"}),
    ({"CONNECTION_STRING": CONNECTION}, "abfs://box/in/a b.csv", "acct", {"account_key": KEY}),
    (
        {"CONNECTION_STRING": f"{CONNECTION};BlobEndpoint=https://acct.blob.example.net/"},
        "abfs://box/in/a b.csv", "acct",
        {"account_key": KEY, "blob_storage_authority": ".blob.example.net", "dfs_storage_authority": ".dfs.example.net",
         "blob_storage_scheme": "https", "dfs_storage_scheme": "https"},
    ),
    (
        {"CONNECTION_STRING": f"{CONNECTION};BlobEndpoint=http://127.0.0.1:10000/acct"},
        "abfs://box/in/a b.csv", "acct",
        {"account_key": KEY, "blob_storage_authority": "127.0.0.1:10000", "dfs_storage_authority": "127.0.0.1:10000",
         "blob_storage_scheme": "http", "dfs_storage_scheme": "http"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "url", "account", "options"), AZURE)
def test_accounts_and_keys_of_azure(
    settings: dict[str, str], url: str, account: str, options: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is given to pyarrow's file system; one that needs a server is below."""
    for name in ("CONNECTION_STRING", "KEY", "SAS_TOKEN", "ACCOUNT"):
        monkeypatch.delenv(f"AZURE_STORAGE_{name}", raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(f"AZURE_STORAGE_{name}", value)
    with mock.patch("pyarrow.fs.AzureFileSystem", create=True) as made:
        made.return_value.get_file_info.return_value = fs.FileInfo("box/in/a b.csv", fs.FileType.NotFound)
        assert reason(url).endswith("does not exist.")
    made.assert_called_once_with(account, **options)
    made.return_value.get_file_info.assert_called_once_with("box/in/a b.csv")


@pytest.mark.skipif(shutil.which("azurite-blob") is None, reason="needs azurite-blob (npm install -g azurite)")
def test_azure_by_azurite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="  # Azurite's own
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = ["azurite-blob", "--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(tmp_path),
             "--skipApiVersionCheck", "--disableTelemetry", "--silent"]  # fmt: skip
    endpoint = f"http://127.0.0.1:{port}/devstoreaccount1"
    text = f"AccountName=devstoreaccount1;AccountKey={key};BlobEndpoint={endpoint};"
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as server:
        try:
            for _ in range(100):
                with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.2)
            place = f"127.0.0.1:{port}"
            options = {f"{kind}_storage_authority": place for kind in ("blob", "dfs")}
            options |= {f"{kind}_storage_scheme": "http" for kind in ("blob", "dfs")}
            system = fs.AzureFileSystem("devstoreaccount1", account_key=key, **options)
            system.create_dir("box")
            for name in ("a", "b"):
                with system.open_output_stream(f"box/in/{name}.csv") as sink:
                    sink.write(CSV)
            monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", text)
            assert rows("abfss://box@devstoreaccount1.dfs.core.windows.net/in/a.csv") == ROWS
            assert len(rows("abfs://box/in/")) == len(rows("abfs://box/in/*.csv")) == 4
            assert reason("abfs://box/none.csv") == "abfs://box/none.csv: does not exist."
            assert reason("abfs://nobox/a.csv") == "abfs://nobox/a.csv: does not exist."
            assert "is a folder" in reason("abfs://box/in")
            monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", text.replace(key, KEY))
            assert "access is refused" in reason("abfs://box/in/a.csv")
        finally:
            server.terminate()


def answers(handler: BaseHTTPRequestHandler) -> None:
    path = handler.path.partition("?")[0]
    if path == "/a.csv":
        send(handler, 200, CSV)
    elif path == "/private.csv":
        known = "Basic dXNlcjpodW50ZXIyLXNlY3JldA=="
        send(handler, 200, CSV) if handler.headers["Authorization"] == known else send(handler, 401)
    elif path == "/packed":
        send(handler, 200, gzip.compress(CSV), Content_Encoding="gzip")
    elif path == "/moved.csv":
        send(handler, 302, Location="/a.csv")
    elif path == "/circle.csv":
        send(handler, 302, Location="/circle.csv")
    elif path == "/disk.csv":
        send(handler, 302, Location="file:///etc/passwd")
    elif path == "/short.csv":
        send(handler, 200, CSV, Content_Length="4000")
    elif path == "/login.csv":
        send(handler, 200, b"<!DOCTYPE html><title>Log in</title>")
    elif path == "/slow.csv":
        time.sleep(1.5)
        send(handler, 200, CSV)
    elif path == "/drip.csv":
        send(handler, 200, b"", Content_Length="1000")
        for _ in range(20):
            handler.wfile.write(b"a")
            handler.wfile.flush()
            time.sleep(0.1)
    else:
        send(handler, int(path.strip("/").partition(".")[0]))


FAULTS = {
    "404.csv": "does not exist (HTTP 404)", "403.csv": "access is refused (HTTP 403)", "500.csv": "HTTP 500",
    "204.csv": "does not give the file", "circle.csv": "redirected", "short.csv": "broke off",
    "slow.csv": "did not answer",

    "drip.csv": "sends less than", "login.csv": "a web page", "private.csv": "access is refused",
    "disk.csv": "cannot be read",
}  # fmt: skip


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    with web_server(answers) as url:
        yield url


@pytest.mark.parametrize("name", FAULTS)
def test_faults_of_a_web_server_are_one_sentence(web: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "ANSWER_SECONDS", 0.5)
    text = reason(f"{web}/{name}?sig={SECRET}")
    assert FAULTS[name] in text
    assert "sig" not in text


def test_files_of_a_web_server(web: str) -> None:
    assert rows(f"{web}/a.csv?sig={SECRET}") == ROWS
    assert rows(f"{web}/moved.csv") == ROWS
    assert rows(f"{web}/packed") == ROWS
    assert rows(web.replace("http://", f"http://user:{SECRET}@") + "/private.csv") == ROWS


def test_nobody_there_and_offline(web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "cannot be reached" in reason(f"http://user:{SECRET}@127.0.0.1:9/a.csv")
    monkeypatch.setenv(remote.OFFLINE, "1")
    for url in (f"{web}/a.csv", "s3://acme/a.csv", "s3://acme/*.csv", "memory://x/a.csv"):
        assert "XDMPREP_OFFLINE is set" in reason(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://k:s@b/a.csv?region=x", "s3://b/a.csv"), ("https://u:p@h/a?sig=x", "https://h/a"),
        ("abfss://box:pw@acct.dfs.core.windows.net/a", "abfss://box@acct.dfs.core.windows.net/a"),
        ("https://h?sig=x", "https://h"), ("a@b.csv", "a@b.csv"), ("S3://k@b/x", "S3://b/x"),
    ],
)  # fmt: skip
def test_what_is_shown_of_a_url(url: str, shown: str) -> None:
    assert remote.shown(url) == shown


@pytest.mark.parametrize("pack", ["plain", "gzip", "zip", "json", "gzip of json", "xlsx"])
def test_standard_input_of_every_kind_and_packing(pack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)
    if pack == "zip":
        import zipfile

        with zipfile.ZipFile(tmp_path / "x", "w") as archive:
            archive.writestr("a.csv", CSV)
    elif pack == "xlsx":
        import openpyxl

        book = openpyxl.Workbook()
        for row in (["id", "t"], ["1", "a"], ["2", "b"]):
            book.active.append(row)
        book.save(tmp_path / "x")
    else:
        data = {"plain": CSV, "gzip": gzip.compress(CSV), "json": lines, "gzip of json": gzip.compress(lines)}[pack]
        (tmp_path / "x").write_bytes(data)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO((tmp_path / "x").read_bytes())))
    assert rows("-") == ROWS
    assert "nothing to read" in reason("-")


def test_commands_read_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = ["-m", str(MAPPING), "-s", str(SCHEMA)]
    for number, words in enumerate([
        ["prepare", "-", *line, "-o", str(tmp_path / "out")],
        ["prepare", "-", *line, "-o", str(tmp_path / "patch"), "--upsert"],
        ["validate", "-", *line], ["diff", "-", str(SAMPLE), *line, "-o", str(tmp_path / "one")],
        ["diff", str(SAMPLE), "-", *line, "-o", str(tmp_path / "other")],
        ["mapping", "suggest", "-", "--schema", str(SCHEMA)],
        ["mapping", "explain", str(MAPPING), "--schema", str(SCHEMA), "--source", "-"],
        ["mapping", "check", str(MAPPING), "--schema", str(SCHEMA), "--source", "-"],
        ["init", "-", "--schema", str(SCHEMA), "--dir", str(tmp_path / "project")],
    ]):  # fmt: skip
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(SAMPLE.read_bytes())))
        assert run(words) in (0, 1), (number, words)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(SAMPLE.read_bytes())))
    assert run(["diff", "-", "-", *line, "-o", str(tmp_path / "both")]) == 2
    assert xp.Manifest.load(tmp_path / "out").written == 241


# ---- servers that never end, or lead away ---------------------------------------------------------------------------

HOSTILE: dict[str, tuple[hostile_kit.Behaviour, str]] = {
    "headers byte by byte": (hostile_kit.drip_head, "did not answer within"),
    "headers without end": (hostile_kit.endless_headers, "too large|broke off|cannot be reached"),
    "a header line without end": (hostile_kit.endless_line, "too large|broke off|cannot be reached"),
    "100 Continue without end": (hostile_kit.endless_continue, "too large"),
    "a body byte by byte": (hostile_kit.drip_body, "bytes a second|did not answer"),
    "silence": (hostile_kit.silent, "did not answer"), "a reset": (hostile_kit.reset, "broke off|cannot be reached"),
    "no HTTP": (hostile_kit.not_http, "broke off|cannot be reached"), "a loop": (hostile_kit.loop, "in a circle"),
    "cut off": (hostile_kit.cut_off, "broke off"), "a negative chunk": (
        hostile_kit.SHAPES["a chunk of negative size"], "broke off|cannot be read"),
    "a redirect with a bomb": (lambda exchange: exchange.answer(302, hostile_kit.packed(), Content_Encoding="gzip",
                                                                Location=exchange.target), "in a circle"),
    "a redirect that drips": (lambda exchange: (exchange.send(
        b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 1000\r\n\r\n"), exchange.drip(b" "))[0], "in a circle"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_web_server_is_given_up_in_time(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(remote, "CONNECT_SECONDS", 0.5)
    behaviour, sentence = HOSTILE[name]
    hostile_kit.packed()
    with hostile_kit.Server(behaviour) as server:
        url = server.url.replace("://", "://me:secret-word@") + "/a.csv?signature=secret-signature"
        begin = time.monotonic()
        with pytest.raises(remote.RemoteError, match=sentence) as caught:
            for _ in remote.pieces(url):
                pass
    assert time.monotonic() - begin < 20
    assert "secret" not in str(caught.value)


def test_a_slow_file_is_read_whole_as_long_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes longer than an answer may; only its head must be there in time."""
    monkeypatch.setattr(remote, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(remote, "CONNECT_SECONDS", 0.1)

    def behave(exchange: hostile_kit.Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n")
        for _ in range(40):
            exchange.send(b"x" * 1000)
            time.sleep(0.03)

    with hostile_kit.Server(behave) as server:
        assert b"".join(remote.pieces(server.url + "/a.csv")) == b"x" * 40_000
