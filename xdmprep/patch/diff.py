"""Two snapshots of one source to the upsert records that make one of the other.

Both are read once, a piece at a time.  A hash join on digests leaves the candidates: keys that are new, changed,
or there more than once.  Only these are looked at, block by block, on their values: whole records are checked first,
so that a row which the platform would refuse takes part on neither side; then the patch of each is worked out, checked
as it will be sent, and put aside until the fields that the whole patch touches are known.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial, reduce
from pathlib import Path as FilePath
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import DataError, UsageError, did_you_mean
from ..flow import Chunk, Finding, Stream, Unread, issue_table, ordered
from ..leaves import Leaf, conform, nest, valid
from ..paths import Path
from ..schema import Schema
from .delta import Cleared, Delta, struct_of
from .join import Candidates, Entries, Positions, join
from .keys import Key, key_of, primary_of
from .shape import leaf_paths, narrowed, reached, restated, touched
from .snapshot import Routed, Snapshot
from .spool import Spool, packed

#: Keys of one block of candidates.
BLOCK_KEYS = 16_384

Step = Callable[[Chunk], Chunk]
#: Gives a step that adds the findings of a schema's rules to chunks of these leaves.
Checks = Callable[[tuple[Leaf, ...]], Step]

VANISHED = pa.schema([("row", pa.int64()), ("key", pa.string())])
CANNOT_CLEAR = pa.schema(
    [("row", pa.int64()), ("key", pa.string()), ("path", pa.string()), ("value", pa.string())]
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Options:
    """How two snapshots are compared.

    Attributes:
        on: path of the key; None takes the primary identity.
        new: ``whole`` sends records that were not there before, ``leave-out`` does not.
        duplicates: of several records with one key the ``last`` counts (with a warning), or it is an ``error``.
        relax_required: neither send nor ask for the fields that the schema requires.
    """

    on: str | None = None
    new: Literal["whole", "leave-out"] = "whole"
    duplicates: Literal["last", "error"] = "last"
    relax_required: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no option."""
        for name, known in (("new", ("whole", "leave-out")), ("duplicates", ("last", "error"))):
            value = getattr(self, name)
            if value not in known:
                raise UsageError(f"{name}={value!r}: expected {' or '.join(known)}.{did_you_mean(str(value), known)}")


@dataclass(slots=True)
class Counts:
    """What a comparison found.

    `after` == `unchanged` + `changed` + `new` + `left_out` + `superseded` + `set_aside`, where records of which nothing
    but removals remains count as unchanged.

    Attributes:
        before, after: source rows of both snapshots.
        unchanged, changed, new: records.
        left_out: new records that were not wanted.
        superseded: records of the later snapshot that a later one with the same key replaces.
        set_aside: rows of the later snapshot with faults.
        vanished: keys that the later snapshot does not have.
        cannot_clear: values that are gone and cannot be taken away.
        before_unusable: rows of the earlier snapshot without a key, or that could not be read.
    """

    before: int = 0
    after: int = 0
    unchanged: int = 0
    changed: int = 0
    new: int = 0
    left_out: int = 0
    superseded: int = 0
    set_aside: int = 0
    vanished: int = 0
    cannot_clear: int = 0
    before_unusable: int = 0


