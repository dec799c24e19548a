"""Documents are tested: what they list is what there is."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from pathlib import Path
from types import ModuleType

import pytest

import floe_jupyter
from floe_jupyter.core.machine.machine import HANDLERS
from floe_jupyter.wire.control import calls
from floe_jupyter.wire.runtime import frames
from tests.mutants.catalogue import MUTANTS, Mutant

ROOT = Path(__file__).parents[1]
RUNTIMES = ROOT / "runtimes"
README = (RUNTIMES / "README.md").read_text()


def kinds(union: object) -> list[str]:
    return [cls.__struct_config__.tag for cls in union.__args__]  # type: ignore[attr-defined]


def table_of_frames() -> tuple[list[str], list[str]]:
    """What the table in runtimes/README.md lists: frames to the runtime, and their answers."""
    rows = re.findall(r"^\| `(\w+)` \|(.*?)\|", README.partition("## Rules")[0], re.MULTILINE)
    return [row[0] for row in rows], re.findall(r"`(\w+)`", " ".join(row[1] for row in rows))


@pytest.mark.parametrize("kind", kinds(frames.ToRuntime))
def test_every_frame_to_a_runtime_is_a_row_of_its_readme(kind: str) -> None:
    assert kind in table_of_frames()[0]


@pytest.mark.parametrize("kind", kinds(frames.FromRuntime))
def test_every_frame_from_a_runtime_is_explained_in_its_readme(kind: str) -> None:
    assert f"`{kind}`" in README


def test_the_readme_of_runtimes_lists_no_frame_that_does_not_exist() -> None:
    to, answers = table_of_frames()
    assert set(to) == set(kinds(frames.ToRuntime))
    assert set(answers) - {"end"} <= set(kinds(frames.FromRuntime))


@pytest.mark.parametrize("name", sorted(calls.CALLS))
def test_every_call_says_what_it_does_and_what_it_returns(name: str) -> None:
    text = " ".join((calls.CALLS[name].__doc__ or "").split())
    assert len(text) > 10
    assert re.search(r"\bReturns?\b|\[|\{", text), f"the docstring of the call {name!r} does not say what it returns"


@pytest.mark.parametrize("cls", [*frames.ToRuntime.__args__, *frames.FromRuntime.__args__], ids=lambda cls: cls.__name__)
def test_every_frame_is_documented_or_is_a_single_field(cls: type) -> None:
    assert (cls.__doc__ and not cls.__doc__.startswith(cls.__name__)) or len(cls.__struct_fields__) <= 3  # type: ignore[attr-defined]


def modules() -> list[ModuleType]:
    names = [info.name for info in pkgutil.walk_packages(floe_jupyter.__path__, "floe_jupyter.")]
    return [floe_jupyter, *(importlib.import_module(name) for name in names if not name.endswith("__main__"))]


def rank(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions, as the import sorter has it."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


def test_all_is_sorted_and_names_what_exists() -> None:
    for module in modules():
        names = getattr(module, "__all__", None)
        if names is not None:
            assert list(names) in (sorted(set(names)), sorted(set(names), key=rank)), f"sort __all__ of {module.__name__}"
            assert all(hasattr(module, name) for name in names), f"__all__ of {module.__name__} names what is not there"


def test_every_module_of_the_core_opens_with_what_it_is_for() -> None:
    for path in sorted((ROOT / "floe_jupyter" / "core").rglob("*.py")):
        assert ast.get_docstring(ast.parse(path.read_text())), f"core/{path.name} does not say what it is for"


def test_no_module_is_longer_than_its_limit() -> None:
    for path in sorted(path for folder in ("floe_jupyter", "runtimes", "tests") for path in (ROOT / folder).rglob("*.py")):
        lines = path.read_text().count("\n")
        assert lines <= 400, f"{path.relative_to(ROOT)} has {lines} lines; split it by idea (at most 400)"


DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_path_that_a_document_names_exists(name: str) -> None:
    named = re.findall(r"`((?:floe_jupyter|labextension|runtimes|notebooks|tests)/[\w./-]*)`", (ROOT / name).read_text())
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_command_that_a_document_names_exists(name: str) -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert (
        set(re.findall(r"\bmake ([a-z]+)\b", " ".join(re.findall(r"`[^`]*`|^make .*$", (ROOT / name).read_text(), re.MULTILINE))))
        <= targets
    )


def handlers() -> str:
    """The table of events, with the module that handles each."""
    rows = []
    for event, handler in HANDLERS.items():
        kind = "request" if event.__module__.endswith("requests") else "fact"
        place = handler.__module__.removeprefix("floe_jupyter.core.machine.").replace(".", "/")
        rows.append(f"| `{event.__name__}` | {kind} | `{place}.py` |")
    return "\n".join(["| event | kind | handled in |", "|---|---|---|", *rows])


def test_the_readme_of_the_machine_has_every_event_and_its_place() -> None:
    text = (ROOT / "floe_jupyter" / "core" / "machine" / "README.md").read_text()
    found = text.partition("<!-- handlers -->")[2].partition("<!-- /handlers -->")[0]
    assert found.strip() == handlers(), "put the table that `tests.test_documents.handlers` makes into it"


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_mutant_has_its_place_and_its_tests(mutant: Mutant) -> None:
    assert (ROOT / mutant.file).read_text().count(mutant.before) == 1, f"{mutant.file} changed: say where the fault stands now"
    for test in mutant.tests:
        file, _, name = test.partition("::")
        assert not name or f"def {name}(" in (ROOT / file).read_text(), f"{test} is not there any more"
