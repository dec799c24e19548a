"""What the kernel passes on to the pages of a widget, and how fast."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from floe_jupyter.errors import ProtocolError, UnknownName
from floe_jupyter.kernel.display.pages import INTERVAL, KEPT_LINES, PageServer, Topic, arguments
from floe_jupyter.wire.control.pages import LONGEST_WAIT
from tests.server.kit import batch


def passed_on(events: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """What goes to the pages of events that come at once."""
    said: list[dict[str, Any]] = []

    async def play() -> None:
        topic = Topic(PageServer(), said.append)
        for name, value in events:
            topic.put(name, value)
        await asyncio.sleep(3 * INTERVAL)

    asyncio.run(play())
    return [(event["topic"], event["value"]) for event in said]


def test_of_a_state_the_newest_goes_and_of_what_is_an_increment_every_event() -> None:
    names = ("view/a", "run/a", "progress/a", "runner/local:", "log/a")
    said = passed_on([(name, value) for value in range(5) for name in names])
    assert {name: [value for topic, value in said if topic == name] for name in names} == {
        "view/a": [0, 4],  # the first does not wait
        "run/a": [4],
        "progress/a": [0, 1, 2, 3, 4],
        "runner/local:": [0, 1, 2, 3, 4],
        "log/a": [0, 1, 2, 3, 4],
    }


def test_of_many_lines_the_last_hundred_are_kept() -> None:
    said = passed_on([("log/a", value) for value in range(500)])
    assert [value for _, value in said] == [0, *range(500 - KEPT_LINES, 500)]


@pytest.mark.parametrize("call", ["hello", "leave", "shutdown"])
def test_calls_that_would_end_the_kernels_session_are_refused(call: str) -> None:
    with pytest.raises(ProtocolError, match=f"a page may not call '{call}': "):
        arguments({"call": call})


def test_an_unknown_call_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="no call 'runz'; did you mean 'runs'"):
        arguments({"call": "runz"})


@pytest.mark.parametrize(
    ("call", "args", "waits"),
    [
        ("wait", {"ref": "a"}, LONGEST_WAIT),
        ("wait", {"ref": "a", "timeout": 1e6}, LONGEST_WAIT),
        ("wait", {"ref": "a", "timeout": 2.0}, 2.0),
        ("request", {"batch": batch(1)}, 30.0),
    ],
)
def test_a_page_waits_as_long_as_through_the_server(call: str, args: dict[str, Any], waits: float) -> None:
    given = arguments({"call": call, "args": args})[1]
    assert given["timeout"] == waits
    assert set(given) == {*args, "timeout"}, "the kernel's session fills in the rest, such as its workspace"
