"""Two snapshots of one source to the upsert records that make one of the other.

Both are read once, a piece at a time.  A hash join on digests leaves the candidates: keys that are new, changed,
there more than once, or tied to another key by a primary identity.  Only these are looked at, block by block, on their
values, and put aside until the fields that the whole patch touches are known.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path as FilePath

from ..core.stream import Chunk
from ..errors import UsageError
from ..schema import Schema
from .blocks import Blocks, DiffOptions
from .join import Entries, circles, join
from .keys import Key, as_good_as, key_of, primary_of
from .result import Patch
from .snapshot import Snapshot
from .snapshot_source import Checks, Side, comparable_sides


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
    threads = os.cpu_count() or 1 if jobs is None else jobs
    key = key_of(schema, options.on)
    if before is not None:
        before, after = comparable_sides(before, after, schema)
    elif after.keyed is None:
        after = after.as_records()
    primary = primary_of(schema)
    sides = [side for side in (before, after) if side is not None]
    if primary is not None and all(as_good_as(key, primary, side.leaves) for side in sides):
        primary = None
    early = None if before is None else _snapshot(before, key, primary, scratch)
    late = _snapshot(after, key, primary, scratch)
    leaves = [*after.stream.leaves]
    if early is not None and before is not None:
        here = {leaf.path for leaf in leaves}
        leaves += [leaf for leaf in before.stream.leaves if leaf.path not in here]
        early.read(leaves, threads, on_chunk)
    late.read(leaves, threads, on_chunk)
    entries, identities = (Entries(), Entries()) if early is None else (early.entries, early.identities)
    tied = None if primary is None else circles(identities, late.identities)
    found = join(entries, late.entries, tied)
    work = Blocks(schema, key, primary, options, ingested, sent, before, after, early, late, found, scratch, effects)
    return work.patch(threads)


def _snapshot(side: Side, key: Key, primary: Key | None, scratch: FilePath | None) -> Snapshot:
    return Snapshot(side.stream, key, primary, side.keyed, side.resident, scratch)


def refuse_events(schema: Schema) -> None:
    """Raise UsageError if the records of `schema` are no profiles."""
    if schema.behavior != "record":
        what = "ExperienceEvents" if schema.behavior == "time-series" else "ad-hoc records"
        raise UsageError(
            f"{schema.name} is a schema of {what} ({schema.behavior}); only record data such as profiles can be "
            "patched by upsert. Events are ingested as they are: use `prepare`."
        )
