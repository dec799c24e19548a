"""What a module's cell may hold, and what is refused when it is run."""

import pytest

import floe_jupyter as floe
from floe_jupyter.errors import DefinitionError


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("f = 5", "defines no function"),
        ("import json", "defines no function"),
        ("def migrate(state):\n    return state", "defines no function"),
        ("class f:\n    pass", "defines classes only"),
        ("x = [1, 2]\ny: int = 3", "defines no function"),
        ("def f():\n    pass", ", line 2)"),
        ("import os\n\ndef f(a, b, c):\n    pass", "(msg) or (msg, ctx)"),
        ("def helper(a):\n    pass\ndef f(msg, *, key):\n    pass", "line 4"),
        ("def last(a, b, c, d=1):\n    pass", "last(a, b, c, d=1) takes no message"),
        ("    def f(msg):\n        return (", "line 3"),
    ],
)
def test_A15_what_cannot_be_a_module_is_refused_when_the_cell_is_run(cells, source, says):
    error = cells.error(f"%%floe module f\n{source}\n")
    assert isinstance(error, DefinitionError), error
    assert says in str(error)


@pytest.mark.parametrize(
    "source",
    [
        "import functools\n@functools.cache\ndef f(msg):\n    return msg",
        "import functools\nf = functools.partial(max, 0)",
        "class C:\n    def __call__(self, msg):\n        return msg\nf = C()",
        "def other(a, b, c):\n    return a\nfrom copy import copy as f",
        "def deco(g):\n    return lambda msg: g()\n@deco\ndef f():\n    return 3",
        "def f(*args):\n    return args[0]",
        "exec('def f(msg): return msg')\nif True:\n    pass",
        "import asyncio\nn = await asyncio.sleep(0, 3)\ndef f(msg):\n    return n",
        "    def f(msg):\n        return 3\n",
        "\ufeffdef f(msg):\n    return 3\n",
    ],
)
def test_A15_A24_what_may_be_a_module_is_taken(cells, source):
    cells(f"%%floe module f\n{source}\n")
    cells("%%floe flow f_flow\nf\n")
    assert floe.flow("f_flow").run(3).results == [3]


@pytest.mark.parametrize(
    ("lang", "source"),
    [
        ("python", "def f(msg):\n    print(msg)\n    return msg * factor_of_mine"),
        ("js", "export default (msg) => { console.log(msg); return msg * factor_of_mine }"),
    ],
)
def test_A22_the_hint_stands_wherever_the_error_is_shown(cells, lang, source):
    """In `run.errors`, in what a run that skips tells, and when the module does not load."""
    cells("factor_of_mine = 3\n")
    cells(f"%%floe module f --lang {lang}\n{source}\n")
    cells("%%floe flow f_flow\nf = f(on_error=skip)\n")
    run = floe.flow("f_flow").run([1])
    assert [error.message for error in run.errors] == [run.errors[0].message]
    assert "a module does not see the notebook's variables: define or import it in the module's cell" in run.errors[0].message
    cells("%%floe module g\nlimit = factor_of_mine\ndef g(msg):\n    return msg\n")
    cells("%%floe flow g_flow\ng\n")
    error = cells.error("%floe run g_flow --input 1")
    assert str(error).count("a module does not see the notebook's variables") == 1


def test_A22_a_variable_of_the_notebook_gets_its_hint(cells, monkeypatch):
    monkeypatch.setattr("IPython.get_ipython", lambda: cells.ip)
    cells("factor_of_mine = 3\n")
    cells("%%floe module g\ndef g(msg):\n    return msg * factor_of_mine\n")
    cells("%%floe module h\ndef h(msg):\n    return msg * factor_of_nobody\n")
    cells("%%floe flow g_flow\ng\n")
    cells("%%floe flow h_flow\nh\n")
    assert "a module does not see the notebook's variables" in str(cells.error("%floe run g_flow --input 1"))
    assert "notebook's variables" not in str(cells.error("%floe run h_flow --input 1"))
