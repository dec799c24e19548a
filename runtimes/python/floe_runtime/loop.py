"""The loop: frames in, chunks of work, frames out.

Everything but calls is carried out at once. Calls wait in their slot; slots with calls take turns, a chunk each.
"""

import os
import sys
from collections import deque
from time import perf_counter

from floe_runtime.checks import BadFrame, check, check_parts, is_plain_call, parts_of
from floe_runtime.codec import choose
from floe_runtime.failures import clean, failure, plain
from floe_runtime.logs import Logs
from floe_runtime.pipe import pack
from floe_runtime.segments import Segments
from floe_runtime.texts import Values
from floe_runtime.values import FIDELITY, ValueRefused
from floe_runtime.work import BUDGET, Worker

PROTOCOL = 1
TURNS = 64
"""So many messages are handled between two looks at the pipe."""


class Runtime:
    """Serves one runner until its pipe ends."""

    def __init__(self, pipe, directory):
        self._pipe = pipe
        self._hello()
        from floe_runtime.calls import Call
        from floe_runtime.chunks import Chunks
        from floe_runtime.slots import LoadError, Slot

        self._call_class, self._slot_class, self._load_error = Call, Slot, LoadError
        self.slots, self.calls, self._ring = {}, {}, deque()
        self._out, self._bad, self._reason = [], 0, ""
        self.nested = 0
        """How many functions wait inside `emit` while others run."""
        self.forked = self._exiting = False
        self.codec = choose(os.environ.get("FLOE_CODEC", ""))
        self.segments = Segments(directory, os.environ.get("FLOE_RUNTIME", f"floe-{os.getpid()}-0"))
        self.values = Values(self.codec, self.segments)
        self.worker = Worker(self.codec, self.values)
        self.logs = Logs(self._log)
        self._chunks = Chunks(self)
        os.register_at_fork(after_in_child=self._in_child)
        self._waiting = None
        """What drives asynchronous functions, once there is one."""

    def _in_child(self):
        """In a process that a module forked: it is none of ours, and ends where it comes back to us."""
        self.forked = self.logs.forked = True
        self._pipe.close()

    def _hello(self):
        version = ".".join(map(str, sys.version_info[:3]))
        fidelity = ",".join(f'"{kind}":"{what}"' for kind, what in FIDELITY.items())
        self._pipe.send(pack(b'{"t":"hello","protocol":%d,"lang":"python","version":"%b","pid":%d,"fidelity":{%b}}'
                             % (PROTOCOL, version.encode(), os.getpid(), fidelity.encode())))

    # --- the loop --------------------------------------------------------------------------------------------------------

    def serve(self):
        """Until the pipe ends or `exit` comes."""
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
        self.logs.flush()
        self.flush()

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
            self.send(self._packed({"t": "bad", "reason": self._reason, "count": self._bad}))
            self._reason = ""
        if self._pipe.ended:
            self._exiting = True

    def _work(self):
        """Turns, until a chunk's worth of messages or of time is used up."""
        until, turns = perf_counter() + BUDGET, 0
        while self._ring and turns < TURNS:
            slot = self._ring.popleft()
            slot.queued = False
            if slot.calls:
                turns += min(slot.pace, slot.calls[0].n)
                self._chunks.turn(slot)
                self.ready(slot)
            if perf_counter() > until:
                break

    def ready(self, slot):
        """Give the slot turns if it has something to do."""
        if slot.calls and not slot.queued and not slot.busy and not slot.calls[0].waits:
            if slot.asynchronous:
                self._waiting.begin(slot)
            else:
                slot.queued = True
                self._ring.append(slot)

    def wait_for_more(self, call):
        """Inside a function that ran ahead: serve everything else until `more` comes for its call."""
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
        """Write what is queued."""
        if self.forked:
            os._exit(0)
        if self._out:
            out, self._out = self._out, []
            self._pipe.send(out[0] if len(out) == 1 else b"".join(out))

    def _packed(self, head):
        return pack(self.codec.dumps(head))

    def _log(self, slot, stream, text, cut):
        head = {"t": "log", "slot": slot, "text": clean(text), "stream": stream}
        if cut:
            head["cut"] = cut
        self.send(self._packed(head))
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
        number = head["slot"]
        self._forget(number)
        slot = self._slot_class(head, self.codec)
        slot.context.connect(self)
        slot.log = self.logs.current = self.logs.open(number)
        try:
            slot.load()
            if slot.asynchronous:
                self._start_waiting()
            if head.get("state") is not None:
                slot.state.replace(head["state"])
        except BaseException as error:
            self._forget(number)
            self._answer_refused(slot, error)
            return
        self.slots[number] = slot
        self.send(self._packed({"t": "loaded", "slot": number, "fusable": slot.fusable, "follows": slot.follows}))

    def _start_waiting(self):
        if self._waiting is None:
            from floe_runtime.waiting import Waiting

            self._waiting = Waiting(self, self._chunks, self._pipe.incoming)

    def _answer_refused(self, slot, error):
        if isinstance(error, (self._load_error, ValueRefused)):
            report = {**plain(slot.node, str(error), "load"), "cell": slot.source.cell}
        else:
            report = failure(slot.node, error, "load")
        self.send(self._packed({"t": "refused", "slot": slot.number, "failure": report}))

    def _on_activate(self, head, parts):
        slot = self.slots.get(head["slot"])
        if slot is None:
            report = plain("", f"slot {head['slot']} is not loaded", "load")
            self.send(self._packed({"t": "refused", "slot": head["slot"], "failure": report}))
            return
        self.logs.current = slot.log
        try:
            slot.activate(head["state"])
        except BaseException as error:
            self._forget(slot.number)
            self._answer_refused(slot, error)
            return
        text = b'{"t":"activated","slot":%d,"state":%b}' % (slot.number, slot.state.text())
        self.send(pack(text))

    def _on_unload(self, head, parts):
        self._forget(head["slot"])

    def _forget(self, number):
        slot = self.slots.pop(number, None)
        self.logs.forget(number)
        if slot is not None:
            for call in slot.calls:
                self.calls.pop(call.number, None)
                call.ended = True
            slot.calls.clear()
            if slot.asynchronous:
                self._waiting.forget(slot)
            for other in self.slots.values():
                other.unroute(slot)

    def _on_route(self, head, parts):
        slot = self.slots.get(head["slot"])
        if slot is None:
            raise BadFrame(f"route: slot {head['slot']} is not loaded")
        routes = {}
        for port, targets in head["routes"].items():
            routes[port] = [(wire, self._target(slot, number), input_port) for wire, number, input_port in targets]
        slot.routes = {port: targets for port, targets in routes.items() if targets}
        self.send(self._packed({"t": "routed", "slot": slot.number}))

    def _target(self, slot, number):
        target = self.slots.get(number)
        if target is None or not target.fusable:
            raise BadFrame(f"route: slot {number} is not loaded, or no plain function")
        if target.leads_to(slot):
            raise BadFrame(f"route: slot {number} leads back to slot {slot.number}")
        return target

    def _on_call(self, head, parts):
        slot = self.slots.get(head["slot"])
        if slot is None:
            raise BadFrame(f"call: slot {head['slot']} is not loaded")
        if head["call"] in self.calls:
            raise BadFrame(f"call: {head['call']} is under way")
        if slot.stopped and head.get("state") is None:
            self._give_back(head["call"])
            return
        slot.stopped = False
        call = self._call_class(slot, head, parts)
        self.calls[call.number] = call
        slot.calls.append(call)
        self.ready(slot)

    def over(self, call):
        """The call has ended."""
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
        if slot is None:
            return
        for call in list(slot.calls):
            if call.under_way or (slot.busy and call is slot.calls[0]):
                call.recalled = True
                continue
            slot.calls.remove(call)
            self._take_out(call)

    def stop(self, slot, left):
        """A call of the slot failed and is over: until a state comes to go on from, all others are given back. Routes over which
        something is *left* [(parcel, at)] are off.
        """
        slot.stopped = True
        while slot.calls:
            self._take_out(slot.calls.popleft())
        for parcel, _ in left:
            wire, number = parcel.wire
            if number in self.slots:
                self.slots[number].cut(wire)

    def _take_out(self, call):
        call.ended = True
        self.calls.pop(call.number, None)
        call.forget()
        self._give_back(call.number)

    def _give_back(self, number):
        self.send(self._packed({"t": "returned", "call": number, "end": True}))

    def _on_free(self, head, parts):
        self.segments.free(head.get("segments") or (), head.get("remove") or ())

    def _on_exit(self, head, parts):
        self._exiting = True

    # --- what the context offers -----------------------------------------------------------------------------------------

    def emit(self, slot, given, port, value):
        """See `Chunks.emit`."""
        if slot.asynchronous:
            return self._waiting.emit(slot, given, port, value)
        return self._chunks.emit(slot, given, port, value)
