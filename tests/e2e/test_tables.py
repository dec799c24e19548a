"""Values from module to module, process to process and language to language: what arrives equal, and what is refused.

======================================  ===============  ==================================
kind                                    Python, kernel   through a JavaScript module
======================================  ===============  ==================================
numbers, text, bytes, dates, arrays     equal            equal
Timestamp, Timedelta, NaT, NA, scalars  equal            equal (a Timestamp is a Date there)
DataFrame, Series, Index                equal            refused, with the cure
======================================  ===============  ==================================
"""

from __future__ import annotations

import datetime
import zoneinfo
from typing import Any

import numpy as np
import pandas as pd
import pytest

from floe_jupyter.core.flow.model import Module
from floe_jupyter.wire.client.client import Client
from tests.e2e.flows import define, opened, run
from tests.wire.test_tables import FRAMES, same_cell, same_frame

PASS = "def {name}(msg):\n    return msg\n"
PASS_JS = "export default function (msg) { return msg; }\n"
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
VALUES = [
    2**53,
    2**53 + 1,
    -(2**63),
    2**64,
    2**70,
    0.1,
    1e300,
    -0.0,
    float("inf"),
    "ü\u2028",
    "",
    b"",
    b"\x00\xff",
    {"$floe": 1},
    {"a": [True, None, {}]},
    datetime.date(2026, 1, 1),
    datetime.datetime(2026, 1, 1, 1, 2, 3, 456789),
    datetime.datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN),
    pd.Timestamp("2026-11-21T04:05:06.123456789"),
    pd.Timestamp("2026-11-21", tz="Europe/Berlin"),
    pd.Timedelta(5, "ns"),
    pd.NaT,
    pd.NA,
    np.datetime64("2026-11-21", "s"),
    np.timedelta64(3, "D"),
    np.complex64(1 + 2j),
    np.arange(6.0).reshape(2, 3),
    np.array([1 + 2j]),
    np.array(["2026", "NaT"], "M8[D]"),
    np.array(["a", "bc"]),
    np.zeros((0, 2)),
]


@pytest.fixture
def flows(client: Client) -> Client:
    """In one process, in two of one language, and through JavaScript."""
    define(client, "near", "one -> two", Module("one", PASS.format(name="one")), Module("two", PASS.format(name="two")))
    define(
        client,
        "far",
        "one -> two\ntwo = two(workers=2)",
        Module("one", PASS.format(name="one")),
        Module("two", PASS.format(name="two")),
    )
    define(
        client,
        "js",
        "one -> pass -> two",
        Module("one", PASS.format(name="one")),
        Module("pass", PASS_JS, "js"),
        Module("two", PASS.format(name="two")),
    )
    return client


@pytest.mark.parametrize("flow", ["near", "far", "js"])
def test_A17_values_arrive_as_what_they_were(flows: Client, flow: str) -> None:
    wrapped = [[at, value] for at, value in enumerate(VALUES)]
    found: dict[int, Any] = dict(run(flows, flow, *wrapped))
    wrong = [
        (value, found[at]) for at, value in enumerate(VALUES) if not same_cell(found[at], value) or repr(found[at]) != repr(value)
    ]
    assert not wrong


@pytest.mark.timeout(120)
@pytest.mark.parametrize("flow", ["near", "far"])
def test_A7_E8_tables_and_series_arrive_equal_in_one_process_and_in_two(flows: Client, flow: str) -> None:
    for at, found in run(flows, flow, *[[at, frame] for at, frame in enumerate(FRAMES.values())]):
        same_frame(list(FRAMES.values())[at], found)
    [series] = run(flows, flow, pd.Series([1, 2], name="x"))
    pd.testing.assert_series_equal(series, pd.Series([1, 2], name="x"))


@pytest.mark.parametrize(
    ("value", "cure"),
    [(FRAMES["plain"], "frame.to_dict('records')"), (pd.Series([1]), "series.tolist()"), (pd.Index([1]), "index.tolist()")],
)
def test_A17_javascript_refuses_tables_with_a_cure_that_cures(flows: Client, value: Any, cure: str) -> None:
    info = flows.call("wait", ref=opened(flows, "js", [value]).ref, timeout=50.0)
    assert info.status == "failed"
    assert cure in info.failures[0].message
    cured = value.to_dict("records") if cure.startswith("frame") else value.tolist()
    [found] = run(flows, "js", cured)
    assert same_cell(found, cured)


def test_A17_records_with_timestamps_are_dates_in_javascript(client: Client) -> None:
    define(
        client,
        "year",
        "year",
        Module(
            "year",
            "export default (msg) => [msg[0].t instanceof Date, msg[0].t.getUTCFullYear(), msg[1].t === null, msg[0].n];",
            "js",
        ),
    )
    records = pd.DataFrame({"t": pd.to_datetime(["2026-11-21", None]), "n": [1, 2]}).to_dict("records")
    assert run(client, "year", records) == [[True, 2026, False, 1]]
