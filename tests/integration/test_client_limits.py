"""Each limit of the client, at its border: one less is taken, one more is not."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import threading
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import urllib3
from network_kit import folder_of

from xdmprep import wire
from xdmprep.client import Config, answer, files, journal, polling, registry, row_errors, session, upload
from xdmprep.client.checks import check_counts, check_files
from xdmprep.client.files import NOT_THERE
from xdmprep.client.journal import BatchProgress
from xdmprep.client.session import Session, Uncertain
from xdmprep.client.upload import UploadOptions
from xdmprep.core import transport
from xdmprep.core.manifest import File, Manifest
from xdmprep.errors import PlatformError, UsageError

LOCAL = {"url": "http://127.0.0.1:1"}


# ---- pauses, tries, deadlines ----------------------------------------------------------------------------------------


class Clock:
    """A clock that only sleeping moves, and a platform that answers what it is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answers: Any, **settings: Any) -> None:
        self.now, self.pauses, self.calls = 1000.0, list[float](), 0
        for module in (session, transport):
            monkeypatch.setattr(module.time, "monotonic", lambda: self.now)
        self.session = Session(Config.load(**LOCAL, **settings), sleep=self.sleep)
        monkeypatch.setattr(self.session._random, "uniform", lambda low, high: high)
        answers = iter(answers)

        def once(method: str, url: str, *more: Any) -> Any:
            self.calls += 1
            self.session._answered = True
            status, headers = next(answers)
            return answer.Answer(method, url, status, headers, b"{}")

        monkeypatch.setattr(self.session, "_once", once)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def test_pauses_double_up_to_a_minute(monkeypatch):
    clock = Clock(monkeypatch, itertools.repeat((503, {})), retries=12, deadline=10_000)
    with pytest.raises(PlatformError):
        clock.session.call("GET", "/x")
    assert clock.pauses == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]


def test_how_often_a_request_is_tried(monkeypatch):
    for retries in (1, 2, 5):
        clock = Clock(monkeypatch, itertools.repeat((503, {})), retries=retries)
        with pytest.raises(PlatformError):
            clock.session.call("GET", "/x")
        assert clock.calls == retries
    clock = Clock(monkeypatch, itertools.repeat((503, {})))
    with pytest.raises(PlatformError):
        clock.session.call("GET", "/x")
    assert clock.calls == 8


@pytest.mark.parametrize("status", [400, 404, 407, 408, 409, 429, 500, 501, 502, 503, 504, 505])
def test_which_statuses_are_tried_again(monkeypatch, status):
    clock = Clock(monkeypatch, [(status, {}), (200, {})])
    if status in (408, 429, 500, 502, 503, 504):
        assert clock.session.call("GET", "/x").status_code == 200
    else:
        with pytest.raises(PlatformError):
            clock.session.call("GET", "/x")
        assert clock.calls == 1


@pytest.mark.parametrize(
    ("answers", "status"), [([401, 200], 200), ([401, 401, 200], 401), ([401, 503, 200], 200), ([503, 401, 503], 503)]
)
def test_a_token_that_is_refused_is_renewed_once_and_that_is_no_try(monkeypatch, answers, status):
    credentials = {"client_id": "i", "client_secret": "s", "org": "o"}
    clock = Clock(monkeypatch, [(one, {}) for one in answers], retries=2, **credentials)
    tokens = itertools.count()
    monkeypatch.setattr(clock.session, "_ask_token", lambda: (f"TOKEN-{next(tokens)}", 86_399.0))
    if status == 200:
        assert clock.session.call("GET", "/x").status_code == 200
    else:
        with pytest.raises(PlatformError) as caught:
            clock.session.call("GET", "/x")
        assert caught.value.status == status
    assert next(tokens) == 2


@pytest.mark.parametrize(("size", "fine"), [(16_383, True), (16_384, True), (16_385, False)])
def test_how_long_a_token_may_be(monkeypatch, size, fine):
    made = Session(Config.load(**LOCAL, client_id="i", client_secret="s", org="o"))
    body = json.dumps({"access_token": "t" * size}).encode()
    headers = {"Content-Type": "application/json"}
    monkeypatch.setattr(made, "_once", lambda method, url, *more: answer.Answer(method, url, 200, headers, body))
    if fine:
        assert made.token() == "t" * size
    else:
        with pytest.raises(PlatformError, match="no header can carry"):
            made.token()


