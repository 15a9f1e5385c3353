"""Where a mapping's values come from: a column, an expression, a constant, a callable.

Each is resolved against the header before the first row, knows its Arrow type where that can be known, and reads a
batch at a time.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..core.arrow_types import holds, inexact, is_text, plain_column, plain_type, type_words
from ..core.names import column_advice, is_datum, namesakes
from ..core.paths import EVERY, Path, parse_path
from ..core.shred import array_at, plain
from ..errors import ExpressionError, MappingError, needed_by, option, printable, shorten
from ..language import Expression, Options, compile_expression
from ..language.evaluation import Shared
from ..language.tree import Node, children
from .convert import Misfit, Positions, texts
from .digits import places_with_doubles
from .fields import FieldMapping, Missing, is_plain_path, may_be_a_name
from .nested import NoSuchField, NoSuchPath, fields_on, type_in
from .tree import First, Made, Step, Where, Zip

#: What is said of rows on which a source fails.
FAILED = "the expression failed"


@dataclass(frozen=True, eq=False)
class Source(Node):
    """A leaf of a mapping's tree: it reads one value per row.

    Equal sources give the same values, so that they are read once for a chunk; unless a kind of source says otherwise,
    each is equal to itself only.

    Attributes:
        text: for messages.
        type: Arrow type; None where it is known per row only.
        columns: the columns that are read.
        absent: columns that it names and the source of rows does not have, where that is allowed.
    """

    position: int = field(default=0, init=False, compare=False, repr=False)
    text: str = field(compare=False)
    type: pa.DataType | None = field(compare=False)
    columns: tuple[str, ...] = field(default=(), kw_only=True)
    absent: tuple[str, ...] = field(default=(), kw_only=True)

    __eq__, __hash__ = object.__eq__, object.__hash__

    def read(self, records: pa.RecordBatch, shared: Shared | None = None) -> Made:
        """The values of some rows; nulls, unless a kind of source says otherwise.

        Args:
            records: the rows.
            shared: what the expressions of the rows have in common.
        """
        return Made(pa.nulls(records.num_rows))


@dataclass(frozen=True)
class ColumnSource(Source):
    """A column, or a place inside a nested one; `field` is that of the place."""

    column: str
    steps: Path
    field: pa.Field = field(compare=False)

    @classmethod
    def of(cls, field: pa.Field, steps: Path, text: str) -> ColumnSource:
        """The source of what is found by walking into a column.

        Raises:
            NoSuchPath: the column's type has no such place.
        """
        kind = type_in(field, steps)
        return cls(text, kind, field.name, steps, fields_on(field, steps)[-1], columns=(field.name,))

    def read(self, records: pa.RecordBatch, shared: Shared | None = None) -> Made:
        """The column itself, without a copy, or what the path finds in it."""
        array = records.column(self.column)
        return Made(array_at(plain(array), self.steps) if self.steps else array)


@dataclass(frozen=True, eq=False)
class ConstantSource(Source):
    """The same value in every row."""

    value: Any

    @classmethod
    def of(cls, value: Any, text: str) -> ConstantSource:
        """The source of a literal.

        Raises:
            MappingError: a number is too large for any type.
        """
        if isinstance(value, bool):
            return cls(text, pa.bool_(), value)
        if isinstance(value, int) and -(2**63) <= value < 2**63:
            return cls(text, pa.int64(), value)
        if isinstance(value, int | float):
            try:
                return cls(text, pa.float64(), float(value))
            except OverflowError:
                raise MappingError(f"the constant {shorten(value)} is too large for any type.") from None
        return cls(text, pa.string(), value)

    def read(self, records: pa.RecordBatch, shared: Shared | None = None) -> Made:
        """The value, repeated; text as one dictionary entry."""
        n = records.num_rows
        if pa.types.is_string(self.type):
            return Made(pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array([self.value])))
        return Made(pa.repeat(pa.scalar(self.value, self.type), n))


@dataclass(frozen=True)
class ExpressionSource(Source):
    """A tree of the language, compiled."""

    expression: Expression
    printed: tuple[Path, ...] = ()
    passed: tuple[Path, ...] = ()

    @classmethod
    def of(cls, expression: Expression, schema: pa.Schema, absent: tuple[str, ...] = ()) -> ExpressionSource:
        """The source of an expression's results.

        Args:
            expression: compiled for the columns.
            schema: the columns of the source.
            absent: columns that the expression names and the source does not have.

        Returns:
            The source; `printed` are the places with doubles that the expression makes text of, `passed` those whose
            doubles it gives as they are.
        """
        printed, passed = (places_with_doubles(schema, places) for places in expression.places)
        columns = expression.columns
        return cls(expression.text, expression.type, expression, printed, passed, columns=columns, absent=absent)

    def as_text(self, target: pa.DataType) -> tuple[Path, ...]:
        """The places with doubles of which there is text in a destination of this type."""
        return (*self.printed, *self.passed) if self.passed and holds(target, is_text) else self.printed

    def usable(self, records: pa.RecordBatch) -> pa.RecordBatch:
        """The rows with the columns that the expression names and the source lacks, as nulls."""
        for name in self.absent:
            records = records.append_column(name, pa.nulls(records.num_rows, pa.string()))
        return records

    def read(self, records: pa.RecordBatch, shared: Shared | None = None) -> Made:
        """The results of the whole batch."""
        records = self.usable(records)
        if self.expression.options.seed is None:  # else all columns tell the rows of a batch from those of others
            records = records.select(self.expression.columns) if self.expression.columns else records
        made = self.expression.apply(records, shared=shared)
        if made.open is None or made.why is None:
            return Made(made.values)
        failed = np.flatnonzero(made.open)
        alone = len(self.columns) == 1 and not self.absent  # most reasons quote the value
        shown = texts(records.column(self.columns[0]), failed) if alone else None
        return Made(made.values, [_failure(failed, made.why.take(pa.array(failed)), shown)])


@dataclass(frozen=True, eq=False)
class CallableSource(Source):
    """A Python callable over whole columns: Arrow arrays, or pandas Series where its parameters say so.

    `columns` feed its parameters in order; without any it is given the record batch.
    """

    call: Callable[..., Any]
    pandas: bool

    def read(self, records: pa.RecordBatch, shared: Shared | None = None) -> Made:
        """The callable's result as an array of as many rows."""
        records = inexact(records)
        given: list[Any] = [plain(records.column(name)) for name in self.columns] if self.columns else [records]
        if self.pandas:
            given = [item.to_pandas() for item in given]
        try:
            array = _as_array(self.call(*given))
        except Exception as error:  # whatever the caller's code raises
            arrow = isinstance(error, AttributeError | TypeError) and not self.pandas
            advice = ". Its arguments are Arrow's; annotated as pd.Series they are pandas'." if arrow else ""
            raise MappingError(f"{self.text} failed: {type(error).__name__}: {error}{advice}") from error
        if array is None or len(array) != records.num_rows:
            got = "no array" if array is None else f"{len(array)} values"
            raise MappingError(f"{self.text} must give one value per row: {got} for {records.num_rows} rows.")
        if pa.types.is_null(array.type):
            return Made(array)
        if plain_type(array.type) is None:
            raise MappingError(f"{self.text} gives values of type {array.type}, which no record can hold.")
        array, unfit = plain_column(array)
        return Made(array, [_failure(item.rows, pa.repeat(item.reason, len(item.rows))) for item in unfit])


