"""The inspector beside the graph in a real browser, without Jupyter: what is looked at, typed, saved and refused."""

from __future__ import annotations

import base64
import re
import struct
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.component import CO2, INSTANCE, DebugView, encoded
from tests.browser.pieces import lively

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def looked(debug_view: DebugView, node: str, **world: Any) -> Any:
    """The inspector of a node."""
    debug_view.mount(CO2, {**lively(CO2), **world}, height=700)
    debug_view.page.locator(f'[data-node="{node}"] .box').click()
    return debug_view.page.locator(".floe-inspector")


def test_a_held_message_is_edited_and_what_is_no_json_cannot_be_saved(debug_view: DebugView) -> None:
    message = looked(debug_view, "parse").locator('[data-held="m0"]')
    area = message.locator("textarea")
    area.fill('{"ppm": 4,\n "x" 5}')
    expect(message.locator('[data-field="problem"]')).to_have_text(re.compile("This is not JSON: line 2, column 6: "))
    expect(message.locator('[data-cmd="save"]')).to_be_disabled()
    area.fill('{"ppm": 12345678901234567890,\n "s": "a \\" b"}')
    message.locator('[data-cmd="save"]').click()
    sent = debug_view.called("edit")
    assert sent["id"] == "m0@parse"
    assert base64.b64decode(sent["text"]) == b'{"ppm":12345678901234567890,"s":"a \\" b"}'


GO = [
    ('[data-held="m0"] [data-cmd="step-message"]', "step"),
    ('.floe-toolbar [data-cmd="step"]', "step"),
    ('.floe-toolbar [data-cmd="resume"]', "resume"),
    ("F10", "step"),
    ("F9", "resume"),
]


def go(debug_view: DebugView, how: str) -> None:
    """Press a key, or the button."""
    debug_view.page.keyboard.press(how) if how.startswith("F") else debug_view.page.locator(how).click()


def order(debug_view: DebugView, *names: str) -> list[str]:
    """The calls of these names, as they came."""
    return [str(name) for name, _ in debug_view.page.evaluate("window.calls") if name in names]


@pytest.mark.parametrize(("how", "call"), GO)
def test_a_value_that_was_typed_is_saved_before_the_message_goes_on(debug_view: DebugView, how: str, call: str) -> None:
    area = looked(debug_view, "parse").locator('[data-held="m0"] textarea')
    area.fill('{"ppm": 4}')
    go(debug_view, how)
    debug_view.called(call)
    assert order(debug_view, "edit", "step", "resume") == ["edit", call]
    assert base64.b64decode(debug_view.called("edit")["text"]) == b'{"ppm":4}'
    expect(area).not_to_have_attribute("data-dirty", "")


@pytest.mark.parametrize("how", [how for how, _ in GO])
def test_nothing_goes_on_while_what_was_typed_is_no_json(debug_view: DebugView, how: str) -> None:
    message = looked(debug_view, "parse").locator('[data-held="m0"]')
    message.locator("textarea").fill('{"ppm": ')
    go(debug_view, how)
    expect(message.locator('[data-field="problem"]')).to_contain_text("This is not JSON")
    if "step-message" not in how:
        expect(debug_view.page.locator(".floe-bench > .floe-problem")).to_contain_text("no message goes on: This is not JSON")
        expect(message.locator("textarea")).to_be_focused()
    expect(message.locator("textarea")).to_have_value('{"ppm": ')
    assert order(debug_view, "edit", "step", "resume") == []


def test_a_condition_that_was_typed_is_set_before_a_step_and_a_wrong_one_refuses_it(debug_view: DebugView) -> None:
    row = looked(debug_view, "parse").locator('[data-break="b1"]')
    when = row.locator('[data-field="when"]')
    when.fill("msg > 1")
    debug_view.page.keyboard.press("F10")
    debug_view.called("step")
    assert order(debug_view, "set_break", "step") == ["set_break", "step"]
    assert debug_view.called("set_break")["when"] == "msg > 1"
    when.fill("len(msg")
    debug_view.page.keyboard.press("F10")
    expect(debug_view.page.locator(".floe-bench > .floe-problem")).to_contain_text("')' is missing")
    expect(row.locator('[data-problem="when"]')).to_contain_text("')' is missing")
    assert order(debug_view, "step") == ["step"]


