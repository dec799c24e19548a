"""The tour of the README is typed here as a reader would type it; its picture is drawn here."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from floe_jupyter.core.flow.model import Module
from floe_jupyter.core.machine.snapshots import NodeView, View, WireView
from floe_jupyter.core.notation.parser import parse
from floe_jupyter.core.picture.svg import svg
from floe_jupyter.wire.languages import badges, with_runtime

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "notebooks" / "images" / "first-flow.svg"


def _tour() -> list[str]:
    """The cells of the tour, in order: a block each."""
    text = (ROOT / "README.md").read_text().partition("## A tour")[2].partition("## The tree")[0]
    return re.findall(r"^```\n(.*?)\n```$", text.partition("### Look and step")[0], re.DOTALL | re.MULTILINE)


def test_the_tour_of_the_readme_works_as_it_is_written(cells: Any) -> None:
    runs = []
    for cell in _tour():
        if cell.startswith("%load_ext"):
            continue
        cells(cell)
        if "run shouting" in cell:
            runs.append(cells("run"))
    assert runs[1].wait(timeout=20).status == "held"  # the next one
    cells("%floe clear count\n%floe continue")
    assert runs[1].wait(timeout=20).status == "done"
    assert runs[0].results == [["TO", 1], ["BE", 1], ["OR", 1], ["NOT", 1], ["TO", 2], ["BE", 2]]
    assert runs[1].results == [["TO", 1], ["BEE", 1], ["OR", 1], ["NOT", 1], ["TO", 2], ["BE", 1]]


def test_the_picture_of_the_readme_is_what_the_product_draws() -> None:
    modules = {"words": Module("words", ""), "shout": Module("shout", "", "js"), "count": Module("count", "")}
    flow = parse("words -> shout -> count", "shouting", modules=modules)
    nodes = (
        NodeView("words", "python", "idle", 1, taken=2, given=6),
        NodeView("shout", "js", "idle", 1, taken=6, given=6),
        NodeView("count", "python", "held", 1, taken=5, given=5, depth=1, held=1, breaks=("b1",)),
    )
    wires = (WireView("words.out>shout.in", 6), WireView("shout.out>count.in", 6, depth=1))
    drawn = svg(
        flow, View("shouting", 1, nodes, wires, {1: "held"}, held=1, results=5), modules=modules, badges=badges(with_runtime())
    )
    if os.environ.get("FLOE_REDRAW"):
        PICTURE.write_text(drawn)
    assert PICTURE.read_text() == drawn, "draw it again: FLOE_REDRAW=1 pytest tests/kernel/test_readme.py"


@pytest.mark.parametrize("path", ["LICENSE", "notebooks/images/first-flow.svg", "runtimes/README.md"])
def test_what_the_readme_names_is_there(path: str) -> None:
    assert (ROOT / path).exists()
