"""Whatever stands in names, messages, logs, errors and saved states is shown as text, in a real browser, without Jupyter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.component import CO2, INSTANCE, DebugView, Demo, encoded, sound
from tests.browser.pieces import lively


def test_a_saved_state_is_shown_and_says_that_it_is_not_live(debug_view: DebugView, pictures: Path) -> None:
    debug_view.mount(CO2, live=False, view=lively(CO2)["view"])
    page = debug_view.page
    expect(page.locator('[data-node="mean"]')).to_have_attribute("data-status", "failed")
    expect(page.locator(".floe-notice")).to_contain_text("Not live")
    page.locator('[data-node="parse"] .box').click()
    expect(page.locator(".floe-inspector h3")).to_contain_text("parse")
    for button in page.locator(".floe-bench button:not([data-zoom], [data-tab], .floe-tools *, .floe-find *)").all():
        assert button.is_disabled(), button.get_attribute("data-cmd")
    page.screenshot(path=pictures / "saved.png")
    sound(debug_view)


PAYLOADS = [
    "<script>__canary++</script>",
    "<script src=//127.0.0.1/x.js></script>",
    "</script><script>__canary++</script>",
    "<img src=x onerror=__canary++>",
    "<img src=x onerror='__canary++'>",
    '"><img src=x onerror=__canary++>',
    "'><img src=x onerror=__canary++>",
    "<svg onload=__canary++>",
    "<svg><script>__canary++</script></svg>",
    "<svg/onload=__canary++//",
    "<svg><animate onbegin=__canary++ attributeName=x dur=1s>",
    "<body onload=__canary++>",
    "<iframe srcdoc='<script>parent.__canary++</script>'></iframe>",
    "<iframe src=javascript:parent.__canary++></iframe>",
    "javascript:__canary++",
    "JaVaScRiPt:__canary++",
    "java\tscript:__canary++",
    "data:text/html,<script>parent.__canary++</script>",
    "<a href=javascript:__canary++>x</a>",
    "<math><mtext></mtext><script>__canary++</script></math>",
    "<details open ontoggle=__canary++>",
    "<input autofocus onfocus=__canary++>",
    "<video><source onerror=__canary++></video>",
    "<audio src=x onerror=__canary++>",
    "<object data=javascript:__canary++></object>",
    "<embed src=javascript:__canary++>",
    "<form action=javascript:__canary++><button>x</button></form>",
    "<style>@import 'javascript:__canary++';</style>",
    "<style>*{background:url(javascript:__canary++)}</style>",
    "</style><script>__canary++</script>",
    "red;background:url(javascript:__canary++)",
    "expression(__canary++)",
    "'}</style><img src=x onerror=__canary++>",
    "${__canary++}",
    "`${__canary++}`",
    "{{constructor.constructor('__canary++')()}}",
    "<%= __canary++ %>",
    "#{__canary++}",
    "]]><script>__canary++</script>",
    "<!--<img src=x onerror=__canary++>-->",
    "--><script>__canary++</script>",
    "\\u003cscript\\u003e__canary++\\u003c/script\\u003e",
    "\u202e<script>__canary++</script>",
    "\ufeff<script>__canary++</script>",
    "\uff1cscript\uff1e__canary++\uff1c/script\uff1e",
    "<scr\u0000ipt>__canary++</scr\u0000ipt>",
    "<\u017fcript>__canary++</\u017fcript>",
    "&lt;script&gt;__canary++&lt;/script&gt;",
    "&#60;img src=x onerror=__canary++&#62;",
    "url(#x);}</style><svg onload=__canary++>",
    "__proto__",
    "constructor",
    "\"' onmouseover=__canary++ x='",
    "') ; __canary++ ; ('",
]


def hostile(payload: str) -> tuple[Demo, dict[str, Any], dict[str, Any]]:
    """A flow, a world and a saved view with the payload wherever a text can stand."""
    demo = Demo([], {"second": payload}, [payload, "second"])
    demo.wires = [{"source": payload, "source_port": payload, "target": "second", "target_port": payload}]
    demo.names = [f"{payload}.{payload}>second.{payload}"]
    failure = {"node": payload, "message": payload, "trace": payload, "kind": payload, "cell": 1, "line": 1}
    value = json.loads(
        json.dumps(
            {
                payload: [payload, {payload: payload}],
                "rows": [{payload: payload}, {payload: payload}],
                "tag": {"$floe": [payload, payload]},
            }
        )
    )
    view = demo.view(
        {
            name: {
                "status": payload if name == "second" else "held",
                "error": payload,
                "failed": 1,
                "held": 1,
                "runtime": payload,
                "lang": payload,
            }
            for name in demo.ids
        },
        5,
        held=2,
        recorded=1,
    )
    held = [
        {
            "id": payload,
            "node": name,
            "port": payload,
            "run": 1,
            "reason": payload,
            "side": side,
            "value": value,
            "failure": failure,
        }
        for name in demo.ids
        for side in ("in", "out")
    ]
    steps = [
        {
            "seq": 1,
            "node": payload,
            "lane": 0,
            "run": 1,
            "id": payload,
            "port": payload,
            "version": 1,
            "input": encoded(value),
            "outputs": [[payload, encoded(value)]],
            "before": value,
            "after": value,
            "failure": failure,
            "group": 1,
        }
    ]
    breaks = [
        {
            "id": payload,
            "node": payload,
            "side": "in",
            "port": payload,
            "when": payload,
            "hits": 0,
            "log": payload,
            "enabled": True,
            "count": 1,
        }
    ]
    world = demo.world(
        view=view,
        held=held,
        steps=steps,
        breaks=breaks,
        logs=[{"node": payload, "stream": payload, "text": payload, "time": 1.0}],
        info={"ref": INSTANCE, "instance": INSTANCE, "flow": "demo", "version": 1, "status": "held", "failures": [failure]},
    )
    return demo, world, view


@pytest.mark.parametrize("live", [True, False], ids=["live", "saved"])
def test_no_payload_in_any_text_runs_a_script(debug_view: DebugView, live: bool, complaints: Any) -> None:
    page = debug_view.page
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    assert len(PAYLOADS) >= 50
    for payload in PAYLOADS:
        demo, world, view = hostile(payload)
        debug_view.mount(demo, world, live=live, view=view, height=700)
        page.evaluate(
            """async payload => {
            const click = e => e?.dispatchEvent(new MouseEvent('click', { bubbles: true }));
            const settled = () => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
            window.publish?.(`progress/`, { what: payload, text: payload, done: false });
            for (const node of document.querySelectorAll('[data-node]')) { click(node); await settled(); document.querySelectorAll('details').forEach(d => { d.open = true; }); await settled(); }
            for (const tab of document.querySelectorAll('[data-tab]')) { click(tab); await settled(); }
            click(document.querySelector('[data-cmd=walk-back]'));
            await settled();
        }""",
            payload,
        )
        made = page.evaluate("""() => [...document.querySelectorAll('.floe-bench :is(script, iframe, object, embed, link, base, style, video, audio, form, a, math, animate)')].map(e => e.outerHTML)
            .concat([...document.querySelectorAll('.floe-bench *')].flatMap(e => [...e.attributes].filter(a => a.name.startsWith('on')).map(a => `${e.tagName} ${a.name}`)))""")
        assert made == [], payload
    assert page.evaluate("[window.__canary, window.violations, {}.polluted ?? null]") == [0, [], None]
    assert dialogs == []
    assert complaints.unexpected() == []
