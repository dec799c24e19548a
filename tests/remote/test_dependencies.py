"""Dependencies of modules on another machine: uv is brought along when first needed."""

from __future__ import annotations

import zipfile
from pathlib import Path

from floe_jupyter.core.flow.model import Module
from floe_jupyter.wire.client.client import Client
from tests.e2e.flows import define as notate
from tests.remote.flows import FAR, done
from tests.remote.machine import FarMachine


def _wheel(folder: Path) -> Path:
    """Make a package without dependencies."""
    file = folder / "tiny_of_far-1.0-py3-none-any.whl"
    about = "tiny_of_far-1.0.dist-info"
    with zipfile.ZipFile(file, "w") as wheel:
        wheel.writestr("tiny_of_far.py", "answer = 42\n")
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: tiny-of-far\nVersion: 1.0\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", f"tiny_of_far.py,,\n{about}/METADATA,,\n{about}/WHEEL,,\n{about}/RECORD,,\n")
    file.chmod(0o644)
    return file


def test_uv_is_brought_along_when_a_module_first_has_dependencies(client: Client, far: FarMachine) -> None:
    far.run("rm -rf ~/.cache/floe-jupyter/tools ~/.cache/floe-jupyter/locks ~/.cache/floe-jupyter/environments")
    told: list[str] = []
    client.subscribe("progress/", lambda _, said: told.append(said["text"]))
    source = "import tiny_of_far\ndef uses(v): return tiny_of_far.answer + v"
    deps = (f"tiny-of-far @ file://{_wheel(far.scratch)}",)
    notate(client, "uses", "uses", Module("uses", source, deps=deps))
    assert done(client, FAR, [0], flow="uses") == [42]
    assert any("copying uv to far (" in text for text in told)
    assert far.run("ls ~/.cache/floe-jupyter/tools").stdout == "uv\n"
    assert done(client, "ssh:far@far", [1], flow="uses") == [43]