def _failure(rows: Positions, why: pa.Array, shown: pa.Array | None = None) -> Misfit:
    """Rows on which a source failed, and why."""
    messages = pc.binary_join_element_wise(FAILED, pc.utf8_rtrim(why, "."), ": ")
    return Misfit("expression", rows, shown, messages=messages)


def sources_of(node: Node) -> Iterator[Source]:
    """The leaves that a node's values come from."""
    match node:
        case Source():
            yield node
        case Step(value):
            yield from sources_of(value)
        case Zip(parts):
            for _, part in parts:
                yield from sources_of(part)


def source_of(node: Node) -> Source:
    """The leaf that a node's values come from, the first where there are several."""
    while isinstance(node, Step):
        node = node.value
    return next(sources_of(node))


def field_of(node: Node) -> pa.Field | None:
    """The field of the source that a node's values are as they come; None if they were made."""
    match node:
        case ColumnSource():
            return node.field
        case Where(value) | First(value):
            return field_of(value)
    return None


def places_of(node: Node, names: Sequence[str]) -> Iterator[Path]:
    """The places in the source that a node looks at; `names` are the source's columns."""
    match node:
        case ColumnSource():
            yield (node.column, *node.steps)
        case ExpressionSource():
            yield from node.expression.fields
        case CallableSource():  # without columns it is given the whole batch
            yield from ((name,) for name in node.columns or names)
        case _:
            yield from chain.from_iterable(places_of(below, names) for below in children(node))


