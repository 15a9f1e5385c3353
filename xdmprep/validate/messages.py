"""The message and the hint of every rule, built here and nowhere else.

A single record and a column that break a rule get the same message.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

from ..core.paths import Path
from .formats import EXAMPLES


class Violation(NamedTuple):
    """One fault of one record: rule code, place, offending value, message, hint."""

    code: str
    at: Path
    value: Any
    message: str
    hint: str


class Violations(list[Violation]):
    """The faults of one value.

    Attributes:
        tally: what constraints count below a record for one that judges the record as a whole, by name.
    """

    @cached_property
    def tally(self) -> Counter[str]:
        """Nothing counted yet."""
        return Counter()


class Failure(NamedTuple):
    """What is reported where a rule fails: its code, the message, and a hint (may be empty)."""

    code: str
    message: str
    hint: str

    def of(self, at: Path, value: Any) -> Violation:
        """The fault of a value at a place."""
        return Violation(self.code, at, value, self.message, self.hint)


_ARTICLE = {"array": "an array", "object": "an object", "integer": "an integer", "null": "null"}


def kinds(types: Any) -> str:
    """JSON type names with their articles, such as ``a string or an integer``."""
    names = types if isinstance(types, list | tuple) else [types]
    return " or ".join(_ARTICLE.get(name, f"a {name}") for name in names)


def limited(values: Any) -> str:
    """The listed values as JSON, at most eight of them."""
    shown = ", ".join(json.dumps(value, ensure_ascii=False) for value in list(values)[:8])
    return shown + (f", ... ({len(values)} in all)" if len(values) > 8 else "")


def as_text(value: Any) -> str | None:
    """A JSON value as the string that findings show; None for null."""
    if value is None or isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "nested too deep to be shown"
    except TypeError:
        return str(value)
    except ValueError:
        return "a number too long to be shown"


#: Message and hint for each keyword of JSON Schema, with placeholders for its value.
_KEYWORDS: dict[str, tuple[str, str]] = {
    "type": ("expected {kinds}", ""),
    "enum": ("expected one of {listed}", "Map the source's values to the listed ones."),
    "const": ("expected {json}", ""),
    "minimum": ("expected at least {value}", ""),
    "exclusiveMinimum": ("expected more than {value}", ""),
    "maximum": ("expected at most {value}", ""),
    "exclusiveMaximum": ("expected less than {value}", ""),
    "multipleOf": ("expected a multiple of {value}", ""),
    "minLength": ("expected at least {value} character{s}", ""),
    "maxLength": ("expected at most {value} characters", ""),
    "pattern": ("expected a string matching {value}", ""),
    "format": ("expected format {value}", "{example}"),
    "minItems": ("expected at least {value} item{s}", ""),
    "maxItems": ("expected at most {value} items", ""),
    "uniqueItems": ("expected items that all differ", ""),
    "contains": ("expected an item that fits the schema's 'contains'", ""),
    "minProperties": ("expected at least {value} field{s}", ""),
    "maxProperties": ("expected at most {value} fields", ""),
    "required": ("required field is missing", "Map a value to it; a null or an empty value does not count."),
    "additionalProperties": (
        "field is not declared, and the schema allows no others here", "Remove it or correct its name."
    ),
    "additionalItems": ("the schema allows no further items here", ""),
    "propertyNames": ("a field's name does not fit the schema's 'propertyNames'", ""),
    "dependencies": ("a field that another one depends on is missing or wrong", ""),
    "anyOf": ("fits none of the permitted forms (anyOf)", ""),
    "oneOf": ("must fit exactly one of the permitted forms (oneOf)", ""),
    "not": ("fits what the schema excludes (not)", ""),
}  # fmt: skip


def failed(keyword: str, node: Mapping[str, Any]) -> Failure:
    """What to report where a JSON Schema keyword of `node` fails."""
    value = node.get(keyword)
    example = EXAMPLES.get(str(value)) if keyword == "format" else None
    words = {
        "value": value,
        "s": "" if value == 1 else "s",
        "kinds": kinds(value) if keyword == "type" else "",
        "listed": limited(value) if keyword == "enum" else "",
        "json": json.dumps(value, ensure_ascii=False) if keyword == "const" else "",
        "example": f"It looks like {example}." if example else "",
    }
    message, hint = _KEYWORDS[keyword]
    return Failure(code_of(keyword), message.format_map(words), hint.format_map(words))


#: JSON Schema keyword -> rule code, where they are not the same in kebab case.
_CODES = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum", "additionalItems": "max-items"}


def code_of(keyword: str) -> str:
    """The rule code of a JSON Schema keyword."""
    if keyword in _CODES:
        return _CODES[keyword]
    return "".join("-" + char.lower() if char.isupper() else char for char in keyword)


NULL = Failure("null", "null is not accepted", "Leave the field out.")
EMPTY = Failure("empty", "an empty string is not accepted", "Leave the field out.")
FALSE = Failure("not", "the schema allows no value here", "Remove it.")
NOT_FINITE = Failure("type", "expected a number, not NaN or infinity", "")
TOO_DEEP = Failure("unreadable", "the value is nested too deep to be checked", "Make it flatter.")


def undecided(message: str) -> Failure:
    """For a string that took too long to match against a pattern; `message` says which pattern."""
    hint = "Write the pattern without nested repetitions, look-around and back references, or shorten the string."
    return Failure("pattern", message, hint)


# ---- the platform's own rules ---------------------------------------------------------------------------------------

UNKNOWN = Failure(
    "unknown-field", "field is not in the schema", "Remove it, correct its name, or add it to the schema."
)
DEPRECATED = Failure("deprecated", "the field is deprecated", "Move the value to the field that replaces it.")
COLON = Failure("event-id", "an event's _id must not contain colons", "Replace them, or hash the id.")
FUTURE = Failure(
    "event-timestamp", "an event's timestamp must lie in the past", "Put times to come into another field."
)
NUL = Failure(
    "nul",
    "the string has a NUL character (U+0000), which often means UTF-16 text or a damaged export",
    "Export the data again as UTF-8, or remove it in the mapping, as with replacestr().",
)


#: What is reported for rules whose messages hold numbers or names, with placeholders for them.
_OWN = {failure.code: failure for failure in (
    Failure("width", "does not fit the XDM type {kind}", "It holds {bits} bits."),
    Failure("soft-enum", "not one of the suggested values {listed}", "It is accepted; check its spelling."),
    Failure("array-items", "more than {most} items", "The platform's guardrail; long arrays slow Profile down."),
    Failure("map-keys", "{limit} or more keys in a map", "The platform advises fewer."),
    Failure("record-size", "the record is larger than {kilobytes} KB of JSON",
            "The platform drops such records without an error."),
    Failure("column-type", "the column is {kind}, the schema's {xdm_type} is {wanted}",
            "Write Parquet with the schema's types, as prepare does."),
    Failure("identity-primary", "the primary identity ({namespace}) is missing",
            "Map a value to it; without it the record has no profile."),
    Failure("identity-length", "an identity has at most {most} characters", "Shorten or hash it."),
    Failure("identity-count", "more than {most} identities in one record", "Send only those of the person."),
)}  # fmt: skip


def broken(code: str, **words: Any) -> Failure:
    """What to report where a rule of the platform's own is broken; `words` stand in its message and hint."""
    return Failure(*(text.format_map(words) for text in _OWN[code]))


# ---- identities -----------------------------------------------------------------------------------------------------

NOT_ECID = Failure(
    "identity-ecid", "an ECID has exactly 38 digits", "Keep it as a string: read as a number it loses leading zeros."
)
BLANK = Failure(
    "identity-blank",
    "an identity must not be blank, null, anonymous or invalid",
    "Leave the identity out where it is not known.",
)
SPREADSHEET = Failure(
    "identity-spreadsheet",
    "an identity is written as a spreadsheet does",
    "Export the column as text, without formulas and exponents.",
)
NO_ID = Failure("identity-blank", "an identity without an id", "Leave the whole item out.")
NO_PRIMARY = Failure(
    "identity-primary",
    "no identity is marked primary",
    "Set primary: true on exactly one identity; it is a boolean, the string 'true' does not count.",
)
TWO_PRIMARY = Failure(
    "identity-primary", "more than one identity is marked primary", "Set primary: true on exactly one identity."
)
NO_IDENTITY = Failure(
    "identity-none",
    "the event has no identity, so it belongs to no profile",
    "Map a value to identityMap or to an identity field, or leave such events out.",
)
