"""What code in a container tries and is refused."""

from __future__ import annotations

import os
from pathlib import Path

from floe_jupyter.wire.client.client import Client
from tests.containers.flows import define, module, run

PROBES = Path(__file__).with_name("probes.py").read_text("utf-8")
COUNT = 27
"""Number of probes."""


def test_all_probes_of_a_module_in_a_container_are_refused(client: Client) -> None:
    define(client, "probes", "probe", module("probe", PROBES))
    [outcomes] = run(client, "probes", os.getpid())
    assert len(outcomes) == COUNT
    assert {name: text for name, text in outcomes.items() if not text.startswith("refused")} == {}


def test_a_module_in_a_container_has_no_rights_and_a_filter_of_calls(client: Client) -> None:
    source = (
        "def rights(msg):\n    return dict(l.split(':\\t') for l in open('/proc/self/status').read().splitlines() if ':\\t' in l)"
    )
    define(client, "rights", "rights", module("rights", source))
    [status] = run(client, "rights", 0)
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert status["Uid"].split("\t")[0] != "0"