@pytest.mark.parametrize(
    ("size", "words", "data"), [(5, False, False), (6, True, False), (15, True, False), (16, True, True)]
)
def test_how_short_a_secret_is_masked(size, words, data):
    made = Session(Config.load(**LOCAL, client_id="i", client_secret="s" * size, org="o"))
    text = f"<{'s' * size}>"
    assert (made.mask(text), made.mask_data()(text)) == ("<***>" if words else text, "<***>" if data else text)


@pytest.mark.parametrize(("said", "waited"), [("599", 599), ("600", 600), ("601", 600), ("1e300", 600), ("-1", 0)])
def test_how_long_a_retry_after_is_kept(monkeypatch, said, waited):
    clock = Clock(monkeypatch, [(429, {"Retry-After": said}), (200, {})], deadline=10_000)
    clock.session.call("GET", "/x")
    assert clock.pauses == ([waited] if waited else [])


@pytest.mark.parametrize(("deadline", "said", "fine"), [(None, "599", True), (None, "600", False), (30, "29", True),
                                                        (30, "30", False), (700, "600", True)])  # fmt: skip
def test_a_pause_beyond_the_deadline_is_not_made(monkeypatch, deadline, said, fine):
    clock = Clock(monkeypatch, [(429, {"Retry-After": said}), (200, {})], deadline=deadline)
    if fine:
        assert clock.session.call("GET", "/x").status_code == 200
    else:
        with pytest.raises(PlatformError, match=r"within .* seconds") as caught:
            clock.session.call("GET", "/x")
        assert caught.value.code == "deadline" and clock.pauses == []


def test_the_deadline_of_a_file_grows_with_its_size():
    made = Session(Config.load(**LOCAL))
    assert (made.deadline(), made.deadline(100_000), made.deadline(256_000_000)) == (600, 601, 3160)
    assert Session(Config.load(**LOCAL, deadline=5)).deadline(256_000_000) == 5


def test_how_many_redirects_are_followed(monkeypatch):
    for hops, fine in ((5, True), (6, False)):
        clock = Clock(monkeypatch, [*[(302, {"Location": "/y"})] * hops, (200, {})])
        if fine:
            assert clock.session.call("GET", "/x").status_code == 200
        else:
            with pytest.raises(PlatformError, match="after 5 others"):
                clock.session.call("GET", "/x")
        assert clock.calls == 6


@pytest.mark.parametrize(
    ("seconds", "renewed_after"), [(86_399, 82_799), (7_200, 3_600), (7_199, 3_599.5), (600, 300), (1, 1), (0, 1)]
)
def test_how_early_a_token_is_renewed(monkeypatch, seconds, renewed_after):
    """An hour before its end, or at half its life if that is short."""
    clock = Clock(monkeypatch, itertools.repeat((200, {})), client_id="i", client_secret="s", org="o")
    asked: list[float] = []

    def ask() -> tuple[str, float]:
        asked.append(clock.now)
        return "TOKEN", float(seconds)

    monkeypatch.setattr(clock.session, "_ask_token", ask)
    for moment in (0.0, renewed_after - 0.25, renewed_after):
        clock.now = 1000.0 + moment
        clock.session.token()
    assert asked == [1000.0, 1000.0 + renewed_after]


def test_how_long_a_host_is_waited_for(monkeypatch):
    seen = []

    class Connections:
        def request(self, *arguments: Any, timeout: Any, **more: Any) -> Any:
            seen.append(timeout)
            raise OSError("refused")

    for timeout, reach in ((120, 10), (10, 10), (3, 3)):
        made = Session(Config.load(**LOCAL, timeout=timeout, retries=1), sleep=lambda seconds: None)
        monkeypatch.setattr(made, "_http", Connections)
        with pytest.raises(PlatformError):
            made.call("GET", "/x")
        assert seen.pop() == (pytest.approx(reach, abs=0.5), timeout)


