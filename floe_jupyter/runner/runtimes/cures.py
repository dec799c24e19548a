"""Cures for failures of modules: a missing import is declared with ``--deps``, a variable of the notebook is sent."""

from __future__ import annotations

import re

import msgspec

from floe_jupyter.core.flow.model import Module
from floe_jupyter.core.language import DEFAULT_LANGUAGE
from floe_jupyter.core.machine.events import Failure
from floe_jupyter.wire.languages import declared
from floe_jupyter.wire.unseen import cure_of


def with_cure(failure: Failure, module: Module) -> Failure:
    """Return the failure with a cure in the message, for a missing import or for a name known only to the notebook."""
    if cure := cure_of(failure.message, module.place.unseen, module.lang):
        return msgspec.structs.replace(failure, message=failure.message + cure)
    return _with_import(failure, module)


def _with_import(failure: Failure, module: Module) -> Failure:
    known = declared(module.lang).failures
    found = re.search(known.missing_import, failure.message) if known.missing_import else None
    if found is None or "--deps" in failure.message:
        return failure
    package = known.packages.get(found.group(1), found.group(1))
    deps = " ".join([*module.deps, package])
    lang = f" --lang {module.lang}" if module.lang != DEFAULT_LANGUAGE else ""
    cure = f"; add it to the module: `%%floe module {module.name}{lang} --deps {deps}`"
    return msgspec.structs.replace(failure, message=failure.message + cure)
