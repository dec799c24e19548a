"""Every load, call, conversion and activation can be ended and mended, whatever it does (A2, B9)."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from floe_jupyter.core.flow.model import Place
from floe_jupyter.core.machine.events import CancelRun, Update
from tests.processes import gone, spins
from tests.runner.harness import RunnerProcess, flow_of, js, python
from tests.runner.test_descendants import until

STUCK = {
    "python": {
        "load": "while True: pass\ndef m(v):\n    return v\n",
        "sleeping load": "import time\ntime.sleep(1e9)\ndef m(v):\n    return v\n",
        "import": "import sys, types\nclass Finder:\n    def find_spec(self, name, path=None, target=None):\n"
        "        while name == 'never_there': pass\nsys.meta_path.insert(0, Finder())\nimport never_there\n"
        "def m(v):\n    return v\n",
        "call": "def m(v):\n    while True: pass\n",
        "conversion": "class Lazy(dict):\n    def __iter__(self):\n        while True: pass\n    items = keys = values = __iter__\n"
        "def m(v):\n    return Lazy(a=1)\n",
        "deaf call": "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ndef m(v):\n    while True: pass\n",
    },
    "js": {
        "load": "for (;;) {}\nexport default function m(v) { return v; }\n",
        "call": "export default function m(v) { for (;;) {} }\n",
        "conversion": "export default function m(v) { return { get a() { for (;;) {} } }; }\n",
    },
}
FOREVER = [(lang, where) for lang, kinds in STUCK.items() for where in kinds]
MENDED = {"python": "def m(v):\n    return 'mended'\n", "js": "export default function m(v) { return 'mended'; }\n"}
MIGRATES = {
    "python": "def migrate(state):\n    while True: pass\ndef m(v):\n    return 'new'\n",
    "js": "export function migrate(state) { for (;;) {} }\nexport default function m(v) { return 'new'; }\n",
}


def module(lang: str, source: str, version: int = 1):
    return (python if lang == "python" else js)("m", source, version=version)


@pytest.fixture
def ready(runner: RunnerProcess, need) -> RunnerProcess:
    need("node", "install Node.js 20")
    return runner


def busy(runner: RunnerProcess, instance: str = "i", what: str = "load") -> int:
    """The process that is at work on the module, once it is."""
    found: list[int] = []

    def at_work() -> bool:
        loading = "load" in what or what == "import"
        found[:] = [
            r["pid"]
            for r in runner.ask("listRuntimes")
            if any(n.startswith(f"{instance}/") for n in r["nodes"]) and (r["status"] == "loading") is loading
        ]
        view = runner.views.get(instance)
        return bool(found) and view is not None and view.nodes[0].status == ("loading" if loading else "busy")

    runner.wait(at_work, "the module to be at work")
    if not ("load" in what or what == "import"):
        until("the call to be begun", lambda: runner.pump(0.01) or spins(found[0]))
    return found[0]


@pytest.mark.parametrize(("lang", "where"), FOREVER)
def test_A2_what_never_ends_is_cancelled_and_gone_within_three_seconds_and_mended_at_once(
    ready: RunnerProcess, lang: str, where: str
):
    ready.open(flow_of("m"), [module(lang, STUCK[lang][where])])
    ready.feed("m", [1])
    pid = busy(ready, what=where)
    begin = time.monotonic()
    ready.send_event(CancelRun(1))
    ready.wait(lambda: 1 in ready.ended, "the end of the cancelled run", 3.0)
    assert gone(pid)
    assert ready.ended.pop(1).status == "cancelled"
    ready.shut()
    ready.open(flow_of("m"), [module(lang, MENDED[lang], 2)], "mended")
    assert ready.run("m", [1], instance="mended", limit=3.0) == ["mended"]
    print(f"{lang} {where}: {time.monotonic() - begin:.2f} s to cancel and mend")


@pytest.mark.parametrize(
    ("lang", "where"), [(lang, where) for lang, where in FOREVER if where in {"load", "sleeping load", "import"}]
)
def test_A2_a_new_version_of_what_never_loads_runs_at_once(ready: RunnerProcess, lang: str, where: str):
    ready.open(flow_of("m"), [module(lang, STUCK[lang][where])])
    ready.feed("m", [1])
    pid = busy(ready)
    begin = time.monotonic()
    reply = ready.request(lambda token: Update(module(lang, MENDED[lang], 2), token), limit=3.0)
    assert reply == {"updated": ["m"], "refused": []}
    assert ready.end(limit=3.0).status == "done"
    assert ready.values() == ["mended"]
    print(f"{lang} {where}: {time.monotonic() - begin:.2f} s to mend")
    until("the end of the stuck process", lambda: gone(pid), 1.0)


@pytest.mark.parametrize("lang", ["python", "js"])
def test_A2_a_migration_that_never_ends_is_superseded_and_cancelled(ready: RunnerProcess, lang: str):
    ready.open(flow_of("m"), [module(lang, MENDED[lang])])
    assert ready.run("m", [1]) == ["mended"]
    ready.send_event(Update(module(lang, MIGRATES[lang], 2), 900))
    ready.wait(lambda: any(r["status"] == "loading" for r in ready.ask("listRuntimes")), "the migration to begin")
    ready.feed("m", [1], run=2)
    ready.send_event(CancelRun(2))
    ready.wait(lambda: 2 in ready.ended, "the end of the cancelled run", 3.0)
    ready.send_event(Update(module(lang, MIGRATES[lang], 3), 901))
    ready.wait(lambda: any(r["status"] == "loading" for r in ready.ask("listRuntimes")), "the migration to begin")
    reply = ready.request(lambda token: Update(module(lang, MENDED[lang], 4), token), limit=3.0)
    assert reply == {"updated": ["m"], "refused": []}
    assert ready.run("m", [1], run=3, limit=3.0)[-1:] == ["mended"]


def test_A2_ten_times_in_a_row_leave_no_process(ready: RunnerProcess):
    for n in range(10):
        lang = ("python", "js")[n % 2]
        ready.open(flow_of("m"), [module(lang, STUCK[lang]["load"])], f"i{n}")
        ready.feed("m", [1], run=n + 1, instance=f"i{n}")
        pid = busy(ready, f"i{n}")
        begin = time.monotonic()
        ready.send_event(CancelRun(n + 1), f"i{n}")
        ready.wait(lambda run=n + 1: run in ready.ended, "the end of the cancelled run", 3.0)
        assert gone(pid)
        ready.shut(f"i{n}")
        ready.open(flow_of("m"), [module(lang, MENDED[lang], 2)], f"j{n}")
        assert ready.run("m", [1], run=n + 101, instance=f"j{n}")[-1:] == ["mended"]
        assert time.monotonic() - begin < 3.0
        ready.shut(f"j{n}")


def test_A2_a_stopped_flow_takes_what_never_loads_with_it(ready: RunnerProcess):
    ready.open(flow_of("m"), [module("python", STUCK["python"]["load"])])
    pid = busy(ready)
    ready.shut()
    until("the end of the stuck process", lambda: gone(pid), 3.0)


def test_A2_neighbours_of_what_never_loads_go_on_with_their_state_and_lose_nothing(ready: RunnerProcess):
    count = "def c(v, ctx):\n    n = ctx.state['n'] = ctx.state.get('n', 0) + 1\n    return n\n"
    ready.open(flow_of("c -> m"), [python("c", count), module("python", MENDED["python"])])
    ready.run("c", range(100))
    ready.send_event(Update(module("python", STUCK["python"]["load"], 2), 900))
    ready.wait(lambda: any(r["status"] == "loading" for r in ready.ask("listRuntimes")), "the load to begin")
    ready.feed("c", range(100), run=2)
    reply = ready.request(lambda token: Update(module("python", "def m(v):\n    return v\n", 3), token), limit=5.0)
    assert reply == {"updated": ["m"], "refused": []}
    assert ready.end(2).status == "done"
    values = [value for value in ready.values() if value != "mended"]
    assert sorted(values) == list(range(201 - len(values), 201))


def test_A2_a_load_that_never_ends_keeps_no_other_flow_of_its_process_waiting(ready: RunnerProcess):
    for n in range(4):  # so many processes of their own are there before flows share them
        ready.open(flow_of("m"), [module("python", STUCK["python"]["load"])], f"i{n}")
    ready.open(flow_of("m"), [module("python", MENDED["python"])], "other")
    assert ready.run("m", [1], run=9, instance="other", limit=10.0) == ["mended"]
    for n in range(4):
        ready.shut(f"i{n}")


@pytest.mark.parametrize("how", ["os._exit(9)", "os.abort()"])
def test_B9_a_module_that_ends_its_process_while_it_is_loaded_fails_with_the_count(runner: RunnerProcess, how: str):
    runner.open(flow_of("m"), [python("m", f"import os\n{how}\ndef m(v):\n    return v\n")])
    runner.feed("m", [1])
    ended = runner.end(limit=20)
    cause = "exit code 9" if "exit" in how else "killed by SIGABRT"
    assert (ended.status, ended.failures[0].kind, ended.failures[0].attempts) == ("failed", "crashed", 3)
    assert f"the runtime ended 3 times while loading 'm': 3 times {cause}" in ended.failures[0].message


def test_B9_a_healthy_module_whose_process_is_killed_while_it_is_loaded_is_loaded_again(runner: RunnerProcess, tmp_path: Path):
    loads = tmp_path / "loads"
    source = f"import time\nopen({str(loads)!r}, 'a').write('x')\ntime.sleep(0.3)\ndef m(v):\n    return v\n"
    runner.open(flow_of("m"), [python("m", source)])
    runner.feed("m", [1])
    for n in range(1, 6):
        runner.wait(lambda n=n: loads.exists() and len(loads.read_text()) >= n, f"load {n}")
        os.kill(busy(runner), signal.SIGKILL)
    assert runner.end(limit=20).status == "done"
    assert runner.values() == [1]


def test_A2_a_load_that_takes_too_long_fails_with_its_cure(tmp_path: Path):
    with RunnerProcess(tmp_path, arguments=["--load-limit", "1"]) as runner:
        runner.open(flow_of("m"), [python("m", STUCK["python"]["load"], place=Place(3, 1))])
        runner.feed("m", [1])
        pid = busy(runner)
        ended = runner.end(limit=10)
        assert (ended.status, ended.failures[0].kind) == ("failed", "timeout")
        assert "loading 'm' (Cell In[3]) took longer than 1 s and was ended" in ended.failures[0].message
        assert (ended.failures[0].cell, ended.failures[0].line) == (3, 2)
        until("the end of the stuck process", lambda: gone(pid), 1.0)


def test_A2_runtimes_tell_what_they_load(runner: RunnerProcess):
    runner.open(flow_of("m"), [module("python", STUCK["python"]["load"])])
    busy(runner)
    runner.wait(lambda: any(r.get("seconds", 0) > 0.2 for r in runner.ask("listRuntimes")), "the time of the load")
    [found] = [r for r in runner.ask("listRuntimes") if r["status"] == "loading"]
    assert (found["loading"], found["nodes"]) == ("m", ["i/m"])
