"""Records that break a rule, each with the finding that says which: a valid record with one thing changed."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

from ..errors import Issue, SchemaError
from ..schema import Schema
from .records import sample

#: Records that are tried for each one that is wanted.
TRIES = 30

_Place = tuple[Any, Any]  # the container, and the key or index in it


def invalid_sample(schema: Schema, count: int, *, seed: int = 0, fill: float = 0.7) -> Iterator[tuple[Any, Issue]]:
    """Records that are not valid under `schema`.

    Args:
        schema: what the records are made for.
        count: how many.
        seed: the same seed gives the same records.
        fill: as for :func:`~xdmprep.sample.sample`.

    Returns:
        Each record with the first error that the check of single records finds in it (rule set ``strict``).

    Raises:
        SchemaError: no record could be made, valid or not: the schema refuses nothing.
    """
    chance = random.Random(seed)  # noqa: S311 (made-up data, not secrets)
    for number in range(count):
        for again in range(TRIES):
            (record,) = sample(schema, 1, seed=seed + number * TRIES + again, fill=fill)
            spoiled = copy.deepcopy(record)
            chance.choice(_WAYS)(spoiled, schema, chance)
            issue = next((one for one in schema.check(spoiled) if one.severity == "error"), None)
            if issue is not None:
                yield spoiled, issue
                break
        else:
            raise SchemaError(
                f"{schema.name}: no invalid record was found in {TRIES} tries; it refuses next to nothing."
            )


def _places(value: Any) -> Iterator[_Place]:
    """Every value inside `value`, with the object or array that holds it."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(pairs):
        yield value, key
        yield from _places(inner)


def _another_type(record: Any, schema: Schema, chance: random.Random) -> None:
    places = list(_places(record))
    if places:
        container, key = chance.choice(places)
        container[key] = 7 if isinstance(container[key], str | dict | list) else {"unexpected": True}


def _left_out(record: Any, schema: Schema, chance: random.Random) -> None:
    places = [(container, key) for container, key in _places(record) if isinstance(container, dict)]
    if places:
        container, key = chance.choice(places)
        del container[key]


def _odd_text(record: Any, schema: Schema, chance: random.Random) -> None:
    places = [(container, key) for container, key in _places(record) if isinstance(container[key], str)]
    if places:
        container, key = chance.choice(places)
        container[key] = chance.choice(["", "not what was asked for", "x" * 5000, "2024-13-45"])


def _beyond(record: Any, schema: Schema, chance: random.Random) -> None:
    places = [
        (container, key)
        for container, key in _places(record)
        if isinstance(container[key], int | float) and not isinstance(container[key], bool)
    ]
    if places:
        container, key = chance.choice(places)
        container[key] = chance.choice([-(10**15), 10**15, 0.5])


def _unknown_field(record: Any, schema: Schema, chance: random.Random) -> None:
    objects = [record, *(container[key] for container, key in _places(record) if isinstance(container[key], dict))]
    chance.choice(objects)["noSuchField"] = "x"


_WAYS: tuple[Callable[[Any, Schema, random.Random], None], ...] = (
    _another_type, _left_out, _odd_text, _beyond, _unknown_field,
)  # fmt: skip
