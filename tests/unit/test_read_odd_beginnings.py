"""CSV files that begin oddly: one sentence says what is there and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

import xdmprep as xp
from xdmprep.read import open_source


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