@dataclass(frozen=True)
class Patch(Stream):
    """A stream of upsert records, all of them good; rows are those of the later snapshot.

    Attributes:
        counts: what the comparison found.
        key: name of the key.
    """

    counts: Counts = field(default_factory=Counts)
    key: str = ""
    _vanished: Spool | None = field(default=None, repr=False)
    _cleared: Spool | None = field(default=None, repr=False)

    def run(self, last: Callable[[Chunk], Any] | None = None, jobs: int | None = None) -> Iterator[tuple[Chunk, Any]]:
        """All chunks in order, each with what `last` made of it; row numbers are absolute from the start."""

        def work(piece: Any) -> tuple[Chunk, Any]:
            chunk: Chunk = reduce(lambda value, step: step(value), self.steps, piece)
            return chunk, last(chunk) if last else None

        return ordered(work, self.source(), os.cpu_count() or 1 if jobs is None else jobs)

    @property
    def records(self) -> int:
        """How many records the patch has."""
        return self.counts.changed + self.counts.new

    @property
    def fields(self) -> list[str]:
        """The fields of the patch; arrays and maps count as one."""
        return [".".join(str(step) for step in path) for path in leaf_paths(self.arrow_schema)]

    def with_set_aside(self) -> Patch:
        """The same patch with the rows that are set aside among its records, for a writer that tells them apart."""
        return replace(self, steps=tuple(step for step in self.steps if step is not _good))

    @property
    def issues(self) -> pa.Table:
        """Every finding about the rows that the patch is made of, those set aside included."""
        chunks = list(self.with_set_aside().chunks())
        unread = [Finding.of(item.code, "", item.message, [item.row]) for chunk in chunks for item in chunk.unread]
        return issue_table([*(finding for chunk in chunks for finding in chunk.issues), *unread])

    @property
    def vanished(self) -> pa.Table:
        """Keys that the later snapshot does not have, with their row in the earlier one; an upsert cannot delete."""
        return pa.Table.from_batches(batches(self._vanished), VANISHED)

    @property
    def cannot_clear(self) -> pa.Table:
        """Values that are gone: row of the later snapshot, key, path, former value; an upsert cannot clear a field."""
        return pa.Table.from_batches(batches(self._cleared), CANNOT_CLEAR)

    def lists(self) -> tuple[Iterator[pa.RecordBatch], Iterator[pa.RecordBatch]]:
        """The batches of `vanished` and of `cannot_clear`, one at a time."""
        return batches(self._vanished), batches(self._cleared)


def batches(spool: Spool | None) -> Iterator[pa.RecordBatch]:
    """All batches of a spool."""
    return (spool.batch(number) for number in range(len(spool))) if spool is not None else iter(())


@dataclass(frozen=True)
class Side:
    """One snapshot to be read: its rows, and how they become records.

    Attributes:
        stream: the rows; records already, if `mapped` is None.
        mapped: makes records of rows; the same rows always make the same records.
        keyed: makes the fields of the key alone, which is cheaper than all; None if `mapped` has to.
        leaves: of the records.
        arrow_schema: of the records.
        resident: the rows are in memory anyway, as those of a DataFrame are.
    """

    stream: Stream
    leaves: tuple[Leaf, ...]
    arrow_schema: pa.Schema
    mapped: Step | None = None
    keyed: Step | None = None
    resident: bool = False

    @classmethod
    def of(cls, stream: Stream, resident: bool = False) -> Side:
        """The side of a stream of records."""
        return cls(stream, stream.leaves, stream.arrow_schema, resident=resident)

    def as_records(self) -> Side:
        """The same side with all its rows made records at once."""
        if self.mapped is None:
            return self
        return Side.of(self.stream.then(self.mapped, self.leaves, self.arrow_schema))


def diff_streams(
    before: Side | None,
    after: Side,
    schema: Schema,
    options: Options,
    ingested: Checks,
    sent: Checks,
    *,
    scratch: FilePath | None = None,
    jobs: int | None = None,
    on_chunk: Callable[[Chunk], None] | None = None,
) -> Patch:
    """The patch that makes the records of `before` those of `after`.

    Args:
        before: the earlier snapshot; None means that nothing is known of it, so all that `after` has is sent.
        after: the later snapshot.
        schema: of the records.
        options: how they are compared.
        ingested: the rules by which the platform takes a whole record; one that breaks them takes part on no side.
        sent: the rules for the records of the patch.
        scratch: folder for what does not fit into memory; None takes the system's.
        jobs: worker threads; None means one per core.
        on_chunk: called with each chunk that is read, of both snapshots.

    Raises:
        UsageError: the schema's records cannot be patched, or the key is none of its fields.
        DataError: a key occurs twice, and that was said to be an error.
    """
    refuse_events(schema)
    threads = os.cpu_count() or 1 if jobs is None else jobs
    key = key_of(schema, options.on)
    if before is not None:
        before, after = _comparable_sides(before, after, schema)
    elif after.keyed is None:
        after = after.as_records()
    early = Snapshot(before.stream, key, before.keyed, before.resident, scratch) if before is not None else None
    late = Snapshot(after.stream, key, after.keyed, after.resident, scratch)
    leaves = [*after.stream.leaves]
    if early is not None and before is not None:
        here = {leaf.path for leaf in leaves}
        leaves += [leaf for leaf in before.stream.leaves if leaf.path not in here]
        early.read(leaves, threads, on_chunk)
        late.read(leaves, threads, on_chunk)
        found = join(early.entries, late.entries)
    else:
        late.read(leaves, threads, on_chunk)
        found = join(Entries(), late.entries)
    work = _Blocks(schema, key, options, ingested, sent, before, after, early, late, found, scratch)
    return work.patch(threads)


