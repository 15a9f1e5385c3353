"""A calculated object as its fields: ``to_object("a", A, "b", B)`` into ``x`` maps A to ``x.a`` and B to ``x.b``.

Likewise ``to_array(false, iif(A != null, to_object("id", A), null), ...)`` maps to ``x[0].id`` and so on: of an array
that is made of fields only the elements that are there are written, which is what ``to_array(false, ...)`` asks for.
Fields are columns that pass as they are, so the object never has to be made.  Only what cannot fail is split, since an
object fails as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce

import pyarrow as pa

from ..core.arrow_types import holds_text
from ..core.ndjson.fields import is_numeral
from ..core.paths import Path
from ..language import Expression
from ..language.tree import MAP, Call, Constant, FieldPath, Node
from .destinations import IDENTITY_MAPS
from .fields import constant_text
from .sources import ColumnSource, ConstantSource, ExpressionSource, Source
from .tree import Where


class _NotPlain(Exception):
    """A part may fail, or is none that stands for itself."""


def split(source: Source, path: Path, columns: pa.Schema, arrays: bool) -> list[tuple[Path, Node]]:
    """The fields of the object, or of the objects in an array, that an expression makes.

    Args:
        source: where the value comes from.
        path: where it goes.
        columns: the source's columns.
        arrays: whether arrays may be split too.

    Returns:
        The way from `path` to each field, and what is there; nothing where the value is to be made as a whole.
    """
    if not isinstance(source, ExpressionSource) or source.absent:
        return []
    splitter = _Splitter(columns, source.expression, path)
    try:
        made = list(splitter.value(source.expression.tree, arrays))
    except _NotPlain:
        return []
    ways = [way for way, _ in made]
    return made if len(set(ways)) == len(ways) else []


class _Splitter:
    def __init__(self, columns: pa.Schema, whole: Expression, path: Path) -> None:
        self.columns, self.whole, self.path = columns, whole, path
        self.conditions: dict[Node, ExpressionSource] = {}

    def value(self, node: Node, arrays: bool) -> Iterator[tuple[Path, Node]]:
        match node:
            case Call(_, "to_array", (Constant(_, False), *items)) if arrays:
                for number, item in enumerate(items):
                    condition, inner = _conditional(item)
                    yield from self._element(inner, number, condition)
            case Call(_, "to_object" | "{:}"):
                yield from self._object(node, (), [])
            case _:
                raise _NotPlain

    def _element(self, node: Node, number: int, condition: Sequence[Node]) -> Iterator[tuple[Path, Node]]:
        by_id = len(self.path) == 2 and self.path[0] in IDENTITY_MAPS
        fields = dict(self._object(node, (number,), condition, by_id))
        if by_id:  # constants of an identity follow its id, which must be there where the condition holds
            ids = dict(self._object(node, (number,), [], True))
            names = [getattr(ids.get((number, key)), "column", None) for key in ("id", "xdm:id")]
            if not any(name is not None and name in map(_asked_for, condition) for name in names):
                raise _NotPlain
        yield from fields.items()

    def _object(
        self, node: Node, way: Path, condition: Sequence[Node], by_id: bool = False
    ) -> Iterator[tuple[Path, Node]]:
        match node:
            case Call(_, "to_object" | "{:}", given) if len(given) % 2 == 0:
                entries = list(zip(given[::2], given[1::2], strict=True))
            case _:
                raise _NotPlain
        for key, value in entries:
            if not isinstance(key, Constant) or not isinstance(key.value, str):
                raise _NotPlain
            here = (*way, key.value)
            if isinstance(value, Call) and value.name in ("to_object", MAP):
                yield from self._object(value, here, condition, by_id)
                continue
            source = self._plain(value)
            follows = by_id and isinstance(source, ConstantSource)
            yield here, source if follows else self._where(condition, value, source)

    def _plain(self, node: Node) -> Source:
        """A column that passes as it is, or a constant."""
        match node:
            case Constant(_, str() | bool() | int() | float() as value):
                return ConstantSource.of(value, constant_text(value))
            case FieldPath(_, (name,)):
                return ColumnSource.of(self._column(name), (), name)
        raise _NotPlain

    def _column(self, name: str) -> pa.Field:
        if self.columns.get_field_index(name) < 0:
            raise _NotPlain
        field = self.columns.field(name)
        kind = field.type
        if is_numeral(field) or not (holds_text(kind) or pa.types.is_signed_integer(kind) or pa.types.is_boolean(kind)):
            raise _NotPlain
        return field

    def _where(self, condition: Sequence[Node], value: Node, source: Source) -> Node:
        """The source, null where the condition does not hold."""
        own = _named(value)
        asked = [part for part in condition if own is None or _asked_for(part) != own]
        if not asked:
            return source
        for part in asked:
            self._must_not_fail(part)
        held = reduce(lambda left, right: Call(left.position, "&&", (left, right)), asked)
        if held not in self.conditions:
            made = Expression(self.whole.text, self.columns, self.whole.options, held)
            self.conditions[held] = ExpressionSource.of(made)
        return Where(source, self.conditions[held])

    def _must_not_fail(self, node: Node) -> None:
        match node:
            case Call(_, "&&" | "||", (left, right)):
                self._must_not_fail(left)
                self._must_not_fail(right)
            case Call(_, "!@", (inner,)):
                self._must_not_fail(inner)
            case Call(_, "==" | "!=", (FieldPath(_, (name,)), Constant(_, None | str()))):
                if not holds_text(self._column(name).type):
                    raise _NotPlain
            case _:
                raise _NotPlain


def _conditional(node: Node) -> tuple[list[Node], Node]:
    """The parts of a condition that must all hold for an element to be there, and the element."""
    match node:
        case Call(_, "iif" | "?", (condition, yes, Constant(_, None))):
            return list(_conjuncts(condition)), yes
    return [], node


def _conjuncts(node: Node) -> Iterator[Node]:
    if isinstance(node, Call) and node.name == "&&":
        for part in node.arguments:
            yield from _conjuncts(part)
    else:
        yield node


def _named(node: Node) -> str | None:
    """The column that a node is."""
    return node.names[0] if isinstance(node, FieldPath) and len(node.names) == 1 else None


def _asked_for(node: Node) -> str | None:
    """The column that a condition asks to be there."""
    match node:
        case Call(_, "!=", (FieldPath(_, (name,)), Constant(_, None))):
            return name
    return None
