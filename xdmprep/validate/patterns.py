"""Patterns of JSON Schema: ECMA-262 expressions, searched for anywhere in the text.

Python's `re` and RE2 (Arrow's kernel) read the same text differently in places: ``$`` before a last line break,
``\\d`` and ``\\w`` beyond ASCII, what ``.`` and ``\\s`` stand for, escapes that mean nothing.  So a pattern is read
here token by token and written again for each of the two.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from functools import cached_property, lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import SchemaError

_LINE_ENDS = "\\n\\r\u2028\u2029"
_SPACE = "\\t\\n\\v\\f\\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_NOT_SPACE = (
    "\\x00-\\x08\\x0e-\\x1f!-\u009f\u00a1-\u167f\u1681-\u1fff\u200b-\u2027\u202a-\u202e\u2030-\u205e\u2060-\u2fff"
    "\u3001-\ufefe\uff00-\U0010ffff"
)
_QUANTITY = re.compile(r"\{\d+(,\d*)?\}")
_NOTHING, _NOTHING_RE2 = "(?!)", "[^\\x{0}-\\x{10FFFF}]"
_SPECIAL = frozenset("\\^$.|?*+()[]{}-&~#/ ")


@dataclass(frozen=True)
class Pattern:
    """One ECMA-262 pattern.

    Attributes:
        text: the pattern as the schema has it.
        python: the same for Python's `re` (with `re.ASCII`).
        re2: the same for RE2, None where RE2 cannot say it.
        anchored: whether the pattern looks at where it stands (anchors, word borders, look-around).
    """

    text: str
    python: str
    re2: str | None
    anchored: bool

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """Python's compiled form."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            return re.compile(self.python, re.ASCII)

    @cached_property
    def always(self) -> bool:
        """Whether it matches every text: it has an empty match and does not look at where it stands."""
        return not self.anchored and self.compiled.search("") is not None

    def matches(self, text: str) -> bool:
        """Whether the pattern is found in `text`."""
        return self.compiled.search(text) is not None


@lru_cache(maxsize=4096)
def compile_pattern(text: str) -> Pattern:
    """Read an ECMA-262 pattern.

    Raises:
        SchemaError: it is not a pattern, or uses what Python's `re` does not have.
    """
    python, re2, anchored = _translate(text)
    pattern = Pattern(text, python, re2, anchored)
    try:
        pattern.compiled  # noqa: B018 - compiles now, so that a fault shows before the first record
    except (re.error, OverflowError, RecursionError) as error:
        raise SchemaError(f"the pattern {text!r} cannot be read: {error}. Mend it in the schema.") from None
    if re2 is not None:
        try:
            pc.match_substring_regex(pa.array(["x"]), re2)
        except pa.ArrowException:
            pattern = Pattern(text, python, None, anchored)
    return pattern


def _translate(text: str) -> tuple[str, str | None, bool]:
    """The pattern for Python, for RE2 (None if it cannot), and whether it is anchored."""
    python: list[str] = []
    re2: list[str] | None = []
    anchored = False
    at = 0

    def put(both: str, other: str | None = "") -> None:
        nonlocal re2
        python.append(both)
        if other is None:
            re2 = None
        elif re2 is not None:
            re2.append(other or both)

    while at < len(text):
        char = text[at]
        if char == "\\":
            token, at = _escape(text, at, in_class=False)
            anchored |= token in ("\\b", "\\B")
            if token.startswith("(?P=") or (len(token) > 1 and token[1] in "123456789"):
                put(token, None)
            else:
                put(token)
        elif char == "[":
            bracket, at = _class(text, at)
            put(bracket, _NOTHING_RE2 if bracket == _NOTHING else "")
        elif char == "$":
            anchored = True
            put("\\Z", "\\z")
            at += 1
        elif char == "^":
            anchored = True
            put("^")
            at += 1
        elif char == ".":
            put(f"[^{_LINE_ENDS}]")
            at += 1
        elif text.startswith("(?", at) and not text.startswith("(?:", at):
            if text.startswith(("(?<=", "(?<!", "(?=", "(?!"), at):
                anchored = True
                size = 4 if text[at + 2] == "<" else 3
                put(text[at : at + size], None)
                at += size
            elif text.startswith("(?<", at):
                put("(?P<")
                at += 3
            else:
                raise SchemaError(f"the pattern {text!r} cannot be read: {text[at : at + 3]!r} is not ECMA-262.")
        elif char == "{":
            quantity = _QUANTITY.match(text, at)
            put(quantity[0] if quantity else "\\{")
            at = quantity.end() if quantity else at + 1
        else:
            put(char if char != "}" else "\\}")
            at += 1
    return "".join(python), None if re2 is None else "".join(re2), anchored


