"""The functions of the language, a module for each group of categories; importing this fills the catalogue."""

from ..catalogue import TABLE, Function
from . import agents, analytics, arrays, conversions, dates, logic, methods, objects, operators, strings, urls

__all__ = ["agents", "analytics", "arrays", "catalogue", "conversions", "dates", "logic", "methods", "objects",
           "operators", "strings", "table", "urls"]  # fmt: skip


def table() -> dict[str, Function]:
    """All functions, methods and operators by name, aliases included."""
    return TABLE


def catalogue() -> tuple[Function, ...]:
    """All functions, each once, by category and name."""
    unique = {entry for entry in TABLE.values() if entry.category not in ("method", "operator")}
    return tuple(sorted(unique, key=lambda entry: (entry.category, entry.name)))
