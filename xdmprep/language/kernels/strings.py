"""Kernels on strings: case, spaces, pieces, padding, splitting and joining, hashes, regular expressions, random ids."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...kernels.arrays import list_parts, offsets_of, owners_of, ranges, sieved
from ..columns import (
    LONG,
    TEXT,
    Column,
    Ints,
    Mask,
    as_mask,
    bytes_of,
    marked,
    merged,
    nulls_of,
    numpy_of,
    plain,
    some,
)
from ..functions.strings import encoded
from ..shapes import list_of, stacked
from ..values import CONTROLS, WHITE
from . import regexes, texts
from .equality import same
from .table import Constants, Made, Rows, as_printed, kernel, kind, need, needed


def _alone(rows: Rows, *given: Any, run: Callable[..., Any]) -> Any:
    """What follows from the arguments alone."""
    return run(*given)


for _name, _takes, _run in (
    ("lower", "text", texts.lower),
    ("upper", "text", texts.upper),
    ("trim", "text", texts.trimmed),
    ("ltrim", "text", partial(texts.trimmed, right=False)),
    ("rtrim", "text", partial(texts.trimmed, left=False)),
    ("equals", "text text", same),
    ("equalsIgnoreCase", "text text", lambda value, other: same(texts.folded(value), texts.folded(other))),
    (".toLowerCase", "words", texts.lower),
    (".toUpperCase", "words", texts.upper),
    (".trim", "words", partial(texts.trimmed, marks=CONTROLS)),
    (".strip", "words", partial(texts.trimmed, marks=WHITE)),
    (".length", "words", lambda values: pc.utf8_length(values).cast(LONG)),
    (".isBlank", "words", lambda values: pc.equal(texts.trimmed(values, marks=WHITE), "")),
    # to Java's concat null is the word null
    (".concat", "words words", lambda value, other: pc.binary_join_element_wise(value, other.fill_null("null"), "")),
    (".equals", "any any", lambda value, other: ~nulls_of(value.values) & same(value.values, other.values)),
    (".equalsIgnoreCase", "words words",
     lambda value, other: pc.equal(texts.folded(value), texts.folded(other)).fill_null(False)),
):  # fmt: skip
    kernel(_name, _takes, run=_run)(_alone)


@kernel(".toString", "any")
def to_string(rows: Rows, value: Column) -> Made:
    return as_printed(rows, value)


@kernel("concat", "any*")
def concat(rows: Rows, *given: Column) -> Made:
    reading = rows.options.concat_null
    parts: list[Any] = []
    opened: list[Mask | None] = []
    for column in given:
        if isinstance(column, Constants) and isinstance(column.value, str):
            parts.append(pa.scalar(column.value, TEXT))
            continue
        if kind(column) == "null" and reading == "skip":
            continue
        made = as_printed(rows, column)
        parts.append(plain(made.values))
        opened.append(made.open)
    if all(isinstance(part, pa.Scalar) for part in parts):
        parts = [pa.repeat("", rows.n), *parts]
    words = {"skip": ("replace", ""), "text": ("replace", "null"), "null": ("emit_null", "")}[reading]
    values = pc.binary_join_element_wise(*parts, "", null_handling=words[0], null_replacement=words[1])
    return Column(values, merged(*opened))


@kernel("replacestr", "text fixed fixed")
def replacestr(rows: Rows, values: pa.Array, find: Any, new: Any) -> pa.Array:
    if find is None or find == "":
        return values
    need(isinstance(find, str) and isinstance(new, str | None))
    return pc.replace_substring(values, find, new or "", max_replacements=None if rows.options.replace == "all" else 1)


@kernel(".replace", "words fixed fixed")
def replace_method(rows: Rows, values: pa.Array, old: Any, new: Any) -> pa.Array:
    need(isinstance(old, str) and old and isinstance(new, str))
    return pc.replace_substring(values, old, new)


# Pieces of strings


def _piece(
    rows: Rows, values: pa.Array, *given: Column, bounds: Callable[..., tuple[Any, Any]], inside: bool = False
) -> Column:
    """The characters between bounds that follow from the size and from numbers; `inside`: only within the string."""
    need(rows.options.overrun != "error")
    size, absent = numpy_of(pc.utf8_length(values).cast(LONG)), nulls_of(values)
    odd = np.zeros(rows.n, dtype=bool)
    numbers: list[Any] = []
    for column in given:
        numbers.append(np.clip(numpy_of(column.values), -1, 2**31))
        odd |= (numbers[-1] < 0) | nulls_of(column.values)
    fixed = [min(column.value, 2**31) for column in given if isinstance(column, Constants)]
    first, last = bounds(size, *(fixed if len(fixed) == len(given) else numbers))
    odd = (odd | inside & ((first > last) | (last > size))) & ~absent
    if isinstance(first, int) and (last is size or (isinstance(last, int) and 0 <= first <= last)):
        return Column(pc.utf8_slice_codeunits(values, first, None if last is size else last), some(odd))
    first = np.clip(first, 0, size)
    places = np.stack([np.zeros_like(first), first, np.clip(last, first, size)], axis=1)
    offsets, data = bytes_of(values)
    begins = offsets[:-1] - offsets[0]
    rest = np.flatnonzero(data[offsets[0] : offsets[-1]].view(np.int8) < -64)  # bytes that begin no character
    places += (begins - np.searchsorted(rest, begins))[:, None]
    places += np.searchsorted(rest - np.arange(len(rest)), places, side="right") + offsets[0]
    parts = texts.made_of(np.append(places, offsets[-1]), data, None)
    return Column(parts.take(pa.array(np.arange(1, len(parts), 3), mask=absent | odd)), some(odd))


for _names, _takes, _bounds in (
    ("substr", "text whole whole?", lambda size, at, count=2**31: (at, at + count)),
    ("left", "text whole", lambda size, count: (0, count)),
    ("right", "text whole", lambda size, count: (size - count, size)),
    (".substring", "words whole whole?", lambda size, at, end=None: (at, size if end is None else end)),
    (".charAt", "words whole", lambda size, at: (at, at + 1)),
):
    kernel(_names, _takes, bounds=_bounds, inside=_names[0] == ".")(_piece)


#: Of so many hits each is searched behind the one before.
_MOST_HITS = 8


@kernel("instr", "text fixed fixed? fixed?")
def instr(rows: Rows, values: pa.Array, what: Any, start: Any = None, occurrence: Any = None) -> pa.Array:
    """The place of a part from a place on; -1, or null, where it is not."""
    times = 1 if occurrence is None else occurrence
    need(type(times) is int and 0 < times <= _MOST_HITS and type(start) in (int, type(None)))
    at = min(max(start or 0, 0), 2**31)
    found = _after(at, place_of(pc.utf8_slice_codeunits(values, at) if at else values, what))
    for _ in range(times - 1):
        rest = _piece(rows, values, Column(pc.add(found, 1)), bounds=lambda size, at: (at, size))
        found = pc.if_else(pc.less(found, 0), -1, _after(pc.add(found, 1), place_of(rest.values, what)))
    return pc.if_else(pc.less(found, 0), None, found) if rows.options.not_found == "null" else found


def _after(at: Any, found: pa.Array) -> pa.Array:
    """Places, counted from another one; -1 stays."""
    return pc.if_else(pc.less(found, 0), -1, pc.add(found, at))


@kernel(".lastIndexOf", "words fixed")
def last_index_of(rows: Rows, values: pa.Array, what: Any) -> pa.Array:
    return place_of(values, what, last=True)


def place_of(values: pa.Array, what: Any, last: bool = False) -> pa.Array:
    """The place of a literal part in characters, -1 where it is not."""
    need(isinstance(what, str) and what)
    before = pc.list_element(pc.split_pattern(values, what, max_splits=1, reverse=last), 0)
    return pc.if_else(pc.match_substring(values, what), pc.utf8_length(before), -1).cast(LONG)


@kernel("lpad", "text whole text", pad=pc.utf8_lpad)
@kernel("rpad", "text whole text", pad=pc.utf8_rpad)
def _padded(rows: Rows, values: pa.Array, size: Column, fill: pa.Array, pad: Callable[..., pa.Array]) -> Made:
    """A string padded to a size; what it is padded with is repeated and cut."""
    sizes, fill = numpy_of(size.values), pc.if_else(pc.equal(fill, ""), " ", fill).fill_null(" ")
    odd = nulls_of(size.values) | (sizes > 1_000_000)
    sizes = np.where(odd, 0, np.maximum(sizes, 0))
    if rows.options.pad_long == "cut":
        values = _head(rows, values, sizes)
    lengths, signs = numpy_of(pc.utf8_length(fill)), fill.unique()
    if isinstance(size, Constants) and len(signs) == 1 == lengths[0]:
        return Column(pad(values, sizes[0], signs[0].as_py()), some(odd & ~nulls_of(values)))
    lacking = np.maximum(sizes - numpy_of(pc.utf8_length(values)), 0)
    need(lacking.sum() < 2**28)
    padding = _head(rows, pc.binary_repeat(fill, pa.array(-(-lacking // lengths))), lacking)
    parts = (padding, values) if pad is pc.utf8_lpad else (values, padding)
    return Column(pc.binary_join_element_wise(*parts, ""), some(odd & ~nulls_of(values)))


def _head(rows: Rows, values: pa.Array, counts: Ints) -> pa.Array:
    return _piece(rows, values, Column(pa.array(counts)), bounds=lambda size, count: (0, count)).values


# Splitting and joining


@kernel("explode", "text fixed?")
def explode(rows: Rows, values: pa.Array, regex: Any = None) -> Made:
    return _cut(values, "," if regex is None else regex)


def _cut(values: pa.Array, regex: Any) -> Column:
    """The parts between matches, the empty ones too."""
    need(isinstance(regex, str))
    separator = regexes.literal_text(regex)
    if separator:
        return Column(pc.split_pattern(values, separator))
    if (border := regexes.border(regex)) is not None:
        return Column(_cut_between(values, *border))
    if (marks := regexes.one_of(regex)) is not None:
        return Column(_cut_at(values, *marks))
    found = needed(regexes.search(regex))
    need(not found.empty and found.local)
    return Column(pc.split_pattern_regex(values, found.text), found.beyond(values))


def _cut_between(values: pa.Array, before: Mask, behind: Mask) -> pa.Array:
    """The parts of strings, cut between some bytes and others; the strings are not copied."""
    offsets, data = bytes_of(values)
    inside = data[offsets[0] : offsets[-1]]
    cuts = np.flatnonzero(behind[inside]) if before.all() else np.flatnonzero(before[inside[:-1]]) + 1
    signs = inside[cuts]
    cuts = cuts[behind[signs] & (signs & 0xC0 != 0x80)] + offsets[0]  # where a character begins
    cuts = cuts[offsets[np.searchsorted(offsets, cuts)] != cuts]
    starts = np.sort(np.concatenate([offsets[:-1], cuts]), kind="stable")
    parts = texts.made_of(np.append(starts, offsets[-1]), data, None)
    return list_of(np.arange(len(offsets)) + np.searchsorted(cuts, offsets), parts, nulls_of(values))


def _cut_at(values: pa.Array, marks: bytes, many: bool) -> pa.Array:
    """The parts of strings between some characters of ASCII, each by itself or as many as follow each other."""
    offsets, data = bytes_of(values)
    inside, offsets = data[offsets[0] : offsets[-1]].tobytes(), offsets - offsets[0]
    hits = np.flatnonzero(np.frombuffer(inside.translate(bytes(byte in marks for byte in range(256))), np.bool_))
    last, before = np.ones(len(hits), dtype=bool), np.searchsorted(hits, offsets)
    if many:
        last[:-1] = (np.diff(hits) > 1) | (np.diff(owners_of(before)) > 0)
    ends = np.flatnonzero(last)
    bounds = np.sort(np.concatenate([offsets - before, hits[ends] - ends]), kind="stable")
    parts = texts.made_of(bounds, inside.translate(None, marks), None)
    return list_of(np.arange(len(offsets)) + np.searchsorted(ends, before), parts, nulls_of(values))


@kernel(".split", "words fixed")
def split_method(rows: Rows, values: pa.Array, regex: Any) -> Made:
    """``text.split(regex)``: empty parts at the end go, unless there is one part only."""
    found = _cut(values, regex)
    offsets, parts = list_parts(found.values)
    starts, count = offsets[:-1], np.diff(offsets)
    owners = owners_of(offsets)
    filled = np.flatnonzero(as_mask(pc.not_equal(parts, "")))
    last = starts.astype(np.int64) - 1
    last[owners[filled]] = filled  # of several the last is written last
    length = np.where(count == 1, 1, last - starts + 1)
    kept = np.arange(len(parts)) < (starts + length)[owners]
    ends = offsets_of(np.where(count == 0, 0, length))
    return Column(list_of(ends, parts if kept.all() else parts.filter(pa.array(kept)), nulls_of(values)), found.open)


@kernel("split", "text fixed?")
def split(rows: Rows, values: pa.Array, marks: Any = None) -> pa.Array:
    need(marks is None or (isinstance(marks, str) and marks))
    for mark in marks[1:] if marks else "":
        values = pc.replace_substring(values, mark, marks[0])
    made = pc.split_pattern(values, marks[0]) if marks else pc.utf8_split_whitespace(values)
    offsets, parts = list_parts(made)
    offsets, parts = sieved(offsets, as_mask(pc.not_equal(parts, "")), parts)
    return list_of(offsets, parts, nulls_of(values))


@kernel("join", "fixed any any*")
def join(rows: Rows, separator: Any, *given: Column) -> Made:
    need(isinstance(separator, str | None))
    between = separator or ""
    if len(given) == 1:
        return joined(rows, between, given[0].values) if kind(given[0]) == "list" else as_printed(rows, given[0])
    made = [as_printed(rows, column) for column in given]
    found = _joined(rows, between, interleaved(rows.n, [column.values for column in made]))
    return Column(found, merged(*[column.open for column in made]))


def joined(rows: Rows, between: str, lists: pa.Array) -> Made:
    """The elements of each list with a separator between them."""
    offsets, items = list_parts(lists)
    printed = as_printed(rows, Column(items))
    odd = None if printed.open is None else marked(rows.n, owners_of(offsets)[printed.open])
    return Column(_joined(rows, between, list_of(offsets, printed.values, nulls_of(lists))), odd)


def _joined(rows: Rows, between: str, lists: pa.Array) -> pa.Array:
    offsets, words = list_parts(lists)
    if words.null_count and rows.options.join_null == "skip":
        offsets, words = sieved(offsets, ~nulls_of(words), words)
    words = words.fill_null("null" if rows.options.join_null == "text" else "")
    return pc.binary_join(list_of(offsets, words, nulls_of(lists)), between)


def interleaved(n: int, columns: Sequence[pa.Array]) -> pa.Array:
    """Lists of one value a column, row by row."""
    width = len(columns)
    if not width:
        return list_of(np.zeros(n + 1), pa.nulls(0))
    at = np.arange(width * n).reshape(width, n).ravel(order="F")
    return list_of(np.arange(n + 1) * width, stacked(columns).take(pa.array(at)))


def behind(lists: Sequence[tuple[Ints, pa.Array]]) -> pa.Array:
    """The elements of all lists of a row, one list behind the other."""
    lengths = np.stack([np.diff(offsets) for offsets, _ in lists], axis=1)
    bases = offsets_of([len(items) for _, items in lists])[:-1]
    starts = np.stack([offsets[:-1] for offsets, _ in lists], axis=1) + bases
    at = ranges(starts.ravel(), lengths.ravel())
    return list_of(offsets_of(lengths.sum(axis=1)), stacked([items for _, items in lists]).take(pa.array(at)))


# Hashes, comparisons, regular expressions


def _hash(rows: Rows, values: pa.Array, charset: Any = None, name: str = "") -> pa.Array:
    """Digest of the encoded bytes."""
    if charset is None or (isinstance(charset, str) and charset.lower() in ("utf-8", "utf8")):
        return texts.digests(values.cast(pa.binary()).to_pylist(), name)
    return texts.digests([None if word is None else encoded(word, charset) for word in values.to_pylist()], name)


for _name in ("sha1", "sha256", "sha512", "md5", "crc32"):
    kernel(_name, "text fixed?", name=_name)(_hash)


@kernel("matches_regex", "text fixed")
def matches_regex(rows: Rows, values: pa.Array, regex: Any) -> Made:
    """Whether strings match a regular expression that means the same to both engines."""
    return matched(values, regex, rows.options.matches == "whole")


kernel(".matches", "words fixed", run=lambda values, regex: matched(values, regex))(_alone)


def matched(values: pa.Array, regex: Any, whole: bool = True) -> Column:
    """Whether all of each string, or any part of it, matches a regular expression; a constant string will do."""
    need(isinstance(regex, str))
    return Column(*needed(regexes.test(regex, whole))(values))


@kernel(".replaceAll", "words fixed fixed", most=None)
@kernel(".replaceFirst", "words fixed fixed", most=1)
def _replacing(rows: Rows, values: pa.Array, regex: Any, new: Any, most: int | None) -> Made:
    """Hits of a regular expression replaced by a string, and parts of them."""
    need(isinstance(regex, str) and isinstance(new, str))
    found, template = needed(regexes.replacement(regex, new))
    need(not found.empty or not new or most == 1)  # of empty matches beside others the engines find not the same
    try:
        made = pc.replace_substring_regex(values, found.text, template, max_replacements=most)
    except pa.ArrowInvalid:  # it cannot replace some empty matches, such as \\b
        return None
    return Column(made, found.beyond(values))


@kernel("extract_regex", "text fixed")
def extract_regex(rows: Rows, values: pa.Array, regex: Any) -> Made:
    need(isinstance(regex, str))
    found = needed(regexes.search(regex))
    return Column(regexes.extracted(values, found, rows.options.no_match == "null"), found.beyond(values))


@kernel("=^", "text fixed", test=pc.starts_with, null=False)
@kernel("!^", "text fixed", test=pc.starts_with, null=False, no=True)
@kernel("=$", "text fixed", test=pc.ends_with, null=False)
@kernel("!$", "text fixed", test=pc.ends_with, null=False, no=True)
@kernel(".startsWith", "words fixed", test=pc.starts_with)
@kernel(".endsWith", "words fixed", test=pc.ends_with)
def _tested(
    rows: Rows, values: pa.Array, part: Any, test: Callable[[pa.Array, str], pa.Array], null: bool | None = None,
    no: bool = False,
) -> pa.Array:  # fmt: skip
    """Whether a string has a start or an end, or, with `no`, has not; `null` is what null gives before that."""
    need(isinstance(part, str))
    held = test(values, part)
    held = held if null is None else held.fill_null(null)
    return pc.invert(held) if no else held


@kernel("uuid")
def uuid(rows: Rows) -> Made:
    """Random UUIDs of version 4; with a seed, the interpreter draws them row by row."""
    need(rows.options.seed is None)
    n = rows.n
    digits = np.frombuffer(os.urandom(16 * n).hex().encode(), np.uint8).reshape(n, 32)
    out = np.full((n, 36), ord("-"), dtype=np.uint8)
    for start, end, at in ((0, 8, 0), (8, 12, 9), (12, 16, 14), (16, 20, 19), (20, 32, 24)):
        out[:, at : at + end - start] = digits[:, start:end]
    out[:, 14] = ord("4")
    out[:, 19] = np.frombuffer(b"89ab", np.uint8)[np.frombuffer(os.urandom(n), np.uint8) & 3]
    return Column(texts.made_of(np.arange(n + 1) * 36, out.tobytes(), None))
