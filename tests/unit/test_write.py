"""Parts, rejects and the output folder, read back with the standard library and DuckDB."""

from __future__ import annotations

import csv
import hashlib
import json
import random
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xdmprep.core.manifest import Manifest
from xdmprep.core.shred import Leaf, nested_schema
from xdmprep.core.stream import Chunk, Finding, Stream, row_chunk
from xdmprep.errors import OutputError, UsageError
from xdmprep.read import CsvOptions, open_source, read_csv
from xdmprep.write import OutputFolder, WriteOptions, Written, parquet, write_stream
from xdmprep.write.parts import csv_text

pytestmark = pytest.mark.usefixtures("both_ways")

ROWS = [
    {"id": str(number), "text": f'line "{number}"\nwith, \\ and é' * (number % 4), "n": str(number * 7)}
    for number in range(500)
]


@pytest.fixture
def source(tmp_path: Path) -> Stream:
    file = tmp_path / "source.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, ROWS[0], quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(ROWS)
    return read_csv(file, CsvOptions(block_bytes=4096))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def present(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if value not in ("", None)} for row in rows]


def run(source: Stream, out: Path, jobs: int = 2, **options: Any) -> Written:
    folder = OutputFolder(out, {"options": str(options)})
    written = write_stream(source, folder, WriteOptions(**options), jobs=jobs)
    folder.mark("finished", {})
    for file in written.files:
        content = (out / file.name).read_bytes()
        assert len(content) == file.bytes <= options.get("max_bytes", 10**9)
        assert hashlib.sha256(content).hexdigest() == file.sha256
        assert file.rows <= options.get("max_rows", 10**9)
    assert sum(file.rows for file in written.files) == written.written
    assert not [name for name in names(out) if name.startswith(".")]
    return written


def texts(out: Path) -> list[str]:
    return [file.read_text(encoding="utf-8") for file in sorted(out.glob("part-*"))]


@pytest.mark.parametrize("limits", [{}, {"max_bytes": 9000}, {"max_rows": 70}, {"max_bytes": 5000, "max_rows": 33}])
def test_json_parts(source: Stream, tmp_path: Path, limits: dict[str, Any]) -> None:
    run(source, tmp_path / "out", **limits)
    lines = [json.loads(line) for text in texts(tmp_path / "out") for line in text.splitlines()]
    assert lines == present(ROWS)


def test_json_bytes_are_the_same_for_any_number_of_workers_and_blocks(source: Stream, tmp_path: Path) -> None:
    run(source, tmp_path / "a", jobs=0)
    run(source, tmp_path / "b", jobs=3)
    other = read_csv(tmp_path / "source.csv", CsvOptions(block_bytes=100))
    run(other, tmp_path / "c")
    assert texts(tmp_path / "a") == texts(tmp_path / "b") == texts(tmp_path / "c")


def test_multiline_json_parts_are_arrays(source: Stream, tmp_path: Path) -> None:
    run(source, tmp_path / "out", multiline=True, max_bytes=9000)
    parts = [json.loads(text) for text in texts(tmp_path / "out")]
    assert len(parts) > 2
    assert [record for part in parts for record in part] == present(ROWS)


@pytest.mark.parametrize("limits", [{}, {"max_bytes": 12_000}, {"max_rows": 70}, {"max_bytes": 2500}])
def test_parquet_parts(source: Stream, tmp_path: Path, limits: dict[str, Any]) -> None:
    run(source, tmp_path / "out", format="parquet", metadata=(("xdm.schema.id", "s1"),), **limits)
    files = sorted(map(str, (tmp_path / "out").glob("part-*.parquet")))
    with duckdb.connect() as db:
        back = db.execute("select * from read_parquet(?)", [files]).fetchall()
        key_values = db.execute("select key, value from parquet_kv_metadata(?)", [files[0]]).fetchall()
    assert [tuple(row) for row in back] == [tuple(value or None for value in row.values()) for row in ROWS]
    assert (b"xdm.schema.id", b"s1") in [(bytes(key), bytes(value)) for key, value in key_values]


@pytest.mark.parametrize("rows", [5, 31, 499])
def test_parquet_parts_that_turn_out_too_large_are_split(
    rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "_GROWTH", 0.001)  # far more is put into a part than it has room for
    values = [random.Random(number).randbytes(400).hex() for number in range(rows)]
    source = open_source(pa.table({"id": [str(number) for number in range(rows)], "text": values}))
    written = run(source, tmp_path / "out", format="parquet", max_bytes=2600 + 200 * rows)
    assert len(written.files) > 1
    files = sorted(map(str, (tmp_path / "out").glob("part-*.parquet")))
    with duckdb.connect() as db:
        assert db.execute("select text from read_parquet(?)", [files]).fetchall() == [(value,) for value in values]


