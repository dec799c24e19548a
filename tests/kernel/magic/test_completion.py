"""What Tab offers."""

import re
import time
from concurrent.futures import Future

import msgspec
import pytest

from floe_jupyter.client.session import Session
from floe_jupyter.core.flow.model import Flow, Module, Node
from floe_jupyter.kernel.magic.completion import Completer
from floe_jupyter.wire.control.workspaces import Workspace, WorkspaceInfo
from tests.kernel.waits import until


@pytest.fixture
def completer() -> Completer:
    session = Session()
    session.keep_module(Module("parse", "", outputs=("out", "bad")), 1)
    session.keep_module(Module("clean", ""), 1)
    session.keep_flow(Flow("weather", (Node("read", "parse"),)), 1)
    session.keep_flow(Flow("co2", (Node("parse", "parse"), Node("clean", "clean"))), 1)
    session.keep_run("co2.1.local.1", "co2")
    return Completer(lambda: session)


def offered(completer: Completer, text: str) -> list[str]:
    lines = text.split("\n")
    return completer.complete(text, len(lines) - 1, len(lines[-1]))[1]


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("%floe sta", ["start", "status"]),
        ("r = %floe ru", ["run", "runs", "runners", "runtimes"]),
        ("%%floe mod", ["module"]),
        ("%floe run c", ["co2"]),
        ("%floe run co2 --de", ["--debug", "--detach"]),
        ("%%floe module x --lang p", ["python"]),
        ("%floe break cl", ["clean"]),
        ("%floe break parse.", ["parse.in", "parse.out", "parse.bad"]),
        ("%floe run co2 --to p", ["parse"]),
        ("%floe run weather --to ", ["read"]),
        ("%floe step --node c", ["clean"]),
        ("%floe send co2.p", ["co2.parse"]),
        ("%floe attach ", ["co2.1.local.1"]),
        ("%floe help nota", ["notation"]),
        ("%%floe flow x\npar", ["parse"]),
        ("%%floe flow x\nparse -> cl", ["clean"]),
        ("%floe nonsense x", []),
        ("%%floe flow x\nparse.", ["parse.out", "parse.bad", "parse.error"]),
        ("%%floe flow x\nclean -> parse.", ["parse.in", "parse.out", "parse.bad", "parse.error"]),
        ("%%floe flow x\ntidy = clean()\nparse -> ti", ["tidy"]),
        ("%%floe flow x\ntidy = parse\ntidy.b", ["tidy.bad"]),
        ("%%floe flow x\ntidy = cl", ["clean"]),
        ("%%floe flow x\nevery = ti", ["timer"]),
        ("%%floe flow x\ntidy = clean(wor", ["workers="]),
        ("%%floe flow x\ntidy = clean(workers=2, on_", ["on_error="]),
        ("%%floe flow x\ntidy = clean(workers=2, w", []),
        ("%%floe flow x\ntidy = clean(on_error=", ["fail", "hold", "retry", "skip"]),
        ("%%floe flow x\ntidy = clean(join=a", ["all", "any"]),
        ("%%floe flow x\ntidy = clean(on_error=retry(3, ba", ["backoff="]),
        ("%%floe flow x\nevery = timer(ev", ["every="]),
        ("%%floe flow x\nparse->cl", ["clean"]),
        ("%%floe flow x\nparse, cl", ["clean"]),
        ("%%floe flow x\n# par", []),
        ('%%floe flow x\ntidy = clean(by="par', []),
        ("%floe break clean.", ["clean.in", "clean.out"]),
        ("%floe clear cl", ["clean"]),
        ("%floe logs --node pa", ["parse"]),
        ("x = 1\n%floe sto", ["stop"]),
    ],
)
def test_names_that_fit_are_offered(completer, text, options):
    assert offered(completer, text) == options


def test_python_expressions_are_left_to_python(completer):
    assert completer.complete("%floe run co2 --input li", 0, 24) == (None, [])
    assert completer.complete("x = 1", 0, 5) == (None, [])


def test_nobody_guesses_inside_another_language(completer):
    text = "%%floe module x --lang js\nconst a = "
    assert completer.complete(text, 1, 10) == ("", [])
    assert completer.complete(text + "pri", 1, 13) == ("pri", [])


def test_it_takes_less_than_ten_milliseconds_with_a_thousand_nodes(completer):
    session = completer._current()
    session.keep_flow(Flow("big", tuple(Node(f"node{i}", "clean") for i in range(1_000))), 1)

    def seconds() -> float:
        began = time.process_time()
        assert len(offered(completer, "%floe run big --to node")) == 1_000
        return time.process_time() - began

    assert min(seconds() for _ in range(3)) < 0.01


