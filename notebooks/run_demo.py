"""Run the notebook *One bad week* without a browser: ``python notebooks/run_demo.py DIRECTORY``.

Writes the executed notebook and its picture, ``co2.png``, into the directory, and says where they are.
"""

from __future__ import annotations

import base64
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

HERE = Path(__file__).resolve().parent
NOTEBOOK = HERE / "02-one-bad-week.ipynb"


def main(target: Path) -> int:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    began = time.monotonic()

    def say(cell: Any, **_: Any) -> None:
        if cell.cell_type == "code":
            number = next(n for n, other in enumerate(cells, 1) if other is cell)
            print(
                f"  {time.monotonic() - began:5.1f} s  cell {number} of {len(cells)}: {cell.source.splitlines()[0][:70]}",
                flush=True,
            )

    print(f"Running {NOTEBOOK.name} ...", flush=True)
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(HERE)}}, on_cell_start=say)
    try:
        client.execute()
    except CellExecutionError as error:
        print(error, file=sys.stderr)
        return 1
    for path in write(notebook, target):
        print(f"Wrote {path}")
    return 0


def write(notebook: Any, target: Path) -> list[Path]:
    """The executed notebook, and the last picture in it."""
    target.mkdir(parents=True, exist_ok=True)
    executed, picture = target / NOTEBOOK.name, target / "co2.png"
    nbformat.write(notebook, executed)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    pictures = [output.data["image/png"] for output in outputs if "image/png" in output.get("data", {})]
    picture.write_bytes(base64.b64decode(pictures[-1]))
    return [executed.resolve(), picture.resolve()]


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python notebooks/run_demo.py DIRECTORY")
    sys.exit(main(Path(sys.argv[1])))
