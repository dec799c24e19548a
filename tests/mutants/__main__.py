"""Tries every mutant, or those whose names contain a word: ``python -m tests.mutants [WORD ...]``; fails where one survives.

Each is put into a copy of the program, in which its tests run: they must fail. Tests that are skipped notice nothing.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.mutants.catalogue import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
COPIED = ("floe_jupyter", "runtimes", "tests", "pyproject.toml")
WITHIN = 600.0
"""Seconds that the tests of one mutant get."""


def copy(target: Path) -> None:
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
        else:
            shutil.copy(ROOT / name, target / name)


def mutate(target: Path, mutant: Mutant) -> None:
    """Raises ValueError when the text of a mutant is not there exactly once: then the catalogue is out of date."""
    path = target / mutant.file
    text = path.read_text()
    if text.count(mutant.before) != 1:
        raise ValueError(
            f"{mutant.name}: its text is {text.count(mutant.before)} times in {mutant.file}, not once; bring "
            "tests/mutants/catalogue.py up to date"
        )
    path.write_text(text.replace(mutant.before, mutant.after))


def noticed(target: Path, mutant: Mutant) -> bool:
    """Whether a test fails because of it (and not for another reason, such as a file that does not exist)."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *mutant.tests]
    done = subprocess.run(
        command,
        cwd=target,
        env={**os.environ, "PYTHONPATH": str(target)},
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN,
    )
    failed = re.search(r"\b\d+ failed\b|\+ Timeout \+", done.stdout + done.stderr)
    if done.returncode not in (0, 1) or (done.returncode == 1 and not failed):
        raise ValueError(f"{mutant.name}: its tests could not run:\n{done.stdout[-2_000:]}{done.stderr[-2_000:]}")
    return done.returncode == 1


def main(words: Sequence[str]) -> int:
    wanted = [mutant for mutant in MUTANTS if not words or any(word in mutant.name for word in words)]
    survivors = []
    for mutant in wanted:
        with tempfile.TemporaryDirectory(prefix="floe-mutant-") as directory:
            target = Path(directory)
            copy(target)
            mutate(target, mutant)
            survived = not noticed(target, mutant)
        sys.stdout.write(f"{'SURVIVED' if survived else 'noticed'}  {mutant.name}\n")
        sys.stdout.flush()
        survivors += [mutant.name] * survived
    sys.stdout.write(f"{len(wanted) - len(survivors)} of {len(wanted)} mutants are noticed\n")
    return int(bool(survivors))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
