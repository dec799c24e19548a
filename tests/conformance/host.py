"""A small host: starts a runtime on two named pipes and exchanges frames with it. No part of the package is used.

Every wait is bounded and names the awaited event.
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
"""Maximum seconds of a wait for an answer."""


def languages() -> list[str]:
    """Return the folders of runtimes/ that can be started: all, or the folder named by the variable FLOE_LANG."""
    wanted = os.environ.get("FLOE_LANG", "")
    found = sorted(p.parent.name for p in RUNTIMES.glob("*/runtime.toml"))
    return [name for name in found if not wanted or name in wanted.split(",")]


def command_of(lang: str) -> list[str]:
    """Return the command of the language's runtime.toml, with the placeholders filled in."""
    table = tomllib.loads((RUNTIMES / lang / "runtime.toml").read_text())
    names = [sys.executable if name == "{interpreter}" else name for name in table["program"]["find"]]
    program = next((found for name in names if (found := shutil.which(name))), names[0])
    return [word.replace("{here}", str(RUNTIMES / lang)).replace("{program}", program) for word in table["command"]]


def pack(head: Any, parts: list[bytes] | None = None) -> bytes:
    """Return a frame; *head* may be bytes, to send nonsense."""
    parts = parts or []
    if isinstance(head, dict):
        head = {**head, "parts": [len(p) for p in parts]} if parts or "parts" not in head else head
    text = head if isinstance(head, bytes) else json.dumps(head, separators=(",", ":")).encode()
    return struct.pack("<II", 4 + len(text) + sum(map(len, parts)), len(text)) + text + b"".join(parts)


def codec_directory() -> str:
    """Return the directory of the package orjson, for runtimes able to use it."""
    import orjson

    return str(Path(orjson.__file__).parents[1])


class Host:
    """Host of one runtime. `send` and `next` exchange frames; `close` ends the process."""

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
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self.errors, stderr=self.errors, env=env, cwd=folder
        )
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
        """Open the pipe after the runtime has opened its reading end, with a bounded wait."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:
                if self.process.poll() is not None:
                    raise AssertionError(
                        f"{self.lang}: ended with {self.process.returncode} at its start: {self.said()}"
                    ) from None
                time.sleep(0.0005)
                continue
            os.set_blocking(fd, True)
            return fd
        raise AssertionError(f"{self.lang}: did not open its pipe in {PATIENCE} s")

    def said(self) -> str:
        """Last part of the runtime's own output."""
        self.errors.flush()
        return (self.folder / "stderr").read_text(errors="replace")[-2000:]

    def send(self, head: Any, parts: list[bytes] | None = None) -> None:
        """Write a frame."""
        self.write(pack(head, parts))

    def write(self, data: bytes) -> None:
        """Write all of *data*; read meanwhile, to keep both sides from waiting for each other."""
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
        """Return the next frame, of *kind* if given; log frames go to `logs` unless wanted."""
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
        """Return whether no frame (but logs) comes for so many seconds."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            frame = self._frame()
            if frame is not None and frame[0]["t"] != "log":
                return False
            if frame is None and select.select([self.reader], [], [], max(0.0, until - time.monotonic()))[0]:
                self._fill()
        return True

    def buffers(self, batch: dict[str, Any], parts: list[bytes]) -> list[bytes]:
        """Return the buffers of a batch, from the parts behind its payload or from shared memory."""
        parts = list(parts)
        return [
            (self.shared / b["segment"]).read_bytes()[: b["size"]] if b.get("segment") else parts.pop(0)
            for b in batch.get("buffers", [])
        ]

    # --- the usual exchanges -----------------------------------------------------------------------------------------------

    def load(self, source: str, slot: int = 1, **more: Any) -> dict[str, Any]:
        """Load a module and return the answer. Fields of the module go by `module`, fields of the frame by name."""
        module = {"name": "f", "lang": self.lang, "source": source, **more.pop("module", {})}
        self.send({"t": "load", "slot": slot, "node": "f", "module": module, "state": {}, **more})
        head, _ = self.next()
        assert head["t"] in ("loaded", "refused"), head
        return head

    def call(
        self,
        payload: bytes,
        n: int,
        slot: int = 1,
        number: int = 1,
        port: str = "in",
        *,
        state: dict[str, Any] | None = None,
        **batch: Any,
    ) -> None:
        """Send a call. After a failure of the slot only a call with a *state* is handled."""
        head = {"t": "call", "call": number, "slot": slot, "port": port, "batch": {"n": n, **batch}}
        self.send(head if state is None else {**head, "state": state}, [payload])

    def collect(self, number: int = 1, more: bool = True) -> Gathered:
        """Return all `returned` frames of a call up to its end, as one; answer with `more` when a window of 512 is used up."""
        result = Gathered()
        while not result.end:
            head, parts = self.next("returned")
            assert head["call"] == number, f"{self.lang}: expected frames of call {number}, got {head}"
            result.add(head, parts)
            if more and not result.end and result.emitted and result.emitted % 512 == 0:
                self.send({"t": "more", "call": number})
        return result

    def exits(self, wait: float = 5.0) -> int:
        """Return the exit code, after the pipe was closed or `exit` sent."""
        return self.process.wait(wait)

    def hang_up(self) -> None:
        """Close our end of the pipe to it. Its number may be another thread's at once, so it is closed once only."""
        if self.writer >= 0:
            os.close(self.writer)
            self.writer = -1

    def close(self) -> None:
        """Close the pipes and end the process."""
        self.hang_up()
        if self.reader >= 0:
            os.close(self.reader)
            self.reader = -1
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
    """Contents of all frames of a call, independent of the runtime's chunks."""

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
        """Add a frame."""
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
        """Return all fields but the frames."""
        return {name: value for name, value in vars(self).items() if name != "frames"}


def _values(batch: dict[str, Any], parts: list[bytes]) -> list[Any]:
    values = json.loads(parts.pop(0))
    assert len(values) == batch["n"], (batch, len(values))
    for buffer in batch.get("buffers", []):
        if not buffer.get("segment"):
            assert len(parts.pop(0)) == buffer["size"]
    return values
