"""A mapping set bound to a header and a schema: all faults at once, or a plan of outputs.

One mapping gives one output, except where an object is copied: then each of its fields that the destination has becomes
an output of its own, and a mapping that leads below the object overrides the field it names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal, TypeAlias, get_args, get_origin, get_type_hints

import pyarrow as pa

from ..core.arrow_types import is_list, is_text, why_unheld
from ..core.names import column_advice, is_datum
from ..core.ndjson.fields import is_numeral, is_unseen
from ..core.paths import EVERY, Path, format_path
from ..core.shred import Leaf, nested_schema, nested_type, path_tree
from ..errors import ExpressionError, MappingError, SchemaError, did_you_mean, shorten
from ..language import Options, coerce
from ..language.shapes import final_type, is_object, keys_of, kinds_of, retyped
from ..language.tree import Node
from ..schema import Field, Schema
from .destinations import IDENTITY_MAPS, clashes, destination, find, never_fits, target_type, type_name
from .digits import refuse_lost_digits
from .fields import FieldMapping
from .nested import is_hollow, natural, says_nothing
from .placeholders import filled, left
from .sets import MappingSet
from .sources import (
    ColumnSource,
    ConstantSource,
    ExpressionSource,
    Source,
    key_source,
    may_be_inside,
    settle,
    source_of,
    sources_of,
)
from .split import split
from .tree import Cast, Collect, GetPath, Zip
from .unknown import unknown_fields

#: Some rows of a source, or what gives them.
Sample: TypeAlias = pa.RecordBatch | Callable[[], pa.RecordBatch]


@dataclass(frozen=True)
class Output:
    """One column to be made.

    Attributes:
        path: where it stands.
        type: its type; that of one element where the path has ``[*]``.
        node: what gives it.
        item: the mapping it belongs to.
    """

    path: Path
    type: pa.DataType
    node: Node
    item: FieldMapping

    @property
    def source(self) -> Source:
        """The leaf that its values come from, the first where there are several."""
        return source_of(self.node)

    @property
    def text(self) -> str:
        """The leaves that its values come from, for messages."""
        return ", ".join(dict.fromkeys(source.text for source in sources_of(self.node)))


#: How many fields a note names.
_MOST_SHOWN = 10


@dataclass
class Plan:
    """The outputs of a mapping set, what is wrong with it, and what is worth a warning.

    `keys` are the columns that rows are grouped by; `zips` put the outputs with ``[*]`` together.  Of the notes,
    `left_out` name fields whose values are lost.
    """

    options: Options
    keys: frozenset[str] = frozenset()
    outputs: list[Output] = field(default_factory=list)
    zips: list[Output] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Bound:
    """A mapping, or a part of it, with the path and the field that it leads to, and what gives its values."""

    item: FieldMapping
    path: Path
    field: Field | None
    node: Node

    @property
    def source(self) -> Source:
        return source_of(self.node)


def make_plan(
    mapping: MappingSet, columns: pa.Schema, schema: Schema | None, sample: Sample | None = None, *, draft: bool = False
) -> Plan:
    """Bind every mapping.

    Args:
        mapping: the set.
        columns: the source's columns.
        schema: the XDM schema, or None to pass types through.
        sample: without a schema it decides types that are known per row only.
        draft: faults stay in the plan, which cannot run if it has some.

    Returns:
        What makes each destination from the columns.

    Raises:
        MappingError: with all faults of the set.
    """
    plan = _Planner(mapping, columns, schema, sample).plan()
    if plan.faults and not draft:
        raise MappingError(plan.faults, mapping.name or None)
    return plan


def language_options(settings: Mapping[str, Any], faults: list[str]) -> Options:
    """The settings of the expression language that a set asks for; what is wrong with them is added to `faults`."""
    kinds = _option_types()
    values: dict[str, Any] = {}
    for key, value in settings.items():
        if key not in kinds:
            faults.append(f"$language: unknown setting {key!r}.{did_you_mean(key, kinds)}")
        elif key == "clock" and not callable(value):
            try:
                moment = datetime.fromisoformat(str(value))
            except ValueError:
                faults.append(f"$language: clock is a date-time such as 2024-12-31T23:59:59Z, got {shorten(value)}.")
                continue
            fixed = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            values[key] = _Clock(fixed)
        elif get_origin(kinds[key]) is Literal and value not in get_args(kinds[key]):
            known = ", ".join(get_args(kinds[key]))
            faults.append(f"$language: {key} is one of {known}, got {shorten(value)}.")
        elif (key == "seed" and type(value) is not int) or (kinds[key] is bool and not isinstance(value, bool)):
            kind = "true or false" if kinds[key] is bool else "a whole number"
            faults.append(f"$language: {key} is {kind}, got {shorten(value)}.")
        else:
            values[key] = value
    return Options(**values)


@cache
def _option_types() -> dict[str, Any]:
    return get_type_hints(Options)


@dataclass(frozen=True)
class _Clock:
    """A clock that stands still."""

    moment: datetime

    def __call__(self) -> datetime:
        return self.moment


class _Planner:
    """Binds the mappings of a set one by one, and gathers what is wrong with them."""

    def __init__(self, mapping: MappingSet, columns: pa.Schema, schema: Schema | None, sample: Sample | None) -> None:
        self.mapping, self.columns, self.schema, self.sample = mapping, columns, schema, sample
        self.names = dict.fromkeys(columns.names)  # made once, and looked up, since there may be thousands
        self.faults: list[str] = []
        self.faults_of: dict[tuple[int, int], list[str]] = {}  # by the line and place of the mapping
        keys = mapping.options.group_by
        self.made = Plan(language_options(mapping.options.language, self.faults), frozenset(keys))
        for name in keys:
            try:
                key_source(name, columns)
            except MappingError as error:
                self.faults += [f"$group_by: {text}" for text in error.faults]

    def plan(self) -> Plan:
        """The plan of the whole set."""
        items = self.mapping.mappings
        if not items:
            self.faults.append("the set has no mappings.")
        self.places = {id(item): number for number, item in enumerate(items)}
        single: dict[Path, _Bound] = {}
        for one in [bound for item in items if (bound := self._bound(item)) is not None]:
            known = single.setdefault(one.path, one)
            if known is not one:
                self._fault(one.item, f"'{one.item.destination}' has a mapping already: {known.item.text}.")
        below: dict[Path, set[Path]] = {}
        for path in single:
            for at in range(1, len(path)):
                below.setdefault(path[:at], set()).add(path)
        for one in single.values():
            self.unknown: dict[Path, None] = {}
            with self._telling(one.item):
                self._note(one)
                overrides = below.get(one.path, set())
                self.made.outputs += self._split(one, overrides) or self._outputs(one, overrides)
            self._note_unknown(one.item)
        for upper, lower in clashes([output.path for output in self.made.outputs]):
            owner = next(output.item for output in self.made.outputs if output.path == lower)
            text = f"'{format_path(upper)}' has a mapping of its own, so nothing can stand beside or below it."
            self._fault(owner, text)
        self.made.zips = self._side_by_side()
        faults = [*self.faults, *(text for place in sorted(self.faults_of) for text in self.faults_of[place])]
        self.made.faults = list(dict.fromkeys(faults))
        return self.made

    def _side_by_side(self) -> list[Output]:
        """The outputs with ``[*]`` in their destination, put together by what comes before it; constants last."""
        groups: dict[Path, list[Output]] = {}
        for output in self.made.outputs:
            if EVERY in output.path:
                groups.setdefault(output.path[: output.path.index(EVERY)], []).append(output)
        made = []
        for path, members in groups.items():
            members.sort(key=lambda output: isinstance(output.node, ConstantSource))
            first = members[0]
            if isinstance(first.node, ConstantSource):  # so nobody knows how many elements there are
                text = "[*] in the destination needs a mapping beside it whose source has [*] as well, or [0] instead."
                self._fault(first.item, text)
                continue
            rests = [output.path[len(path) + 1 :] for output in members]
            kind = _list_type(
                list(zip(rests, [output.type for output in members], strict=True)), find(path, self.schema)
            )
            nodes = [
                Collect(output.node) if self.made.keys and not isinstance(output.node, ConstantSource) else output.node
                for output in members
            ]
            by_id = len(path) == 2 and path[0] in IDENTITY_MAPS
            made.append(Output(path, kind, Zip(tuple(zip(rests, nodes, strict=True)), kind, by_id), first.item))
        return made

    def _fault(self, item: FieldMapping, text: str) -> None:
        self.faults_of.setdefault((item.line, self.places[id(item)]), []).append(f"{item}: {text}")

    @contextmanager
    def _telling(self, item: FieldMapping) -> Iterator[None]:
        """Errors in the block are faults of a mapping."""
        try:
            yield
        except ExpressionError as error:
            self._fault(item, str(error))
        except MappingError as error:
            for text in error.faults:
                self._fault(item, text)

    def _bound(self, item: FieldMapping) -> _Bound | None:
        ready = filled(item, self.mapping.options.values, self.names)
        if (placeholder := left(ready, self.names)) is not None:
            self._fault(item, placeholder)
            return None
        if self._turned(ready):
            self._fault(item, "is the wrong way round: the field of the schema comes first, then the column.")
            return None
        place: tuple[Path, Field | None] | None = None
        source: Source | None = None
        with self._telling(item):
            path = destination(ready.destination)
            place = path, find(path, self.schema)
        with self._telling(item):
            source = settle(ready, self.columns, self.made.options, self.mapping.options.missing)
        return None if place is None or source is None else _Bound(item, *place, source)

    def _turned(self, item: FieldMapping) -> bool:
        """Whether a mapping has the column as its destination, and the field of the schema as its source."""
        if self.schema is None or item.destination not in self.names or item.source in self.names:
            return False
        try:
            self.schema.find(str(item.source))
        except SchemaError:
            return False
        return item.destination not in self.schema.columns

    def _note(self, one: _Bound) -> None:
        source, notes = one.source, []
        if isinstance(source, ColumnSource) and not source.steps and may_be_inside(source.column, self.columns):
            notes.append(f"'{source.column}' is the name of a column and a place inside another; the column is taken.")
        if isinstance(source, ExpressionSource):
            notes += source.expression.likely_mistakes()
        for name in source.absent:
            told = one.item.kind == "column" and any(sign in name for sign in "('\"")
            hint = " The set says that it is a field; if it is an expression, its sourceType is EXPRESSION."
            notes.append(
                f"the source has no column {shorten(name)}; it counts as null in every row."
                f"{hint if told else column_advice(name, self.columns)}"
            )
        self.made.notes += [f"{one.item}: {text}" for text in notes]

    def _note_unknown(self, item: FieldMapping) -> None:
        """One note on all fields of a mapping's objects that the schema does not have."""
        if names := [f"'{format_path(path)}'" for path in self.unknown]:
            more = f" and {len(names) - _MOST_SHOWN:,} more" if len(names) > _MOST_SHOWN else ""
            ends = "is not in the schema; the field is" if len(names) == 1 else "are not in the schema; the fields are"
            note = f"{item}: {', '.join(names[:_MOST_SHOWN])}{more} {ends} left out."
            self.made.notes.append(note)
            self.made.left_out.append(note)

    def _cast(self, node: Node, made: pa.DataType, kind: pa.DataType | None, path: Path) -> Cast:
        """The values of a node of type `kind` as another; the fields that this one lacks are noted."""
        if kind is None and pa.types.is_nested(made) and isinstance(node, ExpressionSource):
            kind = node.expression.outline
        noted = dict.fromkeys(() if kind is None else unknown_fields(kind, made))
        self.unknown.update(dict.fromkeys((*path, *way) for way in noted))
        source = source_of(node)
        printed = source.as_text(made) if isinstance(source, ExpressionSource) else ()
        for name in dict.fromkeys(str(place[0]) for place in printed):
            refuse_lost_digits(self.columns.field(name))
        if isinstance(source, ColumnSource) and is_text(made):
            refuse_lost_digits(source.field)
        return Cast(node, made, frozenset(noted), printed)

    def _must_fit(self, kind: pa.DataType, target: pa.DataType) -> None:
        if reason := never_fits(kind, target, self.made.options):
            raise MappingError(f"{reason}.")

    def _split(self, one: _Bound, overrides: set[Path]) -> list[Output]:
        """One output for each field of a calculated object; none where that would not be the same, or does not fit."""
        if self.schema is None or overrides or EVERY in one.path:
            return []
        outputs: list[Output] = []
        for way, node in split(one.source, one.path, self.columns, not self.made.keys):
            path = (*one.path, *way)
            try:
                outputs += self._outputs(_Bound(one.item, path, find(path, self.schema), node), set())
            except MappingError:
                return []
        return outputs

    def _outputs(self, one: _Bound, overrides: set[Path]) -> list[Output]:
        node, source, path, target = one.node, one.source, one.path, one.field
        kind = source.type
        nothing = isinstance(source, ColumnSource) and target is not None and says_nothing(source.field)
        if nothing or (kind is not None and is_hollow(kind)):
            kind = pa.null()
        if kind is None and target is None:
            kind = self._sampled(source)
        if isinstance(node, ConstantSource):
            return [self._constant(one, node)]
        if EVERY in path:
            kind = self._inside_stars(path, kind)
            if kind is not None and target is not None:
                self._must_fit(kind, target.arrow_type)
            made = whole = _held(target_type(target, kind), kind)
            lists = [EVERY] * (path.count(EVERY) - bool(self.made.keys))
            for _ in lists:
                whole = pa.list_(whole)
            cast = self._cast(node, made, kind, path)
            noted = frozenset((*lists, *way) for way in cast.noted)
            return [Output(path, made, replace(cast, type=whole, noted=noted), one.item)]
        if kind is not None and pa.types.is_struct(kind) and (target is None or target.type == "object"):
            found = self._expanded(one, kind, target, overrides)
            if not found and not overrides:
                raise MappingError("no field of the source's object is a field of the destination.")
            return found
        if target is not None:
            if kind is not None:
                self._must_fit(kind, target.arrow_type)
            if (kind is None or pa.types.is_null(kind)) and target.type == "object" and overrides:
                return self._expanded(one, target.arrow_type, target, overrides)
        elif isinstance(source, ColumnSource) and is_numeral(source.field):
            made = pa.list_(pa.float64()) if is_list(kind) else pa.float64()
            return [Output(path, made, Cast(node, made), one.item)]
        made = _held(target_type(target, kind), kind)
        return [Output(path, made, self._cast(node, made, kind, path), one.item)]

    def _sampled(self, source: Source) -> pa.DataType:
        """The type that a few rows show, where nothing else tells it."""
        if self.sample is None:
            raise MappingError("its type is known per row only, and there is no schema to tell it. Give a schema.")
        return _settled(source.read(self.sample() if callable(self.sample) else self.sample).values.type)

    def _constant(self, one: _Bound, source: ConstantSource) -> Output:
        target = one.field.arrow_type if one.field is not None else natural(source.type)
        if pa.types.is_nested(target):
            self._must_fit(source.type, target)
        values, failed = coerce(pa.array([source.value], source.type), target, self.made.options)
        if len(failed):
            unquoted = not isinstance(source.value, str) and is_datum(source.text) and source.text != str(source.value)
            hint = f""" A constant string has quotes of its own: '"{source.text}"'.""" if unquoted else ""
            raise MappingError(f"the constant {shorten(source.value)} is not {type_name(target)}.{hint}")
        value: Any = values[0].as_py()
        return Output(one.path, target, replace(source, type=target, value=value), one.item)

    def _inside_stars(self, path: Path, kind: pa.DataType | None) -> pa.DataType | None:
        """The type of one element where source and destination walk arrays side by side.

        Where rows are grouped, the first ``[*]`` of the destination stands for the rows of the group.
        """
        for _ in range(path.count(EVERY) - bool(self.made.keys)):
            if kind is None:
                raise MappingError("[*] in the destination needs a source whose type is known: a path with [*].")
            if pa.types.is_null(kind):  # a column of nothing, or one of which nothing is known
                return kind
            if not is_list(kind):
                raise MappingError("[*] in the destination needs an array: write the source with [*] as well.")
            kind = kind.value_type
        return kind

    def _expanded(self, one: _Bound, kind: pa.DataType, target: Field | None, overrides: set[Path]) -> list[Output]:
        """An output for each field of an object of type `kind` that the destination has and no other mapping makes.

        A column is walked into as it comes; what else gives objects need not have the same fields in every chunk.
        """
        found = {way: parts for way, *parts in self._fields(one.path, kind, target, (), overrides)}
        column = one.node if isinstance(one.node, ColumnSource) and pa.types.is_struct(one.node.type) else None
        whole = nested_schema([Leaf(way, made) for way, (made, _) in found.items()])
        made_whole = Cast(one.node, pa.struct(whole), frozenset(unknown_fields(kind, pa.struct(whole))))
        outputs = []
        for way, (made, child) in found.items():
            path = (*one.path, *way)
            node: Node = GetPath(made_whole, way)
            if column is not None:
                node = replace(column, type=child.type, steps=(*column.steps, *way), field=child)
            outputs.append(Output(path, made, self._cast(node, made, child.type, path), one.item))
        return outputs

    def _fields(
        self, above: Path, kind: pa.DataType, target: Field | None, steps: Path, overrides: set[Path]
    ) -> Iterator[tuple[Path, pa.DataType, pa.Field]]:
        """The way to each field, its type in the destination, and the field; `above` is the path of the object."""
        for child in kind:
            way = (*steps, child.name)
            path = (*above, *way)
            if path in overrides:
                continue
            below = None if target is None else target.children.get(child.name)
            if target is not None and (below is None or not below.declared):
                self.unknown[path] = None
            elif pa.types.is_struct(child.type) and (below is None or below.type == "object"):
                yield from self._fields(above, child.type, below, way, overrides)
            else:
                if below is not None and not is_unseen(child):
                    reason = never_fits(child.type, below.arrow_type, self.made.options)
                    if reason:
                        raise MappingError(f"'{format_path(path)}': {reason}.")
                made = pa.float64() if below is None and is_numeral(child) else target_type(below, child.type)
                if made is None:
                    raise MappingError(f"'{format_path(path)}': {why_unheld(child.type)}.")
                yield way, made, child


