"""Rows that are no dicts: named tuples, rows of databases, dataclasses, models; and what to do with other objects."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from inspect import isasyncgen
from typing import Any

from ..core.names import unique_names
from ..errors import SourceError, XdmPrepError, shorten


def as_row(row: Any) -> Mapping[Any, Any] | None:
    """A row as a dict of its columns; None where it has no names for them."""
    if isinstance(row, Mapping):
        return row
    if isinstance(row, tuple):
        names = getattr(row, "_fields", None) or getattr(row, "__fields__", None)  # named tuples; rows of Spark
        return None if names is None else dict(zip(names, row, strict=True))
    if type(row).__module__ == "sqlite3":
        return dict(zip(unique_names(row.keys()), row, strict=True))
    return as_object(row)


def as_object(value: Any) -> Mapping[Any, Any] | None:
    """An object with declared fields as a dict: a dataclass, a class of attrs, a model of pydantic; else None."""
    if isinstance(value, type):
        return None
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if (declared := getattr(type(value), "__attrs_attrs__", None)) is not None:
        return {field.name: getattr(value, field.name) for field in declared}
    dump = getattr(value, "model_dump", None)
    made = dump() if callable(dump) else None
    return made if isinstance(made, Mapping) else None


def why_no_row(row: Any) -> str:
    """What a row is that has no columns, and what to do."""
    kind = type(row).__name__
    if isinstance(row, list | tuple):
        return (
            f"is a {kind} of values without names. Make dicts of such rows, as with dict(zip(names, row)); "
            "csv.DictReader does in place of csv.reader."
        )
    if isinstance(row, str):
        return "is a string. Give several files as a list of paths alone; a row is a dict of column -> value."
    return f"is of type {kind}. A row is a dict of column -> value."


def of_cursor(cursor: Iterator[Any]) -> Iterator[Any]:
    """The rows of a cursor (DB-API), with the names of its columns; those of any other iterator as they are."""
    described = getattr(cursor, "description", None)
    if not isinstance(described, list | tuple) or not described:
        return cursor
    names = unique_names([str(column[0]) for column in described])
    return (dict(zip(names, row, strict=True)) if type(row) in (tuple, list) else row for row in cursor)


def guarded(items: Iterable[Any], name: str, size: Callable[[Any], int] = lambda _: 1) -> Iterator[Any]:
    """The same items; what the caller's code raises while they are made becomes a SourceError."""
    rows = 0
    try:
        for item in items:
            rows += size(item)
            yield item
    except XdmPrepError:
        raise
    except Exception as error:
        lines = str(error).strip().splitlines()
        said = f": {shorten(lines[0], 200)}" if lines else ""
        raise SourceError(
            f"{name}: cannot be read to the end; {type(error).__name__} was raised after row {rows:,}{said}."
        ) from error


def why_no_source(given: Any) -> str:
    """What an object is that has no rows, and what to give instead."""
    kind, module = type(given).__name__, type(given).__module__.partition(".")[0].lstrip("_")
    advice = "Give a path, a DataFrame, rows that are dicts, a dict of columns, or an object with __arrow_c_stream__."
    if isinstance(given, bytes | bytearray | memoryview):
        advice = "Give the bytes of a file as io.BytesIO(data)."
    elif isasyncgen(given) or hasattr(given, "__aiter__"):
        advice = "Collect its rows first: [row async for row in rows]."
    elif module == "numpy":
        advice = "Its columns have no names: give pandas.DataFrame(array, columns=names)."
    elif module == "duckdb":
        advice = "Give a relation, as made by connection.sql(query)."
    elif kind == "Connection":
        advice = "Give the cursor of a query, as made by connection.execute(query)."
    elif module in ("pandas", "polars"):
        advice = "Give a DataFrame."
    elif isinstance(given, type) or callable(given):
        advice = "Call it, and give what it returns."
    return f"{kind} is not a source. {advice}"
