"""No cell of a table for spreadsheets starts a formula, and each reads back."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import xdmprep as xp
from xdmprep.core.cells import escape_cells, unescape_cells

STARTS = "=+-@\t\r＝＋－＠"
texts = st.lists(st.none() | st.text(alphabet=st.sampled_from("=+-@\t\r'＝a1\n \",")) | st.text(), max_size=6)


@given(texts, st.sampled_from([pa.string(), pa.large_string(), pa.string_view()]))
def test_no_text_starts_a_formula_and_the_reverse_is_exact(values: list[str | None], kind: pa.DataType) -> None:
    try:
        column = pa.array(values, kind)
    except UnicodeEncodeError:
        return
    table = pa.table({"=x": column, "n": pa.array(range(len(values)))})
    escaped = escape_cells(table)
    assert escaped.column_names == ["'=x", "n"]
    for before, after in zip(values, escaped.column(0).to_pylist(), strict=True):
        assert not (after or "").startswith(tuple(STARTS))
        assert after == before or after == f"'{before}"
    back = unescape_cells(escaped)
    assert back.column_names == ["=x", "n"]
    assert back.to_pydict() == table.to_pydict()


@given(texts, st.integers(0, 20), st.integers(0, 3))
def test_a_text_is_escaped_in_the_same_way_whatever_stands_beside_it(
    values: list[str | None], plain: int, cut: int
) -> None:
    try:
        column = pa.chunked_array(
            [pa.array(values, pa.string()), pa.array([*values, *["x"] * plain], pa.string())[cut:]]
        )
    except UnicodeEncodeError:
        return
    escaped = escape_cells(pa.table({"n": column})).column(0)
    assert escaped.type == pa.string()
    bare = [(value or "").lstrip("'")[:1] for value in column.to_pylist()]
    wanted = [
        f"'{value}" if first and first in STARTS else value
        for value, first in zip(column.to_pylist(), bare, strict=True)
    ]
    assert escaped.to_pylist() == wanted


@pytest.mark.parametrize(
    "value", ["=cmd|' /C calc'!A1", "+1", "-5", "@SUM(A1)", "\t=1", "'=1", "''-2", "'tis", "plain"]
)
def test_files_for_people_are_escaped_and_data_is_not(value: str, tmp_path: Path, schemas: Path) -> None:
    source = pa.table({"id": ["1", value], "g": [value, "male"]})
    mapping = {"identityMap.LOYALTYID[0].id": "id", "person.gender": "g"}
    done = xp.prepare(source, mapping, schemas / "crm-profile.schema.json", tmp_path / "out", strict=True)
    with (tmp_path / "out" / "issues.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    cells = {cell for row in rows for cell in row}
    assert not any(cell.startswith(tuple(STARTS)) for cell in cells)
    escaped = value if value in ("'tis", "plain") else f"'{value}"
    assert escaped in cells
    done.report.save(tmp_path / "report.csv")
    with (tmp_path / "report.csv").open(newline="", encoding="utf-8") as file:
        assert escaped in {cell for row in csv.reader(file) for cell in row}
    rejects = (tmp_path / "out" / "rejects.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(rejects[0])["source"]["g"] == value  # JSON is data
    # data for the platform stays what it is
    xp.write_csv(source, tmp_path / "data")
    with (tmp_path / "data" / "part-00000.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file))[1:] == [["1", value], [value, "male"]]


def test_vanished_keys_are_escaped(tmp_path: Path, schemas: Path) -> None:
    from xdmprep.cli import run

    (tmp_path / "a.csv").write_text("id,y\n=1+1,1\n-2,2\nz,3\n")
    (tmp_path / "b.csv").write_text("id,y\nz,3\n")
    (tmp_path / "m.json").write_text(json.dumps({"identityMap.LOYALTYID[0].id": "id", "person.name.lastName": "y"}))
    arguments = ["diff", "a.csv", "b.csv", "-m", "m.json", "-o", "out", "-s", str(schemas / "crm-profile.schema.json")]
    arguments = [str(tmp_path / word) if (tmp_path / word).exists() or word == "out" else word for word in arguments]
    assert run([*arguments, "--on", "identityMap.LOYALTYID[0].id"]) == 1
    with (tmp_path / "out" / "vanished.csv").open(newline="", encoding="utf-8") as file:
        assert [row[1] for row in csv.reader(file)][1:] == ["'=1+1", "'-2"]


def test_mended_rows_leave_the_others_as_they_were(tmp_path: Path, schemas: Path) -> None:
    from xdmprep.pipeline.resubmit import mend

    source = pa.table({"id": ["1", "2", "3"], "g": ["=bad", "'=bad", "-bad"]})
    (tmp_path / "source.csv").write_text(
        "id,g\n" + "".join(f"{i},{g}\n" for i, g in zip(*source.to_pydict().values(), strict=True))
    )
    mapping = {"identityMap.LOYALTYID[0].id": "id", "identityMap.LOYALTYID[0].primary": True, "person.gender": "g"}
    xp.prepare(tmp_path / "source.csv", mapping, schemas / "crm-profile.schema.json", tmp_path / "out")
    before = (tmp_path / "out" / "issues.csv").read_text()
    (tmp_path / "one.jsonl").write_text('{"row": 2, "source": {"id": "2", "g": "male"}}\n')
    assert mend(tmp_path / "out", tmp_path / "one.jsonl").written == 1
    after = (tmp_path / "out" / "issues.csv").read_text()
    values = [row["value"] for row in csv.DictReader(after.splitlines())]
    assert values == ["'=bad", "'-bad"]
    assert len(before.splitlines()) == len(after.splitlines()) + 1
