"""Every notebook runs top to bottom, with names of its own, against the emulator."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


def test_there_are_notebooks() -> None:
    assert "crm-to-profile" in {path.stem for path in NOTEBOOKS}


# Jupyter's own libraries warn about their own use of event loops and sockets; our code runs in the kernel's process.
@pytest.mark.filterwarnings("default")
def test_the_notebooks_run_top_to_bottom(tmp_path: Path) -> None:
    """One kernel, which has the libraries loaded after the first of them, forgets all names between two."""
    cells = []
    for path in NOTEBOOKS:
        cells += [*nbformat.read(path, as_version=4).cells, nbformat.v4.new_code_cell("%reset -f")]
    assert all(not cell.get("outputs") for cell in cells), "clear the outputs before committing"
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    whole = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(whole, timeout=120, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    assert all(cell.execution_count for cell in whole.cells if cell.cell_type == "code" and cell.source)
