"""Regular expressions as finite automata over bytes, for texts of ASCII characters.

A column of texts is run through an automaton by the compiled loop, several texts side by side, which takes a fifth of
what a regular expression takes text by text.  What an automaton accepts matches; what it does not accept may still
match (a text beyond ASCII, say), and is asked of the regular expression itself.

Expressions are read as RE2 has them; one with anything unusual has no automaton.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa

from . import native

#: An automaton of more states, or an expression of more parts, is not made.
MAX_STATES, MAX_PARTS = 96, 600

_ASCII = (1 << 128) - 1
_QUANTITY = re.compile(r"[*+?]|\{(\d+)(,?)(\d*)\}")
_CONTROLS = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13}


def _members(text: str) -> int:
    """A set of characters as bits."""
    return sum(1 << ord(char) for char in text)


_DIGITS = _members("0123456789")
_WORD = _DIGITS | _members("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
_NAMED = {"d": _DIGITS, "w": _WORD, "D": _ASCII & ~_DIGITS, "W": _ASCII & ~_WORD}


class _Unusual(Exception):
    """Something that has no automaton here."""


@dataclass(frozen=True)
class Automaton:
    """A table of states.

    Attributes:
        table: uint8 (states, 256), the next state by byte; the first state is where it starts.
        accepting: uint8 (states,), 1 for those after which a text matches.
    """

    table: np.ndarray[Any, np.dtype[np.uint8]]
    accepting: np.ndarray[Any, np.dtype[np.uint8]]

    def doubtful(self, loops: ModuleType, array: pa.Array) -> np.ndarray[Any, np.dtype[np.int64]] | None:
        """Positions of the texts of a plain string column that are not accepted; None if there are none, nulls fit.

        Args:
            loops: the compiled ones.
            array: a string array.
        """
        found = loops.not_accepted(*native.texts(array), self.table, self.accepting)
        return None if found is None else np.frombuffer(found, np.int64)


@lru_cache(maxsize=512)
def automaton(expression: str) -> Automaton | None:
    """The automaton of an expression for RE2, searched for anywhere; None if it has none."""
    try:
        parts = _Parts()
        start, end, anchored, closed = _Reader(expression, parts).whole()
        return _determined(parts, start, end, anchored, closed)
    except _Unusual:
        return None


class _Parts:
    """A nondeterministic automaton: steps on a set of characters, and steps on nothing."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, int]] = []  # (set, next)
        self.free: list[list[int]] = []

    def new(self) -> int:
        """One more part; without steps yet."""
        if len(self.free) >= MAX_PARTS:
            raise _Unusual
        self.steps.append((0, 0))
        self.free.append([])
        return len(self.free) - 1


