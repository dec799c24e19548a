"""Results of a run: the newest in memory, those before them in a file, in order, whatever is withdrawn, saved or torn."""

from __future__ import annotations

import os
import resource
import struct
import subprocess
import sys
import tempfile
import textwrap
from itertools import count
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from floe_jupyter.core.messages import Batch, Buffer, texts
from floe_jupyter.dispatcher.runners import segments
from floe_jupyter.dispatcher.runs import results
from floe_jupyter.dispatcher.runs.results import Results
from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.wire.control.replies import ResultBatch
from tests.dispatcher.kit import ROOT

SMALL = {"IN_MEMORY": 3_000, "AT_ONCE": 1_000}
"""A few batches."""


def batch(n: int, first: int = 0, ids: bool = False) -> Batch:
    values = range(first, first + n)
    payload = f"[{','.join(map(str, values))}]".encode()
    return Batch(payload, n, run=1, ids=tuple(f"id{value}" for value in values) if ids else None)


def told(items: list[ResultBatch]) -> list[int]:
    return [int(text) for item in items for text in texts(item.batch.payload)]


def pages(kept: Results, limit: int) -> list[ResultBatch]:
    """All batches, as a client asks for them."""
    found: list[ResultBatch] = []
    while page := kept.page(len(found), limit):
        found += page
    return found


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in SMALL.items():
        monkeypatch.setattr(results, name, size)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 12)),
        st.tuples(st.just("withdraw"), st.sets(st.integers(0, 60), max_size=8)),
        st.tuples(st.just("save"), st.none()),
    ),
    max_size=40,
)


@given(steps=steps, limit=st.integers(1, 9))
def test_what_was_kept_comes_back_in_order_without_what_was_withdrawn(steps: list[tuple[str, object]], limit: int) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        for name, size in SMALL.items():
            patch.setattr(results, name, size)
        kept, expected, numbers = Results(f"{folder}/a.results"), list[int](), count()
        for what, detail in steps:
            if what == "add":
                assert isinstance(detail, int)
                new = [next(numbers) for _ in range(detail)]
                kept.add("node", "out", batch(detail, new[0], ids=True))
                expected += new
            elif what == "withdraw":
                assert isinstance(detail, set)
                assert kept.withdraw(frozenset(f"id{n}" for n in detail)) == len(detail & set(expected))
                expected = [n for n in expected if n not in detail]
            else:
                kept.save()
            assert kept.messages == len(expected)
        assert told(kept.all()) == told(pages(kept, limit)) == expected
        kept.save()
        kept.close()
        restored = Results.load(f"{folder}/a.results", len(expected))
        assert told(pages(restored, limit)) == expected
        assert restored.dropped == 0
        restored.drop()
        assert os.listdir(folder) == []


