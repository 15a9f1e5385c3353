"""Two snapshots of one source to the upsert records that make one of the other.

Both are read once, a piece at a time.  A hash join on digests leaves the candidates: keys that are new, changed,
there more than once, or tied to another key by a primary identity.  Only these are looked at on their values, a block
of keys at a time, and put aside until the fields that the whole patch touches are known.

Whole records are checked first, so that a row which the platform would refuse takes part on neither side; of several
with one key, or one primary identity, the last good one is taken; then what is to be sent is computed and checked as
it will be sent.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path as FilePath
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..core.losses import Tally, ValueCounts, tally
from ..core.paths import Path
from ..core.pool import ordered
from ..core.shred import Leaf, conform, nest, valid
from ..core.stream import Chunk, Finding, Unread
from ..errors import DataError, UsageError, did_you_mean, option
from ..schema import Schema
from .impact import Effects
from .join import Candidates, Entries, Positions, circles, join
from .keys import as_good_as, key_of, primary_of
from .merge_patch import Cleared, Delta, Mask, struct_of
from .patch_schema import leaf_paths, narrowed, reached, restated, touched
from .result import CANNOT_CLEAR, VANISHED, Counts, Patch, good_only
from .snapshot import Routed, Snapshot
from .snapshot_source import Checks, Side, Step, comparable_sides
from .spill import Spool, packed

#: Keys of one block of candidates.
BLOCK_KEYS = 16_384

#: Numbers of the records and of their source in the spool, row numbers, findings.
_Piece = tuple[int, int, Positions, tuple[Finding, ...]]


@dataclass(frozen=True, slots=True)
class DiffOptions:
    """How two snapshots are compared, as for :func:`xdmprep.diff`."""

    on: str | None = None
    new: Literal["whole", "leave-out"] = "whole"
    duplicates: Literal["last", "error"] = "last"
    relax_required: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no option."""
        for name, known in (("new", ("whole", "leave-out")), ("duplicates", ("last", "error"))):
            value = getattr(self, name)
            if value not in known:
                raise UsageError(f"{name}={value!r}: expected {' or '.join(known)}.{did_you_mean(value, known)}")


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
    effects: Effects | None
    values: Tally


