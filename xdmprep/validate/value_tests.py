"""Tests of values, each in two forms: on one Python value, and on a whole Arrow column.

`value` says whether a value fits.  `positions` gives the positions of a column that do not fit, None when all do; it
first asks a kernel "all fine?" and looks for positions only when something failed.  Nulls are absent values and never
fail.  Text columns may be dictionary-encoded: the dictionary is tested, each distinct value once.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import kernels as loops
from ..core.arrow_types import doubles, holds_text
from ..core.shred import plain, slots
from ..kernels.arrays import Mask, Positions, text_bytes
from ..kernels.interface import Automaton
from ..regex import compile_ecma, compile_java
from ..regex.dfa import automaton
from ..schema.types import is_finite
from .arrow_kinds import as_json
from .equality import hashable, is_multiple
from .formats import FORMATS, SCREENS
from .patterns import SchemaPattern

#: Positions of a column that fail, None if there are none.
ColumnTest = Callable[[pa.Array], "Positions | None"]

_DAY = 86_400

#: Most verdicts on single strings that a test remembers, and the largest length of such a string.
REMEMBER, REMEMBER_LENGTH = 65_536, 1_024


class ValueTest:
    """A test of values."""

    def value(self, value: Any) -> bool:
        """Whether a value fits."""
        raise NotImplementedError

    def plain(self, array: pa.Array) -> Positions | None:
        """The positions of a column without a dictionary that do not fit, None if all do."""
        raise NotImplementedError

    def positions(self, array: pa.Array) -> Positions | None:
        """The positions of a column that do not fit, None if all do."""
        return on_dictionary(self.plain, array) if isinstance(array, pa.DictionaryArray) else self.plain(array)

    def holds_all(self, kind: pa.DataType) -> bool:
        """Whether all values of an Arrow type fit."""
        return False


# ---- helpers --------------------------------------------------------------------------------------------------------


def failing(fine: pa.Array) -> Positions | None:
    """Positions where `fine` is False, None if there are none."""
    if pc.all(fine).as_py() is not False:
        return None
    return np.flatnonzero(~np.asarray(fine.fill_null(True).to_numpy(zero_copy_only=False), dtype=bool))


def positions_of(mask: Mask) -> Positions | None:
    """Positions where `mask` is True, None if there are none."""
    found = np.flatnonzero(mask)
    return found if len(found) else None


def on_dictionary(test: ColumnTest, array: pa.DictionaryArray) -> Positions | None:
    """Apply a test of plain columns to a dictionary-encoded one."""
    bad = test(array.dictionary)
    if bad is None:
        return None
    size = len(array.dictionary)
    fails = np.zeros(size + 1, dtype=bool)
    fails[bad] = True
    indices = array.indices if array.indices.null_count == 0 else array.indices.fill_null(size)
    return positions_of(fails[np.asarray(indices)])


def one_by_one(fits: Callable[[str], bool], remember: int = REMEMBER) -> ColumnTest:
    """A test that checks each distinct string once in Python, and remembers some verdicts."""
    known: dict[str, bool] = {}

    def test(array: pa.Array) -> Positions | None:
        distinct = array.unique().to_pylist()
        bad = []
        for text in distinct:
            if text is None:
                continue
            answer = known.get(text)
            if answer is None:
                answer = fits(text)
                if len(known) < remember and len(text) <= REMEMBER_LENGTH:
                    known[text] = answer
            if not answer:
                bad.append(text)
        if not bad:
            return None
        if len(bad) == len(distinct):
            return np.arange(len(array), dtype=np.int64)
        return _among(bad, array)

    return test


def not_accepted(machine: Automaton | None, array: pa.Array, test: ColumnTest) -> Positions | None:
    """The failures of a test among the strings that an automaton does not accept; without one, among all."""
    if machine is None or not pa.types.is_string(array.type):
        return test(array)
    return among_these(loops.active.not_accepted(array, machine), array, test)


def among_these(some: Positions | None, array: pa.Array, test: ColumnTest) -> Positions | None:
    """Which of some positions fail a test; None for none."""
    if some is None:
        return None
    bad = test(array if len(some) == len(array) else array.take(pa.array(some)))
    return None if bad is None else some[bad]


def _among(values: list[Any], array: pa.Array) -> Positions | None:
    return failing(pc.invert(pc.is_in(array, pa.array(values, array.type))))


def longest(array: pa.Array) -> int:
    """Upper bound of the length of the strings of a column (plain or dictionary-encoded), in bytes."""
    if isinstance(array, pa.DictionaryArray):
        return longest(array.dictionary)
    if pa.types.is_string(array.type):
        return loops.active.text_sizes(array, True)[1]
    return int(pc.max(pc.binary_length(array)).as_py() or 0)


def _shortest(array: pa.Array) -> int:
    """Lower bound of the length of the strings that are not null, in bytes; any number if all are null."""
    if not pa.types.is_string(array.type) or array.null_count == len(array):
        low: int | None = pc.min(pc.binary_length(array)).as_py()
        return 1 << 62 if low is None else low
    return loops.active.text_sizes(array)[0]


# ---- strings --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Length(ValueTest):
    """Strings of `least` to `most` code points."""

    least: int = 0
    most: int | None = None

    def value(self, value: str) -> bool:
        return len(value) >= self.least and (self.most is None or len(value) <= self.most)

    def holds_all(self, kind: pa.DataType) -> bool:
        """Dates and times are never empty."""
        return self.least <= 1 and self.most is None and pa.types.is_temporal(kind)

    def plain(self, array: pa.Array) -> Positions | None:
        # bytes >= characters >= bytes / 4, so most columns are decided by the bytes
        if (self.most is None or longest(array) <= self.most) and (
            not self.least or _shortest(array) >= max(4 * self.least - 3, 1)
        ):
            return None
        return Range(self.least, self.most).plain(pc.utf8_length(array))


class NoNul(ValueTest):
    """Strings without a NUL character."""

    def value(self, value: str) -> bool:
        return "\0" not in value

    def plain(self, array: pa.Array) -> Positions | None:
        if pa.types.is_string(array.type) and len(array):
            offsets, data = text_bytes(array)
            if data[offsets[0] : offsets[-1]].min(initial=255):
                return None
        return failing(pc.invert(pc.match_substring(array, "\0")))


class PatternTest(ValueTest):
    """Strings in which a pattern is found; columns only by patterns that RE2 takes."""

    def __init__(self, pattern: SchemaPattern) -> None:
        self.pattern = pattern
        self.value = pattern.matches  # type: ignore[assignment, method-assign]

    @cached_property
    def _machine(self) -> Automaton | None:
        return automaton(self.pattern.tree)

    def plain(self, array: pa.Array) -> Positions | None:
        return not_accepted(self._machine, array, self._search)

    def _search(self, array: pa.Array) -> Positions | None:
        return failing(pc.match_substring_regex(array, self.pattern.re2))


class NoMatch(ValueTest):
    """Strings in which an expression of Java is not found; it is one that RE2 takes."""

    def __init__(self, text: str) -> None:
        self._regex = compile_java(text)

    def value(self, value: str) -> bool:
        return not self._regex.found_in(value)

    def plain(self, array: pa.Array) -> Positions | None:
        return not_accepted(automaton(self._regex.tree, opposite=True), array, self._search)

    def _search(self, array: pa.Array) -> Positions | None:
        return failing(pc.invert(pc.match_substring_regex(array, self._regex.re2)))


class FormatTest(ValueTest):
    """Strings of a format that is asserted (a key of :data:`.FORMATS`)."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.value = FORMATS[name]  # type: ignore[assignment, method-assign]
        self._single = one_by_one(self.value)

    @cached_property
    def _machine(self) -> Automaton | None:
        return automaton(compile_ecma(SCREENS[self.name]).tree) if self.name in SCREENS else None

    def holds_all(self, kind: pa.DataType) -> bool:
        """Arrow dates and timestamps have the format of their type."""
        return (self.name == "date" and pa.types.is_date(kind)) or (
            self.name == "date-time" and pa.types.is_timestamp(kind)
        )

    def plain(self, array: pa.Array) -> Positions | None:
        return not_accepted(self._machine, array, self._single)


