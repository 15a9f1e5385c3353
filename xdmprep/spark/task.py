"""What a task does: its partition, mapped and checked, and for :func:`xdmprep.spark.prepare` written.

Every attempt of a task has a folder of its own, and its last act is one row that says what it wrote.  Spark gives the
driver the row of one attempt for each partition, so files of attempts that failed, were killed or came second are never
looked at.
"""

from __future__ import annotations

import pickle
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from ..core.stream import Chunk, Stream
from ..mapping.sources import ColumnSource, key_source
from ..pipeline.stage import ArrowStage
from ..report import Report, count_chunk, timed
from ..write import OutputFolder, WriteOptions, Written, write_stream
from .frames import FrameColumns, travelling
from .places import Places, Placing, placed, safe_name
from .staging import Staging

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

#: The one column that a task gives: a pickled :class:`Done`.
RESULT = pa.schema([("done", pa.binary())])
#: Findings that each task's report keeps; all are counted, and all are in `issues.csv`.
KEPT_FINDINGS = 1_000


class GroupingStage(ArrowStage):
    """A stage whose mapping set may group rows: Spark has brought those of a group together."""

    _groups = True


@dataclass(frozen=True)
class FrameJob:
    """A stage, the columns of the rows that come to it, and how these are named; sent to the executors."""

    stage: ArrowStage
    columns: FrameColumns
    placing: Placing

    @classmethod
    def on(cls, frame: DataFrame, stage: ArrowStage) -> tuple[DataFrame, FrameJob]:
        """The frame as it goes to the tasks, and their work.

        Where the mapping set groups rows, Spark brings those of a group into one partition, in the order of the frame.

        Raises:
            MappingError: the mapping set does not fit the frame's columns.
        """
        frame, columns = travelling(frame)
        stage.stream(columns.arrow_schema, ())
        keys = () if stage.mapping is None else stage.mapping.options.group_by
        frame, placing = placed(frame, moved=bool(keys))
        if keys:
            known = columns.arrow_schema
            frame = frame.repartition(*(_place(key_source(key, known), known) for key in keys))
            frame = frame.sortWithinPartitions(*map(safe_name, placing.columns))
        return frame, cls(stage, columns, placing)

    def stream(self, batches: Iterable[pa.RecordBatch]) -> tuple[Stream, Places]:
        """The checked rows of the partition that this process works on, and where they come from."""
        from pyspark import TaskContext

        context = TaskContext.get()
        partition = 0 if context is None else context.partitionId()
        places = Places(self.placing, partition)
        rows = self.columns.named(places.read(batches, len(self.columns.arrow_schema)))
        return self.stage.stream(self.columns.arrow_schema, rows, f"partition {partition}", places), places


def _place(key: ColumnSource, columns: pa.Schema) -> Column:
    """A column that rows are grouped by, or a place inside one; null where an array is shorter."""
    from pyspark.sql import functions as f

    found = f.col(f"c{columns.names.index(key.column)}")
    for step in key.steps:
        found = f.get(found, step) if isinstance(step, int) else found[step]
    return found


@dataclass(frozen=True)
class Done:
    """What a task wrote and found; `places` has the highest row of each place that rows come from."""

    partition: str
    folder: str
    written: Written
    places: dict[str, int]
    report: Report


@dataclass(frozen=True)
class PartitionTask:
    """The work on one partition, with output; without `staging` it only checks."""

    work: FrameJob
    staging: Staging | None
    options: WriteOptions

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """One batch of one row, or none for an empty partition."""
        rows = iter(batches)
        first = next((batch for batch in rows if batch.num_rows), None)
        if first is not None:
            done = self._run(chain((first,), rows))
            yield pa.RecordBatch.from_arrays([pa.array([pickle.dumps(done)], pa.binary())], schema=RESULT)

    def _run(self, batches: Iterator[pa.RecordBatch]) -> Done:
        stream, places = self.work.stream(batches)
        report = Report(stream.name, cap=KEPT_FINDINGS, notes=stream.notes)
        attempt, written = "", Written((), 0, 0, 0)
        if self.staging is None:
            for chunk, _ in stream.run(jobs=1, rest=Chunk.found):
                count_chunk(report, chunk)
        else:
            number = stream.name.rpartition(" ")[2]
            attempt = f"{number:0>5}-{uuid.uuid4().hex}"
            with self.staging.attempt(attempt) as path:
                folder = OutputFolder(path, {"partition": number})
                written = write_stream(stream, folder, self.options, jobs=1, on_chunk=partial(count_chunk, report))
        timed(report)
        named = [*report.issues["row"].to_pylist(), *(group.first_row for group in report.groups)]
        report.place(places.only(np.unique(np.array(named, np.int64))))
        return Done(stream.name, attempt, written, places.highest, report)
