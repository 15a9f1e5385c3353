"""The Data Prep expression language: expressions on one record or on whole columns.

::

    grammar, tree        text to tree
    values,              the value rules of the engine: text, truth, order, arithmetic; dates and their zones; Java date
    zoned_datetime,      patterns
    date_fields,
    date_letters, zones,
    java_time_format
    catalogue, functions the table of functions, methods and operators: what each takes and gives, its reference and
                         its kernel
    binding              names settled against the table and the source's columns
    interpreter          the reference: one expression on one record
    columns, shapes      every value of the language as a typed column
    kernels              what works on whole columns, and on which kinds of them
    evaluation           a tree folded, its types, and its columns: kernels, and the interpreter where none exists
    expression           an expression compiled for batches of rows
    coercion             values to the type of their destination
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from ..core.documents import why_unfit
from ..core.stream import TIMESTAMP
from ..errors import ExpressionError, UsageError, did_you_mean, shorten
from .catalogue import Context, Function
from .coercion import coerce, coerce_value
from .columns import NUMERAL
from .expression import Expression
from .functions import catalogue
from .interpreter import Scope, run
from .options import DEFAULT, Options
from .values import Failed, incoming, leaves_changed
from .zoned_datetime import Moment

__all__ = [
    "NUMERAL",
    "Expression",
    "Function",
    "Options",
    "catalogue",
    "coerce",
    "compile_expression",
    "evaluate",
]

_TYPES: dict[str, pa.DataType] = {
    "string": pa.string(), "number": pa.float64(), "double": pa.float64(), "long": pa.int64(), "integer": pa.int32(),
    "int": pa.int32(), "short": pa.int16(), "byte": pa.int8(), "boolean": pa.bool_(), "date": pa.date32(),
    "date-time": TIMESTAMP,
}  # fmt: skip


def compile_expression(text: str, columns: pa.Schema | None = None, options: Options = DEFAULT) -> Expression:
    """`text` ready to run on batches of rows.

    Args:
        text: an expression of the language.
        columns: the source's columns; a column that the expression reads and the source lacks is then a fault, and
            the types of the columns decide the type of the result.
        options: the readings of open points, clock and seed.

    Raises:
        ExpressionError: the expression is wrong; with its position.
    """
    return Expression(text, columns, options)


_TOO_DEEP = "evaluate: the record is nested too deep, or contains itself."


def evaluate(
    text: str,
    record: Mapping[str, Any] | None,
    *,
    target_type: str | None = None,
    strict: bool = False,
    options: Options = DEFAULT,
) -> Any:
    """One expression on one record.

    Args:
        text: an expression of the language.
        record: a dict as from JSON; None for an empty one.
        target_type: XDM type of the destination the result is converted to, such as ``date-time``.
        strict: raise where the evaluation fails; otherwise the result is then None.
        options: the readings of open points, clock and seed.

    Returns:
        A JSON-like value; dates as ISO-8601 text.

    Raises:
        ExpressionError: the expression is wrong; or, with `strict`, its evaluation failed.
        UsageError: there is no such `target_type`, an argument is of another type, or the record is nested too deep.

    Examples:
        >>> xp.evaluate('concat(first, " ", last)', {"first": "Ada", "last": "Byron"})
        'Ada Byron'
        >>> xp.evaluate('date(day, "dd.MM.yyyy")', {"day": "10.12.1815"}, target_type="date")
        '1815-12-10'
    """
    if not isinstance(text, str):
        raise UsageError(f"evaluate: an expression is a string, got {shorten(text)}.")
    if record is not None and not isinstance(record, Mapping):
        raise UsageError(f"evaluate: a record is a dict, got {shorten(record)}.")
    if not isinstance(strict, bool):
        raise UsageError(f"evaluate: strict is true or false, got {shorten(strict)}.")
    if not isinstance(options, Options):
        raise UsageError(f"evaluate: options are Options, got {shorten(options)}.")
    if target_type is not None and not (isinstance(target_type, str) and target_type in _TYPES):
        raise UsageError(f"{shorten(target_type)} is no XDM type.{did_you_mean(target_type, _TYPES)}")
    if record and why_unfit(record, surrogates=False) is not None:
        raise UsageError(_TOO_DEEP)
    expression = Expression(text, None, options)
    try:
        value = run(expression.evaluator, Scope(leaves_changed(record or {}, _arriving), Context(options)))
        if target_type is not None:
            value = coerce_value(value, _TYPES[target_type], options)
    except Failed as error:
        if strict:
            raise ExpressionError(f"The evaluation failed: {error}", text) from None
        return None
    except RecursionError:
        raise UsageError(_TOO_DEEP) from None
    try:
        return jsonlike(value)
    except RecursionError:
        raise UsageError(_TOO_DEEP) from None


def _arriving(leaf: Any) -> Any:
    """A value of the caller's record as the language has it; numpy's as Python's."""
    if isinstance(leaf, np.datetime64):
        leaf = leaf.astype("datetime64[us]").item()
    elif isinstance(leaf, np.generic):
        leaf = float(str(leaf)) if isinstance(leaf, np.floating) else leaf.item()
    return None if type(leaf).__name__ == "NaTType" else incoming(leaf)


def jsonlike(value: Any) -> Any:
    """`value` with dates as ISO-8601 text."""
    return leaves_changed(value, _dates_written)


def _dates_written(leaf: Any) -> Any:
    if isinstance(leaf, Moment):
        return str(leaf)
    if not hasattr(leaf, "isoformat"):
        return leaf
    return str(Moment.of(leaf)) if hasattr(leaf, "hour") else leaf.isoformat()
