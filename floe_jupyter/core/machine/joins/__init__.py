"""Joins: the rules for when a join fires, and the tables of arrived messages."""
