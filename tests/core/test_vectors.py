"""Every rule of a flow is a file in `tests/vectors/core`: the machine keeps it, and so does the independent oracle."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.vectors import Player, load_vectors

VECTORS = load_vectors()


@pytest.mark.parametrize("vector", VECTORS, ids=[f"{v['file']}: {v['name']}" for v in VECTORS])
def test_the_machine_keeps_the_rule(vector: dict[str, Any]) -> None:
    Player(vector).play()


def test_names_of_vectors_are_unique():
    names = [(v["file"], v["name"]) for v in VECTORS]
    assert len(names) == len(set(names))


def test_there_are_vectors():
    assert len(VECTORS) >= 60
