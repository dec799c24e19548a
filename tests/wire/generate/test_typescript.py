"""The TypeScript types are generated from the structs, never edited."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from floe_jupyter.core.machine.outcome import Status
from floe_jupyter.core.run_life import is_over
from floe_jupyter.wire.control.calls import CALLS
from floe_jupyter.wire.control.topics import THINNED
from floe_jupyter.wire.generate.typescript import main, render

FILE = Path(__file__).parents[3] / "labextension" / "src" / "wire.ts"


def test_the_committed_types_are_those_of_the_structs() -> None:
    assert FILE.read_text() == render(), f"python -m floe_jupyter.wire.generate.typescript {FILE.relative_to(FILE.parents[3])}"


def test_every_call_has_its_arguments_and_its_answer() -> None:
    calls = render().partition("export interface Calls {")[2]
    for name in CALLS:
        assert f"  {name}: [{name}, " in calls


def test_writing_the_file_writes_what_is_rendered(tmp_path: Path) -> None:
    main(str(tmp_path / "wire.ts"))
    assert (tmp_path / "wire.ts").read_text() == render()


def test_pages_know_when_a_run_is_over_and_what_is_thinned_from_the_rules_in_python() -> None:
    over = re.search(r"OVER: ReadonlySet<string> = new Set\(\[(.*)\]\)", render())
    thinned = re.search(r"THINNED = \[(.*)\]", render())
    assert over is not None
    assert thinned is not None
    assert re.findall(r"'(.*?)'", over[1]) == [status for status in get_args(Status) if is_over(status)]
    assert tuple(re.findall(r"'(.*?)'", thinned[1])) == THINNED


def test_pages_have_no_statuses_of_their_own() -> None:
    statuses = re.compile(r"""\[\s*['"]done['"],\s*['"]failed['"]""")
    assert [path for path in FILE.parent.rglob("*.ts") if statuses.search(path.read_text())] == [FILE]
