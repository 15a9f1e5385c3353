"""A NUL character in text: every source says so the same way, and only where a mapping reads it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import xdmprep as xp
from xdmprep.errors import SourceError

ROWS = [{"id": "1", "name": "Ada", "note": "n\0"}, {"id": "2", "name": "A\0d\0a\0", "note": "x"}]
SCHEMA = xp.Schema.from_dict({
    "$id": "https://ns.example.com/nul", "type": "object",
    "properties": {"id": {"type": "string"}, "name": {"type": "string"}},
})  # fmt: skip
MAPPING = {"id": "id", "name": "name"}


def file_of(name: str, data: bytes) -> Callable[[Path], Any]:
    def made(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return made


def parquet(folder: Path) -> Path:
    pq.write_table(pa.Table.from_pylist(ROWS), folder / "s.parquet")
    return folder / "s.parquet"


LINES = [",".join(row.values()) for row in ({key: key for key in ROWS[0]}, *ROWS)]


def quoted(line: str) -> str:
    return ",".join(f'"{value}"' for value in line.split(","))


SOURCES: dict[str, Callable[[Path], Any]] = {
    "csv": file_of("s.csv", "\n".join(LINES).encode()),
    "csv in quotes": file_of("s.csv", "\n".join([LINES[0], *map(quoted, LINES[1:])]).encode()),
    "csv with carriage returns": file_of("s.csv", "\r".join(LINES).encode()),
    "csv of few values": file_of("s.csv", "\n".join([LINES[0], *[LINES[1]] * 5000, LINES[2]]).encode()),
    "ndjson": file_of("s.jsonl", "\n".join(map(json.dumps, ROWS)).encode()),
    "json array": file_of("s.json", json.dumps(ROWS).encode()),
    "parquet": parquet,
    "dicts": lambda _: ROWS,
    "pandas": lambda _: pd.DataFrame(ROWS),
    "pandas, pyarrow": lambda _: pd.DataFrame(ROWS).convert_dtypes(dtype_backend="pyarrow"),
    "pandas, categorical": lambda _: pd.DataFrame(ROWS).astype("category"),
    "polars": lambda _: pl.DataFrame(ROWS),
    "arrow": lambda _: pa.Table.from_pylist(ROWS).cast(pa.schema([(name, pa.large_string()) for name in ROWS[0]])),
}  # fmt: skip


@pytest.mark.parametrize("form", ["json", "parquet"])
@pytest.mark.parametrize("kind", SOURCES)
def test_the_row_is_set_aside_with_its_reason(kind: str, form: Any, tmp_path: Path) -> None:
    result = xp.prepare(SOURCES[kind](tmp_path), MAPPING, SCHEMA, out=tmp_path / "out", format=form)
    found = [(issue.code, issue.row, issue.path, issue.column) for issue in result.report]
    assert found == [("nul", result.rows, "name", "name")]
    assert (result.rejected, result.written) == (1, result.rows - 1)
    assert result.rejects is not None
    assert result.rejects["name"].to_pylist() == ["A\0d\0a\0"]


def test_the_mapping_can_remove_it(tmp_path: Path) -> None:
    mapping = {"id": "id", "name": 'replacestr(name, "\\u0000", "")'}
    result = xp.prepare(pa.Table.from_pylist(ROWS), mapping, SCHEMA, out=tmp_path / "out")
    assert not list(result.report)
    lines = (tmp_path / "out" / "part-00000.json").read_text().splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["Ada", "Ada"]


def test_json_schema_permits_it() -> None:
    record = {"id": "1", "name": "A\0"}
    assert [issue.code for issue in SCHEMA.check(record)] == ["nul"]
    assert not SCHEMA.check(record, rules="jsonschema")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_a_nul_in_the_header_of_a_file_in_the_encoding_that_was_given(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_bytes("id,na\0me\n1,Ada\n".encode(encoding))
    rows = xp.map_rows(tmp_path / "s.csv", {"id": "id"}, SCHEMA, csv=xp.CsvOptions(encoding=encoding)).to_pylist()
    assert [row["id"] for row in rows] == ["1"]
    with pytest.raises(SourceError, match="is no text, or text in an encoding such as UTF"):
        xp.map_rows(tmp_path / "s.csv", {"id": "id"}, SCHEMA, csv=xp.CsvOptions(encoding="latin-1"))
