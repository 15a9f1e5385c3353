"""Rejects, corrected by hand, run again with the same mapping into a further part of the same output.

The order of writing makes a kill harmless: the new part first (no manifest names it yet), then the manifest, which also
lists the rows that came in this way, then the rejects.  A second run skips the rows that the manifest has already.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from ..core.arguments import PATH, takes
from ..core.arrow_types import plain_type
from ..core.cells import escape_cells, unescape_cells
from ..core.documents import (
    COUNT,
    FLAG,
    NUMBER,
    OBJECT,
    TEXT,
    DocumentKind,
    exists,
    map_of,
    nullable,
    record,
    why_no_source,
)
from ..core.losses import MAX_LOSS, ValueCounts, check_max_loss
from ..core.manifest import Manifest, whole_file
from ..core.ndjson.strict import UnreadableError, strict_json
from ..core.shred import Leaf, column_leaves
from ..core.stream import ISSUE_SCHEMA, Chunk, Origins, Stream
from ..core.typing import Format
from ..errors import OutputError, SourceError, UsageError, counted, option, shorten
from ..mapping import MappingSet, compile_mapping
from ..read import open_source
from ..read.objects import text_of
from ..schema import Schema, as_schema
from ..validate import compile_checks
from ..write import ISSUES, REASON, REJECTS, RUN, OutputFolder, WriteOptions, write_stream
from .assembly import stamped

CHUNK_ROWS = 16_384
#: Where rows that are still set aside, and their findings, are until they join those of the run.
_FRESH = (".mended-rejects.part", ".mended-issues.part")

_RUN = DocumentKind(OutputError, "Run `prepare` again.")
#: What this needs of `run.json`.
_RUN_SHAPE = record(
    {"key": record({
        "mapping": OBJECT, "schema": TEXT, "strict": FLAG, "rules": TEXT, "maxBytes": COUNT, "maxRows": nullable(COUNT),
    })},
    {"again": record({}, {"schemaFile": nullable(TEXT), "columns": map_of(TEXT)}), "lackingValues": COUNT,
     "maxLoss": NUMBER, "values": map_of(record({"read": COUNT, "written": COUNT, "lost": COUNT}))},
)  # fmt: skip
_LINE = DocumentKind(SourceError)
_LINE_SHAPE = record({"row": COUNT}, {"source": nullable(OBJECT), "file": TEXT})


#: A row to be tried again: where it stands, its line if it has one, its number through all files, and its columns.
_Entry = tuple[str, str, int, dict[str, Any] | None]
#: Columns of a table of rejects that are not the source's.
_OWN = frozenset({"_row", "_file", "_reasons"})


@dataclass(frozen=True, slots=True)
class Mended:
    """What came of it.

    Attributes:
        tried: rows tried again.
        written: rows written now.
        skipped: rows left out because an earlier run wrote them.
        manifest: of the whole output, as it is now.
        values: counts of the values written and left out in the whole output.
        excessive: destinations that lost a larger share of their values than `max_loss`, the worst first.
        max_loss: percentage of its values that a destination may lose.
    """

    tried: int
    written: int
    skipped: int
    manifest: Manifest
    values: ValueCounts = field(default_factory=ValueCounts)
    excessive: tuple[str, ...] = ()
    max_loss: float = MAX_LOSS

    @property
    def still_rejected(self) -> int:
        """Rows of the whole output that are still set aside, those that were not tried included."""
        return self.manifest.rejected

    def __str__(self) -> str:
        skipped = f", {self.skipped:,} were written before" if self.skipped else ""
        values = f", in all {self.values}" if self.values.rows else ""
        return (
            f"{counted(self.tried, 'row')} tried again, {self.written:,} written, {self.still_rejected:,} still aside"
            f"{skipped}{values} -> {self.manifest.folder}"
        )


@takes(out=PATH)
def mend(
    out: str | os.PathLike[str],
    rejects: Any = None,
    *,
    schema: str | os.PathLike[str] | Schema | None = None,
    frame: Any = None,
    max_loss: float | None = None,
) -> Mended:
    """Run corrected rejects again, with the mapping and the options of the run that set them aside.

    Args:
        out: the folder of a finished run.
        rejects: a file of lines as in `rejects.jsonl`, their ``source`` mended; or what `frame` takes.  None takes
            `rejects.jsonl` itself, mended in place.
        schema: where the schema is now; None takes the file that the run used.
        frame: corrected rows: a DataFrame or Arrow table with the columns of :attr:`Result.rejects`.  ``_row`` (and
            ``_file``, where the source was several files) say which row it is; rows that are not in it stay aside.
        max_loss: percentage of its values that a destination may lose in the whole output, what was written before
            included; those that lose more are named in ``excessive``.  None takes that of the run.

    Returns:
        How many rows were tried, written, and are still set aside.

    Raises:
        OutputError: the folder holds no finished run.
        SourceError: a line or row cannot be used.
        UsageError: the schema is not the one of the run, both `rejects` and `frame` are given, or `max_loss` is no
            percentage.

    Examples:
        >>> run = xp.prepare("schemas/examples/crm-profiles.csv", mapping, "schemas/crm-profile.schema.json", "again/")
        >>> rejects = run.rejects.to_pandas()
        >>> rejects["MONTH_AND_DATE"] = "01-02"
        >>> xp.mend("again/", rejects).written
        34
    """
    if frame is None and rejects is not None and not isinstance(rejects, str | os.PathLike):
        rejects, frame = None, rejects
    if max_loss is not None:
        check_max_loss(max_loss)
    if rejects is not None and frame is not None:
        raise UsageError("mend takes a file of rejects or a frame, not both.")
    folder = OutputFolder.existing(out)
    if folder.key.get("patch"):
        raise UsageError(f"{out}: holds a patch. Mend the snapshot and run the same command again.")
    _RUN.check(folder.run, _RUN_SHAPE, folder.path / "run.json")
    manifest = Manifest.load(out)
    again = folder.run.get("again", {})
    chosen = _schema(schema, again.get("schemaFile"), folder)
    file = Path(rejects) if rejects is not None else folder.path / REJECTS
    columns, others = _columns(again.get("columns", {}))
    mapping = MappingSet(folder.key["mapping"])
    if mapping.options.group_by:
        raise UsageError("the run made one record of several rows. Mend the source and run `prepare` again.")
    mapper = compile_mapping(mapping, columns, chosen, strict=bool(folder.key["strict"]))
    for name in sorted(mapper.reads & others.keys()):
        raise UsageError(
            f"the run's column {name!r} is a {others[name]}: only flat strings and numbers can be mended here. "
            "Mend the source and run `prepare` again."
        )
    options = WriteOptions(
        format=cast(Format, manifest.format), max_bytes=folder.key["maxBytes"], max_rows=folder.key["maxRows"],
        multiline=manifest.multiline,
    )  # fmt: skip
    options = stamped(options, chosen, manifest.software)
    files = manifest.source.get("files")
    origins = None if files is None else Origins.of_counts(files)
    before = set(manifest.source.get("mended", []))
    values = ValueCounts.of(folder.run.get("values", {}), folder.run.get("lackingValues", 0))
    aside, issues = _aside(folder, origins)
    entries = _entries(file, origins) if frame is None else _frame_entries(frame, columns, origins)
    skipped: list[int] = []
    tried: list[int] = []
    written: set[int] = set()

    def each(chunk: Chunk) -> None:
        tried.extend(chunk.rows.tolist())
        written.update(chunk.rows[~chunk.faulty()].tolist())
        if chunk.tally is not None:
            values.add(chunk.tally)

    steps = (mapper, compile_checks(chosen, mapper.leaves, folder.key["rules"]))
    chunks = _chunks(entries, columns, before, skipped, set(aside))
    records = Stream(lambda: chunks, steps, mapper.leaves, mapper.arrow_schema, origins=origins, numbered=True)
    done = write_stream(records, folder, options, jobs=1, on_chunk=each, earlier=manifest.files, names=_FRESH)
    mended = sorted(before | written)
    manifest = replace(
        manifest, files=done.files, written=manifest.written + done.written,
        rejected=manifest.rejected - done.written, values=values.table(lost_only=True),
        source={**manifest.source, **({"mended": mended} if mended else {})},
    )  # fmt: skip
    manifest.save(folder.path)
    _replace_rejects(folder, aside, issues, set(tried) | before, origins)
    limit = folder.run.get("maxLoss", MAX_LOSS) if max_loss is None else max_loss
    counts = {"rows": manifest.rows, "written": manifest.written, "rejected": manifest.rejected}
    facts = {"counts": counts, "values": values.table(), "lackingValues": values.rows, "maxLoss": limit}
    folder.mark("finished", {**{k: v for k, v in folder.run.items() if k not in ("state", "key")}, **facts})
    return Mended(done.rows, done.written, len(skipped), manifest, values, values.excessive(limit), limit)


def _chunks(
    entries: Iterable[_Entry], columns: pa.Schema, before: set[int], skipped: list[int], aside: set[int]
) -> Iterator[Chunk]:
    """The rows to be tried; those that were written before go to `skipped`."""
    leaves = column_leaves(columns)
    rows: dict[int, dict[str, Any]] = {}
    for where, _, row, source in entries:
        unknown = sorted(set(source or ()) - set(columns.names))
        if unknown:
            raise SourceError(f"{where}: the source has no column {shorten(unknown[0])}.")
        if row in before:
            skipped.append(row)
        elif row not in aside:
            raise SourceError(f"{where}: row {row:,} is none that the run set aside. Leave the line out.")
        elif source is not None:
            rows[row] = source
        if len(rows) >= CHUNK_ROWS:
            yield _chunk(rows, columns, leaves)
            rows = {}
    if rows:
        yield _chunk(rows, columns, leaves)


def _entries(file: Path, origins: Origins | None) -> Iterator[_Entry]:
    """The lines of rejects: where each stands, its text, its row through all files, its source."""
    for where, line, entry in _lines(file):
        row = _row_of(entry["row"], entry.get("file"), origins, where)
        source = entry.get("source")
        yield where, line + "\n", row, None if _still_unfit(source, entry.get("reasons")) else source


def _lines(file: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The lines of rejects: where each stands, its text, and what it says."""
    for number, line in enumerate(_LINE.read_text(file).split("\n"), 1):
        if not line.strip():
            continue
        where = f"{file} line {number}"
        try:
            entry = strict_json(line.encode())
        except UnreadableError as error:
            raise SourceError(f"{where}: {error.message}, at byte {error.at} of the line.") from None
        _LINE.check(entry, _LINE_SHAPE, where)
        yield where, line, entry


