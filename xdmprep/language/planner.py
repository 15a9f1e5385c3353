"""Chooses a plan for every part of a tree, and knows the Arrow type of every part that has one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..flow import TIMESTAMP
from .binding import columns_of
from .catalogue import Context
from .columns import (
    BOOL,
    DOUBLE,
    EXACT,
    LONG,
    MOMENT,
    NUMBERS,
    TEXT,
    Column,
    Mask,
    as_mask,
    merged,
    nulls_of,
    plain,
    some,
)
from .functions import table
from .interpreter import compile_node
from .kernels import dates, numbers, texts
from .moment import Moment
from .options import Options
from .plan import Fixed, Flat, Interpreted, Kernel, Lists, OneColumn, Plan, Source, normal_type
from .tree import (
    Array,
    Binary,
    Call,
    Conditional,
    Constant,
    Element,
    Field,
    Lambda,
    Map,
    Method,
    Node,
    Unary,
    children,
    rebuild,
)
from .values import Failed, number_in, text_of

_SPLICE = "\0"


def static_type(node: Node, schema: pa.Schema | None, options: Options) -> pa.DataType | None:
    """The Arrow type that all non-null values of a bound tree have, whatever the row; None where rows differ."""
    match node:
        case Constant(_, value):
            return constant_type(value)
        case Field(_, names, _):
            return _field_type(names, schema)
        case Element(_, value, Constant(_, key)):
            return _part_type(static_type(value, schema, options), key)
        case Call(_, "iif", (_, yes, no)) | Conditional(_, _, yes, no):
            return _common(static_type(yes, schema, options), static_type(no, schema, options))
        case Call(_, "decode", arguments):
            values = [*arguments[2::2], *(arguments[-1:] if len(arguments) % 2 == 0 else ())]
            return _common(*[static_type(value, schema, options) for value in values])
        case Call(_, "coalesce" | "first" | "last", arguments):
            kinds = [static_type(argument, schema, options) for argument in arguments]
            if len(kinds) == 1 and kinds[0] is not None and pa.types.is_list(kinds[0]):
                return kinds[0].value_type
            return _common(*kinds)
        case Call(_, "to_object", arguments):
            return _object_type(arguments, schema, options)
        case Call(_, "min" | "max", arguments) if len(arguments) > 1:
            kind = _common(*[static_type(argument, schema, options) for argument in arguments])
            return kind if kind is not None and not pa.types.is_nested(kind) else None
        case Call(_, "to_array" | "add_to_array" | "join_arrays" | "upsert_array_append" | "upsert_array_replace", _):
            return _array_type(node, schema, options)
        case Call(_, "nullify", _):
            return pa.null()
        case Call(_, "filterArray", (items, _)):
            kind = static_type(items, schema, options)
            return kind if kind is not None and pa.types.is_list(kind) else None
        case Call(_, "transformArray", (items, Lambda(_, (name,), body))):
            inner = element_schema(static_type(items, schema, options), name, schema)
            kind = None if inner is None else static_type(body, inner, options)
            return None if kind is None or pa.types.is_null(kind) else pa.list_(kind)
        case Call(_, name, _):
            kind = table()[name].result
            return MOMENT if kind == TIMESTAMP else kind
        case Array(_, items):
            kind = _common(*[static_type(item, schema, options) for item in items]) if items else None
            return None if kind is None else pa.list_(kind)
        case Method(_, _, name, _):
            return BOOL if name in ("equals", "equalsIgnoreCase") else None
        case Binary(_, operator, left, right):
            if operator in ("==", "!=", "<", "<=", ">", ">=", "&&", "||", "=~", "!~", "=^", "!^", "=$", "!$"):
                return BOOL
            pair = static_type(left, schema, options), static_type(right, schema, options)
            if operator in ("?:", "??"):
                return _common(*pair)
            if operator in "&|^":
                return LONG
            return _sum_type(operator, pair, left, right)
        case Unary(_, operator, operand):
            if operator in ("!", "empty"):
                return BOOL
            if operator in ("~", "size"):
                return LONG
            kind = static_type(operand, schema, options)
            return kind if kind in NUMBERS else None
    return None


def element_schema(kind: pa.DataType | None, name: str, schema: pa.Schema | None) -> pa.Schema | None:
    """The columns that a lambda over lists of type `kind` sees: its variable, and those around it."""
    if kind is None or not pa.types.is_list(kind):
        return None
    around = [] if schema is None else [field for field in schema if field.name != name]
    return pa.schema([*around, pa.field(name, kind.value_type)])


def constant_type(value: Any) -> pa.DataType | None:
    """The Arrow type of one value; null for null, None where Arrow has none."""
    if isinstance(value, Moment):
        return MOMENT
    if isinstance(value, int) and not isinstance(value, bool):
        return LONG if -(2**63) <= value < 2**63 else None
    if value is None:
        return pa.null()
    for python, arrow in ((bool, BOOL), (float, DOUBLE), (str, TEXT)):
        if isinstance(value, python):
            return arrow
    if isinstance(value, list):
        kind = _common(*[constant_type(item) for item in value]) if value else None
        return None if kind is None or pa.types.is_null(kind) else pa.list_(kind)
    return None


def _common(*kinds: pa.DataType | None) -> pa.DataType | None:
    """The one type of all, null aside."""
    found = {kind for kind in kinds if kind is None or not pa.types.is_null(kind)}
    if not found:
        return pa.null()
    return found.pop() if len(found) == 1 else None


def _field_type(names: tuple[str, ...], schema: pa.Schema | None) -> pa.DataType | None:
    if schema is None:
        return None
    if names[0] not in schema.names:
        return pa.null()
    kind = schema.field(names[0]).type
    for name in names[1:]:
        if not pa.types.is_struct(kind) or kind.get_field_index(name) < 0:
            return None if len(names) > 2 else _part_type(kind, name)
        kind = kind.field(name).type
    return _plain_type(kind)


def _plain_type(kind: pa.DataType) -> pa.DataType | None:
    if pa.types.is_nested(kind):
        return kind if _is_plain(kind) else None
    return pa.null() if pa.types.is_null(kind) else normal_type(kind)


def _is_plain(kind: pa.DataType) -> bool:
    """Whether the values that Python makes of a nested type go back into it unchanged."""
    if pa.types.is_list(kind):
        return _is_plain(kind.value_type)
    if pa.types.is_struct(kind):
        return all(_is_plain(part.type) for part in kind)
    if pa.types.is_map(kind):
        return kind.key_type == TEXT and _is_plain(kind.item_type)
    return kind in (TEXT, LONG, DOUBLE, BOOL)


def _part_type(kind: pa.DataType | None, key: Any) -> pa.DataType | None:
    if kind is None:
        return None
    if pa.types.is_list(kind) and isinstance(key, int):
        return _plain_type(kind.value_type)
    if pa.types.is_struct(kind) and isinstance(key, str):
        return _plain_type(kind.field(key).type) if kind.get_field_index(key) >= 0 else pa.null()
    if pa.types.is_map(kind) and isinstance(key, str):
        return _plain_type(kind.item_type)
    return None


def _object_type(arguments: tuple[Node, ...], schema: pa.Schema | None, options: Options) -> pa.DataType | None:
    fields: dict[str, pa.DataType] = {}
    for key, value in zip(arguments[::2], arguments[1::2], strict=True):
        kind = static_type(value, schema, options)
        if not isinstance(key, Constant) or not isinstance(key.value, str) or kind is None or pa.types.is_null(kind):
            return None
        fields[key.value] = kind
    return pa.struct(list(fields.items()))


def _array_type(node: Node, schema: pa.Schema | None, options: Options) -> pa.DataType | None:
    assert isinstance(node, Call)  # noqa: S101
    kinds = [static_type(argument, schema, options) for argument in node.arguments]
    if node.name == "to_array":
        kind = _common(*kinds[1:])
        return None if kind is None or pa.types.is_null(kind) else pa.list_(kind)
    if node.name.startswith("upsert"):
        kinds = kinds[:1]
    items = (
        kinds if node.name != "add_to_array" else [kinds[0], *[None if k is None else pa.list_(k) for k in kinds[1:]]]
    )
    kind = _common(*items)
    return kind if kind is not None and pa.types.is_list(kind) else None


def _sum_type(
    operator: str, kinds: tuple[pa.DataType | None, pa.DataType | None], left: Node, right: Node
) -> pa.DataType | None:
    if operator == "+" and set(kinds) <= {TEXT} and (_is_words(left) or _is_words(right)):
        return TEXT
    if not set(kinds) <= {LONG, DOUBLE}:
        return None
    return LONG if set(kinds) == {LONG} else DOUBLE


def _is_words(node: Node) -> bool:
    """Whether the node is a text that is no number, so that ``+`` can only join."""
    return isinstance(node, Constant) and isinstance(node.value, str) and number_in(node.value) is None


@dataclass
class Planner:
    """Plans the parts of one expression.

    Args:
        schema: the source's columns, lambda variables included.
    """

    schema: pa.Schema | None
    options: Options

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
        if len(made.reads) == 1 and isinstance(made, Kernel | Flat):
            return OneColumn(made.type, made.reads, made.exact, made)
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
            return OneColumn(kind, reads, exact, made)
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
                wrapped = isinstance(made, Kernel) and len(made.reads) == 1
                parts[name] = OneColumn(made.type, made.reads, True, made) if wrapped else made
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
            case Call(_, name, arguments):
                builder = _CALLS.get(name)
                return None if builder is None else builder(self, arguments, kind)
            case Element(_, value, Constant(_, int(at))) if at >= 0:
                return self._element(value, at, kind)
            case Method(_, value, "equals", (other,)):
                return self._equals(value, other)
            case Conditional(_, condition, yes, no):
                return _iif(self, (condition, yes, no), kind)
            case Unary(_, "!", operand):
                return self._not(operand)
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
        if self.schema is None or names[0] not in self.schema.names:
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
            here = offsets[:-1] + at
            inside = (here < offsets[1:]) & ~nulls_of(x.values)
            return Column(x.values.values.take(pa.array(here, mask=~inside)), x.open)

        return self.made(kind, [part], work)

    def exact(self, node: Node) -> Plan | None:
        """The plan of `node` if other kernels may build on it."""
        found = self.plan(node)
        return found if found is not None and found.exact else None

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
            return _coalesce(self, (left, right), kind)
        if operator in ("+", "-", "*", "/", "%"):
            return self._sum(operator, left, right, kind)
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

    def _equals(self, value: Node, other: Node) -> Plan | None:
        parts = self.all_exact((value, other))
        if parts is None or any(part.type != TEXT for part in parts):
            return None

        def work(x: Column, y: Column) -> Column:
            same = pc.fill_null(pc.equal(plain(x.values), plain(y.values)), False)
            return Column(same, merged(x.open, y.open))

        return self.made(BOOL, parts, work)

    def _sum(self, operator: str, left: Node, right: Node, kind: pa.DataType) -> Plan | None:
        parts = self.all_exact((left, right))
        if parts is None:
            return None
        if kind == TEXT:
            if self.options.null_operand == "error":
                return None
            return self.made(TEXT, parts, lambda x, y: Column(_joined([x.values, y.values]), merged(x.open, y.open)))

        def work(x: Column, y: Column) -> Column:
            if kind == DOUBLE:
                x, y = numbers.doubles(x), numbers.doubles(y)
            return numbers.arithmetic(operator, x, y, self.options)

        return replace(self.made(kind, parts, work), exact=kind == LONG)  # null counts as the integer 0


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
    found = numbers.decimals(plain(column.values))
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


# ---- calls ----------------------------------------------------------------------------------------------------------

_Builder = Callable[[Planner, tuple[Node, ...], pa.DataType], Plan | None]


def _mapped(change: Callable[[pa.Array], pa.Array]) -> _Builder:
    """A function of one text."""

    def build(planner: Planner, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
        part = planner.exact(arguments[0])
        if part is None or part.type != TEXT or len(arguments) != 1:
            return None
        return planner.made(kind, [part], lambda x: Column(change(plain(x.values)), x.open))

    return build


def _literal(node: Node, kind: type) -> Any:
    """The value of a literal of that type, else None."""
    return node.value if isinstance(node, Constant) and type(node.value) is kind else None


def _concat(planner: Planner, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
    reading = planner.options.concat_null
    arguments = tuple(a for a in arguments if not (isinstance(a, Constant) and a.value is None and reading == "skip"))
    parts = planner.all_exact(arguments)
    if not parts or any(part.type not in (TEXT, LONG, BOOL, DOUBLE) for part in parts):
        return None

    parts = [_worded(part) for part in parts]

    def work(*columns: Column) -> Column:
        found = [c.values if isinstance(c.values, pa.Scalar) else texts.as_text(c.values) for c in columns]
        words = {"skip": ("replace", ""), "text": ("replace", "null"), "null": ("emit_null", "")}[reading]
        values = pc.binary_join_element_wise(*found, "", null_handling=words[0], null_replacement=words[1])
        return Column(values, merged(*[column.open for column in columns]))

    return planner.made(TEXT, parts, work, scalars=True)


def _worded(part: Plan) -> Plan:
    return Fixed(TEXT, frozenset(), True, text_of(part.value)) if isinstance(part, Fixed) else part


def _iif(planner: Planner, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
    condition = planner.condition(arguments[0])
    branches = [planner.valued(node) for node in arguments[1:]]
    if condition is None or None in branches:
        return None
    parts = [condition, *[branch for branch in branches if branch is not None]]
    words = [branch.value for branch in branches if isinstance(branch, Fixed) and branch.type == TEXT]
    if len(words) == 2 and words[0] != words[1]:
        return planner.made(TEXT, [condition], _either(words))

    def work(held: Column, yes: Column, no: Column) -> Column:
        mask = as_mask(held.values)
        values = _chosen(held.values, yes.values, no.values, kind)
        is_open = merged(held.open, _at(yes.open, mask), _at(no.open, ~mask))
        return Column(values, some(is_open))

    return planner.made(kind, parts, work, scalars=condition.reads != frozenset())


def _either(words: list[str]) -> Callable[[Column], Column]:
    """iif between two literal texts: a dictionary array."""
    choices = pa.array(words, TEXT)

    def work(held: Column) -> Column:
        indices = pa.array((~as_mask(held.values)).astype(np.int32))
        return Column(pa.DictionaryArray.from_arrays(indices, choices), held.open)

    return work


def _at(is_open: Mask | None, mask: Mask) -> Mask | None:
    return None if is_open is None else is_open & mask


def _chosen(held: pa.Array, yes: pa.Array, no: pa.Array, kind: pa.DataType) -> pa.Array:
    return pc.if_else(held, _typed(yes, kind), _typed(no, kind))


def _typed(values: pa.Array, kind: pa.DataType) -> pa.Array:
    if isinstance(values, pa.Scalar):
        return values.cast(kind)
    return pa.nulls(len(values), kind) if pa.types.is_null(values.type) else plain(values)


def _decode(planner: Planner, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
    key = planner.exact(arguments[0])
    rest = list(arguments[1:])
    default = rest.pop() if len(rest) % 2 else Constant(0, None)
    keys, answers = rest[::2], rest[1::2]
    if key is None or key.type != TEXT or any(_literal(node, str) is None for node in keys):
        return None
    words = [_literal(node, str) for node in keys]
    parts = [planner.plan(node) for node in (*answers, default)]
    if any(part is None or not part.exact for part in parts):
        return None
    present = [part for part in parts if part is not None]
    if kind == TEXT and all(isinstance(part, Fixed) for part in present):
        return planner.made(TEXT, [key], _looked_up(words, [part.value for part in present if isinstance(part, Fixed)]))

    def work(value: Column, *columns: Column) -> Column:
        found = pc.index_in(plain(value.values), value_set=pa.array(words, TEXT)).fill_null(-1).to_numpy()
        values = _typed(columns[-1].values, kind)
        taken = np.ones(len(values), dtype=bool)
        is_open = value.open
        for i in reversed(range(len(words))):
            mask = found == i if words.index(words[i]) == i else np.zeros(len(values), dtype=bool)
            values = _chosen(pa.array(mask), columns[i].values, values, kind)
            is_open = merged(is_open, _at(columns[i].open, mask))
            taken &= ~mask
        return Column(values, some(merged(is_open, _at(columns[-1].open, taken))))

    return planner.made(kind, [key, *present], work)


def _looked_up(words: list[str], answers: list[Any]) -> Callable[[Column], Column]:
    """decode with nothing but literals: a dictionary array."""
    choices = pa.array(words, TEXT)
    results = pa.array(answers, TEXT)

    def work(value: Column) -> Column:
        indices = pc.index_in(plain(value.values), value_set=choices).fill_null(len(words))
        if results.null_count:
            return Column(results.take(indices), value.open)
        return Column(pa.DictionaryArray.from_arrays(indices, results), value.open)

    return work


def _coalesce(planner: Planner, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
    arguments = tuple(a for a in arguments if not (isinstance(a, Constant) and a.value is None))
    parts = planner.all_exact(arguments)
    if not parts or any(part.type != kind for part in parts) or kind not in (TEXT, LONG, DOUBLE, BOOL, MOMENT):
        return None
    if len(parts) == 1:
        return parts[0] if isinstance(parts[0], Source) else None

    def work(*columns: Column) -> Column:
        values = pc.coalesce(*[plain(column.values) for column in columns])
        return Column(values, merged(*[column.open for column in columns]))

    return planner.made(kind, parts, work)


def _replacestr(planner: Planner, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
    find, new = _literal(arguments[1], str), _literal(arguments[2], str)
    part = planner.exact(arguments[0])
    if part is None or part.type != TEXT or not find or new is None:
        return None
    most = -1 if planner.options.replace == "all" else 1

    def work(x: Column) -> Column:
        return Column(pc.replace_substring(plain(x.values), find, new, max_replacements=most), x.open)

    return planner.made(TEXT, [part], work)


def _sliced(bounds: Callable[[list[int]], tuple[int, int | None] | None]) -> _Builder:
    """A piece of a text between literal bounds."""

    def build(planner: Planner, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
        given = [_literal(node, int) for node in arguments[1:]]
        part = planner.exact(arguments[0])
        if part is None or part.type != TEXT or None in given or min(given, default=0) < 0:
            return None
        found = bounds(given)
        if found is None or planner.options.overrun == "error":
            return None
        start, stop = found
        return planner.made(
            TEXT, [part], lambda x: Column(pc.utf8_slice_codeunits(plain(x.values), start, stop), x.open)
        )

    return build


def _hash(name: str) -> _Builder:
    def build(planner: Planner, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
        part = planner.exact(arguments[0])
        if part is None or part.type != TEXT:
            return None
        if len(arguments) > 1 and (_literal(arguments[1], str) or "").lower() not in ("utf-8", "utf8"):
            return None
        return planner.made(TEXT, [part], lambda x: Column(texts.digests(plain(x.values), name), x.open))

    return build


def _explode(planner: Planner, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
    part = planner.exact(arguments[0])
    separator = literal_regex(_literal(arguments[1], str)) if len(arguments) > 1 else ","
    if part is None or part.type != TEXT or not separator:
        return None
    return planner.made(kind, [part], lambda x: Column(pc.split_pattern(plain(x.values), separator), x.open))


def literal_regex(regex: str | None) -> str | None:
    """The text that a regular expression of nothing but literals matches; None for others."""
    out = ""
    escaped = False
    for letter in regex or "":
        if escaped:
            if letter.isalnum():
                return None
            out, escaped = out + letter, False
        elif letter == "\\":
            escaped = True
        elif letter in ".^$*+?()[]{}|":
            return None
        else:
            out += letter
    return None if escaped else out or None


def _join(planner: Planner, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
    separator = _literal(arguments[0], str)
    part = planner.exact(arguments[1])
    if part is None or part.type != pa.list_(TEXT) or separator is None or len(arguments) != 2:
        return None

    def work(x: Column) -> Column:
        values = pc.binary_join(x.values, separator)
        odd = nulls_of(values) & ~nulls_of(x.values)
        return Column(values, merged(x.open, some(odd)))

    return planner.made(TEXT, [part], work)


def _date(planner: Planner, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
    part = planner.exact(arguments[0])
    if part is None or part.type != TEXT or len(arguments) > 2:
        return None
    layouts: tuple[dates.Layout, ...] = dates.ISO
    if len(arguments) == 2:
        pattern = _literal(arguments[1], str)
        if pattern is None:
            return None
        try:
            layout = Context(planner.options).pattern(pattern).layout
        except Failed:
            return None
        if layout is None:
            return None
        layouts = (layout,)
    elif planner.options.zoneless_millis == "drop":
        return None
    # Texts with an offset keep their zone, which a column of instants cannot hold: those formats are not read here.
    layouts = tuple(layout for layout in layouts if ("x", 6) not in layout)
    return planner.made(MOMENT, [part], lambda x: _dated(x, layouts))


def _format(planner: Planner, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
    part, pattern = planner.exact(arguments[0]), _literal(arguments[1], str)
    if part is None or part.type != MOMENT or pattern is None:
        return None
    try:
        layout = Context(planner.options).pattern(pattern).layout
    except Failed:
        return None
    if layout is None:
        return None

    def work(x: Column) -> Column:
        found = dates.print_layout(x.values, layout)
        return Column(found.values, merged(x.open, found.open))

    return planner.made(TEXT, [part], work)


def _dated(x: Column, layouts: tuple[dates.Layout, ...]) -> Column:
    found = dates.read_layouts(plain(x.values), layouts, blank_is_null=True)
    return Column(found.values, merged(x.open, found.open))


def _number(parse: Callable[[pa.Array], Column]) -> _Builder:
    def build(planner: Planner, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
        part = planner.exact(arguments[0])
        if part is None or part.type != TEXT:
            return None

        def work(x: Column) -> Column:
            found = parse(plain(x.values))
            return Column(found.values, merged(x.open, found.open))

        return planner.made(kind, [part], work)

    return build


def _to_object(planner: Planner, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
    parts = planner.all_exact(arguments[1::2])
    names = [_literal(node, str) for node in arguments[::2]]
    if parts is None or len(set(names)) < len(names) or not any(part.reads for part in parts):
        return None

    def work(*columns: Column) -> Column:
        values = pa.StructArray.from_arrays([plain(column.values) for column in columns], fields=list(kind))
        return Column(values, merged(*[column.open for column in columns]))

    return planner.made(kind, parts, work)


_CALLS: dict[str, _Builder] = {
    "to_object": _to_object,
    "concat": _concat,
    "iif": _iif,
    "decode": _decode,
    "coalesce": _coalesce,
    "lower": _mapped(texts.lower),
    "upper": _mapped(texts.upper),
    "trim": _mapped(lambda values: texts.trimmed(values, True, True)),
    "ltrim": _mapped(lambda values: texts.trimmed(values, True, False)),
    "rtrim": _mapped(lambda values: texts.trimmed(values, False, True)),
    "replacestr": _replacestr,
    "substr": _sliced(lambda given: (given[0], given[0] + given[1] if len(given) > 1 else None)),
    "left": _sliced(lambda given: (0, given[0])),
    "right": _sliced(lambda given: (-given[0], None) if given[0] else None),
    **{name: _hash(name) for name in ("sha1", "sha256", "sha512", "md5", "crc32")},
    "explode": _explode,
    "join": _join,
    "date": _date,
    "format": _format,
    "to_integer": _number(numbers.integers),
    "to_decimal": _number(numbers.decimals),
}

__all__ = ["Map", "Planner", "constant_type", "literal_regex", "static_type"]
