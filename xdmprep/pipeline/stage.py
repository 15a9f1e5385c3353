"""Mapping and checks as one step over Arrow record batches, for engines that move the batches themselves.

Spark's ``mapInArrow``, Ray Data's ``map_batches``, Dask's ``map_partitions``, polars and DuckDB hand over Arrow data
and take it back.  :class:`ArrowStage` is that step: every row that comes in goes out, once, as a record with findings.
It is pickled as a specification (mapping, schema, options), and compiled where it arrives.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial, reduce
from typing import Any

import numpy as np
import pyarrow as pa

from .. import __version__
from ..core.stream import Chunk, Origins, Stream, issue_table
from ..core.typing import RuleSet
from ..errors import SourceError, UsageError, counted
from ..mapping import MappingLike, MappingSet, as_mapping
from ..read import open_source
from ..schema import Schema, SchemaLike, as_schema
from ..validate import Rules
from ..write import REASON, reasons_of
from .assembly import Assembly

#: Rows that are worked on together.
CHUNK_ROWS = 16_384
#: Columns of the output beside the record's own.
OK, SOURCE_ID, ISSUES = "_ok", "_source_id", "_issues"


class ArrowStage:
    """Rows to checked records, batch by batch.

    Args:
        mapping: a MappingSet, a dict of destination -> expression, or a path; None where the rows are records already.
        schema: a Schema or a path; its Arrow types are those of the output.
        rules: the rule set: ``strict``, ``batch`` or ``jsonschema``, or a Rules object.
        strict: a value that does not fit its destination's type is an error, not a warning.

    Attributes:
        arrow_schema: pa.Schema of the output, known before the first row: the record's top-level columns, ``_ok``
            (bool), ``_source_id`` (string) and ``_issues`` (list of struct: code, severity, path, column, value,
            message, hint).
        validate_only: whether the rows are taken as records.

    Raises:
        SchemaError, MappingError: the schema or the mapping set is wrong; what depends on the source's columns is
            raised at the first batch.
        UsageError: the mapping set groups rows, or calls Python functions, which no specification can hold.

    Examples:
        >>> import pyarrow as pa
        >>> stage = xp.ArrowStage({"person.name.firstName": "name"}, schema, rules="jsonschema")
        >>> made = pa.Table.from_batches(stage(pa.table({"name": ["Ann"]})))
        >>> made.column("_ok").to_pylist()
        [True]
    """

    #: Whether all rows of a group come to one stage, so that a mapping set may group them.
    _groups = False

    def __init__(
        self,
        mapping: MappingLike | None,
        schema: SchemaLike,
        *,
        rules: RuleSet | Rules = "strict",
        strict: bool = False,
    ) -> None:
        plan = Assembly(as_schema(schema), None if mapping is None else as_mapping(mapping), rules, strict)
        if plan.mapping is not None:
            _refuse_unfit(plan.mapping, self._groups)
        self._begin(plan)

    def _begin(self, plan: Assembly) -> None:
        self.plan = plan
        own = plan.schema.arrow_schema
        taken = [name for name in (OK, SOURCE_ID, ISSUES) if name in own.names]
        if taken:
            raise UsageError(f"{plan.schema.name} has a field {taken[0]!r}, which is a column of the stage's output.")
        fields = [*own, (OK, pa.bool_()), (SOURCE_ID, pa.string()), (ISSUES, pa.list_(REASON))]
        self.arrow_schema: pa.Schema = pa.schema(fields)
        self._compiled: dict[pa.Schema, Stream] = {}
        self._lock = threading.Lock()

    @property
    def validate_only(self) -> bool:
        """Whether the rows are taken as records, without a mapping."""
        return self.mapping is None

    @property
    def schema(self) -> Schema:
        """The schema of the records."""
        return self.plan.schema

    @property
    def mapping(self) -> MappingSet | None:
        """The mapping set; None where the rows are records already."""
        return self.plan.mapping

    def __repr__(self) -> str:
        what = "records" if self.mapping is None else self.mapping.name or counted(len(self.mapping), "mapping")
        return f"<ArrowStage {what} -> {self.schema.name}, rules {self.plan.rules}>"

    def __getstate__(self) -> dict[str, Any]:
        return {
            "version": __version__, "schema": self.schema, "sha256": self.schema.sha256,
            "mapping": None if self.mapping is None else self.mapping.to_dict(),
            "rules": self.plan.rules, "strict": self.plan.strict,
        }  # fmt: skip

    def __setstate__(self, state: dict[str, Any]) -> None:
        if state["version"] != __version__:
            raise UsageError(
                f"the stage was made by xdmprep {state['version']}, this process has {__version__}. "
                "Install one version everywhere."
            )
        schema = state["schema"]
        if schema.sha256 != state["sha256"]:
            raise UsageError(f"{schema.name}: is not the schema that was sent. Install one version everywhere.")
        mapping = None if state["mapping"] is None else MappingSet(state["mapping"])
        self._begin(Assembly(schema, mapping, state["rules"], state["strict"]))

    def __call__(self, batches: Any) -> Iterator[pa.RecordBatch]:
        """The records of some batches.

        Args:
            batches: record batches, or a table, a reader, or anything with ``__arrow_c_stream__``.  A text column
                ``_source_id`` gives the ids of the rows; without one they are numbered from 1.

        Yields:
            Batches of :attr:`arrow_schema`: as many rows as came in, in their order.  Where ``_ok`` is false, the
            record is what could be made of the row.

        Raises:
            MappingError: the columns are not those that the mapping set reads.
            SourceError: `batches` holds no Arrow data.
        """
        number = 0
        for piece in sliced(_batches(batches)):
            yield self._records(piece, number)
            number += piece.num_rows

    def _records(self, batch: pa.RecordBatch, before: int) -> pa.RecordBatch:
        """One batch; `before` rows came before it."""
        ids, batch = _ids(batch, before)
        block = pa.Table.from_batches([batch])
        chunk: Chunk = reduce(lambda value, step: step(value), self._stream(batch.schema).steps, block)
        _, columns, ok, reasons = judged(chunk, self.schema.arrow_schema)
        return pa.RecordBatch.from_arrays([*columns, ok, ids, reasons], schema=self.arrow_schema)

    def stream(
        self, columns: pa.Schema, batches: Iterable[pa.RecordBatch], name: str = "data", origins: Origins | None = None
    ) -> Stream:
        """The same as a stream of checked chunks, for writers.

        Args:
            columns: of all batches.
            batches: the rows; taken when the stream is read.
            name: what messages call the source.
            origins: where the rows come from.

        Returns:
            The stream, with findings on its chunks.

        Raises:
            MappingError: the columns are not those that the mapping set reads.

        Examples:
            >>> import pyarrow as pa
            >>> stage = xp.ArrowStage({"person.name.firstName": "first"}, schema)
            >>> batch = pa.record_batch({"first": ["Ada"]})
            >>> stage.stream(batch.schema, [batch]).to_pylist()
            [{'person': {'name': {'firstName': 'Ada'}}}]
        """
        pieces = partial(sliced, batches)
        if self.mapping is not None and self.mapping.options.group_by:  # grouping reads the rows as they come
            return self.plan.checked(replace(source_of(columns), source=pieces, name=name, origins=origins))
        return replace(self._stream(columns), source=pieces, name=name, origins=origins)

    def _stream(self, columns: pa.Schema) -> Stream:
        """The compiled steps for a source's columns, made once for each."""
        columns = columns.remove_metadata()
        with self._lock:
            made = self._compiled.get(columns)
            if made is None:
                made = self._compiled[columns] = self.plan.checked(source_of(columns))
        return made


