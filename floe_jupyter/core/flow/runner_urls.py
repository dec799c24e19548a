"""URLs of runners: which kinds there are, and how each is written."""

from __future__ import annotations

import re

from floe_jupyter.core.flow import container_address
from floe_jupyter.errors import DefinitionError, FloeError, nearest

LOCAL = "local:"
FORMS = {
    "local": "local:[NAME]",
    "ssh": "ssh:[USER@]HOST[:FOLDER]",
    "docker": "docker:IMAGE[@ENGINE]",
    "join": "join:NAME",
}
"""Form of the URL by scheme, for users."""
_LOCAL_NAME = re.compile(r"[A-Za-z0-9_.-]*\Z")


def require_runner(url: str) -> None:
    """Raise DefinitionError, naming the forms, for a URL that no runner can have."""
    if problem := problem_of_url(url):
        raise DefinitionError(problem)


def problem_of_url(url: str) -> str:
    """Return what is wrong with the URL of a runner, and the cure; empty if nothing is."""
    scheme, colon, rest = url.partition(":")
    if scheme not in FORMS:
        return f"no kind of runner {scheme[:100]!r}; {nearest(scheme[:100], [f'{known}:' for known in FORMS])}"
    if not colon or not (rest or scheme == "local"):
        return f"no runner {url[:100]!r}; write {FORMS[scheme]}"
    if scheme == "local" and not _LOCAL_NAME.match(rest):
        return f"{rest[:100]!r} cannot name a local runner: write letters, digits, _, . and -, such as 'local:b'"
    return _problem_of_container(url) if scheme == "docker" else ""


def _problem_of_container(url: str) -> str:
    try:
        container_address.parse(url)
    except FloeError as error:
        return str(error)
    return ""
