"""Patterns of JSON Schema: ECMA-262 expressions, searched for anywhere in the text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

from ..errors import SchemaError
from ..regex import MatchTimeout, Regex, RegexError, compile_ecma
from ..regex.tree import Begin, Border, End, Look, Node, walk


@dataclass(frozen=True)
class Pattern:
    """One ECMA-262 pattern.

    Attributes:
        text: the pattern as the schema has it.
        regex: what it means.
    """

    text: str
    regex: Regex

    @property
    def tree(self) -> Node:
        """The syntax tree."""
        return self.regex.tree

    @property
    def re2(self) -> str | None:
        """The same for RE2, None where RE2 cannot say it."""
        return self.regex.re2

    @cached_property
    def always(self) -> bool:
        """Whether it matches every text: it has an empty match and does not look at where it stands."""
        anchored = any(isinstance(node, Begin | End | Border | Look) for node in walk(self.tree))
        return not anchored and self.regex.found_in("")

    def matches(self, text: str) -> bool:
        """Whether the pattern is found in `text`; not if that took too long to tell."""
        try:
            return self.regex.found_in(text)
        except MatchTimeout:
            return False


@lru_cache(maxsize=4096)
def compile_pattern(text: str) -> Pattern:
    """Read an ECMA-262 pattern.

    Raises:
        SchemaError: it is not a pattern, or cannot be carried out exactly.
    """
    try:
        return Pattern(text, compile_ecma(text))
    except RegexError as error:
        where = f"{error.message} (position {error.position})"
        raise SchemaError(f"the pattern {text!r} cannot be read: {where}. Correct it in the schema.") from None
