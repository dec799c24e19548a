"""The list of keys in a real browser, without Jupyter: it says what the keys do, of all keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.component import CO2, DebugView, layered
from tests.browser.pieces import lively

Seen = Callable[[Page], None]


def selects(name: str) -> Seen:
    """This node is selected then; '' for none."""

    def seen(page: Page) -> None:
        found = page.locator("[data-node].selected")
        expect(found).to_have_attribute("data-node", name) if name else expect(found).to_have_count(0)

    return seen


def calls(name: str, **args: str) -> Seen:
    """The dispatcher is called."""
    return lambda page: page.wait_for_function(
        "([name, args]) => window.calls.some(([c, a]) => c === name && Object.entries(args).every(([k, v]) => a[k] === v))",
        arg=[name, args],
    )


def scaled(larger: bool) -> Seen:
    """The picture is larger then, or smaller, than life; at the beginning it is a little smaller."""
    return lambda page: page.wait_for_function(
        "([larger]) => { const s = +/scale\\((.*)\\)/.exec(document.querySelector('.floe-drawing').getAttribute('transform'))[1]; return larger ? s > 1 : s < 1; }",
        arg=[larger],
    )


def shown(selector: str, on: bool = True) -> Seen:
    return lambda page: expect(page.locator(selector)).to_be_visible() if on else expect(page.locator(selector)).to_be_hidden()


PREPARED: dict[str, list[str]] = {
    "restore": ["m"],
    "undo": ["b"],
    "leave": ["ArrowRight"],
    "fit": ["+", "+"],
    "close": ["/"],
    "next": ["/", "e", "a"],
    "previous": ["/", "e", "a"],
}
"""Keys that are pressed before; `clean` is selected unless it is said here."""
EFFECTS: dict[str, Seen] = {
    "go": calls("resume"),
    "step": calls("step"),
    "stop": calls("cancel"),
    "find": shown(".floe-find"),
    "menu": shown(".floe-menu"),
    "maximise": shown(".floe-host.maximised"),
    "restore": shown(".floe-host.maximised", False),
    "inspector": shown(".floe-inspector", False),
    "keys": shown(".floe-keys"),
    "right": selects("mean"),
    "left": selects("parse"),
    "down": selects("rejects"),
    "up": selects("clean"),
    "leave": selects(""),
    "open": lambda page: expect(page.locator(".floe-inspector")).to_be_focused(),
    "in": calls("set_break", node="clean", side="in"),
    "out": calls("set_break", node="clean", side="out"),
    "nearer": scaled(True),
    "farther": scaled(False),
    "fit": scaled(False),
    "fold": lambda page: page.wait_for_function("() => document.querySelectorAll('[data-node]').length < 130"),
    "undo": calls("clear_break"),
    "next": selects("read"),
    "previous": selects("mean"),
    "close": shown(".floe-find", False),
}


def listed(debug_view: DebugView) -> list[tuple[str, str]]:
    """The names and keys that the list has."""
    debug_view.page.locator(".floe-graph > svg").focus()
    debug_view.page.keyboard.press("?")
    expect(debug_view.page.locator("dialog.floe-keys")).to_be_visible()
    found: list[list[str]] = debug_view.page.locator("[data-key-name]").evaluate_all(
        "rows => rows.flatMap(row => [...row.querySelectorAll('[data-key]')].map(key => [row.dataset.keyName, key.dataset.key]))"
    )
    debug_view.page.keyboard.press("Escape")
    expect(debug_view.page.locator("dialog.floe-keys")).to_have_count(0)
    return [(name, key) for name, key in found]


def test_C30_every_key_does_what_the_list_of_keys_says(debug_view: DebugView) -> None:
    debug_view.page.set_viewport_size({"width": 1400, "height": 900})
    debug_view.mount(CO2, lively(CO2))
    every = listed(debug_view)
    assert {name for name, _ in every} == set(EFFECTS)
    assert len(every) == len(set(every)) >= 25
    for name, key in every:
        world = lively(CO2)
        debug_view.page.evaluate("localStorage.clear()")  # what was folded stays so
        if name == "fold":
            debug_view.mount(layered(130))
            debug_view.page.locator(".floe-graph > svg").focus()
            debug_view.page.keyboard.press(key)
            EFFECTS[name](debug_view.page)
            continue
        debug_view.mount(CO2, {**world, "breaks": []})
        expect(debug_view.page.locator('.floe-toolbar [data-cmd="stop"]')).to_be_enabled()
        debug_view.page.locator('[data-node="clean"] .box').click()
        debug_view.page.locator(".floe-inspector").wait_for()
        debug_view.page.locator('[data-node="clean"]').focus()
        for before in PREPARED.get(name, []):
            debug_view.page.keyboard.press(before)
        if name == "undo":
            expect(debug_view.page.locator('.floe-newsline [data-cmd="undo"]')).to_be_visible()  # the change has been made
        debug_view.page.keyboard.press(key.replace("Ctrl+", "Control+"))
        EFFECTS[name](debug_view.page)


def test_C30_the_list_of_keys_is_opened_by_its_button_and_closed_by_key_button_and_click(
    debug_view: DebugView, pictures: Path
) -> None:
    debug_view.mount(CO2, lively(CO2))
    button, dialog = debug_view.page.locator('.floe-tools [data-cmd="keys"]'), debug_view.page.locator("dialog.floe-keys")
    ways: list[Callable[[], None]] = [
        lambda: debug_view.page.keyboard.press("Escape"),
        lambda: dialog.locator("button").click(),
        lambda: debug_view.page.keyboard.press("?"),
        lambda: debug_view.page.mouse.click(3, 3),
    ]
    for close in ways:
        button.click()
        expect(dialog).to_be_visible()
        debug_view.page.screenshot(path=pictures / "keys.png")
        close()
        expect(dialog).to_have_count(0)
        expect(button).to_be_focused()


@pytest.mark.parametrize("width", [1400, 420])
def test_C30_the_list_of_keys_fits_its_window_and_stands_above_a_maximised_view(
    debug_view: DebugView, pictures: Path, width: int
) -> None:
    debug_view.page.set_viewport_size({"width": width, "height": 600})
    debug_view.mount(CO2, lively(CO2))
    for key in ("m", "?"):
        debug_view.page.locator(".floe-bench").focus()
        debug_view.page.keyboard.press(key)
    dialog = debug_view.page.locator("dialog.floe-keys")
    box = dialog.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert dialog.evaluate("e => e.scrollWidth <= e.clientWidth")
    debug_view.page.screenshot(path=pictures / f"keys-{width}.png")
    debug_view.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(debug_view.page.locator(".floe-host.maximised")).to_be_visible()


def test_C30_what_is_typed_into_a_field_is_no_key(debug_view: DebugView) -> None:
    debug_view.mount(CO2, lively(CO2))
    debug_view.page.locator('[data-node="parse"] .box').click()
    area = debug_view.page.locator("[data-held] textarea").first
    area.click()
    debug_view.page.keyboard.press("Control+a")
    debug_view.page.keyboard.type("mi/?bBf0")
    expect(area).to_have_value("mi/?bBf0")
    assert debug_view.page.locator("dialog, .maximised, .floe-find:visible").count() == 0