@pytest.mark.parametrize("limits", [{}, {"max_bytes": 12_000}, {"max_rows": 70}, {"group_bytes": 4000}])
def test_parquet_bytes_are_the_same_for_any_number_of_workers_and_blocks(
    source: Stream, tmp_path: Path, limits: dict[str, Any]
) -> None:
    file = tmp_path / "source.csv"
    sources = (source, source, read_csv(file, CsvOptions(block_bytes=100)), read_csv(file))
    found = []
    for number, (one, jobs) in enumerate(zip(sources, (0, 3, 2, 1), strict=True)):
        found.append(run(one.then(spoil), tmp_path / str(number), jobs=jobs, format="parquet", **limits))
    assert found[0] == found[1] == found[2] == found[3]
    assert len(found[0].files) > 1 or "max_bytes" not in limits


def test_a_row_group_is_full_at_its_size_wherever_chunks_end(source: Stream, tmp_path: Path) -> None:
    run(source, tmp_path / "out", format="parquet", group_bytes=4000)
    with duckdb.connect() as db:
        groups = db.execute(
            "select distinct row_group_id, row_group_num_rows from parquet_metadata(?) order by 1",
            [str(tmp_path / "out" / "part-00000.parquet")],
        ).fetchall()
    sizes = [sum(5 + len(value.encode()) for value in row.values()) for row in ROWS]
    at = 0
    for _, rows in groups:
        assert sum(sizes[at : at + rows]) <= 4000
        at += rows
        assert at == len(ROWS) or sum(sizes[at - rows : at + 1]) > 4000
    assert at == len(ROWS)


def test_columns_of_few_values_have_a_dictionary_whatever_way_they_come(tmp_path: Path) -> None:
    texts = [f"t{number % 7}" for number in range(900)]
    ids = [f"i{number}" for number in range(900)]
    found = []
    for name, column in (("a", pa.array(texts)), ("b", pa.array(texts).dictionary_encode())):
        table = pa.table({"id": ids, "o": pa.StructArray.from_arrays([column], ["t"])})
        leaves = (Leaf(("id",), pa.string()), Leaf(("o", "t"), pa.string()))
        flat = pa.RecordBatch.from_arrays([pa.array(ids), column], ["id", "o.t"])
        chunks = [row_chunk(flat.slice(at, 250), leaves) for at in range(0, 900, 250)]
        stream = Stream(partial(iter, chunks), (lambda chunk: chunk,), leaves, nested_schema(leaves))
        found.append(run(stream, tmp_path / name, format="parquet"))
        file = str(tmp_path / name / "part-00000.parquet")
        with duckdb.connect() as db:
            encodings = dict(db.execute("select path_in_schema, encodings from parquet_metadata(?)", [file]).fetchall())
            back = db.execute("select id, o.t from read_parquet(?)", [file]).fetchall()
        assert "DICTIONARY" in encodings["o, t"]
        assert "DICTIONARY" not in encodings["id"]
        assert back == list(zip(table["id"].to_pylist(), texts, strict=True))
    assert found[0] == found[1]


@pytest.mark.parametrize("escape", ['"', "\\"])
@pytest.mark.parametrize("limits", [{}, {"max_bytes": 9000}, {"max_rows": 70}])
def test_csv_parts(source: Stream, tmp_path: Path, escape: str, limits: dict[str, Any]) -> None:
    run(source, tmp_path / "out", format="csv", csv_escape=escape, **limits)
    dialect: dict[str, Any] = {} if escape == '"' else {"escapechar": "\\", "doublequote": False}
    back: list[dict[str, Any]] = []
    for file in sorted((tmp_path / "out").glob("part-*.csv")):
        with file.open(encoding="utf-8", newline="") as opened:
            back += csv.DictReader(opened, **dialect)
    assert back == ROWS


def test_csv_tells_the_null_marker_from_a_text_like_it(tmp_path: Path) -> None:
    stream = open_source(pa.table({"a": ["NULL", None, "x"]}))
    run(stream, tmp_path / "out", format="csv", csv_null="NULL")
    assert texts(tmp_path / "out") == ['a\n"NULL"\nNULL\nx\n']


CSV_CELLS = st.none() | st.text(st.sampled_from('a",;\r\n\\ é\ufeff=\t'), max_size=5)


