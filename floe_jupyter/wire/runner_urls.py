"""URLs of runners: where a flow's runner lives."""

from __future__ import annotations

from floe_jupyter.errors import DefinitionError, unknown
from floe_jupyter.wire import container_address

LOCAL = "local:"
FORMS = {
    "local": LOCAL,
    "ssh": "ssh:[USER@]HOST[:FOLDER]",
    "docker": "docker:IMAGE[@ENGINE]",
    "join": "join:NAME",
}
"""Form of the URL by scheme, for users."""


def require_runner(url: str) -> None:
    """Raise UnknownName or DefinitionError, naming the forms, for a URL that no runner can have."""
    scheme, colon, rest = url.partition(":")
    if not colon or scheme not in FORMS:
        raise unknown("runner", url, FORMS.values())
    if bool(rest) != (FORMS[scheme] != LOCAL):
        raise DefinitionError(f"no runner {url!r}; write {FORMS[scheme]}")
    if scheme == "docker":
        container_address.parse(url)
