"""Runs every test with `lang` or `host` once for each runtime; FLOE_LANG names the wanted runtimes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conformance.host import Host, languages


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "lang" in metafunc.fixturenames:
        metafunc.parametrize("lang", languages(), scope="session")


@pytest.fixture
def host(lang: str, tmp_path: Path) -> Iterator[Host]:
    """Yield a fresh runtime."""
    with Host(lang, tmp_path) as started:
        yield started


@pytest.fixture
def start(lang: str, tmp_path: Path) -> Iterator[Callable[..., Host]]:
    """Yield a function that starts runtimes with options."""
    hosts: list[Host] = []

    def one(**options: object) -> Host:
        folder = tmp_path / f"runtime{len(hosts)}"
        folder.mkdir()
        hosts.append(Host(lang, folder, **options))  # type: ignore[arg-type]
        return hosts[-1]

    yield one
    for host in hosts:
        host.close()


@pytest.fixture
def python(tmp_path: Path) -> Iterator[Host]:
    """Yield a fresh runtime of Python."""
    with Host("python", tmp_path) as started:
        yield started
