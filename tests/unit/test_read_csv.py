"""CSV files as streams: oracle is the standard library's csv module."""

from __future__ import annotations

import csv
import encodings.aliases
import io
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from xdmprep.errors import SourceError, UsageError
from xdmprep.read import CsvOptions, open_source, opening, read_csv
from xdmprep.read import csv as csv_files

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
    ]
    # the last quote never closes: the row takes the rest of the file
    assert unread == [(2, 4, "ragged-row"), (4, 7, "ragged-row"), (7, 10, "unreadable"), (8, 11, "unreadable")]


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.booleans(), st.lists(st.text("a\u00e9\ufeff, \n", max_size=4), min_size=2, max_size=2)), min_size=1
    ),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.sampled_from(["\n", "\r\n"]),
    st.integers(10, 200),
    st.sampled_from([1, 2, 3, 4, 7, 1 << 17]),
)
@example([(True, ["a, b", "1"]), (True, ["a", "\ufeff"])], csv.QUOTE_ALL, "\n", 64, 4)
@example([(True, ["a\n\ufeffb", "\n\ufeff"]), (True, ["a", "1"])], csv.QUOTE_ALL, "\n", 64, 4)
def test_byte_order_marks_before_rows_are_no_part_of_their_values(
    tmp_path: Path, table: list[tuple[bool, list[str]]], quoting: Any, ending: str, block: int, look: int
) -> None:
    file = tmp_path / "joined.csv"
    lines, wanted = [b"\xef\xbb\xbfx,y" + ending.encode()], []
    for marked, (first, second) in table:
        row = ["a" + first, second]
        csv.writer(text := io.StringIO(), quoting=quoting, lineterminator=ending).writerow(row)
        lines.append(b"\xef\xbb\xbf" * marked + text.getvalue().encode())
        wanted.append({"x": row[0], "y": row[1] or None})
    file.write_bytes(b"".join(lines))
    with patch.object(csv_files, "_LOOK", look):
        rows, unread = rows_of(file, block_bytes=block)
    assert ([row for _, row in rows], unread) == (wanted, [])
    assert [number for number, _ in rows] == [*range(1, len(table) + 1)]


def test_files_that_are_read_together_may_have_byte_order_marks_before_rows(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.csv").write_text(
            f"\ufeffx,y\n\ufeff{number},1\n1,2,3\n\ufeff\n\ufeff{number},4\n", "utf-8"
        )
    (chunk,) = open_source(tmp_path).chunks()
    assert chunk.records.column(0).cast("string").to_pylist() == ["0", "0", "1", "1", "2", "2"]
    assert chunk.files == ((0, 3), (1, 3), (2, 3))
    assert [(one.row, one.line) for one in chunk.unread] == [(2, 3), (5, 3), (8, 3)]


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\ufeff"), max_size=8)


