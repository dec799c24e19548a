"""Verb for images of runners in containers: list images, or build one. No dispatcher takes part."""

from __future__ import annotations

from typing import Any

from floe_jupyter.client.tables import Table
from floe_jupyter.client.verbs.arguments import VerbArgument
from floe_jupyter.client.verbs.model import JSON, Note, Verb, VerbCall, VerbResult
from floe_jupyter.containers.engine import connect
from floe_jupyter.errors import unknown

ACTIONS = ("build",)
_MB = 1_000_000


def images(request: VerbCall) -> VerbResult:
    """List the images of runners, or build one."""
    action = request["action"] or ""
    if action and action not in ACTIONS:
        raise unknown("action on images", action, ACTIONS)
    client = connect(request["engine"] or "")
    return _build(client, request) if action else _list(client)


def _build(client: Any, request: VerbCall) -> VerbResult:
    from floe_jupyter.containers.build import build

    quiet = bool(request["json"])
    name = build(client, request["languages"] or (), request["base"] or "", _ignore if quiet else _print)
    return VerbResult(Note(f'Image {name} is built; a flow runs in it with --runner "docker:{name}"'), {"image": name})


def _list(client: Any) -> VerbResult:
    from floe_jupyter.containers.images import code_version, listed

    here = code_version()
    rows: list[dict[str, Any]] = [
        {
            "image": image.name,
            "version": image.version,
            "languages": list(image.languages),
            "MB": image.size // _MB,
            "usable": image.version == here,
        }
        for image in listed(client)
    ]
    return VerbResult(
        Table(rows, ["image", "version", "languages", "MB", "usable"], "no image; `floe images build` makes one"), rows
    )


def _print(text: str) -> None:
    print(text, flush=True)


def _ignore(_: str) -> None:
    """Write nothing: a program reads the answer."""


VERBS = (
    Verb(
        "images",
        "List images of runners in containers, or build one: `images build` (the default), `images build LANGUAGE ...`.",
        images,
        (
            VerbArgument("action", "`build`, or nothing to list them"),
            VerbArgument(
                "languages", "languages of the image, besides Python (default: those that need little room)", kind="texts"
            ),
            VerbArgument(
                "--base", "the image to begin with (default: debian:bookworm-slim, else one made from this machine's apt)"
            ),
            VerbArgument("--engine", "a docker context or the URL of an engine (default: the one that `docker` uses)"),
            JSON,
        ),
    ),
)
