"""The minimal programs of the baselines, each run as a process of its own: ``python programs.py NAME ARGUMENTS``.

They do what a stage must do at least (read a frame, decode it, touch it, encode it, write it) and nothing else.
"""

from __future__ import annotations

import os
import struct
import sys
import time

LENGTH = struct.Struct("<I")


def records(n: int, start: int = 0) -> list[dict[str, object]]:
    """*n* objects of about 120 bytes of JSON."""
    return [
        {
            "id": i,
            "ts": "2026-11-21T04:00:00Z",
            "ppm": 412.25,
            "site": "MLO",
            "ok": True,
            "note": "a plain text value",
            "n": i * 3,
        }
        for i in range(start, start + n)
    ]


def write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def frames(fd: int):
    """The bodies of length-prefixed frames, until the pipe ends."""
    pending = b""
    while True:
        while len(pending) >= 4 and len(pending) - 4 >= LENGTH.unpack_from(pending)[0]:
            size = LENGTH.unpack_from(pending)[0]
            yield pending[4 : 4 + size]
            pending = pending[4 + size :]
        data = os.read(fd, 131072)
        if not data:
            return
        pending += data


def source(out: str, count: str, frame: str) -> None:
    import orjson

    fd = os.open(out, os.O_WRONLY)
    for start in range(0, int(count), int(frame)):
        body = orjson.dumps(records(int(frame), start))
        write_all(fd, LENGTH.pack(len(body)) + body)


def stage(inp: str, out: str) -> None:
    """Decode, touch, encode; a message is a dictionary as users' functions get it."""
    import orjson

    i, o = os.open(inp, os.O_RDONLY), os.open(out, os.O_WRONLY)
    for frame in frames(i):
        result = []
        for message in orjson.loads(frame):
            message["n"] += 1
            result.append(message)
        body = orjson.dumps(result)
        write_all(o, LENGTH.pack(len(body)) + body)


def sink(inp: str) -> None:
    """Count; print seconds from the first frame to the last and the number of messages."""
    import orjson

    fd = os.open(inp, os.O_RDONLY)
    total, first = 0, 0.0
    for frame in frames(fd):
        first = first or time.monotonic()
        total += len(orjson.loads(frame))
    print(time.monotonic() - first, total, flush=True)


def echo(inp: str, out: str) -> None:
    """Bytes back as they came, one frame at a time."""
    i, o = os.open(inp, os.O_RDONLY), os.open(out, os.O_WRONLY)
    for frame in frames(i):
        write_all(o, LENGTH.pack(len(frame)) + frame)


def zmq_echo(url: str) -> None:
    import zmq

    socket = zmq.Context.instance().socket(zmq.ROUTER)
    socket.bind(url)
    while True:
        parts = socket.recv_multipart()
        if parts[-1] == b"end":
            break
        socket.send_multipart(parts)
    socket.close(0)


def load(count: str) -> None:
    """Compile and run a source so many times, call what it defines, and print the seconds of it all."""
    begin = time.perf_counter()
    functions = []
    for number in range(int(count)):
        namespace: dict[str, object] = {}
        exec(compile("def pass_on(msg):\n    return msg\n", f"module {number}", "exec"), namespace)
        functions.append(namespace["pass_on"])
    message: object = 1
    for function in functions:
        message = function(message)  # type: ignore[operator]
    print(time.perf_counter() - begin, flush=True)


if __name__ == "__main__":
    {"source": source, "stage": stage, "sink": sink, "echo": echo, "zmq_echo": zmq_echo, "load": load}[sys.argv[1]](*sys.argv[2:])
