"""A copy of the package with runtimes of its own, so that tests may add, change and delete languages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


class PackageCopy:
    """The package below *directory*, with the runtimes of the checkout in `runtimes`."""

    def __init__(self, directory: Path) -> None:
        package = directory / "floe_jupyter"
        package.mkdir()
        for entry in (ROOT / "floe_jupyter").iterdir():
            (package / entry.name).symlink_to(entry)
        self.runtimes = package / "_runtimes"
        shutil.copytree(ROOT / "runtimes", self.runtimes, ignore=shutil.ignore_patterns("__pycache__"))
        self.directory, self.variables = directory, {"PYTHONPATH": str(directory)}

    def add(self, language: str, files: dict[str, str]) -> None:
        """Add a folder with these files."""
        (self.runtimes / language).mkdir()
        for name, text in files.items():
            (self.runtimes / language / name).write_text(text)

    def printed(self, program: str) -> Any:
        """Return the value that a program prints as JSON when it is run with the copy."""
        command = [sys.executable, "-c", program]
        env = {**os.environ, **self.variables}
        done = subprocess.run(command, env=env, cwd=self.directory, capture_output=True, text=True, timeout=50)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