@settings(max_examples=50)
@given(
    st.integers(1, 3).flatmap(lambda width: st.lists(st.lists(CSV_CELLS, min_size=width, max_size=width), min_size=1)),
    st.sampled_from(["", "NULL"]),
)
def test_what_is_written_as_csv_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str | None]], null: str
) -> None:
    """By the standard library, and by our own reader; a column whose only value is null is a row, too."""
    folder = tmp_path_factory.mktemp("csv")
    names = [f'n"{number}, x' for number in range(len(rows[0]))]
    table = pa.table([pa.array(column, pa.string()) for column in zip(*rows, strict=True)], names)
    run(open_source(table), folder / "out", format="csv", csv_null=null)
    file = folder / "out" / "part-00000.csv"
    expected = [[(null if cell is None else cell) or None for cell in row] for row in rows]
    with file.open(encoding="utf-8", newline="") as opened:
        header, *back = csv.reader(opened)
    assert (header, [[cell or None for cell in row] for row in back]) == (names, expected)
    own = read_csv(file).to_table().to_pylist()
    assert [list(row.values()) for row in own] == expected


def test_csv_refuses_nested_fields_by_name(tmp_path: Path) -> None:
    stream = open_source(pa.table({"flat": [1], "person": [{"name": "x"}]}))
    with pytest.raises(UsageError, match="person"):
        run(stream, tmp_path / "out", format="csv")


def test_a_record_larger_than_a_part_is_an_error_and_leaves_no_part(tmp_path: Path) -> None:
    stream = open_source(pa.table({"a": ["x" * 5000]}))
    for kind in ("json", "csv"):
        with pytest.raises(OutputError, match="record 1 alone is larger"):
            run(stream, tmp_path / kind, format=kind, max_bytes=2000)
        assert not list((tmp_path / kind).glob("*part*"))


def spoil(chunk: Chunk) -> Chunk:
    ids = chunk.records.column("id")
    bad = np.array([value.endswith("2") for value in ids.to_pylist()])
    finding = Finding("pattern", "id", "ends in 2", chunk.rows[bad], ids.filter(pa.array(bad)), "id", "mend it")
    warning = Finding("pattern", "n", "odd", chunk.rows[:1], severity="warning")
    return Chunk(
        chunk.leaves,
        chunk.records,
        chunk.rows,
        (finding, warning),
        chunk.unread,
        chunk.source,
        chunk.consumed,
        chunk.lines,
    )


