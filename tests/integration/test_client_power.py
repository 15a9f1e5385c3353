"""Power cuts: what the client has not put on the disk is lost, and the same command still ends with one batch.

The disk is modelled: of the journal only what was there at its last ``fsync`` survives, and the file itself only if its
folder was synced.  The power goes at each request that changes something, before it is sent or after it was answered.
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from network_kit import CATALOG, PROFILE_TAGS, call, new_dataset, quick, simple_folder

from xdmprep.client.journal import NAME, Journal
from xdmprep.client.session import Session
from xdmprep.client.upload import UploadOptions, upload

FILES, ROWS = 2, 4
#: The step that must be on the disk before a request about the batch; for those about a large file it is `begun`.
ANNOUNCED = {"COMPLETE": "complete", "POST": "create"}


class PowerCut(BaseException):
    pass


class Disk:
    """What would be on the disk if the power went now."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.journal, self.folder = folder / NAME, folder
        self.content, self.named = b"", False
        real = os.fsync

        def fsync(handle: int) -> None:
            real(handle)
            found = os.fstat(handle)
            if stat.S_ISDIR(found.st_mode):
                self.named = self.named or (os.path.samestat(found, self.folder.stat()) and self.journal.exists())
            elif self.journal.exists() and os.path.samestat(found, self.journal.stat()):
                self.content = self.journal.read_bytes()

        monkeypatch.setattr(os, "fsync", fsync)

    def steps(self) -> list[str]:
        return [json.loads(line)["step"] for line in self.content.splitlines()] if self.named else []

    def lose(self, rest: bytes) -> None:
        """The power goes; what was written last may be there in part, or as zeros."""
        self.journal.unlink(missing_ok=True)
        if self.named:
            self.journal.write_bytes(self.content + rest)


def run(emulator, dataset, folder):
    options = UploadOptions(jobs=1, small=200, chunk=150)
    return upload(quick(emulator.url).session, folder, dataset, options)


@pytest.mark.parametrize(
    ("after", "rest"), [(False, b'{"at": "2024'), (True, b""), (True, b"\0" * 40)], ids=["before", "after", "zeros"]
)
def test_the_power_may_go_at_any_request(emulator, tmp_path, monkeypatch, after, rest):
    cuts = 0
    for cut in range(100):
        dataset = new_dataset(emulator.url, tags=PROFILE_TAGS)
        folder = simple_folder(tmp_path / f"{after}-{cut}", files=FILES, rows=ROWS, first=1000 * cut)
        with monkeypatch.context() as patched:
            disk = Disk(patched, folder)
            real, sent = Session.call, iter(range(1000))

            def watched(self, method, path, disk=disk, cut=cut, sent=sent, real=real, **more):
                if method in ("GET", "HEAD"):
                    return real(self, method, path, **more)
                action = (more.get("params") or {}).get("action", method)
                step = "begun" if "/files/" in path else ANNOUNCED[action]
                assert step in disk.steps(), (method, path)
                strikes = next(sent) == cut
                if strikes and not after:
                    raise PowerCut
                answer = real(self, method, path, **more)
                if strikes:
                    raise PowerCut
                return answer

            patched.setattr(Session, "call", watched)
            try:
                run(emulator, dataset, folder)
                break
            except PowerCut:
                cuts += 1
        disk.lose(rest)
        batch = run(emulator, dataset, folder)
        assert quick(emulator.url).wait(batch, timeout=20).output_records == FILES * ROWS
        found = call("GET", emulator.url, CATALOG + "/batches", params={"dataSet": dataset}).json()
        assert [doc["status"] for doc in found.values()] == ["active"]
    assert cuts >= 2 + FILES * 4  # create, complete; each file begun, in parts, completed


def test_a_write_that_is_cut_short_is_finished(tmp_path, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: real(handle, bytes(data[:7])))
    with Journal(tmp_path) as journal:
        journal.write("create", externalId="x")
        journal.write("created", externalId="x", batch="b")
        assert journal.progress("x").batch == "b"