@pytest.mark.parametrize(("size", "fine"), [(99, True), (100, True), (101, False)])
def test_how_many_characters_a_number_has(size, fine):
    if fine:
        assert Config.load(**LOCAL, timeout="5".zfill(size)).timeout == 5
    else:
        with pytest.raises(UsageError, match="must be a number"):
            Config.load(**LOCAL, timeout="5".zfill(size))


@pytest.mark.parametrize("name", ["timeout", "deadline", "backoff"])
def test_settings_have_bounds(name):
    assert getattr(Config.load(**LOCAL, **{name: 100_000}), name) == 100_000
    for bad in (100_001, -1, "nan", "inf", True, "1s", None if name == "x" else [1]):
        with pytest.raises(UsageError, match=name):
            Config.load(**LOCAL, **{name: bad})


def test_waiting_gives_up_on_what_never_changes(monkeypatch):
    for status, most in (("frobnicated", 10), ("loading", 20)):
        answers = iter([status] * (most - 1) + ["staged"] + [status] * most)
        seen = []

        def look(made: Session, key: str, answers: Any = answers, seen: list[str] = seen) -> wire.Batch:
            seen.append(next(answers))
            return wire.Batch(key, seen[-1])

        monkeypatch.setattr(polling, "status", look)
        made = Session(Config.load(**LOCAL), sleep=lambda seconds: None)
        with pytest.raises(PlatformError):
            polling.wait(made, "b", completed=True)
        assert len(seen) == most * 2  # a status that changes begins the count anew


def test_waiting_never_sleeps_beyond_its_end(monkeypatch):
    clock = Clock(monkeypatch, [])
    monkeypatch.setattr(polling.time, "monotonic", lambda: clock.now)
    monkeypatch.setattr(polling, "status", lambda made, key: wire.Batch(key, "staging"))
    with pytest.raises(PlatformError, match="after 10 seconds"):
        polling.wait(clock.session, "b", timeout=10)
    assert 1008 <= clock.now <= 1010


def test_a_batch_that_somebody_else_completes_may_be_loading_for_long(monkeypatch):
    answers = iter(["loading"] * 100 + ["active"])
    monkeypatch.setattr(polling, "status", lambda made, key: wire.Batch(key, next(answers)))
    assert polling.wait(Session(Config.load(**LOCAL), sleep=lambda seconds: None), "b").ok


# ---- sizes -----------------------------------------------------------------------------------------------------------


def response(body: bytes, **headers: str) -> Any:
    raw = urllib3.HTTPResponse(io.BytesIO(body), headers, 200, preload_content=False, decode_content=False)
    return SimpleNamespace(raw=raw, _content=False, headers=headers, status_code=200, close=lambda: None)


@pytest.mark.parametrize("coding", ["", "identity", "gzip", "deflate", "raw deflate", "two members"])
@pytest.mark.parametrize("over", [0, 1])
def test_a_body_has_a_largest_size_after_unpacking(coding, over):
    body = bytes(1000 + over)
    packed = {
        "gzip": zlib.compressobj(wbits=31), "deflate": zlib.compressobj(), "raw deflate": zlib.compressobj(wbits=-15)
    }.get(coding)  # fmt: skip
    sent = body if packed is None else packed.compress(body) + packed.flush()
    if coding == "two members":
        halves = [zlib.compressobj(wbits=31) for _ in range(2)]
        sent = b"".join(
            one.compress(part) + one.flush() for one, part in zip(halves, (body[:400], body[400:]), strict=True)
        )
    name = {"raw deflate": "deflate", "two members": "gzip"}.get(coding, coding)
    pieces = transport.blocks(response(sent, **({"Content-Encoding": name} if name else {})).raw, 1000)
    if over:
        with pytest.raises(transport.TooLarge):
            list(pieces)
    else:
        assert b"".join(pieces) == body


@pytest.mark.parametrize(("coding", "body"), [("br", b"x"), ("gzip, gzip", b"x"), ("gzip", b"not gzip"), ("zstd", b""),
                                              ("gzip", zlib.compress(bytes(100))[:-8])])  # fmt: skip
def test_bodies_that_cannot_be_unpacked(coding, body):
    with pytest.raises(transport.Unreadable):
        list(transport.blocks(response(body, **{"Content-Encoding": coding}).raw, 1000))