def many(count: int, first: int = 0) -> list[dict[str, Any]]:
    """That many messages that are held in front of `parse`."""
    return [
        {"id": f"m{i}", "node": "parse", "port": "in", "run": 1, "reason": "step", "value": {"n": i}}
        for i in range(first, first + count)
    ]


def hold(debug_view: DebugView, held: list[dict[str, Any]]) -> None:
    """The dispatcher says that these are held now."""
    debug_view.page.evaluate("held => { window.world.held = held; }", held)
    debug_view.show({**lively(CO2)["view"], "held": len(held), "recorded": 50})


def test_the_first_held_message_is_open_after_each_step_and_the_closed_ones_say_what_is_in_them(debug_view: DebugView) -> None:
    inspector = looked(debug_view, "parse", held=many(6))
    for first in range(1, 6):
        hold(debug_view, many(6 - first, first))
        lead = inspector.locator('[data-section="held"]').first
        expect(lead).to_have_attribute("data-held", f"m{first}")
        expect(lead.locator("textarea")).to_be_visible()
        expect(lead.locator("textarea")).to_have_value(re.compile(f'"n": {first}'))
    hold(debug_view, many(6))
    closed = inspector.locator('.floe-section[data-held="m4"] > summary')
    expect(closed).to_have_text("Held in front (in): step {n: 4}")
    expect(closed.locator(".floe-preview")).to_be_visible()


def test_the_focus_stays_at_its_control_when_a_value_is_saved_and_when_the_message_goes_on(debug_view: DebugView) -> None:
    inspector = looked(debug_view, "parse", held=many(3))
    inspector.locator('[data-held="m0"] [data-cmd="save"]').click()
    debug_view.called("edit")
    hold(debug_view, [{**many(1)[0], "value": {"n": 100}}, *many(2, 1)])
    expect(inspector.locator('[data-held="m0"] textarea')).to_have_value(re.compile("100"))
    expect(inspector.locator('[data-held="m0"] [data-cmd="save"]')).to_be_focused()
    inspector.locator('[data-held="m0"] [data-cmd="step-message"]').focus()
    hold(debug_view, many(2, 1))
    expect(inspector.locator('[data-held="m1"] [data-cmd="step-message"]')).to_be_focused()
    hold(debug_view, [])
    expect(inspector).to_be_focused()


def test_all_held_messages_are_counted_where_only_the_first_are_listed(debug_view: DebugView) -> None:
    world = lively(CO2)
    world["view"]["held"] = world["view"]["nodes"][1]["held"] = 89
    debug_view.mount(CO2, {**world, "held": many(20)}, height=700)
    debug_view.page.locator('.floe-tools [data-cmd="inspector"]').click()
    waiting = debug_view.page.locator('[data-section="waiting"]')
    expect(waiting.locator("summary")).to_have_text("Held messages (89)")
    expect(waiting.locator(".floe-row")).to_have_count(20)
    expect(waiting.locator(".floe-hint")).to_have_text("69 more")
    debug_view.page.locator('[data-node="parse"] .box').click()
    expect(debug_view.page.locator('[data-section="rest"] > summary')).to_have_text("69 more held messages")


