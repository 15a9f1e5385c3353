"""The output folder of a run in an object store.

What the run writes itself (rejects, findings, `run.json`, the manifest) is made in a temporary folder of this machine
and sent when the run ends, the manifest last; the parts are in the store already.  A store knows no locks, so two runs
at a time in one folder are not kept from each other.
"""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from collections.abc import Iterator
from typing import Any

from ..core.manifest import NAME as MANIFEST
from ..core.remote import RemoteError, shown
from ..core.remote_folder import RemoteFolder
from ..errors import OutputError
from .folder import ISSUES, REJECTS, RUN, OutputFolder, is_ours


@contextlib.contextmanager
def reported(url: str, who: str = "") -> Iterator[None]:
    """Errors of a store as those of an output folder; `who` says that they are of another machine."""
    try:
        yield
    except RemoteError as error:
        raise OutputError(f"{shown(url)}: {error}{who}.") from None


class StoreFolder(OutputFolder):
    """One run's folder in an object store; a context, at whose end the temporary folder is removed."""

    def __init__(self, url: str, key: dict[str, Any], overwrite: bool = False) -> None:
        self._url = url.rstrip("/")
        with reported(self._url):
            self.store = RemoteFolder(self._url)
            self._there = list(self.store.sizes())
        self._temporary = tempfile.TemporaryDirectory(prefix="xdmprep-")
        try:
            super().__init__(self._temporary.name, key, overwrite)
        except BaseException:
            self._temporary.cleanup()
            raise

    def __enter__(self) -> StoreFolder:
        return self

    def __exit__(self, *_: object) -> None:
        self._temporary.cleanup()

    def mark(self, state: str, more: dict[str, Any]) -> None:
        """Write `run.json`, here and in the store; at the end of the run all that it made, the manifest last."""
        super().mark(state, more)
        wanted = (RUN,) if state in ("running", "interrupted") else (REJECTS, ISSUES, RUN, MANIFEST)
        with reported(self._url):
            for name in wanted:
                if (self.path / name).exists():
                    self.store.put(name, self.path / name)

    def remove(self, name: str) -> None:
        """Remove a file that the run has written to the store."""
        with reported(self._url):
            self.store.remove([name])

    def _place(self) -> str:
        return shown(self._url)

    def _names(self) -> list[str]:
        return sorted({name.partition("/")[0] for name in self._there})

    def _earlier(self) -> Any:
        if RUN not in self._there:
            raise OutputError(f"{self.place}: holds no {RUN}.")
        text = io.BytesIO()
        with reported(self._url):
            self.store.read(RUN, text)
        try:
            return json.loads(text.getvalue())
        except ValueError:
            raise OutputError(f"{self.place}: {RUN} is not JSON.") from None

    def _clear(self) -> None:
        """Remove what runs of ours left; the manifest goes first, so that it never names missing files."""
        super()._clear()
        with reported(self._url):
            names = [name for name in self.store.sizes() if name != RUN and is_ours(name.partition("/")[0])]
            if MANIFEST in names:
                self.store.remove([MANIFEST])
            for below in {name.partition("/")[0] for name in names if "/" in name}:
                self.store.remove_folder(below)
            self.store.remove([name for name in names if "/" not in name and name != MANIFEST])
