"""String functions over whole columns of plain strings."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...core.arrow_types import rebased
from ...kernels.arrays import list_parts
from ..columns import (
    BOOL,
    DOUBLE,
    LONG,
    NUMERAL,
    TEXT,
    Ints,
    Mask,
    as_mask,
    bytes_of,
    plain,
    where,
)
from ..shapes import absent_at, digits_of, keys_of, list_of, map_parts, type_kind
from ..values import folded as folded_text
from ..values import text_of

#: Characters that Arrow and Python change alike: those of scripts to which no edition of Unicode adds letters.
_ALIKE = ((0x80, 0x17F), (0x370, 0x52F), (0x590, 0x7FF), (0x800, 0xFFF), (0x1EC0, 0x1EFF), (0x2000, 0x20BF),
          (0x3000, 0x9FFF), (0xAC00, 0xD77F), (0x1F000, 0x1FFFF))  # fmt: skip


@cache
def _odd_pairs(letters: str) -> Mask:
    """Which first two bytes of a character may be those of others, or of some letters."""
    known = {
        chr(code).encode()[:2] for first, last in _ALIKE for code in range(first, last + 1, 1 if last < 0x800 else 64)
    }
    odd = np.ones(1 << 16, dtype=bool)
    odd[[int.from_bytes(pair, "big") for pair in known - {letter.encode() for letter in letters}]] = False
    return odd


@dataclass(frozen=True, slots=True)
class _Case:
    """A change of case, as Python has it.

    Attributes:
        ascii_only, beyond: how Arrow changes strings of ASCII characters only, and others.
        exact: how Python changes a string with characters that Arrow may change otherwise.
        letters: those among :data:`_ALIKE` of which that is true.
    """

    ascii_only: Callable[[pa.Array], pa.Array]
    beyond: Callable[[pa.Array], pa.Array]
    exact: Callable[[str], str]
    letters: str = ""

    def __call__(self, values: pa.Array) -> pa.Array:
        """The strings in the other case."""
        values = rebased(values)  # Arrow's kernels are wrong where the first offset is not 0
        made, other = self.ascii_only(values), pc.invert(pc.string_is_ascii(values)).fill_null(False)
        words = values.filter(other)
        if not len(words):
            return made
        offsets, data = bytes_of(words)
        at = np.flatnonzero(data[: offsets[-1]] >= 0xC0)
        pairs = data[at].astype(np.uint16) << 8 | data[at + 1]
        odd = np.zeros(len(words), dtype=bool)
        odd[np.searchsorted(offsets, at[_odd_pairs(self.letters)[pairs]], side="right") - 1] = True
        changed = pc.if_else(pa.array(odd), where(words, odd, self.exact), self.beyond(words))
        return pc.replace_with_mask(made, other, changed)


lower = _Case(pc.ascii_lower, pc.utf8_lower, str.lower, "İΣ")
upper = _Case(pc.ascii_upper, lambda words: pc.utf8_upper(pc.replace_substring(words, "ß", "SS")), str.upper, "ŉΐΰ")
folded = _Case(pc.ascii_lower, lambda words: pc.utf8_lower(pc.utf8_upper(words)), folded_text)


_BLANKS = " \t\n\r\f\v"
#: What Python counts as white space, for a set of characters of RE2.
SPACES = r"\x09-\x0d\x1c-\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"


def trimmed(values: pa.Array, left: bool = True, right: bool = True, marks: str | None = None) -> pa.Array:
    """Without white space at the ends.

    Args:
        values: strings.
        left: whether the start is trimmed.
        right: whether the end is trimmed.
        marks: what counts as white space, the blanks of ASCII among them; by default what Python counts.

    Returns:
        The strings that are left.
    """
    kernel = pc.ascii_trim if left and right else pc.ascii_ltrim if left else pc.ascii_rtrim
    exact = str.strip if left and right else str.lstrip if left else str.rstrip
    made = kernel(values, _BLANKS)
    offsets, data = bytes_of(made)
    if not len(data):
        return made
    odd = np.zeros(len(made), dtype=bool)
    filled = np.diff(offsets) > 0
    for at in ([offsets[:-1]] if left else []) + ([offsets[1:] - 1] if right else []):
        ends = data[np.where(filled, at, 0)]
        odd |= filled & ((ends < 0x21) | (ends > 0x7E))
    return where(made, odd, lambda text: exact(text, marks))


def as_text(values: pa.Array) -> pa.Array | None:
    """Scalars as text; None for types that only the interpreter prints."""
    kind = values.type
    if kind == TEXT or pa.types.is_dictionary(kind):
        return plain(values)
    if kind == LONG:
        return values.cast(TEXT)
    if kind == BOOL:
        return pc.if_else(values, "true", "false")
    if kind == DOUBLE:
        return _printed(values)
    return digits_of(values) if kind == NUMERAL else None


def as_json(values: pa.Array) -> pa.Array | None:
    """Values as JSON without spaces, null as ``null``; None where only the interpreter prints a type among them."""
    name = type_kind(values.type)
    found: pa.Array | None = None
    if name == "null":
        return pa.array(["null"] * len(values), TEXT)
    if name == "text":
        found = _quoted(plain(values))
    elif name in ("long", "bool", "numeral", "double"):
        found = as_text(values)
    elif name == "list":
        offsets, items = list_parts(values)
        inner = as_json(items)
        found = None if inner is None else _wrapped("[", pc.binary_join(list_of(offsets, inner), ","), "]")
    elif name == "map":
        offsets, (keys, items) = map_parts(values)
        inner = as_json(items)
        if inner is not None:
            entries = pc.binary_join_element_wise(_quoted(plain(keys)), inner, ":")
            found = _wrapped("{", pc.binary_join(list_of(offsets, entries), ","), "}")
    elif name == "object":
        entries = [pa.array([""] * len(values), TEXT)]
        for key in keys_of(values.type):
            inner = as_json(values.field(key))
            if inner is None:
                return None
            entry = _wrapped(f",{json.dumps(key, ensure_ascii=False)}:", inner, "")
            absent = absent_at(values, key)
            entries.append(entry if absent is None else pc.if_else(pa.array(absent), "", entry))
        joined = pc.binary_join_element_wise(*entries, "")
        found = _wrapped("{", pc.utf8_slice_codeunits(joined, 1), "}")
    return None if found is None else pc.if_else(pc.is_valid(values), found, "null")


def _quoted(values: pa.Array) -> pa.Array:
    special = as_mask(pc.match_substring_regex(values, r'["\\\x00-\x1f]').fill_null(False))
    return _wrapped('"', where(values, special, lambda text: json.dumps(text, ensure_ascii=False)[1:-1]), '"')


def _wrapped(before: str, values: pa.Array, after: str) -> pa.Array:
    return pc.binary_join_element_wise(before, values, after, "")


def _printed(values: pa.Array) -> pa.Array:
    """Doubles as text: Arrow prints those that need no exponent as the language does, but whole ones without ``.0``."""
    size = pc.abs(values)
    usual = pc.or_(pc.and_(pc.less(size, 1e10), pc.greater_equal(size, 1e-4)), pc.equal(size, 0.0))
    made = values.cast(TEXT)
    whole = pc.and_(usual, pc.equal(pc.floor(values), values))
    if pc.any(whole).as_py():
        made = pc.binary_join_element_wise(made, pc.if_else(whole, ".0", ""), "")
    return where(made, as_mask(pc.invert(usual)), lambda text: text_of(float(text)))


def digests(words: list[bytes | None], name: str) -> pa.Array:
    """Hexadecimal digests of bytes."""
    if name == "crc32":  # in little-endian order
        sums = np.array([0 if word is None else zlib.crc32(word) for word in words], "<u4")
        null = np.array([word is None for word in words], dtype=bool)
        return made_of(np.arange(len(words) + 1) * 8, sums.tobytes().hex().encode(), null)
    make: Callable[..., Any] = getattr(hashlib, name)
    if name == "md5":  # some systems refuse it otherwise; for the others the flag costs more than the hash
        make = partial(make, usedforsecurity=False)
    return pa.array([None if word is None else make(word).hexdigest() for word in words], TEXT)


def made_of(offsets: Ints, data: Any, nulls: Mask | None) -> pa.Array:
    """A string array of its parts: offsets, bytes, and where it is null."""
    bits = None if nulls is None else pa.array(~nulls).buffers()[1]
    return pa.Array.from_buffers(
        TEXT, len(offsets) - 1, [bits, pa.py_buffer(offsets.astype(np.int32, copy=False)), pa.py_buffer(data)]
    )


def truth(values: pa.Array) -> Mask:
    """Which values hold as a condition; null does not."""
    kind = values.type
    if kind == BOOL:
        return as_mask(values)
    if kind in (LONG, DOUBLE):
        return as_mask(pc.not_equal(values, 0))
    if kind == NUMERAL:
        return as_mask(pc.match_substring_regex(digits_of(values), "[1-9]"))
    words = plain(values)
    return as_mask(pc.and_(pc.not_equal(words, ""), pc.not_equal(words, "false")))
