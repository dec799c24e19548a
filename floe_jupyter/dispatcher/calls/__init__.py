"""Calls of the control API: server and handlers."""
