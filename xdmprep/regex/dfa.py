"""Deterministic automata over bytes, for strings of ASCII characters.

The compiled loop runs a column of strings through an automaton, several side by side, which takes a fifth of
what a regular expression takes text by text.  What an automaton accepts has a match; what it does not accept may still
have one (a string beyond ASCII, say), and is asked of the regular expression itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from ..kernels.interface import Automaton
from .charset import ASCII, CharSet
from .tree import Alt, Begin, Capture, Chars, End, Node, Repeat, Seq

#: An automaton of more states, or an expression of more parts, is not made.
MAX_STATES, MAX_PARTS = 96, 600

_ASCII = (1 << 128) - 1


class _Unusual(Exception):
    """Something that has no automaton here."""


@lru_cache(maxsize=512)
def automaton(tree: Node, opposite: bool = False) -> Automaton | None:
    """The automaton of an expression, searched for anywhere; None if it has none.

    The `opposite` one accepts strings of ASCII characters in which the expression is not found.
    """
    parts = tree.parts if isinstance(tree, Seq) else (tree,)
    anchored, closed = bool(parts) and isinstance(parts[0], Begin), bool(parts) and isinstance(parts[-1], End)
    try:
        states = _Parts()
        start, end = states.add(Seq(parts[anchored : len(parts) - closed]))
        made = _determined(states, start, end, anchored, closed)
    except _Unusual:
        return None
    if not opposite:
        return made
    unknown = len(made.table)  # the state of strings beyond ASCII, but for those that are decided before
    table = np.vstack([made.table, np.full(256, unknown, np.uint8)])
    table[: unknown - 2, 128:] = unknown
    return Automaton(table, np.append(made.accepting ^ 1, np.uint8(0)))


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

    def add(self, node: Node) -> tuple[int, int]:
        """The first and the last part of a node."""
        if isinstance(node, Chars):
            start, end = self.new(), self.new()
            self.steps[start] = _bits(node.set), end
            return start, end
        if isinstance(node, Seq):
            start = last = self.new()
            for part in node.parts:
                first, end = self.add(part)
                self.free[last].append(first)
                last = end
            return start, last
        if isinstance(node, Alt):
            start, end = self.new(), self.new()
            for option in node.options:
                first, last = self.add(option)
                self.free[start].append(first)
                self.free[last].append(end)
            return start, end
        if isinstance(node, Capture):
            return self.add(node.body)
        if isinstance(node, Repeat) and node.kind != "possessive" and node.most != 0:
            return self._times(node)
        raise _Unusual

    def _times(self, node: Repeat) -> tuple[int, int]:
        start, last = self.new(), self.new()
        at = first = start
        for number in range(max(node.least, node.most or 0, 1)):
            first, end = self.add(node.body)
            if number >= node.least:
                self.free[at].append(last)
            self.free[at].append(first)
            at = end
        if node.most is None:
            self.free[at].append(first)
        self.free[at].append(last)
        return start, last


def _bits(some: CharSet) -> int:
    """The ASCII characters of a set as bits."""
    return sum((1 << last + 1) - (1 << first) for first, last in (some & ASCII).ranges)


def _determined(parts: _Parts, start: int, end: int, anchored: bool, closed: bool) -> Automaton:
    """The deterministic automaton; its last two states accept everything from there on, and nothing."""
    done, lost = -1, -2
    first = _reached(parts, [start])
    numbers: dict[Any, int] = {}
    rows: list[list[int]] = []
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
        row = []
        for sample, _ in groups:
            then = [parts.steps[part][1] for part in state if parts.steps[part][0] >> sample & 1]
            row.append(number(_reached(parts, then if anchored else [*then, start])))
        rows.append([*row, lost])
    size = len(numbers)
    group_of = np.full(256, len(groups))
    for at, (_, members) in enumerate(groups):
        group_of[[code for code in range(128) if members >> code & 1]] = at
    places = np.array([*rows, [done] * (len(groups) + 1), [lost] * (len(groups) + 1)])
    table = np.where(places < 0, size - 1 - places, places).astype(np.uint8).take(group_of, axis=1)
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
