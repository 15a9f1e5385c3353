"""Profile patches from snapshots or from files of changes: read, map, compare, check, write.

The files are what the platform's upsert takes: one record for each person, with the identities that find the profile
and what changed.  A batch has at most 2,000,000 records; a larger patch becomes several folders, to be sent in order.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from ..core.arguments import takes
from ..core.cells import escape_cells
from ..core.losses import MAX_LOSS, ValueCounts, check_max_loss
from ..core.manifest import File, Manifest, whole_file
from ..core.notebook import lines, wrap
from ..core.paths import Path as Steps
from ..core.paths import format_path, parse_path
from ..core.shred import Leaf, nested_schema
from ..core.stream import Chunk, Finding, Stream, row_chunk
from ..core.typing import Format, RuleSet, Source
from ..errors import MappingError, SchemaError, UsageError, counted, option
from ..language.functions import table as functions
from ..mapping import (
    MappingLike,
    MappingSet,
    as_mapping,
    compile_mapping,
    map_stream,
    with_what_is_read,
)
from ..patch import (
    MEMORY_BYTES,
    Checks,
    Counts,
    DiffOptions,
    Effects,
    Key,
    Patch,
    Side,
    as_good_as,
    diff_streams,
    key_of,
    primary_of,
    refuse_events,
)
from ..read import CsvOptions, ExcelOptions, fingerprint, open_source, whole_records
from ..report import Report, count_chunk, timed
from ..schema import Field, Schema, SchemaLike, as_schema
from ..validate import Rules, compile_checks
from ..write import ISSUES, REJECTS, OutputFolder, WriteOptions, write_stream
from .assembly import Assembly, manifest_of, write_options
from .checking import JOB
from .prepare import KEPT_FINDINGS

#: The platform's limit of records in one upsert batch (Guardrails for data ingestion).
MAX_RECORDS = 2_000_000
VANISHED = "vanished.csv"
CANNOT_CLEAR = "cannot-clear.jsonl"
#: Rules beside those of batch ingestion whose breach keeps a record out of Profile.
SKIPPED = ("identity-primary", "identity-blank", "identity-ecid", "identity-length", "record-size")
JSON_WARNING = (
    "the platform's guide describes upsert batches of Parquet files only; JSON is accepted by what it says elsewhere, "
    "but not promised. Prefer Parquet."
)


@takes(**JOB)
def diff(
    before: Source,
    after: Source,
    schema: SchemaLike,
    *,
    on: str | None = None,
    mapping: MappingLike | None = None,
    new: Literal["whole", "leave-out"] = "whole",
    duplicates: Literal["last", "error"] = "last",
    relax_required: bool = False,
    rules: RuleSet | Rules = "strict",
    strict: bool = False,
    max_loss: float = MAX_LOSS,
    csv: CsvOptions | None = None,
    excel: ExcelOptions | None = None,
    scratch: str | os.PathLike[str] | None = None,
    jobs: int | None = None,
) -> Patch:
    """The upsert records that make the profiles of one snapshot those of another.

    Args:
        before: the earlier snapshot: paths (CSV, Parquet, NDJSON), a frame, or a Stream.
        after: the later snapshot of the same source.
        schema: a Schema or a path; of record data, such as profiles.
        on: path of the key, such as ``identityMap.CRMID[0].id``; None takes the primary identity.
        mapping: maps both snapshots; None if they are XDM records already.
        new: ``whole`` sends records that `before` does not have, ``leave-out`` does not.
        duplicates: of several records with one key, or with one primary identity, the ``last`` counts, with a
            warning; or it is an ``error``.
        relax_required: neither repeat nor ask for the fields that the schema requires.
        rules: what the records of the patch are checked by, see :mod:`xdmprep.rules`.  Whole records that the
            platform would refuse (rule set ``batch``, and its rules for identities) take no part on either side.
        strict: a value that does not fit its destination's type sets its row aside.
        max_loss: percentage of its values that a destination may lose in the records that are compared; those that lose
            more are named in :attr:`Patch.excessive`.  100 turns this off.
        csv: how CSV sources are written.
        excel: which sheet of an Excel book is read, and where its header is.
        scratch: folder for what does not fit into memory; None takes the system's.
        jobs: worker threads; None means one per core.

    Returns:
        A Stream of upsert records: the identities that find the profile, required fields, and what changed; with
        `counts`, `fields`, `vanished` and `cannot_clear`, and `preview()`, which says what happens to which attribute.
        Its rows are those of `after`.

    Raises:
        UsageError: the schema's records cannot be patched, or the key is none of its fields.
        SourceError, SchemaError, MappingError: before the first row.
        DataError: a key occurs twice, and that was said to be an error.

    Examples:
        >>> def person(name):
        ...     ids = {"CRMID": [{"id": "7", "primary": True}]}
        ...     return {"person": {"name": {"firstName": name}}, "identityMap": ids}
        >>> patch = xp.diff([person("Ada")], [person("Augusta")], schema, on="identityMap.CRMID[0].id")
        >>> patch.to_pylist() == [person("Augusta")]
        True
    """
    check_max_loss(max_loss)
    plan = _plan(schema, mapping, rules, strict)
    options = DiffOptions(on, new, duplicates, relax_required)
    for text in array_warnings(mapping):
        warnings.warn(text, stacklevel=2)
    early, late = _side(before, plan, on, csv, excel), _side(after, plan, on, csv, excel)
    folder = None if scratch is None else Path(scratch)
    ingested, sent = _checks(plan, options)
    patch = diff_streams(early, late, plan.schema, options, ingested, sent, scratch=folder, jobs=jobs, effects=0)
    return replace(patch, excessive=patch.values.excessive(max_loss))


@dataclass(frozen=True, slots=True)
class PatchResult:
    """What was written of a patch.

    Attributes:
        counts: what the comparison found.
        fields: fields of the patch.
        manifests: one for each batch, in the order they are to be sent.
        folder: where everything is.
        report: every finding.
        key: name of the key.
        seconds: wall time of the run.
        effects: what the patch does to the profiles that are there, if that was requested.
        excessive: destinations that lost a larger share of their values than was allowed, the worst first.

    Examples:
        >>> from xdmprep.pipeline.upsert import write_patch
        >>> file = "schemas/examples/crm-profiles.csv"
        >>> done = write_patch(file, file, schema, "patch/", mapping=mapping)
        >>> done.counts.changed, done.clean
        (0, True)
    """

    counts: Counts
    fields: list[str]
    manifests: tuple[Manifest, ...]
    folder: Path
    report: Report
    key: str
    seconds: float
    effects: Effects | None = None
    excessive: tuple[str, ...] = ()

    @property
    def values(self) -> ValueCounts:
        """Counts of the values written and left out in the records that were compared."""
        return self.report.values

    @property
    def clean(self) -> bool:
        """Whether the patch says all: nothing vanished, nothing that cannot be cleared, no row set aside."""
        return not (self.counts.vanished or self.counts.cannot_clear or self.counts.set_aside)

    def _repr_html_(self) -> str:
        return wrap("patch", lines(str(self))) + self.report._repr_html_()

    def __str__(self) -> str:
        counts, files = self.counts, [file for manifest in self.manifests for file in manifest.files]
        size = sum(file.bytes for file in files)
        name = self.manifests[0].source.get("name", "data")
        found = f"{counts.new:,} to be sent"
        if "before" in self.manifests[0].source:
            found = f"{counts.changed:,} changed, {counts.new:,} new, {counts.unchanged:,} unchanged"
            found = f"{counts.before:,} before: {found}"
        read = counted(counts.after + counts.merged, "row")
        if counts.merged:
            read += f" in {counted(counts.after, 'record')}"
        lines = [
            f"{name}: {read}, {found}" + (f", {self.values}" if self.values.rows else ""),
            f"written: {counted(counts.changed + counts.new, 'record')} ({counted(len(files), 'file')}, "
            f"{size / 1e6:,.1f} MB)" + (f" in {len(self.manifests)} batches" if len(self.manifests) > 1 else ""),
        ]
        if len(self.manifests) > 1:
            folders = [str(manifest.folder) for manifest in self.manifests]
            lines.append(f"upload in this order: {folders[0]} to {folders[-1]}, each when the one before has ended")
        if files:
            lines.append(f"fields:  {', '.join(self.fields)}")
        for number, noun, text, file in (
            (counts.left_out, "new record", "left out", ""),
            (counts.superseded, "row", "replaced by a later row with the same key", ISSUES),
            (counts.set_aside, "row", "set aside", REJECTS),
            (counts.vanished, "key", "vanished, which an upsert cannot delete", VANISHED),
            (counts.cannot_clear, "value", "gone, which an upsert cannot clear", CANNOT_CLEAR),
            (counts.before_unusable, "row", "of the earlier snapshot without a key or not readable", ""),
        ):
            if number:
                below = "batch-*" if len(self.manifests) > 1 and file in (REJECTS, ISSUES) else ""
                where = self.folder / below / file
                lines.append(f"{counted(number, noun)} {text}" + (f" -> {where}" if file else ""))
        return "\n".join(lines)


def write_patch(
    before: Source | None,
    after: Source,
    schema: SchemaLike,
    out: str | os.PathLike[str],
    *,
    on: str | None = None,
    mapping: MappingLike | None = None,
    new: Literal["whole", "leave-out"] = "whole",
    duplicates: Literal["last", "error"] = "last",
    relax_required: bool = False,
    rules: RuleSet | Rules = "strict",
    strict: bool = False,
    max_loss: float = MAX_LOSS,
    format: Format = "parquet",
    max_bytes: int | None = None,
    max_records: int = MAX_RECORDS,
    csv: CsvOptions | None = None,
    excel: ExcelOptions | None = None,
    jobs: int | None = None,
    overwrite: bool = False,
    effects: int | None = None,
    on_start: Callable[[Stream], None] | None = None,
    on_chunk: Callable[[Chunk], None] | None = None,
    on_part: Callable[[File], None] | None = None,
) -> PatchResult:
    """Write a Profile patch: parts, `manifest.json`, and lists of what a patch cannot do.

    Args:
        before: the earlier snapshot; None if `after` holds changes only (id and changed columns).
        after: the later snapshot, or the changes.
        schema: a Schema or a path; of record data, such as profiles.
        out: the folder; with more than `max_records` records it has one folder for each batch, to be sent in order.
        on: path of the key; None takes the primary identity.
        mapping: maps both snapshots; None if they are XDM records already.
        new: ``whole`` sends records that `before` does not have, ``leave-out`` does not.
        duplicates: of several records with one key the ``last`` counts, or it is an ``error``.
        relax_required: neither repeat nor ask for the fields that the schema requires.
        rules: what the records of the patch are checked by.
        strict: a value that does not fit its destination's type sets its row aside.
        max_loss: as for :func:`diff`; see :attr:`PatchResult.excessive`.
        format: ``parquet``, or ``json`` (see :data:`JSON_WARNING`).
        max_bytes: limit of a part.
        max_records: limit of a batch.
        csv: how CSV sources are written.
        excel: which sheet of an Excel book is read, and where its header is.
        jobs: worker threads; None means one per core.
        overwrite: replace another run's output in `out`.
        effects: look at what the patch does to the profiles that are there, and keep so many of the first records as
            they were, for a preview; None does not.
        on_start: called with `after` (and the size of both) before the first row.
        on_chunk: called with each chunk that is read.
        on_part: called with the manifest's entry of each part when it is complete.

    Returns:
        Counts, manifests and report.

    Raises:
        UsageError, SourceError, SchemaError, MappingError: before the first row.
        DataError: a key occurs twice, and that was said to be an error; nothing was written.
        OutputError: the folder cannot be used, or the disk refuses.

    Examples:
        >>> def city(name):
        ...     ids = {"CRMID": [{"id": "7", "primary": True}]}
        ...     return {"homeAddress": {"city": name}, "identityMap": ids}
        >>> key = "identityMap.CRMID[0].id"
        >>> done = xp.write_patch([city("Bonn")], [city("Berlin")], schema, "moved/", on=key)
        >>> done.counts.changed, done.manifests[0].written
        (1, 1)
    """
    started = time.perf_counter()
    if format not in ("parquet", "json"):
        raise UsageError(f"a patch is written as parquet or json, not {format!r}.")
    check_max_loss(max_loss)
    if max_records < 1:
        raise UsageError(f"max_records is {max_records}; give at least 1.")
    plan = _plan(schema, mapping, rules, strict)
    made = plan.schema
    options = DiffOptions(on, new, duplicates, relax_required)
    write = write_options(made, format=format, max_bytes=max_bytes)
    early = None if before is None else _side(before, plan, on, csv, excel)
    late = _side(after, plan, on, csv, excel)
    ingested, sent = _checks(plan, options)
    prints = {"before": None if early is None else fingerprint(before, early.stream),
              "after": fingerprint(after, late.stream)}  # fmt: skip
    key = plan.key(write, prints, excel, patch=True, options=asdict(options), maxRecords=max_records)
    name = late.stream.name
    folder = OutputFolder(out, key, overwrite)
    sides = [side for side in (early, late) if side is not None]
    sizes = [side.stream.total_bytes for side in sides]
    size = None if None in sizes else sum(size or 0 for size in sizes)
    with folder.all_or_nothing():
        if size is not None and size > MEMORY_BYTES:
            folder.need(size, "comparing these snapshots")
        if on_start is not None:
            on_start(replace(late.stream, total_bytes=size))
        patch = diff_streams(
            early, late, made, options, ingested, sent, scratch=folder.path, jobs=jobs, on_chunk=on_chunk,
            effects=effects,
        )  # fmt: skip
        notes = [
            made.profile_warning,
            *array_warnings(mapping),
            *(note for side in sides for note in side.stream.notes),
        ]
        lost = patch.values.table(lost_only=True)
        report = Report(name, cap=KEPT_FINDINGS, origins=late.stream.origins, notes=notes)
        source = {"name": name, **({} if early is None else {"before": early.stream.name}), "key": patch.key,
                  "counts": asdict(patch.counts), "fields": patch.fields}  # fmt: skip

        def add(chunk: Chunk) -> None:
            # the values are those of the whole records, not of what changed
            count_chunk(report, replace(chunk, tally=None))

        manifests = []
        batches = _batches(patch, max_records, folder, key)
        for number, (target, part) in enumerate(batches, 1):
            place = {"batch": number, "batches": len(batches)} if len(batches) > 1 else {}
            done = write_stream(part, target, write, jobs=jobs, on_chunk=add, on_part=on_part)
            about: Any = {"source": source | place, "schema": made.about, "values": lost, "upsert": True}
            manifests.append(manifest_of(done, write, target.path, **about))
        _write_lists(patch, folder.path)
        for manifest in manifests:
            manifest.save(manifest.folder or folder.path)
        for target, _ in batches:
            target.mark("finished", {"counts": asdict(patch.counts)})
        folder.mark("finished", {
            "counts": asdict(patch.counts), "values": patch.values.table(), "lackingValues": patch.values.rows,
            "maxLoss": max_loss, "batches": len(manifests),
        })  # fmt: skip
    timed(report).values.merge(patch.values)
    seconds = time.perf_counter() - started
    return PatchResult(
        patch.counts, patch.fields, tuple(manifests), folder.path, report, patch.key, seconds,
        patch.effects, patch.values.excessive(max_loss),
    )  # fmt: skip


def write_trial(result: PatchResult, schema: Schema, out: Path) -> tuple[Manifest, Manifest, pa.StructArray]:
    """Write the first records of a patch, whose effects were looked at, for a trial.

    Gives the manifests of the records as they were, in the folder `former` of `out`, and as they are sent, in `patch`;
    and the records as they are sent, of the type of ``result.effects.before``.
    """
    assert result.effects is not None  # noqa: S101 (the caller requested them)
    effects = result.effects
    leaves = tuple(Leaf((part.name,), part.type) for part in effects.shape)
    were = [
        row_chunk(pa.RecordBatch.from_struct_array(there), leaves)
        for part in effects.before if len(there := part.drop_null())
    ]  # fmt: skip
    are: list[Chunk] = []
    left = effects.kept
    files = [os.fspath((made.folder or Path()) / file.name) for made in result.manifests for file in made.files]
    for chunk in _side(files, Assembly(schema)).stream:  # as one source: all have the same leaves
        few = chunk.where(np.arange(len(chunk)) < left)
        left -= len(few)
        are += [replace(few, issues=(), unread=(), consumed=len(few))] if len(few) else []
        if not left:
            break
    manifests = []
    for name, chunks, upsert in (("former", were, False), ("patch", are, True)):
        format = result.manifests[0].format if upsert else "json"
        made = chunks[0].leaves if chunks else leaves
        stream = Stream(partial(iter, chunks), (), made, nested_schema(made))
        folder = OutputFolder(out / name, {"trial": True})
        options = WriteOptions(format=cast(Format, format))
        done = write_stream(stream, folder, options, jobs=0)
        about: Any = {"source": {"name": "trial"}, "schema": schema.about, "upsert": upsert}
        manifests.append(manifest_of(done, options, folder.path, **about))
        manifests[-1].save(folder.path)
    sent = pa.concat_arrays([chunk.nested(effects.shape).to_struct_array() for chunk in are])
    return manifests[0], manifests[1], sent


def _plan(schema: SchemaLike, mapping: MappingLike | None, rules: RuleSet | Rules, strict: bool) -> Assembly:
    """Schema, mapping and rules of both snapshots."""
    made = as_schema(schema)
    refuse_events(made)
    return Assembly(made, None if mapping is None else as_mapping(mapping), rules, strict)


def _side(
    source: Any, plan: Assembly, on: str | None = None, csv: CsvOptions | None = None,
    excel: ExcelOptions | None = None,
) -> Side:  # fmt: skip
    """A snapshot as records: mapped, or taken as they are."""
    schema, whole = plan.schema, plan.mapping
    read = open_source(source, csv, excel)
    pandas = sys.modules.get("pandas")
    resident = isinstance(source, pa.Table) or (pandas is not None and isinstance(source, pandas.DataFrame))
    if whole is None:
        return _as_it_is(whole_records(read), schema, resident)
    read = with_what_is_read(read, whole, schema)
    stream = plan.records(read)
    if whole.options.group_by or not _repeatable(whole):
        return Side.of(stream)
    mapped = stream.steps[-1]
    key = key_of(schema, on)
    primary = primary_of(schema)
    part = _of_keys(whole, [key.path])
    if not len(part):
        raise UsageError(
            f"{whole.name or 'the mapping'} maps nothing to the key ({key.name}), so it is unknown whose a record is. "
            f"Map a value to it, or name another key with {option('on')}."
        )
    if primary is not None:
        part = _of_keys(whole, [key.path, primary.path])
    keyed = compile_mapping(part, read.arrow_schema, schema)
    return Side(read, stream.leaves, stream.arrow_schema, mapped, keyed, resident)


def join_key(source: Stream, plan: Assembly, on: str | None) -> tuple[Stream, Key]:
    """The rows of a snapshot as records with the fields of their key alone, and the key; for engines that join by it.

    Raises:
        UsageError: the key at the path `on` is not the primary identity, so records of other keys could be the same
            profile.
    """
    side = _side(source, plan, on)
    key, primary = key_of(plan.schema, on), primary_of(plan.schema)
    if primary is not None and not as_good_as(key, primary, side.leaves):
        raise UsageError(
            f"the key {key.name} is not the primary identity ({primary.name}), and rows are spread by one key. "
            "Leave the key out, or compare with xp.diff."
        )
    return (side.as_records().stream if side.keyed is None else side.stream.then(side.keyed)), key


def _as_it_is(read: Stream, schema: Schema, resident: bool) -> Side:
    """The side of a source of XDM records, their values brought to the types of the schema."""
    fields = [(leaf.type, _field(schema, leaf.path)) for leaf in read.leaves]
    if all(field is not None and kind.equals(field.arrow_type) for kind, field in fields):
        return Side.of(read, resident)
    names = list(dict.fromkeys(str(leaf.path[0]) for leaf in read.leaves))
    places = {name: format_path((name,)) if name in schema.columns else name for name in names}
    unknown = [name for name, place in places.items() if _field(schema, place) is None]
    if unknown:
        raise MappingError(
            f"{read.name}: the columns {', '.join(map(repr, unknown[:5]))} are not fields of {schema.name}, so these "
            f"are no XDM records. Give the mapping set that makes records of them ({option('mapping')})."
        )
    same = {place: {"column": name} for name, place in places.items()}
    return Side.of(map_stream(read, MappingSet(same), schema, strict=True))


def _field(schema: Schema, place: str | Steps) -> Field | None:
    """The field of a schema at a place; None if there is none."""
    try:
        return schema.find(place)
    except SchemaError:
        return None


def partial_arrays(mapping: Any) -> list[str]:
    """Arrays that a mapping makes of single elements (``tags[0]``); an upsert replaces the whole array by these."""
    found = []
    for destination in as_mapping(mapping):
        steps = parse_path(destination)
        index = next((at for at, step in enumerate(steps) if isinstance(step, int)), None)
        if index is not None and steps[0] != "identityMap":
            found.append(format_path(steps[:index]))
    return list(dict.fromkeys(found))


def array_warnings(mapping: Any) -> list[str]:
    """A sentence for each mapping that requests a way of merging arrays, which a batch of upserts does not have."""
    if mapping is None:
        return []
    return [
        f"{item.destination}: {found[0]} has no effect in a batch patch: the platform replaces the whole array by the "
        "mapped one. Map the complete array, or send this field by streaming."
        for item in as_mapping(mapping).mappings
        if isinstance(item.source, str) and (found := _ARRAY_MERGE.search(item.source))
    ]


#: Functions that say how Profile merges an array, for streaming.
_ARRAY_MERGE = re.compile(r"\bupsert_array_(?:append|replace)\b")


def _repeatable(mapping: MappingSet) -> bool:
    """Whether equal rows always make equal records: nothing asks clock or chance, no function of the caller's own."""
    volatile = "|".join(re.escape(name) for name, entry in functions().items() if entry.availability == "volatile")
    asks = re.compile(rf"\b(?:{volatile})\s*\(")
    return not any(item.kind == "callable" or asks.search(item.text) for item in mapping.mappings)