def test_what_cannot_be_done_in_a_run_that_is_over_is_not_offered(debug_view: DebugView) -> None:
    section = looked(debug_view, "parse").locator('[data-section="inject"]')
    section.locator("summary").click()
    expect(section.locator("textarea")).to_be_enabled()
    debug_view.page.locator('[data-tab="timeline"]').click()
    debug_view.page.locator('[data-cmd="walk-back"]').click()
    back = debug_view.page.locator('[data-cmd="back-to"]')
    expect(back).to_be_enabled()
    debug_view.page.evaluate("ref => window.publish(`run/${ref}`, {...window.world.info, status: 'done'})", INSTANCE)
    expect(back).to_be_disabled()
    expect(back).to_have_attribute("title", re.compile("over: no step of it can be undone"))
    expect(debug_view.page.locator('[data-cmd="fork-step"]')).to_be_enabled()
    debug_view.page.locator('[data-cmd="look-now"]').click()
    section.locator("summary").click()
    expect(section.locator("textarea")).to_be_disabled()
    expect(section.locator('[data-cmd="inject"]')).to_be_disabled()
    expect(section.locator('[data-cmd="inject"]')).to_have_attribute("title", re.compile("No run can take a message"))


@pytest.mark.parametrize(
    ("command", "call", "args"),
    [
        ("step-message", "step", {"flow": INSTANCE, "message": "m1@parse"}),
        ("drop", "drop", {"flow": INSTANCE, "id": "m1@parse"}),
        ("duplicate", "duplicate", {"flow": INSTANCE, "id": "m1@parse"}),
    ],
)
def test_a_held_message_is_stepped_dropped_and_duplicated(
    debug_view: DebugView, command: str, call: str, args: dict[str, str]
) -> None:
    looked(debug_view, "parse").locator(f'[data-held="m1"] [data-cmd="{command}"]').click()
    assert debug_view.called(call) == args


def test_what_is_being_typed_survives_what_comes_meanwhile(debug_view: DebugView) -> None:
    inspector = looked(debug_view, "parse")
    area = inspector.locator('[data-held="m0"] textarea')
    area.fill('{"half": ')
    debug_view.page.evaluate("window.world.held[0].value = 'another'; window.world.view.recorded = 99")
    debug_view.show({**lively(CO2)["view"], "recorded": 99})
    inspector.locator('[data-section="last"]').wait_for()
    debug_view.page.wait_for_function("window.calls.filter(([n]) => n === 'history').length > 1")
    debug_view.frames(10)
    expect(area).to_have_value('{"half": ')


def test_an_integer_that_a_browser_would_change_is_not_edited_here(debug_view: DebugView) -> None:
    debug_view.mount(CO2, lively(CO2))
    debug_view.page.evaluate("window.world.held[0].value = {n: 9007199254740993}")
    debug_view.show(lively(CO2)["view"])
    debug_view.page.locator('[data-node="parse"] .box').click()
    message = debug_view.page.locator('.floe-section[data-held="m0"]')
    expect(message).to_contain_text("beyond 2^53")
    expect(message.locator('[data-cmd="save"]')).to_have_count(0)


def test_a_click_on_the_letter_shows_that_message(debug_view: DebugView) -> None:
    debug_view.mount(CO2, lively(CO2))
    debug_view.page.locator('[data-node="parse"] [data-held="m0"]').click()
    expect(debug_view.page.locator('.floe-section[data-held="m0"]')).to_be_visible()


def test_a_failed_message_shows_the_modules_own_trace_and_is_tried_again(debug_view: DebugView) -> None:
    failure = lively(CO2)["info"]["failures"][0]
    held = [{"id": "m7", "node": "mean", "port": "in", "run": 1, "reason": "error", "value": {"ppm": "n/a"}, "failure": failure}]
    message = looked(debug_view, "mean", held=held).locator('[data-held="m7"]')
    expect(message.locator("pre")).to_contain_text("Cell In[3], line 2, in mean")
    expect(message.locator(".floe-label")).to_contain_text(["Cell In[3], line 2"])
    message.locator('[data-cmd="retry"]').click()
    assert debug_view.called("retry") == {"flow": INSTANCE, "id": "m7@mean"}


