"""Short words for the tests here: modules, and flows whose home is a container."""

from __future__ import annotations

from typing import Any

import msgspec

from floe_jupyter.core.flow.model import Module
from floe_jupyter.core.notation.parser import parse
from floe_jupyter.wire.client.client import Client
from tests.e2e.flows import finished, opened, results, run

IMAGE = "docker:floe-runner"


def module(name: str, source: str, lang: str = "python", **options: Any) -> Module:
    """A module."""
    return Module(name, source, lang, **options)


def define(client: Client, name: str, text: str, *modules: Module, runner: str = IMAGE) -> None:
    """Define modules, and a flow of them whose home is *runner*."""
    for each in modules:
        client.call("define", module=each)
    known = {m.name: m for m in client.call("modules")}
    client.call("define_flow", flow=msgspec.structs.replace(parse(text, name, modules=known), runner=runner))


__all__ = ["IMAGE", "define", "finished", "module", "opened", "results", "run"]
