"""CSV files as streams: oracle is the standard library's csv module."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from xdmprep.errors import SourceError, UsageError
from xdmprep.read import CsvOptions, read_csv

pytestmark = pytest.mark.usefixtures("both_ways")

BAD = b'\xef\xbb\xbfa,b\n1,2\n\n3\n"x\ny",5\n6,7,8\n"q"q,9\n5" pipe,2\n caf\xe9,3\nz,"never\n1,2\n'


def rows_of(path: Path, **options: Any) -> tuple[list[tuple[int, dict[str, Any]]], list[tuple[int, int | None, str]]]:
    rows: list[tuple[int, dict[str, Any]]] = []
    unread: list[tuple[int, int | None, str]] = []
    for chunk in read_csv(path, CsvOptions(**options)).chunks(2):
        rows += zip(chunk.rows.tolist(), chunk.records.to_pylist(), strict=True)
        unread += [(item.row, item.line, item.code) for item in chunk.unread]
    return rows, unread


@pytest.mark.parametrize("block", [8, 20, 64, 4096])
def test_faulty_rows_keep_their_numbers_whatever_the_block(tmp_path: Path, block: int) -> None:
    file = tmp_path / "bad.csv"
    file.write_bytes(BAD)
    rows, unread = rows_of(file, block_bytes=block)
    assert rows == [
        (1, {"a": "1", "b": "2"}),
        (3, {"a": "x\ny", "b": "5"}),
        (5, {"a": "qq", "b": "9"}),
        (6, {"a": '5" pipe', "b": "2"}),
        (9, {"a": "1", "b": "2"}),
    ]
    assert unread == [(2, 4, "ragged-row"), (4, 7, "ragged-row"), (7, 10, "unreadable"), (8, 11, "unreadable")]


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=8)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=12),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.sampled_from(["\n", "\r\n"]),
    st.integers(10, 200),
    st.sampled_from(",;\t"),
)
@example([["", "", ""]], csv.QUOTE_MINIMAL, "\n", 10, "\t")  # nothing but delimiters, which are blanks
def test_what_the_standard_library_writes_is_read_back(
    tmp_path: Path, table: list[list[str]], quoting: Any, ending: str, block: int, delimiter: str
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, quoting=quoting, lineterminator=ending, delimiter=delimiter)
    writer.writerow(["a", "b", "c"])
    writer.writerows(table)
    file = tmp_path / "t.csv"
    file.write_bytes(out.getvalue().encode())
    rows, unread = rows_of(file, block_bytes=block, delimiter=delimiter)
    assert unread == []
    assert [number for number, _ in rows] == list(range(1, len(table) + 1))
    assert [list(record.values()) for _, record in rows] == [[cell or None for cell in row] for row in table]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "e.csv"
    file.write_bytes("name,city\nJosé,Québec\n".encode(encoding))
    rows, _ = rows_of(file, encoding=encoding)
    assert rows == [(1, {"name": "José", "city": "Québec"})]


def test_names_for_a_file_without_a_header(tmp_path: Path) -> None:
    file = tmp_path / "n.csv"
    file.write_bytes(b"1|2\n3|\n")
    rows, _ = rows_of(file, names=("x", "y"), delimiter="|")
    assert rows == [(1, {"x": "1", "y": "2"}), (2, {"x": "3", "y": None})]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"a,b\n", "no row below"),
        (b"a;b\n1;2\n", "give --delimiter ';'"),
        (b"a\tb\n1\t2\n", "give --delimiter tab"),
        (b"a,a\n1,2\n", "'a' twice"),
        (b"\xff\xfea\x00\n\x00", "utf-16"),
        (b"na\xefve,b\n1,2\n", "latin-1"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(content)
    with pytest.raises(SourceError, match=message):
        read_csv(file)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        read_csv(tmp_path / "none.csv")
    with pytest.raises(SourceError, match="is a folder"):
        read_csv(tmp_path)


def test_options_that_no_file_can_be_read_with() -> None:
    with pytest.raises(UsageError, match="delimiter"):
        CsvOptions(delimiter="ab")
    with pytest.raises(UsageError, match="encoding"):
        CsvOptions(encoding="utf-9")


def test_few_distinct_values_travel_as_codes_and_read_the_same(tmp_path: Path) -> None:
    file = tmp_path / "d.csv"
    file.write_text("k,v\n" + "".join(f"{'ab'[i % 2]},{i}\n" for i in range(2000)))
    chunks = list(read_csv(file, CsvOptions(block_bytes=5000)))
    assert str(chunks[0].records.column("k").type).startswith("dictionary")
    assert [value for chunk in chunks for value in chunk.records.column("k").to_pylist()] == ["a", "b"] * 1000
    assert sum(chunk.consumed for chunk in chunks) == 2000


def test_lines_that_end_in_carriage_returns_alone_are_told(tmp_path: Path) -> None:
    file = tmp_path / "old.csv"
    file.write_bytes(b"A,B\r1,2\r")
    with pytest.raises(SourceError, match=r"carriage returns alone.*tr '\\r' '\\n'"):
        read_csv(file)


def test_a_header_that_is_no_csv_is_told(tmp_path: Path) -> None:
    file = tmp_path / "wide.csv"
    file.write_bytes(b"A," + b"x" * 200_000 + b"\n1,2\n")
    with pytest.raises(SourceError, match="header cannot be read as CSV"):
        read_csv(file)
