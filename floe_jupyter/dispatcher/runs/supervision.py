"""Supervision of runners: of silent, lost and no longer needed runners."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from floe_jupyter.core.machine.commands import Notice
from floe_jupyter.core.machine.events import Failure, Status
from floe_jupyter.dispatcher.publish import Publisher
from floe_jupyter.dispatcher.runners.proxy import RunnerProxy
from floe_jupyter.dispatcher.runners.runners import Runners
from floe_jupyter.dispatcher.runners.watchdog import BEAT, END_AFTER
from floe_jupyter.dispatcher.runs.instances import KnownInstance, KnownRun
from floe_jupyter.errors import FloeError, PeerGone
from floe_jupyter.wire.control import topics
from floe_jupyter.wire.transport.loop import Loop


class Supervised(Protocol):
    """Instances and runs of the dispatcher, as far as the fate of runners concerns them."""

    loop: Loop
    publisher: Publisher
    runners: Runners
    living: dict[str, dict[str, KnownInstance]]
    changed: Callable[[], None]

    def alive(self) -> list[KnownInstance]:
        """Return the instances whose machines exist."""

    def at_work(self) -> list[KnownInstance]:
        """Return the instances that are up or have a run under way."""

    def mark_ended(self, instance: KnownInstance) -> None:
        """Take note that a machine is gone."""

    def let_go(self, instance: KnownInstance, error: FloeError) -> None:
        """Answer every call that waits for an instance."""

    def set_status(self, run: KnownRun, status: Status, waits_for: str = "") -> None:
        """Set the status of a run that is not over."""

    def end_run(self, run: KnownRun, status: Status, failures: tuple[Failure, ...] = ()) -> None:
        """End a run."""


class Supervisor:
    """Supervisor of the runners: decides on silent, lost and unneeded runners, and on calls and runs waiting for a runner."""

    def __init__(self, hub: Supervised) -> None:
        self._hub = hub
        self._watching = False

    def silence(self, runner: RunnerProxy) -> None:
        """Report that a runner does not answer, or answers again, to waiting calls, runs and subscribers."""
        self._tell(runner, runner.status)
        for instance in [i for i in self._hub.alive() if runner in self._runners_of(i)]:
            if runner.watchdog.silent and instance.runner is runner:
                tokens, instance.tokens = instance.tokens, {}
                error = runner.no_answer()
                for answered in tokens.values():
                    answered(None, (error.kind, str(error)))
            for run in instance.runs.values():
                self._hub.set_status(run, run.status, str(runner.no_answer()) if runner.watchdog.silent else "")

    def end_if_silent(self, runner: RunnerProxy, why: str, wanted: Callable[[], bool], within: float = END_AFTER) -> None:
        """End the runner if silent when a request is due, in *within* seconds, or later while the request is still *wanted*."""

        def due() -> None:
            if not wanted():
                return
            if runner.watchdog.silent:
                runner.kill(f"it did not answer for {runner.watchdog.silence:.0f} s, and {why}")
            else:
                self._hub.loop.after(BEAT, due)

        self._hub.loop.after(within, due)

    def watch(self) -> None:
        """Probe all runners with work, as long as any work runs."""
        if not self._watching:
            self._watching = True
            self._hub.loop.after(BEAT, self._probe)

    def _probe(self) -> None:
        self._watching = False
        used = {id(runner): runner for instance in self._hub.at_work() for runner in self._runners_of(instance)}
        for runner in used.values():
            runner.probe()
        if used:
            self.watch()

    def _runners_of(self, instance: KnownInstance) -> list[RunnerProxy]:
        """Return the home runner of an instance, and the outposts of the home runner."""
        return [instance.runner, *self._hub.runners.relay.outposts_of(instance.runner)]

    def _tell(self, runner: RunnerProxy, status: str) -> None:
        self._hub.publisher.publish(f"{topics.RUNNER}{runner.url}", {"url": runner.url, "pid": runner.pid, "status": status})

    def lost(self, runner: RunnerProxy, cause: str) -> None:
        """Handle the unexpected end of a runner: its runs have failed, visibly."""
        gone = f"{runner.name} ended: {cause}"
        self._tell(runner, "ended")
        for instance in [i for i in self._hub.alive() if i.runner is runner]:
            self._hub.mark_ended(instance)
            for run in list(instance.runs.values()):
                if run.cancelling:
                    self._hub.end_run(run, "cancelled")
                    continue
                lost = f"of {run.fed} messages fed, those without a result are lost" if run.fed else "no message had been fed"
                self._hub.end_run(run, "failed", (Failure("", f"{gone}; {lost}: run it again", "crashed", run=run.counter),))
            self._hub.let_go(instance, PeerGone(gone))
            self._hub.publisher.publish(f"{topics.NOTICE}{instance.name}", Notice("lost", data={"cause": gone}))
        self._hub.changed()

    def release(self, needed: set[str]) -> None:
        """End the runners of all workspaces not in *needed*, except runners with instances kept for inspection, and their
        outposts.
        """
        for runner in self._hub.runners:
            if runner.workspace and runner.workspace not in needed:
                kept = self._hub.living.get(runner.workspace, {}).values()
                if not any(runner in self._runners_of(instance) for instance in kept):
                    self._hub.runners.release(runner)
