"""Many JSON lines to columns at once: all of them go the steps of one layout together.

For each line there is a place in its bytes, at first its opening brace.  A step compares the bytes there with a key, in
all lines at once as numpy arrays: where they are equal, the value is noted and the place moves behind it; elsewhere the
key is not there and the place stays.  A line is done if its place ends at its closing brace.  Then every byte of
it was either equal to a byte of the layout or is part of a value, so nothing in it can have been passed over: no
unknown key, no key twice, nothing malformed.  Every other line is left over.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import numerals
from .bits import Ints
from .layout import Layout, Step
from .lines import Group, Lines, Mask
from .noted import Noted, Value

#: Layouts kept from block to block, and how often new ones are made for one block.
MAX_LAYOUTS = 6
ROUNDS = 6
#: Fewer lines are not worth the way.
FEWEST = 24
#: After so many blocks in vain, only every so many-th block is learned from.
IDLE = 8
#: Lines that are read to learn a layout.
SAMPLE = 48

_COMMA = ord(",")
#: What stands where a step has a comma, if it is the first in its object or array; bits that differ.
_FIRST = {b"{": np.uint64(ord("{") ^ _COMMA), b"[": np.uint64(ord("[") ^ _COMMA)}
#: The blank of a comma that is followed by one.
_BLANK = np.uint64(ord(" ") ^ _COMMA)
_NONE = np.uint64(0)


class Layouts:
    """The layouts of one file, known better with every block; safe to share between threads.

    Args:
        read: reads one line exactly; raises where it is no JSON object.
    """

    def __init__(self, read: Callable[[bytes], Any]) -> None:
        self._read = read
        self._known: tuple[Layout, ...] = ()
        self._idle = 0

    def _rounds(self) -> int:
        """How often to learn: seldom, where learning was of no use for the blocks before."""
        return ROUNDS if self._idle < IDLE or self._idle % IDLE == 0 else 0

    def columns(self, lines: Lines, pending: Ints) -> tuple[list[Group], Ints]:
        """Turn lines into columns.

        Args:
            lines: the block.
            pending: numbers of the lines, ascending.

        Returns:
            The groups, and the numbers of the lines that are left over, ascending.
        """
        strange = lines.strange[pending]
        aside, pending = pending[strange], pending[~strange]
        groups: list[Group] = []

        def go(layout: Layout) -> int:
            nonlocal pending
            group, pending = follow(layout, lines, pending)
            if group is None:
                return 0
            groups.append(group)
            layout.used += len(group.lines)
            return len(group.lines)

        for layout in self._known:
            if len(pending) >= FEWEST:
                go(layout)
        before = len(pending)
        for turn in range(self._rounds()):
            if len(pending) < FEWEST:
                break
            known = self._known[0] if self._known and turn % 2 == 0 else None
            learned = self._learn(lines, pending, known)
            if learned is None:
                continue
            if go(learned):
                self._keep(learned, known)
            elif known is None:
                break
        self._idle = 0 if len(pending) < FEWEST or 2 * len(pending) < before else self._idle + 1
        return groups, np.sort(np.concatenate([aside, pending])) if len(aside) else pending

    def _learn(self, lines: Lines, pending: Ints, known: Layout | None) -> Layout | None:
        some = pending[:: max(1, len(pending) // SAMPLE)][:SAMPLE].tolist()
        return Layout.of((lines.line(line) for line in some), self._read, known)

    def _keep(self, layout: Layout, instead: Layout | None) -> None:
        """Remember a layout.  Threads may overwrite what the others remember: it costs time, nothing else."""
        if instead is not None:
            layout.used += instead.used
        kept = [layout, *(one for one in self._known if one is not instead)]
        self._known = tuple(sorted(kept, key=lambda one: -one.used)[:MAX_LAYOUTS])


def follow(layout: Layout, lines: Lines, numbers: Ints) -> tuple[Group | None, Ints]:
    """The lines that go the way of a layout, as columns, and the numbers of the others."""
    walk = _Walk(lines, numbers, layout)
    number = 0
    while number < len(layout.steps):
        number += walk.run(number) or walk.go(layout.steps[number])
    fits = walk.finish()
    if fits.all():
        return walk.noted.group(None), numbers[:0]
    if not fits.any():
        return None, numbers
    return walk.noted.group(fits), numbers[~fits]


class _Walk:
    """Some lines on their way.

    Attributes:
        at: for each line the place in the block: a separator (comma or bracket).
        first: for each line the bits by which the separator differs from a comma, one number if all are alike.
        inside: for each object or array in which lines it is, None where in all.
        lost: lines that left the way.
    """

    def __init__(self, lines: Lines, numbers: Ints, layout: Layout) -> None:
        self._lines, self._layout = lines, layout
        self._spaced = layout.comma == b", "
        n = self._n = len(numbers)
        self._ends = lines.ends[numbers]
        self.at = lines.starts[numbers]
        self.first: Any = _FIRST[b"{"]
        self.inside: dict[int, Mask | None] = {0: None}
        self._before: dict[int, Mask] = {}
        self.lost = np.zeros(n, dtype=bool)
        self.lost |= lines.bytes.take(self.at, mode="clip") != ord("{")
        self.noted = Noted(lines, numbers, layout)
        self._values = self.noted.values

    def run(self, number: int) -> int:
        """Several steps at once, as far as all lines that take the first take the others; how many, 0 for none."""
        count = self._layout.runs[number]
        if count < 2:
            return 0
        steps = self._layout.steps[number : number + count]
        first, last = steps[0], steps[-1]
        text = first.text + b"".join(step.text[1:] for step in steps[1:])  # behind a bracket there is no comma
        words = self._lines.words(self.at, min(len(text), 32))
        there = self._equal(words, first, first.text)
        if (there != self._equal(words, first, text)).any():
            self._layout.runs[number] -= 1
            return 0
        inside = None if there.all() else there
        for step in steps[:-1]:
            self.inside[step.own] = inside
            if not step.named:
                self._before[step.parent] = there
        if last.what == "open":
            self._open(last, there, len(text))
        elif there.any():
            there = (self._text if last.kind == "text" else self._number)(last, there, len(text))
        if not last.named:
            self._before[last.parent] = there
        return count

    def go(self, step: Step) -> int:
        """One step of the layout."""
        if step.what == "close":
            self._close(step)
            return 1
        words = self._lines.words(self.at, min(step.room, 32))
        nulls = self._equal(words, step, step.null) if step.nulls else None
        if step.kind == "boolean":
            true = self._equal(words, step, step.text + b"true")
            there = true | self._equal(words, step, step.text + b"false")
        else:
            there = self._equal(words, step, step.text)
        if step.what == "open":
            self._open(step, there, len(step.text))
        elif not step.kind:
            there[:] = False
        elif there.any():
            if step.what == "empty":
                self._empty(step, there)
            elif step.kind == "text":
                there = self._text(step, there, len(step.text))
            elif step.kind == "boolean":
                self._boolean(step, true, there)
            else:
                there = self._number(step, there, len(step.text))
        if nulls is not None and nulls.any():
            self._null(step, nulls)
            there = there | nulls
        if not step.named:
            self._before[step.parent] = there
        return 1

    def _equal(self, words: Any, step: Step, text: bytes) -> Mask:
        """Where the bytes at the places are `text`, in lines that are in its object or array."""
        differs: Any = None
        for at in range(0, len(text), 8):
            eight = text[at : at + 8]
            if at and not at % 32:
                words = self._lines.words(np.minimum(self.at + at, self._lines.size), len(text[at : at + 32]))
            found = words[:, at % 32 // 8] ^ np.uint64(int.from_bytes(eight, "little"))
            if len(eight) < 8:
                found &= np.uint64((1 << 8 * len(eight)) - 1)
            differs = found ^ self.first if differs is None else differs | found
        there: Mask = differs == 0
        inside = self.inside[step.parent]
        if inside is not None:
            there &= inside
        if step.later:
            there &= self._before[step.parent]
        return there

    def _moved(self, there: Mask, every: bool, place: Any) -> None:
        """Go behind a value: to `place`."""
        if every:
            self.at, self.first = place, _NONE
        else:
            self.at = np.where(there, place, self.at)
            if isinstance(self.first, np.ndarray) or self.first:
                self.first = np.where(there, _NONE, self.first)
        if self._spaced:
            self._skip_blank(there)

    def _skip_blank(self, there: Mask) -> None:
        """Behind a comma that a blank follows, the place is the blank."""
        comma = (self._lines.bytes.take(self.at, mode="clip") == _COMMA) & there
        self.at = self.at + comma
        self.first = np.where(comma, _BLANK, self.first)

    def _open(self, step: Step, there: Mask, skip: int) -> None:
        length, fresh = skip - 1, _FIRST[step.bracket]
        if there.all():
            self.inside[step.own] = None
            self.at, self.first = self.at + length, fresh
            return
        self.inside[step.own] = there
        self.at = self.at + length * there
        self.first = np.where(there, fresh, self.first)

    def _close(self, step: Step) -> None:
        inside = self.inside[step.own]
        closes = self._lines.bytes.take(self.at, mode="clip") == ord(step.bracket)
        if inside is None:
            self.lost |= ~closes
        else:
            self.lost |= inside & ~closes
            closes &= inside
        self.at = self.at + closes
        if self._spaced:
            self._skip_blank(closes)
        elif isinstance(self.first, np.ndarray) and not self.first.any():
            self.first = _NONE

    def _text(self, step: Step, there: Mask, skip: int) -> Mask:
        begin = self.at + skip
        end = self._lines.quote_from(begin)
        good = end < self._ends
        if not good.all():
            there = there & good
        every = bool(there.all())
        self._values[step.leaf] = Value(None if every else there, begin, end)
        self._moved(there, every, end + 1)
        return there

    def _number(self, step: Step, there: Mask, skip: int) -> Mask:
        every = bool(there.all())
        at = np.arange(self._n) if every else np.flatnonzero(there)
        begin = self.at[at] + skip
        found, size = numerals.numbers(self._lines, begin)
        good = size > 0
        if not good.all():
            there = there.copy()
            there[at[~good]] = every = False
            at, begin, size, found = at[good], begin[good], size[good], found[good]
            if not len(at):
                return there
        value = self._values[step.leaf] = Value(None if every else there)
        place = begin + size
        if not every:
            some, place = place, self.at.copy()
            place[at] = some
            some, found = found, np.zeros(self._n, found.dtype)
            found[at] = some
        value.found = found
        self._moved(there, every, place)
        return there

    def _boolean(self, step: Step, true: Mask, there: Mask) -> None:
        every = bool(there.all())
        value = self._values[step.leaf] = Value(None if every else there)
        value.found = true
        self._moved(there, every, self.at + (len(step.text) + 5) - true)

    def _null(self, step: Step, nulls: Mask) -> None:
        value = self._values[step.leaf]
        if value is None:
            value = self._values[step.leaf] = Value(np.zeros(self._n, dtype=bool))
        value.nulls = nulls
        self._moved(nulls, False, self.at + len(step.null))

    def _empty(self, step: Step, there: Mask) -> None:
        self._values[step.leaf] = Value(there)
        self._moved(there, False, self.at + len(step.text))

    def finish(self) -> Mask:
        """Which lines have gone the whole way."""
        ends = self._ends - (self._lines.bytes.take(self._ends - 1, mode="clip") == 13)
        closes = self._lines.bytes.take(self.at, mode="clip") == ord("}")
        fits: Mask = ~self.lost & closes & (self.at + 1 == ends) & (self.first != _FIRST[b"{"])
        return fits
