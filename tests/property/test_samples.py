"""Made-up records: valid ones are valid for `jsonschema` too, invalid ones break a rule and say which."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xdmprep as xp
from xdmprep.emulator import Emulator
from xdmprep.errors import UsageError
from xdmprep.testing import records

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
PROFILE = xp.Schema.load(SCHEMAS / "crm-profile.schema.json")
EVENT = xp.Schema.load(SCHEMAS / "purchase-event.schema.json")
CHECK = {schema: jsonschema.Draft6Validator(schema.json_schema) for schema in (PROFILE, EVENT)}


@pytest.mark.parametrize("schema", [PROFILE, EVENT], ids=lambda schema: schema.title)
def test_the_strategy_makes_valid_records(schema: xp.Schema) -> None:
    @settings(max_examples=40)
    @given(records(schema))
    def holds(record: Any) -> None:
        assert not list(CHECK[schema].iter_errors(record))
        assert not [issue for issue in schema.check(record) if issue.severity == "error"]

    holds()


@pytest.mark.parametrize("schema", [PROFILE, EVENT], ids=lambda schema: schema.title)
def test_the_strategy_makes_invalid_records_with_their_reason(schema: xp.Schema) -> None:
    codes = set()

    @settings(max_examples=40)
    @given(records(schema, valid=False))
    def holds(pair: Any) -> None:
        record, reason = pair
        errors = [issue for issue in schema.check(record) if issue.severity == "error"]
        assert reason.code in {issue.code for issue in errors}
        codes.add(reason.code)

    holds()
    assert len(codes) >= 3


@settings(max_examples=15)
@given(st.integers(0, 10**9), st.booleans())
def test_a_seed_gives_the_same_records(seed: int, invalid: bool) -> None:
    made = xp.sample(PROFILE, 3, seed=seed, invalid=invalid)
    assert made == xp.sample(SCHEMAS / "crm-profile.schema.json", 3, seed=seed, invalid=invalid)
    assert len(made) == 3
    assert made[:2] == xp.sample(PROFILE, 2, seed=seed, invalid=invalid)
    assert made != xp.sample(PROFILE, 3, seed=seed + 1, invalid=invalid)
    assert [bool([i for i in PROFILE.check(one) if i.severity == "error"]) for one in made] == [invalid] * 3
    assert json.loads(json.dumps(made)) == copy.deepcopy(made)


def test_a_sample_has_no_negative_size() -> None:
    with pytest.raises(UsageError, match="from 0 on, got -1"):
        xp.sample(PROFILE, -1)


def test_the_fixture_is_an_empty_emulator(xdm_emulator: Emulator) -> None:
    from xdmprep.client import Client

    with Client(url=xdm_emulator.url) as client:
        assert client.batches() == []
