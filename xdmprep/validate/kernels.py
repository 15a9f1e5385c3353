"""Tests on whole columns.

A test takes an array and gives the positions that fail, or None when all is fine.  Each first asks its kernel "all
fine?"; positions are built only when something failed.  Nulls are absent values and never fail.  Text columns may be
dictionary-encoded: the dictionary is tested, each distinct value once.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import kernels as loops
from ..core.shred import plain
from ..kernels.arrays import Positions
from ..kernels.automaton import Automaton
from ..regex import MatchTimeout, compile_ecma
from ..regex.dfa import automaton
from ..schema.types import is_finite
from .bytewise import byte_test
from .equality import is_multiple
from .formats import FORMATS, SCREENS
from .patterns import SchemaPattern
from .wording import UNDECIDED

Test = Callable[[pa.Array], "Positions | None"]

#: How many verdicts on single texts a test remembers, and on how long ones.
REMEMBER, REMEMBER_LENGTH = 65_536, 1_024


def failing(fine: pa.Array) -> Positions | None:
    """Positions where `fine` is False, None if there are none."""
    if pc.all(fine).as_py() is not False:
        return None
    return np.flatnonzero(~np.asarray(fine.fill_null(True).to_numpy(zero_copy_only=False), dtype=bool))


def positions_of(mask: np.ndarray[Any, np.dtype[np.bool_]]) -> Positions | None:
    """Positions where `mask` is True, None if there are none."""
    found = np.flatnonzero(mask)
    return found if len(found) else None


def on_texts(test: Test) -> Test:
    """`test` for plain and for dictionary-encoded columns."""

    def both(array: pa.Array) -> Positions | None:
        if not isinstance(array, pa.DictionaryArray):
            return test(array)
        bad = test(array.dictionary)
        if bad is None:
            return None
        size = len(array.dictionary)
        fails = np.zeros(size + 1, dtype=bool)
        fails[bad] = True
        indices = array.indices if array.indices.null_count == 0 else array.indices.fill_null(size)
        return positions_of(fails[np.asarray(indices)])

    return both


def one_by_one(fits: Callable[[str], bool], remember: int = REMEMBER) -> Test:
    """A test that asks Python about each distinct text once, and remembers so many answers."""
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
        return failing(pc.invert(pc.is_in(array, pa.array(bad, array.type))))

    return test


def longest(array: pa.Array) -> int:
    """At most this many bytes has a text of the column (plain or dictionary-encoded)."""
    if isinstance(array, pa.DictionaryArray):
        return longest(array.dictionary)
    if pa.types.is_string(array.type):
        return loops.active.text_sizes(array, True)[1]
    return int(pc.max(pc.binary_length(array)).as_py() or 0)


def length(least: int = 0, most: int | None = None) -> Test:
    """Texts of `least` to `most` code points."""

    def test(array: pa.Array) -> Positions | None:
        low = _shortest(array) if least else 0
        if _surely_within(low, 0 if most is None else longest(array), least, most):
            return None
        return between(least, most)(pc.utf8_length(array))

    return on_texts(test)


def _surely_within(shortest: int, longest: int, least: int, most: int | None) -> bool:
    """Whether texts of so many bytes have `least` to `most` code points: bytes >= characters >= bytes / 4."""
    return (most is None or longest <= most) and (least == 0 or shortest >= _surely(least))


def _surely(least: int) -> int:
    """Texts of so many bytes have `least` code points or more."""
    return max(4 * least - 3, 1)


def _shortest(array: pa.Array) -> int:
    """At least so many bytes has a text of the column that is not null; any number if all are."""
    if not pa.types.is_string(array.type) or array.null_count == len(array):
        low: int | None = pc.min(pc.binary_length(array)).as_py()
        return 1 << 62 if low is None else low
    return loops.active.text_sizes(array)[0]


def pattern(wanted: SchemaPattern) -> Test:
    """Texts in which the pattern is found."""
    re2, bytewise = wanted.re2, byte_test(wanted.tree)
    if re2 is None:
        return slow_pattern(wanted, ("", ""))[0][0]

    def search(array: pa.Array) -> Positions | None:
        return failing(pc.match_substring_regex(array, re2))

    def test(array: pa.Array) -> Positions | None:
        if not pa.types.is_string(array.type):
            return search(array)
        if bytewise is not None:
            return loops.active.misfits(array, bytewise)
        return _doubted(machine, array, search)

    machine = automaton(wanted.tree) if bytewise is None else None
    return on_texts(test)


def slow_pattern(wanted: SchemaPattern, say: tuple[str, str]) -> list[tuple[Test, tuple[str, str]]]:
    """The same for a pattern that RE2 cannot say, in two tests: where it is not found, and where that is undecided.

    The second is about the array that the first was asked about in the same thread before.
    """
    stopped = _Stopped()

    def fits(text: str) -> bool:
        try:
            return wanted.matches(text)
        except MatchTimeout:
            stopped.texts.add(text)
            return True

    search = one_by_one(fits, remember=0)

    def found(array: pa.Array) -> Positions | None:
        stopped.texts.clear()
        return search(array)

    undecided = one_by_one(lambda text: text not in stopped.texts, remember=0)
    return [(on_texts(found), say), (on_texts(undecided), (wanted.stopped, UNDECIDED))]


class _Stopped(threading.local):
    """The texts of an array for which it took too long to tell."""

    def __init__(self) -> None:
        self.texts: set[str] = set()


def formatted(name: str) -> Test | None:
    """Texts of a format; None for a format that is not asserted."""
    if name not in FORMATS:
        return None
    single = one_by_one(FORMATS[name])
    if name not in SCREENS:
        return on_texts(single)
    screen = compile_ecma(SCREENS[name])
    fine = screen.re2

    def screened(array: pa.Array) -> Positions | None:
        return _of(failing(pc.match_substring_regex(array, fine)), array, single)

    def test(array: pa.Array) -> Positions | None:
        return _doubted(machine, array, screened) if pa.types.is_string(array.type) else screened(array)

    machine = automaton(screen.tree)
    return on_texts(test)


def _doubted(machine: Automaton | None, array: pa.Array, test: Test) -> Positions | None:
    """What a test says of the texts of a plain string column that an automaton, if there is one, does not accept."""
    if machine is None:
        return test(array)
    return _of(loops.active.not_accepted(array, machine), array, test)


def _of(some: Positions | None, array: pa.Array, test: Test) -> Positions | None:
    """Which of some positions fail a test; None for none."""
    if some is None:
        return None
    bad = test(array if len(some) == len(array) else array.take(pa.array(some)))
    return None if bad is None else some[bad]


def between(least: Any = None, most: Any = None, above: Any = None, below: Any = None) -> Test:
    """Numbers within bounds; `above` and `below` are exclusive.  Bounds of any size are compared exactly."""

    def test(array: pa.Array) -> Positions | None:
        ends = pc.min_max(array)
        low, high = ends["min"].as_py(), ends["max"].as_py()
        if low is None:
            return None
        if (
            (least is None or low >= least)
            and (most is None or high <= most)
            and (above is None or low > above)
            and (below is None or high < below)
        ):
            return None
        integers = pa.types.is_integer(array.type)
        values = np.asarray(array.fill_null(low) if array.null_count else array)
        bad = np.zeros(len(array), dtype=bool)
        for bound, low_side, strict in ((least, 1, False), (above, 1, True), (most, -1, False), (below, -1, True)):
            if bound is not None:
                bad |= _outside(values, bound, low_side, strict, integers)
        if array.null_count:
            bad &= np.asarray(array.is_valid().to_numpy(zero_copy_only=False), dtype=bool)
        return positions_of(bad)

    return test


def _outside(values: Any, bound: Any, side: int, strict: bool, integers: bool) -> Any:
    """Where `values` lie on the wrong side of `bound` (`side` 1: too small, -1: too large)."""
    if integers:
        # v >= 2.5 is v >= 3, v > 2.5 is v >= 3, v > 2 is v >= 3: an inclusive integer bound says it all
        edge = math.ceil(bound) if side > 0 else math.floor(bound)
        if strict and edge == bound:
            edge += side
        ends = np.iinfo(values.dtype)
        if side > 0:
            return np.ones(len(values), dtype=bool) if edge > ends.max else values < max(edge, int(ends.min))
        return np.ones(len(values), dtype=bool) if edge < ends.min else values > min(edge, int(ends.max))
    nearest = float(bound) if abs(bound) < 1.7e308 else math.inf * (1 if bound > 0 else -1)
    if nearest != bound:  # the nearest double on the inner side; being on it is then always fine
        if (nearest < bound) == (side > 0):
            nearest = math.nextafter(nearest, math.inf * side)
        strict = False
    if side > 0:
        return values <= nearest if strict else values < nearest
    return values >= nearest if strict else values > nearest


def multiple(step: Any) -> Test:
    """Multiples of a number, exact in decimal."""

    def test(array: pa.Array) -> Positions | None:
        if pa.types.is_integer(array.type) and isinstance(step, int):
            values = np.asarray(array.fill_null(0) if array.null_count else array)
            return positions_of(values % step != 0) if abs(step) < 2**31 else _slow_multiple(array, step)
        return _slow_multiple(array, step)

    return test


def _slow_multiple(array: pa.Array, step: Any) -> Positions | None:
    bad = [value for value in array.unique().to_pylist() if value is not None and not is_multiple(value, step)]
    return failing(pc.invert(pc.is_in(array, pa.array(bad, array.type)))) if bad else None


def finite(array: pa.Array) -> Positions | None:
    """Numbers that are neither NaN nor infinite."""
    return failing(pc.is_finite(array))


def whole(array: pa.Array) -> Positions | None:
    """Doubles without a fraction."""
    return failing(pc.equal(array, pc.floor(array)))


def member(values: Sequence[Any], kind: pa.DataType) -> Test:
    """Values among the listed ones; JSON equality, so numbers are compared as numbers and never with booleans."""
    listed: list[Any]
    if pa.types.is_boolean(kind):
        listed = [value for value in values if isinstance(value, bool)]
    elif pa.types.is_integer(kind):
        low = 0 if pa.types.is_unsigned_integer(kind) else -(1 << (kind.bit_width - 1))
        numbers = [v for v in values if is_finite(v) and v == math.floor(v)]
        listed = [int(value) for value in numbers if low <= value < low + (1 << kind.bit_width)]
    elif pa.types.is_floating(kind):
        numbers = [v for v in values if is_finite(v)]
        listed = [float(value) for value in numbers if abs(value) < 1.7e308 and float(value) == value]
    else:
        listed = [value for value in values if isinstance(value, str)]
        kind = pa.string()
    allowed = pa.array(listed, kind)

    def test(array: pa.Array) -> Positions | None:
        fine = pc.is_in(array, allowed)
        if array.null_count:
            fine = pc.or_(fine, array.is_null())
        return failing(fine)

    return on_texts(test)


def texts_at(array: pa.Array, positions: Positions) -> pa.Array:
    """The values at some positions as the text that findings show."""
    some = plain(array.take(pa.array(positions)))
    if pa.types.is_nested(some.type):
        from .values import as_json

        return as_json(some)
    if pa.types.is_timestamp(some.type):
        return pc.strftime(some, format="%Y-%m-%dT%H:%M:%SZ")
    return some.cast(pa.string())
