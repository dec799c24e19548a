"""The table of calls is whole: every call is documented and typed."""

from __future__ import annotations

import msgspec
import pytest

from floe_jupyter.dispatcher.calls import server
from floe_jupyter.wire.control.calls import CALLS, RETURNS


@pytest.mark.parametrize("name", CALLS)
def test_every_call_is_documented_and_says_what_it_returns(name: str) -> None:
    assert "eturns" in (CALLS[name].__doc__ or ""), name


@pytest.mark.parametrize("name", CALLS)
def test_every_call_refuses_unknown_arguments(name: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"nonsense": 1}, CALLS[name])


def test_only_calls_have_types_of_returns() -> None:
    assert set(RETURNS) <= set(CALLS)


REPEATABLE = {
    *("modules", "flows", "results", "runs", "run_info", "breaks", "held", "history", "dead", "view", "logs", "layout"),
    *("runners", "runtimes", "status", "wait", "keys"),
}


def test_every_call_says_who_may_make_it_whether_it_waits_and_whether_it_is_repeatable() -> None:
    """The sets that dispatcher, server and kernel had before the calls themselves said it."""
    assert {name for name, args in CALLS.items() if args.repeatable} == REPEATABLE
    assert {name for name, args in CALLS.items() if args.waits} == {"wait", "request"}
    assert {name for name, args in CALLS.items() if args.closed_to_pages} == {
        "hello",
        "leave",
        "add_key",
        "revoke_key",
        "listen_for_runners",
    }
    assert {name for name, args in CALLS.items() if args.closed_to_pages or args.closed_through_kernels} == {
        "hello",
        "leave",
        "shutdown",
        "add_key",
        "revoke_key",
        "listen_for_runners",
    }


@pytest.mark.parametrize("name", CALLS)
def test_what_a_call_says_of_itself_is_no_argument(name: str) -> None:
    said = ("repeatable", "waits", "closed_to_pages", "closed_through_kernels")
    assert not set(said) & set(CALLS[name].__struct_fields__)
    assert [type(getattr(CALLS[name], attribute)) for attribute in said] == [bool, bool, str, str]
    assert not CALLS[name].waits or "timeout" in CALLS[name].__struct_fields__


def test_the_call_server_keeps_the_answers_of_all_other_calls() -> None:
    assert server.REPEATABLE == REPEATABLE
