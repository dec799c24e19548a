"""Rules that once stood in several places, which disagreed: each has one place now, and a second one is found here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "floe_jupyter"


def places(pattern: str) -> set[str]:
    """The modules of the package with a text like this."""
    found = re.compile(pattern)
    return {str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py") if found.search(path.read_text())}


@pytest.mark.parametrize(
    ("pattern", "place"),
    [
        pytest.param(r"""["']ms["']: *[\d.]""", "core/notation/values.py", id="seconds of a unit"),
        pytest.param(r"is no duration; write", "core/notation/values.py", id="refusal of a duration"),
        pytest.param(r"""[(\[{]\s*["']done["'],\s*["']failed["']""", "core/run_life.py", id="statuses of a run that is over"),
        pytest.param(
            r"""["'](view|run|log|notice|progress|defined|break|problem|runner)/""",
            "wire/control/topics.py",
            id="names of topics",
        ),
    ],
)
def test_a_rule_stands_in_one_place(pattern: str, place: str) -> None:
    assert places(pattern) == {place}


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(r"""["']wait["'],\s*["']request["']|["']request["'],\s*["']wait["']""", id="calls that wait"),
        pytest.param(r"""["']hello["'](?:,\s*|:[^\n]*\s*)["']leave["']""", id="calls closed to pages"),
        pytest.param(r"""["']results["'],\s*["']runs["']""", id="calls that may be repeated"),
    ],
)
def test_a_property_of_calls_is_an_attribute_of_the_call_and_no_list(pattern: str) -> None:
    assert places(pattern) == set()


LAYOUT = (
    r"(?i)barycent|crossings|topolog|acyclic|gutter|passage|\bsweeps?\b|longest path|\blanes?\b|\b(columns|rows|parts|grid)Of\("
)
"""Words of the layout's algorithm."""
GRAPH = ROOT / "labextension/src/graph"


def test_positions_are_computed_in_python_alone() -> None:
    found = re.compile(LAYOUT)
    assert not (GRAPH / "layout").exists()
    assert [str(path.relative_to(GRAPH)) for path in GRAPH.rglob("*.ts") if found.search(path.read_text())] == []
    picture = PACKAGE / "core/picture"
    assert {path.name for path in picture.rglob("*.py") if found.search(path.read_text())} >= {
        "columns.py",
        "crossings.py",
        "part.py",
    }
