"""Helpers of the tests of the bridge: a real Jupyter server, and a page made of a WebSocket alone."""

from __future__ import annotations

import base64
import contextlib
import ctypes
import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, Self

import psutil
import websocket

from floe_jupyter.wire.client.connection import find
from tests.dispatcher.kit import ROOT, until

WITHIN = 30.0
"""Maximum seconds of a wait; the machine may be busy with other work."""
STARTS_WITHIN = 50.0


def _end_with_us() -> None:
    """End the server with the tests: a hanging test ends their process at once."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # 1 is PR_SET_PDEATHSIG


class Server:
    """``python -m jupyter_server`` in private directories, with a random token."""

    def __init__(self, base: Path, *options: str) -> None:
        self.base, self.token = base, secrets.token_hex(16)
        (base / "root").mkdir(parents=True)
        config = base / "config" / "jupyter_server_config.d"
        config.mkdir(parents=True)
        (config / "floe.json").write_text((ROOT / "jupyter-config" / "server-config" / "floe_jupyter.json").read_text())
        others = ("jupyterlab", "jupyter_lsp", "jupyter_server_terminals", "notebook", "notebook_shim")
        (config / "others.json").write_text(json.dumps({"ServerApp": {"jpserver_extensions": dict.fromkeys(others, False)}}))
        self.log, self._begin = base / "server.log", 0
        self.environment = {
            **{k: v for k, v in os.environ.items() if k not in ("JPY_PARENT_PID", "FLOE_CONNECTION")},
            "JUPYTER_CONFIG_DIR": str(base / "config"),
            "JUPYTER_DATA_DIR": str(base / "data"),
            "HOME": str(base),
            "JUPYTER_RUNTIME_DIR": str(base / "runtime"),
            "IPYTHONDIR": str(base / "ipython"),
            "PYTHONPATH": str(ROOT),
            "XDG_DATA_HOME": str(base / "share"),
            "JUPYTER_TOKEN": self.token,
            "JUPYTER_PREFER_ENV_PATH": "0",
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "jupyter_server",
                    "--allow-root",
                    "--ip=127.0.0.1",
                    "--port=0",
                    "--debug",
                    f"--ServerApp.root_dir={base / 'root'}",
                    *options,
                ],
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=base,
                stdin=subprocess.DEVNULL,
                preexec_fn=_end_with_us,  # noqa: PLW1509
            )
        try:
            self._wait(base / "runtime" / f"jpserver-{self.process.pid}.json")
        except BaseException:
            self.close()
            raise

    def _wait(self, info: Path) -> None:
        until(
            lambda: self.process.poll() is not None or (info.exists() and info.read_text()),
            "the server's own file",
            STARTS_WITHIN,
        )
        assert self.process.poll() is None, self.log.read_text()
        self.url: str = json.loads(info.read_text())["url"]
        until(self._answers, "the server to answer", WITHIN)

    @property
    def connection(self) -> str:
        """Path of the connection file of the server's dispatcher."""
        return str(self.base / "runtime" / f"floe-{self.process.pid}.json")

    @property
    def dispatcher(self) -> int | None:
        """Process number of the dispatcher, or None."""
        found = find(self.connection)
        if found is None:
            return None
        found[1].close()
        return found[0].pid

    def _answers(self) -> bool:
        try:
            return bool(self.ask("api/status"))
        except (urllib.error.URLError, ConnectionError):
            return False

    def ask(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """Call the server's own interface."""
        request = urllib.request.Request(
            self.url + path,
            method=method,
            headers={"Authorization": f"token {self.token}"},
            data=None if body is None else json.dumps(body).encode(),
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def page(self, **options: Any) -> Page:
        """Open a page."""
        return Page(self, **options)

    def begin(self) -> None:
        """Begin a test: forget the log written during other tests."""
        self._begin = self.log.stat().st_size

    def said(self) -> str:
        """Return the output of the server and its kernels since the test began."""
        return self.log.read_bytes()[self._begin :].decode("utf-8", "replace")

    def memory(self) -> int:
        """Return the resident memory of the server, in bytes."""
        return psutil.Process(self.process.pid).memory_info().rss

    def close(self) -> None:
        """End the server."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(15.0)
        self.process.kill()
        self.process.wait()


class Page:
    """Socket of a page: frames in and out. Frames without a waiter are kept in `heard`."""

    def __init__(
        self, server: Server, path: str = "floe/bridge", *, headers: dict[str, str] | None = None, **options: Any
    ) -> None:
        url = server.url.replace("http:", "ws:") + path
        given = {"Authorization": f"token {server.token}"} if headers is None else headers
        self.socket = websocket.create_connection(
            url, timeout=WITHIN, header=[f"{k}: {v}" for k, v in given.items()], suppress_origin=True, **options
        )
        self.ids = count(1)
        self.heard: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket."""
        self.socket.close(timeout=1)

    def send(self, frame: Any) -> None:
        """Send a frame."""
        self.socket.send(frame if isinstance(frame, str) else json.dumps(frame))

    def receive(self, within: float = WITHIN) -> dict[str, Any]:
        """Return the next frame."""
        self.socket.settimeout(within)
        found: dict[str, Any] = json.loads(self.socket.recv())
        return found

    def until(self, wanted: Any, what: str, within: float = WITHIN) -> dict[str, Any]:
        """Return the first frame, kept ones included, that is *wanted*."""
        for i, frame in enumerate(self.heard):
            if wanted(frame):
                return self.heard.pop(i)
        deadline = time.monotonic() + within
        while (left := deadline - time.monotonic()) > 0:
            try:
                frame = self.receive(left)
            except websocket.WebSocketTimeoutException:
                break
            if wanted(frame):
                return frame
            self.heard.append(frame)
        raise AssertionError(f"waited {within} s for {what}; heard {str(self.heard[-5:])[:1_000]}")

    def ask(self, call: str, /, **args: Any) -> int:
        """Send a call and return its number."""
        number = next(self.ids)
        self.send({"id": number, "call": call, "args": args})
        return number

    def answer(self, number: int, within: float = WITHIN) -> dict[str, Any]:
        """Return the answer to the call *number*."""
        return self.until(lambda frame: frame.get("id") == number, f"the answer to {number}", within)

    def call(self, call: str, /, **args: Any) -> Any:
        """Return the value of a call; an error fails the test."""
        answer = self.answer(self.ask(call, **args))
        assert "error" not in answer, answer
        return answer["value"]

    def refused(self, call: str, /, **args: Any) -> list[str]:
        """Return the error of a call, [kind, message]."""
        answer = self.answer(self.ask(call, **args))
        assert "error" in answer, answer
        error: list[str] = answer["error"]
        return error

    def event(self, topic: str, wanted: Any = lambda value: True, within: float = WITHIN) -> Any:
        """Return the value of the first event of the topic that is *wanted*."""
        return self.until(lambda f: f.get("topic", "").startswith(topic) and wanted(f["value"]), f"{topic} {wanted}", within)[
            "value"
        ]

    def present(self, there: bool = True, within: float = WITHIN) -> dict[str, Any]:
        """Wait for the news that a dispatcher is running, or not."""
        return self.until(lambda frame: frame.get("dispatcher") is there, f"dispatcher: {there}", within)


def payload(*values: Any) -> str:
    """Return the payload of values, in base64."""
    return base64.b64encode(json.dumps(values).encode()).decode()


def batch(*values: Any) -> dict[str, Any]:
    """Return a batch of values."""
    return {"payload": payload(*values), "n": len(values)}


def values_of(results: list[dict[str, Any]]) -> list[Any]:
    """Return the values of results."""
    return [value for item in results for value in json.loads(base64.b64decode(item["batch"]["payload"]))]


@contextlib.contextmanager
def serving(base: Path, *options: str) -> Iterator[Server]:
    """Yield a running server."""
    server = Server(base, *options)
    try:
        yield server
    finally:
        server.close()