def _still_unfit(source: dict[str, Any] | None, reasons: Any) -> bool:
    """Whether a row was set aside for a value that no line can show, and nothing was put in its place."""
    listed = reasons if isinstance(reasons, list) else []
    wrong = [reason.get("column") for reason in listed if isinstance(reason, dict) and reason.get("code") == "unfit"]
    return bool(source) and any(source.get(str(name)) is None for name in wrong)  # type: ignore[union-attr]


def _row_of(row: int, file: Any, origins: Origins | None, where: str) -> int:
    """The number of a row through all files of the source."""
    if origins is None:
        return row
    found = origins.row_of(str(file or ""), row)
    if found is None:
        raise SourceError(f"{where}: the run read no file {shorten(file)}.")
    return found


def _frame_entries(frame: Any, columns: pa.Schema, origins: Origins | None) -> Iterator[_Entry]:
    """The rows of a frame, as lines of rejects would be read."""
    stream = open_source(frame)
    names = stream.arrow_schema.names
    lacking = [name for name in ("_row", *columns.names, *(["_file"] if origins else [])) if name not in names]
    if lacking:
        raise SourceError(
            f"the frame has no column {shorten(lacking[0])}. Take the table of result.rejects, with all its columns."
        )
    number = 0
    for chunk in stream:
        unfit = {int(row) for finding in chunk.issues if finding.column not in _OWN for row in finding.rows}
        entries = chunk.nested(stream.arrow_schema).to_pylist()
        for at, entry in zip(chunk.rows.tolist(), entries, strict=True):
            number += 1
            where = f"row {number} of the frame"
            row = entry["_row"]
            if isinstance(row, float) and row.is_integer():
                row = int(row)
            if not isinstance(row, int) or isinstance(row, bool):
                raise SourceError(f"{where}: _row must be a whole number, got {shorten(row)}.")
            source = {name: value for name, value in entry.items() if name not in _OWN}
            empty = all(value is None for value in source.values())  # a row that could not be read, and still cannot
            empty |= at in unfit or _still_unfit(source, entry.get("_reasons"))
            yield where, "", _row_of(row, entry.get("_file"), origins, where), None if empty else source


