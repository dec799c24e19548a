from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from floe_jupyter.core.machine.events import Update
from floe_jupyter.wire.runtime.frames import PROTOCOL
from tests.package_copy import PackageCopy
from tests.processes import gone
from tests.runner.conftest import assert_nothing_left, leftovers
from tests.runner.harness import RunnerProcess, batches, flow_of, js, python

PASS = {"python": "def {name}(m):\n    return m\n", "js": "export default function (m) {{ return m; }}"}


def modules(lang: str, *names: str):
    make = python if lang == "python" else js
    return [make(name, PASS[lang].format(name=name)) for name in names]


def pids(runner: RunnerProcess) -> list[int]:
    return [r["pid"] for r in runner.ask("listRuntimes") if r["nodes"]]


def kill_one(runner: RunnerProcess, rng: random.Random) -> bool:
    """End one of the runtimes at work. One that still loads is spared: ending it time and again tells of a module that cannot
    load.
    """
    loaded = Counter(n.data["runtime"] for n in runner.notices if n.kind == "loaded")
    living = [r["pid"] for r in runner.ask("listRuntimes") if r["nodes"] and loaded[r["id"]] >= len(r["nodes"])]
    with contextlib.suppress(IndexError, ProcessLookupError):  # none is ready yet; it has ended since
        os.kill(rng.choice(living), signal.SIGKILL)
        return True
    return False


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("lang", ["python", "js"])
def test_runtimes_killed_a_hundred_times_lose_nothing_and_repeat_nothing(runner: RunnerProcess, lang, need):
    if lang == "js":
        need("node", "install Node.js 20")
    kills, total, rng = 100, 200_000, random.Random(1)
    runner.open(flow_of("a -> b", b={"workers": 2}), modules(lang, "a", "b"))
    assert runner.run("a", [0]) == [0]
    runner.results.clear()
    runner.received = 0
    begin, done, parts = time.monotonic(), 0, batches(range(total), run=2)
    step, mark = len(parts) // (kills + 10), -500
    for at in range(0, len(parts), step):
        runner.feed_batches("a", parts[at : at + step], ahead=8)
        # whoever is killed three times without getting any further cannot be told from a poison message
        runner.wait(lambda enough=mark + 500: runner.received >= enough, "some progress since the last kill", 60)
        done, mark = done + (done < kills and kill_one(runner, rng)), runner.received
    ended = runner.end(2, limit=60)
    assert (ended.status, ended.failures) == ("done", ())
    assert sorted(runner.values()) == list(range(total))
    lost = sum(n.kind == "lost" for n in runner.notices)
    assert done == kills
    print(f"{lang}: {done} kills during {total} messages in {time.monotonic() - begin:.1f} s; {lost} losses noticed")
    assert lost >= done * 0.9  # one whose second worker is just being loaded is started again without a word


@pytest.mark.parametrize("how", ["os._exit(9)", "os.kill(os.getpid(), 11)", "os.abort()"])
def test_a_message_that_ends_its_runtime_is_put_aside_after_three_attempts_and_the_rest_is_done(runner: RunnerProcess, how):
    source = f"import os\ndef poison(m):\n    if m == 77:\n        {how}\n    return m\n"
    runner.open(flow_of("poison", poison={"on_error": "skip"}), [python("poison", source)])
    runner.feed("poison", range(1_000))
    runner.end(limit=40)
    assert sorted(runner.values()) == [i for i in range(1_000) if i != 77]
    [dead] = runner.ask("dead", "i")
    assert (dead["node"], dead["kind"], dead["attempts"]) == ("poison", "crashed", 3)
    assert dead["input"] == 77
    assert sum(n.kind == "lost" for n in runner.notices) in {3, 4}  # the first may not tell which message it was


VERSION = {
    "python": "def tick(m, ctx):\n    n = ctx.state['n'] = ctx.state.get('n', 0) + 1\n    return [m, n, {version}]\n",
    "js": "export default function (m, ctx) {{ ctx.state.n = (ctx.state.n ?? 0) + 1; return [m, ctx.state.n, {version}]; }}",
}


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["python", "js"])
def test_fifty_updates_ten_of_them_broken_leave_no_trace_in_a_stream(runner: RunnerProcess, lang, need):
    if lang == "js":
        need("node", "install Node.js 20")
    make = python if lang == "python" else js
    total, updates = 20_000, 50
    runner.open(
        flow_of("tick -> same", same={"workers": 1}), [make("tick", VERSION[lang].format(version=1)), *modules(lang, "same")]
    )
    tokens = []
    parts = batches(range(total), size=16)
    step = len(parts) // updates
    for k in range(updates):
        source = "this is ( no code" if k % 5 == 4 else VERSION[lang].format(version=k + 2)
        tokens.append(runner.token())
        runner.send_event(Update(make("tick", source, version=k + 2), tokens[-1]))
        runner.feed_batches("tick", parts[k * step : (k + 1) * step], ahead=4)
        runner.wait(lambda token=tokens[-1]: token in runner.replies, "the answer to an update")
    runner.feed_batches("tick", parts[updates * step :], ahead=4)
    ended = runner.end()
    assert (ended.status, ended.failures) == ("done", ())
    values = runner.values()
    assert [v[0] for v in values] == list(range(total))
    assert [v[1] for v in values] == list(range(1, total + 1))
    versions = [v[2] for v in values]
    assert versions == sorted(versions)
    refused = [n for n in runner.notices if n.kind == "refused"]
    assert len(refused) == 10
    gaps = [b - a for a, b in zip(runner.arrivals, runner.arrivals[1:], strict=False)]
    print(f"{lang}: {len(set(versions))} versions were used; longest gap {max(gaps) * 1e3:.1f} ms")


