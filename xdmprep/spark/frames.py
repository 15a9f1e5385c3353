"""Any Spark DataFrame as columns that travel: names that cannot clash, and types that Arrow knows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from inspect import signature
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..core.arrow_types import plain_type
from ..core.documents import kind_of
from ..errors import UsageError, needed_by

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def _is_frame(value: object) -> bool:
    kinds = type(value).__mro__
    return hasattr(value, "mapInArrow") and any(kind.__module__.startswith("pyspark.sql.") for kind in kinds)


#: A Spark DataFrame, of a classic session or a Connect one.
FRAME = kind_of("a Spark DataFrame", _is_frame)


@dataclass(frozen=True)
class FrameColumns:
    """The columns of a frame in a task; timestamps with a zone are in UTC, whatever the session's zone."""

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

    Columns of types that Arrow or records do not know become text: intervals, variants, those of nothing but nulls.

    Raises:
        UsageError: it has types that this PySpark does not know.
    """
    names, odd = _fields(frame)
    safe = [f"c{number}" for number in range(len(names))]
    frame = frame.toDF(*safe)
    if odd:
        frame = frame.selectExpr(
            *(odd.get(number, "{}").format(name) + f" AS {name}" for number, name in enumerate(safe))
        )
    types = arrow_types(frame.schema).types
    return frame, FrameColumns(pa.schema([pa.field(name, kind) for name, kind in zip(names, types, strict=True)]))


def _fields(frame: DataFrame) -> tuple[list[str], dict[int, str]]:
    """The names of the columns, and for those that do not travel what makes text of them, by position."""
    try:
        fields = frame.schema.fields
    except Exception:  # PySpark 3.5 knows no calendar intervals
        return _unnameable(frame)
    odd = {number: _text(field.dataType) for number, field in enumerate(fields) if not _travels(field)}
    return [field.name for field in fields], odd


def _unnameable(frame: DataFrame) -> tuple[list[str], dict[int, str]]:
    """The same for a frame with types that PySpark cannot name, as the JVM describes them."""
    try:
        fields = json.loads(frame._jdf.schema().json())["fields"]
    except Exception:
        raise UsageError(
            "the frame has a column of a type that this PySpark does not know, such as a calendar interval. Cast it "
            "to string, or leave it out."
        ) from None
    odd: dict[int, str] = {}
    for number, field in enumerate(fields):
        if isinstance(field["type"], str) and field["type"] == "interval":
            odd[number] = _AS_STRING
        elif '"interval"' in json.dumps(field["type"]):
            odd[number] = _AS_JSON
    if not odd:
        raise UsageError("PySpark cannot describe the columns of the frame. Leave out those of uncommon types.")
    safe = [f"c{number}" for number in range(len(fields))]
    texts = (odd.get(number, "{}").format(name) + f" AS {name}" for number, name in enumerate(safe))
    _, more = _fields(frame.toDF(*safe).selectExpr(*texts))
    return [field["name"] for field in fields], more | odd


#: SQL that makes text of a value.
_AS_STRING, _AS_JSON = "CAST({} AS STRING)", "to_json({})"


def _text(kind: Any) -> str:
    from pyspark.sql import types

    nested = isinstance(kind, types.StructType | types.ArrayType | types.MapType) or kind.simpleString() == "variant"
    return _AS_JSON if nested else _AS_STRING


def _travels(field: Any) -> bool:
    from pyspark.sql import types

    if isinstance(field.dataType, types.BinaryType):
        return True
    if isinstance(field.dataType, types.NullType) or "variant" in field.dataType.simpleString():
        return False
    try:
        (kind,) = arrow_types(types.StructType([field])).types
    except Exception:  # each version refuses what it does not know in its own way
        return False
    return plain_type(kind) is not None


def arrow_types(types: Any) -> pa.Schema:
    """The Arrow types that Spark hands over and takes back for its own: timestamps are microseconds there."""
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
