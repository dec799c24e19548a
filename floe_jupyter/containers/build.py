"""Building images of runners: one stage a language, each on the image of the one before."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from floe_jupyter._version import __version__
from floe_jupyter.containers.base import Report, base_image
from floe_jupyter.containers.images import (
    DEFAULT_LANGUAGES,
    LANGUAGES_LABEL,
    VERSION_LABEL,
    code_version,
    name_of,
)
from floe_jupyter.containers.recipe import ImagePython, Recipe, context, fill_site, recipe
from floe_jupyter.core.language import DEFAULT_LANGUAGE
from floe_jupyter.errors import EnvironmentFailed

_ASK = """
import json, os, platform, site, sys
libc = os.confstr("CS_GNU_LIBC_VERSION").split()[1].replace(".", "_")
print(json.dumps(["%d.%d" % sys.version_info[:2], platform.machine(), libc, site.getsitepackages()[0]]))
"""
KEPT = 400
"""Maximum characters of a builder's last output in an error."""


def build(client: Any, languages: Sequence[str], base: str, report: Report) -> str:
    """Build the image with *languages* (without any, the default ones); return its name. Raises `EnvironmentFailed`,
    `UnknownName`.
    """
    chosen = [DEFAULT_LANGUAGE, *(name for name in languages or DEFAULT_LANGUAGES if name != DEFAULT_LANGUAGE)]
    recipes = [recipe(name) for name in dict.fromkeys(chosen)]
    stage = base_image(client, base, report)
    python = _system(client, recipes[0], stage, report)
    for count, each in enumerate(recipes, 1):
        done = [r.language for r in recipes[:count]]
        report(f"building {name_of(done)} ({each.language}, {count} of {len(recipes)})")
        stage = _stage(client, each, stage, python, done)
    return stage


def _system(client: Any, core: Recipe, base: str, report: Report) -> ImagePython:
    """Build the part of the core image that does not depend on its Python; return the Python."""
    report(f"installing Python into {base}")
    name = _run_builder(client, context(core.text), {"BASE": base}, "floe-system", target="system")
    answer = client.containers.run(name, ["python3", "-c", _ASK], remove=True, network_mode="none")
    return ImagePython(*json.loads(answer))


def _stage(client: Any, each: Recipe, base: str, python: ImagePython, languages: list[str]) -> str:
    labels = {VERSION_LABEL: code_version(), LANGUAGES_LABEL: " ".join(languages)}
    with tempfile.TemporaryDirectory(prefix="floe-image-") as scratch:
        site = Path(scratch) / "site"
        site.mkdir()
        fill_site(site, each.wheels, python)
        made = context(each.text, site)
    name = _run_builder(client, made, {"BASE": base, "SITE": python.site}, name_of(languages), labels=labels)
    client.images.get(name).tag(name, __version__)
    return name


def _run_builder(client: Any, archive: Any, arguments: dict[str, str], name: str, **options: Any) -> str:
    """Run the engine's builder; return the image's name. Raises `EnvironmentFailed` with the last output."""
    said = ""
    for line in client.api.build(
        fileobj=archive,
        custom_context=True,
        buildargs=arguments,
        network_mode="host",  # apt alone uses it
        tag=name,
        rm=True,
        forcerm=True,
        decode=True,
        **options,
    ):
        said = (said + line.get("stream", ""))[-KEPT:]
        if "error" in line:
            raise EnvironmentFailed(
                f"the image {name} cannot be built: {line['error']}; its last output: {' '.join(said.split())}"
            )
    return name
