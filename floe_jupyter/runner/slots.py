"""A slot is one version of one node's lane in a runtime; frames name it by its number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_jupyter.core.events import Load

if TYPE_CHECKING:
    from floe_jupyter.runner.instance import Instance
    from floe_jupyter.runner.process import Runtime

CallKey = tuple["Instance", int]
"""Whose call it is, and the number that its machine gave it."""
LOAD_ATTEMPTS = 3
"""A module that ends its process while it is loaded is not tried more often."""


class Slot:
    """From the order to load it until it is unloaded or its runtime is gone."""

    __slots__ = ("attempts", "follows", "forgotten", "fusable", "instance", "lane", "load", "loaded", "node", "number", "runtime")

    def __init__(self, number: int, instance: Instance, load: Load) -> None:
        self.number = number
        self.instance = instance
        self.load = load
        self.node = load.node
        self.lane = load.lane
        self.runtime: Runtime | None = None
        """None while its environment is made or its runtime started."""
        self.loaded = False
        self.fusable = self.follows = False
        self.attempts = 0
        """How often its process ended while it was loaded."""
        self.forgotten = False
        """Unloaded, or its instance is gone: no answer is wanted any more."""

    @property
    def version(self) -> int:
        return self.load.module.version
