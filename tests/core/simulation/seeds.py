"""Seeds of the random tests: fixed seeds, the same each time, and new seeds never played before.

``FLOE_SEED=17`` plays that seed only. The new seeds begin at ``FLOE_FIRST_SEED``, by default taken from the clock, and are
reported at the end of the tests. ``FLOE_SEEDS=20000`` makes the simulator play more of both, and the comparisons more new ones.
"""

from __future__ import annotations

import os

import pytest

FIRST = int(os.environ.get("FLOE_FIRST_SEED", "0"))
SCALE = max(1, int(os.environ.get("FLOE_SEEDS", "2000")) // 2000)


def of(fixed: int, others: int) -> list[int]:
    """Return *fixed* fixed seeds, and *others* new seeds."""
    if "FLOE_SEED" in os.environ:
        return [int(os.environ["FLOE_SEED"])]
    return [*range(fixed), *range(FIRST, FIRST + others)]


def shared(seeds: list[int], parts: int) -> pytest.MarkDecorator:
    """Share the seeds among several tests: after a failure the others tell more, and no test takes long."""
    return pytest.mark.parametrize("seeds", [seeds[part::parts] for part in range(parts)], ids=range(parts))
