"""Dependencies accepted by ``--deps``: names of packages, with versions, extras and markers, and addresses of built packages.

Options of the tools, paths and addresses of source packages are refused: options would change what is installed from where,
paths and source packages run code of the package during installation. ``--build-deps`` allows source packages. The patterns of
names and addresses stand in the ``runtime.toml`` of the language.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from floe_jupyter.wire.languages import Dependencies, declared

_ARCHIVE = re.compile(r"\.(?:whl|tar\.gz|tgz|tar\.bz2|tar\.xz|tar|zip)\Z", re.IGNORECASE)


def problem_of(lang: str, deps: Iterable[str], *, build: bool) -> str:
    """Return the problem of a module's dependencies, with the cure; empty if all are valid."""
    return next((problem for spec in deps if (problem := _problem(lang, declared(lang).dependencies, spec, build=build))), "")


def _problem(lang: str, rules: Dependencies | None, spec: str, *, build: bool) -> str:
    shown = repr(spec[:200])
    if spec.strip().startswith("-") or not spec.isprintable():
        return f"{shown} is no dependency but an option; name packages{f', like {rules.example}' if rules else ' alone'}"
    if rules is None:
        return ""  # a module of this language that has any is refused when it is loaded
    if spec == spec.strip() and (found := re.fullmatch(rules.name, spec)) and not _ARCHIVE.search(spec):
        return _marker_problem(found, shown)
    if spec == spec.strip() and (found := re.fullmatch(rules.address, spec)):
        if not build and not re.split(r"[?#]", found["address"])[0].lower().endswith(tuple(rules.built)):
            return (
                f"{shown} is a source package, and building it runs its code; name one that ends with "
                f"{' or '.join(rules.built)}, or add --build-deps to the module if you trust it"
            )
        return _marker_problem(found, shown)
    return f"{shown} is no dependency: it is a path, or not what {lang} calls a package; write {rules.example}"


def _marker_problem(found: re.Match[str], shown: str) -> str:
    marker = found.groupdict().get("marker") or ""
    return f"{shown} has an option in it; name the package alone" if re.search(r"(?:^|\s)-", marker) else ""
