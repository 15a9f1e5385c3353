"""The documentation is run: the Python of every page, and the commands of the how-to pages, with the output they show.

Each page has a folder of its own with the shipped schemas.  Lines of a Python block that begin with ``# `` are what it
prints.  Lines after a command are found in its output, in their order; a comment tells its exit code, if not 0.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_kit import command, python

import xdmprep

ROOT = Path(__file__).resolve().parents[2]
DOCS = Path(xdmprep.__file__).parent / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
#: Names that pages use for the reader's own files.
STAND_INS = {
    "crm.csv": "schemas/examples/crm-profiles.csv",
    "crm.mapping.yaml": "schemas/crm-profile.mapping.yaml",
    "crm.schema.json": "schemas/crm-profile.schema.json",
    "records.json": "schemas/examples/crm-profile.valid.jsonl",
    "crm-may.csv": "schemas/examples/crm-profiles.csv",
    "crm-june.csv": "schemas/examples/crm-profiles.csv",
}


def blocks(page: Path, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "schemas", tmp_path / "schemas")
    for name, file in STAND_INS.items():
        shutil.copy(ROOT / file, tmp_path / name)
    return tmp_path


def environment() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "NO_COLOR": "1", "COLUMNS": "200"}


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.stem)
def test_the_python_of_a_page_runs_and_prints_what_it_says(page: Path, folder: Path) -> None:
    code = "\n".join(blocks(page, "python"))
    done = python("-c", code, cwd=folder)
    assert done.returncode == 0, done.stderr
    said = [line[2:] for line in code.splitlines() if line.startswith("# ")]
    if said:
        assert done.stdout.splitlines() == said


def commands(block: str) -> list[tuple[str, list[str]]]:
    """The commands of a block, here-documents included, each with the lines that follow it."""
    found: list[tuple[str, list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif line.startswith("> ") or line == ">":
            found[-1] = (found[-1][0] + "\n" + line[2:], found[-1][1])
        else:
            found[-1][1].append(line)
    return found


HOW_TO = [DOCS / "tutorial.md", *sorted((DOCS / "how-to").glob("*.md"))]


@pytest.mark.parametrize("page", [page for page in HOW_TO if blocks(page, "console")], ids=lambda page: page.stem)
def test_the_commands_of_a_how_to_page_work_and_say_what_it_shows(page: Path, folder: Path) -> None:
    exports = ""
    for text, lines in [pair for block in blocks(page, "console") for pair in commands(block)]:
        done = subprocess.run(
            ["bash", "-c", exports + text], cwd=folder, env=environment(), capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip
        code = re.search(r"# exit code (\d)$", text)
        assert done.returncode == (int(code[1]) if code else 0), f"{text}\n{done.stdout}{done.stderr}"
        rest = done.stdout + done.stderr
        for line in lines:
            assert line in rest, f"{text}: {line!r} is not in\n{rest}"
            rest = rest[rest.index(line) :]
        if text.startswith("export "):
            exports += text + "\n"


def test_the_commands_of_the_readme_upload_what_they_prepare(folder: Path, url: str) -> None:
    """Against an emulator that is running already."""
    (block,) = [one for one in blocks(ROOT / "README.md", "console") if "xdmprep prepare" in one]
    dataset = ""
    for text, _ in commands(block):
        if not text.startswith("xdmprep emulate"):
            words = shlex.split(text.replace("http://127.0.0.1:8080", url).replace("DATASET_ID", dataset))
            done = command(*words[1:], cwd=folder)
            with_errors = text.startswith("xdmprep prepare")  # 59 rows are set aside
            assert done.returncode == with_errors, f"{text}\n{done.stdout}{done.stderr}"
            if found := re.search(r"\b[0-9a-f]{24}\b", done.stdout):
                dataset = found[0]
    assert dataset and "241" in done.stdout


def test_every_how_to_page_is_run() -> None:
    assert [page.stem for page in HOW_TO if not blocks(page, "python") + blocks(page, "console")] == []


def test_the_reference_has_every_public_name() -> None:
    page = (DOCS / "reference.md").read_text(encoding="utf-8")
    named = [line.rpartition(".")[2] for line in page.splitlines() if line.startswith("::: ")]
    assert sorted(named) == sorted([*xdmprep.__all__, "Client", "Emulator"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built with its notebooks."""
    pytest.importorskip("mkdocs", reason="the site's generator is not here; the extra `docs` brings it")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr  # a broken link among them
    return folder


def test_no_page_of_the_site_loads_anything_from_elsewhere(site: Path) -> None:
    loaded = r"<(?:script|iframe|img)[^>]* src=\"?https?://|<link[^>]* href=\"?https?://[^>]*(?:stylesheet|icon)"
    pages = list(site.rglob("*.html"))
    assert len(pages) > 30
    assert [page.name for page in pages if re.search(loaded, page.read_text(encoding="utf-8"))] == []


def test_the_site_shows_the_notebooks_with_their_outputs(site: Path) -> None:
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        assert "notebook-output" in (site / "notebooks" / f"{notebook.stem}.html").read_text(encoding="utf-8")


def test_the_search_works_from_a_folder(site: Path, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or pytest.skip("Chromium is not here")
    shown = subprocess.run(
        [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000", "--dump-dom",
         f"--user-data-dir={tmp_path}", (site / "index.html").as_uri() + "?q=identity"],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert "matching documents" in shown.stdout
