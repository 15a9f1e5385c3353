"""The functions of the language, a module for each group of categories; importing this fills the catalogue."""

from . import arrays, conversions, dates, logic, strings

__all__ = ["arrays", "conversions", "dates", "logic", "strings"]
