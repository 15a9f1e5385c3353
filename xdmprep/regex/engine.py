"""Matching in bounded time, whatever the expression and the string.

An expression that cannot backtrack much on a string runs in Python's ``re``.  Others run in the package ``regex``: it
stops after a time budget and lets other threads run meanwhile; a yes-or-no question that was stopped is answered by
RE2, which needs no backtracking, where RE2 can express it.  Only what is left raises :class:`MatchTimeout`.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from . import emit
from .charset import CharSet
from .ends import in_one_line, split_line_end, without_anchors
from .tree import (
    EMPTY,
    Alt,
    Atomic,
    BackRef,
    Begin,
    Capture,
    Chars,
    End,
    Grapheme,
    LastMatch,
    Look,
    Node,
    Repeat,
    Seq,
    children,
    walk,
    width,
)

#: Seconds that one match may take after an expression was stopped this many times, and where RE2 can answer instead.
BUDGETS = ((16, 0.25), (256, 0.01), (1 << 62, 0.001))
SHORT_BUDGET = 0.01
#: Seconds that the stopped matches of an expression may take together before strings as long as those go unmatched, and
#: the part of the time since then that is granted anew, so that a long-lived process judges again.
TOTAL, REFILL = 5.0, 0.01
#: Steps that a match in ``re`` may take by our estimate; some milliseconds.
CHEAP = 200_000


class MatchTimeout(Exception):
    """A match was stopped because it took too long; the message is a sentence for the user."""


@dataclass(frozen=True)
class Regex:
    """One regular expression, ready to match.  Made by :func:`compile_ecma` and :func:`compile_java`.

    All methods are bounded in time: they may raise :class:`MatchTimeout`, which is to become a finding on the row at
    hand.  They can be interrupted by Ctrl-C and let other threads run.

    Attributes:
        text: as its author wrote it.
        tree: what it means.
        groups: how many capturing groups it has.
        names: numbers of the named groups.
    """

    text: str
    tree: Node
    groups: int = 0
    names: dict[str, int] = field(default_factory=dict, hash=False, compare=False)

    def found_in(self, text: str) -> bool:
        """Whether the expression matches anywhere in `text`.

        Raises MatchTimeout: this could not be decided in time; impossible if `re2` is not None.
        """
        return self._decided(self._find, self.re2, text)

    def matches(self, text: str) -> bool:
        """Whether the expression matches all of `text`.

        Raises MatchTimeout: this could not be decided in time; impossible if `whole_re2` is not None.
        """
        return self._decided(self._whole, self.whole_re2, text)

    def search(self, text: str) -> Any:
        """The first match, with `span`, `group` and `groups` as in ``re``; None if there is none.

        Raises MatchTimeout: it was not found in time.
        """
        return self._find.run(text)

    def finditer(self, text: str) -> Iterator[Any]:
        """All matches from left to right as Java finds them: after an empty one the search goes on a character later.

        Raises MatchTimeout: a match was not found in time.
        """
        at = 0
        while at <= len(text):
            match = self._find.run(text, at)
            if match is None:
                return
            yield match
            at = match.end()
            if match.end() == match.start():
                if self._follows:
                    return
                at += 1

    def substituted(self, template: str, text: str, most: int) -> str | None:
        """`text` with `most` matches replaced (0 for all) by one call of ``re``, whose template it takes.

        None where that may not be what Java does, or take long.
        """
        program = self._find.plain(text) if self._alike else None
        return None if program is None else str(program.sub(template, text, most))

    def split(self, text: str) -> list[str] | None:
        """The parts of `text` between matches as Java splits it, by one call of ``re``; None as :meth:`substituted`."""
        program = self._find.plain(text) if self._alike else None
        if program is None or program.groups:
            return None
        found: list[str] = program.split(text)
        return found if width(self.tree)[0] else list(filter(None, found)) or [text]

    @cached_property
    def _alike(self) -> bool:
        """Whether ``re`` goes on behind a match as Java does: none is empty, or all are."""
        least, most = width(self.tree)
        return (least > 0 or most == 0) and not self._follows

    @cached_property
    def re2(self) -> str | None:
        """RE2's expression for :meth:`found_in`; None where RE2 has none."""
        found = self.for_re2(whole=False)
        return None if found is None or found[1] else found[0]

    @cached_property
    def whole_re2(self) -> str | None:
        """RE2's expression for :meth:`matches`; None where RE2 has none."""
        found = self.for_re2(whole=True)
        return None if found is None or found[1] else found[0]

    def for_re2(self, whole: bool, captures: bool = False, one_line: bool = False) -> tuple[str, bool] | None:
        """RE2's expression, and whether it serves strings of ASCII characters only; None where RE2 has none.

        Args:
            whole: whether all of a string is to match, or any part of it.
            captures: whether groups capture, named ``g1``, ``g2``...; ``g0`` is the match.
            one_line: whether it is applied to strings without line ends only.
        """
        tree = in_one_line(self.tree) if one_line else self.tree
        tree, behind = (without_anchors(tree), EMPTY) if whole else split_line_end(tree)
        for ascii_only in (False, True):
            try:
                text = emit.re2(tree, captures, ascii_only)
                if captures:
                    text = f"(?P<g0>{text}){emit.re2(behind)}"
                elif whole:
                    text = rf"\A(?:{text})\z"
                elif behind != EMPTY:
                    text = f"(?:{text}){emit.re2(behind)}"
            except (emit.Beyond, RecursionError):
                continue
            return (text, ascii_only) if taken(text) else None
        return None

    def check(self) -> None:
        """Compiles what serves all strings. Raises re.error, OverflowError, RecursionError: the engine refuses it."""
        self._find.check()

    @cached_property
    def _follows(self) -> bool:
        """Whether each match begins where the one before ended (``\\G``)."""
        return any(isinstance(node, LastMatch) for node in walk(self.tree))

    @cached_property
    def _find(self) -> _Programs:
        return _Programs(self.text, self.tree)

    @cached_property
    def _whole(self) -> _Programs:
        return _Programs(self.text, Seq((Begin(), self.tree, End())))

    @staticmethod
    def _decided(programs: _Programs, fallback: str | None, text: str) -> bool:
        try:
            return programs.run(text, has_fallback=fallback is not None) is not None
        except MatchTimeout:
            if fallback is None:
                raise
            import pyarrow as pa
            import pyarrow.compute as pc

            known = pa.array([text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")], pa.string())
            return bool(pc.match_substring_regex(known, fallback)[0].as_py())


def taken(text: str) -> bool:
    """Whether RE2 takes an expression: it refuses what is too large."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        pc.match_substring_regex(pa.array(["x"]), text)
    except pa.ArrowException:
        return False
    return True


class _Programs:
    """The compiled forms of one tree: for strings of ASCII characters and for others, in ``re`` and in ``regex``."""

    def __init__(self, text: str, tree: Node) -> None:
        self._text, self._tree = text, tree
        self._stopped = 0
        self._left = TOTAL
        self._asked = time.monotonic()
        #: length of the shortest text that was stopped
        self._shortest = 1 << 62
        self._made: dict[tuple[bool, bool], Any] = {}
        self._cost = _Cost.of_search(tree)
        self._plain = {ascii_only: emit.plain_engine(tree, ascii_only) for ascii_only in (True, False)}
        cheap = self._cost.length(CHEAP)
        #: up to this length a string is cheap for ``re``
        self._short = {ascii_only: cheap if plain else -1 for ascii_only, plain in self._plain.items()}

    def _program(self, ascii_only: bool, plain: bool) -> Any:
        found = self._made.get((ascii_only, plain))
        if found is None:
            source = emit.python(self._tree, ascii_only)
            if plain:
                found = re.compile(source, re.ASCII)
            else:
                import regex

                graphemes = any(isinstance(node, Grapheme) for node in walk(self._tree))  # which ASCII would split
                found = regex.compile(
                    source, regex.V0 | (regex.UNICODE if graphemes else regex.ASCII), cache_pattern=False
                )
            self._made[ascii_only, plain] = found
        return found

    def check(self) -> None:
        """Compiles the form for all strings."""
        self._program(False, self._plain[False])

    def plain(self, text: str) -> Any:
        """The form in ``re`` that serves a string; None where matching could take long."""
        ascii_only = text.isascii()
        if len(text) > self._short[ascii_only]:
            return None
        return self._made.get((ascii_only, True)) or self._program(ascii_only, True)

    def run(self, text: str, at: int = 0, has_fallback: bool = False) -> Any:
        """The first match from a place on.

        Raises MatchTimeout: it was not found in time, or strings of this length took all the time there is.
        """
        plain = self.plain(text)
        if plain is not None:
            return plain.search(text, at)
        program = self._program(text.isascii(), False)
        if self._spent() and len(text) >= self._shortest:
            raise self._too_long(text)
        began = time.monotonic()
        try:
            return program.search(text, at, timeout=self._budget(has_fallback), concurrent=True)
        except TimeoutError:
            self._stopped += 1
            self._left -= time.monotonic() - began
            self._shortest = min(self._shortest, len(text))
            raise self._too_long(text) from None

    def _spent(self) -> bool:
        """Whether the stopped matches have taken all the time that they may take together."""
        if self._left < TOTAL:
            now = time.monotonic()
            self._left = min(TOTAL, self._left + (now - self._asked) * REFILL)
            self._asked = now
        return self._left <= 0

    def _budget(self, has_fallback: bool) -> float:
        budget = next(seconds for times, seconds in BUDGETS if self._stopped < times)
        return min(budget, SHORT_BUDGET) if has_fallback else budget

    def _too_long(self, text: str) -> MatchTimeout:
        return MatchTimeout(
            f"matching the regular expression {self._text[:80]!r} against a string of {len(text):,} characters was "
            "stopped because it took too long; nested or overlapping repetitions such as (a+)+ cause this"
        )


@dataclass(frozen=True)
class _Cost:
    """An upper bound of the steps of a backtracking match: `factor` times length to the power of `degree`."""

    factor: float
    degree: float

    def __mul__(self, other: _Cost) -> _Cost:
        return _Cost(self.factor * other.factor, self.degree + other.degree)

    def length(self, steps: int) -> int:
        """The length up to which a match takes no more than `steps`."""
        if math.isinf(self.factor) or math.isinf(self.degree) or self.factor > steps:
            return -1
        return 1 << 62 if not self.degree else int((steps / self.factor) ** (1 / self.degree))

    @staticmethod
    def of_search(tree: Node) -> _Cost:
        first = tree
        while isinstance(first, Seq) and first.parts:
            first = first.parts[0]
        anchored = isinstance(first, Begin)
        return _Cost.of(tree) * _Cost(1.0 + _size(tree), 0 if anchored else 1)

    @staticmethod
    def of(node: Node) -> _Cost:
        """In how many ways a node can match from one place, at most."""
        if isinstance(node, Seq):
            total = _Cost(1.0, 0)
            for part in node.parts:
                total *= _Cost.of(part)
            return total
        if isinstance(node, Alt):
            costs = [_Cost.of(option) for option in node.options]
            factors = [cost.factor for cost in costs]
            return _Cost(max(factors) if _apart(node) else sum(factors), max(cost.degree for cost in costs))
        if isinstance(node, Capture | Atomic | Look):
            return _Cost.of(node.body)
        if isinstance(node, Repeat):
            return _Cost._of_repeat(node)
        return _Cost(1.0, 1 if isinstance(node, BackRef | Grapheme) else 0)

    @staticmethod
    def _of_repeat(node: Repeat) -> _Cost:
        if node.most == 0:
            return _Cost(1.0, 0)
        body = _Cost.of(node.body)
        if not body.degree and body.factor <= 1:  # no round has a choice
            return _Cost(1.0, 1) if node.most is None else _Cost(node.most - node.least + 1.0, 0)
        if node.most is None:
            return _Cost(math.inf, math.inf)
        try:
            power = body.factor**node.most
        except OverflowError:
            power = math.inf
        return _Cost(power * (node.most - node.least + 1), body.degree * node.most)


def _size(node: Node) -> int:
    """How many nodes are tried on one way through a tree, at most; rounds of repetitions aside."""
    sizes = list(map(_size, children(node)))
    if isinstance(node, Alt):
        return max(sizes) + (len(sizes) if _apart(node) else 0)
    return 1 + sum(sizes)


def _apart(node: Alt) -> bool:
    """Whether the first character tells the options apart."""
    ranges: list[tuple[int, int]] = []
    for option in node.options:
        first = option
        while (isinstance(first, Seq) and first.parts) or isinstance(first, Capture):
            first = first.body if isinstance(first, Capture) else first.parts[0]
        if not isinstance(first, Chars):
            return False
        ranges += first.set.ranges
    return len(CharSet.of(ranges)) == sum(last - first + 1 for first, last in ranges)
