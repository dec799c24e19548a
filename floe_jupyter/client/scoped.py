"""Client for another workspace: names in its calls belong to that workspace."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from floe_jupyter.wire.control.args import Named
from floe_jupyter.wire.control.calls import CALLS
from floe_jupyter.wire.control.workspaces import Workspace


class ScopedClient:
    """`floe_jupyter.client.session.SessionClient` for one workspace, over the client of a session, which stays open."""

    def __init__(self, client: Any, workspace: Workspace) -> None:
        self._client, self.workspace = client, workspace

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def _with(self, name: str, args: dict[str, Any]) -> dict[str, Any]:
        return {"workspace": self.workspace.id, **args} if issubclass(CALLS[name], Named) else args

    def call(self, name: str, /, **args: Any) -> Any:
        """Send a call for the workspace and wait for the answer."""
        return self._client.call(name, **self._with(name, args))

    def submit(self, name: str, /, **args: Any) -> Future[Any]:
        """Send a call for the workspace and return a future of the answer or the error."""
        future: Future[Any] = self._client.submit(name, **self._with(name, args))
        return future

    def subscribe(self, topic: str, seen: Callable[[str, Any], None]) -> Callable[[], None]:
        """Subscribe through the session's client. Returns a function that ends the subscription."""
        end: Callable[[], None] = self._client.subscribe(topic, seen)
        return end

    def close(self, *, keep: bool = False) -> None:
        """Leave the session's client open."""
