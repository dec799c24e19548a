"""Interface of the runner as needed by a `MachineDriver`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from floe_jupyter.core.machine.events import Accepted, Load, Reply
from floe_jupyter.core.messages import Batch
from floe_jupyter.runner.runtimes.slots import Slot
from floe_jupyter.wire.transport.loop import Loop

Instance_contra = TypeVar("Instance_contra", contravariant=True)
"""Type of the instances, which is `MachineDriver`."""


class Host(Protocol[Instance_contra]):
    """Interface of the runner as needed by a `MachineDriver`."""

    loop: Loop

    def new_slot(self, instance: Instance_contra, load: Load) -> Slot:
        """Return a slot and load the module in a runtime; `MachineDriver.loaded` or `MachineDriver.refused` follows."""

    def forget_slot(self, slot: Slot) -> None:
        """Drop an unloaded slot."""

    def new_call(self) -> int:
        """Return a new call number."""

    def kill(self, runtime: str, cause: str) -> None:
        """Kill a runtime, by name."""

    def hand_over(self, batch: Batch) -> Batch:
        """Return the batch in a form that may leave the runner."""

    def has_outgoing(self, instance: Instance_contra) -> None:
        """Note that `MachineDriver.news` is not empty."""

    def has_changed(self, instance: Instance_contra) -> None:
        """Note that the view may differ from the view sent last."""


class LocalToken:
    """Token whose answer stays in the runner."""

    __slots__ = ("done",)

    def __init__(self, done: Callable[[Reply | Accepted], None]) -> None:
        self.done = done
