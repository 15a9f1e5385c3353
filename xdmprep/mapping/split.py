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
from ..language.tree import Call, Constant, FieldPath, Node
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
    if not isinstance(source, ExpressionSource):
        return []
    splitter = _Splitter(columns, source.expression, path[0] in IDENTITY_MAPS)
    try:
        made = list(splitter.value(source.expression.tree, arrays))
    except _NotPlain:
        return []
    return made if len({way for way, _ in made}) == len(made) else []


class _Splitter:
    def __init__(self, columns: pa.Schema, whole: Expression, by_id: bool) -> None:
        self.columns, self.whole, self.by_id = columns, whole, by_id
        self.conditions: dict[Node, ExpressionSource] = {}

    def value(self, node: Node, arrays: bool) -> Iterator[tuple[Path, Node]]:
        match node:
            case Call(_, "to_array", (Constant(_, False), *items)) if arrays:
                for number, item in enumerate(items):
                    yield from self._element(number, *_conditional(item))
            case _:
                yield from self._object(node, ())

    def _element(self, number: int, condition: Sequence[Node], node: Node) -> Iterator[tuple[Path, Node]]:
        """The fields of one element.

        Constants of an identity follow its id, so the id must be there where the condition holds.
        """
        fields = dict(self._object(node, (number,)))
        ids = [name for key in ("id", "xdm:id") if (number, key) in fields for name in fields[number, key].columns]
        if self.by_id and not set(ids) & set(map(_there, condition)):
            raise _NotPlain
        for way, source in fields.items():
            follows = self.by_id and isinstance(source, ConstantSource)
            yield way, source if follows else self._where(condition, source)

    def _object(self, node: Node, way: Path) -> Iterator[tuple[Path, Source]]:
        match node:
            case Call(_, "to_object" | "{:}", given) if len(given) % 2 == 0:
                entries = zip(given[::2], given[1::2], strict=True)
            case Constant(_, str() | bool() | int() | float() as value) if way:
                yield way, ConstantSource.of(value, constant_text(value))
                return
            case FieldPath(_, (name,)) if way:
                yield way, ColumnSource.of(self._column(name), (), name)
                return
            case _:
                raise _NotPlain
        for key, inner in entries:
            if not isinstance(key, Constant) or not isinstance(key.value, str):
                raise _NotPlain
            yield from self._object(inner, (*way, key.value))

    def _column(self, name: str) -> pa.Field:
        """A column that passes as it is."""
        at = self.columns.get_field_index(name)
        field = self.columns.field(at) if at >= 0 else pa.field(name, pa.null())
        kind = field.type
        if is_numeral(field) or not (holds_text(kind) or pa.types.is_signed_integer(kind) or pa.types.is_boolean(kind)):
            raise _NotPlain
        return field

    def _where(self, condition: Sequence[Node], source: Source) -> Node:
        """The source, null where the condition does not hold."""
        asked = [part for part in condition if _there(part) not in source.columns]
        if not asked:
            return source
        held = reduce(lambda left, right: Call(left.position, "&&", (left, right)), asked)
        if held not in self.conditions:
            self._must_not_fail(held)
            made = Expression(self.whole.text, self.columns, self.whole.options, held)
            self.conditions[held] = ExpressionSource.of(made, self.columns)
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


def _there(node: Node) -> str | None:
    """The column that a condition asks to be there."""
    match node:
        case Call(_, "!=", (FieldPath(_, (name,)), Constant(_, None))):
            return name
    return None
