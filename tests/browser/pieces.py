"""Data of a played dispatcher, and the fixtures of the tests of the debug view without Jupyter."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.component import INSTANCE, ROOT, DebugView, Demo, bundle, encoded, served


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with bundles built from the current sources."""
    folder = tmp_path_factory.mktemp("bundles")
    bundle(folder / "widget.js")
    return folder


@pytest.fixture(scope="session")
def address(bundles: Path) -> Iterator[str]:
    """Yield the address of the served bundles."""
    with served(bundles) as url:
        yield url


@pytest.fixture
def debug_view(page: Page, address: str) -> DebugView:
    """Return the debug view on an open page."""
    page.goto(address)
    page.wait_for_function("window.mounted")
    return DebugView(page)


@pytest.fixture(scope="session")
def pictures() -> Path:
    """Return the directory of the screenshots."""
    folder = Path(os.environ.get("FLOE_SCREENSHOTS", ROOT / "build/screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def lively(demo: Demo) -> dict[str, Any]:
    """Return a world with an example of every kind of object."""
    ids = demo.ids
    failure = {
        "node": ids[-1],
        "message": "ValueError: no number: 'n/a'",
        "cell": 3,
        "line": 2,
        "trace": "Traceback (most recent call last):\n  Cell In[3], line 2, in mean\n    return float(msg['ppm'])\nValueError: no number: 'n/a'",
    }
    nodes: dict[str, Any] = {
        name: {
            "status": ("idle", "busy", "full", "loading")[i % 4],
            "taken": 1234567 >> i % 9,
            "given": 98765 >> i % 5,
            "depth": (0, 0, 12, 1000)[i % 4],
        }
        for i, name in enumerate(ids)
    }
    nodes[ids[1]] |= {"status": "held", "held": 2, "depth": 2, "breaks": ["b1"]}
    nodes[ids[-1]] |= {"status": "failed", "failed": 1, "error": failure["message"], "depth": 1}
    held = [
        {"id": f"m{i}", "node": ids[1], "port": "in", "run": 1, "reason": "breakpoint", "breakpoint": "b1", "value": value}
        for i, value in enumerate([{"station": "Mauna Loa", "ppm": 421.3, "tags": ["raw", "hourly"]}, [1, 2, 3]])
    ]
    steps = [
        {
            "seq": i + 1,
            "node": ids[i % 3],
            "lane": 0,
            "run": 1,
            "id": f"s{i}",
            "port": "in",
            "version": 1,
            "input": encoded({"ppm": i}),
            "outputs": [["out", encoded([{"station": "MLO", "ppm": 421.3}, {"station": "BRW", "ppm": 419.9}])]],
            "before": {"n": i},
            "after": {"n": i + 1},
            "group": i + 1,
        }
        for i in range(12)
    ]
    breaks = [
        {
            "id": "b1",
            "node": ids[1],
            "side": "in",
            "port": "",
            "when": "msg['ppm'] > 400",
            "hits": 0,
            "log": "",
            "enabled": True,
            "count": 2,
        },
        {"id": "b2", "node": ids[0], "side": "out", "port": "", "when": "", "hits": 0, "log": "", "enabled": False, "count": 0},
        {
            "id": "b3",
            "node": ids[2],
            "side": "in",
            "port": "",
            "when": "",
            "hits": 0,
            "log": "saw {msg}",
            "enabled": True,
            "count": 7,
        },
    ]
    logs = [
        {"node": ids[i % 3], "stream": "stderr" if i == 2 else "stdout", "text": f"line {i}: read 100 rows", "time": 1.7e9 + i}
        for i in range(30)
    ]
    info = {
        "ref": INSTANCE,
        "instance": INSTANCE,
        "flow": "demo",
        "version": 1,
        "status": "active",
        "fed": 2000000,
        "closed": True,
        "failures": [failure],
    }
    return demo.world(
        view=demo.view(nodes, 1234567, held=2, recorded=12, results=34),
        held=held,
        steps=steps,
        breaks=breaks,
        logs=logs,
        info=info,
    )
