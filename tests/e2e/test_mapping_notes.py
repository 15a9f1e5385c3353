"""What a mapping leaves out is told on standard error before the run."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from xdmprep.cli import xdmprep as command

SCHEMAS = Path(__file__).parents[2] / "schemas"


def test_fields_that_an_object_copy_drops_are_named(tmp_path: Path) -> None:
    source, mapping = tmp_path / "s.ndjson", tmp_path / "m.yaml"
    source.write_text('{"id": "1", "adr": {"city": "Ghent", "zip": "9000"}}\n')
    mapping.write_text("homeAddress: adr\nidentityMap.CRMID[0].id: id\nidentityMap.CRMID[0].primary: true\n")
    arguments = ["prepare", str(source), "--mapping", str(mapping), "--out", str(tmp_path / "out")]
    made = CliRunner().invoke(command, [*arguments, "--schema", str(SCHEMAS / "crm-profile.schema.json")])
    assert "warning: line 1: homeAddress <- adr: 'homeAddress.zip' is not in the schema" in made.stderr
    assert '"homeAddress":{"city":"Ghent"}' in (tmp_path / "out" / "part-00000.json").read_text()
