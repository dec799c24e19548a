"""Versions: building an instance, updating its modules, and rewiring its flow in operation."""
