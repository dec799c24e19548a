"""The two ends of a channel, each a real runner; the test plays the dispatcher and the other end."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from floe_jupyter.core.machine.events import Inject
from floe_jupyter.core.messages import Batch, Buffer
from floe_jupyter.wire import leftovers, shared_memory
from floe_jupyter.wire.runner_messages import (
    CHANNEL_WINDOW,
    EndRuntime,
    InputTaken,
    KillRuntime,
    OutputTaken,
    RuntimeEnded,
    RuntimeInput,
    RuntimeOutput,
    RuntimePrinted,
    RuntimeReady,
    StartRuntime,
)
from floe_jupyter.wire.runtime.frames import (
    BatchHead,
    BufferHead,
    CallFrame,
    FromRuntime,
    LoadedFrame,
    LoadFrame,
    ReturnedFrame,
    ToRuntime,
)
from floe_jupyter.wire.runtime.packing import Unpacker, pack
from tests.runner.harness import RunnerProcess, flow_of, python

SIZE = 200 * 1024


class Channel:
    """Messages of one channel, taken from a runner by a test."""

    def __init__(self, runner: RunnerProcess, frames: Any, carrier: type) -> None:
        self.runner, self.told = runner, []
        self._unpacker, self._carrier = Unpacker(frames), carrier
        self.frames: list[tuple[Any, list[bytes]]] = []
        self._take, runner._take = runner._take, self.take  # type: ignore[method-assign]

    def take(self, message: Any) -> None:
        """Keep a message of a channel; leave the others to the harness."""
        if not hasattr(message, "channel"):
            self._take(message)
            return
        self.told.append(message)
        if isinstance(message, self._carrier):
            self.frames += self._unpacker.feed(message.data)

    def wait_for(self, kind: type) -> Any:
        """Return the first message of a kind."""
        self.runner.wait(lambda: any(isinstance(m, kind) for m in self.told), f"a {kind.__name__}")
        return next(m for m in self.told if isinstance(m, kind))

    def frame(self, kind: type) -> tuple[Any, list[bytes]]:
        """Return the first frame of a kind."""
        self.runner.wait(lambda: any(isinstance(head, kind) for head, _ in self.frames), f"a {kind.__name__}")
        return next((head, parts) for head, parts in self.frames if isinstance(head, kind))


def outpost(runner: RunnerProcess, source: str, memory: str = "") -> Channel:
    """Have a runner start a runtime for another machine, with a module loaded in slot 1."""
    channel = Channel(runner, FromRuntime, RuntimeOutput)
    module = python("m", source)
    runner.send(StartRuntime("c", "local:", module, memory=memory))
    runner.send(RuntimeInput("c", pack(LoadFrame(slot=1, node="m", module=module, state={}))))  # ahead of the process
    channel.frame(LoadedFrame)
    return channel


def call(channel: Channel, values: list[Any], number: int = 1) -> None:
    """Call slot 1."""
    payload = json.dumps(values).encode()
    channel.runner.send(
        RuntimeInput("c", pack(CallFrame(call=number, slot=1, port="in", batch=BatchHead(len(values), 1)), [payload]))
    )


MAKE = f"def m(n):\n    return bytes([n]) * {SIZE}\n"


def made(directory: str = "/dev/shm") -> list[str]:
    """Return the segments of living runtimes' runners that this test sees."""
    return [name for name in os.listdir(directory) if name.startswith(f"floe-{os.getpid()}-")]


def test_a_runtime_for_a_home_on_the_same_machine_names_segments_and_one_for_another_puts_buffers_into_frames(
    runner: RunnerProcess,
):
    channel = outpost(runner, MAKE, memory=shared_memory.identity())
    assert channel.wait_for(RuntimeReady).same_memory
    call(channel, [7])
    head, parts = channel.frame(ReturnedFrame)
    [buffer] = head.outputs[0].batch.buffers
    assert (buffer.size, len(parts)) == (SIZE, 1)
    assert shared_memory.view(buffer.segment, SIZE) == bytes([7]) * SIZE
    runner.send(EndRuntime("c"))


def test_a_runtime_for_a_home_on_another_machine_puts_its_buffers_into_the_frames(runner: RunnerProcess):
    channel = outpost(runner, MAKE, memory="another machine")
    assert not channel.wait_for(RuntimeReady).same_memory
    call(channel, [7])
    head, parts = channel.frame(ReturnedFrame)
    assert [(b.size, b.segment) for b in head.outputs[0].batch.buffers] == [(SIZE, "")]
    assert parts[1] == bytes([7]) * SIZE
    runner.send(EndRuntime("c"))


