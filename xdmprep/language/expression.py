"""An expression ready to run: on one record, or on a batch of rows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..core.arrow_types import plain_type, why_unheld
from ..errors import ExpressionError
from . import shapes
from .binding import bind
from .catalogue import Context
from .columns import Column, plain, some, source_column, source_type
from .constants import check_constants, likely_mistakes
from .evaluation import Frame, Shared, Types, annotate, answered, evaluate, fold, without_reason
from .grammar import parse
from .interpreter import Evaluator, Scope, compile_node, row_function, run
from .options import DEFAULT, Options
from .printed import Places, places_of
from .tree import ARRAY, CHOICE, ELEMENT, MAP, Call, FieldPath, Node, repeated, walk
from .values import Failed


class Expression:
    """A compiled expression.  Two are equal where they give the same values: not where they ask clock or randomness.

    Args:
        text: as written.
        columns: the source's columns; None where they are not known.
        options: settings of the language.
        tree: the bound tree, for an expression that nobody wrote; `text` then only stands for it in messages.

    Attributes:
        text: as written.
        tree: its tree, names settled.
        type: Arrow type of the result, None where it is known per row only.
        columns: top-level columns of the source that it reads, in order of appearance.
        fields: the same with the way into nested columns, as far as it is known.
        is_volatile: whether it asks clock or randomness.
        is_constant: whether it gives the same value for every row; `constant` is that value.
    """

    def __init__(
        self, text: str, columns: pa.Schema | None = None, options: Options = DEFAULT, tree: Node | None = None
    ) -> None:
        self.text, self.options = text, options
        self._made_of = text, columns, options, tree
        try:
            self.tree: Node = bind(parse(text), text, columns, options) if tree is None else tree
            self.columns = self.tree.columns
            self.fields = self.tree.paths
            self.evaluator: Evaluator = compile_node(self.tree)
            self.is_volatile = self.tree.volatile
            self.is_constant = not self.columns and not self.is_volatile
            self._hash = hash(self.tree)
        except RecursionError:
            raise ExpressionError("The expression is nested too deeply", text) from None
        self._fields: dict[str, pa.Field] = {}  # with what the source says of them beside their types
        if columns is not None:  # only those that are read, since a source may have thousands
            told = [name for name in self.columns if columns.get_field_index(name) >= 0]
            self._fields = {name: columns.field(name) for name in told}
            for name, field in self._fields.items():
                if plain_type(field.type) is None:
                    raise ExpressionError(f"The column {name!r}: {why_unheld(field.type)}", text)
            columns = pa.schema([
                (name, source_type(shapes.numeral_type(field))) for name, field in self._fields.items()
            ])  # fmt: skip
        self._read = columns
        self._annotated: dict[Any, Types] = {}
        self.constant: Any = None
        self._failure: str | None = None
        if self.is_constant:
            try:
                self.constant = run(self.evaluator, Scope({}, Context(options)))
            except Failed as error:
                self._failure = str(error)
        read = columns or pa.schema([])
        passed = _passed(self.tree, {field.name: pa.nulls(0, field.type) for field in read})
        kind = None if passed is None else plain(passed).type
        if kind is None and (columns is not None or self.is_constant):
            kind = self._types(read)[self.folded]
        self.type: pa.DataType | None = _handed_out(kind)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Expression, self._made_of

    def __eq__(self, other: object) -> bool:
        if self is other or not isinstance(other, Expression) or self.is_volatile:
            return self is other
        return (self.tree, self._read, self.options) == (other.tree, other._read, other.options)

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def places(self) -> tuple[Places, Places]:
        """The places in the source that become text inside of it, and those whose values it gives as they are."""
        return places_of(self.folded, self._types(self._read or pa.schema([])))

    @cached_property
    def outline(self) -> pa.DataType:
        """The type of the result, with several kinds side by side where rows differ; null where it is not known."""
        columns = {} if self._read is None else {field.name: pa.nulls(0, field.type) for field in self._read}
        return plain(evaluate(self.folded, Frame(columns, 0, Context(self.options))).values).type

    @cached_property
    def folded(self) -> Node:
        """The tree with its constant parts evaluated."""
        return fold(self.tree, self.options)

    @cached_property
    def _repeated(self) -> frozenset[Node]:
        return repeated([self.folded])

    def _types(self, columns: pa.Schema) -> Types:
        """The types of all nodes of the folded tree for columns of these types."""
        key = tuple(zip(columns.names, columns.types, strict=True))
        if key not in self._annotated:
            self._annotated[key] = annotate(self.folded, dict(key), self.options)
        return self._annotated[key]

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

    def apply(
        self, records: pa.RecordBatch, asked: dict[Node, bool] | None = None, shared: Shared | None = None
    ) -> Column:
        """The values of all rows of `records`; safe to call from several threads at once.

        Args:
            records: a batch with the columns that the expression reads.
            asked: where given, the parts that asked the interpreter are noted here, and whether it was once per
                distinct value.
            shared: what the expressions of a batch have in common (:func:`~xdmprep.language.tree.repeated`); by
                default what this one has in it more than once.

        Returns:
            A column as long as the batch, of a type between kernels (see :mod:`xdmprep.language.shapes`); a field that
            is passed on is as it comes.  It is open, and null, where a row failed, and says why.
        """
        n = records.num_rows
        columns, field = {}, records.schema.field
        for name in self.columns:
            at = records.schema.get_field_index(name)
            if at >= 0:
                columns[name] = source_column(
                    shapes.as_numerals(records.column(at), self._fields.get(name) or field(at))
                )
        if (passed := _passed(self.tree, columns)) is not None:
            return Column(passed)
        keys = None if self.options.seed is None else _row_keys(records, self.columns, self.text)
        if shared is None:
            shared = dict.fromkeys(self._repeated)
        frame = Frame(columns, n, Context(self.options), keys, asked, shared, root=self.folded)
        if self.folded.random and self.options.seed is not None:  # drawn row by row, in the order of the tree
            column = Column(pa.nulls(n), np.ones(n, dtype=bool))
        else:
            column = evaluate(self.folded, frame)
        if column.open is not None and (unknown := without_reason(column)).any():
            given = [Column(frame.column(name)) for name in self.columns]
            column = answered(row_function(self.tree), column, unknown, given, frame, self.tree)
        if (is_open := some(column.open)) is None:
            return Column(column.values)
        return Column(shapes.only_where(column.values, ~is_open), is_open, column.why)

    def interpreted(self, records: pa.RecordBatch) -> list[tuple[str, bool]]:
        """The parts that are evaluated value by value on some rows, and whether once per distinct value that they read.

        Rows that it only decides now and then do not count.
        """
        asked: dict[Node, bool] = {}
        self.apply(records, asked)
        return [(_written(node), once) for node, once in asked.items()]


def _written(node: Node) -> str:
    """What a node does, for people."""
    if not isinstance(node, Call) or node.name in (ARRAY, CHOICE, MAP):
        return "a part of it"
    if node.name.removeprefix(".").isidentifier():
        return f"{node.name}()"
    return ELEMENT if node.name == ELEMENT else f"'{node.name.removesuffix('@')}'"


def _handed_out(kind: pa.DataType | None) -> pa.DataType | None:
    """The type in which columns of a type leave: that of the source where they pass, else without hidden fields."""
    if kind is None:
        return None
    try:
        return shapes.final_type(kind)
    except TypeError:
        return kind


def _row_keys(records: pa.RecordBatch, names: tuple[str, ...], text: str) -> Callable[[int], bytes]:
    """What tells the rows of one batch from all others: the batch's content, the expression and the position."""
    digest = hashlib.blake2b(records.serialize(), digest_size=16)
    digest.update(text.encode())
    base = digest.digest()
    return lambda i: base + i.to_bytes(8, "little")


def _passed(tree: Node, columns: Mapping[str, pa.Array]) -> pa.Array | None:
    """A plain field that is passed on as it is; None for anything else."""
    if not isinstance(tree, FieldPath) or (values := columns.get(tree.names[0])) is None:
        return None
    for name in tree.names[1:]:
        if not pa.types.is_struct(values.type) or values.type.get_field_index(name) < 0:
            return None
        values = pc.struct_field(values, name)
    return None if pa.types.is_floating(values.type) else values  # decimals are looked through for NaN
