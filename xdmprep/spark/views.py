"""The stage's output as DataFrames: the records without errors, and the rows with errors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ..core.arguments import takes
from ..core.stream import issue_table
from ..core.typing import RuleSet
from ..errors import UsageError
from ..mapping import MappingLike
from ..pipeline.checking import JOB
from ..pipeline.stage import ISSUES, SOURCE_ID, judged
from ..schema import SchemaLike
from ..validate import Rules
from ..write import REASON, reasons_of
from .frames import FRAME, arrow_types, spark_types
from .task import FrameJob, GroupingStage

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

REASONS = "reasons"


@takes(**JOB, frame=FRAME)
def records(
    frame: DataFrame,
    mapping: MappingLike,
    schema: SchemaLike,
    rules: RuleSet | Rules = "strict",
    *,
    strict: bool = False,
) -> DataFrame:
    """The records of the rows without errors.

    Args:
        frame: a Spark DataFrame.
        mapping: a MappingSet, a dict of destination -> expression, or a path; None where the rows are records.
        schema: a Schema or a path; its Arrow types give the columns of the result, date-times as TimestampType.
        rules: the rule set: ``strict``, ``batch`` or ``jsonschema``, or a Rules object.
        strict: set a row aside too where a value did not fit its destination's type.

    Returns:
        The columns of the schema, one row a record.

    Raises:
        SchemaError, MappingError, UsageError: before a job runs.

    Examples:
        >>> records(df, mapping, schema).select("person.name.firstName").first().firstName
        'Søren'
    """
    frame, work = FrameJob.on(frame, GroupingStage(mapping, schema, rules=rules, strict=strict))
    shape = work.stage.schema.arrow_schema
    types = spark_types(shape)
    taken = arrow_types(types)

    def good(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        stream, _ = work.stream(batches)
        for chunk in stream.chunks(jobs=1):
            yield replace(chunk, source=None).where(~chunk.faulty()).nested(shape).cast(taken)

    return frame.mapInArrow(good, types)


@takes(**JOB, frame=FRAME)
def checked(
    frame: DataFrame,
    mapping: MappingLike | None,
    schema: SchemaLike,
    rules: RuleSet | Rules = "strict",
    *,
    strict: bool = False,
) -> DataFrame:
    """Every row as a record with its findings; persist it to have good and faulty ones from one evaluation.

    Args:
        frame: a Spark DataFrame.
        mapping: a MappingSet, a dict of destination -> expression, or a path; None where the rows are records.
        schema: a Schema or a path.
        rules: the rule set: ``strict``, ``batch`` or ``jsonschema``, or a Rules object.
        strict: whether a row is set aside too where a value did not fit its destination's type.

    Returns:
        The columns of the record, as far as it could be made; ``_ok``, ``_source_id`` and ``_issues`` as of
        :func:`rejects`.

    Raises:
        SchemaError, MappingError, UsageError: before a job runs.

    Examples:
        >>> made = checked(df, mapping, schema).persist()
        >>> made.where("_ok").count(), made.where("NOT _ok").count()
        (241, 59)
    """
    frame, work = FrameJob.on(frame, GroupingStage(mapping, schema, rules=rules, strict=strict))
    shape = work.stage.schema.arrow_schema
    types = spark_types(work.stage.arrow_schema)
    taken = arrow_types(types)

    def rows(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        stream, places = work.stream(batches)
        for chunk in stream.chunks(jobs=1):
            numbers, columns, good, issues = judged(chunk, shape)
            arrays = [*columns, good, places.ids(numbers), issues]
            yield pa.RecordBatch.from_arrays(arrays, schema=work.stage.arrow_schema).cast(taken)

    return frame.mapInArrow(rows, types)


@takes(**JOB, frame=FRAME)
def rejects(
    frame: DataFrame,
    mapping: MappingLike,
    schema: SchemaLike,
    rules: RuleSet | Rules = "strict",
    *,
    strict: bool = False,
) -> DataFrame:
    """The rows with errors.

    Args:
        frame: a Spark DataFrame.
        mapping: a MappingSet, a dict of destination -> expression, or a path; None where the rows are records.
        schema: a Schema or a path.
        rules: the rule set: ``strict``, ``batch`` or ``jsonschema``, or a Rules object.
        strict: whether a row is set aside too where a value did not fit its destination's type.

    Returns:
        The source's columns (lists, where the mapping set groups rows); ``reasons`` (a list of texts; left out where
        the source has such a column); ``_source_id`` (file and row in it where Spark knows them, else partition and
        position in it, counted from 1) and ``_issues`` (a list of struct: code, severity, path, column, value, message,
        hint).

    Raises:
        SchemaError, MappingError, UsageError: before a job runs.

    Examples:
        >>> aside = rejects(df, mapping, schema)
        >>> aside.where("F_NAME IS NOT NULL").select("_issues.code", "_issues.path").first().code
        ['identity-ecid']
    """
    from pyspark.sql.types import ArrayType, StringType, StructField, StructType

    frame, work = FrameJob.on(frame, GroupingStage(mapping, schema, rules=rules, strict=strict))
    names = work.columns.arrow_schema.names
    taken_names = [name for name in names if name.lower() in (SOURCE_ID, ISSUES)]
    if taken_names:
        raise UsageError(
            f"the frame has a column {taken_names[0]!r}, which is a column of the result. Rename it, or use checked."
        )
    groups = bool(work.stage.mapping and work.stage.mapping.options.group_by)
    with_texts = REASONS not in [name.lower() for name in names]
    own: list[tuple[str, pa.DataType]] = [(REASONS, pa.list_(pa.string()))] if with_texts else []
    found = spark_types(pa.schema([*own, (ISSUES, pa.list_(REASON))])).fields
    texts = found[: len(own)]
    kinds = [field.dataType for field in frame.schema.fields[: len(names)]]
    fields = [StructField(name, ArrayType(kind) if groups else kind) for name, kind in zip(names, kinds, strict=True)]
    types = StructType([*fields, *texts, StructField(SOURCE_ID, StringType()), found[-1]])
    taken = arrow_types(types)

    def bad(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        stream, places = work.stream(batches)
        for chunk in stream.chunks(jobs=1):
            wrong = chunk.faulty()
            if not wrong.any() and not chunk.unread:
                continue
            rows = np.append(chunk.rows[wrong], np.array([item.row for item in chunk.unread], np.int64))
            issues = reasons_of(rows, issue_table(chunk.findings))
            source: Any = chunk.where(wrong).source
            arrays = [
                pa.concat_arrays([source.column(at).cast(kind), pa.nulls(len(chunk.unread), kind)])
                for at, kind in enumerate(taken.types[: len(names)])
            ]
            if with_texts:
                said = [[_said(issue) for issue in row] for row in issues.to_pylist()]
                arrays.append(pa.array(said, pa.list_(pa.string())))
            arrays += [places.ids(rows), issues]
            cast = [array.cast(kind) for array, kind in zip(arrays, taken.types, strict=True)]
            yield pa.RecordBatch.from_arrays(cast, schema=taken)

    return frame.mapInArrow(bad, types)


def _said(issue: dict[str, Any]) -> str:
    return f"{issue['path']}: {issue['message']}, got {issue['value']!r}"
