"""A flow as Python sees it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from operator import length_hint
from typing import Any

from floe_jupyter.core.model import Flow as Definition
from floe_jupyter.core.model import Module
from floe_jupyter.errors import DefinitionError
from floe_jupyter.kernel.arguments import seconds
from floe_jupyter.kernel.debugging import NOT_GIVEN, Steppable, one, port_of, text_of
from floe_jupyter.kernel.failures import run_failed
from floe_jupyter.kernel.feeding import Feeder, messages
from floe_jupyter.kernel.outcome import image, picture
from floe_jupyter.kernel.run import Run
from floe_jupyter.kernel.session import Session, session
from floe_jupyter.kernel.shown import live
from floe_jupyter.kernel.tables import Table
from floe_jupyter.kernel.waiting import Steps, block
from floe_jupyter.wire.control import ResultBatch, RunInfo
from floe_jupyter.wire.values import decode, encode


def flow(name: str) -> Flow:
    """The flow of that name. Raises KeyError naming the nearest one."""
    return Flow(session(), session().flow(name).name)


class Flow(Steppable):
    """A flow that is defined: run it, keep it up, stop and step it."""

    def __init__(self, session: Session, name: str) -> None:
        self._session, self.name = session, name

    def __repr__(self) -> str:
        return f"Flow {self.name}: {', '.join(self.nodes)}"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        svg = picture(self.definition)
        return {"text/plain": repr(self), "image/svg+xml": svg, "text/html": image(svg), **live(self._session, self.name)}

    def _target(self) -> str:
        return self.name

    @property
    def definition(self) -> Definition:
        """Its nodes and wires, newest version."""
        return self._session.flow(self.name)

    @property
    def version(self) -> int:
        return self.definition.version

    @property
    def nodes(self) -> list[str]:
        return [node.id for node in self.definition.nodes]

    @property
    def modules(self) -> list[Module]:
        """The modules of its nodes."""
        known = self._session.modules()
        return [known[name] for name in dict.fromkeys(n.module for n in self.definition.nodes) if name in known]

    @property
    def runner(self) -> Any:
        """The runner that executes it."""
        from floe_jupyter.kernel.runner_api import Runner

        return Runner(self._session, self.definition.runner)

    # --- runs --------------------------------------------------------------------------------------------------------

    def run(
        self,
        messages: Any = NOT_GIVEN,
        *,
        wait: bool = True,
        to: str = "",
        debug: bool = False,
        durable: bool = False,
        detach: bool = False,
        timeout: float | None = None,
    ) -> Run:
        """Run it once: an iterable is one message per item, anything else one message; without any, each source gets one null.

        The iterable is read as fast as the flow takes it. Returns when the run is done, cancelled, or held with nothing else
        to do; with ``wait=False`` at once, while a thread feeds it. Raises RunFailed. *timeout*: seconds the run may take.
        """
        if not wait or detach:
            run = self.open(messages, to=to, debug=debug, durable=durable, detach=detach, timeout=timeout)
            run.feed_in_background()
            return run
        return block(self.running(messages, to=to, debug=debug, durable=durable, timeout=timeout))

    def running(
        self, given: Any, *, through_holds: bool = False, raises: bool = True, opened: Any = None, **options: Any
    ) -> Steps[Run]:
        """What `run` does, for `floe_jupyter.kernel.waiting`; *opened* is told the run as soon as there is one."""
        run = self.open(given, **options)
        if opened:
            opened(run)
        yield from run.feeding()
        return (yield from run.steps(through_holds=through_holds, raises=raises))

    def open(
        self,
        given: Any,
        *,
        to: str = "",
        debug: bool = False,
        durable: bool = False,
        detach: bool = False,
        timeout: float | None = None,
    ) -> Run:
        """Open a run and its feeder; nothing is fed yet. A list that begins with what cannot travel is refused before that."""
        node, port = self._input(to)
        limit = seconds("timeout", timeout)
        known = hasattr(given, "__len__") or given is NOT_GIVEN
        items = iter((None,)) if given is NOT_GIVEN else messages(given)
        total = 0 if given is NOT_GIVEN else length_hint(items)
        if known:
            items = _checked(items)
        info = self._session.ask(
            RunInfo, "open_run", flow=self.name, debug=debug, durable=durable, detach=detach, timeout=limit
        )
        self._session.keep_run(info.ref, self.name)
        over = self._session.submit("wait", ref=info.ref, through_holds=True)
        feeder = Feeder(self._session, info.ref, items, node, port, live=not known)
        return Run(self._session, info, feeder, over, total=total)

    def _input(self, to: str) -> tuple[str, str]:
        """The node and the port that *to* means; refused here, because what is fed elsewhere would be lost without a word."""
        from floe_jupyter.core.check import entries

        node, port = port_of(to)
        entries(self.definition, self._session.modules(), node, port)
        return node, port

    # --- a flow that stays up ----------------------------------------------------------------------------------------

    def start(self, *, debug: bool = False, detach: bool = False) -> Flow:
        """Start it; it stays up until `stop`. Returns itself."""
        self._session.call("start", flow=self.name, debug=debug, detach=detach)
        self._session.keep_used(self.name)
        return self

    def send(self, value: Any, to: str = "", *, each: bool = False) -> Run:
        """Send one message into the flow that is up (to a node, ``node.port``, or every source). Returns its run.

        With *each*, *value* is an iterable: every item of it is a message in a run of its own. Returns the last of these runs.
        """
        node, port = self._input(to)
        batch = encode(list(messages(value))) if each else one(value)
        return Run(
            self._session, self._session.ask(RunInfo, "send", batch=batch, flow=self.name, node=node, port=port, each=each)
        )

    def call(self, value: Any, to: str = "", timeout: float = 30.0) -> Any:
        """Send one message, wait for the end of its run, and return its only result. Raises RunFailed, TimeoutError, and
        DefinitionError when there were none or several (use ``send(value).wait().results`` for those).
        """
        node, port = self._input(to)
        limit = seconds("timeout", timeout)
        info, found = self._session.ask(
            tuple[RunInfo, list[ResultBatch]], "request", batch=one(value), flow=self.name, node=node, port=port, timeout=limit
        )
        if info.status == "failed":
            raise run_failed(info.ref, info.failures)
        values = [value for part in found for value in decode(part.batch)]
        if len(values) != 1:
            raise DefinitionError(
                f"flow {self.name!r} gave {len(values)} results; call() is for exactly one, send(value).wait().results takes any"
            )
        return values[0]

    def stop(self) -> Flow:
        """Stop what `start` started; its runs are cancelled. Returns itself."""
        self._session.call("stop", flow=self.name)
        return self

    def fork(self, id: str, value: Any = NOT_GIVEN, *, debug: bool = False) -> Run:  # noqa: A002 - the word of the magic
        """Start again from a recorded or held message, with another value if one is given. Returns the new run."""
        text, tagged = (None, False) if value is NOT_GIVEN else text_of(value)
        return Run(
            self._session, self._session.ask(RunInfo, "fork", id=id, text=text, tagged=tagged, flow=self.name, debug=debug)
        )

    def runs(self) -> list[Run]:
        """Its runs, newest first."""
        return [Run(self._session, info) for info in self._session.ask(list[RunInfo], "runs", flow=self.name)]

    def logs(self, node: str = "") -> Table:
        """What its modules printed, newest last."""
        return Table(
            self._session.ask(list[dict[str, Any]], "logs", flow=self.name, node=node), ["node", "stream", "text"], "no logs"
        )


def _checked(items: Iterator[Any]) -> Iterator[Any]:
    """The same items, after making sure that the first can travel. Raises ValueRefused."""
    first = list(islice(items, 1))
    if first:
        encode(first)
    return chain(first, items)
