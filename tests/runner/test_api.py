"""Every call of the Runner API, against a real runner."""

from __future__ import annotations

import msgspec
import pytest

from floe_jupyter.core.machine.events import Break
from floe_jupyter.runner.api.calls import CALLS
from tests.runner.harness import RunnerProcess, flow_of, python
from tests.runner.test_environments import wheel

MODULES = [python("add", "def add(m):\n    return m + 1\n"), python("double", "def double(m):\n    return m * 2\n")]


def plain(value):
    return msgspec.to_builtins(value)


def add(runner: RunnerProcess, name: str = "f") -> None:
    flow = plain(flow_of("add -> double", name))
    assert runner.ask("addOrUpdateFlow", flow=flow, modules=plain(MODULES)) is True


def start(runner: RunnerProcess, name: str = "f", **more) -> None:
    add(runner, name)
    assert runner.ask("startFlow", flowId=name, **more) is True
    runner.wait(lambda: sum(n.kind == "loaded" for n in runner.notices) >= 2, "the modules")


def held(runner: RunnerProcess, instance: str = "f") -> list[dict]:
    return runner.ask("held", instance)


def hold_one(runner: RunnerProcess, value: int = 5) -> str:
    """Stop a message in front of `double`; its id."""
    runner.ask("setBreakPointAtModule", flowModuleId="f/double")
    runner.ask("inject", flowModuleId="f/add", value=value)
    runner.wait(lambda: bool(held(runner)), "a held message")
    [message] = held(runner)
    return message["id"]


def test_every_call_has_a_test_and_documentation():
    with open(__file__, encoding="utf-8") as file:
        text = file.read()
    assert [name for name in CALLS if f'"{name}"' not in text] == []
    assert [name for name, (struct, _) in CALLS.items() if "Returns" not in (struct.__doc__ or "")] == []


def test_a_flow_is_added_started_fed_stopped_and_removed(runner):
    start(runner)
    assert runner.ask("startFlow", flowId="f") is False
    assert runner.ask("inject", flowModuleId="f/add", value=20) == {"run": 1}
    runner.wait(lambda: 1 in runner.ended, "the end of the injected message's run")
    assert runner.values() == [42]
    assert runner.ask("stopFlow", flowId="f") is True
    runner.wait(lambda: runner.ask("stopFlow", flowId="f") is False, "the end of the flow")
    assert runner.ask("removeFlow", flowId="f") is True
    assert runner.ask("removeFlow", flowId="f") is False
    with pytest.raises(AssertionError, match="no flow 'f'"):
        runner.ask("startFlow", flowId="f")


def test_a_running_flow_is_updated_in_place(runner):
    start(runner)
    flow = plain(flow_of("add -> double -> last", "f"))
    more = plain([python("last", "def last(m):\n    return -m\n")])
    assert runner.ask("addOrUpdateFlow", flow=flow, modules=more) is True
    assert runner.ask("addOrUpdateFlow", flow=flow, modules=more) is False
    assert runner.run("add", [1], run=9, instance="f") == [-4]


def test_list_runtimes_and_the_flows_of_one(runner):
    start(runner)
    [runtime] = [r for r in runner.ask("listRuntimes") if r["nodes"]]
    assert (runtime["name"], runtime["lang"], runtime["environment"], runtime["status"]) == (
        "Python",
        "python",
        "default",
        "ready",
    )
    assert runtime["memory"] > 1_000_000
    found = runner.ask("listFlowsForRuntime", runtimeId=runtime["id"])
    assert found == [{"id": "f", "flow": "f", "version": 1, "status": "started", "nodes": ["add", "double"]}]


def test_breakpoints_are_set_listed_and_removed(runner):
    start(runner)
    assert runner.ask("setBreakPointAtModule", flowModuleId="f/double", when="msg > 10") is True
    assert runner.ask("setBreakPointAtModule", flowModuleId="f/double", when="msg > 10") is False
    [listed] = runner.ask("listBreakPoints")
    assert (listed["flow"], listed["node"], listed["when"]) == ("f", "double", "msg > 10")
    runner.ask("inject", flowModuleId="add", value=1)
    runner.wait(lambda: runner.values() == [4], "a message that the breakpoint lets through")
    runner.ask("inject", flowModuleId="add", value=100)
    runner.wait(lambda: bool(held(runner)), "a message that it holds")
    assert runner.ask("setBreakPointAtModule", flowModuleId="f/double", when="msg > 10") is False, "hits do not count"
    assert runner.ask("removeBreakPointAtModule", flowModuleId="f/double") is True
    assert runner.ask("removeBreakPointAtModule", flowModuleId="f/double") is False
    assert runner.ask("listBreakPoints", flowId="f") == []


