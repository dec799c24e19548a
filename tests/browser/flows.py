"""Flows that the tests here run, as cells."""

from __future__ import annotations

LOAD = "%load_ext floe_jupyter\nimport floe_jupyter as floe, os, time"
DOUBLE = "%%floe module double\ndef double(msg):\n    return {**msg, 'n': msg['n'] * 2}"
LABEL = "%%floe module label --lang js\nexport default function (msg) {\n  return {...msg, label: `number ${msg.n}`};\n}"
LAST = "%%floe module last\ndef last(msg):\n    return msg['label']"
CHAIN = "%%floe flow chain\ndouble -> label -> last"
DEFINE = [LOAD, DOUBLE, LABEL, LAST, CHAIN]
"""Cells 0 to 4: the flow ``chain`` of three nodes in two languages."""
IN, OUT = "double.out>label.in", "label.out>last.in"
"""Its wires."""
RUN = 'run = %floe run chain --input [{"n":n} for n in range(5)]'
