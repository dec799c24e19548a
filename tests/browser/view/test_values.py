"""The last value of a wire, without Jupyter: where one points at it, in its inspector, and in that of its nodes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.component import CO2, INSTANCE, DebugView
from tests.browser.pieces import lively

WIRE = "parse.out>clean.in"
LATEST = {
    "read.out>parse.in": '{"ppm":421.5,"station":"Mauna Loa"}',
    WIRE: '{"n":12345678901234567890}',
    "parse.bad>rejects.in": '"n/a"',
}


def world(**latest: str) -> dict[str, Any]:
    return {**lively(CO2), "latest": latest or LATEST}


def point(debug_view: DebugView, wire: str) -> None:
    debug_view.page.locator(f'[data-edge="{wire}"] .count').hover()


def test_C3_the_last_value_of_a_wire_is_told_where_one_points_at_it(debug_view: DebugView) -> None:
    debug_view.mount(CO2, world(), height=520)
    point(debug_view, WIRE)
    assert debug_view.called("latest") == {"flow": INSTANCE, "wire": WIRE}
    expect(debug_view.page.locator(f'[data-edge="{WIRE}"] > title')).to_have_text(
        re.compile(r"1234567 sent, 0 on the way\s+last: {n: 12345678901234567890}")
    )


def test_C3_a_wire_is_selected_and_its_inspector_shows_the_newest_value(debug_view: DebugView, pictures: Path) -> None:
    debug_view.mount(CO2, world(), height=520)
    debug_view.page.locator(f'[data-edge="{WIRE}"] .count').click()
    inspector = debug_view.page.locator(".floe-inspector")
    expect(inspector.locator("h3")).to_have_text(f"{WIRE} wire, 1234567 sent, 0 on the way")
    expect(inspector.locator('[data-section="values"]')).to_contain_text("12345678901234567890")
    debug_view.page.evaluate("wire => { window.world.latest[wire] = '[7]'; }", WIRE)
    debug_view.show(CO2.view({}, 1234568))
    expect(inspector.locator('[data-section="values"] .floe-number')).to_have_text("7")
    debug_view.page.screenshot(path=pictures / "wire.png")
    debug_view.page.locator('[data-node="mean"] .box').click()
    expect(inspector.locator("h3")).to_contain_text("mean")
    expect(debug_view.page.locator(".floe-wire.selected")).to_have_count(0)


def test_C3_the_inspector_of_a_node_shows_what_came_and_what_went_last(debug_view: DebugView, pictures: Path) -> None:
    debug_view.mount(CO2, world(), height=700)
    debug_view.page.locator('[data-node="parse"] .box').click()
    section = debug_view.page.locator('.floe-inspector [data-section="values"]')
    expect(section.locator(".floe-label")).to_have_text(
        ["in (in) from read.out", "out (out) to clean.in", "out (bad) to rejects.in"]
    )
    expect(section).to_contain_text("Mauna Loa")
    section.scroll_into_view_if_needed()
    debug_view.page.screenshot(path=pictures / "node-values.png")


BEGUN = [
    (r'{"id":7,"text":"a \"long\" on', r'{id: 7, text: "a \"long\" on"}'),
    ('{"id":7,"rows":[[1,2],[3,4],[5', "{id: 7, rows: [[1, 2], [3, 4]]}"),
    ('{"id":7,"na', "{id: 7}"),
    (r'"just te\u00', '"just te"'),
    ("123456", "123456"),
    (
        '{"$floe":["frame",{"rows":1000,"columns":{"range":[0,2,1]},"index":{"range":[0,1000,1]},"dtypes":["int64","float64"],"blo',
        "table (pandas, 1000 \u00d7 2: int64, float64)",
    ),
    ('{"$floe":["fra', "fra"),
]


@pytest.mark.parametrize(("text", "told"), BEGUN)
def test_C3_of_a_long_value_its_beginning_is_told_and_how_long_it_is(
    debug_view: DebugView, text: str, told: str, pictures: Path
) -> None:
    debug_view.mount(CO2, world(**{WIRE: json.dumps({"$floe": ["short", text, 12_600]})}), height=520)
    point(debug_view, WIRE)
    expect(debug_view.page.locator(f'[data-edge="{WIRE}"] > title')).to_have_text(
        re.compile("last: " + re.escape(f"{told} … 12.3 KiB in all") + "$")
    )
    debug_view.page.locator(f'[data-edge="{WIRE}"] .count').click()
    section = debug_view.page.locator('.floe-inspector [data-section="values"]')
    expect(section).to_contain_text("… 12.3 KiB in all; only the beginning is kept.")
    debug_view.page.screenshot(path=pictures / f"long-value-{BEGUN.index((text, told))}.png")


def test_C3_a_value_that_is_too_long_is_said_to_be(debug_view: DebugView) -> None:
    debug_view.mount(CO2, world(**{"clean.out>mean.in": "1"}), height=520)
    debug_view.page.locator(f'[data-edge="{WIRE}"] .count').click()
    expect(debug_view.page.locator('.floe-inspector [data-section="values"]')).to_contain_text("The value is too long to be kept")
