"""Notebooks that are moved, copied, replaced and exchanged while no kernel of them runs: each keeps its own workspace."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from floe_jupyter.dispatcher.notebooks import file_id
from floe_jupyter.wire.client.client import Client
from floe_jupyter.wire.control.workspaces import Workspace, WorkspaceInfo
from tests.dispatcher.kit import Processes, define, run, until


@pytest.fixture
def watch(client: Client) -> Client:
    """Keeps the dispatcher, and looks."""
    return client


@pytest.fixture
def opened(attach: Callable[..., Client], tmp_path: Path) -> Callable[[str], Client]:
    """A new kernel of the notebook of this name, which is made if there is none."""

    def open_(name: str) -> Client:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
        return attach(name, workspace=Workspace("", path.name, "notebook", str(path)))

    return open_


@pytest.fixture
def notebook(opened: Callable[[str], Client], watch: Client) -> Callable[[str, str], str]:
    """Define a flow in the notebook of this name, run it, and end the kernel. Returns the run."""

    def make(name: str, flow: str) -> str:
        kernel = opened(name)
        define(kernel, flow, price="lambda x: x + 1")
        ref = str(run(kernel, 1, flow=flow).ref)
        kernel.close()
        ended(watch, name)
        return ref

    return make


def ended(watch: Client, name: str) -> None:
    until(lambda: name not in watch.call("status")["clients"], f"the kernel of {name} to be gone")


def listed(watch: Client) -> list[WorkspaceInfo]:
    return msgspec.convert(watch.call("workspaces"), list[WorkspaceInfo])


def flows(kernel: Client) -> list[str]:
    return [flow.name for flow in kernel.call("flows")]


def test_1_a_notebook_that_was_moved_keeps_definitions_and_runs_in_a_new_kernel(
    notebook: Callable[[str, str], str], opened: Callable[[str], Client], watch: Client, tmp_path: Path
) -> None:
    ref = notebook("one.ipynb", "shop")
    (tmp_path / "deep").mkdir()
    (tmp_path / "one.ipynb").rename(tmp_path / "deep" / "two.ipynb")
    kernel = opened("deep/two.ipynb")
    assert flows(kernel) == ["shop"]
    assert [(info.ref, info.title) for info in kernel.call("runs")] == [(ref, "two.ipynb")]
    assert kernel.note == f"this notebook was {tmp_path}/one.ipynb before: its definitions and runs were kept"
    assert opened("deep/two.ipynb").note == ""
    assert [info.workspace.path for info in listed(watch) if info.workspace.kind == "notebook"] == [
        str(tmp_path / "deep" / "two.ipynb")
    ]


def test_1_also_when_the_folder_was_moved_and_the_dispatcher_is_another_one(
    notebook: Callable[[str, str], str], opened: Callable[[str], Client], watch: Client, processes: Processes, tmp_path: Path
) -> None:
    ref = notebook("deep/one.ipynb", "shop")
    watch.close()
    processes.wait_gone()
    (tmp_path / "deep").rename(tmp_path / "far")
    kernel = opened("far/one.ipynb")
    assert (flows(kernel), [info.ref for info in kernel.call("runs")]) == (["shop"], [ref])
    assert flows(opened("deep/one.ipynb")) == []


def test_1_also_while_its_former_kernel_is_still_there(opened: Callable[[str], Client], watch: Client, tmp_path: Path) -> None:
    former = opened("one.ipynb")
    define(former, "shop", price="lambda x: x + 1")
    (tmp_path / "one.ipynb").rename(tmp_path / "two.ipynb")
    assert flows(opened("two.ipynb")) == flows(former) == ["shop"]
    assert [info.workspace.title for info in listed(watch) if info.flows] == ["two.ipynb"]


@pytest.mark.parametrize("keep", [True, False])
def test_1_a_copy_is_another_notebook(
    notebook: Callable[[str, str], str], opened: Callable[[str], Client], tmp_path: Path, keep: bool
) -> None:
    notebook("one.ipynb", "shop")
    shutil.copy2(tmp_path / "one.ipynb", tmp_path / "two.ipynb")
    if not keep:
        (tmp_path / "one.ipynb").unlink()
    assert flows(opened("two.ipynb")) == []


def test_1_a_second_name_of_one_file_is_another_notebook(
    notebook: Callable[[str, str], str], opened: Callable[[str], Client], tmp_path: Path
) -> None:
    notebook("one.ipynb", "shop")
    (tmp_path / "two.ipynb").hardlink_to(tmp_path / "one.ipynb")
    assert flows(opened("two.ipynb")) == []
    assert flows(opened("one.ipynb")) == ["shop"]


def test_1_a_new_notebook_that_got_the_inode_of_a_removed_one_is_new(
    notebook: Callable[[str, str], str], opened: Callable[[str], Client], tmp_path: Path
) -> None:
    notebook("one.ipynb", "shop")
    inode = (tmp_path / "one.ipynb").stat().st_ino
    for number in range(20):
        (tmp_path / "one.ipynb").unlink()
        (tmp_path / "two.ipynb").touch()
        if (tmp_path / "two.ipynb").stat().st_ino == inode:
            break
        (tmp_path / "two.ipynb").rename(tmp_path / f"{number}.ipynb")
        (tmp_path / "one.ipynb").touch()
    assert flows(opened("two.ipynb")) == []


def test_1_a_notebook_that_an_editor_replaced_keeps_its_workspace(
    notebook: Callable[[str, str], str], opened: Callable[[str], Client], watch: Client, tmp_path: Path
) -> None:
    notebook("one.ipynb", "shop")
    (tmp_path / "new").write_text("{}")
    (tmp_path / "new").replace(tmp_path / "one.ipynb")
    kernel = opened("one.ipynb")
    assert flows(kernel) == ["shop"]
    (tmp_path / "new").write_text("{ }")
    (tmp_path / "new").replace(tmp_path / "one.ipynb")
    run(kernel, 1)
    kernel.close()
    ended(watch, "one.ipynb")
    (tmp_path / "one.ipynb").rename(tmp_path / "two.ipynb")
    assert flows(opened("two.ipynb")) == ["shop"]


@pytest.mark.parametrize("first", ["one.ipynb", "two.ipynb"])
def test_1_a_new_notebook_under_the_old_name_does_not_get_what_the_renamed_one_owns(
    notebook: Callable[[str, str], str], opened: Callable[[str], Client], tmp_path: Path, first: str
) -> None:
    notebook("one.ipynb", "shop")
    (tmp_path / "one.ipynb").rename(tmp_path / "two.ipynb")
    (tmp_path / "one.ipynb").write_text("new")
    found = {name: flows(opened(name)) for name in sorted(["one.ipynb", "two.ipynb"], key=lambda name: name != first)}
    assert found == {"one.ipynb": [], "two.ipynb": ["shop"]}


def test_1_a_workspace_in_use_stays_with_the_name_that_its_kernel_says(opened: Callable[[str], Client], tmp_path: Path) -> None:
    one = opened("one.ipynb")
    define(one, "shop", price="lambda x: x + 1")
    (tmp_path / "one.ipynb").rename(tmp_path / "two.ipynb")
    (tmp_path / "one.ipynb").write_text("saved again by the page that was open")
    assert flows(opened("two.ipynb")) == []
    assert flows(opened("one.ipynb")) == ["shop"]


def test_1_two_notebooks_that_exchange_their_names_exchange_their_workspaces(
    notebook: Callable[[str, str], str], opened: Callable[[str], Client], tmp_path: Path
) -> None:
    notebook("one.ipynb", "shop")
    notebook("two.ipynb", "mill")
    for source, target in (("one", "third"), ("two", "one"), ("third", "two")):
        (tmp_path / f"{source}.ipynb").rename(tmp_path / f"{target}.ipynb")
    assert (flows(opened("one.ipynb")), flows(opened("two.ipynb"))) == (["mill"], ["shop"])


def test_a_file_is_the_same_wherever_it_is_and_no_other_one(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    was = file_id(str(tmp_path / "a"))
    (tmp_path / "a").write_text("2")
    (tmp_path / "a").rename(tmp_path / "b")
    (tmp_path / "a").write_text("1")
    assert was
    assert file_id(str(tmp_path / "b")) == was
    assert file_id(str(tmp_path / "a")) not in ("", was)
    assert file_id(str(tmp_path / "c")) == ""
