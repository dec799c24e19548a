"""The loop: frames in, chunks of work, frames out.

All frames but calls are carried out at once. Calls wait in their slot; slots with calls take turns, a chunk each.
"""

import os
import sys
from _thread import get_ident
from collections import deque
from time import perf_counter

from floe_runtime.checks import BadFrame, check, check_parts, is_plain_call, parts_of
from floe_runtime.codec import choose
from floe_runtime.failures import OURS, clean
from floe_runtime.logs import Logs
from floe_runtime.pipe import Woken, pack
from floe_runtime.recalls import sort_out
from floe_runtime.segments import Segments
from floe_runtime.texts import Values
from floe_runtime.values import FIDELITY
from floe_runtime.work import BUDGET, Worker

PROTOCOL = 1
CALLERS = frozenset({"_many", "_each", "_pass", "_watch", "_pull", "_block", "_advance"})
AWAITERS = frozenset({"_one", "exhaust"})
"""Functions that call or await users' functions, and whose data is consistent meanwhile."""
TURNS = 64
"""Maximum number of messages handled between two looks at the pipe."""


class Runtime:
    """Serves a single runner until its pipe ends."""

    def __init__(self, pipe, directory):
        self._pipe = pipe
        self._hello()
        from floe_runtime.background_errors import BackgroundErrors
        from floe_runtime.calls import Call
        from floe_runtime.chunks import Chunks
        from floe_runtime.flush_timer import FlushTimer
        from floe_runtime.isolation import Isolation
        from floe_runtime.loads import Loads
        from floe_runtime.modules import hooks
        from floe_runtime.screens import watch_pyplot
        from floe_runtime.slots import COROUTINE, GENERATOR

        self._call_class = Call
        self._awaited, self._generator = COROUTINE, GENERATOR
        self.slots, self.calls, self._ring = {}, {}, deque()
        self._out, self._bad, self._reason = [], 0, ""
        self.nested = 0
        """Number of functions that wait inside `emit` while others run."""
        self.forked = self._exiting = False
        self.codec = choose(os.environ.get("FLOE_CODEC", ""))
        self.segments = Segments(directory, os.environ.get("FLOE_RUNTIME", f"floe-{os.getpid()}-0"))
        self.values = Values(self.codec, self.segments)
        self.worker = Worker(self.codec, self.values, self)
        self.logs = Logs(self._log, self._printed)
        self.isolation, self.background_errors = Isolation(self.at_work), BackgroundErrors(self.logs)
        self._chunks = Chunks(self)
        self.flush_timer = FlushTimer(self._overdue, self._flush_overdue, OURS)
        self._loads = Loads(self)
        hooks.update({"threading": self.background_errors.watch_threads, "matplotlib.pyplot": watch_pyplot})
        os.register_at_fork(after_in_child=self._in_child)
        self._waiting, self._owner = None, get_ident()
        """`_waiting`: driver of the asynchronous functions, created with the first."""

    def _in_child(self):
        """Detach a process that a module forked: not part of the runtime, it ends where it returns to the runtime's code."""
        self.forked = self.logs.forked = True
        self.flush_timer.stop()
        self._pipe.close()

    def _hello(self):
        version = ".".join(map(str, sys.version_info[:3]))
        fidelity = ",".join(f'"{kind}":"{what}"' for kind, what in FIDELITY.items())
        self._pipe.send(
            pack(
                b'{"t":"hello","protocol":%d,"lang":"python","version":"%b","pid":%d,"fidelity":{%b}}'
                % (PROTOCOL, version.encode(), os.getpid(), fidelity.encode())
            )
        )

    # --- the loop --------------------------------------------------------------------------------------------------------

    def serve(self):
        """Serve until the pipe ends or `exit` comes."""
        while not self._exiting:
            self._receive()
            if self._exiting:
                break
            if self._ring:
                self._work()
            elif self._waiting is None or not self._waiting.busy:
                self._idle()
            if self._waiting is not None:
                self._waiting.turn(block=not self._ring and not self._pipe.waiting)
            self.flush()
            self.flush_timer.since = 0.0
        self.logs.flush()
        self.flush()

    def _overdue(self):
        """Return whether data waits that could leave, or frames have come."""
        if len(self.slots) > 1 and self._pipe.readable():
            return True
        return bool(self._out) or self.logs.waiting or self._chunks.waiting or (self._waiting is not None and self._waiting.news)

    def _flush_overdue(self, caller):
        """Send what a long-running function gave and printed. *caller* is the runtime's function that called it."""
        if self.forked:
            return
        if caller in CALLERS:
            self._chunks.flush_overdue()
        elif caller in AWAITERS:
            self._waiting.flush_overdue()
        self.logs.flush_within()
        if caller in CALLERS and not self.nested:
            self._pipe.waiting[:0] = sort_out(self, self._pipe.take(), self._chunks.at_work)
        self.flush()
        self.flush_timer.since = perf_counter() if caller != "wait" or self.logs.waiting else 0.0
        if caller == "wait" and self._pipe.waiting:
            raise Woken

    def _idle(self):
        self.logs.flush()
        self.flush()
        self._pipe.wait()

    def _receive(self):
        for head, body in self._pipe.take():
            self._handle(head, body)
        if self._pipe.frames.bad:
            for reason in self._pipe.frames.bad:
                self._refuse(reason)
            self._pipe.frames.bad.clear()
        if self._bad and self._reason:
            self.send(self.packed({"t": "bad", "reason": self._reason, "count": self._bad}))
            self._reason = ""
        if self._pipe.ended:
            self._exiting = True

    def _work(self):
        """Give turns until a chunk's worth of messages or of time is used up."""
        until, turns = perf_counter() + BUDGET, 0
        while self._ring and turns < TURNS:
            slot = self._ring.popleft()
            slot.queued = False
            if slot.calls:
                turns += min(slot.pace, slot.calls[0].n)
                if self._out:
                    self._send_ahead(slot)
                if len(self.slots) > 1:
                    self.flush_timer.watch()  # frames for other slots may come meanwhile
                self._chunks.turn(slot)
                self.ready(slot)
            if perf_counter() > until:
                break

    def _send_ahead(self, slot):
        """Send queued frames ahead of a function that may block."""
        if slot.kind == self._generator and slot.pace == 1:
            self.flush()  # the generator may sleep behind any value
        else:
            self.flush_timer.watch()

    def ready(self, slot):
        """Give the slot turns if it has work."""
        if slot.calls and not slot.queued and not slot.busy and not slot.calls[0].waits:
            if slot.asynchronous:
                self._waiting.begin(slot)
            else:
                slot.queued = True
                self._ring.append(slot)

    def wait_for_more(self, call):
        """Serve all other slots until `more` comes for the call of a function that ran ahead; called inside the function."""
        call.slot.busy = True
        self.nested += 1
        while call.waits and not call.ended:
            self.flush()
            if not self._ring:
                self._pipe.wait()
            self._receive()
            if self._exiting:
                os._exit(0)
            if self._ring:
                self._work()
        self.nested -= 1
        call.slot.busy = False

    # --- frames out ------------------------------------------------------------------------------------------------------

    def send(self, frame):
        """Queue a frame; frames are written together."""
        self._out.append(frame)

    def flush(self):
        """Write the queued frames."""
        if self.forked:
            os._exit(0)
        if self._out:
            out, self._out = self._out, []
            self._pipe.send(out[0] if len(out) == 1 else b"".join(out))

    @staticmethod
    def framed(text):
        """Return the frame of a head that is JSON text already."""
        return pack(text)

    def packed(self, head):
        """Return the frame of *head*."""
        return pack(self.codec.dumps(head))

    def _printed(self):
        self.flush_timer.watch()

    def _log(self, slot, stream, text, cut):
        head = {"t": "log", "slot": slot, "text": clean(text), "stream": stream}
        if cut:
            head["cut"] = cut
        self.send(self.packed(head))
        self.flush()

    # --- frames in -------------------------------------------------------------------------------------------------------

    def _refuse(self, reason):
        self._bad += 1
        self._reason = clean(reason[:500])

    def _handle(self, head_text, body):
        try:
            head = self.values.loads(head_text)
            if type(head) is dict and is_plain_call(head, len(body)):
                self._on_call(head, (body,))
                return
            kind = check(head)
            parts = parts_of(head, body)
            if kind == "call":
                check_parts(head, parts)
            getattr(self, "_on_" + kind)(head, parts)
        except (BadFrame, ValueError, RecursionError, OverflowError) as error:
            self._refuse(str(error) or type(error).__name__)

    def _on_load(self, head, parts):
        self._loads.load(head)

    def _on_activate(self, head, parts):
        self._loads.activate(head["slot"], head["state"])

    def _on_unload(self, head, parts):
        self._loads.forget(head["slot"])

    def _on_route(self, head, parts):
        self._loads.route(head["slot"], head["routes"])

    def complete(self, awaitable, take=None):
        """Run the event loop until *awaitable* is through, and return its result; with *take*, call `take(value)` for each output
        instead.
        """
        self.start_waiting()
        return self._waiting.complete(awaitable, take)

    def leave_to_loop(self, slot):
        """Leave the slot's function to the event loop from now on."""
        self.start_waiting()
        slot.kind, slot.pure = self._awaited, False

    def start_waiting(self):
        """Create the driver of asynchronous functions, unless present."""
        if self._waiting is None:
            from floe_runtime.waiting import Waiting

            self._waiting = Waiting(self, self._chunks, self._pipe.incoming)

    def take_off(self, slot):
        """Release an unloaded slot: end its calls and remove the routes that lead to it."""
        for call in slot.calls:
            self.calls.pop(call.number, None)
            call.ended = True
        slot.calls.clear()
        if slot.asynchronous:
            self._waiting.forget(slot)
        for source in list(slot.sources):
            source.unroute(slot)
        slot.route({})

    def at_work(self):
        """Return whether this thread calls users' functions and no asynchronous function is running."""
        return get_ident() == self._owner and (self._waiting is None or not self._waiting.running)

    def _on_call(self, head, parts):
        slot = self.slots.get(head["slot"])
        if slot is None:
            raise BadFrame(f"call: slot {head['slot']} is not loaded")
        if head["call"] in self.calls:
            raise BadFrame(f"call: {head['call']} is under way")
        if slot.stopped and head.get("state") is None:
            self.give_back(head["call"])
            return
        slot.stopped = False
        call = self._call_class(slot, head, parts)
        self.calls[call.number] = call
        slot.calls.append(call)
        self.ready(slot)

    def over(self, call):
        """Forget a call that has ended."""
        self.calls.pop(call.number, None)
        if call.slot.calls and call.slot.calls[0] is call:
            call.slot.calls.popleft()

    def _on_more(self, head, parts):
        call = self.calls.get(head["call"])
        if call is not None:
            call.given_since = 0
            if call.slot.asynchronous:
                self._waiting.more(call)
            self.ready(call.slot)

    def _on_recall(self, head, parts):
        slot = self.slots.get(head["slot"])
        if slot is not None:
            self.recall(slot)

    def recall(self, slot):
        """Give back the calls not begun; the rest of a begun call when its message is through."""
        for call in list(slot.calls):
            if call.under_way or (slot.busy and call is slot.calls[0]):
                call.recalled = True
                continue
            slot.calls.remove(call)
            self._take_out(call)

    def stop(self, slot, left):
        """Give back all other calls of a slot after a failed call, until a state to go on from comes. Cut the routes with
        messages *left* [(inputs, at)].
        """
        slot.stopped = True
        while slot.calls:
            self._take_out(slot.calls.popleft())
        for inputs, _ in left:
            wire, number = inputs.wire
            if number in self.slots:
                self.slots[number].cut(wire)

    def _take_out(self, call):
        call.ended = True
        self.calls.pop(call.number, None)
        call.forget()
        self.give_back(call.number)

    def give_back(self, number):
        """Report a call as returned with no work done."""
        self.send(self.packed({"t": "returned", "call": number, "end": True}))

    def _on_free(self, head, parts):
        self.segments.free(head.get("segments") or (), head.get("remove") or ())

    def _on_exit(self, head, parts):
        self._exiting = True

    # --- what the context offers -----------------------------------------------------------------------------------------

    def emit(self, current, context, port, value):
        """Carry out `ctx.emit`, from any thread."""
        slot = current.slot
        if get_ident() != self._owner:
            current.add(context, self.worker.entry(slot, port, value))
            return self._waiting.told(slot) if slot.asynchronous else None
        current.check(context)
        if slot.asynchronous and self._waiting.has(slot):
            return self._waiting.emit(slot, port, value)
        self.flush_timer.watch()
        return self._chunks.emit(slot, current.given, port, value)
