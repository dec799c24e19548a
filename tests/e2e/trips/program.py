"""A user's program: makes each trip several times, alone, and writes from when until when it took."""

import json
import sys
import time
from pathlib import Path

import floe_jupyter as floe
from floe_jupyter.client.define import define_flow, define_module
from floe_jupyter.client.session import session
from floe_jupyter.core.flow.model import Module
from floe_jupyter.core.notation.parser import parse

TIMES = 4
WITHIN = 20.0
"""Seconds that each part of a trip may take."""


def until(holds, what):
    deadline = time.monotonic() + WITHIN
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not come within {WITHIN:g} s"


def module(version):
    define_module(session(), Module("echo", f"def echo(msg):\n    return [msg, {version}]\n"))


def message(number):
    assert floe.flow("echo").send(number).wait(WITHIN).results == [[number, 0]]


def breakpoint_(number):
    flow = floe.flow("echo")
    point = flow.breakpoint("echo")
    run = flow.send(number)
    until(flow.held, "the held message")
    point.remove()
    flow.resume()
    assert run.wait(WITHIN).results == [[number, 0]]


def update(number):
    module(number)
    until(lambda: floe.flow("echo").send(0).wait(WITHIN).results == [[0, number]], "the new version")


def main(target):
    module(0)
    define_flow(session(), parse("echo", "echo", modules={"echo": Module("echo", "")}))
    floe.flow("echo").start()
    taken = {}
    for trip in (message, breakpoint_, update):
        for number in range(-1, TIMES):  # the first one warms up
            begin = time.time()
            trip(number + 1)
            end = time.time()
            if number >= 0:
                taken.setdefault(trip.__name__.strip("_"), []).append((begin, end))
    Path(target).write_text(json.dumps(taken))


if __name__ == "__main__":
    main(sys.argv[1])
