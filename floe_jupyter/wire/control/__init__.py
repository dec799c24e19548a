"""The control API: calls, their arguments and replies, and the topics that are published."""
