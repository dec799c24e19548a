"""The life of a run, and its name."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floe_jupyter.core.run_life import (
    TRANSITIONS,
    Phase,
    RunRef,
    advance,
    is_over,
    newest,
    parse_ref,
    run_ref,
    select_version,
)
from floe_jupyter.errors import DefinitionError

PHASES = st.sampled_from(list(TRANSITIONS))


def lived(*phases: Phase) -> Phase:
    now = phases[0]
    for to in phases[1:]:
        now = advance(now, to)
    return now


def test_a_run_lives_from_pending_to_archived() -> None:
    assert lived("pending", "active", "done", "archived") == "archived"
    assert lived("pending", "active", "held", "active", "held", "failed", "archived") == "archived"
    assert lived("pending", "cancelled") == "cancelled"


@pytest.mark.parametrize("to", list(TRANSITIONS))
def test_D23_an_archived_run_never_changes(to: Phase) -> None:
    with pytest.raises(DefinitionError, match=r"run co2\.1\.local\.1 is archived and never changes; start a new run"):
        advance("archived", to, "co2.1.local.1")


@settings(deadline=None)
@given(st.lists(PHASES, max_size=12))
def test_D23_a_run_that_is_over_keeps_its_result_whatever_comes_late(requests: list[Phase]) -> None:
    now, result = advance("active", "done"), "done"
    for request in requests:
        try:
            now = advance(now, request)
        except DefinitionError:
            continue
        assert now == "archived"
        assert result == "done"
    assert is_over(now)


def test_an_illegal_transition_names_both_sides_and_what_is_allowed() -> None:
    with pytest.raises(DefinitionError, match="the run is pending and cannot become held; it can only become: active"):
        advance("pending", "held")


def test_only_what_is_over_is_over() -> None:
    assert [phase for phase in TRANSITIONS if is_over(phase)] == ["done", "failed", "cancelled", "archived"]


# --- names ---------------------------------------------------------------------------------------------------------------

refs = st.builds(
    RunRef,
    st.from_regex(r"[a-z_][a-z0-9_-]{0,9}", fullmatch=True),
    st.integers(1, 10**17),
    st.from_regex(r"[a-z0-9_][a-z0-9_-]{0,9}", fullmatch=True),
    st.integers(1, 10**17),
)


@settings(deadline=None)
@given(refs)
def test_a_run_ref_read_back_is_the_same(ref: RunRef) -> None:
    assert parse_ref(str(ref)) == ref
    assert run_ref(ref.flow, ref.version, ref.host, ref.counter) == ref


@settings(deadline=None)
@given(st.text(max_size=30))
def test_any_text_is_a_run_ref_or_a_definition_error(text: str) -> None:
    try:
        assert str(parse_ref(text)) == text
    except DefinitionError as error:
        assert "co2.1.local.1" in str(error)  # both outcomes are right


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no run"),
        ("co2", "names no run"),
        ("co2.1.local", "names no run"),
        ("co2.1.local.1.2", "names no run"),
        ("Co2.1.local.1", "is no flow"),
        ("co2.0.local.1", "is no version"),
        ("co2.01.local.1", "is no version"),
        ("co2.1.my host.1", "is no host"),
        ("co2.1.local.x", "is no counter"),
        ("co2.1.local.1\n", "is no counter"),
        ("co2.1.local.\u0661", "is no counter"),
    ],
)
def test_a_wrong_run_ref_says_which_part_is_wrong(text: str, said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        parse_ref(text)


def test_D11_the_latest_of_versions_3_and_1_is_3() -> None:
    assert newest([3, 1]) == 3


@settings(deadline=None)
@given(st.lists(st.integers(1, 10**6), min_size=1))
def test_D11_the_newest_version_does_not_depend_on_the_order(versions: list[int]) -> None:
    assert newest(versions) == newest(reversed(versions)) == newest(sorted(versions)) == select_version(versions)
    assert all(newest(versions) >= version for version in versions)


def test_D4_the_first_run_of_a_flow_that_is_not_stored_is_of_version_1() -> None:
    assert newest([]) == 0
    assert select_version([]) == select_version([], 1) == 1


def test_a_wanted_version_is_taken_or_refused_with_those_there_are() -> None:
    assert select_version([3, 1], 1) == 1
    with pytest.raises(DefinitionError, match="no version 2; stored versions: 3, 1"):
        select_version([3, 1], 2)
    with pytest.raises(DefinitionError, match="no version 2; stored versions: none"):
        select_version([], 2)


def test_a_name_is_made_of_its_four_parts() -> None:
    ref = run_ref("co2", 3, "local", 17)
    assert (str(ref), parse_ref("co2.3.local.17")) == ("co2.3.local.17", ref)
    with pytest.raises(DefinitionError, match=r"'x!' in 'co2.3.x!.17' is no host"):
        run_ref("co2", 3, "x!", 17)


def test_the_newest_version_is_the_largest() -> None:
    assert (newest([3, 10, 9]), newest([])) == (10, 0)
