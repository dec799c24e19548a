"""The trips of ARCHITECTURE.md, compared with the calls that really happen in all processes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from floe_jupyter.wire.client.client import Client

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent / "trips"
MOST = 34
"""Maximum number of files on the trip of a message, there and back."""
Entries = list[tuple[float, str, set[str]]]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, set[str]]]:
    """By trip: the files that were ``entered``, and those on the stack where bytes were ``handed`` to another process."""
    folder = tmp_path_factory.mktemp("trips")
    environment = {
        **os.environ,
        "FLOE_TRIPS": str(folder),
        "FLOE_TRIPS_OF": str(ROOT),
        "PYTHONPATH": os.pathsep.join((str(HERE), str(ROOT))),
        "FLOE_CONNECTION": str(folder / "connection.json"),
        "XDG_DATA_HOME": str(folder),
        "JUPYTER_RUNTIME_DIR": str(folder),
    }
    try:
        subprocess.run([sys.executable, HERE / "program.py", folder / "taken.json"], env=environment, check=True, timeout=120)
    finally:
        _end(folder / "connection.json")
    taken = json.loads((folder / "taken.json").read_text())
    processes = [_entries(path) for path in folder.glob("*.trip")]
    return {trip: _during(times, processes) for trip, times in taken.items()}


def _end(connection: Path) -> None:
    if connection.exists():
        client = Client(str(connection))
        client.call("shutdown")
        client.close()


def _entries(path: Path) -> Entries:
    rows = (line.split("\t") for line in path.read_text().splitlines())
    return [(float(time), kind, set(names.split())) for time, kind, names in rows]


def _during(times: list[tuple[float, float]], processes: list[Entries]) -> dict[str, set[str]]:
    """Files entered in one of the trips, and those of hand-overs in all of them: probes and clean-up fall into a few only."""
    return {
        "entered": set.union(*(_of("entered", processes, *time) for time in times)),
        "handed": set.intersection(*(_of("handed", processes, *time) for time in times)),
    }


def _of(kind: str, processes: list[Entries], begin: float, end: float) -> set[str]:
    return {name for entries in processes for time, k, names in entries if k == kind and begin <= time <= end for name in names}


def listed(trip: str) -> set[str]:
    """Files that ARCHITECTURE.md names under a trip."""
    text = (ROOT / "ARCHITECTURE.md").read_text().partition(f"## The trip of a {trip}\n")[2]
    text = re.split(r"\n##+ ", text)[0]
    return set(re.findall(r"`((?:floe_jupyter|runtimes)/[\w/]+\.py)`", text))


def test_the_trip_of_a_message_passes_few_files(seen: dict[str, dict[str, set[str]]]) -> None:
    assert len(listed("message")) <= MOST


def test_the_trip_of_a_message_names_every_file_between_two_processes(seen: dict[str, dict[str, set[str]]]) -> None:
    assert seen["message"]["handed"] - listed("message") == set()


@pytest.mark.parametrize(("trip", "title"), [("message", "message"), ("breakpoint", "breakpoint"), ("update", "hot update")])
def test_every_file_of_a_trip_is_really_entered(seen: dict[str, dict[str, set[str]]], trip: str, title: str) -> None:
    assert listed(title) - seen[trip]["entered"] - seen[trip]["handed"] == set()
    assert listed(title)
