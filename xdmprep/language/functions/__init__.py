"""The functions of the language, a module for each group of categories; importing this fills the catalogue."""

from ..catalogue import TABLE, Function
from . import agents, analytics, arrays, conversions, dates, logic, objects, strings, urls

__all__ = ["agents", "analytics", "arrays", "catalogue", "conversions", "dates", "logic", "objects", "strings",
           "table", "urls"]  # fmt: skip


def table() -> dict[str, Function]:
    """All functions by name, aliases included."""
    return TABLE


def catalogue() -> tuple[Function, ...]:
    """All functions, each once, by category and name."""
    unique = {id(entry): entry for entry in TABLE.values()}
    return tuple(sorted(unique.values(), key=lambda entry: (entry.category, entry.name)))
