"""Interpreter of a runtime in an outpost: the environment is found, or made, by the outpost."""

from __future__ import annotations

from typing import NamedTuple

from floe_jupyter.core.flow.model import Module
from floe_jupyter.wire.process_context import ProcessContext


class RemoteInterpreter(NamedTuple):
    """Order for a runtime: an outpost, and the module whose language and dependencies name the environment."""

    runner: str
    """URL of the outpost."""
    module: Module
    context: ProcessContext
    """Process context in which the modules run."""

    @property
    def lang(self) -> str:
        """Language of the runtime."""
        return self.module.lang

    @property
    def environment(self) -> str:
        """Dependencies of the environment, as text."""
        return " ".join([*sorted(set(self.module.deps)), *["(built)"] * self.module.build_deps])

    @property
    def key(self) -> str:
        """Key of runner, language, environment and context: runtimes with the same key can serve the same modules."""
        return f"{self.runner} {self.lang}:{self.environment}@{self.context.key}"
