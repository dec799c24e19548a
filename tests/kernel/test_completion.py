"""What Tab offers."""

import time

import pytest

from floe_jupyter.core.model import Flow, Module, Node
from floe_jupyter.kernel.completion import Completer
from floe_jupyter.kernel.session import Session


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
        ("%%floe module x --lang r", ["rust", "r"]),
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
        ("%%floe flow x\ntidy = clean(by=\"par", []),
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
        began = time.perf_counter()
        assert len(offered(completer, "%floe run big --to node")) == 1_000
        return time.perf_counter() - began

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


def test_a_kernel_offers_names_ports_and_options_where_they_belong(kernel):
    assert at_the_end(kernel, "%floe run on") == (["one"], "on")
    assert at_the_end(kernel, "%floe break slow.") == (["slow.in", "slow.out"], "slow.")
    assert at_the_end(kernel, "%%floe flow two\nslo") == (["slow"], "slo")
    assert at_the_end(kernel, "%%floe flow two\nquick = slow(wor") == (["workers="], "wor")
    assert at_the_end(kernel, "%%floe flow two\nquick = slow(on_error=re") == (["retry"], "re")
    assert at_the_end(kernel, "r = %floe run one --ti") == (["--timeout"], "--ti")
    assert at_the_end(kernel, "%%floe module x --lang js\nconst a = pri") == (["pri"], "pri")
    assert at_the_end(kernel, "%%floe module x --lang js\nconst a = ")[0] == [""]
