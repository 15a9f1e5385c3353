"""Profile patches: what changed between two snapshots, as upsert records that say no more than is needed."""

from .diff import DiffOptions, diff_streams, refuse_events
from .impact import AttributeChange, Effects, Preview
from .keys import Key, as_good_as, key_of, primary_of
from .result import Counts, Patch
from .snapshot_source import Checks, Side
from .spill import MEMORY_BYTES

__all__ = [
    "MEMORY_BYTES", "AttributeChange", "Checks", "Counts", "DiffOptions", "Effects", "Key", "Patch", "Preview", "Side",
    "as_good_as", "diff_streams", "key_of", "primary_of", "refuse_events",
]  # fmt: skip
