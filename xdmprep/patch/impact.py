"""What a patch does to the profiles that are there: for each attribute how many get it, how many get another value.

Computed on whole columns beside the comparison itself, so that every record counts, however many there are; only the
examples, and the first records for a trial, are kept.  An upsert takes nothing away, so there is no third number.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..core.notebook import grid, wrap
from ..core.shred import json_value, prune, to_pylist
from ..errors import counted, shorten
from .merge_patch import At, Mask, entries_of, matches_of, present, same

#: Examples of each attribute.
EXAMPLES = 3


@dataclass
class AttributeChange:
    """Profiles that did not have an attribute, or had another value; and some keys, values before and after."""

    added: int = 0
    changed: int = 0
    examples: list[tuple[str, Any, Any]] = field(default_factory=list)

    def take(self, other: AttributeChange) -> None:
        """Add what another part of the patch does."""
        self.added += other.added
        self.changed += other.changed
        self.examples = [*self.examples, *other.examples][:EXAMPLES]


@dataclass(repr=False)
class Preview:
    """What a patch would do.

    Attributes:
        records: records of the patch.
        new: profiles that are not there yet.
        attributes: path -> what happens to it in the other profiles.
        tried: records that an emulator was given as well.
        otherwise: path -> (profiles by our count, profiles in the emulator), where these differ among those tried.
    """

    records: int = 0
    new: int = 0
    attributes: dict[str, AttributeChange] = field(default_factory=dict)
    tried: int = 0
    otherwise: dict[str, tuple[int, int]] = field(default_factory=dict)

    def __repr__(self) -> str:
        attributes = counted(len(self.attributes), "attribute")
        return f"<Preview {counted(self.records, 'record')}: {self.new:,} profiles are new, {attributes}>"

    def _repr_html_(self) -> str:
        changes = sorted(self.attributes.items(), key=lambda item: -(item[1].added + item[1].changed))
        rows = [(path, f"{change.changed:,}", f"{change.added:,}") for path, change in changes]
        return wrap(repr(self)[1:-1], grid(("attribute", "profiles changed", "profiles added"), rows))

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        attributes = {
            path: {
                "added": change.added, "changed": change.changed,
                "examples": [{"profile": who, "before": was, "after": now} for who, was, now in change.examples],
            }
            for path, change in self.attributes.items()
        }  # fmt: skip
        trial = {"records": self.tried, "otherwise": {
            path: {"compared": ours, "emulator": theirs} for path, (ours, theirs) in self.otherwise.items()
        }}  # fmt: skip
        return {"records": self.records, "new": self.new, "attributes": attributes, "trial": trial}

    def __str__(self) -> str:
        records = counted(self.records, "record")
        lines = [f"preview: {records}: {self.new:,} profiles are new, {self.records - self.new:,} change"]
        wide = max(map(len, self.attributes), default=0)
        for path, change in sorted(self.attributes.items(), key=lambda item: -(item[1].added + item[1].changed)):
            counts = {"changed": change.changed, "added": change.added}
            parts = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
            lines.append(f"  {path:{wide}}  {parts}")
            lines += [f"      {who}: {_shown(was)} -> {_shown(now)}" for who, was, now in change.examples]
        if self.tried:
            which = "all" if self.tried == self.records else f"the first {self.tried:,}"
            said = "where the same attributes change"
            if self.otherwise:
                said = "where merged profiles change otherwise, because some hold several records:"
            lines.append(f"trial: {which} were ingested by an emulator, {said}")
            lines += [f"  {path}: {ours:,} compared, {theirs:,} in the emulator"
                      for path, (ours, theirs) in sorted(self.otherwise.items())]  # fmt: skip
        return "\n".join(lines)


@dataclass(repr=False)
class Effects(Preview):
    """What a patch does, as it is counted piece by piece.

    Attributes:
        before: the first records as they were, in order, null where they are new; for a trial.
        kept: how many these are.
    """

    before: list[pa.StructArray] = field(default_factory=list)
    kept: int = 0

    @property
    def shape(self) -> pa.Schema:
        """The fields of `before`."""
        return pa.schema(list(self.before[0].type) if self.before else [])

    @classmethod
    def of(cls, before: pa.StructArray, sent: pa.StructArray, keys: pa.Array) -> Effects:
        """The effects of some records: as they were (null where there was none), as they are sent, and whose."""
        made = cls(len(sent), int(before.null_count))
        there = np.flatnonzero(before.is_valid().to_numpy(zero_copy_only=False))
        if len(there):
            known = pa.array(there)
            _Walk(made.attributes, keys.take(known)).look(
                before.take(known), sent.take(known), At(np.arange(len(there)))
            )
        return made

    def keep(self, before: pa.StructArray) -> None:
        """Keep records as they were."""
        self.before.append(before)
        self.kept += len(before)

    def take(self, other: Effects, keep: int) -> None:
        """Add the effects of the records that follow; at most `keep` former records stay."""
        self.records += other.records
        self.new += other.new
        for path, change in other.attributes.items():
            self.attributes.setdefault(path, AttributeChange()).take(change)
        for part in other.before:
            if self.kept < keep:
                self.keep(part.slice(0, keep - self.kept))


@dataclass
class _Walk:
    """Goes down two arrays of records side by side."""

    found: dict[str, AttributeChange]
    keys: pa.Array

    def look(self, before: pa.Array, sent: pa.Array, at: At) -> None:
        kind = sent.type
        if pa.types.is_struct(kind):
            for part, old, new in zip(kind, before.flatten(), sent.flatten(), strict=True):
                if new.null_count < len(new):
                    self.look(old, new, at.below(part.name))
        elif pa.types.is_map(kind):
            early, late = entries_of(before), entries_of(sent)
            match = matches_of(early, late)
            was = early.items.take(pa.array(match, mask=match < 0))
            self.look(was, late.items, at.some(late.rows).below(late.keys))
        else:
            there, here = present(before), present(sent)
            self._note(here & ~there, here & there & ~same(before, sent), before, sent, at)

    def _note(self, added: Mask, changed: Mask, before: pa.Array, sent: pa.Array, at: At) -> None:
        some = np.flatnonzero(added | changed)
        if not len(some):
            return
        coded = pc.dictionary_encode(at.some(some).paths())
        codes = coded.indices.to_numpy(zero_copy_only=False)
        for code, path in enumerate(coded.dictionary.to_pylist()):
            here = some[codes == code]
            fresh = int(added[here].sum())
            examples = [
                (self.keys[int(at.records[one])].as_py(), _value(before.slice(one, 1)), _value(sent.slice(one, 1)))
                for one in here[:EXAMPLES].tolist()
            ]
            self.found.setdefault(path, AttributeChange()).take(AttributeChange(fresh, len(here) - fresh, examples))


def _value(array: pa.Array) -> Any:
    """The one value of an array as JSON would have it."""
    value = json_value(prune(to_pylist(array)[0]))
    return None if value == [] else value


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    return shorten(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str), 60)
