"""A payload of any size on every path: the right bytes, or an error that names the limit."""

from __future__ import annotations

import hashlib
import re

import pytest

from floe_jupyter.core.flow.model import Module
from floe_jupyter.core.messages import INLINE_LIMIT
from floe_jupyter.errors import FloeError
from floe_jupyter.wire.client.client import Client
from tests.e2e.flows import define, opened, results, run

MIB = 2**20
LIMIT = "16.?777.?216"
SIZES = [0, 1, 64 * 1024, 64 * 1024 + 1, MIB, 16 * MIB, 64 * MIB]
PASS = "def {name}(msg):\n    return msg\n"
PASS_JS = "export default function (msg) { return msg; }\n"


def _bytes(size: int) -> bytes:
    return (b"0123456789abcdef" * (size // 16 + 1))[:size]


@pytest.fixture
def echoes(client: Client) -> Client:
    """python -> javascript -> python in another environment, and one that stays in a process."""
    define(
        client,
        "far",
        "one -> two -> three",
        Module("one", PASS.format(name="one")),
        Module("two", PASS_JS, "js"),
        Module("three", PASS.format(name="three"), deps=("six",)),
    )
    define(client, "near", "one -> four", Module("four", PASS.format(name="four")))
    return client


@pytest.mark.parametrize("flow", ["near", "far"])
@pytest.mark.parametrize("size", SIZES)
def test_bytes_of_any_size_arrive_as_they_were(echoes: Client, flow: str, size: int) -> None:
    [found] = run(echoes, flow, _bytes(size))
    assert hashlib.sha256(found).digest() == hashlib.sha256(_bytes(size)).digest()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_256_MiB_of_bytes_arrive_as_they_were(echoes: Client) -> None:
    [found] = run(echoes, "far", _bytes(256 * MIB))
    assert found == _bytes(256 * MIB)


@pytest.mark.parametrize("size", [0, 1, 64 * 1024, MIB, 15 * MIB])
def test_text_below_the_limit_arrives_as_it_was(echoes: Client, size: int) -> None:
    assert run(echoes, "far", "é" * (size // 2)) == ["é" * (size // 2)]


def test_text_over_the_limit_is_refused_at_the_sender_with_the_limit_named(echoes: Client) -> None:
    with pytest.raises(FloeError, match=LIMIT):
        run(echoes, "far", "x" * (INLINE_LIMIT + 1))


@pytest.mark.parametrize("lang", ["python", "js"])
def test_a_module_that_gives_text_over_the_limit_fails_with_the_limit_named(client: Client, lang: str) -> None:
    source = (
        "def big(msg):\n    return 'x' * msg\n"
        if lang == "python"
        else "export default function (msg) { return 'x'.repeat(msg); }\n"
    )
    define(client, "grow", "big", Module("big", source, lang))
    info = client.call("wait", ref=opened(client, "grow", [INLINE_LIMIT + 1]).ref, timeout=50.0)
    assert info.status == "failed"
    assert re.search(LIMIT, info.failures[0].message)
    assert len(run(client, "grow", 1000)[0]) == 1000


def test_an_array_of_64_MiB_reaches_another_process_and_leaves_no_segment(client: Client) -> None:
    import os

    before = set(os.listdir("/dev/shm"))
    define(
        client,
        "arrays",
        "make -> total",
        Module("make", "import numpy as np\ndef make(msg):\n    return np.arange(msg)\n"),
        Module("total", "def total(msg):\n    return int(msg.sum())\n", deps=("numpy",)),
    )
    n = 8 * MIB
    assert run(client, "arrays", n, n, n) == [n * (n - 1) // 2] * 3
    client.call("shutdown")
    client.close()
    assert set(os.listdir("/dev/shm")) - before == set()


def test_results_may_be_fetched_twice(echoes: Client) -> None:
    from tests.e2e.flows import finished

    info = finished(echoes, opened(echoes, "near", [_bytes(MIB)]))
    assert results(echoes, info) == results(echoes, info) == [_bytes(MIB)]
