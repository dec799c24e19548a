"""Helpers of the tests of expressions: a message, and an expression's value for the message."""

from __future__ import annotations

import pytest

from floe_jupyter.core.expressions.language import compile_expression
from floe_jupyter.errors import ExpressionError

MSG = {"ppm": -1.5, "id": "k1", "rows": [{"v": 1}, {"v": 2}], "none": None, "tags": ["a", "b"], "big": 2**70, "text": "CO2 raw"}


META = {"node": "clean", "port": "in", "run": 7}


STATE = {"count": 3}


def value(text: str, msg: object = MSG) -> object:
    """Return the value of an expression."""
    return compile_expression(text).evaluate(msg, META, STATE)


def refusal(text: str, msg: object = MSG) -> str:
    """Return the text of an expression's error."""
    with pytest.raises(ExpressionError) as caught:
        value(text, msg)
    return str(caught.value)
