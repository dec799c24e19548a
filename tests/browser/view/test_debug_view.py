"""Debug view around the graph in a real browser, without Jupyter: keys, buttons, timeline, logs, progress."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.component import CO2, INSTANCE, DebugView
from tests.browser.pieces import lively

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


KEYS = [("F10", "step", {"flow": INSTANCE}), ("F9", "resume", {"flow": INSTANCE}), ("Shift+F9", "cancel", {"ref": INSTANCE})]


@pytest.mark.parametrize(("key", "call", "args"), KEYS)
def test_the_debuggers_keys_work_in_the_bench(debug_view: DebugView, key: str, call: str, args: dict[str, str]) -> None:
    debug_view.mount(CO2, lively(CO2))
    expect(debug_view.page.locator('[data-cmd="resume"]')).to_be_enabled()
    assert debug_view.page.evaluate("document.body.dataset.floePaused") == "true"
    debug_view.page.locator(".floe-graph > svg").focus()
    debug_view.page.keyboard.press(key)
    assert debug_view.called(call) == args


@pytest.mark.parametrize("key", ["F10", "F9", "Shift+F9"])
def test_where_the_run_is_over_the_keys_reach_no_other_run_and_it_is_said_why(debug_view: DebugView, key: str) -> None:
    debug_view.mount(CO2, lively(CO2))
    debug_view.page.evaluate("window.further = 0; document.addEventListener('keydown', () => { window.further++; })")
    debug_view.page.evaluate("ref => window.publish(`run/${ref}`, {...window.world.info, status: 'done'})", INSTANCE)
    expect(debug_view.page.locator('[data-cmd="stop"]')).to_be_disabled()
    debug_view.page.locator(".floe-graph > svg").focus()
    debug_view.page.keyboard.press(key)
    expect(debug_view.page.locator(".floe-bench > .floe-problem")).to_contain_text("No run is active here")
    assert debug_view.page.evaluate("window.further") == (1 if "+" in key else 0)  # that of Shift alone
    assert [debug_view.calls(call) for call in ("step", "resume", "pause", "cancel", "stop")] == [[]] * 5


def test_the_buttons_have_the_debuggers_words_and_keys_and_rest_when_the_run_is_over(debug_view: DebugView) -> None:
    debug_view.mount(CO2, lively(CO2))
    titles = [
        debug_view.page.locator(f'[data-cmd="{name}"]').get_attribute("title")
        for name in ("resume", "pause", "stop", "step", "back")
    ]
    assert titles == [
        "Continue (F9)",
        "Pause (F9)",
        "Terminate (Shift F9)",
        "Next: each node that has a message takes one (F10)",
        "Step Back: undo the last step",
    ]
    debug_view.page.locator('[data-cmd="back"]').click()
    assert debug_view.called("back") == {"flow": INSTANCE}
    debug_view.page.evaluate("ref => window.publish(`run/${ref}`, {...window.world.info, status: 'done'})", INSTANCE)
    for name in ("step", "stop", "back"):
        expect(debug_view.page.locator(f'[data-cmd="{name}"]')).to_be_disabled()


# --- timeline, logs, progress ------------------------------------------------------------------------------------------------


def test_one_walks_through_the_recorded_steps_and_starts_again_from_one(debug_view: DebugView, pictures: Path) -> None:
    debug_view.mount(CO2, lively(CO2), height=640)
    page = debug_view.page
    page.locator('[data-tab="timeline"]').click()
    for _ in range(3):
        page.locator('[data-cmd="walk-back"]').click()
    expect(page.locator(".floe-words")).to_have_text("10 of 12: read gave 1 message")
    expect(page.locator("[data-node].selected")).to_have_attribute("data-node", "read")
    expect(page.locator('[data-section="step"]')).to_contain_text("ppm: 9")
    page.screenshot(path=pictures / "timeline.png")
    page.locator('[data-cmd="fork-step"]').click()
    assert debug_view.called("fork")["id"] == "s9@read"
    page.locator('[data-cmd="back-to"]').click()
    page.wait_for_function("window.calls.filter(([n]) => n === 'back').length === 2")
    page.locator('[data-cmd="look-now"]').click()
    expect(page.locator('[data-section="step"]')).to_have_count(0)


def test_logs_follow_the_newest_line_unless_one_scrolled_up(debug_view: DebugView) -> None:
    debug_view.mount(CO2, lively(CO2), height=640)
    page = debug_view.page
    page.locator('[data-tab="logs"]').click()
    lines = page.locator(".floe-lines")
    expect(lines.locator("[data-log]")).to_have_count(30)
    at_end = "e => e.scrollHeight - e.scrollTop - e.clientHeight < 4"

    def wait_at_end() -> None:
        page.wait_for_function(f"({at_end})(document.querySelector('.floe-lines'))")

    wait_at_end()
    log = "n => { for (let i = 0; i < n; i++) { window.publish('log/demo.1.local.1', {node: 'read', stream: 'stdout', text: `late ${i}`}); } }"
    page.evaluate(log, 2_000)
    expect(lines.locator("[data-log]")).to_have_count(500)
    expect(lines.locator("[data-log]").last).to_have_text("read late 1999")
    wait_at_end()
    lines.evaluate("e => { e.scrollTop = 50; }")
    page.evaluate(log, 1)
    expect(page.locator('[data-tab="logs"]')).to_have_text("Logs (2031)")
    debug_view.frames()
    assert not lines.evaluate(at_end)
    page.locator('[data-field="log-node"]').select_option("parse")
    expect(lines.locator("[data-log]")).to_have_count(0)


def test_long_work_and_the_share_that_is_taken_in_are_shown(debug_view: DebugView) -> None:
    debug_view.mount(CO2, total=400)
    debug_view.show(CO2.view({"read": {"taken": 100}}, 50))
    expect(debug_view.page.locator(".floe-progress")).to_have_text("100 of 400 taken in")
    assert debug_view.page.locator("progress").evaluate("e => e.value / e.max") == 0.25
    debug_view.page.evaluate("window.publish('progress/', {what: 'python environment', text: 'installing numpy', done: false})")
    expect(debug_view.page.locator("[data-work]")).to_have_text("python environment: installing numpy")
    debug_view.page.evaluate("window.publish('progress/', {what: 'python environment', text: '', done: true})")
    expect(debug_view.page.locator("[data-work]")).to_have_count(0)
