"""Segments: made whole or not at all, mapped without a copy, removed, and swept up after the dead."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from floe_jupyter.wire import shared_memory

ME = f"floe-{os.getpid()}-t"


def test_what_is_put_into_a_segment_is_read_from_it(tmp_path: Path) -> None:
    name = shared_memory.create(b"some bytes", ME, str(tmp_path))
    assert shared_memory.view(name, 10, str(tmp_path)).tobytes() == b"some bytes"
    assert shared_memory.view(name, 4, str(tmp_path)).tobytes() == b"some"
    assert oct((tmp_path / name).stat().st_mode & 0o777) == "0o600"


def test_names_are_never_used_twice(tmp_path: Path) -> None:
    assert len({shared_memory.create(b"x", ME, str(tmp_path)) for _ in range(20)}) == 20


def test_a_view_is_read_only_and_outlives_its_file(tmp_path: Path) -> None:
    name = shared_memory.create(b"x" * 100_000, ME, str(tmp_path))
    view = shared_memory.view(name, 100_000, str(tmp_path))
    shared_memory.remove(name, str(tmp_path))
    shared_memory.remove(name, str(tmp_path))
    assert view[99_999] == ord("x")
    with pytest.raises(TypeError, match="read-only"):
        view[0] = 1


def test_a_segment_that_is_gone_or_too_short_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        shared_memory.view(f"{ME}-999999", 1, str(tmp_path))
    with pytest.raises(ValueError, match="3 bytes, not 4"):
        shared_memory.view(shared_memory.create(b"abc", ME, str(tmp_path)), 4, str(tmp_path))


@pytest.mark.parametrize("name", ["", "..", "../etc/passwd", "floe-1/../../x", "other-1-2", "floe-x-1", "floe-1-A\n"])
def test_a_name_can_lead_nowhere_else(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no name of a segment"):
        shared_memory.view(name, 1, str(tmp_path))


def test_a_sweep_removes_what_the_dead_left_and_nothing_else(tmp_path: Path) -> None:
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, timeout=30)
    left = shared_memory.create(b"x", f"floe-{dead.stdout.strip()}-1", str(tmp_path))
    mine = shared_memory.create(b"x", ME, str(tmp_path))
    (tmp_path / "somebody-else-1").write_bytes(b"x")
    assert shared_memory.sweep(str(tmp_path), spared={left}) == []
    assert shared_memory.sweep(str(tmp_path)) == [left]
    assert sorted(os.listdir(tmp_path)) == sorted([mine, "somebody-else-1"])
