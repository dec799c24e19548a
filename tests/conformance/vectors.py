"""Reads the language-neutral cases of tests/vectors/runtime and plays them.

A case is ``{"name", "modules": {name: {language: source}}, "steps": [...]}``. A step is one of

- ``{"send": head, "parts": [...]}``: a frame; in a `load`, ``"module": "name"`` takes the source from `modules`. A part is a
  text, ``{"base64": ...}`` or ``{"repeat": [text, times]}``;
- ``{"raw": part}``: bytes that are no frame;
- ``{"expect": head}``: the next frame (logs aside) has at least these fields; ``{"expect_log": head}``: the next log;
- ``{"collect": call, "gives": {...}}``: all `returned` frames of the call up to its end, gathered, hold at least these fields
  (see `host.Gathered`), ``"more": false`` without answering windows;
- ``{"gather": call, "until": {...}}``: `returned` frames of the call up to the one with these fields;
- ``{"quiet": seconds}``: nothing is said for so long.

Partial match: every field of an expected object must match; lists match in full length; a text ``"~abc"`` is found inside
the actual one; null means that the field is absent, null or false.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from tests.conformance.host import Host

FOLDER = Path(__file__).parents[1] / "vectors" / "runtime"


def cases() -> list[tuple[str, dict[str, Any]]]:
    """(file and name, case) of all vectors but the values."""
    found = []
    for path in sorted(FOLDER.glob("*.json")):
        found += [(f"{path.stem}: {case['name']}", case) for case in json.loads(path.read_text()).get("cases", [])]
    return found


def part(given: Any) -> bytes:
    if isinstance(given, str):
        return given.encode()
    if "base64" in given:
        return base64.b64decode(given["base64"])
    text, times = given["repeat"]
    return text.encode() * times


def missing(case: dict[str, Any], lang: str) -> list[str]:
    """The modules of a case that nobody wrote in this language yet."""
    return [name for name, sources in case["modules"].items() if lang not in sources]


def play(case: dict[str, Any], host: Host) -> None:
    for number, step in enumerate(case["steps"], 1):
        where = f"step {number} of {case['name']!r}"
        if "send" in step:
            host.send(_filled(step["send"], case, host.lang), [part(p) for p in step.get("parts", [])])
        elif "raw" in step:
            host.write(part(step["raw"]))
        elif "quiet" in step:
            assert host.quiet(step["quiet"]), f"{where}: it was not quiet"
        else:
            _expect(step, host, where)


def _expect(step: dict[str, Any], host: Host, where: str) -> None:
    if "expect" in step:
        match(host.next()[0], step["expect"], where)
    elif "expect_log" in step:
        log = host.logs.pop(0) if host.logs else host.next("log", logs=True)[0]
        match(log, step["expect_log"], where)
    elif "gather" in step:
        while not fits(host.next("returned")[0], {"call": step["gather"], **step["until"]}):
            pass
    else:
        match(host.collect(step["collect"], step.get("more", True)).summary(), step["gives"], where)


def _filled(head: dict[str, Any], case: dict[str, Any], lang: str) -> dict[str, Any]:
    if head.get("t") != "load":
        return head
    given = head["module"]
    module = given if isinstance(given, dict) else {"name": given}
    source = case["modules"][module["name"]][lang]
    return {"node": module["name"], "state": {}, **head, "module": {"lang": lang, "source": source, **module}}


def fits(actual: Any, expected: Any) -> bool:
    """Whether `match` is content."""
    try:
        match(actual, expected, "")
    except AssertionError:
        return False
    return True


def match(actual: Any, expected: Any, where: str, path: str = "") -> None:
    """Raise AssertionError, naming the place, unless *actual* has all of *expected*."""
    if isinstance(expected, dict):
        assert isinstance(actual, dict), f"{where}: {path or 'it'} is {actual!r}, expected {expected!r}"
        for key, value in expected.items():
            match(actual.get(key), value, where, f"{path}.{key}")
    elif isinstance(expected, list) and isinstance(actual, (list, tuple)):
        assert len(actual) == len(expected), f"{where}: {path} is {actual!r}, expected {expected!r}"
        for at, value in enumerate(expected):
            match(actual[at], value, where, f"{path}[{at}]")
    elif isinstance(expected, str) and expected.startswith("~"):
        assert isinstance(actual, str) and expected[1:] in actual, (
            f"{where}: {path} is {actual!r}, expected {expected[1:]!r} in it"
        )
    elif expected is None:
        assert actual is None or actual is False, f"{where}: {path} is {actual!r}, expected nothing"
    else:
        assert actual == expected and (actual is True) == (expected is True), (
            f"{where}: {path} is {actual!r}, expected {expected!r}"
        )
