"""Definitions, instances and runs, with their history, results and records."""
