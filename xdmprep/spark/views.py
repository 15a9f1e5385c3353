"""The stage's output as DataFrames: the records without faults, and the rows with faults."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..core.typing import RuleSet
from ..mapping import MappingLike
from ..pipeline.stage import ISSUES, OK, SOURCE_ID, ArrowStage
from ..schema import SchemaLike
from ..write import REASON
from .frames import arrow_types, spark_types, travelling

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

REASONS = "reasons"


def records(
    frame: DataFrame, mapping: MappingLike, schema: SchemaLike, rules: RuleSet = "strict", *, strict: bool = False
) -> DataFrame:
    """The records of the rows without faults.

    Args:
        frame: a Spark DataFrame.
        mapping: a MappingSet, a dict of destination -> expression, or a path; None where the rows are records.
        schema: a Schema or a path; its Arrow types give the columns of the result, date-times as TimestampType.
        rules: the rule set: ``strict``, ``batch`` or ``jsonschema``.
        strict: set a row aside too where a value did not fit its destination's type.

    Raises:
        SchemaError, MappingError, UsageError: before a job runs.
    """
    stage = ArrowStage(mapping, schema, rules=rules, strict=strict)
    frame, columns = travelling(frame)
    stage.stream(columns.arrow_schema, ())  # errors of the mapping are raised here
    types = spark_types(stage.schema.arrow_schema)
    taken = arrow_types(types)

    def good(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for made in stage(columns.named(batches)):
            yield made.filter(made.column(OK)).select(taken.names).cast(taken)

    return frame.mapInArrow(good, types)


def rejects(
    frame: DataFrame, mapping: MappingLike, schema: SchemaLike, rules: RuleSet = "strict", *, strict: bool = False
) -> DataFrame:
    """The rows with faults.  Arguments as of :func:`records`.

    Returns:
        The source's columns; ``reasons`` (a list of texts; left out where the source has such a column); ``_source_id``
        (partition and position in it, counted from 1) and ``_issues`` (a list of struct: code, severity, path, column,
        value, message, hint).

    Raises:
        SchemaError, MappingError, UsageError: before a job runs.
    """
    from pyspark.sql.types import StringType, StructField, StructType

    stage = ArrowStage(mapping, schema, rules=rules, strict=strict)
    names = frame.columns
    frame, columns = travelling(frame)
    stage.stream(columns.arrow_schema, ())
    with_texts = REASONS not in [name.lower() for name in names]
    own: list[tuple[str, pa.DataType]] = [(REASONS, pa.list_(pa.string()))] if with_texts else []
    found = spark_types(pa.schema([*own, (ISSUES, pa.list_(REASON))])).fields
    texts = found[: len(own)]
    fields = [StructField(name, field.dataType) for name, field in zip(names, frame.schema.fields, strict=True)]
    types = StructType([*fields, *texts, StructField(SOURCE_ID, StringType()), found[-1]])
    taken = arrow_types(types)

    def bad(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from pyspark import TaskContext

        context = TaskContext.get()
        partition = 0 if context is None else context.partitionId()
        before = 0
        for batch in columns.named(batches):
            made = pa.Table.from_batches(stage([batch]), stage.arrow_schema)
            wrong = pc.invert(made.column(OK)).combine_chunks()
            rows = np.flatnonzero(wrong.to_numpy(zero_copy_only=False)) + before + 1
            before += batch.num_rows
            issues = made.column(ISSUES).combine_chunks().filter(wrong)
            arrays = list(batch.filter(wrong).columns)
            if with_texts:
                said = [[_said(issue) for issue in row] for row in issues.to_pylist()]
                arrays.append(pa.array(said, pa.list_(pa.string())))
            arrays += [pa.array([f"{partition}-{row}" for row in rows], pa.string()), issues]
            cast = [array.cast(kind) for array, kind in zip(arrays, taken.types, strict=True)]
            yield pa.RecordBatch.from_arrays(cast, schema=taken)

    return frame.mapInArrow(bad, types)


def _said(issue: dict[str, Any]) -> str:
    return f"{issue['path']}: {issue['message']}, got {issue['value']!r}"
