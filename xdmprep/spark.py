"""The same stages inside Spark: rows of a Spark DataFrame to checked XDM records, with ``mapInArrow``.

Mapping and checks are compiled once per partition and run on Arrow batches, as everywhere else; Spark only moves the
batches.  Needs the extra ``spark``: ``pip install "xdmprep[spark]"``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from inspect import signature
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from .errors import MissingDependencyError, UsageError
from .flow import Chunk, Stream
from .mapping import MappingSet, as_mapping, map_stream
from .read import open_source
from .schema import Schema
from .validate import check_stream

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def records(frame: DataFrame, mapping: MappingSet | dict[str, str], schema: Schema, rules: str = "strict") -> DataFrame:
    """The records of the rows without faults.

    Args:
        frame: a Spark DataFrame.
        mapping: a mapping set, or a dict of destination -> expression.
        schema: the XDM schema; its Arrow types give the columns of the result, date-times as Spark's TimestampType.
        rules: the rule set.

    Raises:
        MappingError: every fault of the mapping, before a job runs.
    """
    run = _Stage(frame, mapping, schema, rules)
    types = _spark_types(run.arrow_schema)
    columns = _arrow_types(types)

    def good(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for stream, chunk in run(batches):
            yield chunk.where(~chunk.faulty()).nested(stream.arrow_schema).cast(columns)

    return frame.mapInArrow(good, types)


def rejects(frame: DataFrame, mapping: MappingSet | dict[str, str], schema: Schema, rules: str = "strict") -> DataFrame:
    """The rows with faults: the source's columns and ``reasons``, a list of texts.  Arguments as of :func:`records`."""
    run = _Stage(frame, mapping, schema, rules)
    types = _spark_types(pa.schema([*run.columns, pa.field("reasons", pa.list_(pa.string()))]))
    columns = _arrow_types(types)
    source_columns = columns.remove(len(columns) - 1)

    def bad(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for _, chunk in run(batches):
            aside = chunk.where(chunk.faulty())
            if len(aside) and aside.source is not None:
                said: dict[int, list[str]] = {int(row): [] for row in aside.rows}
                for finding in chunk.issues:
                    for issue in finding.issues():
                        if issue.row in said:
                            said[issue.row].append(f"{issue.path}: {issue.message}, got {issue.value!r}")
                reasons = pa.array([said[int(row)] for row in aside.rows], pa.list_(pa.string()))
                source = pa.Table.from_batches([aside.source]).cast(source_columns).combine_chunks()
                arrays = [*(column.chunk(0) for column in source.columns), reasons]
                yield pa.RecordBatch.from_arrays(arrays, schema=columns)

    return frame.mapInArrow(bad, types)


class _Stage:
    """Mapping and checks of one frame: compiled here, for the types and the faults, and once in every worker."""

    def __init__(self, frame: DataFrame, mapping: Any, schema: Schema, rules: str) -> None:
        self.mapping = as_mapping(mapping)
        if self.mapping.options.group_by:
            raise UsageError(
                "$group_by needs all rows of a group in one place, and Spark spreads them. Group the frame first "
                "(groupBy and collect_list), and map the lists with [*]."
            )
        self.schema, self.rules = schema, rules
        arrow = _arrow_types(frame.schema)
        self.arrow_schema = self._compiled(arrow).arrow_schema
        self.columns = open_source(_one_row(arrow)).arrow_schema

    def _compiled(self, columns: pa.Schema) -> Stream:
        read = open_source(_one_row(columns))
        return check_stream(map_stream(read, self.mapping, self.schema), self.schema, self.rules)

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[Stream, Chunk]]:
        steps: tuple[Callable[[Any], Any], ...] = ()
        for batch in batches:
            if not steps:
                stream = self._compiled(batch.schema)
                steps = stream.steps
            value: Any = batch
            for step in steps:
                value = step(value)
            yield stream, value


def _one_row(columns: pa.Schema) -> pa.Table:
    """A table of nulls, for what is decided by the columns' types alone."""
    return pa.Table.from_arrays([pa.nulls(1, field.type) for field in columns], schema=columns)


def _arrow_types(types: Any) -> pa.Schema:
    """The Arrow types that Spark hands over for its own and takes back: timestamps are microseconds there."""
    try:
        from pyspark.sql.pandas.types import to_arrow_schema
    except ImportError:
        raise MissingDependencyError("xdmprep.spark", "pyspark", 'pip install "xdmprep[spark]"') from None
    # newer versions want the session's time zone, which says how timestamps are shown, not what they are
    named: dict[str, Any] = {"timezone": "UTC"} if "timezone" in signature(to_arrow_schema).parameters else {}
    arrow: pa.Schema = to_arrow_schema(types, **named)
    return arrow


def _spark_types(schema: pa.Schema) -> Any:
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(schema)
