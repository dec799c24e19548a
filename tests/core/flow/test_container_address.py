"""URLs of runners in containers, right and wrong."""

from __future__ import annotations

import pytest

from floe_jupyter.core.flow.container_address import ContainerAddress, parse
from floe_jupyter.errors import DefinitionError


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("docker:floe-runner", ContainerAddress("floe-runner")),
        ("docker:localhost:5000/a/b:1.2@far", ContainerAddress("localhost:5000/a/b:1.2", "far")),
        ("docker:x@unix:///run/podman.sock", ContainerAddress("x", "unix:///run/podman.sock")),
        (f"docker:x@sha256:{'a' * 64}@far", ContainerAddress(f"x@sha256:{'a' * 64}", "far")),
        ("docker:x?memory=1g&cpus=0.5&pids=99&network=on", ContainerAddress("x", "", 1 << 30, 0.5, 99, network=True)),
        ("docker:x@far?network=off", ContainerAddress("x", "far")),
    ],
)
def test_the_url_of_a_container_gives_image_engine_and_limits(url: str, address: ContainerAddress) -> None:
    assert parse(url) == address


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("docker:", "names no image; write docker:IMAGE"),
        ("docker:Upper", "names no image"),
        ("docker:x y", "names no image"),
        ("docker:x@", "names no image"),
        ("docker:x?", "write an option behind it"),
        ("docker:x?memory=1", "memory=1 is no amount of memory; write a number with k, m or g, at least 64m"),
        ("docker:x?memory=8m", "at least 64m"),
        ("docker:x?cpus=nan", "cpus=nan is no number of processors"),
        ("docker:x?cpus=-1", "cpus=-1 is no number of processors"),
        ("docker:x?pids=2", "pids=2 is no number of threads"),
        ("docker:x?network=yes", "write network=on or network=off"),
        ("docker:x?netwrk=on", "did you mean 'network'?"),
        ("docker:x?privileged=true", "no option of a container 'privileged'"),
    ],
)
def test_a_wrong_url_of_a_container_names_the_part_and_the_cure(url: str, said: str) -> None:
    with pytest.raises(DefinitionError) as error:
        parse(url)
    assert said in str(error.value)


def test_the_memory_of_a_container_is_told_in_whole_megabytes() -> None:
    assert parse("docker:x?memory=1g").memory_text == "1024 MB"
