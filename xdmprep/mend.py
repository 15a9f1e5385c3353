"""Rejects, mended by hand, run again with the same mapping into a further part of the same output.

The order of writing makes a kill harmless: the new part first (no manifest names it yet), then the manifest, which also
lists the rows that came in this way, then the rejects.  A second run skips the rows that the manifest has already.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from .errors import SourceError, UsageError
from .flow import ISSUE_SCHEMA, Chunk, Origins
from .leaves import Leaf
from .losses import ValueCounts
from .manifest import Manifest, whole_file
from .mapping import MappingSet, compile_mapping
from .schema import Schema
from .validate import compile_checks
from .write import ISSUES, REJECTS, OutputFolder, Rejects, WriteOptions, open_parts

CHUNK_ROWS = 16_384


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
    chunks = _chunks(file, columns, done, origins)
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
    _replace_rejects(folder, set(tried) | done, origins)
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
    file: Path, columns: pa.Schema, done: set[int], origins: Origins | None
) -> Iterator[tuple[Chunk | None, int]]:
    leaves = tuple(Leaf((field.name,), field.type, field.name) for field in columns)
    rows: dict[int, dict[str, Any]] = {}
    try:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                row, source = _line(line, f"{file} line {number}", columns, origins)
                if row in done:
                    yield None, 1
                elif source is not None:
                    rows[row] = source
                if len(rows) >= CHUNK_ROWS:
                    yield _chunk(rows, columns, leaves), 0
                    rows = {}
    except OSError as error:
        raise SourceError(f"{file}: {error.strerror or error}. There may be nothing to mend.") from None
    if rows:
        yield _chunk(rows, columns, leaves), 0


def _line(line: str, where: str, columns: pa.Schema, origins: Origins | None) -> tuple[int, dict[str, Any] | None]:
    try:
        entry = json.loads(line)
        row, source = _row_of(entry, origins), entry.get("source")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(f"{where}: not a line of rejects ({type(error).__name__}: {error}).") from None
    if not isinstance(row, int) or not (source is None or isinstance(source, dict)):
        raise SourceError(f"{where}: 'row' must be a number and 'source' an object of columns.")
    unknown = sorted(set(source or ()) - set(columns.names))
    if unknown:
        raise SourceError(f"{where}: the source has no column {unknown[0]!r}.")
    return row, source


def _row_of(entry: dict[str, Any], origins: Origins | None) -> Any:
    """The number of a reject's row through all files of the source."""
    row = entry["row"]
    if origins is None or not isinstance(row, int):
        return row
    found = origins.row_of(str(entry["file"]), row)
    if found is None:
        raise ValueError(f"the run read no file {entry['file']!r}")
    return found


def _chunk(rows: dict[int, dict[str, Any]], columns: pa.Schema, leaves: tuple[Leaf, ...]) -> Chunk:
    numbers = sorted(rows)
    try:
        arrays = [pa.array([_value(rows[n].get(f.name), f.type) for n in numbers], f.type) for f in columns]
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise SourceError(f"a mended value does not fit its column: {str(error).splitlines()[0]}.") from None
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


def _replace_rejects(folder: OutputFolder, gone: set[int], origins: Origins | None) -> None:
    """New rejects and issues: those of rows not tried, and what is still wrong with the others."""
    fresh = folder.path / ".mended-rejects.part"
    kept = {
        row: line for line in _lines(folder.path / REJECTS) if (row := _row_of(json.loads(line), origins)) not in gone
    }
    kept.update({_row_of(json.loads(line), origins): line for line in _lines(fresh)})
    schema = ISSUE_SCHEMA if origins is None else ISSUE_SCHEMA.insert(0, pa.field("file", pa.string()))
    issues: list[tuple[int, dict[str, Any]]] = []
    for path, everything in ((folder.path / ISSUES, False), (folder.path / ".mended-issues.part", True)):
        if path.exists():
            options = arrow_csv.ConvertOptions(column_types=schema, strings_can_be_null=False)
            table = arrow_csv.read_csv(path, parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
                                       convert_options=options)  # fmt: skip
            numbered = [(_row_of(entry, origins), entry) for entry in table.to_pylist()]
            issues += [(row, entry) for row, entry in numbered if everything or row not in gone]
    issues.sort(key=lambda item: item[0])
    with whole_file(folder.path / REJECTS) as out:
        out.write("".join(kept[row] for row in sorted(kept)).encode())
    with whole_file(folder.path / ISSUES) as out:
        arrow_csv.write_csv(pa.Table.from_pylist([entry for _, entry in issues], schema), out)
    for name in (".mended-rejects.part", ".mended-issues.part"):
        (folder.path / name).unlink(missing_ok=True)


def _lines(path: Path) -> list[str]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as file:
        return [line if line.endswith("\n") else line + "\n" for line in file if line.strip()]
