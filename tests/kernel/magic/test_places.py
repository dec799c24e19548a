"""Every fault has its cell and line, and a cure that cures; what cannot run is refused where it is written."""

from __future__ import annotations

import json

import pytest

from floe_jupyter.client.verbs.files import load
from floe_jupyter.errors import DefinitionError, NotationError, UnknownName


def test_A13_a_flows_mistake_has_the_cells_line(cells):
    error = cells.error("\n\n%%floe flow zz\nlb -> nosuch\n")
    assert isinstance(error, (NotationError, UnknownName))
    assert "Cell In[" in str(error)
    assert "line 4, column" in str(error)


def test_A13_a_mistake_in_a_file_has_file_cell_and_line(session, tmp_path):
    notebook = tmp_path / "fl.ipynb"
    sources = ["# words", "%%floe module a\ndef a(msg): return msg", "1 + 1", "%%floe flow f\na -> \n"]
    code = [{"cell_type": "code", "execution_count": None, "source": source} for source in sources]
    notebook.write_text(json.dumps({"cells": code}))
    with pytest.raises(NotationError, match=r"^fl.ipynb, cell 4, line 2, column"):
        load(session, notebook)


@pytest.mark.parametrize("source", ["const x = {;", "export default function (m) {\n  return m +\n}", "def f(m): return m"])
def test_C11_javascript_is_checked_when_it_is_defined(cells, need, source):
    need("node", "install Node.js 20")
    error = cells.error(f"%%floe module j --lang js\n{source}\n")
    assert isinstance(error, DefinitionError)
    assert "SyntaxError" in str(error)
    assert "Cell In[" in str(error)


def test_C11_types_get_a_hint_and_what_is_right_is_not_executed(cells, need, tmp_path):
    need("node", "install Node.js 20")
    assert "TypeScript" in str(cells.error("%%floe module j --lang js\nexport default (m: string) => m;\n"))
    written = tmp_path / "written"
    cells(
        f"%%floe module j --lang js\nimport fs from 'node:fs';\nfs.writeFileSync({str(written)!r}, '');\nexport default m => m;\n"
    )
    assert not written.exists()


@pytest.mark.parametrize("language", ["go", "rust", "r"])
def test_C11_a_language_without_a_runtime_is_refused_by_its_cell(cells, language):
    error = cells.error(f"%%floe module other --lang {language}\nrun\n")
    assert "python" in str(error)
    assert "js" in str(error)


@pytest.mark.parametrize(
    "line", ["every = timer(1s)\nevery -> same", "same -> x\nx = sleep(1s)", "same -> h\nh = webhook('http://x')"]
)
def test_E7_a_built_in_that_cannot_run_is_refused_by_its_cell(cells, line):
    cells("%%floe module same\ndef same(msg): return msg")
    assert "this version has no" in str(cells.error(f"%%floe flow f\n{line}\n"))


def test_E7_a_durable_flow_is_refused_by_its_cell(cells):
    cells("%%floe module same\ndef same(msg): return msg")
    assert "durable" in str(cells.error("%%floe flow f --durable\nsame\n"))


def test_C12_a_missing_import_names_the_option_that_brings_it(cells):
    cells("%%floe module m\ndef m(msg):\n    import nothing_of_that_name.inside\n")
    cells("%%floe flow f\nm")
    assert "`%%floe module m --deps nothing_of_that_name`" in str(cells.error("%floe run f --input [1]"))


def test_C12_a_package_that_is_called_otherwise_is_named_as_it_is(cells):
    cells("%%floe module m\ndef m(msg):\n    raise ModuleNotFoundError(\"No module named 'cv2.aruco'\")\n")
    cells("%%floe flow f\nm")
    assert "--deps opencv-python-headless`" in str(cells.error("%floe run f --input [1]"))


def test_C12_a_missing_javascript_package(cells, need):
    need("node", "install Node.js 20")
    cells("%%floe module j --lang js\nimport x from '@scope/nothing/deep';\nexport default m => m;")
    cells("%%floe flow f\nj")
    assert "`%%floe module j --lang js --deps @scope/nothing`" in str(cells.error("%floe run f --input [1]"))


def test_C14_a_run_without_input_that_fails_says_that_it_was_given_null(cells):
    cells("%%floe module m\ndef m(msg): return msg.split()")
    cells("%%floe flow f\nm")
    assert "without --input each source gets one null" in str(cells.error("%floe run f"))
    assert "--input" not in str(cells.error("%floe run f --input [1]"))