def _of_keys(mapping: MappingSet, paths: list[Steps]) -> MappingSet:
    """The part of `mapping` that the keys at `paths` depend on."""
    tops = [tuple(takewhile(lambda step: isinstance(step, str), path)) for path in paths]
    part = mapping.copy()
    for destination in list(part):
        steps = parse_path(destination)
        if not any(steps[:shared] == names[:shared] for names in tops for shared in [min(len(steps), len(names))]):
            del part[destination]
    return part


def _checks(plan: Assembly, options: DiffOptions) -> tuple[Checks, Checks]:
    """The checks of whole records, by what the platform is documented to refuse, and of the records of the patch."""
    sent = Rules.of(plan.rules)
    ingested = Rules.of("batch", dict.fromkeys(SKIPPED, "error"))
    if options.relax_required:
        sent, ingested = (Rules.of(chosen, {"required": "off"}) for chosen in (sent, ingested))
    of = partial(compile_checks, plan.schema)
    return partial(of, rules=ingested), partial(of, rules=sent)


def _batches(patch: Patch, most: int, folder: OutputFolder, key: dict[str, Any]) -> list[tuple[OutputFolder, Stream]]:
    """The patch as one stream for each batch, and the folder of each: the output folder itself if one is enough."""
    if patch.records <= most:
        return [(folder, patch.with_set_aside())]
    count = -(-patch.records // most)
    return [
        (OutputFolder(folder.path / f"batch-{number + 1:05}", {**key, "batch": number}, overwrite=True),
         replace(patch, source=partial(_slice, patch, number * most, most, number + 1 == count), steps=()))
        for number in range(count)
    ]  # fmt: skip


def _slice(patch: Patch, start: int, most: int, last: bool) -> Iterator[Chunk]:
    """The chunks of records `start` to `start` + `most`; a row that is set aside goes with the record before it."""
    count = 0
    for chunk in patch.with_set_aside().chunks():
        good = ~chunk.faulty()
        place = count + np.cumsum(good) - good  # records before each row
        count += int(good.sum())
        inside = (place >= start) & ((place < start + most) | last)
        lost = chunk.unread if last else ()
        if not inside.any() and not lost:
            if count >= start + most and not last:
                return
            continue
        rows = chunk.rows[inside]
        issues = tuple(part for item in chunk.issues if (part := _of_rows(item, rows, chunk.rows)) is not None)
        yield replace(chunk.where(inside), issues=issues, unread=lost, consumed=len(rows) + len(lost))


def _of_rows(finding: Finding, rows: Any, all_rows: Any) -> Finding | None:
    """The part of a finding about `rows`, or about rows that the chunk does not have but that stand near them."""
    if not len(rows):
        return None
    near = all_rows[np.minimum(np.searchsorted(all_rows, finding.rows), len(all_rows) - 1)]
    return finding.where(np.isin(near, rows))


def _write_lists(patch: Patch, folder: Path) -> None:
    """`vanished.csv` and `cannot-clear.jsonl`, where there is something to list."""
    vanished, cleared = patch.lists()
    if patch.counts.vanished:
        with whole_file(folder / VANISHED) as out:
            for number, batch in enumerate(vanished):
                arrow_csv.write_csv(escape_cells(batch), out, arrow_csv.WriteOptions(include_header=number == 0))
    if patch.counts.cannot_clear:
        with whole_file(folder / CANNOT_CLEAR) as out:
            for batch in cleared:
                for record in batch.to_pylist():
                    out.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")