def test_unpacking_takes_little_memory():
    """100 MB of nothing never stand in memory at once, however few bytes they came in."""
    machine = zlib.compressobj(9, wbits=31)
    bomb = machine.compress(bytes(100_000_000)) + machine.flush()
    largest = max(map(len, transport.blocks(response(bomb, **{"Content-Encoding": "gzip"}).raw, 1 << 40)))
    assert largest <= 1 << 16


@pytest.mark.parametrize("over", [0, 1])
def test_how_much_of_an_answer_is_kept(monkeypatch, over):
    assert answer.ANSWER_BYTES == 32 * 1024 * 1024 and answer.REFUSAL_BYTES == 64 * 1024
    assert transport.HEAD_BYTES == 64 * 1024
    monkeypatch.setattr(answer, "ANSWER_BYTES", 5000)
    body = b"x" * (5000 + over)
    if over:
        with pytest.raises(transport.TooLarge):
            answer.Answer.read(response(body), "GET", "u", True, True)
    else:
        assert answer.Answer.read(response(body), "GET", "u", True, True).content == body
    refused = answer.Answer.read(response(b"y" * 100_000), "GET", "u", True, False)
    assert 0 < len(refused.content) <= 64 * 1024


class Listing:
    """A listing that always has another page."""

    def __init__(self, page: Any) -> None:
        self.calls, self.page = 0, page
        self.config = SimpleNamespace(url="http://x")

    def call(self, *arguments: Any, params: dict[str, Any], **more: Any) -> Any:
        self.calls += 1
        return answer.Answer("GET", "u", 200, {}, json.dumps(self.page(self.calls)).encode())


def test_how_many_pages_a_listing_has():
    names = Listing(lambda n: {"data": [{"name": f"{n}-{i}"} for i in range(100)]})
    with pytest.raises(PlatformError, match="more than 1000 pages"):
        row_errors._list(names, "/x", {}, "b")  # type: ignore[arg-type]
    assert names.calls == 1000
    again = Listing(lambda n: {"data": [{"name": str(i)} for i in range(100)]})
    with pytest.raises(PlatformError, match="same page"):
        row_errors._list(again, "/x", {}, "b")  # type: ignore[arg-type]
    assert again.calls == 2
    last = Listing(lambda n: {"data": [{"name": f"{n}-{i}"} for i in range(100 if n < 3 else 99)]})
    assert len(row_errors._list(last, "/x", {}, "b")) == 299  # type: ignore[arg-type]
    for none in ({"data": None}, {}, [], {"data": []}):
        assert row_errors._list(Listing(lambda n, none=none: none), "/x", {}, "b") == []  # type: ignore[arg-type]
    with pytest.raises(PlatformError, match="'data' is no list"):
        row_errors._list(Listing(lambda n: {"data": "x"}), "/x", {}, "b")  # type: ignore[arg-type]
    schemas = Listing(lambda n: {"results": [{"$id": str(n)}], "_page": {"next": str(n)}})
    with pytest.raises(PlatformError, match="more than 1000 pages"):
        list(registry._pages(schemas, "/x", "a"))  # type: ignore[arg-type]
    assert schemas.calls == 1000


def test_a_line_of_an_error_file_has_a_longest_length(monkeypatch):
    assert row_errors.LINE_BYTES == 16 * 1024 * 1024
    monkeypatch.setattr(row_errors, "LINE_BYTES", 20)
    found = list(row_errors._lines(io.BytesIO(b'{"a": 1}\n' + b"x" * 100 + b'\n\n{"b": 2}\n')))
    assert found == [b'{"a": 1}\n', b"x" * 20, b'{"b": 2}\n']
    assert row_errors._entry(b"x" * 20) == {"_corrupt_record": "x" * 20}


def test_how_often_an_error_file_is_fetched():
    class Broken:
        calls = 0

        def call(self, *arguments: Any, **more: Any) -> Any:
            Broken.calls += 1
            return Breaking()

        def pause(self, *arguments: Any) -> None:
            pass

    class Breaking:
        def __enter__(self) -> None:
            raise OSError("reset")

        def __exit__(self, *_: object) -> None:
            pass

    with pytest.raises(PlatformError, match="breaks every time"):
        row_errors._download(Broken(), "/x", {}, io.BytesIO(), "b")  # type: ignore[arg-type]
    assert Broken.calls == 5


