"""What others wrote does not command the terminal."""

from __future__ import annotations

import io
import json
import unicodedata

import pytest

from floe_jupyter.cli.sessions import fail
from floe_jupyter.cli.terminal import escaped, harmless
from floe_jupyter.errors import DefinitionError

ATTACKS = (
    "\x1b[2J",
    "\x1b]0;title\x07",
    "\x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\",
    "\x9b2J",
    "\x08\x08ok",
    "a\rb",
    "\x7f",
    "\u202egpj.exe",
    "\u2066x\u2069",
    "a\u2028b",
    "\x00",
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("text", ATTACKS)
def test_B11_no_text_commands_a_terminal(text: str) -> None:
    shown = escaped(f"before {text} behind\n\tnext")
    assert shown.startswith("before ")
    assert shown.endswith(" behind\n\tnext")
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cf", "Zl") and c not in "\n\t"]


def test_B11_results_stay_as_they_are_in_pipes_and_are_json_on_terminals() -> None:
    line = json.dumps({"text": "\x9b2J \u202e"}, ensure_ascii=False) + "\n"
    for stream in (io.StringIO(), Terminal()):
        shown = harmless(line, stream)
        assert json.loads(shown) == json.loads(line)
        assert ("\x9b" in shown) != stream.isatty()


def test_B11_errors_are_harmless_wherever_they_go(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        fail(DefinitionError("no flow '\x1b]0;owned\x07'; did you mean\n  this?"), 2)
    assert capsys.readouterr().err == "floe: no flow '\\u001b]0;owned\\u0007'; did you mean\n  this?\n"