def test_an_outpost_stops_reading_when_its_home_takes_nothing_and_goes_on_when_it_does(runner: RunnerProcess):
    channel = outpost(runner, "def m(n):\n    for _ in range(40):\n        yield 'x' * 1_000_000\n", memory="another machine")
    call(channel, [0])
    runner.wait(lambda: output(channel) >= CHANNEL_WINDOW, "a full window")
    runner.ask("listRuntimes")
    assert output(channel) < CHANNEL_WINDOW + 512 * 1024, "at most one read above the window"
    taken = 0
    while not any(isinstance(head, ReturnedFrame) and head.end for head, _ in channel.frames):
        fresh = output(channel) - taken
        if fresh:
            runner.send(OutputTaken("c", fresh))
            taken += fresh
        runner.pump(0.2)
    assert sum(len(o.batch and json.loads(p[0])) for h, p in channel.frames for o in getattr(h, "outputs", ())) >= 1
    runner.send(EndRuntime("c"))


def output(channel: Channel) -> int:
    """Return the bytes of output until now."""
    return sum(len(m.data) for m in channel.told if isinstance(m, RuntimeOutput))


def test_an_outpost_tells_what_its_runtimes_take_print_and_how_they_end(runner: RunnerProcess):
    channel = outpost(runner, "import os\ndef m(v):\n    os.write(2, b'past the module\\n')\n    return len(v)\n")
    for number in range(1, 4):
        call(channel, ["x" * 1_000_000], number)
    runner.wait(lambda: sum(m.n for m in channel.told if isinstance(m, InputTaken)) >= 1_000_000, "credit")
    assert "past the module" in channel.wait_for(RuntimePrinted).text
    runner.send(KillRuntime("c", "enough"))
    ended = channel.wait_for(RuntimeEnded)
    assert ended.cause.startswith("enough")
    assert not ended.outside
    assert not ended.refused


def test_a_home_puts_the_buffers_of_messages_into_frames_for_an_outpost_on_another_machine(runner: RunnerProcess):
    channel = Channel(runner, ToRuntime, RuntimeInput)
    runner.open(flow_of("m", m={"runner": "local:far"}), [python("m", MAKE)])
    start = channel.wait_for(StartRuntime)
    assert (start.runner, start.memory) == ("local:far", shared_memory.identity())
    runner.send(RuntimeReady(start.channel, 1, "3", same_memory=False))
    load, _ = channel.frame(LoadFrame)
    runner.send(RuntimeOutput(start.channel, pack(LoadedFrame(slot=load.slot))))
    name = shared_memory.create(b"z" * SIZE, leftovers.maker())
    batch = Batch(b'[{"$floe":["bytes",0]}]', 1, 1, None, None, True, (Buffer(SIZE, None, name),), (1,))
    runner.send_event(Inject("m", batch, "in", None, close=True))
    head, parts = channel.frame(CallFrame)
    assert head.batch.buffers == [BufferHead(SIZE)]
    assert parts[1] == b"z" * SIZE
    runner.send(RuntimeOutput(start.channel, pack(ReturnedFrame(call=head.call, consumed=1, end=True))))
    runner.wait(lambda: 1 in runner.ended, "the end of the run")
    assert runner.ended[1].status == "done"
    runner.wait(lambda: not Path("/dev/shm", name).exists(), "the release of the message's memory")


def test_a_home_holds_frames_back_when_an_outpost_takes_nothing(runner: RunnerProcess):
    channel = Channel(runner, ToRuntime, RuntimeInput)
    runner.open(flow_of("m", m={"runner": "local:far"}), [python("m", MAKE)])
    start = channel.wait_for(StartRuntime)
    runner.send(RuntimeReady(start.channel, 1, "3"))
    load, _ = channel.frame(LoadFrame)
    runner.send(RuntimeOutput(start.channel, pack(LoadedFrame(slot=load.slot))))
    for n in range(12):
        runner.send_event(Inject("m", Batch(json.dumps(["y" * 2_000_000]).encode(), 1, 1), "in", n))
    runner.wait(lambda: sent(channel) >= CHANNEL_WINDOW, "a full window")
    runner.ask("listRuntimes")
    assert sent(channel) == CHANNEL_WINDOW
    runner.send(InputTaken(start.channel, CHANNEL_WINDOW))
    runner.wait(lambda: sent(channel) == 2 * CHANNEL_WINDOW, "the next bytes")
    runner.send(RuntimeEnded(start.channel, "gone", outside=True))
    channel.told.clear()
    again = channel.wait_for(StartRuntime)
    assert again.channel != start.channel


def sent(channel: Channel) -> int:
    """Return the bytes of input until now."""
    return sum(len(m.data) for m in channel.told if isinstance(m, RuntimeInput))
