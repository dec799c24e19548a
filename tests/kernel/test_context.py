"""Modules run where their notebook's kernel is: its folder, variables, interpreter and import path, as they are when a run starts."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

from tests.kernel.real import DEFINE, Kernel

WHERE = """%%floe module {name}
import os
def {name}(msg): return [open('data.txt').read().strip(), os.environ.get('FOO'), os.getcwd()]
"""


@pytest.fixture
def kernel_in(home: Path) -> Iterator[Callable[..., Kernel]]:
    """``kernel_in(folder, FOO="first")`` starts a kernel there; all of a test share a dispatcher."""
    made: list[Kernel] = []

    def start(folder: Path, python: str = sys.executable, **variables: str) -> Kernel:
        folder.mkdir(exist_ok=True)
        manager = KernelManager(transport="ipc", connection_file=str(home / "runtime" / f"kernel-{len(made)}.json"))
        assert manager.kernel_spec is not None
        manager.kernel_spec.argv = [python, *manager.kernel_spec.argv[1:]]
        manager.start_kernel(cwd=str(folder), env={**os.environ, **variables})
        made.append(Kernel(manager))
        made[-1](DEFINE)
        return made[-1]

    yield start
    for kernel in made:
        kernel.close()


def value(kernel: Kernel, text: str) -> Any:
    return ast.literal_eval(kernel(text))


def result(kernel: Kernel, name: str) -> Any:
    return value(kernel, f"r = %floe run {name} --input [1]\nr.results[0]")


def test_A1_each_notebook_has_its_own_folder_and_variables(kernel_in, tmp_path: Path):
    kernels = [kernel_in(tmp_path / word, FOO=word) for word in ("one", "two")]
    for kernel, word in zip(kernels, ("one", "two"), strict=True):
        (tmp_path / word / "data.txt").write_text(word)
        kernel(WHERE.format(name=f"where_{word}"))
        kernel(f"%%floe flow flow_{word}\nwhere_{word}")
        assert result(kernel, f"flow_{word}") == [word, word, str(tmp_path / word)]


def test_A1_a_change_of_folder_variables_and_path_counts_for_the_next_run(kernel_in, tmp_path: Path):
    kernel = kernel_in(tmp_path / "start")
    other = tmp_path / "other"
    (other / "lib").mkdir(parents=True)
    (other / "data.txt").write_text("beside")
    (other / "lib" / "helper_of_a_test.py").write_text("WORD = 'helped'\n")
    kernel(WHERE.format(name="where"))
    kernel("%%floe flow there\nwhere")
    kernel("%%floe module helped\nimport helper_of_a_test\ndef helped(msg): return helper_of_a_test.WORD")
    kernel("%%floe flow helps\nhelped")
    kernel(f"%cd {other}")
    kernel("%env FOO=set later")
    assert result(kernel, "there") == ["beside", "set later", str(other)]
    kernel("import sys; sys.path.insert(0, 'lib')")
    assert result(kernel, "helps") == "helped"


def test_A1_a_flow_that_is_up_stays_where_it_was_started(kernel_in, tmp_path: Path):
    kernel = kernel_in(tmp_path / "start")
    (tmp_path / "start" / "data.txt").write_text("first")
    kernel(WHERE.format(name="where"))
    kernel("%%floe flow there\nwhere")
    kernel("%floe start there")
    kernel("%cd /")
    kernel("%env FOO=later")
    assert value(kernel, "r = %floe send there 1 --wait\nr.results[0]") == ["first", None, str(tmp_path / "start")]
    kernel(WHERE.format(name="where").replace("return [", "return ['again', "))
    assert value(kernel, "r = %floe send there 1 --wait\nr.results[0][:2]") == ["again", "first"]


def test_A1_each_notebook_has_its_own_interpreter(kernel_in, tmp_path: Path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    site = next((tmp_path / "venv" / "lib").glob("python*/site-packages"))
    (site / "tests.pth").write_text("\n".join(p for p in sys.path if p.endswith("-packages")) + f"\n{os.getcwd()}\n")
    (site / "only_there.py").write_text("WORD = 'theirs'\n")
    python = str(tmp_path / "venv" / "bin" / "python")
    theirs, ours = kernel_in(tmp_path / "theirs", python), kernel_in(tmp_path / "ours")
    for kernel, name in ((theirs, "a"), (ours, "b")):
        kernel(f"%%floe module {name}\nimport sys\ndef {name}(msg): return sys.executable")
        kernel(f"%%floe flow flow_{name}\n{name}")
        assert result(kernel, f"flow_{name}") == value(kernel, "import sys; sys.executable")
    theirs("%%floe module c\nimport only_there\ndef c(msg): return only_there.WORD")
    theirs("%%floe flow flow_c\nc")
    assert result(theirs, "flow_c") == "theirs"


def test_C5_variables_that_only_kernels_understand_are_not_handed_on(kernel_in, tmp_path: Path):
    kernel = kernel_in(tmp_path / "start")
    kernel("%matplotlib inline")
    kernel("%%floe module seen\nimport os\ndef seen(msg): return [os.environ.get(n) for n in ('MPLBACKEND', 'JPY_PARENT_PID')]")
    kernel("%%floe flow sees\nseen")
    kernel("import os; os.environ['MPLBACKEND'] = 'module://matplotlib_inline.backend_inline'")
    assert result(kernel, "sees") == [None, None]
    kernel("os.environ['MPLBACKEND'] = 'svg'")
    assert result(kernel, "sees") == ["svg", None]


def test_A1_a_folder_that_is_gone_is_named(kernel_in, tmp_path: Path):
    kernel = kernel_in(tmp_path / "start")
    kernel("%%floe module same\ndef same(msg): return msg")
    kernel("%%floe flow one\nsame")
    kernel(f"import os; os.mkdir('short'); os.chdir('short'); os.rmdir('{tmp_path}/start/short')")
    [error] = [o for o in kernel.outputs(kernel.begin("%floe run one --input [1]")) if o["type"] == "error"]
    assert "short" in error["evalue"]
    assert "%cd" in error["evalue"]
