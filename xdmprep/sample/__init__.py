"""Records made up from a schema, valid or not."""

from .invalid import invalid_sample
from .records import sample

__all__ = ["invalid_sample", "sample"]