def refuse_events(schema: Schema) -> None:
    """Raise UsageError if the records of `schema` are no profiles."""
    if schema.behavior != "record":
        what = "ExperienceEvents" if schema.behavior == "time-series" else "ad-hoc records"
        raise UsageError(
            f"{schema.name} is a schema of {what} ({schema.behavior}); only record data such as profiles can be "
            "patched by upsert. Events are ingested as they are: use `prepare`."
        )


def _comparable_sides(before: Side, after: Side, schema: Schema) -> tuple[Side, Side]:
    """Both sides so that equal columns mean equal records.

    Rows are compared before they are mapped where that is enough: the same flat columns on both sides.  Then only the
    keys, and what changed, are mapped at all.
    """
    if before.keyed is None or after.keyed is None or not _same_flat_columns(before.stream, after.stream):
        before, after = before.as_records(), after.as_records()
        if not _comparable(before.leaves, after.leaves):
            before, after = (Side.of(_nested(side.stream, schema)) for side in (before, after))
    return before, after


def _same_flat_columns(before: Stream, after: Stream) -> bool:
    early, late = ({leaf.path: leaf.type for leaf in stream.leaves} for stream in (before, after))
    return early == late and not any(pa.types.is_nested(kind) for kind in late.values())


def _comparable(before: tuple[Leaf, ...], after: tuple[Leaf, ...]) -> bool:
    """Whether leaves of equal path mean the same on both sides: no leaf lies inside a leaf of the other side."""
    early, late = ({leaf.path: leaf.type for leaf in leaves} for leaves in (before, after))
    for one, other in ((early, late), (late, early)):
        for path, kind in one.items():
            if path in other:
                if not other[path].equals(kind):
                    return False
            elif any(path[:steps] in other for steps in range(1, len(path))):
                return False
    return True


def _nested(stream: Stream, schema: Schema) -> Stream:
    """The stream with one leaf for each top-level field."""
    arrow_schema = reached(schema.arrow_schema, stream.leaves)
    leaves = tuple(Leaf((part.name,), part.type) for part in arrow_schema)
    return stream.then(partial(_nest_chunk, arrow_schema=arrow_schema, leaves=leaves), leaves, arrow_schema)


def _nest_chunk(chunk: Chunk, arrow_schema: pa.Schema, leaves: tuple[Leaf, ...]) -> Chunk:
    return replace(chunk, leaves=leaves, records=chunk.nested(arrow_schema))


#: Numbers of the records and of their source in the spool, row numbers, findings.
_Piece = tuple[int, int, Positions, tuple[Finding, ...]]


@dataclass
class _Made:
    """One block's part of the patch."""

    data: pa.Buffer | None
    source: pa.Buffer | None
    rows: Positions
    findings: list[Finding]
    fields: set[Path]
    cleared: pa.RecordBatch | None
    vanished: pa.RecordBatch | None
    counts: dict[str, int]


