"""The functions of the language, a module for each group of categories; importing this fills the catalogue."""

from . import agents, analytics, arrays, conversions, dates, hashes, logic, maps, objects, patterns, strings, urls

__all__ = [
    "agents",
    "analytics",
    "arrays",
    "conversions",
    "dates",
    "hashes",
    "logic",
    "maps",
    "objects",
    "patterns",
    "strings",
    "urls",
]
