"""Mapping sets: which value of the source goes where in the record, compiled to functions over whole columns."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..core.arrow_types import holds_text, is_list
from ..core.stream import Chunk, Finding, Origins, Stream, pieces_of, reading, with_all_columns
from ..errors import MappingError
from ..language.tree import Node
from ..schema import Schema
from .fields import FieldMapping, SetOptions
from .mapper import Mapper
from .nested import leaves_open
from .plan import Output, Sample, make_plan
from .sets import MappingLike, MappingSet, as_mapping
from .sources import ColumnSource, key_source, places_of

__all__ = [
    "FieldMapping",
    "Mapper",
    "MappingLike",
    "MappingSet",
    "SetOptions",
    "as_mapping",
    "compile_mapping",
    "map_stream",
    "with_what_is_read",
]

log = logging.getLogger("xdmprep.mapping")


def compile_mapping(
    mapping: MappingSet,
    columns: pa.Schema,
    schema: Schema | None = None,
    *,
    strict: bool = False,
    sample: Sample | None = None,
) -> Mapper:
    """A mapping set compiled for a header and a schema.

    Args:
        mapping: the set.
        columns: the source's columns.
        schema: the XDM schema; None passes types through.
        strict: findings of the mapping (values that do not fit, expressions that fail) set the row aside.
        sample: some rows of the source, or what gives them; without a schema they decide types that are known per row
            only.

    Returns:
        A step from Chunk to Chunk with `leaves` and `arrow_schema`.

    Raises:
        MappingError: with all faults of the set, before the first row.
    """
    plan = make_plan(mapping, columns, schema, sample)
    mapper = Mapper(plan, columns, schema, strict)
    log.info(
        "%s: %d mappings, %d of %d columns read, %d fields written%s", Path(mapping.name).name or "mapping set",
        len(mapping), len(mapper.reads), len(columns), len(mapper.leaves), ", rows grouped" if plan.keys else "",
    )  # fmt: skip
    return mapper


def with_what_is_read(stream: Stream, mapping: MappingSet | Any, schema: Schema | None = None) -> Stream:
    """The stream with columns learned from all its records, where the first leave open what the mapping reads.

    That takes one more reading: an array that was always empty, an object that was always null, a column or field that
    no record had, doubles that become text.

    Args:
        stream: rows of a source.
        mapping: a mapping set, or what makes one.
        schema: the XDM schema.
    """
    if stream.whole is None:
        return stream
    columns = stream.arrow_schema
    try:
        made = as_mapping(mapping)
        outputs = make_plan(made, columns, schema).outputs
        keys = [key_source(key, columns) for key in made.options.group_by]
    except MappingError:
        is_open = True
    else:
        nodes: list[tuple[Node, bool]] = [(one.node, not isinstance(one.source, ColumnSource)) for one in outputs]
        nodes += [(key, False) for key in keys]
        is_open = any(map(_prints_doubles, outputs)) or any(
            leaves_open(columns.field(str(name)), tuple(steps), inside)
            for node, inside in nodes
            for name, *steps in places_of(node, columns.names)
            if len(columns.get_all_field_indices(str(name))) == 1
        )
    if not is_open:
        return stream
    log.info("%s: columns are learned from all records", stream.name)
    return with_all_columns(stream)


def _prints_doubles(one: Output) -> bool:
    """Whether doubles become text, which has more digits if more are written in a later record."""
    given, made = one.source.type, one.type
    while given is not None and is_list(given) and is_list(made):
        given, made = given.value_type, made.value_type
    return given is not None and pa.types.is_float64(given) and holds_text(made)


def map_stream(
    stream: Stream, mapping: MappingSet | Any, schema: Schema | None = None, *, strict: bool = False
) -> Stream:
    """The stream with its records mapped.

    Args:
        stream: rows of a source.
        mapping: a mapping set, or what makes one.
        schema: the XDM schema; None passes types through (types that are known per row only are then decided by
            the first chunk).
        strict: as in :func:`compile_mapping`.

    Returns:
        A stream of records, one for each row, or for each group if the set groups rows.

    Raises:
        MappingError: with all faults of the set, before the first row.
    """
    made = as_mapping(mapping)
    peek = cache(partial(_peek, stream))
    try:
        mapper = compile_mapping(made, stream.arrow_schema, schema, strict=strict, sample=lambda: peek()[1])
    except MappingError as error:
        raise MappingError([_with_places(fault, stream) for fault in error.faults], error.name) from None
    if peek.cache_info().currsize:
        stream, _ = peek()
    if stream.origins is not None and stream.origins.lacking:
        stream = _with_lacking(stream, stream.origins, mapper, made)
    keys, reads = made.options.group_by, mapper.grouped_with
    if keys:
        from .groups import group_stream

        stream = group_stream(stream, keys, reads=reads, in_order=made.options.sorted)
    else:
        stream = reading(stream, reads)
    stream = stream.then(mapper, mapper.leaves, mapper.arrow_schema)
    return replace(stream, notes=(*stream.notes, *mapper.left_out))


def _with_places(fault: str, stream: Stream) -> str:
    """A fault about strings that cannot become what is wanted, with the place whose values became strings."""
    if stream.unlike is None or "a string cannot become" not in fault:
        return fault
    notes = [note for note in stream.unlike() if re.search(rf"<- .*\b{re.escape(note.split(chr(39))[1])}\b", fault)]
    return f"{fault} {'; '.join(notes)}." if notes else fault


def _with_lacking(stream: Stream, origins: Origins, mapper: Mapper, mapping: MappingSet) -> Stream:
    """The stream with a finding for each mapped column that one of its files lacks.

    Raises:
        MappingError: the mapping set does not allow that a column is missing.
    """
    lacking = {file: sorted(names & mapper.reads) for file, names in origins.lacking.items() if names & mapper.reads}
    if lacking and mapping.options.missing == "error":
        faults = [
            f"{origins.names[file]} has no column {', '.join(map(repr, names))}, which other files have and the "
            "mapping reads. Add it to the file, or allow it with $missing: null in the mapping."
            for file, names in lacking.items()
        ]
        raise MappingError(faults, mapping.name or None)

    def with_findings(chunk: Chunk) -> Chunk:
        more: list[Finding] = []
        end = 0
        for file, count in chunk.files:
            start, end = end, end + count
            rows = chunk.rows[(chunk.rows > start) & (chunk.rows <= end)]
            more += [
                Finding("missing-column", "", f"the file has no column '{name}'", rows, None, name)
                for name in lacking.get(file, ())
                if len(rows)
            ]
        return replace(chunk, issues=(*chunk.issues, *more)) if more else chunk

    return stream.then(with_findings) if lacking else stream


def _peek(stream: Stream) -> tuple[Stream, pa.RecordBatch]:
    """The same stream, and its first chunk's records; the piece that was read for it is not read twice."""
    pieces = pieces_of(stream)
    first = next(pieces, None)
    if first is None:
        return stream, pa.RecordBatch.from_pylist([], schema=stream.arrow_schema)
    kept: list[Iterator[Any]] = [chain([first], pieces)]

    def again() -> Iterator[Any]:
        return kept.pop() if kept else pieces_of(stream)

    chunk = first
    for step in stream.steps:
        chunk = step(chunk)
    return replace(stream, source=again, gather=None), chunk.nested(stream.arrow_schema)
