"""Profile patches: what changed between two snapshots, as upsert records that say no more than is needed."""

from .diff import Checks, Counts, Options, Patch, diff_streams

__all__ = ["Checks", "Counts", "Options", "Patch", "diff_streams"]
