"""A message that is executed again, because its runtime ended, has the idempotency key that it had (E10)."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from tests.runner.harness import RunnerProcess, flow_of, js, python

MESSAGES = 600

PYTHON = """\
import os
def {name}(msg, ctx):
    with open({noted!r}, "a") as noted:
        print(ctx.node, msg, ctx.idempotency_key, file=noted)
    if ctx.node == "c" and msg in (100, 300, 301) and not os.path.exists({noted!r} + str(msg)):
        open({noted!r} + str(msg), "w").close()
        os.kill(os.getpid(), 9)
    return msg
"""

# imported, these would keep local routes off
JS = """\
const [fs, processes] = ["fs", "child_process"].map(process.getBuiltinModule);
export default function (msg, ctx) {{
  fs.appendFileSync({noted!r}, `${{ctx.node}} ${{msg}} ${{ctx.idempotencyKey}}\\n`);
  if (ctx.node === "c" && [100, 300, 301].includes(msg) && !fs.existsSync({noted!r} + msg)) {{
    fs.writeFileSync({noted!r} + msg, "");
    processes.execSync(`kill -9 ${{process.pid}}`);
  }}
  return msg;
}}
"""


def keys_of(noted: Path) -> dict[tuple[str, int], list[str]]:
    """The keys under which each message was executed, by node and value."""
    found: dict[tuple[str, int], list[str]] = defaultdict(list)
    for line in noted.read_text().splitlines():
        node, value, key = line.split()
        found[node, int(value)].append(key)
    return found


@pytest.mark.parametrize("lang", ["python", "js"])
def test_E10_messages_on_local_routes_keep_their_keys_when_their_runtime_is_killed(
    runner: RunnerProcess, tmp_path: Path, lang: str, need
):
    if lang == "js":
        need("node", "install Node.js 20")
    noted = tmp_path / "noted"
    make, source = (python, PYTHON) if lang == "python" else (js, JS)
    runner.open(flow_of("a -> b -> c"), [make(name, source.format(name=name, noted=str(noted))) for name in "abc"])
    assert runner.run("a", [-1]) == [-1]  # from here on local routes lead from a to c
    noted.unlink()
    runner.results.clear()
    assert sorted(runner.run("a", range(MESSAGES), run=2)) == list(range(MESSAGES))
    found = keys_of(noted)
    assert all(len(set(keys)) == 1 for keys in found.values()), [item for item in found.items() if len(set(item[1])) > 1]
    assert len({keys[0] for keys in found.values()}) == len(found) == 3 * MESSAGES
    assert all(key.split("/")[1] == f"{node}.in" for (node, _), keys in found.items() for key in keys)
    again = [node for (node, _), keys in found.items() if len(keys) > 1]
    assert again.count("b") > 3, "some were executed by local routes, and again"
