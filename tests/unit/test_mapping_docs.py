"""What xdmprep/docs/mapping.md shows is true."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from xdmprep.mapping import MappingSet, map_stream
from xdmprep.mapping.check import check_mapping
from xdmprep.mapping.files import parse_yaml
from xdmprep.read import open_source
from xdmprep.schema import Schema

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "xdmprep" / "docs" / "mapping.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_the_mapping_files_are_sound(block: str) -> None:
    name = "purchase-event" if "productListItems" in block else "crm-profile"
    schema = Schema.load(ROOT / "schemas" / f"{name}.schema.json")
    found = check_mapping(MappingSet(parse_yaml(block, "docs")), None, schema)
    assert found.faults == ()


def test_the_message_is_what_is_said() -> None:
    schema = Schema.load(ROOT / "schemas" / "crm-profile.schema.json")
    rows = [{"DOB": "1979-01-03"}] * 3 + [{"DOB": "1979-01-3"}]
    stream = map_stream(open_source(pa.Table.from_pylist(rows)), MappingSet({"person.birthDate": "DOB"}), schema)
    (issue,) = [issue for chunk in stream for finding in chunk.issues for issue in finding.issues()]
    assert str(issue) in TEXT
    assert str(issue) in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_callables_run() -> None:
    schema = Schema.load(ROOT / "schemas" / "crm-profile.schema.json")
    mapping = MappingSet({"person.name.firstName": "F_NAME"})
    (block,) = [b for b in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL) if "def year" in b]
    exec(block, {"mapping": mapping, "pc": pc, "pd": pd})
    rows = [{"F_NAME": "a", "L_NAME": "b", "DOB": "1980-01-02", "Country of birth": "nl"}]
    assert map_stream(open_source(pa.Table.from_pylist(rows)), mapping, schema).to_pylist() == [
        {
            "person": {
                "name": {"firstName": "a", "fullName": "a b"},
                "birthYear": 1980,
                "nationality": "NL",
            }
        }
    ]
