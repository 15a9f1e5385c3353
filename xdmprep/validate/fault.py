"""One fault of one record, and the functions that find faults."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

At = tuple[str | int, ...]


class Violation(NamedTuple):
    """One fault of one record: rule code, place, offending value, message, hint."""

    code: str
    at: At
    value: Any
    message: str
    hint: str


#: Adds what is wrong with a value at a place to the faults.
Check = Callable[[Any, At, list[Violation]], None]
