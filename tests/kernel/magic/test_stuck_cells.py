"""Cells whose modules never finish loading: what is shown, and how they are mended (A2)."""

from __future__ import annotations

import time

import pytest

import floe_jupyter as floe
from tests.kernel.waits import until

STUCK = {
    "python": "%%floe module m\nwhile True: pass\ndef m(msg):\n    return msg\n",
    "js": "%%floe module m --lang js\nfor (;;) {}\nexport default function m(msg) { return msg; }\n",
}
MENDED = {
    "python": "%%floe module m\ndef m(msg):\n    return 'mended'\n",
    "js": "%%floe module m --lang js\nexport default function m(msg) { return 'mended'; }\n",
}


@pytest.mark.parametrize("lang", ["python", "js"])
def test_A2_a_module_that_never_loads_is_shown_cancelled_and_mended(cells, need, lang):
    need("node", "install Node.js 20")
    cells(STUCK[lang])
    cells("%%floe flow f\nm\n")
    run = floe.flow("f").run([1], wait=False)
    until(lambda: "loading m for " in repr(cells("%floe runtimes")), "the runtimes to show the load")
    began = time.monotonic()
    cells(MENDED[lang])
    assert time.monotonic() - began < 10.0
    assert run.wait(10.0).results == ["mended"]
    cells(STUCK[lang])
    again = floe.flow("f").run([1], wait=False)
    until(lambda: "loading m for " in repr(cells("%floe runtimes")), "the runtimes to show the load")
    assert again.cancel().status == "cancelled"
    cells(MENDED[lang])
    assert floe.flow("f").run([1]).results == ["mended"]
