"""Hot update: the longest gaps that new versions leave in a stream of messages; and what idle processes weigh."""

from __future__ import annotations

import time

import psutil

from floe_jupyter.core.flow.model import Module
from floe_jupyter.wire.client.client import Client
from tests.benchmarks import baselines, flows
from tests.benchmarks.flows import define, python
from tests.benchmarks.rows import Row

TICKS = """import time
def ticks(msg):
    end = time.monotonic() + msg
    while time.monotonic() < end:
        yield time.monotonic_ns()
    yield "end"
"""
GAPS = """import time
last, gaps, n = 0, [], 0
def gaps_of(msg):
    global last, n
    version, stamp = msg
    now = time.monotonic_ns()
    if last and version != gaps_of.version:
        gaps.append(now - last)
    gaps_of.version, last, n = version, now, n + 1
    if stamp == "end":
        return {"gaps": gaps, "n": n}
gaps_of.version = 0
"""


def _version(lang: str, number: int) -> Module:
    if lang == "python":
        return Module("stamped", f"def stamped(msg):\n    return [{number}, msg]\n")
    return Module("stamped", f"export default function (msg) {{ return [{number}, msg]; }}\n", "js")


def gap(client: Client, lang: str, updates: int = 40) -> Row:
    """99th percentile of the time between the last message of one version and the first of the next, in ms."""
    name = f"gap_{lang}"
    define(client, name, "ticks -> stamped -> gaps_of", python("ticks", TICKS), _version(lang, 0), python("gaps_of", GAPS))
    info = client.call("open_run", flow=name)
    client.call("feed", ref=info.ref, batch=flows.batch(updates * 0.06 + 1.0))
    client.call("close_run", ref=info.ref)
    for number in range(1, updates + 1):
        client.call("define", module=_version(lang, number))
        time.sleep(0.05)  # messages pass between two updates; nothing is waited for
    info = client.call("wait", ref=info.ref, timeout=60.0)
    assert info.status == "done", info
    [found] = flows.results(client, info.ref)
    gaps = sorted(found["gaps"])
    assert gaps, found
    return Row(f"hot update of a {lang} module, gap p99", gaps[int(len(gaps) * 0.99)] / 1e6, 50.0, "ms", 1.0, "less")


def weights(client: Client) -> list[Row]:
    """Private memory of idle processes beside a bare interpreter, in MiB; the bound is 15 MiB more."""
    bare = {"python": baselines.memory(baselines.BARE_PYTHON), "js": baselines.memory(baselines.BARE_NODE)}
    pids = {f"idle {r['lang']} runtime": (r["pid"], bare[r["lang"]]) for r in client.call("runtimes") if r["pid"]}
    pids["runner"] = (client.call("runners")[0]["pid"], bare["python"])
    pids["dispatcher"] = (client.call("status")["pid"], bare["python"])
    rows = []
    for name, (pid, base) in pids.items():
        size = psutil.Process(pid).memory_full_info().uss / 2**20
        rows.append(Row(f"memory: {name}", size, base, "MiB", (base + 15) / base, "less"))
    return rows
