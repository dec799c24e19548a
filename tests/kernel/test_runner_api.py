"""The documentation of the Runner API, against the calls that exist."""

from __future__ import annotations

import re
from pathlib import Path

from floe_jupyter.client.runner_api import CALLS as PYTHON_CALLS
from floe_jupyter.client.session import Session
from floe_jupyter.runner.api import calls

README = Path(calls.__file__).with_name("README.md").read_text("utf-8")


def test_the_documented_example_runs_as_it_is(session: Session) -> None:
    [example] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(example, "README.md", "exec"), {})


def test_every_call_is_documented_with_its_arguments_and_its_name_in_python() -> None:
    def signature(name: str) -> str:
        struct, _ = calls.CALLS[name]
        fields = struct.__struct_fields__
        needed = len(fields) - len(struct.__struct_defaults__)
        return ", ".join(field if i < needed else f"{field}?" for i, field in enumerate(fields))

    documented = re.findall(r"^\| `(\w+)\((.*?)\)` \| `(\w+)` \| (.+) \|$", README, re.MULTILINE)
    python = {wire: name for name, (wire, _) in PYTHON_CALLS.items()}
    assert [row[:3] for row in documented] == [(name, signature(name), python[name]) for name in calls.CALLS]