def test_small_results_without_end_take_a_bounded_part_of_the_memory(tmp_path: Path) -> None:
    """A million results that come one by one: 330 bytes of memory each where each has ten bytes to say."""
    program = f"""
        from floe_jupyter.core.messages import Batch
        from floe_jupyter.dispatcher.runs.results import Results

        def peak():
            with open("/proc/self/status") as file:
                return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))

        kept = Results({str(tmp_path / "a.results")!r})
        before = peak()
        for n in range(1_000_000):
            kept.add("node", "out", Batch(b"[%d]" % n, 1, run=1))
        print(peak() - before)
        assert [item.batch.payload for item in kept.page(123_456, 2)] == [b"[123456]", b"[123457]"]
        assert [item.batch.payload for item in kept.page(999_999, 2)] == [b"[999999]"]
        kept.drop()
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=ROOT, check=True, capture_output=True, text=True, timeout=60
    )
    assert int(ran.stdout) < (results.IN_MEMORY + 8 * 1_000_000) / 1024 * 1.5
    assert os.listdir(tmp_path) == []


def test_a_run_with_few_results_touches_no_disk(tmp_path: Path) -> None:
    kept = Results(str(tmp_path / "none" / "a.results"))
    kept.add("node", "out", batch(3))
    assert told(kept.all()) == [0, 1, 2]
    kept.drop()
    assert (kept.messages, kept.dropped, kept.size) == (3, 3, 0)
    assert os.listdir(tmp_path) == []


def segment(size: int) -> Buffer:
    name = f"floe-{os.getpid()}-test{size}"
    Path(segments.DIRECTORY, name).write_bytes(b"x" * size)
    return Buffer(size, None, name)


def shared() -> list[str]:
    return [name for name in os.listdir(segments.DIRECTORY) if name.startswith(f"floe-{os.getpid()}-test")]


@pytest.mark.usefixtures("small")
def test_segments_are_removed_with_the_results_also_those_of_batches_in_the_file(tmp_path: Path) -> None:
    kept = Results(str(tmp_path / "a.results"))
    for size in range(1, 31):
        kept.add("node", "out", Batch(b"[0]", 1, buffers=(segment(size),), counts=(1,)))
    assert (tmp_path / "a.results").exists()
    assert len(shared()) == 30
    kept.drop()
    assert shared() == []


@pytest.mark.usefixtures("small")
def test_saved_results_hold_the_bytes_of_their_segments(tmp_path: Path) -> None:
    kept = Results(str(tmp_path / "a.results"))
    for size in range(1, 31):
        kept.add("node", "out", Batch(b"[0]", 1, buffers=(segment(size),), counts=(1,)))
    kept.save()
    assert shared() == []
    kept.close()
    restored = Results.load(str(tmp_path / "a.results"), 30)
    assert [len(item.batch.buffers[0].data or b"") for item in restored.page(0, 100)] == list(range(1, 31))
    restored.close()


@pytest.mark.usefixtures("small")
def test_a_torn_file_gives_what_is_whole_and_counts_the_rest_as_dropped(tmp_path: Path) -> None:
    path = tmp_path / "a.results"
    kept = Results(str(path))
    for at in range(20):
        kept.add("node", "out", batch(2, 2 * at))
    kept.save()
    kept.close()
    os.truncate(path, path.stat().st_size - 3)
    torn = Results.load(str(path), 40)
    assert told(pages(torn, 7)) == list(range(38))
    assert torn.dropped == 2
    torn.close()


@pytest.mark.usefixtures("small")
def test_what_was_withdrawn_does_not_come_back_when_the_dispatcher_is_killed(tmp_path: Path) -> None:
    kept = Results(str(tmp_path / "a.results"))
    for at in range(20):
        kept.add("node", "out", batch(3, 3 * at, ids=True))
    assert kept.withdraw(frozenset({"id0", "id4", "id5", "id58"})) == 4
    found = Results.load(str(tmp_path / "a.results"), 0)  # nobody has saved anything
    left = told(pages(found, 100))
    assert sorted(left) == [n for n in range(max(left) + 1) if n not in (0, 4, 5)]
    assert found.messages == len(left) > 10
    for results_ in (kept, found):
        results_.close()


def test_taking_back_the_newest_of_many_results_looks_at_no_others(tmp_path: Path) -> None:
    kept = Results(str(tmp_path / "a.results"))
    for n in range(100_000):
        kept.add("node", "out", batch(1, n, ids=True))
    looked = 0

    def read(place: int) -> ResultBatch:
        nonlocal looked
        looked += 1
        return original(place)

    original = kept._records.read
    kept._records.read = read  # type: ignore[method-assign]
    recent = len(kept._recent)
    for n in range(99_999, 99_999 - recent - 10, -1):
        assert kept.withdraw(frozenset({f"id{n}"})) == 1
    assert looked == 10
    assert kept.messages == 100_000 - recent - 10
    kept.drop()


@pytest.mark.usefixtures("small")
def test_a_lost_segment_costs_its_own_message_alone(tmp_path: Path) -> None:
    kept = Results(str(tmp_path / "a.results"))
    for size in range(1, 6):
        kept.add("node", "out", Batch(b"[0]", 1, buffers=(segment(size),), counts=(1,)))
    Path(segments.DIRECTORY, shared()[0]).unlink()
    kept.save()
    assert (kept.messages, kept.dropped, len(kept.all())) == (5, 1, 4)
    kept.drop()


@pytest.mark.usefixtures("small")
def test_saved_results_keep_no_file_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    kept = [Results(str(tmp_path / f"{n}.results")) for n in range(20)]
    for each in kept:
        for at in range(20):
            each.add("node", "out", batch(1, at))
        each.save()
        assert told(pages(each, 100)) == list(range(20))
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.usefixtures("small")
def test_a_full_disk_is_named_with_its_cure_and_loses_nothing_that_was_kept(tmp_path: Path) -> None:
    kept = Results(str(tmp_path / "a.results"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, limits[1]))
    try:
        with pytest.raises(EnvironmentFailed, match=r"results cannot be kept in .*: .*; make room on that disk"):
            for at in range(200):
                kept.add("node", "out", batch(2, 2 * at))
        with pytest.raises(EnvironmentFailed, match="make room on that disk"):
            kept.save()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert told(kept.all()) == list(range(kept.messages))
    assert os.listdir(tmp_path) == ["a.results"]
    kept.drop()


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file")
    kept = Results(str(tmp_path / "a" / "b.results"))
    kept.add("node", "out", batch(1))
    with pytest.raises(EnvironmentFailed, match=r"cannot be kept in .*b\.results.*: .*; make its directory writable"):
        kept.save()


# --- damage ----------------------------------------------------------------------------------------------------------------


def saved(path: Path, values: int = 40, each: int = 4) -> bytes:
    kept = Results(str(path))
    for first in range(0, values, each):
        kept.add("a", "out", batch(each, 1_000 + first, ids=True))
    kept.save()
    kept.close()
    return path.read_bytes()


def loaded(path: Path, messages: int) -> tuple[list[int], int]:
    """The values that a file gives, and how many it says are missing."""
    kept = Results.load(str(path), messages)
    found = told(pages(kept, 100))
    kept.close()
    return found, kept.dropped


def test_B10_a_flipped_bit_in_a_file_of_results_never_gives_another_value(tmp_path: Path) -> None:
    path = tmp_path / "co2.1.local.1.results"
    whole = saved(path, values=12)
    values = list(range(1_000, 1_012))
    for at in range(len(whole) * 8):
        damaged = bytearray(whole)
        damaged[at // 8] ^= 1 << at % 8
        path.write_bytes(damaged)
        found, dropped = loaded(path, 12)
        assert found == [value for value in values if value in found], f"bit {at}: changed, doubled or out of order"
        assert len(found) + dropped == 12, f"bit {at}: what is missing is not counted"


def test_B10_records_that_were_moved_or_are_of_another_run_are_not_taken_for_results(tmp_path: Path) -> None:
    path = tmp_path / "co2.1.local.1.results"
    whole = saved(path, values=8)
    half = (len(whole) - 8) // 2
    path.write_bytes(whole[:8] + whole[8 + half :] + whole[8 : 8 + half])
    assert loaded(path, 8) == ([], 8)
    other = tmp_path / "co2.1.local.2.results"
    other.write_bytes(whole)
    assert loaded(other, 8) == ([], 8)


@pytest.mark.parametrize("cut", [0, 3, 8, 11, 20, 60])
def test_B10_a_file_of_results_cut_anywhere_counts_what_it_lacks(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "co2.1.local.1.results"
    whole = saved(path)
    path.write_bytes(whole[: len(whole) - cut] if cut else b"")
    found, dropped = loaded(path, 40)
    assert found == list(range(1_000, 1_000 + len(found)))
    assert len(found) + dropped == 40


def test_B10_files_of_earlier_versions_are_read(tmp_path: Path) -> None:
    path = tmp_path / "co2.1.local.1.results"
    bodies = [msgspec.msgpack.encode(ResultBatch("a", "out", batch(3, first))) for first in (0, 3, 6)]
    struck = [0, 1 << 63, 0]
    path.write_bytes(b"".join(struct.pack("<Q", len(body) | mark) + body for body, mark in zip(bodies, struck, strict=True)))
    assert loaded(path, 6) == ([0, 1, 2, 6, 7, 8], 0)
    path.write_bytes(struct.pack("<Q", 1 << 62) + bodies[0])
    assert loaded(path, 3) == ([], 3), "a length beyond the file is damage, not a fault of ours"


def test_B10_what_is_damaged_while_its_run_goes_on_is_refused_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, size in SMALL.items():
        monkeypatch.setattr(results, name, size)
    path = tmp_path / "co2.1.local.1.results"
    kept = Results(str(path))
    for first in range(0, 100, 10):
        kept.add("a", "out", batch(10, first))
    damaged = bytearray(path.read_bytes())
    damaged[40] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(EnvironmentFailed, match=r"co2\.1\.local\.1\.results are damaged at byte 8; run it again"):
        kept.page(0, 100)
    kept.drop()
