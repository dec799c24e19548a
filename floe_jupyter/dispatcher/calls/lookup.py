"""Search for the machine with a message, by the message's id: a displayed id works, whichever run holds the message."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from floe_jupyter.core.machine.events import Event
from floe_jupyter.dispatcher.calls.server import LATER, PendingCall
from floe_jupyter.dispatcher.runs.hub import Hub
from floe_jupyter.dispatcher.runs.instances import KnownInstance
from floe_jupyter.dispatcher.runs.workspaces import Space
from floe_jupyter.errors import FloeError, UnknownName

Try = Callable[[KnownInstance, Callable[[Any, FloeError | None], None]], None]


def candidates(hub: Hub, space: Space, flow: str) -> list[KnownInstance]:
    """Return the instances that may hold a message shown for *flow*: the named instance; else all of the flow, or of the
    workspace, the instance meant by the name alone first. Raises `UnknownName` and `DefinitionError`.
    """
    first = hub.instance_of(space, flow)
    if flow not in ("", first.flow.name):
        return [first]
    others = [i for i in reversed(hub.alive(first.space, first.flow.name if flow else "")) if i is not first]
    return [first, *others]


def stepped_last(hub: Hub, space: Space, flow: str) -> str:
    """Return the name of the instance whose step is to be undone: the instance stepped last, unless *flow* names another."""
    found = hub.instances.get(space.stepped)
    return found.name if found is not None and not found.ended and flow in ("", found.flow.name) else flow


def by_id(request: PendingCall, instances: list[KnownInstance], act: Try, then: Callable[[KnownInstance, Any], None]) -> Any:
    """Call *act* for each instance until one knows the message, then *then* with the answer; or fail with the first error."""
    left = list(instances)
    unknown: list[FloeError] = []

    def attempt() -> None:
        instance = left.pop(0)
        act(instance, lambda value, error: answered(instance, value, error))

    def answered(instance: KnownInstance, value: Any, error: FloeError | None) -> None:
        if error is None:
            then(instance, value)
            return
        unknown.append(error)
        if isinstance(error, UnknownName) and left:
            attempt()
        else:
            request.fail(unknown[0] if isinstance(error, UnknownName) else error)

    attempt()
    return LATER


def send_request_by_id(
    hub: Hub,
    request: PendingCall,
    space: Space,
    flow: str,
    event: Callable[[int], Event],
    then: Callable[[KnownInstance, Any], None],
) -> Any:
    """Send a request to the instance that knows the message (see `by_id`)."""
    return by_id(request, candidates(hub, space, flow), lambda instance, done: hub.send_request(instance, event, done), then)


def gather(hub: Hub, request: PendingCall, instances: list[KnownInstance], call: str, args: dict[str, Any] | None) -> Any:
    """Ask several machines, and answer with the concatenation of their lists, in the order of *instances*."""
    answers: dict[int, list[Any]] = {}

    def listed(place: int, value: Any, error: FloeError | None) -> None:
        if error is not None and len(instances) == 1:
            request.fail(error)
            return
        answers[place] = value or []
        if len(answers) == len(instances):
            request.reply([item for _, found in sorted(answers.items()) for item in found])

    for place, instance in enumerate(instances):
        hub.ask(instance, call, partial(listed, place), args)
    return LATER if instances else []
