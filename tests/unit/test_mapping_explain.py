"""`xdmprep mapping explain`: how each mapping runs, and why."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner

from xdmprep.cli.mapping import mapping as command
from xdmprep.errors import UsageError
from xdmprep.mapping import MappingSet
from xdmprep.mapping.check import check_mapping
from xdmprep.mapping.explain import explain_mapping
from xdmprep.read import open_source

TABLE = pa.table(
    {
        "a": ["x", "y", None] * 20,
        "j": ['{"k": 1}', "[2]", None] * 20,
        "l": [["p", "q"], [], None] * 20,
        "n": list(range(60)),
    }
)
CASES = {
    "copy": ("a", "columns"),
    "constant": ('"fixed"', "columns"),
    "object": ('to_array(false, iif(a != null && a != "", to_object("id", a, "primary", false), null))', "columns"),
    "lambda": ('transformArray(l, i -> {"k": i, "n": n})', "columns"),
    "mixed": ("iif(n > 3, a, n)", "columns"),
    "json": ("json_to_object(j).k", "distinct"),  # half of the texts have another shape
    "agent": ("ua_os_name(a)", "distinct"),
    **{
        f"look {i}": (text, "distinct")
        for i, text in enumerate(
            [
                'a.replaceAll("(?<=xz)y", "")',
                'a.split("(?<=xy)")',
                'extract_regex(a, "(.)\\\\1")',
                'matches_regex(a, "(.)\\\\1")',
                'explode(concat(a, "b"), "(?<=xy)")',
                'size_of(a.split("(?<=xy)"))',
                'join("", transformArray(l, i -> i.replaceAll("(.)\\\\1", "")))',
            ]
        )
    },
    "word": ('size_of(concat("", n).replaceAll("[0-9]+", ""))', "columns"),
    "rows": ('0 + l.lastIndexOf(["q"])', "rows"),
}


@pytest.mark.parametrize("name", CASES)
def test_how_a_mapping_runs_on_the_first_rows(name: str) -> None:
    source, runs = CASES[name]
    (found,) = explain_mapping(MappingSet({"x": source}), open_source(TABLE), None)
    assert (found.runs, found.destination, found.source) == (runs, "x", source)
    assert found.why and found.micros is not None and found.micros >= 0


def test_rows_are_at_least_one() -> None:
    with pytest.raises(UsageError):
        explain_mapping(MappingSet({"x": "a"}), open_source(TABLE), None, rows=0)


def test_check_warns_of_what_runs_row_by_row() -> None:
    found = check_mapping(MappingSet({"x": CASES["rows"][0], "y": "upper(a)", "z": CASES["json"][0]}), TABLE.schema)
    assert len(found.warnings) == 1 and "row by row" in found.warnings[0] and ".lastIndexOf()" in found.warnings[0]


def test_the_command_prints_each_mapping(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("a,b\n1,2\n")
    (tmp_path / "m.yaml").write_text("x.y: upper(a)\nx.z: ua_os_name(b)\n")
    arguments = ["explain", str(tmp_path / "m.yaml"), "--source", str(tmp_path / "s.csv")]
    made = CliRunner().invoke(command, arguments)
    assert made.exit_code == 0 and "2 mappings: 1 columns, 1 distinct, 0 rows" in made.output, made.output
    facts = json.loads(CliRunner().invoke(command, [*arguments, "--json"]).stdout)
    assert [one["runs"] for one in facts["mappings"]] == ["columns", "distinct"]
    assert {"destination", "source", "runs", "why", "us_per_row"} == set(facts["mappings"][0])


def test_a_column_that_the_source_lacks_is_said_to_be_null() -> None:
    mapping = MappingSet({"$missing": "null", "a": "GONE", "b": "ID"})
    found = explain_mapping(mapping, open_source(pa.table({"ID": ["1"]})), None)
    assert [one.why for one in found] == ["the source has no column 'GONE': null in every row", "a column"]