def _escape(text: str, at: int, in_class: bool) -> tuple[str, int]:
    """The escape at `at` in a form that Python and RE2 both read, and where it ends."""
    if at + 1 >= len(text):
        raise SchemaError(f"the pattern {text!r} cannot be read: it ends with a single backslash.")
    char = text[at + 1]
    if char in "dDwW":
        return "\\" + char, at + 2
    if char in "bB" and not in_class:
        return "\\" + char, at + 2
    if char == "b":
        return "\\x08", at + 2
    if char in "sS":
        inner = _SPACE if char == "s" else _NOT_SPACE
        return inner if in_class else f"[{inner}]", at + 2
    if char in "tnrfv":
        return "\\" + char, at + 2
    if char == "0" and not text[at + 2 : at + 3].isdigit():
        return "\\x00", at + 2
    if char == "c" and text[at + 2 : at + 3].isalpha() and text[at + 2].isascii():
        return f"\\x{ord(text[at + 2]) % 32:02x}", at + 3
    for letter, size in (("x", 2), ("u", 4)):
        digits = text[at + 2 : at + 2 + size]
        if char == letter and re.fullmatch(f"[0-9A-Fa-f]{{{size}}}", digits):
            return _literal(chr(int(digits, 16))), at + 2 + size
    if char == "u" and (wide := re.match(r"\{([0-9A-Fa-f]{1,6})\}", text[at + 2 :])) and int(wide[1], 16) < 0x110000:
        return _literal(chr(int(wide[1], 16))), at + 2 + wide.end()
    if char in "123456789" and not in_class:
        digits = re.match(r"\d+", text[at + 1 :])[0]  # type: ignore[index]
        return f"(?:\\{digits})", at + 1 + len(digits)
    if char == "k" and not in_class and (name := re.match(r"<(\w+)>", text[at + 2 :])):
        return f"(?P={name[1]})", at + 2 + name.end()
    if char in "pP":
        raise SchemaError(
            f"the pattern {text!r} uses \\{char}{{...}}, which is not supported. List the letters instead."
        )
    return _literal(char), at + 2


def _literal(char: str) -> str:
    if char in _SPECIAL:
        return "\\" + char
    return f"\\x{ord(char):02x}" if ord(char) < 32 or ord(char) == 127 else char


def _class(text: str, at: int) -> tuple[str, int]:
    """The bracket expression at `at`, and where it ends."""
    start, at = at, at + 1
    out = "["
    if text[at : at + 1] == "^":
        out, at = "[^", at + 1
    if text[at : at + 1] == "]":  # ECMA: [] is nothing, [^] is anything
        return (_NOTHING if out == "[" else "(?s:.)"), at + 1
    while at < len(text) and text[at] != "]":
        if text[at] == "\\":
            token, at = _escape(text, at, in_class=True)
            out += token
        else:
            out += "\\" + text[at] if text[at] in "[&~|" else text[at]
            at += 1
    if at >= len(text):
        raise SchemaError(f"the pattern {text!r} cannot be read: the bracket at {start} is not closed.")
    return out + "]", at + 1
