"""Any Spark DataFrame as columns that travel: names that cannot clash, and types that Arrow knows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from inspect import signature
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..core.arrow_types import plain_type
from ..errors import needed_by

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class FrameColumns:
    """The columns of a frame in a task: their own names, and one type wherever they come from.

    Attributes:
        arrow_schema: names and types; timestamps with a zone are in UTC, whatever the session's zone.
    """

    arrow_schema: pa.Schema

    @property
    def plain(self) -> pa.Schema:
        """The same columns with the types that chunks use."""
        return pa.schema([pa.field(field.name, plain_type(field.type) or field.type) for field in self.arrow_schema])

    def named(self, batches: Any) -> Iterator[pa.RecordBatch]:
        """Batches as Spark hands them over, under the frame's names."""
        types = self.arrow_schema.types
        for batch in batches:
            arrays = [
                column if column.type == kind else column.cast(kind)
                for column, kind in zip(batch.columns, types, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(arrays, schema=self.arrow_schema)


def travelling(frame: DataFrame) -> tuple[DataFrame, FrameColumns]:
    """The frame with names that cannot clash (``c0``, ``c1``, ...) and what its columns are.

    Columns of types that Arrow or records do not know (intervals, variants) become text; binary ones stay.
    """
    from pyspark.sql import functions as f

    names = frame.columns
    safe = [f"c{number}" for number in range(len(names))]
    frame = frame.toDF(*safe)
    odd = {field.name: field.dataType for field in frame.schema.fields if not _travels(field)}
    if odd:
        frame = frame.select([_as_text(f.col(name), odd[name]).alias(name) if name in odd else name for name in safe])
    types = arrow_types(frame.schema).types
    return frame, FrameColumns(pa.schema([pa.field(name, kind) for name, kind in zip(names, types, strict=True)]))


def _travels(field: Any) -> bool:
    from pyspark.sql import types

    if isinstance(field.dataType, types.BinaryType):
        return True
    if "variant" in field.dataType.simpleString():
        return False
    try:
        (kind,) = arrow_types(types.StructType([field])).types
    except Exception:  # each version refuses what it does not know in its own way
        return False
    return plain_type(kind) is not None


def _as_text(column: Any, kind: Any) -> Any:
    from pyspark.sql import functions as f
    from pyspark.sql import types

    if isinstance(kind, types.StructType | types.ArrayType | types.MapType) or kind.simpleString() == "variant":
        return f.to_json(column)
    return column.cast("string")


def arrow_types(types: Any) -> pa.Schema:
    """The Arrow types that Spark hands over for its own and takes back: timestamps are microseconds there.

    Raises:
        MissingDependencyError: there is no PySpark.
    """
    with needed_by("xdmprep.spark"):
        from pyspark.sql.pandas.types import to_arrow_schema
    # newer versions want the session's time zone, which says how timestamps are shown, not what they are
    named: dict[str, Any] = {"timezone": "UTC"} if "timezone" in signature(to_arrow_schema).parameters else {}
    arrow: pa.Schema = to_arrow_schema(types, **named)
    return arrow


def spark_types(schema: pa.Schema) -> Any:
    """Spark's types for Arrow's, as a StructType."""
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(schema)
