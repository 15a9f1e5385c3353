"""Whatever keys a set of Data Prep has, it can be saved in every form, and own files give all of it back."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import xdmprep as xp

texts = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=12)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
own_keys = st.sampled_from(["outputSchema", "inputSchema", "extensions", "createdBy", "note", "x y"])
schema_ref = st.just(
    {"schemaRef": {"id": "https://ns.example/s", "contentType": "application/vnd.adobe.xed-full+json;version=1"}}
)


@settings(max_examples=60)
@given(
    st.dictionaries(own_keys, json_values | schema_ref, max_size=4),
    st.dictionaries(st.sampled_from(["createdDate", "extra", "notes"]), json_values, max_size=2),
)
@example({"outputSchema": ["0E0", "1e5", "+.5E1", ".5", "-0e0", "1_000", "0x1F", "1:30", "NO", "~", "2024-05-01"]}, {})
@pytest.mark.parametrize("suffix", [".yaml", ".json"])
def test_a_set_with_any_further_keys_is_saved_and_read_back(suffix, of_set, of_mapping):  # type: ignore[no-untyped-def]
    mappings = [
        {"sourceType": "ATTRIBUTE", "source": "a", "destination": "b.c", **of_mapping},
        {"sourceType": "EXPRESSION", "source": "upper(a)", "destination": "d"},
    ]
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "posted.json").write_text(json.dumps({**of_set, "mappings": mappings}), encoding="utf-8")
        try:
            first = xp.MappingSet.load(folder / "posted.json")
        except xp.MappingError:
            return  # a known key with a value that it cannot have
        first.save(folder / f"own{suffix}")
        again = xp.MappingSet.load(folder / f"own{suffix}")
        assert again.to_dict() == first.to_dict()
        for form in ("posted", "stored"):
            first.save(folder / f"{form}.json", form)
            assert [(one.destination, one.text) for one in xp.MappingSet.load(folder / f"{form}.json").mappings] == [
                (one.destination, one.text) for one in first.mappings
            ]
