from __future__ import annotations

import os
import sys

from floe_jupyter.wire.process_context import INHERITED, ProcessContext, current_context, handed_on


def test_what_makes_no_difference_makes_no_other_key():
    assert current_context().key == current_context(os.getcwd()).key
    assert INHERITED.key == ""


def test_each_part_makes_another_key():
    base = ProcessContext("/a", {"X": "1"}, "/usr/bin/python3", ("/p",), ("/q",))
    others = [
        ProcessContext("/b", {"X": "1"}, "/usr/bin/python3", ("/p",), ("/q",)),
        ProcessContext("/a", {"X": "2"}, "/usr/bin/python3", ("/p",), ("/q",)),
        ProcessContext("/a", {"X": "1"}, "/usr/bin/python4", ("/p",), ("/q",)),
        ProcessContext("/a", {"X": "1"}, "/usr/bin/python3", ("/p", "/q"), ()),
        ProcessContext("/a", {"X": "1"}, "/usr/bin/python3", (), ("/p", "/q")),
    ]
    assert len({base.key, *(other.key for other in others)}) == 6


def test_what_was_added_to_the_import_path_is_told_from_the_interpreters_own(monkeypatch):
    monkeypatch.setattr(sys, "path", ["/first", "", *sys.path, "/last"])
    context = current_context()
    assert context.path_before[0] == "/first"
    assert context.path_after[-1] == "/last"
    assert not any("python3" in entry and entry.endswith("lib-dynload") for entry in context.path_before + context.path_after)


def test_variables_of_kernels_alone_stay_there_and_the_others_are_not_shown():
    given = {
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "JPY_PARENT_PID": "4",
        "TOKEN": "secret",
        "TERM": "xterm-color",
        "BAD": "\udcff",
    }
    assert handed_on(given) == {"TOKEN": "secret"}
    assert handed_on({"MPLBACKEND": "svg"}) == {"MPLBACKEND": "svg"}
    assert "secret" not in repr(ProcessContext("/a", {"TOKEN": "secret"}))