def test_a_message_is_injected(debug_view: DebugView) -> None:
    section = looked(debug_view, "clean").locator('[data-section="inject"]')
    section.locator("summary").click()
    section.locator("textarea").fill('{"ppm": 1}')
    section.locator('[data-cmd="inject"]').click()
    assert debug_view.called("inject") == {
        "flow": INSTANCE,
        "node": "clean",
        "port": "in",
        "batch": {"n": 1, "tagged": False, "payload": base64.b64encode(b'[{"ppm":1}]').decode()},
    }


def test_the_dispatchers_complaint_about_a_breakpoint_stands_at_its_field(debug_view: DebugView) -> None:
    row = looked(debug_view, "parse").locator('[data-break="b1"]')
    row.locator('[data-field="when"]').fill("len(msg")
    row.locator('[data-field="when"]').press("Enter")
    expect(row.locator('[data-problem="when"]')).to_contain_text("')' is missing")
    expect(row.locator('[data-problem="log"]')).to_have_text("")
    row.locator('[data-field="hits"]').fill("3")
    row.locator('[data-field="hits"]').press("Enter")
    debug_view.page.wait_for_function("window.calls.some(([n, a]) => n === 'set_break' && a.hits === 3 && a.id === 'b1')")
    row.locator('[data-field="enabled"]').uncheck()
    debug_view.page.wait_for_function("window.calls.some(([n, a]) => n === 'set_break' && a.enabled === false)")


def test_enter_sets_a_condition_also_where_a_notebook_takes_the_key_for_itself(debug_view: DebugView) -> None:
    debug_view.page.evaluate("document.addEventListener('keydown', e => { if (e.key === 'Enter') { e.preventDefault(); } })")
    when = looked(debug_view, "parse").locator('[data-break="b1"] [data-field="when"]')
    when.fill("msg > 1")
    when.press("Enter")
    assert debug_view.called("set_break")["when"] == "msg > 1"


RATIO = """e => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgb = (...colors) => { colors.forEach(c => { canvas.fillStyle = c; canvas.fillRect(0, 0, 1, 1); }); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => { const [x, y, z] = [r, g, b].map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * x + .7152 * y + .0722 * z; };
  const page = getComputedStyle(document.querySelector('.floe-bench')).backgroundColor;
  const [a, b] = [light(rgb(page)), light(rgb(page, getComputedStyle(e).color))].sort((x, y) => y - x);
  return (a + .05) / (b + .05); }"""


@pytest.mark.parametrize("theme", ["light", "dark", "dark-high-contrast"])
def test_errors_can_be_read_in_every_theme(debug_view: DebugView, theme: str, pictures: Path) -> None:
    loaded = "href => new Promise(done => { const link = document.getElementById('theme'); link.onload = () => done(); link.href = href; })"
    debug_view.page.evaluate(
        loaded, f"/theme/{theme}.css?chosen"
    )  # another address than the first, so that it is loaded in any case
    inspector = looked(debug_view, "mean")
    expect(inspector.locator(".floe-error").first).to_be_visible()
    debug_view.page.locator('[data-tab="logs"]').click()
    debug_view.page.evaluate("document.querySelector('.floe-bench > .floe-problem').textContent = 'No.'")
    ratios = [
        debug_view.page.locator(f".floe-bench {name}").first.evaluate(RATIO)
        for name in (".floe-error", ".floe-stderr", ".floe-problem")
    ]
    assert min(ratios) >= 4.5, ratios
    debug_view.page.screenshot(path=pictures / f"errors-{theme}.png")


