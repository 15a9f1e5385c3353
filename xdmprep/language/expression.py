"""An expression ready to run: on one record, or on a batch of rows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..arrow_types import plain_column
from ..errors import ExpressionError
from ..flow import TIMESTAMP
from .binding import bind, columns_of, fields_of, is_volatile
from .catalogue import Context
from .columns import DOUBLE, EXACT, MOMENT, Mask, patched, usable, usable_type
from .constants import check_constants, likely_mistakes
from .grammar import parse
from .interpreter import Evaluator, Scope, compile_node, run
from .options import DEFAULT, Options
from .plan import Batch, Fixed, Interpreted, Plan, outgoing, to_arrow
from .planner import Planner
from .statics import constant_type, static_type
from .tree import Field, Node, walk
from .values import Failed


@dataclass(frozen=True, slots=True, eq=False)
class Evaluated:
    """What an expression gave for a batch.

    Attributes:
        values: an Arrow array of the expression's type, as long as the batch (texts may be dictionary-encoded); or a
            list of Python values where the type is only known per row, or a value of this batch does not fit the type
            (such as a sum beyond 64 bits).
        errors: 0-based position and reason of every row that failed, in order; its value is null.
    """

    values: pa.Array | list[Any]
    errors: list[tuple[int, str]]


class Expression:
    """A compiled expression.

    Attributes:
        text: as written.
        tree: its tree, names settled.
        type: Arrow type of the result, None where it is known per row only.
        columns: top-level columns of the source that it reads, in order of appearance.
        fields: the same with the way into nested columns, as far as it is known.
        is_volatile: whether it asks clock or randomness.
        is_constant: whether it gives the same value for every row; `constant` is that value.
    """

    def __init__(self, text: str, columns: pa.Schema | None = None, options: Options = DEFAULT) -> None:
        self.text, self.options, self._declared = text, options, columns
        try:
            self.tree: Node = bind(parse(text), text, columns, options)
            self.columns = columns_of(self.tree)
            self.fields = fields_of(self.tree)
            self.evaluator: Evaluator = compile_node(self.tree)
            self.is_volatile = is_volatile(self.tree)
            self.is_constant = not self.columns and not self.is_volatile
        except RecursionError:
            raise ExpressionError("The expression is nested too deeply", text) from None
        if columns is not None:  # only those that are read, since a source may have thousands
            columns = pa.schema(
                [
                    (name, usable_type(columns.field(name).type))
                    for name in self.columns
                    if columns.get_field_index(name) >= 0
                ]
            )
        self.constant: Any = None
        self._failure: str | None = None
        if self.is_constant:
            try:
                self.constant = run(self.evaluator, Scope({}, Context(options)))
            except Failed as error:
                self._failure = str(error)
            kind = constant_type(self.constant)
        else:
            kind = _passed_type(self.tree, columns) or static_type(self.tree, columns, options)
        self.type: pa.DataType | None = final_type(kind)
        self._plans: dict[pa.Schema, Plan] = {}

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Expression, (self.text, self._declared, self.options)

    def faults(self) -> list[ExpressionError]:
        """Errors that every row would meet: constant arguments that can never work, or a constant that has no value."""
        found: list[ExpressionError] = []
        for node in walk(self.tree):
            try:
                check_constants(node, self.text, self.options)
            except ExpressionError as error:
                found.append(error)
        if self._failure is not None and not found:
            found.append(ExpressionError(f"The expression fails in every row: {self._failure}", self.text))
        return found

    def likely_mistakes(self) -> list[str]:
        """A sentence for each constant that is valid, but probably does not mean what its author thinks."""
        return list(dict.fromkeys(likely_mistakes(self.tree, self.options)))

    def apply(self, records: pa.RecordBatch) -> Evaluated:
        """The values of all rows of `records`; safe to call from several threads at once."""
        n = records.num_rows
        if self.is_constant:
            return self._constant(n)
        records = self._usable(records)
        if _passed_type(self.tree, records.schema) is not None:
            assert isinstance(self.tree, Field)  # noqa: S101
            values = records.column(self.tree.names[0])
            for step in self.tree.names[1:]:
                values = pc.struct_field(values, step)
            return Evaluated(values, [])
        batch = self._batch(records)
        plan = self._plan(records.schema)
        if isinstance(plan, Interpreted) and not plan.type_known:
            found, errors, is_open = plan.rows(batch)
            items = found if isinstance(found, list) else found.to_pylist()
            return self._completed(items, None if is_open is None else is_open, errors, batch, plan)
        column = plan.run(batch)
        if column.open is None or not column.open.any():
            return Evaluated(final(column.values), [])
        return self._completed(column.values, column.open, [], batch, plan)

    def _usable(self, records: pa.RecordBatch) -> pa.RecordBatch:
        """The columns that are read, in the types that kernels take."""
        names = [name for name in self.columns if name in records.schema.names]
        columns = [records.column(name) for name in names]
        made = [usable(column) for column in columns]
        if all(new is old for new, old in zip(made, columns, strict=True)):
            return records
        return pa.RecordBatch.from_arrays(made, names)

    def _constant(self, n: int) -> Evaluated:
        errors = [] if self._failure is None else [(i, self._failure) for i in range(n)]
        if self.type is None:
            return Evaluated([outgoing(self.constant)] * n, errors)
        if pa.types.is_null(self.type):
            return Evaluated(pa.nulls(n), errors)
        return Evaluated(pa.repeat(pa.scalar(outgoing(self.constant), self.type), n), errors)

    def _plan(self, schema: pa.Schema) -> Plan:
        """The plan for batches of that schema."""
        found = self._plans.get(schema)
        if found is None:
            planner = Planner(schema, self.options, self.tree)
            found = planner.plan(self.tree)
            if found is None or isinstance(found, Fixed):
                found = planner.interpreted(self.tree, pa.null())
            self._plans[schema] = found
        return found

    def _batch(self, records: pa.RecordBatch) -> Batch:
        n = records.num_rows
        names = records.schema.names
        columns = {name: records.column(name) if name in names else pa.nulls(n) for name in self.columns}
        keys = None if self.options.seed is None else _row_keys(records, self.columns, self.text)
        return Batch(columns, n, Context(self.options), keys)

    def _completed(
        self,
        values: pa.Array | list[Any],
        is_open: Mask | None,
        errors: list[tuple[int, str]],
        batch: Batch,
        plan: Plan,
    ) -> Evaluated:
        """`values` with the open rows worked out by the interpreter."""
        if is_open is None or not is_open.any():
            return Evaluated(values if isinstance(values, list) else final(values), errors)
        at = np.flatnonzero(is_open)
        rows = pa.array(at)
        part = Batch(
            {name: column.take(rows) for name, column in batch.columns.items()},
            len(at),
            batch.context,
            None if batch.keys is None else _picked(batch.keys, at),
        )
        names = tuple((name, None) for name in self.columns)
        random = isinstance(plan, Interpreted) and plan.random
        whole = Interpreted(plan.type, plan.reads, False, self.evaluator, names, random, self.options)
        found, more, _ = whole.rows(part)
        errors = sorted([*errors, *[(int(at[i]), reason) for i, reason in more]])
        if not isinstance(values, list):
            try:
                new = to_arrow(_as_doubles(found) if plan.type == DOUBLE else found, values_type(values))
                return Evaluated(final(patched(values, is_open, new)), errors)
            except (pa.ArrowException, OverflowError, TypeError):
                values = final(values).to_pylist()
        items = found if isinstance(found, list) else found.to_pylist()
        for i, item in zip(at.tolist(), items, strict=True):
            values[i] = item
        return Evaluated(values, errors)


def values_type(values: pa.Array) -> pa.DataType:
    """The type of `values`, dictionaries aside."""
    return values.type.value_type if pa.types.is_dictionary(values.type) else values.type


def _as_doubles(values: pa.Array | list[Any]) -> pa.Array | list[Any]:
    """Integers among doubles (null counts as the integer 0) as doubles, where that is exact."""
    if isinstance(values, pa.Array):
        return values
    return [float(value) if type(value) is int and abs(value) <= EXACT else value for value in values]


def _picked(keys: Callable[[int], bytes], at: np.ndarray[Any, Any]) -> Callable[[int], bytes]:
    return lambda i: keys(int(at[i]))


def _row_keys(records: pa.RecordBatch, names: tuple[str, ...], text: str) -> Callable[[int], bytes]:
    """What tells the rows of one batch from all others: the batch's content, the expression and the position."""
    digest = hashlib.blake2b(records.serialize(), digest_size=16)
    digest.update(text.encode())
    base = digest.digest()
    return lambda i: base + i.to_bytes(8, "little")


