"""The layers of the package, held by import-linter (the contracts are in pyproject.toml)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_imports_go_down_only() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=55, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_core_and_the_wire_import_neither_the_parser_nor_the_notebook() -> None:
    """Runners start fast because nothing that only definitions need is loaded with them."""
    program = ("import sys, floe_jupyter.core.machine, floe_jupyter.wire.frames, floe_jupyter.wire.links\n"
               "print([m for m in ('lark', 'asyncio', 'rich', 'click', 'IPython', 'numpy') if m in sys.modules])")
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "[]"
