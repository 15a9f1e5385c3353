"""The rules that a finding can come from: one stable code each.

A code never changes its meaning.  `platform` is the platform's own code for the same fault where one is known
(Adobe's batch ingestion error pages; the DCVS codes are community reports).  `sets` names the rule sets a rule
belongs to: ``jsonschema`` (JSON Schema draft-06 verdicts), ``batch`` (what batch ingestion is documented to check)
and ``strict`` (both, and AEP's own rules).
"""

from __future__ import annotations

from dataclasses import dataclass

from .errors import Severity

JSONSCHEMA, BATCH, STRICT = "jsonschema", "batch", "strict"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its code, what it says, its severity unless told otherwise, and where it applies."""

    code: str
    title: str
    severity: Severity = "error"
    platform: str | None = None
    sets: frozenset[str] = frozenset()


def _rules(*rules: Rule) -> dict[str, Rule]:
    return {rule.code: rule for rule in rules}


_ALL = frozenset({JSONSCHEMA, BATCH, STRICT})
_OWN = frozenset({STRICT})

RULES: dict[str, Rule] = _rules(
    # reading
    Rule("ragged-row", "the row has another number of columns than the header"),
    Rule("unreadable", "the row or line cannot be parsed", platform="INGEST-1401-400"),
    # mapping
    Rule("unparsable", "the text does not fit the destination's type; the field is left out", severity="warning"),
    Rule("expression", "the expression failed on this row; the field is left out", severity="warning"),
    Rule("missing-column", "a column that the mapping names is not in the source", severity="warning"),
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
    # AEP's own
    Rule("identity-blank", "an identity is blank or a placeholder", sets=_OWN),
    Rule("identity-ecid", "an ECID has 38 digits; the platform skips the record otherwise", sets=_OWN),
    Rule("identity-length", "an identity has at most 1024 characters", sets=_OWN),
    Rule("identity-primary", "a profile record needs exactly one primary identity", sets=_OWN),
)
