"""Ends of containers: nothing outlives its owner, and causes are told in words."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from floe_jupyter.containers.ending import ContainerEnd, words
from floe_jupyter.core.flow.container_address import parse
from floe_jupyter.wire.client.client import Client
from tests.containers.flows import IMAGE, define, module, opened, run

GONE_WITHIN = 4.0
"""Seconds in which a container is gone after the death of its owner."""
SLOW = module("slow", "import time\ndef slow(msg):\n    time.sleep(msg)\n    return msg")
ContainersOf = Callable[[Client], dict[str, int]]


def gone(engine: Any, container: str) -> float:
    """Wait until the engine has no container of this id; return the seconds."""
    began = time.monotonic()
    while engine.containers.list(all=True, sparse=True, ignore_removed=True, filters={"id": container}):
        assert time.monotonic() - began < GONE_WITHIN + 15, "waited for a container to be removed"
        time.sleep(0.02)
    return time.monotonic() - began


def started(client: Client, containers_of: ContainersOf, url: str = IMAGE) -> tuple[str, int]:
    """Start a flow in a container; return the container's id, and the pid of the process that keeps it."""
    define(client, "slow", "slow", SLOW, runner=url)
    run(client, "slow", 0)
    [found] = containers_of(client).items()
    return found


def test_a_dispatcher_that_is_killed_leaves_no_container(client: Client, engine: Any, containers_of: ContainersOf) -> None:
    container, _ = started(client, containers_of)
    os.kill(client.pid, signal.SIGKILL)
    seconds = gone(engine, container)
    print(f"dispatcher killed: container gone after {seconds:.2f} s")
    assert seconds < GONE_WITHIN


def test_a_dispatcher_and_keeper_killed_at_once_leave_no_container(
    client: Client, engine: Any, containers_of: ContainersOf
) -> None:
    container, keeper = started(client, containers_of)
    os.kill(keeper, signal.SIGKILL)
    os.kill(client.pid, signal.SIGKILL)
    seconds = gone(engine, container)
    print(f"dispatcher and keeper killed: container gone after {seconds:.2f} s")
    assert seconds < GONE_WITHIN


def test_a_paused_container_whose_owners_were_killed_is_removed_by_the_next_launch(
    new_client: Callable[[str], Client], engine: Any, containers_of: ContainersOf
) -> None:
    client = new_client("one")
    container, keeper = started(client, containers_of)
    engine.containers.get(container).pause()
    os.kill(keeper, signal.SIGKILL)
    os.kill(client.pid, signal.SIGKILL)
    psutil.wait_procs([p for p in [_process(keeper)] if p], 5)
    started(new_client("two"), containers_of)
    assert gone(engine, container) < GONE_WITHIN


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess:
        return None


def test_the_end_of_a_client_removes_its_container(client: Client, engine: Any, containers_of: ContainersOf) -> None:
    container, _ = started(client, containers_of)
    client.call("shutdown")
    assert gone(engine, container) < GONE_WITHIN


def test_a_container_killed_from_outside_fails_its_run_in_words_and_the_next_run_starts_another(
    client: Client, engine: Any, containers_of: ContainersOf
) -> None:
    container, _ = started(client, containers_of)
    info = opened(client, "slow", [30])
    engine.containers.get(container).kill()
    info = client.call("wait", ref=info.ref, timeout=20.0)
    assert info.status == "failed"
    assert "was killed through the engine" in info.failures[0].message
    began = time.monotonic()
    assert run(client, "slow", 0) == [0]
    print(f"a container started anew: {time.monotonic() - began:.2f} s")


def test_a_frozen_container_is_named_and_ended_on_request(client: Client, engine: Any, containers_of: ContainersOf) -> None:
    container, keeper = started(client, containers_of)
    info = opened(client, "slow", [30])
    engine.containers.get(container).pause()
    client.call("end_runner", pid=keeper)
    assert client.call("wait", ref=info.ref, timeout=20.0).status == "failed"
    assert gone(engine, container) < GONE_WITHIN


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("docker:floe-runner-cobol", "no image 'floe-runner-cobol'; build it: floe images build cobol"),
        ("docker:nowhere/at-all", "no image 'nowhere/at-all'; `floe images build` makes the image floe-runner"),
        ("docker:floe-runner@unix:///nowhere.sock", "no container engine answers at unix:///nowhere.sock"),
        ("docker:floe-runner@no-context", "there is no docker context 'no-context'"),
        ("docker:floe-runner@tcp://127.0.0.1:1", "the engine is on another machine"),
    ],
)
def test_a_container_that_cannot_start_says_why_and_what_to_do(client: Client, url: str, said: str) -> None:
    define(client, "slow", "slow", SLOW, runner=url)
    info = client.call("wait", ref=opened(client, "slow", [0]).ref, timeout=30.0)
    assert info.status == "failed"
    assert said in info.failures[0].message


def test_an_image_of_another_version_is_refused_with_the_cure(client: Client, engine: Any) -> None:
    from floe_jupyter.containers.recipe import context

    with context("FROM floe-runner\nLABEL floe.version=0.0.1\n") as archive:
        engine.images.build(fileobj=archive, custom_context=True, tag="floe-old", rm=True)
    define(client, "slow", "slow", SLOW, runner="docker:floe-old")
    info = client.call("wait", ref=opened(client, "slow", [0]).ref, timeout=30.0)
    assert "'floe-old' was built by floe-jupyter 0.0.1" in info.failures[0].message
    assert "`floe images build`" in info.failures[0].message


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (
            ContainerEnd(137, out_of_memory=True),
            "out of memory (256 MB); give it more with memory= in its URL: docker:x?memory=512m",
        ),
        (ContainerEnd(137), "perhaps for lack of memory (256 MB)"),
        (ContainerEnd(137, killed_by="9"), "was killed through the engine"),
        (ContainerEnd(3), "ended with exit status 3"),
        (ContainerEnd(None), "see that the engine runs"),
    ],
)
def test_ends_of_containers_are_told_in_words(end: ContainerEnd, said: str) -> None:
    assert said in words(end, parse("docker:x"))