@pytest.mark.parametrize(("count", "more"), [(9, ""), (10, ""), (11, "and 1 more")])
def test_how_many_errors_of_a_row_are_shown(count, more):
    errors = tuple({"code": f"E{number}", "message": ""} for number in range(count))
    shown = str(row_errors.RowError(errors, {})).split("; ")
    assert (len(shown), shown[-1] if more else "") == (min(count, 10) + bool(more), more)


# ---- batches ---------------------------------------------------------------------------------------------------------


def an_upload(call: Any = None, **more: Any) -> Any:
    """An upload that has passed its checks, of 30 files."""
    made = object.__new__(upload._Upload)
    made.session = SimpleNamespace(call=call, config=SimpleNamespace(retries=1, url="u", sandbox="s"))
    made.manifest = manifest_of(Path(), [1] * 30)
    made.journal = SimpleNamespace(write=lambda *arguments, **entries: None)
    made.dataset, made.external, made.options = "d", "ours", UploadOptions(jobs=1)
    made.progress, made._tell = BatchProgress(), lambda text: None
    return made


@pytest.mark.parametrize("first_said", [None, 0, 19, 20, 29])
def test_how_many_files_are_asked_for_that_nothing_is_said_of(first_said):
    asked = []

    def held(file: File) -> int | None:
        asked.append(file.name)
        return 1 if len(asked) - 1 == first_said else None

    an_upload()._check_sizes(wire.Batch("b", "loading"), SimpleNamespace(held=held))
    assert len(asked) == (30 if first_said in (0, 19) else 20)


@pytest.mark.parametrize(("size", "fine"), [(499, True), (500, True), (501, False)])
def test_how_long_the_id_of_a_batch_may_be(monkeypatch, size, fine):
    body = json.dumps({"id": "b" * size}).encode()
    made = an_upload(lambda *arguments, **more: answer.Answer("POST", "u", 201, {}, body))
    monkeypatch.setattr(made, "_look", lambda patient: None, raising=False)
    if fine:
        assert made._create().id == "b" * size
    else:
        with pytest.raises(Uncertain, match="names no batch"):
            made._create()


@pytest.mark.parametrize("name", ["b\n", "\x1b[2J", "b\u202ec", "", None, 7, ["b"]])
def test_what_cannot_be_the_id_of_a_batch(monkeypatch, name):
    """Control characters would reach terminals and addresses."""
    body = json.dumps({"id": name}).encode()
    made = an_upload(lambda *arguments, **more: answer.Answer("POST", "u", 201, {}, body))
    monkeypatch.setattr(made, "_look", lambda patient: None, raising=False)
    with pytest.raises(Uncertain, match="names no batch"):
        made._create()


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ([None, None, None], None), ([NOT_THERE, NOT_THERE, NOT_THERE], None), ([NOT_THERE, None, NOT_THERE], None),
        ([5, 6, 7], None), ([5, None, 7], None),
        ([5, 6, NOT_THERE], "p00002.json: the platform holds nothing of 7."),
        ([NOT_THERE, None, 7], "p00000.json: the platform holds nothing of 5."),
        ([5, 4, 7], "p00001.json: the platform holds 4 bytes of 6."),
        ([5, 0, 9], "p00001.json: the platform holds 0 bytes of 6 (and 1 more file)."),
        ([1, NOT_THERE, 9], "p00000.json: the platform holds 1 byte of 5 (and 2 more files)."),
    ],
)  # fmt: skip
def test_files_that_did_not_arrive_whole_are_named_and_sent_again(held, said):
    """Unless the platform knows none of them: it does not say then."""
    made, lost = an_upload(), []
    made.manifest = manifest_of(Path(), [5, 6, 7])
    made.journal = SimpleNamespace(write=lambda step, file, **entries: lost.append((step, file)))
    sizes = dict(zip([file.name for file in made.manifest.files], held, strict=True))
    sender: Any = SimpleNamespace(held=lambda file: sizes[file.name])
    with pytest.raises(PlatformError) if said else contextlib.nullcontext() as caught:
        made._check_sizes(wire.Batch("b", "loading"), sender)
    assert lost == [
        ("lost", file.name)
        for file in (made.manifest.files if said else ())
        if sizes[file.name] not in (None, file.bytes)
    ]
    if said:
        assert str(caught.value).startswith(said)


