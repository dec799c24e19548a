"""Two notebooks of one Jupyter, in real kernels: equal names are two things, and each keeps its own over a restart."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager

from floe_jupyter.client.workspace import notebook
from tests.kernel.real import DEFINE, Kernel

Kernels = Callable[[str], Kernel]
SHOP = "%%floe flow shop\nprice\n"


def price(expression: str) -> str:
    return f"%%floe module price\ndef price(msg):\n    return {expression}\n"


@pytest.fixture
def kernels(home: Path) -> Iterator[Kernels]:
    """The kernel of the notebook at this path, as Jupyter's session would name it."""
    made: list[Kernel] = []

    def start(name: str) -> Kernel:
        path = home / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
        manager = KernelManager(transport="ipc", connection_file=str(home / "runtime" / f"kernel-{len(made)}.json"))
        manager.start_kernel(env={**os.environ, "JPY_SESSION_NAME": str(path)}, cwd=str(path.parent))
        made.append(Kernel(manager))
        made[-1](DEFINE)
        return made[-1]

    yield start
    for kernel in made:
        kernel.close()


def test_A8_C2_two_notebooks_with_equal_names_have_two_flows_and_a_held_run_stays_untouched(kernels: Kernels) -> None:
    one, other = kernels("a/shop.ipynb"), kernels("b/shop.ipynb")
    one(price("msg + 1"))
    one(SHOP)
    one("%floe break price")
    one("run = floe.flow('shop').run([1])")
    assert "version" not in other(price("msg * 10"))
    other(SHOP)
    assert other("floe.flow('shop').run([1]).results") == "[10]"
    assert one("run.held()[0].value") == "1"
    assert "shop.1" in one("%floe runs")
    one("%floe continue")
    assert one("run.wait().results") == "[2]"
    assert "no breakpoints" in other("%floe breaks")
    assert "(b/shop.ipynb)" in other("%floe runs --all")


def test_both_survive_a_restart_of_their_kernels(kernels: Kernels) -> None:
    pair = [kernels("a.ipynb"), kernels("b.ipynb")]
    for kernel, text in zip(pair, ("msg + 1", "msg * 10"), strict=True):
        kernel(price(text))
        kernel(SHOP)
    for kernel in pair:
        kernel.manager.restart_kernel(now=True)
        kernel.client.wait_for_ready(timeout=30)
        kernel(DEFINE)
    assert [kernel("floe.flow('shop').run([1]).results") for kernel in pair] == ["[2]", "[10]"]


def test_use_borrows_and_says_so_and_remove_removes(kernels: Kernels) -> None:
    one, other = kernels("a.ipynb"), kernels("b.ipynb")
    one(price("msg + 1"))
    one(SHOP)
    with pytest.raises(AssertionError, match=r"no flow 'shop'; notebook a.ipynb has one: `%floe use a.ipynb shop`"):
        other("%floe run shop")
    assert other("%floe use a.ipynb shop") == "Copied from a.ipynb: modules price; flows shop. Later changes there are not copied"
    assert other("floe.flow('shop').run([1]).results") == "[2]"
    with pytest.raises(AssertionError, match="module 'price' is used by flow shop"):
        other("%floe remove price")
    assert other("%floe remove shop") == "Flow shop is removed"
    assert other("%floe remove price") == "Module price is removed"
    assert other("%floe clear-archive") == "1 run removed, with their results"
    assert "no flow is defined" in other("%floe flows")
    assert "shop (a.ipynb)" in other("%floe flows --all")
    assert one("floe.flow('shop').run([1]).results") == "[2]"


def test_another_workspace_is_reached_with_an_option(kernels: Kernels) -> None:
    one, other = kernels("a.ipynb"), kernels("b.ipynb")
    one(price("msg + 1"))
    one(SHOP)
    other("run = %floe run shop --input [1] --workspace a.ipynb")
    assert other("run.results") == "[2]"
    assert "a.ipynb" in other("%floe workspaces")
    assert "no runs" in other("%floe runs")
    assert "shop.1.local.1" in one("%floe runs")


def test_names_of_one_notebook_complete_in_it_alone(kernels: Kernels) -> None:
    one, other = kernels("a.ipynb"), kernels("b.ipynb")
    one(price("msg + 1"))
    one(SHOP)
    other("%floe flows")

    def completed(kernel: Kernel) -> list[str]:
        return list(kernel.client.complete("%floe run sh", reply=True, timeout=20)["content"]["matches"])

    assert "shop" in completed(one)
    assert "shop" not in completed(other)


