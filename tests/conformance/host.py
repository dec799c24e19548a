"""A small host: starts one runtime on two named pipes and talks frames with it. It uses nothing of the package.

Every wait is bounded and says what it waited for.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import struct
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any, Self

RUNTIMES = Path(__file__).parents[2] / "runtimes"
PATIENCE = 40.0
"""Seconds that any one answer may take."""


def languages() -> list[str]:
    """The folders of runtimes/ that can be started: all, or the one that the variable FLOE_LANG names."""
    wanted = os.environ.get("FLOE_LANG", "")
    found = sorted(p.parent.name for p in RUNTIMES.glob("*/runtime.toml"))
    return [name for name in found if not wanted or name in wanted.split(",")]


def command_of(lang: str) -> list[str]:
    """The command of its runtime.toml, with the placeholders filled in."""
    table = tomllib.loads((RUNTIMES / lang / "runtime.toml").read_text())["runtime"]
    words = {"{here}": str(RUNTIMES / lang), "{python}": sys.executable, "{node}": shutil.which("node") or "node"}
    return ["".join(words.get(w, w) for w in _split(word)) for word in table["command"]]


def _split(word: str) -> list[str]:
    for name in ("{here}", "{python}", "{node}"):
        if name in word:
            before, _, after = word.partition(name)
            return [before, name, after]
    return [word]


def pack(head: Any, parts: list[bytes] | None = None) -> bytes:
    """One frame; *head* may be bytes, to send nonsense."""
    parts = parts or []
    if isinstance(head, dict):
        head = {**head, "parts": [len(p) for p in parts]} if parts or "parts" not in head else head
    text = head if isinstance(head, bytes) else json.dumps(head, separators=(",", ":")).encode()
    return struct.pack("<II", 4 + len(text) + sum(map(len, parts)), len(text)) + text + b"".join(parts)


def codec_directory() -> str:
    """Where the package orjson lies, for runtimes that can use it."""
    import orjson

    return str(Path(orjson.__file__).parents[1])


class Host:
    """One runtime. `send` frames, `next` gives what it says; closing it ends the process and says how."""

    def __init__(self, lang: str, folder: Path, *, name: str = "", fast: bool = True) -> None:
        self.lang, self.folder = lang, folder
        self.shared = folder / "shm"
        self.shared.mkdir(exist_ok=True)
        self.name = name or f"floe-{os.getpid()}-1"
        paths = [folder / "in", folder / "out"]
        for path in paths:
            os.mkfifo(path)
        env = {**os.environ, "FLOE_RUNTIME": self.name, "FLOE_CODEC": codec_directory() if fast else ""}
        self.errors = (folder / "stderr").open("w+b")
        command = [*command_of(lang), *map(str, paths), str(self.shared)]
        self.started = time.perf_counter()
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.errors, stderr=self.errors, env=env, cwd=folder)
        self.logs: list[dict[str, Any]] = []
        self._data = bytearray()
        try:
            self.writer = self._open(paths[0])
            self.reader = os.open(paths[1], os.O_RDONLY | os.O_NONBLOCK)
            self.hello = self.next("hello")[0]
        except BaseException:
            self.process.kill()
            self.process.wait()
            self.errors.close()
            raise

    def _open(self, path: Path) -> int:
        """Its reading end opens first; wait for that, but not for ever."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:
                if self.process.poll() is not None:
                    raise AssertionError(f"{self.lang}: ended with {self.process.returncode} at its start: {self.said()}") from None
                time.sleep(0.0005)
                continue
            os.set_blocking(fd, True)
            return fd
        raise AssertionError(f"{self.lang}: did not open its pipe in {PATIENCE} s")

    def said(self) -> str:
        """The last of what it wrote to its own output."""
        self.errors.flush()
        return (self.folder / "stderr").read_text(errors="replace")[-2000:]

    def send(self, head: Any, parts: list[bytes] | None = None) -> None:
        self.write(pack(head, parts))

    def write(self, data: bytes) -> None:
        """All of it; reads meanwhile, so that neither side waits for the other."""
        os.set_blocking(self.writer, False)
        view, until = memoryview(data), time.monotonic() + PATIENCE
        while view:
            assert time.monotonic() < until, f"{self.lang} took no more bytes for {PATIENCE} s ({len(view)} left)"
            readable, writable, _ = select.select([self.reader], [self.writer], [], 1.0)
            if readable:
                self._fill()
            if writable:
                view = view[os.write(self.writer, view[: 1 << 20]) :]

    def _fill(self) -> bool:
        try:
            data = os.read(self.reader, 1 << 20)
        except BlockingIOError:
            return True
        self._data += data
        return bool(data)

    def _frame(self) -> tuple[dict[str, Any], list[bytes]] | None:
        data = self._data
        if len(data) < 8:
            return None
        rest, size = struct.unpack_from("<II", data)
        if len(data) < 4 + rest:
            return None
        head = json.loads(bytes(data[8 : 8 + size]))
        parts, at = [], 8 + size
        for length in head.get("parts", []):
            parts.append(bytes(data[at : at + length]))
            at += length
        assert at == 4 + rest, f"{self.lang}: the parts of {head} do not make up its frame"
        del data[: 4 + rest]
        return head, parts

    def next(self, kind: str = "", wait: float = PATIENCE, logs: bool = False) -> tuple[dict[str, Any], list[bytes]]:
        """The next frame, of that kind if one is named; log frames go to `logs` unless asked for."""
        until = time.monotonic() + wait
        while True:
            frame = self._frame()
            if frame is None:
                left = until - time.monotonic()
                assert left > 0, f"{self.lang}: no {kind or 'frame'} in {wait} s; it said: {self.said()}"
                if select.select([self.reader], [], [], left)[0] and not self._fill():
                    code = self.process.wait(PATIENCE)
                    raise AssertionError(f"{self.lang}: ended with {code} before {kind or 'a frame'}: {self.said()}")
                continue
            if frame[0]["t"] == "log" and kind != "log" and not logs:
                self.logs.append(frame[0])
                continue
            assert not kind or frame[0]["t"] == kind, f"{self.lang}: expected {kind}, got {frame[0]}"
            return frame

    def quiet(self, seconds: float = 0.2) -> bool:
        """Whether it says nothing (but logs) for so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            frame = self._frame()
            if frame is not None and frame[0]["t"] != "log":
                return False
            if frame is None and select.select([self.reader], [], [], max(0.0, until - time.monotonic()))[0]:
                self._fill()
        return True

    def buffers(self, batch: dict[str, Any], parts: list[bytes]) -> list[bytes]:
        """The buffers of a batch, from the parts behind its payload or from shared memory."""
        parts = list(parts)
        return [(self.shared / b["segment"]).read_bytes()[: b["size"]] if b.get("segment") else parts.pop(0)
                for b in batch.get("buffers", [])]

    # --- the usual exchanges -----------------------------------------------------------------------------------------------

    def load(self, source: str, slot: int = 1, **more: Any) -> dict[str, Any]:
        """Load a module; what came of it. Fields of the module go by `module`, those of the frame by name."""
        module = {"name": "f", "lang": self.lang, "source": source, **more.pop("module", {})}
        self.send({"t": "load", "slot": slot, "node": "f", "module": module, "state": {}, **more})
        head, _ = self.next()
        assert head["t"] in ("loaded", "refused"), head
        return head

    def call(self, payload: bytes, n: int, slot: int = 1, number: int = 1, port: str = "in", *, state: dict[str, Any] | None = None,
             **batch: Any) -> None:
        """After a failure of the slot only a call with a *state* is handled."""
        head = {"t": "call", "call": number, "slot": slot, "port": port, "batch": {"n": n, **batch}}
        self.send(head if state is None else {**head, "state": state}, [payload])

    def collect(self, number: int = 1, more: bool = True) -> Gathered:
        """All `returned` frames of a call up to its end, as one. Answers with `more` when a window of 512 is used up."""
        result = Gathered()
        while not result.end:
            head, parts = self.next("returned")
            assert head["call"] == number, f"{self.lang}: expected frames of call {number}, got {head}"
            result.add(head, parts)
            if more and not result.end and result.emitted and result.emitted % 512 == 0:
                self.send({"t": "more", "call": number})
        return result

    def exits(self, wait: float = 5.0) -> int:
        """Its exit code, once its pipe was closed or `exit` sent."""
        return self.process.wait(wait)

    def close(self) -> None:
        for fd in (self.writer, self.reader):
            try:
                os.close(fd)
            except OSError:
                continue
        try:
            self.process.wait(0.5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.errors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class Gathered:
    """What the frames of one call said together, however the runtime cut it into chunks."""

    def __init__(self) -> None:
        self.consumed, self.emitted, self.end = 0, 0, False
        self.outputs: dict[str, list[Any]] = {}
        self.counts: dict[str, int] = {}
        self.states: dict[str, dict[str, Any]] = {}
        self.unset: dict[str, list[str]] = {}
        self.skipped: list[dict[str, Any]] = []
        self.failure: dict[str, Any] | None = None
        self.left: dict[str, list[Any]] = {}
        self.parents: dict[str, list[tuple[int, int]]] = {}
        self.runs: dict[str, list[int]] = {}
        self.frames: list[tuple[dict[str, Any], list[bytes]]] = []

    def add(self, head: dict[str, Any], parts: list[bytes]) -> None:
        self.frames.append((head, list(parts)))
        parts, before = list(parts), self.consumed
        self.consumed += head.get("consumed", 0)
        self.emitted, self.end = head.get("emitted", 0), head.get("end", False)
        for output in head.get("outputs", []):
            key = f"{output['slot']}.{output['port']}"
            self.outputs.setdefault(key, []).extend(_values(output["batch"], parts))
            batch = output["batch"]
            self.runs.setdefault(key, []).extend(batch.get("runs") or [batch.get("run", 0)] * batch["n"])
            index = output.get("index") or [0] * output["batch"]["n"]
            parent = output.get("parent") or [before + i for i in range(output["batch"]["n"])]
            self.parents.setdefault(key, []).extend(zip(parent, index, strict=True))
        for left in head.get("left", []):
            self.left.setdefault(left["wire"], []).extend(_values(left["batch"], parts))
        for count in head.get("counts", []):
            self.counts[count["wire"]] = self.counts.get(count["wire"], 0) + count["n"]
        for change in head.get("states", []):
            self.states.setdefault(str(change["slot"]), {}).update(change.get("set", {}))
            for key in change.get("unset", []):
                self.states[str(change["slot"])].pop(key, None)
                self.unset.setdefault(str(change["slot"]), []).append(key)
        self.skipped += head.get("skipped", [])
        self.failure = head.get("failure", self.failure)

    def summary(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "frames"}


def _values(batch: dict[str, Any], parts: list[bytes]) -> list[Any]:
    values = json.loads(parts.pop(0))
    assert len(values) == batch["n"], (batch, len(values))
    for buffer in batch.get("buffers", []):
        if not buffer.get("segment"):
            assert len(parts.pop(0)) == buffer["size"]
    return values
