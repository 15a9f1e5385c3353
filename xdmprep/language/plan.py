"""From tree to plan: which kernel works out which part, and what the interpreter does.

A plan gives a :class:`~xdmprep.language.columns.Column` for a batch.  Parts without a kernel run through the
interpreter once per distinct combination of what they read (:class:`Interpreted`); parts that read a single column run
on its dictionary, where it has one (:class:`OnWords`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..arrow_types import doubles, is_text
from .catalogue import Context
from .columns import (
    BOOL,
    DOUBLE,
    LONG,
    MOMENT,
    TEXT,
    Column,
    Mask,
    as_mask,
    distinct,
    merged,
    nulls_of,
    patched,
    plain,
    some,
)
from .interpreter import Evaluator, Scope, run
from .moment import Moment
from .options import Options
from .values import Failed

SCALARS = (TEXT, LONG, DOUBLE, BOOL, MOMENT)


@dataclass(slots=True)
class Batch:
    """A batch of rows as the plans read it."""

    columns: Mapping[str, pa.Array]
    n: int
    context: Context
    keys: Callable[[int], bytes] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """How one part of an expression is worked out.

    Attributes:
        type: Arrow type of the values.
        reads: source columns that it reads.
        exact: whether the values are all there is to know (a date in another zone than UTC is not), so that other
            kernels may build on them.
    """

    type: pa.DataType
    reads: frozenset[str]
    exact: bool

    def run(self, batch: Batch) -> Column:
        """The values for all rows."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, eq=False)
class Source(Plan):
    """A source column, or a field inside a struct column."""

    name: str
    steps: tuple[str, ...] = ()

    def run(self, batch: Batch) -> Column:
        """See :meth:`Plan.run`."""
        values = batch.columns[self.name]
        for step in self.steps:
            values = pc.struct_field(values, step)
        return Column(normal(values))


def normal(values: pa.Array) -> pa.Array:
    """A scalar column of a source in one of the types between kernels."""
    kind = values.type
    if kind in SCALARS or pa.types.is_dictionary(kind):
        if kind == DOUBLE and pc.any(pc.is_nan(values)).as_py():
            return pc.if_else(pc.is_nan(values), None, values)
        return values
    target = normal_type(kind)
    assert target is not None  # noqa: S101  (the planner made sure)
    if pa.types.is_decimal(kind):
        return doubles(values)
    if pa.types.is_floating(kind):
        return normal(values.cast(target))
    return values.cast(target, safe=False) if target == MOMENT else values.cast(target)


def normal_type(kind: pa.DataType) -> pa.DataType | None:
    """The type between kernels of a source type; None where only the interpreter reads it."""
    if pa.types.is_dictionary(kind):
        return TEXT if kind.value_type == TEXT else None
    if is_text(kind):
        return TEXT
    if pa.types.is_decimal(kind) and kind.scale > 0:
        return DOUBLE
    if pa.types.is_boolean(kind):
        return BOOL
    if pa.types.is_integer(kind) and kind != pa.uint64():
        return LONG
    if pa.types.is_floating(kind):
        return DOUBLE
    if pa.types.is_date32(kind):
        return MOMENT
    if pa.types.is_timestamp(kind) and kind.tz in (None, "UTC") and kind.unit != "ns":
        return MOMENT
    return None


@dataclass(frozen=True, slots=True, eq=False)
class Fixed(Plan):
    """A constant; `type` is null for null."""

    value: Any

    def run(self, batch: Batch) -> Column:
        """See :meth:`Plan.run`."""
        if pa.types.is_null(self.type):
            return Column(pa.nulls(batch.n))
        return Column(pa.repeat(self.scalar(), batch.n))

    def scalar(self) -> pa.Scalar:
        """The value as a scalar."""
        return pa.scalar(self.value.at if isinstance(self.value, Moment) else self.value, self.type)


@dataclass(frozen=True, slots=True, eq=False)
class Kernel(Plan):
    """A kernel over the columns of other plans."""

    parts: tuple[Plan, ...]
    work: Callable[..., Column]
    scalars: bool = False

    def run(self, batch: Batch) -> Column:
        """See :meth:`Plan.run`."""
        return self.work(
            *[
                Column(part.scalar()) if self.scalars and isinstance(part, Fixed) else part.run(batch)
                for part in self.parts
            ]
        )


