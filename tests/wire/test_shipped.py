"""Folders that come with the package: runtimes and example notebooks."""

from __future__ import annotations

from pathlib import Path

import pytest

from floe_jupyter.wire import shipped


@pytest.mark.parametrize(("name", "checkout"), [("_runtimes", "runtimes"), ("_examples", "notebooks")])
def test_an_installed_package_has_them_beside_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, checkout: str
) -> None:
    (tmp_path / "floe_jupyter" / "wire").mkdir(parents=True)
    monkeypatch.setattr(shipped, "__file__", str(tmp_path / "floe_jupyter" / "wire" / "shipped.py"))
    find = shipped.shipped.__wrapped__  # without what was found before
    assert find(name, checkout) == str(tmp_path / checkout)
    (tmp_path / "floe_jupyter" / name).mkdir()
    assert find(name, checkout) == str(tmp_path / "floe_jupyter" / name)


def test_a_checkout_has_the_runtimes_and_the_notebooks_at_its_top() -> None:
    assert (Path(shipped.runtimes_directory()) / "python" / "runtime.toml").exists()
    assert list(Path(shipped.shipped("_examples", "notebooks")).glob("*.ipynb"))
