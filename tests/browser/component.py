"""The built widget in a real browser without Jupyter: a page on loopback, and a dispatcher that is played in it."""

from __future__ import annotations

import base64
import json
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
from playwright.sync_api import Page

from floe_jupyter.core.flow.model import Flow
from floe_jupyter.core.picture.page import page_layout
from floe_jupyter.core.picture.positions import PageLayout

ROOT = Path(__file__).parents[2]
STATIC = Path(__file__).parent / "static"
THEMES = Path(sys.prefix) / "share/jupyter/lab/themes/@jupyterlab"
INSTANCE = "demo.1.local.1"
POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; script-src 'self' 'report-sample'"


def bundle(target: Path, entry: str = "src/widget/index.ts", *, minified: bool = True) -> Path:
    """Build one bundle of the front end's sources as they are."""
    command = [
        shutil.which("node") or "node",
        "node_modules/esbuild/bin/esbuild",
        entry,
        "--bundle",
        "--format=esm",
        "--target=es2022",
        "--legal-comments=none",
        f"--outfile={target}",
        *(["--minify"] if minified else []),
    ]
    subprocess.run(command, cwd=ROOT / "labextension", check=True, capture_output=True, timeout=60)
    return target


class _Pages(SimpleHTTPRequestHandler):
    """Serves the page, the bundles and JupyterLab's own themes. Violations of the policy are told to the page, not prevented:
    a script that gets in would run.
    """

    def __init__(self, bundles: Path, *args: Any) -> None:
        self.bundles = bundles
        super().__init__(*args, directory=str(STATIC))

    def translate_path(self, path: str) -> str:
        name = path.partition("?")[0].rsplit("/", 1)[-1]
        if path.startswith("/theme/"):
            return str(THEMES / f"theme-{name.removesuffix('.css')}-extension" / "index.css")
        return str(self.bundles / name) if (self.bundles / name).is_file() else super().translate_path(path)

    def do_POST(self) -> None:
        """Answer the call `layout` of the played dispatcher, by the same code as a real one."""
        flow, args = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        made = msgspec.json.encode(laid_out(flow, **args))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(made)))
        self.end_headers()
        self.wfile.write(made)

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy-Report-Only", POLICY)
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, *_args: Any) -> None:
        """Nothing on the terminal."""


@contextmanager
def served(bundles: Path) -> Iterator[str]:
    """The URL of the page."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Pages, bundles))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/index.html"
    finally:
        server.shutdown()
        thread.join(timeout=10)
        server.server_close()


def laid_out(flow: dict[str, Any], *, vertical: bool = False, folded: bool = True, unfolded: Sequence[str] = ()) -> PageLayout:
    """The layout of a flow that the wire carries so."""
    return page_layout(msgspec.convert(flow, Flow), vertical=vertical, fold=folded, unfolded=unfolded)


# --- what is shown -----------------------------------------------------------------------------------------------------------


def encoded(*values: Any) -> dict[str, Any]:
    """A batch as the wire carries it."""
    return {"payload": base64.b64encode(json.dumps(values).encode()).decode(), "n": len(values)}


class Demo:
    """A flow, and everything a dispatcher knows of a run of it."""

    def __init__(
        self, wires: Sequence[tuple[str, str]], langs: Mapping[str, str] | None = None, alone: Sequence[str] = ()
    ) -> None:
        """*wires*: pairs of ``node`` or ``node.port``."""
        split = [(a.partition("."), b.partition(".")) for a, b in wires]
        self.ids = list(dict.fromkeys([*(part[0] for pair in split for part in pair), *alone]))
        self.langs = {name: (langs or {}).get(name, "python") for name in self.ids}
        self.wires = [
            {"source": a[0], "source_port": a[2] or "out", "target": b[0], "target_port": b[2] or "in"} for a, b in split
        ]
        self.names = [f"{w['source']}.{w['source_port']}>{w['target']}.{w['target_port']}" for w in self.wires]

    def view(self, nodes: Mapping[str, Mapping[str, Any]] | None = None, sent: int = 0, **more: Any) -> dict[str, Any]:
        """A snapshot; *nodes* says what is special about some."""
        return {
            "flow": "demo",
            "version": 1,
            "runs": {"1": "active"},
            **more,
            "nodes": [
                {
                    "id": i,
                    "lang": self.langs[i],
                    "status": "idle",
                    "version": 1,
                    "taken": sent,
                    "given": sent,
                    **(nodes or {}).get(i, {}),
                }
                for i in self.ids
            ],
            "wires": [{"name": name, "sent": sent} for name in self.names],
        }

    def world(self, **more: Any) -> dict[str, Any]:
        """Everything the played dispatcher answers with."""
        return {
            **self.definition,
            "info": {"ref": INSTANCE, "instance": INSTANCE, "flow": "demo", "version": 1, "status": "active", "fed": 0},
            "view": self.view(),
            "held": [],
            "breaks": [],
            "steps": [],
            "logs": [],
            **more,
        }

    @property
    def definition(self) -> dict[str, Any]:
        """The flow and its modules, as the wire carries them."""
        return {
            "flow": {"name": "demo", "nodes": [{"id": i, "module": i} for i in self.ids], "wires": self.wires},
            "modules": [{"name": i, "source": "", "lang": self.langs[i]} for i in self.ids],
        }

    def traits(self, **more: Any) -> dict[str, Any]:
        """The state of the widget's model."""
        layouts = [msgspec.to_builtins(laid_out(self.definition["flow"], vertical=vertical)) for vertical in (False, True)]
        return {
            "flow": "demo",
            "ref": INSTANCE,
            "instance": INSTANCE,
            "definition": {**self.definition, "layouts": layouts},
            **more,
        }


