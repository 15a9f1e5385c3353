"""The syntax tree that all dialects of regular expressions are read into.

Everything that depends on a dialect or on flags is settled by its reader: classes, escapes and letter case are sets of
code points, ``.``, ``^``, ``$`` and ``\\b`` are spelt out.  What remains means the same to every engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .charset import NOTHING, CharSet

Kind = Literal["greedy", "lazy", "possessive"]


class RegexError(ValueError):
    """A regular expression is wrong, or cannot be evaluated exactly.

    Attributes:
        message: what is wrong.
        pattern: the expression.
        position: 0-based offset in it.
    """

    def __init__(self, message: str, pattern: str, position: int) -> None:
        self.message, self.pattern, self.position = message, pattern, position
        super().__init__(message, pattern, position)

    def __str__(self) -> str:
        shown = self.pattern if len(self.pattern) <= 80 else self.pattern[:77] + "..."
        return f"{self.message} at position {self.position} of {shown!r}"


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of a set."""

    set: CharSet


@dataclass(frozen=True, slots=True)
class Seq:
    """Parts one after the other; no parts match the empty string."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Alt:
    """The first of some options that leads to a match."""

    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`body` from `least` to `most` times; `most` None is without limit."""

    body: Node
    least: int
    most: int | None
    kind: Kind = "greedy"


@dataclass(frozen=True, slots=True)
class Capture:
    """A capturing group; groups are numbered from 1 by their opening brackets."""

    body: Node
    number: int


@dataclass(frozen=True, slots=True)
class Atomic:
    """`body` without backtracking into it."""

    body: Node


@dataclass(frozen=True, slots=True)
class Look:
    """Whether `body` matches ahead of here (or ends here), or does not."""

    body: Node
    ahead: bool
    negative: bool


@dataclass(frozen=True, slots=True)
class BackRef:
    """What a group matched.

    Attributes:
        number: of the group.
        unset: what a group that took no part matches: the ``empty`` text (ECMA-262) or ``nothing`` (Java).
        fold: whether ASCII letters match in both cases.
    """

    number: int
    unset: Literal["empty", "nothing"]
    fold: bool = False


@dataclass(frozen=True, slots=True)
class Begin:
    """The start of the string."""


@dataclass(frozen=True, slots=True)
class End:
    """The end of the string."""


@dataclass(frozen=True, slots=True)
class Border:
    """Where a character of a word set meets one outside of it (or the string's end); or, `negative`, where not.

    `marks` are characters that belong to the word when they follow one of `bases`, directly or after other marks.
    """

    word: CharSet
    negative: bool = False
    bases: CharSet = NOTHING
    marks: CharSet = NOTHING


@dataclass(frozen=True, slots=True)
class LastMatch:
    """Where the match before ended (``\\G``)."""


@dataclass(frozen=True, slots=True)
class Grapheme:
    """One extended grapheme cluster (``\\X``)."""


Node = (
    Chars | Seq | Alt | Repeat | Capture | Atomic | Look | BackRef | Begin | End | Border | LastMatch | Grapheme
)  # all kinds of nodes

EMPTY = Seq(())


def seq(parts: list[Node]) -> Node:
    """The parts one after the other, without needless nesting."""
    flat: list[Node] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, Seq) else (part,))
    return flat[0] if len(flat) == 1 else Seq(tuple(flat))


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below one."""
    if isinstance(node, Seq):
        return node.parts
    if isinstance(node, Alt):
        return node.options
    if isinstance(node, Repeat | Capture | Atomic | Look):
        return (node.body,)
    return ()


def walk(node: Node) -> list[Node]:
    """A node and all nodes below it, parents first."""
    found, at = [node], 0
    while at < len(found):
        found.extend(children(found[at]))
        at += 1
    return found


def width(node: Node) -> tuple[int, int | None]:
    """The fewest and the most characters that a node matches; None for no limit."""
    if isinstance(node, Chars):
        return 1, 1
    if isinstance(node, Seq):
        low: int = 0
        high: int | None = 0
        for part in node.parts:
            least, most = width(part)
            low += least
            high = None if high is None or most is None else high + most
        return low, high
    if isinstance(node, Alt):
        sizes = [width(option) for option in node.options]
        highs = [most for _, most in sizes]
        return min(least for least, _ in sizes), None if None in highs else max(m for m in highs if m is not None)
    if isinstance(node, Repeat):
        least, most = width(node.body)
        if most == 0 or node.most == 0:
            return 0, 0
        return least * node.least, None if most is None or node.most is None else most * node.most
    if isinstance(node, Capture | Atomic):
        return width(node.body)
    if isinstance(node, BackRef):
        return 0, None
    if isinstance(node, Grapheme):
        return 1, None
    return 0, 0
