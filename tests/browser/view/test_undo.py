"""Changes can be taken back, and a breakpoint's fields are at hand, without Jupyter."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.component import CO2, INSTANCE, Bench
from tests.browser.pieces import lively

CONDITION = "msg['ppm'] > 400"


def dot(bench: Bench, node: str, side: str = "in") -> Locator:
    return bench.page.locator(f'[data-node="{node}"] [data-bp="{side}"]').first


def done(bench: Bench) -> Locator:
    return bench.page.locator('[data-news="done"]')


def marks(bench: Bench) -> list[Any]:
    """The breakpoints as the dispatcher has them."""
    return list(bench.page.evaluate("window.world.breaks.map(b => [b.id, b.node, b.when])"))


@pytest.mark.parametrize("way", ["click", "b"])
@pytest.mark.parametrize("back", ["link", "Control+z"])
def test_C10_a_condition_that_a_click_or_a_key_removes_comes_back(bench: Bench, way: str, back: str, pictures: Path) -> None:
    bench.mount(CO2, lively(CO2), height=520)
    before = sorted(marks(bench))
    if way == "click":
        dot(bench, "parse").click()
    else:
        bench.page.locator('[data-node="parse"] .box').click()
        bench.page.keyboard.press("b")
    expect(done(bench)).to_contain_text("Breakpoint in front of parse removed")
    assert [name for name, _, _ in marks(bench)] == ["b2", "b3"]
    bench.page.screenshot(path=pictures / "undo.png")
    done(bench).locator('[data-cmd="undo"]').click() if back == "link" else bench.page.keyboard.press(back)
    expect(done(bench)).to_contain_text("Undone: Breakpoint in front of parse removed")
    assert sorted(marks(bench)) == before
    assert bench.called("set_break")["when"] == CONDITION


def test_C10_a_click_that_sets_a_dot_opens_its_fields(bench: Bench) -> None:
    bench.mount(CO2, lively(CO2), height=520)
    dot(bench, "mean").click()
    row = bench.page.locator('.floe-inspector [data-break="b4"]')
    expect(row.locator('[data-field="when"]')).to_be_in_viewport()
    done(bench).locator('[data-cmd="undo"]').click()
    expect(row).to_have_count(0)


def test_C10_a_changed_condition_is_undone(bench: Bench) -> None:
    bench.mount(CO2, lively(CO2), height=700)
    bench.page.locator('[data-node="parse"] .box').click()
    field = bench.page.locator('[data-break="b1"] [data-field="when"]')
    field.fill("msg > 1")
    field.press("Enter")
    expect(done(bench)).to_contain_text("Breakpoint in front of parse changed")
    done(bench).locator('[data-cmd="undo"]').click()
    expect(done(bench)).to_contain_text("Undone")
    assert marks(bench)[-1] == ["b1", "parse", CONDITION]


def test_C10_an_edited_value_is_undone(bench: Bench) -> None:
    bench.mount(CO2, lively(CO2), height=700)
    bench.page.locator('[data-node="parse"] .box').click()
    message = bench.page.locator('.floe-section[data-held="m0"]')
    message.locator("textarea").fill("5")
    message.locator('[data-cmd="save"]').click()
    done(bench).locator('[data-cmd="undo"]').click()
    expect(done(bench)).to_contain_text("Undone: Message in front of parse edited")
    assert [base64.b64decode(args["text"]) for args in bench.calls("edit")] == [
        b"5",
        b'{"station":"Mauna Loa","ppm":421.3,"tags":["raw","hourly"]}',
    ]


@pytest.mark.parametrize("passed", [False, True])
def test_C10_a_dropped_message_comes_back_to_its_place_or_where_others_passed_it_in_front_of_its_node(
    bench: Bench, passed: bool
) -> None:
    bench.mount(CO2, {**lively(CO2), "passed": passed}, height=700)
    bench.page.locator('[data-node="parse"] .box').click()
    bench.page.locator('[data-held="m1"] [data-cmd="drop"]').click()
    expect(done(bench)).to_contain_text("Message in front of parse dropped")
    bench.page.keyboard.press("Control+z")
    assert bench.called("undrop") == {"flow": INSTANCE, "id": "m1@parse"}
    expect(done(bench)).to_contain_text("Undone: Message in front of parse dropped")
    if passed:
        assert bench.called("inject") == {
            "flow": INSTANCE,
            "node": "parse",
            "port": "in",
            "batch": {"payload": base64.b64encode(b"[[1,2,3]]").decode(), "n": 1, "tagged": False},
        }
    else:
        assert bench.calls("inject") == []


def test_C28_a_click_on_a_held_mark_scrolls_to_that_message(bench: Bench) -> None:
    bench.mount(CO2, lively(CO2), height=420)
    bench.page.locator('[data-node="parse"] .box').click()
    inspector = bench.page.locator(".floe-inspector")
    inspector.evaluate("e => { e.scrollTop = e.scrollHeight; }")
    expect(bench.page.locator('.floe-section[data-held="m0"] textarea')).not_to_be_in_viewport()
    bench.page.locator('[data-node="parse"] .letter[data-held="m0"]').click()
    expect(bench.page.locator('.floe-section[data-held="m0"] textarea')).to_be_in_viewport()


def test_C29_the_bar_of_an_input_of_unknown_length_moves_without_an_end(bench: Bench) -> None:
    world = lively(CO2)
    world["info"] |= {"closed": False, "fed": 1_300_000}
    bench.mount(CO2, world)
    progress = bench.page.locator(".floe-progress")
    expect(progress).to_contain_text("1.23M taken in")
    expect(progress.locator("progress")).not_to_have_attribute("value", "0")
    assert progress.locator("progress").evaluate("e => e.position") == -1
    bench.page.evaluate("ref => { window.world.info.closed = true; window.publish(`run/${ref}`, window.world.info); }", INSTANCE)
    expect(progress).to_contain_text("1.23M of 1.30M taken in")
    assert progress.locator("progress").evaluate("e => e.position") > 0.9


SLOW = """() => { window.flashes = []; new MutationObserver(() => { const n = document.querySelector('.floe-notice');
  const p = document.querySelector('.floe-phase'); window.flashes.push([Boolean(n && !n.hidden), p?.textContent ?? '']); })
  .observe(document.body, { childList: true, subtree: true, attributes: true, characterData: true }); }"""


def test_C13_a_new_bench_does_not_say_that_it_is_not_live_while_it_connects(bench: Bench) -> None:
    bench.page.evaluate(SLOW)
    bench.page.evaluate("window.slow = 300")
    bench.mount(CO2, lively(CO2))
    expect(bench.page.locator(".floe-phase")).to_contain_text("active")
    seen = bench.page.evaluate("window.flashes")
    assert not any(shown for shown, _ in seen)
    assert not any("not live" in words for _, words in seen)
    assert any(words == "connecting" for _, words in seen)


EARLY = """newer => { window.slow = 300; const timer = setInterval(() => {
  if (window.calls.some(([name]) => name === 'modules')) {
    clearInterval(timer);
    window.publish(`view/${window.model.get('instance')}`, newer);
  } }, 10); }"""


def test_a_snapshot_that_was_published_is_not_replaced_by_an_older_answer(bench: Bench) -> None:
    world = lively(CO2)
    bench.page.evaluate(EARLY, {**world["view"], "results": 4321})  # while the view is asked for
    bench.mount(CO2, world)
    bench.page.evaluate(
        "window.publish(`log/${window.model.get('instance')}`, { node: 'read', stream: 'stdout', text: 'on', time: 1 })"
    )
    expect(bench.page.locator(".floe-bench").get_by_text("Logs (31)")).to_be_visible()  # everything is drawn anew
    expect(bench.page.locator(".floe-phase")).to_contain_text("4321 results")


def test_C19_the_bench_of_a_flow_stays_with_it_and_leads_to_its_newest_run(bench: Bench) -> None:
    world = lively(CO2)
    bench.mount(CO2, world, ref="", instance="")
    expect(bench.page.locator('[data-news="state"]')).to_contain_text(f"Newest run: {INSTANCE}, active")
    expect(bench.page.locator(".floe-phase")).to_have_text("defined")
    bench.page.evaluate(
        "window.publish('run/', { ...window.world.info, ref: 'demo.1.local.7', instance: 'demo.1.local.7', created: 9e9 })"
    )
    expect(bench.page.locator('[data-news="state"]')).to_contain_text("Newest run: demo.1.local.7")
    assert bench.calls("view") == []
    bench.page.locator('[data-cmd="open-newest"]').click()
    expect(bench.page.locator(".floe-bench")).to_have_attribute("data-instance", "demo.1.local.7")