def with_runtime(directory: Path, source: str) -> RunnerProcess:
    """A runner whose Python runtimes are this program."""
    fake = directory / "fake.py"
    fake.write_text(source)
    copy = PackageCopy(directory)
    declared = copy.runtimes / "python" / "runtime.toml"
    declared.write_text(declared.read_text().replace("{here}/runtime.py", str(fake)))
    return RunnerProcess(directory, copy.variables, directory)


def test_a_runtime_that_breaks_the_protocol_is_replaced_and_counted(tmp_path: Path):
    source = (
        "import json, os, struct, sys\n"
        "r = os.open(sys.argv[1], os.O_RDONLY); w = os.open(sys.argv[2], os.O_WRONLY)\n"
        "def say(head):\n    text = json.dumps(head).encode()\n"
        "    os.write(w, struct.pack('<II', 4 + len(text), len(text)) + text)\n"
        f"say({{'t': 'hello', 'protocol': {PROTOCOL}, 'lang': 'python', 'version': 'x', 'pid': os.getpid()}})\n"
        "say({'t': 'loaded', 'slot': 4711})\n"
        "os.read(r, 1)\nos.read(r, 1)\nimport time; time.sleep(60)\n"
    )
    with with_runtime(tmp_path, source) as runner:
        runner.wait(lambda: not runner.ask("listRuntimes"), "the false runtime to be ended")
        runner.open(flow_of("a"), modules("python", "a"))
        runner.feed("a", [1])
        ended = runner.end()
        assert ended.status == "failed"
        assert "breaks the protocol" in ended.failures[0].message
    assert_nothing_left(runner, tmp_path)


def start_busy(directory: Path) -> RunnerProcess:
    runner = RunnerProcess(directory).__enter__()
    runner.open(
        flow_of("a -> b", b={"workers": 2}),
        [
            python("a", "import subprocess\nsubprocess.Popen(['sleep', '300'])\ndef a(m):\n    return b'x' * 100_000\n"),
            python("b", "import time\ndef b(m):\n    time.sleep(0.01)\n    return None\n"),
        ],
    )
    runner.feed("a", range(500))
    runner.wait(lambda: sum(n.kind == "loaded" for n in runner.notices) == 3, "the modules")
    return runner


def test_a_dispatcher_that_is_gone_takes_everything_with_it_within_a_second(tmp_path):
    runner = start_busy(tmp_path)
    os.close(runner.lifeline)
    runner.lifeline = -1
    begin = time.monotonic()
    runner.process.wait(5)
    assert time.monotonic() - begin < 1.0
    runner.close()
    assert_nothing_left(runner, tmp_path)


def test_a_runner_that_is_asked_to_end_leaves_nothing(tmp_path):
    runner = start_busy(tmp_path)
    runner.process.terminate()
    assert runner.process.wait(5) == 0
    runner.close()
    assert_nothing_left(runner, tmp_path)


def test_a_runtime_that_starts_does_not_hold_up_the_end_of_its_runner(tmp_path):
    with with_runtime(tmp_path, "import time\ntime.sleep(60)\n") as runner:
        [starting] = runner.ask("listRuntimes")
        assert starting["status"] == "starting"
        begin = time.monotonic()
    assert time.monotonic() - begin < 1.0
    assert runner.process.returncode == 0
    assert leftovers(runner, tmp_path) == []


def test_a_runner_that_ends_starts_nothing_anew_for_a_flow_that_is_kept(tmp_path):
    loads = tmp_path / "loads"
    with RunnerProcess(tmp_path) as runner:
        runner.open(flow_of("busy"), [python("busy", "import time\ndef busy(m):\n    time.sleep(60)\n")], "busy")
        runner.feed("busy", [1], instance="busy")
        runner.open(flow_of("a"), [python("a", f"open({str(loads)!r}, 'a').write('x')\ndef a(m):\n    return m\n")], debug=True)
        assert runner.run("a", [1]) == [1]
    assert runner.process.returncode == 0
    assert leftovers(runner, tmp_path) == []
    assert loads.read_text() == "x"


def test_runtimes_die_with_a_killed_runner_and_the_next_one_sweeps_its_segments(tmp_path):
    runner = start_busy(tmp_path)
    runtimes = pids(runner)
    runner.process.kill()
    runner.process.wait(5)
    runner.close()
    deadline = time.monotonic() + 2
    while not all(map(gone, runtimes)):
        assert time.monotonic() < deadline, "runtimes outlived their runner by 2 s"
        time.sleep(0.01)
    (tmp_path / f"floe-{runner.process.pid}-0123abcd").mkdir()  # as if it had been starting a runtime
    with RunnerProcess(tmp_path):
        pass
    assert list(tmp_path.glob("floe-*")) == []
    assert [name for name in os.listdir("/dev/shm") if name.startswith(f"floe-{runner.process.pid}-")] == []
