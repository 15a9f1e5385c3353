"""Operations that checks of columns are made of: each checks a view and reports to a sink."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from ..core.paths import Path
from ..kernels.arrays import Mask
from ..regex import MatchTimeout
from .messages import TOO_DEEP, Failure, Violation, Violations, as_text, undecided
from .value_tests import ColumnTest
from .view import ColumnView, FindingSink, Op, SchemaPath, View

#: Adds what is wrong with a value at a path to the faults.
ValueCheck = Callable[[Any, Path, list[Violation]], None]


def decide(check: ValueCheck, value: Any, at: Path, out: list[Violation]) -> None:
    """Run a check; what cannot be decided, because a pattern takes too long or a value is too deep, is a fault.

    Args:
        check: adds what is wrong with a value to a list.
        value: the value, JSON-like.
        at: path of the value, in parts, below the place that is checked.
        out: gets the violations.
    """
    try:
        check(value, at, out)
    except MatchTimeout as stopped:
        out.append(undecided(str(stopped)).of(at, value))
    except RecursionError:
        out.append(TOO_DEEP.of(at, None))


def each_value(check: ValueCheck, place: SchemaPath, spelled: bool = False) -> Op:
    """The check of single values on each value of a view; `spelled`: as they are written in a JSON file."""

    def op(view: View, sink: FindingSink) -> None:
        positions, values = view.values(place.path, spelled)
        if len(positions):
            report_faults(check, zip(positions.tolist(), values, strict=True), place, view, sink)

    return op


def report_faults(
    check: ValueCheck, values: Iterable[tuple[int, Any]], place: SchemaPath, view: View, sink: FindingSink
) -> None:
    """Run a check on (position, value) pairs and report what it finds.

    Args:
        check: adds what is wrong with a value to a list.
        values: 0-based positions in `view`, and the JSON-like values there.
        place: path of the values in the schema, and the column of the source.
        view: the values of a chunk that the positions count in.
        sink: gets one finding for each failure and path.
    """
    groups: dict[tuple[Failure, Path], tuple[list[int], list[Any]]] = {}
    tally: dict[str, Any] = {}
    for position, value in values:
        faults = Violations()
        decide(check, value, place.path, faults)
        for name, number in faults.tally.items():
            tally.setdefault(name, np.zeros(len(view), np.int64))[position] += number
        for code, at, wrong, message, hint in faults:
            where, what = groups.setdefault((Failure(code, message, hint), at), ([], []))
            where.append(position)
            what.append(as_text(wrong))
    for (failure, at), (where, what) in groups.items():
        shown = pa.array(what, pa.string())
        sink.add(SchemaPath(at, place.column), view, failure, np.asarray(where), lambda _, shown=shown: shown)  # type: ignore[misc]
    for name, numbers in tally.items():
        sink.count(name, view, numbers)


def column_test(test: ColumnTest, failure: Failure, place: SchemaPath) -> Op:
    """A test of a column."""

    def op(view: ColumnView, sink: FindingSink) -> None:
        bad = test(view.array)
        if bad is not None:
            sink.add(place, view, failure, bad, view.texts)

    return op


def mask_test(bad: Callable[[View], Mask | None], failure: Failure, place: SchemaPath) -> Op:
    """Fails where the mask is true; None means everywhere."""

    def op(view: View, sink: FindingSink) -> None:
        mask = bad(view)
        where = np.arange(len(view), dtype=np.int64) if mask is None else np.flatnonzero(mask)
        if len(where):
            sink.add(place, view, failure, where, view.texts)

    return op


def on_child(step: str | int, checks: list[Op]) -> Op:
    """Checks on a field of an object, or on an element above the leaves."""

    def op(view: View, sink: FindingSink) -> None:
        below = view.child(step)
        if below is not None:
            for check in checks:
                check(below, sink)

    return op


def on_elements(checks: list[Op]) -> Op:
    """Checks on the items of a list column or on the values of a map column."""

    def op(view: ColumnView, sink: FindingSink) -> None:
        below = view.elements()
        if len(below):
            for check in checks:
                check(below, sink)

    return op


def on_nulls(check: ValueCheck, place: SchemaPath) -> Op:
    """The faults of null, wherever a leaf is null in JSON."""

    def op(view: View, sink: FindingSink) -> None:
        mask = view.nulls()
        if mask is None:
            return
        faults: list[Violation] = []
        check(None, (), faults)
        for code, _, _, message, hint in faults:
            sink.add(place, view, Failure(code, message, hint), np.flatnonzero(mask))

    return op
