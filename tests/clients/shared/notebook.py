"""Runs a notebook from its first cell to its last. What its cells say must be what they say in the repository.

Cells tagged `varies` may say anything. `NOTEBOOK_REWRITE=1` writes what they say into the file instead of comparing.
"""
import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

path = Path(sys.argv[1])
kept = nbformat.read(path, as_version=4)
notebook = nbformat.read(path, as_version=4)
root = Path(__file__).parents[3]
NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(root)}}).execute()


def says(cell):
    """What a cell printed or showed, as text."""
    texts = []
    for output in cell.get("outputs", []):
        text = output.get("text") or output.get("data", {}).get("text/plain", output["output_type"])
        texts.append("".join(text).rstrip())
    return "\n".join(texts)


if os.environ.get("NOTEBOOK_REWRITE"):
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    nbformat.write(notebook, path)
else:
    for number, (before, after) in enumerate(zip(kept.cells, notebook.cells)):
        if "varies" not in before.metadata.get("tags", []) and says(before) != says(after):
            sys.exit(f"{path.name}, cell {number}: {before.source}\nsaid\n{says(after)}\ninstead of\n{says(before)}")