CO2 = Demo(
    [("read", "parse"), ("parse", "clean"), ("parse.bad", "rejects"), ("clean", "mean")],
    {"parse": "js", "clean": "go", "rejects": "shell", "mean": "r"},
)


def layered(count: int, seed: int = 1) -> Demo:
    """A flow of *count* nodes in layers, with about one and a half wires a node."""
    chance = random.Random(seed)
    names = [f"{chance.choice(('read', 'parse', 'clean', 'join', 'score', 'write'))}_{i}" for i in range(count)]
    across = max(1, round(count**0.5 * 0.8))
    wires = [(names[max(0, i - across + chance.randrange(-1, 2))], names[i]) for i in range(across, count)]
    wires += [(names[i], names[min(count - 1, i + across + chance.randrange(-2, 3))]) for i in range(0, count - across - 3, 2)]
    langs = {name: chance.choice(("python", "js", "go", "rust", "lisp", "r", "shell")) for name in names}
    return Demo([pair for pair in dict.fromkeys(wires) if pair[0] != pair[1]], langs, names)


class DebugView:
    """The mounted widget."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def mount(
        self,
        demo: Demo,
        world: Mapping[str, Any] | None = None,
        *,
        live: bool = True,
        width: str = "",
        height: int = 420,
        hidden: bool = False,
        boxes: int = 0,
        **traits: Any,
    ) -> DebugView:
        """Show *demo*; with *live* false nobody answers. Returns when the graph is drawn (unless *hidden*).

        Every node is drawn, unless large flows are to be folded into so many *boxes*.
        """
        self.page.evaluate(
            "given => window.mount(given)",
            {
                "traits": demo.traits(**traits),
                "world": (world or demo.world()) if live else None,
                "width": width,
                "height": height,
                "hidden": hidden,
                "unfolded": not boxes and len(demo.ids) > 120,
            },
        )
        if not hidden:
            self.drawn(boxes or len(demo.ids))
            if live:
                self.page.wait_for_function("window.calls.some(([name]) => name === 'breaks')")
        return self

    def drawn(self, count: int) -> None:
        """Wait until that many nodes stand in the picture."""
        self.page.wait_for_function("n => document.querySelectorAll('[data-node]').length === n", arg=count)

    def whole(self) -> DebugView:
        """Ask for the whole picture, however small that becomes."""
        self.page.locator(".floe-zoom [data-zoom=fit]").click()
        return self

    def show(self, view: Mapping[str, Any]) -> None:
        """The dispatcher publishes a snapshot."""
        self.page.evaluate("view => window.show(view)", view)

    def frames(self, count: int = 3) -> None:
        """Wait until the screen was drawn so many times."""
        self.page.evaluate(
            "n => new Promise(done => { const next = () => n-- ? requestAnimationFrame(next) : done(); next(); })", count
        )

    def calls(self, name: str) -> list[Any]:
        """The arguments of the calls of this name so far."""
        return [args for called, args in self.page.evaluate("window.calls") if called == name]

    def called(self, name: str) -> Any:
        """Wait for a call of this name; returns the arguments of the last."""
        self.page.wait_for_function("name => window.calls.some(([called]) => called === name)", arg=name)
        return self.calls(name)[-1]


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
    document.querySelectorAll('.letter').forEach(l => { if (meet(a, rect(l), 1)) { wrong.push(`label ${t.textContent} covers a held message`); } });
  });
  const graph = rect(document.querySelector('.floe-graph')), host = document.querySelector('.floe-host');
  for (const [n, b] of boxes) {
    if (b.left < graph.left || b.right > graph.right || b.top < graph.top || b.bottom > graph.bottom) { wrong.push(`node ${n} is cut off`); }
  }
  const buttons = rect(document.querySelector('.floe-zoom'));
  for (const [n, b] of boxes) { if (meet(b, buttons)) { wrong.push(`the buttons cover node ${n}`); } }
  if (host.scrollWidth > host.clientWidth) { wrong.push(`the debug view is ${host.scrollWidth} wide in ${host.clientWidth}`); }
  const whole = rect(document.getElementById('place'));
  for (const e of document.querySelectorAll('.floe-bench *:not(svg *)')) {
    const r = rect(e);
    if (r.width && r.height && r.right > whole.right + 1 && !e.closest('.floe-table, pre, .floe-lines')) { wrong.push(`${e.tagName}.${e.className} ends at ${r.right}, right of ${whole.right}`); }
    if (r.width && r.height && ['BUTTON', 'SUMMARY', 'LEGEND'].includes(e.tagName) && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).textOverflow !== 'ellipsis') { wrong.push(`${e.tagName} ${e.textContent} is cut off`); }
  }
  return wrong;
}"""


def sound(debug_view: DebugView) -> None:
    """Nothing overlaps, leaves its box, is cut off or wider than its place."""
    debug_view.frames()
    assert debug_view.page.evaluate(GEOMETRY) == []
