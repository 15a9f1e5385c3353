"""The main job: read, map, check, write, joined in order; nothing else happens here.

Parsing, mapping, checks and encoding of a piece all run in the worker that holds it; the calling thread only puts the
results in order and writes them.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..core.arguments import takes
from ..core.losses import MAX_LOSS, ValueCounts, check_max_loss
from ..core.manifest import File, Manifest
from ..core.names import numbered_names
from ..core.notebook import lines, wrap
from ..core.remote import as_local, is_elsewhere, is_remote, is_url, shown
from ..core.stream import Chunk, Stream
from ..core.typing import Format, RuleSet, Source
from ..errors import DataError, UsageError, counted
from ..kernels import native
from ..mapping import MappingLike, as_mapping, map_stream, with_what_is_read
from ..read import CsvOptions, ExcelOptions, as_records, fingerprint, open_source
from ..report import Report, count_chunk, timed
from ..schema import Schema, SchemaLike, as_schema
from ..validate import Rules
from ..write import OutputFolder, WriteOptions, Written, write_stream
from .assembly import Assembly, manifest_of, write_options
from .checking import JOB

if TYPE_CHECKING:
    from .resubmit import Mended

log = logging.getLogger("xdmprep.pipeline")

#: Findings that a run's report keeps in memory; all are counted, and all are in `issues.csv`.
KEPT_FINDINGS = 100_000


@dataclass(frozen=True, slots=True, repr=False)
class Result:
    """What a run did: rows == written + rejected.

    Attributes:
        rows: rows read.
        written: records written to the parts.
        rejected: rows set aside, with their reasons in `rejects.jsonl` and `issues.csv`.
        manifest: what was written; also in `manifest.json`.
        report: every finding.
        seconds: wall time of the run.
        merged: where a mapping groups rows, how many more source rows went into records; `rows`, `written` and
            `rejected` then count records, and :attr:`source_rows` the rows.
        merged_rejected: how many of those went into records that were set aside.
        excessive: destinations that lost a larger share of their values than the run allowed, the worst first.

    Examples:
        >>> result = xp.prepare("schemas/examples/crm-profiles.csv", mapping, schema, out="result/")
        >>> result.rows, result.written, result.rejected
        (300, 241, 59)
    """

    rows: int
    written: int
    rejected: int
    manifest: Manifest
    report: Report
    seconds: float
    merged: int = 0
    merged_rejected: int = 0
    excessive: tuple[str, ...] = ()
    _schema: Schema | None = field(default=None, repr=False, compare=False)
    _url: str = field(default="", repr=False, compare=False)

    @property
    def rejects(self) -> pa.Table:
        """The rows set aside: ``_row``, ``_file``, ``_reasons``, the source's columns; see :func:`xdmprep.mend`."""
        from .resubmit import rejects_table

        return rejects_table(self.folder)

    def mend(self, frame: Any = None) -> Mended:
        """Run corrected rejects again, into a further part of the same output.

        Args:
            frame: corrected rows, a DataFrame or Arrow table with the columns of :attr:`rejects`; other rows
                stay aside.  None takes `rejects.jsonl`, corrected in place.

        Returns:
            How many rows were tried, written, and are still set aside; this result keeps its counts.

        Raises:
            SourceError: a row cannot be used.

        Examples:
            >>> result = xp.prepare("schemas/examples/crm-profiles.csv", mapping, schema, out="mended/")
            >>> frame = result.rejects.to_pandas()
            >>> frame.loc[:, "MONTH_AND_DATE"] = "01-02"
            >>> done = result.mend(frame)
            >>> done.tried, done.written, done.still_rejected, str(done.values)
            (59, 34, 25, '34 with values left out (person.birthDate 34 of 275)')
        """
        from .resubmit import mend

        return mend(self.folder, frame=frame, schema=self._schema)

    @property
    def values(self) -> ValueCounts:
        """Counts of the values written and left out, for each destination."""
        return self.report.values

    @property
    def source_rows(self) -> dict[str, int]:
        """Rows of the source: ``rows`` read == ``written`` + ``rejected``, whatever records they went into."""
        rejected = self.rejected + self.merged_rejected
        rows = self.rows + self.merged
        return {"rows": rows, "written": rows - rejected, "rejected": rejected}

    @property
    def folder(self) -> Path:
        """The output folder.

        Raises:
            UsageError: the output is in an object store.
        """
        if self._url:
            raise UsageError(f"{self._url}: is not on this machine. Copy the folder, and use the copy.")
        return self.manifest.folder or Path()

    @property
    def place(self) -> str:
        """The output folder as text: its path, or its URL without credentials."""
        return self._url or str(self.folder)

    def __repr__(self) -> str:
        return f"<Result {self}>"

    def __str__(self) -> str:
        files = self.manifest.files
        name = self.manifest.source.get("name", "data")
        size = sum(file.bytes for file in files)
        rows = self.source_rows
        files_text = f"({counted(len(files), 'file')}, {size / 1e6:,.1f} MB)"
        if self.merged:
            text = (
                f"{name}: {counted(rows['rows'], 'row')} read, {counted(self.rows, 'record')}: "
                f"{self.written:,} of {rows['written']:,} rows written {files_text}, "
                f"{self.rejected:,} of {rows['rejected']:,} rows set aside"
            )
        else:
            read = f"{counted(self.rows, 'row')} read"
            text = f"{name}: {read}, {self.written:,} written {files_text}, {self.rejected:,} set aside"
        if self.values.rows:
            text += f", {self.values}"
        return text + (f" -> {within(self.place, 'rejects.jsonl')}" if self.rejected else "")

    def _repr_html_(self) -> str:
        return wrap("prepared", lines(str(self))) + self.report._repr_html_()


