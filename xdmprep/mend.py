"""Rejects, mended by hand, run again with the same mapping into a further part of the same output.

The order of writing makes a kill harmless: the new part first (no manifest names it yet), then the manifest, which also
lists the rows that came in this way, then the rejects.  A second run skips the rows that the manifest has already.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from .cells import escape_cells, unescape_cells
from .documents import COUNT, FLAG, OBJECT, TEXT, DocumentKind, map_of, nullable, record
from .errors import OutputError, SourceError, UsageError, shorten
from .flow import ISSUE_SCHEMA, Chunk, Origins
from .leaves import Leaf
from .losses import ValueCounts
from .manifest import Manifest, whole_file
from .mapping import MappingSet, compile_mapping
from .schema import Schema
from .validate import compile_checks
from .write import ISSUES, REJECTS, OutputFolder, Rejects, WriteOptions, open_parts

CHUNK_ROWS = 16_384

_RUN = DocumentKind(OutputError, "Run `prepare` again.")
#: What this needs of `run.json`.
_RUN_SHAPE = record(
    {"key": record({
        "mapping": OBJECT, "schema": TEXT, "strict": FLAG, "rules": TEXT, "maxBytes": COUNT, "maxRows": nullable(COUNT),
    })},
    {"again": record({}, {"schemaFile": nullable(TEXT), "columns": map_of(TEXT)}), "lackingValues": COUNT,
     "values": map_of(record({"read": COUNT, "written": COUNT, "lost": COUNT}))},
)  # fmt: skip
_LINE = DocumentKind(SourceError)
_LINE_SHAPE = record({"row": COUNT}, {"source": nullable(OBJECT), "file": TEXT})


@dataclass(frozen=True, slots=True)
class Mended:
    """What came of it: rows tried, written now, still set aside, and skipped because an earlier run wrote them."""

    tried: int
    written: int
    still_rejected: int
    skipped: int
    manifest: Manifest

    def __str__(self) -> str:
        skipped = f", {self.skipped:,} were written before" if self.skipped else ""
        return (
            f"{self.tried:,} rows tried again, {self.written:,} written, {self.still_rejected:,} still aside{skipped} "
            f"-> {self.manifest.folder}"
        )


def mend(
    out: str | os.PathLike[str],
    rejects: str | os.PathLike[str] | None = None,
    *,
    schema: str | os.PathLike[str] | Schema | None = None,
) -> Mended:
    """Run mended rejects again, with the mapping and the options of the run that set them aside.

    Args:
        out: the folder of a finished run.
        rejects: lines as in `rejects.jsonl`, their ``source`` mended; None takes that file itself, mended in place.
        schema: where the schema is now; None takes the file that the run used.

    Raises:
        OutputError: the folder holds no finished run.
        SourceError: a line cannot be used.
        UsageError: the schema is not the one of the run.
    """
    folder = OutputFolder.existing(out)
    if folder.key.get("patch"):
        raise UsageError(f"{out}: holds a patch. Mend the snapshot and run the same command again.")
    _RUN.check(folder.run, _RUN_SHAPE, folder.path / "run.json")
    manifest = Manifest.load(out)
    again = folder.run.get("again", {})
    chosen = _schema(schema, again.get("schemaFile"), folder)
    file = Path(rejects) if rejects is not None else folder.path / REJECTS
    columns = _columns(again.get("columns", {}))
    mapping = MappingSet(folder.key["mapping"])
    if mapping.options.group_by:
        raise UsageError("the run made one record of several rows. Mend the source and run `prepare` again.")
    mapper = compile_mapping(mapping, columns, chosen, strict=bool(folder.key["strict"]))
    check = compile_checks(chosen, mapper.leaves, folder.key["rules"])
    options = WriteOptions(
        format=manifest.format, max_bytes=folder.key["maxBytes"], max_rows=folder.key["maxRows"],
        multiline=manifest.multiline, metadata=(("xdm.schema.id", chosen.id), ("writer", manifest.software)),
    )  # fmt: skip
    parts = open_parts(folder, mapper.leaves, mapper.arrow_schema, options)
    parts.files = list(manifest.files)
    files = manifest.source.get("files")
    origins = None if files is None else Origins.of_counts(files)
    still = Rejects(folder, (".mended-rejects.part", ".mended-issues.part"), origins)
    done = set(manifest.source.get("mended", []))
    values = ValueCounts.of(folder.run.get("values", {}), folder.run.get("lackingValues", 0))
    aside, issues = _aside(folder, origins)
    chunks = _chunks(file, columns, done, set(aside), origins)
    fresh, written = _run(chunks, lambda chunk: check(mapper(chunk)), parts, still, values)
    good = sorted(written)
    skipped = fresh.count(None)
    tried = [row for row in fresh if row is not None]
    mended = sorted(done | written)
    manifest = replace(
        manifest, files=tuple(parts.files), written=manifest.written + len(good),
        rejected=manifest.rejected - len(good), values=values.table(lost_only=True),
        source={**manifest.source, **({"mended": mended} if mended else {})},
    )  # fmt: skip
    manifest.save(folder.path)
    _replace_rejects(folder, aside, issues, set(tried) | done, origins)
    counts = {"rows": manifest.rows, "written": manifest.written, "rejected": manifest.rejected}
    facts = {"counts": counts, "values": values.table(), "lackingValues": values.rows}
    folder.mark("finished", {**{k: v for k, v in folder.run.items() if k not in ("state", "key")}, **facts})
    return Mended(len(tried), len(good), len(tried) - len(good), skipped, manifest)


def _run(
    chunks: Iterator[tuple[Chunk | None, int]],
    steps: Callable[[Chunk], Chunk],
    parts: Any,
    still: Rejects,
    values: ValueCounts,
) -> tuple[list[int | None], set[int]]:
    """Map, check and write; gives the rows met (None for one written before) and the rows written now."""
    met: list[int | None] = []
    written: set[int] = set()
    try:
        for chunk, skipped in chunks:
            met += [None] * skipped
            if chunk is None:
                continue
            made = steps(chunk)
            bad = made.faulty()
            parts.add(parts.make(made, ~bad), int((~bad).sum()))
            found = made.found()
            still.add(found)
            if found.tally is not None:
                values.add(found.tally)
            met += made.rows.tolist()
            written |= set(made.rows[~bad].tolist())
        parts.finish()
        still.finish()
    except BaseException:
        parts.discard()
        still.discard()
        raise
    return met, written


def _chunks(
    file: Path, columns: pa.Schema, done: set[int], aside: set[int], origins: Origins | None
) -> Iterator[tuple[Chunk | None, int]]:
    leaves = tuple(Leaf((field.name,), field.type, field.name) for field in columns)
    rows: dict[int, dict[str, Any]] = {}
    for where, _, row, source in _entries(file, origins):
        unknown = sorted(set(source or ()) - set(columns.names))
        if unknown:
            raise SourceError(f"{where}: the source has no column {shorten(unknown[0])}.")
        if row in done:
            yield None, 1
        elif row not in aside:
            raise SourceError(f"{where}: row {row:,} is none that the run set aside. Leave the line out.")
        elif source is not None:
            rows[row] = source
        if len(rows) >= CHUNK_ROWS:
            yield _chunk(rows, columns, leaves), 0
            rows = {}
    if rows:
        yield _chunk(rows, columns, leaves), 0


def _entries(file: Path, origins: Origins | None) -> Iterator[tuple[str, str, int, dict[str, Any] | None]]:
    """The lines of rejects: where each stands, its text, its row through all files, its source."""
    for number, line in enumerate(_LINE.read_text(file).split("\n"), 1):
        if not line.strip():
            continue
        where = f"{file} line {number}"
        entry = _LINE.parse_json(line, where)
        _LINE.check(entry, _LINE_SHAPE, where)
        row = entry["row"]
        if origins is not None:
            row = origins.row_of(entry.get("file", ""), row)
            if row is None:
                raise SourceError(f"{where}: the run read no file {shorten(entry.get('file'))}.")
        yield where, line + "\n", row, entry.get("source")


def _chunk(rows: dict[int, dict[str, Any]], columns: pa.Schema, leaves: tuple[Leaf, ...]) -> Chunk:
    numbers = sorted(rows)
    try:
        arrays = [pa.array([_value(rows[n].get(f.name), f.type) for n in numbers], f.type) for f in columns]
    except (pa.ArrowException, OverflowError, ValueError, TypeError) as error:
        raise SourceError(f"a mended value does not fit its column: {shorten(str(error), 200)}.") from None
    records = pa.RecordBatch.from_arrays(arrays, schema=columns)
    return Chunk(leaves, records, np.array(numbers, np.int64), source=records, consumed=len(numbers))


def _value(value: Any, kind: pa.DataType) -> Any:
    if value is None or value == "":
        return None
    return str(value) if pa.types.is_string(kind) and not isinstance(value, str) else value


def _columns(types: dict[str, str]) -> pa.Schema:
    fields = []
    for name, kind in types.items():
        try:
            fields.append((name, pa.type_for_alias(kind)))
        except ValueError:
            raise UsageError(
                f"the run's column {name!r} is a {kind}: only flat text and numbers can be mended here. "
                "Mend the source and run `prepare` again."
            ) from None
    return pa.schema(fields)


def _schema(given: Any, recorded: str | None, folder: OutputFolder) -> Schema:
    if given is None and recorded is None:
        raise UsageError("the run got its schema from Python: give it with --schema.")
    schema = given if isinstance(given, Schema) else Schema.load(given if given is not None else str(recorded))
    if schema.sha256 != folder.key["schema"]:
        raise UsageError(f"{schema.name}: is not the schema of the run, or has changed. Run `prepare` again.")
    return schema


def _aside(folder: OutputFolder, origins: Origins | None) -> tuple[dict[int, str], list[tuple[int, dict[str, Any]]]]:
    """What the run set aside: each row's line of rejects, and its findings by row.

    Raises:
        SourceError: one of the two files cannot be read.
    """
    rejects = folder.path / REJECTS
    lines = {row: line for _, line, row, _ in _entries(rejects, origins)} if rejects.exists() else {}
    return lines, _findings(folder.path / ISSUES, origins)


def _findings(path: Path, origins: Origins | None) -> list[tuple[int, dict[str, Any]]]:
    if not path.exists():
        return []
    options = arrow_csv.ConvertOptions(column_types=_issue_schema(origins), strings_can_be_null=False)
    try:
        table = arrow_csv.read_csv(
            path, parse_options=arrow_csv.ParseOptions(newlines_in_values=True), convert_options=options
        )
        table = unescape_cells(table).select(_issue_schema(origins).names)
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise SourceError(
            f"{path}: is not the list of findings that the run wrote ({shorten(str(error), 200)}). Run `prepare` again."
        ) from None
    found = []
    for entry in table.to_pylist():
        row = entry["row"]
        if origins is not None and row is not None:
            row = origins.row_of(entry["file"] or "", row)
        if row is None:
            raise SourceError(f"{path}: a finding has no row of the source. Run `prepare` again.")
        found.append((row, entry))
    return found


def _issue_schema(origins: Origins | None) -> pa.Schema:
    return ISSUE_SCHEMA if origins is None else ISSUE_SCHEMA.insert(0, pa.field("file", pa.string()))


def _replace_rejects(
    folder: OutputFolder, aside: dict[int, str], issues: list[tuple[int, dict[str, Any]]], gone: set[int],
    origins: Origins | None,
) -> None:  # fmt: skip
    """New rejects and issues: those of rows not tried, and what is still wrong with the others."""
    fresh, fresh_issues = folder.path / ".mended-rejects.part", folder.path / ".mended-issues.part"
    kept = {row: line for row, line in aside.items() if row not in gone}
    if fresh.exists():
        kept.update({row: line for _, line, row, _ in _entries(fresh, origins)})
    left = [(row, entry) for row, entry in issues if row not in gone] + _findings(fresh_issues, origins)
    left.sort(key=lambda item: item[0])
    with whole_file(folder.path / REJECTS) as out:
        out.write("".join(kept[row] for row in sorted(kept)).encode())
    with whole_file(folder.path / ISSUES) as out:
        table = pa.Table.from_pylist([entry for _, entry in left], _issue_schema(origins))
        arrow_csv.write_csv(escape_cells(table), out)
    for path in (fresh, fresh_issues):
        path.unlink(missing_ok=True)
