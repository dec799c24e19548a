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
QUIET = 0.02
"""Seconds for what a trip leaves to do: journals, acknowledgements."""


def module(version):
    define_module(session(), Module("echo", f"def echo(msg):\n    return [msg, {version}]\n"))


def message(number):
    assert floe.flow("echo").send(number).wait().results == [[number, 0]]


def breakpoint_(number):
    flow = floe.flow("echo")
    point = flow.breakpoint("echo")
    run = flow.send(number)
    while not flow.held():
        pass
    point.remove()
    flow.resume()
    assert run.wait().results == [[number, 0]]


def update(number):
    module(number)
    while floe.flow("echo").send(0).wait().results != [[0, number]]:
        pass


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
            time.sleep(QUIET)
            if number >= 0:
                taken.setdefault(trip.__name__.strip("_"), []).append((begin, end))
    Path(target).write_text(json.dumps(taken))


if __name__ == "__main__":
    main(sys.argv[1])
