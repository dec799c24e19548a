"""Conflicting packages in one flow; adding one disturbs nobody."""

from __future__ import annotations

import pytest

from floe_jupyter.core.flow.model import Module
from floe_jupyter.wire.client.client import Client
from floe_jupyter.wire.values import encode
from tests.e2e.flows import define, finished, pids, results, run

PYTHON = "import six\ndef {name}(msg):\n    return [*msg, six.__version__]\n"
JS = """const found = require('is-number/package.json');
const isNumber = require('is-number');
export default function {name}(msg) {{ return [...msg, isNumber(3), found.version]; }}
"""


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_two_versions_of_a_python_package_work_side_by_side(client: Client) -> None:
    define(
        client,
        "six",
        "old -> newer",
        Module("old", PYTHON.format(name="old"), deps=("six==1.15.0",)),
        Module("newer", PYTHON.format(name="newer"), deps=("six==1.16.0",)),
    )
    assert run(client, "six", []) == [["1.15.0", "1.16.0"]]


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_two_versions_of_a_javascript_package_work_side_by_side(client: Client) -> None:
    define(
        client,
        "numbers",
        "old -> newer",
        Module("old", JS.format(name="old"), "js", deps=("is-number@6.0.0",)),
        Module("newer", JS.format(name="newer"), "js", deps=("is-number@7.0.0",)),
    )
    assert run(client, "numbers", []) == [[True, "6.0.0", True, "7.0.0"]]


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_dependency_added_while_the_flow_runs_changes_no_other_process(client: Client) -> None:
    stamp = "import os\ndef {name}(msg):\n    return [*msg, '{name}']\n"
    define(
        client,
        "live",
        "one -> two -> three",
        Module("one", stamp.format(name="one")),
        Module("two", stamp.format(name="two")),
        Module("three", "export default function (msg) { return msg; }\n", "js"),
    )
    client.call("start", flow="live")
    assert _through(client) == ["one", "two"]
    before = pids(client)
    client.call("define", module=Module("two", PYTHON.format(name="two"), deps=("six==1.16.0",)), timeout=120.0)
    assert _through(client) == ["one", "1.16.0"]
    after = pids(client)
    assert (after["one"], after["three"]) == (before["one"], before["three"])
    assert after["two"] != before["two"]


def _through(client: Client) -> object:
    info = client.call("send", flow="live", batch=encode([[]]))
    [found] = results(client, finished(client, info))
    return found


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_package_that_does_not_exist_is_named_and_the_rest_runs_on(client: Client) -> None:
    define(client, "fine", "ok", Module("ok", "def ok(msg):\n    return msg\n"))
    client.call("start", flow="fine")
    define(client, "broken", "bad", Module("bad", "def bad(msg):\n    return msg\n", deps=("floe-no-such-package-7c1==1",)))
    info = client.call("open_run", flow="broken")
    client.call("feed", ref=info.ref, batch=encode([1]))
    client.call("close_run", ref=info.ref)
    info = client.call("wait", ref=info.ref, timeout=120.0)
    assert info.status == "failed"
    assert "floe-no-such-package-7c1" in info.failures[0].message
    found, _ = client.call("request", flow="fine", batch=encode([1]))
    assert found.status == "done"
