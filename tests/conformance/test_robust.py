"""Nothing that comes over the pipe, no size and no flood ends or hangs a runtime."""

from __future__ import annotations

import json
import os
import random
import struct
import time
from typing import Any

import psutil
import pytest

from tests.conformance.host import Host, pack
from tests.conformance.vectors import FOLDER

ECHO = json.loads((FOLDER / "values.json").read_text())["echo"]
FUZZ = int(os.environ.get("FLOE_FUZZ", "10000"))
FLOOD = {
    "python": "def f(msg):\n    for i in range(msg):\n        print('x' * 1000)\n    return msg",
    "js": "export default function f(msg) { const x = 'x'.repeat(1000); for (let i = 0; i < msg; i++) console.log(x); return msg }",
}
LINES = {
    "python": "def f(msg):\n    for i in range(msg):\n        print('line', i, 'ü' * 60)\n    return msg",
    "js": "export default function f(msg) { for (let i = 0; i < msg; i++) console.log(`line ${i} ${'ü'.repeat(60)}`); return msg }",
}
GIVES = {
    "python": "def f(msg):\n    return bytes(msg)",
    "js": "export default function f(msg) { return new Uint8Array(msg) }",
}


def _echo(host: Host, slot: int = 1) -> None:
    if host.lang not in ECHO:
        pytest.skip(f"no echo module in {host.lang}")
    assert host.load(ECHO[host.lang], slot)["t"] == "loaded"


def _alive(host: Host, number: int = 10**9) -> None:
    """It still answers; what it said before is passed over."""
    host.send({"t": "unload", "slot": 10**6})
    host.send(
        {
            "t": "load",
            "slot": 10**6,
            "node": "f",
            "state": {},
            "module": {"name": "f", "lang": host.lang, "source": ECHO[host.lang]},
        }
    )
    while not {"t": "loaded", "slot": 10**6}.items() <= _head(host).items():
        pass
    host.call(b"[42]", 1, 10**6, number)
    head, parts = host.next()
    while head.get("call") != number:
        head, parts = host.next()
    assert parts == [b"[42]"]


def _head(host: Host) -> dict[str, Any]:
    head = host.next()[0]
    return {name: value for name, value in head.items() if isinstance(value, (str, int))}


def _samples(lang: str) -> list[tuple[dict[str, Any], list[bytes]]]:
    module = {"name": "f", "lang": lang, "source": ECHO[lang], "outputs": ["out"], "place": {"cell": 1, "line": 1}}
    batch = {"n": 2, "run": 1, "tagged": True, "buffers": [{"size": 3}], "counts": [1, 0], "ids": ["a", "b"]}
    return [
        ({"t": "load", "slot": 5, "node": "n", "module": module, "state": {"a": 1}, "prefix": "f.", "on_error": "skip"}, []),
        ({"t": "activate", "slot": 1, "state": {"n": 1}}, []),
        ({"t": "unload", "slot": 5}, []),
        ({"t": "route", "slot": 1, "routes": {"out": [["a>b", 2, "in"]]}}, []),
        (
            {"t": "call", "call": 3, "slot": 1, "port": "in", "batch": batch, "skip": 0, "first": 2},
            [b'[{"$floe":["bytes",0]},7]', b"abc"],
        ),
        ({"t": "more", "call": 3}, []),
        ({"t": "recall", "slot": 1}, []),
        ({"t": "free", "segments": ["floe-1-1"], "remove": ["floe-1-2"]}, []),
    ]


def _mutated(rng: random.Random, head: dict[str, Any], parts: list[bytes]) -> bytes:
    """A frame of the right length with something wrong inside."""
    if rng.random() < 0.5:
        head = _other(rng, head)
        return pack(head, parts)
    data = bytearray(pack(head, parts))
    for _ in range(rng.randint(1, 6)):
        data[rng.randrange(4, len(data))] = rng.randrange(256)
    return bytes(data)


