"""A real JupyterLab in a real browser, started once for all tests; every test has its own page and kernels."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect

from tests.browser.kit import Notebook, open_notebook
from tests.browser.lab import MARK, Lab, describe, marked, need_front_end, running
from tests.browser.pieces import address, bundles, debug_view, pictures  # noqa: F401 - fixtures
from tests.browser.waits import until
from tests.conftest import missing

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
expect.set_options(timeout=20_000)  # patience, for machines with other work; where speed is promised, the tests measure it
SECONDS = 180
"""Maximum seconds of a test, the start of the server and of a kernel included, unless the test sets another."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in item.path.parts and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(SECONDS))


@pytest.fixture(scope="session")
def mark() -> Iterator[str]:
    """Yield the mark in the environment of every process of these tests; fail if a marked process is left at the end."""
    made = secrets.token_hex(8)
    yield made
    left: list[Any] = []
    try:
        until(lambda: not left.__setitem__(slice(None), marked(made)) and not left, "all processes of the tests to end")
    except AssertionError as error:
        raise AssertionError(f"{error}:\n{describe(left)}") from None
    finally:
        for process in left:
            process.kill()


@pytest.fixture(scope="session")
def base_url() -> None:
    """Replace the plugin's fixture, which is written in a style that newer versions of pytest warn of."""


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any], mark: str) -> dict[str, Any]:
    """Use the machine's browser, not a downloaded one."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        missing("the browser chromium", "install it: apt-get install chromium")
    return {**browser_type_launch_args, "executable_path": chromium, "args": FLAGS, "env": {**os.environ, MARK: mark}}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """Set the size of the window."""
    return {**browser_context_args, "viewport": {"width": 1400, "height": 900}}


@pytest.fixture(scope="session")
def lab(mark: str) -> Iterator[Lab]:
    """Yield the server of all tests."""
    need_front_end()
    with running(mark, os.environ.get("FLOE_LAB_APP", "jupyterlab")) as made:
        yield made


@pytest.fixture(scope="session")
def lab_of_notebook7(mark: str) -> Iterator[Lab]:
    """Yield a server of Notebook 7."""
    need_front_end()
    with running(mark, "notebook") as made:
        yield made


class Complaints(list[str]):
    """Complaints of pages; `expected` are parts of the complaints provoked by a test."""

    def __init__(self) -> None:
        self.expected: list[str] = []

    def heard(self, message: ConsoleMessage) -> None:
        """Add an error written to the console."""
        if message.type == "error":
            self.append(f"console: {message.text} ({message.location.get('url', '')})")

    def unexpected(self) -> list[str]:
        """Return the complaints without an expected part."""
        return [text for text in self if not any(part in text for part in self.expected)]


@pytest.fixture
def complaints(context: BrowserContext) -> Iterator[Complaints]:
    """Fail the test for errors that a page throws or writes."""
    made = Complaints()

    def listen(page: Page) -> None:
        page.on("pageerror", lambda error: made.append(f"thrown: {error}"))
        page.on("console", made.heard)

    context.on("page", listen)
    yield made
    assert made.unexpected() == []


@pytest.fixture
def page(complaints: Complaints, context: BrowserContext) -> Page:
    """Return a new page."""
    return context.new_page()


@pytest.fixture
def notebook(lab: Lab, page: Page) -> Iterator[Callable[..., Notebook]]:
    """Yield ``notebook(cells)``, which opens a notebook; afterwards close the page and end its kernels and their dispatcher."""
    yield lambda cells, name="", **how: open_notebook(page, lab, cells, name, **how)
    page.close()
    lab.tidy()


@pytest.fixture
def notebook7(lab_of_notebook7: Lab, page: Page, complaints: Complaints) -> Iterator[Callable[..., Notebook]]:
    """Yield the same in Notebook 7."""
    # its plugin of shortcuts stumbles over settings of others that come before its own, also when our script is kept away
    complaints.expected.append("Cannot read properties of undefined (reading 'schema')")
    yield lambda cells, name="", **how: open_notebook(page, lab_of_notebook7, cells, name, **how)
    page.close()
    lab_of_notebook7.tidy()
