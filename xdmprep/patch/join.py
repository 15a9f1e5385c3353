"""Which records changed, by digests alone: a hash join of two snapshots that needs no more memory for more rows.

Each record is three numbers: digest of its key, digest of the record, position.  They are parted by the first bits of
the key, into files once they are many, and joined part by part, by sorting.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..errors import OutputError
from .digest import Digests

#: Parts are told by the first six bits of the key's digest.
PARTS = 64
_SHIFT = np.uint64(58)
#: Records held in memory before they are parted.
HELD = 1_000_000

Positions = np.ndarray[Any, np.dtype[np.int64]]
_ENTRY = np.dtype([("key", np.uint64), ("record", np.uint64), ("at", np.int64)])


class Entries:
    """One snapshot's records as (digest of the key, digest of the record, position), parted by key."""

    def __init__(self, scratch: Path | None = None, held: int = HELD) -> None:
        self._scratch, self._held_most = scratch, held
        self._held: list[np.ndarray[Any, Any]] = []
        self._held_count = 0
        self._files: list[IO[bytes]] = []
        self.count = 0

    def add(self, keys: Digests, records: Digests, at: Positions) -> None:
        """Add records.

        Raises:
            OutputError: the disk refuses.
        """
        entries = np.empty(len(keys), _ENTRY)
        entries["key"], entries["record"], entries["at"] = keys, records, at
        self._held.append(entries)
        self._held_count += len(keys)
        self.count += len(keys)
        if self._held_count >= self._held_most:
            self._part()

    def _part(self) -> None:
        try:
            if not self._files:
                self._files = [tempfile.TemporaryFile(dir=self._scratch) for _ in range(PARTS)]  # noqa: SIM115 (kept open)
            for file, part in zip(self._files, _parted(self._held), strict=True):
                file.write(part.tobytes())
        except OSError as error:
            where = self._scratch or tempfile.gettempdir()
            raise OutputError(f"{where}: no scratch file can be written: {error.strerror or error}.") from None
        self._held, self._held_count = [], 0

    def parts(self) -> Iterator[np.ndarray[Any, Any]]:
        """The parts in order; each part's records in any order."""
        if not self._files:
            yield from _parted(self._held)
            return
        self._part()
        for file in self._files:
            file.seek(0)
            yield np.frombuffer(file.read(), _ENTRY)
            file.close()
        self._files = []


def _parted(held: list[np.ndarray[Any, Any]]) -> Iterator[np.ndarray[Any, Any]]:
    entries = np.concatenate(held) if held else np.empty(0, _ENTRY)
    number = (entries["key"] >> _SHIFT).astype(np.uint8)
    order = np.argsort(number, kind="stable")
    ends = np.searchsorted(number[order], np.arange(PARTS + 1))
    entries = np.take(entries, order)  # ten times as fast as indexing, for structured arrays
    for part in range(PARTS):
        yield entries[ends[part] : ends[part + 1]]


@dataclass(frozen=True)
class Candidates:
    """What the digests leave to be looked at.

    Attributes:
        before, after: positions of the records of both snapshots whose key needs a look.
        before_group, after_group: for each of them, the last position of its key in the later snapshot: the order in
            which keys are worked on.
        vanished: positions of the earlier snapshot's records whose key the later one does not have.
        unchanged: number of keys that are the same in both.
    """

    before: Positions
    before_group: Positions
    after: Positions
    after_group: Positions
    vanished: Positions
    unchanged: int


def join(before: Entries, after: Entries) -> Candidates:
    """Compare two snapshots; keys that occur once in each with equal digests are unchanged, all others candidates."""
    found: list[tuple[Positions, ...]] = []
    unchanged = 0
    for early, late in zip(before.parts(), after.parts(), strict=True):
        both = np.concatenate([early, late])
        if not len(both):
            continue
        is_late = np.zeros(len(both), np.bool_)
        is_late[len(early) :] = True
        order = np.argsort(both["key"], kind="stable")
        both, is_late = np.take(both, order), is_late[order]
        starts = np.flatnonzero(np.concatenate([[True], both["key"][1:] != both["key"][:-1]]))
        sizes = np.diff(np.append(starts, len(both)))
        late_count = np.add.reduceat(is_late, starts, dtype=np.int64)
        records = both["record"]
        second = np.minimum(starts + 1, len(both) - 1)
        same = (sizes == 2) & (late_count == 1) & (records[starts] == records[second])
        unchanged += int(same.sum())
        group = np.maximum.reduceat(np.where(is_late, both["at"], -1), starts)
        group = np.repeat(group, sizes)
        look = ~np.repeat(same, sizes)
        gone = look & (group < 0)
        look &= group >= 0
        early_look, late_look = look & ~is_late, look & is_late
        found.append((both["at"][early_look], group[early_look], both["at"][late_look], group[late_look],
                      both["at"][gone]))  # fmt: skip
    columns = list(zip(*found, strict=True)) or [()] * 5
    early_at, early_group, late_at, late_group, gone_at = (
        np.concatenate([np.empty(0, np.int64), *column]) for column in columns
    )
    return Candidates(early_at, early_group, late_at, late_group, gone_at, unchanged)
