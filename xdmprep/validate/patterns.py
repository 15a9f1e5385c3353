"""Patterns of JSON Schema: ECMA-262 expressions, searched for anywhere in the string."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

from ..errors import SchemaError, shorten
from ..regex import MatchTimeout, Regex, RegexError, compile_ecma
from ..regex.tree import Begin, Border, End, Look, Node, walk

#: Most strings that took too long that a pattern remembers, and their largest length.
REMEMBER, REMEMBER_LENGTH = 1_024, 4_096


@dataclass(frozen=True)
class SchemaPattern:
    """One ECMA-262 pattern as the schema has it, and what it means."""

    text: str
    regex: Regex

    @property
    def tree(self) -> Node:
        """The syntax tree."""
        return self.regex.tree

    @property
    def re2(self) -> str | None:
        """The same for RE2, None where RE2 has no equivalent."""
        return self.regex.re2

    @cached_property
    def always(self) -> bool:
        """Whether it matches every string: it has an empty match and does not depend on its position."""
        anchored = any(isinstance(node, Begin | End | Border | Look) for node in walk(self.tree))
        return not anchored and self.regex.found_in("")

    def matches(self, text: str) -> bool:
        """Whether the pattern is found in `text`; MatchTimeout if that takes too long, where `re2` is None."""
        if text in self._late:
            raise MatchTimeout(self.stopped)
        try:
            return self.regex.found_in(text)
        except MatchTimeout:
            if len(self._late) < REMEMBER and len(text) <= REMEMBER_LENGTH:
                self._late.add(text)
            raise MatchTimeout(self.stopped) from None

    @cached_property
    def _late(self) -> set[str]:
        """Strings that took too long before."""
        return set()

    @property
    def stopped(self) -> str:
        """The message for a string for which the decision takes too long; the same for all."""
        return f"matching {shorten(self.text)} was stopped because it took too long; whether it fits is not known"


@lru_cache(maxsize=4096)
def compile_pattern(text: str) -> SchemaPattern:
    """Read an ECMA-262 pattern; SchemaError if it is none, or cannot be carried out exactly."""
    try:
        return SchemaPattern(text, compile_ecma(text))
    except RegexError as error:
        where = f"{error.message} (position {error.position})"
        raise SchemaError(f"the pattern {text!r} cannot be read: {where}. Correct it in the schema.") from None
