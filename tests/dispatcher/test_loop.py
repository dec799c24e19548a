"""The dispatcher's loop: a fault in one place stops nothing else."""

from __future__ import annotations

import os

import pytest

from floe_jupyter.dispatcher.loop import Loop


def broken() -> None:
    raise ZeroDivisionError


def test_a_fault_of_a_callback_a_timer_or_the_end_of_a_turn_is_counted_and_the_loop_goes_on(
    capfd: pytest.CaptureFixture[str],
) -> None:
    loop, heard = Loop(), list[bytes]()
    inlet, outlet = os.pipe()
    loop.watch(inlet, lambda: heard.append(os.read(inlet, 1)))
    loop.every_turn(broken)
    loop.after(0.0, broken)
    os.write(outlet, b"x")
    loop.turn(0.0)
    assert heard == [b"x"]
    assert loop.faults == 2
    assert capfd.readouterr().err.count("please report this") == 2
    loop.forget(inlet)
    for end in (inlet, outlet):
        os.close(end)
