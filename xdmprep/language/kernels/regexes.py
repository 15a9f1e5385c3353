"""Regular expressions over whole columns: RE2 (Arrow's engine) where it gives what the interpreter gives.

Whether a text matches is the same question for both engines wherever RE2 can express the syntax tree.  What groups hold
is the same too where every group takes part in each match exactly once, and nothing that may be empty is repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...regex import Regex, RegexError, compile_java
from ...regex.tree import Alt, Capture, Chars, Node, Repeat, Seq, children, width
from ..columns import TEXT, Mask, nulls_of


@dataclass(frozen=True, slots=True)
class Test:
    """A yes-or-no question to RE2.

    Attributes:
        text: RE2's expression.
        ascii_only: whether it answers right for texts of ASCII characters only.
    """

    text: str
    ascii_only: bool

    def __call__(self, values: pa.Array) -> tuple[pa.Array, Mask | None]:
        """Whether texts match, and which must be asked of the interpreter."""
        found = pc.match_substring_regex(values, self.text)
        if not self.ascii_only:
            return found, None
        odd = pc.invert(pc.string_is_ascii(values)).fill_null(False)
        return found, np.asarray(odd) if pc.any(odd).as_py() else None


def _read(regex: str) -> Regex | None:
    try:
        return compile_java(regex)
    except RegexError:
        return None


@lru_cache(maxsize=256)
def test(regex: str, whole: bool) -> Test | None:
    """Whether all of a text, or any part of it, matches an expression of Java; None where RE2 cannot tell."""
    read = _read(regex)
    found = None if read is None else read.for_re2(whole)
    return None if found is None else Test(*found)


def literal_text(regex: str | None) -> str | None:
    """The one text that an expression matches; None for others."""
    read = None if regex is None else _read(regex)
    if read is None:
        return None
    parts = read.tree.parts if isinstance(read.tree, Seq) else (read.tree,)
    codes = [part.set.single if isinstance(part, Chars) else None for part in parts]
    return None if None in codes else "".join(chr(code) for code in codes if code is not None)


@dataclass(frozen=True, slots=True)
class Extraction:
    """A first match and its groups by RE2: its expression, with groups ``g0``, ``g1``..., and how many they are."""

    text: str
    groups: int


@lru_cache(maxsize=256)
def extraction(regex: str) -> Extraction | None:
    """The extraction of an expression of Java; None where RE2 might find something else."""
    read = _read(regex)
    if read is None or not _one_way(read.tree):
        return None
    found = read.for_re2(whole=False, captures=True)
    return None if found is None or found[1] else Extraction(found[0], read.groups)


@lru_cache(maxsize=256)
def replaceable(regex: str) -> str | None:
    """An expression of Java as RE2 finds it again and again in a text; None where RE2 might find something else."""
    read, found = _read(regex), extraction(regex)
    return None if read is None or found is None or width(read.tree)[0] == 0 else found.text


def _one_way(tree: Node) -> bool:
    """Whether every group takes part once in each match, and nothing that may be empty is repeated."""

    def fits(node: Node, sure: bool) -> bool:
        if isinstance(node, Capture) and not sure:
            return False
        if isinstance(node, Repeat) and (width(node.body)[0] == 0 or node.most == 0):
            return False
        return all(fits(inner, sure and not isinstance(node, Alt | Repeat)) for inner in children(node))

    return fits(tree, True)


def extracted(values: pa.Array, regex: Extraction, absent: bool) -> pa.Array:
    """Lists of the first match and its groups; where there is none an empty list, or null if `absent`."""
    found = pc.extract_regex(values, regex.text)
    hit = ~nulls_of(found)
    rows = np.flatnonzero(hit)
    width, n = regex.groups + 1, len(values)
    parts = pa.concat_arrays([part.cast(TEXT) for part in found.flatten()])
    flat = parts.take(pa.array((rows[:, None] + np.arange(width) * n).ravel()))
    offsets = np.concatenate([[0], np.cumsum(hit * width)]).astype(np.int32)
    nulls = ~hit if absent else nulls_of(values)
    return pa.ListArray.from_arrays(pa.array(offsets), flat, mask=pa.array(nulls))
