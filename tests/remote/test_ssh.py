"""A flow whose home runner is on another machine, reached by ssh."""

from __future__ import annotations

import time

from floe_jupyter.wire.client.client import Client
from tests.dispatcher.kit import define, run, values_of
from tests.remote.machine import UID, FarMachine

FAR = "ssh:far"


def test_a_flow_runs_on_another_machine_which_knew_nothing_of_it(client: Client, far: FarMachine) -> None:
    define(client, where="import os, socket\ndef where(v): return [v, socket.gethostname(), os.getuid(), os.getcwd()]")
    begin = time.monotonic()
    info = run(client, 1, 2, runner=FAR)
    took = time.monotonic() - begin
    assert info.status == "done", info
    assert values_of(client, info.ref) == [[n, "far", UID, "/home/far"] for n in (1, 2)]
    print(f"ssh, with the packages copied, to the result: {took:.2f} s")
