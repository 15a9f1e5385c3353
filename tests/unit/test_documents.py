"""Documents that people give are refused with the place and the reason, whatever they hold."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest

from xdmprep.core import documents
from xdmprep.core.documents import (
    COUNT,
    MAX_DEPTH,
    TEXT,
    DocumentKind,
    list_of,
    map_of,
    nullable,
    one_of,
    record,
    why_unfit,
)
from xdmprep.errors import SourceError

KIND = DocumentKind(SourceError, "Give another.")


@pytest.mark.parametrize(("text", "message"), [
    ("", "is empty"), (" \n", "is empty"), ("{", "not JSON: .* at line 1, column 2"), ("[1,]", "not JSON"),
    ("NaN", "NaN is not JSON"), ("[-Infinity]", "-Infinity is not JSON"), ("[1e400]", "beyond the range of a double"),
    ("1" * 5000, "a number of 5,000 digits"), ("[" * 100_000, "nested deeper"),
    ("[" * 401 + "]" * 401, "nested deeper"),
    ('{"a":' * 5000 + "1" + "}" * 5000, "nested deeper"), ('{"\\ud800": 1}', "half a surrogate pair"),
    ('["\\udfff"]', "half a surrogate pair"), ("[1] [2]", "not JSON"),
])  # fmt: skip
def test_texts_that_are_no_documents(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text(text)
    with pytest.raises(SourceError, match=message) as caught:
        KIND.read_json(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert str(caught.value).endswith("Give another.")
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("value", [{"a": [1, 2.5, None, True, "é😀"]}, 5, "x", [[]], json.loads("[" * 400 + "]" * 400)])
def test_json_reads_as_python_reads_it(value: Any, tmp_path: Path) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False)):
        (tmp_path / "x.json").write_text(text, encoding="utf-8-sig")
        assert KIND.read_json(tmp_path / "x.json") == value


def test_a_value_that_holds_itself_is_too_deep() -> None:
    value: list[Any] = []
    value.append(value)
    assert f"deeper than {MAX_DEPTH}" in (why_unfit(value) or "")


@pytest.mark.skipif(os.name == "nt", reason="special files of POSIX")
@pytest.mark.parametrize(("kind", "message"), [
    ("missing", "No such file"), ("folder", "is a folder"), ("fifo", "is empty"), ("socket", "No such device"),
    ("null", "is a device"), ("zero", "is a device"), ("loop", "symbolic links"), ("nul", "no file name"),
    ("long", "too long"),
])  # fmt: skip
def test_paths_that_are_no_files(kind: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(path))
    elif kind in ("null", "zero"):
        path.symlink_to(f"/dev/{kind}")
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "nul":
        path = Path("a\0b")
    elif kind == "long":
        path = Path("x" * 5000)
    with pytest.raises(SourceError, match=message):
        KIND.read_json(path)


def test_faults_of_shape_name_their_places() -> None:
    shape = record(
        {"name": TEXT, "files": list_of(record({"rows": COUNT}))},
        {"kind": nullable(one_of("a", "b")), "n": map_of(COUNT)},
    )
    KIND.check({"name": "x", "files": [{"rows": 0, "more": 1}], "kind": None, "n": {"k": 5}, "other": []}, shape, "f")
    with pytest.raises(SourceError) as caught:
        KIND.check({"files": [{"rows": 1}, {"rows": True}, {}, 5], "kind": 1, "n": {"k": -1}}, shape, "f")
    assert str(caught.value) == (
        "f: lacks 'name'; files[1].rows: expected a whole number from 0 on, got True; files[2]: lacks 'rows'; "
        'files[3]: expected an object, got 5; kind: expected "a" or "b", got 1; '
        "n.k: expected a whole number from 0 on, got -1. Give another."
    )
    with pytest.raises(SourceError, match="and more") as caught:
        KIND.check({"name": "x", "files": [None] * 1000}, shape, "f")
    assert len(str(caught.value)) < 1000


def test_files_below_a_folder_that_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that vanishes has no files; a link that leads nowhere and too many files are refused."""
    for name in ("b/2.json", "a.json", "a.txt", "gone/3.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    scan = os.scandir

    def vanishing(path: str) -> object:
        if str(path).endswith("gone"):
            shutil.rmtree(path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", vanishing)
    found = documents.files_below(tmp_path, lambda name: name.endswith(".json"))
    assert [file.relative_to(tmp_path).as_posix() for file in found] == ["a.json", "b/2.json"]
    (tmp_path / "link.json").symlink_to(tmp_path / "nowhere.json")
    with pytest.raises(SourceError, match=r"link\.json: is a link that leads nowhere"):
        documents.files_below(tmp_path, lambda name: name.endswith(".json"), SourceError)
    (tmp_path / "link.json").unlink()
    monkeypatch.setattr(documents, "MAX_ENTRIES", 2)
    with pytest.raises(SourceError, match="more than 2 files"):
        documents.files_below(tmp_path, lambda name: True, SourceError)


def test_only_one_place_searches_folders() -> None:
    """Searching below a folder has one rule: no other module uses rglob or os.walk."""
    package = Path(documents.__file__).parent.parent
    users = {path.name for path in package.rglob("*.py") if re.search(r"\brglob\(|os\.walk\(", path.read_text())}
    assert users == {"documents.py"}
