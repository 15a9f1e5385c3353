"""A patch as people get it: a stream of upsert records, with what was counted and what no upsert can do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace

import pyarrow as pa

from ..core.losses import ValueCounts
from ..core.notebook import facts
from ..core.stream import Chunk, Stream, issue_table
from ..errors import UsageError
from .impact import Effects, Preview
from .patch_schema import leaf_paths
from .spill import Spool

VANISHED = pa.schema([("row", pa.int64()), ("key", pa.string())])
CANNOT_CLEAR = pa.schema(
    [("row", pa.int64()), ("key", pa.string()), ("path", pa.string()), ("value", pa.string())]
)  # fmt: skip


@dataclass(slots=True)
class Counts:
    """What a comparison found.

    `after` == `unchanged` + `changed` + `new` + `left_out` + `superseded` + `set_aside`, where records of which nothing
    but removals remains count as unchanged.

    Attributes:
        before, after: source rows of both snapshots; records, where the mapping groups rows.
        merged: where it does, how many more source rows the later snapshot has.
        unchanged, changed, new: records.
        left_out: new records that were not wanted.
        superseded: records of the later snapshot that a later one with the same key or primary identity replaces.
        set_aside: rows of the later snapshot with errors.
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
    merged: int = 0


@dataclass(frozen=True, repr=False)
class Patch(Stream):
    """A stream of upsert records, all of them good; rows are those of the later snapshot.

    Attributes:
        counts: what the comparison found.
        key: name of the key.
        effects: what it does to the profiles that are there; None where nobody asked.
        values: counts of the values written and left out in the records of the later snapshot that were compared; rows
            that are the same in both snapshots, replaced, left out or set aside do not count.
        excessive: destinations that lost a larger share of these values than was allowed, the worst first.
    """

    counts: Counts = field(default_factory=Counts)
    key: str = ""
    effects: Effects | None = field(default=None, repr=False)
    values: ValueCounts = field(default_factory=ValueCounts, repr=False)
    excessive: tuple[str, ...] = ()
    _vanished: Spool | None = field(default=None, repr=False)
    _cleared: Spool | None = field(default=None, repr=False)

    @property
    def records(self) -> int:
        """How many records the patch has."""
        return self.counts.changed + self.counts.new

    @property
    def fields(self) -> list[str]:
        """The fields of the patch; arrays and maps count as one."""
        return [".".join(str(step) for step in path) for path in leaf_paths(self.arrow_schema)]

    def with_set_aside(self) -> Patch:
        """The same patch with the rows that are set aside among its records, for a writer that separates them."""
        return replace(self, steps=tuple(step for step in self.steps if step is not good_only))

    @property
    def issues(self) -> pa.Table:
        """Every finding about the rows that the patch is made of, those set aside included."""
        return issue_table([finding for chunk in self.with_set_aside().chunks() for finding in chunk.findings])

    def __repr__(self) -> str:
        counts = self.counts
        values = f", {self.values}" if self.values.rows else ""
        return (
            f"<Patch {self.name}: {counts.changed:,} changed, {counts.new:,} new, {counts.unchanged:,} unchanged"
            f"{values}>"
        )

    def _repr_html_(self) -> str:
        """Counts; never a customer's value."""
        return facts(repr(self)[1:-1], [("key", self.key), *((name.replace("_", " "), count)
                     for name, count in asdict(self.counts).items() if count)])  # fmt: skip

    def preview(self) -> Preview:
        """What the patch does to the profiles that are there: attribute by attribute, with examples of values.

        Raises:
            UsageError: the patch was made without a look at its effects; :func:`xdmprep.diff` takes one.
        """
        if self.effects is None:
            raise UsageError("the patch was made without a look at its effects. Make it with xp.diff.")
        return self.effects

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


def good_only(chunk: Chunk) -> Chunk:
    """The chunk without the rows that are set aside."""
    good = ~chunk.faulty()
    issues = tuple(item for item in chunk.issues if item.severity != "error")
    return replace(chunk.where(good), issues=issues, unread=(), consumed=int(good.sum()))