@settings(max_examples=150)
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
        (b"a;b\n1;2\n", r"give csv=CsvOptions\(delimiter=';'\)"),
        (b"a\tb\n1\t2\n", r"give .*delimiter='\\t'"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\r\n \t\n\r", "is empty"),
        (b"a,b\r\n\n\r", "no row below"),
        (b'a,"b\n1,2\n', "opens in the header and never closes"),
        (b"\xff\xfea\x00\n\x00", "utf-16"),
        (b"na\xefve,b\n1,2\n", "cp1252"),
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


@pytest.mark.parametrize(
    ("option", "value"),
    [*(("delimiter", value) for value in ("ab", "", "\n", "é", b";", 5)), ("delimiter", '"'), ("quote", ","),
     ("quote", None), ("quote", ""), ("encoding", "utf-9"), ("encoding", None), ("names", "ab"), ("names", [1]),
     ("null_values", "NULL"), ("null_values", None), ("block_bytes", 0), ("block_bytes", "5"), ("block_bytes", True)],
)  # fmt: skip
def test_options_that_no_file_can_be_read_with(option: str, value: Any) -> None:
    with pytest.raises(UsageError, match=option):
        CsvOptions(**{option: value})


def test_lists_are_as_good_as_tuples(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1,x\n2,-\n")
    options = CsvOptions(names=["a", "b"], null_values=["-"])  # type: ignore[arg-type]
    assert read_csv(tmp_path / "a.csv", options).to_pylist() == [{"a": "1", "b": "x"}, {"a": "2"}]


def test_few_distinct_values_travel_as_codes_and_read_the_same(tmp_path: Path) -> None:
    file = tmp_path / "d.csv"
    file.write_text("k,v\n" + "".join(f"{'ab'[i % 2]},{i}\n" for i in range(2000)))
    chunks = list(read_csv(file, CsvOptions(block_bytes=5000)))
    assert str(chunks[0].records.column("k").type).startswith("dictionary")
    assert [value for chunk in chunks for value in chunk.records.column("k").to_pylist()] == ["a", "b"] * 1000
    assert sum(chunk.consumed for chunk in chunks) == 2000


def test_a_file_that_names_say_is_empty(tmp_path: Path) -> None:
    for content in (b"", b"\n\r\n", b"\xef\xbb\xbf"):
        (tmp_path / "x.csv").write_bytes(content)
        with pytest.raises(SourceError, match="is empty"):
            read_csv(tmp_path / "x.csv", CsvOptions(names=("a",)))


def test_lines_that_end_in_carriage_returns_alone(tmp_path: Path) -> None:
    file = tmp_path / "old.csv"
    file.write_bytes(b'A,B\r1,2\r"x\ry",3\r\r4')
    rows, unread = rows_of(file, block_bytes=4)
    assert rows == [(1, {"A": "1", "B": "2"}), (2, {"A": "x\ry", "B": "3"})]
    assert unread == [(3, 6, "ragged-row")]


def test_a_header_of_any_length(tmp_path: Path) -> None:
    file = tmp_path / "wide.csv"
    file.write_bytes(b"A," + b"x" * 200_000 + b"\n1,2\n")
    assert rows_of(file)[0] == [(1, {"A": "1", "x" * 200_000: "2"})]


def test_columns_of_one_name_are_told_apart_by_their_place(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(b"id,city,,City, city ,column_3\n1,2,3,4,5,6\n")
    ((_, row),) = rows_of(file)[0]
    assert row == {"id": "1", "city (column 2)": "2", "column_3 (column 3)": "3", "City": "4", "city (column 5)": "5",
                   "column_3": "6"}  # fmt: skip


TEXT = "name,city\nJosé,Québec\n€,ﾊ\n"
UTF = ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "utf-8", "utf-8-sig", "utf-7", "gb18030"]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("encoding", [*UTF, "iso2022_jp_2", "iso2022_jp_ext"])
def test_every_text_encoding(tmp_path: Path, encoding: str, mark: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of three bytes, so that characters and escape sequences lie across their borders."""
    monkeypatch.setattr(opening, "_PIECE", 3)
    text = TEXT if encoding in UTF else "name,city\nアイ,ウエ\nx,オ\n"
    if mark and encoding not in UTF:
        pytest.skip("the encoding has no byte order mark")
    file = tmp_path / "e.csv"
    file.write_bytes((mark + text * 5).encode(encoding))
    rows, unread = rows_of(file, encoding=encoding, block_bytes=11)
    lines = (text * 5).splitlines()[1:]
    assert ([list(row.values()) for _, row in rows], unread) == ([line.split(",") for line in lines], [])


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "cp1251", "mac-roman", "cp437", "shift_jis"])
def test_a_byte_order_mark_contradicts_another_encoding(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "e.csv"
    file.write_bytes(("\ufeff" + TEXT).encode())
    with pytest.raises(
        SourceError, match=r"begins with the byte order mark of UTF-8\. Give .*encoding='utf-8'|is not "
    ):
        rows_of(file, encoding=encoding)


@pytest.mark.parametrize("marks", [1, 2, 3])
def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path, marks: int) -> None:
    file = tmp_path / "e.csv"
    file.write_bytes((marks * "\ufeff" + TEXT).encode())
    assert [list(row) for _, row in rows_of(file)[0]] == 2 * [["name", "city"]]


ESCAPED = {
    '"say \\"hi\\" ok"': None, '"\\"hi\\""': None, '"\\"" "': '\\" ', '"6\\""\n2,"7"': None, "'6\\''\n2,'7'": None,
    '"C:\\dir\\"': "C:\\dir\\", '"a\\""b"': 'a\\"b', '"a""\\""b"': 'a"\\"b', 'a\\"b': 'a\\"b', '"a" "b"': 'a "b"',
    '"a\\b" c': "a\\b c", "'a\\\"b' c": 'a\\"b c',
}  # fmt: skip


@pytest.mark.parametrize("block_bytes", [1, 1 << 20])
@pytest.mark.parametrize("written", ESCAPED)
def test_quotes_behind_backslashes_are_never_read_as_others(tmp_path: Path, written: str, block_bytes: int) -> None:
    value = ESCAPED[written]
    file = tmp_path / "e.csv"
    file.write_text(f"id,v\n0,x\n1,{written}\n3,y\n", encoding="utf-8")
    options = CsvOptions(quote="'" if written[0] == "'" else '"', block_bytes=block_bytes)
    chunks = [*read_csv(file, options).chunks(2)]
    rows = [row["v"] for chunk in chunks for row in chunk.records.to_pylist()]
    unread = [(one.line, one.text) for chunk in chunks for one in chunk.unread if "behind backslashes" in one.message]
    assert rows == ["x", *([] if value is None else [value]), "y"]
    assert unread == ([] if value is not None else [(3, f"1,{written}")])


@pytest.mark.parametrize("kind", ["utf-16", "utf-32"])
@pytest.mark.parametrize("order", ["le", "be"])
def test_no_byte_order_mark(tmp_path: Path, kind: str, order: str) -> None:
    file = tmp_path / "e.csv"
    file.write_bytes(TEXT.encode(f"{kind}-{order}"))
    assert [list(row.values()) for _, row in rows_of(file, encoding=kind)[0]] == [["José", "Québec"], ["€", "ﾊ"]]


def test_what_is_no_text_encoding_is_refused() -> None:
    names = set(encodings.aliases.aliases.values()) | {
        "undefined",
        "idna",
        "punycode",
        "utf\0",
        "x" * 70_000,
    }
    refused = set()
    for name in sorted(names):
        try:
            CsvOptions(encoding=name)
        except UsageError as error:
            refused.add(name)
            assert len(str(error)) < 300
    assert {
        "rot_13",
        "base64_codec",
        "hex_codec",
        "zlib_codec",
        "bz2_codec",
        "quopri_codec",
        "uu_codec",
        "undefined",
    } < refused
    assert not refused & {"utf_8", "utf_7", "utf_16", "cp1252", "latin_1", "shift_jis", "iso2022_kr", "hz", "mac_roman"}


@pytest.mark.parametrize(
    ("encoding", "content", "message"),
    [
        ("utf-16", "a,b\n1,2\n".encode("utf-16") + b"\0", r"truncated data, byte 19"),
        ("utf-16-le", "a,b\n1,".encode("utf-16-le") + b"\0\xd8a\0\n\0", r"byte 13"),
        ("cp1252", b"a,b\n1,\x81\n", r"byte 7"),
        ("shift_jis", b"a,b\n1,\x82\n", r"byte 7"),
        ("utf-7", b"a,b\n1,+2AA-\n", r"byte"),
        ("idna", b"a,b\n1,\xff\n", r"byte"),
        ("unicode_escape", b"a,b\n1,\\ud800\n", r"no character"),
    ],
)
def test_bytes_that_are_no_text_in_the_encoding(tmp_path: Path, encoding: str, content: bytes, message: str) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(content)
    with pytest.raises(SourceError, match=f"is not {encoding} text.*{message}.*right csv=CsvOptions"):
        rows_of(file, encoding=encoding)