@dataclass(frozen=True, slots=True, eq=False)
class OnWords(Plan):
    """A part worked out on the dictionaries of the columns that it reads, where they have some and those are small.

    Several columns give every combination of their words a place, whether it occurs or not.
    """

    part: Plan

    def run(self, batch: Batch) -> Column:
        """See :meth:`Plan.run`."""
        names = sorted(self.reads)
        columns = [batch.columns[name] for name in names]
        combinations = 1
        for values in columns:
            if not pa.types.is_dictionary(values.type):
                return self.part.run(batch)
            combinations *= len(values.dictionary) + bool(values.indices.null_count)
        if combinations * 2 > batch.n:
            return self.part.run(batch)
        places: Any = None
        words: dict[str, pa.Array] = {}
        repeat, tile = combinations, 1
        for name, values in zip(names, columns, strict=True):
            known, at = values.dictionary, values.indices
            if at.null_count:
                at = at.fill_null(len(known))
                known = pa.concat_arrays([known, pa.nulls(1, known.type)])
            repeat //= max(len(known), 1)
            order = np.tile(np.repeat(np.arange(len(known)), repeat), tile)
            words[name] = known.take(pa.array(order))
            tile *= len(known)
            at = at.to_numpy(zero_copy_only=False)
            places = at if places is None else places * np.int32(len(known)) + at
        found = self.part.run(Batch(words, combinations, batch.context))
        is_open = None if found.open is None else some(found.open[places])
        answers = plain(found.values)
        if answers.type != TEXT:
            return Column(answers.take(pa.array(places)), is_open)
        if not answers.null_count:
            return Column(pa.DictionaryArray.from_arrays(pa.array(places, pa.int32()), answers), is_open)
        absent = nulls_of(answers)[places]
        words = answers.fill_null("")  # a null among the words would be one more way to say null
        return Column(pa.DictionaryArray.from_arrays(pa.array(places, pa.int32(), mask=absent), words), is_open)


@dataclass(frozen=True, slots=True, eq=False)
class Lists(Plan):
    """A source column of lists, as it is."""

    name: str

    def run(self, batch: Batch) -> Column:
        """See :meth:`Plan.run`."""
        return Column(batch.columns[self.name])


@dataclass(frozen=True, slots=True, eq=False)
class Flat(Plan):
    """A lambda over the elements of all lists at once: each element is a row of a longer batch.

    Attributes:
        lists: gives the lists.
        body: the lambda's body, which reads the element as column `variable` and the columns around it.
        keeps: whether the body is a condition that chooses elements; otherwise it gives the new ones.
    """

    lists: Plan
    body: Plan
    variable: str
    keeps: bool

    def run(self, batch: Batch) -> Column:
        """See :meth:`Plan.run`."""
        given = self.lists.run(batch)
        absent = nulls_of(given.values)
        lengths = given.values.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
        parents = np.repeat(np.arange(batch.n), lengths)
        elements = given.values.flatten()
        around = pa.array(parents)
        columns = {name: batch.columns[name].take(around) for name in self.body.reads if name != self.variable}
        found = self.body.run(Batch({**columns, self.variable: elements}, len(elements), batch.context))
        is_open = given.open
        if found.open is not None and found.open.any():
            failed = np.zeros(batch.n, dtype=bool)
            failed[parents[found.open]] = True
            is_open = merged(is_open, failed)
        if self.keeps:
            keep = as_mask(found.values)
            lengths, made = np.bincount(parents[keep], minlength=batch.n), elements.filter(pa.array(keep))
        else:
            made = plain(found.values)
        offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
        return Column(pa.ListArray.from_arrays(offsets, made, mask=pa.array(absent)), is_open)


