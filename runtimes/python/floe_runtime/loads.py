"""Loading and unloading of slots: `load`, `activate`, `route` and `unload` of the runtime."""

from floe_runtime.checks import BadFrame
from floe_runtime.failures import failure, plain
from floe_runtime.functions import LoadError
from floe_runtime.slots import Slot
from floe_runtime.values import ValueRefused

MOVED = (
    "RuntimeError: os.chdir() in a module whose function is async would move all modules that share this process; "
    "use absolute paths"
)


class Loads:
    """Loader of a runtime's slots; the runtime holds the dictionary of slots and the logs, and sends the frames."""

    def __init__(self, runtime):
        self._runtime, self._slots = runtime, runtime.slots

    def load(self, head):
        """Run a module's source; unload the previous slot of the same number first."""
        runtime, number = self._runtime, head["slot"]
        self.forget(number)
        slot = Slot(head, runtime.codec)
        slot.current.tools = runtime
        slot.log = slot.source.log = runtime.logs.current = runtime.logs.open(number)
        before = runtime.isolation.enter(slot)
        try:
            slot.load(runtime.complete)
            if slot.asynchronous:
                if runtime.isolation.moved():
                    raise LoadError(MOVED)
                runtime.start_waiting()
            if head.get("state") is not None:
                slot.state.replace(head["state"])
        except BaseException as error:
            runtime.isolation.leave(slot, before)
            slot.leave()
            self.forget(number)
            self._refuse(slot, error)
            return
        runtime.isolation.leave(slot, before)
        self._slots[number] = slot
        runtime.send(runtime.packed({"t": "loaded", "slot": number, "fusable": slot.fusable, "follows": slot.follows}))

    def activate(self, number, state):
        """Give a slot the state of the previous version."""
        runtime, slot = self._runtime, self._slots.get(number)
        if slot is None:
            self._answer_refused(number, plain("", f"slot {number} is not loaded", "load"))
            return
        runtime.logs.current = slot.log
        slot.enter()
        before = runtime.isolation.enter(slot)
        try:
            slot.activate(state)
        except BaseException as error:
            runtime.isolation.leave(slot, before)
            self.forget(number)
            self._refuse(slot, error)
            return
        runtime.isolation.leave(slot, before)
        runtime.send(runtime.framed(b'{"t":"activated","slot":%d,"state":%b}' % (number, slot.state.text())))

    def forget(self, number):
        """Unload the slot *number*, if any."""
        slot = self._slots.pop(number, None)
        self._runtime.logs.forget(number)
        self._runtime.isolation.forget(number)
        if slot is not None:
            slot.leave()
            self._runtime.take_off(slot)

    def route(self, number, given):
        """Make a slot hand outputs to other slots of the process. Raises `BadFrame`."""
        slot = self._slots.get(number)
        if slot is None:
            raise BadFrame(f"route: slot {number} is not loaded")
        routes = {}
        for port, targets in given.items():
            routes[port] = [(wire, self._target(slot, other), input_port) for wire, other, input_port in targets]
        slot.route(routes)
        self._runtime.send(self._runtime.packed({"t": "routed", "slot": number}))

    def _target(self, slot, number):
        target = self._slots.get(number)
        if target is None or not target.fusable:
            raise BadFrame(f"route: slot {number} is not loaded, or no plain function")
        if slot.leads_back(target):
            raise BadFrame(f"route: slot {number} leads back to slot {slot.number}")
        return target

    def _refuse(self, slot, error):
        if isinstance(error, (LoadError, ValueRefused)):
            report = {**plain(slot.node, str(error), "load"), "cell": slot.source.cell}
        else:
            report = failure(slot.node, error, "load")
        self._answer_refused(slot.number, report)

    def _answer_refused(self, number, report):
        self._runtime.send(self._runtime.packed({"t": "refused", "slot": number, "failure": report}))
