"""The shared Data Prep cases: expressions and outputs from the platform's documentation."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from conftest import SHARED

from xdmprep.errors import ExpressionError
from xdmprep.language import catalogue, evaluate

CORPUS = SHARED / "conformance" / "data-prep"


def _lines(name: str) -> list[Any]:
    path = CORPUS / name
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    cases = [json.loads(line) for line in lines]
    return [pytest.param(case, id=case["id"]) for case in cases if "expression" in case]


def matches(case: dict[str, Any], got: Any, wanted: Any) -> bool:
    """Whether `got` is what the case expects, by the corpus's rules of comparison."""
    if case["function"].startswith("aa_get_event") and got is not None:
        return str(got) == str(wanted)
    if case["function"] == "get_keys" and isinstance(wanted, list):
        return isinstance(got, list) and sorted(got) == sorted(wanted)
    if isinstance(wanted, dict) and isinstance(got, dict):
        return got.keys() == wanted.keys() and all(matches(case, got[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list) and isinstance(got, list):
        return len(got) == len(wanted) and all(matches(case, a, b) for a, b in zip(got, wanted, strict=True))
    if isinstance(wanted, bool) or isinstance(got, bool) or wanted is None or got is None:
        return got is wanted
    return bool(got == wanted) or (case["category"] != "string" and _instant(got) == _instant(wanted) is not None)


def _instant(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@pytest.mark.shared
@pytest.mark.parametrize("case", _lines("cases.jsonl"))
def test_a_documented_example_gives_what_the_page_says(case: dict[str, Any]) -> None:
    if case["function"] == "fpid_to_ecid":  # no public algorithm: the corpus counts it apart
        with pytest.raises(ExpressionError, match="does not publish"):
            evaluate(case["expression"], case["data"])
        return
    got = evaluate(case["expression"], case["data"], target_type=case.get("target_type"))
    assert matches(case, got, case["expected"]), got


#: What we decided against the likelier candidate, or where the corpus has none: id -> our answer ("error": refused).
DECIDED = {
    "amb.date.format.01": "error",  # an unquoted date is no expression
    "amb.date.zone-date-to-utc.01": "error",
    "amb.field.field.04": "error",  # [*] stands in plain field mappings only
    "amb.object.contains-key.01": False,  # null is absent
    "amb.logic.iif.02": None,  # nullify() is chosen
    "amb.conversion.to-bigint.01": 1000000,
    "amb.coercion.to-date-time.01": "2024-05-05T20:39:00.005Z",  # nothing is dropped
    "amb.json.json-to-object.01": {"info": {"firstName": "FIRST", "lastName": "LAST"}},  # an object stays itself
    "amb.object.str-to-object.01": {"firstName": "FIRST", "lastName": "", "": "123 345 7890"},
    "amb.array.array-to-string.01": '{"id":1,"orgName":"Acme Inc","founded":1990}_'
    '{"id":2,"orgName":"Superstar Inc","founded":2004}_{"id":3,"orgName":"Energy Corp","founded":2021}',
}
VOLATILE = {"now", "timestamp", "zone_date_to_zone", "uuid", "guid"}


@pytest.mark.shared
@pytest.mark.parametrize("case", _lines("ambiguous.jsonl"))
def test_every_ambiguous_case_is_decided(case: dict[str, Any]) -> None:
    decided = case["id"] in DECIDED
    wanted = DECIDED[case["id"]] if decided else (case.get("candidates") or [None])[0]
    if wanted == "error":
        with pytest.raises(ExpressionError):
            evaluate(case["expression"], case["data"])
        return
    if case["category"] == "mapping":
        pytest.skip("a mapping, not an expression")
    got = evaluate(case["expression"], case["data"], target_type=case.get("target_type"))
    if case["function"] in VOLATILE and not decided:
        assert got is not None
    else:
        assert matches(case, got, wanted), got


@pytest.mark.shared
def test_every_documented_function_is_in_the_catalogue() -> None:
    known = {name for entry in catalogue() for name in (entry.name, *entry.aliases)}
    facts = (SHARED / "facts" / "data-prep.md").read_text(encoding="utf-8")
    rows = [line for line in facts.split("## 4.")[1].split("## 5.")[0].splitlines() if line.startswith("| `")]
    cells = " ".join(row.split("|")[1] for row in rows)
    named = set(re.findall(r"`(\w+)`", cells))
    assert len(named) > 90
    assert not named - known
