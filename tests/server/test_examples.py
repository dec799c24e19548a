"""The example notebooks that the server hands to pages."""

from __future__ import annotations

import json

from tests.dispatcher.kit import ROOT
from tests.server.kit import Server

NOTEBOOKS = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))


def test_the_examples_are_the_notebooks_in_order_and_their_data(server: Server) -> None:
    files = server.ask("floe/examples")["files"]
    assert [file["path"] for file in files] == [*NOTEBOOKS, "data/README.md", "data/co2-weekly-mlo.csv"]
    assert {file["type"] for file in files[:4]} == {"notebook"}
    assert files[0]["content"] == json.loads((ROOT / "notebooks" / NOTEBOOKS[0]).read_text())
    assert files[-1]["content"] == (ROOT / "notebooks" / "data" / "co2-weekly-mlo.csv").read_text()
