"""A private JupyterLab (or Notebook 7): own directories, a random token, a free port.

The front end under test is built in this checkout, regardless of any other installed on the machine.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from floe_jupyter.errors import FloeError
from floe_jupyter.wire.client.client import connect
from tests.browser.waits import until
from tests.conftest import missing

ROOT = Path(__file__).parents[2]
MARK = "FLOE_BROWSER_TESTS"
"""Environment variable of every process started by these tests."""
BUILT = (ROOT / "floe_jupyter" / "labextension" / "package.json", ROOT / "floe_jupyter" / "static" / "widget.js")
OVERRIDES = {
    # news would cover the page with a pop-up and ask the network
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    # nothing is saved unless a test says so
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
}


@dataclass(frozen=True)
class Lab:
    """Running server."""

    process: subprocess.Popen[bytes]
    base: Path
    url: str
    token: str
    app: str

    @property
    def root(self) -> Path:
        """Directory of the notebooks."""
        return self.base / "root"

    @property
    def runtime(self) -> Path:
        """Runtime directory of Jupyter."""
        return self.base / "runtime"

    @property
    def connection(self) -> Path:
        """Connection file of the server's dispatcher."""
        return self.runtime / f"floe-{self.process.pid}.json"

    def ask(self, path: str, method: str = "GET") -> Any:
        """Call the server's own interface."""
        request = urllib.request.Request(f"{self.url}{path}", method=method, headers={"Authorization": f"token {self.token}"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def family(self, word: str = "") -> list[psutil.Process]:
        """Return the processes of these tests with *word* in their command line."""
        mark = psutil.Process(self.process.pid).environ()[MARK]
        return [p for p in marked(mark) if word in " ".join(_command(p))]

    def kernels(self) -> list[dict[str, Any]]:
        """Return the kernels of the server."""
        found: list[dict[str, Any]] = self.ask("api/kernels")
        return found

    def _ended_kernels(self) -> bool:
        """End all kernels; return False while some are left, or Jupyter fails on a kernel just starting or ending."""
        try:
            for kernel in self.kernels():
                self.ask(f"api/kernels/{kernel['id']}", "DELETE")
            return not self.kernels()
        except urllib.error.HTTPError:
            return False

    def tidy(self) -> None:
        """End all kernels, as closing a notebook and shutting it down does, and remove the remains of killed kernels."""
        for session in self.ask("api/sessions"):
            self.ask(f"api/sessions/{session['id']}", "DELETE")
        until(self._ended_kernels, "all kernels to end")
        if self.connection.exists():
            with (
                contextlib.suppress(FloeError),
                connect(start=False, path=str(self.connection)) as client,
            ):  # it may end by itself
                client.call("shutdown")
        until(lambda: not self.connection.exists(), "the dispatcher to end when its kernels have ended")


def marked(mark: str) -> list[psutil.Process]:
    """Return all processes with the mark, without zombies."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARK) == mark:
                found.append(process)
    return found


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def describe(processes: list[psutil.Process]) -> str:
    """Return a line for each process."""
    return "\n".join(f"{p.pid} {' '.join(_command(p))[:160]}" for p in processes)


def need_front_end() -> None:
    """Fail or skip if the front end was not built."""
    for path in BUILT:
        if not path.exists():
            missing(f"the built front end ({path.relative_to(ROOT)})", "run `make frontend`")


@contextlib.contextmanager
def running(mark: str, app: str) -> Iterator[Lab]:
    """Yield a server of *app*, ``jupyterlab`` or ``notebook``; afterwards remove the server and its directories."""
    with tempfile.TemporaryDirectory(prefix="floe-lab-", ignore_cleanup_errors=True) as directory:
        base = Path(directory)
        token = secrets.token_hex(16)
        _write_settings(base)
        with (base / "lab.log").open("wb") as log:
            process = _start(app, base, token, mark, log)
            try:
                yield Lab(process, base, _address(process, base), token, app)
            finally:
                _end(process)


def _write_settings(base: Path) -> None:
    for folder in ("root", "runtime", "config/labconfig", "data/labextensions", "xdg"):
        (base / folder).mkdir(parents=True)
    (base / "config" / "labconfig" / "default_setting_overrides.json").write_text(json.dumps(OVERRIDES))
    enabled = {"ServerApp": {"jpserver_extensions": {"floe_jupyter": True}}}
    (base / "config" / "jupyter_server_config.json").write_text(json.dumps(enabled))
    until(lambda: _copied(base / "data" / "labextensions" / "floe-jupyter"), "the front end to be built completely")


def _copied(target: Path) -> bool:
    """Copy the front end, which may be rebuilt meanwhile; return False during a build."""
    shutil.rmtree(target, ignore_errors=True)
    try:
        shutil.copytree(BUILT[0].parent, target)
        entry = json.loads((target / "package.json").read_text())["jupyterlab"]["_build"]["load"]
    except (OSError, ValueError, KeyError, shutil.Error):
        return False
    return (target / entry).exists()


def _start(app: str, base: Path, token: str, mark: str, log: Any) -> subprocess.Popen[bytes]:
    names = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "IPYTHONDIR": "ipython",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "XDG_DATA_HOME": "xdg",
    }
    env = {**os.environ, **{name: str(base / folder) for name, folder in names.items()}, MARK: mark}
    env.pop("JPY_PARENT_PID", None)
    env.pop("FLOE_CONNECTION", None)
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            app,
            "--no-browser",
            "--allow-root",
            "--ip=127.0.0.1",
            "--port=0",
            f"--ServerApp.root_dir={base / 'root'}",
            f"--IdentityProvider.token={token}",
            "--LabApp.expose_app_in_browser=True",
            "--JupyterNotebookApp.expose_app_in_browser=True",
        ],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        cwd=base,
        preexec_fn=_end_with_us,  # noqa: PLW1509
    )


def _end_with_us() -> None:
    """End the server with the tests: a hanging test ends their process at once."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # 1 is PR_SET_PDEATHSIG


def _address(process: subprocess.Popen[bytes], base: Path) -> str:
    """Return the server's URL, once known."""
    info = base / "runtime" / f"jpserver-{process.pid}.json"
    until(lambda: process.poll() is not None or info.exists(), "the server to start", 90.0)
    if process.poll() is not None:
        raise AssertionError(f"the server did not start:\n{(base / 'lab.log').read_text()[-4_000:]}")
    # the file is written in place: until it is complete it is no JSON
    url = str(until(lambda: _url(info), "the server to write its address"))
    until(lambda: process.poll() is not None or _answers(url), "the server to answer", 60.0)  # the address is written before
    return url


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}api", timeout=10) as answer:  # open to everybody
            return bool(answer.read())
    except OSError:
        return False


def _url(info: Path) -> str:
    try:
        return str(json.loads(info.read_text())["url"])
    except ValueError:
        return ""


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)
