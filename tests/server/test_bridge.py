"""A page, the Jupyter server, the dispatcher and a runner, all real."""

from __future__ import annotations

from collections.abc import Callable

from floe_jupyter.wire.client import Client
from tests.dispatcher.kit import define
from tests.server.kit import Page, Server, batch, values_of

Kernels = Callable[..., Client]
Pages = Callable[..., Page]
DOUBLE = "def double(msg):\n    return 2 * msg\n"


def test_a_page_runs_a_flow_and_sees_it(kernel: Kernels, page: Pages) -> None:
    define(kernel(), double=DOUBLE)
    looking = page()
    looking.present()
    looking.send({"subscribe": "view/"})
    info = looking.call("open_run", flow="co2")
    looking.call("feed", ref=info["ref"], batch=batch(1, 2, 3))
    looking.call("close_run", ref=info["ref"])
    assert looking.call("wait", ref=info["ref"])["status"] == "done"
    assert values_of(looking.call("results", ref=info["ref"])) == [2, 4, 6]
    assert looking.event(f"view/{info['ref']}")["flow"] == "co2"


def test_status(server: Server, page: Pages) -> None:
    before = server.ask("floe/status")
    assert before["dispatcher"] is False
    opened = page()
    opened.present(there=False)
    assert server.ask("floe/status")["pages"] == 1
