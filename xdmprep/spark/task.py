"""What a task does: its partition, mapped, checked and written into a folder of its own attempt.

A task's last act is one row that says what it wrote.  Spark gives the driver the row of one attempt for each partition,
so files of attempts that failed, were killed or came second are never looked at.
"""

from __future__ import annotations

import pickle
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from ..core.stream import Chunk, Origins
from ..errors import OutputError
from ..pipeline.stage import ArrowStage
from ..report import Report, ReportBuilder
from ..write import OutputFolder, WriteOptions, Written, write_stream
from .frames import FrameColumns

#: The one column that a task gives: a pickled :class:`Done`.
RESULT = pa.schema([("done", pa.binary())])
#: Findings that each task's report keeps; all are counted, and all are in `issues.csv`.
KEPT_FINDINGS = 1_000


@dataclass(frozen=True)
class Done:
    """What a task wrote.

    Attributes:
        partition: its number.
        folder: the name of the attempt's folder; empty where nothing is written.
        written: files and counts.
        report: what was found.
    """

    partition: int
    folder: str
    written: Written
    report: Report


@dataclass(frozen=True)
class PartitionTask:
    """The work on one partition, sent to the executors.

    Attributes:
        staging: the folder of all attempts, which driver and executors share; None only checks.
        options: of the parts.
    """

    stage: ArrowStage
    columns: FrameColumns
    staging: str | None
    options: WriteOptions

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """One batch of one row, or none for an empty partition."""
        rows = iter(batches)
        first = next((batch for batch in rows if batch.num_rows), None)
        if first is not None:
            done = self._run(_chained(first, rows))
            yield pa.RecordBatch.from_arrays([pa.array([pickle.dumps(done)], pa.binary())], schema=RESULT)

    def _run(self, batches: Iterator[pa.RecordBatch]) -> Done:
        from pyspark import TaskContext

        context = TaskContext.get()
        partition = 0 if context is None else context.partitionId()
        name = f"partition {partition}"
        stream = self.stage.stream(self.columns.arrow_schema, self.columns.named(batches), name).then(_first_file)
        builder = ReportBuilder(name, cap=KEPT_FINDINGS)
        if self.staging is None:
            rows = 0
            for chunk, _ in stream.run(jobs=1, rest=Chunk.found):
                builder.add(chunk)
                rows += chunk.consumed
            report = builder.finish()
            return Done(partition, "", Written((), rows, rows - report.invalid, report.invalid), report)
        staging = Path(self.staging)
        if not staging.is_dir():
            raise OutputError(
                f"{staging.parent}: this executor does not see the folder that the driver made. Give a folder on a "
                "file system that driver and executors share."
            )
        attempt = f"{partition:05}-{uuid.uuid4().hex}"
        folder = OutputFolder(staging / attempt, {"partition": partition})
        stream = replace(stream, origins=Origins([name]))
        written = write_stream(stream, folder, self.options, jobs=1, on_chunk=builder.add)
        return Done(partition, attempt, written, builder.finish())


def _first_file(chunk: Chunk) -> Chunk:
    return replace(chunk, file=0)


def _chained(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest
