"""Checks of sources at definition: the kernel's own language here, others by the command of their ``runtime.toml``."""

from __future__ import annotations

import re
import subprocess

from floe_jupyter.client.sources.places import place_text
from floe_jupyter.client.sources.python import check_python
from floe_jupyter.core.flow.model import Module
from floe_jupyter.core.language import DEFAULT_LANGUAGE
from floe_jupyter.errors import DefinitionError
from floe_jupyter.wire.languages import Check, Language, declared, filled, program_of

CHECK_WITHIN = 10.0
"""Maximum seconds for a program to read a source."""


def check_source(module: Module) -> None:
    """Raise DefinitionError at the cell and line where the source cannot be read; no code is executed."""
    if module.lang == DEFAULT_LANGUAGE:
        check_python(module)
        return
    language = declared(module.lang)
    if language.check is not None and (said := _complaint(language, language.check, module.source)) is not None:
        raise _error(module, language.title, language.check, said)


def _complaint(language: Language, check: Check, source: str) -> re.Match[str] | None:
    """Return the complaint of the language's checker; None also if the machine lacks the checker."""
    program = program_of(language)
    if program is None:
        return None  # the run says how to get the program
    command = [filled(word, {"program": program, "here": language.folder}) for word in check.command]
    try:
        checked = subprocess.run(command, input=source.encode(), capture_output=True, timeout=CHECK_WITHIN, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if not checked.returncode:
        return None
    return re.search(check.pattern, checked.stderr.decode("utf-8", "replace"), re.MULTILINE)


def _error(module: Module, title: str, check: Check, said: re.Match[str]) -> DefinitionError:
    groups, lines = said.groupdict(), module.source.splitlines()
    line = max(1, min(int(groups["line"]), len(lines)))  # some checkers name the line behind an unfinished block
    text = groups.get("text") or lines[line - 1]
    caret = groups.get("caret") or (" " * (int(groups["column"]) - 1) + "^" if groups.get("column") else "")
    hint = "".join(f"; {hint['text']}" for hint in check.hints if re.search(hint["pattern"], text))
    shown = "\n".join([place_text(module.place, line), f"  {text}", *([f"  {caret}"] if caret else [])])
    return DefinitionError(f"module {module.name!r} is no {title}: {groups['message']}{hint}\n{shown}")
