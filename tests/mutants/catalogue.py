"""The mutants. One that survives shows a test that could not fail: strengthen the test, never remove the mutant."""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """A text of the program that is replaced, and the tests of which at least one must then fail."""

    name: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]


MUTANTS = (
    Mutant(
        "a journal that drops what it could not write",
        "floe_jupyter/dispatcher/runs/journal.py",
        "            self._trouble(str(error))\n            return False\n",
        "            self._trouble(str(error))\n            self._entries.clear()\n            return False\n",
        ("tests/dispatcher/runs/test_full_disk.py::test_B1_the_journal_says_what_is_wrong_and_writes_when_there_is_room",),
    ),
    Mutant(
        "a log that raises",
        "floe_jupyter/dispatcher/log.py",
        "        lost += 1\n",
        "        raise\n",
        ("tests/dispatcher/runs/test_full_disk.py::test_B1_the_journal_says_what_is_wrong_and_writes_when_there_is_room",),
    ),
    Mutant(
        "a store without checksums",
        "floe_jupyter/stores/sqlite.py",
        "    if type(packed) is not bytes or _sealed(packed[4:], key) != packed:\n",
        "    if type(packed) is not bytes:\n",
        ("tests/stores/test_sqlite.py::test_D25_a_bit_flipped_in_a_value_or_in_its_key_is_refused",),
    ),
    Mutant(
        "checksums of the store without their keys",
        "floe_jupyter/stores/sqlite.py",
        "crc32(msgspec.msgpack.encode(key), crc32(body))",
        "crc32(body)",
        ("tests/stores/test_sqlite.py::test_D25_a_bit_flipped_in_a_value_or_in_its_key_is_refused",),
    ),
    Mutant(
        "results without checksums",
        "floe_jupyter/dispatcher/runs/records.py",
        "        if self._sealed(body, offset, length) == checksum:\n",
        "        if checksum is not None:\n",
        ("tests/dispatcher/runs/test_results.py::test_B10_a_flipped_bit_in_a_file_of_results_never_gives_another_value",),
    ),
    Mutant(
        "segments of the Python runtime that others may read",
        "runtimes/python/floe_runtime/segments.py",
        "os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)",
        "os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)",
        ("tests/conformance/test_robust.py::test_S8_segments_are_for_their_owner_only",),
    ),
    Mutant(
        "segments of the JavaScript runtime that others may read",
        "runtimes/js/segments.mjs",
        "fs.constants.O_WRONLY | fs.constants.O_CREAT, 0o600)",
        "fs.constants.O_WRONLY | fs.constants.O_CREAT, 0o644)",
        ("tests/conformance/test_robust.py::test_S8_segments_are_for_their_owner_only",),
    ),
    Mutant(
        "events that wait without bound",
        "floe_jupyter/dispatcher/dispatcher.py",
        "            bound.setsockopt(zmq.SNDHWM, WAITING)\n",
        "            bound.setsockopt(zmq.SNDHWM, 0)\n",
        ("tests/dispatcher/test_hostile.py::test_D29_what_waits_for_a_viewer_that_does_not_read_is_bounded",),
    ),
    Mutant(
        "events that wait without bound in bytes",
        "floe_jupyter/wire/pieces.py",
        "    if len(body) <= PIECE:\n",
        "    if body:\n",
        ("tests/dispatcher/test_publish.py::test_D29_what_waits_for_a_viewer_that_does_not_read_is_bounded_in_bytes_too",),
    ),
    Mutant(
        "a sweep that takes other users' files for its own",
        "floe_jupyter/wire/leftovers.py",
        "        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid():\n            return False\n",
        "",
        ("tests/wire/test_foreign_leftovers.py::test_B2_what_is_no_file_or_no_directory_of_ours_is_skipped_and_stops_nothing",),
    ),
    Mutant(
        "a sweep that asks no lock",
        "floe_jupyter/wire/leftovers.py",
        "        return is_gone(process) if here else self._is_deserted(str(number))\n",
        "        return is_gone(process)\n",
        ("tests/wire/test_foreign_leftovers.py::test_B3_what_lives_is_left_alone_by_whoever_sweeps_in_another_namespace",),
    ),
    Mutant(
        "logs bounded in lines alone",
        "floe_jupyter/dispatcher/runs/logs.py",
        "len(self._lines) > LINES or self._size > BYTES",
        "len(self._lines) > LINES",
        ("tests/dispatcher/runs/test_memory.py::test_B4_logs_are_bounded_in_bytes_and_say_how_many_lines_are_gone",),
    ),
    Mutant(
        "a forgotten run that its instance still refers to",
        "floe_jupyter/dispatcher/runs/hub.py",
        "        if instance.newest is run:\n            instance.newest = None\n        if not instance.up:\n",
        "        run.instance = instance\n        if not instance.up:\n",
        ("tests/dispatcher/runs/test_memory.py::test_B4_a_forgotten_run_and_its_instance_are_free_at_once",),
    ),
    Mutant(
        "texts that are compared for nothing",
        "floe_jupyter/core/expressions/budget.py",
        "        charge(variables, min(len(left), len(right)) >> COMPARED)\n",
        "        charge(variables, 0)\n",
        ("tests/core/expressions/test_expression_texts.py::test_B7_a_text_is_compared_as_often_as_the_budget_pays_for",),
    ),
    Mutant(
        "packages that are built without being asked",
        "floe_jupyter/runner/environments/uv.py",
        'return [] if build else ["--only-binary", ":all:"]',
        "return []",
        ("tests/runner/test_environments.py::test_B8_no_code_of_a_package_runs_while_it_is_installed",),
    ),
    Mutant(
        "a crash after which outputs that came already come again",
        "floe_jupyter/core/machine/delivery/crashes.py",
        "        first.skip = max(first.skip, work.emitted)\n",
        "        first.skip = max(first.skip, 0)\n",
        ("tests/core/machine/test_faults.py", "tests/core/simulation/test_simulator.py"),
    ),
    Mutant(
        "a crash after which messages get other keys",
        "floe_jupyter/core/machine/delivery/crashes.py",
        "    keep_numbers(work, singles)\n",
        "",
        ("tests/core/machine/test_faults.py", "tests/core/simulation/test_simulator.py"),
    ),
)
