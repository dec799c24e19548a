"""What only JavaScript has: the forms a module may take, imports, and what must not end the process."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.host import Gathered, Host, languages

pytestmark = pytest.mark.skipif("js" not in languages(), reason="another language is wanted")


@pytest.fixture
def js(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    _packages(tmp_path / "environment")
    monkeypatch.setenv("FLOE_ENVIRONMENT", str(tmp_path / "environment"))
    with Host("js", tmp_path) as host:
        yield host


def _packages(folder: Path) -> None:
    """An environment with one package of each kind: CommonJS, and one that only `import` finds."""
    old, new = folder / "node_modules" / "old", folder / "node_modules" / "new"
    old.mkdir(parents=True)
    new.mkdir()
    (old / "package.json").write_text('{"name": "old", "version": "1.0.0", "main": "main.js"}')
    (old / "main.js").write_text("module.exports = (x) => x + 1; module.exports.label = 'old'")
    exports = '"type": "module", "exports": {"import": "./main.mjs"}'
    (new / "package.json").write_text(f'{{"name": "new", "version": "1.0.0", {exports}}}')
    (new / "main.mjs").write_text("export default (x) => x * 2; export const label = 'new'")


def run(js: Host, source: str, payload: Any = (1,), **more: Any) -> Gathered:
    """Load the source in slot 1 and call it."""
    head = js.load(source, **more)
    assert head["t"] == "loaded", head
    js.call(json.dumps(list(payload)).encode(), len(payload))
    return js.collect()


def outputs(js: Host, source: str, payload: Any = (1,)) -> list[Any]:
    result = run(js, source, payload)
    assert result.failure is None, result.failure
    return result.outputs.get("1.out", [])


FORMS = {
    "an exported function": "export default function (msg) { return msg + 1 }",
    "an exported arrow": "export default (msg) => msg + 1",
    "an exported arrow without a semicolon before brackets": "export default (msg) => msg + 1\n;[1].map(String)",
    "an anonymous function before brackets": "export default function (msg) { return msg + 1 }\n(1)",
    "an exported name": "function next(msg) { return msg + 1 }\nexport { next as default }",
    "an async function": "export default async function (msg) { return msg + 1 }",
    "an async arrow": "export default async (msg) => msg + 1",
    "a generator": "export default function* (msg) { yield msg + 1 }",
    "an async generator": "export default async function* named(msg) { yield msg + 1 }",
    "a promise of a plain function": "export default function (msg) { return Promise.resolve(msg + 1) }",
    "a generator of a plain function": "function* inner(msg) { yield msg + 1 }\nexport default (msg) => inner(msg)",
    "a function named like the module": "function f(msg) { return msg + 1 }\nfunction later(msg) { return 'wrong' }",
    "the last function": "function before(msg) { return 'wrong' }\nfunction last(msg) { return msg + 1 }",
    "the last arrow": "const before = () => 'wrong'\nconst last = (msg) => msg + 1\nconst number = 5",
    "a function used before it is declared": "export default g\nfunction g(msg) { return msg + 1 }",
    "a function whose text is hard to read": "const s = `a${`}${'`'}`}b`, r = /[/}\\]]/g // export default 1\n"
    "/* export default 2 */\nexport default (msg) => msg + '1'.match(/\\d/).length",
    "a hoisted function with an expression behind it": "let one = 1\nexport default function plus(msg) { return msg + one }\n/re/.test('x')",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_module_may_be(js: Host, form: str) -> None:
    assert outputs(js, FORMS[form], [1, 2]) == [2, 3]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import path from 'node:path'\nexport default (m) => path.basename(m)", "b"),
        ("import { basename as name } from 'path'\nexport default (m) => name(m)", "b"),
        ("import * as path from 'path'\nexport default (m) => path.basename(m)", "b"),
        ("import old, {\n  label, // which\n} from 'old'\nexport default (m) => label + old(1)", "old2"),
        ("import twice, { label } from 'new'\nexport default (m) => label + twice(2)", "new4"),
        ("const old = require('old')\nexport default (m) => old.label", "old"),
        (
            (
                "import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)\n"
                "export default () => require('old').label"
            ),
            "old",
        ),
        ("export default async () => (await import('new')).label", "new"),
        ("const { label } = await import('new')\nexport default () => label", "new"),
        ("export { default } from 'old'", "/a/b1"),
    ],
)
def test_packages_of_the_environment_are_found(js: Host, source: str, expected: str) -> None:
    assert outputs(js, source, ["/a/b"]) == [expected]


def test_a_package_that_is_not_there_refuses_the_module_at_its_name(js: Host) -> None:
    head = js.load("import x from 'nowhere'\nexport default (m) => x")
    assert head["t"] == "refused", head
    assert "nowhere" in head["failure"]["message"]


def test_modules_are_strict(js: Host) -> None:
    result = run(js, "export default (m) => { undeclared = m }")
    assert result.failure is not None
    assert "undeclared" in result.failure["failure"]["message"]


def test_null_is_a_message_and_undefined_is_none(js: Host) -> None:
    assert outputs(js, "export default (m) => m === 1 ? null : undefined", [1, 2, 1]) == [None, None]


def test_each_message_leaves_as_it_was_when_it_was_given(js: Host) -> None:
    source = "const list = []\nexport default (m) => { list.push(m); return list }"
    assert outputs(js, source, [1, 2, 3]) == [[1], [1, 2], [1, 2, 3]]


def test_lines_of_a_trace_are_the_cells(js: Host) -> None:
    source = "import path from 'path'\n\nfunction inner(m) {\n  return m.a.b\n}\nexport default (m) => inner(m)"
    result = run(js, source, module={"place": {"cell": 4, "line": 1}})
    assert result.failure is not None
    failure = result.failure["failure"]
    assert (failure["cell"], failure["line"], failure["input"]) == (4, 5, 1)
    assert failure["message"].startswith("TypeError: ")
    assert "at inner (Cell In[4], line 5:14)" in failure["trace"]
    assert "line 7" in failure["trace"]
    assert "runtime" not in failure["trace"]
    assert "node:" not in failure["trace"]


def test_a_syntax_error_shows_the_line_with_a_caret(js: Host) -> None:
    head = js.load("export default function (msg) {\n  retrun msg\n}", module={"place": {"cell": 9, "line": 1}})
    failure = head["failure"]
    assert (failure["cell"], failure["line"]) == (9, 3)
    assert "Cell In[9], line 3" in failure["trace"]
    assert "  retrun msg" in failure["trace"]
    assert "^" in failure["trace"]


@pytest.mark.parametrize(
    ("source", "line", "column", "message"),
    [
        ("export default function f(msg) {\n  return msg\n", 2, 12, "Unexpected end of input"),
        ("export default (msg) => msg +\n", 1, 29, "Unexpected end of input"),
        ("function f(m) { return m }\n/* open", 2, 7, "Invalid or unexpected token"),
        ("function f(m) { return m }}", 1, 26, "Unexpected token '}'"),
        ("const m = await 3;\nfunction f(m) {\n return m\n", 3, 9, "Unexpected end of input"),
        ("const m = await 3 4;\nfunction f(m) { return m }", 1, 18, None),
        ("const s = `open\nfunction f(m) { return m }\n\n", 2, 26, None),
    ],
)
def test_a_syntax_error_is_shown_in_the_users_text_only(
    js: Host, source: str, line: int, column: int, message: str | None
) -> None:
    failure = js.load(source, module={"place": {"cell": 9, "line": 1}})["failure"]
    assert (failure["cell"], failure["line"]) == (9, line + 1)
    said = f"SyntaxError: {message}" if message else failure["message"]
    text = source.split("\n")[line - 1]
    assert failure["trace"] == f"Cell In[9], line {line + 1}\n    {text}\n    {' ' * column}^\n{said}"


@pytest.mark.parametrize(
    "thrown",
    [
        "'text'",
        "5",
        "null",
        "undefined",
        "{ code: 7 }",
        "Symbol('x')",
        "Object.create(null)",
        "new Proxy({}, { get() { throw 1 }, getPrototypeOf() { throw 2 } })",
        "Object.defineProperty(new Error('x'), 'stack', { get() { throw 1 } })",
    ],
)
def test_whatever_is_thrown_is_a_failure(js: Host, thrown: str) -> None:
    result = run(js, f"export default (m) => {{ throw {thrown} }}")
    assert result.failure is not None
    assert result.failure["failure"]["message"]
    assert outputs(js, "export default (m) => m") == [1]


def test_causes_are_part_of_the_trace(js: Host) -> None:
    result = run(js, "export default (m) => {\n  throw new Error('outer', { cause: new RangeError('inner') })\n}")
    assert result.failure is not None
    assert "Caused by: RangeError: inner" in result.failure["failure"]["trace"]


@pytest.mark.parametrize(
    "leave", ["process.exit(3)", "process.abort()", "process.reallyExit(1)", "process.chdir('/')", "process.kill(process.pid)"]
)
def test_leaving_the_process_is_a_failure(js: Host, leave: str) -> None:
    result = run(js, f"export default (m) => {{ {leave} }}")
    assert result.failure is not None
    assert "process." in result.failure["failure"]["message"]
    assert outputs(js, "export default (m) => m") == [1]


def test_a_broken_promise_that_nobody_awaits_is_told_to_its_slot(js: Host) -> None:
    assert js.load("export default (m) => { Promise.reject(new Error('forgotten')) }", slot=2)["t"] == "loaded"
    js.call(b"[1]", 1, slot=2)
    assert js.collect().failure is None
    log, _ = js.next("log", logs=True)
    assert log["slot"] == 2
    assert log["stream"] == "stderr"
    assert "forgotten" in log["text"]


def test_a_timer_that_throws_fails_the_message_that_waits(js: Host) -> None:
    result = run(js, "export default (m) => new Promise(() => setTimeout(() => { throw new Error('in a timer') }, 5))")
    assert result.failure is not None
    assert "in a timer" in result.failure["failure"]["message"]


def test_output_goes_to_the_slot_that_made_it_even_later(js: Host) -> None:
    source = "export default async (m) => { await new Promise((r) => setTimeout(r, m)); console.error('of', m) }"
    for slot in (1, 2):
        assert js.load(source, slot=slot)["t"] == "loaded"
    for slot, wait in ((1, 500), (2, 10)):
        js.call(str([wait]).encode(), 1, slot=slot, number=slot)
    js.collect(2)
    js.collect(1)
    assert [(log["slot"], log["stream"], log["text"]) for log in js.logs] == [(2, "stderr", "of 10\n"), (1, "stderr", "of 500\n")]


def test_process_stdout_is_a_stream_of_the_slot(js: Host) -> None:
    run(js, "export default (m) => { process.stdout.write('a'); process.stdout.write(Buffer.from('b\\n')); console.table([1]) }")
    assert "".join(log["text"] for log in js.logs).startswith("ab\n┌")


def test_half_characters_in_prints_and_errors_do_not_break_the_frame(js: Host) -> None:
    result = run(js, r"export default (m) => { console.log('\ud83d!'); throw new Error('\udc00 \\ud800 \ud83d\ude00') }")
    assert result.failure is not None
    assert result.failure["failure"]["message"] == "Error: \ufffd \\ud800 \U0001f600"
    assert js.logs[0]["text"] == "\ufffd!\n"


def test_emitting_after_the_end_is_a_mistake_that_is_told(js: Host) -> None:
    run(js, "export default (m, ctx) => { setTimeout(() => ctx.emit('out', 1), 5) }")
    log, _ = js.next("log", logs=True)
    assert "await" in log["text"]
    assert log["stream"] == "stderr"


def test_awaiting_emit_waits_while_the_flow_is_full(js: Host) -> None:
    source = "export default async (m, ctx) => { for (let i = 0; i < m; i++) await ctx.emit('out', i); console.log('through') }"
    assert js.load(source)["t"] == "loaded"
    js.call(b"[700]", 1)
    head, _ = js.next("returned")
    while head["emitted"] < 512:
        head, _ = js.next("returned")
    assert head["emitted"] == 512
    assert js.quiet(0.1)
    assert js.logs == []
    js.send({"t": "more", "call": 1})
    assert js.collect().consumed == 1


@pytest.mark.slow
def test_collecting_too_much_without_waiting_is_refused_with_the_cure(js: Host) -> None:
    result = run(js, "export default (m, ctx) => { for (;;) ctx.emit('out', 'x'.repeat(1000)) }")
    assert result.failure is not None
    assert result.failure["failure"]["kind"] == "value"
    assert "await ctx.emit" in result.failure["failure"]["message"]


def test_a_plain_function_that_gives_a_promise_behind_a_route_is_told_what_to_write(js: Host) -> None:
    js.load("export default (m) => m", slot=1)
    head = js.load("const make = globalThis['Prom' + 'ise']\nexport default (m) => make.resolve(m)", slot=2)
    assert head.get("fusable") is True
    js.send({"t": "route", "slot": 1, "routes": {"out": [["a>b", 2, "in"]]}})
    js.next("routed")
    js.call(b"[1,2]", 2)
    result = js.collect()
    assert result.failure is not None
    assert "async function" in result.failure["failure"]["message"]
    assert result.left == {"a>b": [1, 2]}


@pytest.mark.parametrize(
    "source",
    [
        "export default (m) => fetch(m)",
        "import got from 'old'\nexport default (m) => got(m)",
        "export default (m) => Promise.resolve(m)",
        "const g = async () => 1\nexport default (m) => g()",
    ],
)
def test_functions_that_may_give_promises_are_not_fusable(js: Host, source: str) -> None:
    assert "fusable" not in js.load(source)


@pytest.mark.parametrize(
    ("source", "follows"),
    [
        ("export default (m) => m", True),
        ("export default function* (m) { yield m }", True),
        ("export default async (m) => m", None),
    ],
)
def test_local_routes_may_begin_at_functions_and_generators(js: Host, source: str, follows: bool | None) -> None:
    assert js.load(source).get("follows") is follows


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("module.exports = (msg) => msg", "export default function"),
        ("exports.f = (msg) => msg", "export default function"),
        ("export default function f(msg: number): string {\n  return msg\n}", "TypeScript"),
        ("interface Row { a: string }\nexport default function f(msg) { return msg }", "TypeScript"),
    ],
)
def test_A22_another_kind_of_source_gets_its_hint(tmp_path: Path, source: str, says: str) -> None:
    with Host("js", tmp_path) as host:
        head = host.load(source)
        assert head["t"] == "refused"
        assert says in head["failure"]["message"]


@pytest.mark.parametrize("unloaded", [False, True])
@pytest.mark.parametrize(
    "later", ["setTimeout(() => { %s }, 50)", "Promise.resolve().then(() => { %s })", "queueMicrotask(() => { %s })"]
)
def test_A21_a_fault_after_its_message_names_module_cell_and_line(tmp_path: Path, later: str, unloaded: bool) -> None:
    with Host("js", tmp_path) as host:
        host.load(
            f"\nexport default function (msg) {{\n  {later % 'throw new Error(`late`)'}\n  return msg\n}}",
            module={"name": "maker", "place": {"cell": 5, "line": 1}},
        )
        host.call(b"[1]", 1)
        assert host.collect().outputs == {"1.out": [1]}
        if unloaded:
            host.send({"t": "unload", "slot": 1})
        log = host.logs.pop(0) if host.logs else host.next("log")[0]
        assert log["text"].startswith("Error of module maker (Cell In[5], line 4), which fails no message:\nError: late")
        assert "floe-unit" not in log["text"]


def test_E4_each_value_of_a_generator_that_blocks_leaves_at_once(tmp_path: Path) -> None:
    with Host("js", tmp_path) as host:
        host.load(
            "const cell = new Int32Array(new SharedArrayBuffer(4))\nexport default function* f(msg) {\n  for (let i = 0; i < 4; i += 1) {\n"
            "    yield i\n    Atomics.wait(cell, 0, 0, 400)\n  }\n}"
        )
        host.call(b"[1]", 1)
        times = []
        while len(times) < 4:
            head, _ = host.next("returned")
            times += [time.monotonic()] * sum(output["batch"]["n"] for output in head.get("outputs", []))
        host.collect()
        gaps = [after - before for before, after in itertools.pairwise(times)]
        assert min(gaps) > 0.2, gaps
