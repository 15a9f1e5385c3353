"""A run's output in an object store, without Spark: an S3 server on loopback (moto)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from remote_kit import put, s3_server

import xdmprep as xp
from xdmprep.core.remote_folder import RemoteFolder, output_here
from xdmprep.errors import OutputError, SourceError, UsageError
from xdmprep.spark import staging
from xdmprep.write import OutputFolder
from xdmprep.write.store import StoreFolder

KEY = {"source": "a"}
SECRET = "hidden-secret-key"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture
def store(server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The URL of a folder that nobody else uses."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    return f"s3a://acme/{tmp_path.name}"


def names(url: str) -> set[str]:
    return set(RemoteFolder(url).sizes())


def attempt(url: str, name: str, files: dict[str, bytes]) -> None:
    with staging.StoreStaging(url).attempt(name) as folder:
        for file, data in files.items():
            (folder / file).write_bytes(data)


def test_committed_attempts_alone_are_taken(store: str) -> None:
    with staging.opened(store, KEY, False) as folder, folder.all_or_nothing():
        attempts = staging.staging_of(folder, store)
        attempt(store, "0-first", {"part-00000.json": b"doubled\n", "rejects.jsonl": b"doubled\n"})
        attempt(store, "0-second", {"part-00000.json": b"a\n", "rejects.jsonl": b"r\n"})
        attempt(store, "1-only", {"part-00000.json": b"b\n", ".hidden.part": b"-"})
        with pytest.raises(RuntimeError), staging.StoreStaging(store).attempt("2-killed") as own:
            (own / "part-00000.json").write_bytes(b"lost\n")
            raise RuntimeError
        assert not any("2-killed" in name for name in names(store))
        moves = [("0-second/part-00000.json", "part-00000.json", 2), ("1-only/part-00000.json", "part-00001.json", 2)]
        assert attempts.take([*moves, ("1-only/part-00001.json", "part-00002.json", 2)]) == "1-only/part-00001.json"
        assert attempts.take([("1-only/part-00000.json", "part-00001.json", 3)]) == "1-only/part-00000.json"
        assert attempts.take(moves) is None
        with attempts.texts(["0-second/rejects.jsonl", "1-only/rejects.jsonl"]) as there:
            assert [path.read_bytes() for path in there] == [b"r\n"]
            assert [path.suffix for path in there] == [".jsonl"]
        attempts.remove()
        (folder.path / "manifest.json").write_text("{}")
        assert "manifest.json" not in names(store)
        folder.mark("finished", {})
    assert names(store) == {"part-00000.json", "part-00001.json", "run.json", "manifest.json"}
    assert not folder.path.exists()


def test_the_manifest_comes_last_and_goes_first(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    original = RemoteFolder.put
    monkeypatch.setattr(RemoteFolder, "put", lambda self, name, file: (sent.append(name), original(self, name, file)))
    removed: list[list[str]] = []
    remove = RemoteFolder.remove
    monkeypatch.setattr(RemoteFolder, "remove", lambda self, some: (removed.append(list(some)), remove(self, some)))
    for _ in range(2):
        with StoreFolder(store, KEY) as folder:
            for name in ("manifest.json", "rejects.jsonl", "issues.csv"):
                (folder.path / name).write_text("{}")
            folder.mark("finished", {})
    assert sent[-1] == "manifest.json"
    assert removed[-2:] == [["manifest.json"], ["issues.csv", "rejects.jsonl"]] or removed[-2] == ["manifest.json"]


@pytest.mark.parametrize("state", ["running", "finished", "interrupted"])
def test_whose_folder_it_is_follows_the_rule_of_disks(store: str, server: str, tmp_path: Path, state: str) -> None:
    cases: list[tuple[dict[str, Any], bool]] = [(KEY, False), ({"source": "b"}, False), ({"source": "b"}, True)]
    for number, (key, overwrite) in enumerate(cases):
        url, path = f"{store}/{number}", tmp_path / str(number)
        with StoreFolder(url, KEY) as made:
            made.mark(state, {})
        put(server, f"{url.removeprefix('s3a://acme/')}/part-00000.json", b"{}")
        alone = OutputFolder(path, KEY)
        alone.mark(state, {})
        (path / "part-00000.json").write_text("{}")
        alone._lock.release()
        verdicts = []
        for kind, at in ((StoreFolder, url), (OutputFolder, path)):
            try:
                again: Any = kind(at, key, overwrite)  # type: ignore[operator]
            except OutputError as error:
                verdicts.append(str(error).partition(": ")[2])
            else:
                verdicts.append("taken")
                if kind is StoreFolder:
                    again.__exit__()
        assert verdicts[0] == verdicts[1], (state, key, overwrite)
        assert (names(url) == {"run.json"}) is (verdicts[0] == "taken")


def test_strange_files_are_never_touched(store: str, server: str) -> None:
    put(server, f"{store.removeprefix('s3a://acme/')}/holiday.jpg", b"-")
    for overwrite in (False, True):
        with pytest.raises(OutputError, match=r"is not empty|holds 'holiday.jpg', which is not xdmprep's"):
            StoreFolder(store, KEY, overwrite)
    assert names(store) == {"holiday.jpg"}


def test_a_run_that_fails_leaves_nothing_to_upload(store: str) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        staging.opened(store, KEY, False) as folder,
        folder.all_or_nothing(),
    ):
        attempt(store, "0-a", {"part-00000.json": b"a\n"})
        attempts = staging.staging_of(folder, store)
        assert attempts.take([("0-a/part-00000.json", "part-00000.json", 2)]) is None
        raise ZeroDivisionError
    assert names(store) == {"run.json"}
    with pytest.raises(SourceError, match=r"holds no manifest\.json"), output_here(store):
        pass


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"s3a://user:{SECRET}@no-such-bucket/out", "does not exist"),
        ("https://example.org/out", "is a web address"),
        ("s3a:/acme/out", "is neither a path nor a URL"),
        ("unheard://acme/out", "cannot be"),
    ],
)
def test_places_that_are_none_get_one_sentence(store: str, url: str, said: str) -> None:
    with pytest.raises((OutputError, UsageError), match=said) as caught, staging.opened(url, KEY, False):
        pass
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_credentials_are_not_shown(store: str, schemas: Path) -> None:
    url = store.replace("s3a://", f"s3a://user:{SECRET}@")
    assert SECRET not in repr(staging.StoreStaging(url))
    with StoreFolder(url, KEY) as folder:
        assert SECRET not in folder.place + repr(folder)
    bad = url.replace("acme", "nowhere")
    with pytest.raises(OutputError) as caught:
        attempt(bad, "0", {"part-00000.json": b"a"})
    assert SECRET not in str(caught.value)
    with pytest.raises(OutputError) as refused:
        xp.prepare([{"a": 1}], {"_id": "a"}, schemas / "purchase-event.schema.json", out=url)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("/Volumes/main/aep/out", "/Volumes/main/aep/out"), ("dbfs:/aep/out", "/dbfs/aep/out"),
        ("dbfs:/Volumes/main/aep", "/Volumes/main/aep"), ("file:///data/out", "/data/out"),
        ("file:/data/a%20b", "/data/a b"), ("s3a://acme/out", "s3a://acme/out"), ("out", "out"),
    ],
)  # fmt: skip
def test_mounted_places(given: str, path: str) -> None:
    assert staging._mounted(given) == path


def test_an_output_in_a_store_is_read_for_upload(store: str, server: str, schemas: Path, tmp_path: Path) -> None:
    result = xp.prepare(
        schemas / "examples" / "crm-profiles.csv", schemas / "crm-profile.mapping.yaml",
        schemas / "crm-profile.schema.json", out=tmp_path / "out",
    )  # fmt: skip
    for file in result.folder.iterdir():
        put(server, f"{store.removeprefix('s3a://acme/')}/{file.name}", file.read_bytes())
    for name in ("notes.txt", ".tasks.part/0-x/part-00000.json", "more/part-00000.json"):
        put(server, f"{store.removeprefix('s3a://acme/')}/{name}", b"-")
    for given in (store, f"{store}/", f"{store}/manifest.json", Path(store)):
        with output_here(given) as here:
            assert {file.name for file in here.iterdir()} == {"manifest.json", "rejects.jsonl", "part-00000.json"}
            assert json.loads((here / "manifest.json").read_text()) == result.manifest.to_dict()
            assert (here / "part-00000.json").read_bytes() == (result.folder / "part-00000.json").read_bytes()
        assert not here.exists()
    with output_here(tmp_path) as here:
        assert here == tmp_path
    with pytest.raises(SourceError, match="is not on this machine"):
        xp.Manifest.load(store)