def _passed_type(tree: Node, schema: pa.Schema | None) -> pa.DataType | None:
    """The type of a plain field that is passed on as it is; None for anything else."""
    if schema is None or not isinstance(tree, Field) or tree.names[0] not in schema.names:
        return None
    kind = schema.field(tree.names[0]).type
    for name in tree.names[1:]:
        if not pa.types.is_struct(kind) or kind.get_field_index(name) < 0:
            return None
        kind = kind.field(name).type
    if pa.types.is_dictionary(kind):
        return kind.value_type
    return None if pa.types.is_floating(kind) else kind  # decimals are looked through for NaN


def final_type(kind: pa.DataType | None) -> pa.DataType | None:
    """`kind` with dates in milliseconds."""
    if kind is None:
        return None
    if kind == MOMENT:
        return TIMESTAMP
    if pa.types.is_list(kind):
        return pa.list_(final_type(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(part.name, final_type(part.type)) for part in kind])
    return kind


def final(values: pa.Array) -> pa.Array:
    """`values` with dates in milliseconds, cut down."""
    if values.type == MOMENT:
        micros = values.view(pa.int64())
        floored = np.floor_divide(micros.fill_null(0).to_numpy(zero_copy_only=False), 1000)
        mask = None if not values.null_count else values.is_null().to_numpy(zero_copy_only=False)
        return pa.array(floored, mask=mask).view(TIMESTAMP)
    if pa.types.is_nested(values.type) and final_type(values.type) != values.type:
        return plain_column(values, exact=False)[0]
    return values