def diff_streams(
    before: Side | None,
    after: Side,
    schema: Schema,
    options: DiffOptions,
    ingested: Checks,
    sent: Checks,
    *,
    scratch: FilePath | None = None,
    jobs: int | None = None,
    on_chunk: Callable[[Chunk], None] | None = None,
    effects: int | None = None,
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
        effects: look at what the patch does to the profiles that are there, and keep so many of the first records as
            they were; None does not.

    Returns:
        The patch, not yet written.

    Raises:
        UsageError: the schema's records cannot be patched, or the key is none of its fields.
        DataError: a key occurs twice, and that was said to be an error.
    """
    refuse_events(schema)
    compared = _Differ(before, after, schema, options, scratch, os.cpu_count() or 1 if jobs is None else jobs)
    return compared.patch(ingested, sent, on_chunk, effects)


def refuse_events(schema: Schema) -> None:
    """Raise UsageError if the records of `schema` are no profiles."""
    if schema.behavior != "record":
        what = "ExperienceEvents" if schema.behavior == "time-series" else "ad-hoc records"
        raise UsageError(
            f"{schema.name} is a schema of {what} ({schema.behavior}); only record data such as profiles can be "
            "patched by upsert. Events are ingested as they are: use `prepare`."
        )


class _Differ:
    """Reads two snapshots, and looks at the candidates, a block of keys at a time."""

    def __init__(
        self, before: Side | None, after: Side, schema: Schema, options: DiffOptions, scratch: FilePath | None,
        jobs: int,
    ) -> None:  # fmt: skip
        self.schema, self.options, self.scratch, self.jobs = schema, options, scratch, jobs
        self.key = key_of(schema, options.on)
        if before is not None:
            before, after = comparable_sides(before, after, schema)
        elif after.keyed is None:
            after = after.as_records()
        self.before, self.after = before, after
        sides = [side for side in (after, before) if side is not None]
        primary = primary_of(schema)
        self.always = frozenset(item.top for item in (self.key, primary) if item is not None)
        self.always = frozenset(path if path[0] != "identityMap" else path[:1] for path in self.always)
        if primary is not None and all(as_good_as(self.key, primary, side.leaves) for side in sides):
            primary = None
        self.primary = primary  # None where the key is as good
        self.early = None if before is None else Snapshot(before, self.key, primary, scratch)
        self.late = Snapshot(after, self.key, primary, scratch, sourced=True)
        self.shape = reached(schema.arrow_schema, [leaf for side in sides for leaf in side.leaves])
        self.struct = pa.struct(list(self.shape))
        self.leaves = tuple(Leaf((part.name,), part.type) for part in self.shape)

    def _read(self, on_chunk: Callable[[Chunk], None] | None) -> Candidates:
        """Read both snapshots, and join them by their digests."""
        early, late = self.early, self.late
        leaves = [*late.stream.leaves]
        entries, identities = Entries(), Entries()
        if early is not None:
            here = {leaf.path for leaf in leaves}
            leaves += [leaf for leaf in early.stream.leaves if leaf.path not in here]
            early.read(leaves, self.jobs, on_chunk)
            entries, identities = early.entries, early.identities
        late.read(leaves, self.jobs, on_chunk)
        tied = None if self.primary is None else circles(identities, late.identities)
        return join(entries, late.entries, tied)

    def patch(
        self, ingested: Checks, sent: Checks, on_chunk: Callable[[Chunk], None] | None, keep: int | None
    ) -> Patch:
        """The whole patch, see :func:`diff_streams`."""
        late, jobs, found = self.late, self.jobs, self._read(on_chunk)
        self.keep = keep
        self.check_late = ingested(self.after.leaves)
        self.check_early = None if self.before is None else ingested(self.before.leaves)
        self.check_patch = sent(self.leaves)
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
        counts = Counts(after=late.rows_read, merged=late.merged, unchanged=found.unchanged, set_aside=len(late.unread))
        kept, gone, clears = Spool(self.scratch), Spool(self.scratch), Spool(self.scratch)
        self._list_vanished(found.vanished, gone, counts)
        late.close()
        if self.early is not None:
            counts.before = self.early.rows_read
            counts.before_unusable = len(self.early.unread) + sum(map(len, self.early.keyless))
            self.early.close()
        paths: set[Path] = set()
        values = ValueCounts()
        pieces: list[_Piece] = []
        effects = None if self.keep is None else Effects()
        for made in ordered(lambda n: self._block(n, early_rows, late_rows), iter(range(blocks)), jobs):
            for name, number in made.counts.items():
                setattr(counts, name, getattr(counts, name) + number)
            paths |= made.fields
            values.add(made.values)
            if effects is not None and made.effects is not None:
                effects.take(made.effects, self.keep or 0)
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
        source = partial(_pieces, kept, pieces, unread, self.shape, late.grouped)
        step = partial(_project, shape=shape, leaves=leaves)
        return Patch(
            source, (step, good_only), leaves, shape, late.stream.name, origins=late.stream.origins, numbered=True,
            counts=counts, key=self.key.name, effects=effects, values=values, _vanished=gone, _cleared=clears,
        )  # fmt: skip

    def _identity_fields(self) -> set[Path]:
        return {path for path in leaf_paths(self.shape) if any(path[: len(top)] == top for top in self.always)}

    def _list_vanished(self, positions: Positions, gone: Spool, counts: Counts) -> None:
        if self.early is None or self.before is None or not len(positions):
            return
        routed = self.early.gather(positions, np.zeros(len(positions), np.int64), self.jobs)
        for chunk in routed.parts(0):
            batch = self._gone(chunk if self.before.keyed is None else self.before.keyed(chunk))
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
        late = _checked(chunk, self.after, self.check_late)
        keys = self.key.texts(late)
        findings = list(late.issues)
        keyless = ~valid(keys)
        if keyless.any():
            text = "the record has no key, so there is no way to know whose it is"
            hint = f"Give every row a value for the key, or choose another with {option('on')}."
            findings.append(Finding("patch-key", self.key.where, text, late.rows[keyless], hint=hint))
        bad = late.faulty() | keyless
        early = None if early_rows is None else early_rows.block(number)
        before_keys = pa.array([], pa.string())
        before_bad = np.zeros(0, dtype=bool)
        if early is not None and self.before is not None and self.check_early is not None:
            early = _checked(early, self.before, self.check_early)
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
            findings.append(Finding("patch-duplicate", self.key.where, text, late.rows[superseded], which, hint=hint))
        former = np.full(size, -1, np.int64)
        former[was[~before_bad]] = np.flatnonzero(~before_bad)
        chosen = np.flatnonzero(~bad & ~superseded)
        match = former[now[chosen]] if size else np.empty(0, np.int64)
        counts = {"superseded": int(superseded.sum())}
        if self.primary is not None:
            moved = self._moved(early, late, chosen, match)
            if moved.any():
                text = "the primary identity is another one than before; an upsert would make a second profile"
                hint = "Send the record whole, with both identities."
                findings.append(
                    Finding("patch-identity", self.primary.where, text, late.rows[chosen[moved]], hint=hint)
                )
                bad = bad.copy()
                bad[chosen[moved]] = True
                chosen, match = chosen[~moved], match[~moved]
            losing, match = self._shared(early, late, (was, now), before_bad, chosen, match, findings)
            counts["superseded"] += int(losing.sum())
            chosen, match = chosen[~losing], match[~losing]
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
        self, early: Chunk | None, late: Chunk, keys: pa.Array, chosen: Positions, match: Positions, bad: Mask,
        findings: list[Finding], counts: dict[str, int],
    ) -> _Made:  # fmt: skip
        whole = self._whole(late)
        after = whole.take(pa.array(chosen))
        if early is None:
            before = pa.nulls(len(chosen), self.struct)
        else:
            before = self._whole(early).take(pa.array(match, mask=match < 0))
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
            if late.members is not None:  # see _pieces
                source = pa.RecordBatch.from_arrays([*source.columns, late.members], [*source.schema.names, "rows"])
            shown = packed(source.take(pa.array(positions[order])))
        effects = None
        if self.keep is not None:
            were = before.take(pa.array(good))
            effects = Effects.of(were, records, keys.take(pa.array(chosen[good])))
            if self.keep:
                effects.keep(were.slice(0, self.keep))
        unused = np.ones(len(late), dtype=bool)
        unused[chosen[~faulty]] = False
        values = tally(late, unused)
        return _Made(data, shown, rows, findings, touched(records), cleared, None, counts, effects, values)

    def _whole(self, chunk: Chunk) -> pa.StructArray:
        records = nest(chunk.leaves, chunk.records, self.shape)
        return struct_of(records.columns, list(self.shape))

    def _moved(self, early: Chunk | None, late: Chunk, chosen: Positions, match: Positions) -> Mask:
        """bool: True where the primary identity is there on both sides, but not the same."""
        if early is None or self.primary is None:
            return np.zeros(len(chosen), dtype=bool)
        now = self.primary.texts(late).take(pa.array(chosen))
        was = self.primary.texts(early).take(pa.array(match, mask=match < 0))
        return np.asarray(pc.not_equal(now, was).fill_null(False).to_numpy(zero_copy_only=False))

    def _shared(
        self, early: Chunk | None, late: Chunk, keys: tuple[Positions, Positions], before_bad: Mask, chosen: Positions,
        match: Positions, findings: list[Finding],
    ) -> tuple[Mask, Positions]:  # fmt: skip
        """Of records with unlike keys and one primary identity the last is the profile's, in both snapshots.

        Args:
            early, late: the rows of the block.
            keys: number of the key of each early and each late row.
            before_bad: early rows that the platform never took.
            chosen: late rows that count, one for each key, ascending.
            match: the early row that each of them is compared with, -1 for none.
            findings: warnings are added here.

        Returns:
            True for each of `chosen` that another replaces; what each is compared with, by the shared identity.
        """
        assert self.primary is not None  # noqa: S101 (the caller asked)
        texts = self.primary.texts(late).take(pa.array(chosen))
        there = np.flatnonzero(~before_bad)
        formerly = pa.array([], pa.string()) if early is None else self.primary.texts(early).take(pa.array(there))
        both = pa.concat_arrays([formerly, texts])
        code = pc.dictionary_encode(both, null_encoding="encode").indices.to_numpy(zero_copy_only=False).astype(int)
        pairs = np.unique(np.column_stack([code, np.concatenate([keys[0][there], keys[1][chosen]])]), axis=0)
        shared = np.bincount(pairs[:, 0], minlength=len(both)) > 1  # by code: identities of several keys
        shared[code[~valid(both)]] = False
        was, now = code[: len(there)], code[len(there) :]
        here = shared[now]
        if not here.any():
            return here, match
        latest = np.full(len(both), -1, np.int64)
        latest[now] = np.arange(len(now))  # the last of several assignments stays
        losing = here & (latest[now] != np.arange(len(now)))
        if losing.any():
            rows = late.rows[chosen]
            if self.options.duplicates == "error":
                one = int(np.flatnonzero(losing)[0])
                first, second = self._named(rows[[one, latest[now[one]]]])
                raise DataError(
                    f"{self.late.stream.name}: rows {first} and {second} have unlike keys "
                    f"({self.key.name}), but the same {self.primary.name.removeprefix('the ')}. A patch has one record "
                    "for each primary identity: mend the rows, or let the last one win."
                )
            text = "a later row with another key has the same primary identity and replaces this one"
            which, hint = texts.filter(pa.array(losing)), "Send one row for each person."
            findings.append(Finding("patch-duplicate", self.primary.where, text, rows[losing], which, hint=hint))
        former = np.full(len(both), -1, np.int64)
        former[was] = there
        return losing, np.where(here, former[now], match)

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
                f"{', '.join(self._named(rows[:5]))}. A patch has one row for each person: remove the others, "
                "or let the last one win."
            )

    def _named(self, rows: Positions) -> list[str]:
        """Later rows for messages: their numbers, with the file where there are several."""
        if (origins := self.late.stream.origins) is None:
            return [str(row) for row in rows.tolist()]
        files, numbers = origins.of(rows)
        return [f"{number} of {file}" for file, number in zip(files.to_pylist(), numbers.tolist(), strict=True)]

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


def _checked(chunk: Chunk, side: Side, check: Step) -> Chunk:
    """The records of rows, with what is wrong with them; warnings of the check are left for what is sent."""
    records = chunk if side.mapped is None else side.mapped(chunk)
    found = check(replace(records, issues=())).issues
    return replace(records, issues=(*records.issues, *(item for item in found if item.severity == "error")))


def _some(chunk: Chunk, positions: Positions) -> Chunk:
    return replace(chunk, records=chunk.records.take(pa.array(positions)), rows=chunk.rows[positions])


def _pieces(
    kept: Spool, pieces: list[_Piece], unread: tuple[Unread, ...], shape: pa.Schema, grouped: bool
) -> Iterator[Any]:
    """What the chunks of a patch are made of; the last column of a source is that of `members`, where rows are grouped.

    Args:
        kept: the batches.
        pieces: the records and their sources in it, with rows and findings.
        unread: source rows that never became records.
        shape: the fields of the patch.
        grouped: records are made of several rows each.
    """
    for handle, place, rows, findings in pieces:
        source, members = kept.batch(place), None
        if grouped:
            *columns, members = source.columns
            source = pa.RecordBatch.from_arrays(columns, source.schema.names[:-1])
        yield kept.batch(handle), source, members, rows, findings, ()
    if unread:
        nothing, none = pa.RecordBatch.from_pylist([], schema=shape), pa.array([], pa.list_(pa.int64()))
        yield nothing, None, none if grouped else None, np.empty(0, np.int64), (), unread


def _project(piece: Any, shape: pa.Schema, leaves: tuple[Leaf, ...]) -> Chunk:
    """A chunk of the patch with the fields of the whole patch."""
    records, source, members, rows, findings, unread = piece
    columns = [conform(records.column(part.name), part.type) for part in shape]
    if columns:
        narrow = pa.RecordBatch.from_arrays(columns, schema=shape)
    else:
        narrow = pa.RecordBatch.from_struct_array(pa.nulls(len(rows), pa.struct([])))
    return Chunk(leaves, narrow, rows, issues=findings, unread=unread, source=source, members=members,
                 consumed=len(rows) + len(unread))  # fmt: skip
