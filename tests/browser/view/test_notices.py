"""Short notices beside the buttons, without Jupyter: what the run came to and what was just done, each with its link."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.component import CO2, INSTANCE, DebugView
from tests.browser.pieces import lively

FORK = "demo.1.local.2"


def state(debug_view: DebugView) -> Locator:
    return debug_view.page.locator('[data-news="state"]')


def done(debug_view: DebugView) -> Locator:
    return debug_view.page.locator('[data-news="done"]')


def become(debug_view: DebugView, **info: Any) -> None:
    """The dispatcher says how the run stands."""
    debug_view.page.evaluate(
        "([ref, more]) => { Object.assign(window.world.info, more); window.publish(`run/${ref}`, window.world.info); }",
        [INSTANCE, info],
    )


def test_C7_a_held_message_is_told_and_its_link_leads_to_it(debug_view: DebugView, pictures: Path) -> None:
    debug_view.mount(CO2, lively(CO2), height=520)
    expect(state(debug_view).locator("span")).to_have_text("Held in front of parse")
    debug_view.page.screenshot(path=pictures / "notice-held.png")
    state(debug_view).locator('[data-cmd="open-held"]').click()
    expect(debug_view.page.locator('.floe-section[data-held="m0"] textarea')).to_be_visible()


def test_C7_a_failure_is_told_and_its_link_leads_to_the_error(debug_view: DebugView) -> None:
    debug_view.mount(CO2, lively(CO2), height=520)
    become(debug_view, status="failed")
    expect(state(debug_view).locator("span")).to_have_text("mean failed: ValueError: no number: 'n/a'")
    state(debug_view).locator('[data-cmd="open-failure"]').press("Enter")
    expect(debug_view.page.locator('[data-node="mean"].selected')).to_have_count(1)
    expect(debug_view.page.locator('.floe-inspector [data-section="error"]').first).to_be_visible()


def test_C7_the_end_is_told_and_its_link_leads_to_the_results(debug_view: DebugView) -> None:
    debug_view.mount(CO2, lively(CO2), height=520)
    debug_view.page.locator('[data-node="parse"] .box').click()
    become(debug_view, status="done")
    expect(state(debug_view).locator("span")).to_have_text("34 results")
    state(debug_view).locator('[data-cmd="open-results"]').click()
    expect(debug_view.page.locator("[data-node].selected")).to_have_count(0)


def test_C7_a_fork_is_told_and_where_nothing_else_opens_it_the_view_shows_it_and_leads_back(
    debug_view: DebugView, pictures: Path
) -> None:
    debug_view.mount(CO2, lively(CO2), height=520)
    debug_view.page.locator('[data-node="parse"] .box').click()
    debug_view.page.locator('[data-held="m1"] [data-cmd="fork"]').click()
    assert debug_view.called("fork") | {"text": ""} == {
        "flow": INSTANCE,
        "id": "m1@parse",
        "debug": True,
        "hold": True,
        "text": "",
        "tagged": False,
    }
    expect(done(debug_view).locator("span")).to_have_text(f"Forked as {FORK}, held in front of parse")
    debug_view.page.screenshot(path=pictures / "notice-forked.png")
    done(debug_view).locator('[data-cmd="open-fork"]').click()
    expect(debug_view.page.locator(".floe-bench")).to_have_attribute("data-instance", FORK)
    expect(done(debug_view)).to_contain_text(f"This is {FORK}")
    done(debug_view).locator('[data-cmd="open-former"]').click()
    expect(debug_view.page.locator(".floe-bench")).to_have_attribute("data-instance", INSTANCE)
    done(debug_view).locator('[data-cmd="dismiss"]').click()
    expect(done(debug_view)).to_be_hidden()


def test_C7_a_notice_moves_nothing(debug_view: DebugView) -> None:
    world = lively(CO2)
    world["info"]["fed"] = 1  # without the bar of the progress, which goes with the end
    debug_view.mount(CO2, world, height=520)
    expect(state(debug_view)).to_be_visible()
    top = debug_view.page.locator(".floe-canvas").bounding_box()
    become(debug_view, status="done")
    expect(state(debug_view)).to_contain_text("34 results")
    assert debug_view.page.locator(".floe-canvas").bounding_box() == top


@pytest.mark.parametrize(
    ("status", "held", "words"),
    [
        ("held", 2, "2 messages held, 34 results"),
        ("held", 1, "1 message held, 34 results"),
        ("active", 1, "active, 1 message held, 34 results"),
        ("done", 0, "done, 34 results"),
    ],
)
def test_C22_the_words_beside_the_buttons_say_held_once(debug_view: DebugView, status: str, held: int, words: str) -> None:
    debug_view.mount(CO2, lively(CO2), height=520)
    become(debug_view, status=status)
    debug_view.show({**lively(CO2)["view"], "held": held})
    expect(debug_view.page.locator(".floe-phase")).to_have_text(words)
