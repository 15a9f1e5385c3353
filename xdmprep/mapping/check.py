"""Checks of a mapping set before any row is read: faults, warnings, unused columns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ..core.paths import Path, format_path, parse_path
from ..core.shred import Leaf, path_tree
from ..errors import ExpressionError
from ..schema import Field, Schema
from .explain import slow_mappings
from .forms import without_header
from .mapper import Mapper
from .plan import make_plan
from .sets import MappingSet
from .sources import key_source


@dataclass(frozen=True)
class Check:
    """What was found.

    Attributes:
        faults: errors; the set cannot run.
        warnings: likely mistakes: required fields without a mapping, no primary identity, fields left out.
        unused: source columns that no mapping reads.
    """

    faults: tuple[str, ...]
    warnings: tuple[str, ...]
    unused: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether the set can run."""
        return not self.faults


def check_mapping(mapping: MappingSet, columns: pa.Schema | None = None, schema: Schema | None = None) -> Check:
    """Check a set against the columns and the schema that are known.

    Args:
        mapping: the set.
        columns: the source's columns; None checks everything but the columns.
        schema: the XDM schema; None checks everything but the destinations.
    """
    known = columns if columns is not None else _named_columns(mapping.filled())
    plan = make_plan(mapping, known, schema, pa.RecordBatch.from_pylist([], schema=known), draft=True)
    if plan.faults:
        return Check(tuple(plan.faults), tuple(plan.notes), ())
    mapper = Mapper(plan, known, schema, False)
    warnings = list(plan.notes)
    if schema is not None:
        warnings += _not_mapped(mapper.leaves, schema)
        warnings += _primary(mapper.leaves, schema)
    if columns is not None:
        warnings += slow_mappings(plan.outputs, columns)
    used = mapper.reads | {key_source(key, known).column for key in mapping.options.group_by}
    unused = () if columns is None else tuple(name for name in columns.names if name not in used)
    return Check((), tuple(warnings), unused)


def _named_columns(mapping: MappingSet) -> pa.Schema:
    """A header with every column the set names: of type null, which fits anywhere, or text if it feeds expressions."""
    copied: dict[str, None] = dict.fromkeys(mapping.options.group_by)
    names: dict[str, None] = {}
    for item in mapping.mappings:
        kind, columns = without_header(item)
        if kind == "column":
            with suppress(ExpressionError):  # a name that is no path stands for itself
                columns = (str(parse_path(item.source)[0]),)
        (copied if kind == "column" else names).update(dict.fromkeys(columns))
    return pa.schema([(name, pa.string() if name in names else pa.null()) for name in names | copied])


def _not_mapped(leaves: tuple[Leaf, ...], schema: Schema) -> Iterator[str]:
    def visit(node: Any, field: Field, at: Path) -> Iterator[str]:
        if isinstance(node, int):
            return
        if field.type == "object":
            for name in sorted(field.required_children - set(node)):
                yield f"'{format_path((*at, name))}' is required by the schema and has no mapping."
        for step, below in node.items():
            part = field.items or field.values or field.children.get(str(step))
            if part is not None:
                yield from visit(below, part, (*at, step))

    yield from visit(path_tree([leaf.path for leaf in leaves]) if leaves else {}, schema.root, ())


def _primary(leaves: tuple[Leaf, ...], schema: Schema) -> Iterator[str]:
    paths = {leaf.path for leaf in leaves}
    primary = schema.primary_identity
    if primary is not None:
        if not any(path == primary.path[: len(path)] or path[: len(primary.path)] == primary.path for path in paths):
            yield f"'{format_path(primary.path)}' is the primary identity and has no mapping."
        return
    maps = [leaf for leaf in leaves if leaf.path[0] in ("identityMap", "xdm:identityMap")]
    if schema.has_identity_map and not maps:
        yield "no identity is mapped; the platform takes no profile record without a primary identity."
    marks = [leaf for leaf in maps if leaf.path[-1] in ("primary", "xdm:primary")]
    constants = [leaf for leaf in marks if leaf.constant is not None]
    whole = any(len(leaf.path) < 4 for leaf in maps)
    if maps and not whole and len(constants) == len(marks):
        count = sum(leaf.constant is True for leaf in constants)
        if count != 1:
            yield f"{count or 'no'} identities in identityMap have primary: true; exactly one must."
