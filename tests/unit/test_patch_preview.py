"""What a patch says of itself: a preview of its effects, and representations without anybody's values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import xdmprep as xp

MAPPING = {
    "person.name.firstName": "name",
    "person.birthYear": "year",
    "identityMap.CRMID[0].id": "id",
    "identityMap.CRMID[0].primary": True,
}


@pytest.fixture
def patch(tmp_path: Path, schemas: Path) -> Any:
    (tmp_path / "a.csv").write_text("id,name,year\n1,Anna,1980\n2,Bob,\n3,Cy,1983\n")
    (tmp_path / "b.csv").write_text("id,name,year\n1,Anne,1980\n2,Bob,1982\n3,Cy,1983\n4,Dee,1984\n")
    return xp.diff(tmp_path / "a.csv", tmp_path / "b.csv", schemas / "crm-profile.schema.json", mapping=MAPPING)


def test_the_preview_counts_each_attribute(patch: Any) -> None:
    seen = patch.preview()
    assert (seen.records, seen.new) == (3, 1)
    changes = {path: (change.added, change.changed) for path, change in seen.attributes.items()}
    assert changes == {"person.name.firstName": (0, 1), "person.birthYear": (1, 0)}
    assert "'Anna' -> 'Anne'" in str(seen)


def test_no_representation_holds_values(patch: Any, tmp_path: Path, schemas: Path) -> None:
    result = xp.prepare(tmp_path / "b.csv", MAPPING, schemas / "crm-profile.schema.json", tmp_path / "out")
    stream = xp.map_rows(tmp_path / "b.csv", MAPPING, schemas / "crm-profile.schema.json")
    shown = {"patch": repr(patch), "result": repr(result), "stream": repr(stream), "preview": repr(patch.preview())}
    for name, text in shown.items():
        assert "\n" not in text, name
        assert len(text) < 300, name
        assert not any(value in text for value in ("Anna", "Anne", "Dee")), name
    assert shown["patch"] == "<Patch b.csv: 2 changed, 1 new, 1 unchanged>"
