"""What the package exports is all there, sorted, and cheap to import."""

from __future__ import annotations

import subprocess
import sys

import pytest

import floe_jupyter


def test_all_is_sorted_and_complete():
    assert sorted(floe_jupyter.__all__) == floe_jupyter.__all__
    for name in floe_jupyter.__all__:
        assert getattr(floe_jupyter, name) is not None
    assert set(floe_jupyter.__all__) <= set(dir(floe_jupyter))


def test_the_promised_names_are_exported():
    assert {
        "flow",
        "runner",
        "workspaces",
        "use",
        "remove",
        "KnownWorkspace",
        "Flow",
        "Run",
        "Breakpoint",
        "Held",
        "ModuleError",
        "RunFailed",
    } <= set(floe_jupyter.__all__)


def test_runner_stays_callable_when_the_package_of_that_name_is_imported():
    import floe_jupyter.runner

    assert repr(floe_jupyter.runner("local:")) == "Runner('local:')"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        getattr(floe_jupyter, "nothing")  # noqa: B009 - the point of the test


def test_importing_the_package_imports_nothing_else():
    text = "import sys; before = set(sys.modules); import floe_jupyter; print(*sorted(m for m in set(sys.modules) - before))"
    found = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True, timeout=30).stdout.split()
    assert [name for name in found if name.startswith("floe_jupyter")] == ["floe_jupyter", "floe_jupyter._version"]
    assert not {"IPython", "zmq", "msgspec", "lark", "click", "rich"} & set(found)
