"""Records checked, and nothing else: what :func:`xdmprep.validate` and the command of that name do.

Apart from :mod:`.prepare`, so that checking a file of records loads neither the mapping language nor the writers.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.arguments import (
    CALLABLE,
    COUNT,
    FLAG,
    NUMBER,
    PATH,
    SOURCE,
    WORD,
    either,
    instance,
    nullable,
    one_of,
    takes,
)  # fmt: skip
from ..core.arrow_file import is_arrow_file
from ..core.documents import Shape, is_file, kind_of
from ..core.paths import format_path
from ..core.remote import as_local, is_elsewhere, shown
from ..core.stream import Chunk, Stream
from ..core.typing import RuleSet, Source
from ..errors import SourceError, UsageError, did_you_mean, option
from ..report import FilesReport, Report, count_chunk, timed
from ..schema import Schema, SchemaLike, as_schema
from ..validate import Rules, check_stream
from ..validate.opening import open_records
from ..validate.rows import open_rows

if TYPE_CHECKING:
    from ..mapping import MappingLike
    from ..read import CsvOptions, ExcelOptions

log = logging.getLogger("xdmprep.pipeline")


def _named(name: str) -> Shape:
    """An instance of a class that is not imported here, which costs time where no such file is read."""
    return kind_of(name, lambda value: type(value).__name__ == name)


_SCHEMA = either(instance(Schema, what="a Schema or a path"), PATH)
_CONTRACT = kind_of(
    "a pandera schema or a path",
    lambda value: isinstance(getattr(value, "columns", None), dict) and callable(getattr(value, "validate", None)),
)
#: What the functions take that read, map, check, compare and write, by the names of their parameters.
JOB: dict[str, Shape] = {
    **dict.fromkeys(("source", "before", "after", "records", "mapping"), SOURCE), "schema": _SCHEMA,
    "rules": either(instance(Rules, what="the name of a rule set, or Rules"), WORD), "csv": _named("CsvOptions"),
    "excel": _named("ExcelOptions"), "write": _named("WriteOptions"), "contract": either(_CONTRACT, PATH),
    **dict.fromkeys(("strict", "multiline", "overwrite", "relax_required", "upsert"), FLAG),
    **dict.fromkeys(("jobs", "cap", "max_bytes", "buckets"), COUNT), "max_rows": nullable(COUNT),
    **dict.fromkeys(("error_threshold", "max_loss"), NUMBER), **dict.fromkeys(("out", "scratch"), PATH),
    **dict.fromkeys(("on", "format"), WORD), "new": one_of("whole", "leave-out"),
    "duplicates": one_of("last", "error"), **dict.fromkeys(("on_start", "on_chunk", "on_part"), CALLABLE),
}  # fmt: skip


@takes(**JOB)
def validate(
    source: Source,
    schema: SchemaLike,
    *,
    mapping: MappingLike | None = None,
    rules: RuleSet | Rules = "strict",
    csv: CsvOptions | None = None,
    excel: ExcelOptions | None = None,
    cap: int | None = None,
    jobs: int | None = None,
    on_start: Callable[[Stream], None] | None = None,
    on_chunk: Callable[[Chunk], None] | None = None,
) -> Report:
    """Check records against a schema; nothing is written.

    Args:
        source: a file of records (JSON lines, a JSON array, Parquet; CSV for an ad-hoc schema), a DataFrame or anything
            else with ``__arrow_c_stream__``, a Stream of records, or with `mapping` any source of :func:`prepare`.
            Several files (a list, a folder, a glob) give one report over all of them; each finding says its file, and
            rows are numbered by file.
        schema: a Schema or a path.
        mapping: what makes records of the source's rows; None where it holds records.
        rules: ``strict``, ``batch``, ``jsonschema``, or :class:`xdmprep.validate.Rules`.
        csv: how a CSV source is written.
        excel: which sheet of an Excel book is read, and where its header is.
        cap: keep at most this many findings in the report, of all files together; all are counted.
        jobs: worker threads; None means one per core.
        on_start: called with the stream before the first row.
        on_chunk: called with each chunk in order.

    Returns:
        Every finding about every record.

    Raises:
        SourceError, SchemaError, MappingError, UsageError: before the first row (of the file concerned).

    Examples:
        >>> report = xp.validate("out/part-00000.json", schema)
        >>> report.valid, report.rows
        (True, 241)
    """
    schema = as_schema(schema)
    if isinstance(source, list | tuple) and not source:
        raise UsageError("No file to check: the list is empty.")
    others: list[str] = []
    files = _files(source, others)
    if isinstance(files, list):
        done: list[Report] = []
        for file in files:
            room = None if cap is None else cap - sum(one.kept for one in done)
            more: Any = {"mapping": mapping, "rules": rules, "csv": csv, "excel": excel, "cap": room, "jobs": jobs}
            one = validate(file, schema, **more, on_start=on_start, on_chunk=on_chunk)
            one.name, one.cap = shown(file), cap
            done.append(one)
        if others:
            from ..read import not_read

            done[0].notes += (not_read(others),)
        return FilesReport(done, cap=cap)
    records = check_stream(_records(files, schema, mapping, csv, excel), schema, rules)
    if on_start is not None:
        on_start(records)
    notes = [schema.profile_warning, *records.notes]
    report = Report(records.name, cap=cap, origins=records.origins, notes=notes, schema=schema)
    # of mapped records the values are counted where they are at hand
    for chunk, _ in records.run(jobs=jobs, rest=None if mapping is None else Chunk.found):
        count_chunk(report, chunk)
        if on_chunk is not None:
            on_chunk(chunk)
    timed(report)
    log.info("%s", report.headline())
    return report


def _files(source: Any, others: list[str]) -> Any:
    """The files that a list of paths, a folder or a glob stands for, as :func:`.expand`; anything else as it is."""
    source = as_local(source)
    is_path = isinstance(source, str | os.PathLike)
    if isinstance(source, list | tuple) or (is_path and not is_file(source)):
        from ..read import expand  # what checks a file of records does without the readers of rows

        files = expand(source, others)
        return files if files is not None else source if is_path else tuple(source)
    return source


def _records(source: Any, schema: Schema, mapping: Any, csv: CsvOptions | None, excel: ExcelOptions | None) -> Stream:
    """The source as a stream of records to check."""
    source = as_local(source)
    is_file = isinstance(source, str | os.PathLike) and not is_elsewhere(source)
    in_arrow = is_file and is_arrow_file(Path(source))
    is_table = is_file and Path(source).suffix.lower() in (".csv", ".tsv", ".txt", ".xlsx", ".xlsm")
    if mapping is None and is_file and not in_arrow and not is_table:
        return open_records(source)
    from ..read import Spooled, as_records, is_open_file, open_source

    if mapping is not None:
        from ..mapping import map_stream, with_what_is_read

        return map_stream(with_what_is_read(open_source(source, csv, excel), mapping, schema), mapping, schema)
    if is_elsewhere(source) or is_open_file(source):
        copy = Spooled(source)
        try:
            return copy.kept_by(_records(copy.path, schema, None, csv, excel))
        except SourceError as error:
            raise copy.named(error) from None
    from ..read.objects import as_json

    if isinstance(source, list | tuple | Iterator) and not hasattr(source, "__arrow_c_stream__"):
        return open_rows(source, as_json)
    rows = open_source(source, csv, excel)
    if in_arrow or not is_file:
        return as_records(rows)
    from ..mapping import MappingSet, map_stream

    if schema.behavior != "adhoc":
        raise UsageError(
            f"{rows.name}: is a flat table, and {schema.name} describes records with a hierarchy. Give the mapping "
            f"set that makes records of its rows ({option('mapping')}), or an ad-hoc schema."
        )
    columns = [leaf.path for leaf in rows.leaves]
    unknown = [str(path[0]) for path in columns if path[0] not in schema.columns]
    if unknown:
        raise SourceError(
            f"{rows.name}: the column {unknown[0]!r} is not in {schema.name}."
            f"{did_you_mean(unknown[0], schema.columns)} Correct the header, or add the column to the schema."
        )
    same = {format_path(path): "${" + str(path[0]) + "}" for path in columns}
    return map_stream(rows, MappingSet(same), schema, strict=True)
