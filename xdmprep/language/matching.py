"""What the functions and methods of the language do with Java's regular expressions, on one string."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from ..regex import MatchTimeout, Regex, RegexError, compile_java
from .values import Failed, kind_of

_WORD = re.compile(r"[\w ,;:/=@%&~!<>'\"-]+")


def is_word(text: str) -> bool:
    """Whether a regular expression matches itself only."""
    return _WORD.fullmatch(text) is not None


def compiled(text: Any) -> Regex | str:
    """A regular expression; one that matches itself only stays a string. Raises Failed: it is none.

    A column of such strings would cost a hundred microseconds a row to compile.
    """
    if not isinstance(text, str):
        raise Failed(f"a regular expression must be a string, not {kind_of(text)}")
    return text if text.isalnum() else _compiled(text)


@lru_cache(maxsize=256)
def _compiled(text: str) -> Regex | str:
    if is_word(text):
        return text
    try:
        return compile_java(text)
    except RegexError as error:
        raise Failed(f"the regular expression cannot be used: {error}") from None


def matches(regex: Regex | str, text: str, part: bool = False) -> bool:
    """Whether all of `text` matches, or any part of it. Raises Failed: it took too long to tell."""
    if isinstance(regex, str):
        return regex in text if part else regex == text
    try:
        return regex.found_in(text) if part else regex.matches(text)
    except MatchTimeout as error:
        raise Failed(str(error)) from None


def first(regex: Regex | str, text: str) -> list[str | None] | None:
    """The first match and its groups, None where none exists. Raises Failed: it was not found in time."""
    if isinstance(regex, str):
        return [regex] if regex in text else None
    try:
        match = regex.search(text)
    except MatchTimeout as error:
        raise Failed(str(error)) from None
    return None if match is None else [match[0], *match.groups()]


def _all(regex: Regex, text: str) -> Iterator[Any]:
    try:
        yield from regex.finditer(text)
    except MatchTimeout as error:
        raise Failed(str(error)) from None


def parts(regex: Regex | str, text: str, keep_empty: bool) -> list[str]:
    """The parts of `text` between matches, as Java's ``split`` gives them; empty ones at the end only if `keep_empty`.

    Raises Failed: a match was not found in time.
    """
    found = text.split(regex) if isinstance(regex, str) else regex.split(text)
    if found is None:
        assert isinstance(regex, Regex)  # noqa: S101
        found, start = [], 0
        for match in _all(regex, text):
            here, end = match.span()
            if end == here and here in (0, len(text)):  # nothing lies beyond the string's ends
                continue
            found.append(text[start:here])
            start = end
        found.append(text[start:])
    if len(found) == 1:
        return found
    while not keep_empty and found and not found[-1]:
        found.pop()
    return found


@lru_cache(maxsize=256)
def replacing(regex: str, template: str, most: int = 0) -> Callable[[str], str]:
    """What replaces matches in a string.

    Args:
        regex: the regular expression.
        template: what takes the place of a match; may refer to groups.
        most: greatest number of matches to replace, from the left; 0 for all.

    Returns:
        A function from string to string; it raises Failed if a match was not found in time.

    Raises:
        Failed: the expression or the template is wrong.
    """
    return replacer(compiled(regex), template, most)


def replacer(found: Regex | str, template: str, most: int = 0) -> Callable[[str], str]:
    """The same of a compiled expression."""
    if isinstance(found, str):
        new = "".join(piece if isinstance(piece, str) else found for piece in template_parts(template, 0))
        return lambda text: text.replace(found, new, most or -1)
    pieces = template_parts(template, found.groups, tuple(found.names.items()))
    python = "".join(piece.replace("\\", r"\\") if isinstance(piece, str) else rf"\g<{piece}>" for piece in pieces)

    def replaced(text: str) -> str:
        done = found.substituted(python, text, most)
        if done is not None:
            return done
        out, start = [], 0
        for count, match in enumerate(_all(found, text), 1):
            out.append(text[start : match.start()])
            out += [piece if isinstance(piece, str) else match[piece] or "" for piece in pieces]
            start = match.end()
            if count == most:
                break
        return "".join([*out, text[start:]])

    return replaced


@lru_cache(maxsize=256)
def template_parts(template: str, groups: int, names: tuple[tuple[str, int], ...] = ()) -> tuple[str | int, ...]:
    """Java's replacement, ``$1`` and ``${name}`` as numbers of groups; a backslash takes the next sign as it is.

    Raises Failed: it is none, or names a group that does not exist.
    """
    out: list[str | int] = []
    at = 0
    while at < len(template):
        sign = template[at]
        at += 1
        if sign == "\\":
            if at == len(template):
                raise Failed(f"the replacement {template!r} ends with a single backslash")
            out.append(template[at])
            at += 1
        elif sign == "$":
            number, at = _group(template, at, groups, dict(names))
            out.append(number)
        else:
            out.append(sign)
    return tuple(out)


def _group(template: str, at: int, groups: int, names: dict[str, int]) -> tuple[int, int]:
    """The number of the group that a '$' before `at` asks for, and where its name ends."""
    if template[at : at + 1] == "{":
        end = template.find("}", at)
        name = template[at + 1 : end] if end > 0 else ""
        if name not in names:
            raise Failed(f"the replacement {template!r} asks for a group {name!r} that the expression does not have")
        return names[name], end + 1
    digits = 0
    while template[at + digits : at + digits + 1].isdigit() and template[at : at + digits + 1].isascii():
        if digits and int(template[at : at + digits + 1]) > groups:
            break
        digits += 1
    if not digits:
        raise Failed(f"the replacement {template!r} has a '$' without a group; write \\$ for the sign itself")
    number = int(template[at : at + digits])
    if number > groups:
        raise Failed(f"the replacement {template!r} asks for group {number}, of which the expression has {groups}")
    return number, at + digits
