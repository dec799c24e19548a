"""A real JupyterLab in a real browser, once for all tests; every test has a page and kernels of its own."""

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
from tests.browser.pieces import address, bench, bundles, pictures  # noqa: F401 - fixtures
from tests.browser.waits import until
from tests.conftest import missing

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]
expect.set_options(timeout=20_000)  # patience, for machines with other work; where speed is promised, the tests measure it
SECONDS = 180
"""A test may take so long, the start of the server and of a kernel included, unless it says otherwise."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in item.path.parts and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(SECONDS))


@pytest.fixture(scope="session")
def mark() -> Iterator[str]:
    """What every process of these tests carries in its environment; at the end there is none left."""
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
    """That of the plugin is written in a way which newer versions of pytest warn of."""


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any], mark: str) -> dict[str, Any]:
    """The browser of the machine, not one that is downloaded."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        missing("the browser chromium", "install it: apt-get install chromium")
    return {**browser_type_launch_args, "executable_path": chromium, "args": FLAGS, "env": {**os.environ, MARK: mark}}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, "viewport": {"width": 1400, "height": 900}}


@pytest.fixture(scope="session")
def lab(mark: str) -> Iterator[Lab]:
    """The server of all tests."""
    need_front_end()
    with running(mark, os.environ.get("FLOE_LAB_APP", "jupyterlab")) as made:
        yield made


@pytest.fixture(scope="session")
def lab_of_notebook7(mark: str) -> Iterator[Lab]:
    """A server of Notebook 7."""
    need_front_end()
    with running(mark, "notebook") as made:
        yield made


class Complaints(list[str]):
    """What pages complained about; `expected` are parts of those that a test provokes."""

    def __init__(self) -> None:
        self.expected: list[str] = []

    def heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.append(f"console: {message.text} ({message.location.get('url', '')})")

    def unexpected(self) -> list[str]:
        return [text for text in self if not any(part in text for part in self.expected)]


@pytest.fixture
def complaints(context: BrowserContext) -> Iterator[Complaints]:
    """Errors that a page throws or writes fail the test."""
    made = Complaints()

    def listen(page: Page) -> None:
        page.on("pageerror", lambda error: made.append(f"thrown: {error}"))
        page.on("console", made.heard)

    context.on("page", listen)
    yield made
    assert made.unexpected() == []


@pytest.fixture
def page(complaints: Complaints, context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def notebook(lab: Lab, page: Page) -> Iterator[Callable[..., Notebook]]:
    """``notebook(cells)`` opens one. Afterwards the page is closed and its kernels and their dispatcher have ended."""
    yield lambda cells, name="", **how: open_notebook(page, lab, cells, name, **how)
    page.close()
    lab.tidy()


@pytest.fixture
def notebook7(lab_of_notebook7: Lab, page: Page, complaints: Complaints) -> Iterator[Callable[..., Notebook]]:
    """The same in Notebook 7."""
    # its plugin of shortcuts stumbles over settings of others that come before its own, also when our script is kept away
    complaints.expected.append("Cannot read properties of undefined (reading 'schema')")
    yield lambda cells, name="", **how: open_notebook(page, lab_of_notebook7, cells, name, **how)
    page.close()
    lab_of_notebook7.tidy()
