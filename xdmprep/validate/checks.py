"""Entry points of validation: a stream, a chunk, one record.

:func:`compile_checks` compiles the columnar checks of a stream.  Chunks with other leaves (pieces of JSON files, whose
maps differ in their keys) are compiled when they come, and cached.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import pyarrow as pa

from ..core.ndjson.parser import JsonChunk
from ..core.paths import EVERY, format_path, json_pointer, parse_path
from ..core.shred import Leaf
from ..core.stream import UNKNOWN_KEY, Chunk, Finding, Stream
from ..core.typing import RuleSet
from ..errors import Issue
from ..kernels.arrays import Positions
from ..schema import Field, Schema
from ..schema.field import IDENTITY_MAPS
from .compile import SchemaCompiler
from .messages import Violation, Violations, as_text
from .node import ColumnCompiler
from .opening import ParquetChunk
from .ops import decide, report_faults
from .platform import PlatformCompiler, column_types
from .ruleset import Rules
from .view import ANY_KEY, ChunkColumns, FindingSink, LeafShape, Op, SchemaPath

log = logging.getLogger("xdmprep.validate")

#: Most sets of leaves whose checks are cached.
REMEMBER = 256


@dataclass(frozen=True)
class ColumnChecks:
    """The check trees of a schema, compiled for some leaves."""

    leaves: tuple[Leaf, ...]
    keep_empty: bool
    shape: LeafShape
    ops: list[Op]


class SchemaChecks:
    """All checks of one schema under one rule set; safe to share between threads."""

    def __init__(self, schema: Schema, rules: Rules) -> None:
        self.schema, self.rules = schema, rules
        records = SchemaCompiler(schema.json_schema, rules).compile(schema.json_schema)
        #: the check tree of records
        self.tree = PlatformCompiler(schema, rules).compile(records)
        self._places: dict[str, str] = {}
        self._compiled: dict[tuple[Any, ...], ColumnChecks] = {}
        self._latest: ColumnChecks | None = None
        self._lock = threading.Lock()

    def faults(self, record: Any) -> list[Violation]:
        """Everything wrong with one record."""
        found = Violations()
        decide(self.tree.check, record, (), found)
        return found

    def issue(self, fault: Violation) -> Issue:
        """A fault as an issue."""
        severity = self.rules.severity(fault.code)
        return Issue(
            fault.code, severity or "error", fault.message, None, format_path(fault.at), None, as_text(fault.value),
            fault.hint, json_pointer(fault.at),
        )  # fmt: skip

    def for_leaves(self, leaves: tuple[Leaf, ...], keep_empty: bool) -> ColumnChecks:
        """The columnar checks for some leaves."""
        latest = self._latest
        if latest is not None and latest.leaves is leaves and latest.keep_empty == keep_empty:
            return latest
        key = (*((leaf.path, leaf.type, leaf.constant) for leaf in leaves), keep_empty)
        found = self._compiled.get(key)
        if found is None:
            compiler = ColumnCompiler(leaves, keep_empty)
            found = ColumnChecks(leaves, keep_empty, compiler.shape, compiler.records(self.tree))
            with self._lock:
                if len(self._compiled) >= REMEMBER:
                    self._compiled.pop(next(iter(self._compiled)))
                self._compiled[key] = found
        self._latest = found
        return found

    def __call__(self, chunk: Chunk) -> Chunk:
        """The chunk with what was found added to its issues."""
        if isinstance(chunk, JsonChunk):
            return self._json(chunk)
        if not len(chunk):
            return chunk
        found = self._columnar(chunk, keep_empty=False)
        if isinstance(chunk, ParquetChunk) and chunk.declared is not None:
            found = [*column_types(self.schema, self.rules, chunk.declared), *found]
        return replace(chunk, issues=(*chunk.issues, *found))

    def _columnar(self, chunk: Chunk, keep_empty: bool) -> list[Finding]:
        count_empty = isinstance(chunk, ParquetChunk)
        columns = ChunkColumns(chunk.records.columns, len(chunk), chunk.leaves, keep_empty, count_empty)
        return self._run(columns, chunk.rows)

    def _run(self, columns: ChunkColumns, rows: Positions) -> list[Finding]:
        sink = FindingSink(rows, self.rules)
        checks = self.for_leaves(columns.leaves, columns.keep_empty)
        records = columns.root(checks.shape)
        for op in checks.ops:
            op(records, sink)
        columns.release()
        return self._placed(sink.findings)

    def _placed(self, findings: list[Finding]) -> list[Finding]:
        """The findings with their places, in which keys of maps and unknown fields are replaced: they are data."""
        return [replace(finding, place=self._place(finding.path)) for finding in findings]

    def _place(self, path: str) -> str:
        known = self._places.get(path)
        if known is None:
            field: Field | None = self.schema.root
            steps: list[str | int] = []
            for step in parse_path(path) if path else ():
                shown: str = EVERY if isinstance(step, int) else step
                if field is not None and not isinstance(step, int) and field.path not in IDENTITY_MAPS:
                    shown = ANY_KEY if field.values else step if step in field.children else UNKNOWN_KEY
                steps.append(shown)
                if field is not None:
                    field = field.items or field.values or field.children.get(str(step))
            known = format_path(tuple(steps))
            if len(self._places) < REMEMBER:
                self._places[path] = known
        return known

    def _json(self, chunk: JsonChunk) -> JsonChunk:
        """A chunk of JSON records, some as columns, some as values; neither is kept in the result."""
        findings: list[Finding] = []
        for group in chunk.groups:
            texts = partial(_some_of, chunk.records.column(0), group.lines)
            columns = ChunkColumns(
                group.columns, len(group.lines), group.leaves, True, nulls=group.nulls, texts=texts
            )  # fmt: skip
            findings += self._run(columns, chunk.rows[group.lines])
        if chunk.others:
            sink = FindingSink(chunk.rows, self.rules)
            records = ChunkColumns([], len(chunk.rows), (), True).root()
            report_faults(self.tree.check, chunk.others, SchemaPath(()), records, sink)
            findings += self._placed(sink.findings)
        return replace(chunk, issues=(*chunk.issues, *findings), groups=(), others=())


def _some_of(texts: pa.Array, positions: Positions) -> pa.Array:
    return texts if len(positions) == len(texts) else texts.take(pa.array(positions))


def issue_pointer(issue: Issue) -> str:
    """The JSON Pointer of an issue's path."""
    return json_pointer(parse_path(issue.path)) if issue.path else ""


