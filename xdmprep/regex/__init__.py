"""Regular expressions of two dialects, read into one tree and evaluated by several engines.

::

    read   ecma (JSON Schema's `pattern`), java (functions of mappings)
    tree   charset, unicode: one meaning, free of dialect and flags
    emit   Python's re and regex, RE2 (Arrow's kernels), dfa, sample
    engine matching in bounded time
"""

from __future__ import annotations

import re
from functools import lru_cache

from .ecma import read_ecma
from .engine import MatchTimeout, Regex
from .java import read_java
from .tree import RegexError

__all__ = ["MatchTimeout", "Regex", "RegexError", "compile_ecma", "compile_java", "is_ecma"]


@lru_cache(maxsize=4096)
def compile_ecma(text: str) -> Regex:
    """An ECMA-262 expression, as the keywords ``pattern`` and ``patternProperties`` of JSON Schema have it.

    ``found_in(text)`` answers in bounded time, or raises :class:`MatchTimeout` with a sentence for the user (only where
    `re2` is None: look-around and back references).  Elsewhere ``pc.match_substring_regex(array, regex.re2)`` gives the
    same answers for a column.

    Raises RegexError: it is no such expression, or cannot be evaluated exactly; it names the position.
    """
    return _checked(Regex(text, *read_ecma(text)))


def is_ecma(text: str) -> bool:
    """Whether a string is an expression by ECMA-262's strict grammar (its flag ``u``); for the format ``regex``."""
    try:
        read_ecma(text, strict=True)
    except RegexError:
        return False
    return True


@lru_cache(maxsize=512)
def compile_java(text: str) -> Regex:
    """An expression of Java, as the functions of mappings take them; matching it takes bounded time.

    Raises RegexError: it is none, or cannot be evaluated exactly; it names the position.
    """
    return _checked(Regex(text, *read_java(text)))


def _checked(made: Regex) -> Regex:
    """The expression once Python's engine has taken it."""
    try:
        made.check()
    except (re.error, OverflowError, RecursionError, MemoryError) as error:
        raise RegexError(f"it cannot be carried out ({error})", made.text, 0) from None
    return made
