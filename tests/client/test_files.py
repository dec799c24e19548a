"""Cells of files, and files of flows."""

import json

import pytest

from floe_jupyter.client.session import Session
from floe_jupyter.client.verbs.files import Cell, cells, export_text
from floe_jupyter.core.flow.model import Flow, Module, Node, Place, Wire
from floe_jupyter.errors import DefinitionError, EnvironmentFailed

TEXT = """# what this is for

%%floe module parse --lang js
export default (m) => m

%%floe flow co2
parse
"""


def test_a_floe_file_is_cells_one_behind_the_other(tmp_path):
    path = tmp_path / "co2.floe"
    path.write_text(TEXT)
    assert cells(path) == [
        Cell("module", "parse --lang js", "export default (m) => m\n", Place(0, 3, "co2.floe")),
        Cell("flow", "co2", "parse\n", Place(0, 6, "co2.floe")),
    ]


def test_A22_a_module_of_a_notebook_is_noted_with_the_names_of_other_cells_that_it_mentions(tmp_path):
    path = tmp_path / "co2.ipynb"
    sources = [
        "%matplotlib inline\nimport numpy as np\nfactor, other = 3, 4\ndef helper(): inner = 1",
        "this is no Python (",
        "for row in []:\n    last = row",
        "%%floe module f\ndef f(msg): return np.mean(msg) * factor + inner + last + helper()",
    ]
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "source": source} for source in sources]}))
    assert [cell.place.unseen for cell in cells(path)] == [("factor", "helper", "last", "np")]


def test_of_a_notebook_only_the_defining_cells_are_read(tmp_path):
    path = tmp_path / "co2.ipynb"
    sources = [
        ["import os\n", "os._exit(1)"],
        ["%%floe module parse\n", "def parse(m): return m"],
        ["%floe run co2"],
        "%%floe flow co2\nparse",
    ]
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "execution_count": 3, "source": s} for s in sources]}))
    assert cells(path) == [
        Cell("module", "parse", "def parse(m): return m\n", Place(0, 1, "co2.ipynb, cell 2")),
        Cell("flow", "co2", "parse\n", Place(0, 1, "co2.ipynb, cell 4")),
    ]


@pytest.mark.parametrize(
    ("name", "text", "error", "message"),
    [
        ("a.floe", "x = 1\n%%floe flow a\nb", DefinitionError, "line 1: expected a line that begins with %%floe or #"),
        ("a.floe", "", DefinitionError, "has no %%floe cells; write"),
        ("a.ipynb", "{", DefinitionError, "is no notebook"),
        ("a.ipynb", "[]", DefinitionError, "is no notebook"),
        ("none/a.floe", None, EnvironmentFailed, "cannot be read: No such file or directory"),
    ],
)
def test_a_file_that_is_none_says_why(tmp_path, name, text, error, message):
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(error, match=message):
        cells(path)


def test_what_is_exported_is_read_back_the_same(tmp_path):
    session = Session()
    session._client = object()
    module = Module("parse", "def parse(m):\n    return m\n", deps=("numpy>=2", "a b"), outputs=("out", "bad"), state='{"n": 0}')
    session.keep_module(module, 1)
    flow = Flow(
        "co2",
        (Node("parse", "parse"), Node("p2", "parse")),
        (Wire("parse", "p2"),),
        timeout=30.0,
        host_tags=("a", "b"),
        source="parse -> p2\np2 = parse()",
    )
    path = tmp_path / "co2.floe"
    path.write_text(export_text(session, flow))
    first, second = cells(path)
    assert first.line == 'parse --deps "numpy>=2" "a b" --out "out" "bad" --state {"n": 0}'
    assert first.body == module.source
    assert (second.line, second.body) == ("co2 --host-tags a,b --timeout 30s", flow.source + "\n")


def test_a_source_that_would_begin_a_new_cell_is_refused():
    session = Session()
    session._client = object()
    session.keep_module(Module("parse", "s = '''\n%%floe x\n'''"), 1)
    with pytest.raises(DefinitionError, match="indent it"):
        export_text(session, Flow("co2", (Node("parse", "parse"),)))