@pytest.mark.parametrize("kind", ["json", "parquet"])
def test_faulty_rows_go_to_the_rejects_with_their_reasons(source: Stream, tmp_path: Path, kind: str) -> None:
    written = run(source.then(spoil), tmp_path / "out", format=kind)
    assert (written.rows, written.written, written.rejected) == (500, 450, 50)
    lines = [json.loads(line) for line in (tmp_path / "out" / "rejects.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["row"] for line in lines] == list(range(3, 500, 10))
    assert [line["source"] for line in lines] == present(ROWS[2::10])
    reasons = lines[0]["reasons"]
    assert reasons == [
        {
            "code": "pattern", "severity": "error", "path": "id", "column": "id", "value": "2",
            "message": "ends in 2", "hint": "mend it",
        }
    ]  # fmt: skip
    with (tmp_path / "out" / "issues.csv").open(encoding="utf-8", newline="") as opened:
        issues = list(csv.DictReader(opened))
    assert sum(issue["severity"] == "error" for issue in issues) == 50
    assert [int(issue["row"]) for issue in issues] == sorted(int(issue["row"]) for issue in issues)


def test_the_folder_is_refused_unless_it_is_this_runs_own(tmp_path: Path) -> None:
    out = tmp_path / "out"
    OutputFolder(out, {"k": 1}).mark("finished", {})
    OutputFolder(out, {"k": 1}).mark("finished", {})
    (out / "part-00000.json").write_bytes(b"{}\n")
    with pytest.raises(OutputError, match=r"another run.*overwrite=True"):
        OutputFolder(out, {"k": 2})
    OutputFolder(out, {"k": 2}, overwrite=True)  # left "running", as by a kill
    (out / ".part-00000.json.part").write_bytes(b"half")
    OutputFolder(out, {"k": 3}).mark("finished", {})
    assert names(out) == ["run.json"]
    (out / "precious.txt").write_text("x")
    with pytest.raises(OutputError, match=r"'precious.txt'"):
        OutputFolder(out, {"k": 4}, overwrite=True)
    assert (out / "precious.txt").read_text() == "x"
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot be made"):
        OutputFolder(tmp_path / "file", {})


def test_a_fault_in_the_middle_leaves_no_half_file(source: Stream, tmp_path: Path) -> None:
    def fail(chunk: Chunk) -> Chunk:
        if chunk.rows[0] == 1 and chunk.source is not None and chunk.source.column("id")[0].as_py() != "0":
            raise RuntimeError("boom")
        return chunk

    folder = OutputFolder(tmp_path / "out", {})
    with pytest.raises(RuntimeError, match="boom"):
        write_stream(source.then(fail), folder, WriteOptions(), jobs=2)
    folder.mark("interrupted", {})
    assert names(tmp_path / "out") == ["run.json"]


def test_a_manifest_reads_back_the_same(source: Stream, tmp_path: Path) -> None:
    written = run(source, tmp_path / "out")
    manifest = Manifest(
        "json", written.files, 500, 500, 0, {"id": "s"}, {"name": "source.csv"}, folder=tmp_path / "out"
    )
    manifest.save(tmp_path / "out")
    assert Manifest.load(tmp_path / "out") == manifest
    assert Manifest.load(tmp_path / "out" / "manifest.json").folder == tmp_path / "out"


def test_the_platforms_guardrails(source: Stream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xdmprep.write.parts.PLATFORM_MAX_FILES", 3)
    with pytest.raises(OutputError, match="more than 3 parts"):
        run(source, tmp_path / "files", max_rows=10)
    monkeypatch.setattr("xdmprep.write.parts.PLATFORM_MAX_BATCH_BYTES", 2000)
    with pytest.raises(OutputError, match="1 TB"):
        run(source, tmp_path / "bytes")
    monkeypatch.setattr("xdmprep.write.PLATFORM_MAX_FIELDS", 2)
    with pytest.raises(UsageError, match="3 fields"):
        run(source, tmp_path / "fields")


def test_two_runs_never_write_into_one_folder(source: Stream, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = OutputFolder(out, {"k": 1})
    for key, overwrite in (({"k": 1}, False), ({"k": 2}, True)):
        with pytest.raises(OutputError, match="another run is writing here"):
            OutputFolder(out, key, overwrite)
    write_stream(source, first, WriteOptions())
    first.mark("finished", {})
    assert names(out) == ["part-00000.json", "run.json"]
    mending = OutputFolder.existing(out)
    with pytest.raises(OutputError, match="another run is writing here"):
        OutputFolder.existing(out)
    mending.mark("finished", {})
    OutputFolder(out, {"k": 1}).mark("interrupted", {})
    assert names(out) == ["run.json"]


def test_a_lock_left_behind_never_blocks(tmp_path: Path) -> None:
    script = (
        "import os, sys; from xdmprep.write import OutputFolder; folder = OutputFolder(sys.argv[1], {}); "
        "print('in', flush=True); sys.stdin.read(); os._exit(9)"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "out")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == b"in"
        with pytest.raises(OutputError, match="another run is writing here"):
            OutputFolder(tmp_path / "out", {})
        holder.communicate(b"")
    assert names(tmp_path / "out") == [".lock.part", "run.json"]
    OutputFolder(tmp_path / "out", {"other": 1}).mark("finished", {})
    assert names(tmp_path / "out") == ["run.json"]


def test_files_that_only_look_like_parts_are_never_cleared(tmp_path: Path) -> None:
    out = tmp_path / "out"
    OutputFolder(out, {"k": 1}).mark("finished", {})
    for name in ("part-list.txt", "part-00000.json", "batch-notes"):
        (out / name).write_text("x")
    OutputFolder(out, {"k": 1}).mark("finished", {})
    assert names(out) == ["batch-notes", "part-list.txt", "run.json"]


@pytest.mark.parametrize("escape", ['"', "\\"])
def test_which_values_of_csv_files_are_quoted(escape: str) -> None:
    values = ["a", "", None, ",", "\n", "\r", '"', "\\", "NULL", "\ufeff"]
    wanted = [
        "a",
        "",
        "NULL",
        '","',
        '"\n"',
        '"\r"',
        f'"{escape}""',
        "\\" if escape == '"' else r'"\\"',
        '"NULL"',
        '"\ufeff"',
    ]
    text = csv_text(pa.record_batch({"v": values, "w": ["x"] * 10}), WriteOptions(csv_escape=escape, csv_null="NULL"))
    assert text.decode() == "".join(f"{cell},x\r\n" for cell in wanted)
