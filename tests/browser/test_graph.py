"""The graph and the bench around it, in a real browser, without Jupyter: what is drawn, and what a person can do with it."""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.component import INSTANCE, ROOT, Bench, Demo, bundle, encoded, served

BUDGET = 90 * 1024
CO2 = Demo([("read", "parse"), ("parse", "clean"), ("parse.bad", "rejects"), ("clean", "mean")],
           {"parse": "js", "clean": "go", "rejects": "shell", "mean": "r"})
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the bundles built from the sources as they are."""
    folder = tmp_path_factory.mktemp("bundles")
    bundle(folder / "widget.js")
    bundle(folder / "layout.js", "src/graph/layout.ts")
    return folder


@pytest.fixture(scope="session")
def address(bundles: Path) -> Iterator[str]:
    with served(bundles) as url:
        yield url


@pytest.fixture
def bench(page: Page, address: str) -> Bench:
    page.goto(address)
    page.wait_for_function("window.mounted")
    return Bench(page)


@pytest.fixture(scope="session")
def pictures() -> Path:
    """Where the screenshots go."""
    folder = Path(os.environ.get("FLOE_SCREENSHOTS", ROOT / "build/screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def layered(count: int, seed: int = 1) -> Demo:
    """A flow of *count* nodes in layers, with about one and a half wires a node."""
    chance = random.Random(seed)  # noqa: S311 - a picture, no secret
    names = [f"{chance.choice(('read', 'parse', 'clean', 'join', 'score', 'write'))}_{i}" for i in range(count)]
    across = max(1, round(count ** 0.5 * 0.8))
    wires = [(names[max(0, i - across + chance.randrange(-1, 2))], names[i]) for i in range(across, count)]
    wires += [(names[i], names[min(count - 1, i + across + chance.randrange(-2, 3))]) for i in range(0, count - across - 3, 2)]
    langs = {name: chance.choice(("python", "js", "go", "rust", "lisp", "r", "shell")) for name in names}
    return Demo([pair for pair in dict.fromkeys(wires) if pair[0] != pair[1]], langs, names)


# --- what is drawn -----------------------------------------------------------------------------------------------------------

GEOMETRY = r"""() => {
  const rect = e => e.getBoundingClientRect(), boxes = [...document.querySelectorAll('[data-node]')].map(n => [n.dataset.node, rect(n.querySelector('.box'))]);
  const wrong = [];
  const meet = (a, b, by = 0.5) => a.left < b.right - by && b.left < a.right - by && a.top < b.bottom - by && b.top < a.bottom - by;
  boxes.forEach(([n, a], i) => boxes.slice(i + 1).forEach(([m, b]) => { if (meet(a, b)) { wrong.push(`nodes ${n} and ${m} overlap`); } }));
  for (const node of document.querySelectorAll('[data-node]')) {
    const box = rect(node.querySelector('.box')), texts = [...node.querySelectorAll(':scope > text')].filter(t => rect(t).width);
    for (const t of texts) {
      const r = rect(t);
      if (r.left < box.left - 0.5 || r.right > box.right + 0.5 || r.top < box.top - 2 || r.bottom > box.bottom + 2) { wrong.push(`text ${t.textContent} leaves node ${node.dataset.node}`); }
    }
    texts.forEach((t, i) => texts.slice(i + 1).forEach(u => { const a = rect(t), b = rect(u);
      if (a.left < b.right - 1 && b.left < a.right - 1 && a.top + 3 < b.bottom - 3 && b.top + 3 < a.bottom - 3) { wrong.push(`texts ${t.textContent} and ${u.textContent} overlap`); } }));
  }
  const labels = [...document.querySelectorAll('.floe-wire text')].filter(t => t.textContent && rect(t).width).map(t => [t, rect(t)]);
  labels.forEach(([t, a], i) => {
    labels.slice(i + 1).forEach(([u, b]) => { if (meet(a, b, 3)) { wrong.push(`labels ${t.textContent} and ${u.textContent} overlap`); } });
    boxes.forEach(([n, b]) => { if (meet(a, b, 1)) { wrong.push(`label ${t.textContent} covers node ${n}`); } });
    document.querySelectorAll('.letter[visibility=visible]').forEach(l => { if (meet(a, rect(l), 1)) { wrong.push(`label ${t.textContent} covers a held message`); } });
  });
  const graph = rect(document.querySelector('.floe-graph')), host = document.querySelector('.floe-host');
  for (const [n, b] of boxes) {
    if (b.left < graph.left || b.right > graph.right || b.top < graph.top || b.bottom > graph.bottom) { wrong.push(`node ${n} is cut off`); }
  }
  if (host.scrollWidth > host.clientWidth) { wrong.push(`the bench is ${host.scrollWidth} wide in ${host.clientWidth}`); }
  const whole = rect(document.getElementById('place'));
  for (const e of document.querySelectorAll('.floe-bench *:not(svg *)')) {
    const r = rect(e);
    if (r.width && r.height && r.right > whole.right + 1 && !e.closest('.floe-table, pre, .floe-lines')) { wrong.push(`${e.tagName}.${e.className} ends at ${r.right}, right of ${whole.right}`); }
    if (r.width && r.height && ['BUTTON', 'SUMMARY', 'LEGEND'].includes(e.tagName) && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).textOverflow !== 'ellipsis') { wrong.push(`${e.tagName} ${e.textContent} is cut off`); }
  }
  return wrong;
}"""


def sound(bench: Bench) -> None:
    """Nothing overlaps, leaves its box, is cut off or wider than its place."""
    bench.frames()
    assert bench.page.evaluate(GEOMETRY) == []


def lively(demo: Demo) -> dict[str, Any]:
    """A world with something of everything in it."""
    ids = demo.ids
    failure = {"node": ids[-1], "message": "ValueError: no number: 'n/a'", "cell": 3, "line": 2,
               "trace": "Traceback (most recent call last):\n  Cell In[3], line 2, in mean\n    return float(msg['ppm'])\nValueError: no number: 'n/a'"}
    nodes: dict[str, Any] = {name: {"status": ("idle", "busy", "full", "loading")[i % 4], "taken": 1234567 >> i % 9, "given": 98765 >> i % 5,
                                    "depth": (0, 0, 12, 1000)[i % 4]} for i, name in enumerate(ids)}
    nodes[ids[1]] |= {"status": "held", "held": 2, "depth": 2, "breaks": ["b1"]}
    nodes[ids[-1]] |= {"status": "failed", "failed": 1, "error": failure["message"], "depth": 1}
    held = [{"id": f"m{i}", "node": ids[1], "port": "in", "run": 1, "reason": "breakpoint", "breakpoint": "b1", "value": value}
            for i, value in enumerate([{"station": "Mauna Loa", "ppm": 421.3, "tags": ["raw", "hourly"]}, [1, 2, 3]])]
    steps = [{"seq": i + 1, "node": ids[i % 3], "lane": 0, "run": 1, "id": f"s{i}", "port": "in", "version": 1, "input": encoded({"ppm": i}),
              "outputs": [["out", encoded([{"station": "MLO", "ppm": 421.3}, {"station": "BRW", "ppm": 419.9}])]], "before": {"n": i},
              "after": {"n": i + 1}, "group": i + 1} for i in range(12)]
    breaks = [{"id": "b1", "node": ids[1], "side": "in", "port": "", "when": "msg['ppm'] > 400", "hits": 0, "log": "", "enabled": True, "count": 2},
              {"id": "b2", "node": ids[0], "side": "out", "port": "", "when": "", "hits": 0, "log": "", "enabled": False, "count": 0},
              {"id": "b3", "node": ids[2], "side": "in", "port": "", "when": "", "hits": 0, "log": "saw {msg}", "enabled": True, "count": 7}]
    logs = [{"node": ids[i % 3], "stream": "stderr" if i == 2 else "stdout", "text": f"line {i}: read 100 rows", "time": 1.7e9 + i} for i in range(30)]
    info = {"ref": INSTANCE, "instance": INSTANCE, "flow": "demo", "version": 1, "status": "active", "fed": 2000000, "failures": [failure]}
    return demo.world(view=demo.view(nodes, 1234567, held=2, recorded=12, results=34), held=held, steps=steps, breaks=breaks, logs=logs, info=info)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1100, 360])
@pytest.mark.parametrize("count", [5, 50, 500])
def test_pictures_of_small_and_large_flows_have_no_overlaps(bench: Bench, pictures: Path, count: int, width: int, theme: str) -> None:
    demo = CO2 if count == 5 else layered(count)
    page = bench.page
    page.evaluate("theme => { document.getElementById('theme').href = `/theme/${theme}.css`; }", theme)
    page.wait_for_function("theme => [...document.styleSheets].some(s => s.href?.includes(theme) && s.cssRules.length)", arg=theme)
    page.set_viewport_size({"width": max(width + 16, 380), "height": 700})
    bench.mount(demo, lively(demo), width=f"{width}px", height=560)
    bench.show(lively(demo)["view"])
    page.locator(f'[data-node="{demo.ids[1]}"] .letter').first.wait_for(state="attached")
    if count == 5:
        page.locator('[data-node="parse"] .box').click()
        page.locator("[data-held] textarea").first.wait_for()
    sound(bench)
    page.screenshot(path=pictures / f"graph-{count}-{'narrow' if width < 500 else 'wide'}-{theme}.png", full_page=True)
