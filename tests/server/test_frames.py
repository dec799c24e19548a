"""Frames and arguments that make no sense, and what they are answered with."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest

from floe_jupyter.core.messages import Batch, Buffer
from floe_jupyter.errors import DefinitionError, FloeError, ProtocolError, UnknownName, ValueRefused
from floe_jupyter.server import calls, frames
from floe_jupyter.wire.control import pages
from floe_jupyter.wire.control.calls import CALLS
from tests.server.kit import batch


def arguments(call: str, **args: Any) -> dict[str, Any]:
    return calls.arguments(call, msgspec.Raw(json.dumps(args).encode()))


@pytest.mark.parametrize(
    ("text", "number", "message"),
    [
        ("", None, "an invalid frame"),
        ("[1]", None, "Expected `object`, got `array`"),
        ('{"id": 7, "call": 3}', 7, "Expected `str`, got `int`"),
        ('{"id": 7, "calls": "runs"}', 7, "unknown field `calls`"),
        ('{"id": 7}', 7, "either a call or about one topic"),
        ('{"id": 7, "call": "runs", "subscribe": "view/"}', 7, "either a call or about one topic"),
        ('{"call": "runs"}', None, "the id of a call is a whole number from 1"),
        ('{"id": -1, "call": "runs"}', None, "the id of a call is a whole number from 1"),
        ('{"id": 9007199254740992, "call": "runs"}', None, "the id of a call is a whole number from 1"),
        ('{"subscribe": "views/"}', None, "no topic 'views/'; did you mean 'view/'"),
        ('{"subscribe": "view"}', None, "no topic 'view'; did you mean 'view/'"),
        ('{"subscribe": "view/%s"}' % ("x" * 600), None, "a topic of 605 characters"),
        ("[" * 100_000, None, "an invalid frame"),
        ('{"args": %s' % ("[" * 100_000), None, "an invalid frame"),
    ],
)
def test_a_frame_that_makes_no_sense_is_answered(text: str, number: int | None, message: str) -> None:
    with pytest.raises(frames.Refused) as caught:
        frames.read(text)
    assert caught.value.number == number
    assert message in str(caught.value.error)
    assert isinstance(caught.value.error, ProtocolError)


def test_a_binary_frame_is_answered() -> None:
    with pytest.raises(frames.Refused, match="frames of the bridge are JSON text"):
        frames.read(b"{}")


CLOSED = {"hello", "leave", "add_key", "revoke_key", "listen_for_runners"}


def test_calls_that_are_not_a_pages_say_why() -> None:
    for name in CLOSED:
        with pytest.raises(ProtocolError, match=f"a page may not call '{name}': {CALLS[name].closed_to_pages}"):
            pages.check_permitted(name)
    with pytest.raises(UnknownName, match="did you mean 'runs'"):
        pages.check_permitted("runz")


def test_every_other_call_of_the_table_is_a_pages() -> None:
    for name in set(CALLS) - CLOSED:
        pages.check_permitted(name)


@pytest.mark.parametrize(
    ("call", "args", "message"),
    [
        ("run_info", {"reff": "x"}, "run_info: no argument 'reff'; did you mean 'ref'?"),
        ("feed", {}, "feed: Object missing required field `ref`"),
        ("runs", {"limit": "many"}, "runs: Expected `int`, got `str`"),
        ("edit", {"id": "x", "text": "no base64!"}, "edit: Invalid base64"),
    ],
)
def test_wrong_arguments_are_named(call: str, args: dict[str, Any], message: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        arguments(call, **args)
    assert message in str(caught.value)


def test_arguments_that_are_no_object_are_named() -> None:
    with pytest.raises(DefinitionError, match="runs: Expected `object`, got `int`"):
        calls.arguments("runs", msgspec.Raw(b"5"))


def test_bytes_are_base64() -> None:
    text = base64.b64encode(b'{"co2": 1}').decode()
    assert arguments("edit", id="x", text=text)["text"] == b'{"co2": 1}'
    assert json.loads(frames.answer(1, {"text": b'{"co2": 1}'})) == {"id": 1, "value": {"text": text}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n": 2}, "a JSON array of n values"),
        ({"payload": base64.b64encode(b"{}").decode()}, "a JSON array of n values"),
        ({"payload": base64.b64encode(b"[1").decode()}, "no JSON"),
        ({"payload": base64.b64encode(b"[]").decode(), "n": 0}, "at least one"),
        ({"payload": base64.b64encode(b" [1]").decode()}, "begins with"),
        ({"ids": ["a"]}, "given by the dispatcher"),
        ({"runs": [1]}, "given by the dispatcher"),
        ({"buffers": [{"size": 1, "segment": "floe-1-x"}], "counts": [1]}, "no segment"),
        ({"buffers": [{"size": 1, "segment": "../../etc/passwd"}], "counts": [1]}, "no segment"),
        ({"buffers": [{"size": 2, "data": "YQ=="}], "counts": [1]}, "its `size` in bytes"),
        ({"buffers": [{"size": 1, "data": "YQ=="}]}, "`counts` must give"),
        ({"buffers": [{"size": 1, "data": "YQ=="}], "counts": [2]}, "`counts` must give"),
        ({"counts": [-1]}, "`counts` must give"),
        ({"payload": base64.b64encode(b"[18446744073709551616]").decode()}, "18446744073709551616 has more than 64 bits"),
        ({"payload": base64.b64encode(b"[NaN]").decode()}, "no JSON"),
        ({"payload": base64.b64encode(b"[1e999]").decode()}, "no JSON: number is infinity"),
        ({"payload": base64.b64encode(b"[" * 1_020 + b"]" * 1_020).decode()}, "the payload of a batch is nested too deep"),
    ],
)
def test_a_batch_that_is_not_what_it_says_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueRefused, match=message):
        arguments("feed", ref="x", batch={**batch(1), **change})


def test_a_sound_batch_with_a_buffer_passes() -> None:
    given = {**batch({"$floe": ["bytes", 0]}), "tagged": True, "buffers": [{"size": 1, "data": "YQ=="}], "counts": [1]}
    assert arguments("feed", ref="x", batch=given)["batch"] == Batch(
        b'[{"$floe": ["bytes", 0]}]', 1, tagged=True, buffers=(Buffer(1, b"a"),), counts=(1,)
    )


def test_a_page_waits_five_minutes_at_the_longest() -> None:
    assert arguments("wait", ref="x")["timeout"] == pages.LONGEST_WAIT
    assert arguments("wait", ref="x", timeout=1_000_000)["timeout"] == pages.LONGEST_WAIT
    assert arguments("wait", ref="x", timeout=2)["timeout"] == 2


def test_an_answer_that_is_too_large_is_an_error_that_names_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "LARGEST_ANSWER", 1_000)
    answer = json.loads(frames.answer(3, "x" * 2_000))
    assert answer["id"] == 3
    assert answer["error"][0] == "protocol"
    assert "a page gets at most 1,000" in answer["error"][1]


def test_errors_carry_their_kind() -> None:
    assert json.loads(frames.error(None, FloeError("no"))) == {"id": None, "error": ["error", "no"]}