@pytest.mark.parametrize("now", ["loading", "loaded", "active", "aborted", "failed"])
@pytest.mark.parametrize("status", [400, 403, 404, 409, 413, 500, None])
def test_a_refused_file_is_explained_by_a_batch_that_no_longer_loads(monkeypatch, status, now):
    monkeypatch.setattr(polling, "status", lambda made, key: wire.Batch(key, now))
    error = PlatformError("refused", status=status)
    found = an_upload()._explained(error, wire.Batch("b", "loading"))
    if status in (400, 404) and now != "loading":
        assert f"batch b no longer takes files: it is {now} (" in str(found) and found.status == status
    else:
        assert found is error


def test_of_several_batches_the_one_that_has_come_furthest_is_taken():
    def batch(name: str, status: str, created: Any) -> wire.Batch:
        return wire.Batch.of({"id": name, "status": status, "created": created})

    ordered = [
        batch("a", "active", 9), batch("b", "loaded", 1), batch("c", "loaded", 2), batch("d", "loading", 1),
        batch("a", "loading", 2), batch("b", "loading", 2), batch("a", "failed", 0), batch("b", "aborted", 1),
    ]  # fmt: skip
    for first, second in itertools.combinations(ordered, 2):
        assert upload._choose([first, second]) is upload._choose([second, first]) is first


def test_only_doubles_that_are_still_loading_are_aborted(monkeypatch):
    aborted = []
    found = [
        wire.Batch(f"{status}-{external}", status, "d", external)
        for status in ("loading", "loaded", "active", "failed") for external in ("ours", "theirs")
    ]  # fmt: skip
    monkeypatch.setattr(polling, "batches", lambda made, **filters: [*found, wire.Batch("b", "loading", "d", "ours")])
    monkeypatch.setattr(polling, "act", lambda made, key, action: aborted.append((key, action)))
    an_upload()._keep_one(wire.Batch("b", "loading", "d", "ours"))
    assert aborted == [("loading-ours", "ABORT")]


# ---- files -----------------------------------------------------------------------------------------------------------


def manifest_of(folder: Path, sizes: list[int], **more: Any) -> Manifest:
    entries = tuple(File(f"p{n:05d}.json", 1, size, "x") for n, size in enumerate(sizes))
    return Manifest(**{"format": "json", "files": entries, "rows": len(sizes), "written": len(sizes), "rejected": 0,
                       "folder": folder, **more})  # fmt: skip


@pytest.fixture
def believed(monkeypatch):
    """Files are believed to be what the manifest says."""
    monkeypatch.setattr("xdmprep.client.checks._fault", lambda *arguments: None)


def test_hard_limits_of_a_batch(believed, tmp_path):
    check_files(manifest_of(tmp_path, [1] * 25_000), 1)
    with pytest.raises(UsageError, match="at most 25000"):
        check_files(manifest_of(tmp_path, [1] * 25_001), 1)
    check_files(manifest_of(tmp_path, [1 << 39, 1 << 39]), 1)
    with pytest.raises(UsageError, match=f"at most {1 << 40}"):
        check_files(manifest_of(tmp_path, [1 << 39, (1 << 39) + 1]), 1)


def test_advice_about_a_batch(believed, tmp_path):
    assert check_files(manifest_of(tmp_path, [1] * 10_000), 1) == []
    assert "fewer than 10000" in check_files(manifest_of(tmp_path, [1] * 10_001), 1)[0]
    assert check_files(manifest_of(tmp_path, [100 * 1000**3]), 1) == []
    assert "100000000000 bytes" in check_files(manifest_of(tmp_path, [100 * 1000**3 + 1]), 1)[0]
    entry = (File("p", 2_000_000, 1, "x"),)
    many = {"format": "parquet", "upsert": True, "files": entry, "rows": 2_000_000, "written": 2_000_000}
    assert check_files(manifest_of(tmp_path, [1], **many), 1) == []
    more = {**many, "files": (File("p", 2_000_001, 1, "x"),), "rows": 2_000_001, "written": 2_000_001}
    assert "at most 2000000" in check_files(manifest_of(tmp_path, [1], **more), 1)[0]


