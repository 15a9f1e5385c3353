"""Regular expressions over whole columns: RE2 (Arrow's engine) where it gives what the interpreter gives.

Both engines agree on whether a string matches wherever RE2 can express the syntax tree.  They agree on groups as well
where every group takes part in each match exactly once and nothing that may be empty is repeated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...kernels.arrays import offsets_of
from ...regex import Regex, RegexError, compile_java
from ...regex.charset import ASCII, CharSet
from ...regex.emit import Beyond, re2
from ...regex.ends import LINE_ENDS, in_one_line, without_anchors, without_open_ends
from ...regex.engine import taken
from ...regex.tree import Alt, Begin, Border, Capture, Chars, End, Look, Node, Repeat, Seq, children, seq, walk, width
from ..columns import TEXT, Mask, as_mask, merged, nulls_of, some, used_bytes
from ..matching import template_parts
from ..shapes import list_of
from ..values import Failed


@dataclass(frozen=True, slots=True)
class Test:
    """Yes-or-no questions to RE2.

    Attributes:
        texts: RE2's expressions, and whether each is to match.
        ascii_only, one_line: whether they answer right for strings of ASCII characters, or without line ends, only.
        beyond: the questions where some string is another.
    """

    texts: tuple[tuple[str, bool], ...]
    ascii_only: bool = False
    one_line: bool = False
    beyond: Test | None = None

    def __call__(self, values: pa.Array) -> tuple[pa.Array, Mask | None]:
        """Whether strings match, and which the interpreter must decide."""
        odd, found = beyond(values, self.ascii_only, self.one_line), None
        if odd is not None and self.beyond is not None:
            return self.beyond(values)
        for text, holds in self.texts:
            one = pc.match_substring_regex(values, text)
            one = one if holds else pc.invert(one)
            found = one if found is None else pc.and_(found, one)
        return found, odd


def beyond(values: pa.Array, ascii_only: bool, one_line: bool) -> Mask | None:
    """Which strings have other characters than ASCII's, or line ends, where that is asked for."""
    found: Mask | None = None
    if ascii_only:
        found = some(as_mask(pc.invert(pc.string_is_ascii(values))))
    if one_line:
        data = used_bytes(values).tobytes()
        if any(all(byte in data for byte in end) for end in _LINE_ENDS):
            found = merged(found, some(as_mask(pc.match_substring_regex(values, _LINE_END))))
    return found


_LINE_END, _LINE_ENDS = re2(Chars(LINE_ENDS)), [chr(code).encode() for code in LINE_ENDS]


def _read(regex: str) -> Regex | None:
    try:
        return compile_java(regex)
    except RegexError:
        return None


@lru_cache(maxsize=256)
def test(regex: str, whole: bool) -> Test | None:
    """Whether all of a string, or any part of it, matches an expression of Java; None where RE2 cannot tell."""
    read = _read(regex)
    if read is None:
        return None
    found = read.for_re2(whole)
    if found is None:
        return _ahead(read) if whole else None
    usual = Test(((found[0], True),), found[1])
    rest = without_open_ends(read.tree) if whole else None
    if rest is None:
        return usual
    text, narrow = _emitted(rest)
    return Test(((text, True),), narrow, True, usual) if taken(text) else usual


def _ahead(read: Regex) -> Test | None:
    """A test of all of a string by an expression that begins with looks ahead: each is a question of its own."""
    tree = in_one_line(read.tree)
    parts: list[Node] = [*tree.parts] if isinstance(tree, Seq) else [tree]
    texts = []
    ascii_only = False
    try:
        while parts and (isinstance(parts[0], Begin) or (isinstance(parts[0], Look) and parts[0].ahead)):
            first = parts.pop(0)
            if isinstance(first, Look):
                asked, narrow = _emitted(first.body)
                texts.append((rf"\A(?:{asked})", not first.negative))
                ascii_only |= narrow
        asked, narrow = _emitted(without_anchors(seq(parts)))
    except Beyond:
        return None
    texts.append((rf"\A(?:{asked})\z", True))
    return Test(tuple(texts), ascii_only or narrow, True) if all(taken(text) for text, _ in texts) else None


def _emitted(node: Node) -> tuple[str, bool]:
    """RE2's expression of a node, and whether it serves strings of ASCII characters only.
    Raises Beyond: none exists."""
    try:
        return re2(node), False
    except Beyond:
        return re2(node, ascii_only=True), True


def literal_text(regex: str | None) -> str | None:
    """The one string that an expression matches; None for others."""
    read = None if regex is None else _read(regex)
    if read is None:
        return None
    parts = read.tree.parts if isinstance(read.tree, Seq) else (read.tree,)
    codes = [part.set.single if isinstance(part, Chars) else None for part in parts]
    return None if None in codes else "".join(chr(code) for code in codes if code is not None)


@lru_cache(maxsize=256)
def border(regex: str) -> list[Mask] | None:
    """The bytes between which an expression of looks at single characters matches, such as ``(?<=[a-z])(?=[A-Z])``.

    None for others.
    """
    read = _read(regex)
    parts = () if read is None else read.tree.parts if isinstance(read.tree, Seq) else (read.tree,)
    found = [np.ones(256, dtype=bool), np.ones(256, dtype=bool)]
    for part in parts:
        if not (isinstance(part, Look) and isinstance(part.body, Chars) and not part.negative):
            return None
        beyond_ascii = part.body.set - ASCII
        if beyond_ascii and len(beyond_ascii) < len(~ASCII):
            return None
        found[part.ahead] &= np.array(
            [byte in part.body.set if byte < 128 else bool(beyond_ascii) for byte in range(256)]
        )
    return None if read is None else found


