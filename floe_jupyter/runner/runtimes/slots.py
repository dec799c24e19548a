"""Slot: one version of a node's worker in a runtime; frames name a slot by number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_jupyter.core.machine.events import Load

if TYPE_CHECKING:
    from floe_jupyter.runner.driver import MachineDriver
    from floe_jupyter.runner.runtimes.loads import Death
    from floe_jupyter.runner.runtimes.process import Runtime

CallKey = tuple["MachineDriver", int]
"""Instance of a call, and the number given to the call by the instance's machine."""


class Slot:
    """Version of a node's worker, from the order to load until the unload or the loss of the runtime."""

    __slots__ = (
        "after",
        "alone",
        "begun",
        "deaths",
        "follows",
        "forgotten",
        "fusable",
        "instance",
        "let_go",
        "limit",
        "load",
        "loaded",
        "loading",
        "node",
        "number",
        "runtime",
        "worker",
    )

    def __init__(self, number: int, instance: MachineDriver, load: Load, limit: float) -> None:
        self.number = number
        self.instance = instance
        self.load = load
        self.node = load.node
        self.worker = load.worker
        self.runtime: Runtime | None = None
        """None while the environment is being made or the runtime started."""
        self.loading = False
        """True while the runtime has not answered the order to load or activate the slot."""
        self.loaded = False
        self.fusable = self.follows = False
        self.limit = limit
        """Seconds that the load, and the activation, may take."""
        self.deaths: list[Death] = []
        """Ends of processes during the load of the slot."""
        self.alone = False
        """True if the slot is loaded in a process of its own."""
        self.after = 0
        """Last call sent before the load or activation."""
        self.begun = self.let_go = 0.0
        """`begun`: time of the start of the load or activation (0: not begun); `let_go`: time since when the slot is `forgotten`.
        """
        self.forgotten = False
        """True if the slot is unloaded or its instance is gone: no answer is wanted any more."""

    @property
    def version(self) -> int:
        """Version of the module."""
        return self.load.module.version