class Recorder(files.Sender):
    """Says what would be sent."""

    def __init__(self, **more: Any) -> None:
        self.log: list[Any] = []
        journal: Any = SimpleNamespace(write=lambda *arguments, **entries: None)
        config = SimpleNamespace(retries=8)
        made: Any = SimpleNamespace(call=lambda *arguments, **given: None, config=config, pause=lambda *arguments: None)
        super().__init__(made, "b", "d", journal, "e", BatchProgress(), **more)

    def _body(
        self, method: str, url: str, path: Path, name: str, first: int, size: int, *more: Any, **given: Any
    ) -> None:
        self.log.append((method, first, size))

    def _act(self, url: str, file: File, action: str) -> None:
        self.log.append(action)
        if action == "COMPLETE" and self.refuse:
            raise PlatformError("gap", status=400)

    refuse = False


@pytest.mark.parametrize("over", [0, 1])
def test_which_files_go_in_one_request(monkeypatch, tmp_path, over):
    path = tmp_path / "p"
    path.write_bytes(b"x")
    size = 256 * 1024 * 1024 + over
    sender = Recorder()
    sender.send(tmp_path, File("p", 1, size, "x"), threading.Event())
    mib = 1024 * 1024
    chunks = [("PATCH", first * 64 * mib, 64 * mib) for first in range(4)] + [("PATCH", 256 * mib, 1)]
    assert sender.log == (["INITIALIZE", *chunks, "COMPLETE"] if over else [("PUT", 0, size)])


def test_a_chunk_is_never_larger_than_the_platform_takes(tmp_path):
    assert Recorder(chunk=512_000_000).chunk == 512_000_000
    assert Recorder(chunk=512_000_001).chunk == 512_000_000


@pytest.mark.parametrize(("size", "again"), [(0, False), (1, True)])
def test_a_file_too_large_for_one_request_goes_in_chunks(monkeypatch, tmp_path, size, again):
    (tmp_path / "p").write_bytes(b"x" * size)
    sender = Recorder()
    kept = sender._body

    def body(method: str, *arguments: Any, **given: Any) -> None:
        kept(method, *arguments, **given)
        if method == "PUT":
            raise PlatformError("too large", status=413)

    monkeypatch.setattr(sender, "_body", body)
    with contextlib.nullcontext() if again else pytest.raises(PlatformError):
        sender.send(tmp_path, File("p", 1, size, "x"), threading.Event())
    assert sender.log == [("PUT", 0, size), *(["INITIALIZE", ("PATCH", 0, 1), "COMPLETE"] if again else [])]


@pytest.mark.parametrize(("said", "held"), [("9" * 18, int("9" * 18)), ("9" * 19, None), ("", None), ("1x", None)])
def test_how_large_a_file_is_said_to_be(monkeypatch, said, held):
    sender = Recorder()
    headers = {"Content-Length": said, "Content-Type": wire.BYTES_TYPE}
    monkeypatch.setattr(sender, "_head", lambda url, file: answer.Answer("HEAD", "u", 200, headers, b""))
    assert sender.held(File("p", 1, 1, "x")) == held


def test_how_often_a_large_file_is_begun(tmp_path):
    (tmp_path / "p").write_bytes(b"x")
    sender = Recorder(small=0)
    sender.refuse = True
    with pytest.raises(PlatformError, match="begun 4 times"):
        sender.send(tmp_path, File("p", 1, 1, "x"), threading.Event())
    assert sender.log.count("INITIALIZE") == 4


def test_journals_name_only_chunks_that_can_be(tmp_path):
    from xdmprep.client.journal import _after

    for chunk, fine in ((1, True), (512_000_000, True), (0, False), (512_000_001, False), (True, False), (1.5, False)):
        state = _after(BatchProgress(), {"step": "begun", "file": "f", "chunk": chunk})
        assert (state.begun == {"f": chunk}) is fine


