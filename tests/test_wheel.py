"""The built wheel in an environment of its own: what users install, without the checkout and without Jupyter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import uv

ROOT = Path(__file__).parent.parent
FLOW = """%%floe module double
def double(msg):
    return msg * 2

%%floe module shout --lang js
export default function (msg) { return `${msg}!`; }

%%floe flow loud
double -> shout
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def _run(*command: object, **kwargs: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=200, **kwargs)  # type: ignore[call-overload]
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("wheel")
    here = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}  # jlpm is there
    _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", target, ROOT, env=here)
    [path] = target.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh virtual environment with nothing but the wheel and what it asks for; no Node.js is near when it is made."""
    path = tmp_path_factory.mktemp("environment")
    bare = {**os.environ, "PATH": str(tmp_path_factory.mktemp("empty"))}
    _run(uv.find_uv_bin(), "venv", "--python", sys.executable, path, "--clear", env=bare)
    _run(uv.find_uv_bin(), "pip", "install", "--python", path / "bin" / "python", wheel, env=bare)
    return path


def test_the_wheel_holds_the_runtimes_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    files = [
        path.relative_to(ROOT) for path in (ROOT / "runtimes").rglob("*") if path.is_file() and path.parent.name != "__pycache__"
    ]
    assert [path for path in files if f"floe_jupyter/_{path}" not in names] == []
    assert not [n for n in names if n.startswith("tests/") or "node_modules" in n or "__pycache__" in n]


def test_item10_the_wheel_holds_the_example_notebooks_and_their_data(wheel: Path) -> None:
    held = zipfile.ZipFile(wheel)
    found = {
        name.removeprefix("floe_jupyter/_examples/") for name in held.namelist() if name.startswith("floe_jupyter/_examples/")
    }
    notebooks = {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert found == notebooks | {"data/README.md", "data/co2-weekly-mlo.csv"}
    assert all(held.read(f"floe_jupyter/_examples/{name}") == (ROOT / "notebooks" / name).read_bytes() for name in found)


def test_item10_the_installed_server_extension_finds_its_examples(environment: Path, tmp_path: Path) -> None:
    """In a process that has Jupyter, as if it were installed beside the wheel."""
    [site] = (environment / "lib").glob("python3*/site-packages")
    code = "from floe_jupyter.server import examples as e; print(e.__file__, len(e.examples()))"
    done = _run(sys.executable, "-W", "ignore", "-c", code, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(site)})
    assert done.stdout.strip() == f"{site}/floe_jupyter/server/examples.py 6"


def test_the_installed_package_has_a_front_end_without_node(environment: Path) -> None:
    [package] = (environment / "lib").glob("python3*/site-packages/floe_jupyter")
    extension = environment / "share/jupyter/labextensions/floe-jupyter"
    built = json.loads((extension / "package.json").read_text())
    assert (extension / built["jupyterlab"]["_build"]["load"]).is_file()
    assert json.loads((extension / "install.json").read_text())["packageName"] == "floe_jupyter"
    assert "export" in (package / "static/widget.js").read_text()
    assert not (package / "labextension").exists()


def test_the_installed_server_extension_is_switched_on(environment: Path) -> None:
    config = json.loads((environment / "etc/jupyter/jupyter_server_config.d/floe_jupyter.json").read_text())
    assert config == {"ServerApp": {"jpserver_extensions": {"floe_jupyter": True}}}
    code = "import floe_jupyter; print(floe_jupyter._jupyter_server_extension_points()[0]['module'])"
    assert _run(environment / "bin" / "python", "-c", code, cwd=environment).stdout.strip() == "floe_jupyter.server"


def test_jupyterlab_finds_the_installed_extension(environment: Path) -> None:
    """JupyterLab itself looks, as if it were installed beside the wheel."""
    code = (
        "from jupyterlab_server.config import get_federated_extensions as found; import sys; "
        "print('floe-jupyter' in found([sys.argv[1]]))"
    )
    assert _run(sys.executable, "-W", "ignore", "-c", code, environment / "share/jupyter/labextensions").stdout.strip() == "True"


def test_the_installed_package_needs_neither_ipython_nor_jupyter(environment: Path) -> None:
    code = (
        "import importlib.util as u, floe_jupyter, floe_jupyter.dispatcher, floe_jupyter.runner\n"
        "print([n for n in ('IPython', 'ipykernel', 'jupyterlab', 'traitlets') if u.find_spec(n)])"
    )
    done = _run(environment / "bin" / "python", "-c", code, cwd=environment)
    assert done.stdout.strip() == "[]"


def test_the_installed_command_runs_a_flow_of_two_languages(environment: Path, tmp_path: Path) -> None:
    (tmp_path / "loud.floe").write_text(FLOW)
    clean = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "FLOE_CONNECTION": str(tmp_path / "connection.json")}
    done = _run(
        environment / "bin" / "floe", "run", tmp_path / "loud.floe", "--input", "-", cwd=tmp_path, env=clean, input="1\n21\n"
    )
    assert done.stdout.split("\n") == ['"2!"', '"42!"', ""]
