"""Several files as one run: lists, folders and globs; every finding and reject names its file and row."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import xdmprep as xp
from xdmprep.cli.prepare import prepare as command
from xdmprep.core.stream import reading
from xdmprep.errors import MappingError, SourceError
from xdmprep.pipeline.resubmit import mend
from xdmprep.read import CsvOptions, open_source, several

MAPPING = {
    "person.name.firstName": "name",
    "person.birthYear": "year",
    "identityMap.CRMID[0].id": "id",
    "identityMap.CRMID[0].primary": True,
}

#: file -> its text; year 0 is below the minimum, "soon" is no number, a third cell too many is a ragged row
FILES = {
    "day1.csv": "id,name,year\n1,Ann,1980\n2,Bob,0\n3,Cy,soon\n",
    "day2.csv": "year,id,name\n1981,4,Dee\n1982,5\n0,6,Flo\n",
    "day3.csv": "id,name,year\n\n7,Gil,1983\n8,Hal,0\n",
}
#: (file, row within it) of the rows that are set aside
ASIDE = [("day1.csv", 2), ("day2.csv", 2), ("day2.csv", 3), ("day3.csv", 2)]


@pytest.fixture
def days(tmp_path: Path) -> Path:
    folder = tmp_path / "days"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def schema(schemas: Path) -> Path:
    return schemas / "crm-profile.schema.json"


def rejects(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "rejects.jsonl").read_text().splitlines()]


def records(out: Path) -> list[dict[str, Any]]:
    files = xp.Manifest.load(out).files
    return [json.loads(line) for file in files for line in (out / file.name).read_text().splitlines()]


def of(file: str) -> str:
    return Path(file).name


@pytest.mark.parametrize("given", ["list", "folder", "glob", "files"])
@pytest.mark.parametrize("block", [12, 5 << 20])
def test_all_ways_to_name_the_files_give_one_run(
    days: Path, schema: Path, tmp_path: Path, given: str, block: int
) -> None:
    source: Any = {
        "list": [days / name for name in FILES],
        "files": [str(days / "day1.csv"), str(days / "day[23].csv")],
        "folder": days,
        "glob": str(days / "*.csv"),
    }[given]
    result = xp.prepare(source, MAPPING, schema, tmp_path / "out", csv=CsvOptions(block_bytes=block))
    assert (result.rows, result.written, result.rejected) == (8, 4, 4)
    assert [record["identityMap"]["CRMID"][0]["id"] for record in records(tmp_path / "out")] == ["1", "3", "4", "7"]
    assert [(of(entry["file"]), entry["row"]) for entry in rejects(tmp_path / "out")] == ASIDE
    with (tmp_path / "out" / "issues.csv").open(newline="") as file:
        found = [(of(row["file"]), int(row["row"]), row["code"]) for row in csv.DictReader(file)]
    assert found == [
        ("day1.csv", 2, "minimum"), ("day1.csv", 3, "unparsable"), ("day2.csv", 2, "ragged-row"),
        ("day2.csv", 3, "minimum"), ("day3.csv", 2, "minimum"),
    ]  # fmt: skip
    table = result.report.issues.to_pylist()
    assert [(of(row["file"]), row["row"], row["code"]) for row in table] == found
    assert [(of(issue.file or ""), issue.row) for issue in result.report] == [row[:2] for row in found]
    entry = next(entry for entry in rejects(tmp_path / "out") if "text" in entry)
    assert (entry["line"], entry["text"]) == (3, "1982,5")
    counts = [(of(file["name"]), file["rows"]) for file in xp.Manifest.load(tmp_path / "out").source["files"]]
    assert counts == [("day1.csv", 3), ("day2.csv", 3), ("day3.csv", 2)]


def test_the_summary_names_the_file_of_the_first_row(days: Path, schema: Path, tmp_path: Path) -> None:
    (days / "day1.csv").write_text("id,name,year\n1,Ann,1980\n")
    result = xp.prepare(days, MAPPING, schema, tmp_path / "out")
    group = next(group for group in result.report.groups if group.code == "minimum")
    assert (of(group.file or ""), group.first_row, group.count) == ("day2.csv", 3, 2)
    assert "first in row 3 of" in str(result.report)


def test_mended_rejects_of_several_files(days: Path, schema: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    xp.prepare(days, MAPPING, schema, out)
    lines = []
    for entry in rejects(out):
        if (of(entry["file"]), entry["row"]) == ("day2.csv", 3):
            entry["source"]["year"] = "1985"
        lines.append(json.dumps(entry) + "\n")
    (tmp_path / "mended.jsonl").write_text("".join(lines))
    done = mend(out, tmp_path / "mended.jsonl")
    assert (done.written, done.manifest.written, done.manifest.rejected) == (1, 5, 3)
    assert records(out)[-1]["identityMap"]["CRMID"][0]["id"] == "6"
    left = [place for place in ASIDE if place != ("day2.csv", 3)]
    assert [(of(entry["file"]), entry["row"]) for entry in rejects(out)] == left
    with (out / "issues.csv").open(newline="") as file:
        places = {(of(row["file"]), int(row["row"])) for row in csv.DictReader(file)}
    assert places == {*left, ("day1.csv", 3)}


def test_a_column_that_one_file_lacks(days: Path, schema: Path, tmp_path: Path) -> None:
    (days / "day2.csv").write_text("id,name\n4,Dee\n")
    with pytest.raises(MappingError, match=r"day2.csv has no column 'year'.*\$missing: null"):
        xp.prepare(days, MAPPING, schema, tmp_path / "out")
    result = xp.prepare(days, {**MAPPING, "$missing": "null"}, schema, tmp_path / "out")
    missing = [row for row in result.report.issues.to_pylist() if row["code"] == "missing-column"]
    assert [(of(row["file"]), row["row"], row["column"]) for row in missing] == [("day2.csv", 1, "year")]
    del (unmapped := dict(MAPPING))["person.birthYear"]
    assert xp.prepare(days, unmapped, schema, tmp_path / "out2").rejected == 0


def test_parquet_and_json_files(schema: Path, tmp_path: Path) -> None:
    for number, kind in enumerate((pa.int32(), pa.int64(), pa.string())):
        table = pa.table({"id": [f"{number}a"], "name": ["Ann"], "year": pa.array([1980], pa.int64()).cast(kind)})
        pq.write_table(table, tmp_path / f"{number}.parquet")
        (tmp_path / f"{number}.json").write_text(json.dumps(table.to_pylist()[0]) + "\n")
    expected = [(f"{number}a", 1980) for number in range(3)]
    for ending in ("parquet", "json"):
        made = xp.map_rows(str(tmp_path / f"*.{ending}"), MAPPING, xp.Schema.load(schema)).to_pylist()
        assert [(r["identityMap"]["CRMID"][0]["id"], r["person"]["birthYear"]) for r in made] == expected


def test_rows_of_one_record_may_lie_in_several_files(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,code\n1,x\n2,y\n")
    (tmp_path / "b.csv").write_text("id,code\n2,z\n1,w\n")
    made = xp.map_rows(tmp_path, {"$group_by": "id", "key": "id", "codes[*].value": "code"}).to_pylist()
    assert made == [
        {"key": "1", "codes": [{"value": "x"}, {"value": "w"}]},
        {"key": "2", "codes": [{"value": "y"}, {"value": "z"}]},
    ]


def test_a_folder_of_our_own_output_is_its_parts(days: Path, schema: Path, tmp_path: Path) -> None:
    xp.prepare(days, MAPPING, schema, tmp_path / "out", max_rows=2)
    report = xp.validate(tmp_path / "out", schema)
    assert (report.rows, report.valid) == (4, True)


def test_files_without_rows_are_listed(days: Path, schema: Path, tmp_path: Path) -> None:
    (days / "day2.csv").write_text("id,name,year\n")
    result = xp.prepare(days, MAPPING, schema, tmp_path / "out")
    counts = [file["rows"] for file in result.manifest.source["files"]]
    assert (result.rows, counts[1], sum(counts)) == (5, 0, 5)


@pytest.mark.parametrize(
    ("make", "say"),
    [
        (lambda folder: folder / "none*.csv", "no file matches"),
        (lambda folder: [folder / "day1.csv", folder / "day1.csv"], "given twice"),
        (lambda folder: (folder / "empty").mkdir() or folder / "empty", "a folder without CSV"),
        (lambda folder: (folder / "x.json").write_text("{}") and folder, r"3 CSV and 1 JSON files. Say which"),
    ],
)
def test_what_cannot_be_one_run_is_refused(days: Path, schema: Path, tmp_path: Path, make: Any, say: str) -> None:
    with pytest.raises(SourceError, match=say):
        xp.prepare(make(days), MAPPING, schema, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_command_takes_several_sources(days: Path, schema: Path, tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(json.dumps(MAPPING))
    options = ["-m", tmp_path / "m.json", "-s", schema, "-o", tmp_path / "out", "--json"]
    files = [days / name for name in FILES]
    done = CliRunner().invoke(command, [str(part) for part in (*files, *options)], standalone_mode=False)
    assert done.return_value == 1
    assert json.loads(done.stdout)["rows"] == 8


def test_a_patch_between_folders(days: Path, schema: Path, tmp_path: Path) -> None:
    later = tmp_path / "later"
    later.mkdir()
    for name, text in FILES.items():
        (later / name).write_text(text.replace("Gil", "Gus").replace(",0\n", ",1990\n"))
    patch = xp.diff(days, later, schema, mapping=MAPPING)
    names = {record["person"]["name"]["firstName"] for record in patch.to_pylist() if "name" in record["person"]}
    assert "Gus" in names


def test_a_folder_that_goes_away_while_it_is_listed_has_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.csv").write_text("x\n1\n")
    (tmp_path / "gone").mkdir()
    listed = os.scandir

    def scandir(path: object = ".") -> object:
        if str(path).endswith("gone"):
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return listed(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", scandir)
    assert xp.map_rows(tmp_path, {"x": "x"}).to_pylist() == [{"x": "1"}]


@pytest.mark.parametrize("format", ["json", "parquet"])
def test_small_files_together_are_what_they_are_one_by_one(
    tmp_path: Path, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same records, findings, rejects and counts, each with its file, row and line."""
    random = Random(7)
    folder = tmp_path / "days"
    folder.mkdir()
    for number in range(40):
        names = random.sample(["id", "n", "day"], 3)[: random.choice([2, 3, 3])]
        lines = [",".join(names)]
        for row in range(random.choice([0, 1, 5, 700])):
            values = {
                "id": f"{number}-{row}",
                "n": random.choice(["1", "x", ""]),
                "day": random.choice(["2024-01-02", "?"]),
            }
            line = ",".join(values[name] for name in names)
            lines.append(
                line
                if random.random() > 0.05
                else random.choice([line + ",q", "", "a\udcff,b,c" if row < 30 else line])
            )
        text = "\n".join(lines) + random.choice(["", "\n", '\n"never closed,1,2\nmore'])
        (folder / f"{number:02}.csv").write_bytes(text.encode(errors="surrogateescape"))
    schema = xp.Schema.from_dict({"$id": "https://e.example/s", "title": "S", "type": "object", "properties": {
        "id": {"type": "string"}, "n": {"type": "integer"}, "day": {"type": "string", "format": "date"}}})  # fmt: skip
    mapping = {"$missing": "null", "id": "id", "n": "n", "day": "day"}

    def output(name: str) -> tuple[list[bytes], list[Any]]:
        out = tmp_path / name
        result = xp.prepare(folder, mapping, schema, out, format=format, strict=name.startswith("strict"), max_loss=100)
        assert result.rows == result.written + result.rejected
        files = sorted(out.glob("part-*")) if format == "json" else []
        made = [file.read_bytes() for file in [*files, out / "rejects.jsonl", out / "issues.csv"]]
        records = [row for part in sorted(out.glob("*.parquet")) for row in pq.read_table(part).to_pylist()]
        return made, [records, result.manifest.source, result.rows, result.written]

    together = output("together"), output("strict together")
    monkeypatch.setattr(several, "SMALL_FILE", -1)
    assert (output("alone"), output("strict alone")) == together