def _as_array(result: Any) -> pa.Array | None:
    if type(result).__module__.startswith("pandas"):
        result = pa.Array.from_pandas(result)
    if isinstance(result, pa.ChunkedArray):
        return result.combine_chunks()
    if isinstance(result, pa.Array):
        return result
    return pa.array(result) if isinstance(result, list | tuple | np.ndarray) else None


def settle(item: FieldMapping, columns: pa.Schema, options: Options, missing: Missing = "error") -> Source:
    """The source of a mapping, for a header.

    Args:
        item: the mapping of one destination.
        columns: the columns of the source, with their Arrow types.
        options: of the mapping set, which expressions are compiled with.
        missing: ``null`` to read a column that is absent as nulls, ``error`` to refuse it.

    Returns:
        What reads the values from a record batch with these columns.

    Raises:
        MappingError: a column is unknown or ambiguous, the expression is wrong, the path does not fit.
    """
    if item.kind == "callable":
        return _callable(item, columns)
    if item.kind == "constant":
        return ConstantSource.of(item.source, item.text)
    text = item.source
    if item.kind in ("auto", "column"):
        if columns.get_all_field_indices(text):
            return _column(text, (), columns, text)
        steps = _steps(text)
        name, *inside = steps or (text,)
        alone = not inside and (is_plain_path(text) or columns.get_field_index(str(name)) >= 0)
        if item.kind == "column" or alone or (steps is not None and _nested(steps, columns)):
            if steps and columns.get_all_field_indices(str(name)):
                return _column(str(name), tuple(inside), columns, text, missing)
            _refuse_repeated((str(name),), columns)
            if missing == "null":
                return _absent(str(name))
            raise MappingError(unknown_column(str(name) if inside else text, columns, item.kind == "auto"))
    return _expression(item, columns, options, missing)


def key_source(name: str, columns: pa.Schema) -> ColumnSource:
    """The column, or the place inside one, that rows are grouped by.

    Raises:
        MappingError: there is none, or it has no single values.
    """
    source = settle(FieldMapping("", name, "column"), columns, Options())
    assert isinstance(source, ColumnSource)  # noqa: S101 (a column is there, or an error was raised)
    if pa.types.is_nested(source.type):
        raise MappingError(f"column '{name}' holds {type_words(source.type)}; give columns of single values.")
    return source


def _absent(column: str) -> Source:
    """The source of a column that is not there."""
    return Source(column, pa.null(), absent=(column,))


def _steps(text: str) -> Path | None:
    try:
        return parse_path(text)
    except ExpressionError:
        return None


def _nested(steps: Path, columns: pa.Schema) -> bool:
    """Whether a bare text is meant as a path into a nested column."""
    if len(steps) < 2 or not columns.get_all_field_indices(str(steps[0])):
        return False
    return EVERY in steps or isinstance(steps[1], int) or pa.types.is_nested(columns.field(steps[0]).type)


def may_be_inside(name: str, columns: pa.Schema) -> bool:
    """Whether the name of a column is a path into another column as well."""
    steps = _steps(name)
    if steps is None or len(steps) < 2 or not _nested(steps, columns):
        return False
    try:
        type_in(columns.field(str(steps[0])), steps[1:])
    except NoSuchPath:
        return False
    return True


