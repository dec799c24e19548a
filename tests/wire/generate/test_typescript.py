"""The TypeScript types are generated from the structs, never edited."""

from __future__ import annotations

from pathlib import Path

from floe_jupyter.wire.control.calls import CALLS
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
