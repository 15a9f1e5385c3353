"""Profile patches: what changed between two snapshots, as upsert records that say no more than is needed."""

from .diff import Checks, Counts, Options, Patch, Side, diff_streams, refuse_events
from .keys import key_of

__all__ = ["Checks", "Counts", "Options", "Patch", "Side", "diff_streams", "key_of", "refuse_events"]
