"""What the readers of all dialects share: a cursor, limits, groups, and quantifiers."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import NoReturn

from .tree import Alt, Kind, Node, RegexError, Repeat

#: Longer expressions, deeper nesting and higher counts are refused.
MAX_LENGTH, MAX_DEPTH, MAX_COUNT = 100_000, 100, 1_000_000
_HEX = frozenset("0123456789abcdefABCDEF")
_OCTAL = re.compile("[0-3][0-7]{0,2}|[4-7][0-7]?")
#: How look-arounds begin, behind a bracket and a question mark: whether they look ahead, and whether they are negative.
_LOOKS = {"=": (True, False), "!": (True, True), "<=": (False, False), "<!": (False, True)}


class Cursor(ABC):
    """A place in the string of an expression, with the errors that name it."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.depth = text, 0, 0
        if len(text) > MAX_LENGTH:
            raise RegexError(f"a regular expression has at most {MAX_LENGTH:,} characters, not {len(text):,}", text, 0)

    def fail(self, message: str, at: int | None = None) -> NoReturn:
        """Raises a :class:`RegexError` at a place, by default here."""
        raise RegexError(message, self.text, min(self.at if at is None else at, len(self.text)))

    def peek(self, ahead: int = 0) -> str:
        """The character here or some further on; empty at the end."""
        return self.text[self.at + ahead : self.at + ahead + 1]

    def take(self, text: str) -> bool:
        """Whether `text` comes next; if so the cursor moves behind it."""
        if self.text.startswith(text, self.at):
            self.at += len(text)
            return True
        return False

    def hex(self, size: int) -> int | None:
        """The number of exactly this many hexadecimal digits here, taken; None if there are fewer."""
        digits = self.text[self.at : self.at + size]
        if len(digits) < size or not _HEX.issuperset(digits):
            return None
        self.at += size
        return int(digits, 16)

    def octal(self) -> int | None:
        """The number of up to three octal digits here that is at most 255, taken; None if there are none."""
        found = _OCTAL.match(self.text, self.at)
        self.at = self.at if found is None else found.end()
        return None if found is None else int(found[0], 8)

    def utf16(self) -> int | None:
        """The code point of four hexadecimal digits, or of two such escapes that are surrogates; None for others."""
        code, end = self.hex(4), self.at
        if code is not None and 0xD800 <= code < 0xDC00 and self.take("\\u"):
            low = self.hex(4)
            if low is not None and 0xDC00 <= low < 0xE000:
                return 0x10000 + ((code - 0xD800) << 10) + low - 0xDC00
            self.at = end
        return code

    def braced(self) -> str | None:
        """What comes between braces here, taken; None if there are none."""
        end = self.text.find("}", self.at)
        if self.peek() != "{" or end < 0:
            return None
        inside = self.text[self.at + 1 : end]
        self.at = end + 1
        return inside

    def braced_code(self) -> int | None:
        """The code point whose hexadecimal digits come between braces here; None if there is none."""
        digits = self.braced()
        return int(digits, 16) if digits and _HEX.issuperset(digits) and int(digits, 16) < 0x110000 else None

    def counts(self) -> tuple[int, int | None] | None:
        """The numbers of ``{2}``, ``{2,}`` or ``{2,5}`` here, taken; None if it is no such thing."""
        start = self.at
        inside = self.braced()
        least, comma, most = (inside or "").partition(",")
        if not _number(least) or (most and not _number(most)):
            self.at = start
            return None
        numbers = [int(part[-8:] if len(part) > 8 and not part.strip("0") else part) for part in (least, most) if part]
        if max(numbers) > MAX_COUNT:
            self.fail(f"a repetition counts to {MAX_COUNT:,} at most", start)
        if len(numbers) == 2 and numbers[0] > numbers[1]:
            self.fail("the numbers of the repetition are in the wrong order", start)
        return numbers[0], (numbers[1] if most else None if comma else numbers[0])

    def quantified(self, node: Node, possessive: bool) -> Node | None:
        """A node with the quantifier that comes next, ``a++`` if `possessive` ones exist; None if there is none."""
        if self.take("*"):
            bounds: tuple[int, int | None] | None = (0, None)
        elif self.take("+"):
            bounds = (1, None)
        elif self.take("?"):
            bounds = (0, 1)
        else:
            bounds = self.counts()
        if bounds is None:
            return None
        kind: Kind = "lazy" if self.take("?") else "possessive" if possessive and self.take("+") else "greedy"
        return Repeat(node, *bounds, kind)

    def sign(self) -> str:
        """The next character that may be syntax; empty for none."""
        return self.peek()

    @abstractmethod
    def row(self) -> Node:
        """The nodes up to a ``|``, a ``)`` or the end."""

    def either(self) -> Node:
        """Options up to a ``)`` or the end."""
        options = [self.row()]
        while self.sign() == "|":
            self.at += 1
            options.append(self.row())
        return options[0] if len(options) == 1 else Alt(tuple(options))

    def look(self) -> tuple[bool, bool] | None:
        """Whether the look-around that begins here looks ahead, and whether it is negative; None if none begins."""
        return next((shape for signs, shape in _LOOKS.items() if self.take(signs)), None)

    def deeper(self) -> None:
        """One more level of brackets."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail(f"brackets are nested more than {MAX_DEPTH} deep")


def _number(text: str) -> bool:
    return text.isascii() and text.isdigit()
