"""Every command that talks to the platform, and answers in which anything may be anywhere.

The service behind is the emulator; its answers are changed on their way back: a value of another type, a key less or
under another name, our own token, half of a surrogate pair, escapes of a terminal.  Whatever comes, a command ends
with 0, 1 or 3, prints one JSON object where that was asked for, and never prints or writes the token.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile_kit import SHAPES, TOKEN, Server, body_of, forward, outcome, own_settings, packed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from network_kit import CRM, PROFILE_TAGS, ingest, new_batch, new_dataset, record, simple_folder

from xdmprep.client import Client, registry
from xdmprep.client.answer import DEPTH
from xdmprep.emulator import Emulator
from xdmprep.errors import PlatformError

ROOT = Path(__file__).resolve().parents[2]
HASTE = ("--timeout", 2, "--retries", 2, "--deadline", 4)

#: What takes the place of a value.
VALUES = [
    None, True, 0, -1, 1.5, 10**30, 1e308, "", "x", "\x1b[2J\u202eevil", "x" * 5000, "../../../etc/passwd", [], {},
    [[]], [None], ["a"], {"a": 1}, {"": {}}, [{"id": 5}], {"id": None}, TOKEN, f"Bearer {TOKEN}", {TOKEN: TOKEN},
    "\ud800", {"\udfff": "\ud800x"},
]  # fmt: skip


@pytest.fixture(autouse=True)
def own_settings_only(monkeypatch: pytest.MonkeyPatch) -> None:
    own_settings(monkeypatch, BACKOFF="0.001", LOG="debug")


def _bad_batch(url: str) -> str:
    records = [record(1), {"x": 1}, b'{"broken": ']
    return str(ingest(url, new_dataset(url), records, partialIngestionPercent=100, enableErrorDiagnostics=True)["id"])


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def _upload(url: str, folder: Path) -> list[object]:
    made = simple_folder(folder / "out")
    return ["upload", made, "--dataset", new_dataset(url), "--wait", "--wait-seconds", 2]


def _push(url: str, folder: Path) -> list[object]:
    mapping, source = folder / "crm.mapping.yaml", folder / "crm.csv"
    _written(mapping, "person.name.firstName: F_NAME\n")
    _written(source, "F_NAME\na\n")
    return ["mapping", "push", mapping, "--schema", CRM, "--source", source, "--force"]


#: name -> the command's line, without the connection; what it needs is made at the honest service first
COMMANDS: dict[str, Callable[[str, Path], list[object]]] = {
    "upload": _upload,
    "upload --replay": lambda url, folder: [
        "upload", simple_folder(folder / "out"), "--dataset", (key := new_dataset(url)),
        "--replay", ingest(url, key, [record(1)])["id"],
    ],
    "batch status": lambda url, folder: ["batch", "status", _bad_batch(url), "--wait", "--wait-seconds", 1],
    "batch errors": lambda url, folder: ["batch", "errors", _bad_batch(url), "--manifest", simple_folder(folder / "o")],
    "batch abort": lambda url, folder: ["batch", "abort", new_batch(url, new_dataset(url))],
    "batch revert": lambda url, folder: ["batch", "revert", _bad_batch(url)],
    "dataset create": lambda url, folder: ["dataset", "create", "x", "--schema", CRM, "--upsert"],
    "dataset create --adhoc": lambda url, folder: [
        "dataset", "create", f"visits {time.monotonic_ns()}", "--adhoc",
        "--schema", ROOT / "schemas/store-visits.adhoc.schema.json",
    ],
    "dataset show": lambda url, folder: ["dataset", "show", new_dataset(url)],
    "dataset check": lambda url, folder: [
        "dataset", "check", new_dataset(url), "--manifest", simple_folder(folder / "o"),
    ],
    "dataset enable-upsert": lambda url, folder: [
        "dataset", "enable-upsert", new_dataset(url, tags=PROFILE_TAGS), "--yes",
    ],
    "schema pull": lambda url, folder: ["schema", "pull", CRM, "--out", folder / "schemas"],
    "schema pull --form xed": lambda url, folder: ["schema", "pull", CRM, "--form", "xed", "--out", folder / "schemas"],
    "schema pull --check": lambda url, folder: ["schema", "pull", CRM, "--check", "--out", folder / "schemas"],
    "schema pull --list": lambda url, folder: ["schema", "pull", "--list"],
    "mapping push": _push,
    "mapping pull --list": lambda url, folder: ["mapping", "pull", "--list"],
    "doctor": lambda url, folder: ["doctor"],
}  # fmt: skip


def command(
    capfd: Any, folder: Path, url: str, line: list[object], as_json: bool, haste: tuple[object, ...] = HASTE
) -> int:
    """Run a command and look at what every command has to keep to."""
    words = [*line, "--url", url, *haste, *(["--json"] if as_json else [])]
    code, output, errors, seconds = outcome(capfd, words)
    assert code in (0, 1, 3), (code, output, errors)
    assert seconds < 120
    if as_json:
        assert isinstance(json.loads(output), dict)
    else:
        assert code != 3 or errors.strip() or line[0] == "doctor"
    for path in folder.rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path
    return code


def _places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield way
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in inner:
        yield from _places(item, (*way, step))


def changed(value: Any, draws: random.Random) -> Any:
    """A JSON value with a change in a place of it."""
    *way, last = draws.choice(list(_places(value))) or (None,)
    new = draws.choice(VALUES)
    if last is None:
        return new
    node = value
    for step in way:
        node = node[step]
    how = draws.random()
    if isinstance(node, dict) and how < 0.15:
        del node[last]
    elif isinstance(node, dict) and how < 0.2:
        node[draws.choice(["id", "x", "\x1b[1m", TOKEN])] = node.pop(last)
    elif isinstance(node, list) and how < 0.25:
        node.insert(0, new)
    else:
        node[last] = new
    return value


def changing(url: str, draws: random.Random, rate: float) -> Callable[[Any], None]:
    """What the service answers, changed in some of its answers."""
    real = forward(url)

    def behave(exchange: Any) -> None:
        honest = exchange.answer

        def answer(status: int, body: bytes = b"", kind: str = "application/json", **headers: str) -> None:
            if draws.random() < rate and body.startswith((b"{", b"[")) and b"\n{" not in body:
                body = json.dumps(changed(json.loads(body), draws)).encode()
                status = draws.choice([status] * 8 + [200, 201, 400, 404, 409, 500])
            if draws.random() < 0.05:
                headers["x-request-id"] = draws.choice(["\x1b[1m", "x" * 3000, TOKEN])
            honest(status, body, kind, **headers)

        exchange.answer = answer
        real(exchange)

    return behave


def storm(emulator: Emulator, capfd: Any, folder: Path, name: str, draws: random.Random) -> None:
    here = folder / str(time.monotonic_ns())
    here.mkdir()
    line = COMMANDS[name](emulator.url, here)
    with Server(changing(emulator.url, draws, draws.choice([1.0, 0.5, 0.3]))) as platform:
        command(capfd, here, platform.url, line, draws.random() < 0.5)


few = settings(max_examples=3, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("name", COMMANDS)
@few
@given(draws=st.randoms(use_true_random=False))
def test_any_value_in_any_answer(
    emulator: Emulator, capfd: Any, tmp_path: Path, name: str, draws: random.Random
) -> None:
    storm(emulator, capfd, tmp_path, name, random.Random(draws.randrange(1 << 60)))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_any_value_in_any_answer_for_ten_minutes(emulator: Emulator, capfd: Any, tmp_path: Path) -> None:
    seed = int(os.environ.get("XDMPREP_STORM_SEED") or random.randrange(10**6))
    draws, end, runs = random.Random(seed), time.monotonic() + 600, 0
    with capfd.disabled():
        print(f"\nanswers changed at random, seed {seed}")
    while time.monotonic() < end:
        storm(emulator, capfd, tmp_path, draws.choice(list(COMMANDS)), draws)
        runs += 1
    with capfd.disabled():
        print(f"{runs} runs")


# ---- answers that are no HTTP --------------------------------------------------------------------------------------

_LINES = list(COMMANDS)


def strike(emulator: Emulator, capfd: Any, folder: Path, shape: str, name: str) -> None:
    """At the first request of a command, and after some honest answers."""
    packed()  # made before the time counts
    folder.mkdir(exist_ok=True)
    line = COMMANDS[name](emulator.url, folder)
    honest, draws = forward(emulator.url), random.Random(f"{shape} {name}")
    for before in (0, draws.randrange(1, 6)):
        left = [before]

        def behave(exchange: Any, left: list[int] = left) -> None:
            left[0] -= 1
            (honest if left[0] >= 0 else SHAPES[shape])(exchange)

        with Server(behave) as platform:
            command(capfd, folder, platform.url, line, before > 0, ("--timeout", 1, "--retries", 2, "--deadline", 1))
            assert not any("cookie" in exchange.headers for exchange in platform.seen)


@pytest.mark.parametrize(("shape", "name"), [(shape, _LINES[at % len(_LINES)]) for at, shape in enumerate(SHAPES)])
def test_every_shape_of_an_answer(emulator: Emulator, capfd: Any, tmp_path: Path, shape: str, name: str) -> None:
    strike(emulator, capfd, tmp_path, shape, name)


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if "chunk" in shape or "length" in shape])
def test_error_files_of_every_framing(emulator: Emulator, capfd: Any, tmp_path: Path, shape: str) -> None:
    """These are read piece by piece, unlike other answers."""
    line = COMMANDS["batch errors"](emulator.url, tmp_path)
    with Server(forward(emulator.url)) as platform:
        platform.rule(r"^GET .*row_errors%2F", SHAPES[shape])
        command(capfd, tmp_path, platform.url, line, True, ("--timeout", 1, "--retries", 2, "--deadline", 1))
        assert any("row_errors%2F" in exchange.target for exchange in platform.seen)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", COMMANDS)
def test_every_shape_of_an_answer_to_every_command(emulator: Emulator, capfd: Any, tmp_path: Path, name: str) -> None:
    for at, shape in enumerate(SHAPES):
        strike(emulator, capfd, tmp_path / str(at), shape, name)


# ---- our own secrets, sent back ------------------------------------------------------------------------------------


def everywhere(text: str) -> Callable[[Any], Any]:
    """Puts a text into each text of a JSON value that nothing follows from, and under a key of its own."""
    kept = {"id", "$id", "status", "dataSetId", "type", "externalId", "$ref", "meta:altId"}

    def change(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {**{k: change(v, k) for k, v in value.items()}, f"x {text}": text} if value else value
        if isinstance(value, list):
            return [change(item, key) for item in value]
        return f"{value} {text}" if isinstance(value, str) and key not in kept else value

    return change


@pytest.mark.parametrize(
    ("sent", "as_json"), [(TOKEN, False), (TOKEN[:-1] + "\\u0074", True)], ids=["as it is", "escaped"]
)
@pytest.mark.parametrize("name", COMMANDS)
def test_secrets_that_are_sent_back(
    emulator: Emulator, capfd: Any, tmp_path: Path, name: str, sent: str, as_json: bool
) -> None:
    real = forward(emulator.url)

    def behave(exchange: Any) -> None:
        honest = exchange.answer

        def answer(status: int, body: bytes = b"", kind: str = "application/json", **headers: str) -> None:
            if body.startswith(b"{") and b"\n{" not in body:
                body = json.dumps(everywhere("SECRET")(json.loads(body))).replace("SECRET", sent).encode()
            elif body.startswith(b"{"):  # an error file
                body = (
                    b'{"_corrupt_record": "' + sent.encode() + b'", "_errors": [{"message": "' + sent.encode() + b'"}]}'
                )
            honest(status, body, kind, **{**headers, "x-request-id": TOKEN})

        exchange.answer = answer
        real(exchange)

    line = COMMANDS[name](emulator.url, tmp_path)
    with Server(behave) as platform:
        command(capfd, tmp_path, platform.url, line, as_json)


@pytest.mark.parametrize("name", ["a web page", "text", "an error with 200", "UTF-16", "a redirect", "not JSON"])
def test_secrets_in_answers_that_are_none(emulator: Emulator, capfd: Any, tmp_path: Path, name: str) -> None:
    def behave(exchange: Any) -> None:
        error = json.dumps({"status": 500, "title": TOKEN, "error_code": TOKEN})
        if name == "a redirect":
            exchange.answer(302, b"", "", Location=f"http://{TOKEN}.example/{TOKEN}?t={TOKEN}")
            return
        body, kind = {
            "a web page": (f"<p>{TOKEN}</p>".encode(), "text/html"), "text": (TOKEN.encode(), f"text/{TOKEN}"),
            "an error with 200": (error.encode(), "application/json"),
            "UTF-16": (error.encode("utf-16"), "application/json"), "not JSON": (TOKEN.encode(), ""),
        }[name]  # fmt: skip
        exchange.answer(200, body, kind)

    with Server(behave) as platform:
        for as_json in (False, True):
            assert command(capfd, tmp_path, platform.url, ["batch", "status", "b"], as_json) == 3


def test_short_secrets_are_no_words_of_the_data(emulator: Emulator) -> None:
    """``secret`` is a client secret in many examples, and a word in many schemas."""
    with Client(url=emulator.url, client_id="i", org="o", client_secret="person", ims_url=emulator.url) as client:
        assert "person" in registry.pull(client.session, CRM).schema["properties"]


def test_components_without_end(capfd: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry in which each component refers to one more."""
    monkeypatch.setattr(registry, "COMPONENTS", 30)

    def behave(exchange: Any) -> None:
        number = len(platform.seen)
        if "/descriptors" in exchange.target:
            exchange.answer(200, b"{}")
            return
        body = {"$id": f"https://ns.adobe.com/x/{number}", "allOf": [{"$ref": f"https://ns.adobe.com/x/{number + 1}"}]}
        exchange.answer(200, json.dumps(body).encode())

    with Server(behave) as platform:
        line: list[object] = ["schema", "pull", CRM, "--form", "xed", "--out", tmp_path / "schemas"]
        assert command(capfd, tmp_path, platform.url, line, True) == 3
        assert len(platform.seen) <= registry.COMPONENTS + 10
    assert not (tmp_path / "schemas").exists()


@pytest.mark.parametrize("over", [0, 1])
def test_how_deep_an_answer_may_be(over: int) -> None:
    levels = DEPTH - 2 + over  # the batch and the object around it are two more
    body = json.dumps({"b": {"id": "b", "status": "active", "tags": 0}}).replace("0", "[" * levels + "]" * levels)
    with Server(body_of(body.encode())) as platform, Client(url=platform.url, retries=1) as client:
        if over:
            with pytest.raises(PlatformError, match="nested too deeply"):
                client.status("b")
        else:
            assert client.status("b").ok
