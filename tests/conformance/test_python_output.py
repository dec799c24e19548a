"""What a Python module puts in place of its output is its own, whoever works beside it (A23)."""

from __future__ import annotations

import pytest

from tests.conformance.host import Host, languages

pytestmark = pytest.mark.skipif("python" not in languages(), reason="not wanted")


REDIRECTS = {
    "assigned": "import asyncio, io, sys\nasync def f(msg):\n    mine = sys.stdout = io.StringIO()\n    print('mine')\n    await asyncio.sleep(0.2)\n"
    "    print('mine too')\n    return mine.getvalue()",
    "contextlib": "import asyncio, contextlib, io\nasync def f(msg):\n    with contextlib.redirect_stdout(io.StringIO()) as mine:\n"
    "        print('mine')\n        await asyncio.sleep(0.2)\n        print('mine too')\n    return mine.getvalue()",
    "in a task of its own": "import asyncio, contextlib, io\nasync def say(text):\n    print(text)\nasync def f(msg):\n"
    "    with contextlib.redirect_stdout(io.StringIO()) as mine:\n        await asyncio.create_task(say('mine'))\n"
    "        await asyncio.sleep(0.2)\n        await asyncio.create_task(say('mine too'))\n    return mine.getvalue()",
    "patched": "import asyncio, io\nfrom unittest import mock\nasync def f(msg):\n    with mock.patch('sys.stdout', new_callable=io.StringIO) as mine:\n"
    "        print('mine')\n        await asyncio.sleep(0.2)\n        print('mine too')\n    return mine.getvalue()",
}


@pytest.mark.parametrize("source", REDIRECTS.values(), ids=REDIRECTS)
def test_A23_async_modules_redirect_their_own_output_while_others_print_in_the_same_turns(python: Host, source: str) -> None:
    python.load(source, 1)
    python.load(
        "import asyncio\nasync def g(msg):\n    for _ in range(40):\n        print('heard')\n        await asyncio.sleep(0.01)",
        2,
        module={"name": "g"},
    )
    for number in (1, 3):
        python.call(b"[1]", 1, slot=2, number=number + 1)
        python.call(b"[1]", 1, slot=1, number=number)
        assert python.collect(number).outputs == {"1.out": ["mine\nmine too\n"]}
        python.collect(number + 1)
    assert "".join(log["text"] for log in python.logs if log["slot"] == 2) == "heard\n" * 80
    assert [log["text"] for log in python.logs if log["slot"] == 1] == []


@pytest.mark.parametrize("function", ["def f(msg)", "async def f(msg)"])
def test_A23_redirections_work_as_in_a_file(python: Host, function: str) -> None:
    """Nested ones, a tee, of threads, of what is flushed, and of prints to nowhere."""
    python.load(f"""\
import contextlib, io, sys, threading
class Tee:
    def __init__(self, *streams):
        self.streams = streams
    def write(self, text):
        for stream in self.streams:
            stream.write(text)
    def flush(self):
        for stream in self.streams:
            stream.flush()
{function}:
    before, kept = sys.stdout, io.StringIO()
    print('log 1')
    with contextlib.redirect_stdout(Tee(sys.stdout, kept)):
        print('both', flush=True)
        with contextlib.redirect_stdout(None):
            print('nowhere')
        with contextlib.redirect_stdout(io.StringIO()) as inner, contextlib.redirect_stderr(sys.stdout):
            print('inner')
            print('inner error', file=sys.stderr)
        sys.stdout.write('both again\\n')
    assert sys.stdout is before
    print('log 2')
    print('error', file=sys.stderr)
    return [kept.getvalue(), inner.getvalue()]
""")
    python.call(b"[1]", 1)
    assert python.collect().outputs == {"1.out": [["both\nboth again\n", "inner\ninner error\n"]]}
    said = [(log["stream"], log["text"]) for log in python.logs]
    assert "".join(text for stream, text in said if stream == "stdout") == "log 1\nboth\nboth again\nlog 2\n"
    assert "".join(text for stream, text in said if stream == "stderr") == "error\n"


def test_A23_a_thread_prints_where_its_module_does(python: Host) -> None:
    python.load(
        "import contextlib, io, threading\ndef f(msg):\n    with contextlib.redirect_stdout(io.StringIO()) as mine:\n"
        "        thread = threading.Thread(target=print, args=('mine',))\n        thread.start()\n        thread.join()\n    return mine.getvalue()"
    )
    python.call(b"[1]", 1)
    assert python.collect().outputs == {"1.out": ["mine\n"]}