def _other(rng: random.Random, head: dict[str, Any]) -> dict[str, Any]:
    values: list[Any] = [
        None,
        True,
        -1,
        0,
        2**40,
        1.5,
        "",
        "x" * 300,
        [],
        [[]],
        {},
        {"a": {"b": []}},
        [1, "a", None],
        "__proto__",
        "../x",
    ]
    head = json.loads(json.dumps(head))
    target = head
    while True:
        key = rng.choice(list(target)) if isinstance(target, dict) and target else None
        if key is None or key == "t":
            return {**head, "t": rng.choice(["load", "call", "route", "dance", "", "activate"])}
        if isinstance(target[key], dict) and rng.random() < 0.6:
            target = target[key]
            continue
        target[key] = rng.choice(values)
        return head


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_mutated_frames_neither_end_nor_hang_it(host: Host) -> None:
    _echo(host)
    _echo(host, 2)
    rng, samples = random.Random(20261121), _samples(host.lang)
    left = FUZZ
    while left:
        count = min(left, 500)
        left -= count
        host.write(b"".join(_mutated(rng, *rng.choice(samples)) for _ in range(count)))
        host.write(pack({"t": "unload", "slot": 1}))
        _alive(host, 10**9 + left)
    host.send(b"no JSON at all")
    head, _ = host.next()
    while head["t"] != "bad":
        head, _ = host.next()
    assert head["count"] > FUZZ / 20


def test_a_torn_frame_waits_and_is_taken_when_it_is_whole(host: Host) -> None:
    _echo(host)
    data = pack({"t": "call", "call": 1, "slot": 1, "port": "in", "batch": {"n": 1}}, [b"[1]"])
    for at in range(len(data)):
        host.write(data[at : at + 1])
    assert host.collect().outputs == {"1.out": [1]}


@pytest.mark.parametrize("length", [0, 3, 2**31, 2**32 - 1])
def test_an_impossible_length_ends_with_the_pipe(host: Host, length: int) -> None:
    host.write(struct.pack("<II", length, 2) + b"{}" * 50)
    host.hang_up()
    assert host.exits() is not None


def test_the_end_of_the_pipe_ends_it(host: Host) -> None:
    _echo(host)
    host.hang_up()
    assert host.exits() == 0


def test_exit_ends_it(host: Host) -> None:
    host.send({"t": "exit"})
    assert host.exits() == 0


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 1 << 20, 64 << 20, pytest.param(256 << 20, marks=pytest.mark.slow)])
def test_buffers_of_every_size_go_by_part_or_by_segment(host: Host, size: int) -> None:
    if host.lang not in GIVES:
        pytest.skip(f"no module in {host.lang}")
    host.load(GIVES[host.lang])
    host.call(b"[%d]" % size, 1)
    result = host.collect()
    assert result.failure is None, result.failure
    ((head, parts),) = [frame for frame in result.frames if frame[0].get("outputs")]
    batch = head["outputs"][0]["batch"]
    assert [b["size"] for b in batch["buffers"]] == [size]
    assert bool(batch["buffers"][0].get("segment")) == (size > 65_536)
    assert host.buffers(batch, parts[1:]) == [bytes(size)]


def test_S8_segments_are_for_their_owner_only(host: Host) -> None:
    if host.lang not in GIVES:
        pytest.skip(f"no module in {host.lang}")
    host.load(GIVES[host.lang])
    for number in range(1, 4):  # also those that are used again
        host.call(b"[1000000]", 1, 1, number)
        ((head, _),) = [f for f in host.collect(number).frames if f[0].get("outputs")]
        name = head["outputs"][0]["batch"]["buffers"][0]["segment"]
        found = (host.shared / name).stat()
        assert (oct(found.st_mode & 0o777), found.st_uid) == ("0o600", os.getuid())
        host.send({"t": "free", "segments": [name]} if number < 3 else {"t": "free", "remove": [name]})


