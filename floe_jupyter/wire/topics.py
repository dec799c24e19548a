"""What the dispatcher publishes, and whoever is attached to it may subscribe to."""

from __future__ import annotations

TOPICS = {
    "view/": "View of an instance, at most 20 a second; the newest wins, old ones may be missing",
    "run/": "RunInfo whenever a run's status changes; the topic ends with its ref",
    "log/": "{node, stream, text}, bounded",
    "notice/": "Notice of an instance",
    "progress/": "{what, text, done}",
    "defined/": "{kind: module|flow, name, version}",
    "break/": "A breakpoint that was set or changed, or {id, flow, gone: true}; the topic ends with the name of its flow",
    "runner/": "{url, pid, status: ready|ended}; the topic ends with the URL",
}
"""What the dispatcher publishes: MessagePack ``[topic, sequence, value]`` behind a first frame that is the topic alone;
sequences of one topic strictly increase. Whoever subscribes to a view gets the newest at once."""

HERE = "here/"
"""A subscription to a topic of this kind is answered by one event of it: what was subscribed to before is in effect."""