@lru_cache(maxsize=32)
def checks_for(schema: Schema, rules: Rules) -> SchemaChecks:
    """The checks of a schema, compiled once."""
    return SchemaChecks(schema, rules)


def check_stream(stream: Stream, schema: Schema, rules: RuleSet | Rules = "strict") -> Stream:
    """The stream with the findings of every record in its chunks; raises as :func:`compile_checks` does."""
    return stream.then(compile_checks(schema, stream.leaves, rules))


def compile_checks(
    schema: Schema, leaves: tuple[Leaf, ...], rules: RuleSet | Rules = "strict"
) -> Callable[[Chunk], Chunk]:
    """A step that adds findings to chunks of these leaves.

    Raises:
        UsageError: no such rule set.
        SchemaError: a pattern of the schema cannot be read.
    """
    chosen = Rules.of(rules)
    checks = checks_for(schema, chosen)
    log.info("%s: %d fields checked by the rule set %s, %d rules", schema.name, len(leaves), chosen.name,
             len(chosen.settings))  # fmt: skip
    if leaves and all(leaf.path for leaf in leaves):
        checks.for_leaves(leaves, keep_empty=False)
    return checks


def check_record(schema: Schema, record: Mapping[str, Any], rules: RuleSet | Rules = "strict") -> list[Issue]:
    """Everything wrong with one record of JSON values, with JSON Pointers; an empty list means it is valid."""
    checks = checks_for(schema, Rules.of(rules))
    return [checks.issue(fault) for fault in checks.faults(record)]
