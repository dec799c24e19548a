"""Modules that print too much, and flows that could block: nothing stalls, memory stays flat."""

from __future__ import annotations

import os
import time

import psutil
import pytest

from floe_jupyter.core.flow.model import Module
from floe_jupyter.wire.client.client import Client
from floe_jupyter.wire.values import encode
from tests.e2e.flows import define, finished, opened, results, run

LOUD = {
    "python": "def loud(msg):\n    for _ in range(msg):\n        print('x' * 999)\n    return msg\n",
    "js": "export default function (msg) { for (let i = 0; i < msg; i++) console.log('x'.repeat(999)); return msg; }\n",
}
LONG_LINE = {
    "python": "def line(msg):\n    print('y' * msg)\n    return msg\n",
    "js": "export default function (msg) { console.log('y'.repeat(msg)); return msg; }\n",
}
RAW = "import os\ndef raw(msg):\n    for _ in range(msg):\n        os.write(1, b'z' * 1_000_000)\n    return msg\n"


def _answers(client: Client) -> float:
    """Seconds that a control call takes."""
    begin = time.monotonic()
    client.call("status")
    return time.monotonic() - begin


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("lang", ["python", "js"])
def test_200_MB_of_printing_stalls_nothing_and_little_is_kept(client: Client, lang: str) -> None:
    define(client, "loud", "loud", Module("loud", LOUD[lang], lang))
    info = opened(client, "loud", [200_000])
    assert _answers(client) < 5
    assert results(client, finished(client, info)) == [200_000]
    kept = client.call("logs", flow=info.ref, limit=100_000)
    assert 0 < sum(len(entry["text"]) for entry in kept) <= 2_000_000


@pytest.mark.parametrize("lang", ["python", "js"])
def test_one_line_of_100_MB_stalls_nothing(client: Client, lang: str) -> None:
    define(client, "long", "line", Module("line", LONG_LINE[lang], lang))
    assert run(client, "long", 100_000_000) == [100_000_000]
    assert run(client, "long", 1) == [1]


def test_what_is_written_past_the_runtime_is_bounded_too(client: Client) -> None:
    define(client, "raw", "raw", Module("raw", RAW))
    assert run(client, "raw", 200) == [200]


def _memories(client: Client) -> dict[int, int]:
    """Bytes of every process of ours, by pid."""
    top = psutil.Process(client.call("status")["pid"])
    return {p.pid: p.memory_info().rss for p in [top, *top.children(recursive=True)]}


@pytest.mark.slow
@pytest.mark.timeout(200)
@pytest.mark.parametrize("lang", ["python", "js"])
def test_a_producer_much_faster_than_its_consumer_is_held_back_and_memory_stays_flat(client: Client, lang: str) -> None:
    seconds = 60 if os.environ.get("FLOE_LONG") else 10
    n = seconds * 1000
    fast = "def fast(msg):\n    for i in range(msg):\n        yield {'i': i, 'text': 'a' * 1000}\n"
    slow = {
        "python": "import time\ndef slow(msg):\n    time.sleep(0.001)\n    return msg['i']\n",
        "js": "export default async function (msg) { await new Promise((r) => setTimeout(r, 1)); return msg.i; }\n",
    }[lang]
    define(
        client,
        "pressed",
        "fast -> slow",
        Module("fast", fast),
        Module("slow", slow, lang, deps=("six",) if lang == "python" else ()),
    )
    run(client, "pressed", 2000)
    before = _memories(client)
    info, peak = opened(client, "pressed", [n]), dict(before)
    deadline = time.monotonic() + 5 * seconds + 30
    while client.call("wait", ref=info.ref, timeout=0.25).status == "active":
        assert time.monotonic() < deadline
        for pid, size in _memories(client).items():
            peak[pid] = max(peak.get(pid, 0), size)
    assert results(client, finished(client, info)) == list(range(n))
    grown = {pid: (peak[pid] - before[pid]) / 2**20 for pid in before}
    print(f"growth in MiB over {seconds} s: {', '.join(f'{size:.1f}' for size in grown.values())}")
    assert max(grown.values()) <= 20 + 1  # a window of messages and 20 MiB


def test_a_cycle_with_full_wires_ends_with_an_error_that_names_the_wire(client: Client) -> None:
    double = "def {name}(msg):\n    yield msg\n    yield msg\n"
    define(
        client,
        "round",
        "a -> b -> a",
        Module("a", double.format(name="a")),
        Module("b", double.format(name="b")),
    )
    info = client.call("open_run", flow="round")

    client.call("feed", ref=info.ref, batch=encode([1]), node="a")
    client.call("close_run", ref=info.ref)
    info = client.call("wait", ref=info.ref, timeout=50.0)
    assert info.status == "failed"
    assert ">" in info.failures[0].message
    assert "cycle" in info.failures[0].message
