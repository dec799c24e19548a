"""Topics of events that the dispatcher publishes, open to every attached client: their names, what a subscription hears, and
which events may be left out for newer ones. `floe_jupyter.wire.generate` writes the same rules into `labextension/src/wire.ts`.
"""

from __future__ import annotations

from collections.abc import Iterator

VIEW, RUN, LOG, NOTICE, PROGRESS = "view/", "run/", "log/", "notice/", "progress/"
DEFINED, BREAK, PROBLEM, RUNNER = "defined/", "break/", "problem/", "runner/"

TOPICS = {
    VIEW: "View of an instance, at most 20 a second; the newest wins, old ones may be missing",
    RUN: "RunInfo whenever a run's status changes; the topic ends with its ref",
    LOG: "{node, stream, text}, bounded",
    NOTICE: "Notice of an instance",
    PROGRESS: "{what, text, done}",
    DEFINED: "{kind: module|flow, name, version, workspace, gone?: true}; the topic ends with the id of the workspace",
    BREAK: "A breakpoint that was set or changed, or {id, flow, workspace, gone: true}; ends with the name of its flow",
    PROBLEM: "Why something that was accepted is not saved yet, as text for people",
    RUNNER: "{url, pid, status: ready|ended}; the topic ends with the URL",
}
"""Topics of published events: MessagePack ``[topic, sequence, value]`` behind a first frame with the topic alone; sequences of
one topic strictly increase. A new subscriber of a view gets the newest view at once.
"""

THINNED = (VIEW, RUN)
"""Topics whose newest event replaces all earlier events of the same whole topic: a slow reader may get the newest alone.

Each event of these is the entire state of the one object that the topic ends with, so the end of a run is never replaced. All
other events are increments, and a page needs each: a line, a notice, a changed definition or breakpoint, one of several
preparations of an instance (`PROGRESS`), or one of several runners with the same URL (`RUNNER`).
"""

HERE = "here/"
"""Prefix of probe topics: a subscription is answered by one event, which shows that earlier subscriptions are in effect."""


def matches(subscription: str, topic: str) -> bool:
    """Return True if a subscription gets the events of *topic*: of this name or, if it ends with a slash, of all below.

    Whole names are compared, because the topic of run 1 is a prefix of the topic of run 10.
    """
    return topic == subscription or (subscription.endswith("/") and topic.startswith(subscription))


def subscriptions(topic: str) -> Iterator[str]:
    """Yield every subscription that `matches` *topic*: the topic itself, and its beginnings that end with a slash."""
    yield topic
    at = topic.find("/", 0, -1)
    while at >= 0:
        yield topic[: at + 1]
        at = topic.find("/", at + 1, len(topic) - 1)


def kind_of(topic: str) -> str:
    """Return the key of `TOPICS` that a topic or subscription belongs to; empty if there is none."""
    kind = topic[: topic.find("/") + 1]
    return kind if kind in TOPICS else ""
