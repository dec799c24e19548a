"""Fixtures and hooks of all tests, and one rule for components missing from a machine."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable

import pytest
from hypothesis import settings

settings.register_profile("floe", deadline=None)  # an example takes as long as the machine is busy; what costs time is measured
settings.load_profile("floe")


def missing(what: str, cure: str) -> None:
    """Skip, naming the cure, because *what* is missing. With ``CI=true`` no component may be missing: fail."""
    text = f"{what} is missing; {cure}"
    if os.environ.get("CI") == "true":
        pytest.fail(f"{text} (with CI=true nothing may be skipped)")
    pytest.skip(text)


@pytest.fixture
def need() -> Callable[[str, str], str]:
    """Return ``need("node", "install Node.js 20")``, which returns the program's path, or skips the test with the reason."""

    def find(program: str, cure: str) -> str:
        path = shutil.which(program)
        if path is None:
            missing(f"the program {program!r}", cure)
        return path or ""

    return find


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # a shell starts what it puts into the background deaf to interrupts, and so would be all processes of the tests
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure() -> None:
    """Choose seeds never played before, the same for all processes of these tests."""
    os.environ.setdefault("FLOE_FIRST_SEED", str(int(time.time()) * 1000))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Report the seeds, to allow playing them again."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    if any("/core/test_simulator" in report.nodeid or "/core/test_comparison" in report.nodeid for report in reports):
        terminalreporter.write_line(f"the same seeds again: FLOE_FIRST_SEED={os.environ['FLOE_FIRST_SEED']}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Move the browser tests to the end.

    The browser's driver keeps an event loop in this thread until the end, in which no other test could start a loop.
    """
    items.sort(key=lambda item: "browser" in item.path.parts)
