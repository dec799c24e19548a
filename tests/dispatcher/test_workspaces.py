"""Workspaces own names: two of them never touch each other, and borrowing and removing are said explicitly."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from floe_jupyter.core.flow.model import Flow, Module, Node
from floe_jupyter.errors import DefinitionError, UnknownName
from floe_jupyter.stores.sqlite import SqliteStore
from floe_jupyter.wire.client.client import Client
from floe_jupyter.wire.client.connection import data_directory
from floe_jupyter.wire.control.workspaces import ALL, EARLIER, Workspace, WorkspaceInfo
from tests.dispatcher.kit import Processes, batch, define, run, until, values_of

Clients = Callable[..., Client]


@pytest.fixture
def notebook(attach: Clients, tmp_path: Path, processes: Processes) -> Callable[..., Client]:
    """A client of the notebook of this name."""

    def make(name: str, session: str = "") -> Client:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        client = attach(name, session=session, workspace=Workspace("", path.name, "notebook", str(path)))
        processes.watch(client.pid)
        return client

    return make


def infos(client: Client) -> dict[str, WorkspaceInfo]:
    return {info.workspace.title: info for info in msgspec.convert(client.call("workspaces"), list[WorkspaceInfo])}


def follow(client: Client, path: Path) -> Workspace:
    return msgspec.convert(client.call("follow_notebook", path=str(path)), Workspace)


def test_A8_two_notebooks_with_equal_names_do_not_touch_each_other(notebook: Callable[..., Client]) -> None:
    one, other = notebook("one.ipynb"), notebook("other.ipynb")
    define(one, "shop", price="lambda x: x + 1")
    defined = other.call("define", module=Module("price", "lambda x: 10 * x"))
    assert (defined["version"], defined["changed"]) == (1, True)
    other.call("define_flow", flow=Flow("shop", (Node("price", "price"),)))
    assert values_of(one, run(one, 1, flow="shop").ref) == [2]
    assert values_of(other, run(other, 1, flow="shop").ref) == [10]
    assert [module.source for module in one.call("modules")] == ["lambda x: x + 1"]


def test_C2_breakpoints_of_another_notebook_are_its_own(notebook: Callable[..., Client]) -> None:
    one, other = notebook("one.ipynb"), notebook("other.ipynb")
    for client in (one, other):
        define(client, "shop", price="lambda x: x + 1")
    one.call("set_break", flow="shop", node="price")
    assert other.call("breaks") == []
    assert [(found["flow"], found["title"]) for found in other.call("breaks", workspace=ALL)] == [("shop", "one.ipynb")]
    assert other.call("clear_break", flow="shop") == 0
    assert len(one.call("breaks")) == 1


def test_breakpoints_flows_that_are_up_and_the_last_flow_are_those_of_the_workspace(notebook: Callable[..., Client]) -> None:
    one, other = notebook("one.ipynb"), notebook("other.ipynb")
    define(one, "shop", price="lambda x: x + 1")
    define(other, "shop", price="lambda x: x - 1")
    one.call("start", flow="shop")
    with pytest.raises(DefinitionError, match="not up"):
        other.call("send", flow="shop", batch=batch(1))
    other.call("start", flow="shop")
    assert one.call("request", batch=batch(1))[1][0].batch.payload == b"[2]"
    assert other.call("request", batch=batch(1))[1][0].batch.payload == b"[0]"
    other.call("stop", flow="shop")
    assert one.call("request", flow="shop", batch=batch(1))[0].status == "done"


def test_run_refs_are_unique_over_all_workspaces_and_reach_any_run(notebook: Callable[..., Client]) -> None:
    one, other = notebook("one.ipynb"), notebook("other.ipynb")
    define(one, "shop", price="lambda x: x + 1")
    define(other, "shop", price="lambda x: x - 1")
    refs = [run(client, 1, flow="shop").ref for client in (one, other, one, other)]
    assert len(set(refs)) == 4
    assert [one.call("run_info", ref=ref).title for ref in refs] == ["one.ipynb", "other.ipynb"] * 2
    assert [info.ref for info in one.call("runs")] == [refs[2], refs[0]]
    assert [info.ref for info in one.call("runs", workspace=ALL)] == refs[::-1]


def test_a_name_of_another_notebook_is_refused_with_how_to_borrow_it(notebook: Callable[..., Client]) -> None:
    one, other = notebook("one.ipynb"), notebook("other.ipynb")
    define(one, "shop", price="lambda x: x + 1")
    with pytest.raises(UnknownName, match=r"no flow.* in other.ipynb; notebook one.ipynb has one: `%floe use one.ipynb shop`"):
        other.call("open_run", flow="shop")


def test_use_copies_a_flow_with_its_modules_and_says_where_it_is_from(notebook: Callable[..., Client]) -> None:
    one, other = notebook("one.ipynb"), notebook("other.ipynb")
    define(one, "shop", price="lambda x: x + 1")
    one.call("define", module=Module("unused", "lambda x: x"))
    assert other.call("use", source="one.ipynb", names=("shop",)) == {
        "modules": ["price"],
        "flows": ["shop"],
        "source": "one.ipynb",
    }
    assert "one.ipynb" in other.call("modules")[0].place.file
    assert values_of(other, run(other, 1, flow="shop").ref) == [2]
    define(one, "shop", price="lambda x: x + 100")
    assert values_of(other, run(other, 1, flow="shop").ref) == [2]


def test_use_replaces_only_what_is_named(notebook: Callable[..., Client]) -> None:
    one, other = notebook("one.ipynb"), notebook("other.ipynb")
    define(one, "shop", price="lambda x: x + 1")
    define(other, "mine", price="lambda x: x - 1")
    with pytest.raises(DefinitionError, match=r"module 'price' of other.ipynb is another one; nothing was copied"):
        other.call("use", source="one", names=("shop",))
    assert [flow.name for flow in other.call("flows")] == ["mine"]
    other.call("use", source="one", names=("shop", "price"))
    assert values_of(other, run(other, 1, flow="mine").ref) == [2]


@pytest.mark.parametrize(
    ("source", "names", "text"),
    [("nowhere.ipynb", (), "no workspace 'nowhere.ipynb'"), ("one.ipynb", ("shup",), "did you mean 'shop'")],
)
def test_use_of_what_is_not_there_names_the_nearest(
    notebook: Callable[..., Client], source: str, names: tuple[str, ...], text: str
) -> None:
    one, other = notebook("one.ipynb"), notebook("other.ipynb")
    define(one, "shop", price="lambda x: x + 1")
    with pytest.raises(UnknownName, match=text):
        other.call("use", source=source, names=names)


def test_A8_remove_takes_a_flow_and_then_its_module_and_refuses_what_is_in_use(notebook: Callable[..., Client]) -> None:
    one = notebook("one.ipynb")
    define(one, "shop", price="lambda x: x + 1")
    with pytest.raises(DefinitionError, match="module 'price' is used by flow shop"):
        one.call("remove", name="price")
    one.call("start", flow="shop")
    with pytest.raises(DefinitionError, match="flow 'shop' is up; `%floe stop shop` first"):
        one.call("remove", name="shop")
    one.call("stop", flow="shop")
    assert one.call("remove", name="shop") == {"kind": "flow", "name": "shop"}
    assert one.call("remove", name="price") == {"kind": "module", "name": "price"}
    assert one.call("flows") == one.call("modules") == []
    with pytest.raises(UnknownName):
        one.call("remove", name="shop")


def test_what_was_removed_stays_away_after_a_restart(notebook: Callable[..., Client], processes: Processes) -> None:
    one = notebook("one.ipynb")
    define(one, "shop", price="lambda x: x + 1")
    define(one, "kept", price="lambda x: x + 1")
    one.call("remove", name="shop")
    one.close()
    processes.wait_gone()
    assert [flow.name for flow in notebook("one.ipynb").call("flows")] == ["kept"]


def test_C18_clear_archive_forgets_the_ended_runs_of_the_workspace(notebook: Callable[..., Client]) -> None:
    one, other = notebook("one.ipynb"), notebook("other.ipynb")
    for client in (one, other):
        define(client, "shop", price="lambda x: x + 1")
        run(client, 1, flow="shop")
    first, second = run(one, 1, flow="shop").ref, run(one, 2, flow="shop").ref
    assert one.call("clear_archive", flow=first) == 1
    assert first not in [info.ref for info in one.call("runs")]
    going = one.call("open_run", flow="shop")
    with pytest.raises(DefinitionError, match="cancel it first"):
        one.call("clear_archive", flow=going.ref)
    assert one.call("clear_archive") == 2
    assert [info.ref for info in one.call("runs")] == [going.ref]
    assert len(other.call("runs")) == 1
    with pytest.raises(UnknownName):
        one.call("results", ref=second)


def test_workspaces_whose_notebook_is_gone_are_cleaned_up(notebook: Callable[..., Client], tmp_path: Path) -> None:
    one, other = notebook("one.ipynb"), notebook("other.ipynb")
    define(one, "shop", price="lambda x: x + 1")
    define(other, "shop", price="lambda x: x + 1")
    run(one, 1, flow="shop")
    with pytest.raises(DefinitionError, match="is in use"):
        other.call("remove_workspace", workspace="one.ipynb")
    one.close()
    assert not infos(other)["one.ipynb"].gone
    (tmp_path / "one.ipynb").unlink()
    assert infos(other)["one.ipynb"].gone
    until(lambda: "one.ipynb" not in [name for info in infos(other).values() for name in info.clients], "the client to be gone")
    assert other.call("remove_workspace") == ["one.ipynb"]
    assert set(infos(other)) == {"other.ipynb"}
    assert other.call("runs", workspace=ALL) == []


def test_a_renamed_notebook_keeps_its_workspace_and_its_runs_say_the_new_name(
    notebook: Callable[..., Client], tmp_path: Path
) -> None:
    one = notebook("deep/one.ipynb")
    define(one, "shop", price="lambda x: x + 1")
    ref = run(one, 1, flow="shop").ref
    assert one.call("rename_workspace", source=str(tmp_path / "deep"), target=str(tmp_path / "far")) == 1
    assert one.call("run_info", ref=ref).title == "one.ipynb"
    one.call("rename_workspace", source=str(tmp_path / "far" / "one.ipynb"), target=str(tmp_path / "far" / "two.ipynb"))
    again = notebook("far/two.ipynb")
    assert again.workspace is not None
    assert one.workspace is not None
    assert again.workspace.id == one.workspace.id
    assert [(info.ref, info.title) for info in again.call("runs")] == [(ref, "two.ipynb")]
    assert notebook("deep/one.ipynb").call("flows") == []


def test_a_kernel_that_comes_back_with_another_path_has_a_renamed_notebook(notebook: Callable[..., Client]) -> None:
    one = notebook("one.ipynb", session="kernel-1.json")
    define(one, "shop", price="lambda x: x + 1")
    one.close(keep=True)
    again = notebook("renamed.ipynb", session="kernel-1.json")
    assert [flow.name for flow in again.call("flows")] == ["shop"]
    assert set(infos(again)) == {"renamed.ipynb"}


def test_1_a_notebook_that_a_shell_moved_keeps_its_workspace_with_its_kernel(
    notebook: Callable[..., Client], tmp_path: Path
) -> None:
    one, other = notebook("one.ipynb", session="kernel-1.json"), notebook("other.ipynb")
    define(one, "shop", price="lambda x: x + 1")
    ref = run(one, 1, flow="shop").ref
    (tmp_path / "one.ipynb").rename(tmp_path / "two.ipynb")
    followed = follow(one, tmp_path / "two.ipynb")
    assert (followed.id, followed.title) == (one.workspace.id if one.workspace else "", "two.ipynb")
    assert set(infos(other)) == {"two.ipynb", "other.ipynb"}
    assert [(info.ref, info.title) for info in one.call("runs")] == [(ref, "two.ipynb")]


def test_1_a_kernel_that_says_where_its_notebook_was_moves_nothing_back(notebook: Callable[..., Client], tmp_path: Path) -> None:
    one = notebook("one.ipynb", session="kernel-1.json")
    define(one, "shop", price="lambda x: x + 1")
    (tmp_path / "one.ipynb").rename(tmp_path / "two.ipynb")
    one.call("rename_workspace", source=str(tmp_path / "one.ipynb"), target=str(tmp_path / "two.ipynb"))
    assert follow(one, tmp_path / "one.ipynb").title == "two.ipynb"
    (tmp_path / "three.ipynb").touch()
    other = follow(one, tmp_path / "three.ipynb")
    assert (other.title, one.call("flows")) == ("three.ipynb", [])


def test_1_a_restarted_kernel_with_a_stale_name_stays_with_its_notebook(
    attach: Clients, notebook: Callable[..., Client], tmp_path: Path
) -> None:
    one = notebook("one.ipynb", session="kernel-1.json")
    define(one, "shop", price="lambda x: x + 1")
    (tmp_path / "one.ipynb").rename(tmp_path / "two.ipynb")
    one.call("rename_workspace", source=str(tmp_path / "one.ipynb"), target=str(tmp_path / "two.ipynb"))
    one.close(keep=True)
    again = attach(session="kernel-1.json", workspace=Workspace("", "one.ipynb", "notebook", str(tmp_path / "one.ipynb")))
    assert set(infos(again)) == {"two.ipynb"}
    assert [flow.name for flow in again.call("flows")] == ["shop"]


def test_1_a_restarted_kernel_takes_its_workspace_to_a_path_where_nobody_defined_anything(
    notebook: Callable[..., Client], tmp_path: Path
) -> None:
    one = notebook("one.ipynb", session="kernel-1.json")
    define(one, "shop", price="lambda x: x + 1")
    one.close(keep=True)
    (tmp_path / "two.ipynb").write_bytes((tmp_path / "one.ipynb").read_bytes())  # moved from another disk: nothing but the
    (tmp_path / "one.ipynb").unlink()  # kernel's session says that it is the same notebook
    watches = notebook("watch.ipynb")
    looked = notebook("two.ipynb")
    assert looked.call("flows") == []
    looked.close()
    until(lambda: not infos(watches).get("two.ipynb"), "the other client to be gone")
    assert [flow.name for flow in notebook("two.ipynb", session="kernel-1.json").call("flows")] == ["shop"]
    assert "one.ipynb" not in infos(watches)


def test_a_notebook_moved_to_where_another_one_was_takes_its_place(notebook: Callable[..., Client], tmp_path: Path) -> None:
    former, one = notebook("two.ipynb"), notebook("one.ipynb")
    define(former, "old", price="lambda x: x + 1")
    define(one, "shop", price="lambda x: x + 1")
    former.close()
    one.call("rename_workspace", source=str(tmp_path / "one.ipynb"), target=str(tmp_path / "two.ipynb"))
    assert [flow.name for flow in notebook("two.ipynb").call("flows")] == ["shop"]
    assert [info.gone for info in infos(one).values() if info.flows == ("old",)] == [True]


def test_definitions_survive_a_restart_with_their_notebook_alone(notebook: Callable[..., Client], processes: Processes) -> None:
    one, other = notebook("one.ipynb"), notebook("other.ipynb")
    define(one, "shop", price="lambda x: x + 1")
    define(other, "shop", price="lambda x: x - 1")
    ref = run(one, 1, flow="shop").ref
    one.close()
    other.close()
    processes.wait_gone()
    again, third = notebook("one.ipynb"), notebook("third.ipynb")
    assert [module.source for module in again.call("modules")] == ["lambda x: x + 1"]
    assert [info.ref for info in again.call("runs")] == [ref]
    assert third.call("flows") == third.call("runs") == []


def test_names_of_a_program_end_with_it(attach: Clients, notebook: Callable[..., Client]) -> None:
    stays = notebook("one.ipynb")
    program = attach("program", workspace=Workspace("", "python 1", "program", "1"))
    define(program, "shop", price="lambda x: x + 1")
    assert "python 1" in infos(stays)
    program.close()
    until(lambda: "python 1" not in infos(stays), "the workspace to end with its program")


def test_who_only_looks_sees_the_workspace_that_is_active_and_is_asked_where_there_are_several(
    attach: Clients, notebook: Callable[..., Client]
) -> None:
    one = notebook("one.ipynb")
    define(one, "shop", price="lambda x: x + 1")
    looks = attach("floe 1", looks=True)
    assert run(looks, 1, flow="shop").status == "done"
    define(notebook("other.ipynb"), "shop", price="lambda x: x + 1")
    with pytest.raises(UnknownName, match=r"which flow.*one.ipynb and other.ipynb have one: say whose it is, `--workspace"):
        looks.call("open_run", flow="shop")
    assert one.workspace is not None
    assert run(looks, 1, flow="shop", workspace=one.workspace.id).title == "one.ipynb"
    assert len(looks.call("runs")) == 2


def test_a_title_that_two_notebooks_share_is_asked_for_by_path(notebook: Callable[..., Client], tmp_path: Path) -> None:
    one, other, third = notebook("a/nb.ipynb"), notebook("b/nb.ipynb"), notebook("third.ipynb")
    define(one, "shop", price="lambda x: x + 1")
    define(other, "shop", price="lambda x: x - 1")
    assert len(infos(third)) == 3
    with pytest.raises(UnknownName, match=r"nb\.ipynb"):
        third.call("open_run", flow="shop")
    third.call("use", source=str(tmp_path / "b" / "nb.ipynb"))
    assert values_of(third, run(third, 1, flow="shop").ref) == [0]


def test_definitions_of_an_earlier_version_are_found_in_a_workspace_of_their_own(
    path: str, notebook: Callable[..., Client]
) -> None:
    store = os.path.join(data_directory(path), "store.sqlite")
    SqliteStore(store).close()
    database: Any = sqlite3.connect(store)
    for statement in (
        "DROP TABLE definitions",
        "DROP TABLE workspaces",
        "PRAGMA user_version = 1",
        (
            "CREATE TABLE definitions (kind TEXT, name TEXT, version INTEGER, body BLOB, "
            "PRIMARY KEY (kind, name, version)) WITHOUT ROWID"
        ),
        "DROP TABLE counters",
        "CREATE TABLE counters (flow TEXT PRIMARY KEY, number INTEGER) WITHOUT ROWID",
    ):
        database.execute(statement)
    from zlib import crc32

    for kind, value in (("module", Module("price", "lambda x: x + 1")), ("flow", Flow("shop", (Node("price", "price"),)))):
        body = msgspec.msgpack.encode(value)
        database.execute("INSERT INTO definitions VALUES (?, ?, 1, ?)", (kind, value.name, crc32(body).to_bytes(4, "big") + body))
    database.commit()
    database.close()
    client = notebook("one.ipynb")
    assert client.call("flows") == []
    assert infos(client)[EARLIER].flows == ("shop",)
    client.call("use", source=EARLIER)
    assert values_of(client, run(client, 1, flow="shop").ref) == [2]
    assert client.call("remove_workspace", workspace=EARLIER) == [EARLIER]
    assert EARLIER not in infos(client)
