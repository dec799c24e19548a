"""Failures: policies of nodes, and the quarantine of suspected messages."""
