"""Placement of nodes: the runner in which each worker of a node has its runtime.

The option ``runner=`` of a node comes before that of its module, and that before the flow's. It names one runner, or several
separated by commas, among which the workers of the node are dealt out in turn.
"""

from __future__ import annotations

from floe_jupyter.core.flow.model import Module, Node
from floe_jupyter.core.flow.runner_urls import problem_of_url

LONGEST_URL = 1_000
"""Maximum characters of the option ``runner=``."""


def runners_in(text: str) -> tuple[str, ...]:
    """Return the URLs in the value of ``runner=``, without blanks."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def runner_of(node: Node, module: Module, worker: int, default: str) -> str:
    """Return the URL of the runner for a worker of a node; *default* is the flow's."""
    urls = runners_in(node.runner or module.runner)
    return urls[worker % len(urls)] if urls else default


def problem_of(text: str, workers: int = 0) -> str:
    """Return what is wrong with a value of ``runner=``, and the cure; empty if nothing is. *workers* of 0 are unknown."""
    urls = runners_in(text)
    if len(text) > LONGEST_URL:
        return f"runner= has at most {LONGEST_URL} characters, not {len(text)}; name fewer runners"
    if not urls and text:
        return "runner= names no runner; write one such as 'local:b', or leave it out"
    if 0 < workers < len(urls):
        return f"runner= names {len(urls)} runners for {workers} worker{'s' * (workers > 1)}; add workers={len(urls)}"
    return next((problem for problem in map(problem_of_url, urls) if problem), "")