def rejects_table(out: str | os.PathLike[str]) -> pa.Table:
    """The rows that a run set aside, as a table.

    Args:
        out: the folder of a finished run.

    Returns:
        One row for each reject: ``_row`` (int64, counted within its file), ``_file``, ``_reasons`` (list of struct:
        code, severity, path, column, value, message, hint), then the source's columns.  A row that could not be read
        has nulls there.

    Raises:
        OutputError: the folder holds no finished run.
        SourceError: the rejects cannot be read.
    """
    file = Path(out) / RUN
    run = _RUN.read_json(file)
    _RUN.check(run, _RUN_SHAPE, file)
    name = str(run["key"].get("source", {}).get("name", "")) if isinstance(run["key"].get("source"), dict) else ""
    fields = [("_row", pa.int64()), ("_file", pa.string()), ("_reasons", pa.list_(REASON))]
    rows: list[dict[str, Any]] = []
    path = Path(out) / REJECTS
    for _, _, entry in _lines(path) if path.exists() else ():
        own = {"_row": entry["row"], "_file": entry.get("file", name), "_reasons": entry.get("reasons")}
        rows.append({**(entry.get("source") or {}), **own})
    columns, others = _columns(run.get("again", {}).get("columns", {}))
    for column, kind in zip(columns.names, columns.types, strict=True):
        fields.append((column, _inferred([row.get(column) for row in rows]) if column in others else kind))
    arrays = [_array([row.get(column) for row in rows], kind) for column, kind in fields]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _inferred(values: list[Any]) -> pa.DataType:
    try:
        return pa.infer_type(values)
    except pa.ArrowException:
        return pa.string()


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    """Values from JSON as an array: dates and times stand there as text."""
    try:
        return pa.array(values, kind)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        texts = [
            value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            for value in values
        ]
        try:
            return pa.array(texts, pa.string()).cast(kind)
        except pa.ArrowException:
            raise SourceError(f"a value of the rejects is no {kind}. Run `prepare` again.") from None


