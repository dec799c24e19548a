"""Relay between home runners and outposts: passes on what they say to each other about runtimes, without looking into frames.

The frames of `RuntimeInput` and `RuntimeOutput` name segments of shared memory only between runners that have the same memory;
the two ends find that out (`StartRuntime.memory`, `RuntimeReady.same_memory`). Each end bounds what is under way on a channel
(`CHANNEL_WINDOW`), and with it what a link keeps here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from floe_jupyter.dispatcher.runners.proxy import RunnerProxy
from floe_jupyter.errors import EnvironmentFailed, UnknownName
from floe_jupyter.wire.process_context import ProcessContext
from floe_jupyter.wire.runner_messages import (
    TO_HOME,
    EndRuntime,
    KillRuntime,
    RuntimeEnded,
    RuntimeReady,
    StartRuntime,
)

FindOutpost = Callable[[RunnerProxy, str, ProcessContext], tuple[RunnerProxy, ProcessContext]]
"""Finds the runner of a URL for a home runner, and the context in which modules run there; started if missing. Raises
EnvironmentFailed and UnknownName.
"""


class RuntimeChannel(NamedTuple):
    """The two runners of a runtime."""

    home: RunnerProxy
    outpost: RunnerProxy


class Relay:
    """Channels between runners, by name."""

    def __init__(self, find: FindOutpost) -> None:
        self._find = find
        self._channels: dict[str, RuntimeChannel] = {}

    def pass_on(self, sender: RunnerProxy, message: Any) -> None:
        """Pass a message on to the other runner of its channel; a runner may speak only about its own channels."""
        kind = type(message)
        if kind is StartRuntime:
            self._start(sender, message)
            return
        channel = self._channels.get(message.channel)
        if channel is None:
            return  # one side has ended the channel already
        to_home = kind in TO_HOME
        if sender is not (channel.outpost if to_home else channel.home):
            sender.refused += 1
            return
        if kind is RuntimeReady:
            channel.outpost.useful = True
        if kind is RuntimeEnded or kind is EndRuntime:
            del self._channels[message.channel]
        (channel.home if to_home else channel.outpost).send(message)

    def outposts_of(self, home: RunnerProxy) -> list[RunnerProxy]:
        """Return the outposts with runtimes of a home runner."""
        return list(dict.fromkeys(channel.outpost for channel in self._channels.values() if channel.home is home))

    def ended(self, runner: RunnerProxy, cause: str) -> None:
        """End the channels of a runner that has ended: outposts kill the runtimes, and homes load them again."""
        for name, channel in list(self._channels.items()):
            if channel.home is runner:
                del self._channels[name]
                channel.outpost.send(KillRuntime(name, f"its home, {runner.name}, ended", at_once=True))
            elif channel.outpost is runner:
                del self._channels[name]
                channel.home.send(RuntimeEnded(name, f"{runner.name} ended: {cause}", outside=True))

    def _start(self, home: RunnerProxy, message: StartRuntime) -> None:
        if message.channel in self._channels:
            home.refused += 1
            return
        try:
            outpost, context = self._find(home, message.runner, message.context)
        except (EnvironmentFailed, UnknownName) as error:
            home.send(RuntimeEnded(message.channel, str(error), refused=True))
            return
        self._channels[message.channel] = RuntimeChannel(home, outpost)
        outpost.send(msgspec.structs.replace(message, context=context))
