"""What goes wrong with ssh and with the other machine is told with its cause and its cure."""

from __future__ import annotations

import pytest

from floe_jupyter.errors import FloeError
from floe_jupyter.wire.client.client import Client
from tests.dispatcher.kit import define, run
from tests.remote.flows import FAR, done
from tests.remote.machine import FarMachine

ECHO = "def echo(v): return v"


@pytest.mark.parametrize(
    ("runner", "words"),
    [
        ("ssh:no-such-host.invalid", ["no host no-such-host.invalid is known", "~/.ssh/config"]),
        ("ssh:stranger", ["the key of stranger is not known yet", "`ssh stranger`"]),
        ("ssh:refused", ["refused refuses the login", "ssh-copy-id"]),
        ("ssh:closed", ["closed refuses connections", "~/.ssh/config"]),
    ],
)
def test_a_host_that_cannot_be_had_fails_the_run_with_the_cure(client: Client, runner: str, words: list[str]) -> None:
    define(client, echo=ECHO)
    info = run(client, 1, runner=runner)
    assert info.status == "failed"
    for word in words:
        assert word in info.failures[0].message


@pytest.mark.parametrize("url", ["ssh:", "ssh:-oProxyCommand=x", "ssh:a b", "ssh:@far", "carrier-pigeon:x", "far"])
def test_a_url_that_names_no_host_is_refused(client: Client, url: str) -> None:
    define(client, echo=ECHO)
    with pytest.raises(FloeError, match=r"ssh:"):
        client.call("open_run", runner=url)


def _program(far: FarMachine, name: str, text: str) -> None:
    file = far.scratch / "bin" / name
    file.write_text(text)
    file.chmod(0o755)


def test_a_host_without_python_says_so(client: Client, far: FarMachine) -> None:
    define(client, echo=ECHO)
    _program(far, "python3", '#!/bin/sh\necho "sh: 1: python3: not found" >&2\nexit 127\n')
    try:
        info = run(client, 1, runner=FAR)
    finally:
        (far.scratch / "bin" / "python3").unlink()
    assert "far has no python3" in info.failures[0].message
    assert "install Python 3.11 or newer there" in info.failures[0].message


def test_packages_of_another_version_there_are_left_and_ours_are_brought_along(client: Client, far: FarMachine) -> None:
    define(client, echo=ECHO)
    assert done(client, FAR, [1]) == [1]
    cache = "~/.cache/floe-jupyter/runners"
    far.run(f"cd {cache} && mv * of-another-version")
    assert done(client, "ssh:far@far", [2]) == [2]
    assert len(far.run(f"ls {cache}").stdout.split()) == 2
    far.run(f"rm -rf {cache}")


def test_a_runner_of_another_version_is_an_error_with_cause_and_cure(client: Client, far: FarMachine) -> None:
    define(client, echo=ECHO)
    assert done(client, FAR, [1]) == [1]
    version = "~/.cache/floe-jupyter/runners/*/lib/python3*/site-packages/floe_jupyter/_version.py"
    # of another length: Python takes a compiled file for the present one if the second of the change and the size are equal
    far.run(f"sed -i 's/^__version__.*/__version__ = \"0.0.1.before\"/' {version}")
    info = run(client, 2, runner="ssh:far@far")
    assert info.status == "failed"
    assert "it runs floe-jupyter 0.0.1.before" in info.failures[0].message
    assert "remove ~/.cache/floe-jupyter/runners on far@far" in info.failures[0].message
    far.run("rm -rf ~/.cache/floe-jupyter/runners")


def test_the_progress_of_a_start_is_told(client: Client, far: FarMachine) -> None:
    far.run("rm -rf ~/.cache")
    told: list[str] = []
    client.subscribe("progress/", lambda _, said: told.append(said["text"]))
    define(client, echo=ECHO)
    assert done(client, FAR, [1]) == [1]
    text = "\n".join(told)
    for words in ("connecting to far", "copying floe-jupyter to far (", " MB)", "starting a runner on far", "is ready"):
        assert words in text
