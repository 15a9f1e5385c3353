"""The platform's rules for identities, and their use on single records (on columns: :mod:`.identity_columns`).

Values: an ECID is 38 digits (Identity Service skips the record otherwise); others have at most 1024 characters and are
not blank, ``null``, ``anonymous`` or ``invalid`` (such identities are blocked).  Primary: a profile record without an
identity field that its schema names as primary has exactly one item with ``primary: true`` in its identityMap; no
record has more than one.  Sources: Adobe's pages on identityMap, identity fields and Identity Service guardrails.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..core.paths import EVERY, Path
from ..schema import Schema
from .fault import Violation
from .spots import ANY_KEY
from .wording import as_text

MAX_LENGTH = 1024
#: Identities of one record.
MAX_IDENTITIES = 20
MAPS = ("identityMap", "xdm:identityMap")

ECID = re.compile(r"[0-9]{38}")
BLANK = re.compile(r"(?i)\s*(?:null|anonymous|invalid)?\s*")
SAY: dict[str, tuple[str, str]] = {
    "identity-ecid": ("an ECID has exactly 38 digits", "Keep it as text: read as a number it loses leading zeros."),
    "identity-length": (f"an identity has at most {MAX_LENGTH} characters", "Shorten or hash it."),
    "identity-blank": (
        "an identity must not be blank, null, anonymous or invalid",
        "Leave the identity out where it is not known.",
    ),
    "identity-count": (f"more than {MAX_IDENTITIES} identities in one record", "Send only those of the person."),
}  # fmt: skip
NO_ID = ("an identity without an id", "Leave the whole item out.")
NO_PRIMARY = (
    "no identity is marked primary",
    "Set primary: true on exactly one identity; it is a boolean, the text 'true' does not count.",
)
TWO_PRIMARY = ("more than one identity is marked primary", "Set primary: true on exactly one identity.")


NO_IDENTITY = (
    "the event has no identity, so it belongs to no profile",
    "Map a value to identityMap or to an identity field, or leave such events out.",
)


def is_ecid(namespace: str) -> bool:
    """Whether a namespace code means the ECID; the platform takes codes in any case of letters."""
    return namespace.strip().casefold() == "ecid"


def no_field(namespace: str) -> tuple[str, str]:
    """Message and hint for a missing primary identity field."""
    return f"the primary identity ({namespace}) is missing", "Map a value to it; without it the record has no profile."


@dataclass(frozen=True)
class Wanted:
    """What a schema asks of identities.

    Attributes:
        fields: identity fields of the schema outside identityMap: path and namespace.
        primary: path and namespace of the primary identity field, if the schema names one.
        one_primary: whether each record needs exactly one primary item in its identityMap.
        has_map: whether records may have an identityMap.
        some: whether each record should have an identity, wherever it stands.
    """

    fields: tuple[tuple[Path, str], ...]
    primary: tuple[Path, str] | None
    one_primary: bool
    has_map: bool
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
            schema.has_identity_map,
            some and (schema.has_identity_map or bool(fields)),
        )


def value_faults(text: str, namespace: str) -> Iterator[str]:
    """Codes of the rules that one identity breaks."""
    if is_ecid(namespace):
        if ECID.fullmatch(text) is None:
            yield "identity-ecid"
    elif BLANK.fullmatch(text):
        yield "identity-blank"
    elif len(text) > MAX_LENGTH:
        yield "identity-length"


def record_faults(record: Any, wanted: Wanted) -> Iterator[Violation]:
    """The identity faults of one record."""
    if not isinstance(record, Mapping):
        return
    count = filled = 0
    for path, namespace in wanted.fields:
        for at, value in _values_at(record, path, ()):
            filled += value not in (None, "")
            if isinstance(value, str):
                count += 1
                for code in value_faults(value, namespace):
                    yield Violation(code, at, value, *SAY[code])
    primaries = []
    name, items = _items(record)
    for at, namespace, item in items:
        id = item.get("id", item.get("xdm:id"))
        filled += id not in (None, "")
        count += 1
        if id is None:
            yield Violation("identity-blank", (*at, "id"), None, *NO_ID)
        elif isinstance(id, str):
            for code in value_faults(id, namespace):
                yield Violation(code, (*at, "xdm:id" if "xdm:id" in item else "id"), id, *SAY[code])
        if item.get("primary", item.get("xdm:primary")) is True:
            primaries.append(at)
    if wanted.primary is not None:
        path, namespace = wanted.primary
        if not any(value not in (None, "") for _, value in _values_at(record, path, ())):
            yield Violation("identity-primary", path, None, *no_field(namespace))
    elif wanted.one_primary and not primaries:
        yield Violation("identity-primary", (name,), None, *NO_PRIMARY)
    if wanted.some and not filled:
        yield Violation("identity-none", (), None, *NO_IDENTITY)
    if len(primaries) > 1:
        yield Violation("identity-primary", (name,), as_text(len(primaries)), *TWO_PRIMARY)
    if count > MAX_IDENTITIES:
        yield Violation("identity-count", (name,), str(count), *SAY["identity-count"])


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
