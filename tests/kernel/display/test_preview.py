"""Values are in sight: under each run stand its first results, as a notebook shows values."""

from __future__ import annotations

import base64

import numpy
import pandas

from floe_jupyter.client.preview import MOST, Preview

PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")


def preview(*values, total=None):
    return Preview("f.1.local.1", total or len(values), [("last.out", value) for value in values])


def test_C3_objects_become_a_table_with_their_keys_as_columns():
    html = preview({"word": "to", "n": 1}, {"word": "be", "n": 2}).html()
    assert "<th>word</th><th>n</th>" in html
    assert "<td>be</td><td>2</td>" in html


def test_C3_other_values_stand_in_one_column_and_null_is_a_value():
    assert "<td>null</td>" in preview(None, 3).html()
    assert preview(1, 2).html().startswith("<p><b>2 results")


def test_C3_of_many_results_the_first_are_shown_and_all_are_counted():
    shown = preview(*range(MOST), total=1_000)
    assert "the first 20 of 1,000 results" in shown.html()
    assert "run.dataframe()" in shown.html()


def test_C3_what_users_send_is_escaped():
    html = preview({"<b>": "<script>alert(1)</script>"}).html()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_C4_a_table_shows_its_shape_its_dtypes_and_its_first_rows():
    html = preview(pandas.DataFrame({"ppm": [400.5, 401.0], "<i>": ["a", "b"]})).html()
    for text in ("2 rows, 2 columns", "ppm: float64", "400.5", "&lt;i&gt;"):
        assert text in html
    assert "<i>" not in html


def test_C4_arrays_show_dtype_shape_and_first_items():
    assert "array int64 (2, 5): 0, 1, 2, 3, 4, 5, ..." in preview(numpy.arange(10).reshape(2, 5)).html()


def test_C3_a_picture_is_shown_as_one():
    html = preview(PIXEL).html()
    assert f'src="data:image/png;base64,{base64.b64encode(PIXEL).decode()}"' in html
    assert "4 bytes" in preview(b"text").html()


def test_C3_results_of_several_ports_say_where_they_are_from():
    shown = Preview("f.1.local.1", 2, [("a.out", 1), ("b.out", 2)])
    assert "<td>b.out</td><td>2</td>" in shown.html()


def test_C3_the_outcome_of_a_run_has_its_results(cells):
    cells("%%floe module double\ndef double(msg): return {'n': msg * 2}")
    cells("%%floe flow one\ndouble")
    run = cells("%floe run one --input [1, 21]")
    assert "<td>42</td>" in run.view().mimebundle()["text/html"]
    assert run.dataframe()["n"].tolist() == [2, 42]


def test_C15_a_run_that_is_kept_in_a_variable_is_shown_all_the_same(kernel):
    for text in ("r = %floe run one --input [0.01]", "%floe run one --input [0.01]"):
        found = kernel.outputs(kernel.begin(text))
        shown = [o["data"] for o in found if o["type"] == "display_data"]
        assert len(shown) == 1
        assert "<svg" in shown[0]["image/svg+xml"]
        assert "<td>0.01</td>" in shown[0]["text/html"]
        for result in (o["data"] for o in found if o["type"] == "execute_result"):
            assert set(result) == {"text/plain"}


def test_C15_data_for_a_program_comes_without_a_picture(kernel):
    assert not [o for o in kernel.outputs(kernel.begin("d = %floe run one --input [0] --json")) if o["type"] == "display_data"]


def test_C3_below_the_live_widget_stand_the_results(kernel):
    found = kernel.outputs(kernel.begin("r = %floe run one --input [0.01]", cellId="a-cell"))
    tables = [o["data"] for o in found if o["type"] == "display_data" and "run.results" in o["data"].get("text/html", "")]
    assert len(tables) == 1
    assert "<td>0.01</td>" in tables[0]["text/html"]
