"""A mapping set against a header and a schema: every fault found and told at once, or a plan of outputs.

One mapping gives one output, except where an object is copied: then each of its fields that the destination has becomes
an output of its own, and a mapping that leads below the object overrides the field it names.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pyarrow as pa

from ..core.arrow_types import has_lost_digits, is_list, is_text
from ..core.ndjson.fields import is_numeral, is_unseen
from ..core.paths import EVERY, Path, format_path
from ..errors import ExpressionError, MappingError, did_you_mean, shorten
from ..language import Options, coerce
from ..schema import Field, Schema
from .destinations import clashes, destination, find, never_fits, target_type, type_name
from .fields import FieldMapping
from .nested import natural
from .placeholders import filled, left
from .sets import MappingSet
from .sources import (
    AbsentSource,
    CallableSource,
    ColumnSource,
    ConstantSource,
    ExpressionSource,
    Source,
    may_be_inside,
    settle,
    unknown_column,
)
from .split import split


@dataclass(frozen=True)
class Output:
    """One column to be made.

    Attributes:
        path: where it stands.
        type: what it is coerced to.
        source: where it comes from.
        item: the mapping it belongs to.
        steps: the way into the source's value, for the fields of a copied object.
        via: the type the source's value is coerced to before walking into it; None takes it as it is.
    """

    path: Path
    type: pa.DataType
    source: Source
    item: FieldMapping
    steps: Path = ()
    via: pa.DataType | None = None

    def reads(self, names: list[str]) -> list[Path]:
        """The places in the source that are looked at; `names` are its columns."""
        source = self.source
        if isinstance(source, ColumnSource):
            return [(source.column, *source.steps, *self.steps)]
        if isinstance(source, ExpressionSource):
            return [(name, *steps) for name, *steps in source.expression.fields]
        if isinstance(source, CallableSource) and not source.columns:  # it is given the whole batch
            return [(name,) for name in names]
        return [(name,) for name in source.columns]


@dataclass
class Plan:
    """The outputs of a mapping set, `stars` those with ``[*]`` in their destination, and what is worth a warning.

    `keys` are the columns that rows are grouped by.
    """

    outputs: list[Output]
    stars: list[Output]
    options: Options
    notes: list[str] = field(default_factory=list)
    grouped: bool = False
    keys: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Settled:
    item: FieldMapping
    path: Path
    field: Field | None
    source: Source


def make_plan(
    mapping: MappingSet, columns: pa.Schema, schema: Schema | None, sample: pa.RecordBatch | None = None
) -> Plan:
    """Settle every mapping.

    Args:
        mapping: the set.
        columns: the source's columns.
        schema: the XDM schema, or None to pass types through.
        sample: some rows of the source; without a schema they decide types that are known per row only.

    Raises:
        MappingError: with all faults of the set.
    """
    faults: list[str] = []
    options = language_options(mapping.options.language, faults)
    for name in mapping.options.group_by:
        if columns.get_field_index(name) < 0:
            faults.append(f"$group_by: {unknown_column(name, columns)}")
    if not mapping.mappings:
        faults.append("the set has no mappings.")
    found: dict[tuple[int, int], list[str]] = {}  # by the line and place of the mapping
    places = {id(item): number for number, item in enumerate(mapping.mappings)}

    def fault(item: FieldMapping, text: str) -> None:
        where = f"line {item.line}: " if item.line else ""
        found.setdefault((item.line, places[id(item)]), []).append(f"{where}{item}: {text}")

    names = dict.fromkeys(columns.names)  # made once, and looked up, since there may be thousands
    settled = [
        made for item in mapping.mappings if (made := _settle(item, mapping, columns, names, schema, options, fault))
    ]
    keys = frozenset(mapping.options.group_by)
    plan = Plan([], [], options, grouped=bool(keys), keys=keys)
    seen: dict[Path, FieldMapping] = {}
    single = []
    for one in settled:
        if one.path in seen:
            fault(one.item, f"'{one.item.destination}' has a mapping already: {seen[one.path].text}.")
            continue
        seen[one.path] = one.item
        single.append(one)
    below: dict[Path, set[Path]] = {}
    for one in single:
        for at in range(1, len(one.path)):
            below.setdefault(one.path[:at], set()).add(one.path)
    for one in single:
        _note(one, columns, plan)
        try:
            overrides = below.get(one.path, set())
            outputs = _split(one, overrides, columns, schema, plan) or _outputs(one, overrides, options, sample, plan)
        except MappingError as error:
            for text in error.faults:
                fault(one.item, text)
            continue
        plan.stars += [output for output in outputs if EVERY in output.path]
        plan.outputs += [output for output in outputs if EVERY not in output.path]
    every = [*plan.outputs, *plan.stars]
    for upper, lower in clashes([output.path for output in every]):
        owner = next(output.item for output in every if output.path == lower)
        fault(owner, f"'{format_path(upper)}' has a mapping of its own, so nothing can stand beside or below it.")
    faults += [text for place in sorted(found) for text in found[place]]
    if faults:
        raise MappingError(list(dict.fromkeys(faults)), mapping.name or None)
    return plan


def language_options(settings: Mapping[str, Any], faults: list[str]) -> Options:
    """The settings of the expression language that a set asks for; what is wrong with them is added to `faults`."""
    kinds = get_type_hints(Options)
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


@dataclass(frozen=True)
class _Clock:
    """A clock that stands still."""

    moment: datetime

    def __call__(self) -> datetime:
        return self.moment


def _settle(
    item: FieldMapping,
    mapping: MappingSet,
    columns: pa.Schema,
    names: Collection[str],
    schema: Schema | None,
    options: Options,
    fault: Callable[[FieldMapping, str], None],
) -> _Settled | None:
    path: Path = ()
    target: Field | None = None
    source: Source | None = None
    sound = True
    ready = filled(item, mapping.options.values, names)
    if (placeholder := left(ready, names)) is not None:
        fault(item, placeholder)
        return None
    try:
        path = destination(ready.destination)
        target = find(path, schema)
    except MappingError as error:
        for text in error.faults:
            fault(item, text)
        sound = False
    try:
        source = settle(ready, columns, options, mapping.options.missing)
    except ExpressionError as error:
        fault(item, str(error))
    except MappingError as error:
        for text in error.faults:
            fault(item, text)
    return _Settled(item, path, target, source) if sound and source is not None else None


def _note(one: _Settled, columns: pa.Schema, plan: Plan) -> None:
    source = one.source
    if isinstance(source, ColumnSource) and not source.steps and may_be_inside(source.column, columns):
        plan.notes.append(
            f"{one.item}: '{source.column}' is the name of a column and a place inside another; the column is taken."
        )
    absent: tuple[str, ...] = (source.column,) if isinstance(source, AbsentSource) else ()
    if isinstance(source, ExpressionSource):
        absent = source.absent
        plan.notes += [f"{one.item}: {text}" for text in source.expression.likely_mistakes()]
    for name in absent:
        plan.notes.append(f"{one.item}: the source has no column '{name}'; it counts as null in every row.")


def _split(one: _Settled, overrides: set[Path], columns: pa.Schema, schema: Schema | None, plan: Plan) -> list[Output]:
    """One output for each field of a calculated object; none where that would not be the same, or does not fit."""
    if schema is None or overrides or EVERY in one.path:
        return []
    outputs: list[Output] = []
    for way, source in split(one.source, one.path, columns, not plan.grouped):
        path = (*one.path, *way)
        try:
            outputs += _outputs(_Settled(one.item, path, find(path, schema), source), set(), plan.options, None, plan)
        except MappingError:
            return []
    return outputs


def _outputs(
    one: _Settled, overrides: set[Path], options: Options, sample: pa.RecordBatch | None, plan: Plan
) -> list[Output]:
    source, path = one.source, one.path
    kind = source.type
    if isinstance(source, ColumnSource) and one.field is not None and _says_nothing(source.field_at(())):
        kind = pa.null()
    if kind is None and one.field is None:
        kind = _sampled(source, sample)
    if isinstance(source, ConstantSource):
        return [_constant(one, source, options)]
    if EVERY in path:
        kind, target = _inside_stars(one, kind, plan.grouped), one.field
        if kind is not None and target is not None:
            _must_fit(kind, target.arrow_type, options)
        made = target_type(target, kind)
        if made is None:
            raise MappingError(f"its type, {kind}, cannot be held by a record.")
        return [Output(path, made, source, one.item)]
    is_object = one.field is None or one.field.type == "object"
    if kind is not None and pa.types.is_struct(kind) and is_object:
        made_outputs = _expand(one, kind, path, one.field, (), overrides, options, plan)
        if not made_outputs and not overrides:
            raise MappingError("no field of the source's object is a field of the destination.")
        return made_outputs if source.type is not None else [replace(output, via=kind) for output in made_outputs]
    if kind is not None and one.field is not None:
        _must_fit(kind, one.field.arrow_type, options)
        for lost in _dropped(kind, one.field.arrow_type, path):
            plan.notes.append(f"{one.item}: '{format_path(lost)}' is not in the schema; the field is left out.")
    if isinstance(source, ColumnSource) and one.field is not None and is_text(one.field.arrow_type):
        _refuse_lost_digits(source)
    unknown = kind is None or pa.types.is_null(kind)
    if unknown and one.field is not None and one.field.type == "object" and overrides:
        via = one.field.arrow_type
        return [replace(output, via=via) for output in _expand(one, via, path, one.field, (), overrides, options, plan)]
    made = target_type(one.field, kind)
    if one.field is None and isinstance(source, ColumnSource) and source.is_numeral():
        made = pa.list_(pa.float64()) if is_list(kind) else pa.float64()
    if made is None:
        raise MappingError(f"its type, {kind}, cannot be held by a record.")
    return [Output(path, made, source, one.item)]


def _says_nothing(field: pa.Field) -> bool:
    """Whether the type of a field comes of no value, or of empty objects only."""
    return is_unseen(field) or (pa.types.is_struct(field.type) and not field.type.num_fields)


def _refuse_lost_digits(source: ColumnSource) -> None:
    if has_lost_digits(source.field):
        raise MappingError(
            f"the column '{source.column}' holds whole numbers beyond 2^53 as floats: the last digits are lost, and no"
            " text of them is right. Read the column as text, as with "
            f"pd.read_csv(..., dtype={{{source.column!r}: str}})."
        )


def _dropped(kind: pa.DataType, target: pa.DataType, path: Path) -> Iterator[Path]:
    """The fields of objects in an array of type `kind` that the destination does not have."""
    if is_list(kind) and is_list(target):
        yield from _dropped(kind.value_type, target.value_type, (*path, EVERY))
    elif pa.types.is_struct(kind) and pa.types.is_struct(target):
        for child in kind:
            at = target.get_field_index(child.name)
            if at < 0:
                yield (*path, child.name)
            else:
                yield from _dropped(child.type, target.field(at).type, (*path, child.name))


def _must_fit(kind: pa.DataType, target: pa.DataType, options: Options) -> None:
    reason = never_fits(kind, target, options)
    if reason:
        raise MappingError(f"{reason}.")


def _sampled(source: Source, sample: pa.RecordBatch | None) -> pa.DataType:
    """The type that a few rows show, where nothing else tells it."""
    if sample is None:
        raise MappingError("its type is known per row only, and there is no schema to tell it. Give a schema.")
    values = source.read(sample).values
    try:
        array = values if isinstance(values, pa.Array) else pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.string()
    return natural(array.type) or pa.string()


def _constant(one: _Settled, source: ConstantSource, options: Options) -> Output:
    target = one.field.arrow_type if one.field is not None else natural(source.type)
    if pa.types.is_nested(target):
        _must_fit(source.type, target, options)
    values, failed = coerce(pa.array([source.value], source.type), target, options)
    if len(failed):
        raise MappingError(f"the constant {shorten(source.value)} is not {type_name(target)}.")
    value: Any = values[0].as_py()
    return Output(one.path, target, ConstantSource(value, target, source.text), one.item)


def _inside_stars(one: _Settled, kind: pa.DataType | None, grouped: bool) -> pa.DataType | None:
    """The type of one element where source and destination walk arrays side by side.

    Where rows are grouped, the first ``[*]`` of the destination stands for the rows of the group.
    """
    for _ in range(sum(step == EVERY for step in one.path) - grouped):
        if kind is None:
            raise MappingError("[*] in the destination needs a source whose type is known: a path with [*].")
        if pa.types.is_null(kind):  # a column of nothing, or one of which nothing is known
            return kind
        if not is_list(kind):
            raise MappingError("[*] in the destination needs an array: write the source with [*] as well.")
        kind = kind.value_type
    return kind


def _expand(
    one: _Settled,
    kind: pa.DataType,
    path: Path,
    target: Field | None,
    steps: Path,
    overrides: set[Path],
    options: Options,
    plan: Plan,
) -> list[Output]:
    """One output for each field of an object of type `kind` that the destination has and no other mapping makes."""
    outputs: list[Output] = []
    for child in kind:
        here = (*path, child.name)
        if here in overrides:
            continue
        below = None if target is None else target.children.get(child.name)
        if target is not None and (below is None or not below.declared):
            plan.notes.append(f"{one.item}: '{format_path(here)}' is not in the schema; the field is left out.")
            continue
        if pa.types.is_struct(child.type) and (below is None or below.type == "object"):
            outputs += _expand(one, child.type, here, below, (*steps, child.name), overrides, options, plan)
            continue
        if below is not None:
            reason = "" if is_unseen(child) else never_fits(child.type, below.arrow_type, options)
            if reason:
                raise MappingError(f"'{format_path(here)}': {reason}.")
        made = pa.float64() if below is None and is_numeral(child) else target_type(below, child.type)
        if made is not None:
            outputs.append(Output(here, made, one.source, one.item, (*steps, child.name)))
    return outputs
