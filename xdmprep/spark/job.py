"""What the driver does: run the tasks once, and make one output of what the committed ones wrote."""

from __future__ import annotations

import os
import pickle
import re
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import errors
from ..core.arguments import takes
from ..core.losses import MAX_LOSS
from ..core.manifest import File, whole_file
from ..core.typing import Format, RuleSet
from ..errors import OutputError, SourceError, XdmPrepError
from ..mapping import MappingLike, MappingSet
from ..pipeline.assembly import write_options
from ..pipeline.checking import JOB
from ..pipeline.prepare import Result, Run, stored
from ..report import FilesReport, Report
from ..schema import Schema, SchemaLike
from ..validate import Rules
from ..write import ISSUES, REJECTS, OutputFolder, WriteOptions, Written
from ..write.parts import PLATFORM_MAX_FILES
from ..write.store import StoreFolder
from .frames import FRAME, spark_types
from .session import cause_of
from .staging import Staging, opened, staging_of
from .task import RESULT, Done, FrameJob, GroupingStage, PartitionTask

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

NAME = "Spark DataFrame"


@takes(**JOB, df=FRAME)
def prepare(
    df: DataFrame,
    mapping: MappingLike,
    schema: SchemaLike,
    out: str | os.PathLike[str],
    *,
    format: Format = "json",
    rules: RuleSet | Rules = "strict",
    strict: bool = False,
    error_threshold: float | None = None,
    max_loss: float = MAX_LOSS,
    max_bytes: int | None = None,
    max_rows: int | None = None,
    multiline: bool = False,
    write: WriteOptions | None = None,
    overwrite: bool = False,
    upsert: bool = False,
) -> Result:
    """Map, check and write a Spark DataFrame as files ready for upload; the frame is evaluated once.

    Args:
        df: a Spark DataFrame.  Each of its partitions becomes parts of its own, so few large partitions give few large
            parts.
        mapping: a MappingSet, a dict of destination -> expression, or a path; None where the rows are records.
        schema: a Schema or a path.
        out: the folder, which driver and executors share: a path that all have mounted, ``file:/...``, ``dbfs:/...``,
            or a URL of an object store (``s3a://``, ``s3://``, ``gs://``, ``abfss://``).  Credentials of a store are
            found as for sources, on the driver and on executors; Hadoop's settings are not read.
        format: ``json``, ``parquet`` or ``csv``.
        rules: the rule set: ``strict``, ``batch`` or ``jsonschema``, or a Rules object.
        strict: whether a row is set aside too where a value did not fit its destination's type.
        error_threshold: percentage of rows that may be set aside, as for :func:`xdmprep.prepare`.
        max_loss: percentage, as for :func:`xdmprep.prepare`.
        max_bytes: largest size of a part in bytes, as for :func:`xdmprep.prepare`.
        max_rows: largest number of records in a part, as for :func:`xdmprep.prepare`.
        multiline: as for :func:`xdmprep.prepare`.
        write: as for :func:`xdmprep.prepare`.
        overwrite: as for :func:`xdmprep.prepare`.
        upsert: True for the records of :func:`diff`: the manifest then says that they are a patch, and `upload` sends
            them only to a dataset that is enabled for upsert.

    Returns:
        Counts, manifest and report, of committed tasks alone.  A row is named by its file and its row there where Spark
        knows them, else by its partition and its position there.

    Raises:
        SchemaError, MappingError, UsageError: before a job runs.
        SourceError: the Spark job failed.
        OutputError: the folder cannot be used, or executors do not share it.
        DataError: more rows are faulty than `error_threshold` allows.

    Examples:
        >>> result = prepare(df, mapping, schema, "out/", format="parquet")
        >>> result.rows, result.written, result.rejected
        (300, 241, 59)
    """
    stage = GroupingStage(mapping, schema, rules=rules, strict=strict)
    options = write_options(
        stage.schema, write, format=format, max_bytes=max_bytes, max_rows=max_rows, multiline=multiline
    )
    run = Run(stage.plan, options, schema, error_threshold, max_loss, upsert)
    plan = _plan(df)
    df, work = FrameJob.on(df, stage)
    columns = work.columns
    if stage.mapping is None:
        run = replace(run, plan=replace(run.plan, mapping=_as_they_are(stage.schema, columns.arrow_schema.names)))
    key = run.key({"name": NAME, "columns": str(columns.arrow_schema), "plan": plan}, contract=None, upsert=upsert)
    with opened(out, key, overwrite) as folder:
        with folder.all_or_nothing():
            staging = staging_of(folder, out)
            done = _run(df, PartitionTask(work, staging, options))
            counts = [astuple(replace(one.written, files=()))[1:] for one in done]
            written = Written(tuple(_committed(done, staging, folder)), *map(sum, zip(*counts, strict=True)))
            with ThreadPoolExecutor(2) as pool:  # each waits for the disk in the end
                list(pool.map(lambda name: _joined(done, staging, folder.path / name), (REJECTS, ISSUES)))
            staging.remove()
        report = _report(done, stage)
        result = run.conclude(folder, written, report, name=NAME, files=_files(done), columns=columns.plain)
        return stored(result, folder.place) if isinstance(folder, StoreFolder) else result


