"""The table of calls is whole: every call is documented and typed."""

from __future__ import annotations

import msgspec
import pytest

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
