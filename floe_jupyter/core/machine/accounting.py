"""Messages in flight, counted by run. A run that is over counts none."""

from __future__ import annotations

from typing import cast

from floe_jupyter.core.machine.state.instance import MachineState
from floe_jupyter.core.machine.state.tracked import of_wanted_runs
from floe_jupyter.core.messages import Batch


def account(instance: MachineState, batch: Batch, sign: int) -> None:
    """Add *sign* times the batch's messages to the messages in flight. Runs that are over do not count."""
    count_runs(instance, batch.run, batch.runs, batch.n, sign)


def count_runs(instance: MachineState, run: int, runs: tuple[int, ...] | None, n: int, sign: int) -> None:
    """Add *sign* times *n* messages of *run* to the messages in flight, or *sign* for each entry of *runs*."""
    inflight = instance.inflight
    if runs is None:
        if run in inflight:
            inflight[run] = count = inflight[run] + sign * n
            if not count:
                instance.settled.append(run)
    else:
        for number in runs:
            if number in inflight:
                inflight[number] = count = inflight[number] + sign
                if not count:
                    instance.settled.append(number)
    if instance.journal is not None:
        instance.journal.append(lambda: count_runs(instance, run, runs, n, -sign))


def alive(instance: MachineState, batch: Batch) -> Batch | None:
    """Return the messages of runs that are not over; None without any."""
    runs = instance.runs
    if batch.runs is None:
        return batch if batch.run in runs else None
    return cast("Batch | None", of_wanted_runs(batch, runs.__contains__))
