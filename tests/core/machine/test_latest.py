"""The last value of a wire: found in the end of its newest batch, without a copy of the batch; of a long one its beginning."""

from __future__ import annotations

import json

import pytest

from floe_jupyter.core.machine.events import Count, Returned
from floe_jupyter.core.machine.latest import KEPT, shortened, told
from floe_jupyter.core.machine.state.queues import LATEST, WHOLE
from tests.core.machine.machine_kit import World, flow


@pytest.mark.parametrize(
    ("end", "last"),
    [
        (b'"abc\n1234', '{"$floe":["short","\\"abc",1234]}'),
        (b'{"k":"\xc3\n99', '{"$floe":["short","{\\"k\\":\\"",99]}'),
        (b"", None),
        (b"[", None),
        (b"12", None),
        (b"[1]", "1"),
        (b"[1,2,30]", "30"),
        (b'[{"a":1,"b":[1,2]},{"a":2,"b":[3,4]}]', '{"a":2,"b":[3,4]}'),
        (b"[[1,2]]", "[1,2]"),
        (b'["a,b"]', '"a,b"'),
        (b'[0,"x, 5"]', '"x, 5"'),
        (b'ut":1},null]', "null"),
        (b'":1},{"k":"}, {"}]', '{"k":"}, {"}'),
        (b'aaaa"]', None),
        (b"1," * 600 + b"x]", None),
    ],
)
def test_C3_the_last_value_is_found_in_the_end_of_an_array(end, last):
    assert told(end) == last


def test_C3_every_wire_keeps_its_last_value_whichever_way_it_was_carried():
    world = World(flow("a>b", "b>c"))
    world.inject("a", 1, 2, 3)
    world.echo(world.calls("a")[0])
    assert world.machine.latest() == {"a.out>b.in": "3"}
    world.send(Returned(world.calls("b")[0].call, consumed=3, counts=(Count("b.out>c.in", 3, 9, "[4,5,6]"),), end=True))
    assert world.machine.latest() == {"a.out>b.in": "3", "b.out>c.in": "6"}
    assert world.machine.latest("b.out>c.in") == {"b.out>c.in": "6"}


def kept(world):
    """How many bytes each wire keeps."""
    return [len(queue.latest) for queue in world.machine._instance.wires.values()]


@pytest.mark.parametrize("before", [[], [1, "y" * 5000, [2] * 300]])
def test_C3_of_a_value_that_is_too_long_its_beginning_and_its_size_are_told_and_memory_is_bounded(before):
    world = World(flow("a>b"))
    world.inject("a", *before, {"text": "x" * 2 * LATEST})
    world.echo(world.calls("a")[0])
    kind, text, size = json.loads(world.machine.latest()["a.out>b.in"])["$floe"]
    assert kind == "short"
    assert text.startswith('{"text":"xxx')
    assert 900 <= len(text) <= LATEST
    assert size == 2 * LATEST + len('{"text":""}')
    assert max(kept(world)) <= LATEST


@pytest.mark.parametrize("values", [["é" * WHOLE], ["é" * WHOLE, 7], ["é" * WHOLE, "ok" * 4000]])
def test_C3_a_batch_that_is_large_is_not_kept_even_until_a_view_is_made(values):
    world = World(flow("a>b"))
    world.inject("a", *values)
    for call in world.calls("a"):
        world.echo(call)
    assert max(kept(world)) <= WHOLE
    told_now = world.machine.latest().get("a.out>b.in", "")
    if values[-1] == 7:
        assert told_now == "7"
    elif len(values) == 1:
        assert json.loads(told_now)["$floe"][2] > WHOLE


def test_C3_a_view_leaves_what_is_told_and_lets_go_of_the_batch():
    world = World(flow("a>b"))
    world.inject("a", *("z" * 400 for _ in range(20)), "last")
    world.echo(world.calls("a")[0])
    assert max(kept(world)) > LATEST
    world.machine.view()
    assert max(kept(world)) <= LATEST
    assert world.machine.latest() == {"a.out>b.in": '"last"'}


def test_C3_the_wires_of_a_run_that_is_over_keep_a_bounded_number_of_bytes_in_which_short_values_are_found():
    names = [f"n{i}" for i in range(60)]
    world = World(flow(*(f"a>{name}" for name in names)))
    world.inject("a", *range(10), "long" * 40, 7)
    world.echo(world.calls("a")[0])
    ends = world.machine.ends()
    assert len(ends) == 60
    assert sum(map(len, ends.values())) <= KEPT
    assert {told(end) for end in ends.values()} == {"7"}
    world.inject("a", "long" * 100)
    world.echo(world.calls("a")[-1])
    assert sum(map(len, world.machine.ends().values())) <= KEPT
    assert {json.loads(told(end))["$floe"][2] for end in world.machine.ends().values()} == {
        402
    }  # longer than the share of a wire


def test_C3_of_an_end_in_which_no_value_begins_the_last_bytes_are_kept():
    assert shortened(b"x" * 100, 10) == b"x" * 10
