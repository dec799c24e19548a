"""The generated schema is up to date, and says what the frames say."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import msgspec
import pytest

from floe_jupyter.core.flow.model import Module, Place
from floe_jupyter.core.machine.events import Failure
from floe_jupyter.wire.generate.schema import files, schema
from floe_jupyter.wire.runtime import frames
from floe_jupyter.wire.runtime.frames import BatchHead, BufferHead, FailureHead, Head, OutputHead, StateHead

BATCH = BatchHead(
    n=2, runs=[1, 2], ids=["a", "b"], tagged=True, buffers=[BufferHead(3), BufferHead(70_000, "floe-1-2")], counts=[1, 1]
)
FAILURE = Failure("clean", "ValueError: no", trace="t", cell=3, line=4, id="a", run=1, input={"x": [1]}, state={"n": 1})
SAMPLES: list[Head] = [
    frames.LoadFrame(slot=1, node="clean", module=Module("clean", "x", place=Place(3, 1)), prefix="f.", state={"n": 1}),
    frames.ActivateFrame(slot=1, state={"n": [1, None]}),
    frames.UnloadFrame(slot=1),
    frames.RouteFrame(slot=1, routes={"out": [("a.out>b.in", 2, "in")]}),
    frames.CallFrame(call=1, slot=1, port="in", batch=BATCH, skip=1, first=2, state={}),
    frames.MoreFrame(call=1),
    frames.RecallFrame(slot=1),
    frames.FreeFrame(segments=["floe-1-1"], remove=["floe-1-2"]),
    frames.ExitFrame(),
    frames.HelloFrame(protocol=1, lang="python", version="3.11", pid=1, fidelity={"tuple": "list"}),
    frames.LoadedFrame(slot=1, fusable=True),
    frames.RefusedFrame(slot=1, failure=FAILURE),
    frames.ActivatedFrame(slot=1, state={}),
    frames.RoutedFrame(slot=1),
    frames.ReturnedFrame(
        call=1,
        consumed=2,
        emitted=3,
        outputs=[OutputHead(1, "out", BATCH, [0, 1], [0, 0])],
        counts=[frames.CountHead("w", 3, 100, 1)],
        states=[StateHead(1, {"n": 1}, ["m"])],
        skipped=[FailureHead(1, FAILURE)],
        failure=FailureHead(1, FAILURE),
        left=[frames.LeftHead("w", BATCH, 1)],
        end=True,
        kept=["floe-1-1"],
    ),
    frames.LogFrame(slot=1, text="x\n", stream="log", cut=5),
    frames.BadFrame(reason="no", count=2),
]


def test_generated_files_are_up_to_date() -> None:
    stale = [path.name for path, text in files().items() if path.read_text() != text]
    assert stale == [], "run `python -m floe_jupyter.wire.generate.schema`"


def test_there_is_a_sample_of_every_frame() -> None:
    assert {type(sample) for sample in SAMPLES} == set(Head.__subclasses__())


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_every_frame_fits_the_schema(sample: Head) -> None:
    jsonschema.validate(json.loads(msgspec.json.encode(sample)), schema())


@pytest.mark.parametrize("wrong", [{}, {"t": "dance"}, {"t": "unload"}, {"t": "unload", "slot": "one"}, {"t": "call", "call": 1}])
def test_what_is_no_frame_does_not_fit(wrong: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, schema())
