"""Durations have one parser: the notation and all arguments read the same units and refuse with the same words."""

from __future__ import annotations

import pytest

from floe_jupyter.core.notation.parser import parse
from floe_jupyter.core.notation.values import seconds_of
from floe_jupyter.errors import DefinitionError, NotationError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("10s", 10),
        ("2m", 120),
        ("1h30m", 5_400),
        ("1d", 86_400),
        ("1.5h", 5_400),
        ("2e3s", 2_000),
        ("10000d", 8.64e8),
    ],
)
def test_the_notation_reads_what_the_parser_reads(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds
    assert parse(f"a = clean(timeout={text})", "f").nodes[0].timeout == seconds


@pytest.mark.parametrize("text", ["30x", "1.2.3s", "10001d", "-5s", ".5s", "1h30", "1e400d"])
def test_the_notation_refuses_what_the_parser_refuses_in_its_words(text: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        seconds_of(text)
    with pytest.raises(NotationError) as caught:
        parse(f"a = clean(timeout={text})", "f")
    assert caught.value.message == str(refused.value)


@pytest.mark.parametrize(("text", "seconds"), [("30 s", 30), ("1h 30m", 5_400)])
def test_an_argument_may_have_blanks(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", " ", "soon", "1 0s", "٣s"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(DefinitionError, match=r"is no duration; write one like 500ms, 10s, 2m, 1h30m or 1d$"):
        seconds_of(text)
