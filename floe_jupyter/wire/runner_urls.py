"""URLs of runners: where a flow's runner lives."""

from __future__ import annotations

from floe_jupyter.core.flow.options import RUNNER_FORMS
from floe_jupyter.core.flow.placement import problem_of
from floe_jupyter.errors import DefinitionError, unknown
from floe_jupyter.wire import container_address

LOCAL = "local:"


def require_runner(url: str) -> None:
    """Raise UnknownName or DefinitionError, naming the forms, for a URL that no runner can have."""
    scheme, colon, rest = url.partition(":")
    if not colon or scheme not in RUNNER_FORMS:
        raise unknown("runner", url, RUNNER_FORMS.values())
    if not rest and scheme != "local":
        raise DefinitionError(f"no runner {url!r}; write {RUNNER_FORMS[scheme]}")
    if problem := problem_of(url):
        raise DefinitionError(problem)
    if scheme == "docker":
        container_address.parse(url)
