"""Compressed sources, and CSV files that begin oddly."""

from __future__ import annotations

import bz2
import gzip
import io
import zipfile
import zlib
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest

import xdmprep as xp
from xdmprep.core.packed import open_bytes
from xdmprep.errors import SourceError
from xdmprep.read import CsvOptions, open_source

TEXT = b"id,t\n" + b"".join(b"%d,value %d\n" % (n, n) for n in range(20_000))


def zipped(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


PACKED = {
    "a.csv.gz": gzip.compress(TEXT),
    "members.csv.gz": gzip.compress(TEXT[:1000]) + gzip.compress(TEXT[1000:]),
    "a.csv.bz2": bz2.compress(TEXT),
    "a.csv.zst": pa.compress(TEXT, "zstd", asbytes=True),
    "skippable.zst": b"\x53\x2a\x4d\x18\x04\x00\x00\x00abcd" + pa.compress(TEXT, "zstd", asbytes=True),
    "member.zip": zipped(("a.tsv", TEXT.replace(b",", b"\t"))),
    "named.csv.zip": zipped(("a.TAB", TEXT.replace(b",", b"\t"))),
    "named.tsv.zip": zipped(("a", TEXT.replace(b",", b"\t"))),
    "a.zip": zipped(("export/a.csv", TEXT), ("__MACOSX/a.csv", b"x")),
    "named.csv": gzip.compress(TEXT),
}


def ids(file: Path, **options: str) -> list[str]:
    return [row["id"] for row in open_source(file, CsvOptions(**options)).to_table().to_pylist()]  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(PACKED))
def test_what_is_in_a_compressed_file_is_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(PACKED[name])
    assert ids(tmp_path / name) == [str(n) for n in range(20_000)]


@pytest.mark.parametrize("name", sorted(PACKED))
def test_records_that_are_uploaded_must_not_be_compressed(tmp_path: Path, name: str, schemas: Path) -> None:
    file = tmp_path / "part-00000.json"
    file.write_bytes(PACKED[name])
    with pytest.raises(SourceError, match=r"is compressed .*unpack it first"):
        xp.validate(file, schemas / "crm-profile.schema.json")


def test_an_encoding_and_a_compression(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(TEXT.decode().encode("utf-16")))
    assert ids(tmp_path / "a.csv.gz", encoding="utf-16") == [str(n) for n in range(20_000)]


@pytest.mark.parametrize("name", sorted(PACKED))
def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(PACKED[name][: len(PACKED[name]) * 2 // 3])
    with pytest.raises(SourceError, match=r"damaged or incomplete|cannot be read"):
        ids(tmp_path / name)


def test_other_kinds_of_files_in_a_compressed_one(tmp_path: Path) -> None:
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(b'{"id":"1"}\n{"id":"2"}\n'))
    stream = open_source(tmp_path / "a.json.gz")
    assert (stream.name, stream.to_pylist()) == ("a.json.gz", [{"id": "1"}, {"id": "2"}])


@pytest.mark.parametrize("content", [b"{a},b\n1,2\n", b"[id],id\n1,2\n", b"<id>,id\n1,2\n", b"%P,id\n1,2\n"])
def test_odd_headers_are_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    assert open_source(tmp_path / "a.csv").to_table().num_rows == 1


def test_gzip_is_read_as_pythons_own_module_reads_it(tmp_path: Path) -> None:
    """Several members, zeros between them, cut and changed files."""
    random = Random(20)
    file = tmp_path / "a.gz"
    read = refused = 0
    for number in range(400):
        data = b""
        for _ in range(random.randrange(1, 4)):
            text = random.choice([b"", b"x" * random.randrange(100_000), random.randbytes(random.randrange(5_000))])
            data += gzip.compress(text) + bytes(random.choice([0, 0, 3, 1_500_000 * (number % 50 == 0)]))
        if number % 4 == 1:
            data = data[: random.randrange(4, len(data) + 1)]
        elif number % 8 == 2:
            data += b"more"
        elif number % 8 == 6:
            place = random.randrange(4, len(data))
            data = data[:place] + bytes([data[place] ^ 1 << random.randrange(8)]) + data[place + 1 :]
        file.write_bytes(data)
        try:
            wanted = gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            with open_bytes(file) as opened, pytest.raises(SourceError, match="gzip file is damaged"):
                opened.read()
            refused += 1
            continue
        with open_bytes(file) as opened:
            assert opened.read() == wanted
        read += 1
    assert min(read, refused) > 50
