"""Chooses a plan for every part of a tree: a kernel where there is one, else the interpreter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .binding import columns_of
from .calls import CALLS, coalesce, iif
from .columns import (
    BOOL,
    DOUBLE,
    EXACT,
    LONG,
    MOMENT,
    TEXT,
    Column,
    merged,
    nulls_of,
    plain,
    some,
)
from .functions import table
from .interpreter import compile_node
from .kernels import numbers, texts
from .options import Options
from .plan import Fixed, Flat, Interpreted, Kernel, Lists, OnWords, Plan, Source, normal_type
from .statics import element_schema, static_type
from .textcalls import blank, tested
from .tree import (
    Binary,
    Call,
    Conditional,
    Constant,
    Element,
    Field,
    Lambda,
    Method,
    Node,
    Unary,
    children,
    rebuild,
)
from .values import number_in

_SPLICE = "\0"


def _results(node: Node | None) -> Iterator[Node]:
    """The parts of which one gives the value of an expression."""
    match node:
        case Call(_, "iif", (_, yes, no)) | Conditional(_, _, yes, no):
            yield from _results(yes)
            yield from _results(no)
        case None:
            return
        case _:
            yield node


@dataclass
class Planner:
    """Plans the parts of one expression.

    Args:
        schema: the source's columns, lambda variables included.
        whole: the expression, whose value is kept as an instant.
    """

    schema: pa.Schema | None
    options: Options
    whole: Node | None = None

    def is_instant(self, arguments: tuple[Node, ...]) -> bool:
        """Whether only the instant of a call with these arguments counts: it gives the value of the expression."""
        return any(isinstance(node, Call) and node.arguments is arguments for node in _results(self.whole))

    def plan(self, node: Node) -> Plan | None:
        """The plan of a bound tree; None where its type is known per row only."""
        kind = static_type(node, self.schema, self.options)
        if kind is None or pa.types.is_null(kind):
            null = kind is not None and (
                isinstance(node, Constant | Field) or node == Call(node.position, "nullify", ())
            )
            return Fixed(pa.null(), frozenset(), True, None) if null else None
        made = self._kernel(node, kind)
        if made is None:
            return self.interpreted(node, kind)
        if (isinstance(made, Kernel) and made.reads) or (isinstance(made, Flat) and len(made.reads) == 1):
            return OnWords(made.type, made.reads, made.exact, made)
        return made

    def interpreted(self, node: Node, kind: pa.DataType) -> Plan:
        """A plan that asks the interpreter, with the parts below that have kernels worked out before."""
        parts: dict[str, Plan] = {}
        random = _is_random(node)
        spliced = node if random else self._splice(node, parts, top=True)
        names = [name for name in columns_of(spliced) if name not in parts]
        inputs: tuple[tuple[str, Plan | None], ...] = (*[(name, None) for name in names], *parts.items())
        reads = frozenset(names).union(*[part.reads for part in parts.values()])
        doubles = isinstance(node, Call) and table()[node.name].result == DOUBLE  # others may give integers as well
        exact = kind in (TEXT, LONG, BOOL, pa.list_(TEXT)) or (kind == DOUBLE and doubles)
        made = Interpreted(kind, reads, exact, compile_node(spliced), inputs, random, self.options)
        if len(reads) == 1 and not random and exact:
            return OnWords(kind, reads, exact, made)
        return made

    def _splice(self, node: Node, parts: dict[str, Plan], top: bool = False) -> Node:
        """`node` with parts below it that have kernels replaced by fields of their own."""
        if isinstance(node, Lambda | Constant) or (isinstance(node, Field) and len(node.names) == 1):
            return node
        if not top:
            kind = static_type(node, self.schema, self.options)
            made = self._kernel(node, kind) if kind is not None else None
            if made is not None and made.exact and made.type in (TEXT, LONG, DOUBLE, BOOL, MOMENT) and made.reads:
                name = f"{_SPLICE}{len(parts)}"
                wrapped = isinstance(made, Kernel)
                parts[name] = OnWords(made.type, made.reads, True, made) if wrapped else made
                return Field(node.position, (name,), True)
        return rebuild(node, tuple(self._splice(child, parts) for child in children(node)))

    def _kernel(self, node: Node, kind: pa.DataType) -> Plan | None:
        """A plan without the interpreter at its top; None where there is no kernel."""
        match node:
            case Constant(_, value):
                return Fixed(kind, frozenset(), True, value) if kind in (TEXT, LONG, DOUBLE, BOOL, MOMENT) else None
            case Field(_, (name,), _) if pa.types.is_list(kind) and self.schema is not None:
                return Lists(kind, frozenset({name}), kind == pa.list_(TEXT), name)
            case Field(_, names, _):
                return self._source(names)
            case Call(_, "transformArray" | "filterArray" as name, (items, Lambda(_, (variable,), body))):
                return self._flat(items, variable, body, name == "filterArray", kind)
            case Call(_, "first" | "last" as name, (value,)):
                return self._element(value, 0 if name == "first" else -1, kind)
            case Call(_, name, arguments):
                builder = CALLS.get(name)
                return None if builder is None else builder(self, arguments, kind)
            case Element(_, value, Constant(_, int(at))) if at >= 0:
                return self._element(value, at, kind)
            case Method(_, value, "equals" | "equalsIgnoreCase" as name, (other,)):
                return self._equals(value, other, name == "equals")
            case Conditional(_, condition, yes, no):
                return iif(self, (condition, yes, no), kind)
            case Unary(_, "!", operand):
                return self._not(operand)
            case Unary(_, "empty", operand):
                return blank(self, (operand,), kind)
            case Binary(_, operator, left, right):
                return self._binary(operator, left, right, kind)
        return None

    def _flat(self, items: Node, variable: str, body: Node, keeps: bool, kind: pa.DataType) -> Plan | None:
        """A lambda over the elements of all lists."""
        lists = self.plan(items)
        if lists is None or not (lists.exact or isinstance(lists, Lists)):
            return None
        inner = element_schema(lists.type, variable, self.schema)
        if inner is None or _is_random(body):
            return None
        planner = Planner(inner, self.options)
        plan = planner.condition(body) if keeps else planner.plan(body)
        if plan is None or isinstance(plan, Fixed) or not plan.exact:
            return None
        reads = lists.reads | (plan.reads - {variable})
        return Flat(kind, reads, kind == pa.list_(TEXT), lists, plan, variable, keeps)

    def _source(self, names: tuple[str, ...]) -> Plan | None:
        if self.schema is None or self.schema.get_field_index(names[0]) < 0:
            return None
        kind = self.schema.field(names[0]).type
        for name in names[1:]:
            if not pa.types.is_struct(kind) or kind.get_field_index(name) < 0:
                return None
            kind = kind.field(name).type
        target = normal_type(kind)
        if target is None or (len(names) > 1 and pa.types.is_dictionary(kind)):
            return None
        return Source(target, frozenset(names[:1]), True, names[0], names[1:])

    def _element(self, value: Node, at: int, kind: pa.DataType) -> Plan | None:
        part = self.exact(value)
        if part is None or part.type != pa.list_(TEXT):
            return None

        def work(x: Column) -> Column:
            offsets = x.values.offsets.to_numpy()
            here = offsets[:-1] + at if at >= 0 else offsets[1:] + at
            inside = (here >= offsets[:-1]) & (here < offsets[1:]) & ~nulls_of(x.values)
            return Column(x.values.values.take(pa.array(here, mask=~inside)), x.open)

        return self.made(kind, [part], work)

    def exact(self, node: Node) -> Plan | None:
        """The plan of `node` if other kernels may build on it."""
        found = self.plan(node)
        if found is None or found.exact:
            return found
        if isinstance(node, Binary) and isinstance(found, Kernel | OnWords) and found.type == DOUBLE:
            return self._sum(node.operator, node.left, node.right, DOUBLE, exact=True)
        return None

    def valued(self, node: Node) -> Plan | None:
        """The plan of `node` if its values are right as numbers (a double column may show the integer 5 as 5.0)."""
        found = self.plan(node)
        return found if found is not None and (found.exact or found.type == DOUBLE) else None

    def all_exact(self, nodes: tuple[Node, ...]) -> list[Plan] | None:
        """The plans of `nodes` if there is an exact one for each."""
        found = [self.exact(node) for node in nodes]
        return None if None in found else [plan for plan in found if plan is not None]

    def made(self, kind: pa.DataType, parts: list[Plan], work: Callable[..., Column], scalars: bool = False) -> Kernel:
        """A kernel plan over `parts`; with `scalars` it takes constants as scalars (unless all are constant)."""
        reads = frozenset().union(*[part.reads for part in parts])
        exact = kind == BOOL or all(part.exact for part in parts)
        return Kernel(kind, reads, exact, tuple(parts), work, scalars and bool(reads))

    def _not(self, operand: Node) -> Plan | None:
        part = self.condition(operand)
        if part is None:
            return None
        return self.made(BOOL, [part], lambda held: Column(pc.invert(held.values), held.open))

    def condition(self, node: Node) -> Plan | None:
        """`node` as a boolean column without nulls."""
        part = self.exact(node)
        if part is None or part.type not in (BOOL, LONG, DOUBLE, TEXT):
            return None
        strict = self.options.null_condition == "error"

        def work(column: Column) -> Column:
            is_open = merged(column.open, some(nulls_of(column.values))) if strict else column.open
            return Column(pa.array(texts.truth(column.values)), is_open)

        return self.made(BOOL, [part], work)

    def _binary(self, operator: str, left: Node, right: Node, kind: pa.DataType) -> Plan | None:
        if operator in ("&&", "||"):
            return self._logic(operator, left, right)
        if operator in ("==", "!=", "<", "<=", ">", ">="):
            return self._comparison(operator, left, right)
        if operator == "??":
            return coalesce(self, (left, right), kind)
        if operator in ("+", "-", "*", "/", "%"):
            return self._sum(operator, left, right, kind)
        if operator in ("=~", "!~", "=^", "!^", "=$", "!$"):
            return tested(self, operator, left, right)
        return None

    def _logic(self, operator: str, left: Node, right: Node) -> Plan | None:
        a, b = self.condition(left), self.condition(right)
        if a is None or b is None:
            return None
        kernel = pc.and_ if operator == "&&" else pc.or_
        return self.made(BOOL, [a, b], lambda x, y: Column(kernel(x.values, y.values), merged(x.open, y.open)))

    def _comparison(self, operator: str, left: Node, right: Node) -> Plan | None:
        kinds = [static_type(node, self.schema, self.options) for node in (left, right)]
        if operator in ("==", "!=") and pa.null() in kinds:
            other = self.exact(right if kinds[0] == pa.null() else left)
            if other is None or not all(
                isinstance(n, Constant) for n, k in zip((left, right), kinds, strict=True) if k == pa.null()
            ):
                return None
            kernel = pc.is_null if operator == "==" else pc.is_valid
            return self.made(BOOL, [other], lambda x: Column(kernel(x.values), x.open))
        first, second = self.valued(left), self.valued(right)
        if first is None or second is None:
            return None
        parts = [first, second]
        a, b = parts[0].type, parts[1].type
        numeric = a in (LONG, DOUBLE) or b in (LONG, DOUBLE)
        if numeric and not {a, b} <= {LONG, DOUBLE, TEXT}:
            return None
        if not numeric and (a != b or a not in (TEXT, BOOL, MOMENT)):
            return None
        as_doubles = numeric and not a == b == LONG
        if as_doubles and any(isinstance(part, Fixed) and _as_double(part.value) is None for part in parts):
            return None

        def work(x: Column, y: Column) -> Column:
            if as_doubles:
                x, y = _as_doubles(x), _as_doubles(y)
            return Column(_compared(operator, plain(x.values), plain(y.values)), merged(x.open, y.open))

        return self.made(BOOL, parts, work, scalars=True)

    def _equals(self, value: Node, other: Node, cased: bool) -> Plan | None:
        parts = self.all_exact((value, other))
        if parts is None or any(part.type != TEXT for part in parts):
            return None

        def work(x: Column, y: Column) -> Column:
            a, b, odd = plain(x.values), plain(y.values), None
            if not cased:
                if not (texts.is_ascii(a) and texts.is_ascii(b)):  # folding is more than letters there
                    odd = ~(texts.ascii_rows(a) & texts.ascii_rows(b))
                a, b = texts.ascii_lower(a), texts.ascii_lower(b)
            return Column(pc.fill_null(pc.equal(a, b), False), merged(x.open, y.open, odd))

        return self.made(BOOL, parts, work)

    def _sum(self, operator: str, left: Node, right: Node, kind: pa.DataType, exact: bool = False) -> Plan | None:
        """The plan of a sum, product...; with `exact`, doubles with a null operand are left open.

        Null counts as the integer 0, so the result may be an integer where a column of doubles shows a double.
        """
        parts = self.all_exact((left, right))
        if parts is None:
            return None
        if kind == TEXT:
            if self.options.null_operand == "error":
                return None
            return self.made(TEXT, parts, lambda x, y: Column(_joined([x.values, y.values]), merged(x.open, y.open)))

        def work(x: Column, y: Column) -> Column:
            if exact:
                x = Column(x.values, merged(x.open, some(nulls_of(x.values) | nulls_of(y.values))))
            if kind == DOUBLE:
                x, y = numbers.doubles(x), numbers.doubles(y)
            return numbers.arithmetic(operator, x, y, self.options)

        return replace(self.made(kind, parts, work), exact=exact or kind == LONG)


def _is_random(node: Node) -> bool:
    return (isinstance(node, Call) and node.name == "uuid") or any(map(_is_random, children(node)))


def _as_double(value: Any) -> float | None:
    """A constant as a double, None where that is not exact."""
    found = number_in(value) if isinstance(value, str) else value
    return float(found) if isinstance(found, int | float) and abs(found) <= EXACT else None


def _as_doubles(column: Column) -> Column:
    if isinstance(column.values, pa.Scalar):
        return Column(pa.scalar(_as_double(column.values.as_py()), DOUBLE))
    if column.values.type in (LONG, DOUBLE):
        return numbers.doubles(column)
    found = numbers.comparable(plain(column.values))
    return Column(found.values, merged(column.open, found.open))


def _compared(operator: str, x: pa.Array, y: pa.Array) -> pa.Array:
    if operator in ("==", "!="):
        same = pc.equal(x, y)
        if same.null_count:
            same = pc.if_else(pc.is_valid(same), same, pc.and_(pc.is_null(x), pc.is_null(y)))
        return pc.invert(same) if operator == "!=" else same
    kernel = {"<": pc.less, "<=": pc.less_equal, ">": pc.greater, ">=": pc.greater_equal}[operator]
    found = kernel(x, y)
    if found.null_count:
        both = pc.and_(pc.is_null(x), pc.is_null(y)) if operator in ("<=", ">=") else False
        found = pc.if_else(pc.is_valid(found), found, both)
    return found


def _joined(parts: list[pa.Array]) -> pa.Array:
    return pc.binary_join_element_wise(*map(plain, parts), "", null_handling="replace", null_replacement="")