@lru_cache(maxsize=256)
def one_of(regex: str) -> tuple[bytes, bool] | None:
    """The characters of which an expression such as ``[|,]`` matches one, and whether those that follow too (``\\s+``).

    None for others.
    """
    tree, many = None if (read := _read(regex)) is None else read.tree, False
    if isinstance(tree, Repeat) and (tree.least, tree.most) == (1, None) and tree.kind != "lazy":
        tree, many = tree.body, True
    if not isinstance(tree, Chars) or tree.set - ASCII:
        return None
    return bytes(code for code in range(128) if code in tree.set), many


@dataclass(frozen=True, slots=True)
class Search:
    """First matches, or all, by RE2.

    Attributes:
        text: RE2's expression, with groups ``g0``, ``g1``..., and ``before`` in front of them for a look-behind.
        groups: how many groups there are besides the whole.
        unsure: groups that need not take part in a match; what they match is not empty.
        empty: whether a match may be empty.
        local: whether a match is independent of the characters around it.
        behind: whether there is a group ``before``; matches are found one after the other only if they are `apart`.
        ascii_only, one_line: whether it serves strings of ASCII characters, or without line ends, only.
    """

    text: str
    groups: int
    unsure: tuple[int, ...]
    empty: bool
    local: bool
    ascii_only: bool
    one_line: bool
    behind: bool = False
    apart: bool = True

    def beyond(self, values: pa.Array) -> Mask | None:
        """Which strings the interpreter must decide."""
        return beyond(values, self.ascii_only, self.one_line)


@lru_cache(maxsize=256)
def search(regex: str) -> Search | None:
    """The search for an expression of Java; None where RE2 might find something else."""
    read = _read(regex)
    if read is None:
        return None
    tree = in_one_line(read.tree)
    one_line = tree != read.tree
    before, tree = _look_behind(tree)
    unsure = _unsure(tree)
    found = replace(read, tree=tree).for_re2(whole=False, captures=True, one_line=one_line)
    if found is None or unsure is None:
        return None
    text, ascii_only = found
    empty, nodes = width(tree)[0] == 0, walk(tree)
    local = not any(isinstance(node, Begin | End | Border) for node in nodes)
    if before is None:
        return Search(text, read.groups, unsure, empty, local, ascii_only, one_line)
    prefix, narrow = _emitted(before)
    signs = CharSet.of([each for node in walk(before) if isinstance(node, Chars) for each in node.set.ranges])
    apart = not empty and not any(isinstance(node, Chars) and node.set & signs for node in nodes)
    text = f"(?P<before>{prefix}){text}"
    return Search(text, read.groups, unsure, empty, False, ascii_only or narrow, one_line, True, apart)


def _look_behind(tree: Node) -> tuple[Node | None, Node]:
    """What to match before a tree that begins with a look at the character before, and the tree without the look."""
    match tree:
        case Seq((Look(Chars(some), False, negative), *rest)) if rest:
            return Alt((Begin(), Chars(~some))) if negative else Chars(some), seq(rest)
    return None, tree


def _unsure(tree: Node) -> tuple[int, ...] | None:
    """Groups that need not take part in a match.

    None where the engines may differ: a group that may match the empty text is among them, or is inside what is
    repeated; or what may be empty is repeated.
    """
    found: list[int] = []

    def fits(node: Node, sure: bool) -> bool:
        if isinstance(node, Capture) and not sure:
            if width(node.body)[0] == 0:
                return False
            found.append(node.number)
        if isinstance(node, Repeat):
            if width(node.body)[0] == 0 or node.most == 0:
                return False
            if node.most != 1 and any(isinstance(inner, Capture) for inner in walk(node.body)):
                return False
        return all(fits(inner, sure and not isinstance(node, Alt | Repeat)) for inner in children(node))

    return tuple(found) if fits(tree, True) else None


@lru_cache(maxsize=256)
def replacement(regex: str, template: str) -> tuple[Search, str] | None:
    """The search for an expression of Java, and what RE2 puts in place of its matches; None where RE2 may not do it."""
    read, found = _read(regex), search(regex)
    if read is None or found is None:
        return None
    try:
        parts = template_parts(template, read.groups, tuple(read.names.items()))
    except Failed:
        return None
    shift = 1 + found.behind  # the whole match is a group of its own
    if not found.apart or any(isinstance(part, int) and part + shift > 9 for part in parts):
        return None
    new = "".join(part.replace("\\", r"\\") if isinstance(part, str) else f"\\{part + shift}" for part in parts)
    return found, r"\1" * found.behind + new


def extracted(values: pa.Array, regex: Search, absent: bool) -> pa.Array:
    """Lists of the first match and its groups; where none exists an empty list, or null if `absent`."""
    found = pc.extract_regex(values, regex.text)
    hit = ~nulls_of(found)
    rows = np.flatnonzero(hit)
    width, n = regex.groups + 1, len(values)
    pieces = [part.cast(TEXT) for part in found.flatten()[-width:]]
    for group in regex.unsure:
        pieces[group] = pc.if_else(pc.equal(pieces[group], ""), None, pieces[group])
    parts = pa.concat_arrays(pieces)
    flat = parts.take(pa.array((rows[:, None] + np.arange(width) * n).ravel()))
    return list_of(offsets_of(hit * width), flat, ~hit if absent else nulls_of(values))