def judged(chunk: Chunk, arrow_schema: pa.Schema) -> tuple[Any, list[pa.Array], pa.Array, pa.Array]:
    """Of all rows, unread ones too: their numbers, columns of the records, which are good, and the findings."""
    rows, columns = chunk.rows, chunk.nested(arrow_schema).columns
    ok = pa.array(~chunk.faulty())
    if lost := len(chunk.unread):
        rows = np.append(rows, [item.row for item in chunk.unread])
        order = pa.array(np.argsort(rows, kind="stable"))
        rows, ok = rows[order], pa.concat_arrays([ok, pa.array([False] * lost)]).take(order)
        columns = [pa.concat_arrays([column, pa.nulls(lost, column.type)]).take(order) for column in columns]
    return rows, columns, ok, reasons_of(rows, issue_table(chunk.findings))


def source_of(columns: pa.Schema) -> Stream:
    """A source with some columns, whose pieces are record batches; it has one row of nulls."""
    return open_source(pa.Table.from_arrays([pa.nulls(1, field.type) for field in columns], schema=columns))


def _refuse_unfit(mapping: MappingSet, groups: bool) -> None:
    if mapping.options.group_by and not groups:
        raise UsageError(
            "$group_by needs all rows of a group in one place, and the engine spreads them. xdmprep.spark brings them "
            "together; elsewhere group the rows first, and map the lists with [*]."
        )
    for item in mapping.mappings:
        if item.kind == "callable":
            raise UsageError(f"{item.destination}: a Python function cannot travel. Write an expression.")


def _batches(batches: Any) -> Iterator[pa.RecordBatch]:
    if isinstance(batches, pa.RecordBatch):
        yield batches
    elif hasattr(batches, "__arrow_c_stream__"):
        yield from pa.RecordBatchReader.from_stream(batches)
    elif isinstance(batches, Iterable):
        for batch in batches:
            if not isinstance(batch, pa.RecordBatch | pa.Table):
                raise SourceError(f"a stage takes Arrow record batches, got {type(batch).__name__}.")
            yield from _batches(batch)
    else:
        raise SourceError(f"a stage takes Arrow record batches, got {type(batches).__name__}.")


def sliced(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Batches in slices of :data:`CHUNK_ROWS` rows at most."""
    for batch in batches:
        for at in range(0, batch.num_rows, CHUNK_ROWS):
            yield batch.slice(at, CHUNK_ROWS)


def _ids(batch: pa.RecordBatch, before: int) -> tuple[pa.Array, pa.RecordBatch]:
    """The ids of the rows, and the batch without a column of them."""
    at = batch.schema.get_field_index(SOURCE_ID)
    if at < 0:
        return pa.array([str(number) for number in range(before + 1, before + batch.num_rows + 1)], pa.string()), batch
    columns = [column for number, column in enumerate(batch.columns) if number != at]
    return batch.column(at).cast(pa.string()), pa.RecordBatch.from_arrays(columns, schema=batch.schema.remove(at))
