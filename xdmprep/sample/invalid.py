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
            spoiled = _spoiled(record, chance)
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


#: Ways to spoil a record: the kind of value that is changed, and what it becomes; without a change it is left out.
_WAYS: tuple[tuple[Any, Callable[[Any, random.Random], Any] | None], ...] = (
    (object, lambda value, _: 7 if isinstance(value, str | dict | list) else {"unexpected": True}),
    (str, lambda _, chance: chance.choice(["", "not what was asked for", "x" * 5000, "2024-13-45"])),
    (int | float, lambda _, chance: chance.choice([-(10**15), 10**15, 0.5])),
    (dict, lambda value, _: {**value, "noSuchField": "x"}),
    (object, None),
)


def _spoiled(record: Any, chance: random.Random) -> Any:
    """A copy of the record with one value changed or left out, if it has one of the kind that was drawn."""
    whole = [copy.deepcopy(record)]
    kind, change = chance.choice(_WAYS)
    places = [*_places(whole[0]), *([(whole, 0)] if kind is dict else [])]
    fitting = [place for place in places if isinstance(place[0][place[1]], kind)]
    if fitting:
        inside, key = chance.choice(fitting)
        if change is None:
            del inside[key]
        else:
            inside[key] = change(inside[key], chance)
    return whole[0]
