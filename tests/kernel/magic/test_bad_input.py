"""Bad input of every kind: one clear error that names the cure, while a flow that is up is not disturbed."""

from __future__ import annotations

import pytest

import floe_jupyter as floe
from floe_jupyter.errors import (
    DefinitionError,
    EnvironmentFailed,
    ExpressionError,
    FloeError,
    NotationError,
    UnknownName,
    ValueRefused,
)

CASES = {
    # notation
    "an arrow to nothing": ("%%floe flow bad\nup ->\n", NotationError, ["Cell In[", "line 2", "^"]),
    "an unknown module in a flow": ("%%floe flow bad\nup -> upp\n", NotationError, ["'upp'", "did you mean 'up'"]),
    "an unknown option of a node": (
        "%%floe flow bad\nup\nup = up(worker=2)\n",
        NotationError,
        ["line 3", "did you mean 'workers'"],
    ),
    "a flow without a name": ("%%floe flow\nup\n", DefinitionError, ["required: NAME", "usage: %%floe flow NAME"]),
    "a flow with an impossible name": (
        "%%floe flow Bad\nup\n",
        DefinitionError,
        ["'Bad' is no name for a flow", "small letters"],
    ),
    # expressions
    "a condition that does not parse": ("%floe break up --when msg[", DefinitionError, ["bracket is not closed"]),
    "a condition with an unknown name": ("%floe break up --when mgs > 1", ExpressionError, ["mgs", "msg"]),
    "a text to log with an unknown name": ('%floe break up --log "got {mgs}"', ExpressionError, ["no name 'mgs'", "'msg'"]),
    "a condition that is not allowed": ("%floe break up --when __import__('os')", ExpressionError, []),
    "an input that is no Python": ("%floe run up_flow --input 1 +", DefinitionError, ["'1 +' is no Python expression"]),
    "an input with an unknown name": (
        "%floe run up_flow --input missing",
        DefinitionError,
        ["'missing' is not defined", "define it"],
    ),
    # options
    "an unknown verb": ("%floe rnu up_flow", UnknownName, ["no verb 'rnu'", "did you mean 'run'"]),
    "an unknown option": ("%floe run up_flow --inptu 1", UnknownName, ["'--inptu'", "did you mean '--input'"]),
    "a duration that is none": ("%floe run up_flow --timeout soon", DefinitionError, ["soon is no duration", "10s"]),
    "a language that is none": ("%%floe module bad --lang jss\nx\n", UnknownName, ["no language 'jss'", "did you mean 'js'"]),
    "a state that is no JSON": ("%%floe module bad --state {n:0}\ndef bad(m): pass\n", DefinitionError, ["--state is no JSON"]),
    "a state that is no object": ("%%floe module bad --state [1]\ndef bad(m): pass\n", DefinitionError, ["not a JSON object"]),
    "a cell verb on a line": ("%floe module bad", DefinitionError, ["%%floe module"]),
    "a line verb on a cell": ("%%floe runs\nx\n", DefinitionError, ["%floe runs"]),
    "an empty module": ("%%floe module bad\n\n", DefinitionError, ["has no source"]),
    "a module without a function": ("%%floe module bad\n1 + 1\n", DefinitionError, ["defines no function", "def bad(msg)"]),
    "a module that is no Python": ("%%floe module bad\ndef bad(msg:\n    pass\n", DefinitionError, ["is no Python", "line 2"]),
    # names
    "an unknown flow": ("%floe run up_flo", UnknownName, ["no flow 'up_flo'", "did you mean 'up_flow'"]),
    "an unknown node to break at": ("%floe break upp --flow up_flow", UnknownName, ["'upp'", "'up'"]),
    "an unknown port to break at": ("%floe break up.nope", UnknownName, ["no input 'nope'", "inputs: in", "outputs: out"]),
    "an unknown node to feed": ("%floe run up_flow --to upp --input 1", UnknownName, ["'upp'", "did you mean 'up'"]),
    "an unknown run": ("%floe attach nothing.1.local.1", UnknownName, ["nothing.1.local.1"]),
    "an unknown message": ("%floe edit abcdef 1", FloeError, ["abcdef"]),
    # values
    "an object": ("%floe run up_flow --input [object()]", ValueRefused, ["object"]),
    "a function": ("%floe send up_flow len", ValueRefused, ["builtin_function_or_method"]),
    "a cyclic list": (
        "cyclic = []\ncyclic.append(cyclic)\nget_ipython().run_line_magic('floe', 'run up_flow --input [cyclic]')",
        ValueRefused,
        [],
    ),
    "a key that is no text": ("%floe run up_flow --input [{1: 2}]", ValueRefused, ["key"]),
    "JSON lines with a number that would be infinite": (
        "%%floe run up_flow\n1\n[-1e999]\n",
        DefinitionError,
        ["line 2 of the input", "-1e999", "would become infinite"],
    ),
    "JSON lines with what is no JSON": ("%%floe run up_flow\nNaN\n", DefinitionError, ["line 1 of the input", "JSON has no NaN"]),
    "JSON lines nested too deep": (f"%%floe run up_flow\n{'[' * 100_000}\n", DefinitionError, ["line 1", "nested too deep"]),
    "JSON lines with a mistake": ('%%floe run up_flow\n1\n{"a": \n', DefinitionError, ["line 2 of the input is no JSON"]),
    # the machine
    "a file that cannot be written": (
        "%floe export up_flow -o /proc/none/x.floe",
        EnvironmentFailed,
        ["/proc/none/x.floe cannot be written", "-o"],
    ),
    "a runner of an unknown kind": (
        "%%floe flow bad --runner carrier-pigeon:\nup\n",
        DefinitionError,
        ["no kind of runner 'carrier-pigeon'", "local:"],
    ),
}


