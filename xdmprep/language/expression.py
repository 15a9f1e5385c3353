"""An expression ready to run: on one record, or on a batch of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from .binding import bind, columns_of, is_volatile
from .catalogue import Context
from .grammar import parse
from .interpreter import Evaluator, Scope, compile_node, run
from .moment import Moment
from .options import DEFAULT, Options
from .tree import Node
from .values import Failed


@dataclass(frozen=True, slots=True, eq=False)
class Evaluated:
    """What an expression gave for a batch.

    Attributes:
        values: an Arrow array of the expression's type, as long as the batch; or a list of Python values where the type
            is only known per row (or a value of this batch does not fit the type, such as a sum beyond 64 bits).
        errors: 0-based position and reason of every row that failed; its value is null.
    """

    values: pa.Array | list[Any]
    errors: list[tuple[int, str]]


class Expression:
    """A compiled expression.

    Attributes:
        text: as written.
        tree: its tree.
        type: Arrow type of the result, None where it is known per row only.
        columns: top-level columns of the source that it reads, in order of appearance.
        is_constant: whether it gives the same value for every row; `constant` is that value.
    """

    def __init__(self, text: str, columns: pa.Schema | None = None, options: Options = DEFAULT) -> None:
        self.text, self.options = text, options
        self.tree: Node = parse(text)
        self.tree = bind(self.tree, text, columns, options)
        self.columns = columns_of(self.tree)
        self.evaluator: Evaluator = compile_node(self.tree)
        self.constant: Any = None
        self.is_constant = not self.columns and not is_volatile(self.tree)
        self._failure: str | None = None
        if self.is_constant:
            try:
                self.constant = run(self.evaluator, Scope({}, Context(options)))
            except Failed as error:
                self._failure = str(error)
        self.type: pa.DataType | None = None

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def apply(self, records: pa.RecordBatch) -> Evaluated:
        """The values of all rows of `records`; safe to call from several threads at once."""
        n = records.num_rows
        if self.is_constant:
            errors = [(i, self._failure) for i in range(n)] if self._failure is not None else []
            return Evaluated([outgoing(self.constant)] * n, errors)
        rows = records.select([name for name in self.columns if name in records.schema.names]).to_pylist(
            maps_as_pydicts="strict"
        )
        context = Context(self.options)
        values: list[Any] = []
        errors = []
        for i, row in enumerate(rows):
            try:
                values.append(outgoing(run(self.evaluator, Scope(row, context))))
            except Failed as error:
                values.append(None)
                errors.append((i, str(error)))
        return Evaluated(values, errors)


def outgoing(value: Any) -> Any:
    """A value of the language as Arrow takes it: moments become datetimes."""
    if isinstance(value, Moment):
        return value.at
    if isinstance(value, list):
        return [outgoing(item) for item in value]
    if isinstance(value, dict):
        return {key: outgoing(item) for key, item in value.items()}
    return value