def test_1_a_moved_notebook_is_followed_when_its_kernel_defines_again(kernels: Kernels, home: Path) -> None:
    one, other = kernels("a.ipynb"), kernels("b.ipynb")
    one(price("msg + 1"))
    one(SHOP)
    other("%floe workspaces")
    (home / "a.ipynb").rename(home / "moved.ipynb")
    one(f"import os\nos.environ['JPY_SESSION_NAME'] = {str(home / 'moved.ipynb')!r}")
    assert "version 2" in one(price("msg + 2"))
    assert one("floe.flow('shop').run([1]).results") == "[3]"
    shown = other("%floe workspaces")
    assert "moved.ipynb" in shown
    assert "a.ipynb" not in shown


def test_1_workspaces_in_python_are_listed_used_run_and_removed(kernels: Kernels, home: Path) -> None:
    one, other = kernels("a.ipynb"), kernels("b.ipynb")
    one(price("msg + 1"))
    one(SHOP)
    other(price("msg * 10"))
    assert other("[space.title for space in floe.workspaces()]") == "['b.ipynb', 'a.ipynb']"
    assert other("floe.workspaces()") == other("%floe workspaces")
    other("shop = floe.workspaces()['a']")
    assert other("shop.flows, shop.modules, shop.kind, shop.own, shop.gone") == "(['shop'], ['price'], 'notebook', False, False)"
    assert other("shop.flow('shop').run([1]).results, len(shop.runs())") == "([2], 1)"
    assert other("floe.flow('shop', workspace='a.ipynb').run([1]).results") == "[2]"
    with pytest.raises(AssertionError, match=r"module 'price' of b\.ipynb is another one"):
        other("floe.use('a.ipynb')")
    assert other("shop.use('shop', 'price')") == "{'modules': ['price'], 'flows': ['shop'], 'source': 'a.ipynb'}"
    assert other("floe.flow('shop').run([1]).results") == "[2]"
    other("floe.remove('shop')")
    with pytest.raises(AssertionError, match=r"no workspace 'nosuch.ipynb'"):
        other("floe.workspaces()['nosuch.ipynb']")
    with pytest.raises(AssertionError, match=r"a\.ipynb is in use"):
        other("shop.remove()")
    one.close()
    other(
        "import time\nwhile True:\n    try: shop.remove(); break\n    except floe_errors: time.sleep(0.05)".replace(
            "floe_errors", "Exception"
        )
    )
    assert other("[space.title for space in floe.workspaces()]") == "['b.ipynb']"


def test_the_notebook_is_what_the_user_or_the_editor_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    assert notebook({}) == ""
    assert notebook({"__vsc_ipynb_file__": "/nb/code.ipynb"}) == "/nb/code.ipynb"
    monkeypatch.setenv("JPY_SESSION_NAME", "/nb/lab.ipynb")
    assert notebook({}) == "/nb/lab.ipynb"
    monkeypatch.setenv("JPY_SESSION_NAME", "/nb/console-1")
    assert notebook({}) == ""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JPY_SESSION_NAME", "sub/old.ipynb")
    assert notebook({}) == str(tmp_path / "old.ipynb")
    monkeypatch.setenv("FLOE_WORKSPACE", "mine.ipynb")
    assert notebook({"__vsc_ipynb_file__": "/nb/code.ipynb"}) == str(tmp_path / "mine.ipynb")


def test_a_program_that_a_cell_starts_is_not_the_notebook(kernels: Kernels, home: Path) -> None:
    kernel = kernels("a.ipynb")
    code = "from floe_jupyter.client.workspace import notebook; print(repr(notebook({})))"
    assert kernel(
        f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {code!r}], capture_output=True, text=True).stdout"
    ) == repr("''\n")


def test_1_a_notebook_that_was_moved_is_known_to_its_next_kernel(kernels: Kernels, home: Path) -> None:
    watch, one = kernels("watch.ipynb"), kernels("a.ipynb")
    watch("%floe workspaces")
    one(price("msg + 1"))
    one(SHOP)
    one("floe.flow('shop').run([1])")
    one.close()
    (home / "a.ipynb").rename(home / "moved.ipynb")
    again = kernels("moved.ipynb")
    said = [output["text"] for output in again.outputs(again.begin("%floe flows")) if output["type"] == "stream"]
    assert said == [f"floe: this notebook was {home}/a.ipynb before: its definitions and runs were kept\n"]
    assert again("floe.flow('shop').run([1]).results, len(floe.flow('shop').runs())") == "([2], 2)"
