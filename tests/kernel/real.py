"""A real kernel, with a flow of one slow module."""

from __future__ import annotations

import time
from queue import Empty
from typing import Any

from jupyter_client.manager import KernelManager

DEFINE = """%load_ext floe_jupyter
import floe_jupyter as floe"""
SLOW = "%%floe module slow\nimport time\ndef slow(msg):\n    time.sleep(msg)\n    return msg\n"
FLOW = "%%floe flow one\nslow\n"


class Kernel:
    """A kernel, and what its cells put out."""

    def __init__(self, manager: KernelManager) -> None:
        self.manager = manager
        self.client = manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=30)

    def begin(self, text: str, **metadata: Any) -> str:
        """Send a cell; its id."""
        message = self.client.session.msg(
            "execute_request",
            {
                "code": text,
                "silent": False,
                "store_history": True,
                "user_expressions": {},
                "allow_stdin": False,
                "stop_on_error": True,
            },
            metadata=metadata,
        )
        self.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def until(self, kind: str, cell: str, timeout: float = 30.0) -> None:
        """Wait until a cell puts out something of this kind; that, and what came before, is passed over."""
        while True:
            message = self.client.get_iopub_msg(timeout=timeout)
            if message["parent_header"].get("msg_id") == cell and message["header"]["msg_type"] == kind:
                return

    def outputs(self, cell: str, timeout: float = 30.0) -> list[dict[str, Any]]:
        """All that a cell put out, in order, as (type, content)."""
        found = []
        ends = time.monotonic() + timeout
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=max(ends - time.monotonic(), 0.01))
            except Empty:
                raise AssertionError(f"waited {timeout:g} s for the end of a cell; it put out {found}") from None
            if message["parent_header"].get("msg_id") != cell:
                continue
            kind, content = message["header"]["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                return found
            if kind not in ("status", "execute_input"):
                found.append({"type": kind, "time": time.monotonic(), **content})

    def __call__(self, text: str, **metadata: Any) -> str:
        """The text of a cell's value; raises when the cell did."""
        found = self.outputs(self.begin(text, **metadata))
        errors = [f"{o['ename']}: {o['evalue']}" for o in found if o["type"] == "error"]
        assert not errors, errors
        return "".join(o["data"]["text/plain"] for o in found if o["type"] == "execute_result")

    def close(self, *, now: bool = False) -> None:
        """End the kernel; again is harmless."""
        if self.manager.has_kernel:
            self.client.stop_channels()
            self.manager.shutdown_kernel(now=now)
