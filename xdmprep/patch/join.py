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

from ..errors import scratch_files
from .row_hash import Digests

#: The part of a record is the first six bits of the key's digest.
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
        """Add records; OutputError if the disk refuses."""
        entries = np.empty(len(keys), _ENTRY)
        entries["key"], entries["record"], entries["at"] = keys, records, at
        self._held.append(entries)
        self._held_count += len(keys)
        self.count += len(keys)
        if self._held_count >= self._held_most:
            self._part()

    def _part(self) -> None:
        with scratch_files(self._scratch):
            if not self._files:
                self._files = [tempfile.TemporaryFile(dir=self._scratch) for _ in range(PARTS)]  # noqa: SIM115 (kept open)
            for file, part in zip(self._files, _parted(self._held), strict=True):
                file.write(part.tobytes())
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
        before_group, after_group: for each of them, the last position of its key (or circle of keys) in the later
            snapshot: the order in which keys are worked on.
        vanished: positions of the earlier snapshot's records whose key the later one does not have, but for those whose
            circle has a record there.
        unchanged: number of keys that are the same in both.
    """

    before: Positions
    before_group: Positions
    after: Positions
    after_group: Positions
    vanished: Positions
    unchanged: int


@dataclass(frozen=True)
class Circles:
    """Keys (digests, ascending) that share a primary identity, directly or through others; their circle's number."""

    keys: Digests
    numbers: Positions

    def of(self, keys: Digests) -> Positions:
        """The circle of each key, -1 for a key in none."""
        if not len(self.keys):
            return np.full(len(keys), -1, np.int64)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[at] == keys, self.numbers[at], -1)


def circles(before: Entries, after: Entries) -> Circles:
    """The keys that share a primary identity; entries are digests of the identity and of the key."""
    primaries, keys = [np.empty(0, np.uint64)], [np.empty(0, np.uint64)]
    for early, late in zip(before.parts(), after.parts(), strict=True):
        both = np.concatenate([early, late])
        if not len(both):
            continue
        order = np.lexsort((both["record"], both["key"]))
        primary, key = both["key"][order], both["record"][order]
        new_primary = np.concatenate([[True], primary[1:] != primary[:-1]])
        pair = new_primary | np.concatenate([[True], key[1:] != key[:-1]])
        primary, key, new_primary = primary[pair], key[pair], new_primary[pair]
        sizes = np.diff(np.append(np.flatnonzero(new_primary), len(primary)))
        shared = np.repeat(sizes > 1, sizes)
        primaries.append(primary[shared])
        keys.append(key[shared])
    found, key_at = np.unique(np.concatenate(keys), return_inverse=True)
    _, primary_at = np.unique(np.concatenate(primaries), return_inverse=True)
    return Circles(found, _tied(key_at, primary_at, len(found)))


def _tied(keys: Positions, primaries: Positions, count: int) -> Positions:
    """For each of `count` keys the least key that it is tied to by pairs (key, primary identity)."""
    least = np.arange(count)
    while len(keys):
        of_primary = np.full(int(primaries.max()) + 1, count)
        np.minimum.at(of_primary, primaries, least[keys])
        lower = least.copy()
        np.minimum.at(lower, keys, of_primary[primaries])
        lower = lower[lower]  # two steps at once, so that long chains end soon
        if np.array_equal(lower, least):
            break
        least = lower
    return least


def join(before: Entries, after: Entries, tied: Circles | None = None) -> Candidates:
    """Compare two snapshots: unique keys of equal digests are unchanged, all others and `tied` ones candidates."""
    found: list[tuple[Positions, ...]] = []
    unchanged = 0
    tied = tied or Circles(np.empty(0, np.uint64), np.empty(0, np.int64))
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
        circle = tied.of(both["key"][starts])
        same &= circle < 0
        circle = np.repeat(circle, sizes)
        unchanged += int(same.sum())
        group = np.maximum.reduceat(np.where(is_late, both["at"], -1), starts)
        group = np.repeat(group, sizes)
        look = ~np.repeat(same, sizes)
        gone = look & (group < 0)
        look &= group >= 0
        early_look, late_look = look & ~is_late, look & is_late
        found.append((both["at"][early_look], group[early_look], circle[early_look], both["at"][late_look],
                      group[late_look], circle[late_look], both["at"][gone], circle[gone]))  # fmt: skip
    columns = list(zip(*found, strict=True)) or [()] * 8
    early_at, early_group, early_circle, late_at, late_group, late_circle, gone_at, gone_circle = (
        np.concatenate([np.empty(0, np.int64), *column]) for column in columns
    )
    if len(tied.keys):
        last = np.full(int(tied.numbers.max()) + 2, -1, np.int64)  # one more: keys in no circle
        np.maximum.at(last, late_circle[late_circle >= 0], late_group[late_circle >= 0])
        late_group = np.where(late_circle >= 0, last[late_circle], late_group)
        early_group = np.where(early_circle >= 0, last[early_circle], early_group)
        needed = (gone_circle >= 0) & (last[gone_circle] >= 0)
        early_at = np.concatenate([early_at, gone_at[needed]])
        early_group = np.concatenate([early_group, last[gone_circle[needed]]])
        gone_at = gone_at[~needed]
    return Candidates(early_at, early_group, late_at, late_group, gone_at, unchanged)