def test_a_breakpoint_may_be_set_before_the_flow_is_started(runner):
    add(runner)
    assert [runner.ask("setBreakPointAtModule", flowModuleId=node) for node in ("f/double", "f/double", "f/add")] == [
        True,
        False,
        True,
    ]
    assert [runner.ask("removeBreakPointAtModule", flowModuleId="f/add") for _ in range(2)] == [True, False]
    assert runner.ask("stopFlow", flowId="f") is False
    runner.ask("startFlow", flowId="f")
    assert [b["node"] for b in runner.ask("listBreakPoints", flowId="f")] == ["double"]
    with pytest.raises(AssertionError, match="did you mean 'double'"):
        runner.ask("setBreakPointAtModule", flowModuleId="f/duble")


def test_a_single_step_gives_every_module_one_message(runner):
    start(runner)
    runner.ask("pauseFlow", flowId="f")
    runner.ask("inject", flowModuleId="f/add", value=1)
    runner.ask("inject", flowModuleId="f/add", value=2)
    first = runner.ask("singleStepFlow", flowId="f")
    assert first == {"add": {"inputStates": {"in": 1}, "outputStates": {"out": [2]}, "errors": []}}
    second = runner.ask("singleStepFlow")
    assert set(second) == {"add", "double"}
    assert second["double"]["outputStates"] == {"out": [4]}
    runner.ask("continueFlow", flowId="f")
    runner.wait(lambda: runner.values() == [4, 6], "the rest")


def test_a_single_step_without_a_flow_steps_every_flow_and_names_each_module_with_its_flow(runner):
    for name, loaded in (("f", 2), ("g", 4)):
        add(runner, name)
        runner.ask("startFlow", flowId=name)
        runner.wait(lambda n=loaded: sum(notice.kind == "loaded" for notice in runner.notices) >= n, "the modules")
        runner.ask("pauseFlow", flowId=name)
        runner.ask("inject", flowModuleId=f"{name}/add", value=1)
    step = {"inputStates": {"in": 1}, "outputStates": {"out": [2]}, "errors": []}
    assert runner.ask("singleStepFlow") == {"f/add": step, "g/add": step}
    runner.ask("continueFlow")
    runner.wait(lambda: runner.values() == [4, 4], "the rest of both flows")
    assert runner.ask("pauseFlow") is None
    assert {view["paused"] for view in runner.ask("subscribe").values()} == {True}


def test_a_step_of_a_runner_without_flows_is_empty(runner):
    assert (runner.ask("singleStepFlow"), runner.ask("pauseFlow"), runner.ask("continueFlow")) == ({}, None, None)


def test_a_held_message_is_edited(runner):
    start(runner)
    found = hold_one(runner)
    assert runner.ask("edit", flowId="f", id=found, value=50)["value"] == 50
    runner.ask("continueFlow")
    runner.wait(lambda: runner.values() == [100], "the edited message")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_json_would_change_is_refused_where_it_comes_in(runner, value):
    start(runner)
    found = hold_one(runner)
    for args in ({"flowModuleId": "f/add", "value": value}, {"flowId": "f", "id": found, "value": value}):
        with pytest.raises(AssertionError, match="cannot become a message"):
            runner.ask("inject" if "flowModuleId" in args else "edit", **args)


def test_a_held_message_is_dropped(runner):
    start(runner)
    found = hold_one(runner)
    runner.ask("drop", flowId="f", id=found)
    assert held(runner) == []
    assert runner.values() == []


def test_dependencies_are_listed_added_and_removed_without_a_restart_of_others(runner, tmp_path):
    spec = wheel(tmp_path, "tiny", "1.0", "v = 1")
    start(runner)
    assert [d["deps"] for d in runner.ask("listDependencies", flowId="f")] == [[], []]
    before = {n: r["pid"] for r in runner.ask("listRuntimes") for n in r["nodes"]}
    added = runner.ask("addDependency", flowModuleId="f/double", spec=spec, limit=50)
    assert added["deps"] == [spec]
    assert "--hash=sha256:" in added["lock"]
    after = {n: r["pid"] for r in runner.ask("listRuntimes") for n in r["nodes"]}
    assert before["f/add"] == after["f/add"]
    assert before["f/double"] != after["f/double"]
    assert runner.run("add", [1], run=9, instance="f") == [4]
    assert runner.ask("removeDependency", flowModuleId="f/double", spec=spec)["deps"] == []
    with pytest.raises(AssertionError, match="no dependency 'nothing'"):
        runner.ask("removeDependency", flowModuleId="f/double", spec="nothing")


