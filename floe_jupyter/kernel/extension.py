"""Extension of an IPython shell: loads, and unloads without a trace."""

from __future__ import annotations

import contextlib
import os
from typing import Any

from floe_jupyter.client import session as sessions
from floe_jupyter.client.workspace import of_kernel
from floe_jupyter.errors import FloeError
from floe_jupyter.kernel.display.shown import WIDGETS
from floe_jupyter.kernel.magic.awaiting import Awaiting
from floe_jupyter.kernel.magic.completion import Completer
from floe_jupyter.kernel.magic.magic import Shell

MARK = "_floe_extension"


class Extension:
    """Parts added to a shell."""

    def __init__(self, ip: Any) -> None:
        self.ip, self.shell, self.awaiting = ip, Shell(ip), Awaiting(ip)
        self.completer = Completer(sessions.session)
        self._do_shutdown: Any = None

    def put_in(self) -> None:
        """Add the magic, the transformers, the completer and the hooks to the shell."""
        from IPython.core.magic import no_var_expand

        ip = self.ip

        @no_var_expand  # type: ignore[untyped-decorator]
        def floe(line: str, cell: str | None = None) -> Any:
            """Write modules and flows in any language, run, stop, step, edit and replay them: ``%floe help``."""
            return self.shell(line, cell)

        ip.register_magic_function(floe, "line_cell", "floe")
        ip.input_transformers_cleanup.append(alone)
        ip.input_transformers_post.append(self.awaiting)
        ip.events.register("pre_execute", self.awaiting.before)
        ip.events.register("post_execute", self.awaiting.after)
        self.completer.put_in(ip)
        self._hook_shutdown(getattr(ip, "kernel", None))

    def _hook_shutdown(self, kernel: Any) -> None:
        """Wrap the kernel's shutdown: a kernel that restarts leaves its runs for the next; a kernel that ends, ends its runs."""
        if kernel is None:
            return
        self._do_shutdown = kernel.do_shutdown

        def do_shutdown(restart: bool) -> Any:
            with contextlib.suppress(FloeError):  # the dispatcher ended first
                sessions.session().end(keep=restart)
            return self._do_shutdown(restart)

        kernel.do_shutdown = do_shutdown

    def take_out(self) -> None:
        """Remove everything that `put_in` added, and close the widgets."""
        ip = self.ip
        for kind in ("line", "cell"):
            ip.magics_manager.magics[kind].pop("floe", None)
        ip.input_transformers_cleanup.remove(alone)
        ip.input_transformers_post.remove(self.awaiting)
        ip.events.unregister("pre_execute", self.awaiting.before)
        ip.events.unregister("post_execute", self.awaiting.after)
        self.completer.take_out(ip)
        WIDGETS.clear()
        if self._do_shutdown is not None:
            ip.kernel.do_shutdown = self._do_shutdown


def alone(lines: list[str]) -> list[str]:
    """Turn a cell of only ``%%floe`` or ``%%floe help ...`` into the line magic, because IPython wants a body."""
    words = "".join(lines).split()
    if words[:1] != ["%%floe"] or words[1:2] not in ([], ["help"]) or "".join(lines).strip().count("\n"):
        return lines
    return [f"%floe help {' '.join(words[2:])}\n"]


def leave(*, keep: bool) -> None:
    """Close the session of this process, if any."""
    current = sessions.use(None)
    if current is not None:
        with contextlib.suppress(FloeError):  # the dispatcher ended first
            current.close(keep=keep)


def load(ip: Any) -> None:
    """Add the magic to a shell; safe to call again."""
    if getattr(ip, MARK, None) is None:
        extension = Extension(ip)
        extension.put_in()
        setattr(ip, MARK, extension)
        name, same = _names(ip)
        sessions.name_client(name, same, lambda: of_kernel(ip.user_ns, name, same))


def _names(ip: Any) -> tuple[str, str]:
    """Return the name of this process, and its name across restarts: Jupyter keeps a kernel's connection file."""
    kernel = getattr(ip, "kernel", None)
    if kernel is None:
        return f"ipython {os.getpid()}", ""
    file = getattr(getattr(kernel, "parent", None), "connection_file", "")
    return f"kernel {os.getpid()}", os.path.basename(file)


def unload(ip: Any) -> None:
    """Remove the magic and leave the dispatcher; undetached runs of this process end."""
    extension = getattr(ip, MARK, None)
    if extension is not None:
        extension.take_out()
        setattr(ip, MARK, None)
        leave(keep=False)