def _column(name: str, steps: Path, columns: pa.Schema, text: str, missing: Missing = "error") -> Source:
    _refuse_repeated((name,), columns)
    try:
        return ColumnSource.of(columns.field(name), steps, text)
    except NoSuchField:
        if missing == "null":
            return _absent(text)
        raise


def unknown_column(name: str, columns: pa.Schema, may_be_constant: bool = False) -> str:
    """The message for a column that the source does not have."""
    near = column_advice(name, columns)
    if not near:
        shown = ", ".join(printable(each, 60) for each in columns.names[:12])
        shown += ", ..." if len(columns) > 12 else ""
        near = f" It has {shown}." if columns.names else " It has no columns."
        if any(map(is_datum, columns.names)):
            how = option("names", ("A", "B", "C"))
            near += f" If that is a row, name the columns: {how} for a CSV file, frame.columns = [...] for a DataFrame."
        elif may_be_constant and columns.names:
            near += f""" A constant string has quotes of its own: '"{printable(name, 60)}"'."""
    return f"the source has no column {shorten(name)}.{near}"


def _refuse_repeated(names: Iterable[str], columns: pa.Schema) -> None:
    """Refuse names that several columns of the source have.

    Raises:
        MappingError: a name stands for several columns; the message says how to name each.
    """
    for name in names:
        places = len(columns.get_all_field_indices(name))
        if places > 1:
            raise MappingError(f"column {shorten(name)} occurs more than once in the source. Rename one of them.")
        if not places and (found := namesakes(name, columns.names)):
            shown = ", ".join(shorten(each) for each in found[:8])
            raise MappingError(
                f"column {shorten(name)} occurs {len(found)} times in the source. Name the one that is meant, "
                f"as one of {shown}, or rename the columns."
            )


def _expression(item: FieldMapping, columns: pa.Schema, options: Options, missing: Missing) -> Source:
    text = str(item.source)
    absent: tuple[str, ...] = ()
    try:
        if missing == "null":
            named = compile_expression(text, None, options).columns
            _refuse_repeated(named, columns)
            absent = tuple(name for name in named if columns.get_field_index(name) < 0)
            for name in absent:
                columns = columns.append(pa.field(name, pa.string()))
        expression = compile_expression(text, columns, options)
    except ExpressionError as error:
        with suppress(ExpressionError):
            _refuse_repeated(compile_expression(text, None, options).columns, columns)
        if item.kind == "auto" and may_be_a_name(text):
            raise MappingError(unknown_column(text, columns, True)) from None
        raise error
    _refuse_repeated(expression.columns, columns)
    faults = expression.faults()
    if faults:
        raise MappingError([str(fault) for fault in faults])
    if expression.is_constant and isinstance(expression.constant, str | int | float | bool):
        return ConstantSource.of(expression.constant, text)
    return ExpressionSource.of(expression, columns, absent)


def _callable(item: FieldMapping, columns: pa.Schema) -> CallableSource:
    names = item.columns
    try:
        parameters = [
            p for p in inspect.signature(item.source).parameters.values() if p.default is p.empty and p.kind <= 1
        ]
    except (TypeError, ValueError):
        parameters = []
    notes = [getattr(p.annotation, "__name__", str(p.annotation)) for p in parameters]
    over_series = any(note.split(".")[-1] in ("Series", "DataFrame") for note in notes)
    if over_series:
        with needed_by("A callable over pandas Series"):
            import pandas  # noqa: F401 (Arrow's to_pandas needs it)
    given = tuple(p.name for p in parameters)
    if not names and not (len(given) == 1 and columns.get_field_index(given[0]) < 0):
        names = given
    for name in names:
        if columns.get_field_index(name) < 0:
            hint = "" if item.columns else " Parameters are columns; or give {'call': f, 'columns': [...]}."
            raise MappingError(unknown_column(name, columns) + hint)
        _column(name, (), columns, name)
    source = CallableSource(item.text, None, item.source, over_series, columns=names)
    empty = pa.RecordBatch.from_pylist([], schema=columns)
    made = source.read(empty).values
    kind = made.type if isinstance(made, pa.Array) else pa.null()
    return replace(source, type=None if pa.types.is_null(kind) else kind)
