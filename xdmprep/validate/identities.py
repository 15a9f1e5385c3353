"""The rules for identities: their tests, and what is asked of one record (of many: :mod:`.identity_columns`).

Values: an ECID is 38 digits (Identity Service skips the record otherwise); others have at most 1024 characters and are
not blank, ``null``, ``anonymous`` or ``invalid`` (such identities are blocked).  Primary: a profile record without an
identity field that its schema names as primary has exactly one item with ``primary: true`` in its identityMap; no
record has more than one.  Sources: Adobe's pages on identityMap, identity fields and Identity Service guardrails.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import kernels as loops
from ..core.paths import EVERY, Path
from ..kernels.arrays import Positions
from ..kernels.automaton import Automaton
from ..schema import Schema
from .messages import (
    BLANK,
    NO_ID,
    NO_IDENTITY,
    NO_PRIMARY,
    NOT_ECID,
    TWO_PRIMARY,
    Failure,
    Violation,
    no_primary_field,
    too_long_identity,
    too_many_identities,
)
from .patterns import compile_pattern
from .value_tests import Length, PatternTest, TextTest, ValueTest, failing
from .view import ANY_KEY

MAX_LENGTH = 1024
#: Identities of one record.
MAX_IDENTITIES = 20
MAPS = ("identityMap", "xdm:identityMap")

TOO_LONG = too_long_identity(MAX_LENGTH)
TOO_MANY = too_many_identities(MAX_IDENTITIES)

_BLANK = re.compile(r"(?i)\s*(?:null|anonymous|invalid)?\s*")
#: What every blank or placeholder begins with (Python's `\\s` knows blanks beyond ASCII; so does this).
_SUSPECT_RE2 = (
    r"^(?:[\s\x{1c}-\x{1f}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]"
    r"|(?i:null|anonymous|invalid)|$)"
)
#: First bytes of blanks and of the placeholders, and of everything beyond ASCII.
_SUSPECT_BYTES = np.isin(np.arange(256), [*range(33), *b"nNaAiI", *range(128, 256)])
#: Accepts texts that begin with another byte: its second and third states are never left.
_BEGIN = Automaton(
    np.array([np.where(_SUSPECT_BYTES, 2, 1), [1] * 256, [2] * 256], np.uint8), np.array([0, 1, 0], np.uint8)
)


def _is_identity(text: str) -> bool:
    return _BLANK.fullmatch(text) is None


def _blanks(array: pa.Array) -> Positions | None:
    """Positions of texts that are blank or a placeholder."""
    maybe = loops.active.not_accepted(array, _BEGIN) if pa.types.is_string(array.type) and len(array) else None
    if maybe is None and pa.types.is_string(array.type):
        return None
    some = array if maybe is None or len(maybe) == len(array) else array.take(pa.array(maybe))
    found = failing(pc.invert(pc.match_substring_regex(some, _SUSPECT_RE2)))
    if found is None:
        return None
    texts = some.take(pa.array(found)).to_pylist()
    bad = found[[not _is_identity(text) for text in texts]]
    return None if not len(bad) else bad if maybe is None else maybe[bad]


@cache
def _tests(ecid: bool) -> tuple[tuple[Failure, ValueTest], ...]:
    if ecid:
        return ((NOT_ECID, PatternTest(compile_pattern("^[0-9]{38}$"))),)
    return (BLANK, TextTest(_is_identity, _blanks)), (TOO_LONG, Length(0, MAX_LENGTH))


def identity_tests(namespace: str) -> tuple[tuple[Failure, ValueTest], ...]:
    """The tests of identities of a namespace; the platform takes its code in any case of letters."""
    return _tests(namespace.strip().casefold() == "ecid")


@dataclass(frozen=True)
class Wanted:
    """What a schema asks of identities.

    Attributes:
        fields: identity fields of the schema outside identityMap: path and namespace.
        primary: path and namespace of the primary identity field, if the schema names one.
        one_primary: whether each record needs exactly one primary item in its identityMap.
        some: whether each record should have an identity, wherever it stands.
    """

    fields: tuple[tuple[Path, str], ...]
    primary: tuple[Path, str] | None
    one_primary: bool
    some: bool = False

    @classmethod
    def of(cls, schema: Schema) -> Wanted:
        """What `schema` asks."""
        fields = tuple((identity.path, identity.namespace) for identity in schema.identities)
        primary = schema.primary_identity
        one = schema.has_identity_map and primary is None and schema.behavior == "record"
        some = schema.for_profile and schema.behavior == "time-series" and primary is None
        return cls(
            fields,
            None if primary is None else (primary.path, primary.namespace),
            one,
            some and (schema.has_identity_map or bool(fields)),
        )


def record_faults(record: Any, wanted: Wanted) -> Iterator[Violation]:
    """The identity faults of one record."""
    count = filled = 0
    for path, namespace in wanted.fields:
        for at, value in _values_at(record, path, ()):
            filled += value not in (None, "")
            if isinstance(value, str):
                count += 1
                yield from _value_faults(value, namespace, at)
    primaries = []
    name, items = _items(record)
    for at, namespace, item in items:
        id = item.get("id", item.get("xdm:id"))
        filled += id not in (None, "")
        count += 1
        if id is None:
            yield NO_ID.of((*at, "id"), None)
        elif isinstance(id, str):
            yield from _value_faults(id, namespace, (*at, "xdm:id" if "xdm:id" in item else "id"))
        if item.get("primary", item.get("xdm:primary")) is True:
            primaries.append(at)
    if wanted.primary is not None:
        path, namespace = wanted.primary
        if not any(value not in (None, "") for _, value in _values_at(record, path, ())):
            yield no_primary_field(namespace).of(path, None)
    elif wanted.one_primary and not primaries:
        yield NO_PRIMARY.of((name,), None)
    if wanted.some and not filled:
        yield NO_IDENTITY.of((), None)
    if len(primaries) > 1:
        yield TWO_PRIMARY.of((name,), len(primaries))
    if count > MAX_IDENTITIES:
        yield TOO_MANY.of((name,), count)


def _value_faults(text: str, namespace: str, at: Path) -> Iterator[Violation]:
    return (failure.of(at, text) for failure, test in identity_tests(namespace) if not test.value(text))


def _items(record: Mapping[str, Any]) -> tuple[str, list[tuple[Path, str, Mapping[str, Any]]]]:
    for name in MAPS:
        found = record.get(name)
        if isinstance(found, Mapping):
            return name, [
                ((name, namespace, number), namespace, item)
                for namespace, items in found.items()
                if isinstance(items, list)
                for number, item in enumerate(items)
                if isinstance(item, Mapping)
            ]
    return MAPS[0], []


def _values_at(value: Any, path: Path, at: Path) -> Iterator[tuple[Path, Any]]:
    if not path:
        yield at, value
    elif path[0] in (EVERY, ANY_KEY) and isinstance(value, list | Mapping):
        pairs: Iterable[Any] = enumerate(value) if isinstance(value, list) else value.items()
        for step, item in pairs:
            yield from _values_at(item, path[1:], (*at, step))
    elif isinstance(value, Mapping) and path[0] in value:
        yield from _values_at(value[path[0]], path[1:], (*at, path[0]))
