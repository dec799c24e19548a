"""The results of a run in the inspector, without Jupyter: a table, tables of pandas with their first rows, and what goes on from there."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pandas
from playwright.sync_api import Locator, expect

from floe_jupyter.wire.values import encode
from tests.browser.component import CO2, INSTANCE, DebugView
from tests.browser.pieces import lively


def batch(*values: Any) -> dict[str, Any]:
    """Values as the wire carries them to a page."""
    made = encode(values)
    found: dict[str, Any] = {"payload": base64.b64encode(made.payload).decode(), "n": made.n, "tagged": made.tagged}
    if made.buffers:
        found["buffers"] = [{"size": b.size, "data": base64.b64encode(b.data or b"").decode()} for b in made.buffers]
        found["counts"] = list(made.counts or ())
    return found


def shown(debug_view: DebugView, *batches: dict[str, Any], total: int = 0) -> Locator:
    """The section of a run that is over and gave these."""
    world = lively(CO2)
    world["info"] |= {"status": "done", "failures": []}
    world["view"] |= {"held": 0, "results": total or sum(b["n"] for b in batches)}
    world["results"] = [{"node": "mean", "port": "out", "batch": b} for b in batches]
    debug_view.mount(CO2, world, height=600)
    debug_view.page.locator('[data-cmd="open-results"]').click()
    return debug_view.page.locator('.floe-inspector [data-section="results"]')


def test_C3_the_results_stand_in_the_inspector_as_a_table(debug_view: DebugView, pictures: Path) -> None:
    section = shown(
        debug_view,
        batch({"city": "Hilo", "ppm": 421.5}, {"city": "Barrow", "ppm": 419}),
        batch({"city": "Jena", "ppm": 1}),
        total=300,
    )
    expect(section.locator("summary").first).to_have_text("Results (300)")
    expect(section.locator("thead th")).to_have_text(["", "city", "ppm"])
    assert section.locator("tbody td").all_text_contents() == ['"Hilo"', "421.5", '"Barrow"', "419", '"Jena"', "1"]
    expect(section.locator(".floe-hint")).to_have_text("the first 3 of 300; all: run.results")
    assert debug_view.called("results") == {"ref": INSTANCE, "limit": 20, "messages": 20}
    debug_view.page.screenshot(path=pictures / "results.png")


def test_C3_results_of_any_kind_stand_in_one_column(debug_view: DebugView) -> None:
    section = shown(debug_view, batch(1, "two", None, [3, 4]))
    expect(section.locator("thead th")).to_have_text(["", "value"])
    expect(section.locator("tbody tr")).to_have_count(4)


def test_C4_a_table_of_pandas_shows_shape_dtypes_and_first_rows(debug_view: DebugView, pictures: Path) -> None:
    frame = pandas.DataFrame(
        {
            "n": range(7),
            "city": ["Hilo", None, "Jena", "Ulm", "Rom", "x", "y"],
            "ppm": [1.5, 2, 3, 4, 5, 6, 7],
            "day": pandas.date_range("2024-01-01", periods=7),
            "kind": pandas.Categorical(list("uvuvuvu")),
            "ok": [True, False] * 3 + [True],
        }
    )
    section = shown(debug_view, batch(frame))
    expect(section.locator(".floe-tagged")).to_contain_text("table (pandas, 7 \u00d7 6: int64")
    inner = section.locator(".floe-table .floe-table")
    expect(inner.locator("thead th")).to_have_text(["", "n", "city", "ppm", "day", "kind", "ok"])
    expect(inner.locator("tbody tr")).to_have_count(5)
    assert inner.locator("tbody tr").nth(0).locator("td").all_text_contents() == ["0", "Hilo", "1.5", "2024-01-01", "u", "true"]
    assert inner.locator("tbody tr").nth(1).locator("td").all_text_contents() == ["1", "", "2", "2024-01-02", "v", "false"]
    debug_view.page.screenshot(path=pictures / "results-frame.png")


def test_C3_the_results_are_copied_and_a_cell_for_a_dataframe_where_no_notebook_takes_it(debug_view: DebugView) -> None:
    debug_view.page.evaluate(
        "Object.defineProperty(navigator, 'clipboard', { value: { writeText: async t => { window.copied = t; } } })"
    )
    section = shown(debug_view, batch(1, 12345678901234567890))
    section.locator('[data-cmd="copy-results"]').click()
    debug_view.page.wait_for_function("window.copied")
    assert debug_view.page.evaluate("window.copied") == "[1,12345678901234567890]"
    section.locator('[data-cmd="as-dataframe"]').click()
    expect(debug_view.page.locator('[data-news="done"]')).to_contain_text("Copied: paste it into a cell")
    assert debug_view.page.evaluate("window.copied") == f"run = %floe attach {INSTANCE}\nrun.dataframe()"
