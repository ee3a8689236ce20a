"""The notebook of the documentation runs cell by cell. It is stored without outputs."""

from pathlib import Path

import nbformat
from nbclient import NotebookClient

from tests.support.paths import ROOT

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"


def test_every_cell_runs(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "results").symlink_to(ROOT / "results")
    book = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") for cell in book.cells)
    client = NotebookClient(book, timeout=600, resources={"metadata": {"path": str(tmp_path / "docs")}})
    client.execute()
    shown = [output for cell in book.cells for output in cell.get("outputs", []) if "data" in output]
    assert sum("text/html" in output["data"] for output in shown) == 7
    assert "data:image/png" in shown[0]["data"]["text/html"]
