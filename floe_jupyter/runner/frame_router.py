"""Frames of runtimes: each is handed to the instance whose slot or call it is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import msgspec

from floe_jupyter.core.machine.events import Returned
from floe_jupyter.errors import ProtocolError
from floe_jupyter.runner.runtimes.pool import Pool
from floe_jupyter.runner.runtimes.runtime import Runtime
from floe_jupyter.runner.runtimes.slots import Slot, SlotOwner
from floe_jupyter.runner.runtimes.translate import named, returned
from floe_jupyter.runner.segments import Segments
from floe_jupyter.wire.runtime.frames import (
    ActivatedFrame,
    Head,
    LoadedFrame,
    LogFrame,
    RefusedFrame,
    ReturnedFrame,
    RoutedFrame,
)


class FrameRouter:
    """Router of frames: *log* takes (instance, node, stream, text, lines cut), *close* an instance with no work left."""

    def __init__(
        self,
        pool: Pool,
        segments: Segments,
        log: Callable[[str, str, str, str, int], None],
        close: Callable[[SlotOwner], None],
    ) -> None:
        self._pool, self._segments, self._log, self._close = pool, segments, log, close

    def frame(self, runtime: Runtime, head: Head, parts: list[bytes]) -> None:
        """Handle a frame of a runtime. Raises ProtocolError for a frame against the rules."""
        if type(head) is ReturnedFrame:
            self._returned(runtime, head, parts)
            return
        number = getattr(head, "slot", 0)
        slot = runtime.slots.get(number)
        if type(head) is LogFrame and (slot is not None or number in runtime.former):
            instance, node = runtime.former[number] if slot is None else (slot.instance.name, slot.node)
            self._log(instance, node, head.stream, head.text, head.cut)
            return
        if slot is None:
            raise ProtocolError(f"a {type(head).__name__} about slot {number}, which is not loaded there")
        if type(head) in (LoadedFrame, RefusedFrame, ActivatedFrame):
            runtime.loads.answered(slot)
            if slot.forgotten:
                runtime.forget(slot)
                slot.instance.unloaded_of(slot)()
        if not slot.forgotten:
            self._FRAMES[type(head)](self, slot, head)

    def _returned(self, runtime: Runtime, head: ReturnedFrame, parts: list[bytes]) -> None:
        key = runtime.calls.get(head.call)
        if key is None:
            raise ProtocolError(f"an answer to call {head.call}, which is not under way")
        instance, call = key
        event = returned(head, parts, call, runtime.slots)
        runtime.answers += 1
        if runtime.remote:
            event = self._linked(event, runtime.name)
        else:
            self._adopt(event, runtime)
        if head.kept:
            self._segments.keep(head.kept)
        if not runtime.useful:
            self._pool.worked(runtime)
        if head.end:
            del runtime.calls[head.call]
            if runtime.loads.waiting:
                runtime.loads.look()
            if not runtime.calls:
                runtime.clean()
        instance.returned(call, event)
        if instance.stopping and instance.over:
            self._close(instance)

    def _adopt(self, event: Returned, runtime: Runtime) -> None:
        for output in event.outputs:
            if output.batch.buffers:
                self._segments.adopt(output.batch, runtime.name)
        for left in event.left:
            if left.batch.buffers:
                self._segments.adopt(left.batch, runtime.name)

    def _linked(self, event: Returned, maker: str) -> Returned:
        """Return the event of a runtime in an outpost, with its segments under names of this runner: the outpost's are removed
        with the outpost. Raises ProtocolError if they are gone.
        """
        if not (any(o.batch.buffers for o in event.outputs) or any(x.batch.buffers for x in event.left)):
            return event
        replace, link = msgspec.structs.replace, self._segments.link
        outputs = tuple(replace(o, batch=link(o.batch, maker)) for o in event.outputs)
        left = tuple(replace(x, batch=link(x.batch, maker)) for x in event.left)
        return replace(event, outputs=outputs, left=left)

    def _loaded(self, slot: Slot, head: LoadedFrame) -> None:
        if not slot.loaded and slot.runtime is not None:
            slot.runtime.used += 1
        slot.loaded, slot.fusable, slot.follows = True, head.fusable, head.follows
        slot.instance.loaded(slot)

    def _slot_refused(self, slot: Slot, head: RefusedFrame) -> None:
        slot.instance.refused(slot, named(head.failure, slot))

    def _activated(self, slot: Slot, head: ActivatedFrame) -> None:
        slot.instance.activated(slot, head.state)

    def _routed(self, slot: Slot, _: RoutedFrame) -> None:
        slot.instance.routed(slot)

    _FRAMES: ClassVar[dict[type, Callable[[FrameRouter, Slot, Any], None]]] = {
        LoadedFrame: _loaded,
        RefusedFrame: _slot_refused,
        ActivatedFrame: _activated,
        RoutedFrame: _routed,
    }
