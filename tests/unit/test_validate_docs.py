"""Documentation that is made from the code stays equal to it."""

from __future__ import annotations

from pathlib import Path

from xdmprep.core.rules import RULES

PAGE = Path(__file__).resolve().parents[2] / "xdmprep" / "docs" / "validation.md"
BEGIN, END = "<!-- rules: begin -->\n", "<!-- rules: end -->"


def rule_table() -> str:
    """The table of all rules as it is in the documentation."""
    lines = ["| code | what | severity | rule sets | platform |", "|---|---|---|---|---|"]
    for rule in RULES.values():
        sets = ", ".join(f"`{name}`" for name in ("jsonschema", "batch", "strict") if name in rule.sets)
        lines.append(f"| `{rule.code}` | {rule.title} | {rule.severity} | {sets} | {rule.platform or ''} |")
    return "\n".join(lines) + "\n"


def test_the_table_of_rules_equals_the_code() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text[text.index(BEGIN) + len(BEGIN) : text.index(END)] == rule_table()
