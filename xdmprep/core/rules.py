"""The rules that a finding can come from: one stable code each.

A code never changes its meaning.  `platform` is the platform's own code for the same error where one is known
(Adobe's batch ingestion error pages; the DCVS codes are community reports).  `sets` names the rule sets a rule
belongs to: ``jsonschema`` (JSON Schema draft-06 verdicts), ``batch`` (what batch ingestion is documented to check)
and ``strict`` (both, and AEP's own rules).
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import Severity

JSONSCHEMA, BATCH, STRICT = "jsonschema", "batch", "strict"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its code, what it says, its severity by default, and where it applies."""

    code: str
    title: str
    severity: Severity = "error"
    platform: str | None = None
    sets: frozenset[str] = frozenset()


def _rules(*rules: Rule) -> dict[str, Rule]:
    return {rule.code: rule for rule in rules}


_ALL = frozenset({JSONSCHEMA, BATCH, STRICT})
_BATCH = frozenset({BATCH, STRICT})
_OWN = frozenset({STRICT})

RULES: dict[str, Rule] = _rules(
    # reading
    Rule("ragged-row", "the row has another number of columns than the header"),
    Rule("unreadable", "the row or line cannot be parsed", platform="INGEST-1401-400"),
    Rule(
        "cell",
        "a cell of a spreadsheet holds an error, a number with lost digits or that is no date, or is merged",
        severity="warning",
    ),
    Rule("duplicate-key", "a key occurs twice in one JSON object"),
    Rule(
        "unfit",
        "a value no record can hold: NaN, infinity, a year beyond 1 to 9999, invalid UTF-8, an id with lost digits",
    ),
    # mapping
    Rule("unparsable", "the string does not fit the destination's type; the field is left out", severity="warning"),
    Rule("expression", "the expression failed on this row; the field is left out", severity="warning"),
    Rule("missing-column", "a column that the mapping names is not in the source", severity="warning"),
    Rule("group-key", "a row has no value in a grouping column, so it belongs to no record"),
    Rule("group-differs", "rows of one record differ in a field that holds one value", severity="warning"),
    Rule("contract", "the row breaks the contract that was given for the source's columns"),
    # JSON Schema
    Rule("type", "wrong JSON type", platform="DCVS-1104-400", sets=_ALL),
    Rule("required", "a required field is missing", platform="INGEST-1555-400", sets=_ALL),
    Rule("enum", "not one of the listed values", sets=_ALL),
    Rule("const", "not the one permitted value", sets=_ALL),
    Rule("minimum", "below the minimum", sets=_ALL),
    Rule("maximum", "above the maximum", sets=_ALL),
    Rule("min-length", "too short", sets=_ALL),
    Rule("max-length", "too long", sets=_ALL),
    Rule("pattern", "does not match the pattern", sets=_ALL),
    Rule("format", "does not have the format", platform="DCVS-1105-400", sets=_ALL),
    Rule("multiple-of", "not a multiple of the step", sets=_ALL),
    Rule("min-items", "too few items", sets=_ALL),
    Rule("max-items", "too many items", sets=_ALL),
    Rule("unique-items", "items that must differ are equal", sets=_ALL),
    Rule("contains", "no item fits what the array must contain", sets=_ALL),
    Rule("min-properties", "too few fields", sets=_ALL),
    Rule("max-properties", "too many fields", sets=_ALL),
    Rule("additional-properties", "an undeclared field where the schema allows no others", sets=_ALL),
    Rule("property-names", "a field's name does not fit", sets=_ALL),
    Rule("dependencies", "a field that another one depends on is missing or wrong", sets=_ALL),
    Rule("any-of", "fits none of the permitted forms", sets=_ALL),
    Rule("one-of", "does not fit exactly one of the permitted forms", sets=_ALL),
    Rule("not", "fits what the schema excludes", sets=_ALL),
    # what batch ingestion refuses
    Rule("null", "null is not accepted; leave the field out", platform="DCVS-1101-400", sets=_BATCH),
    Rule("empty", "an empty string is not accepted; leave the field out", sets=_BATCH),
    Rule("unknown-field", "a field that the schema does not have", sets=_BATCH),
    Rule(
        "column-type",
        "a Parquet column of another type than the schema's; the platform has to convert it",
        severity="warning",
        sets=_BATCH,
    ),
    Rule("width", "a number beyond the range of the field's XDM type", sets=_BATCH),
    # AEP's own
    Rule("identity-blank", "an identity is blank or a placeholder", sets=_OWN),
    Rule("identity-ecid", "an ECID has 38 digits; the platform skips the record otherwise", sets=_OWN),
    Rule("identity-spreadsheet", "an identity is written as a spreadsheet does", severity="warning", sets=_OWN),
    Rule("identity-length", "an identity has at most 1024 characters", sets=_OWN),
    Rule("identity-primary", "a profile record needs exactly one primary identity", sets=_OWN),
    Rule("identity-none", "an event of a schema for Profile has no identity", severity="warning", sets=_OWN),
    Rule("identity-count", "a record has at most 20 identities", severity="warning", sets=_OWN),
    Rule("event-id", "the _id of an event must not contain colons", severity="warning", sets=_OWN),
    Rule("event-timestamp", "the timestamp of an event is in the future", sets=_OWN),
    Rule("nul", "a string with a NUL character (U+0000)", sets=_OWN),
    Rule("record-size", "a record above the platform's limit (profile 100 KB, event 10 KB) is dropped", sets=_OWN),
    Rule("array-items", "more items than the platform's guardrail", severity="warning", sets=_OWN),
    Rule("map-keys", "16 or more keys in a map", severity="warning", sets=_OWN),
    Rule("soft-enum", "not one of the suggested values", severity="warning", sets=_OWN),
    Rule("deprecated", "the field is deprecated", severity="warning", sets=_OWN),
    # schemas: findings of `schema check`, about a schema and never about a record
    Rule("schema-incomplete", "the schema lacks an id or a title", severity="warning"),
    Rule("schema-identity", "a schema for Profile needs a primary identity or identityMap"),
    Rule("schema-time-series", "a schema of events does not require '_id' and 'timestamp'", severity="warning"),
    Rule("schema-type-tag", "'meta:xdmType' contradicts the field's JSON Schema", severity="error"),
    Rule("schema-bound", "a bound of an integer is off by one", severity="warning"),
    Rule("schema-map", "a map has fields of its own or no type for its values"),
    Rule("schema-required", "a required field is not declared", severity="warning"),
    Rule("schema-unfillable", "no value can ever be valid"),
    Rule("schema-enum", "the permitted values contradict the type, the labels or the default", severity="warning"),
    Rule("schema-pattern", "the pattern is not a regular expression", severity="warning"),
    Rule("schema-format", "an unknown format", severity="warning"),
    Rule("schema-name", "the platform takes other field names only", severity="warning"),
    Rule("schema-keyword", "not a keyword of JSON Schema, so it has no effect", severity="warning"),
    Rule("schema-deprecated", "the field is deprecated", severity="warning"),
    Rule("schema-undeclared", "the field has no type, so it has no column in Parquet", severity="warning"),
    Rule("schema-endless", "the field contains itself", severity="warning"),
    Rule("schema-size", "more fields than the platform takes", severity="warning"),
    Rule("schema-edited", "the file differs from the one in the Schema Registry", severity="warning"),
    Rule("schema-duplicate-key", "a key occurs twice in one object of the file", severity="warning"),
    # Profile patches
    Rule("patch-key", "a record without a key cannot be matched with its previous state"),
    Rule("patch-identity", "the primary identity has changed; an upsert would create a second profile"),
    Rule("patch-duplicate", "of several records with one key the last counts", severity="warning"),
)
