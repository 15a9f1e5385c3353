"""Any CSV text gives the rows, cells and line numbers that Python's csv module finds in it; nothing is lost."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from xdmprep.core.names import unique_names
from xdmprep.errors import SourceError
from xdmprep.read import CsvOptions, read_csv
from xdmprep.read import csv as reading

pytestmark = pytest.mark.usefixtures("both_ways")

Rows = list[tuple[int, list[str | None]]]
Unread = list[tuple[int, int, str, str]]  # row, line, code, text


def by_csv_module(data: bytes, delimiter: str, quote: str, names: tuple[str, ...] | None) -> tuple[Any, Rows, Unread]:
    """Names, rows and unread rows as the standard library sees them; names are a text where the file is refused."""
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    blanks = " \t\r\n".replace(delimiter, "")
    pieces = text_pieces(text, delimiter, quote)
    header: Any = names
    rows: Rows = []
    unread: Unread = []
    number = 0
    for line, raw, cells, closed in pieces:
        if header is None:
            if not raw.strip(blanks):
                continue
            if not closed:
                return "never closes", [], []
            header = tuple(cell.strip() for cell in cells)
            if not is_text(raw):
                return "not UTF-8", [], []
            text_ = raw.strip(" \t\r\n\v\f")
            quoted = text_[:1] == text_[-1:] == quote and quote not in text_[1:-1].replace(2 * quote, "")
            if len(header) == 1 and not quoted and any(other in header[0] for other in ",;\t|" if other != delimiter):
                return "looks like", [], []
            continue
        number += 1
        if not closed or not is_text(raw):
            unread.append((number, line, "unreadable", raw))
        elif len(cells) != len(header):
            unread.append((number, line, "ragged-row", raw))
        else:
            rows.append((number, [cell or None for cell in cells]))
    if header is None:
        return "is empty", [], []
    return header if number else "(is empty|no row)", rows, unread


def text_pieces(text: str, delimiter: str, quote: str) -> list[tuple[int, str, list[str], bool]]:
    """The records: line, text, cells, whether its last quote closes."""
    lines = list(io.StringIO(text, newline=""))
    reader = csv.reader(lines, delimiter=delimiter, quotechar=quote)
    found, before = [], 0
    for cells in reader:
        raw = "".join(lines[before : reader.line_num])
        if cells:
            found.append((before + 1, raw, cells, True))
        before = reader.line_num
    if found:  # a record whose quote is open takes another line, one whose quote is closed does not
        line, raw, cells, _ = found[-1]
        longer = list(
            csv.reader(io.StringIO(raw.rstrip("\r\n") + "\nx", newline=""), delimiter=delimiter, quotechar=quote)
        )
        found[-1] = (line, raw, cells, len(longer) == 2)
    return found


def is_text(raw: str) -> bool:
    return not any(0xDC80 <= ord(char) <= 0xDCFF for char in raw)


def read(file: Path, **options: Any) -> tuple[Any, Rows, Unread]:
    rows: Rows = []
    unread: Unread = []
    consumed = 0
    try:
        stream = read_csv(file, CsvOptions(**options))
    except SourceError as error:
        return str(error), [], []
    for chunk in stream.chunks(2):
        rows += zip(chunk.rows.tolist(), (list(row.values()) for row in chunk.records.to_pylist()), strict=True)
        unread += [(item.row, item.line or 0, item.code, item.text) for item in chunk.unread]
        consumed += chunk.consumed
    assert consumed == len(rows) + len(unread)
    assert sorted([row for row, _ in rows] + [item[0] for item in unread]) == list(range(1, consumed + 1))
    return tuple(stream.arrow_schema.names), rows, unread


pieces = st.sampled_from(
    [b'"', b'"', b",", b",", b",", b";", b"\n", b"\n", b"\r\n", b"\r", b"a", b'"a"', b'"a,b"', b'""',
     b'"x\ny",', b'"x\r\ny",', b"abc" * 30, "é€😀".encode(), b" ", b"\t", b"\xff", b"\xe9a", b"\0",
     b"1,2\n", b"a,b\r\n", b'5" pipe,', b"'q'", b"|"]
)  # fmt: skip
bodies = st.lists(pieces, max_size=60).map(b"".join)
headers = st.one_of(
    st.sampled_from([
        b"a,b\n", b'id,size 7"\n', b'\n\r\n"x\ny",b\r\n', b'a\r\xe2\x82\xac,"b""c"d\n', b"a;b;c\n", b"a\n",
        b"a,a, a\n", b'"",b\n', b"  \n\na,B,b\n", b"'a;b';c\n", b"a,b\r",
    ]),
    bodies,
)  # fmt: skip


@settings(max_examples=400)
@given(
    headers, bodies, st.booleans(), st.sampled_from([",", ";", "\t", "a", '"', " "]), st.sampled_from(['"', "'", "x"]),
    st.integers(1, 130), st.sampled_from([None, None, ("n",), ("n", "m")]),
)  # fmt: skip
@example(b'id,size 7"\n', b"1,2\n3,4\n5,6\n7,8\n9,0\n", False, ",", '"', 40, None)
@example(b"a,b\n", b"1,2\r\n3\r\n3\r\n3,\xff\r4,5\r\n3\r\n", False, ",", '"', 7, None)
@example(b"a,b\n", b'1,"2\n3,4\n5,6\n', False, ",", '"', 5, None)
@example(b"a\n", b"x" * 63 + b"\r\n" + b"y" * 63 + b'"\r\nz', False, ",", '"', 500, None)
@example(b"a\n", b"x" * 63 + b"\r" + b'"' + b"y" * 63 + b'"q\r\nz', False, ",", '"', 500, None)
def test_rows_cells_and_lines_are_those_of_the_csv_module(
    tmp_path: Path, header: bytes, body: bytes, mark: bool, delimiter: str, quote: str, block: int,
    names: tuple[str, ...] | None,
) -> None:  # fmt: skip
    if delimiter == quote or (delimiter, quote) == (" ", "x"):
        delimiter, quote = ",", '"'
    data = (b"\xef\xbb\xbf" if mark else b"") + header + body
    file = tmp_path / "any.csv"
    file.write_bytes(data)
    expected_names, expected, lost = by_csv_module(data, delimiter, quote, names)
    found_names, rows, unread = read(file, delimiter=delimiter, quote=quote, block_bytes=block, names=names)
    if isinstance(found_names, str):
        if "by its letters" in found_names:
            odd = sum(not line.isascii() for line in data.splitlines())
            assert expected_names == "not UTF-8" or odd >= 3 or 2 * odd >= len(data.splitlines()) - 1
            return
        if "looks like a row" in found_names or "begins with a comment" in found_names:
            assert names is None and isinstance(expected_names, tuple)
            assert not any(name[:1].isalpha() for name in expected_names)
            return
        if "is cut by" in found_names:  # no row has the delimiter
            assert names is None and len(expected_names) > 1 and [number for number, *_ in lost][:1] == [1]
            return
        if "looks like" in found_names or "set apart by blanks" in found_names:  # the file has one column as it is read
            assert isinstance(expected_names, str) or (names is None and len(expected_names) == 1)
            return
        if "is no header" in found_names:  # lines above the header: most rows have more values than it
            filled = [cells for _, cells in expected if "".join(cell or "" for cell in cells).strip()]
            assert names is None and len(expected_names) == 1 and len(lost) > len(filled)
            return
        if "is no text" in found_names:
            assert b"\0" in data.split(b"\n")[0]
            return
        assert isinstance(expected_names, str), (found_names, expected_names)
        assert any(word in found_names for word in expected_names.strip("()").split("|")), (found_names, expected_names)
        return
    assert found_names == unique_names(expected_names)
    assert rows == expected
    assert [item[:3] for item in unread] == [item[:3] for item in lost]
    for (*_, shown), (*_, raw) in zip(unread, lost, strict=True):
        assert shown == raw.encode("utf-8", "surrogateescape").decode(errors="replace").rstrip("\r\n")


@settings(max_examples=60)
@given(
    st.lists(st.sampled_from(
        [b"1,2\n", b"ragged\n", b"a,b,c\r\n", b'5",x\n', b'"q"q,"a,\n"\r', b"\xff,1\n", b"\n"]
    ), max_size=40),
    st.sampled_from([8, 64, 4096]),
)  # fmt: skip
def test_equal_rows_that_are_set_aside_have_their_own_lines(tmp_path: Path, lines: list[bytes], block: int) -> None:
    file = tmp_path / "t.csv"
    data = b"a,b\n" + b"".join(lines) + b"0,0\n"
    file.write_bytes(data)
    _, expected, lost = by_csv_module(data, ",", '"', None)
    _, rows, unread = read(file, block_bytes=block)
    assert (rows, [item[:3] for item in unread]) == (expected, [item[:3] for item in lost])


@pytest.mark.parametrize("end", [b'"\n', b'"', b'"x,2\n', b""])
@pytest.mark.parametrize("filler", [b"x", b"x\n", b'x""\n', b"1,2\r\n"])
def test_a_very_long_value_is_one_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, filler: bytes, end: bytes
) -> None:
    monkeypatch.setattr(reading, "MAX_RECORD_BYTES", 2000)
    file = tmp_path / "long.csv"
    value = (filler * 5000)[:9001]
    data = b'a,b\n1,2\n3,"' + value + end + (b"5,6\n" if end.endswith(b"\n") else b"")
    file.write_bytes(data)
    for block in (100, 777, 20_000):
        _, rows, unread = read(file, block_bytes=block)
        pieces = text_pieces(data.decode(), ",", '"')
        assert len(pieces) == 1 + len(rows) + len(unread)
        if block < 9000:
            assert [item[:3] for item in unread] == [(2, 3, "unreadable")]
            assert len(unread[0][3]) <= 1000
        assert [number for number, _ in rows if number != 2] == ([1, 3] if end.endswith(b"\n") else [1])


def test_a_very_long_line_without_quotes_is_one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_RECORD_BYTES", 2000)
    file = tmp_path / "long.csv"
    file.write_bytes(b"a,b\r1,2\r" + b"x,y," * 5000 + b"\r\n\r\nq\r\n3,4\r")
    _, rows, unread = read(file, block_bytes=100)
    assert rows == [(1, ["1", "2"]), (4, ["3", "4"])]
    assert [item[:3] for item in unread] == [(2, 3, "unreadable"), (3, 5, "ragged-row")]
