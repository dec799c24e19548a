"""The harness itself, with cells that know nothing of flows."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.kit import Notebook

pytestmark = pytest.mark.timeout(180)


def test_cells_run_in_a_real_notebook_and_their_output_is_seen(notebook: Callable[..., Notebook]) -> None:
    book = notebook(["x = 6", "x * 7"])
    book.run_all()
    assert "42" in book.outputs(1).inner_text()
    assert "43" in book.do("x * 7 + 1")
    assert '"42"' in book.save()