@pytest.mark.parametrize("size", [0, 1, 65_536, 1 << 20, 15 << 20])
def test_texts_of_every_size_are_echoed(host: Host, size: int) -> None:
    _echo(host)
    text = json.dumps("x" * size).encode()
    host.call(b"[" + text + b"]", 1)
    result = host.collect()
    assert result.failure is None, result.failure
    assert result.outputs == {"1.out": ["x" * size]}


def test_a_segment_of_another_is_read_and_one_that_is_gone_is_a_failure(host: Host) -> None:
    _echo(host)
    (host.shared / "floe-1-77").write_bytes(bytes(100_000))
    for number, name in enumerate(["floe-1-77", "floe-1-78", "../../etc/passwd"], 1):
        host.call(
            b'[{"$floe":["bytes",0]}]',
            1,
            1,
            number,
            tagged=True,
            buffers=[{"size": 100_000, "segment": name}],
            counts=[1],
            state={},
        )
        result = host.collect(number)
        assert (result.failure is None) == (number == 1), (name, result.failure)
        if result.failure is not None:
            assert result.failure["failure"]["kind"] == "value"


def test_freed_segments_are_used_again_and_removed_ones_are_gone(host: Host) -> None:
    if host.lang not in GIVES:
        pytest.skip(f"no module in {host.lang}")
    host.load(GIVES[host.lang])
    names = []
    for number in range(1, 5):
        host.call(b"[1000000]", 1, 1, number)
        ((head, _),) = [f for f in host.collect(number).frames if f[0].get("outputs")]
        names.append(head["outputs"][0]["batch"]["buffers"][0]["segment"])
        assert names[-1].startswith(host.name + "-")
        host.send({"t": "free", "segments" if number < 3 else "remove": [names[-1]]})
    assert names[0] == names[1] == names[2] != names[3], names
    _alive(host)
    assert not (host.shared / names[3]).exists()


def test_a_flood_of_lines_is_bounded_and_counted(host: Host) -> None:
    if host.lang not in FLOOD:
        pytest.skip(f"no module in {host.lang}")
    host.load(FLOOD[host.lang])
    began = time.monotonic()
    host.call(b"[200000]", 1)
    result = host.collect()
    seconds = time.monotonic() - began
    assert result.outputs == {"1.out": [200_000]}
    host.send({"t": "unload", "slot": 1})
    _alive(host)
    said = sum(len(log["text"]) for log in host.logs)
    cut = sum(log.get("cut", 0) for log in host.logs)
    assert said <= 256 * 1024 * (seconds + 2)
    assert all(len(line) <= 65_536 for log in host.logs for line in log["text"].split("\n"))
    if host.lang == "python":
        assert said + cut == 200_000 * 1001
    assert psutil.Process(host.process.pid).memory_info().rss < 250 << 20


def _printed(host: Host, modules: dict[str, str], lines: int) -> None:
    """Have a module print so many lines; all that is said of them is in the logs then."""
    if host.lang not in modules:
        pytest.skip(f"no module in {host.lang}")
    host.load(modules[host.lang])
    host.call(b"[%d]" % lines, 1)
    assert host.collect().outputs == {"1.out": [lines]}
    host.send({"t": "unload", "slot": 1})
    _alive(host)


def test_a_flood_leaves_out_whole_lines_and_marks_the_gap_where_it_is(host: Host) -> None:
    _printed(host, LINES, 9_000)
    next_, every = 0, [f"line {i} {'ü' * 60}\n" for i in range(9_000)]
    for log in host.logs:
        left_out = log.get("cut", 0)
        while left_out > 0:
            left_out -= len(every[next_])
            next_ += 1
        lines = log["text"].splitlines(keepends=True)
        assert (left_out, lines) == (0, every[next_ : next_ + len(lines)])
        next_ += len(lines)
    assert next_ == 9_000
    assert any(log.get("cut") for log in host.logs)


def test_what_a_slot_logs_is_told_before_it_is_forgotten(host: Host) -> None:
    _printed(host, FLOOD, 1)
    assert [log["text"] for log in host.logs] == ["x" * 1000 + "\n"]
