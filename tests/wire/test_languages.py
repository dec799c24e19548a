"""A language is known by its folder alone: without the folder nobody offers it, with a new folder everybody does."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from floe_jupyter.wire.languages import badges, declared, filled, named, with_runtime
from tests.core.picture.test_svg import contrast
from tests.package_copy import PackageCopy

ROOT = Path(__file__).parents[2]
PROGRAM = """
import json, sys
from floe_jupyter.client.define import module_of
from floe_jupyter.client.outcome import picture
from floe_jupyter.client.session import Session
from floe_jupyter.client.verbs import VERBS
from floe_jupyter.client.verbs.help import help_text
from floe_jupyter.core.flow.model import Flow, Module, Node, Place
from floe_jupyter.core.machine.snapshots import NodeView, View
from floe_jupyter.dispatcher.runs.definitions import Definitions
from floe_jupyter.errors import FloeError
from floe_jupyter.kernel.magic.completion import Completer
from floe_jupyter.runner.environments.cache import identity_of
from floe_jupyter.runner.runtimes.languages import interpreter
from floe_jupyter.wire.generate.typescript import render
from floe_jupyter.wire.languages import with_runtime
from floe_jupyter.wire.unseen import cure_of

class Journal:
    ended = ""
    def put(self, action): pass

def said(call, *args):
    try:
        return str(call(*args))
    except FloeError as error:
        return str(error)

lang, alias, source = LANG, ALIAS, SOURCE
print(json.dumps({
    "names": with_runtime(),
    "help": next(line for line in help_text(VERBS, "module").splitlines() if "--lang" in line and "default" in line),
    "completion": Completer(Session).complete("%%floe module m --lang ", 0, 24)[1],
    "cell": said(module_of, {"name": "m", "lang": lang}, source, Place(3, 1)),
    "alias": said(module_of, {"name": "m", "lang": alias}, source, Place(3, 1)),
    "dispatcher": said(Definitions(Journal(), "w").put_module, Module("m", source, lang)),
    "runner": said(interpreter, lang),
    "picture": picture(Flow("f", (Node("m", "m"),)), View("f", 1, (NodeView("m", lang, "idle", 1),), (), {})),
    "page": render().partition("LANGUAGES")[2],
    "cure": cure_of("ReferenceError: factor is not defined", {"factor"}),
}))
"""


def program(lang: str, alias: str, source: str) -> str:
    return PROGRAM.replace("LANG, ALIAS, SOURCE", repr((lang, alias, source)))


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a package says about JavaScript whose runtimes have no folder for it."""
    copy = PackageCopy(tmp_path_factory.mktemp("without"))
    for path in (copy.runtimes / "js").iterdir():
        path.unlink()
    (copy.runtimes / "js").rmdir()
    return copy.printed(program("js", "javascript", "export default x => x"))  # type: ignore[no-any-return]


def test_a_language_without_its_folder_is_not_offered(without: dict[str, Any]) -> None:
    assert without["names"] == ["python"]
    assert without["help"].split()[1:] == ["python", "(default:", "python)"]
    assert without["completion"] == ["python"]


@pytest.mark.parametrize("place", ["cell", "alias", "dispatcher"])
def test_a_language_without_its_folder_is_refused_with_the_list_of_the_others(without: dict[str, Any], place: str) -> None:
    assert re.search(r"no language '(js|javascript)'; known: python$", without[place]), without[place]


def test_a_runner_has_no_runtime_for_a_language_without_its_folder(without: dict[str, Any]) -> None:
    assert without["runner"] == "there is no runtime for 'js' modules here; known: python"


def test_a_language_without_its_folder_has_no_badge_no_editor_mode_and_no_cure(without: dict[str, Any]) -> None:
    assert 'class="badge"' not in without["picture"]
    assert re.findall(r"^  (\w+):", without["page"], re.MULTILINE) == ["python", "py"]
    assert without["cure"] == ""


