"""Dependencies accepted by ``--deps``: names of packages, with versions, extras and markers, and addresses of built packages.

Options of the tools, paths and addresses of source packages are refused: options would change what is installed from where,
paths and source packages run code of the package during installation. ``--build-deps`` allows source packages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_PYTHON_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?:\s*\[[A-Za-z0-9._, -]*\])?"
_VERSION = r"(?:===|[<>=!~]=|[<>])\s*[A-Za-z0-9.*+!_-]+"
_MARKER = r"(?:\s*;\s*(?P<marker>[^\\#]+))?"
_PYTHON = re.compile(rf"{_PYTHON_NAME}\s*\(?\s*(?:{_VERSION}(?:\s*,\s*{_VERSION})*)?\s*\)?{_MARKER}\Z")
_PYTHON_ADDRESS = re.compile(rf"{_PYTHON_NAME}\s*@\s*(?P<address>[a-z+]+:[^\s;\\]+)(?:\s+;\s*(?P<marker>[^\\#]+))?\Z")
_NPM = re.compile(
    r"(?:@[A-Za-z0-9._~-]+/)?[A-Za-z0-9_~][A-Za-z0-9._~-]*"
    r"(?:@(?:npm:)?[A-Za-z0-9@/._~^<>=*|+ -]+)?\Z"
)
_NPM_ADDRESS = re.compile(r"(?:(?:@[A-Za-z0-9._~-]+/)?[A-Za-z0-9_~][A-Za-z0-9._~-]*@)?(?P<address>[a-z+]+:[^\s]+)\Z")
_ARCHIVE = re.compile(r"\.(?:whl|tar\.gz|tgz|tar\.bz2|tar\.xz|tar|zip)\Z", re.IGNORECASE)
_PATTERNS = {"python": (_PYTHON, _PYTHON_ADDRESS, (".whl",)), "js": (_NPM, _NPM_ADDRESS, (".tgz", ".tar.gz"))}
_EXAMPLES = {
    "python": "numpy, 'pandas>=2' or 'tiny @ https://host/tiny-1.0-py3-none-any.whl'",
    "js": "lodash, lodash@4 or https://host/tiny-1.0.0.tgz",
}


def problem_of(lang: str, deps: Iterable[str], *, build: bool) -> str:
    """Return the problem of a module's dependencies, with the cure; empty if all are valid."""
    return next((problem for spec in deps if (problem := _problem(lang, spec, build=build))), "")


def _problem(lang: str, spec: str, *, build: bool) -> str:
    shown = repr(spec[:200])
    if spec.strip().startswith("-") or not spec.isprintable():
        return f"{shown} is no dependency but an option; name packages, like numpy or lodash@4"
    if lang not in _PATTERNS:
        return ""
    name, address, built = _PATTERNS[lang]
    if spec == spec.strip() and (found := name.match(spec)) and not _ARCHIVE.search(spec):
        return _marker_problem(found, shown)
    if spec == spec.strip() and (found := address.match(spec)):
        if not build and not re.split(r"[?#]", found["address"])[0].lower().endswith(built):
            return (
                f"{shown} is a source package, and building it runs its code; name one that ends with {' or '.join(built)}, "
                "or add --build-deps to the module if you trust it"
            )
        return _marker_problem(found, shown)
    return f"{shown} is no dependency: it is a path, or not what {lang} calls a package; write {_EXAMPLES[lang]}"


def _marker_problem(found: re.Match[str], shown: str) -> str:
    marker = found.groupdict().get("marker") or ""
    return f"{shown} has an option in it; name the package alone" if re.search(r"(?:^|\s)-", marker) else ""
