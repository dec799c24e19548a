"""Runners: start, connection, supervision and end."""
