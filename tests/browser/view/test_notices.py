"""Short notices beside the buttons, without Jupyter: what the run came to and what was just done, each with its link."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.component import CO2, INSTANCE, Bench
from tests.browser.pieces import lively

FORK = "demo.1.local.2"


def state(bench: Bench) -> Locator:
    return bench.page.locator('[data-news="state"]')


def done(bench: Bench) -> Locator:
    return bench.page.locator('[data-news="done"]')


def become(bench: Bench, **info: Any) -> None:
    """The dispatcher says how the run stands."""
    bench.page.evaluate(
        "([ref, more]) => { Object.assign(window.world.info, more); window.publish(`run/${ref}`, window.world.info); }",
        [INSTANCE, info],
    )


def test_C7_a_held_message_is_told_and_its_link_leads_to_it(bench: Bench, pictures: Path) -> None:
    bench.mount(CO2, lively(CO2), height=520)
    expect(state(bench).locator("span")).to_have_text("Held in front of parse")
    bench.page.screenshot(path=pictures / "notice-held.png")
    state(bench).locator('[data-cmd="open-held"]').click()
    expect(bench.page.locator('.floe-section[data-held="m0"] textarea')).to_be_visible()


def test_C7_a_failure_is_told_and_its_link_leads_to_the_error(bench: Bench) -> None:
    bench.mount(CO2, lively(CO2), height=520)
    become(bench, status="failed")
    expect(state(bench).locator("span")).to_have_text("mean failed: ValueError: no number: 'n/a'")
    state(bench).locator('[data-cmd="open-failure"]').press("Enter")
    expect(bench.page.locator('[data-node="mean"].selected')).to_have_count(1)
    expect(bench.page.locator('.floe-inspector [data-section="error"]').first).to_be_visible()


def test_C7_the_end_is_told_and_its_link_leads_to_the_results(bench: Bench) -> None:
    bench.mount(CO2, lively(CO2), height=520)
    bench.page.locator('[data-node="parse"] .box').click()
    become(bench, status="done")
    expect(state(bench).locator("span")).to_have_text("34 results")
    state(bench).locator('[data-cmd="open-results"]').click()
    expect(bench.page.locator("[data-node].selected")).to_have_count(0)


def test_C7_a_fork_is_told_and_where_nothing_else_opens_it_the_bench_shows_it_and_leads_back(
    bench: Bench, pictures: Path
) -> None:
    bench.mount(CO2, lively(CO2), height=520)
    bench.page.locator('[data-node="parse"] .box').click()
    bench.page.locator('[data-held="m1"] [data-cmd="fork"]').click()
    assert bench.called("fork") | {"text": ""} == {
        "flow": INSTANCE,
        "id": "m1@parse",
        "debug": True,
        "hold": True,
        "text": "",
        "tagged": False,
    }
    expect(done(bench).locator("span")).to_have_text(f"Forked as {FORK}, held in front of parse")
    bench.page.screenshot(path=pictures / "notice-forked.png")
    done(bench).locator('[data-cmd="open-fork"]').click()
    expect(bench.page.locator(".floe-bench")).to_have_attribute("data-instance", FORK)
    expect(done(bench)).to_contain_text(f"This is {FORK}")
    done(bench).locator('[data-cmd="open-former"]').click()
    expect(bench.page.locator(".floe-bench")).to_have_attribute("data-instance", INSTANCE)
    done(bench).locator('[data-cmd="dismiss"]').click()
    expect(done(bench)).to_be_hidden()


def test_C7_a_notice_moves_nothing(bench: Bench) -> None:
    world = lively(CO2)
    world["info"]["fed"] = 1  # without the bar of the progress, which goes with the end
    bench.mount(CO2, world, height=520)
    expect(state(bench)).to_be_visible()
    top = bench.page.locator(".floe-canvas").bounding_box()
    become(bench, status="done")
    expect(state(bench)).to_contain_text("34 results")
    assert bench.page.locator(".floe-canvas").bounding_box() == top


@pytest.mark.parametrize(
    ("status", "held", "words"),
    [
        ("held", 2, "2 messages held, 34 results"),
        ("held", 1, "1 message held, 34 results"),
        ("active", 1, "active, 1 message held, 34 results"),
        ("done", 0, "done, 34 results"),
    ],
)
def test_C22_the_words_beside_the_buttons_say_held_once(bench: Bench, status: str, held: int, words: str) -> None:
    bench.mount(CO2, lively(CO2), height=520)
    become(bench, status=status)
    bench.show({**lively(CO2)["view"], "held": held})
    expect(bench.page.locator(".floe-phase")).to_have_text(words)
