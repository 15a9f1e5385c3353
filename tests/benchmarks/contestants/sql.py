"""The work sets as SQL expressions, for DuckDB and for DataFusion."""

from __future__ import annotations

from collections.abc import Callable

from layout import GROUPS, Field, Tree, columns, guards, is_array, is_dirty, layout_of, name_of, tree

Struct = Callable[[dict[str, str]], str]
List = Callable[[list[str]], str]
Member = Callable[[str, str], str]

_TYPES = {"number": "DOUBLE", "integer": "BIGINT", "boolean": "BOOLEAN"}


def column_types(path: str) -> dict[str, str]:
    """Column -> SQL type; all text where the file has values that do not parse."""
    kinds = columns(layout_of(path))
    return {name: "VARCHAR" if is_dirty(path) else _TYPES.get(kind, "VARCHAR") for name, kind in kinds.items()}


class Record:
    """The record's columns as SQL.

    Args:
        path: the CSV file.
        struct, listed: how the engine writes a struct and a list.
        typed: make dates and times of the engine's types (for Parquet) instead of text (for JSON).
        member: how the engine takes a text out of the object that a column's text holds.
        gathered, first: its aggregates for the elements of a list and for the first value.
    """

    def __init__(
        self,
        path: str,
        struct: Struct,
        listed: List,
        typed: bool = False,
        member: Member = "{} ->> '$.{}'".format,
        gathered: str = "list",
        first: str = "any_value",
    ) -> None:
        self.layout, self.dirty = layout_of(path), is_dirty(path)
        self.struct, self.listed, self.typed, self.member, self.gathered = struct, listed, typed, member, gathered
        self.group, self.order = GROUPS.get(name_of(path), ("", ""))
        self.first = first if self.group else ""

    @property
    def grouping(self) -> str:
        """The clause that brings the rows of a record together."""
        return f' GROUP BY "{self.group}"' if self.group else ""

    def top(self) -> str:
        """The select list."""
        members = tree(self.layout).items()
        return ", ".join(f'{self._any(member)} AS "{key}"' for key, member in members)

    def _any(self, node: Tree | Field) -> str:
        if isinstance(node, Field):
            return self._value(node)
        if "*" in node:
            first, self.first = self.first, ""
            element = self._any(node["*"])
            self.first = first
            return f'{self.gathered}({element} ORDER BY "{self.order}")'
        if is_array(node):
            return self.listed([self._present(member) for member in node.values()])
        return self.struct({key: self._any(member) for key, member in node.items()})

    def _present(self, node: Tree) -> str:
        there = " OR ".join(f"{self._first(chr(34) + leaf.column + chr(34))} IS NOT NULL" for leaf in guards(node))
        return f"CASE WHEN {there} THEN {self._any(node)} END"

    def _first(self, value: str) -> str:
        return f"{self.first}({value})" if self.first else value

    def _value(self, leaf: Field) -> str:
        return self._first(self._of_row(leaf))

    def _of_row(self, leaf: Field) -> str:
        column = f'"{leaf.column}"'
        cast = "TRY_CAST" if self.dirty else "CAST"
        if leaf.kind == "timestamp":
            return f"{cast}({column} AS TIMESTAMP)" if self.typed else f"replace({column}, ' ', 'T') || 'Z'"
        if leaf.kind == "instant":
            return f"{cast}({column} AS TIMESTAMP)" if self.typed else f"replace({column}, '.000Z', 'Z')"
        if leaf.kind.startswith("json:"):
            return self.member(column, leaf.kind.removeprefix("json:"))
        if leaf.kind == "date" and self.typed:
            return f"{cast}({column} AS DATE)"
        if leaf.kind == "year":
            return f"{cast}(substr({column}, 1, 4) AS INTEGER)"
        if leaf.kind == "month-day":
            return f"substr({column}, 6)"
        if leaf.kind in ("true", "false"):
            return f"CASE WHEN {column} IS NOT NULL THEN {leaf.kind} END"
        if self.dirty and leaf.kind in _TYPES:
            return f"TRY_CAST({column} AS {_TYPES[leaf.kind]})"
        return column