MAP_OF_INTEGERS, MAP_OF_STRINGS = pa.map_(pa.string(), pa.int64()), pa.map_(pa.string(), pa.string())
#: Types of one column in two files, and the type that holds the values of both; None where there is none.
COMMON: list[tuple[pa.DataType, pa.DataType, pa.DataType | None]] = [
    (pa.int8(), pa.int64(), pa.int64()), (pa.uint32(), pa.int64(), pa.int64()), (pa.uint64(), pa.int64(), pa.string()),
    (pa.float32(), pa.float64(), pa.float64()), (pa.int64(), pa.float64(), pa.string()),
    (pa.decimal128(5, 2), pa.decimal128(6, 4), pa.decimal128(7, 4)),
    (pa.decimal128(38, 2), pa.decimal128(36, 0), pa.decimal128(38, 2)),
    (pa.decimal128(38, 2), pa.decimal128(37, 0), pa.decimal256(39, 2)),
    (pa.decimal128(5, 2), pa.float64(), pa.string()), (pa.decimal128(5, 2), pa.int64(), pa.string()),
    *((pa.string(), kind, pa.string()) for kind in (pa.int8(), pa.float64(), pa.bool_(), pa.date32(), pa.time64("us"))),
    (pa.timestamp("us"), pa.timestamp("ms", "UTC"), pa.string()), (pa.timestamp("us"), pa.date32(), None),
    (pa.bool_(), pa.int64(), None), (pa.bool_(), pa.date32(), None), (pa.date32(), pa.int64(), None),
    (pa.null(), pa.int64(), pa.int64()), (pa.string(), pa.list_(pa.string()), None),
    (pa.list_(pa.int64()), pa.list_(pa.string()), pa.list_(pa.string())),
    (pa.list_(pa.bool_()), pa.list_(pa.int64()), None), (pa.list_(pa.int64()), pa.int64(), None),
    (MAP_OF_INTEGERS, MAP_OF_STRINGS, MAP_OF_STRINGS), (MAP_OF_STRINGS, pa.string(), None),
    (MAP_OF_STRINGS, pa.struct({"a": pa.string()}), None), (MAP_OF_INTEGERS, pa.map_(pa.string(), pa.bool_()), None),
    (pa.struct({"a": pa.int8()}), pa.struct({"a": pa.int64()}), pa.struct({"a": pa.int64()})),
    (pa.struct({"a": pa.bool_()}), pa.struct({"a": pa.int64()}), None),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other", "wanted"), COMMON)
def test_the_type_that_holds_the_values_of_two_files(
    one: pa.DataType, other: pa.DataType, wanted: pa.DataType | None
) -> None:
    assert several._common(one, other) == several._common(other, one) == wanted


def test_columns_that_no_one_reads_are_not_looked_at_in_any_of_the_files(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.parquet" for number in range(3)]
    for file in files:
        pq.write_table(pa.table({"a": ["x", "y"], "b": [1.5, float("nan")]}), file)
    stream = open_source(files)
    assert {issue.code for chunk in stream for issue in chunk.issues} == {"unfit"}
    some = reading(stream, frozenset("a"))
    assert [issue for chunk in some for issue in chunk.issues] == []
    assert some.to_table()["a"].to_pylist() == ["x", "y"] * 3


def test_several_files_can_be_read_again_after_a_look_at_their_first_rows(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.csv" for number in range(3)]
    for number, file in enumerate(files):
        file.write_text(f"a,b\n{number},{{}}\n")
    stream = xp.map_rows(files, {"n": "iif(a == '1', [1], a)"})
    once = stream.to_pylist()
    assert len(once) == 3 and stream.to_pylist() == once
