"""Coming into an IPython shell, and going out of it without a trace."""

from __future__ import annotations

import contextlib
import os
from typing import Any

from floe_jupyter.errors import FloeError
from floe_jupyter.kernel import session as sessions
from floe_jupyter.kernel.awaiting import Awaiting
from floe_jupyter.kernel.completion import Completer
from floe_jupyter.kernel.magic import Shell
from floe_jupyter.kernel.shown import SHELF

MARK = "_floe_extension"


class Extension:
    """What was put into one shell."""

    def __init__(self, ip: Any) -> None:
        self.ip, self.shell, self.awaiting = ip, Shell(ip), Awaiting(ip)
        self.completer = Completer(sessions.session)
        self._do_shutdown: Any = None

    def put_in(self) -> None:
        from IPython.core.magic import no_var_expand

        ip = self.ip

        @no_var_expand  # type: ignore[untyped-decorator]
        def floe(line: str, cell: str | None = None) -> Any:
            """Write modules and flows in any language, run, stop, step, edit and replay them: ``%floe help``."""
            return self.shell(line, cell)

        ip.register_magic_function(floe, "line_cell", "floe")
        ip.input_transformers_post.append(self.awaiting)
        ip.events.register("pre_execute", self.awaiting.before)
        ip.events.register("post_execute", self.awaiting.after)
        self.completer.put_in(ip)
        self._hook_shutdown(getattr(ip, "kernel", None))

    def _hook_shutdown(self, kernel: Any) -> None:
        """A kernel that restarts leaves its runs for the next one; a kernel that ends, ends them."""
        if kernel is None:
            return
        self._do_shutdown = kernel.do_shutdown

        def do_shutdown(restart: bool) -> Any:
            leave(keep=restart)
            return self._do_shutdown(restart)

        kernel.do_shutdown = do_shutdown

    def take_out(self) -> None:
        ip = self.ip
        for kind in ("line", "cell"):
            ip.magics_manager.magics[kind].pop("floe", None)
        ip.input_transformers_post.remove(self.awaiting)
        ip.events.unregister("pre_execute", self.awaiting.before)
        ip.events.unregister("post_execute", self.awaiting.after)
        self.completer.take_out(ip)
        SHELF.clear()
        if self._do_shutdown is not None:
            ip.kernel.do_shutdown = self._do_shutdown


def leave(*, keep: bool) -> None:
    """Close the session of this process, if there is one."""
    current = sessions.use(None)
    if current is not None:
        with contextlib.suppress(FloeError):  # the dispatcher went first
            current.close(keep=keep)


def load(ip: Any) -> None:
    """Bring the magic into a shell; again is harmless."""
    if getattr(ip, MARK, None) is None:
        extension = Extension(ip)
        extension.put_in()
        setattr(ip, MARK, extension)
        sessions.name_client(*_names(ip))


def _names(ip: Any) -> tuple[str, str]:
    """How this process is called, and what it is called across restarts: Jupyter keeps a kernel's connection file."""
    kernel = getattr(ip, "kernel", None)
    if kernel is None:
        return f"ipython {os.getpid()}", ""
    file = getattr(getattr(kernel, "parent", None), "connection_file", "")
    return f"kernel {os.getpid()}", os.path.basename(file)


def unload(ip: Any) -> None:
    """Take the magic out and leave the dispatcher; undetached runs of this process end."""
    extension = getattr(ip, MARK, None)
    if extension is not None:
        extension.take_out()
        setattr(ip, MARK, None)
        leave(keep=False)