@dataclass(frozen=True, slots=True, eq=False)
class Interpreted(Plan):
    """A part that the interpreter works out; `inputs` are what it reads: source columns, and parts by other plans."""

    evaluate: Evaluator
    inputs: tuple[tuple[str, Plan | None], ...]
    random: bool = False
    options: Options = field(default_factory=Options)

    @property
    def type_known(self) -> bool:
        """Whether all values have one Arrow type; without, only :meth:`rows` makes sense."""
        return not pa.types.is_null(self.type)

    def run(self, batch: Batch) -> Column:
        """See :meth:`Plan.run`."""
        values, errors, is_open = self.rows(batch)
        if isinstance(values, pa.Array) and not errors:
            return Column(values, is_open)
        failed = np.zeros(batch.n, dtype=bool)
        failed[[at for at, _ in errors]] = True
        try:
            return Column(to_arrow(values, self.type), merged(some(failed), is_open))
        except (pa.ArrowException, OverflowError, TypeError):
            return self._odd(values, merged(failed, is_open))

    def _odd(self, values: pa.Array | list[Any], failed: Mask | None) -> Column:
        """Values of which some do not fit the type: those stay open."""
        items = values if isinstance(values, list) else values.to_pylist()
        is_open = np.zeros(len(items), dtype=bool) if failed is None else failed.copy()
        for i, item in enumerate(items):
            try:
                pa.scalar(item, self.type)
            except (pa.ArrowException, OverflowError, TypeError):
                items[i], is_open[i] = None, True
        return Column(pa.array(in_utc(items), self.type), some(is_open))

    def rows(self, batch: Batch) -> tuple[pa.Array | list[Any], list[tuple[int, str]], Mask | None]:
        """The values of all rows (Python values, or an array of positions taken), errors, and rows left open."""
        names = [name for name, _ in self.inputs]
        found = [Column(batch.columns[name]) if plan is None else plan.run(batch) for name, plan in self.inputs]
        is_open = merged(*[column.open for column in found])
        parts = [timed(column.values) for column in found]
        unique = None if self.random else distinct(parts, batch.n)
        if unique is None:
            values, errors = self._each(names, parts, batch.n, batch)
            return values, errors, is_open
        columns, at = unique
        n = len(columns[0]) if columns else min(batch.n, 1)
        values, errors = self._each(names, columns, n, batch)
        if errors:
            reasons = dict(errors)
            which = at.to_numpy(zero_copy_only=False)
            rows = np.flatnonzero(np.isin(which, list(reasons)))
            errors = [(row, reasons[code]) for row, code in zip(rows.tolist(), which[rows].tolist(), strict=True)]
        if not self.type_known:
            return [values[i] for i in at.to_pylist()], errors, is_open
        try:
            return to_arrow(values, self.type).take(at), errors, is_open
        except (pa.ArrowException, OverflowError, TypeError):
            return [values[i] for i in at.to_pylist()], errors, is_open

    def _each(
        self, names: Sequence[str], columns: Sequence[pa.Array], n: int, batch: Batch
    ) -> tuple[list[Any], list[tuple[int, str]]]:
        out: list[Any] = [None] * n
        errors = []
        lists = [column.to_pylist(maps_as_pydicts="lossy") for column in columns]
        context = batch.context
        record: dict[str, Any] = {}
        scope = Scope(record, context)
        evaluate = self.evaluate
        for i in range(n):
            for name, values in zip(names, lists, strict=True):
                record[name] = values[i]
            if self.random and batch.keys is not None:
                context.row, context.drawn = batch.keys(i), 0
            try:
                out[i] = outgoing(run(evaluate, scope))
            except Failed as error:
                errors.append((i, str(error)))
        return out, errors


def timed(values: pa.Array) -> pa.Array:
    """Nanosecond timestamps as the microseconds before: Python has no finer ones."""
    kind = values.type
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        nanos = values.view(LONG).fill_null(0).to_numpy(zero_copy_only=False)
        return pa.array(nanos // 1000, mask=nulls_of(values)).view(pa.timestamp("us", kind.tz))
    return values


def outgoing(value: Any) -> Any:
    """A value of the language as Arrow takes it: moments become datetimes."""
    if isinstance(value, Moment):
        return value.at
    if isinstance(value, list):
        return [outgoing(item) for item in value]
    if isinstance(value, dict):
        return {key: outgoing(item) for key, item in value.items()}
    return value


def to_arrow(values: pa.Array | list[Any], kind: pa.DataType) -> pa.Array:
    """`values` as an array of `kind`.

    Raises:
        pa.ArrowException, OverflowError, TypeError: a value does not fit.
    """
    if isinstance(values, pa.Array):
        return values
    if kind == LONG and any(isinstance(value, float | bool) for value in values):
        raise TypeError("not an integer")
    if kind == DOUBLE and any(value is not None and type(value) is not float for value in values):
        raise TypeError("not a double")
    if pa.types.is_map(kind):
        values = [None if value is None else list(value.items()) for value in values]
    return pa.array(in_utc(values), kind)


def in_utc(value: Any) -> Any:
    """`value` with every datetime in UTC: Arrow drops offsets where PYARROW_IGNORE_TIMEZONE is set, as PySpark does."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    if isinstance(value, list):
        return [in_utc(item) for item in value]
    if isinstance(value, tuple):
        return tuple(in_utc(item) for item in value)
    if isinstance(value, dict):
        return {key: in_utc(item) for key, item in value.items()}
    return value


__all__ = [
    "Batch", "Fixed", "Interpreted", "Kernel", "OnWords", "Plan", "Source", "normal_type", "outgoing", "patched",
]  # fmt: skip
