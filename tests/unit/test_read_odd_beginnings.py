"""CSV files that begin oddly: one sentence says what is there and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

import xdmprep as xp


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"id||text\n1||a\n", r"looks like '\|\|', and one of several characters is not read: replace it by one"),
        (b"# exported, by me\nid,text\n1,a\n", "begins with a comment, '# exported'"),
        ("id,text\n1,a\n".encode("utf-32-le"), "give --encoding utf-32"),
        ("id,text\n1,a\n".encode("utf-32-be"), "give --encoding utf-32"),
        ("id,text\n1,a\n".encode("utf-16-le"), "give --encoding utf-16"),
        ("id,text\n1,a\n".encode("utf-16-be"), "give --encoding utf-16"),
    ],
)
def test_what_a_file_begins_with_is_named(data: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(data)
    with pytest.raises(xp.SourceError, match=said):
        xp.map_rows(tmp_path / "a.csv", {"id": "id"})


@pytest.mark.parametrize("encoding", ["utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be"])
def test_text_without_a_byte_order_mark_is_read_with_the_option(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("id,text\n1,M\u00fcller\n".encode(encoding))
    options = xp.CsvOptions(encoding=encoding[:6])
    assert xp.map_rows(tmp_path / "a.csv", {"text": "text"}, csv=options).to_pylist() == [{"text": "M\u00fcller"}]