@pytest.fixture
def up(cells):
    """A flow that is up and answers."""
    cells("%%floe module up\ndef up(msg, ctx):\n    ctx.state['n'] = ctx.state.get('n', 0) + 1\n    return ctx.state['n']\n")
    cells("%%floe flow up_flow\nup\n")
    cells("%floe start up_flow")
    assert floe.flow("up_flow").call(0) == 1
    return cells


def check(up, cell, kind, parts):
    error = up.error(cell)
    assert isinstance(error, kind), repr(error)
    shown = "\n".join(error._render_traceback_()) if hasattr(error, "_render_traceback_") else str(error)
    for part in parts:
        assert part in shown
    assert "floe_jupyter/" not in shown
    assert "Traceback" not in shown


def test_every_mistake_gets_one_error_that_names_the_cure_and_disturbs_nobody(up):
    failures = []
    for number, (what, (cell, kind, parts)) in enumerate(CASES.items(), 2):
        try:
            check(up, cell, kind, parts)
        except AssertionError as problem:
            failures.append(f"{what}: {str(problem)[:600]}")
        assert floe.flow("up_flow").call(0) == number, what
    assert not failures, "\n\n".join(failures)


def test_a_huge_integer_arrives_as_it_left(up):
    up("%%floe module same\ndef same(msg):\n    return msg\n")
    up("%%floe flow same_flow\nsame\n")
    assert up("%floe run same_flow --input [10**40, 2**63, -2**70]").results == [10**40, 2**63, -(2**70)]


def test_a_module_whose_language_is_missing_says_how_to_get_it(cells, monkeypatch, session):
    monkeypatch.setenv("PATH", "/nothing")
    cells("%%floe module f --lang js\nexport default function f(msg) { return msg }\n")
    cells("%%floe flow one\nf\n")
    shown = str(cells.error("%floe run one --input 1"))
    assert "Node" in shown or "node" in shown
    assert "install" in shown.lower()


def test_a_debugged_run_whose_module_does_not_load_says_why_it_is_held_and_how_to_go_on(cells):
    cells("%%floe module broken\nimport nosuchmodule\ndef broken(msg):\n    return msg\n")
    cells("%%floe flow one\nb = broken()\n")
    run = floe.flow("one").run([1], debug=True)
    assert run.wait(30, through_holds=False) is run
    assert run.status == "held"
    why = [
        "node 'b'",
        "does not load",
        "ModuleNotFoundError: No module named 'nosuchmodule'",
        "mend module 'broken' and define it again",
    ]
    for shown in (run.info.waits_for, cells("%floe held"), cells("%floe step"), cells("%floe runs")[0]["waits for"]):
        assert [word for word in why if word not in repr(shown).replace('"', "'")] == []
    cells("%%floe module broken\ndef broken(msg):\n    return msg\n")
    cells("%floe continue")
    assert run.wait(30).results == [1]


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_package_that_does_not_exist_is_named(cells):
    cells("%%floe module f --deps no-such-package-of-floe==99\ndef f(msg):\n    return msg\n")
    cells("%%floe flow one\nf\n")
    assert "no-such-package-of-floe" in str(cells.error("%floe run one --input 1"))


def test_a_runtime_directory_that_cannot_be_written_is_named(monkeypatch):
    from floe_jupyter.client.session import Session

    monkeypatch.setenv("FLOE_CONNECTION", "/proc/floe/connection.json")  # where not even root may make anything
    with pytest.raises(EnvironmentFailed) as caught:
        Session("test").call("flows")
    assert "/proc/floe" in str(caught.value)


def test_a_runtime_directory_that_is_a_file_is_named(tmp_path, monkeypatch, bare_shell):
    from floe_jupyter.client.session import Session

    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FLOE_CONNECTION", str(tmp_path / "file" / "floe.json"))
    with pytest.raises(EnvironmentFailed) as caught:
        Session("test").call("flows")
    assert str(tmp_path / "file") in str(caught.value)
