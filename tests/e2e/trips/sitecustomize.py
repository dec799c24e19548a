"""Recorder of trips: imported by every Python process that has this folder in PYTHONPATH and ``FLOE_TRIPS`` in its environment.

Writes a line for each file of the product that is entered, and a line with the files on the stack for each hand-over of bytes to
another process. Uses `sys.setprofile`, which sees calls as they are; nothing of the product is changed.
"""

import os
import sys
import threading
import time

FOLDER = os.environ.get("FLOE_TRIPS", "")
ROOT = os.environ.get("FLOE_TRIPS_OF", "") + os.sep
PARTS = ("floe_jupyter" + os.sep, "runtimes" + os.sep)
WRITERS = {"write", "writev", "send", "sendmsg", "sendall"}
ZMQ = os.path.join("zmq", "sugar", "socket.py")

_names: dict[str, str] = {}
_files: dict[int, int] = {}


def named(path):
    """Return the path inside the product, or an empty text."""
    name = _names.get(path)
    if name is None:
        inside = path[len(ROOT) :] if path.startswith(ROOT) else ""
        name = _names[path] = inside if inside.startswith(PARTS) else ""
    return name


def note(kind, names):
    pid = os.getpid()
    if pid not in _files:
        _files[pid] = os.open(os.path.join(FOLDER, f"{pid}.trip"), os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    os.write(_files[pid], f"{time.time():.6f}\t{kind}\t{' '.join(names)}\n".encode())


def stack(frame):
    """Yield the product's files on the stack, the innermost first."""
    while frame is not None:
        name = named(frame.f_code.co_filename)
        if name:
            yield name
        frame = frame.f_back


def profile(frame, event, arg):
    path = frame.f_code.co_filename
    if event == "call":
        name = named(path)
        if name:
            note("entered", [name])
        elif path.endswith(ZMQ) and frame.f_code.co_name.startswith("send"):
            note("handed", dict.fromkeys(stack(frame)))
    elif event == "c_call" and path != __file__ and getattr(arg, "__name__", "") in WRITERS:
        note("handed", dict.fromkeys(stack(frame)))


def begin():
    sys.setprofile(profile)
    threading.setprofile(profile)


if FOLDER:
    begin()
