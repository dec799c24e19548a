"""Dependencies of modules in cells: listed, locked and named where they cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from floe_jupyter.errors import EnvironmentFailed
from tests.runner.test_environments import wheel


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")


def test_3_deps_lists_what_is_locked_once_it_is(cells, tmp_path: Path):
    assert repr(cells("%floe deps --lock")) == "no module has dependencies"
    spec = wheel(tmp_path, "tiny", "1.0", "v = 1")
    cells(f"%%floe module a --deps '{spec}'\nimport tiny\ndef a(msg):\n    return tiny.v\n")
    assert cells("%floe deps --json")[0]["locked"] == []
    text = repr(cells("%floe deps --lock"))
    assert text.startswith(f"# a\n{spec} \\\n    --hash=sha256:")
    assert [(row["module"], row["locked"]) for row in cells("%floe deps --json")] == [("a", [spec])]
    assert cells("%floe deps a --lock --json") == {"a": text.removeprefix("# a\n")}


def test_3_deps_that_cannot_be_locked_say_whose_they_are(cells, tmp_path: Path):
    cells(f"%%floe module a --deps 'nowhere @ file://{tmp_path}/nowhere-1.0-py3-none-any.whl'\ndef a(msg):\n    return msg\n")
    error = cells.error("%floe deps --lock")
    assert isinstance(error, EnvironmentFailed)
    assert "module 'a': cannot install nowhere" in str(error)
