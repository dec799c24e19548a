"""What all tests share: one rule for components that a machine may lack."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable

import pytest


def missing(what: str, cure: str) -> None:
    """Skip, naming the cure, because *what* is not here. Where ``CI=true`` nothing may be missing: fail."""
    text = f"{what} is missing; {cure}"
    if os.environ.get("CI") == "true":
        pytest.fail(f"{text} (with CI=true nothing may be skipped)")
    pytest.skip(text)


@pytest.fixture
def need() -> Callable[[str, str], str]:
    """``need("node", "install Node.js 20")`` gives the program's path, or skips the test and says why."""

    def find(program: str, cure: str) -> str:
        path = shutil.which(program)
        if path is None:
            missing(f"the program {program!r}", cure)
        return path or ""

    return find


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # a shell starts what it puts into the background deaf to interrupts, and so would be all processes of the tests
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser tests go last: the driver of the browser keeps an event loop in this thread until the end, and no other
    test could start one of its own."""
    items.sort(key=lambda item: "browser" in item.path.parts)