def _chunk(rows: dict[int, dict[str, Any]], columns: pa.Schema, leaves: tuple[Leaf, ...]) -> Chunk:
    numbers = sorted(rows)
    try:
        arrays = [pa.array([_value(rows[n].get(f.name), f.type) for n in numbers], f.type) for f in columns]
    except (pa.ArrowException, ArithmeticError, ValueError, TypeError) as error:
        raise SourceError(f"a mended value does not fit its column: {shorten(str(error), 200)}.") from None
    records = pa.RecordBatch.from_arrays(arrays, schema=columns)
    return Chunk(leaves, records, np.array(numbers, np.int64), source=records, consumed=len(numbers))


def _value(value: Any, kind: pa.DataType) -> Any:
    if value is None or value == "":
        return None
    if pa.types.is_decimal(kind):
        return value if isinstance(value, bool) else Decimal(str(value))
    return text_of(value) if pa.types.is_string(kind) else value


_DECIMAL = re.compile(r"decimal(128|256)\((\d+), (\d+)\)")


def _columns(types: dict[str, str]) -> tuple[pa.Schema, dict[str, str]]:
    """The columns of the run, and the types of those that cannot be read back; these come as text."""
    fields: list[tuple[str, pa.DataType]] = []
    others: dict[str, str] = {}
    for name, kind in types.items():
        if match := _DECIMAL.fullmatch(kind):
            wide = pa.decimal128 if match[1] == "128" else pa.decimal256
            fields.append((name, wide(int(match[2]), int(match[3]))))
            continue
        with suppress(ValueError):
            if plain_type(found := pa.type_for_alias(kind)) is not None:
                fields.append((name, found))
                continue
        fields.append((name, pa.string()))
        others[name] = kind
    return pa.schema(fields), others