class Past(ValueTest):
    """Date-times that do not lie in the future; what is no date-time does not."""

    def value(self, text: str) -> bool:
        try:
            moment = datetime.fromisoformat(text.upper())
        except ValueError:
            return True
        return moment.tzinfo is None or moment <= datetime.now(UTC)

    def plain(self, array: pa.Array) -> Positions | None:
        now = time.time()
        if pa.types.is_timestamp(array.type):
            limit = pa.scalar(int(now * 1000), pa.timestamp("ms", "UTC")).cast(array.type)
            return failing(pc.less_equal(array, limit))
        if not holds_text(array.type):
            return None
        yesterday = time.strftime("%Y-%m-%d", time.gmtime(now - _DAY))  # whatever its offset, an earlier day is past
        late = failing(pc.less_equal(array, yesterday))
        if late is None:
            return None
        some = array.take(pa.array(late)).to_pylist()
        bad = [at for at, text in zip(late.tolist(), some, strict=True) if not self.value(text)]
        return np.asarray(bad, dtype=np.int64) if bad else None


# ---- numbers --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Range(ValueTest):
    """Numbers within bounds; `above` and `below` are exclusive.  Bounds of any size are compared exactly."""

    least: Any = None
    most: Any = None
    above: Any = None
    below: Any = None

    def value(self, value: Any) -> bool:
        return (
            (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def holds_all(self, kind: pa.DataType) -> bool:
        if not pa.types.is_integer(kind):
            return False
        low = 0 if pa.types.is_unsigned_integer(kind) else -(1 << (kind.bit_width - 1))
        return self.value(low) and self.value(low + (1 << kind.bit_width) - 1)

    def plain(self, array: pa.Array) -> Positions | None:
        """The positions that do not fit; NaN and infinity are faults of the type, not of the bounds."""
        if pa.types.is_decimal(array.type):
            array = doubles(array)
        values = slots(array)
        if len(values) and self.value(values.min().item()) and self.value(values.max().item()):
            return None  # neither NaN, which would be both, nor what lies behind nulls
        ends = pc.min_max(array)
        low, high = ends["min"].as_py(), ends["max"].as_py()
        if low is None or (self.value(low) and self.value(high)):
            return None
        # doubles are in the order of the numbers that they are nearest to: what is larger or smaller as one is so
        values = np.asarray(array.fill_null(low) if array.null_count else array, dtype=np.float64)
        near = np.zeros(len(array), dtype=bool)
        for bound in (self.least, self.above):
            near |= ~(values > _nearest(bound)) if bound is not None else False
        for bound in (self.most, self.below):
            near |= ~(values < _nearest(bound)) if bound is not None else False
        return among_these(positions_of(near), array, partial(_unfit, fits=self.value))


def _nearest(bound: Any) -> float:
    try:
        return float(bound)
    except OverflowError:
        return math.inf if bound > 0 else -math.inf


def _unfit(array: pa.Array, fits: Callable[[Any], bool]) -> Positions | None:
    """The positions of finite numbers that do not fit, each distinct one tested once."""
    distinct = (value for value in array.unique().to_pylist() if value is not None and math.isfinite(value))
    bad = [value for value in distinct if not fits(value)]
    return _among(bad, array) if bad else None


@dataclass(frozen=True)
class MultipleOf(ValueTest):
    """Multiples of a number, exact in decimal."""

    step: Any

    def value(self, value: Any) -> bool:
        return is_multiple(value, self.step)

    def plain(self, array: pa.Array) -> Positions | None:
        step = self.step
        if pa.types.is_integer(array.type) and isinstance(step, int) and abs(step) < 2**31:
            values = np.asarray(array.fill_null(0) if array.null_count else array)
            return positions_of(values % step != 0)
        return _unfit(array, self.value)


def not_finite(array: pa.Array) -> Positions | None:
    """Positions of NaN and infinity."""
    return failing(pc.is_finite(array))


def not_whole(array: pa.Array) -> Positions | None:
    """Positions of numbers with a fraction."""
    return failing(pc.equal(array, pc.floor(array)))


# ---- any type -------------------------------------------------------------------------------------------------------


class OneOf(ValueTest):
    """Values among the listed ones; JSON equality, so numbers are compared as numbers and never with booleans."""

    def __init__(self, values: Sequence[Any]) -> None:
        self.values = values
        self._keys = {hashable(value) for value in values}
        self._arrays: dict[pa.DataType, pa.Array] = {}

    def value(self, value: Any) -> bool:
        return hashable(value) in self._keys

    def plain(self, array: pa.Array) -> Positions | None:
        """The positions that do not fit; for columns of strings, numbers (no decimals) and booleans."""
        allowed = self._arrays.get(array.type)
        if allowed is None:
            allowed = self._arrays[array.type] = self._as(array.type)
        fine = pc.is_in(array, allowed)
        if array.null_count:
            fine = pc.or_(fine, array.is_null())
        return failing(fine)

    def _as(self, kind: pa.DataType) -> pa.Array:
        listed: list[Any]
        if pa.types.is_boolean(kind):
            listed = [value for value in self.values if isinstance(value, bool)]
        elif pa.types.is_integer(kind):
            low = 0 if pa.types.is_unsigned_integer(kind) else -(1 << (kind.bit_width - 1))
            numbers = [v for v in self.values if is_finite(v) and v == math.floor(v)]
            listed = [int(value) for value in numbers if low <= value < low + (1 << kind.bit_width)]
        elif pa.types.is_floating(kind):
            numbers = [v for v in self.values if is_finite(v)]
            listed = [float(value) for value in numbers if abs(value) <= sys.float_info.max and float(value) == value]
            if 0.0 in listed:  # Arrow looks numbers up by their bits
                listed += [0.0, -0.0]
        else:
            listed = [value for value in self.values if isinstance(value, str)]
            kind = pa.string()
        return pa.array(listed, kind)


def texts_at(array: pa.Array, positions: Positions) -> pa.Array:
    """The values at some positions as the string that findings show."""
    some = plain(array.take(pa.array(positions)))
    if pa.types.is_nested(some.type):
        return as_json(some)
    if pa.types.is_timestamp(some.type):
        return pc.strftime(some, format="%Y-%m-%dT%H:%M:%SZ")
    return some.cast(pa.string())
