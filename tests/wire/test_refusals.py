"""Values that cannot travel: each is refused with its place and a cure."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from floe_jupyter.errors import ValueRefused
from floe_jupyter.wire.values import encode
from tests.wire.test_tables import back


def test_A7_attributes_that_cannot_travel_are_refused() -> None:
    frame = pd.DataFrame({"a": [1]})
    frame.attrs["x"] = {1}
    with pytest.raises(ValueRefused, match=r"attrs.*\['x'\].*set"):
        encode([frame])


class Lazy(dict[str, Any]):
    """A mapping of a driver whose connection is gone."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(a=1)
        self.error = error

    def items(self) -> Any:
        raise self.error


class Rows(list[Any]):
    def __iter__(self) -> Any:
        raise RuntimeError("the cursor is closed")


class Strange:
    @property
    def __class__(self) -> Any:  # type: ignore[override]
        raise LookupError("no class")


class Meta(type):
    def __getattr__(cls, name: str) -> Any:
        raise OverflowError(name)


class Metal(metaclass=Meta):
    pass


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (Lazy(OverflowError("too large")), "Lazy.*OverflowError: too large"),
        (Lazy(MemoryError()), "Lazy.*MemoryError"),
        (Lazy(SystemExit(3)), "Lazy.*SystemExit: 3"),
        (Lazy(RecursionError("deep")), "RecursionError"),
        (Lazy(GeneratorExit()), "GeneratorExit"),
        (Rows([1]), "Rows.*the cursor is closed"),
        (Strange(), "Strange.*LookupError: no class"),
        (Metal(), "Metal.*OverflowError"),
    ],
    ids=["overflow", "memory", "exit", "recursion", "generator", "iter", "class", "metaclass"],
)
def test_A6_whatever_a_value_raises_while_it_is_converted_is_a_refusal_with_its_place(value: Any, says: str) -> None:
    with pytest.raises(ValueRefused, match=rf"the value at \['a'\]\[1\] is an? .*{says}") as caught:
        encode([{"a": [0, value]}])
    assert caught.value.__cause__ is not None


def test_A6_an_interrupt_in_the_kernel_stays_one() -> None:
    with pytest.raises(KeyboardInterrupt):
        encode([Lazy(KeyboardInterrupt())])


def test_A6_a_value_in_a_table_that_raises_is_refused_with_column_and_row() -> None:
    with pytest.raises(ValueRefused, match=r"column 'm', row 1.*\['a'\].*Metal.*OverflowError"):
        encode([pd.DataFrame({"m": [1, {"a": Metal()}]})])


def test_A7_keys_and_texts_of_derived_classes_are_what_they_contain() -> None:
    class Loud(str):
        __slots__ = ()

        def __str__(self) -> str:
            return "changed"

    class Odd(int):
        def __int__(self) -> int:
            return 7

    assert back({Loud("k"): [Loud("v"), Odd(3)]}) == {"k": ["v", 3]}


def test_A22_a_value_that_contains_itself_is_told_in_one_short_sentence() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(ValueRefused, match="contains itself") as caught:
        encode([loop])
    assert len(str(caught.value)) < 200
