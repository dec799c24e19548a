"""URLs of runners, right and wrong."""

from __future__ import annotations

import pytest

from floe_jupyter.core.flow.placement import problem_of
from floe_jupyter.core.flow.runner_urls import FORMS, problem_of_url, require_runner
from floe_jupyter.errors import DefinitionError

RIGHT = ["local:", "local:b-2", "ssh:box", "ssh:me@box:work", "docker:floe-runner", "docker:x@far?memory=1g", "join:lab1"]


@pytest.mark.parametrize("url", RIGHT)
def test_a_runner_of_every_kind_is_accepted_at_a_flow_and_at_a_node(url: str) -> None:
    require_runner(url)
    assert problem_of(url) == ""


def test_every_kind_has_an_example_here() -> None:
    assert {url.partition(":")[0] for url in RIGHT} == set(FORMS)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("local", "no runner 'local'; write local:[NAME]"),
        ("local:b c", "'b c' cannot name a local runner"),
        ("ssh:", "no runner 'ssh:'; write ssh:[USER@]HOST[:FOLDER]"),
        ("docker:Upper", "names no image"),
        ("sh:x", "no kind of runner 'sh'; did you mean 'ssh:'?"),
        ("", "no kind of runner ''"),
    ],
)
def test_a_runner_that_cannot_be_is_refused_with_its_form(url: str, said: str) -> None:
    assert said in problem_of_url(url)
    with pytest.raises(DefinitionError):
        require_runner(url)