class _Reader:
    """Reads an expression by recursive descent; each method gives the first and the last part of what it read."""

    def __init__(self, text: str, parts: _Parts) -> None:
        self._text, self._at, self._parts = text, 0, parts

    def whole(self) -> tuple[int, int, bool, bool]:
        """The whole expression, and whether it is bound to the begin and to the end of the text."""
        anchored, closed = self._text.startswith("^"), self._text.endswith(r"\z")
        self._at = 1 if anchored else 0
        if closed:
            self._text = self._text[:-2]
        alternatives = self._text.count("|")
        start, end = self._either()
        if self._at < len(self._text) or (alternatives and (anchored or closed) and self._top):
            raise _Unusual
        return start, end, anchored, closed

    #: whether there are alternatives outside of all groups, of which an anchor would bind only one
    _top = False
    _depth = 0

    def _either(self) -> tuple[int, int]:
        start, end = self._parts.new(), self._parts.new()
        while True:
            first, last = self._row()
            self._parts.free[start].append(first)
            self._parts.free[last].append(end)
            if not self._taken("|"):
                return start, end
            self._top |= self._depth == 0

    def _row(self) -> tuple[int, int]:
        start = last = self._parts.new()
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            begin = self._at
            first, end = self._one()
            match = _QUANTITY.match(self._text, self._at)
            if match:
                self._at = match.end()
                if self._text[self._at : self._at + 1] in ("?", "+", "*"):
                    raise _Unusual
                first, end = self._times(begin, match, first, end)
            self._parts.free[last].append(first)
            last = end
        return start, last

    def _times(self, begin: int, match: re.Match[str], first: int, end: int) -> tuple[int, int]:
        """The part that was read from `begin` on as often as a quantity says."""
        behind = self._at
        least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(match[0], (0, None))
        if match[1]:
            least = int(match[1])
            most = least if not match[2] else int(match[3]) if match[3] else None
        start, last = self._parts.new(), self._parts.new()
        at, rounds = start, max(least, most if most is not None else least, 1)
        for number in range(rounds):
            if number:
                self._at = begin
                first, end = self._one()
            if number >= least:
                self._parts.free[at].append(last)
            self._parts.free[at].append(first)
            at = end
        if most is None:
            self._parts.free[at].append(first)
        if most == 0:
            raise _Unusual
        self._parts.free[at].append(last)
        self._at = behind
        return start, last

    def _one(self) -> tuple[int, int]:
        char = self._text[self._at]
        if self._taken("("):
            if self._text[self._at : self._at + 1] == "?" and not self._taken("?:"):
                raise _Unusual
            self._depth += 1
            inside = self._either()
            self._depth -= 1
            if not self._taken(")"):
                raise _Unusual
            return inside
        if char == "[":
            return self._step(self._set())
        if char == "\\":
            return self._step(self._escape()[0])
        if char in "^$.*+?{}" or ord(char) > 127:
            raise _Unusual
        self._at += 1
        return self._step(1 << ord(char))

    def _step(self, members: int) -> tuple[int, int]:
        start, end = self._parts.new(), self._parts.new()
        self._parts.steps[start] = members, end
        return start, end

    def _taken(self, text: str) -> bool:
        found = self._text.startswith(text, self._at)
        self._at += len(text) if found else 0
        return found

    def _escape(self) -> tuple[int, int | None]:
        """The set that an escape stands for, and its code if it is one character."""
        char = self._text[self._at + 1 : self._at + 2]
        self._at += 2
        if char in _NAMED:
            return _NAMED[char], None
        if char in _CONTROLS:
            return 1 << _CONTROLS[char], _CONTROLS[char]
        if char == "x" and (match := re.compile(r"[0-7][0-9a-fA-F]").match(self._text, self._at)):
            self._at += 2
            return 1 << int(match[0], 16), int(match[0], 16)
        if not char.isascii() or not char or char.isalnum():
            raise _Unusual
        return 1 << ord(char), ord(char)

    def _set(self) -> int:
        """The set in brackets; characters beyond ASCII do not matter, since no text with one is accepted."""
        self._at += 1
        other = self._taken("^")
        members = 0
        while not self._taken("]"):
            first = self._bound()
            if isinstance(first, tuple):
                members |= first[0]
                continue
            last: Any = first
            if self._text[self._at : self._at + 1] == "-" and self._text[self._at + 1 : self._at + 2] != "]":
                self._at += 1
                last = self._bound()
                if isinstance(last, tuple):
                    raise _Unusual
            if last < first:
                raise _Unusual
            members |= _ASCII & ((1 << last + 1) - (1 << first))
        return _ASCII & ~members if other else members

    def _bound(self) -> int | tuple[int]:
        """The code of the next character in brackets, or the set it stands for."""
        if self._at >= len(self._text) or self._text.startswith("[:", self._at):
            raise _Unusual
        char = self._text[self._at]
        if char == "\\":
            members, code = self._escape()
            return (members,) if code is None else code
        self._at += 1
        return ord(char)


def _determined(parts: _Parts, start: int, end: int, anchored: bool, closed: bool) -> Automaton:
    """The deterministic automaton; its last two states accept everything from there on, and nothing."""
    done, lost = -1, -2
    first = _reached(parts, [start])
    numbers: dict[Any, int] = {}
    rows: list[dict[int, Any]] = []
    waiting: list[Any] = []

    def number(state: Any) -> int:
        if not closed and end in state:
            return done
        if not state:
            return lost
        if state not in numbers:
            if len(numbers) >= MAX_STATES:
                raise _Unusual
            numbers[state] = len(numbers)
            waiting.append(state)
        return numbers[state]

    begin = number(first)
    groups = list(_alike(parts))
    while waiting:
        state = waiting.pop(0)
        row = {}
        for sample, members in groups:
            then = [parts.steps[part][1] for part in state if parts.steps[part][0] >> sample & 1]
            row[members] = number(_reached(parts, then if anchored else [*then, start]))
        rows.append(row)
    size = len(numbers)
    table = np.full((size + 2, 256), size + 1, np.uint8)
    table[size] = size
    for at, row in enumerate(rows):
        for members, place in row.items():
            codes = [code for code in range(128) if members >> code & 1]
            table[at, codes] = size if place == done else size + 1 if place == lost else place
    accepting = np.zeros(size + 2, np.uint8)
    accepting[size] = 1
    for state, at in numbers.items():
        accepting[at] = end in state
    if begin == done:  # it matches everything
        table, accepting = np.zeros((1, 256), np.uint8), np.ones(1, np.uint8)
    return Automaton(table, accepting)


def _reached(parts: _Parts, some: list[int]) -> frozenset[int]:
    """The parts that are reached from some without a character; only those that matter: with a step, or the last."""
    found, waiting = set(some), list(some)
    while waiting:
        for part in parts.free[waiting.pop()]:
            if part not in found:
                found.add(part)
                waiting.append(part)
    return frozenset(part for part in found if parts.steps[part][0] or not parts.free[part])


def _alike(parts: _Parts) -> Iterator[tuple[int, int]]:
    """The ASCII characters in groups that no step tells apart: one of the group, and all of it as bits."""
    left = _ASCII
    sets = {members for members, _ in parts.steps if members}
    while left:
        sample = (left & -left).bit_length() - 1
        group = left
        for members in sets:
            group &= members if members >> sample & 1 else ~members
        yield sample, group
        left &= ~group
