"""CSV files make the same patch as their records, however they are written."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xdmprep as xp
from xdmprep.core.shipped import shipped
from xdmprep.mapping import MappingSet, map_stream
from xdmprep.read import CsvOptions, read_csv

SCHEMA = shipped("crm-profile.schema.json")
NAMES = ["id", "mail", "first", "city", "zip"]
MAPPING = {
    "identityMap.CRMID[0].id": "id",
    "identityMap.CRMID[0].primary": True,
    "identityMap.Email[0].id": "mail",
    "identityMap.Email[0].primary": False,
    "person.name.firstName": "first",
    "homeAddress.city": 'trim(concat(city, "-", first))',
    "homeAddress.postalCode": "zip",
}
cells = st.sampled_from(["", "a", "b", "é", 'x"y', '"', "a,b", "l1\nl2", "l1\r\nl2", " c", "NA", ",", '""'])
rows = st.lists(
    st.tuples(st.sampled_from(["1", "2", "3", "4", ""]), cells, cells, cells, cells), min_size=1, max_size=8
)
styles = st.fixed_dictionaries({
    "quoting": st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    "lineterminator": st.sampled_from(["\n", "\r\n"]),
})  # fmt: skip
#: What a file may have between and behind its rows.
strays = st.sampled_from(
    [b"", b"", b"", b"\n", b"\r\n", b"\n\n", b"5,only,three\n", b"7,m\xff,f,c,z\n", b'8,m"m,f,c,z\n', b'9,"m,f']
)


def written(path: Path, content: list[tuple[str, ...]], style: dict[str, Any], stray: bytes, cut: bool) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, **style).writerows([NAMES, *content[:-1]])
    with path.open("ab") as raw:
        raw.write(stray)
    with path.open("a", encoding="utf-8", newline="") as file:
        csv.writer(file, **style).writerow(content[-1])
    if cut:  # no line end behind the last row
        path.write_bytes(path.read_bytes().rstrip(b"\r\n"))
    return path


def outcome(*sides: Any, schema: xp.Schema, **options: Any) -> Any:
    try:
        patch = xp.diff(*sides, schema, jobs=0, **options)
    except xp.XdmPrepError as error:
        return type(error), str(error)
    return (patch.to_pylist(), patch.counts, patch.fields, patch.issues.to_pylist(), patch.vanished.to_pylist(),
            patch.cannot_clear.to_pylist())  # fmt: skip


@pytest.fixture(scope="module")
def schema() -> xp.Schema:
    return xp.Schema.load(SCHEMA)


@settings(max_examples=100)
@given(early=rows, late=rows, early_style=styles, late_style=styles, stray=strays, cut=st.booleans(),
       block=st.sampled_from([40, 100, 1 << 20]), null=st.booleans())  # fmt: skip
def test_files_and_their_records_make_the_same_patch(
    early: Any, late: Any, early_style: Any, late_style: Any, stray: bytes, cut: bool, block: int, null: bool,
    schema: xp.Schema, tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    folder = tmp_path_factory.mktemp("lines")
    paths = [written(folder / "early.csv", early, early_style, b"", False),
             written(folder / "late.csv", late, late_style, stray, cut)]  # fmt: skip
    opts = CsvOptions(block_bytes=block, null_values=("", "NA") if null else ("",))
    text = outcome(*paths, schema=schema, mapping=MAPPING, csv=opts)
    parsed = [map_stream(read_csv(path, opts), MappingSet(MAPPING), schema) for path in paths]
    assert text == outcome(*parsed, schema=schema)


@pytest.mark.parametrize(("was", "now"), [
    (['"', "x"], ["", "x"]),
    (['x"y', "z"], ["xy", "z"]),
    (["a,b", "c"], ["a", "b,c"]),
    (["l1\r\nl2", "c"], ["l1\nl2", "c"]),
    (["l1\nl2", "c"], ["l1", "c"]),
])  # fmt: skip
@pytest.mark.parametrize("unlike", [False, True])
def test_quotes_that_matter_are_seen(was: Any, now: Any, unlike: bool, schema: xp.Schema, tmp_path: Path) -> None:
    """Rows that would be equal without their quotes, in files that are written alike, and in such that are not."""
    others = [(str(number), "m", "f", "c", "z") for number in range(2, 9)]
    quoting = csv.QUOTE_ALL if unlike else csv.QUOTE_MINIMAL
    before = written(tmp_path / "b.csv", [("1", "m", "f", *was), *others], {"quoting": csv.QUOTE_MINIMAL}, b"", False)
    after = written(tmp_path / "a.csv", [("1", "m", "f", *now), *others], {"quoting": quoting}, b"", False)
    patch = xp.diff(before, after, schema, mapping={**MAPPING, "homeAddress.city": "city"})
    assert patch.counts.unchanged == 7 + patch.counts.cannot_clear
    assert patch.counts.changed + patch.counts.cannot_clear == 1


def test_unchanged_rows_are_found_though_files_are_written_unlike(schema: xp.Schema, tmp_path: Path) -> None:
    content = [(str(number), f"m{number}", "f", "c", "z") for number in range(50)]
    styles = [
        {"quoting": csv.QUOTE_ALL, "lineterminator": "\r\n"},
        {"quoting": csv.QUOTE_MINIMAL, "lineterminator": "\n"},
    ]
    one, other = (written(tmp_path / f"{n}.csv", content, style, b"", False) for n, style in enumerate(styles))
    patch = xp.diff(one, other, schema, mapping=MAPPING)
    assert (patch.counts.unchanged, patch.records) == (50, 0)
    content[7] = ("7", "m7", "g", "c", "z")
    changed = written(tmp_path / "changed.csv", content, styles[1], b"", False)
    assert xp.diff(one, changed, schema, mapping=MAPPING).records == 1
