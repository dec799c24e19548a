"""A flow in a container does what it does beside the kernel."""

from __future__ import annotations

import time

from floe_jupyter.wire.client.client import Client
from tests.containers.flows import define, module, run

UP = module("up", "def up(msg):\n    return msg + 1")
JS = module("twice", "export default (msg) => 2 * msg", "js")


def test_a_flow_in_a_container_gives_the_results_of_a_local_one(client: Client) -> None:
    for name, url in (("near", "local:"), ("far", "docker:floe-runner")):
        define(client, name, "up -> twice", UP, JS, runner=url)
    began = time.monotonic()
    assert run(client, "far", *range(100)) == run(client, "near", *range(100))
    print(f"first results of a container: {time.monotonic() - began:.2f} s")