def test_rows_are_a_table_pictures_are_shown_and_arrays_are_summarised(debug_view: DebugView, pictures: Path) -> None:
    numbers = struct.pack("<3d", -1.5, 2, 40)
    tagged = {"$floe": ["bytes", 0]}, {"$floe": ["array", 1, "<f8", [3, 1]]}, {"$floe": ["int", "123456789012345678901234567890"]}
    batch = {
        **encoded({"picture": tagged[0], "series": tagged[1], "large": tagged[2], "exact": 12345678901234567}),
        "tagged": True,
        "buffers": [{"size": 70, "data": PIXEL}, {"size": 24, "data": base64.b64encode(numbers).decode()}],
    }
    step = {
        "seq": 99,
        "node": "clean",
        "lane": 0,
        "run": 1,
        "id": "s",
        "port": "in",
        "version": 1,
        "input": batch,
        "outputs": [["out", encoded([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}])]],
        "before": {},
        "after": {},
    }
    last = looked(debug_view, "clean", steps=[step]).locator('[data-section="last"]')
    assert last.locator("img").evaluate("async e => { await e.decode(); return e.naturalWidth; }") == 1
    expect(last).to_contain_text("array <f8 [3 \u00d7 1], -1.5 to 40")
    expect(last).to_contain_text("123456789012345678901234567890")
    expect(last).to_contain_text("12345678901234567")
    assert last.locator("td").all_text_contents() == ["1", '"x"', "2", '"y"']
    debug_view.page.screenshot(path=pictures / "values.png")


def test_the_picture_in_a_held_message_is_fetched_and_shown(debug_view: DebugView) -> None:
    held = {
        "id": "m9",
        "node": "parse",
        "port": "in",
        "run": 1,
        "reason": "pause",
        "value": {"picture": {"$floe": ["bytes", 0]}, "n": 1},
        "buffers": [{"size": 70, "data": PIXEL}],
    }
    message = looked(debug_view, "parse", held=[held]).locator('[data-held="m9"]')
    assert message.locator("img").evaluate("async e => { await e.decode(); return e.naturalWidth; }") == 1
    debug_view.page.wait_for_function("window.calls.some(([n, a]) => n === 'held' && a.buffers && a.id === 'm9@parse')")
    expect(message).to_contain_text("bytes or arrays, which cannot be edited")
    expect(debug_view.page.locator('.floe-section[data-held="m9"] > summary')).to_have_text(
        "Held in front (in): pause {picture: bytes, n: 1}"
    )
    expect(message.locator("textarea")).to_have_count(0)
    expect(message.locator('[data-cmd="step-message"]')).to_be_visible()


@pytest.mark.parametrize(
    "start", ["<svg xmlns='http://www.w3.org/2000/svg' onload='__canary++'/>", "<html><script>__canary++</script>"]
)
def test_bytes_that_are_no_plain_picture_are_never_drawn(debug_view: DebugView, start: str) -> None:
    batch = {
        **encoded({"$floe": ["bytes", 0]}),
        "buffers": [{"size": len(start), "data": base64.b64encode(start.encode()).decode()}],
    }
    step = {
        "seq": 99,
        "node": "clean",
        "lane": 0,
        "run": 1,
        "id": "s",
        "port": "in",
        "version": 1,
        "input": batch,
        "outputs": [],
        "before": {},
        "after": {},
    }
    last = looked(debug_view, "clean", steps=[step]).locator('[data-section="last"]')
    expect(last).to_contain_text("bytes, ")
    expect(last.locator("img")).to_have_count(0)


def test_large_values_are_opened_piece_by_piece(debug_view: DebugView) -> None:
    value = {"long": "x" * 30_000, "many": list(range(1_000))}
    inspector = looked(
        debug_view, "parse", held=[{"id": "m0", "node": "parse", "port": "in", "run": 1, "reason": "pause", "value": value}]
    )
    tree = inspector.locator('[data-held="m0"]')
    expect(tree.locator(".floe-leaf")).to_have_count(1)
    expect(tree.locator(".floe-string")).to_contain_text("28002 characters left")
    tree.locator(".floe-string [data-cmd=more]").click()
    assert tree.locator(".floe-string").evaluate("e => e.firstChild.length + e.childNodes[1].length") == 22_000
    tree.locator("summary", has_text="many").click()
    expect(tree.locator(".floe-number")).to_have_count(100)
    tree.locator(".floe-children [data-cmd=more]", has_text="900 left").click()
    expect(tree.locator(".floe-number")).to_have_count(200)
