"""Records made up from a schema: valid, various, and the same for the same seed.

For trying out a dataset, for tests and for benchmarks, before real data is there.  Values keep to the schema's types,
bounds, choices, formats and patterns, and to the platform's rules for identities; well-known names (``firstName``,
``city``) get values that read like the real thing.  They name no real person: addresses end in ``example.com``.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from ..core.paths import Path
from ..errors import SchemaError, UsageError
from ..regex.sample import Unmatchable, text_for
from ..schema import Field, Schema

#: Keywords that can only be met by trying: a record is made again until it is valid.
TRIED = frozenset(
    {"oneOf", "anyOf", "not", "allOf", "dependencies", "patternProperties", "propertyNames", "contains", "multipleOf"}
)
TRIES = 200

#: Bytes of JSON above which the platform drops a record without a word.
SIZE_LIMITS = {"record": 100_000, "time-series": 10_000}

_FIRST_DAY = date(1950, 1, 1)
_FIRST_MOMENT = datetime(2020, 1, 1, tzinfo=UTC)
_SECONDS = 4 * 365 * 86_400

_WORDS: Mapping[str, Sequence[str]] = {
    "firstname": ("Ada", "Émile", "Noor", "José", "Mei", "Olga", "Tariq", "Zoë"),
    "middlename": ("Marie", "Lee", "Ángel", "Kai"),
    "lastname": ("Larsen", "Müller", "Okafor", "Nguyễn", "Silva", "Tremblay", "O'Neill"),
    "courtesytitle": ("Mr", "Ms", "Mx", "Dr"),
    "city": ("Québec", "Oslo", "Porto", "Kyoto", "Austin", "Graz"),
    "country": ("Canada", "Norway", "Portugal", "Japan", "US", "Austria"),
    "countrycode": ("CA", "NO", "PT", "JP", "US", "AT"),
    "currencycode": ("CAD", "NOK", "EUR", "JPY", "USD"),
    "stateprovince": ("CA-QC", "US-TX", "JP-26", "AT-6"),
    "postalcode": ("G1R 2B5", "0150", "4000-322", "604-8001", "78701", "8010"),
    "street1": ("14 Maple Street", "Storgata 2", "Rua das Flores 7", "3-1 Teramachi"),
    "birthdayandmonth": ("01-31", "02-28", "07-04", "12-09"),
    "number": ("202-555-0101", "+47 22 55 01 99", "418 555 0147"),
}
_PLAIN = ("alpha", "bravo", "charlie", "delta", "écho", "foxtrot", "golf", "Zürich", "東京", "hotel")


def sample(
    schema: Schema, count: int, *, seed: int = 0, fill: float = 0.7, identities: int = 2
) -> Iterator[dict[str, Any]]:
    """Records that are valid under `schema`.

    Args:
        schema: what the records are made for.
        count: how many.
        seed: the same seed gives the same records.
        fill: how likely it is that a field that may be absent is there, from 0 to 1.
        identities: how many namespaces an identityMap holds at most.

    Returns:
        The records one by one, as JSON values.

    Raises:
        UsageError: an argument is out of range.
        SchemaError: no valid record could be made; the message names the field.
    """
    if count < 0 or not 0 <= fill <= 1 or identities < 1:
        raise UsageError("A sample needs a count of 0 or more, a fill from 0 to 1, and at least 1 identity.")
    return _RecordMaker(schema, seed, identities).records(count, fill)


class _RecordMaker:
    """Makes the records of one schema; `needed` are the fields that are there whatever the schema requires."""

    def __init__(self, schema: Schema, seed: int, identities: int) -> None:
        self.schema = schema
        self.random = random.Random(seed)  # noqa: S311 (made-up data, not secrets)
        self.identities = identities
        self.fill = 0.0
        self.needed: set[Path] = set()
        primary = schema.primary_identity
        self.unique: Path | None = primary.path if primary else None
        self.seen: set[Any] = set()
        if primary is not None:
            self.needed = {primary.path[:end] for end in range(1, len(primary.path) + 1)}
        elif schema.has_identity_map and schema.behavior == "record":
            self.needed = {(name,) for name in ("identityMap", "xdm:identityMap") if name in schema.columns}
        self.tried = any(key in field.constraints for field in schema.root.walk() for key in TRIED)

    def records(self, count: int, fill: float) -> Iterator[dict[str, Any]]:
        limit = SIZE_LIMITS.get(self.schema.behavior)
        for _ in range(count):
            self.fill = fill
            for _ in range(TRIES):
                record = self._object(self.schema.root, {})
                if limit is not None and len(json.dumps(record, ensure_ascii=False).encode()) > limit:
                    self.fill *= 0.7
                elif not self.tried or not self.schema.check(record, "jsonschema"):
                    break
                else:  # some field may be impossible; with fewer fields it is more often absent
                    self.fill *= 0.97
            else:
                raise SchemaError(
                    f"{self.schema.name}: none of {TRIES} records made up was valid. "
                    "The schema asks for more than can be guessed; write records by hand."
                )
            yield record

    def _value(self, field: Field) -> Any:
        field = self._narrowed(field)
        node = field.constraints
        if "const" in node:
            return node["const"]
        if node.get("enum"):
            return self.random.choice(node["enum"])
        make: Callable[[Field], Any] = {
            "object": lambda part: self._object(part, {}),
            "map": self._map,
            "array": self._array,
            "boolean": lambda part: self.random.random() < 0.5,
            "number": self._number,
            "any": lambda part: self.random.choice(_PLAIN),
            "string": self._text,
            "date": self._text,
            "date-time": self._text,
        }.get(field.type, self._integer)
        value = make(field)
        if field.path == self.unique:
            for _ in range(TRIES):
                if value not in self.seen:
                    break
                value = make(field)
            self.seen.add(value)
        return value

    def _nothing(self, field: Field) -> SchemaError:
        return SchemaError(f"{self.schema.name}: '{field}': no value can meet all its limits. Mend the schema.")

    def _narrowed(self, field: Field) -> Field:
        """The field with one of its alternatives taken."""
        for key in ("oneOf", "anyOf"):
            if key in field.constraints:
                field = field.choose(key, self.random.randrange(len(field.constraints[key])))
        return field

    def _object(self, field: Field, out: dict[str, Any]) -> dict[str, Any]:
        field = self._narrowed(field) if field.path == () else field
        least = field.constraints.get("minProperties", 0)
        for name, child in field.children.items():
            must = child.required or child.path in self.needed
            if not must and (field.recursive or not self._wanted(child, len(out) < least)):
                continue
            if must and field.recursive and len(child.path) > 60:
                raise SchemaError(
                    f"{self.schema.name}: '{child}' contains itself without end, so no record can be made."
                )
            try:
                value = self._identity_map(child) if _is_identity_map(child) else self._value(child)
            except SchemaError:
                if must:
                    raise
                continue  # a field that may be absent is left out where nothing can be made up for it
            if must or value not in ({}, []):
                out[name] = value
        for name in sorted(field.required_children - set(out)):
            out[name] = self.random.choice(_PLAIN)
        return out

    def _wanted(self, field: Field, short: bool) -> bool:
        if field.constraints.get("meta:status") == "deprecated" or field.type == "any":
            return False
        return short or self.random.random() < self.fill

    def _identity_map(self, field: Field) -> dict[str, Any]:
        number = self.random.randrange(10**9)
        known = {
            "ECID": f"{self.random.randrange(10**38):038d}",
            "Email": f"person{number}@example.com",
            "CRMID": f"C{number:09d}",
        }
        primary = "xdm:primary" if field.name.startswith("xdm:") else "primary"
        id_name = "xdm:id" if field.name.startswith("xdm:") else "id"
        chosen = list(known)[: self.random.randint(1, min(self.identities, len(known)))]
        first = self.schema.primary_identity is None
        return {name: [{id_name: known[name], primary: first and name == chosen[-1]}] for name in chosen}

    def _size(self, field: Field, least_key: str, most_key: str, usual: int) -> int:
        """How many values an array or a map has; 0 where its limits permit no other number."""
        node = field.constraints
        least = node.get(least_key, 1)
        if least <= node.get(most_key, least):
            return self.random.randint(least, max(least, min(node.get(most_key, usual), max(usual, least + 2))))
        if least_key in node:
            raise self._nothing(field)
        return 0

    def _map(self, field: Field) -> dict[str, Any]:
        if field.values is None:
            return {}
        size = self._size(field, "minProperties", "maxProperties", 5)
        return {f"key{n}": self._value(field.values) for n in range(1, size + 1)}

    def _array(self, field: Field) -> list[Any]:
        if field.items is None:
            return []
        out: list[Any] = []
        for _ in range(self._size(field, "minItems", "maxItems", 3)):
            value = self._value(field.items)
            for _ in range(TRIES):
                if value not in ({}, []) and not (field.constraints.get("uniqueItems") and value in out):
                    out.append(value)
                    break
                value = self._value(field.items)
        return out

    def _integer(self, field: Field) -> int:
        low, high = field.bounds()
        if low > high:
            raise self._nothing(field)
        if field.name.rpartition(":")[2] == "birthYear" and low <= 1940 and high >= 2005:
            return self.random.randint(1940, 2005)
        if low <= 0 <= high:  # counts are small more often than large
            low, high = max(low, -100 if low < 0 else 0), min(high, 10_000)
        else:
            high = min(high, low + 10_000)
        step = field.constraints.get("multipleOf", 1)
        value = self.random.randint(int(low), int(high))
        return int(value // step * step) if step != 1 and value // step * step >= low else value

    def _number(self, field: Field) -> float:
        node = field.constraints
        low = node.get("minimum", node.get("exclusiveMinimum", -1000.0 if "maximum" in node else 0.0))
        high = node.get("maximum", node.get("exclusiveMaximum", low + 1000.0))
        if low > high:
            raise self._nothing(field)
        value = round(self.random.uniform(low, high), 4)
        value = min(max(value, low), high)
        if value in (node.get("exclusiveMinimum"), node.get("exclusiveMaximum")):
            value = (low + high) / 2
        return float(value)

    def _text(self, field: Field) -> str:
        node = field.constraints
        least, most = node.get("minLength", 0), node.get("maxLength")
        pattern = node.get("pattern")
        for _ in range(TRIES):
            text = self._guess(field)
            if most is not None and len(text) > most and pattern is None:
                text = text[:most]
            if len(text) < least and pattern is None:
                text += "x" * (least - len(text))
            if len(text) >= max(least, 1) and (most is None or len(text) <= most):
                return text
        raise SchemaError(
            f"{self.schema.name}: '{field}': no string was found that meets its pattern, format and length. "
            "Leave the field out of the schema for the sample, or write records by hand."
        )

    def _guess(self, field: Field) -> str:
        node = field.constraints
        kind = node.get("format") or (field.type if field.type in ("date", "date-time") else None)
        name = field.name.rpartition(":")[2].lower()
        words = _WORDS.get(name, ())
        if "pattern" in node:
            try:
                return text_for(node["pattern"], self.random, words)
            except Unmatchable as error:
                raise SchemaError(f"{self.schema.name}: '{field}': {error}") from None
        if isinstance(kind, str) and kind in _FORMATS:
            return _FORMATS[kind](self.random)
        soft = node.get("meta:enum")
        if isinstance(soft, dict) and soft:
            return str(self.random.choice(list(soft)))
        if words:
            return self.random.choice(words)
        if "email" in name:
            return _FORMATS["email"](self.random)
        return f"{self.random.choice(_PLAIN)} {self.random.randrange(1000)}"


def _is_identity_map(field: Field) -> bool:
    return field.type == "map" and field.path in (("identityMap",), ("xdm:identityMap",))


def _date(source: random.Random) -> str:
    return (_FIRST_DAY + timedelta(days=source.randrange(27_000))).isoformat()


def _moment(source: random.Random) -> str:
    return (_FIRST_MOMENT + timedelta(seconds=source.randrange(_SECONDS))).isoformat().replace("+00:00", "Z")


_FORMATS: Mapping[str, Callable[[random.Random], str]] = {
    "date": _date,
    "date-time": _moment,
    "time": lambda source: _moment(source)[11:],
    "email": lambda source: f"person{source.randrange(10**6)}@example.com",
    "uri": lambda source: f"https://example.com/{source.randrange(10**6)}",
    "url": lambda source: f"https://example.com/{source.randrange(10**6)}",
    "uri-reference": lambda source: f"id-{source.randrange(16**10):010x}",
    "ipv4": lambda source: f"192.0.2.{source.randrange(256)}",
    "ipv6": lambda source: f"2001:db8::{source.randrange(1, 16**4):x}",
    "hostname": lambda source: f"host{source.randrange(1000)}.example.com",
    "json-pointer": lambda source: f"/{source.choice(_PLAIN[:4])}/{source.randrange(10)}",
    "uuid": lambda source: f"{source.randrange(16**8):08x}-0000-4000-8000-{source.randrange(16**12):012x}",
    "regex": lambda source: "^[a-z]+$",
}
