"""What modules print while `floe run` waits is kept in bounds until it is written."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from floe_jupyter.cli import prints
from floe_jupyter.cli.prints import Prints


def listener() -> Any:
    client = SimpleNamespace(subscribe=lambda topic, heard: lambda: None)
    return Prints(SimpleNamespace(client=client))  # type: ignore[arg-type]


RUN: Any = SimpleNamespace(info=SimpleNamespace(instance="f.1"), ref="f.1.local.1")


def test_B11_what_waits_to_be_written_is_bounded_in_bytes_and_the_gap_is_told() -> None:
    waiting = listener()
    for number in range(40):
        waiting.hear("log/f.1", {"node": "a", "text": f"{number}" + "x" * 1_000_000 + "\n"})
    text = waiting.take(RUN)
    assert len(text) < prints.KEPT
    assert text.startswith("... 24 pieces came faster than they could be written, and were left out\na: 24x")
    assert text.endswith("x\n")
    assert waiting.take(RUN) == ""


def test_B11_small_pieces_are_bounded_too_and_those_of_other_runs_are_not_shown() -> None:
    waiting = listener()
    for _ in range(200_000):
        waiting.hear("log/f.1", {"node": "a", "text": ""})
    waiting.hear("log/other", {"node": "a", "text": "no\n"})
    waiting.hear("log/f.1", {"node": "a", "text": "yes\n"})
    assert len(waiting._heard) * prints.OVERHEAD < prints.KEPT
    assert waiting.take(RUN).endswith("a: yes\n")
