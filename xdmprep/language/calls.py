"""Plans of calls: which functions have kernels, and for which arguments.

A builder looks at the arguments of a call and gives a plan, or None where the interpreter has to do it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .builders import Builder, Parts, literal
from .catalogue import Context
from .columns import BOOL, DOUBLE, LONG, MOMENT, TEXT, Column, Mask, as_mask, merged, plain, some
from .functions.dates import COMPONENTS
from .javatime import Layout, Pattern, automatic_layouts
from .kernels import dates, numbers, texts
from .plan import Fixed, Plan, Source
from .textcalls import TEXT_CALLS
from .tree import Constant, Node
from .values import Failed, text_of


def _concat(planner: Parts, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
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


def iif(planner: Parts, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
    """The plan of a choice between two parts by a condition, in this order: condition, yes, no."""
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


def _decode(planner: Parts, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
    key = planner.exact(arguments[0])
    rest = list(arguments[1:])
    default = rest.pop() if len(rest) % 2 else Constant(0, None)
    keys, answers = rest[::2], rest[1::2]
    if key is None or key.type != TEXT or any(literal(node, str) is None for node in keys):
        return None
    words = [literal(node, str) for node in keys]
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


def coalesce(planner: Parts, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
    """The plan of the first part that is not null."""
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


def _date(planner: Parts, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
    part = planner.exact(arguments[0])
    if part is None or part.type != TEXT or len(arguments) > 2:
        return None
    layouts: tuple[Layout, ...] = dates.ISO + automatic_layouts(planner.options)
    if len(arguments) == 2:
        pattern = literal(arguments[1], str)
        if pattern is None:
            return None
        try:
            layouts = Context(planner.options).pattern(pattern).layouts
        except Failed:
            return None
        if not layouts:
            return None
    elif planner.options.zoneless_millis == "drop":
        return None
    if not planner.is_instant(arguments):
        # Texts with an offset keep their zone, which a column of instants cannot hold: those are not read here.
        layouts = tuple(layout for layout in layouts if not any(part == "x" and width for part, width in layout))
    return planner.made(MOMENT, [part], lambda x: _dated(x, layouts))


def _format(planner: Parts, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
    part, pattern = planner.exact(arguments[0]), _pattern(planner, arguments[1])
    if part is None or part.type != MOMENT or pattern is None:
        return None

    def work(x: Column) -> Column:
        found = dates.print_pattern(x.values, pattern)
        return Column(found.values, merged(x.open, found.open))

    return planner.made(TEXT, [part], work)


def _dformat(planner: Parts, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
    part, pattern = planner.exact(arguments[0]), _pattern(planner, arguments[1])
    if part is None or part.type != LONG or pattern is None:
        return None

    def work(x: Column) -> Column:
        moments, large = dates.of_millis(x.values)
        found = dates.print_pattern(moments, pattern)
        return Column(found.values, merged(x.open, found.open, large))

    return planner.made(TEXT, [part], work)


def _pattern(planner: Parts, pattern: Node) -> Pattern | None:
    """A literal date pattern; None where it is none."""
    text = literal(pattern, str)
    try:
        return None if text is None else Context(planner.options).pattern(text)
    except Failed:
        return None


def _date_part(planner: Parts, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
    name, options = (literal(arguments[0], str) or "").lower(), planner.options
    component = {"w": options.letter_w}.get(name, COMPONENTS.get(name))
    if component is None or (name == "yy" and options.short_year == "two"):
        return None
    if component in ("week", "weekday") and options.weeks != "iso":
        return None
    part = planner.exact(arguments[1])
    if part is None or part.type not in (TEXT, MOMENT):
        return None
    layouts = tuple(layout for layout in dates.ISO + automatic_layouts(options) if ("x", 6) not in layout)
    if part.type == TEXT and options.zoneless_millis == "drop":
        return None

    def work(x: Column) -> Column:
        moments = x
        if part.type == TEXT:
            moments = dates.read_layouts(plain(x.values), layouts, blank_is_null=False)
        found = dates.component(moments.values, component)
        return Column(found.values, merged(x.open, moments.open, found.open))

    return planner.made(LONG, [part], work)


def _dated(x: Column, layouts: tuple[Layout, ...]) -> Column:
    found = dates.read_layouts(plain(x.values), layouts, blank_is_null=True)
    return Column(found.values, merged(x.open, found.open))


def _extreme(kernel: Callable[..., pa.Array]) -> Builder:
    """min or max of integers."""

    def build(planner: Parts, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
        parts = planner.all_exact(arguments)
        if parts is None or len(parts) < 2 or kind != LONG or any(part.type != LONG for part in parts):
            return None

        def work(*columns: Column) -> Column:
            return Column(kernel(*[column.values for column in columns]), merged(*[column.open for column in columns]))

        return planner.made(kind, parts, work)

    return build


def _number(parse: Callable[[pa.Array], Column]) -> Builder:
    def build(planner: Parts, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
        part = planner.exact(arguments[0])
        if part is None or part.type != TEXT:
            return None

        def work(x: Column) -> Column:
            found = parse(plain(x.values))
            return Column(found.values, merged(x.open, found.open))

        return planner.made(kind, [part], work)

    return build


def _to_object(planner: Parts, arguments: tuple[Node, ...], kind: pa.DataType) -> Plan | None:
    parts = planner.all_exact(arguments[1::2])
    names = [literal(node, str) for node in arguments[::2]]
    if parts is None or len(set(names)) < len(names) or not any(part.reads for part in parts):
        return None

    def work(*columns: Column) -> Column:
        values = pa.StructArray.from_arrays([plain(column.values) for column in columns], fields=list(kind))
        return Column(values, merged(*[column.open for column in columns]))

    return planner.made(kind, parts, work)


CALLS: dict[str, Builder] = {
    **TEXT_CALLS,
    "to_object": _to_object,
    "concat": _concat,
    "iif": iif,
    "decode": _decode,
    "coalesce": coalesce,
    "min": _extreme(pc.min_element_wise),
    "max": _extreme(pc.max_element_wise),
    "date": _date,
    "format": _format,
    "dformat": _dformat,
    "date_part": _date_part,
    "to_integer": _number(numbers.integers),
    "to_decimal": _number(numbers.decimals),
}
