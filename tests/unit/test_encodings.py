"""Files in other encodings than UTF-8 are noticed before a row is written, with the option that reads them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import xdmprep as xp

#: Texts of a language in the encodings that it is written in.
TEXTS = {
    "Grüße aus Köln": ["cp1252", "latin-1", "cp850", "mac_roman"],
    "déjà vu à Besançon": ["cp1252", "cp850", "mac_roman"],
    "El niño está aquí": ["cp1252", "mac_roman"],
    "Preis 5 € für Müller": ["cp1252", "iso8859_15"],
    "Příliš žluťoučký kůň": ["cp1250", "iso8859_2"],
    "Zażółć gęślą jaźń": ["cp1250", "iso8859_2"],
    "Привет из Москвы": ["cp1251", "koi8_r", "cp866", "iso8859_5"],
    "日本語のテキスト": ["cp932", "euc_jp", "iso2022_jp"],
    "中文测试文本": ["gb18030"],
    "中文測試文字": ["big5"],
    "한국어 시험": ["euc_kr"],
}
CASES = [(text, encoding) for text, encodings in TEXTS.items() for encoding in encodings]
SCHEMA = xp.Schema.from_dict({
    "$id": "https://ns.example/texts", "title": "Texts", "type": "object", "properties": {"t": {"type": "string"}},
})  # fmt: skip


@pytest.mark.parametrize("rows", [1, 2, 40])
@pytest.mark.parametrize(("text", "encoding"), CASES)
def test_the_encoding_is_named_and_the_option_reads_the_file(
    text: str, encoding: str, rows: int, tmp_path: Path
) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(("id,text\n" + f"1,{text}\n" * rows).encode(encoding))
    with pytest.raises(xp.SourceError, match="encoding=") as error:
        xp.prepare(file, {"t": "text"}, SCHEMA, tmp_path / "out")
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").iterdir())
    named = re.search(r"encoding='([\w-]+)", str(error.value))
    assert named
    read = xp.map_rows(file, {"t": "text"}, SCHEMA, csv=xp.CsvOptions(encoding=named[1])).to_pylist()
    assert read == [{"t": text}] * rows


def test_one_damaged_row_among_others_is_set_aside(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"id,text\n" + "1,Müller\n".encode() * 5 + b"2,M\xfcller\n" + "3,Köln\n".encode() * 5)
    done = xp.prepare(file, {"t": "text"}, SCHEMA, tmp_path / "out", rules="batch")
    assert (done.written, done.rejected) == (10, 1)


def test_a_header_in_another_encoding_is_told_by_its_letters(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes("номер,имя\n1,2\n".encode("cp1251"))
    with pytest.raises(xp.SourceError, match="the header is not UTF-8 but, by its letters, perhaps cp1251"):
        xp.prepare(file, {"t": "имя"}, SCHEMA, tmp_path / "out")