def _held(made: pa.DataType | None, kind: pa.DataType | None) -> pa.DataType:
    """The type of a leaf, if a record can hold it."""
    if made is None:
        raise MappingError("it is of no type." if kind is None else f"{why_unheld(kind)}.")
    return made


def _settled(kind: pa.DataType) -> pa.DataType:
    """The type for values of a type between kernels; where they are of several kinds, numbers or strings."""
    if pa.types.is_struct(kind) and (kinds := kinds_of(kind)):
        return pa.float64() if all(_is_number(_settled(each)) for each in kinds) else pa.string()
    if (said := final_type(kind)) is not None:
        return natural(said) or pa.string()
    if is_object(kind):
        kind = pa.struct([kind.field(key) for key in keys_of(kind)])
    return retyped(kind, lambda part: _settled(part.type))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def _list_type(rests: Sequence[tuple[Path, pa.DataType]], field: Field | None) -> pa.DataType:
    """The type of a list whose elements have these paths: the schema's, or what fits."""
    if field is not None:
        return field.arrow_type
    if any(not rest for rest, _ in rests):
        return pa.list_(rests[0][1])
    leaves = [Leaf(tuple(0 if step == EVERY else step for step in (EVERY, *rest)), kind) for rest, kind in rests]
    return nested_type(path_tree([leaf.path for leaf in leaves]), leaves)
