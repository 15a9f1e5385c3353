"""Names of columns: those that occur more than once in a source, those that are none, and those of an index."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence

import pyarrow as pa

from ..errors import did_you_mean

#: What no column is called: numbers, dates and times, e-mail addresses.
_DATUM = re.compile(r"[+-]?\d[\d .,:/TZ+-]*|[^@\s]+@[^@\s]+\.\w+")

#: Words of other languages, and what they are here.
_WORDS = {"none": "null", "null": "null", "nil": "null", "true": "true", "false": "false"}

#: In the metadata of a schema, the names of a DataFrame's index, as JSON.
_INDEX = b"xdmprep.index"


def with_index(columns: pa.Schema, names: Iterable[str]) -> pa.Schema:
    """The columns of a DataFrame whose index has these names."""
    return columns.with_metadata({_INDEX: json.dumps([*names])})


def column_advice(name: str, columns: pa.Schema) -> str:
    """What to do about a column that is missing; empty where nothing like it is known."""
    if name in json.loads((columns.metadata or {}).get(_INDEX, b"[]")):
        return " It is in the index of the DataFrame: give frame.reset_index()."
    if word := _WORDS.get(name.lower()):
        return f" Write {word}."
    return did_you_mean(name, columns.names)


def is_datum(name: str) -> bool:
    """Whether what should be the name of a column is rather a value."""
    return _DATUM.fullmatch(name) is not None


def unique_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names, each one once: those that occur several times get their place, as in ``city (column 7)``.

    A blank name becomes ``column_7``.
    """
    counts = Counter(name for name in names if name)
    taken = set(counts)
    unique = []
    for number, name in enumerate(names, 1):
        shown = name or f"column_{number}"
        if counts[name] > 1 or (not name and shown in taken):
            shown = f"{shown} (column {number})"
            while shown in taken:
                shown += "'"
            taken.add(shown)
        unique.append(shown)
    return tuple(unique)


def numbered_names(names: Sequence[str]) -> list[str]:
    """`names`, a number behind those that occur a second time, as in ``city (2)``."""
    made: dict[str, None] = {}
    for name in names:
        unique, number = name, 2
        while unique in made or (unique != name and unique in names):
            unique, number = f"{name} ({number})", number + 1
        made[unique] = None
    return list(made)


def namesakes(name: str, names: Iterable[str]) -> list[str]:
    """Those of `names` that :func:`unique_names` made of several equal ones."""
    pattern = re.compile(re.escape(name) + r" \(column \d+\)'*")
    found = [other for other in names if pattern.fullmatch(other)]
    return found if len(found) > 1 else []
