"""Topics of events that the dispatcher publishes, open to every attached client."""

from __future__ import annotations

TOPICS = {
    "view/": "View of an instance, at most 20 a second; the newest wins, old ones may be missing",
    "run/": "RunInfo whenever a run's status changes; the topic ends with its ref",
    "log/": "{node, stream, text}, bounded",
    "notice/": "Notice of an instance",
    "progress/": "{what, text, done}",
    "defined/": "{kind: module|flow, name, version, workspace, gone?: true}; the topic ends with the id of the workspace",
    "break/": "A breakpoint that was set or changed, or {id, flow, workspace, gone: true}; ends with the name of its flow",
    "problem/": "Why something that was accepted is not saved yet, as text for people",
    "runner/": "{url, pid, status: ready|ended}; the topic ends with the URL",
}
"""Topics of published events: MessagePack ``[topic, sequence, value]`` behind a first frame with the topic alone; sequences of
one topic strictly increase. A new subscriber of a view gets the newest view at once.
"""

HERE = "here/"
"""Prefix of probe topics: a subscription is answered by one event, which shows that earlier subscriptions are in effect."""