@pytest.mark.parametrize(
    ("metrics", "fine"),
    [
        ({"inputRecordCount": 12, "outputRecordCount": 12, "failedRecordCount": 0}, True),
        ({"inputRecordCount": 12, "outputRecordCount": 12}, True), ({"inputRecordCount": 12}, True), ({}, True),
        ({"outputRecordCount": 12}, True), ({"outputRecordCount": 10, "failedRecordCount": 2}, True),
        ({"inputRecordCount": "12", "outputRecordCount": "10", "failedRecordCount": "2"}, True),
        ({"inputRecordCount": 11, "outputRecordCount": 11}, False), ({"inputRecordCount": 13}, False),
        ({"inputRecordCount": 12, "outputRecordCount": 10, "failedRecordCount": 0}, False),
        ({"inputRecordCount": 12, "outputRecordCount": 10, "failedRecordCount": 1}, False),
        ({"outputRecordCount": 11}, False), ({"inputRecordCount": 24, "outputRecordCount": 24}, False),
        ({"inputRecordCount": 12, "outputRecordCount": 13, "failedRecordCount": 0}, False),
    ],
)  # fmt: skip
def test_which_counts_fit_a_manifest(tmp_path, metrics, fine):
    batch = wire.Batch.of({"id": "b", "status": "active", "metrics": metrics})
    manifest = manifest_of(tmp_path, [1] * 12)
    if fine:
        check_counts(manifest, batch)
    else:
        with pytest.raises(PlatformError, match="manifest has 12") as caught:
            check_counts(manifest, batch)
        assert caught.value.exit_code == 3 and "replay=('b',)" in caught.value.hint
    check_counts(manifest, wire.Batch.of({"id": "b", "status": "failed", "metrics": metrics}))


def test_an_upload_of_nothing_is_refused(tmp_path):
    folder = folder_of(tmp_path / "out", [])
    with pytest.raises(UsageError, match="nothing to upload"):
        check_files(Manifest.load(folder), 1)


# ---- which batch is ours, and what was done already ------------------------------------------------------------------


def test_a_batch_is_ours_by_its_id_and_its_dataset():
    ours: Any = SimpleNamespace(external="E", dataset="D", journal=SimpleNamespace(path=Path("upload.jsonl")))
    for external, dataset in itertools.product(("E", None, "x"), ("D", None, "x")):
        batch = wire.Batch("B", "loading", dataset, external)
        with (
            pytest.raises(PlatformError, match="another one")
            if "x" in (external, dataset)
            else contextlib.nullcontext()
        ):
            assert upload._Upload._own(ours, batch) is batch


@pytest.mark.parametrize("status", [400, 404, 409])
@pytest.mark.parametrize("now", ["loading", "loaded", "staging", "active", "failed", "aborted"])
def test_a_refused_complete_counts_where_the_batch_was_complete(monkeypatch, status, now):
    def refuse(*_: Any) -> None:
        raise PlatformError("no", status=status)

    monkeypatch.setattr(upload.polling, "act", refuse)
    monkeypatch.setattr(upload.polling, "status", lambda _, key: wire.Batch(key, now))
    ours: Any = SimpleNamespace(external="E", session=None, journal=SimpleNamespace(write=lambda *_, **__: None))
    done = status == 400 and now in ("loaded", "staging", "active")
    with contextlib.nullcontext() if done else pytest.raises(PlatformError, match="no"):
        assert upload._Upload._complete(ours, wire.Batch("B", "loading")).status == now


@pytest.mark.parametrize(
    ("lines", "sent"),
    [
        ([{"step": "sent", "file": "a", "sha256": "x"}], {"a": "x"}), ([{"step": "sent", "file": "a"}], {}),
        ([{"step": "sent", "sha256": "x"}], {}), ([{"step": "begun", "file": "a", "sha256": "x"}], {}),
        ([{"step": "sent", "file": "a", "sha256": "x"}, {"step": "lost", "file": "a"}], {}),
        ([{"step": "sent", "file": "a", "sha256": "x"}, {"step": "created", "batch": "b"}], {}),
    ],
)  # fmt: skip
def test_what_a_journal_says_was_sent(lines, sent):
    state = BatchProgress()
    for line in lines:
        state = journal._after(state, line)
    assert state.sent == sent


def test_an_origin_has_the_port_of_its_scheme():
    for scheme, port in (("http", 80), ("https", 443)):
        assert session._origin(f"{scheme}://x/a") == session._origin(f"{scheme}://x:{port}/b") == (scheme, "x", port)
