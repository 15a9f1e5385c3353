"""Profile patches: what changed between two snapshots, as upsert records that say no more than is needed."""

from .diff import Checks, Counts, Options, Patch, Side, diff_streams, refuse_events
from .keys import key_of
from .spool import MEMORY_BYTES

__all__ = ["MEMORY_BYTES", "Checks", "Counts", "Options", "Patch", "Side", "diff_streams", "key_of", "refuse_events"]
