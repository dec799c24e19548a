"""How what a user gives becomes batches."""

import threading
import time
from concurrent.futures import Future

import numpy as np
import pandas as pd
import pytest

from floe_jupyter.client.feeding import FIRST, MOST, Feeder, messages
from floe_jupyter.client.waiting import block
from floe_jupyter.errors import ValueRefused
from floe_jupyter.wire.values import decode
from tests.kernel.waits import until


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([1, 2], [1, 2]),
        ((1, 2), [1, 2]),
        (range(3), [0, 1, 2]),
        ((x for x in "ab"), ["a", "b"]),
        ({"a": 1}.keys(), ["a"]),
        ([], []),
        ({"a": 1}, [{"a": 1}]),
        ("text", ["text"]),
        (b"bytes", [b"bytes"]),
        (7, [7]),
        (None, [None]),
        ([[1, 2]], [[1, 2]]),
    ],
)
def test_a_list_is_one_message_per_item_and_other_values_are_one(given, expected):
    assert list(messages(given)) == expected


@pytest.mark.parametrize("given", [np.arange(3), pd.DataFrame({"a": [1, 2]}), pd.Series([1])], ids=["array", "table", "series"])
def test_arrays_and_tables_are_one_message(given):
    [one] = messages(given)
    assert one is given


class Dispatcher:
    """Keeps what it is fed, and answers at once."""

    def __init__(self):
        self.fed, self.closed, self.cancelled = [], 0, 0
        self.room = True

    def submit(self, name, /, **args):
        answer = Future()
        if name == "feed":
            self.fed.append(args["batch"])
        self.closed += name == "close_run"
        self.cancelled += name == "cancel"
        if self.room or name != "feed":
            answer.set_result(None)
        return answer


def fed(given, *, live=False):
    dispatcher = Dispatcher()
    block(Feeder(dispatcher, "co2.1.local.1", iter(given), live=live).steps(Future()))
    assert dispatcher.closed == 1
    return dispatcher.fed


def test_batches_grow_while_they_are_small():
    sizes = [batch.n for batch in fed(range(5_000))]
    assert sizes[:4] == [16, 32, 64, 128]
    assert max(sizes) == MOST
    assert sum(sizes) == 5_000


def test_batches_of_large_messages_become_small():
    sizes = [batch.n for batch in fed(["x" * 100_000] * 60)]
    assert max(sizes[2:]) <= 8
    assert sum(sizes) == 60


def test_nothing_waits_for_an_iterable_that_takes_its_time():
    dispatcher, arrived = Dispatcher(), threading.Event()

    def slow():
        yield from (1, 2)
        arrived.wait(10)
        yield 3

    thread = threading.Thread(target=lambda: block(Feeder(dispatcher, "r", slow()).steps(Future())))
    thread.start()
    until(lambda: sum(b.n for b in dispatcher.fed) == 2, "the first two messages to be sent")
    arrived.set()
    thread.join(10)
    assert [value for batch in dispatcher.fed for value in decode(batch)] == [1, 2, 3]


def test_order_is_kept_between_the_two_threads_that_send():
    def uneven():
        for number in range(3_000):
            if number % 97 == 0:
                time.sleep(0.001)
            yield number

    assert [value for batch in fed(uneven(), live=True) for value in decode(batch)] == list(range(3_000))


def test_a_flow_without_room_holds_the_iterable_back():
    dispatcher, taken = Dispatcher(), []
    dispatcher.room = False
    feeder = Feeder(dispatcher, "r", (taken.append(i) or i for i in range(100_000)), live=False)
    steps = feeder.steps(Future())
    next(steps)
    assert len(taken) == FIRST + 2 * FIRST


def test_an_iterable_that_raises_in_the_background_cancels_the_run():
    dispatcher, over = Dispatcher(), Future()

    def broken():
        yield 1
        raise OSError("the file is gone")

    feeder = Feeder(dispatcher, "r", broken())
    feeder.go_on(over)
    until(lambda: feeder.error is not None, "the error of the iterable")
    assert (str(feeder.error), dispatcher.cancelled) == ("the file is gone", 1)


def test_what_cannot_travel_is_refused_with_the_cure():
    with pytest.raises(ValueRefused):
        fed([1, object()])
