"""Two dispatchers in two PID namespaces that share /tmp and /dev/shm, as containers may."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from floe_jupyter.core.flow.model import Flow, Module, Node
from floe_jupyter.core.messages import Batch, Buffer
from floe_jupyter.wire.client.client import Client
from tests.conftest import missing
from tests.dispatcher.kit import REAL, ROOT, Processes, over


def test_B3_a_dispatcher_in_another_pid_namespace_leaves_a_live_session_alone(
    attach: Callable[..., Client], processes: Processes, tmp_path: Path, need: Callable[[str, str], str]
) -> None:
    real = attach(command=REAL)
    processes.watch(real.pid)
    apart = [need("unshare", "install util-linux"), "--pid", "--fork", "--mount-proc", "--kill-child"]
    if subprocess.run([*apart, "true"], capture_output=True, check=False).returncode:
        missing("a PID namespace", "run the tests as a user who may make one")
    real.call("define", module=Module("big", "def big(msg):\n    yield bytes(200_000)\n    yield 1"))
    real.call("define_flow", flow=Flow("held", (Node("big", "big"),)))
    real.call("set_break", flow="held", node="big")
    info = real.call("open_run", flow="held", debug=True)
    real.call(
        "feed",
        ref=info.ref,
        batch=Batch(b'[{"$floe":["bytes",0]}]', 1, tagged=True, counts=(1,), buffers=(Buffer(200_000, bytes(200_000)),)),
    )
    over(real, info.ref)
    mine = [name for name in os.listdir("/dev/shm") if name.startswith(f"floe-{os.getpid()}-")]
    assert mine, "a segment in use"
    other = str(tmp_path / "other.json")
    program = (
        "from floe_jupyter.wire.client.client import connect; from tests.dispatcher.kit import REAL, define, run; "
        f"c = connect(path={other!r}, command=REAL); define(c, a='def a(msg): return msg'); "
        "assert run(c, 1).status == 'done'; c.call('shutdown')"
    )
    subprocess.run([*apart, sys.executable, "-c", program], check=True, cwd=ROOT, env={**os.environ, "FLOE_CONNECTION": other})
    assert [name for name in mine if not os.path.exists(f"/dev/shm/{name}")] == []
    assert os.path.isdir(real.call("status")["directory"])
    real.call("resume", flow="held")
    real.call("close_run", ref=info.ref)
    assert real.call("wait", ref=info.ref, through_holds=True, timeout=20.0).status == "done"
    assert real.call("run_info", ref=info.ref).results == 2
