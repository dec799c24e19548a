"""Sessions of a command, and errors as exit statuses."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

from floe_jupyter.cli.terminal import say
from floe_jupyter.client.session import Session, use
from floe_jupyter.errors import DefinitionError, FloeError, RunFailed
from floe_jupyter.wire.control.workspaces import Workspace


def fail(error: BaseException, status: int) -> NoReturn:
    """Write a message to standard error, then exit with *status*."""
    trace = getattr(error, "trace", "")
    say(f"{trace.rstrip()}\n" * bool(trace) + f"floe: {error}", error=True)
    sys.stdout.flush()
    raise SystemExit(status)


@contextlib.contextmanager
def ending() -> Iterator[None]:
    """Turn errors into exit statuses."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        fail(interrupt if str(interrupt) else KeyboardInterrupt("interrupted"), 130)
    except DefinitionError as error:
        fail(error, 2)
    except RunFailed as error:
        fail(error, 1)
    except FloeError as error:
        fail(error, 1)
    except BrokenPipeError:  # the reader of our output has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None


@contextlib.contextmanager
def opened(*, start: bool, file: str = "") -> Iterator[Session]:
    """Open a session for a command; with *start* a dispatcher is started if none runs, else a running dispatcher is looked up.
    Definitions of *file* go to a workspace of this invocation.
    """

    def connect(name: str, same: str, workspace: Any) -> Any:
        from floe_jupyter.wire.client.client import connect as attach
        from floe_jupyter.wire.client.connection import existing_path

        return attach(
            start, client=name, path="" if start else existing_path(), session=same, workspace=workspace, looks=workspace is None
        )

    path = os.path.realpath(file) if file else ""
    workspace = Workspace("", os.path.basename(path), "file", path) if file else None
    session = Session(f"floe {os.getpid()}", opener=connect, workspace=workspace)
    before = use(session)
    try:
        yield session
    finally:
        use(before)
        session.close()
