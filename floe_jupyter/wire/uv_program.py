"""The program uv, which installs packages of Python: found here, or brought along from the owner's machine."""

from __future__ import annotations

import os
import select
import shutil
import time

WANTS = "FLOE_WANTS"
"""Variable with the path of a pipe that takes wishes for programs, for a runner on another machine."""
BROUGHT_WITHIN = 180.0
"""Seconds for bringing uv (about 40 MB) along."""


def find_uv() -> str:
    """Return the path of uv on this machine; empty if there is none."""
    try:
        from uv import find_uv_bin

        return os.fspath(find_uv_bin())
    except (ImportError, FileNotFoundError):
        return shutil.which("uv") or ""


def bring_uv(directory: str) -> tuple[str, str]:
    """Have uv brought along by the launcher of this machine's runner; wait for it. Return its path, or why there is none.

    *directory* is for the pipe of the answer, and must be writable.
    """
    wants = os.environ.get(WANTS, "")
    if not wants:
        return "", ""
    answer = os.path.join(directory, "brought")
    os.mkfifo(answer, 0o600)
    reading = os.open(answer, os.O_RDWR | os.O_NONBLOCK)  # for writing, too: no end is seen between two writers
    try:
        with open(os.open(wants, os.O_WRONLY | os.O_NONBLOCK), "wb") as pipe:
            pipe.write(f"{answer}\n".encode())
        return _answer_of(reading)
    except OSError as error:
        return "", f"the launcher of the runner is gone: {error.strerror}"
    finally:
        os.close(reading)
        os.unlink(answer)


def _answer_of(reading: int) -> tuple[str, str]:
    deadline, data = time.monotonic() + BROUGHT_WITHIN, b""
    while not data.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([reading], [], [], left)[0]:
            return "", f"waited {BROUGHT_WITHIN:g} s for uv from the other machine"
        data += os.read(reading, 4_096)
    word, _, text = data.decode().strip().partition(" ")
    return (text, "") if word == "path" else ("", text)
