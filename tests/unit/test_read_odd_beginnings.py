"""CSV files that begin oddly: one sentence says what is there and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

import xdmprep as xp
from xdmprep.read import open_source
from xdmprep.read.csv import read_beginning


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"id||text\n1||a\n", r"looks like '\|\|', and one of several characters is not read: replace it by one"),
        *[
            (
                "\n".join(one.join(row) for row in (("id", "text", "city"), ("1", "Ann", "Rome"), ("2", "Bo", "Oslo"))),
                said,
            )
            for one, said in [
                ("\x01", r"looks like '\\x01': give csv=.*delimiter='\\x01'"),
                ("\x1f", "looks like"),
                (":", "give csv=.*delimiter=':'."),
                ("*", "looks like"),
                ("@", "looks like"),
                ("   ", "set apart by blanks"),
                ("\t", r"give csv=.*delimiter='\\t'."),
            ]
        ],
        ("id   text\n1    a\n22   bb\n", "set apart by blanks"),
        ("id,text\n1;a\n2;b\n", "the header is cut by ',', and the rows by ';'"),
        ("id,text\nhttp://a,b\nhttp://b,c\n", None),
        ("sep=\t\nid\ttext\n1\ta\n", None),
        ("sep=;\nid;text\n1;a\n", None),
        ('"SEP=;"\nid;text\n1;a\n', None),
        ("sep=;\nid,text\n1,a\n", None),
        ("Report of May\nid;text;c\n1;a;b\n2;b;c\n", "no header, 'Report of May'. .* give csv=.*delimiter=';'."),
        ("ns:id,text\ncrm:1,a\n", None),
        ("ns:id\nCRM:1\nWEB:2\n", None),
        ("# made by hand\nid,text\n", "begins with a comment, '# made by hand'. Remove"),
        ("Report of May\nid,text\n1,a\n2,b\n", "begins with a line that is no header, 'Report of May'. Remove"),
        ("id\ncrm:1:2\n", None),
        ("id (dd/mm/yyyy)\n01/02/2024\n", None),
        ("id dd/mm/yyyy\n01/02/2024\n", None),
        ("id (hh:mm:ss)\n10:20:30\n", None),
        ("hh:mm:ss\n10:20:30\n9:30:00\n", None),
        ("yyyy-mm-dd hh:mm:ss\n2024-01-01 10:20:30\n2024-01-01T10:20:30Z\n", None),
        ("mac:address:of\n0a:1b:2c\n", None),
        ("xdm:person:name\nxdm:Ada:L\nxdm:Bob:M\n", None),
        ("urn:ns:id\nurn:ns:1\nurn:ns:2\n", None),
        ("#id#\n#12#\n", None),
        ("*id*\n*12*\n", None),
        ("id!!\nx!!\n", None),
        ("a::b\n1::2\n", None),
        ("ns:id:key\nCRM:1:x\nWEB:2:y\n", "give csv=.*delimiter=':'., or put the name in quotes if it is one column"),
        ("name#city#year\nAda#Rome#1980\n", "give csv=.*delimiter='#'."),
        (b"# exported, by me\nid,text\n1,a\n", "begins with a comment, '# exported'"),
        ("#id,text\n1,a\n", None),
        ("a_b:c_d:e\nx_y:z_w:v\np_q:r_s:t\n", "give csv=.*delimiter=':'."),
        ("aa:b:c\naax:x:y\nraa:z:w\n", "give csv=.*delimiter=':'."),
        ("ns:id:key\nCRM:1:x\n  \nWEB:2:y\n", "give csv=.*delimiter=':'."),
        ("a\u2014\x01b\nc\u2014\x01d\n", r"looks like '\\x01'"),
        ("id;;text\n1;;a\n", "looks like ';': give csv="),
        ("id   text\n  1    a\n 22   bb\n", "set apart by blanks"),
        ("Report of May\nid,text\n\n\n\n\n1,a\n", "begins with a line that is no header, 'Report of May'. Remove"),
        (b"PAR1\0\0\0\n\1", "is a Parquet file"),
        (b"SQLite format 3\0\n\0", "is an SQLite database"),
        ("id,text\n1,a\n".encode("utf-32-le"), "give csv=.*encoding='utf-32'."),
        ("id,text\n1,a\n".encode("utf-32-be"), "give csv=.*encoding='utf-32'."),
        ("id,text\n1,a\n".encode("utf-16-le"), "give csv=.*encoding='utf-16'."),
        ("id,text\n1,a\n".encode("utf-16-be"), "give csv=.*encoding='utf-16'."),
    ],
)
def test_what_a_file_begins_with_is_named(data: bytes | str, said: str | None, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(data if isinstance(data, bytes) else data.encode())
    if said is None:  # a file like many others
        assert xp.map_rows(
            tmp_path / "a.csv",
            {"x": "text" if b"text" in (tmp_path / "a.csv").read_bytes() else f"${{{data.splitlines()[0]}}}"},
        ).to_pylist()
        return
    with pytest.raises(xp.SourceError, match=said):
        xp.map_rows(tmp_path / "a.csv", {"id": "id"})


@pytest.mark.parametrize(("name", "value"), [("ns:id:key", "CRM:1:x"), ("a;b", "c;d"), ("a, b", "x"), ("a\tb", "c\td")])
def test_a_name_in_quotes_is_one_column(name: str, value: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f'"{name}"\n"{value}"\n')
    assert xp.map_rows(tmp_path / "a.csv", {"x": {"column": name}}).to_pylist() == [{"x": value}]


@pytest.mark.parametrize("encoding", ["utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be"])
def test_text_without_a_byte_order_mark_is_read_with_the_option(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("id,text\n1,M\u00fcller\n".encode(encoding))
    options = xp.CsvOptions(encoding=encoding[:6])
    assert xp.map_rows(tmp_path / "a.csv", {"text": "text"}, csv=options).to_pylist() == [{"text": "M\u00fcller"}]


@pytest.mark.parametrize(
    ("content", "rows", "unread"),
    [
        (b'sep="\na,b\n1,2\n', [{"a": "1", "b": "2"}], 0),
        (b"sep=\xa7\na,b\n1,2\n", [{"a": "1", "b": "2"}], 0),
        (b"name\na\nb\nc,d\ne,f\n", [{"name": "a"}, {"name": "b"}], 2),
        (b"name\n\na\n\nb\n\nc,d\ne,f\n", [{"name": "a"}, {"name": "b"}], 2),
        (b"name\na,b\n", [], 1),
        (b'"a" b"\n1\n', [{'a b"': "1"}], 0),
        (b'"a,b" c\n1\n', [{"a,b c": "1"}], 0),
        (b"name\na;b;c\nd;e;f\n", [{"name": "a;b;c"}, {"name": "d;e;f"}], 0),
        (b"my name\na;b;c\n", [{"my name": "a;b;c"}], 0),
        (b"my name\na;b\nc;d\n", [{"my name": "a;b"}, {"my name": "c;d"}], 0),
        (b"ns:id:ns\nCRM:1:x\n", [{"ns:id:ns": "CRM:1:x"}], 0),
        (b"2*3*4 mm\na*b*c\n", [{"2*3*4 mm": "a*b*c"}], 0),
        (b"mac:address:of\n0a:1b:2c \n", [{"mac:address:of": "0a:1b:2c "}], 0),
        (b"id,text\n1:2\n3:4\n", [], 2),
        (b"12\n13\n", [{"12": "13"}], 0),
    ],
)
def test_a_doubt_about_the_first_lines_refuses_no_file(
    tmp_path: Path, content: bytes, rows: list[dict[str, str]], unread: int
) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(content)
    chunks = list(open_source(file))
    assert [row for chunk in chunks for row in chunk.records.to_pylist()] == rows
    assert sum(len(chunk.unread) for chunk in chunks) == unread


@pytest.mark.parametrize(
    ("content", "options", "rows"),
    [
        (b'"a||b" c\n1\n', {"delimiter": "|"}, [{"a||b c": "1"}]),
        (b"\t\na\tb\n", {"delimiter": "\t"}, [{"column_1": "a", "column_2": "b"}]),
        (b" \t\na\tb\n", {"delimiter": "\t"}, [{"column_1": "a", "column_2": "b"}]),
        (b"  \t\na,b\n1,2\n", {}, [{"a": "1", "b": "2"}]),
        ("a\0b,c\n1,2\n".encode("utf-16"), {"encoding": "utf-16"}, [{"a\0b": "1", "c": "2"}]),
        ("a\0b,c\n1,2\n".encode("utf-32"), {"encoding": "utf-32"}, [{"a\0b": "1", "c": "2"}]),
        (b"a\0b\n1\0002\n", {"delimiter": "\0"}, [{"a": "1", "b": "2"}]),
    ],
)
def test_options_settle_what_a_first_line_is(
    tmp_path: Path, content: bytes, options: dict[str, str], rows: list[dict[str, str]]
) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    chunks = open_source(tmp_path / "a.csv", csv=xp.CsvOptions(**options))  # type: ignore[arg-type]
    assert [row for chunk in chunks for row in chunk.records.to_pylist()] == rows


def test_lines_above_the_header_that_the_delimiter_does_not_cut(tmp_path: Path) -> None:
    """The delimiter that was given is no advice."""
    (tmp_path / "a.csv").write_text("Report of May\nid;text;c\n1;a;b\n2;b;c\n")
    with pytest.raises(xp.SourceError, match=r"Remove the lines above the header\.$"):
        list(open_source(tmp_path / "a.csv", csv=xp.CsvOptions(delimiter=";")))


@pytest.mark.parametrize("size", [1, 2, 4, 100])
@pytest.mark.parametrize("blank", [0, 1, 9])
def test_rows_begin_behind_empty_lines(tmp_path: Path, size: int, blank: int) -> None:
    (tmp_path / "a.csv").write_bytes(b"\na\n" + b"\r\n" * blank + b"1\n2\n")
    header, rows = read_beginning(tmp_path / "a.csv", xp.CsvOptions(), size)
    assert header.names == ("a",) and rows and b"1\n2\n".startswith(rows[:4])
