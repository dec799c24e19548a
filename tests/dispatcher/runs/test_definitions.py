"""Definitions and their versions, and what running flows make of new ones."""

from __future__ import annotations

import pytest

from floe_jupyter.core.flow.model import Flow, Module, Node, Place, Wire
from floe_jupyter.errors import DefinitionError, UnknownName
from floe_jupyter.wire.client.client import Client
from tests.dispatcher.kit import batch, define, run, until

DOUBLE = Module("double", "lambda x: 2 * x")


def test_the_first_version_is_1_and_every_change_is_the_next(client: Client) -> None:
    answers = [client.call("define", module=Module("clean", source)) for source in ("a", "a", "b", "a")]
    assert [(a["version"], a["changed"]) for a in answers] == [(1, True), (1, False), (2, True), (3, True)]


@pytest.mark.parametrize("field", [{"deps": ("numpy",)}, {"outputs": ("out", "bad")}, {"state": '{"n":1}'}, {"lang": "js"}])
def test_a_change_of_anything_is_a_change(client: Client, field: dict[str, object]) -> None:
    client.call("define", module=Module("clean", "x"))
    assert client.call("define", module=Module("clean", "x", **field))["version"] == 2  # type: ignore[arg-type]


def test_the_same_cell_run_again_is_no_change_but_errors_point_to_the_new_place(client: Client) -> None:
    client.call("define", module=Module("clean", "x", place=Place(cell=3)))
    assert not client.call("define", module=Module("clean", "x", place=Place(cell=7)))["changed"]
    assert client.call("modules")[0].place.cell == 7


def test_whatever_version_is_given_the_dispatcher_counts(client: Client) -> None:
    assert client.call("define", module=Module("clean", "x", version=17))["version"] == 1


def test_a_running_flow_is_updated_and_says_so(client: Client) -> None:
    define(client, double="lambda x: 2 * x")
    started = client.call("start")
    answer = client.call("define", module=Module("double", "lambda x: 3 * x"))
    assert (answer["updated"], answer["refused"]) == ([started["instance"]], [])
    assert client.call("request", batch=batch(5))[1][0].batch.payload == b"[15]"


def test_a_version_that_does_not_load_leaves_the_old_one_running(client: Client) -> None:
    define(client, double="lambda x: 2 * x")
    client.call("start")
    answer = client.call("define", module=Module("double", "refuse"))
    assert (answer["updated"], [f.message for f in answer["refused"]]) == ([], ["SyntaxError: no"])
    assert client.call("request", batch=batch(5))[1][0].batch.payload == b"[10]"


def test_a_module_that_loses_a_port_tells_which_flows_no_longer_fit(client: Client) -> None:
    flow = define(client, double="lambda x: 2 * x", inc="lambda x: x + 1")
    answer = client.call("define", module=Module("double", "lambda x: x", outputs=("outt",)))
    [text] = answer["unfit"]
    assert text.startswith(f"flow '{flow.name}': ")
    assert "'out'" in text
    assert "outt" in text
    assert client.call("define", module=Module("double", "lambda x: x"))["unfit"] == []


def test_a_flow_that_runs_is_rewired(client: Client) -> None:
    flow = define(client, double="lambda x: 2 * x", inc="lambda x: x + 1")
    started = client.call("start")
    shorter = Flow("co2", flow.nodes[:1])
    answer = client.call("define_flow", flow=shorter)
    assert (answer["version"], answer["updated"]) == (2, [started["instance"]])
    assert client.call("request", batch=batch(5))[1][0].batch.payload == b"[10]"


def test_a_flow_of_modules_that_are_not_defined_is_refused(client: Client) -> None:
    client.call("define", module=DOUBLE)
    with pytest.raises(DefinitionError, match="no module 'duoble'; did you mean 'double'"):
        client.call("define_flow", flow=Flow("f", (Node("a", "duoble"),)))


def test_a_wire_to_nowhere_is_refused(client: Client) -> None:
    client.call("define", module=DOUBLE)
    with pytest.raises(DefinitionError, match="no node 'duoble'"):
        client.call("define_flow", flow=Flow("f", (Node("double", "double"),), (Wire("double", "duoble"),)))


@pytest.mark.parametrize(
    ("module", "match"),
    [
        (Module("Über alles", "x"), "cannot be the name of a module"),
        (Module("../../etc", "x"), "cannot be the name of a module"),
        (Module("m", "x", lang="pyhton"), "no language 'pyhton'; did you mean 'python'"),
        (Module("m", "x", state="[1]"), "its state must be a JSON object"),
        (Module("m", "x", outputs=("out", "BAD!")), "cannot be the name of a port"),
    ],
)
def test_a_module_that_cannot_be_right_is_refused(client: Client, module: Module, match: str) -> None:
    with pytest.raises(DefinitionError, match=match):
        client.call("define", module=module)
    assert client.call("modules") == []


def test_a_flow_without_nodes_is_refused(client: Client) -> None:
    with pytest.raises(DefinitionError, match="has no nodes"):
        client.call("define_flow", flow=Flow("f"))


def test_a_flow_that_is_unknown_is_an_error_with_the_nearest(client: Client) -> None:
    define(client, double="lambda x: 2 * x")
    with pytest.raises(UnknownName, match="no flow, instance or run 'co3'; did you mean 'co2'"):
        client.call("open_run", flow="co3")


def test_the_only_flow_is_meant_when_none_is_named(client: Client) -> None:
    define(client, double="lambda x: 2 * x")
    assert run(client, 1).flow == "co2"


def test_definitions_are_announced(client: Client) -> None:
    seen: list[object] = []
    client.subscribe("defined/", lambda topic, value: seen.append(value))
    n = 0

    def announced() -> bool:
        nonlocal n
        n += 1
        client.call("define", module=Module("clean", str(n)))
        return bool(seen)

    until(announced, "an announcement")
    assert seen[0] == {"kind": "module", "name": "clean", "version": seen[0]["version"], "workspace": client.workspace.id}  # type: ignore[index]


def test_dependencies_are_a_new_version_of_their_module(client: Client) -> None:
    client.call("define", module=DOUBLE)
    assert client.call("deps", action="add", module="double", specs=["numpy", "pandas"])["version"] == 2
    assert client.call("deps")[0]["deps"] == ["numpy", "pandas"]
    assert client.call("deps", action="remove", module="double", specs=["numpy"])["version"] == 3
    assert client.call("modules")[0].deps == ("pandas",)
    with pytest.raises(UnknownName, match="no dependency of double 'pnadas'; did you mean 'pandas'"):
        client.call("deps", action="remove", module="double", specs=["pnadas"])
    with pytest.raises(DefinitionError, match="no action 'lits'; did you mean 'list'"):
        client.call("deps", action="lits")
