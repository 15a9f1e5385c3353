"""The work sets as polars expressions."""

from __future__ import annotations

from typing import Any

import polars as pl
from layout import Field, Tree, columns, guards, is_array, is_dirty, layout_of, tree

_TYPES = {"number": pl.Float64, "integer": pl.Int64, "boolean": pl.Boolean}


def scan(path: str) -> pl.LazyFrame:
    """The CSV, lazily; dates and times stay text, which is what JSON needs."""
    kinds = columns(layout_of(path))
    types: dict[str, Any] = {name: pl.String if is_dirty(path) else _TYPES.get(kind, pl.String)
                             for name, kind in kinds.items()}  # fmt: skip
    frame = pl.scan_csv(path, schema_overrides=types)
    if is_dirty(path):
        casts = [(pl.col(name) == "true") if kind == "boolean" else pl.col(name).cast(_TYPES[kind], strict=False)
                 for name, kind in kinds.items() if kind in _TYPES]  # fmt: skip
        frame = frame.with_columns(casts)
    return frame


def value(leaf: Field) -> pl.Expr:
    """A leaf's value; null where the column has none."""
    column = pl.col(leaf.column)
    if leaf.kind == "timestamp":
        return pl.concat_str(column.str.replace(" ", "T", literal=True), pl.lit("Z"))
    if leaf.kind == "year":
        return column.str.slice(0, 4).cast(pl.Int32, strict=False)
    if leaf.kind == "month-day":
        return column.str.slice(5)
    if leaf.kind in ("true", "false"):
        return pl.when(column.is_not_null()).then(pl.lit(leaf.kind == "true"))
    return column


def nested(node: Tree) -> pl.Expr:
    """A node as a struct, or a list whose absent elements are left out."""
    if is_array(node):
        items = pl.concat_list([_present(member) for member in node.values()])
        return items.list.drop_nulls()
    return pl.struct(**{key: value(m) if isinstance(m, Field) else nested(m) for key, m in node.items()})


def _present(node: Tree) -> pl.Expr:
    return pl.when(pl.any_horizontal(pl.col(leaf.column).is_not_null() for leaf in guards(node))).then(nested(node))


def top(path: str) -> list[pl.Expr]:
    """The columns of the record."""
    root = tree(layout_of(path))
    return [(value(m) if isinstance(m, Field) else nested(m)).alias(key) for key, m in root.items()]


def text(node: Tree | Field) -> pl.Expr:
    """A node as JSON text; null where it is absent."""
    if isinstance(node, Field):
        plain = value(node)
        if node.kind in ("text", "month-day", "date", "timestamp"):
            if node.kind == "text":
                plain = plain.str.replace_many(["\\", '"', "\t", "\n", "\r"], ["\\\\", '\\"', "\\t", "\\n", "\\r"])
            return pl.concat_str(pl.lit('"'), plain, pl.lit('"'))
        return plain.cast(pl.String)
    array = is_array(node)
    parts = [pl.concat_str(pl.lit("," if array else f',"{key}":'), text(m)).fill_null("") for key, m in node.items()]
    joined = pl.concat_str(parts)
    opening, closing = ("[", "]") if array else ("{", "}")
    whole = pl.concat_str(pl.lit(opening), joined.str.slice(1), pl.lit(closing))
    return pl.when(joined != "").then(whole)
