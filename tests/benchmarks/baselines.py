"""What the machine can do without us: each function measures one minimal program and returns its figure."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from types import FunctionType
from typing import Any

from tests.benchmarks.flows import COUNT, SOURCE, TOUCH
from tests.benchmarks.programs import LENGTH, frames, records, write_all

HERE = Path(__file__).parent


def _python(*args: object, **kwargs: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, str(HERE / "programs.py"), *map(str, args)], **kwargs)


@contextmanager
def _fifos(n: int):
    with tempfile.TemporaryDirectory(prefix="floe-bench-") as directory:
        paths = [f"{directory}/p{i}" for i in range(n)]
        for path in paths:
            os.mkfifo(path)
        yield paths


def chain(count: int, *, middle: str = "python", frame: int = 64) -> float:
    """Messages a second through source -> stage -> sink, each its own process, frames of 64 as JSON."""
    with _fifos(2) as (a, b):
        stage = _python("stage", a, b) if middle == "python" else subprocess.Popen(["node", str(HERE / "stage.mjs"), a, b])
        end = _python("sink", b, stdout=subprocess.PIPE)
        start = _python("source", a, count, frame)
        out, _ = end.communicate(timeout=120)
        for process in (start, stage):
            process.wait(10)
    seconds, total = out.split()
    return float(total) / float(seconds)


def deque_scheduler(count: int) -> float:
    """Messages a second through the same three modules with a queue between each two, in one process.

    The functions and the record are those of our side; feeding, results, counts and errors are not part of it.
    """
    make, touch, count_up = map(_function, (SOURCE, TOUCH, COUNT))
    queues: list[deque[object]] = [deque(), deque(), deque()]
    stages = [(touch, *queues[0:2]), (count_up, *queues[1:3])]
    source = make(count)
    begin = time.perf_counter()
    while block := list(islice(source, 64)):
        queues[0].extend(block)
        ready = deque([0])
        while ready:
            at = ready.popleft()
            work, inputs, outputs = stages[at]
            for _ in range(min(64, len(inputs))):
                result = work(inputs.popleft())
                if result is not None:
                    outputs.append(result)
            if at == 0 and outputs:
                ready.append(1)
            if inputs:
                ready.append(at)
    seconds = time.perf_counter() - begin
    [end] = queues[2]
    assert end["n"] == count, end
    return count / seconds


def _function(source: str) -> Callable[..., Any]:
    names: dict[str, Any] = {}
    exec(source, names)
    return next(value for name, value in names.items() if type(value) is FunctionType)


def fan_out(runs: int, width: int = 100) -> float:
    """Runs a second: one message to *width* functions and a counter that waits for all of them."""
    nodes = [lambda message: message for _ in range(width)]
    done = 0
    begin = time.perf_counter()
    for run in range(runs):
        ready = deque((node, run) for node in nodes)
        arrived: list[object] = []
        while ready:
            node, message = ready.popleft()
            arrived.append(node(message))
            if len(arrived) == width:
                done += 1
    assert done == runs
    return runs / (time.perf_counter() - begin)


def fifo_round_trip(rounds: int = 2000) -> list[float]:
    """Seconds of each round trip of one record over two pipes."""
    body = b"[" + __import__("orjson").dumps(records(1)[0]) + b"]"
    with _fifos(2) as (a, b):
        process = _python("echo", a, b)
        out, inp = os.open(a, os.O_WRONLY), os.open(b, os.O_RDONLY)
        replies, times = frames(inp), []
        for _ in range(rounds):
            begin = time.perf_counter()
            write_all(out, LENGTH.pack(len(body)) + body)
            next(replies)
            times.append(time.perf_counter() - begin)
        os.close(out)
        process.wait(10)
        os.close(inp)
    return times


def zmq_round_trip(rounds: int = 2000) -> list[float]:
    """Seconds of each round trip of one record over ZeroMQ ipc."""
    import zmq

    body = b"[" + __import__("orjson").dumps(records(1)[0]) + b"]"
    with tempfile.TemporaryDirectory(prefix="floe-bench-") as directory:
        url = f"ipc://{directory}/z"
        process = _python("zmq_echo", url)
        socket = zmq.Context.instance().socket(zmq.DEALER)
        socket.connect(url)
        times = []
        for _ in range(rounds):
            begin = time.perf_counter()
            socket.send(body)
            socket.recv()
            times.append(time.perf_counter() - begin)
        socket.send(b"end")
        process.wait(10)
        socket.close(0)
    return times


def spawn_python(rounds: int = 7) -> float:
    """Median seconds from starting Python (with a codec) to its first reply."""
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        program = "import orjson, sys; sys.stdout.write('x'); sys.stdout.flush(); sys.stdin.read()"
        process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process.stdout.read(1)
        times.append(time.perf_counter() - begin)
        process.communicate()
    return statistics.median(times)


def numpy_sum(size: int = 100_000_000) -> float:
    """Median seconds to add up a float64 array of *size* bytes in this process."""
    import numpy as np

    array = np.ones(size // 8)
    times = []
    for _ in range(9):
        begin = time.perf_counter()
        array.sum()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def memory(command: list[str]) -> float:
    """MiB of private memory of a bare interpreter that waits."""
    import psutil

    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdout.read(1)
    size = psutil.Process(process.pid).memory_full_info().uss / 2**20
    process.communicate()
    return size


BARE_PYTHON = [sys.executable, "-c", "import sys; sys.stdout.write('x'); sys.stdout.flush(); sys.stdin.read()"]
BARE_NODE = ["node", "-e", "process.stdout.write('x'); process.stdin.resume()"]
