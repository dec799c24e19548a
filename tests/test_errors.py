"""The tree of errors: each names cause and cure, and survives the wire."""

from __future__ import annotations

import doctest

import pytest

from floe_jupyter import errors
from floe_jupyter.errors import (
    DefinitionError,
    FloeError,
    NotationError,
    PeerSilent,
    RunFailed,
    UnknownName,
    from_wire,
    nearest,
    unknown,
)


def tree(root: type[FloeError]) -> list[type[FloeError]]:
    return [root, *(cls for child in root.__subclasses__() if child.__module__ == errors.__name__ for cls in tree(child))]


def test_examples_in_the_docstrings_are_right() -> None:
    assert doctest.testmod(errors).failed == 0


@pytest.mark.parametrize("cls", tree(FloeError), ids=lambda cls: cls.__name__)
def test_every_error_is_documented_in_the_tree_and_comes_back_from_the_wire(cls: type[FloeError]) -> None:
    assert cls is FloeError or cls.__name__ in (errors.__doc__ or "")
    back = from_wire(cls.kind, "why; and what now")
    assert type(back) is cls
    assert str(back) == "why; and what now"


def test_kinds_are_told_apart() -> None:
    kinds = [cls.kind for cls in tree(FloeError)]
    assert len(kinds) == len(set(kinds))


def test_an_unknown_kind_from_a_newer_peer_is_a_plain_error() -> None:
    assert type(from_wire("martian", "x")) is FloeError


def test_a_notation_error_points_with_a_caret_below_tabs() -> None:
    error = NotationError("what is this", line=2, column=3, source="a\n\tbcd\n")
    assert str(error) == "line 2, column 3: what is this\n  \tbcd\n  \t ^"


def test_a_notation_error_without_a_place_is_its_message() -> None:
    assert str(NotationError("too long")) == "too long"
    assert str(NotationError("x", line=9, column=1, source="a")) == "x"


def test_a_very_long_line_is_shown_around_the_mistake() -> None:
    message, text, caret = str(NotationError("here", line=1, column=5_001, source="a" * 5_000 + "!" + "b" * 5_000)).splitlines()
    assert message == "line 1, column 5001: here"
    assert len(text) == 122
    assert text[caret.index("^")] == "!"


def test_an_unknown_name_is_a_definition_error_and_a_key_error_and_shows_without_quotes() -> None:
    error = unknown("flow", "co3", ["co2", "mean"])
    assert isinstance(error, DefinitionError)
    assert isinstance(error, KeyError)
    assert str(error) == "no flow 'co3'; did you mean 'co2'?"
    assert str(UnknownName()) == ""


def test_an_unknown_name_with_nothing_near_lists_what_there_is() -> None:
    assert str(unknown("flow", "x", ["mean", "co2"])) == "no flow 'x'; known: co2, mean"
    assert str(unknown("flow", "x", [])) == "no flow 'x'; no flow is defined yet"
    assert nearest("x", []) == ""


def test_the_list_of_valid_names_is_bounded() -> None:
    assert nearest("x", [f"name{i}" for i in range(1_000)]).count(",") == 11


def test_a_silent_peer_is_a_timeout() -> None:
    assert issubclass(PeerSilent, TimeoutError)


def test_a_failed_run_shows_the_modules_own_trace_and_no_frames_of_ours() -> None:
    error = RunFailed("run co2.1.local.1 failed")
    error.trace = "Cell In[3], line 2\nValueError: no\n"
    assert error._render_traceback_() == ["Cell In[3], line 2\nValueError: no", "RunFailed: run co2.1.local.1 failed"]
    assert RunFailed("x")._render_traceback_() == ["RunFailed: x"]


def test_a_name_that_is_known_from_several_places_is_listed_once() -> None:
    assert nearest("xyz", ["in", "in", "fl", "fl"]) == "known: fl, in"
    assert str(unknown("port", "xyz", ["in", "in"])) == "no port 'xyz'; known: in"
