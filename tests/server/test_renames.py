"""A notebook that is renamed or moved through Jupyter keeps its workspace, also while no page is open."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from typing import Any

import msgspec

from floe_jupyter.wire.client.client import Client, connect
from floe_jupyter.wire.control.workspaces import Workspace, WorkspaceInfo
from tests.dispatcher.kit import REAL, define, until
from tests.server.kit import Server


def moved(server: Server, source: str, target: str) -> None:
    """Rename it as the file browser does."""
    request = urllib.request.Request(
        f"{server.url}api/contents/{source}",
        json.dumps({"path": target}).encode(),
        method="PATCH",
        headers={"Authorization": f"token {server.token}"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 200


def test_a_renamed_notebook_and_one_in_a_moved_folder_keep_their_workspaces(
    server: Server, kernel: Callable[..., Client]
) -> None:
    kernel()  # the dispatcher, with its own data
    folder = server.base / "root" / "deep"
    folder.mkdir(exist_ok=True)
    (folder / "one.ipynb").write_text(json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))

    def of(path: Any) -> Client:
        return connect(
            client="kernel", path=server.connection, command=REAL, workspace=Workspace("", path.name, "notebook", str(path))
        )

    with of(folder / "one.ipynb") as one:
        define(one, "shop", price="def price(msg): return msg")

        def place() -> str:
            found = msgspec.convert(one.call("workspaces"), list[WorkspaceInfo])
            return next(info.workspace.path for info in found if info.own)

        moved(server, "deep/one.ipynb", "deep/two.ipynb")
        until(lambda: place() == str(folder / "two.ipynb"), "the workspace to follow its notebook")
        moved(server, "deep", "far")
        until(lambda: place() == str(folder.parent / "far" / "two.ipynb"), "the workspace to follow its folder")
    with of(folder.parent / "far" / "two.ipynb") as again:
        assert [flow["name"] if isinstance(flow, dict) else flow.name for flow in again.call("flows")] == ["shop"]
