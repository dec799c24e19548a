"""Texts in expressions: templates, and what reading and comparing texts costs."""

from __future__ import annotations

import contextlib

import pytest

from floe_jupyter.core.expressions.budget import BUDGET, COMPARED, STEPS, Refusal
from floe_jupyter.core.expressions.language import LONGEST, compile_expression, compile_template, render
from floe_jupyter.errors import ExpressionError
from tests.core.expressions.expression_kit import META, MSG, STATE, refusal, value

# --- templates -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("", ""),
        ("plain", "plain"),
        ("ppm is {msg.ppm:.1f}!", "ppm is -1.5!"),
        ("{msg['id']}{meta.port}{state.count}", "k1in3"),
        ("{{literal}} }} {msg.id!r:>6}", "{literal} }   'k1'"),
        ("{ {'a': 1}['a'] } {msg.rows[0:1]}", "1 [{'v': 1}]"),
        ('{\'}\' + "{\\""}', '}{"'),
        ("{msg.id != 'x'}{msg.none}{[1, msg.tags]}", "TrueNone[1, ['a', 'b']]"),
    ],
)
def test_a_template_shows_its_expressions(template: str, text: str) -> None:
    assert render(template, MSG, META, STATE) == text


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{msg.id", "a single { opens nothing that is closed"),
        ("a } b", "a single } opens nothing that is closed"),
        ("{}", "an empty expression"),
        ("{msg.idd}", "did you mean 'id'?"),
        ("{mgs}", "did you mean 'msg'?"),
        ("{msg.ppm:99999}", "is not allowed; formats look like"),
        ("x" * (LONGEST + 1), f"at most {LONGEST} characters"),
    ],
)
def test_a_mistake_in_a_template_is_told(template: str, said: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        render(template, MSG, META, STATE)
    assert said in str(caught.value)


def test_a_template_cannot_show_more_than_a_text_may_hold() -> None:
    with pytest.raises(ExpressionError, match="show less of the message"):
        render("{msg}{msg}{msg}", "x" * 500_000)


def test_a_template_is_compiled_once() -> None:
    assert compile_template("{msg}") is compile_template("{msg}")


# --- what texts cost -------------------------------------------------------------------------------------------------------


def spent(text: str, msg: object) -> int:
    """Steps that an evaluation takes; what it refuses took all."""
    expression = compile_expression(text)
    variables = [msg, {}, {}, BUDGET, *expression._loops]
    with contextlib.suppress(Refusal):
        expression._run(variables)
    return BUDGET - variables[STEPS]


def texts_of(size: int) -> dict[str, object]:
    """Equal texts that are not the same object, alone and inside of lists and dictionaries."""
    a, b = "x" * size, "x" * (size - 1) + "x"[:]
    b = b[: size // 2] + b[size // 2 :]
    return {"a": a, "b": b, "list": [b, a], "keys": {b: 1}, "deep": {"k": [b]}, "other": {"k": [a]}, "pair": [a, b] * 10}


TEXT_COSTS = (
    "msg.a == msg.b",
    "msg.a != msg.b",
    "msg.a < msg.b",
    "msg.a >= msg.b",
    "'' < msg.a <= msg.b",
    "msg.a in [msg.b, 1]",
    "msg.a not in msg.list",
    "msg.a in msg.list",
    "msg.a in msg.b",
    "msg.deep == msg.other",
    "[msg.a] == [msg.b]",
    "msg.keys[msg.a]",
    "msg.keys.get(msg.a)",
    "{msg.a, msg.b}",
    "{msg.a: 1, msg.b: 2}",
    "{**msg.keys, msg.a: 2}",
    "set(msg.list)",
    "{x for x in msg.list}",
    "{x: 1 for x in msg.list}",
    "max(msg.a, msg.b)",
    "min(msg.list)",
    "sorted(msg.list)",
    "msg.list.count(msg.a)",
    "msg.list.index(msg.a)",
    "msg.a.startswith(msg.b)",
    "msg.a.endswith((msg.b, msg.b))",
    "msg.a.count(msg.b)",
    "msg.a.find(msg.b)",
    "msg.a.removeprefix(msg.b)",
    "msg.a.replace(msg.b, '')",
    "msg.a + msg.b",
    "msg.a * 2",
    "f'{msg.a}'",
    "str(msg.list)",
    "str(msg.deep)",
    "''.join(msg.list)",
    "msg.a.upper()",
    "msg.a[1:] == msg.b[1:]",
)


@pytest.mark.parametrize("text", TEXT_COSTS)
def test_B7_whatever_reads_a_text_costs_steps_in_proportion_to_its_length(text: str) -> None:
    small, large = spent(text, texts_of(100_000)), spent(text, texts_of(400_000))
    assert small >= 100_000 >> COMPARED
    assert large > 3.5 * (small - 20)
    assert large < 4.5 * (small + 20)


def test_B7_a_text_is_compared_as_often_as_the_budget_pays_for() -> None:
    msg = texts_of(8_000_000)
    for text in (
        "sum([msg.a == msg.b for x in range(9000)])",
        "sum([msg.a < msg.b for x in range(20000)])",
        "sum([msg.keys[msg.a] for x in range(9000)])",
        "sum([msg.a in [msg.b] for x in range(9000)])",
        "[msg.a for x in range(9000)] == [msg.b for x in range(9000)]",
        "str([msg.a for x in range(9000)])",
        "len({[msg.a, msg.b][x % 2] for x in range(9000)})",
        "max([msg.a if x % 2 else msg.b for x in range(9000)])",
        "sum([msg.a.startswith((msg.b, msg.b, msg.b)) for x in range(9000)])",
    ):
        assert "it takes more than 100000 steps" in refusal(text, msg)


def test_B7_texts_of_large_messages_can_be_compared_once() -> None:
    msg = texts_of(16 * 1024 * 1024)
    assert value("msg.a == msg.b and msg.deep == msg.other and msg.a != 'x' and 'k' in msg.deep", msg) is True
    assert spent("msg.a == 'raw'", msg) == spent("msg.a == 7", msg) == 0


def test_B7_sorting_costs_more_for_each_text_where_there_are_more() -> None:
    def cost(n: int) -> int:
        return spent("sorted(msg)", ["x" * 10_240 + str(i) for i in range(n)]) // n

    assert cost(1_024) >= 2 * cost(16)
