"""Every value of the corpus comes back equal, or is refused as the runtime declares; none is changed silently."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.conformance.host import Host
from tests.conformance.values import canonical
from tests.conformance.vectors import FOLDER

CORPUS = json.loads((FOLDER / "values.json").read_text())
KINDS = sorted({value["kind"] for value in CORPUS["values"]})


def _echo(host: Host, entry: dict[str, Any], number: int) -> Any:
    buffers = [base64.b64decode(b) for b in entry.get("buffers", [])]
    batch: dict[str, Any] = {"n": 1, "tagged": '"$floe"' in entry["text"]}
    if buffers:
        batch |= {"buffers": [{"size": len(b)} for b in buffers], "counts": [len(buffers)]}
    host.send(
        {"t": "call", "call": number, "slot": 1, "port": "in", "batch": batch, "state": {}},
        [b"[" + entry["text"].encode() + b"]", *buffers],
    )
    result = host.collect(number)
    return result, canonical(entry["text"], buffers)


def _given(host: Host, result: Any) -> Any:
    ((head, parts),) = [frame for frame in result.frames if frame[0].get("outputs")]
    assert len(head["outputs"]) == 1 and head["outputs"][0]["batch"]["n"] == 1, head
    assert head["outputs"][0]["batch"].get("tagged", False) == (b'"$floe"' in parts[0]), "`tagged` is not what the payload says"
    return canonical(parts[0][1:-1], host.buffers(head["outputs"][0]["batch"], parts[1:]))


@pytest.mark.parametrize("kind", KINDS)
def test_values_of_this_kind_arrive_equal_or_are_refused(host: Host, kind: str) -> None:
    declared = host.hello.get("fidelity", {}).get(kind, "equal")
    if host.lang not in CORPUS["echo"] or host.load(CORPUS["echo"][host.lang])["t"] != "loaded":
        pytest.fail(f"the echo module of {host.lang} does not load")
    wrong = []
    for number, entry in enumerate((v for v in CORPUS["values"] if v["kind"] == kind), 1):
        result, expected = _echo(host, entry, number)
        if result.failure is not None:
            fine = declared == "refused" and result.failure["failure"].get("kind") == "value"
        elif kind == "null":
            fine = result.consumed == 1
        else:
            fine = declared not in ("equal", "refused") or _given(host, result) == expected
        if not fine:
            wrong.append((entry["text"][:200], result.failure or [parts for _, parts in result.frames]))
    assert not wrong, f"{host.lang}: {kind} is declared {declared!r}, but {len(wrong)} values are not: {wrong[:3]}"
