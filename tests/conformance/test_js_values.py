"""JavaScript's own values: what becomes a tag, what is refused and how, and what memory it takes."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conformance.host import Gathered, Host, languages

pytestmark = pytest.mark.skipif("js" not in languages(), reason="another language is wanted")


@pytest.fixture
def js(tmp_path: Path) -> Iterator[Host]:
    with Host("js", tmp_path) as host:
        yield host


def gives(js: Host, expression: str, payload: str = "[0]", **batch: Any) -> Gathered:
    assert js.load(f"export default function (msg, ctx) {{ return {expression} }}")["t"] == "loaded"
    js.call(payload.encode(), 1, **batch)
    return js.collect()


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("NaN", '{"$floe":["float","nan"]}'),
        ("-Infinity", '{"$floe":["float","-inf"]}'),
        ("-0", "-0.0"),
        ("[0, -0, 0.1]", "[0,-0.0,0.1]"),
        ("2 ** 53", "9007199254740992.0"),
        ("-(2 ** 60)", "-1152921504606847000.0"),
        ("1e300", "1e+300"),
        ("9007199254740993n", "9007199254740993"),
        ("2n ** 64n", '{"$floe":["int","18446744073709551616"]}'),
        ("5n", "5"),
        ("new Date(0)", '{"$floe":["date","1970-01-01T00:00:00.000000+00:00"]}'),
        ("{ $floe: 1 }", '{"$floe":["escape",{"$floe":1}]}'),
        ("{ $floe: 1, more: 2 }", '{"$floe":1,"more":2}'),
        ("Object.assign(Object.create(null), { a: 1 })", '{"a":1}'),
        ('JSON.parse(\'{"__proto__": {"x": 1}}\')', '{"__proto__":{"x":1}}'),
        ("require('vm').runInNewContext('({ a: [1] })')", '{"a":[1]}'),
        ("'\\\\ud800'", '"\\\\ud800"'),
    ],
)
def test_this_value_has_this_text(js: Host, expression: str, text: str) -> None:
    result = gives(js, expression)
    assert result.failure is None, result.failure
    head, parts = result.frames[-1]
    assert parts[0].decode() == f"[{text}]"
    assert head["outputs"][0]["batch"].get("tagged", False) == ("$floe" in text)


@pytest.mark.parametrize(
    ("expression", "place", "cure"),
    [
        ("{ a: [1, { b: undefined }] }", "the value.a[1].b is undefined", "null"),
        ("[1, , 2]", "the value[1] is undefined", "null"),
        ("{ 'odd key': new Map() }", 'the value["odd key"] is of the type Map', "Object.fromEntries"),
        ("new Set([1])", "the type Set", "[...set]"),
        ("/x/", "the type RegExp", "source"),
        ("{ f() {} }", "the value.f is the function f", "returns"),
        ("Symbol('x')", "is a symbol", "description"),
        ("new (class Point { x = 1 })()", "the type Point", "{...value}"),
        ("new String('x')", "the type String", "plain object"),
        ("new Error('x')", "the type Error", "message"),
        ("(() => { const a = { b: [] }; a.b.push(a); return a })()", "the value.b[0] refers back", "cycles"),
        ("'a\\ud800'", "lone surrogate", "toWellFormed"),
        ("{ '\\ud800': 1 }", "lone surrogate", "toWellFormed"),
        ("new Date(NaN)", "invalid Date", "isNaN"),
        ("new Date(8.64e15)", "beyond the years", "text"),
        ("new DataView(new ArrayBuffer(8))", "the type DataView", "Uint8Array"),
        ("Object.assign(new Float64Array(3), { shape: [2, 2] })", "3 elements and the shape [2,2]", "shape"),
        ("Array.from({ length: 300 }).reduce((inner) => [inner], 1)", "more than 255 deep", "flatter"),
        ("'x'.repeat(17 * 1024 * 1024)", "the limit is 16777216", "Buffer"),
    ],
)
def test_this_value_is_refused_with_place_and_cure(js: Host, expression: str, place: str, cure: str) -> None:
    result = gives(js, expression)
    assert result.failure is not None, result.outputs
    failure = result.failure["failure"]
    assert failure["kind"] == "value"
    assert place in failure["message"]
    assert cure in failure["message"]


def test_prototypes_are_not_polluted(js: Host) -> None:
    payload = '[{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"n":12345678901234567890}]'
    result = gives(js, "[Object.keys(msg), ({}).polluted === undefined, typeof msg.n]", payload)
    assert result.outputs["1.out"] == [[["__proto__", "constructor", "n"], True, "bigint"]]


def test_integers_in_texts_and_fractions_stay_what_they_are(js: Host) -> None:
    long = "12345678901234567890"
    payload = f'[["{long}",0.12345678901234568,{long},{{"{long}":1}},"\\\\\\"{long}"]]'
    result = gives(js, "msg", payload)
    assert result.frames[-1][1][0].decode() == payload


def test_arrays_have_a_shape_and_stand_at_their_elements(js: Host) -> None:
    data = b"\x00" * 7 + b"\x00\x00\x00\x00\x00\x00\xf0?" * 2
    js.load("export default (msg) => [msg.shape ?? null, msg instanceof Float64Array, msg[1]]")
    js.send(
        {
            "t": "call",
            "call": 1,
            "slot": 1,
            "port": "in",
            "batch": {"n": 2, "tagged": True, "counts": [1, 1], "buffers": [{"size": 7}, {"size": 16}]},
        },
        [b'[{"$floe":["bytes",0]},{"$floe":["array",0,"<f8",[2,1]]}]', data[:7], data[7:]],
    )
    result = js.collect()
    assert result.outputs["1.out"][1] == [[2, 1], True, 1]


def test_large_buffers_go_by_segments_that_are_used_again(js: Host) -> None:
    js.load("export default (msg, ctx) => { const a = ctx.array([100, 1000], 'float64'); a[1] = msg; return a }")
    names = []
    for number in range(1, 4):
        js.call(f"[{number}]".encode(), 1, number=number)
        (buffer,) = js.collect(number).frames[-1][0]["outputs"][0]["batch"]["buffers"]
        assert buffer["size"] == 800_000
        assert (js.shared / buffer["segment"]).read_bytes()[8:15] == struct.pack("<d", number)[:7]
        names.append(buffer["segment"])
        js.send({"t": "free", "segments": [buffer["segment"]]})
    assert set(names) == {f"{js.name}-1"}
    js.send({"t": "free", "remove": names[:1]})
    js.send({"t": "exit"})
    assert js.exits() == 0
    assert list(js.shared.iterdir()) == []


def test_a_segment_is_read(js: Host) -> None:
    (js.shared / "floe-1-1").write_bytes(b"ab" * 50_000 + b"rest of an older one")
    js.load("export default (msg) => [msg.length, msg.subarray(0, 3).toString(), Buffer.isBuffer(msg)]")
    js.call(b'[{"$floe":["bytes",0]}]', 1, tagged=True, buffers=[{"size": 100_000, "segment": "floe-1-1"}], counts=[1])
    assert js.collect().outputs["1.out"] == [[100_000, "aba", True]]


@pytest.mark.parametrize("segment", ["floe-1-9", "../outside", "/etc/passwd", "a/b"])
def test_a_segment_that_is_not_there_fails_the_message(js: Host, segment: str) -> None:
    js.load("export default (msg) => msg.length")
    js.call(b'[{"$floe":["bytes",0]}]', 1, tagged=True, buffers=[{"size": 100_000, "segment": segment}], counts=[1])
    result = js.collect()
    assert result.failure is not None
    assert "cannot be read" in result.failure["failure"]["message"]


def test_a_state_refuses_what_json_cannot_say_where_it_is_put(js: Host) -> None:
    result = gives(js, "((ctx.state.map = new Map()), 1)")
    assert result.failure is not None
    assert "ctx.state.map is of the type Map" in result.failure["failure"]["message"]
    assert result.failure["failure"]["line"] == 1


def test_a_state_that_was_spoilt_inside_ends_the_call_and_is_as_before(js: Host) -> None:
    source = "export default (msg, ctx) => { ctx.state.list.push(msg || new Set()); return ctx.state.list.length }"
    js.load(source, state={"list": []})
    js.call(b"[1,2]", 2)
    assert js.collect().outputs["1.out"] == [1, 2]
    js.call(b"[0]", 1, number=2)
    result = js.collect(2)
    assert result.failure is not None
    assert "ctx.state.list[2] is of the type Set" in result.failure["failure"]["message"]
    assert result.states == {}
    js.call(b"[3]", 1, number=3, state={"list": [1, 2]})
    assert js.collect(3).outputs["1.out"] == [3]


def test_a_state_that_was_spoilt_behind_a_route_is_as_before(js: Host) -> None:
    js.load("export default (msg) => msg")
    js.load(
        "export default (msg, ctx) => { ctx.state.list.push(msg || new Set()); return ctx.state.list.length }",
        2,
        state={"list": []},
    )
    js.send({"t": "route", "slot": 1, "routes": {"out": [["a>b", 2, "in"]]}})
    js.next("routed")
    js.call(b"[1,2]", 2)
    assert js.collect().outputs["2.out"] == [1, 2]
    js.call(b"[0]", 1, number=2)
    assert "ctx.state.list[2] is of the type Set" in (js.collect(2).failure or {})["failure"]["message"]
    js.call(b"[3]", 1, 2, number=3)
    assert js.collect(3).outputs["2.out"] == [3]


def test_a_state_behaves_like_an_object(js: Host) -> None:
    source = (
        "export default (msg, ctx) => { const s = ctx.state;"
        " const seen = [Object.keys(s), 'a' in s, { ...s }, JSON.stringify(s)];"
        " ctx.state = { ...s, b: 2 }; delete s.a; Object.assign(s, { c: [3] }); return seen }"
    )
    js.load(source, state={"a": 1})
    js.call(b"[0]", 1)
    result = js.collect()
    assert result.outputs["1.out"] == [[["a"], True, {"a": 1}, '{"a":1}']]
    assert result.states == {"1": {"b": 2, "c": [3]}}
    assert result.unset == {"1": ["a"]}


@pytest.mark.slow
def test_a_thousand_hot_updates_leak_nothing(js: Host) -> None:
    process, memory = psutil.Process(js.process.pid), {}
    for number in range(1, 1202):
        table = f"let table = new Array(20000).fill({number})\n//" + "x" * 3000
        assert js.load(f"{table}\nexport default (msg) => msg + table[0]", slot=number)["t"] == "loaded"
        js.call(b"[1]", 1, slot=number, number=number)
        assert js.collect(number).outputs[f"{number}.out"] == [number + 1]
        js.send({"t": "unload", "slot": number})
        memory[number] = process.memory_info().rss
    growth = min(memory[n] for n in range(1101, 1202)) - min(memory[n] for n in range(101, 202))
    assert growth < 30 * 1024 * 1024, f"{growth / 1e6:.1f} MB more after a thousand versions"


def test_an_idle_runtime_takes_no_time(js: Host) -> None:
    js.load("export default (msg) => msg")
    js.call(json.dumps([1]).encode(), 1)
    js.collect()
    process = psutil.Process(js.process.pid)
    before = process.cpu_times()
    assert js.quiet(1.0)
    after = process.cpu_times()
    assert after.user + after.system - before.user - before.system <= 0.02


@pytest.mark.parametrize("on_error", ["fail", "skip"])
@pytest.mark.parametrize(
    ("bad", "says", "line"),
    [
        ("({ get a() { throw new Error('getter'); } })", "Error: getter", 2),
        ("new Proxy({}, { ownKeys() { throw new RangeError('trap'); } })", "RangeError: trap", 2),
        ("new Proxy({}, { getPrototypeOf() { throw new Error('proto'); } })", "Error: proto", 2),
        ("new Proxy({ a: 1 }, { get(t, k) { if (k === 'a') throw new Error('get'); return t[k]; } })", "Error: get", 2),
        ("(() => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy; })()", "TypeError", 0),
        ("[{ get [Symbol.toStringTag]() { throw new Error('tag'); }, m: new Map() }]", "type Map", 0),
        ("({ get then() { throw new Error('then'); } })", "Error: then", 2),
        ("({ toJSON() { throw new Error('json'); } })", "toJSON", 0),
        ("(() => { throw Proxy.revocable({}, {}).proxy; })()", "was thrown", 0),
        ("(() => { const { proxy, revoke } = Proxy.revocable([], {}); revoke(); throw proxy; })()", "was thrown", 0),
        ("(() => { throw new Proxy({}, { getPrototypeOf() { throw 1; } }); })()", "was thrown", 0),
    ],
)
@pytest.mark.parametrize(
    "shape",
    [
        "(msg) => msg === 2 ? BAD : msg",
        "(msg, ctx) => msg === 2 ? BAD : msg",
        "(msg, ctx) => { ctx.emit('out', msg === 2 ? BAD : msg); }",
        "function* (msg) { yield msg === 2 ? BAD : msg; }",
        "async (msg) => msg === 2 ? BAD : msg",
    ],
)
def test_A11_an_error_inside_conversion_is_one_failure_of_that_message(
    js: Host, bad: str, says: str, line: int, on_error: str, shape: str
) -> None:
    head = js.load(f"globalThis.kept ??= 0;\nexport default {shape.replace('BAD', bad)}", on_error=on_error)
    assert head["t"] == "loaded", head
    js.call(b"[1,2,3,4]", 4)
    result = js.collect()
    failures = [result.failure] if on_error == "fail" else result.skipped
    assert len(failures) == 1, failures
    failure = failures[0]["failure"]
    assert says in failure["message"]
    assert "delivery" not in failure["message"]
    assert failure["input"] == 2
    assert failure.get("line", 0) in (line, 2)
    assert result.outputs["1.out"] == ([1] if on_error == "fail" else [1, 3, 4])