TINY = """
title = "Tiny"
aliases = ["tn"]
badge = ["T", "#000000", "#ffffff"]
command = ["{program}", "{here}/runtime.py"]
[program]
find = ["{interpreter}"]
[check]
command = ["{program}", "{here}/check.py"]
pattern = 'line (?P<line>\\d+), column (?P<column>\\d+): (?P<message>.*)'
hints = [{ pattern = "long", text = "write less" }]
"""
CHECK = "import sys\nif 'bad' in sys.stdin.read(): sys.exit('line 9, column 3: too long')\n"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> PackageCopy:
    """A package with a folder for one language more."""
    copy = PackageCopy(tmp_path_factory.mktemp("tiny"))
    copy.add("tiny", {"runtime.toml": TINY, "runtime.py": "", "check.py": CHECK})
    return copy


def test_a_new_folder_is_offered_drawn_and_started(tiny: PackageCopy) -> None:
    found = tiny.printed(program("tiny", "tn", "good"))
    assert found["names"] == ["python", "js", "tiny"]
    assert "python, js, tiny (default: python)" in found["help"]
    assert found["completion"] == found["names"]
    assert ">T</text>" in found["picture"]
    assert "  tn: { badge: 'T', editor: 'tiny' }" in found["page"]
    assert f"{tiny.runtimes}/tiny/runtime.py" in found["runner"]
    assert all("lang='tiny'" in found[place] for place in ("cell", "alias", "dispatcher"))


def test_a_new_folder_brings_the_check_of_its_sources(tiny: PackageCopy) -> None:
    found = tiny.printed(program("tiny", "tn", "first\nbad, too long\n"))
    assert found["cell"] == "module 'm' is no Tiny: too long; write less\nCell In[3], line 3\n  bad, too long\n    ^"


@pytest.mark.parametrize("name", with_runtime())
def test_every_language_declares_what_it_is_called(name: str) -> None:
    language = declared(name)
    assert (language.name, language.command[0]) == (name, "{program}")
    assert [named(text) for text in (name, *language.aliases)] == [name] * (1 + len(language.aliases))
    assert all(ending.startswith(".") for ending in language.extensions)
    assert len(language.badge) == 3
    assert contrast(*badges([name])[name][1:]) >= 4.5


def test_names_and_aliases_are_those_of_one_language_each() -> None:
    names = [text for name in with_runtime() for text in (name, *declared(name).aliases)]
    assert len(names) == len(set(names))


def test_a_place_that_is_not_known_stays_as_it_is() -> None:
    assert filled("{here}/{x} {", {"here": "/r"}) == "/r/{x} {"
    assert filled("{package:no_such_package}/x", {}) == "/x"


FOREIGN = re.compile(r"\b(?:js|javascript|mjs|nodejs|node\.js)\b", re.IGNORECASE)
NAMED_IN = {"floe_jupyter/kernel/display/widget.py": "the page's own script, which the browser runs"}
"""Files that may name the language, and why."""


def test_no_module_of_the_package_names_a_language_but_the_kernels_own() -> None:
    """Whatever is said about another language stands in its folder."""
    named_in = {str(path.relative_to(ROOT)) for path in (ROOT / "floe_jupyter").rglob("*.py") if FOREIGN.search(path.read_text())}
    assert named_in == set(NAMED_IN)


OWN_NAMED_IN = {
    "floe_jupyter/core/language.py": "the one place that says which language is the kernel's own",
    "floe_jupyter/client/session.py": "the name of a client, for lists of clients",
    "floe_jupyter/wire/client/client.py": "the name of a client, for lists of clients",
}
"""Files whose program text holds the word, and why."""


def test_the_kernels_own_language_is_named_once() -> None:
    """The kernel is Python, and texts for people may say so. A program compares with `DEFAULT_LANGUAGE` and needs that only
    where it means the kernel's own language: the default of ``--lang``, a check by the kernel's own compiler, its own values.
    """
    found = set()
    for path in (ROOT / "floe_jupyter").rglob("*.py"):
        words = (node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
        if "python" in words:
            found.add(str(path.relative_to(ROOT)))
    assert found == set(OWN_NAMED_IN)
