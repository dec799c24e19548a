"""Joins: the rules for when a join fires, without queues."""
