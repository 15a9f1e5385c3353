"""The page about the rules: a section for each code, and every example finds what it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import xdmprep as xp
from xdmprep.cli.explain import _SECTION, PAGE, explain, section
from xdmprep.core.rules import RULES
from xdmprep.errors import UsageError
from xdmprep.schema.lint import lint

EXAMPLES = {code: section(code)["example"] for code in RULES if "example" in section(code)}
PROFILE = {
    "$id": "https://ns.adobe.com/acme/schemas/example",
    "title": "Example",
    "type": "object",
    "meta:class": "https://ns.adobe.com/xdm/context/profile",
}
IDENTITY_MAP = {
    "type": "object",
    "additionalProperties": {
        "type": "array",
        "items": {"type": "object", "properties": {"id": {"type": "string"}, "primary": {"type": "boolean"}}},
    },
}


def schema_of(example: dict[str, Any]) -> Any:
    if "identity" in example or "profile" in example:
        return {**PROFILE, "properties": {"identityMap": IDENTITY_MAP}}
    return {**PROFILE, **example.get("schema", {"properties": {"x": example.get("field", {"type": "string"})}})}


def record_of(example: dict[str, Any], value: Any) -> Any:
    if "identity" in example:
        return {"identityMap": {example["identity"]: [{"id": value, "primary": True}]}}
    return value if "schema" in example or "profile" in example else {"x": value}


def codes(report: Any) -> set[str]:
    return set(report.issues["code"].to_pylist())


def test_each_rule_has_one_section_with_reason_and_mend() -> None:
    found = [match["code"] for match in _SECTION.finditer(PAGE.read_text(encoding="utf-8"))]
    assert sorted(found) == sorted(RULES)
    for code in RULES:
        assert section(code)["why"], code
        assert section(code)["mend"], code


@pytest.mark.parametrize("code", [code for code, example in EXAMPLES.items() if "bad" in example])
def test_the_bad_value_breaks_the_rule_and_the_good_one_does_not(code: str) -> None:
    example = EXAMPLES[code]
    schema = xp.Schema.from_dict(schema_of(example))
    rules = example.get("rules", "strict" if "strict" in RULES[code].sets else "jsonschema")
    bad = {issue.code for issue in schema.check(record_of(example, example["bad"]), rules=rules)}
    good = {issue.code for issue in schema.check(record_of(example, example["good"]), rules=rules)}
    assert code in bad
    assert code not in good


@pytest.mark.parametrize("code", [code for code, example in EXAMPLES.items() if "bad_line" in example])
def test_the_bad_line_breaks_the_rule_and_the_good_one_does_not(code: str, tmp_path: Path) -> None:
    example = EXAMPLES[code]
    found = {}
    for name in ("bad_line", "good_line"):
        file = tmp_path / f"{name}.json"
        file.write_text(example[name] + "\n")
        found[name] = codes(xp.validate(file, xp.Schema.from_dict(schema_of(example)), rules="jsonschema"))
    assert code in found["bad_line"]
    assert code not in found["good_line"]


@pytest.mark.parametrize("code", [code for code, example in EXAMPLES.items() if "csv" in example])
def test_the_source_breaks_the_rule_and_the_good_one_does_not(code: str, tmp_path: Path) -> None:
    example = EXAMPLES[code]
    fields = {name: {"type": "string"} for name in ("name", "city")}
    fields[example.get("destination", "name")] = example.get("field", {"type": "string"})
    schema = xp.Schema.from_dict({**PROFILE, "properties": fields})
    found = {}
    for name in ("csv", "good"):
        file = tmp_path / f"{name}.csv"
        file.write_text(example[name])
        found[name] = codes(
            xp.prepare(file, xp.MappingSet(example["mapping"]), schema, tmp_path / name, rules="jsonschema").report
        )
    assert code in found["csv"]
    assert code not in found["good"]


@pytest.mark.parametrize("code", [code for code, example in EXAMPLES.items() if "lint" in example])
def test_the_schema_breaks_the_rule(code: str) -> None:
    assert code in {issue.code for issue in lint(xp.Schema.from_dict(EXAMPLES[code]["lint"]))}


def test_explain_prints_the_section() -> None:
    done = CliRunner().invoke(explain, ["pattern"], standalone_mode=False)
    assert "pattern: does not match the pattern" in done.output
    assert section("pattern")["mend"][:40] in done.output
    facts = json.loads(CliRunner().invoke(explain, ["identity-ecid", "--json"], standalone_mode=False).output)
    assert (facts["code"], facts["severity"], facts["sets"]) == ("identity-ecid", "error", ["strict"])
    assert CliRunner().invoke(explain, ["--list"], standalone_mode=False).output.count("\n") == len(RULES)


@pytest.mark.parametrize(("arguments", "say"), [(["patern"], "Did you mean 'pattern'"), ([], "Give the code")])
def test_a_wrong_code_names_the_near_one(arguments: list[str], say: str) -> None:
    done = CliRunner().invoke(explain, arguments, standalone_mode=False)
    assert isinstance(done.exception, UsageError)
    assert say in str(done.exception)
