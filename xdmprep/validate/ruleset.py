"""Rule sets: which rules apply, and whether each is an error or a warning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from ..core.rules import BATCH, JSONSCHEMA, RULES, STRICT
from ..errors import Severity, UsageError, did_you_mean, shorten

NAMES = (STRICT, BATCH, JSONSCHEMA)

#: Severities in a set that differ from the rule's own.  Adobe's "Data quality" page says that batch
#: ingestion checks neither pattern nor format, its troubleshooting page that it does: in `batch` they warn.
_IN_SET: dict[str, dict[str, str]] = {BATCH: {"pattern": "warning", "format": "warning"}}


@dataclass(frozen=True)
class Rules:
    """A rule set.  Made by :meth:`of`.

    Attributes:
        name: ``strict``, ``batch`` or ``jsonschema``.
        settings: severity of each rule that applies; what is not in it is off.
        converts: values of another type that the platform converts at ingestion are accepted (`batch`).
    """

    name: str
    settings: Mapping[str, Severity]
    converts: bool = False

    @classmethod
    def of(cls, name: str | Rules = STRICT, severities: Mapping[str, str] | None = None) -> Rules:
        """The set called `name`, with the severities of single rules changed.

        Args:
            name: ``strict`` (default), ``batch``, ``jsonschema``, or a Rules to change.
            severities: rule code -> ``error``, ``warning`` or ``off``.  A rule that the set does not have is added.

        Raises:
            UsageError: no such set, rule or severity.
        """
        if isinstance(name, Rules):
            settings = dict(name.settings)
            converts, name = name.converts, name.name
        else:
            if not isinstance(name, str) or name not in NAMES:
                raise UsageError(
                    f"no rule set {shorten(name)}.{did_you_mean(name, NAMES)} There are: {', '.join(NAMES)}."
                )
            settings = {code: rule.severity for code, rule in RULES.items() if name in rule.sets}
            converts = name == BATCH
            severities = {**_IN_SET.get(name, {}), **(severities or {})}
        for code, severity in (severities or {}).items():
            if code not in RULES:
                raise UsageError(f"no rule {code!r}.{did_you_mean(code, RULES)}")
            if severity == "off":
                settings.pop(code, None)
            elif severity in ("error", "warning"):
                settings[code] = cast(Severity, severity)
            else:
                raise UsageError(f"rule {code!r}: severity {severity!r}; expected 'error', 'warning' or 'off'.")
        return cls(name, settings, converts)

    def severity(self, code: str) -> Severity | None:
        """The severity of a rule, None if it is off."""
        return self.settings.get(code)

    def __contains__(self, code: object) -> bool:
        return code in self.settings

    def __hash__(self) -> int:
        return hash((self.name, self.converts, tuple(sorted(self.settings.items()))))
