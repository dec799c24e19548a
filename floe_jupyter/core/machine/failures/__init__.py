"""Failures: policies of nodes, crashes of runtimes, and the quarantine of suspected messages."""