def test_a_dependency_that_cannot_be_installed_leaves_the_module_running(runner, tmp_path):
    start(runner)
    spec = f"nowhere @ file://{tmp_path}/nowhere-1.0-py3-none-any.whl"
    with pytest.raises(AssertionError, match="cannot install nowhere"):
        runner.ask("addDependency", flowModuleId="f/double", spec=spec, limit=50)
    assert [d["deps"] for d in runner.ask("listDependencies", flowId="f")] == [[], []]
    assert runner.run("add", [1], run=9, instance="f") == [4]


def test_3_dependencies_of_modules_are_locked_and_listed_while_nothing_runs(runner, tmp_path):
    used = python("used", "def used(v):\n    return v\n", deps=(wheel(tmp_path, "tiny", "1.0", "v = 1"),))
    bare = python("bare", "def bare(v):\n    return v\n")
    modules = plain([used, bare])
    assert [(d["module"], d["lock"], d["locked"]) for d in runner.ask("listDependencies", modules=modules)] == [
        ("used", "", []),
        ("bare", "", []),
    ]
    locks = runner.ask("lockDependencies", modules=modules, limit=50)
    assert list(locks) == ["used"]
    assert "--hash=sha256:" in locks["used"]
    [found, _] = runner.ask("listDependencies", modules=modules)
    assert (found["lock"], found["locked"]) == (locks["used"], [used.deps[0]])
    assert runner.ask("lockDependencies", modules=modules[1:]) == {}


def test_3_dependencies_that_cannot_be_locked_are_named_with_their_module(runner, tmp_path):
    nowhere = python("m", "def m(v):\n    return v\n", deps=(f"nowhere @ file://{tmp_path}/nowhere-1.0-py3-none-any.whl",))
    with pytest.raises(AssertionError, match="module 'm': cannot install nowhere"):
        runner.ask("lockDependencies", modules=plain([nowhere]), limit=50)


def test_subscribe_gives_the_views_and_more_follow(runner):
    start(runner)
    views = runner.ask("subscribe")
    assert [node["id"] for node in views["f"]["nodes"]] == ["add", "double"]
    seen = runner.seen
    runner.ask("inject", flowModuleId="f/add", value=1)
    runner.wait(lambda: runner.seen > seen and runner.views["f"].results == 1, "a newer view")


@pytest.mark.parametrize(
    ("call", "args", "said"),
    [
        ("listRuntime", {}, "did you mean 'listRuntimes'"),
        ("startFlow", {"flow": "f"}, "no argument of startFlow, 'flow'; did you mean 'flowId'"),
        ("startFlow", {"flowId": 5}, "Expected `str`, got `int`"),
        ("stopFlow", {"flowId": "x"}, "no running flow 'x'"),
        ("listFlowsForRuntime", {"runtimeId": "x"}, "no runtime 'x'"),
        ("inject", {"flowModuleId": "x/y"}, "no running flow 'x'"),
    ],
)
def test_a_wrong_call_is_answered_with_what_to_do(runner, call, args, said):
    with pytest.raises(AssertionError) as error:
        runner.ask(call, **args)
    assert said in str(error.value)


def test_questions_about_an_instance_are_answered_and_unknown_ones_named(runner):
    runner.open(flow_of("add -> double"), MODULES)
    runner.request(lambda t: Break("b", "double", token=t))
    runner.feed("add", [1])
    runner.wait(lambda: bool(held(runner, "i")), "a held message")
    [message] = held(runner, "i")
    assert runner.ask("view", "i")["held"] == 1
    assert [b["id"] for b in runner.ask("breaks", "i")] == ["b"]
    assert [r["node"] for r in runner.ask("history", "i", limit=10)] == ["add"]
    assert runner.ask("dead", "i") == []
    assert runner.ask("states", "i") == {"add": {}, "double": {}}
    assert runner.ask("at", "i", id=message["id"])[0] == "double"
    with pytest.raises(AssertionError, match="did you mean 'view'"):
        runner.ask("viev", "i")
    with pytest.raises(AssertionError, match="it takes node, limit"):
        runner.ask("history", "i", nodes="x")
