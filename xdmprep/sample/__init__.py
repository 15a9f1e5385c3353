"""Records made up from a schema."""

from .records import sample

__all__ = ["sample"]
