"""The option ``runner=``: what it means, and what is wrong with it."""

from __future__ import annotations

import pytest

from floe_jupyter.core.flow.check import check
from floe_jupyter.core.flow.model import Flow, Module, Node
from floe_jupyter.core.flow.placement import LONGEST_URL, problem_of, runner_of, runners_in


@pytest.mark.parametrize(
    ("text", "urls"),
    [("", ()), ("local:b", ("local:b",)), ("local:b, local:c", ("local:b", "local:c")), (" , ", ())],
)
def test_the_runners_in_a_text(text: str, urls: tuple[str, ...]):
    assert runners_in(text) == urls


def test_a_node_comes_before_its_module_and_the_module_before_the_flow():
    named, plain = Module("m", "", runner="local:m"), Module("m", "")
    assert runner_of(Node("n", "m", runner="local:n"), named, 0, "local:f") == "local:n"
    assert runner_of(Node("n", "m"), named, 0, "local:f") == "local:m"
    assert runner_of(Node("n", "m"), plain, 3, "local:f") == "local:f"


@pytest.mark.parametrize(
    "text", ["", "local:", "local:b", "local:b, ssh:me@far", "local:B_1.x-2", "docker:floe-runner", "join:desk"]
)
def test_these_runners_are_fine(text: str):
    assert problem_of(text, 2) == problem_of(text) == ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("loca:b", "no kind of runner 'loca'; did you mean 'local:'?"),
        ("local", "no runner 'local'; write local:[NAME]"),
        ("local:b/c", "'b/c' cannot name a local runner: write letters, digits, _, . and -, such as 'local:b'"),
        ("ssh:", "no runner 'ssh:'; write ssh:[USER@]HOST[:FOLDER]"),
        (",", "runner= names no runner; write one such as 'local:b', or leave it out"),
        ("local:a,local:b,local:c", "runner= names 3 runners for 2 workers; add workers=3"),
        ("x" * (LONGEST_URL + 1), f"runner= has at most {LONGEST_URL} characters, not {LONGEST_URL + 1}; name fewer runners"),
    ],
)
def test_these_runners_are_refused_with_the_cure(text: str, problem: str):
    assert problem_of(text, 2).rstrip("?") == problem.rstrip("?")
    found = check(Flow("f", (Node("a", "m", workers=2, runner=text),)), {"m": Module("m", "")})
    assert [(str(each), each.about) for each in found] == [(problem_of(text, 2), ("option", "a", "runner"))]
