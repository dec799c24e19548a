"""A full disk: what was accepted is not lost, whoever reports it goes on, and it is shown."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from floe_jupyter.core.flow.model import Module
from floe_jupyter.dispatcher import log
from floe_jupyter.dispatcher.runs.definitions import Definitions
from floe_jupyter.dispatcher.runs.journal import Journal
from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.stores.memory import MemoryStore
from floe_jupyter.wire.client.client import Client
from floe_jupyter.wire.transport.loop import Loop
from tests.conftest import missing
from tests.dispatcher.kit import Processes, define, run, until, values_of


class Full(MemoryStore):
    """A store whose disk is full until room is made."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self.error: Exception | None = error or EnvironmentFailed("the disk is full")
        self.closed = False
        self.committed: list[str] = []

    def commit(self) -> None:
        if self.error:
            self._modules.clear()  # it is rolled back
            raise self.error
        self.committed = [module.name for module in self.modules()]

    def close(self) -> None:
        self.commit()
        self.closed = True


class Stuck(io.StringIO):
    """A stream on a full disk."""

    def write(self, _: str) -> int:
        raise OSError(28, "No space left on device")


@pytest.fixture
def full_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the log alone: what pytest captures it puts back itself between the fixtures and the test."""
    monkeypatch.setattr(log, "sys", SimpleNamespace(stderr=Stuck()))


@pytest.mark.parametrize("stream", [Stuck(), None, open(os.devnull)], ids=["full", "none", "not writable"])  # noqa: SIM115
def test_B1_reporting_never_fails_with_the_fault_that_it_reports(stream: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    before = log.lost
    log.warn("one")
    try:
        raise ValueError("x")
    except ValueError:
        log.fault("two")
    assert log.lost == before + 3


@pytest.mark.usefixtures("full_log")
def test_B1_a_fault_on_a_full_disk_does_not_end_the_loop_and_the_other_turns_have_their_turn() -> None:
    loop, turns = Loop(log.callback_failed), list[int]()

    def broken() -> float:
        raise ZeroDivisionError

    loop.every_turn(broken)
    loop.every_turn(lambda: turns.append(1))  # type: ignore[func-returns-value]
    loop.after(0, broken)  # type: ignore[arg-type]
    loop.turn(0.1)
    assert (loop.faults, turns) == (2, [1])


@pytest.mark.usefixtures("full_log")
def test_B1_the_journal_says_what_is_wrong_and_writes_when_there_is_room() -> None:
    store = Full()
    journal = Journal(store)
    journal.put(lambda s: s.put_definition(Module("a", "1")))
    assert until(lambda: journal.problem, "the problem") == "the disk is full"
    journal.put(lambda s: s.put_definition(Module("b", "2")))
    store.error = None
    until(lambda: not journal.waiting, "everything to be written")
    until(lambda: not journal.problem, "the problem to be over")
    assert store.committed == ["a", "b"]
    assert journal.close() == ""
    assert store.closed


@pytest.mark.usefixtures("full_log")
def test_B1_what_could_not_be_written_at_the_end_is_told_then_and_by_the_next(tmp_path: Path) -> None:
    marker = str(tmp_path / "unsaved")
    journal = Journal(Full(), marker)
    journal.put(lambda s: s.put_definition(Module("a", "1")))
    assert journal.close() == "the disk is full"
    after = Journal(MemoryStore(), marker)
    assert "before its newest changes were saved" in after.former
    assert after.close() == ""
    assert Journal(MemoryStore(), marker).former == "", "it is told once"


def test_B1_a_change_that_can_never_be_saved_is_set_aside_and_shown_and_the_others_are_written() -> None:
    store = MemoryStore()
    journal = Journal(store)

    def broken(_: object) -> None:
        raise ZeroDivisionError("by us")

    journal.put(broken)
    journal.put(lambda s: s.put_definition(Module("a", "1")))
    until(store.modules, "the other change")
    assert "one change cannot be saved: by us" in until(lambda: not journal.waiting and journal.problem, "the problem")
    assert "by us" in journal.close()


def test_B1_a_journal_that_ended_is_shown_and_takes_no_definitions() -> None:
    journal = Journal(MemoryStore())
    definitions = Definitions(journal, "")

    def end(_: object) -> None:
        raise SystemExit("for some reason")

    journal.put(end)
    assert "the thread that writes has ended (SystemExit: for some reason)" in until(lambda: journal.ended, "its end")
    assert journal.problem == journal.ended
    with pytest.raises(EnvironmentFailed, match=r"nothing can be saved any more.*restart Jupyter"):
        definitions.put_module(Module("a", "def a(msg): return msg"))
    assert definitions.modules == {}, "what is refused is not kept"


# --- a real disk -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file system of 2 MB on which the dispatcher of this test keeps everything."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", place], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        missing("a small file system", f"run the tests as a user who may mount one ({mounted.stderr.strip()})")
    monkeypatch.setenv("FLOE_CONNECTION", str(place / "floe.json"))
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def fill(disk: Path) -> Path:
    """Take all that is left."""
    ballast = disk / "ballast"
    with ballast.open("ab", buffering=0) as file:
        for size in (65_536, 4_096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return ballast


def source(n: int) -> Module:
    return Module("m", f"def m(msg): return {n}\n# {'x' * 40_000}")


def test_B1_what_is_accepted_on_a_full_disk_is_there_when_room_was_made(
    disk: Path, attach: Callable[..., Client], processes: Processes
) -> None:
    path = str(disk / "floe.json")
    client = attach(path=path)
    processes.watch(client.pid)
    define(client, m="lambda x: x")
    heard: list[str] = []
    client.subscribe("problem/", lambda _, text: heard.append(text))
    client.call("define", module=source(1))
    until(lambda: client.call("status")["store"] == "ready", "the first versions on the disk")
    ballast = fill(disk)
    for n in (2, 3):
        assert client.call("define", module=source(n))["changed"]
    assert "disk" in until(lambda: (s := client.call("status")["store"]) != "ready" and s, "the full disk in the status")
    assert "not saved yet" in until(lambda: heard, "the dispatcher to say so by itself")[0]
    assert "not saved yet" in client.call("define", module=source(3))["unsaved"]
    ballast.unlink()
    assert client.call("define", module=source(4))["version"] == 5
    until(lambda: client.call("status")["store"] == "ready", "everything on the disk")
    assert client.call("shutdown") is None
    client.close()
    processes.wait_gone(5.0)
    again = attach(path=path)
    processes.watch(again.pid)
    assert [(m.version, m.source[:21]) for m in again.call("modules") if m.name == "m"] == [(5, "def m(msg): return 4\n")]


def test_B1_a_detached_run_that_ends_on_a_full_disk_ends_nobody_elses(
    disk: Path, attach: Callable[..., Client], processes: Processes
) -> None:
    path = str(disk / "floe.json")
    client = attach(path=path)
    processes.watch(client.pid)
    define(client, a="lambda x: x")
    define(client, "other", b="lambda x: x")
    other = client.call("open_run", flow="other")
    ballast = fill(disk)
    detached = run(client, 1, 2, 3, flow="co2", detach=True)
    assert detached.status == "done"
    assert "disk" in until(lambda: (s := client.call("status")["store"]) != "ready" and s, "the full disk in the status")
    assert client.call("run_info", ref=other.ref).status == "active"
    ballast.unlink()
    until(lambda: client.call("status")["store"] == "ready", "the results on the disk")
    assert client.call("shutdown") is None
    client.close()
    processes.wait_gone(5.0)
    again = attach(path=path)
    processes.watch(again.pid)
    assert len(values_of(again, detached.ref)) == 3


def test_B1_an_end_on_a_full_disk_tells_whoever_asked_and_the_next_dispatcher_tells_it_again(
    disk: Path, attach: Callable[..., Client], processes: Processes
) -> None:
    path = str(disk / "floe.json")
    client = attach(path=path)
    processes.watch(client.pid)
    define(client, m="lambda x: x")
    until(lambda: client.call("status")["store"] == "ready", "the first versions on the disk")
    ballast = fill(disk)
    client.call("define", module=source(2))
    until(lambda: client.call("status")["store"] != "ready", "the full disk in the status")
    with pytest.raises(EnvironmentFailed, match=r"newest changes are not saved.*run the cells of your newest definitions again"):
        client.call("shutdown")
    client.close()
    processes.wait_gone(5.0)
    ballast.unlink()
    again = attach(path=path)
    processes.watch(again.pid)
    assert "before its newest changes were saved" in again.call("status")["store"]
    assert "before its newest changes were saved" in again.call("define", module=source(3))["unsaved"]


# --- a store that is torn --------------------------------------------------------------------------------------------------


def with_saved_results(attach: Callable[..., Client], processes: Processes, path: str) -> tuple[Path, str]:
    """The data directory of a dispatcher that has ended, and the ref of a detached run whose results are in it."""
    client = attach()
    processes.watch(client.pid)
    define(client, a="lambda x: x")
    ended = run(client, 1, 2, 3, detach=True)
    client.call("shutdown")
    client.close()
    processes.wait_gone(5.0)
    return Path(f"{path}.data"), ended.ref


def test_B10_a_torn_store_is_refused_and_no_results_are_removed(
    attach: Callable[..., Client], processes: Processes, path: str
) -> None:
    data, ref = with_saved_results(attach, processes, path)
    store, results = data / "store.sqlite", data / "results" / f"{ref}.results"
    whole = results.read_bytes()
    former = store.read_bytes()
    store.write_bytes(b"")
    with pytest.raises(EnvironmentFailed, match=r"store\.sqlite is damaged \(0 bytes\); move it away"):
        attach()
    assert results.read_bytes() == whole
    store.write_bytes(former)
    again = attach()
    processes.watch(again.pid)
    assert len(values_of(again, ref)) == 3


def test_B10_results_of_a_store_that_was_moved_away_are_set_aside_and_new_runs_do_not_mix_with_them(
    attach: Callable[..., Client], processes: Processes, path: str
) -> None:
    data, ref = with_saved_results(attach, processes, path)
    whole = (data / "results" / f"{ref}.results").read_bytes()
    (data / "store.sqlite").unlink()
    again = attach()
    processes.watch(again.pid)
    told = again.call("status")["store"]
    assert "results of 1 runs that the store does not know were set aside in" in told
    [aside] = data.glob("results-of-another-store-*")
    assert (aside / f"{ref}.results").read_bytes() == whole
    assert str(aside) in told
    define(again, a="lambda x: x + 1")
    assert run(again, 7, detach=True).ref == ref, "the number is given out again"
    assert values_of(again, ref) == [8]
