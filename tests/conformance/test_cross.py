"""Values that pass from one language through another and back arrive equal, or are refused on the way; over the whole corpus."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.host import Host, languages
from tests.conformance.values import canonical
from tests.conformance.vectors import FOLDER

CORPUS = json.loads((FOLDER / "values.json").read_text())
PATHS = [("python", "js", "python"), ("js", "python", "js")]

pytestmark = pytest.mark.skipif(not {"python", "js"} <= set(languages()), reason="both languages are needed")

Parts = tuple[dict[str, Any], list[bytes]]


@pytest.fixture(params=PATHS, ids=["-".join(path) for path in PATHS])
def chain(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[Host]]:
    """A runtime for each language of the path; the last is the first again, which is another process than before."""
    hosts: list[Host] = []
    try:
        for number, lang in enumerate(request.param):
            folder = tmp_path / str(number)
            folder.mkdir()
            hosts.append(Host(lang, folder))
            assert hosts[-1].load(CORPUS["echo"][lang])["t"] == "loaded"
        yield hosts
    finally:
        for host in hosts:
            host.close()


def _first(entry: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    buffers = [base64.b64decode(b) for b in entry.get("buffers", [])]
    batch: dict[str, Any] = {"n": 1, "tagged": '"$floe"' in entry["text"]}
    if buffers:
        batch |= {"buffers": [{"size": len(b)} for b in buffers], "counts": [len(buffers)]}
    return batch, [b"[" + entry["text"].encode() + b"]", *buffers]


def _pass(host: Host, batch: dict[str, Any], parts: list[bytes], number: int) -> tuple[dict[str, Any], list[bytes]] | None:
    """The batch that came out; None when the value was refused, or is no output in this language."""
    host.send({"t": "call", "call": number, "slot": 1, "port": "in", "batch": batch, "state": {}}, parts)
    result = host.collect(number)
    if result.failure is not None:
        assert result.failure["failure"]["kind"] == "value", result.failure
        return None
    frames = [(head, parts) for head, parts in result.frames if head.get("outputs")]
    if not frames:
        assert parts[0] == b"[null]", f"{host.lang} gave nothing for {parts[0]!r}"
        return None
    head, parts = frames[0]
    return head["outputs"][0]["batch"], parts


def test_the_corpus_passes_through_and_back_equal_or_refused(chain: list[Host]) -> None:
    wrong, arrived = [], 0
    for number, entry in enumerate(CORPUS["values"], 1):
        batch, parts = _first(entry)
        expected = canonical(entry["text"], parts[1:])
        for host in chain:
            passed = _pass(host, batch, parts, number)
            if passed is None:
                break
            batch, parts = passed
        else:
            arrived += 1
            if canonical(parts[0][1:-1], parts[1:]) != expected:
                wrong.append((entry["text"][:200], parts[0][:200]))
    assert not wrong, f"{len(wrong)} values were changed on the way {[h.lang for h in chain]}: {wrong[:5]}"
    assert arrived > len(CORPUS["values"]) * 0.9, f"only {arrived} of {len(CORPUS['values'])} values arrived at all"
