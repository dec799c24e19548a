"""The option ``--runner`` of a module: read from the cell, checked, and written back."""

import pytest

from floe_jupyter.client.define import module_of
from floe_jupyter.client.verbs import VERBS
from floe_jupyter.client.verbs.arguments import parse
from floe_jupyter.client.verbs.files import _module_text
from floe_jupyter.core.flow.model import Place
from floe_jupyter.errors import DefinitionError

SOURCE = "def a(v):\n    return v\n"


def module(line: str):
    """Return the module of a cell with this first line."""
    arguments = VERBS["module"].arguments
    return module_of(parse("module", arguments, line, "%%floe "), SOURCE, Place())


def test_a_module_names_the_runner_of_its_nodes_and_its_text_says_so():
    assert module("a --runner local:b").runner == "local:b"
    assert module("a").runner == ""
    assert "%%floe module a --runner local:b\n" in _module_text(module("a --runner local:b"))


@pytest.mark.parametrize(
    ("runner", "message"),
    [
        ("lokal:b", "no kind of runner 'lokal'; did you mean 'local:'"),
        ("b", "no kind of runner 'b'"),
        ("local", "no runner 'local'; write local:[NAME]"),
        ("local:b/c", "'b/c' cannot name a local runner"),
    ],
)
def test_a_runner_that_cannot_be_is_refused_at_the_cell(runner: str, message: str):
    with pytest.raises(DefinitionError) as caught:
        module(f"a --runner {runner}")
    assert message in str(caught.value)
    assert "module 'a'" in str(caught.value)
