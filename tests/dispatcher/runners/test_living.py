"""The end of a run costs the same however many runs are over, and one look at each workspace where many are at work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from floe_jupyter.core.flow.model import Flow
from floe_jupyter.dispatcher.runs.instances import KnownInstance
from floe_jupyter.dispatcher.runs.names import Names


class Kept(dict[str, KnownInstance]):
    """Instances, those that are over among them; counts how often one is looked at."""

    looked = 0

    def values(self) -> Any:
        def counted() -> Iterator[KnownInstance]:
            for instance in super(Kept, self).values():
                self.looked += 1
                yield instance

        return counted()


def names(**workspaces: int) -> tuple[Names, list[Kept]]:
    """Workspaces with so many flows that are up, and 1,000 instances that are over."""
    made = Names()
    made.instances = Kept({f"over {n}": _instance() for n in range(1_000)})
    made.living = {
        workspace: Kept({f"{workspace} {n}": _instance() for n in range(count)}) for workspace, count in workspaces.items()
    }
    return made, [made.instances, *made.living.values()]  # type: ignore[list-item] # they are Kept


def _instance() -> KnownInstance:
    stub: Any = None
    instance = KnownInstance("", Flow("f", ()), (), stub, None, stub, stub)
    instance.up = True
    return instance


def test_what_is_over_is_not_looked_at() -> None:
    made, [over, *_] = names(a=3, b=2)
    assert len(made.alive()) == len(made.at_work()) == 5
    assert over.looked == 0


def test_workspaces_at_work_are_known_after_one_look_at_each() -> None:
    made, kept = names(a=500, b=500)
    assert made.workspaces_at_work() == {"a", "b"}
    assert [dictionary.looked for dictionary in kept] == [0, 1, 1]


def test_a_workspace_of_which_only_something_stays_to_be_looked_at_is_not_at_work() -> None:
    made, _ = names(a=1, b=1)
    for instance in made.living["a"].values():
        instance.up = False
    assert made.workspaces_at_work() == {"b"}
