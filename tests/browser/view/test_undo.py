"""Changes can be taken back, and a breakpoint's fields are at hand, without Jupyter."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.component import CO2, INSTANCE, DebugView
from tests.browser.pieces import lively

CONDITION = "msg['ppm'] > 400"


def dot(debug_view: DebugView, node: str, side: str = "in") -> Locator:
    return debug_view.page.locator(f'[data-node="{node}"] [data-bp="{side}"]').first


def done(debug_view: DebugView) -> Locator:
    return debug_view.page.locator('[data-news="done"]')


def marks(debug_view: DebugView) -> list[Any]:
    """The breakpoints as the dispatcher has them."""
    return list(debug_view.page.evaluate("window.world.breaks.map(b => [b.id, b.node, b.when])"))


@pytest.mark.parametrize("way", ["click", "b"])
@pytest.mark.parametrize("back", ["link", "Control+z"])
def test_C10_a_condition_that_a_click_or_a_key_removes_comes_back(
    debug_view: DebugView, way: str, back: str, pictures: Path
) -> None:
    debug_view.mount(CO2, lively(CO2), height=520)
    before = sorted(marks(debug_view))
    if way == "click":
        dot(debug_view, "parse").click()
    else:
        debug_view.page.locator('[data-node="parse"] .box').click()
        debug_view.page.keyboard.press("b")
    expect(done(debug_view)).to_contain_text("Breakpoint in front of parse removed")
    assert [name for name, _, _ in marks(debug_view)] == ["b2", "b3"]
    debug_view.page.screenshot(path=pictures / "undo.png")
    done(debug_view).locator('[data-cmd="undo"]').click() if back == "link" else debug_view.page.keyboard.press(back)
    expect(done(debug_view)).to_contain_text("Undone: Breakpoint in front of parse removed")
    assert sorted(marks(debug_view)) == before
    assert debug_view.called("set_break")["when"] == CONDITION


def test_C10_a_click_that_sets_a_dot_opens_its_fields(debug_view: DebugView) -> None:
    debug_view.mount(CO2, lively(CO2), height=520)
    dot(debug_view, "mean").click()
    row = debug_view.page.locator('.floe-inspector [data-break="b4"]')
    expect(row.locator('[data-field="when"]')).to_be_in_viewport()
    done(debug_view).locator('[data-cmd="undo"]').click()
    expect(row).to_have_count(0)


def test_C10_a_changed_condition_is_undone(debug_view: DebugView) -> None:
    debug_view.mount(CO2, lively(CO2), height=700)
    debug_view.page.locator('[data-node="parse"] .box').click()
    field = debug_view.page.locator('[data-break="b1"] [data-field="when"]')
    field.fill("msg > 1")
    field.press("Enter")
    expect(done(debug_view)).to_contain_text("Breakpoint in front of parse changed")
    done(debug_view).locator('[data-cmd="undo"]').click()
    expect(done(debug_view)).to_contain_text("Undone")
    assert marks(debug_view)[-1] == ["b1", "parse", CONDITION]


def test_C10_an_edited_value_is_undone(debug_view: DebugView) -> None:
    debug_view.mount(CO2, lively(CO2), height=700)
    debug_view.page.locator('[data-node="parse"] .box').click()
    message = debug_view.page.locator('.floe-section[data-held="m0"]')
    message.locator("textarea").fill("5")
    message.locator('[data-cmd="save"]').click()
    done(debug_view).locator('[data-cmd="undo"]').click()
    expect(done(debug_view)).to_contain_text("Undone: Message in front of parse edited")
    assert [base64.b64decode(args["text"]) for args in debug_view.calls("edit")] == [
        b"5",
        b'{"station":"Mauna Loa","ppm":421.3,"tags":["raw","hourly"]}',
    ]


@pytest.mark.parametrize("passed", [False, True])
def test_C10_a_dropped_message_comes_back_to_its_place_or_where_others_passed_it_in_front_of_its_node(
    debug_view: DebugView, passed: bool
) -> None:
    debug_view.mount(CO2, {**lively(CO2), "passed": passed}, height=700)
    debug_view.page.locator('[data-node="parse"] .box').click()
    debug_view.page.locator('[data-held="m1"] [data-cmd="drop"]').click()
    expect(done(debug_view)).to_contain_text("Message in front of parse dropped")
    debug_view.page.keyboard.press("Control+z")
    assert debug_view.called("undrop") == {"flow": INSTANCE, "id": "m1@parse"}
    expect(done(debug_view)).to_contain_text("Undone: Message in front of parse dropped")
    if passed:
        assert debug_view.called("inject") == {
            "flow": INSTANCE,
            "node": "parse",
            "port": "in",
            "batch": {"payload": base64.b64encode(b"[[1,2,3]]").decode(), "n": 1, "tagged": False},
        }
    else:
        assert debug_view.calls("inject") == []


def test_C28_a_click_on_a_held_mark_scrolls_to_that_message(debug_view: DebugView) -> None:
    debug_view.mount(CO2, lively(CO2), height=420)
    debug_view.page.locator('[data-node="parse"] .box').click()
    inspector = debug_view.page.locator(".floe-inspector")
    inspector.evaluate("e => { e.scrollTop = e.scrollHeight; }")
    expect(debug_view.page.locator('.floe-section[data-held="m0"] textarea')).not_to_be_in_viewport()
    debug_view.page.locator('[data-node="parse"] .letter[data-held="m0"]').click()
    expect(debug_view.page.locator('.floe-section[data-held="m0"] textarea')).to_be_in_viewport()


def test_C29_the_bar_of_an_input_of_unknown_length_moves_without_an_end(debug_view: DebugView) -> None:
    world = lively(CO2)
    world["info"] |= {"closed": False, "fed": 1_300_000}
    debug_view.mount(CO2, world)
    progress = debug_view.page.locator(".floe-progress")
    expect(progress).to_contain_text("1.23M taken in")
    expect(progress.locator("progress")).not_to_have_attribute("value", "0")
    assert progress.locator("progress").evaluate("e => e.position") == -1
    debug_view.page.evaluate(
        "ref => { window.world.info.closed = true; window.publish(`run/${ref}`, window.world.info); }", INSTANCE
    )
    expect(progress).to_contain_text("1.23M of 1.30M taken in")
    assert progress.locator("progress").evaluate("e => e.position") > 0.9


SLOW = """() => { window.flashes = []; new MutationObserver(() => { const n = document.querySelector('.floe-notice');
  const p = document.querySelector('.floe-phase'); window.flashes.push([Boolean(n && !n.hidden), p?.textContent ?? '']); })
  .observe(document.body, { childList: true, subtree: true, attributes: true, characterData: true }); }"""


def test_C13_a_new_view_does_not_say_that_it_is_not_live_while_it_connects(debug_view: DebugView) -> None:
    debug_view.page.evaluate(SLOW)
    debug_view.page.evaluate("window.slow = 300")
    debug_view.mount(CO2, lively(CO2))
    expect(debug_view.page.locator(".floe-phase")).to_contain_text("active")
    seen = debug_view.page.evaluate("window.flashes")
    assert not any(shown for shown, _ in seen)
    assert not any("not live" in words for _, words in seen)
    assert any(words == "connecting" for _, words in seen)


EARLY = """newer => { window.slow = 300; const timer = setInterval(() => {
  if (window.calls.some(([name]) => name === 'modules')) {
    clearInterval(timer);
    window.publish(`view/${window.model.get('instance')}`, newer);
  } }, 10); }"""


def test_a_snapshot_that_was_published_is_not_replaced_by_an_older_answer(debug_view: DebugView) -> None:
    world = lively(CO2)
    debug_view.page.evaluate(EARLY, {**world["view"], "results": 4321})  # while the view is asked for
    debug_view.mount(CO2, world)
    debug_view.page.evaluate(
        "window.publish(`log/${window.model.get('instance')}`, { node: 'read', stream: 'stdout', text: 'on', time: 1 })"
    )
    expect(debug_view.page.locator(".floe-bench").get_by_text("Logs (31)")).to_be_visible()  # everything is drawn anew
    expect(debug_view.page.locator(".floe-phase")).to_contain_text("4321 results")


def test_C19_the_view_of_a_flow_stays_with_it_and_leads_to_its_newest_run(debug_view: DebugView) -> None:
    world = lively(CO2)
    debug_view.mount(CO2, world, ref="", instance="")
    expect(debug_view.page.locator('[data-news="state"]')).to_contain_text(f"Newest run: {INSTANCE}, active")
    expect(debug_view.page.locator(".floe-phase")).to_have_text("defined")
    debug_view.page.evaluate(
        "window.publish('run/', { ...window.world.info, ref: 'demo.1.local.7', instance: 'demo.1.local.7', created: 9e9 })"
    )
    expect(debug_view.page.locator('[data-news="state"]')).to_contain_text("Newest run: demo.1.local.7")
    assert debug_view.calls("view") == []
    debug_view.page.locator('[data-cmd="open-newest"]').click()
    expect(debug_view.page.locator(".floe-bench")).to_have_attribute("data-instance", "demo.1.local.7")
