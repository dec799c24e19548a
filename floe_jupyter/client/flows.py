"""Flows of the Python API."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from operator import length_hint
from typing import Any

from floe_jupyter.client.display import display
from floe_jupyter.client.durations import seconds
from floe_jupyter.client.failures import run_failed
from floe_jupyter.client.feeding import Feeder, messages
from floe_jupyter.client.outcome import image, picture
from floe_jupyter.client.run import Run
from floe_jupyter.client.session import Session, session
from floe_jupyter.client.stepping import NOT_GIVEN, Steppable, one, port_of, text_of
from floe_jupyter.client.tables import Table
from floe_jupyter.client.waiting import Steps, block
from floe_jupyter.core.flow.model import Flow as Definition
from floe_jupyter.core.flow.model import Module
from floe_jupyter.errors import DefinitionError
from floe_jupyter.wire.control.calls import ResultBatch, RunInfo
from floe_jupyter.wire.values import decode, encode


def flow(name: str, workspace: str = "") -> Flow:
    """Return the flow called *name*, of this workspace or of the named one. Raises KeyError naming the nearest flow."""
    own = session().scoped(workspace) if workspace else session()
    return Flow(own, own.flow(name).name)


NO_INPUT = "; without --input each source gets one null: give it messages, such as --input [1, 2]"


class Flow(Steppable):
    """A defined flow, to be run once, kept up, stopped and stepped."""

    def __init__(self, session: Session, name: str) -> None:
        self._session, self.name = session, name

    def __repr__(self) -> str:
        return f"Flow {self.name}: {', '.join(self.nodes)}"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        svg = picture(self.definition)
        live = display().live(self._session, self.name)
        return {"text/plain": repr(self), "image/svg+xml": svg, "text/html": image(svg), **live}

    def _target(self) -> str:
        return self.name

    @property
    def definition(self) -> Definition:
        """Nodes and wires of the newest version."""
        return self._session.flow(self.name)

    @property
    def version(self) -> int:
        """Number of the newest version."""
        return self.definition.version

    @property
    def nodes(self) -> list[str]:
        """Ids of the nodes."""
        return [node.id for node in self.definition.nodes]

    @property
    def modules(self) -> list[Module]:
        """Modules of the nodes."""
        known = self._session.modules()
        return [known[name] for name in dict.fromkeys(n.module for n in self.definition.nodes) if name in known]

    @property
    def runner(self) -> Any:
        """Runner that executes the flow."""
        from floe_jupyter.client.runner_api import RunnerApi

        return RunnerApi(self.definition.runner, self._session)

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
        runner: str = "",
    ) -> Run:
        """Run the flow once: each item of an iterable is a message, any other value a single message; without *messages*, each
        source gets a null.

        The iterable is read as fast as the flow takes messages. Returns when the run is done, cancelled, or held with no other
        work left; with ``wait=False`` at once, while a thread feeds the run. Raises RunFailed.
        *timeout*: maximum seconds of the run. *runner*: URL of the runner, such as ``ssh:box``, instead of the flow's.
        """
        if not wait or detach:
            run = self.open(messages, to=to, debug=debug, durable=durable, detach=detach, timeout=timeout, runner=runner)
            run.feed_in_background()
            return run
        return block(self.running(messages, to=to, debug=debug, durable=durable, timeout=timeout, runner=runner))

    def running(
        self, given: Any, *, through_holds: bool = False, raises: bool = True, opened: Any = None, **options: Any
    ) -> Steps[Run]:
        """Run the flow like `run`, as steps for `floe_jupyter.client.waiting`; *opened* is called with the run once open."""
        run = self.open(given, **options)
        return (yield from run.shown_and_fed(opened, through_holds=through_holds, raises=raises))

    def open(
        self,
        given: Any,
        *,
        to: str = "",
        debug: bool = False,
        durable: bool = False,
        detach: bool = False,
        timeout: float | None = None,
        runner: str = "",
    ) -> Run:
        """Open a run and its feeder; no message is fed yet. Refuses beforehand a list whose first item cannot be encoded."""
        node, port = self._input(to)
        limit = seconds("timeout", timeout)
        known = hasattr(given, "__len__") or given is NOT_GIVEN
        items = iter((None,)) if given is NOT_GIVEN else messages(given)
        total = 0 if given is NOT_GIVEN else length_hint(items)
        if known:
            items = _checked(items)
        info = self._session.ask(
            RunInfo,
            "open_run",
            flow=self.name,
            debug=debug,
            durable=durable,
            detach=detach,
            timeout=limit,
            runner=runner,
            context=self._session.context(),
        )
        self._session.keep_run(info.ref, self.name)
        over = self._session.submit("wait", ref=info.ref, through_holds=True)
        feeder = Feeder(self._session, info.ref, items, node, port, live=not known)
        return Run(self._session, info, feeder, over, total=total, hint=NO_INPUT if given is NOT_GIVEN else "")

    def _input(self, to: str) -> tuple[str, str]:
        """Return the node and the port that *to* means. Wrong names are refused before feeding, because messages fed elsewhere
        would be lost silently.
        """
        from floe_jupyter.core.flow.check import entries

        node, port = port_of(to)
        entries(self.definition, self._session.modules(), node, port)
        return node, port

    # --- a flow that stays up ----------------------------------------------------------------------------------------

    def start(self, *, debug: bool = False, detach: bool = False, runner: str = "") -> Flow:
        """Start the flow, which stays up until `stop`, in its runner or in that of the URL *runner*. Returns this flow."""
        context = self._session.context()
        self._session.call("start", flow=self.name, debug=debug, detach=detach, runner=runner, context=context)
        self._session.keep_used(self.name)
        return self

    def send(self, value: Any, to: str = "", *, each: bool = False) -> Run:
        """Send a message into the flow that is up (to a node, ``node.port``, or every source). Returns the message's run.

        With *each*, *value* is an iterable: every item is a message in a separate run. Returns the last of the runs.
        """
        node, port = self._input(to)
        batch = encode(list(messages(value))) if each else one(value)
        return Run(
            self._session, self._session.ask(RunInfo, "send", batch=batch, flow=self.name, node=node, port=port, each=each)
        )

    def call(self, value: Any, to: str = "", timeout: float = 30.0) -> Any:
        """Send a message, wait for the end of its run, and return the only result. Raises RunFailed, TimeoutError, and
        DefinitionError if the run gave no result or several (use ``send(value).wait().results`` then).
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
        """Stop the flow that `start` started, and cancel its runs. Returns this flow."""
        self._session.call("stop", flow=self.name)
        return self

    def fork(self, id: str, value: Any = NOT_GIVEN, *, debug: bool = False, hold: bool = False) -> Run:  # noqa: A002 - the word of the magic
        """Start a new run from a recorded or held message, with another value if given. With *hold* the new run is paused
        before its first node. Returns the new run.
        """
        text, tagged = (None, False) if value is NOT_GIVEN else text_of(value)
        info = self._session.ask(RunInfo, "fork", id=id, text=text, tagged=tagged, flow=self.name, debug=debug or hold, hold=hold)
        return Run(self._session, info)

    def runs(self) -> list[Run]:
        """Return the runs of this flow, newest first."""
        return [Run(self._session, info) for info in self._session.ask(list[RunInfo], "runs", flow=self.name)]

    def logs(self, node: str = "") -> Table:
        """Return the output printed by the flow's modules, newest last."""
        return Table(
            self._session.ask(list[dict[str, Any]], "logs", flow=self.name, node=node), ["node", "stream", "text"], "no logs"
        )


def _checked(items: Iterator[Any]) -> Iterator[Any]:
    """Return the same items, after making sure that the first can be encoded. Raises ValueRefused."""
    first = list(islice(items, 1))
    if first:
        encode(first)
    return chain(first, items)