class _Blocks:
    """Looks at the candidates, a block of keys at a time."""

    def __init__(
        self,
        schema: Schema,
        key: Key,
        options: Options,
        ingested: Checks,
        sent: Checks,
        before: Side | None,
        after: Side,
        early: Snapshot | None,
        late: Snapshot,
        found: Candidates,
        scratch: FilePath | None,
    ) -> None:
        self.schema, self.key, self.options = schema, key, options
        self.early, self.late, self.found, self.scratch = early, late, found, scratch
        sides = [after] if before is None else [after, before]
        self.shape = reached(schema.arrow_schema, [leaf for side in sides for leaf in side.leaves])
        self.make_late = after.mapped
        self.make_early = None if before is None else before.mapped
        self.struct = pa.struct(list(self.shape))
        self.leaves = tuple(Leaf((part.name,), part.type) for part in self.shape)
        self.primary = primary_of(schema)
        self.always = frozenset(item.top for item in (key, self.primary) if item is not None)
        self.always = frozenset(path if path[0] != "identityMap" else path[:1] for path in self.always)
        self.check_late = ingested(after.leaves)
        self.check_early = None if before is None else ingested(before.leaves)
        self.check_patch = sent(self.leaves)

    def patch(self, jobs: int) -> Patch:
        """The whole patch."""
        late, found = self.late, self.found
        keyless = np.concatenate([np.empty(0, np.int64), *late.keyless])
        after = np.concatenate([found.after, keyless])
        group = np.concatenate([found.after_group, keyless])
        groups = np.unique(group)
        blocks = -(-len(groups) // BLOCK_KEYS)
        late_rows = late.gather(after, np.searchsorted(groups, group) // BLOCK_KEYS, jobs)
        early_rows: Routed | None = None
        if self.early is not None:
            numbers = np.searchsorted(groups, found.before_group) // BLOCK_KEYS
            early_rows = self.early.gather(found.before, numbers, jobs)
        counts = Counts(after=late.rows_read, unchanged=found.unchanged, set_aside=len(late.unread))
        kept, gone, clears = Spool(self.scratch), Spool(self.scratch), Spool(self.scratch)
        self._list_vanished(gone, jobs, counts)
        late.close()
        if self.early is not None:
            counts.before = self.early.rows_read
            counts.before_unusable = len(self.early.unread) + sum(map(len, self.early.keyless))
            self.early.close()
        paths: set[Path] = set()
        pieces: list[_Piece] = []
        for made in ordered(lambda n: self._block(n, early_rows, late_rows), iter(range(blocks)), jobs):
            for name, number in made.counts.items():
                setattr(counts, name, getattr(counts, name) + number)
            paths |= made.fields
            for spool, batch in ((gone, made.vanished), (clears, made.cleared)):
                if batch is not None:
                    spool.add(packed(batch))
            if made.data is not None and made.source is not None:
                pieces.append((kept.add(made.data), kept.add(made.source), made.rows, tuple(made.findings)))
        late_rows.close()
        if early_rows is not None:
            early_rows.close()
        shape = narrowed(self.shape, paths or self._identity_fields())
        leaves = tuple(Leaf((part.name,), part.type) for part in shape)
        unread = tuple(late.unread)
        source = partial(_pieces, kept, pieces, unread, self.shape)
        step = partial(_project, shape=shape, leaves=leaves)
        return Patch(source, (step, _good), leaves, shape, late.stream.name, None, counts, self.key.name, gone, clears)

    def _identity_fields(self) -> set[Path]:
        return {path for path in leaf_paths(self.shape) if any(path[: len(top)] == top for top in self.always)}

    def _list_vanished(self, gone: Spool, jobs: int, counts: Counts) -> None:
        if self.early is None or not len(self.found.vanished):
            return
        routed = self.early.gather(self.found.vanished, np.zeros(len(self.found.vanished), np.int64), jobs)
        for chunk in routed.parts(0):
            batch = self._gone(chunk if self.early.keyed is None else self.early.keyed(chunk))
            counts.vanished += batch.num_rows
            gone.add(packed(batch))
        routed.close()

    def _gone(self, chunk: Chunk) -> pa.RecordBatch:
        keys = self.key.texts(chunk)
        codes = pc.dictionary_encode(keys).indices.to_numpy(zero_copy_only=False)
        _, first = np.unique(codes, return_index=True)
        first.sort()
        return pa.RecordBatch.from_arrays([pa.array(chunk.rows[first]), keys.take(pa.array(first))], schema=VANISHED)

    def _block(self, number: int, early_rows: Routed | None, late_rows: Routed) -> _Made:
        chunk = late_rows.block(number)
        assert chunk is not None  # noqa: S101 (blocks are made of the later snapshot's records)
        late = _checked(chunk, self.make_late, self.check_late)
        keys = self.key.texts(late)
        findings = list(late.issues)
        keyless = ~valid(keys)
        if keyless.any():
            text = "the record has no key, so nobody can tell whose it is"
            hint = "Give every row a value for the key, or choose another with --on."
            findings.append(Finding.of("patch-key", self.key.where, text, late.rows[keyless], hint=hint))
        bad = late.faulty() | keyless
        early = None if early_rows is None else early_rows.block(number)
        before_keys = pa.array([], pa.string())
        before_bad = np.zeros(0, dtype=bool)
        if early is not None and self.check_early is not None:
            early = _checked(early, self.make_early, self.check_early)
            before_keys, before_bad = self.key.texts(early), early.faulty()
        codes = pc.dictionary_encode(pa.concat_arrays([before_keys, keys]), null_encoding="encode").indices
        code = codes.to_numpy(zero_copy_only=False).astype(np.int64)
        was, now = code[: len(before_keys)], code[len(before_keys) :]
        size = int(code.max()) + 1 if len(code) else 0
        self._refuse_duplicates(late, keys, now, keyless)
        latest = np.full(size, -1, np.int64)
        latest[now[~bad]] = np.flatnonzero(~bad)  # the last of several assignments stays
        superseded = ~bad & (latest[now] != np.arange(len(now)))
        if superseded.any():
            text = "a later row has the same key and replaces this one"
            which, hint = keys.filter(pa.array(superseded)), "Send one row for each person."
            findings.append(
                Finding.of("patch-duplicate", self.key.where, text, late.rows[superseded], which, hint=hint)
            )
        former = np.full(size, -1, np.int64)
        former[was[~before_bad]] = np.flatnonzero(~before_bad)
        chosen = np.flatnonzero(~bad & ~superseded)
        match = former[now[chosen]] if size else np.empty(0, np.int64)
        counts = {"superseded": int(superseded.sum())}
        if self.options.new == "leave-out":
            counts["left_out"] = int((match < 0).sum())
            chosen, match = chosen[match >= 0], match[match >= 0]
        vanished = None
        if early is not None:
            unmet = np.flatnonzero(~np.isin(was, now))
            if len(unmet):
                vanished = self._gone(_some(early, unmet))
                counts["vanished"] = vanished.num_rows
        made = self._compare(early, late, keys, chosen, match, bad, findings, counts)
        made.vanished = vanished
        return made

    def _compare(
        self,
        early: Chunk | None,
        late: Chunk,
        keys: pa.Array,
        chosen: Positions,
        match: Positions,
        bad: np.ndarray[Any, np.dtype[np.bool_]],
        findings: list[Finding],
        counts: dict[str, int],
    ) -> _Made:
        whole = self._whole(late)
        after = whole.take(pa.array(chosen))
        if early is None:
            before = pa.nulls(len(chosen), self.struct)
        else:
            before = self._whole(early).take(pa.array(match, mask=match < 0))
            moved = self._moved(early, late, chosen, match)
            if moved.any():
                text = "the primary identity is another one than before; an upsert would make a second profile"
                name, hint = self.primary.where if self.primary else "", "Send the record whole, with both identities."
                findings.append(Finding.of("patch-identity", name, text, late.rows[chosen[moved]], hint=hint))
                bad = bad.copy()
                bad[chosen[moved]] = True
                stay = pa.array(~moved)
                before, after, chosen, match = before.filter(stay), after.filter(stay), chosen[~moved], match[~moved]
        delta = Delta()
        sent = delta.records(before, after)
        cleared = self._cleared(delta.cleared, late.rows[chosen], keys.take(pa.array(chosen)))
        sent = restated(sent, after, self.schema.root, self.always, not self.options.relax_required)
        sending = valid(sent)
        faulty = np.zeros(len(sent), dtype=bool)
        if sending.any():
            kept = np.flatnonzero(sending)
            records = pa.RecordBatch.from_struct_array(sent.take(pa.array(kept)))
            checked = self.check_patch(Chunk(self.leaves, records, late.rows[chosen[kept]]))
            findings += checked.issues
            faulty[kept] = checked.faulty()
        new = match < 0
        counts["unchanged"] = int((~sending).sum())
        counts["changed"] = int((sending & ~faulty & ~new).sum())
        counts["new"] = int((sending & ~faulty & new).sum())
        bad = bad.copy()
        bad[chosen[faulty]] = True
        counts["set_aside"] = int(bad.sum())
        counts["cannot_clear"] = 0 if cleared is None else cleared.num_rows
        good = np.flatnonzero(sending & ~faulty)
        records = sent.take(pa.array(good))
        positions = np.concatenate([chosen[good], np.flatnonzero(bad)])
        order = np.argsort(positions, kind="stable")
        both = pa.concat_arrays([records, whole.filter(pa.array(bad))]).take(pa.array(order))
        rows = late.rows[positions[order]]
        data = shown = None
        if len(rows) or findings:
            data = packed(pa.RecordBatch.from_struct_array(both))
            source = late.source if late.source is not None else pa.RecordBatch.from_struct_array(whole)
            shown = packed(source.take(pa.array(positions[order])))
        return _Made(data, shown, rows, findings, touched(records), cleared, None, counts)

    def _whole(self, chunk: Chunk) -> pa.StructArray:
        records = nest(chunk.leaves, chunk.records, self.shape)
        return struct_of(records.columns, list(self.shape))

    def _moved(self, early: Chunk, late: Chunk, chosen: Positions, match: Positions) -> Any:
        """bool: True where the primary identity is there on both sides, but not the same."""
        if self.primary is None or self.primary == self.key:
            return np.zeros(len(chosen), dtype=bool)
        now = self.primary.texts(late).take(pa.array(chosen))
        was = self.primary.texts(early).take(pa.array(match, mask=match < 0))
        return pc.not_equal(now, was).fill_null(False).to_numpy(zero_copy_only=False)

    def _refuse_duplicates(self, late: Chunk, keys: pa.Array, now: Positions, keyless: Any) -> None:
        if self.options.duplicates != "error":
            return
        codes, counts = np.unique(now[~keyless], return_counts=True)
        twice = codes[counts > 1]
        if len(twice):
            rows = late.rows[(now == twice[0]) & ~keyless]
            key = keys[int(np.flatnonzero(now == twice[0])[0])].as_py()
            raise DataError(
                f"{self.late.stream.name}: {key!r} ({self.key.name}) is in {len(rows)} rows: "
                f"{', '.join(map(str, rows[:5].tolist()))}. A patch has one row for each person: remove the others, "
                "or let the last one win."
            )

    @staticmethod
    def _cleared(found: list[Cleared], rows: Positions, keys: pa.Array) -> pa.RecordBatch | None:
        if not found:
            return None
        records = np.concatenate([item.records for item in found])
        columns = [
            pa.array(rows[records]), keys.take(pa.array(records)),
            pa.concat_arrays([item.paths for item in found]), pa.concat_arrays([item.values for item in found]),
        ]  # fmt: skip
        order = pa.array(np.argsort(rows[records], kind="stable"))
        return pa.RecordBatch.from_arrays(columns, schema=CANNOT_CLEAR).take(order)


def _checked(chunk: Chunk, make: Step | None, check: Step) -> Chunk:
    """The records of rows, with what is wrong with them; warnings of the check are left for what is sent."""
    records = chunk if make is None else make(chunk)
    found = check(replace(records, issues=())).issues
    return replace(records, issues=(*records.issues, *(item for item in found if item.severity == "error")))


def _good(chunk: Chunk) -> Chunk:
    """The chunk without the rows that are set aside."""
    good = ~chunk.faulty()
    issues = tuple(item for item in chunk.issues if item.severity != "error")
    return replace(chunk.where(good), issues=issues, unread=(), consumed=int(good.sum()))


def _some(chunk: Chunk, positions: Positions) -> Chunk:
    return replace(chunk, records=chunk.records.take(pa.array(positions)), rows=chunk.rows[positions])


def _pieces(kept: Spool, pieces: list[_Piece], unread: tuple[Unread, ...], shape: pa.Schema) -> Iterator[Any]:
    for handle, source, rows, findings in pieces:
        yield kept.batch(handle), kept.batch(source), rows, findings, ()
    if unread:
        nothing = pa.RecordBatch.from_pylist([], schema=shape)
        yield nothing, nothing, np.empty(0, np.int64), (), unread


def _project(piece: Any, shape: pa.Schema, leaves: tuple[Leaf, ...]) -> Chunk:
    """A chunk of the patch with the fields of the whole patch."""
    records, source, rows, findings, unread = piece
    columns = [conform(records.column(part.name), part.type) for part in shape]
    if columns:
        narrow = pa.RecordBatch.from_arrays(columns, schema=shape)
    else:
        narrow = pa.RecordBatch.from_struct_array(pa.nulls(len(rows), pa.struct([])))
    return Chunk(leaves, narrow, rows, issues=findings, unread=unread, source=source,
                 consumed=len(rows) + len(unread))  # fmt: skip
