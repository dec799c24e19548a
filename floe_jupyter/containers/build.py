"""Building images of runners: one stage a language, each on the image of the one before, and on top what changes most often."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from floe_jupyter._version import __version__
from floe_jupyter.containers.base import Report, base_image
from floe_jupyter.containers.images import DEFAULT_IMAGE, LANGUAGES_LABEL, VERSION_LABEL, code_version
from floe_jupyter.containers.recipe import ImagePython, Recipe, context, default_languages, fill_site, recipe
from floe_jupyter.core.language import DEFAULT_LANGUAGE
from floe_jupyter.errors import EnvironmentFailed
from floe_jupyter.wire.languages import declared

_ASK = """
import json, os, platform, site, sys
libc = os.confstr("CS_GNU_LIBC_VERSION").split()[1].replace(".", "_")
print(json.dumps(["%d.%d" % sys.version_info[:2], platform.machine(), libc, site.getsitepackages()[0]]))
"""
SYSTEM = "floe-system"
"""Name of the images below those of runners: nothing of this package is in them."""
RECIPE_LABEL = "floe.recipe"
"""Label with a digest of the Dockerfile and the image below: equal ones need not be built again."""
KEPT = 400
"""Maximum characters of a builder's last output in an error."""


def build(client: Any, languages: Sequence[str], base: str, report: Report) -> str:
    """Build the image with *languages* (without any, the default ones); return its name. Raises `EnvironmentFailed`,
    `UnknownName`.
    """
    chosen = list(dict.fromkeys([DEFAULT_LANGUAGE, *(languages or default_languages())]))
    core, *others = [recipe(name) for name in chosen]
    base = base_image(client, base, report)
    report(f"installing Python into {base}")
    under = _run_builder(client, context(core.text), {"BASE": base}, SYSTEM, target="system")
    python = _python_of(client, under)
    for each in others:
        under = _language(client, each, under, python, report)
    name = name_of(chosen)
    report(f"building {name}")
    labels = {VERSION_LABEL: code_version(), LANGUAGES_LABEL: " ".join(chosen)}
    _stage(client, core, {"BASE": base, "UNDER": under}, python, name, labels=labels)
    client.images.get(name).tag(name, __version__)
    return name


def name_of(languages: Sequence[str]) -> str:
    """Return the name of the image with these languages: `DEFAULT_IMAGE`, or with the languages in the name."""
    return DEFAULT_IMAGE if list(languages) == default_languages() else "-".join([DEFAULT_IMAGE, *languages])


def _python_of(client: Any, name: str) -> ImagePython:
    answer = client.containers.run(name, ["python3", "-c", _ASK], remove=True, network_mode="none")
    return ImagePython(*json.loads(answer))


def _language(client: Any, each: Recipe, under: str, python: ImagePython, report: Report) -> str:
    """Add a language to the image *under*, unless that was done before; return the image's name."""
    name = f"{under}-{each.language}"
    made_of = hashlib.sha256(f"{client.images.get(under).id} {each.text}".encode()).hexdigest()
    if not any(image.labels.get(RECIPE_LABEL) == made_of for image in client.images.list(name)):
        report(f"adding {declared(each.language).title}")
        _stage(client, each, {"BASE": under}, python, name, labels={RECIPE_LABEL: made_of})
    return name


def _stage(client: Any, each: Recipe, arguments: dict[str, str], python: ImagePython, name: str, **options: Any) -> str:
    """Build one Dockerfile with its packages; return the image's name."""
    with tempfile.TemporaryDirectory(prefix="floe-image-") as scratch:
        site = Path(scratch) / "site"
        site.mkdir()
        fill_site(site, each, python)
        archive = context(each.text, site)
    return _run_builder(client, archive, {**arguments, "SITE": python.site}, name, **options)


def _run_builder(client: Any, archive: IO[bytes], arguments: dict[str, str], name: str, **options: Any) -> str:
    """Run the engine's builder on an archive, which is closed; return the image's name. Raises `EnvironmentFailed` with the last
    output.
    """
    said = ""
    with archive:
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
                text = f"the image {name} cannot be built: {line['error']}; its last output: {' '.join(said.split())}"
                raise EnvironmentFailed(text)
    return name
