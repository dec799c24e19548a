"""The language-neutral cases of tests/vectors/runtime, against every runtime."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.host import Host
from tests.conformance.vectors import cases, missing, play

CASES = cases()


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[name for name, _ in CASES])
def test_case(host: Host, case: dict[str, Any]) -> None:
    absent = missing(case, host.lang)
    if absent:
        pytest.skip(f"the case has no {', '.join(absent)} in {host.lang}")
    play(case, host)


def test_case_names_are_unique() -> None:
    names = [name for name, _ in CASES]
    assert sorted(set(names)) == sorted(names)
