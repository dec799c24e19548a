"""The layers of the package, held by import-linter (the contracts are in pyproject.toml), its folders and its names."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_imports_go_down_only() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=55, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_core_and_the_wire_import_neither_the_parser_nor_the_notebook() -> None:
    """Runners start fast because nothing that only definitions need is loaded with them."""
    program = (
        "import sys, floe_jupyter.core.machine.machine, floe_jupyter.wire.runtime.frames, floe_jupyter.wire.runner_messages\n"
        "print([m for m in ('lark', 'asyncio', 'rich', 'click', 'IPython', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "[]"


SAME_NAMES = {
    "Flow": "what a user holds, and the definition that it stands for",
    "Inject": "a call of the Runner API and the request of the machine that it becomes",
    "Edit": "a call of the Runner API and the request of the machine that it becomes",
    "Drop": "a call of the Runner API and the request of the machine that it becomes",
}
"""Class names that may stand for two things, and why."""


def test_one_class_name_is_one_thing() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "floe_jupyter").rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(path.relative_to(ROOT)))
    assert {name: found for name, found in places.items() if len(found) > 1 and name not in SAME_NAMES} == {}
    assert {name for name in SAME_NAMES if len(places[name]) < 2} == set(), "not needed any more"


def test_no_folder_has_more_than_twenty_modules() -> None:
    folders: dict[str, int] = defaultdict(int)
    for top in ("floe_jupyter", "tests"):
        for path in (ROOT / top).rglob("*.py"):
            folders[str(path.parent.relative_to(ROOT))] += path.name != "__init__.py"
    assert {folder: count for folder, count in folders.items() if count > 20} == {}
