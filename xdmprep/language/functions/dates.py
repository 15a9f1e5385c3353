"""Date functions."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from ...flow import TIMESTAMP
from ..catalogue import Context, function, text
from ..javatime import read_date
from ..moment import Moment
from ..values import Failed, kind_of


def moment(ctx: Context, value: Any) -> Moment:
    """A date argument; a text is read in one of the automatic formats."""
    if isinstance(value, Moment):
        return value
    if isinstance(value, str):
        return read_date(value, ctx.options)
    raise Failed(f"a date is expected, not {kind_of(value)}")


@function("date(text, [format], [default])", "The date that the text names, in a Java date format; `default` for null.",
          'date("23.10.2019", "dd.MM.yyyy")', "2019-10-23T00:00:00Z", category="date", result=TIMESTAMP)  # fmt: skip
def date(ctx: Context, value: Any, format_: Any = None, default: Any = None) -> Any:
    if value is None or value == "":
        return default
    if isinstance(value, Moment):
        return value
    return read_date(text(value), ctx.options) if format_ is None else ctx.pattern(format_).read(text(value))


@function("format(date, format)", "The date as text in a Java date format.",
          'format(date("2019-10-23"), "dd/MM/yyyy")', "23/10/2019", category="date", result=pa.string())  # fmt: skip
def format_date(ctx: Context, value: Any, format_: Any) -> str | None:
    return None if value is None else ctx.pattern(format_).print(moment(ctx, value))
