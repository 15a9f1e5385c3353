"""Two snapshots as DataFrames to upsert records: Spark brings the rows of a key together, one-machine rules compare.

Every row gets the number of a bucket, a hash of its key.  Spark shuffles and sorts both frames as one by it, and each
bucket is compared as two small snapshots.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import reduce
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..core.arguments import takes
from ..core.shred import valid
from ..core.stream import Origins, Stream, issue_table
from ..core.typing import RuleSet
from ..errors import UsageError
from ..mapping import MappingLike
from ..patch import DiffOptions, Patch, refuse_events
from ..patch.row_hash import text_digests
from ..pipeline import upsert
from ..pipeline.checking import JOB
from ..pipeline.stage import ISSUES, SOURCE_ID, ArrowStage, sliced, source_of
from ..schema import SchemaLike
from ..validate import Rules
from ..write import REASON, reasons_of
from .frames import FRAME, FrameColumns, arrow_types, spark_types, travelling
from .places import PARTITION_BITS, Ints

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

#: Columns of the result beside the record's own.
KIND, KEY, PATH, VALUE = "_kind", "_key", "_path", "_value"
_OWN: list[tuple[str, pa.DataType]] = [
    (KIND, pa.string()), (SOURCE_ID, pa.string()), (KEY, pa.string()), (PATH, pa.string()), (VALUE, pa.string()),
    (ISSUES, pa.list_(REASON)),
]  # fmt: skip
_BUCKET, _AT, _SIDE = "bucket", "at", "side"  # frames travel as c0, c1, ..., so these are free


@dataclass(frozen=True)
class Difference:
    """What a comparison found, as views of one DataFrame; persist `frame` to evaluate it once.

    Attributes:
        frame: the columns of the record, ``_kind``, ``_source_id``, ``_key``, ``_path``, ``_value`` and ``_issues``.
            ``_kind`` is ``record``, ``rejected``, ``noted`` (a row with warnings that is not sent, such as one that a
            later row with its key replaces), ``vanished`` or ``cannot-clear``.

    Examples:
        >>> found = diff(df, df.limit(290), schema, mapping=mapping, buckets=4)
        >>> sorted(row["_kind"] for row in found.frame.select("_kind").distinct().collect())
        ['vanished']
    """

    frame: DataFrame

    @property
    def records(self) -> DataFrame:
        """The upsert records: the columns of the schema, null where nothing is sent."""
        return self._of("record").drop(*(name for name, _ in _OWN))

    @property
    def rejects(self) -> DataFrame:
        """Rows of the later snapshot that are set aside: the record as far as it could be made, and why."""
        return self._of("rejected").drop(KIND, KEY, PATH, VALUE)

    @property
    def vanished(self) -> DataFrame:
        """Keys that the later snapshot does not have; an upsert cannot delete.  Ids are those of the earlier one."""
        return self._of("vanished").select(SOURCE_ID, KEY)

    @property
    def cannot_clear(self) -> DataFrame:
        """Values that are gone; an upsert cannot clear a field."""
        return self._of("cannot-clear").select(SOURCE_ID, KEY, PATH, VALUE)

    def _of(self, kind: str) -> DataFrame:
        return self.frame.where(self.frame[KIND] == kind)


class _FramePlaces(Origins):
    """The rows of a bucket by partition and position in the frame."""

    def __init__(self, at: Ints) -> None:
        super().__init__(())
        self._at = at

    def of(self, rows: Ints) -> tuple[pa.Array, Ints]:
        """Partitions (dictionary-encoded text) and positions in them, for positions in the bucket, from 1."""
        at = self._at[np.asarray(rows, np.int64) - 1]
        partitions = [f"partition {number}" for number in (at >> PARTITION_BITS).tolist()]
        return pa.array(partitions, pa.string()).dictionary_encode(), (at & ((1 << PARTITION_BITS) - 1)) + 1


@dataclass(frozen=True)
class _Comparison:
    """What executors need: both frames' columns and how they are compared."""

    stage: ArrowStage
    before: FrameColumns
    after: FrameColumns
    options: DiffOptions
    types: pa.Schema

    def bucketed(self, columns: FrameColumns, buckets: int) -> Callable[[Iterable[Any]], Iterator[pa.RecordBatch]]:
        """Adds the bucket of each row; the last column is the row's place in the frame."""

        def rows(batches: Iterable[Any]) -> Iterator[pa.RecordBatch]:
            steps, key = upsert.join_key(_stream(columns, ()), self.stage.plan, self.options.on)
            for batch in sliced(batches):
                (source,) = columns.named([batch.select(range(batch.num_columns - 1))])
                chunk: Any = reduce(lambda value, step: step(value), steps.steps, source)
                digests = np.arange(len(source), dtype=np.uint64)  # rows without a key may be anywhere
                texts = key.texts(chunk)
                there = valid(texts)
                digests[chunk.rows[there] - 1] = text_digests(texts)[there]
                bucket = pa.array((digests % np.uint64(buckets)).astype(np.int32))
                yield pa.RecordBatch.from_arrays([*batch.columns, bucket], names=[*batch.schema.names, _BUCKET])

        return rows

    def compared(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The rows of :class:`Difference` for buckets that come one after the other.

        A row has side, bucket and place, then the columns of the earlier frame and those of the later one.
        """
        held: list[pa.RecordBatch] = []
        for batch in batches:
            if not batch.num_rows:
                continue
            buckets = batch.column(1).to_numpy()
            if held and held[-1].column(1)[-1].as_py() != buckets[0]:
                yield from self.compare(held)
                held = []
            bounds = [0, *(np.flatnonzero(np.diff(buckets)) + 1).tolist(), len(buckets)]
            for start, end in pairwise(bounds):
                if start:
                    yield from self.compare(held)
                    held = []
                held.append(batch.slice(start, end - start))
        if held:
            yield from self.compare(held)

    def compare(self, rows: Sequence[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The same for the rows of one bucket."""
        both = pa.Table.from_batches(rows)
        first, last = 3, 3 + len(self.before.arrow_schema)
        early = both.filter(pc.equal(both.column(0), 0)).select([2, *range(first, last)])
        late = both.filter(pc.equal(both.column(0), 1)).select([2, *range(last, both.num_columns)])
        patch = self.patch(early, late).with_set_aside()
        was, now = (table.column(0).to_numpy() for table in (early, late))
        tables = []
        for chunk in patch.chunks():
            found = issue_table(chunk.findings)
            records = chunk.nested(self.stage.schema.arrow_schema)
            kinds = np.where(chunk.faulty(), "rejected", "record").tolist()
            tables.append(self._table(kinds, _ids(now, chunk.rows), records, issues=reasons_of(chunk.rows, found)))
            others = np.setdiff1d(found["row"].to_numpy(), chunk.rows).astype(np.int64)
            unread = {item.row for item in chunk.unread}
            kinds = ["rejected" if row in unread else "noted" for row in others.tolist()]
            tables.append(self._table(kinds, _ids(now, others), issues=reasons_of(others, found)))
        for kind, table, at in (("vanished", patch.vanished, was), ("cannot-clear", patch.cannot_clear, now)):
            ids = _ids(at, table["row"].to_numpy())
            more = [table[name] if name in table.schema.names else None for name in ("key", "path", "value")]
            tables.append(self._table([kind] * len(ids), ids, None, *more))
        yield from pa.concat_tables(tables).cast(self.types).to_batches()

    def patch(self, before: pa.Table, after: pa.Table) -> Patch:
        """The one-machine comparison."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what the mapping warns of is said by the driver
            return upsert.diff(
                _stream(self.before, before.drop_columns([_AT]).to_batches(), "before"),
                replace(
                    _stream(self.after, after.drop_columns([_AT]).to_batches(), "after"),
                    origins=_FramePlaces(after.column(_AT).to_numpy()),
                ),
                self.stage.schema, mapping=self.stage.mapping, rules=self.stage.plan.rules,
                strict=self.stage.plan.strict, jobs=1, **asdict(self.options),
            )  # fmt: skip

    def _table(
        self,
        kinds: list[str],
        ids: pa.Array,
        records: pa.RecordBatch | None = None,
        key: Any = None,
        path: Any = None,
        value: Any = None,
        issues: Any = None,
    ) -> pa.Table:
        n, shape = len(kinds), self.stage.schema.arrow_schema
        columns = [pa.nulls(n, field.type) for field in shape] if records is None else records.columns
        own = [pa.array(kinds, pa.string()), ids, key, path, value, issues]
        filled = [pa.nulls(n, kind) if column is None else column for column, (_, kind) in zip(own, _OWN, strict=True)]
        return pa.Table.from_arrays([*columns, *filled], schema=_shape(self.stage))


@takes(**JOB | {"before": FRAME, "after": FRAME})
def diff(
    before: DataFrame,
    after: DataFrame,
    schema: SchemaLike,
    on: str | None = None,
    *,
    mapping: MappingLike | None = None,
    new: Literal["whole", "leave-out"] = "whole",
    duplicates: Literal["last", "error"] = "last",
    relax_required: bool = False,
    rules: RuleSet | Rules = "strict",
    strict: bool = False,
    buckets: int | None = None,
) -> Difference:
    """The upsert records that make the profiles of one snapshot those of another, joined by Spark.

    Args:
        before: the earlier snapshot.
        after: the later snapshot of the same source.
        schema: a Schema or a path; of record data, such as profiles.
        on: path of the key; None takes the primary identity.  Another key than that is refused.
        mapping: maps both snapshots; None where the rows are records.
        new: as for :func:`xdmprep.diff`.
        duplicates: of several rows with one key the ``last`` counts, with a warning; or it is an ``error``, which is
            found when Spark evaluates the result: :func:`prepare` raises it as DataError, Spark's own actions wrap it.
        relax_required: as for :func:`xdmprep.diff`.
        rules: as for :func:`xdmprep.diff`.
        strict: as for :func:`xdmprep.diff`.
        buckets: how many pairs of small snapshots are compared; each has to fit into the memory of a Python worker.
            None takes ``spark.sql.shuffle.partitions``.

    Returns:
        Lazy DataFrames.  Of several rows with one key the last counts, by partition and position in the frame, so sort
        or dedupe a frame whose order Spark does not keep.

    Raises:
        SchemaError, MappingError, UsageError: before a job runs.

    Examples:
        >>> found = diff(df.limit(200), df, schema, mapping=mapping, buckets=4)
        >>> found.records.count(), found.rejects.count(), found.vanished.count()
        (81, 19, 0)
    """
    from pyspark.sql import functions as f

    stage = ArrowStage(mapping, schema, rules=rules, strict=strict)
    refuse_events(stage.schema)
    options = DiffOptions(on, new, duplicates, relax_required)
    taken = [name for name, _ in _OWN if name in stage.schema.arrow_schema.names]
    if taken:
        raise UsageError(f"{stage.schema.name} has a field {taken[0]!r}, which is a column of the result.")
    count = int(before.sparkSession.conf.get("spark.sql.shuffle.partitions") or 200) if buckets is None else buckets
    if count < 1:
        raise UsageError(f"buckets is {count}; give at least 1.")
    (early, was), (late, now) = travelling(before), travelling(after)
    types = spark_types(_shape(stage))
    work = _Comparison(stage, was, now, options, arrow_types(types))
    for text in upsert.array_warnings(mapping):
        warnings.warn(text, stacklevel=2)
    sides = []
    for frame, columns in ((early, was), (late, now)):
        stage.stream(columns.arrow_schema, ())  # errors of mapping, rules and key are raised here
        upsert.join_key(_stream(columns, ()), stage.plan, on)
        placed = frame.withColumn(_AT, f.monotonically_increasing_id())
        shape = spark_types(pa.schema([(_BUCKET, pa.int32())])).fields
        both = type(placed.schema)([*placed.schema.fields, *shape])
        sides.append(placed.mapInArrow(work.bucketed(columns, count), both))
    rows = _side(sides, 0).union(_side(sides, 1)).repartition(_BUCKET).sortWithinPartitions(_BUCKET, _SIDE, _AT)
    return Difference(rows.mapInArrow(work.compared, types))


def _side(frames: Sequence[DataFrame], number: int) -> DataFrame:
    """One of two frames, with the columns of both."""
    from pyspark.sql import functions as f

    own = [f.lit(number).alias(_SIDE), f.col(_BUCKET), f.col(_AT)]
    for side, frame in enumerate(frames):
        for field in frame.schema.fields[:-2]:
            column = f.col(field.name) if side == number else f.lit(None).cast(field.dataType)
            own.append(column.alias(f"{field.name}of{side}"))
    return frames[number].select(own)


def _shape(stage: ArrowStage) -> pa.Schema:
    return pa.schema([*stage.schema.arrow_schema, *_OWN])


def _stream(columns: FrameColumns, batches: Iterable[pa.RecordBatch], name: str = "data") -> Stream:
    """Batches as Spark hands them over, as a source; there may be none."""
    return replace(source_of(columns.arrow_schema), source=lambda: sliced(columns.named(batches)), name=name)


def _ids(places: Any, rows: Any) -> pa.Array:
    """Partition and position of rows, whose numbers count from 1."""
    at = places[np.asarray(rows, np.int64) - 1]
    mask = (1 << PARTITION_BITS) - 1
    return pa.array([f"{place >> PARTITION_BITS}-{(place & mask) + 1}" for place in at.tolist()], pa.string())