def _schema(given: Any, recorded: str | None, folder: OutputFolder) -> Schema:
    if given is None and recorded is None:
        raise UsageError(f"the run got its schema from Python: give {option('schema')}.")
    schema = as_schema(given if given is not None else str(recorded))
    if schema.sha256 != folder.key["schema"]:
        raise UsageError(f"{schema.name}: is not the schema of the run, or has changed. Run `prepare` again.")
    return schema


#: Findings as they are listed, and for each the number of its row through all files.
_Listed = tuple[pa.Table, list[int]]


def _aside(folder: OutputFolder, origins: Origins | None) -> tuple[dict[int, str], _Listed]:
    """What the run set aside: each row's line of rejects, and its findings."""
    rejects = folder.path / REJECTS
    lines = {row: line for _, line, row, _ in _entries(rejects, origins)} if exists(rejects) else {}
    return lines, _findings(folder.path / ISSUES, origins)


def _findings(path: Path, origins: Origins | None) -> _Listed:
    if not exists(path):
        return _issue_schema(origins).empty_table(), []
    if (why := why_no_source(path)) is not None:
        raise SourceError(f"{path}: {why}.")
    columns = _issue_schema(origins)
    options = arrow_csv.ConvertOptions(column_types=columns, strings_can_be_null=False)
    try:
        table = arrow_csv.read_csv(
            path, parse_options=arrow_csv.ParseOptions(newlines_in_values=True), convert_options=options
        )
        table = unescape_cells(table).select(columns.names).cast(columns)
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise SourceError(
            f"{path}: is not the list of findings that the run wrote ({shorten(str(error), 200)}). Run `prepare` again."
        ) from None
    rows = table["row"].to_pylist()
    if origins is not None and None not in rows:
        rows = [origins.row_of(file, row) for file, row in zip(table["file"].to_pylist(), rows, strict=True)]
    if None in rows:
        raise SourceError(f"{path}: a finding has no row of the source. Run `prepare` again.")
    return table, rows


def _issue_schema(origins: Origins | None) -> pa.Schema:
    return ISSUE_SCHEMA if origins is None else ISSUE_SCHEMA.insert(0, pa.field("file", pa.string()))


def _replace_rejects(
    folder: OutputFolder, aside: dict[int, str], issues: _Listed, gone: set[int], origins: Origins | None
) -> None:
    """New rejects and issues: those of rows not tried, and what is still wrong with the others."""
    fresh, fresh_issues = (folder.path / name for name in _FRESH)
    kept = {row: line for row, line in aside.items() if row not in gone}
    if exists(fresh):
        kept.update({row: line for _, line, row, _ in _entries(fresh, origins)})
    old, new = issues, _findings(fresh_issues, origins)
    rows = np.array([-1 if row in gone else row for row in old[1]] + new[1], np.int64)
    order = np.argsort(rows, kind="stable")
    table = pa.concat_tables([old[0], new[0]]).take(order[rows[order] >= 0])
    with whole_file(folder.path / REJECTS) as out:
        out.write("".join(kept[row] for row in sorted(kept)).encode())
    with whole_file(folder.path / ISSUES) as out:
        arrow_csv.write_csv(escape_cells(table), out)
    for path in (fresh, fresh_issues):
        path.unlink(missing_ok=True)
