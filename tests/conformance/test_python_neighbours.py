"""Modules of one Python process: none mutes, moves or hides the others, and every fault names its module."""

from __future__ import annotations

import pytest

from tests.conformance.host import Host


def test_A23_one_module_neither_mutes_nor_moves_the_others(python: Host) -> None:
    python.load(
        "import io, os, sys\nsys.stdout.reconfigure(encoding='utf-8', line_buffering=True)\nsys.stdout = io.StringIO()\nos.chdir('/')\n"
        "def f(msg):\n    sys.stderr = sys.stdout = io.StringIO()\n    return os.getcwd()",
        1,
    )
    python.load("import os\ndef g(msg):\n    print('heard')\n    return os.getcwd()", 2, module={"name": "g"})
    for number, (slot, folder) in enumerate([(1, "/"), (2, str(python.folder)), (1, "/"), (2, str(python.folder))], 1):
        python.call(b"[1]", 1, slot=slot, number=number)
        assert python.collect(number).outputs == {f"{slot}.out": [folder]}
    assert "".join(log["text"] for log in python.logs) == "heard\nheard\n"


def test_A23_what_a_module_puts_in_place_of_its_output_and_its_folder_stay_its_own(python: Host) -> None:
    """Also over local routes, and while it waits inside `emit` for others."""
    python.load(
        "import io, os, sys\nkept = sys.stdout = io.StringIO()\ndef f(msg):\n    print('mine')\n    return [kept.getvalue(), os.getcwd()]",
        1,
    )
    python.load(
        "import os\nos.chdir('/')\ndef g(msg):\n    print('heard')\n    return [*msg, os.getcwd()]", 2, module={"name": "g"}
    )
    python.send({"t": "route", "slot": 1, "routes": {"out": [["f>g", 2, "in"]]}})
    python.next("routed")
    for number in (1, 2):
        python.call(b"[1]", 1, number=number)
        assert python.collect(number).outputs == {"2.out": [["mine\n" * number, str(python.folder), "/"]]}
    assert "".join(log["text"] for log in python.logs) == "heard\n" * 2


@pytest.mark.parametrize(
    "source",
    [
        "import os\nasync def f(msg):\n    os.chdir('/')",
        "import os\nos.chdir('/')\nasync def f(msg):\n    pass",
        (
            "import os, threading\ndef f(msg):\n    said = []\n    def move():\n        try:\n            os.chdir('/')\n        except Exception as error:\n"
            "            said.append(error)\n    thread = threading.Thread(target=move)\n    thread.start()\n    thread.join()\n    raise said[0]"
        ),
    ],
)
def test_A23_who_works_beside_others_moves_nobody(python: Host, source: str) -> None:
    python.load("import os\nasync def g(msg):\n    return os.getcwd()", 2, module={"name": "g"})
    head = python.load(source, module={"place": {"cell": 3, "line": 1}})
    if head["t"] == "loaded":
        python.call(b"[1]", 1)
        head = python.collect().failure or {}
    assert "would move all modules that share this process; use absolute paths" in head["failure"]["message"]
    assert head["failure"]["cell"] == 3
    python.call(b"[1]", 1, slot=2, number=2)
    assert python.collect(2).outputs == {"2.out": [str(python.folder)]}


def test_A23_an_async_module_mutes_nobody_else(python: Host) -> None:
    python.load("import io, sys\nasync def f(msg):\n    sys.stdout = io.StringIO()", 1)
    python.load("async def g(msg):\n    print('heard')", 2, module={"name": "g"})
    for number in (1, 2, 3, 4):
        python.call(b"[1]", 1, slot=2 - number % 2, number=number)
        python.collect(number)
    assert "".join(log["text"] for log in python.logs) == "heard\n" * 2


PYPLOT = "import sys, types\nfake = types.ModuleType('matplotlib')\nfake.__path__ = ['.']\nsys.modules['matplotlib'] = fake\n"


def test_A23_a_picture_that_nobody_can_see_is_told_with_the_cure(python: Host) -> None:
    (python.folder / "pyplot.py").write_text("def show():\n    pass\ndef get_backend():\n    return 'Agg'\n")
    python.load(PYPLOT + "import matplotlib.pyplot as plt\ndef f(msg):\n    plt.show()")
    python.call(b"[1,2]", 2)
    python.collect()
    assert "".join(log["text"] for log in python.logs).count("return the picture instead, `buffer = io.BytesIO()") == 1


STRAYS = {
    "__del__": "class A:\n    def __del__(self):\n        {fault}\ndef f(msg):\n    A()",
    "weakref": "import weakref\nclass A:\n    pass\ndef work(_):\n    {fault}\nkept = []\ndef f(msg):\n    a = A()\n    kept.append(weakref.ref(a, work))",
    "thread": "import threading\ndef work():\n    {fault}\ndef f(msg):\n    threading.Thread(target=work).start()",
    "thread imported late": "def work():\n    {fault}\ndef f(msg):\n    import threading\n    threading.Thread(target=work).start()",
    "bare thread": "import _thread\ndef work():\n    {fault}\ndef f(msg):\n    _thread.start_new_thread(work, ())",
    "timer": "import threading\ndef work():\n    {fault}\ndef f(msg):\n    threading.Timer(0.1, work).start()",
    "task": "import asyncio\nasync def work():\n    {fault}\nasync def f(msg):\n    asyncio.create_task(work())",
    "later": "import asyncio\ndef work():\n    {fault}\nasync def f(msg):\n    asyncio.get_running_loop().call_later(0.1, work)",
}


@pytest.mark.parametrize("unloaded", [False, True])
@pytest.mark.parametrize("how", STRAYS)
def test_A21_a_fault_that_no_message_has_names_module_cell_and_line(python: Host, how: str, unloaded: bool) -> None:
    source = STRAYS[how].replace("{fault}", "raise ValueError('stray')")
    line = source[: source.index("raise")].count("\n") + 2
    python.load(source, module={"name": "maker", "place": {"cell": 5, "line": 1}})
    python.load("def g(msg):\n    pass", 2, module={"name": "g"})
    python.call(b"[1]", 1)
    assert python.collect().failure is None
    if unloaded:
        python.send({"t": "unload", "slot": 1})
    text = ""
    while "ValueError: stray" not in text:
        log = python.logs.pop(0) if python.logs else python.next("log")[0]
        assert log["slot"] == 1
        text += log["text"]
    assert f"of module maker (Cell In[5], line {line}), which fails no message:" in text
    assert "threading.py" not in text


@pytest.mark.parametrize(
    "body",
    [
        "return next(iter([]))",
        "return {1, 2}",
        "return object()",
        "yield {1}",
        "raise StopIteration",
    ],
)
def test_A21_every_fault_has_its_cell_and_a_line(python: Host, body: str) -> None:
    python.load(f"import os\n\ndef f(msg):\n    {body}", module={"place": {"cell": 7, "line": 1}})
    python.call(b"[1]", 1)
    failure = (python.collect().failure or {})["failure"]
    assert failure["cell"] == 7
    assert failure["line"] in (4, 5)
