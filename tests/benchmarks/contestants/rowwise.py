"""The row-wise way that most scripts go: pandas reads, a loop builds dicts, absent values are left out.

The loop's function is written out from the layout as straight Python (one ``if`` a column, as a person would write it),
so that the contestants do not pay for being general.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
from layout import Field, Tree, columns, is_array, is_dirty, layout_of, tree

_VALUES = {
    "timestamp": '{v}.replace(" ", "T") + "Z"', "year": "int({v}[:4])", "month-day": "{v}[5:]", "true": "True",
    "false": "False", "integer": "int({v})", "boolean": '{v} == "true"',
}  # fmt: skip


def _lines(node: Tree, name: str, places: dict[str, int]) -> Iterator[str]:
    """The lines that fill the dict or list `name`."""
    for key, member in node.items():
        if isinstance(member, Field):
            if member.kind in ("true", "false"):
                continue
            value = f"row[{places[member.column]}]"
            yield f"if {value} is not None: {name}[{key!r}] = " + _VALUES.get(member.kind, "{v}").format(v=value)
        else:
            inner = f"{name}_{key}"
            array = is_array(member)
            yield f"{inner} = {'[]' if array else '{}'}"
            yield from _lines(member, inner, places)
            put = f"{name}.append({inner})" if is_array(node) else f"{name}[{key!r}] = {inner}"
            if not array:
                for constant, leaf in member.items():
                    if isinstance(leaf, Field) and leaf.kind in ("true", "false"):
                        yield f"if {inner}: {inner}[{constant!r}] = {leaf.kind == 'true'}"
            yield f"if {inner}: {put}"


def builder(layout: tuple[Field, ...]) -> Callable[[tuple[Any, ...]], dict[str, Any]]:
    """The function from a row (a tuple in the layout's column order) to a record."""
    places = {name: number for number, name in enumerate(columns(layout))}
    body = "\n    ".join(["record = {}", *_lines(tree(layout), "record", places), "return record"])
    made: dict[str, Any] = {}
    exec(f"def build(row):\n    {body}\n", made)
    function: Callable[[tuple[Any, ...]], dict[str, Any]] = made["build"]
    return function


def rows(path: str) -> Iterator[tuple[Any, ...]]:
    """The file's rows with None for absent values, numbers as numbers."""
    kinds = columns(layout_of(path))
    frame = pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""])[list(kinds)]
    for name, kind in kinds.items():
        if kind in ("number", "integer"):
            frame[name] = pd.to_numeric(frame[name], errors="coerce" if is_dirty(path) else "raise")
    frame = frame.astype(object)
    return frame.where(frame.notna(), None).itertuples(index=False, name=None)
