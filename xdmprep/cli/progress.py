"""Progress on standard error: only on a terminal, or when asked."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..errors import counted, visible
from .printer import event, warn

if TYPE_CHECKING:
    from ..core.manifest import File
    from ..core.stream import Chunk, Origins, Stream


class ProgressDisplay:
    """Rows, rate, rows set aside and time left of a run."""

    def __init__(self, wanted: bool | None) -> None:
        self._wanted = sys.stderr.isatty() if wanted is None else wanted
        self._bar: Any = None
        self._rows = self._bad = 0
        self._origins: Origins | None = None
        self._seen: set[str] = set()

    @property
    def hooks(self) -> dict[str, Any]:
        """What the functions of the pipeline call as the run goes on."""
        return {"on_start": self.start, "on_chunk": self.advance, "on_part": self.part}

    def part(self, file: File) -> None:
        """A part is complete."""
        event("part", name=file.name, rows=file.rows, bytes=file.bytes, sha256=file.sha256)

    def start(self, stream: Stream) -> None:
        """Tell what the stages say of the run as a whole, such as fields that a copy leaves out, and show the bar."""
        for note in (note for step in stream.steps for note in getattr(step, "notes", ())):
            warn(note)
        self._origins = stream.origins
        if self._origins is None:
            event("file", name=stream.name, bytes=stream.total_bytes)
        if self._wanted:
            from tqdm import tqdm

            known = stream.total_bytes is not None
            self._bar = tqdm(
                total=stream.total_bytes, unit="B" if known else " rows", unit_scale=True, desc=visible(stream.name),
                file=sys.stderr, mininterval=0.2,
            )  # fmt: skip

    def advance(self, chunk: Chunk) -> None:
        """One chunk further."""
        if self._origins is not None and len(chunk.rows):
            names, _ = self._origins.of(chunk.rows)
            for name in names.unique().to_pylist():
                if name not in self._seen:
                    self._seen.add(name)
                    event("file", name=name, bytes=None)
        if self._bar is not None:
            self._rows += chunk.consumed
            self._bad += int(chunk.faulty().sum()) + len(chunk.unread)
            self._bar.set_postfix_str(f"{counted(self._rows, 'row')}, {self._bad:,} set aside", refresh=False)
            self._bar.update(chunk.size if self._bar.total else chunk.consumed)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


@contextmanager
def progress(wanted: bool | None) -> Iterator[ProgressDisplay]:
    """A progress bar that ends with the block; `wanted` None means only on a terminal."""
    bar = ProgressDisplay(wanted)
    try:
        yield bar
    finally:
        bar.close()
