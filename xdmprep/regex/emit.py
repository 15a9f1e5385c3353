"""Writes a syntax tree for an engine: Python's (``re`` and the package ``regex`` read the same text) and RE2."""

from __future__ import annotations

from collections.abc import Callable

from .charset import ANYTHING, ASCII, NOTHING, SURROGATES, WORD, CharSet
from .tree import (
    Alt,
    Atomic,
    BackRef,
    Begin,
    Border,
    Capture,
    Chars,
    End,
    Grapheme,
    LastMatch,
    Look,
    Node,
    Repeat,
    Seq,
    walk,
    width,
)

_SUFFIX = {"greedy": "", "lazy": "?", "possessive": "+"}
_RE2_REPEATS = 1000  # what RE2 takes


class Beyond(ValueError):
    """The engine cannot express it."""


def python(node: Node, ascii_only: bool) -> str:
    """The expression for ``re`` and ``regex`` with their flag ASCII; shorter for strings of ASCII characters only."""
    return _Python(ascii_only).text(node)


def plain_engine(node: Node, ascii_only: bool) -> bool:
    """Whether Python's ``re`` can run what :func:`python` gives; the package ``regex`` always can."""
    for part in walk(node):
        if isinstance(part, LastMatch | Grapheme):
            return False
        if isinstance(part, Border) and part.marks and not ascii_only:
            return False
        if isinstance(part, Look) and not part.ahead:
            least, most = width(part.body)
            if least != most or any(isinstance(inner, BackRef) for inner in walk(part.body)):
                return False
            if any(isinstance(inner, Alt) and len({width(o) for o in inner.options}) > 1 for inner in walk(part.body)):
                return False
    return True


def _char(code: int) -> str:
    if code < 128 and chr(code).isalnum():
        return chr(code)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _ranges(some: CharSet, char: Callable[[int], str]) -> str:
    return "".join(
        char(first) if first == last else char(first) + ("" if last == first + 1 else "-") + char(last)
        for first, last in some.ranges
    )


def _class(some: CharSet, others: CharSet, char: Callable[[int], str]) -> str:
    """The shorter of a class and the opposite of the class of all others."""
    if some.single is not None:
        return char(some.single)
    shorter = len(others.ranges) < len(some.ranges)
    return f"[^{_ranges(others, char)}]" if shorter else f"[{_ranges(some, char)}]"


class _Python:
    def __init__(self, ascii_only: bool) -> None:
        self._ascii = ascii_only

    def _set(self, some: CharSet) -> str:
        some, others = (some & ASCII, ASCII - some) if self._ascii else (some, ~some)
        if not some:
            return "(?!)"
        return _class(some, others, _char) if others else "[\\x00-\\U0010ffff]"

    def text(self, node: Node) -> str:
        if isinstance(node, Chars):
            return self._set(node.set)
        if isinstance(node, Seq):
            return "".join(
                f"(?:{self.text(part)})" if isinstance(part, Alt) else self.text(part) for part in node.parts
            )
        if isinstance(node, Alt):
            return "|".join(map(self.text, node.options))
        if isinstance(node, Repeat):
            return self._repeat(node)
        if isinstance(node, Capture):
            return f"({self.text(node.body)})"
        if isinstance(node, Atomic):
            return f"(?>{self.text(node.body)})"
        if isinstance(node, Look):
            return f"(?{'' if node.ahead else '<'}{'!' if node.negative else '='}{self.text(node.body)})"
        if isinstance(node, BackRef):
            text = f"(?i:\\{node.number})" if node.fold else f"(?:\\{node.number})"
            return text if node.unset == "nothing" else f"(?({node.number}){text}|)"
        if isinstance(node, Border):
            return self._border(node)
        return {Begin: r"\A", End: r"\Z", LastMatch: r"\G", Grapheme: r"\X"}[type(node)]

    def _repeat(self, node: Repeat) -> str:
        body = self.text(node.body)
        if not isinstance(node.body, Chars | Capture | Atomic) or body == "(?!)":
            body = f"(?:{body})"
        return body + _quantity(node) + _SUFFIX[node.kind]

    def _border(self, node: Border) -> str:
        word, (same, other) = self._set(node.word), "=!" if node.negative else "!="
        before = [(word, word)]  # what a word ends with, and how it goes on
        if node.marks and not self._ascii:
            before = [(f"{self._set(node.bases)}{self._set(node.marks)}*", self._set(node.word | node.marks))]
            if rest := node.word - node.bases:
                before.append((self._set(rest), word))
        ways = [f"(?<={end})(?{same}{more})" for end, more in before]
        return f"(?:{'|'.join(ways)}|{''.join(f'(?<!{end})' for end, _ in before)}(?{other}{word}))"


def _quantity(node: Repeat) -> str:
    least, most = node.least, node.most
    if (least, most) == (0, None):
        return "*"
    if (least, most) == (1, None):
        return "+"
    if (least, most) == (0, 1):
        return "?"
    return f"{{{least}}}" if least == most else f"{{{least},{'' if most is None else most}}}"


def re2(node: Node, captures: bool = False, ascii_only: bool = False) -> str:
    """The expression for RE2; whether a string has a match is the same there.  Raises Beyond: RE2 has none.

    With `captures` the groups capture, named ``g1``, ``g2``...; `ascii_only` is for strings of ASCII characters only.
    """

    def text(node: Node) -> str:
        match node:
            case Chars(some):
                return _re2_set(some)
            case Seq(parts):
                return "".join(f"(?:{text(part)})" if isinstance(part, Alt) else text(part) for part in parts)
            case Alt(options):
                return "|".join(map(text, options))
            case Capture(body, number):
                return f"({f'?P<g{number}>' if captures else '?:'}{text(body)})"
            case Begin():
                return r"\A"
            case End():
                return r"\z"
            # in strings beyond ASCII RE2 finds `\B` between the bytes of a character
            case Border(word, negative) if (word & ASCII) == WORD and (ascii_only or (word == WORD and not negative)):
                return r"\B" if negative else r"\b"
            case Repeat(body, least, most, kind) if kind != "possessive" and max(least, most or 0) <= _RE2_REPEATS:
                inner = text(body) if isinstance(body, Chars | Capture) else f"(?:{text(body)})"
                return inner + _quantity(node) + _SUFFIX[kind]
        raise Beyond

    return text(node)


def _re2_char(code: int) -> str:
    return chr(code) if code < 128 and chr(code).isalnum() else f"\\x{{{code:x}}}"


def _re2_set(some: CharSet) -> str:
    some = some - SURROGATES
    if some in (NOTHING, ANYTHING - SURROGATES):
        return "[^\\x{0}-\\x{10ffff}]" if not some else "(?s:.)"
    return _class(some, ~(some | SURROGATES), _re2_char)