@takes(**JOB, df=FRAME)
def validate(
    df: DataFrame, schema: SchemaLike, *, mapping: MappingLike | None = None, rules: RuleSet | Rules = "strict"
) -> Report:
    """Check the rows of a Spark DataFrame against a schema; nothing is written.

    Args:
        df: a Spark DataFrame of records, or with `mapping` of rows.
        schema: a Schema or a path.
        mapping: what makes records of the rows; None where they are records.
        rules: the rule set: ``strict``, ``batch`` or ``jsonschema``, or a Rules object.

    Returns:
        One report over all partitions: every finding is counted, the first of each partition are kept.

    Raises:
        SchemaError, MappingError, UsageError: before a job runs.
        SourceError: the Spark job failed.

    Examples:
        >>> report = validate(df, schema, mapping=mapping)
        >>> report.rows, report.invalid
        (300, 59)
    """
    stage = GroupingStage(mapping, schema, rules=rules)
    df, work = FrameJob.on(df, stage)
    return _report(_run(df, PartitionTask(work, None, WriteOptions())), stage)


def _run(df: DataFrame, task: PartitionTask) -> list[Done]:
    """The committed tasks, in the order of their partitions."""
    try:
        rows = df.mapInArrow(task.__call__, spark_types(RESULT)).collect()
    except Exception as error:  # Spark wraps what a task raised, each version in its own way
        raise _cause(error) from error
    found = (pickle.loads(row[0]) for row in rows)  # noqa: S301  (our tasks' own)
    done = sorted(found, key=lambda one: int(one.partition.rpartition(" ")[2]))
    if not done:
        raise SourceError(f"{NAME}: has no rows. Nothing was written.")
    return done


def _cause(error: Exception) -> XdmPrepError:
    """What went wrong in a task, as it was raised there; else Spark's own words."""
    text = str(error)
    for name, message in re.findall(r"^(?:xdmprep\.errors\.)(\w+): (.+)$", text, re.MULTILINE):
        kind = getattr(errors, name, None)
        if isinstance(kind, type) and issubclass(kind, XdmPrepError):
            return kind(message)
    return SourceError(f"{NAME}: the Spark job failed: {cause_of(error)}.")


def _committed(done: Sequence[Done], staging: Staging, folder: OutputFolder) -> list[File]:
    """The parts of the committed tasks, under the names of one output."""
    own = [(one, file) for one in done for file in one.written.files]
    if len(own) > PLATFORM_MAX_FILES:
        raise OutputError(
            f"there are more than {PLATFORM_MAX_FILES:,} parts, which no batch may have. "
            "Give the frame fewer partitions (coalesce), or a larger max_bytes."
        )
    names = [f"part-{number:05}{Path(file.name).suffix}" for number, (_, file) in enumerate(own)]
    lost = staging.take(
        [(f"{one.folder}/{file.name}", name, file.bytes) for (one, file), name in zip(own, names, strict=True)]
    )
    if lost is not None:
        partition = next(one.partition for one, file in own if f"{one.folder}/{file.name}" == lost)
        raise OutputError(
            f"{folder.place}: the driver does not see what {partition} wrote. Give a folder on a file system that "
            "driver and executors share."
        )
    return [replace(file, name=name) for (_, file), name in zip(own, names, strict=True)]


def _files(done: Sequence[Done]) -> dict[str, Any]:
    """Name and highest row of each place that rows come from."""
    highest: dict[str, int] = {}
    for one in done:
        for name, row in one.places.items():
            highest[name] = max(row, highest.get(name, 0))
    return {"files": [{"name": name, "rows": row} for name, row in highest.items()]}


def _joined(done: Sequence[Done], staging: Staging, out: Path) -> None:
    """The texts of tasks as one file; none where no task wrote any."""
    with staging.texts([f"{one.folder}/{out.name}" for one in done]) as there:
        if not there:
            return
        with whole_file(out) as target:
            for number, part in enumerate(there):
                with part.open("rb") as text:
                    if out.suffix == ".csv" and number:
                        text.readline()
                    shutil.copyfileobj(text, target, 256 << 10)  # Linux copies larger pieces more slowly


def _report(done: Sequence[Done], stage: GroupingStage) -> Report:
    report = FilesReport([one.report for one in done])
    report.name = NAME
    report.notes = tuple(filter(None, [stage.schema.profile_warning, *report.notes]))
    report.schema, report.mapped = stage.schema, tuple(stage.mapping.pairs) if stage.mapping is not None else ()
    return report


def _as_they_are(schema: Schema, names: Sequence[str]) -> MappingSet:
    """The mapping set that takes records as they are."""
    return MappingSet({name: {"column": name} for name in names if name in schema.arrow_schema.names})


def _plan(df: DataFrame) -> int | None:
    """The identity of a frame, where Spark has one."""
    try:
        return int(df.semanticHash())
    except Exception:  # not in every kind of session
        return None
