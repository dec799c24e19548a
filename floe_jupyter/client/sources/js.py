"""JavaScript sources, checked at definition."""

from __future__ import annotations

import re
import subprocess

from floe_jupyter.client.sources.places import place_text
from floe_jupyter.core.flow.model import Module
from floe_jupyter.errors import DefinitionError
from floe_jupyter.wire.languages import node_program

CHECK_WITHIN = 10.0
"""Maximum seconds for Node.js to read a source."""
_SAID = re.compile(r"^\[stdin\]:(\d+)\n(.*)\n([ \t]*\^+)\s*\n(?:.*\n)*?(SyntaxError: .*)$", re.MULTILINE)
_TYPES = re.compile(
    r"\w\s*\??:\s*(string|number|boolean|any|unknown|void|object|\w+\[\])\b"
    r"|^\s*(export\s+)?(interface|type|enum)\s+\w"
)


def check_js(module: Module) -> None:
    """Raise DefinitionError at the cell and line where Node.js cannot read the source; no code is executed."""
    node = node_program()
    if node is None:
        return  # the run says how to get Node.js
    command = [node, "--check", "--input-type=module", "-"]
    try:
        checked = subprocess.run(command, input=module.source.encode(), capture_output=True, timeout=CHECK_WITHIN, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return
    said = _SAID.search(checked.stderr.decode("utf-8", "replace")) if checked.returncode else None
    if said is not None:
        line, text, caret, message = said.groups()
        hint = "; this looks like TypeScript: take the types out" if _TYPES.search(text) else ""
        where = place_text(module.place, int(line))
        raise DefinitionError(f"module {module.name!r} is no JavaScript: {message}{hint}\n{where}\n  {text}\n  {caret}")
