from __future__ import annotations

import gc
import os
import subprocess
import sys

import pytest

from floe_jupyter.core.messages import Batch, Buffer
from floe_jupyter.errors import ProtocolError
from floe_jupyter.runner.segments import Segments, sweep_dead


class Maker:
    """Hears what may be used again and what must be removed; removes it as a runtime does."""

    def __init__(self, directory, alive: bool = True) -> None:
        self.directory, self.alive = directory, alive
        self.again: list[str] = []
        self.removed: list[str] = []

    def free(self, maker: str, again: list[str], remove: list[str]) -> bool:
        if self.alive:
            self.again += again
            self.removed += remove
            for name in remove:
                os.unlink(self.directory / name)
        return self.alive


def segment(directory, name: str, text: bytes = b"data") -> Batch:
    (directory / name).write_bytes(text)
    return Batch(b'[{"$floe":["bytes",0]}]', 1, tagged=True, buffers=(Buffer(len(text), None, name),), counts=(1,))


@pytest.fixture
def mine() -> str:
    return f"floe-{os.getpid()}-1"


def test_a_segment_is_free_as_soon_as_the_last_message_with_it_is_gone(tmp_path, mine):
    maker = Maker(tmp_path)
    segments = Segments(maker.free, str(tmp_path))
    batch = segment(tmp_path, f"{mine}-1")
    segments.adopt(batch, mine)
    other = Batch(b"[1]", 1, buffers=batch.buffers)
    del batch
    assert maker.again == []
    del other
    gc.collect()
    assert (maker.again, maker.removed) == ([f"{mine}-1"], [])


def test_what_a_module_still_refers_to_is_removed_and_not_used_again(tmp_path, mine):
    maker = Maker(tmp_path)
    segments = Segments(maker.free, str(tmp_path))
    batch = segment(tmp_path, f"{mine}-1")
    segments.adopt(batch, mine)
    segments.keep([f"{mine}-1", "floe-1-unknown"])
    del batch
    assert (maker.again, maker.removed) == ([], [f"{mine}-1"])


def test_a_result_outlives_its_maker_under_another_name(tmp_path, mine):
    maker = Maker(tmp_path)
    segments = Segments(maker.free, str(tmp_path))
    batch = segment(tmp_path, f"{mine}-1", b"precious")
    segments.adopt(batch, mine)
    result = segments.hand_over(batch, "floe-7-d8")
    del batch
    assert maker.removed == [f"{mine}-1"]
    assert os.listdir(tmp_path) == [result.buffers[0].segment]
    assert (tmp_path / result.buffers[0].segment).read_bytes() == b"precious"
    assert result.buffers[0].segment.startswith("floe-7-d8-")


def test_what_a_dead_runtime_made_is_removed_once_nobody_reads_it(tmp_path, mine):
    maker = Maker(tmp_path, alive=False)
    segments = Segments(maker.free, str(tmp_path))
    batch = segment(tmp_path, f"{mine}-1")
    segments.adopt(batch, mine)
    segment(tmp_path, f"{mine}-2")
    segments.maker_gone(mine)
    assert os.listdir(tmp_path) == [f"{mine}-1"]
    del batch
    assert os.listdir(tmp_path) == []


def test_segments_that_came_with_an_injection_are_ours_to_remove(tmp_path):
    segments = Segments(Maker(tmp_path).free, str(tmp_path))
    batch = segment(tmp_path, "floe-7-c1-1")
    segments.adopt(batch)
    del batch
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["../etc/passwd", "floe-1-/../x", "", "other", "floe-1"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path, name):
    segments = Segments(Maker(tmp_path).free, str(tmp_path))
    buffers = (Buffer(1, None, name or "floe-x-1"),)
    with pytest.raises(ProtocolError, match="no name of a segment"):
        segments.adopt(Batch(b"[1]", 1, buffers=buffers, counts=(1,)))


def test_what_killed_processes_left_is_swept(tmp_path, mine):
    said = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True)
    dead = said.stdout.strip()
    for name in (f"floe-{dead}-1-1", f"{mine}-1", "somebody-else"):
        (tmp_path / name).write_bytes(b"")
    sweep_dead(str(tmp_path))
    assert sorted(os.listdir(tmp_path)) == sorted([f"{mine}-1", "somebody-else"])
