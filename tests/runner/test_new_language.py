"""A language that comes as a folder alone: its runtime is started, its packages are installed by a tool of its own."""

from __future__ import annotations

from pathlib import Path

from floe_jupyter.core.flow.model import Module
from tests.package_copy import PackageCopy
from tests.runner.conftest import assert_nothing_left
from tests.runner.harness import RunnerProcess, flow_of

TINY = """
title = "Tiny"
badge = ["T", "#000000", "#ffffff"]
command = ["{program}", "{here}/../python/runtime.py"]
[program]
find = ["{interpreter}"]
[variables]
TINY_HOME = "{here}"
[failures]
missing_import = "no tin of ([a-z]+)"
packages = { fish = "herring" }
"""
PACKAGES = """
[dependencies]
tool = "tins"
name = "[a-z]+"
address = "(?P<address>tin:.*)"
built = [".tin"]
example = "beans"
variables = { TINS = "{directory}" }
"""
TOOL = """
import os

def lock(request):
    return "\\n".join(request.deps)

def install(request):
    directory = os.path.join(request.scratch, "tins")
    os.mkdir(directory)
    for name in request.deps:
        open(os.path.join(directory, name), "w").close()
    return directory

def packages(lock):
    return [f"{name}@1" for name in lock.split()]
"""
SOURCE = """
import os

def a(msg):
    if msg == "fish":
        raise ValueError("no tin of fish")
    return [os.path.basename(os.environ["TINY_HOME"]), sorted(os.listdir(os.environ["TINS"])) if "TINS" in os.environ else []]
"""


def runner_of(directory: Path, files: dict[str, str]) -> RunnerProcess:
    copy = PackageCopy(directory)
    copy.add("tiny", files)
    return RunnerProcess(directory, {**copy.variables, "XDG_CACHE_HOME": str(directory / "cache")}, directory)


def test_a_module_of_a_new_language_runs_with_the_packages_of_its_own_tool(tmp_path: Path) -> None:
    with runner_of(tmp_path, {"runtime.toml": TINY + PACKAGES, "tins.py": TOOL}) as runner:
        module = Module("a", SOURCE, "tiny", deps=("beans", "corn"))
        runner.open(flow_of("a"), [module])
        runner.feed("a", ["tin"])
        assert runner.end().status == "done"
        assert runner.values() == [["tiny", ["beans", "corn"]]]
        found = runner.ask("listDependencies", modules=[module])
        assert [row["locked"] for row in found] == [["beans@1", "corn@1"]]
    assert_nothing_left(runner, tmp_path)


def test_a_new_language_brings_its_own_cures(tmp_path: Path) -> None:
    with runner_of(tmp_path, {"runtime.toml": TINY}) as runner:
        runner.open(flow_of("a"), [Module("a", SOURCE, "tiny")])
        runner.feed("a", ["fish"])
        assert runner.end().failures[0].message.endswith("add it to the module: `%%floe module a --lang tiny --deps herring`")
    assert_nothing_left(runner, tmp_path)


def test_a_language_without_packages_says_so(tmp_path: Path) -> None:
    with runner_of(tmp_path, {"runtime.toml": TINY}) as runner:
        runner.open(flow_of("a"), [Module("a", SOURCE, "tiny", deps=("beans",))])
        runner.feed("a", [1])
        assert "'tiny' modules cannot have dependencies here; those of python, js can" in runner.end().failures[0].message
    assert_nothing_left(runner, tmp_path)
