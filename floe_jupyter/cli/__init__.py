"""The command line: ``floe run FILE``, and the verbs of the notebook's magic for running flows.

Exit status: 0 done, 1 the flow failed or could not run, 2 the call was wrong, 130 interrupted.
"""

from __future__ import annotations


def main() -> None:
    """Run the console script."""
    from floe_jupyter.cli.commands import floe

    floe(prog_name="floe")


__all__ = ["main"]
