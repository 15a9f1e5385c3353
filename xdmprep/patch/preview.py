"""What a patch would do to the profiles that are there, to look at."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from ..core.notebook import grid, wrap
from ..errors import counted, shorten
from .impact import AttributeChange


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


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    return shorten(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str), 60)