def test_a_real_shell_asks_us(bare_shell, completer):
    from IPython.core.completer import provisionalcompleter

    completer.put_in(bare_shell)
    try:
        with provisionalcompleter():
            found = [c.text for c in bare_shell.Completer.completions("%floe run c", 11)]
    finally:
        completer.take_out(bare_shell)
    assert found == ["co2"]


def at_the_end(kernel, text):
    """What a real kernel offers behind *text*, and what it replaces by that."""
    kernel.client.complete(text, len(text))
    content = kernel.client.get_shell_msg(timeout=30)["content"]
    while "matches" not in content:  # answers to cells that ran before
        content = kernel.client.get_shell_msg(timeout=30)["content"]
    return content["matches"], text[content["cursor_start"] : content["cursor_end"]]


def typed(kernel, text):
    """Offered text -> its type, as front ends are told it."""
    kernel.client.complete(text, len(text))
    content = kernel.client.get_shell_msg(timeout=30)["content"]
    while "matches" not in content:
        content = kernel.client.get_shell_msg(timeout=30)["content"]
    return {one["text"]: one["type"] for one in content["metadata"].get("_jupyter_types_experimental", ())}


def test_C21_held_messages_complete_and_nothing_opens_an_empty_entry(kernel):
    assert at_the_end(kernel, "%floe edit ")[0] == []
    kernel("%floe break slow")
    kernel("run = floe.flow('one').run([1, 2], wait=False)")
    until(lambda: kernel("bool(run.held())") == "True", "a message to be held")
    ids = re.findall(r"'(\w+)'", kernel("[m.id for m in run.held()]"))
    assert ids
    for verb in ("edit", "drop", "retry", "duplicate", "fork"):
        assert at_the_end(kernel, f"%floe {verb} ") == (ids, "")
    assert at_the_end(kernel, f"%floe edit {ids[0][:2]}")[0] == [one for one in ids if one.startswith(ids[0][:2])]
    assert at_the_end(kernel, "%floe step --message ")[0] == ids


def test_C21_types_say_what_each_offer_is(kernel):
    assert set(typed(kernel, "%floe ru").values()) == {"keyword"}
    assert typed(kernel, "%floe run one --ti") == {"--timeout": "param"}
    assert typed(kernel, "%floe run o") == {"one": "instance"}
    assert typed(kernel, "%%floe flow two\nslo") == {"slow": "module"}
    assert typed(kernel, "%%floe flow two\nx = ti") == {"timer": "function"}
    assert typed(kernel, "%%floe flow two\nslow.") == {"slow.out": "property", "slow.error": "property"}
    assert typed(kernel, "%%floe flow two\nquick = slow(wor") == {"workers=": "param"}
    assert typed(kernel, "%%floe flow two\nquick = slow(on_error=re") == {"retry": "keyword"}


class Answers:
    """A client that knows workspaces."""

    workspace = None

    def __init__(self, infos):
        self.infos = infos

    def submit(self, name, /, **_):
        done = Future()
        done.set_result(msgspec.to_builtins(self.infos) if name == "workspaces" else None)
        return done


def test_titles_of_other_workspaces_complete_and_those_that_several_have_by_path(completer):
    spaces = [
        Workspace("1", "mine.ipynb", "notebook", "/nb/mine.ipynb"),
        Workspace("2", "my shop.ipynb", "notebook", "/nb/my shop.ipynb"),
        Workspace("3", "co2.ipynb", "notebook", "/nb/a/co2.ipynb"),
        Workspace("4", "co2.ipynb", "notebook", "/nb/b/co2.ipynb"),
    ]
    infos = [WorkspaceInfo(space, own=space.id == "1") for space in spaces]
    completer._current()._client = Answers(infos)
    assert offered(completer, "%floe use ") == ['"my shop.ipynb"', "/nb/a/co2.ipynb", "/nb/b/co2.ipynb"]
    assert offered(completer, "%floe use /nb/b") == ["/nb/b/co2.ipynb"]
    assert offered(completer, "%floe run co2 --workspace /nb/a") == ["/nb/a/co2.ipynb"]


def test_a_kernel_offers_names_ports_and_options_where_they_belong(kernel):
    assert at_the_end(kernel, "%floe run on") == (["one"], "on")
    assert at_the_end(kernel, "%floe break slow.") == (["slow.in", "slow.out"], "slow.")
    assert at_the_end(kernel, "%%floe flow two\nslo") == (["slow"], "slo")
    assert at_the_end(kernel, "%%floe flow two\nquick = slow(wor") == (["workers="], "wor")
    assert at_the_end(kernel, "%%floe flow two\nquick = slow(on_error=re") == (["retry"], "re")
    assert at_the_end(kernel, "r = %floe run one --ti") == (["--timeout"], "--ti")
    assert at_the_end(kernel, "%%floe module x --lang js\nconst a = pri") == (["pri"], "pri")
    assert at_the_end(kernel, "%%floe module x --lang js\nconst a = ")[0] == []
