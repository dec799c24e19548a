"""Locks in readable form: packages and versions found in the text of a language's own tool."""

from __future__ import annotations

import json
import re

_PINNED = re.compile(r"^[A-Za-z0-9][^\s;\\#]*(?: @ [^\s;\\#]+)?", re.MULTILINE)
"""Pattern of a package at the beginning of a line; hashes and comments follow the package, or are indented."""
_INSTALLED = "node_modules/"


def packages(lang: str, lock: str) -> list[str]:
    r"""Return the packages of a lock with their versions.

    >>> packages("python", "six==1.16.0 \\\n    --hash=sha256:1e61\n    # via a\n")
    ['six==1.16.0']
    >>> packages("js", '{"packages": {"": {}, "node_modules/is-number": {"version": "7.0.0"}}}')
    ['is-number@7.0.0']
    """
    if lang != "js":
        return _PINNED.findall(lock)
    found = json.loads(lock or "{}").get("packages", {})
    return [f"{path.rpartition(_INSTALLED)[2]}@{known.get('version', '')}" for path, known in found.items() if path]