@takes(**JOB)
def prepare(
    source: Source,
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
    csv: CsvOptions | None = None,
    excel: ExcelOptions | None = None,
    contract: Any = None,
    write: WriteOptions | None = None,
    jobs: int | None = None,
    overwrite: bool = False,
    on_start: Callable[[Stream], None] | None = None,
    on_chunk: Callable[[Chunk], None] | None = None,
    on_part: Callable[[File], None] | None = None,
) -> Result:
    """Map, check and write a source as files ready for upload.

    Args:
        source: a path or URL (CSV, Parquet, JSON, Excel), ``-`` for standard input, a list of paths, a folder, a glob,
            an open file, a DataFrame, rows that are dicts, any object with ``__arrow_c_stream__``, or a Stream.
        mapping: a MappingSet, a dict of destination -> expression, or a path or URL.
        schema: a Schema, or a path or URL.
        out: the folder for parts, `manifest.json`, `rejects.jsonl`, `issues.csv` and `run.json`.
        format: ``json``, ``parquet`` or ``csv``.
        rules: the rule set, see :mod:`xdmprep.rules`.
        strict: set a row aside too where a value did not fit its destination's type.
        error_threshold: percentage of rows that may be set aside; with more, no part is kept (the platform's rule for
            partial ingestion: a batch fails when the percentage is strictly above the threshold).
        max_loss: percentage of its values that a destination may lose in the rows that are written; those that lose
            more are named in :attr:`Result.excessive`.  100 turns this off.
        max_bytes: largest size of a part.
        max_rows: most records of a part.
        multiline: JSON as one array a file.
        csv: how a CSV source is written.
        excel: which sheet of an Excel book is read, and where its header is.
        contract: a pandera schema (or a file with one) for the source's columns, run before the mapping; rows that
            break it are set aside.
        write: all options of writing at once; `format`, `max_bytes`, `max_rows` and `multiline` are then ignored.
        jobs: worker threads; None means one per core.
        overwrite: replace another run's output in `out`.
        on_start: called with the stream before the first row.
        on_chunk: called in order with each chunk: what was found in
            it and which rows it stands for, without its records.
        on_part: called with the manifest's entry of each part when it is complete.

    Returns:
        Counts, manifest and report.

    Raises:
        SourceError, SchemaError, MappingError, UsageError: before the first row.
        OutputError: the folder cannot be used, or the disk refuses.
        DataError: more rows are faulty than `error_threshold` allows.

    Examples:
        >>> file = "schemas/examples/crm-profiles.csv"
        >>> result = xp.prepare(file, mapping, schema, out="parquet/", format="parquet")
        >>> print(result)
        crm-profiles.csv: 300 rows read, 241 written (1 file, 0.1 MB), 59 set aside -> parquet/rejects.jsonl
    """
    _refuse_inside(source, out)
    given, schema, mapping = schema, as_schema(schema), as_mapping(mapping)
    plan = Assembly(schema, mapping, rules, strict)
    options = write_options(schema, write, format=format, max_bytes=max_bytes, max_rows=max_rows, multiline=multiline)
    run = Run(plan, options, given, error_threshold, max_loss)
    read = with_what_is_read(open_source(source, csv, excel), mapping, schema)
    if contract is not None:
        from .contract import contract_stream, load_contract

        read = contract_stream(read, load_contract(contract) if isinstance(contract, str | os.PathLike) else contract)
    records = plan.checked(read)
    key = run.key(fingerprint(source, read), excel, contract=None if contract is None else str(contract))
    folder = OutputFolder(out, json.loads(json.dumps(key, default=_name_of)), overwrite)
    report = Report(read.name, cap=KEPT_FINDINGS, origins=read.origins, schema=schema,
                    notes=[schema.profile_warning, *records.notes], mapped=mapping.pairs)  # fmt: skip

    def each(chunk: Chunk) -> None:
        count_chunk(report, chunk)
        if on_chunk is not None:
            on_chunk(chunk)

    with folder.all_or_nothing():
        if read.total_bytes:
            folder.need(read.total_bytes // 4, "the output")
        if on_start is not None:
            on_start(records)
        done = write_stream(records, folder, options, jobs=jobs, on_chunk=each, on_part=on_part)
    return run.conclude(folder, done, timed(report), name=read.name, files=read.files, columns=read.arrow_schema)


@dataclass(frozen=True, slots=True)
class Run:
    """A run that writes the records of a source, on one machine or on several.

    Attributes:
        plan: the mapping, schema and rules.
        options: how it writes.
        given_schema: the schema as the caller gave it.
        threshold: percentage of rows that may be set aside; None for any.
        max_loss: percentage of its values that a destination may lose.
        upsert: whether the records are a patch.
        started: when the run began, by ``time.perf_counter``.
    """

    plan: Assembly
    options: WriteOptions
    given_schema: SchemaLike
    threshold: float | None
    max_loss: float
    upsert: bool = False
    started: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        """Refuse what is no percentage."""
        if self.threshold is not None and not 0 <= self.threshold <= 100:
            raise UsageError(f"the error threshold is a percentage from 0 to 100, got {self.threshold}.")
        check_max_loss(self.max_loss)

    def key(self, source: dict[str, Any], excel: ExcelOptions | None = None, **more: Any) -> dict[str, Any]:
        """What makes this run another than others, see :meth:`.Assembly.key`."""
        return self.plan.key(self.options, source, excel, threshold=self.threshold, **more)

    def conclude(
        self, folder: OutputFolder, done: Written, report: Report, *, name: str, files: dict[str, Any],
        columns: pa.Schema,
    ) -> Result:  # fmt: skip
        """End the run, whose parts are written: the manifest, `run.json`, and the threshold.

        Args:
            folder: where it was written.
            done: the parts and counts.
            report: what was found.
            name: of the source.
            files: what :attr:`.Stream.files` says.
            columns: the source's columns.

        Returns:
            The result of the run.

        Raises:
            DataError: more rows are faulty than the threshold allows.
        """
        values = report.values
        rows = done.source_rows if done.merged else {}
        manifest = manifest_of(
            done, self.options, folder.path, source={"name": name, **rows, **files}, schema=self.plan.schema.about,
            values=values.table(lost_only=True), threshold=self.threshold, upsert=self.upsert,
        )  # fmt: skip
        took = time.perf_counter() - self.started
        percent = 100 * done.rejected / done.rows if done.rows else 0.0
        if self.threshold is not None and percent > self.threshold:
            for file in done.files:
                folder.remove(file.name)
            folder.mark("failed", {"seconds": took})
            raise DataError(
                f"{name}: {done.rejected:,} of {counted(done.rows, 'row')} ({percent:.1f} %) have faults, "
                f"more than the {self.threshold:g} % allowed. Nothing to upload was kept; "
                f"the reasons are in {within(folder.place, 'rejects.jsonl')}."
            )
        counts: dict[str, Any] = {"rows": done.rows, "written": done.written, "rejected": done.rejected}
        again = {
            "schemaFile": _place(self.given_schema),
            "columns": dict(zip(numbered_names(columns.names), map(str, columns.types), strict=True)),
        }  # fmt: skip
        facts = {
            "counts": counts | ({"source": rows} if rows else {}), "values": values.table(),
            "lackingValues": values.rows, "maxLoss": self.max_loss, "seconds": took, "compiled": native.IN_USE,
            "again": again,
        }  # fmt: skip
        with folder.all_or_nothing():
            manifest.save(folder.path)
            folder.mark("finished", facts)
        log.info("%s: %d rows, %d written to %s, %d set aside, %.1f s", name, done.rows, done.written,
                 folder.place, done.rejected, took)  # fmt: skip
        return Result(
            done.rows, done.written, done.rejected, manifest, report, took, done.merged, done.merged_rejected,
            values.excessive(self.max_loss), self.plan.schema,
        )  # fmt: skip


@takes(**JOB)
def map_rows(
    source: Source,
    mapping: MappingLike,
    schema: SchemaLike | None = None,
    *,
    strict: bool = False,
    csv: CsvOptions | None = None,
    excel: ExcelOptions | None = None,
) -> Stream:
    """The records that `mapping` makes of `source`, as a Stream; nothing is checked against the schema's rules.

    Args:
        source: as for :func:`prepare`.
        mapping: as for :func:`prepare`.
        schema: as for :func:`prepare`; None lets types pass through.
        strict: a value that does not fit its destination's type is an error instead of a warning.
        csv: how a CSV source is written.
        excel: which sheet of an Excel book is read, and where its header is.

    Returns:
        The stream; nothing is read yet but the first piece.

    Raises:
        MappingError: every error of the mapping, before the first row.
        UsageError: an argument is of another type.

    Examples:
        >>> xp.map_rows([{"first": "Ada", "last": "Byron"}], {"fullName": 'concat(first, " ", last)'}).to_pylist()
        [{'fullName': 'Ada Byron'}]
    """
    made, target = as_mapping(mapping), None if schema is None else as_schema(schema)
    return map_stream(with_what_is_read(open_source(source, csv, excel), made, target), made, target, strict=strict)


@takes(**JOB)
def write_json(records: Source, out: str | os.PathLike[str], **options: Any) -> Manifest:
    """Write records as single-line JSON parts with a manifest; `options` are those of WriteOptions.

    Args:
        records: a Stream, or any source of :func:`validate` whose rows are records.
        out: the folder; made if it is not there.
        options: fields of :class:`xdmprep.write.WriteOptions`, such as ``max_bytes`` (bytes a part) or ``max_rows``.

    Returns:
        The manifest, which is in the folder too.

    Raises:
        UsageError: an argument is of another type.

    Examples:
        >>> xp.write_json(records, "json/").files[0].name
        'part-00000.json'
    """
    return _write(records, out, "json", options)


@takes(**JOB)
def write_parquet(records: Source, out: str | os.PathLike[str], **options: Any) -> Manifest:
    """Write records as Parquet parts with a manifest; `options` are those of WriteOptions.

    Args:
        records: a Stream, or any source of :func:`validate` whose rows are records.
        out: the folder; made if it is not there.
        options: fields of :class:`xdmprep.write.WriteOptions`, such as ``max_bytes`` (bytes a part) or ``compression``.

    Returns:
        The manifest, which is in the folder too.

    Raises:
        UsageError: an argument is of another type.

    Examples:
        >>> xp.write_parquet(records, "records-parquet/").files[0].name
        'part-00000.parquet'
    """
    return _write(records, out, "parquet", options)


@takes(**JOB)
def write_csv(records: Source, out: str | os.PathLike[str], **options: Any) -> Manifest:
    """Write flat records as CSV parts with a manifest; `options` are those of WriteOptions.

    Args:
        records: a Stream of flat records, or any source of such.
        out: the folder; made if it is not there.
        options: fields of :class:`xdmprep.write.WriteOptions`, such as ``max_bytes`` (bytes a part) or ``csv_null``.

    Returns:
        The manifest, which is in the folder too.

    Raises:
        UsageError: an argument is of another type.

    Examples:
        >>> xp.write_csv(xp.map_rows([{"a": "1"}], {"b": "a"}), "csv/").files[0].name
        'part-00000.csv'
    """
    return _write(records, out, "csv", options)


def _write(records: Source, out: str | os.PathLike[str], format: Format, options: dict[str, Any]) -> Manifest:
    from ..patch import Patch

    overwrite = bool(options.pop("overwrite", False))
    chosen = WriteOptions(format=format, **options)
    stream = as_records(open_source(records))
    folder = OutputFolder(
        out, {"source": stream.name, "columns": str(stream.arrow_schema), "format": format}, overwrite
    )
    with folder.all_or_nothing():
        done = write_stream(stream, folder, chosen)
        source, upsert = {"name": stream.name}, isinstance(stream, Patch)
        manifest = manifest_of(done, chosen, folder.path, source=source, upsert=upsert)
        manifest.save(folder.path)
        folder.mark("finished", {"counts": {"rows": done.rows, "written": done.written, "rejected": done.rejected}})
    return manifest


def _refuse_inside(source: Any, out: str | os.PathLike[str]) -> None:
    """Refuse a source that the run would clear away before it reads it."""
    given = source if isinstance(source, list | tuple) else [source]
    for one in given:
        if is_elsewhere(one := as_local(one)) or not isinstance(one, str | os.PathLike):
            continue
        if Path(os.path.realpath(one)).is_relative_to(os.path.realpath(out)):
            raise UsageError(f"{os.fspath(one)}: lies in the output folder, which a run clears. Give another folder.")


def within(place: str, name: str) -> str:
    """A file in a folder that is a path or a URL, as text."""
    return f"{place}/{name}" if is_url(place) else str(Path(place) / name)


def _place(schema: SchemaLike) -> str | None:
    """Where a schema can be read again."""
    if isinstance(schema, Schema):
        return None
    return shown(schema) if is_remote(schema) else os.path.realpath(as_local(schema))


def _name_of(value: Any) -> str:
    """What stands for a Python callable of a mapping in `run.json`."""
    return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', type(value).__name__)}"


def stored(result: Result, url: str) -> Result:
    """The same result for output that is in an object store, at a URL without credentials."""
    return replace(result, manifest=replace(result.manifest, folder=None), _url=url)
