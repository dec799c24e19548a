"""Ids that were shown work, whichever run holds the message; words after a step say what happened."""

from __future__ import annotations

import pytest

from floe_jupyter.errors import UnknownName


@pytest.fixture
def two_held(cells):
    """Two runs of one flow, each with one message held in front of ``inc``."""
    cells("%%floe module inc\ndef inc(msg):\n    return msg + 1")
    cells("%%floe flow one\ninc")
    cells("%floe break inc")
    cells("r1 = %floe run one --input [1]")
    cells("r2 = %floe run one --input [20]")
    return cells


def held(cells, which):
    return cells(f"{which}.held()[0].id")


def test_A9_held_lists_the_messages_of_all_runs_of_the_flow(two_held):
    assert sorted(row["value"] for row in two_held("rows = %floe held --json\nrows")) == [1, 20]


def test_A9_an_older_runs_message_can_be_edited_by_its_id(two_held):
    two_held(f"%floe edit {held(two_held, 'r1')} 50")
    assert two_held("r1.held()[0].value, r2.held()[0].value") == (50, 20)


@pytest.mark.parametrize("verb", ["drop", "duplicate"])
def test_A9_other_verbs_find_it_too(two_held, verb):
    two_held(f"%floe {verb} {held(two_held, 'r1')}")
    assert two_held("len(r1.held()), len(r2.held())") == ({"drop": 0, "duplicate": 2}[verb], 1)


def test_A9_a_fork_of_an_older_runs_message(two_held):
    two_held(f"forked = %floe fork {held(two_held, 'r1')} 7")
    assert two_held("forked.forked_from if hasattr(forked, 'forked_from') else forked.info.forked_from") == two_held("r1.ref")


def test_C7_a_fork_is_held_where_that_is_asked_for(two_held):
    two_held("%floe clear inc")
    two_held(f"forked = %floe fork {held(two_held, 'r1')} 7 --hold")
    assert two_held("forked.wait(30, through_holds=False).status, [m.value for m in forked.held()]") == ("held", [7])
    two_held(f"freely = %floe fork {held(two_held, 'r1')} 8")
    assert two_held("freely.wait(30).results") == [8 + 1]


def test_A9_a_step_of_an_older_run(two_held):
    ref = two_held("r1.ref")
    assert two_held(f"s = %floe step --run {ref}\ns['inc']['outputStates']") == {"out": [2]}
    assert two_held("len(r2.held())") == 1


def test_A9_a_step_of_an_older_runs_message(two_held):
    assert "inc" in two_held(f"s = %floe step --message {held(two_held, 'r1')}\ns")


def test_A9_when_the_newer_run_is_over_the_older_one_is_meant(two_held):
    two_held("%floe continue {r2.ref}".replace("{r2.ref}", two_held("r2.ref")))
    two_held("r2.wait(30)")
    assert [row["value"] for row in two_held("rows = %floe held --json\nrows")] == [1]
    two_held("%floe continue")
    assert two_held("r1.wait(30).results") == [2]


def test_A9_an_id_that_is_nowhere_is_refused_with_those_that_are(two_held):
    error = two_held.error("%floe edit ffffffff 3")
    assert isinstance(error, UnknownName)
    assert "known" in str(error)


def test_C9_continue_says_when_nothing_was_held(two_held):
    ref = two_held("r2.ref")
    assert repr(two_held(f"%floe continue {ref}")) == "Flow one goes on"
    two_held("r2.wait(30)")
    assert repr(two_held(f"%floe continue {ref}")) == "No message of flow one is held; its run is done"


def test_C9_back_says_that_the_step_was_taken_back(two_held):
    two_held("%floe step")
    assert repr(two_held("%floe back")).startswith("Taken back:")


def test_C4_a_held_table_shows_its_shape_its_dtypes_and_its_first_rows(two_held):
    two_held("import pandas")
    two_held("%floe run one --input [pandas.DataFrame({'n': range(7), 'city': list('abcdefg')})]")
    shown = two_held("%floe held")
    for text in (repr(shown), shown._repr_html_()):
        assert "table of 7 rows, 2 columns" in text
        assert "n: int64, city: " in text
        assert "$floe" not in text
        assert "g" not in text.rsplit("city", 1)[1].replace("</t", "")  # the first five rows
