"""The example notebooks as papermill runs them: its kernel has nobody in front, and a cell that raises ends the notebook."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.conftest import missing

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", sorted(path.name for path in NOTEBOOKS.glob("*.ipynb")))
def test_item11_every_notebook_passes_papermill_in_its_folder(home: Path, name: str) -> None:
    if importlib.util.find_spec("papermill") is None:
        missing("papermill", "pip install papermill")
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "papermill", "--no-progress-bar", name, str(home / name)],
        cwd=NOTEBOOKS,
        env=env,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    cells = [cell for cell in nbformat.read(home / name, 4).cells if cell.cell_type == "code"]
    assert [cell.metadata.papermill.status for cell in cells] == ["completed"] * len(cells)
    assert any("image/svg+xml" in output.get("data", {}) for cell in cells for output in cell.outputs), "no picture of a flow"
