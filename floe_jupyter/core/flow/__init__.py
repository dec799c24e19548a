"""Definitions of flows: modules, nodes, wires and options, their checks, and questions about the graph."""
