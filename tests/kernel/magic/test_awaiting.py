"""Where `await` is put, and where not."""

from types import SimpleNamespace

import pytest

from floe_jupyter.kernel.magic.awaiting import Awaiting


def transformed(text: str, *, autoawait: bool = True) -> str:
    return "".join(Awaiting(SimpleNamespace(autoawait=autoawait))(text.splitlines(keepends=True)))


LINE = "get_ipython().run_line_magic('floe', 'run co2')"
AWAITED = "await get_ipython().run_line_magic('floe', '--await run co2')"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{LINE}\n", f"{AWAITED}\n"),
        (f"r = {LINE}\n", f"r = {AWAITED}\n"),
        (f"größe = {LINE}\n", f"größe = {AWAITED}\n"),
        (f"for i in range(3):\n    {LINE}\n", f"for i in range(3):\n    {AWAITED}\n"),
        (f"{LINE}; {LINE}\n", f"{AWAITED}; {AWAITED}\n"),
        (f"async def f():\n    return {LINE}\n", f"async def f():\n    return {AWAITED}\n"),
        (
            "get_ipython().run_cell_magic('floe', 'run co2', '1\\n2\\n')\n",
            "await get_ipython().run_cell_magic('floe', '--await run co2', '1\\n2\\n')\n",
        ),
    ],
)
def test_runs_are_awaited(text, expected):
    assert transformed(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        f"def f():\n    {LINE}\n",
        f"f = lambda: {LINE}\n",
        f"class A:\n    x = {LINE}\n",
        "get_ipython().run_line_magic('floe', 'runs')\n",
        "get_ipython().run_line_magic('other', 'run co2')\n",
        f'text = "{LINE}"\n',
        f"this is no Python {LINE}\n",
        "x = 1\n",
    ],
)
def test_everything_else_is_left_alone(text):
    assert transformed(text) == text


def test_nothing_is_awaited_where_the_user_switched_it_off():
    assert transformed(f"{LINE}\n", autoawait=False) == f"{LINE}\n"


def test_text_that_another_magic_compiles_is_left_alone():
    awaiting = Awaiting(SimpleNamespace(autoawait=True))
    awaiting.before()
    assert awaiting([f"{LINE}\n"]) == [f"{LINE}\n"]
    awaiting.after()
    assert awaiting([f"{LINE}\n"]) == [f"{AWAITED}\n"]
