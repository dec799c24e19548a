"""The work for one node does not grow with the number of nodes: counted in executed lines, which no busy machine changes."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from types import FrameType
from typing import Any

import msgspec
import pytest

from floe_jupyter.core.flow.check import check
from floe_jupyter.core.flow.model import Flow, Node, Wire
from floe_jupyter.core.machine import events as ev
from floe_jupyter.core.machine.machine import Machine
from floe_jupyter.core.messages import Batch
from floe_jupyter.core.notation.parser import parse
from tests import shapes

FEW, MANY = 60, 240
MORE = 1.35
"""How much more the work for one node may be among many than among few: some of it is logarithmic."""
LIMIT = 400_000


class Shell:
    """One machine whose modules all live in one runtime, which does at once what it is told."""

    def __init__(self, flow: Flow, *, fusable: bool = True, **options: Any) -> None:
        self.flow, self.fusable = flow, fusable
        self.machine = Machine(flow, shapes.modules(), **options)
        self.todo: deque[Callable[[], ev.Event]] = deque()
        self.said: list[ev.Command] = []

    def handle(self, event: ev.Event) -> Shell:
        for command in self.machine.handle(event):
            self.said.append(command)
            self._carry_out(command)
        return self

    def _carry_out(self, command: ev.Command) -> None:
        match command:
            case ev.Load(node=node, worker=worker, module=module):
                self.todo.append(lambda: ev.Loaded(node, worker, module.version, "one", self.fusable, self.fusable))
            case ev.Activate(node=node, worker=worker, version=version):
                self.todo.append(lambda: ev.Activated(node, worker, version, {}))
            case ev.Route(node=node, worker=worker):
                self.todo.append(lambda: ev.Routed(node, worker))
            case ev.Call():
                self.todo.append(lambda: self._answer(command))

    def _answer(self, call: ev.Call) -> ev.Event:
        port = "x" if call.node.startswith("r") else "out"
        return ev.Returned(call.call, call.batch.n, (ev.Output(call.node, port, call.batch),), end=True)

    def settle(self) -> Shell:
        for _ in range(LIMIT):
            if not self.todo:
                return self
            self.handle(self.todo.popleft()())
        raise AssertionError("still busy")

    def start(self) -> Shell:
        return self.handle(ev.Start())

    def send(self) -> Shell:
        return self.handle(ev.Inject(shapes.entry(self.flow), Batch(b"[1]", 1, run=1), close=True))

    def count(self, kind: type) -> int:
        return sum(isinstance(command, kind) for command in self.said)


def lines(work: Callable[[], Any]) -> int:
    """How many lines of our code are executed."""
    counted = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal counted
        counted += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return counted


def is_linear(prepare: Callable[[int], Callable[[], Any]]) -> None:
    """The work that *prepare* returns for so many nodes is the same for each of them."""
    few, many = lines(prepare(FEW)) / FEW, lines(prepare(MANY)) / MANY
    assert many <= few * MORE, f"{few:.0f} lines a node among {FEW}, {many:.0f} among {MANY}"


every_shape = pytest.mark.parametrize("shape", shapes.SHAPES.values(), ids=shapes.SHAPES)


@every_shape
@pytest.mark.parametrize("debug", [False, True])
def test_A5_B6_a_flow_starts_and_ends_at_the_same_cost_for_each_node(shape: Callable[[int], Flow], debug: bool) -> None:
    is_linear(lambda n: lambda: Shell(shape(n), debug=debug).start().send().settle())


@every_shape
def test_A5_loading_orders_each_local_route_at_most_once_a_wire(shape: Callable[[int], Flow]) -> None:
    flow = shape(MANY)
    shell = Shell(flow).start().settle()
    assert shell.count(ev.Load) == len(flow.nodes)
    assert shell.count(ev.Route) <= len(flow.wires)
    assert [w.sent for w in shell.machine.view().wires] == [0] * len(flow.wires)


@every_shape
def test_A5_a_message_that_came_first_changes_nothing_about_the_end(shape: Callable[[int], Flow]) -> None:
    for shell in (Shell(shape(MANY)).start().send().settle(), Shell(shape(MANY)).start().settle().send().settle()):
        assert [c.status for c in shell.said if isinstance(c, ev.Ended)] == ["done"]
        shell.machine.check()


@every_shape
@pytest.mark.parametrize("debug", [False, True])
def test_a_run_that_is_cancelled_at_once_and_the_stop_of_its_flow(shape: Callable[[int], Flow], debug: bool) -> None:
    def prepare(n: int) -> Callable[[], Any]:
        shell = Shell(shape(n), debug=debug).start().send()
        return lambda: shell.handle(ev.CancelRun(1)).handle(ev.Stop())

    is_linear(prepare)


def more_of(flow: Flow) -> Flow:
    """The same with one node more, behind the last."""
    last = flow.nodes[-1].id
    return msgspec.structs.replace(flow, nodes=(*flow.nodes, Node("more", "pass_on")), wires=(*flow.wires, Wire(last, "more")))


@every_shape
def test_a_flow_that_is_up_gets_one_node_more_and_loses_all_others(shape: Callable[[int], Flow]) -> None:
    def prepare(n: int) -> Callable[[], Any]:
        shell = Shell(shape(n)).start().settle()
        bigger = more_of(shell.flow)
        smaller = msgspec.structs.replace(bigger, nodes=bigger.nodes[-1:], wires=())
        return lambda: [
            shell.handle(ev.Rewire(f, tuple(shapes.modules().values()), token="w")).settle() for f in (bigger, smaller)
        ]

    is_linear(prepare)


@every_shape
def test_a_module_that_all_nodes_use_gets_a_new_version(shape: Callable[[int], Flow]) -> None:
    def prepare(n: int) -> Callable[[], Any]:
        shell = Shell(shape(n)).start().settle()
        version = msgspec.structs.replace(shapes.modules()["pass_on"], version=2)
        return lambda: shell.handle(ev.Update(version, token="u")).settle()

    is_linear(prepare)


@every_shape
def test_debugging_goes_on_and_off_while_messages_are_on_their_way(shape: Callable[[int], Flow]) -> None:
    def prepare(n: int) -> Callable[[], Any]:
        shell = Shell(shape(n)).start().settle().send()
        return lambda: shell.handle(ev.Debug(token=1)).handle(ev.Debug(on=False, token=2)).settle()

    is_linear(prepare)


@every_shape
def test_the_runtime_of_all_nodes_dies(shape: Callable[[int], Flow]) -> None:
    def prepare(n: int) -> Callable[[], Any]:
        shell = Shell(shape(n)).start().settle()
        return lambda: shell.handle(ev.RuntimeLost("one", "killed")).settle()

    is_linear(prepare)


@every_shape
def test_no_node_loads(shape: Callable[[int], Flow]) -> None:
    def prepare(n: int) -> Callable[[], Any]:
        shell = Shell(shape(n), debug=True).start().send()
        failed = [ev.LoadFailed(node.id, 0, 1, ev.Failure(node.id, "no", "load")) for node in shell.flow.nodes]
        return lambda: [shell.handle(event) for event in failed]

    is_linear(prepare)


@every_shape
def test_the_view_of_a_flow_and_what_waits(shape: Callable[[int], Flow]) -> None:
    def prepare(n: int) -> Callable[[], Any]:
        shell = Shell(shape(n)).start().settle()
        for node in shell.flow.nodes:
            shell.handle(ev.Break(f"b-{node.id}", node.id, token=1))
        return lambda: (shell.machine.view(), shell.machine.held())

    is_linear(prepare)


@every_shape
def test_wires_without_room_hold_back_what_feeds_them(shape: Callable[[int], Flow]) -> None:
    """No wire has room for a second message, and nothing is carried inside a runtime."""

    few = Shell(shape(FEW), fusable=False, wire_messages=1).start().send().settle()
    assert [c.status for c in few.said if isinstance(c, ev.Ended)] == ["done"]
    is_linear(lambda n: (lambda shell: lambda: shell.start().send().settle())(Shell(shape(n), fusable=False, wire_messages=1)))


# --- before it runs ----------------------------------------------------------------------------------------------------------


def text_of(flow: Flow) -> str:
    """The notation of a flow."""
    names = [f"{n.id} = {n.module}(join={n.join})" if n.join != "each" else f"{n.id} = {n.module}()" for n in flow.nodes]
    wires = [f"{w.source}.{w.source_port} -> {w.target}.{w.target_port}" for w in flow.wires]
    return "\n".join([*names, *wires])


@every_shape
def test_a_flow_is_read_and_checked(shape: Callable[[int], Flow]) -> None:
    is_linear(lambda n: (lambda text: lambda: parse(text, "f", modules=shapes.modules()))(text_of(shape(n))))
    is_linear(lambda n: (lambda flow: lambda: check(flow, shapes.modules()))(shape(n)))
