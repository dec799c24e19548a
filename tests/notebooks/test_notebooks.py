"""Every example runs, puts out what is saved in it, and can be read on a code host."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NAMES = [path.stem for path in NOTEBOOKS]


def environment(home: Path) -> dict[str, str]:
    folders = {
        name: str(home / name.lower())
        for name in ("JUPYTER_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_CACHE_HOME", "IPYTHONDIR", "MPLCONFIGDIR")
    }
    for path in folders.values():
        Path(path).mkdir()
    return {**os.environ, **folders, "FLOE_CONNECTION": str(home / "floe.json")}


def test_the_four_examples_are_there():
    assert NAMES == ["01-first-flow", "02-one-bad-week", "03-fix-the-parser-while-it-streams", "04-look-and-step"]


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_a_notebook_puts_out_what_is_saved_in_it(path, tmp_path):
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "nbval",
        "--nbval",
        "--nbval-sanitize-with",
        str(ROOT / "notebooks/nbval-sanitize.cfg"),
        "-q",
        "-p",
        "no:cacheprovider",
        str(path),
    ]
    done = subprocess.run(command, cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stdout[-6_000:]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_a_notebook_is_small_and_holds_nothing_of_this_machine(path):
    text = path.read_text()
    notebook = json.loads(text)
    assert "widgets" not in notebook["metadata"]
    assert str(ROOT) not in text
    assert "/tmp/" not in text
    assert len(text) < 250_000


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_a_run_in_a_saved_notebook_is_a_picture_a_table_and_a_line(path):
    cells = [[o["data"] for o in cell.get("outputs", ()) if "data" in o] for cell in json.loads(path.read_text())["cells"]]
    runs = [cell for cell in cells if any(re.match(r"(Run|Flow) \S+: ", "".join(data.get("text/plain", ""))) for data in cell)]
    assert runs
    assert all(any({"image/svg+xml", "text/html"} <= set(data) for data in cell) for cell in runs)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_demo_writes_its_notebook_and_its_picture_and_says_where(tmp_path):
    (tmp_path / "home").mkdir()
    done = subprocess.run(
        [sys.executable, str(ROOT / "notebooks/run_demo.py"), str(tmp_path / "out")],
        cwd=tmp_path,
        env=environment(tmp_path / "home"),
        capture_output=True,
        text=True,
        timeout=170,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out/co2.png").read_bytes().startswith(b"\x89PNG")
    assert done.stdout.splitlines()[-1] == f"Wrote {tmp_path / 'out/co2.png'}"
    assert (tmp_path / "out/02-one-bad-week.ipynb").exists()
