"""Adds the notebooks to the site: each is executed, and becomes a page with its outputs."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import nbformat
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from nbclient import NotebookClient
from nbconvert import MarkdownExporter

FOLDER = Path(__file__).parent / "notebooks"
#: What a terminal makes of progress bars and colours has no place on a page.
CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[^\n]*\r(?!\n)")
LINES = re.compile(r"\s*\n\s*")


def page_of(notebook: Path) -> str:
    """The Markdown of a notebook after a run in a folder of its own.

    HTML outputs become one line each, since a blank line or an indented one would end the HTML in Markdown.
    """
    content = nbformat.read(notebook, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(content, timeout=300, kernel_name="python3", resources={"metadata": {"path": folder}}).execute()
    for output in [output for cell in content.cells for output in cell.get("outputs", [])]:
        if "text" in output:
            output["text"] = CONTROL.sub("", output["text"])
        data = output.get("data", {})
        if "text/html" in data:
            data["text/html"] = '<div class="notebook-output">' + LINES.sub(" ", data["text/html"]) + "</div>"
    body, _ = MarkdownExporter().from_notebook_node(content)
    return str(body)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Called by mkdocs when it has collected the pages."""
    for notebook in sorted(FOLDER.glob("*.ipynb")):
        files.append(File.generated(config, f"notebooks/{notebook.stem}.md", content=page_of(notebook)))
    return files
