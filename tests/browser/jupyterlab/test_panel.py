"""The panel of flows in JupyterLab's sidebar: it asks the dispatcher, so a busy, killed or missing kernel is nothing to it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from tests.browser.conftest import Complaints
from tests.browser.contrast import poor
from tests.browser.flows import CHAIN, DEFINE, DOUBLE, LABEL, LOAD
from tests.browser.kit import Notebook
from tests.browser.waits import until

Books = Callable[..., Notebook]
BREAK = "%floe break label"
HELD = 'run = %floe run chain --input [{"n":n} for n in range(3)]'
LAST = "%%floe module last\ndef last(msg):\n    print('saw', msg['label'])\n    return msg['label']"
PATIENT = 20_000


def opened(book: Notebook, first: int = 0) -> Page:
    """Run the first cells and show the panel."""
    for number in range(first):
        book.run_cell(number)
    book.command("floe:show-panel")
    book.page.locator(".floe-sidebar").wait_for()
    return book.page


def held(notebook: Books) -> Notebook:
    """A run of the flow ``chain`` that a breakpoint holds in front of `label`."""
    book = notebook([LOAD, DOUBLE, LABEL, LAST, CHAIN, BREAK, HELD, "time.sleep(600)"])
    opened(book, 7)
    expect(rows(book.page, "held")).to_have_count(1, timeout=PATIENT)
    return book


def rows(page: Page, section: str) -> Locator:
    return page.locator(f"[data-floe-section={section}] .floe-entry")


def run(page: Page) -> Locator:
    """The newest; of former dispatchers of this server there may be others."""
    return rows(page, "runs").first


def status(page: Page) -> Locator:
    return page.locator(".floe-side-status")


def show(page: Page, title: str) -> None:
    """Open or close a section."""
    page.locator(".floe-sidebar .jp-AccordionPanel-title").filter(has_text=title).click()


def test_without_a_dispatcher_the_panel_says_how_to_start_one_and_starts_none(notebook: Books) -> None:
    book = notebook(["1 + 1"])
    page = opened(book, 1)
    expect(status(page)).to_contain_text("No dispatcher runs. Run a %%floe cell to start one.")
    expect(page.locator("[data-floe-section=flows]")).to_contain_text("No flow is defined yet")
    assert not book.lab.connection.exists()


def test_what_is_defined_and_run_appears_by_itself(notebook: Books) -> None:
    book = notebook([*DEFINE, "%floe run chain --input {'n':1}"])
    page = opened(book)
    for number in range(6):
        book.run_cell(number)
    flows = rows(page, "flows").and_(page.locator("[data-flow=chain]"))
    expect(flows.first).to_be_visible(timeout=PATIENT)
    chooser = page.locator(".floe-side-workspaces select")
    if chooser.is_visible():  # notebooks of other tests have flows of that name, too
        chooser.select_option(label=book.name)
    expect(flows).to_have_count(1, timeout=PATIENT)
    expect(run(page)).to_have_attribute("data-state", "done", timeout=PATIENT)
    expect(run(page)).to_contain_text("1 result")
    expect(page.locator(".floe-side-status-words")).to_have_text("done, 1 result")
    expect(page.locator("[data-shelf=archive]")).to_have_text(f"archive {rows(page, 'runs').count()}")
    page.locator("[data-shelf=archive]").click()
    expect(rows(page, "runs")).to_have_count(0)
    show(page, "Runners and runtimes")
    expect(rows(page, "runners").first).to_contain_text("local:")
    expect(rows(page, "runners").filter(has_text="js")).to_have_count(1)


def test_a_run_is_stepped_back_and_continued_while_a_cell_blocks_the_kernel(notebook: Books) -> None:
    book = held(notebook)
    page = book.page
    book.begin_cell(7)
    expect(page.locator("body")).to_have_attribute("data-floe-paused", "true")
    rows(page, "flows").locator("button").first.click()
    label = page.locator(".floe-tab [data-node=label]")
    expect(label).to_be_visible(timeout=PATIENT)
    page.keyboard.press("F10")
    expect(rows(page, "held").filter(has_text="last.in")).to_have_count(1, timeout=PATIENT)
    page.locator(".floe-sidebar [data-cmd=step-back] jp-button").click()
    expect(rows(page, "held").filter(has_text="last.in")).to_have_count(0, timeout=PATIENT)
    rows(page, "breakpoints").locator("[data-cmd=toggle-break]").uncheck()
    expect(rows(page, "breakpoints")).to_have_attribute("data-state", "off", timeout=PATIENT)
    page.keyboard.press("F9")
    expect(run(page)).to_have_attribute("data-state", "done", timeout=PATIENT)
    expect(page.locator("body")).not_to_have_attribute("data-floe-paused", "true")
    assert [kernel["execution_state"] for kernel in book.lab.kernels()] == ["busy"]


def test_the_keys_at_a_run_that_is_over_leave_a_held_run_alone(notebook: Books) -> None:
    book = notebook([*DEFINE, "over = %floe run chain --input {'n':1}", BREAK, HELD, "1"])
    page = opened(book, 8)
    expect(rows(page, "held")).to_have_count(1, timeout=PATIENT)
    ref = rows(page, "runs").filter(has_text="done").first.get_attribute("data-run")
    rows(page, "runs").and_(page.locator(f'[data-run="{ref}"]')).locator("button").first.click()
    expect(page.locator(".floe-tab:not(.lm-mod-hidden) .floe-phase")).to_contain_text("done", timeout=PATIENT)
    expect(status(page)).to_contain_text(str(ref))
    page.locator(".floe-tab .floe-graph > svg").focus()
    for key in ("F10", "F9", "Shift+F9"):
        page.keyboard.press(key)
        expect(page.locator(".floe-tab .floe-bench > .floe-problem")).to_contain_text("No run is active here")
    expect(page.locator(".floe-sidebar [data-cmd=stop] jp-button")).to_have_attribute("aria-disabled", "true")
    expect(rows(page, "held").filter(has_text="label.in")).to_have_count(1)
    page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab").filter(has_text=".ipynb").click()
    expect(page.locator(".floe-sidebar [data-cmd=stop] jp-button")).not_to_have_attribute("aria-disabled", "true")
    page.keyboard.press("F10")  # the notebook is looked at again, and with it the run that is held
    expect(rows(page, "held").filter(has_text="last.in")).to_have_count(1, timeout=PATIENT)


def test_a_held_message_is_opened_at_its_node_dropped_and_its_run_terminated(notebook: Books) -> None:
    page = held(notebook).page
    rows(page, "held").locator("button").first.click()
    expect(page.locator(".floe-tab [data-node=label].selected")).to_be_visible(timeout=PATIENT)
    rows(page, "held").hover()
    rows(page, "held").locator("[data-cmd=drop-message]").click()
    expect(rows(page, "held").filter(has_text="{n: 0}")).to_have_count(0, timeout=PATIENT)
    page.keyboard.press("Shift+F9")
    expect(run(page)).to_have_attribute("data-state", "cancelled", timeout=PATIENT)


def test_the_panel_shows_an_edited_value_the_hits_of_a_breakpoint_and_opens_the_message_that_is_clicked(notebook: Books) -> None:
    book = held(notebook)
    page = book.page
    expect(rows(page, "held")).to_contain_text("{n: 0}")
    book.do(f"%floe edit {rows(page, 'held').get_attribute('data-held')} {{'n': 70}}")
    expect(rows(page, "held")).to_contain_text("{n: 70}", timeout=PATIENT)
    expect(rows(page, "breakpoints")).to_contain_text("hit 1\u00d7", timeout=PATIENT)
    rows(page, "held").locator("button").first.click()
    page.locator(".floe-tab [data-cmd=duplicate]").click(timeout=PATIENT)
    expect(rows(page, "held")).to_have_count(2, timeout=PATIENT)
    for row in reversed(rows(page, "held").all()):
        row.locator("button").first.click()
        lead = page.locator(".floe-tab .floe-section[data-section=held]").first
        expect(lead).to_have_attribute("data-held", str(row.get_attribute("data-held")))
        expect(lead.locator("textarea")).to_be_visible()


def test_C18_sections_take_the_height_that_is_free_and_show_what_they_have(notebook: Books) -> None:
    many = "for n in range(12):\n    get_ipython().run_cell_magic('floe', f'flow many{n}', 'double')"
    book = notebook([LOAD, DOUBLE, many, "%floe run many3 --input {'n':1}"])
    book.page.set_viewport_size({"width": 1400, "height": 1100})  # room for all that is there
    page = opened(book, 4)
    expect(rows(page, "flows").filter(has_text="many")).to_have_count(12, timeout=PATIENT)
    chooser = page.locator(".floe-side-workspaces select")
    if chooser.is_visible():  # notebooks of other tests have flows and runs, too
        chooser.select_option(label=book.name)
        expect(rows(page, "flows")).to_have_count(12, timeout=PATIENT)
    expect(rows(page, "flows").filter(has_text="many").first).to_contain_text("many3", timeout=PATIENT)  # by use, not by alphabet
    with contextlib.suppress(AssertionError):
        until(lambda: page.evaluate(ROOM) == [], "sections to show what they have, and the panel to be full", 10.0)
    assert page.evaluate(ROOM) == []


ROOM = """() => { const wrong = [], panel = document.querySelector('.floe-sidebar .jp-SidePanel-content').getBoundingClientRect();
  const open = [...document.querySelectorAll('.floe-sidebar .floe-section-panel')].filter(s => s.checkVisibility());
  for (const s of open) { if (s.scrollHeight > s.clientHeight + 1) { wrong.push(`${s.dataset.floeSection}: ${s.scrollHeight} in ${s.clientHeight}`); } }
  const ends = Math.max(...[...document.querySelectorAll('.floe-sidebar .floe-section-panel, .floe-sidebar .jp-AccordionPanel-title')].map(s => s.getBoundingClientRect().bottom));
  if (Math.abs(ends - panel.bottom) > 3) { wrong.push(`ends at ${ends}, the panel at ${panel.bottom}`); }
  return wrong; }"""


def test_all_breakpoints_are_removed_only_after_a_question(notebook: Books) -> None:
    book = held(notebook)
    page = book.page
    book.begin("floe:remove-breakpoints")
    expect(page.locator(".jp-Dialog")).to_contain_text("1 breakpoint of all flows")
    page.locator(".jp-Dialog button", has_text="Cancel").click()
    expect(rows(page, "breakpoints")).to_have_count(1)
    page.locator(".floe-sidebar [data-cmd=remove-breakpoints] jp-button").click()
    page.locator(".jp-Dialog button", has_text="Remove").click()
    expect(rows(page, "breakpoints")).to_have_count(0, timeout=PATIENT)


def test_tabs_filters_and_sections_come_back_after_a_reload_and_so_does_the_run(notebook: Books) -> None:
    page = held(notebook).page
    rows(page, "flows").locator("button").first.click()
    rows(page, "runs").locator("button").first.click()
    page.locator(".floe-tab [data-node=label]").last.wait_for()
    page.get_by_label("Filter runs").fill("chain")
    page.locator("[data-shelf=archive]").click()
    show(page, "Logs")
    until(lambda: page.evaluate(SAVED), "the workspace to be saved", 20.0)
    page.reload()
    expect(page.locator(".floe-tab")).to_have_count(2, timeout=30_000)
    expect(page.get_by_label("Filter runs")).to_have_value("chain")
    expect(page.locator("[data-shelf=archive]")).to_have_attribute("aria-pressed", "false")
    expect(page.get_by_label("Filter lines")).to_be_visible()
    expect(rows(page, "held")).to_have_count(1, timeout=PATIENT)
    expect(page.locator("body")).to_have_attribute("data-floe-paused", "true")


SAVED = """async () => {
  const { workspaces } = window.jupyterapp.serviceManager;
  for (const id of (await workspaces.list()).ids) {
    const { data } = await workspaces.fetch(id);
    const state = data['floe-panel:panel']?.data;
    const tabs = Object.keys(data).filter(key => key.startsWith('floe-tabs:')).length;
    const open = JSON.stringify(data['layout-restorer:data'] ?? '').split('floe-tabs:').length - 1;
    if (tabs === 2 && open >= 2 && state?.filter.text === 'chain' && state.closed.join() === 'runners') return true;
  }
  return false; }"""


def test_a_lost_connection_is_said_and_what_happened_meanwhile_is_there_when_it_is_back(notebook: Books, page: Page) -> None:
    sockets: list[WebSocketRoute] = []
    down: list[bool] = []

    def through(socket: WebSocketRoute) -> None:
        if down:
            socket.close()
        else:
            sockets.append(socket)
            socket.connect_to_server()

    page.route_web_socket("**/floe/bridge*", through)
    book = held(notebook)
    down.append(True)
    for socket in sockets:
        socket.close()
    expect(status(page)).to_contain_text("The connection was lost; connecting again")
    book.do("floe.flow('chain').breakpoint('last')")
    down.clear()
    expect(rows(page, "breakpoints")).to_have_count(2, timeout=30_000)
    expect(status(page)).not_to_contain_text("lost")


def test_a_server_without_the_extension_is_named_as_the_cause(notebook: Books, page: Page, complaints: Complaints) -> None:
    complaints.expected += ["floe/status", "floe/bridge"]
    page.route_web_socket("**/floe/bridge*", lambda socket: socket.close())
    page.route("**/floe/status*", lambda route: route.fulfill(status=404, body=""))
    opened(notebook(["1"], start=False))
    expect(status(page)).to_contain_text("This Jupyter server does not know floe-jupyter", timeout=PATIENT)


def test_when_the_dispatcher_is_killed_the_panel_says_so_and_follows_the_next(notebook: Books) -> None:
    book = held(notebook)
    for process in book.lab.family("floe_jupyter.dispatcher"):
        process.kill()
    expect(status(book.page)).to_contain_text("No dispatcher runs", timeout=PATIENT)
    expect(rows(book.page, "runs")).to_have_count(0)
    expect(book.page.locator("body")).not_to_have_attribute("data-floe-paused", "true")
    book.run_cell(1)
    expect(status(book.page)).not_to_contain_text("No dispatcher runs", timeout=PATIENT)


def test_a_double_click_on_a_node_goes_to_the_cell_of_its_module(notebook: Books) -> None:
    page = held(notebook).page
    rows(page, "flows").locator("button").first.click()
    page.locator(".floe-tab [data-node=last] .name, .floe-tab [data-node=last] text").first.dblclick(timeout=PATIENT)
    page.wait_for_function("() => window.jupyterapp.shell.currentWidget.content.activeCellIndex === 3", timeout=PATIENT)


def test_lines_that_modules_print_appear_in_the_logs_and_are_filtered(notebook: Books) -> None:
    book = held(notebook)
    page = book.page
    show(page, "Logs")
    book.command("floe:continue")
    book.run_cell(5)
    book.do("%floe clear label")
    book.do("%floe continue")
    lines = page.locator(".floe-side-line")
    expect(lines).to_have_text(["last saw number 0", "last saw number 2", "last saw number 4"], timeout=PATIENT)
    page.get_by_label("Filter lines").fill("number 2")
    expect(lines).to_have_count(1)
    page.get_by_label("Filter lines").fill("")
    page.locator(".jp-AccordionPanel-toolbar").get_by_label("Clear the lines").or_(
        page.get_by_title("Clear the lines")
    ).first.click()
    expect(lines).to_have_count(0)
    show(page, "Logs")
    expect(page.locator(".floe-side-lines")).to_be_hidden()
    show(page, "Logs")
    book.do("%floe run chain --input {'n':50}")
    expect(lines).to_have_text(["last saw number 100"], timeout=PATIENT)


def test_settings_act_at_once(notebook: Books) -> None:
    book = notebook(["1"], start=False)
    body = book.page.locator("body")
    expect(body).to_have_attribute("data-floe-animate", "true", timeout=PATIENT)
    try:
        book.command("settingeditor:open", query="Flows")
        book.page.get_by_label("Animate wires").uncheck(timeout=PATIENT)
        expect(body).to_have_attribute("data-floe-animate", "false")
    finally:
        book.page.get_by_label("Animate wires").check()
        expect(body).to_have_attribute("data-floe-animate", "true")


def test_rows_are_walked_with_the_arrow_keys_and_have_names(notebook: Books) -> None:
    book = held(notebook)
    page = book.page
    book.do("floe.flow('chain').breakpoint('last')")
    expect(rows(page, "breakpoints")).to_have_count(2, timeout=PATIENT)
    rows(page, "breakpoints").first.locator("button").first.focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_function("document.activeElement.closest('.floe-entry')?.dataset.at === 'last'")
    unnamed = page.locator(".floe-sidebar :is(button, input, [role=list], [role=log])").evaluate_all(
        "all => all.filter(e => !e.getAttribute('aria-label') && !e.textContent.trim()).map(e => e.outerHTML)"
    )
    assert unnamed == []
    assert {row["height"] for row in (r.bounding_box() or {} for r in rows(page, "breakpoints").all())} == {24}


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_names_and_values_in_the_panel_have_the_contrast_of_the_theme(notebook: Books, theme: str) -> None:
    book = held(notebook)
    book.command("apputils:change-theme", theme=theme)
    expect(book.page.locator("body")).to_have_attribute("data-jp-theme-name", theme, timeout=PATIENT)
    seen, found = poor(book.page, ".floe-sidebar")
    assert seen > 20
    assert not found, "\n".join(found)
